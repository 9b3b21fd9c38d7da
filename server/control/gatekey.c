/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls-crypt-v2: who brings a gate key of his own. The order is shape, unwrap, withdrawn or too old, gate;
 * what fails hears nothing, and nothing is kept of it.
 */
#include "control/gatekey.h"
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
enum { DAY_S = 86400, SAY_EVERY_S = 10, WHY = 256 };

bool visitor_carries_key(const uint8_t *dgram, size_t len)
{
    return len && dbr_opcode_has_wkc(dbr_opcode_of(dgram[0]));
}

void visitor_fini(struct visitor *v)
{
    dbr_gate_free(v->gate);
    dbr_wipe(v, sizeof *v);
}

static const char *complaint(const struct control *ctl, const struct dbr_client_key *key)
{
    int64_t days = ctl->cfg->tls_crypt_v2_max_age, made = dbr_client_key_made(key);
    if (dbr_withdrawn_has(&ctl->withdrawn, key->id))
        return "withdrawn";
    if (days && made < 0)
        return "without a time, and tls-crypt-v2-max-age wants one";
    return days && ctl->now.unix_s - made > days * DAY_S ? "older than tls-crypt-v2-max-age" : NULL;
}

/* The key is genuine, so its owner can be named; recordings of it are not worth a line each. */
static void say_refused(struct control *ctl, const struct dbr_client_key *key, const char *why,
                        const struct dbr_addr *from)
{
    char at[DBR_ADDR_TEXT], id[GATE_ID_TEXT];
    if (ctl->now.ns < ctl->knock_key_ns)
        return;
    ctl->knock_key_ns = ctl->now.ns + SAY_EVERY_S * SECOND_NS;
    dbr_log(ctl->log, DBR_LOG_NOTICE, "tls-crypt-v2: no answer to [AF_INET%s]%s: client key %s is %s",
            from->family == 6 ? "6" : "", dbr_addr_text(from, at), gate_id_text(key->id, id), why);
}

const char *gate_id_text(const uint8_t id[DBR_WKC_ID_LEN], char out[GATE_ID_TEXT])
{
    for (size_t i = 0; i < DBR_WKC_ID_LEN; i++)
        snprintf(out + 2 * i, 3, "%02x", id[i]);
    return out;
}

int visitor_open(struct control *ctl, struct realm *r, struct visitor *v, uint8_t *dgram, size_t len,
                 const struct dbr_addr *from, struct dbr_gated *g)
{
    size_t tail = dbr_wkc_tail(dgram, len);
    if (!r->wkc || !tail)
        return DBR_ERR_SHAPE;
    int err = dbr_wkc_open(r->wkc, dgram + len - tail, tail, &v->key);
    if (err)
        return err;
    const char *why = complaint(ctl, &v->key);
    if (why) {
        say_refused(ctl, &v->key, why, from);
        return DBR_ERR_CERT;
    }
    err = dbr_gate_new(&v->gate, DBR_GATE_TLS_CRYPT, v->key.key, 0, NULL);
    return err ? err : dbr_gate_open(v->gate, dgram, len - tail, g);
}

static int keep_metadata(const struct visitor *v, struct client *c)
{
    if (!c->ctl->cfg->tls_crypt_v2_verify || !v->key.metadata_len)
        return 0;
    c->metadata = malloc(sizeof *c->metadata);
    if (!c->metadata)
        return DBR_ERR_NOMEM;
    c->metadata->len = v->key.metadata_len;
    memcpy(c->metadata->bytes, v->key.metadata, v->key.metadata_len);
    return 0;
}

int visitor_enter(struct visitor *v, struct client *c)
{
    c->gate_id = malloc(DBR_WKC_ID_LEN);
    if (!c->gate_id || keep_metadata(v, c))
        return DBR_ERR_NOMEM;
    memcpy(c->gate_id, v->key.id, DBR_WKC_ID_LEN);
    struct dbr_gate *gate = v->gate;
    v->gate = NULL;
    return dbr_session_take_gate(c->session, gate, v->key.key);
}

/* ---- the list of those withdrawn ---- */

int withdrawn_take(struct control *ctl, const char *text, size_t len, char *why, size_t cap)
{
    struct dbr_withdrawn fresh;
    int err = dbr_withdrawn_parse(&fresh, text, len, why, cap);
    if (err)
        return err;
    dbr_withdrawn_free(&ctl->withdrawn);
    ctl->withdrawn = fresh;
    return 0;
}

bool gate_key_withdrawn(const struct client *c)
{
    return c->gate_id && dbr_withdrawn_has(&c->ctl->withdrawn, c->gate_id);
}

unsigned withdrawn_cut(struct control *ctl)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!c || !c->session || dbr_session_state(c->session) >= DBR_SESSION_CLOSING ||
            !gate_key_withdrawn(c))
            continue;
        client_kick(c, "AUTH_FAILED,Gate key withdrawn", "gate key withdrawn: session ended");
        n++;
    }
    return n;
}

void withdrawn_changed(struct control *ctl, bool missing, int fd)
{
    const char *name = ctl->cfg->tls_crypt_v2_withdrawn;
    char why[WHY] = "it is gone or cannot be read";
    size_t len;
    if (!name)
        return;
    char *text = missing || fd < 0 ? NULL : (char *)control_read_all(fd, &len);
    int err = text ? withdrawn_take(ctl, text, len, why, sizeof why) : DBR_ERR_IO;
    free(text);
    if (err) {
        dbr_log(ctl->log, DBR_LOG_ERROR,
                "ALARM: tls-crypt-v2-withdrawn: %s refused: %s; the last accepted list stays in force", name,
                why);
        return;
    }
    unsigned cut = withdrawn_cut(ctl);
    dbr_log(ctl->log, DBR_LOG_NOTICE,
            "tls-crypt-v2-withdrawn: %s: %zu keys withdrawn; %u live sessions ended", name, ctl->withdrawn.n,
            cut);
}
