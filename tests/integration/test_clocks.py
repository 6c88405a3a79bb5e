"""A server whose clock is an hour off is the janitor: what ends and what goes does so by the database's clock alone, so that nothing
goes too early, and what is due goes. Its `/ready` tells how far off it is.

Seen red: see each test.
"""
import pytest

from finqenv import documents
from finqenv.installation import SANITIZED
from finqenv.process import until
from finqenv.uploads import Desk

pytestmark = pytest.mark.skipif(SANITIZED, reason="libfaketime and AddressSanitizer both want to be the first library")
HEALTH = '<Location "/health">\nSetHandler finq-health\nRequire all granted\n</Location>\n'


@pytest.fixture(params=["+1h", "-1h"])
def desk(make_server, server, request):
    """Its documents come from before its clock went wrong: nobody can send any after that."""
    desk = Desk(make_server(cluster=server.postgres, database=f"clock_{ord(request.param[0])}", children=1, vhost=HEALTH))
    desk.users = {name: desk.user() for name in ("early", "due", "kept", "gone")}
    desk.photos = {name: user.upload("photo", documents.png())["upload_id"] for name, user in desk.users.items()}
    settings = desk.installation.httpd.settings
    settings.clock, settings.directives["FinqJanitorInterval"] = request.param, "1"
    return desk


def set_end(desk, name, status, left):
    """The session's status, and how long it has been since its end, or will be."""
    desk.installation.psql(f"UPDATE finq.session SET status = '{status}', is_over = finq.session_is_over('{status}'), expires_at = clock_timestamp() + interval '{left}',"
                           f" updated_at = expires_at WHERE session_id = '{desk.users[name].session_id}'")


def statuses(desk):
    lines = desk.installation.psql("SELECT session_id, status FROM finq.session").splitlines()
    held = dict(line.split("|") for line in lines)
    return {name: held.get(user.session_id) for name, user in desk.users.items()}


def test_what_ends_goes_by_the_databases_clock(desk):
    """Red without clock_warn, and where session_is_old and janitor_expire_sessions go by an hour later."""
    set_end(desk, "early", "SESSION_IN_PROGRESS", "30 minutes")
    set_end(desk, "due", "SESSION_IN_PROGRESS", "-1 second")
    set_end(desk, "kept", "SESSION_FAILED", "-29 days -23 hours -30 minutes")
    set_end(desk, "gone", "SESSION_FAILED", "-30 days -1 second")
    desk.installation.httpd.restart()
    until(lambda: desk.photos["gone"] not in desk.placed(), what="the end of what was due")
    assert statuses(desk) == {"early": "SESSION_IN_PROGRESS", "due": "SESSION_EXPIRED", "kept": "SESSION_FAILED", "gone": None}
    assert desk.placed() == sorted(desk.photos[name] for name in ("early", "due", "kept"))
    warnings = desk.client.request("GET", "/health/ready").json["warnings"]
    how = "ahead of" if desk.installation.httpd.settings.clock == "+1h" else "behind"
    assert len(warnings) == 1 and f" s {how} the database's." in warnings[0] and 3590 < int(warnings[0].split()[4]) < 3610, warnings
