// Labelling by keyboard: the next pictures are there before they are needed, and what is said is sent behind them.

const SVG = "http://www.w3.org/2000/svg";
const AHEAD = 4;
const RETRY_MS = 3000;
const MIN_BOX = 6;
const root = document.getElementById("review");
const config = JSON.parse(root.dataset.config);
const deciding = config.mode === "decide";
const frame = document.getElementById("frame");
const told = document.getElementById("told");
const heading = document.getElementById("about");
const single = document.getElementById("keys");
const waiting = []; // {item, image}, in the order they are shown
const unsent = []; // {id, send}: said, and not yet known to the hub
let current = null;
let said = null;
let filling = null;
let exhausted = false;
let count = 0;
let sending = null;

const say = (key, wrong = false) => {
  told.textContent = config.sayings[key] ?? key;
  told.classList.toggle("wrong", wrong);
};
const buttons = (selector) => [...root.querySelectorAll(selector)];

async function call(method, path, body) {
  const headers = { Accept: "application/json", "X-CSRF-Token": root.dataset.csrf };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(`/v1/review/${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(20000),
  });
  if (answer.status === 401) {
    location.reload(); // signed out meanwhile: the page sends on to where one signs in
  }
  const value = answer.status === 204 ? null : await answer.json();
  return { ok: answer.ok, status: answer.status, value };
}

// -- pictures -------------------------------------------------------------------------------------------------------

function prepared(item) {
  const image = new Image(item.width, item.height);
  image.alt = `${config.goods[item.goods] ?? item.goods}, ${item.view}`;
  image.draggable = false;
  image.src = `/console/quality/review/pictures/${item.id}`;
  return { item, image };
}

const here = () => [...waiting.map((each) => each.item.id), ...unsent.map((each) => each.id), ...(current ? [current.item.id] : [])];

async function fill() {
  filling ??= (async () => {
    try {
      const found = deciding ? await disputed() : await leased();
      const known = new Set(here());
      const fresh = found.filter((item) => !known.has(item.id));
      exhausted = fresh.length === 0;
      waiting.push(...fresh.map(prepared));
    } catch {
      say("lost", true);
      setTimeout(() => fill().then(next), RETRY_MS);
    } finally {
      filling = null;
    }
  })();
  return filling;
}

async function leased() {
  const answer = await call("POST", "leases", { count: AHEAD, reason: config.reason, besides: here().slice(0, 50) });
  if (!answer.ok) {
    throw new Error(answer.status);
  }
  return answer.value.items;
}

const mine = new Set(); // pictures that the asker labelled, which somebody else decides
async function disputed() {
  const answer = await call("GET", "items?state=disputed&limit=50");
  if (!answer.ok) {
    throw new Error(answer.status);
  }
  const known = new Set(here());
  const found = [];
  for (const each of answer.value.items.filter((item) => !known.has(item.id) && !mine.has(item.id))) {
    const whole = await call("GET", `items/${each.id}`);
    const given = whole.ok ? whole.value.labels.filter((label) => label.kind === "label" && !label.undone) : [];
    if (given.some((label) => label.labeller === config.me)) {
      mine.add(each.id);
    } else if (given.length > 1) {
      found.push({ ...each, model: given[0], override: given[1] });
    }
    if (found.length >= AHEAD) {
      break;
    }
  }
  return found;
}

async function next() {
  if (current) {
    return;
  }
  if (!waiting.length && !exhausted) {
    await fill();
  }
  if (current || !waiting.length) {
    if (!current) {
      empty();
    }
    return;
  }
  show(waiting.shift());
  if (waiting.length < AHEAD - 1 && !exhausted) {
    fill();
  }
}

function empty() {
  current = null;
  said = null;
  frame.replaceChildren();
  const line = document.createElement("p");
  line.textContent = config.sayings.empty;
  frame.append(line);
  heading.textContent = config.sayings.empty;
  document.getElementById("why").replaceChildren();
  document.getElementById("findings").textContent = "";
  root.hidden = false;
  mark();
}

function show(entry) {
  current = entry;
  const item = entry.item;
  said = {
    condition: null,
    defects: new Set(),
    boxes: [],
    useless: false,
    source: "person",
    active: null,
    findings: !("audit" in item.reasons) || deciding,
    since: performance.now(),
  };
  heading.textContent = `${config.goods[item.goods] ?? item.goods} · ${item.station_id} · ${item.view}`;
  const why = Object.keys(item.reasons).map((reason) => {
    const tag = document.createElement("span");
    tag.className = reason === "override" ? "tag warn" : "tag";
    tag.textContent = config.reasons[reason] ?? reason;
    return tag;
  });
  document.getElementById("why").replaceChildren(...why);
  const overlay = document.createElementNS(SVG, "svg");
  overlay.setAttribute("viewBox", `0 0 ${item.width} ${item.height}`);
  overlay.setAttribute("aria-hidden", "true");
  frame.replaceChildren(entry.image, overlay);
  root.hidden = false;
  mark();
}

// -- what is said ---------------------------------------------------------------------------------------------------

function described(proposal) {
  const condition = proposal.useless ? config.sayings.useless : (config.conditions[proposal.condition] ?? "?");
  const defects = proposal.defects.map((defect) => config.defects[defect] ?? defect).join(", ");
  return defects ? `${condition}: ${defects}` : condition;
}

function mark() {
  const item = current?.item;
  for (const button of buttons("button")) {
    button.disabled = !item && button.dataset.act !== "undo";
  }
  for (const button of buttons("[data-condition]")) {
    button.setAttribute("aria-pressed", String(said?.condition === button.dataset.condition));
  }
  for (const button of buttons("[data-defect]")) {
    button.setAttribute("aria-pressed", String(Boolean(said?.defects.has(button.dataset.defect))));
  }
  root.querySelector('[data-act="useless"]').setAttribute("aria-pressed", String(Boolean(said?.useless)));
  root.querySelector('[data-act="findings"]').setAttribute("aria-pressed", String(Boolean(said?.findings)));
  document.getElementById("done").textContent = config.sayings.done.replace("%(count)s", count);
  if (!item) {
    return;
  }
  for (const which of ["model", "override"]) {
    root.querySelector(`[data-act="${which}"]`).disabled = !item[which];
  }
  root.querySelector('[data-act="box"]').disabled = !proposedBoxes().length;
  root.querySelector('[data-act="unbox"]').disabled = !said.boxes.length;
  const names = deciding ? ["first", "second"] : ["model", "override"];
  const lines = ["model", "override"].flatMap((which, place) =>
    item[which] && said.findings ? [`${config.sayings[names[place]]}: ${described(item[which])}`] : [],
  );
  document.getElementById("findings").textContent = lines.join(" · ");
  draw();
}

function draw(growing = null) {
  const overlay = frame.querySelector("svg");
  if (!overlay || !current) {
    return;
  }
  const boxes = said.findings ? proposedBoxes().map((box) => [box, "proposed"]) : [];
  boxes.push(...said.boxes.map((box) => [box, "own"]), ...(growing ? [[growing, "own"]] : []));
  overlay.replaceChildren(
    ...boxes.flatMap(([box, kind]) =>
      ["halo", kind].map((name) => {
        const shape = document.createElementNS(SVG, "rect");
        for (const side of ["x", "y", "width", "height"]) {
          shape.setAttribute(side, box[side]);
        }
        shape.setAttribute("class", name);
        return shape;
      }),
    ),
  );
}

const same = (one, other) => ["x", "y", "width", "height"].every((side) => one[side] === other[side]);
function proposedBoxes() {
  const all = [...(current?.item.override?.boxes ?? []), ...(current?.item.model?.boxes ?? [])];
  return all.filter((box) => !said.boxes.some((own) => same(own, box)));
}

function changed() {
  said.source = "person";
  said.useless = false;
}

function chooseCondition(condition) {
  changed();
  said.condition = condition;
  if (condition === "intact") {
    said.defects.clear();
    said.boxes = [];
  }
}

function chooseDefect(defect) {
  changed();
  if (said.defects.has(defect)) {
    said.defects.delete(defect);
    said.boxes = said.boxes.filter((box) => box.defect !== defect);
    said.active = null;
  } else {
    said.defects.add(defect);
    said.active = defect;
  }
  if (said.condition === "intact" && said.defects.size) {
    said.condition = null;
  }
}

function take(which) {
  const proposal = current.item[which];
  if (!proposal) {
    return;
  }
  said.condition = proposal.condition;
  said.useless = Boolean(proposal.useless);
  said.defects = new Set(proposal.condition === "intact" ? [] : proposal.defects);
  said.boxes = proposal.condition === "intact" ? [] : proposal.boxes.map((box) => ({ ...box }));
  said.source = deciding ? "person" : which;
  if (!proposal.condition && !proposal.useless) {
    say("choose");
  }
}

function addBox(box) {
  changed();
  const own = { ...box, defect: box.defect ?? said.active ?? [...said.defects].at(-1) ?? null };
  said.boxes.push(own);
  said.defects.add(own.defect ?? "damaged");
  if (said.condition === "intact") {
    said.condition = null;
  }
}

const ACTS = {
  model: () => take("model"),
  override: () => take("override"),
  box: () => {
    const [first] = proposedBoxes();
    if (first) {
      addBox(first);
    }
  },
  unbox: () => {
    changed();
    said.boxes.pop();
  },
  useless: () => {
    const useless = !said.useless;
    said = { ...said, condition: null, defects: new Set(), boxes: [], useless, source: "person" };
  },
  findings: () => {
    said.findings = !said.findings;
  },
  save,
  skip,
  undo,
};

function act(name) {
  if (!current && name !== "undo") {
    return;
  }
  told.textContent = "";
  ACTS[name]();
  mark();
}

// -- sending --------------------------------------------------------------------------------------------------------

function save() {
  if (!said.useless && !said.condition) {
    say("choose", true);
    return;
  }
  if (!said.useless && said.condition !== "intact" && !said.defects.size) {
    say("defect", true);
    return;
  }
  const body = {
    condition: said.condition,
    defects: [...said.defects],
    boxes: said.boxes,
    useless: said.useless,
    source: said.source,
    took_ms: Math.min(86400000, Math.round(performance.now() - said.since)),
  };
  const { id } = current.item;
  leave(id, () => call("POST", `items/${id}/${deciding ? "decision" : "labels"}`, body));
  count += 1;
  say("saved");
}

function skip() {
  const { id } = current.item;
  if (deciding) {
    mine.add(id);
    current = null;
    next();
    return;
  }
  leave(id, () => call("POST", `items/${id}/skip`));
  say("skipped");
}

function leave(id, send) {
  unsent.push({ id, send });
  current = null;
  flush();
  next();
}

// One after the other, so that undo knows what came last; what the hub did not hear is sent again.
async function flush() {
  sending ??= (async () => {
    await null; // so that the end below comes after `sending` is set, also when nothing is to be sent
    try {
      while (unsent.length) {
        const answer = await unsent[0].send();
        if (answer.status >= 500 || answer.status === 429) {
          throw new Error(answer.status);
        }
        if (!answer.ok) {
          count = Math.max(0, count - 1);
          say({ "review.leased": "taken", "review.labelled": "taken", "review.own": "own" }[answer.value.code] ?? "refused", true);
        }
        unsent.shift();
      }
    } catch {
      say("lost", true);
      setTimeout(flush, RETRY_MS);
    } finally {
      sending = null;
    }
  })();
  return sending;
}

async function undo() {
  if (deciding) {
    say("nothing", true);
    return;
  }
  await flush();
  if (unsent.length) {
    say("lost", true);
    return;
  }
  const answer = await call("DELETE", "labels").catch(() => null);
  if (!answer?.ok) {
    say(answer === null ? "lost" : answer.value.code === "review.settled" ? "settled" : "nothing", true);
    return;
  }
  if (current) {
    waiting.unshift(current);
  }
  count = Math.max(0, count - 1);
  show(prepared(answer.value.item));
  say("undone");
}

// -- keys and mouse -------------------------------------------------------------------------------------------------

const LETTERS = { a: "model", p: "override", b: "box", u: "useless", f: "findings", z: "undo", k: "skip" };
const conditions = buttons("[data-condition]").map((button) => button.dataset.condition);
const byKey = Object.fromEntries(buttons("[data-defect]").map((button) => [button.dataset.key, button.dataset.defect]));

document.addEventListener("keydown", (event) => {
  const onControl = event.target.closest("a, button, input, select");
  if (event.key === "Enter" && (event.ctrlKey || !onControl)) {
    event.preventDefault();
    act("save");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !single.checked || event.repeat) {
    return;
  }
  if (event.key === "Backspace" || event.key === "Delete") {
    event.preventDefault();
    act("unbox");
    return;
  }
  const letter = event.key.toLowerCase();
  const known = letter in LETTERS || letter in byKey || conditions[Number(letter) - 1];
  if (!known || (event.key === " " && onControl)) {
    return;
  }
  event.preventDefault();
  if (letter in LETTERS) {
    act(LETTERS[letter]);
  } else if (current) {
    told.textContent = "";
    if (letter in byKey) {
      chooseDefect(byKey[letter]);
    } else {
      chooseCondition(conditions[Number(letter) - 1]);
    }
    mark();
  }
});

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !root.contains(button)) {
    return;
  }
  if (button.dataset.act) {
    act(button.dataset.act);
  } else if (current && button.dataset.condition) {
    chooseCondition(button.dataset.condition);
    mark();
  } else if (current && button.dataset.defect) {
    chooseDefect(button.dataset.defect);
    mark();
  }
  if (event.detail > 0) {
    heading.focus({ preventScroll: true }); // by mouse: Enter goes on saving; by keyboard the focus stays
  }
});

let from = null;
function place(event) {
  const overlay = frame.querySelector("svg");
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(overlay.getScreenCTM().inverse());
  const { width, height } = current.item;
  return { x: Math.min(width, Math.max(0, Math.round(point.x))), y: Math.min(height, Math.max(0, Math.round(point.y))) };
}
function between(one, other) {
  const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  return { x, y, width: Math.abs(one.x - other.x), height: Math.abs(one.y - other.y) };
}
frame.addEventListener("pointerdown", (event) => {
  if (current && event.button === 0) {
    from = place(event);
    frame.setPointerCapture(event.pointerId);
    event.preventDefault();
  }
});
frame.addEventListener("pointermove", (event) => {
  if (from && current) {
    draw(between(from, place(event)));
  }
});
frame.addEventListener("pointerup", (event) => {
  if (from && current) {
    const box = between(from, place(event));
    if (box.width >= MIN_BOX && box.height >= MIN_BOX) {
      addBox(box);
    }
    mark();
  }
  from = null;
});
frame.addEventListener("pointercancel", () => {
  from = null;
  mark();
});
window.addEventListener("beforeunload", (event) => {
  if (unsent.length) {
    event.preventDefault();
  }
});

next().then(() => heading.focus({ preventScroll: true }));
