"""Submits letters over several connections until the server dies; prints what was acknowledged.

Arguments: file for the acknowledged numbers, the first number, how many letters, how many connections."""
import hashlib, sys, threading
from demo import *

acknowledged, lock = open(sys.argv[1], "a"), threading.Lock()
first, total, connections = map(int, sys.argv[2:5])
user = USERS[0]


def run(start):
    try:
        client = submission(user)
        for number in range(first + start, first + total, connections):
            content = f"{number:06} ".encode() * (20 + number * 7919 % 1500)
            content = b"\r\n".join(content[at:at + 700] for at in range(0, len(content), 700)) + b"\r\n"
            digest = hashlib.sha256(content).hexdigest()
            client.sendmail(user["address"], [user["address"]],
                            letter(f"crash {number:06} {digest}", user["address"], content.decode()))
            with lock:
                acknowledged.write(f"{number}\n")
                acknowledged.flush()
                print(number, flush=True)
    except (OSError, smtplib.SMTPException):
        pass  # the server was killed: that is the story


threads = [threading.Thread(target=run, args=(start,)) for start in range(connections)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
