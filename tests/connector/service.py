"""The example connector as a service: HTTP/1.1 with kept-alive connections, idempotent by attempt."""
import collections
import http.server
import json
import sys
import threading
import time

from . import bank, protocol

SLOW_SECONDS = 3
LARGEST = 1 << 20


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is two writes: the second must not wait for the first one's receipt
    timeout = 60

    def do_POST(self):
        service = self.server.service
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LARGEST))
        try:
            message_id = protocol.verify(service.secrets, "question", service.name, self.headers, body)
        except protocol.Refused as refused:
            return self.send(401, json.dumps({"message": str(refused)}).encode())
        answer = json.dumps(service.answer(json.loads(body), dict(self.headers), self.connection)).encode()
        behaviour = service.behaviours.get(service.behaviour)
        if behaviour:
            return behaviour(self, message_id, answer)
        return self.send(200, answer, protocol.sign(service.secrets, "answer", service.name, message_id, answer))

    def send(self, status, body, headers=None, media_type="application/json"):
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
    """One connector on a port of its own. `seen` are the questions with their headers, in order. `behaviours` are ways of
    answering wrongly, for tests, of which `behaviour` names the one in force."""

    def __init__(self, name, secret_file, page="", port=0, behaviours=None):
        self.name, self.page = name, page
        self.secrets = protocol.read_secrets(secret_file)
        self.behaviours, self.behaviour = behaviours or {}, None
        self.seen, self.connections = [], set()
        self._answers, self._lock = collections.OrderedDict(), threading.Lock()
        self.server = _Server(("127.0.0.1", port), _Handler)
        self.server.service = self
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def answer(self, question, headers, connection):
        """The answer to a question; to one asked before, the same as then."""
        if bank.choice_of(question) == "slow":
            time.sleep(SLOW_SECONDS)
        key = question["attempt"], question["event"]
        with self._lock:
            self.seen.append((question, headers))
            self.connections.add(connection.getpeername())
            if key not in self._answers:
                self._answers[key] = bank.decide(question, self.page)
            return self._answers[key]

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
