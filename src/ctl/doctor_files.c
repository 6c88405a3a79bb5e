/* Files and directories, as the servers will meet them. */
#include "doctor.h"

#include <apr_strings.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/data_key.h"

/* `error` is what loading it came to, `count` how many it holds. */
static void secret_tell(ctl_doctor *doctor, const char *check, const char *path, const finq_error *error, int count)
{
    if (error)
        ctl_doctor_found(doctor, CTL_ERROR, check, path, finq_error_why(error),
                         "as it says; all servers of one database have the same, and finqctl runs as root or its owner");
    else
        ctl_doctor_found(doctor, CTL_GOOD, check, path, apr_psprintf(doctor->pool, "closed to others, %d line(s)", count), NULL);
}

static void secrets_look(ctl_doctor *doctor, const char *path)
{
    finq_secrets *secrets;
    finq_error *error = finq_secrets_load(&secrets, path, doctor->pool);
    secret_tell(doctor, "secret file", path, error, error ? 0 : finq_secrets_count(secrets));
}

static void data_keys_look(ctl_doctor *doctor, const char *path)
{
    finq_data_keys *keys;
    finq_error *error = finq_data_keys_load(&keys, path, doctor->pool);
    secret_tell(doctor, "data key", path, error, error ? 0 : finq_data_keys_count(keys));
}

/* ---- directories ---- */

/* The user that httpd's children are. */
typedef struct {
    const char *name;
    uid_t user;
    gid_t group;
} identity;

/* Asked as that user, whose rights ACLs and mounts have a say in. Who is not root can ask as nobody but himself. */
static int may_write(const char *path, const identity *as)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (initgroups(as->name, as->group) != 0 || setgid(as->group) != 0 || setuid(as->user) != 0))
            _exit(1);
        _exit(access(path, R_OK | W_OK | X_OK) == 0 ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void directory_look(ctl_doctor *doctor, const char *path, const identity *as)
{
    struct stat found = {0};
    if (stat(path, &found) != 0 || !may_write(path, as))
        ctl_doctor_found(doctor, CTL_ERROR, "upload directory", path,
                         apr_pstrcat(doctor->pool, as->name, " may not write there, or not go there", NULL),
                         apr_psprintf(doctor->pool, "chown %s %s; and let everybody pass (chmod o+x) through what is above it",
                                      as->name, path));
    else if (found.st_mode & S_IRWXO)
        ctl_doctor_found(doctor, CTL_WARNING, "upload directory", path, "it is open to everybody on this machine",
                         apr_pstrcat(doctor->pool, "chmod 700 ", path, NULL));
    else
        ctl_doctor_found(doctor, CTL_GOOD, "upload directory", path,
                         apr_pstrcat(doctor->pool, as->name, " may write there", NULL), NULL);
}

void ctl_doctor_files(ctl_doctor *doctor, const json_t *httpd)
{
    const json_t *hosts = json_object_get(httpd, "hosts"), *host;
    const identity as = {finq_json_string(httpd, "user"), (uid_t)json_integer_value(json_object_get(httpd, "user_id")),
                         (gid_t)json_integer_value(json_object_get(httpd, "group_id"))};
    size_t i;
    json_array_foreach(hosts, i, host)
    {
        if (ctl_doctor_is_first(hosts, i, "secret_file"))
            secrets_look(doctor, finq_json_string(host, "secret_file"));
        if (ctl_doctor_is_first(hosts, i, "data_key_file"))
            data_keys_look(doctor, finq_json_string(host, "data_key_file"));
        if (ctl_doctor_is_first(hosts, i, "upload_dir"))
            directory_look(doctor, finq_json_string(host, "upload_dir"), &as);
    }
}
