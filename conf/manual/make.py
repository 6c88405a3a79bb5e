#!/usr/bin/python3
"""Writes what is made of the manuals:
  make.py verbs FINQCTL FILE         finqctl.md or finqctl-records.md: its head as it is, its verbs from what the command
                                     says of them
  make.py man NAME SECTION VERSION   the man page NAME(SECTION), as go-md2man reads it
All goes to standard output.
"""
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DIRECTIVES = ("directives.md", "directives-documents.md", "directives-signed.md")
WORTHLESS = re.compile(r"\s*(The \w+\.|Does not ask; .*)\s*")  # what the name says already, or the head of the manual


# -- finqctl.md, finqctl-records.md

RECORDS = {"audit", "consent", "data-key", "explain", "fsck", "janitor", "outbox", "payment", "receipt", "session", "step", "token", "upload", "user"}  # the nouns of what servers have stored


def said(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def folded(text, indent=""):
    """A paragraph in lines of the manuals' width."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) > 119 - len(indent):
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return f"\n{indent}".join(lines)


def home(directive):
    """The manual that a directive stands in."""
    return next(file for file in DIRECTIVES if f"\n## {directive}\n" in (HERE / file).read_text())


def marked(text):
    """Names as code, directives as links to them."""
    name = r"[a-z_]+_#\d+\.\d+|(?:consent|payment|session|transactions)\.\w+|--[a-z][a-z-]*|[A-Z]+_[A-Z_]+|[a-z]+_[a-z_]+|POST /\w+|\[old, new\]|\{from, to\}"
    text = re.sub(rf"(?<![\w`])({name})", r"`\1`", text)
    return re.sub(r"\b(Finq[A-Z]\w+)", lambda name: f"[{name[1]}]({home(name[1])}#{name[1].lower()})", text)


def verb_text(finqctl, usage):
    words = re.match(r"finqctl ([a-z-]+(?: [a-z][a-z-]*)?)", usage)[1].split()
    help_text, rest = said(finqctl, *words, "--help").split("\n\nUsage:\n")
    rest, _, examples = rest.partition("\nExamples:\n")
    parameters = re.findall(r"^  (\S.*)\n((?:      .+\n)+)", rest.partition("\n")[2], re.MULTILINE)
    lines = [f"* {folded(f'`{name}`: {marked(more)}', '  ')}\n" for name, more in parameters if not WORTHLESS.fullmatch(more)]
    shown = [f"```\n{re.sub('^  ', '', examples, flags=re.MULTILINE)}```\n"] if examples else []
    return "\n".join([f"## finqctl {' '.join(words)}\n", f"    {usage}\n", folded(marked(help_text)) + "\n", *(["".join(lines)] if lines else []), *shown])


def verbs(finqctl, file):
    usages = re.findall(r"^  (finqctl ([a-z-]+).*)$", said(finqctl, "--help"), re.MULTILINE)
    head = (HERE / file).read_text().partition("\n## finqctl ")[0]
    its_own = [usage for usage, noun in sorted(usages) if (noun in RECORDS) == (file == "finqctl-records.md")]
    print(head, *(verb_text(finqctl, usage) for usage in its_own), sep="\n", end="")


# -- man pages

def without_links(text):
    """A link to another manual leaves its file's name, any other leaves nothing."""
    text = re.sub(r"\[([^]]+)\]\(#[^)]*\)", r"\1", text)
    text = re.sub(r"\[([^]]+)\]\((?:\w+://[^)]+|directives[a-z-]*\.md#finq\w+)\)", r"\1", text)
    return re.sub(r"\[([^]]+)\]\(([\w./-]+?)(?:#[^)]*)?\)", r"\1 (\2)", text)


def body(name):
    """A manual without its title; a directive's table becomes lines."""
    text = without_links((HERE / f"{name}.md").read_text().partition("\n\n")[2])
    return re.sub(r"(?:\| \| \|\n\|---\|---\|\n)?^\| (Description|Syntax|Default|Context|Module): \| (.+) \|$",
                  lambda row: f"**{row[1]}:** {row[2]}  ".replace("\\|", "|"), text, flags=re.MULTILINE)


def front():
    """What README says of the whole, before its first heading of the second rank."""
    return without_links((HERE / "../../README.md").read_text().partition("\n\n")[2].partition("\n## ")[0])


PAGES = {
    "finqctl": lambda: f"""# NAME
finqctl - the operator's command of mod_finq

# SYNOPSIS
**finqctl** [**--db** *CONNINFO*] *NOUN* *VERB* ...

# DESCRIPTION
{body("finqctl")}
{body("finqctl-records")}
# ENVIRONMENT
**FINQ_DB**: the database, where no `--db` is given.

**FINQ_SECRET_FILE**: the servers' secret file, where no `--secret-file` is given.

**FINQ_DATA_KEY_FILE**: the servers' data-key file, where no `--data-key-file` is given.

**FINQ_UPLOAD_DIR**: the servers' upload directory, where no `--upload-dir` is given.

# SEE ALSO
**mod_finq**(7); the manuals in share/doc/mod_finq
""",
    "mod_finq": lambda: f"""# NAME
mod_finq - an onboarding API for Apache httpd

# SYNOPSIS
**LoadModule finq_module** .../mod_finq.so

# DESCRIPTION
{front()}
# DIRECTIVES
{body("directives")}

{body("directives-documents")}

{body("directives-signed")}
# SEE ALSO
**finqctl**(1), **apache2**(8); the manuals in share/doc/mod_finq
""",
}


def man(name, section, version):
    print(f'% {name.upper()} {section} "" "mod_finq {version}" "mod_finq"\n\n{PAGES[name]()}', end="")


if __name__ == "__main__":
    {"verbs": verbs, "man": man}[sys.argv[1]](*sys.argv[2:])
