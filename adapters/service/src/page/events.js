// What happened, and what is known of what is gone.

import { get, Refused } from "./api.js";
import { h, link } from "./dom.js";
import { linkToProvider } from "./identity.js";
import { ago } from "./live.js";

const MOST_JOBS = 2;

/** A list of events, the newest first. */
export function eventList(events) {
  return h("ul", { class: "plain events" }, events.map((event) => h("li", null, h("span", { class: "when" }, ago(event.time)), " ", about(event), event.message)));
}

function about(event) {
  const jobs = event.jobs.slice(0, MOST_JOBS).flatMap((job, index) => [
    index > 0 && ", ",
    event.manager === "scrape" ? h("a", { href: link("/targets", { job }) }, job) : `alerting (${job})`,
  ]);
  const more = event.jobs.length - MOST_JOBS;
  if (more > 0) jobs.push(` and ${more} more`);
  if (event.provider) jobs.push(jobs.length > 0 && ", ", h("a", { href: linkToProvider(event.provider, event.manager) }, event.provider));
  return jobs.length > 0 ? [jobs, ": "] : null;
}

/** What is known of a host that is not there, of one job or of all; `null` if it is no host. */
export async function pastOf(host, job, signal) {
  try {
    return await get("events", { host, job, limit: 1 }, signal);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

/** That in words. */
export function drawPast({ events: [last], unlisted: [maybe], keptSince }) {
  if (last?.because) {
    return ["It was there until ", ago(last.time), `, found by ${last.provider}${last.source ? ` in ${last.source}` : ""}. It is gone because ${last.because}.`];
  }
  if (last) return ["The last that is known of it is from ", ago(last.time), `: ${last.message}.`];
  if (maybe) return ["It may be one of those that are not listed of what happened ", ago(maybe.time), `: ${maybe.message}.`];
  return ["It was not there since ", ago(keptSince), "; nothing before is known."];
}
