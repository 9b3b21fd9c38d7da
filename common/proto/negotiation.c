/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/negotiation.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND_NS = 1000000000 };

void negotiation_init(struct negotiation *n, uint8_t key_id, bool at_server, uint64_t now_ns,
                      uint32_t hand_window_s, uint32_t tls_timeout_s)
{
    memset(n, 0, sizeof *n);
    n->state = NEG_RESET;
    n->key_id = key_id;
    n->at_server = at_server;
    n->began_ns = now_ns;
    n->until_ns = now_ns + (uint64_t)hand_window_s * SECOND_NS;
    n->drop_ns = n->ack_ns = n->again_ns = UINT64_MAX;
    dbr_reliable_init(&n->rel, (uint64_t)tls_timeout_s * SECOND_NS);
}

void negotiation_forget(struct negotiation *n)
{
    struct dbr_keymsg *both[2] = {n->mine, n->theirs};
    for (size_t i = 0; i < 2; i++) {
        if (both[i])
            dbr_wipe(both[i], sizeof *both[i]);
        free(both[i]);
    }
    n->mine = n->theirs = NULL;
}

void negotiation_retire(struct negotiation *n)
{
    dbr_tls_free(n->tls);
    n->tls = NULL;
    negotiation_forget(n);
}

void negotiation_fini(struct negotiation *n)
{
    if (n->state == NEG_FREE)
        return;
    negotiation_retire(n);
    dbr_reliable_fini(&n->rel);
    memset(n, 0, sizeof *n);
}

/* What a packet in order means: a reset opens the door, a CONTROL feeds TLS. */
static int take_packet(struct negotiation *n, uint8_t opcode, const uint8_t *payload, size_t len,
                       struct dbr_tls_ctx *ctx, void *session_arg, int64_t unix_s)
{
    if (opcode != DBR_OP_CONTROL && opcode != DBR_OP_CONTROL_WKC) {
        if (n->state == NEG_RESET)
            n->state = NEG_TLS;
        return 0;
    }
    if (n->state == NEG_RESET || n->state == NEG_FAILED)
        return DBR_ERR_STATE;
    if (!len)
        return 0;
    if (!n->tls && n->state == NEG_TLS) {
        int err = dbr_tls_new(&n->tls, ctx, session_arg);
        if (err)
            return err;
        dbr_tls_set_time(n->tls, unix_s);
    }
    return n->tls ? dbr_tls_feed(n->tls, payload, len) : 0;
}

static int feed_in_order(struct negotiation *n, struct dbr_tls_ctx *ctx, void *session_arg, int64_t unix_s)
{
    uint8_t opcode;
    const uint8_t *payload;
    size_t len;
    while (dbr_reliable_peek(&n->rel, &opcode, &payload, &len)) {
        int err = take_packet(n, opcode, payload, len, ctx, session_arg, unix_s);
        dbr_reliable_pop(&n->rel);
        if (err && err != DBR_ERR_STATE)
            return err;
    }
    return 0;
}

int negotiation_advance(struct negotiation *n, struct dbr_tls_ctx *ctx, void *session_arg, int64_t unix_s)
{
    int err = feed_in_order(n, ctx, session_arg, unix_s);
    if (!err && n->state == NEG_TLS && !n->tls && !n->at_server) {
        err = dbr_tls_new(&n->tls, ctx, session_arg); /* the client speaks first */
        if (!err)
            dbr_tls_set_time(n->tls, unix_s);
    }
    if (!err && n->state == NEG_TLS) {
        err = n->tls ? dbr_tls_step(n->tls) : DBR_ERR_AGAIN;
        if (!err)
            n->state = NEG_KEYS;
    }
    if (err && err != DBR_ERR_AGAIN)
        n->state = NEG_FAILED;
    return err;
}

int negotiation_flush(struct negotiation *n, size_t mtu, uint64_t now_ns)
{
    uint8_t chunk[DBR_CONTROL_MTU];
    if (mtu > sizeof chunk)
        mtu = sizeof chunk;
    while (n->tls && dbr_tls_pending_out(n->tls) && dbr_reliable_can_send(&n->rel)) {
        size_t len = dbr_tls_drain(n->tls, chunk, mtu);
        if (!len)
            break;
        int err =
            dbr_reliable_send(&n->rel, n->wkc_due ? DBR_OP_CONTROL_WKC : DBR_OP_CONTROL, chunk, len, now_ns);
        if (err)
            return err;
        mtu += n->wkc_due; /* the caller left room for it, once */
        n->wkc_due = 0;
    }
    return 0;
}

bool negotiation_idle(const struct negotiation *n)
{
    return dbr_reliable_all_acked(&n->rel) && !(n->tls && dbr_tls_pending_out(n->tls));
}
