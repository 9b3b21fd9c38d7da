/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's process: one thread, one completion port, and the engine in the middle.
 *
 *   TAP    several reads and writes in flight         -> dbr_engine_frame()      <- tap()
 *   UDP    several receives in flight, sends at once  -> dbr_engine_feed()       <- send()
 *   pipe   one read, writes in order                  -> START ANSWER STOP DONE  <- STATE ASK LOG NET_*
 *   names, news of the network, sleep                 -> resolved(), network()
 *
 * Time is GetTickCount64(), which counts sleep (Microsoft, "GetTickCount64 function"); the difference to
 * QueryUnbiasedInterruptTime(), which does not, says that the computer has slept.
 */
#include "client-win/engine/port_win.h"
#include "client-win/engine/run.h"
#include "client-win/engine/wire.h"

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "client-win/keystore/keystore.h"
#include "client-win/keystore/vault.h"
#include "client-win/tapw/tapw.h"
#include "crypto/aead.h"
#include "crypto/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <winternl.h>

enum {
    TAP_READS = 16,
    TAP_WRITES = 128,
    TAP_ROOM = DBR_ENGINE_HEADROOM + DBR_ENGINE_FRAME_MAX + DBR_ENGINE_TAILROOM,
    PIPE_WAITING_MAX = 512, /* messages that the service has not taken yet: then it is given up; LOG lines
                               stop at half of it */
    BATCH = 64,
    POLL_MAX_MS = 5000, /* also how soon a sleep is noticed */
    LAST_WORDS_MS = 2000,
    SLEPT_MS = 1500,
};

#define TAP_PAUSE_NS    500000000ull
#define TAP_PATIENCE_NS 15000000000ull

struct loop;

struct tap_read {
    struct op op;
    bool idle; /* the driver does not have it */
    uint8_t room[TAP_ROOM];
};

struct tap_write {
    struct op op;
    struct tap_write *next; /* free ones */
    uint8_t frame[DBR_ENGINE_FRAME_MAX];
};

struct pipe_write {
    struct op op;
    DWORD len;
    uint8_t bytes[];
};

struct loop {
    HANDLE port, tap, pipe;
    struct dbr_engine *engine;
    struct udp *udp;
    struct change *change;
    struct dbr_now now;
    char id[DBR_PM_ID];
    int64_t since_unix_s;
    int64_t slept_ms;
    int rcvbuf, sndbuf;
    bool gone;  /* nobody is at the other end of the pipe */
    bool media; /* the adapter's cable is in, and frames are read */
    int code;
    uint64_t tap_again_ns,
        tap_lost_ns;  /* when reads are begun again, and when that was long enough; 0: they run */
    unsigned waiting; /* writes to the pipe in flight */
    struct op pipe_read;
    uint8_t message[DBR_PM_MAX];
    struct tap_read *reads;
    struct tap_write *writes, *free_writes;
};

/* ---- the port ---- */

DWORD port_add(HANDLE port, HANDLE h)
{
    return CreateIoCompletionPort(h, port, 0, 0) ? 0 : GetLastError();
}

void port_post(HANDLE port, struct op *op)
{
    PostQueuedCompletionStatus(port, 0, 0, &op->over);
}

/* ---- clocks ---- */

static int64_t slept_ms(void)
{
    ULONGLONG awake = 0; /* 100 ns */
    QueryUnbiasedInterruptTime(&awake);
    return (int64_t)GetTickCount64() - (int64_t)(awake / 10000);
}

static void look_at_clocks(struct loop *l)
{
    l->now.ns = GetTickCount64() * 1000000ull;
    l->now.unix_s = (int64_t)time(NULL);
}

/* ---- to the service ---- */

static void pipe_written(struct op *op, DWORD error, DWORD n)
{
    struct loop *l = op->owner;
    struct pipe_write *w = (struct pipe_write *)op;
    (void)n;
    l->waiting--;
    l->gone |= error != 0;
    dbr_wipe(w->bytes, w->len);
    free(w);
}

static void say(struct loop *l, const struct dbr_pm *m)
{
    uint8_t out[DBR_PM_MAX];
    unsigned most = m->type == DBR_PM_LOG ? PIPE_WAITING_MAX / 2 : PIPE_WAITING_MAX;
    if (l->waiting >=
        PIPE_WAITING_MAX) /* a part of the settings is worse than none: the service undoes all */
        l->gone = true;
    size_t n = l->gone || l->waiting >= most ? 0 : dbr_pm_encode(m, DBR_PM_ENGINE_TO_SERVICE, out);
    struct pipe_write *w = n ? calloc(1, sizeof *w + n) : NULL;
    if (!w)
        return;
    w->op = (struct op){.done = pipe_written, .owner = l};
    w->len = (DWORD)n;
    memcpy(w->bytes, out, n);
    l->waiting++;
    if (!WriteFile(l->pipe, w->bytes, w->len, NULL, &w->op.over) && GetLastError() != ERROR_IO_PENDING)
        pipe_written(&w->op, GetLastError(), 0);
}

static void say_state(struct loop *l, enum dbr_engine_state state, const char *text)
{
    struct dbr_pm m;
    char address[DBR_ADDR_TEXT] = "";
    if (state == DBR_ENGINE_CONNECTED) {
        l->since_unix_s = l->now.unix_s;
        dbr_engine_address(l->engine, address);
    }
    dbr_wire_state(&m, state, l->id, text, state == DBR_ENGINE_CONNECTED ? l->since_unix_s : 0, address);
    say(l, &m);
}

static void say_line(struct loop *l, int level, const char *line)
{
    struct dbr_pm m;
    dbr_wire_log(&m, level, line);
    say(l, &m);
}

/* ---- TAP ---- */

static void read_tap(struct loop *l, struct tap_read *r);

/* A read failed: the driver lets go of all of them when the computer goes to sleep. They are begun again,
 * until the adapter has been silent for long. */
static void tap_trouble(struct loop *l, struct tap_read *r, DWORD error)
{
    char text[160];
    r->idle = true;
    if (!l->tap_again_ns)
        l->tap_again_ns = l->now.ns + TAP_PAUSE_NS;
    if (!l->tap_lost_ns)
        l->tap_lost_ns = l->now.ns + TAP_PATIENCE_NS;
    if (!l->engine || l->now.ns < l->tap_lost_ns)
        return;
    snprintf(text, sizeof text, "The network adapter of Drawbridge has gone (error %lu). Connect again.",
             error);
    dbr_engine_fail(l->engine, text, &l->now);
}

static void tap_read_done(struct op *op, DWORD error, DWORD n)
{
    struct loop *l = op->owner;
    struct tap_read *r = (struct tap_read *)op;
    if (error && error != ERROR_MORE_DATA) {
        tap_trouble(l, r, error);
        return;
    }
    l->tap_lost_ns = 0;
    if (!error && l->engine)
        dbr_engine_frame(l->engine, r->room + DBR_ENGINE_HEADROOM, n, &l->now);
    read_tap(l, r);
}

static void read_tap(struct loop *l, struct tap_read *r)
{
    r->idle = false;
    memset(&r->op.over, 0, sizeof r->op.over);
    if (!ReadFile(l->tap, r->room + DBR_ENGINE_HEADROOM, DBR_ENGINE_FRAME_MAX, NULL, &r->op.over) &&
        GetLastError() != ERROR_IO_PENDING && GetLastError() != ERROR_MORE_DATA)
        tap_trouble(l, r, GetLastError());
}

static void look_after_tap(struct loop *l)
{
    if (!l->tap_again_ns || l->now.ns < l->tap_again_ns)
        return;
    l->tap_again_ns = 0;
    dbr_tapw_media(l->tap, true);
    for (size_t i = 0; i < TAP_READS; i++)
        if (l->reads[i].idle)
            read_tap(l, &l->reads[i]);
}

static void tap_write_done(struct op *op, DWORD error, DWORD n)
{
    struct loop *l = op->owner;
    struct tap_write *w = (struct tap_write *)op;
    (void)error; /* a frame that the adapter does not take is lost, as on a wire */
    (void)n;
    w->next = l->free_writes;
    l->free_writes = w;
}

static void on_tap(void *arg, const uint8_t *frame, size_t len)
{
    struct loop *l = arg;
    struct tap_write *w = l->free_writes;
    if (!w || len > sizeof w->frame)
        return;
    l->free_writes = w->next;
    memcpy(w->frame, frame, len);
    memset(&w->op.over, 0, sizeof w->op.over);
    if (!WriteFile(l->tap, w->frame, (DWORD)len, NULL, &w->op.over) && GetLastError() != ERROR_IO_PENDING)
        tap_write_done(&w->op, GetLastError(), 0);
}

static bool make_tap(struct loop *l)
{
    l->reads = calloc(TAP_READS, sizeof *l->reads);
    l->writes = calloc(TAP_WRITES, sizeof *l->writes);
    if (!l->reads || !l->writes)
        return false;
    for (size_t i = 0; i < TAP_WRITES; i++) {
        l->writes[i].op = (struct op){.done = tap_write_done, .owner = l};
        tap_write_done(&l->writes[i].op, 0, 0);
    }
    for (size_t i = 0; i < TAP_READS; i++)
        l->reads[i].op = (struct op){.done = tap_read_done, .owner = l};
    return true;
}

/* Windows sees the cable plugged in when there is somebody to speak to: its DHCP client begins then. The
 * driver refuses reads before. */
static void begin_tap(struct loop *l)
{
    if (l->media)
        return;
    l->media = true;
    if (dbr_tapw_media(l->tap, true))
        say_line(l, DBR_LOG_WARN, "WARNING: the network adapter does not say that it is connected");
    for (size_t i = 0; i < TAP_READS; i++)
        read_tap(l, &l->reads[i]);
}

/* ---- what the engine asks of us ---- */

static void on_datagram(void *arg, uint8_t *bytes, size_t len, const struct dbr_addr *from)
{
    struct loop *l = arg;
    if (l->engine)
        dbr_engine_feed(l->engine, bytes, len, from, &l->now);
}

static int on_open(void *arg, const struct dbr_addr *to, bool anyone)
{
    static const struct udp_ops ops = {.datagram = on_datagram};
    struct loop *l = arg;
    DWORD error;
    char line[128];
    struct udp *u = udp_open(l->port, to, anyone, l->rcvbuf, l->sndbuf, &ops, l, &error);
    if (!u) {
        snprintf(line, sizeof line, "the socket cannot be opened (error %lu)", error);
        say_line(l, DBR_LOG_NOTICE, line);
        return DBR_ERR_IO;
    }
    udp_close(l->udp);
    l->udp = u;
    return 0;
}

static void on_send(void *arg, const struct dbr_addr *to, const uint8_t *dgram, size_t len)
{
    struct loop *l = arg;
    if (l->udp)
        udp_send(l->udp, to, dgram, len);
}

static void resolved(struct op *op, DWORD error, DWORD n)
{
    struct resolution *r = (struct resolution *)op;
    struct loop *l = op->owner;
    (void)error;
    (void)n;
    if (l->engine)
        dbr_engine_resolved(l->engine, r->ticket, r->addrs, r->n, &l->now);
    free(r);
}

/* Where no thread can be begun the engine's patience ends, and it tries again. */
static void on_resolve(void *arg, unsigned ticket, const char *host, uint16_t port, int family)
{
    struct loop *l = arg;
    if (!resolve_begin(l->port, ticket, host, port, family, resolved, l))
        say_line(l, DBR_LOG_NOTICE, "names cannot be resolved at the moment");
}

static void on_net(void *arg, const struct dbr_net_step *step)
{
    struct loop *l = arg;
    struct dbr_pm m;
    if (step->kind != DBR_NET_CLEAR)
        begin_tap(l);
    if (dbr_wire_step(&m, step))
        say(l, &m);
    else
        say_line(l, DBR_LOG_WARN, "WARNING: a setting that the server pushes cannot be used and is left out");
}

static void on_state(void *arg, enum dbr_engine_state state, const char *text)
{
    struct loop *l = arg;
    l->code |= state == DBR_ENGINE_FAILED;
    say_state(l, state, text);
}

static void on_ask(void *arg, enum dbr_engine_ask kind, bool echo, const char *text, const char *user)
{
    struct dbr_pm m;
    dbr_wire_ask(&m, kind, echo, text, user);
    say(arg, &m);
}

static void on_log(void *arg, int level, const char *line)
{
    say_line(arg, level, line);
}

static void on_random(void *arg, void *out, size_t n)
{
    (void)arg;
    if (n && dbr_random(out, n))
        TerminateProcess(GetCurrentProcess(), 1); /* a machine without random numbers cannot make keys */
}

static const struct dbr_engine_ops ops = {
    .resolve = on_resolve,
    .open = on_open,
    .send = on_send,
    .tap = on_tap,
    .net = on_net,
    .state = on_state,
    .ask = on_ask,
    .log = on_log,
    .random = on_random,
};

/* ---- from the service ---- */

static void start(struct loop *l, const struct dbr_pm *m)
{
    char why[512] = "", *text = NULL;
    size_t len = 0;
    if (l->engine)
        return;
    memcpy(l->id, m->start.id, sizeof l->id);
    int err = dbr_keystore_load(l->id, &text, &len, why, sizeof why);
    if (!err) {
        err = dbr_engine_new(&l->engine, text, len, &ops, l, why, sizeof why);
        dbr_vault_wipe(text, len);
    }
    if (!err && make_tap(l)) {
        dbr_engine_start(l->engine, &l->now);
        return;
    }
    struct dbr_pm failed;
    l->code = 1;
    dbr_wire_state(&failed, DBR_ENGINE_FAILED, l->id, why, 0, "");
    say(l, &failed);
    dbr_engine_free(l->engine);
    l->engine = NULL;
}

static void stop(struct loop *l, const struct dbr_pm *m)
{
    (void)m;
    if (l->engine)
        dbr_engine_stop(l->engine, &l->now);
    else
        l->gone = true;
}

static void answer(struct loop *l, const struct dbr_pm *m)
{
    if (l->engine)
        dbr_engine_answer(l->engine, (enum dbr_engine_ask)m->answer.kind, m->answer.user, m->answer.secret,
                          &l->now);
}

static void net_done(struct loop *l, const struct dbr_pm *m)
{
    if (l->engine)
        dbr_engine_net_done(l->engine, m->net_done.error, m->net_done.text, &l->now);
}

static void take_message(struct loop *l, size_t n)
{
    static const struct {
        uint16_t type;
        void (*take)(struct loop *l, const struct dbr_pm *m);
    } table[] = {
        {DBR_PM_START, start}, {DBR_PM_STOP, stop}, {DBR_PM_ANSWER, answer}, {DBR_PM_NET_DONE, net_done}};
    struct dbr_pm m;
    if (dbr_pm_decode(&m, DBR_PM_SERVICE_TO_ENGINE, l->message, n, NULL)) {
        l->gone = true; /* whoever that is, it is not the service */
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].type == m.type)
            table[i].take(l, &m);
    dbr_pm_wipe(&m);
}

static void read_pipe(struct loop *l)
{
    memset(&l->pipe_read.over, 0, sizeof l->pipe_read.over);
    if (!ReadFile(l->pipe, l->message, sizeof l->message, NULL, &l->pipe_read.over) &&
        GetLastError() != ERROR_IO_PENDING)
        l->gone = true;
}

static void pipe_read_done(struct op *op, DWORD error, DWORD n)
{
    struct loop *l = op->owner;
    if (error) {
        l->gone = true;
        return;
    }
    take_message(l, n);
    dbr_wipe(l->message, sizeof l->message);
    if (!l->gone)
        read_pipe(l);
}

/* ---- news ---- */

static void network_changed(struct op *op, DWORD error, DWORD n)
{
    struct loop *l = op->owner;
    (void)error;
    (void)n;
    if (l->engine && (!l->udp || udp_way_changed(l->udp)))
        dbr_engine_network(l->engine, "the network has changed", &l->now);
}

static void look_for_sleep(struct loop *l)
{
    int64_t slept = slept_ms(), before = l->slept_ms;
    l->slept_ms = slept;
    if (l->engine && slept > before + SLEPT_MS)
        dbr_engine_network(l->engine, "this computer has slept", &l->now);
}

/* ---- the loop ---- */

static DWORD wait_ms(const struct loop *l)
{
    uint64_t at = l->engine ? dbr_engine_deadline(l->engine) : UINT64_MAX;
    if (l->tap_again_ns && l->tap_again_ns < at)
        at = l->tap_again_ns;
    if (at <= l->now.ns)
        return 0;
    uint64_t ms = (at - l->now.ns + 999999) / 1000000;
    return at == UINT64_MAX || ms > POLL_MAX_MS ? POLL_MAX_MS : (DWORD)ms;
}

/* The error of a completed operation, as Windows has it. */
static DWORD error_of(const OVERLAPPED_ENTRY *entry)
{
    return entry->lpOverlapped->Internal ? RtlNtStatusToDosError((LONG)entry->lpOverlapped->Internal) : 0;
}

static void turn(struct loop *l, DWORD most_ms)
{
    OVERLAPPED_ENTRY entries[BATCH];
    ULONG n = 0;
    if (!GetQueuedCompletionStatusEx(l->port, entries, BATCH, &n, most_ms, FALSE))
        n = 0;
    look_at_clocks(l);
    look_for_sleep(l);
    look_after_tap(l);
    for (ULONG i = 0; i < n; i++) {
        struct op *op = (struct op *)entries[i].lpOverlapped;
        op->done(op, error_of(&entries[i]), entries[i].dwNumberOfBytesTransferred);
    }
    if (l->engine)
        dbr_engine_tick(l->engine, &l->now);
}

static bool finished(const struct loop *l)
{
    return l->gone || (l->engine && dbr_engine_over(l->engine)) || (!l->engine && l->code);
}

static void serve(struct loop *l)
{
    while (!finished(l))
        turn(l, wait_ms(l));
    if (l->engine && !dbr_engine_over(l->engine))
        dbr_engine_stop(l->engine, &l->now); /* the service has gone: the server shall know */
    for (uint64_t end = GetTickCount64() + LAST_WORDS_MS; l->waiting && !l->gone && GetTickCount64() < end;)
        turn(l, 50);
}

static DWORD set_up(struct loop *l)
{
    WSADATA wsa;
    DWORD error = (DWORD)WSAStartup(MAKEWORD(2, 2), &wsa);
    l->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (!error && !l->port)
        error = GetLastError();
    if (!error)
        error = port_add(l->port, l->pipe);
    return error ? error : port_add(l->port, l->tap);
}

int dbr_engine_run(const struct dbr_engine_setup *s)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return 1;
    l->tap = s->tap;
    l->pipe = s->pipe;
    l->slept_ms = slept_ms();
    look_at_clocks(l);
    DWORD error = set_up(l);
    if (error) {
        fprintf(stderr,
                "the engine cannot use what it was started with (error %lu); it is for the service only\n",
                error);
        free(l);
        return 1;
    }
    l->pipe_read = (struct op){.done = pipe_read_done, .owner = l};
    read_pipe(l);
    l->change = change_begin(l->port, network_changed, l);
    serve(l);
    int code = l->code;
    if (l->media)
        dbr_tapw_media(l->tap, false);
    change_end(l->change);
    dbr_engine_free(l->engine);
    return code; /* the rest goes with the process: operations in flight may still write into it */
}
