"""The cabinet in a real browser: a user confirms the data with a stand-in for NCALayer, reads mail, and closes the mailbox.

Usage: cabinet_browser.py PROGRAM SIGNER_PORT [PICTURES]"""
import pathlib, sys
from demo import *
from browser import Browser
from ncalayer import Signer
from registering import PERSON, Visitor

program, port = sys.argv[1], int(sys.argv[2])
pictures = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
base = FACTS["http"].replace("127.0.0.1", "localhost")
address = f"aigul@{DOMAIN}"
# Python's client of IMAP knows ASCII passwords only.
PASSWORD = "spring has come 2026"
first = Visitor()
assert first.sign(first.fill_in(PERSON, "aigul", password=PASSWORD, password_again=PASSWORD), FACTS["eds"]["person"]).status == 200
browser = Browser(program)


def picture(name):
    if pictures:
        browser.picture(pictures / f"{name}.png")


def type_in(**fields):
    for name, value in fields.items():
        browser.run(f"document.getElementById({json.dumps(name.replace('_', '-'))}).value = {json.dumps(value)}")


def submit(selector, path):
    browser.run("window.isOld = true")
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")
    browser.until(f"!window.isOld && location.pathname === {json.dumps(path)} && document.readyState === 'complete'")


def text():
    return browser.run("document.querySelector('main').innerText")


try:
    browser.view(1100, 900)
    # It asks to sign in, and leads back.
    browser.open(f"{base}/sign-in?next=/cabinet&lang=en")
    type_in(login="aigul", password=PASSWORD)
    submit("main form button", "/cabinet")
    assert address in text() and "not open" in text(), text()
    picture("cabinet-en")
    # Another browser is shown, and ended.
    submit(".sections a[href='/cabinet/sign-ins']", "/cabinet/sign-ins")
    picture("sign-ins-en")
    submit("form[action='/cabinet/sign-ins'] input[value=others] ~ p button", "/cabinet/sign-ins")
    assert "/sign-in" in first.open("/cabinet").url
    # The data are corrected, then confirmed.
    submit(".sections a[href='/cabinet/profile']", "/cabinet/profile")
    type_in(residence="Алматы қ., Абай д-лы, 10")
    submit("form[action='/cabinet/profile'] button", "/cabinet/profile")
    assert browser.run("document.getElementById('residence').value") == "Алматы қ., Абай д-лы, 10"
    picture("profile-en")
    submit(".sections a[href='/cabinet/confirm']", "/cabinet/confirm")
    assert "residence: Алматы қ., Абай д-лы, 10\n" in browser.run("document.getElementById('statement').textContent")
    picture("confirm-en")
    signer = Signer(FACTS["eds"]["other"], port)
    submit("#sign-button", "/cabinet/confirm")
    assert "The IIN in the certificate is not yours" in text(), text()
    signer.holder = FACTS["eds"]["person"]
    submit("#sign-button", "/cabinet/confirm")
    assert "Official correspondence is open" in text(), text()
    picture("confirmed-en")
    # A state body writes, and the letter is read.
    client = port25(FACTS["peer"])
    client.sendmail("court@gov.example", [address], letter("summons", address, sender="court@gov.example"))
    client.quit()
    # With a password of its own a mail program reads it.
    browser.open(f"{base}/cabinet/app-passwords?lang=en")
    type_in(name="phone")
    submit("form[action='/cabinet/app-passwords'] button", "/cabinet/app-passwords")
    program_password = browser.run("document.getElementById('app-password').textContent")
    picture("app-password-en")
    phone = {"login": address, "password": program_password}
    wait_for(imap(phone), "SUBJECT", "summons")
    # On a phone nothing is wider than the screen, in every language, light and dark; every field has a label.
    pages = ("/cabinet", "/cabinet/profile", "/cabinet/confirm", "/cabinet/agreement", "/cabinet/sign-ins", "/cabinet/letters",
             "/cabinet/lookups", "/cabinet/export", "/cabinet/close", "/mail-programs")
    for lang, theme in (("kk", "dark"), ("ru", "light"), ("en", "dark")):
        browser.view(360, 740, theme)
        for path in pages:
            browser.open(f"{base}{path}?lang={lang}")
            assert browser.run("document.documentElement.lang") == lang
            assert browser.run("document.documentElement.scrollWidth") <= 360, (path, lang)
            missing = browser.run("""[...document.querySelectorAll('input:not([type=hidden]), select')]
                .filter((field) => field.labels.length === 0).map((field) => field.id).join()""")
            assert missing == "", (path, missing)
            picture(f"phone-{path.strip('/').replace('/', '-')}-{lang}-{theme}")
    # The mailbox is closed for ever.
    browser.view(1100, 900)
    browser.open(f"{base}/cabinet/close?lang=en")
    type_in(address="someone@else.example", password=PASSWORD)
    submit("button.danger", "/cabinet/close")
    assert "Nothing was closed" in text(), text()
    picture("close-en")
    type_in(address=address, password=PASSWORD)
    submit("button.danger", "/closed")
    try:
        imap(phone)
        raise AssertionError("a closed mailbox was opened")
    except imaplib.IMAP4.error:
        pass
    picture("closed-en")
    browser.open(f"{base}/mail-programs?lang=en")
    picture("mail-programs-en")
    assert browser.run("document.querySelector('.who .login')") is None
    # What the page did itself was right.
    assert browser.complaints() == [], browser.complaints()
finally:
    browser.close()
print("cabinet in a browser: ok")
