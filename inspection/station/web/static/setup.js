// The set-up page follows the station and brings the technician's orders back.

const $ = (id) => document.getElementById(id);
const live = $("live");
const toast = $("toast");
const root = document.documentElement;
const LOOK_MS = 1000;
const PICTURE_MS = 250;
const RETRY_MS = 1000;
const TOAST_MS = 8000;
let pressing = false;
let leaving = false;

const state = () => $("state").dataset;
const words = (code) => document.querySelector(`#words [data-code="${CSS.escape(code)}"]`)?.textContent ?? "";

let toastTimer;

function say(code, detail = "") {
  toast.textContent = [words(code) || words("otherwise"), detail].filter(Boolean).join(" ");
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    toast.hidden = true;
  }, TOAST_MS);
}

const WITH_DETAIL = ["setup.refused", "config.invalid"];

async function post(order, body = {}, done = "") {
  try {
    const response = await fetch(`/api/setup/${order}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) {
      if (answer.code === "setup.locked") {
        location.reload();
      }
      say(answer.code, WITH_DETAIL.includes(answer.code) || !words(answer.code) ? answer.detail : "");
      return null;
    }
    if (done) {
      say(done);
    }
    look();
    return answer;
  } catch {
    say("request.unreachable");
    return null;
  }
}

/* Live pictures survive every new panel. */
const pictures = new Map();

function picture(view) {
  if (!pictures.has(view)) {
    const image = new Image();
    image.alt = "";
    const load = () => {
      if (image.isConnected && !document.hidden) {
        image.src = `/live/${encodeURIComponent(view)}.jpg?t=${Date.now()}`;
      } else {
        setTimeout(load, RETRY_MS);
      }
    };
    image.addEventListener("load", () => {
      image.hidden = false;
      setTimeout(load, PICTURE_MS);
    });
    image.addEventListener("error", () => {
      image.hidden = true;
      setTimeout(load, RETRY_MS);
    });
    image.hidden = true;
    pictures.set(view, image);
    setTimeout(load, 0);
  }
  return pictures.get(view);
}

function attachPictures() {
  for (const button of live.querySelectorAll("[data-live]")) {
    if (button.dataset.live) {
      button.querySelector(".shot").append(picture(button.dataset.live));
    }
  }
}

/* What follows the station. */
let timer;

async function look() {
  clearTimeout(timer);
  if (leaving) {
    return;
  }
  try {
    const response = await fetch(`/setup/panel?lang=${encodeURIComponent(root.lang)}`);
    if (response.status === 403) {
      location.reload();
      return;
    }
    if (response.ok && !pressing) {
      show(await response.text());
    }
  } catch {
    // the station starts again, or is gone: asked again below
  }
  clearTimeout(timer);
  timer = setTimeout(look, LOOK_MS);
}

function place(button) {
  return [...live.querySelectorAll("button")].indexOf(button);
}

function show(html) {
  const focused = place(document.activeElement);
  live.innerHTML = html;
  attachPictures();
  if (focused >= 0) {
    live.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  }
  if ($("device").open) {
    tellTrial();
  }
}

addEventListener("pointerdown", () => {
  pressing = true;
});
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => {
    setTimeout(() => {
      pressing = false;
    }, 0);
  });
}

/* A device. */
const device = $("device");
const driver = $("device-driver");
let tried = "";

const filled = () => {
  const { place: where, speed } = driver.selectedOptions[0].dataset;
  return {
    device_id: $("device-id").value.trim(),
    driver: driver.value,
    place: where ? $("device-place").value.trim() : "",
    baudrate: speed && $("device-speed").value ? Number($("device-speed").value) : null,
  };
};

function fit() {
  const { place: where, speed } = driver.selectedOptions[0].dataset;
  $("device-place").disabled = !where;
  $("device-speed").disabled = !speed;
  $("device-speed").placeholder = speed;
}

function openDevice({ device: id, driver: name, place: where, speed }) {
  driver.value = name;
  $("device-id").value = id || freeName(name.split(".")[0]);
  $("device-id").readOnly = Boolean(id);
  $("device-place").value = where;
  $("device-speed").value = speed;
  $("device-said").textContent = "";
  tried = "";
  fit();
  device.showModal();
}

const NAMES = { barcode: "scanner" };

function freeName(role) {
  const taken = new Set([...live.querySelectorAll("[data-device]")].map((button) => button.dataset.device));
  const name = NAMES[role] ?? role;
  for (let number = 1; ; number += 1) {
    const wanted = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(wanted)) {
      return wanted;
    }
  }
}

driver.addEventListener("change", () => {
  if (!$("device-id").readOnly) {
    $("device-id").value = freeName(driver.value.split(".")[0]);
  }
  $("device-speed").value = "";
  fit();
});

function tellTrial() {
  const trial = $("trial");
  if (tried && trial?.dataset.about === tried) {
    $("device-said").textContent = trial.querySelector("span").textContent.replace(/\s+/g, " ").trim();
    $("device-said").dataset.answer = trial.dataset.answer;
  }
}

async function test(wanted) {
  tried = wanted.device_id;
  await post("test", { device: wanted });
}

$("device-test").addEventListener("click", () => test(filled()));
$("device-save").addEventListener("click", async () => {
  if (await post("device", { device: filled(), seen: state().digest || null }, "saved")) {
    device.close();
  }
});

/* A camera's view. */
const views = $("views");

function openViews({ camera, about, live: shown, look: found, views: names, view: current }) {
  $("views-about").textContent = about;
  const image = $("views-picture");
  image.hidden = true;
  image.onload = () => {
    image.hidden = false;
  };
  image.onerror = () => found && say("camera.stale");
  image.src = shown ? `/live/${encodeURIComponent(shown)}.jpg?t=${Date.now()}` : `/api/setup/picture?place=${encodeURIComponent(found)}`;
  $("views-choices").replaceChildren(
    ...names.split(" ").map((name) => {
      const choice = document.createElement("button");
      choice.type = "button";
      choice.textContent = name;
      choice.ariaPressed = String(name === current);
      choice.addEventListener("click", async () => {
        if (await post("view", { camera, view: name, seen: state().digest || null }, "saved")) {
          views.close();
        }
      });
      return choice;
    }),
  );
  views.showModal();
}

/* Taking out. */
function openSure(name) {
  $("sure-about").textContent = name;
  $("sure").returnValue = "";
  $("sure").onclose = () => {
    if ($("sure").returnValue === "yes") {
      post("remove", { name, seen: state().digest || null }, "saved");
    }
  };
  $("sure").showModal();
}

live.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) {
    return;
  }
  const { dataset } = button;
  if ("post" in dataset) {
    post(dataset.post, {}, dataset.post === "undo" ? "undone" : "restarting");
  } else if ("camera" in dataset) {
    openViews(dataset);
  } else if ("device" in dataset) {
    openDevice(dataset);
  } else if ("test" in dataset) {
    const { test: id, driver: name, place: where, speed } = dataset;
    test({ device_id: id, driver: name, place: where, baudrate: speed ? Number(speed) : null });
  } else if ("probe" in dataset) {
    post("probe", { name: dataset.probe });
  } else if ("record" in dataset) {
    post("record", { name: dataset.record });
  } else if ("remove" in dataset) {
    openSure(dataset.remove);
  }
});

/* Checks, label, PIN. */
const checks = $("checks");

function line(check) {
  const item = document.createElement("li");
  item.className = check.good ? "good" : "bad";
  const text = document.querySelector(`#check-words [data-code="${CSS.escape(check.code)}"]`)?.textContent ?? check.code;
  const step = document.createElement("b");
  step.textContent = document.querySelector(`#check-words [data-step="${check.step}"]`)?.textContent ?? check.step;
  const mark = document.createElement("i");
  mark.textContent = check.good ? checks.dataset.good : checks.dataset.bad;
  const said = document.createElement("span");
  said.textContent = text.replace("{about}", check.about);
  said.title = check.detail;
  item.append(mark, step, said);
  return item;
}

async function busy(button, work) {
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
  }
}

$("check").addEventListener("click", () =>
  busy($("check"), async () => {
    checks.replaceChildren(document.createElement("li"));
    checks.firstChild.textContent = checks.dataset.busy;
    const answer = await post("checks");
    checks.replaceChildren(...(answer?.checks ?? []).map(line));
  }),
);
$("label").addEventListener("click", () => busy($("label"), () => post("label", {}, "printed")));
$("pin-open").addEventListener("click", () => {
  $("pins-pin").value = "";
  $("pins").showModal();
});
$("pins-save").addEventListener("click", async () => {
  if (await post("pin", { pin: $("pins-pin").value }, "pin")) {
    $("pins").close();
    setTimeout(() => location.reload(), RETRY_MS);
  }
});
$("lock")?.addEventListener("click", async () => {
  leaving = true;
  await post("lock");
  location.assign("/");
});

const THEMES = ["", "light", "dark"];

function showTheme() {
  root.dataset.theme = localStorage.getItem("theme") ?? "";
}

$("theme").addEventListener("click", () => {
  localStorage.setItem("theme", THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "") + 1) % THEMES.length]);
  showTheme();
});
showTheme();
attachPictures();
timer = setTimeout(look, LOOK_MS);
