"""A headless Chromium, spoken to over a pipe (Chrome DevTools Protocol) with the standard library alone."""
import base64, itertools, json, os, subprocess, tempfile, time


class Browser:
    def __init__(self, program):
        to_browser, ours = os.pipe()
        theirs, from_browser = os.pipe()
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)

        # The browser reads from 3 and writes to 4.
        arguments = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--remote-debugging-pipe", "--ignore-certificate-errors", "--host-resolver-rules=MAP * 127.0.0.1",
                     "--hide-scrollbars", "--force-color-profile=srgb", f"--user-data-dir={self.profile.name}",
                     "about:blank"]
        placed = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(["sh", "-c", placed, "sh", *arguments], pass_fds=(to_browser, from_browser),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser), os.close(from_browser)
        self.out, self.numbers, self.buffer = ours, itertools.count(1), b""
        self.input, self.session, self.events = theirs, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.input, 1 << 16)
            assert piece, "the browser has gone"
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def run(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression, seconds=30):
        end = time.time() + seconds
        while not (found := self.seen(expression)):
            assert time.time() < end, (expression, self.run("document.body.innerText"))
            time.sleep(0.05)
        return found

    def seen(self, expression):
        """What there is now; nothing while one page makes room for the next, of which there may be half so far."""
        try:
            return self.run(expression)
        except AssertionError as error:
            if "navigated" not in str(error) and "properties of null" not in str(error):
                raise

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def choose(self, selector, *paths):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def view(self, width, height, theme="light"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def picture(self, path):
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def requests(self):
        return [event["params"]["request"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """What the page itself did wrong: errors of scripts, and what the policy refused."""
        logged = [event["params"]["entry"] for event in self.events if event.get("method") == "Log.entryAdded"]
        thrown = [event["params"] for event in self.events if event.get("method") == "Runtime.exceptionThrown"]
        return [entry for entry in logged if entry["level"] == "error" and entry["source"] != "network"] + thrown

    def close(self):
        self.process.kill()
        self.process.wait()
        self.profile.cleanup()
