#include "httpd/page.h"

#include <apr_encode.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "httpd/paths.h"

/* ---- who gets it ---- */

/* The weight that an Accept header gives to a media type that it names, in thousandths; -1 where it does not (RFC 9110, 12.5.1). */
static int weight_of(const char *accept, const char *type, apr_pool_t *pool)
{
    char *last, *list = apr_pstrdup(pool, accept ? accept : "");
    apr_size_t length = strlen(type);
    for (char *range = apr_strtok(list, ",", &last); range; range = apr_strtok(NULL, ",", &last)) {
        range += strspn(range, " \t");
        char behind = strlen(range) < length ? 'x' : range[length];
        if (strncasecmp(range, type, length) != 0 || !(behind == '\0' || behind == ';' || apr_isspace(behind)))
            continue;
        const char *weight = strstr(range, "q=");
        return weight ? (int)(strtod(weight + 2, NULL) * 1000) : 1000;
    }
    return -1;
}

int finq_page_suits(const finq_request *request)
{
    request_rec *r = request->r;
    const char *accept = apr_table_get(r->headers_in, "Accept"), *base = finq_paths_base(request->config, r->uri);
    if (r->method_number != M_GET || !base || strncmp(r->uri + strlen(base), FINQ_PATHS_RETURNS, strlen(FINQ_PATHS_RETURNS)) != 0)
        return 0;
    int page = weight_of(accept, "text/html", r->pool);
    return page > 0 && page > weight_of(accept, "application/json", r->pool);
}

/* ---- the page ---- */

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;color:#1b2330;background:#eef1f6}"
    "main{max-width:34rem;margin:10vh auto 0;padding:1.5rem;background:#fff;border-top:.375rem solid #b3131c;border-radius:.25rem}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}"
    "p{margin:0 0 1rem}"
    "small{color:#47536a;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#e8ecf3;background:#12161d}main{background:#1d232d;border-color:#ff7b83}"
    "small{color:#b4bfd0}}"
    "@media(max-width:36rem){main{margin-top:0;border-radius:0}}";

static const struct {
    int least; /* of the status */
    const char *title, *words;
} texts[] = {
    {500, "This does not work for the moment",
     "The server that you were sent to has a fault, and your visit to the bank is not lost. Wait a minute, then load this page again."},
    {429, "Too many tries at once", "Wait a minute, then load this page again."},
    {0, "This way back leads nowhere",
     "The address that you came by is not one that the server knows: it may have been used before, be too old, or be incomplete. "
     "Go back to the application that sent you to the bank; it knows how your request stands."},
};

static void headers_set(request_rec *r)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    apr_table_t *headers = r->err_headers_out;
    finq_digest_sha256(hash, style, strlen(style));
    apr_table_setn(headers, "Content-Security-Policy",
                   apr_pstrcat(r->pool, "default-src 'none'; style-src 'sha256-",
                               apr_pencode_base64_binary(r->pool, hash, sizeof hash, APR_ENCODE_NONE, NULL),
                               "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", NULL));
    apr_table_setn(headers, "Referrer-Policy", "no-referrer"); /* the address holds a state */
    apr_table_mergen(headers, "Vary", "Accept");
}

const char *finq_page_of(finq_request *request, const finq_error *error)
{
    int i = 0, http = finq_code_http(error->code);
    while (http < texts[i].least)
        i++;
    headers_set(request->r);
    return apr_pstrcat(request->r->pool,
                       "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
                       texts[i].title, "</title>\n<style>", style, "</style>\n</head>\n<body>\n<main>\n<h1>", texts[i].title,
                       "</h1>\n<p>", texts[i].words, "</p>\n<p><small>", finq_code_name(error->code), " · ", request->id,
                       "</small></p>\n</main>\n</body>\n</html>\n", NULL);
}
