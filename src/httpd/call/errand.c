#include "httpd/errand.h"

#include <apr_network_io.h>
#include <http_config.h>
#include <http_protocol.h>

/* Such as a client on this machine would have: whoever looks at the connection finds all that he looks for. */
static conn_rec *connection_make(server_rec *server, apr_pool_t *pool)
{
    conn_rec *connection = apr_pcalloc(pool, sizeof *connection);
    if (apr_sockaddr_info_get(&connection->client_addr, "127.0.0.1", APR_INET, server->port, 0, pool) != APR_SUCCESS)
        return NULL;
    connection->pool = pool;
    connection->base_server = server;
    connection->local_addr = connection->client_addr;
    connection->client_ip = connection->local_ip = "127.0.0.1";
    connection->conn_config = ap_create_conn_config(pool);
    connection->notes = apr_table_make(pool, 2);
    connection->bucket_alloc = apr_bucket_alloc_create(pool);
    return connection;
}

request_rec *finq_errand_make(server_rec *server, apr_pool_t *pool)
{
    conn_rec *connection = connection_make(server, pool);
    if (!connection)
        return NULL;
    request_rec *r = ap_create_request(connection);
    r->method = "POST";
    r->method_number = M_POST;
    r->protocol = "HTTP/1.1";
    r->proto_num = HTTP_VERSION(1, 1);
    r->the_request = "POST / HTTP/1.1";
    r->uri = r->unparsed_uri = r->parsed_uri.path = "/";
    r->hostname = server->server_hostname;
    r->status = HTTP_OK;
    return r;
}
