"""mail_files.py POSHTA DIR FILES: letters go out to Maildir and mbox and come in from them, through the socket of the
running server; Python's own mailbox module writes and reads the other side."""
import base64, mailbox, os, re, shutil, subprocess, sys
from demo import *

POSHTA, DIR, FILES = sys.argv[1:4]
LOGIN = USERS[0]["login"]


def poshta(*arguments, status=0):
    command = [POSHTA, *arguments, "--account", LOGIN, "--json", "--dir", DIR]
    done = subprocess.run(command, cwd=FILES, capture_output=True)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else done.stderr.decode()


def stored(folder):
    """(bytes, flags, date) of every message of a folder, by subject."""
    box = imap()
    ok(box.select(f'"{folder}"', readonly=True))
    found = {}
    if not ok(box.search(None, "ALL"))[0]:
        return found
    for part in ok(box.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")):
        if isinstance(part, tuple):
            facts = part[0].decode()
            flags = set(re.search(r"FLAGS \(([^)]*)\)", facts).group(1).split()) - {"\\Recent"}
            date = time.mktime(imaplib.Internaldate2tuple(part[0]))
            subject = re.search(rb"^Subject: (.*?)\r$", part[1], re.M).group(1).decode()
            found[subject] = (part[1], flags, date)
    return found


# Letters of every kind: one that was delivered, with marks on top of it, and some that were put there.
with_marks = submission()
with_marks.sendmail(USERS[0]["address"], [USERS[0]["address"]], letter("delivered", USERS[0]["address"]))
box = imap()
wait_for(box, "SUBJECT", "delivered")
given = {
    "plain": ("INBOX", "", letter("plain", "a@b.example")),
    "flagged": ("INBOX", "\\Seen \\Flagged \\Answered $work", letter("flagged", "a@b.example")),
    "from": ("INBOX", "\\Draft \\Deleted", letter("from", "a@b.example", "From here\r\n>From there\r\n\r\nFrom a@b.example Sat Nov 21 20:02:39 2026\r\n")),
    "eight bits": ("Work/v1.2", "\\Seen", letter("eight bits", "a@b.example", "Қош келдіңіз\r\n\r\n")),
    "no end": ("Work/v1.2", "$work", letter("no end", "a@b.example", "no final line end")),
}
ok(box.create("Work/v1.2"))
for number, (folder, flags, text) in enumerate(given.values()):
    ok(box.append(f'"{folder}"', f"({flags})", imaplib.Time2Internaldate(1_700_000_000 + 1000 * number), text))
before = {folder: stored(folder) for folder in ("INBOX", "Work/v1.2")}
assert len(before["INBOX"]) == 4 and len(before["Work/v1.2"]) == 2, before

MAILDIR_FLAGS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
MBOX_FLAGS = {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "T": "\\Draft", "D": "\\Deleted"}


def keywords(flags):
    return {flag for flag in flags if not flag.startswith("\\")}


# Out, and read by the other program. It shows LF, whatever lies in the file.
answer = poshta("export", "maildir", "out-maildir")
assert (answer["messages"], answer["problem_count"]) == (6, 0), answer
out = mailbox.Maildir(os.path.join(FILES, "out-maildir"), create=False)
assert "Work.v1&AC4-2" in out.list_folders(), out.list_folders()
for folder, name in (("INBOX", None), ("Work/v1.2", "Work.v1&AC4-2")):
    read = out.get_folder(name) if name else out
    assert len(read) == len(before[folder])
    for key in read.keys():
        raw, message = read.get_bytes(key), read.get_message(key)
        whole, flags, date = before[folder][message["Subject"]]
        assert raw.replace(b"\r\n", b"\n") == whole.replace(b"\r\n", b"\n"), message["Subject"]
        assert b"\r" not in raw
        told = {MAILDIR_FLAGS[letter] for letter in message.get_flags() if letter.isupper()}
        assert told == flags - keywords(flags), (message["Subject"], message.get_flags(), flags)
        assert ("a" in message.get_flags()) == ("$work" in flags)
        assert int(message.get_date()) == date, (message["Subject"], message.get_date(), date)

answer = poshta("export", "mbox", "out-mbox")
assert (answer["messages"], answer["problem_count"]) == (6, 0), answer
for folder, name in (("INBOX", "INBOX.mbox"), ("Work/v1.2", "Work.v1%2E2.mbox")):
    read = mailbox.mbox(os.path.join(FILES, "out-mbox", name), create=False)
    assert len(read) == len(before[folder]), (folder, len(read))
    for message in read:
        whole, flags, date = before[folder][message["Subject"]]
        told = {MBOX_FLAGS[letter] for letter in message.get_flags() if letter != "O"}
        assert told == flags - keywords(flags), (message["Subject"], message.get_flags(), flags)
        assert set(message["X-Keywords"].split()) == keywords(flags)
        # The line of a message that lies there as it is ends in CRLF.
        date_told = message.get_from().split(" ", 1)[1].strip()
        assert date_told == time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(date)), date_told
        body = whole.split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n")
        quoted = re.sub(rb"(?m)^(>*From )", rb">\1", body)
        assert message.as_bytes().split(b"\n\n", 1)[1].rstrip(b"\n\r") == quoted.rstrip(b"\n"), message["Subject"]

# With proofs: on top of the letter that was delivered, for each of its marks, as in the files beside it.
for _ in range(40):
    answer = poshta("export", "maildir", "with-proofs", "--folder", "INBOX", "--proofs")
    if answer["marks_without_proof"] == 0:
        break
    shutil.rmtree(os.path.join(FILES, "with-proofs"))
    time.sleep(0.25)
proved = mailbox.Maildir(os.path.join(FILES, "with-proofs"), create=False)
delivered = next(message for message in proved if message["Subject"] == "delivered")
values = delivered.get_all("Postal-Mark-Proof")
assert delivered.keys()[:len(values)] == ["Postal-Mark-Proof"] * len(values) and len(values) == answer["proofs"], answer
for value, mark in zip(values, delivered.get_all("Postal-Mark"), strict=True):
    tags = dict(tag.strip().split("=", 1) for tag in value.split(";"))
    assert f"i={tags['i']};" in mark, (value, mark)
    with open(os.path.join(FILES, "with-proofs/proofs", tags["i"] + ".tlog-proof"), "rb") as file:
        assert base64.b64decode("".join(tags["p"].split())) == file.read()
answer = poshta("import", "maildir", "with-proofs", "--folder", "Proved")
assert stored("Proved") == before["INBOX"]

# An export never mixes with what is there.
assert "not empty" in poshta("export", "maildir", "out-maildir", status=1)

# Back in, elsewhere: the same bytes, flags and dates.
answer = poshta("import", "maildir", "out-maildir", "--folder", "Back")
assert (answer["messages"], answer["problem_count"]) == (6, 0), answer
assert stored("Back") == before["INBOX"]
assert stored("Back/Work/v1.2") == before["Work/v1.2"]
answer = poshta("import", "mbox", "out-mbox/INBOX.mbox", "--folder", "Box")
assert answer["messages"] == 4, answer
assert stored("Box") == before["INBOX"]
answer = poshta("import", "maildir", "out-maildir", "--folder", "Back")
assert (answer["messages"], answer["already_there"]) == (0, 6), answer

# In, what the other program wrote.
theirs = mailbox.Maildir(os.path.join(FILES, "theirs"), create=True)
sent = theirs.add_folder("Sent Items")
for place, name, flags, subdir in ((theirs, "unread", "", "new"), (theirs, "starred", "FS", "cur"), (sent, "sent", "RS", "cur")):
    message = mailbox.MaildirMessage(letter(name, "a@b.example").replace(b"\r\n", b"\n"))
    message.set_subdir(subdir)
    message.set_flags(flags)
    message.set_date(1_600_000_000)
    place.add(message)
os.symlink("/etc/passwd", os.path.join(FILES, "theirs/cur/1:2,S"))
answer = poshta("import", "maildir", "theirs", status=1)
assert (answer["messages"], answer["problem_count"]) == (3, 1), answer
assert "symbolic links are not followed" in answer["problems"][0], answer
inbox, sent_here = stored("INBOX"), stored("Sent")
assert inbox["unread"][1:] == (set(), 1_600_000_000), inbox["unread"]
assert inbox["starred"][1:] == ({"\\Flagged", "\\Seen"}, 1_600_000_000), inbox["starred"]
assert sent_here["sent"][1:] == ({"\\Answered", "\\Seen"}, 1_600_000_000), sent_here
for text in (inbox["unread"][0], sent_here["sent"][0]):
    assert b"\n" not in text.replace(b"\r\n", b""), text

theirs = mailbox.mbox(os.path.join(FILES, "theirs.mbox"), create=True)
message = mailbox.mboxMessage(letter("boxed", "a@b.example", "From the heart\n").replace(b"\r\n", b"\n"))
message.set_flags("ROF")
message.set_from("a@b.example", time.gmtime(1_500_000_000))
theirs.add(message)
theirs.flush()
answer = poshta("import", "mbox", "theirs.mbox", "--folder", "Boxed")
assert (answer["messages"], answer["problem_count"]) == (1, 0), answer
text, flags, date = stored("Boxed")["boxed"]
assert (flags, date) == ({"\\Flagged", "\\Seen"}, 1_500_000_000), (flags, date)
assert b"\r\n\r\nFrom the heart\r\n" in text, text
assert "no mbox" in poshta("import", "mbox", "out-maildir/dovecot-keywords", "--folder", "Boxed", status=1)
assert "--folder" in poshta("import", "mbox", "theirs.mbox", status=2)

check = subprocess.run([POSHTA, "store", "check", "--json", "--dir", DIR], capture_output=True, check=True)
assert json.loads(check.stdout)["problem_count"] == 0, check.stdout
