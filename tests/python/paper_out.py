"""A letter goes to paper: accepted, leased by a print centre over HTTPS, printed, handed to the post.

Usage: paper_out.py FOLDER: letter.pdf, the letter as it was sent, the status message with its marks and the published
keys are written there; facts of the job are printed as JSON."""
import base64, email, email.message, email.policy, hashlib, pathlib, sys
from demo import *

user, folder = USERS[0], pathlib.Path(sys.argv[1])
token = FACTS["print_centre"]["token"]
BODY = ("Құрметті Айгүл Серікқызы!\r\n\r\nҮйіңізге қағаз хат жолдап отырмыз: әғқңөұүһі ӘҒҚҢӨҰҮҺІ.\r\n"
        "Екінші жол: сома 12 500 ₸.\r\n")

# What cannot become a letter is refused in the same dialogue, with words that help.
client = submission(user)
client.mail(user["address"])
assert client.rcpt(f"letter@{HYBRID}")[0] == 250
assert client.rcpt(f"postcard@{HYBRID}")[0] == 452, "one paper recipient a message"
code, said = client.data(letter("no address", f"letter@{HYBRID}", "\r\n"))
assert code == 550 and b"5.1.3" in said and b"Postal-To" in said, (code, said)
client.rset()
stranger = port25()
stranger.ehlo("other.example")
stranger.mail("a@other.example")
assert stranger.rcpt(f"letter@{HYBRID}")[0] == 550
stranger.quit()

message = email.message.EmailMessage()
message["From"], message["To"], message["Subject"] = user["address"], f"letter+colour+duplex@{HYBRID}", "paper"
message["Message-ID"] = "<paper-1@client.example>"
message["Date"] = "Sat, 21 Nov 2026 10:00:00 +0500"
message["Postal-To"] = "Айгүл Серікқызы Омарова; Абай көшесі 10, 5 пәтер; 020000 Көкшетау"
message.set_content(BODY.replace("\r\n", "\n"))
client.mail(user["address"])
client.rcpt(f"letter+colour+duplex@{HYBRID}")
started = time.monotonic()
sent = message.as_bytes(policy=email.policy.SMTP.clone(cte_type="8bit", utf8=False))
code, said = client.data(sent)
assert code == 250, (code, said)
assert time.monotonic() - started < 10, "the dialogue waits for more than the check"
item = said.decode().split()[-1]
client.quit()

# The centre waits for work, and only this centre's token opens the door.
assert http("POST", "/api/v1/print/lease", None, b"{}", {"Content-Type": "application/json"})[0] == 401
assert http("POST", "/api/v1/print/lease", FACTS["scan_centre"]["token"], b"{}", {"Content-Type": "application/json"})[0] == 403
_, leased = post_json("/api/v1/print/lease", token, {"max": 10, "wait_s": 30}, expect=200)
job, = leased["jobs"]
assert job["item_id"] == item and job["format"] == "letter" and job["colour"] and job["duplex"], job
assert job["postal_index"] == "020000" and len(job["s10"]) == 13 and job["s10"].endswith("KZ"), job
_, _, pdf = http("GET", job["document"]["url"], token, expect=200)
assert hashlib.sha256(pdf).hexdigest() == job["document"]["sha256"] and len(pdf) == job["document"]["bytes"]
(folder / "letter.pdf").write_bytes(pdf)
# P9, P18: the whole bundle as one file for this centre alone, and its manifest below its marks.
bundle = leased["batch"]["sealed_bundle"]
assert http("GET", bundle)[0] == 401 and http("GET", bundle, FACTS["scan_centre"]["token"])[0] == 403
_, _, sealed = http("GET", bundle, token, expect=200)
assert sealed.startswith(b"age-encryption.org/v1\n") and b"%PDF" not in sealed and BODY[:20].encode() not in sealed
(folder / "bundle.age").write_bytes(sealed)
manifest = leased["batch"]["manifest"]
(folder / "manifest.eml").write_bytes(http("GET", manifest + "?format=eml", token, expect=200)[2])
(folder / "manifest.pdf").write_bytes(http("GET", manifest + "?format=pdf&lang=kk", token, expect=200)[2])
assert http("GET", manifest + "?format=docx", token)[0] == 422
(folder / "sent.eml").write_bytes(sent)

events = f"/api/v1/print/jobs/{job['id']}/events"
post_json(f"/api/v1/print/jobs/{job['id']}/extend", token, {"fence": job["fence"]}, expect=200)
post_json(events, token, {"fence": job["fence"] + 1, "event": "printed", "sheets": 1}, expect=409)
post_json(events, token, {"fence": job["fence"], "event": "handed_to_post"}, expect=409)
assert post_json(events, token, {"fence": job["fence"], "event": "printed"})[0] == 422, "printed needs sheets"
for event in ({"event": "printed", "sheets": job["sheets"]}, {"event": "inserted"}, {"event": "handed_to_post"}):
    assert post_json(events, token, {"fence": job["fence"], **event})[0] in (200, 201, 204), event
assert http("GET", job["document"]["url"], token)[0] == 410
assert http("GET", bundle, token)[0] == 410, "what was handed over is not given out again"
assert post_json("/api/v1/print/lease", token, {"max": 10}, expect=200)[1] == {"jobs": []}

# The sender hears of it, in the thread of the letter.
box = imap(user)
end, heard = time.time() + 60, []
while len(heard) < 2 and time.time() < end:
    ok(box.select())
    heard = ok(box.uid("SEARCH", "HEADER", "In-Reply-To", "paper-1@client.example"))[0].split()
    time.sleep(0.1)
reports = [email.message_from_bytes(fetch(box, uid.decode())) for uid in heard]
assert len(reports) == 2, [str(report["Subject"]) for report in reports]
assert all(report["Auto-Submitted"].startswith("auto-") for report in reports)
for report in reports:
    assert report.get_content_type() == "multipart/report", report.as_string()
    text, status = report.get_payload()
    assert job["s10"] in str(text.get_payload(decode=True), "utf-8")
    assert job["s10"] in status.as_string(), status.as_string()

# The impressions of the paper way are signed: the message about the last step has them, and so has the API.
handed, = [uid.decode() for uid, report in zip(heard, reports) if "handed_to_post" in report["Postal-Status"]]
status = fetch(box, handed)
(folder / "status.eml").write_bytes(status)
(folder / "keys.json").write_bytes(http("GET", "/.well-known/poshta-marks.json", expect=200)[2])
basic = "Basic " + base64.b64encode(f'{user["login"]}:{user["password"]}'.encode()).decode()
_, _, shown = http("GET", f"/api/v1/items/{item}", headers={"Authorization": basic}, expect=200)
events = json.loads(shown)["events"]
# P24: what the sender is shown of the acceptance has the actual date; beside it stands the letter's, of its letter box.
accepted, = [event for event in events if event["event"] == "accepted"]
assert "lb=" in accepted["letter_mark"] and "lb=" not in accepted["mark"], accepted
marks = {event["event"]: event.get("letter_mark") or event["mark"] for event in events if event["mark"]}
assert set(marks) == {"accepted", "handed_to_post"}, marks
bare = lambda text: "".join(text.split())
status_part = email.message_from_bytes(status).get_payload(1).get_payload()
told = [bare(mark) for block in status_part for mark in block.get_all("Postal-Mark", [])]
assert told == [bare(marks["handed_to_post"]), bare(marks["accepted"])], told

# What cannot be rendered is said so, with the reason, and is not leased.
client = submission(user)
client.mail(user["address"])
client.rcpt(f"letter@{HYBRID}")
strange = letter("strange", f"letter@{HYBRID}", "中文字形不在字体中 " * 3 + "\r\n", extra="Postal-To: A B; Street 1; 010000 Astana\r\n")
code, said = client.data(strange)
assert code == 250, (code, said)
failed = said.decode().split()[-1]
original = email.message_from_bytes(strange)["Message-ID"].strip("<>")
uid, = wait_for(box, "HEADER", "In-Reply-To", original, "SUBJECT", '"cannot be printed"')
report = email.message_from_bytes(fetch(box, uid), policy=email.policy.default)
text = report.get_payload(0).get_content()
assert "U+4E2D" in text, text
assert post_json("/api/v1/print/lease", token, {"max": 10}, expect=200)[1] == {"jobs": []}
print(json.dumps({"item": item, "s10": job["s10"], "body": BODY, "failed": failed}))
