"""A letter to another domain reaches its server; one that is refused there comes back as a report.

The sink's listening socket is the standard input; the demo was told to hand everything remote to it. The argument has
the records of the keys that sign, as `poshta dkim show --json` prints them."""
import email, socket, sys, threading
from demo import *
from dkim_signatures import signatures

taken, deferred = [], set()


class Sink(threading.Thread):
    """As much of an SMTP server as the story needs: takes letters, refuses nobody@, and later@ once."""

    def __init__(self, listener):
        super().__init__(daemon=True)
        self.listener = listener

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rwb")

        def say(line):
            stream.write(line + b"\r\n")
            stream.flush()

        say(b"220 sink.example ESMTP")
        recipients = []
        while line := stream.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING")
            elif verb == b"MAIL":
                recipients = []
                say(b"250 2.1.0 ok")
            elif verb == b"RCPT":
                if b"nobody@" in line:
                    say(b"550 5.1.1 there is nobody of that name")
                elif b"later@" in line and not deferred:
                    deferred.add(line)
                    say(b"451 4.2.0 come back later")
                else:
                    recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                    say(b"250 2.1.5 ok")
            elif verb == b"DATA":
                if not recipients:
                    say(b"554 5.5.1 no valid recipients")
                    continue
                say(b"354 go on")
                body = b""
                while (line := stream.readline()) != b".\r\n":
                    body += line[1:] if line.startswith(b".") else line
                taken.append((recipients, body))
                say(b"250 2.0.0 taken")
            elif verb == b"QUIT":
                say(b"221 2.0.0 bye")
                break
            else:
                say(b"250 2.0.0 ok")
        connection.close()


Sink(socket.socket(fileno=0)).start()
user = USERS[0]
client = submission(user)
client.sendmail(user["address"], ["friend@far.example"], letter("to far away", "friend@far.example", "сәлем\r\n.dot\r\n"))
client.sendmail(user["address"], ["nobody@far.example"], letter("to nobody", "nobody@far.example"))
client.sendmail(user["address"], ["later@far.example"], letter("comes later", "later@far.example"))
try:
    client.sendmail(user["address"], ["friend@[127.0.0.1]"], letter("to an address", "friend@[127.0.0.1]"))
    assert False, "an address literal is no domain"
except smtplib.SMTPRecipientsRefused as refused:
    (code, text), = refused.recipients.values()
    assert code == 550 and text.startswith(b"5.1.2 "), refused
client.quit()

end = time.time() + 40
while len(taken) < 2 and time.time() < end:
    time.sleep(0.05)
by_recipient = {tuple(recipients): email.message_from_bytes(body) for recipients, body in taken}
# Each letter has both signatures, and an altered one has none that holds.
published = {record["name"]: record["text"] for record in json.loads(sys.argv[1])}
for _, body in taken:
    found = signatures(body, published)
    assert {tag["a"] for tag, holds in found if holds} == {"rsa-sha256", "ed25519-sha256"}, body
    altered = body.replace(b"Subject: ", b"Subject: no ")
    assert not any(holds for _, holds in signatures(altered, published)), altered
friend = by_recipient[("friend@far.example",)]
# Outbound carries the accept mark only, and no recipient's prefix.
assert [("k=accept" in mark) for mark in friend.get_all("Postal-Mark")] == [True]
assert friend["Return-Path"] is None and friend["Delivered-To"] is None
assert friend.get_payload(decode=True).decode() == "сәлем\r\n.dot\r\n"
# 451 is tried again after the back-off.
assert deferred
assert by_recipient[("later@far.example",)]["Subject"] == "comes later"

box = imap(user)
uid, = wait_for(box, "HEADER", "Content-Type", "multipart/report", seconds=30)
report = email.message_from_bytes(fetch(box, uid))
assert report["Return-Path"] == "<>" and report["Auto-Submitted"].startswith("auto-")
status = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"][0].as_string()
assert "nobody@far.example" in status and "Action: failed" in status and "5.1.1" in status, status
assert "to nobody" in report.as_string()
print("remote delivery: ok")
