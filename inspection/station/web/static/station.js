// The screen follows the station: server-sent events bring the panel, keys and touches bring orders back.

import { given, isLarge, keepLooking, nextPicture, smallAgain, toggleHeat, toggleSample } from "./look.js";
import { asksForPin, keepPin, pinKey } from "./pin.js";
import { mute, muted, play } from "./sound.js";
import { listenForScans } from "./wedge.js";

const panel = document.getElementById("panel");
const toast = document.getElementById("toast");
const offline = document.getElementById("offline");
const LIVE_PAUSE_MS = 200;
const LIVE_RETRY_MS = 500;
const TOAST_MS = 4000;

/* One window works the station, others only show. */
const tab = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const root = document.documentElement;
const viewer = document.getElementById("viewer");

const station = () => document.getElementById("station");

/* Live pictures: one <img> a view that survives every new panel, so that nothing flickers. */
const live = new Map();

function livePicture(view) {
  if (!live.has(view)) {
    const image = new Image();
    image.alt = "";
    const again = (after) => setTimeout(load, after);
    const load = () => {
      if (!image.isConnected || document.hidden) {
        image.dataset.idle = "";
        return;
      }
      delete image.dataset.idle;
      image.src = `/live/${encodeURIComponent(view)}.jpg?t=${Date.now()}`;
    };
    image.addEventListener("load", () => {
      image.hidden = false;
      again(LIVE_PAUSE_MS);
    });
    image.addEventListener("error", () => {
      image.hidden = true; // an old picture is never left standing
      again(LIVE_RETRY_MS);
    });
    image.hidden = true;
    image.dataset.idle = "";
    live.set(view, { image, load });
  }
  return live.get(view);
}

function attachLivePictures() {
  for (const figure of panel.querySelectorAll("[data-live]")) {
    const { image, load } = livePicture(figure.dataset.live);
    figure.prepend(image);
    if ("idle" in image.dataset) {
      image.hidden = true;
      load();
    }
  }
}

/* The panel. */
let noticeShown = station()?.dataset.noticeAt ?? "";

function show(html) {
  const focused = document.activeElement;
  const key = focused?.matches("#panel button:focus-visible") ? focused.dataset.key : undefined;
  panel.innerHTML = html;
  attachLivePictures();
  keepLooking();
  nameSimilar();
  keepPin();
  sound();
  if (key) {
    panel.querySelector(`button[data-key="${CSS.escape(key)}"]`)?.focus({ focusVisible: true });
  }
  speakTheirLanguage();
  const { notice, noticeAt } = station().dataset;
  if (notice && noticeAt !== noticeShown) {
    noticeShown = noticeAt;
    if (notice === "shift.show" && viewer.hidden) {
      showShift();
    } else {
      say(notice);
    }
  } else if (!notice && noticeShown) {
    noticeShown = "";
    toast.hidden = true;
  }
}

/* The known examples most like the item, where the station can name any; asked for once for each take. */
let similar = { of: "", html: "" };

async function nameSimilar() {
  if (!panel.querySelector("[data-similar]")) {
    return;
  }
  const { inspection, take } = station().dataset;
  const of = `${inspection} ${take}`;
  if (similar.of !== of) {
    const asked = { of, html: "" };
    similar = asked;
    try {
      const answer = await fetch(`/similar?lang=${encodeURIComponent(root.lang)}`);
      asked.html = answer.status === 200 ? await answer.text() : "";
    } catch {
      return; // nothing hangs on it
    }
    if (similar !== asked) {
      return; // another item has come meanwhile
    }
  }
  const place = panel.querySelector("[data-similar]");
  if (place && similar.html) {
    place.innerHTML = similar.html;
    place.hidden = false;
  }
}

/* A verdict is heard once. */
let heard = hearable();

function hearable() {
  const { verdict, inspection, take, asking } = station()?.dataset ?? {};
  return verdict ? `${inspection} ${take} ${asking ? "question" : verdict}` : "";
}

function sound() {
  const now = hearable();
  if (now && now !== heard) {
    play(now.split(" ").pop());
  }
  heard = now;
}

/* A badge turns the screen to its owner's language; a language chosen by hand afterwards stays. */
let languageAt = station()?.dataset.languageAt ?? "";

function speakTheirLanguage() {
  const { language, languageAt: at } = station().dataset;
  if (at && at !== languageAt) {
    languageAt = at;
    if (language && language !== document.documentElement.lang) {
      location.assign(`/?lang=${encodeURIComponent(language)}`);
    }
  }
}

let toastTimer;

function say(code, otherwise = code) {
  const known = document.querySelector(`#notices [data-code="${CSS.escape(code)}"]`);
  toast.textContent = known ? known.textContent : otherwise;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    toast.hidden = true;
  }, TOAST_MS);
}

/* Orders. */
async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Station-Tab": tab },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      const problem = await response.json();
      say(problem.code ?? "command.not_possible", problem.title);
    }
  } catch {
    say("request.unreachable");
  }
}

function press(button) {
  if (button.disabled) {
    return;
  }
  if (button.dataset.pin) {
    pinKey(button.dataset.pin, post);
    return;
  }
  if (button.dataset.look) {
    ({ heat: toggleHeat, sample: toggleSample, zoom: nextPicture })[button.dataset.look]();
    return;
  }
  if (button.dataset.post) {
    post(button.dataset.post, {});
    return;
  }
  const { command, disposition, reason, question, answer } = button.dataset;
  const order = { command };
  if (question) {
    order.question = question;
  }
  if (answer) {
    order.answer = answer;
  }
  if (disposition) {
    order.disposition = disposition;
  }
  if (reason) {
    order.reason_code = reason;
    order.marks = given().map(({ view, box }) => ({ view, box }));
  }
  const inspection = station().dataset.inspection;
  if (inspection && command !== "start" && command !== "reprint") {
    order.inspection_id = inspection;
  }
  post("/api/command", order);
}

panel.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) {
    press(button);
  }
});

const BOUNCE_MS = 400; // the same key again so soon was not meant for what has come up meanwhile
let chosen = { key: "", at: -Infinity };

const own = { m: toggleMute, d: nextTheme, t: takeOver, q: () => ask(), v: showShift };

function showShift() {
  location.assign("/shift");
}

function ask() {
  const { inspection } = station().dataset;
  if (inspection) {
    post("/api/command", { command: "ask", inspection_id: inspection });
  }
}

function pressKey(name) {
  const key = name.length === 1 ? name.toLowerCase() : name;
  if (asksForPin()) {
    pinKey(key, post);
    return true;
  }
  if (Object.hasOwn(own, key)) {
    own[key]();
    return true;
  }
  if (key === "Escape" && isLarge()) {
    smallAgain();
    return true;
  }
  const { override, asking } = station()?.dataset ?? {};
  const asked = override ? ".reasons " : asking ? ".question " : "";
  const button =
    panel.querySelector(`${asked}button[data-key="${CSS.escape(key)}"]`) ??
    panel.querySelector(`.actions button[data-key="${CSS.escape(key)}"]`) ??
    panel.querySelector(`:is(.looks, .answers) button[data-key="${CSS.escape(key)}"]`);
  if (button && !(key === chosen.key && performance.now() - chosen.at < BOUNCE_MS)) {
    if (/^[1-9]$/.test(key)) {
      chosen = { key, at: performance.now() };
    }
    press(button);
  }
  return button !== null;
}

/* A scanner that types; only where the configuration allows one. */
listenForScans({
  gapMs: () => Number(station()?.dataset.keyboardGap ?? 0),
  key: (name) => {
    const focused = document.activeElement?.closest("#panel button");
    if (name === " " && focused) {
      press(focused);
    } else {
      pressKey(name);
    }
  },
  scanned: (text) => {
    toast.hidden = true;
    post("/api/scan", { text });
  },
  refused: say,
});

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  if (event.key === "Enter" && document.activeElement?.matches("button:focus-visible, a:focus-visible")) {
    return; // a control focused by keyboard takes its own Enter; after a touch, Enter still means OK
  }
  if (pressKey(event.key)) {
    event.preventDefault();
  }
});

/* What belongs to the window, not to the item. */
function toggleMute() {
  mute(!muted());
  showMute();
}

function showMute() {
  document.getElementById("mute").setAttribute("aria-pressed", String(!muted()));
}

const THEMES = ["", "light", "dark"]; // as the system has it, first

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "") + 1) % THEMES.length];
  localStorage.setItem("theme", next);
  showTheme();
}

function showTheme() {
  root.dataset.theme = localStorage.getItem("theme") ?? "";
}

function takeOver() {
  if (!viewer.hidden) {
    post("/api/tab/take", { tab });
  }
}

document.getElementById("mute").addEventListener("click", toggleMute);
document.getElementById("theme").addEventListener("click", nextTheme);
document.getElementById("take").addEventListener("click", takeOver);
showMute();
showTheme();

/* The stream; the browser reconnects by itself. */
const events = new EventSource(`/events?panel=${encodeURIComponent(root.lang)}&tab=${tab}`);
events.addEventListener("role", (event) => {
  const { works } = JSON.parse(event.data);
  viewer.hidden = works;
  root.toggleAttribute("data-viewer", !works);
});
events.addEventListener("panel", (event) => show(JSON.parse(event.data).html));
events.addEventListener("open", () => {
  offline.hidden = true;
});
events.addEventListener("error", () => {
  offline.hidden = false;
});
document.addEventListener("visibilitychange", attachLivePictures);
attachLivePictures();
nameSimilar();
