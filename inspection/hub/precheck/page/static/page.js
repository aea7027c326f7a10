// The customer's page with scripts: each picture is sent as soon as it is chosen, and answers come by themselves.
"use strict";

(() => {
  const form = document.getElementById("send");
  const state = document.getElementById("state");
  const lang = document.documentElement.lang;
  const base = form ? form.dataset.base : window.location.pathname;

  async function refresh() {
    const answer = await fetch(`${base}/state?lang=${lang}`, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("state-now");
    const old = document.getElementById("state-now");
    if (fresh && old && (fresh.dataset.version !== old.dataset.version || fresh.dataset.waits !== "0")) {
      const focus = state.contains(document.activeElement);
      state.replaceChildren(document.importNode(fresh, true));
      const asked = document.getElementById("step-challenge");
      if (asked) asked.hidden = !fresh.dataset.challenge;
      if (focus) state.querySelector("h2").focus();
    }
  }

  function version() {
    return document.getElementById("state-now").dataset.version;
  }

  // News by server-sent events; where they do not come through, by asking from time to time.
  let source = null, lost = 0;
  function listen() {
    if (!window.EventSource || lost > 3) return;
    source = new EventSource(`${base}/events?since=${version()}`);
    source.addEventListener("message", () => { lost = 0; refresh(); });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      lost += 1;
      setTimeout(listen, 5000);
    });
  }
  setInterval(() => {
    const waits = document.getElementById("state-now").dataset.waits !== "0";
    if (!document.hidden && waits) refresh().catch(() => {});
  }, 5000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().catch(() => {}); });
  listen();
  if (!form) return;

  const words = JSON.parse(form.dataset.words);
  const submit = document.getElementById("submit");
  const problem = document.getElementById("problem");

  function show(step, text, share, bad) {
    const place = step.querySelector(".progress");
    place.textContent = text;
    place.classList.toggle("bad", Boolean(bad));
    if (share !== null) {
      const bar = document.createElement("span"), of = document.createElement("span");
      of.className = "bar-of";
      of.style.display = "block";
      bar.style.width = `${Math.round(share * 100)}%`;
      of.append(bar);
      place.append(of);
    }
  }

  let sending = Promise.resolve();
  // kept: its number among the files that outlive this page; none yet for one that was just chosen.
  function queue(step, blob, kept) {
    let share = 0;
    const sentence = () => words.sending.replace("{percent}", String(Math.round(share * 100)));
    show(step, sentence(), 0, false);
    const number = kept === undefined ? window.precheck.keep(base, step.dataset.step, blob) : Promise.resolve(kept);
    sending = sending.then(async () => {
      const mark = await window.precheck.markOf(blob).catch(() => null); // a file that cannot be read fails below
      try {
        await window.precheck.send(base, step.dataset.step, blob, mark, {
          progress: (now) => { share = now; show(step, sentence(), share, false); },
          trouble: (offline) => show(step, offline ? words.offline : words.retrying, share, true),
        });
        show(step, words.sent, null, false);
        step.querySelectorAll(".unfinished").forEach((each) => each.remove());
        window.precheck.drop(await number);
        await refresh();
      } catch (error) {
        if (error instanceof window.precheck.Refused) window.precheck.drop(await number);
        show(step, words.failed.replace("{reason}", error.message), null, true);
      }
    }).catch(() => {});
  }

  form.classList.add("has-script");
  for (const step of form.querySelectorAll(".step")) {
    const input = step.querySelector("input[type=file]");
    const label = step.querySelector("label");
    const choose = document.createElement("label"); // the browser's own words may be of another language
    choose.htmlFor = input.id;
    choose.className = "button choose";
    choose.textContent = words.choose;
    input.after(choose);
    input.addEventListener("change", () => {
      for (const file of input.files) queue(step, file);
      input.value = "";
    });
    const canFilm = step.dataset.step !== "video" || window.MediaRecorder;
    if (window.precheck.hasCamera() && canFilm) {
      const place = step.querySelector(".script-only");
      const open = document.createElement("button");
      open.type = "button";
      open.textContent = words.camera;
      open.setAttribute("aria-describedby", input.getAttribute("aria-describedby"));
      open.className = step.classList.contains("open") ? "open-camera primary" : "open-camera";
      place.hidden = false;
      place.append(open);
      open.addEventListener("click", async () => {
        try {
          const blob = await window.precheck.shoot(step.dataset.step, label.textContent.trim(), words);
          if (blob) queue(step, blob);
        } catch {
          show(step, words.no_camera, null, true);
        }
        open.focus();
      });
    }
  }

  // What an earlier visit left unsent goes on by itself; what only the server knows of has to be chosen again.
  window.precheck.kept(base).then((files) => {
    for (const each of files) {
      const step = document.getElementById(`step-${each.step}`);
      if (step && !step.hidden) queue(step, each.blob, each.number);
      else window.precheck.drop(each.number);
    }
    const known = new Set(files.map((each) => `step-${each.step}`));
    form.querySelectorAll(".unfinished").forEach((each) => { each.hidden = known.has(each.closest(".step").id); });
  });

  // Pictures go by themselves, so the button is for the words alone.
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await keepWords();
      await sending;
      await refresh();
      document.getElementById("state").scrollIntoView({ behavior: "smooth" });
    } catch {
      form.submit();
    } finally {
      submit.disabled = false;
    }
  });

  let typed = null;
  problem.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => keepWords().catch(() => {}), 1500);
  });
  async function keepWords() {
    const body = new URLSearchParams({ problem: problem.value });
    const answer = await fetch(`${base}/text?lang=${lang}`, { method: "POST", body });
    if (!answer.ok) throw new Error(String(answer.status));
  }

  window.addEventListener("beforeunload", (event) => {
    if (form.querySelector(".progress .bar-of")) event.preventDefault();
  });
})();
