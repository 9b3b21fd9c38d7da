/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Receiving: one recvmmsg() takes up to INBOX_MSGS messages off the worker's UDP socket, each one datagram or
 * a GRO batch of datagrams that came from one address; inbox_next() walks through all of them.
 *
 *   message   | datagram: seg | datagram: seg | ... | last: <= seg |      seg from the UDP_GRO cmsg, an int;
 *                                                                         absent when there is only one
 *
 * The buffers belong to the inbox and may be changed in place until the next inbox_receive(). A buffer holds
 * 64 KiB: with less the kernel would cut a batch and lose its tail. Owned by one worker thread.
 */
#ifndef DBR_DATA_INBOX_H
#define DBR_DATA_INBOX_H

#include "base/addr.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { INBOX_MSGS = 32, INBOX_BUF = 65536 };

/* Where the datagrams of one message come from. */
struct origin {
    struct dbr_addr addr;
    bool looked_up;   /* v1_peer is known: */
    uint32_t v1_peer; /* the peer at this address, or BOOK_NOBODY */
};

struct dgram {
    uint8_t *bytes;
    size_t len;
    struct origin *origin;
};

struct inbox {
    uint8_t *memory;
    unsigned n, at; /* messages received, and the one being walked */
    size_t offset;  /* in it */
    struct mmsghdr msgs[INBOX_MSGS];
    struct iovec iov[INBOX_MSGS];
    struct sockaddr_in6 from[INBOX_MSGS];
    struct origin origins[INBOX_MSGS];
    size_t seg[INBOX_MSGS];
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } cmsg[INBOX_MSGS];
};

/* Allocates the buffers. 0 or DBR_ERR_NOMEM. */
int inbox_init(struct inbox *in);
void inbox_fini(struct inbox *in);

/* Receives what is there, without waiting. The number of messages: fewer than INBOX_MSGS means that the
 * socket is empty. 0 also on an error of the socket (e.g. an ICMP error that came back). */
unsigned inbox_receive(struct inbox *in, int sock);

/* The next datagram (never empty); false when all are done. */
bool inbox_next(struct inbox *in, struct dgram *d);

#endif
