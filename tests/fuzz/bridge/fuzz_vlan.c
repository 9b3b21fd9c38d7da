/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * VLANs: any frame with any header of the TAP, between a TAP in any mode and an access port. The first two
 * bytes choose mode and ids, then come the header and the frame. from the TAP: what passes the port names no
 * VLAN; a tag that goes and comes back leaves the frame as it was from a peer:  what passes is on the TAP in
 * the peer's VLAN and in no other
 */
#include <stdlib.h>
#include <string.h>

#include "bridge/vlan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

enum { HEAD = 2 + DBR_VNET_LEN };

/* Tags the untagged frame again: it must be the one that came, but for the priority. */
static void and_back(uint8_t *p, size_t n, uint16_t vid, const uint8_t *frame, size_t len)
{
    REQUIRE(!dbr_vlan_tag(&p, &n, vid));
    REQUIRE(n == len && !memcmp(p, frame, 14) && !memcmp(p + 16, frame + 16, n - 16));
    REQUIRE(dbr_get16(p + 14) == (dbr_get16(frame + 14) & 0x0fff));
}

static void from_tap(const struct dbr_vlan *c, const struct dbr_guard_policy *port, const uint8_t *vnet,
                     const uint8_t *frame, size_t len)
{
    struct dbr_eth_view v;
    struct dbr_vnet h;
    if (dbr_eth_parse(&v, frame, len))
        return;
    dbr_vnet_parse(&h, vnet);
    dbr_vlan_enter(&v, c->tap);
    if (v.vlan == DBR_VLAN_NONE || !c->mask)
        return;
    REQUIRE(v.vlan >= 1 && v.vlan <= DBR_VLAN_MAX);
    uint32_t classes = dbr_guard_classify(&v);
    uint8_t *copy = malloc(len), *p = copy;
    size_t n = len;
    REQUIRE(copy);
    memcpy(copy, frame, len);
    bool gone = classes & DBR_CLASS_VID && !dbr_vlan_untag(&p, &n, &h);
    if (gone) {
        classes &= ~(uint32_t)(DBR_CLASS_VID | DBR_CLASS_TAGGED);
        REQUIRE(n == len - DBR_VLAN_TAG && p == copy + DBR_VLAN_TAG);
    }
    if (dbr_guard_out(port, classes, false) == DBR_GUARD_PASS) {
        struct dbr_eth_view out;
        REQUIRE(!dbr_eth_parse(&out, p, n) && !out.vid && !out.stacked);
        REQUIRE(out.dst == v.dst && out.src == v.src && out.ethertype == v.ethertype);
    }
    if (gone && dbr_get16(p + 12) != DBR_ETHERTYPE_VLAN)
        and_back(p, n, v.vlan, frame, len);
    free(copy);
}

static void from_peer(const struct dbr_vlan *c, const struct dbr_guard_policy *port, const uint8_t *frame,
                      size_t len)
{
    struct dbr_eth_view v, out;
    if (!c->mask || dbr_eth_parse(&v, frame, len) ||
        dbr_guard_in(port, &v, dbr_guard_classify(&v)) != DBR_GUARD_PASS)
        return;
    uint8_t *copy = malloc(DBR_VLAN_TAG + len), *p = copy + DBR_VLAN_TAG;
    size_t n = len;
    REQUIRE(copy);
    memcpy(p, frame, len);
    uint16_t tag = dbr_vlan_on_tap(c, port->pvid);
    if (tag && tag != DBR_VLAN_NONE) {
        REQUIRE(!dbr_vlan_tag(&p, &n, tag) && p >= copy);
        REQUIRE(!dbr_eth_parse(&out, p, n) && out.vid == port->pvid && !out.stacked);
        REQUIRE(out.dst == v.dst && out.src == v.src && out.ethertype == v.ethertype);
        dbr_vlan_enter(&out, c->tap);
        REQUIRE(out.vlan == port->pvid);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_vlan c;
    struct dbr_guard_policy port;
    if (size < HEAD)
        return 0;
    dbr_vlan_init(&c, (enum dbr_vlan_accept)(data[0] & 3), (uint16_t)(data[1] >> 4));
    dbr_guard_policy_default(&port, data[0] & 4 ? DBR_KIND_SITE : DBR_KIND_LAPTOP);
    dbr_vlan_access(&port, (uint16_t)(1 + (data[1] & 15)));
    from_tap(&c, &port, data + 2, data + HEAD, size - HEAD);
    from_peer(&c, &port, data + HEAD, size - HEAD);
    return 0;
}
