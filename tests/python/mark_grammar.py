"""What a mark may be: its tags one by one and against each other, written from docs/postmarks.md and RFC 6376 §3.2.

Raises Malformed with what is to be said of the field, for what is none.
"""
import base64, re
from datetime import datetime, timedelta, timezone

from published_facility import CENTRES, CITIES

# Fields that every mark signs.
REQUIRED = set("from to cc subject date message-id mime-version content-type content-transfer-encoding postal-item-id "
               "postal-class".split())
ALWAYS, SIGNED = set("v i k op f ix fn st ts t z".split()), set("d s a c h bh b".split())
SIGNATURE = SIGNED | set("hh pv lg n".split())
# The last instant there is: 9999-12-30T22:00:00Z.
LATEST = 253402207200
NAME, TEXT, BASE64 = r"[a-z0-9][a-z0-9-]{0,31}", r"(=[0-9A-Fa-f]{2}|[^=])+", r"[A-Za-z0-9+/]*={0,2}"
SHAPES = {
    "v": r"1", "i": r"(?i:[0-9A-HJKMNP-TV-Z]{26})", "k": r"accept|receive|deliver|surcharge|cancel|seal",
    "dk": r"delivered|handed|both", "op": NAME, "f": NAME, "ix": r"[0-9]{6}|[0-9A-Za-z]{7}", "no": r"[0-9]{1,3}",
    "dv": TEXT, "fn": TEXT, "pl": TEXT, "st": r"KZ", "ts": r"[0-9]{6}|[0-9]{8}", "t": r"[0-9]{1,12}",
    "z": r"[+-][01][0-9][0-5][0-9]", "lb": NAME, "ob": "|".join({*CITIES, *(oblast for oblast, *_ in CENTRES)}),
    "id": r"[A-Za-z]{2}[0-9]{9}[A-Za-z]{2}", "pc": r"official", "am": r"[0-9]{1,18}", "ps": r"[\w-]{43}",
    "rc": r"[\w-]{22}\.[\w-]{43}", "c": r"relaxed/relaxed",
    "n": r"[0-9]{1,18}", "h": r"[!-9;-~]+(:[!-9;-~]+)*", "bh": BASE64, "hh": BASE64, "pv": BASE64, "b": BASE64}
NOT_ACCEPT = "receive deliver surcharge cancel seal"
ONLY_IN = {"dk": "deliver", "lb": "accept", "rc": "receive deliver", "am": "surcharge", "pv": NOT_ACCEPT}
NEEDED_IN = {"pl": "accept receive", "am": "surcharge", "ps": "cancel"}


class Malformed(Exception):
    def __init__(self, finding="malformed"):
        super().__init__(finding)
        self.finding = finding


def decode(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data


def unquote(text):
    """dkim-quoted-printable (RFC 6376 §2.11)."""
    return re.sub(rb"=(..)", lambda it: bytes.fromhex(it[1].decode()), text.encode()).decode()


def read(value):
    """The tags of a field's value, and its texts as they are read."""
    try:
        tags = tag_list(value)
        if tags.get("v", "1") != "1":
            raise Malformed("unknown_version")
        texts = check(tags)
        is_right = is_token_right(tags)
    except ValueError:
        raise Malformed from None
    if not is_right:
        raise Malformed("token_contradicts_instant")
    return tags, texts


def tag_list(value):
    if not re.fullmatch(rb"[\t\r\n -~]*", value):
        raise Malformed
    tags = {}
    for tag in value.decode("ascii").strip().removesuffix(";").split(";"):
        name, equals, text = tag.partition("=")
        name = name.strip()
        if not equals or not re.fullmatch(r"[A-Za-z]\w*", name) or name in tags or len(tags) == 100:
            raise Malformed
        tags[name] = re.sub(r"\s", "", text)
    return tags


def check(tags):
    names = set(tags)
    is_whole = ALWAYS <= names and (SIGNED <= names or not SIGNATURE & names)
    has_shape = all(re.fullmatch(shape, tags[name], re.ASCII) for name, shape in SHAPES.items() if name in tags)
    if not is_whole or not has_shape or not -720 <= minutes(tags["z"]) <= 840 or tags["z"] == "-0000":
        raise Malformed
    if int(tags["t"]) > LATEST:
        raise Malformed
    is_misplaced = any(name in tags and tags["k"] not in kinds.split() for name, kinds in ONLY_IN.items())
    is_missing = any(name not in tags and tags["k"] in kinds.split() for name, kinds in NEEDED_IN.items())
    texts = {name: unquote(tags[name]) for name in ("fn", "pl", "dv") if name in tags}
    is_blank = any(not text.strip() for text in texts.values())
    if is_misplaced or is_missing or is_blank or not re.fullmatch(r"[^\W_]{1,2}", texts.get("dv", "A")):
        raise Malformed
    for part in [tags.get("ps", ""), *tags.get("rc", "").split(".")]:
        decode(part.translate({45: "+", 95: "/"}) + "=" * (-len(part) % 4))
    if "b" in tags:
        for name in {"bh", "hh", "pv", "b"} & names:
            decode(tags[name])
        signed = tags["h"].lower().split(":")
        if not REQUIRED <= set(signed) or len(signed) > 1000:
            raise Malformed
    if "id" in tags:                                    # the check digit of UPU S10
        rest = 11 - sum(weight * int(digit) for weight, digit in zip((8, 6, 4, 2, 3, 5, 9, 7), tags["id"][2:])) % 11
        if int(tags["id"][10]) != {10: 0, 11: 5}.get(rest, rest):
            raise Malformed
    return texts


def minutes(zone):
    return int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[3:]))


def is_token_right(tags):
    """P29, P30, P23: what clocks under z showed at t, with the hour or without; from a letter box that day or the next."""
    datetime.strptime(tags["ts"], "%d%m%y%H" if len(tags["ts"]) == 8 else "%d%m%y")
    clock = datetime.fromtimestamp(int(tags["t"]), timezone(timedelta(minutes=minutes(tags["z"]))))
    other = clock + timedelta(days=1) if "lb" in tags else clock
    return tags["ts"] in (clock.strftime("%d%m%y"), other.strftime("%d%m%y" if "lb" in tags else "%d%m%y%H"))
