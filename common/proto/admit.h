/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What stands between the gate and the cookie for hard resets: a memory of recorded resets, and a token
 * bucket per source prefix. Both are bounded, keyed and never "deny all". Owned by the control process, one
 * thread.
 *
 * Order for a hard reset: shape, HMAC, seen before (gated resets only: a genuine retransmission carries a new
 * replay id and so a new HMAC), then the bucket of its /32 or /64. The token comes back when the handshake
 * completes.
 */
#ifndef DBR_PROTO_ADMIT_H
#define DBR_PROTO_ADMIT_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

/* Two generations of 64k slots x 8 bytes, rotated every rotate_seconds; 1 MiB in all. NULL when out of
 * memory. */
struct dbr_seen;
struct dbr_seen *dbr_seen_new(const uint8_t key[16], uint32_t rotate_seconds);
void dbr_seen_free(struct dbr_seen *s);
/* True if this MAC prefix was given before within the last one to two generations; remembers it anew either
 * way, so that a packet replayed without pause stays known. Seconds of a clock that does not go back. */
bool dbr_seen_before(struct dbr_seen *s, uint64_t mac_prefix, uint64_t now_s);

/* rate tokens per period seconds for each /32 (IPv4) or /64 (IPv6), all of them at once if need be; a bounded
 * number of prefixes (65,536), keyed, the slot of another prefix is taken over when it is full again or by
 * random eviction. rate 0: no limit. NULL when out of memory. */
struct dbr_buckets;
struct dbr_buckets *dbr_buckets_new(const uint8_t key[16], uint32_t rate, uint32_t period_s);
void dbr_buckets_free(struct dbr_buckets *b);
/* Takes one token; false if the prefix has none left. */
bool dbr_buckets_take(struct dbr_buckets *b, const struct dbr_addr *addr, uint64_t now_ns);
/* Gives one back (never above the rate). */
void dbr_buckets_give(struct dbr_buckets *b, const struct dbr_addr *addr);

#endif
