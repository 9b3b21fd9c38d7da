/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/gate.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/ctr.h"
#include "crypto/mac.h"
#include "proto/wire.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HEADER = 1 + DBR_SID_LEN, /* op and session id: in the clear at the head of every kind */
    REPLAY = 8,               /* replay id and time */
    CRYPT_TAG = 32,
    SLOT = 64, /* of the key file: cipher 0, hmac 0, cipher 1, hmac 1 */
};

/* What opens or seals under one key of one direction. */
struct half {
    struct dbr_mac *mac;
    struct dbr_ctr *ctr; /* tls-crypt only */
};

struct dbr_gate {
    enum dbr_gate_kind kind;
    int direction;
    char digest[32];
    size_t mac_size;
    struct half send, receive;
};

/* --- birth and death --- */

static void half_free(struct half *h)
{
    dbr_mac_free(h->mac);
    dbr_ctr_free(h->ctr);
    *h = (struct half){NULL, NULL};
}

static int half_init(struct half *h, const struct dbr_gate *g, const uint8_t *key, int index)
{
    const uint8_t *cipher_key = key + 2 * SLOT * index, *hmac_key = cipher_key + SLOT;
    int err = dbr_mac_new(&h->mac, g->digest, hmac_key, g->mac_size);
    if (!err && g->kind == DBR_GATE_TLS_CRYPT)
        err = dbr_ctr_new(&h->ctr, cipher_key);
    if (err)
        half_free(h);
    return err;
}

/* Which of the two keys in the file: direction 0 sends with 0, 1 with 1, none uses 0 both ways. */
static int send_index(const struct dbr_gate *g)
{
    return g->direction == 1;
}

static int receive_index(const struct dbr_gate *g)
{
    return g->direction == 0;
}

static int take_keys(struct dbr_gate *g, const uint8_t *key, const char *digest)
{
    if (g->kind == DBR_GATE_NONE)
        return 0;
    snprintf(g->digest, sizeof g->digest, "%s", g->kind == DBR_GATE_TLS_CRYPT ? "SHA256" : digest);
    g->mac_size = dbr_digest_size(g->digest);
    if (!g->mac_size)
        return DBR_ERR_UNSUPPORTED;
    int err = half_init(&g->send, g, key, send_index(g));
    return err ? err : half_init(&g->receive, g, key, receive_index(g));
}

int dbr_gate_new(struct dbr_gate **gate, enum dbr_gate_kind kind, const uint8_t *key, int direction,
                 const char *digest)
{
    *gate = NULL;
    if (kind == DBR_GATE_TLS_CRYPT && direction < 0)
        return DBR_ERR_CONFIG;
    struct dbr_gate *g = calloc(1, sizeof *g);
    if (!g)
        return DBR_ERR_NOMEM;
    g->kind = kind;
    g->direction = direction;
    int err = take_keys(g, key, digest);
    if (err) {
        dbr_gate_free(g);
        return err;
    }
    *gate = g;
    return 0;
}

void dbr_gate_free(struct dbr_gate *gate)
{
    if (!gate)
        return;
    half_free(&gate->send);
    half_free(&gate->receive);
    free(gate);
}

enum dbr_gate_kind dbr_gate_kind_of(const struct dbr_gate *gate)
{
    return gate->kind;
}

size_t dbr_gate_overhead(const struct dbr_gate *gate)
{
    return gate->kind == DBR_GATE_NONE ? 0 : gate->mac_size + REPLAY;
}

/* --- tls-auth: | op | sid | HMAC | replay | inner |, the MAC over replay, op, sid, inner --- */

static int auth_mac(struct half *h, const uint8_t *header, const uint8_t *replay, const uint8_t *inner,
                    size_t inner_len, uint8_t *mac)
{
    const struct dbr_part parts[] = {{replay, REPLAY}, {header, HEADER}, {inner, inner_len}};
    return dbr_mac_compute(h->mac, parts, 3, mac);
}

static int auth_open(struct dbr_gate *g, struct half *h, uint8_t *dgram, const struct dbr_gated *out)
{
    uint8_t expected[DBR_MAC_MAX];
    const uint8_t *mac = dgram + HEADER;
    if (auth_mac(h, dgram, mac + g->mac_size, out->inner, out->inner_len, expected))
        return DBR_ERR_AUTH;
    return dbr_secret_equal(expected, mac, g->mac_size) ? 0 : DBR_ERR_AUTH;
}

/* --- tls-crypt: | op | sid | replay | tag | inner, encrypted |, the tag over op, sid, replay, plain inner;
 * its first 16 bytes are the counter block --- */

static int crypt_tag(struct half *h, const uint8_t *header_and_replay, const uint8_t *inner, size_t inner_len,
                     uint8_t *tag)
{
    const struct dbr_part parts[] = {{header_and_replay, HEADER + REPLAY}, {inner, inner_len}};
    return dbr_mac_compute(h->mac, parts, 2, tag);
}

/* A datagram that does not match is left as it came, so that the next key can be tried on it. */
static int crypt_open(struct half *h, uint8_t *dgram, const struct dbr_gated *out)
{
    uint8_t expected[DBR_MAC_MAX];
    const uint8_t *tag = dgram + HEADER + REPLAY;
    if (dbr_ctr_apply(h->ctr, tag, out->inner, out->inner_len))
        return DBR_ERR_AUTH;
    if (!crypt_tag(h, dgram, out->inner, out->inner_len, expected) &&
        dbr_secret_equal(expected, tag, CRYPT_TAG))
        return 0;
    dbr_ctr_apply(h->ctr, tag, out->inner, out->inner_len);
    return DBR_ERR_AUTH;
}

/* --- both --- */

int dbr_gate_open(struct dbr_gate *gate, uint8_t *dgram, size_t len, struct dbr_gated *out)
{
    size_t before_inner = HEADER + dbr_gate_overhead(gate);
    if (len <= before_inner)
        return DBR_ERR_SHAPE;
    *out = (struct dbr_gated){.first = dgram[0],
                              .sid = dbr_get64(dgram + 1),
                              .inner = dgram + before_inner,
                              .inner_len = len - before_inner};
    if (gate->kind == DBR_GATE_NONE)
        return 0;
    bool auth = gate->kind == DBR_GATE_TLS_AUTH;
    const uint8_t *replay = dgram + HEADER + (auth ? gate->mac_size : 0);
    const uint8_t *mac = dgram + HEADER + (auth ? 0 : REPLAY);
    out->replay_id = dbr_get32(replay);
    out->replay_time = dbr_get32(replay + 4);
    out->mac_prefix = dbr_get64(mac);
    return auth ? auth_open(gate, &gate->receive, dgram, out) : crypt_open(&gate->receive, dgram, out);
}

int dbr_gate_seal(struct dbr_gate *gate, uint8_t first, uint64_t sid, uint32_t replay_id,
                  uint32_t replay_time, const uint8_t *inner, size_t inner_len, uint8_t *out, size_t cap)
{
    size_t before_inner = HEADER + dbr_gate_overhead(gate);
    if (cap < before_inner || cap - before_inner < inner_len)
        return DBR_ERR_SPACE;
    bool auth = gate->kind == DBR_GATE_TLS_AUTH;
    uint8_t *replay = out + HEADER + (auth ? gate->mac_size : 0);
    uint8_t *mac = out + HEADER + (auth ? 0 : REPLAY), *body = out + before_inner;
    int err = 0;
    out[0] = first;
    dbr_put64(out + 1, sid);
    if (inner_len)
        memcpy(body, inner, inner_len);
    if (gate->kind != DBR_GATE_NONE) {
        dbr_put32(replay, replay_id);
        dbr_put32(replay + 4, replay_time);
        err = auth ? auth_mac(&gate->send, out, replay, body, inner_len, mac)
                   : crypt_tag(&gate->send, out, body, inner_len, mac);
    }
    if (!err && gate->kind == DBR_GATE_TLS_CRYPT)
        err = dbr_ctr_apply(gate->send.ctr, mac, body, inner_len);
    return err ? err : (int)(before_inner + inner_len);
}
