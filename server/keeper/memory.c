/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The memory of revocation (ipc/crlstate.h): two files in the state folder, named like the configuration,
 * opened once and inherited by control and fetch. Without such a folder the daemon works, but forgets at its
 * end which list it has seen.
 */
#include "keeper/keeper.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_DIR "/var/lib/drawbridge"
enum { NAME_MAX_BYTES = 64, PATH_MAX_BYTES = 512 };

/* The folder, or NULL where there is none. */
const char *memory_dir(const struct dbr_config *c)
{
    const char *systemd = getenv("STATE_DIRECTORY");
    struct stat st;
    if (c->state_dir)
        return c->state_dir;
    if (systemd && *systemd == '/' && !strchr(systemd, ':'))
        return systemd;
    return stat(DEFAULT_DIR, &st) == 0 && S_ISDIR(st.st_mode) ? DEFAULT_DIR : NULL;
}

/* The main file's name without folder and ending: office for /etc/drawbridge/office.conf. */
static void instance_name(const struct dbr_config *c, char out[NAME_MAX_BYTES])
{
    const char *file = "drawbridged";
    for (size_t i = 0; i < c->files.n; i++)
        if (strcmp(c->files.v[i], "command line") != 0) {
            file = c->files.v[i];
            break;
        }
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    const char *dot = strrchr(base, '.');
    size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    snprintf(out, NAME_MAX_BYTES, "%.*s", n < NAME_MAX_BYTES ? (int)n : NAME_MAX_BYTES - 1, base);
}

static int open_one(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void warn(struct keeper *k, const char *path, const char *what)
{
    dbr_log(&k->log, DBR_LOG_WARN,
            "WARNING: state-dir: %s: %s; the memory of accepted CRLs will not survive a restart", path, what);
}

int memory_open(struct keeper *k)
{
    char name[NAME_MAX_BYTES], path[PATH_MAX_BYTES];
    const char *dir = memory_dir(k->config);
    if (!k->has_fetch)
        return 0;
    if (!dir) {
        warn(k, DEFAULT_DIR, "there is no such folder; make it (mkdir -m 700) or name one with `state-dir`");
        return 0;
    }
    instance_name(k->config, name);
    for (int i = 0; i < 2; i++) {
        /* a folder that was named is this daemon's own */
        snprintf(path, sizeof path, "%s/%s%scrl.%d", dir, k->config->state_dir ? "" : name,
                 k->config->state_dir ? "" : ".", i);
        k->crl_state[i] = open_one(path);
        if (k->crl_state[i] >= 0)
            continue;
        warn(k, path,
             errno == EWOULDBLOCK ? "another drawbridged with this configuration's name uses it"
                                  : strerror(errno));
        if (i == 1)
            close(k->crl_state[0]);
        k->crl_state[0] = k->crl_state[1] = -1;
        return 0;
    }
    return 0;
}
