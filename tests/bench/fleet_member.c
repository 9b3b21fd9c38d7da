/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One client of the fleet: its session, its data keys, its pings and its frames.
 */
#include "fleet.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { ETHERNET = 14, LOAD_ETHERTYPE = 0x88b6 /* IEEE 802 local experimental 2; 1 is the loop guard's */ };

/* ---- data channel ---- */

static struct dbr_slot *slot_of(struct member *m, uint8_t key_id)
{
    for (size_t i = 0; i < MEMBER_KEYS; i++)
        if (m->slots[i].live && m->slots[i].key_id == key_id)
            return &m->slots[i];
    return NULL;
}

/* Seals and sends a payload of at most FRAME_MAX + ETHERNET bytes. */
static void send_payload(struct member *m, const void *payload, size_t len)
{
    uint8_t buf[DBR_SLOT_HEADROOM + DBR_FRAMING_HEADROOM + DGRAM_MAX];
    uint8_t *text = buf + DBR_SLOT_HEADROOM + DBR_FRAMING_HEADROOM;
    struct dbr_aead_job job;
    memcpy(text, payload, len);
    dbr_framing_add(dbr_session_framing(m->session), &text, &len);
    size_t head = dbr_slot_headroom(m->primary);
    if (dbr_slot_seal_prepare(m->primary, text, (uint32_t)len, &job))
        return;
    dbr_aead_seal(m->primary->seal, &job, 1);
    if (!job.err)
        fleet_send(m->fleet, m, text - head, head + job.len);
}

static void ping(struct member *m)
{
    send_payload(m, dbr_ping_magic, sizeof dbr_ping_magic);
    m->ping_ns = m->fleet->now.ns + m->ping_every_ns;
    m->fleet->tally.pings_out++;
}

void member_frame(struct member *m, uint32_t index)
{
    uint8_t frame[ETHERNET + FRAME_MAX] = {0};
    struct fleet *f = m->fleet;
    memcpy(frame, f->opt.to_mac, 6);
    frame[6] = 0x02;
    dbr_put32(frame + 8, index + 1);
    dbr_put16(frame + 12, LOAD_ETHERTYPE);
    send_payload(m, frame, f->opt.frame_len);
    m->ping_ns = f->now.ns + m->ping_every_ns;
    f->tally.frames_out++;
}

static void take_data(struct member *m, uint8_t *dgram, size_t len)
{
    struct tally *t = &m->fleet->tally;
    struct dbr_slot *s = slot_of(m, dbr_key_id_of(dgram[0]));
    struct dbr_aead_job job;
    uint32_t id;
    if (m->fleet->opt.deaf) {
        t->frames_in++;
        return;
    }
    if (!s || dbr_slot_open_prepare(s, dgram, (uint32_t)len, &job, &id) ||
        dbr_aead_open(s->open, &job, 1) != 1 || !dbr_slot_opened(s, &job, &id)) {
        t->bad_in++;
        return;
    }
    bool is_ping = dbr_payload_kind(job.text, job.len) == DBR_PAYLOAD_PING;
    ++*(is_ping ? &t->pings_in : &t->frames_in);
}

/* ---- life ---- */

static void forget_keys(struct member *m)
{
    m->primary = NULL;
    for (size_t i = 0; i < MEMBER_KEYS; i++)
        dbr_slot_fini(&m->slots[i]);
}

void member_free(struct member *m)
{
    dbr_heap_remove(&m->fleet->timers, &m->timer);
    dbr_session_free(m->session);
    m->session = NULL;
    forget_keys(m);
}

static void is_in(struct member *m)
{
    struct fleet *f = m->fleet;
    m->stage = STAGE_IN;
    m->took_ns = f->now.ns - m->began_ns;
    if (++f->tally.connected == f->opt.count)
        f->all_in_ns = f->now.ns;
    if (m->ping_every_ns)
        m->ping_ns = f->now.ns + m->ping_every_ns;
}

static void is_out(struct member *m)
{
    struct tally *t = &m->fleet->tally;
    if (m->fleet->opt.verbose)
        fprintf(stderr, "member %u ends: %s\n", (unsigned)(m - m->fleet->members),
                dbr_session_why(m->session));
    ++*(m->stage == STAGE_IN ? &t->lost : &t->failed);
    m->stage = STAGE_OUT;
    member_free(m);
}

/* After each call into its session. */
static void settle(struct member *m)
{
    enum dbr_session_state state = dbr_session_state(m->session);
    if (state >= DBR_SESSION_CLOSING) {
        is_out(m);
        return;
    }
    if (state == DBR_SESSION_ACTIVE && m->stage == STAGE_CALLING)
        is_in(m);
    uint64_t at = dbr_session_deadline(m->session);
    dbr_heap_set(&m->fleet->timers, &m->timer, m->ping_ns && m->ping_ns < at ? m->ping_ns : at);
}

void member_call(struct member *m)
{
    struct fleet *f = m->fleet;
    const struct dbr_session_config *cfg = &f->cfg[(size_t)(m - f->members) % f->opt.n_certs];
    m->stage = STAGE_CALLING;
    m->began_ns = f->now.ns;
    m->session = dbr_session_new_client(cfg, m, &f->now);
    if (m->session) {
        settle(m);
        return;
    }
    m->stage = STAGE_OUT;
    f->tally.failed++;
}

void member_take(struct member *m, uint8_t *dgram, size_t len)
{
    if (!m->session)
        return;
    if (dbr_opcode_is_data(dbr_opcode_of(dgram[0]))) {
        take_data(m, dgram, len);
        return;
    }
    if (dbr_session_feed(m->session, dgram, len, &m->fleet->now))
        m->fleet->tally.bad_in++;
    settle(m);
}

void member_tick(struct member *m)
{
    struct fleet *f = m->fleet;
    if (m->ping_ns && f->now.ns >= m->ping_ns && m->primary)
        ping(m);
    if (f->now.ns >= dbr_session_deadline(m->session))
        dbr_session_tick(m->session, &f->now);
    settle(m);
}

/* ---- what the session asks of its owner ---- */

static void op_send(void *arg, struct dbr_session *s, const uint8_t *dgram, size_t len)
{
    fleet_send(arg, dbr_session_owner(s), dgram, len);
}

static int op_authorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    (void)arg, (void)s, (void)reason, (void)cap;
    return DBR_ERR_STATE; /* clients are not asked */
}

static int op_keys(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys)
{
    struct fleet *f = arg;
    struct member *m = dbr_session_owner(s);
    size_t i = 0;
    while (i < MEMBER_KEYS && m->slots[i].live)
        i++;
    if (i == MEMBER_KEYS)
        return DBR_ERR_LIMIT;
    int err = dbr_slot_init(&m->slots[i], f->aead, keys, 64);
    if (!err && !m->primary)
        m->primary = &m->slots[i];
    else if (!err)
        f->tally.renegotiated++;
    return err;
}

static void op_swap(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)arg;
    struct member *m = dbr_session_owner(s);
    struct dbr_slot *slot = slot_of(m, key_id);
    if (slot)
        m->primary = slot;
}

static void op_drop(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)arg;
    struct member *m = dbr_session_owner(s);
    struct dbr_slot *slot = slot_of(m, key_id);
    if (slot && slot == m->primary)
        m->primary = NULL;
    if (slot)
        dbr_slot_fini(slot);
}

static size_t op_push_options(void *arg, struct dbr_session *s, const char **opts, size_t max)
{
    (void)arg, (void)s, (void)opts, (void)max;
    return 0;
}

static int op_pushed(void *arg, struct dbr_session *s, const char *options)
{
    (void)arg;
    struct member *m = dbr_session_owner(s);
    const char *at = strncmp(options, "ping ", 5) == 0 ? options : strstr(options, ",ping ");
    if (at)
        m->ping_every_ns = strtoull(strchr(at, ' '), NULL, 10) * SECOND_NS;
    return 0;
}

static void op_message(void *arg, struct dbr_session *s, enum dbr_ctrlmsg kind, const char *rest)
{
    struct fleet *f = arg;
    (void)rest;
    if (kind == DBR_MSG_AUTH_FAILED || kind == DBR_MSG_RESTART || kind == DBR_MSG_HALT ||
        kind == DBR_MSG_EXIT)
        dbr_session_close(s, NULL, "told to go", &f->now);
}

static void op_log(void *arg, struct dbr_session *s, int level, const char *line)
{
    struct fleet *f = arg;
    struct member *m = dbr_session_owner(s);
    (void)level;
    if (f->opt.verbose)
        fprintf(stderr, "member %u: %s\n", (unsigned)(m - f->members), line);
}

static void op_random(void *arg, void *out, size_t n)
{
    (void)arg;
    uint8_t *p = out;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0)
            abort();
        p += got;
        n -= (size_t)got;
    }
}

const struct dbr_session_ops member_ops = {.send = op_send,
                                           .authorize = op_authorize,
                                           .keys = op_keys,
                                           .swap = op_swap,
                                           .drop = op_drop,
                                           .push_options = op_push_options,
                                           .pushed = op_pushed,
                                           .message = op_message,
                                           .log = op_log,
                                           .random = op_random};
