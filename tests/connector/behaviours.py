"""Ways in which a connector can go wrong. Each has the request's handler, the question's id and the right answer."""
import json
import time

from . import protocol

LATE_SECONDS = 4
TRICKLE_SECONDS = 0.7


def _signed(handler, message_id, body, age=0):
    service = handler.server.service
    return protocol.sign(service.secrets, "answer", service.name, message_id, body, age)


def status(number):
    """An HTTP status, with the right body and signature."""
    return lambda handler, message_id, answer: handler.send(number, answer, _signed(handler, message_id, answer))


def says(body, media_type="application/json"):
    """A body of its own, signed."""
    return lambda handler, message_id, _: handler.send(200, body, _signed(handler, message_id, body), media_type)


def changed(**headers):
    """The right answer with other headers."""
    def send(handler, message_id, answer):
        handler.send(200, answer, {**_signed(handler, message_id, answer), **headers})
    return send


def unsigned(handler, _, answer):
    handler.send(200, answer)


def reflects(handler, _message_id, _answer):
    """The question itself, with the question's own signature: what anyone between the two could send."""
    body = json.dumps(handler.server.service.seen[-1][0], separators=(",", ":"), ensure_ascii=False).encode()
    names = ("X-Finq-Connector", "X-Finq-Id", "X-Finq-Timestamp", "X-Finq-Signature")
    handler.send(200, body, {name: handler.headers[name] for name in names})


def replays():
    """The first answer that it ever gave, whatever is asked."""
    kept = []

    def send(handler, message_id, answer):
        kept.append((answer, _signed(handler, message_id, answer)))
        handler.send(200, *kept[0])
    return send


def stale(handler, message_id, answer):
    """An answer signed ten minutes ago."""
    handler.send(200, answer, _signed(handler, message_id, answer, age=600))


def late(handler, message_id, answer):
    time.sleep(LATE_SECONDS)
    handler.send(200, answer, _signed(handler, message_id, answer))


def trickles(handler, message_id, answer):
    """The right answer, a byte now and then: none comes too late."""
    handler.send(200, answer[:1], {**_signed(handler, message_id, answer), "Content-Length": str(len(answer))})
    for i in range(1, len(answer)):
        time.sleep(TRICKLE_SECONDS)
        handler.wfile.write(answer[i:i + 1])


def hangs_up(handler, _message_id, _answer):
    """Closes the connection without a word."""
    handler.close_connection = True


def cut_off(handler, message_id, answer):
    """Announces more than it sends."""
    headers = {**_signed(handler, message_id, answer), "Content-Length": str(len(answer) + 100)}
    handler.send(200, answer, headers)
    handler.close_connection = True


def twice(handler, message_id, answer):
    """A second answer behind the first, on the same connection."""
    for _ in range(2):
        handler.send(200, answer, _signed(handler, message_id, answer))


def no_http(handler, _message_id, _answer):
    handler.wfile.write(b"\x00\x01garbage\r\n\r\n")
    handler.close_connection = True


HTML = b"<!doctype html><title>Maintenance</title>"
BEHAVIOURS = {
    "html": says(HTML, "text/html"),
    "html as json": says(HTML),
    "another type": says(b'{"verdict":"accepted"}', "text/plain"),
    "empty": says(b""),
    "too large": says(b'{"verdict":"accepted","data":{"a":"' + b"x" * 10_000_000 + b'"}}'),
    "just too large": says(b'{"verdict":"accepted"}' + b" " * (65536 - 21)),
    "just not too large": says(b'{"verdict":"accepted"}' + b" " * (65536 - 22)),
    "wrong shape": says(b'{"verdict":"accepted","url":"https://bank.example/"}'),
    "doubled": says(b'{"verdict":"failed","verdict":"accepted"}'),
    "foreign redirect": says(b'{"verdict":"redirect","method":"GET","url":"http://evil.example/","headers":{},'
                             b'"expires_at":"2026-01-01T00:00:00Z"}'),
    "unsigned": unsigned,
    "reflects": reflects,
    "stale": stale,
    "another signature": changed(**{"X-Finq-Signature": "v1=" + "0" * 64}),
    "another time": changed(**{"X-Finq-Timestamp": str(int(time.time()) - 1)}),
    "late": late,
    "trickles": trickles,
    "hangs up": hangs_up,
    "cut off": cut_off,
    "twice": twice,
    "no http": no_http,
    **{str(number): status(number) for number in
       (201, 204, 301, 302, 400, 401, 403, 404, 407, 429, 500, 502, 503, 504)},
}
