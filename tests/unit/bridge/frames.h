/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Frames for the tests of the bridge room: a builder that writes them field by field, and a plain checksum of
 * its own, so that the code under test is not its own judge.
 */
#ifndef TEST_BRIDGE_FRAMES_H
#define TEST_BRIDGE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_CAP = 70000 };

struct frame {
    uint8_t b[FRAME_CAP];
    size_t n;
    size_t l3, l4; /* set by the builders below */
    uint8_t version, proto;
};

/* Everything a flow's frames have in common; zero is a good default for all but version and proto. */
struct frame_spec {
    uint8_t version; /* 4 or 6 */
    uint8_t proto;   /* 6 or 17; others get no upper header */
    uint64_t dst, src;
    bool tagged;
    uint16_t vid;
    uint8_t ip_options;  /* IPv4: bytes, a multiple of 4, up to 40 */
    uint8_t ext_headers; /* IPv6: destination-options headers of 8 bytes */
    uint8_t tos, ttl;
    bool dont_fragment;
    uint16_t id;
    uint8_t host; /* last byte of the source address */
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window, urgent;
    uint8_t tcp_options; /* bytes, a multiple of 4, up to 40: NOPs and a timestamp */
};

/* Raw pieces, each appended at the end. */
void frame_start(struct frame *f, uint64_t dst, uint64_t src, uint16_t ethertype);
void frame_tag(struct frame *f, uint16_t tci, uint16_t ethertype); /* after frame_start(.., 0x8100) */
void frame_bytes(struct frame *f, const void *p, size_t n);
void frame_fill(struct frame *f, uint8_t value, size_t n);

/* A whole frame of a spec with n payload bytes (NULL: a pattern), lengths and checksums right. */
void frame_build(struct frame *f, const struct frame_spec *s, const uint8_t *payload, size_t n);
/* Offset of the payload in a frame of this spec. */
size_t frame_head(const struct frame_spec *s);

/* Writes lengths (IP total or payload length, UDP length) and checksums anew, by the plain method. */
void frame_finish(struct frame *f);
/* True if IP header and TCP/UDP checksum are right; a frame whose IP is longer than the frame is not. */
bool frame_good(const uint8_t *b, size_t n, size_t l3, size_t l4, uint8_t proto);

/* One's complement sum of n bytes, big endian words, odd byte padded with zero. */
uint32_t plain_sum(const uint8_t *p, size_t n);
uint16_t plain_fold(uint32_t sum);
/* Sum of the pseudo header. */
uint32_t plain_pseudo(const uint8_t *ip, uint8_t proto, size_t len);

/* Deterministic noise. */
uint64_t noise(uint64_t *state);
uint64_t below(uint64_t *state, uint64_t n);

#define HOST_A    0x020000000001U
#define HOST_B    0x020000000002U
#define LAN_HOST  0x02000000aa01U
#define GATEWAY   0x02000000fe01U
#define BRIDGE    0x02000000b001U
#define BROADCAST 0xffffffffffffU

#endif
