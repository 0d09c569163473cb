"""Signing in to the pages: what opens them, what does not, and what ends it."""
import base64, hashlib, hmac, struct, subprocess, sys
from pages import *

HOME = "/cabinet/second-factor"

# Whoever is not signed in is asked to, and comes back to the page.
visitor = Visitor()
to = visitor.get(HOME).to()
assert to == "/sign-in?next=/cabinet/second-factor", to
page = visitor.get(to)
assert page.status == 200 and "__Host-form" in visitor.cookies and "__Host-session" not in visitor.cookies
user = USERS[0]

# A wrong password and an unknown login get the same answer, word for word but for the login.
same = []
for login in (user["login"], "nobody-at-all"):
    other = Visitor()
    other.get("/sign-in")
    answer = other.post("/sign-in", login=login, password="wrong")
    assert answer.status == 403 and "__Host-session" not in other.cookies
    same.append(re.sub(r'(value|challenge)="[^"]*"', "", answer.text))
assert same[0] == same[1]

# A form that this server did not show to this browser is refused, and so is one that another site makes it send.
stranger = Visitor()
assert stranger.post("/sign-in", token="x", login=user["login"], password=user["password"]).status == 403
stranger.get("/sign-in")
assert stranger.post("/sign-in", token=visitor.token, login=user["login"], password=user["password"]).status == 403
answer = stranger.post("/sign-in", headers={"Sec-Fetch-Site": "cross-site"}, login=user["login"], password=user["password"])
assert answer.status == 403 and "__Host-session" not in stranger.cookies

# Fixation: a session that somebody slipped in is neither taken nor kept.
visitor.cookies["__Host-session"] = "A" * 43
page = visitor.get("/sign-in")
answer = visitor.post("/sign-in", login=user["login"], password=user["password"], next=HOME)
assert answer.to() == HOME and visitor.cookies["__Host-session"] != "A" * 43
page = visitor.follow(answer)
assert page.status == 200 and user["login"] in page.words() and page["cache-control"] == "no-store"
first = visitor.cookies["__Host-session"]
again = Visitor()
again.cookies["__Host-session"] = first
again.get("/sign-in?next=/verify")
assert again.get("/verify").status == 200 and user["login"] in again.get("/verify").words()
# Signing in anew ends what this browser had.
assert again.sign_in().status == 303 and again.cookies["__Host-session"] != first
assert visitor.get(HOME).status == 303
visitor, first = again, again.cookies["__Host-session"]

# Only own pages come next.
for evil in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
    somebody = Visitor()
    to = somebody.sign_in(next=evil).to()
    assert "evil" not in to, to

# Another site cannot sign somebody out; the form of the page can, and the secret is worth nothing afterwards.
visitor.get(HOME)
assert visitor.post("/sign-out", token="x").status == 403
assert visitor.get(HOME).status == 200
assert visitor.get("/sign-out").status == 405
visitor.get(HOME)
assert visitor.post("/sign-out").to() == "/sign-in" and "__Host-session" not in visitor.cookies
visitor.cookies["__Host-session"] = first
assert visitor.get(HOME).status == 303

# A new password ends every session.
visitor.cookies.clear()
visitor.sign_in()
assert visitor.get(HOME).status == 200
subprocess.run([sys.argv[1], "account", "password", user["login"], "--dir", FACTS["dir"]], check=True,
               input=user["password"] + "\n", text=True, stdout=subprocess.DEVNULL)
assert visitor.get(HOME).status == 303


# The second factor: a program with the secret, the first code, recovery codes that are shown once.
def code(secret, step):
    tag = hmac.digest(base64.b32decode(secret), struct.pack(">q", step), "sha1")
    offset = tag[-1] & 15
    return f"{(struct.unpack('>I', tag[offset:offset + 4])[0] & 0x7fffffff) % 10**6:06}"


visitor = Visitor()
page = visitor.follow(visitor.sign_in(next=HOME))
secret = re.search(r'<code class="secret">([A-Z2-7]+)</code>', page.text).group(1)
assert "<svg" in page.text, "a QR code"
assert secret in visitor.get(HOME).text, "the same one until it is confirmed"
step = int(time.time()) // 30
assert visitor.post(f"{HOME}/authenticator", code="000000").status == 422
page = visitor.post(f"{HOME}/authenticator", code=code(secret, step))
codes = re.findall(r"<li>([a-z2-7-]{19})</li>", page.text)
assert page.status == 200 and len(codes) == 10, page.text
assert codes[0] not in visitor.get(HOME).text and secret not in visitor.get(HOME).text

somebody = Visitor()
to = somebody.sign_in(next=HOME).to()
assert to.startswith("/sign-in/second"), to
half = somebody.cookies["__Host-session"]
assert somebody.get(HOME).status == 303, "half a sign-in opens nothing"
somebody.get(to)
answer = somebody.post("/sign-in/second", code=code(secret, step), next=HOME)
assert answer.status == 403, "the code was used"
answer = somebody.post("/sign-in/second", code=code(secret, step + 1), next=HOME)
assert answer.to() == HOME and somebody.cookies["__Host-session"] != half
assert somebody.get(HOME).status == 200
for expected in (303, 403):
    lost = Visitor()
    lost.get(lost.sign_in().to())
    assert lost.post("/sign-in/second", code=codes[3].upper()).status == expected, "a recovery code counts once"

# Proving again asks for it too, and the password alone changes nothing.
held = somebody.cookies["__Host-session"]
somebody.get(f"/sign-in/again?next={HOME}")
page = somebody.post("/sign-in/again", password=user["password"], next=HOME)
given = re.search(r'name="given" value="([^"]+)"', page.text).group(1)
assert page.status == 200 and somebody.cookies["__Host-session"] == held
page = somebody.post("/sign-in/again/second", code="000000", given=given, next=HOME)
assert page.status == 403 and somebody.cookies["__Host-session"] == held
assert somebody.post("/sign-in/again/second", code=codes[4], given=given, next=HOME).status == 403, "one try a page"
given = re.search(r'name="given" value="([^"]+)"', page.text).group(1)
assert somebody.post("/sign-in/again/second", code=codes[4], given=given, next=HOME).to() == HOME
assert somebody.cookies["__Host-session"] != held and somebody.get(HOME).status == 200

# App passwords: shown once, each for its own door, never for the pages.
APPS = "/cabinet/app-passwords"
other = USERS[1]
visitor = Visitor()
visitor.follow(visitor.sign_in(other, next=APPS))
page = visitor.post(APPS, name="phone", imap="yes")
app = re.search(r'id="app-password">([a-z0-9-]+)<', page.text).group(1)
assert app not in visitor.get(APPS).text and "phone" in visitor.get(APPS).words()
assert visitor.post(APPS, name="nothing").status == 422
reader = {**other, "password": app}
client = imap(reader)
assert client.select("INBOX")[0] == "OK"
client.logout()
try:
    submission(reader)
    raise AssertionError("an app password for reading sent mail")
except smtplib.SMTPAuthenticationError as error:
    assert error.smtp_code == 535, error
stranger = Visitor()
assert stranger.sign_in(reader).status == 403
number = re.search(r'name="number" value="(\d+)"', visitor.get(APPS).text).group(1)
assert visitor.post(f"{APPS}/revoke", number=number).to() == APPS
try:
    imap(reader)
    raise AssertionError("a revoked app password opened a mailbox")
except imaplib.IMAP4.error as error:
    assert "AUTHENTICATIONFAILED" in str(error), error

# Roles: what staff sees needs a grant, which is listed, and can be taken back.
def staff(*arguments):
    done = subprocess.run([sys.argv[1], "staff", *arguments, "--json", "--dir", FACTS["dir"]], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


assert staff("grant", user["login"], "clerk")[0] == 1, "a clerk of nowhere"
assert staff("grant", user["login"], "clerk", "--facility", "nowhere")[0] == 1
assert staff("grant", user["login"], "print_centre")[0] == 1
assert staff("grant", user["login"], "clerk", "--facility", "astana-1")[0] == 0
status, listed = staff("list")
listed = json.loads(listed)
listed = listed if isinstance(listed, list) else [listed]
assert status == 0 and [(it["login"], it["role"], it["facility"]) for it in listed] == [(user["login"], "clerk", "astana-1")], listed
assert staff("revoke", user["login"], "clerk")[0] == 0 and staff("revoke", user["login"], "clerk")[0] == 1
