/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Wrapped client keys: OpenVPN's own as known answers, and everything that must not be unwrapped. Key files:
 * read, written, damaged.
 */
#include "helpers.h"
#include "wkc_vectors.h"

#include "base/base64.h"
#include "proto/wkc.h"

enum { WKC_TIME_LEN = DBR_WKC_MIN + 9 };

static struct dbr_wkc *server;
static struct dbr_own_key own;

static void load(struct dbr_own_key *k, const char *pem)
{
    char why[160] = "";
    int err = dbr_own_key_parse(k, pem, strlen(pem), why, sizeof why);
    CHECK(err == 0, "%s", why);
}

static int set_up(void **state)
{
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    (void)state;
    assert_int_equal(dbr_wkc_server_key_parse(key, server_pem, strlen(server_pem), NULL, 0), 0);
    assert_int_equal(dbr_wkc_new(&server, key), 0);
    load(&own, client_pem);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dbr_wkc_free(server);
    return 0;
}

static void hex(char *out, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sprintf(out + 2 * i, "%02x", b[i]);
}

static void openvpn_wrapped_it(void **state)
{
    struct dbr_client_key k;
    char id[2 * DBR_WKC_ID_LEN + 1];
    (void)state;
    assert_int_equal(own.wkc_len, WKC_TIME_LEN);
    assert_int_equal(dbr_wkc_open(server, own.wkc, own.wkc_len, &k), 0);
    assert_memory_equal(k.key, own.key, sizeof k.key);
    assert_int_equal(k.metadata_len, 9);
    assert_int_equal(k.metadata[0], DBR_WKC_TYPE_TIME);
    assert_int_equal(dbr_client_key_made(&k), MADE);
    hex(id, k.id, sizeof k.id);
    assert_string_equal(id, client_id);
}

static void metadata_of_the_user(void **state)
{
    struct dbr_own_key user;
    struct dbr_client_key k;
    (void)state;
    load(&user, user_pem);
    assert_int_equal(dbr_wkc_open(server, user.wkc, user.wkc_len, &k), 0);
    assert_int_equal(k.metadata_len, 6);
    assert_memory_equal(k.metadata, "\0alice", 6);
    assert_int_equal(dbr_client_key_made(&k), -1); /* it has no time */
}

/* SIV: the same key and metadata give the same bytes, so what OpenVPN wrapped comes out again. */
static void we_wrap_as_openvpn_does(void **state)
{
    struct dbr_client_key k;
    uint8_t again[DBR_WKC_MAX];
    (void)state;
    assert_int_equal(dbr_wkc_open(server, own.wkc, own.wkc_len, &k), 0);
    assert_int_equal(dbr_wkc_seal(server, k.key, k.metadata, k.metadata_len, again), own.wkc_len);
    assert_memory_equal(again, own.wkc, own.wkc_len);
}

static void metadata_of_every_length(void **state)
{
    static const size_t lengths[] = {0, 1, 8, 9, 100, DBR_WKC_METADATA_MAX};
    uint8_t metadata[DBR_WKC_METADATA_MAX + 1], wkc[DBR_WKC_MAX];
    struct dbr_client_key k;
    (void)state;
    fill_pattern(metadata, sizeof metadata, 3);
    metadata[0] = DBR_WKC_TYPE_TIME;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        int n = dbr_wkc_seal(server, own.key, metadata, lengths[i], wkc);
        assert_int_equal(n, DBR_WKC_MIN + lengths[i]);
        uint8_t *copy = exact_copy(wkc, (size_t)n);
        assert_int_equal(dbr_wkc_open(server, copy, (size_t)n, &k), 0);
        assert_int_equal(k.metadata_len, lengths[i]);
        assert_memory_equal(k.metadata, metadata, lengths[i]);
        assert_true((dbr_client_key_made(&k) >= 0) == (lengths[i] >= 9)); /* metadata[1] < 128 */
        free(copy);
    }
    assert_int_equal(dbr_wkc_seal(server, own.key, metadata, sizeof metadata, wkc), DBR_ERR_SPACE);
}

static bool all_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        if (b[i])
            return false;
    return true;
}

static void every_bit_counts(void **state)
{
    struct dbr_client_key k;
    uint8_t bent[DBR_WKC_MAX];
    (void)state;
    for (size_t bit = 0; bit < 8 * own.wkc_len; bit++) {
        memcpy(bent, own.wkc, own.wkc_len);
        bent[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int err = dbr_wkc_open(server, bent, own.wkc_len, &k);
        CHECK(err == (bit / 8 >= own.wkc_len - 2 ? DBR_ERR_SHAPE : DBR_ERR_AUTH), "bit %zu", bit);
        assert_true(all_zero(&k, sizeof k));
    }
}

static void every_length_counts(void **state)
{
    struct dbr_client_key k;
    uint8_t longer[DBR_WKC_MAX + 64] = {0};
    (void)state;
    for (size_t len = 0; len < sizeof longer; len++) {
        if (len == own.wkc_len)
            continue;
        memset(longer, 0, sizeof longer);
        memcpy(longer, own.wkc, len < own.wkc_len ? len : own.wkc_len);
        uint8_t *copy = exact_copy(longer, len);
        if (len >= 2 && len % 2) /* with a length field that says so, too */
            dbr_put16(copy + len - 2, (uint16_t)len);
        int err = dbr_wkc_open(server, copy, len, &k);
        bool in_range = len >= DBR_WKC_MIN && len <= DBR_WKC_MAX;
        CHECK(err == (in_range && len % 2 ? DBR_ERR_AUTH : DBR_ERR_SHAPE), "length %zu: %d", len, err);
        free(copy);
    }
}

static void another_servers_key(void **state)
{
    struct dbr_own_key foreign;
    struct dbr_client_key k;
    (void)state;
    load(&foreign, foreign_pem);
    assert_int_equal(dbr_wkc_open(server, foreign.wkc, foreign.wkc_len, &k), DBR_ERR_AUTH);
    assert_true(all_zero(&k, sizeof k));
}

/* Both halves of the server's key count: cipher and HMAC. */
static void halves_of_the_servers_key(void **state)
{
    static const struct {
        size_t at;
        int err;
    } cases[] = {{0, DBR_ERR_AUTH},  {31, DBR_ERR_AUTH}, {32, 0}, {63, 0},
                 {64, DBR_ERR_AUTH}, {95, DBR_ERR_AUTH}, {96, 0}};
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    struct dbr_client_key k;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_wkc *w;
        assert_int_equal(dbr_wkc_server_key_parse(key, server_pem, strlen(server_pem), NULL, 0), 0);
        key[cases[i].at] ^= 1;
        assert_int_equal(dbr_wkc_new(&w, key), 0);
        CHECK(dbr_wkc_open(w, own.wkc, own.wkc_len, &k) == cases[i].err, "byte %zu", cases[i].at);
        dbr_wkc_free(w);
    }
}

static void the_tail_of_a_datagram(void **state)
{
    uint8_t dgram[2000] = {0};
    static const struct {
        size_t len, says, tail;
    } cases[] = {
        {54 + 299, 299, 299}, {2000, 1024, 1024}, {2000, 1025, 0}, {2000, 289, 0},
        {2000, 290, 290},     {291, 290, 290},    {290, 290, 0},   {400, 400, 0},
        {401, 400, 400},      {1, 0, 0},          {0, 0, 0},       {2000, 0xffff, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t *copy = exact_copy(dgram, cases[i].len);
        if (cases[i].len >= 2)
            dbr_put16(copy + cases[i].len - 2, (uint16_t)cases[i].says);
        CHECK(dbr_wkc_tail(copy, cases[i].len) == cases[i].tail, "case %zu", i);
        free(copy);
    }
}

static void times(void **state)
{
    static const struct {
        uint8_t metadata[10];
        size_t len;
        int64_t made;
    } cases[] = {
        {{1, 0, 0, 0, 0, 0, 0, 0, 5}, 9, 5},
        {{1, 0, 0, 0, 0, 0, 0, 0, 5, 'x'}, 10, 5},
        {{0, 0, 0, 0, 0, 0, 0, 0, 5}, 9, -1},
        {{2, 0, 0, 0, 0, 0, 0, 0, 5}, 9, -1},
        {{1, 0, 0, 0, 0, 0, 0, 0}, 8, -1},
        {{1, 0x80, 0, 0, 0, 0, 0, 0, 5}, 9, -1},
        {{0}, 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_client_key k = {.metadata_len = cases[i].len};
        memcpy(k.metadata, cases[i].metadata, cases[i].len);
        CHECK(dbr_client_key_made(&k) == cases[i].made, "case %zu", i);
    }
}

/* ---- files ---- */

static void files_come_back(void **state)
{
    char text[DBR_WKC_PEM_MAX];
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    (void)state;
    assert_true(dbr_own_key_write(&own, text, sizeof text) > 0);
    assert_string_equal(text, client_pem);
    assert_int_equal(dbr_wkc_server_key_parse(key, server_pem, strlen(server_pem), NULL, 0), 0);
    assert_true(dbr_wkc_server_key_write(key, text, sizeof text) > 0);
    assert_string_equal(text, server_pem);
    assert_int_equal(dbr_wkc_server_key_write(key, text, strlen(server_pem)), DBR_ERR_SPACE);
}

static void files_that_are_refused(void **state)
{
    char other[DBR_WKC_PEM_MAX], cut[DBR_WKC_PEM_MAX];
    struct dbr_own_key bent = own;
    bent.wkc[bent.wkc_len - 1] ^= 1;
    assert_true(dbr_own_key_write(&bent, other, sizeof other) > 0);
    bent = own;
    bent.wkc_len = DBR_WKC_MIN - 1;
    assert_true(dbr_own_key_write(&bent, cut, sizeof cut) > 0);
    const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "no BEGIN line"},
        {"x", "no BEGIN line"},
        {server_pem, "no BEGIN line"},
        {"-----BEGIN OpenVPN tls-crypt-v2 client key-----\nAAAA\n", "no END line"},
        {"-----BEGIN OpenVPN tls-crypt-v2 client key-----\n\n-----END OpenVPN tls-crypt-v2 client key-----",
         "too few"},
        {"-----BEGIN OpenVPN tls-crypt-v2 client key-----\nA!==\n-----END OpenVPN tls-crypt-v2 client "
         "key-----",
         "not base64"},
        {other, "another length"},
        {cut, "too few bytes"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_own_key k;
        char why[160] = "";
        size_t len = strlen(cases[i].text);
        char *exact = (char *)exact_copy((const uint8_t *)cases[i].text, len);
        assert_int_equal(dbr_own_key_parse(&k, exact, len, why, sizeof why), DBR_ERR_SHAPE);
        CHECK(strstr(why, cases[i].reason) && strstr(why, "gate-key v2 client"), "case %zu: %s", i, why);
        assert_true(all_zero(&k, sizeof k));
        free(exact);
    }
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    char why[160] = "";
    assert_int_equal(dbr_wkc_server_key_parse(key, client_pem, strlen(client_pem), why, sizeof why),
                     DBR_ERR_SHAPE);
    assert_non_null(strstr(why, "gate-key v2 new"));
    assert_true(all_zero(key, sizeof key));
}

/* ---- base64 ---- */

static void base64_both_ways(void **state)
{
    static const struct {
        const char *text, *bytes;
    } good[] = {{"", ""},          {"Zg==\n", "f"},        {"Zm8=\n", "fo"},
                {"Zm9v\n", "foo"}, {"Zm9vYg==\n", "foob"}, {"Zm9vYmE=\n", "fooba"}};
    uint8_t out[64];
    char text[64];
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        long n = dbr_base64_decode(good[i].text, strlen(good[i].text), out, sizeof out);
        assert_int_equal(n, strlen(good[i].bytes));
        assert_memory_equal(out, good[i].bytes, (size_t)n);
        n = dbr_base64_encode((const uint8_t *)good[i].bytes, strlen(good[i].bytes), text, sizeof text);
        assert_int_equal(n, strlen(good[i].text));
        assert_string_equal(text, good[i].text);
    }
    assert_int_equal(dbr_base64_decode(" Z m\r\n9v\t", 9, out, 3), 3);
    assert_int_equal(dbr_base64_decode("Zm9v", 4, out, 2), DBR_ERR_SPACE);
    assert_int_equal(dbr_base64_encode((const uint8_t *)"foo", 3, text, 5), DBR_ERR_SPACE);
}

static void base64_of_lines(void **state)
{
    uint8_t bytes[200], back[200];
    char text[400];
    (void)state;
    fill_pattern(bytes, sizeof bytes, 1);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        long len = dbr_base64_encode(bytes, n, text, sizeof text);
        assert_true(len >= 0 && (n == 0 || text[len - 1] == '\n'));
        for (char *line = text, *next; (next = strchr(line, '\n')); line = next + 1)
            assert_true(next - line == 64 || next + 1 == text + len);
        assert_int_equal(dbr_base64_decode(text, (size_t)len, back, n), n);
        assert_memory_equal(back, bytes, n);
    }
}

static void base64_refused(void **state)
{
    static const char *const bad[] = {"Z",    "Zm",       "Zm9",   "Zg=",  "Z===",  "=m9v",
                                      "Zm=v", "Zg==Zg==", "Zg==Z", "Zm9-", "Zm9v\0"};
    uint8_t out[16];
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(dbr_base64_decode(bad[i], strlen(bad[i]) + (i + 1 == COUNT(bad)), out, sizeof out) ==
                  DBR_ERR_SHAPE,
              "%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openvpn_wrapped_it),      cmocka_unit_test(metadata_of_the_user),
        cmocka_unit_test(we_wrap_as_openvpn_does), cmocka_unit_test(metadata_of_every_length),
        cmocka_unit_test(every_bit_counts),        cmocka_unit_test(every_length_counts),
        cmocka_unit_test(another_servers_key),     cmocka_unit_test(halves_of_the_servers_key),
        cmocka_unit_test(the_tail_of_a_datagram),  cmocka_unit_test(times),
        cmocka_unit_test(files_come_back),         cmocka_unit_test(files_that_are_refused),
        cmocka_unit_test(base64_both_ways),        cmocka_unit_test(base64_of_lines),
        cmocka_unit_test(base64_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
