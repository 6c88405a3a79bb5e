#include "db/pg.h"

#include <string.h>

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    while (options->keyword && strcmp(options->keyword, keyword) != 0)
        options++;
    return options->val && *options->val ? options->val : NULL;
}

int finq_pg_hosts(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    int count = 1;
    if (!options)
        return count;
    const char *list = option_value(options, "hostaddr");
    for (list = list ? list : option_value(options, "host"); list && (list = strchr(list, ',')); list++)
        count++;
    PQconninfoFree(options);
    return count;
}
