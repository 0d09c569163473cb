"""At the counter: write, print, look at the document, scan, register; the applicant then chooses a password."""
import threading

from demo import USERS, imap, wait_for
from desk import ABROAD, COMPANY, HEAD, PERSON, SCAN, Clerk, activate, behave, png, until
from registering import PASSWORD, Visitor

# Only clerks come in.
assert "/sign-in" in Visitor().open("/desk").url
assert Clerk(USERS[1]).home.status == 403
clerk = Clerk(USERS[0])
assert clerk.home.status == 200 and "astana-1" in clerk.home.html, clerk.home.html

# An application with everything that is wrong in it; nothing is asked for that the clerk may not know.
page = clerk.write(PERSON, "x", iin="061211600013", phone_mobile="")
assert page.status == 422 and set(page.errors()) == {"iin", "phone-mobile"}, page.errors()
assert 'type="password"' not in page.html
page = clerk.write(PERSON, USERS[1]["login"])
assert page.status == 409 and "login" in page.errors(), page.errors()

page = clerk.write(PERSON, "aigul.s")
assert page.status == 200, page.html
number = clerk.number(page)
assert "Серікова" in page.html and 'value="041234567"' not in page.html, "the number is read from the document"
# What was mistyped is corrected before it is printed; the same fields are judged in the same way.
assert clerk.correct(number, PERSON, "aigul.s", iin="061211600013").errors().keys() == {"iin"}
assert "login" in clerk.correct(number, PERSON, USERS[1]["login"]).errors()
page = clerk.correct(number, PERSON, "aigul.s", residence="Алматы қ., Абай д-лы, 10", postal_index="050000")
assert page.status == 200 and page.url.endswith(number) and "Алматы қ., Абай д-лы, 10" in page.html, page.html
assert "050000" in page.html
paper = clerk.open(f"/desk/applications/{number}/application.pdf")
assert paper.body.startswith(b"%PDF"), paper.body[:200]

# It is found by its number, and by the IIN, which stands in no address.
for find in (number, PERSON["iin"], " ".join([PERSON["iin"][:6], PERSON["iin"][6:]])):
    found = clerk.open("/desk", {"csrf": clerk.csrf(clerk.open("/desk")), "find": find})
    assert number in found.url and PERSON["iin"] not in found.url, found.url
assert clerk.open("/desk", {"csrf": clerk.csrf(clerk.open("/desk")), "find": "791028302728"}).status == 404

# What is wrong with the paper, each with its reason, and nothing comes of it.
wrong = [
    ([], {}, 422, "scan of the signed application is missing"),
    (SCAN, {"seen": None}, 422, "Confirm that you have seen the document"),
    (SCAN, {"document_number": ""}, 422, "Fill this in"),
    (SCAN, {"document_number": "041234568"}, 422, "not the one in the application"),
    (SCAN, {"document_kind": "passport"}, 422, "not the one in the application"),
    (SCAN, {"document_until": "2020-01-01"}, 422, "was valid until 2020-01-01"),
    ([("scan", b"MZ\x90\x00")], {}, 415, "no PDF, TIFF, PNG or JPEG"),
    ([("scan", png()[:60])], {}, 422, "cannot be opened"),
]
for files, changes, status, text in wrong:
    page = clerk.upload(number, files, **changes)
    assert page.status == status and text in page.html, (page.status, text, page.text("error"))
assert activate("aigul.s", "AAAA-BBBB-CCCC", PASSWORD).status == 403

# Four clerks at once: one registers.
desks = [Clerk(USERS[0]) for _ in range(2)] + [Clerk(USERS[2]), Clerk(USERS[3])]
answers = [None] * len(desks)


def register(at):
    answers[at] = desks[at].upload(number, SCAN)


threads = [threading.Thread(target=register, args=[at]) for at in range(len(desks))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
done = [page for page in answers if page.status == 200]
assert len(done) == 1, [(page.status, page.text("error")) for page in answers]
assert all(page.status == 409 for page in answers if page not in done), [page.status for page in answers]
[page] = done
assert page.text("address") == "aigul.s@poshta.example" and page.text("login") == "aigul.s", page.html
code = page.text("code")
assert len(code) == 14 and code not in clerk.open(f"/desk/applications/{number}").html
assert clerk.correct(number, PERSON, "aigul.s").status == 404, "what is accepted is not corrected"
confirmation = clerk.open(f"/desk/applications/{number}/confirmation.pdf")
assert confirmation.body.startswith(b"%PDF"), confirmation.body[:200]

# Another code, and the first counts no more; then the applicant chooses a password, once.
new = clerk.press(number, "code").text("code")
assert new != code
for login, tried in (("aigul.s", code), ("user001", new)):
    page = activate(login, tried, PASSWORD)
    assert page.status == 403 and "Login or code is wrong" in page.html, page.status
assert activate("aigul.s", new, PASSWORD, "another").status == 422
page = activate("aigul.s", new, "short")
assert page.status == 422 and page.text("error"), page.html
page = activate("AIGUL.S", new.lower().replace("-", " "), PASSWORD)
assert page.status == 200 and "Your password is chosen" in page.html, page.html
assert activate("aigul.s", new, PASSWORD).status == 403, "once"
assert clerk.press(number, "code").status == 409
mailbox = imap({"login": "aigul.s", "password": PASSWORD})
assert wait_for(mailbox, "ALL"), "the confirmation came by letter"
mailbox.logout()

# The registers know somebody otherwise: which field, and nothing else of them.
number = clerk.number(clerk.write({**ABROAD, "surname": "Осипов"}, "dauren"))
page = clerk.upload(number, SCAN)
assert page.status == 422 and "the surname" in page.text("error"), page.text("error")
assert "ОСПАНОВ" not in page.html.upper()
assert activate("dauren", "AAAA-BBBB-CCCC", PASSWORD).status == 403

# They do not answer: the application waits, the applicant goes home with the code, and then there is a mailbox.
behave("down")
number = clerk.number(clerk.write(ABROAD, "dauren"))
page = clerk.upload(number, SCAN)
assert page.status == 200 and page.text("address") is None, page.html
code = page.text("code")
assert "does not answer" in activate("dauren", code, PASSWORD).text("said")
assert clerk.upload(number, SCAN).status == 409, "it is filed already"
behave("answer")
until(lambda: "dauren@poshta.example" in clerk.open(f"/desk/applications/{number}").text("said"))
assert "Your password is chosen" in activate("dauren", code, PASSWORD).html
imap({"login": "dauren", "password": PASSWORD}).logout()

# A company: its representative's document, and a power of attorney.
number = clerk.number(clerk.write(COMPANY, "alma"))
page = clerk.upload(number, [*SCAN, ("authority", png(60, 60))], document_number="077777777")
assert page.text("address") == "alma@poshta.example", page.text("error")

# Who came in while the registers were down and is not who he says: told with the code.
behave("unavailable")
number = clerk.number(clerk.write({**HEAD, "given-name": "Ержан"}, "erlan"))
code = clerk.upload(number, SCAN).text("code")
behave("answer")
page = until(lambda: (lambda page: page if "otherwise" in page.html else None)(activate("erlan", code, PASSWORD)))
assert "the name" in page.text("said"), page.text("said")
