"""Crowds (sql/functions/crowd.sql): the statement for many does what the call does for one, to the row and to the answer.

Batches are drawn by a seed from all that a call may meet, and made twice in the same database, each time undone: one call after
the other, and the crowd's statement with the call itself for whoever it left out.

Seen red: each condition of the statements left out, which each_condition_counts does itself; `s.status = 'SESSION_COMPLETED'` in
finq.exchange_token and finq.exchange_tokens (no_index_of_those_that_wait).
"""
import datetime
import json
import random
import re
import time

import pytest

from finqenv.places import ROOT
from finqenv.process import Failure

SEEDS = range(12)
SIZE = 32
TEXT = (ROOT / "sql/functions/crowd.sql").read_text()
PLAIN, HOOKED, DISABLED, UNKNOWN = (f"c0000000-0000-4000-8000-00000000000{place}" for place in range(4))
APP, APP_ENDED, SECRET, UNUSED, LONG_UNUSED, SECRET_ENDED = range(9_000_001, 9_000_007)
SECRETS = {SECRET: "now()", UNUSED: "NULL", LONG_UNUSED: "now() - interval '2 minutes'", SECRET_ENDED: "now()"}
MAC, ERASED = "aa" * 32, "bb" * 32
RENEWABLE, DELETED = "d0000000-0000-4000-8000-000000000001", "d0000000-0000-4000-8000-000000000002"
TYPES = """SELECT p.proargnames[a.place] || ' ' || format_type(a.type, NULL) FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY AS a (type, place)
            WHERE p.proname = '{}' ORDER BY a.place"""
CALLS = {"submit_step": "submit_steps", "exchange_token": "exchange_tokens"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)")
SECONDS = {"expires_at", "consent_exp", "max_data_retention"}


def hashed(key_id):
    return f"{key_id:064x}"


def world():
    """Tenants, their keys and consents."""
    tenants = {PLAIN: "ACTIVE", HOOKED: "ACTIVE", DISABLED: "DISABLED"}
    yield "".join(f"INSERT INTO finq.tenant (client_id, name, status) VALUES ('{one}', 'Crowd {one}', '{status}');"
                  f"INSERT INTO finq.tenant_skill VALUES ('{one}', :skill, 1440, 2880);" for one, status in tenants.items())
    for one in tenants:
        yield ("INSERT INTO finq.tenant_key (client_id, key_id, kind, hash, ends_at, last_used_at) OVERRIDING SYSTEM VALUE VALUES "
               + ", ".join([f"('{one}', {key}, 'APP_KEY', decode('{hashed(key)}', 'hex'), {end}, now())"
                            for key, end in ((APP, "'infinity'"), (APP_ENDED, "now()"))]
                           + [f"('{one}', {key}, 'SECRET', decode('{hashed(key)}', 'hex'), {'now()' if key == SECRET_ENDED else quoted('infinity')}, {used})"
                              for key, used in SECRETS.items()]) + ";")
        yield (f"INSERT INTO finq.erasure (erasure_id, client_id, user_mac, erased_at, counts) VALUES (gen_random_uuid(), '{one}', decode('{ERASED}', 'hex'), now(), '{{}}');"
               f"INSERT INTO finq.erased_user SELECT e.client_id, e.user_mac, e.erasure_id, e.erased_at FROM finq.erasure e WHERE e.client_id = '{one}';")
    yield f"INSERT INTO finq.webhook (client_id, url, secret_id, salt) VALUES ('{HOOKED}', 'https://hook.example', 1, '\\x00');"
    for consent, deleted in ((RENEWABLE, "NULL"), (DELETED, "now()")):
        yield ("INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, access_token_hash, consent_exp, max_data_retention, created_at, updated_at, deleted_at)"
               f" VALUES ('{consent}', '{PLAIN}', :skill, '{consent}', '\\x01', now() + interval '1 day', now() + interval '2 days', now(), now(), {deleted});")


def quoted(value):
    return "NULL" if value is None else "'" + str(value) + "'"


class Batch:
    """Members of one call, what stands in the database before it, and which of them need no more than the usual."""

    def __init__(self, call, seed, skill):
        self.call, self.draw, self.skill = call, random.Random(f"{call} {seed}"), skill
        self.now = int(time.time())
        self.setup, self.members, self.sessions, self.usual = [], [], [], set()
        makers = {"submit_step": (self.first, self.later), "exchange_token": (self.exchange,)}[call]
        while len(self.members) < SIZE:
            self.draw.choice(makers)()
        order = sorted(range(len(self.members)), key=lambda i: (self.members[i]["p_session_id"] or "f" * 36))
        self.usual = {order.index(i) + 1 for i in self.usual}
        self.members = [self.members[i] for i in order]

    def new_id(self):
        return f"{self.now * 1000 - 5000:012x}"[:8] + f"-{f'{self.now * 1000 - 5000:012x}'[8:]}-7000-8000-{self.draw.getrandbits(48):012x}"

    def add(self, member, is_usual=False):
        if is_usual:
            self.usual.add(len(self.members))
        self.members.append(member)

    def twin(self, member, changes):
        """The same session again, now and then."""
        if self.draw.random() < 0.2:
            self.add({**member, **self.draw.choice(changes)})

    # -- steps

    def step(self, session, ordinal):
        last = self.draw.random() < 0.3
        return {
            "p_client_id": PLAIN, "p_session_id": session, "p_skill_id": self.skill, "p_ordinal": ordinal, "p_app_key_id": APP,
            "p_tenant_user_id": None, "p_started_at": self.now - 5, "p_nonce_expires_at": self.now + 1800, "p_step_id": self.new_id(),
            "p_step_name": f"step {ordinal}", "p_body_hash": f"{self.draw.getrandbits(256):064x}", "p_data": "0102", "p_required": "{}",
            "p_status": "SESSION_COMPLETED" if last else "SESSION_IN_PROGRESS", "p_secret_id": 7, "p_answer_ttl": 1800,
            "p_session_ttl": 86400, "p_generation": 0, "p_place": ordinal, "p_next_place": 0 if last else ordinal + 1, "p_waits_for": None,
            "p_reply": self.draw.choice([None, "03"]), "p_return_link": None, "p_return_until": None, "p_reasons": None,
            "p_attempt": None, "p_renews": None, "p_user_mac": None, "p_data_key": "04"}

    USUAL = [{}, {}, {}, {"p_status": "SESSION_FAILED", "p_reasons": "05", "p_next_place": 0},
             {"p_status": "SESSION_PENDING", "p_waits_for": "DECISION"},
             {"p_status": "SESSION_IN_PROGRESS", "p_waits_for": "BANK", "p_return_link": "06", "p_return_until": 1},
             {"p_client_id": HOOKED, "p_status": "SESSION_IN_PROGRESS", "p_next_place": 9}]
    OTHERS = [{"p_client_id": DISABLED}, {"p_client_id": UNKNOWN}, {"p_client_id": HOOKED, "p_status": "SESSION_COMPLETED"},
              {"p_nonce_expires_at": 1}, {"p_generation": 1}, {"p_attempt": "a0000000-0000-4000-8000-000000000001"}]

    def first(self):
        member = self.step(self.new_id(), 1)
        changes, usual = self.draw.choice(
            [(self.draw.choice(self.USUAL), True)] * 3 + [({"p_user_mac": MAC, "p_tenant_user_id": "07"}, True)]
            + [(one, False) for one in self.OTHERS + [
                {"p_app_key_id": APP_ENDED}, {"p_app_key_id": SECRET + 100}, {"p_skill_id": 999_999}, {"p_started_at": self.now - 90_000},
                {"p_renews": RENEWABLE}, {"p_renews": DELETED}, {"p_user_mac": ERASED}]])
        member.update(changes)
        if member["p_return_until"]:
            member["p_return_until"] = self.now + 600
        self.add(member, usual)
        self.twin(member, [{}, {"p_body_hash": "00" * 32}, {"p_nonce_expires_at": 1}])
        if self.draw.random() < 0.15:  # it has been submitted before
            self.row(member, step_ordinal=1, body_hash=self.draw.choice([member["p_body_hash"], "ff" * 32]), client_id=member["p_client_id"])
            self.usual.discard(self.members.index(member))

    def row(self, member, step_ordinal, body_hash="ff" * 32, **columns):
        """The member's session as it stands."""
        standing = {"client_id": member["p_client_id"], "skill_id": self.skill, "status": "SESSION_IN_PROGRESS", "step_ordinal": step_ordinal,
                    "step_id": self.new_id(), "answer_secret_id": 6, "generation": 0, "data_key": "\\x08", "next_place": 2, "step_place": 1, **columns}
        times = {"started_at": "now()", "updated_at": "now() - interval '3 minutes'", "expires_at": standing.pop("expires_at", "now() + interval '1 day'"),
                 "answer_expires_at": "now() + interval '20 minutes'", "reply_until": "now() + interval '20 minutes'", "told": "'\\x09'"}
        times.update({name: standing.pop(name) for name in ("exchanged_at", "waits_since", "return_until") if name in standing})
        names = ["session_id", "step_body_hash", *standing, *times]
        values = [quoted(member["p_session_id"]), quoted("\\x" + body_hash), *map(quoted, standing.values()), *times.values()]
        self.setup.append(f"INSERT INTO finq.session ({', '.join(names)}) VALUES ({', '.join(values)});")
        self.setup.append("INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided, off_path, kept) VALUES "
                          f"('{standing['step_id']}', '{member['p_session_id']}', {step_ordinal}, 'before', '', now(), 1, false, false, {standing.get('kept', False)});")
        return standing

    def document(self, step_id, document, kept=False):
        self.setup.append("INSERT INTO finq.upload (step_id, document, upload_id, size, sha256, media_type, uploaded_at, kept) VALUES "
                          f"('{step_id}', '{document}', '{self.new_id()}', 1, '', 'image/png', now(), {kept});")

    def later(self):
        member = self.step(self.new_id(), 2)
        member.update(self.draw.choice(self.USUAL))
        if member["p_return_until"]:
            member["p_return_until"] = self.now + 600
        kind = self.draw.choice(["usual"] * 5 + ["call"] * 2 + ["row"] * 4 + ["kept", "documents", "documents", "back", "absent"])
        columns = {}
        if kind == "call":
            member.update(self.draw.choice(self.OTHERS))
        elif kind == "row":
            columns = self.draw.choice([
                {"expires_at": "now() - interval '1 minute'"}, {"waits_for": "DECISION", "waits_since": "now()"}, {"generation": 1},
                {"status": "SESSION_COMPLETED"}, {"status": "SESSION_FAILED"}, {"renews": RENEWABLE}, {"renews": DELETED}, {"went_back": True},
                {"client_id": HOOKED if member["p_client_id"] == PLAIN else PLAIN}, {"step_ordinal": 2}, {"step_ordinal": 3},
                {"step_ordinal": 2, "body_hash": member["p_body_hash"]}])
        elif kind == "kept":
            columns = {"kept": True}
        if kind != "absent":
            standing = self.row(member, **{"step_ordinal": 1, **columns})
            if kind == "documents":
                member["p_required"] = "{one,two}"
                there = self.draw.choice([["one", "two"], ["one"], []])
                for document in there:
                    self.document(standing["step_id"], document)
                kind = "usual" if len(there) == 2 else kind
            elif kind == "back" or columns.get("went_back"):
                self.setup.append(f"UPDATE finq.session s SET went_back = true WHERE s.session_id = '{member['p_session_id']}';")
                off = self.new_id()
                self.setup.append("INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided, off_path) VALUES "
                                  f"('{off}', '{member['p_session_id']}', 0, 'off', '', now(), {member['p_place']}, false, true);")
                self.document(off, "one")
        self.add(member, kind in ("usual", "kept"))
        self.twin(member, [{}, {"p_body_hash": "00" * 32}, {"p_generation": 1}])

    # -- exchanges

    def exchange(self):
        session, secret = self.new_id(), SECRET
        member = {"p_client_id": PLAIN, "p_secret_hash": hashed(secret), "p_session_id": session, "p_token_expires_at": self.now + 600,
                  "p_required": "{}", "p_credentials_id": self.new_id(), "p_access_token_hash": f"{self.draw.getrandbits(256):064x}", "p_salt": "0a",
                  "p_secret_id": 7, "p_repeat_within": 120}
        kind = self.draw.choice(["usual"] * 5 + ["call"] * 3 + ["row"] * 3 + ["kept", "feed", "documents", "documents", "absent", "back"])
        columns = {"status": "SESSION_COMPLETED", "step_ordinal": 2, "user_mac": "\\x" + MAC, "tenant_user_id": "\\x0b"}
        if kind == "call":
            member.update(self.draw.choice(
                [{"p_client_id": DISABLED}, {"p_client_id": UNKNOWN}, {"p_session_id": None}, {"p_token_expires_at": 1}, {"p_secret_hash": "00" * 32}]
                + [{"p_secret_hash": hashed(key)} for key in (UNUSED, LONG_UNUSED, SECRET_ENDED, APP)]))
        elif kind == "row":
            done = {"exchanged_at": "now()", "exchange_key_id": SECRET, "exchange_secret_id": 6, "exchange_salt": "\\x0c", "credentials_id": RENEWABLE}
            columns.update(self.draw.choice([{"status": "SESSION_IN_PROGRESS"}, {"status": "SESSION_FAILED"}, done, {"renews": RENEWABLE}, {"renews": DELETED},
                                             {**done, "exchanged_at": "now() - interval '10 minutes'"}, {"client_id": HOOKED},
                                             {"status": "SESSION_EXPIRED", "data_key": None}]))
        elif kind == "kept":
            columns["kept"] = True
        if kind != "absent":
            standing = self.row({**member, "p_session_id": session}, **columns)
            if kind == "documents":
                member["p_required"] = "{one}"
                if self.draw.random() < 0.5:
                    self.document(standing["step_id"], "one")
                    kind = "usual"
            elif kind == "feed":
                self.setup.append(f"INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, visited_at) VALUES "
                                  f"('{self.new_id()}', '{PLAIN}', :skill, '{session}', 'bank', now());")
            elif kind == "back":
                self.setup.append(f"UPDATE finq.session s SET went_back = true WHERE s.session_id = '{session}';"
                                  f"UPDATE finq.step e SET off_path = true WHERE e.session_id = '{session}';")
        self.sessions.append(session)
        self.add(member, kind in ("usual", "kept", "feed"))
        self.twin(member, [{}, {"p_salt": "0d"}, {"p_token_expires_at": 1}])

    def script(self, how):
        setup = "".join(self.setup).replace(":skill", str(self.skill))
        sessions = ",".join(sorted({member["p_session_id"] for member in self.members if member["p_session_id"]} | set(self.sessions)))
        return f"SAVEPOINT before; {setup} SELECT pg_temp.{how}_{self.call}('{json.dumps(self.members)}'), pg_temp.rows('{{{sessions}}}'); ROLLBACK TO before;\n"


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
        SELECT to_jsonb(a) INTO answer FROM finq.{call}({given}) a;
        answers := answers || jsonb_build_object(n, answer);
    END LOOP;
    RETURN answers;
END $$;
CREATE FUNCTION pg_temp.alone_{call}(batch jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('answers', pg_temp.rest_{call}(batch, '{{}}'), 'crowd', '[]'::jsonb) $$;
CREATE FUNCTION pg_temp.crowd_{call}(batch jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE done jsonb := (SELECT coalesce(jsonb_object_agg(a.member, to_jsonb(a) - 'member'), '{{}}') FROM finq.{CALLS[call]}({arrays}) a);
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
        return {name: round((one - now) / 60) if name in SECONDS and isinstance(one, int) else minutes(one, now) for name, one in value.items()}
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
        assert set(other["crowd"]) <= {int(member) for member, answer in told["answers"].items() if answer["outcome"] == "ok"}
        assert batch.usual <= set(other["crowd"]), "whoever needs no more than the usual is not asked twice"
        answered |= {answer["outcome"] for answer in told["answers"].values()}
    assert len(answered) >= {"submit_step": 11, "exchange_token": 7}[call], answered


SCANS = """SELECT coalesce(sum(pg_stat_get_xact_numscans(i.indexrelid)), 0) > 0 FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
            WHERE t.relname LIKE 'session\\_%' AND {};"""


@pytest.mark.parametrize("how", ["alone", "crowd"])
def test_an_exchange_reads_no_index_of_those_that_wait(server, how):
    """Of a week that has just begun the planner knows nothing, and may hold that none wait in it; its plan is kept while many come."""
    batch = Batch("exchange_token", 0, int(server.psql("SELECT min(skill_id) FROM finq.skill")))
    asked = f"SELECT pg_temp.{how}_exchange_token('{json.dumps(batch.members)}') IS NULL;"
    script = "".join(["BEGIN;", ways(server.psql, batch.call), *world(), *batch.setup, asked, SCANS.format("i.indisprimary"),
                      SCANS.format("pg_get_expr(i.indpred, i.indrelid) LIKE '%exchanged_at IS NULL%'"), "ROLLBACK;"])
    assert server.psql(script.replace(":skill", str(batch.skill))).split() == ["f", "t", "f"]


# Each is left out of the statement, but for those that something else stands for.
FIRST, FEED = "array_position(p_session_id, p_session_id[u.member]) = u.member", "coalesce(f.credentials_id, p_credentials_id[u.member])"
INSTEAD = {FIRST: "true", FEED: "p_credentials_id[u.member]", "OR NOT EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id[u.member])": "OR true"}
CONDITIONS = {"submit_step": [
    FIRST, "AND p_attempt[u.member] IS NULL", " AND p_renews[u.member] IS NULL", " AND to_timestamp(p_nonce_expires_at[u.member]) > v_now",
    " AND t.status = 'ACTIVE'", "OR NOT EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id[u.member])",
    " AND a.generation = 0", " AND to_timestamp(a.started_at + a.session_ttl) > v_now", " AND k.key_id = a.app_key_id", " AND k.ends_at > v_now",
    " AND g.skill_id = a.skill_id", "AND (a.user_mac IS NULL OR NOT finq.was_erased(a.client_id, a.user_mac, a.started_at))",
    " AND s.client_id = a.client_id", " AND s.step_ordinal = a.ordinal - 1",
    "AND s.status = 'SESSION_IN_PROGRESS'", " AND s.waits_for IS NULL", " AND s.generation = a.generation", "AND s.expires_at > v_now",
    " AND s.renews IS NULL", " AND NOT s.went_back",
    "AND (a.required = '{}' OR finq.missing_uploads(s.step_id, a.required::text[]) IS NULL)"],
    "exchange_token": [
    FIRST, " AND t.status = 'ACTIVE'", " AND k.kind = 'SECRET'", " AND k.hash = p_secret_hash[u.member]", "AND k.ends_at > v_now",
    " AND k.last_used_at > v_now - interval '1 minute'", "AND to_timestamp(p_token_expires_at[u.member]) > v_now", FEED,
    " AND s.client_id = a.client_id", "AND s.status IS NOT DISTINCT FROM 'SESSION_COMPLETED'", "AND s.exchanged_at IS NULL", " AND s.renews IS NULL",
    " AND NOT s.went_back", "AND (a.required = '{}' OR finq.missing_uploads(s.step_id, a.required::text[]) IS NULL)"]}


def without(call, condition):
    """The statement for many without one of its conditions."""
    begin = TEXT.index(f"CREATE OR REPLACE FUNCTION finq.{CALLS[call]}(")
    text = TEXT[begin:TEXT.index("END $$;", begin)] + "END $$;"
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
