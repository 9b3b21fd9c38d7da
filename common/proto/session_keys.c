/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Data keys of a session: how they are derived and handed out, when a new one is asked for, and when it takes
 * the place of the old one.
 */
#include "proto/session_priv.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#define SWAP_RETRY_NS (SECOND_NS / 20)
enum { RENEG_PAUSE_S = 1 }; /* a key younger than this is not renegotiated at the peer's wish */

/* ---- keys ---- */

static int derive_block(struct dbr_session *s, struct negotiation *n, uint8_t block[DBR_KEY_BLOCK_LEN])
{
    if (s->use_ekm)
        return dbr_tls_export(n->tls, "EXPORTER-OpenVPN-datakeys", block, DBR_KEY_BLOCK_LEN);
    if (!n->mine || !n->theirs)
        return DBR_ERR_STATE;
    return s->cfg->server ? dbr_keymsg_derive(n->theirs, n->mine, s->remote_sid, s->local_sid, block)
                          : dbr_keymsg_derive(n->mine, n->theirs, s->local_sid, s->remote_sid, block);
}

/* dyn-tls-crypt: later negotiations pass a tls-crypt gate whose key is the exporter's, mixed with the static
 * key. */
static int make_later_gate(struct dbr_session *s, struct negotiation *n)
{
    uint8_t key[DBR_STATIC_KEY_LEN];
    int err = dbr_tls_export(n->tls, "EXPORTER-OpenVPN-dynamic-tls-crypt", key, sizeof key);
    const uint8_t *first = s->own_key ? s->own_key : s->cfg->static_key;
    for (size_t i = 0; !err && first && i < sizeof key; i++)
        key[i] ^= first[i];
    if (!err)
        err = dbr_gate_new(&s->later_gate, DBR_GATE_TLS_CRYPT, key, s->cfg->server ? 0 : 1, NULL);
    dbr_wipe(key, sizeof key);
    return err;
}

int session_install(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    uint8_t block[DBR_KEY_BLOCK_LEN];
    struct dbr_data_keys keys = {0};
    int err = derive_block(s, n, block);
    if (!err && s->dyn_tls_crypt && !s->later_gate)
        err = make_later_gate(s, n);
    if (!err) {
        dbr_data_keys_cut(&keys, block, s->cfg->server);
        keys.cipher = s->cipher;
        keys.digest = (uint16_t)dbr_digest_by_name(s->cfg->auth);
        keys.key_id = n->key_id;
        keys.use_v2 = s->use_v2;
        keys.peer_id = s->peer_id;
        err = s->cfg->ops->keys(s->cfg->arg, s, &keys);
    }
    dbr_wipe(block, sizeof block);
    dbr_wipe(&keys, sizeof keys);
    negotiation_forget(n);
    if (err)
        return err;
    n->installed = true;
    s->die_ns = UINT64_MAX;
    if (!s->current) {
        s->current = n;
        return 0;
    }
    n->again_ns = now->ns + ACK_AGAIN_NS;
    uint32_t half = s->cfg->reneg_s / 2;
    uint32_t wait_s = half && half < s->cfg->hand_window_s ? half : s->cfg->hand_window_s;
    s->swap_ns = n->began_ns + wait_s * SECOND_NS;
    if (s->swap_ns < now->ns)
        s->swap_ns = now->ns;
    return 0;
}

static void set_reneg_timer(struct dbr_session *s)
{
    uint64_t span = s->cfg->reneg_s * SECOND_NS;
    uint16_t jitter = 0;
    if (!span || !s->current)
        return;
    if (s->cfg->server) /* so that 1,000 clients of one morning do not come back together */
        s->cfg->ops->random(s->cfg->arg, &jitter, sizeof jitter);
    s->reneg_ns = s->current->began_ns + span - span / 10 * jitter / 65536;
}

void session_active(struct dbr_session *s, const struct dbr_now *now)
{
    (void)now;
    s->state = DBR_SESSION_ACTIVE;
    s->push_ns = UINT64_MAX;
    set_reneg_timer(s);
}

/* From now on we send with the newest key; the one before fades. */
static void swap_keys(struct dbr_session *s)
{
    struct negotiation *next = s->talk;
    s->swap_ns = UINT64_MAX;
    if (!next || next == s->current || !next->installed)
        return;
    s->cfg->ops->swap(s->cfg->arg, s, next->key_id);
    s->current->drop_ns = next->began_ns + s->cfg->tran_window_s * SECOND_NS;
    negotiation_retire(s->current);
    s->current = next;
    set_reneg_timer(s);
}

/* The time to send with the newest key has come. While our key message is not acknowledged the peer may not
 * have it, and all that we send under the new key is lost on it. And OpenVPN (2.6) takes its own into use
 * only when its last packet is acknowledged: one that misses our acknowledgement sends it again after
 * tls-timeout. */
void session_swap_when_safe(struct dbr_session *s, const struct dbr_now *now)
{
    const struct negotiation *n = s->talk;
    uint64_t quiet_ns = s->cfg->tls_timeout_s * SECOND_NS + SECOND_NS / 2;
    if (n && !dbr_reliable_all_acked(&n->rel))
        s->swap_ns = now->ns + SWAP_RETRY_NS;
    else if (n && now->ns < n->heard_ns + quiet_ns && now->ns < n->until_ns)
        s->swap_ns = n->heard_ns + quiet_ns;
    else
        swap_keys(s);
}

void dbr_session_key_used(struct dbr_session *s, uint8_t key_id, const struct dbr_now *now)
{
    (void)now;
    if (s->state == DBR_SESSION_ACTIVE && s->talk && s->talk != s->current && s->talk->key_id == key_id)
        swap_keys(s);
}

/* ---- renegotiation ---- */

static uint8_t next_key_id(const struct dbr_session *s)
{
    return s->last_key_id == 7 ? 1 : s->last_key_id + 1;
}

static bool negotiating(const struct dbr_session *s)
{
    if (s->judged)
        return true;
    for (size_t i = 0; i < SESSION_SLOTS; i++)
        if (s->neg[i].state != NEG_FREE && s->neg[i].state != NEG_DONE)
            return true;
    return false;
}

/* A slot for the next negotiation: a free one, else that of the key that faded longest. */
static struct negotiation *take_slot(struct dbr_session *s)
{
    struct negotiation *oldest = NULL;
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        struct negotiation *n = &s->neg[i];
        if (n->state == NEG_FREE)
            return n;
        if (n != s->current && n != s->talk && (!oldest || n->began_ns < oldest->began_ns))
            oldest = n;
    }
    if (oldest) {
        session_drop_key(s, oldest);
        negotiation_fini(oldest);
    }
    return oldest;
}

static struct negotiation *begin_renegotiation(struct dbr_session *s, const struct dbr_now *now)
{
    if (s->swap_ns != UINT64_MAX)
        swap_keys(s); /* the peer moves on already: there is no third key */
    struct negotiation *n = take_slot(s);
    if (!n)
        return NULL;
    negotiation_init(n, next_key_id(s), s->cfg->server, now->ns, s->cfg->hand_window_s,
                     s->cfg->tls_timeout_s);
    if (dbr_reliable_send(&n->rel, DBR_OP_SOFT_RESET, NULL, 0, now->ns)) {
        negotiation_fini(n);
        return NULL;
    }
    s->last_key_id = n->key_id;
    s->reneg_ns = UINT64_MAX;
    if (s->die_ns == UINT64_MAX)
        s->die_ns = now->ns + s->cfg->tran_window_s * SECOND_NS;
    return n;
}

void dbr_session_renegotiate(struct dbr_session *s, const struct dbr_now *now)
{
    if (s->state != DBR_SESSION_ACTIVE || negotiating(s))
        return;
    struct negotiation *n = begin_renegotiation(s, now);
    if (!n)
        return;
    session_log(s, DBR_LOG_INFO, "TLS: soft reset, key id %u", n->key_id);
    session_flush(s, n, now);
}

struct negotiation *session_peer_renegotiates(struct dbr_session *s, const struct dbr_control *c,
                                              const struct dbr_now *now)
{
    if (s->state != DBR_SESSION_ACTIVE || c->opcode != DBR_OP_SOFT_RESET || c->key_id != next_key_id(s))
        return NULL;
    if (negotiating(s) || now->ns < s->talk->began_ns + RENEG_PAUSE_S * SECOND_NS)
        return NULL;
    return begin_renegotiation(s, now);
}
