"""Crowds (sql/functions/crowd.sql): the statement for many does what the call does for one, to the row and to the answer.

Batches are drawn by a seed from all that a call may meet, and made twice in the same database, each time undone: one call after
the other, and the crowd's statement with the call itself for whoever it left out.

Seen red: each condition of the statements left out, which each_condition_counts does itself, and of finq.session_is_due (each_reason_counts);
finq.session_statuses without its look at transaction_read_only (not_told_where_nothing_can_be_written).
"""
import datetime
import json
import re

import pytest

from finqenv.batches import DELETED, RENEWABLE, Batch, world
from finqenv.places import ROOT
from finqenv.process import Failure

SEEDS = range(12)
TEXT = (ROOT / "sql/functions/crowd.sql").read_text()
TYPES = """SELECT p.proargnames[a.place] || ' ' || format_type(a.type, NULL) FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY AS a (type, place)
            WHERE p.proname = '{}' ORDER BY a.place"""
CALLS = {"submit_step": "submit_steps", "exchange_token": "exchange_tokens", "session_status": "session_statuses", "consent_get": "consents_get",
         "accounts_get": "accounts_get_each", "balances_get": "balances_get_each", "page_look": "page_looks"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)")
SECONDS = {"expires_at", "consent_exp", "max_data_retention", "created_at", "updated_at"}


def typed(name, kind):
    return f"decode(m ->> '{name}', 'hex')" if kind == "bytea" else f"(m ->> '{name}')::{kind}"


def ways(psql, call):
    """SQL of the two ways of a call: each answers {member: answer}, and whom the crowd's statement answered."""
    kinds = [line.split(" ", 1) for line in psql(TYPES.format(call)).splitlines()]
    given = ", ".join(f"{name} => {typed(name, kind)}" for name, kind in kinds)
    plain = {"uuid", "integer", "bigint", "bytea"}
    arrays = ", ".join(f"{name} => (SELECT array_agg({typed(name, kind if kind in plain else 'text')} ORDER BY n) FROM jsonb_array_elements(batch) WITH ORDINALITY AS b (m, n))"
                       for name, kind in kinds)
    return f"""
CREATE FUNCTION pg_temp.rest_{call}(batch jsonb, done jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE m jsonb; n integer; answer jsonb; answers jsonb := done;
BEGIN
    FOR m, n IN SELECT b.m, b.n FROM jsonb_array_elements(batch) WITH ORDINALITY AS b (m, n) WHERE NOT done ? b.n::text ORDER BY b.n LOOP
        SELECT jsonb_agg(to_jsonb(a)) INTO answer FROM finq.{call}({given}) a;
        answers := answers || jsonb_build_object(n, answer);
    END LOOP;
    RETURN answers;
END $$;
CREATE FUNCTION pg_temp.alone_{call}(batch jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('answers', pg_temp.rest_{call}(batch, '{{}}'), 'crowd', '[]'::jsonb) $$;
CREATE FUNCTION pg_temp.told_{call}(batch jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_object_agg(t.member, t.rows), '{{}}')
      FROM (SELECT a.member, jsonb_agg(to_jsonb(a) - '{{member,ordinality}}'::text[] ORDER BY a.ordinality) AS rows
              FROM finq.{CALLS[call]}({arrays}) WITH ORDINALITY a GROUP BY a.member) t $$;
CREATE FUNCTION pg_temp.crowd_{call}(batch jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE done jsonb := pg_temp.told_{call}(batch);
BEGIN
    RETURN jsonb_build_object('answers', pg_temp.rest_{call}(batch, done), 'crowd', (SELECT coalesce(jsonb_agg(k::integer), '[]') FROM jsonb_object_keys(done) k));
END $$;
CREATE FUNCTION pg_temp.rows(ids uuid[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'session', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.session_id) FROM finq.session r WHERE r.session_id = ANY (ids)),
        'step', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.step_id, r.ordinal) FROM finq.step r WHERE r.session_id = ANY (ids)),
        'upload', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.upload_id) FROM finq.upload r JOIN finq.step e ON e.step_id = r.step_id WHERE e.session_id = ANY (ids)),
        'removed', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.upload_id) FROM finq.upload_removed r WHERE r.removed_at >= now()),
        'credential', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.credentials_id) FROM finq.credential r WHERE r.session_id = ANY (ids) OR r.credentials_id IN ('{RENEWABLE}', '{DELETED}')),
        'claim', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.session_id) FROM finq.step_claim r WHERE r.session_id = ANY (ids)),
        'feed', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.credentials_id) FROM finq.feed r WHERE r.session_id = ANY (ids)),
        'outbox', (SELECT jsonb_agg(to_jsonb(r) - '{{event_id,message_id}}'::text[] ORDER BY r.session_id, r.payload::text) FROM finq.outbox r WHERE r.session_id = ANY (ids)),
        'key', (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.client_id, r.key_id) FROM finq.tenant_key r WHERE r.key_id > 9000000)) $$;
"""


def minutes(value, now):
    """What was read, with times as minutes from now: the two ways are a moment apart."""
    if isinstance(value, dict):
        return {name: round((one - now) / 60) if name in SECONDS and isinstance(one, int) else round(one / 60_000) if name == "left_ms" and one
                else minutes(one, now) for name, one in value.items()}
    if isinstance(value, list):
        return [minutes(one, now) for one in value]
    if isinstance(value, str):
        return TIME.sub(lambda found: f"{round((datetime.datetime.fromisoformat(found[0].replace('Z', '+00:00')).timestamp() - now) / 60)} min", value)
    return value


class Both:
    """The two ways, over some seeds."""

    def __init__(self, server, call, seeds, more=""):
        skill = int(server.psql("SELECT min(skill_id) FROM finq.skill"))
        self.batches = [Batch(call, seed, skill) for seed in seeds]
        script = "".join(["SET timezone = 'UTC'; BEGIN;", more, ways(server.psql, call), *world(), *(
            batch.script(how) for batch in self.batches for how in ("alone", "crowd")), "ROLLBACK;"]).replace(":skill", str(skill))
        lines = server.psql(script).splitlines()
        assert len(lines) == 2 * len(self.batches)
        read = [[minutes(json.loads(part), batch.now) for part in line.split("|{", 1)[0:1] + ["{" + line.split("|{", 1)[1]]]
                for line, batch in zip(lines, [one for one in self.batches for _ in range(2)])]
        self.alone, self.crowd = read[0::2], read[1::2]

    def differences(self):
        for batch, (one, rows), (other, other_rows) in zip(self.batches, self.alone, self.crowd):
            for member, answer in one["answers"].items():
                if answer != other["answers"][member]:
                    yield batch.members[int(member) - 1], answer, other["answers"][member]
            for table, before in rows.items():
                if before != other_rows[table]:
                    yield table, before, other_rows[table]


@pytest.mark.parametrize("call", CALLS)
def test_a_crowd_is_done_what_each_alone_is_done(server, call):
    both = Both(server, call, SEEDS)
    assert list(both.differences()) == []
    answered = set()
    for batch, (told, _), (other, _) in zip(both.batches, both.alone, both.crowd):
        assert set(other["crowd"]) <= {int(member) for member, answer in told["answers"].items() if answer[0]["outcome"] == "ok"}
        assert batch.usual <= set(other["crowd"]), "whoever needs no more than the usual is not asked twice"
        answered |= {answer[0]["outcome"] for answer in told["answers"].values()}
    assert len(answered) >= {"submit_step": 11, "exchange_token": 7, "session_status": 7, "consent_get": 6, "accounts_get": 7, "balances_get": 7, "page_look": 3}[call], answered


HOT = "SELECT sum(pg_stat_get_xact_tuples_hot_updated(c.oid)) FROM pg_class c WHERE c.relname LIKE 'session\\_%';"


@pytest.mark.parametrize("how", ["alone", "crowd"])
def test_a_last_step_changes_no_index(server, how):
    """Red where an index of sessions asks for their status."""
    skill = int(server.psql("SELECT min(skill_id) FROM finq.skill"))
    batch, last = next((batch, member) for batch in (Batch("submit_step", seed, skill) for seed in SEEDS) for place, member in enumerate(batch.members, 1)
                       if place in batch.usual and (member["p_ordinal"], member["p_status"]) == (2, "SESSION_COMPLETED"))
    asked = f"SELECT pg_temp.{how}_submit_step('{json.dumps([last])}') IS NULL;"
    script = "".join(["BEGIN;", ways(server.psql, batch.call), *world(), *batch.setup, HOT, asked, HOT, "ROLLBACK;"])
    before, _, after = server.psql(script.replace(":skill", str(batch.skill))).split()
    assert int(after) == int(before) + 1


MANY = """INSERT INTO finq.session (session_id, client_id, skill_id, status, is_over, started_at, updated_at, expires_at, step_ordinal, step_id, step_body_hash,
    answer_expires_at, answer_secret_id, kept)
SELECT (left(finq.first_id(now())::text, 14) || right(gen_random_uuid()::text, 22))::uuid, gen_random_uuid(), :skill, 'SESSION_IN_PROGRESS', false, now(), now(),
       now() + interval '1 day', 1, gen_random_uuid(), '', now(), 1, n % 2 = 0 FROM generate_series(1, 4000) n; ANALYZE finq.session;"""


@pytest.mark.parametrize("call", ["submit_step", "exchange_token", "session_status"])
def test_a_member_costs_the_same_among_many(server, call):
    """By pages that are looked at. Red where sessions are looked for by all ids of the crowd, which the planner takes for each member."""
    skill = int(server.psql("SELECT min(skill_id) FROM finq.skill"))
    batch = Batch(call, 0, skill)
    member = next(one for place, one in enumerate(batch.members, 1) if place in batch.usual and one.get("p_ordinal") != 1)

    def asked(count):
        members = sorted(({**member, "p_session_id": batch.new_id()} for _ in range(count)), key=lambda one: one["p_session_id"])
        return f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) SELECT pg_temp.told_{call}('{json.dumps(members)}');"

    script = "".join(["BEGIN;", ways(server.psql, call), *world(), MANY, *(asked(count) for count in (8, 8, 32)), "ROLLBACK;"])
    plans = server.psql(script.replace(":skill", str(skill))).split("Result")[1:]
    _, few, many = (int(plan.split("shared hit=")[1].split()[0]) for plan in plans)
    assert 100 < many < 5 * few


# Each is left out of the statement, but for those that something else stands for.
FIRST, FEED = "array_position(p_session_id, p_session_id[u.member]) = u.member", "coalesce(f.credentials_id, p_credentials_id[u.member])"
INSTEAD = {FIRST: "p_session_id[u.member + 1] IS DISTINCT FROM p_session_id[u.member]", FEED: "p_credentials_id[u.member]", **{f"coalesce(p_{one}[u.member], b.{one})": f"b.{one}" for one in ("account_id", "type", "currency")},
           "OR NOT EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id[u.member])": "OR true"}
CONDITIONS = {"submit_step": [
    FIRST, "AND p_attempt[u.member] IS NULL", " AND p_renews[u.member] IS NULL", " AND to_timestamp(p_nonce_expires_at[u.member]) > v_now",
    " AND t.status = 'ACTIVE'", "OR NOT EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id[u.member])",
    " AND a.generation = 0", " AND to_timestamp(p_started_at[a.member] + p_session_ttl[a.member]) > v_now", " AND k.key_id = p_app_key_id[a.member]", " AND k.ends_at > v_now",
    " AND g.skill_id = p_skill_id[a.member]", "AND (p_user_mac[a.member] IS NULL OR NOT finq.was_erased(a.client_id, p_user_mac[a.member], p_started_at[a.member]))",
    " AND s.client_id = a.client_id", " AND s.step_ordinal = a.ordinal - 1",
    "AND s.status = 'SESSION_IN_PROGRESS'", " AND s.waits_for IS NULL", " AND s.generation = a.generation", "AND s.expires_at > v_now",
    " AND s.renews IS NULL", " AND NOT s.went_back",
    "AND (p_required[a.member] = '{}' OR finq.missing_uploads(s.step_id, p_required[a.member]::text[]) IS NULL)"],
    "exchange_token": [
    FIRST, " AND t.status = 'ACTIVE'", " AND k.kind = 'SECRET'", " AND k.hash = p_secret_hash[u.member]", "AND k.ends_at > v_now",
    " AND k.last_used_at > v_now - interval '1 minute'", "AND to_timestamp(p_token_expires_at[u.member]) > v_now", FEED,
    " AND s.client_id = p_client_id[a.member]", "AND s.status = 'SESSION_COMPLETED'", " AND s.exchanged_at IS NULL", " AND s.renews IS NULL",
    " AND NOT s.went_back", "AND (p_required[a.member] = '{}' OR finq.missing_uploads(s.step_id, p_required[a.member]::text[]) IS NULL)"],
    "session_status": [
    " AND t.status = 'ACTIVE'", " AND s.client_id = a.client_id", "AND NOT finq.session_is_due(s)", " AND NOT finq.session_is_erased(s)",
    "AND s.generation = a.generation", " AND s.step_ordinal <= a.ordinal", "AND (a.until > v_now OR s.waits_since IS NOT NULL AND s.step_ordinal = a.ordinal)",
    "s.waits_since IS NOT NULL AND ", " AND s.step_ordinal = a.ordinal"],
    "accounts_get": [" AND s.type = 'account_information'", "WHERE finq.consent_status(d.consent) = 'ACTIVE'", " t.account_sub_type,"],
    "balances_get": [" AND s.type = 'account_information'", "WHERE finq.consent_status(d.consent) = 'ACTIVE'", "coalesce(p_account_id[u.member], b.account_id)",
                     "coalesce(p_type[u.member], b.type)", "coalesce(p_currency[u.member], b.currency)", ", t.account_id, t.type, t.currency"],
    "consent_get": [
    " AND t.status = 'ACTIVE'", " AND k.kind = 'SECRET'", " AND k.hash = p_secret_hash[u.member]", "AND k.ends_at > p_now",
    " AND k.last_used_at > p_now - interval '1 minute'", " AND c.client_id = t.client_id", "AND finq.consent_is_known(c)",
    " AND finq.same_hash(c.access_token_hash, p_access_token_hash[u.member])", "AND c.older_token_hashes = '{}'",
    " AND (c.user_mac <> ALL (p_user_macs[u.member]::bytea[])) IS NOT TRUE"],
    "page_look": [
    " AND p.client_id = p_client_id[u.member]", " AND p.generation = p_generation[u.member]", "AND p.expires_at > clock_timestamp()",
    " AND p.session_id IS NULL", " AND t.status = 'ACTIVE'"]}


# Functions that several statements read.
SHARED = {"consent_get": "consents_claimed",
          " AND s.type = 'account_information'": "feeds_claimed", "WHERE finq.consent_status(d.consent) = 'ACTIVE'": "feeds_claimed"}


def without(call, condition):
    """The statement for many, or what it shares with others, without one of its conditions."""
    begin = TEXT.index(f"CREATE OR REPLACE FUNCTION finq.{SHARED.get(condition) or SHARED.get(call) or CALLS[call]}(")
    text = TEXT[begin:TEXT.index("$$;", begin)] + "$$;"
    assert text.count(condition) == 1, (condition, text.count(condition))
    return text.replace(condition, INSTEAD.get(condition, ""))


@pytest.mark.long
@pytest.mark.parametrize("call, condition", [(call, one) for call, all_of_them in CONDITIONS.items() for one in all_of_them])
def test_each_condition_counts(server, call, condition):
    try:
        both = Both(server, call, SEEDS, without(call, condition))
    except Failure as failure:  # a row twice
        assert "duplicate key value" in str(failure)
        return
    assert list(both.differences())


def test_a_status_is_not_told_where_nothing_can_be_written(server):
    """Such a database may be a standby that is behind: the call itself fails, and another connection is looked for."""
    batch = Batch("session_status", 0, int(server.psql("SELECT min(skill_id) FROM finq.skill")))
    told = f"SELECT count(*) FROM jsonb_object_keys(pg_temp.told_session_status('{json.dumps(batch.members)}'));"
    script = "".join(["BEGIN;", ways(server.psql, batch.call), *world(), *batch.setup, told, "SET LOCAL transaction_read_only = on;", told, "ROLLBACK;"])
    before, after = map(int, server.psql(script.replace(":skill", str(batch.skill))).split())
    assert before > 5 and after == 0


# Who is asked for without a lock, alone or in a crowd, is one that finq.session_answer would not change.
ANSWERED = """CREATE TEMP TABLE stood ON COMMIT DROP AS SELECT s.session_id, finq.session_is_due(s) AS due, to_jsonb(s) AS was FROM finq.session s WHERE s.session_id = ANY ('{{{0}}}');
SELECT count(finq.session_answer(s, 1800, 600, 7, false)) > 0 FROM finq.session s WHERE s.session_id = ANY ('{{{0}}}');
SELECT count(*) FILTER (WHERE w.due) > 20, count(*) FILTER (WHERE w.due <> (w.was <> to_jsonb(s))) FROM stood w JOIN finq.session s ON s.session_id = w.session_id;"""
DUE = (ROOT / "sql/functions/session.sql").read_text().split("-- Whether how a session stands changes")[1].split(";\n")[0]
REASONS = ["(p_session).status <> 'SESSION_EXPIRED'\n           AND ", "finq.session_is_old(p_session)\n                OR ", "coalesce((p_session).waits_for = 'BANK' AND ",
           "(p_session).return_until <= clock_timestamp()", "(p_session).status <> 'SESSION_FAILED' AND ", "(p_session).waits_since IS NOT NULL\n                   AND ",
           "(p_session).answer_expires_at <= clock_timestamp()"]


def changed(server, more=""):
    """[whether enough were due, how many others changed, or stayed though they were]"""
    skill = server.psql("SELECT min(skill_id) FROM finq.skill")
    batches = [Batch("session_status", seed, skill) for seed in SEEDS]
    ids = ",".join({member["p_session_id"] for batch in batches for member in batch.members})
    script = "".join(["BEGIN;", more, *world(), *(line for batch in batches for line in batch.setup), ANSWERED.format(ids), "ROLLBACK;"])
    return server.psql(script.replace(":skill", skill)).splitlines()[-1].split("|")


def test_who_is_not_due_is_not_changed(server):
    assert changed(server) == ["t", "0"]


@pytest.mark.long
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_counts(server, reason):
    assert DUE.count(reason) == 1
    instead = "coalesce(" if reason.startswith("coalesce") else "true" if reason.endswith("clock_timestamp()") else ""
    assert changed(server, "CREATE OR REPLACE" + DUE.split("CREATE OR REPLACE")[1].replace(reason, instead) + ";")[1] != "0"
