// Looking closely: a picture fills the screen, is enlarged where it is touched, shows where the model looked, and takes marks.

const ENLARGED = 2.5;
const SMALLEST_MARK = 0.01; // of the picture's width

let view = ""; // the picture that fills the screen
let enlarged = "";
let heat = false;
let sample = false; // the good sample beside each picture
let marks = [];
let marksOf = "";
let drawing;

const panel = document.getElementById("panel");
const station = () => document.getElementById("station");
const figures = () => [...panel.querySelectorAll("figure[data-view]")];
const marking = () => Boolean(station()?.dataset.override);

/** Apply what the worker chose to look at to a panel that was just shown. */
export function keepLooking() {
  const inspection = `${station().dataset.inspection ?? ""} ${station().dataset.take ?? ""}`;
  if (inspection !== marksOf) {
    [marksOf, marks, view, enlarged, heat, sample] = [inspection, [], "", "", false, false];
  }
  if (!marking()) {
    marks = [];
  }
  for (const figure of figures()) {
    const mine = figure.dataset.view === view;
    figure.classList.toggle("large", mine);
    figure.classList.toggle("enlarged", mine && enlarged !== "");
    figure.style.setProperty("--place", mine && enlarged ? enlarged : "50% 50%");
    const shown = figure.querySelector(".heat");
    if (heat && !shown) {
      const image = new Image();
      image.className = "heat";
      image.alt = "";
      image.src = `/heat/${figure.dataset.picture}`;
      image.addEventListener("error", () => image.remove());
      figure.append(image);
    } else if (!heat) {
      shown?.remove();
    }
    besideSample(figure);
    drawMarks(figure);
  }
}

function besideSample(figure) {
  const shows = sample && "sample" in figure.dataset;
  const shown = figure.querySelector("img.sample");
  if (shows && !shown) {
    const image = new Image();
    image.className = "sample";
    image.alt = figure.querySelector("p.sample").textContent;
    image.src = figure.dataset.sample;
    image.addEventListener("error", () => image.remove());
    figure.append(image);
  } else if (!shows) {
    shown?.remove();
  }
  figure.classList.toggle("beside", shows);
  figure.querySelector("p.sample")?.toggleAttribute("hidden", !shows);
}

/** The next picture fills the screen, and after the last one none. */
export function nextPicture() {
  const all = figures().map((figure) => figure.dataset.view);
  view = all[all.indexOf(view) + 1] ?? "";
  enlarged = "";
  keepLooking();
}

export function toggleHeat() {
  heat = !heat;
  keepLooking();
}

/** The product's good sample beside what was photographed, before and after. */
export function toggleSample() {
  sample = !sample;
  keepLooking();
}

export const isLarge = () => view !== "";

export function smallAgain() {
  [view, enlarged] = ["", ""];
  keepLooking();
}

/** What was marked, for the order that gives the reason. */
export const given = () => marks;

function drawMarks(figure) {
  const shot = figure.querySelector(".shot");
  for (const old of shot.querySelectorAll(".mark")) {
    old.remove();
  }
  for (const mark of [...marks, ...(drawing ? [drawing] : [])]) {
    if (mark.view === figure.dataset.view) {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.setAttribute("class", "mark");
      rect.setAttribute("vector-effect", "non-scaling-stroke");
      for (const [name, value] of Object.entries(mark.box)) {
        rect.setAttribute(name, value);
      }
      shot.append(rect);
    }
  }
}

/* Place of a pointer in pixels of the picture. */
function place(shot, event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(shot.getScreenCTM().inverse());
  const { width, height } = shot.viewBox.baseVal;
  return [Math.min(width, Math.max(0, Math.round(at.x))), Math.min(height, Math.max(0, Math.round(at.y)))];
}

panel.addEventListener("pointerdown", (event) => {
  const figure = event.target.closest("figure[data-view]");
  if (!figure || event.button !== 0) {
    return;
  }
  if (marking()) {
    const shot = figure.querySelector(".shot");
    const from = place(shot, event);
    drawing = { view: figure.dataset.view, from, shot, box: { x: from[0], y: from[1], width: 1, height: 1 } };
    event.preventDefault();
  }
});

window.addEventListener("pointermove", (event) => {
  if (!drawing) {
    return;
  }
  const [x, y] = place(drawing.shot, event);
  const [left, top] = [Math.min(x, drawing.from[0]), Math.min(y, drawing.from[1])];
  drawing.box = {
    x: left,
    y: top,
    width: Math.max(1, Math.max(x, drawing.from[0]) - left),
    height: Math.max(1, Math.max(y, drawing.from[1]) - top),
  };
  const figure = drawing.shot.closest("figure");
  if (figure) {
    drawMarks(figure);
  }
});

window.addEventListener("pointerup", () => {
  if (!drawing) {
    return;
  }
  const { view: where, box, shot } = drawing;
  drawing = undefined;
  if (box.width > SMALLEST_MARK * shot.viewBox.baseVal.width && box.height > 1) {
    marks = [...marks.slice(-9), { view: where, box }];
  }
  keepLooking();
});

panel.addEventListener("click", (event) => {
  const figure = event.target.closest("figure[data-view]");
  if (!figure || marking()) {
    return;
  }
  if (figure.dataset.view !== view) {
    [view, enlarged] = [figure.dataset.view, ""];
  } else if (!enlarged) {
    const box = figure.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * 100;
    const down = ((event.clientY - box.top) / box.height) * 100;
    enlarged = `${across.toFixed(1)}% ${down.toFixed(1)}%`;
  } else {
    [view, enlarged] = ["", ""];
  }
  keepLooking();
});

document.documentElement.style.setProperty("--enlarged", ENLARGED);
