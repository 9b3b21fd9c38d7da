/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ifconfig-pool-persist on disk: control says what stands in it, keeper replaces the file. Written beside it,
 * brought to the disk, then renamed: after a crash there is the old one or the new one.
 */
#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 16 << 20, PATH_MAX_BYTES = 1024 };

/* NAME,ADDRESS a line, nothing but printable characters: what control may have written there. */
static bool is_good(const char *text, size_t n)
{
    bool comma = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n' ? !comma : text[i] < 0x20 || text[i] > 0x7e)
            return false;
        comma = text[i] != '\n' && (comma || text[i] == ',');
    }
    return !n || text[n - 1] == '\n';
}

static char *read_all(int fd, size_t *n)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
        return NULL;
    char *text = malloc((size_t)st.st_size + 1);
    ssize_t got = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
    *n = got > 0 ? (size_t)got : 0;
    if (text && got == st.st_size && is_good(text, *n))
        return text;
    free(text);
    return NULL;
}

static void sync_folder(const char *path)
{
    char copy[PATH_MAX_BYTES];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* 0, or -1 with errno. */
static int replace(const char *path, const char *text, size_t n)
{
    char beside[PATH_MAX_BYTES];
    if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    errno = ENOSPC;
    bool bad = (n && write(fd, text, n) != (ssize_t)n) || fsync(fd);
    if (close(fd) || bad || rename(beside, path)) {
        int e = errno;
        unlink(beside);
        errno = e;
        return -1;
    }
    sync_folder(path);
    return 0;
}

void pool_file_take(struct keeper *k, int fd)
{
    const char *path = k->config->ifconfig_pool_persist.path;
    size_t n = 0;
    char *text = path && fd >= 0 ? read_all(fd, &n) : NULL;
    if (!text)
        return;
    bool bad = replace(path, text, n);
    if (bad && !k->pool_file_bad) /* once, until it works again */
        dbr_log(
            &k->log, DBR_LOG_WARN,
            "WARNING: ifconfig-pool-persist %s cannot be written: %s; clients may get other addresses after "
            "a restart",
            path, strerror(errno));
    k->pool_file_bad = bad;
    free(text);
}
