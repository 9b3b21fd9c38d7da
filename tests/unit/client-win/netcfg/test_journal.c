/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "client-win/netcfg/journal.h"

#include <stdio.h>
#include <string.h>

#define GUID "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}"
#define HEAD "drawbridge-network 1\nadapter " GUID " 0006000001000000\n"

static struct dbr_net_journal j;

static const char *const good[] = {
    "route 4 198.51.100.7/32 via 192.0.2.1 metric 0 on 0006008002000000 absent\n",
    "route 6 2001:db8::/32 via fe80::1 metric 9999 on ffffffffffffffff present\n",
    "wall\n",
    "iface 4 metric 3 mtu 1400 closed was 25 auto 1500 open absent\n",
    "iface 6 metric 0 mtu 0 open was 4294967295 fixed 4294967295 closed present\n",
    "address 4 192.0.2.9/24 dhcp\n",
    "address 6 2001:db8::9/64 absent\n",
    "dns 4 192.0.2.1,192.0.2.2 was -\n",
    "dns 6 - was fe80::1%5,2001:db8::1\n",
    "search office.example was old_one.example\n",
    "search Office.EXAMPLE was -\n",
    "renew\n",
};

static void there_and_back(void **state)
{
    (void)state;
    char all[4096] = HEAD, line[DBR_NET_LINE];
    size_t bad;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        strcat(all, good[i]);
    assert_int_equal(dbr_net_journal_parse(&j, all, strlen(all), &bad), 0);
    assert_string_equal(j.guid, GUID);
    assert_int_equal(j.luid, 0x0006000001000000);
    assert_int_equal(j.ops, sizeof good / sizeof good[0]);
    for (size_t i = 0; i < j.ops; i++) {
        assert_int_equal(dbr_net_journal_line(&j.op[i], line), strlen(good[i]));
        assert_string_equal(line, good[i]);
    }
    assert_int_equal(j.op[j.ops - 1].family, 4);
    assert_int_equal(dbr_net_journal_head(GUID, j.luid, line), strlen(HEAD));
    assert_string_equal(line, HEAD);
}

/* Wherever the power fails: whole lines count, the torn one was not begun. */
static void torn_anywhere(void **state)
{
    (void)state;
    char all[4096] = HEAD;
    size_t bad;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        strcat(all, good[i]);
    for (size_t n = 0; n <= strlen(all); n++) {
        size_t whole = 0;
        for (size_t i = 0; i < n; i++)
            whole += all[i] == '\n';
        assert_int_equal(dbr_net_journal_parse(&j, all, n, &bad), 0);
        assert_int_equal(j.ops, whole < 2 ? 0 : whole - 2);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const row[] = {
        "\n",
        "nonsense\n",
        "wall \n",
        " wall\n",
        "wall x\n",
        "wall\r\n",
        "renew 4\n",
        "address 5 192.0.2.9/24 absent\n",
        "address 4 192.0.2.9 absent\n",
        "address 4 192.0.2.9/33 absent\n",
        "address 4 192.0.2.9/ absent\n",
        "address 4 192.0.2.9/24/1 absent\n",
        "address 4 192.0.2.999/24 absent\n",
        "address 4 2001:db8::1/64 absent\n",
        "address 6 192.0.2.9/24 absent\n",
        "address 6 2001:db8::9/64 dhcp\n",
        "address 4 192.0.2.9/24 gone\n",
        "address 4 192.0.2.9/24\n",
        "address 4 192.0.2.9/24  absent\n",
        "address 4 192.0.2.9/24 absent \n",
        "address 4 192.0.2.9/24 absent more\n",
        "address 4 11111111111111111111111111111111111111111111111111111111111111111111111111111/24 absent\n",
        "route 4 10.0.0.0/8 via 192.0.2.1 metric 10000 on 0006008002000000 absent\n",
        "route 4 10.0.0.0/8 via 192.0.2.1 metric 1x on 0006008002000000 absent\n",
        "route 4 10.0.0.0/8 via 192.0.2.1 metric 1. on 0006008002000000 absent\n",
        "route 4 10.0.0.0/8 via 192.0.2.1 metric -1 on 0006008002000000 absent\n",
        "route 4 10.0.0.0/8 via 192.0.2.1 metric 1 on 006008002000000 absent\n",
        "route 4 10.0.0.0/8 via 192.0.2.1 metric 1 on 000600800200000g absent\n",
        "route 4 10.0.0.0/8 via 192.0.2.1 metric 1 on 0006008002000000 dhcp\n",
        "route 4 10.0.0.0/8 by 192.0.2.1 metric 1 on 0006008002000000 absent\n",
        "route 4 10.0.0.0/8 via 2001:db8::1 metric 1 on 0006008002000000 absent\n",
        "iface 4 metric 3 mtu 1501 open was 25 auto 1500 open absent\n",
        "iface 4 metric 3 mtu 1400 open was 25 maybe 1500 open absent\n",
        "iface 4 metric 3 mtu 1400 open was 4294967296 auto 1500 open absent\n",
        "iface 4 metric 3 mtu 1400 open was 99999999999 auto 1500 open absent\n",
        "iface 4 metric 3 mtu 1400 open was  auto 1500 open absent\n",
        "iface 4 metric 3 mtu 1400 open was 25 auto 1500 open dhcp\n",
        "iface 4 metric 3 mtu 1400 ajar was 25 auto 1500 open absent\n",
        "iface 4 metric 3 mtu 1400 open was 25 auto 1500\n",
        "dns 4 192.0.2.1 is -\n",
        "dns 4 192.0.2.1;x was -\n",
        "dns 4 192.0.2.1 was \"x\"\n",
        "search a&b was -\n",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char text[1024];
        size_t bad;
        snprintf(text, sizeof text, "%swall\n%s", HEAD, row[i]);
        assert_int_equal(dbr_net_journal_parse(&j, text, strlen(text), &bad), DBR_ERR_SHAPE);
        assert_int_equal(bad, 4);
    }
}

static void refuses_heads(void **state)
{
    (void)state;
    static const char *const row[] = {
        "drawbridge-network 2\n",
        "drawbridge-network 1 \n",
        "drawbridge-network 1\nadapter 0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60 0006000001000000\n",
        "drawbridge-network 1\nadapter {0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F6} 0006000001000000\n",
        "drawbridge-network 1\nadapter {0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}x 0006000001000000\n",
        "drawbridge-network 1\nadapter {..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\} 0006000001000000\n",
        "drawbridge-network 1\nadapter " GUID "\n",
        "drawbridge-network 1\nwall\n",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        size_t bad;
        assert_int_equal(dbr_net_journal_parse(&j, row[i], strlen(row[i]), &bad), DBR_ERR_SHAPE);
    }
    size_t bad;
    static const char nul[] = HEAD "wall\0\n";
    assert_int_equal(dbr_net_journal_parse(&j, nul, sizeof nul - 1, &bad), DBR_ERR_SHAPE);
}

static void too_long(void **state)
{
    (void)state;
    static char text[DBR_NET_LINE + sizeof HEAD + DBR_NET_OPS * 5 + 64] = HEAD;
    size_t bad, n = strlen(text);
    for (size_t i = 0; i < DBR_NET_OPS; i++)
        n += (size_t)sprintf(text + n, "wall\n");
    assert_int_equal(dbr_net_journal_parse(&j, text, n, &bad), 0);
    n += (size_t)sprintf(text + n, "wall\n");
    assert_int_equal(dbr_net_journal_parse(&j, text, n, &bad), DBR_ERR_SHAPE);
    n = strlen(HEAD);
    memset(text + n, 'a', DBR_NET_LINE);
    text[n + DBR_NET_LINE] = '\n';
    assert_int_equal(dbr_net_journal_parse(&j, text, n + DBR_NET_LINE + 1, &bad), DBR_ERR_SHAPE);
    /* a list of the longest length fits, one more does not */
    for (int more = 0; more < 2; more++) {
        n = strlen(HEAD) + (size_t)sprintf(text + strlen(HEAD), "dns 4 ");
        memset(text + n, '1', DBR_NET_LIST);
        n += DBR_NET_LIST - 1 + (size_t)more;
        n += (size_t)sprintf(text + n, " was -\n");
        assert_int_equal(dbr_net_journal_parse(&j, text, n, &bad), more ? DBR_ERR_SHAPE : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(torn_anywhere), cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_heads),  cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
