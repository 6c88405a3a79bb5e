"""httpd's error log, and the rule that a test announces the trouble that it causes."""
import re

from .process import Failure, until

# [time] [module:level] [pid N:tid N] message
LINE = re.compile(r"^\[[^]]+\] \[(?P<module>[^:\]]*):(?P<level>[a-z0-9]+)\] \[pid ")
TROUBLE = {"warn", "error", "crit", "alert", "emerg"}
# Whatever the level: a child that died, and what the C library, assert() and the sanitizers print without one.
DEATH = re.compile(r"exit signal|Segmentation fault|core dump|[Aa]ssertion .*failed|stack smashing|double free|"
                   r"malloc\(\)|free\(\)|corrupted|terminate called|AddressSanitizer|LeakSanitizer|"
                   r"UndefinedBehaviorSanitizer|runtime error:")
# The machine's matter, not the module's: httpd built against a newer OpenSSL than is installed; and a line end alone.
HARMLESS = re.compile(r"AH01882: Init: this version of mod_ssl was compiled against a newer library|^$")


def is_trouble(line):
    """Whether a line must have been announced."""
    if DEATH.search(line):
        return True
    form = LINE.match(line)
    return (not form or form["level"] in TROUBLE) and not HARMLESS.search(line)


class ErrorLog:
    """Reads forward only. `expect` announces lines that must come, `allow` lines that may."""

    patience = 30  # seconds, for a line that must come; what it tells of may have been answered before

    def __init__(self, path):
        self.path = path
        self._offset = 0
        self._expected, self._allowed, self._tolerated = [], [], []

    def expect(self, pattern):
        """Announces: at least one line matches before the test ends, and any number may."""
        self._expected.append(re.compile(pattern))

    def allow(self, pattern):
        """Announces: lines that match are no trouble in this test, whether they come or not."""
        self._allowed.append(re.compile(pattern))

    def tolerate(self, pattern):
        """Announces for every test, and for the server's end: of lines that others write, after an answer has been sent."""
        self._tolerated.append(re.compile(pattern))

    def _news(self):
        """The whole lines since the last check, as bytes: of one that is being written, a part may be seen."""
        if not self.path.exists():
            return b""
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            return b"".join(line for line in file if line.endswith(b"\n"))

    def lines(self):
        """The lines since the last check."""
        return self._news().decode(errors="replace").splitlines()

    def wait_for(self, pattern, seconds=30):
        """Waits for a line of this test and returns its match."""
        wanted = re.compile(pattern)
        return until(lambda: next(filter(None, map(wanted.search, self.lines())), None), seconds,
                     f"a line of the error log with {pattern}")

    def _unseen(self):
        lines = self.lines()
        return [e.pattern for e in self._expected if not any(map(e.search, lines))]

    def _wait_for_expected(self):
        try:
            until(lambda: not self._unseen(), self.patience)
        except Failure:
            pass  # the check says which

    def check(self):
        """Ends a test: returns the complaints, and forgets its lines and announcements."""
        self._wait_for_expected()
        announced = self._expected + self._allowed + self._tolerated
        complaints = [f"announced, but not in the error log: {pattern}" for pattern in self._unseen()]
        news = self._news()
        complaints += [f"in the error log, but not announced: {line}" for line in news.decode(errors="replace").splitlines()
                       if is_trouble(line) and not any(a.search(line) for a in announced)]
        self._expected, self._allowed = [], []
        self._offset += len(news)  # what came meanwhile is the next check's
        return complaints
