"""Back to the step before, and away (contract section 5): the path that counts, races, repeats.

Seen red: see each test.
"""
import threading
import time
import uuid

import pytest

from finqenv import documents
from finqenv.banking import DOCUMENT, Bank, definition, step
from finqenv.load import at_once
from finqenv.locks import WAITING, Blocker, locked
from finqenv.process import until
from finqenv.wire import is_error, steady
from test_branches import when

from connector import protocol  # finqenv.banking has found it

OPTIONAL = {**DOCUMENT, "document": "more", "required": False}
SHAPE = definition(
    "back_sbx_#1.0",
    step("kind", uploads=[DOCUMENT, OPTIONAL], next=[{"when": when("kind", kind="person"), "step": "person"}, {"step": "company"}]),
    step("person", uploads=[DOCUMENT], next=[{"step": "sca"}]),
    step("company"),
    step("sca", connector="bank"),
    step("last"))
PAYMENT = {**definition("back_pisp_sbx_#1.0", step("sca", connector="bank")), "type": "payment_initiation"}


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "back", children=2, threads=16)
    made.allow(SHAPE)
    made.allow(PAYMENT)
    yield made
    made.stop()


def ask(user, verb, **more):
    client = user.client
    return client.call(f"/sessions/{user.session_id}/{verb}", {"client_id": client.tenant.client_id, **more})


def back(user, nonce=None):
    """Goes back; the user goes on with what was given."""
    answer = ask(user, "back", nonce=nonce or user.nonce)
    if answer.status == 200 and not nonce:
        user.nonce = answer["nonce"]
    return answer


def cancel(user):
    return ask(user, "cancel", nonce=user.nonce or user.step_nonce)


def walked(bank, kind="person", upload=True, **more):
    """A user at the step behind the first."""
    user = bank.user(SHAPE["name"], **more)
    assert user.submit("kind", {"kind": kind}).status == 200
    if upload:
        assert user.upload("proof", documents.png()).status == 200
    return user


def rows(bank, user, what="count(*)", of="e.off_path"):
    return bank.psql(f"SELECT {what} FROM finq.step e LEFT JOIN finq.upload u USING (step_id)"
                     f" WHERE e.session_id = '{user.session_id}' AND {of}")


# -- back

def test_back_and_forth(bank):
    """The data of the new branch counts alone, the documents stand. Red without off_path in finq.session_steps, without
    finq.session_prune, and where the uploads do not move."""
    user = walked(bank, tenant_user_id="ana")
    person = user.submit("person", {"who": "Ana"})
    assert person["next_step"] == "sca" and user.upload("proof", documents.png()).status == 200
    assert back(user)["next_step"] == "person"
    answer = back(user)
    assert {"status": "SESSION_IN_PROGRESS", "session_id": user.session_id, "tenant_user_id": "ana", "step": "kind",
            "next_step": "kind"}.items() <= answer.json.items()
    assert answer["uploads"] == [{**DOCUMENT, "uploaded": True}, {**OPTIONAL, "uploaded": False}]
    assert rows(bank, user) == "2"
    assert [(one["name"], one["off_path"]) for one in bank.ctl("session", "show", user.session_id)["steps"]] == [("kind", True), ("person", True)]
    assert user.submit("kind", {"kind": "company"})["next_step"] == "company"
    assert [one["uploaded"] for one in bank.status(user)["uploads"]] == [True, False]
    shown = bank.ctl("session", "show", user.session_id)["steps"]
    assert [(one["name"], one["off_path"]) for one in shown] == [("kind", True), ("person", True), ("kind", False)]
    assert user.submit("company", {}).status == 200, "the document of before is there"
    assert user.submit("sca", {"scenario": "accept"}).status == 200
    question = bank.service.seen[-1][0]
    assert [(one["step"], one["document"]) for one in question["documents"]] == [("kind", "proof")]
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"
    files = rows(bank, user, "u.upload_id", "e.name = 'person'")
    assert user.exchange().status == 200
    assert bank.psql(f"SELECT string_agg(name, ' ' ORDER BY ordinal) FROM finq.step WHERE session_id = '{user.session_id}'") == (
        "kind company sca last")
    assert bank.psql(f"SELECT decided FROM finq.upload_removed WHERE upload_id = '{files}'") == "f", "its file goes with the next sweep"


def test_a_document_is_replaced_after_the_way_back(bank):
    """And the nonce of before sends none. Red without off_path in finq.upload_record."""
    user = walked(bank)
    old_step, old_nonce = user.step_id, user.step_nonce
    back(user)
    assert is_error(bank.client.upload_raw(old_step, old_nonce, "more", documents.png()), 409, "step_already_submitted")
    user.submit("kind", {"kind": "person"})
    sent = user.upload("proof", documents.png(width=9))
    assert sent.status == 200 and user.step_id != old_step
    assert rows(bank, user, "u.upload_id", "NOT e.off_path") == sent["upload_id"]


def test_the_first_step_has_none_before_it(bank):
    user = bank.user(SHAPE["name"])
    assert is_error(back(user), 404, "invalid_session_id")
    user.submit("kind", {"kind": "person"})
    assert back(user).status == 200
    refused = back(user)
    assert is_error(refused, 400, "invalid_step") and refused["expected_step"] == "kind"


@pytest.mark.parametrize("verb", ["back", "cancel"])
def test_whose_session_it_is(bank, verb):
    """Red without finq_session_pass_check in nonce_read; without the comparison of generations in finq.nonce_outcome."""
    user, other = walked(bank), walked(bank)
    assert is_error(ask(user, verb, nonce=other.nonce), 401, "invalid_nonce")
    assert is_error(ask(user, verb, nonce="x"), 401, "invalid_nonce")
    user.client = bank.other
    assert is_error(ask(user, verb, nonce=user.nonce), 401, "invalid_nonce")
    user.client = bank.client
    bank.resume(user)
    assert is_error(ask(user, verb, nonce=user.nonce), 401, "invalid_nonce")
    assert is_error(ask(user, verb, nonce=user.nonce, skill="x"), 400, "unknown_fields")
    assert is_error(ask(user, verb), 400, "missing_fields")


def test_the_same_nonce_gets_the_same_answer(bank):
    """Until a step is submitted. Red where finq.session_back does not know what it has done."""
    user = walked(bank)
    left = user.nonce
    first = back(user, left)
    assert steady(back(user, left)) == steady(first) and rows(bank, user) == "1"
    assert is_error(user.submit("person", {}), 409, "step_already_submitted"), "the step that was left"
    user.nonce = first["nonce"]
    assert user.submit("kind", {"kind": "company"}).status == 200
    assert is_error(back(user, left), 401, "invalid_nonce")
    assert is_error(back(user, user.step_nonce), 409, "step_already_submitted")
    other = bank.status(user)
    assert other["next_step"] == "company" and "nonce" not in other.json


def test_status_and_resumption_after_the_way_back(bank):
    user = walked(bank)
    left = user.nonce
    answer = back(user, left)
    assert bank.status(user, nonce=left)["nonce"] == answer["nonce"]
    resumed = bank.resume(user)
    assert resumed["next_step"] == "kind" and is_error(back(user, left), 401, "invalid_nonce")
    user.nonce = resumed["nonce"]
    assert user.submit("kind", {"kind": "company"})["next_step"] == "company"


def test_no_way_back_over_what_was_decided(bank):
    """By a connector at once, by one that is waited for, by a bank, by a person. Red with `decided` false in finq.submit_step;
    without p_waits_for there."""
    user = walked(bank, "company")
    user.submit("company", {})
    user.submit("sca", {"scenario": "accept"})
    assert is_error(back(user), 400, "invalid_step")
    reviewed = bank.user("review")
    reviewed.submit("form", {})
    assert is_error(back(reviewed, reviewed.step_nonce), 400, "invalid_step"), "it waits"
    bank.ctl("step", "approve", reviewed.step_id)
    reviewed.nonce = bank.status(reviewed)["nonce"]
    assert is_error(back(reviewed), 400, "invalid_step")


def test_back_from_a_step_that_is_asked_for_again(bank):
    """The refused attempt does not count, and what was sent for it does not stand."""
    user = walked(bank, "company")
    user.submit("company", {})
    assert user.submit("sca", {"scenario": "pend"})["status"] == "SESSION_PENDING"
    bank.decide(user.step_id, "resubmit")
    user.nonce = bank.status(user)["nonce"]
    assert back(user)["next_step"] == "company"
    assert user.submit("company", {"again": 1})["next_step"] == "sca"
    assert user.submit("sca", {"scenario": "accept"})["next_step"] == "last"
    assert rows(bank, user, "string_agg(e.name, ' ' ORDER BY e.ordinal)") == "company sca"


@pytest.mark.parametrize("column", ["expires_at", "answer_expires_at"])
def test_too_late(bank, column):
    user = walked(bank)
    bank.age(user, [column], "25 hours")
    if column == "expires_at":
        assert is_error(back(user), 401, "expired_session")
    else:
        assert back(user).status == 200, "the nonce itself tells its end"


# -- away

@pytest.mark.parametrize("by", ["nonce", "client_secret"])
def test_cancelling(bank, by):
    """Red without the event's session_conclude, and where the second one makes a second event."""
    bank.psql(f"INSERT INTO finq.webhook (client_id, url, secret_id, salt) VALUES ('{bank.tenant.client_id}', 'https://x.example', 1, '\\x00')"
              " ON CONFLICT DO NOTHING")
    user = walked(bank)
    who = {by: {"nonce": user.nonce, "client_secret": bank.tenant.client_secret}[by]}
    answer = ask(user, "cancel", **who)
    assert answer["status"] == "SESSION_FAILED" and answer["reasons"] == ["cancelled"] and answer["step"] == "kind"
    assert not {"nonce", "next_step", "temp_token", "expires_at"} & set(answer.json)
    assert steady(ask(user, "cancel", **who)) == steady(answer) == steady(bank.status(user))
    assert is_error(user.submit("person", {}), 400, "invalid_step") and is_error(back(user), 400, "invalid_step")
    assert bank.psql(f"SELECT type, payload #>> '{{data,skill}}' FROM finq.outbox WHERE session_id = '{user.session_id}'") == (
        f"session.failed|{SHAPE['name']}")


def test_cancelling_is_for_the_tenants_server_or_the_user(bank):
    user = walked(bank)
    assert is_error(ask(user, "cancel", client_secret="wrong"), 401, "invalid_client_secret")
    assert is_error(ask(user, "cancel", nonce=user.nonce, client_secret=bank.tenant.client_secret), 400, "invalid_field")
    user.client = bank.other
    assert is_error(ask(user, "cancel", client_secret=user.client.tenant.client_secret), 404, "invalid_session_id")
    user.client = bank.client
    assert bank.status(user)["status"] == "SESSION_IN_PROGRESS"
    fresh = bank.user("plain")
    assert is_error(cancel(fresh), 404, "invalid_session_id")
    fresh.session_id = str(uuid.uuid4())
    assert is_error(ask(fresh, "cancel", client_secret=bank.tenant.client_secret), 404, "invalid_session_id")
    fresh.session_id = "x"
    assert is_error(ask(fresh, "cancel", client_secret=bank.tenant.client_secret), 404, "invalid_session_id")


def test_what_has_ended_is_not_cancelled(bank):
    """Red without either of the two statuses in finq.session_cancel."""
    user = bank.user("sca")
    assert user.submit("sca", {"scenario": "accept"})["status"] == "SESSION_COMPLETED"
    refused = cancel(user)
    assert is_error(refused, 400, "invalid_step") and refused["expected_step"] is None and user.exchange().status == 200
    failed = bank.user("sca")
    assert failed.submit("sca", {"scenario": "fail"})["status"] == "SESSION_FAILED"
    assert cancel(failed)["reasons"] == ["The bank declined."]
    old = walked(bank)
    bank.age(old, ["expires_at"], "25 hours")
    assert cancel(old)["status"] == "SESSION_EXPIRED"


def test_cancelling_what_waits(bank):
    """Time that is waited is counted, whether or not there is any. Red without coalesce in finq.session_conclude."""
    user = bank.user("review")
    user.submit("form", {})
    assert cancel(user)["status"] == "SESSION_FAILED"
    assert bank.ctl("step", "approve", user.step_id, check=False).returncode == 4


def test_cancelling_at_the_bank(bank):
    """A visit is over then; a payment's is not cancelled. Red without the look at the skill's type in finq.session_cancel."""
    user, answer = bank.at_bank("sca")
    assert cancel(user)["reasons"] == ["cancelled"]
    _, link = bank.back(bank.choose(answer["data"]["url"], "approve"))
    assert link["error"] == "tpp_redirect_error"
    assert bank.status(user)["status"] == "SESSION_FAILED"
    payer, answer = bank.at_bank(PAYMENT["name"])
    assert is_error(cancel(payer), 400, "invalid_step")
    _, link = bank.back(bank.choose(answer["data"]["url"], "approve"))
    assert link["temp_token"]


# -- races

def test_of_many_backs_one_has_an_effect(bank):
    """Red where it takes no ordinal."""
    user = walked(bank, "company")
    user.submit("company", {})
    clients = [bank.server.client(bank.tenant) for _ in range(16)]
    answers = at_once([lambda c=c: c.call(f"/sessions/{user.session_id}/back", {"client_id": c.tenant.client_id, "nonce": user.nonce})
                       for c in clients])
    for client in clients:
        client.close()
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert rows(bank, user, "string_agg(e.name, ' ')") == "company"


def test_of_a_step_and_a_back_one_has_an_effect(bank):
    """Both wait for the session's row, the step first. Red without FOR NO KEY UPDATE in finq.session_hold."""
    user, other = walked(bank, "company"), bank.server.client(bank.tenant)
    nonce, waiting = user.nonce, f"SELECT count(*) FROM ({WAITING}) w"

    def leave():
        until(lambda: bank.psql(waiting) == "1", what="the step, which waits")
        return other.call(f"/sessions/{user.session_id}/back", {"client_id": other.tenant.client_id, "nonce": nonce})

    def let_go():
        until(lambda: bank.psql(waiting) == "2", what="the way back, which waits")
        blocker.__exit__()
    blocker = Blocker(bank.server, locked(user))
    submitted, left, _ = at_once([lambda: user.submit("company", {}), leave, let_go])
    other.close()
    assert (submitted.status, left.status) == (200, 409)


@pytest.mark.parametrize("verb", ["back", "cancel"])
def test_while_the_connector_is_asked(bank, verb):
    """Whoever wants back waits for the answer, and finds the step submitted. Red without finq.step_take in finq.session_hold."""
    user = walked(bank, "company")
    user.submit("company", {})
    nonce, other, asked = user.nonce, bank.server.client(bank.tenant), threading.Event()

    def thinks(handler, message_id, answer):
        asked.set()
        time.sleep(0.5)
        handler.send(200, answer, protocol.sign(bank.service.secrets, "answer", bank.service.name, message_id, answer))

    def leave():
        assert asked.wait(30)
        return other.call(f"/sessions/{user.session_id}/{verb}", {"client_id": other.tenant.client_id, "nonce": nonce})
    bank.service.behaviours["thinks"], bank.service.behaviour = thinks, "thinks"
    submitted, left = at_once([lambda: user.submit("sca", {"scenario": "accept"}), leave])
    bank.service.behaviour = None
    other.close()
    assert submitted.status == 200, submitted.body
    if verb == "back":
        assert is_error(left, 409, "step_already_submitted")
    else:
        assert left["status"] == "SESSION_FAILED" and left["step"] == "sca"
