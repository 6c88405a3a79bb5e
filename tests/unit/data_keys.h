/* Data keys for the programs that test what is sealed under them. */
#ifndef DATA_KEYS_H
#define DATA_KEYS_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/data_key.h"

/* A data key of its own, wrapped by a key that nobody else has. */
static inline finq_data_key *data_key_new(apr_pool_t *owner)
{
    static const finq_id session = {{1, 2, 3}};
    char path[] = "build/data-key-XXXXXX";
    mkdir("build", 0755);
    int fd = mkstemp(path);
    dprintf(fd, "%064x\n", 0x5eed);
    close(fd);
    finq_data_keys *keys;
    finq_data_key *key;
    finq_bytes wrapped;
    assert_null(finq_data_keys_load(&keys, path, owner));
    unlink(path);
    assert_null(finq_data_key_make(&wrapped, keys, &session, owner));
    assert_null(finq_data_key_unwrap(&key, keys, wrapped, owner));
    return key;
}

#endif
