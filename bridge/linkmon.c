/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "bridge/rt.h"

struct dbr_linkmon {
    struct dbr_linkmon_config config;
    struct nl_sock *sock;
    uint64_t bridge_mac; /* 0 = not seen yet */
    uint32_t bridge_mtu;
    bool tap_left, tap_down, bridge_down, port_left[DBR_BRIDGE_IFS_MAX];
    dbr_link_visit *visit; /* of the drain under way */
    void *arg;
};

static const char *const event_texts[] = {
    [DBR_LINK_TAP_GONE] = "the TAP was deleted",
    [DBR_LINK_TAP_DOWN] = "the TAP was set down",
    [DBR_LINK_TAP_LEFT] = "the TAP was taken out of the bridge",
    [DBR_LINK_BRIDGE_GONE] = "the bridge was deleted",
    [DBR_LINK_BRIDGE_DOWN] = "the bridge was set down",
    [DBR_LINK_PORT_LEFT] = "an interface was taken out of the bridge",
    [DBR_LINK_MAC_CHANGED] = "the bridge's MAC address was changed",
    [DBR_LINK_MTU_CHANGED] = "the bridge's MTU was changed",
    [DBR_LINK_ADDRESS] = "an address or a default route was changed",
    [DBR_LINK_LOST] = "link changes were lost: everything must be looked at again",
};

const char *dbr_link_event_text(enum dbr_link_event e)
{
    size_t n = sizeof event_texts / sizeof *event_texts;
    return e > 0 && (size_t)e < n ? event_texts[e] : "?";
}

static void tell(struct dbr_linkmon *m, enum dbr_link_event e, int ifindex)
{
    m->visit(m->arg, e, ifindex);
}

/* Tells when *was turns true, and remembers. */
static void tell_edge(struct dbr_linkmon *m, bool *was, bool is, enum dbr_link_event e, int ifindex)
{
    if (is && !*was)
        tell(m, e, ifindex);
    *was = is;
}

static void look_at_tap(struct dbr_linkmon *m, const struct dbr_link *l)
{
    tell_edge(m, &m->tap_down, !l->up, DBR_LINK_TAP_DOWN, l->ifindex);
    if (m->config.bridge_ifindex)
        tell_edge(m, &m->tap_left, l->master != m->config.bridge_ifindex, DBR_LINK_TAP_LEFT, l->ifindex);
}

static void look_at_bridge(struct dbr_linkmon *m, const struct dbr_link *l)
{
    tell_edge(m, &m->bridge_down, !l->up, DBR_LINK_BRIDGE_DOWN, l->ifindex);
    if (m->bridge_mac && l->mac != m->bridge_mac)
        tell(m, DBR_LINK_MAC_CHANGED, l->ifindex);
    if (m->bridge_mtu && l->mtu != m->bridge_mtu)
        tell(m, DBR_LINK_MTU_CHANGED, l->ifindex);
    m->bridge_mac = l->mac;
    m->bridge_mtu = l->mtu;
}

static void look_at_port(struct dbr_linkmon *m, const struct dbr_link *l, bool gone)
{
    for (size_t i = 0; i < m->config.nports; i++)
        if (m->config.ports[i] == l->ifindex)
            tell_edge(m, &m->port_left[i], gone || l->master != m->config.bridge_ifindex, DBR_LINK_PORT_LEFT,
                      l->ifindex);
}

static void on_address(struct dbr_linkmon *m, const struct nlmsghdr *h)
{
    if (nlmsg_datalen(h) < (int)sizeof(struct ifaddrmsg))
        return;
    const struct ifaddrmsg *head = nlmsg_data(h);
    int ifindex = (int)head->ifa_index;
    if (ifindex == m->config.tap_ifindex || ifindex == m->config.bridge_ifindex)
        tell(m, DBR_LINK_ADDRESS, ifindex);
}

/* The router that a default route names; through which interface it leads is looked at afterwards. */
static void on_route(struct dbr_linkmon *m, const struct nlmsghdr *h)
{
    if (nlmsg_datalen(h) < (int)sizeof(struct rtmsg))
        return;
    const struct rtmsg *head = nlmsg_data(h);
    if (head->rtm_dst_len == 0)
        tell(m, DBR_LINK_ADDRESS, m->config.bridge_ifindex);
}

static int on_link(struct dbr_linkmon *m, const struct nlmsghdr *h)
{
    const struct ifinfomsg *head = nlmsg_data(h);
    bool gone = h->nlmsg_type == RTM_DELLINK;
    if ((h->nlmsg_type != RTM_NEWLINK && !gone) || head->ifi_family != AF_UNSPEC)
        return NL_OK; /* AF_BRIDGE tells about ports; the same comes as AF_UNSPEC too */
    struct link_facts f;
    rt_read_link(h, &f);
    const struct dbr_link *l = &f.link;
    if (l->ifindex == m->config.tap_ifindex && gone)
        tell(m, DBR_LINK_TAP_GONE, l->ifindex);
    else if (l->ifindex == m->config.tap_ifindex)
        look_at_tap(m, l);
    else if (l->ifindex == m->config.bridge_ifindex && gone)
        tell(m, DBR_LINK_BRIDGE_GONE, l->ifindex);
    else if (l->ifindex == m->config.bridge_ifindex)
        look_at_bridge(m, l);
    else
        look_at_port(m, l, gone);
    return NL_OK;
}

static int on_message(struct nl_msg *msg, void *arg)
{
    const struct nlmsghdr *h = nlmsg_hdr(msg);
    if (h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR)
        on_address(arg, h);
    else if (h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE)
        on_route(arg, h);
    else
        return on_link(arg, h);
    return NL_OK;
}

struct dbr_linkmon *dbr_linkmon_open(const struct dbr_linkmon_config *config, struct dbr_why *why)
{
    struct dbr_linkmon *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->config = *config;
    if (m->config.nports > DBR_BRIDGE_IFS_MAX)
        m->config.nports = DBR_BRIDGE_IFS_MAX;
    m->sock = nl_socket_alloc();
    int err = m->sock ? 0 : -NLE_NOMEM;
    if (!err) {
        nl_socket_disable_seq_check(m->sock);
        nl_socket_modify_cb(m->sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, m);
        err = nl_connect(m->sock, NETLINK_ROUTE);
    }
    if (!err)
        err = nl_socket_add_memberships(m->sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                        RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0);
    if (!err)
        err = nl_socket_set_nonblocking(m->sock);
    if (err) {
        dbr_why(why, DBR_ERR_IO, "cannot watch the links: %s", nl_geterror(err));
        dbr_linkmon_close(m);
        return NULL;
    }
    nl_socket_set_msg_buf_size(m->sock, 65536);
    return m;
}

int dbr_linkmon_fd(const struct dbr_linkmon *m)
{
    return nl_socket_get_fd(m->sock);
}

int dbr_linkmon_drain(struct dbr_linkmon *m, dbr_link_visit *visit, void *arg)
{
    m->visit = visit;
    m->arg = arg;
    for (;;) {
        int err = nl_recvmsgs_default(m->sock);
        if (err == -NLE_AGAIN)
            return 0;
        if (err == -NLE_NOMEM) /* how libnl says ENOBUFS: the kernel has dropped messages */
            tell(m, DBR_LINK_LOST, 0);
        else if (err < 0)
            return DBR_ERR_IO;
    }
}

void dbr_linkmon_close(struct dbr_linkmon *m)
{
    if (!m)
        return;
    if (m->sock)
        nl_socket_free(m->sock);
    free(m);
}
