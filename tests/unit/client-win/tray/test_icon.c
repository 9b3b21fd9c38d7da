/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The four looks differ in shape, not only in colour, at every size; and the .ico file is one.
 */
#include "client-win/tray/icon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t a[DBR_ICON_MAX * DBR_ICON_MAX * 4], b[DBR_ICON_MAX * DBR_ICON_MAX * 4];

/* White on the tile: all three colours are high. */
static int is_white(const uint8_t *p)
{
    return p[0] > 200 && p[1] > 200 && p[2] > 200 && p[3] > 200;
}

static void looks_differ_without_colour(void **state)
{
    (void)state;
    static const unsigned sizes[] = {16, 20, 24, 32, 48};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int i = 0; i < DBR_LOOKS; i++)
            for (int k = 0; k < i; k++) {
                unsigned differ = 0;
                dbr_icon_draw((enum dbr_tray_look)i, sizes[s], a);
                dbr_icon_draw((enum dbr_tray_look)k, sizes[s], b);
                for (size_t p = 0; p < (size_t)sizes[s] * sizes[s]; p++)
                    differ += is_white(a + p * 4) != is_white(b + p * 4);
                assert_true(differ * 40 >= sizes[s] * sizes[s]); /* a fortieth of the area */
            }
}

static void corners_are_clear_and_the_middle_is_not(void **state)
{
    (void)state;
    dbr_icon_draw(DBR_LOOK_OFF, 32, a);
    assert_int_equal(a[3], 0);
    assert_int_equal(a[(16 * 32 + 30) * 4 + 3], 255);
}

static unsigned get(const uint8_t *p, unsigned n)
{
    unsigned v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static void the_file_is_an_icon(void **state)
{
    (void)state;
    static uint8_t file[1u << 20];
    size_t n = dbr_icon_file(DBR_LOOK_TROUBLE, file, sizeof file), end = 6 + 16 * (size_t)file[4];
    assert_true(n > 0);
    assert_int_equal(get(file + 2, 2), 1);
    for (unsigned i = 0; i < file[4]; i++) {
        const uint8_t *e = file + 6 + 16 * i;
        unsigned size = e[0] != 0 ? e[0] : 256;
        assert_int_equal(get(e + 12, 4), end);
        assert_int_equal(get(file + end, 4), 40);
        assert_int_equal(get(file + end + 4, 4), size);
        assert_int_equal(get(file + end + 8, 4), 2 * size);
        end += get(e + 8, 4);
    }
    assert_int_equal(end, n);
    assert_int_equal(dbr_icon_file(DBR_LOOK_TROUBLE, file, n), n);
    assert_int_equal(dbr_icon_file(DBR_LOOK_TROUBLE, file, n - 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_differ_without_colour),
        cmocka_unit_test(corners_are_clear_and_the_middle_is_not),
        cmocka_unit_test(the_file_is_an_icon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
