"""Uploads as tests look at them: a skill with a document of each kind, its user, and what disk and database hold."""
import contextlib
import json
import pathlib
import socket
import uuid

from .client import Client, Document, Onboarding
from .process import until

SKILL = "upload_test_sbx_#1.0"
LARGE = 256 * 1024 * 1024
SMALL = 100_000
PICTURES = ["image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "image/avif", "image/tiff"]


def _document(name, media_types, max_bytes=SMALL, required=False):
    return {"document": name, "title": name, "required": required, "media_types": media_types, "max_bytes": max_bytes}


DEFINITION = {
    "name": SKILL, "title": "Uploads", "type": "marketplace", "environment": "sandbox",
    "servicer": {"name": "Upload Bank", "country": "Romania"},
    "steps": [
        {"name": "papers", "title": "Papers", "schema": {"type": "object"},
         "uploads": [_document("photo", ["image/png", "image/jpeg"]), _document("paper", ["application/pdf"]),
                     _document("film", ["application/pdf"], LARGE), _document("picture", PICTURES),
                     _document("heic", ["image/heic"]), _document("heif", ["image/heif"])]},
        {"name": "last", "title": "Last", "schema": {"type": "object"},
         "uploads": [_document("late", ["image/png", "application/pdf"], required=True)]}]}


class Desk:
    """An installation with the skill, one tenant that may use it, and a client over TLS and one over plain HTTP."""

    def __init__(self, installation, name=None):
        self.installation = installation
        file = installation.directory / "upload_test.json"
        file.write_text(json.dumps(DEFINITION))
        installation.finqctl("skill", "publish", file)
        self.tenant = installation.create_tenant(name or f"Uploads {uuid.uuid4()}", (SKILL,))
        self.client = installation.client(self.tenant)
        port = installation.httpd.settings.plain_port
        self.plain = Client(f"http://localhost:{port}", self.tenant) if port else None
        self.directory = pathlib.Path(installation.httpd.settings.directives["FinqUploadDir"])

    def user(self, client=None):
        """A user who has submitted the first step, and may upload to it."""
        user = Onboarding(client or self.client, SKILL)
        assert user.start().status == 200
        assert user.submit("papers", {}).status == 200
        return user

    # -- what is held

    def files(self):
        """Every file below the upload directory but its mark, staged ones too: {path: size}. One that goes while we look is gone."""
        sizes = {}
        for path in self.directory.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if not path.is_dir() and path != self.directory / "id":
                    sizes[str(path.relative_to(self.directory))] = path.stat().st_size
        return sizes

    def mark(self):
        """What the ids of its uploads end with, in hexadecimal digits."""
        return (self.directory / "id").read_text().strip()

    def staged(self):
        return sorted(path.name for path in (self.directory / "staging").iterdir())

    def placed(self):
        return sorted(path.name for path in self.directory.glob("2*/*"))

    def rows(self, step_id):
        """{document: upload_id} of a step."""
        lines = self.installation.psql(f"SELECT document, upload_id FROM finq.upload WHERE step_id = '{step_id}'")
        return dict(line.split("|") for line in lines.splitlines())

    def held(self, step_id):
        """Files and rows, to be compared with a later look."""
        return self.files(), self.rows(step_id)

    def wait_unchanged(self, step_id, before):
        """Waits until what is held is what was held: of a client that went away, the server learns a moment later."""
        until(lambda: self.held(step_id) == before, what="the end of an upload without a trace")


# -- raw requests

def _lines(lines, keep, more):
    more = {"Connection": "keep-alive" if keep else "close", **more}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def head(user, length=None, document="photo", media_type="image/png", keep=False, **more):
    """The head of an upload whose body is the file. Without a length, chunked. The connection is kept on demand."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [f"POST /v1/steps/{user.step_id}/upload HTTP/1.1", "Host: localhost", framing,
             f"X-Finq-Client-Id: {user.client.tenant.client_id}", f"X-Finq-Nonce: {user.step_nonce}",
             f"X-Finq-Document: {document}", f"Content-Type: {media_type}"]
    return _lines(lines, keep, more)


def form_head(user, boundary, length=None, content_type=None, keep=False, **more):
    """The head of an upload as a form."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [f"POST /v1/steps/{user.step_id}/upload HTTP/1.1", "Host: localhost", framing,
             f"Content-Type: {content_type or f'multipart/form-data; boundary={boundary}'}"]
    return _lines(lines, keep, more)


def part(name, content, *headers, disposition=None):
    """One part of a form, without the delimiter before it."""
    lines = [disposition or f'Content-Disposition: form-data; name="{name}"', *headers]
    text = b"\r\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    return text + b"\r\n\r\n" + (content if isinstance(content, bytes) else content.encode()) + b"\r\n"


def parts_of(user, file, document="photo"):
    """The four parts of a right form, in their order."""
    return [part("client_id", user.client.tenant.client_id), part("nonce", user.step_nonce),
            part("document", document),
            part("file", file.content, f"Content-Type: {file.media_type}",
                 disposition=f'Content-Disposition: form-data; name="file"; filename="{file.name}"')]


def form(boundary, parts, end=True):
    mark = b"--" + boundary.encode()
    return b"".join(mark + b"\r\n" + each for each in parts) + (mark + b"--\r\n" if end else b"")


def chunks(*pieces, end=True):
    """Chunked coding: each piece one chunk, as the server will read it."""
    text = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return text + (b"0\r\n\r\n" if end else b"")


def connect(client, timeout=30):
    """A plain socket to a client's server that sends what it is given at once."""
    plain = client.open_socket(timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def padded(size, start=b"%PDF-1.4\n"):
    """A document of a size."""
    return Document("padded.pdf", "application/pdf", start + b"x" * (size - len(start)))
