"""A browser without a screen: pages of the running demo, cookies and forms, with the standard library alone."""
import html, http.client as web, re, urllib.parse
from demo import *


class Page:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    def __getitem__(self, name):
        return self.headers.get(name)

    def to(self):
        assert self.status == 303, (self.status, self.text[:2000])
        return self["location"]

    def token(self):
        found = re.search(r'name="csrf" value="([^"]*)"', self.text)
        assert found, self.text[:2000]
        return found.group(1)

    def words(self):
        return html.unescape(re.sub(r"<[^>]*>", " ", self.text))


class Visitor:
    """One browser: its cookies, and the token of the page that it saw last."""

    def __init__(self, lang="en"):
        self.cookies, self.token, self.lang = {}, None, lang

    def ask(self, method, path, body=None, **more):
        host, port = at("http")
        connection = web.HTTPSConnection("localhost", port, context=trust(), timeout=30)
        headers = {"Accept-Language": self.lang, "User-Agent": "story/1.0", **more}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        for cookie in answer.headers.get_all("set-cookie") or []:
            pair, *attributes = [part.strip() for part in cookie.split(";")]
            name, value = pair.split("=", 1)
            if name.startswith("__Host-"):
                assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes), cookie
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        page = Page(answer.status, answer.headers, answer.read().decode())
        connection.close()
        found = re.search(r'name="csrf" value="([^"]*)"', page.text)
        self.token = found.group(1) if found else self.token
        return page

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, token=None, headers=None, **fields):
        fields = {"csrf": self.token if token is None else token, **fields}
        return self.ask("POST", path, urllib.parse.urlencode(fields),
                        **{"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})

    def follow(self, page):
        return self.get(page.to())

    def sign_in(self, user=USERS[0], next=""):
        self.get("/sign-in")
        return self.post("/sign-in", login=user["login"], password=user["password"], next=next)
