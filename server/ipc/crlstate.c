/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/crlstate.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/siphash.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_LEAST = 48, AT_GENERATION = 8, AT_LENGTHS = 16, AT_VERSION = 7 };

static const uint8_t magic[8] = "DBRCRL02";
static const uint8_t sum_key[16] = "drawbridge-state"; /* no secret: against torn writes */

/* How many parts a file of this version has. */
static int parts_of(const uint8_t *file)
{
    return file[AT_VERSION] == '1' ? 3 : DBR_CRLSTATE_PARTS;
}

static size_t at_sum(int parts)
{
    return AT_LENGTHS + 8 * (size_t)parts;
}

static size_t head_of(int parts)
{
    return at_sum(parts) + 8;
}

/* The checksum of a whole file, with its own place read as zero. */
static uint64_t checksum(const uint8_t *file, size_t len)
{
    uint8_t head[AT_LENGTHS + 8 * DBR_CRLSTATE_PARTS + 8];
    int parts = parts_of(file);
    size_t n = head_of(parts);
    memcpy(head, file, n);
    memset(head + at_sum(parts), 0, 8);
    return dbr_siphash(sum_key, head, n) ^ dbr_siphash(sum_key, file + n, len - n);
}

static int read_whole(int fd, uint8_t **out, size_t *len)
{
    struct stat st;
    size_t at = 0;
    *out = NULL;
    *len = 0;
    if (fd < 0)
        return 0;
    if (fstat(fd, &st))
        return DBR_ERR_IO;
    if (st.st_size == 0)
        return 0;
    if (st.st_size < HEAD_LEAST || st.st_size > DBR_CRLSTATE_MAX)
        return DBR_ERR_SHAPE;
    *out = malloc((size_t)st.st_size);
    if (!*out)
        return DBR_ERR_NOMEM;
    while (at < (size_t)st.st_size) {
        ssize_t n = pread(fd, *out + at, (size_t)st.st_size - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return DBR_ERR_IO;
        at += (size_t)n;
    }
    *len = at;
    return 0;
}

static bool whole(const uint8_t *file, size_t len)
{
    int parts = parts_of(file);
    size_t head = head_of(parts);
    bool known = file[AT_VERSION] == '1' || file[AT_VERSION] == magic[AT_VERSION];
    if (!known || memcmp(file, magic, AT_VERSION) != 0 || len < head ||
        dbr_get64(file + at_sum(parts)) != checksum(file, len))
        return false;
    uint64_t left = len - head;
    for (int i = 0; i < parts; i++) {
        uint64_t n = dbr_get64(file + AT_LENGTHS + 8 * i);
        if (n > left)
            return false;
        left -= n;
    }
    return left == 0;
}

static int take(struct dbr_crlstate *s, const uint8_t *file)
{
    int err = 0, parts = parts_of(file);
    size_t at = head_of(parts);
    s->generation = dbr_get64(file + AT_GENERATION);
    for (int i = 0; i < parts && !err; i++) {
        size_t n = (size_t)dbr_get64(file + AT_LENGTHS + 8 * i);
        err = dbr_crlstate_set(s, (enum dbr_crlstate_part)i, file + at, n);
        at += n;
    }
    if (err)
        dbr_crlstate_free(s);
    return err;
}

int dbr_crlstate_read(struct dbr_crlstate *s, const int fds[2])
{
    uint8_t *file[2];
    size_t len[2];
    int err = 0, best = -1;
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 2; i++) {
        int e = read_whole(fds[i], &file[i], &len[i]);
        if (!e && file[i] && !whole(file[i], len[i]))
            e = DBR_ERR_SHAPE;
        if (e)
            err = e;
        else if (file[i] &&
                 (best < 0 || dbr_get64(file[i] + AT_GENERATION) > dbr_get64(file[best] + AT_GENERATION)))
            best = i;
    }
    if (best >= 0)
        err = take(s, file[best]);
    free(file[0]);
    free(file[1]);
    return err;
}

static int write_all(int fd, const uint8_t *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t did = pwrite(fd, bytes + at, n - at, (off_t)at);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return DBR_ERR_IO;
        at += (size_t)did;
    }
    return ftruncate(fd, (off_t)n) || fdatasync(fd) ? DBR_ERR_IO : 0;
}

int dbr_crlstate_write(struct dbr_crlstate *s, const int fds[2])
{
    size_t n = head_of(DBR_CRLSTATE_PARTS), at = n;
    int fd = fds[(s->generation + 1) % 2];
    if (fd < 0)
        return 0;
    for (int i = 0; i < DBR_CRLSTATE_PARTS; i++)
        n += s->part[i].len;
    uint8_t *file = n <= DBR_CRLSTATE_MAX ? calloc(1, n) : NULL;
    if (!file)
        return DBR_ERR_NOMEM;
    memcpy(file, magic, sizeof magic);
    dbr_put64(file + AT_GENERATION, s->generation + 1);
    for (int i = 0; i < DBR_CRLSTATE_PARTS; i++) {
        dbr_put64(file + AT_LENGTHS + 8 * i, s->part[i].len);
        if (s->part[i].len)
            memcpy(file + at, s->part[i].bytes, s->part[i].len);
        at += s->part[i].len;
    }
    dbr_put64(file + at_sum(DBR_CRLSTATE_PARTS), checksum(file, n));
    int err = write_all(fd, file, n);
    if (!err)
        s->generation++;
    free(file);
    return err;
}

int dbr_crlstate_set(struct dbr_crlstate *s, enum dbr_crlstate_part which, const void *bytes, size_t n)
{
    uint8_t *copy = n ? malloc(n) : NULL;
    if (n && !copy)
        return DBR_ERR_NOMEM;
    if (n)
        memcpy(copy, bytes, n);
    free(s->part[which].bytes);
    s->part[which].bytes = copy;
    s->part[which].len = n;
    return 0;
}

void dbr_crlstate_free(struct dbr_crlstate *s)
{
    for (int i = 0; i < DBR_CRLSTATE_PARTS; i++)
        free(s->part[i].bytes);
    memset(s, 0, sizeof *s);
}
