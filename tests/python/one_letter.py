"""Brings one letter to the port for other servers, in the clear; prints the reply to its content."""
from demo import *

to = USERS[0]["address"]
client = port25()
client.ehlo("client.example")
for command in ("MAIL FROM:<a@client.example>", f"RCPT TO:<{to}>"):
    code, text = client.docmd(command)
    assert code == 250, text
code, text = client.data(letter("one", to, sender="a@client.example"))
assert code == 250, text
print(code, text.decode())
