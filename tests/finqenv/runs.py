"""Directories of runs: several may go on at once; what a killed one left is cleared by the next of its kind, and by `make down`."""
import os
import shutil

from .places import BUILD, Lock, discard, new_directory
from .process import end_servers_in

KINDS = ("test", "demo", "bench-run")


def _locked(directory):
    lock = Lock(directory / "lock")
    return lock if lock.take() else None


def _sweep(directory):
    """Whether it was a dead run's."""
    lock = _locked(directory)
    if lock:
        end_servers_in(directory)
        discard(directory)
        lock.release()
    return lock is not None


def sweep(kinds=KINDS):
    """Clears what killed runs left. Returns whether there was anything."""
    return any([_sweep(old) for kind in kinds if (BUILD / kind).exists() for old in (BUILD / kind).iterdir()])


def thin(directory):
    """Leaves what is read, configurations and logs: a cluster has 50 MB, and a run dozens of them."""
    for parent, folders, files in os.walk(directory, followlinks=True):
        if "PG_VERSION" in files:
            shutil.rmtree(parent, ignore_errors=True)
            folders.clear()


class Run:
    """A context manager around a run of a kind: `directory` is its own, and `keep` spares what is read of it afterwards."""

    keep = False

    def __init__(self, kind="test"):
        self._kind = kind

    def __enter__(self):
        starting = Lock(BUILD / f"{self._kind}.lock")
        starting.take(wait=True)
        sweep([self._kind])
        self._begin(BUILD / self._kind)
        starting.release()
        return self

    def _begin(self, parent):
        self.directory = new_directory(parent)
        self._lock = _locked(self.directory)

    def __exit__(self, failure=None, *_):
        left = end_servers_in(self.directory)
        if left or self.keep:
            thin(self.directory)
        else:
            discard(self.directory)
        self._lock.release()
        if left and not failure:
            raise AssertionError(f"still running at the end, now killed: processes {left}")


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
