// Doubted labels, one key each.

const list = document.getElementById("suspects");
const told = document.getElementById("told");
const cards = [...list.querySelectorAll("[data-suspect]")];
let left = cards.length;

const step = (card, by) => {
  const open = cards.filter((each) => each === card || !each.classList.contains("done"));
  const next = open[open.indexOf(card) + by];
  (next ?? card)?.focus();
};

async function decide(card, decision) {
  if (card.classList.contains("done")) {
    return;
  }
  card.classList.add("done");
  step(card, 1);
  try {
    const answer = await fetch(`/v1/review/suspects/${card.dataset.suspect}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": list.dataset.csrf },
      body: JSON.stringify({ decision }),
      signal: AbortSignal.timeout(20000),
    });
    if (!answer.ok && answer.status !== 409) {
      throw new Error(answer.status);
    }
    told.textContent = "";
    for (const button of card.querySelectorAll("button")) {
      button.disabled = true;
      button.setAttribute("aria-pressed", String(button.dataset.decision === decision));
    }
    left -= 1;
    if (left === 0 && list.dataset.more) {
      location.reload();
    }
  } catch {
    card.classList.remove("done");
    told.textContent = list.dataset.lost;
    told.classList.add("wrong");
  }
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-decision]");
  if (button) {
    decide(button.closest("[data-suspect]"), button.dataset.decision);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !cards.length) {
    return;
  }
  const card = document.activeElement.closest?.("[data-suspect]") ?? cards.find((each) => !each.classList.contains("done"));
  const letter = event.key.toLowerCase();
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    step(card ?? cards[0], event.key === "ArrowRight" ? 1 : -1);
  } else if (card && (letter === "y" || letter === "n")) {
    event.preventDefault();
    decide(card, letter === "y" ? "confirm" : "dismiss");
  }
});

cards[0]?.focus();
