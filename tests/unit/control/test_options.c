/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an admitted client gets: its file from client-config-dir, an address, the pushed options.
 */
#include "rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { A = 0x0a000001 };

/* ---- push ---- */

#define TAIL                                                                                                 \
    ",peer-id 0,cipher AES-256-GCM,protocol-flags cc-exit tls-ekm dyn-tls-crypt,tun-mtu 1500,"               \
    "data-framing offload"

/* The three shapes of server-bridge, as OpenVPN 2.6.14 pushes them (with our exit notify and framing). */
static void test_bridge_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *config, *want;
    } cases[] = {
        {"server-bridge 192.168.50.1 255.255.255.0 192.168.50.101 192.168.50.101",
         "route-gateway 192.168.50.1,ping 10,ping-restart 60,explicit-exit-notify 1,"
         "ifconfig 192.168.50.101 255.255.255.0" TAIL},
        {"server-bridge", "route-gateway dhcp,ping 10,ping-restart 60,explicit-exit-notify 1" TAIL},
        {"server-bridge nogw", "ping 10,ping-restart 60,explicit-exit-notify 1" TAIL},
        {"server-bridge nogw\npush \"route 10.7.0.0 255.255.0.0\"\npush \"explicit-exit-notify 3\"",
         "route 10.7.0.0 255.255.0.0,explicit-exit-notify 3,ping 10,ping-restart 60" TAIL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *rig = rig_plain(cases[i].config);
        struct caller *c = rig_connect(rig, "alice", A, 4000);
        assert_string_equal(c->pushed, cases[i].want);
        rig_free(rig);
    }
}

/* ---- client files ---- */

static char folder[] = "/tmp/dbr-ccd-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f)
        fail_msg("cannot write %s", path);
    fputs(text, f);
    fclose(f);
}

static void remove_file(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static struct rig *with_files(const char *config)
{
    return rig_new(&(struct rig_options){.config = config, .gate = DBR_GATE_TLS_AUTH, .ccd = folder});
}

/* What is pushed to everybody, with and without `tunnel split` in the client's own file; its own lines stay.
 */
static void test_split_push(void **state)
{
    (void)state;
    static const char pushes[] =
        "push \"redirect-gateway def1\"\npush \"dhcp-option DNS 192.0.2.1\"\n"
        "push \"dhcp-option DOMAIN-SEARCH x\"\npush \"dns server 0 address 192.0.2.1\"\n"
        "push \"block-outside-dns\"\npush \"route 0.0.0.0 0.0.0.0\"\npush \"route-ipv6 ::/0\"\n"
        "push \"route 10.7.0.0 255.255.0.0\"\npush \"dhcp-option NTP 192.0.2.1\"\n";
    static const struct {
        const char *config, *file, *want;
    } cases[] = {
        {pushes, "tunnel split\n",
         "route 10.7.0.0 255.255.0.0,dhcp-option NTP 192.0.2.1,route-gateway 192.168.50.1,ping 10,"},
        {pushes, "tunnel split\npush \"dhcp-option DNS 192.0.2.9\"\n",
         "route 10.7.0.0 255.255.0.0,dhcp-option NTP 192.0.2.1,route-gateway 192.168.50.1,ping 10,"
         "ping-restart 60,dhcp-option DNS 192.0.2.9,"},
        {pushes, "tunnel lan\n",
         "dns server 0 address 192.0.2.1,block-outside-dns,route 0.0.0.0 0.0.0.0,route-ipv6 ::/0,"},
        {pushes, "", "redirect-gateway def1,dhcp-option DNS 192.0.2.1,dhcp-option DOMAIN-SEARCH x,"},
        {"ifconfig-ipv6 fd00:77::1/64\nifconfig-ipv6-pool fd00:77::1fff/64", "",
         ",ifconfig 192.168.50.140 255.255.255.0,ifconfig-ipv6 fd00:77::2027/64 fd00:77::1,"}, /* the 40th */
        {"server-bridge\nifconfig-ipv6-pool fd00:77::1000/64", "", ",ifconfig-ipv6 fd00:77::1000/64,"},
        {"server-bridge\nifconfig-ipv6-pool fd00:77::1000/64",
         "ifconfig-ipv6-push fd00:77::9/64 fd00:77::2\n", ",ifconfig-ipv6 fd00:77::9/64 fd00:77::2,"},
        {"server-bridge", "tunnel full\n",
         "route-gateway dhcp,ping 10,ping-restart 60,redirect-gateway def1,"
         "route remote_host 255.255.255.255 net_gateway,explicit"},
        {"server-bridge", "tunnel full\npush-remove \"route remote_host\"\n",
         "ping-restart 60,redirect-gateway def1,explicit"},
        {"server-bridge\ntunnel full", "", "redirect-gateway def1,route remote_host"},
        {"server-bridge\ntunnel full", "tunnel lan\n", "ping-restart 60,explicit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("alice", cases[i].file);
        struct rig *rig = with_files(cases[i].config);
        struct caller *c = rig_connect(rig, "alice", A, 4000);
        if (!strstr(c->pushed, cases[i].want))
            fail_msg("case %zu: pushed %s", i, c->pushed);
        rig_free(rig);
        remove_file("alice");
    }
}

/* A name that is no file name: what lies behind it must never be opened. */
static void test_files(void **state)
{
    (void)state;
    static const char hidden[] = "ifconfig-push 192.168.50.66 255.255.255.0\n";
    static const struct {
        const char *cn, *file, *text; /* the file beside DEFAULT, if any */
        const char *pushed;           /* a text of the push reply; NULL: refused */
        const char *not_pushed;
    } cases[] = {
        {"alice", "alice", "ifconfig-push 192.168.50.7 255.255.255.0\n",
         "ifconfig 192.168.50.7 255.255.255.0", "echo default"},
        {"alice", "alice", "disable\n", NULL, NULL},
        {"alice", "alice", "no such directive\n", NULL, NULL},
        {"alice", "alice", "push-reset\npush \"echo mine\"\n", "echo mine", "route-gateway"},
        {"alice", "alice", "push-remove ping\n", "route-gateway", "ping 10"},
        {"alice", "alice", "tunnel full\n", ",redirect-gateway def1,", "remote_host"},
        {"alice", "alice", "tunnel full\npush \"redirect-gateway local\"\n", ",redirect-gateway local,",
         "def1"},
        {"alice", "alice", "tunnel split\n", "route-gateway 192.168.50.1", "redirect-gateway"},
        {"alice", "alice", "push-remove explicit-exit-notify\n", "route-gateway", "explicit-exit-notify"},
        {"alice", "alice", "push \"echo mine\"\n", ",echo mine", "echo default"},
        {"alice", "alice", "", "ping 10", "echo default"},
        {"bob", NULL, NULL, "echo default", NULL},
        {"DEFAULT", NULL, NULL, "echo default", NULL},
        {".hidden", ".hidden", hidden, "echo default", "192.168.50.66"},
        {"../escape", NULL, NULL, "echo default", "192.168.50.66"},
        {"sub/file", "sub/file", hidden, "echo default", "192.168.50.66"},
        {"link", NULL, NULL, NULL, NULL}, /* there, and not to be read: not passed over */
        {"pipe", NULL, NULL, NULL, NULL},
        {"sub", NULL, NULL, NULL, NULL},
        {"back\\slash", "back\\slash", hidden, "echo default", "192.168.50.66"},
        {"J\xc3\xbcrgen", "J\xc3\xbcrgen", "push \"echo mine\"\n", ",echo mine", "echo default"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].file)
            write_file(cases[i].file, cases[i].text);
        struct rig *rig = with_files("");
        struct caller *c = rig_call(rig, cases[i].cn, A, 4000);
        rig_run(rig, 3000);
        if (rig_up(c) != (cases[i].pushed != NULL))
            fail_msg("case %zu: %s", i, rig->log);
        if (cases[i].pushed && !strstr(c->pushed, cases[i].pushed))
            fail_msg("case %zu: pushed %s", i, c->pushed);
        if (cases[i].not_pushed && strstr(c->pushed, cases[i].not_pushed))
            fail_msg("case %zu: pushed %s", i, c->pushed);
        if (!cases[i].pushed)
            assert_non_null(strstr(c->message, "AUTH_FAILED,"));
        rig_free(rig);
        if (cases[i].file)
            remove_file(cases[i].file);
    }
}

static void test_exclusive(void **state)
{
    (void)state;
    write_file("alice", "");
    write_file("DEFAULT", ""); /* is nobody's own */
    struct rig *rig = with_files("ccd-exclusive\nclient-config-dir x");
    struct caller *a = rig_call(rig, "alice", A, 4000), *b = rig_call(rig, "bob", A, 4001);
    rig_run(rig, 3000);
    assert_true(rig_up(a));
    assert_false(rig_up(b));
    rig_free(rig);
    remove_file("alice");
}

/* What is there and cannot be read may say `disable`: it is not passed over. */
static void test_unreadable_file(void **state)
{
    (void)state;
    char at[256], big[70000];
    memset(big, '#', sizeof big);
    big[sizeof big - 1] = 0;
    snprintf(at, sizeof at, "%s/alice", folder);
    write_file("bob", big);
    assert_int_equal(symlink("DEFAULT", at), 0);
    write_file("DEFAULT", "");
    struct rig *rig = with_files("");
    struct caller *a = rig_call(rig, "alice", A, 4000), *b = rig_call(rig, "bob", A, 4001);
    rig_run(rig, 3000);
    assert_false(rig_up(a));
    assert_false(rig_up(b));
    remove_file("alice");
    write_file("bob", "");
    a = rig_call(rig, "alice", A, 4002);
    b = rig_call(rig, "bob", A, 4003);
    rig_run(rig, 3000);
    assert_true(rig_up(a));
    assert_true(rig_up(b));
    rig_free(rig);
    remove_file("bob");
    remove_file("DEFAULT");
}

/* A session that is refused by its file leaves the one that is up alone. */
static void test_disabled_replaces_nobody(void **state)
{
    (void)state;
    struct rig *rig = with_files("");
    rig_connect(rig, "alice", A, 4000);
    uint32_t id = rig_client(rig, "alice")->peer_id;
    write_file("alice", "disable\n");
    struct caller *c = rig_call(rig, "alice", A, 4001);
    rig_run(rig, 6000);
    assert_false(rig_up(c));
    assert_int_equal(rig_client(rig, "alice")->peer_id, id);
    assert_true(rig_client(rig, "alice")->in_data);
    rig_free(rig);
    remove_file("alice");
}

/* What a file says of the port and of silence reaches the worker. */
static void test_port(void **state)
{
    (void)state;
    write_file(
        "alice",
        "port-kind site\nmac-limit 77\nstorm-limit 99\nsource-guard off\nrate 1000 2000\ninactive 30 5\n");
    struct rig *rig = with_files("source-guard on");
    rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "bob", A, 4001);
    const struct dbr_ipc_peer *m =
        rig_told(rig, DBR_IPC_PEER_NEW, rig_client(rig, "alice")->peer_id, 0, NULL);
    assert_int_equal(m->flags & (DBR_PEER_SITE | DBR_PEER_SOURCE_GUARD), DBR_PEER_SITE);
    assert_int_equal(m->mac_limit, 77);
    assert_int_equal(m->storm_pps, 99);
    assert_int_equal(m->rate_up, 1000);
    assert_int_equal(m->rate_down, 2000);
    assert_int_equal(m->inactive_s, 30);
    assert_int_equal(m->inactive_bytes, 5);
    m = rig_told(rig, DBR_IPC_PEER_NEW, rig_client(rig, "bob")->peer_id, 0, NULL);
    assert_int_equal(m->flags & (DBR_PEER_SITE | DBR_PEER_SOURCE_GUARD), DBR_PEER_SOURCE_GUARD);
    rig_free(rig);
    remove_file("alice");
}

/* The VLAN of a client: its file's, else everybody's, and none without the directive. */
static void test_vlan(void **state)
{
    (void)state;
    static const char *const conf[] = {"", "vlan-tagging", "vlan-tagging\nvlan-pvid 7"};
    static const uint16_t alice[] = {0, 20, 20}, bob[] = {0, 1, 7};
    for (size_t i = 0; i < sizeof conf / sizeof *conf; i++) {
        write_file("alice", "vlan-pvid 20\n");
        struct rig *rig = with_files(conf[i]);
        rig_connect(rig, "alice", A, 4000);
        rig_connect(rig, "bob", A, 4001);
        const struct dbr_ipc_peer *m =
            rig_told(rig, DBR_IPC_PEER_NEW, rig_client(rig, "alice")->peer_id, 0, NULL);
        assert_int_equal(m->vlan, alice[i]);
        m = rig_told(rig, DBR_IPC_PEER_NEW, rig_client(rig, "bob")->peer_id, 0, NULL);
        assert_int_equal(m->vlan, bob[i]);
        rig_free(rig);
        remove_file("alice");
    }
}

/* ---- the pool ---- */

#define POOL(first, last) "server-bridge 192.168.50.1 255.255.255.0 192.168.50." first " 192.168.50." last

static uint32_t ip_of(struct rig *rig, const char *cn)
{
    struct client *c = rig_client(rig, cn);
    return c ? c->adm->ip : 0;
}

static void test_same_address(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct caller *c = rig_connect(rig, "alice", A, 4000);
    uint32_t ip = ip_of(rig, "alice");
    assert_in_range(ip, 0xc0a83264, 0xc0a83295);
    rig_connect(rig, "alice", A, 4001); /* also while the old session is still there */
    assert_int_equal(ip_of(rig, "alice"), ip);
    client_kick(rig_client(rig, "alice"), NULL, "test");
    rig_connect(rig, "bob", A, 4002);
    rig_connect(rig, "alice", A, 4003);
    assert_int_equal(ip_of(rig, "alice"), ip);
    (void)c;
    rig_free(rig);
}

static void test_pool(void **state)
{
    (void)state;
    struct rig *rig = rig_plain(POOL("100", "107"));
    uint32_t seen[8] = {0};
    char cn[8];
    for (uint16_t i = 0; i < 8; i++) {
        snprintf(cn, sizeof cn, "p%u", i);
        rig_connect(rig, cn, A, (uint16_t)(4000 + i));
        seen[i] = ip_of(rig, cn);
        assert_in_range(seen[i], 0xc0a83264, 0xc0a8326b);
        for (uint16_t k = 0; k < i; k++)
            assert_int_not_equal(seen[i], seen[k]);
    }
    struct caller *ninth = rig_connect(rig, "p8", A, 4008);
    assert_null(strstr(ninth->pushed, "ifconfig"));
    assert_true(rig_logged(rig, "no free address in ifconfig-pool"));
    client_kick(rig_client(rig, "p3"), NULL, "test");
    rig_connect(rig, "p9", A, 4009);
    assert_int_equal(ip_of(rig, "p9"), seen[3]);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(rig->ctl->pool_used[i], 1);
    rig_free(rig);
}

/* An address that a file gives is not given to another by the pool, and is free again when both are gone. */
static void test_pool_and_file(void **state)
{
    (void)state;
    write_file("alice", "ifconfig-push 192.168.50.100 255.255.255.0\n");
    struct rig *rig = with_files(POOL("100", "101"));
    rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "bob", A, 4001);
    rig_connect(rig, "carol", A, 4002);
    assert_int_equal(ip_of(rig, "alice"), 0xc0a83264);
    assert_int_equal(ip_of(rig, "bob"), 0xc0a83265);
    assert_int_equal(ip_of(rig, "carol"), 0);
    write_file("dave", "ifconfig-push 192.168.50.101 255.255.255.0\n");
    rig_connect(rig, "dave", A, 4003);
    assert_int_equal(ip_of(rig, "dave"), 0xc0a83265);
    assert_true(rig_logged(rig, "in use by another client"));
    client_kick(rig_client(rig, "bob"), NULL, "test");
    rig_connect(rig, "erin", A, 4004);
    assert_int_equal(ip_of(rig, "erin"), 0); /* dave has it still */
    client_kick(rig_client(rig, "dave"), NULL, "test");
    rig_connect(rig, "frank", A, 4005);
    assert_int_equal(ip_of(rig, "frank"), 0xc0a83265);
    rig_free(rig);
    remove_file("alice");
    remove_file("dave");
}

/* Whoever data handed back keeps his address from others. */
static void test_pool_and_restart(void **state)
{
    (void)state;
    struct rig *rig = rig_plain(POOL("100", "100"));
    struct dbr_ipc_peer m = {.head = dbr_ipc_head(DBR_IPC_PEER_BACK, sizeof m, 3),
                             .wire_peer_id = 3,
                             .addr = rig_addr(A, 9),
                             .replay_window = 64,
                             .cn = "alice"};
    rig_say(rig, 1, &m);
    rig_connect(rig, "bob", A, 4000);
    assert_int_equal(ip_of(rig, "bob"), 0);
    rig_connect(rig, "alice", A, 4001);
    assert_int_equal(ip_of(rig, "alice"), 0xc0a83264);
    rig_free(rig);
}

static int make_folder(void **state)
{
    (void)state;
    char path[256];
    if (!mkdtemp(folder))
        return -1;
    write_file("DEFAULT", "push \"echo default\"\n");
    snprintf(path, sizeof path, "%s/sub", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/pipe", folder);
    if (mkfifo(path, 0600))
        return -1;
    write_file("sub/target", "ifconfig-push 192.168.50.66 255.255.255.0\n");
    snprintf(path, sizeof path, "%s/link", folder);
    return symlink("sub/target", path);
}

static int remove_folder(void **state)
{
    (void)state;
    char path[256];
    static const char *const names[] = {"DEFAULT", "pipe", "link", "sub/target", ".hidden"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        remove_file(names[i]);
    snprintf(path, sizeof path, "%s/sub", folder);
    rmdir(path);
    return rmdir(folder);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bridge_shapes), cmocka_unit_test(test_files),
        cmocka_unit_test(test_split_push),    cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_exclusive),     cmocka_unit_test(test_disabled_replaces_nobody),
        cmocka_unit_test(test_port),          cmocka_unit_test(test_vlan),
        cmocka_unit_test(test_same_address),  cmocka_unit_test(test_pool),
        cmocka_unit_test(test_pool_and_file), cmocka_unit_test(test_pool_and_restart),
    };
    int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    rig_pki_free();
    return failed;
}
