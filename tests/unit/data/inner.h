/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TCP and UDP frames over IPv4 for tests, with a checksum of the tests' own.
 */
#ifndef DBR_TESTS_DATA_INNER_H
#define DBR_TESTS_DATA_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INNER_ETH = 14,
    INNER_IP = 20,
    INNER_TCP = 20,
    INNER_UDP = 8,
    INNER_SYN = 0x02,
    INNER_ACK = 0x10,
    INNER_PSH = 0x08
};

/* TCP from 192.0.2.1:1000 to 192.0.2.2:2000; mss 0 = no option; payload bytes are those of the sequence
 * number. partial: leave only the pseudo header's sum in the checksum field. Returns the length. */
size_t inner_tcp(uint8_t *out, const char *dst, const char *src, uint32_t seq, uint8_t flags, uint16_t mss,
                 size_t payload, bool partial);
size_t inner_udp(uint8_t *out, const char *dst, const char *src, uint16_t port, size_t payload, bool partial);

/* True if the IPv4 and the TCP or UDP checksum are right, and the lengths fit. */
bool inner_checks(const uint8_t *frame, size_t len);
/* Checks that the payload bytes are those of the sequence number in the TCP header. */
bool inner_tcp_payload_ok(const uint8_t *frame, size_t len);
uint16_t inner_mss(const uint8_t *frame);

#endif
