/* finqctl doctor: is all there that the API needs? Nothing is changed, no event sent, no connector asked. */
#include "doctor.h"

#include <apr_strings.h>

static void connector_look(ctl_doctor *doctor, const json_t *connector)
{
    const char *name = finq_json_string(connector, "name"), *address = finq_json_string(connector, "address");
    if (!address) {
        ctl_doctor_found(doctor, CTL_WARNING, "connector", name,
                         apr_psprintf(doctor->pool, "no ProxyPass leads from %s to it", finq_json_string(connector, "path")),
                         "write the ProxyPass, or take the FinqConnector out");
        return;
    }
    const char *problem = ctl_doctor_unreachable(address, doctor->pool);
    if (!ctl_doctor_names_host(address, doctor->pool))
        ctl_doctor_found(doctor, CTL_GOOD, "connector", name,
                         apr_psprintf(doctor->pool, "mod_proxy leads it to %s, which is not tried from here", address), NULL);
    else if (problem)
        ctl_doctor_found(doctor, CTL_ERROR, "connector", name, problem,
                         "start the service, open the way to it, or mend its ProxyPass; until then its steps answer 400 "
                         "external_api_connection_error");
    else
        ctl_doctor_found(doctor, CTL_GOOD, "connector", name, apr_pstrcat(doctor->pool, "something listens at ", address, NULL),
                         NULL);
}

static void connectors_look(ctl_doctor *doctor, const json_t *httpd)
{
    size_t i, j;
    json_t *host, *connector;
    json_array_foreach(json_object_get(httpd, "hosts"), i, host)
    {
        json_array_foreach(json_object_get(host, "connectors"), j, connector) connector_look(doctor, connector);
    }
}

ctl_exit ctl_doctor_run(ctl_command *command)
{
    ctl_doctor doctor = {.command = command, .pool = command->pool, .findings = finq_json_own(json_array(), command->pool)};
    const json_t *httpd = ctl_doctor_httpd(&doctor);
    if (httpd) {
        ctl_doctor_files(&doctor, httpd);
        ctl_doctor_servers(&doctor, httpd);
        connectors_look(&doctor, httpd);
    }
    ctl_doctor_operator(&doctor);
    ctl_print(command, finq_json_text(doctor.findings, command->pool));
    return doctor.errors ? CTL_FAILED : CTL_OK;
}
