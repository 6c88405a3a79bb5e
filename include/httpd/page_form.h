/* What a browser sends from a page: a form, and with it perhaps a file. */
#ifndef FINQ_PAGE_FORM_H
#define FINQ_PAGE_FORM_H

#include "flow/upload.h"
#include "httpd/request.h"
#include "page/entry.h"
#include "page/typed.h"

/** A form that has come. */
typedef struct finq_page_form {
    finq_typed *typed;         /**< its names and values, UTF-8 */
    int has_file;              /**< whether it came with a file */
    const char *file_name;     /**< what that is called where it comes from, UTF-8; NULL where nobody says */
    const finq_error *refused; /**< why the file was not taken; NULL where it was. The other values are there all the same */
} finq_page_form;

/** Whether a form is of the kind that may have a file. */
int finq_page_form_may_have_file(const finq_request *request);

/** Reads a form of either kind (application/x-www-form-urlencoded, multipart/form-data). A file is stored as it comes, under the
 * nonce, step and document that stand before it; nothing is kept of one that is refused. Errors: those of finq_body_precheck and of
 * reading; invalid_body for what is no form, or no UTF-8. */
finq_error *finq_page_form_read(finq_page_form *form, finq_request *request, const finq_entry *entry);

#endif
