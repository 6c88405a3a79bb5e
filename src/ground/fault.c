#include "ground/fault.h"

#include <apr_strings.h>
#include <string.h>

typedef struct {
    char text[FINQ_FAULT_POINTER + 1];
    apr_size_t length;
    int cut;
} pointer_text;

static void pointer_byte(pointer_text *to, char c)
{
    if (to->length < FINQ_FAULT_POINTER - 3)
        to->text[to->length++] = c;
    else
        to->cut = 1;
}

static void pointer_name(pointer_text *to, const char *name)
{
    for (; *name && !to->cut; name++) {
        if (*name == '~' || *name == '/') {
            pointer_byte(to, '~');
            pointer_byte(to, *name == '~' ? '0' : '1');
        } else {
            pointer_byte(to, *name);
        }
    }
}

static void pointer_steps(pointer_text *to, const finq_path *path)
{
    char number[24];
    if (!path)
        return;
    pointer_steps(to, path->up);
    pointer_byte(to, '/');
    apr_snprintf(number, sizeof number, "%" APR_SIZE_T_FMT, path->index);
    pointer_name(to, path->name ? path->name : number);
}

/* A cut must not leave half a character: the answer that carries the pointer has to be UTF-8. */
static void pointer_finish(pointer_text *to)
{
    if (!to->cut)
        return;
    while (to->length && (to->text[to->length - 1] & 0xc0) == 0x80)
        to->length--;
    if (to->length && (to->text[to->length - 1] & 0x80))
        to->length--;
    memcpy(to->text + to->length, "...", 3);
    to->length += 3;
}

const char *finq_fault_pointer(const finq_path *path, apr_pool_t *pool)
{
    pointer_text to = {.length = 0};
    pointer_steps(&to, path);
    pointer_finish(&to);
    return apr_pstrmemdup(pool, to.text, to.length);
}

int finq_fault_full(const finq_faults *faults)
{
    return faults->list && faults->list->nelts >= FINQ_FAULT_MAX;
}

static int fault_known(const finq_faults *faults, const char *field)
{
    for (int i = 0; faults->list && i < faults->list->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(faults->list, i, finq_detail).field, field) == 0)
            return 1;
    }
    return 0;
}

static finq_detail *fault_push(finq_faults *faults, finq_detail detail)
{
    if (!faults->list)
        faults->list = apr_array_make(faults->pool, 4, sizeof(finq_detail));
    finq_detail *pushed = apr_array_push(faults->list);
    *pushed = detail;
    return pushed;
}

finq_detail *finq_fault_vnote(finq_faults *faults, const finq_path *path, const char *format, va_list args)
{
    if (finq_fault_full(faults))
        return NULL;
    const char *field = finq_fault_pointer(path, faults->pool);
    if (fault_known(faults, field))
        return NULL;
    return fault_push(faults, (finq_detail){.field = field, .message = apr_pvsprintf(faults->pool, format, args)});
}

finq_detail *finq_fault_note(finq_faults *faults, const finq_path *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    finq_detail *noted = finq_fault_vnote(faults, path, format, args);
    va_end(args);
    return noted;
}

void finq_fault_adopt(finq_faults *faults, const finq_path *path, const apr_array_header_t *details)
{
    const char *prefix = finq_fault_pointer(path, faults->pool);
    for (int i = 0; details && i < details->nelts && !finq_fault_full(faults); i++) {
        finq_detail detail = APR_ARRAY_IDX(details, i, finq_detail);
        detail.field = apr_pstrcat(faults->pool, prefix, detail.field, NULL);
        fault_push(faults, detail);
    }
}

finq_error *finq_fault_error(const finq_faults *faults, const char *subject)
{
    if (!faults->list)
        return NULL;
    int count = faults->list->nelts;
    finq_error *error = finq_error_make(faults->pool, FINQ_E_INVALID_INPUT, "%s at %d place%s: see details.", subject, count,
                                        count == 1 ? "" : "s");
    error->details = faults->list;
    return error;
}
