/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Probes that find a loop: a frame of our own that comes back through a peer's port means that the peer is
 * joined to the LAN, or to another peer's site, by a way that is not ours; the first broadcast would circle
 * there for ever. Pure functions; whoever owns the ports says when to send and what to do (server/data).
 *
 *      LAN <--- probe, egress LAN --- concentrator <--- the same frame --- peer P, on both at once
 *
 * A probe is an ordinary broadcast to whoever meets it, of the EtherType that IEEE 802 keeps for local
 * experiments. It names the port through which it left and the time, under a key of this process: nobody can
 * make one, and a copy is of use for three seconds, to somebody who has got hold of it at another place of
 * the net, which is what a loop is.
 */
#ifndef DBR_BRIDGE_LOOP_H
#define DBR_BRIDGE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/eth.h"

enum {
    DBR_LOOP_ETHERTYPE = 0x88b5, /* IEEE 802 local experimental 1 */
    DBR_LOOP_FRAME = 60,
    DBR_LOOP_FRESH_S = 3,
    DBR_LOOP_SEED = 22,
};

/* Constant once made; read by all threads. */
struct dbr_loop {
    uint8_t key[16];
    uint64_t mac; /* source of the probes: nobody's */
};

/* Makes key and address from 22 random bytes. */
void dbr_loop_init(struct dbr_loop *l, const uint8_t seed[DBR_LOOP_SEED]);

/* Writes the probe (60 bytes) that leaves through port `egress` (a peer's id or DBR_PORT_LAN) now. */
void dbr_loop_write(const struct dbr_loop *l, uint8_t frame[DBR_LOOP_FRAME], uint32_t egress,
                    uint64_t now_ns);

/* True for a probe of ours that is not older than three seconds; *egress is where it left. */
bool dbr_loop_read(const struct dbr_loop *l, const struct dbr_eth_view *v, uint64_t now_ns, uint32_t *egress);

/* Is it the port through which the probe came back (a peer's id) that has to be closed? Of two sites that are
 * joined one goes on: the one with the smaller id. A laptop is no way to anywhere. */
bool dbr_loop_blames(uint32_t egress, uint32_t port, bool site);

#endif
