/* What the directory asks of the database, and when: over a scripted one that can be away, and a clock that can be set.
 *
 * Seen red: see the tests. */
#include "flow_fixture.h"

#include <sys/syscall.h>
#include <time.h>

#include "crypto/digest.h"
#include "skills/directory.h"

#define APP_KEY "an app key"

/* Seconds by which clocks are ahead, the steady one too. */
static time_t ahead;

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += ahead;
    return result;
}

static int is_away, asked;

static finq_error *call(finq_db *db, const PGresult **rows, const finq_pg_statement *statement, const finq_pg_args *args,
                        apr_pool_t *owner)
{
    asked++;
    return is_away ? finq_error_internal(owner, FINQ_E_SERVICE_UNAVAILABLE, "away")
                   : scripted_call(db, rows, statement, args, owner);
}

static scripted_db away = {.db = {call}};

/* A tenant whose key fits and that may use the skill. */
static const char *tenant_text(void)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    char hex[2 * sizeof hash + 1];
    finq_digest_sha256(hash, APP_KEY, strlen(APP_KEY));
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return apr_psprintf(pool, "{\"active\":true,\"app_keys\":[{\"key_id\":5,\"hash\":\"%s\"}],\"skills\":[7]}", hex);
}

/* How a start is judged, with so many answers of the database. */
static finq_error *judge(finq_directory *directory, const scripted_answer *answers, int count)
{
    apr_int64_t key_id = 0;
    const finq_published *found;
    finq_directory_claim claim = {.client_id = client_id, .app_key = APP_KEY, .skill = "flow_sbx_#1.0"};
    away.answers = answers;
    away.count = count;
    away.made = asked = 0;
    finq_error *error = finq_directory_authorise(&key_id, &found, directory, &away.db, &claim, pool);
    if (!error)
        assert_int_equal(key_id, 5);
    return error;
}

/* Red where the telling decides over the start; and where each start tells while the database is away. */
static void a_database_that_is_away_is_told_later(void **state)
{
    const scripted_answer skill = {"finq_skill_named", {number_cell("skill_id", 7), text_cell("definition", SKILL)}};
    const scripted_answer version = {"finq_directory_version", {number_cell("directory_version", 1)}};
    const scripted_answer seen = {"finq_tenant_seen", {text_cell("tenant_seen", tenant_text())}};
    const scripted_answer first[] = {version, seen, skill}, again[] = {seen};
    finq_directory *directory;
    (void)state;
    ahead = is_away = 0;
    assert_null(finq_directory_create(&directory, 300, NULL, pool));
    assert_null(judge(directory, first, 3));
    assert_int_equal(asked, 3);
    ahead = 59;
    assert_null(judge(directory, NULL, 0));
    ahead = 61;
    is_away = 1;
    assert_null(judge(directory, NULL, 0));
    assert_int_equal(asked, 1);
    assert_null(judge(directory, NULL, 0));
    assert_int_equal(asked, 0);
    ahead = 122;
    is_away = 0;
    assert_null(judge(directory, again, 1));
    assert_int_equal(asked, 1);
    ahead = 122 + 301;
    is_away = 1;
    assert_int_equal(judge(directory, NULL, 0)->code, FINQ_E_SERVICE_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_that_is_away_is_told_later),
    };
    return cmocka_run_group_tests(tests, flow_setup, flow_teardown);
}
