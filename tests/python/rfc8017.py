"""Verification of RSA signatures, PKCS #1 v1.5 with SHA-256, written from RFC 8017 §8.2.2 and nothing else."""
import hashlib


def is_signed(key, text, signature):
    """The key is a SubjectPublicKeyInfo."""
    def der(data):                                      # the contents of the first value, and what follows it
        more = data[1] & 0x7F if data[1] & 0x80 else 0
        end = 2 + more + (int.from_bytes(data[2:2 + more], "big") if more else data[1])
        return data[2 + more:end], data[end:]
    n, rest = der(der(der(der(der(key)[0])[1])[0][1:])[0])
    n, e = int.from_bytes(n, "big"), int.from_bytes(der(rest)[0], "big")
    size = (n.bit_length() + 7) // 8
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text).digest()
    padded = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
    s = int.from_bytes(signature, "big")
    return len(signature) == size and s < n and pow(s, e, n).to_bytes(size, "big") == padded
