// Tells while somebody types whether a login is free (M21). Without this the form works as well: the server tells it
// when the form is sent.

const PAUSE_MS = 350;

const field = document.getElementById("login");
const answer = document.getElementById("login-answer");
let timer;
let turn = 0;

function say(text, kind) {
  answer.textContent = text;
  answer.className = kind ? `answer ${kind}` : "answer";
}

async function ask(login) {
  turn += 1;
  const mine = turn;
  say(field.dataset.asking, "");
  try {
    const response = await fetch(`/register/login?login=${encodeURIComponent(login)}`, { headers: { accept: "application/json" } });
    const told = await response.json();
    // An earlier question may be answered later.
    if (mine === turn) {
      say(told.text, told.free ? "is-free" : "is-taken");
    }
  } catch {
    if (mine === turn) {
      say(field.dataset.noAnswer, "");
    }
  }
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  turn += 1;
  const login = field.value.trim();
  if (login === "") {
    say("", "");
    return;
  }
  timer = setTimeout(() => ask(login), PAUSE_MS);
});
