/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/folder.h"
#include "base/err.h"
#include "base/siphash.h"
#include "ipc/revoked.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRESH_NS 2000000000ll

static enum watch_news gone_now(struct folder *f)
{
    bool news = !f->seen || f->there;
    f->seen = true;
    f->there = false;
    return news ? WATCH_GONE : WATCH_SAME;
}

static int memory_file(const char *text, size_t len)
{
    int fd = memfd_create("revoked", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    for (size_t at = 0; fd >= 0 && at < len;) {
        ssize_t n = write(fd, text + at, len - at);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum watch_news tell_names(struct folder *f, const char *text, size_t len, int *fd)
{
    static const uint8_t key[16] = "names of a dir."; /* no secret: to see a change */
    uint64_t sum = dbr_siphash(key, text ? text : "", len);
    if (f->seen && f->there && sum == f->sum)
        return WATCH_SAME;
    *fd = memory_file(text, len);
    if (*fd < 0)
        return WATCH_SAME; /* no memory: the next look tries again */
    f->seen = f->there = true;
    f->sum = sum;
    return WATCH_CHANGED;
}

enum watch_news folder_look(struct folder *f, int64_t now_ns, int *fd)
{
    struct stat st;
    char *text = NULL;
    size_t len = 0;
    *fd = -1;
    if (!f->path)
        return WATCH_SAME;
    if (stat(f->path, &st) || !S_ISDIR(st.st_mode))
        return gone_now(f);
    int64_t mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    bool fresh = now_ns - mtime_ns < FRESH_NS;
    if (f->seen && f->there && mtime_ns == f->mtime_ns && !fresh)
        return WATCH_SAME;
    int err = dbr_revoked_list(f->path, &text, &len);
    if (err == DBR_ERR_NOMEM)
        return WATCH_SAME;
    if (err)
        return gone_now(f);
    enum watch_news news = tell_names(f, text, len, fd);
    if (news == WATCH_CHANGED || f->seen)
        f->mtime_ns = mtime_ns;
    free(text);
    return news;
}

void folder_forget(struct folder *f)
{
    f->seen = false;
}
