"""The example connector as a service: HTTP/1.1 with kept-alive connections, idempotent by attempt."""
import collections
import contextlib
import http.server
import json
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

from . import bank, protocol
from .ledger import Ledger

SLOW_SECONDS = 3
LATER_SECONDS = 2
LARGEST = 1 << 20


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is two writes: the second must not wait for the first one's receipt
    timeout = 60

    def do_POST(self):
        with self.server.service.answering():
            self._answer()

    def _answer(self):
        service = self.server.service
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LARGEST))
        try:
            message_id = protocol.verify(service.secrets, "question", service.name, self.headers, body)
        except protocol.Refused as refused:
            return self.send(401, json.dumps({"message": str(refused)}).encode())
        if service.is_deaf:
            return self.send(503, b"")
        service.bodies.append(body)
        answer = json.dumps(service.answer(json.loads(body), dict(self.headers), self.connection)).encode()
        behaviour = service.behaviours.get(service.behaviour)
        if behaviour:
            return behaviour(self, message_id, answer)
        return self.send(200, answer, protocol.sign(service.secrets, "answer", service.name, message_id, answer))

    def send(self, status, body, headers=None, media_type="application/json"):
        if status == 204:
            body = b""  # or it would stand before the next answer on the connection
        self.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A server that hung up on a late or broken answer is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Service:
    """One connector on a port of its own. `seen` are the questions with their headers, in order. `behaviours` are ways
    of answering wrongly, for tests, of which `behaviour` names the one in force; one that `is_deaf` does not even look. `decisions` is mod_finq's decision
    endpoint, `authority` a file of certificates to trust there; what it said to each decision is in `told`."""

    def __init__(self, name, secret_file, page="", port=0, behaviours=None, decisions="", authority=None):
        self.name, self.page = name, page
        self.decisions, self.authority, self.told = decisions, authority, []
        self.secrets = protocol.read_secrets(secret_file)
        self.behaviours, self.behaviour = behaviours or {}, None
        self.seen, self.bodies, self.connections = [], [], set()
        self.ledger, self.is_deaf = Ledger(), False
        self._answers, self._lock = collections.OrderedDict(), threading.Lock()
        self._idle, self._under_way = threading.Condition(), 0
        self.server = _Server(("127.0.0.1", port), _Handler)
        self.server.service = self
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    @contextlib.contextmanager
    def answering(self):
        with self._idle:
            self._under_way += 1
        try:
            yield
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def until_idle(self):
        """Until nobody is being answered: a slow answer, which its asker has given up, is given in the way that is in force at its end."""
        with self._idle:
            if not self._idle.wait_for(lambda: self._under_way == 0, 60):
                raise TimeoutError("a question has waited a minute for its answer")

    def answer(self, question, headers, connection):
        """The answer to a question; to one asked before, the same as then."""
        if bank.choice_of(question) == "slow":
            time.sleep(SLOW_SECONDS)
        key = question["attempt"], question["event"], question.get("state")
        with self._lock:
            self.seen.append((question, headers))
            self.connections.add(connection.getpeername())
            if question["event"] == "payment":
                return bank.decide(question, self.page, self.ledger)
            if key not in self._answers:
                self._answers[key] = bank.decide(question, self.page, self.ledger)
                self._decide_later(question)
            return self._answers[key]

    def _decide_later(self, question):
        if self.decisions and bank.choice_of(question) == "later":
            threading.Timer(LATER_SECONDS, self.tell, (question["step_id"], "accepted")).start()

    def tell(self, step_id, decision, reasons=(), attempts=5):
        """Sends a decision until it is heard. Returns the status, None where nobody was there."""
        body = json.dumps({"step_id": step_id, "decision": decision, "reasons": list(reasons)}).encode()
        status = None
        for pause in range(attempts):
            headers = protocol.sign(self.secrets, "decision", self.name, str(uuid.uuid4()), body)
            status = self._post(body, {"Content-Type": "application/json", **headers})
            if status and status < 500:
                break
            time.sleep(0.2 * 2 ** pause)
        self.told.append((step_id, decision, status))
        return status

    def _post(self, body, headers):
        context = ssl.create_default_context(cafile=self.authority) if self.decisions.startswith("https:") else None
        try:
            with urllib.request.urlopen(urllib.request.Request(self.decisions, body, headers), timeout=20,
                                        context=context) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
