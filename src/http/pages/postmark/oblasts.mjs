// The oblasts of Kazakhstan (ISO 3166-2:KZ) and their centres with dates; P15 says where the oblast is left out.
// A copy of src/postal/oblast.rs, whose tests compare the two.

/** Code: name in the state language, name in Latin letters. */
export const OBLASTS = {
  "KZ-10": ["Абай облысы", "Abay oblysy"],
  "KZ-11": ["Ақмола облысы", "Aqmola oblysy"],
  "KZ-15": ["Ақтөбе облысы", "Aqtobe oblysy"],
  "KZ-19": ["Алматы облысы", "Almaty oblysy"],
  "KZ-23": ["Атырау облысы", "Atyrau oblysy"],
  "KZ-27": ["Батыс Қазақстан облысы", "Batys Qazaqstan oblysy"],
  "KZ-31": ["Жамбыл облысы", "Zhambyl oblysy"],
  "KZ-33": ["Жетісу облысы", "Zhetisu oblysy"],
  "KZ-35": ["Қарағанды облысы", "Qaraghandy oblysy"],
  "KZ-39": ["Қостанай облысы", "Qostanay oblysy"],
  "KZ-43": ["Қызылорда облысы", "Qyzylorda oblysy"],
  "KZ-47": ["Маңғыстау облысы", "Mangghystau oblysy"],
  "KZ-55": ["Павлодар облысы", "Pavlodar oblysy"],
  "KZ-59": ["Солтүстік Қазақстан облысы", "Soltustik Qazaqstan oblysy"],
  "KZ-61": ["Түркістан облысы", "Turkistan oblysy"],
  "KZ-62": ["Ұлытау облысы", "Ulytau oblysy"],
  "KZ-63": ["Шығыс Қазақстан облысы", "Shyghys Qazaqstan oblysy"],
  "KZ-71": ["Астана", "Astana"],
  "KZ-75": ["Алматы", "Almaty"],
  "KZ-79": ["Шымкент", "Shymkent"],
};

/** Cities that belong to no oblast. */
export const CITIES = ["KZ-71", "KZ-75", "KZ-79"];

/** Oblast, its centre, the centre's first day, and the day on which it is no longer; null where open. */
export const CENTRES = [
  ["KZ-10", "Семей", "2022-06-08", null],
  ["KZ-11", "Көкшетау", null, null],
  ["KZ-15", "Ақтөбе", null, null],
  ["KZ-19", "Талдықорған", null, "2022-06-08"],
  ["KZ-19", "Қонаев", "2022-06-08", null],
  ["KZ-23", "Атырау", null, null],
  ["KZ-27", "Орал", null, null],
  ["KZ-31", "Тараз", null, null],
  ["KZ-33", "Талдықорған", "2022-06-08", null],
  ["KZ-35", "Қарағанды", null, null],
  ["KZ-39", "Қостанай", null, null],
  ["KZ-43", "Қызылорда", null, null],
  ["KZ-47", "Ақтау", null, null],
  ["KZ-55", "Павлодар", null, null],
  ["KZ-59", "Петропавл", null, null],
  ["KZ-61", "Шымкент", null, "2018-06-19"],
  ["KZ-61", "Түркістан", "2018-06-19", null],
  ["KZ-62", "Жезқазған", "2022-06-08", null],
  ["KZ-63", "Өскемен", null, null],
];

/** P15: whether a facility in this settlement shows its oblast on this day. */
export function isOblastShown(oblast, settlement, date) {
  const isCentre = ([of, name, from, until]) =>
    of === oblast && name === settlement && (from === null || from <= date) && (until === null || date < until);
  return !CITIES.includes(oblast) && !CENTRES.some(isCentre);
}
