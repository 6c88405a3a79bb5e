/* Keys that are derived from secrets. */
#ifndef FINQ_DERIVE_H
#define FINQ_DERIVE_H

#include <apr_pools.h>

#include "ground/codec.h"

/** Looks HKDF up once, until the pool goes: to look it up costs more than to use it. To be called before threads start; without
 * it all works, slower. */
void finq_derive_prepare(apr_pool_t *pool);

/** HKDF-SHA-256 (RFC 5869): `length` bytes for one purpose, from a secret. A salt without bytes is none. Returns 0 where OpenSSL
 * fails. */
int finq_derive(unsigned char *key, apr_size_t length, finq_bytes secret, finq_bytes salt, const char *purpose);

#endif
