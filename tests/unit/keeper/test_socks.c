/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SOCKS 5 messages: by known bytes, cut short at each place, and refused.
 */
#include "base/err.h"
#include "keeper/socks_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void methods(void **state)
{
    static const struct {
        uint8_t in[2];
        bool login;
        int result;
    } rows[] = {
        {{5, 0}, false, 0},
        {{5, 0}, true, 0},
        {{5, 2}, true, 2},
        {{5, 2}, false, DBR_ERR_AUTH}, /* it was not offered */
        {{5, 0xff}, true, DBR_ERR_AUTH},
        {{5, 1}, true, DBR_ERR_AUTH},
        {{4, 0}, false, DBR_ERR_SHAPE},
    };
    uint8_t out[4];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(socks_method(rows[i].in, rows[i].login), rows[i].result);
    assert_int_equal(socks_methods(out, false), 3);
    assert_memory_equal(out, "\5\1\0", 3);
    assert_int_equal(socks_methods(out, true), 4);
    assert_memory_equal(out, "\5\2\0\2", 4);
}

static void logins(void **state)
{
    uint8_t out[SOCKS_LOGIN_MAX];
    char longest[SOCKS_WORD_MAX + 2];
    (void)state;
    assert_int_equal(socks_login(out, "bob", "x"), 7);
    assert_memory_equal(out, "\1\3bob\1x", 7);
    assert_int_equal(socks_login(out, "", "x"), 0);
    assert_int_equal(socks_login(out, "bob", ""), 0);
    memset(longest, 'a', sizeof longest);
    longest[SOCKS_WORD_MAX + 1] = 0;
    assert_int_equal(socks_login(out, longest, "x"), 0);
    assert_int_equal(socks_login(out, "x", longest), 0);
    longest[SOCKS_WORD_MAX] = 0;
    assert_int_equal(socks_login(out, longest, longest), SOCKS_LOGIN_MAX);
}

static const struct {
    const char *bytes;
    size_t n;
    int result; /* length, or an error */
    uint8_t family, code;
    uint16_t port;
} replies[] = {
    {"\5\0\0\1\12\0\0\1\4\70", 10, 10, 4, 0, 1080},
    {"\5\0\0\1\0\0\0\0\4\70", 10, 10, 0, 0, 1080}, /* the proxy itself */
    {"\5\0\0\1\12\0\0\1\0\0", 10, DBR_ERR_SHAPE, 4, 0, 0},
    {"\5\0\0\4\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4\70", 22, 22, 6, 0, 1080},
    {"\5\0\0\3\1a\4\70", 8, 8, 0, 0, 1080},
    {"\5\0\0\2\12\0\0\1\4\70", 10, DBR_ERR_SHAPE, 0, 0, 0},
    {"\4\0\0\1\12\0\0\1\4\70", 10, DBR_ERR_SHAPE, 0, 0, 0},
    {"\5\7\0\1\12\0\0\1\4\70", 10, DBR_ERR_AUTH, 0, 7, 0},
    {"\5\377", 2, DBR_ERR_AUTH, 0, 255, 0},
};

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        const uint8_t *in = (const uint8_t *)replies[i].bytes;
        struct dbr_addr at;
        uint8_t code;
        int got = socks_reply(in, replies[i].n, &at, &code);
        if (got != replies[i].result)
            fail_msg("reply %zu: %d", i, got);
        assert_int_equal(code, replies[i].code);
        if (got < 0)
            continue;
        assert_int_equal(at.family, replies[i].family);
        assert_int_equal(at.port, replies[i].port);
        for (size_t n = 0; n < replies[i].n; n++) /* never more than is there */
            assert_int_equal(socks_reply(in, n, &at, &code), DBR_ERR_AGAIN);
    }
    for (int code = 0; code < 256; code++)
        assert_true(strlen(socks_refusal((uint8_t)code)) > 5);
    assert_string_equal(socks_refusal(7), "it does not do UDP");
}

static const struct {
    const char *bytes;
    size_t n;
    int result;
    uint8_t family;
} datagrams[] = {
    {"\0\0\0\1\12\0\0\1\4\252hello", 15, 10, 4},
    {"\0\0\0\1\12\0\0\1\4\252", 10, 10, 4}, /* nothing in it */
    {"\0\0\0\4\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4\252x", 23, 22, 6},
    {"\0\0\0\3\1a\4\252x", 9, 8, 0},
    {"\0\0\1\1\12\0\0\1\4\252hello", 15, DBR_ERR_SHAPE, 0}, /* a fragment */
    {"\1\0\0\1\12\0\0\1\4\252hello", 15, DBR_ERR_SHAPE, 0},
    {"\0\1\0\1\12\0\0\1\4\252hello", 15, DBR_ERR_SHAPE, 0},
    {"\0\0\0\5\12\0\0\1\4\252hello", 15, DBR_ERR_SHAPE, 0},
    {"\0\0\0\3\377a\4\252x", 9, DBR_ERR_SHAPE, 0}, /* the name is longer than the datagram */
    {"", 0, DBR_ERR_SHAPE, 0},
};

static void headers(void **state)
{
    uint8_t out[SOCKS_HEADER_MAX];
    struct dbr_addr a = {.family = 4, .port = 1194, .ip = {10, 0, 0, 1}}, back;
    (void)state;
    for (size_t i = 0; i < sizeof datagrams / sizeof datagrams[0]; i++) {
        const uint8_t *in = (const uint8_t *)datagrams[i].bytes;
        int got = socks_unwrap(in, datagrams[i].n, &back);
        if (got != datagrams[i].result)
            fail_msg("datagram %zu: %d", i, got);
        if (got < 0)
            continue;
        assert_int_equal(back.family, datagrams[i].family);
        for (size_t n = 0; n < (size_t)got; n++)
            assert_int_equal(socks_unwrap(in, n, &back), DBR_ERR_SHAPE);
    }
    assert_int_equal(socks_header(out, &a), 10);
    assert_memory_equal(out, "\0\0\0\1\12\0\0\1\4\252", 10);
    assert_int_equal(socks_unwrap(out, 10, &back), 10);
    assert_true(dbr_addr_equal(&a, &back));
    a.family = 6;
    assert_int_equal(socks_header(out, &a), SOCKS_HEADER_MAX);
    assert_int_equal(socks_unwrap(out, SOCKS_HEADER_MAX, &back), SOCKS_HEADER_MAX);
    assert_true(dbr_addr_equal(&a, &back));
    uint8_t request[SOCKS_ASSOCIATE_LEN];
    socks_associate(request);
    assert_memory_equal(request, "\5\3\0\1\0\0\0\0\0\0", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods),
        cmocka_unit_test(logins),
        cmocka_unit_test(answers),
        cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
