// The stamps that the page /verify draws: node stamps.mjs MODULES KEYS MESSAGE... prints for each mark one line of JSON
// with its SVG as it was judged, the newest of a message first; null for what is no mark.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { pathToFileURL } from "node:url";

const [modules, keys, ...messages] = process.argv.slice(2);
globalThis.crypto ??= webcrypto;
const { judged, verify } = await import(pathToFileURL(`${modules}/judge.mjs`));
const { stampOf } = await import(pathToFileURL(`${modules}/stamp.mjs`));
const published = JSON.parse(readFileSync(keys, "utf8"));
for (const name of messages) {
  const { marks } = await verify(new Uint8Array(readFileSync(name)), published);
  for (const { mark, findings } of marks) {
    console.log(JSON.stringify(mark && stampOf(mark, published.operators, judged(findings))));
  }
}
