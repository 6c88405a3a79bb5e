#include "db/pg.h"

#include <apr_strings.h>
#include <string.h>

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    while (options->keyword && strcmp(options->keyword, keyword) != 0)
        options++;
    return options->val && *options->val ? options->val : NULL;
}

/* One item of a list; NULL behind the last. */
static const char *item(size_t *length, const char *list, int place)
{
    for (; list && place > 0; place--)
        list = (list = strchr(list, ',')) ? list + 1 : NULL;
    *length = list ? strcspn(list, ",") : 0;
    return list;
}

static int items(const char *list)
{
    size_t length;
    int count = 0;
    while (item(&length, list, count))
        count++;
    return count;
}

static int item_is(const char *list, int place, const char *text)
{
    size_t length;
    const char *found = item(&length, list, place);
    return found && text && strlen(text) == length && memcmp(found, text, length) == 0;
}

static const char *hosts_of(const PQconninfoOption *options)
{
    const char *hosts = option_value(options, "host");
    return hosts ? hosts : option_value(options, "hostaddr");
}

int finq_pg_hosts(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    int count = options ? items(hosts_of(options)) : 0;
    PQconninfoFree(options);
    return count ? count : 1;
}

int finq_pg_takes_standbys(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    const char *wanted = options ? option_value(options, "target_session_attrs") : NULL;
    int is_written_to = wanted && (strcmp(wanted, "read-write") == 0 || strcmp(wanted, "primary") == 0);
    int takes = options && items(hosts_of(options)) > 1 && !is_written_to;
    PQconninfoFree(options);
    return takes;
}

int finq_pg_host_index(const char *conninfo, PGconn *connection)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    const char *hosts = options ? hosts_of(options) : NULL, *ports = options ? option_value(options, "port") : NULL;
    int place, count = items(hosts), is_common = items(ports) < 2; /* one port for all of them, or the default */
    for (place = 0; place < count; place++) {
        if (item_is(hosts, place, PQhost(connection)) && (is_common || item_is(ports, place, PQport(connection))))
            break;
    }
    PQconninfoFree(options);
    return place < count ? place : -1;
}

/* The list of a keyword, that place first; nothing where it is no list. What comes later in a connection string counts. */
static const char *option_turned(const PQconninfoOption *options, const char *keyword, int first, apr_pool_t *pool)
{
    size_t length;
    const char *list = option_value(options, keyword), *one = item(&length, list, first);
    if (items(list) < 2 || !one)
        return "";
    const char *turned = apr_psprintf(pool, " %s='%s", keyword, apr_pstrmemdup(pool, one, length));
    for (int i = 0; (one = item(&length, list, i)); i++) {
        if (i != first)
            turned = apr_pstrcat(pool, turned, ",", apr_pstrmemdup(pool, one, length), NULL);
    }
    return apr_pstrcat(pool, turned, "'", NULL);
}

const char *finq_pg_host_first(const char *conninfo, int place, apr_pool_t *pool)
{
    PQconninfoOption *options = strstr(conninfo, "://") ? NULL : PQconninfoParse(conninfo, NULL);
    if (!options)
        return conninfo;
    const char *turned =
        apr_pstrcat(pool, conninfo, option_turned(options, "host", place, pool), option_turned(options, "hostaddr", place, pool),
                    option_turned(options, "port", place, pool), NULL);
    PQconninfoFree(options);
    return turned;
}
