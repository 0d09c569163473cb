"""A person writes to another and to himself; both read, with the postmarks on top and the letter untouched."""
import email, email.header, re
from demo import *

sender, first = USERS
FORGED = ("Postal-Mark: v=1; i=01JFORGED; k=accept\r\n"
          "Postal-Item-Id: 01JFORGEDFORGEDFORGEDFORGE\r\n"
          "Bcc: secret@poshta.example\r\n")
NESTED = "Postal-Mark: v=1; i=NESTED; k=accept\r\n"
body = ("--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nҚайырлы таң, әріптес!\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n{NESTED}Subject: inner\r\n\r\ninner text\r\n--b--\r\n")
text = letter("first", first["address"], body, extra=FORGED).replace(
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nPostal", b"Content-Type: multipart/mixed; boundary=b\r\nPostal")

client = submission(sender)
client.mail(sender["address"])
for to in (first, sender):
    assert client.rcpt(to["address"])[0] == 250
code, said = client.data(text)
assert code == 250, said
item = re.fullmatch(rb"2\.0\.0 Ok: queued as (\w{26})", said).group(1).decode()
client.quit()

for user in (first, sender):
    box = imap(user)
    uid, = wait_for(box, "SUBJECT", "first")
    raw = fetch(box, uid)
    message = email.message_from_bytes(raw)
    # P6: three impressions, the newest on top; all ASCII, so that they survive every hop.
    marks = [re.sub(r"\s", "", mark) for mark in message.get_all("Postal-Mark")]
    assert [re.search(r";k=(\w+)", mark).group(1) for mark in marks] == ["deliver", "receive", "accept"], marks
    assert len({re.search(r";i=(\w+)", mark).group(1) for mark in marks}) == 3
    assert all(mark.isascii() for mark in marks)
    assert "rc=" not in marks[2] and "rc=" in marks[0] and "rc=" in marks[1], marks
    # P25: the human line is Kazakh.
    said = [str(email.header.make_header(email.header.decode_header(line))) for line in message.get_all("Postal-Mark-Text")]
    assert len(said) == 3 and all("Қазақстан Республикасы" in line for line in said), said
    assert message.get_all("Postal-Item-Id") == [item]
    # Forged marks are kept under another name, and the nested letter is nobody's business (P19).
    untrusted = message.get_all("Postal-Mark-Untrusted")
    assert untrusted == ["Postal-Mark: v=1; i=01JFORGED; k=accept", "Postal-Item-Id: 01JFORGEDFORGEDFORGEDFORGE"], untrusted
    assert NESTED.encode() in raw
    assert message["Bcc"] is None
    received = message.get_all("Received")
    assert len(received) == 1 and item in received[0] and " for " not in received[0], received
    assert message["Delivered-To"] == user["address"]
    assert message["Return-Path"] == f"<{sender['address']}>"
    # RFC 9051: the flags, the size and the structure agree with the bytes.
    size = ok(box.uid("FETCH", uid, "(RFC822.SIZE FLAGS)"))[0].decode()
    assert f"RFC822.SIZE {len(raw)}" in size and "\\Seen" not in size, size
    structure = ok(box.uid("FETCH", uid, "(BODYSTRUCTURE)"))[0]
    assert b'"message" "rfc822"' in structure.lower(), structure
    box.logout()

# Date and Message-ID are added where a client left them out (RFC 6409 §8).
client = submission(sender)
client.sendmail(sender["address"], [first["address"]],
                f"From: {sender['address']}\r\nTo: {first['address']}\r\nSubject: bare\r\n\r\nx\r\n".encode())
client.quit()
box = imap(first)
uid, = wait_for(box, "SUBJECT", "bare")
message = email.message_from_bytes(fetch(box, uid))
assert message["Date"] and message["Message-ID"].endswith(f"@{DOMAIN}>"), message.items()

# Nobody writes under the name of another, relays without logging in, or sends line ends that smuggle.
client = submission(sender)
assert client.mail(first["address"])[0] == 550
client.quit()
client = port25()
client.ehlo("other.example")
client.mail("a@other.example")
assert client.rcpt("b@elsewhere.example")[0] in (550, 554)
assert client.rcpt(f"nobody-at-all@{DOMAIN}")[0] == 550
assert client.rcpt(f"postmaster@{DOMAIN}")[0] == 250
client.rset()
client.mail("a@other.example")
client.rcpt(first["address"])
assert client.docmd("DATA")[0] == 354
client.send(b"Subject: smuggled\r\n\r\nx\n.\r\nMAIL FROM:<evil@other.example>\r\nx\r\n.\r\n")
code, said = client.getreply()
assert code == 550 and b"5.6.11" in said, (code, said)
assert client.noop()[0] == 250
client.quit()
ok(box.select())
assert ok(box.uid("SEARCH", "SUBJECT", "smuggled")) == [b""]
print("submit and read: ok")
