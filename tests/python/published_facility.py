"""What a mark says of its facility, against what is published of that: docs/postmarks.md, "Checking".

A facility's clock is that of the system's time-zone data, which must know that Kazakhstan moved its clocks in 2024.
"""
import base64
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

# P5-P9: what devices of each kind make.
MADE_BY = {"postmark": ["accept", "receive", "deliver", "cancel"], "surcharge": ["surcharge"], "special": ["cancel"],
           "insurance": ["seal"]}
# P15: the oblast is not shown in these cities, nor in its centre: since when, and from when on no longer.
CITIES = ["KZ-71", "KZ-75", "KZ-79"]
CENTRES = [(*line.split(), "", "")[:4] for line in (
    "KZ-10 Семей 2022-06-08", "KZ-11 Көкшетау", "KZ-15 Ақтөбе", "KZ-19 Талдықорған 0 2022-06-08", "KZ-19 Қонаев 2022-06-08",
    "KZ-23 Атырау", "KZ-27 Орал", "KZ-31 Тараз", "KZ-33 Талдықорған 2022-06-08", "KZ-35 Қарағанды", "KZ-39 Қостанай",
    "KZ-43 Қызылорда", "KZ-47 Ақтау", "KZ-55 Павлодар", "KZ-59 Петропавл", "KZ-61 Шымкент 0 2018-06-19",
    "KZ-61 Түркістан 2018-06-19", "KZ-62 Жезқазған 2022-06-08", "KZ-63 Өскемен")]


def second(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def is_between(first, it, last):
    """Days as texts; None and "" are open."""
    return (first or "") <= it and (not last or it <= last)


def keys_of(device):
    """A device without a list of keys has the one that stands with it, whenever that was in use."""
    alone = {name: device.get(name) for name in ("selector", "algorithm", "public_key")}
    return device.get("keys", []) + [alone] * (None not in alone.values())


def look_up(mark, operators):
    """What is to be said of a mark with what is published, and the key that it names, if there is one of its algorithm."""
    operator = next((it for it in operators if it["id"] == mark.tags["op"]), None)
    facility = next((it for it in operator["facilities"] if it["id"] == mark.tags["f"]), None) if operator else None
    if facility is None:
        return ["unknown_facility" if operator else "unknown_operator"], None
    found = [(device, key) for device in facility["devices"] for key in keys_of(device)
             if mark.signed and key["selector"] == mark.tags["s"]]
    findings, public_key = [], None
    for device, key in found[:1]:
        if key["algorithm"] == mark.tags["a"] and mark.tags["d"].lower() in operator["domains"]:
            public_key = base64.b64decode(key["public_key"])
        first, last = second(key.get("from", "1970-01-01T00:00:00Z")), second(key.get("to", "9999-01-01T00:00:00Z"))
        findings += ["key_not_in_use"] * (not first <= mark.t <= last)
        is_late = device.get("revoked_at") and second(device["revoked_at"]) <= mark.t
        findings += ["revoked_device"] * bool(is_late)
    return findings + compare(mark, facility, found[0][0] if found else None), public_key


def compare(mark, facility, signing):
    """What the mark says of its facility, against what is published; signing is the device whose key it names."""
    clocks = [(it, datetime.fromtimestamp(mark.t, ZoneInfo(it["zone"]))) for it in facility["versions"]]
    in_use = [it for it in clocks if is_between(it[0].get("from"), it[1].date().isoformat(), it[0].get("to"))]
    if not in_use:
        return ["facility_not_in_use"]
    version, clock = in_use[0]
    day, script = clock.date().isoformat(), "lat" if facility["kind"] == "intl_exchange" else "kk"
    is_centre = any((version["oblast"], version["settlement_kk"]) == (oblast, name) and first <= day < (end or "9")
                    for oblast, name, first, end in CENTRES)

    def fits(device):                                   # this letter, on a device that makes such marks, on this day
        return (device.get("letter") == mark.says.get("dv") and mark.tags["k"] in MADE_BY.get(device["kind"], [])
                and is_between(device.get("from"), day, device.get("to")))

    left = [it for it in facility["devices"] if not it.get("revoked_at") or mark.t < second(it["revoked_at"])]
    token = clock.strftime("%d%m%y" if version["low_volume"] else "%d%m%y%H")
    if "lb" in mark.tags:                               # P23: the day of the collection
        times = [time.fromisoformat(it["time"]) for it in version["collection_times"] if it["id"] == mark.tags["lb"]]
        token = times and (clock + timedelta(days=clock.time() > times[0])).strftime("%d%m%y")
    agrees = [mark.says["fn"] == version.get("name_" + script),
              mark.says.get("pl") in (None, version.get("settlement_" + script)),
              mark.tags["ix"].upper() == version["postal_index"],
              (int(mark.tags["no"]) if "no" in mark.tags else None) == version.get("number"),
              mark.tags.get("ob") == (None if is_centre or version["oblast"] in CITIES else version["oblast"]),
              mark.tags["z"] == clock.strftime("%z"),
              fits(signing) if signing else any(map(fits, left)),
              mark.tags["ts"] == token]
    return ["contradicts_facility"] * agrees.count(False)
