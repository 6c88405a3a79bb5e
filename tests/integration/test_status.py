"""The session's state machine, once in C (include/flow/status.h), once in SQL, and drawn in src/flow/README.md: every status with
every event.

Seen red: in SQL, finq.session_conclude with 'approve' as COMPLETED where a step follows; finq.submit_step without the
look at status or waits_for; finq.session_back without it; finq.session_cancel that ends what is completed; finq.session_is_old without its look at the status; finq.session_answer with a token for FAILED; a status without is_over beside it; in
C's table, TO(EXPIRED) left out, TEMP_TOKEN and NONCE changed over.
"""
import re
import time

import pytest

from finqenv.flows import AISP
from finqenv.ids import new_id
from finqenv.places import ROOT

ROW = re.compile(r'^    X\((\w+), "(SESSION_\w+)", (\w+), ([^\\]*?)\)\s*\\?$', re.MULTILINE)
README = (ROOT / "src/flow/README.md").read_text()
BANK = "IN_PROGRESS at the bank"


def table():
    """{status: (what follows while nobody is waited for, {followers})}, as C has it."""
    rows = ROW.findall((ROOT / "include/flow/status.h").read_text())
    assert all(name == f"SESSION_{status}" for status, name, _, _ in rows)
    return {status: (onward, set(re.findall(r"TO\((\w+)\)", followers))) for status, _, onward, followers in rows}


def drawn():
    """{event: ({from}, to)}, as the README has it."""
    section = README[README.index("| event | from | to |"):README.index("What is not in this table")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()[2:] if line]
    return {event: ({one.strip() for one in before.split(",")}, after) for event, before, after in rows}


STATUSES, EVENTS = table(), drawn()
STATES = {**{status: (f"'SESSION_{status}'", "NULL") for status in STATUSES}, BANK: ("'SESSION_IN_PROGRESS'", "'BANK'"),
          "PENDING": ("'SESSION_PENDING'", "'DECISION'")}
SUBMIT = {  # status, waits_for, next place
    "a step, another follows": ("IN_PROGRESS", "NULL", 3), "a step, the bank is next": ("IN_PROGRESS", "'BANK'", 3),
    "a step, a decision is next": ("PENDING", "'DECISION'", 3), "the last step": ("COMPLETED", "NULL", 0),
    "a step that fails": ("FAILED", "NULL", 3)}


class Session:
    """A session that stands somewhere, and what is done to it, as SQL."""

    def __init__(self, server, tenant, state, event):
        self.tenant, self.state, self.event = tenant, state, event
        started = int(time.time() * 1000)  # one for both: a step is found by its session's millisecond
        self.session_id, self.step_id = new_id(started), new_id(started)
        self.stored = state != "CREATED"

    def made(self):
        if not self.stored:
            return ""
        status, waits = STATES[self.state]
        next_place = 0 if "none follows" in self.event else 2
        until = "- interval '1 second'" if self.event == "the bank's page ends" else "+ interval '1 hour'"
        is_up = self.event == "the time is up"
        ends, answer_ends = ("- interval '1 day'", "- interval '1 second'") if is_up else ("+ interval '10 days'", "+ interval '1 hour'")
        return f"""
            INSERT INTO finq.session (session_id, client_id, skill_id, status, is_over, started_at, updated_at, expires_at, step_ordinal, step_id, step_body_hash,
                                      answer_expires_at, answer_secret_id, step_place, next_place, waits_for, waits_since, return_link,
                                      return_until, returned_at, returned_hash)
            SELECT '{self.session_id}', '{self.tenant.client_id}', s.skill_id, {status}, finq.session_is_over({status}), clock_timestamp(), clock_timestamp(), clock_timestamp() {ends}, 1,
                   '{self.step_id}', sha256('first'), clock_timestamp() {answer_ends}, 1, 1, {next_place}, {waits},
                   CASE WHEN {waits} IS NOT NULL THEN clock_timestamp() END, CASE WHEN {waits} = 'BANK' THEN '\\x01'::bytea END,
                   CASE WHEN {waits} = 'BANK' THEN clock_timestamp() {until} END, clock_timestamp(),
                   sha256('came')
              FROM finq.skill s WHERE s.name = '{AISP}';
            INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided)
            VALUES ('{self.step_id}', '{self.session_id}', 1, 's', '{{}}', clock_timestamp(), 1, false);"""

    def happens(self):
        if self.event in SUBMIT:
            return self._submits(*SUBMIT[self.event])
        if self.event.startswith("return: "):
            decision = self.event.removeprefix("return: ").split(",")[0]
            return (f"PERFORM finq.redirect_conclude('{self.tenant.client_id}', '{self.session_id}', 1, sha256('came'), '{decision}', NULL, NULL, 600, 1,"
                    " NULL, NULL);")
        if self.event in ("back", "cancel"):
            return self._leaves(self.event)
        if self.event in ("the time is up", "the bank's page ends"):
            return f"PERFORM {self._status()};"
        return f"PERFORM finq.step_decided('{self.step_id}', '{self.event.split(',')[0]}', NULL);"

    def _submits(self, status, waits, place):
        ordinal = 2 if self.stored else 1
        return f"""PERFORM finq.submit_step(
            p_client_id => '{self.tenant.client_id}', p_session_id => '{self.session_id}',
            p_skill_id => (SELECT s.skill_id FROM finq.skill s WHERE s.name = '{AISP}'), p_ordinal => {ordinal},
            p_app_key_id => (SELECT k.key_id FROM finq.tenant_key k WHERE k.client_id = '{self.tenant.client_id}' AND k.kind = 'APP_KEY'),
            p_tenant_user_id => NULL, p_started_at => finq.seconds(clock_timestamp()),
            p_nonce_expires_at => finq.seconds(clock_timestamp()) + 600, p_step_id => '{new_id()}', p_step_name => 's',
            p_body_hash => sha256('next'), p_data => '{{}}', p_required => '{{}}', p_status => 'SESSION_{status}', p_secret_id => 1,
            p_answer_ttl => 600, p_session_ttl => 864000, p_generation => 0, p_place => {ordinal}, p_next_place => {place}, p_waits_for => {waits},
            p_reply => NULL, p_return_link => CASE WHEN {waits} = 'BANK' THEN '\\x01'::bytea END,
            p_return_until => CASE WHEN {waits} = 'BANK' THEN finq.seconds(clock_timestamp()) + 600 END, p_reasons => NULL);"""

    def _leaves(self, verb):
        """As its holder of the next step's nonce, or of the one that waits, asks for it."""
        secret = "NULL, " if verb == "cancel" else ""
        return (f"PERFORM finq.session_{verb}('{self.tenant.client_id}', {secret}'{self.session_id}', {2 if self.state == 'IN_PROGRESS' else 1}, 0,"
                " finq.seconds(clock_timestamp()) + 600, 600, 600, 1);")

    def _status(self):
        """As its holder of the last step's nonce asks."""
        return (f"finq.session_status('{self.tenant.client_id}', '{self.session_id}', (SELECT s.step_ordinal FROM finq.session s WHERE"
                f" s.session_id = '{self.session_id}'), 0, finq.seconds(clock_timestamp()) + 600, 600, 600, 1)")

    def told(self):
        return f"""
            SELECT '{self.state}', coalesce(substr(s.status::text, 9), 'CREATED'), coalesce(s.waits_for::text, ''), a.waits, a.expires_at IS NOT NULL,
                   a.ordinal - s.step_ordinal, s.is_over IS NOT DISTINCT FROM finq.session_is_over(s.status)
              FROM (SELECT) one LEFT JOIN finq.session s ON s.session_id = '{self.session_id}' LEFT JOIN LATERAL (
                    SELECT t.waits, t.expires_at, t.ordinal FROM {self._status()} t) a ON true;"""

    def script(self):
        return f"""{self.made()}
            DO $do$ BEGIN {self.happens()} EXCEPTION WHEN no_data_found OR unique_violation THEN NULL; END $do$;
            {self.told()}"""


def test_the_table_and_the_drawing_are_whole():
    assert len(STATUSES) == 6 and len(EVENTS) == 19
    for event, (before, after) in EVENTS.items():
        assert before <= set(STATES) and after in STATES, event
        for one in before:
            assert plain(after) in STATUSES[plain(one)][1] or one == after, f"{event}: C has no way from {one} to {after}"
    ways = {(plain(one), plain(after)) for before, after in EVENTS.values() for one in before}
    assert ways == {(status, follower) for status, (_, followers) in STATUSES.items() for follower in followers}


def plain(state):
    return state.removesuffix(" at the bank")


@pytest.mark.parametrize("event", EVENTS)
def test_every_status_with_every_event(server, tenant, event):
    before, after = EVENTS[event]
    rows = server.psql("".join(Session(server, tenant, state, event).script() for state in STATES)).splitlines()
    assert len(rows) == len(STATES)
    for row in rows:
        state, status, waits_for, waits, has_token, ahead, is_told_to_time = row.split("|")
        now = BANK if waits_for == "BANK" else status
        # a bank's page that has ended is found by whoever asks
        expected = after if state in before else state
        assert now == expected, f"{state}: {event}"
        assert is_told_to_time == "t", f"{state}: {event}"
        if status == "CREATED":
            continue
        onward = "NOTHING" if waits == "t" else STATUSES[status][0]
        assert (waits == "t") == bool(waits_for)
        assert {"NONCE": ("t", "1"), "TEMP_TOKEN": ("t", "0")}.get(onward, (has_token, ahead)) == (has_token, ahead), f"{state}: {event}"
        if onward == "NOTHING":
            assert (has_token == "t") == (waits == "t"), f"{state}: {event}: who waits keeps a nonce, who has ended has none"
