// The stations, asked for again and again; held still on demand (WCAG 2.2, 2.2.2), and said when they grow old.

const EVERY_MS = 4000;
const now = document.getElementById("now");
const pause = document.getElementById("pause");
const lost = document.getElementById("lost");
const held = () => pause.getAttribute("aria-pressed") === "true";

async function renew() {
  const language = encodeURIComponent(document.documentElement.lang);
  try {
    const answer = await fetch(`/console/floor/now?lang=${language}`, {
      headers: { Accept: "text/html" },
      redirect: "manual",
      signal: AbortSignal.timeout(3 * EVERY_MS),
    });
    if (answer.type === "opaqueredirect") {
      location.reload(); // signed out meanwhile: the page sends on to where one signs in
      return;
    }
    lost.hidden = answer.ok;
    if (answer.ok && !held()) {
      now.innerHTML = await answer.text();
    }
  } catch {
    lost.hidden = false;
  }
}

async function follow() {
  if (!held() && !document.hidden) {
    await renew();
  }
  setTimeout(follow, EVERY_MS);
}

pause.hidden = false;
pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!held()));
  if (!held()) {
    renew();
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !held()) {
    renew();
  }
});
setTimeout(follow, EVERY_MS);
