// The page /verify. A message that is dropped here is read and judged in this browser and sent nowhere. What goes out is
// asked of this server only: the published keys, and, when somebody presses the button, the numbers of the marks.

import { clockAt, offsetText } from "./mark.mjs";
import { isReport, withMarks } from "./elsewhere.mjs";
import { judged, verify } from "./judge.mjs";
import { facilityOf } from "./published.mjs";
import { lookUp } from "./proof.mjs";
import { stampOf } from "./stamp.mjs";

/** Larger messages are for the command. */
const MAX_BYTES = 100 << 20;

const TONES = { valid: "good", not_valid: "doubt", forged: "bad", absent: "doubt", stripped: "bad" };

const element = (id) => document.getElementById(id);
const texts = new Map();
let shown = 0;

function start() {
  for (const text of element("texts").content.querySelectorAll("[data-key]")) {
    texts.set(text.dataset.key, text.textContent);
  }
  const drop = element("drop");
  drop.hidden = false;
  if (!globalThis.crypto?.subtle || typeof BigInt === "undefined") return tell("verify-no-crypto", "bad");
  element("file").addEventListener("change", ({ target }) => read([...target.files]));
  element("ask").addEventListener("click", askLog);
  // Anywhere on the page: who misses the field should not lose the page to the dropped file.
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") read([...event.dataTransfer.files]);
    });
  }
}

/** Words of the page; `{ $name }` stands for an argument. */
function say(key, args = {}) {
  return (texts.get(key) ?? key).replace(/\{ ?\$(\w+) ?\}/g, (_, name) => args[name] ?? "");
}

function tell(key, tone) {
  const status = element("status");
  status.textContent = key === null ? "" : say(key);
  status.hidden = key === null;
  status.className = `notice ${tone ?? ""}`;
}

async function read(files) {
  if (files.length === 0) return;
  const turn = ++shown;
  element("result").hidden = true;
  if (files.some((file) => file.size > MAX_BYTES)) return tell("verify-too-large", "doubt");
  tell("verify-reading");
  try {
    const published = await keys();
    const read = async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
    const letter = together(await Promise.all(files.map(read)));
    const report = await verify(letter.bytes, published);
    if (turn !== shown) return;
    tell(null);
    show(report, published.operators, letter.name);
  } catch (error) {
    console.error(error);
    if (turn === shown) tell(error instanceof NoKeys ? "verify-no-keys" : "verify-unreadable", "bad");
  }
}

/** A letter and reports about it, whose marks belong to it; a report alone is a letter itself. */
function together(files) {
  const letter = files.find(({ bytes }) => !isReport(bytes)) ?? files[0];
  const others = files.filter((file) => file !== letter && isReport(file.bytes));
  return others.reduce(({ name, bytes }, other) => ({ name, bytes: withMarks(bytes, other.bytes) }), letter);
}

class NoKeys extends Error {}

async function keys() {
  const answer = await fetch("/.well-known/poshta-marks.json").catch(() => null);
  if (!answer?.ok) throw new NoKeys();
  return answer.json();
}

let marks = [];

function show(report, operators, name) {
  const verdict = element("verdict");
  verdict.textContent = say(`verdict-${report.verdict}`);
  verdict.parentElement.className = `verdict ${TONES[report.verdict]}`;
  element("message").textContent = [name, report.itemId].filter((part) => part).join(" · ");
  element("untrusted").textContent = report.untrusted > 0 ? say("verify-untrusted", { count: report.untrusted }) : "";
  marks = report.marks.map((each) => ({ ...each, card: card(each, operators) }));
  element("marks").replaceChildren(...marks.map((each) => each.card));
  element("log").hidden = !marks.some(isLogged);
  element("ask").disabled = false;
  const result = element("result");
  result.dataset.verdict = report.verdict;
  result.hidden = false;
  verdict.parentElement.focus();
}

function isLogged({ mark }) {
  return mark?.signature?.log !== undefined;
}

function card({ mark, findings }, operators) {
  const card = element("mark").content.cloneNode(true).firstElementChild;
  const part = (selector) => card.querySelector(selector);
  const tone = { valid: "good", doubtful: "doubt", forged: "bad" }[judged(findings)];
  card.classList.add(`${tone}-mark`);
  card.dataset.findings = findings.map(({ finding }) => finding).join(" ");
  part(".judged").textContent = say(`verify-mark-${tone}`);
  part(".judged").classList.add(tone);
  part(".findings").replaceChildren(...findings.map((finding) => child("li", explained(finding))));
  part("h3").textContent = mark ? say(`kind-${mark.kind}`) : say("verify-unread");
  if (mark) {
    part(".stamp").append(drawn(mark, operators, findings));
    part("dl").append(...facts(mark, operators).flatMap(([key, value]) => [child("dt", say(key)), child("dd", value)]));
  }
  return card;
}

function explained({ finding, ...what }) {
  const details = Object.values(what).filter((value) => value !== "").map(detail);
  return say(`finding-${finding}`) + (details.length > 0 ? `: ${details.join(", ")}` : "");
}

/** As it stands in the mark or in what is published, or a phrase of the page. */
function detail(value) {
  return value.phrase === undefined ? value : say(`phrase-${value.phrase}`, { what: value.what });
}

/** The stamp, read as XML: nothing of a mark can become more than text in it. */
function drawn(mark, operators, findings) {
  const text = stampOf(mark, operators, judged(findings));
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  svg.setAttribute("role", "img");
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  return document.importNode(svg, true);
}

function facts(mark, operators) {
  const operator = operators.find(({ id }) => id === mark.operator);
  const clock = clockAt(mark.instant, mark.offset);
  const two = (number) => String(number).padStart(2, "0");
  const day = clock.date.split("-").reverse().join(".");
  const time = [clock.second / 3600, (clock.second / 60) % 60, clock.second % 60].map((part) => two(Math.floor(part)));
  const known = operator && facilityOf(operator, mark);
  return [
    ["verify-facility", mark.name + (mark.number === undefined ? "" : ` №${mark.number}`) + ` (${mark.index})`],
    ["verify-place", mark.place],
    ["verify-operator", known ? operator.name_kk : mark.operator],
    ["verify-time", `${day} ${time.join(":")} (UTC${offsetText(mark.offset).replace(/(..)$/, ":$1")})`],
    ["verify-device", mark.device],
    ["verify-s10", mark.s10],
    ["verify-number", mark.id],
    ["verify-key", mark.signature && `${mark.signature.selector} · ${mark.signature.algorithm}`],
  ].filter(([, value]) => value !== undefined);
}

function child(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

async function askLog() {
  element("ask").disabled = true;
  await Promise.all(marks.filter(isLogged).map(async ({ mark, digest, card }) => {
    const [text, tone] = await logged(mark, digest);
    const line = card.querySelector(".logged");
    line.hidden = false;
    line.className = `logged ${tone}`;
    line.textContent = text;
  }));
}

async function logged(mark, digest) {
  try {
    const found = await lookUp(mark, digest);
    if (found === null) return [say("verify-log-absent"), "bad"];
    return [say("verify-log-found", { index: found.index, size: found.size, origin: found.origin }), "good"];
  } catch (error) {
    return [say("verify-log-wrong", { reason: error.message }), "bad"];
  }
}

start();
