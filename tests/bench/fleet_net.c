/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One socket for all members: the source address goes out and the destination comes in as IP_PKTINFO.
 * Needs `ip route add local NET dev lo` for the members' addresses, and a route back at the other side.
 */
#include "fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROUNDS = 8, SOCKET_BUFFER = 64 << 20 };

union control_space {
    char space[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct cmsghdr align;
};

int fleet_open(struct fleet *f)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(f->opt.source_port)};
    int one = 1, size = SOCKET_BUFFER;
    f->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (f->sock < 0 || setsockopt(f->sock, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) ||
        bind(f->sock, (struct sockaddr *)&any, sizeof any)) {
        perror("fleet: socket");
        return -1;
    }
    if (setsockopt(f->sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(f->sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return 0;
}

static struct in_addr address_of(const struct fleet *f, const struct member *m)
{
    uint32_t index = (uint32_t)(m - f->members);
    return (struct in_addr){htonl(ntohl(f->opt.base.s_addr) + 1 + index)};
}

static struct member *member_at(struct fleet *f, struct in_addr at)
{
    uint32_t index = ntohl(at.s_addr) - ntohl(f->opt.base.s_addr) - 1;
    return index < f->opt.count ? &f->members[index] : NULL;
}

void fleet_send(struct fleet *f, const struct member *m, const uint8_t *dgram, size_t len)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(f->opt.port), .sin_addr = f->opt.server};
    struct iovec iov = {(void *)(uintptr_t)dgram, len};
    union control_space c = {{0}};
    struct msghdr msg = {.msg_name = &to,
                         .msg_namelen = sizeof to,
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = c.space,
                         .msg_controllen = sizeof c.space};
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
    struct in_pktinfo info = {.ipi_spec_dst = address_of(f, m)};
    h->cmsg_level = IPPROTO_IP;
    h->cmsg_type = IP_PKTINFO;
    h->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(h), &info, sizeof info);
    if (sendmsg(f->sock, &msg, 0) < 0 && f->tally.send_errors++ == 0)
        perror("fleet: sendmsg");
}

static struct member *addressee(struct fleet *f, struct msghdr *msg)
{
    struct in_pktinfo info;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
        if (h->cmsg_level != IPPROTO_IP || h->cmsg_type != IP_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(h), sizeof info);
        return member_at(f, info.ipi_addr);
    }
    return NULL;
}

static int receive_batch(struct fleet *f)
{
    static uint8_t bytes[BATCH][DGRAM_MAX];
    static union control_space control[BATCH];
    struct iovec iov[BATCH];
    struct mmsghdr m[BATCH] = {0};
    for (size_t i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){bytes[i], DGRAM_MAX};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
                                       .msg_iovlen = 1,
                                       .msg_control = control[i].space,
                                       .msg_controllen = sizeof control[i].space};
    }
    int n = recvmmsg(f->sock, m, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        struct member *to = addressee(f, &m[i].msg_hdr);
        if (to && m[i].msg_len)
            member_take(to, bytes[i], m[i].msg_len);
    }
    return n;
}

void fleet_receive(struct fleet *f)
{
    for (int i = 0; i < ROUNDS; i++)
        if (receive_batch(f) < BATCH)
            return;
}
