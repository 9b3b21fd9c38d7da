/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/profile.h"

#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

static const struct dbr_profile profiles[DBR_PROFILES] = {
    [DBR_PROFILE_CA] = {.name = "ca",
                        .help = "the root: signs certificates, CRLs and one level of CAs below it",
                        .basic = "critical,CA:TRUE,pathlen:1",
                        .usage = "critical,keyCertSign,cRLSign",
                        .days = 3650},
    [DBR_PROFILE_SUB_CA] = {.name = "sub-ca",
                            .help = "a CA below the root, which signs no further CAs",
                            .basic = "critical,CA:TRUE,pathlen:0",
                            .usage = "critical,keyCertSign,cRLSign",
                            .points = true,
                            .days = 1825},
    [DBR_PROFILE_SERVER] = {.name = "server",
                            .help = "a concentrator",
                            .basic = "critical,CA:FALSE",
                            .usage = "critical,digitalSignature,keyEncipherment",
                            .extended = "serverAuth",
                            .ns_type = "server",
                            .points = true,
                            .host_name = true,
                            .days = 825},
    [DBR_PROFILE_CLIENT] = {.name = "client",
                            .help = "a road warrior",
                            .basic = "critical,CA:FALSE",
                            .usage = "critical,digitalSignature",
                            .extended = "clientAuth",
                            .ns_type = "client",
                            .points = true,
                            .days = 825},
    [DBR_PROFILE_SITE] = {.name = "site",
                          .help = "a second site: client of one concentrator, server of others",
                          .basic = "critical,CA:FALSE",
                          .usage = "critical,digitalSignature,keyEncipherment",
                          .extended = "serverAuth,clientAuth",
                          .ns_type = "server,client",
                          .points = true,
                          .host_name = true,
                          .days = 825},
    [DBR_PROFILE_OCSP] = {.name = "ocsp",
                          .help = "signs OCSP answers for this CA",
                          .basic = "critical,CA:FALSE",
                          .usage = "critical,digitalSignature",
                          .extended = "critical,OCSPSigning",
                          .no_check = true,
                          .days = 365},
};

const struct dbr_profile *dbr_profile(enum dbr_profile_id id)
{
    return &profiles[id];
}

int dbr_profile_find(const char *name)
{
    for (int i = 0; i < DBR_PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return i;
    return -1;
}

int dbr_profile_of(X509 *cert)
{
    uint32_t flags = X509_get_extension_flags(cert);
    uint32_t uses = flags & EXFLAG_XKUSAGE ? X509_get_extended_key_usage(cert) : 0;
    if (flags & EXFLAG_CA)
        return flags & EXFLAG_SS ? DBR_PROFILE_CA : DBR_PROFILE_SUB_CA;
    static const struct {
        uint32_t uses;
        int id;
    } rows[] = {{XKU_SSL_SERVER | XKU_SSL_CLIENT, DBR_PROFILE_SITE},
                {XKU_SSL_SERVER, DBR_PROFILE_SERVER},
                {XKU_SSL_CLIENT, DBR_PROFILE_CLIENT},
                {XKU_OCSP_SIGN, DBR_PROFILE_OCSP}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((uses & (XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_OCSP_SIGN)) == rows[i].uses)
            return rows[i].id;
    return -1;
}
