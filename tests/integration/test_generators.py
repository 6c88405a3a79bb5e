"""conf/openapi.yaml for those who generate clients: each generator's code compiles in a whole onboarding, and linters find no error.

What has passed is not done again until the document, a program or a tool is another one: `build/node/passed` remembers.

Seen red: `data` that holds nothing (without additionalProperties).
"""
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from finqenv.places import ROOT

NODE = ROOT / "build/node"
PROGRAMS = ROOT / "tests/typescript"
BIN = NODE / "node_modules/.bin"
COMPILED = ("build/node/node_modules/typescript", "build/node/node_modules/openapi-typescript", "build/node/node_modules/openapi-fetch",
            "build/node/node_modules/oazapfts", "build/node/node_modules/@hey-api/openapi-ts")
LINTERS = {"redocly": "build/node/node_modules/@redocly/cli", "spectral": "build/node/node_modules/@stoplight/spectral-cli"}


def need(*packages):
    """Skips where npm has not brought one of them."""
    if not all((ROOT / package).exists() for package in packages):
        pytest.skip("npm could not install them: see what tests/install.sh said")


@pytest.fixture
def workshop(contract):
    """A directory with the document and the programs, below which the packages are found."""
    made = NODE / "workshop"
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(PROGRAMS, made)
    (made / "openapi.json").write_text(json.dumps(contract.document))
    yield made
    shutil.rmtree(made)


def passed(workshop, *commands):
    """Runs the commands, unless they have passed with the same files."""
    text = "".join(file.read_text() for file in sorted(workshop.glob("*.*")) if file.is_file()) + repr(commands) + (ROOT / "tests/install.sh").read_text()
    stamp = NODE / "passed" / hashlib.sha256(text.encode()).hexdigest()
    if stamp.exists():
        return
    for command in commands:
        done = subprocess.run([BIN / command[0], *command[1:]], cwd=workshop, capture_output=True, text=True,
                              env={**os.environ, "HOME": str(workshop)})
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()


def test_what_generators_make_compiles(workshop):
    need(*COMPILED)
    (workshop / "oazapfts").mkdir()
    passed(workshop, ("openapi-typescript", "openapi.json", "-o", "types.ts"), ("oazapfts", "openapi.json", "oazapfts/client.ts"),
           ("openapi-ts", "-i", "openapi.json", "-o", "hey-api", "-c", "@hey-api/client-fetch", "--silent"), ("tsc", "-p", "."))


# Spectral takes longer than any other test and says what redocly says.
@pytest.mark.parametrize("linter", ["redocly", pytest.param("spectral", marks=pytest.mark.long)])
def test_linters_find_no_error(workshop, linter):
    need(LINTERS[linter])
    (workshop / "spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    passed(workshop, {"redocly": ("redocly", "lint", "openapi.json"),
                      "spectral": ("spectral", "lint", "openapi.json", "--ruleset", "spectral.yaml")}[linter])
