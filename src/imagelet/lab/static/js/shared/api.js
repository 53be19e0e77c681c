// @ts-check
// The lab's HTTP interface: parsed JSON, or an ApiError with a sentence fit for people.
//
// Every module gets at shared things in one way, by import; none is handed down as an argument:
//   import { api } from "../shared/api.js";          the server
//   import { t } from "../shared/i18n.js";           texts
//   import { state } from "../shared/state.js";      what is shown, in the address
//   import { h, replace } from "../shared/ui.js";    elements
// Functions that are pure take what they need as arguments and import none of these.

import { said, t } from "./i18n.js";

const MEANT = /; did you mean '([^']+)'\?/;

/** What went wrong, in the page's language; `meant` is the name that the server takes for the one meant. */
export class ApiError extends Error {
  constructor({ message, hint = "", status = 0, position = null, meant = null }) {
    super(message);
    this.name = "ApiError";
    this.hint = hint;
    this.status = status;
    this.position = position;
    this.meant = meant;
  }
}

/** An answer's JSON; every error in it, {message, hint, …}, is put into the page's language. */
function parsed(text) {
  if (!text.includes('"error"')) return JSON.parse(text); // most answers, and all that are large
  return JSON.parse(text, (key, value) => (key === "error" && value?.message ? inLanguage(value) : value));
}

function inLanguage({ message, hint = "", ...others }) {
  return { ...others, message: said(message), hint: said(hint), meant: message.match(MEANT)?.[1] ?? null };
}

/** The error that a response tells of, which is not ok. */
export async function refusal(response) {
  const told = await response.text().then(parsed).catch(() => null);
  const message = t("common.failed", { status: response.status });
  return new ApiError({ message, ...told?.error, status: response.status });
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
 * @param {unknown} body
 * @param {{signal?: AbortSignal}} options
 */
async function ask(method, path, body, { signal } = {}) {
  const headers = { accept: "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ message: t("common.no_server"), hint: t("common.no_server_hint") });
  }
  if (response.status === 204) return null;
  if (!response.ok) throw await refusal(response);
  return response.text().then(parsed).catch(() => null);
}

export const api = {
  get: (path, options) => ask("GET", path, undefined, options),
  post: (path, body = {}, options) => ask("POST", path, body, options),
  patch: (path, body = {}, options) => ask("PATCH", path, body, options),
  del: (path, options) => ask("DELETE", path, undefined, options),

  /**
   * Listen to server-sent events; each handler gets the parsed data. The browser connects again by itself;
   * `handlers.lost` is called when it gives up. The cookie stands for the token here.
   */
  events(path, handlers) {
    const source = new EventSource(path);
    for (const [name, handler] of Object.entries(handlers)) {
      if (name === "lost") continue;
      source.addEventListener(name, (/** @type {MessageEvent} */ event) => {
        if (event.data === undefined) return; // without data "error" is the connection's own
        const told = parsed(event.data);
        handler(name === "error" ? inLanguage(told) : told);
      });
    }
    source.addEventListener("error", (/** @type {MessageEvent} */ event) => {
      if (event.data === undefined && source.readyState === EventSource.CLOSED) handlers.lost?.();
    });
    return { close: () => source.close() };
  },
};

/** Decode {shape, base64} (float32, little-endian) to {shape, values: Float32Array}. */
export function decodeNumbers({ shape, base64 }) {
  const bytes = decodeBytes(base64);
  return { shape, values: new Float32Array(bytes.buffer, 0, bytes.length >> 2) };
}

/** Decode base64 to bytes. */
export function decodeBytes(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** A file or blob as base64. */
export function encodeBlob(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",")[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
