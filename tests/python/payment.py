"""Letters on paper and the payment signs they are given: paid, paid before, withdrawn, foreign, registered.

Usage: payment.py DIR: letters with their marks are written there; facts are printed as JSON."""
import os, sys
from demo import *

user, reader = USERS[0], USERS[1]
TO = "Postal-To: A. Omarova; Abay 10; 020000 Kokshetau\r\n"


def send(subject, kind, signs=(), raw=None, to=()):
    pay = f"Postal-Payment: sign={','.join(signs)}\r\n" if signs else ""
    content = raw or letter(subject, f"{kind}@{HYBRID}", extra=TO + pay)
    client = submission(user)
    client.mail(user["address"])
    for recipient in (f"{kind}@{HYBRID}", *to):
        assert client.rcpt(recipient)[0] == 250
    code, said = client.data(content)
    client.quit()
    # A long answer comes in several lines, each with its code.
    return code, " ".join(said.decode().replace("\n5.7.1 ", " ").split()), content


def item(answer):
    code, said, _ = answer
    assert code == 250, (code, said)
    return said.split()[-1]


def save(name):
    box = imap(reader)
    uid, = wait_for(box, "SUBJECT", name)
    with open(os.path.join(sys.argv[1], name + ".eml"), "wb") as file:
        file.write(fetch(box, uid))
    box.logout()


good, own = "KZ26-SIGN-GOOD-0000-0001", "kz26 sign good 0000 0002"
gone, foreign = "KZ26-SIGN-GONE-0000-0003", "KZ26-SIGN-THEM-0000-0004"
mailbox = [reader["address"]]

# P2, P20: the sign is cancelled with the acceptance. The same letter again is the same item.
first = send("paid", "letter", [good], to=mailbox)
paid = item(first)
again = item(send("paid", "letter", raw=first[2], to=mailbox))
assert again == paid, (again, paid)
save("paid")

# For another letter the sign is worth nothing: an ordinary one goes on with a surcharge (P7, P22).
reused = item(send("reused", "letter", [good]))
item(send("unpaid", "letter", [gone, foreign], to=mailbox))
save("unpaid")

# A registered letter is refused in the dialogue, with what it costs and what is missing.
code, said, _ = send("registered", "registered", [good, gone])
assert code == 550 and said.startswith("5.7.1"), (code, said)
for text in ("950.00", "0.00 given", "950.00 missing", "sign 1 is used already", "sign 2 is withdrawn"):
    assert text in said, (text, said)
code, said, _ = send("registered", "registered", [own])
assert code == 550 and "600.00 given, 350.00 missing" in said, (code, said)
code, said, _ = send("nonsense", "letter", ["123"])
assert code == 550 and "Postal-Payment" in said and "123" not in said, (code, said)
# More than it costs is enough.
item(send("enough", "letter+colour", [own]))

# All four are printed, as one bundle with a plomb where the centre has sealing pliers (P10).
token = FACTS["print_centre"]["token"]
jobs = []
end = time.time() + 60
while len(jobs) < 4 and time.time() < end:
    _, leased = post_json("/api/v1/print/lease", token, {"max": 10, "wait_s": 10}, expect=200)
    jobs += leased["jobs"]
    if leased["jobs"]:
        batch = leased["batch"]
        assert batch["seal"] == f"{batch['plomb']}-{batch['number']}", batch
        manifest = json.loads(http("GET", batch["manifest"], token, expect=200)[2])
        assert [each["item_id"] for each in manifest["letters"]] == [job["item_id"] for job in leased["jobs"]]
        assert manifest["plomb"] == batch["plomb"] and manifest["number"] == batch["number"]
assert len(jobs) == 4, jobs
assert http("GET", "/api/v1/print/batches/999999", token)[0] == 404
by_item = {job["item_id"]: job for job in jobs}
for each, surcharge in ((paid, False), (reused, True)):
    _, _, pdf = http("GET", by_item[each]["document"]["url"], token, expect=200)
    assert pdf.startswith(b"%PDF"), pdf[:20]

keys = json.loads(http("GET", "/.well-known/poshta-marks.json", expect=200)[2])
print(json.dumps({"paid": paid, "reused": reused, "keys": keys}))
