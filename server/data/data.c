/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/data.h"

#include "base/err.h"
#include "base/secret.h"
#include "bridge/tap.h"
#include "data/worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

enum { DEFAULT_PEERS = 1024, DEFAULT_MACS = 8192, DEFAULT_AGE_S = 300 };

static void set_default(uint32_t *value, uint32_t fallback)
{
    if (!*value)
        *value = fallback;
}

static uint64_t mac_number(const uint8_t mac[6])
{
    return dbr_get48(mac);
}

/* Addresses that no peer gets. */
static void set_guards(struct shared *s)
{
    const struct {
        const uint8_t *mac;
        enum dbr_mac_role role;
    } macs[] = {{s->boot->bridge_mac, DBR_ROLE_BRIDGE}, {s->boot->tap_mac, DBR_ROLE_BRIDGE}};
    for (size_t i = 0; i < sizeof macs / sizeof *macs; i++)
        if (mac_number(macs[i].mac))
            dbr_switch_guard_mac(&s->sw, mac_number(macs[i].mac), macs[i].role);
    struct dbr_ipc_guarded first = {.head = dbr_ipc_head(DBR_IPC_GUARDED, sizeof first, 0)};
    memcpy(first.ip4, s->limits.guarded_ip4, sizeof first.ip4);
    memcpy(first.ip6, s->limits.guarded_ip6, sizeof first.ip6);
    memcpy(first.gateway_mac, s->boot->gateway_mac, sizeof first.gateway_mac);
    guarded_take(s, &first);
}

/* The switch and the address book. */
static int open_shared(struct shared *s)
{
    uint8_t keys[32 + DBR_LOOP_SEED];
    if (getrandom(keys, sizeof keys, 0) != sizeof keys)
        return DBR_ERR_IO;
    struct dbr_fdb_config config = {.macs = s->limits.max_macs, .ports = s->limits.max_peers};
    memcpy(config.key, keys, sizeof config.key);
    int err = book_init(&s->book, s->limits.max_peers, keys + 16);
    dbr_loop_init(&s->loop, keys + 32);
    dbr_wipe(keys, sizeof keys);
    if (err)
        return err;
    s->fdb = dbr_fdb_new(&config);
    dbr_wipe(&config, sizeof config);
    if (!s->fdb)
        return DBR_ERR_NOMEM;
    dbr_switch_init(&s->sw, s->fdb);
    s->sw.age_s = s->limits.age_s;
    dbr_vlan_init(&s->sw.vlan, (enum dbr_vlan_accept)s->limits.vlan_accept, s->limits.vlan_pvid);
    atomic_store(&s->sw.client_to_client, s->limits.client_to_client);
    set_guards(s);
    s->main_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return s->main_wake < 0 ? DBR_ERR_IO : 0;
}

static int choose_aead(struct shared *s)
{
    int err = dbr_aead_warm_up();
    if (err)
        return err;
    s->aead = s->limits.aead ? dbr_aead_backend_by_name(s->limits.aead) : dbr_aead_backend_best();
    return s->aead ? 0 : DBR_ERR_UNSUPPORTED;
}

static int open_workers(struct shared *s)
{
    for (unsigned i = 0; i < s->n_workers; i++) {
        s->workers[i] = aligned_alloc(64, (sizeof(struct worker) + 63) & ~(size_t)63);
        int err = s->workers[i] ? worker_init(s->workers[i], s, i) : DBR_ERR_NOMEM;
        if (err)
            return err;
    }
    return 0;
}

/* A worker waits until the process is locked down, then works. */
static void *thread_main(void *arg)
{
    struct worker *w = arg;
    uint64_t gate = 0;
    struct pollfd pfd = {.fd = w->wake, .events = POLLIN};
    while (!atomic_load(&w->shared->go))
        poll(&pfd, 1, -1);
    if (read(w->wake, &gate, sizeof gate) < 0)
        gate = 0; /* nothing to take: fine */
    worker_run(w);
    return NULL;
}

static int start_workers(struct shared *s)
{
    prctl(PR_SET_TIMERSLACK, 1000); /* ns, of all threads made from here on: a nap (pace.h) is short */
    for (unsigned i = 0; i < s->n_workers; i++) {
        if (pthread_create(&s->workers[i]->thread, NULL, thread_main, s->workers[i]))
            return DBR_ERR_NOMEM;
        s->workers[i]->started = true;
    }
    return 0;
}

static void release_workers(struct shared *s)
{
    atomic_store(&s->go, true);
    for (unsigned i = 0; i < s->n_workers; i++)
        if (s->workers[i] && s->workers[i]->started)
            worker_ring(s->workers[i]);
}

/* Until keeper closes its end or a worker has a reason to stop. Returns the exit code. */
static int wait_for_end(struct shared *s)
{
    struct pollfd pfd[2] = {{.fd = s->boot->ipc_keeper, .events = POLLIN},
                            {.fd = s->main_wake, .events = POLLIN}};
    _Alignas(16) uint8_t msg[DBR_IPC_MAX];
    for (;;) {
        if (poll(pfd, 2, -1) < 0 && errno != EINTR)
            return DBR_DATA_FAILED;
        int verdict = atomic_load(&s->verdict);
        if (verdict >= 0)
            return verdict;
        if (!pfd[0].revents)
            continue;
        int err = dbr_ipc_recv(s->boot->ipc_keeper, msg, NULL);
        if (err == DBR_ERR_NOTFOUND || err == DBR_ERR_IO)
            return DBR_DATA_OK;
        if (!err && ((const struct dbr_ipc_head *)(const void *)msg)->type == DBR_IPC_GUARDED)
            guarded_take(s, (const void *)msg);
    }
}

static void stop_workers(struct shared *s)
{
    atomic_store(&s->stop, true);
    release_workers(s);
    for (unsigned i = 0; i < s->n_workers; i++)
        if (s->workers[i] && s->workers[i]->started)
            pthread_join(s->workers[i]->thread, NULL);
}

static void close_all(struct shared *s)
{
    for (unsigned i = 0; i < s->n_workers; i++) {
        if (s->workers[i])
            worker_fini(s->workers[i]);
        free(s->workers[i]);
    }
    dbr_fdb_free(s->fdb);
    book_fini(&s->book);
    if (s->main_wake >= 0)
        close(s->main_wake);
}

/* Everything that must be there before the rights go. */
static int prepare(struct shared *s)
{
    int err = choose_aead(s);
    if (!err)
        err = open_shared(s);
    if (!err)
        err = open_workers(s);
    return err ? err : start_workers(s);
}

static int serve(struct shared *s)
{
    struct dbr_ipc_head ready = dbr_ipc_head(DBR_IPC_READY, sizeof ready, 0);
    int err = s->boot->lock_down(s->boot);
    if (err)
        return DBR_DATA_FAILED;
    err = dbr_ipc_send(s->boot->ipc_keeper, &ready, -1);
    if (err)
        return DBR_DATA_FAILED;
    dbr_log(&s->boot->log, DBR_LOG_INFO, "data: %u worker%s, AEAD by %s, room for %u peers and %u MACs",
            s->n_workers, s->n_workers == 1 ? "" : "s", dbr_aead_backend_name(s->aead), s->limits.max_peers,
            s->limits.max_macs);
    release_workers(s);
    return wait_for_end(s);
}

int dbr_data_main(const struct dbr_boot *boot, const struct dbr_data_limits *limits)
{
    struct shared *s = calloc(1, sizeof *s);
    if (!s)
        return DBR_DATA_FAILED;
    /* One arena: a thread's own arena grows by mprotect(), which the seccomp list does not have. */
    mallopt(M_ARENA_MAX, 1);
    s->boot = boot;
    s->limits = *limits;
    s->n_workers = boot->n_workers;
    s->client = boot->client;
    s->main_wake = -1;
    atomic_init(&s->verdict, -1);
    set_default(&s->limits.max_peers, DEFAULT_PEERS);
    set_default(&s->limits.max_macs, DEFAULT_MACS);
    set_default(&s->limits.age_s, DEFAULT_AGE_S);
    int err = prepare(s);
    if (err)
        dbr_log(&boot->log, DBR_LOG_ERROR, "data: cannot start: %s", dbr_err_text(err));
    int code = err ? DBR_DATA_FAILED : serve(s);
    stop_workers(s);
    close_all(s);
    free(s);
    return code;
}
