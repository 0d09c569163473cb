"""A letter goes to paper: accepted, leased by a print centre over HTTPS, printed, handed to the post.

Usage: paper_out.py FILE: the PDF is written there; facts of the job are printed as JSON."""
import email, email.message, email.policy, hashlib, sys
from demo import *

user = USERS[0]
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
message["Postal-To"] = "Айгүл Серікқызы Омарова; Абай көшесі 10, 5 пәтер; 020000 Көкшетау"
message.set_content(BODY.replace("\r\n", "\n"))
client.mail(user["address"])
client.rcpt(f"letter+colour+duplex@{HYBRID}")
started = time.monotonic()
code, said = client.data(message.as_bytes(policy=email.policy.SMTP.clone(cte_type="8bit", utf8=False)))
assert code == 250, (code, said)
assert time.monotonic() - started < 1.0, "the check in the dialogue takes too long"
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
open(sys.argv[1], "wb").write(pdf)

events = f"/api/v1/print/jobs/{job['id']}/events"
post_json(f"/api/v1/print/jobs/{job['id']}/extend", token, {"fence": job["fence"]}, expect=200)
post_json(events, token, {"fence": job["fence"] + 1, "event": "printed", "sheets": 1}, expect=409)
post_json(events, token, {"fence": job["fence"], "event": "handed_to_post"}, expect=409)
assert post_json(events, token, {"fence": job["fence"], "event": "printed"})[0] == 422, "printed needs sheets"
for event in ({"event": "printed", "sheets": job["sheets"]}, {"event": "inserted"}, {"event": "handed_to_post"}):
    assert post_json(events, token, {"fence": job["fence"], **event})[0] in (200, 201, 204), event
assert http("GET", job["document"]["url"], token)[0] == 410
assert post_json("/api/v1/print/lease", token, {"max": 10}, expect=200)[1] == {"jobs": []}

# The sender hears of it, in the thread of the letter.
box = imap(user)
end, heard = time.time() + 20, []
while len(heard) < 2 and time.time() < end:
    ok(box.select())
    heard = ok(box.uid("SEARCH", "HEADER", "In-Reply-To", "paper-1@client.example"))[0].split()
    time.sleep(0.1)
reports = [email.message_from_bytes(fetch(box, uid.decode())) for uid in heard]
assert len(reports) == 2, [str(report["Subject"]) for report in reports]
assert all(report["Auto-Submitted"].startswith("auto-") for report in reports)
assert all(job["s10"] in report.as_string() or job["s10"] in str(report.get_payload(decode=True), "utf-8") for report in reports)

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
assert "U+4E2D" in report.get_content(), report.get_content()
assert post_json("/api/v1/print/lease", token, {"max": 10}, expect=200)[1] == {"jobs": []}
print(json.dumps({"item": item, "s10": job["s10"], "body": BODY, "failed": failed}))
