// The first view: is everything found, and if not, what is wrong?

import { get } from "./api.js";
import { count, h, link, plural } from "./dom.js";
import { eventList } from "./events.js";
import { all, bar, counts, FATES, linkedCount, total } from "./fates.js";
import { linkToProvider } from "./identity.js";
import { ago, left, state } from "./live.js";
import { PolledView } from "./polled.js";

const COLUMNS = [
  ["name", "Job"],
  ["active", "Active"],
  ["dropped", "Dropped"],
  ["duplicate", "Duplicate"],
  ["invalid", "Invalid"],
  ["over_limit", "Over limit"],
];
/** Providers change their health without a change of targets. */
const PROVIDERS_EVERY = 5000;
const MOST_PROBLEMS = 8;
const MANY_JOBS = 8;
/** Rows that are drawn at once: what is drawn again and again must not grow with the configuration. */
const ROWS = 100;
const MOST_AWAITED = 3;
const NEWEST_EVENTS = 8;

export class Overview extends PolledView {
  title = "Overview";
  #providers = null;
  #alertmanagers = null;
  #events = null;
  #most = ROWS;

  constructor(redraw) {
    super("/", redraw, PROVIDERS_EVERY);
  }

  async changed() {
    this.redraw();
    await super.changed();
  }

  async load() {
    [this.#providers, this.#alertmanagers, this.#events] = await Promise.all([get("providers"), get("alertmanagers"), get("events", { limit: NEWEST_EVENTS })]);
  }

  draw() {
    if (!state.pools) return [h("h1", { key: "h1" }, "Overview"), h("p", { key: "wait", class: "faint" }, "Asking headcount…")];
    const pools = [...state.pools.values()];
    return [
      h("h1", { key: "h1" }, "Overview"),
      this.#cards(pools),
      this.#problems(pools),
      this.#jobs(pools),
      this.#alertmanagerList(),
      this.#eventList(),
    ];
  }

  #cards(pools) {
    const sum = total(pools);
    // Of the others it is not known how many there are.
    const cards = FATES.filter(({ name }) => name in sum).map(({ name, word, what }) =>
      h(
        "a",
        { key: name, class: `card ${name}${sum[name] ? "" : " none"}`, href: link("/targets", { state: name }), title: `Targets that are ${what}` },
        h("span", { class: "number" }, count(sum[name])),
        h("span", { class: "what" }, word),
      ),
    );
    if (this.#providers) {
      const failing = this.#failing().length;
      const number = this.#providers.providers.length;
      cards.push(
        h(
          "a",
          { key: "providers", class: `card providers${failing ? " invalid" : ""}`, href: link("/providers", { state: failing ? "failing" : "" }) },
          h("span", { class: "number" }, failing ? `${count(failing)} of ${count(number)}` : count(number)),
          h("span", { class: "what" }, failing ? "Providers failing" : number === 1 ? "Provider" : "Providers"),
        ),
      );
    }
    return h("div", { key: "cards", class: "cards" }, cards);
  }

  #failing() {
    return this.#providers.providers.filter(({ health }) => health.state === "failing");
  }

  #problems(pools) {
    if (!this.#providers) return null;
    const failing = this.#failing().map((provider) => [
      h("a", { href: linkToProvider(provider.name, provider.manager) }, provider.name),
      ` fails${provider.targets ? `; its ${plural(provider.targets, "target")} are kept` : ""}: `,
      h("span", { class: "error" }, provider.health.lastError),
    ]);
    const partial = this.#providers.providers.filter(({ health }) => health.missing).map(({ name, manager, health }) => [
      h("a", { href: linkToProvider(name, manager) }, name),
      " could not get all; what it had of the rest is kept: ",
      h("span", { class: "error" }, health.missing),
    ]);
    const held = this.#providers.providers.filter((provider) => provider.held).map((provider) => [
      h("a", { href: linkToProvider(provider.name, provider.manager) }, provider.name),
      ` lost ${plural(provider.held.targets, "target")} of ${count(provider.held.of)} of ${provider.held.set} at once; they are kept until that is confirmed, or counts `,
      left(provider.held.until),
    ]);
    const refused = this.#providers.failedConfigs.map(({ name, reason }) => [`${name} could not be started: `, h("span", { class: "error" }, reason)]);
    const limited = pools
      .filter((pool) => pool.exceedsTargetLimit)
      .map((pool) => [
        h("a", { href: link("/targets", { job: pool.name, state: "over_limit" }) }, pool.name),
        ` has ${count(pool.active)} targets; target_limit is ${count(pool.targetLimit)}, so all of its scrapes fail`,
      ]);
    const invalid = pools
      .filter((pool) => pool.invalid)
      .map((pool) => [
        h("a", { href: link("/targets", { job: pool.name, state: "invalid" }) }, pool.name),
        ` has ${plural(pool.invalid, "target")} that can't be scraped`,
      ]);
    const shared = pools
      .filter((pool) => pool.sharedLabels)
      .map((pool) => [
        h("a", { href: link("/targets", { job: pool.name, state: "same_labels" }) }, pool.name),
        ` has ${plural(pool.sharedLabels, "set")} of labels that several of its targets have: their samples end in the same series`,
      ]);
    const empty = pools
      .filter((pool) => pool.complete && pool.active === 0 && pool.dropped > 0)
      .map((pool) => [
        h("a", { href: link("/targets", { job: pool.name, state: "dropped" }) }, pool.name),
        ` scrapes nothing: its rules drop all of its ${plural(pool.dropped, "target")}`,
      ]);
    const incomplete = pools
      .filter((pool) => pool.served && !pool.complete)
      .map((pool) => [
        h("a", { href: link("/targets", { job: pool.name }) }, pool.name),
        pool.replaced
          ? ` has what ${pool.replaced.join(", ")} had before a reload, until what takes its place was read`
          : pool.failedConfigs ? " is served without what can't be run" : " is served without what a provider has not found yet",
      ]);
    const misread = pools
      .filter((pool) => pool.overwritten)
      .map(({ name, overwritten: { rule, label } }) => [
        h("a", { href: link("/targets", { job: name }) }, name),
        ` is read by a Prometheus that overwrites ${label}, which its rule [${rule}] looks at: see “headcount adopt”, or have it read the list with ?relabelled=true`,
      ]);
    const problems = [...failing, ...incomplete, ...partial, ...held, ...refused, ...limited, ...empty, ...shared, ...invalid, ...misread];
    if (problems.length === 0) {
      const waiting = pools.filter((pool) => !pool.served).length;
      const text = waiting ? `${plural(waiting, "job")} still to be found for the first time.` : "All providers found their targets, and nothing is wrong with any.";
      return h("p", { key: "fine", class: "fine" }, text);
    }
    const shown = problems.slice(0, MOST_PROBLEMS).map((problem) => h("li", null, problem));
    if (problems.length > shown.length) shown.push(h("li", { class: "faint" }, `and ${problems.length - shown.length} more`));
    return h("section", { key: "problems", class: "problems", "aria-label": "Problems" }, h("ul", null, shown));
  }

  #jobs(pools) {
    const { sort = "name", jobs: filter = "" } = this.parameters;
    const wanted = pools.filter((pool) => pool.name.toLowerCase().includes(filter.toLowerCase()));
    const [successes, awaited] = [this.#successes(), this.#awaited()];
    const rows = wanted.map((pool) => ({ pool, numbers: counts(pool), success: successes.get(pool.name), awaited: pool.complete ? [] : awaited.get(pool.name) ?? [] }));
    if (sort !== "name") rows.sort((a, b) => b.numbers[sort] - a.numbers[sort]);
    const head = COLUMNS.map(([name, word]) =>
      h(
        "th",
        { scope: "col", class: name === "name" ? null : "n", "aria-sort": sort === name ? (name === "name" ? "ascending" : "descending") : null },
        h("a", { href: link("/", { ...this.parameters, sort: name === "name" ? "" : name }) }, word),
      ),
    );
    return h(
      "section",
      { key: "jobs" },
      h(
        "div",
        { class: "heading" },
        h("h2", null, plural(pools.length, "job")),
        pools.length > MANY_JOBS && this.field("Filter jobs", "jobs"),
      ),
      h(
        "table",
        { class: "jobs" },
        h("thead", null, h("tr", null, head, h("th", { scope: "col" }, "Shares"), h("th", { scope: "col" }, "State"), h("th", { scope: "col" }, "Looked at"))),
        h("tbody", null, rows.slice(0, this.#most).map(jobRow)),
      ),
      rows.length > this.#most && h("p", { key: "more" }, `The first ${count(this.#most)} of ${plural(rows.length, "job")}. `, h("button", { type: "button", class: "more", onclick: () => this.#more() }, "Show more")),
      rows.length === 0 && h("p", { class: "faint" }, pools.length ? "No job has such a name." : "The configuration has no jobs."),
    );
  }

  #more() {
    this.#most += ROWS;
    this.redraw();
  }

  /** For each job that is looked for again and again, when the last of its providers to do so had success. */
  #successes() {
    const successes = new Map();
    for (const { kind, manager, subscribers, health } of this.#providers?.providers ?? []) {
      if (manager !== "scrape" || kind === "static") continue;
      for (const job of subscribers) successes.set(job, Math.min(successes.get(job) ?? Infinity, health.lastUpdate ?? 0));
    }
    return successes;
  }

  /** For each job, the providers that were not read whole yet. */
  #awaited() {
    const awaited = new Map();
    for (const provider of this.#providers?.providers ?? []) {
      const { manager, subscribers, health } = provider;
      if (manager !== "scrape" || (health.lastUpdate && !health.missing)) continue;
      for (const job of subscribers) {
        if (!awaited.has(job)) awaited.set(job, []);
        awaited.get(job).push(provider);
      }
    }
    return awaited;
  }

  #eventList() {
    if (!this.#events?.events.length) return null;
    return h("section", { key: "events" }, h("div", { class: "heading" }, h("h2", null, "What happened last"), h("a", { href: link("/history") }, "All of it")), eventList(this.#events.events));
  }

  #alertmanagerList() {
    if (!this.#alertmanagers) return null;
    const { activeAlertmanagers: active, droppedAlertmanagers: dropped } = this.#alertmanagers;
    const rows = [...active.map(({ url }) => ["active", url]), ...dropped.map(({ url }) => ["dropped", url])];
    return h(
      "section",
      { key: "alertmanagers" },
      h("h2", null, plural(active.length, "Alertmanager")),
      rows.length === 0
        ? h("p", { class: "faint" }, "None is configured or found.")
        : h("ul", { class: "plain" }, rows.map(([fate, url]) => h("li", null, h("span", { class: `badge ${fate}` }, fate === "active" ? "Active" : "Dropped"), " ", h("code", null, url)))),
    );
  }
}

function jobRow({ pool, numbers, success, awaited }) {
  const job = pool.name;
  const cells = COLUMNS.slice(1).map(([state, word]) =>
    h("td", { class: "n", "data-label": word }, linkedCount(numbers[state], { job, state }, `${word.toLowerCase()} targets of ${job}`)),
  );
  return h(
    "tr",
    { key: job },
    h("th", { scope: "row" }, h("a", { href: link("/targets", { job }) }, job)),
    cells,
    h("td", { class: "shares" }, all(numbers) > 0 && bar(numbers)),
    h("td", { class: "state" }, jobState(pool), awaited.length > 0 && h("p", { class: "awaited" }, "waits for ", waitsFor(awaited))),
    h("td", { class: "looked" }, success !== undefined && ago(success || null)),
  );
}

/** What a job waits for, and why that is not there. */
function waitsFor(awaited) {
  const named = awaited.slice(0, MOST_AWAITED).map((provider, index) => [
    index > 0 && ", ",
    h("a", { href: linkToProvider(provider.name, provider.manager), title: provider.description }, provider.name),
    provider.health.state === "failing" ? " (fails)" : provider.health.missing ? " (got a part)" : "",
  ]);
  const more = awaited.length - named.length;
  return more > 0 ? [named, ` and ${more} more`] : named;
}

function jobState(pool) {
  if (pool.failedConfigs && pool.served) return h("span", { class: "badge waiting", title: `What the others found is served without it:\n${pool.failedConfigs.join("\n")}` }, "Incomplete");
  if (pool.failedConfigs) return h("span", { class: "badge invalid", title: pool.failedConfigs.join("\n") }, "Can't run");
  if (pool.replaced && pool.served) return h("span", { class: "badge waiting", title: `It has what ${pool.replaced.join(", ")} had before a reload, until what takes its place was read` }, "Replacing");
  if (!pool.complete && pool.served) return h("span", { class: "badge waiting", title: "A provider was waited for long enough; what the others found is served without it" }, "Incomplete");
  if (!pool.complete) return h("span", { class: "badge waiting", title: "Not all of its providers have found their targets yet" }, "Waiting");
  if (pool.exceedsTargetLimit) return h("span", { class: "badge over_limit" }, "Over limit");
  return h("span", { class: "badge active" }, "Complete");
}
