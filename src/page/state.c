#include "page/state.h"

#include <apr_strings.h>
#include <string.h>

/* What stands before what is sealed: nothing that is sealed for another purpose opens as this. */
#define CARRIED 'S'

static finq_error *bytes_seal(finq_bytes *sealed, const char *text, const finq_secrets *secrets, apr_pool_t *pool)
{
    apr_size_t length = strlen(text) + 1;
    unsigned char *bytes = apr_palloc(pool, length + FINQ_SEAL_OVERHEAD);
    const char *plain = apr_psprintf(pool, "%c%s", CARRIED, text);
    FINQ_TRY(finq_secret_seal(finq_secrets_first(secrets), bytes, plain, length, pool));
    *sealed = (finq_bytes){bytes, length + FINQ_SEAL_OVERHEAD};
    return NULL;
}

/* NULL comes out for what does not open. */
static finq_error *bytes_open(const char **text, finq_bytes sealed, const finq_secrets *secrets, apr_pool_t *pool)
{
    finq_seal seal;
    *text = NULL;
    if (sealed.length <= FINQ_SEAL_OVERHEAD)
        return NULL;
    apr_size_t length = sealed.length - FINQ_SEAL_OVERHEAD;
    char *plain = apr_palloc(pool, length + 1);
    FINQ_TRY(finq_secrets_open(&seal, secrets, (unsigned char *)plain, sealed, pool));
    plain[length] = '\0';
    if (seal.secret && plain[0] == CARRIED)
        *text = plain + 1;
    return NULL;
}

#define TEXTS(X)                  \
    X("language", language)       \
    X("tenant", tenant)           \
    X("style", style)             \
    X("logo", logo)               \
    X("return_link", return_link) \
    X("moment", moment)           \
    X("session", session)         \
    X("skill", skill)

finq_error *finq_state_seal(const char **text, const finq_state *state, const finq_secrets *secrets, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    char id[FINQ_ID_TEXT + 1];
    finq_bytes sealed;
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "page", finq_id_write(id, &state->page_id));
#define X(name, member) finq_json_put(to, name, state->member);
    TEXTS(X)
#undef X
    finq_json_put_text(to, "typed", state->typed ? finq_json_text_spelt(state->typed, state->numbers, pool) : NULL);
    finq_json_put_text(to, "parts", state->parts ? finq_json_text(state->parts, pool) : NULL);
    finq_json_put_text(to, "files", state->files ? finq_json_text(state->files, pool) : NULL);
    finq_json_close(to, '}');
    FINQ_TRY(bytes_seal(&sealed, finq_json_written(to), secrets, pool));
    *text = finq_codec_encode(FINQ_BASE64URL, sealed.data, sealed.length, pool);
    return NULL;
}

void finq_state_fit(finq_state *state, const finq_skill *skill, apr_size_t room, apr_pool_t *pool)
{
    for (int i = skill->step_count - 1; i >= 0; i--) {
        const char *name = skill->steps[i].name;
        const json_t *typed = json_object_get(state->typed, name);
        apr_size_t length = typed ? strlen(finq_json_text_spelt(typed, state->numbers, pool)) : 0;
        if (length > room)
            json_object_del(state->typed, name);
        else
            room -= length;
    }
}

static void state_read(finq_state *state, json_t *said, finq_numbers *numbers)
{
#define X(name, member) state->member = json_string_value(json_object_get(said, name));
    TEXTS(X)
#undef X
    state->typed = json_object_get(said, "typed");
    state->parts = json_object_get(said, "parts");
    state->files = json_object_get(said, "files");
    state->numbers = numbers;
}

finq_error *finq_state_open(finq_state *state, int *is_ours, const char *text, const finq_id *page_id,
                            const finq_secrets *secrets, apr_pool_t *pool)
{
    finq_numbers *numbers = finq_numbers_make(pool);
    const char *json;
    finq_bytes sealed;
    json_t *said;
    *is_ours = 0;
    if (!text || !finq_codec_decode(&sealed, FINQ_BASE64URL, text, strlen(text), pool))
        return NULL;
    FINQ_TRY(bytes_open(&json, sealed, secrets, pool));
    if (!json)
        return NULL;
    FINQ_TRY(finq_json_stored(&said, numbers, json, pool));
    *is_ours = finq_id_parse(&state->page_id, json_string_value(json_object_get(said, "page"))) &&
               finq_id_equal(&state->page_id, page_id);
    if (*is_ours)
        state_read(state, said, numbers);
    return NULL;
}
