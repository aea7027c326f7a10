// The calibration page: looks at the camera's newest frame again and again, and shows what the station says of it.

const desk = document.getElementById("desk");
const picture = document.getElementById("picture");
const frame = document.getElementById("frame");
const lost = document.getElementById("lost");
const points = document.getElementById("points");
const coverage = document.getElementById("coverage");
const answer = document.getElementById("answer");
const toast = document.getElementById("toast");
const buttons = Object.fromEntries(
  ["take", "go", "solve", "restart", "undo"].map((id) => [id, document.getElementById(id)]).filter(([, button]) => button),
);
const sure = document.getElementById("sure");
const nextView = document.getElementById("next");
const SVG = "http://www.w3.org/2000/svg";
const PAUSE_MS = 250;
const RETRY_MS = 1000;
const TOAST_MS = 6000;
const { view, part } = desk.dataset;
const checks = part === "check";
let going = checks || buttons.go.hidden;
let busy = false;

function words(code) {
  return document.querySelector(`#words [data-code="${CSS.escape(code)}"]`)?.textContent ?? "";
}

let toastTimer;

function say(code) {
  toast.textContent = words(code) || words("otherwise");
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    toast.hidden = true;
  }, TOAST_MS);
}

async function post(order, body = {}) {
  const path = order === "undo" ? `${view}/undo` : `${view}/${part}/${order}`;
  const response = await fetch(`/api/calibration/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await response.json();
  if (!response.ok) {
    throw Object.assign(new Error(said.detail), { code: said.code });
  }
  return said;
}

function drawn(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}

function showCheck(seen) {
  size(seen);
  buttons.take.disabled = !["passed", "failed", "checking"].includes(seen.reason);
  buttons.take.classList.toggle("next", seen.reason === "passed" && !seen.reference);
  answer.dataset.reason = seen.reason;
  const moves = seen.moves.map((code) => words(`move.${code}`));
  const hint = seen.reason === "passed" && !seen.reference ? [words("no_reference")] : [];
  answer.replaceChildren(...[words(seen.reason), ...moves, ...hint].map((text) => spoken(text)));
  if (seen.checked) {
    going = false;
    buttons.go.textContent = buttons.go.dataset.resting;
    nextView.href = seen.next_view ? `?view=${encodeURIComponent(seen.next_view)}&part=check` : "/";
    nextView.textContent = seen.next_view ? `${nextView.dataset.next} ${seen.next_view}` : nextView.dataset.back;
    nextView.hidden = false;
    const row = document.querySelector(".parts [aria-current]");
    row.parentElement.className = seen.checked === "passed" ? "valid" : "open";
    row.querySelector("span").textContent = row.dataset[seen.checked];
  }
}

function spoken(text) {
  const line = document.createElement("span");
  line.textContent = text;
  return line;
}

function size(seen) {
  if (!seen.width) {
    return;
  }
  picture.setAttribute("viewBox", `0 0 ${seen.width} ${seen.height}`);
  frame.setAttribute("width", seen.width);
  frame.setAttribute("height", seen.height);
}

function show(seen) {
  size(seen);
  const radius = seen.width / 220;
  points.replaceChildren(...seen.points.map(([x, y]) => drawn("circle", { cx: x, cy: y, r: radius })));
  const rows = seen.coverage.length;
  const cells = seen.coverage.flatMap((row, y) =>
    row.map((count, x) => {
      const [width, height] = [seen.width / row.length, seen.height / rows];
      return drawn("rect", { x: x * width, y: y * height, width, height, class: count > 1 ? "seen" : "unseen" });
    }),
  );
  coverage.replaceChildren(...cells);
  document.getElementById("count").textContent = seen.count;
  document.getElementById("progress").value = seen.count;
  buttons.solve.disabled = !seen.solvable;
  buttons.solve.classList.toggle("next", seen.enough);
  buttons.take.disabled = seen.reason !== "ready";
  const reason = seen.kept ? "kept" : seen.reason;
  const covered = seen.coverage.length > 0 && seen.count > 0 && !seen.next_place;
  const next = words(seen.enough ? "enough" : covered ? "elsewhere" : seen.next_place);
  answer.dataset.reason = reason;
  answer.textContent = [words(reason), reason === "enough" ? "" : next].filter(Boolean).join(" ");
}

function showPicture() {
  return new Promise((done) => {
    const image = new Image();
    const path = `/live/${encodeURIComponent(view)}.jpg?t=${Date.now()}`;
    image.addEventListener("load", () => {
      frame.setAttribute("href", path);
      lost.hidden = true;
      done(true);
    });
    image.addEventListener("error", () => {
      frame.removeAttribute("href"); // an old picture is never left standing
      points.replaceChildren();
      lost.hidden = false;
      done(false);
    });
    image.src = path;
  });
}

async function look(take = false) {
  busy = true;
  if (take && !checks) {
    buttons.take.disabled = true;
    answer.textContent = words("taking");
  }
  try {
    (checks ? showCheck : show)(await post("look", { take }));
  } catch (error) {
    const code = (error.code ?? "request.unreachable").replace(/^(camera|device)\./, "");
    answer.dataset.reason = code;
    answer.textContent = words(code) || words("otherwise");
    buttons.take.disabled = true;
  }
  busy = false;
}

async function follow() {
  const there = document.hidden || (await showPicture());
  if (there && going && !busy && !document.hidden) {
    await look();
  }
  setTimeout(follow, there ? PAUSE_MS : RETRY_MS);
}

async function order(name, done) {
  for (const button of Object.values(buttons)) {
    button.disabled = true;
  }
  try {
    await post(name);
    sessionStorage.setItem("said", done);
    if (name === "solve") {
      location.href = `?view=${encodeURIComponent(view)}`; // what is to be done next
      return;
    }
  } catch (error) {
    sessionStorage.setItem("said", error.code ?? "request.unreachable");
  }
  location.reload();
}

buttons.go.addEventListener("click", () => {
  going = !going;
  buttons.go.textContent = going ? buttons.go.dataset.going : buttons.go.dataset.resting;
});
buttons.take.addEventListener("click", () => look(true));
buttons.solve?.addEventListener("click", () => order("solve", "calibration.saved"));
buttons.restart?.addEventListener("click", () => order("restart", ""));
buttons.undo?.addEventListener("click", () => sure?.showModal());
sure?.addEventListener("close", () => {
  if (sure.returnValue === "yes") {
    order("undo", "calibration.undone");
  }
});

const said = sessionStorage.getItem("said");
sessionStorage.removeItem("said");
if (said) {
  say(said);
}
follow();
