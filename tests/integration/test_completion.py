"""What bash and zsh complete, in shells that run. Red where ctl_completion leaves verbs_case out; where is_first is always true."""
import re

import pytest

from finqenv.installation import FINQCTL
from finqenv.process import run
from finqenv.terminal import completed

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ". <(finqctl completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; . <(finqctl completion zsh)"),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("typed, expected", [
    ("finqctl ten", "finqctl tenant "), ("finqctl tenant redirect-d", "finqctl tenant redirect-disallow "),
    ("finqctl tenant create --ser", "finqctl tenant create --servicer "), ("finqctl audit --si", "finqctl audit --since "),
    ("finqctl help skill pub", "finqctl help skill publish "), ("finqctl skill publish READM", "finqctl skill publish README.md ")])
def test_a_tab_completes(shell, typed, expected):
    done, shown = completed(*SHELLS[shell], typed, expected)
    assert done, shown


@pytest.mark.parametrize("shell", SHELLS)
def test_the_verbs_are_those_of_help(shell):
    """Each noun once, each verb's options."""
    script, help_text = run(FINQCTL, "completion", shell).stdout, run(FINQCTL, "--help").stdout
    nouns = re.search(r"'1 '\*\) (?:words='|compadd --)(.*?) help --version", script)[1].split()
    usages = [re.match(r"  finqctl ([a-z-]+)(?: ([a-z][a-z-]*))?(.*)", line).groups() for line in help_text.splitlines()
              if line.startswith("  finqctl ")]
    assert nouns == list(dict.fromkeys(noun for noun, _, _ in usages)) and len(nouns) > 10
    for noun, verb, rest in usages:
        offered = re.search(rf"\*' {noun} {verb}'\) (.*) ;;" if verb else rf"\*' {noun} '\*\) (.*) ;;", script)[1]
        assert set(re.findall(r"--[a-z-]+", rest)) | {"--db", "--json", "--help"} == set(re.findall(r"--[a-z][a-z-]*", offered))


def test_a_shell_that_is_none():
    done = run(FINQCTL, "completion", "fish", check=False)
    assert done.returncode == 2 and done.stderr == 'finqctl: SHELL is bash or zsh, not "fish"\n' and not done.stdout
