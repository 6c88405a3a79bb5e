"""What demo, tests, bench and fuzzers start and import is in the lists of tests/install.sh, or comes with what is.

Here a machine has more than a fresh one: so dpkg is asked which package a program, a module or a file is of, and whether the
lists bring it. `make fresh` shows the same on a machine that has nothing else.

Seen red: pgbouncer, python3-yaml or curl taken from its list, and see the samples.
"""
import ast
import functools
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from finqenv.places import ROOT
from finqenv.postgres import programs

INSTALL = ROOT / "tests/install.sh"
FRESH = {"git", "make", "ca-certificates", "apt"}  # and what dpkg calls required
ENTRIES = {"demo up": ("tests/demo.py", "tests/up.py", "tests/down.py"), "test": ("tests/run_all.py", "tests/integration/*.py"),
           "bench": ("tests/run_bench.py", "tests/bench/*.py")}
STARTERS = {"run", "_run", "Popen", "check_output", "check_call", "which"}
PATH = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")


# -- what the source needs: sets of (kind, name)

def own_file(module):
    base = ROOT / "tests" / module.replace(".", "/")
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def imported(path, tree):
    """Names of the modules that a file imports, as Python would look for them."""
    here = list(path.relative_to(ROOT / "tests").parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = here[:len(here) - node.level + 1] if node.level else []
            module = ".".join([*parent, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names if own_file(f"{module}.{alias.name}"))


def reached(patterns):
    """{path: tree} of the files that an entry runs, and of all that those import."""
    waiting, trees = [file for pattern in patterns for file in ROOT.glob(pattern)], {}
    while waiting:
        path = waiting.pop()
        if path not in trees and path != pathlib.Path(__file__):
            trees[path] = ast.parse(path.read_text())
            waiting += filter(None, map(own_file, imported(path, trees[path])))
    return trees


def text_of(node):
    """What is constant in an expression, or None."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else '""' for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return text_of(node.right)
    return "python3" if ast.unparse(node) == "sys.executable" else None


def command_of(call, constants):
    """The constant words that a call of a starter begins with."""
    words = [node for first in call.args[:1] for node in (first.elts if isinstance(first, ast.List) else call.args)]
    words = [constants.get(node.id, node) if isinstance(node, ast.Name) else node for node in words]
    words = [inner for node in words for inner in (node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node])]
    return [text_of(node) for node in words]


def started(tree):
    """Programs that a file's calls start, and the commands of the shell texts among them."""
    constants = {node.targets[0].id: node.value for node in ast.walk(tree)
                 if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    for call in ast.walk(tree):
        name = isinstance(call, ast.Call) and (getattr(call.func, "attr", None) or getattr(call.func, "id", None))
        if name not in STARTERS or ast.unparse(call.func) == "asyncio.run":
            continue
        words = command_of(call, constants)
        if any(keyword.arg == "shell" for keyword in call.keywords):
            yield from shell_commands(words[0] or "")
        elif words and words[0]:
            yield words[0]
        if len(words) > 2 and (words[0] or "").endswith("sh") and words[1] == "-c":
            yield from shell_commands(words[2] or "")


@functools.cache
def builtins():
    return set(subprocess.check_output(["bash", "-c", "compgen -bk"], text=True).split())


def shell_commands(text):
    """The words in a command's place that are programs: no builtin, no function, no file of ours."""
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"(?m)(^|\s)#.*$", "", text)
    text = re.sub(r"'[^']*'|\$\(\([^()]*\)\)", "''", text)
    inner = " ".join(re.findall(r"\$\(([^()]*)\)", text))
    bare = re.sub(r'"[^"]*"', '""', text)
    for part in (bare, inner):
        place = r"(?:^|[|;&({!]|\b(?:do|then|else|if|while|until|command -v|exec)\b)[ \t@]*(?:[A-Z_]+=\S* +)*"
        for word in re.findall(place + r"(?=([a-z/][\w./+-]*)(?:[\s);]|$))", part, re.MULTILINE):
            if word not in builtins() and not re.search(rf"(?m)^ *{re.escape(word)}\(\)", text) and "/" not in word.lstrip("/"):
                yield word


def make_commands(text):
    """Of the recipes, and of what a makefile asks the shell."""
    recipes = "\n".join(re.sub(r"^\t(?:@|-|\$Q)*", "", line) for line in text.splitlines() if line.startswith("\t"))
    asked = "\n".join(re.findall(r"\$\(shell ([^()]*)\)", text))
    defined = dict(re.findall(r"^(\w+) *[:?]?= *([\w./-]+)$", text, re.MULTILINE))
    recipes = re.sub(r"(?<!\$)\$\((\w+)\)", lambda found: defined.get(found[1], "''"), recipes)
    while recipes != (recipes := re.sub(r"(?<!\$)\$\([a-z]+ [^()]*\)", "''", recipes)):  # make's own functions
        pass
    yield from shell_commands(recipes.replace("$$", "$") + "\n" + asked)


def needs_of_python(trees):
    files = {str(node.value) for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Constant)
             and isinstance(node.value, str) and re.fullmatch(r"/usr/(?:s?bin|lib|share)/[\w./+-]+", node.value)}
    modules = {name for path, tree in trees.items() for name in imported(path, tree)
               if name.split(".")[0] not in sys.stdlib_module_names and not own_file(name.split(".")[0])
               and not own_file(name) and not (path.parent / f"{name}.py").exists()}
    return ({("program", word) for tree in trees.values() for word in started(tree)} | {("module", name) for name in modules}
            | {("file", name) for name in files})


def needs_of_shell():
    for file in (ROOT / "Makefile", *ROOT.glob("tests/**/*.mk")):
        yield from (("program", word) for word in make_commands(file.read_text()))
    for file in (*ROOT.glob("tests/**/*.sh"), *ROOT.glob(".ci/run")):
        yield from (("program", word) for word in shell_commands(file.read_text()))


# -- what the lists bring

def listed(*groups):
    return set(subprocess.check_output([INSTALL, "--list", *groups], text=True).split())


def groups_of(target):
    """What the recipe of a make target installs."""
    return re.search(rf"^{target}:\n\t@tests/install.sh (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()


@functools.cache
def installed():
    """({package: what it depends on, as alternatives}, {name: who provides it}, what every Debian has)"""
    shown = subprocess.check_output(["dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\t${Priority}\n"], text=True)
    needs, providers, base = {}, {}, set(FRESH)
    for package, depends, provides, priority in (line.split("\t") for line in shown.splitlines()):
        needs[package] = [re.findall(r"(?:^|\|) *([\w.+-]+)", words) for words in depends.split(",")]
        for name in re.findall(r"(?:^|,) *([\w.+-]+)", provides):
            providers.setdefault(name, set()).add(package)
        base |= {package} if priority == "required" else set()
    return needs, providers, base


def brought_by(packages):
    """These, what they depend on, and what every fresh machine has. Of alternatives apt takes the first."""
    needs, providers, base = installed()
    waiting, found = [*packages, *base], set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [choices[0] for choices in needs.get(name, ()) if choices]
            waiting += providers.get(name, ()) if name not in needs else ()
    return found


def places_of(kind, name):
    if kind == "program":
        directories = [] if name.startswith("/") else [*PATH, programs()]
        return [os.path.join(directory, name) for directory in directories] or [name]
    if kind == "module":
        spec = importlib.util.find_spec(name)
        return [spec.origin] if spec and spec.origin else []
    return [name]


def owners(needs):
    """{need: the installed packages that this program, module or file is of}. dpkg is asked once: it reads all its lists."""
    places = {need: {path for place in places_of(*need) if os.path.lexists(place)
                     for path in (place, os.path.realpath(place), re.sub(r"^/usr(?=/s?bin/)", "", place))} for need in needs}
    asked = sorted(set().union(*places.values()))
    shown = subprocess.run(["dpkg-query", "-S", *asked], capture_output=True, text=True).stdout if asked else ""
    found = {}
    for packages, path in (line.rsplit(": ", 1) for line in shown.splitlines() if not line.startswith("diversion ")):
        found.setdefault(path, set()).update(re.sub(r":\w+$", "", package) for package in packages.split(", "))
    return {need: set().union(*(found.get(path, ()) for path in paths)) for need, paths in places.items()}


def missing(needs, packages):
    """The needs that the packages do not bring. What this machine has not at all must be listed by its own name."""
    brought = brought_by(packages)
    foreign = {(kind, name) for kind, name in needs
               if name.startswith("/") or not (name.startswith(("build/", "finq")) or (ROOT / name).is_file())}
    for (kind, name), holders in sorted(owners(foreign).items()):
        if not (holders or {pathlib.Path(name).name}) & brought:
            yield f"{kind} {name}: of {holders or 'no package here'}, which no list has"


# -- the guards

@pytest.mark.parametrize("target", ENTRIES)
def test_what_python_needs_is_listed(target):
    trees = reached(ENTRIES[target])
    needs = needs_of_python(trees)
    print(f"{len(trees)} files of {target} start or import {len(needs)} things")
    assert len(trees) > 10 and len(needs) > 5
    assert list(missing(needs, listed(*groups_of(target)))) == []


def test_what_the_shell_needs_is_listed():
    needs = set(needs_of_shell())
    print(f"make and the scripts start {len(needs)} programs")
    assert len(needs) > 20
    assert list(missing(needs, listed("all"))) == []


def test_npm_packages_are_listed():
    """Of npm: what Python names below build/node, and what the benchmark's server imports."""
    text = "".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))
    named = set(re.findall(r"build/node/node_modules/((?:@[\w-]+/)?[\w-]+)", text))
    fetched = re.findall(r"((?:@[\w-]+/)?[\w-]+)@(?:npm:|\d)", re.search(r'^NPM_PACKAGES="([^"]+)"$', INSTALL.read_text(), re.MULTILINE)[1])
    assert named == set(fetched) and len(named) > 1
    server = (ROOT / "tests/bench/node/server.js").read_text()
    wanted = set(re.findall(r"(?:require\(|from )[\"']([a-z@][\w/-]*)[\"']", server))
    known = set(json.loads((ROOT / "tests/bench/node/package.json").read_text())["dependencies"])
    assert wanted & known and wanted <= known


def test_locales_are_those_of_every_machine():
    """C.UTF-8 is built into the C library; any other would have to be made."""
    texts = [path.read_text() for pattern in ("tests/**/*.py", "tests/**/*.sh", "Makefile", "sql/**/*.sql") for path in ROOT.glob(pattern)]
    found = [name for text in texts for name in re.findall(r"\b([A-Za-z]\w*)\.(?:UTF-8|utf8)\b", text)]
    assert len(found) > 1 and set(found) == {"C"}


def planted(python="", make=""):
    trees = {ROOT / "tests/finqenv/x.py": ast.parse(python)}
    return needs_of_python(trees) | {("program", word) for word in make_commands(make)}


@pytest.mark.parametrize("sample, need", [
    ({"python": "subprocess.Popen(['/usr/sbin/nginx', '-c', file])"}, "/usr/sbin/nginx"),
    ({"python": "SERVER = 'redis-server'\nrun(SERVER, '--port', 1)"}, "redis-server"),
    ({"python": "COMMAND = ['tshark', '-i']\nsubprocess.run([*COMMAND])\nsubprocess.run(COMMAND)"}, "tshark"),
    ({"python": "self._run(programs() / 'pg_nothing')"}, "pg_nothing"),
    ({"python": "run('sh', '-c', f'cat {x} | sponge {y}')"}, "sponge"),
    ({"python": "subprocess.check_output('true && jq . x', shell=True)"}, "jq"),
    ({"python": "import psycopg\n"}, "psycopg"),
    ({"python": "from google.cloud import storage\n"}, "google.cloud"),
    ({"python": "SUITE = '/usr/share/nothing/suite'\n"}, "/usr/share/nothing/suite"),
    ({"make": "x:\n\t@for i in 1 2; do valgrind $$i || exit 1; done\n"}, "valgrind"),
    ({"make": "CC := tcc\nx:\n\t$Q$(CC) -c x\n"}, "tcc"),
    ({"make": "FLAGS = $(shell cmake --find x)\n"}, "cmake")])
def test_the_guard_can_fail(sample, need):
    complaints = list(missing(planted(**sample), listed("build", "run", "demo", "test")))
    assert any(f" {need}: " in line for line in complaints), complaints


@pytest.mark.parametrize("need", [("program", "/usr/sbin/apache2"), ("program", "node"), ("program", "psql"), ("module", "pytest"),
                                  ("file", "/usr/lib/apache2/modules")])
def test_what_is_here_and_in_no_list_is_seen(need):
    assert list(missing({need}, [])) and not list(missing({need}, listed("all")))
