/* What is found, and how it is looked for. */
#include "doctor.h"

#include <apr_network_io.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <string.h>

#include "ground/text.h"

#define PATIENCE apr_time_from_sec(3)

void ctl_doctor_found(ctl_doctor *doctor, ctl_state state, const char *check, const char *of, const char *finding,
                      const char *mend)
{
    static const char *const states[] = {[CTL_GOOD] = "good", [CTL_WARNING] = "warning", [CTL_ERROR] = "error"};
    doctor->errors += state == CTL_ERROR;
    json_array_append_new(doctor->findings, json_pack("{s:s, s:s, s:s, s:s, s:s*}", "state", states[state], "check", check, "of",
                                                      finq_text_plain(of, APR_SIZE_MAX, doctor->pool), "finding",
                                                      finq_text_plain(finding, APR_SIZE_MAX, doctor->pool), "mend",
                                                      mend ? finq_text_plain(mend, APR_SIZE_MAX, doctor->pool) : NULL));
}

int ctl_doctor_is_first(const json_t *hosts, size_t place, const char *member)
{
    const char *own = finq_json_string(json_array_get(hosts, place), member);
    for (size_t i = 0; i < place; i++) {
        const char *other = finq_json_string(json_array_get(hosts, i), member);
        if (own && other && strcmp(own, other) == 0)
            return 0;
    }
    return own != NULL;
}

static apr_status_t connect_once(const apr_sockaddr_t *address, apr_pool_t *pool)
{
    apr_socket_t *socket;
    apr_status_t status = apr_socket_create(&socket, address->family, SOCK_STREAM, 0, pool);
    if (status != APR_SUCCESS)
        return status;
    apr_socket_timeout_set(socket, PATIENCE);
    status = apr_socket_connect(socket, (apr_sockaddr_t *)address);
    apr_socket_close(socket);
    return status;
}

static int host_read(apr_uri_t *uri, const char *url, apr_pool_t *pool)
{
    if (apr_uri_parse(pool, url, uri) != APR_SUCCESS || !uri->hostname || !uri->scheme)
        return 0;
    uri->port = uri->port ? uri->port : apr_uri_port_of_scheme(uri->scheme);
    return uri->port != 0;
}

int ctl_doctor_names_host(const char *url, apr_pool_t *pool)
{
    apr_uri_t uri;
    return host_read(&uri, url, pool);
}

const char *ctl_doctor_unreachable(const char *url, apr_pool_t *pool)
{
    char text[200];
    apr_uri_t uri;
    apr_sockaddr_t *address;
    if (!host_read(&uri, url, pool))
        return NULL;
    apr_status_t status = apr_sockaddr_info_get(&address, uri.hostname, APR_UNSPEC, uri.port, 0, pool);
    if (status != APR_SUCCESS)
        return apr_psprintf(pool, "no name server knows %s", uri.hostname);
    for (const apr_sockaddr_t *one = address; one; one = one->next) {
        status = connect_once(one, pool);
        if (status == APR_SUCCESS)
            return NULL;
    }
    return apr_psprintf(pool, "%s:%d: %s", uri.hostname, (int)uri.port, apr_strerror(status, text, sizeof text));
}
