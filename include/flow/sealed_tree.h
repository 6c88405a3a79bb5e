/* What the database tells sealed in its JSON, for whoever has the data-key file: finqctl, and who exports a person's data. */
#ifndef FINQ_SEALED_TREE_H
#define FINQ_SEALED_TREE_H

#include "crypto/data_key.h"
#include "json/json.h"

typedef struct finq_sealed_tree {
    const finq_data_keys *keys; /**< NULL: nothing is opened */
    int with_data;              /**< what persons have entered is opened too, else only whose it is; the rest is left out */
    int lacks_key;              /**< comes out: something was left out because there are no keys */
    finq_numbers *numbers;      /**< of the tree; those of what is opened are added */
    apr_pool_t *pool;
} finq_sealed_tree;

/** Opens the values that SQL's finq.sealed and finq.sealed_beside tell, wherever they stand in the tree, each with the data_key that stands
 * beside it or around it. The data keys are taken out. Errors: those of finq_data_key_unwrap and finq_data_key_open. */
finq_error *finq_sealed_tree_open(finq_sealed_tree *opening, json_t *tree);

/** The bytes that hexadecimal digits spell; none of NULL. */
finq_bytes finq_sealed_bytes(const char *digits, apr_pool_t *pool);

#endif
