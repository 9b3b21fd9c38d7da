/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ifconfig-pool-persist: who had which address of the pool. Read at the start, while files can be opened;
 * what changes goes as a whole to keeper, which replaces the file. One line per address, as OpenVPN has it:
 *
 *     alice,192.0.2.100
 *
 * A comma in a name is written as \x2c. An address is given to another name only when all free ones are
 * somebody's.
 */
#include "control/state.h"
#include "base/bytes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
enum { NAME_MAX_BYTES = DBR_IPC_CN_MAX };

struct pool {
    uint32_t start, n;
    char **owner; /* n names; NULL: nobody's */
    bool changed;
    uint64_t due_ns, last_ns; /* when to write, and when it was written */
};

static const char *owner_at(const struct control *ctl, uint32_t ip)
{
    const struct pool *p = ctl->pool;
    return p && ip >= p->start && ip - p->start < p->n ? p->owner[ip - p->start] : NULL;
}

static void forget(struct pool *p, const char *name)
{
    for (uint32_t i = 0; i < p->n; i++) {
        if (!p->owner[i] || strcmp(p->owner[i], name) != 0)
            continue;
        free(p->owner[i]);
        p->owner[i] = NULL;
    }
}

/* One line of the file; what is not one is left out. */
static void take_line(struct pool *p, char *line)
{
    struct in_addr a;
    char *comma = strchr(line, ',');
    if (!comma || comma == line || comma - line >= NAME_MAX_BYTES)
        return;
    *comma++ = 0;
    comma[strcspn(comma, ",\r")] = 0; /* an IPv6 address may follow */
    uint32_t ip = inet_pton(AF_INET, comma, &a) == 1 ? ntohl(a.s_addr) : 0;
    if (ip < p->start || ip - p->start >= p->n || p->owner[ip - p->start])
        return;
    forget(p, line);
    p->owner[ip - p->start] = strdup(line);
}

void pool_parse(struct control *ctl, char *text)
{
    char *rest = text;
    for (char *line; ctl->pool && (line = strsep(&rest, "\n"));)
        take_line(ctl->pool, line);
}

int pool_load(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    const char *path = cfg->ifconfig_pool_persist.path;
    if (!path || !cfg->ifconfig_pool.start)
        return 0;
    struct pool *p = ctl->pool = calloc(1, sizeof *p);
    if (!p)
        return DBR_ERR_NOMEM;
    p->start = cfg->ifconfig_pool.start;
    p->n = cfg->ifconfig_pool.end - p->start + 1;
    p->owner = calloc(p->n, sizeof *p->owner);
    if (!p->owner)
        return DBR_ERR_NOMEM;
    size_t len;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    uint8_t *bytes = fd >= 0 ? control_read_all(fd, &len) : NULL;
    char *text = bytes ? strndup((char *)bytes, len) : NULL;
    if (text)
        pool_parse(ctl, text);
    else if (fd >= 0 || errno != ENOENT)
        dbr_log(ctl->log, DBR_LOG_WARN,
                "WARNING: ifconfig-pool-persist %s cannot be read; addresses begin anew", path);
    free(text);
    free(bytes);
    if (fd >= 0)
        close(fd);
    return 0;
}

void pool_free(struct control *ctl)
{
    struct pool *p = ctl->pool;
    for (uint32_t i = 0; p && p->owner && i < p->n; i++)
        free(p->owner[i]);
    if (p)
        free(p->owner);
    free(p);
    ctl->pool = NULL;
}

/* ---- addresses ---- */

static const char *escaped(const char *cn, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    for (; *cn && n + 5 < NAME_MAX_BYTES; cn++) {
        if (*cn == ',')
            n += (size_t)snprintf(out + n, NAME_MAX_BYTES - n, "\\x2c");
        else
            out[n++] = *cn;
    }
    out[n] = 0;
    return out;
}

uint32_t pool_remembered(const struct control *ctl, const char *cn)
{
    const struct pool *p = ctl->pool;
    char name[NAME_MAX_BYTES];
    escaped(cn, name);
    for (uint32_t i = 0; p && i < p->n; i++)
        if (p->owner[i] && strcmp(p->owner[i], name) == 0)
            return p->start + i;
    return 0;
}

bool pool_is_anothers(const struct control *ctl, uint32_t ip)
{
    return owner_at(ctl, ip) != NULL;
}

void pool_remember(struct control *ctl, uint32_t ip, const char *cn)
{
    struct pool *p = ctl->pool;
    char name[NAME_MAX_BYTES];
    const char *was = owner_at(ctl, ip);
    if (!p || ip < p->start || ip - p->start >= p->n || (was && strcmp(was, escaped(cn, name)) == 0))
        return;
    char *copy = strdup(escaped(cn, name));
    if (!copy)
        return;
    if (!ctl->cfg->duplicate_cn)
        forget(p, name);
    free(p->owner[ip - p->start]);
    p->owner[ip - p->start] = copy;
    p->changed = true;
    uint64_t secs = (uint64_t)ctl->cfg->ifconfig_pool_persist.secs;
    p->due_ns = ctl->now.ns + SECOND_NS;
    if (p->last_ns && p->due_ns < p->last_ns + secs * SECOND_NS)
        p->due_ns = p->last_ns + secs * SECOND_NS;
}

/* ---- the file ---- */

uint64_t pool_deadline(const struct control *ctl)
{
    const struct pool *p = ctl->pool;
    return p && p->changed && ctl->cfg->ifconfig_pool_persist.secs ? p->due_ns : UINT64_MAX;
}

static int make_file(const struct pool *p)
{
    int fd = memfd_create("ifconfig-pool", MFD_CLOEXEC);
    for (uint32_t i = 0; fd >= 0 && i < p->n; i++) {
        uint32_t ip = p->start + i;
        if (p->owner[i] && dprintf(fd, "%s,%u.%u.%u.%u\n", p->owner[i], ip >> 24, ip >> 16 & 255,
                                   ip >> 8 & 255, ip & 255) < 0) {
            close(fd);
            return -1;
        }
    }
    return fd;
}

void pool_write(struct control *ctl)
{
    struct pool *p = ctl->pool;
    struct dbr_ipc_file m = {.head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0), .what = DBR_FILE_POOL};
    if (pool_deadline(ctl) == UINT64_MAX) /* nothing new, or SECONDS is 0: the file is the admin's alone */
        return;
    int fd = make_file(p);
    p->changed = fd < 0 || dbr_ipc_send(ctl->boot->ipc_keeper, &m, fd);
    p->last_ns = ctl->now.ns;
    p->due_ns = ctl->now.ns + SECOND_NS;
    if (fd >= 0)
        close(fd);
}

void pool_tick(struct control *ctl)
{
    if (ctl->now.ns >= pool_deadline(ctl))
        pool_write(ctl);
}
