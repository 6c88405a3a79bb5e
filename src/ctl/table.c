/* What a verb answers, as a person reads it: lists as tables, or as records where a table is too wide; all else by its names. */
#include <apr_strings.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl.h"
#include "ground/text.h"
#include "json/json.h"

#define COLUMNS_MOST 32
#define GAP 2
#define NOTHING "-"

/* The names of what a list's objects have, in the order in which they first appear, and the widest cell of each. */
typedef struct {
    const char *names[COLUMNS_MOST];
    int widths[COLUMNS_MOST];
    int count;
} columns;

static void value_print(const json_t *value, int indent, apr_pool_t *pool);

/* ---- cells ---- */

/* How many places of a terminal a text takes. */
static int width_of(const char *text)
{
    mbstate_t state = {0};
    wchar_t letter;
    int width = 0;
    for (size_t length; *text && (length = mbrtowc(&letter, text, MB_LEN_MAX, &state)) < (size_t)-2; text += length)
        width += wcwidth(letter) > 0 ? wcwidth(letter) : 0;
    return width;
}

static const char *cell_of(const json_t *value, apr_pool_t *pool);

/* What a list's element is called: itself, or its name. NULL where it has none. */
static const char *element_name(const json_t *element, apr_pool_t *pool)
{
    const json_t *name = json_is_object(element) ? json_object_get(element, "name") : element;
    return name ? cell_of(name, pool) : NULL;
}

static const char *list_cell(const json_t *list, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 4, sizeof(const char *));
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element)
    {
        const char *name = element_name(element, pool);
        if (!name)
            return finq_text_plain(finq_json_text(list, pool), APR_SIZE_MAX, pool);
        APR_ARRAY_PUSH(names, const char *) = name;
    }
    return names->nelts > 0 ? finq_text_join(names, pool) : NOTHING;
}

/* A value in one line. What people wrote, and who knows who, must not steer the terminal. */
static const char *cell_of(const json_t *value, apr_pool_t *pool)
{
    if (!value || json_is_null(value))
        return NOTHING;
    if (json_is_string(value))
        return finq_text_plain(json_string_value(value), APR_SIZE_MAX, pool);
    return json_is_array(value) ? list_cell(value, pool) : finq_text_plain(finq_json_text(value, pool), APR_SIZE_MAX, pool);
}

static void cell_print(const char *cell, int width)
{
    printf("%s%*s", cell, width > width_of(cell) ? width - width_of(cell) : 0, "");
}

/* ---- lists ---- */

static int column_find(columns *all, const char *name)
{
    for (int i = 0; i < all->count; i++) {
        if (strcmp(all->names[i], name) == 0)
            return i;
    }
    if (all->count == COLUMNS_MOST)
        return -1;
    all->names[all->count] = name;
    all->widths[all->count] = width_of(name);
    return all->count++;
}

/* Returns 0 where the list is none of objects, or of more members than a table shows. */
static int columns_read(columns *all, const json_t *list, apr_pool_t *pool)
{
    size_t i;
    json_t *element, *value;
    const char *name;
    *all = (columns){.count = 0};
    json_array_foreach(list, i, element)
    {
        if (!json_is_object(element))
            return 0;
        json_object_foreach(element, name, value)
        {
            int place = column_find(all, name), width = width_of(cell_of(value, pool));
            if (place < 0)
                return 0;
            all->widths[place] = width > all->widths[place] ? width : all->widths[place];
        }
    }
    return 1;
}

static int columns_fit(const columns *all, int indent)
{
    struct winsize window = {0};
    int width = indent - GAP, most = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col ? window.ws_col : 80;
    for (int i = 0; i < all->count; i++)
        width += all->widths[i] + GAP;
    return width <= most;
}

/* A line of the table: of an object, or of the names themselves where it is NULL. */
static void row_print(const columns *all, const json_t *object, int indent, apr_pool_t *pool)
{
    printf("%*s", indent, "");
    for (int i = 0; i < all->count; i++) {
        const char *cell = object ? cell_of(json_object_get(object, all->names[i]), pool) : all->names[i];
        cell_print(cell, i + 1 < all->count ? all->widths[i] + GAP : 0);
    }
    putchar('\n');
}

static void records_print(const json_t *list, int indent, apr_pool_t *pool)
{
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element)
    {
        if (i)
            putchar('\n');
        value_print(element, indent, pool);
    }
}

static void list_print(const json_t *list, int indent, apr_pool_t *pool)
{
    size_t i;
    json_t *element;
    columns all;
    if (json_array_size(list) == 0)
        printf("%*s(none)\n", indent, "");
    else if (!columns_read(&all, list, pool) || !columns_fit(&all, indent))
        records_print(list, indent, pool);
    else {
        row_print(&all, NULL, indent, pool);
        json_array_foreach(list, i, element) row_print(&all, element, indent, pool);
    }
}

/* ---- objects ---- */

static int is_list_of_objects(const json_t *value)
{
    return json_is_object(json_array_get(value, 0));
}

/* Names and values side by side; what has an inside follows its name, a little to the right. */
static void object_print(const json_t *object, int indent, apr_pool_t *pool)
{
    const char *name;
    json_t *value;
    int widest = 0;
    json_object_foreach((json_t *)object, name, value) widest = width_of(name) > widest ? width_of(name) : widest;
    json_object_foreach((json_t *)object, name, value)
    {
        printf("%*s", indent, "");
        if (json_object_size(value) > 0 || is_list_of_objects(value)) {
            printf("%s\n", finq_text_plain(name, APR_SIZE_MAX, pool));
            value_print(value, indent + GAP, pool);
        } else {
            cell_print(finq_text_plain(name, APR_SIZE_MAX, pool), widest + GAP);
            puts(cell_of(value, pool));
        }
    }
}

static void value_print(const json_t *value, int indent, apr_pool_t *pool)
{
    if (json_is_array(value))
        list_print(value, indent, pool);
    else if (json_is_object(value))
        object_print(value, indent, pool);
    else
        printf("%*s%s\n", indent, "", cell_of(value, pool));
}

/* ---- either form ---- */

static int is_for_people(const ctl_command *command)
{
    return !command->as_json && isatty(STDOUT_FILENO);
}

void ctl_print(const ctl_command *command, const char *json)
{
    char *text = apr_pstrdup(command->pool, json);
    json_t *shown = NULL;
    text[finq_json_compact(text, text, strlen(text))] = '\0';
    if (is_for_people(command)) {
        const char *wrapped = apr_pstrcat(command->pool, "{\"shown\":", text, "}", NULL);
        setlocale(LC_CTYPE, "C.UTF-8");
        if (!finq_json_stored(&shown, NULL, wrapped, command->pool))
            value_print(json_object_get(shown, "shown"), 0, command->pool);
    }
    if (!shown)
        puts(text);
}
