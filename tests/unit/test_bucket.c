#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_shm.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meter/bucket.h"

#define SECOND 1000000
#define KEYS 1024
#define THREADS 8
#define BORN 12345

static const unsigned char secret[FINQ_BUCKET_SECRET] = "0123456789abcde";
static const finq_bucket_rate ten_a_second = {SECOND / 10, 20};

static apr_pool_t *pool;

/* Memory that children share, as httpd's do. */
static finq_bucket_table *table_new(apr_uint32_t keys)
{
    apr_shm_t *shm;
    assert_int_equal(apr_shm_create(&shm, finq_bucket_size(keys), NULL, pool), APR_SUCCESS);
    memset(apr_shm_baseaddr_get(shm), 0, finq_bucket_size(keys));
    return finq_bucket_init(apr_shm_baseaddr_get(shm), keys, secret, BORN);
}

static apr_uint64_t key_of(finq_bucket_table *table, int number)
{
    return finq_bucket_key(table, &number, sizeof number);
}

static int take_all(finq_bucket_table *table, apr_uint64_t key, const finq_bucket_rate *rate, apr_time_t now)
{
    int taken = 0;
    while (finq_bucket_take(table, key, rate, now).allowed)
        taken++;
    return taken;
}

/* Red when: answer_of compares with >, or take does not count from `now` where the bucket is full. */
static void a_bucket_empties_and_fills(void **state)
{
    finq_bucket_table *table = table_new(KEYS);
    apr_uint64_t key = key_of(table, 1);
    (void)state;
    finq_bucket_answer first = finq_bucket_take(table, key, &ten_a_second, BORN);
    assert_true(first.allowed);
    assert_int_equal(first.remaining, 19);
    assert_int_equal(take_all(table, key, &ten_a_second, BORN), 19);
    finq_bucket_answer refused = finq_bucket_take(table, key, &ten_a_second, BORN + 1);
    assert_false(refused.allowed);
    assert_int_equal(refused.remaining, 0);
    assert_int_equal(refused.wait, SECOND / 10 - 1);
    assert_false(finq_bucket_take(table, key, &ten_a_second, BORN + SECOND / 10 - 1).allowed);
    assert_true(finq_bucket_take(table, key, &ten_a_second, BORN + SECOND / 10).allowed);
    assert_int_equal(take_all(table, key, &ten_a_second, BORN + SECOND), 9);
    assert_int_equal(take_all(table, key, &ten_a_second, BORN + 1000 * (apr_time_t)SECOND), 20);
}

static void looking_takes_nothing(void **state)
{
    finq_bucket_table *table = table_new(KEYS);
    apr_uint64_t key = key_of(table, 1);
    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(finq_bucket_look(table, key, &ten_a_second, BORN).remaining, 20);
    take_all(table, key, &ten_a_second, BORN);
    assert_false(finq_bucket_look(table, key, &ten_a_second, BORN).allowed);
    assert_int_equal(finq_bucket_look(table, key, &ten_a_second, BORN).wait, SECOND / 10);
}

/* Red when: finq_bucket_give returns where less than one token is missing. */
static void a_token_is_given_back(void **state)
{
    static const finq_bucket_rate one = {SECOND, 1};
    finq_bucket_table *table = table_new(KEYS);
    apr_uint64_t key = key_of(table, 1), other = key_of(table, 2);
    (void)state;
    assert_true(finq_bucket_take(table, key, &one, BORN).allowed);
    finq_bucket_give(table, key, &one, BORN + 10);
    assert_true(finq_bucket_take(table, key, &one, BORN + 10).allowed);
    assert_false(finq_bucket_take(table, key, &one, BORN + 10).allowed);
    assert_int_equal(take_all(table, other, &ten_a_second, BORN), 20);
    for (int i = 0; i < 100; i++)
        finq_bucket_give(table, other, &ten_a_second, BORN);
    assert_int_equal(take_all(table, other, &ten_a_second, BORN), 20);
}

static void no_rate_is_no_limit(void **state)
{
    static const finq_bucket_rate none = {0, 0};
    finq_bucket_table *table = table_new(KEYS);
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(finq_bucket_take(table, key_of(table, 1), &none, BORN).allowed);
    assert_true(finq_bucket_look(table, key_of(table, 1), &none, BORN).allowed);
}

/* Red when: bucket_claim spares buckets that are not full again, and take refuses where it found none. */
static void a_full_table_refuses_no_newcomer(void **state)
{
    static const finq_bucket_rate one_an_hour = {3600u * SECOND, 1};
    finq_bucket_table *table = table_new(64);
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_true(finq_bucket_take(table, key_of(table, i), &one_an_hour, BORN).allowed);
}

/* Red when: bucket_claim takes the first bucket of a set, or the one that is full latest. */
static void a_flood_displaces_the_oldest(void **state)
{
    finq_bucket_table *table = table_new(KEYS);
    apr_uint64_t abuser = key_of(table, -1);
    (void)state;
    take_all(table, abuser, &ten_a_second, BORN);
    for (int i = 0; i < 100 * KEYS; i++)
        finq_bucket_take(table, key_of(table, i), &ten_a_second, BORN);
    assert_false(finq_bucket_take(table, abuser, &ten_a_second, BORN).allowed);
    assert_true(finq_bucket_look(table, key_of(table, 0), &ten_a_second, BORN).remaining == 20);
}

static void rates_keep_their_span(void **state)
{
    static const finq_bucket_rate slowest = {3600u * SECOND, 24};
    finq_bucket_table *table = table_new(KEYS);
    apr_time_t years = BORN + (apr_time_t)8 * 365 * 86400 * SECOND;
    (void)state;
    assert_int_equal(take_all(table, key_of(table, 1), &slowest, years), 24);
    assert_int_equal(finq_bucket_take(table, key_of(table, 1), &slowest, years).wait, (apr_time_t)3600 * SECOND);
}

typedef struct {
    finq_bucket_table *table;
    apr_uint64_t key;
    int taken;
} worker;

static const finq_bucket_rate many = {1, 2000000}; /* what takes each thread several turns of a processor */

static void *work(void *data)
{
    worker *self = data;
    self->taken = take_all(self->table, self->key, &many, BORN);
    return NULL;
}

/* Red when: take stores the state instead of swapping it. */
static void threads_share_exactly(void **state)
{
    finq_bucket_table *table = table_new(KEYS);
    worker workers[THREADS];
    pthread_t threads[THREADS];
    int sum = 0;
    (void)state;
    finq_bucket_take(table, key_of(table, 7), &many, BORN); /* two who bring a new key at once may each find room for it */
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){table, key_of(table, 7), 0};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += workers[i].taken;
    }
    assert_int_equal(sum, many.burst - 1);
}

/* Children are killed while they hammer the table; it goes on working, and exactly. */
static void dead_processes_leave_nothing(void **state)
{
    finq_bucket_table *table = table_new(64);
    pid_t children[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        for (int n = 0; children[i] == 0; n++)
            finq_bucket_take(table, key_of(table, n % 1000), &ten_a_second, BORN + n);
    }
    usleep(50000);
    for (int i = 0; i < 4; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    apr_time_t later = BORN + (apr_time_t)86400 * SECOND;
    assert_int_equal(take_all(table, key_of(table, 3), &ten_a_second, later), 20);
}

static int setup(void **state)
{
    (void)state;
    return apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_empties_and_fills),
        cmocka_unit_test(looking_takes_nothing),
        cmocka_unit_test(a_token_is_given_back),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(a_full_table_refuses_no_newcomer),
        cmocka_unit_test(a_flood_displaces_the_oldest),
        cmocka_unit_test(rates_keep_their_span),
        cmocka_unit_test(threads_share_exactly),
        cmocka_unit_test(dead_processes_leave_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
