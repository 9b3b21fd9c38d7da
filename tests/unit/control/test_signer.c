/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server whose private key is in the signer, played by the test: signatures that come late, not at all,
 * twice, for who has gone; a signer that dies and comes back, with another key; more handshakes than it is
 * given at once.
 */
#include "rig.h"

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/signkey.h"
#include "ipc/sign.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WINDOW = 32, QUEUE = 1024, ASKS = 64 };

static struct rig *rig;
static struct dbr_signkey *key;
static int ours, controls;
static uint8_t *buf;
static struct {
    struct dbr_sign_head head;
    uint8_t message[1024];
} asks[ASKS];
static size_t n_asks, n_who, n_use;

static void say_key(uint8_t twist)
{
    struct dbr_sign_head h = {.type = DBR_SIGN_KEY};
    memcpy(h.key, dbr_signkey_id(key), sizeof h.key);
    h.key[0] ^= twist;
    assert_int_equal(dbr_sign_send(ours, &h, NULL), 0);
}

/* Takes what control has asked since the last time. */
static size_t listen_in(void)
{
    struct dbr_sign_head h;
    const uint8_t *bytes;
    n_asks = n_who = n_use = 0;
    while (!dbr_sign_recv(ours, buf, &h, &bytes)) {
        n_who += h.type == DBR_SIGN_WHO;
        n_use += h.type == DBR_SIGN_USE;
        if (h.type != DBR_SIGN_ASK)
            continue;
        assert_true(n_asks < ASKS && h.n <= sizeof asks[0].message);
        asks[n_asks].head = h;
        memcpy(asks[n_asks++].message, bytes, h.n);
    }
    return n_asks;
}

static void done(uint32_t ticket, int err, const uint8_t *sig, size_t n)
{
    const struct dbr_sign_head h = {
        .type = DBR_SIGN_DONE, .ticket = ticket, .err = err, .n = err ? 0 : (uint32_t)n};
    assert_int_equal(dbr_sign_send(ours, &h, sig), 0);
    signer_read(rig->ctl);
    signer_turn(rig->ctl);
    rig_settle(rig);
}

static void sign(size_t i)
{
    uint8_t sig[DBR_SIGN_SIGNATURE_MAX];
    size_t n = sizeof sig;
    assert_int_equal(dbr_signkey_sign(key, asks[i].head.scheme, asks[i].message, asks[i].head.n, sig, &n), 0);
    done(asks[i].head.ticket, 0, sig, n);
}

static int begin(void **state)
{
    (void)state;
    int pair[2], room = 1 << 20;
    const struct pki_id *id = rig_server();
    const struct dbr_signkey_config c = {.key = id->key_pem, .key_len = id->key_pem_len};
    char why[256];
    assert_int_equal(dbr_signkey_new(&key, &c, why, sizeof why), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    ours = pair[0];
    controls = pair[1];
    buf = malloc(DBR_SIGN_MAX);
    say_key(0);
    rig = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .ipc_signer = controls});
    listen_in();
    assert_int_equal(n_use, 1);
    return 0;
}

static int over(void **state)
{
    (void)state;
    rig_free(rig);
    close(ours);
    close(controls);
    free(buf);
    dbr_signkey_free(key);
    return 0;
}

static struct caller *call(const char *name, unsigned i)
{
    struct caller *c = rig_call(rig, name, 0x0a000001 + i, (uint16_t)(1001 + i));
    rig_settle(rig);
    return c;
}

static unsigned n_acks;

/* Acknowledgements by themselves, from control. */
static void count_acks(struct rig *r, const struct rig_dgram *d)
{
    (void)r;
    n_acks += !d->to_server && dbr_opcode_of(d->bytes[0]) == DBR_OP_ACK;
}

static void a_signature(void **state)
{
    (void)state;
    struct caller *alice = call("alice", 0), *bob = call("bob", 1);
    assert_int_equal(listen_in(), 2);
    assert_memory_equal(asks[0].head.key, dbr_signkey_id(key), DBR_KEY_ID_LEN);
    assert_false(rig_up(alice));
    sign(1);
    assert_true(rig_up(bob));
    assert_false(rig_up(alice));
    sign(1); /* again: nobody waits */
    done(0xdeadbeef, 0, buf, 64);
    sign(0);
    assert_true(rig_up(alice));
    assert_true(rig_up(bob));
}

static void refused(void **state)
{
    (void)state;
    struct caller *alice = call("alice", 0);
    assert_int_equal(listen_in(), 1);
    done(asks[0].head.ticket, DBR_ERR_SHAPE, NULL, 0);
    assert_true(rig_logged(rig, "no signature for this handshake: the signer refuses it"));
    assert_false(rig_up(alice));
    struct caller *bob = call("bob", 1);
    assert_int_equal(listen_in(), 1);
    sign(0);
    assert_true(rig_up(bob));
}

/* The answer takes the acknowledgement of the ClientHello along; when the signer is slow, it goes by itself.
 */
static void acknowledged(void **state)
{
    (void)state;
    struct caller *alice = call("alice", 0);
    assert_int_equal(listen_in(), 1);
    unsigned heard = alice->rounds;
    rig_run(rig, 15);
    assert_int_equal(alice->rounds, heard);
    rig_run(rig, 10);
    assert_int_equal(alice->rounds, heard + 1);
    rig_run(rig, 100);
    assert_int_equal(alice->rounds, heard + 1);
    sign(0);
    assert_true(rig_up(alice));
    struct caller *bob = call("bob", 1);
    heard = bob->rounds;
    assert_int_equal(listen_in(), 1);
    rig->spy = count_acks;
    n_acks = 0;
    sign(0);
    assert_true(rig_up(bob));
    assert_int_equal(n_acks, 0);
}

/* A ClientHello in two datagrams, as keys against quantum computers make it, that come together. */
static void acknowledged_in_two(void **state)
{
    (void)state;
    struct caller *alice = rig_call(rig, "alice", 0x0a000001, 1001);
    struct rig_dgram d;
    while (rig->n_queue) {
        d = rig->queue[rig->head];
        rig->head = (rig->head + 1) % RIG_QUEUE;
        rig->n_queue--;
        if (d.to_server && dbr_opcode_of(d.bytes[0]) == DBR_OP_CONTROL)
            break;
        if (d.to_server)
            rig_hand(rig, d.bytes, d.len, &d.addr);
        else
            dbr_session_feed(alice->session, d.bytes, d.len, &rig_now);
    }
    struct dbr_control whole, half;
    size_t head = 1 + DBR_SID_LEN, at = head + dbr_gate_overhead(rig->gate);
    assert_int_equal(dbr_control_parse(&whole, d.bytes[0], dbr_get64(d.bytes + 1), d.bytes + at, d.len - at),
                     0);
    rig->spy = count_acks;
    n_acks = 0;
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t out[RIG_DGRAM];
        size_t cut = whole.payload_len / 2;
        half = whole;
        half.id += i;
        half.payload += i ? cut : 0;
        half.payload_len = i ? whole.payload_len - cut : cut;
        rig_hand(rig, out, rig_packet(rig, &half, 100 + i, out), &d.addr);
    }
    rig_settle(rig);
    assert_int_equal(listen_in(), 1);
    assert_int_equal(n_acks, 0);
    rig_run(rig, 25);
    assert_int_equal(n_acks, 1);
}

/* A message of no type, one of the signer's own kind, one that is cut: passed over. */
static void junk(void **state)
{
    (void)state;
    struct caller *alice = call("alice", 0);
    const struct dbr_sign_head who = {.type = DBR_SIGN_WHO};
    assert_int_equal(listen_in(), 1);
    assert_int_equal(send(ours, "junk", 4, 0), 4);
    assert_int_equal(dbr_sign_send(ours, &who, NULL), 0);
    sign(0);
    assert_true(rig_up(alice));
}

/* Who hangs up is forgotten; what the signer has in hand for them counts until it has answered. */
static void gone_while_they_wait(void **state)
{
    (void)state;
    static struct caller *all[WINDOW];
    for (unsigned i = 0; i < WINDOW; i++)
        all[i] = call("alice", i);
    assert_int_equal(listen_in(), WINDOW);
    const uint32_t first = asks[0].head.ticket;
    for (unsigned i = 0; i < WINDOW; i++)
        rig_hang_up(all[i]);
    rig_run(rig, 70000);
    assert_null(rig->ctl->oldest_half_open);
    struct caller *bob = call("bob", WINDOW);
    assert_int_equal(listen_in(), 0);
    done(first, DBR_ERR_CRYPTO, NULL, 0);
    assert_int_equal(listen_in(), 1);
    sign(0);
    assert_true(rig_up(bob));
}

/* What it had in hand fails, what comes meanwhile waits for the next one. */
static void it_dies(void **state)
{
    (void)state;
    struct caller *alice = call("alice", 0);
    assert_int_equal(listen_in(), 1);
    rig_state(rig, DBR_STATE_SIGNER_GONE);
    assert_true(rig_logged(rig, "no signature for this handshake: the signer process has ended"));
    struct caller *bob = call("bob", 1);
    assert_int_equal(listen_in(), 0);
    rig_state(rig, DBR_STATE_SIGNER_NEW);
    assert_int_equal(listen_in(), 1);
    assert_int_equal(n_who, 1);
    say_key(0);
    sign(0);
    assert_true(rig_up(bob));
    assert_false(rig_up(alice));
    listen_in();
    assert_int_equal(n_use, 1);
}

/* It comes back with another key: keeper is to read everything again. */
static void another_key(void **state)
{
    (void)state;
    uint64_t m[DBR_IPC_MAX / 8];
    const struct dbr_ipc_state *said = (const void *)m;
    rig_state(rig, DBR_STATE_SIGNER_GONE);
    rig_state(rig, DBR_STATE_SIGNER_NEW);
    say_key(1);
    signer_read(rig->ctl);
    bool hup = false;
    while (!dbr_ipc_recv(rig->keeper, m, NULL))
        hup |= said->head.type == DBR_IPC_STATE && said->what == DBR_STATE_SIGNAL && said->value == SIGHUP;
    assert_true(hup);
    listen_in();
    assert_int_equal(n_use, 0);
}

/* It is given so many at once; each answer makes room for one more. */
static void window(void **state)
{
    (void)state;
    static struct caller *all[40];
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (unsigned i = 0; i < 40; i++)
        all[i] = call(names[i % 8], i);
    assert_int_equal(listen_in(), WINDOW);
    struct dbr_sign_head first = asks[0].head;
    done(first.ticket, DBR_ERR_CRYPTO, NULL, 0);
    assert_int_equal(listen_in(), 1);
    sign(0);
    assert_true(rig_up(all[WINDOW]));
}

/* Beyond the queue a handshake fails at once, at the end of the turn, and not in the middle of it. */
static void full(void **state)
{
    (void)state;
    const uint8_t id[32] = {0};
    struct caller *alice = call("alice", 0);
    assert_int_equal(listen_in(), 1);
    struct dbr_tls_to_sign what = {0x0403, id, asks[0].message, asks[0].head.n};
    struct client *c = rig_client(rig, "alice");
    assert_null(c); /* not known by name yet: any half-open one */
    c = rig->ctl->oldest_half_open;
    assert_non_null(c);
    for (int i = 1; i < QUEUE; i++)
        signer_ask(rig->ctl, c->session, &what);
    assert_false(rig_logged(rig, "too many wait for one"));
    signer_ask(rig->ctl, c->session, &what);
    assert_false(rig_logged(rig, "too many wait for one"));
    signer_turn(rig->ctl);
    assert_true(rig_logged(rig, "too many wait for one"));
    rig_settle(rig);
    assert_false(rig_up(alice));
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, begin, over)
    const struct CMUnitTest tests[] = {
        EACH(a_signature),          EACH(refused), EACH(junk), EACH(it_dies),      EACH(another_key),
        EACH(gone_while_they_wait), EACH(window),  EACH(full), EACH(acknowledged), EACH(acknowledged_in_two)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
