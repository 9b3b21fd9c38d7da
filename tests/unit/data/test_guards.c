/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The guards of the data process' parts that the tests of whole frames do not reach (mutations.sh shows
 * which): limits of peers, the address book when it is full, what the kernel is asked and what its refusals
 * teach, the path's corners, and a worker that is driven by hand, so that a datagram is there before the
 * order with its key is read.
 */
#include "rig.h"

#include "base/err.h"
#include "crypto/cbc.h"
#include "data/book.h"
#include "data/pace.h"
#include "data/path.h"
#include "data/worker.h"
#include "proto/framing.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000000ULL

static struct dbr_addr address(unsigned i)
{
    return (struct dbr_addr){.family = 4, .port = 1000, .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

static struct dbr_ipc_peer message(uint32_t id)
{
    return (struct dbr_ipc_peer){.head = dbr_ipc_head(DBR_IPC_PEER_NEW, sizeof(struct dbr_ipc_peer), id),
                                 .wire_peer_id = id,
                                 .replay_window = 64,
                                 .addr = address(id)};
}

static const struct dbr_ipc_key gcm = {.cipher = DBR_AES_128_GCM, .use_v2 = 1};

/* ---- peers ---- */

static void test_a_bucket_holds_its_burst_only(void **state)
{
    (void)state;
    enum { BURST = 128 * 1024 };
    struct rate r = {.bytes_per_s = 1000000, .last_ns = S};
    assert_true(rate_allow(&r, BURST, S + 9 * S / 10)); /* 900,000 bytes would have come */
    assert_false(rate_allow(&r, 1, S + 9 * S / 10));
}

static void test_the_same_rate_again_fills_no_bucket(void **state)
{
    (void)state;
    struct peers t;
    struct dbr_ipc_peer m = message(0);
    m.rate_up = m.rate_down = 8000000;
    assert_int_equal(peers_init(&t, 1, 1, 0), 0);
    struct peer *p = peers_new(&t, &m, S);
    rate_allow(&p->up, 1, S);
    rate_allow(&p->down, 1, S);
    uint64_t up = p->up.last_ns, down = p->down.last_ns;
    assert_true(up && down);
    peer_set(p, &m);
    assert_true(p->up.last_ns == up && p->down.last_ns == down);
    m.rate_up = 16000000;
    peer_set(p, &m);
    assert_true(p->up.last_ns == 0 && p->down.last_ns == down);
    peers_fini(&t);
}

/* What control says of a port is what its policy is; the office is no guest, but another site is. */
static void test_flags_and_limits_make_the_policy(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        bool judged; /* frames that come from it */
    } table[] = {
        {0, true}, {DBR_PEER_SITE, true}, {DBR_PEER_UPLINK, false}, {DBR_PEER_UPLINK | DBR_PEER_SITE, true}};
    struct peers t;
    assert_int_equal(peers_init(&t, 1, 1, 0), 0);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dbr_ipc_peer m = message(0);
        m.flags = table[i].flags;
        m.mac_limit = 77;
        m.storm_pps = 7777;
        struct peer *p = peers_new(&t, &m, S);
        assert_int_equal(p->policy.deny_in != 0, table[i].judged);
        assert_int_equal(p->policy.deny_out != 0, table[i].judged);
        assert_int_equal(p->policy.mac_limit, 77);
        assert_int_equal(p->policy.storm_pps, 7777);
        peers_del(&t, p);
    }
    peers_fini(&t);
}

/* Who goes leaves a list without holes, no key, and no uplink; going twice is going once. */
static void test_a_peer_goes(void **state)
{
    (void)state;
    struct peers t;
    struct peer *p[4];
    assert_int_equal(peers_init(&t, 4, 1, 0), 0);
    for (uint32_t i = 0; i < 4; i++) {
        struct dbr_ipc_peer m = message(i);
        m.flags = i == 0 ? DBR_PEER_UPLINK : 0;
        p[i] = peers_new(&t, &m, S);
    }
    assert_int_equal(peer_key_new(p[0], dbr_aead_backend_best(), &gcm), 0);
    peers_del(&t, p[0]); /* the last one takes its place ... */
    assert_null(t.uplink);
    assert_false(p[0]->keys[0].slot.live);
    peers_del(&t, p[0]);
    peers_del(&t, p[3]); /* ... and is found there */
    assert_int_equal(t.n_live, 2);
    assert_true(t.live[0]->live && t.live[1]->live && t.live[0] != t.live[1]);
    peers_fini(&t);
}

/* ---- book ---- */

static void test_a_full_book_takes_no_more(void **state)
{
    (void)state;
    enum { ROOM = 8 };
    static const uint8_t key[16] = {4};
    struct book b;
    assert_int_equal(book_init(&b, 4, key), 0);
    for (unsigned i = 0; i < ROOM + 1; i++)
        book_put(&b, &(struct dbr_addr){.family = 4, .port = (uint16_t)(i + 1)}, i);
    for (unsigned i = 0; i < ROOM + 1; i++) {
        struct dbr_addr a = {.family = 4, .port = (uint16_t)(i + 1)};
        assert_int_equal(book_find(&b, &a), i < ROOM ? i : BOOK_NOBODY);
        book_remove(&b, &a, i);
    }
    for (unsigned i = 0; i < 10 * ROOM; i++) { /* what left makes room */
        struct dbr_addr a = address(i);
        book_put(&b, &a, i);
        assert_int_equal(book_find(&b, &a), i);
        book_remove(&b, &a, i);
    }
    book_fini(&b);
}

static void test_no_address_stands_in_no_book(void **state)
{
    (void)state;
    static const uint8_t key[16] = {5};
    struct dbr_addr none = {0}, own = address(1);
    struct book b;
    assert_int_equal(book_init(&b, 4, key), 0);
    book_put(&b, &none, 1);
    assert_int_equal(book_find(&b, &none), BOOK_NOBODY);
    book_put(&b, &own, 1);
    assert_true(book_move(&b, &own, &own, 1));
    assert_int_equal(book_find(&b, &own), 1);
    book_fini(&b);
}

/* ---- pace ---- */

/* Poor naps of the last time do not count in the next. */
static void test_naps_begin_with_a_clean_slate(void **state)
{
    (void)state;
    struct pace p = {0};
    uint64_t now = S;
    for (int time = 0; time < 2; time++) {
        bool naps = false;
        for (int i = 0; i < 2 * PACE_ROUNDS && !naps; i++)
            naps = pace_nap(&p, now += 10000, 1);
        assert_true(naps);
        for (int i = 1; i < PACE_POOR; i++)
            assert_true(pace_nap(&p, now += PACE_NAP_NS, 1));
        assert_false(pace_nap(&p, now += PACE_NAP_NS, 1));
    }
}

/* ---- path ---- */

enum { L3 = 1422, OVERHEAD = 24 };

static struct peer peer_of(uint8_t family, struct peer_key *k, enum dbr_cipher cipher)
{
    struct peer p = {.primary = k};
    struct dbr_data_keys keys = {.cipher = cipher, .digest = DBR_SHA256, .use_v2 = 1};
    if (cipher != DBR_AES_256_CBC)
        keys.digest = DBR_DIGEST_NONE;
    assert_int_equal(dbr_slot_init(&k->slot, dbr_aead_backend_best(), &keys, 64), 0);
    p.addr.family = p.told_family = family;
    p.told = (struct dbr_ipc_peer){.mss_v4 = L3 - 40, .mss_v6 = L3 - 60, .max_l3 = L3};
    path_apply(&p);
    return p;
}

static void test_overhead_of_each_form(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k, DBR_AES_256_GCM);
    assert_int_equal(path_overhead(&p), OVERHEAD);
    p.framing = DBR_FRAMING_STUB_V2;
    assert_int_equal(path_overhead(&p), OVERHEAD + DBR_FRAMING_HEADROOM);
    dbr_slot_fini(&k.slot);
    memset(&k, 0, sizeof k);
    p = peer_of(4, &k, DBR_AES_256_CBC);
    assert_int_equal(path_overhead(&p), dbr_slot_headroom(&k.slot) + DBR_CBC_BLOCK);
    dbr_slot_fini(&k.slot);
}

/* What is learnt of a refused datagram counts the headers of its own family, and each end has its bounds. */
static void test_what_a_refusal_teaches(void **state)
{
    (void)state;
    enum { LEAST = 1180 };
    static const struct {
        uint8_t family;
        unsigned len, shrink;
    } table[] = {
        /* longest outer packet: L3 + 18 + 24 + headers; the next lower multiple of 20 is tried */
        {4, 1400, L3 + 18 + OVERHEAD + 28 - 1420},
        {6, 1400, L3 + 18 + OVERHEAD + 48 - 1440},
        {6, 1388, L3 + 18 + OVERHEAD + 48 - 1420},
        {4, 100, L3 - LEAST},
        {4, 3000, 0}, /* longer than we send: nothing to learn */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct peer_key k = {0};
        struct peer p = peer_of(table[i].family, &k, DBR_AES_256_GCM);
        path_refused(&p, table[i].len, S);
        assert_int_equal(p.path_shrink, table[i].shrink);
        dbr_slot_fini(&k.slot);
    }
}

/* A limit that is near the least already, on a path with longer headers. */
static void test_no_limit_below_the_least(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k, DBR_AES_256_GCM);
    p.told.max_l3 = 1185;
    p.addr.family = 6;
    path_apply(&p);
    assert_int_equal(p.max_l3, 1180);
    dbr_slot_fini(&k.slot);
}

/* ---- outbox ---- */

struct post {
    struct outbox out;
    struct peers peers;
    struct peer *p;
    int from, to, other;
};

static int udp(struct sockaddr_in6 *at)
{
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t n = sizeof *at;
    *at = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_int_equal(bind(s, (struct sockaddr *)at, sizeof *at), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)at, &n), 0);
    return s;
}

static int post_open(void **state)
{
    struct post *t = calloc(1, sizeof *t);
    struct sockaddr_in6 a, b;
    struct dbr_ipc_peer m = message(0);
    t->from = udp(&a);
    t->to = udp(&b);
    t->other = udp(&a);
    assert_int_equal(outbox_init(&t->out, t->from, true), 0);
    assert_int_equal(peers_init(&t->peers, 1, 1, 0), 0);
    dbr_addr_from_sockaddr(&m.addr, (struct sockaddr *)&b, sizeof b);
    m.max_l3 = L3;
    t->p = peers_new(&t->peers, &m, S);
    assert_int_equal(peer_key_new(t->p, dbr_aead_backend_best(), &gcm), 0);
    t->out.now_ns = S;
    *state = t;
    return 0;
}

static int post_close(void **state)
{
    struct post *t = *state;
    outbox_fini(&t->out);
    peers_fini(&t->peers);
    close(t->from);
    close(t->to);
    close(t->other);
    free(t);
    return 0;
}

static void post_frames(struct post *t, unsigned n, size_t len)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *room = outbox_room(&t->out, t->p, len);
        assert_non_null(room);
        assert_true(room >= t->out.arena && room + len <= t->out.arena + OUTBOX_BYTES);
        memset(room, 0, len);
        outbox_commit(&t->out, t->p, len, false);
    }
}

/* Datagrams that wait at a socket. */
static unsigned arrived(int sock)
{
    uint8_t buf[2048];
    unsigned n = 0;
    while (recv(sock, buf, sizeof buf, MSG_DONTWAIT) >= 0)
        n++;
    return n;
}

static void test_nothing_for_nowhere(void **state)
{
    struct post *t = *state;
    t->p->addr.family = 0;
    assert_null(outbox_room(&t->out, t->p, 100));
}

static void test_the_arena_is_not_left(void **state)
{
    struct post *t = *state;
    post_frames(t, OUTBOX_BYTES / 9000 + 10, 9000);
    outbox_flush(&t->out);
    assert_int_equal(t->out.n_iov, 0);
}

/* A peer that moves, or is called at another address of ours, between two runs of one batch: no datagram goes
 * the old way that was sealed after, and none is coupled to those before. */
static void test_trains_end_where_the_way_does(void **state)
{
    struct post *t = *state;
    struct dbr_addr there = t->p->addr;
    struct sockaddr_in6 sa;
    socklen_t n = sizeof sa;
    getsockname(t->other, (struct sockaddr *)&sa, &n);
    there.port = ntohs(sa.sin6_port);
    post_frames(t, OUTBOX_SEAL, 100);
    peer_set_addr(t->p, &there);
    post_frames(t, OUTBOX_SEAL, 100);
    there.home[15] = 1; /* ::1 */
    peer_set_addr(t->p, &there);
    post_frames(t, OUTBOX_SEAL, 100);
    unsigned homes = t->out.n_trains;
    there.home[15] = 2; /* ::2: nobody has it */
    peer_set_addr(t->p, &there);
    post_frames(t, OUTBOX_SEAL, 100);
    assert_int_equal(t->out.n_trains, homes + 1);
    outbox_flush(&t->out);
    assert_int_equal(arrived(t->to), OUTBOX_SEAL);
    assert_int_equal(arrived(t->other), 2 * OUTBOX_SEAL);
}

/* In one batch to two sockets of ours each datagram leaves by its own. */
static void test_each_leaves_by_its_own_socket(void **state)
{
    struct post *t = *state;
    struct sockaddr_in6 a, from;
    uint8_t buf[2048];
    unsigned by_first = 0, by_second = 0;
    int second = udp(&a);
    t->out.more[0] = second;
    t->out.n_more = 1;
    for (uint8_t i = 0; i < 4; i++) {
        struct dbr_addr there = t->p->addr;
        there.via = i % 2;
        peer_set_addr(t->p, &there);
        post_frames(t, OUTBOX_SEAL, 100);
    }
    outbox_flush(&t->out);
    for (socklen_t n = sizeof from;
         recvfrom(t->to, buf, sizeof buf, MSG_DONTWAIT, (struct sockaddr *)&from, &n) >= 0; n = sizeof from)
        *(from.sin6_port == a.sin6_port ? &by_second : &by_first) += 1;
    assert_int_equal(by_first, 2 * OUTBOX_SEAL);
    assert_int_equal(by_second, 2 * OUTBOX_SEAL);
    close(second);
}

/* Which messages ask the kernel to cut: those of several datagrams, and a single one that may be too long. */
static void test_what_is_marked(void **state)
{
    struct post *t = *state;
    static const struct {
        unsigned n;
        size_t len;
        bool too_long_before, marked;
    } table[] = {
        {1, 100, false, false}, {2, 100, false, true}, {1, 1400, false, true}, {1, 1400, true, false}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        t->p->gso_max = table[i].too_long_before ? 1200 : UINT32_MAX;
        t->p->gso_until_ns = 100 * S;
        post_frames(t, table[i].n, table[i].len);
        outbox_flush(&t->out);
        assert_int_equal(t->out.msgs[0].msg_hdr.msg_controllen > 0, table[i].marked);
    }
}

/* A path that takes 1,280 bytes: the kernel says so of a full datagram, which goes out in fragments this
 * once. */
static void test_a_refusal_is_heard(void **state)
{
    struct post *t = *state;
    int mtu = 1280;
    assert_int_equal(setsockopt(t->from, IPPROTO_IPV6, IPV6_MTU, &mtu, sizeof mtu), 0);
    post_frames(t, 1, 1400);
    outbox_flush(&t->out);
    assert_int_equal(arrived(t->to), 1);
    assert_int_equal(t->p->gso_max, 1400 + OVERHEAD - 1);
    assert_true(t->p->path_shrink > 0);
    uint64_t until = t->p->gso_until_ns;
    assert_true(until > S);
    t->out.now_ns = until - 1; /* not asked again before its time */
    post_frames(t, 2, 1400);
    outbox_flush(&t->out);
    assert_int_equal(arrived(t->to), 2);
    assert_true(t->p->gso_until_ns == until);
    t->out.now_ns = until;
    post_frames(t, 2, 1400);
    outbox_flush(&t->out);
    assert_true(t->p->gso_until_ns > until);
}

/* Another error says nothing of lengths: the datagrams are gone, and that is all. */
static void test_other_errors_teach_nothing(void **state)
{
    struct post *t = *state;
    t->p->to.sin6_addr = (struct in6_addr){{{[10] = 0xff, [11] = 0xff, 255, 255, 255, 255}}};
    post_frames(t, 3, 300);
    outbox_flush(&t->out);
    assert_int_equal(t->out.dropped, 3);
    assert_true(t->p->gso_max == UINT32_MAX);
    assert_int_equal(t->p->path_shrink, 0);
}

/* ---- a worker driven by hand ---- */

struct bench {
    struct rig r;
    struct shared s;
    struct worker w;
    struct rig_peer a;
};

static int bench_open(void **state)
{
    struct bench *b = aligned_alloc(64, (sizeof *b + 63) & ~(size_t)63);
    memset(b, 0, sizeof *b);
    const struct dbr_fdb_config config = {.macs = 64, .ports = 4};
    rig_init(&b->r, 1);
    b->s.boot = &b->r.boot;
    b->s.limits = b->r.limits;
    b->s.limits.max_peers = 4;
    b->s.n_workers = 1;
    b->s.main_wake = -1;
    b->s.workers[0] = &b->w;
    b->s.aead = dbr_aead_backend_best();
    b->s.fdb = dbr_fdb_new(&config);
    assert_non_null(b->s.fdb);
    dbr_switch_init(&b->s.sw, b->s.fdb);
    b->s.sw.age_s = 300;
    assert_int_equal(book_init(&b->s.book, 4, (const uint8_t[16]){1}), 0);
    assert_int_equal(worker_init(&b->w, &b->s, 0), 0);
    b->w.now = (struct dbr_tick){.ns = S, .s = 1};
    wheel_init(&b->w.wheel, S);
    rig_peer_open(&b->a, 1);
    struct dbr_ipc_peer m = rig_peer_message(&b->a);
    rig_tell(&b->r, 0, &m);
    rig_key_install(&b->r, &b->a, 0, true, 11);
    orders_serve(&b->w);
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    worker_fini(&b->w);
    book_fini(&b->s.book);
    dbr_fdb_free(b->s.fdb);
    rig_peer_close(&b->a);
    rig_close(&b->r);
    free(b);
    return 0;
}

static void sends(struct bench *b)
{
    uint8_t f[100];
    rig_frame(f, BROADCAST, "02:00:00:00:00:0a", sizeof f, 1);
    rig_send(&b->r, &b->a, 0, f, sizeof f);
    worker_from_network(&b->w);
}

/* The first datagram under a new key is there, the order with the key too, but unread. */
static void test_an_unread_order_is_read(void **state)
{
    struct bench *b = *state;
    struct peer *p = peers_find(&b->w.peers, 1);
    dbr_slot_fini(&b->a.slot);
    rig_key_install(&b->r, &b->a, 1, true, 77);
    b->w.now.ns += 1;
    sends(b);
    assert_int_equal(p->stats.rx_frames, 1);
    assert_int_equal(p->stats.drops_auth, 0);
}

/* One look a round: who floods with keys that nobody has costs no system call for each of them. */
static void test_one_look_a_round(void **state)
{
    struct bench *b = *state;
    struct peer *p = peers_find(&b->w.peers, 1);
    struct dbr_slot good = b->a.slot;
    b->a.slot.header[0] |= 5; /* no such key */
    b->w.now.ns += 1;
    sends(b);
    b->a.slot = good;
    dbr_slot_fini(&b->a.slot);
    rig_key_install(&b->r, &b->a, 1, true, 77);
    sends(b);
    assert_int_equal(p->stats.drops_auth, 2);
    b->w.now.ns += 1;
    sends(b);
    assert_int_equal(p->stats.rx_frames, 1);
}

/* A datagram under a new key whose tag is wrong does not say that the peer has the key. */
static void test_a_wrong_tag_uses_no_key(void **state)
{
    struct bench *b = *state;
    struct peer *p = peers_find(&b->w.peers, 1);
    uint8_t f[100], dgram[200];
    dbr_slot_fini(&b->a.slot);
    rig_key_install(&b->r, &b->a, 1, true, 77);
    orders_serve(&b->w);
    rig_frame(f, BROADCAST, "02:00:00:00:00:0a", sizeof f, 1);
    size_t n = rig_seal(&b->a, f, sizeof f, dgram);
    dgram[n - 1] ^= 1;
    rig_send_raw(&b->r, &b->a, 0, dgram, n);
    worker_from_network(&b->w);
    assert_int_equal(p->stats.drops_auth, 1);
    assert_false(peer_key(p, 1)->was_used);
    sends(b);
    assert_true(peer_key(p, 1)->was_used);
}

/* An old key that is used after the swap is no news. */
static void test_an_old_key_is_no_news(void **state)
{
    struct bench *b = *state;
    struct peer *p = peers_find(&b->w.peers, 1);
    struct dbr_ipc_key m = gcm;
    m.head = dbr_ipc_head(DBR_IPC_KEY_NEW, sizeof m, 1);
    m.key_id = 1;
    assert_int_equal(peer_key_new(p, b->s.aead, &m), 0);
    assert_int_equal(peer_key_swap(p, 1), 0);
    sends(b);
    assert_int_equal(p->stats.rx_frames, 1);
    assert_false(peer_key(p, 0)->was_used);
}

/* control hears once when a key nears its end, and not before. */
static void test_a_key_near_its_end(void **state)
{
    struct bench *b = *state;
    struct peer *p = peers_find(&b->w.peers, 1);
    sends(b);
    assert_false(p->primary->at_limit);
    b->a.slot.next_id = DBR_REKEY_PACKETS;
    sends(b);
    assert_true(p->primary->at_limit);
    news_flush(&b->w.news, &b->w.peers, b->s.fdb, b->w.now.ns);
    sends(b);
    news_flush(&b->w.news, &b->w.peers, b->s.fdb, b->w.now.ns);
    assert_int_equal(rig_count(&b->r, 0, DBR_IPC_KEY_LIMIT), 1);
}

#define P(name) cmocka_unit_test_setup_teardown(name, post_open, post_close)
#define B(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bucket_holds_its_burst_only),
        cmocka_unit_test(test_the_same_rate_again_fills_no_bucket),
        cmocka_unit_test(test_flags_and_limits_make_the_policy),
        cmocka_unit_test(test_a_peer_goes),
        cmocka_unit_test(test_a_full_book_takes_no_more),
        cmocka_unit_test(test_no_address_stands_in_no_book),
        cmocka_unit_test(test_naps_begin_with_a_clean_slate),
        cmocka_unit_test(test_overhead_of_each_form),
        cmocka_unit_test(test_what_a_refusal_teaches),
        cmocka_unit_test(test_no_limit_below_the_least),
        P(test_nothing_for_nowhere),
        P(test_the_arena_is_not_left),
        P(test_trains_end_where_the_way_does),
        P(test_each_leaves_by_its_own_socket),
        P(test_what_is_marked),
        P(test_a_refusal_is_heard),
        P(test_other_errors_teach_nothing),
        B(test_an_unread_order_is_read),
        B(test_one_look_a_round),
        B(test_a_wrong_tag_uses_no_key),
        B(test_an_old_key_is_no_news),
        B(test_a_key_near_its_end),
    };
    return cmocka_run_group_tests_name("data guards", tests, NULL, NULL);
}
