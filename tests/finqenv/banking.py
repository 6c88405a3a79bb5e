"""An installation with a connector behind it, a sandbox bank before it, and skills whose steps wait."""
import json
import secrets
import signal
import sys

from . import process, sandbox
from .client import Onboarding
from .places import ROOT
from .process import free_port

sys.path.insert(0, str(ROOT / "tests"))

from connector import protocol  # noqa: E402
from connector.behaviours import BEHAVIOURS  # noqa: E402
from connector.service import Service  # noqa: E402

ANYTHING = {"type": "object"}
DOCUMENT = {"document": "proof", "title": "A proof", "description": "Of your address", "required": True, "media_types": ["image/png"], "max_bytes": 65536}

def step(name, **more):
    return {"name": name, "title": name, "schema": ANYTHING, **more}


def definition(name, *steps):
    return {"name": name, "title": "A test", "type": "account_information", "environment": "sandbox",
            "servicer": {"name": "XYZ Bank", "country": "Romania"}, "steps": list(steps)}


SKILLS = {
    "review": definition("review_sbx_#1.0", step("form", review="offline", uploads=[DOCUMENT]), step("last")),
    "review_last": definition("review_last_sbx_#1.0", step("form", review="offline", uploads=[DOCUMENT])),
    "sca": definition("sca_sbx_#1.0", step("sca", connector="bank")),
    "down": definition("down_sbx_#1.0", step("sca", connector="down")),
    "sca_more": definition("sca_more_sbx_#1.0", step("sca", connector="bank"), step("last")),
    "plain": definition("plain_sbx_#1.0", step("form", uploads=[DOCUMENT]), step("last", uploads=[DOCUMENT])),
}


class Bank:
    """`server` is the Installation, `service` the connector, `client` a tenant's and `other` another tenant's client."""

    def __init__(self, make_server, directory, timeout=2, limit="", extra="", **options):
        directory.mkdir(parents=True, exist_ok=True)
        self.secret = sandbox.new_secret(directory / "bank.secret")
        self.service = Service("bank", self.secret, behaviours=BEHAVIOURS).start()
        host = "".join(sandbox.CONNECTOR.format(name=name, port=port, secret=self.secret, timeout=timeout, limit=limit)
                       for name, port in (("bank", self.service.port), ("down", free_port()))) + sandbox.PAGE + extra
        self.server = make_server(modules=sandbox.MODULES, vhost=host, plain=True, **options)
        self.service.page = f"{self.server.httpd.url}/sandbox"
        self.directory = directory
        self.server.publish(SKILLS.values())
        self.tenant = self.server.create_tenant("Waiting tenant", [one["name"] for one in SKILLS.values()])
        other = self.server.create_tenant("Other tenant", [one["name"] for one in SKILLS.values()])
        self.client, self.other = self.server.client(self.tenant), self.server.client(other)
        self.ctl("tenant", "redirect-allow", self.tenant.client_id, "https://app.example")
        self.ctl("tenant", "redirect-allow", self.tenant.client_id, "myapp://")
        self.ctl("tenant", "redirect-allow", self.tenant.client_id, "com.example.app:/done")

    def answer_rightly(self):
        """As before what a test had it do."""
        self.service.behaviour, self.service.is_deaf = None, False
        self.service.ledger.says = {"status": "ACSP"}

    def crash(self, who):
        """kill -9 of every child of httpd, or of `postgres`, which begins again."""
        self.server.httpd.log.allow("FINQ|dbd|Terminating|terminat|server closed|Connection refused|SIGKILL|proxy")
        if who == "postgres":
            self.server.postgres.kill9()
            self.server.postgres.start()
            return
        before = set(self.server.httpd.children())
        for child in before:
            process.send(child, signal.SIGKILL)
        process.until(lambda: set(self.server.httpd.children()) - before, what="the next child")

    def ctl(self, *words, **more):
        return self.server.finqctl(*words, **more)

    def publish(self, skill, check=True):
        file = self.directory / f"{skill['name'].replace('#', '')}.json"
        file.write_text(json.dumps(skill))
        return self.ctl("skill", "publish", file, check=check)

    def allow(self, skill):
        self.publish(skill)
        self.ctl("tenant", "allow", self.tenant.client_id, skill["name"])
        return skill["name"]

    def user(self, skill, **more):
        """A started session of one of SKILLS, or of a skill by its name."""
        user = Onboarding(self.client, SKILLS[skill]["name"] if skill in SKILLS else skill)
        answer = user.start(**more)
        assert answer.status == 200, answer.body
        return user

    def status(self, user, nonce=None, client=None, **more):
        client = client or user.client
        return client.call(f"/sessions/{user.session_id}/status",
                           {"client_id": client.tenant.client_id, "nonce": nonce or user.nonce or user.step_nonce, **more})

    def resume(self, user, client=None, **change):
        client = client or user.client
        return client.call(f"/sessions/{user.session_id}/resume",
                           {"client_id": client.tenant.client_id, "client_secret": client.tenant.client_secret, **change})

    def decide(self, step_id, decision, reasons=None, name="bank", keys=None, **forge):
        """A connector's signed decision."""
        body = {"step_id": step_id, "decision": decision, **({"reasons": reasons} if reasons else {})}
        return self.post_decision(json.dumps(body).encode(), name, keys, **forge)

    def post_decision(self, body, name="bank", keys=None, kind="decision", age=0):
        headers = protocol.sign(keys or self.service.secrets, kind, name, secrets_uuid(), body, age)
        return self.client.request("POST", "/v1/decisions", body, {"content-type": "application/json", **headers})

    def at_bank(self, skill="sca", link="https://app.example/done", **more):
        """(user, answer, state, kind) of one who has been sent to the bank."""
        user = self.user(skill, **more)
        answer = user.submit("sca", {"psu_redirect_link": link})
        assert answer.status == 200, answer.body
        return user, answer

    def choose(self, url, choice):
        return sandbox.choose(self.client, url, choice)

    def back(self, path):
        return sandbox.come_back(self.client, path)

    def psql(self, sql):
        return self.server.psql(sql)

    def age(self, user, columns, interval):
        """Sets times of a session back."""
        sets = ", ".join(f"{column} = {column} - interval '{interval}'" for column in columns)
        self.psql(f"UPDATE finq.session SET {sets} WHERE session_id = '{user.session_id}'")

    def stop(self):
        self.client.close()
        self.other.close()
        self.service.stop()


def secrets_uuid():
    raw = secrets.token_hex(16)
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"
