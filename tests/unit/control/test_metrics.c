/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The numbers that control gives to the metrics process, and the addresses that it shows for clients.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { A = 0x0a000001, TICKET = 77 };

static struct rig *with_metrics(bool crl)
{
    return rig_new(&(struct rig_options){.config = "server-bridge", /* no pool: addresses are seen */
                                         .gate = DBR_GATE_TLS_AUTH,
                                         .metrics = true,
                                         .status = true,
                                         .crl = crl});
}

static void ask(struct rig *rig)
{
    struct dbr_ipc_metrics_get m = {.head = dbr_ipc_head(DBR_IPC_METRICS_GET, sizeof m, 0), .ticket = TICKET};
    assert_int_equal(dbr_ipc_send(rig->metrics, &m, -1), 0);
    rig_settle(rig);
}

static void workers_answer(struct rig *rig)
{
    for (unsigned w = 0; w < RIG_WORKERS; w++) {
        struct dbr_ipc_worker m = {.head = dbr_ipc_head(DBR_IPC_WORKER, sizeof m, 0)};
        struct dbr_ipc_head end = dbr_ipc_head(DBR_IPC_STATS_END, sizeof end, 0);
        m.sum[DBR_SUM_RX_BYTES] = 100 + w;
        m.guard[3] = 5;
        rig_say(rig, w, &m);
        rig_say(rig, w, &end);
    }
}

struct answer {
    struct dbr_ipc_metrics numbers;
    struct dbr_ipc_metrics_crl list;
    struct dbr_ipc_metrics_client client[8];
    unsigned n_lists, n_clients, n_ends;
};

static struct answer hear(struct rig *rig)
{
    struct answer a = {0};
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *head = (const void *)buf;
    while (!dbr_ipc_recv(rig->metrics, buf, NULL)) {
        const struct dbr_ipc_metrics_clients *c = (const void *)buf;
        assert_int_equal(c->ticket, TICKET); /* it is at the same place in all of them */
        assert_int_equal(a.n_ends, 0);
        if (head->type == DBR_IPC_METRICS)
            memcpy(&a.numbers, buf, sizeof a.numbers);
        if (head->type == DBR_IPC_METRICS_CRL) {
            memcpy(&a.list, buf, sizeof a.list);
            a.n_lists++;
        }
        for (uint32_t i = 0; head->type == DBR_IPC_METRICS_CLIENTS && i < c->n && a.n_clients < 8; i++)
            a.client[a.n_clients++] = c->row[i];
        a.n_ends += head->type == DBR_IPC_METRICS_END;
    }
    return a;
}

static struct answer scrape(struct rig *rig)
{
    ask(rig);
    workers_answer(rig);
    struct answer a = hear(rig);
    assert_int_equal(a.n_ends, 1);
    return a;
}

static void test_numbers(void **state)
{
    (void)state;
    struct rig *rig = with_metrics(true);
    rig_connect(rig, "alice", A, 4000);
    struct answer a = scrape(rig);
    static const struct {
        enum dbr_metric which;
        int64_t want;
    } cases[] = {
        {DBR_METRIC_CLIENTS, 1},          {DBR_METRIC_HALF_OPEN, 0},      {DBR_METRIC_HS_BEGUN, 1},
        {DBR_METRIC_HS_DONE, 1},          {DBR_METRIC_RENEGOTIATIONS, 0}, {DBR_METRIC_IN_BYTES, 201},
        {DBR_METRIC_CRL_CHECKED, 1},      {DBR_METRIC_CRL_LISTS, 1},      {DBR_METRIC_CRL_ACCEPTED, 1},
        {DBR_METRIC_CLIENTS_UNLISTED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (a.numbers.value[cases[i].which] != cases[i].want)
            fail_msg("row %zu is %lld", i, (long long)a.numbers.value[cases[i].which]);
    assert_int_equal(a.numbers.guard[3], 10);
    assert_int_equal(a.n_lists, 1);
    assert_true(a.list.next_update > a.list.now && *a.list.issuer);
    assert_int_equal(a.n_clients, 1);
    assert_string_equal(a.client[0].cn, "alice");
    assert_string_equal(a.client[0].cipher, "AES-256-GCM");
    rig_free(rig);
}

/* A worker that does not answer holds nobody up for longer than 300 ms. */
static void test_silent_worker(void **state)
{
    (void)state;
    struct rig *rig = with_metrics(false);
    ask(rig);
    assert_int_equal(hear(rig).n_ends, 0);
    rig_run(rig, 299);
    assert_int_equal(hear(rig).n_ends, 0);
    rig_run(rig, 2);
    assert_int_equal(hear(rig).n_ends, 1);
    rig_run(rig, 1000);
    assert_int_equal(hear(rig).n_ends, 0); /* once */
    rig_free(rig);
}

/* Each way not to get in has its own counter. */
static void test_failures_by_reason(void **state)
{
    (void)state;
    struct rig *rig = with_metrics(true);
    uint8_t d[RIG_DGRAM];
    struct dbr_addr from = rig_addr(A, 4999);
    const struct pki_id *bob = rig_id("bob");
    size_t n = rig_proof(rig, 42, &from, d); /* says nothing more */
    rig_hand(rig, d, n, &from);
    rig_take_crl(rig, 2, &bob, 1);
    rig_call(rig, "bob", A, 4001);
    struct caller *c = rig_connect(rig, "carol", A, 4002);
    rig_run(rig, 3000);
    client_kick(rig_client(rig, "carol"), NULL, "test"); /* who was in has not failed to get in */
    rig_hang_up(c);
    rig_run(rig, 200000);
    struct answer a = scrape(rig);
    assert_int_equal(a.numbers.value[DBR_METRIC_HS_SILENT], 1);
    assert_true(a.numbers.value[DBR_METRIC_HS_REVOKED] >= 1);
    assert_int_equal(a.numbers.value[DBR_METRIC_HS_REFUSED], 0);
    assert_int_equal(a.numbers.value[DBR_METRIC_HS_TLS], 0);
    assert_int_equal(a.numbers.value[DBR_METRIC_CUT], 1);
    assert_int_equal(a.numbers.value[DBR_METRIC_HS_DONE], 1);
    rig_free(rig);
}

/* ---- addresses ---- */

static void mac_of(uint8_t out[6], unsigned who)
{
    memcpy(out, (uint8_t[]){0x02, 0, 0, 0, 0, (uint8_t)who}, 6);
}

static void learn(struct rig *rig, uint32_t id, unsigned who)
{
    struct dbr_ipc_learned m = {.head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof m, id)};
    mac_of(m.mac, who);
    rig_say(rig, id % RIG_WORKERS, &m);
}

static void see(struct rig *rig, uint32_t id, unsigned who, bool leased, const char *text)
{
    struct dbr_ipc_seen m = {.head = dbr_ipc_head(DBR_IPC_SEEN, sizeof m, id), .leased = leased, .family = 4};
    unsigned ip[4] = {0};
    mac_of(m.mac, who);
    if (*text == 'f') {
        m.family = 6;
        m.ip[0] = (uint8_t)strtoul((char[]){text[0], text[1], 0}, NULL, 16);
        m.ip[1] = (uint8_t)strtoul((char[]){text[2], text[3], 0}, NULL, 16);
        m.ip[15] = (uint8_t)strtoul(text + 6, NULL, 16);
    } else if (sscanf(text, "%u.%u.%u.%u", &ip[0], &ip[1], &ip[2], &ip[3]) == 4) {
        for (int i = 0; i < 4; i++)
            m.ip[i] = (uint8_t)ip[i];
    }
    rig_say(rig, id % RIG_WORKERS, &m);
}

/* Alice has MAC 1, Bob 2 and 3. What is seen, in this order, and what is shown for each afterwards. */
static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *who; /* alice or bob */
        unsigned mac;
        bool leased;
        const char *ip, *alice, *bob, *alice6;
    } cases[] = {
        {"alice", 1, false, "10.1.0.1", "10.1.0.1", "", ""},
        {"bob", 2, false, "10.1.0.1", "10.1.0.1", "", ""},         /* hers */
        {"bob", 9, false, "10.1.0.9", "10.1.0.1", "", ""},         /* a MAC that he has not */
        {"bob", 2, false, "10.1.0.2", "10.1.0.1", "10.1.0.2", ""}, /* free */
        {"alice", 1, false, "10.1.0.5", "10.1.0.5", "10.1.0.2", ""},
        {"bob", 3, true, "10.1.0.3", "10.1.0.5", "10.1.0.3", ""},   /* leases go before claims */
        {"bob", 3, false, "10.1.0.4", "10.1.0.5", "10.1.0.3", ""},  /* and stay */
        {"alice", 1, true, "10.1.0.3", "10.1.0.3", "10.1.0.2", ""}, /* given to her now */
        {"bob", 3, false, "10.1.0.3", "10.1.0.3", "10.1.0.2", ""},
        {"alice", 1, false, "fe80::1", "10.1.0.3", "10.1.0.2", ""}, /* of no use to anybody */
        {"alice", 1, false, "fd00::7", "10.1.0.3", "10.1.0.2", "fd00::7"},
        {"alice", 1, true, "10.1.0.6", "10.1.0.6", "10.1.0.2", "fd00::7"},
    };
    struct rig *rig = with_metrics(false);
    rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "bob", A, 4001);
    struct client *alice = rig_client(rig, "alice"), *bob = rig_client(rig, "bob");
    learn(rig, alice->peer_id, 1);
    learn(rig, bob->peer_id, 2);
    learn(rig, bob->peer_id, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char a[DBR_ADDR_TEXT], b[DBR_ADDR_TEXT], a6[DBR_ADDR_TEXT];
        see(rig, (*cases[i].who == 'a' ? alice : bob)->peer_id, cases[i].mac, cases[i].leased, cases[i].ip);
        seen_ip4(alice, a);
        seen_ip4(bob, b);
        seen_ip6(alice, a6);
        if (strcmp(a, cases[i].alice) != 0 || strcmp(b, cases[i].bob) != 0 ||
            strcmp(a6, cases[i].alice6) != 0)
            fail_msg("step %zu: alice %s %s, bob %s", i, a, a6, b);
    }
    struct answer answer = scrape(rig);
    assert_int_equal(answer.numbers.value[DBR_METRIC_ADDRESSES], 7);
    assert_int_equal(answer.n_clients, 2);
    rig_free(rig);
}

/* An address of the pool is what is shown, and nobody else can be shown with it. */
static void test_pool_address_stays(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    char own[DBR_ADDR_TEXT], text[DBR_ADDR_TEXT];
    rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "bob", A, 4001);
    struct client *alice = rig_client(rig, "alice"), *bob = rig_client(rig, "bob");
    seen_ip4(alice, own);
    assert_true(*own);
    learn(rig, alice->peer_id, 1);
    learn(rig, bob->peer_id, 2);
    see(rig, alice->peer_id, 1, true, "10.9.9.9");
    assert_string_equal(seen_ip4(alice, text), own);
    bob->adm->ip = 0; /* as if he had none of ours */
    see(rig, bob->peer_id, 2, false, own);
    assert_string_equal(seen_ip4(bob, text), "");
    rig_free(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_silent_worker),
        cmocka_unit_test(test_failures_by_reason),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_pool_address_stays),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
