/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Control messages by table, PUSH_REPLY cut and collected.
 */
#include "helpers.h"

#include "proto/ctrlmsg.h"

static const struct {
    const char *text;
    enum dbr_ctrlmsg want;
    const char *rest;
} messages[] = {
    {"PUSH_REQUEST", DBR_MSG_PUSH_REQUEST, ""},
    {"PUSH_REPLY", DBR_MSG_PUSH_REPLY, ""},
    {"PUSH_REPLY,", DBR_MSG_PUSH_REPLY, ""},
    {"PUSH_REPLY,ping 10,ping-restart 60", DBR_MSG_PUSH_REPLY, "ping 10,ping-restart 60"},
    {"PUSH_UPDATE,x", DBR_MSG_PUSH_UPDATE, "x"},
    {"AUTH_FAILED", DBR_MSG_AUTH_FAILED, ""},
    {"AUTH_FAILED,Certificate revoked", DBR_MSG_AUTH_FAILED, "Certificate revoked"},
    {"AUTH_FAILED,TEMP[backoff 5]:later", DBR_MSG_AUTH_FAILED, "TEMP[backoff 5]:later"},
    {"AUTH_PENDING,timeout 60", DBR_MSG_AUTH_PENDING, "timeout 60"},
    {"RESTART,[N]", DBR_MSG_RESTART, "[N]"},
    {"RESTART", DBR_MSG_RESTART, ""},
    {"HALT,bye", DBR_MSG_HALT, "bye"},
    {"EXIT", DBR_MSG_EXIT, ""},
    {"INFO,hello", DBR_MSG_INFO, "hello"},
    {"INFO_PRE,CR_TEXT:x", DBR_MSG_INFO_PRE, "CR_TEXT:x"},
    {"CR_RESPONSE,YWJj", DBR_MSG_CR_RESPONSE, "YWJj"},
    {"EXIT\r\n", DBR_MSG_EXIT, ""},
    {"PUSH_REQUEST\n", DBR_MSG_PUSH_REQUEST, ""},
    {"AUTH_FAILED,Zertifikat zur\xc3\xbc"
     "ckgezogen",
     DBR_MSG_AUTH_FAILED,
     "Zertifikat zur\xc3\xbc"
     "ckgezogen"},
    {"", DBR_MSG_UNKNOWN, ""},
    {",", DBR_MSG_UNKNOWN, ""},
    {",PUSH_REQUEST", DBR_MSG_UNKNOWN, "PUSH_REQUEST"},
    {"PUSH_REQUESTS", DBR_MSG_UNKNOWN, ""},
    {"PUSH_REQUES", DBR_MSG_UNKNOWN, ""},
    {"PUSH_REQUEST x", DBR_MSG_UNKNOWN, ""},
    {"push_request", DBR_MSG_UNKNOWN, ""},
    {"PUSH_", DBR_MSG_UNKNOWN, ""},
    {"INFO_", DBR_MSG_UNKNOWN, ""},
    {"ACC,muv", DBR_MSG_UNKNOWN, "muv"},
    {"EXIT\nEXIT", DBR_MSG_UNKNOWN, ""},
    {"EXIT\x1b", DBR_MSG_UNKNOWN, ""},
    {"AUTH_FAILED,a\x07", DBR_MSG_UNKNOWN, NULL},
    {"AUTH_FAILED,a\nb", DBR_MSG_UNKNOWN, NULL},
    {"AUTH_FAILED,a\x7f", DBR_MSG_UNKNOWN, NULL},
    {"\nEXIT", DBR_MSG_UNKNOWN, NULL},
};

static void message_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++) {
        const char *rest;
        char *exact = (char *)exact_copy((const uint8_t *)messages[i].text, strlen(messages[i].text) + 1);
        CHECK(dbr_ctrlmsg_parse(exact, &rest) == messages[i].want, "'%s'", messages[i].text);
        assert_true(rest >= exact && rest <= exact + strlen(exact));
        if (messages[i].rest)
            assert_string_equal(rest, messages[i].rest);
        free(exact);
    }
}

/* --- writing --- */

struct sink {
    char text[64][DBR_PUSH_CHUNK];
    size_t n;
    int answer;
};

static int emit(void *arg, const char *text)
{
    struct sink *s = arg;
    assert_true(strlen(text) < DBR_PUSH_CHUNK);
    assert_true(s->n < 64);
    strcpy(s->text[s->n++], text);
    return s->answer;
}

static void one_chunk(void **state)
{
    static const char *const options[] = {"route-gateway 192.168.50.1", "ping 10", "peer-id 1"};
    static struct sink s;
    (void)state;
    memset(&s, 0, sizeof s);
    assert_int_equal(dbr_push_reply_write(options, 3, emit, &s), 0);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.text[0], "PUSH_REPLY,route-gateway 192.168.50.1,ping 10,peer-id 1");
    memset(&s, 0, sizeof s);
    assert_int_equal(dbr_push_reply_write(NULL, 0, emit, &s), 0);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.text[0], "PUSH_REPLY");
}

/* OpenVPN's rule: a chunk is sent when its length plus that of the option reaches 1024 - 84. */
static void chunks_are_cut_as_openvpn_cuts(void **state)
{
    static struct sink s;
    (void)state;
    for (size_t len = 1; len <= 929; len += len < 30 ? 1 : 13) {
        char option[1024];
        const char *options[60];
        size_t fill = 10, n_in_chunk = 0;
        memset(option, 'o', len);
        option[len] = 0;
        for (size_t i = 0; i < COUNT(options); i++)
            options[i] = option;
        memset(&s, 0, sizeof s);
        assert_int_equal(dbr_push_reply_write(options, COUNT(options), emit, &s), 0);
        while (fill + len < 940) {
            fill += 1 + len;
            n_in_chunk++;
        }
        size_t chunks = (COUNT(options) + n_in_chunk - 1) / n_in_chunk;
        CHECK(s.n == chunks, "length %zu: %zu chunks", len, s.n);
        for (size_t i = 0; i < s.n; i++) {
            const char *tail = strstr(s.text[i], ",push-continuation ");
            CHECK(!!tail == (s.n > 1), "length %zu chunk %zu", len, i);
            if (tail)
                assert_string_equal(tail, i + 1 < s.n ? ",push-continuation 2" : ",push-continuation 1");
            assert_memory_equal(s.text[i], "PUSH_REPLY,o", 12);
        }
    }
}

static void options_that_do_not_fit(void **state)
{
    static struct sink s;
    static char longest[1100], too_long[1100];
    (void)state;
    memset(longest, 'x', 929);
    memset(too_long, 'x', 930);
    const char *bad[] = {"", "a,b", ",", "a\nb", "a\x01", "\x7f", too_long};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *options[] = {"ping 10", longest, longest, bad[i]};
        memset(&s, 0, sizeof s);
        CHECK(dbr_push_reply_write(options, 4, emit, &s) == DBR_ERR_CONFIG, "case %zu", i);
        CHECK(s.n == 0, "case %zu: something went out before", i);
    }
    const char *good[] = {longest};
    assert_int_equal(dbr_push_reply_write(good, 1, emit, &s), 0);
}

static void emit_ends_it(void **state)
{
    static struct sink s;
    static char half[600];
    const char *options[] = {half, half, half};
    (void)state;
    memset(half, 'x', 500);
    memset(&s, 0, sizeof s);
    s.answer = DBR_ERR_NOMEM;
    assert_int_equal(dbr_push_reply_write(options, 3, emit, &s), DBR_ERR_NOMEM);
    assert_int_equal(s.n, 1);
}

/* --- collecting --- */

static void collect_one(void **state)
{
    static const struct {
        const char *rest, *want;
        int err;
    } cases[] = {
        {"ping 10,peer-id 1", "ping 10,peer-id 1", 0},
        {"", "", 0},
        {",,ping 10,,", "ping 10", 0},
        {"ping 10,push-continuation 1", "ping 10", 0},
        {"push-continuation 1", "", 0},
        {"push-continuation 0,ping 10", "ping 10", 0},
        {"push-continuation", "", 0},
        {"push-continuation 9", "", 0},
        {"push-continuation 22", "", 0},
        {"push-continuations 2", "push-continuations 2", 0},
        {"ping 10,push-continuation 2", "ping 10", DBR_ERR_AGAIN},
        {"push-continuation 2,ping 10", "ping 10", DBR_ERR_AGAIN},
        {"push-continuation 2,push-continuation 1", "", 0}, /* the last word */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_push_collect c = {NULL, 0};
        CHECK(dbr_push_collect_add(&c, cases[i].rest) == cases[i].err, "'%s'", cases[i].rest);
        assert_string_equal(c.options, cases[i].want);
        assert_int_equal(c.len, strlen(cases[i].want));
        dbr_push_collect_fini(&c);
        dbr_push_collect_fini(&c);
        assert_null(c.options);
    }
}

static void collect_what_was_written(void **state)
{
    static struct sink s;
    char want[8192] = "", texts[200][64];
    const char *options[200], *rest;
    struct dbr_push_collect c = {NULL, 0};
    (void)state;
    for (int i = 0; i < 200; i++) {
        snprintf(texts[i], sizeof texts[i], "route 10.%d.0.0 255.255.0.0", i);
        options[i] = texts[i];
        strcat(want, i ? "," : "");
        strcat(want, texts[i]);
    }
    memset(&s, 0, sizeof s);
    assert_int_equal(dbr_push_reply_write(options, 200, emit, &s), 0);
    assert_true(s.n > 5);
    for (size_t i = 0; i < s.n; i++) {
        assert_int_equal(dbr_ctrlmsg_parse(s.text[i], &rest), DBR_MSG_PUSH_REPLY);
        assert_int_equal(dbr_push_collect_add(&c, rest), i + 1 < s.n ? DBR_ERR_AGAIN : 0);
    }
    assert_string_equal(c.options, want);
    dbr_push_collect_fini(&c);
}

static void collect_is_bounded(void **state)
{
    static char chunk[1001], all[70000];
    struct dbr_push_collect c = {NULL, 0};
    int n = 0, err;
    (void)state;
    memset(chunk, 'x', 980);
    strcat(chunk, ",push-continuation 2");
    while ((err = dbr_push_collect_add(&c, chunk)) == DBR_ERR_AGAIN && n < 1000)
        n++;
    assert_int_equal(err, DBR_ERR_LIMIT);
    assert_true(n >= 60 && c.len < 65536);
    assert_int_equal(strlen(c.options), c.len); /* still whole */
    dbr_push_collect_fini(&c);
    memset(all, 'y', sizeof all - 1);
    assert_int_equal(dbr_push_collect_add(&c, all), DBR_ERR_LIMIT);
    all[65534] = 0;
    assert_int_equal(dbr_push_collect_add(&c, all), 0);
    dbr_push_collect_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_table),
        cmocka_unit_test(one_chunk),
        cmocka_unit_test(chunks_are_cut_as_openvpn_cuts),
        cmocka_unit_test(options_that_do_not_fit),
        cmocka_unit_test(emit_ends_it),
        cmocka_unit_test(collect_one),
        cmocka_unit_test(collect_what_was_written),
        cmocka_unit_test(collect_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
