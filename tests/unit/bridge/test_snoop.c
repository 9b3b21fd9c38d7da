/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/snoop.h"

#include <stdlib.h>

#include "bridge/guard.h"
#include "frames.h"
#include "test.h"

static struct frame f;
static struct dbr_snoop got;

static bool snoop(void)
{
    struct dbr_eth_view v;
    uint8_t *exact = malloc(f.n);
    memcpy(exact, f.b, f.n);
    assert_int_equal(dbr_eth_parse(&v, exact, f.n), 0);
    bool said = dbr_snoop(&v, dbr_guard_classify(&v), &got);
    free(exact);
    return said;
}

static void arp(uint8_t last_octet)
{
    frame_start(&f, BROADCAST, HOST_B, 0x8100);
    frame_tag(&f, 7, 0x0806);
    frame_bytes(&f, (uint8_t[]){0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1}, 14);
    frame_bytes(&f, (uint8_t[]){last_octet ? 10 : 0, 0, 0, last_octet}, 4);
    frame_fill(&f, 0, 10);
}

static void test_arp(void **state)
{
    (void)state;
    arp(5);
    assert_true(snoop());
    assert_true(got.mac == HOST_A && got.vid == 7 && got.family == 4 && got.ip[0] == 10 && got.ip[3] == 5);
    f.n--;
    assert_false(snoop());
    arp(0); /* a probe says nothing */
    assert_false(snoop());
    arp(5);
    f.b[f.l3 + 8] = 1; /* a group address has no IP address */
    assert_false(snoop());
    arp(5);
    f.b[f.l3 + 1] = 6;
    assert_false(snoop());
}

static void test_advert(void **state)
{
    (void)state;
    uint8_t ip[40] = {0x60, 0, 0, 0, 0, 24, 58, 255},
            advert[24] = {136, 0, 0, 0, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8};
    advert[23] = 9;
    frame_start(&f, 0x333300000001, HOST_A, 0x86dd);
    frame_bytes(&f, ip, 40);
    frame_bytes(&f, advert, 24);
    assert_true(snoop());
    assert_true(got.mac == HOST_A && got.family == 6 && got.ip[0] == 0x20 && got.ip[15] == 9);
    f.n--;
    assert_false(snoop());
    f.n++;
    f.b[f.l3 + 40] = 135; /* a question says nothing about its target */
    assert_false(snoop());
}

static void dhcp(const uint8_t *options, size_t n)
{
    static uint8_t bootp[600];
    memset(bootp, 0, sizeof bootp);
    memcpy(bootp, (uint8_t[]){2, 1, 6}, 3);
    memcpy(bootp + 16, (uint8_t[]){10, 0, 0, 77}, 4);
    memcpy(bootp + 28, (uint8_t[]){2, 0, 0, 0, 0, 2}, 6);
    memcpy(bootp + 236, (uint8_t[]){99, 130, 83, 99}, 4);
    memcpy(bootp + 240, options, n);
    struct frame_spec s = {
        .version = 4, .proto = 17, .dst = HOST_B, .src = LAN_HOST, .sport = 67, .dport = 68};
    frame_build(&f, &s, bootp, 240 + n);
}

#define DHCP(...) dhcp((uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})

static void test_dhcp(void **state)
{
    (void)state;
    DHCP(53, 1, 5, 255);
    assert_true(snoop());
    assert_true(got.mac == HOST_B && got.family == 4 && got.ip[3] == 77);
    DHCP(0, 54, 4, 10, 0, 0, 1, 53, 1, 5);
    assert_true(snoop());
    DHCP(53, 1, 2, 255); /* an offer is no lease */
    assert_false(snoop());
    DHCP(53, 1);
    assert_false(snoop());
    DHCP(54, 200, 53, 1, 5); /* the type is inside another option's length */
    assert_false(snoop());
    DHCP(255, 53, 1, 5);
    assert_false(snoop());
    DHCP(53, 1, 5, 255);
    f.b[f.l4 + 8] = 1; /* a question */
    assert_false(snoop());
    DHCP(53, 1, 5, 255);
    f.b[f.l4 + 8 + 239] = 0; /* plain BOOTP */
    assert_false(snoop());
    DHCP(53, 1, 5, 255);
    f.b[f.l3 + 6] = 0x20; /* a fragment */
    assert_false(snoop());
    DHCP(53, 1, 5, 255);
    for (f.n -= 2; f.n >= 14; f.n--)
        assert_false(snoop());
}

static void test_others_say_nothing(void **state)
{
    (void)state;
    struct frame_spec s = {
        .version = 4, .proto = 17, .dst = HOST_B, .src = HOST_A, .sport = 53, .dport = 5353};
    frame_build(&f, &s, NULL, 400);
    assert_false(snoop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arp),
        cmocka_unit_test(test_advert),
        cmocka_unit_test(test_dhcp),
        cmocka_unit_test(test_others_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
