/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/forward.h"

#include "frames.h"
#include "test.h"

enum { ALICE = 1, BOB = 2, SITE = 3, PORTS = 8 };

struct net {
    struct dbr_fdb *fdb;
    struct dbr_switch sw;
    struct dbr_guard_policy policy[PORTS];
    struct dbr_storm storm[PORTS];
    struct dbr_tick now;
};

static struct net net;
static struct frame f;

static int set_up(void **state)
{
    (void)state;
    struct dbr_fdb_config c = {.macs = 64, .ports = PORTS, .key = {9}};
    memset(&net, 0, sizeof net);
    net.fdb = dbr_fdb_new(&c);
    dbr_switch_init(&net.sw, net.fdb);
    for (uint32_t p = 0; p < PORTS; p++) {
        dbr_guard_policy_default(&net.policy[p], p == SITE ? DBR_KIND_SITE : DBR_KIND_LAPTOP);
        net.policy[p].mac_limit = p == SITE ? 16 : 2;
        dbr_fdb_port_limit(net.fdb, p, net.policy[p].mac_limit);
    }
    net.now = (struct dbr_tick){.ns = 1000000000000, .s = 1000};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dbr_fdb_free(net.fdb);
    return 0;
}

static void pass_time(uint32_t seconds)
{
    net.now.s += seconds;
    net.now.ns += seconds * 1000000000ULL;
}

static struct dbr_route send_built(uint32_t port)
{
    struct dbr_eth_view v;
    assert_int_equal(dbr_eth_parse(&v, f.b, f.n), 0);
    struct dbr_ingress in = {.port = port};
    if (port != DBR_PORT_LAN) {
        in.policy = &net.policy[port];
        in.storm = &net.storm[port];
    }
    return dbr_forward(&net.sw, &in, &v, net.now);
}

/* One frame of 100 bytes from a port; the EtherType is one nobody looks into. */
static struct dbr_route send_frame(uint32_t port, uint64_t src, uint64_t dst)
{
    frame_start(&f, dst, src, 0x88b5);
    frame_fill(&f, 0, 86);
    return send_built(port);
}

static void expect_drop(struct dbr_route r, enum dbr_guard why)
{
    if (r.to != DBR_TO_DROP || r.verdict != why)
        fail_msg("to %d, verdict %s, expected %s", r.to, dbr_guard_name(r.verdict), dbr_guard_name(why));
}

static void expect_to(struct dbr_route r, enum dbr_dest to)
{
    if (r.to != to || r.verdict != DBR_GUARD_PASS)
        fail_msg("to %d, verdict %s, expected to %d", r.to, dbr_guard_name(r.verdict), to);
}

static void test_a_conversation(void **state)
{
    (void)state;
    struct dbr_route r = send_frame(ALICE, HOST_A, BROADCAST);
    expect_to(r, DBR_TO_LAN);
    assert_true(r.flood_lan && !r.flood_peers);
    assert_int_equal(r.learned, DBR_LEARN_NEW);
    r = send_frame(DBR_PORT_LAN, LAN_HOST, HOST_A);
    expect_to(r, DBR_TO_PEER);
    assert_int_equal(r.peer, ALICE);
    assert_int_equal(r.learned, DBR_LEARN_NEW);
    r = send_frame(ALICE, HOST_A, LAN_HOST);
    expect_to(r, DBR_TO_LAN);
    assert_int_equal(r.learned, DBR_LEARN_NONE);
}

static void test_flooding(void **state)
{
    (void)state;
    struct dbr_route r = send_frame(DBR_PORT_LAN, LAN_HOST, BROADCAST);
    expect_to(r, DBR_TO_FLOOD);
    assert_true(r.flood_peers && !r.flood_lan);
    r = send_frame(DBR_PORT_LAN, LAN_HOST,
                   0x020000009999); /* unknown unicast: to every peer, as a switch does */
    expect_to(r, DBR_TO_FLOOD);
    assert_true(r.flood_peers && !r.flood_lan);
    r = send_frame(ALICE, HOST_A, 0x020000009999);
    expect_to(r, DBR_TO_LAN);
    net.sw.client_to_client = true;
    r = send_frame(ALICE, HOST_A, 0x020000009999);
    expect_to(r, DBR_TO_FLOOD);
    assert_true(r.flood_peers && r.flood_lan);
    net.policy[ALICE].isolated = 1;
    r = send_frame(ALICE, HOST_A, BROADCAST);
    expect_to(r, DBR_TO_LAN);
}

static void test_peer_to_peer(void **state)
{
    (void)state;
    send_frame(ALICE, HOST_A, BROADCAST);
    send_frame(BOB, HOST_B, BROADCAST);
    expect_drop(send_frame(ALICE, HOST_A, HOST_B), DBR_GUARD_ISOLATED);
    net.sw.client_to_client = true;
    struct dbr_route r = send_frame(ALICE, HOST_A, HOST_B);
    expect_to(r, DBR_TO_PEER);
    assert_int_equal(r.peer, BOB);
    net.policy[ALICE].isolated = 1;
    expect_drop(send_frame(ALICE, HOST_A, HOST_B), DBR_GUARD_ISOLATED);
}

static void test_same_port(void **state)
{
    (void)state;
    send_frame(SITE, HOST_A, BROADCAST);
    expect_drop(send_frame(SITE, HOST_B, HOST_A), DBR_GUARD_SAME_PORT);
    send_frame(DBR_PORT_LAN, LAN_HOST, BROADCAST);
    expect_drop(send_frame(DBR_PORT_LAN, GATEWAY, LAN_HOST), DBR_GUARD_SAME_PORT);
}

static void test_vlans_are_apart(void **state)
{
    (void)state;
    net.policy[SITE].deny_in = 0;
    frame_start(&f, BROADCAST, HOST_A, 0x8100);
    frame_tag(&f, 7, 0x88b5);
    frame_fill(&f, 0, 60);
    send_built(SITE);
    assert_int_equal(dbr_fdb_lookup(net.fdb, HOST_A, 7, NULL), SITE);
    assert_int_equal(dbr_fdb_lookup(net.fdb, HOST_A, 0, NULL), DBR_PORT_NONE);
    expect_to(send_frame(DBR_PORT_LAN, LAN_HOST, HOST_A), DBR_TO_FLOOD);
    frame_start(&f, HOST_A, LAN_HOST, 0x8100);
    frame_tag(&f, 7, 0x88b5);
    struct dbr_route r = send_built(DBR_PORT_LAN);
    expect_to(r, DBR_TO_PEER);
    assert_true(r.classes & DBR_CLASS_TAGGED);
}

static void test_bad_source(void **state)
{
    (void)state;
    expect_drop(send_frame(ALICE, 0, LAN_HOST), DBR_GUARD_BAD_SRC);
    expect_drop(send_frame(ALICE, BROADCAST, LAN_HOST), DBR_GUARD_BAD_SRC);
    expect_drop(send_frame(ALICE, 0x01005e000001, LAN_HOST), DBR_GUARD_BAD_SRC);
    expect_drop(send_frame(DBR_PORT_LAN, 0, HOST_A), DBR_GUARD_BAD_SRC);
    assert_int_equal(dbr_fdb_count(net.fdb), 0);
}

/* Bridge and gateway never move to a peer, seen or not, and however long ago. */
static void test_guarded_addresses(void **state)
{
    (void)state;
    assert_int_equal(dbr_switch_guard_mac(&net.sw, BRIDGE, DBR_ROLE_BRIDGE), 0);
    assert_int_equal(dbr_switch_guard_mac(&net.sw, GATEWAY, DBR_ROLE_GATEWAY), 0);
    net.policy[ALICE].source_guard = 0; /* not even then */
    expect_drop(send_frame(ALICE, BRIDGE, BROADCAST), DBR_GUARD_BRIDGE_MAC);
    expect_drop(send_frame(ALICE, GATEWAY, BROADCAST), DBR_GUARD_GATEWAY_MAC);
    send_frame(DBR_PORT_LAN, GATEWAY, BROADCAST);
    pass_time(10000);
    expect_drop(send_frame(ALICE, GATEWAY, BROADCAST), DBR_GUARD_GATEWAY_MAC);
    /* To them: the LAN, without having been seen. */
    expect_to(send_frame(ALICE, HOST_A, BRIDGE), DBR_TO_LAN);
    net.sw.client_to_client = true;
    expect_to(send_frame(ALICE, HOST_A, BRIDGE), DBR_TO_LAN);
    expect_drop(send_frame(DBR_PORT_LAN, LAN_HOST, BRIDGE), DBR_GUARD_SAME_PORT);
    /* Taken back. */
    assert_int_equal(dbr_switch_guard_mac(&net.sw, BRIDGE, DBR_ROLE_NONE), 0);
    expect_to(send_frame(ALICE, BRIDGE, BROADCAST), DBR_TO_FLOOD);
}

/* What a peer had learned of a guarded address before it was declared goes. */
static void test_guard_after_learning(void **state)
{
    (void)state;
    send_frame(ALICE, GATEWAY, BROADCAST);
    assert_int_equal(dbr_fdb_lookup(net.fdb, GATEWAY, 0, NULL), ALICE);
    dbr_switch_guard_mac(&net.sw, GATEWAY, DBR_ROLE_GATEWAY);
    assert_int_equal(dbr_fdb_lookup(net.fdb, GATEWAY, 0, NULL), DBR_PORT_NONE);
    expect_drop(send_frame(ALICE, GATEWAY, BROADCAST), DBR_GUARD_GATEWAY_MAC);
    struct dbr_route r = send_frame(DBR_PORT_LAN, GATEWAY, BROADCAST);
    assert_int_equal(r.learned, DBR_LEARN_NEW);
}

/* In its VLAN as well: the owner of an entry is not asked again. */
static void test_guard_after_learning_in_a_vlan(void **state)
{
    (void)state;
    static const uint16_t vids[] = {1, 5, 4094};
    for (size_t i = 0; i < sizeof vids / sizeof *vids; i++) {
        frame_start(&f, BROADCAST, GATEWAY, 0x8100);
        frame_tag(&f, vids[i], 0x88b5);
        frame_fill(&f, 0, 86);
        expect_to(send_built(SITE), DBR_TO_LAN);
        assert_int_equal(dbr_fdb_lookup(net.fdb, GATEWAY, vids[i], NULL), SITE);
        dbr_switch_guard_mac(&net.sw, GATEWAY, DBR_ROLE_GATEWAY);
        assert_int_equal(dbr_fdb_lookup(net.fdb, GATEWAY, vids[i], NULL), DBR_PORT_NONE);
        expect_drop(send_built(SITE), DBR_GUARD_GATEWAY_MAC);
        dbr_switch_guard_mac(&net.sw, GATEWAY, DBR_ROLE_NONE);
    }
}

/* And what the LAN has of it stays. */
static void test_guard_of_a_lan_host(void **state)
{
    (void)state;
    send_frame(DBR_PORT_LAN, GATEWAY, BROADCAST);
    dbr_switch_guard_mac(&net.sw, GATEWAY, DBR_ROLE_GATEWAY);
    assert_int_equal(dbr_fdb_lookup(net.fdb, GATEWAY, 0, NULL), DBR_PORT_LAN);
    send_frame(ALICE, HOST_A, BROADCAST);
    dbr_switch_guard_mac(&net.sw, HOST_A, DBR_ROLE_NONE); /* was never guarded: nothing happens */
    assert_int_equal(dbr_fdb_lookup(net.fdb, HOST_A, 0, NULL), ALICE);
}

static void test_reserved_vlan_from_the_lan(void **state)
{
    (void)state;
    frame_start(&f, BROADCAST, LAN_HOST, 0x8100);
    frame_tag(&f, 4095, 0x88b5);
    expect_drop(send_built(DBR_PORT_LAN), DBR_GUARD_VLAN);
    frame_start(&f, BROADCAST, LAN_HOST, 0x8100);
    frame_tag(&f, 4094, 0x88b5);
    expect_to(send_built(DBR_PORT_LAN), DBR_TO_FLOOD);
    frame_start(&f, BROADCAST, LAN_HOST, 0x8100); /* stacked tags of the LAN are the LAN's business */
    frame_tag(&f, 5, 0x8100);
    expect_to(send_built(DBR_PORT_LAN), DBR_TO_FLOOD);
}

static void test_guarded_table(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < DBR_GUARDED_MAX; i++)
        assert_int_equal(dbr_switch_guard_mac(&net.sw, 0x100 + 2 * i, DBR_ROLE_GATEWAY), 0);
    assert_int_equal(dbr_switch_guard_mac(&net.sw, 0x100, DBR_ROLE_BRIDGE),
                     0); /* a change of role needs no room */
    assert_int_equal(dbr_switch_guard_mac(&net.sw, 0x300, DBR_ROLE_GATEWAY), DBR_ERR_LIMIT);
    assert_int_equal(dbr_switch_guard_mac(&net.sw, 0x300, DBR_ROLE_NONE), 0);
    assert_int_equal(dbr_switch_guard_mac(&net.sw, 0x104, DBR_ROLE_NONE), 0);
    assert_int_equal(dbr_switch_guard_mac(&net.sw, 0x300, DBR_ROLE_GATEWAY), 0);
    assert_int_equal(dbr_switch_guard_mac(&net.sw, BROADCAST, DBR_ROLE_GATEWAY), DBR_ERR_SHAPE);
    assert_int_equal(dbr_switch_guard_mac(&net.sw, 0, DBR_ROLE_GATEWAY), DBR_ERR_SHAPE);
}

static void test_lan_host_keeps_its_address(void **state)
{
    (void)state;
    send_frame(DBR_PORT_LAN, LAN_HOST, BROADCAST);
    pass_time(299);
    expect_drop(send_frame(ALICE, LAN_HOST, BROADCAST), DBR_GUARD_LAN_MAC);
    expect_drop(send_frame(SITE, LAN_HOST, BROADCAST), DBR_GUARD_LAN_MAC);
    assert_int_equal(dbr_fdb_lookup(net.fdb, LAN_HOST, 0, NULL), DBR_PORT_LAN);
    expect_to(send_frame(BOB, HOST_B, LAN_HOST), DBR_TO_LAN);
    pass_time(1); /* silent for the whole ageing time: it may have moved */
    struct dbr_route r = send_frame(ALICE, LAN_HOST, BROADCAST);
    expect_to(r, DBR_TO_LAN);
    assert_int_equal(r.learned, DBR_LEARN_MOVED);
    assert_int_equal(r.moved_from, DBR_PORT_LAN);
}

static void test_source_guard_off(void **state)
{
    (void)state;
    send_frame(DBR_PORT_LAN, LAN_HOST, BROADCAST);
    send_frame(ALICE, HOST_A, BROADCAST);
    net.policy[BOB].source_guard = 0;
    struct dbr_route r = send_frame(BOB, LAN_HOST, BROADCAST);
    assert_int_equal(r.learned, DBR_LEARN_MOVED);
    r = send_frame(BOB, HOST_A, BROADCAST);
    assert_int_equal(r.learned, DBR_LEARN_MOVED);
    assert_int_equal(r.moved_from, ALICE);
}

static void test_peer_keeps_its_address(void **state)
{
    (void)state;
    send_frame(ALICE, HOST_A, BROADCAST);
    pass_time(299);
    expect_drop(send_frame(BOB, HOST_A, BROADCAST), DBR_GUARD_PEER_MAC);
    expect_to(send_frame(ALICE, HOST_A, BROADCAST), DBR_TO_LAN); /* speaks again: its time starts anew */
    pass_time(299);
    expect_drop(send_frame(BOB, HOST_A, BROADCAST), DBR_GUARD_PEER_MAC);
    pass_time(1);
    struct dbr_route r = send_frame(BOB, HOST_A, BROADCAST);
    assert_int_equal(r.learned, DBR_LEARN_MOVED);
    assert_int_equal(r.moved_from, ALICE);
    dbr_fdb_flush_port(net.fdb, BOB, NULL, NULL); /* a peer that went has no rights */
    assert_int_equal(send_frame(ALICE, HOST_A, BROADCAST).learned, DBR_LEARN_NEW);
}

static void test_lan_takes_a_silent_peers_address(void **state)
{
    (void)state;
    send_frame(ALICE, HOST_A, BROADCAST);
    pass_time(2);
    expect_drop(send_frame(DBR_PORT_LAN, HOST_A, BROADCAST),
                DBR_GUARD_PEER_MAC); /* our own frame in a loop */
    pass_time(1);
    struct dbr_route r = send_frame(DBR_PORT_LAN, HOST_A, BROADCAST);
    expect_to(r, DBR_TO_FLOOD);
    assert_int_equal(r.learned, DBR_LEARN_MOVED);
    expect_drop(send_frame(ALICE, HOST_A, BROADCAST), DBR_GUARD_LAN_MAC);
}

static void test_mac_limit(void **state)
{
    (void)state;
    send_frame(ALICE, 0x1002, BROADCAST);
    send_frame(ALICE, 0x1004, BROADCAST);
    for (uint64_t i = 0; i < 1000; i++)
        expect_drop(send_frame(ALICE, 0x100000 + 2 * i, BROADCAST), DBR_GUARD_MAC_LIMIT);
    assert_int_equal(dbr_fdb_port_count(net.fdb, ALICE), 2);
    expect_to(send_frame(ALICE, 0x1004, LAN_HOST), DBR_TO_LAN);
    pass_time(300);
    dbr_fdb_sweep(net.fdb, net.now.s, 300, 0, NULL, NULL);
    expect_to(send_frame(ALICE, 0x1008, BROADCAST), DBR_TO_LAN);
}

/* More LAN hosts than the table takes: their frames pass, peers still find room. */
static void test_full_of_lan_hosts(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        expect_to(send_frame(DBR_PORT_LAN, 0x100000 + 2 * i, BROADCAST), DBR_TO_FLOOD);
    assert_int_equal(dbr_fdb_port_count(net.fdb, DBR_PORT_LAN), 48);
    assert_int_equal(send_frame(ALICE, HOST_A, BROADCAST).learned, DBR_LEARN_NEW);
}

static void test_refused_frames_teach_nothing(void **state)
{
    (void)state;
    frame_start(&f, 0x0180c2000000, HOST_A, 38);
    frame_bytes(&f, (uint8_t[]){0x42, 0x42, 3}, 3);
    expect_drop(send_built(ALICE), DBR_GUARD_LINK_LOCAL);
    assert_int_equal(dbr_fdb_count(net.fdb), 0);
}

static void test_storm(void **state)
{
    (void)state;
    int passed = 0;
    send_frame(DBR_PORT_LAN, LAN_HOST, BROADCAST);
    for (int i = 0; i < 1000; i++)
        passed += send_frame(ALICE, HOST_A, i % 2 ? BROADCAST : 0x020000009999).verdict == DBR_GUARD_PASS;
    assert_int_equal(passed, 100);
    expect_drop(send_frame(ALICE, HOST_A, 0x01005e0000fb), DBR_GUARD_STORM);
    expect_to(send_frame(ALICE, HOST_A, LAN_HOST), DBR_TO_LAN); /* known unicast is no storm */
    expect_to(send_frame(BOB, HOST_B, BROADCAST), DBR_TO_LAN);  /* and others have their own bucket */
    expect_to(send_frame(DBR_PORT_LAN, LAN_HOST, BROADCAST), DBR_TO_FLOOD);
    net.policy[ALICE].storm_pps = 0;
    expect_to(send_frame(ALICE, HOST_A, BROADCAST), DBR_TO_LAN);
}

static void send_arp(uint32_t port, uint64_t src, uint32_t sender, enum dbr_guard want)
{
    frame_start(&f, BROADCAST, src, 0x0806);
    frame_bytes(&f, (uint8_t[]){0, 1, 8, 0, 6, 4, 0, 2}, 8);
    for (int i = 5; i >= 0; i--)
        frame_fill(&f, (uint8_t)(src >> (8 * i)), 1);
    for (int i = 3; i >= 0; i--)
        frame_fill(&f, (uint8_t)(sender >> (8 * i)), 1);
    frame_fill(&f, 0, 10);
    assert_int_equal(send_built(port).verdict, want);
}

static void test_nobody_speaks_for_the_gateway(void **state)
{
    (void)state;
    const uint32_t gateway = 0xc0a80101;
    assert_int_equal(dbr_switch_guard_ip4(&net.sw, gateway, true), 0);
    send_arp(ALICE, HOST_A, gateway, DBR_GUARD_ARP);
    send_arp(SITE, HOST_B, gateway, DBR_GUARD_ARP);
    send_arp(ALICE, HOST_A, gateway + 1, DBR_GUARD_PASS);
    send_arp(DBR_PORT_LAN, GATEWAY, gateway, DBR_GUARD_PASS);
    assert_int_equal(dbr_switch_guard_ip4(&net.sw, gateway, false), 0);
    send_arp(ALICE, HOST_A, gateway, DBR_GUARD_PASS);
    send_arp(ALICE, HOST_A, 0, DBR_GUARD_PASS); /* a probe has no sender */
    f.b[f.l3 + 13] ^= 1;                        /* refused for another reason, it stays refused */
    assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_ARP);
}

static void test_nobody_advertises_the_gateway(void **state)
{
    (void)state;
    static const uint8_t target[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    uint8_t ip[40] = {0x60, 0, 0, 0, 0, 24, 58, 255}, advert[24] = {136};
    memcpy(advert + 8, target, 16);
    frame_start(&f, 0x333300000001, HOST_A, 0x86dd);
    frame_bytes(&f, ip, 40);
    frame_bytes(&f, advert, 24);
    assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_PASS);
    assert_int_equal(dbr_switch_guard_ip6(&net.sw, target, true), 0);
    assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_ND);
    f.b[f.n - 1] = 2;
    assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_PASS);
    f.b[f.n - 1] = 1;
    assert_int_equal(dbr_switch_guard_ip6(&net.sw, target, false), 0);
    assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_PASS);
    assert_int_equal(dbr_switch_guard_ip6(&net.sw, (uint8_t[16]){0}, true), DBR_ERR_SHAPE);
    static const uint8_t half[16] = {0xfe, 0x80}; /* one half of the address may be zero */
    memset(f.b + f.n - 16, 0, 16);
    memcpy(f.b + f.n - 16, half, 2);
    assert_int_equal(dbr_switch_guard_ip6(&net.sw, half, true), 0);
    assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_ND);
}

/* Who is asked learns the asker's address from the question: source and link-layer option (RFC 4861 7.2.3).
 */
static void test_nobody_asks_as_the_gateway(void **state)
{
    (void)state;
    static const uint8_t gateway[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    static const struct {
        uint8_t type;
        enum dbr_guard verdict;
    } kinds[] = {{133, DBR_GUARD_ND}, {135, DBR_GUARD_ND}, {136, DBR_GUARD_ND}, {128, DBR_GUARD_PASS}};
    uint8_t ip[40] = {0x60, 0, 0, 0, 0, 32, 58, 255};
    memcpy(ip + 8, gateway, 16);
    assert_int_equal(dbr_switch_guard_ip6(&net.sw, gateway, true), 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint8_t question[32] = {kinds[i].type, [8] = 0xfe, 0x80, [23] = 9, 1, 1};
        frame_start(&f, 0x3333ff000009, HOST_A, 0x86dd);
        frame_bytes(&f, ip, 40);
        frame_bytes(&f, question, sizeof question);
        assert_int_equal(send_built(ALICE).verdict, kinds[i].verdict);
        f.b[f.l3 + 23] = 2; /* its own address */
        assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_PASS);
        memset(f.b + f.l3 + 8, 0, 16); /* nobody's: duplicate address detection */
        assert_int_equal(send_built(ALICE).verdict, DBR_GUARD_PASS);
    }
    memcpy(f.b + f.l3 + 8, gateway, 16); /* the gateway itself */
    memset(f.b + 6, 0x66, 6);
    assert_int_equal(send_built(DBR_PORT_LAN).verdict, DBR_GUARD_PASS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_conversation),
        TEST(test_flooding),
        TEST(test_peer_to_peer),
        TEST(test_same_port),
        TEST(test_vlans_are_apart),
        TEST(test_bad_source),
        TEST(test_guarded_addresses),
        TEST(test_guard_after_learning),
        TEST(test_guard_after_learning_in_a_vlan),
        TEST(test_guard_of_a_lan_host),
        TEST(test_reserved_vlan_from_the_lan),
        TEST(test_guarded_table),
        TEST(test_lan_host_keeps_its_address),
        TEST(test_source_guard_off),
        TEST(test_peer_keeps_its_address),
        TEST(test_lan_takes_a_silent_peers_address),
        TEST(test_mac_limit),
        TEST(test_full_of_lan_hosts),
        TEST(test_refused_frames_teach_nothing),
        TEST(test_storm),
        TEST(test_nobody_speaks_for_the_gateway),
        TEST(test_nobody_advertises_the_gateway),
        TEST(test_nobody_asks_as_the_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
