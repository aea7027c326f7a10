// Keeps files in the browser until they have arrived, so that a reloaded page or a restarted phone goes on by itself.
// Where the browser allows no storage nothing is kept, and the customer chooses the file again.
"use strict";

window.precheck = window.precheck || {};

(() => {
  const NAME = "precheck", FILES = "files", LONGEST_MS = 24 * 3600 * 1000; // as long as the server keeps beginnings

  function opened() {
    return new Promise((done, failed) => {
      const asked = window.indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(FILES, { keyPath: "number", autoIncrement: true });
      asked.onsuccess = () => done(asked.result);
      asked.onerror = asked.onblocked = () => failed(asked.error);
    });
  }

  // What the store answers to one request; null where there is no store, or no room in it.
  async function inStore(mode, ask) {
    let database = null;
    try {
      database = await opened();
      const change = database.transaction(FILES, mode);
      const asked = ask(change.objectStore(FILES));
      return await new Promise((done, failed) => {
        change.oncomplete = () => done(asked.result);
        change.onerror = change.onabort = () => failed(change.error);
      });
    } catch {
      return null;
    } finally {
      if (database) database.close();
    }
  }

  // The number under which a file of the case at base is kept; null when it is not.
  async function keep(base, step, blob) {
    return await inStore("readwrite", (files) => files.add({ base, step, blob, since: Date.now() }));
  }

  async function drop(number) {
    if (number !== null) await inStore("readwrite", (files) => files.delete(number));
  }

  // The files of a case that have not arrived, oldest first.
  async function kept(base) {
    const all = (await inStore("readonly", (files) => files.getAll())) || [];
    const old = all.filter((each) => Date.now() - each.since > LONGEST_MS);
    for (const each of old) await drop(each.number);
    return all.filter((each) => each.base === base && !old.includes(each));
  }

  window.precheck.keep = keep;
  window.precheck.drop = drop;
  window.precheck.kept = kept;
})();
