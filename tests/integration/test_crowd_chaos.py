"""A crowd at work while its database misbehaves: backends ended, statements cancelled, sessions locked by others, rows and commits
that fail. Whoever was refused asks again; what was acknowledged is there, once, and is the asker's own.

Seen red: answer_share giving each member the next one's row; answer_read keeping the first result, whatever comes after it.
"""
import itertools
import json
import random
import threading
import time

import pytest

from finqenv.client import Client, Onboarding
from finqenv.flows import publish
from finqenv.load import under_load
from finqenv.places import ROOT
from finqenv.process import until

CLIENTS = 32
DATA = {"personal_data": {"first_name": "Ana", "last_name": "Popescu", "email": "ana.popescu@example.com", "birth_date": "1990-04-17"},
        "product_form": {"value": "15000", "currency": "RON", "period": "12"}}
FAULTS = """
CREATE FUNCTION finq.now_and_then() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF random() < 0.02 THEN RAISE 'now and then'; END IF; RETURN NEW; END $$;
CREATE TRIGGER row_fails BEFORE INSERT ON finq.step FOR EACH ROW EXECUTE FUNCTION finq.now_and_then();
CREATE CONSTRAINT TRIGGER commit_fails AFTER INSERT ON finq.step DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION finq.now_and_then();
CREATE CONSTRAINT TRIGGER commit_fails AFTER INSERT ON finq.credential DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION finq.now_and_then();
"""
# For each client a consent with account data: two balances.
HELD = """
INSERT INTO finq.skill (name, servicer_id, definition) SELECT 'chaos', k.servicer_id, jsonb_set(k.definition::jsonb, '{{type}}', '"account_information"')::json
  FROM finq.skill k LIMIT 1;
INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, access_token_hash, consent_exp, max_data_retention, created_at, updated_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, '{0}', k.skill_id, gen_random_uuid(), sha256(n::text::bytea), now() + interval '1 day', now() + interval '1 day', now(), now()
  FROM generate_series(0, {1}) n CROSS JOIN finq.skill k WHERE k.name = 'chaos';
INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, visited_at, refreshed_at)
SELECT c.credentials_id, c.client_id, c.skill_id, c.session_id, 'bank', now(), now() FROM finq.credential c WHERE c.client_id = '{0}';
INSERT INTO finq.balance (credentials_id, balance_id, account_id, type, amount, currency, is_credit, credit_limit_included)
SELECT c.credentials_id, gen_random_uuid(), c.credentials_id, t.type, 1, 'RON', true, false
  FROM finq.credential c CROSS JOIN unnest(ARRAY['ClosingBooked', 'Expected']) AS t (type) WHERE c.client_id = '{0}';
"""
BACKEND = "(SELECT pid FROM pg_stat_activity WHERE usename = 'finq_web' ORDER BY random() LIMIT 1)"
MISCHIEF = [f"SELECT pg_cancel_backend({BACKEND})", f"SELECT pg_cancel_backend({BACKEND})", f"SELECT pg_terminate_backend({BACKEND})",
            "BEGIN; SELECT FROM finq.session WHERE session_id IN (SELECT session_id FROM finq.session ORDER BY session_id DESC LIMIT 3)"
            " ORDER BY session_id FOR UPDATE; SELECT pg_sleep(0.1); COMMIT"]
WRONG = """
ANALYZE finq.session, finq.step, finq.credential;
WITH told AS MATERIALIZED (SELECT t.* FROM json_to_recordset('{}') AS t (session_id uuid, steps uuid[], credentials_id uuid, token text))
SELECT t.session_id FROM told t LEFT JOIN finq.session s ON s.session_id = t.session_id
  LEFT JOIN finq.credential c ON c.session_id = t.session_id
  LEFT JOIN (SELECT e.session_id, array_agg(e.step_id ORDER BY e.ordinal) AS steps FROM finq.step e GROUP BY e.session_id) n ON n.session_id = t.session_id
 WHERE s.status IS DISTINCT FROM 'SESSION_COMPLETED' OR s.exchanged_at IS NULL OR s.credentials_id IS DISTINCT FROM t.credentials_id
    OR c.credentials_id IS DISTINCT FROM t.credentials_id OR c.access_token_hash IS DISTINCT FROM sha256(t.token::bytea)
    OR n.steps IS DISTINCT FROM t.steps
"""


class Crowd:
    """Clients that go their way to the end, each on a connection of its own, however often they are refused."""

    def __init__(self, installation):
        self.installation = installation
        self.tenant = installation.create_tenant("Chaos")
        self.skill = publish(installation, self.tenant, json.loads((ROOT / "tests/bench/skill.json").read_text()))
        self.clients = [Client(f"http://localhost:{installation.httpd.settings.plain_port}", self.tenant) for _ in range(CLIENTS)]
        self.told, self.refusals, self.turn = [], 0, itertools.count()
        installation.psql(HELD.format(self.tenant.client_id, CLIENTS - 1))

    def until_told(self, call):
        for _ in range(500):
            answer = call()
            if answer.status == 200:
                return answer
            assert answer.status in (500, 503), answer.body
            self.refusals += 1
            time.sleep(0.01)
        raise AssertionError("refused for ever")

    def ask(self, user, nonce):
        """How the session stands: as its last step was told."""
        told = self.until_told(lambda: user.client.call(f"/sessions/{user.session_id}/status", {"client_id": user.client.tenant.client_id, "nonce": nonce})).json
        assert (told["session_id"], told["step_id"]) == (user.session_id, user.step_id)
        assert told["status"] == ("SESSION_COMPLETED" if user.temp_token else "SESSION_IN_PROGRESS")

    def balances(self, client, held):
        found = self.until_told(lambda: client.data("/balances/get", held)).json
        assert len(found) == 2, found
        return found

    def way(self, number):
        user, steps = Onboarding(self.clients[number], self.skill), []
        self.until_told(user.start)
        for step, data in DATA.items():
            before = user.nonce
            answer = self.until_told(lambda step=step, data=data: user.submit(step, data))
            steps.append(answer["step_id"])
            self.ask(user, before if user.nonce is None else user.nonce)
            if next(self.turn) % 7 == 0:  # an answer that was lost on its way
                after, user.nonce = (user.nonce, user.temp_token), before
                assert self.until_told(lambda step=step, data=data: user.submit(step, data)).json == answer.json
                user.nonce, user.temp_token = after
        given = self.until_told(user.exchange).json
        assert self.until_told(user.exchange).json == given
        held = {"credentials_id": f"00000000-0000-0000-0000-{number:012x}", "access_token": str(number)}
        assert {one["account_id"] for one in self.balances(user.client, held)} == {held["credentials_id"]}
        known = self.until_told(lambda: user.client.consent("get", given))["result"]
        assert (known["credentials_id"], known["status"]) == (given["credentials_id"], "ACTIVE")
        self.told.append({"session_id": user.session_id, "steps": steps, "credentials_id": given["credentials_id"], "token": given["access_token"]})

    def wrong(self):
        return self.installation.psql(WRONG.format(json.dumps(self.told))).split()


def mischief(installation, end):
    draw = random.Random(18)
    while not end.wait(0.02):
        installation.psql(draw.choice(MISCHIEF))


@pytest.mark.parametrize("ways", [40, pytest.param(33_400, marks=pytest.mark.long)])
def test_what_was_acknowledged_is_there(make_server, ways):
    """Three acknowledgements a way. A child whose threads are all busy closes connections, so each has more than there are clients."""
    installation = make_server(children=2, threads=2 * CLIENTS, plain=True, dbd=(0, 2, 2), directives={"FinqDatabaseConcurrency": "2"})
    installation.httpd.log.allow(r"FINQ03: .* (500 internal_server_error|503 service_unavailable): database: ")
    crowd, end = Crowd(installation), threading.Event()
    crowd.way(0)
    installation.psql(FAULTS)
    maker = threading.Thread(target=mischief, args=(installation, end))
    maker.start()
    try:
        with under_load(crowd.way, CLIENTS):
            until(lambda: len(crowd.told) >= ways and crowd.refusals, 60 + ways, f"{ways} ways")
    finally:
        end.set()
        maker.join()
    assert crowd.wrong() == []
    together = installation.psql("SELECT max(n) FROM (SELECT count(*) AS n FROM finq.step e GROUP BY e.xmin) t")
    assert int(together) > 2, "some went together"
    print(f"{3 * len(crowd.told)} acknowledged, {crowd.refusals} refused, {together} in one transaction at most")
