/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What fits the outer path: the MSS of TCP inside, and how long the pieces of a payload are. The lengths of
 * pieces are those that OpenVPN 2.6.14 logs (max_frag) for the same configuration.
 */
#include "client/wrap.h"
#include "proto/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct dbr_wrap gcm4 = {.family = 4, .fragment = true, .cipher = DBR_AES_256_GCM},
                             gcm6 = {.family = 6, .fragment = true, .cipher = DBR_AES_256_GCM},
                             cbc4 = {
                                 .family = 4, .fragment = true, .cipher = DBR_AES_256_CBC, .auth = "SHA256"};

static void pieces_are_as_long_as_stock_has_them(void **state)
{
    static const struct {
        const struct dbr_wrap *wrap;
        bool mtu;
        int size;
        uint16_t payload_max, want;
    } cases[] = {
        {&gcm4, false, 600, 1532, 572},   {&gcm6, false, 600, 1532, 572}, {&gcm4, true, 600, 1532, 544},
        {&gcm6, true, 600, 1532, 524},    {&cbc4, false, 600, 1532, 535}, {&cbc4, true, 700, 1532, 599},
        {&gcm4, false, 1400, 1532, 1372}, {&gcm4, false, 79, 1532, 51},   {&gcm4, false, 80, 1532, 52},
        {&gcm4, false, 68, 1532, 51},     {&cbc4, true, 68, 1532, 51},    {&gcm4, false, 68, 16384, 515},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(dbr_wrap_piece(cases[i].mtu, cases[i].size, cases[i].wrap, cases[i].payload_max),
                         cases[i].want);
}

/* The header of fragments is four bytes less for TCP, a framing one. */
static void mss_leaves_room_for_headers(void **state)
{
    struct dbr_wrap w = {.family = 4, .cipher = DBR_AES_256_GCM};
    uint16_t v4, v6;
    (void)state;
    dbr_wrap_mss(DBR_FIT_OUTER, 1492, &w, &v4, &v6);
    assert_int_equal(v4, 1382);
    assert_int_equal(v6, 1362);
    w.fragment = true;
    dbr_wrap_mss(DBR_FIT_OUTER, 1492, &w, &v4, &v6);
    assert_int_equal(v4, 1378);
    w.framing = DBR_FRAMING_COMP_LZO;
    dbr_wrap_mss(DBR_FIT_OUTER, 1492, &w, &v4, &v6);
    assert_int_equal(v4, 1377);
    dbr_wrap_mss(DBR_FIT_FIXED, 1400, &w, &v4, &v6);
    assert_int_equal(v4, 1360);
    dbr_wrap_mss(DBR_FIT_UDP, 0, &w, &v4, &v6);
    assert_int_equal(v4 | v6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_as_long_as_stock_has_them),
        cmocka_unit_test(mss_leaves_room_for_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
