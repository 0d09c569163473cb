// What the page /verify finds in the transparency log: node log.mjs MODULES SERVER KEYS MESSAGE prints one line of JSON:
// the verdict, what the log says of each mark, and of a mark with another digest, of a number that no mark has, and of a
// log that another key signed.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { pathToFileURL } from "node:url";

const [modules, server, keys, message] = process.argv.slice(2);
globalThis.crypto ??= webcrypto;
const { verify } = await import(pathToFileURL(`${modules}/judge.mjs`));
const { lookUp } = await import(pathToFileURL(`${modules}/proof.mjs`));
const published = JSON.parse(readFileSync(keys, "utf8"));
const asked = [];
const get = (path) => {
  asked.push(path);
  return fetch(server + path);
};
const wrong = async (mark, digest, get) => {
  try {
    return await lookUp(mark, digest, get);
  } catch (error) {
    return error.message;
  }
};
const { verdict, marks } = await verify(new Uint8Array(readFileSync(message)), published);
const found = [];
// The log is published a moment after the letter is accepted.
for (const { mark, digest } of marks) {
  const end = Date.now() + 30000;
  let entry = await lookUp(mark, digest, get);
  while (entry === null && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    entry = await lookUp(mark, digest, get);
  }
  found.push(entry);
}
const [{ mark, digest }] = marks;
const otherKey = async (path) => {
  const answer = await get(path);
  if (path !== "/log/key") return answer;
  const text = await answer.text();
  return new Response(text.replace(/.{6}\n?$/, "AAAAAA"));
};
console.log(JSON.stringify({
  verdict,
  found,
  altered: await wrong(mark, digest.map((byte) => byte ^ 1), get),
  unknown: await wrong({ ...mark, id: "01M80054QZFCMW63HMAY7MDKX3" }, digest, get),
  otherKey: await wrong(mark, digest, otherKey),
  asked: [...new Set(asked.map((path) => path.replace(/[0-9A-Z]{26}/, "ID")))].sort(),
}));
