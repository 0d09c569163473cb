"""Signing in with an electronic signature, as a browser without JavaScript does it: the text is saved, signed elsewhere,
and the signature is sent as a file (FACTS B6)."""
import base64, re, subprocess, sys, urllib.parse
from demo import *
from registering import *
from ncalayer import sign

EDS = FACTS["eds"]
PAGE = "/sign-in/signature"


def upload(visitor, page, cms):
    """The form of a page with a file in it."""
    mark, fields = "frontier", page.hidden()
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]
    file = (f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="sign-in.p7s"\r\n'
            "Content-Type: application/pkcs7-signature\r\n\r\n").encode() + cms + b"\r\n"
    assert page.html.index('name="csrf"') < page.html.index('name="next"'), "the token comes first"
    request = urllib.request.Request(visitor.base + PAGE, b"".join(parts) + file + f"--{mark}--\r\n".encode(),
                                     {"Content-Type": f"multipart/form-data; boundary={mark}"})
    try:
        return Page(visitor.opener.open(request, timeout=60))
    except urllib.error.HTTPError as answer:
        return Page(answer)


def saved(visitor, page):
    """The text as the file that is signed elsewhere."""
    path = html.unescape(re.search(r'href="(/sign-in/signature/text[^"]*)"', page.html)[1])
    return visitor.open(path).body


def attempt(holder, lang="en", detached=False, armour=False, next=""):
    visitor = Visitor(lang)
    page = visitor.open(PAGE + (f"?next={next}" if next else ""))
    cms = sign(saved(visitor, page), holder["cert"], holder["key"], detached)
    if armour:
        cms = b"-----BEGIN CMS-----\r\n" + base64.encodebytes(cms) + b"-----END CMS-----\r\n"
    return visitor, upload(visitor, page, cms)


def is_in(visitor):
    return any(cookie.name == "__Host-session" for cookie in visitor.cookies)


# A person and a company register; nobody else has a mailbox.
person, company = Visitor(), Visitor()
application = person.fill_in(PERSON, "aigul")
statement = person.statement(application)
assert person.sign(application, EDS["person"]).status == 200
assert company.sign(company.fill_in(COMPANY, "alma"), EDS["company"]).status == 200

# The page leads there, and shows what is signed.
visitor = Visitor()
assert 'href="/sign-in/signature"' in visitor.open("/sign-in").html
page = visitor.open(PAGE)
assert "wss://127.0.0.1:" in page.headers["content-security-policy"]
assert saved(visitor, page).decode() == html.unescape(re.search(r'<pre[^>]*id="statement"[^>]*>(.*?)</pre>', page.html, re.S)[1])
assert f"\ndomain: {DOMAIN}\n" in saved(visitor, page).decode()

# The key that signs and the one to sign in with both open the mailbox, attached, detached and in armour.
for holder, more in ((EDS["person"], {}), (EDS["auth"], {}), (EDS["person"], {"detached": True}), (EDS["person"], {"armour": True})):
    visitor, done = attempt(holder, next="/cabinet/sign-ins", **more)
    assert done.status == 200 and done.url.endswith("/cabinet/sign-ins") and is_in(visitor), (done.status, done.html)
    assert "electronic signature" in done.html and "aigul" in done.html
    # It was proved just now, by more than a password: nothing is asked again.
    assert visitor.open("/cabinet/second-factor").url.endswith("/cabinet/second-factor")
visitor, done = attempt(EDS["company"], "kk")
assert is_in(visitor) and "alma" in done.html, done.html


def refused(holder, status=403, **more):
    visitor, page = attempt(holder, **more)
    assert page.status == status and not is_in(visitor), (page.status, page.html)
    return page.text("error")


assert refused(EDS["other"]).startswith("Nobody with the IIN or BIN of this certificate has a mailbox here.")
assert refused(EDS["employee"]).startswith("This certificate gives no right to sign for the organisation")
assert refused(EDS["revoked"]).startswith("The certificate is revoked since")
assert "was valid until" in refused(EDS["expired"])

# A signature of something else, of another browser's text, and one that was used.
visitor = Visitor()
page = visitor.open(PAGE)
wrong = upload(visitor, page, sign(statement, EDS["person"]["cert"], EDS["person"]["key"]))
assert wrong.status == 403 and wrong.text("error").startswith("What was signed is not the text shown here."), wrong.html
assert saved(visitor, wrong) == saved(visitor, page), "the text is still good"
assert upload(visitor, wrong, b"no signature").status == 422
other = Visitor()
foreign = saved(other, other.open(PAGE))
assert upload(visitor, page, sign(foreign, EDS["person"]["cert"], EDS["person"]["key"])).status == 403
cms = sign(saved(visitor, page), EDS["person"]["cert"], EDS["person"]["key"])
assert upload(visitor, page, cms).status == 200 and is_in(visitor)
token = next(cookie for cookie in visitor.cookies if cookie.name == "__Host-session")
visitor.cookies.clear(token.domain, token.path, token.name)
replayed = upload(visitor, page, cms)
assert replayed.status == 403 and replayed.text("error").startswith("The time for signing was over, or"), replayed.html

# The audit has the certificate and not the person.
audit = subprocess.run([sys.argv[1], "audit", "list", "--json", "--dir", FACTS["dir"]], capture_output=True, text=True)
assert audit.returncode == 0, audit.stderr
noted = [entry for entry in json.loads(audit.stdout) if entry["action"] == "sign_in.signature"]
assert len(noted) == 6 and all(entry["details"].startswith("certificate ") for entry in noted), audit.stdout
assert EDS["person"]["iin"] not in audit.stdout and EDS["company"]["bin"] not in audit.stdout
