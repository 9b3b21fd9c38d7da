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

int if_up(int ifindex, uint32_t mtu)
{
    struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof r.link), .nlmsg_type = RTM_NEWLINK}};
    r.link = (struct ifinfomsg){.ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    if (mtu)
        put_attr(&r, IFLA_MTU, &mtu, sizeof mtu);
    return verdict(ask(&r), 0);
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
