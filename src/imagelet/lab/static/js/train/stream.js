// @ts-check
// A training's events, for as long as the page shows it: connected again, later and later, when the server is away.

import { api } from "../shared/api.js";

const LONGEST_WAIT = 30; // seconds between two attempts

/**
 * Listen to the job at a path. `events` has a handler for each of its events, and must bear that they come again after
 * each new connection. `on.job(job)` gets the job as it is then; `on.lost(seconds)` says that nothing answers and when
 * the next attempt is; `on.missing(error)` that there is no such job.
 */
export function follow(path, events, on) {
  let source = null;
  let timer = null;
  let wait = 1;
  let closed = false;

  async function connect() {
    clearTimeout(timer);
    if (closed) return;
    try {
      const job = await api.get(path); // an event source does not say what is wrong with it
      if (closed) return;
      wait = 1;
      on.job(job);
    } catch (problem) {
      if (closed) return;
      if (problem.status >= 400 && problem.status < 500) on.missing(problem);
      else lost();
      return;
    }
    source?.close();
    source = api.events(`${path}/events`, { ...events, lost });
  }

  function lost() {
    rest();
    if (closed) return;
    clearTimeout(timer);
    on.lost(wait);
    timer = setTimeout(connect, wait * 1000);
    wait = Math.min(LONGEST_WAIT, wait * 2);
  }

  /** Nothing more will come: keep what there is. */
  function rest() {
    source?.close();
    source = null;
  }

  connect();
  return {
    connect,
    rest,
    isResting: () => source === null,
    /** Others noticed that nothing answers: the browser would try again in silence. */
    lose: () => source && lost(),
    close() {
      closed = true;
      clearTimeout(timer);
      rest();
    },
  };
}
