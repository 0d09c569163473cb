"""Order 71 over HTTPS: from the page to the mailbox, and everything that can be wrong on the way (M9-M15, M26, M27)."""
import email, json, threading
from demo import *
from registering import *
from ncalayer import sign

EDS = FACTS["eds"]

# The agreement is public, names the domain and stays under its version.
visitor = Visitor()
home = visitor.open("/")
assert home.status == 200 and 'href="/register"' in home.html
agreement = visitor.open("/agreement")
assert DOMAIN in agreement.html and "article 389" in agreement.html
assert visitor.open("/agreement/1").text("hash") == agreement.text("hash")
assert visitor.open("/agreement/9").status == 404
kazakh = Visitor("kk").open("/agreement")
assert '<html lang="kk">' in kazakh.html and kazakh.text("hash") == agreement.text("hash")

# Each field tells what is wrong with it, and what was written stays but for the password.
wrong = visitor.fill_in(PERSON, "aigul", iin="061211600013", phone_mobile="", surname="", password_again="x", agree=None)
assert wrong.status == 422, wrong.status
assert wrong.errors() == {
    "iin": "The last digit does not fit the others: a digit was mistyped.",
    "phone-mobile": "Give at least one telephone number.",
    "surname": "Fill this in.",
    "password-again": "The two passwords are not the same.",
    "agree": "A mailbox is opened only for who joins the agreement.",
}, wrong.errors()
assert 'value="041234567"' in wrong.html and PASSWORD not in wrong.html
assert visitor.fill_in(PERSON, "postmaster").errors() == {"login": "This login is kept for the operator."}
assert visitor.fill_in(PERSON, "aigul", password="password1", password_again="password1").errors() == {
    "password": "This password is one of the commonest. Choose another."}
assert visitor.fill_in(PERSON, "user002").errors()["login"].startswith("This login is taken")

# While somebody types.
asked = json.loads(visitor.open("/register/login?login=USER.002").body)
assert asked["free"] is False and asked["text"].startswith("This login is taken"), asked
assert json.loads(visitor.open("/register/login?login=aigul").body)["free"] is True

# Filled in: shown once more, with the text that is signed.
review = visitor.fill_in(PERSON, "aigul")
assert review.url.endswith("/register/application") and review.status == 200, review.html
policy = review.headers["content-security-policy"]
assert "connect-src 'self' wss://127.0.0.1:" in policy and "script-src 'self'" in policy, policy
assert "wss:" not in visitor.open("/register").headers["content-security-policy"]
statement = visitor.statement(review)
assert f"address: aigul@{DOMAIN}\n".encode() in statement
assert f"agreement-sha256: {agreement.text('hash')}\n".encode() in statement


def refused(holder, document=None, status=422, **options):
    page = visitor.sign(review, holder, document, **options)
    assert page.status == status, (page.status, page.html)
    return page.text("error")


# Bad input: each with its message, and nothing created.
assert refused(EDS["other"]).startswith("The IIN in the certificate is not the one in the application")
assert refused(EDS["company"]).startswith("The IIN in the certificate is not the one in the application")
assert "was valid until" in refused(EDS["expired"])
assert refused(EDS["revoked"]).startswith("The certificate is revoked since")
assert "is not meant for this use" in refused(EDS["auth"])
altered = statement.replace("Астана".encode(), "Алматы".encode())
assert refused(EDS["person"], altered) == "What was signed is not this application: it was altered."
other = Visitor()
other_review = other.fill_in(PERSON, "aigul2")
replayed = refused(EDS["person"], other.statement(other_review))
assert replayed == "This is the signature of another application. Sign this one.", replayed
told = visitor.send(review, b"no signature").text("error")
assert told == "This begins like a signature, but is damaged or not complete.", told
assert json.loads(visitor.open("/register/login?login=aigul").body)["free"] is True, "nothing was created"

# Signed by its person: the mailbox is there at once.
done = visitor.sign(review, EDS["person"])
assert done.status == 200 and done.url.endswith("/register/application"), done.html
number = done.text("number")
assert f"aigul@{DOMAIN}" in done.text("said")
assert any(cookie.name == "__Host-session" for cookie in visitor.cookies), "signed in"
pdf = visitor.open("/register/confirmation.pdf")
assert pdf.body.startswith(b"%PDF-") and b"pdfaid:part" in pdf.body, pdf.body[:200]
assert Visitor().open("/register/confirmation.pdf").status == 404, "only for the browser that registered"

# The first letter has the confirmation and a postmark.
client = imap({"login": "aigul", "password": PASSWORD})
uid = wait_for(client, "SUBJECT", "mailbox")[0]
letter = email.message_from_bytes(fetch(client, uid))
assert letter["Postal-Mark"] and letter["Auto-Submitted"] == "auto-generated"
parts = {part.get_content_type(): part for part in letter.walk()}
assert parts["application/pdf"].get_filename() == f"confirmation-{number}.pdf"
assert number in parts["text/plain"].get_payload(decode=True).decode()

# The same person again, with another login; who signs is told, and nothing is left.
again = Visitor()
taken = again.sign(again.fill_in(PERSON, "serikova"), EDS["person"])
assert taken.status == 409 and taken.text("said").startswith("This IIN or BIN has a mailbox already"), taken.html
assert again.open("/register/application").url.endswith("/register"), "nothing of it is left"
assert json.loads(again.open("/register/login?login=serikova").body)["free"] is True

# A company: its head signs, detached this time; its employee and a person may not.
company = Visitor("ru")
review = company.fill_in(COMPANY, "alma")
assert company.sign(review, EDS["employee"]).text("error").startswith("Этот сертификат не даёт права подписи")
assert company.sign(review, EDS["other"]).text("error").startswith("Это ключ физического лица")
done = company.sign(review, EDS["company"], detached=True)
assert f"alma@{DOMAIN}" in done.text("said"), done.html

# Without a signature: kept for the counter, with a form to sign, and the login is not reserved.
later = Visitor("kk")
iin = EDS["other"]["iin"]
kept = later.fill_in({**PERSON, "iin": iin, "surname": "Оспанов", "given-name": "Дәурен", "patronymic": ""}, "dauren", way="counter")
assert kept.status == 200 and kept.text("number") and "бөлімше" in kept.text("said"), kept.html
assert later.open("/register/application.pdf").body.startswith(b"%PDF-")
assert json.loads(later.open("/register/login?login=dauren").body)["free"] is True
