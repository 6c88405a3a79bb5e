"""A client of the API, as a tenant would write it: http.client, JSON, one kept-alive connection."""
import dataclasses
import http.client
import io
import json
import secrets
import select
import socket
import ssl
import time
import urllib.parse
import weakref


@dataclasses.dataclass
class Answer:
    """One HTTP answer. `json` is None where the body is none."""
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def code(self):
        """The contract's error code, or None."""
        return self.json.get("code") if isinstance(self.json, dict) else None

    def __getitem__(self, name):
        return self.json[name]


@dataclasses.dataclass
class Document:
    """A file to upload."""
    name: str
    media_type: str
    content: bytes


def read_answer(connection_file):
    """Reads one HTTP answer from the bytes of a socket; None at its end."""
    class Pretend:
        def makefile(self, *_):
            return connection_file
    response = http.client.HTTPResponse(Pretend())
    try:
        response.begin()
    except (http.client.BadStatusLine, ConnectionError):
        return None
    return _answer(response)


def _answer(response):
    headers = {}
    for name, value in response.getheaders():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return Answer(response.status, headers, response.read())


def multipart(fields, document, boundary=None):
    """(content type, body) of a form: the text parts first, then the file."""
    boundary = boundary or secrets.token_hex(12)
    head = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                   for name, value in fields.items())
    head += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{document.name}"\r\n'
             f"Content-Type: {document.media_type}\r\n\r\n")
    body = head.encode() + document.content + f"\r\n--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", body


class _WholeConnection(http.client.HTTPConnection):
    """Head and body of a request come together: who looks at httpd from outside meets no request that waits for its body."""

    def request(self, *args, **kwargs):
        if not self.sock:
            self.connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        super().request(*args, **kwargs)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


class _NamedConnection(http.client.HTTPSConnection):
    """A connection whose server is known under another name than its address."""

    def __init__(self, *arguments, name, **options):
        super().__init__(*arguments, **options)
        self._name = name

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


class Client:
    """`tenant` has client_id, client_secret and client_app_key. `seen`, where given, is called with
    (method, path, headers, body, answer) after each call, and `sign` with (method, URL, headers, body) before: it returns
    the headers to add. `host` names a virtual host that no DNS knows. The test suite sets `check`: called with (method,
    path below the base, answer) after each answer of the API, it holds that against conf/openapi.yaml."""

    check = None
    KEPT = 1  # seconds: half of the shortest KeepAliveTimeout of any server here
    _all = weakref.WeakSet()
    _renewed = 0  # when the connections that had been made became doubtful

    def __init__(self, url, tenant, authority=None, base="/v1", seen=None, host=None, sign=None):
        self.url, self.tenant, self.base, self.seen = urllib.parse.urlsplit(url), tenant, base, seen
        self.host, self.sign = host or self.url.hostname, sign
        # localhost may be ::1 as well, and limits count addresses: a client has one of them.
        self._address = "127.0.0.1" if self.url.hostname == "localhost" else self.url.hostname
        self._context = ssl.create_default_context(cafile=authority) if self.url.scheme == "https" else None
        self._connection = None
        self._made = self._used = 0
        self._all.add(self)

    # -- bytes

    def _connect(self, timeout):
        if self._context:
            return _NamedConnection(self._address, self.url.port, timeout=timeout, context=self._context, name=self.host)
        return _WholeConnection(self._address, self.url.port, timeout=timeout)

    def close(self):
        if self._connection:
            self._connection.close()
        self._connection = None

    @classmethod
    def close_all(cls):
        for client in list(cls._all):
            client.close()

    @classmethod
    def renew(cls):
        """Each client makes a new connection for its next request. Whoever has done what may cost kept ones calls it: httpd ends
        those of a generation that goes, and all that are idle while its threads are busy, at any moment."""
        cls._renewed = time.monotonic()

    def _is_doubtful(self):
        """Whether the server may be about to end the connection, or has: nothing else may be waiting on an idle one."""
        now = time.monotonic()
        return (self._made <= Client._renewed or now - self._used > self.KEPT or not self._connection.sock
                or bool(select.select([self._connection.sock], [], [], 0)[0]))

    def request(self, method, path, body=b"", headers=None, timeout=30):
        """One request as given, sent once, on the kept connection, where nothing speaks against it, or a new one. A connection
        that the server cuts is the caller's to see: a silent second try would hide a crash, and may do a thing twice."""
        if self._connection and self._is_doubtful():
            self.close()
        if not self._connection:
            self._connection, self._made = self._connect(timeout), time.monotonic()
        if self.sign:
            url = f"{self.url.scheme}://{self.host}:{self.url.port}{path}"
            headers = {**(headers or {}), **self.sign(method, url, headers or {}, body)}
        try:
            self._connection.request(method, path, body, {"Host": f"{self.host}:{self.url.port}", **(headers or {})})
            answer = _answer(self._connection.getresponse())
            self._used = time.monotonic()
        except BaseException:
            self.close()
            raise
        if Client.check and self.base and path.startswith(f"{self.base}/"):
            Client.check(method, path.removeprefix(self.base), answer)
        if self.seen:
            self.seen(method, path, headers or {}, body, answer)
        return answer

    def call(self, path, body, **headers):
        """POSTs JSON to a path below the base: a dict, or the text itself. Headers as content_type="…"."""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        names = {"content-type": "application/json", **{n.replace("_", "-"): v for n, v in headers.items()}}
        return self.request("POST", self.base + path, text.encode() if isinstance(text, str) else text, names)

    def open_socket(self, timeout=30):
        """A connected socket, TLS done, for what http.client would not send."""
        plain = socket.create_connection((self._address, self.url.port), timeout)
        return self._context.wrap_socket(plain, server_hostname=self.host) if self._context else plain

    def raw(self, data, silence=30, answers=1):
        """Sends bytes and returns the answers until the server closes. It may take its time for so many `answers`, and ends by so many
        seconds of `silence` behind them."""
        wanted, answers = answers, []
        with self.open_socket() as connection, connection.makefile("rb") as file:
            connection.sendall(data)
            try:
                while answer := read_answer(_KeepOpen(file)):
                    answers.append(answer)
                    if len(answers) == wanted:
                        connection.settimeout(silence)
            except (TimeoutError, ConnectionError, ssl.SSLError):
                pass
        return answers

    # -- the flow

    def start_session(self, skill, **more):
        return self.call("/sessions", {"client_id": self.tenant.client_id, "skill": skill,
                                       "client_app_key": self.tenant.client_app_key, **more})

    def submit(self, session, step, data, **more):
        """`session` has session_id, nonce and skill: as Onboarding has, or any object."""
        return self.call(f"/sessions/{session.session_id}/steps",
                         {"client_id": self.tenant.client_id, "nonce": session.nonce, "skill": session.skill,
                          "step": step, "data": data, **more})

    def upload_form(self, step_id, nonce, document, file):
        """multipart/form-data."""
        fields = {"client_id": self.tenant.client_id, "nonce": nonce, "document": document}
        media_type, body = multipart(fields, file)
        return self.call(f"/steps/{step_id}/upload", body, content_type=media_type)

    def upload_raw(self, step_id, nonce, document, file):
        """The file itself as the body."""
        return self.call(f"/steps/{step_id}/upload", file.content, content_type=file.media_type,
                         x_finq_client_id=self.tenant.client_id, x_finq_nonce=nonce, x_finq_document=document)

    def exchange(self, temp_token, path="/tokens", **more):
        return self.call(path, {"client_id": self.tenant.client_id, "client_secret": self.tenant.client_secret,
                                "temp_token": temp_token, **more})

    def consent(self, verb, credentials, **more):
        """POSTs to /consents/{verb} about what an exchange gave."""
        return self.call(f"/consents/{verb}", {"client_id": self.tenant.client_id, "client_secret": self.tenant.client_secret,
                                               "credentials_id": credentials["credentials_id"],
                                               "access_token": credentials["access_token"], **more})

    def user(self, verb, **whose):
        """POSTs to /users/{verb} about a person: tenant_user_id=…, or credentials_id=… and access_token=…."""
        return self.call(f"/users/{verb}", {"client_id": self.tenant.client_id, "client_secret": self.tenant.client_secret, **whose})

    def data(self, path, credentials, **more):
        """POSTs for account data."""
        return self.call(path, {"client_id": self.tenant.client_id, "client_secret": self.tenant.client_secret,
                                "credentials_id": credentials["credentials_id"], "access_token": credentials["access_token"], **more})

    def consents(self, **more):
        """POSTs to /consents/list."""
        return self.call("/consents/list", {"client_id": self.tenant.client_id, "client_secret": self.tenant.client_secret, **more})


class _KeepOpen(io.RawIOBase):
    """A file that its reader cannot close: several answers follow each other on one connection."""

    def __init__(self, file):
        self._file = file

    def readable(self):
        return True

    def readline(self, limit=-1):
        return self._file.readline(limit)

    def read(self, size=-1):
        return self._file.read(size)

    def readinto(self, buffer):
        return self._file.readinto(buffer)

    def close(self):
        pass


class Onboarding:
    """One user's way through a skill: keeps what the next request needs."""

    def __init__(self, client, skill):
        self.client, self.skill = client, skill
        self.session_id = self.nonce = self.step_id = self.temp_token = None
        self.step_nonce = None  # the nonce that the last step was submitted with: its uploads need it

    def start(self, **more):
        answer = self.client.start_session(self.skill, **more)
        if answer.status == 200:
            self.session_id, self.nonce = answer["session_id"], answer["nonce"]
        return answer

    def submit(self, step, data, **more):
        answer = self.client.submit(self, step, data, **more)
        if answer.status == 200:
            self.step_id, self.step_nonce = answer["step_id"], self.nonce
            self.nonce, self.temp_token = answer.json.get("nonce"), answer.json.get("temp_token")
        return answer

    def upload(self, document, file, form=False):
        send = self.client.upload_form if form else self.client.upload_raw
        return send(self.step_id, self.step_nonce, document, file)

    def exchange(self, path="/tokens"):
        return self.client.exchange(self.temp_token, path)
