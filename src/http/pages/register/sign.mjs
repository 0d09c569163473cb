// The button that signs an application, and what is told meanwhile.

import { SignerError, sign } from "./ncalayer.mjs";

const form = document.getElementById("sign");
const button = document.getElementById("sign-button");
const said = document.getElementById("said");

function say(text, kind) {
  said.hidden = false;
  said.textContent = text;
  said.className = kind ? `notice ${kind}` : "notice";
}

function failed(error) {
  const kind = error instanceof SignerError ? error.kind : "failed";
  const text = form.dataset[kind] ?? form.dataset.failed;
  say(text.replace("%", error.reason ?? error.message), "notice-bad");
  button.disabled = false;
  button.focus();
}

button.hidden = false;
button.addEventListener("click", async () => {
  button.disabled = true;
  say(form.dataset.connecting, "");
  try {
    const waiting = () => say(form.dataset.waiting, "");
    document.getElementById("cms").value = await sign(form.dataset.signer, form.dataset.statement, form.dataset.lang, waiting);
    say(form.dataset.sending, "");
    form.submit();
  } catch (error) {
    failed(error);
  }
});
