"""A letter that went through the demo, and the page that judges it.

Usage: verify_page.py FOLDER: writes letter.eml and keys.json there; prints nothing when the page is as it should be."""
import pathlib, sys
from demo import *

folder = pathlib.Path(sys.argv[1])
client = submission()
client.sendmail(USERS[0]["address"], [USERS[1]["address"]], letter("for the page", USERS[1]["address"]))
client.quit()
box = imap(USERS[1])
uid, = wait_for(box, "SUBJECT", '"for the page"')
(folder / "letter.eml").write_bytes(fetch(box, uid))
(folder / "keys.json").write_bytes(http("GET", "/.well-known/poshta-marks.json", expect=200)[2])

for asked, accept, lang in (("", None, "kk"), ("", "ru-RU,ru;q=0.9,en;q=0.8", "ru"), ("?lang=en", "ru", "en")):
    _, headers, page = http("GET", f"/verify{asked}", headers={"Accept-Language": accept} if accept else {}, expect=200)
    page = page.decode()
    assert f'<html lang="{lang}">' in page and headers["Content-Language"] == lang, page[:200]
    assert "default-src 'none'" in headers["Content-Security-Policy"], headers.items()
    assert "<style" not in page and " style=" not in page and page.count("<script") == page.count("></script>")

# Everything that the page and its scripts load is there, and from here.
todo, seen = [part.split('"')[0] for part in page.split('"/assets/')[1:]], set()
while todo:
    name = todo.pop().rsplit("/", 1)[-1]
    if name in seen:
        continue
    seen.add(name)
    _, headers, content = http("GET", f"/assets/{name}", expect=200)
    assert headers["ETag"] and headers["X-Content-Type-Options"] == "nosniff", name
    assert http("GET", f"/assets/{name}", headers={"If-None-Match": headers["ETag"]})[0] == 304
    content = content.decode()
    assert "http://" not in content.replace("http://www.w3.org/2000/svg", "") and "https://" not in content, name
    todo += [part.split('"')[0] for part in content.split('from "./')[1:]]
assert {"verify.mjs", "judge.mjs", "ed25519.mjs", "poshta.css"} <= seen, seen
assert http("GET", "/assets/../verify")[0] == 404 and http("POST", "/verify", body=b"x")[0] == 405
