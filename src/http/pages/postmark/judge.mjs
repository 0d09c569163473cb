// Judges the marks in the header of a message, as `poshta postmark verify` does. Only the message's own header is read:
// marks inside an attached message belong to that message (P19).

import { sha256, toBase64, utf8 } from "./bytes.mjs";
import { canonical, parse } from "./mark.mjs";
import { relaxedBody, split, unfolded } from "./message.mjs";
import { judge as judgePublished } from "./published.mjs";
import { check } from "./signatures.mjs";

/** More marks than any way through several operators leaves. */
const MAX_MARKS = 100;

/** Findings that prove a mark false or not on its own message; the others say that it cannot be judged. */
const FORGERIES = new Set(["altered_body", "altered_header", "altered_mark", "other_message", "bad_signature",
  "broken_chain", "key_not_in_use", "revoked_device", "token_contradicts_instant", "duplicate_id",
  "contradicts_facility"]);

/**
 * Judges the marks of a message (its bytes) with what operators publish (poshta-marks.json):
 * {verdict, itemId, marks, untrusted}, the newest mark first; each has its mark, its digest and its findings.
 */
export async function verify(message, published) {
  const operators = published?.operators;
  const { fields, body } = split(message);
  const values = (name) => fields.filter((field) => field.name === name).map((field) => unfolded(field.value));
  const found = values("postal-mark");
  const marks = found.slice(0, MAX_MARKS).map(parse);
  const letter = { fields, bodyHash: await sha256(relaxedBody(body)), itemIds: values("postal-item-id") };
  const digests = await Promise.all(marks.map((mark) => (mark.finding ? null : sha256(utf8(canonical(mark))))));
  const signatures = await check(marks, letter, operators);
  const reports = marks.map((mark, at) => {
    if (mark.finding) return { mark: null, digest: null, findings: [mark.finding] };
    const findings = signatures[at];
    if (mark.signature && !isChained(mark, marks, digests)) findings.push({ finding: "broken_chain" });
    if (operators) findings.push(...judgePublished(mark, operators));
    return { mark, digest: digests[at], findings };
  });
  markDuplicates(reports);
  if (found.length > MAX_MARKS) reports.push({ mark: null, digest: null, findings: [{ finding: "too_many" }] });
  const wasOurs = letter.itemIds.length > 0 || wasReceivedBy(values("received"), operators ?? []);
  return {
    verdict: verdictOf(reports, wasOurs),
    itemId: letter.itemIds[0],
    marks: reports,
    untrusted: values("postal-mark-untrusted").length,
  };
}

/** What a mark with these findings is: "valid", "forged", or "doubtful" where it cannot be judged. */
export function judged(findings) {
  if (findings.length === 0) return "valid";
  return findings.some(({ finding }) => FORGERIES.has(finding)) ? "forged" : "doubtful";
}

function verdictOf(reports, wasOurs) {
  const findings = reports.flatMap((report) => report.findings);
  if (reports.length === 0) return wasOurs ? "stripped" : "absent";
  return judged(findings) === "doubtful" ? "not_valid" : judged(findings);
}

/**
 * A receipt points to an acceptance and a delivery to a receipt of this message, a handing over (P6) also to the delivery
 * before it; what is pointed to is always there.
 */
function isChained(mark, all, digests) {
  const { previous } = mark.signature;
  const at = digests.findIndex((digest) => digest !== null && previous === toBase64(digest));
  const target = at < 0 ? undefined : all[at];
  if (mark.kind === "accept") return previous === undefined;
  if (mark.handover === "handed" && target?.handover === "delivered") return true;
  // P2, P7: payment is cancelled, or found missing, at the acceptance. P9: what is sealed was marked before.
  return target?.kind === (mark.kind === "deliver" ? "receive" : "accept");
}

/** A duplicate i makes every mark that has it invalid. */
function markDuplicates(reports) {
  const count = new Map();
  for (const { mark } of reports) if (mark) count.set(mark.id, (count.get(mark.id) ?? 0) + 1);
  for (const { mark, findings } of reports) if (mark && count.get(mark.id) > 1) findings.push({ finding: "duplicate_id" });
}

/** RFC 5321 §4.4: a host behind `by` in a domain of an operator. */
function wasReceivedBy(received, operators) {
  const domains = operators.flatMap((operator) => operator.domains ?? []);
  return received.some((value) => {
    const words = value.split(/\s+/).filter((word) => word !== "");
    const by = words.findIndex((word) => word.toLowerCase() === "by");
    const host = (by < 0 ? "" : words[by + 1] ?? "").replace(/[;.]+$/, "").toLowerCase();
    return domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
  });
}
