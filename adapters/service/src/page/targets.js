// Targets, of a job or of all, by fate, text and labels.
//
// The one rule: **what is asked, read and drawn does not grow with the fleet.** The daemon searches
// and gives a page at a time; what nobody waits for any more is called off.

import { get, Refused } from "./api.js";
import { count, h, link, plural } from "./dom.js";
import { drawPast, pastOf } from "./events.js";
import { all, badge, counts, FATES, health, total } from "./fates.js";
import { keysOf, linkTo, nameOf } from "./identity.js";
import { state } from "./live.js";

const PAGE = 100;
const MOST_ROWS = 2000;
const MOST_LABELS = 8;
/** Letters that are typed faster are asked for together. */
const DEBOUNCE = 50;
/** Longer waits are shown. */
const SLOW = 300;
/** The next page is loaded when its place is this near, in pixels. */
const AHEAD = 1200;
const HEALTH_EVERY = 5000;

/** States of which nobody knows how many there are without looking. */
const UNCOUNTED = ["down", "stale", "held", "same_labels"];

export class Targets {
  title = "Targets";
  #redraw;
  #parameters = null;
  /** The parameters that the targets below were asked for with. */
  #shown = null;
  #targets = null;
  #next = null;
  /** How many match, of those that were searched for. */
  #total = null;
  /** What is known of the host that is looked for, when nothing is found. */
  #past = null;
  #error = null;
  #isSlow = false;
  #running = null;
  #isOld = false;
  #isUnanswered = false;
  #debounce;
  #timer;
  #onScroll = () => this.#fill();

  constructor(redraw) {
    this.#redraw = redraw;
    addEventListener("scroll", this.#onScroll, { passive: true });
    this.#timer = setInterval(() => this.#refreshHealth(), HEALTH_EVERY);
  }

  show(parameters) {
    const before = this.#parameters;
    if (before && ["job", "state", "q"].every((name) => (before[name] ?? "") === (parameters[name] ?? ""))) return;
    this.#parameters = parameters;
    this.title = parameters.job ? `Targets of ${parameters.job}` : "Targets";
    // What was wrong with the last question is not with this one.
    if (this.#error) this.#error = this.#targets = null;
    clearTimeout(this.#debounce);
    const isTyping = before && (before.q ?? "") !== (parameters.q ?? "");
    this.#debounce = setTimeout(() => this.#load({ isNew: true }), isTyping ? DEBOUNCE : 0);
  }

  changed() {
    this.#redraw();
    if (this.#running) this.#isOld = true;
    else if (this.#targets) this.#load({});
  }

  close() {
    clearTimeout(this.#debounce);
    clearInterval(this.#timer);
    removeEventListener("scroll", this.#onScroll);
    this.#running?.abort();
    this.#redraw = () => {};
  }

  /** Whether scrapes and providers work changes without any change of the targets. */
  #refreshHealth() {
    if (this.#running || document.visibilityState !== "visible") return;
    if (this.#isUnanswered) this.#load({ isNew: true });
    else if (this.#targets && !this.#error && (!this.#next || this.#targets.some(isScraped))) this.#load({});
  }

  /** Loads the first page, the next one (`from`), or again what is shown. */
  async #load({ isNew, from }) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#isOld = false;
    const slow = setTimeout(() => {
      this.#isSlow = true;
      this.#redraw();
    }, SLOW);
    const asked = this.#parameters;
    try {
      const limit = isNew || from ? PAGE : Math.max(PAGE, this.#targets.length);
      const page = await get("targets", { ...this.#question(), sort: "name", limit, next_token: from }, running.signal);
      const targets = [page.activeTargets, page.droppedTargets, page.duplicateTargets, page.invalidTargets].flat();
      const host = asked.q?.trim() ?? "";
      const isNowhere = !from && targets.length === 0 && host && !host.startsWith("{") && !asked.state;
      if (isNew) this.#past = this.#total = null;
      this.#targets = from ? [...this.#targets, ...targets] : targets;
      this.#next = page.nextToken;
      this.#shown = asked;
      this.#error = null;
      this.#isUnanswered = false;
      if (isNew) scrollTo(0, 0);
      // What was found is shown before what takes longer: how many there are in all, or what was there.
      if (isNowhere) {
        this.#redraw();
        this.#past = await pastOf(host, asked.job, running.signal);
      } else if (!from && this.#next && (host || UNCOUNTED.includes(asked.state))) {
        this.#redraw();
        this.#total = (await get("targets", { ...this.#question(), limit: 1, total: "true" }, running.signal)).total ?? null;
      } else if (!from) {
        this.#past = this.#total = null;
      }
    } catch (error) {
      if (running.signal.aborted) return;
      if (error instanceof Refused) [this.#error, this.#targets, this.#next, this.#shown] = [error.message, [], null, asked];
      else this.#isUnanswered = true;
    } finally {
      clearTimeout(slow);
      if (this.#running === running) {
        this.#running = null;
        this.#isSlow = false;
        this.#redraw();
        if (this.#isOld && this.#targets) this.#load({});
        else setTimeout(this.#onScroll);
      }
    }
  }

  #question() {
    const { job, state: fate, q = "" } = this.#parameters;
    const text = q.trim();
    return { scrapePool: job, state: fate, ...(text.startsWith("{") ? { "match[]": text } : { search: text }) };
  }

  #fill() {
    const { scrollHeight } = document.documentElement;
    const isNear = scrollHeight - scrollY - innerHeight < AHEAD;
    if (isNear && this.#targets?.length < MOST_ROWS) this.#more();
  }

  #more() {
    if (this.#next && !this.#running && this.#shown === this.#parameters) this.#load({ from: this.#next });
  }

  draw() {
    const targets = this.#targets ?? [];
    const keys = keysOf(targets);
    const rows = targets.map((target, index) => row(target, keys[index], this.#shown.job));
    return [
      h("h1", { key: "h1" }, this.#parameters.job ? ["Targets of ", h("em", null, this.#parameters.job)] : "Targets"),
      this.#filters(),
      this.#parameters.job && h("p", { key: "try", class: "faint" }, h("a", { href: link("/relabel", { job: this.#parameters.job }) }, "Try other rules"), " on them."),
      h("p", { key: "said", class: this.#error ? "said error" : "said", role: "status" }, this.#said()),
      h("ul", { key: "rows", class: this.#isSlow ? "rows slow" : "rows", "aria-busy": this.#isSlow ? "true" : "false", "aria-label": "Targets" }, rows),
      this.#next &&
        h("p", { key: "more" }, targets.length < MOST_ROWS
          ? h("button", { type: "button", onclick: () => this.#more() }, "Show more")
          : `These are the first ${count(targets.length)}. Search to see others.`),
    ];
  }

  #filters() {
    const { job = "", state: chosen = "", q } = this.#parameters;
    const pools = state.pools ? [...state.pools.values()] : [];
    // How many match is not known before all are looked at, which nobody waits for.
    const numbers = q?.trim() ? null : this.#numbers(job);
    // Whether targets are there is known only where they are scraped.
    const isKnown = chosen === "down" || this.#targets?.some(isScraped);
    const chips = [{ name: "", word: "All" }, ...FATES.filter(({ name }) => name !== "down" || isKnown)].map(({ name, word, what }) => {
      const number = name ? numbers?.[name] : numbers && all(numbers);
      return h(
        "a",
        { key: name, class: `chip ${name}${number === 0 ? " none" : ""}`, href: link("/targets", { job, state: name, q }), title: what && `Targets that are ${what}`, "aria-current": name === chosen ? "true" : null },
        word,
        number !== undefined && number !== null && [" ", h("span", { class: "faint" }, count(number))],
      );
    });
    const options = pools.map(({ name }) => h("option", { key: name, value: name, selected: name === job }, name));
    const select = h(
      "select",
      { "aria-label": "Job", onchange: (event) => (location.hash = link("/targets", { ...this.#parameters, job: event.target.value })) },
      h("option", { key: "", value: "", selected: job === "" }, "All jobs"),
      job && state.pools && !state.pools.has(job) && h("option", { key: job, value: job, selected: true }, `${job} (not there)`),
      options,
    );
    return h("div", { key: "filters", class: "filters" }, h("nav", { class: "chips", "aria-label": "Fate" }, chips), select);
  }

  #numbers(job) {
    if (!state.pools) return null;
    if (!job) return total(state.pools.values());
    return state.pools.has(job) ? counts(state.pools.get(job)) : null;
  }

  #said() {
    if (this.#error) return this.#error;
    if (!this.#targets) return "Asking headcount…";
    // Until there is an answer to a new question, the old one's stands, with its own words.
    const { job, state: fate, q } = this.#shown;
    const number = this.#targets.length;
    const numbers = this.#numbers(job);
    const of = this.#total ?? (fate ? numbers?.[fate] : numbers && all(numbers));
    if (q?.trim()) {
      if (this.#next) return this.#total === null ? `The first ${plural(number, "target")} that match.` : `The first ${count(number)} of ${plural(this.#total, "target")} that match.`;
      if (number > 0) return `${plural(number, "target")} match${number === 1 ? "es" : ""}.`;
      const where = job || fate ? ["No such target here. ", h("a", { href: link("/targets", { q }) }, "Search everywhere")] : "No such target: nobody discovered it.";
      return this.#past ? [where, " ", drawPast(this.#past)] : where;
    }
    if (number === 0) return "There are none.";
    return this.#next && of ? `The first ${count(number)} of ${plural(of, "target")}.` : `${plural(number, "target")}.`;
  }
}

/** Whether the daemon scrapes it: then there is a number, be it 0. */
function isScraped(target) {
  return target.lastSamples !== undefined;
}

function row(target, key, job) {
  const name = nameOf(target);
  const given = target.labels ?? target.discoveredLabels;
  const labels = Object.entries(given).filter(([label, value]) => label !== "job" && !label.startsWith("__") && value !== name);
  const shown = labels.slice(0, MOST_LABELS).map(([label, value]) =>
    h("span", { class: "label" }, h("span", { class: "faint" }, `${label}=`), value),
  );
  if (labels.length > shown.length) shown.push(h("span", { class: "faint" }, `+${labels.length - shown.length}`));
  return h(
    "li",
    { key, class: job ? "row one-job" : "row" },
    h("span", { class: "badges" }, badge(target), health(target), target.stale && target.fate.state === "active" && h("span", { class: "badge stale", title: target.stale.error }, "Stale"), target.held && h("span", { class: "badge held", title: "Gone from its backend, and kept because too many went at once" }, "Held")),
    h("a", { class: "address", href: linkTo(target) }, name),
    !job && h("span", { class: "job" }, target.scrapePool),
    h("span", { class: "labels" }, shown),
    target.fate.message && h("span", { class: "reason" }, target.fate.message),
    target.lastError && h("span", { class: "reason error" }, target.lastError),
  );
}
