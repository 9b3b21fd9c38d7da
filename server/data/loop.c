/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A worker's loop: what wakes it, its timers, its birth and death. The work itself is in worker.c.
 *
 * A source (orders, network, LAN) stays ready until it was found empty; while anything is ready the worker
 * takes one bounded batch of each in turn and does not sleep. Before it sleeps it says so and looks at its
 * mailboxes once more, so that a post in between either is seen or rings.
 */
#include "base/err.h"
#include "bridge/tap.h"
#include "data/path.h"
#include "data/worker.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S  1000000000ULL
#define NS_PER_MS 1000000ULL

enum {
    EVENTS = 4 + LANES,
    STOPPED_S = 5,    /* a longer gap between two rounds means that we were stopped */
    SWEEP_PARTS = 10, /* the whole MAC table is looked through in so many seconds */
};

/* ---- timers ---- */

void worker_arm(struct worker *w, struct peer *p)
{
    wheel_set(&w->wheel, &p->timer, peer_deadline(p));
}

void worker_send(struct worker *w, struct peer *p, const uint8_t *text, size_t len)
{
    uint8_t *room = outbox_room(&w->out, p, len);
    if (!room)
        return;
    memcpy(room, text, len);
    outbox_commit(&w->out, p, len, false);
}

static void peer_due(struct worker *w, struct peer *p)
{
    path_age(p, w->now.ns);
    if (peer_ping_due(p, w->now.ns)) {
        worker_send(w, p, dbr_ping_magic, sizeof dbr_ping_magic);
        p->tx_ns = w->now.ns;
    }
    if (peer_timed_out(p, w->now.ns, &p->timeout_reason))
        news_urgent(&w->news, p, TELL_TIMEOUT);
    worker_arm(w, p);
}

/* An address has aged out. Runs under the table's lock. */
static void aged_out(void *arg, const struct dbr_fdb_entry *e)
{
    struct worker *w = arg;
    if (e->port == DBR_PORT_LAN)
        return;
    news_bridge(&w->news, e->mac, e->vid, e->port, false);
    news_learned(&w->news, e->mac, e->vid, e->port, DBR_LEARNED_GONE, w->now.ns);
}

static void housekeeping(struct worker *w)
{
    struct shared *s = w->shared;
    w->housekeeping_ns = w->now.ns + NS_PER_S;
    if (w->index == 0)
        dbr_fdb_sweep(s->fdb, w->now.s, s->limits.age_s, dbr_fdb_slots(s->fdb) / SWEEP_PARTS + 1, aged_out,
                      w);
    news_flush_slow(&w->news, w->now.ns);
    loopguard_probe(w);
}

static void run_timers(struct worker *w)
{
    struct wheel_node *n;
    while ((n = wheel_pop(&w->wheel, w->now.ns)))
        peer_due(w, (struct peer *)((char *)n - offsetof(struct peer, timer)));
    if (w->tap_again_ns && w->now.ns >= w->tap_again_ns)
        w->tap_again_ns = 0;
    if (w->now.ns >= w->housekeeping_ns)
        housekeeping(w);
    outbox_flush(&w->out);
}

/* ---- the loop ---- */

static bool has_mail(struct worker *w)
{
    for (unsigned from = 0; from < w->shared->n_workers; from++)
        if (from != w->index && !mailbox_empty(&w->inbound[from]))
            return true;
    return false;
}

static void read_clock(struct worker *w)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    uint64_t before = w->now.ns;
    w->now.ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
    w->now.s = (uint32_t)ts.tv_sec;
    w->out.now_ns = w->now.ns;
    if (before && w->now.ns - before > STOPPED_S * NS_PER_S)
        peers_forgive(&w->peers, w->now.ns - before); /* that was not the peers' silence */
}

/* Registers fd for events, if that is not what it is registered for. */
static void watch(struct worker *w, int fd, uint32_t *have, uint32_t want, uint32_t what)
{
    if (*have == want)
        return;
    struct epoll_event e = {.events = want, .data.u32 = what};
    epoll_ctl(w->epoll, !want ? EPOLL_CTL_DEL : *have ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
    *have = want;
}

static void watch_all(struct worker *w)
{
    bool tap = !w->out.blocked && !w->tap_again_ns;
    watch(w, w->udp, &w->watched_udp, EPOLLIN | (outbox_blocked_at(&w->out, 0) ? EPOLLOUT : 0U),
          READY_NETWORK);
    for (unsigned i = 0; i < w->n_more; i++)
        watch(w, w->more[i], &w->watched_more[i],
              EPOLLIN | (outbox_blocked_at(&w->out, 1 + i) ? EPOLLOUT : 0U), READY_NETWORK);
    for (unsigned i = 0; i < w->n_lanes; i++)
        watch(w, w->lanes[i], &w->watched_lanes[i], tap ? EPOLLIN : 0U, (uint32_t)READY_LANE_0 << i);
    uint32_t ipc = w->news.control < 0 ? 0U : EPOLLIN | (w->news.control_full ? EPOLLOUT : 0U);
    watch(w, w->ipc, &w->watched_ipc, ipc, READY_ORDERS);
    watch(w, w->wake, &w->watched_wake, EPOLLIN, READY_MAIL);
}

/* Milliseconds until a timer needs us. */
static int time_to_sleep(const struct worker *w)
{
    uint64_t next = wheel_next(&w->wheel);
    if (w->housekeeping_ns < next)
        next = w->housekeeping_ns;
    if (w->tap_again_ns && w->tap_again_ns < next)
        next = w->tap_again_ns;
    return next <= w->now.ns ? 0 : (int)((next - w->now.ns) / NS_PER_MS + 1);
}

static void note_event(struct worker *w, const struct epoll_event *e)
{
    uint64_t count;
    if (e->data.u32 == READY_MAIL && read(w->wake, &count, sizeof count) < 0)
        return; /* somebody's bell that was heard already */
    if (e->data.u32 == READY_ORDERS && e->events & EPOLLOUT)
        w->news.control_full = false;
    if (e->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        w->ready |= e->data.u32 & ~(uint32_t)READY_MAIL;
}

static bool nap(struct worker *w)
{
    static const struct timespec length = {.tv_nsec = PACE_NAP_NS};
    if (w->items)
        pace_active(&w->pace, w->now.ns);
    bool worth = !w->ready && pace_nap(&w->pace, w->now.ns, w->items);
    if (worth)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
    w->items = 0;
    return worth;
}

/* To whoever waits for this very processor. */
static void yield(struct worker *w)
{
    uint64_t from = w->now.ns;
    sched_yield();
    read_clock(w);
    pace_yielded(&w->pace, w->now.ns, w->now.ns - from);
}

/* Looks for events, for PACE_NEAR_NS at most. */
static int look_for_events(struct worker *w, struct epoll_event *events, int max)
{
    const uint64_t from = w->now.ns;
    int n = 0;
    while (!(n = epoll_wait(w->epoll, events, max, 0)) && w->now.ns - from < PACE_NEAR_NS)
        yield(w);
    pace_looked(&w->pace, w->now.ns - from);
    return n;
}

/* Waits for events. A client that has just sent a lone frame may look for the answer first (pace.h). */
static int wait_for_events(struct worker *w, struct epoll_event *events, int max, int timeout)
{
    const bool asked = w->lone_sent && w->shared->client && timeout;
    int n = 0;
    w->lone_sent = false;
    if (!asked)
        return epoll_wait(w->epoll, events, max, timeout);
    read_clock(w); /* the round itself is neither waiting nor a yield */
    const uint64_t from = w->now.ns;
    if (pace_look(&w->pace, from))
        n = look_for_events(w, events, max);
    if (!n)
        n = epoll_wait(w->epoll, events, max, timeout);
    read_clock(w);
    if (n > 0)
        pace_answered(&w->pace, w->now.ns - from);
    return n;
}

static void wait_for_work(struct worker *w)
{
    struct epoll_event events[EVENTS];
    watch_all(w);
    int timeout = nap(w) || w->ready ? 0 : time_to_sleep(w);
    if (timeout) {
        atomic_store(&w->asleep, true); /* from here on a post rings */
        if (has_mail(w))
            timeout = 0;
    }
    int n = wait_for_events(w, events, EVENTS, timeout);
    atomic_store(&w->asleep, false);
    for (int i = 0; i < n; i++)
        note_event(w, &events[i]);
    read_clock(w);
    if (w->shared->client && w->ready & READY_LAN && !(w->ready & ~(uint32_t)READY_LAN) &&
        pace_courtesy(&w->pace, w->now.ns))
        yield(w);
}

void worker_run(struct worker *w)
{
    read_clock(w);
    wheel_init(&w->wheel, w->now.ns);
    w->housekeeping_ns = w->now.ns + NS_PER_S;
    while (!atomic_load(&w->shared->stop)) {
        wait_for_work(w);
        if (w->shared->boot->alive)
            atomic_fetch_add_explicit(&w->shared->boot->alive[w->index], 1, memory_order_relaxed);
        if (w->ready & READY_ORDERS)
            orders_serve(w);
        if (w->ready & READY_NETWORK)
            worker_from_network(w);
        worker_from_mailboxes(w);
        if (w->out.blocked || w->tap_again_ns)
            w->ready &= ~(uint32_t)READY_LAN; /* epoll tells when it is watched again */
        if (w->ready & READY_LAN)
            worker_from_lan(w);
        if (w->ready & READY_LAN && w->now.ns < w->hurry_ns)
            sched_yield(); /* who waits for this processor may be who takes the lone frame on */
        run_timers(w);
        news_flush(&w->news, &w->peers, w->shared->fdb, w->now.ns);
    }
}

/* ---- birth and death ---- */

/* Bytes of each mailbox: super frames are 64 kB, and the reader may not have a core for some milliseconds. */
static size_t mailbox_size(unsigned n_workers)
{
    return n_workers <= 2 ? 4U << 20 : n_workers <= 4 ? 2U << 20 : 1U << 20;
}

static int open_worker(struct worker *w, uint32_t gro_kinds)
{
    struct shared *s = w->shared;
    int err = 0;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->epoll < 0 || w->wake < 0)
        return DBR_ERR_IO;
    w->lan = dbr_gro_new(LAN_FRAMES, gro_kinds);
    w->tap_buf = malloc(TAP_BUF);
    w->expand = malloc(EXPAND_BYTES);
    w->uncut = malloc(DBR_ETH_MAX);
    w->inbound = aligned_alloc(_Alignof(struct mailbox), s->n_workers * sizeof *w->inbound);
    if (!w->lan || !w->tap_buf || !w->expand || !w->uncut || !w->inbound)
        return DBR_ERR_NOMEM;
    memset(w->inbound, 0, s->n_workers * sizeof *w->inbound);
    for (unsigned i = 0; i < s->n_workers && !err; i++)
        err = i == w->index ? 0 : mailbox_init(&w->inbound[i], mailbox_size(s->n_workers));
    if (!err)
        err = peers_init(&w->peers, s->limits.max_peers, s->n_workers, w->index);
    if (!err)
        err = inbox_init(&w->in);
    w->in.multihome = s->boot->multihome;
    if (!err)
        err = outbox_init(&w->out, w->udp, !s->limits.no_super_frames);
    memcpy(w->out.more, w->more, sizeof w->more);
    w->out.n_more = w->n_more;
    return err;
}

/* What the TAP's offloads let us merge. */
static uint32_t gro_kinds(const struct shared *s)
{
    static const struct {
        uint32_t offload, kind;
    } map[] = {{DBR_TAP_TSO4, DBR_GRO_TCP4},
               {DBR_TAP_TSO6, DBR_GRO_TCP6},
               {DBR_TAP_USO4, DBR_GRO_UDP4},
               {DBR_TAP_USO6, DBR_GRO_UDP6}};
    uint32_t kinds = 0;
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (s->boot->tap_offloads & map[i].offload)
            kinds |= map[i].kind;
    return s->limits.no_super_frames ? 0 : kinds;
}

_Static_assert((int)LANES >= (int)DBR_TAP_LANES_MAX, "room for every lane that keeper opens");

int worker_init(struct worker *w, struct shared *s, unsigned index)
{
    memset(w, 0, sizeof *w);
    w->shared = s;
    w->index = index;
    w->udp = s->boot->udp[1 + index];
    for (; w->n_more < s->boot->n_more; w->n_more++)
        w->more[w->n_more] = s->boot->more[w->n_more][1 + index];
    w->n_lanes = s->boot->lanes ? s->boot->lanes : 1;
    memcpy(w->lanes, s->boot->tap + index * w->n_lanes, w->n_lanes * sizeof w->lanes[0]);
    w->ipc = s->boot->ipc_worker[index];
    w->epoll = w->wake = -1;
    news_init(&w->news, w->ipc, s->boot->ipc_keeper);
    return open_worker(w, gro_kinds(s));
}

void worker_fini(struct worker *w)
{
    outbox_fini(&w->out);
    inbox_fini(&w->in);
    peers_fini(&w->peers);
    for (unsigned i = 0; w->inbound && i < w->shared->n_workers; i++)
        mailbox_fini(&w->inbound[i]);
    free(w->inbound);
    free(w->uncut);
    free(w->expand);
    free(w->tap_buf);
    dbr_gro_free(w->lan);
    if (w->wake >= 0)
        close(w->wake);
    if (w->epoll >= 0)
        close(w->epoll);
    w->inbound = NULL;
    w->uncut = w->expand = w->tap_buf = NULL;
    w->lan = NULL;
    w->wake = w->epoll = -1;
}
