"""mod_finq as an operator installs it: a database, a server, finqctl, skills and tenants."""
import collections
import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import secrets

from . import persons
from .client import Client
from .httpd import Httpd
from .places import BUILD, ROOT
from .postgres import OWNER, SERVER, Postgres
from .process import clean_environ, run

MODULE = BUILD / "mod_finq.so"
FINQCTL = BUILD / "finqctl"
# The suite's builds say whether httpd must load the sanitizer's library first.
SANITIZED = bool(os.environ.get("FINQ_ASAN"))
SKILLS = ROOT / "conf/skills"
SIGNING_ISSUER = "signer@bank.example"
DEMO_SKILLS = ("xyz_aisp_sbx_#1.0", "xyz_card_sbx_#1.0", "xyz_sbx_#3.0")


@dataclasses.dataclass
class Tenant:
    """What `finqctl tenant create` shows once."""
    client_id: str
    client_secret: str
    client_app_key: str


TEMPLATE = "finq_empty"


class Installation:
    """PostgreSQL, httpd and the module under one directory. `http` are httpd_conf.Settings' fields, `postgres` those
    of Postgres; `cluster` shares another installation's PostgreSQL, with a database of its own."""

    def __init__(self, directory, postgres=None, cluster=None, database="finq", **http):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.shares_cluster, self.database = cluster is not None, database
        self._names = collections.Counter()
        self.postgres = cluster or Postgres(self.directory / "pg", **(postgres or {}))
        self.secret_file, self.data_key_file = self.directory / "finq.secret", self.directory / "finq.data-key"
        self.receipt_key_file = self.directory / "receipt.pem"
        http.setdefault("asan", SANITIZED)
        self.httpd = Httpd(self.directory / "httpd", module=str(MODULE),
                           database=self.postgres.conninfo(SERVER, database), **http)
        # Tests come from one address, and many of them to be refused: they ask for the limit where they mean it.
        own = {"FinqSecretFile": self.secret_file, "FinqDataKey": self.data_key_file, "FinqReceiptKey": self.receipt_key_file, "FinqUploadDir": self.httpd.writable("uploads"),
               "FinqFailureLimit": "off",
               # Nor are they to find removed what they look at.
               "FinqJanitorInterval": "86400"}
        self.httpd.settings.directives = {**own, **self.httpd.settings.directives}

    # -- running it

    def start(self):
        """Starts what does not run, preparing the database and the secrets the first time."""
        self.start_database()
        self.create_secrets()
        if not self.httpd.pid():
            self.httpd.start()
        return self

    def start_database(self):
        if not self.postgres.pid() and self._may_be_copied():
            today = datetime.datetime.now(datetime.timezone.utc).date()  # weeks begin on Mondays of UTC
            self.postgres.start_migrated(f"{hashlib.sha256(FINQCTL.read_bytes()).hexdigest()[:16]}-{today}", self._migrate)
            return
        if not self.postgres.pid():
            self.postgres.start()
        if self.shares_cluster and not self._database_exists(self.database):
            self.postgres.create_database(self.database, self._template())
        self._migrate()

    def _may_be_copied(self):
        """A new cluster is a copy of one that was migrated today by the same command: its weeks are those that are due."""
        new = not (self.postgres.data / "PG_VERSION").exists()
        return new and self.database == "finq" and not self.postgres.settings.get("wal_level")

    def _migrate(self):
        self.finqctl("db", "migrate")
        self.postgres.create_server_role()

    def _template(self):
        """A database of the cluster that is migrated and empty: a copy costs a fifth of a migration."""
        if not self._database_exists(TEMPLATE):
            self.postgres.create_database(TEMPLATE)
            run(FINQCTL, "db", "migrate", cwd=ROOT, env=clean_environ(FINQ_DB=self.postgres.conninfo(OWNER, TEMPLATE)))
        return TEMPLATE

    def _database_exists(self, name):
        return self.postgres.psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'", database="postgres")

    def create_secrets(self):
        for file in (self.secret_file, self.data_key_file):
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text(secrets.token_hex(32) + "\n")
        if not self.receipt_key_file.exists():
            self.receipt_key_file.touch(mode=0o600)
            run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.receipt_key_file)

    def stop(self):
        """Stops httpd, and PostgreSQL unless it is shared."""
        try:
            self.httpd.stop()
        finally:
            if not self.shares_cluster:
                self.postgres.stop()

    # -- the operator

    def conninfo(self):
        """FINQ_DB."""
        return self.postgres.conninfo(OWNER, self.database)

    def psql(self, sql, user="postgres"):
        return self.postgres.psql(sql, user=user, database=self.database)

    def finqctl(self, *arguments, check=True):
        """Runs finqctl. Returns what it printed, read as JSON; the finished process itself where `check` is off."""
        done = run(FINQCTL, *arguments, check=check, cwd=ROOT, env=clean_environ(FINQ_DB=self.conninfo(), FINQ_DATA_KEY_FILE=str(self.data_key_file)))
        if not check:
            return done
        return json.loads(done.stdout) if done.stdout.strip() else None

    def entered(self, session_id):
        """{step's name: its data, as text} of a session, as the operator is shown it."""
        return {step["name"]: json.dumps(step["data"], separators=(",", ":"), ensure_ascii=False)
                for step in self.finqctl("session", "show", session_id, "--data")["steps"]}

    def user_mac(self, tenant, tenant_user_id):
        """How the database knows a person, as SQL."""
        return persons.user_mac(self.data_key_file, tenant.client_id, tenant_user_id)

    def publish_skills(self):
        for file in sorted(SKILLS.glob("*.json")):
            self.finqctl("skill", "publish", file)

    def publish(self, definitions):
        """All at once, and unchecked: what finqctl does with one at a time takes a tenth of a private installation's start."""
        self.psql("".join(f"SELECT finq.skill_publish($definition${json.dumps(one, ensure_ascii=False, separators=(',', ':'))}$definition$);"
                          for one in definitions), user=OWNER)

    def create_tenant(self, name, skills=DEMO_SKILLS):
        """Of this name, behind which stands a number where another file's tests had it too."""
        self._names[name] += 1
        name = name if self._names[name] == 1 else f"{name} {self._names[name]}"
        shown = self.finqctl("tenant", "create", "--name", name)
        self.psql("".join(f"SELECT finq.tenant_allow('{shown['client_id']}', '{skill}', NULL, NULL);" for skill in skills), user=OWNER)
        return Tenant(**{field.name: shown[field.name] for field in dataclasses.fields(Tenant)})

    def add_key(self, tenant, issuer, material, *options):
        """Registers what a key file holds (its text). Returns the kids."""
        file = self.directory / f"key-{secrets.token_hex(6)}"
        file.write_text(material)
        shown = self.finqctl("key", "add", tenant.client_id, "--issuer", issuer, file, *options)
        return [key["kid"] for key in shown["keys"]]

    def signing_key(self, tenant):
        """The file of a private key that the tenant signs with as SIGNING_ISSUER, made and registered the first time."""
        file = self.directory / f"signing-{tenant.client_id}.pem"
        if not file.exists():
            file.touch(mode=0o600)
            run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", file)
            self.add_key(tenant, SIGNING_ISSUER, run("openssl", "pkey", "-in", file, "-pubout").stdout)
        return file

    def client(self, tenant, **options):
        """A client of this server with a tenant's keys."""
        return Client(self.httpd.url, tenant, self.httpd.authority.certificate, **options)
