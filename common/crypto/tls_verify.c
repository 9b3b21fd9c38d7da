/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The judgement of a peer's certificate, in this order: OpenSSL's chain check (signatures, dates, CA flags,
 * purpose, key sizes; where fingerprints take the CA's place only the dates), our own rules for the leaf, the
 * verify function of the configuration. The first refusal becomes the alert and the log line.
 */
#include "crypto/tls_int.h"

#include "base/err.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <string.h>

static const int verdict_errors[] = {
    [DBR_VERIFY_OK] = X509_V_OK,
    [DBR_VERIFY_REVOKED] = X509_V_ERR_CERT_REVOKED,
    [DBR_VERIFY_EXPIRED] = X509_V_ERR_CERT_HAS_EXPIRED,
    [DBR_VERIFY_BAD] = X509_V_ERR_CERT_REJECTED,
    [DBR_VERIFY_UNKNOWN_CA] = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
};

/* Sets the error that OpenSSL makes the alert of; the refusal's 0. */
static int refuse(X509_STORE_CTX *store, struct dbr_tls *t, int error, int depth, const struct dbr_x509 *x,
                  const char *reason)
{
    X509_STORE_CTX_set_error(store, error);
    if (!strncmp(reason, "VERIFY ", 7))
        tls_because(t, "%s", reason);
    else
        tls_because(t, "VERIFY ERROR: depth=%d, error=%s: %s, serial=%s", depth, reason, x->subject,
                    x->serial_dec);
    t->failure = DBR_ERR_CERT;
    return 0;
}

/* OpenSSL refused: the line names the certificate it was looking at. */
static int refuse_chain(X509_STORE_CTX *store, struct dbr_tls *t)
{
    int error = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);
    if (!cert)
        cert = X509_STORE_CTX_get0_cert(store);
    struct dbr_x509 x = {.subject = "?", .serial_dec = "?"};
    const char *reason = X509_verify_cert_error_string(error);
    if (cert)
        dbr_x509_from_cert(&x, cert, NULL, 0);
    if (cert && X509_get_extension_flags(cert) & EXFLAG_INVALID) { /* OpenSSL only finds no issuer for it */
        error = X509_V_ERR_CERT_REJECTED;
        reason = "malformed or repeated certificate extension";
    }
    refuse(store, t, error, depth, &x, reason);
    dbr_x509_fini(&x);
    return 0;
}

/* What makes a leaf unusable here though its chain is good. */
static const char *leaf_defect(const struct dbr_tls *t, const struct dbr_x509 *leaf)
{
    if (leaf->is_ca && !t->ctx->fingerprint) /* whoever is named by its fingerprint may have signed itself */
        return "a CA certificate cannot be a peer's own";
    if (!leaf->cn[0])
        return "no common name in the subject";
    return NULL;
}

static int ask(X509_STORE_CTX *store, struct dbr_tls *t, const struct dbr_x509 *chain, size_t n)
{
    char why[DBR_TLS_WHY_MAX] = "";
    const char *defect = leaf_defect(t, &chain[0]);
    if (defect)
        return refuse(store, t, X509_V_ERR_CERT_REJECTED, 0, &chain[0], defect);
    if (!t->ctx->verify)
        return 1;
    enum dbr_verify verdict = t->ctx->verify(t->ctx->arg, t->session_arg, chain, n, why, sizeof why);
    if (verdict == DBR_VERIFY_OK)
        return 1;
    int error = verdict_errors[verdict];
    return refuse(store, t, error, 0, &chain[0], why[0] ? why : X509_verify_cert_error_string(error));
}

/* Makes the views leaf first; one that cannot be made refuses the chain. */
static int judge_views(X509_STORE_CTX *store, struct dbr_tls *t, struct dbr_x509 *views, int n)
{
    char why[128];
    for (int i = 0; i < n; i++) {
        X509 *cert = t->ctx->fingerprint ? X509_STORE_CTX_get0_cert(store)
                                         : sk_X509_value(X509_STORE_CTX_get0_chain(store), i);
        if (dbr_x509_from_cert(&views[i], cert, why, sizeof why))
            return refuse(store, t, X509_V_ERR_CERT_REJECTED, i, &views[i], why);
    }
    if (dbr_x509_set_name(&views[0], t->ctx->name_fields, t->ctx->n_name_fields, why, sizeof why))
        return refuse(store, t, X509_V_ERR_CERT_REJECTED, 0, &views[0], why);
    if (!ask(store, t, views, (size_t)n))
        return 0;
    dbr_x509_fini(&t->peer);
    return !dbr_x509_copy(&t->peer, &views[0]);
}

/* Without a CA nobody vouches for a date or a signature but the list of fingerprints; the dates count still.
 */
static int check_dates(X509_STORE_CTX *store, struct dbr_tls *t)
{
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
    time_t set = X509_VERIFY_PARAM_get_time(param);
    time_t *at = X509_VERIFY_PARAM_get_flags(param) & X509_V_FLAG_USE_CHECK_TIME ? &set : NULL;
    int error = X509_V_OK;
    if (!cert)
        error = X509_V_ERR_UNSPECIFIED;
    else if (X509_cmp_time(X509_get0_notBefore(cert), at) > 0)
        error = X509_V_ERR_CERT_NOT_YET_VALID;
    else if (X509_cmp_time(X509_get0_notAfter(cert), at) < 0)
        error = X509_V_ERR_CERT_HAS_EXPIRED;
    if (error == X509_V_OK)
        return 1;
    X509_STORE_CTX_set_error(store, error);
    X509_STORE_CTX_set_current_cert(store, cert);
    return refuse_chain(store, t);
}

int tls_verify_chain(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dbr_tls *t = SSL_get_app_data(ssl);
    if (t->ctx->fingerprint) {
        if (!check_dates(store, t))
            return 0;
    } else if (X509_verify_cert(store) <= 0) {
        return refuse_chain(store, t);
    }
    int n = t->ctx->fingerprint ? 1 : sk_X509_num(X509_STORE_CTX_get0_chain(store));
    struct dbr_x509 *views = n > 0 ? OPENSSL_zalloc((size_t)n * sizeof *views) : NULL;
    int ok = 0;
    if (views)
        ok = judge_views(store, t, views, n);
    else
        X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
    for (int i = 0; views && i < n; i++)
        dbr_x509_fini(&views[i]);
    OPENSSL_free(views);
    return ok;
}
