/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/mgmt_seat.h"
#include "base/log.h"
#include "base/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
enum { SAY_MAX = 2048, STATE_MAX = 160 };

/* Managers are told passwords of clients. */
static void drop_output(struct seat *s)
{
    if (s->out)
        dbr_wipe(s->out, s->cap_out);
    free(s->out);
    s->out = NULL;
    s->cap_out = 0;
}

/* ---- rings ---- */

static bool ring_init(struct ring *r, size_t cap)
{
    *r = (struct ring){.v = calloc(cap, sizeof *r->v), .cap = cap};
    return r->v;
}

static void ring_free(struct ring *r)
{
    for (size_t i = 0; r->v && i < r->cap; i++)
        free(r->v[i].text);
    free(r->v);
}

static const char *ring_add(struct ring *r, int64_t unix_s, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return NULL;
    struct line *l = &r->v[r->next];
    free(l->text);
    *l = (struct line){unix_s, copy};
    r->next = (r->next + 1) % r->cap;
    r->n += r->n < r->cap;
    return copy;
}

void mgmt_ring_say(struct mgmt *m, int seat, const struct ring *r, size_t most)
{
    size_t n = most < r->n ? most : r->n;
    for (size_t i = 0; i < n; i++) {
        const struct line *l = &r->v[(r->next + r->cap - n + i) % r->cap];
        mgmt_say(m, seat, "%lld,%s", (long long)l->unix_s, l->text);
    }
    mgmt_say(m, seat, "END");
}

/* ---- birth and death ---- */

struct mgmt *mgmt_new(const struct mgmt_host *host, const struct mgmt_config *c)
{
    struct mgmt *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->host = *host;
    m->hold = c->hold;
    m->running = -1;
    m->has_password = c->password;
    if (c->password)
        memcpy(m->password, c->password, sizeof m->password);
    snprintf(m->version, sizeof m->version, "%s", c->version);
    size_t kept = c->logs_kept ? c->logs_kept : MGMT_LOGS_KEPT;
    if (ring_init(&m->logs, kept < MGMT_LOGS_MAX ? kept : MGMT_LOGS_MAX) &&
        ring_init(&m->states, MGMT_STATES_KEPT))
        return m;
    mgmt_free(m);
    return NULL;
}

void mgmt_free(struct mgmt *m)
{
    if (!m)
        return;
    for (int i = 0; i < MGMT_SEATS; i++)
        mgmt_leave(m, i);
    drop_output(&m->after);
    for (int q = 0; q < MGMT_QUESTIONS; q++)
        mgmt_unask(m, (enum mgmt_question)q);
    ring_free(&m->logs);
    ring_free(&m->states);
    dbr_wipe(m, sizeof *m);
    free(m);
}

/* ---- output ---- */

static bool make_room(struct seat *s, size_t n)
{
    if (s->lost || s->n_out + n > MGMT_OUT_MAX) {
        s->lost = true;
        return false;
    }
    if (s->n_out + n <= s->cap_out)
        return true;
    size_t cap = s->cap_out ? s->cap_out : 4096;
    while (cap < s->n_out + n)
        cap *= 2;
    char *more = malloc(cap);
    if (!more) {
        s->lost = true;
        return false;
    }
    if (s->n_out)
        memcpy(more, s->out, s->n_out);
    drop_output(s);
    s->out = more;
    s->cap_out = cap;
    return true;
}

void mgmt_put(struct seat *s, const char *bytes, size_t n)
{
    if (!n || !make_room(s, n))
        return;
    memcpy(s->out + s->n_out, bytes, n);
    s->n_out += n;
}

static void say_va(struct seat *s, const char *fmt, va_list ap)
{
    char text[SAY_MAX];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n < 0)
        return;
    n = (size_t)n < sizeof text ? n : (int)sizeof text - 1;
    mgmt_put(s, text, (size_t)n);
    mgmt_put(s, "\r\n", 2);
    dbr_wipe(text, (size_t)n);
}

void mgmt_say(struct mgmt *m, int seat, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_va(&m->seats[seat], fmt, ap);
    va_end(ap);
}

void mgmt_text(struct mgmt *m, int seat, const char *text, size_t n)
{
    while (n) {
        const char *end = memchr(text, '\n', n);
        size_t len = end ? (size_t)(end - text) : n;
        mgmt_put(&m->seats[seat], text, len);
        mgmt_put(&m->seats[seat], "\r\n", 2);
        text += len + (end != NULL);
        n -= len + (end != NULL);
    }
}

bool mgmt_listens(const struct seat *s)
{
    return s->taken && s->passed && !s->bye && !s->lost;
}

void mgmt_tell(struct mgmt *m, const char *fmt, ...)
{
    for (int i = 0; i < MGMT_SEATS; i++) {
        if (!mgmt_listens(&m->seats[i]))
            continue;
        va_list ap;
        va_start(ap, fmt);
        say_va(i == m->running ? &m->after : &m->seats[i], fmt, ap);
        va_end(ap);
    }
}

void mgmt_tell_one(struct mgmt *m, int seat, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_va(seat == m->running ? &m->after : &m->seats[seat], fmt, ap);
    va_end(ap);
}

void mgmt_tell_after(struct mgmt *m, int seat)
{
    m->running = -1;
    mgmt_put(&m->seats[seat], m->after.out, m->after.n_out);
    if (m->after.n_out)
        dbr_wipe(m->after.out, m->after.n_out);
    m->seats[seat].lost |= m->after.lost;
    m->after.n_out = 0;
    m->after.lost = false;
}

/* OpenVPN's letters: fatal, error, warning, information, debugging. */
static char letter_of(int level, const char *line)
{
    if (strncmp(line, "WARNING: ", 9) == 0)
        return 'W';
    return level == DBR_LOG_FATAL ? 'F' : level >= DBR_LOG_DEBUG ? 'D' : 'I';
}

void mgmt_log(struct mgmt *m, int64_t unix_s, int level, const char *line)
{
    char text[SAY_MAX / 2];
    m->now_s = unix_s;
    snprintf(text, sizeof text, "%c,%s", letter_of(level, line), line);
    if (!ring_add(&m->logs, unix_s, text))
        return;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (mgmt_listens(&m->seats[i]) && m->seats[i].log)
            mgmt_tell_one(m, i, ">LOG:%lld,%s", (long long)unix_s, text);
}

void mgmt_state(struct mgmt *m, int64_t unix_s, const char *rest)
{
    char text[STATE_MAX];
    snprintf(text, sizeof text, "%s", rest);
    if (!ring_add(&m->states, unix_s, text))
        return;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (mgmt_listens(&m->seats[i]) && m->seats[i].state)
            mgmt_tell_one(m, i, ">STATE:%lld,%s", (long long)unix_s, text);
}

/* ---- managers ---- */

int mgmt_seat(struct mgmt *m, uint64_t now_ns)
{
    int seat = 0;
    while (seat < MGMT_SEATS && m->seats[seat].taken)
        seat++;
    if (seat == MGMT_SEATS) {
        struct seat *oldest = NULL;
        for (int i = 0; i < MGMT_SEATS; i++)
            if (!m->seats[i].passed && (!oldest || m->seats[i].order < oldest->order))
                oldest = &m->seats[i];
        if (oldest) {
            oldest->bye = "it showed no password, and others want its place";
            oldest->hurry = true;
        }
        return -1;
    }
    struct seat *s = &m->seats[seat];
    *s = (struct seat){.taken = true, .since_ns = now_ns, .order = m->arrivals++};
    if (m->has_password)
        mgmt_put(s, "ENTER PASSWORD:", 15);
    else
        mgmt_greet(m, seat);
    return seat;
}

void mgmt_feed(struct mgmt *m, int seat, const void *bytes, size_t n, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    size_t room = mgmt_room(m, seat);
    if (n > room)
        n = room;
    memcpy(s->in + s->n_in, bytes, n);
    s->n_in += n;
    mgmt_run_all(m, seat, now_ns);
}

void mgmt_ended(struct mgmt *m, int seat, uint64_t now_ns)
{
    m->seats[seat].ended = true;
    mgmt_run_all(m, seat, now_ns);
}

size_t mgmt_room(const struct mgmt *m, int seat)
{
    const struct seat *s = &m->seats[seat];
    return s->taken && !s->bye && !s->lost && !s->ended ? sizeof s->in - s->n_in : 0;
}

const char *mgmt_output(const struct mgmt *m, int seat, size_t *n)
{
    *n = m->seats[seat].n_out;
    return m->seats[seat].out;
}

void mgmt_sent(struct mgmt *m, int seat, size_t n, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    memmove(s->out, s->out + n, s->n_out - n);
    s->n_out -= n;
    if (n)
        dbr_wipe(s->out + s->n_out, n);
    if (!s->n_out && s->cap_out > MGMT_BACKLOG)
        drop_output(s);
    mgmt_run_all(m, seat, now_ns);
}

const char *mgmt_gone(const struct mgmt *m, int seat, bool *at_once)
{
    const struct seat *s = &m->seats[seat];
    *at_once = s->lost || s->hurry;
    return s->lost ? "it does not read what it is told" : s->bye;
}

void mgmt_leave(struct mgmt *m, int seat)
{
    struct seat *s = &m->seats[seat];
    drop_output(s);
    free(s->lines);
    free(s->user);
    dbr_wipe(s, sizeof *s);
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t mgmt_deadline(const struct mgmt *m)
{
    uint64_t at = UINT64_MAX;
    for (int i = 0; i < MGMT_SEATS; i++) {
        const struct seat *s = &m->seats[i];
        if (!s->taken || s->lost)
            continue;
        if (s->bye) {
            at = earlier(at, s->bye_ns);
            continue;
        }
        if (!s->passed)
            at = earlier(at, s->since_ns + MGMT_PASSWORD_S * SECOND_NS);
        if (s->stalled_ns && s->n_out < MGMT_BACKLOG)
            at = earlier(at, s->stalled_ns);
        if (s->bytes_s)
            at = earlier(at, s->bytes_ns);
    }
    return at;
}

static void count_bytes(struct mgmt *m, int seat, uint64_t now_ns)
{
    struct seat *s = &m->seats[seat];
    s->bytes_ns = now_ns + s->bytes_s * SECOND_NS;
    if (m->host.fresh(m->host.arg))
        m->host.bytes(m->host.arg, seat);
    else
        s->wants_bytes = true;
}

void mgmt_tick(struct mgmt *m, uint64_t now_ns)
{
    for (int i = 0; i < MGMT_SEATS; i++) {
        struct seat *s = &m->seats[i];
        if (!s->taken)
            continue;
        if (s->bye && !s->bye_ns)
            s->bye_ns = now_ns + MGMT_GOODBYE_S * SECOND_NS;
        else if (s->bye && now_ns >= s->bye_ns)
            s->hurry = true;
        if (!s->passed && !s->bye && now_ns >= s->since_ns + MGMT_PASSWORD_S * SECOND_NS)
            s->bye = "it showed no password";
        if (s->stalled_ns && now_ns >= s->stalled_ns)
            mgmt_run_all(m, i, now_ns);
        if (s->bytes_s && mgmt_listens(s) && now_ns >= s->bytes_ns)
            count_bytes(m, i, now_ns);
    }
}

void mgmt_fresh(struct mgmt *m, uint64_t now_ns)
{
    for (int i = 0; i < MGMT_SEATS; i++) {
        struct seat *s = &m->seats[i];
        if (s->wants_bytes && mgmt_listens(s))
            m->host.bytes(m->host.arg, i);
        s->wants_bytes = false;
        if (!s->stalled_ns)
            continue;
        s->stalled_ns = now_ns; /* over */
        mgmt_run_all(m, i, now_ns);
    }
}

/* ---- hold, passwords ---- */

bool mgmt_held(struct mgmt *m, bool tell)
{
    bool held = m->hold && !m->released;
    if (held && tell)
        mgmt_tell(m, ">HOLD:Waiting for hold release:0");
    return held;
}

void mgmt_want_password(struct mgmt *m, const char *what)
{
    snprintf(m->wanted, sizeof m->wanted, "%s", what ? what : "");
    if (what)
        mgmt_tell(m, ">PASSWORD:Need '%s' password", what);
}

bool mgmt_anybody(const struct mgmt *m)
{
    for (int i = 0; i < MGMT_SEATS; i++)
        if (mgmt_listens(&m->seats[i]))
            return true;
    return false;
}
