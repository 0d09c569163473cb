"""Signing in with a code and with passkeys, in a real browser with an authenticator of its own.

Usage: sign_in_browser.py PROGRAM [PICTURES]"""
import base64, hmac, pathlib, struct, sys
from demo import *
from browser import Browser

program = sys.argv[1]
pictures = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
base = FACTS["http"].replace("127.0.0.1", "localhost")
user = USERS[1]
browser = Browser(program)


def fill(**fields):
    for name, value in fields.items():
        browser.run(f"document.querySelector('main [name={name}]').value = {json.dumps(value)}")


def send(selector):
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")


def arrive(path):
    browser.until(f"location.pathname === {json.dumps(path)} && document.readyState === 'complete'")


def sign_in():
    browser.open(f"{base}/sign-in?lang=en")
    fill(login=user["login"], password=user["password"])
    send("form[action='/sign-in'] button")


def sign_out():
    send("form[action='/sign-out'] button")
    arrive("/sign-in")


def code(secret, step):
    tag = hmac.digest(base64.b32decode(secret), struct.pack(">q", step), "sha1")
    offset = tag[-1] & 15
    return f"{(struct.unpack('>I', tag[offset:offset + 4])[0] & 0x7fffffff) % 10**6:06}"


try:
    browser.view(1100, 900)
    browser.call("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}
    browser.call("WebAuthn.addVirtualAuthenticator", options=options)
    if pictures:
        for lang in ("kk", "ru", "en"):
            browser.open(f"{base}/sign-in?lang={lang}")
            browser.picture(pictures / f"sign-in-{lang}.png")
        browser.view(360, 740, "dark")
        browser.picture(pictures / "sign-in-phone-dark.png")
        assert browser.run("document.documentElement.scrollWidth") <= 360
        browser.view(1100, 900)

    # A passkey is added, and alone opens the pages from then on.
    sign_in()
    browser.until("location.pathname.startsWith('/cabinet')")
    browser.open(f"{base}/cabinet/second-factor")
    if pictures:
        browser.picture(pictures / "second-factor-en.png")
        browser.view(360, 740)
        browser.picture(pictures / "second-factor-phone.png")
        assert browser.run("document.documentElement.scrollWidth") <= 360
        browser.view(1100, 900)
    browser.until("!document.querySelector('form[data-passkey=create]').hidden")
    fill(name="phone")
    send("form[data-passkey=create] button")
    browser.until("document.querySelectorAll('.codes li').length === 10")
    assert browser.run("document.querySelector('table.list th[scope=row]').textContent") == "phone"
    sign_out()
    browser.until("!document.querySelector('form[data-passkey=get]').hidden")
    send("form[data-passkey=get] button")
    browser.until("location.pathname.startsWith('/cabinet')")
    sign_out()

    # Beside the password it is the second factor.
    sign_in()
    arrive("/sign-in/second")
    if pictures:
        browser.picture(pictures / "second-en.png")
    browser.until("!document.querySelector('form[data-passkey=get]').hidden")
    send("form[data-passkey=get] button")
    browser.until("location.pathname.startsWith('/cabinet')")

    # An authenticator program is added; its codes open the pages too.
    browser.open(f"{base}/cabinet/second-factor")
    secret = browser.run("document.querySelector('.secret').textContent")
    step = int(time.time()) // 30
    fill(code=code(secret, step))
    send("form[action$='/authenticator'] button")
    browser.until("!document.querySelector('.secret')")
    sign_out()
    sign_in()
    arrive("/sign-in/second")
    fill(code=code(secret, step + 1))
    send("form[action='/sign-in/second'] button")
    browser.until("location.pathname.startsWith('/cabinet')")
    assert not browser.complaints(), browser.complaints()
finally:
    browser.close()
