#include "db/pg.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/codec.h"

/* PostgreSQL's numbers for its own types, the same in every database (pg_type.dat). */
enum { PG_TYPE_BOOL = 16, PG_TYPE_BYTEA = 17, PG_TYPE_INT8 = 20, PG_TYPE_INT4 = 23, PG_TYPE_TEXT = 25, PG_TYPE_UUID = 2950 };

/* ---- parameters ---- */

static void arg_add(finq_pg_args *args, Oid type, const void *value, apr_size_t length)
{
    args->types[args->count] = type;
    args->values[args->count] = value;
    args->lengths[args->count] = (int)length;
    args->formats[args->count++] = type != PG_TYPE_TEXT;
}

static void arg_number(finq_pg_args *args, Oid type, apr_uint64_t number, apr_size_t bytes)
{
    unsigned char *to = args->numbers[args->count];
    finq_codec_number_put(to, number, bytes);
    arg_add(args, type, to, bytes);
}

void finq_pg_arg_id(finq_pg_args *args, const finq_id *id)
{
    arg_add(args, PG_TYPE_UUID, id ? id->bytes : NULL, sizeof id->bytes);
}

void finq_pg_arg_session(finq_pg_args *args, const finq_id *id)
{
    finq_pg_arg_id(args, id);
    args->session = id;
}

void finq_pg_arg_text(finq_pg_args *args, const char *text)
{
    arg_add(args, PG_TYPE_TEXT, text, text ? strlen(text) : 0);
}

void finq_pg_arg_bytes(finq_pg_args *args, finq_bytes bytes)
{
    arg_add(args, PG_TYPE_BYTEA, bytes.data, bytes.length);
}

void finq_pg_arg_int(finq_pg_args *args, apr_int32_t number)
{
    arg_number(args, PG_TYPE_INT4, (apr_uint64_t)number, 4);
}

void finq_pg_arg_long(finq_pg_args *args, apr_int64_t number)
{
    arg_number(args, PG_TYPE_INT8, (apr_uint64_t)number, 8);
}

void finq_pg_arg_bool(finq_pg_args *args, int truth)
{
    arg_number(args, PG_TYPE_BOOL, truth != 0, 1);
}

const char *finq_pg_array(const char *const *elements, int count, apr_pool_t *pool)
{
    apr_array_header_t *quoted = apr_array_make(pool, count, sizeof(const char *));
    for (int i = 0; i < count; i++)
        APR_ARRAY_PUSH(quoted, const char *) = apr_pstrcat(pool, "\"", elements[i], "\"", NULL);
    return apr_pstrcat(pool, "{", apr_array_pstrcat(pool, quoted, ','), "}", NULL);
}

apr_array_header_t *finq_pg_elements(const char *array, apr_pool_t *pool)
{
    static const char separators[] = "{},\""; /* quotes stand around what would read as NULL */
    apr_array_header_t *elements = apr_array_make(pool, 4, sizeof(const char *));
    char *last, *copy = apr_pstrdup(pool, array ? array : "");
    for (char *at = apr_strtok(copy, separators, &last); at; at = apr_strtok(NULL, separators, &last))
        APR_ARRAY_PUSH(elements, const char *) = at;
    return elements;
}

/* ---- columns ---- */

int finq_pg_rows(const PGresult *rows)
{
    return PQntuples(rows);
}

/* libpq ends each value with a NUL, in binary too. */
const char *finq_pg_text(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

apr_int64_t finq_pg_number(const PGresult *rows, int row, int column)
{
    const unsigned char *from = (const unsigned char *)PQgetvalue(rows, row, column);
    int length = PQgetlength(rows, row, column);
    apr_uint64_t number = finq_codec_number(from, (apr_size_t)length);
    if (length > 0 && length < 8 && (from[0] & 0x80))
        number |= ~(apr_uint64_t)0 << 8 * length; /* negative */
    return (apr_int64_t)number;
}

int finq_pg_bool(const PGresult *rows, int row, int column)
{
    return PQgetlength(rows, row, column) == 1 && PQgetvalue(rows, row, column)[0] == 1;
}

const finq_id *finq_pg_id(const PGresult *rows, int row, int column)
{
    int whole = PQgetlength(rows, row, column) == (int)sizeof(finq_id);
    return whole ? (const finq_id *)PQgetvalue(rows, row, column) : NULL; /* bytes need no alignment */
}

finq_bytes finq_pg_bytes(const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column))
        return (finq_bytes){NULL, 0};
    return (finq_bytes){(const unsigned char *)PQgetvalue(rows, row, column), (apr_size_t)PQgetlength(rows, row, column)};
}
