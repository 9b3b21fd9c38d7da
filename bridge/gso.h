/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Segmentation: cuts a super frame from the TAP into the frames that go on the wire, each written straight
 * into a buffer of the caller (with whatever headroom the caller keeps in front of it). TCP over IPv4 and
 * IPv6, UDP (USO), with or without one VLAN tag, IPv4 options, IPv6 extension headers, TCP options. Pure; any
 * thread.
 *
 *   | eth | ip | tcp seq s | payload: gso_size | gso_size | ... | rest |          super frame
 *   | eth | ip | tcp s           | gso_size |   id i,   no FIN/PSH                 out 0
 *   | eth | ip | tcp s+gso_size  | gso_size |   id i+1, no FIN/PSH/CWR             out 1 ...
 *
 * An ordinary frame comes out as it is, with its checksum finished, so that the caller has one loop for all.
 */
#ifndef DBR_BRIDGE_GSO_H
#define DBR_BRIDGE_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/mss.h"
#include "bridge/vnet.h"

/* Cursor over one frame; borrowed memory only. Fields are for gso.c. */
struct dbr_gso {
    const uint8_t *frame;
    size_t len;       /* of the super frame without trailing padding; of an ordinary frame with it */
    size_t at;        /* payload bytes already written */
    size_t payload;   /* payload bytes in all */
    size_t segment;   /* payload bytes per frame */
    uint64_t base;    /* sum over what is the same in each segment's TCP or UDP checksum */
    uint64_t ip_base; /* and in its IPv4 header's */
    uint16_t l3, l4;  /* offsets */
    uint16_t head;    /* bytes of all headers */
    uint16_t index;   /* segments written */
    uint8_t version;  /* 4 or 6; 0 = ordinary frame, copied */
    bool tcp, routing, unsummed;
    struct dbr_vnet vnet;
};

/* Prepares to cut the frame of n bytes that came with header v. max: TCP payload is cut smaller than gso_size
 * where the MSS (less the TCP options) asks for it, an ordinary TCP frame too; {0, 0} = as the header says.
 * UDP keeps its datagrams. 0, or DBR_ERR_SHAPE: header and frame do not fit together. */
int dbr_gso_init(struct dbr_gso *g, const struct dbr_vnet *v, const uint8_t *frame, size_t n,
                 struct dbr_mss max);

/* Number of frames that come out, and the length of all but the last of them (of the only one, if it is one).
 */
size_t dbr_gso_count(const struct dbr_gso *g);
size_t dbr_gso_frame_len(const struct dbr_gso *g);

/* From now on the segments of a super frame leave without TCP or UDP checksum (the field is 0): the receiver
 * takes care of it. False: it is an ordinary frame, or it has a
 * routing header; it keeps its own. */
bool dbr_gso_leave_sums(struct dbr_gso *g);

/* Writes the next frame to out and returns its length; 0 = no more; DBR_ERR_SPACE: cap is too small, nothing
 * written, may be called again. */
int dbr_gso_next(struct dbr_gso *g, uint8_t *out, size_t cap);

#endif
