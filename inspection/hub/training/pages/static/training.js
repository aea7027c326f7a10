// One training, shown again whenever the hub says that something changed.

const now = document.getElementById("now");
const lost = document.getElementById("lost");
const cancel = document.getElementById("cancel");
const training = now.dataset.training;
const language = encodeURIComponent(document.documentElement.lang);
let asking = false;
let again = false;

async function renew() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const answer = await fetch(`/console/quality/training/${training}/now?lang=${language}`, {
      headers: { Accept: "text/html" },
      redirect: "manual",
    });
    if (answer.type === "opaqueredirect") {
      location.reload(); // signed out meanwhile
      return;
    }
    lost.hidden = answer.ok;
    if (answer.ok) {
      const log = now.querySelector("pre");
      const place = log && log.scrollTop + log.clientHeight < log.scrollHeight - 8 ? log.scrollTop : null;
      now.innerHTML = await answer.text();
      const fresh = now.querySelector("pre");
      if (fresh) {
        fresh.scrollTop = place ?? fresh.scrollHeight;
      }
    }
  } catch {
    lost.hidden = false;
  } finally {
    asking = false;
    if (again) {
      again = false;
      renew();
    }
  }
}

if (now.dataset.over !== "yes") {
  const events = new EventSource(`/v1/training/${training}/events`);
  events.addEventListener("state", renew);
  events.addEventListener("open", () => {
    lost.hidden = true;
  });
  events.addEventListener("error", () => {
    lost.hidden = false;
  });
  events.addEventListener("end", () => {
    events.close();
    cancel?.remove();
    renew();
  });
}
const log = now.querySelector("pre");
if (log) {
  log.scrollTop = log.scrollHeight;
}
