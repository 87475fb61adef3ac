// What runs, and how it fares.

import { get, post } from "./api.js";
import { count, h, link, plural } from "./dom.js";
import { linkToProvider } from "./identity.js";
import { ago, left } from "./live.js";
import { PolledView } from "./polled.js";

const EVERY = 3000;
/** Cards that are drawn at once. */
const ROWS = 50;
const MOST_JOBS = 6;
const STATES = { failing: "Failing", starting: "Starting", ok: "OK" };
const CLASSES = { failing: "invalid", starting: "waiting", ok: "active" };

export class Providers extends PolledView {
  title = "Providers";
  #data = null;
  #most = ROWS;
  // What came of what somebody had a provider do, by its key.
  #done = new Map();

  constructor(redraw) {
    super("/providers", redraw, EVERY);
  }

  async load() {
    this.#data = await get("providers");
  }

  draw() {
    if (!this.#data) return [h("h1", { key: "h1" }, "Providers"), h("p", { key: "wait", class: "faint" }, "Asking headcount…")];
    const { state = "", q = "", provider: name, manager = "scrape" } = this.parameters;
    if (name) return this.#one(name, manager);
    const { providers, failedConfigs } = this.#data;
    const text = q.toLowerCase();
    const found = providers.filter((provider) => !state || (state === "held" ? provider.held : provider.health.state === state)).filter((provider) => holds(provider, text));
    const order = Object.keys(STATES);
    // Stable: within a state they keep the order of their names.
    found.sort((a, b) => order.indexOf(a.health.state) - order.indexOf(b.health.state));
    return [
      h("h1", { key: "h1" }, plural(providers.length, "provider")),
      this.#filters(providers, state, q),
      failedConfigs.map((failed) =>
        h("p", { key: `failed ${failed.manager} ${failed.name}`, class: "problems" }, h("b", null, failed.name), ` could not be started, for ${failed.sets.join(", ")}: `, h("span", { class: "error" }, failed.reason)),
      ),
      h("ul", { key: "list", class: "providers" }, found.slice(0, this.#most).map((provider) => providerCard(provider, this.#deeds(provider)))),
      found.length === 0 && h("p", { key: "none", class: "faint" }, "There is no such provider."),
      found.length > this.#most && h("p", { key: "more" }, `The first ${count(this.#most)} of ${plural(found.length, "provider")}. `, h("button", { type: "button", class: "more", onclick: () => this.#more() }, "Show more")),
    ].flat().filter(Boolean);
  }

  /** One provider, exactly that which a link names. */
  #one(name, manager) {
    const provider = this.#data.providers.find((other) => other.name === name && other.manager === manager);
    const failed = this.#data.failedConfigs.find((other) => other.name === name && other.manager === manager);
    return [
      h("p", { key: "up", class: "up" }, h("a", { href: link("/providers") }, "← All providers")),
      h("h1", { key: "h1" }, "Provider ", h("em", null, name)),
      provider && h("ul", { key: "list", class: "providers" }, providerCard(provider, this.#deeds(provider))),
      failed && h("p", { key: "failed", class: "problems" }, `It could not be started, for ${failed.sets.join(", ")}: `, h("span", { class: "error" }, failed.reason)),
      !provider && !failed && h("p", { key: "none", class: "problems" }, "There is no such provider any more."),
      h("p", { key: "history" }, h("a", { href: link("/history", { provider: name }) }, "What happened to it")),
    ];
  }

  /** Buttons for what it can be told to do, and what came of that. */
  #deeds(provider) {
    const key = keyOf(provider);
    const deed = (word, path, parameters, tell) => {
      const act = async () => {
        this.#tell(key, "…");
        try {
          this.#tell(key, tell(await post(`providers/${encodeURIComponent(provider.name)}/${path}`, parameters)));
        } catch (error) {
          this.#tell(key, error.message);
        }
        this.changed();
      };
      return h("button", { key: path, type: "button", class: `deed ${path}`, onclick: act }, word);
    };
    const said = this.#done.get(key);
    return h(
      "p",
      { key: "deeds", class: "deeds" },
      deed("Ask it now", "refresh", { wait: "30s", manager: provider.manager }, told),
      provider.held && deed("Let what is held go", "confirm", {}, ({ released }) => `${plural(released, "target")} let go`),
      said && h("span", { key: "said", class: "faint", role: "status" }, ` ${said}`),
    );
  }

  #more() {
    this.#most += ROWS;
    this.redraw();
  }

  #tell(key, text) {
    this.#done.set(key, text);
    this.redraw();
  }

  #filters(providers, state, q) {
    const held = providers.filter((provider) => provider.held).length;
    const chips = [["", "All"], ...Object.entries(STATES), ["held", "Held"]].map(([name, word]) => {
      const number = name === "held" ? held : name ? providers.filter(({ health }) => health.state === name).length : providers.length;
      return h(
        "a",
        { key: name, class: `chip ${CLASSES[name] ?? ""}`, href: link("/providers", { state: name, q }), "aria-current": name === state ? "true" : null },
        `${word} `,
        h("span", { class: "faint" }, count(number)),
      );
    });
    const field = this.field("Filter providers", "q");
    return h("div", { key: "filters", class: "filters" }, h("nav", { class: "chips", "aria-label": "Health" }, chips), field);
  }
}

function holds(provider, text) {
  const texts = [provider.name, provider.kind, provider.description, provider.health.lastError ?? "", provider.health.missing ?? "", ...provider.subscribers];
  return texts.some((part) => part.toLowerCase().includes(text));
}

function keyOf({ manager, name }) {
  return `${manager} ${name}`;
}

/** What came of asking it. */
function told({ refresh, targets, lastError, missing, message }) {
  if (refresh === "nothingToAsk") return `there is nothing to ask: ${message}`;
  if (refresh === "asked") return message;
  return lastError ?? (missing ? `could not get ${missing}` : `answered: ${plural(targets, "target")}`);
}

function providerCard(provider, deeds) {
  const { health, held } = provider;
  const facts = [
    ["Targets", `${count(provider.targets)} in ${plural(provider.groups, "group")}${provider.staleGroups ? `, ${count(provider.staleGroups)} as they were` : ""}`],
    ["Last success", ago(health.lastSuccess)],
    ["Last change", ago(health.lastChange)],
    ["Updates", `${count(health.updates)}${health.unchanged ? `, ${count(health.unchanged)} without a change` : ""}`],
    ["Failures", health.failures ? [count(health.failures), health.consecutiveFailures > 1 && `, ${count(health.consecutiveFailures)} in a row`, ", last ", ago(health.lastFailure)] : "none"],
  ];
  if (health.refreshes) facts.push(["Takes", `${((health.refreshSeconds / health.refreshes) * 1000).toFixed(1)} ms on average`]);
  return h(
    "li",
    { key: keyOf(provider), class: `provider ${CLASSES[health.state]}` },
    h("h2", null, h("span", { class: `badge ${CLASSES[health.state]}` }, STATES[health.state]), held && [" ", h("span", { class: "badge held" }, "Held")], health.restored !== undefined && [" ", h("span", { class: "badge held" }, "Restored")], " ", h("a", { href: linkToProvider(provider.name, provider.manager) }, provider.name), " ", h("span", { class: "kind" }, provider.kind)),
    h("p", { class: "description" }, provider.description),
    health.state === "failing" && h("p", { class: "error" }, health.lastError),
    health.missing && h("p", { class: "error" }, "Could not get ", health.missing),
    health.restored !== undefined && h("p", { class: "held" }, "Its targets are those from before a restart, as they were ", ago(health.restored), "; it was not read whole since."),
    held && h("p", { class: "held" }, heldDrop(provider)),
    h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    h("p", { class: "subscribers" }, "For ", subscribers(provider)),
    deeds,
  );
}

function heldDrop({ held }) {
  const before = held.before ? `, after ${count(held.before)} that went before` : "";
  const came = held.came ? `, while ${count(held.came)} came` : "";
  return [
    h("a", { href: link("/targets", { job: held.set, state: "held" }) }, plural(held.targets, "target")),
    ` of ${count(held.of)} of ${held.set} went `,
    ago(held.since),
    `${before}${came}. That is too much at once, so they are kept until somebody lets them go, or it has stayed so for the hold time, which is over `,
    left(held.until),
    ".",
  ];
}

function subscribers(provider) {
  // The other manager's subscribers are Alertmanager configurations, not jobs.
  const shown = provider.subscribers.slice(0, MOST_JOBS).flatMap((job, index) => [
    index > 0 && ", ",
    provider.manager === "scrape" ? h("a", { href: link("/targets", { job }) }, job) : `alerting (${job})`,
  ]);
  const more = provider.subscribers.length - MOST_JOBS;
  return more > 0 ? [shown, ` and ${plural(more, "other job")}`] : shown;
}
