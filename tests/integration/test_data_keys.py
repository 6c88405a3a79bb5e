"""What is stored of persons is sealed under a session's data key, which a file that is not in the database unwraps.

Each test says what should turn it red; not all of it has been tried.
"""
import contextlib
import json
import secrets
import urllib.parse

import pytest

from connector.behaviours import says
from finqenv import pages
from finqenv.banking import Bank, definition, step
from finqenv.client import Onboarding
from finqenv.installation import FINQCTL
from finqenv.load import under_load
from finqenv.postgres import programs
from finqenv.process import clean_environ, run
from finqenv.wire import is_error

SHUT = "does not open: it was altered, or is another row's"


@pytest.fixture(scope="module")
def bank(make_module_server, server, run_directory):
    made = Bank(make_module_server, run_directory / "data-keys", cluster=server.postgres, database="data_keys", children=1, threads=16)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.service.behaviour = None


def tells(bank, **answer):
    bank.service.behaviours = {**bank.service.behaviours, "tells": says(json.dumps(answer).encode())}
    bank.service.behaviour = "tells"


def keys_write(bank, *keys):
    """As an operator should: mv, not >."""
    file = bank.server.data_key_file
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{key}\n" for key in keys))
    draft.replace(file)
    bank.server.httpd.graceful()


@pytest.fixture
def restored(bank):
    """The data-key file is afterwards what it was, with all the keys that rows may be wrapped by."""
    before = bank.server.data_key_file.read_text().split()
    yield before[0]
    keys_write(bank, *before)


# -- nothing in clear

def page_made(bank, word, person):
    skill = bank.allow(definition("page_kept_sbx_#1.0", step("form", schema={"type": "object", "properties": {"name": {"type": "string"}}})))
    made = pages.make(bank.client, skill, tenant_user_id=person, prefill={"form": {"name": f"{word} prefilled"}},
                      return_link=f"https://app.example/{word}")
    assert made.status == 200, made.body
    return made["page_id"]


def pages_of(bank, person):
    """(id, prefill, return_link) of each."""
    return [(one["page_id"], one["prefill"], one["return_link"]) for one in bank.ctl("user", "export", bank.tenant.client_id, person)["pages"]]


def lived(bank, word):
    """All that a session may hold of a person, each with the word in it: steps, replies, reasons, links, whose it is."""
    person = f"{word} person"
    at_bank, answer = bank.at_bank(tenant_user_id=person, link=f"https://app.example/done?{word}=1")
    assert bank.status(at_bank)["data"]["url"] == answer["data"]["url"]
    resumed = bank.resume(at_bank)
    at_bank.nonce = resumed["nonce"]
    assert resumed["tenant_user_id"] == person
    query = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer["data"]["url"]).query)),
                                    "error": "access_denied", "error_description": f"{word} denies"})
    path = f"/v1/redirects/sca?{query}"
    first, sent = bank.back(path)
    assert first.status == 302 and sent["error_description"] == f"{word} denies" and sent[word] == "1"
    assert bank.back(path)[0].headers["location"] == first.headers["location"], "again"
    assert bank.status(at_bank)["reasons"] == [f"{word} denies"]
    tells(bank, verdict="accepted", data={"note": f"{word} told"})
    done = bank.user("sca_more", tenant_user_id=person)
    answer = done.submit("sca", {"scenario": f"{word} entered"})
    assert answer["data"] == {"note": f"{word} told"}
    bank.service.behaviour = None
    done.submit("last", {"more": f"{word} entered"})
    credentials = done.exchange().json
    assert credentials["tenant_user_id"] == person
    tells(bank, verdict="pending", reasons=[f"{word} looked at"])
    decided = bank.user("sca", tenant_user_id=person)
    assert decided.submit("sca", {})["reasons"] == [f"{word} looked at"]
    assert bank.decide(decided.step_id, "failed", [f"{word} refused"]).status == 200
    assert bank.status(decided)["reasons"] == [f"{word} refused"]
    bank.service.behaviour = None
    reviewed = bank.user("review", tenant_user_id=person)
    assert reviewed.submit("form", {"name": f"{word} reviewed"}).status == 200
    bank.ctl("step", "reject", reviewed.step_id, "--reason", f"{word} rejected")
    assert bank.status(reviewed)["reasons"] == [f"{word} rejected"]
    page_made(bank, word, person)
    return person, credentials, {user.session_id for user in (at_bank, done, decided, reviewed)}


def test_nothing_of_a_person_is_in_the_databases_files(bank):
    """Of all that was entered, told, decided and linked, in no file of the cluster, its WAL included, and in no dump. Red where any of
    the values of finq_step_submit, of redirect.c or of entry.c's person_seal goes as it is."""
    word = f"canary{secrets.token_hex(8)}"
    person, credentials, sessions = lived(bank, word)
    assert [one["tenant_user_id"] for one in bank.client.consents(tenant_user_id=person)["result"]["consents"]] == [person]
    bank.psql("CHECKPOINT")
    for pattern in (word, word.encode().hex()):
        found = run("grep", "-rlaF", pattern, bank.server.postgres.data, check=False)
        assert (found.returncode, found.stdout) == (1, ""), "grep finds nothing"
    dump = run(programs() / "pg_dump", bank.server.postgres.conninfo("finq_owner", "data_keys")).stdout
    assert word not in dump and credentials["credentials_id"] in dump
    shown = bank.ctl("user", "export", bank.tenant.client_id, person)
    assert {one["session_id"] for one in shown["sessions"]} == sessions
    assert [(one["prefill"], one["return_link"]) for one in shown["pages"]] == [({"form": {"name": f"{word} prefilled"}}, f"https://app.example/{word}")]
    assert json.dumps(shown).count(word) >= 8 and all(one["tenant_user_id"] == person for one in shown["sessions"])


def test_the_command_says_what_it_lacks(bank):
    """Without the file, and with another. Red where ctl_sealed_print asks for no keys."""
    user = bank.user("sca", tenant_user_id="who lacks")
    assert user.submit("sca", {"scenario": "accept"}).status == 200

    def ctl(*words, file=""):
        known = {"FINQ_DB": bank.server.conninfo(), **({"FINQ_DATA_KEY_FILE": str(file)} if file else {})}
        done = run(FINQCTL, *words, check=False, env=clean_environ(**known))
        return done.returncode, done.stdout, done.stderr
    code, said, why = ctl("session", "show", user.session_id)
    assert code == 0 and "who lacks" not in said and "data" not in said and "tenant_user_id is not shown: give --data-key-file" in why
    for words in (("session", "show", user.session_id, "--data"), ("step", "list", "--pending", "--data"),
                  ("user", "export", bank.tenant.client_id, "who lacks"), ("data-key", "list"),
                  ("session", "list", "--tenant", bank.tenant.client_id, "--tenant-user-id", "x")):
        assert ctl(*words)[0] == 2 and "which data-key file? Give --data-key-file PATH" in ctl(*words)[2]
    other = bank.directory / "other.data-key"
    other.touch(mode=0o600)
    other.write_text(secrets.token_hex(32))
    code, said, why = ctl("session", "show", user.session_id, "--data", file=other)
    assert code == 1 and not said and "is not in this server's data-key file (FinqDataKey)" in why
    code, said, why = ctl("session", "show", user.session_id, "--data", file=bank.server.data_key_file)
    assert code == 0 and json.loads(said)["steps"][0]["data"] == {"scenario": "accept"}
    assert ctl("session", "list", "--tenant-user-id", "x")[0] == 2, "whose user?"


# -- rows are not exchanged

def pending(bank, word):
    tells(bank, verdict="pending", reasons=[word])
    user = bank.user("sca", tenant_user_id=word)
    assert user.submit("sca", {"word": word}).status == 200
    return user


@contextlib.contextmanager
def two_pending(bank):
    one, other = pending(bank, "one"), pending(bank, "other")
    yield one, other
    bank.psql(f"SELECT finq.sessions_remove(ARRAY['{one.session_id}'::uuid])")  # nobody can wrap it anew


SWAPS = ["reasons", "tenant_user_id", "reasons, data_key", "reasons, data_key, step_id"]


@pytest.mark.parametrize("columns", SWAPS)
def test_another_sessions_values_do_not_open(bank, columns):
    """Whatever of it comes along. Red with one of the pieces out of pieces_fill."""
    with two_pending(bank) as (one, other):
        values = ", ".join(f"o.{column}" for column in columns.split(", "))
        bank.psql(f"UPDATE finq.session s SET ({columns}) = ROW({values}) FROM finq.session o"
                  f" WHERE s.session_id = '{one.session_id}' AND o.session_id = '{other.session_id}'")
        bank.server.httpd.log.expect(SHUT)
        assert is_error(bank.status(one), 500, "internal_server_error")
        assert bank.status(other)["reasons"] == ["other"]


def test_another_steps_data_do_not_open(bank):
    with two_pending(bank) as (one, other):
        bank.psql("UPDATE finq.step s SET data = o.data FROM finq.step o"
                  f" WHERE s.session_id = '{one.session_id}' AND o.session_id = '{other.session_id}'")
        done = bank.ctl("session", "show", one.session_id, "--data", check=False)
        assert done.returncode == 1 and SHUT in done.stderr and done.stdout == ""
        assert bank.ctl("session", "show", other.session_id, "--data")["steps"][0]["data"] == {"word": "other"}


# -- a key that is not there

def test_a_file_that_lacks_the_key(bank, restored):
    """Nothing is stored, no connector is asked, and the nonce is good again with the key. Red where finq_step_plan_make unwraps behind the
    connector's answer."""
    before, under_way = bank.user("sca"), bank.user("plain", tenant_user_id="lacking")
    at_bank, answer = bank.at_bank()
    assert under_way.submit("form", {}).status == 200
    path = bank.choose(answer["data"]["url"], "approve")
    keys_write(bank, secrets.token_hex(32))
    log, key = bank.server.httpd.log, bank.psql(f"SELECT finq.wrapping_key(data_key) FROM finq.session WHERE session_id = '{at_bank.session_id}'")
    log.expect(f"FINQ03.*service_unavailable: the data key of session {before.session_id} is wrapped by the key {key}, which is not in")
    log.allow(f"FINQ03.*is wrapped by the key {key}, which is not in")
    asked = len(bank.service.seen)
    for answer in (before.submit("sca", {"scenario": "accept"}), bank.status(under_way), bank.client.request("GET", path)):
        assert answer.status == 503 and answer.code == "service_unavailable" and "retry-after" in answer.headers
    assert len(bank.service.seen) == asked
    assert bank.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{before.session_id}'") == "0"
    assert bank.psql(f"SELECT returned_at FROM finq.session WHERE session_id = '{at_bank.session_id}'") == ""
    new = bank.user("sca")
    assert new.submit("sca", {"scenario": "accept"}).status == 200, "what begins now has the key that is there"
    keys_write(bank, restored, *bank.server.data_key_file.read_text().split())
    assert before.submit("sca", {"scenario": "accept"}).status == 200 and bank.status(under_way).status == 200
    assert bank.back(path)[1]["temp_token"]
    bank.ctl("data-key", "rewrap")  # so that the file may be what it was


# -- wrapping anew

def listed(bank):
    return {one["place"]: (one["sessions"], one["consents"], one["pages"]) for one in bank.ctl("data-key", "list")}


def test_keys_are_changed_under_load_and_the_old_one_is_retired(bank, restored):
    """Each user goes on meanwhile, is found by their id before, in between and after, and renews; nothing opens by the old key alone. Red
    without user_mac in finq.data_key_put (of a page too), and where finq_data_key_rewrap wraps under another than the first."""
    person = f"person {secrets.token_hex(4)}"
    kept = bank.user("sca", tenant_user_id=person)
    assert kept.submit("sca", {"scenario": "accept", "n": 1.50}).status == 200
    credentials = kept.exchange().json
    under_way = bank.user("plain", tenant_user_id=person)
    page_id = page_made(bank, "kept", person)
    new = secrets.token_hex(32)
    keys_write(bank, restored, new)
    keys_write(bank, new, restored)

    def found():
        consents = bank.client.consents(tenant_user_id=person)["result"]["consents"]
        return [one["tenant_user_id"] for one in consents] == [person] and bank.client.consent("get", credentials, tenant_user_id=person).status == 200

    def onboard(number):
        client = bank.server.client(bank.tenant)
        user = Onboarding(client, "sca_more_sbx_#1.0")
        statuses = [user.start(tenant_user_id=f"{person} {number}").status, user.submit("sca", {"scenario": "accept"}).status,
                    user.submit("last", {}).status, user.exchange().status]
        client.close()
        return statuses
    assert found()
    with under_load(onboard, threads=2) as done:
        shown = bank.ctl("data-key", "rewrap")
        assert found()
    assert done and all(statuses == [200] * 4 for _, statuses in done)
    assert shown["sessions"] > 0 and shown["consents"] > 0 and shown["pages"] > 0
    assert under_way.submit("form", {}).status == 200, "a nonce from before carries its key under the old one"
    again = bank.ctl("data-key", "rewrap")
    assert again["sessions"] >= 1 and listed(bank)[2] == (0, 0, 0) and list(listed(bank)) == [1, 2]
    assert bank.ctl("data-key", "rewrap")["sessions"] == 0, "nothing is left to do"
    keys_write(bank, new)
    assert found() and bank.server.entered(kept.session_id) == {"sca": '{"scenario":"accept","n":1.5}'}
    assert pages_of(bank, person) == [(page_id, {"form": {"name": "kept prefilled"}}, "https://app.example/kept")]
    assert bank.ctl("session", "list", "--tenant", bank.tenant.client_id, "--tenant-user-id", person)[0]["tenant_user_id"] == person
    renewal = Onboarding(bank.client, "sca_sbx_#1.0")
    started = bank.client.consent("renew", credentials)
    renewal.nonce, renewal.session_id = started["nonce"], started["session_id"]
    assert renewal.submit("sca", {"scenario": "accept"}).status == 200
    assert renewal.exchange()["tenant_user_id"] == person
    keys_write(bank, restored, new)
    bank.ctl("data-key", "rewrap")


def test_a_page_that_was_started_goes_on_under_a_new_key(bank, restored):
    """The key of its session is wrapped anew with its own, and goes with what the session had. Red without page_session in data_key_batch or
    in data_key_put, and where finq.sessions_data_remove leaves it."""
    skill = bank.allow(definition("page_begun_sbx_#1.0", step("form", schema={"type": "object", "properties": {"name": {"type": "string"}}})))
    visitor = pages.visit(bank.server, bank.client, skill)
    visitor.open()
    visitor.press("start")
    new = secrets.token_hex(32)
    keys_write(bank, new, restored)
    shown = bank.ctl("data-key", "rewrap")
    assert shown["page_sessions"] >= 1 and listed(bank)[2] == (0, 0, 0)
    keys_write(bank, new)
    visitor.open()
    visitor.press("start")
    assert visitor.press("next", {"/name": "Ana"}).status == 200
    session_id, is_kept = bank.psql("SELECT p.session_id, p.session_key IS NOT NULL FROM finq.page p ORDER BY p.created_at DESC LIMIT 1").split("|")
    assert (is_kept, bank.server.entered(session_id)) == ("t", {"form": '{"name":"Ana"}'})
    bank.psql("UPDATE finq.session SET status = 'SESSION_FAILED', is_over = true, expires_at = clock_timestamp() - interval '31 days'"
              f" WHERE session_id = '{session_id}'")
    bank.ctl("janitor", "run")
    assert bank.psql(f"SELECT session_key IS NULL FROM finq.page WHERE session_id = '{session_id}'") == "t"
    keys_write(bank, restored, new)
    bank.ctl("data-key", "rewrap")


def test_what_a_bank_gave_goes_on_under_a_new_key(bank, restored, monkeypatch):
    """For a consent in force, and for one that has ended and is to be taken back. Red without feed, or revocation, in data_key_batch."""
    asked = []

    def answer(question, headers, connection):
        asked.append(question.get("reference"))
        return {question["ask"]: []} if question["event"] == "data" else {"verdict": "accepted", "reference": "r-1"}
    monkeypatch.setattr(bank.service, "answer", answer)
    held, ended = [], []
    for consents in (held, ended):
        user = bank.user("sca")
        user.submit("sca", {})
        consents.append(user.exchange().json)
        assert bank.client.data("/accounts/get", consents[0]).json == []
    bank.client.consent("delete", ended[0])
    new = secrets.token_hex(32)
    keys_write(bank, new, restored)
    shown = bank.ctl("data-key", "rewrap")
    assert shown["references"] >= 1 and shown["revocations"] >= 1
    assert [key["references"] for key in shown["keys"] if key["place"] == 2] == [0]
    keys_write(bank, new)
    asked.clear()
    assert bank.client.data("/accounts/get", held[0], wait=5).json == [] and asked == ["r-1"] * 3
    keys_write(bank, restored, new)
    bank.ctl("data-key", "rewrap")


def test_a_key_is_needed_by_whom_it_finds(bank, restored):
    """A consent in force whose data have gone has nothing to wrap anew, and its person is found by that key alone. Red without user_mac_key
    in finq.data_key_list."""
    person = f"person {secrets.token_hex(4)}"
    user = bank.user("sca", tenant_user_id=person)
    assert user.submit("sca", {"scenario": "accept"}).status == 200
    credentials = user.exchange().json
    bank.psql(f"UPDATE finq.credential SET max_data_retention = clock_timestamp() WHERE credentials_id = '{credentials['credentials_id']}';"
              f"UPDATE finq.session SET exchanged_at = exchanged_at - interval '3 minutes' WHERE session_id = '{user.session_id}'")
    assert bank.ctl("janitor", "run")["data_removed"] == 1
    new = secrets.token_hex(32)
    keys_write(bank, new, restored)
    bank.ctl("data-key", "rewrap")
    assert listed(bank)[2] == (0, 1, 0) and len(bank.client.consents(tenant_user_id=person)["result"]["consents"]) == 1
    bank.client.consent("delete", credentials)
    assert listed(bank)[2] == (0, 0, 0)
    keys_write(bank, restored, new)
    bank.ctl("data-key", "rewrap")


def test_rewrapping_goes_on_where_it_was_broken_off(bank, restored):
    """In the middle of a batch's rows another server has wrapped one: that one stays as it is."""
    users = [bank.user("plain", tenant_user_id=f"broken {n}") for n in range(3)]
    for user in users:
        assert user.submit("form", {}).status == 200
    new = secrets.token_hex(32)
    file = bank.directory / "two.data-key"
    file.touch(mode=0o600)
    file.write_text(f"{new}\n{restored}\n")
    bank.psql("CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken off''; END';"
              f"CREATE TRIGGER broken BEFORE UPDATE ON finq.session FOR EACH ROW WHEN (OLD.session_id = '{users[1].session_id}')"
              " EXECUTE FUNCTION public.broken()")
    try:
        assert bank.ctl("data-key", "rewrap", "--data-key-file", file, check=False).returncode != 0
    finally:
        bank.psql("DROP TRIGGER broken ON finq.session; DROP FUNCTION public.broken()")
    assert all(bank.status(user).status == 200 for user in users), "a batch is done whole or not at all"
    with two_pending(bank) as (one, other):
        bank.psql("UPDATE finq.session s SET tenant_user_id = o.tenant_user_id FROM finq.session o"
                  f" WHERE s.session_id = '{one.session_id}' AND o.session_id = '{other.session_id}'")
        done = bank.ctl("data-key", "rewrap", "--data-key-file", file, check=False)
        assert done.returncode == 1 and f"session {one.session_id} stays as it is: a sealed value" in done.stderr
        assert json.loads(done.stdout)["sessions"] >= 4, "what does not open holds no other up"
    file.write_text(f"{restored}\n{new}\n")
    assert bank.ctl("data-key", "rewrap", "--data-key-file", file)["sessions"] >= 3
    assert all(bank.status(user).status == 200 for user in users)


def test_what_is_erased_has_no_key(bank):
    """Nor has a consent whose data are gone, which is told without whose it was. Red without data_key in finq.session_empty or in
    finq.janitor_remove_data."""
    user = bank.user("sca", tenant_user_id="erased")
    assert user.submit("sca", {"scenario": "accept"}).status == 200
    credentials = user.exchange().json
    bank.client.consent("delete", credentials, pcd_data_retention=0)
    bank.psql(f"SELECT finq.janitor_remove_data() FROM finq.credential WHERE credentials_id = '{credentials['credentials_id']}'")
    assert bank.psql(f"SELECT num_nonnulls(data_key, tenant_user_id) FROM finq.credential WHERE credentials_id = '{credentials['credentials_id']}'") == "0"
    told = bank.client.consent("get", credentials)
    assert told.status == 200 and told["result"]["status"] == "DELETED" and "tenant_user_id" not in told["result"]
