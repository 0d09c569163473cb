// Whether the signatures hold, and what was altered where one does not: as src/postal/verify/signatures.rs.

import { concat, equal, fromLatin1, sha256, toBase64, utf8 } from "./bytes.mjs";
import * as ed25519 from "./ed25519.mjs";
import { canonical, REQUIRED } from "./mark.mjs";
import { relaxedHeader } from "./message.mjs";
import { findKey } from "./published.mjs";

/** The findings about each mark's signature, in the order of the marks. */
export async function check(marks, letter, operators) {
  const claims = await Promise.all(marks.map((mark) => claimOf(mark, letter, operators)));
  const known = claims.filter((claim) => claim !== null);
  const mostIds = Math.max(-1, ...known.filter((claim) => claim.holds).map((claim) => itemIdsSigned(claim.mark)));
  return Promise.all(claims.map(async (claim, at) => {
    if (claim === null) return marks[at].finding ? [] : [{ finding: "unsigned" }];
    const findings = await findingsOf(claim, letter, known);
    // Each operator signs its own item id and those below it; one more is nobody's.
    const signsMost = claim.holds && itemIdsSigned(claim.mark) === mostIds;
    if (signsMost && mostIds < letter.itemIds.length) findings.push({ finding: "altered_header" });
    return findings;
  }));
}

function itemIdsSigned(mark) {
  return mark.signature.names.filter((name) => name === "postal-item-id").length;
}

/** A mark with what it signs, worked out from the letter as it is now. */
async function claimOf(mark, letter, operators) {
  if (mark.signature === undefined) return null;
  const header = fromLatin1(relaxedHeader(letter.fields, mark.signature.names));
  const claim = { mark, tags: mark.signature, header, headerHash: await sha256(header), holds: false };
  claim.key = operators ? findKey(mark, operators) : { missing: { finding: "signature_not_checked" } };
  if (claim.key.bytes) {
    claim.verifies = await verifierOf(claim.key);
    // A published key that is none is no key.
    if (claim.verifies === null) claim.key = { missing: claim.key.unknown };
    else claim.holds = await holds(claim, {});
  }
  return claim;
}

/** RFC 6376 §3.7: one hash covers the named fields and then the mark with an empty b=. */
function holds(claim, changed) {
  const signed = concat(claim.header, utf8(canonical(claim.mark, { ...changed, b: "" })));
  return claim.verifies(signed, claim.tags.bytes);
}

async function findingsOf(claim, letter, all) {
  const alteredBody = !equal(claim.tags.bodyHash, letter.bodyHash);
  const isAsSigned = headerAsSigned(claim);
  if (claim.key.missing) {
    const findings = [claim.key.missing];
    if (alteredBody) findings.push({ finding: "altered_body" });
    if (isAsSigned === false) findings.push({ finding: "altered_header" });
    return findings;
  }
  if (claim.holds) return alteredBody ? [{ finding: "altered_body" }] : [];
  return [{ finding: await whatWasAltered(claim, alteredBody, all) }];
}

async function whatWasAltered(claim, alteredBody, all) {
  const isAsSigned = headerAsSigned(claim);
  // Another mark that signs the same fields, and holds, or has their hash.
  const names = claim.tags.names.join(":");
  const isProof = (other) => other.tags.names.join(":") === names && (other.holds || headerAsSigned(other) === true);
  if (isAsSigned === true || all.some(isProof) || (await onlyHashWasAltered(claim))) return "altered_mark";
  if (isAsSigned === null) return alteredBody ? "altered_body" : "bad_signature";
  // A name that no mark has to sign: it was hardly there when the mark was made.
  if (!claim.tags.names.every((name) => REQUIRED.includes(name))) return "altered_mark";
  return alteredBody ? "other_message" : "altered_header";
}

/** Whether the signed fields are those of the mark; null where it does not tell. */
function headerAsSigned(claim) {
  return claim.tags.headerHash ? equal(claim.tags.headerHash, claim.headerHash) : null;
}

async function onlyHashWasAltered(claim) {
  return claim.tags.headerHash !== undefined && holds(claim, { hh: toBase64(claim.headerHash) });
}

/** A check of signatures with this key; null if its bytes are none. */
async function verifierOf({ algorithm, bytes }) {
  if (algorithm === "ed25519-sha256") {
    if (bytes.length !== 32) return null;
    const verify = await ed25519Verifier(bytes);
    // RFC 8463 §3: PureEdDSA over the hash.
    return async (signed, signature) => verify(await sha256(signed), signature);
  }
  const scheme = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  try {
    const key = await crypto.subtle.importKey("spki", bytes, scheme, false, ["verify"]);
    const bits = key.algorithm.modulusLength;
    return async (signed, signature) =>
      bits >= 2048 && bits <= 8192 && crypto.subtle.verify(scheme, key, signature, signed);
  } catch {
    return null;
  }
}

/** The browser's own Ed25519 where it has one. */
async function ed25519Verifier(bytes) {
  const own = (message, signature) => ed25519.verify(bytes, message, signature);
  try {
    const key = await crypto.subtle.importKey("raw", bytes, { name: "Ed25519" }, false, ["verify"]);
    return (message, signature) => crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  } catch {
    return own;
  }
}
