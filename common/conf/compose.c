/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shapes with a struct of their own: each a setter, a line of the dump and, where it owns memory, a free.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "conf/shape.h"

static void free_string(char **s)
{
    free(*s);
    *s = NULL;
}

/* ---- compression framing
 * ------------------------------------------------------------------------------------- */

/* Words of comp-lzo and compress. lz4 would have to be decoded, and that is not built. */
static const struct {
    enum dbr_directive which;
    const char *word;
    int comp; /* -1: not built */
} comps[] = {
    {DBR_D_comp_lzo, "yes", DBR_COMP_LZO},
    {DBR_D_comp_lzo, "no", DBR_COMP_LZO},
    {DBR_D_comp_lzo, "adaptive", DBR_COMP_LZO},
    {DBR_D_compress, "lzo", DBR_COMP_LZO},
    {DBR_D_compress, "stub", DBR_COMP_STUB},
    {DBR_D_compress, "stub-v2", DBR_COMP_STUB_V2},
    {DBR_D_compress, "", DBR_COMP_STUB},
    {DBR_D_compress, "migrate", DBR_COMP_MIGRATE},
    {DBR_D_comp_lzo, "", DBR_COMP_LZO},
    {DBR_D_compress, "lz4", -1},
    {DBR_D_compress, "lz4-v2", -1},
    {DBR_D_compress, "snappy", -1},
};

static int set_comp(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const char *word = argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof comps / sizeof comps[0]; i++) {
        if (comps[i].which != p->which || strcmp(comps[i].word, word) != 0)
            continue;
        if (comps[i].comp < 0)
            return conf_error(p, "%s is not built; use `compress migrate`, or remove it on both ends", word);
        *(int *)member = comps[i].comp;
        return 0;
    }
    return conf_error(p, "'%.64s' is not one of its words; remove it on both ends", word);
}

static void show_comp(struct show *s, const void *member)
{
    static const char *const words[] = {NULL, "lzo", "stub", "stub-v2", "migrate"};
    int comp = *(const int *)member;
    if (comp == DBR_COMP_NONE)
        return;
    conf_show_begin(s);
    conf_show_word(s, &s->cfg->comp_lzo == member ? "no" : words[comp]);
    conf_show_end(s);
}

static int set_allow_comp(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int index = 0;
    int rc = argc ? conf_take_choice(p, argv[0], "asym|no|yes", &index) : 0;
    if (rc != 0)
        return rc;
    if (index == 2)
        conf_warn(p, "frames are never compressed (VORACLE); yes is taken as asym");
    *(int *)member = index == 1 ? DBR_ALLOW_COMP_NO : DBR_ALLOW_COMP_ASYM;
    return 0;
}

static void show_allow_comp(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_word(s, *(const int *)member == DBR_ALLOW_COMP_NO ? "no" : "asym");
    conf_show_end(s);
}

/* ---- numbers with a second value
 * ----------------------------------------------------------------------------- */

static int set_tls_version(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const char *v = argv[0];
    bool known = v[0] == '1' && v[1] == '.' && v[2] >= '0' && v[2] <= '3' && !v[3];
    int index;
    if (argc > 1 && conf_take_choice(p, argv[1], "or-highest", &index) != 0)
        return DBR_ERR_CONFIG;
    if (!known && argc < 2)
        return conf_error(p, "'%.64s' is no TLS version; give 1.2 or 1.3", v);
    *(int *)member = known ? DBR_TLS_1_0 + (v[2] - '0') : DBR_TLS_1_3;
    return 0;
}

static void show_tls_version(struct show *s, const void *member)
{
    int v = *(const int *)member;
    if (!v)
        return;
    conf_show_begin(s);
    conf_show_format(s, " 1.%d", v - DBR_TLS_1_0);
    conf_show_end(s);
}

/* reneg-sec MAX [MIN]: finish() fills in a MIN that was not given. */
static int set_reneg_sec(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int max, min = -1;
    int rc = conf_take_int(p, argv[0], &max);
    if (rc == 0 && argc > 1)
        rc = conf_take_int(p, argv[1], &min);
    if (rc == 0 && min > max)
        return conf_error(p, "%d to %d is no range; write the longer time first", max, min);
    if (rc != 0)
        return rc;
    *(int *)member = max;
    p->cfg->reneg_sec_min = min;
    return 0;
}

static void show_reneg_sec(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_format(s, " %d", *(const int *)member);
    if (s->cfg->reneg_sec_min >= 0)
        conf_show_format(s, " %d", s->cfg->reneg_sec_min);
    conf_show_end(s);
}

static int set_inactive(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int secs;
    int64_t bytes = 0;
    int rc = conf_take_int(p, argv[0], &secs);
    if (rc == 0 && argc > 1)
        rc = conf_take_number(p, argv[1], &bytes);
    if (rc != 0)
        return rc;
    *(int *)member = secs;
    p->cfg->inactive_bytes = (uint64_t)bytes;
    return 0;
}

static void show_inactive(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_format(s, " %d", *(const int *)member);
    if (s->cfg->inactive_bytes)
        conf_show_format(s, " %llu", (unsigned long long)s->cfg->inactive_bytes);
    conf_show_end(s);
}

static int set_tun_mtu(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int mtu, occ = 0;
    int rc = conf_take_int(p, argv[0], &mtu);
    if (rc == 0 && argc > 1)
        rc = conf_take_int(p, argv[1], &occ);
    if (rc != 0)
        return rc;
    *(int *)member = mtu;
    p->cfg->occ_mtu = occ;
    return 0;
}

static void show_tun_mtu(struct show *s, const void *member)
{
    conf_show_begin(s);
    conf_show_format(s, " %d", *(const int *)member);
    if (s->cfg->occ_mtu)
        conf_show_format(s, " %d", s->cfg->occ_mtu);
    conf_show_end(s);
}

/* The second number keeps its default where it is not given. */
static int set_count(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_count *count = member, v = *count;
    int rc = conf_take_int(p, argv[0], &v.n);
    if (rc == 0 && argc > 1)
        rc = conf_take_int(p, argv[1], &v.secs);
    if (rc == 0)
        *count = v;
    return rc;
}

static void show_count(struct show *s, const void *member)
{
    const struct dbr_conf_count *count = member;
    if (count->n == 0 && count->secs == 0 && s->cfg->set[s->row - table_rows].line == 0)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %d %d", count->n, count->secs);
    conf_show_end(s);
}

static int set_keepalive(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_keepalive v;
    (void)argc;
    int rc = conf_take_int(p, argv[0], &v.ping);
    if (rc == 0)
        rc = conf_take_int(p, argv[1], &v.restart);
    if (rc != 0)
        return rc;
    if (v.restart < 2 * (int64_t)v.ping)
        return conf_error(p,
                          "the restart time must be at least twice the ping time; write: keepalive %d %lld",
                          v.ping, 6LL * v.ping);
    *(struct dbr_conf_keepalive *)member = v;
    return 0;
}

static void show_keepalive(struct show *s, const void *member)
{
    const struct dbr_conf_keepalive *v = member;
    if (v->ping == 0)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %d %d", v->ping, v->restart);
    conf_show_end(s);
}

/* ---- scripts' environment, pushed options, key usage
 * ---------------------------------------------------------- */

static int set_setenv(struct parse *p, void *member, size_t argc, char *const *argv)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (!*argv[0] || argv[0][strspn(argv[0], letters)] || (argv[0][0] >= '0' && argv[0][0] <= '9'))
        return conf_error(p, "'%.64s' is no name of a variable; use letters, digits and '_'", argv[0]);
    if (argc > 1 && strcmp(argv[0], "FORWARD_COMPATIBLE") == 0 && strcmp(argv[1], "1") == 0)
        p->cfg->forward_compatible = true;
    return conf_list_add(p, member, conf_join(p, argc, argv));
}

static void show_setenv(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    for (size_t i = 0; i < list->n; i++) {
        const char *space = strchr(list->v[i], ' ');
        conf_show_begin(s);
        conf_show_format(s, " %.*s", (int)strcspn(list->v[i], " "), list->v[i]);
        if (space)
            conf_show_word(s, "[hidden]");
        conf_show_end(s);
    }
}

/* What clients would not take is worth a warning: it is a mistake, or for programs we do not know. */
static void warn_if_not_pushable(struct parse *p, const char *option)
{
    char keyword[64];
    snprintf(keyword, sizeof keyword, "%.*s", (int)strcspn(option, " \t"), option);
    int which = dbr_directive_find(keyword);
    if (which >= 0 && !table_in_scope(&table_rows[which], 'p'))
        conf_warn(p, "clients do not take %s from a server; put it into their file", keyword);
}

static int set_push(struct parse *p, void *member, size_t argc, char *const *argv)
{
    const char *option = argv[0];
    (void)argc;
    if (!option[strspn(option, " \t")])
        return conf_error(p, "empty; write: push \"OPTION\"");
    if (strchr(option, ','))
        return conf_error(p, "a comma would cut the option in two; write one push per option");
    if (strlen(option) > 255)
        return conf_error(p, "longer than the 255 bytes that clients take; shorten it");
    for (const unsigned char *c = (const unsigned char *)option; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return conf_error(p, "control characters may not be pushed; remove them");
    warn_if_not_pushable(p, option);
    return conf_list_add(p, member, conf_keep(p, option));
}

static void show_push(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    for (size_t i = 0; i < list->n; i++) {
        conf_show_begin(s);
        conf_show_word(s, list->v[i]);
        conf_show_end(s);
    }
}

static void drop_list(void *member)
{
    conf_list_free(member);
}

/* The last line counts: a second one may not widen the first. Without a value: some key usage must be there.
 */
static int set_key_usage(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_list list = {0};
    int rc = 0;
    for (size_t i = 0; i < argc && rc == 0; i++) {
        size_t n = strlen(argv[i]);
        if (n < 1 || n > 4 || argv[i][strspn(argv[i], "0123456789abcdefABCDEF")])
            rc = conf_error(p, "'%.64s' is no key usage; write it in hexadecimal, like a0", argv[i]);
        else
            rc = conf_list_add(p, &list, conf_keep(p, argv[i]));
    }
    if (rc != 0) {
        conf_list_free(&list);
        return rc;
    }
    conf_list_free(member);
    *(struct dbr_conf_list *)member = list;
    return 0;
}

static void show_key_usage(struct show *s, const void *member)
{
    const struct dbr_conf_list *list = member;
    if (!DBR_IS_SET(s->cfg, remote_cert_ku))
        return;
    conf_show_begin(s);
    for (size_t i = 0; i < list->n; i++)
        conf_show_word(s, list->v[i]);
    conf_show_end(s);
}

/* ---- IPv4 addresses and pools
 * -------------------------------------------------------------------------------- */

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

/* ---- where to listen and to call
 * ----------------------------------------------------------------------------- */

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

/* ---- mssfix
 * -------------------------------------------------------------------------------------------------- */

static int set_mssfix(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_mssfix v = {DBR_MSSFIX_DEFAULT, 1492};
    int index = -1;
    int rc = argc ? conf_take_int(p, argv[0], &v.size) : 0;
    if (rc == 0 && argc > 1)
        rc = conf_take_choice(p, argv[1], "mtu|fixed", &index);
    if (rc != 0)
        return rc;
    if (argc && v.size != 0 && v.size < 68)
        return conf_error(p, "%d bytes are too few; give at least 68, or 0 for off", v.size);
    if (argc)
        v.kind = v.size == 0  ? DBR_MSSFIX_OFF
                 : index == 0 ? DBR_MSSFIX_MTU
                 : index == 1 ? DBR_MSSFIX_FIXED
                              : DBR_MSSFIX_UDP;
    *(struct dbr_conf_mssfix *)member = v;
    return 0;
}

static void show_mssfix(struct show *s, const void *member)
{
    static const char *const kinds[] = {" mtu", "", "", " mtu", " fixed"};
    const struct dbr_conf_mssfix *v = member;
    conf_show_begin(s);
    conf_show_format(s, " %d%s", v->size, kinds[v->kind]);
    conf_show_end(s);
}

static int set_inner_mtu(struct parse *p, void *member, size_t argc, char *const *argv)
{
    (void)argc;
    if (strcmp(argv[0], "auto") == 0) {
        *(int *)member = DBR_INNER_MTU_AUTO;
        return 0;
    }
    if (strcmp(argv[0], "off") == 0) {
        *(int *)member = DBR_INNER_MTU_OFF;
        return 0;
    }
    return conf_take_int(p, argv[0], member);
}

static void show_inner_mtu(struct show *s, const void *member)
{
    int v = *(const int *)member;
    conf_show_begin(s);
    if (v == DBR_INNER_MTU_AUTO || v == DBR_INNER_MTU_OFF)
        conf_show_format(s, " %s", v == DBR_INNER_MTU_OFF ? "off" : "auto");
    else
        conf_show_format(s, " %d", v);
    conf_show_end(s);
}

/* ---- a string and a value
 * ------------------------------------------------------------------------------------ */

/* As a default there are only the SECONDS. */
static int set_file(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_file *file = member;
    if (p->reading == READ_DEFAULTS)
        return conf_take_int(p, argv[0], &file->secs);
    if (!*argv[0])
        return conf_error(p, "empty; write: %s %s", conf_row(p)->info.keyword, conf_row(p)->info.args);
    int secs = file->secs;
    int rc = argc > 1 ? conf_take_int(p, argv[1], &secs) : 0;
    if (rc == 0)
        rc = conf_take_string(p, &file->path, argv[0]);
    if (rc == 0)
        file->secs = secs;
    return rc;
}

static void show_file(struct show *s, const void *member)
{
    const struct dbr_conf_file *file = member;
    if (!file->path)
        return;
    conf_show_begin(s);
    conf_show_word(s, file->path);
    conf_show_format(s, " %d", file->secs);
    conf_show_end(s);
}

static void drop_file(void *member)
{
    free_string(&((struct dbr_conf_file *)member)->path);
}

static int set_option(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_option *v = member;
    int rc = argc ? conf_take_string(p, &v->name, argv[0]) : 0;
    if (rc == 0)
        v->on = true;
    return rc;
}

static void show_option(struct show *s, const void *member)
{
    const struct dbr_conf_option *v = member;
    if (!v->on)
        return;
    conf_show_begin(s);
    if (v->name)
        conf_show_word(s, v->name);
    conf_show_end(s);
}

static void drop_option(void *member)
{
    struct dbr_conf_option *v = member;
    free_string(&v->name);
    v->on = false;
}

static const char x509_types[] = "subject|name|name-prefix";

static int set_x509_name(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_x509_name *v = member;
    int type = DBR_X509_NAME_SUBJECT;
    if (!*argv[0])
        return conf_error(p, "empty; every certificate would fit, give the name");
    int rc = argc > 1 ? conf_take_choice(p, argv[1], x509_types, &type) : 0;
    if (rc == 0)
        rc = conf_take_string(p, &v->name, argv[0]);
    if (rc == 0)
        v->type = (enum dbr_x509_name)type;
    return rc;
}

static void show_x509_name(struct show *s, const void *member)
{
    static const char *const types[] = {"subject", "name", "name-prefix"};
    const struct dbr_conf_x509_name *v = member;
    if (!v->name)
        return;
    conf_show_begin(s);
    conf_show_word(s, v->name);
    conf_show_word(s, types[v->type]);
    conf_show_end(s);
}

static void drop_x509_name(void *member)
{
    free_string(&((struct dbr_conf_x509_name *)member)->name);
}

static const char *const pull_actions[] = {"accept", "ignore", "reject"};

static int set_filter(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_filters *list = member;
    int action;
    (void)argc;
    int rc = conf_take_choice(p, argv[0], "accept|ignore|reject", &action);
    if (rc != 0)
        return rc;
    char *text = conf_keep(p, argv[1]);
    struct dbr_conf_filter *f = text ? conf_array_grow(p, (void **)&list->v, &list->n, sizeof *f) : NULL;
    if (!f) {
        free(text);
        return DBR_ERR_NOMEM;
    }
    *f = (struct dbr_conf_filter){(enum dbr_pull_action)action, text};
    return 0;
}

static void show_filters(struct show *s, const void *member)
{
    const struct dbr_conf_filters *list = member;
    for (size_t i = 0; i < list->n; i++) {
        conf_show_begin(s);
        conf_show_word(s, pull_actions[list->v[i].action]);
        conf_show_word(s, list->v[i].text);
        conf_show_end(s);
    }
}

static void drop_filters(void *member)
{
    struct dbr_conf_filters *list = member;
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i].text);
    free(list->v);
    *list = (struct dbr_conf_filters){0};
}

/* ---- Ethernet
 * ------------------------------------------------------------------------------------------------ */

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
    free_string(&v->name);
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
    snprintf(digits, sizeof digits, "%.*s", (int)(n < 20 ? n - (factor > 1) : 20), word);
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

/* ---- revocation and metrics
 * ---------------------------------------------------------------------------------- */

static int set_stale(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_stale v = {0};
    int mode;
    int rc = conf_take_choice(p, argv[0], "refuse|grace|keep", &mode);
    if (rc != 0)
        return rc;
    v.mode = (enum dbr_crl_stale)mode;
    if ((v.mode == DBR_CRL_STALE_GRACE) != (argc == 2))
        return conf_error(p, "only grace takes SECONDS, and it must; write: crl-stale grace 86400");
    rc = argc > 1 ? conf_take_int(p, argv[1], &v.secs) : 0;
    if (rc == 0)
        *(struct dbr_conf_stale *)member = v;
    return rc;
}

static void show_stale(struct show *s, const void *member)
{
    static const char *const modes[] = {"refuse", "grace", "keep"};
    const struct dbr_conf_stale *v = member;
    conf_show_begin(s);
    conf_show_word(s, modes[v->mode]);
    if (v->mode == DBR_CRL_STALE_GRACE)
        conf_show_format(s, " %d", v->secs);
    conf_show_end(s);
}

static void drop_ocsp(void *member)
{
    struct dbr_conf_ocsp *v = member;
    free_string(&v->url);
    *v = (struct dbr_conf_ocsp){0};
}

static int set_ocsp(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_ocsp v = {.on = true};
    int index = 0;
    bool aia = strcmp(argv[0], "aia") == 0;
    int rc = argc > 1 ? conf_take_choice(p, argv[1], "soft|hard", &index) : 0;
    if (rc == 0 && !aia && strncmp(argv[0], "http://", 7) != 0 && strncmp(argv[0], "https://", 8) != 0)
        rc = conf_error(p, "'%.64s' is no URL; write http://HOST/PATH or aia", argv[0]);
    if (rc == 0 && !aia)
        rc = conf_take_string(p, &v.url, argv[0]);
    if (rc != 0)
        return rc;
    v.hard = index == 1;
    drop_ocsp(member);
    *(struct dbr_conf_ocsp *)member = v;
    return 0;
}

static void show_ocsp(struct show *s, const void *member)
{
    const struct dbr_conf_ocsp *v = member;
    if (!v->on)
        return;
    conf_show_begin(s);
    conf_show_word(s, v->url ? v->url : "aia");
    conf_show_word(s, v->hard ? "hard" : "soft");
    conf_show_end(s);
}

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
    free_string(&((struct dbr_conf_endpoint *)member)->host);
}

/* ---- management
 * --------------------------------------------------------------------------------------------- */

static void drop_management(void *member)
{
    struct dbr_conf_management *v = member;
    free_string(&v->address);
    free_string(&v->password_file);
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

/* ---- the table
 * ----------------------------------------------------------------------------------------------- */

const struct shape conf_composites[SHAPE_COUNT] = {
    [SHAPE_COMP] = {set_comp, show_comp, NULL},
    [SHAPE_ALLOW_COMP] = {set_allow_comp, show_allow_comp, NULL},
    [SHAPE_TLS_VERSION] = {set_tls_version, show_tls_version, NULL},
    [SHAPE_RENEG_SEC] = {set_reneg_sec, show_reneg_sec, NULL},
    [SHAPE_INACTIVE] = {set_inactive, show_inactive, NULL},
    [SHAPE_TUN_MTU] = {set_tun_mtu, show_tun_mtu, NULL},
    [SHAPE_SETENV] = {set_setenv, show_setenv, drop_list},
    [SHAPE_PUSH] = {set_push, show_push, drop_list},
    [SHAPE_KEY_USAGE] = {set_key_usage, show_key_usage, drop_list},
    [SHAPE_SERVER] = {set_server, show_server, NULL},
    [SHAPE_SERVER_BRIDGE] = {set_server_bridge, show_server_bridge, NULL},
    [SHAPE_KEEPALIVE] = {set_keepalive, show_keepalive, NULL},
    [SHAPE_IFCONFIG] = {set_ifconfig, show_ifconfig, NULL},
    [SHAPE_POOL] = {set_pool, show_pool, NULL},
    [SHAPE_IPV6] = {set_ipv6, show_ipv6, NULL},
    [SHAPE_REMOTES] = {set_remote, show_remotes, drop_remotes},
    [SHAPE_CONNECTION] = {set_connection, NULL, NULL},
    [SHAPE_LOCALS] = {set_local, show_locals, drop_locals},
    [SHAPE_MSSFIX] = {set_mssfix, show_mssfix, NULL},
    [SHAPE_INNER_MTU] = {set_inner_mtu, show_inner_mtu, NULL},
    [SHAPE_PAIR] = {set_count, show_count, NULL},
    [SHAPE_FILE] = {set_file, show_file, drop_file},
    [SHAPE_OPTION] = {set_option, show_option, drop_option},
    [SHAPE_X509_NAME] = {set_x509_name, show_x509_name, drop_x509_name},
    [SHAPE_FILTERS] = {set_filter, show_filters, drop_filters},
    [SHAPE_MAC] = {set_mac, show_mac, NULL},
    [SHAPE_BRIDGE] = {set_bridge, show_bridge, drop_bridge},
    [SHAPE_RATE] = {set_rate, show_rate, NULL},
    [SHAPE_STALE] = {set_stale, show_stale, NULL},
    [SHAPE_OCSP] = {set_ocsp, show_ocsp, drop_ocsp},
    [SHAPE_ENDPOINT] = {set_endpoint, show_endpoint, drop_endpoint},
    [SHAPE_MANAGEMENT] = {set_management, show_management, drop_management},
};
