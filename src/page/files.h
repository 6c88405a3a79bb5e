/* The files of conf/pages as they are built in. Inside the room `page`. */
#ifndef FILES_H
#define FILES_H

typedef struct {
    const char *name, *text;
} files_row;

/* Ends with a NULL name. */
extern const files_row files_built_in[];

#endif
