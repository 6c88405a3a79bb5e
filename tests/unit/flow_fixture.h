/* An onboarding without a server: a database and a connector that answer by a script, in the words of src/db/calls.c. */
#ifndef FLOW_FIXTURE_H
#define FLOW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/feed.h"
#include "flow/sealed.h"
#include "flow/service.h"
#include "flow/session.h"
#include "flow/token.h"

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static apr_pool_t *pool;

/* ---- the database ---- */

typedef struct {
    const char *column; /* ends the list where it is NULL; columns that are not named are NULL */
    const char *bytes;
    int length;
} cell;

/* Calls are answered in this order, and no other is made. */
typedef struct {
    const char *statement;
    cell cells[20];
} scripted_answer;

typedef struct {
    finq_db db;
    const scripted_answer *answers;
    int count, made;
    const finq_pg_statement *statement; /* of the last call */
    finq_pg_args args;                  /* its parameters: the values live as long as who made the call */
    const char *texts[FINQ_PG_ARGS];    /* and as text, those that were one */
    finq_bytes bytes[FINQ_PG_ARGS];     /* and as bytes the others */
} scripted_db;

static inline cell text_cell(const char *column, const char *text)
{
    return (cell){column, text, (int)strlen(text)};
}

static inline cell number_cell(const char *column, apr_int64_t number)
{
    char *bytes = apr_palloc(pool, 8);
    for (int i = 7; i >= 0; i--, number >>= 8)
        bytes[i] = (char)number;
    return (cell){column, bytes, 8};
}

static inline cell bool_cell(const char *column, int truth)
{
    return (cell){column, truth ? "\1" : "\0", 1};
}

static inline cell bytes_cell(const char *column, finq_bytes bytes)
{
    return (cell){column, (const char *)bytes.data, (int)bytes.length};
}

static inline cell id_cell(const char *column, const finq_id *id)
{
    return (cell){column, (const char *)id->bytes, 16};
}

/* The columns of "SELECT a, b FROM ...". */
static inline int columns_of(char **names, const char *sql)
{
    int count = 0;
    char *last, *list = apr_pstrndup(pool, sql + 7, (apr_size_t)(strstr(sql, " FROM ") - sql - 7));
    for (char *name = apr_strtok(list, ", ", &last); name; name = apr_strtok(NULL, ", ", &last))
        names[count++] = name;
    return count;
}

static inline apr_status_t scripted_clear(void *result)
{
    PQclear(result);
    return APR_SUCCESS;
}

static inline PGresult *scripted_row(const scripted_answer *answer, const char *sql, apr_pool_t *owner)
{
    char *names[32];
    int count = columns_of(names, sql);
    PGresAttDesc attributes[32] = {{0}};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    apr_pool_cleanup_register(owner, result, scripted_clear, apr_pool_cleanup_null);
    for (int i = 0; i < count; i++) {
        attributes[i].name = names[i];
        attributes[i].format = 1;
    }
    PQsetResultAttrs(result, count, attributes);
    for (int i = 0; i < count; i++) {
        const cell *found = answer->cells;
        while (found->column && strcmp(found->column, names[i]) != 0)
            found++;
        PQsetvalue(result, 0, i, found->column ? (char *)found->bytes : NULL, found->column ? found->length : -1);
    }
    return result;
}

static inline finq_error *scripted_call(finq_db *db, const PGresult **rows, const finq_pg_statement *statement,
                                        const finq_pg_args *args, apr_pool_t *owner)
{
    scripted_db *self = (scripted_db *)db;
    if (self->made >= self->count)
        fail_msg("%s is called, and no call was expected", statement->name);
    const scripted_answer *answer = &self->answers[self->made++];
    assert_string_equal(statement->name, answer->statement);
    self->statement = statement;
    self->args = *args;
    for (int i = 0; i < args->count; i++) {
        apr_size_t length = args->formats[i] && args->values[i] ? (apr_size_t)args->lengths[i] : 0;
        self->texts[i] = args->formats[i] == 0 && args->values[i] ? apr_pstrdup(pool, args->values[i]) : NULL;
        self->bytes[i] = (finq_bytes){length ? apr_pmemdup(pool, args->values[i], length) : NULL, length};
    }
    *rows = scripted_row(answer, statement->sql, owner);
    return NULL;
}

static inline int place_of(const scripted_db *self, const char *parameter)
{
    const char *found = strstr(self->statement->sql, apr_pstrcat(pool, parameter, " => $", NULL));
    assert_non_null(found);
    return atoi(found + strlen(parameter) + 5) - 1;
}

/* What the last call gave for a parameter that is a text; NULL for SQL's NULL. */
static inline const char *given(const scripted_db *self, const char *parameter)
{
    return self->texts[place_of(self, parameter)];
}

/* ---- the connector ---- */

typedef struct {
    finq_connectors connectors;
    const char *says; /* its answer, as JSON */
    int asked, entered, is_full;
    finq_connector_question question; /* the last */
} scripted_connector;

static inline finq_error *scripted_ask(finq_connectors *connectors, finq_connector_answer *answer, const char *name,
                                       const finq_connector_question *question, apr_pool_t *owner)
{
    scripted_connector *self = (scripted_connector *)connectors;
    assert_string_equal(name, "bank");
    self->asked++;
    self->question = *question;
    if (!self->says)
        return finq_error_make(owner, FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "The service cannot be reached.");
    return finq_connector_read(answer, self->says, strlen(self->says), 1, owner);
}

/* Every other has its place. */
static inline finq_error *scripted_enter(finq_connectors *connectors, const char *name)
{
    scripted_connector *self = (scripted_connector *)connectors;
    (void)name;
    if (self->is_full)
        return finq_error_internal(pool, FINQ_E_SERVICE_UNAVAILABLE, "full");
    self->entered++;
    return NULL;
}

static inline void scripted_leave(finq_connectors *connectors, const char *name)
{
    (void)name;
    ((scripted_connector *)connectors)->entered--;
}

static inline int scripted_pause(finq_connectors *connectors)
{
    (void)connectors;
    return 1;
}

static inline const char *scripted_return_uri(finq_connectors *connectors, apr_pool_t *owner)
{
    (void)connectors;
    return apr_pstrdup(owner, "https://finq.example/v1/redirects/");
}

/* ---- the onboarding ---- */

/* Places: 1 asks a connector, 2 a person, 3 both, 4 nobody and wants a document. */
#define SKILL                                                                                                                    \
    "{\"name\": \"flow_sbx_#1.0\", \"title\": \"Flow\", \"type\": \"marketplace\", \"environment\": \"sandbox\","                \
    " \"servicer\": {\"name\": \"XYZ Bank\", \"country\": \"Romania\"}, \"steps\": ["                                            \
    "{\"name\": \"consent\", \"schema\": true, \"connector\": \"bank\"},"                                                        \
    "{\"name\": \"look\", \"schema\": true, \"review\": \"offline\"},"                                                           \
    "{\"name\": \"both\", \"schema\": true, \"connector\": \"bank\", \"review\": \"offline\"},"                                  \
    "{\"name\": \"papers\", \"schema\": true, \"uploads\": [{\"document\": \"id_front\", \"title\": \"ID\", \"required\": true," \
    " \"max_bytes\": 1000, \"media_types\": [\"image/png\"]}]}]}"

static scripted_db database = {.db = {scripted_call}};
static scripted_connector connector = {.connectors = {.ask = scripted_ask,
                                                      .enter = scripted_enter,
                                                      .leave = scripted_leave,
                                                      .pause = scripted_pause,
                                                      .return_uri = scripted_return_uri}};
static finq_service service;
static const finq_published *published;
static finq_id session_id, client_id = {{1, 2, 3}};
static finq_bytes data_key; /* the session's, wrapped */
static finq_data_key *key;  /* and unwrapped */

static inline void script(const scripted_answer *answers, int count)
{
    database.answers = answers;
    database.count = count;
    database.made = 0;
}

#define SCRIPT(...)                                \
    script((const scripted_answer[]){__VA_ARGS__}, \
           (int)(sizeof((const scripted_answer[]){__VA_ARGS__}) / sizeof(scripted_answer)))

/* The file's keys serve as secrets and as what wraps the session's data key. */
static inline void secrets_make(finq_secrets **secrets, finq_data_keys **keys)
{
    char path[] = "/tmp/finq_secret_XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, SECRET, strlen(SECRET)), (ssize_t)strlen(SECRET));
    fchmod(fd, 0600);
    close(fd);
    assert_null(finq_secrets_load(secrets, path, pool));
    assert_null(finq_data_keys_load(keys, path, pool));
    unlink(path);
}

/* A service that has met the skill, so that no test's script needs to tell of it. */
static inline int flow_setup(void **state)
{
    finq_directory *directory;
    finq_secrets *secrets;
    finq_data_keys *keys;
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    assert_null(finq_directory_create(&directory, 60, NULL, pool));
    assert_null(finq_id_new(&session_id, pool));
    secrets_make(&secrets, &keys);
    assert_null(finq_data_key_make(&data_key, keys, &session_id, pool));
    assert_null(finq_data_key_unwrap(&key, keys, data_key, pool));
    service = (finq_service){.db = &database.db,
                             .connectors = &connector.connectors,
                             .directory = directory,
                             .secrets = secrets,
                             .data_keys = keys,
                             .nonce_ttl = 1800,
                             .temp_token_ttl = 600,
                             .session_ttl = 86400};
    SCRIPT({"finq_skill_get", {number_cell("skill_id", 7), text_cell("definition", SKILL)}});
    assert_null(finq_directory_skill(&published, directory, service.db, 7, pool));
    return 0;
}

static inline int flow_teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

static inline cell sealed_cell(const char *column, const char *kind, const finq_id *id, const char *text)
{
    finq_bytes sealed;
    const finq_id *of =
        strcmp(kind, FINQ_SEALED_USER) == 0 || strcmp(kind, FINQ_SEALED_REFERENCE) == 0 ? &client_id : &session_id;
    assert_null(finq_data_key_seal(&sealed, key, FINQ_DATA_PLACE(kind, of, id), text, pool));
    return bytes_cell(column, sealed);
}

/* What the last call gave for a parameter that is sealed, opened. */
static inline const char *given_sealed(const scripted_db *self, const char *parameter, const char *kind, const finq_id *id)
{
    const char *text;
    assert_null(
        finq_data_key_open(&text, key, FINQ_DATA_PLACE(kind, &session_id, id), self->bytes[place_of(self, parameter)], pool));
    return text;
}

static inline finq_token token_at(finq_token_kind kind, int place)
{
    return (finq_token){.kind = kind,
                        .ordinal = place,
                        .place = place,
                        .expires_at = apr_time_sec(apr_time_now()) + 600,
                        .client_id = client_id,
                        .session_id = session_id,
                        .skill_id = 7,
                        .data_key = kind == FINQ_TOKEN_NONCE ? data_key : (finq_bytes){NULL, 0}};
}

/* A pass for the step at a place, as its nonce opens. */
static inline finq_session_pass pass_at(int place)
{
    finq_session_pass pass;
    finq_token token = token_at(FINQ_TOKEN_NONCE, place);
    const char *nonce;
    assert_null(finq_token_seal(&nonce, &token, finq_secrets_first(service.secrets), pool));
    assert_null(finq_session_pass_open(&pass, &service, &client_id, nonce, 0, pool));
    return pass;
}

/* What a token that was given holds; its kind is what is asked for. */
static inline finq_token opened(finq_token_kind kind, const char *text)
{
    finq_token token = {.kind = kind};
    const finq_secret *by;
    assert_non_null(text);
    assert_null(finq_token_open(&token, &by, text, service.secrets, pool));
    assert_non_null(by);
    return token;
}

#endif
