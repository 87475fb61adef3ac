// What is asked of the daemon. All paths are relative, so the page works behind any prefix.

/** An answer that says what is wrong with the question; of what was sent, each of its `mistakes`. */
export class Refused extends Error {
  mistakes = [];
}

let skew = 0;

/** The daemon's time, in milliseconds since 1970: this machine's clock may be another. */
export function daemonNow() {
  return Date.now() + skew;
}

/**
 * The `data` of an answer.
 * @throws {Refused} the daemon answered with an error.
 * @throws {TypeError} there was no answer.
 */
export async function get(path, parameters, signal) {
  const response = await fetch(address(path, parameters), { signal, cache: "no-store" });
  return dataOf(response);
}

/** What stands at a path as text. */
export async function getText(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Refused(`the daemon answered with status ${response.status}`);
  return response.text();
}

/** Has the daemon do something; gives the `data` of its answer. */
export async function post(path, parameters) {
  const response = await fetch(address(path, parameters), { method: "POST", cache: "no-store" });
  return dataOf(response);
}

/** Asks something that is too long for an address, and changes nothing; gives the `data` of the answer. */
export async function ask(path, parameters, body, signal) {
  const response = await fetch(address(path, parameters), { method: "POST", body, signal, cache: "no-store" });
  return dataOf(response);
}

/** The same as `get` for what may be known already: `null` when `tag` still is the newest state's. */
export async function getUnless(path, tag) {
  const headers = tag ? { "If-None-Match": tag } : {};
  const response = await fetch(address(path), { headers, cache: "no-store" });
  if (response.status === 304) return null;
  return { tag: response.headers.get("ETag"), data: await dataOf(response) };
}

async function dataOf(response) {
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (!Number.isNaN(date)) skew = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
  const answer = await response.json().catch(() => null);
  if (answer?.status === "success") return answer.data;
  const refused = new Refused(answer?.error ?? `the daemon answered with status ${response.status}`);
  refused.mistakes = answer?.mistakes ?? [];
  throw refused;
}

function address(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return `api/v1/${path}${query ? `?${query}` : ""}`;
}
