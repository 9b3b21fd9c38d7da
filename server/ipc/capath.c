/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/capath.h"
#include "base/err.h"
#include "base/siphash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASH_DIGITS = 8 };

int dbr_capath_kind_of(const char *name)
{
    if (strspn(name, "0123456789abcdef") != HASH_DIGITS || name[HASH_DIGITS] != '.')
        return -1;
    const char *n = name + HASH_DIGITS + 1;
    enum dbr_capath_kind kind = *n == 'r' ? DBR_CAPATH_LISTS : DBR_CAPATH_CERTS;
    n += kind == DBR_CAPATH_LISTS;
    return *n && n[strspn(n, "0123456789")] == 0 ? (int)kind : -1;
}

/* Calls each for the files of the folder; 0, DBR_ERR_IO or the first error of each. */
static int walk(const char *dir, int (*each)(void *arg, int at, const char *name, int kind), void *arg)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int err = 0;
    if (!d)
        return DBR_ERR_IO;
    while (!err && (e = readdir(d))) {
        int kind = dbr_capath_kind_of(e->d_name);
        err = kind < 0 ? 0 : each(arg, dirfd(d), e->d_name, kind);
    }
    closedir(d);
    return err;
}

/* ---- reading ---- */

struct reading {
    int kind;
    char *text;
    size_t len;
};

static int append(struct reading *r, int fd, size_t size)
{
    if (r->len + 1 > DBR_CAPATH_MAX || size > DBR_CAPATH_MAX - r->len - 1)
        return DBR_ERR_LIMIT;
    char *more = realloc(r->text, r->len + size + 2);
    if (!more)
        return DBR_ERR_NOMEM;
    r->text = more;
    ssize_t n = read(fd, r->text + r->len, size);
    r->len += n > 0 ? (size_t)n : 0;
    r->text[r->len++] = '\n'; /* a file may end without one */
    r->text[r->len] = 0;
    return 0;
}

/* One that goes away under our hands is not there. */
static int read_one(void *arg, int at, const char *name, int kind)
{
    struct reading *r = arg;
    struct stat st;
    if (kind != r->kind)
        return 0;
    int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int err = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        err = append(r, fd, (size_t)st.st_size);
    if (fd >= 0)
        close(fd);
    return err;
}

int dbr_capath_read(const char *dir, enum dbr_capath_kind kind, char **text, size_t *len)
{
    struct reading r = {.kind = (int)kind, .text = calloc(1, 1)};
    int err = r.text ? walk(dir, read_one, &r) : DBR_ERR_NOMEM;
    if (err) {
        int kept = errno;
        free(r.text);
        errno = kept;
        r = (struct reading){0};
    }
    *text = r.text;
    *len = r.len;
    return err;
}

/* ---- looking ---- */

static int look_at(void *arg, int at, const char *name, int kind)
{
    static const uint8_t key[16] = "capath";
    uint64_t *stamp = arg, seen[8] = {0};
    struct stat st;
    if (fstatat(at, name, &st, 0))
        return 0;
    seen[0] = dbr_siphash(key, name, strlen(name));
    seen[1] = (uint64_t)st.st_ino;
    seen[2] = (uint64_t)st.st_size;
    seen[3] = (uint64_t)st.st_mtim.tv_sec;
    seen[4] = (uint64_t)st.st_mtim.tv_nsec;
    seen[5] = (uint64_t)st.st_ctim.tv_sec;
    seen[6] = (uint64_t)st.st_ctim.tv_nsec;
    stamp[kind] += dbr_siphash(key, seen, sizeof seen); /* in whatever order they come */
    return 0;
}

int dbr_capath_look(const char *dir, uint64_t stamp[DBR_CAPATH_KINDS])
{
    memset(stamp, 0, DBR_CAPATH_KINDS * sizeof *stamp);
    return walk(dir, look_at, stamp);
}

const char *dbr_capath_bundled(const char *dir, enum dbr_capath_kind kind, char out[DBR_CAPATH_NAME])
{
    snprintf(out, DBR_CAPATH_NAME, "%s/%s", dir, kind == DBR_CAPATH_LISTS ? "(lists)" : "(certificates)");
    return out;
}
