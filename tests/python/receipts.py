"""Receipts from outside: smtplib asks for them, Python's email package reads them.

Usage: receipts.py DIRECTORY: the letter, its receipt and the page of the receipt are written there."""
import base64, email, email.policy, json, pathlib, re, sys
from demo import *
from registering import sign_in

folder = pathlib.Path(sys.argv[1])
sender, reader, third = USERS[0], USERS[1], USERS[2]


def send(subject, rcpt_options, recipients=None, extra="", mail_options=()):
    client = submission(sender)
    assert client.has_extn("dsn")
    refused = client.sendmail(sender["address"], recipients or [reader["address"]],
                              letter(subject, reader["address"], extra=extra),
                              mail_options=list(mail_options), rcpt_options=list(rcpt_options))
    assert not refused
    client.quit()


def fields(part):
    """The fields of a delivery-status part, group by group."""
    return part.get_payload()


def tags(value):
    pairs = "".join(value.split()).rstrip(";").split(";")
    return dict(pair.split("=", 1) for pair in pairs)


def receipts(event, count):
    """All receipts of this kind, when there are so many."""
    client, end = imap(sender), time.time() + 40
    while True:
        ok(client.select("INBOX"))
        found = []
        for uid in ok(client.uid("SEARCH", "HEADER", "Content-Type", "delivery-status"))[0].split():
            message = email.message_from_bytes(fetch(client, uid.decode()), policy=email.policy.default)
            status = list(message.iter_parts())[1]
            if fields(status)[0]["Postal-Event"] == event:
                found.append(message)
        if len(found) >= count or time.time() > end:
            break
        time.sleep(0.2)
    client.logout()
    assert len(found) == count, (event, len(found), count)
    return found


def own_marks(uid_criteria):
    client = imap(reader)
    uid, = wait_for(client, *uid_criteria)
    message = fetch(client, uid)
    client.logout()
    return message


# One receipt for one delivery, and its marks are those of the letter.
send("first", ["NOTIFY=SUCCESS", "ORCPT=rfc822;Old+2Bname@there.example"], mail_options=["RET=HDRS", "ENVID=QQ+2B314"])
message, = receipts("delivered", 1)
assert message["Return-Path"] == "<>" and message["Auto-Submitted"] == "auto-generated"
assert message.get_content_type() == "multipart/report" and message.get_param("report-type") == "delivery-status"
people, status, original = message.iter_parts()
assert [part.get_content_type() for part in people.iter_parts()] == ["text/plain", "application/pdf"]
text, page = people.iter_parts()
for phrase in ("Хатыңыз жеткізілді", "Ваше письмо доставлено", "Your letter was delivered"):
    assert phrase in text.get_content(), text.get_content()
about_item, about_recipient = fields(status)
assert about_item["Original-Envelope-Id"] == "QQ+314"
assert about_recipient["Original-Recipient"] == "rfc822; Old+name@there.example"
assert about_recipient["Final-Recipient"] == f"rfc822; {reader['address']}" and about_recipient["Action"] == "delivered"
assert original.get_content_type() == "text/rfc822-headers"

stored = own_marks(["SUBJECT", "first"])
there = {tags(value)["i"]: tags(value) for value in email.message_from_bytes(stored).get_all("Postal-Mark")}
told = [tags(value) for value in about_item.get_all("Postal-Mark") + about_recipient.get_all("Postal-Mark")]
assert [mark["k"] for mark in told] == ["accept", "deliver", "receive"]
assert all(there[mark["i"]] == mark for mark in told), "P18: item and receipt have the same impressions"
for value in about_item.get_all("Postal-Mark-Proof") + about_recipient.get_all("Postal-Mark-Proof"):
    proof = tags(value)
    assert base64.b64decode(proof["p"]).startswith(b"c2sp.org/tlog-proof@v1\nindex ")
    assert http("GET", f"/log/proof?i={proof['i']}")[0] == 200
(folder / "letter.eml").write_bytes(stored)
(folder / "receipt.eml").write_bytes(message.as_bytes())
(folder / "receipt.pdf").write_bytes(page.get_content())
url = tags(about_recipient.get_all("Postal-Mark-Proof")[0])["u"]

# NEVER is never, also for a registered letter; nothing asked is nothing told.
send("never", ["NOTIFY=NEVER"], extra="Postal-Class: registered\r\n")
send("nothing", [])
# A registered letter has its receipts unasked.
send("registered", [], extra="Postal-Class: registered\r\n")
registered, = receipts("accepted", 1)
assert fields(list(registered.iter_parts())[1])[0].get_all("Postal-Mark")
receipts("delivered", 2)

# A blind copy is in nobody's receipt but its own.
send("blind", ["NOTIFY=SUCCESS"], [reader["address"], third["address"]])
for message in receipts("delivered", 4)[2:]:
    status = str(list(message.iter_parts())[1])
    assert (reader["address"] in status) != (third["address"] in status), status

# P6: looking is not taking; the first who takes the letter has it in hand, and nobody hears of it.
client = imap(reader)
uid, = wait_for(client, "SUBJECT", "registered")
fetch(client, uid, "BODY.PEEK[]")
fetch(client, uid, "BODY[HEADER]")
ok(client.select("INBOX", readonly=True))
fetch(client, uid, "BODY[]")
ok(client.select("INBOX"))
time.sleep(1)
fetch(client, uid, "BODY[]")
handed, = receipts("handed", 1)
mark = tags(fields(list(handed.iter_parts())[1])[1].get_all("Postal-Mark")[0])
assert mark["k"] == "deliver" and mark["dk"] == "handed"
fetch(client, uid, "BODY[]")
ok(client.uid("COPY", uid, "Trash"))
ok(client.select("Trash"))
copied, = ok(client.uid("SEARCH", "SUBJECT", "registered"))[0].split()
fetch(client, copied.decode(), "BODY[]")
ok(client.select("INBOX"))
plain, = wait_for(client, "SUBJECT", "nothing")
fetch(client, plain, "RFC822")
client.logout()
time.sleep(1.5)
receipts("handed", 1)

# The cabinet lists them, and draws each again, also when its letter is gone; for nobody else.
client = imap(sender)
ok(client.select("INBOX"))
for uid in ok(client.uid("SEARCH", "ALL"))[0].split():
    ok(client.uid("STORE", uid, "+FLAGS", r"(\Deleted)"))
ok(client.expunge())
client.logout()
cabinet = sign_in(sender)
listed = cabinet.open("/cabinet/receipts")
links = re.findall(r'href="(/cabinet/receipts/[^"?]+)"', listed.html)
assert len(links) == 6 and listed.html.count("Letter delivered") == 4, listed.html
assert "Letter handed over" in listed.html and reader["address"] in listed.html
for link in links:
    drawn = cabinet.open(link)
    assert drawn.status == 200 and drawn.body.startswith(b"%PDF"), (link, drawn.status)
    assert drawn.headers["content-disposition"].startswith('attachment; filename="receipt-')
    assert drawn.headers["x-content-type-options"] == "nosniff" and "sandbox" in drawn.headers["content-security-policy"]
other = sign_in(reader)
assert all(other.open(link).status == 404 for link in links)
assert 'href="/cabinet/receipts/' not in other.open("/cabinet/receipts").html
assert cabinet.open("/cabinet/receipts/none-1-accepted").status == 404

# Strangers are offered nothing.
stranger = port25()
stranger.ehlo("other.example")
assert not stranger.has_extn("dsn")
assert stranger.mail("a@other.example", ["RET=FULL"])[0] == 555
stranger.quit()
print(json.dumps({"url": url, "registered": fields(list(registered.iter_parts())[1])[0]["Postal-Item-Id"],
                  "accept": told[0]["i"]}))
