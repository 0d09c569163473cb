"""Somebody waits for a register when the server is killed; prints login, number and code."""
from demo import USERS
from desk import PERSON, SCAN, Clerk, behave

behave("down")
clerk = Clerk(USERS[0])
number = clerk.number(clerk.write(PERSON, "aigul.s"))
page = clerk.upload(number, SCAN)
assert page.status == 200 and page.text("address") is None, page.html
print("aigul.s", number, page.text("code"))
