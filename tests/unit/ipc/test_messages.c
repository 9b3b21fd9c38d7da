/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every message type: the good one passes, and each field that is bound fails when it is out of its bounds.
 * Then the socket: whole messages, cut ones, descriptors that come along.
 */
#include "base/err.h"
#include "ipc/messages.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

union any {
    struct dbr_ipc_head head;
    struct dbr_ipc_peer peer;
    struct dbr_ipc_peer_del peer_del;
    struct dbr_ipc_key key;
    struct dbr_ipc_key_ref key_ref;
    struct dbr_ipc_stats stats;
    struct dbr_ipc_float float_;
    struct dbr_ipc_learned learned;
    struct dbr_ipc_guard guard;
    struct dbr_ipc_blob blob;
    struct dbr_ipc_datagram datagram;
    struct dbr_ipc_file file;
    struct dbr_ipc_tap_address tap_address;
    struct dbr_ipc_state state;
    struct dbr_ipc_fetch_set fetch_set;
    struct dbr_ipc_crl_verify crl_verify;
    struct dbr_ipc_crl_image crl_image;
    struct dbr_ipc_crl_taken crl_taken;
    struct dbr_ipc_ocsp_ask ocsp_ask;
    struct dbr_ipc_ocsp_answer ocsp_answer;
    struct dbr_ipc_alarm alarm;
    struct dbr_ipc_socket socket;
    struct dbr_ipc_route route;
    struct dbr_ipc_env env;
    struct dbr_ipc_dns dns;
    struct dbr_ipc_ask ask;
    struct dbr_ipc_login login;
    struct dbr_ipc_hook hook;
    struct dbr_ipc_hook_done hook_done;
    struct dbr_ipc_seen seen;
    struct dbr_ipc_metrics_crl metrics_crl;
    struct dbr_ipc_metrics_clients metrics_clients;
    struct dbr_ipc_processes processes;
    struct dbr_ipc_guarded guarded;
    struct dbr_ipc_keys keys;
    uint64_t room[DBR_IPC_MAX / 8 + 1];
};

/* Two arguments, two variables. */
static const char hook_text[] = "add\n02:00 x\nname=v v\nIV_VER=2.6\n";

static const struct {
    enum dbr_ipc_type type;
    size_t len;
} types[] = {
    {DBR_IPC_PEER_NEW, sizeof(struct dbr_ipc_peer)},
    {DBR_IPC_PEER_SET, sizeof(struct dbr_ipc_peer)},
    {DBR_IPC_PEER_DEL, sizeof(struct dbr_ipc_peer_del)},
    {DBR_IPC_KEY_NEW, sizeof(struct dbr_ipc_key)},
    {DBR_IPC_KEY_SWAP, sizeof(struct dbr_ipc_key_ref)},
    {DBR_IPC_KEY_DEL, sizeof(struct dbr_ipc_key_ref)},
    {DBR_IPC_STATS_GET, sizeof(struct dbr_ipc_head)},
    {DBR_IPC_SEND, sizeof(struct dbr_ipc_blob)},
    {DBR_IPC_DATAGRAM, offsetof(struct dbr_ipc_datagram, bytes) + 100},
    {DBR_IPC_STATS, sizeof(struct dbr_ipc_stats)},
    {DBR_IPC_STATS_END, sizeof(struct dbr_ipc_head)},
    {DBR_IPC_FLOAT, sizeof(struct dbr_ipc_float)},
    {DBR_IPC_TIMEOUT, sizeof(struct dbr_ipc_peer_del)},
    {DBR_IPC_KEY_LIMIT, sizeof(struct dbr_ipc_key_ref)},
    {DBR_IPC_KEY_USED, sizeof(struct dbr_ipc_key_ref)},
    {DBR_IPC_LEARNED, sizeof(struct dbr_ipc_learned)},
    {DBR_IPC_GUARD, sizeof(struct dbr_ipc_guard)},
    {DBR_IPC_PAYLOAD, sizeof(struct dbr_ipc_blob)},
    {DBR_IPC_PEER_BACK, sizeof(struct dbr_ipc_peer)},
    {DBR_IPC_FDB_ADD, sizeof(struct dbr_ipc_learned)},
    {DBR_IPC_FDB_DEL, sizeof(struct dbr_ipc_learned)},
    {DBR_IPC_READY, sizeof(struct dbr_ipc_head)},
    {DBR_IPC_FILE, sizeof(struct dbr_ipc_file)},
    {DBR_IPC_TAP_ADDRESS, sizeof(struct dbr_ipc_tap_address)},
    {DBR_IPC_STATE, sizeof(struct dbr_ipc_state)},
    {DBR_IPC_PEERS_GET, sizeof(struct dbr_ipc_head)},
    {DBR_IPC_FETCH_SET, sizeof(struct dbr_ipc_fetch_set)},
    {DBR_IPC_CRL_VERIFY, sizeof(struct dbr_ipc_crl_verify)},
    {DBR_IPC_CRL_TAKEN, offsetof(struct dbr_ipc_crl_taken, text) + 100},
    {DBR_IPC_OCSP_ASK, offsetof(struct dbr_ipc_ocsp_ask, issuer) + 100},
    {DBR_IPC_CRL_IMAGE, sizeof(struct dbr_ipc_crl_image)},
    {DBR_IPC_OCSP_ANSWER, sizeof(struct dbr_ipc_ocsp_answer)},
    {DBR_IPC_ALARM, sizeof(struct dbr_ipc_alarm)},
    {DBR_IPC_SOCKET, sizeof(struct dbr_ipc_socket)},
    {DBR_IPC_ROUTE, sizeof(struct dbr_ipc_route)},
    {DBR_IPC_ENV, sizeof(struct dbr_ipc_env)},
    {DBR_IPC_DNS, sizeof(struct dbr_ipc_dns)},
    {DBR_IPC_ASK, sizeof(struct dbr_ipc_ask)},
    {DBR_IPC_LOGIN, sizeof(struct dbr_ipc_login)},
    {DBR_IPC_HOOK, offsetof(struct dbr_ipc_hook, text) + sizeof hook_text - 1},
    {DBR_IPC_HOOK_DONE, offsetof(struct dbr_ipc_hook_done, text) + 100},
    {DBR_IPC_WORKER, sizeof(struct dbr_ipc_worker)},
    {DBR_IPC_SEEN, sizeof(struct dbr_ipc_seen)},
    {DBR_IPC_METRICS_GET, sizeof(struct dbr_ipc_metrics_get)},
    {DBR_IPC_METRICS, sizeof(struct dbr_ipc_metrics)},
    {DBR_IPC_METRICS_CRL, sizeof(struct dbr_ipc_metrics_crl)},
    {DBR_IPC_METRICS_CLIENTS,
     offsetof(struct dbr_ipc_metrics_clients, row) + 2 * sizeof(struct dbr_ipc_metrics_client)},
    {DBR_IPC_METRICS_END, sizeof(struct dbr_ipc_metrics_get)},
    {DBR_IPC_PROCESSES, sizeof(struct dbr_ipc_processes)},
    {DBR_IPC_GUARDED, sizeof(struct dbr_ipc_guarded)},
    {DBR_IPC_KEYS, sizeof(struct dbr_ipc_keys)},
};
enum { TYPES = sizeof types / sizeof types[0] };

static size_t len_of(enum dbr_ipc_type type)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].type == type)
            return types[i].len;
    fail_msg("type %d is not in the test's table", type);
    return 0;
}

/* A good message of that type. */
static void make(union any *m, enum dbr_ipc_type type)
{
    memset(m, 0, sizeof *m);
    m->head = dbr_ipc_head((uint16_t)type, len_of(type), 5);
    switch (type) {
    case DBR_IPC_PEER_NEW:
    case DBR_IPC_PEER_SET:
    case DBR_IPC_PEER_BACK:
        m->peer.replay_window = 64;
        m->peer.addr.family = 4;
        break;
    case DBR_IPC_KEY_NEW: m->key.cipher = 1; break;
    case DBR_IPC_FLOAT: m->float_.addr.family = 6; break;
    case DBR_IPC_DATAGRAM:
        m->datagram.addr.family = 4;
        m->datagram.n = 100;
        break;
    case DBR_IPC_ROUTE: m->route.family = 4; break;
    case DBR_IPC_CRL_IMAGE: m->crl_image.n = 1; break;
    case DBR_IPC_SEEN: m->seen.family = 4; break;
    case DBR_IPC_METRICS_CLIENTS:
        m->metrics_clients.n = 2;
        m->metrics_clients.row[0].addr.family = m->metrics_clients.row[1].addr.family = 6;
        break;
    case DBR_IPC_PROCESSES: m->processes.n = DBR_IPC_PROCESSES_MAX; break;
    case DBR_IPC_CRL_TAKEN: m->crl_taken.n = 100; break;
    case DBR_IPC_HOOK:
        m->hook.n_args = 2;
        m->hook.n = sizeof hook_text - 1;
        memcpy(m->hook.text, hook_text, sizeof hook_text - 1);
        break;
    case DBR_IPC_HOOK_DONE: m->hook_done.n = 100; break;
    case DBR_IPC_OCSP_ASK:
        m->ocsp_ask.n = 100;
        m->ocsp_ask.serial_len = 1;
        break;
    default: break;
    }
}

static void good_ones_pass(void **state)
{
    (void)state;
    union any m;
    assert_int_equal(TYPES, DBR_IPC_TYPES - 1); /* a new type needs its row here */
    for (size_t i = 0; i < TYPES; i++) {
        make(&m, types[i].type);
        if (dbr_ipc_check(&m, types[i].len))
            fail_msg("type %d is refused", types[i].type);
    }
}

/* Any other length than the type's, and a head that says another one, are refused. */
static void lengths_are_exact(void **state)
{
    (void)state;
    union any m;
    for (size_t i = 0; i < TYPES; i++) {
        for (size_t n = 0; n <= sizeof m; n++) {
            make(&m, types[i].type);
            m.head.len = (uint16_t)n;
            bool want = n == types[i].len;
            if ((dbr_ipc_check(&m, n) == 0) != want)
                fail_msg("type %d with %zu bytes", types[i].type, n);
        }
        make(&m, types[i].type);
        assert_int_equal(dbr_ipc_check(&m, types[i].len - 1), DBR_ERR_SHAPE);
        assert_int_equal(dbr_ipc_check(&m, types[i].len + 1), DBR_ERR_SHAPE);
    }
}

static void heads_are_bound(void **state)
{
    (void)state;
    static const uint16_t bad[] = {0, DBR_IPC_TYPES, DBR_IPC_TYPES + 1, 0x100, 0xffff};
    union any m;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make(&m, DBR_IPC_READY);
        m.head.type = bad[i];
        assert_int_equal(dbr_ipc_check(&m, m.head.len), DBR_ERR_SHAPE);
    }
    make(&m, DBR_IPC_READY);
    m.head.peer_id = 0xffffff;
    assert_int_equal(dbr_ipc_check(&m, m.head.len), 0);
    m.head.peer_id = 0x1000000;
    assert_int_equal(dbr_ipc_check(&m, m.head.len), DBR_ERR_SHAPE);
}

/* A field of a good message set to a value, and the verdict. */
#define AT(type, member, value, good)                                                                        \
    {                                                                                                        \
#member " = " #value, type, offsetof(union any, member), sizeof(((union any *)0)->member), value,    \
            good                                                                                             \
    }
static const struct {
    const char *name;
    enum dbr_ipc_type type;
    size_t at, size;
    uint64_t value;
    bool good;
} bounds[] = {
    AT(DBR_IPC_PEER_NEW, peer.wire_peer_id, 0xffffff, true),
    AT(DBR_IPC_PEER_NEW, peer.wire_peer_id, 0x1000000, false),
    AT(DBR_IPC_PEER_NEW, peer.framing, 0xffff, false),
    AT(DBR_IPC_PEER_NEW, peer.serial_len, DBR_IPC_SERIAL_MAX, true),
    AT(DBR_IPC_PEER_NEW, peer.serial_len, DBR_IPC_SERIAL_MAX + 1, false),
    AT(DBR_IPC_PEER_SET, peer.serial_len, 255, false),
    AT(DBR_IPC_PEER_NEW, peer.vlan, 4094, true),
    AT(DBR_IPC_PEER_SET, peer.vlan, 4095, false),
    AT(DBR_IPC_PEER_NEW, peer.fragment, 0, true),
    AT(DBR_IPC_PEER_NEW, peer.fragment, 4, false), /* no payload_max */
    AT(DBR_IPC_PEER_NEW, peer.max_l3, 0, true),
    AT(DBR_IPC_PEER_NEW, peer.max_l3, 1, false),
    AT(DBR_IPC_PEER_NEW, peer.max_l3, 575, false),
    AT(DBR_IPC_PEER_NEW, peer.max_l3, 576, true),
    AT(DBR_IPC_PEER_NEW, peer.replay_window, 63, false),
    AT(DBR_IPC_PEER_NEW, peer.replay_window, 0, false),
    AT(DBR_IPC_PEER_NEW, peer.replay_window, 8192, true),
    AT(DBR_IPC_PEER_NEW, peer.replay_window, 8193, false),
    AT(DBR_IPC_PEER_NEW, peer.addr.family, 0, true),
    AT(DBR_IPC_PEER_NEW, peer.addr.family, 6, true),
    AT(DBR_IPC_PEER_NEW, peer.addr.family, 5, false),
    AT(DBR_IPC_PEER_BACK, peer.addr.family, 10, false),
    AT(DBR_IPC_KEY_NEW, key.cipher, 0, false),
    AT(DBR_IPC_KEY_NEW, key.cipher, 33, false),
    AT(DBR_IPC_KEY_NEW, key.key_id, 7, true),
    AT(DBR_IPC_KEY_NEW, key.key_id, 8, false),
    AT(DBR_IPC_KEY_NEW, key.use_v2, 1, true),
    AT(DBR_IPC_KEY_NEW, key.use_v2, 2, false),
    AT(DBR_IPC_KEY_NEW, key.digest, 32, true),
    AT(DBR_IPC_KEY_NEW, key.digest, 33, false),
    AT(DBR_IPC_KEY_NEW, key.tx_peer_id, 0x1000000, false),
    AT(DBR_IPC_KEY_SWAP, key_ref.key_id, 8, false),
    AT(DBR_IPC_KEY_DEL, key_ref.key_id, 8, false),
    AT(DBR_IPC_KEY_LIMIT, key_ref.key_id, 255, false),
    AT(DBR_IPC_KEY_USED, key_ref.key_id, 8, false),
    AT(DBR_IPC_PEER_DEL, peer_del.reason, DBR_DEL_SHUTDOWN, true),
    AT(DBR_IPC_PEER_DEL, peer_del.reason, DBR_DEL_SHUTDOWN + 1, false),
    AT(DBR_IPC_TIMEOUT, peer_del.reason, 0xffffffff, false),
    AT(DBR_IPC_FLOAT, float_.addr.family, 4, true),
    AT(DBR_IPC_FLOAT, float_.addr.family, 0, false),
    AT(DBR_IPC_LEARNED, learned.vlan, 4095, true),
    AT(DBR_IPC_LEARNED, learned.vlan, 4096, false),
    AT(DBR_IPC_LEARNED, learned.what, DBR_LEARNED_GONE + 1, false),
    AT(DBR_IPC_LEARNED, learned.mac[0], 1, false),
    AT(DBR_IPC_FDB_ADD, learned.vlan, 0xffff, false),
    AT(DBR_IPC_FDB_ADD, learned.mac[0], 0xff, false),
    AT(DBR_IPC_FDB_DEL, learned.mac[0], 0x33, false),
    AT(DBR_IPC_SEND, blob.n, DBR_IPC_BLOB_MAX, true),
    AT(DBR_IPC_SEND, blob.n, DBR_IPC_BLOB_MAX + 1, false),
    AT(DBR_IPC_PAYLOAD, blob.n, 0xffffffff, false),
    AT(DBR_IPC_DATAGRAM, datagram.n, 99, false),
    AT(DBR_IPC_DATAGRAM, datagram.n, 101, false),
    AT(DBR_IPC_DATAGRAM, datagram.n, 0xffffffff, false),
    AT(DBR_IPC_DATAGRAM, datagram.addr.family, 0, false),
    AT(DBR_IPC_FILE, file.what, 0xff, false),
    AT(DBR_IPC_FILE, file.missing, 1, true),
    AT(DBR_IPC_FILE, file.missing, 2, false),
    AT(DBR_IPC_TAP_ADDRESS, tap_address.prefix6, 128, true),
    AT(DBR_IPC_TAP_ADDRESS, tap_address.prefix6, 129, false),
    AT(DBR_IPC_TAP_ADDRESS, tap_address.dhcp, 2, false),
    AT(DBR_IPC_TAP_ADDRESS, tap_address.up, 2, false),
    AT(DBR_IPC_TAP_ADDRESS, tap_address.noexec, 2, false),
    AT(DBR_IPC_TAP_ADDRESS, tap_address.full, 2, false),
    AT(DBR_IPC_CRL_VERIFY, crl_verify.ticket, 0x7fffffff, true),
    AT(DBR_IPC_CRL_VERIFY, crl_verify.ticket, 0x80000000, false),
    AT(DBR_IPC_CRL_VERIFY, crl_verify.source, DBR_CRL_SOURCES, false),
    AT(DBR_IPC_CRL_IMAGE, crl_image.source, DBR_CRL_SOURCES, false),
    AT(DBR_IPC_CRL_IMAGE, crl_image.err, 1, false),
    AT(DBR_IPC_CRL_IMAGE, crl_image.n, 0, false), /* good, and nothing in it */
    AT(DBR_IPC_CRL_IMAGE, crl_image.n, DBR_IPC_LISTS_MAX, true),
    AT(DBR_IPC_CRL_IMAGE, crl_image.n, DBR_IPC_LISTS_MAX + 1, false),
    AT(DBR_IPC_CRL_TAKEN, crl_taken.taken, 1, true),
    AT(DBR_IPC_CRL_TAKEN, crl_taken.taken, 2, false),
    AT(DBR_IPC_CRL_TAKEN, crl_taken.n, 99, false),
    AT(DBR_IPC_CRL_TAKEN, crl_taken.n, 0xffffffff, false),
    AT(DBR_IPC_OCSP_ASK, ocsp_ask.n, 0, false),
    AT(DBR_IPC_OCSP_ASK, ocsp_ask.n, 101, false),
    AT(DBR_IPC_OCSP_ASK, ocsp_ask.serial_len, 0, false),
    AT(DBR_IPC_OCSP_ASK, ocsp_ask.serial_len, DBR_IPC_SERIAL_MAX, true),
    AT(DBR_IPC_OCSP_ASK, ocsp_ask.serial_len, DBR_IPC_SERIAL_MAX + 1, false),
    AT(DBR_IPC_OCSP_ANSWER, ocsp_answer.err, 1, false),
    AT(DBR_IPC_OCSP_ANSWER, ocsp_answer.status, 0xffffffff, false),
    AT(DBR_IPC_STATE, state.what, DBR_STATES - 1, true),
    AT(DBR_IPC_STATE, state.what, DBR_STATES, false),
    AT(DBR_IPC_SOCKET, socket.index, 1, true),
    AT(DBR_IPC_SOCKET, socket.index, 2, false),
    AT(DBR_IPC_ROUTE, route.what, DBR_ROUTES - 1, true),
    AT(DBR_IPC_ROUTE, route.what, DBR_ROUTES, false),
    AT(DBR_IPC_ROUTE, route.prefix, 32, true),
    AT(DBR_IPC_ROUTE, route.prefix, 33, false),
    AT(DBR_IPC_ROUTE, route.family, 6, true),
    AT(DBR_IPC_ROUTE, route.family, 5, false),
    AT(DBR_IPC_ROUTE, route.family, 0, true), /* of CLEAR, which is 0 */
    AT(DBR_IPC_ENV, env.name[0], '_', true),
    AT(DBR_IPC_ENV, env.name[0], 'P', false), /* PATH, LD_PRELOAD, BASH_ENV ... are not control's to set */
    AT(DBR_IPC_ENV, env.name[0], '=', false),
    AT(DBR_IPC_ENV, env.name[0], ' ', false),
    AT(DBR_IPC_ENV, env.value[0], ' ', true),
    AT(DBR_IPC_ENV, env.value[0], '~', true),
    AT(DBR_IPC_ENV, env.value[0], '\n', false),
    AT(DBR_IPC_ENV, env.value[0], 0x7f, false),
    AT(DBR_IPC_ENV, env.value[0], 0xc3, false),
    AT(DBR_IPC_DNS, dns.n, 1, false), /* a server of no family */
    AT(DBR_IPC_DNS, dns.n, DBR_IPC_DNS_SERVERS + 1, false),
    AT(DBR_IPC_DNS, dns.full, 2, false),
    AT(DBR_IPC_DNS, dns.domains[0], 'x', true),
    AT(DBR_IPC_DNS, dns.domains[0], '-', false), /* it would be an option of a program */
    AT(DBR_IPC_DNS, dns.domains[0], ';', false),
    AT(DBR_IPC_DNS, dns.domains[0], '\n', false),
    AT(DBR_IPC_ASK, ask.what, DBR_ASKS - 1, true),
    AT(DBR_IPC_ASK, ask.what, DBR_ASKS, false),
    AT(DBR_IPC_ASK, ask.echo, 1, true),
    AT(DBR_IPC_ASK, ask.echo, 2, false),
    AT(DBR_IPC_ASK, ask.text[0], '?', true),
    AT(DBR_IPC_ASK, ask.text[0], 0x1b, false), /* nothing that moves the cursor of a terminal */
    AT(DBR_IPC_LOGIN, login.what, DBR_ASKS, false),
    AT(DBR_IPC_LOGIN, login.err, -1, true),
    AT(DBR_IPC_LOGIN, login.err, 1, false),
    AT(DBR_IPC_HOOK, hook.hook, DBR_HOOKS - 1, true),
    AT(DBR_IPC_HOOK, hook.hook, DBR_HOOKS, false),
    AT(DBR_IPC_HOOK, hook.n_args, 1, false), /* what stands in a variable's place must be one */
    AT(DBR_IPC_HOOK, hook.n_args, 3, true),
    AT(DBR_IPC_HOOK, hook.n_args, 5, false),
    AT(DBR_IPC_HOOK, hook.n, sizeof hook_text - 2, false),
    AT(DBR_IPC_HOOK, hook.n, 0xffffffff, false),
    AT(DBR_IPC_HOOK, hook.text[0], 0x1b, false),
    AT(DBR_IPC_HOOK, hook.text[0], 0x7f, false),
    AT(DBR_IPC_HOOK, hook.text[0], 0xc3, true), /* user names are not all ASCII */
    AT(DBR_IPC_HOOK, hook.n_file, 1, false),    /* the lines in front end in one */
    AT(DBR_IPC_HOOK, hook.n_file, 0xffffffff, false),
    AT(DBR_IPC_HOOK, hook.text[0], 0, false),
    AT(DBR_IPC_HOOK, hook.text[12], 'P', false), /* Pame=: PATH and its like are not control's to set */
    AT(DBR_IPC_HOOK, hook.text[12], '=', false),
    AT(DBR_IPC_HOOK, hook.text[12], '_', true),
    AT(DBR_IPC_HOOK, hook.text[21], 'L', false),                   /* LV_VER */
    AT(DBR_IPC_HOOK, hook.text[27], 'x', false),                   /* no = */
    AT(DBR_IPC_HOOK, hook.text[sizeof hook_text - 2], ' ', false), /* the last line has no end */
    AT(DBR_IPC_HOOK_DONE, hook_done.err, 0xffffffff, true),
    AT(DBR_IPC_HOOK_DONE, hook_done.err, 1, false),
    AT(DBR_IPC_HOOK_DONE, hook_done.n, 99, false),
    AT(DBR_IPC_HOOK_DONE, hook_done.n, 0xffffffff, false),
    AT(DBR_IPC_GUARD, guard.reason, DBR_IPC_GUARDS - 1, true),
    AT(DBR_IPC_GUARD, guard.reason, DBR_IPC_GUARDS, false),
    AT(DBR_IPC_SEEN, seen.family, 6, true),
    AT(DBR_IPC_SEEN, seen.family, 5, false),
    AT(DBR_IPC_SEEN, seen.leased, 1, true),
    AT(DBR_IPC_SEEN, seen.leased, 2, false),
    AT(DBR_IPC_SEEN, seen.vlan, 4096, false),
    AT(DBR_IPC_SEEN, seen.mac[0], 1, false),
    AT(DBR_IPC_METRICS_CLIENTS, metrics_clients.n, 0, false),
    AT(DBR_IPC_METRICS_CLIENTS, metrics_clients.n, 1, false),
    AT(DBR_IPC_METRICS_CLIENTS, metrics_clients.n, 0xffffffff, false),
    AT(DBR_IPC_METRICS_CLIENTS, metrics_clients.row[1].addr.family, 0, false),
    AT(DBR_IPC_PROCESSES, processes.n, DBR_IPC_PROCESSES_MAX + 1, false),
    AT(DBR_IPC_KEYS, keys.what, DBR_KEYS_PARTS - 1, true),
    AT(DBR_IPC_KEYS, keys.what, DBR_KEYS_PARTS, false),
    AT(DBR_IPC_GUARDED, guarded.gateway_mac[0], 2, true),
    AT(DBR_IPC_GUARDED, guarded.gateway_mac[0], 1, false), /* nobody's own address */
};

static void fields_are_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        union any m;
        make(&m, bounds[i].type);
        memcpy((uint8_t *)&m + bounds[i].at, &bounds[i].value, bounds[i].size); /* little endian */
        int err = dbr_ipc_check(&m, m.head.len);
        if (err != (bounds[i].good ? 0 : DBR_ERR_SHAPE))
            fail_msg("%s: %d", bounds[i].name, err);
    }
}

/* What a script hands on to curl or wget is not control's to set. */
static void names_of_variables(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool good;
    } cases[] = {{"common_name", true}, {"foreign_option_1", true}, {"IV_VER", true},
                 {"X509_0_CN", true},   {"http_proxy", false},      {"all_proxy", false},
                 {"proxy_x", true},     {"_proxy", false},          {"PATH", false},
                 {"1st", false},        {"IV_proxy", false},        {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (dbr_ipc_env_name(cases[i].name, strlen(cases[i].name)) != cases[i].good)
            fail_msg("%s", cases[i].name);
}

/* A message without a byte means the end; a descriptor in it does not stay open. */
static void empty_message_with_descriptor(void **state)
{
    (void)state;
    uint64_t buf[DBR_IPC_MAX / 8];
    int pair[2], passed = 0, before = dup(0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(dbr_ipc_send_bytes(pair[0], "", 0, 0, 0), 0);
    assert_int_equal(dbr_ipc_recv(pair[1], buf, &passed), DBR_ERR_NOTFOUND);
    assert_int_equal(passed, -1);
    int after = dup(0);
    assert_int_equal(after, pair[1] + 1);
    close(after);
    close(before);
    close(pair[0]);
    close(pair[1]);
}

#define TEXT(type, member)                                                                                   \
    {                                                                                                        \
#member, type, offsetof(union any, member), sizeof(((union any *)0)->member)                         \
    }
static const struct {
    const char *name;
    enum dbr_ipc_type type;
    size_t at, size;
} texts[] = {
    TEXT(DBR_IPC_PEER_NEW, peer.cn),
    TEXT(DBR_IPC_FETCH_SET, fetch_set.url),
    TEXT(DBR_IPC_CRL_IMAGE, crl_image.why),
    TEXT(DBR_IPC_OCSP_ASK, ocsp_ask.url),
    TEXT(DBR_IPC_OCSP_ANSWER, ocsp_answer.why),
    TEXT(DBR_IPC_ALARM, alarm.why),
    TEXT(DBR_IPC_ENV, env.name),
    TEXT(DBR_IPC_ENV, env.value),
    TEXT(DBR_IPC_DNS, dns.domains),
    TEXT(DBR_IPC_ASK, ask.text),
    TEXT(DBR_IPC_LOGIN, login.user),
    TEXT(DBR_IPC_LOGIN, login.pass),
    TEXT(DBR_IPC_LOGIN, login.response),
    TEXT(DBR_IPC_METRICS_CRL, metrics_crl.issuer),
    TEXT(DBR_IPC_METRICS_CLIENTS, metrics_clients.row[1].cn),
    TEXT(DBR_IPC_METRICS_CLIENTS, metrics_clients.row[0].cipher),
    TEXT(DBR_IPC_PROCESSES, processes.row[7].name),
    TEXT(DBR_IPC_KEYS, keys.where),
};

static void texts_must_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        union any m;
        make(&m, texts[i].type);
        char *text = (char *)&m + texts[i].at;
        memset(text, 'a', texts[i].size);
        if (dbr_ipc_check(&m, m.head.len) != DBR_ERR_SHAPE)
            fail_msg("%s without its end passes", texts[i].name);
        text[texts[i].size - 1] = 0;
        if (dbr_ipc_check(&m, m.head.len))
            fail_msg("%s at its longest is refused", texts[i].name);
    }
}

/* ---- the socket ---- */

static int pair[2];

static int open_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static int next_free(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        union any m, got;
        int fd = 7;
        make(&m, types[i].type);
        assert_int_equal(dbr_ipc_send(pair[0], &m, -1), 0);
        assert_int_equal(dbr_ipc_recv(pair[1], &got, &fd), 0);
        assert_memory_equal(&m, &got, types[i].len);
        assert_int_equal(fd, -1);
    }
    union any got;
    assert_int_equal(dbr_ipc_recv(pair[1], &got, NULL), DBR_ERR_AGAIN);
}

static void descriptor_passes(void **state)
{
    (void)state;
    union any m, got;
    int fd, p[2];
    char c = 0;
    make(&m, DBR_IPC_FILE);
    assert_int_equal(pipe(p), 0);
    assert_int_equal(dbr_ipc_send(pair[0], &m, p[0]), 0);
    assert_int_equal(dbr_ipc_recv(pair[1], &got, &fd), 0);
    assert_true(fd >= 0 && fd != p[0]);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(read(fd, &c, 1), 1);
    assert_int_equal(c, 'x');
    close(fd);
    close(p[0]);
    close(p[1]);
}

/* Sends raw bytes with n descriptors. */
static void send_raw(const void *bytes, size_t len, int n)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, len};
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } cmsg = {{0}};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n) {
        mh.msg_control = cmsg.space;
        mh.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
        for (int i = 0; i < n; i++)
            memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &pair[0], sizeof(int));
    }
    assert_int_equal(sendmsg(pair[0], &mh, 0), len);
}

/* Whoever sends descriptors that nobody asked for must not fill our table. */
static void stray_descriptors_are_closed(void **state)
{
    (void)state;
    union any m, got;
    int fd, before = next_free();
    make(&m, DBR_IPC_READY);
    for (int n = 1; n <= 8; n++) {
        send_raw(&m, m.head.len, n);
        assert_int_equal(dbr_ipc_recv(pair[1], &got, NULL), 0);
        assert_int_equal(next_free(), before);
        send_raw(&m, m.head.len, n);
        assert_int_equal(dbr_ipc_recv(pair[1], &got, &fd), 0);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(next_free(), before);
    }
    m.head.type = 0; /* a refused message takes its descriptor with it */
    send_raw(&m, m.head.len, 1);
    assert_int_equal(dbr_ipc_recv(pair[1], &got, &fd), DBR_ERR_SHAPE);
    assert_int_equal(fd, -1);
    assert_int_equal(next_free(), before);
}

static void bad_ones_are_dropped(void **state)
{
    (void)state;
    static const uint8_t junk[DBR_IPC_MAX + 500] = {DBR_IPC_READY, 0, 8};
    union any m, got;
    send_raw(junk, 1, 0);
    send_raw(junk, 7, 0);
    send_raw(junk, 9, 0);
    send_raw(junk, sizeof junk, 0); /* cut by the buffer */
    make(&m, DBR_IPC_READY);
    assert_int_equal(dbr_ipc_send(pair[0], &m, -1), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(dbr_ipc_recv(pair[1], &got, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_ipc_recv(pair[1], &got, NULL), 0);
}

static void full_and_gone(void **state)
{
    (void)state;
    union any m, got;
    int err, n = 0;
    make(&m, DBR_IPC_SEND);
    while (!(err = dbr_ipc_send(pair[0], &m, -1)))
        assert_true(n++ < 100000);
    assert_int_equal(err, DBR_ERR_AGAIN);
    close(pair[0]);
    while (!(err = dbr_ipc_recv(pair[1], &got, NULL)))
        n--;
    assert_int_equal(n, 0);
    assert_int_equal(err, DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_ipc_send(pair[1], &m, -1), DBR_ERR_IO);
    pair[0] = -1;
}

/* fragment and payload_max go together. */
static void pieces_are_bound(void **state)
{
    static const struct {
        uint16_t fragment, payload_max;
        bool good;
    } cases[] = {{0, 0, true},  {0, 60000, true},    {3, 1532, false},     {4, 1532, true},
                 {4, 0, false}, {1400, 16384, true}, {1400, 16385, false}, {65535, 1, true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        union any m;
        make(&m, DBR_IPC_PEER_NEW);
        m.peer.fragment = cases[i].fragment;
        m.peer.payload_max = cases[i].payload_max;
        assert_int_equal(dbr_ipc_check(&m, m.head.len), cases[i].good ? 0 : DBR_ERR_SHAPE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_pass),
        cmocka_unit_test(lengths_are_exact),
        cmocka_unit_test(heads_are_bound),
        cmocka_unit_test(fields_are_bound),
        cmocka_unit_test(names_of_variables),
        cmocka_unit_test(empty_message_with_descriptor),
        cmocka_unit_test(pieces_are_bound),
        cmocka_unit_test(texts_must_end),
        cmocka_unit_test_setup_teardown(there_and_back, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(descriptor_passes, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(stray_descriptors_are_closed, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(bad_ones_are_dropped, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(full_and_gone, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
