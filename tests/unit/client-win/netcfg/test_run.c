/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A computer of pretend, whose settings are lines of text. An error is put in at each call in turn: after it
 * everything is as it was before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "client-win/netcfg/run.h"
#include "wish.h"

#define GUID "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}"
enum { TAP = 0x1234, LAN = 0x99, SETTINGS = 64, NEVER = 1000000 };

struct computer {
    char thing[SETTINGS][600]; /* "route 10.0.0.0/8", "dns 4 = 192.0.2.1" */
    bool wall;
    char journal[16384];
    bool has_journal;
    int calls, fail_at;   /* the call of this number fails */
    bool fail_after_half; /* act does its work and says that it failed */
    bool power_off;       /* from the call that fails on, all fail */
    char why[DBR_NET_WHY];
};

static bool fails(struct computer *c)
{
    bool now = c->calls++ >= c->fail_at && (c->power_off || c->calls == c->fail_at + 1);
    if (now)
        snprintf(c->why, sizeof c->why, "call %d fails", c->calls - 1);
    return now;
}

static char *find(struct computer *c, const char *key)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (strncmp(c->thing[i], key, strlen(key)) == 0 &&
            (c->thing[i][strlen(key)] == 0 || c->thing[i][strlen(key)] == '='))
            return c->thing[i];
    return NULL;
}

static void set(struct computer *c, const char *key, const char *value)
{
    char *at = find(c, key);
    for (size_t i = 0; i < SETTINGS && !at; i++)
        if (!c->thing[i][0])
            at = c->thing[i];
    assert_non_null(at);
    snprintf(at, sizeof c->thing[0], "%s%s", key, value);
}

static void clear(struct computer *c, const char *key)
{
    char *at = find(c, key);
    if (at)
        memset(at, 0, sizeof c->thing[0]);
}

static void key_of(const struct dbr_net_op *o, char key[256])
{
    static const char *const name[] = {"", "iface", "address", "renew", "route", "search", "dns", "wall"};
    char dst[DBR_NET_TEXT] = "";
    if (o->kind == DBR_NET_OP_ADDRESS || o->kind == DBR_NET_OP_ROUTE)
        dbr_net_text(&o->dst, dst);
    snprintf(key, 256, "%s %u %s", name[o->kind], o->family, dst);
}

static void read_iface(const char *text, struct dbr_net_op *o)
{
    int closed = 0;
    assert_int_equal(sscanf(text, "%u %u %d", &o->old_metric, &o->old_mtu, &closed), 3);
    o->old_no_default = closed;
}

static int look(void *ctx, struct dbr_net_op *o)
{
    struct computer *c = ctx;
    char key[256], *at;
    if (fails(c))
        return DBR_ERR_IO;
    key_of(o, key);
    at = find(c, key);
    switch (o->kind) {
    case DBR_NET_OP_IFACE: read_iface(strchr(at, '=') + 1, o); break;
    case DBR_NET_OP_ADDRESS:
        o->was = at ? DBR_NET_PRESENT : find(c, "dhcp") && o->family == 4 ? DBR_NET_BY_DHCP : DBR_NET_ABSENT;
        break;
    case DBR_NET_OP_ROUTE:
        o->was = at ? DBR_NET_PRESENT : DBR_NET_ABSENT;
        if (!o->luid)
            o->luid = LAN;
        break;
    case DBR_NET_OP_SEARCH:
    case DBR_NET_OP_DNS:
        snprintf(o->old_list, sizeof o->old_list, "%s", at ? strchr(at, '=') + 1 : "");
        break;
    case DBR_NET_OP_DHCP:
    case DBR_NET_OP_WALL: break;
    }
    return 0;
}

static void change(struct computer *c, const struct dbr_net_op *o)
{
    char key[256], value[600] = "";
    key_of(o, key);
    switch (o->kind) {
    case DBR_NET_OP_IFACE:
        snprintf(value, sizeof value, "=%u %u %d", o->metric, o->mtu ? o->mtu : o->old_mtu, o->no_default);
        set(c, key, value);
        break;
    case DBR_NET_OP_ADDRESS:
        if (o->was == DBR_NET_BY_DHCP)
            clear(c, "dhcp");
        set(c, key, "");
        break;
    case DBR_NET_OP_ROUTE: set(c, key, ""); break;
    case DBR_NET_OP_SEARCH:
    case DBR_NET_OP_DNS:
        snprintf(value, sizeof value, "=%s", o->list);
        set(c, key, value);
        break;
    case DBR_NET_OP_WALL: c->wall = true; break;
    case DBR_NET_OP_DHCP: break;
    }
}

static int act(void *ctx, const struct dbr_net_op *o)
{
    struct computer *c = ctx;
    char line[DBR_NET_LINE];
    dbr_net_journal_line(o, line);
    assert_non_null(strstr(c->journal, line)); /* nothing is done that the journal does not know */
    bool bad = fails(c);
    if (!bad || c->fail_after_half)
        change(c, o);
    return bad ? DBR_ERR_IO : 0;
}

static int undo(void *ctx, const struct dbr_net_op *o)
{
    struct computer *c = ctx;
    char key[256], value[600];
    if (fails(c))
        return DBR_ERR_IO;
    key_of(o, key);
    switch (o->kind) {
    case DBR_NET_OP_IFACE:
        snprintf(value, sizeof value, "=%u %u %d", o->old_metric, o->old_mtu, o->old_no_default);
        set(c, key, value);
        break;
    case DBR_NET_OP_ADDRESS:
        clear(c, key);
        if (o->was == DBR_NET_BY_DHCP)
            set(c, "dhcp", "");
        break;
    case DBR_NET_OP_ROUTE: clear(c, key); break;
    case DBR_NET_OP_SEARCH:
    case DBR_NET_OP_DNS:
        snprintf(value, sizeof value, "=%s", o->old_list);
        if (o->old_list[0])
            set(c, key, value);
        else
            clear(c, key);
        break;
    case DBR_NET_OP_WALL: c->wall = false; break;
    case DBR_NET_OP_DHCP: break;
    }
    return 0;
}

static int note(void *ctx, const char *text, size_t n)
{
    struct computer *c = ctx;
    bool bad = fails(c);
    size_t len = strlen(c->journal);
    assert_true(len + n < sizeof c->journal);
    memcpy(c->journal + len, text, bad ? n / 2 : n); /* a disk that is full holds half a line */
    c->journal[len + (bad ? n / 2 : n)] = 0;
    c->has_journal = true;
    return bad ? DBR_ERR_IO : 0;
}

static int forget(void *ctx)
{
    struct computer *c = ctx;
    if (fails(c))
        return DBR_ERR_IO;
    c->has_journal = false;
    c->journal[0] = 0;
    return 0;
}

static void boot(struct computer *c, int fail_at)
{
    memset(c, 0, sizeof *c);
    set(c, "iface 4 ", "=25 1500 1");
    set(c, "iface 6 ", "=30 1500 0");
    set(c, "dhcp", "");
    set(c, "dns 4 ", "=9.9.9.9");
    set(c, "route 4 172.16.0.0/12", "");
    c->fail_at = fail_at;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool same(const struct computer *a, const struct computer *b)
{
    struct computer x = *a, y = *b;
    qsort(x.thing, SETTINGS, sizeof x.thing[0], by_name);
    qsort(y.thing, SETTINGS, sizeof y.thing[0], by_name);
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(x.thing[i], y.thing[i]) != 0)
            return false;
    return x.wall == y.wall;
}

static struct dbr_net_plan plan;

static struct dbr_net_backend backend(struct computer *c)
{
    return (struct dbr_net_backend){c, c->why, look, act, undo, note, forget};
}

static void make_plan(void)
{
    struct dbr_netcfg n = {0};
    char why[DBR_NET_WHY];
    assert_int_equal(
        wish_all(&n,
                 "address 192.0.2.9/24;address 192.0.2.10/24;address 2001:db8::9/64;around "
                 "198.51.100.7/32;route 0.0.0.0/0 192.0.2.1;route 172.16.0.0/12;dns 192.0.2.1;dns "
                 "2001:db8::1;search office.example;mtu 1400;block",
                 why),
        0);
    assert_int_equal(dbr_netcfg_plan(&n, TAP, &plan, why), 0);
}

static void does_and_undoes(void **state)
{
    (void)state;
    static struct computer c, before;
    boot(&c, NEVER);
    before = c;
    make_plan();
    struct dbr_net_backend b = backend(&c);
    assert_int_equal(dbr_net_run(&b, GUID, &plan), 0);
    assert_true(c.wall);
    assert_null(find(&c, "dhcp"));
    assert_string_equal(find(&c, "dns 4 "), "dns 4 =192.0.2.1");
    assert_string_equal(find(&c, "iface 4 "), "iface 4 =3 1400 0");
    assert_non_null(find(&c, "route 4 128.0.0.0/1"));
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(dbr_net_undo(&b, plan.op, plan.ops), 0);
        assert_true(same(&c, &before));
        assert_false(c.has_journal);
    }
    assert_non_null(find(&c, "route 4 172.16.0.0/12")); /* was there before: not ours to take away */
}

/* One call fails, half done or not at all: all is taken back, and the text says what failed first. */
static void fails_at_each_call(void **state)
{
    (void)state;
    static struct computer c, before;
    boot(&c, NEVER);
    make_plan();
    struct dbr_net_backend b = backend(&c);
    assert_int_equal(dbr_net_run(&b, GUID, &plan), 0);
    int calls = c.calls;
    assert_true(calls > 30);
    for (int k = 0; k < calls; k++)
        for (int half = 0; half < 2; half++) {
            boot(&c, k);
            before = c;
            c.fail_after_half = half;
            make_plan();
            assert_int_equal(dbr_net_run(&b, GUID, &plan), DBR_ERR_IO);
            assert_true(same(&c, &before));
            assert_false(c.has_journal);
            char want[64];
            snprintf(want, sizeof want, "call %d fails", k);
            assert_string_equal(c.why, want);
        }
}

/* The undo fails once, anywhere: the rest of it is done, the journal stays, and the next one ends it. */
static void undo_fails_at_each_call(void **state)
{
    (void)state;
    static struct computer c, before, whole;
    static struct dbr_net_journal j;
    boot(&before, NEVER);
    whole = before;
    make_plan();
    struct dbr_net_backend b = backend(&whole);
    assert_int_equal(dbr_net_run(&b, GUID, &plan), 0);
    int undos = (int)plan.ops; /* those that were there are skipped; forget is one more */
    for (int k = 0; k < undos; k++) {
        c = whole;
        c.calls = 0;
        c.fail_at = k;
        b = backend(&c);
        assert_int_equal(dbr_net_undo(&b, plan.op, plan.ops), DBR_ERR_IO);
        assert_true(c.has_journal);
        c.fail_at = NEVER;
        size_t bad;
        assert_int_equal(dbr_net_journal_parse(&j, c.journal, strlen(c.journal), &bad), 0);
        assert_int_equal(dbr_net_undo(&b, j.op, j.ops), 0);
        assert_true(same(&c, &before));
        assert_false(c.has_journal);
    }
}

/* The power goes at each call, whether or not the disk and the change got it: the journal alone, as text, is
 * enough to put everything back. The wall is gone with its process. */
static void power_goes_at_each_call(void **state)
{
    (void)state;
    static struct computer c, before;
    static struct dbr_net_journal j;
    boot(&c, NEVER);
    make_plan();
    struct dbr_net_backend b = backend(&c);
    assert_int_equal(dbr_net_run(&b, GUID, &plan), 0);
    int calls = c.calls;
    for (int k = 0; k <= calls; k++)
        for (int half = 0; half < 2; half++) {
            boot(&c, k);
            before = c;
            c.fail_after_half = half;
            c.power_off = true;
            make_plan();
            assert_int_equal(dbr_net_run(&b, GUID, &plan), k < calls ? DBR_ERR_IO : 0);
            if (k < calls) { /* that it cannot be taken back is worse than why it was not done */
                char want[64];
                snprintf(want, sizeof want, "call %d fails", k + 1);
                assert_string_equal(c.why, want);
            }
            c.fail_at = NEVER;
            c.wall = false;
            size_t bad;
            assert_int_equal(dbr_net_journal_parse(&j, c.journal, strlen(c.journal), &bad), 0);
            assert_int_equal(dbr_net_undo(&b, j.op, j.ops), 0);
            assert_true(same(&c, &before));
            assert_false(c.has_journal);
        }
}

/* At no moment is a route into the tunnel there without the wall, nor the wall without the way to the server.
 */
static void order(void **state)
{
    (void)state;
    make_plan();
    size_t around = 0, wall = 0, tunnel = 0;
    for (size_t i = 0; i < plan.ops; i++) {
        if (plan.op[i].kind == DBR_NET_OP_WALL)
            wall = i;
        else if (plan.op[i].kind == DBR_NET_OP_ROUTE && plan.op[i].luid == 0)
            around = i;
        else if (plan.op[i].kind == DBR_NET_OP_ROUTE && tunnel == 0)
            tunnel = i;
    }
    assert_true(around < wall && wall < tunnel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_and_undoes),
        cmocka_unit_test(fails_at_each_call),
        cmocka_unit_test(undo_fails_at_each_call),
        cmocka_unit_test(power_goes_at_each_call),
        cmocka_unit_test(order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
