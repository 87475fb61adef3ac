// The configuration that runs, without its secrets, to be read here.

import { getText } from "./api.js";
import { count, h } from "./dom.js";

export class Configuration {
  title = "Configuration";
  #redraw;
  #text = null;
  #error = null;

  constructor(redraw) {
    this.#redraw = redraw;
  }

  show() {
    this.#load();
  }

  /** A reload changes targets more often than not. */
  changed() {
    this.#load();
  }

  close() {
    this.#redraw = () => {};
  }

  async #load() {
    try {
      this.#text = await getText("config");
      this.#error = null;
    } catch (error) {
      this.#error = error.message;
    }
    this.#redraw();
  }

  draw() {
    const lines = this.#text?.split("\n").length ?? 0;
    return [
      h("h1", { key: "h1" }, "Configuration"),
      this.#error && h("p", { key: "error", class: "problems" }, this.#error),
      this.#text === null
        ? h("p", { key: "wait", class: "faint" }, "Asking headcount…")
        : [
            h("p", { key: "said", class: "said" }, `What runs, with secrets hidden; ${count(lines)} lines. `, h("a", { href: "config", download: "headcount-config.yml" }, "Save it")),
            h("pre", { key: "text", class: "configuration", tabindex: "0", "aria-label": "The configuration as YAML" }, this.#text),
          ],
    ].flat();
  }
}
