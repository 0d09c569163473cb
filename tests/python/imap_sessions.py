"""Two sessions on one folder agree, and the idle one hears of a letter at once."""
import re, threading, time
from demo import *

user = USERS[0]
one, two = imap(user), imap(user)
ok(one.create("agree"))
for box in (one, two):
    ok(box.select("agree"))
for number in range(3):
    ok(one.append("agree", None, None, letter(f"n{number}", user["address"])))
ok(two.noop())
assert two.response("EXISTS")[1][-1] == b"3"
ok(one.store("2", "+FLAGS", "(\\Deleted $Label)"))
ok(two.noop())
assert any(b"$Label" in line for line in two.response("FETCH")[1] if line)
# A FETCH by number is never disturbed by an EXPUNGE (RFC 9051 §7.5.1): two still counts three messages, and is
# told only in the tagged answer that one of them has gone.
ok(one.expunge())
kind, said = two.fetch("1:3", "(UID)")
assert kind == "OK" or b"EXPUNGEISSUED" in said[0], (kind, said)
assert {line.split()[0] for line in two.response("FETCH")[1] or said if line and line[:1].isdigit()} <= {b"1", b"3"}
ok(two.noop())
assert two.response("EXPUNGE")[1] == [b"2"]
assert ok(one.uid("SEARCH", "ALL")) == ok(two.uid("SEARCH", "ALL"))

# IDLE: the letter is announced without being asked for.
idler = imap(user)
ok(idler.select("INBOX"))
tag = idler._new_tag()
idler.send(tag + b" IDLE\r\n")
assert idler.readline().startswith(b"+")
sent = []


def send():
    client = submission(user)
    client.sendmail(user["address"], [user["address"]], letter("pushed", user["address"]))
    sent.append(time.time())
    client.quit()


thread = threading.Thread(target=send)
thread.start()
while b"EXISTS" not in idler.readline():
    pass
heard = time.time()
thread.join()
assert heard - sent[0] < 2.0, heard - sent[0]
idler.send(b"DONE\r\n")
while not (line := idler.readline()).startswith(tag):
    pass
assert b"OK" in line

# Reading marks as read, looking does not.
uid, = wait_for(one, "SUBJECT", "pushed")
fetch(one, uid, "BODY.PEEK[]")
assert b"\\Seen" not in ok(one.uid("FETCH", uid, "(FLAGS)"))[0]
ok(one.uid("FETCH", uid, "(BODY[])"))
assert b"\\Seen" in ok(one.uid("FETCH", uid, "(FLAGS)"))[0]
# MOVE takes it away from both.
ok(idler.noop())
ok(one._simple_command("UID", "MOVE", uid, "Archive"))
ok(idler.noop())
assert idler.response("EXPUNGE")[1] != [None]
print("imap sessions: ok")
