// The frame: which view is open, the search field, and whether the daemon is there.

import { h, link, morphChildren, printable } from "./dom.js";
import { ago, countAges, watch } from "./live.js";
import { daemonNow } from "./api.js";
import { Configuration } from "./configuration.js";
import { History } from "./history.js";
import { Overview } from "./overview.js";
import { Providers } from "./providers.js";
import { Relabel } from "./relabel.js";
import { TargetView } from "./target.js";
import { Targets } from "./targets.js";

// A view has `title`, `show(parameters)`, `changed()` after each change of the daemon's state,
// `close()`, and `draw()`, which gives what the screen should show now.
const VIEWS = { "/": Overview, "/providers": Providers, "/targets": Targets, "/target": TargetView, "/relabel": Relabel, "/history": History, "/config": Configuration };

const main = document.getElementById("main");
const search = document.getElementById("search");
let view = null;
let path = null;
let isDrawing = false;
let lostSince = null;

function redraw() {
  if (isDrawing) return;
  isDrawing = true;
  queueMicrotask(() => {
    isDrawing = false;
    morphChildren(main, view.draw().flat().filter(Boolean));
    document.title = `${printable(view.title)} – headcount`;
  });
}

function route() {
  const [name, query = ""] = splitOnce(location.hash.slice(1) || "/", "?");
  // Links within the page, such as the one that skips the header.
  if (!name.startsWith("/")) return;
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const next = VIEWS[name] ? name : "/";
  const isOther = next !== path;
  if (isOther) {
    view?.close();
    path = next;
    view = new VIEWS[next](redraw);
    main.replaceChildren();
  }
  for (const element of document.querySelectorAll("[data-view]")) {
    const isHere = element.dataset.view === path || (path === "/target" && element.dataset.view === "/targets");
    if (isHere) element.setAttribute("aria-current", "page");
    else element.removeAttribute("aria-current");
  }
  if (document.activeElement !== search) search.value = path === "/targets" ? (parameters.q ?? "") : "";
  view.show(parameters);
  redraw();
  if (isOther && document.activeElement !== search) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Shows the targets that the field asks for: in the list that is open, with its filters, or in all. */
function find() {
  const [, query = ""] = splitOnce(location.hash, "?");
  const others = path === "/targets" ? Object.fromEntries(new URLSearchParams(query)) : {};
  const hash = link("/targets", { ...others, q: search.value });
  if (hash === location.hash) return;
  // Going back should not undo letter by letter.
  if (path === "/targets") history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  route();
}

function onKey(event) {
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLSelectElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (event.target === search || event.target.matches(".row a"))) {
    const rows = [...document.querySelectorAll(".row .address")];
    const next = rows.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    (rows[next] ?? (next < 0 ? search : null))?.focus();
  }
}

function showConnection(error) {
  if (!error) lostSince = null;
  else lostSince ??= daemonNow() / 1000;
  const lost = document.getElementById("lost");
  if (error && lost.hidden) {
    lost.replaceChildren("No answer from headcount since ", ago(lostSince), "; what is shown is from before. Trying again.");
  }
  lost.hidden = !error;
  const live = document.getElementById("live");
  const text = error ? "Not connected" : "Live";
  if (live.textContent !== text) live.replaceChildren(h("span", { class: `dot ${error ? "off" : "on"}` }), text);
}

addEventListener("hashchange", route);
addEventListener("keydown", onKey);
search.addEventListener("input", find);
search.form.addEventListener("submit", (event) => {
  event.preventDefault();
  find();
});
route();
countAges();
watch({ changed: () => view.changed(), checked: showConnection });
