/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * IP addresses to text and back, the same on every system and without its socket library. The forms are those
 * of inet_ntop and inet_pton. Pure functions; any thread.
 */
#ifndef DBR_BASE_IP_H
#define DBR_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

enum { DBR_IP4_TEXT = 16, DBR_IP6_TEXT = 46 };

/* "192.0.2.1"; ip in network order; returns out. */
const char *dbr_ip4_text(const uint8_t ip[4], char out[DBR_IP4_TEXT]);

/* "2001:db8::1" (RFC 5952); mapped and compatible ones end in dots: "::ffff:192.0.2.1". Returns out. */
const char *dbr_ip6_text(const uint8_t ip[16], char out[DBR_IP6_TEXT]);

/* Four decimal numbers without leading zeros. False, and ip as it was, for all else. */
bool dbr_ip4_parse(const char *text, uint8_t ip[4]);

/* All forms of RFC 4291, 2.2, without a zone. False, and ip as it was, for all else. */
bool dbr_ip6_parse(const char *text, uint8_t ip[16]);

#endif
