// The PIN of a badge: typed on keys or on the pad, never in the page's HTML, gone as soon as it is sent.

const LONGEST = 12;
const SHORTEST = 4;
let typed = "";

const pad = () => document.querySelector("#panel .pin");

export const asksForPin = () => pad() !== null;

/* A new panel has come: the dots are drawn again, and what was typed for a pad that is gone is forgotten. */
export function keepPin() {
  const shown = pad();
  if (!shown || shown.ariaBusy === "true") {
    typed = "";
  }
  if (shown) {
    shown.querySelector(".dots").textContent = "●".repeat(typed.length);
  }
}

/* Takes a key; whether it was one of the pad's. All others do nothing while a PIN is asked for. */
export function pinKey(key, post) {
  if (/^[0-9]$/.test(key) && typed.length < LONGEST) {
    typed += key;
  } else if (key === "Backspace") {
    typed = typed.slice(0, -1);
  } else if (key === "Enter" && typed.length >= SHORTEST) {
    const pin = typed;
    typed = "";
    post("/api/sign-in", { pin });
  } else if (key === "Escape") {
    typed = "";
    post("/api/sign-in/cancel", {});
  }
  keepPin();
}
