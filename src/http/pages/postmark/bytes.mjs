// Bytes as browsers have them: base64 in its one canonical form, SHA-256, and what is signed.

const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** RFC 4648 §4, padded, without stray bits; null for anything else. */
export function base64(text) {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  return decoded(text.replace(/=+$/, ""), text);
}

/** RFC 4648 §5 without padding; null for anything else. */
export function base64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  return decoded(text.replaceAll("-", "+").replaceAll("_", "/"), null);
}

function decoded(digits, padded) {
  const out = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0, held = 0, at = 0;
  for (const digit of digits) {
    held = (held << 6) | STANDARD.indexOf(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (held >> bits) & 255;
      held &= (1 << bits) - 1;
    }
  }
  // One text a value: nothing is left over, and the padding is that of the length.
  const isCanonical = held === 0 && (padded === null || padded.length === Math.ceil(digits.length / 4) * 4);
  return isCanonical ? out : null;
}

/** RFC 4648 §4. */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b, c] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    text += STANDARD[a >> 2] + STANDARD[((a & 3) << 4) | ((b ?? 0) >> 4)];
    text += b === undefined ? "=" : STANDARD[((b & 15) << 2) | ((c ?? 0) >> 6)];
    text += c === undefined ? "=" : STANDARD[c & 63];
  }
  return text;
}

/** The bytes of a text in which each character is one. */
export function fromLatin1(text) {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Each byte as one character. */
export function toLatin1(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export async function sha512(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
}

export function equal(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
