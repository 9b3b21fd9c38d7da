/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a router does with a packet that is too long for the next link, done for bridged frames: the tunnel is
 * the link. IPv4 that may be fragmented is cut; a sender that forbids it, and IPv6, is answered with the
 * size that fits. The outer datagrams then stay whole on paths that drop fragments. Pure; any thread.
 *
 *   | eth | tag? | ip | options | payload: room | room | ... | rest |     max_l3 >= ip + options + room
 *   | eth | tag? | ip | options | room |                      offset 0, MF       out 0
 *   | eth | tag? | ip | copied  |        room |               offset room, MF    out 1 ...
 *
 *   sender --- too long, DF or IPv6 --->|
 *   sender <-- "use max_l3" ------------|   MAC and IP addresses of the frame, swapped
 */
#ifndef DBR_BRIDGE_FRAG_H
#define DBR_BRIDGE_FRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_FRAG_MIN = 576, /* least max_l3: what every host takes (RFC 791 3.2) */
    DBR_FRAG_ANSWER_MAX = 14 + 4 + 1280,
};

enum dbr_frag_kind {
    DBR_FRAG_PASS,   /* goes as it is: short enough, not IP, broken, or too long and nobody may be told */
    DBR_FRAG_CUT,    /* dbr_frag_next() gives what goes */
    DBR_FRAG_ANSWER, /* is not to be sent; dbr_frag_answer() makes what its sender is to get */
};

/* Cursor over one frame; borrowed memory only. Fields are for frag.c. */
struct dbr_frag {
    const uint8_t *frame;
    size_t l3, l4;   /* offsets: the IP header, its payload (IPv6: the upper layer) */
    size_t end;      /* of the IP packet; the frame's padding is left out */
    size_t at;       /* payload bytes already written */
    size_t room;     /* payload bytes per fragment, a multiple of 8 */
    uint16_t max_l3; /* what an answer says */
    uint8_t version; /* 4 or 6 */
    uint8_t options; /* bytes of options in fragments but the first */
    bool atomic;     /* DF was set: fragments bear `id` and no DF */
    uint16_t id;
    uint8_t copy[40]; /* those */
};

/* Looks at a frame of n bytes whose IP packet may be at most max_l3 bytes (DBR_FRAG_MIN or more; IPv6: never
 * less than its 1,280). A too long packet that cannot be cut is DBR_FRAG_PASS when an answer would break
 * RFC 1122 3.2.2 or RFC 4443 2.4: to ICMP errors, to fragments but the first, to group addresses, from
 * addresses that are nobody's. */
enum dbr_frag_kind dbr_frag_init(struct dbr_frag *f, const uint8_t *frame, size_t n, uint16_t max_l3);

/* DBR_FRAG_ANSWER of an IPv4 packet: cuts it in spite of DF, as a link does that fragments below IP; true if
 * that is now what the cursor does. The fragments bear no DF, and where the packet had no id, one made of its
 * content (RFC 6864: the id of a packet with DF means nothing, and need not be there). IPv6 gives false. */
bool dbr_frag_cut_anyway(struct dbr_frag *f);

/* DBR_FRAG_CUT: length of the longest fragment's frame, and how many are still to come. */
size_t dbr_frag_frame_len(const struct dbr_frag *f);
size_t dbr_frag_left(const struct dbr_frag *f);

/* DBR_FRAG_CUT: writes the next fragment's frame to out and returns its length; 0 = no more; DBR_ERR_SPACE:
 * cap is too small, nothing written, may be called again. RFC 791 3.2: ids kept, options with the copy bit in
 * all of them, what was a fragment already keeps its place. */
int dbr_frag_next(struct dbr_frag *f, uint8_t *out, size_t cap);

/* DBR_FRAG_ANSWER: writes "fragmentation needed" (RFC 1191) or "packet too big" (RFC 4443 3.2) for the
 * sender, from the address that it wrote to, and returns its length (at most DBR_FRAG_ANSWER_MAX);
 * DBR_ERR_SPACE. The tag is the frame's. */
int dbr_frag_answer(const struct dbr_frag *f, uint8_t *out, size_t cap);

#endif
