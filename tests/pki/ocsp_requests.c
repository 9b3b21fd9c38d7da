/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Writes odd OCSP requests that openssl cannot make, for serve.sh:
 *     ocsp_requests CA-CERT FOLDER
 * nonce0, nonce1, nonce16, nonce128, nonce129, nonce4096; ids (200 of them: as many as fit into 16 kB);
 * critical (an unknown extension); hash (MD5).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/pem.h>

#include "certs/der.h"
#include "certs/derout.h"

static const uint8_t sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
static const uint8_t md5[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05};
static const uint8_t nonce_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
static const uint8_t odd_oid[] = {0x2a, 0x03, 0x04};

struct odd {
    const char *name;
    int ids;
    long nonce; /* -1: none */
    bool critical, md5;
};

static void put_request(struct dbr_derout *o, X509 *ca, const struct odd *r)
{
    uint8_t name[64], key[64];
    unsigned n = 0, k = 0;
    const EVP_MD *md = r->md5 ? EVP_md5() : EVP_sha1();
    X509_NAME_digest(X509_get_subject_name(ca), md, name, &n);
    X509_pubkey_digest(ca, md, key, &k);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_tlv(o, DBR_DER_OID, r->md5 ? md5 : sha1, r->md5 ? sizeof md5 : sizeof sha1);
    dbr_derout_tlv(o, 0x05, "", 0);
    dbr_derout_end(o);
    dbr_derout_tlv(o, DBR_DER_OCTETS, name, n);
    dbr_derout_tlv(o, DBR_DER_OCTETS, key, k);
    dbr_derout_unsigned(o, "\7", 1);
    dbr_derout_end(o);
    dbr_derout_end(o);
}

static void put_extension(struct dbr_derout *o, const struct odd *r)
{
    static const uint8_t zeros[4096];
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_tlv(o, DBR_DER_OID, r->critical ? odd_oid : nonce_oid,
                   r->critical ? sizeof odd_oid : sizeof nonce_oid);
    if (r->critical)
        dbr_derout_tlv(o, DBR_DER_BOOLEAN, "\xff", 1);
    dbr_derout_begin(o, DBR_DER_OCTETS);
    dbr_derout_tlv(o, DBR_DER_OCTETS, zeros, r->nonce < 0 ? 0 : (size_t)r->nonce);
    dbr_derout_end(o);
    dbr_derout_end(o);
}

static void put_all(struct dbr_derout *o, X509 *ca, const struct odd *r)
{
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_begin(o, DBR_DER_SEQ);
    for (int i = 0; i < r->ids; i++)
        put_request(o, ca, r);
    dbr_derout_end(o);
    if (r->nonce >= 0 || r->critical) {
        dbr_derout_begin(o, DBR_DER_CTX0 + 2);
        dbr_derout_begin(o, DBR_DER_SEQ);
        put_extension(o, r);
        dbr_derout_end(o);
        dbr_derout_end(o);
    }
    dbr_derout_end(o);
    dbr_derout_end(o);
}

static bool write_one(const char *folder, X509 *ca, const struct odd *r)
{
    char path[4096];
    struct dbr_derout o = {0};
    put_all(&o, ca, r);
    snprintf(path, sizeof path, "%s/%s", folder, r->name);
    FILE *f = dbr_derout_ok(&o) ? fopen(path, "wb") : NULL;
    bool ok = f && fwrite(o.p, 1, o.n, f) == o.n;
    if (f && fclose(f) != 0)
        ok = false;
    dbr_derout_free(&o);
    return ok;
}

int main(int argc, char **argv)
{
    static const struct odd all[] = {
        {"nonce0", 1, 0, false, false},     {"nonce1", 1, 1, false, false},
        {"nonce16", 1, 16, false, false},   {"nonce128", 1, 128, false, false},
        {"nonce129", 1, 129, false, false}, {"nonce4096", 1, 4096, false, false},
        {"ids", 200, -1, false, false},     {"critical", 1, -1, true, false},
        {"hash", 1, -1, false, true},
    };
    FILE *f = argc == 3 ? fopen(argv[1], "r") : NULL;
    X509 *ca = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    bool ok = ca && (mkdir(argv[2], 0755) == 0 || errno == EEXIST);
    for (size_t i = 0; ok && i < sizeof all / sizeof all[0]; i++)
        ok = write_one(argv[2], ca, &all[i]);
    X509_free(ca);
    if (f)
        fclose(f);
    return ok ? 0 : 1;
}
