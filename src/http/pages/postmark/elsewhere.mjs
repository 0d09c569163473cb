// Marks that do not stand on the letter itself: as src/postal/verify/elsewhere.rs. The sender of a letter on paper has
// those of the paper way from a status message.

import { concat, fromLatin1, toLatin1 } from "./bytes.mjs";
import { canonical, parse } from "./mark.mjs";
import { split, unfolded } from "./message.mjs";

const STATUS = /^content-type:[^\n]*message\/delivery-status[^\n]*\n/im;

/** Whether a file is a report about a letter. */
export function isReport(file) {
  return STATUS.test(toLatin1(file));
}

/** The letter with the marks of the other file above it, and with the item id that they sign if it has none. */
export function withMarks(letter, elsewhere) {
  const known = new Set();
  const isNew = (field) => {
    const mark = parse(unfolded(field.value));
    // What is no mark is shown as such.
    const form = mark.finding ? null : canonical(mark);
    if (form !== null && known.has(form)) return false;
    known.add(form);
    return true;
  };
  const { fields } = split(letter);
  fields.filter(({ name }) => name === "postal-mark").forEach(isNew);
  const found = blocks(elsewhere).flatMap((block) => split(block).fields);
  const marks = found.filter((field) => field.name === "postal-mark" && isNew(field));
  const hasItemId = fields.some(({ name }) => name === "postal-item-id");
  const itemIds = hasItemId ? [] : found.filter(({ name }) => name === "postal-item-id").slice(0, 1);
  const above = [...marks, ...itemIds].map(({ name, value }) => `${name}:${value}\r\n`).join("");
  return concat(fromLatin1(above), letter);
}

/** The header blocks that count: of a report those of its status, and not the marks of the report itself. */
function blocks(file) {
  const text = toLatin1(file);
  const found = text.match(STATUS);
  if (!found) return [file];
  const part = text.slice(found.index + found[0].length);
  // RFC 2046 §5.1.1: the part ends before its boundary.
  const end = part.search(/^--/m);
  return part.slice(0, end < 0 ? part.length : end).split(/\r?\n\r?\n/).map((block) => fromLatin1(`${block}\r\n`));
}
