/* QR codes (ISO/IEC 18004) as HTML. */
#ifndef FINQ_QR_H
#define FINQ_QR_H

#include "ground/error.h"
#include "page/html.h"

/** Writes a text as a QR code, an inline SVG of black squares on white, whatever the page's colours; `label` is what is said in its
 * place. Error: internal, where the text is longer than a code can hold. */
finq_error *finq_qr_html(finq_html *to, const char *text, const char *label, apr_pool_t *pool);

#endif
