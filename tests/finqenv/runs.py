"""Directories of test runs: several may go on at once; what a killed one left is cleared by the next."""
from .places import BUILD, Lock, discard, new_directory
from .process import end_servers_in

PARENT = BUILD / "test"


def _locked(directory):
    lock = Lock(directory / "lock")
    return lock if lock.take() else None


def _sweep(directory):
    lock = _locked(directory)
    if lock:
        end_servers_in(directory)
        discard(directory)
        lock.release()


class Run:
    """A context manager around a test run: `directory` is its own, and `keep` spares it afterwards."""

    keep = False

    def __enter__(self):
        PARENT.mkdir(parents=True, exist_ok=True)
        starting = Lock(BUILD / "test.lock")
        starting.take(wait=True)
        for old in PARENT.iterdir():
            _sweep(old)
        self._begin(PARENT)
        starting.release()
        return self

    def _begin(self, parent):
        self.directory = new_directory(parent)
        self._lock = _locked(self.directory)

    def __exit__(self, *_):
        left = end_servers_in(self.directory)
        if not left and not self.keep:
            discard(self.directory)
        self._lock.release()
        if left:
            raise AssertionError(f"still running after the tests, now killed: processes {left}")


class Share(Run):
    """One worker's share of a run that several make: a directory within the run's, `whole`."""

    def __init__(self, whole):
        self._whole = whole

    def __enter__(self):
        self._begin(self._whole)
        return self


def wait_for_shares(whole):
    """Waits until every worker has ended its servers, or died."""
    for lock in whole.glob("*/lock"):
        Lock(lock).take(wait=True)
