"""How C calls the SQL functions of the server: asked from PostgreSQL itself, written as plain C (`make calls`).

A function that finq_server may execute becomes a struct of its parameters, a struct of what it answers, and a call by name.
"""
import dataclasses
import json
import re
import textwrap

from .places import ROOT
from .process import Failure
from .schema import functions

HEADER, SOURCE = ROOT / "include/db/calls.h", ROOT / "src/db/calls.c"
WIDTH = 130

# A SQL type as C has it: the field, how it is sent, how it is read. Whatever is not here goes as text.
KINDS = {
    "uuid": ("const finq_id *", "finq_pg_arg_id(&args, {})", "finq_pg_id(rows, {}, {})"),
    "integer": ("apr_int32_t ", "finq_pg_arg_int(&args, {})", "(apr_int32_t)finq_pg_number(rows, {}, {})"),
    "bigint": ("apr_int64_t ", "finq_pg_arg_long(&args, {})", "finq_pg_number(rows, {}, {})"),
    "boolean": ("int ", "finq_pg_arg_bool(&args, {})", "finq_pg_bool(rows, {}, {})"),
    "bytea": ("finq_bytes ", "finq_pg_arg_bytes(&args, {})", "finq_pg_bytes(rows, {}, {})"),
}
TEXT = ("const char *", "finq_pg_arg_text(&args, {})", "finq_pg_text(rows, {}, {})")
# What PostgreSQL sends in binary as something else than its text.
UNREADABLE = re.compile(r"jsonb|.*\[\]|timestamp.*|interval|numeric|inet")

# The columns of a function that answers one value bear its name; those of a composite type are its attributes.
ASK = """
SELECT coalesce(json_agg(json_build_object(
    'name', p.proname, 'many', p.proretset, 'reads', p.provolatile <> 'v', 'type', CASE WHEN t.typrelid <> 0 THEN t.typname END, 'comment', coalesce(obj_description(p.oid, 'pg_proc'), ''),
    'parameters', (SELECT coalesce(json_agg(json_build_array(p.proargnames[a.place], format_type(a.type, NULL)) ORDER BY a.place), '[]')
                     FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, place)),
    'columns', CASE
        WHEN p.proallargtypes IS NOT NULL THEN
            (SELECT json_agg(json_build_array(p.proargnames[a.place], format_type(a.type, NULL)) ORDER BY a.place)
               FROM unnest(p.proallargtypes) WITH ORDINALITY AS a (type, place) WHERE p.proargmodes[a.place] IN ('o', 't', 'b'))
        WHEN t.typrelid <> 0 THEN
            (SELECT json_agg(json_build_array(c.attname, format_type(c.atttypid, NULL)) ORDER BY c.attnum)
               FROM pg_attribute c WHERE c.attrelid = t.typrelid AND c.attnum > 0 AND NOT c.attisdropped)
        ELSE json_build_array(json_build_array(p.proname, format_type(p.prorettype, NULL))) END) ORDER BY p.proname), '[]')
  FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
 WHERE p.pronamespace = 'finq'::regnamespace AND has_function_privilege('finq_server', p.oid, 'EXECUTE')
"""


@dataclasses.dataclass
class Field:
    """A parameter or a column."""
    name: str
    type: str

    @property
    def c(self):
        return self.name.removeprefix("p_")

    @property
    def kind(self):
        return KINDS.get(self.type, TEXT)

    def declared(self):
        note = "" if self.type in KINDS or self.type == "text" else f" /**< {self.type} */"
        return f"    {self.kind[0]}{self.c};{note}"


class Function:
    """One that the server may call. What a named type answers is one struct for all functions that answer it."""

    def __init__(self, told):
        self.name, self.many = told["name"], told["many"]
        self.out = f"finq_{self.name}_out"
        self.row, self.named = (f"finq_{told['type']}_row", True) if told["type"] else (self.out, False)
        self.parameters = [Field(*one) for one in told["parameters"]]
        self.columns = [Field(*one) for one in told["columns"]]
        words = told["comment"].split(", ")
        locks = [word.removeprefix("locks: ") for word in words if word.startswith("locks: ")]
        self.locks = f"p_{locks[0]}_id" if locks else None
        self.repeatable = told["reads"] or "repeatable" in words
        crowds = [word.removeprefix("crowd: ") for word in words if word.startswith("crowd: ")]
        self.crowd = crowds[0] if crowds else None
        wrong = [field.name for field in self.columns if UNREADABLE.fullmatch(field.type)]
        if wrong or (self.locks and self.locks not in [field.name for field in self.parameters]):
            raise Failure(f"finq.{self.name}: {wrong or self.locks} is nothing that C can use")

    # -- the header

    def row_struct(self):
        return struct(self.row, self.columns)

    def structs(self):
        given = struct(f"finq_{self.name}_in", self.parameters) if self.parameters else ""
        return given + (f"typedef {self.row} {self.out};\n" if self.named else self.row_struct())

    def signature(self):
        out = "apr_array_header_t **rows" if self.many else f"{self.out} *out"
        given = f", const finq_{self.name}_in *in" if self.parameters else ""
        return wrapped(f"finq_error *finq_call_{self.name}(", f"{out}, finq_db *db{given}, apr_pool_t *pool)")

    def promise(self):
        where = next(file for file in functions() if f"FUNCTION finq.{self.name}(" in file.read_text())
        said = [f"{where.relative_to(ROOT)}."]
        if self.many:
            said.append(f"`*rows` are of {self.out}.")
        if self.locks:
            said.append(f"It locks no more than its {self.locks[2:-3]}, and may share a transaction.")
        if self.repeatable:
            said.append("It may be repeated.")
        return "/** " + " ".join(said) + " */"

    # -- the source

    def reader(self):
        """Reads a row by the places that the call's own text gives the columns."""
        body = "\n".join(f"        .{field.c} = {field.kind[2].format('row', place)}," for place, field in enumerate(self.columns))
        return f"static {self.row} {self.row_name()}_read(const PGresult *rows, int row)\n{{\n    return ({self.row}){{\n{body}\n    }};\n}}\n"

    def row_name(self):
        return self.row.removeprefix("finq_").removesuffix("_row").removesuffix("_out")

    def statement(self, variable, function, columns, rest):
        given = ", ".join(f"{field.name} => ${place}" for place, field in enumerate(self.parameters, 1))
        lines = textwrap.wrap(f"SELECT {', '.join(columns)} FROM finq.{function}({given})", WIDTH - 16, break_long_words=False)
        text = " \"\n        \"".join(lines)
        return f'    static const finq_pg_statement {variable} = {{\n        "finq_{function}",\n        "{text}", {rest}}};'

    def statements(self):
        """A crowd's has the same parameters, as arrays, and the member's number behind the same columns."""
        columns = [field.name for field in self.columns]
        if self.crowd:
            yield self.statement("crowd", self.crowd, [*columns, "member"], "0, NULL")
        yield self.statement("statement", self.name, columns, f"{int(self.repeatable)}, {'&crowd' if self.crowd else 'NULL'}")

    def body(self):
        sent = [f"    {('finq_pg_arg_session(&args, {})' if field.name == self.locks else field.kind[1]).format(f'in->{field.c}')};"
                for field in self.parameters]
        call = ["    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));"]
        if self.many:
            read = [f"    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof({self.out}));",
                    "    for (int i = 0; i < finq_pg_rows(found); i++)",
                    f"        APR_ARRAY_PUSH(*rows, {self.out}) = {self.row_name()}_read(found, i);"]
            call = [call[0].replace("&rows", "&found")]
        else:
            read = [f"    *out = {self.row_name()}_read(rows, 0);"]
        return "\n".join([*self.statements(), f"    const PGresult *{'found' if self.many else 'rows'};", "    finq_pg_args args = {0};",
                          *sent, *call, *read, "    return NULL;"])


def struct(name, fields):
    return f"typedef struct {name} {{\n" + "\n".join(field.declared() for field in fields) + f"\n}} {name};\n"


def wrapped(head, arguments):
    """A declaration, its arguments aligned where they take two lines."""
    if len(head + arguments) + 1 <= WIDTH:
        return head + arguments
    first, rest = arguments.rsplit(", ", 1)
    return f"{head}{first},\n{' ' * len(head)}{rest}"


def header(all_of_them):
    return f"""\
/* Calls: the SQL functions of the server, by name. Made by `make calls` from the database's own words; edit sql/functions.
 *
 * Ids, texts and bytes of an answer lie in its rows, which live as long as the pool. SQL's NULL is NULL, 0 or no bytes, both
 * ways; an id or a text that is NULL is sent as SQL's NULL. Errors: those of a call. */
#ifndef FINQ_CALLS_H
#define FINQ_CALLS_H

#include <apr_tables.h>

#include "db/pg.h"
#include "ground/codec.h"

""" + "\n".join(one.row_struct() for one in rows_of(all_of_them) if one.named) + "\n" + "\n".join(
        f"{one.structs()}{one.promise()}\n{one.signature()};\n" for one in all_of_them) + "\n#endif\n"


def source(all_of_them):
    return "/* Made by `make calls`. */\n#include \"db/calls.h\"\n\n" + "\n".join(
        [one.reader() for one in rows_of(all_of_them)] + [f"{one.signature()}\n{{\n{one.body()}\n}}\n" for one in all_of_them])


def rows_of(all_of_them):
    """A function for each kind of row."""
    return {one.row: one for one in reversed(all_of_them)}.values()


def made(psql):
    """{path: text} of what the database's functions make."""
    told = [Function(one) for one in json.loads(psql(ASK))]
    all_of_them = [one for one in told if one.name not in {other.crowd for other in told}]
    return {HEADER: header(all_of_them), SOURCE: source(all_of_them)}
