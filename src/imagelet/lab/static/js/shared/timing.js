// @ts-check
// Work that waits until typing or drawing rests, and requests of which only the newest counts.

/**
 * A function that does `work` once it has not been called for so many milliseconds; `.cancel()` forgets the call.
 * @param {Function} work
 * @param {number} milliseconds
 */
export function debounced(work, milliseconds) {
  let timer = null;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds, ...values);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

/**
 * Number requests: `const isNewest = nextTurn()` before one, `if (isNewest()) …` after it. A call of nextTurn alone
 * makes every earlier one count no more.
 */
export function makeTurns() {
  let newest = 0;
  return function nextTurn() {
    newest += 1;
    const turn = newest;
    return () => turn === newest;
  };
}

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
