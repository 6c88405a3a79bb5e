"""How a payment stands: /payments/get, events, following (contract section 11b), for a client that knows the public pages alone.

Seen red: see each test.
"""
import json
import re

import pytest

from finqenv.banking import Bank
from finqenv.payments import LINK, PAY, new_message, order, transfer
from finqenv.places import ROOT
from finqenv.process import run, until
from finqenv.wire import is_error


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    place = '<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>\n'
    made = Bank(make_module_server, run_directory / "payments-get", children=1, threads=32, extra=place)
    made.allow(PAY)
    made.ctl("webhook", "set", made.tenant.client_id, "https://93.184.216.34/finq", "--secret-file", made.server.secret_file)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.answer_rightly()


def paid(bank, data=None, says=None, **more):
    """(user, credentials) of an order that the bank has."""
    bank.service.ledger.says = says or {"status": "ACSP"}
    user = bank.user(PAY["name"], **more)
    answer = user.submit("payment_intent", data or order())
    assert answer["status"] == "SESSION_COMPLETED", answer.body
    return user, user.exchange().json


def get(bank, credentials, **more):
    return bank.client.data("/payments/get", credentials, **more)


def notice(bank, user, status, **more):
    answer = decide(bank, {"step_id": user.step_id, "payment": {"status": status, **more}})
    assert answer.status == 200, answer.body
    return answer["phase"]


def events(bank, user):
    """The data of the session's payment.updated, in their order."""
    rows = bank.psql(f"SELECT payload -> 'data' FROM finq.outbox WHERE session_id = '{user.session_id}' AND type = 'payment.updated' ORDER BY event_id")
    return [json.loads(row) for row in rows.splitlines()]


def past(bank, user, column, interval):
    bank.psql(f"UPDATE finq.payment SET {column} = {column} - interval '{interval}' WHERE session_id = '{user.session_id}'")


def test_a_payment(bank):
    """All of it, by an answer, a notice and an inquiry."""
    user, credentials = paid(bank, order(new_message(), transfer("E-1"), transfer("E-2", "7.00")))
    answer = get(bank, credentials)
    assert (answer["status"], answer["phase"], answer["final"]) == ("ACSP", "accepted", False) and "reason" not in answer.json
    assert [(one["end_to_end_id"], one["status"]) for one in answer["transactions"]] == [("E-1", "ACSP"), ("E-2", "ACSP")]
    assert notice(bank, user, "PART", transactions=[{"end_to_end_id": "E-1", "status": "RJCT", "reason": {"code": "AC04", "text": "Closed"}}]) == "accepted"
    bank.service.ledger.says = {"status": "PART", "transactions": [{"end_to_end_id": "E-2", "status": "ACSC"}]}
    past(bank, user, "next_at", "1 hour")
    get(bank, credentials)
    until(lambda: get(bank, credentials)["phase"] == "settled", what="the inquiry behind the answer")
    answer = get(bank, credentials)
    assert (answer["status"], answer["final"], answer["payment_id"]) == ("PART", True, asked(bank, user)[0]["payment_id"])
    assert [(one["status"], one["source"]) for one in answer["history"]] == [("ACSP", "answer"), ("PART", "notice")], "the same is noted once"
    assert answer["transactions"] == [{"end_to_end_id": "E-1", "status": "RJCT", "reason": {"code": "AC04", "text": "Closed"}},
                                      {"end_to_end_id": "E-2", "status": "ACSC"}]
    assert asked(bank, user)[-1]["reference"].startswith("ORDER-"), "the connector's own word comes back to it"


def asked(bank, user):
    return [question for question, _ in bank.service.seen if question["session_id"] == user.session_id]


def test_a_client_of_the_public_pages(bank):
    """A visit to the bank, and the four members alone."""
    user = bank.user(PAY["name"])
    url = user.submit("payment_intent", order(link=LINK))["data"]["url"]
    bank.service.ledger.says = {"status": "RJCT", "reason": {"code": "AM04"}}
    _, link = bank.back(bank.choose(url, "approve"))
    user.temp_token = link["temp_token"]
    credentials = user.exchange().json
    answer = get(bank, credentials)
    assert (answer["status"], answer["phase"], answer["final"], answer["reason"]) == ("RJCT", "rejected", True, {"code": "AM04"})
    assert answer["credentials_id"] == credentials["credentials_id"] and [one["status"] for one in answer["history"]] == ["RCVD", "RJCT"]


def test_the_order_that_the_manual_prints(bank):
    text = (ROOT / "conf/manual/payments.md").read_text()
    body = json.loads(re.search(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1])
    answer = bank.user(PAY["name"]).submit(body["step"], {**body["data"], "psu_redirect_link": LINK})
    assert answer.status == 200 and "url" in answer["data"]


def test_before_the_bank_has_said_anything(bank):
    bank.service.behaviours = {**bank.service.behaviours, "says nothing": says({"verdict": "accepted"})}
    bank.service.behaviour = "says nothing"
    _, credentials = paid(bank)
    answer = get(bank, credentials)
    assert (answer["status"], answer["phase"], answer["history"], answer["transactions"]) == (None, "created", [], [{"end_to_end_id": "E-1", "status": None}])


def test_a_bank_that_forgets_what_it_took(bank):
    """It accepted the order, and says that it never came: that frees nothing. Red without PAYMENT_TAKEN."""
    data = order(new_message())
    bank.service.behaviours = {**bank.service.behaviours, "says nothing": says({"verdict": "accepted"})}
    bank.service.behaviour = "says nothing"
    user, credentials = paid(bank, data)
    bank.service.behaviour = None
    bank.service.ledger.orders.pop(asked(bank, user)[0]["attempt"], None)
    bank.server.httpd.log.allow("FINQ08|FINQ19")
    past(bank, user, "next_at", "1 hour")
    get(bank, credentials)
    until(lambda: asked(bank, user)[-1]["event"] == "payment", what="the inquiry behind the answer")
    other = bank.user(PAY["name"]).submit("payment_intent", data)
    assert [detail["keyword"] for detail in other["details"]] == ["unique"]
    assert bank.psql(f"SELECT phase, is_released FROM finq.payment WHERE session_id = '{user.session_id}'") == "created|f"


def says(answer):
    from connector import protocol

    def send(handler, message_id, _answer):
        service, body = handler.server.service, json.dumps(answer).encode()
        handler.send(200, body, protocol.sign(service.secrets, "answer", service.name, message_id, body))
    return send


def test_who_may_read_it(bank):
    """Red where payment_get asks for consents of another type."""
    _, credentials = paid(bank)
    other = bank.user("sca")
    other.submit("sca", {"scenario": "accept"})
    account = other.exchange().json
    assert is_error(get(bank, account), 401, "unauthorized_tenant")
    assert is_error(bank.client.data("/accounts/get", credentials), 401, "unauthorized_tenant")
    assert is_error(get(bank, {**credentials, "access_token": account["access_token"]}), 401, "invalid_access_token")
    assert is_error(bank.other.data("/payments/get", credentials), 401, "invalid_credentials_id")
    assert is_error(get(bank, credentials, filter={}), 400, "unknown_fields")
    bank.client.consent("delete", credentials)
    assert is_error(get(bank, credentials), 401, "inactive_credentials")


def test_it_is_one_consents_one_payment(bank):
    """A renewal would bring another under the same credentials. Red without its type in finq.consent_renew."""
    _, credentials = paid(bank)
    assert is_error(bank.client.consent("renew", credentials), 401, "unauthorized_tenant")
    assert get(bank, credentials)["status"] == "ACSP" and "access" not in bank.client.consent("get", credentials)["result"]


def test_events(bank):
    """One for each status and phase, none for what changes the history alone. Red where payment_tell tells of every word."""
    user, credentials = paid(bank)
    for status in ("ACSP", "PDNG", "XXXX", "ACSC", "RJCT", "ACCC"):
        notice(bank, user, status)
    told = events(bank, user)
    payment_id = get(bank, credentials)["payment_id"]
    assert [(one["status"], one["phase"]) for one in told] == [("ACSP", "accepted"), ("ACSC", "settled"), ("ACCC", "credited")]
    assert {one["payment_id"] for one in told} == {payment_id} and told[-1]["credentials_id"] == credentials["credentials_id"]
    assert "credentials_id" not in told[0], "it was not exchanged yet"
    assert set(told[-1]) == {"client_id", "session_id", "skill", "payment_id", "credentials_id", "status", "phase"}


@pytest.mark.parametrize("days, phase", [(5, "accepted"), (7, "unknown")])
def test_a_bank_that_says_no_more(bank, days, phase):
    """Six days after its last word nobody knows; a later word still counts. Red without the six days of payment_until."""
    user, credentials = paid(bank)
    past(bank, user, "told_at", f"{days} days")
    past(bank, user, "next_at", "1 day")
    assert (get(bank, credentials)["phase"], get(bank, credentials)["final"]) == (phase, False)
    bank.ctl("janitor", "run")
    assert (events(bank, user)[-1]["phase"], len(events(bank, user))) == ((phase, 2) if phase == "unknown" else ("accepted", 1))
    assert notice(bank, user, "ACSC") == "settled" and get(bank, credentials)["phase"] == "settled"


@pytest.mark.parametrize("status", ["ACSP", "CANC"])
def test_a_bank_that_rejects_what_it_took(bank, status):
    """What it has told of cannot be undone by the answer to the same order; what it cancelled can. Red without payment_book_is_taken in
    finq_payment_answered."""
    user, data = bank.user(PAY["name"]), order(new_message())
    bank.service.behaviour = "hangs up"
    bank.server.httpd.log.allow("FINQ08|proxy")
    assert user.submit("payment_intent", data)["type"] == "external_api_error"
    assert decide(bank, {"step_id": asked(bank, user)[0]["step_id"], "payment": {"status": status}}).status == 200
    rejected = says({"verdict": "rejected", "details": [{"field": "/payment_info", "message": "It is here already."}]})
    bank.service.behaviours = {**bank.service.behaviours, "rejects": rejected}
    bank.service.behaviour = "rejects"
    assert user.submit("payment_intent", data).code == ("invalid_input" if status == "CANC" else "external_api_invalid_answer")
    bank.service.behaviour = None
    assert (bank.user(PAY["name"]).submit("payment_intent", data).status == 200) == (status == "CANC")


def test_an_order_that_is_over_before_its_user_is_back(bank):
    """The user comes back to the step, and may send it again. Red without that look in visit_finish."""
    user = bank.user(PAY["name"])
    url = user.submit("payment_intent", order(new_message(), link=LINK))["data"]["url"]
    assert notice(bank, user, "CANC") == "cancelled"
    _, link = bank.back(bank.choose(url, "approve"))
    assert link["error"] == "tpp_redirect_error"
    user.nonce = bank.status(user, nonce=user.step_nonce)["nonce"]
    url = user.submit("payment_intent", order(new_message(), link=LINK))["data"]["url"]
    assert "temp_token" in bank.back(bank.choose(url, "approve"))[1]


def decide(bank, told):
    return bank.post_decision(json.dumps(told).encode())


def test_a_late_word_on_an_order_before(bank):
    """It is none on the step's next order, and frees nothing of that. Red where payment_of_step looks at no attempt; without the look at
    row.orders; where payment_tell deletes the references of the session again."""
    user, second = bank.user(PAY["name"]), order(new_message())
    bank.service.behaviour = "hangs up"
    bank.server.httpd.log.allow("FINQ08|proxy")
    assert user.submit("payment_intent", order(new_message()))["type"] == "external_api_error"
    bank.service.behaviour = None
    question, = asked(bank, user)
    told = {"step_id": question["step_id"], "payment": {"status": "CANC"}}
    assert decide(bank, told)["phase"] == "cancelled"
    assert user.submit("payment_intent", second)["status"] == "SESSION_COMPLETED"
    assert (decide(bank, told).code, decide(bank, {**told, "attempt": "x"}).code) == ("invalid_field", "invalid_field")
    assert decide(bank, {**told, "attempt": "01890000-0000-7000-8000-000000000000"}).code == "invalid_step_id"
    assert decide(bank, {**told, "attempt": question["attempt"]})["phase"] == "cancelled"
    other = bank.user(PAY["name"]).submit("payment_intent", second)
    assert [detail["keyword"] for detail in other["details"]] == ["unique"]
    current = asked(bank, user)[-1]["attempt"]
    assert decide(bank, {**told, "attempt": current, "payment": {"status": "ACSC"}})["phase"] == "settled"


@pytest.mark.parametrize("status", ["ACSP", "PDNG"])
def test_a_word_that_comes_when_nobody_knows_any_more(bank, status):
    """It counts, also where it was said before or ranks lower, and clients are told. Red where payment_tell compares the phase that it keeps, or
    looks at no `unknown`."""
    user, credentials = paid(bank)
    past(bank, user, "told_at", "7 days")
    bank.ctl("janitor", "run")
    assert get(bank, credentials)["phase"] == "unknown"
    assert notice(bank, user, status) == "accepted" and get(bank, credentials)["phase"] == "accepted"
    assert notice(bank, user, status) == "accepted"
    assert [one["phase"] for one in events(bank, user)] == ["accepted", "unknown", "accepted"]
    assert bank.psql(f"SELECT gap, next_at > clock_timestamp() FROM finq.payment WHERE session_id = '{user.session_id}'") == "60|t"


@pytest.mark.parametrize("status, phase", [("RJCT", "rejected"), ("CANC", "cancelled"), ("BLCK", "rejected")])
def test_what_comes_behind_the_end(bank, status, phase):
    """Late, twice, out of order: it is taken, and stands in the history alone. Red where payment_tell looks at no p_is_released."""
    user, credentials = paid(bank, says={"status": status})
    words = ["PDNG", "ACSC", "CANC", "RJCT"]
    assert {notice(bank, user, word) for word in [status, *words, words[-1]]} == {phase}
    answer = get(bank, credentials)
    assert (answer["status"], answer["phase"], len(events(bank, user))) == (status, phase, 1)
    assert [one["status"] for one in answer["history"]] == [status, *words]


def test_a_payment_of_another_day(bank):
    """Six days count from the day on which it is to be carried out."""
    import datetime
    day = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()
    user, credentials = paid(bank, order(None, requested_execution_date=day))
    past(bank, user, "told_at", "20 days")
    assert get(bank, credentials)["phase"] == "accepted"


def test_gaps_grow(bank):
    """A bank that does not answer is asked after 60, 120, 240 seconds, up to six hours. Red without the doubling of payment_claim."""
    user, credentials = paid(bank)
    bank.service.is_deaf = True
    bank.server.httpd.log.allow("FINQ08|FINQ19|proxy")
    gaps = []
    for _ in range(10):
        bank.psql(f"UPDATE finq.payment SET next_at = clock_timestamp() WHERE session_id = '{user.session_id}'")
        gap = lambda: int(bank.psql(f"SELECT gap FROM finq.payment WHERE session_id = '{user.session_id}'"))
        before = gap()
        get(bank, credentials)
        until(lambda: bank.psql(f"SELECT next_at > clock_timestamp() FROM finq.payment WHERE session_id = '{user.session_id}'") == "t", what="the inquiry")
        gaps.append(before)
    assert gaps[:4] == [60, 120, 240, 480] and gaps[-1] == 21600
    assert get(bank, credentials)["phase"] == "accepted"


def counted(bank, phase):
    text = bank.client.request("GET", "/metrics").body.decode()
    return sum(map(int, re.findall(rf'^finq_payments_total{{host="[^"]*",phase="{phase}"}} (\d+)$', text, re.MULTILINE)))


def test_what_an_operator_sees(bank):
    """Metrics count each phase once, however it came; finqctl lists and shows. Red where payment_phase_witness looks at no phase before;
    with each condition of finq.payment_list left out."""
    before = {phase: counted(bank, phase) for phase in ("created", "accepted", "settled")}
    user, credentials = paid(bank)
    for status in ("ACSP", "ACSC", "ACSC", "PDNG"):
        notice(bank, user, status)
    assert {phase: counted(bank, phase) - count for phase, count in before.items()} == {"created": 1, "accepted": 1, "settled": 1}
    other, _ = paid(bank)
    listed = bank.ctl("payment", "list", "--session", user.session_id)
    one, = listed
    payment_id = get(bank, credentials)["payment_id"]
    assert (one["payment_id"], one["status"], one["phase"], one["tenant"]) == (payment_id, "ACSC", "settled", "Waiting tenant")
    newest = bank.ctl("payment", "list", "--tenant", bank.tenant.client_id, "--limit", "2")
    assert [row["session_id"] for row in newest] == [other.session_id, user.session_id]
    assert bank.ctl("payment", "list", "--before", newest[0]["payment_id"], "--limit", "1") == listed
    assert user.session_id in {row["session_id"] for row in bank.ctl("payment", "list", "--phase", "settled")}
    assert {row["phase"] for row in bank.ctl("payment", "list", "--phase", "accepted")} == {"accepted"}
    assert bank.ctl("payment", "list", "--since", "tomorrow") == []
    shown = bank.ctl("payment", "show", payment_id)
    assert (shown["phase"], shown["credentials_id"]) == ("settled", credentials["credentials_id"]) and shown["attempt"] in bank.service.ledger.orders
    assert "book" not in shown and "data_key" not in shown
    book = bank.ctl("payment", "show", payment_id, "--data")["book"]
    assert [word["status"] for word in book["history"]] == ["ACSP", "ACSC", "PDNG"] and book["transactions"][0]["end_to_end_id"] == "E-1"


def test_payments_that_there_are_not(bank):
    none = "01890000-0000-7000-8000-000000000000"
    for words, code, told in ((("show", none), 3, "No payment"), (("list", "--phase", "paid"), 1, "authorising"), (("list", "--tenant", none), 3, "No tenant"),
                              (("show", "x"), 1, "PAYMENT_ID")):
        done = bank.ctl("payment", *words, check=False)
        assert done.returncode == code and told in done.stderr, done


def test_nobody_asks_about_what_is_over(bank):
    user, _ = paid(bank, says={"status": "RJCT"})
    assert bank.psql(f"SELECT next_at IS NULL FROM finq.payment WHERE session_id = '{user.session_id}'") == "t"
    user, _ = paid(bank, says={"status": "ACSC"})
    assert bank.psql(f"SELECT next_at IS NULL FROM finq.payment WHERE session_id = '{user.session_id}'") == "f", "it may be credited"


def test_servers_ask_by_themselves(make_server, run_directory, server):
    """Nobody calls. Red without follow_next in the refresher."""
    alone = Bank(make_server, run_directory / "payments-followed", cluster=server.postgres, database="payments_followed", children=1,
                 directives={"FinqJanitorInterval": "1"})
    try:
        alone.allow(PAY)
        user, _ = paid(alone)
        alone.service.ledger.says = {"status": "ACSC"}
        past(alone, user, "next_at", "1 hour")
        until(lambda: alone.psql(f"SELECT phase FROM finq.payment WHERE session_id = '{user.session_id}'") == "settled", what="the refresher")
    finally:
        alone.stop()


# -- the end of what is kept

def test_erasure(bank):
    """The references stay, and nothing of the person: an order that has no session's row goes too. Red without the DELETE of person_erase;
    without either look for one who was erased in payment_begin."""
    message_id, key = new_message(), bank.directory / "receipt.pem"
    run("openssl", "genpkey", "-algorithm", "ED25519", "-out", key)
    key.chmod(0o600)
    user = bank.user(PAY["name"], tenant_user_id="payer-1")
    assert user.submit("payment_intent", order(message_id)).status == 200
    lost = bank.user(PAY["name"], tenant_user_id="payer-1")
    bank.service.is_deaf = True
    bank.server.httpd.log.allow("FINQ08|proxy")
    lost.submit("payment_intent", order())
    bank.service.is_deaf = False
    shown = bank.ctl("user", "export", bank.tenant.client_id, "payer-1")["payments"]
    assert [(one["session_id"], one["phase"]) for one in shown] == [(user.session_id, "accepted"), (lost.session_id, "created")]
    assert json.loads(shown[0]["book"])["status"] == "ACSP" if isinstance(shown[0]["book"], str) else shown[0]["book"]["status"] == "ACSP"
    erased = bank.ctl("user", "erase", bank.tenant.client_id, "payer-1", "--receipt-key", str(key))["erased"]
    assert (erased["counts"]["sessions"], erased["counts"]["payments"]) == (1, 2)
    assert bank.psql(f"SELECT count(*) FROM finq.payment WHERE session_id IN ('{user.session_id}', '{lost.session_id}')") == "0"
    person = f"(SELECT u.user_mac FROM finq.erased_user u WHERE u.client_id = '{bank.tenant.client_id}')"
    for session_id, mac in ((user.session_id, "NULL"), (lost.session_id, person)):  # who was on the way when it came
        assert bank.psql(f"SELECT outcome FROM finq.payment_begin('{bank.tenant.client_id}', '{session_id}', (SELECT min(skill_id) FROM finq.skill),"
                         r" gen_random_uuid(), 'bank', gen_random_uuid(), gen_random_uuid(), '\x00', '{}', '\x00', NULL,"
                         f" {mac}, finq.clock(), '', NULL)") == "expired_session"
    again = bank.user(PAY["name"])
    assert [detail["keyword"] for detail in again.submit("payment_intent", order(message_id))["details"]] == ["unique"]


def test_what_is_left_of_lost_orders_goes(bank):
    """Orders whose session never came to be, after FinqSessionRetention; those of consents stay. Red without janitor_remove_payments."""
    lost, (user, _) = bank.user(PAY["name"]), paid(bank)
    bank.service.is_deaf = True
    bank.server.httpd.log.allow("FINQ08|proxy")
    lost.submit("payment_intent", order())
    for one in (lost, user):
        past(bank, one, "asked_at", "40 days")
        past(bank, one, "told_at", "40 days")
    bank.ctl("janitor", "run")
    left = bank.psql(f"SELECT session_id, kept FROM finq.payment WHERE session_id IN ('{user.session_id}', '{lost.session_id}')")
    assert left == f"{user.session_id}|t"


@pytest.mark.parametrize("is_erased", [False, True])
@pytest.mark.parametrize("status, left", [("ACSP", 1), ("ACCC", 0)])
def test_an_order_whose_consents_data_went_is_not_sent_again(bank, status, left, is_erased):
    """By the first nonce, which lives still. Red without v_young in finq.sessions_remove."""
    bank.service.ledger.says = {"status": status}
    user, data = bank.user(PAY["name"]), order()
    first = user.nonce
    assert user.submit("payment_intent", data)["status"] == "SESSION_COMPLETED"
    credentials = user.exchange().json
    assert bank.client.consent("delete", credentials, pcd_data_retention=0).status == 200
    bank.ctl("janitor", "run")
    if is_erased:
        assert bank.client.user("erase", **{name: credentials[name] for name in ("credentials_id", "access_token")}).status == 200
    user.nonce = first
    assert is_error(user.submit("payment_intent", data), 401, "expired_session")
    assert bank.psql(f"SELECT count(*) FROM finq.payment WHERE session_id = '{user.session_id}'") == str(0 if is_erased else left)


@pytest.mark.parametrize("end", ["over", "erased", "erased by consent"])
def test_an_order_outlasts_its_consents_data(bank, end):
    """Its bank is asked on, and its client told, until it is over; who is erased is. Red where sessions_data_remove deletes all payments, or
    leaves `kept`; without credentials_id in payment_consent; without the consents in person_payments."""
    who = {"tenant_user_id": f"payer {end}"} if end == "erased" else {}
    user, credentials = paid(bank, **who)
    bank.psql(f"UPDATE finq.payment SET kept = true WHERE session_id = '{user.session_id}';"
              f"SELECT finq.sandbox_order_take(attempt, session_id, NULL, sha256(''), '[]', NULL, 0, attempt) FROM finq.payment WHERE session_id = '{user.session_id}'")
    ledger = f"SELECT count(*) FROM finq.sandbox_order WHERE session_id = '{user.session_id}'"
    assert bank.client.consent("delete", credentials, pcd_data_retention=0).status == 200
    bank.ctl("janitor", "run")
    assert bank.psql(f"SELECT status, data_key IS NULL FROM finq.session WHERE session_id = '{user.session_id}'") == "SESSION_EXPIRED|t" and bank.psql(ledger) == "1"
    assert bank.psql(f"SELECT data_key IS NULL FROM finq.credential WHERE credentials_id = '{credentials['credentials_id']}'") == "t"
    if end == "over":
        assert [notice(bank, user, status) for status in ("ACSC", "ACCC")] == ["settled", "credited"]
        assert [(one["phase"], one.get("credentials_id")) for one in events(bank, user)] == [
            ("accepted", None), ("settled", credentials["credentials_id"]), ("credited", credentials["credentials_id"])]
        bank.ctl("janitor", "run")
    else:
        whose = who or {name: credentials[name] for name in ("credentials_id", "access_token")}
        held = bank.client.user("export", **whose)
        payment, = held["payments"]
        assert [event["type"] for event in held["events"] if event["type"].startswith("payment")] == ["payment.updated"]
        assert payment["credentials_id"] == credentials["credentials_id"] and payment["book"]["status"] == "ACSP"
        assert bank.client.user("erase", **whose).status == 200
    assert bank.psql(f"SELECT count(*) FROM finq.payment WHERE session_id = '{user.session_id}'") == "0" and bank.psql(ledger) == "0"
