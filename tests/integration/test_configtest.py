"""Mistakes that other modules let pass, and configtest tells: of mod_dbd, mod_proxy, mod_rewrite, and of Locations that undo
one another.

Seen red: dbd_check, file_check, hosts_check, base_keeps, rewrites_check, connectors_check, signature_check, is_conditional left out, each for
its tests; finq_router_keep not hooked (keys_go_to_no_other_server).
"""
import secrets
import socket
import threading

import pytest

from finqenv.flows import CARD
from finqenv.httpd import Httpd
from finqenv.httpd_conf import Site
from finqenv.installation import MODULE
from finqenv.wire import is_error

PROXY = ("proxy", "proxy_http")
ELSEWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def draft(server):
    """An httpd that is configured and never started, with all that it needs."""
    httpd = Httpd(server.directory / f"mistakes-{secrets.token_hex(4)}", module=str(MODULE),
                  database=server.httpd.settings.database, asan=server.httpd.settings.asan)
    httpd.settings.directives = {"FinqSecretFile": server.secret_file, "FinqDataKey": server.data_key_file, "FinqUploadDir": httpd.writable("uploads")}
    return httpd


def said_of(draft, good):
    """What configtest says, in one line."""
    ok, said = draft.configtest()
    assert ok == good and "Segmentation" not in said, said
    return " ".join(said.split())


# -- connectors

@pytest.mark.parametrize("lines, good", [
    ("timeout=59", True), ("timeout=60", False), ("timeout=2 connectiontimeout=1", True), ("", False),
    ("\nProxyTimeout 20", True), ("\nProxyTimeout 90", False), ("timeout=20\nProxyTimeout 90", True), ("timeout=61000ms", False)])
def test_a_connector_has_less_time_than_its_step(draft, lines, good):
    """Longer than that the step is free for another attempt. Red without connector_is_patient, without its look at the worker, and
    at ProxyTimeout."""
    secret = draft.directory / "connector.secret"
    secret.touch(mode=0o600)
    secret.write_text("ab" * 32)
    draft.settings.modules = PROXY
    draft.settings.vhost = f'ProxyPass /internal/bank http://127.0.0.1:9/ask {lines}\nFinqConnector bank /internal/bank "{secret}"'
    assert ("waits for an answer for 60 seconds or longer" in said_of(draft, good)) != good


# -- the pool

@pytest.mark.parametrize("line, words", [
    ("DBDMax 0", "DBDMax must be 1 at least"), ("DBDMax 4", "DBDKeep (8) is above DBDMax (4)"),
    ("DBDKeep 9", "DBDKeep (9) is above DBDMax (8)"), ("DBDMin 9\nDBDKeep 1", "DBDMin (9) is above DBDMax (8)")])
def test_a_pool_that_cannot_work(draft, line, words):
    """A host's own, over the server's."""
    draft.settings.vhost = line
    assert f"finq: {words} (for localhost" in said_of(draft, False)


@pytest.mark.parametrize("lines, words", [
    ("DBDParams x", "the API needs DBDriver pgsql"), ("DBDriver pgsql", "DBDParams is not set"),
    ("DBDriver pgsql\nDBDParams x\nDBDMax 1", "DBDKeep (2, where it is not set) is above DBDMax (1)")])
def test_a_pool_that_is_not_described(draft, monkeypatch, lines, words):
    monkeypatch.setattr("finqenv.httpd_conf._database", lambda settings: "")
    draft.settings.server = lines
    assert f"finq: {words}" in said_of(draft, False)
    draft.settings.server = "DBDriver pgsql\nDBDParams x"
    assert "finq:" not in said_of(draft, True)


def test_a_password_for_everybody_to_read(draft, tmp_path):
    file = tmp_path / "dbd.conf"
    file.write_text('DBDParams "host=127.0.0.1 password=secret"\n')
    draft.settings.server = f'Include "{file}"'
    for mode, told in ((0o644, True), (0o640, False), (0o604, True), (0o600, False)):
        file.chmod(mode)
        assert (f"{file} holds the database's password, and everybody may read it" in said_of(draft, True)) == told


@pytest.mark.parametrize("params, told", [
    ("host=a,b", True), ("hostaddr=127.0.0.1,127.0.0.2 target_session_attrs=any", True), ("postgresql://a,b/finq", True),
    ("host=a,b target_session_attrs=prefer-standby", True), ("host=a,b target_session_attrs=read-write", False),
    ("postgresql://a,b/finq?target_session_attrs=primary", False), ("host=a port=1", False), ("no conninfo", False)])
def test_hosts_of_which_one_may_be_a_standby(draft, params, told):
    """Red where target_session_attrs is not looked at, and where hosts are not counted."""
    draft.settings.vhost = f'DBDParams "{params}"'
    assert ("finq: DBDParams names several hosts, and takes one that can't be written to" in said_of(draft, True)) == told


# -- who else would get the API's requests

@pytest.mark.parametrize("line, taken", [
    ("ProxyPass / {0}", "/v1"), ("ProxyPass /v1 {0}", "/v1"), ("ProxyPass /v1/ {0}", "/v1"), ("ProxyPass /v1/steps {0}", "/v1"),
    ("ProxyPass /v1s/sessions {0}", "/v1s"), ("ProxyPassMatch ^/v.*$ {0}", "/v1"), ("ProxyPass /v1 !\nProxyPass / {0}", "/v1s"),
    ('<Location "/">\nProxyPass {0}\n</Location>', "/v1"), ('<LocationMatch "^/v1s">\nProxyPass {0}\n</LocationMatch>', "/v1s"),
    ("ProxyPass / {0}\nProxyPass /v1 !", "/v1")])
@pytest.mark.parametrize("where", ["server", "vhost"])
def test_a_base_that_is_taken_away(draft, where, line, taken):
    draft.settings.modules = PROXY
    setattr(draft.settings, where, line.format(ELSEWHERE))
    said = said_of(draft, False)
    assert f"finq: a ProxyPass takes {taken}/" in said and f'put "ProxyPass {taken} !" before it' in said and "all the keys" in said


@pytest.mark.parametrize("line", ["ProxyPass /v1 !\nProxyPass /v1s !\nProxyPass / {0}", "ProxyPass /v2 {0}", "ProxyPass /v11 {0}",
                                  "ProxyPassMatch ^/x {0}", '<Location "/x">\nProxyPass {0}\n</Location>'])
def test_a_base_that_is_left_alone(draft, line):
    draft.settings.modules, draft.settings.vhost = PROXY, line.format(ELSEWHERE)
    assert "finq:" not in said_of(draft, True)


@pytest.mark.parametrize("rule, told", [
    ("^/(.*) http://127.0.0.1:9/$1 [P]", True), ("^/V1/ http://127.0.0.1:9/ [NC,P,L]", True), ("!^/x http://127.0.0.1:9/ [proxy]", True),
    ("^/x http://127.0.0.1:9/ [P]", False), ("^/(.*) /v1/$1 [PT]", False), ("^/v1/x$ - [F]", False)])
def test_a_rewrite_that_takes_a_base_away(draft, rule, told):
    draft.settings.modules, draft.settings.vhost = (*PROXY, "rewrite"), f"RewriteEngine On\nRewriteRule {rule}"
    assert ("may take /v1/sessions away to another server" in said_of(draft, True)) == told


def test_a_connector_without_a_proxypass(draft):
    draft.settings.modules = PROXY
    draft.settings.vhost = f"FinqConnector bank /internal/bank \"{draft.settings.directives['FinqSecretFile']}\""
    assert "finq: FinqConnector bank: no ProxyPass leads from /internal/bank to it" in said_of(draft, True)
    for line in (f"ProxyPass /internal {ELSEWHERE} timeout=5",
                 f'<Location "/internal/bank">\nProxyPass {ELSEWHERE} timeout=5\n</Location>'):
        draft.settings.server = line
        assert "no ProxyPass" not in said_of(draft, True)


@pytest.mark.parametrize("page, where, told", [
    ("/sandbox", "vhost", False), ("/sandbox/page", "vhost", False), ("/sandbox", "server", False), ("/nowhere", "vhost", True),
    ("/sandboxes", "vhost", True), ("/sandbox", "elsewhere", True)])
def test_a_sandbox_bank_without_its_page(draft, page, where, told):
    """Red without page_check, and where another host's Location counts."""
    location = '<Location "/sandbox">\nSetHandler finq-sandbox\nRequire all granted\n</Location>'
    draft.settings.vhost = f"FinqConnector bank sandbox {page}"
    if where == "elsewhere":
        draft.settings.hosts = (Site("elsewhere.test", location),)
    else:
        setattr(draft.settings, where, f"{getattr(draft.settings, where)}\n{location}")
    assert (f"finq: FinqConnector bank: no Location of this host with SetHandler finq-sandbox has its page, {page} (for localhost" in said_of(draft, True)) == told


# -- consents

@pytest.mark.parametrize("lines, told", [
    ("Require finq-consent", True), ("<RequireAny>\nRequire finq-consent xyz_sbx_#3.0\nRequire ip 192.0.2.1\n</RequireAny>", True),
    ("AuthType finq\nRequire finq-consent", False), ("<RequireAll>\nRequire finq-consent\n</RequireAll>\nAuthType finq", False),
    ("AuthType Basic\nAuthName x\n<RequireAny>\nRequire finq-consent\nRequire valid-user\n</RequireAny>", False),
    ('Require finq-consent\n</Location>\n<Location "/">\nAuthType finq', False), ('Require finq-consent\n</Location>\n<Location "/">\nAuthType Basic', True)])
def test_a_consent_that_nobody_answers_for(draft, lines, told):
    """Red without require_check; where is_answered looks at no section around, and at no other."""
    draft.settings.modules = ("authn_core", "authz_user", "authz_host")
    draft.settings.vhost = f'<Location "/app">\n{lines}\n</Location>'
    assert ("finq: Require finq-consent of /app has no AuthType finq: whoever has no consent gets httpd's own 403" in said_of(draft, True)) == told


@pytest.fixture
def other_server():
    """A port, and who has connected to it."""
    seen, listener = [], socket.create_server(("127.0.0.1", 0))

    def accept():
        try:
            while True:
                seen.append(listener.accept()[0])
        except OSError:
            pass
    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1], seen
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.mark.parametrize("text", ["RewriteEngine On\nRewriteRule ^/(.*) http://127.0.0.1:{0}/$1 [P]",
                                  '<LocationMatch "^/v1/sess">\nSetHandler "proxy:http://127.0.0.1:{0}/"\n</LocationMatch>'])
def test_keys_go_to_no_other_server(make_server, server, other_server, text):
    """Whatever would lead them there."""
    port, seen = other_server
    made = make_server(cluster=server.postgres, database=f"keys_{secrets.token_hex(4)}", modules=(*PROXY, "rewrite"))
    client = made.client(made.create_tenant("keys"))
    made.httpd.settings.signed = f"</Location>\n{text.format(port)}\n<Location /nothing>"  # after the API's own Locations
    made.httpd.log.allow("finq: RewriteRule")
    made.httpd.restart()
    made.httpd.log.expect("FINQ03.*to another server, which is not to see its keys")
    assert is_error(client.start_session(CARD), 500, "internal_server_error")
    assert seen == []


# -- signatures

OFF = "FinqSignature off"


@pytest.mark.parametrize("section, end", [('Location "/"', "Location"), ('Location "/v1s"', "Location"), ('Location "/v1s/"', "Location"),
                                          ('LocationMatch "^/v1"', "LocationMatch"), ('Location "/v*/sessions"', "Location"),
                                          ('Location ~ "s"', "Location")])
def test_a_signature_that_a_later_location_undoes(draft, section, end):
    """The API's own Locations stand before it."""
    draft.settings.signed = f"</Location>\n<{section}>\n{OFF}\n</{end}>\n<Location /nothing>"
    assert "finq: FinqSignature required of Location /v1s is undone by FinqSignature off of Location" in said_of(draft, False)


@pytest.mark.parametrize("section, line", [("/v1s/sessions", OFF), ("/other", OFF), ("/v1", "FinqSignature required")])
def test_a_signature_that_stays(draft, section, line):
    draft.settings.signed = f'</Location>\n<Location "{section}">\n{line}\n</Location>\n<Location /nothing>'
    assert "finq:" not in said_of(draft, True)


@pytest.mark.parametrize("section, end", [('<If "true">', "If"), ('<If "false">\n</If>\n<Else>', "Else"),
                                          ('<If "false">\n</If>\n<ElseIf "true">', "ElseIf")])
def test_a_signature_depends_on_the_path_alone(draft, section, end):
    draft.settings.location = f"{section}\n{OFF}\n</{end}>"
    assert "FinqSignature cannot stand in <If>, <ElseIf> or <Else>" in said_of(draft, False)
