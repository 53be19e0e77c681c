// @ts-check
// Which of the server's hints are for the page: who looks at it has neither a command line nor a program that asks.

const COMMANDS = /\bimagelet [a-z]|\bpip install\b|\bIMAGELET_[A-Z]/; // what is typed in a terminal
const OPTIONS = /(?:^|[\s(])--[a-z]/;
const REQUESTS = /\/api\/|\/openapi|content-type|base64|\bJSON\b|Authorization:/;

/** The hint itself; nothing where it tells what to type in a terminal, or what a program has to send. */
export function hintForPage(/** @type {string} */ hint) {
  return [COMMANDS, OPTIONS, REQUESTS].some((words) => words.test(hint)) ? "" : hint;
}
