#include "sandbox_page.h"

#include <apr_encode.h>
#include <apr_escape.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/sandbox_order.h"
#include "crypto/digest.h"

static const char style[] =
    ":root{color-scheme:light dark}"
    "*{box-sizing:border-box}"
    "body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;color:#1b2330;background:#eef1f6}"
    "header{padding:1rem max(1.25rem,50% - 17rem);color:#fff;background:#0b3d6e;font-weight:700}"
    "main{max-width:36.5rem;margin:0 auto;padding:1.25rem 1.25rem 3rem}"
    "h1{font-size:1.75rem;line-height:1.2;margin:.75rem 0 1.25rem;letter-spacing:-.015em}"
    ".note,.alert{padding:.75rem 1rem;margin:0 0 1.25rem;border-radius:.625rem;border-inline-start:.375rem solid}"
    ".note{color:#4a3200;background:#fff3cf;border-color:#8a5a00}"
    ".alert{color:#7a0c12;background:#fde8e8;border-color:#b3131c}.alert "
    "ul{margin:0;padding-inline-start:1.25rem}.alert a{color:inherit}"
    "fieldset{margin:0 0 1.25rem;padding:1.25rem;border:1px solid #dbe1e8;border-radius:.875rem;background:#fff}"
    "legend{float:inline-start;width:100%;padding:0 0 .5rem;font-weight:700;font-size:1.125rem}legend+*{clear:both}"
    "label{display:block;font-weight:600}"
    "input:not([type=radio],[type=checkbox]){width:100%;min-height:2.75rem;margin:.25rem 0 "
    ".75rem;padding:.5rem;font:inherit;color:inherit;"
    "background:#fff;border:1px solid #5d6b80;border-radius:.625rem}"
    "input[aria-invalid]{border:2px solid #b3131c}"
    ".choice{display:flex;gap:.75rem;align-items:flex-start;min-height:2.75rem;padding:.375rem 0}"
    ".choice input{width:1.5rem;height:1.5rem;margin:0;flex:none}"
    ".choice span{display:block;font-weight:400;color:#47536a}"
    "button{width:100%;min-height:3rem;font:inherit;font-weight:700;color:#fff;background:#0b3d6e;border:0;"
    "border-radius:.625rem}"
    "button:hover{background:#082c50}"
    "a.button{display:block;padding:.75rem;color:#fff;background:#0b3d6e;border-radius:.625rem;font-weight:700;text-align:center;"
    "text-decoration:none}"
    ".order{margin:0 0 1.25rem;padding:1.25rem;border:1px solid #dbe1e8;border-radius:.875rem;background:#fff}"
    ".order h2{margin:0 0 .5rem;font-size:1.125rem}.order dl{margin:0;display:grid;grid-template-columns:5.5rem 1fr;"
    "gap:.375rem 1rem}.order dl+dl,.order dl+p,.order p+dl{margin:.75rem 0 0;padding:.75rem 0 0;border-top:1px solid #c3cad6}"
    ".order dt{color:#47536a}.order dt,.order dd{overflow-wrap:anywhere}.order dd{margin:0;unicode-bidi:plaintext}"
    "[dir=rtl] dd{text-align:right}.order .amount{font-weight:700;font-size:1.25rem}"
    ".number{font-variant-numeric:tabular-nums;white-space:pre-wrap}.doubt{color:#7a0c12;font-weight:600}"
    "button.plain{margin:.75rem 0 0;color:#0b3d6e;background:none;border:1px solid currentColor}"
    "button.plain:hover{background:#dfe7f1}"
    ".tests{margin:3rem 0 0;border-top:1px dashed #5d6b80}.tests summary{padding:1rem 0;color:#47536a;cursor:pointer}"
    ":focus-visible,.alert:focus{outline:3px solid #c2410c;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){"
    "body{color:#e8ecf3;background:#12161d}header{background:#12365a}"
    ".note{color:#ffe3a3;background:#3a2c05;border-color:#d9a13a}"
    ".alert{color:#ffd0d2;background:#43151a;border-color:#ff7b83}"
    "fieldset,.order,input:not([type=radio],[type=checkbox]){background:#1d232d;border-color:#8b98ac}"
    ".order dt{color:#b4bfd0}.order dl+dl,.order dl+p,.order p+dl{border-color:#46536a}.doubt{color:#ffb3b7}"
    "a.button{color:#0b1a29;background:#8ec5ff}"
    ".choice span,.tests summary{color:#b4bfd0}fieldset,.order{border-color:#303a46}input[aria-invalid]{border-color:#ff7b83}"
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
static const char *document(const char *language, const char *mark, const char *title, const char *content, apr_pool_t *pool)
{
    const char *said = sandbox_say(language, title);
    return apr_pstrcat(pool, "<!DOCTYPE html>\n<html lang=\"", language, "\" dir=\"", sandbox_direction(language),
                       "\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
                       *mark ? sandbox_say(language, mark) : "", *mark ? " " : "", said, " – Sandbox Bank</title>\n<style>",
                       style,
                       "</style>\n</head>\n<body>\n"
                       "<header>Sandbox Bank</header>\n<main>\n<h1>",
                       said, "</h1>\n", content, "</main>\n</body>\n</html>\n", NULL);
}

static const char *escaped(const char *text, apr_pool_t *pool)
{
    return apr_pescape_entity(pool, text, 0);
}

const char *finq_sandbox_refusal(const char *message, const char *language, apr_pool_t *pool)
{
    const char *content =
        apr_pstrcat(pool, "<p class=\"alert\" role=\"alert\" lang=\"en\" dir=\"ltr\">", escaped(message, pool), "</p>\n<p>",
                    sandbox_say(language, "Go back to the application that sent you here, and start again."), "</p>\n", NULL);
    return document(language, "", "This page cannot be shown", content, pool);
}

static const char *field(const char *id, const char *label, const char *attributes, int wrong, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<label for=\"", id, "\">", label, "</label>\n<input id=\"", id, "\" name=\"", id,
                       "\" required maxlength=\"64\" ", attributes,
                       wrong ? " aria-invalid=\"true\" aria-describedby=\"problems\"" : "", ">\n", NULL);
}

/* A group of the form with its name. */
static const char *group(const finq_sandbox_visit *visit, const char *name, const char *content, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<fieldset>\n<legend>", sandbox_say(visit->language, name), "</legend>\n", content, "</fieldset>\n",
                       NULL);
}

static const char *login(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool)
{
    const char *language = visit->language;
    const char *typed = apr_pstrcat(pool, "autocomplete=\"off\" value=\"", escaped(visit->customer, pool), "\"", NULL);
    const char *fields = apr_pstrcat(
        pool,
        field("customer", sandbox_say(language, "Customer number"), typed, submitted && !sandbox_is_typed(visit->customer), pool),
        field("pin", sandbox_say(language, "PIN"), "type=\"password\" inputmode=\"numeric\" autocomplete=\"off\"",
              submitted && !sandbox_is_typed(visit->pin), pool),
        NULL);
    return group(visit, "Log in", fields, pool);
}

/* A radio button or checkbox with its label and hint. */
typedef struct {
    const char *type, *name, *id, *value, *label, *hint;
    int is_required, is_chosen;
} option;

static const char *option_html(const option *of, const char *language, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<div class=\"choice\"><input type=\"", of->type, "\" name=\"", of->name, "\" id=\"", of->id,
                       "\" value=\"", of->value, "\"", of->is_required ? " required" : "", " aria-describedby=\"", of->id,
                       "-hint\"", of->is_chosen ? " checked" : "", "><div><label for=\"", of->id, "\">",
                       sandbox_say(language, of->label), "</label><span id=\"", of->id, "-hint\">",
                       sandbox_say(language, of->hint), "</span></div></div>\n", NULL);
}

static const char *choices(const finq_sandbox_visit *visit, const char *name, int is_test, apr_pool_t *pool)
{
    const char *list = "";
    for (const sandbox_choice *choice = sandbox_choices; choice->name; choice++) {
        if (choice->is_test != is_test)
            continue;
        const char *hint = visit->ordered ? choice->payment_hint : choice->hint;
        const option one = {
            "radio", "choice", choice->name, choice->name, choice->label, hint, 1, strcmp(visit->choice, choice->name) == 0};
        list = apr_pstrcat(pool, list, option_html(&one, visit->language, pool), NULL);
    }
    return group(visit, name, list, pool);
}

static int is_test(const finq_sandbox_visit *visit)
{
    const sandbox_choice *choice = sandbox_choices;
    while (choice->name && strcmp(choice->name, visit->choice) != 0)
        choice++;
    return choice->is_test;
}

/* Apart from what a customer is asked. */
static const char *tests(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<details class=\"tests\"", is_test(visit) ? " open" : "", ">\n<summary>",
                       sandbox_say(visit->language, "For developers"), "</summary>\n",
                       choices(visit, "What the bank does", 1, pool), "</details>\n", NULL);
}

/* Who asks, and for what. */
static const char *request_of(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    const char *asker = visit->tenant ? visit->tenant : visit->asker;
    int is_known;
    return apr_pstrcat(pool, "<p><strong>", *asker ? escaped(asker, pool) : sandbox_say(visit->language, "An application"),
                       "</strong> ", sandbox_say(visit->language, sandbox_purpose_words(visit->purpose, &is_known)), "</p>\n",
                       NULL);
}

static const struct {
    const char *name, *label, *hint;
} accounts[] = {
    {"current", "Current account, RON", "for salary and bills"},
    {"savings", "Savings account, EUR", "for later"},
};

/* Those to share are all of them, until the user has said otherwise. */
static const char *shared_accounts(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool)
{
    const char *list = "";
    for (int i = 0; i < 2; i++) {
        const char *name = accounts[i].name, *chosen = i == 0 ? visit->current : visit->savings;
        const option one = {"checkbox", name, name, "1", accounts[i].label, accounts[i].hint, 0, !submitted || *chosen};
        list = apr_pstrcat(pool, list, option_html(&one, visit->language, pool), NULL);
    }
    return group(visit, "Which accounts", list, pool);
}

static const char *paying_account(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    const char *list = "";
    for (int i = 0; i < 2; i++) {
        const char *name = accounts[i].name;
        const option one = {"radio",           "account",        name, name,
                            accounts[i].label, accounts[i].hint, 1,    strcmp(visit->account, name) == 0};
        list = apr_pstrcat(pool, list, option_html(&one, visit->language, pool), NULL);
    }
    return group(visit, "Pay from", list, pool);
}

static const char *account_choice(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool)
{
    if (finq_sandbox_order_lacks_account(visit->ordered))
        return paying_account(visit, pool);
    return strcmp(visit->purpose, "accounts") == 0 ? shared_accounts(visit, submitted, pool) : "";
}

static const char *hidden(const char *name, const char *value, apr_pool_t *pool)
{
    return *value ? apr_pstrcat(pool, "<input type=\"hidden\" name=\"", name, "\" value=\"", escaped(value, pool), "\">\n", NULL)
                  : "";
}

static const char *problem(const finq_sandbox_visit *visit, int is, const char *id, const char *text, apr_pool_t *pool)
{
    return is ? apr_pstrcat(pool, "<li><a href=\"#", id, "\">", sandbox_say(visit->language, text), "</a></li>\n", NULL) : "";
}

static const char *problems(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    return apr_pstrcat(
        pool, "<div class=\"alert\" role=\"alert\" id=\"problems\" tabindex=\"-1\" autofocus>\n<ul>\n",
        problem(visit, !sandbox_is_typed(visit->customer), "customer", "Enter a customer number of at most 64 characters.", pool),
        problem(visit, !sandbox_is_typed(visit->pin), "pin", "Enter a PIN of at most 64 characters.", pool),
        problem(visit, !*visit->choice, sandbox_choices[0].name, "Choose an answer.", pool),
        problem(visit, !sandbox_are_accounts_chosen(visit), "current", "Choose an account at least, or refuse.", pool),
        "</ul>\n</div>\n", NULL);
}

/* What of a visit goes with its form. */
static const char *carried(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    return apr_pstrcat(pool, hidden("state", visit->state, pool), hidden("redirect_uri", visit->redirect_uri, pool),
                       hidden("asker", visit->asker, pool), hidden("purpose", visit->purpose, pool),
                       hidden("order", visit->order, pool), NULL);
}

#define NOTE "This is no real bank. Any customer number and any PIN will do; do not enter those of a real account."

const char *finq_sandbox_page(const finq_sandbox_visit *visit, int submitted, apr_pool_t *pool)
{
    const char *language = visit->language;
    const char *content = apr_pstrcat(
        pool, submitted ? problems(visit, pool) : "", "<p class=\"note\">", sandbox_say(language, NOTE), "</p>\n",
        request_of(visit, pool), sandbox_order_section(visit, pool), "<form method=\"post\">\n", carried(visit, pool),
        login(visit, submitted, pool), account_choice(visit, submitted, pool),
        choices(visit, visit->ordered ? "Your answer" : "Your consent", 0, pool), "<button>", sandbox_say(language, "Continue"),
        "</button>\n<button class=\"plain\" name=\"cancel\" value=\"1\" formnovalidate>",
        sandbox_say(language, "Cancel and go back"), "</button>\n", tests(visit, pool), "</form>\n", NULL);
    return document(language, submitted ? "Error:" : "", visit->ordered ? "Check and approve" : "Log in and consent", content,
                    pool);
}

const char *finq_sandbox_decided(int is_agreed, const char *location, const char *language, apr_pool_t *pool)
{
    const char *told = is_agreed ? "You have approved this payment. It is ordered, and cannot be taken back here."
                                 : "This payment was cancelled. Nothing was paid, and nothing will be.";
    const char *content =
        apr_pstrcat(pool, "<p class=\"note\">", sandbox_say(language, told), "</p>\n<p><a class=\"button\" href=\"",
                    escaped(location, pool), "\">", sandbox_say(language, "Go back to the application"), "</a></p>\n", NULL);
    return document(language, "", is_agreed ? "Approved already" : "Cancelled already", content, pool);
}
