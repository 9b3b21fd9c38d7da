/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Compression framing: known bytes of each kind, round trips, and everything that is no framing.
 */
#include "helpers.h"

#include "proto/framing.h"

#include <lzo/lzo1x.h>

enum { ROOM = 16, BIG = 2048 };

static const struct {
    enum dbr_framing framing;
    const char *plain, *framed;
} known[] = {
    {DBR_FRAMING_NONE, "ffffffffffff0102", "ffffffffffff0102"},
    {DBR_FRAMING_NONE, "50", "50"},
    {DBR_FRAMING_COMP_LZO, "ffffffffffff0102", "faffffffffffff0102"},
    {DBR_FRAMING_COMP_LZO, "fa", "fafa"},
    {DBR_FRAMING_COMP_LZO, "66", "fa66"},
    {DBR_FRAMING_COMPRESS_SWAP, "a1b2c3d4", "fbb2c3d4a1"},
    {DBR_FRAMING_COMPRESS_SWAP, "a1", "fba1"},
    {DBR_FRAMING_STUB_V2, "ffffffffffff0102", "ffffffffffff0102"},
    {DBR_FRAMING_STUB_V2, "501122334455", "5000501122334455"},
    {DBR_FRAMING_STUB_V2, "50", "500050"},
    {DBR_FRAMING_STUB_V2, "5000", "50005000"},
    {DBR_FRAMING_STUB_V2, "4f", "4f"},
    {DBR_FRAMING_STUB_V2, "51", "51"},
    {DBR_FRAMING_OFFLOAD, "ffffffffffff0102", "00ffffffffffff0102"},
    {DBR_FRAMING_OFFLOAD, "01", "0001"},
};

static void known_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        uint8_t buf[BIG] = {0}, framed[64], plain[64], *p = buf + ROOM;
        size_t n = from_hex(plain, sizeof plain, known[i].plain), len = n;
        size_t want = from_hex(framed, sizeof framed, known[i].framed);
        memcpy(p, plain, n);
        dbr_framing_add(known[i].framing, &p, &len);
        assert_true(p <= buf + ROOM && p + DBR_FRAMING_HEADROOM >= buf + ROOM);
        CHECK(len == want && !memcmp(p, framed, len), "row %zu added", i);
        for (uint8_t *q = buf; q < buf + BIG; q++) /* nothing outside was touched */
            assert_true(*q == 0 || (q >= p && q < p + len));
        assert_int_equal(dbr_framing_strip(known[i].framing, &p, &len, NULL, 0), 0);
        CHECK(len == n && !memcmp(p, plain, n), "row %zu stripped", i);
    }
}

static void empty_stays_empty(void **state)
{
    (void)state;
    for (int f = DBR_FRAMING_NONE; f <= DBR_FRAMING_OFFLOAD; f++) {
        uint8_t buf[8], *p = buf + 4;
        size_t len = 0;
        memset(buf, 0x50, sizeof buf);
        dbr_framing_add(f, &p, &len);
        assert_true(p == buf + 4 && len == 0);
        assert_int_equal(dbr_framing_strip(f, &p, &len, NULL, 0), DBR_ERR_SHAPE);
    }
}

/* What each first byte means, for one byte, two bytes and many. */
static int expected(enum dbr_framing f, const uint8_t *p, size_t len)
{
    switch (f) {
    case DBR_FRAMING_NONE: return 0;
    case DBR_FRAMING_COMP_LZO:
        return p[0] == 0x69 ? DBR_ERR_UNSUPPORTED : p[0] == 0xfa && len > 1 ? 0 : DBR_ERR_SHAPE;
    case DBR_FRAMING_COMPRESS_SWAP:
        return p[0] == 0x69 ? DBR_ERR_UNSUPPORTED : p[0] == 0xfb && len > 1 ? 0 : DBR_ERR_SHAPE;
    case DBR_FRAMING_OFFLOAD: return p[0] > 1 || len < 2 ? DBR_ERR_SHAPE : p[0] ? DBR_FRAMING_UNSUMMED : 0;
    case DBR_FRAMING_STUB_V2:
        if (p[0] != 0x50)
            return 0;
        if (len > 1 && p[1] >= 1 && p[1] <= 3)
            return DBR_ERR_UNSUPPORTED;
        return len > 2 && (p[1] == 0 || p[1] == 10) ? 0 : DBR_ERR_SHAPE;
    }
    return 1;
}

static void every_two_bytes(void **state)
{
    (void)state;
    for (int f = DBR_FRAMING_NONE; f <= DBR_FRAMING_OFFLOAD; f++)
        for (unsigned v = 0; v < 65536; v++)
            for (size_t len = 1; len <= 20; len += len == 1 ? 1 : len == 2 ? 1 : 17) {
                uint8_t buf[20] = {(uint8_t)(v >> 8), (uint8_t)v, 0x13, 0}, scratch[64], *p = buf;
                size_t n = len;
                int want = expected(f, buf, len);
                CHECK(dbr_framing_strip(f, &p, &n, scratch, sizeof scratch) == want,
                      "framing %d bytes %04x length %zu", f, v, len);
                assert_true(want < 0 || n > 0);
            }
}

static void without_checksum(void **state)
{
    uint8_t buf[] = {0, 0, 0xaa, 0xbb}, *p = buf + 2;
    size_t len = 2;
    (void)state;
    dbr_framing_add(DBR_FRAMING_OFFLOAD, &p, &len);
    dbr_framing_unsummed(p);
    assert_int_equal(len, 3);
    assert_int_equal(dbr_framing_strip(DBR_FRAMING_OFFLOAD, &p, &len, NULL, 0), DBR_FRAMING_UNSUMMED);
    assert_true(len == 2 && p == buf + 2);
}

/* OpenVPN 2.4 to 2.7 escape with 0x0A and drop that themselves: a MAC 50:... reaches us. */
static void escape_of_stock_peers(void **state)
{
    uint8_t framed[] = {0x50, 0x0a, 0x50, 1, 2, 3}, *p = framed;
    size_t len = sizeof framed;
    (void)state;
    assert_int_equal(dbr_framing_strip(DBR_FRAMING_STUB_V2, &p, &len, NULL, 0), 0);
    assert_true(len == 4 && p == framed + 2);
}

/* --- LZO --- */

static int strip_lzo(const uint8_t *packed, size_t n, uint8_t *scratch, size_t cap, uint8_t **p, size_t *len)
{
    static uint8_t buf[2 * BIG];
    buf[0] = 0x66;
    memcpy(buf + 1, packed, n);
    *p = buf;
    *len = n + 1;
    return dbr_framing_strip(DBR_FRAMING_COMP_LZO, p, len, scratch, cap);
}

static void lzo_known_answer(void **state)
{
    /* 17 + 5 literals, then the end marker (LZO1X stream format) */
    static const uint8_t packed[] = {22, 'h', 'e', 'l', 'l', 'o', 0x11, 0, 0};
    uint8_t scratch[8], *p;
    size_t len;
    (void)state;
    assert_int_equal(strip_lzo(packed, sizeof packed, scratch, sizeof scratch, &p, &len), 0);
    assert_true(p == scratch && len == 5 && !memcmp(scratch, "hello", 5));
    assert_int_equal(strip_lzo(packed, sizeof packed, scratch, 5, &p, &len), 0);
    for (size_t cap = 0; cap < 5; cap++)
        assert_int_equal(strip_lzo(packed, sizeof packed, scratch, cap, &p, &len), DBR_ERR_SHAPE);
    for (size_t n = 0; n < sizeof packed; n++)
        CHECK(strip_lzo(packed, n, scratch, sizeof scratch, &p, &len) == DBR_ERR_SHAPE, "cut to %zu", n);
    static const uint8_t with_tail[] = {22, 'h', 'e', 'l', 'l', 'o', 0x11, 0, 0, 0};
    assert_int_equal(strip_lzo(with_tail, sizeof with_tail, scratch, sizeof scratch, &p, &len),
                     DBR_ERR_SHAPE);
    static const uint8_t nothing[] = {0x11, 0, 0};
    assert_int_equal(strip_lzo(nothing, sizeof nothing, scratch, sizeof scratch, &p, &len), DBR_ERR_SHAPE);
}

static void lzo_expands_what_old_clients_send(void **state)
{
    static uint8_t frame[1518], packed[BIG], work[LZO1X_1_MEM_COMPRESS], scratch[1600];
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++)
        for (size_t n = 1; n <= sizeof frame; n += 37) {
            uint64_t rng = n;
            for (size_t i = 0; i < n; i++)
                frame[i] = kind == 0 ? 0 : kind == 1 ? (uint8_t)(i / 7) : (uint8_t)next_random(&rng);
            lzo_uint packed_len = sizeof packed;
            assert_int_equal(lzo1x_1_compress(frame, n, packed, &packed_len, work), LZO_E_OK);
            uint8_t *p;
            size_t len;
            assert_int_equal(strip_lzo(packed, packed_len, scratch, sizeof scratch, &p, &len), 0);
            assert_true(len == n && p == scratch && !memcmp(p, frame, n));
            assert_int_equal(strip_lzo(packed, packed_len, scratch, n - 1, &p, &len), DBR_ERR_SHAPE);
        }
}

/* A bomb stops at the cap. */
static void lzo_bomb(void **state)
{
    static uint8_t zeros[100000], packed[BIG], work[LZO1X_1_MEM_COMPRESS], scratch[1600 + 64];
    lzo_uint packed_len = sizeof packed;
    uint8_t *p;
    size_t len;
    (void)state;
    assert_int_equal(lzo1x_1_compress(zeros, sizeof zeros, packed, &packed_len, work), LZO_E_OK);
    memset(scratch, 0x5a, sizeof scratch);
    assert_int_equal(strip_lzo(packed, packed_len, scratch, 1600, &p, &len), DBR_ERR_SHAPE);
    for (size_t i = 1600; i < sizeof scratch; i++)
        assert_int_equal(scratch[i], 0x5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),      cmocka_unit_test(empty_stays_empty),
        cmocka_unit_test(every_two_bytes),  cmocka_unit_test(escape_of_stock_peers),
        cmocka_unit_test(lzo_known_answer), cmocka_unit_test(lzo_expands_what_old_clients_send),
        cmocka_unit_test(lzo_bomb),         cmocka_unit_test(without_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
