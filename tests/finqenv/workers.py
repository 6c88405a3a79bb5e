"""A run in several processes: pytest-xdist hands out whole files, and each worker starts servers of its own."""
import os
import pathlib
import signal

import pytest

from .process import children, send
from .runs import Run, Share, wait_for_shares

# The files that take longest, the longest first: handed out in this order, the workers end at about the same time.
LONGEST = (
    "test_database_faults", "test_outbox", "test_signed", "test_long_poll", "test_upload_faults", "test_page_waiting",
    "test_config", "test_failover", "test_standing", "test_generators", "test_page_languages", "test_page_handoff",
    "test_configtest", "test_concurrency", "test_signed_attacks", "test_limits", "test_rotation", "test_restarts",
    "test_audit_chain", "test_account_data", "test_observe", "test_env", "test_page_uploads", "test_page_checks",
    "test_uploads", "test_connector", "test_together", "test_data_keys", "test_packages", "test_sandbox", "test_redirects",
    "test_docs", "test_bulkheads", "test_demo", "test_sync", "test_sandbox_payments", "test_upgrades", "test_http2",
    "test_users", "test_served", "test_formats", "test_schema", "test_catalogs", "test_hosts", "test_weeks", "test_refresher",
    "test_consent_calls", "test_message_signatures", "test_step_claims", "test_resumable", "test_janitor", "test_command_line")


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
