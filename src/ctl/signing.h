/* What the verbs about signing keys and signed requests share. */
#ifndef FINQ_CTL_SIGNING_H
#define FINQ_CTL_SIGNING_H

#include "ctl.h"
#include "json/json.h"
#include "sign/key.h"

/** Most bytes of a file of keys, and of a body. */
#define CTL_KEY_MAX ((apr_size_t)256 * 1024)
#define CTL_BODY_MAX ((apr_size_t)32 * 1024 * 1024)

/* ---- verbs_key.c ---- */

/** What --algorithm says; RS256 where it is not given. */
ctl_exit ctl_algorithm_read(finq_algorithm *algorithm, const ctl_command *command);
/** The public keys of a file, - being standard input: an array of const finq_key *. */
ctl_exit ctl_keys_read(apr_array_header_t **keys, ctl_command *command, const char *path, finq_algorithm algorithm);

/* ---- signing.c ---- */

/** The seconds of --lifetime, within what a server accepts. */
ctl_exit ctl_lifetime_read(apr_int64_t *seconds, const ctl_command *command);
/** The private key of the file that an option names. */
ctl_exit ctl_signer_read(finq_signer **signer, const ctl_command *command, const char *option, finq_algorithm algorithm);
/** Text that no other has: what a server takes once. NULL where --jti does not ask for it. */
finq_error *ctl_once_make(const char **text, const ctl_command *command);
/** Shows which checks a request passes, by their names, and why it fails the next (NULL: it fails none), with what was digested. */
ctl_exit ctl_checks_print(ctl_command *command, json_t *passed, const finq_error *error, const char *digest,
                          const char *digest_of);

/* ---- message.c ---- */

/** `sign` and `verify` for RFC 9421. */
ctl_exit ctl_message_sign(ctl_command *command, finq_algorithm algorithm);
ctl_exit ctl_message_verify(ctl_command *command, finq_algorithm algorithm);

#endif
