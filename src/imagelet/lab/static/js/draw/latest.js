// Work that follows the pen.

/**
 * Do `work(value)` for the latest value alone: one at a time, and the last one always.
 * `rest`: milliseconds without a new value before it begins; 0 to begin at once.
 */
export function latest(work, { rest = 0 } = {}) {
  let [running, waiting, value, timer] = [false, false, null, null];
  const next = async () => {
    if (running || !waiting) return;
    running = true;
    waiting = false;
    try {
      await work(value);
    } finally {
      running = false;
      next();
    }
  };
  const ask = (newest) => {
    value = newest;
    waiting = true;
    clearTimeout(timer);
    if (rest) timer = setTimeout(next, rest);
    else next();
  };
  ask.forget = () => {
    clearTimeout(timer);
    waiting = false;
  };
  return ask;
}
