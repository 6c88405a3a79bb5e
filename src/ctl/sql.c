/* What finqctl carries of the folder sql/, as it stands there (SQL_DIR is that folder), and the version that it is of. */
#include "ctl.h"

#define FILE_OF(path) ".incbin \"" SQL_DIR "/" path ".sql\"\n"
#define EMBED(symbol, content) __asm__(".section .rodata\n" symbol ":\n" content ".byte 0\n.previous\n")

/* ---- migrations.inc has a line MIGRATION(1, "base", "001_base") for each file of sql/migrations ---- */

#define MIGRATION(number, name, file)                             \
    EMBED("ctl_migration_" #number, FILE_OF("migrations/" file)); \
    extern const char ctl_migration_##number[];
#include "migrations.inc"
#undef MIGRATION

const ctl_migration ctl_migrations[] = {
#define MIGRATION(number, name, file) {number, name, ctl_migration_##number},
#include "migrations.inc"
    {0, NULL, NULL}};

/* ---- the functions: what a function in SQL calls is made before it ---- */

#define FUNCTIONS(room) FILE_OF("functions/" room)

EMBED("ctl_functions_text",
      FUNCTIONS("lease") FUNCTIONS("session") FUNCTIONS("upload") FUNCTIONS("partial") FUNCTIONS("step") FUNCTIONS("credential")
          FUNCTIONS("tenant") FUNCTIONS("skill") FUNCTIONS("signature") FUNCTIONS("event") FUNCTIONS("consent") FUNCTIONS("feed")
              FUNCTIONS("data") FUNCTIONS("payment") FUNCTIONS("sandbox") FUNCTIONS("sandbox_order") FUNCTIONS("page")
                  FUNCTIONS("handoff") FUNCTIONS("person") FUNCTIONS("data_key") FUNCTIONS("audit") FUNCTIONS("week")
                      FUNCTIONS("janitor") FUNCTIONS("doctor") FUNCTIONS("crowd") FUNCTIONS("retired") FUNCTIONS("grants"));
extern const char ctl_functions_text[];
const char *const ctl_functions = ctl_functions_text;

const char ctl_version[] = SQL_VERSION;
