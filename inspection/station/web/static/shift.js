// The shift view follows the station; V, Escape or any scan leads back to work.

import { listenForScans } from "./wedge.js";

const main = document.getElementById("shift");
const offline = document.getElementById("offline");
const root = document.documentElement;
const LOOK_MS = 2000;
const LEAVE = new Set(["v", "Escape"]);
root.dataset.theme = localStorage.getItem("theme") ?? "";

const leave = () => location.assign("/");

async function look() {
  try {
    const response = await fetch(`/shift/panel?lang=${encodeURIComponent(root.lang)}`);
    if (response.ok) {
      main.innerHTML = await response.text();
    }
  } catch {
    // told by the stream; asked again below
  }
  setTimeout(look, LOOK_MS);
}

/* What a scan or an order changes; a report that leaves by itself is none. */
const DECIDED = new Set(["confirmed", "hold", "reported"]);

function sign(snapshot) {
  const state = DECIDED.has(snapshot.state) ? "decided" : snapshot.state;
  const { inspection_id: item, settling, pending_rma: rma, override, approving, notice, language } = snapshot;
  return JSON.stringify([state, item, settling, rma, override, approving, notice?.at, language?.at]);
}

let first;
const events = new EventSource("/events");
events.addEventListener("snapshot", (event) => {
  const now = sign(JSON.parse(event.data));
  first ??= now;
  if (now !== first) {
    leave();
  }
});
events.addEventListener("open", () => {
  offline.hidden = true;
});
events.addEventListener("error", () => {
  offline.hidden = false;
});

function press(name) {
  if (LEAVE.has(name.length === 1 ? name.toLowerCase() : name)) {
    leave();
  }
}

/* A scanner that types; only where the configuration allows one. */
listenForScans({
  gapMs: () => Number(main.dataset.keyboardGap),
  key: press,
  scanned: (text) => {
    fetch("/api/scan", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text }),
    }).finally(leave);
  },
  refused: leave,
});

document.addEventListener("keydown", (event) => {
  if (!event.repeat && !event.ctrlKey && !event.altKey && !event.metaKey) {
    press(event.key);
  }
});

setTimeout(look, LOOK_MS);
