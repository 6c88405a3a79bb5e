/* What httpd says of its configuration: it alone reads it as it is meant, with its includes, variables and conditions. */
#include "doctor.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX ((apr_size_t)1024 * 1024)

/* apachectl knows the environment that Debian's configuration needs. All that is said comes by one pipe. */
static const char script[] =
    "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; p=$1; shift; "
    "[ -n \"$p\" ] || p=$(command -v apache2ctl || command -v apachectl || command -v apache2 || command -v httpd) || exit 127; "
    "exec \"$p\" \"$@\" 2>&1";

static char *output_read(apr_file_t *from, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, OUTPUT_MAX + 1);
    apr_size_t length;
    apr_file_read_full(from, text, OUTPUT_MAX, &length);
    text[length] = '\0';
    return text;
}

/* Runs it to its end. Gives its exit status, 127 where there is no such program. */
static int program_run(char **output, ctl_doctor *doctor)
{
    const char *program = ctl_value(doctor->command, "--httpd"), *given = ctl_value(doctor->command, "--config");
    char *config = NULL; /* httpd takes a relative one as one of its ServerRoot's */
    if (given)
        apr_filepath_merge(&config, NULL, given, 0, doctor->pool);
    const char *const line[] = {
        "/bin/sh", "-c", script, "sh", program ? program : "", "-t", "-D", "DUMP_FINQ", config ? "-f" : NULL, config, NULL};
    apr_procattr_t *attributes;
    apr_exit_why_e why;
    apr_proc_t process;
    int status = 127;
    apr_procattr_create(&attributes, doctor->pool);
    apr_procattr_io_set(attributes, APR_NO_PIPE, APR_FULL_BLOCK, APR_NO_PIPE);
    apr_procattr_cmdtype_set(attributes, APR_PROGRAM_ENV);
    *output = apr_pstrdup(doctor->pool, "");
    if (apr_proc_create(&process, line[0], line, NULL, attributes, doctor->pool) != APR_SUCCESS)
        return status;
    *output = output_read(process.out, doctor->pool);
    apr_proc_wait(&process, &status, &why, APR_WAIT);
    return status;
}

/* What the module says of a host, without the log's own beginning: from "finq: " on. NULL where a line is another's. */
static const char *own_words(const char *line)
{
    const char *found = strstr(line, "finq: ");
    return found ? found + strlen("finq: ") : NULL;
}

static const char *name_of(const ctl_doctor *doctor)
{
    const char *config = ctl_value(doctor->command, "--config");
    return config ? config : "httpd's own";
}

/* A line of JSON is the dump; the module's other lines are its warnings. */
static json_t *lines_read(ctl_doctor *doctor, char *output)
{
    json_t *dump = NULL;
    char *left;
    for (char *line = apr_strtok(output, "\r\n", &left); line; line = apr_strtok(NULL, "\r\n", &left)) {
        const char *words = own_words(line);
        if (*line == '{')
            (void)finq_json_parse(&dump, NULL, line, strlen(line), doctor->pool);
        else if (words)
            ctl_doctor_found(doctor, CTL_WARNING, "configuration", name_of(doctor), words,
                             "as it says; finqctl doctor looks again");
    }
    return dump;
}

static json_t *sound_read(ctl_doctor *doctor, char *output)
{
    json_t *dump = lines_read(doctor, output);
    if (!dump)
        ctl_doctor_found(doctor, CTL_ERROR, "configuration", name_of(doctor), "it is sound, and mod_finq is not loaded",
                         "a2enmod finq, or LoadModule finq_module; where it is loaded: is it this finqctl's version?");
    else if (json_array_size(json_object_get(dump, "hosts")) == 0)
        ctl_doctor_found(
            doctor, CTL_ERROR, "configuration", name_of(doctor), "mod_finq is loaded, and no host serves the API",
            "SetHandler finq in a Location of a virtual host: finq-example.conf shows one: copy it, edit the copy, a2ensite that");
    else
        ctl_doctor_found(doctor, CTL_GOOD, "configuration", name_of(doctor),
                         apr_psprintf(doctor->pool, "it is sound, and %d of its hosts ask the database",
                                      (int)json_array_size(json_object_get(dump, "hosts"))),
                         NULL);
    return dump;
}

static const char *one_line(char *text)
{
    for (char *c = text; *c; c++)
        *c = strchr("\r\n", *c) ? ' ' : *c;
    return text;
}

json_t *ctl_doctor_httpd(ctl_doctor *doctor)
{
    char *output;
    int status = program_run(&output, doctor);
    if (status == 126 || status == 127) {
        ctl_doctor_found(doctor, CTL_ERROR, "configuration", name_of(doctor), "there is no apachectl or httpd to read it",
                         "give --httpd PROGRAM; on another machine than the servers' run finqctl doctor there");
        return NULL;
    }
    if (status != 0) {
        ctl_doctor_found(doctor, CTL_ERROR, "configuration", name_of(doctor),
                         *output ? one_line(output) : "httpd does not take it",
                         "mend what httpd names (as root: it reads keys and secret files); apachectl configtest says the same");
        return NULL;
    }
    return sound_read(doctor, output);
}
