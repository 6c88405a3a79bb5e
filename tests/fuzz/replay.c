/* Runs a fuzz target over its corpus, as a unit test: no crash, and at least one input that gets all the way
 * through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern unsigned long fuzz_successes;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From a copy of the exact size, so that a sanitizer sees a read past its end. */
static void replay(const char *name)
{
    static uint8_t data[1 << 20];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", CORPUS, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be read", path);
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* Red with an empty corpus, and when the room refuses every input of it. */
static void the_corpus_runs_and_something_succeeds(void **state)
{
    DIR *directory = opendir(CORPUS);
    (void)state;
    if (!directory)
        fail_msg("%s cannot be read", CORPUS);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] != '.')
            replay(entry->d_name);
    }
    closedir(directory);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    assert_true(fuzz_successes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_corpus_runs_and_something_succeeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
