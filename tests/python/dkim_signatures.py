"""Verification of DKIM signatures, written from RFC 6376 and RFC 8463 and nothing else."""
import base64, hashlib, re
from rfc8032 import is_signed

# DigestInfo of SHA-256 (RFC 8017 §9.2).
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def relaxed_field(field):
    name, value = field.split(b":", 1)
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.rstrip(b" \t").lower() + b":" + value


def relaxed_body(body):
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def tags(text):
    pairs = (tag.split("=", 1) for tag in text.split(";") if tag.strip())
    return {name.strip(): re.sub(r"\s", "", value) for name, value in pairs}


def der(data):
    """The contents of the first value, and what is behind it."""
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    return data[at:at + length], data[at + length:]


def is_signed_rsa(info, text, signature):
    _, bits = der(der(info)[0])
    modulus, rest = der(der(der(bits)[0][1:])[0])
    n, e = int.from_bytes(modulus, "big"), int.from_bytes(der(rest)[0], "big")
    length = (n.bit_length() + 7) // 8
    digest = SHA256_INFO + hashlib.sha256(text).digest()
    padded = b"\x00\x01" + b"\xff" * (length - 3 - len(digest)) + b"\x00" + digest
    return len(signature) == length and pow(int.from_bytes(signature, "big"), e, n).to_bytes(length, "big") == padded


def signatures(letter, records):
    """Of each DKIM-Signature: its tags, and whether it holds with the keys that are published (name to text)."""
    head, _, body = letter.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    found = []
    for field in fields:
        if not field.lower().startswith(b"dkim-signature:"):
            continue
        tag = tags(field.split(b":", 1)[1].decode("ascii"))
        key = tags(records[f"{tag['s']}._domainkey.{tag['d']}"])
        left = list(fields)
        signed = []
        for name in tag["h"].lower().encode().split(b":"):
            at = [n for n, other in enumerate(left) if other.split(b":", 1)[0].strip().lower() == name]
            if at:
                signed.append(relaxed_field(left.pop(at[-1])) + b"\r\n")
        own = re.sub(rb"(;\s*b=)[^;]*", rb"\1", field)
        text = b"".join(signed) + relaxed_field(own)
        public, signature = base64.b64decode(key["p"]), base64.b64decode(tag["b"])
        holds = tag["bh"] == base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
        if tag["a"] == "ed25519-sha256":
            holds = holds and key["k"] == "ed25519" and is_signed(public, hashlib.sha256(text).digest(), signature)
        else:
            holds = holds and key["k"] == "rsa" and is_signed_rsa(public, text, signature)
        found.append((tag, holds))
    return found
