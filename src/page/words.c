#include "page/words.h"

#include <apr_encode.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdarg.h>
#include <string.h>

#include "crypto/digest.h"
#include "files.h"
#include "ground/text.h"
#include "json/json.h"

#define FILE_MOST 262144
#define ENDING ".json"
#define FALLBACK "en"
#define STYLE_ENDING ".css"

struct finq_words {
    const char *language;
    const json_t *texts;
    const apr_array_header_t *countries; /* of finq_choice; NULL where the language lacks them */
    const finq_words *fallback;          /* NULL of English */
};

struct finq_pages {
    apr_array_header_t *languages; /* of finq_words * */
    apr_array_header_t *names;     /* of const char *, at the same places */
    const char *skeleton;
    finq_page_file style, script;
};

/* ---- loading ---- */

static finq_error *unusable(const char *name, const char *what, apr_pool_t *pool)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "%s: %s", name, what);
}

static finq_words *words_of(finq_pages *pages, const char *language, apr_pool_t *pool)
{
    finq_words *words = (finq_words *)finq_pages_language(pages, language);
    if (words)
        return words;
    words = apr_pcalloc(pool, sizeof *words);
    words->language = language;
    words->fallback = pages->languages->nelts > 0 ? APR_ARRAY_IDX(pages->languages, 0, finq_words *) : NULL;
    APR_ARRAY_PUSH(pages->languages, finq_words *) = words;
    APR_ARRAY_PUSH(pages->names, const char *) = language;
    return words;
}

/* "AL Albania,DZ Algeria" */
static finq_error *countries_read(const apr_array_header_t **out, const char *list, const char *name, apr_pool_t *pool)
{
    apr_array_header_t *countries = apr_array_make(pool, 256, sizeof(finq_choice));
    char *last, *copy = apr_pstrdup(pool, list ? list : "");
    for (char *row = apr_strtok(copy, ",", &last); row; row = apr_strtok(NULL, ",", &last)) {
        if (strlen(row) < 4 || row[2] != ' ')
            return unusable(name, apr_pstrcat(pool, "countries has no code with a name behind it: ", row, NULL), pool);
        row[2] = '\0';
        APR_ARRAY_PUSH(countries, finq_choice) = (finq_choice){row, apr_psprintf(pool, "\"%s\"", row), row + 3};
    }
    *out = list ? countries : NULL;
    return NULL;
}

static finq_error *words_load(finq_pages *pages, const char *name, const char *text, apr_pool_t *pool)
{
    const char *key, *language = apr_pstrndup(pool, name, strlen(name) - strlen(ENDING));
    json_t *texts, *value;
    finq_error *error = finq_json_parse(&texts, NULL, text, strlen(text), pool);
    if (error)
        return unusable(name, error->message, pool);
    json_object_foreach(texts, key, value)
    {
        if (!json_is_string(value))
            return unusable(name, apr_pstrcat(pool, key, " is no text", NULL), pool);
    }
    finq_words *words = words_of(pages, language, pool);
    words->texts = texts;
    return countries_read(&words->countries, json_string_value(json_object_get(texts, "countries")), name, pool);
}

/* A name that tells the content may be kept for ever. */
static finq_page_file file_of(const char *stem, const char *ending, const char *type, const char *text, apr_pool_t *pool)
{
    unsigned char hash[FINQ_DIGEST_SHA256];
    finq_digest_sha256(hash, text, strlen(text));
    const char *mark = apr_pencode_base16_binary(pool, hash, 8, APR_ENCODE_LOWER, NULL);
    return (finq_page_file){apr_pstrcat(pool, stem, "-", mark, ending, NULL), type, text, strlen(text)};
}

static finq_error *file_take(finq_pages *pages, const char *name, const char *text, apr_pool_t *pool)
{
    apr_size_t length = strlen(name), ending = strlen(ENDING);
    if (length > ending && strcmp(name + length - ending, ENDING) == 0)
        return words_load(pages, name, text, pool);
    if (strcmp(name, "page.html") == 0)
        pages->skeleton = text;
    else if (strcmp(name, "page.css") == 0)
        pages->style = file_of("page", STYLE_ENDING, "text/css; charset=utf-8", text, pool);
    else if (strcmp(name, "page.js") == 0)
        pages->script = file_of("page", ".js", "text/javascript; charset=utf-8", text, pool);
    return NULL;
}

static finq_error *file_read(const char **text, const char *path, apr_pool_t *pool)
{
    apr_file_t *file;
    char *bytes = apr_palloc(pool, FILE_MOST + 1);
    apr_size_t length = 0;
    apr_status_t status = apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pool);
    if (status == APR_SUCCESS) {
        status = apr_file_read_full(file, bytes, FILE_MOST + 1, &length);
        apr_file_close(file);
    }
    if ((status != APR_SUCCESS && status != APR_EOF) || length > FILE_MOST)
        return unusable(path, "cannot be read, or has more than 256 KiB", pool);
    bytes[length] = '\0';
    *text = bytes;
    return NULL;
}

static int is_ours(const char *name)
{
    apr_size_t length = strlen(name), ending = strlen(ENDING);
    int is_language = length > ending && strcmp(name + length - ending, ENDING) == 0;
    return is_language || strcmp(name, "page.html") == 0 || strcmp(name, "page.css") == 0 || strcmp(name, "page.js") == 0;
}

static finq_error *directory_load(finq_pages *pages, const char *directory, apr_pool_t *pool)
{
    apr_dir_t *open;
    apr_finfo_t info;
    if (apr_dir_open(&open, directory, pool) != APR_SUCCESS)
        return unusable(directory, "is not a directory that can be read", pool);
    while (apr_dir_read(&info, APR_FINFO_NAME, open) == APR_SUCCESS) {
        const char *text, *name = apr_pstrdup(pool, info.name);
        if (!is_ours(name))
            continue;
        FINQ_TRY(file_read(&text, apr_pstrcat(pool, directory, "/", name, NULL), pool));
        FINQ_TRY(file_take(pages, name, text, pool));
    }
    apr_dir_close(open);
    return NULL;
}

finq_error *finq_pages_load(finq_pages **out, const char *directory, apr_pool_t *pool)
{
    finq_pages *pages = apr_pcalloc(pool, sizeof *pages);
    pages->languages = apr_array_make(pool, 8, sizeof(finq_words *));
    pages->names = apr_array_make(pool, 8, sizeof(const char *));
    for (const files_row *row = files_built_in; row->name; row++)
        FINQ_TRY(file_take(pages, row->name, row->text, pool));
    if (directory)
        FINQ_TRY(directory_load(pages, directory, pool));
    *out = pages;
    return NULL;
}

/* ---- languages ---- */

int finq_pages_count(const finq_pages *pages)
{
    return pages->languages->nelts;
}

const finq_words *finq_pages_at(const finq_pages *pages, int place)
{
    return APR_ARRAY_IDX(pages->languages, place, const finq_words *);
}

const finq_words *finq_pages_language(const finq_pages *pages, const char *language)
{
    for (int i = 0; i < pages->languages->nelts; i++) {
        const finq_words *words = finq_pages_at(pages, i);
        if (strcasecmp(words->language, language) == 0)
            return words;
    }
    return NULL;
}

const finq_words *finq_pages_words(const finq_pages *pages, const char *wanted, apr_pool_t *pool)
{
    const char *language = finq_text_language(wanted, pages->names, pool);
    return finq_pages_language(pages, language ? language : FALLBACK);
}

const char *finq_words_language(const finq_words *words)
{
    return words->language;
}

const char *finq_words_find(const finq_words *words, const char *name)
{
    const char *text = json_string_value(json_object_get(words->texts, name));
    return text || !words->fallback ? text : finq_words_find(words->fallback, name);
}

const char *finq_words_say(const finq_words *words, const char *name)
{
    const char *text = finq_words_find(words, name);
    return text ? text : name;
}

/* A name such as "Bank (RO)" keeps its own direction within a sentence that runs to the left: between U+2068 and U+2069. */
static const char *isolated(const finq_words *words, const char *value, apr_pool_t *pool)
{
    if (!value || strcmp(finq_words_say(words, "language.direction"), "rtl") != 0)
        return value ? value : "";
    return apr_psprintf(pool, "\xe2\x81\xa8%s\xe2\x81\xa9", value);
}

const char *finq_words_with(const finq_words *words, const char *name, apr_pool_t *pool, ...)
{
    const char *text = finq_words_say(words, name), *slot;
    va_list pairs;
    va_start(pairs, pool);
    while ((slot = va_arg(pairs, const char *)) != NULL) {
        const char *value = va_arg(pairs, const char *), *mark = apr_pstrcat(pool, "{", slot, "}", NULL);
        const char *at = strstr(text, mark);
        if (at)
            text = apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), isolated(words, value, pool),
                               at + strlen(mark), NULL);
    }
    va_end(pairs);
    return text;
}

const apr_array_header_t *finq_words_countries(const finq_words *words)
{
    return words->countries || !words->fallback ? words->countries : finq_words_countries(words->fallback);
}

const char *finq_words_date(const finq_words *words, int day, int month, int year, apr_pool_t *pool)
{
    char *last, *months = apr_pstrdup(pool, finq_words_say(words, "date.months"));
    const char *name = apr_strtok(months, ",", &last);
    for (int i = 1; i < month && name; i++)
        name = apr_strtok(NULL, ",", &last);
    if (month < 1 || !name)
        return NULL;
    return finq_words_with(words, "date.form", pool, "day", apr_itoa(pool, day), "month", name, "year", apr_itoa(pool, year),
                           NULL);
}

/* ---- files and the skeleton ---- */

const finq_page_file *finq_pages_style(const finq_pages *pages)
{
    return &pages->style;
}

const finq_page_file *finq_pages_script(const finq_pages *pages)
{
    return &pages->script;
}

#define COLOUR 6

const char *finq_pages_style_name(const finq_pages *pages, const char *colours, apr_pool_t *pool)
{
    const char *name = pages->style.name;
    return colours ? apr_pstrcat(pool, apr_pstrmemdup(pool, name, strlen(name) - strlen(STYLE_ENDING)), "-", colours,
                                 STYLE_ENDING, NULL)
                   : name;
}

static int is_colour(const char *text)
{
    return strspn(text, "0123456789abcdef") >= COLOUR;
}

/* "page-HASH-0b4a6f-8ccbf2.css": what stands behind the stylesheet's own name is nothing but colours. */
static int style_in_colours(finq_page_file *file, const finq_pages *pages, const char *name, apr_pool_t *pool)
{
    apr_size_t stem = strlen(pages->style.name) - strlen(STYLE_ENDING);
    const char *light = name + stem + 1, *dark = light + COLOUR + 1;
    if (strncmp(name, pages->style.name, stem) != 0 || strlen(name) != stem + 2 * (COLOUR + 1) + strlen(STYLE_ENDING))
        return 0;
    if (light[-1] != '-' || dark[-1] != '-' || !is_colour(light) || !is_colour(dark) || strcmp(dark + COLOUR, STYLE_ENDING) != 0)
        return 0;
    *file = pages->style;
    file->bytes = apr_psprintf(pool, "%s:root{--brand-light:#%.6s;--brand-dark:#%.6s}\n", pages->style.bytes, light, dark);
    file->length = strlen(file->bytes);
    return 1;
}

int finq_pages_file(finq_page_file *file, const finq_pages *pages, const char *name, apr_pool_t *pool)
{
    const finq_page_file *const files[] = {&pages->style, &pages->script};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(files[i]->name, name) == 0) {
            *file = *files[i];
            return 1;
        }
    }
    return style_in_colours(file, pages, name, pool);
}

static void slot_fill(finq_html *to, const finq_page_slot *slots, const char *name, apr_size_t length)
{
    while (slots->name && (strncmp(slots->name, name, length) != 0 || slots->name[length] != '\0'))
        slots++;
    if (slots->name && slots->piece)
        finq_html_piece(to, slots->piece);
    else if (slots->name)
        finq_html_text(to, slots->text);
}

/* Written once from left to right: what stands in a slot is not looked at for slots. */
const char *finq_pages_fill(const finq_pages *pages, const finq_page_slot *slots, apr_pool_t *pool)
{
    finq_html *to = finq_html_write(pool);
    const char *rest = pages->skeleton, *open, *close;
    while ((open = strstr(rest, "{{")) != NULL && (close = strstr(open, "}}")) != NULL) {
        finq_html_markup(to, rest, (apr_size_t)(open - rest));
        slot_fill(to, slots, open + 2, (apr_size_t)(close - open - 2));
        rest = close + 2;
    }
    finq_html_markup(to, rest, strlen(rest));
    return finq_html_written(to);
}
