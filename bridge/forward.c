/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/forward.h"

#include "base/err.h"
#include "bridge/inet.h"

enum { AGE_S = 300, LAN_QUIET_S = 3, LEARN_TRIES = 8 };

#define MAC_MASK 0xffffffffffffU

void dbr_switch_init(struct dbr_switch *sw, struct dbr_fdb *fdb)
{
    *sw = (struct dbr_switch){.fdb = fdb, .age_s = AGE_S, .lan_quiet_s = LAN_QUIET_S};
}

/* --- guarded addresses: few, rarely written, by one thread --- */

static uint64_t load64(const _Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static uint32_t load32(const _Atomic uint32_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static int index_of_mac(const struct dbr_switch *sw, uint64_t mac)
{
    for (int i = 0; i < DBR_GUARDED_MAX; i++)
        if ((load64(&sw->guarded[i]) & MAC_MASK) == mac)
            return i;
    return -1;
}

static int index_of_ip4(const struct dbr_switch *sw, uint32_t ip)
{
    for (int i = 0; i < DBR_GUARDED_MAX; i++)
        if (load32(&sw->guarded_ip4[i]) == ip)
            return i;
    return -1;
}

static int index_of_ip6(const struct dbr_switch *sw, uint64_t high, uint64_t low)
{
    for (int i = 0; i < DBR_GUARDED_MAX; i++)
        if (load64(&sw->guarded_ip6[i][0]) == high && load64(&sw->guarded_ip6[i][1]) == low)
            return i;
    return -1;
}

static enum dbr_mac_role role_of(const struct dbr_switch *sw, uint64_t mac)
{
    int i = index_of_mac(sw, mac);
    return i < 0 ? DBR_ROLE_NONE : (enum dbr_mac_role)(load64(&sw->guarded[i]) >> 48);
}

/* The slot to write: that of the value itself, else (when it is to be set) a free one. */
static int slot_to_write(int have, int vacant, bool on)
{
    return have >= 0 || !on ? have : vacant;
}

/* Seldom called. An entry that stayed would not age out: its owner goes on speaking as that address. */
static void take_from_peers(struct dbr_switch *sw, uint64_t mac)
{
    for (uint16_t vid = 0; vid < DBR_VLAN_NONE; vid++) {
        uint32_t owner = dbr_fdb_lookup(sw->fdb, mac, vid, NULL);
        if (owner != DBR_PORT_LAN && owner != DBR_PORT_NONE)
            dbr_fdb_delete(sw->fdb, mac, vid);
    }
}

int dbr_switch_guard_mac(struct dbr_switch *sw, uint64_t mac, enum dbr_mac_role role)
{
    if (!mac || mac > MAC_MASK || dbr_mac_is_group(mac))
        return DBR_ERR_SHAPE;
    bool on = role != DBR_ROLE_NONE;
    int i = slot_to_write(index_of_mac(sw, mac), index_of_mac(sw, 0), on);
    if (i < 0)
        return on ? DBR_ERR_LIMIT : 0;
    atomic_store_explicit(&sw->guarded[i], on ? (uint64_t)role << 48 | mac : 0, memory_order_relaxed);
    if (on)
        take_from_peers(sw, mac);
    return 0;
}

int dbr_switch_guard_ip4(struct dbr_switch *sw, uint32_t ip, bool on)
{
    if (!ip)
        return DBR_ERR_SHAPE;
    int i = slot_to_write(index_of_ip4(sw, ip), index_of_ip4(sw, 0), on);
    if (i < 0)
        return on ? DBR_ERR_LIMIT : 0;
    atomic_store_explicit(&sw->guarded_ip4[i], on ? ip : 0, memory_order_relaxed);
    return 0;
}

int dbr_switch_guard_ip6(struct dbr_switch *sw, const uint8_t ip[16], bool on)
{
    uint64_t high = dbr_get64(ip), low = dbr_get64(ip + 8);
    if (!high && !low)
        return DBR_ERR_SHAPE;
    int i = slot_to_write(index_of_ip6(sw, high, low), index_of_ip6(sw, 0, 0), on);
    if (i < 0)
        return on ? DBR_ERR_LIMIT : 0;
    atomic_store_explicit(&sw->guarded_ip6[i][0], on ? high : 0, memory_order_relaxed);
    atomic_store_explicit(&sw->guarded_ip6[i][1], on ? low : 0, memory_order_relaxed);
    return 0;
}

/* --- what the frame is --- */

enum { IP6_SOURCE = 8, ND_TARGET = 8, TELLS_IP6 = DBR_CLASS_NA | DBR_CLASS_NS | DBR_CLASS_RS };

static bool is_guarded_ip6(const struct dbr_switch *sw, const uint8_t *ip)
{
    uint64_t high = dbr_get64(ip), low = dbr_get64(ip + 8);
    return (high || low) && index_of_ip6(sw, high, low) >= 0;
}

/* ARP sender, ND target, and the source of whatever brings its link-layer address along (RFC
 * 4861 7.2.3, 6.2.6: whoever is asked takes that one over), where these belong to the gateway or to us. The
 * shapes were judged before. */
static enum dbr_guard judge_claims(const struct dbr_switch *sw, const struct dbr_eth_view *v,
                                   uint32_t classes)
{
    if (classes & DBR_CLASS_ARP) {
        uint32_t sender = dbr_get32(v->frame + v->l3 + 14);
        if (sender && index_of_ip4(sw, sender) >= 0)
            return DBR_GUARD_ARP;
    }
    if (classes & TELLS_IP6 && is_guarded_ip6(sw, v->frame + v->l3 + IP6_SOURCE))
        return DBR_GUARD_ND;
    if (classes & DBR_CLASS_NA) {
        struct inet in = inet_parse(v->frame, v->len, v->l3, v->ethertype);
        if (is_guarded_ip6(sw, v->frame + in.l4 + ND_TARGET))
            return DBR_GUARD_ND;
    }
    return DBR_GUARD_PASS;
}

static enum dbr_guard judge_frame(const struct dbr_switch *sw, const struct dbr_ingress *in,
                                  const struct dbr_eth_view *v, uint32_t classes)
{
    if (!v->src || dbr_mac_is_group(v->src))
        return DBR_GUARD_BAD_SRC;
    if (!in->policy)
        return v->vlan == DBR_VLAN_NONE ? DBR_GUARD_VLAN : DBR_GUARD_PASS;
    enum dbr_guard g = dbr_guard_in(in->policy, v, classes);
    if (g == DBR_GUARD_PASS && classes & (DBR_CLASS_ARP | TELLS_IP6))
        g = judge_claims(sw, v, classes);
    return g;
}

/* --- whose address it is --- */

static bool seen_within(uint32_t seen_s, uint32_t now_s, uint32_t within_s)
{
    int32_t idle = (int32_t)(now_s - seen_s);
    return idle < 0 || (uint32_t)idle < within_s;
}

/* May `in` have the address that `owner` (seen at seen_s) has? PASS, or who keeps it. See the table in
 * forward.h. */
static enum dbr_guard judge_claimant(const struct dbr_switch *sw, const struct dbr_ingress *in, uint64_t mac,
                                     uint32_t owner, uint32_t seen_s, uint32_t now_s)
{
    static const enum dbr_guard kept_by[] = {
        [DBR_ROLE_NONE] = DBR_GUARD_PASS,
        [DBR_ROLE_BRIDGE] = DBR_GUARD_BRIDGE_MAC,
        [DBR_ROLE_GATEWAY] = DBR_GUARD_GATEWAY_MAC,
    };
    enum dbr_mac_role role = role_of(sw, mac);
    if (in->port == DBR_PORT_LAN) {
        bool peer_speaks = owner != DBR_PORT_NONE && seen_within(seen_s, now_s, sw->lan_quiet_s);
        return role == DBR_ROLE_NONE && peer_speaks ? DBR_GUARD_PEER_MAC : DBR_GUARD_PASS;
    }
    if (role != DBR_ROLE_NONE)
        return kept_by[role];
    if (owner == DBR_PORT_NONE || !in->policy->source_guard || !seen_within(seen_s, now_s, sw->age_s))
        return DBR_GUARD_PASS;
    return owner == DBR_PORT_LAN ? DBR_GUARD_LAN_MAC : DBR_GUARD_PEER_MAC;
}

/* The source is not (yet) known at this port. */
static enum dbr_guard learn_source(struct dbr_switch *sw, const struct dbr_ingress *in,
                                   const struct dbr_eth_view *v, uint32_t now_s, struct dbr_route *r)
{
    for (int i = 0; i < LEARN_TRIES; i++) {
        uint32_t seen_s = 0, owner = dbr_fdb_lookup(sw->fdb, v->src, v->vlan, &seen_s);
        if (owner == in->port)
            return DBR_GUARD_PASS;
        enum dbr_guard g = judge_claimant(sw, in, v->src, owner, seen_s, now_s);
        if (g != DBR_GUARD_PASS)
            return g;
        int err = dbr_fdb_learn_if(sw->fdb, v->src, v->vlan, in->port, now_s, owner);
        if (err == DBR_ERR_AGAIN)
            continue;
        if (err < 0)
            break;
        r->learned = err == 1 ? DBR_LEARN_MOVED : DBR_LEARN_NEW;
        r->moved_from = owner;
        return DBR_GUARD_PASS;
    }
    return in->port == DBR_PORT_LAN ? DBR_GUARD_PASS : DBR_GUARD_MAC_LIMIT;
}

static enum dbr_guard judge_source(struct dbr_switch *sw, const struct dbr_ingress *in,
                                   const struct dbr_eth_view *v, uint32_t now_s, struct dbr_route *r)
{
    if (dbr_fdb_refresh(sw->fdb, v->src, v->vlan, in->port, now_s) == in->port)
        return DBR_GUARD_PASS;
    return learn_source(sw, in, v, now_s, r);
}

/* --- where it goes --- */

static bool reaches_peers(const struct dbr_switch *sw, const struct dbr_ingress *in)
{
    if (in->port == DBR_PORT_LAN)
        return true;
    return !in->policy->isolated && atomic_load_explicit(&sw->client_to_client, memory_order_relaxed);
}

static enum dbr_guard flood(const struct dbr_switch *sw, const struct dbr_ingress *in, uint64_t now_ns,
                            struct dbr_route *r)
{
    bool from_lan = in->port == DBR_PORT_LAN;
    if (!from_lan && in->storm && !dbr_storm_allow(in->storm, in->policy->storm_pps, now_ns))
        return DBR_GUARD_STORM;
    r->flood_lan = !from_lan;
    r->flood_peers = reaches_peers(sw, in);
    r->to = r->flood_peers ? DBR_TO_FLOOD : DBR_TO_LAN;
    return DBR_GUARD_PASS;
}

static enum dbr_guard to_port(const struct dbr_switch *sw, const struct dbr_ingress *in, uint32_t port,
                              struct dbr_route *r)
{
    if (port == in->port)
        return DBR_GUARD_SAME_PORT;
    if (port == DBR_PORT_LAN) {
        r->to = DBR_TO_LAN;
        return DBR_GUARD_PASS;
    }
    if (!reaches_peers(sw, in))
        return DBR_GUARD_ISOLATED;
    r->to = DBR_TO_PEER;
    r->peer = port;
    return DBR_GUARD_PASS;
}

static enum dbr_guard find_destination(const struct dbr_switch *sw, const struct dbr_ingress *in,
                                       const struct dbr_eth_view *v, uint64_t now_ns, struct dbr_route *r)
{
    if (v->multicast)
        return flood(sw, in, now_ns, r);
    uint32_t port = dbr_fdb_lookup(sw->fdb, v->dst, v->vlan, NULL);
    if (port == DBR_PORT_NONE && v->dst && role_of(sw, v->dst) != DBR_ROLE_NONE)
        port = DBR_PORT_LAN;
    return port == DBR_PORT_NONE ? flood(sw, in, now_ns, r) : to_port(sw, in, port, r);
}

struct dbr_route dbr_forward(struct dbr_switch *sw, const struct dbr_ingress *in,
                             const struct dbr_eth_view *v, struct dbr_tick now)
{
    struct dbr_route r = {.to = DBR_TO_DROP, .classes = dbr_guard_classify(v)};
    r.verdict = judge_frame(sw, in, v, r.classes);
    if (r.verdict == DBR_GUARD_PASS)
        r.verdict = judge_source(sw, in, v, now.s, &r);
    if (r.verdict == DBR_GUARD_PASS)
        r.verdict = find_destination(sw, in, v, now.ns, &r);
    return r;
}
