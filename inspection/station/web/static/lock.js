// The way into the set-up page: a badge opens it by itself, a PIN when it is the right one.

const toast = document.getElementById("toast");
const LOOK_MS = 1000;
const words = (code) => document.querySelector(`#words [data-code="${CSS.escape(code)}"]`)?.textContent ?? "";

function say(code) {
  toast.textContent = words(code) || words("otherwise");
  toast.hidden = false;
}

document.getElementById("unlock")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const pin = document.getElementById("pin");
  try {
    const response = await fetch("/api/setup/unlock", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ pin: pin.value }),
    });
    if (response.ok) {
      location.reload();
      return;
    }
    say((await response.json()).code);
    pin.select();
  } catch {
    say("request.unreachable");
  }
});

async function look() {
  try {
    const { open } = await (await fetch("/api/setup/access")).json();
    if (open) {
      location.reload();
      return;
    }
  } catch {
    // asked again below
  }
  setTimeout(look, LOOK_MS);
}

setTimeout(look, LOOK_MS);
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";
document.getElementById("theme").hidden = true;
