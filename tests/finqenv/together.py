"""Calls behind one connection that is taken: what goes together is known."""
import functools
import threading

from . import documents, process
from .client import Client, Onboarding
from .httpd_conf import STATUS
from .locks import WAITING
from .uploads import SKILL, Desk

CROWD = 3         # so many make a crowd here
PNG = documents.png()


def one_connection(make_server):
    """A desk of one child with one connection."""
    return Desk(make_server(children=1, threads=48, plain=True, dbd=(0, 1, 1), modules=("status",), vhost=STATUS,
                            directives={"FinqDatabaseTimeout": "8", "FinqCacheTTL": "300"}))


def new_client(desk):
    return Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", desk.tenant)


def users(desk, count):
    """Each with a connection of their own, and the first step done."""
    made = [Onboarding(new_client(desk), SKILL) for _ in range(count)]
    for user in made:
        assert user.start().status == 200 and user.submit("papers", {}).status == 200
    return made


def done(user, what="1"):
    return f"SELECT {what} FROM finq.step WHERE session_id = '{user.session_id}' AND ordinal = 2"


class Behind:
    """Calls in threads, made one after another while the only connection is taken."""

    def __init__(self, desk):
        self.desk, self.threads, self.answers = desk, [], {}

    def call(self, name, call):
        self.start(name, call)
        self.wait()

    def start(self, name, call):
        thread = threading.Thread(target=lambda: self.answers.update({name: call()}), daemon=True)
        self.threads.append(thread)
        thread.start()

    def wait(self):
        until_waiting(self.desk, len(self.threads), "the call")

    def first(self, user):
        """It has the connection, and waits for its session's lock."""
        self.call("first", lambda: user.submit("last", {}))
        process.until(lambda: self.desk.installation.psql(WAITING), what="the lock waited for")

    def last_steps(self, several):
        for place, user in enumerate(several):
            self.call(place, lambda user=user: user.submit("last", {}))

    def crowd(self, several):
        """Last steps that come in whatever order: the first of all waits for its lock no longer than many take one by one."""
        for user in several:
            self.start(user.session_id, lambda user=user: user.submit("last", {}))
        self.wait()

    def join(self):
        for thread in self.threads:
            thread.join()
        return self.answers


def until_waiting(desk, count, what):
    """Until so many requests are being worked on, and have come to where they wait."""
    children = process.children(desk.installation.httpd.pid())
    process.until(lambda: busy(desk) == count and all(map(process.is_asleep, children)), what=f"{what} to wait")


@functools.cache
def watcher(desk):
    """One connection for all questions: of one that was asked on another connection the worker may still count when the next is asked."""
    return new_client(desk)


def busy(desk):
    """Requests that have been read and are being worked on, the question apart."""
    page = watcher(desk).request("GET", "/server-status?auto").body.decode()
    return dict(line.split(": ", 1) for line in page.splitlines() if ": " in line)["Scoreboard"].count("W") - 1


def writers(desk, several):
    """Of each user's second step: the transaction that wrote it, and whether it is there once."""
    rows = [desk.installation.psql(done(user, "xmin")) for user in several]
    assert all(row.isdigit() for row in rows), rows
    return rows


def statuses(answers):
    return [answers[name].status for name in sorted(answers, key=str)]


def exchanged(desk, several):
    """Those that have come to their exchange."""
    for user in several:
        assert user.submit("last", {}).status == 200 and user.upload("late", PNG).status == 200
    return several


def exchangers(desk, several):
    """Of each: the transaction that wrote its consent."""
    return [desk.installation.psql(f"SELECT xmin FROM finq.credential WHERE session_id = '{user.session_id}'") for user in several]


def twin_of(desk, user):
    """The same user on another connection."""
    twin = Onboarding(new_client(desk), SKILL)
    twin.session_id, twin.nonce = user.session_id, user.nonce
    return twin
