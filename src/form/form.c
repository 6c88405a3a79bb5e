#include "form_tree.h"

#include <apr_strings.h>
#include <string.h>

/* Deepest nesting of a schema. */
enum { SCHEMA_DEPTH_MAX = 64 };

/* Names come before schemas, so that a $ref may point forward. */
static void defs_name(form_build *build, const json_t *defs)
{
    const char *name;
    json_t *schema;
    json_object_foreach((json_t *)defs, name, schema)
    {
        apr_hash_set(build->defs, apr_pstrdup(build->pool, name), APR_HASH_KEY_STRING, form_build_empty(build));
    }
}

static int chain_of(form_build *build, form_node *node);

static int chain_of_list(form_build *build, const form_nodes *list)
{
    int longest = 0;
    for (int i = 0; i < list->count; i++) {
        int chain = chain_of(build, list->nodes[i]);
        longest = chain > longest ? chain : longest;
    }
    return longest;
}

static int chain_below(form_build *build, form_node *node)
{
    form_node *const children[] = {node->ref, node->not, node->condition, node->then, node->otherwise};
    const form_nodes singles = {.nodes = (form_node **)children, .count = sizeof children / sizeof *children};
    const form_nodes *const lists[] = {&singles, &node->all, &node->any, &node->one};
    int longest = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        int chain = chain_of_list(build, lists[i]);
        longest = chain > longest ? chain : longest;
    }
    return longest;
}

/* How many schemas look at one value in turn, at most, from this one on. A schema that is met again before
 * the value has been entered would never end. Every such ring passes through a $ref, whose targets are
 * examined first, so that the ring is noticed. */
static int chain_of(form_build *build, form_node *node)
{
    if (!node || finq_fault_full(&build->faults))
        return 0;
    if (node->chain < 0) {
        finq_fault_note(&build->faults, NULL, "has a $ref that leads back to itself without entering the value");
        return 0;
    }
    if (node->chain == 0) {
        node->chain = -1;
        node->chain = 1 + chain_below(build, node);
    }
    return node->chain;
}

static void chains_check(form_build *build)
{
    for (int i = 0; i < build->nodes->nelts; i++) {
        if (chain_of(build, APR_ARRAY_IDX(build->nodes, i, form_node *)) > FORM_CHAIN_MAX) {
            finq_fault_note(&build->faults, NULL, "has more than %d schemas for one value, one inside another", FORM_CHAIN_MAX);
            return;
        }
    }
}

static int deeper_than(const json_t *value, int depth)
{
    const char *name;
    json_t *member;
    apr_size_t index;
    if (!json_is_object(value) && !json_is_array(value))
        return 0;
    if (depth == 0)
        return 1;
    json_array_foreach((json_t *)value, index, member)
    {
        if (deeper_than(member, depth - 1))
            return 1;
    }
    json_object_foreach((json_t *)value, name, member)
    {
        if (deeper_than(member, depth - 1))
            return 1;
    }
    return 0;
}

finq_error *finq_form_compile(finq_form **form, const json_t *given, apr_pool_t *pool)
{
    const json_t *schema = finq_json_own(json_deep_copy(given), pool); /* the form tells of it, and outlives what was given */
    form_build build = {pool, {pool, NULL}, apr_hash_make(pool), apr_array_make(pool, 16, sizeof(form_node *))};
    form_node *root = NULL;
    if (!schema) {
        finq_fault_note(&build.faults, NULL, "could not be copied: out of memory");
    } else if (deeper_than(schema, SCHEMA_DEPTH_MAX)) {
        finq_fault_note(&build.faults, NULL, "must not be nested deeper than %d", SCHEMA_DEPTH_MAX);
    } else {
        defs_name(&build, json_object_get(schema, "$defs"));
        root = form_build_node(&build, schema, NULL);
        chains_check(&build);
    }
    FINQ_TRY(finq_fault_error(&build.faults, "The schema is outside the documented subset of JSON Schema"));
    *form = apr_palloc(pool, sizeof **form);
    (*form)->root = root;
    return NULL;
}
