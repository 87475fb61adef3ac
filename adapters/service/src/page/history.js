// What happened, to all or to a host, a job, a provider; also to what is gone.

import { get } from "./api.js";
import { h, link, plural } from "./dom.js";
import { drawPast, eventList, pastOf } from "./events.js";
import { ago } from "./live.js";
import { PolledView } from "./polled.js";

const EVERY = 5000;
const LIMIT = 200;
/** Who types is waited for. */
const DEBOUNCE = 300;
const FIELDS = [["host", "Host"], ["job", "Job"], ["provider", "Provider"]];

export class History extends PolledView {
  title = "History";
  #data = null;
  #past = null;
  #error = null;
  #asked = 0;
  #debounce;

  constructor(redraw) {
    super("/history", redraw, EVERY);
  }

  show(parameters) {
    super.show(parameters);
    this.title = parameters.host || parameters.job || parameters.provider ? `History of ${parameters.host || parameters.job || parameters.provider}` : "History";
    if (this.#data) this.changed();
  }

  close() {
    clearTimeout(this.#debounce);
    super.close();
  }

  async load() {
    const { host, job, provider } = this.parameters;
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const data = await get("events", { host, job, provider, limit: LIMIT });
      const past = host ? await pastOf(host, job) : null;
      // The newest question counts, whichever answer is last.
      if (asked === this.#asked) [this.#data, this.#past, this.#error] = [data, past, null];
    } catch (error) {
      if (asked === this.#asked) this.#error = error.message;
    }
  }

  #typed(name, text) {
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => (location.hash = link("/history", { ...this.parameters, [name]: text })), DEBOUNCE);
  }

  draw() {
    const fields = FIELDS.map(([name, word]) =>
      h("label", { key: name }, h("span", { class: "faint" }, `${word} `), h("input", { type: "search", value: this.parameters[name] ?? "", autocomplete: "off", spellcheck: "false", oninput: (event) => this.#typed(name, event.target.value) })),
    );
    const data = this.#data;
    const { host } = this.parameters;
    return [
      h("h1", { key: "h1" }, "History"),
      h("div", { key: "fields", class: "filters fields" }, fields),
      this.#error && h("p", { key: "error", class: "problems", role: "alert" }, this.#error),
      !data && !this.#error && h("p", { key: "wait", class: "faint" }, "Asking headcount…"),
      data && h("p", { key: "said", class: "said", role: "status" }, `${data.events.length >= LIMIT ? "The newest " : ""}${plural(data.events.length, "event")}; complete since `, ago(data.keptSince), "."),
      data && host && data.events.length === 0 && this.#past && h("p", { key: "past" }, drawPast(this.#past)),
      data && h("section", { key: "events" }, eventList(data.events)),
      data?.unlisted.length > 0 && h("section", { key: "unlisted" }, h("h2", null, "It may be among those that are not listed of these"), eventList(data.unlisted)),
    ];
  }
}
