"""Makes the environment of tests/finqenv, its fixtures among it, known to every test here."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

pytest_plugins = ["finqenv.fixtures", "pytester"]
