"""The refresher: banks are asked for account data while nobody waits, each consent within its budget, by whichever child comes first; and
to take back what they gave for consents that have ended.

Seen red: see each test.
"""
import concurrent.futures
import contextlib
import re

import pytest

from finqenv import sandbox
from finqenv.banking import SKILLS, Bank
from finqenv.client import Onboarding
from finqenv.payments import PAY, order
from finqenv.process import until
from finqenv.telling import ACCOUNT, Telling, booked
from finqenv.wire import is_error

PLACE = '<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>\n'


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory, server):
    made = Bank(make_module_server, run_directory / "refresher", cluster=server.postgres, database="refresher", children=2,
                directives={"FinqJanitorInterval": "1"}, extra=PLACE)
    yield made
    made.stop()


@pytest.fixture
def asked(bank, monkeypatch):
    made = Telling()
    monkeypatch.setattr(bank.service, "answer", made.answer)
    yield made
    bank.service.behaviour = None


class Consent:
    def __init__(self, bank, asked):
        self.bank = bank
        user = bank.user("sca")
        assert user.submit("sca", {})["status"] == "SESSION_COMPLETED"
        self.held = user.exchange().json
        self.id = self.held["credentials_id"]
        until(lambda: self.is_("refreshed_at IS NOT NULL AND refresh_id IS NULL"), what="its first data")
        asked.told.clear()

    def is_(self, expression):
        return self.bank.psql(f"SELECT {expression} FROM finq.feed WHERE credentials_id = '{self.id}'") == "t"

    def set(self, sets):
        self.bank.psql(f"UPDATE finq.feed SET {sets} WHERE credentials_id = '{self.id}'")

    def has(self):
        return sorted(one["data"]["amount"] for one in self.bank.client.data("/transactions/get", self.held).json)


def metric(bank, name):
    text = bank.client.request("GET", "/metrics").body.decode()
    return sum(map(int, re.findall(rf"^{name}(?:,[^}}]*)?}} (\d+)$", text, re.MULTILINE)))


def refreshes(bank, outcome):
    return metric(bank, f'finq_refreshes_total{{host="[^"]*",outcome="{outcome}"')


def test_what_is_due_is_refreshed(bank, asked):
    """Through the proxy, for nobody; it counts, and is due again within the day. Red without finq_refresher_start."""
    consent, stored = Consent(bank, asked), refreshes(bank, "stored")
    assert stored > 0 and consent.is_("due_at BETWEEN now() + interval '7 hours' AND now() + interval '10 hours'")
    asked.amounts = ["12.50", "7.00"]
    consent.set("due_at = now()")
    until(lambda: consent.is_("cardinality(refreshes) = 1 AND refresh_id IS NULL"), what="the refresh")
    assert [(question["ask"], question["attended"]) for question in asked.told] == [(kind, False) for kind in ("accounts", "balances", "transactions")]
    assert consent.has() == ["12.50", "7.00"] and len(asked.told) == 3
    assert consent.is_("due_at BETWEEN now() + interval '7 hours' AND now() + interval '10 hours'")
    until(lambda: refreshes(bank, "stored") == stored + 1, what="its number")
    shown = bank.ctl("consent", "show", consent.id)["account_data"]
    assert shown["used"] == 1 and shown["next_at"]


def test_each_is_refreshed_once(bank, asked):
    """Whichever child comes first."""
    consents = [Consent(bank, asked) for _ in range(6)]
    asked.thinks = 0.05
    names = ", ".join(f"'{consent.id}'" for consent in consents)
    bank.psql(f"UPDATE finq.feed SET due_at = now() WHERE credentials_id IN ({names})")
    until(lambda: all(consent.is_("cardinality(refreshes) = 1 AND refresh_id IS NULL") for consent in consents), what="all of them")
    assert len({question["attempt"] for question in asked.told}) == 6 and len(asked.told) == 18


@pytest.mark.parametrize("how", ["spent", "ended", "none"])
def test_what_may_not_be_asked(bank, asked, how):
    """Is put off until it may be, or for good. Red where feed_due looks at no budget, or at no consent."""
    consent = Consent(bank, asked)
    if how == "ended":
        bank.psql(f"UPDATE finq.credential SET status = 'EXPIRED', consent_exp = now() WHERE credentials_id = '{consent.id}'")
    consent.set({"spent": "refreshes = array_fill(now() - interval '23 hours', '{4}'), ", "none": "frequency = 0, ", "ended": ""}[how] + "due_at = now()")
    until(lambda: consent.is_("due_at > now() + interval '50 minutes'" if how == "spent" else "due_at IS NULL"), what="its end")
    assert asked.told == []


@pytest.mark.parametrize("how, code, why", [
    ("429", "too_many_requests", "HTTP 429"), ("late", "timeout", "HTTP 504"),
    pytest.param("trickles", "timeout", "its answer did not come to an end within 60 seconds", marks=pytest.mark.long)])
def test_a_bank_that_fails(bank, asked, how, code, why):
    """What is stored stays, and the bank is left alone for a while. Red where finq.feed_fail leaves due_at, and the last without ask.c's
    look at the clock."""
    consent, failed = Consent(bank, asked), refreshes(bank, "failed")
    bank.server.httpd.log.expect(f"FINQ18: .*account data: connector bank: {why}")
    bank.server.httpd.log.allow("AH01102|AH00898")  # of a bank that is late
    bank.service.behaviour = how
    consent.set("due_at = now()")
    until(lambda: consent.is_(f"error = 'external_api_{code}'"), 80, what="the error")
    assert consent.is_("due_at > now() + interval '7 hours' AND cardinality(refreshes) = 1")
    assert consent.has() == ["12.50"]
    until(lambda: refreshes(bank, "failed") == failed + 1, what="its number")
    bank.server.httpd.log.wait_for("FINQ18")


def test_a_server_that_ends_meanwhile(bank, asked):
    """Waits for the question that is out, and asks no other: what goes with the child's memory is used no more. Red without is_over in
    finq_refresh, and without child_end in refresher.c (a child that crashes)."""
    consent = Consent(bank, asked)
    asked.thinks = 1
    bank.server.httpd.log.tolerate("FINQ18: .*this child of the server ends")
    consent.set("due_at = now()")
    until(lambda: asked.told, what="the question")
    bank.server.httpd.graceful_stop()
    assert len(asked.told) == 1
    bank.server.httpd.start()
    asked.thinks = 0
    consent.set("due_at = now(), refresh_until = NULL")
    until(lambda: consent.is_("error IS NULL AND refresh_id IS NULL"), what="the next server's")
    assert consent.has() == ["12.50"]


# -- answers that are odd, and what happens while the bank thinks



def telling(*pages, accounts=(ACCOUNT,), at_end=None):
    """What a bank says whose references last: transactions on so many pages. `at_end` is done before the last of them is sent."""
    def says(question):
        if question["ask"] == "accounts":
            return {"accounts": list(accounts), "declares": {"reference_is_stable": True}}
        place = int(question.get("next") or 0)
        if question["ask"] == "balances":
            return None
        if at_end and place + 1 == len(pages):
            at_end()
        return {"transactions": list(pages[place]), **({"next": str(place + 1)} if place + 1 < len(pages) else {})}
    return says


def test_answers_that_are_none(bank, asked):
    """Who waits is told, and what is stored stays, be it that only the last page is amiss. Red without each look of finq.feed_fault, without
    once_on_page, and where a refresh stores pages as they come."""
    consent, ones = Consent(bank, asked), [booked("1", reference="a")]
    bank.server.httpd.log.allow("AH01110: error reading response")
    for says in (telling([booked("1", reference="a"), booked("2", reference="a")]), telling(ones, accounts=(ACCOUNT, ACCOUNT)),
                 telling(ones, [booked("1", reference="b", account="2")]), telling(ones, [booked("1" * 40, reference="b")]),
                 telling(ones, [booked("1", reference="b", booking_date_time="2026-02-30T00:00:00Z")]),
                 telling(ones, [booked("1", reference="b", currency="XXX")]), telling(ones, [booked("1", reference="b", info="x" * 10 ** 7)]),
                 telling(ones, ones, at_end=lambda: setattr(bank.service, "behaviour", "cut off"))):
        asked.says = says
        bank.server.httpd.log.expect("FINQ08: ")
        refused = bank.client.data("/accounts/get", consent.held, **sandbox.PERSON)
        bank.service.behaviour = None
        assert refused.status == 400 and refused.code in ("external_api_invalid_answer", "external_api_connection_error"), refused.body
        assert consent.has() == ["12.50"] and bank.psql("SELECT count(*) FROM finq.feed_told") == "0"


def test_a_list_that_moves_while_it_is_read(bank, asked):
    """What two pages tell of is one, as the later says. Red without is_told in finq.feed_transactions."""
    consent = Consent(bank, asked)
    asked.says = telling([booked("1", reference="a"), booked("2", reference="b")], [booked("3", reference="b"), booked("4", reference="c")])
    assert bank.client.data("/accounts/get", consent.held, **sandbox.PERSON).status == 200
    assert consent.has() == ["1", "12.50", "3", "4"], "and what is older than what was asked for"


def test_two_currencies_in_one_account(bank, asked):
    consent = Consent(bank, asked)
    asked.says = telling([booked("1", reference="a"), booked("2", reference="b", currency="EUR")])
    assert bank.client.data("/accounts/get", consent.held, **sandbox.PERSON).status == 200
    told = [one["data"]["amount"] for one in bank.client.data("/transactions/get", consent.held, filter={"currency": "EUR"}).json]
    assert consent.has() == ["1", "12.50", "2"] and told == ["2"]


@pytest.mark.parametrize("how", ["deleted", "expired", "renewed"])
def test_a_consent_meanwhile(bank, asked, how):
    """One that has ended stores nothing more, and who waits is told so; a renewal goes on beside. Red without both looks at the
    consent, in finq.feed_held, and where to be overtaken is an error."""
    consent = Consent(bank, asked)
    asked.amounts, asked.hold, other = ["12.50", "7.00"], "transactions", bank.server.client(bank.tenant)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bank.client.data, "/accounts/get", consent.held, wait=25, psu_ip_address="192.0.2.1")
        assert asked.held.wait(20)
        if how == "deleted":
            assert other.consent("delete", consent.held).status == 200
        elif how == "expired":
            bank.psql(f"UPDATE finq.credential SET consent_exp = now() WHERE credentials_id = '{consent.id}'")
        else:
            consent.held = renewed(other, consent.held)
        asked.hold = None
        asked.go.set()
        answer = waiting.result()
    if how == "renewed":
        assert answer.status == 200
        until(lambda: consent.is_("refresh_id IS NULL"), what="its end")
        assert consent.has() == ["12.50", "7.00"]
    else:
        assert is_error(answer, 401, "inactive_credentials")
        assert bank.psql(f"SELECT count(*) FROM finq.transaction WHERE credentials_id = '{consent.id}' AND superseded_by IS NULL") == "1"
        until(lambda: revocations(bank) == "0", what="the bank to hear of its end")  # not the next test's
    assert bank.psql("SELECT count(*) FROM finq.feed_told") == "0"
    other.close()


def renewed(client, held):
    """The new credentials of a consent."""
    user, started = Onboarding(client, SKILLS["sca"]["name"]), client.consent("renew", held)
    user.session_id, user.nonce = started["session_id"], started["nonce"]
    assert user.submit("sca", {})["status"] == "SESSION_COMPLETED"
    return user.exchange().json


# -- several at once

@contextlib.contextmanager
def at_once(bank, held, count, **more):
    """Their answers to come, each over a connection of its own."""
    clients = [bank.server.client(bank.tenant) for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        yield [pool.submit(client.data, "/transactions/get", held, **more) for client in clients]
    for client in clients:
        client.close()


def are_waiting(bank, count):
    """Within the two seconds that the bank has."""
    until(lambda: sum(map(int, re.findall(r"^finq_waiting_clients\{.*\} (\d+)$", bank.client.request("GET", "/metrics").body.decode(), re.MULTILINE))) == count,
          1.5, "them to wait")


@pytest.mark.parametrize("fails", [False, True])
def test_who_waits_for_another_asks_no_more(bank, asked, fails):
    """Its end is theirs, its error too, and one refresh of the day's is used. Red without 'ended' in finq.feed_claim."""
    consent = Consent(bank, asked)
    asked.amounts, asked.hold = ["12.50", "7.00"], "transactions"
    if fails:
        asked.says = lambda question: {"nonsense": True} if question.get("ask") == "transactions" else None
        bank.server.httpd.log.expect("FINQ08: .*external_api_invalid_answer")
    with at_once(bank, consent.held, 1, wait=25) as first:
        assert asked.held.wait(20)
        with at_once(bank, consent.held, 3, wait=25) as others:
            are_waiting(bank, 3)
            asked.go.set()
            answers = [answer.result() for answer in first + others]
    if fails:
        assert [(answer.status, answer.code) for answer in answers] == [(400, "external_api_invalid_answer")] * 4
    else:
        assert [sorted(one["data"]["amount"] for one in answer.json) for answer in answers] == [["12.50", "7.00"]] * 4
    assert consent.is_("cardinality(refreshes) = 1 AND refresh_id IS NULL") and len(asked.told) == 3


def test_before_the_first_data(bank, asked):
    """Nobody is told that there is nothing: whom no thread is left to wait with is asked to come again. Red without FINQ_REFRESH_BEGUN."""
    bank.server.httpd.log.expect("FINQ03: .*first data")
    asked.hold = "accounts"
    user = bank.user("sca")
    assert user.submit("sca", {})["status"] == "SESSION_COMPLETED"
    held = user.exchange().json
    assert asked.held.wait(20)
    with at_once(bank, held, 14) as answers:
        until(lambda: sum(answer.done() for answer in answers) >= 14 - 2 * 4, 8, "those without a thread")  # the others wait for 10 s
        asked.go.set()
    answers = [answer.result() for answer in answers]
    refused, others = [one for one in answers if one.status != 200], [one for one in answers if one.status == 200]
    assert refused and all(is_error(answer, 503, "service_unavailable") and answer.headers["retry-after"] == "1" for answer in refused)
    assert others and all([one["data"]["amount"] for one in answer.json] == ["12.50"] for answer in others), "who waited has them"


# -- ends

def revocations(bank, expression="count(*)"):
    return bank.psql(f"SELECT {expression} FROM finq.revocation")


def test_a_connector_takes_back_what_it_gave(bank, asked):
    """Once the consent ends, outside of any request, until it says that it is done: the same question, after gaps that grow, whatever has
    gone with the consent meanwhile. Red where feed_revoke does nothing, and where revocation_due leaves due_at."""
    consent = Consent(bank, asked)
    bank.server.httpd.log.expect("FINQ20: .*a consent's end: connector bank: HTTP 503")
    bank.service.behaviour = "503"
    bank.client.consent("delete", consent.held, pcd_data_retention=0)
    for attempt in (1, 2):
        until(lambda: revocations(bank, f"attempts = {attempt} AND due_at > now()") == "t", what="the question")
        gap = 60 * 2 ** (attempt - 1)
        assert revocations(bank, f"due_at BETWEEN now() + interval '{gap - 20} s' AND now() + interval '{gap} s'") == "t"
        until(lambda: bank.psql(f"SELECT count(*) FROM finq.feed WHERE credentials_id = '{consent.id}'") == "0", what="the consent's data to go")
        bank.service.behaviour = "503" if attempt == 1 else None
        bank.psql("UPDATE finq.revocation SET due_at = now()")
    until(lambda: revocations(bank) == "0", what="the answer that is none")
    first, *others = [question for question in asked.told if question["event"] == "revoke"]
    assert first == {"event": "revoke", "attempt": first["attempt"], "skill": "sca_sbx_#1.0", "environment": "sandbox", "reference": "r-1"}
    assert len(others) == 2 and all(other == first for other in others)
    bank.server.httpd.log.wait_for("FINQ20")


def test_a_connector_is_asked_no_longer_than_a_month(bank, asked):
    """Red without the DELETE of finq.revocation_due."""
    consent = Consent(bank, asked)
    bank.psql(f"INSERT INTO finq.revocation (client_id, skill_id, connector, reference, reference_key, ended_at) SELECT client_id, skill_id, connector, "
              f"reference, reference_key, now() - interval '31 days' FROM finq.feed WHERE credentials_id = '{consent.id}'")
    until(lambda: revocations(bank) == "0", what="its end")
    assert asked.told == []


def test_what_the_bank_has_ended_is_not_taken_back(bank, asked):
    """Red where finq.feed_fail leaves the reference."""
    consent = Consent(bank, asked)
    asked.says = lambda question: {"error": "consent_withdrawn"} if question["event"] == "data" else {"revoked": "no answer at all"}
    consent.set("due_at = now()")
    until(lambda: bank.client.consent("get", consent.held)["result"]["status"] == "DELETED", what="the consent's end")
    assert revocations(bank) == "0"


# -- all of it

@pytest.mark.parametrize("piled", ["revoke", "data"])
def test_nothing_waits_for_what_has_piled_up(bank, asked, monkeypatch, piled):
    """Account data and payments come before the ends of many consents, and payments between many consents' data, however long a bank thinks.
    Red where a turn does more of a kind than one, or begins with ends."""
    consents, events = [Consent(bank, asked) for _ in range({"revoke": 1, "data": 8}[piled])], []
    asked.thinks = {"revoke": 0.02, "data": 0.2}[piled]

    def answer(question, headers, connection):
        events.append(question["event"])
        return {"payment": {"status": "CANC"}} if question["event"] == "payment" else asked.answer(question, headers, connection)
    user = bank.user(bank.allow(PAY))
    assert user.submit("payment_intent", order())["status"] == "SESSION_COMPLETED"
    monkeypatch.setattr(bank.service, "answer", answer)
    due = ", ".join(f"'{consent.id}'" for consent in consents)
    revocations_due = {"revoke": 20, "data": 0}[piled]
    bank.psql(f"INSERT INTO finq.revocation (client_id, skill_id, connector, reference, reference_key) SELECT client_id, skill_id, connector,"
              f" reference, reference_key FROM finq.feed, generate_series(1, {revocations_due}) WHERE credentials_id = '{consents[0].id}';"
              f" UPDATE finq.feed SET due_at = now() WHERE credentials_id IN ({due});"
              f" UPDATE finq.payment SET next_at = now() WHERE session_id = '{user.session_id}'")
    until(lambda: events.count("revoke") == revocations_due and events.count("data") == 3 * len(consents) and "payment" in events, what="all of it")
    early = [place for place, event in enumerate(events) if event == piled][{"revoke": 1, "data": events.count(piled) // 2}[piled]]
    assert events.index("payment") < early and events.index("data") < early, events
