// Which target is which, from one answer to the next and in shared links.

import { link } from "./dom.js";

/** The name that people know a target by. */
export function nameOf(target) {
  return target.labels?.instance || target.discoveredLabels.__address__ || "(no address)";
}

/** A target's own view. */
export function linkTo(target) {
  const { scrapePool: job, provider, source, discoveredLabels } = target;
  return link("/target", { job, provider, source, address: discoveredLabels.__address__, key: keyOf(target) });
}

/** A provider's own place; without its manager, it is one of the jobs'. */
export function linkToProvider(name, manager = "scrape") {
  return link("/providers", { provider: name, manager });
}

/**
 * The target that a link's parameters mean: the one with the same labels, or, since labels change,
 * the only one with the same address in the same group.
 */
export function find(targets, { provider, source, address = "", key }) {
  const near = targets.filter(
    (target) => target.source === source && target.provider === provider && (target.discoveredLabels.__address__ ?? "") === address,
  );
  return near.find((target) => keyOf(target) === key) ?? (near.length === 1 ? near[0] : undefined);
}

/** A short text that differs between targets of a group unless all of their labels are the same. */
export function keyOf(target) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify(target.discoveredLabels))) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0).toString(36);
}

/** A key for each target of a list, all of them different. */
export function keysOf(targets) {
  const seen = new Map();
  return targets.map((target) => {
    const key = JSON.stringify([target.scrapePool, target.provider, target.source, target.discoveredLabels]);
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return `${before} ${key}`;
  });
}
