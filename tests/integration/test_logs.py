"""Nothing that authorises, and nothing personal, stands in a log (threat 15): at LogLevel trace8, through a whole
onboarding, its refusals, and a database that fails.

Seen red: finq_request_read without nonce_take, without query_take; finq_reply_redirect without traces_end; finq_pg_adopt
without the two settings of what errors say; the SQL error's detail in FINQ03's line; the value of a member in a message.
"""
import concurrent.futures
import pathlib
import re
import secrets
import urllib.parse

import pytest

from finqenv import documents
from finqenv.banking import Bank
from finqenv.client import Document
from finqenv.flows import AISP, CARD, begin, example, steps, walk
from finqenv.locks import WAITING, Blocker
from finqenv.process import until
from finqenv.signing import Key, Signer
from finqenv.wire import is_error

FIRST = steps(CARD)[0]


@pytest.fixture(scope="module")
def loud(make_module_server):
    """Everything that httpd can say, and PostgreSQL as it is installed."""
    return make_module_server(children=1, log_level="trace8", postgres={"log_connections": "on", "log_min_messages": "info"})


def logs(installation):
    pg = pathlib.Path(installation.postgres.log).read_text(errors="replace")
    return (installation.httpd.directory / "error.log").read_text(errors="replace") + pg


class Canaries(dict):
    """Values by what they are; long and random, so that a hit is no accident."""

    def text(self, name):
        """A new one, which takes no older one's place."""
        value = f"Canary{secrets.token_hex(8)}"
        self[f"{name} {len(self)}"] = value
        return value

    def in_(self, text):
        return [name for name, value in self.items() if value in text or value.encode().hex() in text]


def personal(canaries):
    return {**example(FIRST), "first_name": canaries.text("first_name"), "last_name": canaries.text("last_name"),
            "email": f"{canaries.text('email')}@example.com"}


def test_an_onboarding_leaves_nothing_in_the_logs(loud):
    canaries = Canaries()
    tenant = loud.create_tenant("loud")
    canaries.update(client_secret=tenant.client_secret, client_app_key=tenant.client_app_key)
    client = loud.client(tenant)
    user = begin(client, CARD, tenant_user_id=canaries.text("tenant_user_id"))
    canaries["first nonce"] = user.nonce
    assert user.submit(FIRST["name"], {**personal(canaries), "phone": canaries.text("phone")}).code == "invalid_input"
    assert user.submit(FIRST["name"], personal(canaries)).status == 200
    canaries["second nonce"] = user.nonce
    picture = documents.png()
    comment = canaries.text("in a file").encode()
    for document, form in (("id_front", True), ("selfie", False)):
        file = Document(f"{canaries.text('file name')}.png", picture.media_type, picture.content + comment)
        assert user.upload(document, file, form=form).status == 200
    assert user.submit(steps(CARD)[1]["name"], example(steps(CARD)[1])).status == 200
    canaries["temp_token"] = user.temp_token
    assert user.exchange().code == "missing_uploads"
    assert user.upload("income_proof", documents.pdf(), form=True).status == 200
    canaries["access_token"] = user.exchange()["access_token"]
    until(lambda: "missing_uploads" in logs(loud))
    text = logs(loud)
    assert "http:trace4" in text and "x-finq-document" in text.lower(), "headers are logged, and there was something to find"
    assert canaries.in_(text) == []
    assert len(canaries) > 12


def test_refusals_leave_nothing_in_the_logs(loud):
    canaries = Canaries()
    tenant = loud.create_tenant("loud refusals")
    client = loud.client(tenant)
    user = begin(client)
    client.start_session(CARD, client_app_key=canaries.text("wrong app key"))
    client.start_session(canaries.text("skill"))
    client.start_session(CARD, tenant_user_id=canaries.text("long user id") * 30)
    client.exchange(canaries.text("wrong temp_token"))
    client.exchange("A" * 100, client_secret=canaries.text("wrong secret"))
    client.call("/sessions", {"client_id": canaries.text("client_id"), "client_app_key": "x", "skill": "y"})
    client.call("/sessions", '{"client_id": "' + canaries.text("broken body"))
    client.call("/sessions", '{"a": "' + canaries.text("invalid utf-8") + '\xff"}'.encode("latin-1").decode("latin-1"))
    client.call("/sessions", {"surprise": canaries.text("unknown member's value")})
    client.submit(user, canaries.text("step"), {})
    user.nonce = canaries.text("wrong nonce")
    client.submit(user, "personal_data", {"first_name": canaries.text("form data")})
    client.upload_raw(user.session_id, canaries.text("nonce in a header"), "id_front", documents.png())
    client.upload_form(user.session_id, canaries.text("nonce in a form"), "id_front", documents.png())
    client.call("/sessions", canaries.text("long body") * 4000)
    until(lambda: "payload_too_large" in logs(loud))
    assert canaries.in_(logs(loud)) == []


def test_failures_leave_nothing_in_httpds_log(loud):
    """SQLSTATE and the primary message, never the row. (PostgreSQL's own log is the operator's to set.)"""
    canaries = Canaries()
    tenant = loud.create_tenant("loud failures")
    client = loud.client(tenant)
    user, other = begin(client), walk(client, AISP)
    canaries.update(nonce=user.nonce, temp_token=other.temp_token, client_secret=tenant.client_secret)
    loud.psql("ALTER TABLE finq.step ADD CONSTRAINT planted CHECK (false) NOT VALID")
    loud.httpd.log.expect("FINQ03.*500 internal_server_error.*SQLSTATE 23514")
    answer = user.submit(FIRST["name"], personal(canaries))
    assert is_error(answer, 500, "internal_server_error")
    assert "planted" not in answer["message"] and "finq" not in answer["message"], "no SQL text"
    loud.psql("ALTER TABLE finq.step DROP CONSTRAINT planted")
    loud.postgres.stop()
    loud.httpd.log.expect("FINQ03.*503")
    loud.httpd.log.allow("dbd:error")
    assert is_error(user.submit(FIRST["name"], personal(canaries)), 503, "service_unavailable")
    assert is_error(other.exchange(), 503, "service_unavailable")
    loud.postgres.start()
    text = (loud.httpd.directory / "error.log").read_text(errors="replace")
    assert canaries.in_(text) == []
    assert all(password not in text for password in loud.postgres.passwords.values()), "nor the database's"
    until(lambda: user.submit(FIRST["name"], personal(canaries)).status == 200)


def test_a_connection_that_ends_leaves_nothing_in_httpds_log(loud):
    """The server that ends it quotes the statement's context, and with this setting its parameters."""
    canaries = Canaries()
    tenant = loud.create_tenant("loud ends")
    client = loud.client(tenant)
    user, other = begin(client, tenant_user_id=canaries.text("tenant_user_id")), begin(client)
    assert other.submit(FIRST["name"], personal(canaries)).status == 200
    loud.psql("ALTER ROLE finq_web SET log_parameter_max_length_on_error = -1")
    loud.psql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'finq_web'")
    loud.httpd.log.expect("FINQ03.*503 service_unavailable: database: ")
    try:
        with Blocker(loud, "LOCK TABLE finq.session"), concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(user.submit, FIRST["name"], personal(canaries))
            until(lambda: loud.psql(WAITING), what="the call to wait")
            loud.psql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'finq_web'")
            assert is_error(waiting.result(), 503, "service_unavailable")
    finally:
        loud.psql("ALTER ROLE finq_web RESET log_parameter_max_length_on_error")
    text = (loud.httpd.directory / "error.log").read_text(errors="replace")
    assert "terminating connection" in text, "there was something to quote"
    assert canaries.in_(text) == []
    assert not re.search(r"CONTEXT|SQL statement|PL/pgSQL|parameters:", text)
    until(lambda: user.submit(FIRST["name"], personal(canaries)).status == 200)


# -- a bank's return

@pytest.fixture(scope="module")
def loud_bank(make_module_server, run_directory):
    accesses = run_directory / "loud-bank-access.log"
    made = Bank(make_module_server, run_directory / "loud-bank", children=1, log_level="trace8",
                server=f'LogFormat "%r %q %{{Referer}}i" all\nCustomLog "{accesses}" all\nExtendedStatus On')
    made.accesses = accesses
    yield made
    made.stop()


def test_a_banks_return_leaves_nothing_in_the_logs(loud_bank):
    """Neither its state and code, of which a doubled return gets the same link, nor the temp_token of that link."""
    user, answer = loud_bank.at_bank()
    path = loud_bank.choose(answer["data"]["url"], "approve")
    canaries = Canaries(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
    before = len(logs(loud_bank.server))
    came, link = loud_bank.back(path)
    assert came.status == 302
    canaries["temp_token"] = link["temp_token"]
    assert set(canaries) == {"state", "code", "temp_token"}
    canaries["code"] = f"code={canaries['code']}"
    assert user.client.call("/nothing", {}).status == 404
    until(lambda: "/v1/nothing" in loud_bank.accesses.read_text())
    accesses = "".join(line for line in loud_bank.accesses.open() if " /sandbox" not in line)
    text = logs(loud_bank.server)[before:]
    assert "GET /v1/redirects/sca HTTP/1.1" in accesses and "http:trace4" in text and "core:trace6" in text
    assert canaries.in_(accesses) == [] and canaries.in_(text) == []


# -- one line a request, at debug

@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "told", children=1, log_level="warn finq:debug",
                directives={"FinqFailureLimit": "1/h burst 5"})
    yield made
    made.stop()


class Told(dict):
    """The lines by request, and what was asked and answered."""

    def __init__(self, bank):
        super().__init__()
        self.bank, self.answers = bank, []

    def seen(self, _method, path, _headers, _body, answer):
        if path.startswith(("/v1/", "/v1s/")):
            self.answers.append(answer)

    def read(self):
        log = (self.bank.server.httpd.directory / "error.log").read_text(errors="replace")
        lines = re.findall(r"\[finq:debug\].*FINQ10: \[(\S+)\] (.*)$", log, re.M)
        self.update(lines)
        assert len(self) == len(lines), "one a request"
        refusals = re.findall(r"\[finq:(?!debug)[a-z]+\].*FINQ\d\d: \[(\S+)\] ", log)
        assert refusals and len(refusals) == len(set(refusals)), "one refusal, one line"
        assert set(self) == {answer.headers["x-request-id"] for answer in self.answers}, "and each has one"

    def of(self, answer):
        return self[answer.headers["x-request-id"]]


def test_each_request_has_one_line_at_debug(bank):
    """What was decided, by ids. Red where a word of the line is a client's, where an answer's line is written twice, and where
    a redirect, a refusal by the checker, or an answer of httpd's own has none."""
    told, canaries, signing = Told(bank), Canaries(), Key()
    client, tenant = bank.client, bank.tenant
    bank.server.add_key(tenant, "signer@bank.example", signing.pem)
    signed = bank.server.client(tenant, base="/v1s", sign=Signer(signing, "signer@bank.example"))
    unsigned = bank.server.client(tenant, base="/v1s")
    client.seen = signed.seen = unsigned.seen = told.seen
    canaries.update(client_secret=tenant.client_secret, client_app_key=tenant.client_app_key)
    user = bank.user("plain", tenant_user_id=canaries.text("tenant_user_id"))
    canaries["nonce"] = user.nonce
    start, wrong = told.answers[-1], user.submit(canaries.text("step"), {})
    taken = user.submit("form", {"a": canaries.text("data")})
    stored = user.upload("proof", documents.png())
    last, _ = user.submit("last", {}), user.upload("proof", documents.png())
    canaries["temp_token"] = user.temp_token
    canaries["access_token"] = user.exchange()["access_token"]
    exchanged = told.answers[-1]
    waiting = bank.user("sca")
    waiting.submit("sca", {"scenario": "pend"})
    status = bank.status(waiting)
    decided = bank.decide(status["step_id"], "accepted")
    visitor, at_bank = bank.at_bank()
    canaries["state"] = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(at_bank["data"]["url"]).query))["state"]
    bank.back(bank.choose(at_bank["data"]["url"], "approve"))
    returned = told.answers[-1]
    proven = signed.start_session("plain_sbx_#1.0")
    unproven = unsigned.start_session("plain_sbx_#1.0")
    nowhere = client.call(f"/{canaries.text('path')}", {})
    other, odd = client.request("DELETE", "/v1/sessions"), client.call(f"/sessions/{canaries.text('id')}/status", {})
    forged = client.call(f"/sessions/{user.session_id}/steps", {"client_id": tenant.client_id, "nonce": canaries.text("nonce"), "skill": "s",
                                                                "step": "s", "data": {}})
    guesses = [client.start_session("s", client_app_key=canaries.text("guess")) for _ in range(5)]
    until(lambda: guesses[-1].headers["x-request-id"] in (bank.server.httpd.directory / "error.log").read_text())
    told.read()
    skill = f"tenant={tenant.client_id} skill=plain_sbx_#1.0"
    session = f"session_id={user.session_id}"
    assert told.of(start) == f"/sessions: ok {skill} progress=created {session}"
    assert told.of(wrong) == f"/sessions/{user.session_id}/steps: invalid_step {skill} step=form {session}"
    assert told.of(taken) == (f"/sessions/{user.session_id}/steps: ok {skill} step=form {session} progress=in_progress"
                              f" step_id={taken['step_id']}")
    assert told.of(stored) == (f"/steps/{taken['step_id']}/upload: ok {skill} step=form {session} upload_id={stored['upload_id']}"
                               f" step_id={taken['step_id']}")
    assert "progress=completed" in told.of(last)
    assert told.of(exchanged) == (f"/tokens: ok {skill} progress=exchanged"
                                   f" credentials_id={exchanged['credentials_id']} {session}")
    assert told.of(status).endswith(f"status=SESSION_PENDING session_id={waiting.session_id} step_id={status['step_id']}")
    assert told.of(decided) == f"/decisions: ok connector=bank step_id={status['step_id']}"
    assert told.of(returned) == f"/redirects/*: ok session_id={visitor.session_id}"
    assert told.of(proven) == f"/sessions: ok {skill} signature=good progress=created session_id={proven['session_id']}"
    assert told.of(unproven) == "no route: invalid_signature signature=refused"
    assert told.of(nowhere) == "no route: not_found"
    assert told.of(other) == "/sessions: method_not_allowed" and told.of(odd) == "/sessions/*/status: missing_fields"
    assert told.of(forged) == f"/sessions/{user.session_id}/steps: invalid_nonce cause=forged"
    assert [told.of(guess) for guess in guesses][-1] == "/sessions: too_many_requests limit=failure"
    assert canaries.in_("".join(told.values())) == [] and len(canaries) > 15


# -- what PostgreSQL logs by itself, as conf/manual/operation.md says of it

@pytest.fixture(scope="module")
def talkative(make_module_server):
    return make_module_server(children=1, postgres={"log_statement": "all", "log_min_duration_statement": 0})


def said_by_postgres(installation, settings, act):
    """What it logs of what `act` does, under settings that are undone."""
    def change(*statements):
        for statement in (*statements, "SELECT pg_reload_conf()"):
            installation.psql(statement)
    change(*(f"ALTER SYSTEM SET {name} = {value}" for name, value in settings.items()))
    for name, value in settings.items():
        until(lambda n=name, v=value: installation.psql(f"SHOW {n}") == v, what="the setting")
    log = pathlib.Path(installation.postgres.log)
    before = len(log.read_bytes())
    act()
    text = log.read_bytes()[before:].decode(errors="replace")
    change(*(f"ALTER SYSTEM RESET {name}" for name in settings))
    return text


@pytest.mark.parametrize("settings, shown", [({}, True), ({"log_parameter_max_length": "0"}, False), ({"log_error_verbosity": "terse"}, False)])
def test_statements_that_postgresql_logs(talkative, settings, shown):
    """Ids stand in their parameters; what is sealed shows nobody, and keys and tokens are not there."""
    data, keys, ids = Canaries(), Canaries(), []
    tenant = talkative.create_tenant(f"talkative {secrets.token_hex(4)}")
    client = talkative.client(tenant)

    def act():
        user = begin(client, AISP, tenant_user_id=data.text("tenant_user_id"))
        assert user.submit("sca_implicit", {}).status == 200
        ids.append(user.session_id)
        keys.update(nonce=user.step_nonce, temp_token=user.temp_token, client_secret=tenant.client_secret,
                    client_app_key=tenant.client_app_key, access_token=user.exchange()["access_token"])
    text = said_by_postgres(talkative, settings, act)
    assert "finq.exchange_token(" in text and len(keys) == 5
    assert keys.in_(text) == [] and data.in_(text) == [] and (ids[0] in text) == shown


@pytest.mark.parametrize("settings, shown", [({"log_parameter_max_length": "0"}, True), ({"log_error_verbosity": "terse"}, False)])
def test_failures_that_postgresql_logs(talkative, settings, shown):
    """A row may stand in an error's DETAIL, and shows nobody."""
    canaries = Canaries()
    user = begin(talkative.client(talkative.create_tenant(f"failing {secrets.token_hex(4)}")))
    talkative.psql("ALTER TABLE finq.step ADD CONSTRAINT planted CHECK (false) NOT VALID")
    talkative.httpd.log.expect("FINQ03.*500 internal_server_error.*SQLSTATE 23514")
    text = said_by_postgres(talkative, settings, lambda: user.submit(FIRST["name"], personal(canaries)))
    talkative.psql("ALTER TABLE finq.step DROP CONSTRAINT planted")
    assert "violates check constraint" in text and canaries.in_(text) == [] and (user.session_id in text) == shown
