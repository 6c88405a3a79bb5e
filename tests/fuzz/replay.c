/* Runs a fuzz target over the files of a directory, in `make unit`: no crash, and at least one input that
 * succeeds. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern unsigned long fuzz_successes;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *directory, const char *name)
{
    static uint8_t data[1 << 20];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s cannot be read\n", path);
        return 0;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    /* A copy of the exact size, so that a sanitizer sees a read past its end. */
    uint8_t *copy = malloc(size ? size : 1);
    for (size_t i = 0; copy && i < size; i++)
        copy[i] = data[i];
    if (copy)
        LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return copy != NULL;
}

int main(int argc, char **argv)
{
    int count = 0;
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    if (!directory) {
        fprintf(stderr, "usage: replay CORPUS\n");
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] != '.' && replay(argv[1], entry->d_name))
            count++;
    }
    closedir(directory);
    printf("%s: %d inputs, %lu succeed\n", argv[1], count, fuzz_successes);
    return count && fuzz_successes ? 0 : 1;
}
