/* A skill's schemas as they are walked for fields: by $ref and allOf, with the JSON Pointer of each place, by which it is translated.
 * Inside the room `page`. */
#ifndef FIELD_SCHEMA_H
#define FIELD_SCHEMA_H

#include "page/field.h"

/* A value of the definition, and where it stands there. */
typedef struct finq_field_spot {
    const json_t *schema;
    const char *pointer;
} field_spot;

/* A property. Of the branches of `if` that speak of it, each an array of finq_condition: those that describe it, and those that
 * require it. */
typedef struct {
    const char *name;
    field_spot spot;
    int is_plain; /* described outside of all branches too */
    apr_array_header_t *described, *required;
} field_member;

/* The schema of the source's step. */
field_spot field_root(const finq_field_source *source);

/* What a schema says of a keyword: it, or what it refers to, or one of its allOf. Whether anything does. */
int field_find(field_spot *found, const finq_field_source *source, const field_spot *spot, const char *keyword);

/* The properties of an object (of field_member), each once, in order: those of its conditions and choices too. */
apr_array_header_t *field_members(const finq_field_source *source, const field_spot *spot);

/* Whether an object always requires a member. */
int field_requires(const finq_field_source *source, const field_spot *spot, const char *name);

/* Which kind a field is; sets what can be chosen in it. Its name and what browsers know it as are known before (field_kind.c). */
finq_field_kind field_kind(finq_field *field);

/* A name as it stands in a JSON Pointer. */
const char *field_escaped(const char *name, apr_pool_t *pool);

#endif
