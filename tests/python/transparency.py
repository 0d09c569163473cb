"""Every mark of a letter is in the transparency log; all that is believed is the log's public key.

Independent of the server's own code: hashing as RFC 6962 §2.1 says, files as c2sp.org/tlog-tiles names them.
"""
import base64, email, hashlib, re, time
from demo import *
from rfc8032 import is_signed

KEY = http("GET", "/log/key", expect=200)[2].decode().strip()


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def root_of(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def opened(note):
    """Size and root of a checkpoint that the log signed (c2sp.org/signed-note, c2sp.org/tlog-checkpoint)."""
    name, key_id, key = KEY.split("+", 2)
    key = base64.b64decode(key)
    assert key[0] == 1 and hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_id
    text, signatures = note.rsplit("\n\n", 1)
    signer, signature = re.fullmatch("\u2014 (\\S+) (\\S+)\n", signatures).groups()
    signature = base64.b64decode(signature)
    assert signer == name and signature[:4].hex() == key_id
    assert is_signed(key[1:], (text + "\n").encode(), signature[4:]), "the checkpoint is not signed by the log"
    assert not is_signed(key[1:], (text + " \n").encode(), signature[4:])
    origin, size, root = text.split("\n")
    assert origin == name
    return int(size), base64.b64decode(root)


def is_included(proof, entry):
    """RFC 9162 §2.1.3.2, of a proof in the form of c2sp.org/tlog-proof."""
    head, note = proof.split("\n\n", 1)
    form, index, *path = head.split("\n")
    assert form == "c2sp.org/tlog-proof@v1"
    size, root = opened(note)
    index, last = int(index.removeprefix("index ")), size - 1
    hash = leaf_hash(entry)
    for sibling in map(base64.b64decode, path):
        if index % 2 or index == last:
            hash = hashlib.sha256(b"\1" + sibling + hash).digest()
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            hash = hashlib.sha256(b"\1" + hash + sibling).digest()
        index, last = index >> 1, last >> 1
    return last == 0 and hash == root


def proof_of(impression):
    for _ in range(600):
        status, _, body = http("GET", f"/log/proof?i={impression}")
        if status == 200:
            return body.decode()
        time.sleep(0.05)
    raise AssertionError(f"{impression} does not come into the log")


def send(name):
    # The story runs this again over the same mailboxes.
    subject = f"{name}-{time.time_ns()}"
    client = submission()
    client.sendmail(USERS[0]["address"], [USERS[1]["address"]], letter(subject, USERS[1]["address"]))
    client.quit()
    box = imap(USERS[1])
    uid, = wait_for(box, "SUBJECT", subject)
    marks = email.message_from_bytes(fetch(box, uid)).get_all("Postal-Mark")
    # FACTS: the canonical form has no white space at all.
    canonical = ["postal-mark:" + re.sub(r"\s", "", mark).removesuffix(";") for mark in marks]
    return [(re.search(";i=(\\w+);", mark).group(1), hashlib.sha256(mark.encode()).digest()) for mark in canonical]


first = send("first")
assert len(first) == 3
for impression, entry in first:
    proof = proof_of(impression)
    assert is_included(proof, entry), proof
    assert not is_included(proof, hashlib.sha256(b"another mark").digest())
earlier = opened(http("GET", "/log/checkpoint", expect=200)[2].decode())

second = send("second")
for impression, entry in second:
    assert is_included(proof_of(impression), entry)
size, root = opened(http("GET", "/log/checkpoint", expect=200)[2].decode())
assert size >= 6 and size > earlier[0]
leaves = [leaf_hash(entry) for entry in log_entries(size)]
assert root_of(leaves) == root
assert root_of(leaves[:earlier[0]]) == earlier[1], "the log began otherwise than it goes on"
assert {entry for _, entry in first + second} <= set(log_entries(size))
assert b"".join(log_tiles("0", size)) == b"".join(leaves)
print(first[0][0])
