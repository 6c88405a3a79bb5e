"""make demo: it shows two whole onboardings and the life of a consent, and leaves nothing behind, however it ends.

Seen red: see each test.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

from finqenv import runs
from finqenv.places import ROOT
from finqenv.process import clean_environ, run


@pytest.fixture
def demo():
    """The demo and `output`, a socket that takes a few lines ahead: who reads no further holds the demo back."""
    kept = {name: os.environ[name] for name in ("FINQ_BUILD", "FINQ_ASAN") if name in os.environ}
    ours, its = socket.socketpair()
    its.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    child = subprocess.Popen([sys.executable, ROOT / "tests/demo.py"], stdout=its, stderr=subprocess.STDOUT,
                             env=clean_environ(PYTHONUNBUFFERED="1", **kept))
    its.close()
    with ours:
        ours.settimeout(120)
        child.output = ours
        yield child
        if child.poll() is None:
            child.terminate()
    child.wait(60)


def rest(output):
    with output.makefile("rb") as file:
        return file.read().decode()


def nothing_is_left(output):
    directory = re.search(r"files in (.+)", output)[1]
    return not pathlib.Path(directory).exists() and not run("pgrep", "-f", directory, check=False).stdout


def test_all_users_are_onboarded(demo):
    """Red where an answer is not the one demanded."""
    output = rest(demo.output)
    assert demo.wait(120) == 0, output
    titles = [int(number) for number in re.findall(r"^(\d+)\. ", output, re.M)]
    assert titles == list(range(1, 46))
    assert "the line was cut after" in output and re.search(r"^< x-finq-upload-id: \S+$", output, re.M)
    assert len(re.findall(r'"balance": "1250.00"', output)) == 2 and '"code": "inactive_credentials"' in output
    assert [output.index(f'"phase": "{phase}"') for phase in ("accepted", "settled", "rejected")] == sorted(
        output.index(f'"phase": "{phase}"') for phase in ("accepted", "settled", "rejected"))
    assert re.search(r"^< location: https://app\.example\.com/done\?from=bank&temp_token=\S+$", output, re.M)
    assert nothing_is_left(output)


def until_it_says(demo, words):
    output = ""
    while words not in output:
        one = demo.output.recv(1).decode()
        assert one, f"it ended before {words.strip()}: {output[-2000:]}"
        output += one
    return output


@pytest.mark.parametrize("number", [signal.SIGINT, *(pytest.param(one, marks=pytest.mark.long) for one in (signal.SIGTERM, signal.SIGHUP))])
def test_it_may_be_ended_at_the_bank(demo, number):
    """Red where only the demo's good end stops what it started: the output would not end."""
    output = until_it_says(demo, "\n9. ")
    demo.send_signal(number)
    output += rest(demo.output)
    assert demo.wait(30) == 128 + number and nothing_is_left(output)


def test_what_a_killed_demo_leaves_is_found(demo):
    """By `make down`, and by the next demo. Red where nothing sweeps."""
    output = until_it_says(demo, "\n10. ")
    demo.kill()
    demo.wait(30)
    directory = re.search(r"files in (.+)", output)[1]
    assert run("pgrep", "-f", directory, check=False).stdout
    assert runs.sweep(["demo"])
    assert nothing_is_left(output)
