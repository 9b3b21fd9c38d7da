/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The static key file: what OpenVPN writes, what editors make of it, and what is refused with a reason.
 */
#include "helpers.h"

#include "proto/gate.h"

#define BEGIN "-----BEGIN OpenVPN Static key V1-----\n"
#define END   "-----END OpenVPN Static key V1-----\n"

static uint8_t want[256];
static char body[1024]; /* 16 lines of 32 digits */

static int set_up(void **state)
{
    size_t n = 0;
    (void)state;
    fill_pattern(want, sizeof want, 7);
    for (size_t i = 0; i < 256; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "%02x%s", want[i], i % 16 == 15 ? "\n" : "");
    return 0;
}

static int parse(const char *text, size_t len, char why[128])
{
    uint8_t key[256], zero[256] = {0};
    char *exact = (char *)exact_copy((const uint8_t *)text, len);
    memset(key, 0xee, sizeof key);
    why[0] = 0;
    int err = dbr_static_key_parse(key, exact, len, why, 128);
    assert_memory_equal(key, err ? zero : want, sizeof key);
    assert_int_equal(err, why[0] ? DBR_ERR_SHAPE : 0);
    free(exact);
    return err;
}

static int parse_text(const char *text, char why[128])
{
    return parse(text, strlen(text), why);
}

static char *build(char out[4096], const char *a, const char *b, const char *c, const char *d)
{
    snprintf(out, 4096, "%s%s%s%s", a, b, c, d);
    return out;
}

static void good_files(void **state)
{
    char text[4096], why[128];
    (void)state;
    assert_int_equal(parse_text(build(text, "#\n# 2048 bit OpenVPN static key\n#\n", BEGIN, body, END), why),
                     0);
    assert_int_equal(parse_text(build(text, "", BEGIN, body, "-----END OpenVPN Static key V1-----"), why), 0);
    build(text, "", BEGIN, body, END);
    for (char *p = text + sizeof BEGIN; p < text + sizeof BEGIN + strlen(body); p++)
        if (*p >= 'a' && *p <= 'f')
            *p &= ~0x20;
    assert_int_equal(parse(text, strlen(text), why), 0);
    assert_int_equal(parse_text(build(text, "\r\n", "  " BEGIN "\n\n", body, END "trailing\n"), why), 0);
}

static void line_ends_and_blanks(void **state)
{
    char text[4096], crlf[4096], why[128];
    size_t n = 0;
    (void)state;
    build(text, "", BEGIN, body, END);
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            crlf[n++] = '\r';
        crlf[n++] = *p;
        if (p > text + 60 && p < text + 100)
            crlf[n++] = '\t';
    }
    assert_int_equal(parse(crlf, n, why), 0);
    build(text, "", BEGIN, body, END);
    size_t from = sizeof BEGIN - 1; /* all digits on one line */
    char *to = text + from;
    for (const char *p = text + from; *p != '-'; p++)
        if (*p != '\n')
            *to++ = *p;
    strcpy(to, "\n" END);
    assert_int_equal(parse(text, strlen(text), why), 0);
}

static void bad_files(void **state)
{
    char text[4096], why[128];
    (void)state;
    static const struct {
        const char *a, *b, *c;
        int with_body;
        const char *reason;
    } cases[] = {
        {"", "", "", 0, "no line \"-----BEGIN"},
        {"", "", END, 1, "no line \"-----BEGIN"},
        {"-----BEGIN OpenVPN tls-crypt-v2 client key-----\n", "", END, 1, "no line \"-----BEGIN"},
        {BEGIN, "", "", 1, "no line \"-----END"},
        {BEGIN, "", END, 0, "less than 256"},
        {BEGIN, "00", END, 1, "more than 256"},
        {BEGIN, "0", END, 1, "more than 256"},
        {BEGIN, "# a comment in the key\n", END, 1, "not a hex digit"},
        {BEGIN, "x", END, 1, "not a hex digit"},
        {BEGIN, BEGIN, END, 1, "not a hex digit"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(text, sizeof text, "%s%s%s%s", cases[i].a, cases[i].b, cases[i].with_body ? body : "",
                 cases[i].c);
        CHECK(parse(text, strlen(text), why) == DBR_ERR_SHAPE && strstr(why, cases[i].reason), "case %zu: %s",
              i, why);
        assert_non_null(strstr(why, "openvpn --genkey")); /* the way out */
    }
    /* the line number */
    build(text, "#\n", BEGIN, "0g\n", END);
    assert_int_equal(parse(text, strlen(text), why), DBR_ERR_SHAPE);
    assert_non_null(strstr(why, "line 3: "));
}

static void every_cut_is_refused(void **state)
{
    char text[4096], why[128];
    (void)state;
    build(text, "", BEGIN, body, END);
    size_t whole = strlen(text) - 1; /* the last newline may be missing */
    for (size_t len = 0; len < whole; len++)
        CHECK(parse(text, len, why) == DBR_ERR_SHAPE, "cut to %zu", len);
    assert_int_equal(parse(text, whole, why), 0);
    uint8_t key[256];
    assert_int_equal(dbr_static_key_parse(key, text, 10, NULL, 0), DBR_ERR_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),
        cmocka_unit_test(line_ends_and_blanks),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(every_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
