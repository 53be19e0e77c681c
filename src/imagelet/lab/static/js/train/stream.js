// A training's events, for as long as the page shows it: connected again, later and later, when the server is away.

const EVENTS = ["state", "data", "progress", "epoch", "filters", "by_hand", "finishing", "error"];
const LONGEST = 30; // seconds between two attempts

/**
 * Listen to a job's events. `handlers` are called as they come; what was told before is told again after each
 * connection, so handlers must bear repetition; `handlers.again` says that it begins. `handlers.lost(seconds)` says
 * that nothing answers and when the next attempt is; `handlers.found` that all is well again.
 */
export function follow(api, id, handlers) {
  let source = null;
  let timer = null;
  let wait = 1;
  let closed = false;

  async function connect() {
    clearTimeout(timer);
    if (closed) return;
    try {
      const job = await api.get(`/api/jobs/${encodeURIComponent(id)}`); // the events' own errors tell nothing
      if (closed) return;
      wait = 1;
      handlers.found?.();
      handlers.job?.(job);
    } catch (error) {
      if (closed) return;
      if (error.status >= 400 && error.status < 500) handlers.gone?.(error);
      else lost();
      return;
    }
    source?.close();
    handlers.again?.();
    source = api.events(`/api/jobs/${encodeURIComponent(id)}/events`, { ...events(handlers), lost });
  }

  function lost() {
    source?.close();
    source = null;
    if (closed) return;
    clearTimeout(timer);
    handlers.lost?.(wait);
    timer = setTimeout(connect, wait * 1000);
    wait = Math.min(LONGEST, wait * 2);
  }

  connect();
  return {
    now: () => connect(),
    /** Others found that nothing answers: the browser would go on trying in silence. */
    away() {
      if (source) lost();
    },
    /** Nothing more will come: keep what there is. */
    rest() {
      source?.close();
      source = null;
    },
    resting: () => source === null,
    close() {
      closed = true;
      clearTimeout(timer);
      source?.close();
    },
  };
}

function events(handlers) {
  return Object.fromEntries(EVENTS.filter((name) => handlers[name]).map((name) => [name, handlers[name]]));
}
