"""A clerk at the desk without JavaScript: signs in, fills in, scans."""
import json, os, re, struct, time, urllib.error, urllib.request, uuid, zlib

from demo import FACTS, USERS
from registering import COMPANY, PERSON, Page, Visitor

ABROAD = {**PERSON, "iin": FACTS["eds"]["other"]["iin"], "surname": "Оспанов", "given-name": "Дәурен", "patronymic": ""}
HEAD = {**PERSON, "iin": "850312400009", "surname": "Жұмабаев", "given-name": "Ерлан", "patronymic": "Сапарұлы"}
NUMBER = re.compile(r"\d{4}-\d{7}-\d")


def png(width=120, height=160):
    """A scan: white paper."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = b"".join(b"\0" + b"\xff" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Clerk(Visitor):
    def __init__(self, user, lang="en"):
        super().__init__(lang)
        page = self.open("/sign-in")
        login = {"csrf": page.hidden()["csrf"], "next": "/desk", "login": user["login"], "password": user["password"]}
        self.home = self.open("/sign-in", login)

    def csrf(self, page):
        return page.hidden()["csrf"]

    def write(self, fields, login, **changes):
        page = self.open(f"/desk/new?as={fields['as']}")
        hidden = page.hidden()
        form = {**fields, "csrf": hidden["csrf"], "agreement": hidden["agreement"], "login": login, "lang": "kk",
                **{name.replace("_", "-"): value for name, value in changes.items()}}
        return self.open("/desk/new", form)

    def number(self, page):
        return NUMBER.search(page.url)[0]

    def upload(self, number, files, **changes):
        page = self.open(f"/desk/applications/{number}")
        fields = {"csrf": self.csrf(page), "document-kind": "identity-card", "document-number": "041234567",
                  "document-issuer": "ҚР ІІМ", "document-issued": "2024-03-01", "document-until": "2034-03-01", "seen": "yes",
                  **{name.replace("_", "-"): value for name, value in changes.items()}}
        return self.multipart(f"/desk/applications/{number}", fields, files)

    def multipart(self, path, fields, files):
        edge = uuid.uuid4().hex
        parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                 for name, value in fields.items() if value is not None]
        for name, data in files:
            head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="scan"\r\n' \
                   "Content-Type: application/octet-stream\r\n\r\n"
            parts.append(head.encode() + data + b"\r\n")
        body = b"".join(parts) + f"--{edge}--\r\n".encode()
        request = urllib.request.Request(self.base + path, body,
                                         {"Content-Type": f"multipart/form-data; boundary={edge}"})
        try:
            return Page(self.opener.open(request, timeout=60))
        except urllib.error.HTTPError as answer:
            return Page(answer)

    def correct(self, number, fields, login, **changes):
        page = self.open(f"/desk/applications/{number}/correct")
        if page.status != 200:
            return page
        hidden = page.hidden()
        form = {**fields, "csrf": hidden["csrf"], "agreement": hidden["agreement"], "login": login, "lang": "kk",
                **{name.replace("_", "-"): value for name, value in changes.items()}}
        return self.open(f"/desk/applications/{number}/correct", form)

    def press(self, number, what):
        page = self.open(f"/desk/applications/{number}")
        return self.open(f"/desk/applications/{number}/{what}", {"csrf": self.csrf(page)})


def behave(behaviour):
    """Lets the demo's registers answer, or not."""
    path = os.path.join(FACTS["dir"], "registers.json")
    known = json.load(open(path))
    known["behaviour"] = behaviour
    with open(path + ".new", "w") as file:
        json.dump(known, file)
    os.rename(path + ".new", path)


def activate(login, code, password, again=None):
    visitor = Visitor()
    page = visitor.open("/activate")
    form = {"csrf": page.hidden()["csrf"], "login": login, "code": code, "password": password,
            "password-again": again or password}
    return visitor.open("/activate", form)


def until(what, seconds=60):
    end = time.time() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.time() < end, f"not after {seconds} s"
        time.sleep(0.1)


SCAN = [("scan", png())]
