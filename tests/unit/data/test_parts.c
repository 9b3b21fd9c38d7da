/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts of the data process on their own: timer wheel, mailbox, address book, keys and timers of a peer,
 * inbox and outbox over the loopback.
 */
#include "base/err.h"
#include "data/book.h"
#include "data/inbox.h"
#include "data/mailbox.h"
#include "data/news.h"
#include "data/outbox.h"
#include "data/peers.h"
#include "data/wheel.h"

#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef RIG_QUICK /* as in rig.h */
enum { WAIT_MS = 2000 };
#else
enum { WAIT_MS = 30000 };
#endif

enum { MAILBOX = 1 << 20 };

#define MS 1000000ULL
#define S  1000000000ULL

/* ---- wheel ---- */

static void test_wheel_fires_in_time(void **state)
{
    (void)state;
    static const uint64_t deadlines_ms[] = {0, 1, 134, 135, 1000, 10000, 60000, 68000};
    static struct wheel w;
    uint64_t start = 12345 * S;
    for (size_t i = 0; i < sizeof deadlines_ms / sizeof *deadlines_ms; i++) {
        struct wheel_node n = {0};
        uint64_t at = start + deadlines_ms[i] * MS, fired = 0;
        wheel_init(&w, start);
        assert_true(wheel_next(&w) == WHEEL_NEVER);
        wheel_set(&w, &n, at);
        for (uint64_t now = start; !fired && now < at + S; now += 50 * MS)
            if (wheel_pop(&w, now) == &n)
                fired = now;
        assert_true(fired >= at && fired <= at + 300 * MS);
        assert_null(wheel_pop(&w, at + 100 * S));
    }
}

static void test_wheel_beyond_the_horizon_fires_early(void **state)
{
    (void)state;
    static struct wheel w;
    struct wheel_node n = {0};
    uint64_t start = 5 * S, now = start;
    unsigned times = 0;
    wheel_init(&w, start);
    wheel_set(&w, &n, start + 600 * S);
    while (now < start + 600 * S) { /* the owner sets it anew until it is really due */
        now = wheel_next(&w);
        assert_ptr_equal(wheel_pop(&w, now), &n);
        wheel_set(&w, &n, start + 600 * S);
        times++;
    }
    assert_in_range(times, 9, 10);
}

static void test_wheel_cancel_and_move(void **state)
{
    (void)state;
    static struct wheel w;
    struct wheel_node a = {0}, b = {0};
    wheel_init(&w, S);
    wheel_set(&w, &a, 2 * S);
    wheel_set(&w, &b, 2 * S);
    wheel_cancel(&w, &a);
    wheel_cancel(&w, &a);
    assert_ptr_equal(wheel_pop(&w, 3 * S), &b);
    assert_null(wheel_pop(&w, 3 * S));
    wheel_set(&w, &a, 4 * S);
    wheel_set(&w, &a, 9 * S);
    assert_null(wheel_pop(&w, 5 * S));
    assert_ptr_equal(wheel_pop(&w, 10 * S), &a);
    wheel_set(&w, &a, WHEEL_NEVER);
    assert_true(wheel_next(&w) == WHEEL_NEVER);
}

/* A timer that is set to a moment that has passed does not come again in the same round. */
static void test_wheel_past_deadline_waits_for_the_next_round(void **state)
{
    (void)state;
    static struct wheel w;
    struct wheel_node n = {0};
    wheel_init(&w, S);
    wheel_set(&w, &n, 2 * S);
    assert_ptr_equal(wheel_pop(&w, 30 * S), &n);
    wheel_set(&w, &n, 3 * S);
    assert_null(wheel_pop(&w, 30 * S));
    assert_ptr_equal(wheel_pop(&w, 31 * S), &n);
}

static void test_wheel_many(void **state)
{
    (void)state;
    enum { N = 10000 };
    static struct wheel w;
    static struct wheel_node n[N];
    memset(n, 0, sizeof n);
    wheel_init(&w, S);
    srand(7);
    for (unsigned i = 0; i < N; i++)
        wheel_set(&w, &n[i], S + (uint64_t)(rand() % 60000) * MS);
    for (unsigned i = 0; i < N; i += 3)
        wheel_cancel(&w, &n[i]);
    unsigned fired = 0;
    for (uint64_t now = S; now < 70 * S; now += 777 * MS)
        for (struct wheel_node *f; (f = wheel_pop(&w, now)); fired++)
            assert_true((f - n) % 3 != 0);
    assert_int_equal(fired, N - (N + 2) / 3);
}

/* ---- mailbox ---- */

static void test_mailbox_keeps_order_and_bounds(void **state)
{
    (void)state;
    struct mailbox m;
    assert_int_equal(mailbox_init(&m, MAILBOX), 0);
    assert_null(mailbox_read(&m));
    unsigned written = 0, read = 0;
    for (unsigned round = 0; round < 200; round++) {
        struct mail *mail;
        while ((mail = mailbox_write(&m, 37 + written * 97 % 9000))) {
            mail->kind = MAIL_FRAME;
            mail->peer = written++;
            memset(mail->bytes, (int)mail->peer, mail->len);
        }
        assert_null(mailbox_read(&m)); /* not posted */
        mailbox_post(&m);
        assert_false(mailbox_empty(&m));
        for (unsigned i = 0; i <= round % 50 && (mail = mailbox_read(&m)); i++) {
            assert_int_equal(mail->peer, read);
            assert_int_equal(mail->len, 37 + read * 97 % 9000);
            for (uint32_t j = 0; j < mail->len; j++)
                assert_int_equal(mail->bytes[j], (uint8_t)read);
            read++;
        }
        mailbox_release(&m);
        while ((mail = mailbox_read(&m)))
            assert_int_equal(mail->peer, read++);
        mailbox_release(&m);
    }
    assert_int_equal(read, written);
    assert_true(written > 1000);
    assert_null(mailbox_write(&m, MAILBOX / 2)); /* more than half: never */
    mailbox_fini(&m);
}

static void test_mailbox_memory_is_held_until_released(void **state)
{
    (void)state;
    struct mailbox m;
    assert_int_equal(mailbox_init(&m, MAILBOX), 0);
    struct mail *mail;
    while ((mail = mailbox_write(&m, 60000)))
        mail->kind = MAIL_FRAME;
    mailbox_post(&m);
    assert_non_null(mailbox_read(&m));
    assert_null(mailbox_write(&m, 60000));
    mailbox_release(&m);
    while (mailbox_read(&m))
        ;
    mailbox_release(&m);
    assert_non_null(mailbox_write(&m, 60000));
    mailbox_fini(&m);
}

enum { MAILS = 200000 };

static void *mail_sender(void *arg)
{
    struct mailbox *m = arg;
    for (uint32_t i = 0; i < MAILS;) {
        struct mail *mail = mailbox_write(m, 16 + i % 1500);
        if (mail) {
            mail->kind = MAIL_FRAME;
            mail->peer = i++;
            memset(mail->bytes, (int)mail->peer, 16);
        }
        if (!mail || i % 7 == 0)
            mailbox_post(m);
        if (!mail)
            sched_yield();
    }
    mailbox_post(m);
    return NULL;
}

static void test_mailbox_between_threads(void **state)
{
    (void)state;
    struct mailbox m;
    pthread_t t;
    assert_int_equal(mailbox_init(&m, MAILBOX), 0);
    pthread_create(&t, NULL, mail_sender, &m);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < MAILS;) {
        struct mail *mail = mailbox_read(&m);
        if (!mail) {
            mailbox_release(&m);
            sched_yield();
            continue;
        }
        wrong += mail->peer != i || mail->len != 16 + i % 1500 || mail->bytes[15] != (uint8_t)i;
        if (++i % 5 == 0)
            mailbox_release(&m);
    }
    pthread_join(t, NULL);
    assert_int_equal(wrong, 0);
    mailbox_fini(&m);
}

/* ---- book ---- */

static struct dbr_addr address(unsigned i)
{
    return (struct dbr_addr){
        .family = 4, .port = (uint16_t)(1000 + i), .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

static void test_book(void **state)
{
    (void)state;
    enum { N = 500 };
    static const uint8_t key[16] = {1, 2, 3};
    struct book b;
    assert_int_equal(book_init(&b, N, key), 0);
    for (unsigned i = 0; i < N; i++)
        book_put(&b, &(struct dbr_addr){address(i).family, 0, address(i).port, 0, {0}}, i); /* all one IP */
    for (unsigned i = 0; i < N; i += 2)
        book_remove(&b, &(struct dbr_addr){4, 0, address(i).port, 0, {0}}, i);
    for (unsigned i = 0; i < N; i++) {
        struct dbr_addr a = {4, 0, address(i).port, 0, {0}};
        assert_int_equal(book_find(&b, &a), i % 2 ? i : BOOK_NOBODY);
    }
    book_fini(&b);
}

static void test_book_moves_only_to_free_places(void **state)
{
    (void)state;
    static const uint8_t key[16] = {9};
    struct book b;
    struct dbr_addr a = address(1), c = address(2), d = address(3);
    assert_int_equal(book_init(&b, 4, key), 0);
    book_put(&b, &a, 1);
    book_put(&b, &c, 2);
    assert_false(book_move(&b, &a, &c, 1));
    assert_int_equal(book_find(&b, &a), 1);
    assert_int_equal(book_find(&b, &c), 2);
    assert_true(book_move(&b, &a, &d, 1));
    assert_int_equal(book_find(&b, &a), BOOK_NOBODY);
    assert_int_equal(book_find(&b, &d), 1);
    book_remove(&b, &d, 2); /* not the owner: stays */
    assert_int_equal(book_find(&b, &d), 1);
    book_put(&b, &d, 3); /* a new session from the same address */
    book_remove(&b, &d, 1);
    assert_int_equal(book_find(&b, &d), 3);
    book_fini(&b);
}

/* ---- peers ---- */

static struct dbr_ipc_peer message(uint32_t id)
{
    return (struct dbr_ipc_peer){.head = dbr_ipc_head(DBR_IPC_PEER_NEW, sizeof(struct dbr_ipc_peer), id),
                                 .wire_peer_id = id,
                                 .replay_window = 64,
                                 .addr = address(id)};
}

static void test_peers_by_owner(void **state)
{
    (void)state;
    struct peers t;
    assert_int_equal(peers_init(&t, 10, 3, 1), 0); /* ids 1, 4, 7 */
    for (uint32_t id = 0; id < 12; id++) {
        struct dbr_ipc_peer m = message(id);
        struct peer *p = peers_new(&t, &m, S);
        assert_int_equal(p != NULL, id % 3 == 1 && id < 10);
        assert_ptr_equal(peers_find(&t, id), p);
    }
    assert_int_equal(t.n_live, 3);
    peers_del(&t, peers_find(&t, 1));
    assert_null(peers_find(&t, 1));
    assert_int_equal(t.n_live, 2);
    assert_true(t.live[0]->live && t.live[1]->live && t.live[0] != t.live[1]);
    assert_null(peers_find(&t, 0xffffff));
    peers_fini(&t);
    peers_fini(&t);
}

static void test_peer_timers(void **state)
{
    (void)state;
    struct peers t;
    struct dbr_ipc_peer m = message(0);
    struct dbr_ipc_key key = {.cipher = DBR_AES_128_GCM, .tx_peer_id = 0, .use_v2 = 1};
    uint8_t reason;
    assert_int_equal(peers_init(&t, 1, 1, 0), 0);
    struct peer *p = peers_new(&t, &m, 100 * S);
    assert_true(peer_deadline(p) == WHEEL_NEVER);
    m.ping_s = 10;
    m.timeout_s = 60;
    peer_set(p, &m);
    assert_true(peer_deadline(p) == 160 * S); /* no key, no ping */
    assert_int_equal(peer_key_new(p, dbr_aead_backend_best(), &key), 0);
    assert_true(peer_deadline(p) == 110 * S);
    assert_false(peer_ping_due(p, 110 * S - 1));
    assert_true(peer_ping_due(p, 110 * S));
    p->tx_ns = 155 * S;
    assert_true(peer_deadline(p) == 160 * S);
    assert_false(peer_timed_out(p, 160 * S - 1, &reason));
    assert_true(peer_timed_out(p, 160 * S, &reason));
    assert_int_equal(reason, DBR_DEL_TIMEOUT);
    assert_false(peer_timed_out(p, 161 * S, &reason)); /* once */
    assert_true(peer_deadline(p) == 165 * S);          /* the ping goes on */
    peers_fini(&t);
}

static void test_peer_inactive(void **state)
{
    (void)state;
    struct peers t;
    struct dbr_ipc_peer m = message(0);
    uint8_t reason;
    m.inactive_s = 30;
    m.inactive_bytes = 1000;
    assert_int_equal(peers_init(&t, 1, 1, 0), 0);
    struct peer *p = peers_new(&t, &m, 100 * S);
    peer_active(p, 999, 110 * S); /* one byte too few */
    assert_true(peer_deadline(p) == 130 * S);
    peer_active(p, 1, 120 * S);
    assert_true(peer_deadline(p) == 150 * S);
    assert_false(peer_timed_out(p, 149 * S, &reason));
    assert_true(peer_timed_out(p, 150 * S, &reason));
    assert_int_equal(reason, DBR_DEL_INACTIVE);
    peers_fini(&t);
}

static void test_being_stopped_is_not_silence(void **state)
{
    (void)state;
    struct peers t;
    struct dbr_ipc_peer m = message(0);
    uint8_t reason;
    m.timeout_s = 60;
    m.inactive_s = 60;
    assert_int_equal(peers_init(&t, 1, 1, 0), 0);
    struct peer *p = peers_new(&t, &m, 100 * S);
    peers_forgive(&t, 120 * S);
    assert_false(peer_timed_out(p, 279 * S, &reason));
    assert_true(peer_timed_out(p, 280 * S, &reason));
    peers_fini(&t);
}

static void test_rate(void **state)
{
    (void)state;
    struct rate none = {0}, r = {.bytes_per_s = 1000000};
    uint64_t passed = 0;
    assert_true(rate_allow(&none, UINT32_MAX, 1));
    for (uint64_t ms = 1; ms <= 10000; ms++)
        for (unsigned i = 0; i < 4; i++) /* four times too much */
            passed += rate_allow(&r, 1000, 5 * S + ms * MS) ? 1000 : 0;
    assert_in_range(passed, 10000000 - 100000, 10000000 + 200000);
}

/* ---- news ---- */

struct desk {
    struct news n;
    struct peers t;
    struct dbr_fdb *fdb;
    int control, keeper; /* our ends */
};

static int desk_open(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    struct dbr_fdb_config config = {.macs = 16, .ports = 200};
    int c[2], k[2], space = 4096;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, c), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, k), 0);
    setsockopt(c[1], SOL_SOCKET, SO_SNDBUF, &space, sizeof space);
    setsockopt(k[1], SOL_SOCKET, SO_SNDBUF, &space, sizeof space);
    d->control = c[0];
    d->keeper = k[0];
    news_init(&d->n, c[1], k[1]);
    d->fdb = dbr_fdb_new(&config);
    assert_int_equal(peers_init(&d->t, 200, 1, 0), 0);
    for (uint32_t i = 0; i < 200; i++) {
        struct dbr_ipc_peer m = message(i);
        peers_new(&d->t, &m, S);
    }
    *state = d;
    return 0;
}

static int desk_close(void **state)
{
    struct desk *d = *state;
    close(d->control);
    close(d->keeper);
    close(d->n.control);
    close(d->n.keeper);
    dbr_fdb_free(d->fdb);
    peers_fini(&d->t);
    free(d);
    return 0;
}

/* Messages of a type that wait at our end. */
static unsigned heard(int sock, uint16_t type)
{
    _Alignas(16) uint8_t msg[DBR_IPC_MAX];
    unsigned n = 0;
    while (dbr_ipc_recv(sock, msg, NULL) == 0)
        n += ((const struct dbr_ipc_head *)(const void *)msg)->type == type;
    return n;
}

static void test_news_of_floats_once_a_second(void **state)
{
    struct desk *d = *state;
    struct peer *p = peers_find(&d->t, 7);
    news_float(&d->n, p, 100 * S);
    news_flush(&d->n, &d->t, d->fdb, 100 * S);
    assert_int_equal(heard(d->control, DBR_IPC_FLOAT), 1);
    news_float(&d->n, p, 100 * S + 1);
    news_urgent(&d->n, p, TELL_KEYS); /* does not take the float along */
    news_flush(&d->n, &d->t, d->fdb, 100 * S + 1);
    news_flush_slow(&d->n, 101 * S - 1);
    assert_int_equal(heard(d->control, DBR_IPC_FLOAT), 0);
    news_flush_slow(&d->n, 101 * S);
    assert_int_equal(heard(d->control, DBR_IPC_FLOAT), 1);
    news_flush_slow(&d->n, 200 * S);
    assert_int_equal(heard(d->control, DBR_IPC_FLOAT), 0);
}

/* Control does not read for a while: nothing about a peer is lost, and it is told once. */
static void test_news_wait_for_control(void **state)
{
    struct desk *d = *state;
    unsigned timeouts = 0, guards = 0, rounds = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct peer *p = peers_find(&d->t, i);
        p->timeout_reason = DBR_DEL_TIMEOUT;
        news_urgent(&d->n, p, TELL_TIMEOUT);
        news_urgent(&d->n, p, TELL_TIMEOUT);
        news_guard(&d->n, p, DBR_GUARD_ARP, 2, 0);
        news_guard(&d->n, p, DBR_GUARD_ARP, 2, 0);
    }
    assert_false(news_flush(&d->n, &d->t, d->fdb, 100 * S));
    assert_true(d->n.control_full);
    for (; timeouts < 200 && rounds < 200; rounds++) {
        timeouts += heard(d->control, DBR_IPC_TIMEOUT);
        d->n.control_full = false; /* epoll says so */
        news_flush(&d->n, &d->t, d->fdb, 100 * S);
    }
    assert_int_equal(timeouts, 200);
    assert_true(rounds > 1);
    for (rounds = 0; guards < 200 && rounds < 200; rounds++) {
        d->n.control_full = false;
        news_flush_slow(&d->n, 101 * S);
        guards += heard(d->control, DBR_IPC_GUARD);
    }
    assert_int_equal(guards, 200);
    assert_true(news_flush(&d->n, &d->t, d->fdb, 102 * S));
    assert_int_equal(heard(d->control, DBR_IPC_TIMEOUT), 0);
}

static void test_news_lists_wait_for_control(void **state)
{
    struct desk *d = *state;
    unsigned stats = 0, rounds = 0;
    d->n.stats.on = true;
    while (!news_flush(&d->n, &d->t, d->fdb, S) && rounds++ < 300) {
        stats += heard(d->control, DBR_IPC_STATS);
        d->n.control_full = false;
    }
    stats += heard(d->control, DBR_IPC_STATS);
    assert_int_equal(stats, 200);
    assert_false(d->n.stats.on);
}

static void test_news_of_the_bridge_wait_for_keeper(void **state)
{
    struct desk *d = *state;
    unsigned added = 0;
    for (unsigned i = 0; i < NEWS_FDB + 10; i++)
        news_bridge(&d->n, 0x020000000000 + i, 0, 7, true);
    assert_int_equal(d->n.lost, 10); /* bounded */
    for (unsigned rounds = 0; added < NEWS_FDB && rounds < 5000; rounds++) {
        news_flush(&d->n, &d->t, d->fdb, S);
        added += heard(d->keeper, DBR_IPC_FDB_ADD);
    }
    assert_int_equal(added, NEWS_FDB);
}

/* A peer that goes takes its news along, wherever they wait. */
static void test_news_forget(void **state)
{
    struct desk *d = *state;
    for (uint32_t i = 0; i < 3; i++) {
        news_urgent(&d->n, peers_find(&d->t, i), TELL_TIMEOUT);
        news_guard(&d->n, peers_find(&d->t, i), DBR_GUARD_ARP, 2, 0);
    }
    news_forget(&d->n, peers_find(&d->t, 1));
    news_forget(&d->n, peers_find(&d->t, 1));
    assert_true(news_flush(&d->n, &d->t, d->fdb, 100 * S));
    assert_int_equal(heard(d->control, DBR_IPC_TIMEOUT), 2);
    news_flush_slow(&d->n, 100 * S);
    assert_int_equal(heard(d->control, DBR_IPC_GUARD), 2);
}

/* ---- inbox and outbox over the loopback ---- */

static int udp(struct sockaddr_in6 *a, bool gro)
{
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
    socklen_t n = sizeof *a;
    *a = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_int_equal(bind(s, (struct sockaddr *)a, sizeof *a), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)a, &n), 0);
    if (gro)
        assert_int_equal(setsockopt(s, SOL_UDP, UDP_GRO, &on, sizeof on), 0);
    return s;
}

struct post {
    struct outbox out;
    struct inbox in;
    struct peers peers;
    struct peer *p;
    struct dbr_slot far;
    int from, to;
};

static int post_open_with(void **state, enum dbr_cipher cipher, enum dbr_digest digest)
{
    struct post *t = calloc(1, sizeof *t);
    struct sockaddr_in6 a, b;
    struct dbr_ipc_peer m = message(0);
    struct dbr_ipc_key key = {.cipher = cipher, .digest = (uint16_t)digest, .use_v2 = 1, .tx_peer_id = 7};
    struct dbr_data_keys far = {.cipher = cipher, .digest = (uint16_t)digest, .use_v2 = 1};
    t->from = udp(&a, false);
    t->to = udp(&b, true);
    assert_int_equal(outbox_init(&t->out, t->from, true), 0);
    assert_int_equal(inbox_init(&t->in), 0);
    assert_int_equal(peers_init(&t->peers, 1, 1, 0), 0);
    dbr_addr_from_sockaddr(&m.addr, (struct sockaddr *)&b, sizeof b);
    t->p = peers_new(&t->peers, &m, S);
    assert_int_equal(peer_key_new(t->p, dbr_aead_backend_best(), &key), 0);
    assert_int_equal(dbr_slot_init(&t->far, dbr_aead_backend_best(), &far, 8192), 0);
    t->out.now_ns = S;
    *state = t;
    return 0;
}

static int post_open(void **state)
{
    return post_open_with(state, DBR_AES_256_GCM, DBR_DIGEST_NONE);
}

static int post_open_cbc(void **state)
{
    return post_open_with(state, DBR_AES_256_CBC, DBR_SHA512);
}

static int post_close(void **state)
{
    struct post *t = *state;
    outbox_fini(&t->out);
    inbox_fini(&t->in);
    peers_fini(&t->peers);
    dbr_slot_fini(&t->far);
    close(t->from);
    close(t->to);
    free(t);
    return 0;
}

static void post_frame(struct post *t, size_t len, uint32_t number)
{
    uint8_t *room = outbox_room(&t->out, t->p, len);
    assert_non_null(room);
    memset(room, (int)number, len);
    outbox_commit(&t->out, t->p, len, false);
}

/* Takes in one batch of what was sent, the first datagram being number `first`; returns their number, their
 * lengths and how many messages carried them. */
static unsigned post_collect_some(struct post *t, unsigned first, size_t *lens, unsigned cap,
                                  unsigned *messages)
{
    unsigned n = 0;
    struct pollfd p = {.fd = t->to, .events = POLLIN};
    struct dgram d;
    bool more;
    if (poll(&p, 1, first ? 0 : WAIT_MS) != 1)
        return 0;
    *messages = inbox_receive(&t->in, t->to, &more);
    for (; inbox_next(&t->in, &d); n++) {
        struct dbr_aead_job job;
        uint32_t id;
        assert_int_equal(dbr_slot_open_prepare(&t->far, d.bytes, (uint32_t)d.len, &job, &id), 0);
        assert_int_equal(dbr_aead_open(t->far.open, &job, 1), 1);
        assert_true(dbr_slot_opened(&t->far, &job, &id));
        assert_int_equal(id, t->far.replay.newest); /* in order */
        assert_int_equal(job.text[0], (uint8_t)(first + n));
        assert_int_equal(job.text[job.len - 1], (uint8_t)(first + n));
        assert_true(n < cap);
        lens[n] = job.len;
    }
    return n;
}

/* Takes in all that was sent: lengths and first bytes in order. Returns their number, *messages how many
 * messages carried them. */
static unsigned post_collect(struct post *t, size_t *lens, unsigned cap, unsigned *messages)
{
    unsigned n = 0, k, some;
    *messages = 0;
    while (n < cap && (k = post_collect_some(t, n, lens + n, cap - n, &some)) > 0) {
        n += k;
        *messages += some;
    }
    return n;
}

/* Framing leaves no gaps: what follows in memory goes to the kernel as one piece. */
static void test_framed_trains_are_one_piece(void **state)
{
    static const enum dbr_framing framings[] = {DBR_FRAMING_NONE, DBR_FRAMING_COMP_LZO,
                                                DBR_FRAMING_COMPRESS_SWAP, DBR_FRAMING_OFFLOAD};
    struct post *t = *state;
    for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++) {
        t->p->framing = framings[i];
        for (unsigned n = 0; n < OUTBOX_SEAL; n++)
            post_frame(t, 1000, n); /* the last one has them sealed */
        assert_int_equal(t->out.n_trains, 1);
        assert_int_equal(t->out.trains[0].n, OUTBOX_SEAL);
        assert_int_equal(t->out.msgs[0].msg_hdr.msg_iovlen, 1);
        outbox_flush(&t->out);
    }
}

static void test_trains(void **state)
{
    struct post *t = *state;
    /* frames of these sizes make so many messages: a shorter one ends a train, a longer one begins another */
    static const struct {
        size_t len[12];
        unsigned n, messages;
    } cases[] = {
        {{500}, 1, 1},
        {{500, 500, 500}, 3, 1},
        {{500, 500, 100}, 3, 1},
        {{500, 100, 100}, 3, 2},
        {{100, 500}, 2, 2},
        {{500, 500, 100, 500, 500}, 5, 2},
        {{60, 60, 1400, 1400, 1400, 60, 60}, 7, 3},
        {{1, 2, 3, 4}, 4, 4},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t lens[16];
        unsigned messages;
        for (unsigned i = 0; i < cases[c].n; i++)
            post_frame(t, cases[c].len[i], i);
        outbox_flush(&t->out);
        assert_int_equal(post_collect(t, lens, cases[c].n, &messages), cases[c].n);
        for (unsigned i = 0; i < cases[c].n; i++)
            assert_int_equal(lens[i], cases[c].len[i]);
        assert_int_equal(messages, cases[c].messages);
    }
}

/* CBC pads: neighbours in the arena stay whole, and trains are cut by the sealed sizes. */
static void test_trains_cbc(void **state)
{
    struct post *t = *state;
    size_t lens[256];
    unsigned messages;
    for (unsigned i = 0; i < 200; i++)
        post_frame(t, 1 + i * 7 % 90, i);
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 200, &messages), 200);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(lens[i], 1 + i * 7 % 90);
    for (unsigned i = 0; i < 16; i++)
        post_frame(t, 496 + i, i); /* 500 with the id: 512 to 512 to 528 */
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 16, &messages), 16);
    assert_int_equal(messages, 2);
}

/* ---- fragments ---- */

/* Takes in what was sent and puts it together: payload `number` after the other, each of its number's
 * pattern; none of its pieces longer than p's. Returns how many payloads there were. */
static unsigned collect_joined(struct post *t, struct dbr_fragments *f, const size_t *lens, unsigned n)
{
    static uint8_t room[16384];
    unsigned got = 0;
    struct pollfd poller = {.fd = t->to, .events = POLLIN};
    while (got < n && poll(&poller, 1, WAIT_MS) == 1) {
        struct dgram d;
        bool more;
        inbox_receive(&t->in, t->to, &more);
        while (inbox_next(&t->in, &d)) {
            struct dbr_aead_job job;
            uint32_t id;
            assert_int_equal(dbr_slot_open_prepare(&t->far, d.bytes, (uint32_t)d.len, &job, &id), 0);
            assert_int_equal(dbr_aead_open(t->far.open, &job, 1), 1);
            assert_true(dbr_slot_opened(&t->far, &job, &id));
            assert_int_equal(id, t->far.replay.newest); /* in order */
            uint8_t *text = job.text;
            size_t len = job.len;
            assert_in_range(len, 5, t->p->piece + DBR_FRAGMENT_HEADER);
            int err = dbr_fragments_take(f, &text, &len, room, S);
            if (err == DBR_ERR_AGAIN)
                continue;
            assert_int_equal(err, 0);
            assert_int_equal(dbr_framing_strip(t->p->framing, &text, &len, NULL, 0), 0);
            assert_int_equal(len, lens[got]);
            for (size_t i = 0; i < len; i++)
                assert_int_equal(text[i], (uint8_t)(got + i * 7));
            got++;
        }
    }
    return got;
}

static void post_pattern(struct post *t, size_t len, unsigned number)
{
    uint8_t *room = outbox_room(&t->out, t->p, len + len % 3); /* as much as asked for, or less */
    assert_non_null(room);
    for (size_t i = 0; i < len; i++)
        room[i] = (uint8_t)(number + i * 7);
    outbox_commit(&t->out, t->p, len, false);
}

/* Payloads of all lengths, whole and in up to 32 pieces, with each framing, many times the outbox's tables.
 */
static void test_pieces(void **state)
{
    struct post *t = *state;
    struct dbr_fragments *f = dbr_fragments_new(4096);
    static const uint16_t longest[] = {48, 61, 572, 1400};
    for (unsigned c = 0; c < 160; c++) {
        size_t lens[15];
        t->p->piece = longest[c % 4];
        t->p->framing = (enum dbr_framing)(c / 4 % 4);
        for (unsigned i = 0; i < 15; i++) {
            lens[i] = 1 + (c * 15 + i) * 97 % 1530;
            if (lens[i] > 30u * t->p->piece)
                lens[i] = t->p->piece;
            post_pattern(t, lens[i], i);
        }
        outbox_flush(&t->out);
        assert_int_equal(collect_joined(t, f, lens, 15), 15);
    }
    assert_null(outbox_room(&t->out, t->p, 1400u * 32 + 1));
    t->p->piece = 48;
    assert_null(outbox_room(&t->out, t->p, 48 * 32 + 1));
    assert_int_equal(t->p->stats.drops_queue, 0);
    dbr_fragments_free(f);
}

static void test_train_limits(void **state)
{
    struct post *t = *state;
    size_t lens[256];
    unsigned messages;
    for (unsigned i = 0; i < 130; i++)
        post_frame(t, 50, i);
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 130, &messages), 130);
    assert_int_equal(messages, 3); /* 64 + 64 + 2 */
    for (unsigned i = 0; i < 50; i++)
        post_frame(t, 1414, i);
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 50, &messages), 50);
    assert_int_equal(messages, 2); /* 45 x 1,438 = 64,710 */
}

/* More than the arena and the piece table hold: nothing is lost, order stays. */
static void test_outbox_overflows_into_flushes(void **state)
{
    struct post *t = *state;
    size_t lens[1200];
    unsigned messages, got = 0;
    int space = 8 << 20;
    setsockopt(t->to, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof space);
    for (unsigned i = 0; i < 1100; i++)
        post_frame(t, 40, i);
    outbox_flush(&t->out);
    got = post_collect(t, lens, 1100, &messages);
    assert_int_equal(got, 1100);
    assert_int_equal(t->p->stats.tx_frames, 1100);
}

/* A route that refuses segmentation (EIO or EINVAL) is made by a socket option that forbids what we do; the
 * outbox must fall back by itself. EMSGSIZE: test_a_refusal_is_heard. */
static void test_falls_back_to_single_datagrams(void **state)
{
    struct post *t = *state;
    size_t lens[16];
    unsigned messages;
    int v6only_checksum_off = 1;
    /* without a checksum the kernel refuses to segment (EIO, EINVAL on some) */
    assert_int_equal(setsockopt(t->from, SOL_UDP, UDP_NO_CHECK6_TX, &v6only_checksum_off, sizeof(int)), 0);
    int on = 1;
    assert_int_equal(setsockopt(t->to, SOL_UDP, UDP_NO_CHECK6_RX, &on, sizeof on), 0);
    for (unsigned i = 0; i < 10; i++)
        post_frame(t, 300, i);
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 10, &messages), 10);
    assert_int_equal(messages, 10);
    assert_int_equal(t->p->gso_max, 0);
    post_frame(t, 300, 0);
    post_frame(t, 300, 1);
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 2, &messages), 2);
    assert_int_equal(messages, 2);
    int off = 0;
    setsockopt(t->from, SOL_UDP, UDP_NO_CHECK6_TX, &off, sizeof off);
    t->out.now_ns += 61 * S; /* tried again after a minute */
    post_frame(t, 300, 0);
    post_frame(t, 300, 1);
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 2, &messages), 2);
    assert_int_equal(messages, 1);
}

static int wildcard_udp(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&any, sizeof any), 0);
    return s;
}

/* multihome: a train, datagrams of their own and a train that fell apart leave from 127.0.0.2; who receives
 * sees at which address of his own. */
static void test_trains_leave_from_home(void **state)
{
    struct post *t = *state;
    struct sockaddr_in6 sa;
    socklen_t n = sizeof sa;
    size_t lens[16];
    unsigned messages;
    int on = 1, from = wildcard_udp();
    static const uint8_t here[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
    struct dbr_addr a = {.family = 4, .ip = {127, 0, 0, 1}, .home = {[10] = 0xff, 0xff, 127, 0, 0, 2}};
    close(t->to);
    t->to = wildcard_udp();
    assert_int_equal(getsockname(t->to, (struct sockaddr *)&sa, &n), 0);
    assert_int_equal(setsockopt(t->to, SOL_UDP, UDP_GRO, &on, sizeof on), 0);
    assert_int_equal(setsockopt(t->to, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on), 0);
    t->in.multihome = true;
    a.port = ntohs(sa.sin6_port);
    outbox_rewire(&t->out, from);
    peer_set_addr(t->p, &a);
    for (int broken = 0; broken < 2; broken++) {
        assert_int_equal(setsockopt(from, SOL_SOCKET, SO_NO_CHECK, &broken, sizeof broken), 0);
        for (unsigned i = 0; i < 5; i++)
            post_frame(t, i < 4 ? 300 : 500, i);
        outbox_flush(&t->out);
        for (unsigned got = 0; got < 5;) {
            unsigned k = post_collect_some(t, got, lens, 16, &messages);
            assert_true(k > 0);
            got += k;
            for (unsigned m = 0; m < t->in.n; m++) {
                assert_memory_equal(t->in.origins[m].addr.ip, a.home + 12, 4);
                assert_memory_equal(t->in.origins[m].addr.home, here, 16);
            }
        }
        assert_int_equal(t->p->gso_max == 0, broken);
    }
    a.home[15] = 3; /* the client calls another address of ours: a train is not mixed */
    post_frame(t, 300, 0);
    outbox_flush(&t->out);
    peer_set_addr(t->p, &a);
    post_frame(t, 300, 1);
    outbox_flush(&t->out);
    assert_int_equal(post_collect(t, lens, 2, &messages), 2);
    assert_int_equal(t->in.origins[t->in.n - 1].addr.ip[3], 3);
    close(from);
}

/* Several `local`: a peer is answered by the socket that heard it; a socket that is not there is the first.
 * Trains of both leave in one flush, and the full socket is the one that is waited for. */
static void test_trains_leave_by_their_socket(void **state)
{
    struct post *t = *state;
    struct sockaddr_in6 first = {0}, second = {0};
    socklen_t n = sizeof first;
    size_t lens[16];
    unsigned messages;
    int more = wildcard_udp();
    assert_int_equal(getsockname(t->from, (struct sockaddr *)&first, &n), 0);
    assert_int_equal(getsockname(more, (struct sockaddr *)&second, &n), 0);
    t->out.more[0] = more;
    t->out.n_more = 1;
    const struct {
        uint8_t via;
        uint16_t port;
    } rows[] = {{0, first.sin6_port}, {1, second.sin6_port}, {2, first.sin6_port}, {255, first.sin6_port}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dbr_addr a = t->p->addr;
        a.via = rows[i].via;
        peer_set_addr(t->p, &a);
        post_frame(t, 300, 0);
        post_frame(t, 300, 1);
        outbox_flush(&t->out);
        assert_int_equal(post_collect(t, lens, 2, &messages), 2);
        assert_int_equal(t->in.origins[t->in.n - 1].addr.port, ntohs(rows[i].port));
    }
    for (uint8_t via = 0; via < 4; via++) { /* one batch, sockets in turn */
        struct dbr_addr a = t->p->addr;
        a.via = via % 2;
        peer_set_addr(t->p, &a);
        for (unsigned k = 0; k < OUTBOX_SEAL; k++)
            post_frame(t, 300, (unsigned)via * OUTBOX_SEAL + k);
    }
    outbox_flush(&t->out);
    size_t many[4 * OUTBOX_SEAL];
    assert_int_equal(post_collect(t, many, 4 * OUTBOX_SEAL, &messages), 4 * OUTBOX_SEAL);
    assert_in_range(messages, 4, 4 * OUTBOX_SEAL);
    t->out.blocked = true;
    t->out.blocked_via = 1;
    assert_true(outbox_blocked_at(&t->out, 1) && !outbox_blocked_at(&t->out, 0));
    t->out.blocked = false;
    assert_false(outbox_blocked_at(&t->out, 1));
    close(more);
}

static void test_outbox_refuses_what_cannot_be_sent(void **state)
{
    struct post *t = *state;
    assert_null(outbox_room(&t->out, t->p, 65507));
    assert_non_null(outbox_room(&t->out, t->p, 65000));
    struct peer_key *k = t->p->primary;
    t->p->primary = NULL;
    assert_null(outbox_room(&t->out, t->p, 100));
    t->p->primary = k;
    k->slot.next_id = 0xffffff00;
    post_frame(t, 100, 0);
    outbox_flush(&t->out);
    assert_int_equal(t->p->stats.tx_frames, 0); /* the ids are used up: dropped, never reused */
    assert_int_equal(t->p->stats.drops_queue, 1);
}

/* A socket pair instead of UDP: it is full after a few datagrams, and ignores addresses. */
static void test_blocked_socket_keeps_what_is_sealed(void **state)
{
    struct post *t = *state;
    uint8_t buf[2048];
    int fd[2], udp_sock = t->out.sock;
    unsigned sent = 0, got = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
    t->out.sock = fd[0];
    t->out.segment_ok = false;
    for (; !t->out.blocked && sent < 5000; sent += 10) {
        for (unsigned i = 0; i < 10; i++)
            post_frame(t, 1000, sent + i);
        outbox_flush(&t->out);
    }
    assert_true(t->out.blocked);
    assert_null(outbox_room(&t->out, t->p, 100));
    outbox_flush(&t->out); /* still full: nothing happens */
    assert_true(t->out.blocked);
    while (got < sent) {
        ssize_t n = recv(fd[1], buf, sizeof buf, MSG_DONTWAIT);
        if (n < 0) {
            assert_true(t->out.blocked);
            outbox_flush(&t->out);
            continue;
        }
        struct dbr_aead_job job;
        uint32_t id;
        assert_int_equal(dbr_slot_open_prepare(&t->far, buf, (uint32_t)n, &job, &id), 0);
        assert_int_equal(dbr_aead_open(t->far.open, &job, 1), 1);
        assert_int_equal(id, ++got);
    }
    assert_false(t->out.blocked);
    assert_non_null(outbox_room(&t->out, t->p, 100));
    t->out.sock = udp_sock;
    close(fd[0]);
    close(fd[1]);
}

static void test_inbox_walks_trains(void **state)
{
    struct post *t = *state;
    struct dgram d;
    uint8_t bytes[7 * 100];
    struct sockaddr_in6 to;
    socklen_t n = sizeof to;
    getsockname(t->to, (struct sockaddr *)&to, &n);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    int seg = 200;
    assert_int_equal(setsockopt(t->from, SOL_UDP, UDP_SEGMENT, &seg, sizeof seg), 0);
    assert_int_equal(sendto(t->from, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof to), 700);
    seg = 0;
    setsockopt(t->from, SOL_UDP, UDP_SEGMENT, &seg, sizeof seg);
    assert_int_equal(sendto(t->from, bytes, 33, 0, (struct sockaddr *)&to, sizeof to), 33);
    assert_int_equal(sendto(t->from, bytes, 0, 0, (struct sockaddr *)&to, sizeof to), 0); /* empty: skipped */
    bool more;
    assert_int_equal(inbox_receive(&t->in, t->to, &more), 3);
    assert_false(more);
    static const size_t lens[] = {200, 200, 200, 100, 33};
    size_t at = 0;
    for (size_t i = 0; i < 5; i++) {
        assert_true(inbox_next(&t->in, &d));
        assert_int_equal(d.len, lens[i]);
        assert_memory_equal(d.bytes, bytes + (i < 4 ? at : 0), d.len);
        at += d.len;
    }
    assert_false(inbox_next(&t->in, &d));
    assert_int_equal(inbox_receive(&t->in, t->to, &more), 0);
    assert_false(inbox_next(&t->in, &d));
}

/* Many short messages: the inbox asks for more at a time; long ones: for fewer. Nothing is lost either way.
 */
static void test_inbox_adapts_its_depth(void **state)
{
    struct post *t = *state;
    struct sockaddr_in6 to;
    socklen_t n = sizeof to;
    static uint8_t bytes[60000];
    struct dgram d;
    bool more = true;
    unsigned got = 0, calls = 0;
    int space = 16 << 20;
    setsockopt(t->to, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof space);
    getsockname(t->to, (struct sockaddr *)&to, &n);
    for (unsigned i = 0; i < 150; i++)
        sendto(t->from, bytes, 10, 0, (struct sockaddr *)&to, sizeof to);
    for (; more; calls++)
        for (inbox_receive(&t->in, t->to, &more); inbox_next(&t->in, &d);)
            got += d.len == 10;
    assert_int_equal(got, 150);
    assert_int_equal(calls, 5); /* 8 + 16 + 32 + 64 + 30 */
    if (setsockopt(t->to, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof space))
        skip(); /* no right to a receive buffer that holds the long ones */
    for (unsigned i = 0; i < 100; i++)
        sendto(t->from, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof to);
    for (more = true, got = calls = 0; more; calls++)
        for (inbox_receive(&t->in, t->to, &more); inbox_next(&t->in, &d);)
            got += d.len == sizeof bytes;
    assert_int_equal(got, 100);
    assert_int_equal(t->in.depth, 16); /* 64, then 32, then the last 4 */
}

#define P(name) cmocka_unit_test_setup_teardown(name, post_open, post_close)

#define D(name) cmocka_unit_test_setup_teardown(name, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wheel_fires_in_time),
        cmocka_unit_test(test_wheel_beyond_the_horizon_fires_early),
        cmocka_unit_test(test_wheel_cancel_and_move),
        cmocka_unit_test(test_wheel_past_deadline_waits_for_the_next_round),
        cmocka_unit_test(test_wheel_many),
        cmocka_unit_test(test_mailbox_keeps_order_and_bounds),
        cmocka_unit_test(test_mailbox_memory_is_held_until_released),
        cmocka_unit_test(test_mailbox_between_threads),
        cmocka_unit_test(test_book),
        cmocka_unit_test(test_book_moves_only_to_free_places),
        cmocka_unit_test(test_peers_by_owner),
        cmocka_unit_test(test_peer_timers),
        cmocka_unit_test(test_peer_inactive),
        cmocka_unit_test(test_being_stopped_is_not_silence),
        cmocka_unit_test(test_rate),
        D(test_news_of_floats_once_a_second),
        D(test_news_wait_for_control),
        D(test_news_lists_wait_for_control),
        D(test_news_of_the_bridge_wait_for_keeper),
        D(test_news_forget),
        P(test_trains),
        P(test_trains_leave_from_home),
        P(test_trains_leave_by_their_socket),
        cmocka_unit_test_setup_teardown(test_trains_cbc, post_open_cbc, post_close),
        cmocka_unit_test_setup_teardown(test_framed_trains_are_one_piece, post_open, post_close),
        cmocka_unit_test_setup_teardown(test_pieces, post_open, post_close),
        {"test_pieces_cbc", test_pieces, post_open_cbc, post_close, NULL},
        P(test_train_limits),
        P(test_outbox_overflows_into_flushes),
        P(test_falls_back_to_single_datagrams),
        P(test_outbox_refuses_what_cannot_be_sent),
        P(test_blocked_socket_keeps_what_is_sealed),
        P(test_inbox_walks_trains),
        P(test_inbox_adapts_its_depth),
    };
    return cmocka_run_group_tests_name("data parts", tests, NULL, NULL);
}
