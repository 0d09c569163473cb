"""Letters on paper in the cabinet: the list with its pages, the way of one, and taking one back (M2)."""
import re
from demo import *
from registering import Visitor

user = USERS[0]
PAPER = "Postal-To: Aigul; Abai 12; 010000 Astana\r\n"


def signed_in(login):
    visitor = Visitor()
    form = visitor.open("/sign-in").hidden()
    assert visitor.open("/sign-in", {**form, "login": login, "password": user["password"]}).status == 200
    return visitor


def send(count):
    client = submission(user)
    for number in range(count):
        client.sendmail(user["address"], [f"letter@{HYBRID}"], letter(f"paper {number:02}", f"letter@{HYBRID}", extra=PAPER, sender=user["address"]))
    client.quit()


def rows(page):
    return re.findall(r'href="(/cabinet/letters/[0-9A-Z]{26})" class="mono">([A-Z]{2}\d{9}KZ)<', page.html)


visitor = signed_in(user["login"])
assert "You have sent no letter on paper" in visitor.open("/cabinet/letters").html
send(27)
first = visitor.open("/cabinet/letters")
assert len(rows(first)) == 25 and "paper 26" in first.html and "paper 01" not in first.html, first.html
older = visitor.open(re.search(r'href="(/cabinet/letters\?before=\w+)"', first.html)[1])
assert len(rows(older)) == 2 and "paper 00" in older.html and 'rel="next"' not in older.html
path, number = rows(first)[0]
shown = visitor.open(path)
assert number in shown.html and "paper 26" in shown.html and "₸" in shown.html, shown.html

# Somebody else's letter is not there.
other = signed_in(USERS[1]["login"])
assert other.open(path).status == 404
form = {"csrf": other.open("/cabinet/sign-ins").hidden()["csrf"]}
assert other.open(path, form).status == 404
assert "You have sent no letter on paper" in other.open("/cabinet/letters").html

# It is taken back while no centre has it; then it is too late, and that is said.
cancelled = visitor.open(path, shown.hidden())
assert cancelled.text("state") == "taken back" and "danger" not in cancelled.html.split("<main")[1]
assert visitor.open(path, shown.hidden()).status == 409
taken = None
end = time.time() + 60
while not taken:
    assert time.time() < end
    taken = post_json("/api/v1/print/lease", FACTS["print_centre"]["token"], {"max": 1, "wait_s": 5}, 200)[1]["jobs"]
path = f"/cabinet/letters/{taken[0]['item_id']}"
page = visitor.open(path)
assert page.text("state") == "at the print centre", page.text("state")
late = visitor.open(path, {"csrf": shown.hidden()["csrf"]})
assert late.status == 409 and "A print centre has it already" in late.html
print("letters on paper in the cabinet: ok")
