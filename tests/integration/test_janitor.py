"""What the passing of time ends and removes (sql/functions/janitor.sql), by finqctl janitor run. Time is moved in the rows.

Seen red: see each test.
"""
import base64
import json
import uuid

import pytest

from finqenv.ends import client, person, settle  # noqa: F401
from finqenv.flows import AISP, CARD, begin, steps, submit, upload_required, walk
from finqenv.locks import Blocker, locked
from finqenv.wire import is_error, steady


@pytest.fixture(scope="module")
def own(make_module_server, server):
    return settle(make_module_server(cluster=server.postgres, database="janitor", children=1), "Janitor", tidy=tidy)


def tidy(own):
    """Nothing is due, and nothing has been told."""
    own.psql("DELETE FROM finq.outbox; DELETE FROM finq.credential; DELETE FROM finq.session; DELETE FROM finq.replay")


def run(own, *options):
    """What a run did: {job: rows}, without the jobs that found nothing, without the trail, which grows by the way, and how the weeks stand."""
    return {job: rows for job, rows in own.finqctl("janitor", "run", *options).items() if rows and job not in ("audit_chained", "weeks")}


def events(own):
    """What has been written to be told since the last time."""
    told = own.psql("DELETE FROM finq.outbox RETURNING type || ' ' || coalesce(payload #>> '{data,credentials_id}', session_id::text)")
    return [tuple(line.split()) for line in told.splitlines()]


def age(own, session_id, by, *columns):
    sets = ", ".join(f"{column} = {column} - interval '{by}'" for column in columns or ("started_at", "expires_at"))
    own.psql(f"UPDATE finq.session SET {sets} WHERE session_id = '{session_id}'")


def session(own, session_id, columns="status"):
    return own.psql(f"SELECT {columns} FROM finq.session WHERE session_id = '{session_id}'")


def held(own, session_id):
    """Rows of a session: itself, its steps, their uploads; and files that wait for removal."""
    return own.psql(f"""SELECT (SELECT count(*) FROM finq.session WHERE session_id = '{session_id}'),
        (SELECT count(*) FROM finq.step WHERE session_id = '{session_id}'),
        (SELECT count(*) FROM finq.upload u WHERE u.step_id BETWEEN finq.time_first('{session_id}') AND finq.time_last('{session_id}')),
        (SELECT count(*) FROM finq.upload_removed r WHERE r.upload_id BETWEEN finq.time_first('{session_id}') AND finq.time_last('{session_id}'))""")


# -- sessions

def test_a_session_expires_once(own, client):
    """Red without `s.expires_at <= v_now` in finq.janitor_expire_sessions (too early), and without its event in
    finq.session_expire."""
    user = walk(client, CARD, to=1)
    age(own, user.session_id, "23 hours 59 minutes")
    assert run(own) == {} and events(own) == [] and session(own, user.session_id) == "SESSION_IN_PROGRESS"
    age(own, user.session_id, "2 minutes")
    assert run(own) == {"sessions_expired": 1} and run(own) == {}
    assert session(own, user.session_id) == "SESSION_EXPIRED"
    assert events(own) == [("session.expired", user.session_id)]
    assert is_error(submit(user, 2), 401, "expired_session")


def test_what_was_not_exchanged_expires(own, client):
    """Once its temp_token's time is over too: whoever has one that is good may come. Red without answer_expires_at in
    finq.session_is_old."""
    user = walk(client)
    events(own)
    age(own, user.session_id, "25 hours")
    assert run(own) == {} and session(own, user.session_id) == "SESSION_COMPLETED"
    age(own, user.session_id, "1 hour", "answer_expires_at")
    assert run(own) == {"sessions_expired": 1} and events(own) == [("session.expired", user.session_id)]
    assert is_error(user.exchange(), 401, "invalid_temp_token")


def test_what_was_exchanged_does_not_expire(own, client):
    """Red without `s.exchanged_at IS NULL`."""
    user = walk(client)
    first = user.exchange()
    age(own, user.session_id, "25 hours", "expires_at", "answer_expires_at")
    assert run(own) == {} and steady(user.exchange()) == steady(first)


def test_expired_sessions_go_after_their_retention(own, client):
    """With steps and uploads, and no other's; their files wait for a server. Counted from the end. Red where
    finq.session_expire leaves expires_at, without the DELETE of steps, and without e.session_id there."""
    user, other = walk(client, CARD, to=1), walk(client, CARD, to=1)
    files = int(held(own, user.session_id).split("|")[2])
    age(own, user.session_id, "40 days")
    assert run(own) == {"sessions_expired": 1}
    age(own, user.session_id, "29 days 23 hours")
    assert run(own) == {} and held(own, user.session_id) == f"1|1|{files}|0"
    age(own, user.session_id, "1 hour")
    assert run(own) == {"sessions_removed": 1} and files > 0 and held(own, user.session_id) == f"0|0|0|{files}"
    assert held(own, other.session_id) == f"1|1|{files}|0" and submit(other, 2).status == 200


def test_a_session_that_was_removed_does_not_begin_anew(own, client):
    """By its first nonce, while that lives: an empty row says that it has been, for a day from its start. Red without v_young in
    finq.sessions_remove, and without started_at in finq.session_empty (it is removed in each run)."""
    user = begin(client, CARD)
    first = user.nonce
    assert submit(user, 1).status == 200
    own.psql(f"UPDATE finq.session SET status = 'SESSION_FAILED', is_over = true, expires_at = clock_timestamp(), answer_expires_at = clock_timestamp()"
             f" WHERE session_id = '{user.session_id}'")
    assert run(own, "--session-retention", "0") == {"sessions_removed": 1} and held(own, user.session_id).startswith("1|0|0|")
    assert run(own, "--session-retention", "0") == {}
    user.nonce = first
    assert is_error(submit(user, 1), 401, "expired_session")
    age(own, user.session_id, "1 day")
    assert run(own, "--session-retention", "0") == {"sessions_removed": 1} and held(own, user.session_id).startswith("0|0|0|")


def test_how_long_sessions_stay_is_told(own, client):
    """Red where janitor.c passes another value."""
    user = walk(client, CARD, to=1)
    own.psql(f"UPDATE finq.session SET status = 'SESSION_FAILED', is_over = true, expires_at = clock_timestamp() - interval '61 seconds' WHERE session_id = '{user.session_id}'")
    assert run(own, "--session-retention", "3600") == {} and run(own, "--session-retention", "60") == {"sessions_removed": 1}


def test_what_somebody_holds_is_left_to_the_next_run(own, client):
    """And nobody is waited for. Red without SKIP LOCKED."""
    users = [walk(client, CARD, to=1) for _ in range(2)]
    for user in users:
        age(own, user.session_id, "25 hours")
    with Blocker(own, locked(users[0])):
        assert run(own) == {"sessions_expired": 1} and run(own) == {}
    assert run(own) == {"sessions_expired": 1}


# -- consents

def consent(client):
    user = walk(client)
    return user, user.exchange()["credentials_id"]


def set_times(own, credentials_id, **times):
    sets = ", ".join(f"{column} = clock_timestamp() + interval '{left}'" for column, left in times.items())
    own.psql(f"UPDATE finq.credential SET {sets} WHERE credentials_id = '{credentials_id}'")


def test_consents_expire_with_notice(own, client):
    """Each is told once. Red without `NOT o.expiry_told`, and without `o.status = 'ACTIVE'`."""
    _, credentials_id = consent(client)
    events(own)
    for left, job, wanted in (("8 days", {}, []), ("6 days", {"consents_announced": 1}, ["consent.expiring"]), ("6 days", {}, []),
                              ("-1 second", {"consents_expired": 1}, ["consent.expired"]), ("-1 second", {}, [])):
        set_times(own, credentials_id, consent_exp=left)
        assert run(own) == job and events(own) == [(kind, credentials_id) for kind in wanted]
    assert own.finqctl("consent", "show", credentials_id)["status"] == "EXPIRED"


def test_consents_expire_with_notice_and_without_in_one_run(own, client):
    """Red without either of the two that finq.janitor_expire_consents puts together."""
    told, untold = (consent(client)[1] for _ in range(2))
    set_times(own, told, consent_exp="6 days")
    assert run(own) == {"consents_announced": 1}
    for one in (told, untold):
        set_times(own, one, consent_exp="-1 second")
    assert run(own) == {"consents_expired": 2}


def test_the_data_of_a_consent_go_at_their_time(own, client):
    """What is told of it stays for a year. Red without `c.max_data_retention <= v_now`, and without data_removed_at's change."""
    user, credentials_id = consent(client)
    steps = held(own, user.session_id).split("|")[1]
    age(own, user.session_id, "2 days", "started_at", "exchanged_at", "expires_at")
    set_times(own, credentials_id, max_data_retention="1 minute")
    assert run(own) == {} and held(own, user.session_id).startswith(f"1|{steps}|")
    set_times(own, credentials_id, max_data_retention="-1 second", consent_exp="-1 second")
    assert run(own) == {"consents_expired": 1, "data_removed": 1} and run(own) == {}
    assert held(own, user.session_id).startswith("0|0|0|")
    assert own.finqctl("consent", "show", credentials_id)["status"] == "EXPIRED"
    set_times(own, credentials_id, max_data_retention="-364 days")
    assert run(own) == {}
    set_times(own, credentials_id, max_data_retention="-367 days")
    assert run(own) == {"consents_removed": 1}
    assert own.finqctl("consent", "show", credentials_id, check=False).returncode == 3


def test_data_that_may_not_be_kept_outlast_a_repeated_exchange(own, client):
    """Unless the consent is deleted. Red without exchanged_at in finq.janitor_remove_data."""
    user, credentials_id = consent(client)
    set_times(own, credentials_id, max_data_retention="-1 second")
    assert run(own) == {} and user.exchange()["credentials_id"] == credentials_id
    own.finqctl("consent", "delete", credentials_id)
    assert run(own) == {"data_removed": 1}


def test_a_consent_whose_session_is_held_is_left(own, client):
    """Whole, to the next run. Red without CONTINUE in finq.janitor_remove_data."""
    user, credentials_id = consent(client)
    own.finqctl("consent", "delete", credentials_id)
    set_times(own, credentials_id, max_data_retention="-1 second")
    with Blocker(own, locked(user)):
        assert run(own) == {} and held(own, user.session_id).startswith("1|")
    assert run(own) == {"data_removed": 1}


def named(credentials):
    return {"credentials_id": credentials["credentials_id"], "access_token": credentials["access_token"]}


def erased(client, **whose):
    """What a receipt counts."""
    return json.loads(base64.urlsafe_b64decode(client.user("erase", **whose)["receipt"].split(".")[1] + "=="))["counts"]


def told(client, person):
    return [(one["credentials_id"], one["status"]) for one in client.consents(tenant_user_id=person)["result"]["consents"]]


@pytest.fixture
def agreed(own, client, person):
    """A consent of which nothing may be kept."""
    own.finqctl("tenant", "allow", own.tenant.client_id, AISP, "--cache-max-data-retention", 0)
    user = walk(client, tenant_user_id=person)
    credentials = user.exchange().json
    own.finqctl("tenant", "allow", own.tenant.client_id, AISP, "--cache-max-data-retention", 172800)
    age(own, user.session_id, "3 minutes", "exchanged_at")
    return credentials


def test_whose_a_consent_is_outlasts_its_data(own, client, person, agreed):
    """As long as it is in force. Red where finq.janitor_remove_data forgets user_mac: /users/erase left it ACTIVE, and said that there was none."""
    assert run(own) == {"data_removed": 1} and own.psql("SELECT num_nonnulls(data_key, tenant_user_id) FROM finq.credential") == "0"
    assert told(client, person) == [(agreed["credentials_id"], "ACTIVE")] and client.consent("get", agreed, tenant_user_id=person).status == 200
    assert is_error(client.consent("get", agreed, tenant_user_id="another"), 401, "invalid_credentials_id")
    assert erased(client, tenant_user_id=person)["consents"] == 1
    assert is_error(client.consent("get", agreed), 401, "invalid_credentials_id")


def test_a_consent_without_data_names_its_person_too(own, client, agreed):
    """Nobody but the tenant can tell who that was. Red where finq.person_claim, or finq.person_named, looks at user_mac."""
    assert is_error(client.user("export", **named(agreed)), 400, "invalid_field") and run(own) == {"data_removed": 1}
    assert [one["credentials_id"] for one in client.user("export", **named(agreed))["consents"]] == [agreed["credentials_id"]]
    shown = own.finqctl("user", "export", own.tenant.client_id, "--consent", agreed["credentials_id"])
    assert len(shown["consents"]) == 1 and erased(client, **named(agreed))["consents"] == 1


@pytest.mark.parametrize("end", ["deleted", "expired"])
@pytest.mark.parametrize("is_first", [True, False])
def test_nothing_tells_whose_a_consent_was(own, client, person, agreed, end, is_first):
    """Once it has ended and its data have gone. Red where either of finq.consent_end and finq.janitor_expire_consents leaves user_mac, or
    finq.janitor_remove_data does whatever the status."""
    if not is_first:
        assert run(own) == {"data_removed": 1}
    if end == "deleted":
        client.consent("delete", agreed)
    else:
        set_times(own, agreed["credentials_id"], consent_exp="-1 second")
    run(own)
    assert own.psql("SELECT status, num_nonnulls(user_mac, data_key, tenant_user_id, data_removed_at) FROM finq.credential") == f"{end.upper()}|1"
    assert told(client, person) == [] and client.consent("get", agreed, tenant_user_id="another").status == 200


def renewals(client, credentials):
    """Of the card's consent: one with a step taken, and one that could be exchanged."""
    begun = []
    for to in (1, None):
        user, started = begin(client, CARD), client.consent("renew", credentials)
        user.session_id, user.nonce = started["session_id"], started["nonce"]
        begun.append(onward(user, to))
    return begun


def onward(user, to=None):
    for number in range(1, (to or len(steps(CARD))) + 1):
        assert submit(user, number).status == 200
        upload_required(user, number)
    return user


def test_a_consents_key_goes_from_its_renewals_too(own, client, person):
    """With all that it opened; what the two are told is what a consent that has ended is told. Red without `s.renews` in
    finq.janitor_remove_data, and without `renews` in finq.step_refusal and finq.exchange_token."""
    credentials = walk(client, CARD, tenant_user_id=person).exchange().json
    under_way, complete = renewals(client, credentials)
    own.psql("SELECT finq.feed_keep(s.session_id, s.client_id, gen_random_uuid(), s.skill_id, 'bank', '\\x01', '\\x02') FROM finq.session s")
    events(own)
    client.consent("delete", credentials, pcd_data_retention=0)
    with Blocker(own, locked(complete)):
        assert run(own) == {} and own.psql("SELECT count(data_key) FROM finq.session") == "3", "one that is held keeps all for the next run"
    assert run(own) == {"data_removed": 1} and run(own) == {}
    assert own.psql("SELECT count(*), count(data_key), count(user_mac), count(tenant_user_id) FROM finq.session") == "3|0|0|0"
    assert own.psql("SELECT count(*) FROM finq.feed") == "0"
    assert [held(own, user.session_id).split("|")[:3] for user in (under_way, complete)] == [["1", "0", "0"]] * 2
    assert is_error(submit(under_way, 2), 401, "inactive_credentials") and is_error(complete.exchange(), 401, "inactive_credentials")
    assert set(events(own)) == {("consent.deleted", credentials["credentials_id"]), ("session.expired", under_way.session_id)}
    shown = own.finqctl("session", "show", under_way.session_id)
    assert shown["status"] == "SESSION_EXPIRED" and not shown["steps"]
    assert len(client.user("export", **named(credentials))["sessions"]) == 2 and erased(client, **named(credentials))["sessions"] == 2
    assert own.psql("SELECT count(renews) FROM finq.session") == "0" and is_error(complete.exchange(), 401, "expired_session")


# -- the rest

def test_used_tokens_and_claims_go(own, client):
    own.psql(f"""INSERT INTO finq.replay (client_id, kid, token_hash, expires_at, request_id)
        SELECT '{client.tenant.client_id}', 'k', sha256(n::text::bytea), clock_timestamp() + CASE n WHEN 1 THEN interval '1 minute'
               ELSE interval '-1 second' END, gen_random_uuid() FROM generate_series(1, 451) n;
        INSERT INTO finq.step_claim (session_id, ordinal, attempt, request_id, until)
        SELECT gen_random_uuid(), 1, gen_random_uuid(), gen_random_uuid(), clock_timestamp() + n * interval '1 minute' FROM generate_series(-1, 0) n""")
    assert run(own) == {"replays_removed": 450, "claims_removed": 2}
    assert own.psql("SELECT count(*) FROM finq.replay") == "1"
    own.psql("DELETE FROM finq.replay")


def test_events_go_after_their_retention(own, client):
    """Delivered ones and those given up, not one that waits. Red without `o.state <> 'WAITING'`."""
    own.psql(f"""INSERT INTO finq.outbox (client_id, session_id, type, payload, state, next_at, delivered_at)
        SELECT '{client.tenant.client_id}', gen_random_uuid(), 'test', '{{}}', s.state::finq.delivery, clock_timestamp() - s.age * interval '1 day',
               CASE s.state WHEN 'DELIVERED' THEN clock_timestamp() - s.age * interval '1 day' END
          FROM (VALUES ('DELIVERED', 31), ('DELIVERED', 29), ('GIVEN_UP', 31), ('GIVEN_UP', 29), ('WAITING', 31)) AS s (state, age)""")
    assert run(own) == {"events_removed": 2}
    assert own.psql("SELECT string_agg(state::text, ' ' ORDER BY state) FROM finq.outbox") == "WAITING DELIVERED GIVEN_UP"
    assert run(own, "--event-retention", str(28 * 86400)) == {"events_removed": 2}


def test_feeds_without_a_session_go(own, client):
    """A connector's word is kept before its step; where that was refused, no session came to be. Red without `NOT EXISTS` of the
    session, and without the day that a step may take."""
    live, young, old = walk(client, CARD, to=1).session_id, uuid.uuid4(), uuid.uuid4()
    for session_id, age_of in ((live, "2 days"), (young, "1 hour"), (old, "2 days")):
        own.psql(f"""SELECT finq.feed_keep('{session_id}', '{client.tenant.client_id}', gen_random_uuid(), (SELECT min(skill_id) FROM finq.skill),
            'bank', '\\x01', '\\x02'); UPDATE finq.feed SET visited_at = visited_at - interval '{age_of}' WHERE session_id = '{session_id}'""")
    assert run(own) == {"feeds_removed": 1}
    assert set(own.psql("DELETE FROM finq.feed RETURNING session_id").split()) == {str(live), str(young)}


# -- a run

def test_one_run_at_a_time(own, client):
    """Red without the look at epoch in janitor.c's begin."""
    own.psql("SELECT finq.janitor_begin('another server', 0, NULL, NULL, NULL)")
    done = own.finqctl("janitor", "run", check=False)
    own.psql("UPDATE finq.lease SET until = '-infinity'")
    assert done.returncode == 5 and "another server" in done.stderr and done.stdout == "" and run(own) == {}


def test_who_has_lost_the_lease_does_nothing(own, client):
    """Red without finq.lease_keep in finq.janitor_batch."""
    user = walk(client, CARD, to=1)
    age(own, user.session_id, "25 hours")
    epoch = own.psql("SELECT epoch FROM finq.janitor_begin('a leader', 0, NULL, NULL, NULL)")
    own.psql("UPDATE finq.lease SET until = clock_timestamp() - interval '1 second' WHERE name = 'janitor'")
    batch = f"SELECT outcome, done FROM finq.janitor_batch({epoch}, NULL, 0, 0, 86400)"
    assert own.psql(batch) == "lost|0" and session(own, user.session_id) == "SESSION_IN_PROGRESS"
    assert run(own) == {"sessions_expired": 1} and own.psql(batch) == "lost|0"


def test_a_job_that_fails_holds_up_no_other(own, client):
    """It is told, nothing of its batch is done, and it goes at the next run. Red without EXCEPTION in finq.janitor_batch."""
    user = walk(client, CARD, to=1)
    _, credentials_id = consent(client)
    age(own, user.session_id, "25 hours")
    set_times(own, credentials_id, consent_exp="-1 second")
    own.psql("CREATE FUNCTION public.fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;"
             "CREATE TRIGGER fails BEFORE UPDATE ON finq.session FOR EACH ROW EXECUTE FUNCTION public.fails()")
    done = own.finqctl("janitor", "run", check=False)
    own.psql("DROP FUNCTION public.fails CASCADE")
    assert done.returncode == 1 and "sessions_expired: P0001: no room" in done.stderr
    assert json.loads(done.stdout)["consents_expired"] == 1 and session(own, user.session_id) == "SESSION_IN_PROGRESS"
    assert run(own) == {"sessions_expired": 1}


def test_a_job_that_takes_too_long_holds_up_no_other(own, client):
    """Where the server's role or connection has a statement_timeout. Red without query_canceled in finq.janitor_batch."""
    user = walk(client, CARD, to=1)
    age(own, user.session_id, "25 hours")
    own.psql("CREATE FUNCTION public.sleeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN new; END $$;"
             "CREATE TRIGGER sleeps BEFORE UPDATE ON finq.session FOR EACH ROW EXECUTE FUNCTION public.sleeps()")
    epoch = own.psql("SELECT finq.lease_take('janitor', 'a test', 60, 0)")
    said = own.psql(f"SET statement_timeout = '200ms'; SELECT outcome, next_job, problem FROM finq.janitor_batch({epoch}, NULL, 0, 0, 86400)")
    own.psql(f"DROP FUNCTION public.sleeps CASCADE; SELECT finq.lease_give('janitor', {epoch})")
    assert said.splitlines()[-1].startswith("failed|consents_expired|57014"), said
    assert run(own) == {"sessions_expired": 1}


def test_a_batch_of_finqctl_ends_before_its_lease(own, client):
    """Which is one of 60 s. Red without limit in ctl/janitor.c."""
    user = walk(client, CARD, to=1)
    age(own, user.session_id, "25 hours")
    own.psql("CREATE FUNCTION public.tells() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'within %', current_setting('statement_timeout'); END $$;"
             "CREATE TRIGGER tells BEFORE UPDATE ON finq.session FOR EACH ROW EXECUTE FUNCTION public.tells()")
    done = own.finqctl("janitor", "run", check=False)
    own.psql("DROP FUNCTION public.tells CASCADE")
    assert done.returncode == 1 and "sessions_expired: P0001: within 30s" in done.stderr
    assert run(own) == {"sessions_expired": 1}


def test_progress_is_shown(own, client):
    """Batch by batch, to standard error."""
    own.psql(f"""INSERT INTO finq.replay (client_id, kid, token_hash, expires_at, request_id)
        SELECT '{client.tenant.client_id}', 'k', sha256(n::text::bytea), clock_timestamp() - interval '1 minute', gen_random_uuid()
          FROM generate_series(1, 101) n""")
    done = own.finqctl("janitor", "run", check=False)
    assert done.stderr.splitlines()[:3] == ["replays_removed 50", "replays_removed 100", "replays_removed 101"]


def test_a_session_that_begins_is_nobodys_business(own, client):
    """What has no row expires by its nonce alone."""
    user = begin(client, AISP)
    assert run(own, "--session-retention", "0") == {} and submit(user, 1).status == 200
