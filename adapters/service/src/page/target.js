// One target: what was discovered, what each rule made of it, what it is in the end, and why.

import { get, Refused } from "./api.js";
import { count, h, link, plural } from "./dom.js";
import { drawPast, pastOf } from "./events.js";
import { badge, health } from "./fates.js";
import { find, linkToProvider, nameOf } from "./identity.js";
import { ago, state } from "./live.js";
import { drawSteps } from "./steps.js";

const PAGE = 500;
const MOST_PAGES = 50;
const HEALTH_EVERY = 5000;
const SETTING = /^(job|__scheme__|__metrics_path__|__param_.*|__scrape_.*__|__always_scrape_.*__|__convert_.*__)$/;

export class TargetView {
  title = "Target";
  #redraw;
  #parameters = {};
  #target = null;
  #steps = null;
  #isGone = false;
  #past = null;
  #error = null;
  #running = null;
  #timer;

  constructor(redraw) {
    this.#redraw = redraw;
    this.#timer = setInterval(() => {
      if (!this.#running && document.visibilityState === "visible") this.#load();
    }, HEALTH_EVERY);
  }

  show(parameters) {
    this.#parameters = parameters;
    this.#target = this.#steps = this.#error = null;
    this.#isGone = false;
    this.#past = null;
    this.title = parameters.address ?? "Target";
    this.#load();
  }

  changed() {
    this.#load();
  }

  close() {
    clearInterval(this.#timer);
    this.#running?.abort();
    this.#redraw = () => {};
  }

  async #load() {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      const target = await this.#find(running.signal);
      const { address, job } = this.#parameters;
      this.#past = !target && address ? await pastOf(address, job, running.signal) : null;
      this.#isGone = !target;
      if (target) {
        const labels = JSON.stringify(target.discoveredLabels);
        const { steps } = await get("targets/relabel_steps", { scrapePool: target.scrapePool, labels }, running.signal);
        [this.#target, this.#steps] = [target, steps];
        this.title = nameOf(target);
      }
      this.#error = null;
    } catch (error) {
      if (running.signal.aborted) return;
      if (error instanceof Refused) this.#error = error.message;
    }
    this.#running = null;
    this.#redraw();
  }

  async #find(signal) {
    const { job, address } = this.#parameters;
    let next = null;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const data = await get("targets", { scrapePool: job, search: address, limit: PAGE, next_token: next }, signal);
      const targets = [data.activeTargets, data.droppedTargets, data.duplicateTargets, data.invalidTargets].flat();
      const found = find(targets, this.#parameters);
      next = data.nextToken;
      if (found || !next) return found;
    }
    return undefined;
  }

  draw() {
    const { job, address } = this.#parameters;
    const up = h("p", { key: "up", class: "up" }, h("a", { href: link("/targets", { job }) }, `← Targets of ${job}`));
    const gone = this.#isGone && h(
      "p",
      { key: "gone", class: "problems", role: "status" },
      state.pools && !state.pools.has(job) ? `There is no job ${job} any more. ` : `The target is not there${this.#target ? " any more; this is what it was" : ""}. `,
      this.#past && [drawPast(this.#past), " "],
      h("a", { href: link("/targets", { q: address }) }, "Look for its address in all jobs"),
      ", or ",
      h("a", { href: link("/history", { host: address, job }) }, "see what happened to it"),
      ".",
    );
    const error = this.#error && h("p", { key: "error", class: "problems" }, this.#error);
    const target = this.#target;
    if (!target) {
      const wait = !gone && !error && h("p", { key: "wait", class: "faint" }, "Asking headcount…");
      return [up, h("h1", { key: "h1" }, address || "Target"), gone, error, wait];
    }
    return [
      up,
      h("h1", { key: "h1" }, nameOf(target), " ", badge(target), " ", health(target)),
      gone,
      error,
      fate(target),
      h(
        "div",
        { key: "parts", class: this.#isGone ? "parts gone" : "parts" },
        h("section", { key: "facts", class: "wide" }, h("h2", null, "Where it comes from"), provenance(target), target.labels && [h("h2", null, "How it is scraped"), scrape(target)]),
        h("section", { key: "discovered" }, h("h2", null, "Discovered labels"), discovered(target.discoveredLabels)),
        h("section", { key: "steps" }, h("h2", null, "Relabelling"), h("p", null, h("a", { href: link("/relabel", { job: target.scrapePool }) }, "Try other rules")), drawSteps(target, this.#steps)),
        h("section", { key: "final" }, h("h2", null, "Final labels"), target.labels ? labelTable(Object.entries(target.labels)) : h("p", { class: "faint" }, finally_(target))),
      ),
    ];
  }
}

function finally_(target) {
  if (target.fate.state === "duplicate") return "The same as those of the target that is scraped for both.";
  return "None: it is not scraped.";
}

function fate(target) {
  const { fate: said, stale, held } = target;
  const parts = [];
  if (said.state === "dropped") {
    parts.push(h("p", null, "Dropped by rule ", h("b", null, `relabel_configs[${said.rule}]`), ` (${said.action}), which looked at `, h("q", { class: "value" }, said.value), "."));
  } else if (said.message) {
    parts.push(h("p", null, said.message));
  }
  if (said.of) {
    parts.push(h("p", null, "The other: ", h("a", { href: link("/targets", { job: target.scrapePool, q: said.of.address }) }, said.of.address), ` of ${said.of.source} (${said.of.provider}).`));
  }
  if (target.members) {
    const until = target.leavingMembers.length ? `; until it has begun, by ${target.leavingMembers.join(", ")} as well` : "";
    parts.push(h("p", null, "Scraped by ", h("b", null, target.members.join(", ") || "nobody: there are no members"), `${until}.`, target.weight ? ` It counts as ${target.weight}.` : ""));
  }
  for (const same of target.sameLabels ?? []) {
    parts.push(h("p", null, "Beware: ", h("a", { href: link("/targets", { job: target.scrapePool, q: same.address }) }, same.address), ` of ${same.source} (${same.provider}), scraped at `, h("q", { class: "value" }, same.scrapeUrl), ", has the same labels. The samples of both end in the same series."));
  }
  if (stale) {
    parts.push(h("p", null, "Stale: its provider fails since its last success, ", ago(stale.since, "which it never had"), ": ", h("span", { class: "error" }, stale.error)));
  }
  if (held) {
    parts.push(h("p", null, "Held: its provider lost it ", ago(held.since, "some time ago"), ", with too many others at once. It is kept until that stays so for the hold time, or is confirmed; ", h("a", { href: linkToProvider(target.provider) }, "the provider"), " says more."));
  }
  if (target.lastError) parts.push(h("p", null, "The last scrape failed: ", h("span", { class: "error" }, target.lastError)));
  if (parts.length === 0) return null;
  return h("div", { key: "fate", class: `fate ${said.state}` }, parts);
}

function provenance(target) {
  return facts([
    ["Job", h("a", { href: link("/targets", { job: target.scrapePool }) }, target.scrapePool)],
    ["Provider", h("a", { href: linkToProvider(target.provider) }, target.provider)],
    ["History", h("a", { href: link("/history", { host: target.discoveredLabels.__address__, job: target.scrapePool }) }, "what happened")],
    ["Group", h("a", { href: link("/targets", { job: target.scrapePool, q: target.source }) }, target.source)],
  ]);
}

function scrape(target) {
  // A scheme is a label's value too, and only these two are safe to follow.
  const isWeb = /^https?:\/\//.test(target.scrapeUrl);
  const url = isWeb ? h("a", { href: target.scrapeUrl, rel: "noreferrer", target: "_blank" }, target.scrapeUrl) : target.scrapeUrl;
  const list = [
    ["URL", url],
    ["Interval", `${target.scrapeInterval}, timeout ${target.scrapeTimeout}`],
  ];
  if (health(target)) {
    const at = Date.parse(target.lastScrape) / 1000;
    list.push(["Last scrape", [ago(at > 0 ? at : null), `, took ${(target.lastScrapeDuration * 1000).toFixed(1)} ms`]]);
    if (Number.isFinite(target.lastSamples)) list.push(["Answer", `${plural(target.lastSamples, "sample")} in ${plural(target.lastBodyBytes ?? 0, "byte")}`]);
  }
  return facts(list);
}

function facts(list) {
  return h("dl", { class: "facts" }, list.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
}

/** The labels of the job's settings stand apart: they are the same for nearly all of its targets. */
function discovered(labels) {
  const [settings, others] = [[], []];
  for (const label of Object.entries(labels)) (SETTING.test(label[0]) ? settings : others).push(label);
  return [
    labelTable(others),
    settings.length > 0 && h("details", null, h("summary", null, `and ${count(settings.length)} of the job's settings`), labelTable(settings)),
  ];
}

function labelTable(labels) {
  const rows = labels.map(([name, value]) =>
    h("tr", { key: name, class: name.startsWith("__") ? "hidden-label" : null }, h("th", { scope: "row" }, name), h("td", null, value)),
  );
  return h("table", { class: "label-table" }, h("tbody", null, rows));
}
