"""After the crash: every acknowledged change is there; of each connection at most the step after it besides.

Argument: the file of crash_change.py."""
import collections, re, sys
from demo import *

letters, last, given = {}, {}, collections.Counter()
for step in map(json.loads, open(sys.argv[1])):
    folder, name = step["folder"], step["name"]
    letters.setdefault(name, {"folder": folder, "steps": []})["steps"].append(step["step"])
    last[folder] = name
    if step["step"] == "append":
        given[folder, step["uid"]] += 1
        letters[name]["uid"] = step["uid"]
    if step["step"] == "move":
        given["Archive", step["uid"]] += 1
        letters[name]["archived"] = step["uid"]
assert letters, "nothing was acknowledged before the crash"
assert max(given.values()) == 1, f"a UID was given twice: {given.most_common(3)}"

box = imap()
found = collections.defaultdict(list)
for folder in [*last, "Archive"]:
    ok(box.select(folder))
    uids = []
    for part in ok(box.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")):
        if isinstance(part, tuple):
            name = re.search(rb"Subject: (\S+)", part[1]).group(1).decode()
            uid = int(re.search(rb"UID (\d+)", part[0]).group(1))
            uids.append(uid)
            found[name].append((folder, uid, part[0]))
    assert uids == sorted(set(uids)), f"UIDs of {folder}: {uids}"

for name, known in letters.items():
    steps, places = known["steps"], found.pop(name, [])
    # The last letter of a connection may be one step further than what was acknowledged.
    in_flight = last[known["folder"]] == name
    number = int(name.rsplit("-", 1)[1])
    if "expunge" in steps:
        assert not places, (name, steps, places)
        continue
    if in_flight and number % 3 == 1 and "flag" in steps and not places:
        continue
    assert len(places) == 1, (name, steps, places)
    folder, uid, flags = places[0]
    if "move" in steps:
        assert (folder, uid) == ("Archive", known["archived"]), (name, steps, places)
    elif not (in_flight and number % 3 == 0 and folder == "Archive"):
        assert (folder, uid) == (known["folder"], known["uid"]), (name, steps, places)
    assert rb"\Seen" in flags
    if "flag" in steps:
        assert rb"\Flagged" in flags and b"kept" in flags, (name, steps, flags)

# Appended and not acknowledged: at most one a connection.
extra = collections.Counter(places[0][0] for places in found.values())
assert all(count == 1 for folder, count in extra.items()), extra

# No UID comes back, not even that of an expunged letter.
for folder in [*last, "Archive"]:
    highest = max((uid for (where, uid) in given if where == folder), default=0)
    said = ok(box.append(folder, None, None, letter(f"{folder}-after", USERS[0]["address"])))[0]
    assert int(re.search(rb"APPENDUID \d+ (\d+)", said).group(1)) > highest, (folder, said, highest)
    uid = re.search(rb"APPENDUID \d+ (\d+)", said).group(1).decode()
    ok(box.select(folder))
    ok(box.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
    ok(box.uid("EXPUNGE", uid))
print(f"{sum(len(known['steps']) for known in letters.values())} changes acknowledged")
