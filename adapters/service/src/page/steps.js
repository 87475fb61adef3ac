// Relabelling, rule by rule, with what each changed.

import { h } from "./dom.js";

const DEFAULTS = { separator: ";", regex: "(.*)", replacement: "$1" };
/** The fields of a rule, in the order in which people write them. */
const FIELDS = ["if", "source_labels", "separator", "regex", "modulus", "target_label", "replacement", "match", "labels"];
const FILTERS = ["keep", "drop", "keepequal", "dropequal", "keep_if_equal", "drop_if_equal", "keep_if_contains", "drop_if_contains"];

/** The steps of a target, as `/api/v1/targets/relabel_steps` tells them. */
export function drawSteps(target, steps) {
  if (steps.length === 0) return h("p", { class: "faint" }, "The job has no relabelling rules.");
  let before = target.discoveredLabels;
  let isOver = false;
  const items = steps.map((step, index) => {
    const item = drawStep(step, index, before, isOver);
    isOver ||= !step.keep;
    if (step.keep) before = step.output;
    return item;
  });
  if (target.labels) {
    const changes = differences(before, target.labels).filter(({ name, after }) => after !== undefined || !name.startsWith("__"));
    items.push(
      h(
        "li",
        { key: "end", class: "step end" },
        h("p", null, "Then labels that begin with ", h("code", null, "__"), " are removed, and ", h("code", null, "instance"), " is the address unless it is set."),
        drawChanges(changes),
      ),
    );
  }
  return h("ol", { class: "steps", start: "0" }, items);
}

function drawStep({ rule, keep, output, source, applies }, index, before, isOver) {
  const isDrop = !isOver && !keep;
  const changes = keep ? differences(before, output) : [];
  const outcome = isOver
    ? h("p", { class: "outcome faint" }, "Not reached.")
    : isDrop
      ? h("p", { class: "outcome error" }, "The target was dropped here.")
      : changes.length === 0
        ? h("p", { class: "outcome faint" }, FILTERS.includes(rule.action) ? "Kept the target." : "Changed nothing.")
        : drawChanges(changes);
  return h(
    "li",
    { key: index, class: `step${isDrop ? " drop" : ""}${isOver ? " over" : ""}${changes.length ? " did" : ""}` },
    drawRule(rule),
    !isOver && applies === false && h("p", { class: "looked" }, "Its ", h("code", null, "if"), " is not true."),
    !isOver && source !== null && h("p", { class: "looked" }, "Looked at ", h("q", { class: "value" }, source)),
    outcome,
  );
}

function drawRule(rule) {
  const fields = FIELDS.filter((field) => rule[field] !== undefined && rule[field] !== DEFAULTS[field]).map((field) => {
    const value = written(rule[field]);
    return h("span", { class: "field" }, h("span", { class: "faint" }, `${field}: `), value || '""');
  });
  return h("p", { class: "rule" }, h("b", null, rule.action), " ", fields);
}

/** A value of a rule's field: a list, labels, or one by itself. */
function written(value) {
  if (Array.isArray(value)) return `[${value.join(", ")}]`;
  if (typeof value !== "object") return String(value);
  return `{${Object.entries(value).map(([name, text]) => `${name}: ${text}`).join(", ")}}`;
}

/** What became of labels, by name. */
function differences(before, after) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.filter((name) => (before[name] || undefined) !== after[name]).map((name) => ({ name, before: before[name], after: after[name] }));
}

function drawChanges(changes) {
  if (changes.length === 0) return null;
  return h(
    "ul",
    { class: "changes" },
    changes.map(({ name, before, after }) => {
      const was = before === undefined ? null : h("del", null, before);
      const is = after === undefined ? null : h("ins", null, after);
      const kind = after === undefined ? "removed" : before === undefined ? "added" : "changed";
      return h("li", { key: name, class: kind }, h("span", { class: "kind" }, kind), " ", h("code", null, name), " ", was, was && is && " → ", is);
    }),
  );
}
