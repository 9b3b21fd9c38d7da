/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * May this certificate cross? OpenSSL has checked the chain; here come the purpose and name rules of the
 * configuration and the revocation lists.
 */
#include "client/rules.h"
#include "control/revocation.h"
#include "control/state.h"
#include "base/secret.h"
#include "crypto/kdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int verdict_rules(struct control *ctl)
{
    dbr_rules_of(&ctl->rules, ctl->cfg);
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
    if (dbr_prints_check(ctl->cfg, chain, n, why, cap))
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
        !dbr_print_listed(&ctl->cfg->peer_fingerprint, c->chain->fingerprint))
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
