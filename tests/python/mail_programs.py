"""What mail programs find, and that they can read and send with it; the same for every address."""
import xml.etree.ElementTree, plistlib
from demo import *

ASK = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>{}</EMailAddress>
<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
</Request></Autodiscover>"""
OUTLOOK = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
user = USERS[0]

# Thunderbird.
paths = [f"/mail/config-v1.1.xml?emailaddress={address}" for address in (user["address"], f"nobody@{DOMAIN}", "x")]
answers = {http("GET", path, expect=200)[2] for path in [*paths, "/.well-known/autoconfig/mail/config-v1.1.xml"]}
assert len(answers) == 1, "it is the same for everybody"
config = xml.etree.ElementTree.fromstring(answers.pop())
found = {}
for kind in ("incomingServer", "outgoingServer"):
    server = config.find(f".//{kind}")
    assert server.findtext("socketType") == "SSL" and server.findtext("username") == "%EMAILADDRESS%"
    found[kind] = server.findtext("hostname"), int(server.findtext("port"))
assert found["incomingServer"][1] == at("imaps")[1] and found["outgoingServer"][1] == at("submissions")[1], found

# Outlook: nothing but the address that was asked differs.
answers = []
for address in (user["address"], f"nobody@{DOMAIN}"):
    _, headers, body = http("POST", "/autodiscover/autodiscover.xml", body=ASK.format(address).encode(),
                            headers={"Content-Type": "text/xml"}, expect=200)
    assert headers["content-type"].startswith("text/xml")
    answers.append(body.replace(address.encode(), b"ADDRESS"))
    servers = {server.findtext(f"{OUTLOOK}Type"): server for server in xml.etree.ElementTree.fromstring(body).iter(f"{OUTLOOK}Protocol")}
    assert servers["IMAP"].findtext(f"{OUTLOOK}LoginName") == address
    for kind, name in (("IMAP", "incomingServer"), ("SMTP", "outgoingServer")):
        assert servers[kind].findtext(f"{OUTLOOK}SSL") == "on"
        assert (servers[kind].findtext(f"{OUTLOOK}Server"), int(servers[kind].findtext(f"{OUTLOOK}Port"))) == found[name]
assert answers[0] == answers[1]
for body, code in ((b"<x/>", "600"), (ASK.format(user["address"]).replace("outlook/responseschema/2006a", "mobilesync/responseschema/2006").encode(), "601")):
    assert f"<ErrorCode>{code}</ErrorCode>".encode() in http("POST", "/Autodiscover/Autodiscover.xml", body=body, expect=200)[2]
assert http("POST", "/autodiscover/autodiscover.xml", body=b"x" * 20_000)[0] == 413

# Apple.
_, headers, body = http("GET", "/mail-programs/apple.mobileconfig", expect=200)
assert headers["content-type"] == "application/x-apple-aspen-config"
mail, = plistlib.loads(body)["PayloadContent"]
assert (mail["IncomingMailServerHostName"], mail["IncomingMailServerPortNumber"]) == found["incomingServer"]
assert (mail["OutgoingMailServerHostName"], mail["OutgoingMailServerPortNumber"]) == found["outgoingServer"]
assert mail["IncomingMailServerUseSSL"] and mail["OutgoingMailServerUseSSL"] and "EmailAddress" not in mail

# With what was found, and the whole address as the name of the user, letters go and come.
client = smtplib.SMTP_SSL("localhost", found["outgoingServer"][1], context=trust(), timeout=30)
client.login(user["address"], user["password"])
client.sendmail(user["address"], [user["address"]], letter("set up", user["address"], sender=user["address"]))
client.quit()
box = imaplib.IMAP4_SSL("localhost", found["incomingServer"][1], ssl_context=trust())
box.login(user["address"], user["password"])
wait_for(box, "SUBJECT", '"set up"')

page = http("GET", "/mail-programs?lang=en", expect=200)[2].decode()
assert f'id="imaps">{found["incomingServer"][1]}<' in page and f'id="submissions">{found["outgoingServer"][1]}<' in page
print("mail programs: ok")
