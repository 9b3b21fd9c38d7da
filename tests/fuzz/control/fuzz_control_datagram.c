/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Datagrams into control while a session is up: raw ones, ones that a man with the gate key sealed, resets
 * and proofs of strangers, and what a real caller says, bent on the way. Held all the time: the tables agree
 * with each other, nobody who is not verified has a peer in data, one reset has one answer at most and that
 * is not longer than 1.25 times the question.
 */
#include "check.h"
#include "base/bytes.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_STEPS = 64 };

static uint32_t replay = 1u << 20;

static struct dbr_addr pick_address(struct dbr_reader *r)
{
    uint8_t b = dbr_read8(r);
    return rig_addr(0x0a000001 + (b & 3), (uint16_t)(4000 + (b >> 2 & 3)));
}

static uint64_t pick_sid(struct rig *rig, struct dbr_reader *r, bool local)
{
    const struct dbr_session *s = rig->callers[0]->session;
    uint8_t b = dbr_read8(r);
    if (b & 1)
        return local ? dbr_session_local_sid(s) : dbr_session_remote_sid(s);
    return b;
}

static void raw(struct rig *rig, struct dbr_reader *r)
{
    uint8_t dgram[512];
    struct dbr_addr from = pick_address(r);
    size_t len = dbr_read16(r) % (sizeof dgram + 1);
    for (size_t i = 0; i < len; i++)
        dgram[i] = dbr_read8(r);
    rig_hand(rig, dgram, len, &from);
}

static void sealed(struct rig *rig, struct dbr_reader *r)
{
    uint8_t payload[256], dgram[RIG_DGRAM];
    struct dbr_addr from = pick_address(r);
    struct dbr_control c = {.opcode = dbr_read8(r) % 12, .key_id = dbr_read8(r) & 7};
    c.sid = pick_sid(rig, r, true);
    c.n_acks = dbr_read8(r) % (DBR_MAX_ACKS + 1);
    for (size_t i = 0; i < c.n_acks; i++)
        c.acks[i] = dbr_read8(r);
    c.peer_sid = pick_sid(rig, r, false);
    c.has_id = dbr_read8(r) & 1;
    c.id = dbr_read8(r);
    c.payload_len = dbr_read8(r);
    for (size_t i = 0; i < c.payload_len; i++)
        payload[i] = dbr_read8(r);
    c.payload = payload;
    uint64_t before = rig->sent_bytes, sent = rig->sent;
    size_t n = rig_packet(rig, &c, ++replay, dgram);
    rig_hand(rig, dgram, n, &from);
    if (c.opcode == DBR_OP_RESET_CLIENT)
        must(rig->sent - sent <= 1 && (rig->sent_bytes - before + 28) * 4 <= (n + 28) * 5);
}

static void stranger(struct rig *rig, struct dbr_reader *r)
{
    uint8_t dgram[RIG_DGRAM];
    struct dbr_addr from = pick_address(r);
    rig_now.ns += 1000000;
    size_t n = rig_proof(rig, 0x1000 + dbr_read8(r), &from, dgram);
    if (n)
        rig_hand(rig, dgram, n, &from);
}

/* Changes, drops or repeats the oldest datagram on the wire. */
static void bend(struct rig *rig, struct dbr_reader *r)
{
    if (!rig->n_queue)
        return;
    struct rig_dgram *d = &rig->queue[rig->head];
    uint8_t how = dbr_read8(r);
    if (how % 3 == 0 && d->len)
        d->bytes[dbr_read16(r) % d->len] ^= dbr_read8(r);
    else if (how % 3 == 1)
        d->len = dbr_read16(r) % (d->len + 1);
    else if (d->to_server)
        rig_hand(rig, d->bytes, d->len, &d->addr);
}

static void act(struct rig *rig, struct dbr_reader *r)
{
    struct caller *c = rig->callers[0];
    static const char *const texts[] = {"PUSH_REQUEST", "EXIT",     "PUSH_REPLY,x",
                                        "AUTH_FAILED",  "nonsense", "RESTART"};
    uint8_t b = dbr_read8(r);
    if (b % 4 == 0)
        dbr_session_renegotiate(c->session, &rig_now);
    else if (b % 4 == 1)
        dbr_session_say(c->session, texts[b / 4 % 6], &rig_now);
    else if (b % 4 == 2 && rig->n_callers < 6)
        rig_call(rig, b & 4 ? "alice" : "bob", 0x0a000001 + (b >> 3 & 3), (uint16_t)(4100 + b));
    else if (b == 255)
        dbr_session_close(c->session, NULL, "leaves", &rig_now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const steps[])(struct rig *, struct dbr_reader *) = {raw,      sealed, sealed,
                                                                       stranger, bend,   act};
    struct rig *rig = ready_rig(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .config = "max-clients 4"});
    struct dbr_reader r;
    dbr_reader_init(&r, data, size);
    for (int i = 0; i < MAX_STEPS && dbr_reader_left(&r); i++) {
        uint8_t op = dbr_read8(&r) % 8;
        if (op < 6)
            steps[op](rig, &r);
        else if (op == 6)
            rig_settle(rig);
        else
            rig_run(rig, (uint64_t)dbr_read8(&r) * 40);
        check(rig);
    }
    rig_settle(rig);
    check(rig);
    return 0;
}
