"""A stand-in for NCALayer: signs with a key of a file over the WebSocket protocol of NCALayer's module
kz.gov.pki.knca.basics (wss on the user's own computer). With the standard library and OpenSSL alone.

Usage: ncalayer.py PORT CERT KEY   (or import Signer)"""
import base64, hashlib, json, pathlib, socket, ssl, struct, subprocess, sys, tempfile, threading

WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def sign(document, cert, key, detached=False):
    """A CAdES signature over bytes, DER."""
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text"
        text.write_bytes(document)
        command = ["openssl", "cms", "-sign", "-binary", "-cades", "-in", text, "-signer", cert, "-inkey", key,
                   "-outform", "DER", *([] if detached else ["-nodetach"])]
        return subprocess.run(command, check=True, capture_output=True).stdout


class Signer:
    """Listens until the process ends; `holder` says whose key signs, `answer` can be put in the place of signing."""

    def __init__(self, holder=None, port=0):
        self.holder, self.asked, self.answer = holder, [], None
        self.folder = tempfile.TemporaryDirectory()
        cert, key = (str(pathlib.Path(self.folder.name) / name) for name in ("cert.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                        "-keyout", key, "-out", cert], check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(cert, key)
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with self.tls.wrap_socket(connection, server_side=True) as stream:
                self.greet(stream)
                # NCALayer tells its version first.
                self.send(stream, {"result": {"version": "1.4"}})
                while (request := self.receive(stream)) is not None:
                    self.asked.append(request)
                    self.send(stream, self.answer_to(request))
        except (OSError, EOFError):
            pass

    def answer_to(self, request):
        if self.answer is not None:
            return self.answer
        assert request["module"] == "kz.gov.pki.knca.basics" and request["method"] == "sign", request
        args = request["args"]
        assert args["format"] == "cms" and args["signingParams"]["decode"] is True, args
        document = base64.b64decode(args["data"])
        cms = sign(document, self.holder["cert"], self.holder["key"], not args["signingParams"]["encapsulate"])
        return {"status": True, "body": {"result": [base64.b64encode(cms).decode()]}}

    def greet(self, stream):
        head = b""
        while b"\r\n\r\n" not in head:
            head += stream.recv(4096) or self.gone()
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        key = {name.lower(): value for name, value in fields.items()}["sec-websocket-key"]
        accept = base64.b64encode(hashlib.sha1(key.encode() + WEBSOCKET).digest()).decode()
        stream.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())

    @staticmethod
    def gone():
        raise EOFError

    def exactly(self, stream, count):
        piece = b""
        while len(piece) < count:
            piece += stream.recv(count - len(piece)) or self.gone()
        return piece

    def receive(self, stream):
        text = b""
        while True:
            first, second = self.exactly(stream, 2)
            size = second & 127
            if size == 126:
                size, = struct.unpack(">H", self.exactly(stream, 2))
            elif size == 127:
                size, = struct.unpack(">Q", self.exactly(stream, 8))
            mask = self.exactly(stream, 4)
            payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.exactly(stream, size)))
            if first & 15 == 8:
                return None
            text += payload
            if first & 128:
                return json.loads(text)

    def send(self, stream, message):
        text = json.dumps(message).encode()
        size = len(text)
        head = bytes([129]) + (bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 1 << 16
                               else b"\x7f" + struct.pack(">Q", size))
        stream.sendall(head + text)


if __name__ == "__main__":
    signer = Signer({"cert": sys.argv[2], "key": sys.argv[3]}, int(sys.argv[1]))
    print(f"wss://127.0.0.1:{signer.port} signs with {sys.argv[2]}; Ctrl-C ends it", flush=True)
    threading.Event().wait()
