"""A second verifier of postmarks, written from docs/postmarks.md with nothing but the standard library.

    python3 verify_postmarks.py poshta-marks.json MESSAGE...

prints for each message one line of JSON: its verdict, and the findings of each mark, the newest first. What a mark says
of its facility (name, index, oblast, letter) is not compared here.
"""
import base64, binascii, hashlib, json, re, sys
from datetime import datetime, timedelta, timezone

REQUIRED = ("from to cc subject date message-id mime-version content-type content-transfer-encoding "
            "postal-item-id postal-class").split()
ALWAYS = "v i k op f ix fn st ts t z".split()
SIGNED = "d s a c h bh b".split()
FORGED = {"altered_body", "altered_header", "altered_mark", "other_message", "bad_signature", "broken_chain",
          "key_not_in_use", "revoked_device", "token_contradicts_instant", "duplicate_id"}

# Ed25519 (RFC 8032 §5.1), in extended coordinates.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P

def times(n, point):
    result = (0, 1, 1, 0)
    while n:
        result, point, n = add(result, point) if n & 1 else result, add(point, point), n >> 1
    return result

def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise ValueError("not on the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def ed25519(key, message, signature):
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    try:
        r, a = point(signature[:32]), point(key)
    except ValueError:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(int.from_bytes(signature[32:], "little"), BASE), add(r, times(h, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))

def der(data):
    """The contents of the first value and what follows it."""
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    return data[at:at + length], data[at + length:]

def rsa(key, message, signature):
    inner = der(der(der(der(key)[0])[1])[0][1:])[0]         # SubjectPublicKeyInfo, bit string, RSAPublicKey
    n, rest = der(inner)
    n, e = int.from_bytes(n, "big"), int.from_bytes(der(rest)[0], "big")
    size = (n.bit_length() + 7) // 8
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(message).digest()
    padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    return len(signature) == size and pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big") == padded

def decode(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data

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
            fields.append((name.strip().lower(), value))
    return fields, rest

def relaxed_body(body):
    lines = [re.sub(rb"[ \t]+", b" ", line.removesuffix(b"\r")).rstrip(b" ") for line in body.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)

def relaxed_header(fields, names):
    left, out = list(fields), b""
    for name in names:
        for at in range(len(left) - 1, -1, -1):
            if left[at][0] == name.encode():
                out += name.encode() + b":" + re.sub(rb"[ \t]+", b" ", left.pop(at)[1]).strip(b" ") + b"\r\n"
                break
    return out

class Mark:
    def __init__(self, value):
        self.tags, self.findings = {}, []
        try:
            for tag in value.decode("ascii").strip().removesuffix(";").split(";"):
                name, equals, text = tag.partition("=")
                if not equals or not re.fullmatch(r"[A-Za-z]\w*", name.strip()) or name.strip() in self.tags:
                    raise ValueError(tag)
                self.tags[name.strip()] = re.sub(r"\s", "", text)
            self.check()
        except (ValueError, KeyError, binascii.Error):
            self.findings, self.tags = self.findings or ["malformed"], {}

    def check(self):
        if self.tags.get("v") != "1":
            self.findings = ["unknown_version"]
            raise ValueError("version")
        for name in ALWAYS:
            self.tags[name]
        sign, hours, minutes = re.fullmatch(r"([+-])(\d\d)(\d\d)", self.tags["z"]).groups()
        zone = timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))
        self.t = int(self.tags["t"])
        clock, ts = datetime.fromtimestamp(self.t, zone), self.tags["ts"]
        right = [clock.strftime("%d%m%y%H"), clock.strftime("%d%m%y")]
        if "lb" in self.tags:
            right = [right[1], (clock + timedelta(days=1)).strftime("%d%m%y")]
        if ts not in right:
            self.findings = ["token_contradicts_instant"]
            raise ValueError("token")
        self.signed = any(name in self.tags for name in SIGNED)
        if self.signed:
            self.b, self.bh = decode(self.tags["b"]), decode(self.tags["bh"])
            self.names = self.tags["h"].lower().split(":")
            self.hh = decode(self.tags["hh"]) if "hh" in self.tags else None
            if self.tags["c"] != "relaxed/relaxed" or not set(REQUIRED) <= set(self.names):
                raise ValueError("c or h")

    def canonical(self, **changed):
        return "postal-mark:" + ";".join(f"{name}={changed.get(name, text)}" for name, text in self.tags.items())

    def holds(self, key, **changed):
        data = self.header + self.canonical(b="", **changed).encode()
        if self.tags["a"] == "ed25519-sha256":
            return ed25519(key, hashlib.sha256(data).digest(), self.b)
        return rsa(key, data, self.b)

def find_key(mark, operators):
    """Device and key that a mark names, and findings about them."""
    operator = next((operator for operator in operators if operator["id"] == mark.tags["op"]), None)
    if operator is None:
        return None, ["unknown_operator"]
    facility = next((it for it in operator["facilities"] if it["id"] == mark.tags["f"]), None)
    if facility is None:
        return None, ["unknown_facility"]
    for device in facility["devices"]:
        for key in device.get("keys", []):
            if mark.signed and key["selector"] == mark.tags["s"]:
                at = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
                late = [] if at(key.get("from", "1970-01-01T00:00:00Z")) <= mark.t <= at(key.get("to", "9999-01-01T00:00:00Z")) else ["key_not_in_use"]
                if device.get("revoked_at") and at(device["revoked_at"]) <= mark.t:
                    late.append("revoked_device")
                usable = key["algorithm"] == mark.tags["a"] and mark.tags["d"].lower() in operator["domains"]
                return decode(key["public_key"]) if usable else None, late
    return None, []

# What each kind points to; a handing over also to the delivery before it.
CHAIN = {"accept": None, "receive": ("accept",), "deliver": ("receive",), "both": ("receive",), "handed": ("receive", "deliver")}

def kind(mark):
    handover = mark.tags.get("dk", "delivered")
    return mark.tags["k"] if mark.tags["k"] != "deliver" or handover == "delivered" else handover

def judge(message, operators):
    fields, body = split(message)
    body_hash = hashlib.sha256(relaxed_body(body)).digest()
    marks = [Mark(value) for name, value in fields if name == b"postal-mark"]
    whole = [mark for mark in marks if mark.tags]
    for mark in whole:
        mark.key, mark.late = find_key(mark, operators)
        mark.ok = mark.header_ok = False
        if mark.signed:
            mark.header = relaxed_header(fields, mark.names)
            mark.header_ok = mark.hh == hashlib.sha256(mark.header).digest()
            known = mark.tags["a"] in ("ed25519-sha256", "rsa-sha256")
            mark.ok = known and mark.key is not None and mark.holds(mark.key)
    digests = {base64.b64encode(hashlib.sha256(mark.canonical().encode()).digest()).decode(): kind(mark) for mark in whole}
    ids = sum(name == b"postal-item-id" for name, _ in fields)
    most = max((mark.names.count("postal-item-id") for mark in whole if mark.ok), default=0)
    for mark in whole:
        mark.findings = [] if mark.signed else ["unsigned"]
        if mark.signed:
            judge_signature(mark, whole, body_hash)
            if mark.ok and mark.names.count("postal-item-id") == most < ids:
                mark.findings.append("altered_header")
            target = digests.get(mark.tags.get("pv"))
            wanted = CHAIN.get(kind(mark), ("accept",))
            if target not in wanted if wanted else "pv" in mark.tags and target is None:
                mark.findings.append("broken_chain")
        mark.findings += mark.late
        if sum(other.tags["i"] == mark.tags["i"] for other in whole) > 1:
            mark.findings.append("duplicate_id")
    found = {finding for mark in marks for finding in mark.findings}
    if not marks:
        hosts = [re.search(rb"\bby\s+([^\s;]+)", value) for name, value in fields if name == b"received"]
        ours = {host[1].decode("latin1").lower().rstrip(".") for host in hosts if host}
        domains = [domain for operator in operators for domain in operator["domains"]]
        passed = ids or any(host == domain or host.endswith("." + domain) for host in ours for domain in domains)
        verdict = "stripped" if passed else "absent"
    else:
        verdict = "forged" if found & FORGED else "not_valid" if found else "valid"
    return {"verdict": verdict, "marks": [sorted(mark.findings) for mark in marks]}

def judge_signature(mark, whole, body_hash):
    altered_body = mark.bh != body_hash
    if mark.ok:
        mark.findings += ["altered_body"] * altered_body
    elif mark.tags["a"] not in ("ed25519-sha256", "rsa-sha256") or mark.key is None:
        known = mark.tags["a"] in ("ed25519-sha256", "rsa-sha256")
        mark.findings += ["unknown_key" if known else "unknown_algorithm"] + ["altered_body"] * altered_body
        mark.findings += ["altered_header"] * (mark.hh is not None and not mark.header_ok)
    else:
        true_hash = base64.b64encode(hashlib.sha256(mark.header).digest()).decode()
        like = any(it.signed and it.names == mark.names and (it.ok or it.header_ok) for it in whole)
        strange = mark.hh is not None and not set(mark.names) <= set(REQUIRED)
        if like or strange or (mark.hh is not None and mark.holds(mark.key, hh=true_hash)):
            mark.findings.append("altered_mark")
        elif mark.hh is None:
            mark.findings.append("altered_body" if altered_body else "bad_signature")
        else:
            mark.findings.append("other_message" if altered_body else "altered_header")

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        published = json.load(file)["operators"]
    for name in sys.argv[2:]:
        with open(name, "rb") as file:
            print(json.dumps(judge(file.read(), published)))
