// @ts-check
// The picture file on the sheet, kept for the session of this browser tab: it outlives a reload, not the tab.

const [DATABASE, STORE] = ["imagelet-sheet", "pictures"];
const SESSION = "imagelet-sheet"; // in the session's storage: the key of its picture
const LONGEST = 24 * 3600 * 1000; // milliseconds; what is older belongs to a tab that was closed

let last = null; // what is kept

/** The picture that was kept in this session; null where there is none, or the browser keeps nothing. */
export async function keptPicture() {
  const key = sessionStorage.getItem(SESSION);
  if (!key) return null;
  const entry = await using("readonly", (store) => store.get(key)).catch(() => null);
  last = entry?.blob ?? null;
  return last;
}

/** Keep a picture in place of the one before; null keeps none. */
export async function keepPicture(/** @type {Blob | null} */ blob) {
  if (blob === last) return;
  last = blob;
  const key = sessionStorage.getItem(SESSION) ?? newKey();
  const work = (store) => {
    forgetOld(store);
    return blob ? store.put({ blob, time: Date.now() }, key) : store.delete(key);
  };
  await using("readwrite", work).catch(() => null); // a browser that keeps nothing is no reason to say anything
}

function newKey() {
  const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join("-");
  sessionStorage.setItem(SESSION, key);
  return key;
}

/** The result of what `work` asks of the store. */
function using(/** @type {IDBTransactionMode} */ mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction(STORE, mode);
      const asked = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        database.close();
        resolve(asked.result);
      };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}

function forgetOld(store) {
  const cursor = store.openCursor();
  cursor.onsuccess = () => {
    const entry = cursor.result;
    if (!entry) return;
    if (Date.now() - entry.value.time > LONGEST) entry.delete();
    entry.continue();
  };
}
