/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The stateless session id. Our answer to a hard reset carries a session id that is a MAC over the client's
 * address, its session id and the current time slot; only a client that received it can acknowledge it. No
 * state is kept before that. Compare OpenVPN 2.6 src/openvpn/ssl_pkt.c calculate_session_id_hmac
 * (CVE-2025-13086 is its inverted comparison). Pure; any thread.
 */
#ifndef DBR_PROTO_COOKIE_H
#define DBR_PROTO_COOKIE_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct dbr_cookie {
    uint8_t key[16];       /* random, made at start */
    uint32_t slot_seconds; /* half the hand-window; > 0 */
};

/* The session id for this client in the slot of unix or monotonic second now_s; never 0. */
uint64_t dbr_cookie_make(const struct dbr_cookie *c, uint64_t now_s, const struct dbr_addr *addr,
                         uint64_t client_sid);

/* True if sid was made for this address, port and client session id in the current slot or one of the two
 * before it; false for any other slot, the next one included. Constant time in the value compared. */
bool dbr_cookie_check(const struct dbr_cookie *c, uint64_t now_s, const struct dbr_addr *addr,
                      uint64_t client_sid, uint64_t sid);

#endif
