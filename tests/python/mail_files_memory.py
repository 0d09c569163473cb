"""mail_files_memory.py POSHTA DIR FILES COUNT: so many letters of 4 KB come in from a Maildir and go out to Maildir and
mbox, and the command never takes more than 200 MB. The server is stopped: its memory is that of its cache."""
import os, random, resource, signal, subprocess, sys
from demo import *

POSHTA, DIR, FILES, COUNT = *sys.argv[1:4], int(sys.argv[4])
MAX_KB = 200_000


def is_running():
    try:
        with open(f"/proc/{FACTS['pid']}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def stop_the_server():
    os.kill(FACTS["pid"], signal.SIGTERM)
    end = time.time() + 60
    while is_running():
        assert time.time() < end, "the server does not stop"
        time.sleep(0.1)


def poshta(*arguments):
    begun = time.time()
    command = [POSHTA, *arguments, "--account", USERS[0]["login"], "--json", "--dir", DIR]
    answer = json.loads(subprocess.run(command, cwd=FILES, capture_output=True, check=True).stdout)
    assert (answer["messages"], answer["problem_count"]) == (COUNT, 0), answer
    took = time.time() - begun
    peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{' '.join(arguments[:2])}: {took:.1f} s, {COUNT / took:.0f} messages/s, "
          f"{answer['bytes'] / took / 1e6:.1f} MB/s; peak until now {peak_kb / 1000:.0f} MB", flush=True)
    assert peak_kb < MAX_KB, f"{peak_kb} kB"


for part in ("cur", "new", "tmp"):
    os.makedirs(os.path.join(FILES, "in", part))
for number in range(COUNT):
    random.seed(number)
    head = (f"From: sender{number % 97}@elsewhere.example\nTo: user001@poshta.example\nSubject: letter {number}\n"
            f"Message-ID: <{number}@elsewhere.example>\nReferences: <{number // 3}@elsewhere.example>\n"
            f"Date: Sat, 21 Nov 2026 10:00:00 +0500\nMIME-Version: 1.0\nContent-Type: text/plain\n\n")
    lines = "".join(random.randbytes(35).hex() + "\n" for _ in range(52))
    with open(os.path.join(FILES, "in/cur", f"{1_700_000_000 + number}.M1P1Q{number}.x:2,{'S' if number % 3 else ''}"), "w") as file:
        file.write(head + lines)

stop_the_server()
poshta("import", "maildir", "in")
poshta("export", "maildir", "out-maildir", "--folder", "INBOX")
poshta("export", "mbox", "out-mbox", "--folder", "INBOX")
