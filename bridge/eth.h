/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One Ethernet frame, parsed once. The view borrows the frame; every later step (guard, switch, MSS clamp)
 * reads the view and never the header again. Pure; any thread.
 *
 *   0        6        12     14                      0        6        12     14    16     18
 *   | dst    | src    | type | payload               | dst    | src    | 8100 | tci | type | payload
 *                            ^ l3                                                         ^ l3
 */
#ifndef DBR_BRIDGE_ETH_H
#define DBR_BRIDGE_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    DBR_ETH_HEADER = 14,
    DBR_VLAN_TAG = 4,
    DBR_ETH_MAX = 65535 + 40 + DBR_ETH_HEADER + DBR_VLAN_TAG, /* IPv6 payload, header, one tag */

    DBR_ETHERTYPE_IPV4 = 0x0800,
    DBR_ETHERTYPE_ARP = 0x0806,
    DBR_ETHERTYPE_VLAN = 0x8100,
    DBR_ETHERTYPE_IPV6 = 0x86dd,
    DBR_ETHERTYPE_PAUSE = 0x8808,
    DBR_ETHERTYPE_SLOW = 0x8809, /* LACP, marker, OAM */
    DBR_ETHERTYPE_EAPOL = 0x888e,
    DBR_ETHERTYPE_QINQ = 0x88a8,
    DBR_ETHERTYPE_LLDP = 0x88cc,
    DBR_ETHERTYPE_QINQ_OLD = 0x9100,
};

/* A MAC address as a number: the first byte on the wire is the most significant of 48 bits. */
#define DBR_MAC_BROADCAST 0xffffffffffffULL
#define DBR_MAC_GROUP_BIT 0x010000000000ULL

struct dbr_eth_view {
    const uint8_t *frame; /* borrowed */
    size_t len;           /* bytes of the frame, all headers included */
    uint64_t dst, src;    /* mac48 */
    uint16_t ethertype;   /* after one 802.1Q tag; below 0x0600 it is an 802.3 length */
    uint16_t l3;          /* offset of the payload: 14, or 18 when tagged */
    uint16_t vid;         /* VLAN id of the tag, 0 when untagged or priority-tagged */
    uint16_t vlan;  /* the VLAN that the switch has it in: vid, unless dbr_vlan_enter() said otherwise */
    uint8_t pcp;    /* priority of the tag, 0..7 */
    bool tagged;    /* one 802.1Q tag was there */
    bool stacked;   /* another tag follows, or the outer one is 802.1ad */
    bool multicast; /* group bit of dst (broadcast included) */
    bool broadcast;
};

/* Parses n bytes at frame (borrowed by the view). 0, or DBR_ERR_SHAPE for n < 14, for n < 18 with an 802.1Q
 * type, and for n > DBR_ETH_MAX; the view is then all zero. */
static inline int dbr_eth_parse(struct dbr_eth_view *v, const uint8_t *frame, size_t n);

static inline bool dbr_mac_is_group(uint64_t mac)
{
    return (mac & DBR_MAC_GROUP_BIT) != 0;
}

static inline void dbr_mac_write(uint8_t out[6], uint64_t mac)
{
    dbr_put16(out, (uint16_t)(mac >> 32));
    dbr_put32(out + 2, (uint32_t)mac);
}

enum { DBR_MAC_TEXT = 18 };
/* "02:00:5e:10:00:01"; returns out. */
const char *dbr_mac_text(uint64_t mac, char out[DBR_MAC_TEXT]);
/* Reads six hex pairs with ':' or '-' between them; DBR_ERR_SHAPE for anything else. */
int dbr_mac_parse(uint64_t *mac, const char *text);

static inline int dbr_eth_parse(struct dbr_eth_view *v, const uint8_t *frame, size_t n)
{
    *v = (struct dbr_eth_view){0};
    if (n < DBR_ETH_HEADER || n > DBR_ETH_MAX)
        return DBR_ERR_SHAPE;
    uint16_t type = dbr_get16(frame + 12);
    if (type == DBR_ETHERTYPE_VLAN) {
        if (n < DBR_ETH_HEADER + DBR_VLAN_TAG)
            return DBR_ERR_SHAPE;
        uint16_t tci = dbr_get16(frame + 14);
        v->tagged = true;
        v->vid = v->vlan = tci & 0x0fff;
        v->pcp = (uint8_t)(tci >> 13);
        type = dbr_get16(frame + 16);
    }
    v->frame = frame;
    v->len = n;
    v->dst = dbr_get48(frame);
    v->src = dbr_get48(frame + 6);
    v->ethertype = type;
    v->l3 = v->tagged ? DBR_ETH_HEADER + DBR_VLAN_TAG : DBR_ETH_HEADER;
    v->stacked = type == DBR_ETHERTYPE_QINQ || type == DBR_ETHERTYPE_QINQ_OLD || type == DBR_ETHERTYPE_VLAN;
    v->multicast = dbr_mac_is_group(v->dst);
    v->broadcast = v->dst == DBR_MAC_BROADCAST;
    return 0;
}

#endif
