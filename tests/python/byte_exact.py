"""Five hundred letters, ugly ones among them, come back byte for byte; what is appended comes back identical.

Usage: byte_exact.py [count]"""
import random, re, sys
from demo import *

count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
user, reader = USERS[0], imap(USERS[1])
KAZAKH = "Әліпби: ә ғ қ ң ө ұ ү һ і — «сынақ хаты». "


def header(number):
    fields = [f"From: Test <{user['address']}>", f"To: <{USERS[1]['address']}>", f"Subject: exact {number:04}",
              "Date: Sat, 21 Nov 2026 10:00:00 +0500", f"Message-ID: <exact-{number}@client.example>"]
    if number % 3 == 0:  # odd folding, tabs, trailing blanks, empty-looking continuation
        fields.append("X-Folded: one\r\n two \r\n\tthree\t \r\n   four")
    if number % 4 == 0:
        fields.append("references:   <a@b>\r\n\t<c@d> ")
    if number % 5 == 0:
        fields.append("X-Long: " + "y" * random.randrange(900, 3000))
    if number % 7 == 0:
        fields.append("X-Raw: " + KAZAKH)
    if number % 11 == 0:
        fields.append("x-EMPTY:")
    random.shuffle(fields)
    return fields


def content(number):
    kind = number % 10
    if kind == 0:
        return b""
    if kind == 1:
        return (KAZAKH * 40).encode() + b"\r\n"
    if kind == 2:
        return b"z" * random.randrange(5000, 70000)  # one line, no final newline
    if kind == 3:
        return b".\r\n..\r\n...\r\n. \r\nend\r\n.\r\n"
    if kind == 4:
        return bytes(random.choice(b"\x01\x07\x1b\x80\xff\xfe abc") for _ in range(3000)) + b"\r\n"
    if kind == 5:
        return b"\r\n" * random.randrange(1, 50)
    if kind == 6:
        return (b"--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                + b"QUJD" * 500 + b"\r\n--x\r\n\r\nPostal-Mark: inside\r\n--x--\r\nepilogue")
    if kind == 7:
        return b"trailing blanks  \t \r\n\t\r\n \r\nFrom the start\r\n>From quoted\r\n"
    if kind == 8:
        return KAZAKH.encode("koi8-r", "replace") * 30 + b"\r\nno final newline"
    return random.randbytes(200).replace(b"\r", b"r").replace(b"\n", b"n") * random.randrange(1, 300) + b"\r\n"


def message(number):
    fields = header(number)
    if number % 10 == 6:
        fields += ["MIME-Version: 1.0", "Content-Type: multipart/mixed;\r\n\tboundary=x"]
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + content(number)


def given(number):
    """The letter with this number, always the same."""
    random.seed(number)
    return message(number)


def sent_as(number):
    """DATA ends with CRLF.CRLF, so a letter without a final line end gains one on that way; BDAT keeps it."""
    raw = given(number)
    return raw if number % 2 or raw.endswith(b"\r\n") else raw + b"\r\n"


client = submission(user)
for number in range(count):
    client.mail(user["address"], ["BODY=8BITMIME"])
    client.rcpt(USERS[1]["address"])
    if number % 2:
        raw = given(number)
        client.send(b"BDAT %d LAST\r\n" % len(raw) + raw)
        code, said = client.getreply()
    else:
        assert client.docmd("DATA")[0] == 354
        client.send(re.sub(rb"(?m)^\.", b"..", sent_as(number)) + b".\r\n")
        code, said = client.getreply()
    assert code == 250, (number, code, said)

found = set()
wait_for(reader, "SUBJECT", f'"exact {count - 1:04}"')
for start in range(1, count + 1, 50):
    for part in ok(reader.fetch(f"{start}:{min(count, start + 49)}", "(RFC822.SIZE BODY.PEEK[])")):
        if not isinstance(part, tuple):
            continue
        raw = part[1]
        number = int(re.search(rb"^Subject: exact (\d+)", raw, re.M).group(1))
        assert f"RFC822.SIZE {len(raw)} ".encode() in part[0], part[0]
        # What DESIGN 7 adds stands on top, in complete lines; below it not one byte differs.
        body = sent_as(number)
        assert raw.endswith(body), (number, raw[-len(body):][:200], body[:200])
        added = raw[:len(raw) - len(body)]
        assert added.endswith(b"\r\n"), (number, added[-80:])
        names = [line.split(b":")[0] for line in added.split(b"\r\n") if line and line[:1] not in b" \t"]
        assert set(names) <= {b"Return-Path", b"Delivered-To", b"Postal-Mark", b"Postal-Mark-Text", b"Postal-Item-Id",
                              b"Authentication-Results", b"Received"}, names
        found.add(number)
assert found == set(range(count)), sorted(set(range(count)) - found)[:10]

# APPEND: identical, even with bare line feeds and no line end at all (P19: nothing of a user's is stamped).
box = imap(user)
ok(box.create("exact"))
ok(box.select("exact"))
for number in range(0, count, 10):
    raw = given(number) if number % 20 else given(number).replace(b"\r\n", b"\n")
    tag = box._new_tag()
    box.send(tag + b' APPEND "exact" (\\Seen) {%d}\r\n' % len(raw))
    assert box.readline().startswith(b"+")
    box.send(raw + b"\r\n")
    while not (line := box.readline()).startswith(tag):
        pass
    assert b"OK" in line, line
    uid = re.search(rb"APPENDUID \d+ (\d+)", line).group(1).decode()
    assert fetch(box, uid) == raw, number
print(f"{count} letters byte-exact")
