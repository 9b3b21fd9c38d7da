/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/verdict_files.h"
#include "base/base64.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *variable, *begin;
} kinds[VERDICT_FILES] = {
    [VERDICT_CONTROL] = {"auth_control_file", "acf"},
    [VERDICT_REASON] = {"auth_failed_reason_file", "afr"},
    [VERDICT_PENDING] = {"auth_pending_file", "apf"},
};

/* Files are touched as the user whose scripts run, so that a link that was put in their place leads nowhere
 * that he could not go by himself. */
static void as_script(const struct keeper *k)
{
    if (!k->config->user)
        return;
    setfsgid(k->user.gid);
    setfsuid(k->user.uid);
}

static void as_keeper(const struct keeper *k)
{
    if (!k->config->user)
        return;
    setfsuid(geteuid());
    setfsgid(getegid());
}

/* A new file; its descriptor, or DBR_ERR_IO. */
static int make_one(const char *dir, const char *begin, char *path, size_t cap)
{
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return DBR_ERR_IO;
    int n = snprintf(path, cap, "%s/drawbridge_%s_%016llx", dir, begin, (unsigned long long)number);
    int fd = n < 0 || (size_t)n >= cap
                 ? -1
                 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        path[0] = 0;
        return DBR_ERR_IO;
    }
    return fd;
}

int verdict_files_make(const struct keeper *k, struct verdict_files *f)
{
    int err = 0, number = 0;
    memset(f, 0, sizeof *f);
    as_script(k);
    for (size_t i = 0; !err && i < VERDICT_FILES; i++) {
        int fd = make_one(k->config->tmp_dir, kinds[i].begin, f->path[i], sizeof f->path[i]);
        err = fd < 0 ? fd : close(fd);
        number = errno;
    }
    as_keeper(k);
    if (!err)
        return 0;
    dbr_log(&k->log, DBR_LOG_ERROR, "cannot make a file in %s: %s; check tmp-dir and its rights",
            k->config->tmp_dir, strerror(number));
    verdict_files_remove(k, f);
    return DBR_ERR_IO;
}

void verdict_files_remove(const struct keeper *k, struct verdict_files *f)
{
    as_script(k);
    for (size_t i = 0; i < VERDICT_FILES; i++)
        if (f->path[i][0])
            unlink(f->path[i]);
    as_keeper(k);
    memset(f, 0, sizeof *f);
}

bool verdict_files_env(const struct verdict_files *f)
{
    for (size_t i = 0; i < VERDICT_FILES; i++)
        if (f->path[i][0] && setenv(kinds[i].variable, f->path[i], 1))
            return false;
    return true;
}

size_t verdict_file_read(const struct keeper *k, const struct verdict_files *f, enum verdict_file which,
                         char *out, size_t cap)
{
    struct stat st;
    as_script(k);
    int fd = open(f->path[which], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    as_keeper(k);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    ssize_t n = regular ? read(fd, out, cap - 1) : 0;
    if (fd >= 0)
        close(fd);
    n = n < 0 ? 0 : n;
    out[n] = 0;
    return (size_t)n;
}

int cert_file_make(const struct keeper *k, const void *der, size_t n, char *path, size_t cap)
{
    char body[2 * DBR_IPC_TEXT_MAX];
    long len = dbr_base64_encode(der, n, body, sizeof body);
    as_script(k);
    int fd = len < 0 ? -1 : make_one(k->config->tls_export_cert, "pef", path, cap), number = errno;
    as_keeper(k);
    bool good =
        fd >= 0 && dprintf(fd, "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n", body) > 0;
    if (fd >= 0)
        close(fd);
    if (good)
        return 0;
    dbr_log(&k->log, DBR_LOG_ERROR, "cannot write a file in %s: %s; check tls-export-cert and its rights",
            k->config->tls_export_cert, strerror(number));
    return DBR_ERR_IO;
}

void cert_file_remove(const struct keeper *k, char *path)
{
    as_script(k);
    unlink(path);
    as_keeper(k);
    path[0] = 0;
}

/* Ends the line at text; the next one, or NULL where there is none. */
static char *end_line(char *text)
{
    char *end = strpbrk(text, "\r\n");
    if (!end)
        return NULL;
    char *next = end + 1 + (end[0] == '\r' && end[1] == '\n');
    *end = 0;
    return next;
}

int verdict_pending_parse(char *text, const char **method, const char **extra)
{
    if (!*text)
        return 0;
    char *second = end_line(text), *third = second ? end_line(second) : NULL, *rest;
    if (!third)
        return DBR_ERR_SHAPE;
    end_line(third);
    long seconds = strtol(text, &rest, 10);
    if (rest == text || *rest || seconds < 1 || seconds > INT32_MAX)
        return DBR_ERR_SHAPE;
    *method = second;
    *extra = third;
    return (int)seconds;
}
