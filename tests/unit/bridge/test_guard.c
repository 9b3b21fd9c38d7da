/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/guard.h"

#include <stdlib.h>

#include "frames.h"
#include "test.h"

static struct frame f;

static uint32_t classes(void)
{
    struct dbr_eth_view v;
    uint8_t *exact = malloc(f.n); /* its own block, so that an over-read is seen */
    memcpy(exact, f.b, f.n);
    assert_int_equal(dbr_eth_parse(&v, exact, f.n), 0);
    uint32_t c = dbr_guard_classify(&v);
    free(exact);
    return c;
}

static enum dbr_guard judge(const struct dbr_guard_policy *p)
{
    struct dbr_eth_view v;
    assert_int_equal(dbr_eth_parse(&v, f.b, f.n), 0);
    return dbr_guard_in(p, &v, dbr_guard_classify(&v));
}

static enum dbr_guard laptop(void)
{
    struct dbr_guard_policy p;
    dbr_guard_policy_default(&p, DBR_KIND_LAPTOP);
    return judge(&p);
}

static enum dbr_guard site(void)
{
    struct dbr_guard_policy p;
    dbr_guard_policy_default(&p, DBR_KIND_SITE);
    return judge(&p);
}

static void test_link_local(void **state)
{
    (void)state;
    static const struct {
        uint64_t dst;
        uint16_t type;
        uint8_t payload[6];
        bool caught;
    } cases[] = {
        {0x0180c2000000, 38, {0x42, 0x42, 3}, true}, /* STP, RSTP, MSTP */
        {0x0180c2000001, 0x8808, {0, 1}, true},      /* pause */
        {0x0180c2000002, 0x8809, {1}, true},         /* LACP */
        {0x0180c2000003, 0x888e, {1}, true},         /* EAPOL */
        {0x0180c200000e, 0x88cc, {2}, true},         /* LLDP */
        {0x0180c200000f, 0x0800, {0}, true},
        {0x0180c2000010, 0x0800, {0}, false},        /* all-bridges management: passes bridges */
        {0x0180c2000021, 60, {0x42, 0x42, 3}, true}, /* GVRP */
        {0x0180c2000021, 0x0800, {0}, true},         /* by address alone */
        {0x0180c2000030, 0x0800, {0}, false},
        {0x01000ccccccc, 60, {0xaa, 0xaa, 3, 0, 0, 0xc}, true}, /* CDP, VTP, DTP */
        {0x01000ccccccd, 50, {0xaa, 0xaa, 3, 0, 0, 0xc}, true}, /* PVST+ */
        {0x01000ccccccc, 0x2004, {0}, true},                    /* by address alone */
        {0x01000ccccccd, 0x0800, {0}, true},
        {0x01000ccdcdcd, 0x0800, {0}, true},
        {0x01000c000000, 0x0800, {0}, true},
        {0x01000ccccccf, 0x0800, {0}, false},
        {HOST_B, 38, {0x42, 0x43}, false},
        {HOST_B, 38, {0x43, 0x42}, false},
        {HOST_B, 60, {0xaa, 0xab, 3, 0, 0, 0xc}, false},
        {HOST_B, 60, {0xab, 0xaa, 3, 0, 0, 0xc}, false},
        {HOST_B, 0x0600, {0x42, 0x42}, false}, /* an EtherType, not a length */
        {HOST_B, 38, {0x42, 0x42, 3}, true},   /* a BPDU under another address */
        {HOST_B, 0x88cc, {2}, true},
        {HOST_B, 0x888e, {2}, true},
        {HOST_B, 60, {0xaa, 0xaa, 3, 0, 0, 0xc}, true},
        {HOST_B, 60, {0xe0, 0xe0, 3}, false}, /* IPX */
        {0x01005e0000fb, 0x0800, {0}, false}, /* mDNS */
        {BROADCAST, 0x0800, {0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        frame_start(&f, cases[i].dst, HOST_A, cases[i].type);
        frame_bytes(&f, cases[i].payload, 6);
        frame_fill(&f, 0, 40);
        enum dbr_guard want = cases[i].caught ? DBR_GUARD_LINK_LOCAL : DBR_GUARD_PASS;
        if (laptop() != want || site() != want)
            fail_msg("case %zu", i);
    }
}

static void test_vlan(void **state)
{
    (void)state;
    static const struct {
        uint16_t outer, tci, inner;
        enum dbr_guard laptop, site;
    } cases[] = {
        {0x8100, 5, 0x0800, DBR_GUARD_VLAN, DBR_GUARD_PASS},
        {0x8100, 0x6000, 0x0800, DBR_GUARD_VLAN, DBR_GUARD_PASS}, /* priority tag */
        {0x8100, 4095, 0x0800, DBR_GUARD_VLAN, DBR_GUARD_VLAN},
        {0x8100, 5, 0x8100, DBR_GUARD_VLAN, DBR_GUARD_VLAN}, /* double tag: hops over the native VLAN */
        {0x8100, 5, 0x88a8, DBR_GUARD_VLAN, DBR_GUARD_VLAN},
        {0x8100, 5, 0x9100, DBR_GUARD_VLAN, DBR_GUARD_VLAN},
        {0x88a8, 5, 0x8100, DBR_GUARD_VLAN, DBR_GUARD_VLAN},
        {0x9100, 5, 0x0800, DBR_GUARD_VLAN, DBR_GUARD_VLAN},
        {0x0800, 5, 0x8100, DBR_GUARD_PASS, DBR_GUARD_PASS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        frame_start(&f, HOST_B, HOST_A, cases[i].outer);
        frame_tag(&f, cases[i].tci, cases[i].inner);
        frame_fill(&f, 0, 46);
        if (laptop() != cases[i].laptop || site() != cases[i].site)
            fail_msg("case %zu: %s %s", i, dbr_guard_name(laptop()), dbr_guard_name(site()));
    }
}

/* An EtherType behind LLC/SNAP is seen by hosts and not by filters that look at the EtherType. */
static void test_snap(void **state)
{
    (void)state;
    static const uint8_t hidden[] = {0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd},
                         tunnel[] = {0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0};
    static const uint8_t apple[] = {0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b};
    frame_start(&f, HOST_B, HOST_A, 60);
    frame_bytes(&f, hidden, 8);
    assert_int_equal(laptop(), DBR_GUARD_ENCAP);
    frame_start(&f, HOST_B, HOST_A, 60);
    frame_bytes(&f, tunnel, 8);
    assert_int_equal(laptop(), DBR_GUARD_ENCAP);
    frame_start(&f, HOST_B, HOST_A, 60);
    frame_bytes(&f, apple, 8);
    assert_int_equal(laptop(), DBR_GUARD_PASS);
}

static void udp(uint8_t version, uint16_t from, uint16_t to)
{
    struct frame_spec s = {.version = version,
                           .proto = 17,
                           .dst = BROADCAST,
                           .src = HOST_A,
                           .host = 5,
                           .sport = from,
                           .dport = to,
                           .ip_options = version == 4 ? 8 : 0};
    frame_build(&f, &s, NULL, 100);
}

static void test_dhcp(void **state)
{
    (void)state;
    static const struct {
        uint8_t version;
        uint16_t from, to;
        enum dbr_guard laptop, site;
    } cases[] = {
        {4, 68, 67, DBR_GUARD_PASS, DBR_GUARD_DHCP_CLIENT},
        {4, 67, 68, DBR_GUARD_DHCP_SERVER, DBR_GUARD_DHCP_SERVER},
        {4, 5000, 68, DBR_GUARD_DHCP_SERVER, DBR_GUARD_DHCP_SERVER}, /* clients take it from any port */
        {4, 67, 67, DBR_GUARD_DHCP_SERVER, DBR_GUARD_DHCP_SERVER},   /* a relay */
        {4, 67, 5000, DBR_GUARD_DHCP_SERVER, DBR_GUARD_DHCP_SERVER},
        {4, 68, 5000, DBR_GUARD_PASS, DBR_GUARD_DHCP_CLIENT},
        {4, 5000, 67, DBR_GUARD_PASS, DBR_GUARD_DHCP_CLIENT},
        {4, 53, 5353, DBR_GUARD_PASS, DBR_GUARD_PASS},
        {6, 546, 547, DBR_GUARD_PASS, DBR_GUARD_DHCP6_CLIENT},
        {6, 547, 546, DBR_GUARD_DHCP6_SERVER, DBR_GUARD_DHCP6_SERVER},
        {6, 5000, 546, DBR_GUARD_DHCP6_SERVER, DBR_GUARD_DHCP6_SERVER},
        {6, 67, 68, DBR_GUARD_PASS, DBR_GUARD_PASS},
        {4, 547, 546, DBR_GUARD_PASS, DBR_GUARD_PASS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        udp(cases[i].version, cases[i].from, cases[i].to);
        if (laptop() != cases[i].laptop || site() != cases[i].site)
            fail_msg("case %zu: %s %s", i, dbr_guard_name(laptop()), dbr_guard_name(site()));
    }
}

static void test_dhcp_in_fragments(void **state)
{
    (void)state;
    udp(4, 67, 68);
    f.b[f.l3 + 6] = 0x20; /* first fragment */
    assert_int_equal(laptop(), DBR_GUARD_DHCP_SERVER);
    f.b[f.l3 + 7] = 4; /* a later one has no ports: what stands there is payload */
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    udp(4, 67, 68);
    f.b[f.l3 + 6] = 0x20;
    f.b[f.l3 + 2] = 0;
    f.b[f.l3 + 3] = 30; /* two bytes of UDP header only */
    assert_int_equal(laptop(), DBR_GUARD_DHCP_SERVER);
    udp(4, 53, 5353);
    f.b[f.l3 + 2] = 0;
    f.b[f.l3 + 3] = 32; /* the ports and nothing else */
    assert_int_equal(laptop(), DBR_GUARD_PASS);
}

/* Frames that end right behind what is looked at. */
static void test_just_long_enough(void **state)
{
    (void)state;
    frame_start(&f, HOST_B, HOST_A, 2);
    frame_bytes(&f, (uint8_t[]){0x42, 0x42}, 2);
    assert_int_equal(laptop(), DBR_GUARD_LINK_LOCAL);
    frame_start(&f, HOST_B, HOST_A, 6);
    frame_bytes(&f, (uint8_t[]){0xaa, 0xaa, 3, 0, 0, 0xc}, 6);
    assert_int_equal(laptop(), DBR_GUARD_LINK_LOCAL);
    struct frame_spec s = {.version = 4, .proto = 1, .dst = HOST_B, .src = HOST_A};
    frame_build(&f, &s, (uint8_t[]){8}, 1);
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    frame_build(&f, &s, NULL, 0); /* ICMP of which the type is not there */
    assert_int_equal(laptop(), DBR_GUARD_REDIRECT);
}

/* IPv6: fixed header, then bytes as given. */
static void ip6(uint8_t next, const uint8_t *rest, size_t n)
{
    uint8_t ip[40] = {0x60, 0, 0, 0, 0, (uint8_t)n, next, 255, 0xfe, 0x80};
    ip[23] = 1;
    ip[24] = 0xff;
    ip[25] = 2;
    ip[39] = 1;
    frame_start(&f, 0x333300000001, HOST_A, 0x86dd);
    frame_bytes(&f, ip, 40);
    frame_bytes(&f, rest, n);
}

#define IP6(next, ...)            ip6(next, (uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})
#define OPTIONS(next)             next, 0, 1, 4, 0, 0, 0, 0
#define LONG_OPTIONS(next)        next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define FRAGMENT(next, off, more) next, 0, (off) >> 5, ((off) << 3 | (more)) & 0xff, 1, 2, 3, 4
#define AUTH(next)                next, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1
#define ADVERT                    134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0

static void test_router_advertisement(void **state)
{
    (void)state;
    IP6(58, ADVERT);
    assert_int_equal(laptop(), DBR_GUARD_RA);
    assert_int_equal(site(), DBR_GUARD_RA);
    IP6(0, OPTIONS(58), ADVERT);
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(60, LONG_OPTIONS(60), OPTIONS(58), ADVERT);
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(43, OPTIONS(51), AUTH(58), ADVERT);
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(135, OPTIONS(139), OPTIONS(140), OPTIONS(58), ADVERT);
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(44, FRAGMENT(58, 0, 1), ADVERT); /* first fragment with the header in reach */
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(44, FRAGMENT(58, 0, 0), ADVERT); /* atomic fragment */
    assert_int_equal(laptop(), DBR_GUARD_RA);
}

/* RFC 7113: what could hide one is dropped too. */
static void test_router_advertisement_evasion(void **state)
{
    (void)state;
    IP6(44, FRAGMENT(60, 0, 1), 58, 9, 1, 4, 0, 0, 0, 0); /* options header longer than the first fragment */
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(44, FRAGMENT(60, 0, 1)); /* nothing after the fragment header */
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(44, FRAGMENT(58, 0, 1)); /* ICMPv6, its type in the next fragment */
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(44, 58, 0, 0); /* the fragment header itself is cut */
    assert_int_equal(laptop(), DBR_GUARD_RA);
    IP6(60, 58, 200, 1, 4, 0, 0, 0, 0); /* no fragment, chain longer than the frame */
    assert_int_equal(laptop(), DBR_GUARD_RA);
    uint8_t chain[20 * 8];
    for (size_t i = 0; i < sizeof chain; i += 8)
        memcpy(chain + i, (uint8_t[]){OPTIONS(i + 8 < sizeof chain ? 60 : 17)}, 8);
    ip6(60, chain, sizeof chain); /* more headers than anybody sends */
    assert_int_equal(laptop(), DBR_GUARD_RA);
}

static void test_innocent_ip6(void **state)
{
    (void)state;
    IP6(44, FRAGMENT(58, 9, 1), ADVERT); /* a later fragment: payload that looks like one */
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(44, FRAGMENT(17, 0, 1), 0x12, 0x34, 0, 53, 0, 8, 0, 0);
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(0, OPTIONS(6), 134, 0, 0, 0, 0, 0, 0, 0); /* TCP source port 34304 */
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(59);
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(50, 1, 2, 3, 4, 5, 6, 7, 8); /* ESP */
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(58, 135, 0, 0, 0, 0, 0, 0, 0); /* neighbour solicitation */
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(58, 133, 0, 0, 0, 0, 0, 0, 0); /* router solicitation: a laptop may ask, a site keeps it */
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    assert_int_equal(site(), DBR_GUARD_RS);
    IP6(58, 128);
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(17, 0, 53, 0x14, 0xe9);
    assert_int_equal(laptop(), DBR_GUARD_PASS);
    IP6(17, 0, 53, 0x14);
    assert_int_equal(laptop(), DBR_GUARD_DHCP6_SERVER);
    IP6(58, 128, 0, 0, 0); /* echo */
    assert_int_equal(site(), DBR_GUARD_PASS);
}

static void test_redirect(void **state)
{
    (void)state;
    IP6(58, 137, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(laptop(), DBR_GUARD_REDIRECT);
    assert_int_equal(site(), DBR_GUARD_REDIRECT);
    struct frame_spec s = {.version = 4, .proto = 1, .dst = HOST_B, .src = HOST_A};
    frame_build(&f, &s, (uint8_t[]){5, 1, 0, 0, 0, 0, 0, 0}, 8);
    assert_int_equal(laptop(), DBR_GUARD_REDIRECT);
    frame_build(&f, &s, (uint8_t[]){8, 0, 0, 0, 0, 0, 0, 0}, 8);
    assert_int_equal(laptop(), DBR_GUARD_PASS);
}

static void arp(uint64_t sender_mac, const uint8_t *sender_ip)
{
    frame_start(&f, BROADCAST, HOST_A, 0x0806);
    frame_bytes(&f, (uint8_t[]){0, 1, 8, 0, 6, 4, 0, 2}, 8);
    for (int i = 5; i >= 0; i--)
        frame_fill(&f, (uint8_t)(sender_mac >> (8 * i)), 1);
    frame_bytes(&f, sender_ip, 4);
    frame_fill(&f, 0, 10);
}

static void test_arp(void **state)
{
    (void)state;
    static const uint8_t mine[4] = {10, 0, 0, 5}, other[4] = {10, 0, 0, 6}, none[4];
    struct dbr_guard_policy p;
    dbr_guard_policy_default(&p, DBR_KIND_LAPTOP);
    arp(HOST_A, other);
    assert_int_equal(judge(&p), DBR_GUARD_PASS);
    arp(HOST_B, mine); /* speaks for another address than its own */
    assert_int_equal(judge(&p), DBR_GUARD_ARP);
    assert_int_equal(site(), DBR_GUARD_PASS); /* proxies and routers live in sites */
    arp(HOST_A, mine);
    f.b[f.l3 + 1] = 6; /* of another kind of network */
    assert_int_equal(judge(&p), DBR_GUARD_ARP);
    arp(HOST_A, mine);
    f.n = f.l3 + 27;
    assert_int_equal(judge(&p), DBR_GUARD_ARP); /* too short for what it says */
    p.pin4_set = 1;
    memcpy(p.pin4, mine, 4);
    arp(HOST_A, mine);
    assert_int_equal(judge(&p), DBR_GUARD_PASS);
    arp(HOST_A, none); /* probe */
    assert_int_equal(judge(&p), DBR_GUARD_PASS);
    arp(HOST_A, other);
    assert_int_equal(judge(&p), DBR_GUARD_ARP);
    p.source_guard = 0;
    p.pin4_set = 0;
    arp(HOST_B, mine);
    assert_int_equal(judge(&p), DBR_GUARD_PASS);
}

static void test_pinned_addresses(void **state)
{
    (void)state;
    struct dbr_guard_policy p;
    dbr_guard_policy_default(&p, DBR_KIND_LAPTOP);
    p.pin4_set = p.pin6_set = 1;
    memcpy(p.pin4, (uint8_t[]){10, 0, 0, 5}, 4);
    memcpy(p.pin6, (uint8_t[]){0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, 16);
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct frame_spec s = {
            .version = version, .proto = 17, .dst = HOST_B, .src = HOST_A, .host = 5, .dport = 9};
        frame_build(&f, &s, NULL, 10);
        assert_int_equal(judge(&p), DBR_GUARD_PASS);
        s.host = 6;
        frame_build(&f, &s, NULL, 10);
        assert_int_equal(judge(&p), DBR_GUARD_FOREIGN_IP);
    }
    uint8_t advert[24] = {136};
    memcpy(advert + 8, p.pin6, 16);
    ip6(58, advert, 24);
    assert_int_equal(judge(&p), DBR_GUARD_PASS);
    advert[23] = 6; /* a neighbour's address */
    ip6(58, advert, 24);
    assert_int_equal(judge(&p), DBR_GUARD_ND);
    advert[8] = 0xfe;
    advert[9] = 0x80;
    ip6(58, advert, 24);
    assert_int_equal(judge(&p), DBR_GUARD_PASS);
    ip6(58, advert, 23);
    assert_int_equal(judge(&p), DBR_GUARD_ND);
}

static void test_out(void **state)
{
    (void)state;
    struct dbr_guard_policy p;
    dbr_guard_policy_default(&p, DBR_KIND_SITE);
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_DHCP_SERVER, false), DBR_GUARD_DHCP_SERVER);
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_RA, false), DBR_GUARD_RA);
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_REDIRECT, false), DBR_GUARD_PASS);
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_TAGGED, false), DBR_GUARD_PASS);
    assert_int_equal(dbr_guard_out(&p, 0, true), DBR_GUARD_PASS);
    p.isolated = 1;
    assert_int_equal(dbr_guard_out(&p, 0, true), DBR_GUARD_ISOLATED);
    assert_int_equal(dbr_guard_out(&p, 0, false), DBR_GUARD_PASS);
    dbr_guard_policy_default(&p, DBR_KIND_LAPTOP);
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_DHCP_SERVER, false),
                     DBR_GUARD_PASS); /* the office's answers */
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_RA, false), DBR_GUARD_PASS);
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_TAGGED, false), DBR_GUARD_VLAN);
    assert_int_equal(dbr_guard_out(&p, DBR_CLASS_LINK_LOCAL, false), DBR_GUARD_LINK_LOCAL);
}

static void test_storm(void **state)
{
    (void)state;
    struct dbr_storm s = {0};
    const uint64_t second = 1000000000;
    uint64_t now = 5 * second;
    int passed = 0;
    for (int i = 0; i < 1000; i++)
        passed += dbr_storm_allow(&s, 1000, now);
    assert_int_equal(passed, 100); /* a tenth of a second at once */
    assert_false(dbr_storm_allow(&s, 1000, now + 500000));
    passed = 0;
    for (int i = 1; i <= 100000; i++) /* 100,000/s for a second */
        passed += dbr_storm_allow(&s, 1000, now + (uint64_t)i * 10000);
    assert_in_range(passed, 990, 1010);
    s = (struct dbr_storm){0};
    passed = 0;
    for (int i = 0; i < 1000; i++)
        passed += dbr_storm_allow(&s, 5, now);
    assert_int_equal(passed, 10); /* the burst is never below ten */
    assert_true(dbr_storm_allow(&s, 0, now));
    now -= second; /* a clock that went back gives nothing away and takes nothing */
    assert_false(dbr_storm_allow(&s, 5, now));
}

static void test_names(void **state)
{
    (void)state;
    for (int g = 0; g < DBR_GUARD_COUNT; g++) {
        assert_true(strlen(dbr_guard_name(g)) > 3 && strlen(dbr_guard_text(g)) > 3);
        for (int h = 0; h < g; h++)
            assert_string_not_equal(dbr_guard_name(g), dbr_guard_name(h));
    }
    assert_string_equal(dbr_guard_name(DBR_GUARD_COUNT), "?");
    assert_string_equal(dbr_guard_text(-1), "?");
}

/* Classification of cut frames: every length of a frame that has everything. */
static void test_every_length(void **state)
{
    (void)state;
    IP6(0, OPTIONS(44), FRAGMENT(60, 0, 1), OPTIONS(58), ADVERT);
    for (size_t full = f.n; f.n >= 14; f.n--)
        if (f.n < full && f.n >= 14 + 40)
            assert_true(classes() & DBR_CLASS_RA);
        else
            classes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_local),
        cmocka_unit_test(test_vlan),
        cmocka_unit_test(test_snap),
        cmocka_unit_test(test_dhcp),
        cmocka_unit_test(test_dhcp_in_fragments),
        cmocka_unit_test(test_just_long_enough),
        cmocka_unit_test(test_router_advertisement),
        cmocka_unit_test(test_router_advertisement_evasion),
        cmocka_unit_test(test_innocent_ip6),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_arp),
        cmocka_unit_test(test_pinned_addresses),
        cmocka_unit_test(test_out),
        cmocka_unit_test(test_storm),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
