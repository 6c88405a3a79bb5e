"""finqctl sign and verify: what --help shows works as it stands, and a server takes message signatures (RFC 9421) made so.

Seen red: @target-uri out of `covered` in src/sign/httpsig_sign.c; keyid_make without the client_id; keys_named that looks for the
whole keyid (the examples, and what is named); ctl_once_make that makes nothing (a server takes them).
"""
import json
import os
import re
import secrets
import subprocess

import pytest

from finqenv.installation import DEMO_SKILLS, FINQCTL
from finqenv.process import clean_environ, run
from finqenv.signing import Key, key_for

ALGORITHMS = ("rsa-v1_5-sha256", "rsa-pss-sha512", "ecdsa-p256-sha256", "ed25519")
SKILL = "xyz_card_sbx_#1.0"
URL = "https://api.example.com/v1s/sessions"
TENANT = "01890a5d-ac96-774b-bcce-b302099a8057"


def examples(verb):
    return re.findall(r"^  (finqctl .+)$", run(FINQCTL, verb, "--help").stdout.partition("\nExamples:\n")[2], re.MULTILINE)


def finqctl(directory, *words, status=0):
    done = subprocess.run([FINQCTL, *words], cwd=directory, env=clean_environ(), capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def folder(tmp_path):
    """Keys by the names of the examples, and a body."""
    for name, key in (("jws", Key()), ("message", key_for("ed25519"))):
        (tmp_path / f"{name}.pem").write_text(key.private_pem)
        (tmp_path / f"{name}.pub").write_text(key.pem)
    (tmp_path / "body.json").write_text('{"a": 1}')
    return tmp_path


def test_the_examples_of_help_work_as_they_stand(folder):
    signing, verifying = examples("sign"), examples("verify")
    assert len(signing) == len(verifying) == 2
    environ = clean_environ(PATH=f"{FINQCTL.parent}:{os.environ['PATH']}")
    for lines in zip(signing, verifying):
        done = subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=folder, env=environ, capture_output=True, text=True)
        told = json.loads(done.stdout)
        assert done.returncode == 0 and told["good"] and told["passed"][-1] == "digest", lines


MESSAGE = ["--algorithm", "ed25519", "--url", URL]


def test_what_a_message_signature_does_not_cover_any_more_is_named(folder):
    headers = finqctl(folder, "sign", "--key", "message.pem", *MESSAGE, "--tenant", TENANT.upper(), "body.json").stdout
    assert f'keyid="{TENANT}/' in headers and headers.count("\n") == 3

    def explained(*options, url=URL, text=headers, key="message.pub"):
        done = finqctl(folder, "verify", "--key", key, "--algorithm", "ed25519", "--url", url, *options, text, "body.json", status=1)
        told = json.loads(done.stdout)
        assert not told["good"]
        return told["failed"], told["passed"]
    elsewhere = "https://api.example.com/v1s/tokens"
    failed, passed = explained(url=elsewhere)
    assert "(signature)" in failed and elsewhere in failed and passed == ["header", "form"]
    assert "(signature)" in explained("--method", "PUT")[0]
    assert "(unknown kid)" in explained(text=headers.replace(f"{TENANT}/", ""))[0], "a bare kid is nobody's"
    assert "(no header)" in explained(text="Content-Digest: x")[0]
    (folder / "body.json").write_text('{"a":1}')
    failed, passed = explained()
    assert "(digest)" in failed and passed[-1] == "times"


@pytest.mark.parametrize("words, told", [
    (["sign", "--key", "jws.pem", "body.json"], "a token (RS256) names its issuer: give --issuer"),
    (["sign", "--key", "jws.pem", "--issuer", "x", "--url", URL, "body.json"], "--url is for message signatures"),
    (["sign", "--key", "message.pem", "--algorithm", "ed25519", "body.json"], "covers the address: give --url"),
    (["sign", "--key", "message.pem", *MESSAGE, "body.json"], "give --tenant CLIENT_ID"),
    (["sign", "--key", "message.pem", "--algorithm", "ed25519", "--url", "/v1s/sessions", "--tenant", TENANT, "body.json"], "a whole address"),
    (["sign", "--key", "message.pem", "--algorithm", "ed25519", "--url", f"{URL}#x", "--tenant", TENANT, "body.json"], "a whole address"),
    (["verify", "--key", "message.pub", "--algorithm", "ed25519", "x", "body.json"], "covers the address: give --url")])
def test_what_each_scheme_needs_is_said(folder, words, told):
    assert told in finqctl(folder, *words, status=2).stderr


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_server_takes_them(server, tmp_path, algorithm):
    """And once where they are made for once."""
    tenant, key = server.create_tenant(f"Messages by finqctl {secrets.token_hex(4)}", DEMO_SKILLS), key_for(algorithm)
    server.add_key(tenant, "messages@bank.example", key.pem, "--algorithm", algorithm)
    (tmp_path / "key.pem").write_text(key.private_pem)

    def sign(method, url, _headers, body):
        (tmp_path / "body").write_bytes(body)
        made = finqctl(tmp_path, "sign", "--key", "key.pem", "--algorithm", algorithm, "--tenant", tenant.client_id, "--url", url,
                       "--method", method, "--jti", "body").stdout
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in made.splitlines())}
    client = server.client(tenant, base="/v1s", sign=sign)
    assert client.start_session(SKILL).status == 200
    body = json.dumps({"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": SKILL})
    once = sign("POST", f"{server.httpd.url}/v1s/sessions", {}, body.encode())
    client.sign = lambda *_: once
    assert "(digest)" in client.call("/sessions", body + " ")["message"]
    assert client.call("/sessions", body).status == 200
    assert "(jti)" in client.call("/sessions", body)["message"]
    client.close()
