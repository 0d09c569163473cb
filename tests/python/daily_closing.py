"""Daily closings of a device, checked with the published keys and nothing of the server's own code.

RFC 8785 for the canonical form, RFC 8032 for the signature, RFC 8463 §3 for what it is over.
"""
import base64, hashlib, json, sys
from demo import *
from rfc8032 import is_signed

closings = json.load(open(sys.argv[1]))
marks = json.loads(http("GET", "/.well-known/poshta-marks.json", expect=200)[2])
json.dump(marks, open(sys.argv[2], "w"))


def canonical(document):
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_of(closing):
    operator = next(it for it in marks["operators"] if it["id"] == closing["operator"])
    facility = next(it for it in operator["facilities"] if it["id"] == closing["facility"])
    device = next(it for it in facility["devices"] if it["id"] == closing["device"])
    key = next(it for it in device["keys"] if it["selector"] == closing["selector"])
    assert key["algorithm"] == closing["algorithm"] == "ed25519-sha256"
    return base64.b64decode(key["public_key"])


def holds(closing):
    unsigned = {name: value for name, value in closing.items() if name != "signature"}
    text = b"poshta-closing:v1\n" + canonical(unsigned)
    return is_signed(key_of(closing), hashlib.sha256(text).digest(), base64.b64decode(closing["signature"]))


previous = None
for closing in closings:
    assert holds(closing), closing["day"]
    assert not holds({**closing, "total": closing["total"] + 1}), "a changed closing holds"
    void = sum(last - first + 1 for first, last in closing["void"])
    upto = closing["last"] if closing["last"] is not None else closing["before"]
    assert upto - closing["before"] == closing["total"] + void
    assert sum(closing["impressions"].values()) == closing["total"]
    assert closing["from"] < closing["to"] <= closing["closed"]
    if previous is None:
        assert closing["previous"] is None and closing["before"] == 0
    else:
        assert closing["previous"] == hashlib.sha256(canonical(previous)).hexdigest()
        assert closing["from"] == previous["to"]
        last = previous["last"] if previous["last"] is not None else previous["before"]
        assert closing["before"] == last
    previous = closing

# The day's marks are what the log has published: two, the first and the last, wherever they stand.
first = closings[0]
assert first["total"] == 2
found = log_entries(int(http("GET", "/log/checkpoint", expect=200)[2].split(b"\n")[1]))
assert first["log"]["size"] <= len(found)
of_day = [found[first["log"][place]] for place in ("first", "last")]
assert hashlib.sha256(b"".join(of_day)).hexdigest() == first["marks_sha256"]
print("valid", len(closings))
