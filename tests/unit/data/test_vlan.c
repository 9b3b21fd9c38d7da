/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * VLANs per client through a whole worker: a in VLAN 10, b in VLAN 20, the TAP's own is 7. As in
 * test_worker.c, that something is dropped is shown by what is sent behind it.
 */
#include "inner.h"
#include "bridge/loop.h"
#include "bridge/tap.h"
#include "bridge/vlan.h"
#include "proto/fragment.h"
#include "proto/framing.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAC_A    "02:00:00:00:00:0a"
#define MAC_B    "02:00:00:00:00:0b"
#define MAC_HOST "02:00:00:00:00:99" /* on the LAN */

enum { PLAIN = -1, LEN = 100, VLAN_A = 10, VLAN_B = 20, NATIVE = 7, NUMBER_AT = 14 };

struct world {
    struct rig r;
    struct rig_peer a, b;
    uint32_t number;
};

static void install(struct world *w, struct rig_peer *p, uint32_t id, uint16_t vlan)
{
    rig_peer_open(p, id);
    struct dbr_ipc_peer m = rig_peer_message(p);
    m.vlan = vlan;
    rig_tell(&w->r, id % w->r.boot.n_workers, &m);
    rig_key_install(&w->r, p, 0, true, (uint8_t)id);
    rig_sync(&w->r, id % w->r.boot.n_workers);
}

static int set_up(void **state, enum dbr_vlan_accept accept, unsigned workers)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rig_init(&w.r, workers);
    w.r.boot.tap_offloads = DBR_TAP_CSUM | DBR_TAP_TSO4 | DBR_TAP_TSO6;
    w.r.limits.vlan_accept = (uint16_t)accept;
    w.r.limits.vlan_pvid = NATIVE;
    w.r.limits.loop_guard = workers == 1 && accept == DBR_VLAN_TAGGED;
    rig_start(&w.r);
    install(&w, &w.a, 1, VLAN_A);
    install(&w, &w.b, 2, VLAN_B);
    *state = &w;
    return 0;
}

static int set_up_all(void **state)
{
    return set_up(state, DBR_VLAN_ALL, 1);
}

static int set_up_tagged(void **state)
{
    return set_up(state, DBR_VLAN_TAGGED, 1);
}

static int set_up_untagged(void **state)
{
    return set_up(state, DBR_VLAN_UNTAGGED, 1);
}

static int set_up_two_workers(void **state)
{
    return set_up(state, DBR_VLAN_ALL, 2);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    assert_int_equal(rig_stop(&w->r), DBR_DATA_OK);
    rig_peer_close(&w->a);
    rig_peer_close(&w->b);
    return 0;
}

/* ---- helpers ---- */

/* A frame with the number behind its header, tagged with tci unless that is PLAIN. */
static size_t make(struct world *w, uint8_t *f, const char *dst, const char *src, int tci)
{
    uint8_t plain[LEN];
    size_t at = tci == PLAIN ? 0 : DBR_VLAN_TAG;
    rig_frame(plain, dst, src, sizeof plain, ++w->number);
    memcpy(f, plain, 12);
    memcpy(f + 12 + at, plain + 12, LEN - 12);
    if (at) {
        dbr_put16(f + 12, 0x8100);
        dbr_put16(f + 14, (uint16_t)tci);
    }
    return LEN + at;
}

static unsigned worker_of(struct world *w, const struct rig_peer *p)
{
    return p->id % w->r.boot.n_workers;
}

static void peer_sends(struct world *w, struct rig_peer *p, const char *dst, const char *src, int tci)
{
    uint8_t f[LEN + 4];
    size_t n = make(w, f, dst, src, tci);
    rig_send(&w->r, p, worker_of(w, p), f, n);
}

static void lan_sends(struct world *w, const char *dst, int tci)
{
    uint8_t f[LEN + 4];
    size_t n = make(w, f, dst, MAC_HOST, tci);
    rig_lan_write(&w->r, 0, NULL, f, n);
}

/* The last frame that was sent is the next one there, with this tag. */
static void is_last(struct world *w, const uint8_t *f, size_t n, int tci)
{
    size_t at = tci == PLAIN ? 0 : DBR_VLAN_TAG;
    assert_int_equal(n, LEN + at);
    if (at) {
        assert_int_equal(dbr_get16(f + 12), 0x8100);
        assert_int_equal(dbr_get16(f + 14), tci);
    }
    assert_int_equal(dbr_get16(f + 12 + at), 0x88b5);
    assert_int_equal(dbr_get32(f + NUMBER_AT + at), w->number);
}

static void lan_gets(struct world *w, unsigned queue, int tci)
{
    uint8_t f[RIG_FRAME_MAX];
    size_t n;
    do
        n = rig_lan_read(&w->r, queue, f);
    while (n == DBR_LOOP_FRAME + DBR_VLAN_TAG);
    is_last(w, f, n, tci);
}

static void peer_gets(struct world *w, struct rig_peer *p, int tci)
{
    uint8_t f[RIG_FRAME_MAX];
    is_last(w, f, rig_receive(p, f), tci);
}

static void peer_changes(struct world *w, struct rig_peer *p, uint16_t vlan, uint16_t framing,
                         uint16_t max_l3)
{
    struct dbr_ipc_peer m = rig_peer_message(p);
    m.head.type = DBR_IPC_PEER_SET;
    m.vlan = vlan;
    m.framing = framing;
    m.max_l3 = max_l3;
    rig_tell(&w->r, worker_of(w, p), &m);
    rig_sync(&w->r, worker_of(w, p));
}

/* ---- tags of the TAP ---- */

static void test_up(void **state)
{
    struct world *w = *state;
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    assert_int_equal(dbr_get16(w->r.announced + 12), 0x8100); /* the RARP for the LAN's switches */
    assert_int_equal(dbr_get16(w->r.announced + 14), VLAN_A);
    peer_sends(w, &w->b, MAC_HOST, MAC_B, PLAIN);
    lan_gets(w, 0, VLAN_B);
    peer_sends(w, &w->a, BROADCAST, MAC_A, 0x6000); /* the priority stays */
    lan_gets(w, 0, 0x6000 | VLAN_A);
    assert_true(rig_quiet(&w->b));
    struct dbr_ipc_learned m;
    rig_hear(&w->r, 0, DBR_IPC_LEARNED, &m, sizeof m);
    assert_int_equal(m.vlan, VLAN_A);
    rig_hear_keeper(&w->r, DBR_IPC_FDB_ADD, &m, sizeof m);
    assert_int_equal(m.vlan, VLAN_A);
}

static void test_down(void **state)
{
    struct world *w = *state;
    lan_sends(w, BROADCAST, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
    lan_sends(w, BROADCAST, 0xe000 | VLAN_B); /* the priority is lost with the tag */
    peer_gets(w, &w->b, PLAIN);               /* the first that b gets */
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    lan_sends(w, MAC_A, VLAN_B); /* not there: unknown in VLAN 20 */
    peer_gets(w, &w->b, PLAIN);
    lan_sends(w, MAC_A, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
    lan_sends(w, BROADCAST, 30); /* nobody's */
    lan_sends(w, BROADCAST, PLAIN);
    lan_sends(w, BROADCAST, 0x6000);
    lan_sends(w, MAC_A, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
    assert_true(rig_quiet(&w->b));
}

/* A peer of the TAP's own VLAN speaks and hears without tags; a priority tag passes as it is. */
static void test_native(void **state)
{
    struct world *w = *state;
    peer_changes(w, &w->a, NATIVE, 0, 0);
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, PLAIN);
    assert_int_equal(dbr_get16(w->r.announced + 12), 0x8035);
    peer_sends(w, &w->a, BROADCAST, MAC_A, 0x2000);
    lan_gets(w, 0, 0x2000);
    lan_sends(w, BROADCAST, PLAIN);
    peer_gets(w, &w->a, PLAIN);
    lan_sends(w, BROADCAST, 0x2000);
    peer_gets(w, &w->a, 0x2000);
    lan_sends(w, BROADCAST, NATIVE); /* a tag with the native id is the same VLAN */
    peer_gets(w, &w->a, PLAIN);
    assert_true(rig_quiet(&w->b));
}

static void test_trunk(void **state)
{
    struct world *w = *state;
    peer_changes(w, &w->a, NATIVE, 0, 0);
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, NATIVE);
    lan_sends(w, BROADCAST, PLAIN); /* dropped */
    lan_sends(w, BROADCAST, 0x6000);
    lan_sends(w, BROADCAST, NATIVE);
    peer_gets(w, &w->a, PLAIN);
}

static void test_access_tap(void **state)
{
    struct world *w = *state;
    peer_sends(w, &w->b, BROADCAST, MAC_B, PLAIN); /* not for this TAP */
    peer_changes(w, &w->a, NATIVE, 0, 0);
    lan_sends(w, BROADCAST, VLAN_B); /* dropped */
    lan_sends(w, BROADCAST, NATIVE);
    lan_sends(w, BROADCAST, PLAIN);
    peer_gets(w, &w->a, PLAIN);
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, PLAIN);
    assert_true(rig_quiet(&w->b));
    assert_int_equal(w->r.announcements, 1); /* b's was not announced there */
}

/* ---- who may say what ---- */

/* No tag gets a client's frame into a VLAN, its own or another. */
static void test_no_hopping(void **state)
{
    struct world *w = *state;
    static const uint16_t outer[] = {0x8100, 0x8100, 0x8100, 0x8100, 0x8100, 0x88a8, 0x9100},
                          tci[] = {VLAN_B, VLAN_A, NATIVE, 4095, 0, VLAN_B, VLAN_B},
                          inner[] = {0x88b5, 0x88b5, 0x8100, 0x88b5, 0x8100, 0x88b5, 0x88b5};
    for (unsigned i = 0; i < sizeof outer / sizeof *outer; i++) {
        uint8_t f[LEN + 4];
        size_t n = make(w, f, BROADCAST, MAC_A, tci[i]);
        dbr_put16(f + 12, outer[i]);
        dbr_put16(f + 16, inner[i]);
        if (inner[i] == 0x8100) {
            dbr_put16(f + 18, VLAN_B);
            dbr_put16(f + 20, 0x88b5);
        }
        rig_send(&w->r, &w->a, 0, f, n);
    }
    struct dbr_ipc_guard m;
    rig_hear(&w->r, 0, DBR_IPC_GUARD, &m, sizeof m);
    assert_int_equal(m.reason, DBR_GUARD_VLAN);
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    assert_true(rig_quiet(&w->b));
}

/* Two tags of the LAN do not become one at a client. */
static void test_no_tag_below(void **state)
{
    struct world *w = *state;
    uint8_t f[LEN + 4];
    size_t n = make(w, f, BROADCAST, MAC_HOST, VLAN_A);
    dbr_put16(f + 16, 0x8100);
    rig_lan_write(&w->r, 0, NULL, f, n);
    lan_sends(w, BROADCAST, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
    assert_true(rig_quiet(&w->b));
}

/* client-to-client is on: within a VLAN they meet, and only there. */
static void test_between_clients(void **state)
{
    struct world *w = *state;
    peer_sends(w, &w->b, BROADCAST, MAC_B, PLAIN);
    lan_gets(w, 0, VLAN_B);
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    peer_sends(w, &w->a, MAC_B, MAC_A, PLAIN); /* unknown in VLAN 10: the LAN */
    lan_gets(w, 0, VLAN_A);
    assert_true(rig_quiet(&w->a) && rig_quiet(&w->b));
    peer_changes(w, &w->b, VLAN_A, 0, 0);
    peer_sends(w, &w->b, BROADCAST, MAC_B, PLAIN);
    lan_gets(w, 0, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
    peer_sends(w, &w->a, MAC_B, MAC_A, PLAIN);
    peer_gets(w, &w->b, PLAIN);
    assert_true(rig_lan_quiet(&w->r, 0));
    lan_sends(w, MAC_B, VLAN_B); /* where it was before */
    lan_sends(w, MAC_B, VLAN_A);
    peer_gets(w, &w->b, PLAIN);
}

static void test_across_workers(void **state)
{
    struct world *w = *state; /* a is of worker 1, b of worker 0 */
    lan_sends(w, BROADCAST, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
    lan_sends(w, BROADCAST, VLAN_B);
    peer_gets(w, &w->b, PLAIN);
    peer_changes(w, &w->b, VLAN_A, 0, 0);
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 1, VLAN_A);
    peer_gets(w, &w->b, PLAIN); /* the first since it is there */
    lan_sends(w, MAC_A, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
    assert_true(rig_quiet(&w->a) && rig_quiet(&w->b));
}

/* ---- with everything else in the way of a frame ---- */

/* Every framing leaves room for the tag, also what LZO expanded. */
static void test_framings(void **state)
{
    struct world *w = *state;
    for (uint16_t framing = DBR_FRAMING_COMP_LZO; framing <= DBR_FRAMING_STUB_V2; framing++) {
        uint8_t buf[LEN + 20], *p = buf + 2;
        peer_changes(w, &w->a, VLAN_A, framing, 0);
        size_t len = make(w, p, MAC_HOST, MAC_A, PLAIN);
        dbr_framing_add((enum dbr_framing)framing, &p, &len);
        rig_send(&w->r, &w->a, 0, p, len);
        lan_gets(w, 0, VLAN_A);
    }
    peer_changes(w, &w->a, VLAN_A, DBR_FRAMING_COMP_LZO, 0);
    for (int i = 0; i < 3; i++) { /* LZO1X: a run of LEN literals, the end */
        uint8_t lzo[LEN + 5] = {0x66, 17 + LEN};
        make(w, lzo + 2, MAC_HOST, MAC_A, PLAIN);
        lzo[LEN + 2] = 0x11;
        rig_send(&w->r, &w->a, 0, lzo, sizeof lzo);
        lan_gets(w, 0, VLAN_A);
    }
}

/* What was put together out of pieces has room for the tag as well: neither the frame before it in the batch
 * nor what lies in front of the buffer is touched. */
static void test_fragments(void **state)
{
    enum { FRAMES = 6, PIECES = 2, LONG = 1000 };
    struct world *w = *state;
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    uint8_t frames[FRAMES][LONG], train[FRAMES * PIECES * (LONG / PIECES + 64)], piece[LONG],
        got[RIG_FRAME_MAX];
    struct dbr_fragment_cut cut;
    size_t n = 0;
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    m.vlan = VLAN_A;
    m.fragment = LONG / PIECES;
    m.payload_max = 1532;
    rig_tell(&w->r, 0, &m); /* a anew, as a peer that cuts its payloads */
    rig_key_install(&w->r, &w->a, 1, true, 77);
    rig_sync(&w->r, 0);
    assert_int_equal(dbr_fragment_plan(&cut, LONG, LONG / PIECES), 0);
    for (uint32_t i = 0; i < FRAMES * PIECES; i++) {
        uint8_t *f = frames[i / PIECES];
        if (i % PIECES == 0)
            rig_frame(f, MAC_HOST, MAC_A, LONG, 100 + i);
        dbr_fragment_header(piece, &cut, (uint8_t)(i / PIECES), i % PIECES);
        memcpy(piece + DBR_FRAGMENT_HEADER, f + i % PIECES * cut.size, cut.size);
        n += rig_seal(&w->a, piece, DBR_FRAGMENT_HEADER + cut.size, train + n);
    }
    rig_send_train(&w->r, &w->a, 0, train, n, (uint16_t)(n / (FRAMES * PIECES)));
    for (uint32_t i = 0; i < FRAMES; i++) {
        assert_int_equal(rig_lan_read(&w->r, 0, got), LONG + DBR_VLAN_TAG);
        assert_memory_equal(got, frames[i], 12);
        assert_int_equal(dbr_get16(got + 14), VLAN_A);
        assert_memory_equal(got + 16, frames[i] + 12, LONG - 12);
    }
}

enum { SEGMENTS = 20, MSS = 1000 };

static void add_tag(uint8_t *f, size_t n, uint16_t vid)
{
    memmove(f + 16, f + 12, n - 12);
    dbr_put16(f + 12, 0x8100);
    dbr_put16(f + 14, vid);
}

/* A super frame with a tag from the TAP reaches the client as frames without, checksums right. */
static void test_super_frame_down(void **state)
{
    struct world *w = *state;
    static uint8_t f[SEGMENTS * MSS + 100];
    uint8_t got[RIG_FRAME_MAX];
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    size_t n = inner_tcp(f, MAC_A, MAC_HOST, 5000, INNER_ACK, 0, SEGMENTS * MSS, true);
    add_tag(f, n, VLAN_A);
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                         .gso_type = DBR_VNET_GSO_TCPV4,
                         .hdr_len = 58,
                         .gso_size = MSS,
                         .csum_start = 38,
                         .csum_offset = 16};
    rig_lan_write(&w->r, 0, &v, f, n + 4);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        size_t len = rig_receive(&w->a, got);
        assert_int_equal(len, 54 + MSS);
        assert_true(inner_checks(got, len) && inner_tcp_payload_ok(got, len));
        assert_int_equal(dbr_get32(got + 38), 5000 + i * MSS);
    }
    v.csum_start = 16; /* in the tag: no honest header, dropped */
    rig_lan_write(&w->r, 0, &v, f, n + 4);
    n = inner_tcp(f, MAC_A, MAC_HOST, 1, INNER_ACK, 0, 300, true);
    add_tag(f, n, VLAN_A);
    v = (struct dbr_vnet){.flags = DBR_VNET_NEEDS_CSUM, .csum_start = 38, .csum_offset = 16};
    rig_lan_write(&w->r, 0, &v, f, n + 4);
    assert_int_equal(rig_receive(&w->a, got), n);
    assert_true(inner_checks(got, n));
}

/* What a client sends is joined behind one tag. */
static void test_super_frame_up(void **state)
{
    struct world *w = *state;
    static uint8_t train[SEGMENTS * 1100];
    uint8_t f[1100], got[RIG_FRAME_MAX];
    size_t n = 0;
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        size_t len = inner_tcp(f, MAC_HOST, MAC_A, 100 + i * MSS, INNER_ACK, 0, MSS, false);
        n += rig_seal(&w->a, f, len, train + n);
    }
    rig_send_train(&w->r, &w->a, 0, train, n, (uint16_t)(n / SEGMENTS));
    size_t len = rig_lan_read(&w->r, 0, got);
    struct dbr_vnet v;
    dbr_vnet_parse(&v, w->r.vnet);
    assert_int_equal(len, 58 + SEGMENTS * MSS);
    assert_int_equal(dbr_get16(got + 14), VLAN_A);
    assert_int_equal(v.gso_type, DBR_VNET_GSO_TCPV4);
    assert_int_equal(v.gso_size, MSS);
    assert_int_equal(v.csum_start, 38);
    assert_int_equal(dbr_vnet_check(&v, len), 0);
    assert_int_equal(dbr_vlan_untag(&(uint8_t *){got}, &len, &v), 0);
    assert_true(inner_tcp_payload_ok(got + 4, len));
}

/* The sender of a packet that is too long hears of it in its own VLAN. */
static void test_too_long(void **state)
{
    struct world *w = *state;
    uint8_t f[1600], got[RIG_FRAME_MAX];
    peer_sends(w, &w->a, BROADCAST, MAC_A, PLAIN);
    lan_gets(w, 0, VLAN_A);
    struct dbr_ipc_peer m = rig_peer_message(&w->a);
    m.head.type = DBR_IPC_PEER_SET;
    m.vlan = VLAN_A;
    m.max_l3 = 1400;
    m.flags |= DBR_PEER_TELL_MTU;
    rig_tell(&w->r, 0, &m);
    rig_sync(&w->r, 0);
    size_t n = inner_udp(f, MAC_A, MAC_HOST, 1000, 1450, false);
    add_tag(f, n, VLAN_A);
    rig_lan_write(&w->r, 0, NULL, f, n + 4);
    size_t len = rig_lan_read(&w->r, 0, got);
    assert_true(len > 18 + 28);
    assert_int_equal(dbr_get16(got + 12), 0x8100);
    assert_int_equal(dbr_get16(got + 14), VLAN_A);
    assert_int_equal(dbr_get16(got + 18 + 20), 0x0304);
    lan_sends(w, MAC_A, VLAN_A);
    peer_gets(w, &w->a, PLAIN);
}

/* Every VLAN with a client in it is probed for loops. */
static void test_probes(void **state)
{
    struct world *w = *state;
    uint8_t got[RIG_FRAME_MAX];
    bool a = false, b = false;
    while (!a || !b) {
        size_t n = rig_lan_read(&w->r, 0, got);
        assert_int_equal(n, DBR_LOOP_FRAME + 4);
        assert_int_equal(dbr_get16(got + 16), DBR_LOOP_ETHERTYPE);
        uint16_t vid = dbr_get16(got + 14);
        assert_true(vid == VLAN_A || vid == VLAN_B);
        a = a || vid == VLAN_A;
        b = b || vid == VLAN_B;
    }
    memmove(got + 4, got, 12); /* b bridges it back, in whichever VLAN it went out */
    rig_send(&w->r, &w->b, 0, got + 4, DBR_LOOP_FRAME);
    struct dbr_ipc_guard m;
    rig_hear(&w->r, 0, DBR_IPC_GUARD, &m, sizeof m);
    assert_int_equal(m.reason, DBR_GUARD_LOOP);
    assert_int_equal(m.head.peer_id, w->b.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_up, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_down, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_native, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_trunk, set_up_tagged, tear_down),
        cmocka_unit_test_setup_teardown(test_access_tap, set_up_untagged, tear_down),
        cmocka_unit_test_setup_teardown(test_no_hopping, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_no_tag_below, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_between_clients, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_across_workers, set_up_two_workers, tear_down),
        cmocka_unit_test_setup_teardown(test_framings, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_fragments, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_super_frame_down, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_super_frame_up, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_too_long, set_up_all, tear_down),
        cmocka_unit_test_setup_teardown(test_probes, set_up_tagged, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
