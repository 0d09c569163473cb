// What of a message a mark signs: its header fields and its body, in the relaxed forms of RFC 6376 §3.4.
// In header and body a lone LF ends a line as CRLF does, so that a message saved by another system is judged as it was
// sent.

import { toLatin1 } from "./bytes.mjs";

const LF = 10, CR = 13, SPACE = 32, TAB = 9;

/** Header fields, from the top, as {name, value} in one character a byte; and the bytes of the body. */
export function split(message) {
  const fields = [];
  let at = 0;
  for (;;) {
    let end = lineEnd(message, at);
    if (end === at || isEmptyLine(message, at, end)) break;
    // RFC 5322 §2.2.3: a line that begins with white space belongs to the field before it.
    while (message[end] === SPACE || message[end] === TAB) end = lineEnd(message, end);
    fields.push(field(toLatin1(message.subarray(at, end))));
    at = end;
  }
  // The empty line belongs to neither.
  if (message[at] === CR && message[at + 1] === LF) at += 2;
  else if (message[at] === LF) at += 1;
  return { fields, body: message.subarray(at) };
}

function lineEnd(bytes, from) {
  const at = bytes.indexOf(LF, from);
  return at < 0 ? bytes.length : at + 1;
}

function isEmptyLine(bytes, from, end) {
  return end - from === 1 ? bytes[from] === LF : end - from === 2 && bytes[from] === CR && bytes[from + 1] === LF;
}

function field(raw) {
  const line = raw.replace(/\n$/, "").replace(/\r$/, "");
  const colon = line.indexOf(":");
  // RFC 5322 §4.5: obsolete white space before the colon.
  const name = line.slice(0, Math.max(colon, 0)).replace(/[ \t\n\f\r]+$/, "").toLowerCase();
  if (colon < 0 || !/^[!-~]+$/.test(name)) return { name: "", value: line };
  return { name, value: line.slice(colon + 1) };
}

/** The value of a field unfolded and trimmed; no CR, LF or NUL is left. */
export function unfolded(value) {
  return value.replace(/^[ \t\n\f\r]+|[ \t\n\f\r]+$/g, "").replace(/[\r\n\0]/g, "");
}

/** RFC 6376 §5.4.2: the named fields from the bottom up, each in the relaxed form with its CRLF. */
export function relaxedHeader(fields, names) {
  const left = new Map(names.map((name) => [name, []]));
  for (const each of fields) left.get(each.name)?.push(each.value);
  let canonical = "";
  for (const name of names) {
    const value = left.get(name).pop();
    if (value !== undefined) canonical += `${name}:${relaxedValue(value)}\r\n`;
  }
  return canonical;
}

/** RFC 6376 §3.4.2. */
function relaxedValue(value) {
  return value.replace(/\r?\n/g, "").replace(/[ \t]+/g, " ").replace(/^ | $/g, "");
}

/** RFC 6376 §3.4.4; a lone CR is a byte like any other. */
export function relaxedBody(bytes) {
  let lines = 0;
  for (const byte of bytes) lines += byte === LF ? 1 : 0;
  const out = new Uint8Array(bytes.length + lines + 2);
  let length = 0, ends = 0, space = false, hasContent = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === LF) {
      ends += 1;
      space = false;
    } else if (byte === SPACE || byte === TAB) {
      space = true;
    } else if (byte !== CR || bytes[at + 1] !== LF) {
      for (; ends > 0; ends--) {
        out[length++] = CR;
        out[length++] = LF;
      }
      if (space) out[length++] = SPACE;
      space = false;
      out[length++] = byte;
      hasContent = true;
    }
  }
  // Empty lines at the end go, and what is left ends with one CRLF; an empty body stays empty.
  if (hasContent) {
    out[length++] = CR;
    out[length++] = LF;
  }
  return out.subarray(0, length);
}
