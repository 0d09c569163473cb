"""The cabinet over HTTPS: data, their confirmation and the gate of official letters (M22), sign-ins, closing (M8)."""
import io, json, mailbox, pathlib, smtplib, tempfile, zipfile
from demo import *
from registering import *
from ncalayer import sign

EDS = FACTS["eds"]
# Python's clients of SMTP and IMAP know ASCII passwords only.
PASSWORD = "spring has come 2026"


def refusal(send):
    """What the server says no with, by code."""
    try:
        send()
    except smtplib.SMTPRecipientsRefused as error:
        (code, text), = error.recipients.values()
        return code, text.decode()
    return None


def official(to):
    client = port25(FACTS["peer"])
    said = refusal(lambda: client.sendmail("court@gov.example", [to], letter("summons", to, sender="court@gov.example")))
    client.quit()
    return said


def to_state_body(user):
    client = submission(user)
    said = refusal(lambda: client.sendmail(user["address"], ["court@gov.example"], letter("answer", "court@gov.example", sender=user["address"])))
    client.quit()
    return said


def send(visitor, path, **fields):
    page = visitor.open(path)
    return visitor.open(path, {"csrf": page.hidden()["csrf"], **fields})


# Nobody sees it without signing in; it leads back after that.
stranger = Visitor()
for path in ("/cabinet", "/cabinet/profile", "/cabinet/confirm", "/cabinet/agreement", "/cabinet/sign-ins", "/cabinet/close"):
    assert "/sign-in?next=" + path in stranger.open(path).url, path

visitor = Visitor()
assert visitor.sign(visitor.fill_in(PERSON, "aigul", password=PASSWORD, password_again=PASSWORD), EDS["person"]).status == 200
aigul = {"login": "aigul", "address": f"aigul@{DOMAIN}", "password": PASSWORD}

# The gate is closed until the data are confirmed, and says what to do.
code, text = official(aigul["address"])
assert code == 550 and text.startswith("5.7.1") and "/cabinet/confirm" in text and aigul["address"] in text, text
code, text = to_state_body(aigul)
assert code == 550 and text.startswith("5.7.1") and "/cabinet/confirm" in text, text
# Others write to her all the same, and mailboxes without data of a user are not asked.
client = port25()
client.sendmail("friend@elsewhere.example", [aigul["address"]], letter("hello", aigul["address"], sender="friend@elsewhere.example"))
client.quit()
assert official(USERS[0]["address"]) is None and to_state_body(USERS[0]) is None

cabinet = visitor.open("/cabinet")
assert aigul["address"] in cabinet.html and "not open" in cabinet.html and 'href="/cabinet/confirm"' in cabinet.html
assert "127.0.0.1" in cabinet.html, "the sign-in is listed"

# The text that is signed holds every field; only a fresh signature of the own key over it counts.
page = visitor.open("/cabinet/confirm")
policy = page.headers["content-security-policy"]
assert "connect-src 'self' wss://127.0.0.1:" in policy, policy
statement = visitor.statement(page)
for line in (f"address: {aigul['address']}", "surname: Серікова", "phone-mobile: +77012345678", "document-number: 041234567"):
    assert f"\n{line}\n".encode() in statement, (line, statement.decode())


def confirm(page, holder, document=None, **changes):
    document = visitor.statement(page) if document is None else document
    cms = base64.b64encode(sign(document, holder["cert"], holder["key"])).decode()
    return visitor.open("/cabinet/confirm", {**page.hidden(), "cms": cms, **changes})


def refused(answer, text):
    assert answer.status == 422 and text in html.unescape(answer.html), (answer.status, answer.html)
    assert "Official correspondence is open" not in answer.html


refused(confirm(page, EDS["other"]), "The IIN in the certificate is not yours")
refused(confirm(page, EDS["company"]), "The IIN in the certificate is not yours")
refused(confirm(page, EDS["expired"]), "was valid until")
refused(confirm(page, EDS["revoked"]), "revoked")
refused(confirm(page, EDS["person"], statement.replace("Серікова".encode(), "Серікқызы".encode())), "not what is shown now")
refused(confirm(page, EDS["person"], until=str(int(page.hidden()["until"]) - 1)), "not what is shown now")
refused(confirm(page, EDS["person"], until="1"), "The time for signing was over")
refused(visitor.open("/cabinet/confirm", {**page.hidden(), "cms": "no signature"}), "neither a certificate nor a signature")
assert official(aigul["address"])[0] == 550

# Data that change between showing and signing are not confirmed.
changed = send(visitor, "/cabinet/profile", **{**PERSON, "residence": "Алматы қ., Абай д-лы, 10"})
assert changed.status == 200 and "Алматы қ., Абай д-лы, 10" in html.unescape(changed.html)
refused(confirm(page, EDS["person"], statement), "not what is shown now")

page = visitor.open("/cabinet/confirm")
statement = visitor.statement(page)
done = confirm(page, EDS["person"])
assert done.status == 200 and "Official correspondence is open" in done.html, done.html
assert "open: the data were confirmed" in visitor.open("/cabinet").html
assert official(aigul["address"]) is None and to_state_body(aigul) is None
box = imap(aigul)
wait_for(box, "SUBJECT", "summons")

# Wrong fields are told one by one and change nothing; the IIN is nobody's to change.
wrong = send(visitor, "/cabinet/profile", **{**PERSON, "phone-mobile": "", "surname": "1"})
assert wrong.status == 422 and set(wrong.errors()) == {"phone-mobile", "surname"}, wrong.errors()
same = send(visitor, "/cabinet/profile", **{**PERSON, "residence": "Алматы қ., Абай д-лы, 10", "iin": EDS["other"]["iin"]})
assert "These data are confirmed" in same.html, "what was the same is still confirmed"
# M22: any change takes the confirmation back, and the old signature does not bring it back.
moved = send(visitor, "/cabinet/profile", **{**PERSON, "residence": "Шымкент қ., Тәуке хан д-лы, 5"})
assert "These data are not confirmed" in moved.html and EDS["other"]["iin"] not in moved.html
assert official(aigul["address"])[0] == 550 and to_state_body(aigul)[0] == 550
back = send(visitor, "/cabinet/profile", **{**PERSON, "residence": "Алматы қ., Абай д-лы, 10"})
refused(confirm(page, EDS["person"], statement), "not what is shown now")

# M24: whoever is called otherwise is looked for in the register; the name on letters is the one that was confirmed.
HERE = {**PERSON, "residence": "Алматы қ., Абай д-лы, 10"}
taken = send(visitor, "/cabinet/profile", **{**HERE, "surname": "Омарова"})
assert taken.status == 422 and "otherwise: the surname" in taken.html, taken.html
registers = pathlib.Path(FACTS["dir"]) / "registers.json"
known = json.loads(registers.read_text())
married, = [person for person in known["persons"] if person["iin"] == PERSON["iin"]]
married["surname"] = "ОМАРОВА"
registers.with_suffix(".new").write_text(json.dumps(known))
registers.with_suffix(".new").rename(registers)
taken = send(visitor, "/cabinet/profile", **{**HERE, "surname": "Омарова", "postal-index": "z05t3f5"})
assert taken.status == 200 and "Серікова" in taken.text("name-on-letters") and 'value="Z05T3F5"' in taken.html, taken.html
assert "Омарова" not in visitor.open("/cabinet").html
assert "Official correspondence is open" in confirm(visitor.open("/cabinet/confirm"), EDS["person"]).html
assert visitor.open("/cabinet/profile").text("name-on-letters") is None and "Омарова" in visitor.open("/cabinet").html
wrong = send(visitor, "/cabinet/profile", **{**HERE, "surname": "Омарова", "postal-index": "12345"})
assert wrong.status == 422 and set(wrong.errors()) == {"postal-index"}, wrong.errors()
married["surname"] = "СЕРІКОВА"
registers.with_suffix(".new").write_text(json.dumps(known))
registers.with_suffix(".new").rename(registers)
assert send(visitor, "/cabinet/profile", **HERE).status == 200

# A company is spoken for by who may sign for it.
company = Visitor()
assert company.sign(company.fill_in(COMPANY, "alma"), EDS["company"]).status == 200
visitor, person = company, visitor
page = visitor.open("/cabinet/confirm")
refused(confirm(page, EDS["employee"]), "no right to sign")
refused(confirm(page, EDS["person"]), "key of a person")
assert "Official correspondence is open" in confirm(page, EDS["company"]).html
visitor = person

# A form that this browser was not shown does nothing.
assert visitor.open("/cabinet/close", {"address": aigul["address"], "password": PASSWORD}).status == 403

# Another browser is signed in; it is ended from here, and this one goes on.
second = Visitor()
form = second.open("/sign-in").hidden()
second.open("/sign-in", {**form, "login": "aigul", "password": PASSWORD})
assert second.open("/cabinet").url.endswith("/cabinet")
listed = visitor.open("/cabinet/sign-ins")
assert "this browser" in listed.html and listed.html.count('name="session"') == 2, listed.html
assert "electronic signature" in listed.html and "password" in listed.html, "how it was proved"
ended = visitor.open("/cabinet/sign-ins", {"csrf": listed.hidden()["csrf"], "session": "others"})
assert ended.status == 200 and "/sign-in" in second.open("/cabinet").url
assert visitor.open("/cabinet").url.endswith("/cabinet")

# Consents are shown with the version.
consents = visitor.open("/cabinet/agreement")
assert "online, with the application" in consents.html and 'href="/agreement/1"' in consents.html

# Everything goes with the user: letters as mbox, what the cabinet knows as JSON; not without the password.
page = visitor.open("/cabinet/export")
assert visitor.open("/cabinet/export", {"csrf": page.hidden()["csrf"], "password": "wrong password"}).status == 422
# A mark is proved with the next checkpoint.
for _ in range(40):
    taken = visitor.open("/cabinet/export", {"csrf": page.hidden()["csrf"], "password": PASSWORD, "proofs": "yes"})
    if b"\nPostal-Mark-Proof: i=" in zipfile.ZipFile(io.BytesIO(taken.body)).read("INBOX.mbox"):
        break
    time.sleep(0.25)
else:
    raise AssertionError("no proofs in the archive")
plain = visitor.open("/cabinet/export", {"csrf": page.hidden()["csrf"], "password": PASSWORD})
assert b"Postal-Mark-Proof" not in zipfile.ZipFile(io.BytesIO(plain.body)).read("INBOX.mbox")
assert taken.headers["content-type"] == "application/zip", taken.html
with zipfile.ZipFile(io.BytesIO(taken.body)) as archive:
    assert archive.testzip() is None
    with tempfile.NamedTemporaryFile() as file:
        file.write(archive.read("INBOX.mbox"))
        file.flush()
        subjects = [message["subject"] for message in mailbox.mbox(file.name)]
    facts = json.loads(archive.read("profile.json"))
    consents = json.loads(archive.read("consents.json"))
    assert json.loads(archive.read("letters-on-paper.json")) == []
    assert json.loads(archive.read("look-ups.json")) == []
    entries = json.loads(archive.read("audit.json"))
assert "hello" in subjects and "summons" in subjects, subjects
assert facts["fields"]["surname"] == "Серікова" and facts["confirmed"] is None, facts
assert [consent["channel"] for consent in consents] == ["online"]
# M20: what was done with the mailbox and the application, and with nobody else's. M23: the signature was a sign-in.
actions = [entry["action"] for entry in reversed(entries)]
assert actions.index("account.register") + 1 == actions.index("base.enter"), actions
assert "register.person" in actions and "profile.confirm" in actions, actions
mine = {entry["object"] for entry in entries}
assert len(mine) == 2 and all(name.split()[0] in ("account", "application") for name in mine), mine

# Closing wants the address and the password, and ends everything.
second.open("/sign-in", {**second.open("/sign-in").hidden(), "login": "aigul", "password": PASSWORD})
for wish, text in (({"address": "other@" + DOMAIN, "password": PASSWORD}, "Nothing was closed"),
                   ({"address": aigul["address"], "password": "wrong password"}, "This is not your password")):
    answer = send(visitor, "/cabinet/close", **wish)
    assert answer.status == 422 and text in answer.html, answer.html
closed = send(visitor, "/cabinet/close", address=aigul["address"], password=PASSWORD)
assert closed.url.endswith("/closed") and "is closed" in closed.html
for browser in (visitor, second):
    assert "/sign-in" in browser.open("/cabinet").url
client = port25()
code, _ = refusal(lambda: client.sendmail("friend@elsewhere.example", [aigul["address"]], letter("x", aigul["address"], sender="friend@elsewhere.example")))
assert code == 550
try:
    imap(aigul)
    raise AssertionError("a closed mailbox was opened")
except imaplib.IMAP4.error:
    pass
# M8: the login stays taken, and the person may apply again.
again = Visitor()
assert again.fill_in(PERSON, "aigul").errors()["login"].startswith("This login is taken")
assert again.sign(again.fill_in(PERSON, "aigul.serikova"), EDS["person"]).status == 200
print("cabinet: ok")
