/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The header in front of every frame on the TAP (IFF_VNET_HDR): struct virtio_net_hdr of Linux's
 * virtio_net.h, 10 bytes, fields in host byte order (the TAP's default). Pure; any thread.
 *
 *   | flags 1 | gso_type 1 | hdr_len 2 | gso_size 2 | csum_start 2 | csum_offset 2 | frame...
 */
#ifndef DBR_BRIDGE_VNET_H
#define DBR_BRIDGE_VNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_VNET_LEN = 10,

    DBR_VNET_NEEDS_CSUM = 1, /* flags: sum from csum_start to the end belongs at csum_start + csum_offset */
    DBR_VNET_DATA_VALID = 2, /* flags: checksum was verified */

    DBR_VNET_GSO_NONE = 0,
    DBR_VNET_GSO_TCPV4 = 1,
    DBR_VNET_GSO_TCPV6 = 4,
    DBR_VNET_GSO_UDP_L4 = 5, /* Linux 6.2 and later */
    DBR_VNET_GSO_ECN = 0x80, /* or-ed to a TCP type: the first segment has CWR */
};

struct dbr_vnet {
    uint8_t flags;
    uint8_t gso_type;     /* DBR_VNET_GSO_* */
    uint16_t hdr_len;     /* all headers of a super frame, Ethernet included; a hint */
    uint16_t gso_size;    /* payload bytes per segment */
    uint16_t csum_start;  /* offset in the frame */
    uint16_t csum_offset; /* from csum_start: TCP 16, UDP 6 */
};

/* From and to the DBR_VNET_LEN bytes at p. */
void dbr_vnet_parse(struct dbr_vnet *v, const uint8_t *p);
void dbr_vnet_write(const struct dbr_vnet *v, uint8_t *p);

/* 0 if header and frame of n bytes fit together: known flags and type, checksum field inside the frame,
 * gso_size not zero for a super frame and NEEDS_CSUM with it. Else DBR_ERR_SHAPE. */
int dbr_vnet_check(const struct dbr_vnet *v, size_t n);

/* Finishes a partial checksum of an ordinary frame (not a super frame) in place, and clears the flag. The
 * field must hold the sum of the pseudo header, as the kernel leaves it. 0, or DBR_ERR_SHAPE: header does not
 * fit the frame, or it is a super frame. */
int dbr_vnet_finish(struct dbr_vnet *v, uint8_t *frame, size_t n);

/* The other way round, for a frame whose TCP or UDP checksum was left out: writes the sum of the pseudo
 * header into the field and says in *v what is to be done. 0, or DBR_ERR_SHAPE with nothing written: not one
 * whole TCP or UDP packet, or something stands behind it. */
int dbr_vnet_unsummed(struct dbr_vnet *v, uint8_t *frame, size_t n);

#endif
