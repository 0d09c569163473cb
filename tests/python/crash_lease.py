"""Submits letters on paper and leases them for a print centre until the server dies; tells what was acknowledged.

Arguments: the file. Every acknowledged step becomes a line of it; leases and events are printed too."""
import sys, threading
from http.client import HTTPException
from demo import *

CENTRES, TOKEN = 2, FACTS["print_centre"]["token"]
acknowledged, lock = open(sys.argv[1], "a"), threading.Lock()
JSON = {"Content-Type": "application/json"}


def tell(**step):
    with lock:
        acknowledged.write(json.dumps(step) + "\n")
        acknowledged.flush()
        if step["step"] != "submit":
            print(step, flush=True)


def submit():
    # Not the user whose inbox the other parts of the story look at: what becomes of a letter is reported to its sender.
    user = USERS[1]
    client = submission(user)
    while True:
        address = "Postal-To: Aigul Otegalieva; Abai 12-34; 020000 Kokshetau\r\n"
        client.mail(user["address"])
        client.rcpt(f"letter@{HYBRID}")
        code, said = client.data(letter("paper", f"letter@{HYBRID}", sender=user["address"], extra=address))
        assert code == 250, (code, said)
        tell(step="submit", item=said.decode().split()[-1])
        time.sleep(0.2)


def centre(number):
    while True:
        for job in post_json("/api/v1/print/lease", TOKEN, {"max": 1, "wait_s": 5}, expect=200)[1]["jobs"]:
            tell(step="lease", item=job["item_id"], job=job["id"], fence=job["fence"], sheets=job["sheets"])
            if number == 0:
                post_json(f"/api/v1/print/jobs/{job['id']}/events", TOKEN,
                          {"fence": job["fence"], "event": "printed", "sheets": job["sheets"]}, expect=200)
                tell(step="printed", item=job["item_id"])


def until_the_end(work, *arguments):
    try:
        work(*arguments)
    except (OSError, smtplib.SMTPException, HTTPException):
        pass  # the server was killed: that is the story


threads = [threading.Thread(target=until_the_end, args=(submit,))]
threads += [threading.Thread(target=until_the_end, args=(centre, number)) for number in range(CENTRES)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
