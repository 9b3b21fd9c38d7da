/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tokens of auth-gen-token: a known answer, every field that the tag binds, every way to be too old.
 */
#include "helpers.h"
#include "proto/authtoken.h"

#include <stdint.h>

enum { NOW = 1700000000, RENEWAL = 3600 };

/* Made by: openvpn --genkey auth-token */
static const char file[] = "-----BEGIN OpenVPN auth-token server key-----\n"
                           "E2qN2P5WSnF+yyc/OKmqCGnD3V2o2ptutCG/E/KVhe4Gwa/F1deaGT71TZmUmbSP\n"
                           "ZTUgSjqkffoxm6CshbwfrH6UcXLnapuTXpF+0BjASRsGo/OU4BrQbnBH7VJhAjaF\n"
                           "4eseiL9FBo4QZ2WPSa/EbLlHgYhJbLSQFxNAR1UHfHs=\n"
                           "-----END OpenVPN auth-token server key-----\n";

static struct dbr_mac *mac_of_file(void)
{
    uint8_t secret[DBR_TOKEN_SECRET_LEN];
    struct dbr_mac *mac;
    char why[128];
    assert_int_equal(dbr_token_secret_parse(secret, file, sizeof file - 1, why, sizeof why), 0);
    assert_int_equal(secret[0], 0x7e); /* byte 64 of 128 */
    assert_int_equal(dbr_mac_new(&mac, "SHA256", secret, sizeof secret), 0);
    return mac;
}

static struct dbr_token sample(void)
{
    return (struct dbr_token){
        .sid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, .first_s = NOW - 100, .made_s = NOW - 10};
}

/* The tag computed by Python's hmac from bytes 64 to 95 of the file. */
static void test_known(void **state)
{
    (void)state;
    struct dbr_mac *mac = mac_of_file();
    struct dbr_token t = sample();
    char text[DBR_TOKEN_TEXT], sid[DBR_TOKEN_SID_TEXT];
    assert_int_equal(dbr_token_write(mac, "alice", &t, text), 0);
    assert_string_equal(text, "SESS_ID_AT_AQIDBAUGBwgJCgsMAAAAAGVT8JwAAAAAZVPw9u9"
                              "cRpZ06nQVDz+040I3FnfkC5kDx0qRxZVqpNvvlcpC");
    dbr_token_sid_text(&t, sid);
    assert_string_equal(sid, "AQIDBAUGBwgJCgsM");
    dbr_mac_free(mac);
}

static void test_bound(void **state)
{
    (void)state;
    struct dbr_mac *mac = mac_of_file();
    struct dbr_token t = sample(), back;
    char text[DBR_TOKEN_TEXT];
    assert_int_equal(dbr_token_write(mac, "alice", &t, text), 0);
    assert_int_equal(dbr_token_check(mac, "alice", text, NOW, 0, RENEWAL, &back), DBR_TOKEN_GOOD);
    assert_memory_equal(back.sid, t.sid, sizeof t.sid);
    assert_true(back.first_s == t.first_s && back.made_s == t.made_s);
    static const char *const others[] = {"", "alic", "alicea", "Alice"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(dbr_token_check(mac, others[i], text, NOW, 0, RENEWAL, &back), DBR_TOKEN_INVALID);
    for (size_t i = 0; i < sizeof text - 1; i++) { /* the prefix, the ids, the times, the tag */
        char was = text[i];
        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(dbr_token_check(mac, "alice", text, NOW, 0, RENEWAL, &back), DBR_TOKEN_INVALID);
        assert_true(!back.first_s && !back.made_s);
        text[i] = was;
    }
    text[sizeof text - 2] = 0; /* a character short */
    assert_int_equal(dbr_token_check(mac, "alice", text, NOW, 0, RENEWAL, &back), DBR_TOKEN_INVALID);
    dbr_mac_free(mac);
}

static const struct {
    int64_t first, made, now; /* behind NOW */
    uint32_t lifetime;
    enum dbr_token_verdict want;
} ages[] = {
    {0, 0, 0, 0, DBR_TOKEN_GOOD},
    {0, 0, 2 * RENEWAL - 1, 0, DBR_TOKEN_GOOD},
    {0, 0, 2 * RENEWAL, 0, DBR_TOKEN_EXPIRED},      /* not renewed for too long */
    {0, 100000, 100001, 0, DBR_TOKEN_GOOD},         /* without lifetime */
    {0, 100000, 100001, 100001, DBR_TOKEN_GOOD},    /* the last second */
    {0, 100000, 100001, 100000, DBR_TOKEN_EXPIRED}, /* renewed all the time, and over all the same */
    {0, 10, 0, 0, DBR_TOKEN_EXPIRED},               /* from the future */
    {20, 10, 30, 0, DBR_TOKEN_EXPIRED},             /* made before the first */
    {0, 0, -NOW - 10ll, 0, DBR_TOKEN_EXPIRED},      /* a clock before 1970 */
};

static void test_age(void **state)
{
    (void)state;
    struct dbr_mac *mac = mac_of_file();
    for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
        struct dbr_token t = {.first_s = (uint64_t)(NOW + ages[i].first),
                              .made_s = (uint64_t)(NOW + ages[i].made)},
                         back;
        char text[DBR_TOKEN_TEXT];
        assert_int_equal(dbr_token_write(mac, "alice", &t, text), 0);
        enum dbr_token_verdict got =
            dbr_token_check(mac, "alice", text, NOW + ages[i].now, ages[i].lifetime, RENEWAL, &back);
        if (got != ages[i].want)
            fail_msg("case %zu: %d", i, (int)got);
    }
    dbr_mac_free(mac);
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "no BEGIN line"},
        {"-----BEGIN OpenVPN tls-crypt-v2 server key-----\n", "no BEGIN line"},
        {"-----BEGIN OpenVPN auth-token server key-----\nAAAA\n", "no END line"},
        {"-----BEGIN OpenVPN auth-token server key-----\nAAAA\n-----END OpenVPN auth-token server key-----\n",
         "too few bytes"},
        {"-----BEGIN OpenVPN auth-token server key-----\n!!!!\n-----END OpenVPN auth-token server key-----\n",
         "not base64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t secret[DBR_TOKEN_SECRET_LEN] = {1};
        char why[160];
        assert_int_equal(
            dbr_token_secret_parse(secret, cases[i].text, strlen(cases[i].text), why, sizeof why),
            DBR_ERR_SHAPE);
        assert_int_equal(secret[0], 0);
        assert_true(strstr(why, cases[i].why) && strstr(why, "--genkey auth-token"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_bound),
                                       cmocka_unit_test(test_age), cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
