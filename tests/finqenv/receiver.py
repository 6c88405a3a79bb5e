"""A tenant's own server for events, and finqctl outbox run as a service."""
import base64
import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import time

from .installation import FINQCTL
from .places import ROOT
from .process import clean_environ


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.got.append((dict(self.headers), body))
        if receiver.hold:
            receiver.hold(self)
        status = receiver.status
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Who asked has hung up: some tests kill it."""


class Receiver:
    """Answers `status` to everything; `hold`, where set, is called before. `got` are (headers, body), in order."""

    def __init__(self):
        self.got, self.status, self.hold = [], 200, None
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.receiver = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/events"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self):
        self.got, self.status, self.hold = [], 200, None

    def events(self):
        return [json.loads(body) for _, body in self.got]

    def types(self):
        return [event["type"] for event in self.events()]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def verifies(secret, headers, body):
    """Standard Webhooks, as its specification has it: which of the signatures is this secret's, None for none."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    names = {name.lower(): value for name, value in headers.items()}
    if abs(time.time() - int(names["webhook-timestamp"])) > 300:
        return None
    text = f"{names['webhook-id']}.{names['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    given = names["webhook-signature"].split(" ")
    return given.index(wanted) if wanted in given else None


class Runner:
    """finqctl outbox run, as systemd would run it."""

    def __init__(self, server, *options):
        environ = clean_environ(FINQ_DB=server.conninfo(), FINQ_SECRET_FILE=str(server.secret_file))
        self.process = subprocess.Popen([FINQCTL, "outbox", "run", *options], cwd=ROOT, env=environ, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def stop(self):
        """Ends it with SIGTERM; returns (exit status, output)."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    def kill9(self):
        self.process.kill()
        self.process.communicate(timeout=60)
