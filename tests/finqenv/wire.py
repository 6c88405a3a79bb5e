"""HTTP as bytes, for requests that no client library would send; and what two answers have in common."""
import json
import re
import socket

from .client import _KeepOpen, read_answer

CHANGING = {"date", "x-request-id"}
ID = re.compile(rb'^\{"id":"[0-9a-f-]{36}",')


def request(path, body=b"", headers=(), method="POST", version="HTTP/1.1", length=True):
    """One request. `headers` are lines; Content-Length is added unless `length` is off."""
    lines = [f"{method} {path} {version}", "Host: localhost", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(body, size=4096):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def steady(answer):
    """What must be equal where two answers must not differ: everything but the time and the request's id."""
    headers = {name: value for name, value in answer.headers.items() if name not in CHANGING}
    return answer.status, headers, ID.sub(b'{"id":"",', answer.body)


# Members that errors of a code have beside the message: always, and where it is the module that refuses.
FACTS = {"missing_fields": {"fields"}, "unknown_fields": {"fields"}, "missing_uploads": {"documents"}, "invalid_step": {"expected_step"}}
SOMETIMES = {"payload_too_large": {"max_bytes"}, "unsupported_media_type": {"accepted"}}


def is_error(answer, http, code):
    """Whether an answer is the contract's error object, complete and consistent."""
    body = answer.json
    kinds = {401: "unauthorized", 500: "internal_error", 503: "internal_error", 507: "internal_error"}
    assert (answer.status, answer.code) == (http, code), answer.body
    told = {"id", "type", "http", "code", "message"} | FACTS.get(code, set())
    assert told <= set(body) <= told | {"details"} | SOMETIMES.get(code, set())
    assert body["http"] == http and body["type"] == kinds.get(http, "invalid_request")
    assert body["id"] == answer.headers["x-request-id"] and body["message"]
    assert answer.headers["content-type"] == "application/json" and answer.headers["cache-control"] == "no-store"
    assert answer.body == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(), "compact"
    return True


class Volley:
    """Requests that reach their servers all but for the last byte, and then all at once."""

    def __init__(self, targets):
        """`targets`: (port, bytes) each, over plain HTTP."""
        self._sockets = []
        for port, data in targets:
            connection = socket.create_connection(("127.0.0.1", port), 30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(data[:-1])
            self._sockets.append((connection, data[-1:]))

    def fire(self):
        for connection, last in self._sockets:
            connection.sendall(last)

    def answers(self):
        """In the order of the targets; None where the connection was cut."""
        found = []
        for connection, _ in self._sockets:
            with connection, connection.makefile("rb") as file:
                try:
                    found.append(read_answer(_KeepOpen(file)))
                except ConnectionError:
                    found.append(None)
        return found
