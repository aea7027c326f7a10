// The figures of the rollout under way, asked for again every few seconds; what a person types stays untouched.

const EVERY_MS = 5000;
const now = document.getElementById("now");

async function renew() {
  const language = encodeURIComponent(document.documentElement.lang);
  try {
    const answer = await fetch(`/console/quality/rollouts/now?lang=${language}`, {
      headers: { Accept: "text/html" },
      redirect: "manual",
      signal: AbortSignal.timeout(3 * EVERY_MS),
    });
    if (answer.ok) {
      now.innerHTML = await answer.text();
    }
  } catch {
    // what stands there stays; the next answer takes its place
  }
}

async function follow() {
  if (!document.hidden) {
    await renew();
  }
  setTimeout(follow, EVERY_MS);
}

if (now.dataset.live === "yes") {
  setTimeout(follow, EVERY_MS);
}
