// Sends the question as the API takes it; rules come from a file or from the text beside it.

const form = document.getElementById("question");
const wrong = document.getElementById("wrong");

function say(text) {
  wrong.textContent = text;
  wrong.hidden = text === "";
}

async function rulesOf() {
  const [file] = document.getElementById("file").files;
  const text = file ? await file.text() : document.getElementById("rules").value;
  return text.trim() === "" ? null : text;
}

async function ask(event) {
  event.preventDefault();
  const bundle = form.bundle.value || null;
  const rules = await rulesOf();
  if (bundle === null && rules === null) {
    say(document.getElementById("nothing").textContent);
    return;
  }
  say("");
  try {
    const answer = await fetch("/v1/replays", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": form.dataset.token },
      body: JSON.stringify({ days: Number(form.days.value), bundle, rules }),
    });
    const said = await answer.json();
    if (answer.ok) {
      location.assign(`/console/quality/replay/${said.id}`);
    } else {
      const faults = (said.errors || []).map((fault) => `${fault.pointer} ${fault.message}`);
      say([said.title, said.detail, ...faults].join(" · "));
    }
  } catch (error) {
    say(String(error));
  }
}

form?.addEventListener("submit", ask);
document.getElementById("begin")?.addEventListener("click", async () => {
  const answer = await fetch("/console/quality/replay/rules");
  if (answer.ok) {
    document.getElementById("rules").value = await answer.text();
  }
});
