#include "bank/sandbox.h"
#include "bank/query.h"

#include <apr_encode.h>
#include <apr_escape.h>
#include <apr_strings.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/secrets.h"

#define STATE_MOST 2048
#define KIND_MOST 64
#define TYPED_MOST 64
#define ASKER_MOST 128
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* ---- reading ---- */

static const struct {
    const char *name, *label, *hint, *error, *description;
} choices[] = {
    {"approve", "Approve", "You share what was asked for.", NULL, NULL},
    {"deny", "Refuse", "You share nothing.", "access_denied", "The+user+refused."},
    {"later", "Approve later", "The bank asks you again afterwards, on your phone.", NULL, NULL},
    {"fail", "Let the bank fail", "The bank reports a fault.", "server_error", "The+bank+failed."},
    {"slow", "Approve slowly", "You share what was asked for; the bank takes its time.", NULL, NULL},
};
#define CHOICES ((int)(sizeof choices / sizeof *choices))

static int choice_find(const char *name)
{
    int i = 0;
    while (i < CHOICES && strcmp(choices[i].name, name) != 0)
        i++;
    return i;
}

/* What is asked for, by the link's word. */
static const struct {
    const char *name, *words;
} purposes[] = {
    {"accounts", "asks to see accounts of yours, with their balances and transactions."},
    {"payment", "asks you to order a payment."},
};
#define PURPOSES ((int)(sizeof purposes / sizeof *purposes))

static int purpose_find(const char *name)
{
    int i = 0;
    while (i < PURPOSES && strcmp(purposes[i].name, name) != 0)
        i++;
    return i;
}

static finq_error *unreadable(apr_pool_t *pool, const char *what)
{
    return finq_error_make(pool, FINQ_E_INVALID_FIELD, "%s", what);
}

static int is_made_of(const char *text, const char *characters, apr_size_t most)
{
    apr_size_t length = strspn(text, characters);
    return length > 0 && length <= most && text[length] == '\0';
}

/* Nothing is parsed here, so nothing can be parsed in two ways: an address of ours and one plain segment. */
static int is_home(const char *uri, const apr_array_header_t *homes)
{
    for (int i = 0; i < homes->nelts; i++) {
        const char *home = APR_ARRAY_IDX(homes, i, const char *);
        apr_size_t length = strlen(home);
        if (strncmp(uri, home, length) == 0 && is_made_of(uri + length, LETTERS "_-", KIND_MOST))
            return 1;
    }
    return 0;
}

static finq_error *visit_check(const finq_sandbox_visit *visit, const apr_array_header_t *homes, apr_pool_t *pool)
{
    if (!is_made_of(visit->state, LETTERS "-._~", STATE_MOST))
        return unreadable(pool, "The link to this page lacks its state.");
    if (!is_home(visit->redirect_uri, homes))
        return unreadable(pool, "The link to this page would lead back to an address that this bank does not know.");
    if (*visit->purpose && purpose_find(visit->purpose) == PURPOSES)
        return unreadable(pool, "The link to this page asks for something that this bank does not do.");
    if (strlen(visit->asker) > ASKER_MOST)
        return unreadable(pool, "The link to this page names somebody by too many words.");
    if (*visit->choice && choice_find(visit->choice) == CHOICES)
        return unreadable(pool, "The link to this page makes a choice that there is not.");
    return NULL;
}

finq_error *finq_sandbox_read(finq_sandbox_visit *visit, const char *form, const apr_array_header_t *homes, apr_pool_t *pool)
{
    *visit = (finq_sandbox_visit){"", "", "", "", "", "", "", "", "", ""};
    /* `scenario` in the link chooses beforehand; the form's `choice` is what the user left chosen. */
    const finq_query_parameter parameters[] = {
        {"state", &visit->state},       {"redirect_uri", &visit->redirect_uri},
        {"scenario", &visit->choice},   {"choice", &visit->choice},
        {"customer", &visit->customer}, {"pin", &visit->pin},
        {"asker", &visit->asker},       {"purpose", &visit->purpose},
        {"current", &visit->current},   {"savings", &visit->savings},
        {"cancel", &visit->cancel},     {NULL, NULL},
    };
    const char *fault = finq_query_read(parameters, form, pool);
    if (fault)
        return unreadable(pool, apr_pstrcat(pool, "The link to this page ", fault, ".", NULL));
    return visit_check(visit, homes, pool);
}

static int is_typed(const char *text)
{
    return *text && strlen(text) <= TYPED_MOST;
}

/* Whoever shares accounts says which. */
static int are_accounts_chosen(const finq_sandbox_visit *visit)
{
    int are_shared = strcmp(visit->purpose, "accounts") == 0 && *visit->choice && !choices[choice_find(visit->choice)].error;
    return !are_shared || *visit->current || *visit->savings;
}

int finq_sandbox_is_complete(const finq_sandbox_visit *visit)
{
    if (*visit->cancel)
        return 1;
    return are_accounts_chosen(visit) && is_typed(visit->customer) && is_typed(visit->pin) && *visit->choice;
}

/* ---- leaving ---- */

finq_error *finq_sandbox_location(const char **location, const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    unsigned char random[16];
    int choice = choice_find(*visit->cancel ? "deny" : visit->choice);
    const char *back = apr_pstrcat(pool, visit->redirect_uri, "?state=", visit->state, NULL);
    if (choices[choice].error) {
        *location =
            apr_pstrcat(pool, back, "&error=", choices[choice].error, "&error_description=", choices[choice].description, NULL);
        return NULL;
    }
    FINQ_TRY(finq_random(random, sizeof random, pool));
    *location = apr_pstrcat(pool, back, "&code=", choices[choice].name, "-",
                            apr_pencode_base16(pool, visit->customer, APR_ENCODE_STRING, APR_ENCODE_LOWER, NULL), ".",
                            apr_pencode_base16_binary(pool, random, sizeof random, APR_ENCODE_LOWER, NULL),
                            *visit->current ? "-current" : "", *visit->savings ? "-savings" : "", NULL);
    return NULL;
}

/* ---- the pages ---- */

static const char style[] =
    ":root{color-scheme:light dark}"
    "*{box-sizing:border-box}"
    "body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;color:#1b2330;background:#eef1f6}"
    "header{padding:.75rem 1rem;color:#fff;background:#0b3d6e;font-weight:700}"
    "main{max-width:30rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0 1rem}"
    ".note,.alert{padding:.75rem 1rem;margin:0 0 1.25rem;border-radius:.25rem;border-left:.375rem solid}"
    ".note{color:#4a3200;background:#fff3cf;border-color:#8a5a00}"
    ".alert{color:#7a0c12;background:#fde8e8;border-color:#b3131c}.alert "
    "ul{margin:0;padding-left:1.25rem}.alert a{color:inherit}"
    "fieldset{margin:0 0 1.25rem;padding:1rem;border:1px solid #5d6b80;border-radius:.25rem;background:#fff}"
    "legend{padding:0 .375rem;font-weight:700}"
    "label{display:block;font-weight:600}"
    "input:not([type=radio],[type=checkbox]){width:100%;min-height:2.75rem;margin:.25rem 0 "
    ".75rem;padding:.5rem;font:inherit;color:inherit;"
    "background:#fff;border:1px solid #5d6b80;border-radius:.25rem}"
    "input[aria-invalid]{border:2px solid #b3131c}"
    ".choice{display:flex;gap:.75rem;align-items:flex-start;min-height:2.75rem;padding:.375rem 0}"
    ".choice input{width:1.5rem;height:1.5rem;margin:0;flex:none}"
    ".choice span{display:block;font-weight:400;color:#47536a}"
    "button{width:100%;min-height:3rem;font:inherit;font-weight:700;color:#fff;background:#0b3d6e;border:0;"
    "border-radius:.25rem}"
    "button:hover{background:#082c50}"
    "button.plain{margin:.75rem 0 0;color:#0b3d6e;background:none;border:1px solid currentColor}"
    "button.plain:hover{background:#dfe7f1}"
    ":focus-visible,.alert:focus{outline:3px solid #c2410c;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){"
    "body{color:#e8ecf3;background:#12161d}header{background:#12365a}"
    ".note{color:#ffe3a3;background:#3a2c05;border-color:#d9a13a}"
    ".alert{color:#ffd0d2;background:#43151a;border-color:#ff7b83}"
    "fieldset,input:not([type=radio],[type=checkbox]){background:#1d232d;border-color:#8b98ac}"
    ".choice span{color:#b4bfd0}input[aria-invalid]{border-color:#ff7b83}"
    "button{color:#0b1a29;background:#8ec5ff}button:hover{background:#b5d9ff}"
    "button.plain{color:#8ec5ff;background:none}button.plain:hover{background:#1d2c3d}"
    ":focus-visible,.alert:focus{outline-color:#ffb077}}";

const char *finq_sandbox_policy(apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_digest_sha256(hash, style, strlen(style));
    /* No form-action: browsers hold a form's whole chain of redirects against it, and this one's ends at the
     * tenant's app. */
    return apr_pstrcat(pool, "default-src 'none'; style-src 'sha256-",
                       apr_pencode_base64_binary(pool, hash, sizeof hash, APR_ENCODE_NONE, NULL),
                       "'; base-uri 'none'; frame-ancestors 'none'", NULL);
}

/* `mark` stands before the title, for who hears it first. */
static const char *document(const char *mark, const char *title, const char *content, apr_pool_t *pool)
{
    return apr_pstrcat(pool,
                       "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
                       mark, title, " – Sandbox Bank</title>\n<style>", style,
                       "</style>\n</head>\n<body>\n"
                       "<header>Sandbox Bank</header>\n<main>\n<h1>",
                       title, "</h1>\n", content, "</main>\n</body>\n</html>\n", NULL);
}

static const char *escaped(const char *text, apr_pool_t *pool)
{
    return apr_pescape_entity(pool, text, 0);
}

const char *finq_sandbox_refusal(const char *message, apr_pool_t *pool)
{
    return document("", "This page cannot be shown",
                    apr_pstrcat(pool, "<p class=\"alert\" role=\"alert\">", escaped(message, pool),
                                "</p>\n<p>Go back to the application that sent you here, and start again.</p>\n", NULL),
                    pool);
}

static const char *field(const char *id, const char *label, const char *attributes, int wrong, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<label for=\"", id, "\">", label, "</label>\n<input id=\"", id, "\" name=\"", id,
                       "\" required maxlength=\"64\" ", attributes,
                       wrong ? " aria-invalid=\"true\" aria-describedby=\"problems\"" : "", ">\n", NULL);
}

static const char *login(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool)
{
    const char *typed = apr_pstrcat(pool, "autocomplete=\"off\" value=\"", escaped(visit->customer, pool), "\"", NULL);
    return apr_pstrcat(pool, "<fieldset>\n<legend>Log in</legend>\n",
                       field("customer", "Customer number", typed, submitted && !is_typed(visit->customer), pool),
                       field("pin", "PIN", "type=\"password\" inputmode=\"numeric\" autocomplete=\"off\"",
                             submitted && !is_typed(visit->pin), pool),
                       "</fieldset>\n", NULL);
}

static const char *consent(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    const char *list = "<fieldset>\n<legend>Your consent</legend>\n";
    for (int i = 0; i < CHOICES; i++)
        list = apr_pstrcat(pool, list, "<div class=\"choice\"><input type=\"radio\" name=\"choice\" id=\"", choices[i].name,
                           "\" value=\"", choices[i].name, "\" required aria-describedby=\"", choices[i].name, "-hint\"",
                           strcmp(visit->choice, choices[i].name) == 0 ? " checked" : "", "><div><label for=\"", choices[i].name,
                           "\">", choices[i].label, "</label><span id=\"", choices[i].name, "-hint\">", choices[i].hint,
                           "</span></div></div>\n", NULL);
    return apr_pstrcat(pool, list, "</fieldset>\n", NULL);
}

/* Who asks, and for what. */
static const char *request_of(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    int purpose = purpose_find(visit->purpose);
    return apr_pstrcat(pool, "<p><strong>", *visit->asker ? escaped(visit->asker, pool) : "An application", "</strong> ",
                       purpose < PURPOSES ? purposes[purpose].words : "asks for your consent at this bank.", "</p>\n", NULL);
}

static const char *account(const char *name, const char *label, const char *hint, int chosen, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<div class=\"choice\"><input type=\"checkbox\" name=\"", name, "\" id=\"", name,
                       "\" value=\"1\" aria-describedby=\"", name, "-hint\"", chosen ? " checked" : "", "><div><label for=\"",
                       name, "\">", label, "</label><span id=\"", name, "-hint\">", hint, "</span></div></div>\n", NULL);
}

/* All of them, until the user has said otherwise. */
static const char *accounts(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool)
{
    if (strcmp(visit->purpose, "accounts") != 0)
        return "";
    return apr_pstrcat(
        pool, "<fieldset>\n<legend>Which accounts</legend>\n",
        account("current", "Current account, RON", "RO49 AAAA 1B31 0075 9384 0000", !submitted || *visit->current, pool),
        account("savings", "Savings account, EUR", "RO09 BCYP 0000 0012 3456 7890", !submitted || *visit->savings, pool),
        "</fieldset>\n", NULL);
}

static const char *hidden(const char *name, const char *value, apr_pool_t *pool)
{
    return *value ? apr_pstrcat(pool, "<input type=\"hidden\" name=\"", name, "\" value=\"", escaped(value, pool), "\">\n", NULL)
                  : "";
}

static const char *problem(int is, const char *id, const char *text, apr_pool_t *pool)
{
    return is ? apr_pstrcat(pool, "<li><a href=\"#", id, "\">", text, "</a></li>\n", NULL) : "";
}

static const char *problems(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<div class=\"alert\" role=\"alert\" id=\"problems\" tabindex=\"-1\" autofocus>\n<ul>\n",
                       problem(!is_typed(visit->customer), "customer", "Enter a customer number of at most 64 characters.", pool),
                       problem(!is_typed(visit->pin), "pin", "Enter a PIN of at most 64 characters.", pool),
                       problem(!*visit->choice, choices[0].name, "Choose an answer.", pool),
                       problem(!are_accounts_chosen(visit), "current", "Choose an account at least, or refuse.", pool),
                       "</ul>\n</div>\n", NULL);
}

const char *finq_sandbox_page(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool)
{
    const char *content = apr_pstrcat(
        pool, submitted ? problems(visit, pool) : "",
        "<p class=\"note\">This is no real bank. Any customer number and any PIN will do; do not enter those of a real account.</p>\n",
        request_of(visit, pool), "<form method=\"post\">\n", hidden("state", visit->state, pool),
        hidden("redirect_uri", visit->redirect_uri, pool), hidden("asker", visit->asker, pool),
        hidden("purpose", visit->purpose, pool), login(visit, submitted, pool), accounts(visit, submitted, pool),
        consent(visit, pool),
        "<button>Continue</button>\n<button class=\"plain\" name=\"cancel\" value=\"1\" formnovalidate>Cancel and go back</button>\n"
        "</form>\n",
        NULL);
    return document(submitted ? "Error: " : "", "Log in and consent", content, pool);
}
