// A mark drawn as the stamp that it is, as SVG: byte by byte what src/postal/drawing draws, which a test compares.

import { OBLASTS } from "./oblasts.mjs";
import { facilityOf, signingDevice, versionAt } from "./published.mjs";

const SERIF = "Libertinus Serif, DejaVu Serif, serif";
const MONO = "DejaVu Sans Mono, monospace";
const CENTRE = 200, MIDDLE = 166, INSIDE = 135, CAPITAL = 0.73, LARGEST_ON_RING = 26, SMALLEST = 13;
/** Air on either side of the texts of the ring, in radians, and the most that each may take. */
const AIR = 0.34, WIDEST = 3.2;

/** P28: stamp ink, not screen primaries. */
const INKS = { black: "#1c1c1e", blue: "#1d3f8f", red: "#b3201f" };
const STATES = ["Қазақстан Республикасы", "Republic of Kazakhstan"];

const DIAMOND = "M 0 -8 l 6 8 l -6 8 l -6 -8 z";
const STAR = "M 0 -11 l 2.6 7.4 h 7.9 l -6.3 4.8 l 2.3 7.6 l -6.5 -4.5 l -6.5 4.5 l 2.3 -7.6 l -6.3 -4.8 h 7.9 z";

const WORDS = { forged: "ЖАРАМСЫЗ", doubtful: "ТЕКСЕРІЛМЕДІ" };

/** Words of facility names that postal people shorten, in capitals. */
const SHORT = new Map([["РЕСПУБЛИКАСЫ", "РЕСП."], ["ОБЛЫСЫ", "ОБЛ."], ["АУДАНЫ", "АУД."], ["ХАЛЫҚАРАЛЫҚ", "ХАЛЫҚАР."],
  ["БАЙЛАНЫСЫ", "БАЙЛ."], ["БӨЛІМШЕСІ", "БӨЛ."], ["ОРТАЛЫҒЫ", "ОРТ."], ["ТОРАБЫ", "ТОР."], ["ӨНДІРІСТІК", "ӨНД."],
  ["АУЫЛДЫҚ", "АУЫЛД."], ["ҚАЛАЛЫҚ", "ҚАЛ."], ["REPUBLIC", "REP."], ["INTERNATIONAL", "INTL."], ["EXCHANGE", "EXCH."],
  ["CENTRE", "CTR."], ["OFFICE", "OFF."]]);

/** The stamp of a mark as the text of an SVG; one that is not valid ("forged", "doubtful") says so across its face. */
export function stampOf(mark, operators, judged = "valid") {
  const shown = shownOf(mark, operators ?? []);
  const svg = mark.amount === undefined ? round(shown) : surcharge(shown, mark.amount);
  return judged === "valid" ? svg : across(svg, mark.amount === undefined ? 400 : 260, WORDS[judged]);
}

/** What is to be seen of a mark: what it says, completed by what its operator publishes. */
function shownOf(mark, operators) {
  const operator = operators.find(({ id }) => id === mark.operator);
  const facility = operator && facilityOf(operator, mark);
  const version = facility && versionAt(facility, mark.instant);
  // P25, P26: names are in Kazakh, or in Latin letters alone.
  const isLatin = /^[\0-\x7f]*$/.test(mark.name);
  const pick = (kazakh, latin) => (isLatin ? latin ?? kazakh : kazakh);
  const device = facility && mark.kind === "cancel" ? signingDevice(mark, facility) : undefined;
  const settlement = version && pick(version.settlement_kk, version.settlement_lat);
  const shown = {
    state: STATES[isLatin ? 1 : 0],
    oblast: mark.oblast && OBLASTS[mark.oblast][isLatin ? 1 : 0],
    settlement: mark.place ?? settlement ?? "",
    operator: operator ? pick(operator.name_kk, operator.name_lat) : mark.operator,
    facility: mark.name,
    number: mark.number === undefined ? undefined : (isLatin ? "No " : "№") + mark.number,
    letter: mark.device,
    token: mark.token.text,
    // P9: the seal says what it is for.
    event: mark.kind === "seal" ? "«Сақтандыру»" : device?.event_kk ?? undefined,
    ink: INKS[version?.ink ?? (facility?.kind === "mail_wagon" ? "red" : "black")],
  };
  const ownName = shown.facility === shown.settlement ? undefined : shown.facility;
  const parts = [shown.state, shown.oblast, shown.settlement, shown.operator, ownName, shown.number, shown.letter];
  shown.title = [...parts.filter((part) => part !== undefined), shown.token].join(" · ");
  shown.foot = [shown.number, shown.letter].filter((part) => part !== undefined).join(" · ");
  shown.ownName = ownName;
  return shown;
}

function round(shown) {
  const { ink, event, ownName } = shown;
  const bottom = event ?? ownName ?? shown.operator;
  const below = event !== undefined ? ownName ?? shown.operator : ownName !== undefined ? shown.operator : undefined;
  const upper = arc(shown.state.toUpperCase(), WIDEST);
  const left = 2 * Math.PI - upper.angle - 2 * AIR;
  const lower = arc(bottom.toUpperCase(), Math.min(left, WIDEST));
  const gap = (upper.angle / 2 + Math.PI - lower.angle / 2) / 2;
  return open(400, 400, shown.title) +
    `<g fill="none" stroke="${ink}"><circle cx="200" cy="200" r="195" stroke-width="6"/>` +
    `<circle cx="200" cy="200" r="187" stroke-width="1.5"/><circle cx="200" cy="200" r="145" stroke-width="3"/>` +
    `<path d="M 57.5 173 H 342.5 M 57.5 231 H 342.5" stroke-width="3"/></g>` +
    [-1, 1].map((side) => ornament(side, gap, event === undefined ? DIAMOND : STAR, ink)).join("") +
    `<g fill="${ink}" text-anchor="middle" font-weight="700" font-family="${SERIF}">` +
    lettered(upper, -1) + lettered(lower, 1) + middle(shown, below) + "</g></svg>";
}

function ornament(side, angle, path, ink) {
  const [x, y] = [CENTRE + side * MIDDLE * Math.sin(angle), CENTRE - MIDDLE * Math.cos(angle)];
  return `<path transform="translate(${fixed(x, 2)} ${fixed(y, 2)})" d="${path}" fill="${ink}"/>`;
}

/** The lines inside: oblast, settlement, date, operator, number and letter. */
function middle(shown, below) {
  const oblast = shown.oblast === undefined ? "" : line(shown.oblast.toUpperCase(), 116, 19);
  const settlement = line(shown.settlement.toUpperCase(), shown.oblast === undefined ? 151 : 160, 40);
  const token = `<text x="201" y="218" font-size="44" letter-spacing="2" font-family="${MONO}">${escaped(shown.token)}</text>`;
  const operator = below === undefined ? "" : line(below.toUpperCase(), shown.foot === "" ? 280 : 265, 24);
  return oblast + settlement + token + operator + line(shown.foot, below === undefined ? 288 : 307, 34);
}

/** P7: a frame with what is still to be paid. */
function surcharge(shown, tiyn) {
  const { ink } = shown;
  const amount = amountOf(tiyn);
  const place = [shown.settlement.toUpperCase(), shown.foot].filter((part) => part !== "").join(" · ");
  return open(400, 260, `${shown.title} · ${amount}`) +
    `<g fill="none" stroke="${ink}"><rect x="5" y="5" width="390" height="250" rx="18" stroke-width="6"/>` +
    `<rect x="15" y="15" width="370" height="230" rx="11" stroke-width="1.5"/>` +
    `<circle cx="62" cy="118" r="33" stroke-width="4"/><path d="M 15 66 H 385 M 15 169 H 385" stroke-width="2"/></g>` +
    `<g fill="${ink}" text-anchor="middle" font-weight="700" font-family="${SERIF}">` +
    `<text x="62" y="135" font-size="48">T</text>` + lineWithin("ҚОСЫМША ТӨЛЕУ", 51, 34, 350) +
    `<text x="240" y="136" font-size="${fixed(Math.min(270 / width(amount), 52), 1)}">${escaped(amount)}</text>` +
    lineWithin(shown.operator.toUpperCase(), 193, 20, 350) + lineWithin(place, 216, 20, 350) +
    `<text x="201" y="240" font-size="22" letter-spacing="2" font-family="${MONO}">${escaped(shown.token)}</text></g></svg>`;
}

/** A word over the whole face; the paper shows around its letters, whatever lies under them. */
function across(svg, down, word) {
  const size = Math.min((0.95 * 400) / width(word), down / 1.3);
  return svg.slice(0, -"</svg>".length) +
    `<text transform="translate(200 ${fixed(down / 2 + size * 0.3, 1)}) rotate(-18)" text-anchor="middle" ` +
    `font-weight="700" font-family="${SERIF}" font-size="${fixed(size, 1)}" fill="${INKS.red}" stroke="#ffffff" ` +
    `stroke-width="${fixed(size / 8, 1)}" paint-order="stroke">${word}</text></svg>`;
}

/** Tiyn as tenge: `1 250,00 ₸`, with a space before every three digits. */
function amountOf(tiyn) {
  const digits = BigInt(tiyn).toString().padStart(3, "0");
  const tenge = digits.slice(0, -2).replace(/(?<=\d)(?=(\d{3})+$)/g, " ");
  return `${tenge},${digits.slice(-2)} ₸`;
}

/** A text on the ring, as large as an angle of so many radians leaves room for. */
function arc(text, angle) {
  const size = (text) => Math.min((MIDDLE * angle) / width(text), LARGEST_ON_RING);
  const fitting = shortened(text, (text) => size(text) >= SMALLEST);
  return { text: fitting, size: size(fitting), angle: (width(fitting) * size(fitting)) / MIDDLE };
}

/** Each letter on its own: renderers disagree about text on paths. `up` is -1 on the upper half. */
function lettered({ text, size }, up) {
  const radius = MIDDLE + (up * size * CAPITAL) / 2;
  let svg = "", at = (-width(text) * size) / 2;
  for (const c of text) {
    const turn = (at + (advance(c) * size) / 2) / MIDDLE;
    at += advance(c) * size;
    if (c === " ") continue;
    const [x, y] = [CENTRE + radius * Math.sin(turn), CENTRE + up * radius * Math.cos(turn)];
    const degrees = -up * (turn * (180 / Math.PI));
    svg += `<text transform="translate(${fixed(x, 2)} ${fixed(y, 2)}) rotate(${fixed(degrees, 2)})" ` +
      `font-size="${fixed(size, 1)}">${escaped(c)}</text>`;
  }
  return svg;
}

/** A centred line, as large as the inner circle leaves room for. */
function line(text, y, largest) {
  const fromCentre = Math.max(CENTRE - (y - CAPITAL * largest), y - CENTRE);
  return lineWithin(text, y, largest, 2 * Math.sqrt(Math.max(INSIDE * INSIDE - fromCentre * fromCentre, 0)));
}

function lineWithin(text, y, largest, room) {
  if (text === "") return "";
  const size = (text) => Math.min(room / width(text), largest);
  const fitting = shortened(text, (text) => size(text) >= SMALLEST);
  return `<text x="200" y="${y}" font-size="${fixed(size(fitting), 1)}">${escaped(fitting)}</text>`;
}

/** The text with as few words shortened as make it fit: known ones first, from the left, then the longest others. */
function shortened(text, fits) {
  const KEPT = 4, LONG = 6;
  const words = text.split(" ");
  const length = (word) => (word.endsWith(".") ? 0 : [...word].length);
  for (;;) {
    const now = words.join(" ");
    if (fits(now)) return now;
    const known = words.findIndex((word) => SHORT.has(word));
    if (known >= 0) {
      words[known] = SHORT.get(words[known]);
      continue;
    }
    const longest = Math.max(...words.map(length));
    if (longest < LONG) return now;
    const at = words.findIndex((word) => length(word) === longest);
    words[at] = `${[...words[at]].slice(0, KEPT).join("")}.`;
  }
}

/** Width of a text as part of the font size, in the widest of the fonts. */
function width(text) {
  let all = 0;
  for (const c of text) all += advance(c);
  return Math.max(all, 1);
}

function advance(c) {
  if (" IІ.,·-'".includes(c)) return 0.45;
  if ("МЖШЩЮЫФMW№—".includes(c)) return 1.12;
  return /[\p{Lowercase}0-9]/u.test(c) ? 0.72 : 0.84;
}

function open(across, down, title) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${across} ${down}" width="30mm" ` +
    `height="${(30 * down) / across}mm"><title>${escaped(title)}</title>`;
}

function fixed(number, digits) {
  return number.toFixed(digits);
}

function escaped(text) {
  // XML 1.0 §2.2: a forged name may have what XML cannot.
  const clean = text.replace(/[\p{Cc}\uFFFE\uFFFF]/gu, "\uFFFD");
  return clean.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
