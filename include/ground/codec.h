/* Codec: base64 in both alphabets, strictly, and client text made fit to be shown. */
#ifndef FINQ_CODEC_H
#define FINQ_CODEC_H

#include <apr_pools.h>

/** The two alphabets of RFC 4648: base64 ends with padding, base64url (as JOSE uses it) has none; and base64url as some
 * libraries write it, with padding. */
typedef enum { FINQ_BASE64, FINQ_BASE64URL, FINQ_BASE64URL_PADDED } finq_alphabet;

/** Bytes with their length; whose they are is said where they are made. */
typedef struct finq_bytes {
    const unsigned char *data;
    apr_size_t length;
} finq_bytes;

/** The text of some bytes, in the pool. */
const char *finq_codec_encode(finq_alphabet alphabet, const unsigned char *bytes, apr_size_t length, apr_pool_t *pool);

/** Reads the one canonical spelling: no foreign character, no whitespace, padding exactly where the alphabet
 * has it, unused bits zero, so that encoding the result gives `text` back. Returns 0 if `text` is anything
 * else. `bytes->data` lives in the pool and has a NUL behind its last byte. */
int finq_codec_decode(finq_bytes *bytes, finq_alphabet alphabet, const char *text, apr_size_t length, apr_pool_t *pool);

/** The number that at most eight bytes spell, the highest first (big-endian). */
apr_uint64_t finq_codec_number(const unsigned char *bytes, apr_size_t length);
/** Spells a number in so many bytes, the highest first. */
void finq_codec_number_put(unsigned char *to, apr_uint64_t number, apr_size_t length);
/** The number that at most eight bytes spell, the lowest first (little-endian). */
apr_uint64_t finq_codec_number_little(const unsigned char *bytes, apr_size_t length);

#endif
