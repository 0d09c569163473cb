// What an operator publishes, against what a mark says: key, facility, device and date; as
// src/postal/verify/published.rs.

import { base64 } from "./bytes.mjs";
import { clockAt, nextDay, offsetText, tokenText } from "./mark.mjs";
import { isOblastShown } from "./oblasts.mjs";

/** P5-P9: the impressions that devices of a kind make. */
const MADE_BY = {
  postmark: ["accept", "receive", "deliver", "cancel"],
  surcharge: ["surcharge"],
  special: ["cancel"],
  insurance: ["seal"],
};

/** The key that a mark names: of a device of its own facility, in its operator's domain. */
export function findKey(mark, operators) {
  const { algorithm, domain, selector } = mark.signature;
  if (!["ed25519-sha256", "rsa-sha256"].includes(algorithm)) {
    return { missing: { finding: "unknown_algorithm", algorithm } };
  }
  const unknown = { finding: "unknown_key", selector: `${selector}._postalmark.${domain}` };
  const operator = operators.find(({ id }) => id === mark.operator);
  const facility = operator?.domains?.includes(domain) ? facilityOf(operator, mark) : undefined;
  const key = facility?.devices.map((device) => keyOf(device, selector)).find((key) => key !== undefined);
  const bytes = key?.algorithm === algorithm ? base64(key.public_key) : null;
  return bytes ? { algorithm, bytes, unknown } : { missing: unknown };
}

/** What contradicts the published data. */
export function judge(mark, operators) {
  const operator = operators.find(({ id }) => id === mark.operator);
  if (!operator) return [{ finding: "unknown_operator" }];
  const facility = facilityOf(operator, mark);
  if (!facility) return [{ finding: "unknown_facility" }];
  const version = versionAt(facility, mark.instant);
  const rest = version ? judgeByVersion(mark, facility, version) : [{ finding: "facility_not_in_use" }];
  return [...judgeDevice(mark, facility), ...rest];
}

export function facilityOf(operator, mark) {
  return operator.facilities.find(({ id }) => id === mark.facility);
}

/** A device of the facility with the key that signed the mark. */
export function signingDevice(mark, facility) {
  const selector = mark.signature?.selector;
  return selector === undefined ? undefined : facility.devices.find((device) => keyOf(device, selector));
}

/** The version of the facility on the day of this second. */
export function versionAt(facility, second) {
  return facility.versions.find(({ zone, from, to }) => {
    const offset = offsetIn(zone, second);
    if (offset === null) return false;
    const { date } = clockAt(second, offset);
    return (!from || from <= date) && (!to || date <= to);
  });
}

/** A file that names one key only says nothing of when it was in use. */
function keyOf(device, selector) {
  const found = device.keys?.find((key) => key.selector === selector);
  if (found) return found;
  return device.selector === selector && device.algorithm && device.public_key ? device : undefined;
}

/** P31: the key was in use, and its device not withdrawn. */
function judgeDevice(mark, facility) {
  const device = signingDevice(mark, facility);
  if (!device) return [];
  const key = keyOf(device, mark.signature.selector);
  const findings = [];
  // A device's own from and to are days, not those of its only key.
  const [from, to] = key === device ? [] : [instant(key.from), instant(key.to)];
  if (from > mark.instant || to < mark.instant) findings.push({ finding: "key_not_in_use", selector: key.selector });
  if (instant(device.revoked_at) <= mark.instant) {
    findings.push({ finding: "revoked_device", device: device.id, revoked_at: device.revoked_at });
  }
  return findings;
}

/** Seconds since 1970; NaN, which is neither before nor after anything, where nothing is said. */
function instant(text) {
  return Date.parse(text ?? "") / 1000;
}

function judgeByVersion(mark, facility, version) {
  const findings = [];
  const expect = (tag, agrees, expected) => {
    if (!agrees) findings.push({ finding: "contradicts_facility", tag, expected: expected ?? "" });
  };
  // P25, P26: the script hangs on the facility.
  const isLatin = facility.kind === "intl_exchange";
  const name = isLatin ? version.name_lat : version.name_kk;
  const place = isLatin ? version.settlement_lat : version.settlement_kk;
  const offset = offsetIn(version.zone, mark.instant);
  const clock = clockAt(mark.instant, offset);
  const oblast = isOblastShown(version.oblast, version.settlement_kk, clock.date) ? version.oblast : undefined;
  expect("fn", mark.name === name, name);
  expect("pl", mark.place === undefined || mark.place === place, place);
  expect("ix", mark.index === version.postal_index, version.postal_index);
  expect("no", mark.number === (version.number ?? undefined), version.number);
  expect("ob", mark.oblast === oblast, oblast);
  expect("z", mark.offset === offset, offsetText(offset));
  expect("dv", hasDevice(mark, facility, clock.date), { phrase: "usable_device" });
  const token = tokenExpected(mark, version, clock);
  expect("ts", mark.token.text === token, token ?? { phrase: "known_letter_box" });
  return findings;
}

/** A device with this letter made such impressions on that day; that of a signed mark is the one whose key it is. */
function hasDevice(mark, facility, date) {
  const fits = (device) =>
    (device.letter ?? undefined) === mark.device && (MADE_BY[device.kind] ?? []).includes(mark.kind) &&
    (!device.from || device.from <= date) && (!device.to || date <= device.to);
  const signing = signingDevice(mark, facility);
  if (signing) return fits(signing);
  return facility.devices.some((device) => fits(device) && !(instant(device.revoked_at) <= mark.instant));
}

/** P23 and P30, now that the collection time and the facility's traffic are known. */
function tokenExpected(mark, version, clock) {
  if (mark.letterBox === undefined) return tokenText(clock.date, version.low_volume ? undefined : clock.hour);
  const box = version.collection_times?.find(({ id }) => id === mark.letterBox);
  if (!box) return null;
  const [hours, minutes, seconds = 0] = box.time.split(":").map(Number);
  const isLate = clock.second > hours * 3600 + minutes * 60 + seconds;
  return tokenText(isLate ? nextDay(clock.date) : clock.date);
}

const zones = new Map();

/** Minutes east of Greenwich in a zone of the tz database at this second; null for a zone that is none. */
export function offsetIn(zone, second) {
  if (!zones.has(zone)) {
    const parts = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
    try {
      zones.set(zone, new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", calendar: "gregory", ...parts }));
    } catch {
      zones.set(zone, null);
    }
  }
  const format = zones.get(zone);
  if (format === null) return null;
  const shown = Object.fromEntries(format.formatToParts(second * 1000).map(({ type, value }) => [type, Number(value)]));
  const clock = Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute, shown.second);
  return Math.round((clock / 1000 - second) / 60);
}
