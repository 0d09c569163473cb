"""A second verifier of postmarks, written from docs/postmarks.md with nothing but the standard library.

    python3 verify_postmarks.py poshta-marks.json MESSAGE...

prints for each message one line of JSON: its verdict, and the findings of each mark, the newest first. A facility's clock
is that of the system's time-zone data, which must know that Kazakhstan moved its clocks in 2024.
"""
import base64, binascii, hashlib, json, re, sys
from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo
from rfc8032 import is_signed

REQUIRED = set("from to cc subject date message-id mime-version content-type content-transfer-encoding postal-item-id "
               "postal-class".split())
ALWAYS, SIGNED = set("v i k op f ix fn st ts t z".split()), set("d s a c h bh b".split())
FORGED = set("altered_body altered_header altered_mark other_message bad_signature broken_chain key_not_in_use "
             "revoked_device token_contradicts_instant duplicate_id contradicts_facility".split())
MOST_MARKS = 100
# What each kind points to: a handing over also to the delivery before it, and what is not named here to the acceptance.
CHAIN = {"receive": ["accept"], "deliver": ["receive"], "both": ["receive"], "handed": ["receive", "deliver"]}
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

def is_signed_by_rsa(key, text, signature):
    """PKCS #1 v1.5 with SHA-256 (RFC 8017 §8.2.2); the key is a SubjectPublicKeyInfo."""
    def der(data):                                      # the contents of the first value, and what follows it
        more = data[1] & 0x7F if data[1] & 0x80 else 0
        end = 2 + more + (int.from_bytes(data[2:2 + more], "big") if more else data[1])
        return data[2 + more:end], data[end:]
    n, rest = der(der(der(der(der(key)[0])[1])[0][1:])[0])
    n, e = int.from_bytes(n, "big"), int.from_bytes(der(rest)[0], "big")
    size = (n.bit_length() + 7) // 8
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text).digest()
    padded = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
    return len(signature) == size and pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big") == padded

METHODS = {"ed25519-sha256": lambda key, text, b: is_signed(key, hashlib.sha256(text).digest(), b),
           "rsa-sha256": is_signed_by_rsa}

def digest(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()

def decode(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data

def unquote(text):
    """dkim-quoted-printable (RFC 6376 §2.11)."""
    return re.sub(rb"=(..)", lambda it: bytes.fromhex(it[1].decode()), text.encode()).decode()

def second(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

def is_between(first, it, last):
    """Days as texts; None and "" are open."""
    return (first or "") <= it and (not last or it <= last)

def keys_of(device):
    """A device without a list of keys has the one that stands with it, whenever that was in use."""
    alone = {name: device.get(name) for name in ("selector", "algorithm", "public_key")}
    return device.get("keys", []) + [alone] * (None not in alone.values())

def split(message):
    """Fields as (name, value) and the body; LF ends a line as CRLF does."""
    fields, rest = [], message
    while rest:
        line, _, rest = rest.partition(b"\n")
        line = line.removesuffix(b"\r")
        if not line:
            break
        if line[:1] in b" \t" and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
        else:
            name, _, value = line.partition(b":")
            fields.append((name.strip().lower().decode("latin1"), value))
    return fields, rest

def relaxed_body(body):
    lines = [re.sub(rb"[ \t]+", b" ", line.removesuffix(b"\r")).rstrip(b" ") for line in body.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)

def relaxed_header(fields, names):
    """RFC 6376 §5.4.2: from the bottom up; what is not there is nothing."""
    left = {name: [value for field, value in fields if field == name] for name in names}
    taken = [(name, left[name].pop()) for name in names if left[name]]
    return b"".join(name.encode() + b":" + re.sub(rb"[ \t]+", b" ", value).strip(b" ") + b"\r\n" for name, value in taken)

class Mark:
    def __init__(self, value, fields, operators):
        self.tags, self.findings, self.key, self.is_good = {}, ["malformed"], None, False
        try:
            for tag in value.decode("ascii").strip().removesuffix(";").split(";"):
                name, equals, text = tag.partition("=")
                if not equals or not re.fullmatch(r"[A-Za-z]\w*", name.strip()) or name.strip() in self.tags:
                    raise ValueError(tag)
                self.tags[name.strip()] = re.sub(r"\s", "", text)
            self.read(fields)
        except (ValueError, KeyError, AttributeError, binascii.Error):
            self.tags = {}
            return
        self.findings = self.find_key(operators)
        self.is_good = self.signed and self.key is not None and self.holds()

    def read(self, fields):
        if self.tags.get("v") != "1":
            self.findings = ["unknown_version"]
            raise ValueError("version")
        if not ALWAYS <= set(self.tags):
            raise KeyError("a tag is missing")
        sign, hours, minutes = re.fullmatch(r"([+-])(\d\d)(\d\d)", self.tags["z"]).groups()
        self.t = int(self.tags["t"])
        clock = datetime.fromtimestamp(self.t, timezone(int(sign + "1") * timedelta(hours=int(hours), minutes=int(minutes))))
        dates = [day.strftime("%d%m%y") for day in (clock, clock + timedelta(days=1))]
        if self.tags["ts"] not in (dates if "lb" in self.tags else [dates[0], clock.strftime("%d%m%y%H")]):
            self.findings = ["token_contradicts_instant"]
            raise ValueError("token")
        self.says = {name: unquote(self.tags[name]) for name in ("fn", "pl", "dv") if name in self.tags}
        handover = self.tags.get("dk", "delivered")
        self.kind = handover if self.tags["k"] == "deliver" and handover != "delivered" else self.tags["k"]
        self.signed = bool(SIGNED & set(self.tags))
        if self.signed:
            self.b, _ = decode(self.tags["b"]), [decode(self.tags[name]) for name in ("bh", "hh") if name in self.tags]
            self.names = self.tags["h"].lower().split(":")
            if not SIGNED <= set(self.tags) or self.tags["c"] != "relaxed/relaxed" or not REQUIRED <= set(self.names):
                raise ValueError("c or h")
            self.header = relaxed_header(fields, self.names)
            self.is_header_good = self.tags.get("hh") == digest(self.header)

    def canonical(self, **changed):
        return ("postal-mark:" + ";".join(f"{name}={changed.get(name, it)}" for name, it in self.tags.items())).encode()

    def holds(self, **changed):
        return METHODS[self.tags["a"]](self.key, self.header + self.canonical(b="", **changed), self.b)

    def find_key(self, operators):
        """Finds the key that the mark names; says what is to be said about it."""
        operator = next((it for it in operators if it["id"] == self.tags["op"]), None)
        facility = next((it for it in operator["facilities"] if it["id"] == self.tags["f"]), None) if operator else None
        if facility is None:
            return ["unknown_facility" if operator else "unknown_operator"]
        found = [(device, key) for device in facility["devices"] for key in keys_of(device)
                 if self.signed and key["selector"] == self.tags["s"]]
        findings = []
        for device, key in found[:1]:
            if key["algorithm"] == self.tags["a"] in METHODS and self.tags["d"].lower() in operator["domains"]:
                self.key = decode(key["public_key"])
            first, last = second(key.get("from", "1970-01-01T00:00:00Z")), second(key.get("to", "9999-01-01T00:00:00Z"))
            findings += ["key_not_in_use"] * (not first <= self.t <= last)
            is_late = device.get("revoked_at") and second(device["revoked_at"]) <= self.t
            findings += ["revoked_device"] * bool(is_late)
        return findings + self.compare(facility, found[0][0] if found else None)

    def compare(self, facility, signing):
        """What the mark says of its facility, against what is published; signing is the device whose key it names."""
        clocks = [(it, datetime.fromtimestamp(self.t, ZoneInfo(it["zone"]))) for it in facility["versions"]]
        in_use = [it for it in clocks if is_between(it[0].get("from"), it[1].date().isoformat(), it[0].get("to"))]
        if not in_use:
            return ["facility_not_in_use"]
        version, clock = in_use[0]
        day, script = clock.date().isoformat(), "lat" if facility["kind"] == "intl_exchange" else "kk"
        is_centre = any((version["oblast"], version["settlement_kk"]) == (oblast, name) and first <= day < (end or "9")
                        for oblast, name, first, end in CENTRES)
        def fits(device):                               # this letter, on a device that makes such marks, on this day
            return (device.get("letter") == self.says.get("dv") and self.tags["k"] in MADE_BY.get(device["kind"], [])
                    and is_between(device.get("from"), day, device.get("to")))
        left = [it for it in facility["devices"] if not it.get("revoked_at") or self.t < second(it["revoked_at"])]
        token = clock.strftime("%d%m%y" if version["low_volume"] else "%d%m%y%H")
        if "lb" in self.tags:                           # P23: the day of the collection
            times = [time.fromisoformat(it["time"]) for it in version["collection_times"] if it["id"] == self.tags["lb"]]
            token = times and (clock + timedelta(days=clock.time() > times[0])).strftime("%d%m%y")
        agrees = [self.says["fn"] == version.get("name_" + script),
                  self.says.get("pl") in (None, version.get("settlement_" + script)),
                  self.tags["ix"].upper() == version["postal_index"],
                  (int(self.tags["no"]) if "no" in self.tags else None) == version.get("number"),
                  self.tags.get("ob") == (None if is_centre or version["oblast"] in CITIES else version["oblast"]),
                  self.tags["z"] == clock.strftime("%z"),
                  fits(signing) if signing else any(map(fits, left)),
                  self.tags["ts"] == token]
        return ["contradicts_facility"] * agrees.count(False)

    def judge_signature(self, marks, body):
        altered_body = ["altered_body"] * (self.tags["bh"] != digest(relaxed_body(body)))
        if self.is_good:
            return altered_body
        if self.key is None:
            why = "unknown_key" if self.tags["a"] in METHODS else "unknown_algorithm"
            return [why] + altered_body + ["altered_header"] * ("hh" in self.tags and not self.is_header_good)
        like = any(it.signed and it.names == self.names and (it.is_good or it.is_header_good) for it in marks)
        if "hh" not in self.tags:
            return ["altered_mark"] if like else altered_body or ["bad_signature"]
        if like or not set(self.names) <= REQUIRED or self.holds(hh=digest(self.header)):
            return ["altered_mark"]
        return ["other_message" if altered_body else "altered_header"]

def judge(message, operators):
    fields, body = split(message)
    values = [value for name, value in fields if name == "postal-mark"]
    all_marks = [Mark(value, fields, operators) for value in values[:MOST_MARKS]]
    marks = [mark for mark in all_marks if mark.tags]
    kinds = {digest(mark.canonical()): mark.kind for mark in marks}
    item_ids = sum(name == "postal-item-id" for name, _ in fields)
    most = max((mark.names.count("postal-item-id") for mark in marks if mark.is_good), default=0)
    for mark in marks:
        mark.findings += mark.judge_signature(marks, body) if mark.signed else ["unsigned"]
        if mark.signed:
            target, wanted = kinds.get(mark.tags.get("pv")), CHAIN.get(mark.kind, ["accept"])
            is_chained = "pv" not in mark.tags or target if mark.kind == "accept" else target in wanted
            mark.findings += ["broken_chain"] * (not is_chained)
            mark.findings += ["altered_header"] * (mark.is_good and mark.names.count("postal-item-id") == most < item_ids)
        mark.findings += ["duplicate_id"] * (sum(it.tags["i"] == mark.tags["i"] for it in marks) > 1)
    findings = [mark.findings for mark in all_marks] + [["too_many"]] * (len(values) > MOST_MARKS)
    found = {finding for each in findings for finding in each}
    verdict = "forged" if found & FORGED else "not_valid" if found else "valid"
    if not all_marks:
        by = [re.search(rb"\bby\s+([^\s;]+)", value) for name, value in fields if name == "received"]
        hosts = ["." + host[1].decode("latin1").lower().rstrip(".") for host in by if host]
        domains = tuple("." + domain for operator in operators for domain in operator["domains"])
        verdict = "stripped" if item_ids or any(host.endswith(domains) for host in hosts) else "absent"
    return {"verdict": verdict, "marks": list(map(sorted, findings))}

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        published = json.load(file)["operators"]
    for name in sys.argv[2:]:
        with open(name, "rb") as file:
            print(json.dumps(judge(file.read(), published)))
