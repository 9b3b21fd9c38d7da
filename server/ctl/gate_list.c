/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ctl gate-list FILE: the list of withdrawn gate keys (tls-crypt-v2-withdrawn) from standard input
 * into FILE. Needs no daemon: that sees a changed file by itself. The list has no signature, so it may only
 * grow: one that lacks a key of the present file, as a transfer that was cut off would, is refused. Lists
 * that come at once are looked at one after the other: the folder is locked.
 */
#include "gate_list.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "proto/withdrawn.h"

enum { LIST_MAX = 16 << 20, PATH_MAX_BYTES = 4096, TRIES = 100, TRY_MS = 100 };

struct list {
    char *text;
    size_t len;
    struct dbr_withdrawn keys;
};

static void list_free(struct list *l)
{
    free(l->text);
    dbr_withdrawn_free(&l->keys);
}

/* All that comes, LIST_MAX bytes at most, and what is in it. False: said. */
static bool list_read(struct list *l, int fd, const char *from)
{
    char why[256] = "out of memory";
    ssize_t n = -1;
    l->text = malloc(LIST_MAX + 1);
    while (l->text && l->len <= LIST_MAX && (n = read(fd, l->text + l->len, LIST_MAX + 1 - l->len)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        l->len += n > 0 ? (size_t)n : 0;
    }
    if (l->text && n < 0)
        snprintf(why, sizeof why, "%s", strerror(errno));
    else if (l->text && l->len > LIST_MAX)
        snprintf(why, sizeof why, "longer than 16 MiB");
    else if (l->text && dbr_withdrawn_parse(&l->keys, l->text, l->len, why, sizeof why) == 0)
        return true;
    fprintf(stderr, "drawbridge-ctl: %s: %s\n", from, why);
    return false;
}

/* How many of the old keys the new list lacks. */
static size_t lacking(const struct list *old, const struct list *fresh)
{
    size_t n = 0;
    for (size_t i = 0; i < old->keys.n; i++)
        n += !dbr_withdrawn_has(&fresh->keys, old->keys.ids[i]);
    return n;
}

/* False, and said: the present file cannot be read, or has what the new list has not. */
static bool may_replace(const char *path, const struct list *fresh)
{
    struct list old = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return true;
    bool ok = fd >= 0 && list_read(&old, fd, path);
    if (fd < 0)
        fprintf(stderr, "drawbridge-ctl: %s: %s\n", path, strerror(errno));
    size_t n = ok ? lacking(&old, fresh) : 0;
    if (n)
        fprintf(
            stderr,
            "drawbridge-ctl: the new list lacks %zu of the keys in %s, which stays; if they may come back, "
            "copy the list there by hand\n",
            n, path);
    if (fd >= 0)
        close(fd);
    list_free(&old);
    return ok && !n;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t r = write(fd, p, n);
        if (r < 0 && errno != EINTR)
            return false;
        p += r > 0 ? r : 0;
        n -= r > 0 ? (size_t)r : 0;
    }
    return fsync(fd) == 0;
}

/* Written aside, synced and renamed, the folder synced: nobody reads half of it, and no power failure brings
 * the one before back. */
static bool put(const char *path, int folder, const struct list *l)
{
    char aside[PATH_MAX_BYTES];
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside) {
        errno = ENAMETOOLONG;
        return false;
    }
    unlink(aside);
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, l->text, l->len);
    ok = close(fd) == 0 && ok;
    if (ok && rename(aside, path) == 0 && fsync(folder) == 0)
        return true;
    int e = errno;
    unlink(aside);
    errno = e;
    return false;
}

/* Whoever has the folder's lock is the only one at its lists, until he ends. The folder; -1: said. */
static int lock_folder(const char *path)
{
    char folder[PATH_MAX_BYTES] = ".";
    const char *slash = strrchr(path, '/');
    size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    bool fits = n < sizeof folder;
    if (n && fits) {
        memcpy(folder, path, n);
        folder[n] = 0;
    }
    int fd = fits ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool mine = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 0; fd >= 0 && !mine && i < TRIES; i++) {
        poll(NULL, 0, TRY_MS);
        mine = !flock(fd, LOCK_EX | LOCK_NB);
    }
    if (!mine)
        fprintf(stderr, "drawbridge-ctl: %s: cannot lock its folder: %s\n", path,
                fits ? strerror(errno) : strerror(ENAMETOOLONG));
    return mine ? fd : -1;
}

int gate_list_take(const char *path)
{
    struct list fresh = {0};
    int folder = list_read(&fresh, STDIN_FILENO, "standard input") ? lock_folder(path) : -1;
    bool ok = folder >= 0 && may_replace(path, &fresh);
    if (ok && !put(path, folder, &fresh)) {
        fprintf(stderr, "drawbridge-ctl: %s: %s\n", path, strerror(errno));
        ok = false;
    }
    if (ok)
        printf("%s: %zu keys withdrawn\n", path, fresh.keys.n);
    list_free(&fresh);
    return ok ? 0 : 1;
}
