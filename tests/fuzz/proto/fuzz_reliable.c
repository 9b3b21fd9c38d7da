/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reliability layer against a model that remembers everything. The input is a list of steps of two bytes:
 * what to do, and with which number.
 */
#include "fuzz.h"

#include "proto/reliable.h"

enum { STEPS = 2000 };

static struct {
    uint32_t base; /* the first id, so that ids wrap in some runs */
    bool acked[STEPS];
    uint32_t sent; /* packets queued */
    bool received[STEPS + 64];
    uint32_t popped;
    uint64_t now;
} m;

static uint32_t oldest_unacked(void)
{
    uint32_t i = 0;
    while (i < m.sent && m.acked[i])
        i++;
    return i;
}

static bool room(void)
{
    uint32_t oldest = oldest_unacked();
    return oldest == m.sent || m.sent - oldest < DBR_SEND_WINDOW;
}

static void step_send(struct dbr_reliable *r)
{
    uint8_t payload[4];
    dbr_put32(payload, m.sent);
    PROMISE(dbr_reliable_can_send(r) == room());
    int err = dbr_reliable_send(r, DBR_OP_CONTROL, payload, 4, m.now);
    PROMISE(err == (room() ? 0 : DBR_ERR_AGAIN));
    m.sent += !err;
}

static void step_due(struct dbr_reliable *r)
{
    const uint8_t *payload;
    uint8_t opcode;
    uint32_t id;
    size_t len;
    uint64_t deadline = dbr_reliable_deadline(r);
    bool got = dbr_reliable_due(r, m.now, &opcode, &id, &payload, &len);
    PROMISE(got == (deadline <= m.now));
    if (!got)
        return;
    uint32_t n = id - m.base;
    PROMISE(n < m.sent && !m.acked[n] && len == 4 && dbr_get32(payload) == n && opcode == DBR_OP_CONTROL);
    PROMISE(dbr_reliable_deadline(r) == UINT64_MAX || dbr_reliable_deadline(r) <= m.now + 60000000000ull);
}

static void step_acked(struct dbr_reliable *r, uint32_t n)
{
    uint32_t ids[3] = {m.base + n, m.base + n + 1, m.base + n};
    dbr_reliable_acked(r, ids, 3, m.now);
    for (uint32_t i = n; i <= n + 1; i++)
        if (i < m.sent)
            m.acked[i] = true;
    PROMISE(dbr_reliable_all_acked(r) == (oldest_unacked() == m.sent));
    PROMISE((dbr_reliable_deadline(r) == UINT64_MAX) == dbr_reliable_all_acked(r));
}

static void step_receive(struct dbr_reliable *r, int offset)
{
    int64_t n = (int64_t)m.popped + offset;
    uint8_t payload[4];
    if (n < 0 || n >= STEPS)
        return;
    dbr_put32(payload, (uint32_t)n);
    int want = offset < 0 || (offset < DBR_RECV_WINDOW && m.received[n]) ? DBR_ERR_REPLAY
               : offset < DBR_RECV_WINDOW                                ? 0
                                                                         : DBR_ERR_LIMIT;
    PROMISE(dbr_reliable_receive(r, DBR_OP_CONTROL, m.base + (uint32_t)n, payload, 4) == want);
    m.received[n] |= want == 0;
}

static void step_pop(struct dbr_reliable *r)
{
    const uint8_t *payload;
    uint8_t opcode;
    size_t len;
    bool got = dbr_reliable_peek(r, &opcode, &payload, &len);
    PROMISE(got == m.received[m.popped]);
    if (got)
        PROMISE(len == 4 && dbr_get32(payload) == m.popped);
    dbr_reliable_pop(r);
    m.popped += got;
}

static void step_take_acks(struct dbr_reliable *r, uint8_t v)
{
    uint32_t acks[DBR_MAX_ACKS];
    size_t max = v % (DBR_MAX_ACKS + 1), n = dbr_reliable_take_acks(r, acks, max, v & 0x80);
    PROMISE(n <= max);
    for (size_t i = 0; i < n; i++) {
        PROMISE(acks[i] - m.base < STEPS && m.received[acks[i] - m.base]);
        for (size_t k = 0; k < i; k++)
            PROMISE(acks[i] != acks[k]);
    }
}

static void one_step(struct dbr_reliable *r, uint8_t what, uint8_t v)
{
    switch (what % 7) {
    case 0: step_send(r); break;
    case 1: step_due(r); break;
    case 2: step_acked(r, (oldest_unacked() + v) % (STEPS - 1)); break;
    case 3: step_receive(r, v % 20 - 4); break;
    case 4: step_pop(r); break;
    case 5: step_take_acks(r, v); break;
    case 6: m.now += (uint64_t)v * v * 1000000; break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t bases[] = {0, 1, 0x7ffffff0, 0xfffffff0};
    struct dbr_reliable r;
    if (size < 1)
        return 0;
    memset(&m, 0, sizeof m);
    m.base = bases[data[0] % 4];
    dbr_reliable_init(&r, 1000000000);
    r.next_send_id = r.next_recv_id = m.base;
    for (size_t i = 1; i + 1 < size && i < STEPS; i += 2)
        one_step(&r, data[i], data[i + 1]);
    dbr_reliable_fini(&r);
    return 0;
}
