/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client-win/netcfg/lists.h"

#include <string.h>

static void keeps(void **state)
{
    (void)state;
    static const struct {
        int family;
        const char *text, *want;
    } row[] = {
        {4, "", ""},
        {4, "192.0.2.1", "192.0.2.1"},
        {4, "192.0.2.1,192.0.2.2", "192.0.2.1,192.0.2.2"},
        {4, "192.0.2.1 192.0.2.2, 192.0.2.3", "192.0.2.1,192.0.2.2,192.0.2.3"},
        {4, ",,192.0.2.1,,", "192.0.2.1"},
        {4, "192.0.2.1,2001:db8::1", "192.0.2.1"},
        {6, "192.0.2.1,2001:db8::1", "2001:db8::1"},
        {4, "192.0.2.1 & calc.exe", "192.0.2.1"},
        {4, "\"192.0.2.1\"", ""},
        {4, "192.0.2.999,1", ""},
        {0, "office.example", "office.example"},
        {0, "office.example. a_b.example,-x", "office.example.,a_b.example,-x"},
        {0, "a..b .c \"d\" e/f g&h", ""},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char out[DBR_NET_LIST] = "before";
        if (row[i].family)
            dbr_net_keep_addresses((uint8_t)row[i].family, row[i].text, out);
        else
            dbr_net_keep_domains(row[i].text, out);
        assert_string_equal(out, row[i].want);
    }
}

/* Items that no longer fit are left out whole. */
static void cuts_between(void **state)
{
    (void)state;
    char text[4 * DBR_NET_LIST] = "", out[DBR_NET_LIST];
    for (size_t i = 0; i < 100; i++)
        strcat(text, "192.0.2.1,");
    dbr_net_keep_addresses(4, text, out);
    assert_true(strlen(out) > DBR_NET_LIST - 12);
    assert_int_equal(strlen(out) % 10, 9);
    memset(text, 'a', 300);
    text[300] = 0;
    dbr_net_keep_domains(text, out);
    assert_string_equal(out, "");
}

static void items(void **state)
{
    (void)state;
    char out[DBR_NET_LIST];
    assert_true(dbr_net_item("a,bc,d", 0, out));
    assert_string_equal(out, "a");
    assert_true(dbr_net_item("a,bc,d", 1, out));
    assert_string_equal(out, "bc");
    assert_true(dbr_net_item("a,bc,d", 2, out));
    assert_string_equal(out, "d");
    assert_false(dbr_net_item("a,bc,d", 3, out));
    assert_false(dbr_net_item("", 0, out));
    assert_false(dbr_net_item("a,", 1, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps), cmocka_unit_test(cuts_between),
                                       cmocka_unit_test(items)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
