// A place to try relabelling: other rules for a job, and what they would do to its targets.
//
// The one rule: **nothing changes**. What is typed is sent to be tried, its answer is drawn, and the YAML is there to be
// copied into the file where the job's rules stand.

import { ask, get, Refused } from "./api.js";
import { badge } from "./fates.js";
import { count, h, link, plural } from "./dom.js";
import { nameOf } from "./identity.js";
import { state } from "./live.js";
import { drawSteps } from "./steps.js";

/** Who types is waited for. */
const DEBOUNCE = 400;
const PAGE = 100;
const MOST_ROWS = 1000;
const EFFECTS = [
  { name: "started", word: "Would start", tone: "active" },
  { name: "stopped", word: "Would stop", tone: "invalid" },
  { name: "moved", word: "Elsewhere", tone: "over_limit" },
  { name: "relabelled", word: "Relabelled", tone: "duplicate" },
  { name: "other", word: "Other fate", tone: "waiting" },
  { name: "unchanged", word: "Unchanged", tone: "dropped" },
];
const COUNTS = [["active", "Active"], ["dropped", "Dropped"], ["duplicate", "Duplicate"], ["invalid", "Invalid"], ["overLimit", "Over limit"]];

export class Relabel {
  title = "Try relabelling";
  #redraw;
  #parameters = {};
  /** The job's own rules, and how often they were loaded: a field of its own for each time. */
  #own = null;
  #loads = 0;
  #yaml = "";
  #tried = null;
  #targets = [];
  #mistakes = [];
  #error = null;
  #said = "";
  #running = null;
  #debounce;
  /** Steps of targets, by their place. */
  #steps = new Map();

  constructor(redraw) {
    this.#redraw = redraw;
  }

  show(parameters) {
    const before = this.#parameters;
    this.#parameters = parameters;
    this.title = parameters.job ? `Try relabelling ${parameters.job}` : "Try relabelling";
    if (before.job !== parameters.job) this.#load();
    else if (before.effect !== parameters.effect && this.#own) this.#try();
  }

  changed() {
    this.#redraw();
  }

  close() {
    clearTimeout(this.#debounce);
    this.#running?.abort();
    this.#redraw = () => {};
  }

  /** Begins with the rules that the job has. */
  async #load() {
    const { job } = this.#parameters;
    this.#own = this.#tried = this.#error = null;
    this.#mistakes = [];
    this.#said = "";
    if (!job) return this.#redraw();
    try {
      const own = await get("relabel/rules", { scrapePool: job });
      if (job !== this.#parameters.job) return;
      this.#own = own;
      this.#loads += 1;
      this.#yaml = own.yaml;
      await this.#try();
    } catch (error) {
      this.#error = error.message;
    }
    this.#redraw();
  }

  async #try(offset = 0) {
    clearTimeout(this.#debounce);
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { job, effect } = this.#parameters;
    try {
      const tried = await ask("relabel/try", { scrapePool: job, effect, limit: PAGE, offset }, this.#yaml, running.signal);
      this.#targets = offset ? [...this.#targets, ...tried.targets] : tried.targets;
      if (!offset) this.#steps.clear();
      this.#tried = tried;
      this.#error = null;
      this.#mistakes = [];
    } catch (error) {
      if (running.signal.aborted) return;
      this.#mistakes = error instanceof Refused ? error.mistakes : [];
      this.#error = error instanceof Refused ? error.message : "No answer from headcount.";
    }
    this.#running = null;
    this.#redraw();
  }

  #typed(text) {
    this.#yaml = text;
    this.#said = "";
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => this.#try(), DEBOUNCE);
    this.#redraw();
  }

  async #copy() {
    this.#said = (await copied(this.#yaml)) ? "Copied." : "The browser did not let it be copied; it is selected.";
    this.#redraw();
  }

  async #explain(target, place) {
    try {
      const labels = JSON.stringify(target.discoveredLabels);
      const { steps } = await ask("relabel/try", { scrapePool: this.#parameters.job, labels }, this.#yaml);
      this.#steps.set(place, steps);
    } catch (error) {
      this.#error = error.message;
    }
    this.#redraw();
  }

  draw() {
    const { job = "" } = this.#parameters;
    const heading = h("h1", { key: "h1" }, job ? ["Try relabelling ", h("em", null, job)] : "Try relabelling");
    const names = state.pools ? [...state.pools.keys()] : [];
    const select = h(
      "p",
      { key: "job" },
      h("label", null, "Job ", h("select", { onchange: (event) => (location.hash = link("/relabel", { job: event.target.value })) },
        h("option", { key: "", value: "", selected: job === "" }, "choose one"),
        job && !names.includes(job) && h("option", { key: job, value: job, selected: true }, job),
        names.map((name) => h("option", { key: name, value: name, selected: name === job }, name)))),
      job && [" ", h("a", { href: link("/targets", { job }) }, "Its targets")],
    );
    if (!this.#own) return [heading, select, this.#error && h("p", { key: "error", class: "problems" }, this.#error)];
    return [heading, select, this.#editor(), this.#problems(), this.#result(), this.#list()];
  }

  #editor() {
    const { globalRules } = this.#own;
    return h(
      "section",
      { key: "editor", class: "editor" },
      h("p", { class: "faint", id: "rules-are" }, "The job's ", h("code", null, "relabel_configs"), ". Nothing that is typed here changes anything.",
        globalRules > 0 && ` ${plural(globalRules, "rule")} of all jobs stand in front of them.`),
      h("textarea", {
        key: `rules ${this.#loads}`, id: "rules", class: "rules", rows: "14", spellcheck: "false", autocomplete: "off",
        "aria-label": "Rules as YAML", "aria-describedby": "rules-are", "aria-invalid": this.#mistakes.length > 0 ? "true" : null,
        oninput: (event) => this.#typed(event.target.value),
      }, this.#own.yaml),
      h("p", { key: "deeds", class: "deeds" },
        h("button", { key: "copy", type: "button", class: "copy", onclick: () => this.#copy() }, "Copy the YAML"),
        " ",
        h("button", { key: "reset", type: "button", class: "reset", onclick: () => this.#load() }, "Begin again"),
        h("span", { key: "said", class: "faint", role: "status" }, ` ${this.#said}`)),
    );
  }

  #problems() {
    if (this.#mistakes.length > 0) {
      return h("div", { key: "mistakes", class: "problems mistakes", role: "alert" }, h("ul", null, this.#mistakes.map(mistake)));
    }
    if (this.#error) return h("p", { key: "error", class: "problems", role: "alert" }, this.#error);
    const warnings = this.#tried?.warnings ?? [];
    return warnings.length > 0 && h("div", { key: "warnings", class: "problems", role: "status" }, h("ul", null, warnings.map(mistake)));
  }

  #result() {
    const tried = this.#tried;
    if (!tried) return h("p", { key: "wait", class: "faint" }, "Trying…");
    const { job, effect = "" } = this.#parameters;
    const rows = COUNTS.filter(([name]) => tried.before[name] || tried.after[name] || name === "active").map(([name, word]) => {
      const difference = tried.after[name] - tried.before[name];
      const sign = difference > 0 ? `+${count(difference)}` : difference < 0 ? `−${count(-difference)}` : "";
      return h("tr", { key: name }, h("th", { scope: "row" }, word), h("td", { class: "n" }, count(tried.before[name])), h("td", { class: "n" }, count(tried.after[name])), h("td", { class: "n" }, sign));
    });
    const isOld = this.#running || this.#error;
    const chips = EFFECTS.map(({ name, word, tone }) =>
      h("a", { key: name, class: `chip ${tone}${tried.effects[name] === 0 ? " none" : ""}`, href: link("/relabel", { job, effect: name === effect ? "" : name }), "aria-current": name === effect ? "true" : null },
        word, " ", h("span", { class: "faint" }, count(tried.effects[name]))));
    return h(
      "section",
      { key: "result", class: isOld ? "result old" : "result", "aria-busy": this.#running ? "true" : "false" },
      h("h2", null, "What it would do now"),
      h("table", { class: "jobs counts" }, h("thead", null, h("tr", null, ["Fate", "Now", "Then", "Difference"].map((word, index) => h("th", { scope: "col", class: index ? "n" : null }, word)))), h("tbody", null, rows)),
      h("nav", { class: "chips", "aria-label": "What becomes of targets" }, chips),
      h("p", { class: "said", role: "status" }, `${this.#error ? "As it was before the mistake: " : ""}${plural(tried.rules, "rule")}; worked out in ${(tried.seconds * 1000).toFixed(0)} ms.`),
    );
  }

  #list() {
    const tried = this.#tried;
    if (!tried) return null;
    const { nextOffset } = tried;
    return [
      h("ul", { key: "rows", class: "rows", "aria-label": "Targets" }, this.#targets.map((target, place) => this.#row(target, place))),
      this.#targets.length === 0 && h("p", { key: "none", class: "faint" }, this.#parameters.effect ? "None." : "No target would be another."),
      nextOffset !== null && h("p", { key: "more" }, this.#targets.length < MOST_ROWS
        ? h("button", { type: "button", onclick: () => this.#try(nextOffset) }, "Show more")
        : `These are the first ${count(this.#targets.length)}.`),
    ];
  }

  #row(target, place) {
    const effect = EFFECTS.find(({ name }) => name === target.effect);
    const steps = this.#steps.get(place);
    return h(
      "li",
      { key: place, class: "trial" },
      h("p", null,
        h("span", { class: `badge ${effect.tone}` }, effect.word), " ", h("span", { class: "address" }, nameOf(target)), " ",
        badge({ fate: target.before }), " → ", badge({ fate: target.after }), " ",
        target.scrapeUrl && h("code", null, target.scrapeUrl), " ",
        h("button", { key: "why", type: "button", class: "why", "aria-expanded": steps ? "true" : "false", "aria-label": `${steps ? "Hide steps" : "Steps"} of ${nameOf(target)}`, onclick: () => (steps ? (this.#steps.delete(place), this.#redraw()) : this.#explain(target, place)) }, steps ? "Hide" : "Steps")),
      target.after.message && h("p", { class: "reason" }, target.after.message),
      target.changes?.length > 0 && h("ul", { class: "changes" }, target.changes.map(labelChange)),
      steps && drawSteps({ discoveredLabels: target.discoveredLabels }, steps),
    );
  }
}

function labelChange({ label, before, after }) {
  const was = before === null ? null : h("del", null, before);
  const is = after === null ? null : h("ins", null, after);
  return h("li", { key: label }, h("code", null, label), " ", was, was && is && " → ", is);
}

/** Where it is leads there. */
function mistake({ line, column, field, message }) {
  const place = line ? h("button", { type: "button", class: "place", onclick: () => goTo(line, column) }, `line ${line}, column ${column}`) : null;
  return h("li", null, place, place && ": ", field && [h("code", null, field), ": "], message);
}

function goTo(line, column) {
  const rules = document.getElementById("rules");
  const lines = rules.value.split("\n").slice(0, line - 1);
  const place = lines.reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
  rules.focus();
  rules.setSelectionRange(place, place);
}

/** Whether the text could be copied; without a secure origin browsers have only the older way. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    document.getElementById("rules").select();
    return document.execCommand("copy");
  }
}
