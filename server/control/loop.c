/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Start, epoll loop, clocks and end of the control process.
 */
#include "control/control.h"
#include "control/revocation.h"
#include "control/state.h"
#include "crypto/mac.h"
#include "base/secret.h"

#include <malloc.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
enum {
    HEARTBEAT_MS = 2000,   /* keeper wants a sign of life (ipc/boot.h) */
    CLIENT_BEAT_MS = 1000, /* a client that was stopped for two seconds is to notice it (calls_net.c) */
    MAX_EVENTS = 8,
    FLOOD = 100, /* half-open sessions: what they took is given back when they are gone */
    LAST_WORDS_NS = 1500000000,
    COOKIE_SLOTS_PER_WINDOW = 2,
    SEEN_ROTATE_S = 600,
};

uint64_t control_second(const struct control *ctl)
{
    return ctl->now.ns / SECOND_NS;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void control_reschedule(struct client *c)
{
    if (c->session)
        dbr_heap_set(&c->ctl->timers, &c->timer, sooner(dbr_session_deadline(c->session), login_deadline(c)));
    else
        dbr_heap_remove(&c->ctl->timers, &c->timer);
}

uint64_t control_deadline(struct control *ctl)
{
    struct dbr_heap_entry *e = dbr_heap_first(&ctl->timers);
    uint64_t at = e ? e->at : UINT64_MAX,
             other[9] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                         UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    if (ctl->status_ns)
        other[0] = ctl->status_ns;
    if (ctl->tally_log_ns)
        other[1] = ctl->tally_log_ns;
    if (ctl->shutdown_ns)
        other[2] = ctl->shutdown_ns;
    if (ctl->calls)
        other[3] = calls_deadline(ctl);
    if (ctl->owed_ns)
        other[4] = ctl->owed_ns;
    other[5] = management_deadline(ctl);
    other[7] = pool_deadline(ctl);
    other[8] = hook_deadline(ctl);
    if (ctl->metrics_ns)
        other[6] = ctl->metrics_ns;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        at = other[i] < at ? other[i] : at;
    uint64_t revocation = revocation_deadline(ctl);
    return revocation < at ? revocation : at;
}

static int wait_ms(struct control *ctl)
{
    uint64_t at = control_deadline(ctl);
    control_clock(ctl);
    uint64_t ms = at <= ctl->now.ns ? 0 : (at - ctl->now.ns) / 1000000 + 1;
    uint64_t most = ctl->boot->client ? CLIENT_BEAT_MS : HEARTBEAT_MS;
    if (ms > most)
        ms = most;
    ctl->wake_ns = ctl->now.ns + ms * 1000000;
    return (int)ms;
}

static void run_timers(struct control *ctl)
{
    struct dbr_heap_entry *e;
    while ((e = dbr_heap_first(&ctl->timers)) && e->at <= ctl->now.ns)
        client_tick((struct client *)(void *)((char *)e - offsetof(struct client, timer)));
    if (ctl->status_ns && ctl->now.ns >= ctl->status_ns)
        status_due(ctl);
    if (ctl->tally_log_ns && ctl->now.ns >= ctl->tally_log_ns)
        control_log_tally(ctl);
    if (ctl->owed_ns && ctl->now.ns >= ctl->owed_ns)
        workers_pay(ctl);
    if (ctl->metrics_ns && ctl->now.ns >= ctl->metrics_ns)
        metrics_send(ctl);
    pool_tick(ctl);
    hook_tick(ctl, false);
    revocation_tick(ctl);
    ocsp_tick(ctl);
    expiry_tick(ctl);
    if (ctl->calls && !ctl->shutdown_ns)
        calls_tick(ctl);
    if (ctl->shutdown_ns && ((clients_idle(ctl) && !ctl->farewells) || ctl->now.ns >= ctl->shutdown_ns)) {
        hook_tick(ctl, true);
        keeper_say(ctl, DBR_STATE_DONE, ctl->exit_code);
        ctl->shutdown_ns = 0;
        ctl->stop = true;
    }
}

void clients_shutdown(struct control *ctl, const char *text)
{
    ctl->shutdown_ns = ctl->now.ns + LAST_WORDS_NS;
    management_state(ctl, "EXITING", "SIGTERM");
    pool_write(ctl);
    if (ctl->calls) {
        calls_shutdown(ctl);
        return;
    }
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!c || !c->session)
            continue;
        dbr_session_close(c->session, client_parting(c, text), "server shutdown", &ctl->now);
        client_settle(c);
    }
}

/* After a flood of strangers the memory that they had goes back to the system. */
static void shrink(struct control *ctl)
{
    if (ctl->n_half_open > FLOOD)
        ctl->flooded = true;
    if (!ctl->flooded || ctl->n_half_open > FLOOD / 8)
        return;
    ctl->flooded = false;
    malloc_trim(0);
}

static void dispatch(struct control *ctl, uint32_t what, uint32_t events)
{
    control_clock(ctl);
    if (what == KEEPER_EVENT)
        keeper_read(ctl);
    else if (what == SOCKET_EVENT)
        control_read_socket(ctl, 0);
    else if (what == FETCH_EVENT)
        revocation_read(ctl);
    else if (what == NETWORK_EVENT)
        calls_network(ctl);
    else if (what == JUMP_EVENT)
        calls_jump(ctl);
    else if (what == LISTEN_EVENT)
        ctl_accept(ctl);
    else if (what == SIGNER_EVENT)
        signer_read(ctl);
    else if (what == METRICS_EVENT)
        metrics_read(ctl);
    else if (what < METRICS_EVENT)
        ctl_read(ctl, what - CTL_EVENT);
    else if (what == MGMT_LISTEN_EVENT)
        management_accept(ctl);
    else if (what == LOG_EVENT)
        management_log_read(ctl);
    else if (what < WORKER_EVENT)
        management_read(ctl, (int)(what - MGMT_EVENT), events);
    else if (what < MORE_EVENT)
        workers_read(ctl, what - WORKER_EVENT);
    else
        control_read_socket(ctl, 1 + what - MORE_EVENT);
}

int control_watch(struct control *ctl, int fd, uint32_t what)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = what};
    return epoll_ctl(ctl->epoll, EPOLL_CTL_ADD, fd, &e) ? DBR_ERR_IO : 0;
}

void control_unwatch(struct control *ctl, int fd)
{
    epoll_ctl(ctl->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static int watch_all(struct control *ctl)
{
    int err = control_watch(ctl, ctl->boot->ipc_keeper, KEEPER_EVENT);
    if (!err)
        err = control_watch(ctl, ctl->udp, SOCKET_EVENT);
    for (unsigned i = 0; !err && i < ctl->boot->n_more; i++)
        err = control_watch(ctl, ctl->boot->more[i][0], MORE_EVENT + i);
    if (!err && ctl->boot->ipc_fetch >= 0)
        err = control_watch(ctl, ctl->boot->ipc_fetch, FETCH_EVENT);
    if (!err && ctl->boot->ipc_metrics >= 0)
        err = control_watch(ctl, ctl->boot->ipc_metrics, METRICS_EVENT);
    if (!err && ctl->signer)
        err = control_watch(ctl, ctl->boot->ipc_signer, SIGNER_EVENT);
    if (!err && ctl->boot->client)
        err = calls_watch(ctl);
    if (!err && ctl->boot->ctl_fd >= 0)
        err = control_watch(ctl, ctl->boot->ctl_fd, LISTEN_EVENT);
    if (!err)
        err = management_watch(ctl);
    for (unsigned i = 0; !err && i < ctl->boot->n_workers; i++)
        err = control_watch(ctl, ctl->boot->ipc_control[i], WORKER_EVENT + i);
    return err;
}

void control_turn(struct control *ctl, int timeout_ms)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(ctl->epoll, events, MAX_EVENTS, timeout_ms);
    for (int i = 0; i < n && !ctl->stop; i++)
        dispatch(ctl, events[i].data.u32, events[i].events);
    control_clock(ctl);
    run_timers(ctl);
    signer_turn(ctl);
    shrink(ctl);
    management_turn(ctl);
    if (ctl->boot->alive)
        atomic_fetch_add_explicit(&ctl->boot->alive[0], 1, memory_order_relaxed);
}

static int make_tables(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    uint8_t key[16];
    int err = tables_init(ctl, ctl->boot->single ? 1 : (uint32_t)cfg->max_clients);
    if (err)
        return err;
    ctl->batch = malloc((size_t)SOCKET_BATCH * 65536);
    if (ctl->batch) /* now, so that a flood finds the process as large as it will be */
        memset(ctl->batch, 0, (size_t)SOCKET_BATCH * 65536);
    if (cfg->ifconfig_pool.start)
        ctl->pool_used =
            calloc(cfg->ifconfig_pool.end - cfg->ifconfig_pool.start + 1, sizeof *ctl->pool_used);
    err = dbr_random(ctl->hash_key, sizeof ctl->hash_key);
    if (!err)
        err = dbr_random(ctl->cookie.key, sizeof ctl->cookie.key);
    if (!err)
        err = dbr_random(key, sizeof key);
    if (err)
        return err;
    ctl->cookie.slot_seconds = (uint32_t)cfg->hand_window / COOKIE_SLOTS_PER_WINDOW;
    if (!ctl->cookie.slot_seconds)
        ctl->cookie.slot_seconds = 1;
    ctl->seen = dbr_seen_new(key, SEEN_ROTATE_S);
    ctl->buckets =
        dbr_buckets_new(key, (uint32_t)cfg->connect_freq_initial.n, (uint32_t)cfg->connect_freq_initial.secs);
    ctl->epoll = epoll_create1(EPOLL_CLOEXEC);
    dbr_heap_init(&ctl->timers);
    bool ok = ctl->batch && ctl->seen && ctl->buckets && ctl->epoll >= 0 &&
              (!cfg->ifconfig_pool.start || ctl->pool_used);
    return ok ? 0 : DBR_ERR_NOMEM;
}

void control_free(struct control *ctl)
{
    if (!ctl)
        return;
    for (uint32_t i = 0; i < ctl->max_clients && ctl->by_peer; i++)
        if (ctl->by_peer[i])
            client_free(ctl->by_peer[i]);
    for (size_t i = 0; i < SID_BUCKETS; i++)
        while (ctl->by_sid[i])
            client_free(ctl->by_sid[i]);
    calls_free(ctl);
    callers_free(ctl);
    for (size_t i = 0; i < MAX_CTL; i++)
        if (ctl->ctl_socks[i] >= 0)
            close(ctl->ctl_socks[i]);
    if (ctl->epoll >= 0)
        close(ctl->epoll);
    hook_tick(ctl, true);
    pool_free(ctl);
    management_free(ctl);
    signer_free(ctl);
    revocation_free(ctl);
    realm_put(ctl, ctl->realm);
    realm_put(ctl, ctl->old_realm);
    dbr_seen_free(ctl->seen);
    dbr_buckets_free(ctl->buckets);
    dbr_withdrawn_free(&ctl->withdrawn);
    dbr_mac_free(ctl->token_mac);
    dbr_revoked_free(&ctl->revoked);
    dbr_trust_free(ctl->trust);
    dbr_issuers_free(ctl->issuers);
    dbr_heap_fini(&ctl->timers);
    tables_free(ctl);
    free(ctl->pool_used);
    free(ctl->batch);
    free(ctl->data_ciphers);
    dbr_wipe(ctl, sizeof *ctl);
    free(ctl);
}

static int start(struct control *ctl)
{
    int err = management_load(ctl);
    if (!err)
        err = management_ask(ctl);
    if (!err)
        err = signer_open(ctl);
    if (!err)
        err = control_load(ctl);
    if (!err)
        signer_use(ctl);
    if (!err)
        err = ctl->boot->client ? calls_load(ctl) : callers_load(ctl);
    if (!err)
        err = make_tables(ctl);
    if (!err)
        err = pool_load(ctl);
    if (!err)
        err = watch_all(ctl);
    tzset(); /* later its file cannot be read */
    if (!err)
        err = ctl->boot->lock_down(ctl->boot);
    if (err && err != DBR_ERR_CONFIG)
        dbr_log(ctl->log, DBR_LOG_FATAL, "control: cannot start: %s", dbr_err_text(err));
    return err;
}

struct control *control_new(const struct dbr_boot *boot)
{
    struct control *ctl = calloc(1, sizeof *ctl);
    if (!ctl)
        return NULL;
    ctl->boot = boot;
    ctl->cfg = boot->config;
    ctl->own_cfg = (struct dbr_config *)(uintptr_t)boot->config; /* keeper forked: it is ours */
    ctl->own_log = boot->log;
    ctl->log = &ctl->own_log;
    ctl->udp = boot->udp[0];
    ctl->epoll = -1;
    for (size_t i = 0; i < MAX_CTL; i++)
        ctl->ctl_socks[i] = -1;
    control_clock(ctl);
    ctl->started_s = ctl->now.unix_s;
    if (start(ctl)) {
        control_free(ctl);
        return NULL;
    }
    if (boot->status_fd >= 0)
        ctl->status_ns = ctl->now.ns + 1;
    return ctl;
}

int dbr_control_main(const struct dbr_boot *boot)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20); /* else each handshake takes pages and gives them back */
    struct control *ctl = control_new(boot);
    if (!ctl)
        return 1;
    struct dbr_ipc_head ready = dbr_ipc_head(DBR_IPC_READY, sizeof ready, 0);
    dbr_ipc_send(boot->ipc_keeper, &ready, -1);
    if (boot->restarted)
        workers_ask_peers(ctl);
    revocation_tell(ctl);
    management_state(ctl, "CONNECTING", "");
    if (!boot->client)
        management_state(ctl, "CONNECTED", "SUCCESS");
    if (boot->client)
        calls_begin(ctl);
    while (!ctl->stop)
        control_turn(ctl, wait_ms(ctl));
    int code = ctl->exit_code;
    control_free(ctl);
    return code;
}
