// Elements, and the one way in which what is on the screen changes.
//
// The one rule: **what comes from outside is text.** Nothing here takes HTML, so no label, name or
// error can become more than letters; the Content-Security-Policy has the browser refuse it too. What is no
// letter, digit, sign or space is shown escaped: it could turn the order of letters around, or hide some.

const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Text as it is shown: `\u202e` for what would not be seen. Ends of lines and tabs stay. */
export function printable(text) {
  const escaped = (letter) => {
    if (letter === "\n" || letter === "\t") return letter;
    const units = Array.from({ length: letter.length }, (_, place) => letter.charCodeAt(place));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  };
  return text.replace(UNPRINTABLE, escaped);
}

/**
 * Makes an element. An attribute that is `null`, `undefined` or `false` is left out; `on…` listens;
 * `key` says which element it is among its siblings when they are drawn again; `grow` is its share
 * of a bar. Children are elements and text; `null` and `false` are left out.
 */
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (attribute.startsWith("on")) element.addEventListener(attribute.slice(2), value);
    else if (attribute === "key") element.key = value;
    else if (attribute === "grow") element.style.flexGrow = value;
    else if (attribute === "title") element.setAttribute(attribute, printable(String(value)));
    else element.setAttribute(attribute, value === true ? "" : value);
  }
  const there = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...there.map((child) => (child instanceof Node ? child : printable(String(child)))));
  return element;
}

/** Makes `current` look like `next`, touching only what differs: focus, selection and scroll stay. */
export function morph(current, next) {
  if (current.nodeType === Node.TEXT_NODE) {
    if (current.data !== next.data) current.data = next.data;
    return;
  }
  for (const { name } of [...current.attributes]) {
    // What is open stays open.
    if (name !== "style" && name !== "open" && !next.hasAttribute(name)) current.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name !== "style" && current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
  // Style attributes are not allowed here; what they stand for is.
  if (current.style.cssText !== next.style.cssText) current.style.cssText = next.style.cssText;
  morphChildren(current, [...next.childNodes]);
  // What somebody types or chooses is theirs until they leave it.
  const isField = current.nodeName === "INPUT" || current.nodeName === "SELECT";
  if (isField && current !== document.activeElement && current.value !== next.value) current.value = next.value;
}

/** Makes the children of `current` look like `wanted`. */
export function morphChildren(current, wanted) {
  const keys = new Set(wanted.map((node) => node.key));
  const known = new Map();
  for (const node of [...current.childNodes]) {
    if (node.key === undefined) continue;
    // First those that go, so that those that stay need not be moved, which would take the focus.
    if (keys.has(node.key)) known.set(node.key, node);
    else node.remove();
  }
  let place = current.firstChild;
  for (const node of wanted) {
    const found = node.key === undefined ? unkeyed(place, node) : known.get(node.key);
    if (!found || found.nodeName !== node.nodeName) {
      current.insertBefore(node, place);
      continue;
    }
    if (found === place) place = place.nextSibling;
    else current.insertBefore(found, place);
    morph(found, node);
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

function unkeyed(place, node) {
  return place && place.key === undefined && place.nodeName === node.nodeName ? place : null;
}

/** A number as people read it. */
export function count(number) {
  return number.toLocaleString("en");
}

/** "1 target", "2 targets". */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** The hash of a view with parameters; those that are empty are left out. */
export function link(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return `#${path}${query ? `?${query}` : ""}`;
}
