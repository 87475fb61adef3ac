// What can become of a target, in words and colours.

import { count, h, link } from "./dom.js";

/** Each fate's name in the API's `state`, with its word for people. */
export const FATES = [
  { name: "active", word: "Active", what: "scraped" },
  { name: "dropped", word: "Dropped", what: "dropped by a relabelling rule" },
  { name: "duplicate", word: "Duplicate", what: "the same as another target, which is scraped for both" },
  { name: "invalid", word: "Invalid", what: "can't be scraped: its labels are wrong" },
  { name: "over_limit", word: "Over limit", what: "active, but all of its scrapes fail by a limit of its job" },
  { name: "same_labels", word: "Same labels", what: "active, and have the same labels as another, so that the samples of both end in the same series" },
  { name: "down", word: "Down", what: "active, and their last scrape failed" },
  { name: "stale", word: "Stale", what: "of a provider that fails now" },
  { name: "held", word: "Held", what: "gone from its backend, and kept because too many went at once" },
];

/** How many of a job's targets have which fate. Those over a limit are active too. */
export function counts(pool) {
  const over = pool.exceedsTargetLimit ? pool.active : pool.overLabelLimits;
  return {
    active: pool.active,
    dropped: pool.dropped,
    duplicate: pool.duplicate,
    invalid: pool.invalid,
    over_limit: over,
  };
}

/** The sum of several jobs' counts. */
export function total(pools) {
  const sum = { active: 0, dropped: 0, duplicate: 0, invalid: 0, over_limit: 0 };
  for (const pool of pools) {
    for (const [fate, number] of Object.entries(counts(pool))) sum[fate] += number;
  }
  return sum;
}

/** All targets of such counts. */
export function all(numbers) {
  return numbers.active + numbers.dropped + numbers.duplicate + numbers.invalid;
}

/** A number that leads to the targets that it counts. */
export function linkedCount(number, parameters, what) {
  if (number === 0) return h("span", { class: "faint" }, "0");
  return h("a", { href: link("/targets", parameters), "aria-label": `${count(number)} ${what}` }, count(number));
}

/** A bar of the fates' shares; the numbers beside it say the same to who can't see it. */
export function bar(numbers) {
  const parts = { ...numbers, active: numbers.active - numbers.over_limit };
  const shares = FATES.filter((fate) => parts[fate.name] > 0);
  return h(
    "span",
    { class: "bar", "aria-hidden": "true" },
    shares.map(({ name, word }) =>
      h("span", { key: name, class: `share ${name}`, grow: parts[name], title: `${word}: ${count(parts[name])}` }),
    ),
  );
}

/** The word for a target's fate, as a badge. */
export function badge(target) {
  const state = target.fate.state === "overLimit" ? "over_limit" : target.fate.state;
  const fate = FATES.find(({ name }) => name === state);
  return h("span", { class: `badge ${state}`, title: fate?.what }, fate?.word ?? state);
}

/** Whether scrapes of a target work, when it is scraped; else `null`. */
export function health(target) {
  if (!target.health || target.health === "unknown") return null;
  return h("span", { class: `badge ${target.health === "up" ? "active" : "invalid"}` }, target.health === "up" ? "Up" : "Down");
}
