"""deposit.py FOLDER SUBJECT: puts a letter into a folder of the first user."""
import sys
from demo import *

ok(imap().append(sys.argv[1], None, None, letter(sys.argv[2], USERS[0]["address"])))
