"""The refresher: banks are asked for account data while nobody waits, each consent within its budget, by whichever child comes first.

Seen red: see each test.
"""
import re
import time

import pytest

from finqenv.banking import Bank
from finqenv.process import until

PLACE = '<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>\n'
ACCOUNT = {"account": "1", "account_schemes": [{"identification": "RO49AAAA1B31007593840000", "scheme_name": "IBAN"}], "currency": "RON"}


class Asked:
    """A connector's answers. `told` are the questions for data, in order; `amounts` what was booked; `thinks` how long it takes."""

    def __init__(self):
        self.told, self.amounts, self.thinks = [], ["12.50"], 0

    def answer(self, question, headers, connection):
        if question["event"] != "data":
            return {"verdict": "accepted", "reference": "r-1"}
        self.told.append(question)
        time.sleep(self.thinks)
        rows = {"accounts": [ACCOUNT], "balances": [], "transactions": [
            {"account": "1", "amount": amount, "currency": "RON", "credit_debit_indicator": "debit", "status": "booked",
             "booking_date_time": "2026-02-02T00:00:00Z"} for amount in self.amounts]}
        return {question["ask"]: rows[question["ask"]]}


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory, server):
    made = Bank(make_module_server, run_directory / "refresher", cluster=server.postgres, database="refresher", children=2,
                directives={"FinqJanitorInterval": "1"}, more=PLACE)
    yield made
    made.stop()


@pytest.fixture
def asked(bank, monkeypatch):
    made = Asked()
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
    assert stored > 0 and consent.is_("due_at BETWEEN now() + interval '5 hours' AND now() + interval '8 hours'")
    asked.amounts = ["12.50", "7.00"]
    consent.set("due_at = now()")
    until(lambda: consent.is_("cardinality(refreshes) = 1 AND refresh_id IS NULL"), what="the refresh")
    assert [(question["ask"], question["attended"]) for question in asked.told] == [(kind, False) for kind in ("accounts", "balances", "transactions")]
    assert consent.has() == ["12.50", "7.00"] and len(asked.told) == 3
    assert consent.is_("due_at BETWEEN now() + interval '5 hours' AND now() + interval '8 hours'")
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
        bank.client.consent("delete", consent.held, pcd_data_retention=1000)
    consent.set({"spent": "refreshes = array_fill(now() - interval '23 hours', '{4}'), ", "none": "frequency = 0, ", "ended": ""}[how] + "due_at = now()")
    until(lambda: consent.is_("due_at > now() + interval '50 minutes'" if how == "spent" else "due_at IS NULL"), what="its end")
    assert asked.told == []


def test_a_bank_that_fails(bank, asked):
    """What is stored stays, and the bank is left alone for a while. Red where finq.feed_fail leaves due_at."""
    consent, failed = Consent(bank, asked), refreshes(bank, "failed")
    bank.server.httpd.log.expect("FINQ18: .*account data: connector bank: HTTP 429")
    bank.service.behaviour = "429"
    consent.set("due_at = now()")
    until(lambda: consent.is_("error = 'external_api_too_many_requests'"), what="the error")
    assert consent.is_("due_at > now() + interval '5 hours' AND cardinality(refreshes) = 1")
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
