#include "db/pg.h"

#include <apr_strings.h>
#include <string.h>

/* ---- parameters ---- */

static void arg_add(finq_pg_args *args, const void *value, apr_size_t length, int format)
{
    args->values[args->count] = value;
    args->lengths[args->count] = (int)length;
    args->formats[args->count++] = format;
}

static void arg_number(finq_pg_args *args, apr_uint64_t number, int bytes)
{
    unsigned char *to = args->numbers[args->count];
    for (int i = bytes - 1; i >= 0; i--, number >>= 8)
        to[i] = (unsigned char)number;
    arg_add(args, to, (apr_size_t)bytes, 1);
}

void finq_pg_arg_id(finq_pg_args *args, const finq_id *id)
{
    arg_add(args, id ? id->bytes : NULL, sizeof id->bytes, 1);
}

void finq_pg_arg_session(finq_pg_args *args, const finq_id *id)
{
    finq_pg_arg_id(args, id);
    args->session = id;
}

void finq_pg_arg_text(finq_pg_args *args, const char *text)
{
    arg_add(args, text, 0, 0);
}

void finq_pg_arg_bytes(finq_pg_args *args, const void *bytes, apr_size_t length)
{
    arg_add(args, bytes, length, 1);
}

void finq_pg_arg_int(finq_pg_args *args, apr_int32_t number)
{
    arg_number(args, (apr_uint64_t)number, 4);
}

void finq_pg_arg_long(finq_pg_args *args, apr_int64_t number)
{
    arg_number(args, (apr_uint64_t)number, 8);
}

void finq_pg_arg_bool(finq_pg_args *args, int truth)
{
    arg_number(args, truth != 0, 1);
}

const char *finq_pg_array(const char *const *elements, int count, apr_pool_t *pool)
{
    apr_array_header_t *quoted = apr_array_make(pool, count, sizeof(const char *));
    for (int i = 0; i < count; i++)
        APR_ARRAY_PUSH(quoted, const char *) = apr_pstrcat(pool, "\"", elements[i], "\"", NULL);
    return apr_pstrcat(pool, "{", apr_array_pstrcat(pool, quoted, ','), "}", NULL);
}

/* ---- columns ---- */

int finq_pg_rows(const PGresult *rows)
{
    return PQntuples(rows);
}

int finq_pg_is_null(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column);
}

const char *finq_pg_text(const PGresult *rows, int row, int column, apr_pool_t *pool)
{
    if (PQgetisnull(rows, row, column))
        return NULL;
    return apr_pstrmemdup(pool, PQgetvalue(rows, row, column), (apr_size_t)PQgetlength(rows, row, column));
}

apr_int64_t finq_pg_number(const PGresult *rows, int row, int column)
{
    const unsigned char *from = (const unsigned char *)PQgetvalue(rows, row, column);
    int length = PQgetlength(rows, row, column);
    apr_uint64_t number = length > 0 && (from[0] & 0x80) ? ~(apr_uint64_t)0 : 0;
    for (int i = 0; i < length; i++)
        number = number << 8 | from[i];
    return (apr_int64_t)number;
}

int finq_pg_bool(const PGresult *rows, int row, int column)
{
    return PQgetlength(rows, row, column) == 1 && PQgetvalue(rows, row, column)[0] == 1;
}

finq_id finq_pg_id(const PGresult *rows, int row, int column)
{
    finq_id id = {{0}};
    if (PQgetlength(rows, row, column) == (int)sizeof id.bytes)
        memcpy(id.bytes, PQgetvalue(rows, row, column), sizeof id.bytes);
    return id;
}

const unsigned char *finq_pg_bytes(const PGresult *rows, int row, int column, apr_size_t *length)
{
    *length = (apr_size_t)PQgetlength(rows, row, column);
    return (const unsigned char *)PQgetvalue(rows, row, column);
}
