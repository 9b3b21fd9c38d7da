/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the client role asks of the system: words of a command line, scripts with their arguments and
 * environment, netmasks, and addresses of an interface (in a network namespace of its own; needs root,
 * skipped without).
 */
#include "base/err.h"
#include "keeper/keeper.h"
#include "keeper/script.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- words ---- */

static const struct {
    const char *text;
    int n;
    const char *words[4];
} splits[] = {
    {"", 0, {NULL}},
    {"   \t ", 0, {NULL}},
    {"/bin/up", 1, {"/bin/up"}},
    {"  /bin/up  br0 ", 2, {"/bin/up", "br0"}},
    {"a 'b c' d", 3, {"a", "b c", "d"}},
    {"a \"b c\" d", 3, {"a", "b c", "d"}},
    {"a\\ b", 1, {"a b"}},
    {"'a\\b'", 1, {"a\\b"}},
    {"\"a\\\"b\"", 1, {"a\"b"}},
    {"pre'mid'post", 1, {"premidpost"}},
    {"a '' b", 3, {"a", "", "b"}},
    {"\"it's\"", 1, {"it's"}},
    {"a\\", 1, {"a\\"}},
    {"'open", DBR_ERR_SHAPE, {NULL}},
    {"a \"open", DBR_ERR_SHAPE, {NULL}},
    {"a b c d e", DBR_ERR_SPACE, {NULL}},
    {"0123456789012345678901234567890123456789", DBR_ERR_SPACE, {NULL}},
};

static void commands_are_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        char buf[24], *words[5];
        int n = script_split(splits[i].text, buf, sizeof buf, words, 5);
        if (n != splits[i].n)
            fail_msg("[%s]: %d words, want %d", splits[i].text, n, splits[i].n);
        for (int j = 0; j < n; j++)
            assert_string_equal(words[j], splits[i].words[j]);
        if (n >= 0)
            assert_null(words[n]);
    }
}

static void masks(void **state)
{
    (void)state;
    static const struct {
        uint8_t mask[4];
        int prefix;
    } cases[] = {
        {{255, 255, 255, 0}, 24}, {{255, 255, 255, 255}, 32}, {{0, 0, 0, 0}, 0},    {{128, 0, 0, 0}, 1},
        {{255, 255, 254, 0}, 23}, {{255, 0, 255, 0}, -1},     {{0, 0, 0, 255}, -1}, {{255, 255, 255, 1}, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(prefix_of_mask(cases[i].mask), cases[i].prefix);
}

/* ---- scripts ---- */

static char said[512];

static void remember(void *arg, int level, const char *line)
{
    (void)arg, (void)level;
    snprintf(said, sizeof said, "%s", line);
}

static const struct dbr_log logging = {.verb = 3, .sink = remember};

static void scripts_tell_how_they_ended(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int err;
        const char *words;
    } cases[] = {
        {"/bin/true", 0, ""},
        {"/bin/sh -c 'exit 3'", DBR_ERR_IO, "failed with status 3"},
        {"/no/such/script", DBR_ERR_IO, "could not be run: check its path and mode"},
        {"/bin/sh -c 'kill -9 $$'", DBR_ERR_IO, "ended by signal 9"},
        {"/bin/true 'open", DBR_ERR_IO, "check its quotes"},
        {"", DBR_ERR_IO, "check its quotes"},
    };
    const struct script_about about = {.dev = "tap9", .mtu = 1400, .context = "init"};
    struct dbr_config config;
    assert_int_equal(dbr_config_init(&config), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        said[0] = 0;
        int err = script_run(cases[i].command, "up", &about, &config, &logging);
        if (err != cases[i].err || !strstr(said, cases[i].words))
            fail_msg("%s: %d, \"%s\"", cases[i].command, err, said);
    }
    dbr_config_free(&config);
}

static void scripts_know_what_for(void **state)
{
    (void)state;
    const struct script_about about = {
        .dev = "tap9", .mtu = 1400, .ip = "10.0.0.1", .mask = "255.0.0.0", .context = "restart"};
    static const char text[] = "setenv COLOUR \"light blue\"\n";
    const struct dbr_conf_diag diag = {0};
    struct dbr_config config;
    assert_int_equal(dbr_config_init(&config), 0);
    assert_int_equal(dbr_config_parse(&config, "test", text, sizeof text - 1, &diag), 0);
    int err = script_run("/bin/sh -c 'test \"$*\" = \"tap9 1400 0 10.0.0.1 255.0.0.0 restart\"' up", "up",
                         &about, &config, &logging);
    assert_int_equal(err, 0);
    err = script_run(
        "/bin/sh -c 'test \"$dev $tun_mtu $script_type $script_context $ifconfig_local $COLOUR\" = "
        "\"tap9 1400 down restart 10.0.0.1 light blue\"'",
        "down", &about, &config, &logging);
    assert_int_equal(err, 0);
    dbr_config_free(&config);
}

/* ---- addresses ---- */

static int has(const char *what)
{
    char command[256];
    snprintf(command, sizeof command, "ip -br addr show dev kc0 | grep -q ' %s '", what);
    return system(command) == 0;
}

static struct keeper k;
static struct dbr_config empty;

static struct dbr_ipc_tap_address message(uint8_t last, uint8_t prefix6, bool up)
{
    struct dbr_ipc_tap_address m = {.head = dbr_ipc_head(DBR_IPC_TAP_ADDRESS, sizeof m, 0), .up = up};
    if (last) {
        memcpy(m.v4, (uint8_t[]){10, 1, 2, last}, 4);
        memcpy(m.mask4, (uint8_t[]){255, 255, 255, 0}, 4);
    }
    m.prefix6 = prefix6;
    m.v6[0] = 0xfd;
    m.v6[15] = 9;
    return m;
}

static void addresses_come_and_go(void **state)
{
    (void)state;
    int index = (int)if_nametoindex("kc0");
    struct if_address a = {.family = 4, .prefix = 24, .ip = {10, 1, 2, 3}};
    assert_int_equal(if_address_add(index, &a), 0);
    assert_int_equal(if_address_add(index, &a), 0); /* there already */
    assert_true(has("10.1.2.3/24"));
    assert_int_equal(if_address_del(index, &a), 0);
    assert_int_equal(if_address_del(index, &a), 0); /* gone already */
    assert_false(has("10.1.2.3/24"));
    assert_int_equal(if_address_del(99999, &a), 0); /* with its interface */
    assert_int_equal(if_address_add(99999, &a), DBR_ERR_IO);
    assert_int_equal(errno, ENODEV);
    a = (struct if_address){.family = 6, .prefix = 64, .ip = {0xfd, [15] = 1}};
    assert_int_equal(if_address_add(index, &a), 0);
    assert_true(has("fd00::1/64"));
    assert_int_equal(if_address_del(index, &a), 0);
    assert_int_equal(if_up(99999, 0), DBR_ERR_IO);
}

static void tap_takes_what_control_says(void **state)
{
    (void)state;
    struct dbr_ipc_tap_address m = message(4, 0, true);
    m.mtu = 1350;
    tap_address(&k, &m);
    assert_true(has("10.1.2.4/24"));
    assert_int_equal(system("ip link show dev kc0 | grep -q 'mtu 1350.*[<,]UP\\|[<,]UP.*mtu 1350'"), 0);
    tap_address(&k, &m); /* the same once more, as after a reconnection */
    assert_true(has("10.1.2.4/24"));
    m = message(5, 64, true);
    tap_address(&k, &m);
    assert_false(has("10.1.2.4/24"));
    assert_true(has("10.1.2.5/24"));
    assert_true(has("fd00::9/64"));
    m = message(5, 0, false);
    tap_address(&k, &m);
    assert_false(has("10.1.2.5/24"));
    assert_false(has("fd00::9/64"));
    m = message(6, 0, true);
    m.mask4[1] = 0; /* a mask with a hole is no address */
    tap_address(&k, &m);
    assert_false(has("10.1.2.6/24"));
    m = message(7, 0, true);
    tap_address(&k, &m);
    tap_forget(&k);
    assert_false(has("10.1.2.7/24"));
}

/* An `up` script of the admin's is his own way to get an address. */
static void script_instead_of_dhcp(void **state)
{
    (void)state;
    static char up[] = "/bin/true";
    struct dbr_ipc_tap_address m = message(0, 0, true);
    m.dhcp = 1;
    empty.up = up;
    tap_address(&k, &m);
    assert_int_equal(k.dhcp, 0);
    empty.up = NULL;
    tap_forget(&k);
}

static int lab_up(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNET) || system("ip link add kc0 type veth peer name kc1 && ip link set kc1 up"))
        return -1;
    k.config = &empty;
    k.log = logging;
    snprintf(k.tap.name, sizeof k.tap.name, "kc0");
    snprintf(k.run_dir, sizeof k.run_dir, "/nonexistent");
    k.tap.ifindex = (int)if_nametoindex("kc0");
    return k.tap.ifindex ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest plain[] = {
        cmocka_unit_test(commands_are_split),
        cmocka_unit_test(masks),
        cmocka_unit_test(scripts_tell_how_they_ended),
        cmocka_unit_test(scripts_know_what_for),
    };
    int bad = cmocka_run_group_tests_name("plain", plain, NULL, NULL);
    if (geteuid() != 0) {
        puts("skip addresses: needs root for a network namespace");
        return bad;
    }
    const struct CMUnitTest addresses[] = {
        cmocka_unit_test(addresses_come_and_go),
        cmocka_unit_test(tap_takes_what_control_says),
        cmocka_unit_test(script_instead_of_dhcp),
    };
    return bad + cmocka_run_group_tests_name("addresses", addresses, lab_up, NULL);
}
