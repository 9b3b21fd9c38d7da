/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/address.h"
#include "base/bytes.h"
#include "base/err.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    struct nlmsghdr head;
    union {
        struct ifaddrmsg addr;
        struct ifinfomsg link;
        struct rtmsg route;
    };
    uint8_t attrs[96];
};

static void put_attr(struct request *r, unsigned short type, const void *data, size_t n)
{
    struct rtattr a = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(n)};
    uint8_t *at = (uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len);
    memcpy(at, &a, sizeof a);
    memcpy(at + RTA_LENGTH(0), data, n);
    r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(n)));
}

/* Sends and waits for the verdict: 0, or an errno. */
static int ask(struct request *r)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr err;
        uint8_t rest[512];
    } answer;
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (s < 0)
        return errno;
    r->head.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    ssize_t n = send(s, r, r->head.nlmsg_len, 0);
    if (n >= 0)
        n = recv(s, &answer, sizeof answer, 0);
    int e = n < 0 ? errno : EIO;
    close(s);
    if (n < (ssize_t)(sizeof answer.head + sizeof answer.err.error) || answer.head.nlmsg_type != NLMSG_ERROR)
        return e;
    return -answer.err.error;
}

static int verdict(int e, int fine)
{
    errno = e;
    return e == 0 || e == fine ? 0 : DBR_ERR_IO;
}

static int change(int ifindex, const struct if_address *a, uint16_t type, uint16_t flags)
{
    size_t n = a->family == 4 ? 4 : 16;
    struct request r = {
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof r.addr), .nlmsg_type = type, .nlmsg_flags = flags}};
    r.addr = (struct ifaddrmsg){.ifa_family = a->family == 4 ? AF_INET : AF_INET6,
                                .ifa_prefixlen = a->prefix,
                                .ifa_index = (unsigned)ifindex};
    if (a->no_route) {
        uint32_t bits = IFA_F_NOPREFIXROUTE;
        put_attr(&r, IFA_FLAGS, &bits, sizeof bits);
    }
    put_attr(&r, IFA_LOCAL, a->ip, n);
    put_attr(&r, IFA_ADDRESS, a->ip, n);
    if (a->family == 4 && a->prefix < 31) {
        uint8_t broadcast[4];
        dbr_put32(broadcast, dbr_get32(a->ip) | (uint32_t)(0xffffffffull >> a->prefix));
        put_attr(&r, IFA_BROADCAST, broadcast, 4);
    }
    return ask(&r);
}

int if_address_add(int ifindex, const struct if_address *a)
{
    return verdict(change(ifindex, a, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL), EEXIST);
}

int if_address_del(int ifindex, const struct if_address *a)
{
    int e = change(ifindex, a, RTM_DELADDR, 0);
    return verdict(e == ENODEV ? 0 : e, EADDRNOTAVAIL);
}

static int change_route(const struct if_route *a, uint16_t type, uint16_t flags)
{
    static const uint8_t none[16];
    bool on_link = memcmp(a->via, none, sizeof none) == 0;
    size_t n = a->family == 6 ? 16 : 4;
    uint32_t out = (uint32_t)a->ifindex;
    struct request r = {
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof r.route), .nlmsg_type = type, .nlmsg_flags = flags}};
    r.route = (struct rtmsg){.rtm_family = a->family == 6 ? AF_INET6 : AF_INET,
                             .rtm_dst_len = a->prefix,
                             .rtm_table = RT_TABLE_MAIN,
                             .rtm_protocol = RTPROT_STATIC,
                             .rtm_scope = on_link && n == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                             .rtm_type = RTN_UNICAST,
                             .rtm_flags = on_link ? 0 : RTNH_F_ONLINK};
    put_attr(&r, RTA_DST, a->dst, n);
    put_attr(&r, RTA_OIF, &out, sizeof out);
    if (!on_link)
        put_attr(&r, RTA_GATEWAY, a->via, n);
    if (a->metric)
        put_attr(&r, RTA_PRIORITY, &a->metric, sizeof a->metric);
    return ask(&r);
}

int if_route_add(const struct if_route *r)
{
    int e = change_route(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
    return e == EEXIST ? DBR_ERR_EXISTS : verdict(e, 0);
}

int if_route_del(const struct if_route *r)
{
    int e = change_route(r, RTM_DELROUTE, 0);
    return verdict(e == ENODEV ? 0 : e, ESRCH);
}

/* Takes the route of one message if it is a better default than *best. */
static void consider(const struct nlmsghdr *h, int but, struct if_route *best)
{
    const struct rtmsg *m = NLMSG_DATA(h);
    struct if_route r = {.family = m->rtm_family == AF_INET6 ? 6 : 4};
    size_t n = r.family == 6 ? 16 : 4;
    bool has_gateway = false;
    if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof *m) || m->rtm_dst_len ||
        m->rtm_table != RT_TABLE_MAIN || m->rtm_type != RTN_UNICAST)
        return;
    int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof *m);
    for (const struct rtattr *a = RTM_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (RTA_PAYLOAD(a) != (a->rta_type == RTA_GATEWAY ? n : 4))
            continue;
        if (a->rta_type == RTA_OIF)
            memcpy(&r.ifindex, RTA_DATA(a), 4);
        else if (a->rta_type == RTA_PRIORITY)
            memcpy(&r.metric, RTA_DATA(a), 4);
        else if (a->rta_type == RTA_GATEWAY)
            memcpy(r.via, RTA_DATA(a), n);
        has_gateway |= a->rta_type == RTA_GATEWAY;
    }
    if (has_gateway && r.ifindex && r.ifindex != but && (!best->ifindex || r.metric < best->metric))
        *best = r;
}

/* True while more is to come. */
static bool read_dump(int s, int but, struct if_route *best)
{
    _Alignas(struct nlmsghdr) uint8_t buf[16384];
    ssize_t n = recv(s, buf, sizeof buf, 0);
    if (n <= 0)
        return false;
    size_t left = (size_t)n;
    for (const struct nlmsghdr *h = (const void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
            return false;
        consider(h, but, best);
    }
    return true;
}

int if_route_default(int but, uint8_t family, struct if_route *r)
{
    struct request ask_all = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof ask_all.route),
                                       .nlmsg_type = RTM_GETROUTE,
                                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    ask_all.route.rtm_family = family == 6 ? AF_INET6 : AF_INET;
    *r = (struct if_route){.ifindex = 0};
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (s < 0)
        return DBR_ERR_NOTFOUND;
    if (send(s, &ask_all, ask_all.head.nlmsg_len, 0) >= 0)
        while (read_dump(s, but, r))
            ;
    close(s);
    return r->ifindex ? 0 : DBR_ERR_NOTFOUND;
}

int if_up(int ifindex, uint32_t mtu)
{
    struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof r.link), .nlmsg_type = RTM_NEWLINK}};
    r.link = (struct ifinfomsg){.ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    if (mtu)
        put_attr(&r, IFLA_MTU, &mtu, sizeof mtu);
    return verdict(ask(&r), 0);
}

bool if_networks_overlap(const uint8_t a[4], uint8_t prefix_a, const uint8_t b[4], uint8_t prefix_b)
{
    uint8_t common = prefix_a < prefix_b ? prefix_a : prefix_b;
    uint32_t mask = common ? 0xffffffffu << (32 - common) : 0;
    return ((dbr_get32(a) ^ dbr_get32(b)) & mask) == 0;
}

int prefix_of_mask(const uint8_t mask[4])
{
    uint32_t m = dbr_get32(mask);
    int bits = 0;
    while (m & 0x80000000u) {
        m <<= 1;
        bits++;
    }
    return m ? -1 : bits;
}
