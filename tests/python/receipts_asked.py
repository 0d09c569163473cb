"""Asks for receipts, and says so when the letters are acknowledged; or, with `count`, how many receipts there are."""
import sys
from demo import *

user = USERS[0]
if sys.argv[1] == "send":
    client = submission(user)
    for number in range(5):
        client.sendmail(user["address"], [USERS[1]["address"]], letter(f"asked {number}", USERS[1]["address"]),
                        rcpt_options=["NOTIFY=SUCCESS"])
    print("acknowledged", flush=True)
else:
    client = imap(user)
    end = time.time() + 40
    while True:
        ok(client.select("INBOX"))
        found = ok(client.uid("SEARCH", "HEADER", "Content-Type", "delivery-status"))[0].split()
        if len(found) >= 5 or time.time() > end:
            break
        time.sleep(0.1)
    ids = [fetch(client, uid.decode(), "BODY.PEEK[HEADER.FIELDS (IN-REPLY-TO)]") for uid in found]
    assert len(found) == 5 and len(set(ids)) == 5, ids
    print(len(found))
