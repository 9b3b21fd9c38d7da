/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/bundle.h"
#include "base/err.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 12 };

struct record {
    const char *name, *text;
    uint32_t name_len;
    uint64_t len;
};

/* The record at *at, which moves behind it; false at the end or when it does not fit. */
static bool next_record(const struct dbr_bundle *b, size_t *at, struct record *r)
{
    if (b->len - *at < HEAD)
        return false;
    memcpy(&r->name_len, b->bytes + *at, 4);
    memcpy(&r->len, b->bytes + *at + 4, 8);
    size_t left = b->len - *at - HEAD;
    if (r->name_len > left || r->len > left - r->name_len)
        return false;
    r->name = (const char *)b->bytes + *at + HEAD;
    r->text = r->name + r->name_len;
    *at += HEAD + r->name_len + (size_t)r->len;
    return true;
}

const char *dbr_bundle_get(const struct dbr_bundle *b, const char *name, size_t *len)
{
    struct record r;
    size_t want = strlen(name);
    for (size_t at = 0; next_record(b, &at, &r);)
        if (r.name_len == want && memcmp(r.name, name, want) == 0) {
            *len = (size_t)r.len;
            return r.text;
        }
    return NULL;
}

/* A buffer with keys in it is never given to realloc(). */
static int grow(struct dbr_bundle *b, size_t need)
{
    size_t cap = b->cap ? b->cap : 65536;
    while (cap < need)
        cap *= 2;
    if (cap == b->cap)
        return 0;
    uint8_t *bytes = malloc(cap);
    if (!bytes)
        return DBR_ERR_NOMEM;
    if (b->len)
        memcpy(bytes, b->bytes, b->len);
    if (b->bytes)
        dbr_wipe(b->bytes, b->len);
    free(b->bytes);
    b->bytes = bytes;
    b->cap = cap;
    return 0;
}

int dbr_bundle_add(struct dbr_bundle *b, const char *name, const void *text, size_t len)
{
    uint32_t name_len = (uint32_t)strlen(name);
    uint64_t text_len = len;
    if (len > DBR_BUNDLE_MAX || b->len + HEAD + name_len + len > DBR_BUNDLE_MAX)
        return DBR_ERR_LIMIT;
    int err = grow(b, b->len + HEAD + name_len + len);
    if (err)
        return err;
    uint8_t *p = b->bytes + b->len;
    memcpy(p, &name_len, 4);
    memcpy(p + 4, &text_len, 8);
    memcpy(p + HEAD, name, name_len);
    if (len)
        memcpy(p + HEAD + name_len, text, len);
    b->len += HEAD + name_len + len;
    return 0;
}

int dbr_bundle_write(const struct dbr_bundle *b)
{
    int fd = memfd_create("reload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t at = 0;
    while (fd >= 0 && at < b->len) {
        ssize_t n = write(fd, b->bytes + at, b->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    if (fd >= 0 && at == b->len &&
        !fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
        return fd;
    if (fd >= 0)
        close(fd);
    return DBR_ERR_IO;
}

int dbr_bundle_read(struct dbr_bundle *b, int fd)
{
    struct stat st;
    struct record r;
    size_t at = 0;
    memset(b, 0, sizeof *b);
    if (fstat(fd, &st))
        return DBR_ERR_IO;
    if (st.st_size < 0 || st.st_size > DBR_BUNDLE_MAX)
        return DBR_ERR_SHAPE;
    if (grow(b, (size_t)st.st_size + 1))
        return DBR_ERR_NOMEM;
    while (b->len < (size_t)st.st_size) {
        ssize_t n = pread(fd, b->bytes + b->len, (size_t)st.st_size - b->len, (off_t)b->len);
        if (n <= 0)
            return DBR_ERR_IO;
        b->len += (size_t)n;
    }
    while (next_record(b, &at, &r))
        ;
    return at == b->len ? 0 : DBR_ERR_SHAPE;
}

void dbr_bundle_free(struct dbr_bundle *b)
{
    if (b->bytes)
        dbr_wipe(b->bytes, b->len);
    free(b->bytes);
    memset(b, 0, sizeof *b);
}
