"""Makes the environment of tests/finqenv, its fixtures among it, known to every test. It stands where pytest finds it before
the tests: the process that hands them out to workers needs it too."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from finqenv.fixtures import *  # noqa: E402, F401, F403
