/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Paths that another program hands over: each way in which the bytes may be none.
 */
#include "client-win/tray/handover.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void paths(void **state)
{
    (void)state;
    static const struct {
        dbr_utf16 units[8];
        size_t bytes;
        int err;
    } rows[] = {
        {{'C', ':', '\\', 'a', 0}, 10, 0},
        {{'z', ':', '\\', 0xe4, 0}, 10, 0},
        {{'C', ':', '\\', 'a', 0}, 9, DBR_ERR_SHAPE},         /* half a unit */
        {{'C', ':', '\\', 'a', 0}, 8, DBR_ERR_SHAPE},         /* no end */
        {{'C', ':', '\\', 'a', 0}, 0, DBR_ERR_SHAPE},         /* nothing */
        {{'C', ':', '\\', 'a', 0}, 2, DBR_ERR_SHAPE},         /* too short for a drive */
        {{'C', ':', '\\', 0, 'a', 0}, 12, DBR_ERR_SHAPE},     /* two ends */
        {{'C', ':', '\\', '\n', 'a', 0}, 12, DBR_ERR_SHAPE},  /* control character */
        {{'\\', '\\', 'h', '\\', 'a', 0}, 12, DBR_ERR_SHAPE}, /* another computer */
        {{'a', '.', 'o', 'v', 0}, 10, DBR_ERR_SHAPE},         /* relative to nobody knows what */
        {{'C', ':', 'a', 'b', 0}, 10, DBR_ERR_SHAPE},
        {{'1', ':', '\\', 'a', 0}, 10, DBR_ERR_SHAPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dbr_utf16 out[DBR_HANDOVER_PATH];
        assert_int_equal(dbr_handover_path(rows[i].units, rows[i].bytes, out), rows[i].err);
        if (rows[i].err == 0)
            assert_memory_equal(out, rows[i].units, rows[i].bytes);
        else
            assert_int_equal(out[0], 0);
    }
}

static void the_longest_and_one_more(void **state)
{
    (void)state;
    static dbr_utf16 in[DBR_HANDOVER_PATH + 1], out[DBR_HANDOVER_PATH];
    for (size_t i = 0; i < DBR_HANDOVER_PATH; i++)
        in[i] = 'a';
    in[0] = 'C', in[1] = ':', in[2] = '\\';
    assert_int_equal(dbr_handover_path(in, sizeof in, out), DBR_ERR_SHAPE);
    in[DBR_HANDOVER_PATH - 1] = 0;
    assert_int_equal(dbr_handover_path(in, sizeof out, out), 0);
    assert_int_equal(dbr_handover_path(NULL, 10, out), DBR_ERR_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(the_longest_and_one_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
