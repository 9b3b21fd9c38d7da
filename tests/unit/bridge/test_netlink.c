/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Raising and undoing a bridge in a namespace. The host has eth0 (a veth, so that it has a carrier) with
 * everything that must not be lost; "as it was" is what ip(8) prints about it. Every send of the netlink
 * library passes through a wrapper, which can kill the process or fail at the nth message.
 *
 *    host: eth0 ==== far (up)        br0 is made over eth0
 */
#include "bridge/netlink.h"

#include <errno.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bridge/tap.h"
#include "frames.h"
#include "netns.h"
#include "test.h"

static struct dbr_why why;
static struct dbr_netlink *nl;
static char dir[32];

/* --- the wrapper --- */

static enum { PASS, KILL, FAIL } at_nth;
static int countdown;

int __real_nl_send(struct nl_sock *sk, struct nl_msg *msg);
int __wrap_nl_send(struct nl_sock *sk, struct nl_msg *msg);

int __wrap_nl_send(struct nl_sock *sk, struct nl_msg *msg)
{
    if (at_nth != PASS && countdown-- == 0) {
        if (at_nth == KILL)
            raise(SIGKILL);
        return -NLE_FAILURE;
    }
    return __real_nl_send(sk, msg);
}

/* --- the host --- */

static void run(const char *cmd)
{
    if (system(cmd) != 0)
        fail_msg("%s", cmd);
}

static const char *output(const char *cmd, char *out, size_t cap)
{
    FILE *p = popen(cmd, "r");
    size_t n = p ? fread(out, 1, cap - 1, p) : 0;
    out[n] = 0;
    if (p)
        pclose(p);
    return out;
}

/* Lifetimes run and interface indexes of a deleted bridge are used up: neither is part of the state. */
#define STATE_OF_HOST                                                                                        \
    "{ ip -o link show dev eth0; ip -o addr show dev eth0; ip route show table all; ip -6 route show table " \
    "all;"                                                                                                   \
    " ip neigh show nud permanent; cat /proc/sys/net/ipv6/conf/eth0/accept_ra "                              \
    "/proc/sys/net/ipv6/conf/eth0/autoconf; }"                                                               \
    " 2>&1 | sed -E 's/ nodad//; s/(valid|preferred)_lft [0-9]+sec/\\1/g; s/expires [0-9]+sec//; "           \
    "s/[0-9]+sec//g' | sort"

static void snapshot(char out[16384])
{
    output(STATE_OF_HOST, out, 16384);
    assert_true(strlen(out) > 200);
}

/* The kernel finishes with IPv6 addresses (their host routes) from a work queue, and a list that changes
 * while it is read out has lines twice: the state of before is the one that stays, and that of afterwards is
 * awaited. */
static void settle(char before[16384])
{
    static char again[16384];
    for (int i = 0; i < 500; i++) {
        snapshot(before);
        snapshot(again);
        if (strcmp(before, again) == 0)
            return;
    }
    fail_msg("the host does not settle:\n%s", again);
}

static bool comes_back(const char *before, char after[16384])
{
    for (int i = 0; i < 500; i++) {
        snapshot(after);
        if (strcmp(before, after) == 0)
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

static void expect_back(const char *before, char after[16384])
{
    if (!comes_back(before, after))
        assert_string_equal(before, after);
}

/* The kernel tells of a new link's carrier from a work queue, up to a second later: only then eth0 is UP and
 * has its link-local address and the routes that go with it. */
static void wait_for_carrier(void)
{
    static char out[16384];
    for (int i = 0; i < 2000; i++) {
        output("ip -o link show dev eth0; ip -o -6 addr show dev eth0", out, sizeof out);
        if (strstr(out, "state UP") && strstr(out, "fe80::ff:fe00:e00/64") && !strstr(out, "tentative"))
            return;
        poll(NULL, 0, 10);
    }
    fail_msg("eth0 has no carrier after 20 s: %s", out);
}

static int set_up(void **state)
{
    (void)state;
    at_nth = PASS;
    run("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad;"
        "ip link add eth0 address 02:00:00:00:0e:00 type veth peer name far && ip link set far up &&"
        "ip link set eth0 mtu 1400 up &&"
        "ip addr add 192.0.2.5/24 brd 192.0.2.255 dev eth0 &&"
        "ip addr add 192.0.2.6/24 dev eth0 label eth0:x &&"
        "ip addr add 198.51.100.1/32 dev eth0 &&"
        "ip addr add 203.0.113.9/28 dev eth0 valid_lft 5000 preferred_lft 4000 noprefixroute &&"
        "ip addr add 2001:db8::5/64 dev eth0 nodad && ip addr add fe80::55/64 dev eth0 nodad &&"
        "ip route add default via 192.0.2.1 dev eth0 metric 100 &&"
        "ip route add 10.1.0.0/16 via 192.0.2.2 src 192.0.2.6 mtu 1300 &&"
        "ip route add 10.2.0.0/16 dev eth0 scope link table 77 &&"
        "ip route add 10.3.0.0/16 nexthop via 192.0.2.3 dev eth0 weight 2 nexthop via 192.0.2.4 dev eth0 &&"
        "ip -6 route add default via fe80::1 dev eth0 metric 50 &&"
        "ip -6 route add 2001:db8:9::/48 via 2001:db8::1 dev eth0 expires 3000 &&"
        "ip neigh add 192.0.2.1 lladdr 02:00:00:00:fe:01 nud permanent dev eth0");
    wait_for_carrier();
    strcpy(dir, "/tmp/dbr-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    nl = dbr_netlink_open(&why);
    return nl ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char cmd[128];
    dbr_netlink_close(nl);
    snprintf(cmd, sizeof cmd, "rm -rf %s; ip link del br0 2>/dev/null; ip link del eth0 2>/dev/null; true",
             dir);
    run(cmd);
    return 0;
}

static struct dbr_bridge_plan plan(void)
{
    return (struct dbr_bridge_plan){
        .bridge = "br0", .ifs = {"eth0"}, .nifs = 1, .take_default_route = true, .journal_dir = dir};
}

static bool journal_there(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/bridge-br0.journal", dir);
    return access(path, F_OK) == 0;
}

static void expect_ip(const char *cmd, const char *words)
{
    static char out[16384];
    if (!strstr(output(cmd, out, sizeof out), words))
        fail_msg("%s: no \"%s\" in:\n%s", cmd, words, out);
}

static void test_everything_moves_and_comes_back(void **state)
{
    (void)state;
    static char before[16384], after[16384];
    struct dbr_bridge_state s;
    struct dbr_bridge_plan p = plan();
    settle(before);
    if (dbr_bridge_raise(nl, &p, &s, &why) < 0)
        fail_msg("%s", why.text);
    assert_true(s.created && s.enslaved == 1 && s.addresses == 7 && s.mac == 0x020000000e00 && s.mtu == 1400);
    assert_int_equal(s.ifindex, if_nametoindex("br0"));
    expect_ip("ip -o link show dev eth0", "master br0");
    expect_ip("ip -o addr show dev br0", "192.0.2.5/24 brd 192.0.2.255 scope global br0");
    expect_ip("ip -o addr show dev br0", "192.0.2.6/24");
    expect_ip("ip -o addr show dev br0", "203.0.113.9/28");
    expect_ip("ip -o addr show dev br0", "2001:db8::5/64");
    expect_ip("ip -o addr show dev br0", "fe80::55/64");
    expect_ip("ip route", "default via 192.0.2.1 dev br0 metric 100");
    expect_ip("ip route", "10.1.0.0/16 via 192.0.2.2 dev br0 src 192.0.2.6 mtu 1300");
    expect_ip("ip route show table 77", "10.2.0.0/16 dev br0 scope link");
    expect_ip("ip route", "nexthop via 192.0.2.3 dev br0 weight 2");
    expect_ip("ip -6 route", "default via fe80::1 dev br0 metric 50");
    expect_ip("ip -6 route", "2001:db8:9::/48 via 2001:db8::1 dev br0");
    expect_ip("ip -6 route", "expires 2");
    expect_ip("ip neigh show dev br0", "192.0.2.1 lladdr 02:00:00:00:fe:01 PERMANENT");
    expect_ip("ip -d link show br0", "forward_delay 0");
    expect_ip("ip -d link show br0", "stp_state 0");
    expect_ip("ip -o addr show dev br0 | grep -cE '203.0.113.9.*valid_lft (4[89][0-9][0-9]|5000)sec'", "1");
    assert_int_equal(system("ip -o addr show dev eth0 | grep -q ."), 256); /* nothing is left there */
    assert_true(journal_there());

    if (dbr_bridge_undo(nl, dir, "br0", &why) < 0)
        fail_msg("%s", why.text);
    expect_back(before, after);
    assert_false(journal_there());
    assert_int_equal(if_nametoindex("br0"), 0);
    assert_int_equal(dbr_bridge_undo(nl, dir, "br0", &why), DBR_ERR_NOTFOUND);
}

static void test_default_route_is_refused(void **state)
{
    (void)state;
    static char before[16384], after[16384];
    struct dbr_bridge_state s;
    struct dbr_bridge_plan p = plan();
    p.take_default_route = false;
    settle(before);
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), DBR_ERR_STATE);
    assert_non_null(strstr(why.text, "eth0 carries the default route"));
    expect_back(before, after);
    assert_false(journal_there());
    assert_int_equal(if_nametoindex("br0"), 0);
    run("ip route del default; ip -6 route del default");
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
}

static void expect_refusal(struct dbr_bridge_plan p, int err, const char *words)
{
    struct dbr_bridge_state s;
    why.text[0] = 0;
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), err);
    if (!strstr(why.text, words))
        fail_msg("\"%s\" has no \"%s\"", why.text, words);
    assert_false(journal_there());
}

static void test_what_cannot_be_a_port(void **state)
{
    (void)state;
    struct dbr_bridge_plan p = plan();
    p.ifs[0] = "nosuch0";
    expect_refusal(p, DBR_ERR_NOTFOUND, "nosuch0");
    p.ifs[0] = "lo";
    expect_refusal(p, DBR_ERR_STATE, "lo");
    p.ifs[0] = "an-interface-name-too-long";
    expect_refusal(p, DBR_ERR_NOTFOUND, "too-long");
    run("ip link add other type bridge && ip link set far master other");
    p.ifs[0] = "far";
    expect_refusal(p, DBR_ERR_STATE, "another bridge");
    p.ifs[0] = "other";
    expect_refusal(p, DBR_ERR_STATE, "no Ethernet interface");
    p = plan();
    p.bridge = "far";
    expect_refusal(p, DBR_ERR_STATE, "far exists and is no bridge");
    p.bridge = "../x";
    expect_refusal(p, DBR_ERR_CONFIG, "../x");
    p = plan();
    p.journal_dir = "/nonexistent";
    expect_refusal(p, DBR_ERR_IO, "/nonexistent");
    assert_int_equal(if_nametoindex("br0"), 0);
    run("ip link del other");
}

static void test_admins_bridge_stays(void **state)
{
    (void)state;
    struct dbr_bridge_state s;
    struct dbr_bridge_plan p = plan();
    run("ip link add br0 address 02:00:00:00:b0:00 type bridge && ip link set br0 mtu 1400 up && ip addr add "
        "10.9.9.9/24 dev br0");
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
    assert_true(!s.created && s.mac == 0x02000000b000);
    expect_ip("ip -o addr show dev br0", "192.0.2.5/24");
    assert_int_equal(dbr_bridge_undo(nl, dir, "br0", &why), 0);
    expect_ip("ip -o addr show dev br0", "10.9.9.9/24");
    expect_ip("ip -o addr show dev eth0", "192.0.2.5/24");
    assert_int_equal(system("ip -o addr show dev br0 | grep -q 192.0.2"), 256);
    /* A port that was in it already is left alone, then and at the undo. */
    run("ip link set eth0 master br0");
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
    assert_int_equal(s.enslaved, 0);
    expect_ip("ip -o link show eth0", "master br0");
}

static void test_raise_twice(void **state)
{
    (void)state;
    static char before[16384], after[16384];
    struct dbr_bridge_state s;
    struct dbr_bridge_plan p = plan();
    settle(before);
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0); /* undoes the first: the journal stays true */
    assert_int_equal(s.addresses, 7);
    assert_int_equal(dbr_bridge_undo(nl, dir, "br0", &why), 0);
    expect_back(before, after);
}

/* kill -9 before each message in turn; whoever comes next finds the journal, or nothing was touched. */
static void test_killed_at_any_point(void **state)
{
    (void)state;
    static char before[16384], after[16384];
    struct dbr_bridge_plan p = plan();
    settle(before);
    int n = 0, status = 1;
    for (; status != 0 && n < 200; n++) {
        pid_t child = fork();
        if (child == 0) {
            struct dbr_bridge_state s;
            struct dbr_netlink *own = dbr_netlink_open(NULL);
            at_nth = KILL;
            countdown = n;
            _exit(dbr_bridge_raise(own, &p, &s, NULL) ? 1 : 0);
        }
        waitpid(child, &status, 0);
        int err = dbr_bridge_undo(nl, dir, "br0", &why);
        if (err && err != DBR_ERR_NOTFOUND)
            fail_msg("message %d: %s", n, why.text);
        if (!comes_back(before, after))
            fail_msg("killed at message %d:\n%s\nwas:\n%s", n, after, before);
        assert_int_equal(if_nametoindex("br0"), 0);
    }
    assert_int_equal(status, 0);
    assert_true(n > 20);
}

/* The same for a message that the kernel does not take: raise itself puts everything back. */
static void test_failing_at_any_point(void **state)
{
    (void)state;
    static char before[16384], after[16384];
    struct dbr_bridge_state s;
    struct dbr_bridge_plan p = plan();
    settle(before);
    int n = 0, err = -1;
    for (; err && n < 200; n++) {
        at_nth = FAIL;
        countdown = n;
        err = dbr_bridge_raise(nl, &p, &s, &why);
        at_nth = PASS;
        if (!err)
            break;
        if (!comes_back(before, after))
            fail_msg("failed at message %d:\n%s\nwas:\n%s", n, after, before);
        assert_false(journal_there());
    }
    assert_int_equal(err, 0);
    assert_true(n > 20);
}

/* And for the undo: killed anywhere, the next one finishes it. */
static void test_undo_killed_at_any_point(void **state)
{
    (void)state;
    static char before[16384], after[16384];
    struct dbr_bridge_plan p = plan();
    struct dbr_bridge_state s;
    settle(before);
    int n = 0, status = 1;
    for (; status != 0 && n < 200; n++) {
        assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
        pid_t child = fork();
        if (child == 0) {
            struct dbr_netlink *own = dbr_netlink_open(NULL);
            at_nth = KILL;
            countdown = n;
            _exit(dbr_bridge_undo(own, dir, "br0", NULL) ? 1 : 0);
        }
        waitpid(child, &status, 0);
        int err = dbr_bridge_undo(nl, dir, "br0", &why);
        if (err && !(status == 0 && err == DBR_ERR_NOTFOUND))
            fail_msg("message %d: %s", n, why.text);
        if (!comes_back(before, after))
            fail_msg("undo killed at message %d:\n%s\nwas:\n%s", n, after, before);
    }
    assert_int_equal(status, 0);
    assert_true(n > 10);
}

static void write_journal(const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/bridge-br0.journal", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

#define GOOD_HEAD "drawbridge-journal 1\nboot x\nbridge br0 created\n"

static void test_damaged_journal(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "something else\n",
        "drawbridge-journal 1\n",
        "drawbridge-journal 1\nboot x\nbridge br1 created\nend 3\n",
        (GOOD_HEAD "end 4\n"),
        (GOOD_HEAD "object eth0 00\nend 4\n"),
        (GOOD_HEAD "port eth0 3 1500 up\nobject eth0 0000000000\nend 5\n"),
        (GOOD_HEAD "port eth0 3 1500 up\nobject eth0 zz\nend 5\n"),
        (GOOD_HEAD "sysctl eth0 ipv4 forwarding 1\nend 4\n"),
        (GOOD_HEAD "whatever\nend 4\n"),
    };
    static char before[16384], after[16384];
    struct dbr_bridge_plan p = plan();
    struct dbr_bridge_state s;
    settle(before);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_journal(bad[i]);
        if (dbr_bridge_undo(nl, dir, "br0", &why) != DBR_ERR_SHAPE || !strstr(why.text, "damaged"))
            fail_msg("case %zu: %s", i, why.text);
        assert_true(journal_there());
        assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why),
                         DBR_ERR_SHAPE); /* never over one we cannot read */
    }
    expect_back(before, after);
}

/* After a reboot there is nothing to put back. */
static void test_journal_of_another_boot(void **state)
{
    (void)state;
    static char before[16384], after[16384];
    settle(before);
    write_journal("drawbridge-journal 1\nboot 0\nbridge br0 created\nport eth0 3 1500 down\nend 4\n");
    assert_int_equal(dbr_bridge_undo(nl, dir, "br0", &why), 0);
    assert_false(journal_there());
    expect_back(before, after);
}

static void test_port_gone_at_undo(void **state)
{
    (void)state;
    struct dbr_bridge_plan p = plan();
    struct dbr_bridge_state s;
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
    run("ip link del eth0");
    assert_int_equal(dbr_bridge_undo(nl, dir, "br0", &why), 0);
    assert_int_equal(if_nametoindex("br0"), 0);
}

static struct dbr_tap open_tap(void)
{
    struct dbr_tap t;
    struct dbr_tap_config c = {.name = "tap7", .queues = 1, .mac = 0x020000000001, .up = true};
    if (dbr_tap_open(&t, &c, &why) < 0)
        fail_msg("%s", why.text);
    return t;
}

static void test_tap_port(void **state)
{
    (void)state;
    struct dbr_bridge_plan p = plan();
    struct dbr_bridge_state s;
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
    struct dbr_tap t = open_tap(); /* its address is lower than eth0's: an unpinned bridge would take it */
    assert_int_equal(dbr_bridge_attach(nl, s.ifindex, t.ifindex, &why), 0);
    expect_ip("ip -o link show tap7", "mtu 1400");
    expect_ip("ip -o link show br0", "02:00:00:00:0e:00");
    expect_ip("ip -d link show tap7", "learning off");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dbr_bridge_fdb_add(nl, t.ifindex, HOST_A, 0, &why), 0);
        expect_ip("bridge fdb show br br0", "02:00:00:00:00:01 dev tap7");
    }
    expect_ip("bridge fdb show br br0 | grep 02:00:00:00:00:01", "extern_learn");
    for (int i = 0; i < 2; i++)
        assert_int_equal(dbr_bridge_fdb_del(nl, t.ifindex, HOST_B, 0, &why), 0);
    assert_int_equal(dbr_bridge_fdb_add(nl, t.ifindex, HOST_B, 0, &why), 0);
    assert_int_equal(dbr_bridge_fdb_del(nl, t.ifindex, HOST_B, 0, &why), 0);
    assert_int_equal(system("bridge fdb show br br0 | grep -q 02:00:00:00:00:02"), 256);
    assert_int_equal(dbr_bridge_attach(nl, t.ifindex, t.ifindex, &why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_bridge_detach(nl, t.ifindex, &why), 0);
    struct dbr_link link;
    assert_int_equal(dbr_link_get(nl, "tap7", &link, &why), 0);
    assert_int_equal(link.master, 0);
    dbr_tap_close(&t);
}

/* An admin's bridge whose address was never pinned keeps it when the TAP with a lower one joins. */
static void test_attach_pins_the_address(void **state)
{
    (void)state;
    run("ip link add br0 type bridge && ip link set far master br0 && ip link set br0 up && ip link set far "
        "address "
        "02:00:00:00:0f:00");
    struct dbr_link br, after;
    assert_int_equal(dbr_link_get(nl, "br0", &br, &why), 0);
    struct dbr_tap t = open_tap();
    assert_int_equal(dbr_bridge_attach(nl, br.ifindex, t.ifindex, &why), 0);
    assert_int_equal(dbr_link_get(nl, "br0", &after, &why), 0);
    assert_true(after.mac == br.mac);
    dbr_tap_close(&t);
}

static void test_gateway(void **state)
{
    (void)state;
    uint32_t ip4;
    uint64_t mac;
    assert_int_equal(dbr_gateway_get(nl, (int)if_nametoindex("eth0"), &ip4, &mac), 0);
    assert_int_equal(ip4, 0xc0000201);
    assert_true(mac == 0x02000000fe01);
    assert_int_equal(dbr_gateway_get(nl, (int)if_nametoindex("far"), &ip4, &mac), DBR_ERR_NOTFOUND);
    assert_true(ip4 == 0 && mac == 0);
}

/* --- watching --- */

static struct {
    unsigned count[16];
    int ifindex[16];
} seen;

static void see(void *arg, enum dbr_link_event e, int ifindex)
{
    (void)arg;
    seen.count[e]++;
    seen.ifindex[e] = ifindex;
}

static void drain(struct dbr_linkmon *m)
{
    memset(&seen, 0, sizeof seen);
    struct pollfd p = {.fd = dbr_linkmon_fd(m), .events = POLLIN};
    while (poll(&p, 1, 100) > 0)
        assert_int_equal(dbr_linkmon_drain(m, see, NULL), 0);
    assert_int_equal(dbr_linkmon_drain(m, see, NULL), 0);
}

/* After a change of the kind e, or after changes that are none of ours (0). */
static void expect_line(struct dbr_linkmon *m, enum dbr_link_event e, int ifindex, int line)
{
    drain(m);
    for (int i = 1; i < 16; i++)
        if ((seen.count[i] != 0) != (i == (int)e) &&
            !(e && e != DBR_LINK_ADDRESS && i == DBR_LINK_ADDRESS)) /* links take theirs along */
            fail_msg("line %d: %s: %u", line, dbr_link_event_text(i), seen.count[i]);
    if (e)
        assert_int_equal(seen.ifindex[e], ifindex);
}

#define expect_only(m, e, ifindex) expect_line(m, e, ifindex, __LINE__)

static void test_watching(void **state)
{
    (void)state;
    struct dbr_bridge_plan p = plan();
    struct dbr_bridge_state s;
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
    struct dbr_tap t = open_tap();
    assert_int_equal(dbr_bridge_attach(nl, s.ifindex, t.ifindex, &why), 0);
    int eth0 = (int)if_nametoindex("eth0");
    struct dbr_linkmon_config c = {
        .tap_ifindex = t.ifindex, .bridge_ifindex = s.ifindex, .ports = {eth0}, .nports = 1};
    run("ip link set br0 addrgenmode none; ip link set tap7 addrgenmode none; ip -6 addr flush dev br0; "
        "ip -6 addr flush dev tap7");
    struct dbr_linkmon *m = dbr_linkmon_open(&c, &why);
    assert_non_null(m);
    run("ip link set far down; ip link set far up; ip link add noise0 type veth peer name noise1; ip link "
        "del noise0;"
        "ip link set eth0 txqueuelen 50; ip link set br0 txqueuelen 50; ip link set tap7 txqueuelen 50");
    expect_only(m, 0, 0); /* nothing of ours */
    run("ip addr add 192.0.2.77/24 dev far; ip route add 198.51.100.0/24 via 192.0.2.78; ip addr del "
        "192.0.2.77/24 dev far");
    expect_only(m, 0, 0);
    run("ip addr add 192.0.2.79/24 dev br0");
    expect_only(m, DBR_LINK_ADDRESS, s.ifindex);
    run("ip route add default via 192.0.2.80 dev br0");
    expect_only(m, DBR_LINK_ADDRESS, s.ifindex);
    run("ip -6 addr add fd79::1/64 dev br0 nodad");
    expect_only(m, DBR_LINK_ADDRESS, s.ifindex);
    run("ip addr del 192.0.2.79/24 dev br0; ip addr del fd79::1/64 dev br0");
    expect_only(m, DBR_LINK_ADDRESS, s.ifindex);
    run("ip link set tap7 down");
    expect_only(m, DBR_LINK_TAP_DOWN, t.ifindex);
    run("ip link set tap7 up");
    expect_only(m, 0, 0);
    run("ip link set tap7 nomaster");
    expect_only(m, DBR_LINK_TAP_LEFT, t.ifindex);
    assert_int_equal(dbr_bridge_attach(nl, s.ifindex, t.ifindex, &why), 0);
    expect_only(m, 0, 0);
    run("ip link set eth0 nomaster");
    expect_only(m, DBR_LINK_PORT_LEFT, eth0);
    run("ip link set br0 mtu 1300");
    expect_only(m, DBR_LINK_MTU_CHANGED, s.ifindex);
    run("ip link set br0 address 02:00:00:00:77:77");
    expect_only(m, DBR_LINK_MAC_CHANGED, s.ifindex);
    run("ip link set br0 down");
    expect_only(m, DBR_LINK_BRIDGE_DOWN, s.ifindex);
    run("ip link del br0");
    drain(m); /* takes the TAP out as well */
    assert_true(seen.count[DBR_LINK_BRIDGE_GONE] == 1 && seen.count[DBR_LINK_TAP_LEFT] == 1);
    dbr_tap_close(&t);
    drain(m); /* goes down first */
    assert_true(seen.count[DBR_LINK_TAP_GONE] == 1 && seen.ifindex[DBR_LINK_TAP_GONE] == c.tap_ifindex);
    dbr_linkmon_close(m);
    dbr_linkmon_close(NULL);
}

/* --- check --- */

static char findings[8192];

static void find(void *arg, int level, const char *what)
{
    (void)arg;
    size_t n = strlen(findings);
    snprintf(findings + n, sizeof findings - n, "%d %s\n", level, what);
}

static const char *check(const char *tap)
{
    struct dbr_bridge_plan p = plan();
    findings[0] = 0;
    assert_int_equal(dbr_bridge_check(nl, &p, tap, find, NULL), 0);
    return findings;
}

static void test_check(void **state)
{
    (void)state;
    struct dbr_bridge_plan p = plan();
    struct dbr_bridge_state s;
    assert_non_null(strstr(check("tap7"), "1 bridge br0 does not exist yet"));
    assert_int_equal(dbr_bridge_raise(nl, &p, &s, &why), 0);
    assert_non_null(strstr(check("tap7"), "0 bridge br0 is up"));
    assert_non_null(strstr(findings, "1 TAP tap7 does not exist"));
    assert_non_null(strstr(findings, "can be put back"));
    assert_null(strstr(findings, "eth0 is not"));
    struct dbr_tap t = open_tap();
    assert_non_null(strstr(check("tap7"), "2 TAP tap7 is not in bridge br0"));
    assert_int_equal(dbr_bridge_attach(nl, s.ifindex, t.ifindex, &why), 0);
    assert_null(strstr(check("tap7"), "\n2 TAP"));
    assert_null(strstr(findings, "learns"));
    run("bridge link set dev tap7 learning on");
    assert_non_null(strstr(check("tap7"), "2 the kernel learns addresses on tap7"));
    run("ip link set far down");
    assert_non_null(strstr(check("tap7"), "2 eth0 has no link"));
    run("ip link set eth0 nomaster; ip link set br0 type bridge stp_state 1; ip link set br0 down");
    assert_non_null(strstr(check(NULL), "1 eth0 is not in bridge br0"));
    assert_non_null(strstr(findings, "1 spanning tree is on"));
    assert_non_null(strstr(findings, "2 bridge br0 is down"));
    dbr_tap_close(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    int skipped = enter_namespace();
    if (skipped)
        return skipped;
    const struct CMUnitTest tests[] = {
        TEST(test_everything_moves_and_comes_back),
        TEST(test_default_route_is_refused),
        TEST(test_what_cannot_be_a_port),
        TEST(test_admins_bridge_stays),
        TEST(test_raise_twice),
        TEST(test_killed_at_any_point),
        TEST(test_failing_at_any_point),
        TEST(test_undo_killed_at_any_point),
        TEST(test_damaged_journal),
        TEST(test_journal_of_another_boot),
        TEST(test_port_gone_at_undo),
        TEST(test_tap_port),
        TEST(test_attach_pins_the_address),
        TEST(test_gateway),
        TEST(test_watching),
        TEST(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
