/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What control asks of a worker. One row per message; a message about a peer that does not live here is
 * dropped: control may be a step behind.
 */
#include "base/err.h"
#include "base/secret.h"
#include "data/worker.h"

#include <sys/epoll.h>
#include <unistd.h>

enum { ORDERS_PER_ROUND = 64 };

/* Told by the MAC table about each address of a peer that goes. */
static void forget_mac(void *arg, const struct dbr_fdb_entry *e)
{
    struct worker *w = arg;
    news_bridge(&w->news, e->mac, e->vid, e->port, false);
}

/* Teardown of a peer: from the switch, so that no frame finds it; from timers, news and the book; its keys.
 */
static void remove_peer(struct worker *w, struct peer *p)
{
    dbr_fdb_port_limit(w->shared->fdb, p->id, 0);
    dbr_fdb_flush_port(w->shared->fdb, p->id, forget_mac, w);
    totals_retire(w, p);
    wheel_cancel(&w->wheel, &p->timer);
    news_forget(&w->news, p);
    book_remove(&w->shared->book, &p->addr, p->id);
    peers_del(&w->peers, p);
    atomic_store_explicit(&w->n_live, w->peers.n_live, memory_order_relaxed);
}

static void peer_new(struct worker *w, struct peer *p, const void *msg)
{
    const struct dbr_ipc_peer *m = msg;
    if (p)
        remove_peer(w, p);
    p = peers_new(&w->peers, m, w->now.ns);
    if (!p) {
        dbr_log(&w->shared->boot->log, DBR_LOG_WARN,
                "WARNING: data worker %u: peer id %u is not mine, or no memory for it", w->index,
                m->head.peer_id);
        return;
    }
    dbr_fdb_port_limit(w->shared->fdb, p->id, p->policy.mac_limit);
    book_put(&w->shared->book, &p->addr, p->id);
    atomic_store_explicit(&w->n_live, w->peers.n_live, memory_order_relaxed);
    worker_arm(w, p);
}

static void peer_change(struct worker *w, struct peer *p, const void *msg)
{
    const struct dbr_ipc_peer *m = msg;
    struct dbr_addr from = p->addr;
    if (m->vlan != p->policy.pvid) /* another VLAN: what it had is not there */
        dbr_fdb_flush_port(w->shared->fdb, p->id, forget_mac, w);
    peer_set(p, m);
    dbr_fdb_port_limit(w->shared->fdb, p->id, p->policy.mac_limit);
    if (m->flags & DBR_PEER_SET_ADDR) {
        book_remove(&w->shared->book, &from, p->id);
        book_put(&w->shared->book, &m->addr, p->id);
        peer_set_addr(p, &m->addr);
    }
    if (p->uplink)
        w->peers.uplink = p;
    worker_arm(w, p);
}

static void peer_del(struct worker *w, struct peer *p, const void *msg)
{
    (void)msg;
    news_farewell(&w->news, p, w->shared->fdb);
    remove_peer(w, p);
}

static void key_new(struct worker *w, struct peer *p, const void *msg)
{
    const struct dbr_ipc_key *m = msg;
    int err = peer_key_new(p, w->shared->aead, m);
    if (err)
        dbr_log(&w->shared->boot->log, DBR_LOG_WARN, "WARNING: peer %u: key %u not installed: %s", p->id,
                m->key_id, dbr_err_text(err));
    worker_arm(w, p);
}

static void key_swap(struct worker *w, struct peer *p, const void *msg)
{
    (void)w;
    peer_key_swap(p, ((const struct dbr_ipc_key_ref *)msg)->key_id);
}

static void key_del(struct worker *w, struct peer *p, const void *msg)
{
    (void)w;
    peer_key_del(p, ((const struct dbr_ipc_key_ref *)msg)->key_id);
}

static void send_text(struct worker *w, struct peer *p, const void *msg)
{
    const struct dbr_ipc_blob *m = msg;
    worker_send(w, p, m->bytes, m->n);
    outbox_flush(&w->out); /* the next order may take the peer's keys */
}

static void datagram(struct worker *w, struct peer *p, const void *msg)
{
    (void)p;
    const struct dbr_ipc_datagram *m = msg;
    struct origin origin = {.addr = m->addr};
    struct dgram d = {.bytes = (uint8_t *)(uintptr_t)m->bytes, .len = m->n, .origin = &origin};
    worker_datagram(w, &d);
}

static void list_stats(struct worker *w, struct peer *p, const void *msg)
{
    (void)p, (void)msg;
    totals_sum(w);
    w->news.stats = (struct news_list){.on = true, .last = &w->news.totals};
}

static void list_peers(struct worker *w, struct peer *p, const void *msg)
{
    (void)p, (void)msg;
    news_unsee(&w->news);
    w->news.back = (struct news_list){.on = true};
}

static const struct {
    void (*serve)(struct worker *w, struct peer *p, const void *msg);
    bool needs_peer;
} orders[DBR_IPC_TYPES] = {
    [DBR_IPC_PEER_NEW] = {peer_new, false},    [DBR_IPC_PEER_SET] = {peer_change, true},
    [DBR_IPC_PEER_DEL] = {peer_del, true},     [DBR_IPC_KEY_NEW] = {key_new, true},
    [DBR_IPC_KEY_SWAP] = {key_swap, true},     [DBR_IPC_KEY_DEL] = {key_del, true},
    [DBR_IPC_SEND] = {send_text, true},        [DBR_IPC_DATAGRAM] = {datagram, false},
    [DBR_IPC_STATS_GET] = {list_stats, false}, [DBR_IPC_PEERS_GET] = {list_peers, false},
};

/* The client role calls again from another port. */
static void take_socket(struct worker *w, int fd)
{
    epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->udp, NULL); /* keeper has it too: a close alone would leave it */
    close(w->udp);
    w->watched_udp = 0;
    w->udp = fd;
    outbox_rewire(&w->out, fd);
}

static void serve(struct worker *w, const void *msg, int fd)
{
    const struct dbr_ipc_head *head = msg;
    if (head->type == DBR_IPC_SOCKET && fd >= 0 && w->shared->client) {
        take_socket(w, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    struct peer *p = peers_find(&w->peers, head->peer_id);
    if (orders[head->type].serve && (p || !orders[head->type].needs_peer))
        orders[head->type].serve(w, p, msg);
}

void orders_serve(struct worker *w)
{
    _Alignas(16) uint8_t msg[DBR_IPC_MAX];
    for (unsigned i = 0; i < ORDERS_PER_ROUND; i++) {
        int fd, err = dbr_ipc_recv(w->ipc, msg, &fd);
        if (err == DBR_ERR_AGAIN || err == DBR_ERR_IO) {
            w->ready &= ~(uint32_t)READY_ORDERS;
            break;
        }
        if (err == DBR_ERR_NOTFOUND) { /* control is gone for good: the frames flow on */
            w->ready &= ~(uint32_t)READY_ORDERS;
            w->news.control = -1;
            break;
        }
        if (!err)
            serve(w, msg, fd);
    }
    dbr_wipe(msg, sizeof msg); /* it may have held a key */
}
