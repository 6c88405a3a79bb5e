#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

#include "ground/codec.h"
#include "json/compact.h"

static apr_pool_t *pool;

/* The vectors of RFC 4648, section 10, and the two digits in which the alphabets differ. */
static void encodes_as_rfc_4648(void **state)
{
    static const char *const rows[][3] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+", "-__-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int alphabet = FINQ_BASE64; alphabet <= FINQ_BASE64URL; alphabet++) {
            size_t n = strlen(rows[i][0]);
            finq_bytes back;
            const char *text = finq_codec_encode(alphabet, (const unsigned char *)rows[i][0], n, pool);
            assert_string_equal(text, rows[i][1 + alphabet]);
            assert_true(finq_codec_decode(&back, alphabet, text, strlen(text), pool));
            assert_int_equal(back.length, n);
            assert_memory_equal(back.data, rows[i][0], n + 1);
        }
    }
}

/* Every text of up to four of these characters: what decodes, encodes to itself. Red when the decoder forgets
 * the unused bits, the padding or a lone last digit. */
static void one_spelling_for_each_value(void **state)
{
    static const char characters[] = "AQgw+/-_= \n%";
    int decoded = 0;
    (void)state;
    for (int number = 0; number < 12 * 12 * 12 * 12; number++) {
        for (int length = 1; length <= 4; length++) {
            char text[5] = "";
            int rest = number;
            finq_bytes bytes;
            for (int i = 0; i < length; i++, rest /= 12)
                text[i] = characters[rest % 12];
            for (int alphabet = FINQ_BASE64; alphabet <= FINQ_BASE64URL; alphabet++) {
                if (!finq_codec_decode(&bytes, alphabet, text, (size_t)length, pool))
                    continue;
                decoded++;
                assert_string_equal(finq_codec_encode(alphabet, bytes.data, bytes.length, pool), text);
            }
        }
        if (number % 1000 == 0)
            apr_pool_clear(pool);
    }
    assert_true(decoded > 1000);
}

static void reads_numbers_with_the_highest_byte_first(void **state)
{
    static const unsigned char bytes[] = {0x01, 0xff, 0, 0, 0, 0, 0, 0x80};
    (void)state;
    assert_true(finq_codec_number(bytes, 0) == 0);
    assert_true(finq_codec_number(bytes, 2) == 0x1ff);
    assert_true(finq_codec_number(bytes, sizeof bytes) == 0x01ff000000000080);
}

/* Any cut of any text gives the same bytes. Red when the state forgets either of its two flags at a cut. */
static void compaction_does_not_see_the_cuts(void **state)
{
    static const char text[] = " {\t\"a\\\" b\\\\\" :\r\n 1.0E2 , \"\\\\\" : \" \\u0041 \\\\\\\" \" , \"\": [ ] } ";
    static const char compact[] = "{\"a\\\" b\\\\\":1.0E2,\"\\\\\":\" \\u0041 \\\\\\\" \",\"\":[]}";
    size_t n = sizeof text - 1;
    (void)state;
    for (size_t first = 0; first <= n; first++) {
        for (size_t second = first; second <= n; second++) {
            finq_compact at = {0, 0};
            char out[sizeof text];
            memcpy(out, text, sizeof text);
            size_t length = finq_compact_push(&at, text, first, out);
            length += finq_compact_push(&at, text + first, second - first, out + length);
            length += finq_compact_push(&at, text + second, n - second, out + length);
            out[length] = '\0';
            assert_string_equal(out, compact);
        }
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_as_rfc_4648),
        cmocka_unit_test(one_spelling_for_each_value),
        cmocka_unit_test(reads_numbers_with_the_highest_byte_first),
        cmocka_unit_test(compaction_does_not_see_the_cuts),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
