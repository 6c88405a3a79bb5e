"""Two tenants on two hosts of one httpd: FinqTenant, what each host has of its own, TLS names, equal answers.

Threats 1 and 22 (telling what exists), 5 (timing), 21 (the wrong host).

Seen red: finq_intake_client_id without its comparison (bound_host…); the comparison made after finq_session_pass_open in
api_steps.c (before_anything_else); a database call in it (asks_no_database), and a second one for who exists (timing);
the main server's secrets in finq_config_merge (another_hosts_secret); config_own left out, and a host's tenant not
taken from the main server (a_host_whose_only_own_thing…); one directory for all hosts in child.c (…only_own_thing,
databases_are_apart, skills…); pg.c taking a connection with something to read for alive, or reading once when it cuts
one (a_broken_database…); 421 left out of reply.c's table (misdirected…); SSLStrictSNIVHostCheck off (without_a_name);
default.test without its refusal, the hosts without FinqTenant (sni_and_host).
"""
import json
import secrets
import socket
import ssl
import statistics
import time
import uuid

import pytest

from finqenv import documents
from finqenv.client import Client, Document, Onboarding, read_answer
from finqenv.httpd_conf import Site
from finqenv.installation import Tenant
from finqenv.postgres import SERVER

SKILL = "xyz_aisp_sbx_#1.0"
TWO_STEPS = "xyz_card_sbx_#1.0"
PERSONAL_DATA = {"first_name": "Ana", "last_name": "Popescu", "email": "ana.popescu@example.com",
                 "phone": "+40712345678", "birth_date": "1990-04-17"}
ID = str(uuid.UUID(int=7))


def new_secret(installation, name):
    file = installation.directory / name
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32) + "\n")
    return file


def own_database(installation, name):
    """A second database in the same cluster, migrated; returns httpd.conf lines for it."""
    installation.postgres.create_database(name)
    installation.database, kept = name, installation.database
    installation.finqctl("db", "migrate")
    installation.publish_skills()
    installation.database = kept
    conninfo = installation.postgres.conninfo(SERVER, name)
    return f'DBDriver pgsql\nDBDParams "{conninfo} connect_timeout=2"\nDBDMin 0\nDBDKeep 2\nDBDMax 4\n'


class Hosts:
    """a.test serves tenant A alone, b.test tenant B alone, with other secrets; far.test has a database and everything
    else of its own; localhost serves whoever is known."""

    def __init__(self, installation):
        self.installation = installation
        self.a, self.b = (installation.create_tenant(name) for name in ("A", "B"))
        far = own_database(installation, "far")
        self.far_uploads = installation.httpd.writable("far-uploads")
        far_secret, b_secret = (new_secret(installation, f"{n}.secret") for n in ("far", "b"))
        self.far_tenant = self.in_far(lambda: installation.create_tenant("A"))
        installation.httpd.settings.hosts = (
            Site("a.test", f"FinqTenant {self.a.client_id}\nFinqAllowOrigin https://a.example"),
            Site("b.test", f'FinqTenant {self.b.client_id.upper()}\nFinqSecretFile "{b_secret}"'),
            Site("far.test", f'{far}FinqSecretFile "{far_secret}"\nFinqUploadDir "{self.far_uploads}"\n'
                             "FinqNonceTTL 60\nFinqTempTokenTTL 90\nFinqMaxBody 2048\nFinqAllowOrigin https://far.example\n"
                             f"FinqSkills {SKILL} {TWO_STEPS}"))
        installation.httpd.restart()

    def in_far(self, action):
        self.installation.database, kept = "far", self.installation.database
        try:
            return action()
        finally:
            self.installation.database = kept

    def client(self, host, tenant):
        return self.installation.client(tenant, host=host)


@pytest.fixture(scope="module")
def hosts(make_module_server):
    return Hosts(make_module_server())


@pytest.fixture
def on(hosts):
    """on(host, tenant) connects."""
    made = []

    def connect(host, tenant):
        made.append(hosts.client(host, tenant))
        return made[-1]
    yield connect
    for client in made:
        client.close()


def without_id(answer):
    headers = {n: v for n, v in answer.headers.items() if n not in ("date", "x-request-id")}
    return answer.status, headers, {**answer.json, "id": None}


# ---- FinqTenant

def calls(client_id, tenant, session=ID, nonce="nonce", step=ID):
    """Every call of the API that names a client, with a tenant's keys."""
    keys = {"client_id": client_id, "client_secret": tenant.client_secret, "client_app_key": tenant.client_app_key}

    def body(*names, **more):
        return json.dumps({**{name: keys[name] for name in ("client_id", *names)}, **more}).encode()
    raw = {"x-finq-client-id": client_id, "x-finq-nonce": nonce, "x-finq-document": "id_front",
           "content-type": "image/png"}
    return {
        "/sessions": (body("client_app_key", skill=SKILL), {}),
        f"/sessions/{session}/steps": (body(nonce=nonce, skill=SKILL, step="sca_implicit", data={}), {}),
        f"/steps/{step}/upload": (documents.png().content, raw),
        "/tokens": (body("client_secret", temp_token=nonce), {}),
        "/token": (body("client_secret", temp_token=nonce), {}),
        "/catalogs/skills": (body("client_app_key"), {}),
        "/catalogs/servicers": (body("client_app_key"), {}),
    }


def test_bound_host_serves_its_tenant(hosts, on):
    for host, tenant in (("a.test", hosts.a), ("b.test", hosts.b), ("localhost", hosts.a), ("localhost", hosts.b)):
        session = Onboarding(on(host, tenant), SKILL)
        assert session.start().status == 200
        assert session.submit("sca_implicit", {}).status == 200
        assert session.exchange().status == 200
        assert session.client.call(*("/catalogs/skills", json.loads(calls(tenant.client_id, tenant)
                                                                    ["/catalogs/skills"][0]))).status == 200


@pytest.mark.parametrize("path", list(calls(ID, Tenant(ID, "", ""))))
def test_bound_host_refuses_every_other_client_alike(hosts, on, path):
    """Threat 1, 22: the other host's tenant with its own, right keys, one that nobody is, keys of the host's own."""
    b = on("b.test", hosts.b)
    live = Onboarding(on("localhost", hosts.a), TWO_STEPS)
    live.start()
    first_nonce = live.nonce
    live.submit("personal_data", PERSONAL_DATA)
    nobody = Tenant(str(uuid.uuid4()), secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    places = {"session": live.session_id, "nonce": first_nonce, "step": live.step_id}
    claims = [calls(hosts.a.client_id, hosts.a, **places), calls(hosts.a.client_id, hosts.b),
              calls(nobody.client_id, nobody), calls(nobody.client_id, hosts.b), calls(nobody.client_id, hosts.a, **places)]
    answers = []
    for claim in claims:
        # the places of A's objects and the places of none are the same path to the host
        key = next(p for p in claim if p.split("/")[1:2] == path.split("/")[1:2] and p.count("/") == path.count("/")
                   and p.rsplit("/", 1)[1] == path.rsplit("/", 1)[1])
        body, headers = claim[key]
        answers.append(without_id(b.call(key, body, **headers)))
    assert answers[0][0] == 401 and answers[0][2]["code"] == "unauthorized_tenant"
    assert all(answer == answers[0] for answer in answers)


def test_bound_host_refuses_before_anything_else(hosts, on):
    b = on("b.test", hosts.b)
    foreign = {"client_id": hosts.a.client_id, "nonce": "x", "skill": "none", "step": "none", "data": {}}
    assert b.call(f"/sessions/{ID}/steps", foreign).code == "unauthorized_tenant"
    assert b.call("/sessions/none/steps", foreign).code == "unauthorized_tenant"
    assert b.call("/sessions", {"client_id": hosts.a.client_id, "client_app_key": "", "skill": "none",
                                "tenant_user_id": ""}).code == "unauthorized_tenant"
    # but what is malformed is malformed for everybody
    assert b.call("/sessions", {**foreign}).code in ("unknown_fields", "missing_fields")
    assert b.call("/tokens", {"client_id": "x", "client_secret": "", "temp_token": ""}).status == 400
    assert b.call("/nothing", foreign).code == "not_found"
    form = Document("f", "image/png", b"")
    b.tenant = hosts.a
    assert b.upload_form(ID, "x", "id_front", form).code == "unauthorized_tenant"


def test_bound_host_asks_no_database_for_strangers(hosts, on):
    """Red where a stranger is looked up first: the database is away, and the answer is the same."""
    b = on("b.test", hosts.b)
    hosts.installation.httpd.log.allow("FINQ03: .* service_unavailable")
    hosts.installation.postgres.pause()
    try:
        for path, (body, headers) in calls(hosts.a.client_id, hosts.a).items():
            began = time.monotonic()
            assert b.call(path, body, **headers).code == "unauthorized_tenant"
            assert time.monotonic() - began < 1
    finally:
        hosts.installation.postgres.resume()


def quick_times(b, claims, rounds=150):
    """The time within which the quicker fifth of each claim's answers comes, the claims sent in turn: what else the
    machine does shows less in it than in the middle."""
    times = [[] for _ in claims]
    for _ in range(rounds):
        for taken, claim in zip(times, claims):
            body, headers = claim()
            began = time.perf_counter()
            b.call("/tokens", body, **headers)
            taken.append(time.perf_counter() - began)
    return [statistics.quantiles(taken, n=5)[0] for taken in times]


def equally_quick(b, claims):
    """Whether answers are of one class of time. A difference that is the server's shows in every attempt."""
    return any(abs(first - second) < 0.25 * max(first, second)
               for first, second in (quick_times(b, claims) for _ in range(3)))


@pytest.mark.alone  # what the other worker does at a time shows in the times that are compared
def test_timing_tells_no_foreign_client_from_none(hosts, on):
    """Threats 5, 22, by classes: on a bound host a known foreign client and an unknown one take as long; on an open host
    a wrong secret of a known client and an unknown client do, each one database call."""
    nobody = Tenant(str(uuid.uuid4()), "x", "x")
    assert equally_quick(on("b.test", hosts.b), [lambda: calls(hosts.a.client_id, hosts.a)["/tokens"],
                                                 lambda: calls(str(uuid.uuid4()), nobody)["/tokens"]])
    assert equally_quick(on("localhost", hosts.b), [lambda: calls(hosts.a.client_id, nobody)["/tokens"],
                                                    lambda: calls(str(uuid.uuid4()), nobody)["/tokens"]])


@pytest.mark.parametrize("lines, right, word", [
    (f"FinqTenant {ID}", True, ""), ("FinqTenant any", True, ""), ("FinqTenant", False, "FinqTenant"),
    ("FinqTenant x", False, "client_id"), (f"FinqTenant {ID}0", False, "client_id"), (f"FinqTenant {ID} {ID}", False, "one"),
    (f'<Directory "/">\nFinqTenant {ID}\n</Directory>', False, "not allowed in"),
    (f'<Location "/v1">\nFinqTenant {ID}\n</Location>', False, "not allowed in"),
    ('<Location "/v1">\nFinqSkills all\n</Location>', False, "not allowed in")])
def test_finq_tenant_at_configtest(hosts, lines, right, word):
    ok, words = hosts.installation.httpd.configtest(vhost=lines)
    assert ok == right and word in words, words


# ---- what each host has of its own

def test_another_hosts_secret_means_nothing_here(hosts, on):
    """Threat 21: tenant B on localhost and on b.test, the same client and database, other secrets."""
    here, there = on("b.test", hosts.b), on("localhost", hosts.b)
    session = Onboarding(here, TWO_STEPS)
    session.start()
    session.client = there
    assert session.submit("personal_data", PERSONAL_DATA).code == "invalid_nonce"
    session.client = here
    assert session.submit("personal_data", PERSONAL_DATA).status == 200
    session.client = there
    assert session.upload("id_front", documents.png()).code == "invalid_nonce"
    assert session.upload("id_front", documents.png(), form=True).code == "invalid_nonce"
    single = Onboarding(here, SKILL)
    single.start()
    single.submit("sca_implicit", {})
    single.client = there
    assert single.exchange().code == "invalid_temp_token"
    single.client = here
    first = single.exchange()
    assert first.status == 200 and first.body == single.exchange().body
    # the same secret: a host is a view on the same sessions
    shared = Onboarding(on("a.test", hosts.a), SKILL)
    shared.start()
    shared.client = on("localhost", hosts.a)
    assert shared.submit("sca_implicit", {}).status == 200


def test_databases_are_apart(hosts, on):
    far_a = on("far.test", hosts.far_tenant)
    assert on("far.test", hosts.a).start_session(SKILL).code == "invalid_client_id"
    assert on("localhost", hosts.far_tenant).start_session(SKILL).code == "invalid_client_id"
    session = Onboarding(far_a, SKILL)
    session.start()
    assert session.submit("sca_implicit", {}).status == 200
    assert hosts.installation.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{session.session_id}'") == "0"
    shown = hosts.in_far(lambda: hosts.installation.finqctl("session", "show", session.session_id))
    assert shown["status"] == "SESSION_COMPLETED"


def test_connections_are_apart(hosts, on):
    """The pools of mod_dbd: as many calls as there are connections, to both databases in turn."""
    near, far = on("localhost", hosts.a), on("far.test", hosts.far_tenant)
    for _ in range(12):
        assert near.exchange("x").code == far.exchange("x").code == "invalid_temp_token"
    far.tenant, near.tenant = hosts.a, hosts.far_tenant
    for _ in range(12):
        assert near.exchange("x").code == far.exchange("x").code == "invalid_client_id"


def test_a_broken_database_of_one_host_is_not_the_others(hosts, on):
    """Its connections are closed from the other side while they lie idle; none of them is a client's to pay for."""
    installation = hosts.installation
    near, far = on("localhost", hosts.a), on("far.test", hosts.far_tenant)
    for _ in range(10):
        far.close()
        assert far.exchange("x").status == near.exchange("x").status == 401
    installation.httpd.log.allow("FINQ03: .* service_unavailable|AH00629|AH00639")
    installation.postgres.psql("ALTER DATABASE far ALLOW_CONNECTIONS false", database="postgres")
    installation.postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'far'",
                               database="postgres")
    try:
        assert far.exchange("x").status == 503
        assert near.exchange("x").code == "invalid_temp_token"
    finally:
        installation.postgres.psql("ALTER DATABASE far ALLOW_CONNECTIONS true", database="postgres")
    time.sleep(1)  # a host that could not connect says so at once for half a second
    for _ in range(20):  # each child, each connection that it kept
        far.close()
        assert far.exchange("x").code == "invalid_temp_token"


def test_lifetimes_sizes_and_origins_are_the_hosts_own(hosts, on):
    from datetime import datetime

    def life(answer, began):
        return datetime.fromisoformat(answer["expires_at"].replace("Z", "+00:00")).timestamp() - began
    for host, tenant, nonce, temp in (("localhost", hosts.a, 1800, 1800), ("far.test", hosts.far_tenant, 60, 90)):
        session, began = Onboarding(on(host, tenant), SKILL), time.time()
        assert abs(life(session.start(), began) - nonce) < 15
        assert abs(life(session.submit("sca_implicit", {}), began) - temp) < 15
    large = {"client_id": ID, "pad": "x" * 4000}
    assert on("far.test", hosts.a).call("/sessions", large).status == 413
    assert on("localhost", hosts.a).call("/sessions", large).status == 400
    for host, origin in (("a.test", "https://a.example"), ("far.test", "https://far.example"), ("localhost", None)):
        for asked in ("https://a.example", "https://far.example"):
            answer = on(host, hosts.a).call("/sessions", {}, origin=asked)
            assert answer.headers.get("access-control-allow-origin") == (asked if asked == origin else None)


def test_uploads_are_in_the_hosts_own_directory(hosts, on):
    session = Onboarding(on("far.test", hosts.far_tenant), TWO_STEPS)
    session.start()
    session.submit("personal_data", PERSONAL_DATA)
    upload_id = session.upload("id_front", documents.png())["upload_id"]
    near = hosts.installation.httpd.settings.directives["FinqUploadDir"]
    hex_name = upload_id.replace("-", "")

    def holds(directory):
        return [f for f in directory.rglob("*") if hex_name in f.name.replace("-", "")]
    assert holds(hosts.far_uploads) and not holds(near)


def test_skills_are_the_hosts_own(hosts, on):
    assert on("far.test", hosts.far_tenant).start_session("xyz_sbx_#3.0").code == "unauthorized_tenant"
    assert on("localhost", hosts.a).start_session("xyz_sbx_#3.0").status == 200


BASE = """
<Location "/v1">
    SetHandler finq
    Require all granted
</Location>
"""


def bare_host(httpd, name, text=""):
    """A virtual host without a directive of the module, but for `text`."""
    certificate, key = httpd.certificate_for(name)
    return f"""<VirtualHost *:{httpd.settings.port}>
ServerName {name}:{httpd.settings.port}
SSLEngine on
SSLCertificateFile "{certificate}"
SSLCertificateKeyFile "{key}"
{text}</VirtualHost>
"""


class OneBase:
    """An API that the whole server says, Location included; near.test says nothing, far.test no more than its database."""

    def __init__(self, installation):
        self.tenant = installation.create_tenant("Near")
        httpd = installation.httpd
        httpd.settings.server = (f"FinqTenant {self.tenant.client_id}\n{BASE}\n{bare_host(httpd, 'near.test')}"
                                 + bare_host(httpd, "far.test", own_database(installation, "far")))
        httpd.settings.hosts = (Site("open.test", "FinqTenant any"),)
        httpd.restart()


def test_a_host_whose_only_own_thing_is_its_database(make_server):
    """Such a host has no directive of the module in it, and yet nothing that it remembers is another host's."""
    installation = make_server(children=1)
    one = OneBase(installation)
    near, far = (installation.client(one.tenant, host=host) for host in ("near.test", "far.test"))
    for _ in range(3):
        assert near.start_session(SKILL).status == 200
        assert far.start_session(SKILL).code == "invalid_client_id"
    stranger = Tenant(ID, "x", "x")
    for host, code in (("far.test", "unauthorized_tenant"), ("localhost", "unauthorized_tenant"),
                       ("open.test", "invalid_client_id")):
        client = installation.client(stranger, host=host)
        assert client.start_session(SKILL).code == code, "bound by the whole server, but for a host that says any"
        client.close()
    near.close()
    far.close()


# ---- TLS names

class Named:
    """default.test comes first and refuses everybody; a.test and b.test serve a tenant each; names are strict."""

    def __init__(self, installation):
        httpd = installation.httpd
        self.installation = installation
        self.tenants = {"a.test": installation.create_tenant("A"), "b.test": installation.create_tenant("B")}
        certificate, key = httpd.certificate_for("default.test")
        httpd.settings.server = f"""SSLStrictSNIVHostCheck on
<VirtualHost *:{httpd.settings.port}>
ServerName default.test:{httpd.settings.port}
SSLEngine on
SSLCertificateFile "{certificate}"
SSLCertificateKeyFile "{key}"
<Location "/">
    Require all denied
</Location>
</VirtualHost>"""
        httpd.settings.hosts = tuple(
            Site(name, f"FinqTenant {tenant.client_id}\nSSLSessionTickets off\n"
                       f'FinqSecretFile "{new_secret(installation, name)}"\n{protocols}')
            for (name, tenant), protocols in zip(self.tenants.items(), ("", "SSLProtocol TLSv1.3")))
        httpd.restart()


def ask(installation, sni, host, tenant):
    """One POST /sessions over TLS with a name, or none, and a Host header of its own. None for no answer."""
    httpd = installation.httpd
    context = ssl.create_default_context(cafile=httpd.authority.certificate)
    context.check_hostname = False
    body = json.dumps({"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": SKILL})
    request = (f"POST /v1/sessions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}")
    try:
        with socket.create_connection(("127.0.0.1", httpd.settings.port), 10) as plain, \
                context.wrap_socket(plain, server_hostname=sni) as tls, tls.makefile("rb") as file:
            tls.sendall(request.encode())
            return read_answer(file)
    except (ssl.SSLError, ConnectionError):
        return None


@pytest.fixture(scope="module")
def named(make_module_server):
    return Named(make_module_server())


NAMES = ["a.test", "b.test", "default.test", "localhost", "other.test"]


@pytest.mark.parametrize("sni", [None, *NAMES])
@pytest.mark.parametrize("host", NAMES)
@pytest.mark.parametrize("keys", ["a.test", "b.test"])
def test_sni_and_host(named, sni, host, keys):
    """Threat 21. Success only where the name of TLS, the name in Host and the tenant belong together; localhost serves
    either tenant."""
    named.installation.httpd.log.allow("AH02032|AH02033|AH02031|AH01630|AH02645|client denied")
    answer = ask(named.installation, sni, host, named.tenants[keys])
    started = answer is not None and answer.status == 200
    assert started == (sni == host and host in (keys, "localhost"))
    if answer is not None and not started:
        assert 400 <= answer.status < 500
        assert b"nonce" not in answer.body


def test_misdirected_request_is_told_in_json(named, contract):
    named.installation.httpd.log.allow("AH02032|AH02645")
    answer = ask(named.installation, "a.test", "b.test", named.tenants["b.test"])
    assert (answer.status, answer.code, answer.json["http"]) == (421, "misdirected_request", 421)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["id"] == answer.headers["x-request-id"]
    contract.check("POST", "/sessions", answer)


def test_default_host_refuses(named):
    named.installation.httpd.log.allow("AH01630|AH02033|AH02645|client denied|AH02031|AH02032")
    for sni in ("default.test", "other.test", None):
        answer = ask(named.installation, sni, "other.test", named.tenants["a.test"])
        assert answer is None or answer.status in (401, 403, 421), sni


def test_a_client_without_a_name_is_served_by_no_first_host_either(make_server):
    """What strictness adds to httpd's own comparison: without a name, the first host is not the one that was meant."""
    installation = make_server(server="SSLStrictSNIVHostCheck on", hosts=(Site("a.test"),))
    tenant = installation.create_tenant("Tenant")
    installation.httpd.log.allow("AH02033")
    assert ask(installation, "localhost", "localhost", tenant).status == 200
    for host in ("localhost", "other.test"):
        refused = ask(installation, None, host, tenant)
        assert refused.status in (401, 403) and b"nonce" not in refused.body


def test_plain_clients_of_the_tls_port_are_answered_by_nobody(named):
    plain = Client(f"http://localhost:{named.installation.httpd.settings.port}", named.tenants["a.test"], host="a.test", base="")
    assert plain.request("POST", "/v1/sessions", b"{}").status in (400, 403, 421), "mod_ssl's own page"
    plain.close()
