/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Raising and undoing the bridge. Worked example, eth0 with 192.0.2.5/24 and the default route:
 *
 *   journal on disk -> br0 (MAC of eth0, stp 0, forward delay 0) -> br0 up -> eth0 master br0
 *     -> address 192.0.2.5/24 also on br0 -> default route replaced: dev br0 -> address off eth0
 *
 * The host has its address at every moment, so its connections live on; the gap is the time between "master"
 * and the last "replace". The undo is the same walk backwards: eth0 nomaster -> address on eth0 -> routes
 * back -> br0 away.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "bridge/journal.h"

/* --- one kernel object, carried to another interface --- */

/* IPv6 routes from router advertisements are listed with what is left of their life, but set by another
 * attribute. */
static void put_route_lifetime(struct nl_msg *to, struct nlattr *cacheinfo)
{
    struct rta_cacheinfo ci;
    if (nla_len(cacheinfo) < (int)sizeof ci)
        return;
    memcpy(&ci, nla_data(cacheinfo), sizeof ci);
    if (ci.rta_expires > 0)
        nla_put_u32(to, RTA_EXPIRES, (uint32_t)ci.rta_expires / 100);
}

static void put_hops(struct nl_msg *to, struct nlattr *multipath, int was, int ifindex)
{
    nla_put(to, RTA_MULTIPATH, nla_len(multipath), nla_data(multipath));
    struct nlattr *copy = nlmsg_find_attr(nlmsg_hdr(to), sizeof(struct rtmsg), RTA_MULTIPATH);
    struct rtnexthop *hop = copy ? nla_data(copy) : NULL;
    int left = copy ? nla_len(copy) : 0;
    for (; hop && RTNH_OK(hop, left); left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
        if (hop->rtnh_ifindex == was)
            hop->rtnh_ifindex = ifindex;
        hop->rtnh_flags &= (unsigned char)~(RTNH_F_DEAD | RTNH_F_LINKDOWN);
    }
}

static struct nl_msg *start_copy(const struct nlmsghdr *from, int type, int flags, const void *head,
                                 size_t head_len)
{
    struct nl_msg *to = nlmsg_alloc_size(NLMSG_ALIGN(from->nlmsg_len) + 256);
    if (!to)
        return NULL;
    nlmsg_put(to, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags);
    nlmsg_append(to, (void *)head, head_len, NLMSG_ALIGNTO);
    return to;
}

static void copy_attr(struct nl_msg *to, const struct nlattr *a)
{
    nla_put(to, nla_type(a), nla_len(a), nla_data(a));
}

static struct nl_msg *address_msg(const struct nlmsghdr *from, int type, int ifindex, bool home)
{
    struct ifaddrmsg head = *(const struct ifaddrmsg *)nlmsg_data(from);
    uint32_t flags = head.ifa_flags;
    head.ifa_index = (unsigned)ifindex;
    struct nl_msg *to =
        start_copy(from, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0, &head, sizeof head);
    struct nlattr *a;
    int left;
    nlmsg_for_each_attr(a, (struct nlmsghdr *)from, sizeof head, left)
    {
        if (!to || (nla_type(a) == IFA_LABEL && !home))
            continue; /* a label must begin with its interface's name */
        if (nla_type(a) == IFA_FLAGS)
            flags = nla_get_u32(a);
        else
            copy_attr(to, a);
    }
    if (to)
        nla_put_u32(to, IFA_FLAGS,
                    (flags & ~(uint32_t)(IFA_F_TENTATIVE | IFA_F_DADFAILED)) |
                        (head.ifa_family == AF_INET6 ? IFA_F_NODAD : 0));
    return to;
}

static struct nl_msg *route_msg(const struct nlmsghdr *from, int was, int ifindex)
{
    struct rtmsg head = *(const struct rtmsg *)nlmsg_data(from);
    head.rtm_flags &= (unsigned)RTNH_F_ONLINK;
    struct nl_msg *to = start_copy(from, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
    struct nlattr *a;
    int left;
    nlmsg_for_each_attr(a, (struct nlmsghdr *)from, sizeof head, left)
    {
        if (!to)
            break;
        switch (nla_type(a)) {
        case RTA_OIF: nla_put_u32(to, RTA_OIF, (uint32_t)ifindex); break;
        case RTA_CACHEINFO: put_route_lifetime(to, a); break;
        case RTA_MULTIPATH: put_hops(to, a, was, ifindex); break;
        case RTA_NH_ID: break; /* the hop itself is listed beside it */
        default: copy_attr(to, a);
        }
    }
    return to;
}

static struct nl_msg *neighbour_msg(const struct nlmsghdr *from, int ifindex)
{
    struct ndmsg head = *(const struct ndmsg *)nlmsg_data(from);
    head.ndm_ifindex = ifindex;
    struct nl_msg *to = start_copy(from, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
    struct nlattr *a;
    int left;
    nlmsg_for_each_attr(a, (struct nlmsghdr *)from, sizeof head, left)
    {
        if (to && (nla_type(a) == NDA_DST || nla_type(a) == NDA_LLADDR))
            copy_attr(to, a);
    }
    return to;
}

/* Which objects of a walk are wanted: addresses first, then routes without a gateway, those with one,
 * neighbours. */
enum pass { PASS_ADDRESSES, PASS_DIRECT_ROUTES, PASS_ROUTES, PASS_NEIGHBOURS, PASSES };

static enum pass pass_of(const struct nlmsghdr *msg)
{
    if (msg->nlmsg_type == RTM_NEWADDR)
        return PASS_ADDRESSES;
    if (msg->nlmsg_type != RTM_NEWROUTE)
        return PASS_NEIGHBOURS;
    bool far = nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(struct rtmsg), RTA_GATEWAY) ||
               nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(struct rtmsg), RTA_VIA) ||
               nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(struct rtmsg), RTA_MULTIPATH);
    return far ? PASS_ROUTES : PASS_DIRECT_ROUTES;
}

static struct nl_msg *object_msg(const struct nlmsghdr *msg, int was, int ifindex, bool home)
{
    switch (msg->nlmsg_type) {
    case RTM_NEWADDR: return address_msg(msg, RTM_NEWADDR, ifindex, home);
    case RTM_NEWROUTE: return route_msg(msg, was, ifindex);
    }
    return neighbour_msg(msg, ifindex);
}

/* Puts the objects of port number `port` onto ifindex; home: it is the port itself again. Goes on after a
 * failure and returns the first one. */
static int put_objects(struct dbr_netlink *nl, const struct journal *j, size_t port, int ifindex, bool home,
                       struct dbr_why *why)
{
    int first = 0;
    for (int pass = 0; pass < PASSES; pass++)
        for (size_t i = 0; i < j->nobjects; i++) {
            const struct nlmsghdr *msg = j->object[i].msg;
            if (j->object[i].port != port || (int)pass_of(msg) != pass)
                continue;
            int err = rt_request(nl, object_msg(msg, j->port[port].ifindex, ifindex, home), NULL, NULL);
            if (err && err != DBR_ERR_EXISTS && !first)
                first = dbr_why(why, err, "cannot put %s %s onto %s: %s",
                                pass == PASS_ADDRESSES ? "an address of" : "a route of", j->port[port].name,
                                home ? j->port[port].name : j->bridge, strerror(errno));
        }
    return first;
}

static int remove_addresses(struct dbr_netlink *nl, const struct journal *j, size_t port, int ifindex)
{
    int first = 0;
    for (size_t i = 0; i < j->nobjects; i++) {
        const struct nlmsghdr *msg = j->object[i].msg;
        if (j->object[i].port != port || msg->nlmsg_type != RTM_NEWADDR)
            continue;
        int err = rt_request(nl, address_msg(msg, RTM_DELADDR, ifindex, false), NULL, NULL);
        if (err && err != DBR_ERR_NOTFOUND && !first)
            first = err;
    }
    return first;
}

/* --- raise --- */

static bool carries_default_route(const struct journal *j, size_t port)
{
    for (size_t i = 0; i < j->nobjects; i++) {
        const struct rtmsg *head = nlmsg_data(j->object[i].msg);
        if (j->object[i].port == port && j->object[i].msg->nlmsg_type == RTM_NEWROUTE &&
            head->rtm_dst_len == 0)
            return true;
    }
    return false;
}

static int judge_port(const struct link_facts *f, const char *name, int err, struct dbr_why *why)
{
    if (err)
        return dbr_why(why, err, "bridge: no interface %s", name);
    if (f->loopback || f->arp_type != ARPHRD_ETHER || f->link.is_bridge)
        return dbr_why(why, DBR_ERR_STATE, "bridge: %s is no Ethernet interface", name);
    if (f->link.is_wireless)
        return dbr_why(why, DBR_ERR_STATE,
                       "bridge: %s is a Wi-Fi interface; access points drop foreign addresses: use a wire",
                       name);
    if (f->link.master)
        return dbr_why(why, DBR_ERR_STATE, "bridge: %s is already part of another bridge or bond", name);
    return 0;
}

static int add_port(struct dbr_netlink *nl, const struct dbr_bridge_plan *plan, const char *name,
                    int bridge_ifindex, struct journal *j, struct dbr_why *why)
{
    struct link_facts f;
    int err = rt_get_link(nl, name, &f);
    if (!err && bridge_ifindex && f.link.master == bridge_ifindex)
        return 0; /* was put there by the admin: stays there */
    err = judge_port(&f, name, err, why);
    if (err)
        return err;
    err = journal_snapshot(j, nl, &f);
    if (err)
        return dbr_why(why, err, "cannot list what %s carries", name);
    if (!plan->take_default_route && carries_default_route(j, j->nports - 1))
        return dbr_why(
            why, DBR_ERR_STATE,
            "bridge: %s carries the default route; use a second interface, or say so explicitly (your own "
            "connection may be on it)",
            name);
    return 0;
}

static int create_bridge(struct dbr_netlink *nl, const char *name, uint64_t mac)
{
    struct nl_msg *msg = rt_link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, AF_UNSPEC, 0);
    if (!msg)
        return DBR_ERR_NOMEM;
    uint8_t b[6];
    dbr_mac_write(b, mac);
    nla_put_string(msg, IFLA_IFNAME, name);
    if (mac)
        nla_put(msg, IFLA_ADDRESS, sizeof b, b);
    struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);
    nla_put_string(msg, IFLA_INFO_KIND, "bridge");
    struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);
    nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0);
    nla_put_u32(msg, IFLA_BR_STP_STATE, 0);
    nla_nest_end(msg, data);
    nla_nest_end(msg, info);
    return rt_request(nl, msg, NULL, NULL);
}

/* The first port's settings are what the host's traffic had until now; router advertisements are for the
 * bridge. */
static void move_sysctls(const struct journal *j)
{
    for (size_t i = 0; i < j->nports; i++) {
        const struct journal_port *p = &j->port[i];
        for (size_t k = 0; i == 0 && j->created && k < p->nsysctls; k++)
            sysctl_set(j->bridge, p->sysctl[k].family, p->sysctl[k].name, p->sysctl[k].value);
        sysctl_set(p->name, "ipv6", "accept_ra", 0);
        sysctl_set(p->name, "ipv6", "autoconf", 0);
    }
}

static int make_bridge(struct dbr_netlink *nl, const struct journal *j, const struct dbr_bridge_plan *plan,
                       struct link_facts *bridge)
{
    int err = 0;
    struct link_facts first = {0};
    if (j->nports)
        err = rt_get_link(nl, j->port[0].name, &first);
    if (!err && j->created)
        err = create_bridge(nl, j->bridge, first.link.mac);
    if (!err)
        err = rt_get_link(nl, j->bridge, bridge);
    uint32_t mtu = plan->mtu ? plan->mtu : first.link.mtu;
    if (!err && j->created && mtu)
        err = rt_set_u32(nl, bridge->link.ifindex, IFLA_MTU,
                         mtu); /* by hand, so that no port shrinks it later */
    if (!err && j->created && !first.link.mac)
        err = rt_set_mac(nl, bridge->link.ifindex, bridge->link.mac);
    return err ? err : rt_set_up(nl, bridge->link.ifindex, true);
}

static int take_port(struct dbr_netlink *nl, const struct journal *j, size_t port, int bridge_ifindex,
                     struct dbr_why *why)
{
    const struct journal_port *p = &j->port[port];
    int err = rt_set_up(nl, p->ifindex, true);
    if (!err)
        err = rt_set_u32(nl, p->ifindex, IFLA_MASTER, (uint32_t)bridge_ifindex);
    if (err)
        return dbr_why(why, err, "cannot put %s into bridge %s: %s", p->name, j->bridge, strerror(errno));
    err = put_objects(nl, j, port, bridge_ifindex, false, why);
    if (!err && remove_addresses(nl, j, port, p->ifindex) < 0)
        err = dbr_why(why, DBR_ERR_IO, "cannot take the addresses off %s: %s", p->name, strerror(errno));
    return err;
}

static int carry_out(struct dbr_netlink *nl, const struct journal *j, const struct dbr_bridge_plan *plan,
                     struct dbr_why *why)
{
    struct link_facts bridge;
    int err = make_bridge(nl, j, plan, &bridge);
    if (err)
        return dbr_why(why, err, "cannot make bridge %s: %s", j->bridge, strerror(errno));
    move_sysctls(j);
    for (size_t i = 0; !err && i < j->nports; i++)
        err = take_port(nl, j, i, bridge.link.ifindex, why);
    return err;
}

static int report(struct dbr_netlink *nl, const struct journal *j, struct dbr_bridge_state *state)
{
    struct link_facts f;
    int err = rt_get_link(nl, j->bridge, &f);
    *state = (struct dbr_bridge_state){.ifindex = f.link.ifindex,
                                       .mac = f.link.mac,
                                       .mtu = f.link.mtu,
                                       .created = j->created,
                                       .enslaved = (unsigned)j->nports};
    memcpy(state->name, j->bridge, sizeof state->name);
    for (size_t i = 0; i < j->nobjects; i++) {
        state->addresses += j->object[i].msg->nlmsg_type == RTM_NEWADDR;
        state->routes += j->object[i].msg->nlmsg_type == RTM_NEWROUTE;
    }
    return err;
}

static int prepare(struct dbr_netlink *nl, const struct dbr_bridge_plan *plan, struct journal *j,
                   struct dbr_why *why)
{
    struct link_facts bridge;
    int err = rt_get_link(nl, plan->bridge, &bridge);
    if (err && err != DBR_ERR_NOTFOUND)
        return dbr_why(why, err, "cannot ask the kernel for %s: %s", plan->bridge, strerror(errno));
    j->created = err == DBR_ERR_NOTFOUND;
    if (!j->created && !bridge.link.is_bridge)
        return dbr_why(why, DBR_ERR_STATE, "bridge: %s exists and is no bridge", plan->bridge);
    err = 0;
    for (size_t i = 0; !err && i < plan->nifs; i++)
        err = add_port(nl, plan, plan->ifs[i], j->created ? 0 : bridge.link.ifindex, j, why);
    return err;
}

static int raise_with(struct dbr_netlink *nl, const struct dbr_bridge_plan *plan, struct journal *j,
                      struct dbr_bridge_state *state, struct dbr_why *why)
{
    int err = prepare(nl, plan, j, why);
    if (!err && (j->created || j->nports))
        err = journal_save(j, plan->journal_dir, why);
    if (err)
        return err; /* nothing was touched */
    err = carry_out(nl, j, plan, why);
    if (!err)
        err = report(nl, j, state);
    if (err)
        dbr_bridge_undo(nl, plan->journal_dir, plan->bridge, NULL);
    return err;
}

int dbr_bridge_raise(struct dbr_netlink *nl, const struct dbr_bridge_plan *plan,
                     struct dbr_bridge_state *state, struct dbr_why *why)
{
    struct journal j;
    *state = (struct dbr_bridge_state){0};
    if (!*plan->bridge || strlen(plan->bridge) >= DBR_IF_NAME || strchr(plan->bridge, '/'))
        return dbr_why(why, DBR_ERR_CONFIG, "bridge: \"%s\" cannot be the name of an interface",
                       plan->bridge);
    if (journal_exists(plan->journal_dir, plan->bridge)) {
        int err = dbr_bridge_undo(nl, plan->journal_dir, plan->bridge, why);
        if (err)
            return err;
    }
    journal_init(&j, plan->bridge);
    int err = raise_with(nl, plan, &j, state, why);
    journal_fini(&j);
    return err;
}

/* --- undo --- */

static int give_back_port(struct dbr_netlink *nl, const struct journal *j, size_t port, int bridge_ifindex,
                          struct dbr_why *why)
{
    const struct journal_port *p = &j->port[port];
    struct link_facts f;
    int err = rt_get_link(nl, p->name, &f);
    if (err == DBR_ERR_NOTFOUND)
        return 0; /* gone, and with it what it carried */
    if (err)
        return dbr_why(why, err, "cannot ask for %s: %s", p->name, strerror(errno));
    if (bridge_ifindex && f.link.master == bridge_ifindex)
        err = rt_set_u32(nl, f.link.ifindex, IFLA_MASTER, 0);
    if (err)
        return dbr_why(why, err, "cannot take %s out of %s: %s", p->name, j->bridge, strerror(errno));
    for (size_t k = 0; k < p->nsysctls; k++)
        sysctl_set(p->name, p->sysctl[k].family, p->sysctl[k].name, p->sysctl[k].value);
    if (f.link.mtu != p->mtu)
        rt_set_u32(nl, f.link.ifindex, IFLA_MTU, p->mtu);
    if (!p->up)
        return rt_set_up(nl, f.link.ifindex, false);
    err = put_objects(nl, j, port, f.link.ifindex, true, why);
    if (bridge_ifindex && !j->created)
        remove_addresses(nl, j, port, bridge_ifindex);
    return err;
}

static int undo_with(struct dbr_netlink *nl, const struct journal *j, struct dbr_why *why)
{
    struct link_facts bridge;
    int have = rt_get_link(nl, j->bridge, &bridge), first = 0;
    int ifindex = have == 0 && bridge.link.is_bridge ? bridge.link.ifindex : 0;
    if (have && have != DBR_ERR_NOTFOUND)
        return dbr_why(why, have, "cannot ask for bridge %s: %s", j->bridge, strerror(errno));
    for (size_t i = j->nports; i-- > 0;) {
        int err = give_back_port(nl, j, i, ifindex, first ? NULL : why);
        first = first ? first : err;
    }
    if (ifindex && j->created) {
        int err = rt_request(nl, rt_link_msg(RTM_DELLINK, 0, AF_UNSPEC, ifindex), NULL, NULL);
        if (err && err != DBR_ERR_NOTFOUND && !first)
            first = dbr_why(why, err, "cannot delete bridge %s: %s", j->bridge, strerror(errno));
    }
    return first;
}

int dbr_bridge_undo(struct dbr_netlink *nl, const char *journal_dir, const char *bridge, struct dbr_why *why)
{
    struct journal j;
    int err = journal_load(&j, journal_dir, bridge, why);
    if (!err && j.this_boot && undo_with(nl, &j, why) < 0)
        err = DBR_ERR_IO;
    journal_fini(&j);
    return err ? err : journal_drop(journal_dir, bridge, why);
}
