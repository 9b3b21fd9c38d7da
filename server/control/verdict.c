/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * May this certificate cross? OpenSSL has checked the chain; here come the purpose and name rules of the
 * configuration and the revocation lists.
 */
#include "control/revocation.h"
#include "control/state.h"
#include "base/secret.h"
#include "crypto/kdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum dbr_x509_role role_of(int configured)
{
    return configured == DBR_CERT_ROLE_SERVER   ? DBR_X509_ROLE_SERVER
           : configured == DBR_CERT_ROLE_CLIENT ? DBR_X509_ROLE_CLIENT
                                                : DBR_X509_ROLE_ANY;
}

static enum dbr_x509_name_rule name_rule(const struct dbr_conf_x509_name *n)
{
    if (!n->name)
        return DBR_NAME_NONE;
    switch (n->type) {
    case DBR_X509_NAME_SUBJECT: return DBR_NAME_SUBJECT;
    case DBR_X509_NAME_NAME: return DBR_NAME_CN;
    case DBR_X509_NAME_PREFIX: return DBR_NAME_CN_PREFIX;
    }
    return DBR_NAME_NONE;
}

int verdict_rules(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    struct dbr_x509_rules *r = &ctl->rules;
    r->remote_cert_tls = role_of(cfg->remote_cert_tls);
    r->ns_cert_type = role_of(cfg->ns_cert_type);
    r->eku = cfg->remote_cert_eku;
    r->name_rule = name_rule(&cfg->verify_x509_name);
    r->name = cfg->verify_x509_name.name;
    if (DBR_IS_SET(cfg, remote_cert_ku) && !cfg->remote_cert_ku.n)
        r->ku[r->n_ku++] = DBR_X509_KU_ANY;
    for (size_t i = 0; i < cfg->remote_cert_ku.n && r->n_ku < DBR_X509_KU_MAX; i++)
        r->ku[r->n_ku++] = (unsigned)strtoul(cfg->remote_cert_ku.v[i], NULL, 16);
    return 0;
}

/* A folder has lists of those CAs that made one, as with OpenVPN; whoever names a list wants it of each. */
static bool list_may_lack(const struct dbr_config *cfg)
{
    return cfg->capath && (!DBR_IS_SET(cfg, crl_verify) || cfg->crl_verify.dir) && !cfg->crl_url.path;
}

static enum dbr_verify check_lists(struct control *ctl, const struct dbr_x509 *cert, bool leaf, char *why,
                                   size_t cap)
{
    enum dbr_verdict v = dbr_trust_check(ctl->trust, cert->issuer, cert->issuer_len, cert->serial,
                                         cert->serial_len, ctl->now.unix_s, NULL);
    if (dbr_verdict_good(v) || (v == DBR_VERDICT_NO_CRL && (!leaf || list_may_lack(ctl->cfg))))
        return DBR_VERIFY_OK;
    snprintf(why, cap, "%s", dbr_verdict_text(v));
    return v == DBR_VERDICT_REVOKED ? DBR_VERIFY_REVOKED : DBR_VERIFY_BAD;
}

/* As `openssl x509 -fingerprint -sha256` has it, without its colons. */
static bool is_listed(const struct dbr_conf_list *prints, const uint8_t sha256[32])
{
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    for (size_t i = 0; i < prints->n; i++)
        if (strcmp(prints->v[i], hex) == 0)
            return true;
    return false;
}

static enum dbr_verify check_prints(struct control *ctl, const struct dbr_x509 *chain, size_t n, char *why,
                                    size_t cap)
{
    const struct dbr_config *cfg = ctl->cfg;
    if (cfg->peer_fingerprint.n && !is_listed(&cfg->peer_fingerprint, chain[0].sha256)) {
        snprintf(why, cap, "its fingerprint is not in peer-fingerprint");
        return DBR_VERIFY_BAD;
    }
    if (cfg->verify_hash.n && (n < 2 || !is_listed(&cfg->verify_hash, chain[1].sha256))) {
        snprintf(why, cap, "its issuer's fingerprint is not that of verify-hash");
        return DBR_VERIFY_BAD;
    }
    return DBR_VERIFY_OK;
}

enum dbr_verify verdict_chain(void *arg, void *session_arg, const struct dbr_x509 *chain, size_t n, char *why,
                              size_t cap)
{
    struct control *ctl = arg;
    struct dbr_session *s = session_arg;
    struct client *c = dbr_session_owner(s);
    for (size_t i = 0; i < n; i++)
        if (folder_names(ctl, chain[i].serial, chain[i].serial_len)) {
            snprintf(why, cap, "certificate revoked");
            c->fault = DBR_METRIC_HS_REVOKED;
            return DBR_VERIFY_REVOKED;
        }
    for (size_t i = 0; ctl->crl_wanted && i < n; i++) {
        bool root = i + 1 == n && n > 1;
        enum dbr_verify v = root ? DBR_VERIFY_OK : check_lists(ctl, &chain[i], i == 0, why, cap);
        if (v != DBR_VERIFY_OK) {
            c->fault = v == DBR_VERIFY_REVOKED ? DBR_METRIC_HS_REVOKED : DBR_METRIC_HS_CERT;
            return v;
        }
    }
    c->fault = DBR_METRIC_HS_CERT;
    if (check_prints(ctl, chain, n, why, cap) != DBR_VERIFY_OK)
        return DBR_VERIFY_BAD;
    if (dbr_x509_check_rules(&chain[0], &ctl->rules, why, cap))
        return DBR_VERIFY_BAD;
    if (chain_keep(c, chain, n)) {
        snprintf(why, cap, "the chain is too long, or memory is short");
        return DBR_VERIFY_BAD;
    }
    for (size_t i = n; i-- > 0;)
        client_log(c, DBR_LOG_INFO, "VERIFY OK: depth=%zu, %s", i, chain[i].subject);
    c->fault = 0;
    return DBR_VERIFY_OK;
}

/* The name behind a hash, if a list in force is of that issuer. */
static bool find_issuer(struct control *ctl, struct admitted *a)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    size_t n = dbr_trust_lists(ctl->trust, lists), len;
    for (size_t i = 0; i < n; i++) {
        uint8_t hash[32];
        const uint8_t *name = dbr_crl_issuer(lists[i], &len);
        struct dbr_part part = {name, len};
        dbr_sha256(&part, 1, hash);
        if (!a->issuer && dbr_secret_equal(hash, a->issuer_hash, sizeof hash) && (a->issuer = malloc(len))) {
            memcpy(a->issuer, name, len);
            a->issuer_len = len;
        }
        dbr_crl_free(lists[i]);
    }
    return a->issuer;
}

bool verdict_stands(struct client *c)
{
    struct control *ctl = c->ctl;
    struct admitted *a = c->adm;
    if (ctl->cfg->peer_fingerprint.n && c->chain &&
        !is_listed(&ctl->cfg->peer_fingerprint, c->chain->fingerprint))
        return false;
    if (!folder_spares(c))
        return false;
    if (!ctl->crl_wanted || (!a->issuer && !find_issuer(ctl, a)))
        return true;
    if (!chain_stands(c)) /* an intermediate counts too */
        return false;
    return dbr_trust_check(ctl->trust, a->issuer, a->issuer_len, a->serial, a->serial_len, ctl->now.unix_s,
                           NULL) != DBR_VERDICT_REVOKED;
}
