/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sending: frames are written straight into send buffers that leave room for the data channel's header, are
 * sealed in place, a few of a peer at a time while they are in the first cache, and leave as trains:
 * consecutive datagrams of one peer and one size (the last may be shorter) go out as one message with
 * UDP_SEGMENT, and all messages with one sendmmsg().
 *
 *   arena    | hdr A1 frame A1 | hdr A2 frame A2 | hdr B1 frame B1 | hdr A3 frame A3 |
 *   peer A     piece 1 ------->  piece 2 --------------------------> piece 3
 *   peer B                                         piece
 *   trains   A: iov {A1 A2}{A3}, segment = |A1|        B: iov {B1}
 *
 * The order of a peer's datagrams is that of its packet ids. Where a route refuses segmentation (EINVAL, EIO)
 * or a segment is longer than its MTU (EMSGSIZE) the train goes out datagram by datagram (the kernel then
 * fragments what is too long), and the peer's segments of that size do so for the next minute.
 *
 * A payload for a peer with `fragment` gets its header, and is cut where it is too long (proto/fragment.h);
 * its pieces are datagrams like others, mostly one train.
 *
 * When the socket is full the outbox is blocked: what is sealed stays, room is refused (frames are dropped
 * and counted), and the worker stops reading the TAP until the socket takes more. Owned by one worker thread.
 */
#ifndef DBR_DATA_OUTBOX_H
#define DBR_DATA_OUTBOX_H

#include "crypto/aead.h"
#include "data/peers.h"
#include "ipc/boot.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    OUTBOX_PIECES = 512,
    OUTBOX_SEAL = 16, /* a peer's pieces that are sealed at once: 24 kB */
    OUTBOX_BYTES = 1 << 20,
    OUTBOX_TRAIN = 64,          /* segments of a message: UDP_MAX_SEGMENTS of older kernels */
    OUTBOX_TRAIN_BYTES = 65000, /* and its bytes: below the 65,507 of UDP over IPv4 */
};

struct out_piece {
    uint8_t *text; /* what is sealed; the header stands in front */
    uint32_t len;
    uint32_t next; /* index + 1 of the peer's next piece, 0 = last */
};

struct out_train {
    struct peer *peer;
    uint32_t segment, n;  /* bytes of all datagrams but the last; number of datagrams */
    uint32_t bytes, last; /* of all datagrams; of the last one */
    uint8_t via;          /* the socket */
    struct sockaddr_in6 to;
    size_t home_len; /* bytes at the beginning of cmsg that say from which address it leaves */
    union {
        char space[DBR_HOME_SPACE + CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } cmsg;
};

struct outbox {
    int sock;
    int more[DBR_MAX_LOCALS - 1]; /* sockets that peers with addr.via 1.. are answered from */
    unsigned n_more;
    bool segment_ok; /* UDP_SEGMENT may be used at all */
    bool blocked;
    uint8_t blocked_via; /* the socket that is full */
    uint64_t now_ns;
    uint64_t dropped; /* datagrams that the kernel refused */
    uint8_t *arena;
    size_t used;
    uint8_t *pending; /* where the frame of the last room begins */
    unsigned n_pieces, n_dirty, n_trains, n_sent, n_iov;
    struct out_piece pieces[OUTBOX_PIECES];
    struct peer *dirty[OUTBOX_PIECES];
    struct dbr_aead_job jobs[OUTBOX_SEAL];
    struct out_train trains[OUTBOX_PIECES];
    struct mmsghdr msgs[OUTBOX_PIECES];
    struct iovec iov[OUTBOX_PIECES];
};

/* Allocates the arena. sock is borrowed. 0 or DBR_ERR_NOMEM. */
int outbox_init(struct outbox *o, int sock, bool segment_ok);
void outbox_fini(struct outbox *o);
/* Sends through another socket from now on; what the old one did not take is dropped. */
void outbox_rewire(struct outbox *o, int sock);

/* Room to write a frame of at most cap bytes for p, or NULL: the peer has no key or no address, the outbox is
 * blocked, or cap is more than a datagram takes. Flushes when the outbox is full. One room at a time. */
uint8_t *outbox_room(struct outbox *o, struct peer *p, size_t cap);
/* The len bytes written to the room (len <= its cap) are to be sent. A room without commit is forgotten.
 * unsummed: it is a frame without TCP or UDP checksum, and p's framing is DBR_FRAMING_OFFLOAD. */
void outbox_commit(struct outbox *o, struct peer *p, size_t len, bool unsummed);

/* True if that socket is the full one. */
static inline bool outbox_blocked_at(const struct outbox *o, unsigned via)
{
    return o->blocked && o->blocked_via == via;
}

/* Seals and sends everything; also goes on with what a blocked socket left. */
void outbox_flush(struct outbox *o);
#endif
