/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/revoked.h"
#include "base/err.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SERIAL = DBR_IPC_SERIAL_MAX, DIGITS_MAX = 49, FIRST_ROOM = 4096 };

static bool is_number(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n && n <= DIGITS_MAX;
}

/* ---- the folder ---- */

struct names {
    char *text;
    size_t len, room, n;
};

static int add_name(struct names *t, const char *name)
{
    size_t n = strlen(name);
    if (!is_number(name, n))
        return 0;
    if (++t->n > DBR_REVOKED_MAX)
        return DBR_ERR_LIMIT;
    if (t->len + n + 1 > t->room) {
        size_t room = t->room ? 2 * t->room : FIRST_ROOM;
        char *more = realloc(t->text, room);
        if (!more)
            return DBR_ERR_NOMEM;
        t->text = more;
        t->room = room;
    }
    memcpy(t->text + t->len, name, n);
    t->text[t->len + n] = '\n';
    t->len += n + 1;
    return 0;
}

int dbr_revoked_list(const char *folder, char **text, size_t *len)
{
    struct names t = {0};
    DIR *dir = opendir(folder);
    if (!dir)
        return DBR_ERR_IO;
    int err = 0;
    const struct dirent *e;
    errno = 0;
    while (!err && (e = readdir(dir)) != NULL)
        err = add_name(&t, e->d_name);
    if (!err && errno)
        err = DBR_ERR_IO;
    int cause = errno;
    closedir(dir);
    errno = cause;
    if (err) {
        free(t.text);
        return err;
    }
    *text = t.text;
    *len = t.len;
    return 0;
}

/* ---- the set ---- */

/* False: more than 20 bytes. */
static bool to_bytes(uint8_t out[SERIAL], const char *s, size_t n)
{
    memset(out, 0, SERIAL);
    for (size_t i = 0; i < n; i++) {
        unsigned carry = (unsigned)(s[i] - '0');
        for (size_t k = SERIAL; k-- > 0;) {
            carry += out[k] * 10u;
            out[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    return memcmp(a, b, SERIAL);
}

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

int dbr_revoked_parse(struct dbr_revoked *r, const char *text, size_t len)
{
    *r = (struct dbr_revoked){0};
    size_t most = count_lines(text, len);
    if (most > DBR_REVOKED_MAX + 1)
        return DBR_ERR_LIMIT;
    r->v = malloc(most * sizeof *r->v);
    if (!r->v)
        return DBR_ERR_NOMEM;
    for (size_t at = 0; at < len;) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (text + at)) : len - at;
        if (is_number(text + at, n) && to_bytes(r->v[r->n], text + at, n))
            r->n++;
        at += n + 1;
    }
    qsort(r->v, r->n, sizeof *r->v, by_value);
    return 0;
}

bool dbr_revoked_has(const struct dbr_revoked *r, const uint8_t *serial, size_t n)
{
    uint8_t key[SERIAL] = {0};
    if (n > SERIAL || !r->n)
        return false;
    memcpy(key + SERIAL - n, serial, n);
    return bsearch(key, r->v, r->n, sizeof *r->v, by_value);
}

void dbr_revoked_free(struct dbr_revoked *r)
{
    free(r->v);
    *r = (struct dbr_revoked){0};
}
