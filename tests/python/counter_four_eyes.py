"""What one clerk has seen to, another one of the same facility confirms."""
import threading

from demo import USERS
from desk import ABROAD, PERSON, SCAN, Clerk, activate
from registering import PASSWORD

first, second, elsewhere = Clerk(USERS[0]), Clerk(USERS[2]), Clerk(USERS[3])
number = first.number(first.write(PERSON, "aigul.s"))
assert second.press(number, "confirm").status == 409, "there is nothing to confirm"
assert first.upload(number, SCAN, document_number="041234568").status == 422, "the first one is told already"
page = first.upload(number, SCAN)
assert page.status == 200 and page.text("waits"), page.html
assert first.upload(number, SCAN).status == 409
assert second.upload(number, SCAN).status == 409, "another clerk sees to it"

# Never the same, and never from elsewhere, whatever the page shows.
assert number not in first.open("/desk").text("to-confirm") or first.press(number, "confirm").status == 403
page = first.press(number, "confirm")
assert page.status == 403 and "somebody else has to confirm" in page.html, page.html
assert elsewhere.press(number, "confirm").status == 403
assert elsewhere.press(number, "give-back").status == 403
assert elsewhere.open(f"/desk/applications/{number}/scans/1").status == 403
assert activate("aigul.s", "AAAA-BBBB-CCCC", PASSWORD).status == 403

# The second one sees what the first saw, and gives it back; then it is done again.
page = second.open(f"/desk/applications/{number}")
assert "041234567" in page.text("to-confirm"), page.html
scan = second.open(f"/desk/applications/{number}/scans/1")
assert scan.body == SCAN[0][1] and scan.headers["content-disposition"].startswith("attachment"), scan.headers
assert second.press(number, "give-back").status == 200
assert second.press(number, "confirm").status == 409
assert first.upload(number, SCAN).status == 200
assert number in second.open("/desk").html

# A correction, by whichever clerk of the facility, and it begins anew: with another scan, for another confirmation.
assert elsewhere.correct(number, PERSON, "aigul.s").status == 404
assert second.correct(number, PERSON, "aigul.s", residence="Алматы қ., Абай д-лы, 10").status == 200
page = second.press(number, "confirm")
assert page.status == 409 and "Алматы қ., Абай д-лы, 10" in page.html, page.html
assert second.open(f"/desk/applications/{number}/scans/1").status == 404
assert first.upload(number, SCAN).status == 200

# Two confirm at once: one registers.
desks, answers = [second, Clerk(USERS[2])], [None, None]


def confirm(at):
    answers[at] = desks[at].press(number, "confirm")


threads = [threading.Thread(target=confirm, args=[at]) for at in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
done = [page for page in answers if page.status == 200 and page.text("address")]
assert len(done) == 1, [(page.status, page.text("error")) for page in answers]
assert "Your password is chosen" in activate("aigul.s", done[0].text("code"), PASSWORD).html
assert number not in second.open("/desk").html

# The other one may be first as well.
number = second.number(second.write(ABROAD, "dauren"))
assert second.upload(number, SCAN).text("waits")
assert first.press(number, "confirm").text("address") == "dauren@poshta.example"
