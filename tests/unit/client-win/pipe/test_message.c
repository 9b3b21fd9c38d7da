/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Each message: its bytes, each way, each length, and each field one step beyond its range.
 */
#include "base/err.h"
#include "client-win/pipe/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

enum { WAYS = 4 };

static const struct {
    unsigned type, ways;
} types[] = {
#define X(name, member, number, ways) {number, ways},
    DBR_PM_MESSAGES(X)
#undef X
};

static const struct dbr_pm samples[] = {
    {DBR_PM_HELLO, {.hello = {1}}},
    {DBR_PM_CONNECT, {.connect = {"office"}}},
    {DBR_PM_DISCONNECT, {{0}}},
    {DBR_PM_ANSWER, {.answer = {DBR_PM_ASK_LOGIN, "Zo\xc3\xab", "s3cret"}}},
    {DBR_PM_STATUS, {{0}}},
    {DBR_PM_STATE, {.state = {DBR_PM_CONNECTED, "office", "Connected.", 1700000000, "192.0.2.7"}}},
    {DBR_PM_ASK, {.ask = {DBR_PM_ASK_PASSPHRASE, 1, "Passphrase?", "zoe"}}},
    {DBR_PM_LOG, {.log = {11, "a line"}}},
    {DBR_PM_REFUSED, {.refused = {"Another user is connected."}}},
    {DBR_PM_NET_ADDRESS, {.net_address = {4, 24, {192, 0, 2, 7}}}},
    {DBR_PM_NET_DHCP, {{0}}},
    {DBR_PM_NET_ROUTE, {.net_route = {6, 48, 1, {0x20, 1, 0xd, 0xb8}, {0xfe, 0x80, [15] = 1}, 9999}}},
    {DBR_PM_NET_DNS, {.net_dns = {4, {192, 0, 2, 53}}}},
    {DBR_PM_NET_SEARCH, {.net_search = {"example.com"}}},
    {DBR_PM_NET_MTU, {.net_mtu = {1500}}},
    {DBR_PM_NET_BLOCK_OUTSIDE_DNS, {{0}}},
    {DBR_PM_NET_APPLY, {{0}}},
    {DBR_PM_NET_CLEAR, {{0}}},
    {DBR_PM_START, {.start = {"office"}}},
    {DBR_PM_STOP, {{0}}},
    {DBR_PM_NET_DONE, {.net_done = {87, "a parameter is wrong"}}},
};

static unsigned ways_of(unsigned type)
{
    for (size_t i = 0; i < N(types); i++)
        if (types[i].type == type)
            return types[i].ways;
    return 0;
}

static enum dbr_pm_way a_way(unsigned type)
{
    unsigned ways = ways_of(type);
    return (enum dbr_pm_way)(ways & (0 - ways));
}

static void a_sample_of_each_type(void **state)
{
    (void)state;
    assert_int_equal(N(samples), N(types));
    for (size_t i = 0; i < N(samples); i++)
        assert_int_equal(samples[i].type, types[i].type);
}

static void there_and_back_each_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(samples); i++) {
        for (unsigned way = 1; way < 1u << WAYS; way <<= 1) {
            uint8_t wire[DBR_PM_MAX];
            struct dbr_pm m;
            size_t n = dbr_pm_encode(&samples[i], (enum dbr_pm_way)way, wire);
            bool may = (ways_of(samples[i].type) & way) != 0;
            assert_int_equal(n != 0, may);
            if (!may) { /* the same bytes, said by the wrong one */
                n = dbr_pm_encode(&samples[i], a_way(samples[i].type), wire);
                assert_int_equal(dbr_pm_decode(&m, (enum dbr_pm_way)way, wire, n, NULL), DBR_ERR_SHAPE);
                continue;
            }
            assert_int_equal(dbr_pm_decode(&m, (enum dbr_pm_way)way, wire, n, NULL), 0);
            assert_memory_equal(&m, &samples[i], sizeof m);
        }
    }
}

static void every_wrong_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(samples); i++) {
        uint8_t wire[DBR_PM_MAX + 1] = {0};
        enum dbr_pm_way way = a_way(samples[i].type);
        size_t good = dbr_pm_encode(&samples[i], way, wire);
        assert_true(good >= DBR_PM_HEAD);
        for (size_t n = 0; n <= sizeof wire; n++) {
            struct dbr_pm m;
            const char *why = NULL;
            assert_int_equal(dbr_pm_decode(&m, way, wire, n, &why), n == good ? 0 : DBR_ERR_SHAPE);
            assert_int_equal(why == NULL, n == good);
        }
        for (int step = -1; step <= 1; step += 2) { /* the length field lies */
            struct dbr_pm m;
            wire[2] = (uint8_t)(wire[2] + step);
            assert_int_equal(dbr_pm_decode(&m, way, wire, good, NULL), DBR_ERR_SHAPE);
            wire[2] = (uint8_t)(wire[2] - step);
        }
    }
}

static void numbers_without_a_type(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        uint8_t wire[DBR_PM_HEAD] = {(uint8_t)type, (uint8_t)(type >> 8), 0, 0};
        struct dbr_pm m;
        if (ways_of(type))
            continue;
        for (unsigned way = 1; way < 1u << WAYS; way <<= 1)
            assert_int_equal(dbr_pm_decode(&m, (enum dbr_pm_way)way, wire, sizeof wire, NULL), DBR_ERR_SHAPE);
        assert_string_equal(dbr_pm_name(type), "?");
    }
}

static void the_bytes(void **state)
{
    (void)state;
    uint8_t wire[DBR_PM_MAX];
    static const uint8_t mtu[] = {37, 0, 4, 0, 0xdc, 5, 0, 0};
    size_t n = dbr_pm_encode(&samples[14], DBR_PM_ENGINE_TO_SERVICE, wire);
    assert_int_equal(n, sizeof mtu);
    assert_memory_equal(wire, mtu, sizeof mtu);
    n = dbr_pm_encode(&samples[5], DBR_PM_ENGINE_TO_SERVICE, wire);
    static const uint8_t since[] = {0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0}; /* 1,700,000,000 */
    assert_int_equal(n, 4 + 4 + 64 + 256 + 8 + 64);
    assert_memory_equal(wire + 4 + 4 + 64 + 256, since, sizeof since);
}

/* One byte of a good message changed: at `at` of the body. */
static const struct {
    const char *what;
    size_t at;
    uint16_t type;
    uint8_t byte;
    bool good;
} bytes[] = {
    {"HELLO.version 2", 0, DBR_PM_HELLO, 2, false},
    {"HELLO.version 0", 0, DBR_PM_HELLO, 0, false},
    {"HELLO.version high", 3, DBR_PM_HELLO, 1, false},
    {"CONNECT.id empty", 0, DBR_PM_CONNECT, 0, false},
    {"CONNECT.id path", 1, DBR_PM_CONNECT, '\\', false},
    {"CONNECT.id slash", 1, DBR_PM_CONNECT, '/', false},
    {"CONNECT.id colon", 1, DBR_PM_CONNECT, ':', false},
    {"CONNECT.id dot first", 0, DBR_PM_CONNECT, '.', false},
    {"CONNECT.id dot last", 5, DBR_PM_CONNECT, '.', false},
    {"CONNECT.id other letter", 0, DBR_PM_CONNECT, 'O', true},
    {"CONNECT.id behind the NUL", 63, DBR_PM_CONNECT, 'x', false},
    {"START.id blank inside", 1, DBR_PM_START, ' ', true},
    {"START.id empty", 0, DBR_PM_START, 0, false},
    {"ANSWER.kind 0", 0, DBR_PM_ANSWER, 0, false},
    {"ANSWER.kind 3", 0, DBR_PM_ANSWER, 3, true},
    {"ANSWER.kind 4", 0, DBR_PM_ANSWER, 4, false},
    {"ANSWER.user control", 4, DBR_PM_ANSWER, '\t', false},
    {"ANSWER.user no UTF-8", 4, DBR_PM_ANSWER, 0xff, false},
    {"ANSWER.user behind the NUL", 4 + 127, DBR_PM_ANSWER, 1, false},
    {"ANSWER.secret control", 4 + 128, DBR_PM_ANSWER, '\n', false},
    {"ANSWER.secret behind the NUL", 4 + 128 + 511, DBR_PM_ANSWER, 1, false},
    {"STATE.state last", 0, DBR_PM_STATE, 7, true},
    {"STATE.state beyond", 0, DBR_PM_STATE, 8, false},
    {"STATE.profile path", 4, DBR_PM_STATE, '\\', false},
    {"STATE.text control", 68, DBR_PM_STATE, 0x1b, false},
    {"STATE.since negative", 68 + 256 + 7, DBR_PM_STATE, 0x80, false},
    {"STATE.since too late", 68 + 256 + 5, DBR_PM_STATE, 1, false},
    {"STATE.address control", 68 + 256 + 8, DBR_PM_STATE, 1, false},
    {"ASK.kind 0", 0, DBR_PM_ASK, 0, false},
    {"ASK.kind 4", 0, DBR_PM_ASK, 4, false},
    {"ASK.echo 2", 4, DBR_PM_ASK, 2, false},
    {"ASK.echo 0", 4, DBR_PM_ASK, 0, true},
    {"ASK.text control", 8, DBR_PM_ASK, '\r', false},
    {"ASK.user control", 8 + 512, DBR_PM_ASK, '\r', false},
    {"LOG.level 12", 0, DBR_PM_LOG, 12, false},
    {"LOG.line control", 4, DBR_PM_LOG, '\n', false},
    {"REFUSED.text control", 0, DBR_PM_REFUSED, 7, false},
    {"NET_ADDRESS.family 5", 0, DBR_PM_NET_ADDRESS, 5, false},
    {"NET_ADDRESS.family 3", 0, DBR_PM_NET_ADDRESS, 3, false},
    {"NET_ADDRESS.family 7", 0, DBR_PM_NET_ADDRESS, 7, false},
    {"NET_ADDRESS.family 6", 0, DBR_PM_NET_ADDRESS, 6, true},
    {"NET_ADDRESS.prefix 32", 1, DBR_PM_NET_ADDRESS, 32, true},
    {"NET_ADDRESS.prefix 33", 1, DBR_PM_NET_ADDRESS, 33, false},
    {"NET_ADDRESS.ip beyond 4", 6, DBR_PM_NET_ADDRESS, 1, false},
    {"NET_ROUTE.family 4 with 16 bytes", 0, DBR_PM_NET_ROUTE, 4, false},
    {"NET_ROUTE.prefix 128", 1, DBR_PM_NET_ROUTE, 128, true},
    {"NET_ROUTE.prefix 129", 1, DBR_PM_NET_ROUTE, 129, false},
    {"NET_ROUTE.what 0", 2, DBR_PM_NET_ROUTE, 0, false},
    {"NET_ROUTE.what 2", 2, DBR_PM_NET_ROUTE, 2, true},
    {"NET_ROUTE.what 3", 2, DBR_PM_NET_ROUTE, 3, false},
    {"NET_ROUTE.metric 10000", 35, DBR_PM_NET_ROUTE, 0x10, false},
    {"NET_DNS.family 0", 0, DBR_PM_NET_DNS, 0, false},
    {"NET_DNS.ip beyond 4", 16, DBR_PM_NET_DNS, 1, false},
    {"NET_SEARCH.domain empty", 0, DBR_PM_NET_SEARCH, 0, false},
    {"NET_SEARCH.domain comma", 3, DBR_PM_NET_SEARCH, ',', false},
    {"NET_SEARCH.domain blank", 3, DBR_PM_NET_SEARCH, ' ', false},
    {"NET_SEARCH.domain two dots", 6, DBR_PM_NET_SEARCH, '.', false},
    {"NET_SEARCH.domain dash first", 0, DBR_PM_NET_SEARCH, '-', false},
    {"NET_MTU 65535-ish", 2, DBR_PM_NET_MTU, 1, false},
    {"NET_MTU 256+", 1, DBR_PM_NET_MTU, 1, false},
    {"NET_DONE.error any", 3, DBR_PM_NET_DONE, 0xff, true},
    {"NET_DONE.text control", 4, DBR_PM_NET_DONE, 1, false},
};

static const struct dbr_pm *sample(uint16_t type)
{
    for (size_t i = 0; i < N(samples); i++)
        if (samples[i].type == type)
            return &samples[i];
    return NULL;
}

static void each_field_at_its_border(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(bytes); i++) {
        uint8_t wire[DBR_PM_MAX];
        enum dbr_pm_way way = a_way(bytes[i].type);
        size_t n = dbr_pm_encode(sample(bytes[i].type), way, wire);
        struct dbr_pm m, untouched = {0};
        wire[DBR_PM_HEAD + bytes[i].at] = bytes[i].byte;
        int err = dbr_pm_decode(&m, way, wire, n, NULL);
        if ((err == 0) != bytes[i].good)
            fail_msg("%s: %d", bytes[i].what, err);
        if (err)
            assert_memory_equal(&m, &untouched, sizeof m);
    }
}

static void a_text_without_its_end(void **state)
{
    (void)state;
    uint8_t wire[DBR_PM_MAX];
    struct dbr_pm m;
    static const uint16_t text_at_0[] = {DBR_PM_CONNECT, DBR_PM_REFUSED, DBR_PM_NET_SEARCH, DBR_PM_START};
    for (size_t i = 0; i < N(text_at_0); i++) {
        enum dbr_pm_way way = a_way(text_at_0[i]);
        size_t n = dbr_pm_encode(sample(text_at_0[i]), way, wire);
        memset(wire + DBR_PM_HEAD, 'a', n - DBR_PM_HEAD);
        assert_int_equal(dbr_pm_decode(&m, way, wire, n, NULL), DBR_ERR_SHAPE);
        wire[n - 1] = 0;
        assert_int_equal(dbr_pm_decode(&m, way, wire, n, NULL), 0);
    }
}

static void what_is_wrong_is_not_written(void **state)
{
    (void)state;
    uint8_t wire[DBR_PM_MAX];
    struct dbr_pm m = {DBR_PM_CONNECT, {.connect = {"..\\evil"}}};
    assert_int_equal(dbr_pm_encode(&m, DBR_PM_CLIENT_TO_SERVICE, wire), 0);
    m = (struct dbr_pm){DBR_PM_NET_MTU, {.net_mtu = {575}}};
    assert_int_equal(dbr_pm_encode(&m, DBR_PM_ENGINE_TO_SERVICE, wire), 0);
    m = (struct dbr_pm){0};
    assert_int_equal(dbr_pm_encode(&m, DBR_PM_ENGINE_TO_SERVICE, wire), 0);
    m = (struct dbr_pm){DBR_PM_NET_DNS, {.net_dns = {4, {0}}}};
    assert_int_equal(dbr_pm_encode(&m, DBR_PM_ENGINE_TO_SERVICE, wire), 0);
}

static void addresses_that_are_too_long(void **state)
{
    (void)state;
    uint8_t wire[DBR_PM_MAX];
    struct dbr_pm m = {DBR_PM_NET_ROUTE, {.net_route = {4, 24, 1, {10}, {10, [3] = 1}, 0}}};
    assert_true(dbr_pm_encode(&m, DBR_PM_ENGINE_TO_SERVICE, wire) > 0);
    m.net_route.dst[4] = 1;
    assert_int_equal(dbr_pm_encode(&m, DBR_PM_ENGINE_TO_SERVICE, wire), 0);
    m.net_route.dst[4] = 0;
    m.net_route.via[15] = 1;
    assert_int_equal(dbr_pm_encode(&m, DBR_PM_ENGINE_TO_SERVICE, wire), 0);
}

static void nothing_at_all(void **state)
{
    (void)state;
    struct dbr_pm m;
    assert_int_equal(dbr_pm_decode(&m, DBR_PM_CLIENT_TO_SERVICE, NULL, 0, NULL), DBR_ERR_SHAPE);
}

static const struct {
    const char *id;
    bool good;
} ids[] = {
    {"a", true},
    {"Office-2_b.x", true},
    {"", false},
    {".", false},
    {"..", false},
    {".a", false},
    {"a.", false},
    {"a b", true},
    {" a", false},
    {"a ", false},
    {"-a", false},
    {"_a", false},
    {"a/b", false},
    {"a\\b", false},
    {"a:b", false},
    {"caf\xc3\xa9", false},
    {"CON", false},
    {"con", false},
    {"Nul.txt", false},
    {"com1", false},
    {"LPT9.x", false},
    {"com", true},
    {"com10", true},
    {"console", true},
    {"aux.tar.gz", false},
    {"prn", false},
    {"NUL .x", false},
    {"con  .y", false},
    {"NUL x", true},
    {"a\"b", false},
    {"a%b", false},
    {"a*", false},
    {"comx", true},
    {"x.con", true},
    {"123456789012345678901234567890123456789012345678901234567890123", true},
    {"1234567890123456789012345678901234567890123456789012345678901234", false},
};

static void ids_of_profiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(ids); i++)
        if (dbr_pm_id_is_good(ids[i].id) != ids[i].good)
            fail_msg("id \"%s\"", ids[i].id);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(dbr_pm_name(DBR_PM_NET_BLOCK_OUTSIDE_DNS), "NET_BLOCK_OUTSIDE_DNS");
    assert_string_equal(dbr_pm_state_name(DBR_PM_FAILED), "FAILED");
    assert_string_equal(dbr_pm_state_name(DBR_PM_STATES), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_of_each_type),
        cmocka_unit_test(there_and_back_each_way),
        cmocka_unit_test(every_wrong_length),
        cmocka_unit_test(numbers_without_a_type),
        cmocka_unit_test(the_bytes),
        cmocka_unit_test(each_field_at_its_border),
        cmocka_unit_test(a_text_without_its_end),
        cmocka_unit_test(what_is_wrong_is_not_written),
        cmocka_unit_test(addresses_that_are_too_long),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(ids_of_profiles),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
