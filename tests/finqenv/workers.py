"""A run in several processes: pytest-xdist hands out whole files, and each worker starts servers of its own."""
import os
import pathlib
import signal

import pytest

from .process import children, send
from .runs import Run, Share, wait_for_shares

# The files that take longest, the longest first: handed out in this order, the workers end at about the same time.
LONGEST = (
    "test_database_faults", "test_signed", "test_outbox", "test_generators", "test_upload_faults", "test_config", "test_observe",
    "test_page_waiting", "test_demo", "test_long_poll", "test_configtest", "test_standing", "test_signed_attacks", "test_failover",
    "test_limits", "test_rotation", "test_restarts", "test_account_data", "test_uploads", "test_served", "test_env", "test_bulkheads",
    "test_bound_hosts", "test_sync", "test_hosts", "test_data_keys", "test_consent_list", "test_audit_chain", "test_together",
    "test_redirects", "test_guards", "test_consents")


def own_run(config):
    """The run that this process makes, alone or as a worker."""
    whole = getattr(config, "workerinput", {}).get("run")
    return Share(pathlib.Path(whole)) if whole else Run()


def in_order(items):
    """The tests, the longest files first; those of one file stay together and in their order."""
    def place(item):
        name = item.path.stem
        return LONGEST.index(name) if name in LONGEST else len(LONGEST)
    return sorted(items, key=place)


class Controller:
    """The plugin of the process that hands the tests out. The workers' directories lie in its own, so that nothing is left
    of a worker that was killed."""

    def __init__(self):
        self._run = Run()

    def pytest_sessionstart(self):
        self._run.__enter__()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        node.workerinput["run"] = str(self._run.directory)

    def pytest_keyboard_interrupt(self):
        """Workers are asked to end, and waited for: xdist gives them ten seconds, and their servers may need more."""
        for worker in children(os.getpid()):
            send(worker, signal.SIGTERM)
        wait_for_shares(self._run.directory)

    def pytest_sessionfinish(self, session):
        self._run.keep = session.testsfailed > 0

    def pytest_unconfigure(self):
        self._run.__exit__()
