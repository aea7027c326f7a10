// The calibration page: looks at the camera's newest frame again and again, and shows what the station says of it.

const desk = document.getElementById("desk");
const picture = document.getElementById("picture");
const frame = document.getElementById("frame");
const lost = document.getElementById("lost");
const points = document.getElementById("points");
const coverage = document.getElementById("coverage");
const answer = document.getElementById("answer");
const toast = document.getElementById("toast");
const buttons = Object.fromEntries(["take", "go", "solve", "restart", "undo"].map((id) => [id, document.getElementById(id)]));
const SVG = "http://www.w3.org/2000/svg";
const PAUSE_MS = 250;
const RETRY_MS = 1000;
const TOAST_MS = 6000;
const { view, part } = desk.dataset;
const byItself = !buttons.go.hidden;
let going = !byItself;
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

function show(seen) {
  picture.setAttribute("viewBox", `0 0 ${seen.width} ${seen.height}`);
  frame.setAttribute("width", seen.width);
  frame.setAttribute("height", seen.height);
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
  const next = seen.enough ? words("enough") : words(seen.next_place);
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
  try {
    show(await post("look", { take }));
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
buttons.solve.addEventListener("click", () => order("solve", "calibration.saved"));
buttons.restart.addEventListener("click", () => order("restart", ""));
buttons.undo.addEventListener("click", () => order("undo", "calibration.undone"));

const said = sessionStorage.getItem("said");
sessionStorage.removeItem("said");
if (said) {
  say(said);
}
follow();
