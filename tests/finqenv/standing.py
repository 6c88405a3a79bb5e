"""`make up`: the demonstration's servers, kept running for anyone to try."""
import json
import os
import shlex

from . import sandbox
from .beside import MODULES, Beside
from .flows import DEFINITIONS
from .installation import MODULE, SIGNING_ISSUER, Installation, Tenant
from .places import BUILD, Lock, discard
from .postgres import OWNER, programs
from .process import Failure, clean_environ, end_servers_in, port_is_free

DIRECTORY = BUILD / "run"
STATE, ENVIRONMENT, POSTMAN = DIRECTORY / "state.json", DIRECTORY / "finq.env", DIRECTORY / "finq.postman_environment.json"
DEFAULT_PORT = 8443
# Where the demo tenant's users may be sent back to: pages that a developer serves, an app, and what the walks name.
RETURN_LINKS = ("http://localhost:3000", "http://localhost:5173", "http://localhost:8080", "myapp://", "https://app.example.com")


def _installation(port, ports=None, **options):
    beside = Beside(DIRECTORY, ports)
    return Installation(DIRECTORY, port=port, modules=MODULES, vhost=sandbox.BANK + beside.vhost(),
                        directives={"FinqAllowOrigin": "*", "FinqJanitorInterval": "10"}, **options), beside


def _load():
    """(installation, what stands beside it, tenant) of the last `up`, or None."""
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return None
    return *_installation(state["port"], state["ports"], postgres=state["postgres"]), Tenant(**state["tenant"])


def _write(path, text):
    """Replaces a file at once, and only where it changes."""
    if path.exists() and path.read_text() == text:
        return
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _save(installation, beside, tenant):
    _write(ENVIRONMENT, "".join(f"export {name}={shlex.quote(str(value))}\n" for name, value in {
        "FINQ_URL": installation.httpd.url,
        "FINQ_CA": installation.httpd.authority.certificate,
        "FINQ_DB": installation.conninfo(),
        "FINQ_CLIENT_ID": tenant.client_id,
        "FINQ_CLIENT_SECRET": tenant.client_secret,
        "FINQ_CLIENT_APP_KEY": tenant.client_app_key,
        "FINQ_SIGNING_KEY": installation.signing_key(tenant),
        "FINQ_SIGNING_ISSUER": SIGNING_ISSUER,
        "FINQ_RETURN_LINK": RETURN_LINKS[0],
        "FINQ_SECRET_FILE": installation.secret_file,
        "FINQ_DATA_KEY_FILE": installation.data_key_file,
        "FINQ_RECEIPT_KEY": installation.receipt_key_file,
        "FINQ_UPLOAD_DIR": installation.httpd.writable("uploads"),
        "FINQ_EVENTS_URL": beside.events_url(),
        "FINQ_EVENTS_SECRET": beside.events_secret.read_text(),
        "FINQ_EVENTS": beside.events,
    }.items()))
    _write(POSTMAN, json.dumps({"name": "mod_finq of make up", "values": [
        {"key": name, "value": value, "enabled": True} for name, value in {"base_url": f"{installation.httpd.url}/v1", **vars(tenant)}.items()]}))
    _write(STATE, json.dumps({"postgres": installation.postgres.saved(), "port": installation.httpd.settings.port,
                              "ports": beside.ports, "tenant": vars(tenant)}))


def _remove():
    """Ends whatever an earlier `up` left, a broken-off one included, and removes its files."""
    if DIRECTORY.exists():
        Installation(DIRECTORY).stop()
        end_servers_in(DIRECTORY)
        discard(DIRECTORY)


def _claim(port):
    if not port_is_free(port):
        raise Failure(f"port {port} is taken by another program; choose one: make up PORT=…")


def _create(port):
    """From nothing; leaves nothing running where it fails."""
    _remove()
    _claim(port)
    DIRECTORY.mkdir(parents=True)
    installation, beside = _installation(port)
    try:
        installation.start()
        installation.publish_skills()
        tenant = installation.create_tenant("Demo tenant", sorted(DEFINITIONS))
        for link in (*RETURN_LINKS, f"{installation.httpd.url}/done"):
            installation.finqctl("tenant", "redirect-allow", tenant.client_id, link)
        beside.hook(installation, tenant)
        beside.start(installation)
        _save(installation, beside, tenant)
    except BaseException:
        installation.stop()
        end_servers_in(DIRECTORY)
        raise


def _needs_restart(httpd, port):
    """Another port is wanted, or the module has been built anew."""
    return httpd.settings.port != port or MODULE.stat().st_mtime > httpd.pid_file.stat().st_mtime


def _resume(installation, beside, tenant, port):
    """Starts again what does not run, or runs with something older. Returns whether anything had to be done."""
    httpd, postgres = installation.httpd, installation.postgres
    if httpd.pid() and postgres.pid() and not _needs_restart(httpd, port):
        return beside.start(installation)
    if httpd.pid():
        httpd.stop()
    _claim(port)
    httpd.settings.port = port
    if not postgres.pid() and not port_is_free(postgres.port):
        raise Failure(f"PostgreSQL's port {postgres.port} is taken by another program; 'make down' and start again")
    installation.start()
    installation.publish_skills()
    beside.start(installation, anew=True)
    _save(installation, beside, tenant)
    return True


def _locked():
    lock = Lock(BUILD / "run.lock")
    lock.take(wait=True)
    return lock


def up(port=None):
    """Returns (url, whether anything had to be started)."""
    lock = _locked()
    try:
        before = _load()
        if before:
            changed = _resume(*before, port or before[0].httpd.settings.port)
        else:
            _create(port or DEFAULT_PORT)
            changed = True
        return _load()[0].httpd.url, changed
    finally:
        lock.release()


def down():
    """Stops the servers and removes their files. Returns whether anything was there."""
    lock = _locked()
    try:
        present = DIRECTORY.exists()
        _remove()
        return present
    finally:
        lock.release()


# -- looking inside: each becomes the program that it names

def _running():
    before = _load()
    if not before or not before[0].postgres.pid():
        raise Failure("nothing is up; 'make up' starts it")
    return before[0]


def psql(role=OWNER, *arguments):
    """Any role comes in by the socket, which only root and PostgreSQL reach."""
    installation = _running()
    postgres = installation.postgres
    os.execve(programs() / "psql", ["psql", "-h", postgres.socket, "-p", str(postgres.port), "-U", role, "-d",
                                    installation.database, *arguments], clean_environ())


def log():
    """httpd's and PostgreSQL's together, from their last lines on."""
    installation = _running()
    os.execvp("tail", ["tail", "-n", "20", "-F", installation.httpd.directory / "error.log", installation.postgres.log])
