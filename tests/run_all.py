#!/usr/bin/python3
"""make test: runs the unit programs given, then pytest with the words after --, and ends with the counts of both."""
import re
import subprocess
import sys
import xml.etree.ElementTree

from finqenv.places import BUILD, ROOT
from finqenv.process import main

PASSED = re.compile(r"^\[ +OK +\] \S", re.MULTILINE)
FAILED = re.compile(r"^\[ +(?:FAILED|ERROR) +\] (?!\d+ )(?:setup |teardown )?(\S+)$", re.MULTILINE)


def run_unit(program):
    """(passed, failed) of one cmocka program. One that dies, or runs nothing, has failed once more."""
    print(f"== {program}", flush=True)
    done = subprocess.run([ROOT / program], cwd=ROOT, text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    passed, failed = len(PASSED.findall(done.stdout)), len(set(FAILED.findall(done.stdout)))
    died = done.returncode != 0 and not failed
    if failed or died or not passed:
        print(done.stdout, f"exit {done.returncode}", flush=True)
    return passed, failed or int(died or not passed)


def wait_for(child):
    """Its exit status. Where the run is interrupted, the child is told, and given the time to stop its servers."""
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise


def run_integration(arguments):
    """(passed, failed) of pytest; a run that could not even count has failed once."""
    report = BUILD / "pytest.xml"
    report.unlink(missing_ok=True)
    code = wait_for(subprocess.Popen([sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments],
                                     cwd=ROOT))
    if not report.exists():
        return 0, 1
    suites = list(xml.etree.ElementTree.parse(report).getroot().iter("testsuite"))
    tests, failed, skipped = (sum(int(suite.get(name)) for suite in suites) for name in
                              ("tests", "failures", "skipped"))
    errors = sum(int(suite.get("errors")) for suite in suites)
    return max(tests - failed - errors - skipped, 0), failed + errors or int(code != 0)


def run_all():
    end = sys.argv.index("--")
    results = [run_unit(program) for program in sys.argv[1:end]]
    results.append(run_integration(sys.argv[end + 1:]))
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main(run_all, "make test")
