// @ts-check
// Work that waits until typing rests, and requests of which only the newest counts.

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
