"""After the server was killed: the application still waits, and is registered when the register answers."""
import sys

from demo import USERS, imap
from desk import Clerk, activate, behave, until
from registering import PASSWORD

login, number, code = sys.argv[1:]
assert "does not answer" in activate(login, code, PASSWORD).text("said")
behave("answer")
until(lambda: "Your password is chosen" in activate(login, code, PASSWORD).html)
page = Clerk(USERS[0]).open(f"/desk/applications/{number}")
assert f"{login}@poshta.example" in page.text("said"), page.html
imap({"login": login, "password": PASSWORD}).logout()
