/* Faults: the wrong places of a document, noted while it is read and told together. */
#ifndef FINQ_FAULT_H
#define FINQ_FAULT_H

#include <apr_pools.h>
#include <stdarg.h>

#include "ground/error.h"

/** Most places that one error names. */
#define FINQ_FAULT_MAX 32
/** Longest JSON Pointer told; what is longer ends in "...". Bounds what names chosen by a client can blow up.
 */
#define FINQ_FAULT_POINTER 512

/** A place in a document, as a chain of steps that lives on the reader's stack. NULL is the document itself.
 */
typedef struct finq_path {
    const struct finq_path *up;
    const char *name; /**< the member's name; NULL in an array */
    apr_size_t index; /**< the position in an array */
} finq_path;

/** The faults of one reading. `list` (of finq_detail) is NULL until the first. */
typedef struct finq_faults {
    apr_pool_t *pool;
    apr_array_header_t *list;
} finq_faults;

/** The JSON Pointer (RFC 6901) of a path, in the pool. */
const char *finq_fault_pointer(const finq_path *path, apr_pool_t *pool);

/** Notes what is wrong at a path. The first word about one stands; beyond FINQ_FAULT_MAX nothing is
 * noted. Gives the detail, to add to, or NULL where nothing was noted. */
finq_detail *finq_fault_note(finq_faults *faults, const finq_path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
finq_detail *finq_fault_vnote(finq_faults *faults, const finq_path *path, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/** Notes another reading's faults under `path`, where that reading's document stands in this one. */
void finq_fault_adopt(finq_faults *faults, const finq_path *path, const apr_array_header_t *details);

/** Whether no further fault will be noted. */
int finq_fault_full(const finq_faults *faults);

/** NULL where nothing was noted; else invalid_input with the details. `subject` opens the message's sentence.
 */
finq_error *finq_fault_error(const finq_faults *faults, const char *subject);

#endif
