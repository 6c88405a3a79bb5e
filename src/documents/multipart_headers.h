/* The header block of a part; for multipart.c alone. Everything is read in place: names and values are pieces
 * of the caller's text, cut with NULs. */
#ifndef FINQ_MULTIPART_HEADERS_H
#define FINQ_MULTIPART_HEADERS_H

typedef struct finq_multipart_headers {
    char *disposition;
    char *type;
    char *encoding;
    const char *name;
    const char *filename;
} finq_multipart_headers;

/** Takes one header line, without its line end. Returns what is wrong with it, or NULL. */
const char *finq_multipart_headers_line(finq_multipart_headers *headers, char *line);

/** The block is over: settles name and filename. Returns what is wrong, or NULL. */
const char *finq_multipart_headers_end(finq_multipart_headers *headers);

/** Cuts the parameters off a header's value. Returns where they begin, NULL if that is malformed. */
char *finq_multipart_headers_split(char *value);

/** Reads the parameter at `*at` and moves on. Returns 1, 0 at the end, -1 if it is malformed. */
int finq_multipart_headers_parameter(char **at, char **name, char **value);

#endif
