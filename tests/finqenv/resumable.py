"""Uploads that are cut and go on, as clients of tus 1.0 send them (contract section 13)."""
import base64
import hashlib

PIECE = "application/offset+octet-stream"


def checksum(content, algorithm="sha1", of=None):
    """The value of Upload-Checksum."""
    return f"{algorithm} {base64.b64encode(hashlib.new(of or algorithm, content).digest()).decode()}"


class Tus:
    """A document of a user that is sent in pieces. `client` may be changed: another server of the same directory."""

    def __init__(self, user, document, content, media_type="image/png", length=None):
        self.client, self.user, self.document, self.content, self.media_type = user.client, user, document, content, media_type
        self.length, self.address = len(content) if length is None else length, None

    def _request(self, method, path, body=b"", **headers):
        names = {name.replace("_", "-"): str(value) for name, value in {"tus_resumable": "1.0.0", **headers}.items()
                 if value is not None}
        return self.client.request(method, path, body, names)

    def create(self, body=b"", **headers):
        """Begins it, with the first piece if there is a body."""
        metadata = f"filename {base64.b64encode(b'a name').decode()},filetype {base64.b64encode(self.media_type.encode()).decode()}"
        answer = self._request("POST", f"{self.client.base}/steps/{self.user.step_id}/upload", body, **{
            "x_finq_client_id": self.user.client.tenant.client_id, "x_finq_nonce": self.user.step_nonce, "x_finq_document": self.document,
            "upload_length": self.length, "upload_metadata": metadata, "content_type": PIECE if body else None, **headers})
        self.address = answer.headers.get("location", self.address)
        return answer

    def head(self, **headers):
        return self._request("HEAD", self.address, **headers)

    def offset(self):
        answer = self.head()
        assert answer.status == 204, answer
        return int(answer.headers["upload-offset"])

    def patch(self, offset, body, **headers):
        return self._request("PATCH", self.address, body, **{"upload_offset": offset, "content_type": PIECE, **headers})

    def send(self, size=None, offset=None):
        """Sends what is next, all that is left or so many bytes."""
        at = self.offset() if offset is None else offset
        return self.patch(at, self.content[at:] if size is None else self.content[at:at + size])

    def delete(self, **headers):
        return self._request("DELETE", self.address, **headers)

    def head_of(self, offset, length, **more):
        """The head of a PATCH, as bytes for a socket."""
        lines = [f"PATCH {self.address} HTTP/1.1", "Host: localhost", "Tus-Resumable: 1.0.0", f"Upload-Offset: {offset}",
                 f"Content-Type: {PIECE}", f"Content-Length: {length}", *(f"{name.replace('_', '-')}: {value}" for name, value in more.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


# -- what is held

def partials(desk, user):
    """{document: (upload_id, what it became)} of the user's step."""
    rows = desk.installation.psql(f"SELECT document, upload_id, stored FROM finq.partial WHERE step_id = '{user.step_id}'").splitlines()
    return {row.split("|")[0]: tuple(row.split("|")[1:]) for row in rows}


def stored(desk, user, document, content):
    """Demands that the document is stored, whole, and nothing else."""
    rows = desk.installation.psql("SELECT upload_id, encode(sha256, 'hex'), size FROM finq.upload"
                                  f" WHERE step_id = '{user.step_id}' AND document = '{document}'").split("|")
    assert rows[1:] == [hashlib.sha256(content).hexdigest(), str(len(content))]
    assert len(list(desk.directory.glob(f"2*/{rows[0]}"))) == 1
    return rows[0]
