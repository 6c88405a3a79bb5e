"""Refusals over HTTP/2.

Seen red: finq_reply_error, finq_reply_refuse without body_drain: curl shows error 92 in the place of some answers.
"""
import json

import pytest

from finqenv.process import clean_environ, run
from finqenv.uploads import Desk, padded

TRIES = 40
PDF = padded(200_000)


@pytest.fixture(scope="module")
def desk(make_module_server):
    return Desk(make_module_server(children=1, modules=("http2",), vhost="Protocols h2 http/1.1"))


def posted(desk, path, file, *options):
    """(curl's exit code, HTTP status) of a POST over HTTP/2."""
    httpd = desk.installation.httpd
    done = run("curl", "-sS", "--http2", "--cacert", httpd.authority.certificate, "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
               "-H", "Content-Type: application/json", *options, "--data-binary", f"@{file}", f"{httpd.url}{path}", check=False,
               env=clean_environ())
    version, status = done.stdout.split()
    assert version == "2" or done.returncode
    return done.returncode, int(status)


@pytest.mark.parametrize("path, status", [("/v1/nothing", 404), ("/v1s/sessions", 401), ("/v1/openapi.json", 405)])
@pytest.mark.parametrize("size", [2000, 60000])
def test_a_refusal_is_seen(desk, tmp_path, path, status, size):
    """By curl as Debian has it, whatever of the body was on its way."""
    file = tmp_path / "body"
    file.write_text(json.dumps({"client_id": "x" * size}))
    assert {posted(desk, path, file) for _ in range(TRIES)} == {(0, status)}


def test_a_larger_body_is_not_waited_for(desk, tmp_path):
    """More than FinqMaxBody is refused at once, whatever the client then shows."""
    file = tmp_path / "body"
    file.write_text(" " * 200_000)
    assert posted(desk, "/v1/sessions", file)[1] in (413, 0)


def test_a_draft_upload_is_told_its_address_first(desk, tmp_path):
    """By 104, which mod_http2 passes on. Red without announce."""
    user, httpd, file = desk.user(), desk.installation.httpd, tmp_path / "body"
    file.write_bytes(PDF.content)
    headers = {"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1", "X-Finq-Client-Id": desk.tenant.client_id,
               "X-Finq-Nonce": user.step_nonce, "X-Finq-Document": "film", "Content-Type": PDF.media_type}
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    done = run("curl", "-sS", "--http2", "--cacert", httpd.authority.certificate, "-D", "-", *words, "--data-binary", f"@{file}",
               f"{httpd.url}/v1/steps/{user.step_id}/upload", env=clean_environ())
    interim, answer, body = done.stdout.replace("\r\n", "\n").split("\n\n")
    assert interim.startswith("HTTP/2 104") and answer.startswith("HTTP/2 200") and json.loads(body)["size"] == len(PDF.content)
    address = interim.partition("location: ")[2].partition("\n")[0]
    where = user.client.request("HEAD", address, b"", {"Upload-Draft-Interop-Version": "8"})
    assert (where.status, where.headers["upload-complete"]) == (204, "?1")
