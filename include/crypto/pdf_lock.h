/* Locks of PDFs: whether the standard security handler (ISO 32000-2, 7.6.4) opens a document to everybody. */
#ifndef FINQ_PDF_LOCK_H
#define FINQ_PDF_LOCK_H

#include "ground/codec.h"

/** What a document's encryption dictionary says. */
typedef struct finq_pdf_lock {
    int revision;            /**< R: 2 to 6 */
    int key_bytes;           /**< of revisions 2 to 4: 5 to 16 */
    apr_int32_t permissions; /**< P */
    int hides_metadata;      /**< EncryptMetadata is not false */
    finq_bytes owner, user;  /**< O and U; 32 bytes at least, of revisions 5 and 6 48 */
    finq_bytes id;           /**< the first part of the document's ID; may be empty */
} finq_pdf_lock;

/** Whether the empty user password opens it, as where an owner's password alone was set: then everybody can read the document.
 * 0 also for what is no sound lock, and for revisions 2 to 4 where OpenSSL's legacy provider, which has their cipher, is missing. */
int finq_pdf_lock_is_open(const finq_pdf_lock *lock);

#endif
