"""A second verifier of postmarks, written from docs/postmarks.md with nothing but the standard library.

    python3 verify_postmarks.py poshta-marks.json MESSAGE...

prints for each message one line of JSON: its verdict, and the findings of each mark, the newest first.
"""
import base64, hashlib, json, re, sys

import rfc8017, rfc8032
from mark_grammar import REQUIRED, Malformed, decode, read
from published_facility import look_up

FORGED = set("altered_body altered_header altered_mark other_message bad_signature broken_chain key_not_in_use "
             "revoked_device token_contradicts_instant duplicate_id contradicts_facility".split())
MOST_MARKS = 100
# What each kind points to: a handing over also to the delivery before it, and what is not named here to the acceptance.
CHAIN = {"receive": ["accept"], "deliver": ["receive"], "both": ["receive"], "handed": ["receive", "deliver"]}
METHODS = {"ed25519-sha256": lambda key, text, b: rfc8032.is_signed(key, hashlib.sha256(text).digest(), b),
           "rsa-sha256": rfc8017.is_signed}


def digest(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def ulid(text):
    """As all write it; its 26 digits have two bits more than it."""
    return str("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(text[0].upper()) & 7) + text[1:].upper()


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
    """A field Postal-Mark on its message. Without tags if it is none: its finding says why."""
    def __init__(self, value, fields, operators):
        self.tags, self.key, self.is_good = {}, None, False
        try:
            self.tags, self.says = read(value)
        except Malformed as why:
            self.findings = [why.finding]
            return
        self.t, self.signed, self.id = int(self.tags["t"]), "b" in self.tags, ulid(self.tags["i"])
        handover = self.tags.get("dk", "delivered")
        self.kind = handover if handover != "delivered" else self.tags["k"]
        if self.signed:
            self.b, self.names = decode(self.tags["b"]), self.tags["h"].lower().split(":")
            self.header = relaxed_header(fields, self.names)
            self.is_header_good = self.tags.get("hh") == digest(self.header)
        self.findings, key = look_up(self, operators)
        self.key = key if self.signed and self.tags["a"] in METHODS else None
        self.is_good = self.key is not None and self.holds()

    def canonical(self, **changed):
        return ("postal-mark:" + ";".join(f"{name}={changed.get(name, it)}" for name, it in self.tags.items())).encode()

    def holds(self, **changed):
        return METHODS[self.tags["a"]](self.key, self.header + self.canonical(b="", **changed), self.b)

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
            is_chained = mark.kind == "accept" or target in wanted
            mark.findings += ["broken_chain"] * (not is_chained)
            mark.findings += ["altered_header"] * (mark.is_good and mark.names.count("postal-item-id") == most < item_ids)
        mark.findings += ["duplicate_id"] * (sum(it.id == mark.id for it in marks) > 1)
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
