/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an admitted client gets: its file from client-config-dir, an address from the pool, the options that
 * are pushed to it.
 */
#include "control/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CCD_MAX = 65536 };

/* ---- the client's file ---- */

/* A name from a certificate as a file name: what could leave the folder, and the dot files, are not looked
 * up. */
static bool plain_name(const char *cn)
{
    return *cn && *cn != '.' && !strchr(cn, '/') && !strchr(cn, '\\');
}

/* *text stays NULL when there is no such file. One that is there and cannot be read may say `disable`: then
 * nobody enters by it. */
static int read_client_file(struct client *c, const char *name, char **text, size_t *len)
{
    struct stat st;
    int fd = openat(c->ctl->boot->ccd_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENAMETOOLONG))
        return 0;
    const char *wrong = fd >= 0 ? NULL : errno == ELOOP ? "it is a symbolic link" : strerror(errno);
    if (!wrong && (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size >= CCD_MAX))
        wrong = "not a regular file of less than 64 KiB";
    char *bytes = wrong ? NULL : malloc(CCD_MAX);
    ssize_t n = bytes ? read(fd, bytes, CCD_MAX) : -1;
    if (fd >= 0)
        close(fd);
    if (n >= 0 && n < CCD_MAX) {
        *len = (size_t)n;
        *text = bytes;
        return 0;
    }
    free(bytes);
    client_log(
        c, DBR_LOG_ERROR,
        "client-config-dir: the file of this client, or DEFAULT, is there but cannot be read: %s; make it "
        "readable for `user`, or remove it",
        wrong ? wrong : "no memory, or it changes right now");
    return DBR_ERR_IO;
}

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    client_log(arg, severity == DBR_CONF_ERROR ? DBR_LOG_ERROR : DBR_LOG_INFO, "%s", line);
}

/* What a script or manager says stands behind what the file says. Consumes text; NULL: nothing, or no memory.
 */
static char *with_more(char *text, size_t *len, const char *more)
{
    size_t n = more ? strlen(more) : 0;
    if (!n)
        return text;
    char *both = realloc(text, *len + n + 1);
    if (!both) {
        free(text);
        return NULL;
    }
    both[*len] = '\n';
    memcpy(both + *len + 1, more, n);
    *len += n + 1;
    return both;
}

static int load_client_file(struct client *c, const char *name)
{
    struct control *ctl = c->ctl;
    struct dbr_conf_diag diag = {.say = say, .arg = c};
    const bool dir = ctl->boot->ccd_fd >= 0;
    size_t len = 0;
    char *text = NULL;
    int err = dir && plain_name(name) ? read_client_file(c, name, &text, &len) : 0;
    if (!err && !text && dir && !ctl->cfg->ccd_exclusive)
        err = read_client_file(c, "DEFAULT", &text, &len);
    if (err)
        return err;
    if (!text && dir && ctl->cfg->ccd_exclusive)
        return DBR_ERR_NOTFOUND;
    text = with_more(text, &len, c->adm->more);
    if (!text)
        return c->adm->more ? DBR_ERR_NOMEM : 0;
    err = dbr_config_parse_ccd(&c->adm->file, c->adm->cn, text, len, &diag);
    c->adm->has_file = true;
    free(text);
    if (!err && c->adm->file.has.vlan_pvid && !ctl->cfg->vlan_tagging)
        client_log(c, DBR_LOG_WARN,
                   "WARNING: vlan-pvid of this client has no effect: the server's configuration has no "
                   "`vlan-tagging`");
    return err;
}

/* ---- addresses ---- */

/* How many clients have this address, or NULL for one outside of the pool. */
static uint32_t *pool_users(const struct control *ctl, uint32_t ip)
{
    const struct dbr_conf_pool *pool = &ctl->cfg->ifconfig_pool;
    return ctl->pool_used && ip >= pool->start && ip <= pool->end ? &ctl->pool_used[ip - pool->start] : NULL;
}

/* An address for this name: the same as last time when it is free, for the place is found by hashing the
 * name. */
static uint32_t free_address(const struct client *c, bool anothers_too)
{
    const struct dbr_conf_pool *pool = &c->ctl->cfg->ifconfig_pool;
    uint32_t n = pool->end - pool->start + 1, first = 0;
    for (const char *p = c->adm->cn; *p; p++)
        first = first * 31 + (uint8_t)*p;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t ip = pool->start + (uint32_t)(((uint64_t)first + i) % n);
        if (!*pool_users(c->ctl, ip) && (anothers_too || !pool_is_anothers(c->ctl, ip)))
            return ip;
    }
    return 0;
}

static bool take_from_pool(struct client *c)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    uint32_t ip = pool_remembered(c->ctl, c->adm->cn), *users = pool_users(c->ctl, ip);
    if (!users || *users)
        ip = free_address(c, false);
    if (!ip)
        ip = free_address(c, true);
    if (!ip)
        return false;
    c->adm->ip = ip;
    c->adm->netmask = cfg->ifconfig_pool.netmask ? cfg->ifconfig_pool.netmask : cfg->server_bridge.netmask;
    pool_remember(c->ctl, ip, c->adm->cn);
    return true;
}

void options_address(struct client *c)
{
    struct admitted *a = c->adm;
    if (a->has_file && a->file.has.ifconfig_push) {
        a->ip = a->file.ifconfig_push.local;
        a->netmask = a->file.ifconfig_push.netmask;
    } else if (c->ctl->pool_used && !take_from_pool(c)) {
        client_log(c, DBR_LOG_WARN, "WARNING: no free address in ifconfig-pool; the client gets none");
    }
    uint32_t *users = a->ip ? pool_users(c->ctl, a->ip) : NULL;
    if (users && (*users)++)
        client_log(c, DBR_LOG_WARN,
                   "WARNING: the address of its file is in use by another client; leave it out of the pool");
}

void options_release(struct client *c)
{
    uint32_t *users = c->adm && c->adm->ip ? pool_users(c->ctl, c->adm->ip) : NULL;
    if (users)
        --*users;
}

bool options_again(struct client *c)
{
    char reason[64];
    struct admitted *a = c->adm;
    options_release(c);
    a->ip = a->netmask = 0;
    dbr_client_config_free(&a->file);
    a->has_file = false;
    if (options_file(c, client_name(c), reason, sizeof reason))
        return false;
    options_address(c);
    return true;
}

int options_file(struct client *c, const char *name, char *reason, size_t cap)
{
    int err = load_client_file(c, name);
    if (!err && c->adm->has_file && c->adm->file.disable)
        err = DBR_ERR_CERT;
    if (err) {
        snprintf(reason, cap, "%s", err == DBR_ERR_CERT ? "this client is disabled" : "no valid client file");
        client_log(c, DBR_LOG_NOTICE, "MULTI: client has been rejected: %s", reason);
    }
    return err;
}

/* ---- push ---- */

static const char *ip_text(uint32_t ip, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return out;
}

static bool removed(const struct admitted *a, const char *option)
{
    for (size_t i = 0; a->has_file && i < a->file.push_remove.n; i++)
        if (strncmp(option, a->file.push_remove.v[i], strlen(a->file.push_remove.v[i])) == 0)
            return true;
    return false;
}

/* What everybody is told, and what a client whose own file says `tunnel split` is not. */
static bool is_for_all_traffic(const char *option)
{
    static const char *const begins[] = {
        "redirect-gateway",  "dhcp-option DNS", "dhcp-option DOMAIN", "dns ",
        "block-outside-dns", "route 0.0.0.0 ",  "route-ipv6 ::/0",
    };
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(option, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static size_t add_list(const struct admitted *a, const struct dbr_conf_list *list, bool split,
                       const char **opts, size_t n, size_t max)
{
    for (size_t i = 0; i < list->n && n < max; i++)
        if (!removed(a, list->v[i]) && !(split && is_for_all_traffic(list->v[i])))
            opts[n++] = list->v[i];
    return n;
}

static bool says(const char *const *opts, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(opts[i], name, strlen(name)) == 0)
            return true;
    return false;
}

/* Everything through the tunnel, but for the way to us. A stock client on Linux that has its address by DHCP
 * does not know the gateway, gives up on redirect-gateway, and would send our own packets into the tunnel. */
static size_t add_full(const struct client *c, const char **opts, size_t n)
{
    static const char all[] = "redirect-gateway def1",
                      way[] = "route remote_host 255.255.255.255 net_gateway";
    const struct admitted *a = c->adm;
    int tunnel = a->has_file && a->file.has.tunnel ? a->file.tunnel : c->ctl->cfg->tunnel;
    if (tunnel != DBR_TUNNEL_FULL)
        return n;
    if (!says(opts, n, "redirect-gateway") && !removed(a, all))
        opts[n++] = all;
    if (says(opts, n, "route-gateway dhcp") && !removed(a, way))
        opts[n++] = way;
    return n;
}

/* base + offset, as one number of 128 bits. */
static void add_to_ip6(uint8_t ip[16], uint32_t offset)
{
    uint64_t sum = offset;
    for (int i = 15; i >= 0 && sum; i--) {
        sum += ip[i];
        ip[i] = (uint8_t)sum;
        sum >>= 8;
    }
}

/* The n-th address of the IPv6 pool goes with the n-th of the IPv4 pool; clients without one follow behind
 * it, by their peer id. */
static uint32_t ip6_offset(const struct client *c)
{
    const struct dbr_conf_pool *pool = &c->ctl->cfg->ifconfig_pool;
    uint32_t ip = c->adm->ip;
    if (c->ctl->pool_used && ip >= pool->start && ip <= pool->end)
        return ip - pool->start;
    return (c->ctl->pool_used ? pool->end - pool->start + 1 : 0) + c->peer_id;
}

static size_t add_ipv6(struct client *c, const char **opts, size_t n)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    struct admitted *a = c->adm;
    bool own = a->has_file && a->file.has.ifconfig_ipv6_push;
    struct dbr_conf_ipv6 v = own ? a->file.ifconfig_ipv6_push : cfg->ifconfig_ipv6_pool;
    char ip[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN] = "";
    if (!v.bits)
        return n;
    if (!own)
        add_to_ip6(v.ip, ip6_offset(c));
    const uint8_t *remote = v.has_remote ? v.remote : cfg->ifconfig_ipv6.bits ? cfg->ifconfig_ipv6.ip : NULL;
    if (remote)
        inet_ntop(AF_INET6, remote, gateway, sizeof gateway);
    snprintf(a->push_ifconfig6, sizeof a->push_ifconfig6, "ifconfig-ipv6 %s/%u%s%s",
             inet_ntop(AF_INET6, v.ip, ip, sizeof ip), v.bits, *gateway ? " " : "", gateway);
    if (!removed(a, a->push_ifconfig6))
        opts[n++] = a->push_ifconfig6;
    return n;
}

/* A laptop that is shut down leaves at once. */
static const char exit_notify[] = "explicit-exit-notify 1";

size_t options_push(struct client *c, const char **opts, size_t max)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    struct admitted *a = c->adm;
    char ip[16], mask[16];
    size_t n = 0;
    bool split = a->has_file && a->file.has.tunnel && a->file.tunnel == DBR_TUNNEL_SPLIT;
    if (!(a->has_file && a->file.has.push_reset))
        n = add_list(a, &cfg->push, split, opts, n, max - PUSH_OURS);
    if (a->has_file)
        n = add_list(a, &a->file.push, false, opts, n, max - PUSH_OURS);
    n = add_full(c, opts, n);
    if (!says(opts, n, "explicit-exit-notify") && !removed(a, exit_notify))
        opts[n++] = exit_notify;
    if (a->ip) {
        snprintf(a->push_ifconfig, sizeof a->push_ifconfig, "ifconfig %s %s", ip_text(a->ip, ip),
                 ip_text(a->netmask, mask));
        opts[n++] = a->push_ifconfig;
    }
    return login_push(c, opts, add_ipv6(c, opts, n));
}
