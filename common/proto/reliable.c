/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Packet ids are compared by their distance, so that they may wrap. Both windows are small arrays searched
 * from end to end: at 6 and 12 entries that is cheaper than any index.
 *
 *   sending   acked ... | 4 | 5 |   | 7 | 8 | 9 | next_send_id = 10      5 acked ids overtook nothing;
 *                         ^oldest unacked                                10 may go out: 10 - 4 <= 6
 *   receiving           | 4 |   | 6 |   |   | ... 12 in all              next_recv_id = 4: 4 can be popped,
 *                                                                        then 5 is awaited
 */
#include "proto/reliable.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

struct dbr_reliable_packet {
    uint32_t id;
    uint8_t opcode;
    uint8_t overtaken; /* later packets acknowledged since it was last sent */
    uint8_t tries;
    uint64_t sent_ns, next_try_ns, timeout_ns;
    size_t len;
    uint8_t payload[];
};

enum { EARLY_RESEND = 3 };

/* OpenVPN doubles up to 60 s: on a line that loses every fifth datagram its handshake runs out of tries. A
 * tls-timeout above the longest is kept as it is. */
static const uint64_t longest_timeout_ns = 4 * 1000000000ull;
static const uint64_t shortest_timeout_ns = 200 * 1000000ull;

static bool is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static struct dbr_reliable_packet *packet_new(uint32_t id, uint8_t opcode, const uint8_t *payload, size_t len)
{
    struct dbr_reliable_packet *p = malloc(sizeof *p + len);
    if (!p)
        return NULL;
    *p = (struct dbr_reliable_packet){.id = id, .opcode = opcode, .len = len};
    if (len)
        memcpy(p->payload, payload, len);
    return p;
}

static void packet_drop(struct dbr_reliable_packet **slot)
{
    free(*slot);
    *slot = NULL;
}

/* The slot that holds id, or NULL. */
static struct dbr_reliable_packet **slot_of(struct dbr_reliable_packet *const *slots, size_t n, uint32_t id)
{
    for (size_t i = 0; i < n; i++)
        if (slots[i] && slots[i]->id == id)
            return (struct dbr_reliable_packet **)&slots[i];
    return NULL;
}

static struct dbr_reliable_packet **free_slot(struct dbr_reliable_packet **slots, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!slots[i])
            return &slots[i];
    return NULL;
}

void dbr_reliable_init(struct dbr_reliable *r, uint64_t initial_timeout_ns)
{
    memset(r, 0, sizeof *r);
    r->initial_timeout_ns = initial_timeout_ns;
}

void dbr_reliable_fini(struct dbr_reliable *r)
{
    for (size_t i = 0; i < DBR_SEND_WINDOW; i++)
        packet_drop(&r->send[i]);
    for (size_t i = 0; i < DBR_RECV_WINDOW; i++)
        packet_drop(&r->recv[i]);
}

/* --- sending --- */

static struct dbr_reliable_packet *oldest_unacked(const struct dbr_reliable *r)
{
    struct dbr_reliable_packet *oldest = NULL;
    for (size_t i = 0; i < DBR_SEND_WINDOW; i++)
        if (r->send[i] && (!oldest || is_before(r->send[i]->id, oldest->id)))
            oldest = r->send[i];
    return oldest;
}

bool dbr_reliable_can_send(const struct dbr_reliable *r)
{
    const struct dbr_reliable_packet *oldest = oldest_unacked(r);
    return !oldest || r->next_send_id - oldest->id < DBR_SEND_WINDOW;
}

/* Four round trips once one was measured (Karn: only packets that were sent once count), else tls-timeout. */
static uint64_t first_timeout(const struct dbr_reliable *r)
{
    uint64_t t = 4 * r->rtt_ns;
    if (!r->rtt_ns || t > r->initial_timeout_ns)
        return r->initial_timeout_ns;
    return t < shortest_timeout_ns ? shortest_timeout_ns : t;
}

static uint64_t next_timeout(const struct dbr_reliable *r, uint64_t timeout_ns)
{
    uint64_t longest =
        longest_timeout_ns > r->initial_timeout_ns ? longest_timeout_ns : r->initial_timeout_ns;
    if (r->steady)
        longest = r->initial_timeout_ns;
    return 2 * timeout_ns < longest ? 2 * timeout_ns : longest;
}

static void measure(struct dbr_reliable *r, const struct dbr_reliable_packet *p, uint64_t now_ns)
{
    if (p->tries != 1 || now_ns <= p->sent_ns)
        return;
    uint64_t rtt = now_ns - p->sent_ns;
    r->rtt_ns = r->rtt_ns ? (7 * r->rtt_ns + rtt) / 8 : rtt;
}

int dbr_reliable_send(struct dbr_reliable *r, uint8_t opcode, const uint8_t *payload, size_t len,
                      uint64_t now_ns)
{
    struct dbr_reliable_packet **slot = free_slot(r->send, DBR_SEND_WINDOW);
    if (!slot || !dbr_reliable_can_send(r))
        return DBR_ERR_AGAIN;
    if (!(*slot = packet_new(r->next_send_id, opcode, payload, len)))
        return DBR_ERR_NOMEM;
    (*slot)->next_try_ns = now_ns;
    (*slot)->timeout_ns = first_timeout(r);
    r->next_send_id++;
    return 0;
}

static struct dbr_reliable_packet *oldest_due(const struct dbr_reliable *r, uint64_t now_ns)
{
    struct dbr_reliable_packet *due = NULL;
    for (size_t i = 0; i < DBR_SEND_WINDOW; i++) {
        struct dbr_reliable_packet *p = r->send[i];
        if (p && p->next_try_ns <= now_ns && (!due || is_before(p->id, due->id)))
            due = p;
    }
    return due;
}

bool dbr_reliable_due(struct dbr_reliable *r, uint64_t now_ns, uint8_t *opcode, uint32_t *id,
                      const uint8_t **payload, size_t *len)
{
    struct dbr_reliable_packet *p = oldest_due(r, now_ns);
    if (!p)
        return false;
    p->sent_ns = now_ns;
    if (p->tries < UINT8_MAX)
        p->tries++;
    p->next_try_ns = now_ns + p->timeout_ns;
    p->timeout_ns = next_timeout(r, p->timeout_ns);
    p->overtaken = 0;
    *opcode = p->opcode;
    *id = p->id;
    *payload = p->payload;
    *len = p->len;
    return true;
}

/* One more packet behind these was acknowledged. The same ack seen again does not count: peers repeat the
 * acks of the last packets, and one lost datagram would look like three. */
static void overtake(struct dbr_reliable *r, uint32_t acked, uint64_t now_ns)
{
    for (size_t i = 0; i < DBR_SEND_WINDOW; i++) {
        struct dbr_reliable_packet *p = r->send[i];
        if (!p || !is_before(p->id, acked) || ++p->overtaken < EARLY_RESEND)
            continue;
        p->overtaken = 0;
        if (p->next_try_ns > now_ns)
            p->next_try_ns = now_ns;
    }
}

void dbr_reliable_acked(struct dbr_reliable *r, const uint32_t *ids, size_t n, uint64_t now_ns)
{
    for (size_t i = 0; i < n; i++) {
        struct dbr_reliable_packet **slot = slot_of(r->send, DBR_SEND_WINDOW, ids[i]);
        if (!slot)
            continue;
        measure(r, *slot, now_ns);
        packet_drop(slot);
        overtake(r, ids[i], now_ns);
    }
}

bool dbr_reliable_all_acked(const struct dbr_reliable *r)
{
    return !oldest_unacked(r);
}

uint64_t dbr_reliable_deadline(const struct dbr_reliable *r)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < DBR_SEND_WINDOW; i++)
        if (r->send[i] && r->send[i]->next_try_ns < first)
            first = r->send[i]->next_try_ns;
    return first;
}

/* --- receiving --- */

/* A full list forgets nothing and takes nothing: the peer sends again what was not acknowledged. */
static void add_pending(struct dbr_reliable *r, uint32_t id)
{
    for (size_t i = 0; i < r->n_pending; i++)
        if (r->pending_acks[i] == id)
            return;
    if (r->n_pending < DBR_RECV_WINDOW)
        r->pending_acks[r->n_pending++] = id;
}

int dbr_reliable_receive(struct dbr_reliable *r, uint8_t opcode, uint32_t id, const uint8_t *payload,
                         size_t len)
{
    if (is_before(id, r->next_recv_id) || slot_of(r->recv, DBR_RECV_WINDOW, id)) {
        add_pending(r, id);
        return DBR_ERR_REPLAY;
    }
    struct dbr_reliable_packet **slot = free_slot(r->recv, DBR_RECV_WINDOW);
    if (!slot || id - r->next_recv_id >= DBR_RECV_WINDOW)
        return DBR_ERR_LIMIT;
    if (!(*slot = packet_new(id, opcode, payload, len)))
        return DBR_ERR_NOMEM;
    add_pending(r, id);
    return 0;
}

bool dbr_reliable_peek(const struct dbr_reliable *r, uint8_t *opcode, const uint8_t **payload, size_t *len)
{
    struct dbr_reliable_packet **slot = slot_of(r->recv, DBR_RECV_WINDOW, r->next_recv_id);
    if (!slot)
        return false;
    *opcode = (*slot)->opcode;
    *payload = (*slot)->payload;
    *len = (*slot)->len;
    return true;
}

void dbr_reliable_pop(struct dbr_reliable *r)
{
    struct dbr_reliable_packet **slot = slot_of(r->recv, DBR_RECV_WINDOW, r->next_recv_id);
    if (!slot)
        return;
    packet_drop(slot);
    r->next_recv_id++;
}

/* --- acknowledgements to send --- */

bool dbr_reliable_acks_pending(const struct dbr_reliable *r)
{
    return r->n_pending > 0;
}

/* Moves id to the front of the recent ones; the oldest falls off. */
static void remember_ack(struct dbr_reliable *r, uint32_t id)
{
    size_t at = 0;
    while (at < r->n_recent && r->recent_acks[at] != id)
        at++;
    if (at == r->n_recent && r->n_recent < DBR_RECENT_ACKS)
        r->n_recent++;
    if (at == DBR_RECENT_ACKS)
        at--;
    memmove(r->recent_acks + 1, r->recent_acks, at * sizeof *r->recent_acks);
    r->recent_acks[0] = id;
}

size_t dbr_reliable_take_acks(struct dbr_reliable *r, uint32_t *out, size_t max, bool fill)
{
    size_t n = r->n_pending < max ? r->n_pending : max;
    for (size_t i = n; i-- > 0;)
        remember_ack(r, r->pending_acks[i]);
    memcpy(out, r->pending_acks, n * sizeof *out);
    r->n_pending = (uint8_t)(r->n_pending - n);
    memmove(r->pending_acks, r->pending_acks + n, r->n_pending * sizeof *out);
    /* The ones just taken lead the recent list, so what follows them there is not in out yet. */
    for (size_t i = n; fill && n < max && i < r->n_recent; i++)
        out[n++] = r->recent_acks[i];
    return n;
}
