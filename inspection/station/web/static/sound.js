// Each verdict has a sound of its own, made here: one can hear it without looking, and mute it.

const KEY = "muted";
const NOTES = {
  // [frequency in Hz, start in s, length in s]; up for good, level for repair, down for scrap, two knocks for hold
  resell: [[660, 0, 0.12], [990, 0.12, 0.2]],
  repair: [[520, 0, 0.12], [520, 0.18, 0.12], [520, 0.36, 0.12]],
  scrap: [[440, 0, 0.16], [220, 0.16, 0.32]],
  hold: [[330, 0, 0.1], [330, 0.3, 0.3]],
  question: [[590, 0, 0.1], [790, 0.14, 0.12]],
};

const FRESH_MS = 1000;

let context;
let wanted;
let waking;

export const muted = () => localStorage.getItem(KEY) === "yes";

export function mute(silent) {
  localStorage.setItem(KEY, silent ? "yes" : "no");
}

/** Play the sound of a verdict; nothing while it is muted, or before the browser lets a page be heard. */
export function play(name) {
  if (muted() || !NOTES[name] || !window.AudioContext) {
    return;
  }
  context ??= new AudioContext();
  if (context.state === "running") {
    sound(NOTES[name]);
    return;
  }
  // A tab that nobody has touched may stay silent for ever: what is planned in it would never end, and pile up.
  wanted = { name, at: performance.now() };
  waking ??= context.resume().then(() => {
    waking = undefined;
    if (performance.now() - wanted.at < FRESH_MS) {
      sound(NOTES[wanted.name]);
    }
  });
}

function sound(notes) {
  const now = context.currentTime + 0.02;
  for (const [frequency, start, length] of notes) {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    tone.type = "triangle";
    tone.frequency.value = frequency;
    loudness.gain.setValueAtTime(0, now + start);
    loudness.gain.linearRampToValueAtTime(0.3, now + start + 0.01);
    loudness.gain.exponentialRampToValueAtTime(0.001, now + start + length);
    tone.connect(loudness).connect(context.destination);
    tone.start(now + start);
    tone.stop(now + start + length + 0.02);
  }
}
