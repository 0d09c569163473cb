"""What every story needs: the running demo's facts, and connections to it that trust only the demo's CA."""
import imaplib, json, os, smtplib, ssl, time, urllib.request, uuid

FACTS = json.loads(os.environ["DEMO"])
DOMAIN, HYBRID = FACTS["domain"], FACTS["hybrid_domain"]
USERS = FACTS["users"]


def trust(certificate=None):
    context = ssl.create_default_context(cafile=FACTS["ca"])
    if certificate:
        context.load_cert_chain(certificate["cert"], certificate["key"])
    return context


def at(name):
    host, port = FACTS[name].rsplit(":", 1)
    return host, int(port)


def submission(user=USERS[0]):
    host, port = at("submission")
    client = smtplib.SMTP("localhost", port, timeout=30)
    client.starttls(context=trust())
    client.login(user["login"], user["password"])
    return client


def port25(certificate=None):
    client = smtplib.SMTP("localhost", at("smtp")[1], timeout=30)
    if certificate:
        client.starttls(context=trust(certificate))
    return client


def imap(user=USERS[0]):
    client = imaplib.IMAP4_SSL("localhost", at("imaps")[1], ssl_context=trust())
    client.login(user["login"], user["password"])
    return client


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def wait_for(client, *criteria, folder="INBOX", seconds=60):
    """UIDs of the messages that fit, once there are any."""
    end = time.time() + seconds
    while True:
        ok(client.select(folder))
        found = ok(client.uid("SEARCH", *criteria))[0].split()
        if found:
            return [uid.decode() for uid in found]
        assert time.time() < end, f"nothing fits {criteria} in {folder} after {seconds} s"
        time.sleep(0.05)


def fetch(client, uid, item="BODY.PEEK[]"):
    return ok(client.uid("FETCH", uid, f"({item})"))[0][1]


def http(method, path, token=None, body=None, headers=None, expect=None):
    """(status, headers, bytes)"""
    url = path if path.startswith("http") else FACTS["http"] + path
    request = urllib.request.Request(url, method=method, data=body, headers=dict(headers or {}))
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if method == "POST" and not request.has_header("Idempotency-key"):
        request.add_header("Idempotency-Key", str(uuid.uuid4()))
    try:
        with urllib.request.urlopen(request, context=trust(), timeout=60) as answer:
            result = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        result = error.code, error.headers, error.read()
    assert expect is None or result[0] == expect, (method, path, result[0], result[2][:500])
    return result


def log_tiles(level, size):
    """The tiles of a log of so many leaves at level "0" or "entries" (c2sp.org/tlog-tiles), the last one partial."""
    for begin in range(0, size, 256):
        width = min(256, size - begin)
        partial = f".p/{width}" if width < 256 else ""
        _, headers, tile = http("GET", f"/log/tile/{level}/{begin // 256:03}{partial}", expect=200)
        assert "immutable" in headers["Cache-Control"]
        yield tile


def log_entries(size):
    """All entries, from the bundles: each has its length before it."""
    found = []
    for bundle in log_tiles("entries", size):
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            found.append(bundle[2:2 + length])
            bundle = bundle[2 + length:]
    return found


def post_json(path, token, value, expect=None, headers=None):
    status, _, body = http("POST", path, token, json.dumps(value).encode(),
                           {"Content-Type": "application/json", **(headers or {})}, expect)
    return status, json.loads(body) if body else None


def letter(subject, to, body="Сәлеметсіз бе!\r\n", sender=USERS[0]["address"], extra=""):
    text = (f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n"
            f"Date: Sat, 21 Nov 2026 10:00:00 +0500\r\nMessage-ID: <{uuid.uuid4()}@client.example>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: 8bit\r\n{extra}\r\n{body}")
    return text.encode()
