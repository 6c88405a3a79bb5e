"""The documents, conf/finq.conf and the code say the same, and the walks work as printed. The documents are README.md, the
manuals of conf/manual, conf/CHANGELOG.md, and the READMEs of folders.

Mutations, each seen red: a directive's heading removed, misplaced, or its default changed (the_reference); a directive
of conf/finq.conf removed or its value changed (the_sample_shows); a preset of src/httpd/host/settings.c changed without its
help text (presets); `SetHandler finq` left active in conf/finq.conf (the_sample_sets_nothing); DBDParams misspelt there
(the_sample_works); a row of the error table removed, its status changed, or one for a code that nothing produces added
(error_table); an option of a verb, or a word of its text, removed from finqctl.md (finqctl); `make upp` named, or `clean` left out
(make_targets); a keyword or a format removed from skills.md (forms); a step's name misspelt in a walk, or a member left
out of a printed answer (a_walk); a link's file or anchor misspelt (every_link); a file's name misspelt (every_file); a manual that nothing leads to, one of 401
lines, or one whose first sentence has no reader (manuals); "1.0" as the version in conf/openapi.yaml, put_build left out
(version); a fence of code without its end, or the manuals left out of `make install` (installed).
"""
import json
import re
import subprocess
from pathlib import Path

import pytest

from finqenv.contract import VERSION
from finqenv.httpd import Httpd
from finqenv.installation import DEMO_SKILLS, FINQCTL, MODULE, SANITIZED, SIGNING_ISSUER
from finqenv.places import BUILD, ROOT
from finqenv.postgres import SERVER
from finqenv.process import clean_environ, run

MANUALS = {file.name: file.read_text() for file in sorted((ROOT / "conf/manual").glob("*.md"))}
FOLDERS = [file for top in ("src", "sql", "tests") for file in sorted((ROOT / top).rglob("README.md"))
           if "node_modules" not in file.parts]
DOCUMENTS = {file.relative_to(ROOT): file.read_text() for file in
             [ROOT / "README.md", ROOT / "conf/CHANGELOG.md", *(ROOT / "conf/manual" / name for name in MANUALS), *FOLDERS]}
EVERYTHING = "".join(DOCUMENTS.values())
SAMPLE = (ROOT / "conf/finq.conf").read_text()
SITE = (ROOT / "conf/finq-example.conf").read_text()
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
WALK = re.compile(r"^```sh walk\n(.*?)^```\n(?:```json\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
HOST = "onboarding.example.com"


def source(*patterns):
    files = sorted(file for pattern in patterns for file in ROOT.glob(pattern))
    assert files, patterns
    return "".join(file.read_text() for file in files)


def headings(text):
    """The headings that stand in no code block: groups 1 and 2 are rank and title."""
    blank = CODE.sub(lambda block: " " * len(block[0]), text)
    return list(re.finditer(r"^(#+) (.+)$", blank, re.MULTILINE))


def section(text, title):
    """The text under a heading, up to the next one of its rank or a higher one."""
    heads = headings(text)
    place = next(i for i, head in enumerate(heads) if head[2] == title)
    end = next((head.start() for head in heads[place + 1:] if len(head[1]) <= len(heads[place][1])), len(text))
    return text[heads[place].end():end]


def subjects(text):
    """The headings of rank 2."""
    return [head[2] for head in headings(text) if head[1] == "##"]


def rows(text):
    """The cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


# -- directives

def default_in(help_text):
    """What a directive's own help names as its default; None where it has none."""
    found = re.search(r"\(default:? ([^,:)]+)|(\S+) \(default\)", help_text)
    return found and (found[1] or found[2])


@pytest.fixture(scope="session")
def directives(server):
    """Name and default of each directive, as httpd knows them."""
    known = re.findall(r"^(\S+) \(mod_finq\.c\)\n\t(.+)$", server.httpd.directives(), re.MULTILINE)
    found = {name: default_in(text) for name, text in known if name.startswith("Finq")}  # others it only sees
    assert "FinqSecretFile" in found and "FinqNonceTTL" in found
    return found


def test_presets_are_what_the_help_says(directives):
    named = dict(re.findall(r"^#define (FINQ_CHECK_\w+) (\d+)$", source("include/sign/check.h"), re.MULTILINE))
    presets = dict(re.findall(r'^    \{"(Finq\w+)", offsetof.*, (\w+)\},$', source("src/httpd/host/settings.c"), re.MULTILINE))
    assert len(presets) > 9 and {name: named.get(preset, preset) for name, preset in presets.items()} == {name: directives[name] for name in presets}


def test_the_reference_has_every_directive(directives):
    books = [MANUALS["directives.md"], MANUALS["directives-documents.md"], MANUALS["directives-signed.md"]]
    assert all(subjects(book) == sorted(subjects(book)) for book in books)
    reference = "".join(books)
    assert sorted(subjects(reference)) == sorted(directives)
    for name, default in directives.items():
        table = re.findall(r"^\| (\w+): \| (.+) \|$", section(reference, name), re.MULTILINE)
        assert [label for label, _ in table] == ["Description", "Syntax", "Default", "Context"], name
        said = dict(table)
        assert said["Syntax"].startswith(f"`{name} "), name
        assert said["Default"].startswith(f"`{name} {default}`" if default else "none"), name


def test_the_sample_shows_every_directive(directives):
    shown = dict(re.findall(r"^#?\s*(Finq\w+) (\S.*)$", SAMPLE + SITE, re.MULTILINE))
    assert set(shown) == set(directives)
    assert {name: shown[name] for name, default in directives.items() if default} == \
        {name: default for name, default in directives.items() if default}


# -- the sample configuration

def test_the_sample_sets_nothing_as_it_is(run_directory, watched):
    """As after a bare `a2enmod finq`: no database, no secret, and httpd starts."""
    httpd = Httpd(run_directory / "sample", modules=("authn_core",), asan=SANITIZED,
                  server=f'LoadModule finq_module "{MODULE}"\nInclude "{ROOT}/conf/finq.conf"')
    watched.append(httpd)
    try:
        ok, words = httpd.configtest()
        assert ok, words
        httpd.start()
    finally:
        httpd.stop()
        watched.remove(httpd)


def uncommented(text):
    """Lines that begin with "# " are prose; the rest becomes configuration."""
    return re.sub(r"^#(?! \S)", "", text, flags=re.MULTILINE)


def localised(text, installation):
    """The sample with this installation's places in the examples' stead, each of which must be there."""
    certificate, key = installation.httpd.certificate_for(HOST)
    settings = installation.httpd.settings
    for example, real in {
            "host=127.0.0.1 dbname=finq user=finq_web password=secret": installation.postgres.conninfo(SERVER),
            "/etc/apache2/finq.secret": installation.secret_file,
            "/etc/apache2/finq-bank.secret": installation.secret_file,
            "/etc/apache2/finq.data-key": installation.data_key_file,
            "/etc/apache2/finq.receipt.pem": installation.receipt_key_file,
            "/etc/apache2/finq-pages": ROOT / "conf/pages",
            "/var/lib/finq": settings.directives["FinqUploadDir"],
            "*:443": f"*:{settings.port}", f"ServerName {HOST}": f"ServerName {HOST}:{settings.port}",
            f"/etc/ssl/certs/{HOST}.pem": certificate, f"/etc/ssl/private/{HOST}.key": key}.items():
        assert example in text, example
        text = text.replace(example, f'"{real}"' if example.startswith("/") else str(real))
    return text


def test_the_sample_works_uncommented(make_server):
    installation = make_server()
    tenant = installation.create_tenant("Sample tenant")
    settings = installation.httpd.settings
    sample = localised(uncommented(SAMPLE) + SITE, installation)
    settings.database, settings.directives, settings.server = "", {}, sample
    settings.modules = [*settings.modules, "proxy", "proxy_http", "authz_host", "authn_core"]  # the sample names a connector, and a Location that a consent opens
    installation.httpd.restart()
    body = {"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": DEMO_SKILLS[0]}
    done = run("curl", "-sS", "--cacert", installation.httpd.authority.certificate, "--resolve",
               f"{HOST}:{settings.port}:127.0.0.1", "-d", json.dumps(body),
               f"https://{HOST}:{settings.port}/v1/sessions")
    assert json.loads(done.stdout)["status"] == "SESSION_CREATED"


# -- errors, finqctl, make, forms

def served():
    """The text of all that the module can run: its httpd face, and every room that an #include leads to from there."""
    texts, waiting = {}, [ROOT / "mod_finq.c", *ROOT.glob("src/httpd/**/*.c")]
    while waiting:
        file = waiting.pop()
        if file in texts:
            continue
        texts[file] = file.read_text()
        for name in re.findall(r'^#include "(\S+)\.h"', texts[file], re.MULTILINE):
            waiting += [header for header in (ROOT / f"include/{name}.h", file.parent / f"{name}.h") if header.exists()]
            waiting += [*ROOT.glob(f"src/{name}.c"), *ROOT.glob(f"src/{name}_*.c"), *file.parent.glob(f"{name}.c")]
    assert ROOT / "include/ground/error.h" in texts and len(texts) > 100
    return "".join(text for file, text in texts.items() if file != ROOT / "include/ground/error.h")


def producible():
    """{(code, status)} that some line of the module, or of a SQL function, answers with."""
    code, sql = served(), source("sql/functions/*.sql")
    known = re.findall(r'X\((\w+), "\w+", (\d+), "(\w+)"\)', source("include/ground/error.h"))
    by_name = {name: status for _, status, name in known}  # the last, as finq_code_by_name
    found = {(name, status) for enumerator, status, name in known
             if re.search(rf"\bFINQ_E_{enumerator}\b|\bX\(.*\b{enumerator}\)", code)}
    return found | {(name, status) for name, status in by_name.items() if f"'{name}'" in sql}


def test_the_error_table_has_every_code():
    table = [(cells[0].strip("`"), status) for cells in rows(MANUALS["errors.md"]) for status in cells[1].split(", ")]
    assert len(table) == len(set(table))
    assert set(table) == producible()


def test_every_verb_of_finqctl_is_described_as_it_describes_itself():
    usage = re.findall(r"^  (finqctl .+)$", run(FINQCTL, "--help").stdout, re.MULTILINE)
    described = []
    for name in ("finqctl.md", "finqctl-records.md"):
        here = re.findall(r"^    (finqctl .+)$", MANUALS[name], re.MULTILINE)
        assert subjects(MANUALS[name]) == [re.match(r"finqctl [a-z-]+(?: [a-z][a-z-]*)?", line)[0] for line in here]
        assert MANUALS[name] == run(ROOT / "conf/manual/make.py", "verbs", FINQCTL, name).stdout, "make manual writes it anew"
        described += here
    assert usage and sorted(usage) == sorted(described)


def test_every_type_of_event_can_be_tried():
    """By finqctl webhook test: red where a row of event_types is taken out of src/ctl/value.c."""
    known = re.search(r"event_types\[\] = \{(.+?)\}", source("src/ctl/value.c"), re.DOTALL)[1]
    listed = re.findall(r"^\| `(\w+\.\w+)` \|", MANUALS["events.md"], re.MULTILINE)
    assert re.findall(r'"([\w.]+)"', known) and set(re.findall(r'"([\w.]+)"', known)) == set(listed)


def test_the_tags_of_the_log_are_explained():
    """By the manual, and by finqctl explain: red where a row of either is taken out."""
    explained = set(re.findall(r'^    \{"(FINQ\d\d)"', source("src/ctl/explain.c"), re.MULTILINE))
    written = set(re.findall(r"\bFINQ\d\d\b", source("src/httpd/**/*.c")))
    assert written == explained == {cells[0] for cells in rows(section(MANUALS["operation.md"], "The log")) if re.fullmatch(r"FINQ\d\d", cells[0])}


def test_the_postman_collection_is_what_the_description_makes():
    made = run(ROOT / "conf/postman.py").stdout
    assert (ROOT / "conf/finq.postman_collection.json").read_text() == made, "make postman writes it anew"


def test_make_targets_are_what_the_documents_name():
    database = run("make", "-pqrR", "help", cwd=ROOT, check=False).stdout
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", database, re.MULTILINE))
    named = set(re.findall(r"(?:`|^|&& )make ([a-z][a-z-]*)", EVERYTHING, re.MULTILINE))
    assert "demo" in named and named <= targets
    helped = set(re.findall(r"^## make ([a-z-]+)", source("Makefile"), re.MULTILINE))
    summary = re.search(r"^make help +# the rest: (.+)$", EVERYTHING, re.MULTILINE)[1]
    assert helped == (named | set(summary.split(", "))) - {"help"}


def test_forms_have_the_keywords_and_formats_that_the_manual_lists():
    forms = section(MANUALS["skills.md"], "Forms")
    keywords = re.findall(r'^    \{"(\$?\w+)", (?:read|note)_', source("src/form/form_keyword.c"), re.MULTILINE)
    listed = re.findall(r"`(\$?\w+)`", "".join(cells[1] for cells in rows(forms)))
    assert keywords and sorted(listed) == sorted(keywords)
    formats = re.findall(r'^        \{"([\w-]+)", is_', source("src/form/form_format.c"), re.MULTILINE)
    sentence = re.search(r"`format` is asserted: (.+)", forms)[1]
    assert formats and re.findall(r"`([\w-]+)`", sentence) == formats


def test_the_map_has_every_room_and_its_files():
    """Red where a row, or a file's name in one, is removed."""
    told = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2]))
            for row in rows(section(DOCUMENTS[Path("src/README.md")], "The map"))}
    rooms = {}
    for file in (ROOT / "src").rglob("*.c"):
        rooms.setdefault(str(file.parent.relative_to(ROOT / "src")), set()).add(file.stem)
    assert len(rooms) > 15 and told == rooms


def test_the_hooks_are_those_of_the_module_record():
    """Red where a row of src/httpd/README.md, or a hook's place in one, is removed."""
    code = re.findall(r"ap_hook_(\w+)\((\w+), NULL, NULL, APR_HOOK_(\w+)\)", source("mod_finq.c"))
    registered = [(hook + ("" if place == "MIDDLE" else f" ({place.lower().replace('_', ' ')})"), function) for hook, function, place in code]
    told = [(row[1], function) for row in rows(section(DOCUMENTS[Path("src/httpd/README.md")], "The hooks, in order"))
            for function in re.findall(r"`(\w+)`", row[2])]
    assert registered and sorted(told) == sorted(registered)


# -- links, and what a manual is

def anchors(text):
    """What a code host makes of the headings."""
    return {re.sub(r"[^\w -]", "", head[2].lower()).replace(" ", "-") for head in headings(text)}


def test_every_link_leads_somewhere():
    seen = 0
    for file, text in DOCUMENTS.items():
        for link in LINK.findall(CODE.sub("", text)):
            if re.match(r"https?:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (ROOT / file).parent / name if name else ROOT / file
            assert target.exists(), f"{file}: {link}"
            assert not anchor or anchor in anchors(target.read_text()), f"{file}: {link}"
            seen += 1
    assert seen > 40


def test_every_file_that_a_document_names_is_there():
    named = {(file, name) for file, text in DOCUMENTS.items()
             for name in re.findall(r"`((?:src|include|conf|sql|tests)/[\w./-]*)`", text) if "NNN" not in name}
    assert len(named) > 20 and not [f"{file}: {name}" for file, name in named if not (ROOT / name).exists()]


def test_manuals_are_short_have_a_reader_and_are_led_to():
    assert {"api.md", "finqctl.md", "vocabulary.md"} <= set(MANUALS)
    front = {link.partition("#")[0] for link in LINK.findall(DOCUMENTS[Path("README.md")])}
    for name, text in MANUALS.items():
        assert text.count("\n") <= 400, name
        assert re.match(r"# .+\n\nFor \w", text), name
        assert f"conf/manual/{name}" in front, name


# -- the version, and what is installed

def test_the_version_stands_in_one_place_and_is_shown_everywhere(make_server):
    holding = [str(file.relative_to(ROOT)) for top in ("src", "include", "conf", "sql") for file in (ROOT / top).rglob("*")
               if file.is_file() and f'"{VERSION}"' in file.read_text(errors="replace")]
    assert holding == ["include/ground/version.h"] and f'"{VERSION}"' not in source("Makefile", "mod_finq.c")
    assert run(FINQCTL, "--version").stdout == f"finqctl {VERSION}\n"
    assert re.search(r"^## \[(.+?)\]", DOCUMENTS[Path("conf/CHANGELOG.md")], re.MULTILINE)[1] == VERSION
    server = make_server(vhost='<Location "/metrics">\nSetHandler finq-metrics\nRequire all granted\n</Location>\n')
    client = server.client(None)
    assert client.request("GET", "/v1/openapi.json").json["info"]["version"] == VERSION
    assert f'\nfinq_build_info{{version="{VERSION}"}} 1\n' in client.request("GET", "/metrics").body.decode()
    client.close()


def test_what_is_installed_can_be_read(tmp_path):
    run("make", "-s", "install", f"B={BUILD.relative_to(ROOT)}", f"DESTDIR={tmp_path}", "PREFIX=/usr", cwd=ROOT)
    for page in ("man1/finqctl.1", "man7/mod_finq.7"):
        shown = run("man", "--warnings", tmp_path / "usr/share/man" / page, env=clean_environ(MANWIDTH="100", LC_ALL="C.UTF-8"))
        assert shown.stderr == "" and f"mod_finq {VERSION}" in shown.stdout, page
        assert "finqctl tenant create" in shown.stdout or "FinqSecretFile" in shown.stdout
        assert not re.search(r"\]\(|^ *```|\*\*|<br>", shown.stdout, re.MULTILINE), page
    installed = tmp_path / "usr/share/doc/mod_finq"
    assert (installed / "README.md").read_text() == DOCUMENTS[Path("README.md")]
    assert {file.name for file in (installed / "conf/manual").iterdir()} == set(MANUALS)
    assert f"version: \"{VERSION}\"" in (tmp_path / "usr/share/mod_finq/openapi.yaml").read_text()


# -- the walks

def fits(printed, real, place="answer"):
    """Holds an answer against the printed one: `…` stands for anything, times and ids differ each time."""
    if isinstance(printed, dict) and isinstance(real, dict):
        assert set(printed) == set(real), place
        for name in printed:
            fits(printed[name], real[name], f"{place}.{name}")
    elif isinstance(printed, list) and isinstance(real, list):
        assert len(printed) == len(real), place
        for index, item in enumerate(printed):
            fits(item, real[index], f"{place}[{index}]")
    elif isinstance(printed, str) and re.search(r"…$|^\d{4}-\d\d-\d\dT[\d:]+(Z|[+]00:00)$", printed):
        assert printed == "…" or isinstance(real, str), place
    else:
        assert printed == real, place


@pytest.fixture(scope="session")
def demo_tenant(server):
    return server.create_tenant("Demo tenant")


@pytest.fixture
def walk_directory(tmp_path, server, demo_tenant):
    """What a walk finds in a clone after `make up`, of the suite's own server."""
    (tmp_path / "build/run").mkdir(parents=True)
    (tmp_path / "build/finqctl").symlink_to(FINQCTL)
    values = {"FINQ_URL": server.httpd.url, "FINQ_CA": server.httpd.authority.certificate, "FINQ_DB": server.conninfo(), "FINQ_DATA_KEY_FILE": server.data_key_file,
              "FINQ_SIGNING_KEY": server.signing_key(demo_tenant), "FINQ_SIGNING_ISSUER": SIGNING_ISSUER,
              **{f"FINQ_{name.upper()}": value for name, value in vars(demo_tenant).items()}}
    (tmp_path / "build/run/finq.env").write_text("".join(f"export {name}='{value}'\n" for name, value in values.items()))
    return tmp_path


@pytest.mark.parametrize("file", [file for file, text in DOCUMENTS.items() if WALK.search(text)], ids=str)
def test_a_walk_works_as_printed(file, walk_directory):
    blocks = WALK.findall(DOCUMENTS[file])
    script = "set -e\n" + "echo @@@\n".join(commands for commands, _ in blocks)
    done = subprocess.run(["sh", "-c", script], cwd=walk_directory, env=clean_environ(), text=True, capture_output=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    answers = done.stdout.split("@@@\n")
    assert len(answers) == len(blocks) > 2
    for (commands, printed), answer in zip(blocks, answers):
        if printed:
            fits(json.loads(printed), json.loads(answer), commands)
        else:
            assert answer == ""


def test_there_is_a_short_walk_and_a_long_one():
    assert {Path("README.md"), Path("conf/manual/walk.md")} == {file for file, text in DOCUMENTS.items() if WALK.search(text)}
    assert len(WALK.findall(MANUALS["walk.md"])) > 5
