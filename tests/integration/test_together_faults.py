"""Calls that go together, of which one fails or waits, or whose connection ends: nobody is told of what was rolled back, and nobody waits
for another's lock.

Seen red: jobs_send without short_waits, or finq.submit_steps without lock_timeout (none_of_several_waits_long); finq_pg_calls without the calls again (fails_alone); pg_jobs_fail
leaving an error out (ends_for_all); answer_read keeping the first result whatever comes (a_commit_that_fails); jobs_read that keeps
rows, with finq_pg_call that does (rolled_back); pg_job_alone in the place of putting aside (waits_by_himself).
"""
import pytest

from finqenv import process
from finqenv.locks import WAITING, Blocker, locked
from finqenv.together import CROWD, Behind, done, exchanged, exchangers, one_connection, statuses, users, writers


@pytest.fixture(scope="module")
def desk(make_module_server):
    return one_connection(make_module_server)


@pytest.fixture(autouse=True)
def refusals(desk):
    desk.installation.httpd.log.allow(r"FINQ03: .* 503 service_unavailable: database: ")


def test_a_call_that_fails_fails_alone(desk):
    """What was done beside it is undone with it, and done again without it; it leaves nothing, and its nonce works."""
    first, *others = users(desk, 6)
    culprit = others[2]
    behind = Behind(desk)
    with Blocker(desk.installation, locked(culprit)):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        answers = behind.join()
    assert statuses(answers) == [200, 200, 503, 200, 200, 200]
    assert int(answers[2].headers["retry-after"]) >= 1
    good = [user for user in others if user is not culprit]
    assert len(set(writers(desk, good))) == len(good), "each in a transaction of its own"
    assert desk.installation.psql(f"SELECT count(*) FROM finq.step WHERE session_id = '{culprit.session_id}'") == "1"
    assert culprit.submit("last", {}).status == 200


def test_the_culprit_is_tried_again_last(desk):
    """Whoever waits for a lock does not keep the others."""
    first, *others = users(desk, 4)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(others[0])):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        both = f"SELECT 1 WHERE EXISTS ({done(others[1])}) AND EXISTS ({done(others[2])}) AND EXISTS ({WAITING})"
        process.until(lambda: desk.installation.psql(both), what="the others, while the culprit waits still")
        assert statuses(behind.join()) == [503, 200, 200, 200]


def test_a_connection_that_ends_ends_for_all_on_it(desk):
    first, *others = users(desk, 5)
    behind = Behind(desk)
    with Blocker(desk.installation, locked(*others)):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        both = f"SELECT 1 WHERE EXISTS ({done(first)}) AND EXISTS ({WAITING})"
        process.until(lambda: desk.installation.psql(both), what="the others' turn")
        desk.installation.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'finq_web'")
        answers = behind.join()
    assert statuses(answers) == [503, 503, 503, 503, 200]
    for user in others:
        assert user.submit("last", {}).status == 200
    writers(desk, others)


def test_none_of_several_waits_long_for_a_lock(desk):
    """So no two transactions can lock each other out. Who comes alone waits as long as a connection's own limit says."""
    psql = desk.installation.psql
    first, *others = users(desk, CROWD + 2)
    for user in others[:2]: # these are left out of the crowd, and asked behind it
        psql(f"UPDATE finq.session SET went_back = true WHERE session_id = '{user.session_id}'")
    psql("CREATE TABLE public.limits (session_id uuid, value text);"
         "CREATE FUNCTION public.note_limit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
         " $$BEGIN INSERT INTO public.limits VALUES (NEW.session_id, current_setting('lock_timeout')); RETURN NEW; END$$;"
         "CREATE TRIGGER note_limit BEFORE INSERT ON finq.step FOR EACH ROW EXECUTE FUNCTION public.note_limit()")
    try:
        behind = Behind(desk)
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        assert set(statuses(behind.join())) == {200} and len(set(writers(desk, others[:2]))) == len(set(writers(desk, others[2:]))) == 1
        limits = dict(row.split("|") for row in psql("SELECT * FROM public.limits").splitlines())
    finally:
        psql("DROP TRIGGER note_limit ON finq.step; DROP FUNCTION public.note_limit(); DROP TABLE public.limits")
    assert limits == {first.session_id: "1s", **{user.session_id: "50ms" for user in others}}


def test_a_commit_that_fails(desk):
    """Rows that were read mean nothing where the commit failed, of one call or of several."""
    first, alone, *others = users(desk, 2 + CROWD)
    desk.installation.httpd.log.expect(r"FINQ03: .* 500 internal_server_error: database: finq_submit_step: SQLSTATE P0001")
    desk.installation.psql("CREATE FUNCTION finq.no_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';"
                           "CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT ON finq.step DEFERRABLE INITIALLY DEFERRED"
                           " FOR EACH ROW EXECUTE FUNCTION finq.no_commit()")
    try:
        assert alone.submit("last", {}).status == 500
        behind = Behind(desk)
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        assert min(statuses(behind.join())) >= 500
    finally:
        desk.installation.psql("DROP TRIGGER no_commit ON finq.step; DROP FUNCTION finq.no_commit()")
    everyone = (first, alone, *others)
    assert not any(desk.installation.psql(done(user)) for user in everyone)
    assert [user.submit("last", {}).status for user in everyone] == [200] * len(everyone)


def test_who_needs_a_lock_waits_by_himself(desk):
    """The others of his transaction have their answers meanwhile."""
    first, *others = users(desk, CROWD + 3)
    held = others[:2]
    behind = Behind(desk)
    with Blocker(desk.installation, locked(*held)):
        with Blocker(desk.installation, locked(first)):
            behind.first(first)
            behind.last_steps(others)
        good = {"first", *range(2, len(others))}
        process.until(lambda: good <= set(behind.answers) and desk.installation.psql(WAITING), what="the others' answers, while one waits")
    assert set(statuses(behind.join())) == {200}
    assert len(set(writers(desk, held))) == 2


def test_nobody_is_told_of_what_was_rolled_back(desk):
    """An exchange, a crowd of steps and an exchange that fails are rolled back; then the first ends the connection, and the crowd cannot
    even be sent."""
    psql = desk.installation.psql
    first, *others = users(desk, CROWD + 3)
    low, *steppers, high = sorted(others, key=lambda user: user.session_id)
    exchanged(desk, [low, high])
    psql("UPDATE finq.tenant_key SET last_used_at = clock_timestamp()")
    psql("CREATE SEQUENCE public.turns; CREATE FUNCTION public.end_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
         " $$BEGIN IF nextval('public.turns') = 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END$$;"
         "CREATE TRIGGER end_it BEFORE INSERT ON finq.credential FOR EACH ROW"
         f" WHEN (NEW.session_id = '{low.session_id}') EXECUTE FUNCTION public.end_it()")
    try:
        behind = Behind(desk)
        with Blocker(desk.installation, locked(high)):
            with Blocker(desk.installation, locked(first)):
                behind.first(first)
                behind.call("low", low.exchange)
                behind.call("high", high.exchange)
                behind.last_steps(steppers)
            answers = behind.join()
        assert int(psql("SELECT last_value FROM public.turns")) > 2
    finally:
        psql("DROP TRIGGER end_it ON finq.credential; DROP FUNCTION public.end_it(); DROP SEQUENCE public.turns")
    assert answers.pop("high").status == 503
    assert set(statuses(answers)) == {200}
    writers(desk, steppers)
    assert exchangers(desk, [low])[0].isdigit()
    assert high.exchange().status == 200
