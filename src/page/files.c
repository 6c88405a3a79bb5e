#include "files.h"

#include <stddef.h>

/* X(symbol, name in conf/pages) */
#define FILES(X)         \
    X(page, "page.html") \
    X(style, "page.css") \
    X(script, "page.js") \
    X(en, "en.json")     \
    X(ro, "ro.json")     \
    X(de, "de.json")     \
    X(fr, "fr.json")     \
    X(ar, "ar.json")

#define X(symbol, name)                                                                                              \
    __asm__(".section .rodata\nfinq_page_file_" #symbol ":\n.incbin \"conf/pages/" name "\"\n.byte 0\n.previous\n"); \
    extern const char finq_page_file_##symbol[] __attribute__((visibility("hidden")));
FILES(X)
#undef X

const files_row files_built_in[] = {
#define X(symbol, name) {name, finq_page_file_##symbol},
    FILES(X)
#undef X
        {NULL, NULL}};
