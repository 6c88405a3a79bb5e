"""How a connector and mod_finq prove to each other who they are: HMAC-SHA-256 under secrets that both have.

    X-Finq-Signature: v1=hex(HMAC(secret, kind "." connector "." id "." timestamp "." body))

`kind` is question, answer or decision. An answer has its question's id, so it answers that question alone.
"""
import hmac
import time

WINDOW = 300  # seconds


class Refused(Exception):
    """A message that is not to be believed; the text says why."""


def read_secrets(path):
    """The secrets of a file, one a line in hexadecimal; the first signs, all verify."""
    with open(path) as file:
        lines = [line.strip() for line in file]
    return [bytes.fromhex(line) for line in lines if line and not line.startswith("#")]


def _tag(secret, kind, connector, message_id, timestamp, body):
    head = f"{kind}.{connector}.{message_id}.{timestamp}.".encode()
    return hmac.new(secret, head + body, "sha256").hexdigest()


def sign(secrets, kind, connector, message_id, body, age=0):
    """The headers that go with a body, made `age` seconds ago."""
    timestamp = str(int(time.time()) - age)
    return {"X-Finq-Connector": connector, "X-Finq-Id": message_id, "X-Finq-Timestamp": timestamp,
            "X-Finq-Signature": "v1=" + _tag(secrets[0], kind, connector, message_id, timestamp, body)}


def verify(secrets, kind, connector, headers, body):
    """Raises Refused unless `body` came from who has one of the secrets, now, as `kind`. Returns its id."""
    message_id, timestamp = headers.get("X-Finq-Id", ""), headers.get("X-Finq-Timestamp", "")
    given = headers.get("X-Finq-Signature", "")
    if headers.get("X-Finq-Connector") != connector:
        raise Refused("it is for another connector")
    own = ["v1=" + _tag(secret, kind, connector, message_id, timestamp, body) for secret in secrets]
    if not any([hmac.compare_digest(given.encode(), tag.encode()) for tag in own]):
        raise Refused("the signature is wrong")
    if not timestamp.isdigit() or abs(int(timestamp) - time.time()) > WINDOW:
        raise Refused("it is too old, or from the future")
    return message_id
