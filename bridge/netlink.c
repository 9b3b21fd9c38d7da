/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/netlink.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/wireless.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "bridge/eth.h"
#include "bridge/rt.h"

enum { DUMP_TRIES = 8 };

struct dbr_netlink {
    struct nl_sock *sock;
    struct nl_cb *cb;
    int ioctl_fd;
    /* the request under way */
    rt_visit *visit;
    void *arg;
    int result;
    bool done;
    uint32_t seq;
};

/* --- requests --- */

static int to_dbr_err(int kernel_errno)
{
    errno = kernel_errno;
    switch (kernel_errno) {
    case 0: return 0;
    case ENODEV:
    case ENOENT:
    case ESRCH:
    case EADDRNOTAVAIL: return DBR_ERR_NOTFOUND;
    case EEXIST: return DBR_ERR_EXISTS;
    case EINTR: return DBR_ERR_AGAIN;
    }
    return DBR_ERR_IO;
}

static int on_message(struct nl_msg *msg, void *arg)
{
    struct dbr_netlink *nl = arg;
    int err = nl->visit && !nl->result ? nl->visit(nl->arg, nlmsg_hdr(msg)) : 0;
    if (err < 0)
        nl->result = err;
    return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
    (void)msg;
    ((struct dbr_netlink *)arg)->done = true;
    return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
    (void)from;
    struct dbr_netlink *nl = arg;
    nl->result = to_dbr_err(-err->error);
    nl->done = true;
    return NL_STOP;
}

/* A late answer to a request that failed on our side must not be taken for this one's. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
    return nlmsg_hdr(msg)->nlmsg_seq == ((struct dbr_netlink *)arg)->seq ? NL_OK : NL_SKIP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
    (void)msg;
    ((struct dbr_netlink *)arg)->result = DBR_ERR_AGAIN;
    return NL_OK; /* read the rest of the dump, so that the socket is clean */
}

int rt_request(struct dbr_netlink *nl, struct nl_msg *msg, rt_visit *visit, void *arg)
{
    if (!msg)
        return DBR_ERR_NOMEM;
    nl->visit = visit;
    nl->arg = arg;
    nl->result = 0;
    nl->done = false;
    bool dump = (nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (!dump)
        nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
    nl_complete_msg(nl->sock, msg);
    nl->seq = nlmsg_hdr(msg)->nlmsg_seq;
    int sent = nl_send(nl->sock, msg);
    nlmsg_free(msg);
    if (sent < 0)
        return DBR_ERR_IO;
    while (!nl->done) {
        int got = nl_recvmsgs(nl->sock, nl->cb);
        if (got < 0 && got != -NLE_INTR && !nl->done)
            return DBR_ERR_IO;
    }
    return nl->result;
}

int rt_dump(struct dbr_netlink *nl, int type, int family, rt_visit *visit, void (*restart)(void *arg),
            void *arg)
{
    int err = DBR_ERR_AGAIN;
    for (int i = 0; err == DBR_ERR_AGAIN && i < DUMP_TRIES; i++) {
        union {
            struct ifinfomsg link;
            struct ifaddrmsg addr;
            struct rtmsg route;
            struct ndmsg neigh;
        } head = {0};
        head.addr.ifa_family = (uint8_t)family; /* the first byte of each of them */
        struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
        size_t len = type == RTM_GETLINK    ? sizeof head.link
                     : type == RTM_GETADDR  ? sizeof head.addr
                     : type == RTM_GETROUTE ? sizeof head.route
                                            : sizeof head.neigh;
        if (msg)
            nlmsg_append(msg, &head, len, NLMSG_ALIGNTO);
        if (restart)
            restart(arg);
        err = rt_request(nl, msg, visit, arg);
    }
    return err;
}

static bool set_callbacks(struct dbr_netlink *nl)
{
    nl->cb = nl_cb_alloc(NL_CB_DEFAULT);
    if (!nl->cb)
        return false;
    nl_cb_set(nl->cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, nl);
    nl_cb_set(nl->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, nl);
    nl_cb_set(nl->cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, nl);
    nl_cb_set(nl->cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, nl);
    nl_cb_set(nl->cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, nl);
    nl_cb_err(nl->cb, NL_CB_CUSTOM, on_error, nl);
    return true;
}

struct dbr_netlink *dbr_netlink_open(struct dbr_why *why)
{
    struct dbr_netlink *nl = calloc(1, sizeof *nl);
    if (!nl)
        return NULL;
    nl->ioctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    nl->sock = nl_socket_alloc();
    int err = nl->sock ? nl_connect(nl->sock, NETLINK_ROUTE) : -NLE_NOMEM;
    if (err < 0 || nl->ioctl_fd < 0 || !set_callbacks(nl)) {
        dbr_why(why, DBR_ERR_IO, "cannot open a netlink socket: %s", nl_geterror(err));
        dbr_netlink_close(nl);
        return NULL;
    }
    nl_socket_set_msg_buf_size(nl->sock, 65536);
    return nl;
}

void dbr_netlink_close(struct dbr_netlink *nl)
{
    if (!nl)
        return;
    if (nl->cb)
        nl_cb_put(nl->cb);
    if (nl->sock)
        nl_socket_free(nl->sock);
    if (nl->ioctl_fd >= 0)
        close(nl->ioctl_fd);
    free(nl);
}

/* --- links --- */

struct nl_msg *rt_link_msg(int type, int flags, int family, int ifindex)
{
    struct ifinfomsg head = {.ifi_family = (uint8_t)family, .ifi_index = ifindex};
    struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
    if (msg)
        nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO);
    return msg;
}

int rt_set_up(struct dbr_netlink *nl, int ifindex, bool up)
{
    struct nl_msg *msg = rt_link_msg(RTM_NEWLINK, 0, AF_UNSPEC, ifindex);
    if (msg) {
        struct ifinfomsg *head = nlmsg_data(nlmsg_hdr(msg));
        head->ifi_change = IFF_UP;
        head->ifi_flags = up ? IFF_UP : 0;
    }
    return rt_request(nl, msg, NULL, NULL);
}

int rt_set_u32(struct dbr_netlink *nl, int ifindex, int attr, uint32_t value)
{
    struct nl_msg *msg = rt_link_msg(RTM_NEWLINK, 0, AF_UNSPEC, ifindex);
    if (msg)
        nla_put_u32(msg, attr, value);
    return rt_request(nl, msg, NULL, NULL);
}

int rt_set_mac(struct dbr_netlink *nl, int ifindex, uint64_t mac)
{
    uint8_t b[6];
    dbr_mac_write(b, mac);
    struct nl_msg *msg = rt_link_msg(RTM_NEWLINK, 0, AF_UNSPEC, ifindex);
    if (msg)
        nla_put(msg, IFLA_ADDRESS, sizeof b, b);
    return rt_request(nl, msg, NULL, NULL);
}

static void read_port_data(struct nlattr *data, struct link_facts *out)
{
    struct nlattr *tb[IFLA_BRPORT_MAX + 1];
    if (nla_parse_nested(tb, IFLA_BRPORT_MAX, data, NULL) == 0 && tb[IFLA_BRPORT_LEARNING])
        out->learning = nla_get_u8(tb[IFLA_BRPORT_LEARNING]);
}

static void read_link_info(struct nlattr *info, struct link_facts *out)
{
    struct nlattr *tb[IFLA_INFO_MAX + 1], *br[IFLA_BR_MAX + 1];
    if (nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
        return;
    const char *kind = tb[IFLA_INFO_KIND] ? nla_get_string(tb[IFLA_INFO_KIND]) : "";
    const char *slave = tb[IFLA_INFO_SLAVE_KIND] ? nla_get_string(tb[IFLA_INFO_SLAVE_KIND]) : "";
    out->link.is_bridge = strcmp(kind, "bridge") == 0;
    out->link.is_tap = strcmp(kind, "tun") == 0;
    if (out->link.is_bridge && tb[IFLA_INFO_DATA] &&
        nla_parse_nested(br, IFLA_BR_MAX, tb[IFLA_INFO_DATA], NULL) == 0 && br[IFLA_BR_STP_STATE])
        out->stp_state = (int)nla_get_u32(br[IFLA_BR_STP_STATE]);
    if (strcmp(slave, "bridge") == 0 && tb[IFLA_INFO_SLAVE_DATA])
        read_port_data(tb[IFLA_INFO_SLAVE_DATA], out);
}

void rt_read_link(const struct nlmsghdr *msg, struct link_facts *out)
{
    struct nlattr *tb[IFLA_MAX + 1];
    const struct ifinfomsg *head = nlmsg_data(msg);
    *out = (struct link_facts){.arp_type = head->ifi_type, .stp_state = -1, .learning = -1};
    struct dbr_link *l = &out->link;
    l->ifindex = head->ifi_index;
    l->up = head->ifi_flags & IFF_UP;
    l->running = head->ifi_flags & IFF_RUNNING;
    l->promisc = head->ifi_flags & IFF_PROMISC;
    out->loopback = head->ifi_flags & IFF_LOOPBACK;
    if (nlmsg_parse((struct nlmsghdr *)msg, sizeof *head, tb, IFLA_MAX, NULL) < 0)
        return;
    if (tb[IFLA_IFNAME])
        nla_strlcpy(l->name, tb[IFLA_IFNAME], sizeof l->name);
    if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
        l->mac = dbr_get48(nla_data(tb[IFLA_ADDRESS]));
    if (tb[IFLA_MTU])
        l->mtu = nla_get_u32(tb[IFLA_MTU]);
    if (tb[IFLA_MASTER])
        l->master = (int)nla_get_u32(tb[IFLA_MASTER]);
    if (tb[IFLA_PROMISCUITY])
        l->promisc |= nla_get_u32(tb[IFLA_PROMISCUITY]) > 0;
    if (tb[IFLA_LINKINFO])
        read_link_info(tb[IFLA_LINKINFO], out);
}

static int keep_link(void *arg, const struct nlmsghdr *msg)
{
    if (msg->nlmsg_type == RTM_NEWLINK)
        rt_read_link(msg, arg);
    return 0;
}

static bool is_wireless(const struct dbr_netlink *nl, const char *name)
{
    struct iwreq req = {0};
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", name);
    return ioctl(nl->ioctl_fd, SIOCGIWNAME, &req) == 0;
}

int rt_get_link(struct dbr_netlink *nl, const char *name, struct link_facts *out)
{
    *out = (struct link_facts){0};
    if (!*name || strlen(name) >= DBR_IF_NAME)
        return DBR_ERR_NOTFOUND;
    struct nl_msg *msg = rt_link_msg(RTM_GETLINK, 0, AF_UNSPEC, 0);
    if (msg)
        nla_put_string(msg, IFLA_IFNAME, name);
    int err = rt_request(nl, msg, keep_link, out);
    if (!err && !out->link.ifindex)
        err = DBR_ERR_NOTFOUND;
    if (!err)
        out->link.is_wireless = is_wireless(nl, name);
    return err;
}

int rt_ifindex(struct dbr_netlink *nl, const char *name)
{
    struct link_facts f;
    return rt_get_link(nl, name, &f) == 0 ? f.link.ifindex : 0;
}

int dbr_link_get(struct dbr_netlink *nl, const char *name, struct dbr_link *out, struct dbr_why *why)
{
    struct link_facts f;
    int err = rt_get_link(nl, name, &f);
    *out = f.link;
    return err ? dbr_why(why, err, "no interface %s", name) : 0;
}

/* --- the TAP's port --- */

static int keep_link_of(void *arg, const struct nlmsghdr *msg)
{
    struct link_facts f, *wanted = arg;
    rt_read_link(msg, &f);
    if (f.link.ifindex == wanted->link.ifindex)
        *wanted = f;
    return 0;
}

static int get_link_by_index(struct dbr_netlink *nl, int ifindex, struct link_facts *out)
{
    *out = (struct link_facts){.link.ifindex = ifindex};
    return rt_request(nl, rt_link_msg(RTM_GETLINK, 0, AF_UNSPEC, ifindex), keep_link_of, out);
}

static int set_port_flags(struct dbr_netlink *nl, int tap_ifindex)
{
    struct nl_msg *msg = rt_link_msg(RTM_SETLINK, 0, AF_BRIDGE, tap_ifindex);
    struct nlattr *info = msg ? nla_nest_start(msg, IFLA_PROTINFO | NLA_F_NESTED) : NULL;
    if (info) {
        nla_put_u8(msg, IFLA_BRPORT_LEARNING, 0);
        nla_put_u8(msg, IFLA_BRPORT_MCAST_FLOOD, 1);
        nla_put_u8(msg, IFLA_BRPORT_UNICAST_FLOOD, 1);
        nla_nest_end(msg, info);
    }
    return rt_request(nl, msg, NULL, NULL);
}

int dbr_bridge_attach(struct dbr_netlink *nl, int bridge_ifindex, int tap_ifindex, struct dbr_why *why)
{
    struct link_facts bridge;
    int err = get_link_by_index(nl, bridge_ifindex, &bridge);
    if (err || !bridge.link.is_bridge)
        return dbr_why(why, DBR_ERR_NOTFOUND, "interface %d is no bridge", bridge_ifindex);
    /* Setting the address it has pins it: a bridge otherwise takes the lowest address of its ports. */
    err = rt_set_mac(nl, bridge_ifindex, bridge.link.mac);
    if (!err)
        err = rt_set_u32(nl, tap_ifindex, IFLA_MTU, bridge.link.mtu);
    if (!err)
        err = rt_set_u32(nl, tap_ifindex, IFLA_MASTER, (uint32_t)bridge_ifindex);
    if (!err)
        err = set_port_flags(nl, tap_ifindex);
    return err ? dbr_why(why, err, "cannot put the TAP into bridge %s: %s", bridge.link.name, strerror(errno))
               : 0;
}

int dbr_bridge_detach(struct dbr_netlink *nl, int tap_ifindex, struct dbr_why *why)
{
    int err = rt_set_u32(nl, tap_ifindex, IFLA_MASTER, 0);
    return err ? dbr_why(why, err, "cannot take the TAP out of its bridge: %s", strerror(errno)) : 0;
}

static struct nl_msg *fdb_msg(int type, int flags, int ifindex, uint64_t mac, uint16_t vid)
{
    struct ndmsg head = {.ndm_family = AF_BRIDGE,
                         .ndm_ifindex = ifindex,
                         .ndm_state = NUD_NOARP,
                         .ndm_flags = NTF_MASTER | NTF_EXT_LEARNED};
    uint8_t b[6];
    dbr_mac_write(b, mac);
    struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
    if (!msg)
        return NULL;
    nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO);
    nla_put(msg, NDA_LLADDR, sizeof b, b);
    if (vid)
        nla_put_u16(msg, NDA_VLAN, vid);
    return msg;
}

int dbr_bridge_fdb_add(struct dbr_netlink *nl, int tap_ifindex, uint64_t mac, uint16_t vid,
                       struct dbr_why *why)
{
    char text[DBR_MAC_TEXT];
    int err = rt_request(nl, fdb_msg(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, tap_ifindex, mac, vid), NULL,
                         NULL);
    if (!err || err == DBR_ERR_EXISTS)
        return 0;
    return dbr_why(why, err, "cannot add %s to the bridge's table: %s", dbr_mac_text(mac, text),
                   strerror(errno));
}

int dbr_bridge_fdb_del(struct dbr_netlink *nl, int tap_ifindex, uint64_t mac, uint16_t vid,
                       struct dbr_why *why)
{
    char text[DBR_MAC_TEXT];
    int err = rt_request(nl, fdb_msg(RTM_DELNEIGH, 0, tap_ifindex, mac, vid), NULL, NULL);
    if (!err || err == DBR_ERR_NOTFOUND)
        return 0;
    return dbr_why(why, err, "cannot take %s off the bridge's table: %s", dbr_mac_text(mac, text),
                   strerror(errno));
}

/* --- the gateway --- */

struct gateway {
    int ifindex;
    uint32_t ip4, metric;
    uint8_t ip6[16];
    uint64_t mac;
    bool found;
};

static int keep_default_route(void *arg, const struct nlmsghdr *msg)
{
    struct gateway *g = arg;
    struct nlattr *tb[RTA_MAX + 1];
    const struct rtmsg *head = nlmsg_data(msg);
    if (head->rtm_dst_len || head->rtm_type != RTN_UNICAST || head->rtm_table != RT_TABLE_MAIN ||
        nlmsg_parse((struct nlmsghdr *)msg, sizeof *head, tb, RTA_MAX, NULL) < 0)
        return 0;
    uint32_t metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
    if (!tb[RTA_OIF] || (int)nla_get_u32(tb[RTA_OIF]) != g->ifindex || (g->found && metric >= g->metric))
        return 0;
    g->found = true;
    g->metric = metric;
    g->ip4 = tb[RTA_GATEWAY] && nla_len(tb[RTA_GATEWAY]) == 4 ? dbr_get32(nla_data(tb[RTA_GATEWAY])) : 0;
    memset(g->ip6, 0, sizeof g->ip6);
    if (tb[RTA_GATEWAY] && nla_len(tb[RTA_GATEWAY]) == sizeof g->ip6)
        memcpy(g->ip6, nla_data(tb[RTA_GATEWAY]), sizeof g->ip6);
    return 0;
}

static int keep_neighbour(void *arg, const struct nlmsghdr *msg)
{
    struct gateway *g = arg;
    struct nlattr *tb[NDA_MAX + 1];
    const struct ndmsg *head = nlmsg_data(msg);
    if (head->ndm_ifindex != g->ifindex ||
        nlmsg_parse((struct nlmsghdr *)msg, sizeof *head, tb, NDA_MAX, NULL) < 0)
        return 0;
    if (tb[NDA_DST] && nla_len(tb[NDA_DST]) == 4 && dbr_get32(nla_data(tb[NDA_DST])) == g->ip4 &&
        tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == 6)
        g->mac = dbr_get48(nla_data(tb[NDA_LLADDR]));
    return 0;
}

int dbr_gateway_get(struct dbr_netlink *nl, int ifindex, uint32_t *ip4, uint64_t *mac)
{
    struct gateway g = {.ifindex = ifindex};
    *ip4 = 0;
    *mac = 0;
    int err = rt_dump(nl, RTM_GETROUTE, AF_INET, keep_default_route, NULL, &g);
    if (!err && !g.found)
        err = DBR_ERR_NOTFOUND;
    if (!err && g.ip4)
        err = rt_dump(nl, RTM_GETNEIGH, AF_INET, keep_neighbour, NULL, &g);
    *ip4 = g.ip4;
    *mac = g.mac;
    return err;
}

int dbr_gateway6_get(struct dbr_netlink *nl, int ifindex, uint8_t ip6[16])
{
    struct gateway g = {.ifindex = ifindex};
    int err = rt_dump(nl, RTM_GETROUTE, AF_INET6, keep_default_route, NULL, &g);
    memcpy(ip6, g.ip6, sizeof g.ip6);
    return !err && !g.found ? DBR_ERR_NOTFOUND : err;
}
