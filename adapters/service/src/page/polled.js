// What views of what is asked for again and again share.

import { h, link } from "./dom.js";

/** A view that loads what it shows at the beginning, after each change, and each `every` milliseconds while it is seen. */
export class PolledView {
  parameters = {};
  #path;
  #redraw;
  #timer;

  constructor(path, redraw, every) {
    this.#path = path;
    this.#redraw = redraw;
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.changed(), every);
    // Not before the view is whole.
    queueMicrotask(() => this.changed());
  }

  show(parameters) {
    this.parameters = parameters;
  }

  redraw() {
    this.#redraw();
  }

  async changed() {
    try {
      await this.load();
      this.#redraw();
    } catch {
      // That there is no answer is said by who watches the connection.
    }
  }

  close() {
    clearInterval(this.#timer);
    this.#redraw = () => {};
  }

  /** A field for one of the parameters, which stands in the address and makes no entry in the history. */
  field(label, parameter) {
    return h("input", {
      type: "search",
      "aria-label": label,
      placeholder: label,
      value: this.parameters[parameter] ?? "",
      oninput: (event) => {
        this.parameters = { ...this.parameters, [parameter]: event.target.value };
        history.replaceState(null, "", link(this.#path, this.parameters));
        this.#redraw();
      },
    });
  }
}
