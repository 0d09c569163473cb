"""The page /verify in a real browser: every vector, the log, the keyboard, phone width, three languages.

Usage: verify_browser.py PROGRAM LETTER VECTORS [PICTURES]"""
import pathlib, sys
from demo import *
from browser import Browser

program, letter_file, vectors = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
pictures = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None
base = FACTS["http"].replace("127.0.0.1", "localhost")
browser = Browser(program)


def judge(*paths):
    browser.run("document.getElementById('result').hidden = true, document.getElementById('file').value = ''")
    browser.choose("#file", *paths)
    return browser.until("""(() => {
        const result = document.getElementById('result');
        const marks = [...document.querySelectorAll('.mark')].map((mark) => mark.dataset.findings.split(' ').filter((it) => it).sort());
        return result.hidden ? null : JSON.stringify({verdict: result.dataset.verdict, marks});
    })()""")


try:
    # A letter of this server is valid, its stamps are drawn, and the log has its marks.
    browser.view(1100, 900)
    browser.open(f"{base}/verify?lang=en")
    browser.events.clear()
    assert json.loads(judge(letter_file.resolve())) == {"verdict": "valid", "marks": [[], [], []]}
    assert browser.run("document.querySelectorAll('.stamp svg[role=img] title').length") == 3
    assert browser.run("document.activeElement.className").startswith("verdict"), "the answer has the focus"
    sent = browser.requests()
    assert [request["method"] for request in sent] == ["GET"] and sent[0]["url"].endswith("/poshta-marks.json"), sent
    assert not sent[0].get("hasPostData")
    browser.run("document.getElementById('ask').click()")
    browser.until("document.querySelectorAll('.logged.good').length === 3")
    asked = [request["url"].removeprefix(base) for request in browser.requests()[1:]]
    assert all(url == "/log/key" or url.startswith("/log/proof?i=") for url in asked), asked
    if pictures:
        browser.picture(pictures / "verify-en.png")
    # Every vector, with its own keys in the place of the server's.
    expected = json.loads((vectors / "expected.json").read_text())
    for keys in {vector["keys"] for vector in expected}:
        browser.run(f"""{{
            const keys = {json.dumps((vectors / keys).read_text())};
            window.realFetch ??= window.fetch;
            window.fetch = async (path) => new Response(keys);
        }}""")
        for vector in expected:
            if vector["keys"] == keys:
                said = json.loads(judge((vectors / vector["file"]).resolve()))
                assert said == {"verdict": vector["verdict"], "marks": vector["marks"]}, (vector, said)
    # On a phone nothing is wider than the screen, in every language and in the dark.
    browser.run("window.fetch = window.realFetch")
    for lang, theme in (("kk", "dark"), ("ru", "light"), ("en", "dark")):
        browser.view(360, 740, theme)
        browser.open(f"{base}/verify?lang={lang}")
        assert browser.run("document.documentElement.lang") == lang
        judge(letter_file.resolve())
        assert browser.run("document.documentElement.scrollWidth") <= 360, lang
        assert "verify-" not in browser.run("document.body.innerText") and "finding-" not in browser.run("document.body.innerText")
        if pictures:
            browser.picture(pictures / f"verify-phone-{lang}-{theme}.png")
    if pictures:
        browser.view(1100, 900, "dark")
        browser.open(f"{base}/verify?lang=kk")
        judge((vectors / "altered-mark-t.eml").resolve())
        browser.picture(pictures / "verify-forged-kk-dark.png")
    # With the keyboard alone one gets to every control, and sees where one is.
    browser.view(1100, 900)
    browser.open(f"{base}/verify?lang=ru")
    reached = []
    for _ in range(12):
        for kind in ("rawKeyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.run("document.activeElement.id || document.activeElement.className || document.activeElement.lang || document.activeElement.tagName"))
        # The field itself is not seen; its label shows where one is.
        outline = browser.run("getComputedStyle(document.activeElement.labels?.[0] ?? document.activeElement).outlineStyle")
        assert outline != "none" or reached[-1] == "BODY", (reached, outline)
    for control in ("skip", "kk", "ru", "en", "file"):
        assert control in reached, reached
    assert browser.complaints() == [], browser.complaints()
finally:
    browser.close()
