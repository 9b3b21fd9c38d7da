/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t ns_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static bool same(const struct watch *w, const struct stat *st)
{
    return w->dev == st->st_dev && w->ino == st->st_ino && w->size == st->st_size &&
           w->mtime_ns == ns_of(&st->st_mtim) && w->ctime_ns == ns_of(&st->st_ctim);
}

static void note(struct watch *w, const struct stat *st)
{
    w->seen = w->there = true;
    w->dev = st->st_dev;
    w->ino = st->st_ino;
    w->size = st->st_size;
    w->mtime_ns = ns_of(&st->st_mtim);
    w->ctime_ns = ns_of(&st->st_ctim);
}

static enum watch_news gone(struct watch *w)
{
    bool news = !w->seen || w->there;
    w->seen = true;
    w->there = false;
    return news ? WATCH_GONE : WATCH_SAME;
}

/* No room for a descriptor or for memory says nothing about the file: the next look tries again. */
static bool our_trouble(int e)
{
    return e == EMFILE || e == ENFILE || e == ENOMEM || e == EINTR;
}

enum watch_news watch_look(struct watch *w, int *fd)
{
    struct stat st;
    *fd = -1;
    if (!w->path)
        return WATCH_SAME;
    if (stat(w->path, &st))
        return our_trouble(errno) ? WATCH_SAME : gone(w);
    if (w->seen && w->there && same(w, &st))
        return WATCH_SAME;
    /* What counts is the file that is opened, not the one that was looked at. A FIFO must not block us. */
    int f = open(w->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (f < 0)
        return our_trouble(errno) ? WATCH_SAME : gone(w);
    if (fstat(f, &st) || !S_ISREG(st.st_mode)) {
        close(f);
        errno = 0;
        return gone(w);
    }
    note(w, &st);
    *fd = f;
    return WATCH_CHANGED;
}

void watch_forget(struct watch *w)
{
    w->seen = false;
}
