/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Several workers: frames and datagrams that come in at one worker and belong to another's peer cross by the
 * mailboxes, none is lost below their bounds, and the order within a flow is kept. Meant to be run with the
 * thread sanitizer as well.
 *
 *   LAN queue 0..2     worker 0      worker 1      worker 2
 *                      peer 0, 3     peer 1, 4     peer 2, 5
 */
#include "rig.h"

#include "base/bytes.h"
#include "bridge/eth.h"
#include "bridge/tap.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORKERS = 3, PEERS = 6, HOSTS = 3, BURST = 60, ROUNDS = 12, LEN = 200 };

struct city {
    struct rig r;
    struct rig_peer peer[PEERS];
    /* last sequence number that each receiver has of each sender; hosts on the LAN come after the peers */
    uint32_t last[PEERS + HOSTS][PEERS + HOSTS];
    unsigned received;
};

static void mac_of(char out[18], unsigned who)
{
    snprintf(out, 18, "02:00:00:00:01:%02x", who & 0xff);
}

static void frame_of(uint8_t *f, unsigned from, int to, uint32_t seq)
{
    char dst[18] = BROADCAST, src[18];
    if (to >= 0)
        mac_of(dst, (unsigned)to);
    mac_of(src, from);
    rig_frame(f, dst, src, LEN, seq);
}

/* A frame has arrived at `to` (a peer, or HOSTS' side as a whole): is it the next of its flow? */
static void note(struct city *c, unsigned to, const uint8_t *f, size_t len)
{
    unsigned from = f[11], at = to < PEERS ? to : f[5];
    assert_int_equal(len, LEN);
    assert_true(from < PEERS + HOSTS && at < PEERS + HOSTS);
    assert_true(to >= PEERS || f[5] == to); /* unicast to somebody else would be a leak */
    assert_int_equal(rig_frame_number(f), c->last[at][from] + 1);
    c->last[at][from]++;
    c->received++;
}

/* Takes in everything until `n` frames have come; fails when they do not. */
static void collect(struct city *c, unsigned n)
{
    uint8_t f[RIG_FRAME_MAX];
    while (c->received < n) {
        struct pollfd p[PEERS + WORKERS];
        for (unsigned i = 0; i < PEERS; i++)
            p[i] = (struct pollfd){.fd = c->peer[i].sock, .events = POLLIN};
        for (unsigned i = 0; i < WORKERS; i++)
            p[PEERS + i] = (struct pollfd){.fd = c->r.lan[i], .events = POLLIN};
        if (poll(p, PEERS + WORKERS, RIG_WAIT_MS) <= 0)
            fail_msg("%u of %u frames came", c->received, n);
        for (unsigned i = 0; i < PEERS; i++)
            if (p[i].revents)
                note(c, i, f, rig_receive(&c->peer[i], f));
        for (unsigned i = 0; i < WORKERS; i++)
            if (p[PEERS + i].revents)
                note(c, PEERS, f, rig_lan_read(&c->r, i, f));
    }
}

/* Everybody says hello, and what arrives of it is taken away. */
static void introduce(struct city *c)
{
    uint8_t f[RIG_FRAME_MAX];
    for (unsigned from = 0; from < PEERS + HOSTS; from++) {
        frame_of(f, from, -1, 0);
        if (from < PEERS)
            rig_send(&c->r, &c->peer[from], from % WORKERS, f, LEN);
        else
            rig_lan_write(&c->r, from % WORKERS, NULL, f, LEN);
        for (unsigned i = 0; i < PEERS; i++)
            if (i != from)
                assert_int_equal(rig_receive(&c->peer[i], f), LEN);
        if (from < PEERS)
            assert_int_equal(rig_lan_read(&c->r, from % WORKERS, f), LEN);
    }
}

static int setup(void **state)
{
    static struct city c;
    memset(&c, 0, sizeof c);
    rig_init(&c.r, WORKERS);
    rig_start(&c.r);
    for (unsigned i = 0; i < PEERS; i++) {
        rig_peer_open(&c.peer[i], i);
        rig_peer_install(&c.r, &c.peer[i]);
    }
    introduce(&c);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    struct city *c = *state;
    assert_int_equal(rig_stop(&c->r), DBR_DATA_OK);
    for (unsigned i = 0; i < PEERS; i++)
        rig_peer_close(&c->peer[i]);
    return 0;
}

/* Every pair of ends has a flow; all run at once. */
static void test_order_within_each_flow(void **state)
{
    struct city *c = *state;
    uint8_t f[LEN];
    uint32_t seq = 0;
    unsigned sent = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < BURST / 10; i++) {
            seq++;
            for (unsigned from = 0; from < PEERS + HOSTS; from++)
                for (unsigned to = 0; to < PEERS + HOSTS; to++) {
                    if (to == from || (from >= PEERS && to >= PEERS))
                        continue;
                    frame_of(f, from, (int)to, seq);
                    if (from < PEERS)
                        rig_send(&c->r, &c->peer[from], from % WORKERS, f, LEN);
                    else
                        rig_lan_write(&c->r, from % WORKERS, NULL, f, LEN);
                    sent++;
                }
        }
        collect(c, sent);
    }
    assert_int_equal(c->received, ROUNDS * BURST / 10 * (PEERS * (PEERS + HOSTS - 1) + HOSTS * PEERS));
}

/* More than a mailbox holds goes through one, in time. */
static void test_a_mailbox_is_emptied(void **state)
{
    struct city *c = *state;
    static uint8_t f[1400], got[RIG_FRAME_MAX];
    for (uint32_t n = 1; n <= 4000;) { /* 5.6 MB from queue 0 to worker 1 */
        for (unsigned i = 0; i < 50; i++, n++) {
            frame_of(f, PEERS, 1, n);
            rig_lan_write(&c->r, 0, NULL, f, sizeof f);
        }
        for (unsigned i = 50; i > 0; i--) {
            assert_int_equal(rig_receive(&c->peer[1], got), sizeof f);
            assert_int_equal(rig_frame_number(got), n - i);
        }
    }
}

/* One train holds datagrams of peers of every worker; it goes to the worker of its first. */
static void test_trains_of_several_peers(void **state)
{
    struct city *c = *state;
    uint8_t f[LEN], train[PEERS * (LEN + 24)];
    unsigned sent = 0;
    for (unsigned i = 0; i < PEERS; i++) { /* all behind one address, as behind one NAT */
        struct dbr_ipc_peer m = rig_peer_message(&c->peer[i]);
        m.head.type = DBR_IPC_PEER_SET;
        m.flags |= DBR_PEER_SET_ADDR;
        m.addr = c->peer[0].addr;
        rig_tell(&c->r, i % WORKERS, &m);
        rig_sync(&c->r, i % WORKERS);
    }
    for (uint32_t seq = 1; seq <= 40; seq++) {
        size_t n = 0;
        for (unsigned i = 0; i < PEERS; i++) {
            frame_of(f, i, PEERS, seq);
            n += rig_seal(&c->peer[i], f, LEN, train + n);
        }
        rig_send_train(&c->r, &c->peer[0], seq % WORKERS, train, n, LEN + 24);
        sent += PEERS;
        collect(c,
                sent); /* a peer's datagrams take another way in each time: one at a time keeps their order */
    }
}

static void test_broadcast_reaches_each_once(void **state)
{
    struct city *c = *state;
    uint8_t f[RIG_FRAME_MAX];
    for (uint32_t n = 1; n <= 30; n++) {
        unsigned from = n % (PEERS + HOSTS);
        frame_of(f, from, -1, n);
        if (from < PEERS)
            rig_send(&c->r, &c->peer[from], from % WORKERS, f, LEN);
        else
            rig_lan_write(&c->r, n % WORKERS, NULL, f, LEN);
        for (unsigned i = 0; i < PEERS; i++) {
            if (i == from)
                continue;
            assert_int_equal(rig_receive(&c->peer[i], f), LEN);
            assert_int_equal(rig_frame_number(f), n);
        }
        if (from < PEERS) {
            assert_int_equal(rig_lan_read(&c->r, from % WORKERS, f), LEN);
            assert_int_equal(rig_frame_number(f), n);
        }
    }
    for (unsigned i = 0; i < PEERS; i++)
        assert_true(rig_quiet(&c->peer[i]));
    for (unsigned i = 0; i < WORKERS; i++)
        assert_true(rig_lan_quiet(&c->r, i));
}

/* P_DATA_V1 always comes to worker 0; the peer is worker 1's. And it floats by nothing but a new PEER_SET. */
static void test_v1_is_handed_to_its_owner(void **state)
{
    struct city *c = *state;
    struct rig_peer *p = &c->peer[1];
    uint8_t f[RIG_FRAME_MAX];
    struct dbr_ipc_key_ref del = {.head = dbr_ipc_head(DBR_IPC_KEY_DEL, sizeof del, 1)};
    rig_tell(&c->r, 1, &del);
    rig_key_install(&c->r, p, 2, false, 200);
    rig_sync(&c->r, 1);
    frame_of(f, 1, PEERS, 1);
    rig_send(&c->r, p, 0, f, LEN);
    assert_int_equal(rig_lan_read(&c->r, 1, f), LEN);
    assert_int_equal(rig_frame_number(f), 1);
}

/* A peer that floats while its datagrams arrive at a foreign worker. */
static void test_float_through_another_worker(void **state)
{
    struct city *c = *state;
    struct rig_peer *p = &c->peer[2];
    struct dbr_ipc_float m;
    uint8_t f[RIG_FRAME_MAX];
    rig_peer_rebind(p);
    frame_of(f, 2, PEERS, 1);
    rig_send(&c->r, p, 0, f, LEN);
    assert_int_equal(rig_lan_read(&c->r, 2, f), LEN);
    rig_hear(&c->r, 2, DBR_IPC_FLOAT, &m, sizeof m);
    assert_true(dbr_addr_equal(&m.addr, &p->addr));
    frame_of(f, PEERS, 2, 1);
    rig_lan_write(&c->r, 0, NULL, f, LEN);
    assert_int_equal(rig_receive(p, f), LEN);
}

/* The steering slots name the owner of each peer's address. */
static void test_steering(void **state)
{
    struct city *c = *state;
    for (unsigned i = 0; i < PEERS; i++) {
        uint64_t mac;
        char text[18];
        mac_of(text, i);
        dbr_mac_parse(&mac, text);
        assert_int_equal(c->r.steer[dbr_steer_slot(mac)], i % WORKERS);
    }
}

/* Peers come and go while the others keep sending to them; what is checked is that the rest lives on. */
static void test_peers_come_and_go(void **state)
{
    struct city *c = *state;
    uint8_t f[RIG_FRAME_MAX];
    for (unsigned round = 0; round < 100; round++) {
        unsigned gone = 1 + round % 2; /* of worker 1 or 2 */
        struct dbr_ipc_peer_del del = {.head = dbr_ipc_head(DBR_IPC_PEER_DEL, sizeof del, gone)};
        for (unsigned i = 0; i < 10; i++) {
            frame_of(f, 0, (int)gone, 1);
            rig_send(&c->r, &c->peer[0], 0, f, LEN);
            frame_of(f, 3, -1, 1);
            rig_send(&c->r, &c->peer[3], round % WORKERS, f, LEN);
            if (i == 3)
                rig_tell(&c->r, gone % WORKERS, &del);
        }
        rig_peer_install(&c->r, &c->peer[gone]);
        for (unsigned i = 0; i < PEERS; i++)
            while (!rig_quiet(&c->peer[i]))
                rig_receive_raw(&c->peer[i], f);
        for (unsigned i = 0; i < WORKERS; i++)
            while (!rig_lan_quiet(&c->r, i))
                rig_lan_read(&c->r, i, f);
    }
    /* stragglers of the last round may still come: the one that counts has a number of its own */
    frame_of(f, 1, PEERS, 777777);
    rig_send(&c->r, &c->peer[1], 1, f, LEN);
    do
        rig_lan_read(&c->r, 1, f);
    while (rig_frame_number(f) != 777777);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_order_within_each_flow),
        T(test_a_mailbox_is_emptied),
        T(test_trains_of_several_peers),
        T(test_broadcast_reaches_each_once),
        T(test_v1_is_handed_to_its_owner),
        T(test_float_through_another_worker),
        T(test_steering),
        T(test_peers_come_and_go),
    };
    return cmocka_run_group_tests_name("data threads", tests, NULL, NULL);
}
