"""Orders and the passing of time: what ends while a bank is asked or before an order is over, and what goes afterwards.

Seen red: as the tests say.
"""
import time

import pytest

from finqenv.banking import Bank
from finqenv.payments import CHECKED, PAY, RENT, order
from finqenv.wire import is_error

NONCE_SECONDS = 10  # the least that FinqNonceTTL may be
NEW = "gen_random_uuid()"


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory, server):
    made = Bank(make_module_server, run_directory / "payment-ends", timeout=20, cluster=server.postgres, database="payment_ends", children=1,
                directives={"FinqNonceTTL": str(NONCE_SECONDS)})
    made.allow(PAY)
    made.allow(CHECKED)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.answer_rightly()


def meanwhile(bank, happens):
    """The bank takes what it is asked next, and before it says so, that happens."""
    from connector import protocol

    def send(handler, message_id, answer):
        happens()
        handler.send(200, answer, protocol.sign(bank.service.secrets, "answer", bank.service.name, message_id, answer))
    bank.service.behaviours = {**bank.service.behaviours, "meanwhile": send}
    bank.service.behaviour = "meanwhile"


def payments(bank, user, columns):
    return bank.psql(f"SELECT {columns} FROM finq.payment p WHERE p.session_id = '{user.session_id}' ORDER BY p.payment_id")


# -- while the bank is asked

@pytest.mark.long  # no time but a nonce's own is in it
def test_a_bank_that_thinks_longer_than_the_nonce_lives(bank):
    """It has the order, so the step is taken. Red where submit_step looks at the nonce's end whatever was claimed."""
    user = bank.user(PAY["name"])
    meanwhile(bank, lambda: time.sleep(NONCE_SECONDS + 1))
    assert user.submit("payment_intent", order())["status"] == "SESSION_COMPLETED"


def test_a_session_whose_time_is_up_while_the_bank_thinks(bank):
    """Red where submit_step looks at expires_at whatever was claimed."""
    user = bank.user(CHECKED["name"])
    assert user.submit("payee_check", RENT).status == 200
    meanwhile(bank, lambda: bank.age(user, ["expires_at"], "10 years"))
    assert user.submit("payment_intent", order())["status"] == "SESSION_COMPLETED"
    bank.service.behaviour = None
    late = bank.user(CHECKED["name"])
    assert late.submit("payee_check", RENT).status == 200
    bank.age(late, ["expires_at"], "10 years")
    assert is_error(late.submit("payment_intent", order()), 401, "expired_session"), "before the bank is asked"
    assert payments(bank, late, "*") == ""


def test_a_session_that_is_looked_at_while_the_bank_thinks(bank):
    """By the janitor and by whoever asks for its status: it does not expire before the bank has said what is to be kept. Red where
    janitor_expire_sessions or session_answer looks at no claim."""
    user = bank.user(CHECKED["name"])
    assert user.submit("payee_check", RENT).status == 200
    nonce, other, seen = user.nonce, bank.server.client(bank.tenant), []

    def looked_at():
        bank.age(user, ["expires_at"], "10 years")
        bank.ctl("janitor", "run")
        seen.append(bank.status(user, nonce, other)["status"])
    meanwhile(bank, looked_at)
    assert user.submit("payment_intent", order())["status"] == "SESSION_COMPLETED"
    other.close()
    assert seen == ["SESSION_IN_PROGRESS"]
    bank.service.behaviour = None
    given_up = bank.user(CHECKED["name"])
    assert given_up.submit("payee_check", RENT).status == 200
    bank.age(given_up, ["expires_at"], "10 years")
    assert bank.status(given_up)["status"] == "SESSION_EXPIRED"


def test_a_session_that_is_over_orders_nothing(bank):
    """However long ago its order was let in. Red where payment_begin looks at no is_over."""
    user = bank.user(CHECKED["name"])
    assert user.submit("payee_check", RENT).status == 200
    tenant = bank.tenant
    assert bank.client.call(f"/sessions/{user.session_id}/cancel", {"client_id": tenant.client_id, "client_secret": tenant.client_secret}).status == 200
    assert bank.psql(f"SELECT outcome FROM finq.payment_begin('{tenant.client_id}', '{user.session_id}', (SELECT min(skill_id) FROM finq.skill), {NEW}, 'bank',"
                     f" {NEW}, {NEW}, '\\x00', '{{}}', '\\x00', NULL, NULL, finq.clock(), '', NULL)") == "expired_session"
    assert payments(bank, user, "*") == ""


# -- of several, and several words

def test_an_order_that_was_given_up_hides_none(bank):
    """Its id may be the newer one: ids are made before it is asked who comes first. Red without is_released in payment_get's order."""
    user = bank.user(PAY["name"])
    assert user.submit("payment_intent", order())["status"] == "SESSION_COMPLETED"
    bank.psql(f"""INSERT INTO finq.payment (payment_id, client_id, session_id, skill_id, step_ids, connector, attempt, order_mac, data_key, book, asked_at, is_released)
        SELECT 'ffffffff-ffff-7fff-bfff-ffffffffffff', client_id, session_id, skill_id, step_ids, connector, {NEW}, order_mac, data_key, book, asked_at, true
          FROM finq.payment WHERE session_id = '{user.session_id}'""")
    told = bank.client.data("/payments/get", user.exchange().json)
    assert told["payment_id"] == payments(bank, user, "payment_id").split()[0] and told["status"] == "ACSP"


def test_a_word_told_twice_takes_nothing_back(bank):
    """The same word, from who has read an older book: the version goes on. Red with p_version + 1 in payment_tell."""
    user = bank.user(PAY["name"])
    assert user.submit("payment_intent", order())["status"] == "SESSION_COMPLETED"
    bank.psql(f"UPDATE finq.payment SET version = 7 WHERE session_id = '{user.session_id}'")
    assert payments(bank, user, "(finq.payment_tell(p.payment_id, 2, p.book, p.phase, p.status, p.is_final, p.is_released, NULL)).outcome") == "ok"
    assert payments(bank, user, "version") == "8"


# -- what goes afterwards

def lost(bank, **more):
    """An order whose session never came to be, which the sandbox bank has in its ledger; and its attempt."""
    user = bank.user(PAY["name"], **more)
    bank.service.is_deaf = True
    bank.server.httpd.log.allow("FINQ08|proxy")
    assert user.submit("payment_intent", order())["type"] == "external_api_error"
    attempt = payments(bank, user, "attempt")
    bank.psql(f"SELECT finq.sandbox_order_take('{attempt}', '{user.session_id}', NULL, sha256(''), '[]', NULL, 0, '{attempt}')")
    assert in_ledger(bank, attempt) == "1"
    return user, attempt


def in_ledger(bank, attempt):
    return bank.psql(f"SELECT count(*) FROM finq.sandbox_order WHERE attempt = '{attempt}'")


def test_the_ledger_goes_with_who_is_erased(bank):
    """Red where person_erase deletes the payment alone."""
    user, attempt = lost(bank, tenant_user_id="payer-1")
    assert bank.client.user("erase", tenant_user_id="payer-1").status == 200
    assert payments(bank, user, "*") == "" and in_ledger(bank, attempt) == "0"


def test_the_ledger_goes_with_an_order_that_is_over(bank):
    """No sooner than it is over, whatever FinqSessionRetention. Red without next_at in janitor_remove_payments, and where that deletes the
    payment alone."""
    user, attempt = lost(bank)
    bank.psql(f"UPDATE finq.payment SET asked_at = asked_at - interval '40 days', execution_date = current_date + 1 WHERE attempt = '{attempt}'")
    bank.ctl("janitor", "run")
    assert payments(bank, user, "attempt") == attempt and in_ledger(bank, attempt) == "1"
    bank.psql(f"UPDATE finq.payment SET execution_date = current_date - 40 WHERE attempt = '{attempt}'")
    bank.ctl("janitor", "run")
    assert payments(bank, user, "*") == "" and in_ledger(bank, attempt) == "0"
