/* Archives: files that are a document and a ZIP archive at once. */
#ifndef FINQ_ARCHIVE_H
#define FINQ_ARCHIVE_H

#include "documents/source.h"

/** Whether a file is also a ZIP archive: its last 65,557 bytes hold an end-of-central-directory record whose comment ends the
 * file, or one before which the directory really stands, whether bytes were added behind it or its comment is cut. An
 * attachment of a PDF, whose stream ends right behind it, is none. `type` as finq_media_sniff told. Constant memory. What
 * cannot be read counts as one, to be refused. */
int finq_archive_hides(const finq_source *source, const char *type);

#endif
