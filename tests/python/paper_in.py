"""Paper letters come in through a scan centre. Arguments: a PNG whose Data Matrix holds the first user's address, and a blank PNG."""
import email, re, sys
from demo import *
from registering import sign_in

user, token = USERS[0], FACTS["scan_centre"]["token"]


def post(document, kind, meta=None, key=None, expect=None):
    boundary = uuid.uuid4().hex
    parts = [(f'form-data; name="document"; filename="scan"', kind, document)]
    if meta is not None:
        parts.append(('form-data; name="meta"', "application/json", json.dumps(meta).encode()))
    body = b"".join(f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {type}\r\n\r\n".encode() + data + b"\r\n"
                    for disposition, type, data in parts) + f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Idempotency-Key": key or str(uuid.uuid4())}
    status, _, answer = http("POST", "/api/v1/scan/letters", token, body, headers, expect)
    return status, json.loads(answer)


coded, blank = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()

# With an explicit recipient: delivered at once, with the document unchanged in it.
_, answer = post(blank, "image/png", {"recipient": user["address"], "sender": "Көкшетау қалалық соты"}, expect=201)
assert answer["state"] == "delivered" and answer["recipient"] == user["address"], answer
box = imap(user)
ok(box.select())
uid = ok(box.uid("SEARCH", "ALL"))[0].split()[-1].decode()
message = email.message_from_bytes(fetch(box, uid))
assert message["Postal-Item-Id"] == answer["item_id"], message.items()
assert [part.get_payload(decode=True) for part in message.walk() if part.get_content_type() == "image/png"] == [blank]
marks = ["".join(mark.split()) for mark in message.get_all("Postal-Mark")]
assert [mark.split(";k=")[1].split(";")[0] for mark in marks] == ["deliver", "receive", "accept"], marks

# By the Data Matrix on the first page; a repeated request answers the same and delivers once.
key = str(uuid.uuid4())
_, answer = post(coded, "image/png", None, key, expect=201)
assert answer["state"] == "delivered" and answer["recipient"] == user["address"], answer
assert post(coded, "image/png", None, key)[1] == answer
ok(box.noop())
assert int(ok(box.select())[0]) == 2

# Nobody can be read from it: the review desk, where a person assigns or rejects it.
_, waiting = post(blank, "image/png", {}, expect=201)
assert waiting["state"] == "review" and waiting["recipient"] is None, waiting
_, rejected = post(blank, "image/png", {}, expect=201)
listed = json.loads(http("GET", "/api/v1/scan/letters?state=review", token, expect=200)[2])
ids = [scan["id"] for scan in (listed["letters"] if isinstance(listed, dict) else listed)]
assert set(ids) == {waiting["id"], rejected["id"]}, listed
status, assigned = post_json(f"/api/v1/scan/letters/{waiting['id']}/assign", token, {"recipient": user["address"]})
assert status in (200, 201) and assigned["state"] == "delivered", (status, assigned)
ok(box.noop())
assert int(ok(box.select())[0]) == 3
print(rejected["id"])
for _ in range(2):
    print(post(blank, "image/png", {}, expect=201)[1]["id"])

# What is no document leaves nothing behind.
assert post(b"MZ this is a program", "application/octet-stream", {"recipient": user["address"]})[0] == 415
assert post(b"%PDF-1.7 and then nothing", "application/pdf", {"recipient": user["address"]})[0] == 422
assert post(b"\x89PNG\r\n\x1a\n broken", "image/png", {"recipient": user["address"]})[0] == 422
assert post(blank, "image/png", {"recipient": f"nobody-at-all@{DOMAIN}"})[0] == 422
ok(box.noop())
assert int(ok(box.select())[0]) == 3

# The cabinet lists what came, and hands the paper out as it was scanned, to its addressee alone (M7); also when the
# letter is gone.
for uid in ok(box.uid("SEARCH", "ALL"))[0].split():
    ok(box.uid("STORE", uid, "+FLAGS", r"(\Deleted)"))
ok(box.expunge())
cabinet = sign_in(user)
listed = cabinet.open("/cabinet/scans")
links = re.findall(r'href="(/cabinet/scans/[^"?]+)"', listed.html)
assert len(links) == 3 and "Көкшетау қалалық соты" in listed.html, listed.html
assert not any(rejected["id"] in link for link in links)
papers = [cabinet.open(link) for link in links]
assert sorted(paper.body for paper in papers) == sorted([blank, coded, blank])
for paper in papers:
    assert paper.headers["content-type"] == "image/png" and paper.headers["content-disposition"].startswith("attachment")
    assert paper.headers["x-content-type-options"] == "nosniff" and "sandbox" in paper.headers["content-security-policy"]
    assert paper.headers["cache-control"] == "no-store"
other = sign_in(USERS[1])
assert all(other.open(link).status == 404 for link in links)
assert 'href="/cabinet/scans/' not in other.open("/cabinet/scans").html
assert cabinet.open(f"/cabinet/scans/{rejected['id']}").status == 404
