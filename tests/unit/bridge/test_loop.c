/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "base/siphash.h"
#include "bridge/fdb.h"
#include "bridge/loop.h"

#include <string.h>

#define NOW 5000000000000ULL
#define S   1000000000ULL

static struct dbr_loop made(uint8_t first)
{
    uint8_t seed[DBR_LOOP_SEED];
    struct dbr_loop l;
    for (int i = 0; i < DBR_LOOP_SEED; i++)
        seed[i] = (uint8_t)(first + i);
    dbr_loop_init(&l, seed);
    return l;
}

static bool is_read(const struct dbr_loop *l, const uint8_t *f, size_t n, uint64_t now_ns, uint32_t *egress)
{
    struct dbr_eth_view v;
    return !dbr_eth_parse(&v, f, n) && dbr_loop_read(l, &v, now_ns, egress);
}

static void test_comes_back(void **state)
{
    (void)state;
    static const uint32_t ports[] = {0, 7, 0xffffff, DBR_PORT_LAN};
    struct dbr_loop l = made(1);
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        uint8_t f[DBR_LOOP_FRAME + 4], tagged[DBR_LOOP_FRAME + 4];
        uint32_t egress = 99;
        dbr_loop_write(&l, f, ports[i], NOW);
        assert_true(is_read(&l, f, DBR_LOOP_FRAME, NOW, &egress) && egress == ports[i]);
        assert_true(is_read(&l, f, DBR_LOOP_FRAME, NOW + 3 * S, &egress));
        assert_false(is_read(&l, f, DBR_LOOP_FRAME, NOW + 3 * S + 1, &egress)); /* a copy that was kept */
        assert_true(is_read(&l, f, DBR_LOOP_FRAME, NOW - 3 * S, &egress)); /* the clock of another batch */
        assert_false(is_read(&l, f, DBR_LOOP_FRAME, NOW - 3 * S - 1, &egress));
        memcpy(tagged, f, 12); /* a switch on the way has put it into a VLAN */
        memcpy(tagged + 12, "\x81\0\0\x2a", 4);
        memcpy(tagged + 16, f + 12, DBR_LOOP_FRAME - 12);
        assert_true(is_read(&l, tagged, sizeof tagged, NOW, &egress) && egress == ports[i]);
    }
}

static void test_is_nobodys_address(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        struct dbr_loop l = made((uint8_t)first);
        assert_int_equal(l.mac >> 40 & 3, 2); /* one station, made locally */
    }
}

/* Nobody else makes one: neither another process nor who changes a byte that counts. */
static void test_forged(void **state)
{
    (void)state;
    struct dbr_loop l = made(1), other = made(2);
    uint8_t f[DBR_LOOP_FRAME];
    uint32_t egress;
    dbr_loop_write(&other, f, 7, NOW);
    assert_false(is_read(&l, f, sizeof f, NOW, &egress));
    dbr_mac_write(f + 6, l.mac);
    assert_false(is_read(&l, f, sizeof f, NOW, &egress));
    dbr_loop_write(&l, f, 7, NOW);
    for (size_t i = 6; i < DBR_ETH_HEADER + 28; i++)
        for (int bit = 0; bit < 8; bit++) {
            f[i] ^= (uint8_t)(1 << bit);
            if (is_read(&l, f, sizeof f, NOW, &egress))
                fail_msg("byte %zu, bit %d", i, bit);
            f[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t n = 0; n < DBR_ETH_HEADER + 28; n++)
        assert_false(is_read(&l, f, n, NOW, &egress));
    assert_true(is_read(&l, f, DBR_ETH_HEADER + 28, NOW, &egress));
}

static void test_who_is_closed(void **state)
{
    (void)state;
    static const struct {
        uint32_t egress, port;
        bool site, closed;
    } rows[] = {
        {DBR_PORT_LAN, 0, true, true},
        {DBR_PORT_LAN, 5, false, true},
        {5, 5, true, true}, /* it sends everything back */
        {4, 5, true, true},
        {5, 4, true, false}, /* of two sites the second */
        {5, 4, false, true},
        {4, 5, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (dbr_loop_blames(rows[i].egress, rows[i].port, rows[i].site) != rows[i].closed)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_is_nobodys_address),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_who_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
