// Sends a file in pieces: goes on where it was cut, and tries again by itself until the network is back.
"use strict";

window.precheck = window.precheck || {};

(() => {
  const LEAST = 32 * 1024, MOST = 1024 * 1024, GOOD_MS = 1500;
  const FOR_GOOD = new Set([400, 403, 404, 409, 410, 413, 415, 422, 429]);

  class Refused extends Error {}

  async function digest(bytes) {
    if (!window.crypto || !window.crypto.subtle) return null; // only where the connection is safe
    const raw = new Uint8Array(await window.crypto.subtle.digest("SHA-256", bytes));
    return btoa(String.fromCharCode(...raw));
  }

  function wait(ms) {
    return new Promise((done) => {
      const timer = setTimeout(over, ms);
      function over() {
        clearTimeout(timer);
        window.removeEventListener("online", over);
        done();
      }
      window.addEventListener("online", over);
    });
  }

  async function asked(method, url, options) {
    const ends = new AbortController();
    const timer = setTimeout(() => ends.abort(), 60000);
    try {
      return await fetch(url, { method, signal: ends.signal, credentials: "omit", cache: "no-store", ...options });
    } finally {
      clearTimeout(timer);
    }
  }

  const ENDS = 256 * 1024;

  // By what a file is found again after the page was reloaded: a hash of its size, its beginning and its end.
  async function markOf(blob) {
    const parts = [`${blob.size}:`, await blob.slice(0, ENDS).arrayBuffer(), await blob.slice(Math.max(ENDS, blob.size - ENDS)).arrayBuffer()];
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    if (window.crypto && window.crypto.subtle) {
      const raw = new Uint8Array(await window.crypto.subtle.digest("SHA-256", bytes));
      return [...raw].map((each) => each.toString(16).padStart(2, "0")).join("");
    }
    let one = 0x811c9dc5, two = 0x1b873593; // FNV-1a twice: the same file again, not an attacker, is to be told
    for (const each of bytes) {
      one = Math.imul(one ^ each, 0x01000193);
      two = Math.imul(two ^ each, 0x85ebca6b) ^ (two >>> 15);
    }
    return [one, two].map((each) => (each >>> 0).toString(16).padStart(8, "0")).join("");
  }

  async function reason(answer) {
    try {
      return (await answer.json()).title || String(answer.status);
    } catch {
      return String(answer.status);
    }
  }

  // base: the case's address; mark: of markOf; tells: {progress(share), trouble(isOffline), }.
  // Resolves when all of it is there; rejects with Refused when it never will be.
  async function send(base, step, blob, mark, tells) {
    let place = null, at = 0, size = 128 * 1024, pause = 500;
    for (;;) {
      try {
        if (place === null) {
          const body = JSON.stringify({ step, size_bytes: blob.size, mark: mark || undefined });
          const made = await asked("POST", `${base}/uploads`, { body, headers: { "Content-Type": "application/json" } });
          if (made.status !== 201 && made.status !== 200) await failed(made);
          place = made.headers.get("Location");
          at = Number(made.headers.get("Upload-Offset")); // some of it may be there from an earlier visit
          tells.progress(at / blob.size);
          if (at >= blob.size) { // all of it came, perhaps without being told
            const last = await asked("PATCH", place, { body: new ArrayBuffer(0), headers: { "Upload-Offset": String(at) } });
            if (last.status !== 204) await failed(last);
          }
        }
        while (at < blob.size) {
          const bytes = await blob.slice(at, at + size).arrayBuffer();
          const headers = { "Upload-Offset": String(at), "Content-Type": "application/offset+octet-stream" };
          const sum = await digest(bytes);
          if (sum !== null) headers["Upload-Checksum"] = `sha256 ${sum}`;
          const began = performance.now();
          const answer = await asked("PATCH", place, { body: bytes, headers });
          if (answer.status !== 204) await failed(answer);
          at = Number(answer.headers.get("Upload-Offset"));
          const took = performance.now() - began;
          size = Math.max(LEAST, Math.min(MOST, took < GOOD_MS ? size * 2 : size / 2));
          pause = 500;
          tells.progress(at / blob.size);
        }
        return;
      } catch (error) {
        if (error instanceof Refused) throw error;
        tells.trouble(navigator.onLine === false);
        await wait(pause * (0.75 + Math.random() / 2));
        pause = Math.min(pause * 2, 15000);
        size = Math.max(LEAST, size / 2);
        if (place !== null) {
          try { // where it stands is known over there
            const there = await asked("HEAD", place);
            if (there.status === 404) place = null;
            else if (there.ok) {
              at = Number(there.headers.get("Upload-Offset"));
              if (at >= blob.size) { // all of it came, perhaps without being told
                const again = await asked("PATCH", place, { body: new ArrayBuffer(0), headers: { "Upload-Offset": String(at) } });
                if (again.status === 204) return;
              }
            }
          } catch { /* the next round tries again */ }
        }
      }
    }

    async function failed(answer) {
      const there = answer.headers.get("Upload-Offset");
      if (there !== null && (answer.status === 409 || answer.status === 422)) {
        at = Number(there);
        throw new Error("elsewhere");
      }
      if (FOR_GOOD.has(answer.status)) throw new Refused(await reason(answer));
      throw new Error(String(answer.status));
    }
  }

  window.precheck.send = send;
  window.precheck.markOf = markOf;
  window.precheck.Refused = Refused;
})();
