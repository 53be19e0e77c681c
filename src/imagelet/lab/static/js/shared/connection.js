// @ts-check
// Whether the server answers: one state for the whole page. The banner shows it; a tab asks again once it is back.

const FIRST_WAIT = 1; // seconds until it is tried again; then twice as long each time
const LONGEST_WAIT = 10;
const PATIENCE = 5000; // milliseconds in which so small a question has to be answered
const QUESTION = new URL("../../icon.svg", import.meta.url);

/** @type {Set<() => void>} */
const watchers = new Set();
let [lost, wait, due, timer, asking] = [false, FIRST_WAIT, 0, 0, null];

function notify() {
  for (const watcher of [...watchers]) watcher();
}

/** What a request has shown: whether the server answers. */
function report(/** @type {boolean} */ answers) {
  if (answers !== lost) return;
  lost = !answers;
  wait = FIRST_WAIT;
  clearTimeout(timer);
  if (lost) tryLater();
  notify();
}

function tryLater() {
  due = performance.now() + wait * 1000;
  clearTimeout(timer);
  timer = window.setTimeout(probe, wait * 1000);
  wait = Math.min(LONGEST_WAIT, wait * 2);
}

/** Ask the server for a small file, and report whether it came; several who ask at once ask for it together. */
function probe() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

async function ask() {
  clearTimeout(timer);
  const options = { method: "HEAD", cache: /** @type {RequestCache} */ ("no-store"), signal: AbortSignal.timeout(PATIENCE) };
  const answers = await fetch(QUESTION, options).then(() => true, () => false);
  if (answers || !lost) report(answers);
  else {
    tryLater();
    notify();
  }
}

export const connection = {
  report,
  probe,

  /** Whether the server has stopped answering. */
  get lost() {
    return lost;
  },

  /** Seconds until it is tried again; 0 while it is being tried. */
  get seconds() {
    return asking ? 0 : Math.max(0, Math.ceil((due - performance.now()) / 1000));
  },

  /** Call `watcher()` when the server is lost, tried again, and back. */
  watch(/** @type {() => void} */ watcher) {
    watchers.add(watcher);
  },
};
