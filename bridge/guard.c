/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/guard.h"

#include <string.h>

#include "bridge/inet.h"

static const struct {
    const char *name, *text;
} verdicts[DBR_GUARD_COUNT] = {
#define X(id, counter, text) {counter, text},
    DBR_GUARD_LIST(X)
#undef X
};

const char *dbr_guard_name(enum dbr_guard g)
{
    return (unsigned)g < DBR_GUARD_COUNT ? verdicts[g].name : "?";
}

const char *dbr_guard_text(enum dbr_guard g)
{
    return (unsigned)g < DBR_GUARD_COUNT ? verdicts[g].text : "?";
}

/* --- classification --- */

static const uint64_t cisco_groups[] = {
    0x01000ccccccc, /* CDP, VTP, DTP, UDLD, PAgP */
    0x01000ccccccd, /* PVST+ */
    0x01000ccdcdcd, /* uplink fast */
    0x01000c000000, /* ISL */
};

/* 01:80:c2:00:00:00..0f stay on one link (IEEE 802.1Q 8.6.3), 20..2f are GARP's. */
static bool is_link_local_group(uint64_t dst)
{
    uint64_t block = dst >> 4;
    if (block == 0x0180c200000 || block == 0x0180c200002)
        return true;
    for (size_t i = 0; i < sizeof cisco_groups / sizeof *cisco_groups; i++)
        if (dst == cisco_groups[i])
            return true;
    return false;
}

static uint32_t classify_802_3(const struct dbr_eth_view *v)
{
    const uint8_t *p = v->frame + v->l3;
    size_t n = v->len - v->l3;
    if (n >= 2 && p[0] == 0x42 && p[1] == 0x42)
        return DBR_CLASS_LINK_LOCAL; /* spanning tree, whatever the address says */
    if (n < 6 || p[0] != 0xaa || p[1] != 0xaa)
        return 0;
    uint32_t oui = dbr_get24(p + 3);
    if (oui == 0x00000c)
        return DBR_CLASS_LINK_LOCAL; /* Cisco's protocols */
    return oui == 0 || oui == 0x0000f8 ? DBR_CLASS_SNAP : 0;
}

static uint32_t classify_dhcp(const uint8_t *udp, uint16_t server, uint16_t client, uint32_t answer,
                              uint32_t question)
{
    uint16_t from = dbr_get16(udp), to = dbr_get16(udp + 2);
    uint32_t c = 0;
    if (from == server || to == client)
        c |= answer;
    if (from == client || to == server)
        c |= question;
    return c;
}

static uint32_t classify_icmp6(uint8_t type)
{
    switch (type) {
    case 133: return DBR_CLASS_RS;
    case 134: return DBR_CLASS_RA;
    case 135: return DBR_CLASS_NS;
    case 136: return DBR_CLASS_NA;
    case 137: return DBR_CLASS_REDIRECT;
    }
    return 0;
}

/* The protocol byte, for the short way out: most frames are TCP, and TCP is in no class. */
static int protocol_at(const struct dbr_eth_view *v, size_t at, size_t header)
{
    return v->len - v->l3 >= header ? v->frame[v->l3 + at] : -1;
}

/* A first fragment too short for the ports is no honest one: count it as the answer it may hide. */
static uint32_t classify_ip4(const struct dbr_eth_view *v)
{
    if (protocol_at(v, 9, IP4_HEADER) == IPPROTO_NUM_TCP)
        return 0;
    struct inet in = inet_parse(v->frame, v->len, v->l3, DBR_ETHERTYPE_IPV4);
    if (!in.version || in.later)
        return 0;
    size_t left = in.end - in.l4;
    const uint8_t *p = v->frame + in.l4;
    if (in.proto == IPPROTO_NUM_UDP)
        return left < 4 ? DBR_CLASS_DHCP_SERVER
                        : classify_dhcp(p, 67, 68, DBR_CLASS_DHCP_SERVER, DBR_CLASS_DHCP_CLIENT);
    if (in.proto == IPPROTO_NUM_ICMP)
        return left < 1 || p[0] == 5 ? DBR_CLASS_REDIRECT : 0;
    return 0;
}

static uint32_t classify_ip6(const struct dbr_eth_view *v)
{
    if (protocol_at(v, 6, IP6_HEADER) == IPPROTO_NUM_TCP)
        return 0;
    struct inet in = inet_parse(v->frame, v->len, v->l3, DBR_ETHERTYPE_IPV6);
    if (!in.version || in.later)
        return 0;
    if (in.cut)
        return DBR_CLASS_RA;
    size_t left = in.end - in.l4;
    const uint8_t *p = v->frame + in.l4;
    if (in.proto == IPPROTO_NUM_ICMP6)
        return left < 1 ? DBR_CLASS_RA : classify_icmp6(p[0]);
    if (in.proto == IPPROTO_NUM_UDP)
        return left < 4 ? DBR_CLASS_DHCP6_SERVER
                        : classify_dhcp(p, 547, 546, DBR_CLASS_DHCP6_SERVER, DBR_CLASS_DHCP6_CLIENT);
    return 0;
}

static uint32_t classify_payload(const struct dbr_eth_view *v)
{
    switch (v->ethertype) {
    case DBR_ETHERTYPE_IPV4: return classify_ip4(v);
    case DBR_ETHERTYPE_IPV6: return classify_ip6(v);
    case DBR_ETHERTYPE_ARP: return DBR_CLASS_ARP;
    case DBR_ETHERTYPE_PAUSE:
    case DBR_ETHERTYPE_SLOW:
    case DBR_ETHERTYPE_EAPOL:
    case DBR_ETHERTYPE_LLDP: return DBR_CLASS_LINK_LOCAL;
    }
    return v->ethertype < 0x0600 ? classify_802_3(v) : 0;
}

uint32_t dbr_guard_classify(const struct dbr_eth_view *v)
{
    uint32_t c = classify_payload(v);
    if (v->multicast && is_link_local_group(v->dst))
        c |= DBR_CLASS_LINK_LOCAL;
    if (v->stacked || v->vid == 4095)
        c |= DBR_CLASS_BAD_VLAN;
    if (v->tagged)
        c |= v->vid ? DBR_CLASS_TAGGED | DBR_CLASS_VID : DBR_CLASS_TAGGED;
    return c;
}

/* --- policy --- */

static const struct {
    uint32_t class;
    enum dbr_guard verdict;
} reasons[] = {
    {DBR_CLASS_LINK_LOCAL, DBR_GUARD_LINK_LOCAL},
    {DBR_CLASS_BAD_VLAN, DBR_GUARD_VLAN},
    {DBR_CLASS_TAGGED | DBR_CLASS_VID, DBR_GUARD_VLAN},
    {DBR_CLASS_SNAP, DBR_GUARD_ENCAP},
    {DBR_CLASS_DHCP_SERVER, DBR_GUARD_DHCP_SERVER},
    {DBR_CLASS_DHCP_CLIENT, DBR_GUARD_DHCP_CLIENT},
    {DBR_CLASS_DHCP6_SERVER, DBR_GUARD_DHCP6_SERVER},
    {DBR_CLASS_DHCP6_CLIENT, DBR_GUARD_DHCP6_CLIENT},
    {DBR_CLASS_RA, DBR_GUARD_RA},
    {DBR_CLASS_RS, DBR_GUARD_RS},
    {DBR_CLASS_REDIRECT, DBR_GUARD_REDIRECT},
};

static enum dbr_guard reason_for(uint32_t denied)
{
    for (size_t i = 0; denied && i < sizeof reasons / sizeof *reasons; i++)
        if (denied & reasons[i].class)
            return reasons[i].verdict;
    return DBR_GUARD_PASS;
}

enum {
    NEVER = DBR_CLASS_LINK_LOCAL | DBR_CLASS_BAD_VLAN,
    ROGUE =
        DBR_CLASS_DHCP_SERVER | DBR_CLASS_DHCP6_SERVER | DBR_CLASS_RA | DBR_CLASS_REDIRECT | DBR_CLASS_SNAP,
    LOCAL = DBR_CLASS_DHCP_SERVER | DBR_CLASS_DHCP_CLIENT | DBR_CLASS_DHCP6_SERVER | DBR_CLASS_DHCP6_CLIENT |
            DBR_CLASS_RA | DBR_CLASS_RS,
};

void dbr_guard_policy_default(struct dbr_guard_policy *p, enum dbr_port_kind kind)
{
    *p = (struct dbr_guard_policy){.kind = kind, .storm_pps = DBR_STORM_PPS, .source_guard = 1};
    if (kind == DBR_KIND_SITE) {
        p->mac_limit = DBR_MAC_LIMIT_SITE;
        p->deny_in = NEVER | LOCAL | ROGUE;
        p->deny_out = NEVER | LOCAL;
    } else {
        p->mac_limit = DBR_MAC_LIMIT_LAPTOP;
        p->deny_in = NEVER | ROGUE | DBR_CLASS_TAGGED;
        p->deny_out = NEVER | DBR_CLASS_TAGGED;
    }
}

/* ARP of IPv4 over Ethernet (RFC 826): sender hardware at 8, sender IP at 14, 28 bytes. */
static enum dbr_guard judge_arp(const struct dbr_guard_policy *p, const struct dbr_eth_view *v)
{
    static const uint8_t ethernet_ip4[6] = {0, 1, 8, 0, 6, 4}, none[4];
    const uint8_t *arp = v->frame + v->l3;
    if (v->len - v->l3 < 28 || memcmp(arp, ethernet_ip4, 6) != 0)
        return DBR_GUARD_ARP;
    if (p->kind == DBR_KIND_LAPTOP && p->source_guard && dbr_get48(arp + 8) != v->src)
        return DBR_GUARD_ARP;
    if (p->pin4_set && memcmp(arp + 14, p->pin4, 4) != 0 && memcmp(arp + 14, none, 4) != 0)
        return DBR_GUARD_ARP;
    return DBR_GUARD_PASS;
}

static bool is_pinned_ip6(const struct dbr_guard_policy *p, const uint8_t *ip)
{
    static const uint8_t none[16];
    bool link_local = ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
    return link_local || memcmp(ip, p->pin6, 16) == 0 || memcmp(ip, none, 16) == 0;
}

static enum dbr_guard judge_advert(const struct dbr_guard_policy *p, const struct dbr_eth_view *v)
{
    struct inet in = inet_parse(v->frame, v->len, v->l3, v->ethertype);
    if (in.end - in.l4 < 24)
        return DBR_GUARD_ND;
    if (p->pin6_set && !is_pinned_ip6(p, v->frame + in.l4 + 8))
        return DBR_GUARD_ND;
    return DBR_GUARD_PASS;
}

static enum dbr_guard judge_pinned(const struct dbr_guard_policy *p, const struct dbr_eth_view *v)
{
    static const uint8_t none[4];
    const uint8_t *ip = v->frame + v->l3;
    size_t n = v->len - v->l3;
    if (p->pin4_set && v->ethertype == DBR_ETHERTYPE_IPV4 &&
        (n < IP4_HEADER || (memcmp(ip + 12, p->pin4, 4) != 0 && memcmp(ip + 12, none, 4) != 0)))
        return DBR_GUARD_FOREIGN_IP;
    if (p->pin6_set && v->ethertype == DBR_ETHERTYPE_IPV6 && (n < IP6_HEADER || !is_pinned_ip6(p, ip + 8)))
        return DBR_GUARD_FOREIGN_IP;
    return DBR_GUARD_PASS;
}

enum dbr_guard dbr_guard_in(const struct dbr_guard_policy *p, const struct dbr_eth_view *v, uint32_t classes)
{
    enum dbr_guard g = reason_for(classes & p->deny_in);
    if (g == DBR_GUARD_PASS && classes & DBR_CLASS_ARP)
        g = judge_arp(p, v);
    if (g == DBR_GUARD_PASS && classes & DBR_CLASS_NA)
        g = judge_advert(p, v);
    if (g == DBR_GUARD_PASS && (p->pin4_set || p->pin6_set))
        g = judge_pinned(p, v);
    return g;
}

enum dbr_guard dbr_guard_out(const struct dbr_guard_policy *p, uint32_t classes, bool from_peer)
{
    if (from_peer && p->isolated)
        return DBR_GUARD_ISOLATED;
    return reason_for(classes & p->deny_out);
}

/* The bucket's level is time: each frame adds 1/pps seconds, and the clock drains it. */
bool dbr_storm_allow(struct dbr_storm *s, uint32_t pps, uint64_t now_ns)
{
    if (!pps)
        return true;
    uint64_t cost = 1000000000U / pps, room = 100000000U;
    if (room < 10 * cost)
        room = 10 * cost;
    uint64_t passed = now_ns > s->last_ns ? now_ns - s->last_ns : 0;
    s->used = s->used > passed ? s->used - passed : 0;
    s->last_ns = now_ns;
    if (s->used + cost > room)
        return false;
    s->used += cost;
    return true;
}
