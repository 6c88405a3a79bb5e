"""A server whose clock is an hour off is the janitor: what ends and what goes does so by the database's clock alone, so that nothing
goes too early, and what is due goes. Its `/ready` tells how far off it is. One whose clock is set back remembers nothing for longer.

Seen red: see each test.
"""
import time

import pytest

from finqenv import documents
from finqenv.flows import AISP
from finqenv.installation import SANITIZED
from finqenv.process import until
from finqenv.signing import Key, Signer
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
    """The session's status, and how long it has been since its end, or will be; none ends before it starts."""
    desk.installation.psql(f"UPDATE finq.session SET status = '{status}', is_over = finq.session_is_over('{status}'), expires_at = clock_timestamp() + interval '{left}',"
                           f" started_at = least(started_at, clock_timestamp() + interval '{left}'), updated_at = expires_at WHERE session_id = '{desk.users[name].session_id}'")


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


def test_a_clock_that_is_set_back_keeps_no_key(make_server, server):
    """Keys are remembered for two seconds, however the wall clock moves meanwhile. Red where finq_clock_steady reads CLOCK_REALTIME: both are
    good for another hour. Red by half where directory.c, or keyring.c, reads it."""
    own = make_server(cluster=server.postgres, database="set_back", children=1, directives={"FinqCacheTTL": "2", "FinqKeyCacheTTL": "2"})
    clock = own.httpd.settings.clock = own.httpd.writable("clock") / "offset"
    clock.write_text("+0")
    own.httpd.restart()
    pair, issuer, tenant = Key(), "clock@bank.example", own.create_tenant("Set back")
    kid, = own.add_key(tenant, issuer, pair.pem)
    clients = [own.client(tenant), own.client(tenant, base="/v1s", sign=Signer(pair, issuer))]
    assert [client.start_session(AISP).status for client in clients] == [200, 200]
    clock.write_text("-1h")
    assert clients[1].start_session(AISP).status == 401, "signed in an hour"
    signer = Signer(pair, issuer, iat=int(time.time()) - 3600, exp=int(time.time()) - 3000)
    clients[1] = own.client(tenant, base="/v1s", sign=signer)
    assert [client.start_session(AISP).status for client in clients] == [200, 200]
    own.finqctl("key", "revoke", tenant.client_id, "--", kid)
    key_id, = [key["key_id"] for key in own.finqctl("tenant", "show", tenant.client_id)["keys"] if key["kind"] == "APP_KEY"]
    own.finqctl("tenant", "revoke", tenant.client_id, key_id)
    time.sleep(2.1)
    assert [client.start_session(AISP).code for client in clients] == ["invalid_client_app_key", "invalid_signature"]
    for client in clients:
        client.close()
