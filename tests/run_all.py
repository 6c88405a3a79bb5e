#!/usr/bin/python3
"""make test: runs the unit programs, then pytest with the words after --, in so many workers, and ends with the counts of
both: run_all.py WORKERS [PROGRAM...] -- [WORD...]. A whole run, which no words narrow, fails as well where conf/openapi.yaml
documents a member of answers that no test brought about. Where FINQ_AGAIN is a number, up to so many tests that failed run
once more, each alone; those that pass then are named in the last lines: they are faults, of the test or of what it tests."""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from finqenv.contract import FILE, unseen
from finqenv.places import BUILD, ROOT
from finqenv.process import main

PASSED = re.compile(r"^\[ +OK +\] \S", re.MULTILINE)
FAILED = re.compile(r"^\[ +(?:FAILED|ERROR) +\] (?!\d+ )(?:setup |teardown )?(\S+)$", re.MULTILINE)

NO_TESTS = 5  # pytest's exit status


def run_unit(program):
    """(passed, failed) of one cmocka program. One that dies, or runs nothing, has failed once more."""
    done = subprocess.run([ROOT / program], cwd=ROOT, text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    passed, failed = len(PASSED.findall(done.stdout)), len(set(FAILED.findall(done.stdout)))
    died = done.returncode != 0 and not failed
    words = f"{done.stdout} exit {done.returncode}\n" if failed or died or not passed else ""
    print(f"== {program}\n{words}", end="", flush=True)
    return passed, failed or int(died or not passed)


def run_units(programs, workers):
    """The counts of each. An interruption waits for the programs under way alone."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        results = [pool.submit(run_unit, program) for program in programs]
        try:
            return [result.result() for result in results]
        finally:
            pool.shutdown(cancel_futures=True)


def wait_for(child):
    """Its exit status. Where the run is interrupted, the child is told, and given the time to stop its servers."""
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise


def run_pytest(report, arguments):
    """(passed, failed) of pytest; a run that could not even count has failed once, one without tests has not."""
    report.unlink(missing_ok=True)
    code = wait_for(subprocess.Popen([sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments], cwd=ROOT))
    if not report.exists():
        return 0, 1
    suites = list(xml.etree.ElementTree.parse(report).getroot().iter("testsuite"))
    tests, failed, skipped, errors = (sum(int(suite.get(name)) for suite in suites) for name in
                                      ("tests", "failures", "skipped", "errors"))
    return max(tests - failed - errors - skipped, 0), failed + errors or int(code not in (0, NO_TESTS))


def run_integration(workers, arguments):
    """One by one what must be alone on the machine; then what may run beside another in workers, whole files each. The first
    leaves every file as pytest rewrites it, compiled: half of what reading them costs each worker."""
    if workers == 1:
        return [run_pytest(BUILD / "pytest.xml", arguments)]
    return [run_pytest(BUILD / "pytest-alone.xml", ["--alone=only", *arguments]),
            run_pytest(BUILD / "pytest.xml", ["-n", str(workers), "--dist", "loadfile", "--alone=never", *arguments])]


def failed_in(report):
    """The names, as pytest takes them, of the tests that failed."""
    cases = xml.etree.ElementTree.parse(report).getroot().iter("testcase") if report.exists() else []
    return {f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}" for case in cases
            if case.find("failure") is not None or case.find("error") is not None}


def pass_again(failed, integration):
    """The names of the tests that failed, if there are few and each passes when it runs alone; else none."""
    names = sorted(failed_in(BUILD / "pytest.xml") | failed_in(BUILD / "pytest-alone.xml"))
    few = failed == sum(count for _, count in integration) and len(names) <= int(os.environ.get("FINQ_AGAIN") or 0)
    return names if few and all(run_pytest(BUILD / "pytest-again.xml", [name]) == (1, 0) for name in names) else []


def run_all():
    workers, end = int(sys.argv[1]), sys.argv.index("--")
    units, words = run_units(sys.argv[2:end], workers), sys.argv[end + 1:]
    with tempfile.TemporaryDirectory() as seen:
        os.environ["FINQ_SEEN"] = seen
        integration = run_integration(workers, words)
        passed, failed = (sum(column) for column in zip(*units, *integration))
        flaky = pass_again(failed, integration) if failed else []
        if flaky:
            passed, failed = passed + len(flaky), 0
        if not words and not failed and (never := unseen(seen)):
            print(f"{FILE.name} documents members of answers that no test brought about: {', '.join(never)}")
            failed = 1
    for name in flaky:
        print(f"FAILED ONCE, AND PASSED ALONE (a fault to be mended): {name}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main(run_all, "make test")
