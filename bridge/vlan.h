/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * VLANs per client, as OpenVPN 2.5 has them (`vlan-tagging`, its manual and src/openvpn/vlan.c): the switch
 * keeps the VLANs apart, every peer is an access port of one of them, and the TAP is a trunk, an access port,
 * or both. Pure; any thread.
 *
 *   peer                   switch                        TAP
 *   untagged          ->   the peer's pvid         ->    as the TAP carries that VLAN, see below
 *   priority tag      ->   the same                ->    the tag gets the id, or stays as it is
 *   tag with an id    ->   dropped
 *
 *   `vlan-accept`     tag with an id from the TAP     no tag, or a priority tag    a VLAN towards the TAP
 *   tagged            that VLAN, tag taken off        dropped                      tagged
 *   untagged          dropped                         the global pvid              global pvid untagged,
 * others not all               that VLAN, tag taken off        the global pvid              global pvid
 * untagged, others tagged
 *
 * Where OpenVPN's source and manual differ (a priority tag under `tagged`) this is the manual. Stacked tags
 * go nowhere (DBR_CLASS_BAD_VLAN). Without the directive all of this is out of the way: the VLAN of every
 * frame is 0 for the ports, and the MAC table takes the id of the tag as before.
 */
#ifndef DBR_BRIDGE_VLAN_H
#define DBR_BRIDGE_VLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/eth.h"
#include "bridge/guard.h"
#include "bridge/vnet.h"

enum { DBR_VLAN_NONE = 4095, DBR_VLAN_MAX = 4094 };

enum dbr_vlan_accept {
    DBR_VLAN_OFF = 0, /* no `vlan-tagging` */
    DBR_VLAN_TAGGED = 1,
    DBR_VLAN_UNTAGGED = 2,
    DBR_VLAN_ALL = 3,
};

/* Which VLAN a frame that comes in by a port is in. */
struct dbr_vlan_port {
    uint16_t untagged; /* of a frame that names none; DBR_VLAN_NONE: it is dropped */
    uint16_t named;    /* or-ed to the id that a frame names: 0, or DBR_VLAN_NONE: it is dropped */
};

/* One per switch; constant once frames flow. */
struct dbr_vlan {
    struct dbr_vlan_port tap;
    uint16_t mask;    /* of the VLAN that ports are compared by: 0 without the directive, else all ones */
    uint16_t native;  /* the VLAN without tag on the TAP; 0: none */
    bool native_only; /* the TAP carries no other */
};

/* accept other than DBR_VLAN_OFF needs a pvid of 1..DBR_VLAN_MAX; anything else is DBR_VLAN_OFF. */
void dbr_vlan_init(struct dbr_vlan *c, enum dbr_vlan_accept accept, uint16_t pvid);

/* Makes the policy one of an access port of VLAN pvid: tags with an id are dropped both ways, priority tags
 * pass. pvid 0 changes nothing. */
void dbr_vlan_access(struct dbr_guard_policy *p, uint16_t pvid);

/* A frame came in by a port: fills in its VLAN; DBR_VLAN_NONE: one that we do not take, dbr_forward() drops
 * it. Without a branch, and without the directive nothing changes (port is zero). */
static inline void dbr_vlan_enter(struct dbr_eth_view *v, struct dbr_vlan_port port)
{
    v->vlan = v->vid ? v->vid | port.named : port.untagged;
}

/* How the TAP carries a VLAN: the id of the tag, 0 = without tag, DBR_VLAN_NONE = not at all. Without the
 * directive vid itself. */
uint16_t dbr_vlan_on_tap(const struct dbr_vlan *c, uint16_t vid);

/* Puts a tag of that id on the frame of *len bytes, in front of which there must be DBR_VLAN_TAG bytes of
 * room: *frame moves there, *len grows. A priority tag gets the id instead. DBR_ERR_SHAPE: it is no frame, or
 * it names another VLAN already; nothing has changed. */
int dbr_vlan_tag(uint8_t **frame, size_t *len, uint16_t vid);

/* Takes the outer tag off, in place; *frame moves up. vnet, the header that came with the frame, is
 * corrected. DBR_ERR_SHAPE: no tag, or the checksum of vnet would begin in front of the payload; nothing has
 * changed. */
int dbr_vlan_untag(uint8_t **frame, size_t *len, struct dbr_vnet *vnet);

#endif
