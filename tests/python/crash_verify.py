"""After the crash: every acknowledged letter is there once and whole, and no other is half there.

Arguments: file of the acknowledged numbers, how many letters may be there besides."""
import collections, hashlib, re, sys
from demo import *

acknowledged = {int(line) for line in open(sys.argv[1])}
in_flight = int(sys.argv[2])
box = imap()
count = int(ok(box.select())[0])
found, uids = collections.Counter(), []
for start in range(1, count + 1, 100):
    for part in ok(box.fetch(f"{start}:{min(count, start + 99)}", "(UID BODY.PEEK[])")):
        if not isinstance(part, tuple):
            continue
        uids.append(int(re.search(rb"UID (\d+)", part[0]).group(1)))
        header, _, content = part[1].partition(b"\r\n\r\n")
        subject = re.search(rb"^Subject: crash (\d+) (\w+)", header, re.M)
        assert hashlib.sha256(content).hexdigest().encode() == subject.group(2), subject
        assert header.count(b"Postal-Mark:") == 3
        found[int(subject.group(1))] += 1
assert uids == sorted(set(uids)), "UIDs are not unique"
assert acknowledged, "nothing was acknowledged before the crash"
assert acknowledged <= set(found), f"lost: {sorted(acknowledged - set(found))}"
assert max(found.values()) == 1, "a letter is there twice"
unacknowledged = set(found) - acknowledged
assert len(unacknowledged) <= in_flight, unacknowledged
print(f"{len(acknowledged)} acknowledged, {count} there")
