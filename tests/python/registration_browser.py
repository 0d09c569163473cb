"""The registration in a real browser, with a stand-in for NCALayer: a person and a company, three languages, a phone.

Usage: registration_browser.py PROGRAM SIGNER_PORT [PICTURES]"""
import pathlib, sys
from demo import *
from browser import Browser
from ncalayer import Signer
from registering import COMPANY, PASSWORD, PERSON

program, port = sys.argv[1], int(sys.argv[2])
pictures = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
base = FACTS["http"].replace("127.0.0.1", "localhost")
browser = Browser(program)


def picture(name):
    if pictures:
        browser.picture(pictures / f"{name}.png")


def fill(fields, login):
    for name, value in {**fields, "login": login, "password": PASSWORD, "password-again": PASSWORD}.items():
        if name != "as":
            browser.run(f"""(() => {{
                const field = document.getElementById({json.dumps(name)});
                field.value = {json.dumps(value)};
                field.dispatchEvent(new Event('input', {{bubbles: true}}));
            }})()""")


def submit(selector):
    browser.run("window.isOld = true")
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")


def arrived(path):
    browser.until(f"!window.isOld && location.pathname === {json.dumps(path)} && document.readyState === 'complete'")


try:
    browser.view(1100, 900)
    browser.open(f"{base}/?lang=kk")
    assert browser.run("document.documentElement.lang") == "kk"
    picture("home-kk")
    # A person, in Kazakh. Whether the login is free is told while typing.
    browser.open(f"{base}/register")
    fill(PERSON, "user002")
    browser.until("document.getElementById('login-answer').classList.contains('is-taken')")
    fill(PERSON, "aigul")
    browser.until("document.getElementById('login-answer').classList.contains('is-free')")
    picture("register-kk")
    submit("button[value=sign]")
    arrived("/register")
    assert browser.run("document.getElementById('agree-error') !== null"), "the agreement was not joined"
    fill(PERSON, "aigul")
    browser.run("document.getElementById('agree').checked = true")
    submit("button[value=sign]")
    arrived("/register/application")
    assert browser.run("document.getElementById('statement').textContent").startswith("poshta-application: 2\n")
    picture("review-kk")
    # NCALayer is not there: that is told, and it can be tried again.
    submit("#sign-button")
    browser.until("document.getElementById('said').classList.contains('notice-bad')")
    assert "NCALayer" in browser.run("document.getElementById('said').textContent")
    signer = Signer(FACTS["eds"]["person"], port)
    # The person closes its window.
    signer.answer = {"status": True, "body": {"result": []}}
    browser.run("window.isOld = false")
    submit("#sign-button")
    browser.until("document.getElementById('sign-button').disabled === false && document.getElementById('said').textContent.length > 0")
    assert browser.run("location.pathname") == "/register/application"
    signer.answer = None
    submit("#sign-button")
    arrived("/register/application")
    browser.until("document.querySelector('.notice-good') !== null")
    assert f"aigul@{DOMAIN}" in browser.run("document.getElementById('said').textContent")
    args = signer.asked[-1]["args"]
    assert args["signerParams"]["extKeyUsageOids"] == ["1.3.6.1.5.5.7.3.4"] and args["locale"] == "kz", args
    picture("registered-kk")
    # A company, in Russian, in the dark, on a phone.
    browser.call("Network.clearBrowserCookies")
    browser.view(360, 740, "dark")
    browser.open(f"{base}/register?as=legal&lang=ru")
    fill(COMPANY, "alma")
    browser.run("document.getElementById('agree').checked = true")
    picture("register-ru-phone")
    assert browser.run("document.documentElement.scrollWidth") <= 360
    submit("button[value=sign]")
    arrived("/register/application")
    assert browser.run("document.documentElement.scrollWidth") <= 360
    signer.holder = FACTS["eds"]["employee"]
    submit("#sign-button")
    # A click before the script is there would be lost.
    browser.until("!window.isOld && document.getElementById('error') !== null && !document.getElementById('sign-button').hidden")
    picture("review-ru-phone")
    signer.holder = FACTS["eds"]["company"]
    submit("#sign-button")
    browser.until("!window.isOld && document.querySelector('.notice-good') !== null")
    assert f"alma@{DOMAIN}" in browser.run("document.getElementById('said').textContent")
    picture("registered-ru-phone")
    # Who has a mailbox signs in with any key, also one that only proves who they are.
    browser.call("Network.clearBrowserCookies")
    browser.open(f"{base}/sign-in/signature?lang=kk")
    assert browser.run("document.getElementById('statement').textContent").startswith("poshta-sign-in: 1\n")
    assert browser.run("document.documentElement.scrollWidth") <= 360
    picture("signature-kk-phone")
    signer.holder = FACTS["eds"]["auth"]
    submit("#sign-button")
    arrived("/cabinet")
    assert signer.asked[-1]["args"]["signerParams"]["extKeyUsageOids"] == [], signer.asked[-1]
    browser.call("Network.clearBrowserCookies")
    # Nothing is wider than a phone, and every field has a label.
    for path in ("/", "/register", "/agreement"):
        for lang, theme in (("kk", "light"), ("en", "dark")):
            browser.view(360, 740, theme)
            browser.open(f"{base}{path}?lang={lang}")
            assert browser.run("document.documentElement.scrollWidth") <= 360, (path, lang)
            unlabelled = browser.run("""[...document.querySelectorAll('input:not([type=hidden]), select')]
                .filter((field) => field.labels.length === 0).map((field) => field.id).join()""")
            assert unlabelled == "", unlabelled
            picture(f"{path.strip('/') or 'home'}-{lang}-phone")
    # What the page did itself was right: the refused connection to NCALayer is the network's, not the page's.
    assert browser.complaints() == [], browser.complaints()
finally:
    browser.close()
