/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/ca_parts.h"
#include "certs/derout.h"
#include "certs/pem.h"
#include "certs/say.h"

#define DEFAULT_CHAIN "chain.crt"

struct climb {
    X509 *below; /* who must have been signed by the next one; a reference */
    char *pem;   /* what was taken so far, on the heap */
    size_t len;
    const char *bad;
};

static int append(struct climb *m, const uint8_t *der, size_t len)
{
    size_t n;
    char *block = pem_of("CERTIFICATE", der, len, &n);
    char *grown = block ? realloc(m->pem, m->len + n) : NULL;
    if (grown) {
        memcpy(grown + m->len, block, n);
        m->pem = grown;
        m->len += n;
    }
    free(block);
    return grown ? 0 : DBR_ERR_NOMEM;
}

static int step(void *climb, const uint8_t *der, size_t len)
{
    struct climb *m = climb;
    const uint8_t *p = der;
    X509 *c = d2i_X509(NULL, &p, (long)len);
    m->bad = !c                      ? "has a block that is no certificate"
             : X509_check_ca(c) != 1 ? "has one that is not of a CA"
             : X509_verify(m->below, X509_get0_pubkey(c)) != 1 ||
                     X509_name_cmp(X509_get_issuer_name(m->below), X509_get_subject_name(c)) != 0
                 ? "has one that did not sign the one below it; the nearest stands first"
                 : NULL;
    ERR_clear_error();
    if (m->bad) {
        X509_free(c);
        return DBR_ERR_CERT;
    }
    X509_free(m->below);
    m->below = c;
    return append(m, der, len);
}

int chain_above(X509 *cert, const uint8_t *pem, size_t len, char **out, size_t *out_len, char *why,
                size_t cap)
{
    struct climb m = {.below = cert};
    X509_up_ref(cert);
    int err = dbr_pem_each(pem, len, "CERTIFICATE", step, &m);
    if (err == DBR_ERR_SHAPE)
        m.bad = "has a broken PEM block";
    else if (!err && !m.pem)
        m.bad = "has no certificate in it";
    X509_free(m.below);
    if (err || m.bad) {
        free(m.pem);
        return dbr_say(m.bad ? DBR_ERR_CERT : err, why, cap, "the given chain %s",
                       m.bad ? m.bad : dbr_err_text(err));
    }
    *out = m.pem;
    *out_len = m.len;
    return 0;
}

/* A CA that had none so far gets the line in its settings, which stay as they were written otherwise. */
static int name_chain(struct dbr_ca *ca, char *why, size_t cap)
{
    static const char line[] = "\nchain " DEFAULT_CHAIN "\n";
    uint8_t *text = NULL;
    size_t len;
    int err = dbr_store_read(ca->store, DBR_CA_CONF, DBR_CA_CONF_MAX, &text, &len, why, cap);
    char *longer = err ? NULL : malloc(len + sizeof line);
    if (!err && !longer)
        err = dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    if (!err) {
        memcpy(longer, text, len);
        memcpy(longer + len, line, sizeof line);
        err = dbr_store_put(ca->store, DBR_CA_CONF, longer, len + sizeof line - 1, 0640, DBR_PUT_REPLACE, why,
                            cap);
    }
    if (!err)
        strcpy(ca->conf.chain, DEFAULT_CHAIN);
    free(longer);
    free(text);
    return err;
}

int put_chain(struct dbr_ca *ca, const uint8_t *pem, size_t len, char *why, size_t cap)
{
    char *chain = NULL;
    size_t n;
    int err = chain_above(ca->cert, pem, len, &chain, &n, why, cap);
    if (!err && !*ca->conf.chain)
        err = name_chain(ca, why, cap);
    if (!err)
        err = dbr_store_put(ca->store, ca->conf.chain, chain, n, 0644, DBR_PUT_REPLACE, why, cap);
    free(chain);
    return err;
}

int dbr_ca_replace_chain(struct dbr_ca *ca, const uint8_t *pem, size_t len, char *why, size_t cap)
{
    int err = put_chain(ca, pem, len, why, cap);
    return err ? err : dbr_store_commit(ca->store, why, cap);
}
