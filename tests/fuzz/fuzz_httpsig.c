/* Three lines: Signature-Input, Signature, Content-Digest. */
#include "../../src/sign/httpsig_field.h"
#include "fuzz.h"

#include <apr_strings.h>

static const char *value_of(void *baton, const finq_httpsig_component *component, apr_pool_t *pool)
{
    static const finq_httpsig_request request = {"POST", "https", "example.com", "/v1s/sessions?x=1"};
    const char *value = finq_httpsig_derive(&request, component->name, pool);
    return value ? value : strcmp(component->name, "content-digest") == 0 ? baton : component->name;
}

static void check_canonical(const finq_httpsig_entry *entry, apr_pool_t *pool)
{
    finq_httpsig *again;
    const char *input = apr_pstrcat(pool, entry->label, "=", entry->params, NULL);
    FUZZ_PROMISE(!finq_httpsig_parse(&again, input, apr_pstrcat(pool, entry->label, "=:AAAA:", NULL), pool));
    FUZZ_PROMISE(strcmp(APR_ARRAY_IDX(again->entries, 0, finq_httpsig_entry).params, entry->params) == 0);
}

/* The next line; NULL behind the last, as for a field that was not sent. */
static const char *next_line(char **text)
{
    char *line = *text;
    *text = line ? strchr(line, '\n') : NULL;
    if (*text)
        *(*text)++ = '\0';
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    const char *input = next_line(&text), *signature = next_line(&text), *digest_text = next_line(&text);
    finq_httpsig *signatures;
    finq_content_digest digest;
    if (finq_httpsig_parse(&signatures, input, signature, pool))
        return 0;
    const finq_httpsig_message message = {value_of, (void *)digest_text};
    for (int i = 0; i < signatures->entries->nelts; i++) {
        const finq_httpsig_entry *entry = &APR_ARRAY_IDX(signatures->entries, i, finq_httpsig_entry);
        const char *base;
        check_canonical(entry, pool);
        if (finq_httpsig_base(&base, entry, &message, pool))
            return 0;
    }
    fuzz_successes += !finq_content_digest_parse(&digest, digest_text, pool);
    return 0;
}
