"""Makes the environment of tests/finqenv, its fixtures among it, known to every test here."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from finqenv.fixtures import *  # noqa: E402, F401, F403
