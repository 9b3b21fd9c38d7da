/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The chain that a client's last handshake proved, kept so that a list that comes later, and the clock, can
 * be held against every certificate of it.
 */
#include "control/revocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACKED_MAX = 512 };

static void drop(struct chain **at)
{
    struct chain *h = *at;
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++)
        free(h->link[i].issuer);
    free(h->issuer_cert);
    free(h->subjects);
    free(h->tracked);
    for (size_t i = 0; i < CHAIN_MAX + 1; i++)
        free(h->certs[i].bytes);
    free(h);
    *at = NULL;
}

void chain_free(struct client *c)
{
    drop(&c->chain);
    drop(&c->shown_chain);
}

static int keep_link(struct chain *h, const struct dbr_x509 *x)
{
    struct link *l = &h->link[h->n];
    if (h->n == CHAIN_MAX)
        return DBR_ERR_LIMIT;
    l->issuer = malloc(x->issuer_len ? x->issuer_len : 1);
    if (!l->issuer)
        return DBR_ERR_NOMEM;
    memcpy(l->issuer, x->issuer, x->issuer_len);
    l->issuer_len = x->issuer_len;
    memcpy(l->serial, x->serial, x->serial_len);
    l->serial_len = x->serial_len;
    h->n++;
    return 0;
}

/* For tls-verify: one subject a line, the issuer first, as OpenVPN asks. */
static int keep_subjects(struct chain *h, const struct dbr_x509 *chain, size_t n)
{
    size_t len = 1;
    for (size_t i = 0; i < n; i++)
        len += strlen(chain[i].subject) + 1;
    h->subjects = calloc(1, len);
    for (size_t i = n; h->subjects && i-- > 0;) {
        strcat(h->subjects, chain[i].subject);
        strcat(h->subjects, "\n");
    }
    h->n_subjects = n;
    return h->subjects ? 0 : DBR_ERR_NOMEM;
}

/* For tls-export-cert. */
static int keep_certs(struct chain *h, const struct dbr_x509 *chain, size_t n)
{
    for (size_t i = 0; i < n && i < CHAIN_MAX + 1; i++) {
        struct der *d = &h->certs[i];
        dbr_x509_der(&chain[i], NULL, 0, &d->len);
        d->bytes = malloc(d->len ? d->len : 1);
        if (!d->bytes || dbr_x509_der(&chain[i], d->bytes, d->len, &d->len))
            return DBR_ERR_NOMEM;
    }
    return 0;
}

/* One field of one certificate as a line behind the others. */
static int track(struct chain *h, const struct dbr_x509 *x, size_t depth, const char *field)
{
    char value[TRACKED_MAX], safe[TRACKED_MAX], line[TRACKED_MAX + 96];
    if (dbr_x509_field(x, field, value, sizeof value))
        return 0; /* it has none */
    int n = snprintf(line, sizeof line, "X509_%zu_%.48s=%s\n", depth, field,
                     dbr_log_escape(safe, sizeof safe, value, strlen(value)));
    size_t was = h->tracked ? strlen(h->tracked) : 0;
    char *more = realloc(h->tracked, was + (size_t)n + 1);
    if (!more)
        return DBR_ERR_NOMEM;
    memcpy(more + was, line, (size_t)n + 1);
    h->tracked = more;
    return 0;
}

/* x509-track: FIELD of the own certificate, +FIELD of each. */
static int keep_tracked(struct chain *h, const struct dbr_conf_list *fields, const struct dbr_x509 *chain,
                        size_t n)
{
    int err = 0;
    for (size_t i = 0; i < fields->n; i++) {
        bool all = *fields->v[i] == '+';
        for (size_t depth = 0; !err && depth < (all ? n : 1); depth++)
            err = track(h, &chain[depth], depth, fields->v[i] + all);
    }
    return err;
}

/* For OCSP: whom to ask, and with whose name. A certificate that cannot be had leaves the question unasked.
 */
static void keep_for_ocsp(struct chain *h, const struct dbr_x509 *chain, size_t n)
{
    size_t len = 0;
    dbr_x509_ocsp_url(&chain[0], h->ocsp_url, sizeof h->ocsp_url);
    if (n < 2)
        return;
    dbr_x509_der(&chain[1], NULL, 0, &len);
    h->issuer_cert = len && len <= DBR_IPC_CERT_MAX ? malloc(len) : NULL;
    if (h->issuer_cert && !dbr_x509_der(&chain[1], h->issuer_cert, len, &len))
        h->issuer_cert_len = len;
}

int chain_keep(struct client *c, const struct dbr_x509 *chain, size_t n)
{
    int err = 0;
    drop(&c->shown_chain);
    struct chain *h = c->shown_chain = calloc(1, sizeof *h);
    if (!h)
        return DBR_ERR_NOMEM;
    h->not_after = INT64_MAX;
    memcpy(h->fingerprint, chain[0].sha256, sizeof h->fingerprint);
    for (size_t i = 0; i < n && !err; i++) {
        bool root = i + 1 == n && n > 1;
        if (chain[i].not_after < h->not_after)
            h->not_after = chain[i].not_after;
        err = root ? 0 : keep_link(h, &chain[i]);
    }
    if (!err && c->ctl->cfg->ocsp.on)
        keep_for_ocsp(h, chain, n);
    if (!err && c->ctl->cfg->tls_verify)
        err = keep_subjects(h, chain, n);
    if (!err && c->ctl->cfg->tls_verify && c->ctl->cfg->tls_export_cert)
        err = keep_certs(h, chain, n);
    if (!err)
        err = keep_tracked(h, &c->ctl->cfg->x509_track, chain, n);
    if (err)
        drop(&c->shown_chain);
    return err;
}

void chain_adopt(struct client *c)
{
    if (!c->shown_chain)
        return;
    drop(&c->chain);
    c->chain = c->shown_chain;
    c->shown_chain = NULL;
    expiry_note(c);
    ocsp_follow(c);
}

bool chain_stands(const struct client *c)
{
    const struct chain *h = c->chain;
    for (size_t i = 0; h && c->ctl->trust && i < h->n; i++) {
        const struct link *l = &h->link[i];
        if (dbr_trust_check(c->ctl->trust, l->issuer, l->issuer_len, l->serial, l->serial_len,
                            c->ctl->now.unix_s, NULL) == DBR_VERDICT_REVOKED)
            return false;
    }
    return true;
}
