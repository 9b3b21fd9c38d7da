/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Login dialogues: what servers write, read by tables; what we answer, by known answers.
 */
#include "base/err.h"
#include "crypto/b64.h"
#include "proto/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *text;
    int err;
    bool answer, echo;
    const char *state, *user, *question;
} crv1[] = {
    /* the example of management-notes.txt */
    {"CRV1:R,E:Om01u7Fh4LrGBS7uh0SWmzwabUiGiW6l:Y3Ix:Please enter token PIN", 0, true, true,
     "Om01u7Fh4LrGBS7uh0SWmzwabUiGiW6l", "cr1", "Please enter token PIN"},
    {"CRV1:R:s:Y3Ix:a: b: c", 0, true, false, "s", "cr1", "a: b: c"},
    {"CRV1::s:Y3Ix:", 0, false, false, "s", "cr1", ""},
    {"CRV1:E,R:::text", 0, true, true, "", "", "text"},
    {"CRV1:R,E:s:Y3Ix", DBR_ERR_SHAPE},
    {"CRV1:R,E:s", DBR_ERR_SHAPE},
    {"CRV1:", DBR_ERR_SHAPE},
    {"CRV1", DBR_ERR_SHAPE},
    {"", DBR_ERR_SHAPE},
    {"CRV2:R,E:s:Y3Ix:text", DBR_ERR_SHAPE},
    {"CRV1:R,E:s:Y3I:text", DBR_ERR_SHAPE},  /* not a multiple of four */
    {"CRV1:R,E:s:Y3I!:text", DBR_ERR_SHAPE}, /* not a letter of base64 */
    {"CRV1:R,E:s:=Y3I:text", DBR_ERR_SHAPE},
    {"CRV1:R,E:s:YQBi:text", DBR_ERR_SHAPE}, /* a NUL in the name */
};

static void reads_crv1(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof crv1 / sizeof *crv1; i++) {
        struct dbr_challenge c;
        if (dbr_challenge_parse(&c, crv1[i].text) != crv1[i].err)
            fail_msg("%s", crv1[i].text);
        if (crv1[i].err)
            continue;
        assert_int_equal(c.answer, crv1[i].answer);
        assert_int_equal(c.echo, crv1[i].echo);
        assert_string_equal(c.state, crv1[i].state);
        assert_string_equal(c.user, crv1[i].user);
        assert_string_equal(c.text, crv1[i].question);
    }
}

/* Each part at its limit, and one byte more. */
static void bounds_parts(void **state)
{
    (void)state;
    static const size_t most[] = {31, DBR_CHALLENGE_STATE - 1, DBR_CHALLENGE_USER - 4,
                                  DBR_CHALLENGE_TEXT - 1};
    for (size_t part = 0; part < 4; part++)
        for (size_t more = 0; more < 2; more++) {
            char text[2048] = "CRV1:", *p = text + 5;
            struct dbr_challenge c;
            for (size_t i = 0; i < 4; i++) {
                size_t n = i != part ? 4 : i == 2 ? (most[i] / 3 + more * 2) * 4 : most[i] + more;
                memset(p, 'A' + (i == 2), n);
                p += n;
                *p++ = i < 3 ? ':' : 0;
            }
            assert_int_equal(dbr_challenge_parse(&c, text), more ? DBR_ERR_SPACE : 0);
        }
}

static void reads_text(void **state)
{
    (void)state;
    struct dbr_challenge c;
    assert_int_equal(dbr_challenge_parse_text(&c, "CR_TEXT:R,E:Enter the code: now"), 0);
    assert_true(c.answer && c.echo);
    assert_string_equal(c.text, "Enter the code: now");
    assert_int_equal(dbr_challenge_parse_text(&c, "CR_TEXT::"), 0);
    assert_false(c.answer || c.echo);
    assert_int_equal(dbr_challenge_parse_text(&c, "CR_TEXT:R"), DBR_ERR_SHAPE);
    assert_int_equal(dbr_challenge_parse_text(&c, "OPEN_URL:x"), DBR_ERR_SHAPE);
}

static void answers(void **state)
{
    (void)state;
    struct dbr_challenge c = {.state = "st"};
    char out[64];
    assert_int_equal(dbr_challenge_reply(&c, "12345", out, sizeof out), 15);
    assert_string_equal(out, "CRV1::st::12345");
    assert_int_equal(dbr_challenge_reply(&c, "12345", out, 16), 15);
    assert_int_equal(dbr_challenge_reply(&c, "12345", out, 15), DBR_ERR_SPACE);
    /* the example of management-notes.txt */
    assert_int_equal(dbr_challenge_static("bar", "8675309", out, sizeof out), 23);
    assert_string_equal(out, "SCRV1:YmFy:ODY3NTMwOQ==");
    assert_int_equal(dbr_challenge_static("bar", "8675309", out, 24), 23);
    for (size_t cap = 0; cap < 24; cap++)
        assert_int_equal(dbr_challenge_static("bar", "8675309", out, cap), DBR_ERR_SPACE);
    assert_int_equal(dbr_challenge_response("8675309", out, sizeof out), 24);
    assert_string_equal(out, "CR_RESPONSE,ODY3NTMwOQ==");
    assert_int_equal(dbr_challenge_response("8675309", out, 24), DBR_ERR_SPACE);
}

static void base64(void **state)
{
    static const struct {
        const char *plain, *coded;
    } known[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    char out[32];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].plain), m = strlen(known[i].coded);
        assert_int_equal(dbr_b64_encode(known[i].plain, n, out, m + 1), m);
        assert_string_equal(out, known[i].coded);
        assert_int_equal(dbr_b64_encode(known[i].plain, n, out, m), DBR_ERR_SPACE);
        assert_int_equal(dbr_b64_decode(known[i].coded, m, out, n + 1), n);
        assert_string_equal(out, known[i].plain);
        assert_int_equal(dbr_b64_decode(known[i].coded, m, out, n), DBR_ERR_SPACE);
    }
    assert_int_equal(dbr_b64_decode("Zg=", 3, out, sizeof out), DBR_ERR_SHAPE);
    assert_int_equal(dbr_b64_decode("Zg==Zg==", 8, out, sizeof out), DBR_ERR_SHAPE);
    assert_int_equal(dbr_b64_decode("Z\ng==", 5, out, sizeof out), DBR_ERR_SHAPE);
    assert_int_equal(dbr_b64_decode("====", 4, out, sizeof out), DBR_ERR_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_crv1), cmocka_unit_test(bounds_parts), cmocka_unit_test(reads_text),
        cmocka_unit_test(answers),    cmocka_unit_test(base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
