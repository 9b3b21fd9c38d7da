/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One data worker from outside: what goes in at one end comes out at the right other end, and nothing else
 * does. That something is dropped is shown by what is sent behind it: the worker keeps the order, so the
 * first thing that arrives must be the later one.
 */
#include "inner.h"
#include "bridge/loop.h"
#include "rig.h"

#include "base/bytes.h"
#include "base/err.h"
#include "bridge/eth.h"
#include "bridge/guard.h"
#include "bridge/split.h"
#include "bridge/tap.h"
#include "proto/fragment.h"
#include "proto/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MAC_A    "02:00:00:00:00:0a"
#define MAC_B    "02:00:00:00:00:0b"
#define MAC_HOST "02:00:00:00:00:99" /* on the LAN */

#define COUNT(a) (sizeof(a) / sizeof *(a))

struct world {
    struct rig r;
    struct rig_peer a, b;
    uint32_t number;
};

static void world_open(struct world *w)
{
    rig_start(&w->r);
    rig_peer_open(&w->a, 1);
    rig_peer_open(&w->b, 2);
    rig_peer_install(&w->r, &w->a);
    rig_peer_install(&w->r, &w->b);
}

static int setup(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1);
    world_open(&w);
    *state = &w;
    return 0;
}

static int setup_isolated(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1);
    w.r.limits.client_to_client = false;
    world_open(&w);
    *state = &w;
    return 0;
}

static int setup_offload(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1);
    w.r.boot.tap_offloads = DBR_TAP_CSUM | DBR_TAP_TSO4 | DBR_TAP_TSO6 | DBR_TAP_USO4 | DBR_TAP_USO6;
    world_open(&w);
    *state = &w;
    return 0;
}

static int setup_guarded(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1);
    memcpy(w.r.boot.tap_mac, "\x02\0\0\0\0\x70", 6);
    memcpy(w.r.boot.bridge_mac, "\x02\0\0\0\0\x71", 6);
    memcpy(w.r.boot.gateway_mac, "\x02\0\0\0\0\x72", 6);
    w.r.limits.guarded_ip4[0] = 0xc0000201; /* 192.0.2.1 */
    memcpy(w.r.limits.guarded_ip6[1], "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    world_open(&w);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->r.running)
        assert_int_equal(rig_stop(&w->r), DBR_DATA_OK);
    rig_peer_close(&w->a);
    rig_peer_close(&w->b);
    return 0;
}

/* ---- helpers ---- */

static uint32_t peer_sends(struct world *w, struct rig_peer *p, const char *dst, const char *src)
{
    uint8_t f[100];
    rig_frame(f, dst, src, sizeof f, ++w->number);
    rig_send(&w->r, p, 0, f, sizeof f);
    return w->number;
}

static uint32_t lan_sends(struct world *w, const char *dst, const char *src)
{
    uint8_t f[100];
    rig_frame(f, dst, src, sizeof f, ++w->number);
    rig_lan_write(&w->r, 0, NULL, f, sizeof f);
    return w->number;
}

static void lan_gets(struct world *w, uint32_t number)
{
    uint8_t f[RIG_FRAME_MAX];
    assert_int_equal(rig_lan_read(&w->r, 0, f), 100);
    assert_int_equal(rig_frame_number(f), number);
}

static void peer_gets(struct rig_peer *p, uint32_t number)
{
    uint8_t f[RIG_FRAME_MAX];
    assert_int_equal(rig_receive(p, f), 100);
    assert_int_equal(rig_frame_number(f), number);
}

/* Both peers and the LAN host are known to the switch, nothing is under way. */
static void introduce(struct world *w)
{
    uint32_t n = peer_sends(w, &w->a, BROADCAST, MAC_A);
    lan_gets(w, n);
    peer_gets(&w->b, n);
    n = peer_sends(w, &w->b, BROADCAST, MAC_B);
    lan_gets(w, n);
    peer_gets(&w->a, n);
    n = lan_sends(w, BROADCAST, MAC_HOST);
    peer_gets(&w->a, n);
    peer_gets(&w->b, n);
}

/* The worker still serves a, and nothing came before. */
static void still_fine(struct world *w)
{
    lan_gets(w, peer_sends(w, &w->a, MAC_HOST, MAC_A));
}

static struct dbr_ipc_stats stats_of(struct world *w, const struct rig_peer *p)
{
    struct dbr_ipc_head get = dbr_ipc_head(DBR_IPC_STATS_GET, sizeof get, 0);
    struct dbr_ipc_stats s = {0}, found = {0};
    rig_tell(&w->r, 0, &get);
    for (unsigned i = 0; i < 2; i++) {
        rig_hear(&w->r, 0, DBR_IPC_STATS, &s, sizeof s);
        if (s.head.peer_id == p->id)
            found = s;
    }
    rig_hear(&w->r, 0, DBR_IPC_STATS_END, &get, sizeof get);
    return found;
}

/* ---- frames ---- */

static void test_frames_go_where_they_belong(void **state)
{
    struct world *w = *state;
    introduce(w);
    lan_gets(w, peer_sends(w, &w->a, MAC_HOST, MAC_A));
    peer_gets(&w->b, peer_sends(w, &w->a, MAC_B, MAC_A));
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    peer_gets(&w->b, lan_sends(w, MAC_B, MAC_HOST));
    assert_true(rig_quiet(&w->a) && rig_quiet(&w->b) && rig_lan_quiet(&w->r, 0));
}

static void test_unknown_unicast_is_flooded(void **state)
{
    struct world *w = *state;
    introduce(w);
    uint32_t n = peer_sends(w, &w->a, "02:00:00:00:77:77", MAC_A);
    lan_gets(w, n);
    peer_gets(&w->b, n);
    assert_true(rig_quiet(&w->a));
}

/* The LAN's switches hear of an address once when it is new or has moved to a peer, never of a LAN host's. */
static void test_new_addresses_are_announced(void **state)
{
    static const uint8_t rarp[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
    struct world *w = *state;
    uint8_t f[RIG_FRAME_MAX];
    unsigned before = w->r.announcements;
    uint64_t mac;
    peer_sends(w, &w->a, MAC_HOST, "02:00:00:00:0a:77");
    assert_int_equal(rig_lan_read(&w->r, 0, f), 100);
    assert_int_equal(w->r.announcements, before + 1);
    assert_int_equal(dbr_mac_parse(&mac, "02:00:00:00:0a:77"), 0);
    uint8_t bytes[6];
    dbr_mac_write(bytes, mac);
    assert_memory_equal(w->r.announced, "\xff\xff\xff\xff\xff\xff", 6);
    assert_memory_equal(w->r.announced + 6, bytes, 6);
    assert_memory_equal(w->r.announced + 12, rarp, sizeof rarp);
    assert_memory_equal(w->r.announced + 22, bytes, 6);
    assert_memory_equal(w->r.announced + 32, bytes, 6);
    peer_sends(w, &w->a, MAC_HOST, "02:00:00:00:0a:77"); /* known now */
    assert_int_equal(rig_lan_read(&w->r, 0, f), 100);
    lan_sends(w, MAC_A, "02:00:00:00:0b:88");
    assert_int_equal(rig_receive(&w->a, f), 100);
    assert_true(rig_lan_quiet(&w->r, 0));
    assert_int_equal(w->r.announcements, before + 1);
}

static void test_isolated_peers_see_only_the_lan(void **state)
{
    struct world *w = *state;
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));
    lan_gets(w, peer_sends(w, &w->b, BROADCAST, MAC_B));
    peer_sends(w, &w->a, MAC_B, MAC_A);
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));
    peer_gets(&w->b, lan_sends(w, MAC_B, MAC_HOST)); /* the first that b ever gets */
    assert_int_equal(stats_of(w, &w->a).drops_guard, 1);
}

static void peer_flags(struct world *w, struct rig_peer *p, uint32_t flags)
{
    struct dbr_ipc_peer m = rig_peer_message(p);
    m.head.type = DBR_IPC_PEER_SET;
    m.flags = flags;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
}

/* One peer is isolated, client-to-client or not. */
static void test_isolated_peer(void **state)
{
    struct world *w = *state;
    introduce(w);
    peer_flags(w, &w->a, DBR_PEER_SOURCE_GUARD | DBR_PEER_ISOLATED);
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));
    peer_sends(w, &w->a, MAC_B, MAC_A);
    lan_gets(w, peer_sends(w, &w->b, BROADCAST, MAC_B));
    peer_sends(w, &w->b, MAC_A, MAC_B);
    still_fine(w);
    uint32_t n = lan_sends(w, BROADCAST, MAC_HOST);
    peer_gets(&w->a, n); /* for both the first since */
    peer_gets(&w->b, n);
}

/* A tagged frame is for sites, not for laptops. */
static void test_tags_are_for_sites(void **state)
{
    struct world *w = *state;
    uint8_t f[100], got[RIG_FRAME_MAX];
    introduce(w);
    peer_flags(w, &w->b, DBR_PEER_SOURCE_GUARD | DBR_PEER_SITE);
    rig_frame(f, BROADCAST, MAC_HOST, sizeof f, 1);
    dbr_put16(f + 12, 0x8100);
    dbr_put16(f + 14, 5);
    dbr_put16(f + 16, 0x88b5);
    rig_lan_write(&w->r, 0, NULL, f, sizeof f);
    assert_int_equal(rig_receive(&w->b, got), sizeof f);
    assert_memory_equal(got, f, sizeof f);
    peer_gets(&w->a, lan_sends(w, BROADCAST, MAC_HOST));
    dbr_mac_write(f + 6, 0x02000000000a);
    rig_send(&w->r, &w->a, 0, f, sizeof f);
    still_fine(w);
    dbr_mac_write(f + 6, 0x02000000000b);
    rig_send(&w->r, &w->b, 0, f, sizeof f);
    assert_int_equal(rig_lan_read(&w->r, 0, got), sizeof f);
    peer_sends(w, &w->b, BROADCAST, MAC_B);
    rig_lan_read(&w->r, 0, got); /* passes the announcement by */
    assert_memory_equal(w->r.announced + 12, "\x81\0\0\5\x80\x35", 6);
}

static void test_order_is_kept(void **state)
{
    struct world *w = *state;
    introduce(w);
    uint32_t first = w->number + 1;
    for (unsigned i = 0; i < 300; i++)
        peer_sends(w, &w->a, i % 2 ? MAC_HOST : MAC_B, MAC_A);
    for (unsigned i = 0; i < 300; i++)
        i % 2 ? lan_gets(w, first + i) : peer_gets(&w->b, first + i);
    first = w->number + 1;
    for (unsigned i = 0; i < 300; i++)
        lan_sends(w, i % 3 ? MAC_A : MAC_B, MAC_HOST);
    for (unsigned i = 0; i < 300; i++)
        peer_gets(i % 3 ? &w->a : &w->b, first + i);
}

/* ---- what must not pass ---- */

static void test_short_datagrams(void **state)
{
    struct world *w = *state;
    uint8_t dgram[64] = {0};
    introduce(w);
    for (size_t len = 1; len <= 24; len++) {
        dgram[0] = dbr_first_byte(DBR_OP_DATA_V2, 0);
        dbr_put24(dgram + 1, w->a.id);
        rig_send_raw(&w->r, &w->a, 0, dgram, len);
        dgram[0] = dbr_first_byte(DBR_OP_DATA_V1, 0);
        rig_send_raw(&w->r, &w->a, 0, dgram, len);
    }
    still_fine(w);
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_DATAGRAM), 0);
}

static void test_short_frames(void **state)
{
    struct world *w = *state;
    uint8_t f[64];
    introduce(w);
    uint64_t guard = stats_of(w, &w->a).drops_guard;
    rig_frame(f, BROADCAST, MAC_A, sizeof f, 0);
    for (size_t len = 1; len < 14; len++)
        rig_send(&w->r, &w->a, 0, f, len);
    dbr_put16(f + 12, 0x8100); /* a tag that is not there */
    for (size_t len = 14; len < 18; len++)
        rig_send(&w->r, &w->a, 0, f, len);
    still_fine(w);
    assert_int_equal(stats_of(w, &w->a).drops_guard - guard, 13 + 4);
}

static void test_frames_above_the_mtu(void **state)
{
    struct world *w = *state;
    uint8_t f[1515 + 4], got[RIG_FRAME_MAX];
    introduce(w);
    rig_frame(f, MAC_HOST, MAC_A, 1515, 7);
    rig_send(&w->r, &w->a, 0, f, 1515);
    rig_send(&w->r, &w->a, 0, f, 1514);
    assert_int_equal(rig_lan_read(&w->r, 0, got), 1514);
}

static void test_wrong_peer_id(void **state)
{
    struct world *w = *state;
    uint8_t f[100], dgram[200];
    static const uint32_t ids[] = {0, 2, 3, 5000, 0xffffff};
    introduce(w);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        rig_frame(f, BROADCAST, MAC_A, sizeof f, 999);
        size_t n = rig_seal(&w->a, f, sizeof f, dgram);
        dbr_put24(dgram + 1, ids[i]);
        rig_send_raw(&w->r, &w->a, 0, dgram, n);
    }
    still_fine(w);
    assert_int_equal(stats_of(w, &w->b).drops_auth, 1); /* id 2 is b's, but not with a's key */
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_FLOAT), 0);
}

static void test_wrong_key_id(void **state)
{
    struct world *w = *state;
    uint8_t f[100], dgram[200];
    introduce(w);
    for (uint8_t key_id = 1; key_id < 8; key_id++) {
        rig_frame(f, BROADCAST, MAC_A, sizeof f, 999);
        size_t n = rig_seal(&w->a, f, sizeof f, dgram);
        dgram[0] = dbr_first_byte(DBR_OP_DATA_V2, key_id);
        rig_send_raw(&w->r, &w->a, 0, dgram, n);
    }
    still_fine(w);
    assert_int_equal(stats_of(w, &w->a).drops_auth, 7);
}

static void test_replayed(void **state)
{
    struct world *w = *state;
    uint8_t f[100], dgram[200];
    introduce(w);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 50);
    size_t n = rig_seal(&w->a, f, sizeof f, dgram);
    uint8_t copies[3][200];
    for (unsigned i = 0; i < 3; i++)
        memcpy(copies[i], dgram, n);
    rig_send_train(&w->r, &w->a, 0, copies[0], n, (uint16_t)n);
    lan_gets(w, 50);
    rig_send_raw(&w->r, &w->a, 0, copies[1], n);
    still_fine(w);
    assert_int_equal(stats_of(w, &w->a).drops_replay, 1);
}

/* The same id twice in one batch: both are fresh when the batch is prepared. */
static void test_replayed_within_a_batch(void **state)
{
    struct world *w = *state;
    uint8_t f[100], train[400];
    introduce(w);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 51);
    size_t n = rig_seal(&w->a, f, sizeof f, train);
    memcpy(train + n, train, n);
    memcpy(train + 2 * n, train, n);
    rig_send_train(&w->r, &w->a, 0, train, 3 * n, (uint16_t)n);
    lan_gets(w, 51);
    still_fine(w);
    assert_int_equal(stats_of(w, &w->a).drops_replay, 2);
}

static void test_outside_the_window(void **state)
{
    struct world *w = *state;
    uint8_t f[100], old[2][200];
    size_t n = 0;
    introduce(w);
    for (unsigned i = 0; i < 2; i++) {
        rig_frame(f, MAC_HOST, MAC_A, sizeof f, 60 + i);
        n = rig_seal(&w->a, f, sizeof f, old[i]);
    }
    w->a.slot.next_id += 62; /* the next is 63 above the second, 64 above the first */
    still_fine(w);
    rig_send_raw(&w->r, &w->a, 0, old[0], n);
    rig_send_raw(&w->r, &w->a, 0, old[1], n);
    lan_gets(w, 61);
    still_fine(w);
    assert_int_equal(stats_of(w, &w->a).drops_replay, 1);
}

static void test_tampered(void **state)
{
    struct world *w = *state;
    uint8_t f[100], dgram[200];
    unsigned n_sent = 0;
    introduce(w);
    for (size_t at = 1; at < 124; at += at < 30 ? 1 : 13) {
        if (at >= 1 && at <= 3)
            continue; /* the peer id: see test_wrong_peer_id */
        rig_frame(f, BROADCAST, MAC_A, sizeof f, 999);
        size_t n = rig_seal(&w->a, f, sizeof f, dgram);
        dgram[at] ^= 0x40;
        rig_send_raw(&w->r, &w->a, 0, dgram, n);
        n_sent++;
    }
    still_fine(w);
    struct dbr_ipc_stats s = stats_of(w, &w->a);
    assert_int_equal(s.drops_auth + s.drops_replay, n_sent);
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_FLOAT), 0);
}

/* ---- control packets ---- */

static void test_control_packets_are_handed_over(void **state)
{
    static const uint8_t opcodes[] = {3, 4, 5, 7, 8, 10, 11};
    struct world *w = *state;
    uint8_t packet[54];
    for (size_t i = 0; i < sizeof opcodes; i++) {
        for (size_t j = 0; j < sizeof packet; j++)
            packet[j] = (uint8_t)(i * 17 + j);
        packet[0] = dbr_first_byte(opcodes[i], 0);
        rig_send_raw(&w->r, &w->a, 0, packet, sizeof packet);
        struct dbr_ipc_datagram m;
        rig_hear(&w->r, 0, DBR_IPC_DATAGRAM, &m, sizeof m);
        assert_int_equal(m.n, sizeof packet);
        assert_memory_equal(m.bytes, packet, sizeof packet);
        assert_true(dbr_addr_equal(&m.addr, &w->a.addr));
    }
}

static void test_other_opcodes_are_not(void **state)
{
    struct world *w = *state;
    uint8_t packet[54] = {0};
    introduce(w);
    for (unsigned opcode = 0; opcode < 32; opcode++) {
        if ((opcode >= 3 && opcode <= 5) || (opcode >= 7 && opcode <= 8) || opcode == 10 || opcode == 11)
            continue;
        packet[0] = dbr_first_byte((uint8_t)opcode, 7);
        rig_send_raw(&w->r, &w->a, 0, packet, sizeof packet);
    }
    still_fine(w);
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_DATAGRAM), 0);
}

/* A train follows its first datagram: here a's, b's, a control packet, a stranger's and a's again. */
static void test_mixed_train(void **state)
{
    struct world *w = *state;
    uint8_t f[100], train[5 * 124];
    introduce(w);
    struct dbr_ipc_peer same = rig_peer_message(&w->b); /* b is behind the same address */
    same.head.type = DBR_IPC_PEER_SET;
    same.flags |= DBR_PEER_SET_ADDR;
    same.addr = w->a.addr;
    rig_tell(&w->r, 0, &same);
    rig_sync(&w->r, 0);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 1001);
    size_t n = rig_seal(&w->a, f, sizeof f, train);
    assert_int_equal(n, 124);
    rig_frame(f, MAC_HOST, MAC_B, sizeof f, 1002);
    rig_seal(&w->b, f, sizeof f, train + n);
    memset(train + 2 * n, 0x5a, n);
    train[2 * n] = dbr_first_byte(DBR_OP_CONTROL, 0);
    memset(train + 3 * n, 0, n);
    train[3 * n] = dbr_first_byte(DBR_OP_DATA_V2, 0);
    dbr_put24(train + 3 * n + 1, 77);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 1003);
    rig_seal(&w->a, f, sizeof f, train + 4 * n);
    rig_send_train(&w->r, &w->a, 0, train, sizeof train, (uint16_t)n);
    lan_gets(w, 1001);
    lan_gets(w, 1002);
    lan_gets(w, 1003);
    struct dbr_ipc_datagram m;
    rig_hear(&w->r, 0, DBR_IPC_DATAGRAM, &m, sizeof m);
    assert_int_equal(m.n, n);
    assert_memory_equal(m.bytes, train + 2 * n, n);
}

static void test_datagram_from_control(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_datagram m = {.addr = w->a.addr};
    uint8_t f[100];
    introduce(w);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 1100);
    m.n = (uint32_t)rig_seal(&w->a, f, sizeof f, m.bytes);
    m.head = dbr_ipc_head(DBR_IPC_DATAGRAM, offsetof(struct dbr_ipc_datagram, bytes) + m.n, 0);
    rig_tell(&w->r, 0, &m);
    lan_gets(w, 1100);
}

static void test_strays_are_bounded(void **state)
{
    struct world *w = *state;
    uint8_t packet[20] = {DBR_OP_CONTROL << 3};
    introduce(w);
    for (unsigned i = 0; i < 4000; i++) {
        rig_send_raw(&w->r, &w->a, 0, packet, sizeof packet);
        if (i % 100 == 99)
            still_fine(w); /* so that the socket never overflows */
    }
    assert_in_range(rig_count(&w->r, 0, DBR_IPC_DATAGRAM), 90, 3000);
}

/* ---- float ---- */

static void test_float(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_float m;
    introduce(w);
    rig_peer_rebind(&w->a);
    still_fine(w);
    rig_hear(&w->r, 0, DBR_IPC_FLOAT, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->a.id);
    assert_true(dbr_addr_equal(&m.addr, &w->a.addr));
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
}

static void test_no_float_without_a_good_tag(void **state)
{
    struct world *w = *state;
    struct rig_peer stranger;
    uint8_t f[100], dgram[200];
    introduce(w);
    rig_peer_open(&stranger, 1);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 999);
    size_t n = rig_seal(&w->a, f, sizeof f, dgram);
    dgram[n - 1] ^= 1;
    rig_send_raw(&w->r, &stranger, 0, dgram, n);
    still_fine(w);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    assert_true(rig_quiet(&stranger));
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_FLOAT), 0);
    rig_peer_close(&stranger);
}

static void test_no_float_by_copy_or_by_late_datagram(void **state)
{
    struct world *w = *state;
    struct rig_peer stranger;
    uint8_t f[100], late[200], copy[200];
    introduce(w);
    rig_peer_open(&stranger, 1);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 2001);
    size_t n = rig_seal(&w->a, f, sizeof f, late);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 2002);
    rig_seal(&w->a, f, sizeof f, copy);
    rig_send_raw(&w->r, &w->a, 0, copy, n);
    lan_gets(w, 2002);
    rig_send_raw(&w->r, &stranger, 0, copy, n); /* recorded and sent again */
    rig_send_raw(&w->r, &stranger, 0, late, n); /* held back: genuine, but not the newest */
    lan_gets(w, 2001);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    assert_true(rig_quiet(&stranger));
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_FLOAT), 0);
    rig_peer_close(&stranger);
}

static void test_no_float_onto_another_peer(void **state)
{
    struct world *w = *state;
    uint8_t f[100], dgram[200];
    introduce(w);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 999);
    size_t n = rig_seal(&w->a, f, sizeof f, dgram);
    rig_send_raw(&w->r, &w->b, 0, dgram, n); /* a's datagram from b's address */
    still_fine(w);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_FLOAT), 0);
    assert_int_equal(stats_of(w, &w->a).drops_auth, 1);
}

static void test_float_onto_a_dead_peers_address(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_peer_del del = {.head = dbr_ipc_head(DBR_IPC_PEER_DEL, sizeof del, w->b.id)};
    uint8_t f[100], dgram[200];
    introduce(w);
    rig_tell(&w->r, 0, &del);
    rig_sync(&w->r, 0);
    rig_frame(f, MAC_HOST, MAC_A, sizeof f, 2100);
    size_t n = rig_seal(&w->a, f, sizeof f, dgram);
    rig_send_raw(&w->r, &w->b, 0, dgram, n);
    lan_gets(w, 2100);
}

static void test_floats_are_told_once_a_second(void **state)
{
    struct world *w = *state;
    introduce(w);
    for (unsigned i = 0; i < 20; i++) {
        rig_peer_rebind(&w->a);
        still_fine(w);
    }
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST)); /* each is followed at once */
    struct dbr_ipc_float m;
    unsigned told = 0;
    do { /* the last one is told too, later */
        rig_hear(&w->r, 0, DBR_IPC_FLOAT, &m, sizeof m);
        told++;
    } while (!dbr_addr_equal(&m.addr, &w->a.addr));
    assert_in_range(told, 2, 6);
}

/* ---- keys ---- */

static void tell_key(struct world *w, uint16_t type, const struct rig_peer *p, uint8_t key_id)
{
    struct dbr_ipc_key_ref m = {.head = dbr_ipc_head(type, sizeof m, p->id), .key_id = key_id};
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
}

static void test_key_change(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_key_ref used;
    introduce(w);
    struct rig_peer old = w->a; /* the far end under key 0 */
    memset(&w->a.slot, 0, sizeof w->a.slot);
    rig_key_install(&w->r, &w->a, 1, true, 99);
    rig_sync(&w->r, 0);
    uint8_t got[RIG_FRAME_MAX];
    lan_sends(w, MAC_A, MAC_HOST);
    assert_int_equal(rig_receive(&old, got), 100); /* nobody said swap: still key 0 */
    still_fine(w);                                 /* but key 1 opens */
    rig_hear(&w->r, 0, DBR_IPC_KEY_USED, &used, sizeof used);
    assert_int_equal(used.key_id, 1);
    still_fine(w);
    tell_key(w, DBR_IPC_KEY_SWAP, &w->a, 1);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    lan_gets(w, peer_sends(w, &old, MAC_HOST, MAC_A)); /* the old key still opens */
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_KEY_USED), 0);
    tell_key(w, DBR_IPC_KEY_DEL, &w->a, 0);
    peer_sends(w, &old, MAC_HOST, MAC_A); /* now it does not */
    still_fine(w);
    assert_int_equal(stats_of(w, &w->a).drops_auth, 1);
    dbr_slot_fini(&old.slot);
}

static void test_key_is_never_installed_twice(void **state)
{
    struct world *w = *state;
    introduce(w);
    struct rig_peer before = w->a;
    memset(&w->a.slot, 0, sizeof w->a.slot);
    rig_key_install(&w->r, &w->a, 0, true, 99);
    rig_sync(&w->r, 0);
    struct rig_peer second = w->a;
    w->a = before;
    still_fine(w);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST)); /* and the packet ids went on */
    tell_key(w, DBR_IPC_KEY_DEL, &w->a, 0);
    peer_sends(w, &second, MAC_HOST, MAC_A); /* nor does it wait behind the first */
    lan_gets(w, peer_sends(w, &w->b, MAC_HOST, MAC_B));
    dbr_slot_fini(&second.slot);
}

static void test_three_keys_the_oldest_goes(void **state)
{
    struct world *w = *state;
    introduce(w);
    struct rig_peer far[4];
    for (uint8_t i = 1; i < 4; i++) {
        far[i] = w->a;
        memset(&far[i].slot, 0, sizeof far[i].slot);
        rig_key_install(&w->r, &far[i], i, true, (uint8_t)(20 * i));
    }
    rig_sync(&w->r, 0);
    still_fine(w); /* 0 is the primary: it stays, 1 had to go */
    lan_gets(w, peer_sends(w, &far[3], MAC_HOST, MAC_A));
    lan_gets(w, peer_sends(w, &far[2], MAC_HOST, MAC_A));
    peer_sends(w, &far[1], MAC_HOST, MAC_A);
    still_fine(w);
    for (uint8_t i = 1; i < 4; i++)
        dbr_slot_fini(&far[i].slot);
}

static void test_nothing_is_sent_without_a_key(void **state)
{
    struct world *w = *state;
    introduce(w);
    tell_key(w, DBR_IPC_KEY_DEL, &w->a, 0);
    lan_sends(w, MAC_A, MAC_HOST);
    peer_gets(&w->b, lan_sends(w, MAC_B, MAC_HOST));
    assert_true(rig_quiet(&w->a));
    assert_int_equal(stats_of(w, &w->a).drops_queue, 1);
}

/* ---- other formats ---- */

static void test_data_v1(void **state)
{
    struct world *w = *state;
    introduce(w);
    tell_key(w, DBR_IPC_KEY_DEL, &w->a, 0);
    rig_key_install(&w->r, &w->a, 1, false, 44);
    rig_sync(&w->r, 0);
    still_fine(w);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    rig_peer_rebind(&w->a); /* V1 is known by its address: nobody's now */
    peer_sends(w, &w->a, MAC_HOST, MAC_A);
    lan_gets(w, peer_sends(w, &w->b, MAC_HOST, MAC_B));
}

static void set_framing(struct world *w, uint16_t framing)
{
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    m.head.type = DBR_IPC_PEER_SET;
    m.framing = framing;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
}

static void test_framing(void **state)
{
    struct world *w = *state;
    introduce(w);
    for (uint16_t framing = DBR_FRAMING_COMP_LZO; framing <= DBR_FRAMING_OFFLOAD; framing++) {
        uint8_t buf[120], got[RIG_FRAME_MAX], scratch[2000], *p = buf + 2;
        set_framing(w, framing);
        size_t len = rig_frame(p, MAC_HOST, MAC_A, 100, 3000);
        dbr_framing_add((enum dbr_framing)framing, &p, &len);
        rig_send(&w->r, &w->a, 0, p, len);
        lan_gets(w, 3000);
        lan_sends(w, MAC_A, MAC_HOST);
        p = got;
        len = rig_receive(&w->a, got);
        assert_int_equal(dbr_framing_strip((enum dbr_framing)framing, &p, &len, scratch, sizeof scratch), 0);
        assert_int_equal(len, 100);
        assert_int_equal(rig_frame_number(p), w->number);
    }
    set_framing(w, DBR_FRAMING_COMP_LZO);
    uint8_t bad[101];
    rig_frame(bad + 1, MAC_HOST, MAC_A, 100, 3001);
    bad[0] = 0x02; /* no framing byte */
    rig_send(&w->r, &w->a, 0, bad, sizeof bad);
    uint8_t plain[100]; /* nor is the first byte of a frame one */
    rig_frame(plain, MAC_HOST, MAC_A, sizeof plain, 3003);
    rig_send(&w->r, &w->a, 0, plain, sizeof plain);
    bad[0] = 0xfa;
    dbr_put32(bad + 15, 3002);
    rig_send(&w->r, &w->a, 0, bad, sizeof bad);
    lan_gets(w, 3002);
}

/* ---- fragments ---- */

/* Makes a anew, as a peer that cuts its payloads. */
static void give_fragment(struct world *w, uint16_t piece, uint16_t framing)
{
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    m.fragment = piece;
    m.payload_max = 1532;
    m.framing = framing;
    rig_tell(&w->r, 0, &m);
    rig_key_install(&w->r, &w->a, 1, true, 77);
    rig_sync(&w->r, 0);
}

/* Sends the n bytes at text (4 bytes before them are free) in pieces of at most max bytes, the last one
 * first. */
static void send_pieces(struct world *w, const uint8_t *text, size_t n, size_t max, uint8_t sequence,
                        unsigned leave_out)
{
    struct dbr_fragment_cut cut;
    assert_int_equal(dbr_fragment_plan(&cut, n, max), 0);
    for (uint32_t i = cut.n; i-- > 0;) {
        uint8_t piece[2000];
        size_t at = i * (size_t)cut.size, len = n - at < cut.size ? n - at : cut.size;
        dbr_fragment_header(piece, &cut, sequence, i);
        memcpy(piece + 4, text + at, len);
        if (i != leave_out)
            rig_send(&w->r, &w->a, 0, piece, 4 + len);
    }
}

/* The next frame for a, put together. */
static size_t receive_joined(struct world *w, struct dbr_fragments *f, uint8_t *out, unsigned *pieces)
{
    static uint8_t got[RIG_FRAME_MAX];
    for (*pieces = 1;; ++*pieces) {
        uint8_t *p = got;
        size_t len = rig_receive(&w->a, got);
        int err = dbr_fragments_take(f, &p, &len, out, 1);
        if (!err && p != out)
            memmove(out, p, len);
        if (err != DBR_ERR_AGAIN) {
            assert_int_equal(err, 0);
            return len;
        }
    }
}

static void test_fragments(void **state)
{
    struct world *w = *state;
    struct dbr_fragments *f = dbr_fragments_new(RIG_FRAME_MAX / 2);
    static const size_t lens[] = {60, 100, 500, 501, 999, 1000, 1001, 1514};
    uint8_t frame[1600], got[RIG_FRAME_MAX];
    unsigned pieces;
    introduce(w);
    give_fragment(w, 500, DBR_FRAMING_NONE);
    for (unsigned i = 0; i < COUNT(lens); i++) {
        rig_frame(frame, MAC_HOST, MAC_A, lens[i], i);
        send_pieces(w, frame, lens[i], 600, (uint8_t)i, 99);
        assert_int_equal(rig_lan_read(&w->r, 0, got), lens[i]);
        assert_memory_equal(got, frame, lens[i]);
        rig_frame(frame, MAC_A, MAC_HOST, lens[i], i);
        rig_lan_write(&w->r, 0, NULL, frame, lens[i]);
        assert_int_equal(receive_joined(w, f, got, &pieces), lens[i]);
        assert_memory_equal(got, frame, lens[i]);
        assert_int_equal(pieces, (lens[i] + 499) / 500);
    }
    /* a frame without header, half a frame and one with a number where none belongs: nothing of them gets
     * there */
    rig_send(&w->r, &w->a, 0, frame, 100);
    rig_frame(frame, MAC_HOST, MAC_A, 1514, 50);
    send_pieces(w, frame, 1514, 600, 50, 1);
    dbr_put32(got, 4);
    memcpy(got + 4, frame, 100);
    rig_send(&w->r, &w->a, 0, got, 104);
    rig_frame(frame, MAC_HOST, MAC_A, 1514, 51);
    send_pieces(w, frame, 1514, 600, 51, 99);
    assert_int_equal(rig_lan_read(&w->r, 0, got), 1514);
    assert_int_equal(rig_frame_number(got), 51);
    dbr_fragments_free(f);
}

/* More frames in a train than w->expand takes, and those of b, who has no such thing, as ever. */
static void test_fragments_of_many_frames(void **state)
{
    struct world *w = *state;
    enum { FRAMES = 400 };
    uint8_t frame[1600], got[RIG_FRAME_MAX];
    introduce(w);
    give_fragment(w, 500, DBR_FRAMING_NONE);
    for (unsigned i = 0; i < FRAMES; i += 40) {
        for (unsigned k = i; k < i + 40; k++) {
            rig_frame(frame, MAC_HOST, MAC_A, 1514, k);
            send_pieces(w, frame, 1514, 500, (uint8_t)k, 99);
        }
        for (unsigned k = i; k < i + 40; k++) {
            assert_int_equal(rig_lan_read(&w->r, 0, got), 1514);
            rig_frame(frame, MAC_HOST, MAC_A, 1514, k);
            assert_memory_equal(got, frame, 1514);
        }
    }
    lan_gets(w, peer_sends(w, &w->b, MAC_HOST, MAC_B));
}

/* The header is outside the framing; pings and OCC messages have both. */
static void test_fragments_and_framing(void **state)
{
    struct world *w = *state;
    struct dbr_fragments *f = dbr_fragments_new(RIG_FRAME_MAX / 2);
    struct dbr_ipc_blob m;
    uint8_t buf[1600], got[RIG_FRAME_MAX], *p = buf + 4;
    unsigned pieces;
    introduce(w);
    give_fragment(w, 500, DBR_FRAMING_COMP_LZO);
    size_t len = rig_frame(p, MAC_HOST, MAC_A, 1500, 7);
    dbr_framing_add(DBR_FRAMING_COMP_LZO, &p, &len);
    send_pieces(w, p, len, 600, 3, 99);
    assert_int_equal(rig_lan_read(&w->r, 0, got), 1500);
    assert_memory_equal(got, buf + 4, 1500);
    rig_frame(buf, MAC_A, MAC_HOST, 1500, 8);
    rig_lan_write(&w->r, 0, NULL, buf, 1500);
    assert_int_equal(receive_joined(w, f, got, &pieces), 1501);
    assert_int_equal(pieces, 4); /* 1,501 bytes, 500 each */
    assert_int_equal(got[0], 0xfa);
    assert_memory_equal(got + 1, buf, 1500);
    memset(buf, 0, 4);
    buf[4] = 0xfa;
    memcpy(buf + 5, dbr_occ_magic, 16);
    buf[21] = 6;
    rig_send(&w->r, &w->a, 0, buf, 22);
    rig_hear(&w->r, 0, DBR_IPC_PAYLOAD, &m, sizeof m);
    assert_int_equal(m.n, 17);
    assert_memory_equal(m.bytes, dbr_occ_magic, 16);
    dbr_fragments_free(f);
}

/* A change of the peer changes how long the pieces are, not whether there are any. */
static void test_fragment_stays(void **state)
{
    struct world *w = *state;
    struct dbr_fragments *f = dbr_fragments_new(RIG_FRAME_MAX / 2);
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    static const uint16_t says[] = {0, 700, 0}, is[] = {500, 700, 700};
    uint8_t frame[1600], got[RIG_FRAME_MAX];
    unsigned pieces;
    introduce(w);
    give_fragment(w, 500, DBR_FRAMING_NONE);
    rig_frame(frame, MAC_HOST, MAC_A, 100, 9);
    send_pieces(w, frame, 100, 600, 0, 99);
    lan_gets(w, 9);
    m.head.type = DBR_IPC_PEER_SET;
    for (unsigned i = 0; i < COUNT(says); i++) {
        m.fragment = says[i];
        m.payload_max = 1532;
        rig_tell(&w->r, 0, &m);
        rig_sync(&w->r, 0);
        rig_frame(frame, MAC_A, MAC_HOST, 1400, i);
        rig_lan_write(&w->r, 0, NULL, frame, 1400);
        assert_int_equal(receive_joined(w, f, got, &pieces), 1400);
        assert_int_equal(pieces, (1400 + is[i] - 1) / is[i]);
    }
    m = rig_peer_message(&w->b); /* and the other way round: none were agreed on */
    m.head.type = DBR_IPC_PEER_SET;
    m.fragment = 500;
    m.payload_max = 1532;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
    peer_gets(&w->b, lan_sends(w, MAC_B, MAC_HOST));
    lan_gets(w, peer_sends(w, &w->b, MAC_HOST, MAC_B));
    dbr_fragments_free(f);
}

/* ---- what is not a frame ---- */

static void test_ping_and_occ_are_not_frames(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_blob m;
    uint8_t occ[20];
    introduce(w);
    rig_send(&w->r, &w->a, 0, dbr_ping_magic, sizeof dbr_ping_magic);
    memcpy(occ, dbr_occ_magic, 16);
    memcpy(occ + 16, "\x06xyz", 4);
    rig_send(&w->r, &w->a, 0, occ, sizeof occ);
    rig_hear(&w->r, 0, DBR_IPC_PAYLOAD, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->a.id);
    assert_int_equal(m.n, sizeof occ);
    assert_memory_equal(m.bytes, occ, sizeof occ);
    still_fine(w);
    for (unsigned i = 0; i < 200; i++)
        rig_send(&w->r, &w->a, 0, occ, sizeof occ);
    still_fine(w);
    assert_in_range(rig_count(&w->r, 0, DBR_IPC_PAYLOAD), 1, 30); /* 10 a second */
}

static void test_send(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_blob m = {.head = dbr_ipc_head(DBR_IPC_SEND, sizeof m, w->a.id), .n = 5, .bytes = "RESTA"};
    uint8_t got[RIG_FRAME_MAX];
    rig_tell(&w->r, 0, &m);
    assert_int_equal(rig_receive(&w->a, got), 5);
    assert_memory_equal(got, "RESTA", 5);
}

static void test_keepalive(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    struct dbr_ipc_peer_del gone;
    uint8_t got[RIG_FRAME_MAX];
    m.head.type = DBR_IPC_PEER_SET;
    m.ping_s = 1;
    m.timeout_s = 1;
    rig_tell(&w->r, 0, &m);
    assert_int_equal(rig_receive(&w->a, got), 16);
    assert_memory_equal(got, dbr_ping_magic, 16);
    rig_hear(&w->r, 0, DBR_IPC_TIMEOUT, &gone, sizeof gone);
    assert_int_equal(gone.head.peer_id, w->a.id);
    assert_int_equal(gone.reason, DBR_DEL_TIMEOUT);
    rig_sync(&w->r, 0);
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_TIMEOUT), 0); /* said once */
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));       /* the peer was kept */
    rig_hear(&w->r, 0, DBR_IPC_TIMEOUT, &gone, sizeof gone);   /* and lived again, for a second */
}

/* ---- the switch and those it tells ---- */

static void test_learned_is_told(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_learned m;
    introduce(w);
    rig_hear(&w->r, 0, DBR_IPC_LEARNED, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->a.id);
    assert_int_equal(m.what, DBR_LEARNED_NEW);
    rig_hear_keeper(&w->r, DBR_IPC_FDB_ADD, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->a.id);
    assert_memory_equal(m.mac, "\x02\0\0\0\0\x0a", 6);
    rig_hear_keeper(&w->r, DBR_IPC_FDB_ADD, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->b.id);
}

/* Two peers whose source guard is off fight for one address: the LAN is not flooded with announcements. */
static void test_announcements_are_bounded(void **state)
{
    struct world *w = *state;
    introduce(w);
    peer_flags(w, &w->a, 0);
    peer_flags(w, &w->b, 0);
    for (unsigned i = 0; i < 600; i++)
        lan_gets(w, peer_sends(w, i % 2 ? &w->a : &w->b, MAC_HOST, MAC_A));
    assert_true(rig_lan_quiet(&w->r, 0));
    assert_in_range(w->r.announcements, 10, 400);
    struct dbr_ipc_learned m = {0};
    while (m.what != DBR_LEARNED_MOVED)
        rig_hear(&w->r, 0, DBR_IPC_LEARNED, &m, sizeof m);
}

static void test_guard_is_told(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_guard m;
    introduce(w);
    for (unsigned i = 0; i < 5; i++)
        peer_sends(w, &w->a, BROADCAST, MAC_HOST); /* a LAN host's address */
    peer_sends(w, &w->a, BROADCAST, MAC_B);        /* another peer's */
    still_fine(w);
    assert_true(rig_quiet(&w->b));
    unsigned lan = 0, peer = 0;
    while (lan < 5 || peer < 1) {
        rig_hear(&w->r, 0, DBR_IPC_GUARD, &m, sizeof m);
        assert_int_equal(m.head.peer_id, w->a.id);
        lan += m.reason == DBR_GUARD_LAN_MAC ? m.count : 0;
        peer += m.reason == DBR_GUARD_PEER_MAC ? m.count : 0;
    }
    assert_int_equal(lan, 5);
    assert_int_equal(peer, 1);
    lan_gets(w, peer_sends(w, &w->b, MAC_HOST, MAC_B));
    peer_gets(&w->b, lan_sends(w, MAC_B, MAC_HOST)); /* b kept its address */
}

/* What boot and limits name belongs to the LAN, though nobody there has spoken yet. */
static void test_guarded_addresses(void **state)
{
    struct world *w = *state;
    static const uint8_t arp[] = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 10, 192, 0, 2, 1};
    uint8_t f[60];
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));
    peer_sends(w, &w->a, BROADCAST, "02:00:00:00:00:70");
    peer_sends(w, &w->a, BROADCAST, "02:00:00:00:00:71");
    peer_sends(w, &w->a, BROADCAST, "02:00:00:00:00:72");
    rig_frame(f, BROADCAST, MAC_A, sizeof f, 0);
    dbr_put16(f + 12, 0x0806);
    memcpy(f + 14, arp, sizeof arp);
    rig_send(&w->r, &w->a, 0, f, sizeof f); /* "192.0.2.1 is at a" */
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));
    assert_int_equal(stats_of(w, &w->a).drops_guard, 4);
    f[31] = 2; /* 192.0.2.2: nobody's */
    uint8_t got[RIG_FRAME_MAX];
    rig_send(&w->r, &w->a, 0, f, sizeof f);
    assert_int_equal(rig_lan_read(&w->r, 0, got), sizeof f);
}

/* A datagram may be read before the order that brings its key, although it was sent after it: while the
 * worker is busy with the socket, it looks at orders only once a round. */
static void test_first_datagram_of_a_new_key(void **state)
{
    struct world *w = *state;
    uint8_t got[RIG_FRAME_MAX];
    enum { ROUNDS = 2000, OTHERS = 12 };
    introduce(w);
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (unsigned k = 0; k < OTHERS; k++)
            peer_sends(w, &w->b, MAC_HOST, MAC_B);
        rig_key_install(&w->r, &w->a, (uint8_t)(1 + i % 7), true, (uint8_t)(3 * i));
        peer_sends(w, &w->a, MAC_HOST, MAC_A);
        for (unsigned k = 0; k < OTHERS + 1; k++)
            rig_lan_read(&w->r, 0, got);
    }
    assert_int_equal(stats_of(w, &w->a).drops_auth, 0);
}

enum { NA = 14 + 40 + 24 };

/* a says that fd00::last is its own. */
static void na_frame(uint8_t f[NA], uint8_t last)
{
    static const uint8_t ip6[] = {0x60, 0, 0, 0, 0, 24, 58, 255}, all_nodes[] = {0xff, 2};
    rig_frame(f, BROADCAST, MAC_A, NA, 0);
    memset(f + 14, 0, NA - 14);
    dbr_put16(f + 12, 0x86dd);
    memcpy(f + 14, ip6, sizeof ip6);
    f[22] = 0xfe;
    f[23] = 0x80;
    memcpy(f + 38, all_nodes, sizeof all_nodes);
    f[54] = 136;
    f[62] = 0xfd; /* the target */
    f[77] = last;
}

/* The same of IPv6: a neighbour advertisement for fd00::1. */
static void test_guarded_address6(void **state)
{
    struct world *w = *state;
    uint8_t f[NA], got[RIG_FRAME_MAX];
    na_frame(f, 1);
    rig_send(&w->r, &w->a, 0, f, sizeof f);
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));
    assert_int_equal(stats_of(w, &w->a).drops_guard, 1);
    na_frame(f, 2); /* nobody's */
    rig_send(&w->r, &w->a, 0, f, sizeof f);
    assert_int_equal(rig_lan_read(&w->r, 0, got), sizeof f);
}

/* ---- addresses ---- */

static size_t arp_frame(uint8_t f[60], const char *dst, const char *src, uint8_t hw_last, uint8_t ip_last)
{
    const uint8_t arp[] = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, hw_last, 192, 0, 2, ip_last};
    rig_frame(f, dst, src, 60, 0);
    dbr_put16(f + 12, 0x0806);
    memcpy(f + 14, arp, sizeof arp);
    return 60;
}

static void lan_gets_any(struct world *w)
{
    uint8_t got[RIG_FRAME_MAX];
    rig_lan_read(&w->r, 0, got);
}

/* Sends frame f from peer a until the switch treats it as told: the order reaches the main thread, the frame
 * a worker. Returns whether it did. */
static bool comes_to_be(struct world *w, const uint8_t *f, size_t n, bool guarded)
{
    uint8_t got[RIG_FRAME_MAX];
    for (int i = 0; i < 1000; i++) {
        uint64_t before = stats_of(w, &w->a).drops_guard;
        rig_send(&w->r, &w->a, 0, f, n);
        uint64_t after = stats_of(w, &w->a).drops_guard;
        if (after == before)
            rig_lan_read(&w->r, 0, got);
        if ((after > before) == guarded)
            return true;
    }
    return false;
}

static void tell_guarded(struct world *w, uint32_t ip4, uint8_t ip6_last, uint8_t gateway_last)
{
    struct dbr_ipc_guarded m = {.head = dbr_ipc_head(DBR_IPC_GUARDED, sizeof m, 0), .ip4 = {0, ip4}};
    memcpy(m.ip6[0], "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    m.ip6[0][15] = ip6_last;
    if (gateway_last)
        memcpy(m.gateway_mac, (const uint8_t[]){2, 0, 0, 0, 0, gateway_last}, 6);
    assert_int_equal(dbr_ipc_send(w->r.keeper, &m, -1), 0);
}

static void plain_from(uint8_t f[60], const char *src)
{
    rig_frame(f, BROADCAST, src, 60, 0);
}

/* keeper says that the host's addresses are others now: those are guarded, and what was given up is not. */
static void test_guarded_anew(void **state)
{
    struct world *w = *state;
    uint8_t f[60];
    introduce(w);
    tell_guarded(w, 0xc0000202, 2, 0x73);
    arp_frame(f, BROADCAST, MAC_A, 0x0a, 2);
    assert_true(comes_to_be(w, f, sizeof f, true)); /* 192.0.2.2 is new */
    arp_frame(f, BROADCAST, MAC_A, 0x0a, 1);
    assert_true(comes_to_be(w, f, sizeof f, false)); /* 192.0.2.1 is nobody's now */
    plain_from(f, "02:00:00:00:00:73");
    assert_true(comes_to_be(w, f, sizeof f, true));
    plain_from(f, "02:00:00:00:00:72");
    assert_true(comes_to_be(w, f, sizeof f, false));
    tell_guarded(w, 0xc0000203, 2, 0); /* the gateway's MAC is not known now: the last one stays */
    arp_frame(f, BROADCAST, MAC_A, 0x0a, 3);
    assert_true(comes_to_be(w, f, sizeof f, true));
    plain_from(f, "02:00:00:00:00:73");
    assert_true(comes_to_be(w, f, sizeof f, true));
    tell_guarded(w, 0xc0000204, 2,
                 0x71); /* the gateway is the bridge itself: its address stays the bridge's */
    arp_frame(f, BROADCAST, MAC_A, 0x0a, 4);
    assert_true(comes_to_be(w, f, sizeof f, true));
    tell_guarded(w, 0xc0000205, 2, 0x74);
    arp_frame(f, BROADCAST, MAC_A, 0x0a, 5);
    assert_true(comes_to_be(w, f, sizeof f, true));
    plain_from(f, "02:00:00:00:00:71");
    assert_true(comes_to_be(w, f, sizeof f, true));
}

/* What is in both sets stays guarded, in each family; what is only in the old one does not. */
static void test_guarded_goes_on(void **state)
{
    struct world *w = *state;
    uint8_t f[60], na[NA];
    introduce(w);
    tell_guarded(w, 0xc0000202, 2, 0x73);
    plain_from(f, "02:00:00:00:00:73");
    assert_true(comes_to_be(w, f, sizeof f, true));
    na_frame(na, 1);
    assert_true(comes_to_be(w, na, sizeof na, false));
    tell_guarded(w, 0xc0000202, 2, 0x74);
    plain_from(f, "02:00:00:00:00:74");
    assert_true(comes_to_be(w, f, sizeof f, true)); /* the set is in force, */
    tell_guarded(w, 0xc0000202, 2, 0x75);
    plain_from(f, "02:00:00:00:00:75");
    assert_true(comes_to_be(w, f, sizeof f, true)); /* and what the one before left is done */
    arp_frame(f, BROADCAST, MAC_A, 0x0a, 2);
    na_frame(na, 2);
    uint64_t before = stats_of(w, &w->a).drops_guard;
    for (uint64_t i = 1; i <= 5; i++) {
        rig_send(&w->r, &w->a, 0, f, sizeof f);
        rig_send(&w->r, &w->a, 0, na, sizeof na);
        assert_int_equal(stats_of(w, &w->a).drops_guard, before + 2 * i);
    }
}

/* ---- loops ---- */

static int setup_loop_guard(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1);
    w.r.limits.loop_guard = true;
    world_open(&w);
    *state = &w;
    return 0;
}

/* The next probe on the LAN (60 bytes); what else there is is passed over. */
static void next_probe(struct world *w, uint8_t *f)
{
    do
        while (rig_lan_read(&w->r, 0, f) != DBR_LOOP_FRAME)
            ;
    while (dbr_get16(f + 12) != DBR_LOOP_ETHERTYPE);
}

/* The next frame on the LAN that is no probe. */
static uint32_t next_number(struct world *w)
{
    uint8_t f[RIG_FRAME_MAX];
    while (rig_lan_read(&w->r, 0, f) != 100)
        ;
    return rig_frame_number(f);
}

/* A probe comes back through a: a is closed both ways, b goes on. A copy with another byte, which nobody made
 * here, is a broadcast like any other. */
static void test_loop(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_guard m = {0};
    uint8_t probe[RIG_FRAME_MAX], got[RIG_FRAME_MAX];
    next_probe(w, probe);
    probe[14 + 9] ^= 1;
    rig_send(&w->r, &w->a, 0, probe, DBR_LOOP_FRAME);
    assert_int_equal(rig_receive(&w->b, got), DBR_LOOP_FRAME);
    uint32_t n = peer_sends(w, &w->a, BROADCAST, MAC_A);
    assert_int_equal(next_number(w), n);
    peer_gets(&w->b, n);
    next_probe(w, probe);
    rig_send(&w->r, &w->a, 0, probe, DBR_LOOP_FRAME);
    rig_frame(got, BROADCAST, MAC_A, 100, 0);
    dbr_put16(got + 12, DBR_LOOP_ETHERTYPE + 1); /* not of the probes' type either */
    rig_send(&w->r, &w->a, 0, got, 100);
    peer_sends(w, &w->a, BROADCAST, MAC_A); /* closed */
    n = peer_sends(w, &w->b, BROADCAST, MAC_B);
    assert_int_equal(next_number(w), n);
    n = lan_sends(w, BROADCAST, MAC_HOST);
    peer_gets(&w->b, n);
    assert_true(rig_quiet(&w->a));
    assert_true(rig_quiet(&w->b));
    while (m.reason != DBR_GUARD_LOOP)
        rig_hear(&w->r, 0, DBR_IPC_GUARD, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->a.id);
}

/* A probe that comes back from the LAN itself reaches nobody. */
static void test_loop_of_the_lan(void **state)
{
    struct world *w = *state;
    uint8_t probe[RIG_FRAME_MAX];
    next_probe(w, probe);
    rig_lan_write(&w->r, 0, NULL, probe, DBR_LOOP_FRAME);
    uint32_t n = lan_sends(w, BROADCAST, MAC_HOST);
    peer_gets(&w->a, n);
    peer_gets(&w->b, n);
}

/* Two sites that are joined: the probe to the first comes back through the second, and the other way round;
 * one of them is closed. */
static void test_loop_of_two_sites(void **state)
{
    struct world *w = *state;
    uint8_t to_a[RIG_FRAME_MAX], to_b[RIG_FRAME_MAX];
    peer_flags(w, &w->a, DBR_PEER_SOURCE_GUARD | DBR_PEER_SITE);
    peer_flags(w, &w->b, DBR_PEER_SOURCE_GUARD | DBR_PEER_SITE);
    assert_int_equal(rig_receive(&w->a, to_a), DBR_LOOP_FRAME);
    assert_int_equal(rig_receive(&w->b, to_b), DBR_LOOP_FRAME);
    rig_send(&w->r, &w->a, 0, to_b, DBR_LOOP_FRAME);
    rig_send(&w->r, &w->b, 0, to_a, DBR_LOOP_FRAME);
    peer_sends(w, &w->b, BROADCAST, MAC_B); /* closed */
    assert_int_equal(next_number(w), peer_sends(w, &w->a, BROADCAST, MAC_A));
}

/* What a client says in ARP is told once; not what a guard drops, nor what is about a MAC of somebody else.
 */
static void test_addresses_of_arp(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_seen m;
    uint8_t f[60];
    introduce(w);
    rig_send(&w->r, &w->a, 0, f, arp_frame(f, MAC_HOST, MAC_A, 0x0a, 1)); /* the guarded 192.0.2.1 */
    rig_send(&w->r, &w->a, 0, f, arp_frame(f, MAC_HOST, MAC_A, 0x0b, 9)); /* b's MAC */
    rig_send(&w->r, &w->a, 0, f, arp_frame(f, MAC_HOST, MAC_B, 0x0b, 9)); /* as b */
    for (int i = 0; i < 3; i++) {
        rig_send(&w->r, &w->a, 0, f, arp_frame(f, MAC_HOST, MAC_A, 0x0a, 2));
        lan_gets_any(w);
    }
    rig_lan_write(&w->r, 0, NULL, f, arp_frame(f, MAC_A, MAC_HOST, 0x01, 3)); /* of the LAN: nobody asks */
    still_fine(w);
    rig_hear(&w->r, 0, DBR_IPC_SEEN, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->a.id);
    assert_memory_equal(m.mac, "\x02\0\0\0\0\x0a", 6);
    assert_memory_equal(m.ip, "\xc0\0\x02\x02\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_int_equal(m.family, 4);
    assert_int_equal(m.leased, 0);
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_SEEN), 0);
}

/* A client that goes through all addresses does not fill control's socket. */
static void test_addresses_are_bounded(void **state)
{
    struct world *w = *state;
    uint8_t f[60];
    introduce(w);
    for (unsigned i = 0; i < 250; i++) {
        rig_send(&w->r, &w->a, 0, f, arp_frame(f, MAC_HOST, MAC_A, 0x0a, (uint8_t)(2 + i)));
        lan_gets_any(w);
    }
    still_fine(w);
    assert_in_range(rig_count(&w->r, 0, DBR_IPC_SEEN), 10, 120);
}

/* What the LAN's DHCP server gives to a client is told as a lease; the same answer from a client is dropped.
 */
static void test_addresses_of_dhcp(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_seen m;
    uint8_t f[14 + 20 + 8 + 240 + 4], got[RIG_FRAME_MAX];
    static const uint8_t ip4[] = {0x45, 0, 1, 16, 0, 0, 0, 0, 64, 17},
                         options[] = {99, 130, 83, 99, 53, 1, 5, 255};
    introduce(w);
    rig_frame(f, BROADCAST, MAC_HOST, sizeof f, 0);
    memset(f + 14, 0, sizeof f - 14);
    dbr_put16(f + 12, 0x0800);
    memcpy(f + 14, ip4, sizeof ip4);
    dbr_put16(f + 34, 67);
    dbr_put16(f + 36, 68);
    dbr_put16(f + 38, sizeof f - 34);
    memcpy(f + 42, "\x02\x01\x06", 3);
    memcpy(f + 58, "\xc0\0\x02\x37", 4);
    memcpy(f + 70, "\x02\0\0\0\0\x0a", 6);
    memcpy(f + 42 + 236, options, sizeof options);
    memcpy(f + 6, "\x02\0\0\0\0\x0b", 6);
    rig_send(&w->r, &w->b, 0, f, sizeof f); /* b is no DHCP server */
    memcpy(f + 6, "\x02\0\0\0\0\x01", 6);
    rig_lan_write(&w->r, 0, NULL, f, sizeof f);
    assert_int_equal(rig_receive(&w->a, got), sizeof f);
    rig_hear(&w->r, 0, DBR_IPC_SEEN, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->a.id);
    assert_memory_equal(m.ip, "\xc0\0\x02\x37", 4);
    assert_int_equal(m.leased, 1);
    memcpy(f + 70, "\x02\0\0\0\0\x99", 6); /* for a host of the LAN: nobody's business */
    rig_lan_write(&w->r, 0, NULL, f, sizeof f);
    assert_int_equal(rig_receive(&w->a, got), sizeof f);
    rig_sync(&w->r, 0);
    assert_int_equal(rig_count(&w->r, 0, DBR_IPC_SEEN), 0);
}

static struct dbr_ipc_worker totals_of(struct world *w)
{
    struct dbr_ipc_head get = dbr_ipc_head(DBR_IPC_STATS_GET, sizeof get, 0);
    struct dbr_ipc_worker m;
    rig_tell(&w->r, 0, &get);
    rig_hear(&w->r, 0, DBR_IPC_WORKER, &m, sizeof m);
    rig_hear(&w->r, 0, DBR_IPC_STATS_END, &get, sizeof get);
    return m;
}

/* The sums of a worker, also of a peer that has gone. */
static void test_totals(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_peer_del del = {.head = dbr_ipc_head(DBR_IPC_PEER_DEL, sizeof del, w->a.id)};
    uint8_t f[60];
    introduce(w);
    peer_sends(w, &w->a, BROADCAST, MAC_HOST);
    rig_send(&w->r, &w->a, 0, f, arp_frame(f, MAC_HOST, MAC_A, 0x0a, 2));
    lan_gets_any(w);
    for (int round = 0; round < 2; round++) {
        struct dbr_ipc_worker m = totals_of(w);
        assert_int_equal(m.sum[DBR_SUM_RX_FRAMES], 4);
        assert_int_equal(m.sum[DBR_SUM_RX_BYTES], 3 * 124 + 84);
        assert_int_equal(m.sum[DBR_SUM_MACS], 2 - round);
        assert_int_equal(m.sum[DBR_SUM_LEARNED], 2);
        assert_int_equal(m.sum[DBR_SUM_TO_FLOOD], 3);
        assert_int_equal(m.sum[DBR_SUM_TO_LAN], 1);
        assert_int_equal(m.sum[DBR_SUM_TO_DROP], 1);
        assert_int_equal(m.sum[DBR_SUM_CLASS_ARP], 1);
        assert_int_equal(m.guard[DBR_GUARD_LAN_MAC], 1);
        rig_tell(&w->r, 0, &del); /* its figures stay */
    }
}

static void test_peer_del(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_peer_del del = {.head = dbr_ipc_head(DBR_IPC_PEER_DEL, sizeof del, w->b.id)};
    struct dbr_ipc_learned m;
    introduce(w);
    rig_tell(&w->r, 0, &del);
    rig_hear_keeper(&w->r, DBR_IPC_FDB_DEL, &m, sizeof m);
    assert_int_equal(m.head.peer_id, w->b.id);
    assert_memory_equal(m.mac, "\x02\0\0\0\0\x0b", 6);
    rig_sync(&w->r, 0);
    peer_sends(w, &w->b, BROADCAST, MAC_B);
    still_fine(w);
    peer_gets(&w->a, lan_sends(w, MAC_B, MAC_HOST)); /* unknown now: flooded, to those that are left */
    assert_true(rig_quiet(&w->b));
    rig_tell(&w->r, 0, &del); /* again: nobody there */
    rig_peer_install(&w->r, &w->b);
    lan_gets(w, peer_sends(w, &w->b, BROADCAST, MAC_B)); /* the id may be used again */
}

static void test_stats(void **state)
{
    struct world *w = *state;
    introduce(w);
    struct dbr_ipc_stats s = stats_of(w, &w->a);
    assert_int_equal(s.rx_frames, 1);
    assert_int_equal(s.rx_bytes, 124);
    assert_int_equal(s.tx_frames, 2);
    assert_int_equal(s.tx_bytes, 248);
    assert_int_equal(s.macs, 1);
    assert_true(s.last_rx_ns && s.last_tx_ns);
}

static void test_peers_get(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_head m = dbr_ipc_head(DBR_IPC_PEERS_GET, sizeof m, 0);
    struct dbr_ipc_peer back;
    unsigned seen = 0;
    rig_tell(&w->r, 0, &m);
    for (unsigned i = 0; i < 2; i++) {
        rig_hear(&w->r, 0, DBR_IPC_PEER_BACK, &back, sizeof back);
        seen |= 1U << back.head.peer_id;
        assert_string_equal(back.cn, "peer");
        assert_int_equal(back.serial_len, 2);
        assert_true(back.addr.port != 0);
    }
    assert_int_equal(seen, 1U << w->a.id | 1U << w->b.id);
    rig_hear(&w->r, 0, DBR_IPC_STATS_END, &m, sizeof m);
}

static void test_unknown_peers_are_ignored(void **state)
{
    struct world *w = *state;
    static const uint32_t ids[] = {3, 1023, 1024, 0xffffff};
    introduce(w);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct dbr_ipc_peer set = rig_peer_message(&w->a);
        set.head = dbr_ipc_head(DBR_IPC_PEER_SET, sizeof set, ids[i]);
        struct dbr_ipc_peer_del del = {.head = dbr_ipc_head(DBR_IPC_PEER_DEL, sizeof del, ids[i])};
        struct dbr_ipc_key key = {.head = dbr_ipc_head(DBR_IPC_KEY_NEW, sizeof key, ids[i]), .cipher = 3};
        struct dbr_ipc_key_ref ref = {.head = dbr_ipc_head(DBR_IPC_KEY_SWAP, sizeof ref, ids[i])};
        struct dbr_ipc_blob blob = {.head = dbr_ipc_head(DBR_IPC_SEND, sizeof blob, ids[i]), .n = 4};
        rig_tell(&w->r, 0, &set);
        rig_tell(&w->r, 0, &del);
        rig_tell(&w->r, 0, &key);
        rig_tell(&w->r, 0, &ref);
        ref.head.type = DBR_IPC_KEY_DEL;
        rig_tell(&w->r, 0, &ref);
        rig_tell(&w->r, 0, &blob);
    }
    struct dbr_ipc_peer far = rig_peer_message(&w->a);
    far.head.peer_id = 1024; /* one above the last */
    rig_tell(&w->r, 0, &far);
    rig_sync(&w->r, 0);
    still_fine(w);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
}

/* ---- checksums, MSS and super frames ---- */

static void set_mss(struct world *w, uint16_t v4)
{
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    m.head.type = DBR_IPC_PEER_SET;
    m.mss_v4 = v4;
    m.mss_v6 = v4;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
}

static void test_mss_is_clamped_both_ways(void **state)
{
    struct world *w = *state;
    uint8_t f[100], got[RIG_FRAME_MAX];
    introduce(w);
    set_mss(w, 1368);
    size_t n = inner_tcp(f, MAC_HOST, MAC_A, 1, INNER_SYN, 1460, 0, false);
    rig_send(&w->r, &w->a, 0, f, n);
    assert_int_equal(rig_lan_read(&w->r, 0, got), n);
    assert_int_equal(inner_mss(got), 1368);
    assert_true(inner_checks(got, n));
    inner_tcp(f, MAC_A, MAC_HOST, 1, INNER_SYN, 1460, 0, false);
    rig_lan_write(&w->r, 0, NULL, f, n);
    assert_int_equal(rig_receive(&w->a, got), n);
    assert_int_equal(inner_mss(got), 1368);
    assert_true(inner_checks(got, n));
    inner_tcp(f, MAC_A, MAC_HOST, 1, INNER_SYN, 1300, 0, false); /* lower already */
    rig_lan_write(&w->r, 0, NULL, f, n);
    rig_receive(&w->a, got);
    assert_int_equal(inner_mss(got), 1300);
    inner_tcp(f, MAC_B, MAC_A, 1, INNER_SYN, 1460, 0, false); /* between peers: by a's, b has none */
    rig_send(&w->r, &w->a, 0, f, n);
    rig_receive(&w->b, got);
    assert_int_equal(inner_mss(got), 1368);
}

static void test_partial_checksums_are_finished(void **state)
{
    struct world *w = *state;
    uint8_t f[600], got[RIG_FRAME_MAX];
    introduce(w);
    set_mss(w, 1368);
    size_t n = inner_tcp(f, MAC_A, MAC_HOST, 1, INNER_SYN, 1460, 301, true);
    assert_false(inner_checks(f, n));
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
    rig_lan_write(&w->r, 0, &v, f, n);
    assert_int_equal(rig_receive(&w->a, got), n);
    assert_true(inner_checks(got, n));
    assert_int_equal(inner_mss(got), 1368);
    v.csum_start = 700; /* outside the frame: dropped */
    rig_lan_write(&w->r, 0, &v, f, n);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
}

static void test_super_frame_from_the_lan(void **state)
{
    struct world *w = *state;
    enum { PAYLOAD = 40000, MSS = 1400 };
    static uint8_t f[PAYLOAD + 100];
    uint8_t got[RIG_FRAME_MAX];
    introduce(w);
    size_t n = inner_tcp(f, MAC_A, MAC_HOST, 5000, INNER_ACK | INNER_PSH, 0, PAYLOAD, true);
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                         .gso_type = DBR_VNET_GSO_TCPV4,
                         .hdr_len = 54,
                         .gso_size = MSS,
                         .csum_start = 34,
                         .csum_offset = 16};
    rig_lan_write(&w->r, 0, &v, f, n);
    uint32_t seq = 5000;
    while (seq < 5000 + PAYLOAD) {
        size_t len = rig_receive(&w->a, got);
        assert_true(inner_checks(got, len));
        assert_true(inner_tcp_payload_ok(got, len));
        assert_int_equal(dbr_get32(got + 38), seq);
        seq += (uint32_t)len - 54;
        assert_int_equal(len - 54, seq < 5000 + PAYLOAD ? MSS : PAYLOAD % MSS);
    }
    v.gso_size = 0; /* no such super frame */
    rig_lan_write(&w->r, 0, &v, f, n);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
}

/* UDP super frames are cut at the sender's datagrams, also when they are flooded. */
static void test_udp_super_frame_from_the_lan(void **state)
{
    struct world *w = *state;
    static uint8_t f[64 * 20 + 100];
    uint8_t got[RIG_FRAME_MAX];
    introduce(w);
    size_t n = inner_udp(f, BROADCAST, MAC_HOST, 9, sizeof f - 100, true);
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                         .gso_type = DBR_VNET_GSO_UDP_L4,
                         .hdr_len = 42,
                         .gso_size = 64,
                         .csum_start = 34,
                         .csum_offset = 6};
    rig_lan_write(&w->r, 0, &v, f, n);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(rig_receive(&w->a, got), 42 + 64);
        assert_true(inner_checks(got, 42 + 64));
        assert_int_equal(rig_receive(&w->b, got), 42 + 64);
        assert_memory_equal(got + 42, f + 42 + 64 * (size_t)i, 64);
    }
}

/* ---- packets longer than the path takes ---- */

enum { LONG_PAYLOAD = 1472, LONG = INNER_ETH + INNER_IP + INNER_UDP + LONG_PAYLOAD };

/* a, and b too, take inner packets of at most max bytes. */
static void set_max_l3(struct world *w, uint16_t max)
{
    struct rig_peer *peers[] = {&w->a, &w->b};
    for (size_t i = 0; i < 2; i++) {
        struct dbr_ipc_peer m = rig_peer_message(peers[i]);
        m.head.type = DBR_IPC_PEER_SET;
        m.max_l3 = max;
        m.flags |= DBR_PEER_TELL_MTU;
        rig_tell(&w->r, 0, &m);
    }
    rig_sync(&w->r, 0);
}

/* A UDP packet of 1,500 bytes that may be fragmented, or not. */
static size_t long_frame(uint8_t *f, const char *dst, const char *src, bool dont_fragment)
{
    size_t n = inner_udp(f, dst, src, 1000, LONG_PAYLOAD, false);
    uint8_t *ip = f + INNER_ETH;
    uint16_t sum = dbr_get16(ip + 10);
    if (!dont_fragment) {
        dbr_put16(ip + 6, 0);
        dbr_put16(ip + 10, (uint16_t)(sum + 0x4000 + (sum >= 0xc000))); /* ~(x - 0x4000) */
    }
    return n;
}

/* The two fragments of the frame come to p. */
static void gets_fragments(struct rig_peer *p, const uint8_t *f)
{
    enum { FIRST = 1400, HEAD = INNER_ETH + INNER_IP };
    uint8_t got[RIG_FRAME_MAX];
    assert_int_equal(rig_receive(p, got), HEAD + FIRST);
    assert_int_equal(dbr_get16(got + INNER_ETH + 6), 0x2000);
    assert_memory_equal(got + HEAD, f + HEAD, FIRST);
    assert_int_equal(rig_receive(p, got), LONG - FIRST);
    assert_int_equal(dbr_get16(got + INNER_ETH + 6), FIRST / 8);
    assert_memory_equal(got + HEAD, f + HEAD + FIRST, LONG - HEAD - FIRST);
}

static void check_answer(const uint8_t *got, size_t n, const uint8_t *f)
{
    assert_int_equal(n, INNER_ETH + 576);
    assert_memory_equal(got, f + 6, 6);
    assert_memory_equal(got + 6, f, 6);
    assert_int_equal(dbr_get16(got + INNER_ETH + INNER_IP), 0x0304);
    assert_int_equal(dbr_get32(got + INNER_ETH + INNER_IP + 4), 1422);
    assert_memory_equal(got + INNER_ETH + INNER_IP + 8, f + INNER_ETH, 548);
}

static void test_long_packets_are_cut(void **state)
{
    struct world *w = *state;
    uint8_t f[LONG], got[RIG_FRAME_MAX];
    introduce(w);
    set_max_l3(w, 1422);
    long_frame(f, MAC_A, MAC_HOST, false);
    rig_lan_write(&w->r, 0, NULL, f, LONG);
    gets_fragments(&w->a, f);
    long_frame(f, MAC_B, MAC_A, false); /* between peers */
    rig_send(&w->r, &w->a, 0, f, LONG);
    gets_fragments(&w->b, f);
    long_frame(f, BROADCAST, MAC_HOST, false);
    rig_lan_write(&w->r, 0, NULL, f, LONG);
    gets_fragments(&w->a, f);
    gets_fragments(&w->b, f);
    long_frame(f, MAC_HOST, MAC_A, false); /* the LAN takes it */
    rig_send(&w->r, &w->a, 0, f, LONG);
    assert_int_equal(rig_lan_read(&w->r, 0, got), LONG);
    set_max_l3(w, 1500);
    long_frame(f, MAC_A, MAC_HOST, true);
    rig_lan_write(&w->r, 0, NULL, f, LONG);
    assert_int_equal(rig_receive(&w->a, got), LONG);
    set_max_l3(w, 0);
    rig_lan_write(&w->r, 0, NULL, f, LONG);
    assert_int_equal(rig_receive(&w->a, got), LONG);
    assert_memory_equal(got, f, LONG);
    struct dbr_ipc_peer m = rig_peer_message(&w->a); /* nobody is told: cut, whatever the sender forbids */
    m.head.type = DBR_IPC_PEER_SET;
    m.max_l3 = 1422;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
    rig_lan_write(&w->r, 0, NULL, f, LONG);
    gets_fragments(&w->a, f);
}

static void test_senders_of_long_packets_are_told(void **state)
{
    struct world *w = *state;
    uint8_t f[LONG], got[RIG_FRAME_MAX];
    introduce(w);
    set_max_l3(w, 1422);
    long_frame(f, MAC_A, MAC_HOST, true);
    rig_lan_write(&w->r, 0, NULL, f, LONG);
    check_answer(got, rig_lan_read(&w->r, 0, got), f);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST)); /* and a did not get it */
    long_frame(f, MAC_B, MAC_A, true);
    rig_send(&w->r, &w->a, 0, f, LONG);
    check_answer(got, rig_receive(&w->a, got), f);
    peer_gets(&w->b, lan_sends(w, MAC_B, MAC_HOST));
    assert_true(rig_lan_quiet(&w->r, 0));
}

/* What is flooded goes as it is: several ends would answer. */
static void test_flooded_long_packets_are_not_answered(void **state)
{
    struct world *w = *state;
    static const char *const to[] = {BROADCAST, "02:00:00:00:00:77"};
    uint8_t f[LONG], got[RIG_FRAME_MAX];
    introduce(w);
    set_max_l3(w, 1422);
    for (size_t i = 0; i < 2; i++) {
        long_frame(f, to[i], MAC_HOST, true);
        rig_lan_write(&w->r, 0, NULL, f, LONG);
        assert_int_equal(rig_receive(&w->a, got), LONG);
        assert_int_equal(rig_receive(&w->b, got), LONG);
    }
    still_fine(w);
}

/* A thousand a second, a hundred at once. */
static void test_answers_to_long_packets_are_bounded(void **state)
{
    struct world *w = *state;
    struct timespec from, to;
    uint8_t f[LONG], got[RIG_FRAME_MAX];
    long answers = 0;
    introduce(w);
    set_max_l3(w, 1422);
    long_frame(f, MAC_B, MAC_A, true);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (unsigned i = 0; i < 600; i++) {
        rig_send(&w->r, &w->a, 0, f, LONG);
        if (i % 30 == 29)
            rig_sync(&w->r, 0);
        for (; i % 30 == 29 && !rig_quiet(&w->a); answers++)
            check_answer(got, rig_receive(&w->a, got), f);
    }
    uint32_t last = lan_sends(w, MAC_A, MAC_HOST);
    for (; rig_receive(&w->a, got) != 100; answers++)
        ;
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_int_equal(rig_frame_number(got), last);
    long ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    assert_true(answers >= 100 && answers <= 100 + ms + 5);
}

/* Each datagram of a super frame is a packet of its own. */
static void test_long_segments_are_cut(void **state)
{
    struct world *w = *state;
    static uint8_t f[3 * LONG_PAYLOAD + 100];
    uint8_t got[RIG_FRAME_MAX];
    introduce(w);
    set_max_l3(w, 1422);
    size_t n = inner_udp(f, MAC_A, MAC_HOST, 9, 2 * LONG_PAYLOAD + 10, true);
    dbr_put16(f + INNER_ETH + 6, 0);
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                         .gso_type = DBR_VNET_GSO_UDP_L4,
                         .hdr_len = 42,
                         .gso_size = LONG_PAYLOAD,
                         .csum_start = 34,
                         .csum_offset = 6};
    rig_lan_write(&w->r, 0, &v, f, n);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_receive(&w->a, got), 34 + 1400);
        assert_memory_equal(got + 42, f + 42 + i * LONG_PAYLOAD, 1392);
        assert_int_equal(rig_receive(&w->a, got), 34 + 80);
        assert_memory_equal(got + 34, f + 42 + i * LONG_PAYLOAD + 1392, 80);
    }
    assert_int_equal(rig_receive(&w->a, got), 42 + 10);
    assert_true(inner_checks(got, 42 + 10));
}

static void test_super_frame_to_the_lan(void **state)
{
    struct world *w = *state;
    enum { N = 20, MSS = 1000 };
    static uint8_t train[N * 1100];
    uint8_t f[1100], got[RIG_FRAME_MAX];
    size_t n = 0;
    lan_gets(w, peer_sends(w, &w->a, BROADCAST, MAC_A));
    for (unsigned i = 0; i < N; i++) {
        size_t len = inner_tcp(f, MAC_HOST, MAC_A, 100 + i * MSS, INNER_ACK, 0, MSS, false);
        n += rig_seal(&w->a, f, len, train + n);
    }
    rig_send_train(&w->r, &w->a, 0, train, n, (uint16_t)(n / N));
    size_t len = rig_lan_read(&w->r, 0, got);
    struct dbr_vnet v;
    dbr_vnet_parse(&v, w->r.vnet);
    assert_int_equal(len, 54 + N * MSS);
    assert_int_equal(v.gso_type, DBR_VNET_GSO_TCPV4);
    assert_int_equal(v.gso_size, MSS);
    assert_int_equal(dbr_vnet_check(&v, len), 0);
    assert_true(inner_tcp_payload_ok(got, len));
}

static void test_no_super_frame_without_offload(void **state)
{
    struct world *w = *state;
    uint8_t f[1100], train[2200], got[RIG_FRAME_MAX];
    size_t n = 0, len = 0;
    introduce(w);
    for (unsigned i = 0; i < 2; i++) {
        len = inner_tcp(f, MAC_HOST, MAC_A, 100 + i * 900, INNER_ACK, 0, 900, false);
        n += rig_seal(&w->a, f, len, train + n);
    }
    rig_send_train(&w->r, &w->a, 0, train, n, (uint16_t)(n / 2));
    assert_int_equal(rig_lan_read(&w->r, 0, got), len);
    assert_int_equal(rig_lan_read(&w->r, 0, got), len);
}

/* A peer that agreed to it gets the segments of a super frame without their checksums; one that did not, with
 * them. */
static void test_unsummed_from_the_lan(void **state)
{
    struct world *w = *state;
    enum { PAYLOAD = 3000, MSS = 1000 };
    uint8_t f[PAYLOAD + 100], got[RIG_FRAME_MAX], scratch[16];
    introduce(w);
    set_framing(w, DBR_FRAMING_OFFLOAD);
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                         .gso_type = DBR_VNET_GSO_TCPV4,
                         .hdr_len = 54,
                         .gso_size = MSS,
                         .csum_start = 34,
                         .csum_offset = 16};
    size_t n = inner_tcp(f, BROADCAST, MAC_HOST, 5000, INNER_ACK, 0, PAYLOAD, true);
    rig_lan_write(&w->r, 0, &v, f, n);
    for (unsigned i = 0; i < PAYLOAD / MSS; i++) {
        uint8_t *p = got;
        size_t len = rig_receive(&w->a, got);
        assert_int_equal(dbr_framing_strip(DBR_FRAMING_OFFLOAD, &p, &len, scratch, 16), DBR_FRAMING_UNSUMMED);
        assert_int_equal(dbr_get16(p + 50), 0);
        assert_true(inner_tcp_payload_ok(p, len));
        len = rig_receive(&w->b, got);
        assert_true(inner_checks(got, len));
    }
    lan_sends(w, MAC_A, MAC_HOST); /* an ordinary frame has its own */
    uint8_t *p = got;
    size_t len = rig_receive(&w->a, got);
    assert_int_equal(dbr_framing_strip(DBR_FRAMING_OFFLOAD, &p, &len, scratch, 16), 0);
}

/* Sends a TCP frame to dst as an OFFLOAD peer does, without its checksum. */
static void sends_unsummed(struct world *w, const char *dst, const char *src, uint32_t seq, size_t payload)
{
    uint8_t buf[1600], *p = buf + DBR_FRAMING_HEADROOM;
    size_t len = inner_tcp(p, dst, src, seq, INNER_ACK, 0, payload, false);
    memset(p + 50, 0xee, 2);
    dbr_framing_add(DBR_FRAMING_OFFLOAD, &p, &len);
    dbr_framing_unsummed(p);
    rig_send(&w->r, &w->a, 0, p, len);
}

/* The kernel fills the checksum in for the LAN, we do for a peer. */
static void test_unsummed_from_a_peer(void **state)
{
    struct world *w = *state;
    uint8_t got[RIG_FRAME_MAX];
    struct dbr_vnet v;
    introduce(w);
    set_framing(w, DBR_FRAMING_OFFLOAD);
    sends_unsummed(w, MAC_HOST, MAC_A, 100, 500);
    size_t len = rig_lan_read(&w->r, 0, got);
    dbr_vnet_parse(&v, w->r.vnet);
    assert_int_equal(v.flags, DBR_VNET_NEEDS_CSUM);
    assert_int_equal(dbr_vnet_finish(&v, got, len), 0);
    assert_true(inner_checks(got, len));
    sends_unsummed(w, MAC_B, MAC_A, 600, 500);
    len = rig_receive(&w->b, got);
    assert_true(inner_checks(got, len));
}

/* Not every frame can be said to lack one, and nothing else can be said of a frame. */
static void test_unsummed_is_bounded(void **state)
{
    struct world *w = *state;
    uint8_t buf[200];
    introduce(w);
    set_framing(w, DBR_FRAMING_OFFLOAD);
    rig_frame(buf + 1, MAC_HOST, MAC_A, 100, 3000); /* no TCP */
    buf[0] = 1;
    rig_send(&w->r, &w->a, 0, buf, 101);
    buf[0] = 2;
    rig_send(&w->r, &w->a, 0, buf, 101);
    buf[0] = 0;
    dbr_put32(buf + 15, 3001);
    rig_send(&w->r, &w->a, 0, buf, 101);
    lan_gets(w, 3001);
}

/* ---- limits ---- */

static void test_rate_limits(void **state)
{
    struct world *w = *state;
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    enum { N = 300, LEN = 1400 }; /* 420 kB at once, of which 128 kB and little more may pass */
    uint8_t f[LEN], got[RIG_FRAME_MAX];
    introduce(w);
    m.head.type = DBR_IPC_PEER_SET;
    m.rate_up = m.rate_down = 80000;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
    for (unsigned i = 0; i < N; i++) {
        rig_frame(f, MAC_HOST, MAC_A, LEN, i);
        rig_send(&w->r, &w->a, 0, f, LEN);
        rig_frame(f, MAC_A, MAC_HOST, LEN, i);
        rig_lan_write(&w->r, 0, NULL, f, LEN);
    }
    uint32_t n = peer_sends(w, &w->b, BROADCAST, MAC_B);
    unsigned up = 0, down = 0;
    while (rig_lan_read(&w->r, 0, got) == LEN)
        up++;
    assert_int_equal(rig_frame_number(got), n);
    rig_sync(&w->r, 0);
    for (; !rig_quiet(&w->a); down++)
        rig_receive(&w->a, got);
    assert_in_range(up, 128 * 1024 / LEN, 128 * 1024 / LEN + 10);
    assert_in_range(down, 1, 128 * 1024 / LEN + 10);
    struct dbr_ipc_stats s = stats_of(w, &w->a);
    assert_in_range(s.drops_queue, 2 * N - up - 128 * 1024 / LEN - 11, 2 * N);
}

/* ---- ends ---- */

static void test_frames_flow_without_control(void **state)
{
    struct world *w = *state;
    introduce(w);
    close(w->r.control[0]);
    w->r.control[0] = -1;
    still_fine(w);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    peer_sends(w, &w->a, BROADCAST, MAC_HOST); /* a guard's news for nobody */
    still_fine(w);
}

static void test_tap_gone(void **state)
{
    struct world *w = *state;
    close(w->r.lan[0]);
    w->r.lan[0] = -1;
    assert_int_equal(rig_wait_end(&w->r), DBR_DATA_TAP_GONE);
}

static int lock_fails(const struct dbr_boot *boot)
{
    (void)boot;
    return DBR_ERR_IO;
}

/* What cannot start says so by its code, and says READY to nobody. */
static void test_failed_starts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        static struct rig r;
        struct dbr_ipc_head m;
        rig_init(&r, 2);
        if (i == 0)
            r.boot.lock_down = lock_fails;
        else if (i == 1)
            r.limits.aead = "rot13";
        else
            r.limits.max_macs = 1U << 30;
        assert_int_equal(dbr_data_main(&r.boot, &r.limits), DBR_DATA_FAILED);
        assert_int_equal(dbr_ipc_recv(r.keeper, &m, NULL), DBR_ERR_AGAIN);
        rig_close(&r);
    }
}

/* ---- one peer ---- */

static struct dbr_ipc_stats only_stats(struct world *w)
{
    struct dbr_ipc_head get = dbr_ipc_head(DBR_IPC_STATS_GET, sizeof get, 0);
    struct dbr_ipc_stats s = {0};
    rig_tell(&w->r, 0, &get);
    rig_hear(&w->r, 0, DBR_IPC_STATS, &s, sizeof s);
    rig_hear(&w->r, 0, DBR_IPC_STATS_END, &get, sizeof get);
    return s;
}

/* A server without `mode server`: the id of the packets is what both ends derived; guards and switch are as
 * with many. */
static void test_only_peer(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1);
    w.r.boot.single = true;
    rig_start(&w.r);
    rig_peer_open(&w.a, 0);
    struct dbr_ipc_peer m = rig_peer_message(&w.a);
    m.wire_peer_id = 0xabcdef;
    rig_tell(&w.r, 0, &m);
    rig_key_install(&w.r, &w.a, 0, true, 5);
    rig_sync(&w.r, 0);
    dbr_put24(w.a.slot.header + 1, 0xabcdef);
    lan_gets(&w, peer_sends(&w, &w.a, MAC_HOST, MAC_A));
    peer_gets(&w.a, lan_sends(&w, MAC_A, MAC_HOST));
    rig_peer_rebind(&w.a);
    lan_gets(&w, peer_sends(&w, &w.a, MAC_HOST, MAC_A));
    peer_gets(&w.a, lan_sends(&w, MAC_A, MAC_HOST)); /* it has moved */
    dbr_put24(w.a.slot.header + 1, 0);
    peer_sends(&w, &w.a, MAC_HOST, MAC_A);
    dbr_put24(w.a.slot.header + 1, 0xabcdef);
    lan_gets(&w, peer_sends(&w, &w.a, MAC_HOST, MAC_A));
    assert_int_equal(only_stats(&w).rx_frames, 3);
    assert_int_equal(rig_stop(&w.r), DBR_DATA_OK);
    rig_peer_close(&w.a);
}

/* What has queued up in a worker's lanes before its first round: the lone frame of lane 0 leaves first, the
 * bulk of two lanes in turns, each lane in its order. */
static void test_lanes(void **state)
{
    enum { BULK = 60, FRAME = 1400 };
    (void)state;
    static struct world w;
    static uint8_t f[RIG_FRAME_MAX];
    uint32_t next[3] = {0, 1000, 2000}, changes = 0, lane = 0;
    memset(&w, 0, sizeof w);
    rig_init_lanes(&w.r, 1, 4);
    rig_peer_open(&w.a, 3);
    struct dbr_ipc_peer m = rig_peer_message(&w.a);
    rig_tell(&w.r, 0, &m);
    rig_key_install(&w.r, &w.a, 0, true, 5);
    for (unsigned i = 0; i < 2 * BULK; i++) {
        rig_frame(f, BROADCAST, MAC_HOST, FRAME, (i % 2 ? 2000 : 1000) + i / 2);
        rig_lan_write(&w.r, 1 + i % 2, NULL, f, FRAME);
    }
    rig_frame(f, BROADCAST, MAC_HOST, FRAME, 0);
    rig_lan_write(&w.r, 0, NULL, f, FRAME);
    rig_start(&w.r);
    for (unsigned i = 0; i < 2 * BULK + 1; i++) {
        assert_int_equal(rig_receive(&w.a, f), FRAME);
        uint32_t number = rig_frame_number(f);
        assert_int_equal(number, next[number / 1000]++);
        changes += number / 1000 != lane;
        lane = number / 1000;
        assert_true(i > 0 || lane == 0);
    }
    assert_true(changes >= 4); /* 0, 1, 2, and both once more */
    for (unsigned i = 0; i < 4; i++) {
        rig_frame(f, BROADCAST, MAC_HOST, FRAME, 5000 + i);
        rig_lan_write(&w.r, i, NULL, f, FRAME);
        assert_int_equal(rig_receive(&w.a, f), FRAME);
        assert_int_equal(rig_frame_number(f), 5000 + i);
    }
    assert_int_equal(rig_stop(&w.r), DBR_DATA_OK);
    rig_peer_close(&w.a);
}

/* A flood in lane 0 leaves the others their turns. */
static void test_lane_0_starves_nobody(void **state)
{
    enum { FLOOD = 150, FRAME = 100 };
    (void)state;
    static struct world w;
    uint8_t f[RIG_FRAME_MAX];
    unsigned at = FLOOD;
    memset(&w, 0, sizeof w);
    rig_init_lanes(&w.r, 1, 2);
    rig_peer_open(&w.a, 3);
    struct dbr_ipc_peer m = rig_peer_message(&w.a);
    rig_tell(&w.r, 0, &m);
    rig_key_install(&w.r, &w.a, 0, true, 5);
    for (unsigned i = 0; i <= FLOOD; i++) {
        rig_frame(f, BROADCAST, MAC_HOST, FRAME, i);
        rig_lan_write(&w.r, i == FLOOD, NULL, f, FRAME);
    }
    rig_start(&w.r);
    for (unsigned i = 0; i <= FLOOD; i++) {
        assert_int_equal(rig_receive(&w.a, f), FRAME);
        at = rig_frame_number(f) == FLOOD ? i : at;
    }
    assert_true(at <= 16);
    assert_int_equal(rig_stop(&w.r), DBR_DATA_OK);
    rig_peer_close(&w.a);
}

/* multihome: answers leave from where the newest genuine datagram went; one that was held back says nothing.
 */
static void test_home_follows(void **state)
{
    (void)state;
    for (int multihome = 0; multihome < 2; multihome++) {
        static struct world w;
        struct dbr_ipc_datagram m[2];
        struct dbr_ipc_head get = dbr_ipc_head(DBR_IPC_PEERS_GET, sizeof get, 0);
        struct dbr_ipc_peer back;
        uint8_t f[100];
        memset(&w, 0, sizeof w);
        rig_init(&w.r, 1);
        w.r.boot.multihome = multihome;
        rig_start(&w.r);
        rig_peer_open(&w.a, 1);
        rig_peer_install(&w.r, &w.a);
        for (unsigned i = 0; i < 2; i++) {
            rig_frame(f, MAC_HOST, MAC_A, sizeof f, ++w.number);
            m[i] = (struct dbr_ipc_datagram){.addr = w.a.addr};
            m[i].addr.home[15] = (uint8_t)(10 + i);
            m[i].n = (uint32_t)rig_seal(&w.a, f, sizeof f, m[i].bytes);
            m[i].head = dbr_ipc_head(DBR_IPC_DATAGRAM, offsetof(struct dbr_ipc_datagram, bytes) + m[i].n, 0);
        }
        rig_tell(&w.r, 0, &m[1]);
        rig_tell(&w.r, 0, &m[0]);
        lan_gets(&w, w.number);
        lan_gets(&w, w.number - 1);
        rig_tell(&w.r, 0, &get);
        rig_hear(&w.r, 0, DBR_IPC_PEER_BACK, &back, sizeof back);
        assert_int_equal(back.addr.home[15], multihome ? 11 : 0);
        assert_int_equal(rig_stop(&w.r), DBR_DATA_OK);
        rig_peer_close(&w.a);
    }
}

/* Client role: without `float` the server's frames come from where it was called; with it, it may move. */
static void test_float_of_the_server(void **state)
{
    (void)state;
    for (int fixed = 0; fixed < 2; fixed++) {
        static struct world w;
        memset(&w, 0, sizeof w);
        rig_init(&w.r, 1);
        w.r.boot.client = w.r.boot.single = true;
        rig_start(&w.r);
        rig_peer_open(&w.a, 0);
        struct dbr_ipc_peer m = rig_peer_message(&w.a);
        m.flags = DBR_PEER_UPLINK | (fixed ? DBR_PEER_FIXED : 0);
        rig_tell(&w.r, 0, &m);
        rig_key_install(&w.r, &w.a, 0, true, 5);
        rig_sync(&w.r, 0);
        lan_gets(&w, peer_sends(&w, &w.a, MAC_A, MAC_HOST));
        rig_peer_rebind(&w.a);
        uint32_t from_there = peer_sends(&w, &w.a, MAC_A, MAC_HOST);
        if (!fixed) {
            lan_gets(&w, from_there);
            peer_gets(&w.a, lan_sends(&w, MAC_B, MAC_A));
        }
        rig_sync(&w.r, 0);
        struct dbr_ipc_stats s = only_stats(&w);
        assert_int_equal(s.rx_frames, fixed ? 1 : 2);
        assert_int_equal(s.drops_auth, fixed);
        assert_int_equal(rig_stop(&w.r), DBR_DATA_OK);
        rig_peer_close(&w.a);
    }
}

/* ---- client role ---- */

static void test_client_role(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, 1);
    w.r.boot.client = true;
    rig_start(&w.r);
    rig_peer_open(&w.a, 0);
    struct dbr_ipc_peer m = rig_peer_message(&w.a);
    m.flags = DBR_PEER_UPLINK;
    m.wire_peer_id = 4711;
    rig_tell(&w.r, 0, &m);
    rig_key_install(&w.r, &w.a, 0, true, 5);
    rig_sync(&w.r, 0);
    dbr_put24(w.a.slot.header + 1, 4711); /* the server writes the id that it gave */
    lan_gets(&w, peer_sends(&w, &w.a, MAC_A, MAC_HOST));
    lan_gets(&w, peer_sends(&w, &w.a, MAC_A, MAC_A)); /* no guards */
    peer_gets(&w.a, lan_sends(&w, MAC_B, MAC_A));     /* no switch */
    dbr_put24(w.a.slot.header + 1, 4712);
    peer_sends(&w, &w.a, MAC_A, MAC_HOST);
    dbr_put24(w.a.slot.header + 1, 4711);
    lan_gets(&w, peer_sends(&w, &w.a, MAC_A, MAC_HOST));
    uint8_t f[LONG], got[RIG_FRAME_MAX];
    m.head.type = DBR_IPC_PEER_SET;
    m.max_l3 = 1422;
    m.flags |= DBR_PEER_TELL_MTU;
    rig_tell(&w.r, 0, &m);
    rig_sync(&w.r, 0);
    long_frame(f, MAC_B, MAC_A, true);
    rig_lan_write(&w.r, 0, NULL, f, LONG);
    check_answer(got, rig_lan_read(&w.r, 0, got), f);
    peer_sends(&w, &w.a, "01:80:c2:00:00:00", MAC_HOST); /* the office's spanning tree passes ... */
    rig_lan_read(&w.r, 0, got);
    m.flags = DBR_PEER_UPLINK | DBR_PEER_SITE;
    m.max_l3 = 0;
    rig_tell(&w.r, 0, &m);
    rig_sync(&w.r, 0);
    peer_sends(&w, &w.a, "01:80:c2:00:00:00", MAC_HOST); /* ... into a second site it does not, */
    lan_gets(&w, peer_sends(&w, &w.a, MAC_A, MAC_HOST));
    lan_sends(&w, "01:80:c2:00:00:00", MAC_A); /* nor out of it */
    peer_gets(&w.a, lan_sends(&w, MAC_B, MAC_A));
    rig_peer_close(&w.a);
    assert_int_equal(rig_stop(&w.r), DBR_DATA_OK);
}

/* ---- split tunnel ---- */

/* A DHCP answer to everybody with router and domain; `last` ends its options. The kernel has left the
 * checksum to us. Returns its length. */
static size_t dhcp_answer(uint8_t *f, uint8_t last)
{
    static const uint8_t options[] = {99, 130, 83, 99, 53, 1, 5, 3, 4, 192, 0, 2, 1, 15, 1, 'x'};
    size_t n = inner_udp(f, "ff:ff:ff:ff:ff:ff", MAC_HOST, 67, 300, true);
    uint8_t *bootp = f + INNER_ETH + INNER_IP + INNER_UDP;
    memset(bootp, 0, 300);
    memcpy(bootp + 236, options, sizeof options);
    bootp[236 + sizeof options] = last;
    return n;
}

static const struct dbr_vnet left_to_us = {
    .flags = DBR_VNET_NEEDS_CSUM, .csum_start = INNER_ETH + INNER_IP, .csum_offset = 6};

/* a loses router and domain, b, for whom nothing was said, gets the frame as it is; both checksums are right.
 */
static void test_split_tunnel(void **state)
{
    struct world *w = *state;
    enum { ROUTER = INNER_ETH + INNER_IP + INNER_UDP + 236 + 7 };
    uint8_t f[RIG_FRAME_MAX], got[RIG_FRAME_MAX];
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    m.head.type = DBR_IPC_PEER_SET;
    m.flags |= DBR_PEER_SPLIT;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
    size_t n = dhcp_answer(f, 255);
    rig_lan_write(&w->r, 0, &left_to_us, f, n);
    assert_int_equal(rig_receive(&w->a, got), n);
    assert_true(inner_checks(got, n));
    assert_int_equal(got[ROUTER], 0);
    assert_int_equal(got[ROUTER + 6], 0);
    assert_int_equal(rig_receive(&w->b, got), n);
    assert_true(inner_checks(got, n));
    assert_int_equal(got[ROUTER], 3);
    assert_int_equal(got[ROUTER + 6], 15);
    /* the last option runs over: a gets nothing of it, and what comes next */
    n = dhcp_answer(f, 3);
    f[n - 1] = 9;
    f[INNER_ETH + INNER_IP + INNER_UDP + 236 + 17] = 250;
    rig_lan_write(&w->r, 0, &left_to_us, f, n);
    assert_int_equal(rig_receive(&w->b, got), n);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
    peer_gets(&w->b, w->number); /* a's address is not known */
    /* nor of one that is longer than any answer, or a super frame */
    n = inner_udp(f, BROADCAST, MAC_HOST, 67, DBR_SPLIT_MAX, false);
    rig_lan_write(&w->r, 0, NULL, f, n);
    assert_int_equal(rig_receive(&w->b, got), n);
    struct dbr_vnet pieces = left_to_us;
    pieces.gso_type = DBR_VNET_GSO_UDP_L4;
    pieces.hdr_len = INNER_ETH + INNER_IP + INNER_UDP;
    pieces.gso_size = 300;
    n = inner_udp(f, BROADCAST, MAC_HOST, 67, 600, true);
    rig_lan_write(&w->r, 0, &pieces, f, n);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rig_receive(&w->b, got), INNER_ETH + INNER_IP + INNER_UDP + 300);
    peer_gets(&w->a, lan_sends(w, MAC_A, MAC_HOST));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_frames_go_where_they_belong),
        T(test_unknown_unicast_is_flooded),
        cmocka_unit_test_setup_teardown(test_isolated_peers_see_only_the_lan, setup_isolated, teardown),
        T(test_isolated_peer),
        T(test_tags_are_for_sites),
        T(test_order_is_kept),
        T(test_short_datagrams),
        T(test_short_frames),
        T(test_frames_above_the_mtu),
        T(test_wrong_peer_id),
        T(test_wrong_key_id),
        T(test_replayed),
        T(test_replayed_within_a_batch),
        T(test_outside_the_window),
        T(test_tampered),
        T(test_control_packets_are_handed_over),
        T(test_other_opcodes_are_not),
        T(test_mixed_train),
        T(test_datagram_from_control),
        T(test_strays_are_bounded),
        T(test_float),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_lane_0_starves_nobody),
        cmocka_unit_test(test_only_peer),
        cmocka_unit_test(test_float_of_the_server),
        cmocka_unit_test(test_home_follows),
        T(test_no_float_without_a_good_tag),
        T(test_no_float_by_copy_or_by_late_datagram),
        T(test_no_float_onto_another_peer),
        T(test_float_onto_a_dead_peers_address),
        T(test_floats_are_told_once_a_second),
        T(test_key_change),
        T(test_key_is_never_installed_twice),
        T(test_three_keys_the_oldest_goes),
        T(test_nothing_is_sent_without_a_key),
        T(test_data_v1),
        T(test_framing),
        T(test_fragments),
        T(test_fragments_of_many_frames),
        T(test_fragments_and_framing),
        T(test_fragment_stays),
        T(test_ping_and_occ_are_not_frames),
        T(test_send),
        T(test_keepalive),
        T(test_learned_is_told),
        T(test_announcements_are_bounded),
        T(test_guard_is_told),
        cmocka_unit_test_setup_teardown(test_guarded_addresses, setup_guarded, teardown),
        cmocka_unit_test_setup_teardown(test_guarded_address6, setup_guarded, teardown),
        cmocka_unit_test_setup_teardown(test_guarded_anew, setup_guarded, teardown),
        cmocka_unit_test_setup_teardown(test_guarded_goes_on, setup_guarded, teardown),
        cmocka_unit_test_setup_teardown(test_loop, setup_loop_guard, teardown),
        cmocka_unit_test_setup_teardown(test_loop_of_the_lan, setup_loop_guard, teardown),
        cmocka_unit_test_setup_teardown(test_loop_of_two_sites, setup_loop_guard, teardown),
        T(test_first_datagram_of_a_new_key),
        cmocka_unit_test_setup_teardown(test_addresses_of_arp, setup_guarded, teardown),
        T(test_addresses_are_bounded),
        T(test_addresses_of_dhcp),
        T(test_totals),
        T(test_peer_del),
        T(test_stats),
        T(test_peers_get),
        T(test_unknown_peers_are_ignored),
        T(test_mss_is_clamped_both_ways),
        T(test_partial_checksums_are_finished),
        T(test_new_addresses_are_announced),
        T(test_super_frame_from_the_lan),
        T(test_udp_super_frame_from_the_lan),
        T(test_long_packets_are_cut),
        T(test_senders_of_long_packets_are_told),
        T(test_flooded_long_packets_are_not_answered),
        T(test_answers_to_long_packets_are_bounded),
        T(test_long_segments_are_cut),
        T(test_split_tunnel),
        cmocka_unit_test_setup_teardown(test_super_frame_to_the_lan, setup_offload, teardown),
        T(test_no_super_frame_without_offload),
        T(test_unsummed_from_the_lan),
        T(test_unsummed_from_a_peer),
        T(test_unsummed_is_bounded),
        T(test_rate_limits),
        T(test_frames_flow_without_control),
        T(test_tap_gone),
        cmocka_unit_test(test_failed_starts),
        cmocka_unit_test(test_client_role),
    };
    return cmocka_run_group_tests_name("data worker", tests, NULL, NULL);
}
