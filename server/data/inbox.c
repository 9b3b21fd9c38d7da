/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/inbox.h"
#include "base/err.h"

#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

/* Buffers that all began at the same place of a page would fight for the same few lines of the cache. */
enum { STRIDE = INBOX_BUF + 2048 + 64 };

int inbox_init(struct inbox *in)
{
    memset(in, 0, sizeof *in);
    in->depth = INBOX_MSGS_MIN;
    in->memory = malloc((size_t)INBOX_MSGS * STRIDE);
    if (!in->memory)
        return DBR_ERR_NOMEM;
    for (unsigned i = 0; i < INBOX_MSGS; i++) {
        in->iov[i] = (struct iovec){.iov_base = in->memory + (size_t)i * STRIDE, .iov_len = INBOX_BUF};
        in->msgs[i].msg_hdr = (struct msghdr){.msg_name = &in->from[i],
                                              .msg_iov = &in->iov[i],
                                              .msg_iovlen = 1,
                                              .msg_control = in->cmsg[i].space};
    }
    return 0;
}

void inbox_fini(struct inbox *in)
{
    free(in->memory);
    in->memory = NULL;
}

/* Bytes per datagram of a message; the whole of it when the kernel says nothing. */
static size_t segment_of(struct msghdr *mh, size_t len)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        int seg;
        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO || c->cmsg_len < CMSG_LEN(sizeof seg))
            continue;
        memcpy(&seg, CMSG_DATA(c), sizeof seg);
        if (seg > 0)
            return (size_t)seg;
    }
    return len;
}

/* Fewer messages when they are long, more when they are short and there are many. */
static void adapt_depth(struct inbox *in, size_t bytes)
{
    if (bytes > INBOX_BYTES && in->depth > INBOX_MSGS_MIN)
        in->depth /= 2;
    else if (bytes <= INBOX_BYTES / 2 && in->n == in->depth && in->depth < INBOX_MSGS)
        in->depth *= 2;
}

unsigned inbox_receive(struct inbox *in, int sock, bool *more)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < in->depth; i++) {
        in->msgs[i].msg_hdr.msg_namelen = sizeof in->from[i];
        in->msgs[i].msg_hdr.msg_controllen = sizeof in->cmsg[i].space;
    }
    int n = recvmmsg(sock, in->msgs, in->depth, MSG_DONTWAIT, NULL);
    in->n = n > 0 ? (unsigned)n : 0;
    *more = in->n == in->depth;
    in->at = 0;
    in->offset = 0;
    for (unsigned i = 0; i < in->n; i++) {
        struct msghdr *mh = &in->msgs[i].msg_hdr;
        bytes += in->msgs[i].msg_len;
        in->seg[i] = segment_of(mh, in->msgs[i].msg_len);
        in->origins[i].looked_up = false;
        if (dbr_addr_from_sockaddr(&in->origins[i].addr, (struct sockaddr *)&in->from[i], mh->msg_namelen))
            in->msgs[i].msg_len = 0; /* no UDP end point: nothing to answer to */
        in->origins[i].addr.via = in->via;
        if (in->multihome)
            dbr_home_read(&in->origins[i].addr, mh);
    }
    adapt_depth(in, bytes);
    return in->n;
}

bool inbox_next(struct inbox *in, struct dgram *d)
{
    while (in->at < in->n && in->offset >= in->msgs[in->at].msg_len) {
        in->at++;
        in->offset = 0;
    }
    if (in->at == in->n)
        return false;
    size_t left = in->msgs[in->at].msg_len - in->offset;
    d->bytes = (uint8_t *)in->iov[in->at].iov_base + in->offset;
    d->len = left < in->seg[in->at] ? left : in->seg[in->at];
    d->origin = &in->origins[in->at];
    in->offset += d->len;
    return true;
}
