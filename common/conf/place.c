/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shapes that say where: addresses and pools, what to listen on and whom to call, bridge and MAC
 * addresses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sockets.h"
#include "conf/shape.h"

/* ---- IPv4 addresses and pools ---- */

static int set_ifconfig(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_ifconfig v;
    (void)argc;
    int rc = conf_take_ipv4(p, argv[0], &v.local);
    if (rc == 0)
        rc = conf_take_netmask(p, argv[1], &v.netmask);
    if (rc == 0 && v.netmask < 0xfffffffe &&
        ((v.local & ~v.netmask) == 0 || (v.local | v.netmask) == 0xffffffff))
        return conf_error(p, "%.64s is the network or the broadcast address of its net; give a host's",
                          argv[0]);
    if (rc == 0)
        *(struct dbr_conf_ifconfig *)member = v;
    return rc;
}

static void show_ips(struct show *s, const uint32_t *ips, size_t n)
{
    char text[16];
    conf_show_begin(s);
    for (size_t i = 0; i < n; i++)
        conf_show_word(s, conf_ipv4_text(ips[i], text));
}

static void show_ifconfig(struct show *s, const void *member)
{
    const struct dbr_conf_ifconfig *v = member;
    if (v->netmask == 0)
        return;
    show_ips(s, (const uint32_t[]){v->local, v->netmask}, 2);
    conf_show_end(s);
}

enum { POOL_MAX = 65536 };

static int check_range(struct parse *p, uint32_t start, uint32_t end)
{
    if (start > end)
        return conf_error(p, "the pool ends before it starts; swap its addresses");
    if (end - start >= POOL_MAX)
        return conf_error(p, "the pool has more than %d addresses; make it smaller", POOL_MAX);
    return 0;
}

static int set_pool(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_pool v = {0};
    int rc = conf_take_ipv4(p, argv[0], &v.start);
    if (rc == 0)
        rc = conf_take_ipv4(p, argv[1], &v.end);
    if (rc == 0 && argc > 2)
        rc = conf_take_netmask(p, argv[2], &v.netmask);
    if (rc == 0)
        rc = check_range(p, v.start, v.end);
    if (rc == 0)
        *(struct dbr_conf_pool *)member = v;
    return rc;
}

static void show_pool(struct show *s, const void *member)
{
    const struct dbr_conf_pool *v = member;
    if (v->end == 0)
        return;
    show_ips(s, (const uint32_t[]){v->start, v->end, v->netmask}, v->netmask ? 3 : 2);
    conf_show_end(s);
}

static int take_ipv6(struct parse *p, const char *text, uint8_t ip[16])
{
    if (inet_pton(AF_INET6, text, ip) == 1)
        return 0;
    return conf_error(p, "%.64s is no IPv6 address; write it like fd00:77::1", text);
}

static int set_ipv6(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_ipv6 v = {.bits = 0};
    char address[64], *end = NULL;
    size_t n = strcspn(argv[0], "/");
    unsigned long bits = argv[0][n] ? strtoul(argv[0] + n + 1, &end, 10) : 0;
    if (n >= sizeof address || !end || *end || end == argv[0] + n + 1 || bits < 1 || bits > 128)
        return conf_error(p, "%.64s has no prefix length from 1 to 128; write ADDRESS/BITS", argv[0]);
    snprintf(address, sizeof address, "%.*s", (int)n, argv[0]);
    int rc = take_ipv6(p, address, v.ip);
    if (rc == 0 && argc > 1)
        rc = take_ipv6(p, argv[1], v.remote);
    if (rc != 0)
        return rc;
    v.bits = (uint8_t)bits;
    v.has_remote = argc > 1;
    *(struct dbr_conf_ipv6 *)member = v;
    return 0;
}

static void show_ipv6(struct show *s, const void *member)
{
    const struct dbr_conf_ipv6 *v = member;
    char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
    if (!v->bits)
        return;
    inet_ntop(AF_INET6, v->ip, ip, sizeof ip);
    snprintf(text, sizeof text, "%s/%u", ip, v->bits);
    conf_show_begin(s);
    conf_show_word(s, text);
    if (v->has_remote)
        conf_show_word(s, inet_ntop(AF_INET6, v->remote, ip, sizeof ip));
    conf_show_end(s);
}

static int set_server(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_server v = {0};
    int index = -1;
    int rc = conf_take_ipv4(p, argv[0], &v.network);
    if (rc == 0)
        rc = conf_take_netmask(p, argv[1], &v.netmask);
    if (rc == 0 && argc > 2)
        rc = conf_take_choice(p, argv[2], "nopool", &index);
    if (rc != 0)
        return rc;
    v.nopool = index == 0;
    if (v.network & ~v.netmask)
        return conf_error(p, "%.64s has bits outside %.64s; give the network's address", argv[0], argv[1]);
    if (v.netmask < 0xffff0000 || v.netmask > 0xfffffff8)
        return conf_error(p,
                          "the net must have from 8 to 65536 addresses; give a netmask from 255.255.0.0 to "
                          "255.255.255.248");
    *(struct dbr_conf_server *)member = v;
    return 0;
}

static void show_server(struct show *s, const void *member)
{
    const struct dbr_conf_server *v = member;
    if (v->netmask == 0)
        return;
    show_ips(s, (const uint32_t[]){v->network, v->netmask}, 2);
    if (v->nopool)
        conf_show_word(s, "nopool");
    conf_show_end(s);
}

static int take_full_bridge(struct parse *p, struct dbr_conf_server_bridge *v, char *const *argv)
{
    int rc = conf_take_ipv4(p, argv[0], &v->gateway);
    if (rc == 0)
        rc = conf_take_netmask(p, argv[1], &v->netmask);
    if (rc == 0)
        rc = conf_take_ipv4(p, argv[2], &v->pool_start);
    if (rc == 0)
        rc = conf_take_ipv4(p, argv[3], &v->pool_end);
    if (rc == 0)
        rc = check_range(p, v->pool_start, v->pool_end);
    if (rc != 0)
        return rc;
    if (((v->pool_start ^ v->gateway) & v->netmask) || ((v->pool_end ^ v->gateway) & v->netmask))
        return conf_error(p, "gateway and pool are in different nets; check them against the netmask");
    if (v->gateway >= v->pool_start && v->gateway <= v->pool_end)
        return conf_error(p, "the gateway's address is in the pool; leave it out");
    return 0;
}

static int set_server_bridge(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_server_bridge v = {.shape = DBR_SERVER_BRIDGE_DHCP};
    int rc = 0;
    if (argc == 1 && strcmp(argv[0], "nogw") == 0)
        v.shape = DBR_SERVER_BRIDGE_NOGW;
    else if (argc == 4)
        v.shape = DBR_SERVER_BRIDGE_FULL;
    else if (argc != 0 && !(argc == 1 && !*argv[0])) /* OPNsense may write an empty value */
        return conf_error(
            p, "takes four addresses, nogw or nothing; write: server-bridge GATEWAY NETMASK POOL_START "
               "POOL_END");
    if (v.shape == DBR_SERVER_BRIDGE_FULL)
        rc = take_full_bridge(p, &v, argv);
    if (rc == 0)
        *(struct dbr_conf_server_bridge *)member = v;
    return rc;
}

static void show_server_bridge(struct show *s, const void *member)
{
    const struct dbr_conf_server_bridge *v = member;
    if (v->shape == DBR_SERVER_BRIDGE_NONE)
        return;
    show_ips(s, (const uint32_t[]){v->gateway, v->netmask, v->pool_start, v->pool_end},
             v->shape == DBR_SERVER_BRIDGE_FULL ? 4 : 0);
    if (v->shape == DBR_SERVER_BRIDGE_NOGW)
        conf_show_word(s, "nogw");
    conf_show_end(s);
}

/* ---- where to listen and to call ---- */

static const char *const proto_names[] = {"udp", "udp4", "udp6"};

/* HOST [PORT [PROTO]]; proto may come back as PROTO_TCP. */
static int take_end(struct parse *p, size_t argc, char *const *argv, int *port, int *proto)
{
    *port = 0;
    *proto = -1;
    if (!*argv[0])
        return conf_error(p, "the host is empty; give a name or an address");
    int rc = argc > 1 ? conf_take_port(p, argv[1], port) : 0;
    return rc == 0 && argc > 2 ? conf_take_proto(p, argv[2], proto) : rc;
}

static int set_remote(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_remotes *list = member;
    int port, proto;
    int rc = take_end(p, argc, argv, &port, &proto);
    if (rc != 0)
        return rc;
    if (proto == PROTO_TCP) {
        p->tcp = true;
        if (p->reading != READ_CONNECTION)
            conf_warn(p, "%.64s by TCP is left out: not built yet; use udp", argv[0]);
        return 0;
    }
    if (list->n >= CONF_REMOTES_MAX)
        return conf_error(p, "too many servers; %d at most", CONF_REMOTES_MAX);
    char *host = conf_keep(p, argv[0]);
    struct dbr_conf_remote *r = host ? conf_array_grow(p, (void **)&list->v, &list->n, sizeof *r) : NULL;
    if (!r) {
        free(host);
        return DBR_ERR_NOMEM;
    }
    *r = (struct dbr_conf_remote){.host = host,
                                  .port = port,
                                  .proto = proto,
                                  .lport = -1,
                                  .nobind = -1,
                                  .float_ = -1,
                                  .connect_timeout = -1,
                                  .explicit_exit_notify = -1,
                                  .bind = -1,
                                  .line = p->line};
    return 0;
}

/* otherwise: the port that counts where none was given; written only in front of a protocol */
static void show_end_point(struct show *s, const char *host, int port, int otherwise, int proto)
{
    conf_show_begin(s);
    conf_show_word(s, host);
    if (port || proto >= 0)
        conf_show_format(s, " %d", port ? port : otherwise);
    if (proto >= 0)
        conf_show_word(s, proto_names[proto]);
    conf_show_end(s);
}

static void show_remotes(struct show *s, const void *member)
{
    const struct dbr_conf_remotes *list = member;
    for (size_t i = 0; i < list->n; i++) {
        const struct dbr_conf_remote *r = &list->v[i];
        show_end_point(s, r->host, r->port, s->cfg->rport, r->proto);
    }
}

static void drop_remotes(void *member)
{
    struct dbr_conf_remotes *list = member;
    for (size_t i = 0; i < list->n; i++) {
        free(list->v[i].host);
        free(list->v[i].local);
    }
    free(list->v);
    *list = (struct dbr_conf_remotes){0};
}

static int set_local(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_locals *list = member;
    int port, proto;
    int rc = take_end(p, argc, argv, &port, &proto);
    if (rc != 0)
        return rc;
    if (proto == PROTO_TCP)
        return conf_error(p, "TCP is not built yet; use udp");
    char *host = conf_keep(p, argv[0]);
    struct dbr_conf_local *l = host ? conf_array_grow(p, (void **)&list->v, &list->n, sizeof *l) : NULL;
    if (!l) {
        free(host);
        return DBR_ERR_NOMEM;
    }
    *l = (struct dbr_conf_local){host, port, proto};
    return 0;
}

static void show_locals(struct show *s, const void *member)
{
    const struct dbr_conf_locals *list = member;
    for (size_t i = 0; i < list->n; i++)
        show_end_point(s, list->v[i].host, list->v[i].port, s->cfg->lport, list->v[i].proto);
}

static void drop_locals(void *member)
{
    struct dbr_conf_locals *list = member;
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i].host);
    free(list->v);
    *list = (struct dbr_conf_locals){0};
}

/* `bind` and `local` of a block. */
static void take_binding(struct dbr_conf_remote *r, struct dbr_config *block)
{
    if (block->bind.on)
        r->bind =
            block->bind.name && strcmp(block->bind.name, "ipv6only") == 0 ? DBR_BIND_V6ONLY : DBR_BIND_YES;
    if (!block->local.n)
        return;
    r->local = block->local.v[0].host;
    r->local_port = block->local.v[0].port;
    block->local.v[0].host = NULL;
}

static int check_binding(struct parse *p, const struct dbr_config *block)
{
    if (block->local.n > 1)
        return conf_error(p, "a call has one own address; leave one `local` in the block");
    if (block->nobind && (block->bind.on || DBR_IS_SET(block, lport)))
        return conf_error(p, "nobind does not go with %s in the same block; remove one of them",
                          block->bind.on ? "bind" : "lport");
    return 0;
}

/* What OpenVPN has for each server by itself, and we for all of them. */
static void warn_of_the_rest(struct parse *p, const struct dbr_config *block)
{
    static const enum dbr_directive rest[] = {DBR_D_mssfix, DBR_D_inner_mtu, DBR_D_connect_retry};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        if (block->set[rest[i]].line)
            conf_warn(p,
                      "`%s` has no effect inside a block; write it outside, where it counts for all servers",
                      table_rows[rest[i]].info.keyword);
}

/* What a block said, over what it did not: the one remote of `block` goes to `cfg`. */
static int take_connection(struct parse *p, struct dbr_config *block)
{
    if (block->remote.n != 1)
        return conf_error(p, "a block needs one remote; write: remote HOST [PORT]");
    int rc = check_binding(p, block);
    if (rc != 0)
        return rc;
    struct dbr_conf_remotes *list = &p->cfg->remote;
    if (list->n >= CONF_REMOTES_MAX)
        return conf_error(p, "too many servers; %d at most", CONF_REMOTES_MAX);
    struct dbr_conf_remote *r = conf_array_grow(p, (void **)&list->v, &list->n, sizeof *r);
    if (!r)
        return DBR_ERR_NOMEM;
    *r = block->remote.v[0];
    block->remote.v[0].host = NULL;
#define OVER(field, id)                                                                                      \
    if (DBR_IS_SET(block, id))                                                                               \
        r->field = (int)block->id;
    OVER(lport, lport)
    OVER(nobind, nobind)
    OVER(float_, float_)
    OVER(connect_timeout, server_poll_timeout)
    OVER(explicit_exit_notify, explicit_exit_notify)
#undef OVER
    take_binding(r, block);
    warn_of_the_rest(p, block);
    if (r->proto < 0 && DBR_IS_SET(block, proto))
        r->proto = block->proto;
    if (r->port == 0 && (DBR_IS_SET(block, rport) || DBR_IS_SET(block, port)))
        r->port = DBR_IS_SET(block, rport) ? block->rport : block->port;
    p->cfg->set[DBR_D_remote] = (struct dbr_conf_where){p->line, p->file_index};
    return 0;
}

/* <connection>: its lines are read into a configuration of their own. */
static int set_connection(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)argc, (void)argv;
    if (!p->block)
        return conf_error(p, "is a block; write <connection>, its lines, </connection>");
    *(bool *)member = true;
    struct parse inner = *p;
    struct dbr_config *block = malloc(sizeof *block);
    if (!block || dbr_config_init(block) != 0) {
        free(block);
        p->nomem = true;
        return DBR_ERR_NOMEM;
    }
    inner.cfg = block;
    inner.reading = READ_CONNECTION;
    inner.block = NULL;
    inner.tcp = false;
    int rc = conf_text(&inner, p->block, p->block_len, p->line);
    if (inner.errors != p->errors)
        rc = DBR_ERR_CONFIG;
    p->errors = inner.errors;
    p->nomem = inner.nomem;
    if (inner.tcp)
        conf_warn(p, "this block by TCP is left out: not built yet; use udp");
    else if (rc == 0)
        rc = take_connection(p, block);
    dbr_config_free(block);
    free(block);
    return rc;
}

/* ---- Ethernet ---- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_mac(const char *c, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++, c += 3) {
        int high = hex_digit(c[0]), low = high < 0 ? -1 : hex_digit(c[1]);
        if (low < 0 || c[2] != (i < 5 ? ':' : 0))
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int set_mac(struct parse *p, void *member, size_t argc, char *const *argv)
{
    static const uint8_t zero[6];
    struct dbr_conf_mac v = {.given = true};
    (void)argc;
    if (!read_mac(argv[0], v.b))
        return conf_error(p, "'%.64s' is no MAC address; write it like 02:00:00:00:00:01", argv[0]);
    if (v.b[0] & 1)
        return conf_error(p, "%.64s is a group address; the first byte must be even", argv[0]);
    if (memcmp(v.b, zero, 6) == 0)
        return conf_error(p, "the zero address is nobody's; write one like 02:00:00:00:00:01");
    *(struct dbr_conf_mac *)member = v;
    return 0;
}

static void show_mac(struct show *s, const void *member)
{
    const struct dbr_conf_mac *v = member;
    if (!v->given)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %02x:%02x:%02x:%02x:%02x:%02x", v->b[0], v->b[1], v->b[2], v->b[3], v->b[4],
                     v->b[5]);
    conf_show_end(s);
}

static void drop_bridge(void *member)
{
    struct dbr_conf_bridge *v = member;
    conf_drop_string(&v->name);
    conf_list_free(&v->ifs);
}

static int set_bridge(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_bridge v = {0};
    int rc = conf_take_ifname(p, argv[0]);
    if (rc == 0)
        rc = conf_take_string(p, &v.name, argv[0]);
    for (size_t i = 1; i < argc && rc == 0; i++) {
        rc = conf_take_ifname(p, argv[i]);
        if (rc == 0 && strcmp(argv[i], argv[0]) == 0)
            rc = conf_error(p, "%s cannot be a port of itself; name the LAN's interface", argv[0]);
        if (rc == 0)
            rc = conf_list_add(p, &v.ifs, conf_keep(p, argv[i]));
    }
    drop_bridge(rc == 0 ? member : &v);
    if (rc == 0)
        *(struct dbr_conf_bridge *)member = v;
    return rc;
}

static void show_bridge(struct show *s, const void *member)
{
    const struct dbr_conf_bridge *v = member;
    if (!v->name)
        return;
    conf_show_begin(s);
    conf_show_word(s, v->name);
    for (size_t i = 0; i < v->ifs.n; i++)
        conf_show_word(s, v->ifs.v[i]);
    conf_show_end(s);
}

/* bit/s with k, M or G behind the number. */
static int take_rate(struct parse *p, const char *word, uint64_t *out)
{
    static const struct {
        char letter;
        uint64_t factor;
    } units[] = {{'k', 1000}, {'M', 1000000}, {'G', 1000000000}};
    size_t n = strlen(word);
    char digits[24];
    uint64_t factor = 1;
    for (size_t i = 0; i < 3; i++)
        if (n && word[n - 1] == units[i].letter)
            factor = units[i].factor;
    n -= factor > 1;
    if (n >= sizeof digits)
        return conf_error(p, "%.64s is out of range; 0 is no limit", word);
    snprintf(digits, sizeof digits, "%.*s", (int)n, word);
    int64_t v;
    int rc = conf_take_number(p, digits, &v);
    if (rc == 0 && (uint64_t)v > INT64_MAX / factor)
        return conf_error(p, "%.64s is out of range; 0 is no limit", word);
    if (rc == 0)
        *out = (uint64_t)v * factor;
    return rc;
}

static int set_rate(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_rate v;
    (void)argc;
    int rc = take_rate(p, argv[0], &v.up);
    if (rc == 0)
        rc = take_rate(p, argv[1], &v.down);
    if (rc == 0)
        *(struct dbr_conf_rate *)member = v;
    return rc;
}

static void show_rate(struct show *s, const void *member)
{
    const struct dbr_conf_rate *v = member;
    if (!DBR_IS_SET(s->cfg, rate))
        return;
    conf_show_begin(s);
    conf_show_format(s, " %llu %llu", (unsigned long long)v->up, (unsigned long long)v->down);
    conf_show_end(s);
}

/* ---- metrics, management ---- */

/* ADDRESS:PORT or [ADDRESS]:PORT */
static int set_endpoint(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_endpoint *end = member;
    const char *colon = strrchr(argv[0], ':'), *host = argv[0];
    int port;
    (void)argc;
    if (!colon || colon == host)
        return conf_error(p, "'%.64s' has no address or no port; write it like 127.0.0.1:9176", argv[0]);
    size_t n = (size_t)(colon - host);
    int rc = conf_take_port(p, colon + 1, &port);
    if (rc != 0)
        return rc;
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    } else if (memchr(host, ':', n) || host[0] == '[') {
        return conf_error(p, "an IPv6 address needs brackets; write it like [::1]:9176");
    }
    char *copy = conf_keep_bytes(p, host, n);
    if (!copy)
        return DBR_ERR_NOMEM;
    free(end->host);
    *end = (struct dbr_conf_endpoint){copy, port};
    return 0;
}

static void show_endpoint(struct show *s, const void *member)
{
    const struct dbr_conf_endpoint *end = member;
    if (!end->host)
        return;
    conf_show_begin(s);
    conf_show_format(s, strchr(end->host, ':') ? " [%s]:%d" : " %s:%d", end->host, end->port);
    conf_show_end(s);
}

static void drop_endpoint(void *member)
{
    conf_drop_string(&((struct dbr_conf_endpoint *)member)->host);
}

static void drop_management(void *member)
{
    struct dbr_conf_management *v = member;
    conf_drop_string(&v->address);
    conf_drop_string(&v->password_file);
    v->port = 0;
}

static int set_management(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_management v = {0};
    bool is_path = strcmp(argv[1], "unix") == 0;
    int rc = is_path ? 0 : conf_take_port(p, argv[1], &v.port);
    if (rc == 0 && (strcmp(argv[0], "tunnel") == 0 || (argc > 2 && strcmp(argv[2], "stdin") == 0)))
        rc =
            conf_error(p, "%s is not built; give an address in numbers or a socket path, and a password file",
                       argc > 2 ? "a password from stdin" : "`tunnel`");
    if (rc == 0)
        rc = conf_take_string(p, &v.address,
                              !is_path && !strcmp(argv[0], "localhost") ? "127.0.0.1" : argv[0]);
    if (rc == 0 && argc > 2)
        rc = conf_take_string(p, &v.password_file, argv[2]);
    drop_management(rc == 0 ? member : &v);
    if (rc == 0)
        *(struct dbr_conf_management *)member = v;
    return rc;
}

static void show_management(struct show *s, const void *member)
{
    const struct dbr_conf_management *v = member;
    if (!v->address)
        return;
    conf_show_begin(s);
    conf_show_word(s, v->address);
    if (v->port)
        conf_show_format(s, " %d", v->port);
    else
        conf_show_word(s, "unix");
    if (v->password_file)
        conf_show_word(s, v->password_file);
    conf_show_end(s);
}

/* ---- the table ---- */

const struct shape conf_places[SHAPE_COUNT] = {
    [SHAPE_SERVER] = {set_server, show_server, NULL},
    [SHAPE_SERVER_BRIDGE] = {set_server_bridge, show_server_bridge, NULL},
    [SHAPE_IFCONFIG] = {set_ifconfig, show_ifconfig, NULL},
    [SHAPE_POOL] = {set_pool, show_pool, NULL},
    [SHAPE_IPV6] = {set_ipv6, show_ipv6, NULL},
    [SHAPE_REMOTES] = {set_remote, show_remotes, drop_remotes},
    [SHAPE_CONNECTION] = {set_connection, NULL, NULL},
    [SHAPE_LOCALS] = {set_local, show_locals, drop_locals},
    [SHAPE_MAC] = {set_mac, show_mac, NULL},
    [SHAPE_BRIDGE] = {set_bridge, show_bridge, drop_bridge},
    [SHAPE_RATE] = {set_rate, show_rate, NULL},
    [SHAPE_ENDPOINT] = {set_endpoint, show_endpoint, drop_endpoint},
    [SHAPE_MANAGEMENT] = {set_management, show_management, drop_management},
};
