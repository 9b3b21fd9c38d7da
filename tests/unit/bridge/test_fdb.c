/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/fdb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "frames.h"
#include "test.h"

static struct dbr_fdb *make(uint32_t macs, uint32_t ports)
{
    struct dbr_fdb_config c = {.macs = macs, .ports = ports, .lan_macs = macs, .key = {1, 2, 3, 9}};
    struct dbr_fdb *f = dbr_fdb_new(&c);
    assert_non_null(f);
    for (uint32_t p = 0; p < ports; p++)
        dbr_fdb_port_limit(f, p, macs);
    return f;
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct dbr_fdb_config bad[] = {{.macs = 15, .ports = 1},
                                                {.macs = (1 << 20) + 1, .ports = 1},
                                                {.macs = 64, .ports = 0},
                                                {.macs = 64, .ports = (1 << 24) + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(dbr_fdb_new(&bad[i]));
    dbr_fdb_free(NULL);
}

static void test_learn_lookup_move_delete(void **state)
{
    (void)state;
    struct dbr_fdb *f = make(64, 4);
    uint32_t seen = 0, from = 77;
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 0, NULL), DBR_PORT_NONE);
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 0, 2, 100, &from), 0);
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 0, &seen), 2);
    assert_int_equal(seen, 100);
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 5, NULL), DBR_PORT_NONE); /* another VLAN is another address */
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 5, DBR_PORT_LAN, 100, &from), 0);
    assert_int_equal(from, 77);
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 0, 3, 101, &from), 1);
    assert_int_equal(from, 2);
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 0, &seen), 3);
    assert_int_equal(seen, 101);
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 5, NULL), DBR_PORT_LAN);
    assert_int_equal(dbr_fdb_port_count(f, 2), 0);
    assert_int_equal(dbr_fdb_port_count(f, 3), 1);
    assert_int_equal(dbr_fdb_port_count(f, DBR_PORT_LAN), 1);
    assert_int_equal(dbr_fdb_count(f), 2);
    assert_int_equal(dbr_fdb_delete(f, HOST_A, 0), 0);
    assert_int_equal(dbr_fdb_delete(f, HOST_A, 0), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 0, NULL), DBR_PORT_NONE);
    assert_int_equal(dbr_fdb_count(f), 1);
    dbr_fdb_free(f);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    struct dbr_fdb *f = make(64, 4);
    assert_int_equal(dbr_fdb_learn(f, 0, 0, 1, 0, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_learn(f, 0, 7, 1, 0, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_learn(f, BROADCAST, 0, 1, 0, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_learn(f, 0x010000000001, 0, 1, 0, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 4096, 1, 0, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 0, 4, 0, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 0, DBR_PORT_NONE, 0, NULL), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_port_limit(f, 4, 1), DBR_ERR_SHAPE);
    assert_int_equal(dbr_fdb_lookup(f, 0, 0, NULL), DBR_PORT_NONE); /* the mark of a free slot is no entry */
    assert_int_equal(dbr_fdb_count(f), 0);
    dbr_fdb_free(f);
}

static void test_refresh_stores_for_the_owner_only(void **state)
{
    (void)state;
    struct dbr_fdb *f = make(64, 4);
    uint32_t seen;
    dbr_fdb_learn(f, HOST_A, 0, 1, 10, NULL);
    assert_int_equal(dbr_fdb_refresh(f, HOST_A, 0, 1, 11), 1);
    dbr_fdb_lookup(f, HOST_A, 0, &seen);
    assert_int_equal(seen, 11);
    assert_int_equal(dbr_fdb_refresh(f, HOST_A, 0, 2, 12), 1);
    dbr_fdb_lookup(f, HOST_A, 0, &seen);
    assert_int_equal(seen, 11);
    assert_int_equal(dbr_fdb_refresh(f, HOST_B, 0, 2, 12), DBR_PORT_NONE);
    dbr_fdb_free(f);
}

static void test_limits(void **state)
{
    (void)state;
    struct dbr_fdb_config c = {.macs = 32, .ports = 3};
    struct dbr_fdb *f = dbr_fdb_new(&c);
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 0, 0, 0, NULL),
                     DBR_ERR_LIMIT); /* a new port starts with none */
    dbr_fdb_port_limit(f, 0, 2);
    dbr_fdb_port_limit(f, 1, 1);
    assert_int_equal(dbr_fdb_learn(f, 0x10, 0, 0, 0, NULL), 0);
    assert_int_equal(dbr_fdb_learn(f, 0x12, 0, 0, 0, NULL), 0);
    assert_int_equal(dbr_fdb_learn(f, 0x14, 0, 0, 0, NULL), DBR_ERR_LIMIT);
    assert_int_equal(dbr_fdb_learn(f, 0x10, 0, 0, 5, NULL), 0); /* what it has it may refresh */
    assert_int_equal(dbr_fdb_learn(f, 0x20, 0, 1, 0, NULL), 0);
    assert_int_equal(dbr_fdb_learn(f, 0x10, 0, 1, 0, NULL), DBR_ERR_LIMIT); /* nor take one over */
    assert_int_equal(dbr_fdb_lookup(f, 0x10, 0, NULL), 0);
    for (uint64_t m = 0; m < 100; m++)
        dbr_fdb_learn(f, 0x1000 + 2 * m, 0, DBR_PORT_LAN, 0, NULL);
    assert_int_equal(dbr_fdb_port_count(f, DBR_PORT_LAN),
                     24); /* three quarters of 32: the rest is the peers' */
    dbr_fdb_port_limit(f, 2, 100);
    for (uint64_t m = 0; m < 100; m++)
        dbr_fdb_learn(f, 0x2000 + 2 * m, 0, 2, 0, NULL);
    assert_int_equal(dbr_fdb_count(f), 32);
    dbr_fdb_free(f);
}

static void test_learn_if(void **state)
{
    (void)state;
    struct dbr_fdb *f = make(64, 4);
    assert_int_equal(dbr_fdb_learn_if(f, HOST_A, 0, 1, 0, 2), DBR_ERR_AGAIN);
    assert_int_equal(dbr_fdb_learn_if(f, HOST_A, 0, 1, 0, DBR_PORT_NONE), 0);
    assert_int_equal(dbr_fdb_learn_if(f, HOST_A, 0, 2, 0, DBR_PORT_NONE), DBR_ERR_AGAIN);
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 0, NULL), 1);
    assert_int_equal(dbr_fdb_learn_if(f, HOST_A, 0, 2, 0, 1), 1);
    assert_int_equal(dbr_fdb_lookup(f, HOST_A, 0, NULL), 2);
    dbr_fdb_free(f);
}

static void count_visit(void *arg, const struct dbr_fdb_entry *e)
{
    uint64_t *sum = arg;
    sum[0]++;
    sum[1] += e->mac + e->port;
}

static void test_flush_and_sweep(void **state)
{
    (void)state;
    struct dbr_fdb *f = make(256, 3);
    uint64_t sum[2] = {0};
    for (uint64_t m = 0; m < 50; m++) {
        dbr_fdb_learn(f, 0x1000 + 2 * m, 0, 0, 100, NULL);
        dbr_fdb_learn(f, 0x2000 + 2 * m, 0, 1, 150, NULL);
        dbr_fdb_learn(f, 0x3000 + 2 * m, 0, DBR_PORT_LAN, 100, NULL);
    }
    assert_int_equal(dbr_fdb_flush_port(f, 0, count_visit, sum), 50);
    assert_int_equal(sum[0], 50);
    assert_int_equal(sum[1], 50 * 0x1000 + 49 * 50);
    assert_int_equal(dbr_fdb_flush_port(f, 0, NULL, NULL), 0);
    assert_int_equal(dbr_fdb_flush_port(f, 99, NULL, NULL), 0);
    assert_int_equal(dbr_fdb_port_count(f, 1), 50);

    assert_int_equal(dbr_fdb_sweep(f, 399, 300, 0, NULL, NULL), 0); /* one second too early */
    assert_int_equal(dbr_fdb_sweep(f, 400, 300, 0, NULL, NULL), 50);
    assert_int_equal(dbr_fdb_port_count(f, DBR_PORT_LAN), 0);
    assert_int_equal(dbr_fdb_port_count(f, 1), 50);
    assert_int_equal(dbr_fdb_sweep(f, 100, 1, 0, NULL, NULL),
                     0); /* seen in the future: a worker's clock was later */

    uint32_t removed = 0, slices = 0; /* in slices: each slot is looked at once per round */
    for (uint32_t at = 0; at < dbr_fdb_slots(f); at += 64, slices++)
        removed += dbr_fdb_sweep(f, 1000, 300, 64, NULL, NULL);
    assert_int_equal(removed, 50);
    assert_true(slices > 1);
    assert_int_equal(dbr_fdb_count(f), 0);
    dbr_fdb_free(f);
}

static void test_list(void **state)
{
    (void)state;
    struct dbr_fdb *f = make(256, 3);
    for (uint64_t m = 0; m < 100; m++)
        dbr_fdb_learn(f, 0x1000 + 2 * m, (uint16_t)(m % 3), (uint32_t)(m % 3), 7, NULL);
    uint32_t cursor = 0, total = 0;
    uint64_t macs = 0;
    struct dbr_fdb_entry e[7];
    for (size_t n; (n = dbr_fdb_list(f, &cursor, e, 7)); total += (uint32_t)n)
        for (size_t i = 0; i < n; i++) {
            macs += e[i].mac;
            assert_int_equal(e[i].vid, e[i].port);
            assert_int_equal(e[i].seen_s, 7);
        }
    assert_int_equal(total, 100);
    assert_int_equal(macs, 100 * 0x1000 + 99 * 100);
    dbr_fdb_free(f);
}

/* Full to the last address, then a long life of coming and going: never an address lost, never one too many.
 */
static void test_fill_and_churn(void **state)
{
    (void)state;
    enum { MACS = 8192 };
    struct dbr_fdb *f = make(MACS, 2);
    uint64_t seed = 42;
    uint64_t *mac = calloc(MACS, sizeof *mac);
    for (int i = 0; i < MACS; i++) {
        mac[i] = noise(&seed) & 0xfeffffffffffU;
        assert_int_equal(dbr_fdb_learn(f, mac[i], 0, i % 2, 0, NULL), 0);
    }
    assert_int_equal(dbr_fdb_learn(f, HOST_A, 0, 1, 0, NULL), DBR_ERR_LIMIT);
    for (int round = 0; round < 100000; round++) {
        size_t i = below(&seed, MACS);
        assert_int_equal(dbr_fdb_delete(f, mac[i], 0), 0);
        mac[i] = noise(&seed) & 0xfeffffffffffU;
        assert_int_equal(dbr_fdb_learn(f, mac[i], 0, i % 2, 0, NULL), 0);
    }
    for (int i = 0; i < MACS; i++)
        assert_int_equal(dbr_fdb_lookup(f, mac[i], 0, NULL), i % 2);
    assert_int_equal(dbr_fdb_count(f), MACS);
    free(mac);
    dbr_fdb_free(f);
}

/* Readers must find an address that is always there, at its port, whatever writers do around it. */
struct race {
    struct dbr_fdb *fdb;
    _Atomic bool stop;
    _Atomic int missed, wrong;
};

enum { STABLE = 64, RACE_MACS = 128, RACE_ROUNDS = 20000 };

static void *race_reader(void *arg)
{
    struct race *r = arg;
    uint32_t now = 0;
    do {
        now++;
        for (uint64_t i = 0; i < STABLE; i++) {
            uint32_t port = dbr_fdb_refresh(r->fdb, 0x5000 + 2 * i, 0, (uint32_t)(i % 4), now);
            if (port == DBR_PORT_NONE)
                r->missed++;
            else if (port != i % 4)
                r->wrong++;
        }
    } while (!r->stop);
    return NULL;
}

static void test_readers_and_writers(void **state)
{
    (void)state;
    struct race r = {.fdb = make(RACE_MACS, 8)};
    pthread_t reader[2];
    for (uint64_t i = 0; i < STABLE; i++)
        dbr_fdb_learn(r.fdb, 0x5000 + 2 * i, 0, (uint32_t)(i % 4), 0, NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, race_reader, &r), 0);
    uint64_t seed = 7;
    for (int i = 0; i < RACE_ROUNDS; i++) {
        uint64_t m = 0x900000 + 2 * below(&seed, 200);
        if (dbr_fdb_learn(r.fdb, m, 0, 4 + (uint32_t)below(&seed, 4), 1, NULL) == DBR_ERR_LIMIT)
            dbr_fdb_flush_port(r.fdb, 4 + (uint32_t)below(&seed, 4), NULL, NULL);
        dbr_fdb_delete(r.fdb, 0x900000 + 2 * below(&seed, 200), 0);
    }
    r.stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(reader[i], NULL);
    assert_int_equal(r.missed, 0);
    assert_int_equal(r.wrong, 0);
    dbr_fdb_free(r.fdb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),          cmocka_unit_test(test_learn_lookup_move_delete),
        cmocka_unit_test(test_bad_addresses),   cmocka_unit_test(test_refresh_stores_for_the_owner_only),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_learn_if),
        cmocka_unit_test(test_flush_and_sweep), cmocka_unit_test(test_list),
        cmocka_unit_test(test_fill_and_churn),  cmocka_unit_test(test_readers_and_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
