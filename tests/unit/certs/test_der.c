/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The DER reader against a table of good and bad elements.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "certs/der.h"

struct bytes_case {
    const char *what;
    const char *bytes;
    size_t len;
    bool ok;
    long long value; /* length of the body, value of the number or time */
};

#define B(s) s, sizeof s - 1

static void test_take(void **state)
{
    static const struct bytes_case cases[] = {
        {"empty", B(""), false, 0},
        {"no length", B("\x30"), false, 0},
        {"empty body", B("\x30\x00"), true, 0},
        {"one byte", B("\x30\x01x"), true, 1},
        {"short", B("\x30\x02x"), false, 0},
        {"other tag", B("\x31\x00"), false, 0},
        {"indefinite", B("\x30\x80\x00\x00"), false, 0},
        {"long form not minimal", B("\x30\x81\x01x"), false, 0},
        {"long form with leading zero", B("\x30\x82\x00\x80"), false, 0},
        {"five length octets", B("\x30\x85\x01\x00\x00\x00\x00"), false, 0},
        {"four length octets, short", B("\x30\x84\xff\xff\xff\xff"), false, 0},
        {"length octets cut", B("\x30\x82\x01"), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dbr_reader r;
        struct dbr_der e;
        dbr_reader_init(&r, cases[i].bytes, cases[i].len);
        bool ok = dbr_der_take(&r, DBR_DER_SEQ, &e);
        if (ok != cases[i].ok || ok != dbr_reader_ok(&r) || (long long)e.len != cases[i].value)
            fail_msg("case %zu: %s", i, cases[i].what);
    }
}

static void test_long_body(void **state)
{
    uint8_t b[3 + 200] = {0x30, 0x81, 200};
    struct dbr_reader r;
    struct dbr_der e;
    (void)state;
    dbr_reader_init(&r, b, sizeof b);
    assert_true(dbr_der_take(&r, DBR_DER_SEQ, &e));
    assert_int_equal(e.len, 200);
    assert_int_equal(e.tlv_len, 203);
    assert_ptr_equal(e.body, b + 3);
}

static void test_unsigned(void **state)
{
    static const struct bytes_case cases[] = {
        {"zero", B("\x02\x01\x00"), true, 0},
        {"127", B("\x02\x01\x7f"), true, 127},
        {"128", B("\x02\x02\x00\x80"), true, 128},
        {"negative", B("\x02\x01\x80"), false, 0},
        {"empty", B("\x02\x00"), false, 0},
        {"not minimal", B("\x02\x02\x00\x7f"), false, 0},
        {"two bytes, max", B("\x02\x03\x00\xff\xff"), true, 65535},
        {"three bytes, above max", B("\x02\x03\x01\x00\x00"), false, 0},
        {"enumerated", B("\x0a\x01\x01"), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dbr_reader r;
        const uint8_t *mag;
        size_t len;
        long long v = 0;
        dbr_reader_init(&r, cases[i].bytes, cases[i].len);
        bool ok = dbr_der_unsigned(&r, 2, &mag, &len);
        for (size_t k = 0; k < len; k++)
            v = v << 8 | mag[k];
        if (ok != cases[i].ok || ok != dbr_reader_ok(&r) || v != cases[i].value)
            fail_msg("case %zu: %s", i, cases[i].what);
    }
}

static void test_time(void **state)
{
    static const struct bytes_case cases[] = {
        {"epoch",
         B("\x17\x0d"
           "700101000000Z"),
         true, 0},
        {"1950",
         B("\x17\x0d"
           "500101000000Z"),
         true, -631152000},
        {"2049",
         B("\x17\x0d"
           "491231235959Z"),
         true, 2524607999},
        {"2050",
         B("\x18\x0f"
           "20500101000000Z"),
         true, 2524608000},
        {"leap day",
         B("\x17\x0d"
           "240229120000Z"),
         true, 1709208000},
        {"not a leap day",
         B("\x17\x0d"
           "230229120000Z"),
         false, 0},
        {"2100 is no leap year",
         B("\x18\x0f"
           "21000229000000Z"),
         false, 0},
        {"month 13",
         B("\x17\x0d"
           "241301000000Z"),
         false, 0},
        {"month 0",
         B("\x17\x0d"
           "240001000000Z"),
         false, 0},
        {"day 0",
         B("\x17\x0d"
           "240100000000Z"),
         false, 0},
        {"hour 24",
         B("\x17\x0d"
           "240101240000Z"),
         false, 0},
        {"minute 60",
         B("\x17\x0d"
           "240101006000Z"),
         false, 0},
        {"second 60",
         B("\x17\x0d"
           "240101000060Z"),
         false, 0},
        {"no seconds",
         B("\x17\x0b"
           "2401010000Z"),
         false, 0},
        {"offset",
         B("\x17\x11"
           "240101000000+0100"),
         false, 0},
        {"local",
         B("\x17\x0d"
           "2401010000000"),
         false, 0},
        {"sign",
         B("\x17\x0d"
           "2401010000-1Z"),
         false, 0},
        {"utc body in generalized",
         B("\x18\x0d"
           "240101000000Z"),
         false, 0},
        {"fraction",
         B("\x18\x11"
           "20240101000000.5Z"),
         false, 0},
        {"an integer", B("\x02\x01\x01"), false, 0},
        {"nothing", B(""), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dbr_reader r;
        int64_t v;
        dbr_reader_init(&r, cases[i].bytes, cases[i].len);
        bool ok = dbr_der_time(&r, &v);
        if (ok != cases[i].ok || ok != dbr_reader_ok(&r) || v != cases[i].value)
            fail_msg("case %zu: %s: %lld", i, cases[i].what, (long long)v);
    }
}

static void test_optional_leaves_others(void **state)
{
    struct dbr_reader r, body;
    struct dbr_der e;
    (void)state;
    dbr_reader_init(&r, "\x02\x01\x05", 3);
    assert_false(dbr_der_optional(&r, DBR_DER_SEQ, &e));
    assert_true(dbr_reader_ok(&r));
    assert_true(dbr_der_optional(&r, DBR_DER_INTEGER, &e));
    assert_true(dbr_der_is(&e, "\5", 1));
    assert_false(dbr_der_is(&e, "\6", 1));
    assert_false(dbr_der_is(&e, "\5\5", 2));
    assert_int_equal(dbr_der_peek(&r), -1);
    assert_false(dbr_der_enter(&r, DBR_DER_SEQ, &body));
    assert_false(dbr_reader_ok(&body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_long_body),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_optional_leaves_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
