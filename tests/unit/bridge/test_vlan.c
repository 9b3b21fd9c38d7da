/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/vlan.h"

#include <stdlib.h>

#include "bridge/forward.h"
#include "bridge/gso.h"
#include "frames.h"
#include "test.h"

static struct frame f;

/* ---- how the TAP carries which VLAN ---- */

enum { NONE = DBR_VLAN_NONE };

/* The global pvid is 7. A tag is written as its id; 0 is a priority tag, -1 no tag. */
static const struct {
    enum dbr_vlan_accept accept;
    int tag;
    uint16_t vlan;
} from_tap[] = {
    {DBR_VLAN_TAGGED, 10, 10},     {DBR_VLAN_TAGGED, 7, 7},       {DBR_VLAN_TAGGED, 0, NONE},
    {DBR_VLAN_TAGGED, -1, NONE},   {DBR_VLAN_UNTAGGED, 10, NONE}, {DBR_VLAN_UNTAGGED, 7, NONE},
    {DBR_VLAN_UNTAGGED, 0, 7},     {DBR_VLAN_UNTAGGED, -1, 7},    {DBR_VLAN_ALL, 10, 10},
    {DBR_VLAN_ALL, 7, 7},          {DBR_VLAN_ALL, 4094, 4094},    {DBR_VLAN_ALL, 4095, NONE},
    {DBR_VLAN_TAGGED, 4095, NONE}, {DBR_VLAN_ALL, 0, 7},          {DBR_VLAN_ALL, -1, 7},
    {DBR_VLAN_OFF, 10, 10},        {DBR_VLAN_OFF, 0, 0},          {DBR_VLAN_OFF, -1, 0},
};

static void start(int tag, uint64_t dst, uint64_t src)
{
    frame_start(&f, dst, src, tag < 0 ? 0x88b5 : 0x8100);
    if (tag >= 0)
        frame_tag(&f, (uint16_t)tag | 0x6000, 0x88b5); /* priority 3 */
    frame_fill(&f, 0, 60);
}

static void test_frames_of_the_tap(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof from_tap / sizeof *from_tap; i++) {
        struct dbr_vlan c;
        struct dbr_eth_view v;
        dbr_vlan_init(&c, from_tap[i].accept, 7);
        start(from_tap[i].tag, BROADCAST, LAN_HOST);
        assert_int_equal(dbr_eth_parse(&v, f.b, f.n), 0);
        assert_int_equal(v.vlan, v.vid);
        dbr_vlan_enter(&v, c.tap);
        if (v.vlan != from_tap[i].vlan)
            print_error("case %zu\n", i);
        assert_int_equal(v.vlan, from_tap[i].vlan);
        assert_int_equal(v.vlan & c.mask, from_tap[i].accept ? from_tap[i].vlan : 0);
    }
}

static const struct {
    enum dbr_vlan_accept accept;
    uint16_t vlan, tag;
} to_tap[] = {
    {DBR_VLAN_TAGGED, 10, 10}, {DBR_VLAN_TAGGED, 7, 7},       {DBR_VLAN_TAGGED, 4094, 4094},
    {DBR_VLAN_UNTAGGED, 7, 0}, {DBR_VLAN_UNTAGGED, 10, NONE}, {DBR_VLAN_UNTAGGED, 4094, NONE},
    {DBR_VLAN_ALL, 7, 0},      {DBR_VLAN_ALL, 10, 10},        {DBR_VLAN_OFF, 0, 0},
    {DBR_VLAN_OFF, 10, 10}, /* a site's own tag */
};

static void test_frames_to_the_tap(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof to_tap / sizeof *to_tap; i++) {
        struct dbr_vlan c;
        dbr_vlan_init(&c, to_tap[i].accept, 7);
        assert_int_equal(dbr_vlan_on_tap(&c, to_tap[i].vlan), to_tap[i].tag);
    }
}

static void test_no_such_vlan(void **state)
{
    (void)state;
    struct dbr_vlan c, none = {0};
    for (enum dbr_vlan_accept a = DBR_VLAN_OFF; a <= DBR_VLAN_ALL; a++) {
        dbr_vlan_init(&c, a, 0);
        assert_memory_equal(&c, &none, sizeof c);
        dbr_vlan_init(&c, a, 4095);
        assert_memory_equal(&c, &none, sizeof c);
    }
}

/* ---- an access port ---- */

struct port_case {
    const char *name;
    uint16_t outer, tci, inner; /* types and tag; inner 0: no tag at all */
    bool passes;
};

static const struct port_case port_cases[] = {
    {"untagged", 0x88b5, 0, 0, true},
    {"priority tag", 0x8100, 0x6000, 0x88b5, true},
    {"priority tag without priority", 0x8100, 0, 0x88b5, true},
    {"own VLAN", 0x8100, 10, 0x88b5, false},
    {"another VLAN", 0x8100, 20, 0x88b5, false},
    {"VLAN 4094 with priority", 0x8100, 0xeffe, 0x88b5, false},
    {"VLAN 4095", 0x8100, 4095, 0x88b5, false},
    {"native VLAN around another tag", 0x8100, 1, 0x8100, false},
    {"priority tag around another tag", 0x8100, 0x6000, 0x8100, false},
    {"priority tag around a service tag", 0x8100, 0, 0x88a8, false},
    {"service tag", 0x88a8, 20, 0x88b5, false},
    {"old service tag", 0x9100, 20, 0x88b5, false},
};

static uint32_t classes_of(const struct port_case *c, struct dbr_eth_view *v)
{
    frame_start(&f, BROADCAST, HOST_A, c->outer);
    if (c->inner || c->outer == 0x88a8)
        frame_tag(&f, c->tci, c->inner);
    frame_fill(&f, 0, 60);
    assert_int_equal(dbr_eth_parse(v, f.b, f.n), 0);
    return dbr_guard_classify(v);
}

static void test_access_port(void **state)
{
    (void)state;
    for (int kind = DBR_KIND_LAPTOP; kind <= DBR_KIND_SITE; kind++) {
        struct dbr_guard_policy p;
        dbr_guard_policy_default(&p, (enum dbr_port_kind)kind);
        dbr_vlan_access(&p, 10);
        assert_int_equal(p.pvid, 10);
        for (size_t i = 0; i < sizeof port_cases / sizeof *port_cases; i++) {
            struct dbr_eth_view v;
            uint32_t classes = classes_of(&port_cases[i], &v);
            enum dbr_guard want = port_cases[i].passes ? DBR_GUARD_PASS : DBR_GUARD_VLAN;
            if (dbr_guard_in(&p, &v, classes) != want)
                print_error("%s\n", port_cases[i].name);
            assert_int_equal(dbr_guard_in(&p, &v, classes), want);
            assert_int_equal(dbr_guard_out(&p, classes, false), want);
        }
    }
}

static void test_no_access_port(void **state)
{
    (void)state;
    struct dbr_guard_policy p, was;
    dbr_guard_policy_default(&p, DBR_KIND_SITE);
    was = p;
    dbr_vlan_access(&p, 0);
    assert_memory_equal(&p, &was, sizeof p);
}

/* ---- the switch ---- */

enum { ALICE, BOB, CAROL, PORTS }; /* VLANs 10, 10, 20; the TAP: 7, and tags */

static struct dbr_switch sw;
static struct dbr_guard_policy policy[PORTS];

static int set_up(void **state)
{
    (void)state;
    struct dbr_fdb_config c = {.macs = 64, .ports = PORTS, .key = {9}};
    dbr_switch_init(&sw, dbr_fdb_new(&c));
    dbr_vlan_init(&sw.vlan, DBR_VLAN_ALL, 7);
    sw.client_to_client = true;
    for (uint32_t p = 0; p < PORTS; p++) {
        dbr_guard_policy_default(&policy[p], DBR_KIND_LAPTOP);
        dbr_vlan_access(&policy[p], p == CAROL ? 20 : 10);
        dbr_fdb_port_limit(sw.fdb, p, 4);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dbr_fdb_free(sw.fdb);
    return 0;
}

static struct dbr_route send_from(uint32_t port, int tag, uint64_t dst, uint64_t src)
{
    struct dbr_eth_view v;
    bool lan = port == DBR_PORT_LAN;
    struct dbr_ingress in = {.port = port, .policy = lan ? NULL : &policy[port]};
    start(tag, dst, src);
    assert_int_equal(dbr_eth_parse(&v, f.b, f.n), 0);
    dbr_vlan_enter(&v, lan ? sw.vlan.tap : (struct dbr_vlan_port){.untagged = policy[port].pvid});
    return dbr_forward(&sw, &in, &v, (struct dbr_tick){.ns = 1000000000, .s = 1});
}

static void test_vlans_are_apart(void **state)
{
    (void)state;
    send_from(ALICE, -1, BROADCAST, HOST_A);
    send_from(CAROL, -1, BROADCAST, HOST_A); /* the same address: another host, in another VLAN */
    assert_int_equal(dbr_fdb_lookup(sw.fdb, HOST_A, 10, NULL), ALICE);
    assert_int_equal(dbr_fdb_lookup(sw.fdb, HOST_A, 20, NULL), CAROL);
    assert_int_equal(dbr_fdb_lookup(sw.fdb, HOST_A, 0, NULL), DBR_PORT_NONE);
    struct dbr_route r = send_from(BOB, -1, HOST_A, HOST_B);
    assert_int_equal(r.to, DBR_TO_PEER);
    assert_int_equal(r.peer, ALICE);
    r = send_from(CAROL, -1, HOST_B, HOST_A); /* Bob is not there */
    assert_int_equal(r.to, DBR_TO_FLOOD);
    r = send_from(DBR_PORT_LAN, 20, HOST_A, LAN_HOST);
    assert_int_equal(r.to, DBR_TO_PEER);
    assert_int_equal(r.peer, CAROL);
    r = send_from(DBR_PORT_LAN, 10, HOST_A, LAN_HOST);
    assert_int_equal(r.peer, ALICE);
    r = send_from(DBR_PORT_LAN, -1, HOST_A, LAN_HOST); /* VLAN 7 */
    assert_int_equal(r.to, DBR_TO_FLOOD);
    assert_int_equal(dbr_fdb_lookup(sw.fdb, LAN_HOST, 7, NULL), DBR_PORT_LAN);
    assert_int_equal(dbr_fdb_lookup(sw.fdb, LAN_HOST, 20, NULL), DBR_PORT_LAN);
}

static void test_what_the_switch_drops(void **state)
{
    (void)state;
    struct dbr_route r = send_from(ALICE, 20, BROADCAST, HOST_A);
    assert_int_equal(r.verdict, DBR_GUARD_VLAN);
    assert_int_equal(send_from(ALICE, 10, BROADCAST, HOST_A).verdict, DBR_GUARD_VLAN);
    assert_int_equal(dbr_fdb_count(sw.fdb), 0);
    assert_int_equal(send_from(ALICE, 0, BROADCAST, HOST_A).verdict, DBR_GUARD_PASS);
    dbr_vlan_init(&sw.vlan, DBR_VLAN_TAGGED, 7);
    assert_int_equal(send_from(DBR_PORT_LAN, -1, BROADCAST, LAN_HOST).verdict, DBR_GUARD_VLAN);
    assert_int_equal(send_from(DBR_PORT_LAN, 0, BROADCAST, LAN_HOST).verdict, DBR_GUARD_VLAN);
    assert_int_equal(send_from(DBR_PORT_LAN, 10, BROADCAST, LAN_HOST).verdict, DBR_GUARD_PASS);
    dbr_vlan_init(&sw.vlan, DBR_VLAN_UNTAGGED, 7);
    assert_int_equal(send_from(DBR_PORT_LAN, 10, BROADCAST, LAN_HOST).verdict, DBR_GUARD_VLAN);
    assert_int_equal(send_from(DBR_PORT_LAN, -1, BROADCAST, LAN_HOST).verdict, DBR_GUARD_PASS);
    assert_int_equal(dbr_fdb_lookup(sw.fdb, LAN_HOST, 4095, NULL), DBR_PORT_NONE);
}

/* ---- tags in and out ---- */

static uint8_t room[FRAME_CAP + DBR_VLAN_TAG];

static void test_tag(void **state)
{
    (void)state;
    static const uint8_t want[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,    0,
                                   0,    0,    1,    0x81, 0,    0x0f, 0xfe, 0x88, 0xb5};
    uint8_t *p = room + DBR_VLAN_TAG;
    start(-1, BROADCAST, HOST_A);
    memcpy(p, f.b, f.n);
    size_t n = f.n;
    assert_int_equal(dbr_vlan_tag(&p, &n, 4094), 0);
    assert_ptr_equal(p, room);
    assert_int_equal(n, f.n + 4);
    assert_memory_equal(p, want, sizeof want);
    assert_memory_equal(p + 18, f.b + 14, f.n - 14);
}

static void test_priority_tag_is_filled(void **state)
{
    (void)state;
    uint8_t *p = f.b;
    start(0, BROADCAST, HOST_A);
    size_t n = f.n;
    assert_int_equal(dbr_vlan_tag(&p, &n, 10), 0);
    assert_ptr_equal(p, f.b);
    assert_int_equal(n, f.n);
    assert_int_equal(dbr_get16(p + 14), 0x600a);
    assert_int_equal(dbr_vlan_tag(&p, &n, 20), DBR_ERR_SHAPE); /* it is in a VLAN now */
    assert_int_equal(dbr_get16(p + 14), 0x600a);
}

static void test_what_gets_no_tag(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint16_t vid;
        int err;
    } cases[] = {{14, 1, 0},
                 {13, 1, DBR_ERR_SHAPE},
                 {0, 1, DBR_ERR_SHAPE},
                 {60, 0, DBR_ERR_SHAPE},
                 {60, 4095, DBR_ERR_SHAPE},
                 {60, 4094, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *p = room + DBR_VLAN_TAG;
        size_t n = cases[i].n;
        memset(room, 0, sizeof room);
        assert_int_equal(dbr_vlan_tag(&p, &n, cases[i].vid), cases[i].err);
        assert_int_equal(n, cases[i].n + (cases[i].err ? 0 : 4));
        assert_ptr_equal(p, cases[i].err ? room + DBR_VLAN_TAG : room);
    }
}

static void test_what_has_no_tag_to_take(void **state)
{
    (void)state;
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM, .csum_start = 18}, was;
    uint8_t *p = f.b;
    start(10, BROADCAST, HOST_A);
    size_t n = 17;
    assert_int_equal(dbr_vlan_untag(&p, &n, &v), DBR_ERR_SHAPE);
    n = f.n;
    v.csum_start = 17;
    was = v;
    assert_int_equal(dbr_vlan_untag(&p, &n, &v), DBR_ERR_SHAPE);
    assert_memory_equal(&v, &was, sizeof v);
    assert_ptr_equal(p, f.b);
    v.csum_start = 18;
    assert_int_equal(dbr_vlan_untag(&p, &n, &v), 0);
    assert_int_equal(v.csum_start, 14);
    assert_int_equal(dbr_vlan_untag(&p, &n, &v), DBR_ERR_SHAPE); /* none left */
    assert_int_equal(n, f.n - 4);
}

/* A tag that was put on and is taken off leaves frame and header as they were: all kinds of both. */
static void test_there_and_back(void **state)
{
    (void)state;
    static const uint8_t types[] = {DBR_VNET_GSO_NONE, DBR_VNET_GSO_TCPV4, DBR_VNET_GSO_TCPV6,
                                    DBR_VNET_GSO_UDP_L4, DBR_VNET_GSO_TCPV4 | DBR_VNET_GSO_ECN};
    uint64_t rng = 11;
    for (int round = 0; round < 20000; round++) {
        size_t len = 14 + (size_t)below(&rng, round % 50 ? 200 : 65000), n = len;
        uint8_t *p = room + DBR_VLAN_TAG;
        uint16_t vid = (uint16_t)(1 + below(&rng, 4094));
        f.n = len;
        for (size_t i = 0; i < (len < 300 ? len : 300); i++)
            f.b[i] = (uint8_t)noise(&rng);
        dbr_put16(f.b + 12, 0x0800);
        memcpy(p, f.b, len);
        struct dbr_vnet v = {.flags = (uint8_t)below(&rng, 4),
                             .gso_type = types[below(&rng, 5)],
                             .hdr_len = (uint16_t)(14 + below(&rng, 200)),
                             .gso_size = (uint16_t)below(&rng, 2000),
                             .csum_start = (uint16_t)(14 + below(&rng, len - 13)),
                             .csum_offset = (uint16_t)below(&rng, 20)};
        struct dbr_vnet got = v;
        got.hdr_len += DBR_VLAN_TAG; /* as the kernel gives it with a tag */
        got.csum_start += got.flags & DBR_VNET_NEEDS_CSUM ? DBR_VLAN_TAG : 0;
        assert_int_equal(dbr_vlan_tag(&p, &n, vid), 0);
        struct dbr_eth_view e;
        assert_int_equal(dbr_eth_parse(&e, p, n), 0);
        assert_int_equal(e.vid, vid);
        assert_int_equal(dbr_vlan_untag(&p, &n, &got), 0);
        assert_int_equal(n, len);
        assert_ptr_equal(p, room + DBR_VLAN_TAG);
        assert_memory_equal(p, f.b, len < 300 ? len : 300);
        assert_memory_equal(&got, &v, sizeof v);
    }
}

/* A super frame that comes with a tag is cut into the same frames as without. */
static void test_super_frames(void **state)
{
    (void)state;
    static struct frame plain, tagged;
    static uint8_t a[FRAME_CAP], b[FRAME_CAP];
    for (int i = 0; i < 4; i++) {
        struct frame_spec s = {.version = i & 1 ? 6 : 4, .proto = i & 2 ? 17 : 6, .flags = 0x18, .window = 9};
        frame_build(&plain, &s, NULL, 30000);
        s.tagged = true;
        s.vid = 10;
        frame_build(&tagged, &s, NULL, 30000);
        struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                             .gso_type = s.proto == 17    ? DBR_VNET_GSO_UDP_L4
                                         : s.version == 4 ? DBR_VNET_GSO_TCPV4
                                                          : DBR_VNET_GSO_TCPV6,
                             .hdr_len = (uint16_t)frame_head(&s),
                             .gso_size = 1400,
                             .csum_start = (uint16_t)tagged.l4,
                             .csum_offset = s.proto == 17 ? 6 : 16};
        struct dbr_vnet pv = v;
        pv.hdr_len -= 4;
        pv.csum_start -= 4;
        uint8_t *p = tagged.b;
        size_t n = tagged.n;
        assert_int_equal(dbr_vlan_untag(&p, &n, &v), 0);
        assert_memory_equal(&v, &pv, sizeof v);
        assert_int_equal(dbr_vnet_check(&v, n), 0);
        struct dbr_gso g, h;
        assert_int_equal(dbr_gso_init(&g, &v, p, n, (struct dbr_mss){0}), 0);
        assert_int_equal(dbr_gso_init(&h, &pv, plain.b, plain.n, (struct dbr_mss){0}), 0);
        assert_int_equal(dbr_gso_count(&g), 22);
        for (int k; (k = dbr_gso_next(&g, a, sizeof a)) > 0;) {
            assert_int_equal(dbr_gso_next(&h, b, sizeof b), k);
            assert_memory_equal(a, b, (size_t)k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_the_tap),
        cmocka_unit_test(test_frames_to_the_tap),
        cmocka_unit_test(test_no_such_vlan),
        cmocka_unit_test(test_access_port),
        cmocka_unit_test(test_no_access_port),
        cmocka_unit_test_setup_teardown(test_vlans_are_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_the_switch_drops, set_up, tear_down),
        cmocka_unit_test(test_tag),
        cmocka_unit_test(test_priority_tag_is_filled),
        cmocka_unit_test(test_what_gets_no_tag),
        cmocka_unit_test(test_what_has_no_tag_to_take),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_super_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
