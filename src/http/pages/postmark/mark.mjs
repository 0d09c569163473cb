// The field Postal-Mark as it is read: a tag list (RFC 6376 §3.2), its tags checked one by one and against each other.

import { base64, base64url, fromLatin1 } from "./bytes.mjs";
import { OBLASTS } from "./oblasts.mjs";

/** Fields that every mark signs. */
export const REQUIRED = ["from", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type",
  "content-transfer-encoding", "postal-item-id", "postal-class"];

const MAX_TAGS = 100;
const MAX_NAMES = 1000;
/** 9999-12-30T22:00:00Z: later ones are no instants. */
const LATEST = 253402207200;
const SIGNATURE_TAGS = ["d", "s", "a", "c", "h", "bh", "hh", "pv", "b", "lg", "n"];

/** What keeps a field from being a mark. */
class Bad extends Error {
  constructor(finding) {
    super(finding.finding);
    this.finding = finding;
  }
}

/** The page says the phrase, and in it what it speaks of. */
const malformed = (phrase, what) => new Bad({ finding: "malformed", reason: { phrase, what } });
const missing = (name) => malformed("missing_tag", name);
const wrong = (name) => malformed("wrong_value", name);
const misplaced = (name) => malformed("misplaced_tag", name);

/** A mark, or {finding} with what keeps it from being one. */
export function parse(value) {
  try {
    return read(tagList(value));
  } catch (error) {
    if (error instanceof Bad) return { finding: error.finding };
    throw error;
  }
}

/** `postal-mark:` and the tags in their order, without white space; some with another value. Folding does not change it. */
export function canonical(mark, changed = {}) {
  const tags = [...mark.tags].map(([name, value]) => `${name}=${changed[name] ?? value}`);
  return `postal-mark:${tags.join(";")}`;
}

function tagList(value) {
  if (!/^[\t\r\n -~]*$/.test(value)) throw malformed("not_ascii");
  const text = value.trimEnd();
  const tags = new Map();
  for (const tag of (text.endsWith(";") ? text.slice(0, -1) : text).split(";")) {
    const equals = tag.indexOf("=");
    const name = tag.slice(0, Math.max(equals, 0)).trim();
    if (equals < 0 || !/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) {
      throw malformed("not_a_tag", JSON.stringify(tag.trim().slice(0, 40)));
    }
    if (tags.has(name)) throw malformed("duplicate_tag", name);
    if (tags.size === MAX_TAGS) throw malformed("too_many_tags", MAX_TAGS);
    tags.set(name, tag.slice(equals + 1).replace(/[ \t\r\n]/g, ""));
  }
  return tags;
}

function read(tags) {
  const required = (name) => tags.get(name) ?? fail(missing(name));
  const shaped = (name, shape) => {
    const value = tags.get(name);
    if (value !== undefined && !shape.test(value)) throw wrong(name);
    return value;
  };
  const needed = (name, shape) => {
    required(name);
    return shaped(name, shape);
  };
  const version = required("v");
  if (version !== "1") throw new Bad({ finding: "unknown_version", version });
  const kind = kindOf(required("k"), tags.get("dk"));
  if (required("st") !== "KZ") throw wrong("st");
  const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
  const mark = {
    tags,
    kind,
    handover: kind === "deliver" ? tags.get("dk") ?? "delivered" : undefined,
    // A ULID has 128 bits, its 26 digits 130.
    id: needed("i", /^[0-9A-HJKMNP-TV-Z]{26}$/i).toUpperCase().replace(/^./, (digit) => (digits32(digit) & 7).toString()),
    operator: needed("op", NAME),
    facility: needed("f", NAME),
    index: needed("ix", /^([0-9]{6}|[0-9A-Za-z]{7})$/).toUpperCase(),
    number: numberOf(shaped("no", /^[0-9]{1,3}$/)),
    device: text(tags, "dv"),
    name: text(tags, "fn") ?? fail(missing("fn")),
    place: text(tags, "pl"),
    oblast: shaped("ob", /^KZ-[0-9]{2}$/),
    token: tokenOf(needed("ts", /^([0-9]{6}|[0-9]{8})$/)),
    instant: Number(needed("t", /^[0-9]{1,12}$/)),
    offset: offsetOf(needed("z", /^[+-][0-9]{4}$/)),
    letterBox: shaped("lb", NAME),
    s10: shaped("id", /^[A-Za-z]{2}[0-9]{9}[A-Za-z]{2}$/),
    official: shaped("pc", /^official$/) !== undefined,
    amount: shaped("am", /^[0-9]{1,18}$/),
    paymentSign: shaped("ps", /^[A-Za-z0-9_-]{43}$/),
    recipient: shaped("rc", /^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/),
    signature: signatureOf(tags),
  };
  checkValues(mark);
  checkKind(mark);
  checkToken(mark);
  return mark;
}

function fail(error) {
  throw error;
}

function digits32(digit) {
  return "0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(digit);
}

function numberOf(text) {
  return text === undefined ? undefined : Number(text);
}

/** P6, P7, P2, P9. A delivery without dk means delivered. */
function kindOf(k, dk) {
  if (["accept", "receive", "surcharge", "cancel", "seal"].includes(k) && dk === undefined) return k;
  if (k === "deliver" && [undefined, "delivered", "handed", "both"].includes(dk)) return k;
  throw wrong("k");
}

/** dkim-quoted-printable (RFC 6376 §2.11) of UTF-8, not empty. */
function text(tags, name) {
  const value = tags.get(name);
  if (value === undefined) return undefined;
  if (/=(?![0-9A-Fa-f]{2})/.test(value)) throw wrong(name);
  const bytes = value.replace(/=(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  let said;
  try {
    said = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fromLatin1(bytes));
  } catch {
    throw wrong(name);
  }
  if (said.trim() === "") throw wrong(name);
  return said;
}

/** P29. The order dates from 2016, so the two-digit year is of this century. */
function tokenOf(text) {
  const pair = (at) => Number(text.slice(at, at + 2));
  const [day, month, year] = [pair(0), pair(2), 2000 + pair(4)];
  const hour = text.length === 8 ? pair(6) : undefined;
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || (hour ?? 0) > 23) throw wrong("ts");
  return { text, date: isoDate(date), hour };
}

/** Minutes east of Greenwich; real offsets lie between -12:00 and +14:00. */
function offsetOf(text) {
  const minutes = (Number(text.slice(1, 3)) * 60 + Number(text.slice(3))) * (text[0] === "-" ? -1 : 1);
  if (Number(text.slice(3)) > 59 || minutes < -720 || minutes > 840 || text === "-0000") throw wrong("z");
  return minutes;
}

/** d, s, a, c, h, bh and b come together or not at all; hh, pv, lg and n only with them. */
function signatureOf(tags) {
  if (!SIGNATURE_TAGS.some((name) => tags.has(name))) return undefined;
  const required = (name) => tags.get(name) ?? fail(missing(name));
  const bytes = (name) => base64(required(name)) ?? fail(wrong(name));
  const optional = (name) => (tags.has(name) ? bytes(name) : undefined);
  const algorithm = required("a");
  if (required("c") !== "relaxed/relaxed") throw wrong("c");
  const previous = optional("pv");
  if (previous && tags.get("k") === "accept") throw misplaced("pv");
  if (tags.has("n") && !/^[0-9]{1,18}$/.test(tags.get("n"))) throw wrong("n");
  return {
    algorithm,
    previous: previous && tags.get("pv"),
    domain: required("d").toLowerCase(),
    selector: required("s"),
    names: namesOf(required("h")),
    bodyHash: bytes("bh"),
    headerHash: optional("hh"),
    log: tags.get("lg"),
    bytes: bytes("b"),
  };
}

function namesOf(text) {
  const names = text.toLowerCase().split(":");
  const isWhole = names.length <= MAX_NAMES && !names.includes("") && REQUIRED.every((name) => names.includes(name));
  if (!isWhole) throw wrong("h");
  return names;
}

function checkValues(mark) {
  if (mark.instant > LATEST) throw wrong("t");
  if (mark.device !== undefined && !/^[\p{Alphabetic}\p{N}]{1,2}$/u.test(mark.device)) throw wrong("dv");
  if (mark.oblast !== undefined && !(mark.oblast in OBLASTS)) throw wrong("ob");
  if (mark.s10 !== undefined && !isS10(mark.s10)) throw wrong("id");
  const opaque = [["ps", mark.paymentSign], ...(mark.recipient?.split(".") ?? []).map((part) => ["rc", part])];
  for (const [name, value] of opaque) if (value !== undefined && base64url(value) === null) throw wrong(name);
}

/** UPU S10: the check digit. */
function isS10(number) {
  const sum = [8, 6, 4, 2, 3, 5, 9, 7].reduce((sum, weight, at) => sum + weight * Number(number[at + 2]), 0);
  const check = 11 - (sum % 11);
  return Number(number[10]) === (check === 10 ? 0 : check === 11 ? 5 : check);
}

function checkKind(mark) {
  // P6: acceptances and receipts name the place.
  if (["accept", "receive"].includes(mark.kind) && mark.place === undefined) throw missing("pl");
  if (mark.letterBox !== undefined && mark.kind !== "accept") throw misplaced("lb");
  if (mark.recipient !== undefined && !["receive", "deliver"].includes(mark.kind)) throw misplaced("rc");
  if (mark.kind === "surcharge" && mark.amount === undefined) throw missing("am");
  if (mark.kind !== "surcharge" && mark.amount !== undefined) throw misplaced("am");
  if (mark.kind === "cancel" && mark.paymentSign === undefined) throw missing("ps");
}

/** P29, P30, P23: ts is what clocks under z showed at t, with the hour or without; from a letter box that day or the next. */
function checkToken(mark) {
  const clock = clockAt(mark.instant, mark.offset);
  const { date, hour } = mark.token;
  const agrees = mark.letterBox === undefined
    ? date === clock.date && (hour === undefined || hour === clock.hour)
    : hour === undefined && (date === clock.date || date === nextDay(clock.date));
  if (agrees) return;
  const expected = tokenText(clock.date, mark.letterBox === undefined ? clock.hour : undefined);
  throw new Bad({ finding: "token_contradicts_instant", token: mark.token.text, expected });
}

/** Date, hour and second of the day that clocks so many minutes east of Greenwich show. */
export function clockAt(second, offset) {
  const clock = new Date((second + offset * 60) * 1000);
  return { date: isoDate(clock), hour: clock.getUTCHours(), second: (second + offset * 60) % 86400 };
}

export function nextDay(date) {
  return isoDate(new Date(Date.parse(`${date}T00:00:00Z`) + 86400000));
}

/** DDMMYYHH, or DDMMYY without an hour. */
export function tokenText(date, hour) {
  const [year, month, day] = date.split("-");
  return day + month + year.slice(-2) + (hour === undefined ? "" : String(hour).padStart(2, "0"));
}

/** The offset as tag z has it. */
export function offsetText(minutes) {
  const two = (number) => String(number).padStart(2, "0");
  return (minutes < 0 ? "-" : "+") + two(Math.floor(Math.abs(minutes) / 60)) + two(Math.abs(minutes) % 60);
}

function isoDate(date) {
  return date.toISOString().slice(0, 10);
}
