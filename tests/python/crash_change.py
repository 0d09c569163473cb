"""Changes mailboxes over several connections until the server dies; prints what was acknowledged.

Each connection appends letters to a folder of its own and flags them; then it moves one of three to the common
folder Archive, expunges one of three and leaves one. Every acknowledged step becomes a line of the file.
Arguments: the file, the number of the round, how many letters a connection, how many connections."""
import re, sys, threading
from demo import *

acknowledged, lock = open(sys.argv[1], "a"), threading.Lock()
turn, total, connections = int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])


def tell(**step):
    with lock:
        acknowledged.write(json.dumps(step) + "\n")
        acknowledged.flush()
        print(step, flush=True)


def run(connection):
    folder = f"crash-{turn}-{connection}"
    try:
        box = imap()
        ok(box.create(folder))
        ok(box.select(folder))
        for number in range(total):
            name = f"{folder}-{number}"
            said = ok(box.append(folder, r"(\Seen)", None, letter(name, USERS[0]["address"])))[0]
            uid = re.search(rb"APPENDUID \d+ (\d+)", said).group(1).decode()
            tell(step="append", folder=folder, name=name, uid=int(uid))
            ok(box.uid("STORE", uid, "+FLAGS", r"(\Flagged kept)"))
            tell(step="flag", folder=folder, name=name)
            if number % 3 == 0:
                ok(box.uid("MOVE", uid, "Archive"))
                target = box.response("COPYUID")[1][-1].split()[-1]
                tell(step="move", folder=folder, name=name, uid=int(target))
            elif number % 3 == 1:
                ok(box.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
                ok(box.uid("EXPUNGE", uid))
                tell(step="expunge", folder=folder, name=name)
    except (OSError, imaplib.IMAP4.error):
        pass  # the server was killed: that is the story


threads = [threading.Thread(target=run, args=(connection,)) for connection in range(connections)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
