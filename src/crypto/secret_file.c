#include "crypto/secret_file.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 16384

#define MAKE_SECRET "openssl rand -hex 32 >"

typedef struct {
    const char *path;
    const char *make; /* the command that makes such a file, its name left out */
    finq_secret_take take;
    void *baton;
    int count;
    apr_pool_t *pool;
} reading;

void finq_wipe(void *bytes, apr_size_t length)
{
    OPENSSL_cleanse(bytes, length);
}

static finq_error *file_error(const reading *file, const char *what)
{
    return finq_error_internal(file->pool, FINQ_E_INTERNAL_SERVER_ERROR, "secret file %s %s", file->path, what);
}

/* Whether systemd has put it there for this service alone (LoadCredential=). It lets the service's user read by an access control list,
 * whose mask stands where a group's rights do. */
static int is_credential(const char *path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    apr_size_t length = directory ? strlen(directory) : 0;
    return directory && strncmp(path, directory, length) == 0 && path[length] == '/' && !strchr(path + length + 1, '/');
}

static finq_error *file_check(const reading *file, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return file_error(file, "is not a regular file");
    if (st.st_mode & ((is_credential(file->path) ? S_IWGRP | S_IXGRP : S_IRWXG) | S_IRWXO))
        return file_error(file, "is open to group or others: chmod 600 it");
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return file_error(file, "belongs to another user: chown it to root");
    if (st.st_size > FILE_MAX)
        return file_error(file, "is larger than 16 KiB");
    return NULL;
}

static finq_error *file_read(const reading *file, char *text, apr_size_t room)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return file_error(file, apr_psprintf(file->pool, "cannot be read (%s); make one with: (umask 077; %s '%s')",
                                             strerror(errno), file->make, file->path));
    finq_error *error = file_check(file, fd);
    ssize_t n = error ? 0 : read(fd, text, room - 1);
    close(fd);
    if (n < 0)
        return file_error(file, "cannot be read");
    text[n] = '\0';
    return error;
}

static finq_error *line_take(reading *file, const char *line)
{
    unsigned char bytes[FILE_MAX / 2];
    apr_size_t digits = strlen(line), length;
    if (digits < 64 || digits % 2 != 0 || strspn(line, "0123456789abcdefABCDEF") != digits)
        return file_error(file, "has a line that is no secret: at least 64 hexadecimal digits (openssl rand -hex 32)");
    if (file->count++ == FINQ_SECRET_FILE_MOST)
        return file_error(file, "has more than 16 secrets: remove the oldest");
    apr_decode_base16_binary(bytes, line, (apr_ssize_t)digits, 0, &length);
    finq_error *error = file->take(file->baton, bytes, length, file->pool);
    finq_wipe(bytes, sizeof bytes);
    return error;
}

static finq_error *lines_take(reading *file, char *text)
{
    char *rest;
    for (char *line = apr_strtok(text, "\r\n", &rest); line; line = apr_strtok(NULL, "\r\n", &rest)) {
        if (line[0] != '#')
            FINQ_TRY(line_take(file, line));
    }
    return file->count > 0 ? NULL : file_error(file, "is empty: openssl rand -hex 32 makes a secret for it");
}

finq_error *finq_secret_file_read(const char *path, finq_secret_take take, void *baton, apr_pool_t *pool)
{
    char text[FILE_MAX + 1];
    reading file = {path, MAKE_SECRET, take, baton, 0, pool};
    FINQ_TRY(file_read(&file, text, sizeof text));
    finq_error *error = lines_take(&file, text);
    finq_wipe(text, sizeof text);
    return error;
}

static apr_status_t text_wipe(void *text)
{
    finq_wipe(text, FILE_MAX + 1);
    return APR_SUCCESS;
}

finq_error *finq_secret_file_text(const char **text, const char *path, const char *make, apr_pool_t *pool)
{
    char *room = apr_pcalloc(pool, FILE_MAX + 1);
    reading file = {.path = path, .make = make, .pool = pool};
    apr_pool_cleanup_register(pool, room, text_wipe, apr_pool_cleanup_null);
    *text = room;
    return file_read(&file, room, FILE_MAX + 1);
}
