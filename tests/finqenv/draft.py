"""Uploads that go on by the IETF's draft (contract section 13)."""

PIECE = "application/partial-upload"


def head_of(user, length, document="film", media_type="application/pdf", version=8, **headers):
    names = {"Upload-Draft-Interop-Version": version, "Content-Length": length, "Content-Type": media_type, "Connection": "close",
             "X-Finq-Client-Id": user.client.tenant.client_id, "X-Finq-Nonce": user.step_nonce, "X-Finq-Document": document,
             **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"POST /v1/steps/{user.step_id}/upload HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in names.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def begin(user, body, **headers):
    """The answers to a creation: the first is the interim one."""
    return user.client.raw(head_of(user, len(body), **headers) + body, silence=10)


def ask(user, method, address, body=b"", version=8, **headers):
    names = {"Upload-Draft-Interop-Version": str(version), **{name.replace("_", "-"): str(value) for name, value in headers.items()}}
    return user.client.request(method, address, body, names)


def append(user, address, at, body, complete, **headers):
    return ask(user, "PATCH", address, body, Upload_Offset=at, Upload_Complete=complete, **{"Content_Type": PIECE, **headers})
