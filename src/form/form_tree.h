/* The compiled form: what compiling builds and checking reads. Inside the room `form`. */
#ifndef FORM_TREE_H
#define FORM_TREE_H

#include <apr_hash.h>

#include "ground/fault.h"
#include "form/form.h"
#include "json/numbers.h"
#include "form/pattern.h"

/* Longest chain of schemas that look at the same value, and deepest recursion of a check. */
enum { FORM_CHAIN_MAX = 32, FORM_DEPTH_MAX = 1024 };

/* What one check may cost, in steps of one to three nanoseconds, patterns included. */
#define FORM_WORK 24000000

/* Kinds of value, as bits. FORM_INTEGER stands beside FORM_NUMBER for numbers without a fraction. */
enum {
    FORM_NULL = 1,
    FORM_BOOLEAN = 2,
    FORM_INTEGER = 4,
    FORM_NUMBER = 8,
    FORM_STRING = 16,
    FORM_ARRAY = 32,
    FORM_OBJECT = 64,
};

typedef struct form_node form_node;

typedef struct {
    form_node **nodes;
    int count;
    const json_t *choices; /* an array of what each allows, where each is a const; else NULL */
    const char *message;   /* that names them */
} form_nodes;

typedef struct {
    const char *name;
    form_node *node;
} form_property;

typedef struct {
    form_property *rows; /* sorted by name */
    int count;
} form_properties;

typedef struct {
    const char **names;
    int count;
} form_names;

/* A limit on a length or a count; absent where `set` is 0. */
typedef struct {
    int set;
    apr_int64_t value;
} form_count;

typedef struct {
    form_count least, most;
} form_range;

/* A limit on a number; absent where `set` is 0. */
typedef struct {
    int set;
    finq_number value;
    const char *text;
} form_bound;

typedef struct {
    const json_t *values; /* an array; NULL where absent */
    const char *message;
} form_values;

typedef struct {
    const finq_pattern *pattern; /* NULL where absent */
    const char *text;
} form_pattern;

typedef struct {
    const char *name;
    int (*fits)(const char *text, apr_size_t length);
    const char *message;
    const char *(*explain)(const char *text, apr_size_t length); /* says what is wrong; NULL where the message does */
} form_format;

struct form_node {
    const json_t *schema; /* of the compiled form's own copy */
    int never;            /* the schema `false` */
    const char *never_by; /* the keyword that it is the value of; NULL where it is a list's or an object's */
    int types;            /* bits; 0 allows all */
    const char *types_message;
    form_values enumeration, constant;
    form_bound minimum, maximum, above, below, multiple;
    form_range length, size, members; /* of a string, an array, an object */
    form_pattern pattern;
    const form_format *format;
    form_properties properties;
    form_names required;
    form_node *additional, *items;
    form_nodes prefix, all, any, one;
    form_node * not, *condition, *then, *otherwise;
    int unique;
    form_node *ref;
    int chain; /* length of the longest chain from here; 0 not known yet, -1 being found out */
};

struct finq_form {
    form_node *root;
};

/* One compilation. */
typedef struct {
    apr_pool_t *pool;
    finq_faults faults;
    apr_hash_t *defs;          /* name -> form_node */
    apr_array_header_t *nodes; /* of form_node *, in order of creation: those of $defs first */
} form_build;

/* Compiles one schema into a new node, or into a node that is there already; an unknown keyword is a fault. */
form_node *form_build_node(form_build *build, const json_t *schema, const finq_path *path);
form_node *form_build_empty(form_build *build);
void form_build_into(form_build *build, form_node *node, const json_t *schema, const finq_path *path);

/* The name that a $ref's text stands for: percent-encoding and RFC 6901's escapes are undone. NULL for what is neither a
 * name nor an escape of one. */
const char *form_ref_name(const char *text, apr_pool_t *pool);

/* The format of a name; NULL where the subset has none. */
const form_format *form_format_find(const char *name);

/* How many characters a string has. */
apr_int64_t form_value_length(const json_t *string);

/* "must be one of 1, 2" for an array of values. */
const char *form_values_message(const json_t *values, apr_pool_t *pool);

/* JSON Schema's equality: by value, 1 equals 1.0, members in any order. What it costs is taken from `*work`;
 * where that runs out the answer means nothing. */
int form_value_equal(const json_t *a, const json_t *b, const finq_numbers *numbers, apr_int64_t *work);
/* Whether no two items of an array are equal; likewise. */
int form_value_unique(const json_t *array, const finq_numbers *numbers, apr_int64_t *work, apr_pool_t *pool);

#endif
