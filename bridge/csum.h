/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Internet checksum (RFC 1071). Sums are kept in the byte order of memory: the ones' complement sum does
 * not care, as long as results are stored with csum_store() and single values enter through csum_value(). For
 * this room only. Pure.
 */
#ifndef DBR_BRIDGE_CSUM_H
#define DBR_BRIDGE_CSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

/* a + b with the carry put back in. */
static inline uint64_t csum_add64(uint64_t a, uint64_t b)
{
    a += b;
    return a + (a < b);
}

/* Adds n bytes at p to sum. p must be at an even offset of what is summed in all; n may be odd only at its
 * end. */
uint64_t csum_bytes(uint64_t sum, const uint8_t *p, size_t n);

/* Adds a 16-bit field given as a number. */
static inline uint64_t csum_value(uint64_t sum, uint16_t v)
{
    uint8_t b[2];
    uint16_t raw;
    dbr_put16(b, v);
    memcpy(&raw, b, 2);
    return csum_add64(sum, raw);
}

/* The 16-bit ones' complement sum, in memory order, not complemented. */
static inline uint16_t csum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffffU) + (sum >> 32);
    sum = (sum & 0xffffffffU) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static inline void csum_store(uint8_t *field, uint16_t memory_order)
{
    memcpy(field, &memory_order, 2);
}

/* The sum of a pseudo header: addresses, protocol, and the length of the upper layer (RFC 793, RFC 8200 8.1).
 * version is 4 or 6, ip its header. IPv6 with a routing header: the caller must not ask (the address
 * differs). */
uint64_t csum_pseudo(uint8_t version, const uint8_t *ip, uint8_t proto, uint32_t upper_len);

/* New value of a checksum field (a number) when one covered 16-bit word changes from `was` to `is` (RFC
 * 1624). */
static inline uint16_t csum_update(uint16_t check, uint16_t was, uint16_t is)
{
    uint32_t sum = (uint32_t)(uint16_t)~check + (uint16_t)~was + is;
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

#endif
