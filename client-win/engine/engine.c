/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Life of the engine: made of a profile, started, stopped; what the session asks of its owner.
 */
#include "client-win/engine/priv.h"

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what others hear ---- */

void engine_log(struct dbr_engine *e, int level, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    if (level > e->cfg.verb && level > DBR_LOG_INFO)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    e->ops->log(e->arg, level, line);
}

void engine_state(struct dbr_engine *e, enum dbr_engine_state state, const char *text)
{
    e->state = state;
    e->ops->state(e->arg, state, text);
}

void engine_ask(struct dbr_engine *e, enum dbr_engine_ask kind, bool echo, const char *text)
{
    e->waits_for = kind;
    engine_state(e, DBR_ENGINE_ASKING, text);
    e->ops->ask(e->arg, kind, echo, text, e->login.user);
}

void engine_fail(struct dbr_engine *e, const char *text)
{
    if (e->over)
        return;
    e->over = true;
    e->waits_for = 0;
    push_clear(e);
    engine_state(e, DBR_ENGINE_FAILED, text);
}

/* ---- life ---- */

int dbr_engine_new(struct dbr_engine **out, const char *profile, size_t len, const struct dbr_engine_ops *ops,
                   void *arg, char *why, size_t cap)
{
    struct dbr_engine *e = calloc(1, sizeof *e);
    *out = NULL;
    snprintf(why, cap, "there is not enough memory; close other programs and try again");
    if (!e)
        return DBR_ERR_NOMEM;
    e->ops = ops;
    e->arg = arg;
    e->call.call_ns = e->call.resolve_ns = e->call.answer_ns = e->call.question_ns = NEVER;
    int err = load_profile(e, profile, len);
    if (!err)
        err = frames_init(e);
    if (!err)
        err = load_gate(e, e->line, sizeof e->line);
    if (!err) {
        *out = e;
        return 0;
    }
    if (err != DBR_ERR_NOMEM)
        snprintf(why, cap, "%s", e->line);
    dbr_engine_free(e);
    return err == DBR_ERR_NOMEM ? err : DBR_ERR_CONFIG;
}

void dbr_engine_free(struct dbr_engine *e)
{
    if (!e)
        return;
    call_free(e);
    frames_free(e);
    if (e->has_pulled)
        dbr_config_free(&e->pulled);
    dbr_config_free(&e->cfg);
    dbr_tls_ctx_put(e->session.tls);
    dbr_gate_free(e->gate);
    free(e->ciphers);
    dbr_wipe(e, sizeof *e);
    free(e);
}

/* The private key is opened, or its passphrase asked for; false: it is not open yet. */
static bool unlock(struct dbr_engine *e)
{
    char why[TEXT_MAX];
    if (e->session.tls)
        return true;
    switch (load_tls(e, why, sizeof why)) {
    case LOAD_DONE: return true;
    case LOAD_LOCKED: engine_ask(e, DBR_ENGINE_ASK_PASSPHRASE, false, "Passphrase of your key:"); break;
    case LOAD_WRONG_PASSPHRASE:
        engine_ask(e, DBR_ENGINE_ASK_PASSPHRASE, false,
                   "This passphrase does not open your key. Please try again:");
        break;
    case LOAD_BAD: engine_fail(e, why); break;
    }
    return false;
}

static void go_on(struct dbr_engine *e)
{
    if (!e->over && !e->stopping && unlock(e))
        call_begin(e);
}

void dbr_engine_start(struct dbr_engine *e, const struct dbr_now *now)
{
    e->now = *now;
    if (e->started)
        return;
    e->started = true;
    engine_state(e, DBR_ENGINE_CONNECTING, "");
    go_on(e);
}

static void stopped(struct dbr_engine *e)
{
    e->over = true;
    push_clear(e);
    engine_state(e, DBR_ENGINE_IDLE, "");
}

void dbr_engine_stop(struct dbr_engine *e, const struct dbr_now *now)
{
    e->now = *now;
    if (e->over || e->stopping)
        return;
    e->stopping = true;
    e->waits_for = 0;
    engine_state(e, DBR_ENGINE_DISCONNECTING, "");
    call_goodbye(e);
    if (!e->call.session)
        stopped(e);
}

void dbr_engine_fail(struct dbr_engine *e, const char *text, const struct dbr_now *now)
{
    e->now = *now;
    if (e->over || e->stopping)
        return;
    e->call.leave = true;
    snprintf(e->call.why, sizeof e->call.why, "%s", text);
    call_end(e, text);
    call_settle(e);
    if (!e->call.session)
        engine_fail(e, e->call.why);
}

bool dbr_engine_over(const struct dbr_engine *e)
{
    return e->over;
}

/* After each call from outside: the session may be over. */
static void settle(struct dbr_engine *e)
{
    call_settle(e);
    if (e->stopping && !e->call.session && !e->over)
        stopped(e);
}

/* ---- input ---- */

void dbr_engine_feed(struct dbr_engine *e, uint8_t *dgram, size_t len, const struct dbr_addr *from,
                     const struct dbr_now *now)
{
    e->now = *now;
    if (!e->call.session || !len)
        return;
    uint8_t op = dbr_opcode_of(dgram[0]);
    if (op == DBR_OP_DATA_V1 || op == DBR_OP_DATA_V2)
        frames_feed(e, dgram, len, from);
    else if (call_may_float(e) || dbr_addr_equal(from, &e->call.to))
        dbr_session_feed(e->call.session, dgram, len, &e->now);
    settle(e);
}

void dbr_engine_answer(struct dbr_engine *e, enum dbr_engine_ask kind, const char *user, const char *secret,
                       const struct dbr_now *now)
{
    e->now = *now;
    if (e->over || !e->waits_for || kind != e->waits_for)
        return;
    e->waits_for = 0;
    if (kind == DBR_ENGINE_ASK_PASSPHRASE) {
        snprintf(e->passphrase, sizeof e->passphrase, "%s", secret);
        e->has_passphrase = true;
    } else {
        login_take(e, kind, user, secret);
    }
    if (e->call.session)
        engine_state(e, DBR_ENGINE_AUTHENTICATING, "");
    else {
        engine_state(e, DBR_ENGINE_CONNECTING, "");
        go_on(e);
    }
    settle(e);
}

void dbr_engine_tick(struct dbr_engine *e, const struct dbr_now *now)
{
    e->now = *now;
    if (e->over)
        return;
    if (e->call.session)
        dbr_session_tick(e->call.session, &e->now);
    frames_tick(e);
    settle(e);
    call_tick(e);
    settle(e);
}

uint64_t dbr_engine_deadline(const struct dbr_engine *e)
{
    uint64_t session = e->call.session ? dbr_session_deadline(e->call.session) : NEVER;
    return e->over ? NEVER : sooner(session, sooner(call_deadline(e), frames_deadline(e)));
}

void dbr_engine_net_done(struct dbr_engine *e, uint32_t err, const char *text, const struct dbr_now *now)
{
    e->now = *now;
    if (!e->net.pending)
        return;
    e->net.pending--;
    if (err) { /* all of them were taken back: frames would go astray */
        engine_log(e, DBR_LOG_ERROR, "network settings: %s", text);
        dbr_engine_fail(e, text, now);
        return;
    }
    if (!e->net.waits || e->net.pending)
        return;
    e->net.waits = false;
    if (e->data.up && !e->over && !e->stopping)
        engine_state(e, DBR_ENGINE_CONNECTED, "");
}

enum dbr_engine_state dbr_engine_state(const struct dbr_engine *e)
{
    return e->state;
}

const char *dbr_engine_address(const struct dbr_engine *e, char out[DBR_ADDR_TEXT])
{
    struct dbr_addr a = {.family = 4};
    *out = 0;
    for (size_t i = 0; i < e->net.n; i++)
        if (e->net.steps[i].kind == DBR_NET_ADDRESS && e->net.steps[i].family == 4) {
            memcpy(a.ip, e->net.steps[i].ip, 4);
            return dbr_addr_ip_text(&a, out);
        }
    return out;
}

/* ---- what the session asks of its owner ---- */

static void op_send(void *arg, struct dbr_session *s, const uint8_t *dgram, size_t len)
{
    struct dbr_engine *e = arg;
    (void)s;
    e->ops->send(e->arg, &e->call.to, dgram, len);
}

/* A client is not asked for these. */
static int op_authorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    (void)arg;
    (void)s;
    snprintf(reason, cap, "this is a client");
    return DBR_ERR_STATE;
}

static size_t op_push_options(void *arg, struct dbr_session *s, const char **opts, size_t max)
{
    (void)arg;
    (void)s;
    (void)opts;
    (void)max;
    return 0;
}

static int op_keys(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys)
{
    (void)s;
    return frames_key(arg, keys);
}

static void op_swap(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)s;
    frames_swap(arg, key_id);
}

static void op_drop(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)s;
    frames_drop(arg, key_id);
}

static int op_credentials(void *arg, struct dbr_session *s, char *user, char *pass)
{
    (void)s;
    return login_credentials(arg, user, pass);
}

static int op_pushed(void *arg, struct dbr_session *s, const char *options)
{
    (void)s;
    return push_take(arg, options);
}

static void op_message(void *arg, struct dbr_session *s, enum dbr_ctrlmsg kind, const char *rest)
{
    (void)s;
    call_message(arg, kind, rest);
}

static void op_log(void *arg, struct dbr_session *s, int level, const char *line)
{
    struct dbr_engine *e = arg;
    (void)s;
    engine_log(e, level, "%s", line);
}

static void op_random(void *arg, void *out, size_t n)
{
    struct dbr_engine *e = arg;
    e->ops->random(e->arg, out, n);
}

const struct dbr_session_ops engine_session_ops = {
    .send = op_send,
    .authorize = op_authorize,
    .keys = op_keys,
    .swap = op_swap,
    .drop = op_drop,
    .push_options = op_push_options,
    .credentials = op_credentials,
    .pushed = op_pushed,
    .message = op_message,
    .log = op_log,
    .random = op_random,
};
