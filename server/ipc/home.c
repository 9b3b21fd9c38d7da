/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/home.h"

void dbr_home_read(struct dbr_addr *a, struct msghdr *mh)
{
    struct in6_pktinfo info;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO ||
            c->cmsg_len < CMSG_LEN(sizeof info))
            continue;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        memcpy(a->home, &info.ipi6_addr, sizeof a->home);
        a->home_scope = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
    }
}

size_t dbr_home_write(const struct dbr_addr *a, void *out)
{
    static const uint8_t unknown[sizeof a->home];
    struct in6_pktinfo info = {.ipi6_ifindex = a->home_scope};
    struct cmsghdr *c = out;
    if (memcmp(a->home, unknown, sizeof unknown) == 0)
        return 0;
    memcpy(&info.ipi6_addr, a->home, sizeof a->home);
    memset(out, 0, DBR_HOME_SPACE);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    return DBR_HOME_SPACE;
}
