/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The list of withdrawn client keys: what it takes, what it refuses, who is on it.
 */
#include "helpers.h"

#include "proto/withdrawn.h"

#define A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B  "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define C8 "cc:cc:cc:cc:cc:cc:cc:cc"
#define C  C8 ":" C8 ":" C8 ":" C8

static int parse(struct dbr_withdrawn *w, const char *text, char *why)
{
    size_t len = strlen(text);
    char *exact = (char *)exact_copy((const uint8_t *)text, len);
    int err = dbr_withdrawn_parse(w, exact, len, why, 160);
    free(exact);
    return err;
}

static bool has(const struct dbr_withdrawn *w, uint8_t byte)
{
    uint8_t id[DBR_WKC_ID_LEN];
    memset(id, byte, sizeof id);
    return dbr_withdrawn_has(w, id);
}

static void lists(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        bool a, b, c;
    } cases[] = {
        {"", 0, false, false, false},
        {"\n\n# " A "\n  # x\n", 0, false, false, false},
        {A, 1, true, false, false},
        {A "\n", 1, true, false, false},
        {"\t" B " alice, left in May\r\n" A "\r\n", 2, true, true, false},
        {C "\tbob\n" B "\n" A "\n" A "\n", 4, true, true, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_withdrawn w;
        char why[160] = "";
        CHECK(parse(&w, cases[i].text, why) == 0, "case %zu: %s", i, why);
        CHECK(w.n == cases[i].n && has(&w, 0xaa) == cases[i].a && has(&w, 0xbb) == cases[i].b &&
                  has(&w, 0xcc) == cases[i].c && !has(&w, 0xab) && !has(&w, 0),
              "case %zu", i);
        dbr_withdrawn_free(&w);
        dbr_withdrawn_free(&w);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"alice\n", "line 1: a character that is not a hex digit"},
        {A "\nabc\n", "line 2: less than 64"},
        {A "a\n", "line 1: more than 64"},
        {"\n\n:" A "\n", "line 3: a character"},
        {"a:" A "\n", "line 1: a character"},
        {C8 "\n", "line 1: less than 64"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_withdrawn w;
        char why[160] = "";
        assert_int_equal(parse(&w, cases[i].text, why), DBR_ERR_SHAPE);
        CHECK(strstr(why, cases[i].reason), "case %zu: %s", i, why);
        assert_true(w.n == 0 && !w.ids && !has(&w, 0xaa));
    }
}

/* One bit of difference is another key. */
static void neighbours(void **state)
{
    struct dbr_withdrawn w;
    char why[160] = "";
    uint8_t id[DBR_WKC_ID_LEN];
    (void)state;
    assert_int_equal(parse(&w, A "\n" B "\n" C, why), 0);
    for (size_t bit = 0; bit < 8 * sizeof id; bit++) {
        memset(id, 0xaa, sizeof id);
        id[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(dbr_withdrawn_has(&w, id));
    }
    dbr_withdrawn_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(refused),
        cmocka_unit_test(neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
