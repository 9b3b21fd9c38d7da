/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a certificate may be used for, as data: one row for each kind. The extension values are in the
 * notation of x509v3_config(5). nsCertType is kept for clients that still say `ns-cert-type`.
 */
#ifndef DBR_CERTS_PROFILE_H
#define DBR_CERTS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

enum dbr_profile_id {
    DBR_PROFILE_CA,
    DBR_PROFILE_SUB_CA,
    DBR_PROFILE_SERVER,
    DBR_PROFILE_CLIENT,
    DBR_PROFILE_SITE,
    DBR_PROFILE_OCSP,
    DBR_PROFILES,
};

struct dbr_profile {
    const char *name; /* as on the command line */
    const char *help;
    const char *basic;    /* basicConstraints */
    const char *usage;    /* keyUsage */
    const char *extended; /* extendedKeyUsage or NULL */
    const char *ns_type;  /* nsCertType or NULL */
    bool no_check;        /* id-pkix-ocsp-nocheck (RFC 6960, 4.2.2.2.1) */
    bool points;          /* AIA OCSP and CRL distribution point, where the CA has URLs */
    bool host_name;       /* a name that looks like a host becomes a DNS subjectAltName */
    int days;             /* default life */
};

const struct dbr_profile *dbr_profile(enum dbr_profile_id id);
/* By name; -1 if there is none. */
int dbr_profile_find(const char *name);
/* The row whose usages a certificate has, or -1. */
int dbr_profile_of(X509 *cert);

#endif
