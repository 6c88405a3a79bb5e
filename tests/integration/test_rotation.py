"""Rotating under load: a tenant's two keys and the server's own secrets, with no valid request refused.

Seen red: a look at memory alone in directory.c, so that a new key waits for FinqCacheTTL, and tenant_rotate that ends the
old keys at once whatever the overlap (key_rotates_under_load); tenant_revoke that sets no end, or puts it off
(revoked_key…); finq_secrets_find that knows the first secret alone (secret_file_rotates…); key_note_use without its
minute, or with no end to it (last_use_costs_no_write…); keys_note without what was known, and keys always taken for
noted (two_keys_in_turn…); exchange_token without key_note_use, and tenant_get in the place of tenant_seen
(show_tells_the_last_use); tenant_set_status without effect (disabled…).
"""
import dataclasses
import secrets
import threading
import time

import pytest

from finqenv.client import Client, Onboarding
from finqenv.process import alive, until

SKILL = "xyz_aisp_sbx_#1.0"
THREADS = 6


class Load:
    """Users who are onboarded without a pause. `tenant()` gives the keys for the next request."""

    def __init__(self, installation, tenant, keep=True):
        self.url = f"http://localhost:{installation.httpd.settings.plain_port}"
        self.tenant, self.keep = tenant, keep
        self.done, self.refused = 0, []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(THREADS)]

    def _onboard(self, client):
        """One user. Each request takes the keys anew, and without `keep` a connection anew."""
        session = Onboarding(client, SKILL)
        for request in (session.start, lambda: session.submit("sca_implicit", {}), session.exchange):
            client.tenant = self.tenant()
            answer = request()
            if not self.keep:
                client.close()
            if answer.status != 200:
                self.refused.append(answer.body)
                return
        self.done += 1

    def _work(self):
        client = Client(self.url, None)
        while not self._end.is_set():
            try:
                self._onboard(client)
            except Exception as error:  # pylint: disable=broad-except
                self.refused.append(repr(error))
        client.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, users=60):
        """Waits until so many more have got through."""
        target = self.done + users
        until(lambda: self.done >= target or self.refused, what=f"{users} more users")
        assert not self.refused, self.refused[:3]


@pytest.fixture
def own(server):
    """A tenant of the test's own, and its keys' rotation."""
    return server.create_tenant(f"Rotating {secrets.token_hex(4)}")


def rotate(server, tenant, kind, *more):
    """The tenant with the new key."""
    shown = server.finqctl("tenant", "rotate", tenant.client_id, kind, *more)
    new = {name: value for name, value in shown.items() if name in ("client_secret", "client_app_key")}
    return dataclasses.replace(tenant, **new)


def keys(server, tenant, kind):
    return [key for key in server.finqctl("tenant", "show", tenant.client_id)["keys"] if key["kind"] == kind]


@pytest.mark.parametrize("kind", ["--app-key", "--secret"])
def test_key_rotates_under_load(server, own, kind):
    in_use = [(own,)]
    with Load(server, lambda: secrets.choice(in_use[0])) as load:
        load.go_on()
        new = rotate(server, own, kind)
        in_use[0] = (own, new)  # both from now on, the new one at once
        load.go_on(300)
        in_use[0] = (new,)
        load.go_on()
    assert len(keys(server, own, "SECRET" if kind == "--secret" else "APP_KEY")) == 2


def test_keys_rotate_again_and_again(server, own):
    """Each new key is sent by all threads at once, while every child remembers the tenant without it."""
    current = [own]
    with Load(server, lambda: current[0]) as load:
        for _ in range(6):
            load.go_on(30)
            current[0] = rotate(server, rotate(server, current[0], "--app-key", "--overlap", 1), "--secret")
            time.sleep(1)  # a directory asks again for wrong keys ten times a second and no more
        load.go_on()


def test_old_keys_work_until_their_end_and_no_longer(server, own):
    new = rotate(server, rotate(server, own, "--app-key"), "--secret")
    old, fresh = server.client(own), server.client(new)
    begun = Onboarding(old, SKILL)
    assert begun.start().status == 200
    server.psql("UPDATE finq.tenant_key SET ends_at = clock_timestamp() + interval '6 s'"
                f" WHERE client_id = '{own.client_id}' AND isfinite(ends_at)")
    ends = time.monotonic() + 6
    session = Onboarding(old, SKILL)
    while time.monotonic() < ends - 5:
        assert session.start().status == 200
    session.submit("sca_implicit", {})
    assert session.exchange().status == 200
    finished = Onboarding(old, SKILL)
    finished.start()
    finished.submit("sca_implicit", {})
    time.sleep(max(0.0, ends + 0.1 - time.monotonic()))
    assert finished.exchange().code == "invalid_client_secret"
    assert begun.submit("sca_implicit", {}).code == "invalid_client_app_key", "the first step asks the database"
    until(lambda: session.start().code == "invalid_client_app_key", what="the directories to forget")
    session.client = finished.client = fresh
    assert session.start().status == finished.exchange().status == 200
    old.close()
    fresh.close()


def test_revoked_key_ends_at_once(server, own):
    client = server.client(own)
    session = Onboarding(client, SKILL)
    session.start()
    session.submit("sca_implicit", {})
    begun = Onboarding(client, SKILL)
    begun.start()
    for kind in ("APP_KEY", "SECRET"):
        key_id = keys(server, own, kind)[0]["key_id"]
        left = server.finqctl("tenant", "revoke", own.client_id, key_id)
        assert [key["live"] for key in left["keys"]] == [False]
        again = server.finqctl("tenant", "revoke", own.client_id, key_id)
        assert again["keys"][0]["ends_at"] == left["keys"][0]["ends_at"], "its end is not put off"
    assert session.exchange().code == "invalid_client_secret"
    assert begun.submit("sca_implicit", {}).code == "invalid_client_app_key"
    client.close()


def test_no_overlap_ends_the_old_at_once(server, own):
    client = server.client(own)
    session = Onboarding(client, SKILL)
    session.start()
    session.submit("sca_implicit", {})
    client.tenant = rotate(server, own, "--secret", "--overlap", 0)
    old = server.client(own)
    assert old.exchange(session.temp_token).code == "invalid_client_secret"
    assert session.exchange().status == 200
    old.close()
    client.close()


def test_disabled_and_enabled(server, own):
    client = server.client(own)
    begun, done = Onboarding(client, SKILL), Onboarding(client, SKILL)
    begun.start()
    done.start()
    done.submit("sca_implicit", {})
    server.finqctl("tenant", "disable", own.client_id)
    assert begun.submit("sca_implicit", {}).code == "unauthorized_tenant"
    assert done.exchange().code == "unauthorized_tenant"
    until(lambda: client.start_session(SKILL).code == "unauthorized_tenant", what="the directories to forget")
    server.finqctl("tenant", "enable", own.client_id)
    assert client.start_session(SKILL).status == 200, "at once"
    assert begun.submit("sca_implicit", {}).status == done.exchange().status == 200
    client.close()


def test_a_new_grant_works_at_once(server, client):
    """However often the tenant has been refused before. Red where memory refuses without a look at the database."""
    other = server.create_tenant("Granted late", ())
    user = server.client(other)
    for _ in range(40):
        assert user.start_session(SKILL).code == "unauthorized_tenant"
    server.finqctl("tenant", "allow", other.client_id, SKILL)
    assert user.start_session(SKILL).status == 200
    user.close()


# ---- the server's own secrets

def write_secrets(installation, *lines):
    """Replaces the file at once, as an operator should: mv, not >."""
    draft = installation.secret_file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{line}\n" for line in lines))
    draft.replace(installation.secret_file)


def test_secret_file_rotates_under_load(make_server):
    """In three steps, each a graceful restart: known to all, then first, then the old one goes."""
    installation = make_server(plain=True)
    tenant = installation.create_tenant("Tenant")
    client = installation.client(tenant)
    old, new = installation.secret_file.read_text().strip(), secrets.token_hex(32)
    before, during = Onboarding(client, SKILL), Onboarding(client, SKILL)
    before.start()
    with Load(installation, lambda: tenant, keep=False) as load:
        load.go_on()
        write_secrets(installation, old, new)
        installation.httpd.graceful()
        load.go_on()
        write_secrets(installation, new, old)
        installation.httpd.graceful()
        load.go_on()
        assert before.submit("sca_implicit", {}).status == 200, "its nonce is of the old secret"
        during.start()
    write_secrets(installation, new)
    client.close()
    older = installation.httpd.children()
    installation.httpd.graceful()
    until(lambda: not any(map(alive, older)), what="the end of those that know the old secret")
    assert during.submit("sca_implicit", {}).status == 200 and during.exchange().status == 200
    again = Onboarding(client, SKILL)
    again.nonce, again.session_id = before.step_nonce, before.session_id
    assert again.submit("sca_implicit", {}).code == "invalid_nonce", "the old secret is gone"
    client.close()


# ---- last use

def calls_of(server, function):
    """How often a function has run."""
    server.psql("SELECT pg_stat_force_next_flush()")
    return int(server.psql(f"SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = '{function}'"))


@pytest.fixture
def noted(server):
    """Yields a function that tells how often a tenant's keys were written to."""
    server.psql("CREATE TABLE public.noted (client_id uuid); GRANT INSERT ON public.noted TO PUBLIC;"
                "CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN INSERT INTO public.noted VALUES (NEW.client_id); RETURN NULL; END';"
                "CREATE TRIGGER noted AFTER UPDATE ON finq.tenant_key FOR EACH ROW EXECUTE FUNCTION public.note()")
    yield lambda tenant: int(server.psql(f"SELECT count(*) FROM public.noted WHERE client_id = '{tenant.client_id}'"))
    server.psql("DROP TRIGGER noted ON finq.tenant_key; DROP FUNCTION public.note(); DROP TABLE public.noted")


def test_show_tells_the_last_use(server, own):
    client = server.client(own)
    assert all(key["last_used_at"] is None for kind in ("APP_KEY", "SECRET") for key in keys(server, own, kind))
    session = Onboarding(client, SKILL)
    session.start()
    assert keys(server, own, "APP_KEY")[0]["last_used_at"] and not keys(server, own, "SECRET")[0]["last_used_at"]
    session.submit("sca_implicit", {})
    session.exchange()
    assert keys(server, own, "SECRET")[0]["last_used_at"]
    new = rotate(server, own, "--app-key")
    rotated = server.client(new)
    assert [bool(key["last_used_at"]) for key in keys(server, own, "APP_KEY")] == [True, False]
    rotated.start_session(SKILL)
    assert [bool(key["last_used_at"]) for key in keys(server, own, "APP_KEY")] == [True, True]
    wrong = server.client(dataclasses.replace(new, client_app_key="wrong"))
    used = keys(server, own, "APP_KEY")
    wrong.start_session(SKILL)
    assert keys(server, own, "APP_KEY") == used
    for connected in (client, rotated, wrong):
        connected.close()


def test_last_use_costs_no_write_a_request(server, own, noted):
    with Load(server, lambda: own) as load:
        load.go_on(200)
    assert noted(own) == 2, "one of each key: the minute has not passed, whatever the number of children"
    server.psql("UPDATE finq.tenant_key SET last_used_at = last_used_at - interval '2 min'")
    client = server.client(own)
    session = Onboarding(client, SKILL)
    session.start()
    session.submit("sca_implicit", {})
    session.exchange()
    client.close()
    age = server.psql("SELECT max(clock_timestamp() - last_used_at) < interval '1 min' FROM finq.tenant_key"
                      f" WHERE client_id = '{own.client_id}' AND kind = 'SECRET'")
    assert age == "t", "after a minute it is noted again"


def test_two_keys_in_turn_ask_no_more_often_than_one(make_server):
    """Red where noting one key's use forgets that the other's was noted: each request would ask the database."""
    installation = make_server(directives={"FinqCacheTTL": "300"}, postgres={"track_functions": "all"}, children=1)
    tenant = installation.create_tenant("Tenant")
    first, second = installation.client(tenant), installation.client(rotate(installation, tenant, "--app-key"))
    for client in (first, second):
        assert client.start_session(SKILL).status == 200
    assert all(key["last_used_at"] for key in keys(installation, tenant, "APP_KEY")), "though both were remembered"
    calls = calls_of(installation, "tenant_seen")
    for _ in range(20):
        assert first.start_session(SKILL).status == second.start_session(SKILL).status == 200
    time.sleep(1.2)
    first.start_session("xyz_sbx_#3.0")  # makes the backend report
    assert calls_of(installation, "tenant_seen") - calls <= 3
    first.close()
    second.close()
