"""A browser without JavaScript for the pages of the registration: cookies, forms, redirects."""
import base64, html, http.cookiejar, re, urllib.error, urllib.parse, urllib.request

from demo import FACTS, trust
from ncalayer import sign

PERSON = {
    "as": "individual", "surname": "Серікова", "given-name": "Айгүл", "patronymic": "Маратқызы",
    "iin": FACTS["eds"]["person"]["iin"], "document-kind": "identity-card", "document-number": "041234567",
    "document-issuer": "ҚР ІІМ", "document-issued": "2024-03-01", "residence": "Астана қ., Мәңгілік Ел д-лы, 8, 12",
    "phone-home": "", "phone-mobile": "8 (701) 234-56-78",
}
COMPANY = {
    "as": "legal", "entity-name": "«Алма» жауапкершілігі шектеулі серіктестігі", "bin": FACTS["eds"]["company"]["bin"],
    "registration-number": "123-1901-01-ЖШС", "registration-issued": "2006-06-14",
    "registration-issuer": "Алматы қ. Әділет департаменті", "legal-address": "Алматы қ., Абай д-лы, 1",
    "actual-address": "Алматы қ., Сәтбаев к-сі, 2", "phone-home": "+7 727 250 00 00", "phone-mobile": "",
}
PASSWORD = "kerege sary tau 2026"


class Page:
    def __init__(self, answer):
        self.status, self.url, self.headers = answer.status, answer.url, answer.headers
        self.body = answer.read()

    @property
    def html(self):
        return self.body.decode()

    def text(self, id):
        found = re.search(rf'<(\w+)[^>]*\bid="{id}"[^>]*>(.*?)</\1>', self.html, re.S)
        return html.unescape(re.sub(r"<[^>]+>", "", found[2])).strip() if found else None

    def errors(self):
        """By the name of the field."""
        return {name: html.unescape(text) for name, text in
                re.findall(r'<p class="error" id="([\w-]+)-error">(.*?)</p>', self.html, re.S)}

    def hidden(self):
        fields = re.findall(r'<input type="hidden" name="([\w-]+)"(?: id="[\w-]+")? value="([^"]*)"', self.html)
        return {name: html.unescape(value) for name, value in fields}


def sign_in(user, lang="en"):
    """Somebody who signs in with the password."""
    visitor = Visitor(lang)
    form = visitor.open("/sign-in").hidden()
    page = visitor.open("/sign-in", {**form, "login": user["login"], "password": user["password"]})
    assert page.status == 200 and "/sign-in" not in page.url, page.url
    return visitor


class Visitor:
    def __init__(self, lang="en"):
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust()),
                                                  urllib.request.HTTPCookieProcessor(self.cookies))
        self.opener.addheaders = [("Accept-Language", lang)]
        self.base = FACTS["http"].replace("127.0.0.1", "localhost")

    def open(self, path, form=None):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            return Page(self.opener.open(self.base + path, data, timeout=60))
        except urllib.error.HTTPError as answer:
            return Page(answer)

    def fill_in(self, fields, login, way="sign", **changes):
        page = self.open(f"/register?as={fields['as']}")
        hidden = page.hidden()
        form = {**fields, "csrf": hidden["csrf"], "agreement": hidden["agreement"], "login": login,
                "password": PASSWORD, "password-again": PASSWORD, "agree": "yes", "way": way,
                **{name.replace("_", "-"): value for name, value in changes.items()}}
        return self.open("/register", {name: value for name, value in form.items() if value is not None})

    def statement(self, page):
        return base64.b64decode(re.search(r'data-statement="([^"]+)"', page.html)[1])

    def send(self, page, cms):
        return self.open("/register/application", {"csrf": page.hidden()["csrf"], "cms": base64.b64encode(cms).decode()})

    def sign(self, page, holder, document=None, detached=False):
        document = self.statement(page) if document is None else document
        return self.send(page, sign(document, holder["cert"], holder["key"], detached))
