"""finqctl doctor: each thing that may be missing is found, with its mend, and nothing else is.

Seen red: clock_look, workers_look, the connectors, the connections or read_only left out, each for its test; finq_dump not hooked (all
is well); may_write as root itself (a directory that the children may not write to).
"""
import json
import os
import re
import secrets
import socket

import pytest

from finqenv.httpd import PROGRAM, Httpd
from finqenv.installation import FINQCTL, MODULE, Installation
from finqenv.postgres import SERVER
from finqenv.process import free_port, run

LOCAL = ("--allow-address", "127.0.0.0/8")


class Site:
    """An httpd that is configured and never started, over a database of its own."""

    def __init__(self, apart):
        self.apart = apart
        self.httpd = Httpd(apart.directory / f"site-{secrets.token_hex(4)}", module=str(MODULE), asan=apart.httpd.settings.asan,
                           database=apart.postgres.conninfo(SERVER, apart.database))
        self.uploads = self.httpd.writable("uploads")
        self.httpd.settings.directives = {"FinqSecretFile": apart.secret_file, "FinqDataKey": apart.data_key_file, "FinqUploadDir": self.uploads}

    def doctor(self, *words, status, database=True, environ=None):
        """{check: [finding]}; the exit status is as the findings have it."""
        self.httpd.configtest()  # writes the configuration
        own = {"FINQ_DB": self.apart.conninfo()} if database else {}
        done = run(FINQCTL, "doctor", "--httpd", PROGRAM, "--config", self.httpd.config, *LOCAL, *words, check=False,
                   env={**self.httpd._environ(), **own, **(environ or {})})
        assert done.returncode == status and not done.stderr, done.stdout + done.stderr
        found = {}
        for finding in json.loads(done.stdout):
            assert (finding["state"] == "good") == ("mend" not in finding), finding
            found.setdefault(finding["check"], []).append(finding)
        assert ("error" in {one["state"] for all_of_it in found.values() for one in all_of_it}) == (status == 1)
        return found


@pytest.fixture(scope="module")
def apart(server, run_directory):
    made = Installation(run_directory / "doctor", cluster=server.postgres, database="doctor")
    made.start_database()
    made.create_secrets()
    return made


@pytest.fixture
def site(apart):
    return Site(apart)


def states(found):
    return {check: [one["state"] for one in all_of_it] for check, all_of_it in found.items()}


def one(found, check, state="error"):
    finding, = [finding for finding in found[check] if finding["state"] == state]
    return finding["finding"], finding["mend"]


def test_where_all_is_well(site):
    found = site.doctor(status=0)
    assert states(found) == {"configuration": ["good"], "secret file": ["good"], "data key": ["good"], "upload directory": ["good"], "database": ["good"],
                             "role": ["good"], "schema": ["good"], "clock": ["good"], "janitor": ["warning"]}
    assert "it has never run" in one(found, "janitor", "warning")[0], "nobody has started this httpd"
    site.apart.psql("UPDATE finq.lease SET taken_at = clock_timestamp() WHERE name = 'janitor'")
    assert states(site.doctor(status=0))["janitor"] == ["good"]
    site.apart.psql("UPDATE finq.lease SET taken_at = '-infinity' WHERE name = 'janitor'")


def test_without_the_operators_database(site):
    finding, mend = one(site.doctor(status=0, database=False), "schema", "warning")
    assert "which database?" in finding and "--db" in mend


# -- the configuration

@pytest.mark.parametrize("change, finding, mend", [
    (lambda text: text + "\nFrobnicate on\n", "Invalid command 'Frobnicate'", "mend what httpd names"),
    (lambda text: "\n".join(line for line in text.splitlines() if "inq" not in line or "/Location" in line or "<" in line),
     "mod_finq is not loaded", "a2enmod finq"),
    (lambda text: re.sub("SetHandler finq.*", "", text), "no host serves the API", "SetHandler finq")])
def test_a_configuration_that_will_not_do(site, change, finding, mend):
    site.httpd.configtest()
    text = change(site.httpd.config.read_text())
    site.httpd.configtest = lambda: site.httpd.config.write_text(text)
    found = site.doctor(status=1, database=False)
    assert finding in one(found, "configuration")[0] and mend in one(found, "configuration")[1]


def test_without_a_program(site):
    done = run(FINQCTL, "doctor", "--httpd", "/nowhere/httpd", check=False, env=site.httpd._environ())
    finding, = [one for one in json.loads(done.stdout) if one["check"] == "configuration"]
    assert done.returncode == 1 and finding["finding"] == "there is no apachectl or httpd to read it" and "--httpd" in finding["mend"]


# -- files

def test_a_secret_file_that_is_open(site):
    """httpd itself refuses it: as a copy, of another host's."""
    open_one = site.httpd.directory / "open.secret"
    open_one.write_text("ab" * 32)
    open_one.chmod(0o644)
    site.httpd.settings.directives["FinqSecretFile"] = open_one
    assert "chmod 600 it" in one(site.doctor(status=1), "configuration")[0]


@pytest.mark.parametrize("make, state, finding", [
    (lambda path: os.chown(path, 0, 0), "error", "www-data may not write there"),
    (lambda path: path.chmod(0o777), "warning", "open to everybody")])
def test_an_upload_directory_that_will_not_do(site, make, state, finding):
    make(site.uploads.resolve())
    found, mend = one(site.doctor(status=int(state == "error")), "upload directory", state)
    assert finding in found and (mend.startswith(f"chown www-data {site.uploads}") or mend == f"chmod 700 {site.uploads}")


def test_an_upload_directory_that_is_not_there(site):
    """httpd itself refuses it."""
    site.uploads.resolve().rmdir()
    assert "is not a directory: make it" in one(site.doctor(status=1), "configuration")[0]


# -- the database

def test_a_database_that_cannot_be_reached(site):
    site.httpd.settings.database = f"host=127.0.0.1 port={free_port()} dbname=finq user=x password=geheim"
    done = one(site.doctor(status=1), "database")
    assert "Connection refused" in done[0] and "DBDParams" in done[1] and "geheim" not in done[0]


def test_a_role_that_may_too_little_or_too_much(site, apart):
    """And a pool that may grow past what PostgreSQL allows."""
    site.httpd.settings.database = apart.conninfo()
    assert "it reaches the tables" in one(site.doctor(status=0), "role", "warning")[0]
    role = f"bare_{secrets.token_hex(4)}"
    apart.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
    site.httpd.settings.database = f"host=127.0.0.1 port={apart.postgres.port} dbname={apart.database} user={role} password=p"
    site.httpd.settings.dbd = (0, 8, 5000)
    found = site.doctor(status=1)
    apart.psql(f"DROP ROLE {role}")
    assert one(found, "role")[1].endswith(f"GRANT finq_server TO {role};")
    assert "2 children, and as many in a graceful restart, may open 20000 connections" in one(found, "connections", "warning")[0]


def test_a_standby_is_not_what_servers_want(site, apart):
    role = f"{SERVER} IN DATABASE {apart.database}"
    apart.psql(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    found = site.doctor(status=1)
    apart.psql(f"ALTER ROLE {role} RESET default_transaction_read_only")
    assert "read-only" in one(found, "database")[0]


def test_a_schema_that_is_not_there(site, apart):
    apart.postgres.create_database(name := f"bare_{secrets.token_hex(4)}")
    found = site.doctor("--db", apart.conninfo().replace("dbname=doctor", f"dbname={name}"), status=1)
    assert "finqctl db migrate" in one(found, "schema")[0] and "clock" not in found


def test_a_clock_that_is_off(site, apart):
    """The database's is wrong here, which is the same."""
    before = apart.psql("SELECT pg_get_functiondef('finq.doctor'::regproc)")
    apart.psql("CREATE OR REPLACE FUNCTION finq.doctor() RETURNS json LANGUAGE sql STABLE RETURN json_build_object('clock', "
               "finq.seconds(clock_timestamp()) + 300, 'webhooks', '[]'::json, 'overdue', 0, 'janitor_seconds', 1)")
    found = site.doctor(status=1)
    apart.psql(before)
    assert " s behind the database's" in one(found, "clock")[0] and "NTP" in one(found, "clock")[1]


# -- who else is there

@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made.getsockname()[1]


def test_connectors(site, apart, listening):
    site.httpd.settings.modules = ("proxy", "proxy_http")
    site.httpd.settings.vhost = "\n".join(
        [f'FinqConnector {name} /internal/{name} "{apart.secret_file}"' for name in ("up", "down", "lost")] +
        [f"ProxyPass /internal/{name} http://127.0.0.1:{port}/ask timeout=20" for name, port in (("up", listening), ("down", free_port()))])
    found = site.doctor(status=1)["connector"]
    assert {finding["of"]: finding["state"] for finding in found} == {"up": "good", "down": "error", "lost": "warning"}
    assert "Connection refused" in next(finding for finding in found if finding["of"] == "down")["finding"]


@pytest.mark.parametrize("address", ["unix:/nowhere/bank.sock|http://localhost/ask timeout=20", "balancer://banks/ask"])
def test_a_connector_that_is_not_reached_by_a_host(site, apart, address):
    """mod_proxy alone knows the way. Red where it is looked up as a host's name, or taken for one that listens."""
    site.httpd.settings.modules = ("proxy", "proxy_http", "slotmem_shm", "proxy_balancer", "lbmethod_byrequests")
    site.httpd.settings.vhost = (f'FinqConnector bank /internal/bank "{apart.secret_file}"\nProxyPass /internal/bank {address}\n'
                                 "<Proxy balancer://banks>\nBalancerMember http://127.0.0.1:9\n</Proxy>")
    found, = [finding for finding in site.doctor(status=0)["connector"] if finding["of"] == "bank"]
    assert found["state"] == "good" and found["finding"].startswith("mod_proxy leads it to ") and "which is not tried from here" in found["finding"]


def test_webhooks_and_who_delivers(site, apart, listening):
    tenants = [apart.create_tenant(f"Hooked {secrets.token_hex(4)}", ()) for _ in range(4)]
    ports = [listening, free_port(), listening, listening]
    for tenant, port in zip(tenants, ports):
        apart.finqctl("webhook", "set", tenant.client_id, f"http://127.0.0.1:{port}/", "--secret-file", apart.secret_file, *LOCAL)
    ids = [tenant.client_id for tenant in tenants]
    apart.psql(f"UPDATE finq.webhook SET enabled = false WHERE client_id = '{ids[2]}';"
               f"UPDATE finq.webhook SET failing_since = clock_timestamp() WHERE client_id = '{ids[3]}'")
    found = site.doctor(status=1)
    assert sorted(states(found)["webhook"]) == ["error", "error", "good", "warning"] and "nobody delivers" in one(found, "outbox")[0]
    mends = " ".join(finding.get("mend", "") for finding in found["webhook"])
    assert "webhook test" in mends and "webhook set" in mends
    apart.psql("UPDATE finq.lease SET until = clock_timestamp() + interval '1 hour' WHERE name = 'outbox'")
    assert "outbox" not in site.doctor(status=1)
    apart.psql("UPDATE finq.lease SET until = '-infinity' WHERE name = 'outbox'; DELETE FROM finq.webhook")
