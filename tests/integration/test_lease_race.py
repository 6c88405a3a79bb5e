"""Two servers, of which one at a time is the janitor, whatever happens to it: killed in the midst of a batch, or stopped past its
lease and woken again. Each effect is that of who has the lease, and there is one of each. Time is moved in the lease's row."""
import re
import signal

import pytest

from finqenv import process
from finqenv.ends import settle
from finqenv.process import until

# What each session's end was done by: the lease as it then stood, and the server that called.
WATCH = """
    CREATE TABLE public.effect (number serial, session_id uuid, epoch bigint, holder text, server text);
    CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        PERFORM pg_sleep(0.004);
        INSERT INTO public.effect (session_id, epoch, holder, server)
        SELECT NEW.session_id, l.epoch, l.holder, current_setting('application_name') FROM finq.lease l WHERE l.name = 'janitor';
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER UPDATE ON finq.session FOR EACH ROW WHEN (NEW.status = 'SESSION_EXPIRED') EXECUTE FUNCTION public.note()"""
DUE = """
    INSERT INTO finq.session (session_id, client_id, skill_id, status, is_over, started_at, updated_at, expires_at, step_ordinal, step_id,
                              step_body_hash, answer_expires_at, answer_secret_id)
    SELECT (left(finq.first_id(clock_timestamp())::text, 14) || right(gen_random_uuid()::text, 22))::uuid, '{}', (SELECT min(skill_id) FROM finq.skill), 'SESSION_IN_PROGRESS', false, clock_timestamp(), clock_timestamp(),
           clock_timestamp(), 1, gen_random_uuid(), '', clock_timestamp(), 1 FROM generate_series(1, 400)"""


@pytest.fixture
def servers(make_server, server, request):
    made = []
    for name in ("first", "second"):
        one = make_server(cluster=server.postgres, database=f"race_{request.node.callspec.params['how'].name.lower()}", children=1, directives={"FinqJanitorInterval": "1"})
        one.httpd.settings.database += f" application_name={name}"
        one.httpd.restart()
        made.append(one)
    settle(made[0], "Race", ()).psql(WATCH)
    for one in made:
        one.tenant = made[0].tenant
        one.httpd.log.allow("AH00052: child pid .* exit signal Killed")
    return made


def leader(own):
    """The process that has the lease, in the midst of its work; None where none is."""
    held = own.psql("SELECT holder FROM finq.lease WHERE name = 'janitor' AND until > clock_timestamp() AND EXISTS"
                    " (SELECT FROM pg_stat_activity a WHERE a.datname = current_database() AND a.wait_event = 'PgSleep')")
    return int(re.search(r"process (\d+)", held)[1]) if held else None


def pass_lease(own):
    """Its time is over. A batch that is under way is waited for."""
    own.psql("UPDATE finq.lease SET until = '-infinity', taken_at = '-infinity' WHERE name = 'janitor'")


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_never_two_leaders(servers, how):
    own, rounds = servers[0], 20
    whose = {}
    for number in range(1, rounds + 1):
        own.psql(DUE.format(own.tenant.client_id))
        victim = until(lambda: leader(own), what="a leader at work")
        whose.update({child: name for one, name in zip(servers, ("first", "second")) for child in one.httpd.children()})
        process.send(victim, how)
        pass_lease(own)
        until(lambda: own.psql("SELECT count(*) FROM finq.session WHERE status = 'SESSION_IN_PROGRESS'") == "0", 60, "the next leader's work")
        if how == signal.SIGSTOP:
            process.send(victim, signal.SIGCONT)
        else:
            until(lambda: all(one.httpd.children() for one in servers), what="a new child")
        whose.update({child: name for one, name in zip(servers, ("first", "second")) for child in one.httpd.children()})
        assert own.psql("SELECT count(*), count(DISTINCT session_id) FROM public.effect") == f"{400 * number}|{400 * number}"
    effects = [line.split("|") for line in own.psql("SELECT DISTINCT ON (epoch, holder, server) epoch, holder, server FROM public.effect").splitlines()]
    assert len(effects) > rounds and len({epoch for epoch, _, _ in effects}) == len(effects), "an epoch is one server's"
    for _, holder, server in effects:
        assert whose[int(re.search(r"process (\d+)", holder)[1])] == server
    assert own.psql("SELECT bool_and(e.epoch >= e.before) FROM (SELECT epoch, lag(epoch, 1, 0) OVER (ORDER BY number) AS before FROM public.effect) e") == "t"
    assert own.psql("SELECT count(*) FROM finq.outbox WHERE type = 'session.expired'") == str(400 * rounds)
