// What changes by itself: the daemon's state, and ages.
//
// The one rule: **asking whether something changed costs next to nothing**, for the daemon too: it
// compares a number. A page that nobody sees asks nothing, and none holds a connection open, of
// which a browser has few for all its tabs.

import { Refused, daemonNow, getUnless } from "./api.js";
import { h } from "./dom.js";

const EVERY = 2000;
const TICK = 1000;

/** The newest state of the jobs: `pools` by name, or `null` before the first answer. */
export const state = { pools: null, tag: null };

let wake = () => {};

/**
 * Watches the daemon. `changed` is called after each change, `checked` after each poll, with the
 * error if there was no answer.
 */
export async function watch({ changed, checked }) {
  document.addEventListener("visibilitychange", () => wake());
  for (;;) {
    if (document.visibilityState === "visible") {
      const error = await poll(changed);
      checked(error);
    }
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, EVERY);
    });
  }
}

async function poll(changed) {
  let news;
  try {
    news = await getUnless("scrape_pools", state.tag);
  } catch (error) {
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    return error;
  }
  if (news) {
    state.tag = news.tag;
    state.pools = new Map(news.data.pools.map((pool) => [pool.name, pool]));
    changed();
  }
  return null;
}

/** How long ago, for people. `seconds` may be anything that is not negative. */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** "12 s ago", counting up. `unix` is in seconds of the daemon's time; `null` gives `never`. */
export function ago(unix, never = "never") {
  if (unix === null || unix === undefined) return h("span", { class: "faint" }, never);
  const date = new Date(unix * 1000).toISOString();
  const text = `${age(daemonNow() / 1000 - unix)} ago`;
  return h("time", { datetime: date, title: date.replace("T", " ").replace("Z", " UTC"), "data-unix": unix }, text);
}

/** "in 9 min 20 s", as it is when it is drawn. `unix` is in seconds of the daemon's time. */
export function left(unix) {
  const date = new Date(unix * 1000).toISOString();
  const seconds = unix - daemonNow() / 1000;
  const text = seconds > 0 ? `in ${age(seconds)}` : "as soon as it works again";
  return h("time", { datetime: date, title: date.replace("T", " ").replace("Z", " UTC") }, text);
}

/** Lets all ages count up. */
export function countAges() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-unix]")) {
      const text = `${age(daemonNow() / 1000 - Number(element.dataset.unix))} ago`;
      if (element.firstChild.data !== text) element.firstChild.data = text;
    }
  }, TICK);
}
