/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * AES-256 in counter mode against NIST SP 800-38A F.5.5, in one piece and over a counter that wraps.
 */
#include "base/err.h"
#include "crypto/ctr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[32] = {0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae,
                                0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61,
                                0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4};
static const uint8_t counter[16] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                                    0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
static const uint8_t plain[32] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e,
                                  0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03,
                                  0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
static const uint8_t sealed[32] = {0x60, 0x1e, 0xc3, 0x13, 0x77, 0x57, 0x89, 0xa5, 0xb7, 0xa7, 0xf5,
                                   0x04, 0xbb, 0xf3, 0xd2, 0x28, 0xf4, 0x43, 0xe3, 0xca, 0x4d, 0x62,
                                   0xb5, 0x9a, 0xca, 0x84, 0xe9, 0x90, 0xca, 0xca, 0xf5, 0xc5};

static void published_vector(void **state)
{
    (void)state;
    uint8_t text[32];
    struct dbr_ctr *c;
    assert_int_equal(dbr_ctr_new(&c, key), 0);
    for (size_t n = 0; n <= sizeof text; n++) { /* each length: the object begins anew every time */
        memcpy(text, plain, sizeof text);
        assert_int_equal(dbr_ctr_apply(c, counter, text, n), 0);
        assert_memory_equal(text, sealed, n);
        assert_memory_equal(text + n, plain + n, sizeof text - n);
        assert_int_equal(dbr_ctr_apply(c, counter, text, n), 0);
        assert_memory_equal(text, plain, sizeof text);
    }
    dbr_ctr_free(c);
    dbr_ctr_free(NULL);
}

/* The second block under ff..ff is the first under 00..00. */
static void the_counter_wraps(void **state)
{
    (void)state;
    uint8_t ones[16], zeros[16] = {0}, a[32] = {0}, b[16] = {0};
    struct dbr_ctr *c;
    memset(ones, 0xff, sizeof ones);
    assert_int_equal(dbr_ctr_new(&c, key), 0);
    assert_int_equal(dbr_ctr_apply(c, ones, a, sizeof a), 0);
    assert_int_equal(dbr_ctr_apply(c, zeros, b, sizeof b), 0);
    assert_memory_equal(a + 16, b, 16);
    assert_memory_not_equal(a, b, 16);
    dbr_ctr_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_vector),
                                       cmocka_unit_test(the_counter_wraps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
