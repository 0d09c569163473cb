"""FACTS B7: the register tells of a person only with a code that the person got: online, and at the counter."""
import json, sys

from demo import *
from desk import ABROAD, COMPANY, PERSON, SCAN, Clerk
from registering import PASSWORD, Visitor

[CODE] = sys.argv[1:]
EDS = FACTS["eds"]


def free(login):
    return json.loads(Visitor().open(f"/register/login?login={login}").body)["free"]


# Online: without a code nothing is begun; with one that does not count the signed application is left as it was.
visitor = Visitor()
assert "1414" in visitor.open("/register?as=individual").html
page = visitor.fill_in(PERSON, "aigul")
assert page.status == 422 and "consent" in page.errors(), (page.status, page.errors())
page = visitor.fill_in(PERSON, "aigul", consent="\u0663\u0664")
assert page.status == 422 and "consent" in page.errors(), (page.status, page.errors())
review = visitor.fill_in(PERSON, "aigul", consent="314159")
assert review.status == 200 and "314159" not in review.html, review.html
page = visitor.sign(review, EDS["person"])
assert page.status == 422 and "only with your consent" in page.text("error"), (page.status, page.html)
assert free("aigul"), "nothing was created"
# Another code on the same page, and the same person is known: nothing is filled in or signed again.
number = review.text("number")


def typed(code):
    hidden = page.hidden()
    return visitor.open("/register/application", {"csrf": hidden["csrf"], "cms": hidden["cms"], "consent": code})


assert "sign.mjs" not in page.html and "1414" in page.html
page = typed("\u0663\u0664")
assert page.status == 422 and "consent" in page.errors(), (page.status, page.html)
page = typed("161803")
assert page.status == 422 and "only with your consent" in page.text("error"), (page.status, page.html)
assert page.text("number") == number and free("aigul")
page = typed(CODE)
assert page.text("number") == number, page.html
assert page.status == 200 and f"aigul@{DOMAIN}" in page.text("said"), page.html
imap({"login": "aigul", "password": PASSWORD}).logout()

# A company is nobody's personal data.
company = Visitor()
assert "1414" not in company.open("/register?as=legal").html
page = company.sign(company.fill_in(COMPANY, "alma"), EDS["company"])
assert f"alma@{DOMAIN}" in page.text("said"), page.html

# At the counter the code is asked for where it is used.
clerk = Clerk(USERS[0])
number = clerk.number(clerk.write(ABROAD, "dauren"))
page = clerk.upload(number, SCAN)
assert page.status == 422 and "only with" in page.text("error"), (page.status, page.html)
page = clerk.upload(number, SCAN, consent="314159")
assert page.status == 422 and "only with" in page.text("error"), (page.status, page.html)
assert free("dauren")
page = clerk.upload(number, SCAN, consent=CODE)
assert page.status == 200 and page.text("address") == f"dauren@{DOMAIN}", page.html
assert CODE not in page.html
