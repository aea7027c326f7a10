// How far the replay is, asked again until it is over; then the page is read anew with what it came to.

const EVERY_MS = 2000;
const now = document.getElementById("now");

async function follow() {
  try {
    const language = encodeURIComponent(document.documentElement.lang);
    const answer = await fetch(`${now.dataset.now}?lang=${language}`, {
      headers: { Accept: "text/html" },
      redirect: "manual",
      signal: AbortSignal.timeout(5 * EVERY_MS),
    });
    if (answer.status === 204 || answer.type === "opaqueredirect") {
      location.reload();
      return;
    }
    if (answer.ok) {
      now.innerHTML = await answer.text();
    }
  } catch {
    // Asked again below: the page shows what it knew.
  }
  setTimeout(follow, EVERY_MS);
}

setTimeout(follow, EVERY_MS);
