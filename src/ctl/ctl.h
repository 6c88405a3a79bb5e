/* finqctl's own rooms: the command line, the operator's connection, the verbs. */
#ifndef FINQ_CTL_H
#define FINQ_CTL_H

#include <apr_pools.h>

#include "crypto/data_key.h"
#include "crypto/secrets.h"
#include "documents/blob.h"
#include "ground/error.h"

/** Exit codes, as --help lists them. */
typedef enum {
    CTL_OK = 0,
    CTL_FAILED = 1,    /**< refused: the input or the state of things does not allow it */
    CTL_USAGE = 2,     /**< the command line is wrong */
    CTL_NOT_FOUND = 3, /**< what was named does not exist */
    CTL_CONFLICT = 4,  /**< what was to be made exists, and is another */
    CTL_DATABASE = 5   /**< the database cannot be reached, or is not ready for this command */
} ctl_exit;

#define CTL_VALUES 12

/** A word or an option of a verb. An option's name begins with "--"; one whose `value` is NULL is a flag. */
typedef struct ctl_parameter {
    const char *name;
    const char *value; /**< what --help calls its value */
    int required;
    const char *help;
} ctl_parameter;

typedef struct ctl_command ctl_command;

/** `finqctl NOUN VERB ...`, or `finqctl NOUN ...` where `verb` is NULL. Parameters end with a NULL name. */
typedef struct ctl_verb {
    const char *noun, *verb;
    const char *help;
    ctl_parameter parameters[CTL_VALUES];
    ctl_exit (*run)(ctl_command *command);
} ctl_verb;

/** A command line that has been understood. */
struct ctl_command {
    const ctl_verb *verbs; /**< all that there are */
    const ctl_verb *verb;
    const char *values[CTL_VALUES]; /**< in the order of the verb's parameters; NULL where not given */
    int as_json;                    /**< --json: even to a terminal */
    const char *conninfo;           /**< --db or FINQ_DB; NULL where neither is given */
    void *connection;               /**< PGconn, once ctl_db_call has made it */
    apr_pool_t *pool;
};

/** All verbs; ends with a NULL noun. */
extern const ctl_verb ctl_verbs[];

/* ---- verbs_tenant.c, verbs_skill.c, verbs_key.c, verbs_sign.c ---- */

ctl_exit ctl_tenant_create(ctl_command *command);
ctl_exit ctl_tenant_allow(ctl_command *command);
ctl_exit ctl_tenant_disallow(ctl_command *command);
ctl_exit ctl_tenant_rename(ctl_command *command);
ctl_exit ctl_tenant_delete(ctl_command *command);
ctl_exit ctl_tenant_list(ctl_command *command);
ctl_exit ctl_tenant_show(ctl_command *command);
ctl_exit ctl_tenant_rotate(ctl_command *command);
ctl_exit ctl_tenant_revoke(ctl_command *command);
ctl_exit ctl_tenant_disable(ctl_command *command);
ctl_exit ctl_tenant_enable(ctl_command *command);
ctl_exit ctl_tenant_brand(ctl_command *command);
ctl_exit ctl_skill_publish(ctl_command *command);
ctl_exit ctl_skill_check(ctl_command *command);
ctl_exit ctl_skill_list(ctl_command *command);
ctl_exit ctl_skill_show(ctl_command *command);
ctl_exit ctl_skill_retire(ctl_command *command);
ctl_exit ctl_servicer_create(ctl_command *command);
ctl_exit ctl_servicer_list(ctl_command *command);
ctl_exit ctl_sandbox_date(ctl_command *command);
ctl_exit ctl_sandbox_ledger(ctl_command *command);
ctl_exit ctl_key_add(ctl_command *command);
ctl_exit ctl_key_list(ctl_command *command);
ctl_exit ctl_key_revoke(ctl_command *command);
ctl_exit ctl_sign(ctl_command *command);
ctl_exit ctl_verify(ctl_command *command);

/* ---- line.c ---- */

/** Reads a command line that names one of `verbs`. Answers --help itself. Returns 1 if there is something to run, else 0 and `*exit`. */
int ctl_line_read(ctl_command *command, ctl_exit *exit, const ctl_verb *verbs, int argc, const char *const *argv);
/** The value of a parameter; NULL where it was not given. */
const char *ctl_value(const ctl_command *command, const char *name);

/* ---- fail.c ---- */

/** Writes "finqctl: ..." to standard error and returns `code`. */
ctl_exit ctl_fail(ctl_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** From now on what fails is kept in this pool, and nothing is written to standard error, until ctl_fail_held. */
void ctl_fail_hold(apr_pool_t *pool);
/** What was kept, the first of it; "" where nothing failed. From now on it is written again. */
const char *ctl_fail_held(void);

/** Writes an error of the library with its details, and returns CTL_FAILED. */
ctl_exit ctl_fail_with(const finq_error *error);

/* ---- completion.c ---- */

ctl_exit ctl_completion(ctl_command *command);

/* ---- ask.c ---- */

/** Asks a person at a terminal about a verb that takes --yes, unless that was given. CTL_FAILED where the answer is not yes. */
ctl_exit ctl_ask(const ctl_command *command);

/* ---- value.c ---- */

/** Says what a parameter's value must be, and returns CTL_FAILED, where it is not that. */
ctl_exit ctl_value_check(const ctl_parameter *parameter, const char *value, apr_pool_t *pool);

/* ---- table.c ---- */

/** Writes what a verb answers to standard output: to a terminal as a table or by names, in a pipe, or with --json, as one line of
 * JSON. Controls in texts are replaced before a terminal sees them. */
void ctl_print(const ctl_command *command, const char *json);

/* ---- input.c ---- */

/** Reads a whole file, - being standard input; a NUL follows its last byte. */
ctl_exit ctl_file_read(char **text, apr_size_t *length, const char *path, apr_size_t most, apr_pool_t *pool);
/** Loads the secret file that --secret-file or FINQ_SECRET_FILE names. */
ctl_exit ctl_secrets_load(finq_secrets **secrets, const ctl_command *command);

/* ---- db.c ---- */

/** Runs `SELECT function` with text parameters (NULL is NULL) and gives its one JSON value. An error has been written to
 * standard error when another code than CTL_OK comes back. */
ctl_exit ctl_db_call(const char **json, ctl_command *command, const char *sql, const char *const *values, int count);
/** Calls, and writes what comes to standard output. */
ctl_exit ctl_db_print(ctl_command *command, const char *sql, const char *const *values, int count);
/** Gives a lost connection up; the next call makes another. */
void ctl_db_close(ctl_command *command);
/** Runs a script of statements that answers nothing. One that failed is rolled back; where it did so because others held what
 * it needed, `*blocked` is 1 and nothing has been written to standard error. */
ctl_exit ctl_db_script(int *blocked, ctl_command *command, const char *sql);

/* ---- verbs_payment.c ---- */

ctl_exit ctl_payment_list(ctl_command *command);
ctl_exit ctl_payment_show(ctl_command *command);

/* ---- verbs_consent.c ---- */

ctl_exit ctl_consent_list(ctl_command *command);
ctl_exit ctl_consent_show(ctl_command *command);
ctl_exit ctl_consent_delete(ctl_command *command);

/* ---- verbs_session.c ---- */

ctl_exit ctl_session_list(ctl_command *command);
ctl_exit ctl_session_show(ctl_command *command);

/* ---- sealed.c ---- */

/** Loads the data-key file that --data-key-file or FINQ_DATA_KEY_FILE names. */
ctl_exit ctl_data_keys_load(finq_data_keys **keys, const ctl_command *command);
/** The HMACs by which a person's rows are found, as an array of SQL's; NULL of NULL. */
ctl_exit ctl_user_macs(const char **array, const finq_data_keys *keys, const char *client_id, const char *tenant_user_id,
                       apr_pool_t *pool);
/** As ctl_db_print, and opens what is sealed of it. What persons have entered is left out but `with_data`, which needs the data-key file;
 * whose a session is, where there is no such file, and then standard error says so. */
ctl_exit ctl_sealed_print(ctl_command *command, int with_data, const char *sql, const char *const *values, int count);

/* ---- data_key.c ---- */

ctl_exit ctl_data_key_list(ctl_command *command);
ctl_exit ctl_data_key_rewrap(ctl_command *command);

/* ---- migrate.c ---- */

/** The verb `db migrate`. */
ctl_exit ctl_db_migrate(ctl_command *command);
/** The verb `db status`. */
ctl_exit ctl_db_status(ctl_command *command);

/** Whether the schema is this finqctl's: CTL_DATABASE, and says what to run, where it is not. */
ctl_exit ctl_db_current(ctl_command *command);

/* ---- sql.c ---- */

/** A migration of sql/migrations. The last has version 0. */
typedef struct ctl_migration {
    int version;
    const char *name;
    const char *sql; /**< NUL-terminated */
} ctl_migration;
extern const ctl_migration ctl_migrations[];
/** All functions of sql/functions, NUL-terminated. */
extern const char *const ctl_functions;
/** This finqctl's: numbers between dots. */
extern const char ctl_version[];

/* ---- verbs_waiting.c ---- */

ctl_exit ctl_step_list(ctl_command *command);
ctl_exit ctl_step_approve(ctl_command *command);
ctl_exit ctl_step_reject(ctl_command *command);
ctl_exit ctl_step_resubmit(ctl_command *command);
ctl_exit ctl_tenant_redirect_allow(ctl_command *command);
ctl_exit ctl_tenant_redirect_disallow(ctl_command *command);

/* ---- verbs_token.c ---- */

ctl_exit ctl_token_explain(ctl_command *command);

/* ---- verbs_user.c ---- */

ctl_exit ctl_user_export(ctl_command *command);
ctl_exit ctl_user_erase(ctl_command *command);
ctl_exit ctl_receipt_verify(ctl_command *command);

/* ---- verbs_upload.c ---- */

ctl_exit ctl_upload_list(ctl_command *command);
ctl_exit ctl_upload_get(ctl_command *command);
/** Opens the upload directory that --upload-dir or FINQ_UPLOAD_DIR names, for reading. */
ctl_exit ctl_store_open(finq_blob_store **store, const ctl_command *command);

/* ---- fsck.c ---- */

/** The verb `fsck`. */
ctl_exit ctl_fsck(ctl_command *command);

/* ---- audit.c ---- */

ctl_exit ctl_audit_list(ctl_command *command);
/** The verb `audit verify`. */
ctl_exit ctl_audit_verify(ctl_command *command);

/* ---- janitor.c ---- */

/** The verb `janitor run`. */
ctl_exit ctl_janitor_run(ctl_command *command);

/* ---- explain.c ---- */

/** The verb `explain`. */
ctl_exit ctl_explain(ctl_command *command);

/* ---- doctor.c ---- */

/** The verb `doctor`. */
ctl_exit ctl_doctor_run(ctl_command *command);

/* ---- outbox.c ---- */

ctl_exit ctl_outbox_run(ctl_command *command);
ctl_exit ctl_outbox_list(ctl_command *command);
ctl_exit ctl_outbox_resend(ctl_command *command);

/* ---- webhook.c ---- */

ctl_exit ctl_webhook_set(ctl_command *command);
ctl_exit ctl_webhook_list(ctl_command *command);
ctl_exit ctl_webhook_remove(ctl_command *command);
ctl_exit ctl_webhook_test(ctl_command *command);

#endif
