/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Scripts of the configuration as control sees them: what keeper is asked, who waits meanwhile, what a result
 * means. The test is the keeper. That they are run, and how, is in tests/interop/scripts.sh.
 */
#include "hooked.h"

#include <stdio.h>
#include <stdlib.h>

static struct caller *call(struct rig *rig, const char *cn, uint16_t port)
{
    struct caller *c = rig_call(rig, cn, A, port);
    rig_run(rig, 200);
    return c;
}

static void last_figures(struct rig *rig, uint32_t peer)
{
    struct dbr_ipc_stats m = {
        .head = dbr_ipc_head(DBR_IPC_STATS, sizeof m, peer), .rx_bytes = 1234, .tx_bytes = 5678};
    rig_say(rig, peer % RIG_WORKERS, &m);
}

/* Figures that do not come are not waited for, and a new session of that name not before its predecessor's
 * end. */
static void test_farewell(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nclient-connect x\nclient-disconnect y");
    for (uint16_t port = 4000; port < 4003; port++) {
        struct caller *a = call(rig, "alice", port);
        if (port == 4001) { /* it comes while the first one's figures are not in: replaced by it */
            assert_true(says(must_ask(rig, DBR_HOOK_CLIENT_DISCONNECT), "bytes_received=0\n"));
        }
        if (port == 4002) /* they did not come in time */
            assert_true(says(must_ask(rig, DBR_HOOK_CLIENT_DISCONNECT), "bytes_received=0\n"));
        result(rig, must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id, 0, "");
        assert_true(rig_up(a));
        if (port == 4001) {
            client_kick(rig_client(rig, "alice"), "RESTART", "test");
            assert_null(asked(rig));
            rig_run(rig, 600);
        }
    }
    rig_state(rig, DBR_STATE_SHUTDOWN);
    rig_run(rig, 2000);
    must_ask(rig, DBR_HOOK_CLIENT_DISCONNECT); /* the end does not swallow it */
    rig_free(rig);
}

static void test_connect(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nclient-connect x\nclient-disconnect y");
    struct caller *a = call(rig, "alice", 4000);
    assert_false(rig_up(a));
    assert_null(rig_told(rig, DBR_IPC_KEY_NEW, UINT32_MAX, 0, NULL)); /* no keys before the verdict */
    const struct dbr_ipc_hook *m = must_ask(rig, DBR_HOOK_CLIENT_CONNECT);
    uint32_t id = m->id;
    uint64_t key = m->key;
    assert_int_equal(m->n_args, 0);
    assert_true(id && key && says(m, "common_name=alice\n") && says(m, "\ntrusted_ip=10.0.0.1\n"));
    assert_true(says(m, "\nifconfig_pool_remote_ip=192.168.50.1"));
    result(rig, id + 1, 0, ""); /* somebody else's */
    assert_false(rig_up(a));
    result(rig, id, 0, "ifconfig-push 192.168.50.200 255.255.255.0\npush \"dhcp-option DNS 1.2.3.4\"\n");
    assert_true(rig_up(a));
    assert_non_null(strstr(a->pushed, "ifconfig 192.168.50.200 255.255.255.0"));
    assert_non_null(strstr(a->pushed, "dhcp-option DNS 1.2.3.4"));
    result(rig, id, DBR_ERR_STATE, ""); /* once is enough */
    assert_true(rig_up(a));
    assert_null(asked(rig));
    uint32_t peer = rig_client(rig, "alice")->peer_id;
    client_kick(rig_client(rig, "alice"), "RESTART", "test");
    assert_null(asked(rig)); /* the worker's last figures are waited for */
    last_figures(rig, peer + 1);
    assert_null(asked(rig));
    last_figures(rig, peer);
    m = must_ask(rig, DBR_HOOK_CLIENT_DISCONNECT);
    assert_int_equal(m->id, 0);
    assert_true(m->key == key); /* in order with client-connect */
    assert_true(says(m, "\nbytes_received=1234\nbytes_sent=5678\n") && says(m, "common_name=alice\n"));
    rig_run(rig, 6000);
    assert_null(asked(rig)); /* only once */
    rig_free(rig);
}

static const struct {
    int err;
    const char *text;
} refusals[] = {
    {DBR_ERR_STATE, ""}, {DBR_ERR_STATE, "push \"route 10.0.0.0\"\n"},
    {0, "disable\n"},    {0, "frobnicate\n"},
    {0, "up /bin/sh\n"}, {0, "ifconfig-push here\n"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct rig *rig = rig_plain("script-security 2\nclient-connect x\nclient-disconnect y");
        struct caller *a = call(rig, "alice", 4000);
        result(rig, must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id, refusals[i].err, refusals[i].text);
        rig_run(rig, 6000);
        if (rig_up(a) || rig->ctl->n_admitted)
            fail_msg("case %zu got in", i);
        assert_non_null(strstr(a->message, "AUTH_FAILED"));
        assert_null(rig_told(rig, DBR_IPC_KEY_NEW, UINT32_MAX, 0, NULL));
        rig_free(rig);
    }
}

/* A client whose script runs delays nobody, and may be replaced, revoked or gone before the result. */
static void test_meanwhile(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nclient-connect x\nclient-disconnect y");
    struct caller *a = call(rig, "alice", 4000);
    uint32_t first = must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id;
    struct caller *b = call(rig, "bob", 4001);
    uint32_t bob = must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id;
    result(rig, bob, 0, "");
    assert_true(rig_up(b) && !rig_up(a));
    struct caller *again = call(rig, "alice", 4002); /* the newer one takes over */
    must_ask(rig, DBR_HOOK_CLIENT_DISCONNECT);       /* for the first one's script may have done its work */
    uint32_t second = must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id;
    result(rig, first, 0, "");
    assert_false(rig_up(again));
    result(rig, second, 0, "");
    assert_true(rig_up(again) && !rig_up(a));
    struct caller *c = call(rig, "carol", 4003);
    uint32_t carol = must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id;
    client_kick(rig_client(rig, "carol"), "AUTH_FAILED,Certificate revoked", "test");
    result(rig, carol, 0, "");
    rig_run(rig, 6000);
    assert_false(rig_up(c));
    assert_null(rig->ctl->hook_waiters);
    rig_free(rig);
}

static void test_tls_verify(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\ntls-verify x\nclient-connect y");
    struct caller *a = call(rig, "alice", 4000);
    const struct dbr_ipc_hook *m = must_ask(rig, DBR_HOOK_TLS_VERIFY);
    assert_int_equal(m->n_args, 2);
    if (strncmp(m->text, "1\nO=Office, CN=Test CA\n", 23) != 0)
        fail_msg("%.*s", (int)m->n, m->text);
    assert_int_equal(rig->ctl->n_admitted, 0); /* no name, no place before that */
    result(rig, m->id, 0, "");
    m = must_ask(rig, DBR_HOOK_TLS_VERIFY);
    assert_int_equal(strncmp(m->text, "0\nO=Office, CN=alice\n", 21), 0);
    result(rig, m->id, 0, "");
    result(rig, must_ask(rig, DBR_HOOK_CLIENT_CONNECT)->id, 0, "");
    assert_true(rig_up(a));
    struct caller *b = call(rig, "bob", 4001);
    result(rig, must_ask(rig, DBR_HOOK_TLS_VERIFY)->id, DBR_ERR_STATE, "");
    assert_null(asked(rig)); /* neither the next certificate nor client-connect */
    rig_run(rig, 6000);
    assert_false(rig_up(b));
    rig_free(rig);
}

static void learn(struct rig *rig, const char *cn, uint8_t last, enum dbr_learned_what what)
{
    struct dbr_ipc_learned m = {.head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof m, rig_client(rig, cn)->peer_id),
                                .mac = {2, 0, 0, 0, 0, last},
                                .vlan = 7,
                                .what = (uint8_t)what};
    rig_say(rig, m.head.peer_id % RIG_WORKERS, &m);
}

static void test_learn(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nlearn-address x");
    rig_connect(rig, "alice", A, 4000);
    static const struct {
        enum dbr_learned_what what;
        const char *args; /* NULL: nothing new */
    } cases[] = {
        {DBR_LEARNED_NEW, "add\n02:00:00:00:00:09@7\nalice\n"},
        {DBR_LEARNED_NEW, NULL},
        {DBR_LEARNED_MOVED, "update\n02:00:00:00:00:09@7\nalice\n"},
        {DBR_LEARNED_GONE, "delete\n02:00:00:00:00:09@7\n"},
        {DBR_LEARNED_NEW, "add\n02:00:00:00:00:09@7\nalice\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        learn(rig, "alice", 9, cases[i].what);
        const struct dbr_ipc_hook *m = asked(rig);
        assert_int_equal(m != NULL, cases[i].args != NULL);
        if (m && strncmp(m->text, cases[i].args, strlen(cases[i].args)) != 0)
            fail_msg("case %zu: %.*s", i, (int)m->n, m->text);
    }
    rig_run(rig, 3000);
    for (int i = 0; i < 200; i++)
        learn(rig, "alice", (uint8_t)(10 + i), DBR_LEARNED_MOVED);
    unsigned n = 0;
    while (asked(rig))
        n++;
    assert_in_range(n, 40, 51); /* a client that plays with its addresses starts no storm of programs */
    rig_run(rig, 3000);
    learn(rig, "alice", 9, DBR_LEARNED_MOVED);
    assert_true(rig_logged(rig, "calls of learn-address were left out"));
    rig_free(rig);
}

/* Keeper that hears nothing is no reason to wait. */
static void test_deaf_keeper(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("script-security 2\nclient-connect x");
    struct dbr_ipc_state junk = {.head = dbr_ipc_head(DBR_IPC_STATE, sizeof junk, 0)};
    while (!dbr_ipc_send(rig->boot.ipc_keeper, &junk, -1))
        ;
    struct caller *a = call(rig, "alice", 4000);
    rig_run(rig, 6000);
    assert_false(rig_up(a));
    assert_non_null(strstr(a->message, "AUTH_FAILED"));
    assert_int_equal(rig->ctl->n_admitted, 0);
    rig_free(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),     cmocka_unit_test(test_farewell),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_meanwhile),
        cmocka_unit_test(test_tls_verify),  cmocka_unit_test(test_learn),
        cmocka_unit_test(test_deaf_keeper),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
