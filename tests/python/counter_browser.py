"""The counter in a real browser: a clerk writes an application, scans, registers; three languages, a phone, the dark.

Usage: counter_browser.py PROGRAM [PICTURES]"""
import json, pathlib, sys, tempfile

from demo import FACTS, USERS
from browser import Browser
from desk import ABROAD, PERSON, png

program = sys.argv[1]
pictures = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
base = FACTS["http"].replace("127.0.0.1", "localhost")
browser = Browser(program)


def picture(name):
    if pictures:
        browser.picture(pictures / f"{name}.png")


def fill(fields):
    for name, value in fields.items():
        browser.run(f"document.getElementById({json.dumps(name)}).value = {json.dumps(value)}")


def submit(selector):
    browser.run("window.isOld = true")
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")
    browser.until("!window.isOld && document.readyState === 'complete'")


def choose(selector, path):
    document = browser.call("DOM.getDocument")["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=node, files=[path])


def fits():
    assert browser.run("document.documentElement.scrollWidth <= window.innerWidth"), browser.run("location.pathname")


try:
    with tempfile.NamedTemporaryFile(suffix=".png") as scan:
        scan.write(png())
        scan.flush()
        browser.view(1100, 900)
        browser.open(f"{base}/sign-in?next=/desk&lang=kk")
        fill({"login": USERS[0]["login"], "password": USERS[0]["password"]})
        submit("form[action='/sign-in'] button")
        assert browser.run("location.pathname") == "/desk", browser.run("document.body.innerText")
        picture("desk-kk")
        for lang, width in (("ru", 1100), ("en", 360), ("kk", 360)):
            browser.view(width, 900)
            browser.open(f"{base}/desk/new?as=individual&lang={lang}")
            fits()
            picture(f"desk-new-{lang}")
            browser.open(f"{base}/desk?lang={lang}")
            fits()
            picture(f"desk-{lang}-{width}")
        browser.view(1100, 900)
        browser.open(f"{base}/desk/new?as=individual&lang=kk")
        fill({name: value for name, value in PERSON.items() if name != "as"} | {"login": "aigul.s"})
        submit("form[action='/desk/new'] button[type=submit]")
        number = browser.run("document.getElementById('number').textContent")
        assert browser.run("location.pathname") == f"/desk/applications/{number}"
        picture("desk-application-kk")
        for lang, width in (("ru", 360), ("en", 1100)):
            browser.view(width, 900)
            browser.open(f"{base}/desk/applications/{number}?lang={lang}")
            fits()
            picture(f"desk-application-{lang}-{width}")
        # Without the document nothing is sent off.
        submit("#file button[type=submit]")
        assert browser.run("document.getElementById('errors') !== null")
        fill({"document-number": "041234567", "document-until": "2034-03-01"})
        browser.run("document.getElementById('seen').checked = true")
        choose("#scan", scan.name)
        picture("desk-file-en")
        submit("#file button[type=submit]")
        code = browser.run("document.getElementById('code').textContent")
        assert len(code) == 14 and browser.run("document.getElementById('address').textContent").startswith("aigul.s@")
        picture("desk-done-en")
        browser.view(360, 900)
        fits()
        picture("desk-done-360")

        # At home the user chooses a password with it.
        browser.run("window.isOld = true")
        browser.run("document.querySelector('form[action=\"/sign-out\"] button').click()")
        browser.until("!window.isOld && document.readyState === 'complete'")
        browser.open(f"{base}/activate?lang=kk")
        fits()
        picture("activate-kk-360")
        fill({"login": "aigul.s", "code": code, "password": "көктем келді 2026", "password-again": "көктем келді 2026"})
        submit("form[action='/activate'] button")
        assert browser.run("document.querySelector('.notice-good') !== null"), browser.run("document.body.innerText")
        browser.view(1100, 900)
        browser.open(f"{base}/sign-in?lang=kk")
        fill({"login": "aigul.s", "password": "көктем келді 2026"})
        submit("form[action='/sign-in'] button")
        assert browser.run("document.querySelector('.login').textContent") == "aigul.s"
        # A user is no clerk.
        assert browser.run("document.querySelector('a[href=\"/desk\"]') === null")
finally:
    browser.close()
