"""Guards over the source: what no test of behaviour sees. Each is shown to fail on a planted sample.

A guard is a function from {path: text} to complaints.
"""
import functools
import re
import subprocess

import pytest

from finqenv.installation import MODULE
from finqenv.places import ROOT

MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 400, 60
MADE = {"src/db/calls.c", "include/db/calls.h"}  # by `make calls`: as long as there are calls

# Which header of a library may be included where; a directory ends with a slash. The library's own room shows the rest
# of the source what it needs of it.
ROOMS = {
    r"jansson\.h": {"include/json/json.h", "include/json/number.h", "include/skills/skill.h", "include/sign/jws.h", "include/sign/key.h"},
    r"libpq-fe\.h": {"include/db/pg.h", "src/ctl/db.c"},
    r"libpq-events\.h": {"src/db/pg_connection.c"},
    r"pcre2\.h": {"src/form/pattern.c"},
    r"openssl/.*": {"src/crypto/secrets.c", "src/crypto/siv.c", "src/crypto/secret_file.c", "src/crypto/mac.c", "src/crypto/digest.c", "src/crypto/frames.c", "src/crypto/pdf_lock.c", "src/crypto/derive.c", "src/sign/jws.c", "src/sign/key.c", "src/sign/httpsig.c", "src/sign/key_", "src/sign/jws_"},
    r"(httpd|http_\w+|ap_\w+|util_filter|mod_\w+|mpm_\w+|scoreboard)\.h": {
        "mod_finq.c", "src/httpd/", "include/httpd/"},
    r"curl/.*": {"src/ctl/post.c"}, # the command alone: the module links no HTTP client
    r"idn2\.h": {"src/httpd/call/cors.c"},
    r"qrencode\.h": {"src/page/qr.c"},
    r"cjose/.*": set(),
}
SECRET = r"\w*(?:secret|app_key|token|nonce|hash|tag|password|salt|mac)"
FORBIDDEN = r"\b(?:TO" r"DO|FIX" r"ME|HA" r"CK)\b"


def source(*patterns):
    return {str(path.relative_to(ROOT)): path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern))}


def code():
    return source("*.c", "src/**/*.c", "src/**/*.h", "include/**/*.h")


def everything():
    return {**code(), **source("sql/**/*.sql", "conf/*.conf", "conf/skills/*.json", "tests/**/*.py", "tests/**/*.[ch]", "Makefile")}


def scripts():
    """But the samples' own."""
    return {path: text for path, text in source("tests/**/*.py").items() if not path.endswith("/test_guards.py")}


def includes(text):
    return re.findall(r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", text, re.MULTILINE)


@functools.cache
def bare(text):
    """Without comments and what stands in quotes."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', lambda found: re.sub(r"[^\n]", " ", found.group(0)), text, flags=re.DOTALL)


def rooms(files):
    for path, text in files.items():
        for header in includes(text):
            for pattern, allowed in ROOMS.items():
                inside = any(path.startswith(room) if room.endswith(("/", "_")) else path == room for room in allowed)
                if re.fullmatch(pattern, header) and not inside:
                    yield f"{path} includes {header}"


# ---- the house: a folder is a room ----

# Which rooms each room may use, itself aside. src/ctl stands beside httpd.
LIBRARY = "bank consent crypto data db documents flow form ground json meter order page sign skills"
MAY_USE = {
    "ground": "",
    "json": "ground", "crypto": "ground", "db": "ground", "meter": "ground",
    "form": "ground json", "documents": "crypto ground", "bank": "crypto ground json", "sign": "crypto db ground json",
    "order": "bank form ground json",
    "skills": "bank crypto db documents form ground json order",
    "flow": "bank crypto db documents form ground json order skills",
    "consent": "bank crypto db documents flow form ground json order skills",
    "data": "bank consent crypto db documents flow form ground json order skills",
    "page": "bank crypto db flow form ground json skills",
    "ctl": LIBRARY,
    "httpd/host": "crypto ground meter sign",
    "httpd/pool": "httpd/host db ground meter",
    "httpd/call": "httpd/host httpd/pool consent crypto documents flow ground json meter sign skills",
    "httpd/bank": "httpd/call httpd/host httpd/pool bank crypto db documents flow ground",
    "httpd/api": "httpd/bank httpd/call httpd/host httpd/pool bank consent crypto data db documents flow ground json page sign skills",
    "httpd/page": "httpd/api httpd/bank httpd/call httpd/host bank crypto documents flow ground json meter page skills",
    "httpd": f"httpd/api httpd/bank httpd/call httpd/host httpd/page httpd/pool {LIBRARY}",
    "mod_finq.c": "httpd httpd/api httpd/bank httpd/call httpd/host httpd/page httpd/pool",
}
# The rooms of httpd share a folder of headers: a header belongs to the room of its .c, and these have none.
HEADERS_ALONE = {"include/httpd/api.h": "httpd/api", "include/httpd/runtime.h": "httpd/call"}
SHOWN = re.compile(r"^(?!static|typedef)[a-z][^;{}()=]*?\b(\w+)(?:\([^;{}]*\)\s*\{|(?:\[[^\]]*\])* =)", re.MULTILINE)


def room(path, files):
    if path in HEADERS_ALONE:
        return HEADERS_ALONE[path]
    if path.startswith("include/httpd/"):
        own = "/" + path.split("/")[-1][:-1] + "c"
        path = next((other for other in files if other.startswith("src/httpd/") and other.endswith(own)), path)
    return path if "/" not in path else path.split("/", 1)[1].rsplit("/", 1)[0]


@functools.cache
def shown(text):
    """The functions and tables that a file shows to others."""
    return SHOWN.findall(bare(text))


@functools.cache
def named(text):
    return set(re.findall(r"(?<![.>\w])\w+", bare(text)))


def arrows(files):
    """{(file, file that it uses): why}. A file uses what it includes, and the file in which a function or table that it names
    is defined: so who holds a table of functions uses those whose functions stand in it, and who reads the table uses who
    holds it."""
    home = {name: path for path, text in files.items() if path.endswith(".c") for name in shown(text)}
    found = {}
    for path, text in files.items():
        for header in includes(text):
            for other in (f"include/{header}", f"{path.rsplit('/', 1)[0]}/{header}"):
                if other in files:
                    found[path, other] = f'"{header}"'
        for name in named(text) & home.keys() if path.endswith(".c") else ():
            if home[name] != path:
                found[path, home[name]] = name
    return found


def house(files):
    """Nobody uses a room but those that MAY_USE grants."""
    for (path, other), why in arrows(files).items():
        above, below = room(path, files), room(other, files)
        if above != below and below not in MAY_USE.get(above, "").split():
            yield f"{path} uses {other} ({why}): {above} may not use {below}"


def ring(uses):
    """Who is in a ring, or between two: who uses nobody, or is used by nobody, is taken away until nobody more can be."""
    left = {who: set(whom) for who, whom in uses.items()}
    while free := [who for who in left if not left[who] & left.keys() or not any(who in whom for whom in left.values())]:
        for who in free:
            del left[who]
    return sorted(left)


def rings(files):
    """No ring of files, and none of rooms."""
    for of in (lambda path: path, lambda path: room(path, files)):
        uses = {}
        for path, other in arrows(files):
            if of(path) != of(other) or path == other:
                uses.setdefault(of(path), set()).add(of(other))
        if found := ring(uses):
            yield "a ring: " + " ".join(found)


def compares(files):
    """Secrets are compared in constant time: finq_digest_equal or CRYPTO_memcmp. One text of a token against its own second
    spelling (src/flow/token.c) is no comparison with a secret."""
    call = re.compile(r"\b(memcmp|strcmp|strncmp|strcasecmp|strncasecmp|bcmp)\s*\(([^;{}]*)")
    for path, text in files.items():
        for found in call.finditer(bare(text)):
            arguments = found.group(2).split("&&")[0].split("||")[0]
            if re.search(rf"\b{SECRET}\b(?!->|\.)", arguments) and "again, text" not in arguments:
                yield f"{path}: {found.group(0).splitlines()[0]}"


def long_files(files):
    return [f"{path} has {len(text.splitlines())} lines" for path, text in files.items()
            if path.endswith((".c", ".h")) and path not in MADE and len(text.splitlines()) > MOST_LINES_OF_A_FILE]


def long_functions(files):
    """Counted from the brace that opens at a line's start to the one that closes there: the house's layout."""
    for path, text in files.items():
        start = None
        for number, line in enumerate(text.splitlines(), 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > MOST_LINES_OF_A_FUNCTION:
                    yield f"{path}:{start}: {number - start - 1} lines"
                start = None


def words(files):
    return [f"{path}: {found}" for path, text in files.items() for found in re.findall(FORBIDDEN, text)]


def drawers(files):
    return [path for path in files if re.search(r"(^|/)(finq_)?(util|utils|common|misc|helper|helpers)\.", path)]


def names(files):
    """What a room shows to others begins with finq_, or in finqctl with ctl_; to its own other files, with the room's name."""
    for path, text in files.items():
        own = path.split("/")[-1].split(".")[0].split("_")[0] + "_"
        prefix = "ctl_" if path.startswith("src/ctl/") else ("finq_", own)
        for name in re.findall(r"^[a-z][\w \*]*?[ \*](\w+)\([^;]*\)\n\{", bare(text), re.MULTILINE):
            line = next(found for found in re.findall(rf"^.*\b{name}\(.*$", text, re.MULTILINE))
            if not line.startswith("static") and not name.startswith(prefix) and name not in ("main",) and path.endswith(".c"):
                yield f"{path}: {name}"


def unsafe(files):
    calls = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|scanf|sscanf|strtok|atoi|rand|system|popen|alloca|assert)\s*\(")
    allowed = {("src/ctl/migrate.c", "atoi"), ("src/json/number.c", "atoi")}
    return [f"{path}: {found}" for path, text in files.items() for found in calls.findall(bare(text)) if (path, found) not in allowed]


def pasted_sql(files):
    """SQL is a constant; values are parameters."""
    made = re.compile(r'(?:psprintf|pstrcat|snprintf)\s*\([^;]*"[^"]*\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b', re.DOTALL)
    return [f"{path}: {found}" for path, text in files.items() if path != "src/ctl/migrate.c" for found in made.findall(text)]


def internal_errors(files):
    """finq_error_internal hides its text from clients, with a message of 500s and 503s: any other code has its own words."""
    own = {"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "INSUFFICIENT_STORAGE"}
    for path, text in files.items():
        for arguments in re.findall(r"\bfinq_error_internal\(([^;\"]*)", text):
            yield from (f"{path}: {code}" for code in re.findall(r"\bFINQ_E_(\w+)", arguments) if code not in own)


def short_waits(files):
    """A busy machine takes its time: who waits less than `until` does by itself says behind the line what else would let pass."""
    short = re.compile(r'\buntil\((?!.*#).*, (\d+)(?:\.\d+)?(?:, (?:what=)?f?"[^"\n]*"\)|\)$)', re.MULTILINE)
    return [f"{path}: {wait[0]}" for path, text in files.items() for wait in short.finditer(text) if int(wait[1]) < 30]


def shared_databases(files):
    """A worker has one cluster for all files: each names its databases as no other does."""
    named = {}
    for path, text in files.items():
        for name in set(re.findall(r'cluster=\w+(?:\.\w+)*, database="(\w+)"', text)):
            named.setdefault(name, []).append(path)
    return [f"{name}: {paths}" for name, paths in named.items() if len(paths) > 1 and name != "finq"]


GUARDS = {
    short_waits: (scripts, {"tests/integration/test_env.py": '    process.until(lambda: f(1, 2), 5, "the end")\n',
                          "tests/integration/test_logs.py": "    until(done, 3)\n", "tests/finqenv/httpd.py": 'x = until(d, 5, "y")["z"]\n'}),
    shared_databases: (scripts, {"tests/integration/test_env.py": 'make_server(cluster=server.postgres, database="slow", children=1)'}),
    internal_errors: (code, {"src/flow/step.c": 'return finq_error_internal(pool, FINQ_E_INVALID_STEP, "no");'}),
    rooms: (code, {"src/flow/step.c": "#include <jansson.h>\n", "src/flow/session.c": "#include <openssl/evp.h>\n", "src/documents/blob.c": "#include <httpd.h>\n",
                   "src/httpd/call/body.c": '#include "libpq-fe.h"\n', "src/form/form.c": "#  include <pcre2.h>\n", "src/sign/key.c": "#include <curl/curl.h>\n"}),
    house: (code, {"src/ground/id.c": '#include "json/json.h"\n', "src/httpd/call/body.c": '#include "httpd/access.h"\n',
                   "include/httpd/paths.h": '#include "httpd/router.h"\n', "src/httpd/host/mpm.c": "static int *f = finq_body_read;\n",
                   "src/json/number.c": "int x(void)\n{\n    return finq_token_seal();\n}\n", "src/bank/link.c": '#include "httpd/request.h"\n',
                   "src/ctl/line.c": '#include "httpd/settings.h"\n',
                   "src/flow/step.c": '#include "httpd/request.h"\n', "src/new/room.c": '#include "ground/id.h"\n', "mod_finq.c": '#include "flow/step.h"\n'}),
    rings: (code, {"src/ctl/line.c": "static const void *f = ctl_verbs;\n", "src/httpd/api/api_tokens.c": "static hook *f = finq_router_handler;\n",
                   "src/httpd/call/request.c": "int x(void)\n{\n    return finq_reply_json();\n}\n", "src/bank/link.c": '#include "flow/token.h"\n',
                   "include/ground/id.h": '#include "flow/token.h"\n', "include/form/form.h": '#include "form/form.h"\n',
                   "src/form/form_format.c": "int form_x(void)\n{\n    form_build_node();\n}\n"}),
    compares: (code, {"src/flow/step.c": "if (strcmp(a->client_secret, b) == 0)\n", "src/flow/token.c": "memcmp(tag, sealed + 5, 32)\n",
                      "src/skills/directory.c": "return memcmp(key->hash,\n hash, 32);\n"}),
    long_files: (code, {"src/flow/step.c": "x;\n" * (MOST_LINES_OF_A_FILE + 1)}),
    long_functions: (code, {"src/flow/step.c": "static int f(void)\n{\n" + "    x;\n" * (MOST_LINES_OF_A_FUNCTION + 1) + "}\n"}),
    words: (everything, {"src/flow/step.c": "/* TO" "DO: later */"}),
    drawers: (code, {"src/ground/util.c": "", "include/json/common.h": ""}),
    names: (code, {"src/flow/step.c": "int helper(int a)\n{\n}\n", "src/ctl/db.c": "int finq_x(int a)\n{\n}\n"}),
    unsafe: (code, {"src/flow/step.c": "strcpy(a, b);", "src/ctl/line.c": "sprintf(a, b);"}),
    pasted_sql: (code, {"src/flow/step.c": 'apr_psprintf(pool, "SELECT finq.x(\'%s\')", name)'}),
}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_source(guard):
    files = GUARDS[guard][0]()
    assert len(files) > 60, "there is something to look at"
    assert list(guard(files)) == []


@pytest.mark.parametrize("guard, path", [(guard, path) for guard, (_, samples) in GUARDS.items() for path in samples],
                         ids=lambda value: getattr(value, "__name__", value))
def test_the_guard_can_fail(guard, path):
    files, samples = GUARDS[guard]
    text = files()
    planted = {**text, path: text.get(path, "") + "\n" + samples[path] if guard not in (names,) else samples[path]}
    assert list(guard(planted)) != []


def test_the_house_is_seen():
    """Each room is looked at, and tables of functions are followed."""
    files = code()
    seen, rooms_seen = arrows(files), {room(path, files) for path in files}
    print(f"{len(files)} files, {len(seen)} arrows, {len(rooms_seen)} rooms")
    assert rooms_seen == set(MAY_USE) and len(files) > 180 and len(seen) > 800
    assert {("src/httpd/router.c", "src/httpd/api/api_upload.c"), ("src/ctl/main.c", "src/ctl/verbs.c"), ("src/ctl/verbs.c", "src/ctl/outbox.c"),
            ("mod_finq.c", "src/httpd/directives.c"), ("src/httpd/directives.c", "src/httpd/call/cors.c")} <= seen.keys()


def headers_that_the_build_proves():
    """Those that the source of their name includes before all others."""
    for source in sorted((ROOT / "src").rglob("*.c")):
        first = re.search(r'^#include "(.+)"', source.read_text(), re.MULTILINE)
        if first and first[1].endswith(f"/{source.stem}.h"):
            yield ROOT / "include" / first[1]


def test_headers_compile_alone(tmp_path):
    """Each public header stands by itself, and may be included twice. Red where a header in the midst of a source lacks an include."""
    headers = set((ROOT / "include").glob("*/*.h"))
    proven = set(headers_that_the_build_proves())
    assert len(headers) > 100 and len(proven) > 90 and proven <= headers
    for header in sorted(headers):
        assert re.search(r"^#ifndef (FINQ_\w+_H)\n#define \1\n(?s:.*)^#endif\n\Z", header.read_text(), re.MULTILINE), header
    flags = subprocess.check_output("apr-1-config --includes --cppflags; apu-1-config --includes; pg_config --includedir | sed s/^/-I/;"
                                    " apxs -q INCLUDEDIR | sed s/^/-I/", shell=True, text=True).split()
    for header in headers - proven:
        name = header.relative_to(ROOT / "include")
        (tmp_path / f"{name.parent}_{name.stem}.c").write_text(f'#include "{name}"\n')
    done = subprocess.run(["gcc", "-std=gnu11", "-fsyntax-only", "-Wall", "-Werror", f"-I{ROOT}/include", *flags,
                           *map(str, tmp_path.glob("*.c"))], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_module_exports_its_record_alone_and_calls_nobody():
    """The .so shows httpd one symbol, and links no HTTP client (threat 8)."""
    exported = subprocess.check_output(["nm", "-D", "--defined-only", str(MODULE)], text=True)
    assert {line.split()[-1] for line in exported.splitlines()} - {"finq_module"} <= {"__odr_asan.finq_module"}
    imported = subprocess.check_output(["nm", "-D", "--undefined-only", str(MODULE)], text=True)
    for symbol in ("connect", "curl_easy_perform", "getaddrinfo", "gethostbyname", "system", "execve", "popen", "SSL_connect"):
        assert not re.search(rf"\bU {symbol}\b", imported), symbol
