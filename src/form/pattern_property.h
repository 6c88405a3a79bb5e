/* Inside the room form: the properties of characters that ECMA-262 knows by \p{...}. */
#ifndef PATTERN_PROPERTY_H
#define PATTERN_PROPERTY_H

#include <apr.h>

/* Whether a name is one of ECMA-262's (with its u flag) as far as PCRE2 may know it: what stands between the braces. Whether
 * PCRE2 does know it, it says itself. */
int pattern_property_known(const char *name, apr_size_t length);

#endif
