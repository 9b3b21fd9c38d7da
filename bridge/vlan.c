/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/vlan.h"

#include <string.h>

enum { ADDRESSES = 12, ID = 0x0fff, TAGGED_HEADER = DBR_ETH_HEADER + DBR_VLAN_TAG };

void dbr_vlan_init(struct dbr_vlan *c, enum dbr_vlan_accept accept, uint16_t pvid)
{
    *c = (struct dbr_vlan){0};
    if (accept == DBR_VLAN_OFF || !pvid || pvid > DBR_VLAN_MAX)
        return;
    c->mask = UINT16_MAX;
    c->native = accept == DBR_VLAN_TAGGED ? 0 : pvid;
    c->native_only = accept == DBR_VLAN_UNTAGGED;
    c->tap.untagged = accept == DBR_VLAN_TAGGED ? DBR_VLAN_NONE : pvid;
    c->tap.named = accept == DBR_VLAN_UNTAGGED ? DBR_VLAN_NONE : 0;
}

void dbr_vlan_access(struct dbr_guard_policy *p, uint16_t pvid)
{
    if (!pvid)
        return;
    p->pvid = pvid;
    p->deny_in = (p->deny_in & ~(uint32_t)DBR_CLASS_TAGGED) | DBR_CLASS_VID | DBR_CLASS_BAD_VLAN;
    p->deny_out = (p->deny_out & ~(uint32_t)DBR_CLASS_TAGGED) | DBR_CLASS_VID | DBR_CLASS_BAD_VLAN;
}

uint16_t dbr_vlan_on_tap(const struct dbr_vlan *c, uint16_t vid)
{
    if (vid == c->native)
        return 0;
    return c->native_only ? DBR_VLAN_NONE : vid;
}

static bool has_tag(const uint8_t *frame, size_t len)
{
    return len >= TAGGED_HEADER && dbr_get16(frame + ADDRESSES) == DBR_ETHERTYPE_VLAN;
}

/* A priority tag keeps its priority. */
static int name_vlan(uint8_t *frame, uint16_t vid)
{
    uint16_t tci = dbr_get16(frame + DBR_ETH_HEADER);
    if (tci & ID)
        return DBR_ERR_SHAPE;
    dbr_put16(frame + DBR_ETH_HEADER, tci | vid);
    return 0;
}

int dbr_vlan_tag(uint8_t **frame, size_t *len, uint16_t vid)
{
    if (*len < DBR_ETH_HEADER || !vid || vid > DBR_VLAN_MAX)
        return DBR_ERR_SHAPE;
    if (has_tag(*frame, *len))
        return name_vlan(*frame, vid);
    *frame -= DBR_VLAN_TAG;
    *len += DBR_VLAN_TAG;
    memmove(*frame, *frame + DBR_VLAN_TAG, ADDRESSES);
    dbr_put16(*frame + ADDRESSES, DBR_ETHERTYPE_VLAN);
    dbr_put16(*frame + DBR_ETH_HEADER, vid);
    return 0;
}

int dbr_vlan_untag(uint8_t **frame, size_t *len, struct dbr_vnet *vnet)
{
    bool partial = vnet->flags & DBR_VNET_NEEDS_CSUM;
    if (!has_tag(*frame, *len) || (partial && vnet->csum_start < TAGGED_HEADER))
        return DBR_ERR_SHAPE;
    memmove(*frame + DBR_VLAN_TAG, *frame, ADDRESSES);
    *frame += DBR_VLAN_TAG;
    *len -= DBR_VLAN_TAG;
    if (partial)
        vnet->csum_start -= DBR_VLAN_TAG;
    if (vnet->hdr_len >= TAGGED_HEADER)
        vnet->hdr_len -= DBR_VLAN_TAG;
    return 0;
}
