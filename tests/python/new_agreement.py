"""A new version of the agreement (M10): it is asked for, read and agreed to in the cabinet; what was agreed to before stays.

Usage: new_agreement.py POSHTA"""
import pathlib, subprocess, sys, tempfile
from demo import *
from registering import *

EDS = FACTS["eds"]
visitor = Visitor()
assert visitor.sign(visitor.fill_in(PERSON, "aigul"), EDS["person"]).status == 200
assert 'href="/cabinet/agreement">Read the agreement' not in visitor.open("/cabinet").html
old = visitor.open("/agreement").text("hash")

with tempfile.TemporaryDirectory() as folder:
    files = [pathlib.Path(folder) / f"{lang}.txt" for lang in ("kk", "ru", "en")]
    for file in files:
        file.write_text(f"# New agreement {file.stem}\n\nMailboxes are in the domain {{domain}}.\n")
    subprocess.run([sys.argv[1], "agreement", "publish", *files, "--dir", FACTS["dir"]], check=True, capture_output=True)
new = visitor.open("/agreement").text("hash")
assert new != old

assert "There is a new version of the user agreement" in visitor.open("/cabinet").html
page = visitor.open("/cabinet/agreement")
assert "New agreement en" in page.html and DOMAIN in page.html and page.hidden()["hash"] == new
# Consent is to what was read: one to the old text counts for nothing.
stale = visitor.open("/cabinet/agreement", {**page.hidden(), "hash": old})
assert "New agreement en" in stale.html
agreed = visitor.open("/cabinet/agreement", page.hidden())
assert "New agreement en" not in agreed.html and "in the cabinet" in agreed.html
assert new in agreed.html and old in agreed.html
assert "There is a new version" not in visitor.open("/cabinet").html
print("new agreement: ok")
