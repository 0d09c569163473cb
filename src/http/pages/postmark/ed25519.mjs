// Ed25519 (RFC 8032 §5.1) for browsers whose own crypto does not have it. It checks signatures, which are public, so
// that its time may depend on them.

import { concat, sha512 } from "./bytes.mjs";

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * inverse(121666n));
/** A square root of -1. */
const ROOT = power(2n, (P - 1n) / 4n);
/** The neutral point, in extended coordinates (X, Y, Z, T). */
const NEUTRAL = [0n, 1n, 1n, 0n];

/** True when the signature of the message is this key's. */
export async function verify(key, message, signature) {
  if (key.length !== 32 || signature.length !== 64) return false;
  const [r, s] = [signature.subarray(0, 32), number(signature.subarray(32))];
  const negated = point(key, "negated");
  // §5.1.7: s is below the order of the group, so that nobody can make a second signature of a first.
  if (negated === null || s >= L) return false;
  const k = number(await sha512(concat(r, key, message))) % L;
  const found = encoded(sum(times(s, BASE), times(k, negated)));
  return found.every((byte, at) => byte === r[at]);
}

function mod(a) {
  const rest = a % P;
  return rest < 0n ? rest + P : rest;
}

function power(base, exponent) {
  let result = 1n;
  for (let square = mod(base); exponent > 0n; exponent >>= 1n, square = mod(square * square)) {
    if (exponent & 1n) result = mod(result * square);
  }
  return result;
}

function inverse(a) {
  return power(a, P - 2n);
}

/** §5.1.4, for any two points. */
function sum([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2)), b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * t1 * t2 * D), d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function times(factor, base) {
  let result = NEUTRAL;
  for (let double = base; factor > 0n; factor >>= 1n, double = sum(double, double)) {
    if (factor & 1n) result = sum(result, double);
  }
  return result;
}

/** §5.1.3; null for bytes that are no point. */
function point(bytes, side) {
  const all = number(bytes);
  const isOdd = all >> 255n === 1n;
  const y = all & (2n ** 255n - 1n);
  if (y >= P) return null;
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x - square) !== 0n) x = mod(x * ROOT);
  if (mod(x * x - square) !== 0n || (x === 0n && isOdd)) return null;
  if ((x & 1n) === 1n !== isOdd) x = mod(-x);
  if (side === "negated") x = mod(-x);
  return [x, y, 1n, mod(x * y)];
}

/** §5.1.2. */
function encoded([x, y, z]) {
  const toAffine = inverse(z);
  let all = mod(y * toAffine) | ((mod(x * toAffine) & 1n) << 255n);
  return Uint8Array.from({ length: 32 }, () => {
    const byte = Number(all & 255n);
    all >>= 8n;
    return byte;
  });
}

/** Little-endian. */
function number(bytes) {
  return bytes.reduceRight((all, byte) => (all << 8n) | BigInt(byte), 0n);
}

/** §5.1: the point with y = 4/5 and an even x. */
const BASE = point(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 0x58 : 0x66)), "as it is");
