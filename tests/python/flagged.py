"""flagged.py FOLDER SUBJECT: the letter is there, once, and flagged."""
import sys
from demo import *

box = imap()
ok(box.select(sys.argv[1]))
assert len(ok(box.uid("SEARCH", "FLAGGED", "SUBJECT", f'"{sys.argv[2]}"'))[0].split()) == 1
