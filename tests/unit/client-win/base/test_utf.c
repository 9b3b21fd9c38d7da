/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * UTF-8 and UTF-16: what is refused, what fits, where a text is cut.
 */
#include "base/err.h"
#include "client-win/base/utf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *text;
    int32_t first; /* -1: refused */
    bool line;
} characters[] = {
    {"A", 'A', true},
    {"\x7e", '~', true},
    {"\x7f", 0x7f, false},
    {"\x1f", 0x1f, false},
    {"\n", '\n', false},
    {"\xc2\x80", 0x80, false},
    {"\xc2\x9f", 0x9f, false},
    {"\xc2\xa0", 0xa0, true},
    {"\xc3\xa9", 0xe9, true},
    {"\xe2\x80\xa7", 0x2027, true},
    {"\xe2\x80\xa8", 0x2028, false},
    {"\xe2\x80\xae", 0x202e, false},
    {"\xe2\x80\xaf", 0x202f, true},
    {"\xe2\x81\xa6", 0x2066, false},
    {"\xe2\x81\xa9", 0x2069, false},
    {"\xe2\x82\xac", 0x20ac, true},
    {"\xf0\x9f\x94\x92", 0x1f512, true},
    {"\xf4\x8f\xbf\xbf", 0x10ffff, true},
    {"\xf4\x90\x80\x80", -1, false},
    {"\xf8\x88\x80\x80\x80", -1, false},
    {"\xc0\x80", -1, false},
    {"\xc1\xbf", -1, false},
    {"\xe0\x9f\xbf", -1, false},
    {"\xf0\x8f\xbf\xbf", -1, false},
    {"\xed\xa0\x80", -1, false},
    {"\xed\xbf\xbf", -1, false},
    {"\x80", -1, false},
    {"\xc3", -1, false},
    {"\xe2\x82", -1, false},
    {"\xc3(", -1, false},
    {"\xff", -1, false},
};

static void characters_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(characters); i++) {
        const char *at = characters[i].text, *end = at + strlen(at);
        int32_t c = dbr_utf8_next(&at, end);
        if (c != characters[i].first || at != (c < 0 ? characters[i].text : end))
            fail_msg("case %zu: U+%04X", i, (unsigned)c);
        if (dbr_utf8_is_line(characters[i].text, strlen(characters[i].text)) != characters[i].line)
            fail_msg("case %zu: a line or not", i);
    }
}

static const struct {
    const char *src, *want;
    size_t cap;
} lines[] = {
    {NULL, "", 1},
    {"", "", 4},
    {"abc", "abc", 4},
    {"abcd", "abc", 4},
    {"a\nb", "a?b", 8},
    {"a\xffz", "a?z", 8},
    {"ab\xc3\xa9", "ab", 4},
    {"ab\xc3\xa9", "ab\xc3\xa9", 5},
    {"x\xe2\x80\xaey", "x?y", 8},
};

static void lines_are_made_safe(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(lines); i++) {
        char out[16];
        memset(out, 'x', sizeof out);
        dbr_utf8_line(out, lines[i].cap, lines[i].src);
        assert_string_equal(out, lines[i].want);
        for (size_t k = strlen(out); k < lines[i].cap; k++)
            assert_int_equal(out[k], 0);
        assert_int_equal(out[lines[i].cap], 'x');
    }
}

static void there_and_back(void **state)
{
    (void)state;
    static const char text[] = "C:\\Users\\Zo\xc3\xab\\\xe2\x82\xac \xf0\x9f\x94\x92";
    dbr_utf16 wide[32];
    char back[64];
    assert_int_equal(dbr_utf16_from8(wide, N(wide), text), 0);
    assert_int_equal(dbr_utf8_from16(back, sizeof back, wide), 0);
    assert_string_equal(back, text);
    for (size_t cap = 0; cap < sizeof text; cap++) {
        back[0] = 'x';
        assert_int_equal(dbr_utf8_from16(back, cap, wide), DBR_ERR_SPACE);
        assert_int_equal(back[0], cap ? 0 : 'x');
    }
    assert_int_equal(dbr_utf8_from16(back, sizeof text, wide), 0);
}

static void wide_bounds(void **state)
{
    (void)state;
    dbr_utf16 wide[8];
    assert_int_equal(dbr_utf16_from8(wide, 3, "ab"), 0);
    assert_int_equal(dbr_utf16_from8(wide, 2, "ab"), DBR_ERR_SPACE);
    assert_int_equal(wide[0], 0);
    assert_int_equal(dbr_utf16_from8(wide, 2, "\xf0\x9f\x94\x92"), DBR_ERR_SPACE);
    assert_int_equal(dbr_utf16_from8(wide, 3, "\xf0\x9f\x94\x92"), 0);
    assert_int_equal(dbr_utf16_from8(wide, 0, ""), DBR_ERR_SPACE);
    assert_int_equal(dbr_utf16_from8(wide, 8, "a\xc0\x80"), DBR_ERR_SHAPE);
    assert_int_equal(wide[0], 0);
}

static void lone_surrogates(void **state)
{
    (void)state;
    static const dbr_utf16 bad[][3] = {
        {0xd83d, 'x', 0}, {0xd83d, 0, 0}, {0xdd12, 0xd83d, 0}, {'a', 0xdfff, 0}};
    char out[16];
    for (size_t i = 0; i < N(bad); i++) {
        assert_int_equal(dbr_utf8_from16(out, sizeof out, bad[i]), DBR_ERR_SHAPE);
        assert_string_equal(out, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_one_by_one), cmocka_unit_test(lines_are_made_safe),
        cmocka_unit_test(there_and_back),        cmocka_unit_test(wide_bounds),
        cmocka_unit_test(lone_surrogates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
