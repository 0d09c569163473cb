"""A government system hands in a letter on port 25 with its client certificate: an official letter."""
import email, re
from demo import *

user = USERS[0]
client = port25(FACTS["peer"])
client.sendmail("court@gov.example", [user["address"]], letter("summons", user["address"], sender="court@gov.example"))
client.quit()
# The same letter without the certificate is an ordinary one.
client = port25()
client.sendmail("court@gov.example", [user["address"]], letter("imitation", user["address"], sender="court@gov.example"))
client.quit()

box = imap(user)
for subject, official in (("summons", True), ("imitation", False)):
    uid, = wait_for(box, "SUBJECT", subject)
    marks = email.message_from_bytes(fetch(box, uid)).get_all("Postal-Mark")
    accept, = [re.sub(r"\s", "", mark) for mark in marks if "k=accept" in mark]
    assert (";pc=official" in accept) == official, accept
print("government letter: ok")
