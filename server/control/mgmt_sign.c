/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Managers have our private key (management-external-key), or know our certificate
 * (management-external-cert). The certificate is asked for once, before the start. Signatures are asked for
 * one after the other: sessions that need one stand in a queue, and everything else goes on; who is not
 * answered ends with its hand-window.
 */
#include "base/base64.h"
#include "control/mgmt_io.h"
#include "crypto/b64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_MAX = 1024, TEXT_MAX = 4 * DBR_SIGN_DATA_MAX / 3 + 8 };

struct signing {
    struct signing *next;
    struct client *client;
    struct dbr_sign_request request;
};

/* ---- signatures ---- */

static void ask_first(struct control *ctl)
{
    struct management *g = ctl->management;
    char text[TEXT_MAX];
    const struct signing *s = g->signings;
    if (!s)
        mgmt_unask(g->mgmt, MGMT_ASK_SIGNATURE);
    else if (dbr_b64_encode(s->request.data, s->request.n, text, sizeof text) > 0)
        mgmt_ask(g->mgmt, MGMT_ASK_SIGNATURE, "%s,%s", text, s->request.algorithm);
}

void management_sign(void *arg, void *session_arg, const struct dbr_sign_request *r)
{
    struct control *ctl = arg;
    struct management *g = ctl->management;
    struct client *c = dbr_session_owner(session_arg);
    struct signing *s = g && g->n_signings < QUEUE_MAX ? malloc(sizeof *s) : NULL, **end;
    if (!s)
        return; /* its hand-window ends it */
    *s = (struct signing){.client = c, .request = *r};
    for (end = &g->signings; *end; end = &(*end)->next)
        ;
    *end = s;
    g->n_signings++;
    if (!mgmt_anybody(g->mgmt))
        client_log(c, DBR_LOG_NOTICE, "MANAGEMENT: waiting for a manager to sign (management-external-key)");
    if (g->signings == s)
        ask_first(ctl);
}

/* Takes it out of the queue; the next one is asked for. */
static void drop(struct control *ctl, struct signing **at)
{
    struct signing *s = *at;
    bool first = at == &ctl->management->signings;
    *at = s->next;
    ctl->management->n_signings--;
    free(s);
    if (first)
        ask_first(ctl);
}

void management_sign_forget(struct client *c)
{
    struct management *g = c->ctl->management;
    for (struct signing **at = g ? &g->signings : NULL; at && *at;) {
        if ((*at)->client == c)
            drop(c->ctl, at);
        else
            at = &(*at)->next;
    }
}

static bool host_signature(void *arg, const char *lines)
{
    struct control *ctl = arg;
    uint8_t sig[DBR_SIGNATURE_MAX];
    long n = dbr_base64_decode(lines, strlen(lines), sig, sizeof sig);
    if (n <= 0 || !ctl->management->signings)
        return false;
    const struct signing *s = ctl->management->signings;
    struct client *c = s->client;
    int err = dbr_session_check_signature(c->session, &s->request, sig, (size_t)n);
    if (err == DBR_ERR_AUTH) { /* the question stands */
        client_log(
            c, DBR_LOG_NOTICE,
            "MANAGEMENT: pk-sig: that is not the signature that was asked for: it came late, or is made "
            "with another key than our certificate's");
        return false;
    }
    drop(ctl, &ctl->management->signings);
    if (!err)
        dbr_session_signed(c->session, sig, (size_t)n, &ctl->now);
    client_settle(c);
    return true;
}

/* ---- the certificate ---- */

/* PEM, or its lines alone. */
static bool host_certificate(void *arg, const char *lines)
{
    struct management *g = ((struct control *)arg)->management;
    const bool pem = strstr(lines, "-----BEGIN ");
    free(g->cert);
    if (asprintf(&g->cert, "%s%s%s", pem ? "" : "-----BEGIN CERTIFICATE-----\n", lines,
                 pem ? "" : "-----END CERTIFICATE-----\n") < 0)
        g->cert = NULL;
    if (g->cert)
        mgmt_unask(g->mgmt, MGMT_ASK_CERTIFICATE);
    return g->cert;
}

const char *management_cert(const struct control *ctl)
{
    const struct management *g = ctl->real ? ctl->real->management : ctl->management;
    return g ? g->cert : NULL;
}

unsigned management_signer(const struct dbr_config *cfg)
{
    static const char *const words[] = {"nopadding", "pkcs1", "pss", "digest"}; /* enum dbr_signer */
    unsigned signer = 0;
    for (size_t i = 0; i < cfg->management_external_key.n; i++)
        for (unsigned w = 0; w < 4; w++)
            if (strcmp(cfg->management_external_key.v[i], words[w]) == 0)
                signer |= 1u << w;
    return signer;
}

void management_sign_host(struct mgmt_host *h)
{
    h->certificate = host_certificate;
    h->signature = host_signature;
}

void management_sign_free(struct management *g)
{
    while (g->signings) {
        struct signing *s = g->signings;
        g->signings = s->next;
        free(s);
    }
    free(g->cert);
    g->cert = NULL;
}
