/* Two readers, one meaning: what is taken for plainly spelled means to jansson the same, member for member. */
#include "../../src/sign/jws_members.h"
#include "fuzz.h"

#define MEMBERS 6

static void names_set(finq_member members[MEMBERS])
{
    static const char *const names[MEMBERS] = {"alg", "kid", "typ", "iat", "aud", "crit"};
    memset(members, 0, MEMBERS * sizeof *members);
    for (int i = 0; i < MEMBERS; i++)
        members[i].name = names[i];
}

static int same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void promise_same(const finq_member *a, const finq_member *b)
{
    for (int i = 0; i < MEMBERS; i++)
        FUZZ_PROMISE(a[i].kind == b[i].kind && a[i].integer == b[i].integer && same_text(a[i].text, b[i].text) &&
                     !a[i].other == !b[i].other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    finq_bytes text = {data, size};
    finq_member plain[MEMBERS], parsed[MEMBERS], read[MEMBERS];
    char *copy = apr_palloc(pool, size + 1);
    memcpy(copy, data, size);
    copy[size] = '\0';
    names_set(plain), names_set(parsed), names_set(read);
    int is_plain = finq_members_plain(plain, MEMBERS, copy, copy + size);
    finq_error *error = finq_members_parse(parsed, MEMBERS, "It", text, pool);
    finq_error *shown = finq_members_read(read, MEMBERS, "It", text, pool);
    FUZZ_PROMISE(same_text(error ? error->message : NULL, shown ? shown->message : NULL));
    if (is_plain) {
        FUZZ_PROMISE(!error);
        promise_same(plain, parsed);
        fuzz_successes++;
    }
    if (!error)
        promise_same(read, parsed);
    return 0;
}
