// Whether the transparency log of this server has a mark: its number goes to the server, the proof comes back and is
// checked here (RFC 9162 §2.1.3.2, c2sp.org/tlog-checkpoint, c2sp.org/signed-note).

import { base64, concat, equal, sha256, utf8 } from "./bytes.mjs";
import * as ed25519 from "./ed25519.mjs";

/** {index, size, origin} of a mark that the log has; null for one it has not. Throws when the log proves nothing. */
export async function lookUp(mark, digest, get = fetch) {
  const [found, key] = await Promise.all([
    get(`/log/proof?i=${encodeURIComponent(mark.id)}&format=json`),
    get("/log/key"),
  ]);
  if (found.status === 404) return null;
  if (!found.ok || !key.ok) throw new Error(`the log answered ${found.ok ? key.status : found.status}`);
  return prove(await found.json(), (await key.text()).trim(), digest);
}

/** The digest is the entry that the proof is about, in a tree that the log with this key signed. */
export async function prove({ index, path, checkpoint }, key, digest) {
  const { origin, size, root } = await opened(checkpoint, key);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new Error("the proof is of no leaf of the tree");
  let [node, last, hash] = [BigInt(index), BigInt(size) - 1n, await sha256(concat(Uint8Array.of(0), digest))];
  for (const text of path) {
    const sibling = base64(text);
    if (sibling?.length !== 32 || last === 0n) throw new Error("the proof has the wrong length");
    if ((node & 1n) === 1n || node === last) {
      hash = await nodeOf(sibling, hash);
      for (; (node & 1n) === 0n && node !== 0n; node >>= 1n) last >>= 1n;
    } else {
      hash = await nodeOf(hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n || !equal(hash, root)) throw new Error("the proof leads to another tree");
  return { index, size, origin };
}

function nodeOf(left, right) {
  return sha256(concat(Uint8Array.of(1), left, right));
}

/** The checkpoint in a note that the key `<name>+<8 hexadecimal digits>+<base64>` signed. */
async function opened(note, key) {
  const [name, id, encoded] = key.match(/^(.+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/)?.slice(1) ?? [];
  const bytes = base64(encoded ?? "");
  if (bytes?.length !== 33 || bytes[0] !== 1) throw new Error("the log has a key that is not read here");
  const at = note.lastIndexOf("\n\n");
  const text = note.slice(0, at + 1);
  const signatures = note.slice(at + 2).split("\n").map((line) => line.match(/^\u2014 (\S+) ([A-Za-z0-9+/=]+)$/));
  for (const [, who, what] of signatures.filter((found) => found !== null)) {
    const signature = base64(what);
    const isOurs = who === name && signature?.length === 68 && hex(signature.subarray(0, 4)) === id;
    if (isOurs && (await ed25519.verify(bytes.subarray(1), utf8(text), signature.subarray(4)))) return checkpoint(text, name);
  }
  throw new Error("the checkpoint is not signed by the log");
}

function checkpoint(text, name) {
  const [origin, size, root] = text.split("\n");
  const hash = base64(root ?? "");
  if (origin !== name || !/^(0|[1-9][0-9]{0,15})$/.test(size ?? "") || hash?.length !== 32) throw new Error("no checkpoint");
  return { origin, size: Number(size), root: hash };
}

function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
