/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/rules.h"
#include "base/err.h"

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

void dbr_rules_of(struct dbr_x509_rules *r, const struct dbr_config *cfg)
{
    *r = (struct dbr_x509_rules){0};
    r->remote_cert_tls = role_of(cfg->remote_cert_tls);
    r->ns_cert_type = role_of(cfg->ns_cert_type);
    r->eku = cfg->remote_cert_eku;
    r->name_rule = name_rule(&cfg->verify_x509_name);
    r->name = cfg->verify_x509_name.name;
    if (DBR_IS_SET(cfg, remote_cert_ku) && !cfg->remote_cert_ku.n)
        r->ku[r->n_ku++] = DBR_X509_KU_ANY;
    for (size_t i = 0; i < cfg->remote_cert_ku.n && r->n_ku < DBR_X509_KU_MAX; i++)
        r->ku[r->n_ku++] = (unsigned)strtoul(cfg->remote_cert_ku.v[i], NULL, 16);
}

/* As `openssl x509 -fingerprint -sha256` has it, without its colons. */
bool dbr_print_listed(const struct dbr_conf_list *prints, const uint8_t sha256[32])
{
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    for (size_t i = 0; i < prints->n; i++)
        if (strcmp(prints->v[i], hex) == 0)
            return true;
    return false;
}

int dbr_prints_check(const struct dbr_config *cfg, const struct dbr_x509 *chain, size_t n, char *why,
                     size_t cap)
{
    if (cfg->peer_fingerprint.n && !dbr_print_listed(&cfg->peer_fingerprint, chain[0].sha256)) {
        snprintf(why, cap, "its fingerprint is not in peer-fingerprint");
        return DBR_ERR_CERT;
    }
    if (cfg->verify_hash.n && (n < 2 || !dbr_print_listed(&cfg->verify_hash, chain[1].sha256))) {
        snprintf(why, cap, "its issuer's fingerprint is not that of verify-hash");
        return DBR_ERR_CERT;
    }
    return 0;
}
