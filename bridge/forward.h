/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The switch decision: from where a frame came and what it is, to where it goes, and what was learned on the
 * way. A pure function of the MAC table, the guarded addresses, the port's policy and the time given by the
 * caller; called by every worker thread, for every frame, without a lock unless something is learned.
 *
 * MAC moves are judged, not believed. Who asks for an address that another port has:
 *
 *   owner now        asked for by a peer                           asked for by the LAN
 *   bridge, gateway  never                                         always the LAN's
 *   LAN host         no, while seen within age_s                   -
 *   another peer     no, while seen within age_s                   no, while seen within lan_quiet_s
 *
 * An address whose owner has been silent for longer is moved. With source_guard off a peer may take the
 * address of a LAN host or another peer at once, never that of the bridge or the gateway.
 */
#ifndef DBR_BRIDGE_FORWARD_H
#define DBR_BRIDGE_FORWARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/eth.h"
#include "bridge/fdb.h"
#include "bridge/guard.h"
#include "bridge/vlan.h"

enum dbr_mac_role { DBR_ROLE_NONE = 0, DBR_ROLE_BRIDGE = 1, DBR_ROLE_GATEWAY = 2 };

enum { DBR_GUARDED_MAX = 16 };

/* One per data process; read by all workers, written by the thread that serves control. */
struct dbr_switch {
    struct dbr_fdb *fdb;  /* borrowed */
    uint32_t age_s;       /* entries not seen for so long have no rights; default 300 */
    struct dbr_vlan vlan; /* constant; zeroed = VLANs are not looked at */
    uint32_t lan_quiet_s; /* the LAN may take a peer's address when silent for so long; default 3 */
    _Atomic bool client_to_client;
    _Atomic uint64_t guarded[DBR_GUARDED_MAX];     /* role << 48 | mac48; 0 = free */
    _Atomic uint32_t guarded_ip4[DBR_GUARDED_MAX]; /* host order; peers may not claim them by ARP; 0 = free */
    _Atomic uint64_t guarded_ip6[DBR_GUARDED_MAX][2]; /* the two halves; peers may not advertise them */
};

/* Fills sw (caller's memory) with defaults; fdb is borrowed. */
void dbr_switch_init(struct dbr_switch *sw, struct dbr_fdb *fdb);

/* Declares mac to be the bridge's own or the gateway's: no peer gets it in any VLAN, and what a peer had
 * learned of it before is deleted. role DBR_ROLE_NONE takes it back. DBR_ERR_LIMIT: more than 16. */
int dbr_switch_guard_mac(struct dbr_switch *sw, uint64_t mac, enum dbr_mac_role role);
/* The same for an IPv4 address (host order) that no peer may claim in ARP: gateway, bridge, concentrator. */
int dbr_switch_guard_ip4(struct dbr_switch *sw, uint32_t ip, bool on);
/* The same for an IPv6 address (network order) that no peer may advertise. */
int dbr_switch_guard_ip6(struct dbr_switch *sw, const uint8_t ip[16], bool on);

/* The time, taken once per batch by the caller. */
struct dbr_tick {
    uint64_t ns; /* monotonic */
    uint32_t s;  /* the same in seconds */
};

/* Where a frame comes from. For the LAN: port DBR_PORT_LAN, policy and storm NULL. */
struct dbr_ingress {
    uint32_t port;
    const struct dbr_guard_policy *policy; /* borrowed */
    struct dbr_storm *storm;               /* borrowed; the caller's worker owns it */
};

enum dbr_dest {
    DBR_TO_DROP = 0,  /* see verdict */
    DBR_TO_LAN = 1,   /* write to the TAP */
    DBR_TO_PEER = 2,  /* seal for route.peer (ask dbr_guard_out() of its policy first) */
    DBR_TO_FLOOD = 3, /* to the LAN if flood_lan, and to all peers but the ingress if flood_peers */
};

enum dbr_learned { DBR_LEARN_NONE = 0, DBR_LEARN_NEW = 1, DBR_LEARN_MOVED = 2 };

struct dbr_route {
    enum dbr_dest to;
    enum dbr_guard verdict; /* DBR_GUARD_PASS unless to is DBR_TO_DROP */
    uint32_t peer;          /* DBR_TO_PEER: the peer's id */
    bool flood_lan, flood_peers;
    enum dbr_learned learned; /* the source address is new at this port, or has moved here from moved_from */
    uint32_t moved_from;      /* DBR_LEARN_MOVED: the old port */
    uint32_t classes;         /* of the frame, for dbr_guard_out() of each destination */
};

/* Judges, learns and routes one frame; v must come from a good dbr_eth_parse(). Learning happens only for a
 * frame that passed every guard but the storm limit. Costs one hash look-up for the source and one for the
 * destination. */
struct dbr_route dbr_forward(struct dbr_switch *sw, const struct dbr_ingress *in,
                             const struct dbr_eth_view *v, struct dbr_tick now);

#endif
