// @ts-check
// The lab's HTTP interface: parsed JSON, or an ApiError with a sentence fit for people.
//
// Every module gets at shared things in one way, by import; none is handed down as an argument:
//   import { api } from "../shared/api.js";          the server
//   import { t } from "../shared/i18n.js";           texts
//   import { state } from "../shared/state.js";      what is shown, in the address
//   import { h, replace } from "../shared/ui.js";    elements
// Functions that are pure take what they need as arguments and import none of these.

import { connection } from "./connection.js";
import { hintForPage } from "./hints.js";
import { currentLanguage, t } from "./i18n.js";

const SLOW = 8000; // milliseconds without an answer after which the server is asked whether it is there at all
const UNREACHABLE = 0; // in place of a status: nobody answered

/** What went wrong, in the page's language; `meant` is the name that the server takes for the one meant. */
export class ApiError extends Error {
  constructor({ message, hint = "", status = null, position = null, meant = null }) {
    super(message);
    this.name = "ApiError";
    this.hint = hintForPage(hint);
    this.status = status;
    this.position = position;
    this.meant = meant;
  }

  /** Whether nobody answered: the page's banner says so, and nobody else has to. */
  get unreachable() {
    return this.status === UNREACHABLE;
  }
}

/** The error in a response that is not ok. */
export async function refusal(response) {
  const body = await response.json().catch(() => null);
  const message = t("common.failed", { status: response.status });
  const { field, ...problem } = body?.error ?? {};
  if (field) Object.assign(problem, { message: t("common.not_understood"), hint: t("common.not_understood_hint") });
  return new ApiError({ message, ...problem, status: response.status });
}

const token = takeToken();

/** The token that the page was opened with; it leaves the address, so that it is not copied with it. */
function takeToken() {
  const address = new URL(location.href);
  const given = address.searchParams.get("token");
  if (given !== null) {
    sessionStorage.setItem("imagelet-token", given);
    address.searchParams.delete("token");
    history.replaceState(null, "", address);
  }
  return sessionStorage.getItem("imagelet-token");
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} data
 * @param {{signal?: AbortSignal, isFile?: boolean}} options
 */
async function request(method, path, data, { signal, isFile } = {}) {
  const headers = new Headers({ accept: "application/json", "accept-language": currentLanguage() });
  if (token) headers.set("authorization", `Bearer ${token}`);
  if (data !== undefined) headers.set("content-type", "application/json");
  const body = data === undefined ? undefined : JSON.stringify(data);
  const slow = setTimeout(connection.probe, SLOW);
  const response = await fetch(path, { method, headers, signal, body }).catch((error) => {
    if (error.name === "AbortError") throw error;
    connection.report(false);
    throw new ApiError({ message: t("common.no_server"), hint: t("common.no_server_hint"), status: UNREACHABLE });
  }).finally(() => clearTimeout(slow));
  connection.report(true);
  if (response.status === 204) return null;
  if (!response.ok) throw await refusal(response);
  if (isFile) return response.blob();
  return response.json().catch(() => null);
}

export const api = {
  get: (path, options = {}) => request("GET", path, undefined, options),
  post: (path, body = {}, options = {}) => request("POST", path, body, options),
  patch: (path, body = {}, options = {}) => request("PATCH", path, body, options),
  del: (path, options = {}) => request("DELETE", path, undefined, options),
  /** A file, as a blob. */
  blob: (path) => request("GET", path, undefined, { isFile: true }),
  /** A file that is made on request, as a blob. */
  file: (path) => request("POST", path, {}, { isFile: true }),

  /**
   * Listen to server-sent events; each handler gets the parsed data. The browser connects again by itself;
   * `handlers.lost` is called when it gives up. The cookie stands for the token here.
   */
  events(path, { lost, ...handlers }) {
    const language = `${path.includes("?") ? "&" : "?"}language=${currentLanguage()}`; // it sends no headers of ours
    const source = new EventSource(path + language);
    for (const [name, handler] of Object.entries(handlers)) {
      source.addEventListener(name, (/** @type {MessageEvent} */ { data }) => {
        if (data === undefined) return; // without data "error" is the connection's own
        handler(JSON.parse(data));
      });
    }
    source.addEventListener("error", (/** @type {MessageEvent} */ { data }) => {
      if (data !== undefined) return;
      connection.probe();
      if (source.readyState === EventSource.CLOSED) lost?.();
    });
    return { close: () => source.close() };
  },
};
