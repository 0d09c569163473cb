"""What opened a session ends it: a password that is taken back or changed, and a mailbox that is closed; over the sockets
of IMAP, submission and the pages."""
import subprocess, sys
from pages import *

APPS = "/cabinet/app-passwords"
GONE = "the password of this session was changed or taken back"
keeper, leaver = USERS[0], USERS[1]


def poshta(*arguments, typed=""):
    subprocess.run([sys.argv[1], *arguments, "--dir", FACTS["dir"]], check=True, input=typed, text=True, stdout=subprocess.DEVNULL)


def idle(user):
    client = imap(user)
    ok(client.select("INBOX"))
    client.send(b"x IDLE\r\n")
    assert client.readline().startswith(b"+ ")
    return client


def ended(client, why):
    said = client.readline()
    assert said.startswith(b"* BYE ") and why.encode() in said and b"[UNAVAILABLE]" not in said, said
    assert client.readline() == b""


def told(client, why):
    code, text = client.getreply()
    assert code == 421 and text.startswith(b"4.7.0 ") and why.encode() in text, (code, text)
    client.close()


# A mail program reads and sends with a password of its own.
visitor = Visitor()
visitor.follow(visitor.sign_in(keeper, next=APPS))
page = visitor.post(APPS, name="phone", imap="yes", submission="yes")
program = {**keeper, "password": re.search(r'id="app-password">([a-z0-9-]+)<', page.text).group(1)}
number = re.search(r'name="number" value="(\d+)"', page.text).group(1)
reading, idling = imap(program), idle(program)
quiet, sending, opened = submission(program), submission(program), submission(program)
main, main_sending = imap(keeper), submission(keeper)
message = letter("in the middle", leaver["address"], sender=keeper["address"])
for client in (sending, opened):
    assert client.mail(keeper["address"])[0] == 250 and client.rcpt(leaver["address"])[0] == 250
assert sending.docmd("DATA")[0] == 354
sending.send(message[:200])

# It is taken back: what it opened ends, but for the letter that is on its way.
assert visitor.post(f"{APPS}/revoke", number=number).to() == APPS
ended(idling, GONE)
ended(reading, GONE)
told(quiet, GONE)
told(opened, GONE)
sending.send(message[200:] + b".\r\n")
code, text = sending.getreply()
assert code == 250, (code, text)
told(sending, GONE)
assert wait_for(imap(leaver), "SUBJECT", "middle"), "250 means that it is kept"
# What the main password opened goes on.
ok(main.noop())
assert main_sending.noop()[0] == 250 and visitor.get("/cabinet").status == 200

# Until that is changed.
poshta("account", "password", keeper["login"], typed="another password 2026\n")
ended(main, GONE)
told(main_sending, GONE)
assert visitor.get("/cabinet").status == 303
keeper = {**keeper, "password": "another password 2026"}
ok(imap(keeper).noop())

# A mailbox that is closed has no sessions.
reading, sending, visitor = idle(leaver), submission(leaver), Visitor()
visitor.follow(visitor.sign_in(leaver, next="/cabinet"))
poshta("account", "close", leaver["login"])
ended(reading, "this mailbox is not open any more")
told(sending, "this mailbox is not open any more")
assert visitor.get("/cabinet").status == 303
