/* What finqctl knows. */
#include "ctl.h"
#include "sign/check.h"

/* One verb, one paragraph: its words first. */
/* clang-format off */
/* What several verbs take. */
#define DATA_KEY_FILE {"--data-key-file", "PATH", 0, "The servers' FinqDataKey; default: the environment variable FINQ_DATA_KEY_FILE."}
#define UPLOAD_DIR {"--upload-dir", "PATH", 0, "The servers' FinqUploadDir; default: the environment variable FINQ_UPLOAD_DIR."}
#define PERSON {"TENANT_USER_ID", NULL, 0, "The tenant's own id of the person."}, \
      {"--consent", "CREDENTIALS_ID", 0, "Instead of it, of whom the tenant has no id: a consent of theirs."}
#define END {NULL, NULL, 0, NULL}

const ctl_verb ctl_verbs[] = {
    {"db", "migrate",
     "Brings the schema to this version, from an empty database or any earlier version since 0.2.0, while servers run: first "
     "its tables, by numbered migrations, then its functions. It carries the SQL in itself. Run again it does nothing. A schema "
     "that is newer than this finqctl is left alone. Prints {from, to}.",
     {{NULL, NULL, 0, NULL}}, ctl_db_migrate},
    {"db", "status",
     "Shows the database's schema beside this finqctl's: versions, what was applied when, the role, whether anything can be "
     "written, and how the weeks of the tables stand. Exit code 5 where db migrate has something to do.",
     {{NULL, NULL, 0, NULL}}, ctl_db_status},
    {"tenant", "create",
     "Makes a tenant and prints its client_id, client_secret and client_app_key. The database keeps only hashes of the "
     "latter two: they are shown this once.",
     {{"--name", "NAME", 1, "A name for people, unlike every other tenant's."},
      {"--servicer", "NAME", 0, "The institution that the tenant belongs to."}, END}, ctl_tenant_create},
    {"tenant", "allow", "Lets a tenant use a skill. Repeated, it changes the durations that are given.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"SKILL", NULL, 1, "The skill's name, such as xyz_sbx_#3.0."},
      {"--consent-duration", "MINUTES", 0, "How long a consent lasts (default 129600, 90 days)."},
      {"--cache-max-data-retention", "MINUTES", 0, "How long its data may be kept (default 172800, 120 days)."}, END}, ctl_tenant_allow},
    {"tenant", "disallow",
     "Takes a skill from a tenant. No session starts with it once FinqCacheTTL is over; who has had a first step goes on to "
     "the end.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"SKILL", NULL, 1, "The skill's name, such as xyz_sbx_#3.0."}, END}, ctl_tenant_disallow},
    {"tenant", "rename", "Gives a tenant another name; its keys and sessions stay as they are.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"NAME", NULL, 1, "A name for people, unlike every other tenant's."}, END}, ctl_tenant_rename},
    {"tenant", "brand",
     "Sets what a tenant's pages look like, as far as it is given, and shows it. White must stand out from the colour by 4.5 to 1. "
     "Pages that are open keep their looks.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--name", "NAME", 0, "The name that pages show (default: the tenant's own)."},
      {"--colour", "RRGGBB", 0, "The colour of buttons and links, such as 0b4a6f."},
      {"--dark-colour", "RRGGBB", 0, "The same on dark pages (default: a lighter one of that)."},
      {"--logo", "FILE", 0, "A PNG, JPEG, WebP or SVG of at most 64 KiB; - reads standard input."},
      {"--clear", NULL, 0, "Takes away what was set before."}, END}, ctl_tenant_brand},
    {"tenant", "delete",
     "Removes a tenant that was made by mistake, with its keys, grants, links and webhook. One that has had a session is not "
     "removed (exit code 4): disable it.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."}, END}, ctl_tenant_delete},
    {"tenant", "list", "Lists the tenants and the skills that each may use.",
     {{NULL, NULL, 0, NULL}}, ctl_tenant_list},
    {"tenant", "show",
     "Shows a tenant: its keys, live and ended, with age, end and last use, and its skills. The last use is true to the "
     "minute; a secret's is its last exchange, an app key's its last session or catalog.",
     {{"CLIENT_ID", NULL, 1, "The tenant."}, {NULL, NULL, 0, NULL}}, ctl_tenant_show},
    {"tenant", "rotate",
     "Makes a new key and prints it, this once. It works at once on every server; the older ones of its kind work on until "
     "the overlap ends. A tenant has at most ten live keys of a kind.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--secret", NULL, 0, "Rotates client_secret."},
      {"--app-key", NULL, 0, "Rotates client_app_key."},
      {"--overlap", "MINUTES", 0, "How long the older ones still work (default 60); 0 ends them at once."}, END}, ctl_tenant_rotate},
    {"tenant", "revoke",
     "Ends a key at once. Sessions that were started with an app key and have not had their first step end with it.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"KEY_ID", NULL, 1, "The key's number, as tenant show lists it."},
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."}, END}, ctl_tenant_revoke},
    {"tenant", "disable",
     "Refuses a tenant everything until it is enabled again: running sessions, returns from banks and decisions too. "
     "POST /sessions may hand out nonces that lead nowhere until FinqCacheTTL is over.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."}, END}, ctl_tenant_disable},
    {"tenant", "enable", "Serves a disabled tenant again, at once; its sessions go on where they were.",
     {{"CLIENT_ID", NULL, 1, "The tenant."}, {NULL, NULL, 0, NULL}}, ctl_tenant_enable},
    {"tenant", "redirect-allow",
     "Lets a tenant's users be sent back from a bank to links that begin so; prints all of the tenant's beginnings.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"PREFIX", NULL, 1, "Such as https://app.example.com, myapp:// or com.example.app:/."}, END}, ctl_tenant_redirect_allow},
    {"tenant", "redirect-disallow",
     "Takes such a beginning back, as redirect-allow was given it; prints what is left. Who is at a bank already is sent back.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"PREFIX", NULL, 1, "The beginning."}, END}, ctl_tenant_redirect_disallow},
    {"skill", "publish",
     "Checks a skill's definition and publishes it, and makes its servicer if there is none of that name. Publishing the "
     "same again changes nothing; another definition under the same name is refused with exit code 4.",
     {{"FILE.json", NULL, 1, "The definition; - reads standard input."}, {NULL, NULL, 0, NULL}}, ctl_skill_publish},
    {"skill", "check", "Checks a skill's definition as publish does, and publishes nothing. Needs no database.",
     {{"FILE.json", NULL, 1, "The definition; - reads standard input."}, {NULL, NULL, 0, NULL}}, ctl_skill_check},
    {"skill", "list", "Lists the published skills.",
     {{NULL, NULL, 0, NULL}}, ctl_skill_list},
    {"skill", "show", "Shows a skill: its definition as it was published, and the tenants that may use it.",
     {{"NAME", NULL, 1, "The skill."}, {NULL, NULL, 0, NULL}}, ctl_skill_show},
    {"skill", "retire",
     "Lets no new session start with a skill: POST /sessions answers 401 unauthorized_tenant, at the latest when "
     "FinqCacheTTL is over, and the catalogs show it no more. Who has started, and be it that only the nonce was handed "
     "out, goes on to the end. Grants stay. Publishing the same definition again does not undo it.",
     {{"NAME", NULL, 1, "The skill."},
      {"--undo", NULL, 0, "Takes the retirement back."}, END}, ctl_skill_retire},
    {"servicer", "create",
     "Makes a servicer, an institution behind skills and tenants. The same again changes nothing; another country is "
     "refused with exit code 4.",
     {{"--name", "NAME", 1, "Its name, unlike every other servicer's."},
      {"--country", "COUNTRY", 1, "Its country, as skills write it."}, END}, ctl_servicer_create},
    {"servicer", "list", "Lists the servicers and the skills of each.",
     {{NULL, NULL, 0, NULL}}, ctl_servicer_list},
    {"session", "list",
     "Lists sessions, newest first, as they are stored: one whose time is over is in progress until the janitor has marked it. What "
     "was only started, without a first step, is in no list. Of persons it tells the tenant_user_id alone.",
     {{"--tenant", "CLIENT_ID", 0, "Only this tenant's."},
      {"--status", "SESSION_STATUS", 0, "Only these: in_progress, pending, completed, failed or expired."},
      {"--skill", "NAME", 0, "Only with this skill."},
      {"--tenant-user-id", "TENANT_USER_ID", 0, "Only of this user of the tenant's; needs --tenant and the data-key file."},
      {"--since", "TIME", 0, "Only those started from this time on (default: 7 days ago)."},
      {"--before", "SESSION_ID", 0, "The next page: those before this one, the last of the page before."},
      {"--limit", "N", 0, "Most sessions (default 100)."},
      DATA_KEY_FILE, END}, ctl_session_list},
    {"session", "show",
     "Shows a session with its steps and their uploads. With a data-key file it tells the tenant_user_id too, and with --data what "
     "was entered: personal data, so mind where the output goes.",
     {{"SESSION_ID", NULL, 1, "The session."},
      {"--data", NULL, 0, "Shows the steps' data; needs the data-key file."},
      DATA_KEY_FILE, END}, ctl_session_show},
    {"consent", "list", "Lists a tenant's consents, newest first. A consent has expired when its time is over, marked or not.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--status", "STATUS", 0, "Only these: active, deleted or expired."},
      {"--limit", "N", 0, "Most consents (default 100)."},
      {NULL, NULL, 0, NULL}}, ctl_consent_list},
    {"consent", "show",
     "Shows a consent: its status, end, skill and session, and how its account data stand: how many there are, when they were "
     "refreshed, how often today of how often the bank allows, and why the last refresh came to nothing. No key, and nothing of a person.",
     {{"CREDENTIALS_ID", NULL, 1, "The consent."}, {NULL, NULL, 0, NULL}}, ctl_consent_show},
    {"consent", "delete",
     "Ends a consent, for good, and shows it. From then on its credentials are refused, by a repeated exchange too; a "
     "tenant with a webhook is told (consent.deleted). One that has ended already stays as it is, and nothing is told "
     "again. The end is in the audit trail. Nothing of the session's data is removed.",
     {{"CREDENTIALS_ID", NULL, 1, "The consent."},
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."},
      {NULL, NULL, 0, NULL}}, ctl_consent_delete},
    {"payment", "list",
     "Lists payments, newest first, as the bank last told them: its status, the phase that it means, and who ordered through which "
     "connector. An order stands here once its bank was to be asked. Of persons it tells the tenant_user_id alone.",
     {{"--tenant", "CLIENT_ID", 0, "Only this tenant's."},
      {"--phase", "PHASE", 0, "Only these: created, authorising, submitted, accepted, settled, credited, rejected, cancelled or unknown."},
      {"--session", "SESSION_ID", 0, "Only this session's."},
      {"--since", "TIME", 0, "Only those ordered from this time on (default: 7 days ago)."},
      {"--before", "PAYMENT_ID", 0, "The next page: those before this one, the last of the page before."},
      {"--limit", "N", 0, "Most payments (default 100)."},
      DATA_KEY_FILE, END}, ctl_payment_list},
    {"payment", "show",
     "Shows a payment: where it stands, under which attempt its bank knows it, and when the bank is asked next. With a data-key file it "
     "tells the tenant_user_id too, and with --data what the bank has said of it, in its order.",
     {{"PAYMENT_ID", NULL, 1, "The payment."},
      {"--data", NULL, 0, "Shows what the bank has said, of each transfer too; needs the data-key file."},
      DATA_KEY_FILE, END}, ctl_payment_show},
    {"sandbox", "date",
     "Shows the date of the sandbox bank's calendar, or moves it on: its accounts live through the days between, as the next refresh "
     "of a consent shows. It never goes back.",
     {{"--days", "N", 0, "Moves it on by so many days."},
      {NULL, NULL, 0, NULL}}, ctl_sandbox_date},
    {"sandbox", "ledger",
     "Shows which payments the sandbox bank was told of, newest orders first, and how each stands: one order for each attempt, however "
     "often it was told. What has no authorised_at was not paid. An order without transactions was asked about before it came, and is "
     "never acted on.",
     {{"--message-id", "MESSAGE_ID", 0, "Only orders of this message_id."},
      {"--limit", "N", 0, "Most orders (default 100)."},
      {NULL, NULL, 0, NULL}}, ctl_sandbox_ledger},
    {"data-key", "list",
     "Lists the keys of the data-key file by their ids, and others that still wrap something: how many sessions, consents, payments, tenants, pages "
     "and banks' references each wraps; a consent in force whose data have gone counts where its person is found by that key. "
     "A key that wraps none, twice FinqNonceTTL after the last server wrapped with it, can leave the file.",
     {DATA_KEY_FILE, END}, ctl_data_key_list},
    {"data-key", "rewrap",
     "Wraps all data keys anew under the first key of the file, in batches, while servers run, and lists what "
     "each key wraps then. It may be broken off and run again. Progress goes to standard error. Exit code 1 where a row did not open: it is named, and stays as it "
     "was.",
     {DATA_KEY_FILE, END}, ctl_data_key_rewrap},
    {"user", "export",
     "Prints all that is held of a person: sessions with their steps' data, consents, account data, payments, pages, events, and which documents "
     "there are. Personal data, so mind where the output goes.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      PERSON,
      DATA_KEY_FILE, END}, ctl_user_export},
    {"user", "erase",
     "Erases a person, for good: consents end, sessions under way expire, and of their data nothing is left in any row. Files go "
     "within FinqJanitorInterval. What was begun before is refused. Prints a signed receipt: it says how much was erased, and "
     "holds an HMAC instead of who it was. Again within 30 days, with nothing new to erase: the same receipt. The audit trail "
     "keeps that it happened. Backups are not touched.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      PERSON,
      {"--receipt-key", "PEM", 1, "The private key that signs the receipt, Ed25519: openssl genpkey -algorithm ed25519."},
      DATA_KEY_FILE,
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."},
      {NULL, NULL, 0, NULL}}, ctl_user_erase},
    {"upload", "list",
     "Lists a session's documents: which step asked for each, its size, hash and type. The look stands in the audit trail.",
     {{"SESSION_ID", NULL, 1, "The session."}, {NULL, NULL, 0, NULL}}, ctl_upload_list},
    {"upload", "get",
     "Writes a document to standard output as it was sent: finqctl upload get UPLOAD_ID > file. Personal data, so mind where it "
     "goes. The look stands in the audit trail. Exit code 1 where its file was altered; what was written before that is as it was.",
     {{"UPLOAD_ID", NULL, 1, "The document, as upload list shows it."},
      UPLOAD_DIR, DATA_KEY_FILE, END}, ctl_upload_get},
    {"receipt", "verify",
     "Shows what a receipt of user erase says, if one of these keys has signed it. Needs no database. Exit code 1 where none has.",
     {{"--key", "FILE", 1, "Public keys, as key add takes them: openssl pkey -in KEY -pubout."},
      {"FILE", NULL, 1, "The receipt, or what user erase printed; - reads standard input."},
      {NULL, NULL, 0, NULL}}, ctl_receipt_verify},
    {"key", "add",
     "Registers public keys that a tenant signs with, all of a file or none, and says what it found. A key without a kid is "
     "called by its RFC 7638 thumbprint. RSA keys have 2048 to 8192 bits. A key serves one algorithm. A tenant has at most "
     "ten live keys; tenants may share an issuer and its keys, but a kid means one key of it. The same again changes "
     "nothing; what differs, and what was revoked, is refused with exit code 4.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--issuer", "EMAIL", 1, "What iss, sub and email of its tokens say. Tenants may share an issuer, and its keys."},
      {"FILE", NULL, 1, "A JWK, a JWKS, a PEM public key, a PEM certificate, or a {kid: certificate} map; - reads standard "
                        "input."},
      {"--algorithm", "NAME", 0, "RS256 (default) signs JWS; rsa-v1_5-sha256, rsa-pss-sha512, ecdsa-p256-sha256 and ed25519 "
                                 "sign messages (RFC 9421)."}, END}, ctl_key_add},
    {"key", "list", "Lists a tenant's signing keys, revoked ones too.",
     {{"CLIENT_ID", NULL, 1, "The tenant."}, {NULL, NULL, 0, NULL}},
     ctl_key_list},
    {"key", "revoke",
     "Revokes a signing key, for good: neither it nor its kid ever comes back. Servers follow within FinqKeyCacheTTL.",
     {{"CLIENT_ID", NULL, 1, "The tenant."}, {"KID", NULL, 1, "The key."},
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."}, END}, ctl_key_revoke},
    {"sign", NULL,
     "Prints the headers of a signed request, as curl -H @FILE takes them: Authorization with a JWS, or, for another --algorithm than "
     "RS256, Content-Digest, Signature-Input and Signature (RFC 9421), over @method, @target-uri and content-digest. Needs no database.",
     {{"--key", "PEM", 1, "The private key's file."},
      {"FILE", NULL, 1, "The body, JSON or not; - reads standard input."},
      {"--algorithm", "NAME", 0, "What the key is registered for (key add): RS256 (default), or a message's."},
      {"--issuer", "EMAIL", 0, "JWS: what iss, sub and email say; it must be given."},
      {"--aud", "AUDIENCE", 0, "JWS: the server's FinqSignatureAudience (default api.finqware.com)."},
      {"--tenant", "CLIENT_ID", 0, "Message: whose key it is; it must be given."},
      {"--url", "URL", 0, "Message: the whole address that is called; it must be given."},
      {"--method", "METHOD", 0, "Message: of the call (default POST)."},
      {"--kid", "KID", 0, "The key's name (default: its RFC 7638 thumbprint)."},
      {"--lifetime", "SECONDS", 0, "1 to " APR_STRINGIFY(FINQ_CHECK_LIFETIME_MOST) " (default 300)."},
      {"--jti", NULL, 0, "Adds a random jti, to a message a nonce, so that the server takes the headers once."}, END}, ctl_sign},
    {"verify", NULL,
     "Explains the headers of a signed request and its body: the checks that pass, the one that fails, and the digest that a server "
     "computes of the body. Needs no database. Exit code 1 where a check fails.",
     {{"--key", "FILE", 1, "Public keys, as key add takes them."},
      {"HEADER", NULL, 1, "The Authorization header, or its value; of a message, its headers, one a line."},
      {"FILE", NULL, 1, "The body; - reads standard input."},
      {"--algorithm", "NAME", 0, "What the keys are registered for: RS256 (default), or a message's."},
      {"--aud", "AUDIENCE", 0, "JWS: the server's FinqSignatureAudience (default api.finqware.com)."},
      {"--issuer", "EMAIL", 0, "JWS: what iss must say."},
      {"--url", "URL", 0, "Message: the whole address that was called; it must be given."},
      {"--method", "METHOD", 0, "Message: of the call (default POST)."},
      {NULL, NULL, 0, NULL}}, ctl_verify},
    {"fsck", NULL,
     "Looks whether each document of an upload directory has its file and can be read, and each file its document, while servers run. "
     "Lost are documents without a file, left are files without a document, altered is what does not open; foreign counts files of "
     "another directory, which are left alone. Exit code 1 where something was found and not mended.",
     {{"--mend", NULL, 0, "Makes lost ones unsent, so that they can be sent again, and has the servers remove what is left."},
      {"--quick", NULL, 0, "Reads no file: what was altered is not found."}, UPLOAD_DIR, DATA_KEY_FILE, END}, ctl_fsck},
    {"doctor", NULL,
     "Looks whether all is there that the API needs, and changes nothing: the configuration as httpd takes it, secret files, upload "
     "directories, each host's database by its own role, rights, connectors; with --db also the schema, the clock, webhooks, the "
     "outbox and the janitor. Each finding is good, a warning or an error, with its mend. Run it as root, on a server's machine. Exit "
     "code 1 where there is an error.",
     {{"--config", "FILE", 0, "httpd's configuration (default: the one it is built for)."},
      {"--httpd", "PROGRAM", 0, "What reads it (default: apachectl)."},
      {"--allow-address", "NETWORKS", 0, "Addresses that are not public and may have webhooks, as outbox run is told them."},
      {NULL, NULL, 0, NULL}}, ctl_doctor_run},
    {"explain", NULL,
     "Shows what a log knows of an X-Request-Id, a session, a step or another id, in its order, with the meaning of each FINQ tag: the "
     "lines that name it, and those of the requests that were about it (LogLevel finq:debug has these). With --db also the session, "
     "consent or event that it is of, without anything of a person, and the lines of the audit trail that name it. Exit code 3 where "
     "nothing is known.",
     {{"ID", NULL, 1, "The id."},
      {"--log", "FILE", 0, "An error log or access log; - reads standard input, such as zcat's."}, END}, ctl_explain},
    {"token", "explain",
     "Opens a nonce, a temp_token or a bank's state, and shows what is sealed in it: kind, expiry (UTC), tenant, session, step "
     "(submission counts them, place is the step's in its skill), and which secret of the file has sealed it (place 1 is the one "
     "that seals). The token comes by standard input, so that it stands in no list of processes and no history. Where it does "
     "not open, one line says why: malformed, unknown secret, or forged; exit code 1. Needs no database.",
     {{"--secret-file", "PATH", 0, "The servers' FinqSecretFile; default: the environment variable FINQ_SECRET_FILE."},
      {NULL, NULL, 0, NULL}}, ctl_token_explain},
    {"step", "list",
     "Lists the steps that wait for a decision, oldest first; with --data what was entered: personal data, so mind where the output "
     "goes.",
     {{"--pending", NULL, 1, "Those that wait; there is no other list."},
      {"--data", NULL, 0, "Shows the steps' data; needs the data-key file."},
      DATA_KEY_FILE, END}, ctl_step_list},
    {"step", "approve",
     "Decides that a waiting step will do: its session goes on, or is completed. Exit code 4 where the step does not wait. "
     "The decision is in the audit trail.",
     {{"STEP_ID", NULL, 1, "The step."},
      {"--reason", "TEXT", 0, "Told to the client; needs the data-key file."},
      DATA_KEY_FILE, END}, ctl_step_approve},
    {"step", "reject", "Decides that a waiting step will not do: its session has failed.",
     {{"STEP_ID", NULL, 1, "The step."},
      {"--reason", "TEXT", 1, "Told to the client; needs the data-key file."},
      DATA_KEY_FILE,
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."}, END}, ctl_step_reject},
    {"step", "resubmit", "Asks for a waiting step again, its documents included.",
     {{"STEP_ID", NULL, 1, "The step."},
      {"--reason", "TEXT", 1, "Told to the client; needs the data-key file."},
      DATA_KEY_FILE, END}, ctl_step_resubmit},
    {"webhook", "set",
     "Sends a tenant's events to an address, signed as Standard Webhooks, and prints the signing secret, this once. Set "
     "again, it changes the address and rotates the secret: the one before signs too until the overlap ends. Turns on what "
     "was switched off. A URL that is not https, or whose host has no public address, is refused at once, but for what "
     "--allow-address allows.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"URL", NULL, 1, "Its address: https, and public."},
      {"--secret-file", "PATH", 0, "The servers' FinqSecretFile; default: the environment variable FINQ_SECRET_FILE."},
      {"--allow-address", "NETWORKS", 0, "Addresses that are not public and will do, or http to them, as outbox run is told them."},
      {"--overlap", "MINUTES", 0, "How long the secret before signs too (default 1440)."}, END}, ctl_webhook_set},
    {"webhook", "list",
     "Lists the tenants' addresses for events, since when deliveries have failed, whether each is switched off, and how "
     "many events wait.",
     {{NULL, NULL, 0, NULL}}, ctl_webhook_list},
    {"webhook", "test",
     "Sends a sample event to a tenant's address, once, signed as outbox run signs, and tells what came back: whether it arrived, the "
     "status, the milliseconds, the beginning of the answer, and what to mend. Its message_id begins with test_, its ids are of "
     "nothing. Nothing is stored of it but a line in the audit trail. Exit code 1 where it did not arrive.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--type", "EVENT_TYPE", 1, "session.pending, session.resubmission_asked, session.completed, session.failed, session.expired, "
                                  "consent.expiring, consent.expired, consent.renewed, consent.deleted, transactions.updated or payment.updated."},
      {"--secret-file", "PATH", 0, "The servers' FinqSecretFile; default: the environment variable FINQ_SECRET_FILE."},
      {"--allow-address", "NETWORKS", 0, "Addresses that are not public and may be reached, as outbox run is told them."},
      {NULL, NULL, 0, NULL}}, ctl_webhook_test},
    {"webhook", "remove",
     "Sends a tenant's events nowhere any more, and gives up those that wait: outbox resend delivers them should there be a "
     "webhook again.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--yes", NULL, 0, "Does not ask; without a terminal nothing is asked either."}, END}, ctl_webhook_remove},
    {"outbox", "run",
     "Delivers events until it is told to stop (SIGTERM). A line of JSON tells of each try. A database that is away is "
     "waited for. Several may run; one at a time delivers.",
     {{"--secret-file", "PATH", 0, "The servers' FinqSecretFile; default: the environment variable FINQ_SECRET_FILE."},
      {"--allow-address", "NETWORKS", 0, "Addresses that are not public and may be reached, such as 10.1.2.0/24,192.168.7.9."},
      {"--once", NULL, 0, "Delivers what is due and ends."}, END}, ctl_outbox_run},
    {"outbox", "list", "Lists events with their tries and the last error.",
     {{"--tenant", "CLIENT_ID", 0, "Only this tenant's."},
      {"--state", "STATE", 0, "waiting (default), delivered or given_up."}, END}, ctl_outbox_list},
    {"outbox", "resend",
     "Delivers an event again, with the same webhook-id, whatever became of it. Its tries are counted from zero, and go on "
     "for three days. Where the webhook is switched off it waits until that is turned on.",
     {{"EVENT_ID", NULL, 1, "The event's number, as outbox list shows it."}, {NULL, NULL, 0, NULL}}, ctl_outbox_resend},
    {"janitor", "run",
     "Does at once, and to the end, what the servers do each FinqJanitorInterval: expires sessions and consents, tells of those "
     "that will, and removes what is past its time. Files go when a server of their FinqUploadDir next looks. Standard error "
     "shows how far it is; prints the rows of each job, and how the weeks of the tables stand then. Exit code 5 where a server is "
     "at it, 1 where a job failed; a batch of rows that takes longer than 30 s has.",
     {{"--session-retention", "SECONDS", 0, "In the place of the servers' FinqSessionRetention."},
      {"--event-retention", "SECONDS", 0, "In the place of the servers' FinqEventRetention."},
      {"--audit-retention", "SECONDS", 0, "In the place of the servers' FinqAuditRetention."},
      {NULL, NULL, 0, NULL}}, ctl_janitor_run},
    {"audit", "verify",
     "Says whether the audit trail is what was once written: the janitor's next run chains each line "
     "to the one before, and the last is signed each hour. Prints how many lines there are, how many are not chained yet, how many heads "
     "are signed, and the last of these. Exit code 1 where a line was changed, moved, removed or put in; it is named. So it is "
     "where heads were removed: that lines had stood for two hours when one was signed last, and none is behind them. A "
     "chain that was made and signed anew shows by a head alone that was noted elsewhere.",
     {{"--secret-file", "PATH", 0, "The servers' FinqSecretFile; default: the environment variable FINQ_SECRET_FILE."},
      {"--head", "HASH", 0, "The head of an earlier run: exit code 1 where it is not in the trail any more; else its place is noted."},
      {NULL, NULL, 0, NULL}}, ctl_audit_verify},
    {"audit", NULL,
     "Lists who changed what, newest first: tenants, keys, skills, grants, servicers, links that users may be sent back to, "
     "webhooks, decisions and deleted consents by finqctl, migrations. A line names the database role and the address it "
     "came from, the application, and the user of the operating system as finqctl tells it; the row, or what was changed in "
     "it, as [old, new]. It holds no key.",
     {{"--tenant", "CLIENT_ID", 0, "Only what is about this tenant."},
      {"--since", "TIME", 0, "Only from this time on, such as 2026-01-31, 2026-01-31T12:00:00Z or yesterday."},
      {"--limit", "N", 0, "Most lines (default 100)."},
      {NULL, NULL, 0, NULL}}, ctl_audit_list},
    {"completion", NULL,
     "Prints what makes a shell complete finqctl's nouns, verbs and options: for bash, . <(finqctl completion bash). make install "
     "puts it where both shells look.",
     {{"SHELL", NULL, 1, "bash or zsh."}, {NULL, NULL, 0, NULL}}, ctl_completion},
    {NULL, NULL, NULL, {{NULL, NULL, 0, NULL}}, NULL},
};
/* clang-format on */
