/* mod_finq: an onboarding API for Apache httpd. The module record and its hooks; no logic. */
#include "httpd/access.h"
#include "httpd/ask.h"
#include "httpd/bearing.h"
#include "httpd/child.h"
#include "httpd/connectors.h"
#include "httpd/dbd.h"
#include "httpd/directives.h"
#include "httpd/documents.h"
#include "httpd/dump.h"
#include "httpd/janitor.h"
#include "httpd/location.h"
#include "httpd/require.h"
#include "httpd/monitor.h"
#include "httpd/page_handler.h"
#include "httpd/refresher.h"
#include "httpd/reply.h"
#include "httpd/router.h"
#include "httpd/sandbox_handler.h"
#include "httpd/served.h"
#include "httpd/settings.h"
#include "httpd/shared.h"

#include <http_config.h>
#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>

static void register_hooks(apr_pool_t *pool)
{
    finq_dbd_register();
    finq_reply_register();
    finq_monitor_register();
    finq_ask_register();
    finq_require_register(pool);
    ap_hook_check_config(finq_directives_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(finq_dump, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(finq_shared_create, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(finq_janitor_start, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(finq_refresher_start, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(finq_child_init, NULL, NULL, APR_HOOK_FIRST); /* before mod_watchdog lets the janitor begin */
    ap_hook_child_init(finq_refresher_child_init, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_process_connection(finq_router_connection, NULL, NULL, APR_HOOK_REALLY_FIRST); /* the others run within it */
    ap_hook_create_request(finq_request_create, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_read_request(finq_bearing_take, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_read_request(finq_request_read, NULL, NULL, APR_HOOK_LAST);
    ap_hook_translate_name(finq_router_translate, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(finq_router_map, NULL, NULL, APR_HOOK_FIRST); /* before core's, which answers TRACE there */
    ap_hook_header_parser(finq_bearing_settle, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_access_checker(finq_access_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_user_id(finq_require_refuse, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(finq_bearing_fixup, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(finq_served_fixup, NULL, NULL, APR_HOOK_REALLY_FIRST); /* subrequests pass access checks by, and not these */
    ap_hook_insert_error_filter(finq_reply_insert_filter, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(finq_connector_guard, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(finq_router_keep, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(finq_router_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(finq_monitor_metrics, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(finq_monitor_health, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(finq_documents_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(finq_page_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(finq_sandbox_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(finq) = {
    STANDARD20_MODULE_STUFF, finq_location_create, finq_location_merge, finq_config_create,
    finq_config_merge,       finq_directives,      register_hooks,      AP_MODULE_FLAG_NONE,
};
