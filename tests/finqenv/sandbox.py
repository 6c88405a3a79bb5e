"""The sandbox bank, the example connector behind it, and the visit of a user."""
import secrets
import subprocess
import sys
import urllib.parse

from .places import ROOT
from .process import Failure, alive, free_port, unbroken

MODULES = ("proxy", "proxy_http")
FORM = {"content-type": "application/x-www-form-urlencoded"}
CONNECTOR = """
ProxyPass /internal/{name} http://127.0.0.1:{port}/ask timeout={timeout} connectiontimeout=1 retry=0
FinqConnector {name} /internal/{name} "{secret}" {limit}
"""
PAGE = """
<Location "/sandbox">
    SetHandler finq-sandbox
    Require all granted
</Location>
"""


def new_secret(file):
    """A file with a secret for a connector and the module."""
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32) + "\n")
    return file


def choose(client, url, choice):
    """What the user does at the bank's page; returns the path that it sends the browser back to."""
    link = urllib.parse.urlsplit(url)
    form = {**dict(urllib.parse.parse_qsl(link.query)), "customer": "77", "pin": "1234", "current": "1", "choice": choice}
    answer = client.request("POST", link.path, urllib.parse.urlencode(form).encode(), FORM)
    if answer.status != 303:
        raise Failure(f"the bank's answer should have been 303, not {answer.status}")
    back = urllib.parse.urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def come_back(client, path):
    """The browser's return: (answer, parameters of the link that it is sent to)."""
    answer = client.request("GET", path)
    link = urllib.parse.urlsplit(answer.headers.get("location", ""))
    return answer, dict(urllib.parse.parse_qsl(link.query))


class Connector:
    """tests/connector as a process of its own; `vhost` is what httpd.conf says about it."""

    def __init__(self, name, directory):
        self.name, self.port, self._process = name, free_port(), None
        self.secret = new_secret(directory / f"{name}.secret")
        self.vhost = CONNECTOR.format(name=name, port=self.port, secret=self.secret, timeout=2, limit="")

    def start(self, page):
        """Starts it and waits until it listens. `page` is the sandbox bank's address."""
        program = ROOT / "tests/connector/run.py"
        with unbroken():
            self._process = subprocess.Popen([sys.executable, program, self.name, self.secret, str(self.port), page],
                                             stdout=subprocess.PIPE, text=True, start_new_session=True)
        if not self._process.stdout.readline():
            raise Failure(f"the connector {self.name} did not start")

    def stop(self):
        if self._process and alive(self._process.pid):
            self._process.terminate()
            self._process.wait(10)
