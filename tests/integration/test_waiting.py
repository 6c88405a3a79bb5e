"""Sessions that wait for a decision: status, long poll, resumption, review, resubmission (contract section 5).

Seen red: see each test. `held` in finq.session_status without its third clause; finq.session_is_old counting time that is
waited (a_waited_branch_of_time).
"""
import time
import uuid

import pytest

from finqenv import documents
from finqenv.banking import DOCUMENT, SKILLS, Bank
from finqenv.load import at_once, timed
from finqenv.locks import Hold
from finqenv.wire import is_error, steady


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "waiting", children=2, threads=16)
    yield made
    made.stop()


def waiting(bank, skill="review", upload=True):
    user = bank.user(skill)
    answer = user.submit("form", {"who": "Ana Secret"})
    assert answer.status == 200 and answer["status"] == "SESSION_PENDING", answer.body
    if upload:
        assert user.upload("proof", documents.png()).status == 200
    return user


def moved_on(bank, user, answer):
    """A user who goes on with what an answer of status or resume gave."""
    user.nonce, user.temp_token = answer.json.get("nonce"), answer.json.get("temp_token")
    return user


def test_a_pending_step(bank):
    user = bank.user("review")
    created = bank.status(user)
    assert created["status"] == "SESSION_CREATED" and created["next_step"] == "form" and "step_id" not in created.json
    answer = user.submit("form", {})
    assert answer["status"] == "SESSION_PENDING" and not {"nonce", "temp_token", "next_step"} & set(answer.json)
    pending = bank.status(user)
    assert pending.status == 200 and pending["status"] == "SESSION_PENDING" and pending["step_id"] == user.step_id
    assert not {"nonce", "temp_token", "next_step", "reasons"} & set(pending.json)
    listed = [one["step_id"] for one in bank.ctl("step", "list", "--pending")]
    assert user.step_id in listed


def test_approval_goes_on(bank):
    """Red where finq.session_answer renews a token that has not ended."""
    user = waiting(bank)
    bank.ctl("step", "approve", user.step_id)
    answer = bank.status(user)
    time.sleep(1.1)  # ends are whole seconds: within one, a new token is the old one
    assert answer["status"] == "SESSION_IN_PROGRESS" and answer["next_step"] == "last"
    assert steady(bank.status(user)) == steady(answer), "the same token until its end"
    moved_on(bank, user, answer)
    done = user.submit("last", {})
    assert done["status"] == "SESSION_COMPLETED" and user.exchange().status == 200


def test_approval_of_the_last_step(bank):
    user = waiting(bank, "review_last")
    bank.ctl("step", "approve", user.step_id)
    answer = bank.status(user)
    assert answer["status"] == "SESSION_COMPLETED" and "next_step" not in answer.json
    moved_on(bank, user, answer)
    assert user.exchange().status == 200
    again = bank.status(user, nonce=user.step_nonce)
    assert again["status"] == "SESSION_COMPLETED" and "temp_token" not in again.json, "it has been exchanged"


def test_rejection(bank):
    user = waiting(bank)
    bank.ctl("step", "reject", user.step_id, "--reason", "Unreadable")
    answer = bank.status(user)
    assert answer["status"] == "SESSION_FAILED" and answer["reasons"] == ["Unreadable"]
    assert not {"nonce", "temp_token", "next_step", "expires_at"} & set(answer.json)
    resumed = bank.resume(user)
    assert resumed["status"] == "SESSION_FAILED" and "nonce" not in resumed.json
    assert bank.ctl("step", "approve", user.step_id, check=False).returncode == 4
    assert bank.ctl("step", "approve", str(uuid.uuid4()), check=False).returncode == 3


def test_resubmission(bank):
    """Red where the first attempt's uploads are asked for again (`previous` without p_session.resubmit), and where both
    attempts stand in the data of steps (finq.session_steps without DISTINCT)."""
    user = waiting(bank, upload=False)
    bank.ctl("step", "resubmit", user.step_id, "--reason", "Too dark")
    answer = bank.status(user)
    assert answer["status"] == "SESSION_IN_PROGRESS" and answer["next_step"] == "form" and answer["reasons"] == ["Too dark"]
    first, first_nonce = user.step_id, user.step_nonce
    moved_on(bank, user, answer)
    again = user.submit("form", {"who": "Ana"})
    assert again.status == 200 and again["status"] == "SESSION_PENDING" and user.step_id != first
    assert bank.psql(f"SELECT s.step_id FROM finq.session_steps('{user.session_id}') s") == user.step_id
    assert is_error(bank.status(user, nonce=first_nonce), 401, "invalid_nonce")
    assert user.upload("proof", documents.png()).status == 200
    bank.ctl("step", "approve", user.step_id)
    moved_on(bank, user, bank.status(user))
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


def test_the_operators_decisions_leave_a_trail(bank):
    user = waiting(bank)
    bank.ctl("step", "approve", user.step_id)
    line = bank.ctl("audit", "--limit", "1")[0]
    assert line["object"] == "step" and line["detail"] == {"step_id": user.step_id, "decision": "approve"}


def test_decisions_of_connectors(bank):
    """Red without finq_connector_verify in finq_connector_receive (forged), and without the comparison of connectors in
    finq.step_decide (a step that is nobody's)."""
    user = bank.user("sca")
    assert user.submit("sca", {"scenario": "pend"})["status"] == "SESSION_PENDING"
    for wrong in (bank.decide(user.step_id, "accepted", keys=[b"x" * 32]), bank.decide(user.step_id, "accepted", kind="answer"),
                  bank.decide(user.step_id, "accepted", name="nobody")):
        assert is_error(wrong, 401, "invalid_signature")
    assert is_error(bank.decide(user.step_id, "accepted", age=600), 401, "expired_signature")
    unknown = bank.decide(str(uuid.uuid4()), "accepted")
    not_its_own = bank.decide(waiting(bank).step_id, "accepted")
    assert is_error(unknown, 404, "invalid_step_id") and steady(unknown) == steady(not_its_own)
    assert is_error(bank.decide(user.step_id, "perhaps"), 400, "invalid_field")
    assert is_error(bank.post_decision(b"{"), 400, "invalid_body")
    assert bank.status(user)["status"] == "SESSION_PENDING"
    done = bank.decide(user.step_id, "accepted")
    assert done.status == 200 and done.json == {"step_id": user.step_id, "status": "SESSION_COMPLETED"}
    assert is_error(bank.decide(user.step_id, "failed"), 409, "step_already_submitted")
    moved_on(bank, user, bank.status(user))
    assert user.exchange().status == 200


@pytest.mark.parametrize("decision, status", [("failed", "SESSION_FAILED"), ("resubmit", "SESSION_IN_PROGRESS")])
def test_other_decisions(bank, decision, status):
    user = bank.user("sca")
    pending = user.submit("sca", {"scenario": "pend"})
    assert pending["reasons"] == ["A clerk looks at it."]
    assert bank.status(user)["reasons"] == ["A clerk looks at it."]
    assert bank.decide(user.step_id, decision, ["No such account"])["status"] == status
    answer = bank.status(user)
    assert answer["status"] == status and answer["reasons"] == ["No such account"]


def asked_itself(bank, user, ordinal, client=None, expires=9999999999):
    """What finq.session_status says of a nonce."""
    client_id = (client or user.client).tenant.client_id
    return bank.psql(f"SELECT outcome FROM finq.session_status('{client_id}', '{user.session_id}', {ordinal}, 0, {expires},"
                     " 1800, 1800, 1)")


def repeat(user, nonce, step, data):
    answer = user.client.call(f"/sessions/{user.session_id}/steps", {
        "client_id": user.client.tenant.client_id, "nonce": nonce, "skill": user.skill, "step": step, "data": data})
    return answer


@pytest.mark.parametrize("decision", ["approve", "reject", "resubmit"])
def test_the_same_request_gets_the_same_answer_in_every_state(bank, decision):
    """Red where a repeated answer is told from how the session stands now: either of reply_until and reply_reasons alone in
    finq.submit_step."""
    user = bank.user("sca_more")
    bodies = [user.submit("sca", {"scenario": "pend"})]
    nonce = user.step_nonce
    bodies.append(repeat(user, nonce, "sca", {"scenario": "pend"}))
    reason = () if decision == "approve" else ("--reason", "Because")
    bank.ctl("step", decision, user.step_id, *reason)
    bodies.append(repeat(user, nonce, "sca", {"scenario": "pend"}))
    bank.status(user, nonce=nonce)
    # the end of the token that the decision brought is another than that of the first answer
    bank.psql("UPDATE finq.session SET answer_expires_at = answer_expires_at + interval '1 minute'"
              f" WHERE session_id = '{user.session_id}'")
    status = bank.status(user, nonce=nonce)
    bodies.append(repeat(user, nonce, "sca", {"scenario": "pend"}))
    assert len({answer.body for answer in bodies}) == 1 and "reasons" in bodies[0].json
    assert is_error(repeat(user, nonce, "sca", {}), 409, "step_already_submitted")
    assert steady(bank.status(user, nonce=nonce)) == steady(status)


def test_a_waited_branch_of_time(bank):
    """Pending beyond FinqSessionTTL, which does not run while a session waits. Red where finq.session_conclude does not add
    to expires_at what was waited."""
    user = waiting(bank)
    bank.age(user, ["started_at", "expires_at", "waits_since", "updated_at", "answer_expires_at", "reply_until"], "3 days")
    bank.psql(f"UPDATE finq.step SET submitted_at = submitted_at - interval '3 days' WHERE step_id = '{user.step_id}'")
    assert bank.status(user)["status"] == "SESSION_PENDING"
    bank.ctl("step", "approve", user.step_id)
    moved_on(bank, user, bank.status(user))
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


def test_an_expired_nonce(bank):
    """That of the step that is waited for still asks what became of it, and no other does. Red where finq.session_status
    refuses every expired nonce, and where it refuses none."""
    user, other = waiting(bank), bank.user("plain")
    other.submit("form", {})
    assert asked_itself(bank, user, ordinal=1, expires=1) == "ok"
    assert asked_itself(bank, user, ordinal=2, expires=1) == asked_itself(bank, other, ordinal=1, expires=1) == "expired_nonce"


@pytest.mark.parametrize("late", [False, True])
def test_session_time_runs_out(bank, late):
    """What is not waited counts. Red without finq.session_is_old in session_answer."""
    user = waiting(bank)
    if late:
        bank.ctl("step", "approve", user.step_id)
        nonce = bank.status(user)["nonce"]
    bank.age(user, ["expires_at"], "25 hours")
    if not late:
        assert bank.status(user)["status"] == "SESSION_PENDING"
        return
    assert is_error(repeat(user, nonce, "last", {}), 401, "expired_session")
    answer = bank.status(user, nonce=nonce)
    assert answer["status"] == "SESSION_EXPIRED" and not {"nonce", "next_step", "expires_at"} & set(answer.json)
    assert bank.resume(user)["status"] == "SESSION_EXPIRED" and "nonce" not in bank.resume(user).json


def test_uploads_long_after_the_submission(bank):
    """A nonce that status gave authorises what the step before still has to be sent. Red without token->late in
    finq_session_pass_back, or without p_nonce_ttl's widening in finq.upload_record."""
    user = waiting(bank, upload=False)
    bank.psql(f"UPDATE finq.step SET submitted_at = submitted_at - interval '3 days' WHERE step_id = '{user.step_id}'")
    bank.ctl("step", "approve", user.step_id)
    answer = bank.status(user)
    moved_on(bank, user, answer)
    assert is_error(user.submit("last", {}), 400, "missing_uploads")
    sent = bank.client.upload_raw(user.step_id, user.nonce, "proof", documents.png())
    assert sent.status == 200, sent.body
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


def test_a_nonce_of_an_ordinary_answer_is_for_its_own_step_alone(bank):
    """Red where every nonce is a late one."""
    user = bank.user("plain")
    user.submit("form", {})
    assert is_error(bank.client.upload_raw(user.step_id, user.nonce, "proof", documents.png()), 404, "invalid_step_id")


# -- resumption

def test_resumption_kills_the_older_nonce(bank):
    """For submission, status and uploads. Red without the comparison of generations in finq.step_refusal, in
    finq.session_status, in finq.upload_record."""
    user = bank.user("plain")
    user.submit("form", {})
    old_nonce, old_step_nonce = user.nonce, user.step_nonce
    answer = bank.resume(user)
    assert answer.status == 200 and answer["next_step"] == "last" and answer["status"] == "SESSION_IN_PROGRESS"
    user.nonce = old_nonce
    assert is_error(user.submit("last", {}), 401, "invalid_nonce")
    assert is_error(bank.status(user), 401, "invalid_nonce")
    assert is_error(bank.client.upload_raw(user.step_id, old_step_nonce, "proof", documents.png()), 401, "invalid_nonce")
    assert is_error(repeat(user, old_step_nonce, "form", {}), 401, "invalid_nonce")
    moved_on(bank, user, answer)
    assert is_error(user.submit("last", {}), 400, "missing_uploads")
    assert bank.client.upload_raw(user.step_id, user.nonce, "proof", documents.png()).status == 200
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


@pytest.mark.parametrize("before", [65534, 65535, 65536])
def test_the_65536th_resumption(bank, before):
    """Resumptions are counted in the nonce too. Red with two bytes for them."""
    user = bank.user("plain")
    assert user.submit("form", {}).status == 200
    assert user.upload("proof", documents.png()).status == 200
    bank.psql(f"UPDATE finq.session SET generation = {before} WHERE session_id = '{user.session_id}'")
    user.nonce = bank.resume(user)["nonce"]
    assert bank.status(user)["status"] == "SESSION_IN_PROGRESS"
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


def test_an_older_nonce_submits_nothing(bank):
    """Where nothing else is missing. Red without the comparison of generations in the UPDATE of finq.submit_step."""
    user = bank.user("plain")
    user.submit("form", {})
    user.upload("proof", documents.png())
    answer = bank.resume(user)
    assert is_error(user.submit("last", {}), 401, "invalid_nonce")
    moved_on(bank, user, answer)
    assert user.submit("last", {"another": "body"})["status"] == "SESSION_COMPLETED"


def test_resumption_of_a_completed_session(bank):
    user = bank.user("plain")
    user.submit("form", {})
    user.upload("proof", documents.png())
    user.submit("last", {})
    answer = bank.resume(user)
    assert answer["status"] == "SESSION_COMPLETED" and answer["temp_token"]
    moved_on(bank, user, answer)
    assert is_error(user.exchange(), 400, "missing_uploads")
    assert bank.client.upload_raw(user.step_id, answer["nonce"], "proof", documents.png()).status == 200
    assert user.exchange().status == 200
    assert "temp_token" not in bank.resume(user).json


def test_resumption_under_another_secret(bank):
    """The step's id was derived under a secret that no longer seals. Red where only pass->step_id is compared."""
    user = waiting(bank, upload=False)
    file = bank.server.secret_file
    file.write_text("ab" * 32 + "\n" + file.read_text())
    bank.server.httpd.graceful()
    answer = bank.resume(user)
    sent = bank.client.upload_raw(user.step_id, answer["nonce"], "proof", documents.png())
    assert sent.status == 200, sent.body
    bank.ctl("step", "approve", user.step_id)
    moved_on(bank, user, bank.status(user, nonce=answer["nonce"]))
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


def test_resumption_while_waiting(bank):
    user = waiting(bank)
    old = user.step_nonce
    answer = bank.resume(user)
    assert answer["status"] == "SESSION_PENDING" and answer["nonce"] and "next_step" not in answer.json
    assert is_error(bank.status(user, nonce=old), 401, "invalid_nonce")
    bank.ctl("step", "approve", user.step_id)
    moved_on(bank, user, bank.status(user, nonce=answer["nonce"]))
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


def test_foreign_sessions_are_unknown_ones(bank):
    """Red without `s.client_id = p_client_id` in finq.session_resume and finq.session_status (which is asked itself: a nonce
    of another tenant does not get as far), and without the comparison of clients that keeps it from there."""
    user = waiting(bank)
    foreign = bank.resume(user, client=bank.other)
    unknown = bank.user("plain")
    started = bank.resume(unknown)
    unknown.session_id = "no-uuid"
    assert is_error(foreign, 404, "invalid_session_id")
    assert steady(foreign) == steady(started) == steady(bank.resume(unknown))
    assert is_error(bank.resume(user, client_secret="wrong"), 401, "invalid_client_secret")
    assert is_error(bank.resume(user, client_id=str(uuid.uuid4())), 401, "invalid_client_id")
    assert is_error(bank.status(user, client=bank.other), 401, "invalid_nonce")
    assert asked_itself(bank, user, ordinal=2, client=bank.other) == "invalid_session_id"
    assert bank.status(user)["status"] == "SESSION_PENDING"


def test_foreign_uploads_are_recorded_nowhere(bank):
    """Whatever a server tells finq.upload_record, and told alike for what does not exist. Red without `s.client_id =
    p_client_id` there (another generation would tell), and in version 1's (the same one would record it)."""
    user = waiting(bank, upload=False)
    for session in (user.session_id, str(uuid.uuid4())):
        for generation in (0, 1):
            assert bank.psql(f"SELECT outcome FROM finq.upload_record('{bank.other.tenant.client_id}', '{session}', 1, '{user.step_id}',"
                             f" 'proof', '{uuid.uuid4()}', 1, sha256('x'), 'image/png', 1800, {generation}, 1, 1, 1, 0, 0, 0, NULL)") == "invalid_step_id"
    assert bank.psql(f"SELECT count(*) FROM finq.upload WHERE step_id = '{user.step_id}'") == "0"


# -- what a second device is told

def test_status_and_resumption_tell_where_a_session_stands(bank):
    """Red where finq.session_answer counts no uploads, where step_place is the next one's, without tenant_user_id."""
    user = bank.user("plain", tenant_user_id="ana")
    created = bank.status(user)
    own = {"session_id": user.session_id, "skill": user.skill, "tenant_user_id": "ana"}
    assert own.items() <= created.json.items() and not {"step", "step_id", "uploads"} & set(created.json)
    user.submit("form", {})
    for answer, uploaded in ((bank.status(user), False), (user.upload("proof", documents.png()), None), (bank.status(user), True),
                             (bank.resume(user), True)):
        assert answer.status == 200
        if uploaded is not None:
            assert {**own, "step": "form", "step_id": user.step_id, "next_step": "last"}.items() <= answer.json.items()
            assert answer["uploads"] == [{**DOCUMENT, "uploaded": uploaded}]
    assert "tenant_user_id" not in bank.status(waiting(bank)).json, "it was started without one"


def test_the_banks_page_again(bank):
    """On a second device too, until the visit is over. Red where finq.session_answer tells `told` alone, and where it tells the
    reply of whoever has waited."""
    user, answer = bank.at_bank("sca_more")
    page = answer["data"]
    assert bank.status(user)["data"] == bank.resume(user)["data"] == page
    user.nonce = bank.resume(user)["nonce"]
    bank.psql(f"UPDATE finq.session SET return_until = clock_timestamp() WHERE session_id = '{user.session_id}'")
    over = bank.status(user)
    assert over["next_step"] == "sca" and "data" not in over.json


def test_what_a_connector_told_at_once_is_told_again(bank):
    user = bank.user("sca_more")
    answer = user.submit("sca", {"scenario": "accept"})
    assert answer["data"] and bank.status(user)["data"] == bank.resume(user)["data"] == answer["data"]


def test_an_exchange_tells_whose_it_is(bank):
    """Repeated too. Red without tenant_user_id in either answer of finq.exchange_token."""
    user = bank.user("sca", tenant_user_id="ana")
    user.submit("sca", {"scenario": "accept"})
    first, again = user.exchange(), user.exchange()
    own = {"session_id": user.session_id, "skill": user.skill, "tenant_user_id": "ana"}
    assert own.items() <= first.json.items() and steady(first) == steady(again)
    other = bank.user("sca")
    other.submit("sca", {"scenario": "accept"})
    assert "tenant_user_id" not in other.exchange().json


# -- the long poll

def test_a_long_poll_ends_with_the_decision(bank):
    user = waiting(bank)
    decide = bank.server.client(bank.tenant)

    def later():
        time.sleep(1.2)
        bank.ctl("step", "approve", user.step_id)
    answers = at_once([lambda: timed(bank.status, user, wait=20), later])
    answer, seconds = answers[0]
    decide.close()
    assert answer["next_step"] == "last" and 1 < seconds < 15


def test_a_long_poll_ends_by_itself(bank):
    """wait is 0 to 25, and a session that does not wait is answered at once."""
    user = waiting(bank)
    answer, seconds = timed(bank.status, user, wait=2)
    assert answer["status"] == "SESSION_PENDING" and 1 < seconds < 15
    for wrong in (26, -1):
        assert is_error(bank.status(user, wait=wrong), 400, "invalid_field")
    bank.ctl("step", "reject", user.step_id, "--reason", "No")
    assert timed(bank.status, user, wait=25)[1] < 15


# -- races

def test_of_many_decisions_one_takes_effect(bank):
    """All come while somebody else holds the session. Red without FOR NO KEY UPDATE in finq.session_of_step."""
    user = bank.user("sca")
    user.submit("sca", {"scenario": "pend"})
    clients = [bank.server.client(bank.tenant) for _ in range(16)]

    def decide(number, client):
        one = Bank.__new__(Bank)
        one.client, one.service = client, bank.service
        return one.decide(user.step_id, ("accepted", "failed")[number % 2])
    hold = Hold(bank.server, f"FROM finq.session WHERE session_id = '{user.session_id}' FOR UPDATE", 4)
    answers = at_once([*(lambda n=n, c=c: decide(n, c) for n, c in enumerate(clients)),
                       *[lambda: bank.ctl("step", "approve", user.step_id, check=False).returncode] * 4])
    hold.join()
    for client in clients:
        client.close()
    good = [a for a in answers if a == 0 or getattr(a, "status", 0) == 200]
    assert len(good) == 1, answers
    assert all(a in (0, 4) if isinstance(a, int) else a.status in (200, 409) for a in answers)


def test_of_many_submissions_one_takes_effect(bank):
    user = bank.user("review")
    clients = [bank.server.client(bank.tenant) for _ in range(32)]
    answers = at_once([lambda c=c: c.submit(user, "form", {"same": True}) for c in clients])
    for client in clients:
        client.close()
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert bank.psql(f"SELECT count(*) FROM finq.step WHERE session_id = '{user.session_id}'") == "1"
