// The checks of the page /verify on files, for comparison with other verifiers.
//
//   node vectors.mjs MODULES own|native KEYS MESSAGE...
//
// prints for each message one line of JSON: its verdict, and the findings of each mark by name, in alphabetical order;
// the newest mark first. MODULES is the directory of the page's modules. `own` takes Ed25519 away from the platform, as
// in browsers that do not have it.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { pathToFileURL } from "node:url";

const [modules, ed25519, keys, ...messages] = process.argv.slice(2);
globalThis.crypto ??= webcrypto;
const importKey = crypto.subtle.importKey.bind(crypto.subtle);
crypto.subtle.importKey = (form, bytes, scheme, ...rest) => {
  if (scheme.name === "Ed25519" && ed25519 === "own") return Promise.reject(new Error("NotSupportedError"));
  return importKey(form, bytes, scheme, ...rest);
};

const { verify } = await import(pathToFileURL(`${modules}/judge.mjs`));
const published = JSON.parse(readFileSync(keys, "utf8"));
for (const name of messages) {
  const { verdict, marks } = await verify(new Uint8Array(readFileSync(name)), published);
  console.log(JSON.stringify({ verdict, marks: marks.map(({ findings }) => findings.map(({ finding }) => finding).sort()) }));
}
