"""D: pgbench calling the functions that the API calls, with prepared statements and the same work.

Ids are version 7, as the server's are, and follow from the script's counters: so that the second step and the exchange
find the rows that the step before has made."""
import hashlib
import re
import resource
import time

from finqenv.postgres import SERVER, programs
from finqenv.process import Failure, clean_environ, run

from .site import CLIENTS, DATA, SKILL, STEPS, compact

# The upper half of an id: 48 bits of milliseconds, the version. The lower half: the variant, and what tells ids apart.
COUNTERS = r"""
\set n :n + 1
\set high (:base + :n) * 65536 + 28672
\set low -9223372036854775807 + :client_id * 4294967296 + :n
\set low_step :low + 2305843009213693952 + :ordinal * 72057594037927936
"""
ID = "encode(int8send({}) || int8send({}), 'hex')::uuid"
STEP = f"""SELECT outcome, step_id, secret_id, expires_at, missing, status, next_place, waits_for, reply, reasons FROM finq.submit_step(:tenant, {ID.format(':high', ':low')},
:skill, :ordinal, :app_key, NULL, :now, :later, {ID.format(':high', ':low_step')}, :step, :hash, :data, '{{}}',
CASE WHEN :last THEN 'SESSION_COMPLETED' ELSE 'SESSION_IN_PROGRESS' END::finq.session_status, :secret, 1800, 86400, 0, :ordinal,
CASE WHEN :last THEN 0 ELSE :ordinal + 1 END, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, :data_key);"""
EXCHANGE = f"""SELECT outcome, credentials_id, salt, secret_id, consent_exp, max_data_retention, missing
FROM finq.exchange_token(:tenant, :secret_hash, {ID.format(':high', ':low')}, :later, '{{}}',
{ID.format(':high', ':low_step')}, :hash, :salt, :secret, 120);"""
STATUS = f"SELECT * FROM finq.session_status(:tenant, {ID.format(':high', ':low')}, :ordinal, 0, :later, 1800, 1800, :secret);"
CONSENT = f"SELECT * FROM finq.consent_get(:tenant, :secret_hash, {ID.format(':high', ':low_step')}, :hash, NULL);"
SEALED = bytes(17)  # what sealing adds to a value
SHORT = 5  # calls a connection of a short run
SCRIPTS = {"step1": (STEP, 1), "status": (STATUS, 2), "step2": (STEP, 2), "token": (EXCHANGE, 3), "consent": (CONSENT, 3)}


def hexadecimal(data):
    return "\\x" + data.hex()


class Database:
    def __init__(self, site):
        self.site, self.postgres = site, site.installation.postgres
        self.skill = site.psql(f"SELECT skill_id FROM finq.skill WHERE name = '{SKILL}'")
        self.app_key = site.psql("SELECT key_id FROM finq.tenant_key WHERE kind = 'APP_KEY' AND client_id = "
                                 f"'{site.tenant.client_id}'")

    def _variables(self, ordinal, base):
        now = int(time.time())
        return {"n": 0, "base": base, "ordinal": ordinal, "tenant": self.site.tenant.client_id, "skill": self.skill,
                "app_key": self.app_key, "now": now, "later": now + 1800, "step": STEPS[min(ordinal, 2) - 1],
                "hash": hexadecimal(bytes(range(32))), "data": hexadecimal(SEALED + compact(DATA[min(ordinal, 2) - 1]).encode()),
                "data_key": hexadecimal(bytes(69)),
                "last": "true" if ordinal == 2 else "false", "secret": 1, "salt": hexadecimal(bytes(range(16))),
                "secret_hash": hexadecimal(hashlib.sha256(self.site.tenant.client_secret.encode()).digest())}

    def _pgbench(self, kind, base, count):
        sql, ordinal = SCRIPTS[kind]
        script = self.site.directory / f"{kind}.pgbench"
        script.write_text(COUNTERS + sql.replace("\n", " ") + "\n")
        variables = [f"-D{name}={value}" for name, value in self._variables(ordinal, base).items()]
        before = self._cpu()
        done = run(programs() / "pgbench", "-n", "-M", "prepared", "-c", CLIENTS, "-j", 1, "-t", count // CLIENTS,
                   "-f", script, *variables, "-h", "127.0.0.1", "-p", self.postgres.port, "-U", SERVER, "finq",
                   env=clean_environ(PGPASSWORD=self.postgres.passwords[SERVER]))
        calls = count // CLIENTS * CLIENTS
        return calls / float(re.search(r"tps = ([0-9.]+)", done.stdout)[1]), self._cpu() - before, calls

    def _measure(self, kind, base, count):
        """pgbench's connections are new each time, the API's are not: what a short run takes, which is mostly logging in,
        preparing and planning, is taken off."""
        short = self._pgbench(kind, base - 3_600_000, SHORT * CLIENTS)
        whole = self._pgbench(kind, base, count)
        took, cpu, calls = (b - a if b > a else b for a, b in zip(short, whole))
        return {"rate": calls / took, "cpu": cpu / calls}

    def _cpu(self):
        """pgbench's own time is what this process' ended children have used."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return self.site.cpu() + ended.ru_utime + ended.ru_stime

    def rates(self, count):
        """Steps, the exchange and the questions between, each for `count` sessions."""
        base, before = int(time.time() * 1000), self._credentials()
        rates = {kind: self._measure(kind, base, count) for kind in SCRIPTS}
        made, wanted = self._credentials() - before, (count // CLIENTS + SHORT) * CLIENTS
        if made != wanted:
            raise Failure(f"pgbench: {made} of {wanted} sessions came through")
        return rates

    def _credentials(self):
        return int(self.site.psql("SELECT count(*) FROM finq.credential"))

    def wal(self):
        """Bytes of write-ahead log so far."""
        return int(self.site.psql("SELECT (pg_current_wal_lsn() - '0/0')::bigint"))
