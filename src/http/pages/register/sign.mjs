// The button that signs what a page shows, and what is told meanwhile.

import { SignerError, sign } from "./ncalayer.mjs";

const form = document.getElementById("sign");
const button = document.getElementById("sign-button");
// Keys that sign documents, not those that only prove who somebody is; unless the page takes every key.
const purposes = "anyKey" in form.dataset ? [] : ["1.3.6.1.5.5.7.3.4"];
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
    const { signer, statement, lang } = form.dataset;
    document.getElementById("cms").value = await sign(signer, statement, lang, purposes, waiting);
    say(form.dataset.sending, "");
    form.submit();
  } catch (error) {
    failed(error);
  }
});
