"""A private PostgreSQL."""
import os
import pathlib
import pwd
import secrets
import signal

from .places import BUILD, Lock, new_directory, reachable
from .process import Failure, alive, children, clean_environ, free_port, kill_tree, read_pid, run, send, until

OS_USER = "postgres"
# sockaddr_un holds 107 characters; PostgreSQL appends /socket/.s.PGSQL.NNNNN.lock.
LONGEST = 107 - len("/socket/.s.PGSQL.12345.lock")
OWNER, SERVER, SERVER_GROUP = "finq_owner", "finq_web", "finq_server"


def programs():
    """The directory of PostgreSQL's programs: the newest installed."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise Failure("PostgreSQL is not installed: 'make deps' installs it")
    return found[-1].parent


class Postgres:
    """One cluster. The superuser comes in by the socket, which only root and PostgreSQL itself can reach; everybody
    else by 127.0.0.1 with a password. fsync and everything else that makes a commit durable stay on."""

    in_memory = False  # whether new clusters lie there

    def __init__(self, directory, port=None, passwords=None, **settings):
        self.home = reachable(pathlib.Path(directory), OS_USER, LONGEST, self.in_memory)
        self.port = port or free_port()
        self.passwords = passwords or {role: secrets.token_hex(16) for role in (OWNER, SERVER)}
        self.settings = {"max_connections": 100, **settings}
        self.data, self.socket, self.log = self.home / "data", self.home / "socket", self.home / "log"

    # -- running it

    def _run(self, program, *arguments, **options):
        return run(programs() / program, *arguments, user=OS_USER, group=pwd.getpwnam(OS_USER).pw_gid,
                   extra_groups=[], cwd=self.home, **options)

    def _initdb(self):
        self._run("initdb", "-D", self.data, "--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust",
                  "--auth-host=scram-sha-256", "--no-sync")

    def _kept(self, name=""):
        version = run(programs() / "postgres", "--version").stdout.split()[2]
        return BUILD / f"cluster-{version}{name}"

    def _keep(self, made):
        """Keeps a copy of the stopped cluster, unless one is there; those that were migrated to something else go."""
        lock = Lock(BUILD / "cluster.lock")
        lock.take(wait=True)
        try:
            if not made.exists():
                if made != self._kept():
                    run("rm", "-rf", *BUILD.glob(f"{self._kept().name}-*"))
                draft = new_directory(BUILD, "cluster-new-")
                run("cp", "-a", self.data, draft / "data")
                (draft / "data").rename(made)
                draft.rmdir()
        finally:
            lock.release()

    def _copy_or_initdb(self):
        """Copies what initdb made the first time, which takes a tenth of initdb's time."""
        made = self._kept()
        if made.exists():
            run("cp", "-a", made, self.data)
            return
        self._initdb()
        self._keep(made)

    def start_migrated(self, seed, migrate):
        """Starts a new cluster whose database `finq` is migrated: a copy of the first that `migrate()` was called for. `seed`
        names what it migrates to."""
        made = self._kept(f"-{seed}")
        if not made.exists():
            self.start()
            migrate()
            self.stop()
            self._keep(made)
            return self.start()
        run("cp", "-a", made, self.data)
        self._make_socket()
        self._configure()
        self._launch_somewhere()
        self.psql("".join(f"ALTER ROLE {role} PASSWORD '{password}';" for role, password in self.passwords.items()), database="postgres")
        return self

    def _create(self):
        self._copy_or_initdb()
        self._make_socket()

    def _make_socket(self):
        self.socket.mkdir(exist_ok=True)
        owner = pwd.getpwnam(OS_USER)
        os.chown(self.socket, owner.pw_uid, owner.pw_gid)
        self.socket.chmod(0o700)

    def _configure(self):
        lines = {"port": self.port, "listen_addresses": "'127.0.0.1'", "unix_socket_directories": f"'{self.socket}'",
                 "dynamic_shared_memory_type": "mmap",  # below /dev/shm a killed server's would stay
                 "log_line_prefix": "'%m [%p] %u@%d '", **self.settings}
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.data / "conf.d").mkdir(exist_ok=True)
        (self.data / "conf.d/finq.conf").write_text(text)
        (self.data / "conf.d/finq.conf").chmod(0o644)
        (self.data / "conf.d").chmod(0o755)
        main = self.data / "postgresql.conf"
        if "include_dir = 'conf.d'" not in main.read_text():
            with main.open("a") as file:
                file.write("include_dir = 'conf.d'\n")

    def start(self):
        """Starts it, making the cluster, roles and database `finq` the first time, and waits until it serves."""
        fresh = not (self.data / "PG_VERSION").exists()
        if fresh:
            self._create()
        self._configure()
        if not self.pid():
            self._remove_stale_locks()
        self._launch_somewhere() if fresh else self._launch()
        if fresh:
            self._create_roles()
        return self

    def standby(self, directory):
        """A started server that follows this one by streaming, and may be promoted."""
        made = Postgres(directory, passwords=self.passwords, **self.settings)
        self._run("pg_basebackup", "-h", self.socket, "-p", self.port, "-U", OS_USER, "-D", made.data, "-R", "-c", "fast")
        made._make_socket()
        return made.start()

    def _launch_somewhere(self, tries=5):
        """A port that was free may be taken a moment later, by another run beside this one."""
        while True:
            try:
                return self._launch()
            except Failure as failure:
                tries -= 1
                if tries == 0 or "Address already in use" not in str(failure):
                    raise
            self.port = free_port()
            self._configure()

    def _remove_stale_locks(self):
        """PostgreSQL takes a zombie, or a stranger with the dead server's number, for the server itself."""
        for lock in (self.data / "postmaster.pid", *self.socket.iterdir()):
            lock.unlink(missing_ok=True)

    def _launch(self):
        try:
            self._run("pg_ctl", "start", "-w", "-s", "-t", "60", "-D", self.data, "-l", self.log)
        except Failure as failure:
            raise Failure(f"{failure}\n" + "\n".join(self.log.read_text().splitlines()[-15:])) from None

    def _create_roles(self):
        self.psql(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{self.passwords[OWNER]}'", database="postgres")
        self.create_database("finq")

    def create_database(self, name, template="template1"):
        """One more database of the operator's."""
        self.psql(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}", database="postgres")
        return name

    def create_server_role(self):
        """The module's login: what an operator does after `finqctl db migrate` has made the group."""
        if not self.psql(f"SELECT 1 FROM pg_roles WHERE rolname = '{SERVER}'"):
            self.psql(f"CREATE ROLE {SERVER} LOGIN PASSWORD '{self.passwords[SERVER]}' IN ROLE {SERVER_GROUP}",
                      user=OWNER)

    def pid(self):
        """The postmaster's pid, or None."""
        return read_pid(self.data / "postmaster.pid", self.home)

    def stop(self, mode="fast"):
        """Modes as pg_ctl's: smart, fast, immediate. A stopped server is no error."""
        if self.pid():
            self.resume()
            self._run("pg_ctl", "stop", "-w", "-s", "-t", "60", "-D", self.data, "-m", mode)

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    # -- faults

    def kill9(self):
        """What a power cut leaves of the processes."""
        pid = self.pid()
        if pid:
            kill_tree(pid)

    def pause(self):
        """The postmaster and every backend stop answering; their sockets stay open."""
        for pid in (self.pid(), *children(self.pid())):
            send(pid, signal.SIGSTOP)

    def resume(self):
        pid = self.pid()
        for member in (pid, *children(pid)) if pid else ():
            send(member, signal.SIGCONT)

    def pause_backend(self, pid):
        send(pid, signal.SIGSTOP)

    def resume_backend(self, pid):
        send(pid, signal.SIGCONT)

    def backends(self, user=SERVER, database="finq"):
        """Pids of the sessions of a role."""
        rows = self.psql(f"SELECT pid FROM pg_stat_activity WHERE usename = '{user}' AND datname = '{database}'")
        return [int(row) for row in rows.split()]

    def wait_idle(self, user=SERVER):
        """Waits until no session of a role is inside a transaction."""
        busy = f"SELECT 1 FROM pg_stat_activity WHERE usename = '{user}' AND state <> 'idle' LIMIT 1"
        until(lambda: not self.psql(busy), what=f"idle sessions of {user}")

    # -- asking it

    def conninfo(self, user=OWNER, database="finq"):
        """How to connect over TCP. Holds no character that needs quoting, in libpq, httpd.conf or sh within quotes."""
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user} password={self.passwords[user]}"

    def conninfo_with(self, standby, user=SERVER, database="finq"):
        """How to connect to whichever of the two can be written to."""
        return (self.conninfo(user, database).replace("host=127.0.0.1", "host=127.0.0.1,127.0.0.1")
                .replace(f"port={self.port}", f"port={self.port},{standby.port}") + " target_session_attrs=read-write")

    def psql(self, sql, user="postgres", database="finq"):
        """Runs SQL by the socket and returns unaligned rows, | between columns, without the last line end."""
        return run(programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-p", self.port,
                   "-U", user, "-d", database, "-f", "-", text=sql, cwd="/").stdout.rstrip("\n")

    def ready(self):
        """Whether it accepts connections."""
        return self.pid() is not None and run(programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", self.port,
                                              check=False).returncode == 0

    def saved(self):
        """What another process needs to take over: Postgres(directory, **saved)."""
        return {"port": self.port, "passwords": self.passwords, **self.settings}
