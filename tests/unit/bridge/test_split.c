/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Split tunnel: option lists before and after, for the three protocols, as tables; then the frames around
 * them, whose lengths and checksums a plain sum of the test's own judges; then what must not pass.
 */
#include "bridge/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "frames.h"
#include "test.h"

static struct frame f;

/* "0304c0a80101ff" -> bytes; blanks do not count. */
static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; *hex; hex++) {
        unsigned v;
        if (*hex == ' ')
            continue;
        sscanf(hex++, "%2x", &v);
        out[n++] = (uint8_t)v;
    }
    return n;
}

/* The frame in memory of exactly its size, so that no byte beyond is touched. */
static bool split(struct frame *x)
{
    uint8_t *exact = malloc(x->n);
    memcpy(exact, x->b, x->n);
    bool good = dbr_split_frame(exact, &x->n);
    memcpy(x->b, exact, x->n);
    free(exact);
    return good;
}

/* ---- DHCP ---- */

enum { OPTIONS = 240, FILE_AT = 108, SNAME_AT = 44 };

static const struct frame_spec dhcp_spec = {
    .version = 4, .proto = 17, .dst = HOST_A, .src = LAN_HOST, .host = 1, .sport = 67, .dport = 68};

static size_t message(uint8_t *m, const char *options)
{
    memset(m, 0, OPTIONS);
    m[0] = 2;
    memcpy(m + 236, "\x63\x82\x53\x63", 4);
    return OPTIONS + from_hex(options, m + OPTIONS);
}

/* type 5 = ACK, mask, lease time: what stays. */
#define STAYS "350105 0104ffffff00 330400000e10"

static const struct {
    const char *was, *is;
} dhcp_cases[] = {
    {STAYS " ff", STAYS " ff"},
    {STAYS " 0304c0a80101 ff", STAYS " 000000000000 ff"},
    {STAYS " 0308c0a80101c0a80102 ff", STAYS " 00000000000000000000 ff"},
    {STAYS " 0604c0a80101 0f0178 ff", STAYS " 000000000000 000000 ff"},
    {"7702c00c " STAYS " ff", "00000000 " STAYS " ff"},
    /* 121: 10.0.0.0/8 via 192.168.1.1 stays, 0/0 and the two halves go */
    {STAYS " 7906080ac0a80101 ff", STAYS " 7906080ac0a80101 ff"},
    {STAYS " 790500c0a80101 ff", STAYS " 00000000000000 ff"},
    {STAYS " 790b00c0a80101080ac0a80101 ff", STAYS " 7906080ac0a801010000000000 ff"},
    {STAYS " 790b080ac0a8010100c0a80101 ff", STAYS " 7906080ac0a801010000000000 ff"},
    {STAYS " 790c0100c0a801010180c0a80101 ff", STAYS " 0000000000000000000000000000 ff"},
    {STAYS " f90500c0a80101 ff", STAYS " 00000000000000 ff"},
    /* what cannot be read as routes goes whole; of a list in pieces only a first one that is whole stays */
    {STAYS " 7903080ac0 ff", STAYS " 0000000000 ff"},
    {STAYS " 79060a00c0a80101 ff", STAYS " 0000000000000000 ff"},
    {STAYS " 790521c0a80101 ff", STAYS " 00000000000000 ff"},
    {STAYS " 790a210a00000000c0a80101 ff", STAYS " 000000000000000000000000 ff"}, /* 33 bits */
    {STAYS " 7906080ac0a80101 790500c0a80101 ff", STAYS " 7906080ac0a80101 00000000000000 ff"},
    {STAYS " 790208 0a 7906080ac0a80101 ff", STAYS " 000000 00 0000000000000000 ff"},
    /* padding between, nothing after the end is an option, no end at all */
    {"00 0304c0a80101 00 " STAYS " ff", "00 000000000000 00 " STAYS " ff"},
    {STAYS " ff 0304c0a80101", STAYS " ff 0304c0a80101"},
    {STAYS " 0304c0a80101", STAYS " 000000000000"},
    {STAYS " 0300 ff", STAYS " 0000 ff"},
    {"", ""},
};

static void dhcp_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dhcp_cases / sizeof *dhcp_cases; i++) {
        uint8_t was[600], is[600];
        size_t n = message(was, dhcp_cases[i].was);
        assert_int_equal(message(is, dhcp_cases[i].is), n);
        frame_build(&f, &dhcp_spec, was, n);
        size_t before = f.n;
        if (!split(&f) || f.n != before || memcmp(f.b + f.l4 + 8, is, n) != 0)
            fail_msg("case %zu: %s", i, dhcp_cases[i].was);
        assert_true(frame_good(f.b, f.n, f.l3, f.l4, 17));
    }
}

/* Option 52 says where else options are: 1 file, 2 sname, 3 both. */
static void dhcp_overload(void **state)
{
    (void)state;
    for (unsigned overload = 0; overload <= 3; overload++) {
        uint8_t m[400];
        size_t n = message(m, "350105 340100 ff");
        m[OPTIONS + 5] = (uint8_t)overload;
        memcpy(m + FILE_AT, "\x03\x04\xc0\xa8\x01\x01\xff", 7);
        memcpy(m + SNAME_AT, "\x06\x04\xc0\xa8\x01\x01\xff", 7);
        frame_build(&f, &dhcp_spec, m, n);
        assert_true(split(&f));
        const uint8_t *d = f.b + f.l4 + 8;
        assert_int_equal(d[FILE_AT], overload & 1 ? 0 : 3);
        assert_int_equal(d[SNAME_AT], overload & 2 ? 0 : 6);
        assert_true(frame_good(f.b, f.n, f.l3, f.l4, 17));
    }
}

static void dhcp_frames(void **state)
{
    uint8_t m[600];
    struct frame_spec s = dhcp_spec;
    size_t n = message(m, STAYS " 0304c0a80101 ff");
    (void)state;
    s.tagged = true;
    s.vid = 7;
    s.ip_options = 8;
    frame_build(&f, &s, m, n);
    assert_true(split(&f));
    assert_true(frame_good(f.b, f.n, f.l3, f.l4, 17));
    assert_null(memmem(f.b, f.n, "\x03\x04\xc0\xa8", 4));
    /* no UDP checksum: none afterwards */
    frame_build(&f, &dhcp_spec, m, n);
    dbr_put16(f.b + f.l4 + 6, 0);
    assert_true(split(&f));
    assert_int_equal(dbr_get16(f.b + f.l4 + 6), 0);
    /* BOOTP without the cookie has no options */
    memset(m + 236, 0, 4);
    frame_build(&f, &dhcp_spec, m, n);
    assert_true(split(&f));
    assert_memory_equal(f.b + f.l4 + 8, m, n);
    /* the padding of a short frame goes */
    frame_build(&f, &dhcp_spec, m, n);
    size_t whole = f.n;
    frame_fill(&f, 0xee, 9);
    assert_true(split(&f));
    assert_int_equal(f.n, whole);
}

/* ---- DHCPv6 ---- */

static const struct {
    const char *was, *is; /* is NULL: does not pass */
} dhcp6_cases[] = {
    {"07aabbcc 00010002 1122", "07aabbcc 00010002 1122"},
    {"07aabbcc 00170010 fd770000000000000000000000000001 00010002 1122", "07aabbcc 00010002 1122"},
    {"02aabbcc 00010002 1122 00180003 017800", "02aabbcc 00010002 1122"},
    {"02aabbcc 00170000 00180000", "02aabbcc"},
    {"07aabbcc", "07aabbcc"},
    {"0daabbcc 00170000 00", "0daabbcc 00170000 00"}, /* to a relay: not for a client to read */
    {"07aabbcc 00170011 fd77", NULL},
    {"07aabbcc 000100", NULL},
    {"07aabb", NULL},
};

static void dhcp6_options(void **state)
{
    (void)state;
    const struct frame_spec s = {
        .version = 6, .proto = 17, .dst = HOST_A, .src = LAN_HOST, .host = 1, .sport = 547, .dport = 546};
    for (size_t i = 0; i < sizeof dhcp6_cases / sizeof *dhcp6_cases; i++) {
        uint8_t was[128], is[128];
        size_t n = from_hex(dhcp6_cases[i].was, was);
        frame_build(&f, &s, was, n);
        bool good = split(&f);
        if (good != (dhcp6_cases[i].is != NULL))
            fail_msg("case %zu: %s", i, dhcp6_cases[i].was);
        if (!good)
            continue;
        size_t m = from_hex(dhcp6_cases[i].is, is);
        assert_int_equal(f.n, f.l4 + 8 + m);
        assert_memory_equal(f.b + f.l4 + 8, is, m);
        assert_true(frame_good(f.b, f.n, f.l3, f.l4, 17));
    }
}

/* ---- router advertisements ---- */

#define RDNSS          "19030000 00000e10 fd770000000000000000000000000001"
#define DNSSL          "1f020000 00000e10 0178000000000000"
#define PREFIX         "030440c0 00000e10 00000e10 00000000 fd770000000000000000000000000000"
#define MTU            "05010000 000005dc"
#define ROUTE0         "18010000 00000e10"
#define ROUTE8         "18020800 00000e10 0a00000000000000"
#define HEAD(lifetime) "86000000 4000" lifetime "00000000 00000000"

static const struct {
    const char *was, *is;
} advert_cases[] = {
    {HEAD("0708"), HEAD("0000")},
    {HEAD("0708") PREFIX MTU, HEAD("0000") PREFIX MTU},
    {HEAD("0708") RDNSS PREFIX DNSSL MTU, HEAD("0000") PREFIX MTU},
    {HEAD("0000") DNSSL RDNSS, HEAD("0000")},
    {HEAD("ffff") ROUTE0 ROUTE8, HEAD("0000") ROUTE8},
    {HEAD("0708") "19000000 00000000", NULL}, /* an option without length */
    {HEAD("0708") "19020000 00000000", NULL}, /* one that runs over */
    {HEAD("0708") "19010000", NULL},
    {"86000000 40000708 00000000", NULL},
    {"88000000 40000708 00000000 00000000", NULL}, /* not an advertisement */
};

static void build_advert(const char *hex, uint8_t ext_headers)
{
    uint8_t m[256];
    struct frame_spec s = {
        .version = 6, .proto = 58, .dst = HOST_A, .src = GATEWAY, .host = 1, .ext_headers = ext_headers};
    size_t n = from_hex(hex, m);
    frame_build(&f, &s, m, n);
    uint8_t *icmp = f.b + f.l4;
    dbr_put16(icmp + 2, (uint16_t)~plain_fold(plain_pseudo(f.b + f.l3, 58, n) + plain_sum(icmp, n)));
}

static void adverts(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof advert_cases / sizeof *advert_cases; i++) {
        uint8_t is[256];
        const char *want = advert_cases[i / 2].is;
        build_advert(advert_cases[i / 2].was, i % 2);
        bool good = split(&f);
        if (good != (want != NULL))
            fail_msg("case %zu: %s", i / 2, advert_cases[i / 2].was);
        if (!good)
            continue;
        size_t n = from_hex(want, is);
        assert_int_equal(f.n, f.l4 + n);
        assert_true(frame_good(f.b, f.n, f.l3, f.l4, 58));
        memset(f.b + f.l4 + 2, 0, 2);
        assert_memory_equal(f.b + f.l4, is, n);
    }
}

/* ---- what does not pass ---- */

static void unreadable(void **state)
{
    uint8_t m[600];
    size_t n = message(m, STAYS " 0304c0a80101 ff");
    (void)state;
    frame_build(&f, &dhcp_spec, m, n);
    dbr_put16(f.b + f.l3 + 6, 0x2000); /* the first of several fragments */
    assert_false(split(&f));
    frame_build(&f, &dhcp_spec, m, n);
    f.n -= 3; /* the IP length says more */
    assert_false(split(&f));
    frame_build(&f, &dhcp_spec, m, n);
    dbr_put16(f.b + f.l4 + 4, (uint16_t)(n + 7)); /* UDP says less than IP */
    assert_false(split(&f));
    n = message(m, STAYS " 0305c0a80101");
    frame_build(&f, &dhcp_spec, m, n);
    assert_false(split(&f));
    n = message(m, STAYS " 03");
    frame_build(&f, &dhcp_spec, m, n);
    assert_false(split(&f));
    struct frame_spec tcp = dhcp_spec;
    tcp.proto = 6;
    frame_build(&f, &tcp, NULL, 40);
    assert_false(split(&f));
    frame_start(&f, HOST_A, LAN_HOST, 0x0806);
    frame_fill(&f, 0, 46);
    assert_false(split(&f));
}

/* Every cut of good frames: never a byte beyond, never a frame that grew. */
static void every_cut(void **state)
{
    static struct frame whole;
    (void)state;
    build_advert(HEAD("0708") RDNSS PREFIX DNSSL ROUTE0 MTU, 1);
    whole = f;
    for (size_t n = 0; n <= whole.n; n++) {
        f = whole;
        f.n = n;
        assert_int_equal(split(&f), n == whole.n);
        assert_true(f.n <= n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhcp_options),  cmocka_unit_test(dhcp_overload), cmocka_unit_test(dhcp_frames),
        cmocka_unit_test(dhcp6_options), cmocka_unit_test(adverts),       cmocka_unit_test(unreadable),
        cmocka_unit_test(every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
