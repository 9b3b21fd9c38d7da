/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Receiving: one recvmmsg() takes up to INBOX_MSGS messages off the worker's UDP socket, each one datagram or
 * a GRO batch of datagrams that came from one address; inbox_next() walks through all of them.
 *
 *   message   | datagram: seg | datagram: seg | ... | last: <= seg |      seg from the UDP_GRO cmsg, an int;
 *                                                                         absent when there is only one
 *
 * The buffers belong to the inbox and may be changed in place until the next inbox_receive(). A buffer holds
 * 64 KiB: with less the kernel would cut a batch and lose its tail. How many messages are asked for at once
 * follows what came the last time: many single datagrams, or so few GRO batches that what was received is
 * still in the cache when it is opened. Owned by one worker thread.
 */
#ifndef DBR_DATA_INBOX_H
#define DBR_DATA_INBOX_H

#include "base/addr.h"
#include "ipc/home.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { INBOX_MSGS = 64, INBOX_MSGS_MIN = 8, INBOX_BUF = 65536, INBOX_BYTES = 1 << 19 };

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
    unsigned depth; /* messages asked for at once */
    unsigned n, at; /* messages received, and the one being walked */
    size_t offset;  /* in it */
    struct mmsghdr msgs[INBOX_MSGS];
    struct iovec iov[INBOX_MSGS];
    struct sockaddr_in6 from[INBOX_MSGS];
    struct origin origins[INBOX_MSGS];
    size_t seg[INBOX_MSGS];
    bool multihome; /* note which address of ours was called */
    uint8_t via;    /* which socket that is, for the next inbox_receive() */
    union {
        char space[CMSG_SPACE(sizeof(int)) + DBR_HOME_SPACE];
        struct cmsghdr align;
    } cmsg[INBOX_MSGS];
};

/* Allocates the buffers. 0 or DBR_ERR_NOMEM. */
int inbox_init(struct inbox *in);
void inbox_fini(struct inbox *in);

/* Receives what is there, without waiting. *more: the socket may hold more. Returns the number of messages; 0
 * also on an error of the socket (e.g. an ICMP error that came back). */
unsigned inbox_receive(struct inbox *in, int sock, bool *more);

/* The next datagram (never empty); false when all are done. */
bool inbox_next(struct inbox *in, struct dgram *d);

#endif
