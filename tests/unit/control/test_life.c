/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Life of a client as control lives it: admission, what the workers are told and in which order, who replaces
 * whom, revocation, restarts of data and of control, the end. And what one costs.
 */
#include "rig.h"

#include "bridge/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { A = 0x0a000001, B = 0x0a000002, ANY = -1 };

static size_t place_of(struct rig *rig, uint16_t type, uint32_t peer)
{
    size_t place;
    if (!rig_told(rig, type, peer, 0, &place))
        fail_msg("no message %u about peer %u", type, peer);
    return place;
}

static uint32_t id_of(struct rig *rig, const char *cn)
{
    struct client *c = rig_client(rig, cn);
    if (!c)
        fail_msg("%s is not there", cn);
    return c->peer_id;
}

/* ---- what the worker is told ---- */

static bool key_was_told;
static size_t told_at_push;

static void watch_push(struct rig *rig, const struct rig_dgram *d)
{
    (void)d;
    struct client *c = rig_client(rig, "alice");
    if (!c)
        return;
    told_at_push++;
    key_was_told = rig_told(rig, DBR_IPC_KEY_NEW, c->peer_id, 0, NULL);
}

/* The peer, then its key, and both before the options leave: no frame ever meets a peer without keys. */
static void test_order_of_messages(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    rig->spy = watch_push;
    told_at_push = 0;
    struct caller *c = rig_connect(rig, "alice", A, 4000);
    uint32_t id = id_of(rig, "alice");
    assert_true(told_at_push > 0);
    assert_true(key_was_told);
    assert_true(place_of(rig, DBR_IPC_PEER_NEW, id) < place_of(rig, DBR_IPC_KEY_NEW, id));
    const struct dbr_ipc_peer *p = rig_told(rig, DBR_IPC_PEER_NEW, id, 0, NULL);
    assert_string_equal(p->cn, "alice");
    assert_int_equal(p->ping_s, 10);
    assert_int_equal(p->timeout_s, 120);
    assert_int_equal(p->wire_peer_id, id);
    assert_true(dbr_addr_equal(&p->addr, &c->addr));
    const struct dbr_ipc_key *k = rig_told(rig, DBR_IPC_KEY_NEW, id, 0, NULL);
    assert_memory_equal(k->recv_key, c->keys.send_key, 32);
    assert_memory_equal(k->send_key, c->keys.recv_key, 32);
    assert_int_equal(k->tx_peer_id, id);
    assert_int_equal(rig->told[place_of(rig, DBR_IPC_PEER_NEW, id)].worker, id % RIG_WORKERS);
    rig_free(rig);
}

/* What is longer than the message can say is not "never". */
static void test_long_patience(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        uint16_t ping_s, timeout_s;
    } cases[] = {
        {"keepalive 10 32768", 10, UINT16_MAX}, /* a server waits two times as long */
        {"keepalive 131072 400000", UINT16_MAX, UINT16_MAX},
        {"keepalive 10 32767", 10, 65534},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *rig = rig_plain(cases[i].config);
        rig_connect(rig, "alice", A, 4000);
        const struct dbr_ipc_peer *p = rig_told(rig, DBR_IPC_PEER_NEW, id_of(rig, "alice"), 0, NULL);
        assert_int_equal(p->ping_s, cases[i].ping_s);
        assert_int_equal(p->timeout_s, cases[i].timeout_s);
        rig_free(rig);
    }
}

static void test_peer_ids(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("max-clients 4");
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    uint32_t first = id_of(rig, "alice");
    dbr_session_close(a->session, NULL, "leaves", &rig_now);
    client_kick(rig_client(rig, "alice"), NULL, "test");
    for (uint16_t i = 0; i < 3; i++) {
        char cn[8];
        snprintf(cn, sizeof cn, "c%u", i);
        rig_connect(rig, cn, B, (uint16_t)(5000 + i));
        assert_int_not_equal(id_of(rig, cn), first); /* the id that was free longest goes first */
    }
    rig_connect(rig, "c3", B, 6000);
    assert_int_equal(id_of(rig, "c3"), first);
    struct caller *late = rig_call(rig, "c4", B, 6001);
    rig_run(rig, 3000);
    assert_false(rig_up(late));
    assert_string_equal(late->message, "AUTH_FAILED,the server is full");
    assert_true(rig_logged(rig, "would exceed maximum number of clients (4)"));
    assert_int_equal(rig->ctl->n_admitted, 4);
    rig_run(rig, 70000);
    assert_int_equal(rig->ctl->n_half_open, 0);
    struct caller *again = rig_connect(rig, "c1", B, 6002); /* who replaces himself needs no place */
    assert_true(rig_up(again));
    assert_int_equal(rig->ctl->n_admitted, 4);
    rig_free(rig);
}

/* C17, C24: the new session of a name takes over once it is authenticated, not before. */
static void test_replace(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *old = rig_connect(rig, "alice", A, 4000);
    uint32_t id = id_of(rig, "alice");
    uint8_t dgram[RIG_DGRAM];
    struct dbr_addr from = rig_addr(A, 4000);
    rig->keep_answers = true;
    rig_hand(rig, dgram, rig_reset(rig, 99, 0, 900, dgram), &from); /* forged or replayed, at her address */
    size_t n = rig_proof(rig, 100, &from, dgram);
    rig_hand(rig, dgram, n, &from);
    rig->keep_answers = false;
    assert_int_equal(rig->ctl->n_half_open, 1);
    rig_settle(rig);
    assert_int_equal(id_of(rig, "alice"), id);
    assert_null(rig_told(rig, DBR_IPC_PEER_DEL, (uint32_t)ANY, 0, NULL));
    struct caller *c = rig_call(rig, "alice", B, 4001);
    while (rig->n_queue > 0 && !rig_told(rig, DBR_IPC_PEER_DEL, id, 0, NULL)) {
        assert_true(rig_client(rig, "alice")->in_data);
        rig_run(rig, 1);
    }
    rig_run(rig, 1000);
    assert_true(rig_up(c));
    assert_int_not_equal(id_of(rig, "alice"), id);
    assert_int_equal(rig->ctl->n_admitted, 1);
    const struct dbr_ipc_peer_del *del = rig_told(rig, DBR_IPC_PEER_DEL, id, 0, NULL);
    assert_int_equal(del->reason, DBR_DEL_REPLACED);
    assert_true(place_of(rig, DBR_IPC_PEER_DEL, id) < place_of(rig, DBR_IPC_PEER_NEW, id_of(rig, "alice")));
    assert_string_equal(old->message, "");
    rig_free(rig);
}

/* Without `mode server` there is one peer: the newest who has authenticated, whatever his name; the id of his
 * packets is the derived one. */
static void test_only_peer(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("tls-server");
    rig_connect(rig, "alice", A, 4000);
    const struct dbr_ipc_peer *peer = rig_told(rig, DBR_IPC_PEER_NEW, 0, 0, NULL);
    const struct dbr_ipc_key *key = rig_told(rig, DBR_IPC_KEY_NEW, 0, 0, NULL);
    assert_non_null(peer);
    assert_non_null(key);
    assert_true(key->use_v2);
    assert_int_equal(peer->wire_peer_id, key->tx_peer_id);
    assert_int_equal(peer->wire_peer_id, dbr_session_peer_id(rig->callers[0]->session));
    assert_true(peer->wire_peer_id > 1);
    assert_true(peer->flags & DBR_PEER_SITE);
    rig_connect(rig, "bob", B, 4001);
    assert_null(rig_client(rig, "alice"));
    assert_int_equal(rig->ctl->n_admitted, 1);
    assert_int_equal(id_of(rig, "bob"), 0);
    assert_true(rig_logged(rig, "the session of 'alice' ends"));
    rig_free(rig);
}

/* `remote` says who may begin a session; `float` lifts that. */
static void test_only_caller(void **state)
{
    static const struct {
        const char *config;
        bool other_enters;
    } cases[] = {
        {"tls-server", true},
        {"tls-server\nremote 10.0.0.1", false},
        {"tls-server\nremote 10.0.0.1\nremote 10.0.0.2 5000", true},
        {"tls-server\nremote 10.0.0.1\nfloat", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig *rig = rig_plain(cases[i].config);
        rig_connect(rig, "alice", A, 4000);
        uint64_t sent = rig->sent;
        struct caller *c = rig_call(rig, "bob", B, 4001);
        rig_run(rig, 3000);
        assert_int_equal(rig_up(c), cases[i].other_enters);
        assert_int_equal(rig->sent > sent, cases[i].other_enters); /* not a byte to him */
        rig_free(rig);
    }
}

static void test_duplicate_cn(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("duplicate-cn");
    rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "alice", A, 4001);
    rig_connect(rig, "alice", B, 4000);
    assert_int_equal(rig->ctl->n_admitted, 3);
    rig_hang_up(rig->callers[1]);
    rig_connect(rig, "alice", A, 4001); /* the same address and port: the one before is over */
    assert_int_equal(rig->ctl->n_admitted, 3);
    rig_free(rig);
}

/* C24: 200 callers with one certificate; the last one wins, each replaced one is told to data, none leaks. */
static void test_flapping(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    for (uint16_t i = 0; i < 60; i++)
        rig_hang_up(rig_connect(rig, "alice", B, (uint16_t)(2000 + i)));
    assert_int_equal(rig->ctl->n_admitted, 1);
    assert_non_null(rig_told(rig, DBR_IPC_PEER_DEL, (uint32_t)ANY, 58, NULL));
    assert_null(rig_told(rig, DBR_IPC_PEER_DEL, (uint32_t)ANY, 59, NULL));
    rig_free(rig);
}

/* Names that are long and foreign stay two names. */
static void test_foreign_names(void **state)
{
    (void)state;
    static const char one[] = "\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99 eins";
    static const char two[] = "\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99 zwei";
    struct rig *rig = rig_plain("");
    rig_connect(rig, one, A, 4000);
    rig_connect(rig, two, B, 4000);
    assert_int_equal(rig->ctl->n_admitted, 2);
    const struct dbr_ipc_peer *p = rig_told(rig, DBR_IPC_PEER_NEW, (uint32_t)ANY, 0, NULL);
    for (const char *s = p->cn; *s; s++)
        assert_in_range(*s, 0x20, 0x7e);
    rig_connect(rig, one, A, 4001);
    assert_int_equal(rig->ctl->n_admitted, 2);
    for (uint32_t id = 0; id < 3; id++)
        if (rig->ctl->by_peer[id])
            assert_non_null(memchr(rig->ctl->by_peer[id]->adm->cn, 0, DBR_IPC_CN_MAX));
    rig_free(rig);
}

static void test_no_name(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *c = rig_call(rig, "", A, 4000);
    rig_run(rig, 10000);
    assert_int_equal(dbr_session_state(c->session), DBR_SESSION_DEAD);
    assert_int_equal(rig->ctl->n_admitted, 0);
    rig_free(rig);
}

/* ---- revocation ---- */

static size_t dels_at_last_word;

static void watch_last_word(struct rig *rig, const struct rig_dgram *d)
{
    (void)d;
    if (!dels_at_last_word)
        dels_at_last_word = rig_told(rig, DBR_IPC_PEER_DEL, (uint32_t)ANY, 0, NULL) ? 1 : 2;
}

/* C17, C56: the frames stop first, then comes the explanation; nobody else is touched; no way back in. */
static void test_revoked_while_up(void **state)
{
    (void)state;
    struct rig *rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    struct caller *a = rig_connect(rig, "alice", A, 4000), *b = rig_connect(rig, "bob", B, 4000);
    const struct pki_id *revoked[] = {rig_id("alice")};
    uint32_t id = id_of(rig, "alice");
    rig->spy = watch_last_word;
    dels_at_last_word = 0;
    rig_take_crl(rig, 2, revoked, 1);
    const struct dbr_ipc_peer_del *del = rig_told(rig, DBR_IPC_PEER_DEL, id, 0, NULL);
    assert_non_null(del);
    assert_int_equal(del->reason, DBR_DEL_REVOKED);
    rig_settle(rig);
    assert_int_equal(dels_at_last_word, 1); /* not 2: the word came after the cut */
    assert_string_equal(a->message, "AUTH_FAILED,Certificate revoked");
    assert_true(rig_up(b));
    assert_null(rig_told(rig, DBR_IPC_PEER_DEL, id_of(rig, "bob"), 0, NULL));
    rig->spy = NULL;
    rig_run(rig, 6000);
    assert_null(rig_client(rig, "alice"));
    struct caller *c = rig_call(rig, "alice", A, 4001);
    rig_run(rig, 10000);
    assert_false(rig_up(c));
    assert_string_equal(c->message, ""); /* a TLS alert: there was no session to say anything in */
    assert_true(rig_logged(rig, "VERIFY ERROR: depth=0, error=certificate revoked"));
    assert_null(rig_client(rig, "alice"));
    rig_free(rig);
}

/* Who says goodbye, and who is told to go, has the acknowledgement at once: neither waits to say it again. */
static void test_last_words_are_acknowledged(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *a = rig_connect(rig, "alice", A, 4000), *b = rig_connect(rig, "bob", B, 4000);
    dbr_session_close(a->session, "EXIT", "goodbye", &rig_now);
    assert_int_equal(dbr_session_state(a->session), DBR_SESSION_CLOSING);
    rig_settle(rig);
    assert_null(rig_client(rig, "alice"));
    assert_int_equal(dbr_session_state(a->session), DBR_SESSION_DEAD);
    client_kick(rig_client(rig, "bob"), "AUTH_FAILED,go", "told to go");
    rig_settle(rig);
    assert_string_equal(b->message, "AUTH_FAILED,go");
    assert_null(rig_client(rig, "bob"));
    rig_free(rig);
}

/* A list that comes in between the TLS handshake and the key message counts. */
static void test_revoked_in_between(void **state)
{
    (void)state;
    struct rig *rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    /* An RSA certificate, and the key message is in another datagram. */
    struct pki_id *large =
        pki_make(&(struct pki_spec){.subject = "/O=Office/CN=alice",
                                    .rsa_bits = 2048,
                                    .exts = {"basicConstraints", "CA:FALSE", "keyUsage", "digitalSignature",
                                             "extendedKeyUsage", "clientAuth"}},
                 rig_ca());
    struct dbr_tls_ctx *tls = rig_tls(large);
    const struct pki_id *revoked[] = {large};
    struct caller *c = rig_call_as(rig, tls, A, 4000);
    for (int i = 0; i < 1000 && !rig_logged(rig, "VERIFY OK: depth=0"); i++) { /* one datagram at a time */
        struct rig_dgram d = rig->queue[rig->head];
        rig->head = (rig->head + 1) % RIG_QUEUE;
        rig->n_queue--;
        if (d.to_server) {
            rig_hand(rig, d.bytes, d.len, &d.addr);
            continue;
        }
        dbr_session_feed(c->session, d.bytes, d.len, &rig_now);
    }
    assert_true(rig_logged(rig, "VERIFY OK: depth=0"));
    bool early = rig->ctl->n_admitted == 0;
    rig_take_crl(rig, 2, revoked, 1);
    rig_run(rig, 6000);
    assert_true(early);
    assert_false(rig_up(c));
    assert_int_equal(rig->ctl->n_admitted, 0);
    rig_free(rig);
    dbr_tls_ctx_put(tls);
    pki_free(large);
}

/* A list that has run out lets nobody new in; who is in stays. */
static void test_stale_list(void **state)
{
    (void)state;
    struct rig *rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    rig_connect(rig, "alice", A, 4000);
    rig_now.ns += 4000 * 1000000000ull; /* the list was good for an hour */
    rig_run(rig, 1);
    struct caller *b = rig_call(rig, "bob", B, 4000);
    rig_run(rig, 10000);
    assert_false(rig_up(b));
    assert_true(rig_logged(rig, "VERIFY ERROR: depth=0"));
    assert_non_null(rig_client(rig, "alice"));
    rig_free(rig);
}

/* A list that is no list changes nothing. */
static void test_bad_list(void **state)
{
    (void)state;
    struct rig *rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    rig_connect(rig, "alice", A, 4000);
    struct dbr_ipc_file m = {.head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0), .what = DBR_FILE_CRL};
    static const char garbage[] = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    rig_keeper_says(rig, &m, rig_file(garbage, sizeof garbage));
    rig_keeper_says(rig, &m, rig_file("", 0));
    m.missing = 1;
    rig_keeper_says(rig, &m, -1);
    rig_run(rig, 1000);
    assert_true(rig_client(rig, "alice")->in_data);
    rig_free(rig);
}

/* ---- data and control come back ---- */

/* A caller that has our framing is ours and comes back at once; another one is not told what it may not know.
 */
static void test_data_is_new(void **state)
{
    (void)state;
    static const struct {
        enum dbr_framing own;
        const char *hears;
    } cases[] = {{DBR_FRAMING_NONE, "RESTART,[A]"}, {DBR_FRAMING_COMP_LZO, "RESTART,"}};
    for (size_t i = 0; i < 2; i++) {
        struct rig *rig = rig_plain("");
        struct caller *c = rig_call(rig, "alice", A, 4000);
        c->cfg.framing = cases[i].own;
        rig_run(rig, 2000);
        assert_true(c->has_keys);
        rig_forget(rig);
        rig_state(rig, DBR_STATE_DATA_NEW);
        rig_settle(rig);
        assert_string_equal(c->message, cases[i].hears);
        assert_null(rig_told(rig, DBR_IPC_PEER_DEL, (uint32_t)ANY, 0, NULL)); /* data knows no such peer */
        rig_run(rig, 6000);
        assert_int_equal(rig->ctl->n_admitted, 0);
        rig_connect(rig, "alice", A, 4001);
        rig_free(rig);
    }
}

static struct dbr_ipc_peer peer_back(const char *cn, uint32_t id)
{
    struct dbr_ipc_peer m = {.head = dbr_ipc_head(DBR_IPC_PEER_BACK, sizeof m, id),
                             .wire_peer_id = id,
                             .addr = rig_addr(B, 4000),
                             .replay_window = 64,
                             .serial_len = 1,
                             .serial = {1}};
    snprintf(m.cn, sizeof m.cn, "%s", cn);
    return m;
}

/* After a restart of control the peers of data are known by name, id and certificate. */
static void test_control_is_new(void **state)
{
    (void)state;
    struct rig *old = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    rig_connect(old, "alice", A, 4000);
    struct dbr_ipc_peer alice;
    memcpy(&alice, rig_told(old, DBR_IPC_PEER_NEW, (uint32_t)ANY, 0, NULL), sizeof alice);
    rig_free(old);

    struct rig *rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    struct dbr_ipc_peer bob = peer_back("bob", 3);
    alice.head.type = DBR_IPC_PEER_BACK;
    rig_say(rig, alice.head.peer_id % RIG_WORKERS, &alice);
    rig_say(rig, 1, &bob);
    assert_int_equal(rig->ctl->n_admitted, 2);
    rig_say(rig, 1, &bob); /* twice is once */
    assert_int_equal(rig->ctl->n_admitted, 2);
    bob.head.peer_id = 1024; /* max-clients */
    rig_say(rig, 0, &bob);
    assert_int_equal(rig->ctl->n_admitted, 2);
    rig_connect(rig, "bob", A, 4001); /* a new session replaces the old peer and gets another id */
    assert_non_null(rig_told(rig, DBR_IPC_PEER_DEL, 3, 0, NULL));
    assert_int_not_equal(id_of(rig, "bob"), 3);
    const struct pki_id *revoked[] = {rig_id("alice")};
    rig_take_crl(rig, 2, revoked, 1);
    assert_non_null(rig_told(rig, DBR_IPC_PEER_DEL, alice.head.peer_id, 0, NULL));
    assert_null(rig_client(rig, "alice"));
    assert_int_equal(rig->ctl->n_admitted, 1);
    rig_free(rig);
}

/* A peer that control knows from data alone ends with its certificate, to the second; one whose end nobody
 * told of stays. */
static void test_back_and_expires(void **state)
{
    (void)state;
    struct rig *old = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    rig_connect(old, "alice", A, 4000);
    struct dbr_ipc_peer alice, bob = peer_back("bob", 3), carol = peer_back("carol", 4);
    memcpy(&alice, rig_told(old, DBR_IPC_PEER_NEW, (uint32_t)ANY, 0, NULL), sizeof alice);
    assert_true(alice.not_after > old->ctl->now.unix_s); /* data is told */
    rig_free(old);

    struct rig *rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    bob.not_after = rig->ctl->now.unix_s + 10;
    alice.head.type = DBR_IPC_PEER_BACK;
    rig_say(rig, alice.head.peer_id % RIG_WORKERS, &alice);
    rig_say(rig, bob.head.peer_id % RIG_WORKERS, &bob);
    rig_say(rig, carol.head.peer_id % RIG_WORKERS, &carol);
    assert_int_equal(rig->ctl->n_admitted, 3);
    assert_int_equal(rig->ctl->expiry_s, bob.not_after);
    rig_run(rig, 9000);
    assert_int_equal(rig->ctl->n_admitted, 3);
    rig_run(rig, 3000);
    assert_non_null(rig_told(rig, DBR_IPC_PEER_DEL, bob.head.peer_id, 0, NULL));
    assert_null(rig_client(rig, "bob"));
    assert_int_equal(rig->ctl->n_admitted, 2);
    assert_int_equal(rig->ctl->expiry_s, alice.not_after);
    rig_free(rig);
}

/* A client that was disabled or revoked while control was down does not come back. */
static void test_back_but_revoked(void **state)
{
    (void)state;
    struct rig *rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    rig_connect(rig, "alice", A, 4000);
    struct dbr_ipc_peer alice;
    memcpy(&alice, rig_told(rig, DBR_IPC_PEER_NEW, (uint32_t)ANY, 0, NULL), sizeof alice);
    const struct pki_id *revoked[] = {rig_id("alice")};
    rig_take_crl(rig, 2, revoked, 1);
    rig_run(rig, 6000);
    rig_forget(rig);
    alice.head.type = DBR_IPC_PEER_BACK;
    rig_say(rig, 0, &alice);
    assert_non_null(rig_told(rig, DBR_IPC_PEER_DEL, alice.head.peer_id, 0, NULL));
    assert_int_equal(rig->ctl->n_admitted, 0);
    rig_free(rig);
}

static void test_shutdown(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *a = rig_connect(rig, "alice", A, 4000), *b = rig_connect(rig, "bob", B, 4000);
    rig_state(rig, DBR_STATE_SHUTDOWN);
    struct caller *late = rig_call(rig, "carol", B, 4001);
    rig_run(rig, 2000);
    assert_string_equal(a->message, "RESTART,");
    assert_string_equal(b->message, "RESTART,");
    assert_false(rig_up(late));
    assert_true(rig->ctl->stop);
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_state *m = (const void *)buf;
    assert_int_equal(dbr_ipc_recv(rig->keeper, buf, NULL), 0);
    assert_int_equal(m->what, DBR_STATE_DONE);
    rig_free(rig);
}

static void test_keeper_is_gone(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    close(rig->keeper);
    rig->keeper = -1;
    keeper_read(rig->ctl);
    assert_true(rig->ctl->stop);
    rig_free(rig);
}

/* ---- a worker that hangs ---- */

static void fill_queue(struct rig *rig, unsigned worker)
{
    struct dbr_ipc_head m = dbr_ipc_head(DBR_IPC_STATS_GET, sizeof m, 0);
    while (!dbr_ipc_send(rig->boot.ipc_control[worker], &m, -1))
        ;
}

/* Sessions of other workers go on; those of the stuck one end; its PEER_DELs are not lost, nor their ids used
 * before. */
static void test_stuck_worker(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("max-clients 3");
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    uint32_t id = id_of(rig, "alice");
    unsigned stuck = id % RIG_WORKERS;
    struct timespec t0, t1;
    rig_forget(rig);
    rig->deaf = true;
    fill_queue(rig, stuck);
    clock_gettime(CLOCK_MONOTONIC, &t0);
    client_kick(rig_client(rig, "alice"), NULL, "test");
    for (uint16_t i = 0; i < 4; i++)
        rig_call(rig, "bob", B, (uint16_t)(4000 + i));
    rig_run(rig, 900);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    assert_true(t1.tv_sec - t0.tv_sec <= 2); /* 100 ms of waiting, not one second for each message */
    assert_null(client_by_peer(rig->ctl, id));
    assert_int_not_equal(rig->ctl->ids.owed[id], 0);
    rig_run(rig, 10000);
    assert_int_not_equal(rig->ctl->ids.owed[id], 0);
    for (uint32_t i = 0; i < 3; i++)
        if (client_by_peer(rig->ctl, i))
            assert_int_not_equal(i, id);
    rig->deaf = false;
    rig_run(rig, 3000);
    assert_int_equal(rig->ctl->ids.owed[id], 0);
    const struct dbr_ipc_peer_del *del = rig_told(rig, DBR_IPC_PEER_DEL, id, 0, NULL);
    assert_non_null(del);
    assert_int_equal(del->reason, DBR_DEL_REVOKED);
    (void)a;
    rig_free(rig);
}

/* A key that its worker does not swap to is the end of that session, at once. */
static void test_untold(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    uint32_t id = id_of(rig, "alice");
    unsigned w = id % RIG_WORKERS;
    struct dbr_ipc_key_ref m = {.head = dbr_ipc_head(DBR_IPC_KEY_LIMIT, sizeof m, id)};
    rig_now.ns += 5000000000;
    rig_say(rig, w, &m);
    rig_run(rig, 100);
    rig->deaf = true;
    fill_queue(rig, w);
    m.head.type = DBR_IPC_KEY_USED;
    m.key_id = 1;
    rig_say(rig, w, &m);
    rig_run(rig, 1000);
    assert_string_equal(a->message, "RESTART,");
    assert_true(rig_logged(rig, "takes no messages"));
    assert_int_not_equal(rig->ctl->ids.owed[id], 0);
    rig_run(rig, 6000);
    assert_null(rig_client(rig, "alice"));
    uint32_t free_ids = 0;
    for (uint32_t i = rig->ctl->ids.next[rig->ctl->max_clients]; i < rig->ctl->max_clients;
         i = rig->ctl->ids.next[i])
        assert_int_not_equal(i, id), free_ids++;
    assert_int_equal(free_ids, rig->ctl->max_clients - 1);
    rig_state(rig, DBR_STATE_DATA_NEW); /* that data is gone: nothing is owed to it */
    assert_int_equal(rig->ctl->ids.owed[id], 0);
    assert_int_equal(rig->ctl->ids.prev[rig->ctl->max_clients], id);
    rig_free(rig);
}

/* ---- control packets from elsewhere ---- */

static uint64_t sent_to_port(struct rig *rig, uint16_t port)
{
    uint64_t n = 0;
    for (size_t i = 0; i < rig->n_answers && i < RIG_QUEUE; i++)
        n += rig->answers[i].addr.port == port;
    return n;
}

/* Behind a gate an authenticated session may move with its control packets, but only with fresh ones. */
static void test_moves(void **state)
{
    (void)state;
    static const enum dbr_gate_kind gates[] = {DBR_GATE_TLS_AUTH, DBR_GATE_NONE};
    for (size_t g = 0; g < 2; g++) {
        struct rig *rig = rig_new(&(struct rig_options){.gate = gates[g]});
        struct caller *a = rig_connect(rig, "alice", A, 4000);
        struct client *c = rig_client(rig, "alice");
        struct rig_dgram d;
        bool may = gates[g] != DBR_GATE_NONE;
        rig_now.ns += 5000000000;
        dbr_session_renegotiate(a->session, &rig_now);
        d = rig->queue[rig->head];
        rig->n_queue = 0;
        rig->keep_answers = true;
        d.addr.port = 4444;
        rig_hand(rig, d.bytes, d.len, &d.addr);
        assert_int_equal(c->addr.port, may ? 4444 : 4000);
        assert_int_equal(sent_to_port(rig, 4444) > 0, may);
        if (may) {
            rig->n_answers = 0;
            d.addr.port = 5555;
            rig_hand(rig, d.bytes, d.len, &d.addr); /* somebody sends a copy from elsewhere */
            assert_int_equal(c->addr.port, 4444);
            assert_int_equal(rig->n_answers, 0);
            d.bytes[d.len - 1] ^= 1;
            rig_hand(rig, d.bytes, d.len, &d.addr);
            assert_int_equal(c->addr.port, 4444);
        }
        rig_free(rig);
    }
}

/* Before the certificate is verified nothing moves. */
static void test_strangers_do_not_move(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t proof[RIG_DGRAM];
    size_t n = rig_proof(rig, 77, &from, proof);
    rig_hand(rig, proof, n, &from);
    struct dbr_control c = {
        .opcode = DBR_OP_CONTROL, .sid = 77, .has_id = true, .id = 1, .payload = proof, .payload_len = 5};
    rig->keep_answers = true;
    rig->n_answers = 0;
    from.port = 4001;
    n = rig_packet(rig, &c, 9, proof);
    rig_hand(rig, proof, n, &from);
    assert_int_equal(rig->n_answers, 0);
    assert_int_equal(rig->ctl->oldest_half_open->addr.port, 4000);
    rig_free(rig);
}

/* ---- what workers say ---- */

/* Of a peer that was taken out of data a worker may still say things that were on their way. */
static void test_late_messages(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    struct client *c = rig_client(rig, "alice");
    rig->keep_answers = true; /* so that its last words are not acknowledged yet */
    client_kick(c, "AUTH_FAILED", "test");
    assert_ptr_equal(rig_client(rig, "alice"), c);
    struct dbr_ipc_float fl = {.head = dbr_ipc_head(DBR_IPC_FLOAT, sizeof fl, c->peer_id),
                               .addr = rig_addr(B, 7)};
    rig_say(rig, c->peer_id % RIG_WORKERS, &fl);
    assert_true(dbr_addr_equal(&c->addr, &a->addr));
    rig_free(rig);
}

static void test_worker_messages(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    struct client *c = rig_client(rig, "alice");
    uint32_t id = c->peer_id;
    unsigned w = id % RIG_WORKERS;
    struct dbr_ipc_float fl = {.head = dbr_ipc_head(DBR_IPC_FLOAT, sizeof fl, id), .addr = rig_addr(B, 7)};
    rig_say(rig, w, &fl);
    assert_true(dbr_addr_equal(&c->addr, &fl.addr));
    a->addr = fl.addr;
    for (uint8_t i = 0; i < 100; i++) {
        struct dbr_ipc_learned l = {.head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof l, id),
                                    .mac = {2, 0, 0, 0, 0, i},
                                    .what = DBR_LEARNED_NEW};
        rig_say(rig, w, &l);
    }
    assert_int_equal(c->adm->n_macs, MACS_SHOWN);
    struct dbr_ipc_learned gone = {.head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof gone, id),
                                   .mac = {2, 0, 0, 0, 0, 3},
                                   .what = DBR_LEARNED_GONE};
    rig_say(rig, w, &gone);
    assert_int_equal(c->adm->n_macs, MACS_SHOWN - 1);
    struct dbr_ipc_key_ref limit = {.head = dbr_ipc_head(DBR_IPC_KEY_LIMIT, sizeof limit, id)};
    rig_now.ns += 5000000000;
    rig_say(rig, w, &limit);
    rig_run(rig, 1000);
    const struct dbr_ipc_key *k = rig_told(rig, DBR_IPC_KEY_NEW, id, 1, NULL);
    assert_non_null(k); /* renegotiated: a second key */
    assert_int_equal(k->key_id, 1);
    assert_null(rig_told(rig, DBR_IPC_KEY_SWAP, id, 0, NULL));
    struct dbr_ipc_key_ref used = {.head = dbr_ipc_head(DBR_IPC_KEY_USED, sizeof used, id), .key_id = 1};
    rig_say(rig, w, &used);
    assert_non_null(rig_told(rig, DBR_IPC_KEY_SWAP, id, 0, NULL));
    struct dbr_ipc_peer_del out = {.head = dbr_ipc_head(DBR_IPC_TIMEOUT, sizeof out, id),
                                   .reason = DBR_DEL_TIMEOUT};
    rig_say(rig, w, &out);
    assert_null(rig_client(rig, "alice"));
    assert_non_null(rig_told(rig, DBR_IPC_PEER_DEL, id, 0, NULL));
    rig_free(rig);
}

/* Messages of every type about nobody, about half a client, with garbage behind the head. */
static void test_garbage_messages(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    rig_connect(rig, "alice", A, 4000);
    rig->keep_answers = true;
    uint64_t rng = 42;
    for (int round = 0; round < 20000; round++) {
        uint64_t buf[DBR_IPC_MAX / 8] = {0};
        struct dbr_ipc_head *h = (void *)buf;
        for (size_t i = 1; i < sizeof buf / 8; i++)
            rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17,
                buf[i] = round % 3 ? rng & 0x0101010103030303 : rng;
        h->type = (uint16_t)(rng % (DBR_IPC_TYPES + 2));
        h->len = (uint16_t)(8 + rng / 64 % 400);
        h->peer_id = (uint32_t)(rng >> 40 & 7);
        int sock = round & 1 ? rig->worker[0] : rig->keeper;
        if (h->type == DBR_IPC_STATE && !(round & 1))
            continue;
        if (send(sock, buf, h->len, MSG_DONTWAIT) < 0)
            continue;
        workers_read(rig->ctl, 0);
        keeper_read(rig->ctl);
        if (round % 64 == 0)
            rig_settle(rig);
    }
    assert_false(rig->ctl->stop);
    assert_in_range(rig->ctl->n_admitted, 0, 1);
    rig_free(rig);
}

/* ---- what one costs, what it may say ---- */

static void test_memory(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct rig *rig = rig_plain("duplicate-cn\nserver-bridge");
    struct caller *callers[MANY];
    rig_connect(rig, "alice", A, 3999);
    for (uint16_t i = 0; i < MANY; i++) {
        callers[i] = rig_connect(rig, "alice", A, (uint16_t)(4000 + i));
        rig_forget(rig);
    }
    rig_run(rig, 10000);
    for (uint16_t i = 0; i < MANY; i++)
        rig_hang_up(callers[i]);
    size_t with = rig_heap();
    assert_int_equal(rig->ctl->n_admitted, MANY + 1);
    for (uint32_t id = 0; id < rig->ctl->max_clients; id++)
        if (rig->ctl->by_peer[id])
            client_free(rig->ctl->by_peer[id]);
    size_t each = (with - rig_heap()) / (MANY + 1);
    print_message("established: %zu bytes each\n", each);
    assert_true(!rig_can_count() || (each > 0 && each <= 48 * 1024)); /* the limit is 64 kB */
    rig_free(rig);
}

/* No far end fills the disk: lines about one client and about all strangers are rationed, and told. */
static void test_rationed_lines(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    rig_connect(rig, "alice", A, 4000);
    struct client *c = rig_client(rig, "alice");
    unsigned before = rig->log_lines;
    for (uint32_t i = 0; i < 5000; i++) {
        struct dbr_ipc_float fl = {.head = dbr_ipc_head(DBR_IPC_FLOAT, sizeof fl, c->peer_id),
                                   .addr = rig_addr(B + i, 7)};
        rig_say(rig, c->peer_id % RIG_WORKERS, &fl);
    }
    assert_in_range(rig->log_lines - before, 20, 60);
    rig_run(rig, 11000);
    client_log(c, DBR_LOG_NOTICE, "one more");
    assert_true(rig_logged(rig, "more lines of this client were left out"));
    assert_true(rig_logged(rig, "one more"));
    before = rig->log_lines;
    for (uint32_t i = 0; i < 1000; i++) {
        struct dbr_addr from = rig_addr(B + i, 8);
        uint8_t proof[RIG_DGRAM];
        rig_hand(rig, proof, rig_proof(rig, 5000 + i, &from, proof), &from);
    }
    assert_in_range(rig->log_lines - before, 50, 210);
    rig_free(rig);
}

/* An address that has come to another client is shown there, and no longer where it was. */
static void test_an_address_is_shown_once(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "bob", A, 4001);
    struct client *alice = rig_client(rig, "alice"), *bob = rig_client(rig, "bob");
    for (uint8_t i = 0; i < 3; i++) {
        struct dbr_ipc_learned l = {.head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof l, alice->peer_id),
                                    .mac = {2, 0, 0, 0, 0, i},
                                    .what = DBR_LEARNED_NEW};
        rig_say(rig, alice->peer_id % RIG_WORKERS, &l);
    }
    struct dbr_ipc_learned moved = {.head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof moved, bob->peer_id),
                                    .mac = {2, 0, 0, 0, 0, 1},
                                    .what = DBR_LEARNED_MOVED};
    rig_say(rig, bob->peer_id % RIG_WORKERS, &moved);
    assert_int_equal(bob->adm->n_macs, 1);
    assert_int_equal(alice->adm->n_macs, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_not_equal(alice->adm->macs[i].mac[5], 1);
    rig_free(rig);
}

static size_t loop_alarms(const struct rig *rig)
{
    size_t n = 0;
    for (const char *at = rig->log; (at = strstr(at, "WARNING: loop: ")); at++)
        n++;
    return n;
}

/* data tells each second that a port leads back: one alarm a loop, and another when it is back later. */
static void test_loop_alarm(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    rig_connect(rig, "alice", A, 4000);
    uint32_t id = rig_client(rig, "alice")->peer_id;
    struct dbr_ipc_guard m = {
        .head = dbr_ipc_head(DBR_IPC_GUARD, sizeof m, id), .reason = DBR_GUARD_STORM, .count = 1};
    rig_say(rig, id % RIG_WORKERS, &m);
    assert_int_equal(loop_alarms(rig), 0);
    assert_true(rig_logged(rig, "guard: dropped"));
    m.reason = DBR_GUARD_LOOP;
    for (int i = 0; i < 100; i++) {
        rig_say(rig, id % RIG_WORKERS, &m);
        assert_int_equal(loop_alarms(rig), 1);
        rig_now.unix_s++;
    }
    rig_now.unix_s += 31;
    rig_say(rig, id % RIG_WORKERS, &m);
    assert_int_equal(loop_alarms(rig), 2);
    rig_free(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_messages),
        cmocka_unit_test(test_long_patience),
        cmocka_unit_test(test_loop_alarm),
        cmocka_unit_test(test_peer_ids),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_only_peer),
        cmocka_unit_test(test_only_caller),
        cmocka_unit_test(test_duplicate_cn),
        cmocka_unit_test(test_flapping),
        cmocka_unit_test(test_foreign_names),
        cmocka_unit_test(test_no_name),
        cmocka_unit_test(test_revoked_while_up),
        cmocka_unit_test(test_last_words_are_acknowledged),
        cmocka_unit_test(test_revoked_in_between),
        cmocka_unit_test(test_bad_list),
        cmocka_unit_test(test_data_is_new),
        cmocka_unit_test(test_control_is_new),
        cmocka_unit_test(test_back_but_revoked),
        cmocka_unit_test(test_back_and_expires),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_keeper_is_gone),
        cmocka_unit_test(test_stuck_worker),
        cmocka_unit_test(test_worker_messages),
        cmocka_unit_test(test_garbage_messages),
        cmocka_unit_test(test_stale_list),
        cmocka_unit_test(test_untold),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_strangers_do_not_move),
        cmocka_unit_test(test_late_messages),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_an_address_is_shown_once),
        cmocka_unit_test(test_rationed_lines),
    };
    if (getenv("RIG_QUICK"))
        cmocka_set_skip_filter("test_memory");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
