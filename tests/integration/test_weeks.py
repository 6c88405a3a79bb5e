"""Tables that shrink (sql/functions/week.sql): weeks are made ahead, go whole, and what lives longer is kept. Time is moved in the
rows' ids, which tell it.

Each test says what should turn it red; not all of it has been tried.
"""
import json
import threading

import pytest

from finqenv.client import Onboarding
from finqenv.ends import client, settle  # noqa: F401
from finqenv.flows import AISP, CARD, begin, steps, submit, upload_required, walk
from finqenv.load import under_load
from finqenv.locks import WAITING, Blocker
from finqenv.process import until
from finqenv.wire import is_error

# An id as it would have been made so much earlier; a session with all that hangs on it; and the week of that time.
EARLIER = """
    CREATE FUNCTION public.earlier(p_id uuid, p_by interval) RETURNS uuid LANGUAGE sql RETURN (
        SELECT (substr(h.hex, 1, 8) || '-' || substr(h.hex, 9, 4) || substr(p_id::text, 14))::uuid
          FROM (SELECT lpad(to_hex(('x' || left(replace(p_id::text, '-', ''), 12))::bit(48)::bigint
                                   - (extract(epoch FROM p_by) * 1000)::bigint), 12, '0') AS hex) h);
    CREATE PROCEDURE public.age(p_id uuid, p_by interval) LANGUAGE plpgsql AS $$
    DECLARE
        v_steps uuid[] := ARRAY(SELECT e.step_id FROM finq.step e WHERE e.session_id = p_id);
    BEGIN
        PERFORM finq.week_add(t.name, finq.week_start(clock_timestamp() - p_by)) FROM finq.week_tables() t
          WHERE to_regclass('finq.' || finq.week_name(t.name, finq.week_start(clock_timestamp() - p_by))) IS NULL;
        UPDATE finq.upload u SET step_id = public.earlier(u.step_id, p_by) WHERE u.step_id = ANY (v_steps);
        UPDATE finq.step e SET step_id = public.earlier(e.step_id, p_by), session_id = public.earlier(p_id, p_by) WHERE e.session_id = p_id;
        UPDATE finq.credential c SET session_id = public.earlier(p_id, p_by) WHERE c.session_id = p_id;
        UPDATE finq.session s SET session_id = public.earlier(p_id, p_by), step_id = public.earlier(s.step_id, p_by) WHERE s.session_id = p_id;
    END $$"""
WEEKS = "SELECT count(*) FROM finq.weeks() w WHERE w.state = '{}'"


@pytest.fixture(scope="module")
def own(make_module_server, server):
    made = settle(make_module_server(cluster=server.postgres, database="weeks", children=1), "Weeks", tidy=tidy)
    made.psql(EARLIER)
    return made


def tidy(own):
    """Whatever a test left goes after it."""
    own.psql("DELETE FROM finq.outbox; DELETE FROM finq.credential; DELETE FROM finq.upload; DELETE FROM finq.step; DELETE FROM finq.session")
    assert report(run(own)) == {"pinned": 0, "contended": 0} and own.psql(WEEKS.format("past")) == "0"


def run(own, *options):
    return own.finqctl("janitor", "run", *options)


def report(done):
    assert (done["weeks"]["ahead"], done["weeks"]["missing"]) == (4, 0)
    return {why: done["weeks"][why] for why in ("pinned", "contended")}


def age(own, user, by="8 weeks"):
    """Sets a session's ids, and with them the week that it stands in, back. Whoever has a nonce of it has a wrong one."""
    own.psql(f"CALL public.age('{user.session_id}', '{by}')")
    user.session_id, user.step_id = own.psql(f"SELECT public.earlier('{user.session_id}', '{by}') || ' ' ||"
                                             f" public.earlier('{user.step_id}', '{by}')").split()
    own.psql(f"UPDATE finq.session SET started_at = started_at - interval '{by}' WHERE session_id = '{user.session_id}'")


def ended(own, user, by="9 weeks"):
    own.psql(f"UPDATE finq.session SET status = 'SESSION_FAILED', is_over = true, started_at = clock_timestamp() - interval '{by}', expires_at = clock_timestamp() - interval '{by}' WHERE session_id = '{user.session_id}'")


def rows(own, user):
    """By table and whether they are kept: how many of a session's."""
    return own.psql(f"""
        SELECT string_agg(r.name || ' ' || r.count, ', ' ORDER BY r.name) FROM (
        SELECT x.name, count(*) FROM (
        SELECT regexp_replace(s.tableoid::regclass::text, '\\d.*', '') FROM finq.session s WHERE s.session_id = '{user.session_id}' UNION ALL
        SELECT regexp_replace(e.tableoid::regclass::text, '\\d.*', '') FROM finq.step e WHERE e.session_id = '{user.session_id}' UNION ALL
        SELECT regexp_replace(u.tableoid::regclass::text, '\\d.*', '') FROM finq.upload u, finq.step e
         WHERE u.step_id = e.step_id AND e.session_id = '{user.session_id}') x (name) GROUP BY x.name) r""")


# -- weeks

def test_a_new_database_has_its_weeks(own):
    """Five and the one before, of each table; run again, nothing is made. Red without weeks_make in migrate.c."""
    tables = int(own.psql("SELECT count(*) FROM finq.week_tables()"))
    assert own.psql("SELECT count(*) FROM finq.weeks() WHERE attached") == str(6 * tables) and tables == 4
    shown = own.finqctl("db", "status")["weeks"]
    assert shown == {"ahead": 4, "missing": 0, "pinned": 0, "contended": 0} and run(own)["weeks_made"] == 0


def test_bounds_are_mondays_in_utc(own):
    """Whatever the session's time zone is."""
    found = own.psql("SET TimeZone = 'Pacific/Auckland'; SELECT finq.week_start('2026-11-30 00:00:00+00'), finq.week_start('2026-11-29 23:59:59.999+00'),"
                     " finq.week_name('step', '2026-12-28 00:00:00+00'), finq.week_bound(true, '2026-11-30 00:00:00+00')")
    assert found.splitlines()[-1] == "2026-11-30 13:00:00+13|2026-11-23 13:00:00+13|step_2026w53|01a229c0-5400-0000-0000-000000000000"


def test_a_week_that_is_missing(own, client):
    """Is told as what passes, takes no nonce, and is made at the next run. Red without 23514 in pg.c."""
    user = begin(client, CARD)
    partition = own.psql("SELECT finq.week_name('step', finq.week_start(clock_timestamp()))")
    own.psql(f"ALTER TABLE finq.step_week DETACH PARTITION finq.{partition}; DROP TABLE finq.{partition}")
    own.httpd.log.expect("FINQ03.*SQLSTATE 23514: no partition of relation .*step_week")
    assert own.finqctl("db", "status")["weeks"]["missing"] == 1
    assert is_error(submit(user, 1), 503, "service_unavailable")
    assert own.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{user.session_id}'") == "0"
    assert run(own)["weeks_made"] == 1 and submit(user, 1).status == 200


@pytest.mark.parametrize("statement", [
    "SELECT 1 FROM finq.session s WHERE s.session_id = $1", "UPDATE finq.session s SET updated_at = now() WHERE s.session_id = $1",
    "SELECT 1 FROM finq.step s WHERE s.step_id = $1", "SELECT 1 FROM finq.upload s WHERE s.step_id = $1",
    "SELECT 1 FROM finq.step e WHERE e.step_id BETWEEN finq.time_first($1) AND finq.time_last($1)",
    "UPDATE finq.session s SET kept = true WHERE s.session_id = $1 AND NOT s.kept"])
def test_a_key_leads_to_its_week(own, statement):
    """And to what is kept: no other partition is looked at, by the plan that is made once. Red with `s.session_id::text = $1::text`."""
    plan = own.psql(f"SET plan_cache_mode = force_generic_plan; PREPARE p (uuid) AS {statement};"
                    " EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off, SUMMARY off)"
                    " EXECUTE p (finq.first_id(clock_timestamp()))")
    plan = plan[plan.index("["):]

    def scanned(node):
        below = [name for child in node.get("Plans", []) for name in scanned(child)]
        is_scan = "Relation Name" in node and node["Node Type"] != "ModifyTable" and node["Actual Loops"] > 0
        return below + ([node["Relation Name"]] if is_scan else [])
    found = scanned(json.loads(plan)[0]["Plan"])
    assert 1 <= len(found) <= 2 and sum("_kept" in name for name in found) == len(found) - 1, found


# -- what is kept, and what goes

def test_past_weeks_go_and_what_lives_longer_is_kept(own, client):
    """What has ended goes with its week. A consent's session moves, with all that hangs on it, and is whole there."""
    gone, young = walk(client, CARD, to=1), walk(client, CARD, to=1)
    consented = walk(client)
    consented.credentials = consented.exchange().json
    before = rows(own, consented)
    for user in (gone, consented):
        age(own, user)
    ended(own, gone)
    shown = own.finqctl("session", "show", consented.session_id)
    done = run(own)
    assert done["sessions_kept"] == 1 and done["weeks_dropped"] == 4 and report(done) == {"pinned": 0, "contended": 0}
    assert rows(own, gone) == "" and rows(own, consented) == before.replace("_", "_kept")
    assert own.finqctl("session", "show", consented.session_id) == shown
    assert "finq.session_" in rows(own, young) and submit(young, 2).status == 200
    assert own.psql(WEEKS.format("past")) == "0" and run(own)["sessions_kept"] == 0


def test_a_kept_consent_is_read_renewed_and_deleted(own, client):
    user = walk(client, tenant_user_id="ana")
    user.credentials = user.exchange().json
    age(own, user)
    assert run(own)["sessions_kept"] == 1
    assert client.consent("get", user.credentials).status == 200
    answer = client.consent("renew", user.credentials)
    assert answer.status == 200
    renewal = Onboarding(client, user.skill)
    renewal.session_id, renewal.nonce = answer["session_id"], answer["nonce"]
    for number in range(1, len(steps(renewal.skill)) + 1):
        assert submit(renewal, number).status == 200
        upload_required(renewal, number)
    credentials = renewal.exchange().json
    assert client.consent("delete", credentials).status == 200
    own.psql("UPDATE finq.credential SET max_data_retention = clock_timestamp() - interval '1 second'; UPDATE finq.session SET started_at = '-infinity'")
    assert run(own)["data_removed"] == 1 and rows(own, user) == "" and rows(own, renewal) == ""


def test_who_waits_for_a_decision_is_kept_and_goes_on(own, client):
    """With documents, further steps and the exchange. Red where submit_step or upload_record leaves `kept` to its default."""
    user = begin(client, CARD)
    assert submit(user, 1).status == 200
    upload_required(user, 1)
    own.psql("UPDATE finq.session SET status = 'SESSION_PENDING', is_over = NULL, waits_for = 'DECISION', waits_since = clock_timestamp(),"
             f" expires_at = clock_timestamp() - interval '7 weeks' WHERE session_id = '{user.session_id}'")
    age(own, user)
    assert run(own)["sessions_kept"] == 1
    own.finqctl("step", "approve", user.step_id)
    own.psql(f"UPDATE finq.session SET expires_at = clock_timestamp() + interval '1 hour' WHERE session_id = '{user.session_id}'")
    answer = client.call(f"/sessions/{user.session_id}/resume", {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret})
    assert answer.status == 200, answer.body
    user.nonce = answer["nonce"]
    for number in range(2, len(steps(CARD)) + 1):
        assert submit(user, number).status == 200
        upload_required(user, number)
    assert user.exchange().status == 200
    assert "_ " not in rows(own, user) and rows(own, user).count("_kept") == 3, rows(own, user)


def test_documents_of_what_ended_are_removed(own, client):
    """A week does not take files along: their rows wait for a server. Red where 'true' is 'false' in finq.week_tables, without v_filed."""
    user = walk(client, CARD, to=1)
    own.psql("DELETE FROM finq.upload_removed")
    files = own.psql("SELECT count(*) FROM finq.upload")
    age(own, user)
    ended(own, user)
    done = run(own)
    assert files != "0" and done["sessions_removed"] == 1 and done["weeks_dropped"] == 4
    assert own.psql("SELECT count(*) FROM finq.upload_removed") == files


def test_what_is_due_goes_wherever_it_stands(own, client):
    """In one run: of this week, of a past week with files, and kept. Red where one is looked for only when none of another was found."""
    young, filed, kept = (walk(client, CARD, to=1) for _ in range(3))
    own.psql("UPDATE finq.session SET status = 'SESSION_PENDING', is_over = NULL, waits_for = 'DECISION', waits_since = clock_timestamp()"
             f" WHERE session_id = '{kept.session_id}'")
    age(own, kept)
    consented = walk(client)
    assert consented.exchange().status == 200
    age(own, consented)
    assert run(own)["sessions_kept"] == 2, "that has a consent, and that waits"
    age(own, filed)
    own.psql(f"UPDATE finq.session SET waits_for = NULL, waits_since = NULL WHERE session_id = '{kept.session_id}'")
    for user in (young, filed, kept):
        ended(own, user)
    assert run(own)["sessions_removed"] == 3
    assert [rows(own, user) for user in (young, filed, kept)] == ["", "", ""] and rows(own, consented) != ""


def test_an_order_outlasts_its_session(own, client):
    """Until it is over, wherever the session stood, with files or without. Red where sessions_data_remove deletes all payments."""
    young, filed, bare, kept = users = [walk(client, CARD, to=1) for _ in range(4)]
    for user in (filed, bare, kept):
        age(own, user)
    own.psql(f"SELECT finq.sessions_keep(ARRAY['{kept.session_id}']::uuid[]);"
             f" DELETE FROM finq.upload u USING finq.step e WHERE e.step_id = u.step_id AND e.session_id = '{bare.session_id}'")
    for user in users:
        ended(own, user)
        own.psql(f"""INSERT INTO finq.payment (payment_id, client_id, session_id, skill_id, step_ids, connector, attempt, order_mac, book, asked_at, next_at)
            SELECT gen_random_uuid(), client_id, session_id, skill_id, ARRAY[step_id], 'bank', gen_random_uuid(), '', '', now() - interval '5 days', now() + interval '1 hour'
              FROM finq.session WHERE session_id = '{user.session_id}'""")
    run(own)
    assert {rows(own, user) for user in users} == {""} and own.psql("SELECT count(*) FROM finq.payment") == "4"
    own.psql("UPDATE finq.payment SET next_at = NULL, asked_at = asked_at - interval '30 days'")
    run(own)
    assert own.psql("SELECT count(*) FROM finq.payment") == "0"


def test_undelivered_events_are_kept(own, client):
    """What was delivered goes with its week, after its retention."""
    own.psql(f"""SELECT finq.week_add('outbox', finq.week_start(clock_timestamp() - interval '8 weeks'));
        INSERT INTO finq.outbox (client_id, session_id, type, payload, created_at, state, next_at, delivered_at)
        SELECT '{client.tenant.client_id}', gen_random_uuid(), s.type, '{{}}', clock_timestamp() - interval '8 weeks', s.state::finq.delivery,
               clock_timestamp() - s.age * interval '1 day', CASE s.state WHEN 'DELIVERED' THEN clock_timestamp() - s.age * interval '1 day' END
          FROM (VALUES ('waits', 'WAITING', 56), ('told', 'DELIVERED', 56), ('told late', 'DELIVERED', 1)) AS s (type, state, age)""")
    done = run(own)
    assert (done["events_kept"], done["weeks_dropped"], done["events_removed"]) == (2, 1, 1)
    assert own.psql("SELECT string_agg(type || ' ' || kept, ', ' ORDER BY type) FROM finq.outbox") == "told late true, waits true"
    event = own.psql("SELECT event_id FROM finq.outbox WHERE type = 'waits'")
    assert own.finqctl("outbox", "resend", event)["state"] == "WAITING"


# -- others are at it

class Mover(Blocker):
    """Keeps a session, and commits at the end of the block."""

    def __init__(self, installation, user):
        super().__init__(installation, f"SELECT finq.sessions_keep(ARRAY['{user.session_id}'::uuid])")

    def __exit__(self, *_):
        self._psql.stdin.write("COMMIT;\n")
        super().__exit__()


def test_a_row_that_somebody_holds_pins_its_week(own, client):
    """It is told, nothing of it goes, and it goes at the next run. Red without finq.week_is_pinned."""
    user = walk(client)
    user.exchange()
    age(own, user)
    before = rows(own, user)
    with Blocker(own, f"SELECT 1 FROM finq.session WHERE session_id = '{user.session_id}' FOR UPDATE"):
        done = run(own)
        assert done["sessions_kept"] == 0 and report(done)["pinned"] >= 1 and rows(own, user) == before
        assert own.psql("SELECT count(*) > 0 FROM finq.week_held WHERE why = 'pinned' AND partition LIKE 'session_%'") == "t"
    assert report(run(own)) == {"pinned": 0, "contended": 0} and own.psql(WEEKS.format("past")) == "0"


def test_a_week_that_somebody_reads_is_contended(own, client):
    """The others go on, and requests do not wait. Red without lock_timeout in finq.week_end_next (the run waits for the reader)."""
    user = walk(client)
    user.exchange()
    age(own, user)
    partition = own.psql("SELECT finq.week_name('step', finq.week_start(clock_timestamp() - interval '8 weeks'))")
    with Blocker(own, f"SELECT count(*) FROM finq.{partition}"):
        done = run(own)
        assert done["weeks_dropped"] == 3 and report(done) == {"pinned": 0, "contended": 1}
        assert walk(client).exchange().status == 200
    assert run(own)["weeks_dropped"] == 1


def test_who_comes_for_a_row_that_moves_is_answered(own, client):
    """Red without `undone` in pg.c: 503."""
    user = walk(client)
    user.exchange()
    age(own, user)
    answers = []
    resume = threading.Thread(target=lambda: answers.append(client.call(
        f"/sessions/{user.session_id}/resume", {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret})))
    with Mover(own, user):
        resume.start()
        until(lambda: own.psql(WAITING) == "1", what="the request's wait")
    resume.join()
    assert answers[0].status == 200 and answers[0]["status"] == "SESSION_COMPLETED", answers[0].body
    assert "session_kept" in rows(own, user)


def test_weeks_come_and_go_under_load(own):
    """No request fails while weeks are made, emptied and dropped. Red where finq.week_end locks the week before its table."""
    clients = [own.client(own.tenant) for _ in range(3)]

    def onboard(place):
        return place, walk(clients[place], (AISP, CARD)[place % 2]).exchange().status
    with under_load(onboard, len(clients)) as results:
        for by in range(8, 14):
            own.psql(f"SELECT finq.week_add(t.name, finq.week_start(clock_timestamp() - interval '{by} weeks')) FROM finq.week_tables() t")
            until(lambda: run(own) and own.psql(WEEKS.format("past")) == "0", what="the week's end")
    for each in clients:
        each.close()
    assert {result for _, result in results} == {(place, 200) for place in range(3)}
    own.psql("DELETE FROM finq.credential; DELETE FROM finq.upload; DELETE FROM finq.step; DELETE FROM finq.session")
