#include "sign/proof.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/clock.h"
#include "ground/text.h"
#include "sign/check.h"
#include "crypto/digest.h"
#include "crypto/secrets.h"
#include "db/calls.h"
#include "sign/jws.h"

/* How long a used token is remembered beyond its end: other servers' clocks, and the database's, may be late. */
#define REMEMBER_LONGER 600

struct finq_proof {
    const finq_claims *claims;         /* of a JWS; else NULL */
    const finq_httpsig_proof *message; /* of a message signature; else NULL */
    finq_content_digest content;       /* what a message signature says of the body */
    const finq_keyset *keys;           /* that the key was found among */
    finq_key_sought key;
    const char *token; /* jti or nonce; NULL where there is none */
    apr_int64_t ends;
};

struct finq_proof_digests {
    finq_digest *sha256, *sha512; /* NULL where not needed */
};

/* ---- JWS ---- */

/* With no kid, a key may have been registered since these were remembered: so they are looked for once more. */
static finq_error *jws_verify(finq_proof *made, finq_jws *jws, const finq_proof_keys *keys, apr_pool_t *pool)
{
    finq_keyring_query query = {.kid = finq_jws_kid(jws)};
    const finq_keyset *before;
    FINQ_TRY(finq_jws_unproven_issuer(&query.issuer, jws, pool));
    FINQ_TRY(finq_keyring_find(&made->keys, keys->ring, keys->db, &query, pool));
    finq_error *error = finq_jws_verify(&made->claims, jws, finq_keyset_keys(made->keys), pool);
    if (!error || query.kid)
        return error;
    before = made->keys;
    query.again = 1;
    FINQ_TRY(finq_keyring_find(&made->keys, keys->ring, keys->db, &query, pool));
    return made->keys == before ? error : finq_jws_verify(&made->claims, jws, finq_keyset_keys(made->keys), pool);
}

static finq_error *jws_make(finq_proof *made, const finq_proof_offer *offer, const finq_proof_policy *policy,
                            const finq_proof_keys *keys, apr_pool_t *pool)
{
    const finq_claims_policy accepted = {.audience = policy->audience,
                                         .max_lifetime = policy->max_lifetime,
                                         .skew_behind = FINQ_CHECK_SKEW_BEHIND,
                                         .skew_ahead = FINQ_CHECK_SKEW_AHEAD,
                                         .require_jti = policy->require_token};
    const char *token;
    finq_jws *jws;
    FINQ_TRY(finq_jws_bearer(&token, offer->authorization, pool));
    FINQ_TRY(finq_jws_parse(&jws, token, strlen(token), pool));
    FINQ_TRY(jws_verify(made, jws, keys, pool));
    FINQ_TRY(finq_claims_check(made->claims, &accepted, finq_clock_seconds(), pool));
    made->key = (finq_key_sought){made->claims->kid, finq_jws_kid(jws) == NULL};
    made->token = made->claims->jti;
    made->ends = made->claims->expires;
    return NULL;
}

/* ---- message signatures ---- */

/* A keyid is CLIENT_ID/KID: a bare KID would not say whose. */
static finq_error *message_keys(finq_proof *made, const finq_httpsig *signatures, const finq_proof_keys *keys, apr_pool_t *pool)
{
    const apr_array_header_t *kids = finq_httpsig_kids(signatures, pool);
    for (int i = 0; i < kids->nelts; i++) {
        finq_id client_id;
        finq_keyring_query query = {.client_id = &client_id, .kid = APR_ARRAY_IDX(kids, i, const char *)};
        const char *slash = strchr(query.kid, '/');
        if (!slash || !finq_id_parse(&client_id, apr_pstrmemdup(pool, query.kid, (apr_size_t)(slash - query.kid))))
            continue;
        return finq_keyring_find(&made->keys, keys->ring, keys->db, &query, pool);
    }
    return finq_check_failed(pool, FINQ_CHECK_KID, "no keyid in Signature-Input is CLIENT_ID/KID.");
}

static finq_error *message_make(finq_proof *made, const finq_proof_offer *offer, const finq_proof_policy *policy,
                                const finq_proof_keys *keys, apr_pool_t *pool)
{
    const finq_httpsig_policy accepted = {policy->max_lifetime, FINQ_CHECK_SKEW_BEHIND, FINQ_CHECK_SKEW_AHEAD,
                                          policy->require_token};
    finq_httpsig *signatures;
    FINQ_TRY(finq_httpsig_parse(&signatures, offer->signature_input, offer->signature, pool));
    FINQ_TRY(message_keys(made, signatures, keys, pool));
    FINQ_TRY(finq_httpsig_verify(&made->message, signatures, offer->message, finq_keyset_keys(made->keys), pool));
    FINQ_TRY(finq_httpsig_check(made->message, &accepted, finq_clock_seconds(), pool));
    FINQ_TRY(finq_content_digest_parse(&made->content, made->message->content_digest, pool));
    made->key.kid = made->message->kid;
    made->token = made->message->nonce;
    made->ends = made->message->expires >= 0 ? made->message->expires : made->message->created + policy->max_lifetime;
    return NULL;
}

finq_error *finq_proof_make(const finq_proof **proof, const finq_proof_offer *offer, const finq_proof_policy *policy,
                            const finq_proof_keys *keys, apr_pool_t *pool)
{
    finq_proof *made = apr_pcalloc(pool, sizeof *made);
    int is_message = (policy->schemes & FINQ_SCHEME_MESSAGE) && (offer->signature_input || offer->signature);
    if (!is_message && !offer->authorization && policy->schemes == (FINQ_SCHEME_MESSAGE | FINQ_SCHEME_JWS))
        return finq_check_failed(pool, FINQ_CHECK_HEADER,
                                 "send Authorization: Bearer <JWS>, or Signature-Input and Signature (RFC 9421).");
    if (!is_message && !(policy->schemes & FINQ_SCHEME_JWS))
        return finq_check_failed(pool, FINQ_CHECK_HEADER, "send Signature-Input and Signature (RFC 9421).");
    FINQ_TRY(is_message ? message_make(made, offer, policy, keys, pool) : jws_make(made, offer, policy, keys, pool));
    *proof = made;
    return NULL;
}

int finq_proof_covers(const finq_proof *proof, const char *field)
{
    const apr_array_header_t *components = proof->message ? proof->message->components : NULL;
    for (int i = 0; components && i < components->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(components, i, finq_httpsig_component).name, field) == 0)
            return 1;
    }
    return 0;
}

/* ---- the body ---- */

finq_proof_digests *finq_proof_digests_begin(const finq_proof *proof, int is_json, apr_pool_t *pool)
{
    if (proof->claims && is_json)
        return NULL;
    finq_proof_digests *digests = apr_pcalloc(pool, sizeof *digests);
    if (proof->claims || proof->content.sha256.data)
        digests->sha256 = finq_digest_new(pool);
    if (proof->content.sha512.data)
        digests->sha512 = finq_digest_new_sha512(pool);
    return digests;
}

void finq_proof_digests_feed(finq_proof_digests *digests, const char *bytes, apr_size_t length)
{
    if (digests->sha256)
        finq_digest_update(digests->sha256, bytes, length);
    if (digests->sha512)
        finq_digest_update(digests->sha512, bytes, length);
}

static finq_bytes digest_end(finq_digest *digest, apr_size_t length, apr_pool_t *pool)
{
    unsigned char *bytes = apr_palloc(pool, length);
    if (!digest)
        return (finq_bytes){NULL, 0};
    finq_digest_final(bytes, digest);
    return (finq_bytes){bytes, length};
}

finq_error *finq_proof_check_digest(const finq_proof *proof, finq_proof_digests *digests, const unsigned char *compact,
                                    apr_pool_t *pool)
{
    finq_content_digest computed = {{NULL, 0}, {NULL, 0}};
    if (digests) {
        computed.sha256 = digest_end(digests->sha256, FINQ_DIGEST_SHA256, pool);
        computed.sha512 = digest_end(digests->sha512, FINQ_DIGEST_SHA512, pool);
    }
    if (proof->message)
        return finq_content_digest_check(&proof->content, &computed, pool);
    return finq_claims_check_digest(proof->claims, digests ? computed.sha256.data : compact, pool);
}

/* ---- whose, and once ---- */

finq_error *finq_proof_check_tenant(const finq_proof *proof, const finq_id *client_id, apr_pool_t *pool)
{
    const char *kid;
    return finq_keyset_check_holder(&kid, proof->keys, &proof->key, client_id, pool);
}

finq_error *finq_proof_use(const finq_proof *proof, const finq_id *client_id, finq_db *db, apr_pool_t *pool)
{
    finq_signature_use_out row;
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_id request_id; /* tells a call that is made again from another use */
    const char *kid;    /* the tenant's own: that by which the key was found changes with what others register */
    if (!proof->token)
        return NULL;
    FINQ_TRY(finq_keyset_check_holder(&kid, proof->keys, &proof->key, client_id, pool));
    FINQ_TRY(finq_id_new(&request_id, pool));
    finq_digest_sha256(hash, proof->token, strlen(proof->token));
    finq_signature_use_in in = {
        .client_id = client_id,
        .kid = kid,
        .token_hash = {hash, sizeof hash},
        .expires_at = proof->ends + FINQ_CHECK_SKEW_BEHIND + REMEMBER_LONGER,
        .request_id = &request_id,
    };
    FINQ_TRY(finq_call_signature_use(&row, db, &in, pool));
    if (row.is_first)
        return NULL;
    return proof->claims ? finq_claims_replayed(proof->claims, pool)
                         : finq_check_failed(pool, FINQ_CHECK_JTI, "the nonce %s has been used before; sign each request anew.",
                                             finq_text_show(proof->token, pool));
}
