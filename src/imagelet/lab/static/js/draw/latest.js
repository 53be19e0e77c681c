// @ts-check
// Work that follows the pen.

/**
 * Return a function that asks for `work()`: it is done one at a time, and once more where it was asked for meanwhile.
 * `rest`: milliseconds without another request before it begins; 0 to begin at once.
 */
export function latest(work, { rest = 0 } = {}) {
  let [running, waiting, timer] = [false, false, null];

  async function next() {
    if (running || !waiting) return;
    [running, waiting] = [true, false];
    try {
      await work();
    } finally {
      running = false;
      next();
    }
  }

  function ask() {
    waiting = true;
    clearTimeout(timer);
    if (rest) timer = setTimeout(next, rest);
    else next();
  }

  function forget() {
    clearTimeout(timer);
    waiting = false;
  }
  return Object.assign(ask, { forget });
}
