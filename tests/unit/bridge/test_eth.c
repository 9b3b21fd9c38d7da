/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/eth.h"

#include "test.h"

/* Every length around the two headers, tagged and not. */
static void test_shape(void **state)
{
    (void)state;
    uint8_t b[DBR_ETH_MAX + 1] = {0};
    struct dbr_eth_view v;
    for (size_t n = 0; n < 14; n++)
        assert_int_equal(dbr_eth_parse(&v, b, n), DBR_ERR_SHAPE);
    assert_int_equal(dbr_eth_parse(&v, b, 14), 0);
    assert_int_equal(dbr_eth_parse(&v, b, DBR_ETH_MAX), 0);
    assert_int_equal(dbr_eth_parse(&v, b, DBR_ETH_MAX + 1), DBR_ERR_SHAPE);
    b[12] = 0x81;
    for (size_t n = 14; n < 18; n++)
        assert_int_equal(dbr_eth_parse(&v, b, n), DBR_ERR_SHAPE);
    assert_int_equal(dbr_eth_parse(&v, b, 18), 0);
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        uint8_t b[18];
        uint64_t dst, src;
        uint16_t type, l3, vid;
        uint8_t pcp;
        bool tagged, stacked, multicast, broadcast;
    } cases[] = {
        {{2, 0, 0, 0, 0, 9, 4, 0, 0, 0, 0, 8, 0x08, 0x00},
         0x020000000009,
         0x040000000008,
         0x0800,
         14,
         0,
         0,
         0,
         0,
         0,
         0},
        {{1, 0, 0x5e, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0x86, 0xdd},
         0x01005e000001,
         0x020304050607,
         0x86dd,
         14,
         0,
         0,
         0,
         0,
         1,
         0},
        {{255, 255, 255, 255, 255, 255, 2, 3, 4, 5, 6, 7, 0x08, 0x06},
         0xffffffffffff,
         0x020304050607,
         0x0806,
         14,
         0,
         0,
         0,
         0,
         1,
         1},
        {{2, 0, 0, 0, 0, 9, 4, 0, 0, 0, 0, 8, 0x81, 0x00, 0xaf, 0xfe, 0x08, 0x00},
         0x020000000009,
         0x040000000008,
         0x0800,
         18,
         0xffe,
         5,
         1,
         0,
         0,
         0},
        {{2, 0, 0, 0, 0, 9, 4, 0, 0, 0, 0, 8, 0x81, 0x00, 0x00, 0x01, 0x81, 0x00},
         0x020000000009,
         0x040000000008,
         0x8100,
         18,
         1,
         0,
         1,
         1,
         0,
         0},
        {{2, 0, 0, 0, 0, 9, 4, 0, 0, 0, 0, 8, 0x88, 0xa8, 0x00, 0x01, 0x81, 0x00},
         0x020000000009,
         0x040000000008,
         0x88a8,
         14,
         0,
         0,
         0,
         1,
         0,
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dbr_eth_view v;
        assert_int_equal(dbr_eth_parse(&v, cases[i].b, 18), 0);
        assert_true(v.dst == cases[i].dst && v.src == cases[i].src);
        assert_int_equal(v.ethertype, cases[i].type);
        assert_int_equal(v.l3, cases[i].l3);
        assert_int_equal(v.vid, cases[i].vid);
        assert_int_equal(v.pcp, cases[i].pcp);
        assert_int_equal(v.tagged, cases[i].tagged);
        assert_int_equal(v.stacked, cases[i].stacked);
        assert_int_equal(v.multicast, cases[i].multicast);
        assert_int_equal(v.broadcast, cases[i].broadcast);
    }
}

static void test_mac_text(void **state)
{
    (void)state;
    char text[DBR_MAC_TEXT];
    uint64_t mac = 0;
    assert_string_equal(dbr_mac_text(0x02005e10ff01, text), "02:00:5e:10:ff:01");
    assert_int_equal(dbr_mac_parse(&mac, "02:00:5E:10:ff:01"), 0);
    assert_true(mac == 0x02005e10ff01);
    assert_int_equal(dbr_mac_parse(&mac, "02-00-5e-10-ff-02"), 0);
    assert_true(mac == 0x02005e10ff02);
    static const char *const bad[] = {"",
                                      "02",
                                      "02:00:5e:10:ff",
                                      "02:00:5e:10:ff:0",
                                      "02:00:5e:10:ff:0g",
                                      "02:00:5e:10:ff:01:",
                                      "0200.5e10.ff01",
                                      "02:00:5e:10:ff:001"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dbr_mac_parse(&mac, bad[i]), DBR_ERR_SHAPE);
    assert_true(mac == 0x02005e10ff02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_mac_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
