/* Papers: PDFs that nobody can read without a password. */
#ifndef FINQ_PAPER_H
#define FINQ_PAPER_H

#include "documents/source.h"

/** A look for /Encrypt in the bytes of a PDF while they pass. Zeroed to begin with. */
typedef struct finq_paper {
    off_t seen;        /**< bytes */
    off_t first, last; /**< places where it stands; 0 for none, since no PDF begins with it */
    char tail[8];      /**< the last bytes, where it may have begun */
    apr_size_t in_tail;
} finq_paper;

/** Looks at the next bytes. */
void finq_paper_look(finq_paper *paper, const char *bytes, apr_size_t n);

/** Whether the PDF that was looked at needs a password to be opened. One that an owner's password alone protects opens for
 * everybody. Reads of the file only where it is encrypted, then all of it once at most, in constant memory. */
int finq_paper_needs_password(const finq_paper *paper, const finq_source *source);

#endif
