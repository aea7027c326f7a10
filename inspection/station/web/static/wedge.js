// Tells a scanner that types from a person: keys in a fast burst that Enter or Tab ends are a scan, a lone key is an order.

const GS = "\u001d";
const UNREADABLE = "\ufffd";
const SHORTEST = 4;
const LONGEST = 4096;
const WAIT_LONGER_MS = 60; // a busy page may hear a key late that was pressed in time
const DEAF_MS = 500; // a late rest of a scan, or a second Enter after it, must not be taken for a scan or for OK

const CARRIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock"]);

function character(event) {
  if (event.ctrlKey && !event.altKey && !event.metaKey) {
    return event.key === "]" || event.key === GS || event.code === "BracketRight" ? GS : null; // how GS is typed
  }
  const typed = [...event.key].length === 1;
  if (event.altKey || event.metaKey || event.ctrlKey) {
    return typed && event.getModifierState("AltGraph") ? event.key : null;
  }
  if (event.key === "Process" || event.key === "Dead" || event.key === "Unidentified") {
    return UNREADABLE; // an input method has swallowed the key
  }
  return typed ? event.key : null;
}

const inField = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]");

const ends = (event) =>
  event.key === "Enter" || event.key === "Tab" || (event.ctrlKey && (event.key === "j" || event.key === "m")); // LF, CR

/**
 * @param {object} page
 * @param {() => number} page.gapMs longest time between two keys of a scan; 0 while no scanner may type
 * @param {(key: string) => void} page.key a person pressed this key
 * @param {(text: string) => void} page.scanned a scanner typed this
 * @param {(code: string) => void} page.refused what it typed was no whole scan
 */
export function listenForScans(page) {
  let text = "";
  let capsLock = false;
  let began = -Infinity; // of this burst
  let last = -Infinity; // key
  let lone = -Infinity; // key that was taken for a person's
  let brokenUntil = -Infinity;
  let endedUntil = -Infinity;
  let timer;

  const forget = () => {
    clearTimeout(timer);
    text = "";
    capsLock = false;
  };

  const breakOff = (now) => {
    forget();
    brokenUntil = now + DEAF_MS;
    page.refused("scan.broken_off");
  };

  /* No further key came in time. */
  const settle = (now) => {
    if (text.length === 1) {
      const key = text;
      forget();
      lone = last;
      page.key(key);
    } else if (text) {
      breakOff(now);
    }
  };

  const finish = (now) => {
    const [scan, shifted] = [text, capsLock && /\p{L}/u.test(text)];
    endedUntil = now + DEAF_MS;
    // A key shortly before the burst was its first one, and the scan lacks it.
    const lacksItsBegin = began - lone < DEAF_MS;
    if (lacksItsBegin || scan.length < SHORTEST || scan.length > LONGEST || scan.includes(UNREADABLE)) {
      forget();
      page.refused("scan.broken_off");
      return;
    }
    forget();
    if (shifted) {
      page.refused("scan.caps_lock");
    } else {
      page.scanned(scan);
    }
  };

  const heard = (event) => {
    const gap = page.gapMs();
    if (!gap || inField(event.target) || CARRIERS.has(event.key)) {
      return;
    }
    const now = event.timeStamp;
    const mine = () => {
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    if (text && now - last > gap) {
      settle(now);
    }
    if (now < brokenUntil) {
      // The rest of a scan that broke off is no scan, and its Enter no OK.
      mine();
      brokenUntil = ends(event) ? -Infinity : now + DEAF_MS;
      endedUntil = now + DEAF_MS;
      return;
    }
    if (ends(event)) {
      if (text) {
        mine();
        finish(now);
      } else if (now < endedUntil) {
        mine();
      }
      return;
    }
    const typed = character(event);
    if (typed === null) {
      return;
    }
    mine();
    if (event.repeat) {
      return;
    }
    began = text ? began : now;
    last = now;
    text = text.length > LONGEST ? text : text + typed;
    capsLock ||= event.getModifierState("CapsLock");
    clearTimeout(timer);
    timer = setTimeout(() => settle(performance.now()), gap + WAIT_LONGER_MS);
  };

  document.addEventListener("keydown", heard, { capture: true });

  /* Keys go elsewhere while another window has the focus: that must be seen. */
  const listen = () => document.documentElement.toggleAttribute("data-deaf", !document.hasFocus());
  window.addEventListener("focus", listen);
  window.addEventListener("blur", () => {
    forget();
    document.documentElement.toggleAttribute("data-deaf", true);
  });
  listen();
}
