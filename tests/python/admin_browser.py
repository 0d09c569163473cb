"""The pages of administrators in a real browser: every page in three languages, on a phone and on a desk, light and dark;
and one act of each kind.

Usage: admin_browser.py PROGRAM [PICTURES]"""
import pathlib, re, sys
from demo import *
from browser import Browser
from desk import PERSON, SCAN, Clerk, behave, png

program = sys.argv[1]
pictures = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
base = FACTS["http"].replace("127.0.0.1", "localhost")
admin, user, clerk = USERS[0], USERS[1], USERS[2]
WHY = "the user asked by telephone"
PAPER = "Postal-To: Aigul; Abai 12; 010000 Astana\r\n"


def scanned():
    """A letter that came on paper, for nobody who could be read."""
    edge = uuid.uuid4().hex
    body = (f'--{edge}\r\nContent-Disposition: form-data; name="document"; filename="scan"\r\n'
            "Content-Type: image/png\r\n\r\n").encode() + png() + f"\r\n--{edge}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    return json.loads(http("POST", "/api/v1/scan/letters", FACTS["scan_centre"]["token"], body, headers, 201)[2])["id"]


# Something waits everywhere.
client = submission(user)
client.sendmail(user["address"], ["somebody@elsewhere.example"],
                letter("abroad", "somebody@elsewhere.example", sender=user["address"]))
for number in range(3):
    client.sendmail(user["address"], [f"letter@{HYBRID}"],
                    letter(f"paper {number}", f"letter@{HYBRID}", extra=PAPER, sender=user["address"]))
client.quit()
scans = [scanned(), scanned()]
behave("down")
desk = Clerk(clerk)
application = desk.number(desk.write(PERSON, "aigul.s"))
assert desk.upload(application, SCAN).status == 200

browser = Browser(program)


def picture(name):
    if pictures:
        browser.picture(pictures / f"{name}.png")


def fill(**fields):
    for name, value in fields.items():
        browser.run(f"document.querySelector('main [name={name}]').value = {json.dumps(value)}")


def submit(selector):
    browser.run("window.isOld = true")
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")
    browser.until("!window.isOld && document.readyState === 'complete'")


def text():
    return browser.run("document.querySelector('main').innerText")


def act(path, selector, said, **fields):
    """Does it without a reason, which is not done, and then with one."""
    browser.open(f"{base}{path}")
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    form = f"document.querySelector({json.dumps(selector)}).form"
    for name, value in fields.items():
        browser.run(f"{form}.querySelector('[name={name}]').value = {json.dumps(value)}")
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")
    assert browser.run(f"{form}.querySelector(':invalid') !== null"), path
    browser.run(f"{form}.querySelector('[name=reason]').value = {json.dumps(WHY)}")
    submit(selector)
    assert said in text(), text()


def usable(path, lang, width):
    """Nothing is wider than the screen, every field has a label, and no text is missing."""
    assert browser.run("document.documentElement.lang") == lang
    assert browser.run("document.documentElement.scrollWidth") <= width, (path, lang, width)
    missing = browser.run("""[...document.querySelectorAll('input:not([type=hidden]), select')]
        .filter((field) => field.labels.length === 0).map((field) => field.name).join()""")
    assert missing == "", (path, missing)
    keys = re.findall(r"\b(?:admin|way|closing|page)-[a-z]+(?:-[a-z]+)*\b", browser.run("document.body.innerText"))
    assert keys == [], (path, keys)


try:
    browser.view(1100, 900)
    browser.open(f"{base}/sign-in?next=/admin&lang=en")
    fill(login=admin["login"], password=admin["password"])
    submit("main form button")
    assert browser.run("location.pathname") == "/admin" and "All is well" in text(), text()
    # From the overview to one of each.
    browser.open(f"{base}/admin/print?lang=en")
    letter_path = browser.run("document.querySelector('main tbody a').getAttribute('href')")
    browser.open(f"{base}/admin/accounts?lang=en")
    account_path = browser.run("document.querySelector('main tbody tr:nth-child(2) a').getAttribute('href')")
    paths = ["/admin", "/admin/accounts", account_path, "/admin/applications", "/admin/applications?part=second",
             "/admin/applications?part=kept", "/admin/queues", "/admin/print", letter_path, "/admin/scans",
             "/admin/devices", "/admin/devices/astana-1-a", "/admin/staff", "/audit"]
    for lang, width, theme in (("kk", 360, "light"), ("ru", 360, "dark"), ("en", 360, "light"),
                               ("kk", 1100, "dark"), ("ru", 1100, "light"), ("en", 1100, "light")):
        browser.view(width, 900, theme)
        for path in paths:
            browser.open(f"{base}{path}{'&' if '?' in path else '?'}lang={lang}")
            browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true })")
            usable(path, lang, width)
            name = re.sub(r"[^a-z]+", "-", path.lower()).strip("-")
            picture(f"{name}-{lang}-{width}")
    # One act of each kind.
    act("/admin/queues", "button[value=hold]", "The queue is changed.")
    act("/admin/applications", "button[value=retry]", "goes on waiting")
    behave("answer")
    act("/admin/applications", "button[value=refuse]", "its applicant reads the reason")
    act(letter_path, "main form button.danger", "The letter is taken back.")
    act("/admin/scans", "button[value=assign]", "The scan is in the mailbox.", recipient=user["login"])
    act("/admin/scans", "button[value=reject]", "the letter goes back")
    act("/admin/devices/astana-1-b", "form:has(input[value=return]) button", "It is written down")
    act("/admin/staff", "form:has(input[value=grant]) button", "The roles are changed.", login=USERS[3]["login"],
        role="controller")
    picture("admin-staff-done-en")
    # Who did it and why stands in the audit.
    browser.open(f"{base}/audit?action=application.refuse")
    assert f"administrator {admin['login']}" in text() and WHY in text(), text()
    # What there is not is told with a page.
    browser.open(f"{base}/admin/nothing")
    assert "There is no such page" in browser.run("document.title"), browser.run("document.title")
    assert browser.complaints() == [], browser.complaints()
finally:
    browser.close()
print("administration in a browser: ok")
