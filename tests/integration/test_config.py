"""The directives: what each takes, says and defaults to, and where none of them may stand.

Seen red: the bounds of `numbers` in src/httpd/host/settings.c moved by one; RSRC_CONF with OR_FILEINFO added; see_handler
without is_plain_location; src/crypto/secret_file.c without each of its refusals; server_check without each of its.
"""
import os
import random
import secrets

import pytest

from finqenv.client import Client
from finqenv.flows import AISP, CARD, begin, submit, walk
from finqenv.httpd import Httpd
from finqenv.installation import MODULE
from finqenv.process import Failure, run
from finqenv.wire import is_error, request

NUMBERS = {  # name: (lowest, highest, default, unit)
    "FinqNonceTTL": (10, 86400, 1800, "seconds"), "FinqTempTokenTTL": (10, 86400, 1800, "seconds"),
    "FinqSessionTTL": (60, 2592000, 86400, "seconds"), "FinqCacheTTL": (0, 300, 5, "seconds"),
    "FinqDatabaseTimeout": (1, 60, 5, "seconds"), "FinqMaxBody": (1024, 1048576, 65536, "bytes"),
    "FinqMaxMegapixels": (1, 10000, 100, "megapixels"), "FinqMaxUploads": (0, 100000, 0, "uploads"), "FinqDatabaseConcurrency": (0, 100000, 0, "connections")}
OTHERS = ["FinqSecretFile", "FinqDataKey", "FinqReceiptKey", "FinqUploadDir", "FinqPreparedStatements", "FinqAllowHeaders", "FinqAllowOrigin"]


@pytest.fixture
def draft(server, tmp_path_factory):
    """An httpd that is configured and never started, with all that it needs."""
    directory = server.directory / f"draft-{secrets.token_hex(4)}"
    httpd = Httpd(directory, module=str(MODULE), database=server.httpd.settings.database, asan=server.httpd.settings.asan)
    httpd.settings.directives = {"FinqSecretFile": server.secret_file, "FinqDataKey": server.data_key_file, "FinqUploadDir": httpd.writable("uploads")}
    return httpd


def refused(draft, *words):
    ok, said = draft.configtest()
    said = " ".join(said.split())
    assert not ok and "Segmentation" not in said, said
    for word in words:
        assert word in said, said
    return said


def test_the_least_that_is_needed(draft):
    assert draft.configtest()[0]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(draft, name):
    low, high, _, unit = NUMBERS[name]
    for value in (low, high, low + 1):
        assert draft.configtest({name: value})[0], value
    for value in (low - 1, high + 1, "x", "1.5", "10x", "-1", "99999999999999999999", "0x10"):
        ok, said = draft.configtest({name: value})
        said = " ".join(said.split())
        assert not ok, value
        assert f"{name} must be a whole number of {unit} from {low} to {high}" in said, said


@pytest.mark.parametrize("value, ok", [("30min", True), ("1h", True), ("1800s", True), ("1800000ms", True), ("1500ms", False), ("2d", False)])
def test_times_may_have_units(draft, value, ok):
    assert draft.configtest({"FinqNonceTTL": value})[0] == ok


@pytest.mark.parametrize("value, ok", [
    ("https://app.example.com", True), ("http://localhost:3000", True), ("https://a.example https://b.example", True), ("*", True),
    ("none", True), ("https://app.example.com/", False), ("https://app.example.com/x", False), ("app.example.com", False),
    ("https://App.example.com", False), ("ftp://app.example.com", False), ("https://", False), ("https://u@app.example.com", False),
    ("https://a.example?x", False), ("null", False), ("https://*.example.com", False), ("https://a.example:443", False),
    ("http://a.example:80", False), ("capacitor://localhost ionic://localhost app://localhost tauri://localhost", True),
    ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", True), ("file://localhost", False), ("Capacitor://localhost", False),
    ("safari-web-extension://5D1D8A0C-7E5A-4B5C-9E42-3F0E6C0E7A11", True), ("javascript://localhost", False),
    ("capacitor://localhost/", False), ("capacitor://", False), ("https://bücher.example", False)])
def test_origins(draft, value, ok):
    """What no browser ever sends is refused, or a page would be shut out by a slip of the pen."""
    done, said = draft.configtest({"FinqAllowOrigin": value})
    assert done == ok
    assert ok or "FinqAllowOrigin takes origins such as https://app.example.com, * for any, or none" in " ".join(said.split())


@pytest.mark.parametrize("value, spelt", [("https://bücher.example:8443", "https://xn--bcher-kva.example:8443"),
                                          ("https://ȘTIRI.example", "https://xn--tiri-pxb.example")])
def test_the_punycode_of_an_origin_is_named(draft, value, spelt):
    said = " ".join(draft.configtest({"FinqAllowOrigin": value})[1].split())
    assert f"which browsers send as {spelt}" in said and draft.configtest({"FinqAllowOrigin": spelt})[0]


@pytest.mark.parametrize("value, ok", [("none", True), ("X-App-Version X-B3-TraceId", True), ("*", False), ("X-App,Y", False),
                                       ('"X App"', False), ("X-App:", False)])
def test_headers_of_other_origins(draft, value, ok):
    done, said = draft.configtest({"FinqAllowHeaders": value})
    assert done == ok
    assert ok or "FinqAllowHeaders takes names of headers such as X-App-Version, or none" in " ".join(said.split())


@pytest.mark.parametrize("value, ok", [("on", True), ("off", True), ("maybe", False)])
def test_prepared_statements(draft, value, ok):
    assert draft.configtest({"FinqPreparedStatements": value})[0] == ok


@pytest.mark.parametrize("name", [*NUMBERS, *OTHERS])
def test_no_directive_stands_in_a_section_of_paths(draft, name):
    draft.settings.location = f"{name} 100"
    refused(draft, f"{name} not allowed in <Location> context")


# -- what is missing

@pytest.mark.parametrize("name, words", [("FinqSecretFile", "FinqSecretFile is not set: openssl rand -hex 32"),
                                         ("FinqDataKey", "FinqDataKey is not set: openssl rand -hex 32"),
                                         ("FinqUploadDir", "FinqUploadDir is not set")])
def test_a_directive_that_is_missing(draft, name, words):
    del draft.settings.directives[name]
    refused(draft, words, "localhost")


def test_mod_dbd_is_missing(draft, monkeypatch):
    monkeypatch.setattr("finqenv.httpd_conf.MODULES", [m for m in __import__("finqenv.httpd_conf").httpd_conf.MODULES if m != "dbd"])
    draft.settings.database = ""
    refused(draft, "mod_dbd is not loaded: a2enmod dbd")


def test_a_host_without_the_handler_needs_nothing(draft):
    draft.settings.module, draft.settings.directives = "", {}
    draft.settings.server = f'LoadModule finq_module "{MODULE}"'
    assert draft.configtest()[0]


# Drawn from a fixed seed: each worker has to give a test the same name.
DRAW = random.Random(1)
SECRET = DRAW.randbytes(32).hex()


@pytest.mark.parametrize("text, words", [
    (None, "cannot be read (No such file or directory)"), ("", "is empty"), ("\n\n", "is empty"), ("# a comment\n", "is empty"),
    ("abc\n", "has a line that is no secret"), (SECRET[:62] + "\n", "has a line that is no secret"),
    (SECRET + "0\n", "has a line that is no secret"), (SECRET[:-1] + "g\n", "has a line that is no secret"),
    (f"{SECRET}\nshort\n", "has a line that is no secret"), (" " + SECRET + "\n", "has a line that is no secret"),
    ("".join(DRAW.randbytes(32).hex() + "\n" for _ in range(17)), "has more than 16 secrets"),
    ("#" * 20000, "is larger than 16 KiB"),
])
def test_secret_files_that_will_not_do(draft, tmp_path, text, words):
    file = tmp_path / "secret"
    if text is not None:
        file.touch(mode=0o600)
        file.write_text(text)
    draft.settings.directives["FinqSecretFile"] = file
    said = refused(draft, "FinqSecretFile: secret file", words)
    assert SECRET[:20] not in said, "never the secret"


@pytest.mark.parametrize("text", [SECRET, SECRET.upper() + "\r\n", f"# new\n{SECRET}\n# old\n{DRAW.randbytes(48).hex()}\n",
                                  "".join(DRAW.randbytes(32).hex() + "\n" for _ in range(16))])
def test_secret_files_that_will_do(draft, tmp_path, text):
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text(text)
    assert draft.configtest({"FinqSecretFile": file})[0]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_an_open_secret_file(draft, tmp_path, mode):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(mode)
    draft.settings.directives["FinqSecretFile"] = file
    refused(draft, "FinqSecretFile: secret file", "is open to group or others: chmod 600 it")


def test_a_data_key_file_is_as_strict(draft, tmp_path):
    file = tmp_path / "data-key"
    draft.settings.directives["FinqDataKey"] = file
    refused(draft, "FinqDataKey: secret file", "cannot be read (No such file or directory)")
    file.write_text(SECRET)
    file.chmod(0o640)
    refused(draft, "FinqDataKey: secret file", "is open to group or others: chmod 600 it")
    file.chmod(0o600)
    assert draft.configtest()[0]


def test_receipt_keys(draft, server, tmp_path):
    """Each is a private key, Ed25519, that nobody else reads, and another one. Red without finq_secret_file_text's check, and
    without finq_key_find in finq_receipt_keys_add."""
    good, other, open_key = server.receipt_key_file, tmp_path / "p256.pem", tmp_path / "open.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other)
    other.chmod(0o600)
    open_key.write_text(good.read_text())
    open_key.chmod(0o644)
    public = tmp_path / "public.pem"
    public.write_text(run("openssl", "pkey", "-in", good, "-pubout").stdout)
    public.chmod(0o600)
    for value, words in ((tmp_path / "none", "cannot be read (No such file or directory); make one with: (umask 077; openssl genpkey"),
                         (open_key, "is open to group or others: chmod 600 it"), (public, "Found no PEM private key"),
                         (other, "p256.pem: "), (f'"{good}" "{good}"', "its key was named before")):
        draft.settings.directives["FinqReceiptKey"] = value
        refused(draft, "FinqReceiptKey: ", words)
    assert draft.configtest({"FinqReceiptKey": good})[0]


def test_one_file_is_not_both(draft, tmp_path):
    """By another name neither. Red without is_same_file."""
    link = tmp_path / "link"
    link.symlink_to(draft.settings.directives["FinqSecretFile"])
    draft.settings.directives["FinqDataKey"] = link
    refused(draft, "FinqDataKey and FinqSecretFile name one file")


def test_secret_files_that_are_none(draft, tmp_path):
    draft.settings.directives["FinqSecretFile"] = tmp_path
    refused(draft, "is not a regular file")
    os.mkfifo(tmp_path / "fifo", 0o600)
    draft.settings.directives["FinqSecretFile"] = tmp_path / "fifo"
    refused(draft, "is not a regular file")
    (tmp_path / "foreign").touch(mode=0o600)
    (tmp_path / "foreign").write_text(SECRET)
    os.chown(tmp_path / "foreign", 1, 1)
    draft.settings.directives["FinqSecretFile"] = tmp_path / "foreign"
    refused(draft, "belongs to another user: chown it to root")


def test_upload_directories_that_will_not_do(draft, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "missing", tmp_path / "file"):
        draft.settings.directives["FinqUploadDir"] = path
        refused(draft, "is not a directory: make it")


# -- where SetHandler finq stands

@pytest.mark.parametrize("text", [
    "SetHandler finq", '<Directory "/tmp">\nSetHandler finq\n</Directory>', '<Files "x">\nSetHandler finq\n</Files>',
    '<LocationMatch "^/v2">\nSetHandler finq\n</LocationMatch>', '<Location ~ "/v2">\nSetHandler finq\n</Location>',
    '<Location "/v*">\nSetHandler finq\n</Location>', '<Location "/v[12]">\nSetHandler finq\n</Location>',
    '<Location "/v?">\nSetHandler finq\n</Location>', '<If "true">\nSetHandler finq\n</If>',
    '<Location "/v2">\n<If "true">\nSetHandler finq\n</If>\n</Location>',
    '<Location "/v2">\n<Limit POST>\nSetHandler finq\n</Limit>\n</Location>',
    '<Location "https://example.com/">\nSetHandler finq\n</Location>', '<Location "/v2">\nSetHandler Finq\n</Location>',
])
def test_the_handler_in_the_wrong_place(draft, text):
    draft.settings.vhost = text
    refused(draft, "SetHandler finq stands in a plain <Location")


@pytest.mark.parametrize("base", ["/v1/", "/api/v1", "/", "/v2.0"])
def test_bases(make_server, server, base, request):
    made = make_server(cluster=server.postgres, database=f"base_{secrets.token_hex(4)}",
                       vhost=f'<Location "{base}">\nSetHandler finq\nRequire all granted\n</Location>')
    client = made.client(made.create_tenant("base"), base=base.rstrip("/"))
    assert client.start_session(CARD).status == 200
    assert is_error(client.call("/nothing", {}), 404, "not_found")


def test_never_in_htaccess(make_server, server):
    """500 and a line in the log: a directory's owner does not become the API's."""
    made = make_server(cluster=server.postgres, database="htaccess", plain=True,
                       server="<Directory />\nAllowOverride All\n</Directory>", location="")
    plain = Client(f"http://localhost:{made.httpd.settings.plain_port}", None)
    made.httpd.documents.joinpath("index.html").write_text("x")
    made.httpd.settings.vhost = f'<Directory "{made.httpd.documents}">\nAllowOverride All\n</Directory>'
    made.httpd.graceful()
    get = request("/index.html", method="GET", headers=["Connection: close"])
    for line in (*(f"{name} 100" for name in (*NUMBERS, *OTHERS)), "SetHandler finq", '<Files "*">\nSetHandler finq\n</Files>'):
        (made.httpd.documents / ".htaccess").write_text(line + "\n")
        made.httpd.log.expect("(not allowed|nowhere else)")
        answer, = plain.raw(get)
        assert answer.status == 500, line
    (made.httpd.documents / ".htaccess").unlink()
    assert plain.raw(get)[0].status == 200


# -- what they do

def test_a_small_body_limit(make_server, server):
    made = make_server(cluster=server.postgres, database="small", directives={"FinqMaxBody": "1024"})
    client = made.client(made.create_tenant("small"))
    assert client.start_session(CARD, tenant_user_id="x" * 200).status == 200
    text = '{"a":"' + "x" * 1017
    assert is_error(client.call("/sessions", text + '"}'), 413, "payload_too_large")
    assert is_error(client.call("/sessions", text[:-1] + '"}'), 400, "unknown_fields")


def test_unnamed_statements_do_the_same(make_server, server):
    made = make_server(cluster=server.postgres, database="unnamed", directives={"FinqPreparedStatements": "off"})
    user = walk(made.client(made.create_tenant("unnamed")), CARD)
    assert user.exchange().status == 200
    assert user.exchange().status == 200


def test_hosts_have_their_own(make_server, server):
    """A host's directive stands before the server's, which stands before the default."""
    made = make_server(cluster=server.postgres, database="hosts", directives={"FinqMaxBody": "2048"}, vhost="FinqMaxBody 1024")
    client = made.client(made.create_tenant("hosts"))
    assert client.call("/sessions", " " * 1025).status == 413
    made.httpd.settings.vhost = ""
    made.httpd.graceful()
    assert client.call("/sessions", " " * 1025).status == 400
    assert client.call("/sessions", " " * 2049).status == 413


def set_secrets(installation, text):
    installation.secret_file.write_text(text)
    installation.httpd.graceful()


def test_secrets_are_rotated_without_a_gap(make_server, server):
    """The first seals, all open: a nonce of before goes on after, and its answers stay the same."""
    made = make_server(cluster=server.postgres, database="rotation")
    client = made.client(made.create_tenant("rotation"))
    old, new = made.secret_file.read_text(), secrets.token_hex(32) + "\n"
    user, unsent, done = begin(client), begin(client), walk(client, AISP)
    nonce, first, token = user.nonce, submit(user, 1), done.exchange()
    set_secrets(made, new + old)
    user.nonce, unsent_nonce = nonce, unsent.nonce
    assert submit(user, 1).body == first.body and done.exchange().body == token.body
    assert submit(unsent, 1).status == 200
    unsent.nonce, user.nonce = unsent_nonce, nonce
    set_secrets(made, new)
    assert is_error(submit(unsent, 1), 401, "invalid_nonce") and is_error(submit(user, 1), 401, "invalid_nonce")
    assert is_error(done.exchange(), 401, "invalid_temp_token")
    set_secrets(made, old)
    made.httpd.log.expect("not in this server's secret file")
    unsent.nonce = unsent_nonce
    assert is_error(submit(unsent, 1), 503, "service_unavailable"), "its answer was sealed by the other one: never another answer"
    assert submit(user, 1).body == first.body


def test_a_graceful_restart_with_a_bad_secret_file_changes_nothing(make_server, server):
    made = make_server(cluster=server.postgres, database="badrotation")
    client = made.client(made.create_tenant("bad rotation"))
    good = made.secret_file.read_text()
    made.secret_file.write_text("oops\n")
    with pytest.raises(Failure, match="no secret"):
        made.httpd.graceful()
    assert client.start_session(CARD).status == 200
    made.secret_file.write_text(good)
