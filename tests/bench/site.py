"""The servers under load, and the load generator."""
import base64
import hashlib
import json
import os
import subprocess

from finqenv.client import Client
from finqenv.httpd import Httpd
from finqenv.httpd_conf import Site as HostSite
from finqenv.installation import Installation
from finqenv.places import BUILD, ROOT, has_memory, reachable
from finqenv.process import Failure, clean_environ
from finqenv.scanner import Clamd

from . import cpu

CLIENTS = int(os.environ.get("CLIENTS", 64))  # connections of the load generator, of pgbench, and processes of PHP
POOL = 8  # connections to the database of mod_finq's child
CONCURRENCY = 1  # of these, in use at once: the other processor is for httpd and those who load it
SKILL = "xyz_bench_sbx_#1.0"
STEPS = ("personal_data", "product_form")
DATA = ({"first_name": "Ana", "last_name": "Popescu", "email": "ana.popescu@example.com", "birth_date": "1990-04-17"},
        {"value": "15000", "currency": "RON", "period": "12"})
LOAD, FLOOR = BUILD / "bench/load", BUILD / "bench/mod_finq_floor.so"

FLOOR_LOCATION = """
<Location "/floor">
    SetHandler bench-floor
    Require all granted
</Location>
Alias /dav "{dav}"
<Directory "{dav}">
    Dav On
    Require all granted
</Directory>
<Location "/documents">
    SetHandler finq-documents
    AuthType Basic
    AuthName "Documents"
    AuthUserFile "{readers}"
    Require valid-user
</Location>
"""
# A host whose documents are scanned, by whoever listens there.
SCANNED = "scanned.test"
READER = "reader", "a word"


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class Site:
    """mod_finq, the floor and mod_dav in one httpd, and the PostgreSQL that all rivals share."""

    def __init__(self, directory):
        self.directory, self.scanner = directory, Clamd(directory / "clamd", StreamMaxLength="200M", MaxFileSize="200M", MaxScanSize="200M")
        self.installation = Installation(
            directory, plain=True, hosts=(HostSite(SCANNED, f"FinqScan {self.scanner.directive}"),),
            directives={"FinqUploadQuota": "step off session off", "FinqDatabaseConcurrency": CONCURRENCY}, log_level="warn", modules=("alias", "dav", "dav_fs", "authn_core", "auth_basic", "authn_file", "authz_user"),
            # One child: calls of several never meet, and each has but a part of the connections.
            dbd=(0, POOL, POOL), children=1, threads=2 * CLIENTS,
            postgres={"max_connections": 50 + 3 * CLIENTS, "max_wal_size": "'4GB'", "shared_buffers": "'256MB'"})
        httpd = self.installation.httpd
        httpd.settings.server = (f'LoadModule finq_floor_module "{FLOOR}"\n'
                                 f'DavLockDB "{httpd.writable("davlock")}/lock"\n')
        # Where memory takes them, no disk is measured.
        self.documents, dav, readers = (reachable(httpd.directory / name, Httpd.USER, memory=has_memory()) for name in ("documents", "dav", "readers"))
        httpd.settings.directives["FinqUploadDir"] = self.documents
        (readers / "passwords").write_text(f"{READER[0]}:{{SHA}}{base64.b64encode(hashlib.sha1(READER[1].encode()).digest()).decode()}\n")
        (readers / "passwords").chmod(0o644)
        httpd.settings.vhost = FLOOR_LOCATION.format(dav=dav, readers=readers / "passwords")

    def start(self):
        self.installation.start()
        for file in ("tests/bench/skill.json", "tests/bench/upload_skill.json"):
            self.installation.finqctl("skill", "publish", ROOT / file)
        self.tenant = self.installation.create_tenant("Bench", (SKILL, "xyz_bench_upload_sbx_#1.0"))
        settings = self.installation.httpd.settings
        self.plain, self.tls = settings.plain_port, settings.port

    def stop(self):
        self.installation.stop()

    def psql(self, sql):
        return self.installation.psql(sql)

    def client(self):
        return Client(f"http://localhost:{self.plain}", self.tenant)

    # -- load

    def load(self, mode, port=None, **options):
        """Runs the generator; returns its measurements by name."""
        port = port or self.plain
        own = {"port": port, "connections": CLIENTS, "client-id": self.tenant.client_id,
               "client-secret": self.tenant.client_secret, "app-key": self.tenant.client_app_key, "skill": SKILL,
               "step1": STEPS[0], "step2": STEPS[1], "data1": compact(DATA[0]), "data2": compact(DATA[1])}
        words = [word for name, value in {**own, **options}.items() if value is not None for word in (f"--{name}", value)]
        command = [str(word) for word in (LOAD, mode, *words, *(["--tls"] if port == self.tls else []))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environ()) as child:
            shown = dict(self._measurements(child))
            complaint = child.stderr.read()
        if child.returncode:
            raise Failure(f"the load generator failed: {complaint}")
        return shown

    def cpu(self, *more):
        """Processor seconds of httpd, PostgreSQL and further processes."""
        return cpu.seconds(self.installation.httpd.pid(), self.installation.postgres.pid(), *more)

    def _measurements(self, child):
        before = self.cpu(child.pid)
        for line in child.stdout:
            shown, after = json.loads(line), self.cpu(child.pid)
            yield shown["name"], {**shown, "cpu": (after - before) / shown["requests"]}
            before = after

    def fixed(self, path, body=None, port=None, seconds=1.0, status=200):
        """One request, again and again; a GET where it has no body."""
        return self.load("fixed", port, path=path, body=body, seconds=seconds, status=status)["fixed"]

    # -- the requests' bodies

    def body(self, kind):
        client = self.client()
        keys = {"client_id": self.tenant.client_id}
        start = {**keys, "client_app_key": self.tenant.client_app_key, "skill": SKILL}
        if kind == "sessions":
            return compact(start)
        nonce = client.start_session(SKILL)["nonce"]
        client.close()
        if kind == "token":  # of the same length as a temp_token
            return compact({**keys, "client_secret": self.tenant.client_secret, "temp_token": nonce})
        if kind == "status":
            return compact({**keys, "nonce": nonce})
        if kind == "consent":
            return compact({**keys, "client_secret": self.tenant.client_secret, "credentials_id": self.tenant.client_id, "access_token": "A" * 43})
        if kind == "forged":
            nonce = nonce[:-6] + ("AAAAAA" if nonce[-6:] != "AAAAAA" else "BBBBBB")
        if kind == "bare":  # what the bare handler takes from its request, beside as much as a first step's request has
            own = {"skill_id": self.psql(f"SELECT skill_id FROM finq.skill WHERE name = '{SKILL}'"), "app_key_id": self.psql(
                f"SELECT key_id FROM finq.tenant_key WHERE kind = 'APP_KEY' AND client_id = '{self.tenant.client_id}'")}
            return compact({**keys, **own, "nonce": nonce, "skill": SKILL, "step": STEPS[0], "data": DATA[0]})
        step = {"step1": 0, "step2": 1, "forged": 0}[kind]
        return compact({**keys, "nonce": nonce, "skill": SKILL, "step": STEPS[step], "data": DATA[step]})
