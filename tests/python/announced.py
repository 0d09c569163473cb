"""What every door announces, before and after TLS and login, as JSON. `AUTH PLAIN LOGIN` gives two names."""
from demo import *


def smtp_names(client):
    client.ehlo("client.example")
    names = []
    for line in client.ehlo_resp.decode().splitlines()[1:]:
        word, *values = line.split()
        names += [f"AUTH {value}" for value in values] if word == "AUTH" else [word]
    return names


def smtp(door, said):
    tls = door == "submissions"
    connect = smtplib.SMTP_SSL if tls else smtplib.SMTP
    client = connect("localhost", at(door)[1], timeout=30, **({"context": trust()} if tls else {}))
    if not tls:
        said[f"{door} plain"] = smtp_names(client)
        client.starttls(context=trust())
    said[f"{door} TLS"] = smtp_names(client)
    if door != "smtp":
        client.login(USERS[0]["login"], USERS[0]["password"])
        said[f"{door} login"] = smtp_names(client)
    client.quit()


def imap_names(client):
    return ok(client.capability())[0].decode().split()


def imap(said):
    client = imaplib.IMAP4("localhost", at("imap")[1])
    said["imap plain"] = imap_names(client)
    client.starttls(trust())
    said["imap TLS"] = imap_names(client)
    client.logout()
    client = imaplib.IMAP4_SSL("localhost", at("imaps")[1], ssl_context=trust())
    said["imaps TLS"] = imap_names(client)
    client.login(USERS[0]["login"], USERS[0]["password"])
    said["imaps login"] = imap_names(client)
    client.logout()


doors = {"smtp": {}, "imap": {}}
for door in ("smtp", "submission", "submissions"):
    smtp(door, doors["smtp"])
imap(doors["imap"])
print(json.dumps(doors))
