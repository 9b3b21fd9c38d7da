/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "client-win/tapw/facts.h"

#include <stdlib.h>
#include <string.h>

/* The value lies at the end of its own piece of memory: a byte too much is seen by the sanitizer. */
static int text_of(uint32_t type, const char *bytes, size_t n, char *out, size_t cap)
{
    uint8_t *own = malloc(n + 1);
    assert_non_null(own);
    memcpy(own + 1, bytes, n);
    int err = tapw_text(type, own + 1, n, out, cap);
    free(own);
    return err;
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *bytes;
        size_t n, cap;
        int err;
        const char *want;
    } row[] = {
        {1, "t\0a\0p\0\0\0", 8, 64, 0, "tap"},
        {1, "t\0a\0p\0", 6, 64, 0, "tap"}, /* no NUL */
        {1, "t\0a\0p\0\0\0x\0y\0", 12, 64, 0, "tap"},
        {1, "\xe9\0", 2, 64, 0, "\xc3\xa9"},
        {1, "\x3d\xd8\x00\xde", 4, 64, 0, "\xf0\x9f\x98\x80"},
        {1, "", 0, 64, 0, ""},
        {1, "\0\0", 2, 64, 0, ""},
        {1, "t\0a", 3, 64, DBR_ERR_SHAPE, ""}, /* odd lengths */
        {1, "t", 1, 64, DBR_ERR_SHAPE, ""},
        {2, "t\0\0\0", 4, 64, DBR_ERR_SHAPE, ""}, /* REG_EXPAND_SZ */
        {3, "t\0\0\0", 4, 64, DBR_ERR_SHAPE, ""},
        {4, "\1\0\0\0", 4, 64, DBR_ERR_SHAPE, ""},
        {7, "t\0\0\0\0\0", 6, 64, DBR_ERR_SHAPE, ""},
        {0, "", 0, 64, DBR_ERR_SHAPE, ""},
        {1, "\x3d\xd8", 2, 64, DBR_ERR_SHAPE, ""}, /* half a pair */
        {1, "\x00\xde\x3d\xd8", 4, 64, DBR_ERR_SHAPE, ""},
        {1, "a\0\n\0", 4, 64, DBR_ERR_SHAPE, ""},
        {1, "\x2e\x20", 2, 64, DBR_ERR_SHAPE, ""}, /* turns the line round */
        {1, "t\0a\0p\0", 6, 4, 0, "tap"},
        {1, "t\0a\0p\0", 6, 3, DBR_ERR_SPACE, ""},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char out[64] = "before";
        assert_int_equal(text_of(row[i].type, row[i].bytes, row[i].n, out, row[i].cap), row[i].err);
        assert_string_equal(out, row[i].want);
    }
}

static void long_texts(void **state)
{
    (void)state;
    char bytes[TAPW_VALUE + 2], out[TAPW_VALUE];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i % 2 ? 0 : 'a';
    assert_int_equal(text_of(1, bytes, TAPW_VALUE, out, sizeof out), 0);
    assert_int_equal(strlen(out), TAPW_VALUE / 2);
    assert_int_equal(text_of(1, bytes, TAPW_VALUE + 2, out, sizeof out), DBR_ERR_SPACE);
}

static void components(void **state)
{
    (void)state;
    static const char *const yes[] = {"tap0901", "TAP0901", "root\\tap0901", "ROOT\\Tap0901"};
    static const char *const no[] = {"",        "tap0801",  "tap09011",  "tap090",          "root/tap0901",
                                     "wintun",  "ovpn-dco", "\\tap0901", "root\\\\tap0901", "xtap0901",
                                     "tap0901 "};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(tapw_is_ours(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(tapw_is_ours(no[i]));
}

static void guids(void **state)
{
    (void)state;
    static const char *const no[] = {"",
                                     "{",
                                     "0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60",
                                     "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60",
                                     "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}.",
                                     "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F6G}",
                                     "{0F2C6A7D09C1B-4E3A-8F60-1B2C3D4E5F60}",
                                     "{..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\}"};
    assert_true(tapw_guid_is_good("{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}"));
    assert_true(tapw_guid_is_good("{0f2c6a7d-9c1b-4e3a-8f60-1b2c3d4e5f60}"));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(tapw_guid_is_good(no[i]));
}

static void ages(void **state)
{
    (void)state;
    static const struct {
        uint32_t major, minor;
        enum tapw_age want;
    } row[] = {{8, 99, TAPW_TOO_OLD}, {9, 9, TAPW_TOO_OLD}, {9, 20, TAPW_TOO_OLD}, {9, 21, TAPW_OLD},
               {9, 26, TAPW_OLD},     {9, 27, TAPW_GOOD},   {10, 0, TAPW_GOOD}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_int_equal(tapw_age(row[i].major, row[i].minor), row[i].want);
}

static void reasons(void **state)
{
    (void)state;
    static const struct {
        struct tapw_tally t;
        const char *has;
    } row[] = {
        {{.adapters = 0}, "no TAP adapter"},
        {{.adapters = 1, .busy = 1}, "in use"},
        {{.adapters = 3, .busy = 1, .off = 1, .gone = 1}, "in use"},
        {{.adapters = 1, .too_old = 1}, "too old"},
        {{.adapters = 1, .off = 1}, "switched off"},
        {{.adapters = 1, .gone = 1}, "switched off"},
        {{.adapters = 1, .failed = 1}, "does not answer"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const char *why = tapw_reason(&row[i].t);
        assert_non_null(strstr(why, row[i].has));
        assert_true(strlen(why) < 230); /* with a word before it, fits into one message */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts), cmocka_unit_test(long_texts), cmocka_unit_test(components),
        cmocka_unit_test(guids), cmocka_unit_test(ages),       cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
