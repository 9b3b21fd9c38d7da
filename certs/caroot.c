/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The root's own renewal: the same name, key and extensions, new dates and a new serial. Whatever was issued
 * verifies under both certificates, so that they may be handed out in any order. One thing binds certificates
 * to one of them: an authorityKeyIdentifier that names the issuer's serial, as easy-rsa and old openssl.cnf
 * write it. Where a valid certificate has one, the serial stays.
 *
 * A sub-CA's certificate is renewed by the CA above; the one that comes back is put in the place of the old.
 */
#include "certs/ca.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/ca_parts.h"
#include "certs/say.h"
#include "certs/sign.h"

struct renewal {
    struct dbr_ca *ca;
    struct dbr_serial serial;
    char reserved[DBR_STORE_PATH]; /* "" where the serial stays: it is known already */
    struct dbr_derout tbs, cert;
    const uint8_t *chain; /* what comes with a certificate from above, or NULL */
    size_t chain_len;
    char *why;
    size_t cap;
};

/* A sub-CA's certificate is renewed by whoever signed it. */
static int check_root(const struct renewal *r)
{
    X509 *c = r->ca->cert;
    bool own = X509_name_cmp(X509_get_subject_name(c), X509_get_issuer_name(c)) == 0 &&
               X509_verify(c, r->ca->key) == 1;
    ERR_clear_error();
    return own ? 0
               : dbr_say(
                     DBR_ERR_CERT, r->why, r->cap,
                     "this CA was signed by another one: renew its certificate there, with the same key, and "
                     "bring it here with renew --ca --cert FILE");
}

static bool names_serial(X509 *c)
{
    bool yes = c && X509_get0_authority_serial(c) != NULL;
    ERR_clear_error();
    return yes;
}

static bool serial_is_bound(const struct dbr_ca *ca)
{
    bool bound = names_serial(ca->cert);
    for (size_t i = 0; i < dbr_index_count(ca->index) && !bound; i++) {
        const struct dbr_index_entry *e = dbr_index_at(ca->index, i);
        X509 *c = e->status == 'V' ? dbr_ca_certificate(ca, e) : NULL;
        bound = names_serial(c);
        X509_free(c);
    }
    return bound;
}

/* As for any certificate: the bytes are on the disk before there is a signature. */
static int reserve(struct renewal *r)
{
    struct dbr_store *store = r->ca->store;
    if (!*r->reserved)
        return 0;
    int err = dbr_store_mkdir(store, DBR_CA_RESERVED, 0700, r->why, r->cap);
    return err ? err : dbr_store_write_now(store, r->reserved, r->tbs.p, r->tbs.n, 0600, r->why, r->cap);
}

static int sign_root(struct renewal *r, int64_t from, int64_t until)
{
    struct dbr_ca *ca = r->ca;
    int err = redraft_tbs(ca->cert, &r->serial, from, until, ca->key, &r->tbs, r->why, r->cap);
    if (!err)
        err = reserve(r);
    if (!err)
        err = sign_tbs(ca->key, r->tbs.p, r->tbs.n, &r->cert, r->why, r->cap);
    const uint8_t *p = r->cert.p;
    X509 *made = err ? NULL : d2i_X509(NULL, &p, (long)r->cert.n);
    if (!err && (!made || X509_verify(made, ca->key) != 1))
        err = dbr_say(DBR_ERR_CRYPTO, r->why, r->cap, "the new CA certificate does not verify");
    if (err) {
        X509_free(made);
        return err;
    }
    X509_free(ca->cert);
    ca->cert = made;
    return 0;
}

/* The certificate, the one before it, and a CRL: by the new CRL web folders and `serve` see that there is
 * news. */
static int record(struct renewal *r)
{
    struct dbr_ca *ca = r->ca;
    uint8_t *old = NULL;
    size_t old_len, len;
    char *pem = pem_of("CERTIFICATE", r->cert.p, r->cert.n, &len);
    int err = pem ? dbr_store_read(ca->store, ca->conf.ca_cert, DBR_CERT_MAX, &old, &old_len, r->why, r->cap)
                  : dbr_say(DBR_ERR_NOMEM, r->why, r->cap, "out of memory");
    if (!err)
        err = dbr_store_put(ca->store, DBR_CA_OLD_CERT, old, old_len, 0644, DBR_PUT_REPLACE, r->why, r->cap);
    if (!err)
        err = dbr_store_put(ca->store, ca->conf.ca_cert, pem, len, 0644, DBR_PUT_REPLACE, r->why, r->cap);
    if (!err && r->chain)
        err = put_chain(ca, r->chain, r->chain_len, r->why, r->cap);
    if (!err && *r->reserved)
        err = dbr_store_delete(ca->store, r->reserved, r->why, r->cap);
    if (!err)
        err = put_crl(ca, r->why, r->cap);
    if (!err)
        err = dbr_store_commit(ca->store, r->why, r->cap);
    free(old);
    free(pem);
    return err;
}

static int choose_serial(struct renewal *r)
{
    char text[DBR_SERIAL_TEXT];
    if (serial_is_bound(r->ca))
        return cert_serial(r->ca->cert, &r->serial)
                   ? 0
                   : dbr_say(DBR_ERR_CERT, r->why, r->cap, "the CA's serial is negative or too long");
    int err = random_serial(&r->serial);
    dbr_ca_path(DBR_CA_RESERVED, dbr_serial_text(&r->serial, text), ".tbs", r->reserved);
    return err ? dbr_say(err, r->why, r->cap, "no random numbers") : 0;
}

int dbr_ca_renew_root(struct dbr_ca *ca, int64_t life_s, struct dbr_issued *got, char *why, size_t cap)
{
    struct renewal r = {.ca = ca, .why = why, .cap = cap};
    int64_t until = ca->now + (life_s ? life_s : ca->conf.life_s[DBR_PROFILE_CA]);
    *got = (struct dbr_issued){.not_after = until};
    int err = ca->key ? check_root(&r) : dbr_say(DBR_ERR_STATE, why, cap, "the CA's key is locked");
    if (!err)
        err = choose_serial(&r);
    if (!err)
        err = sign_root(&r, ca->now - ca->conf.backdate_s, until);
    if (!err)
        err = record(&r);
    if (!err) {
        got->serial = r.serial;
        strcpy(got->cert, ca->conf.ca_cert);
    }
    dbr_derout_free(&r.tbs);
    dbr_derout_free(&r.cert);
    return err;
}

/* --- a certificate that comes from above
 * ----------------------------------------------------------------------------- */

static bool same_key_id(X509 *a, X509 *b)
{
    const ASN1_OCTET_STRING *x = X509_get0_subject_key_id(a), *y = X509_get0_subject_key_id(b);
    return x && y ? ASN1_OCTET_STRING_cmp(x, y) == 0 : !x && !y;
}

static bool same_serial(X509 *a, X509 *b)
{
    return ASN1_INTEGER_cmp(X509_get0_serialNumber(a), X509_get0_serialNumber(b)) == 0;
}

/* What has been issued must verify under it: same name, key and key identifier; and the serial where it is
 * named. */
static int check_replacement(const struct renewal *r, X509 *c)
{
    const struct dbr_ca *ca = r->ca;
    time_t now = (time_t)ca->now;
    const char *bad = NULL;
    if (!c || X509_check_ca(c) != 1)
        bad = "is not one of a CA";
    else if (X509_name_cmp(X509_get_subject_name(c), X509_get_subject_name(ca->cert)) != 0)
        bad = "has another name than this CA";
    else if (X509_check_private_key(c, ca->key) != 1)
        bad = "is not for this CA's key";
    else if (!same_key_id(c, ca->cert))
        bad = "has another subjectKeyIdentifier than the one before";
    else if (X509_cmp(c, ca->cert) == 0)
        bad = "is the one that is here already";
    else if (X509_cmp_time(X509_get0_notAfter(c), &now) <= 0 ||
             X509_cmp_time(X509_get0_notBefore(c), &now) > 0)
        bad = "is not valid now";
    else if (!same_serial(c, ca->cert) && serial_is_bound(ca))
        bad = "has another serial than the one that valid certificates name";
    ERR_clear_error();
    return bad ? dbr_say(DBR_ERR_CERT, r->why, r->cap, "the given certificate %s", bad) : 0;
}

/* Takes c over. */
static int replace(struct renewal *r, X509 *c, struct dbr_issued *got)
{
    struct tm tm = {0};
    uint8_t *der = NULL;
    int n = i2d_X509(c, &der);
    X509_free(r->ca->cert);
    r->ca->cert = c;
    if (n > 0)
        dbr_derout_raw(&r->cert, der, (size_t)n);
    OPENSSL_free(der);
    if (n <= 0 || !dbr_derout_ok(&r->cert))
        return dbr_say(DBR_ERR_NOMEM, r->why, r->cap, "out of memory");
    if (!cert_serial(c, &got->serial) || !ASN1_TIME_to_tm(X509_get0_notAfter(c), &tm))
        return dbr_say(DBR_ERR_CERT, r->why, r->cap, "the given certificate's serial or dates are wrong");
    got->not_after = (int64_t)timegm(&tm);
    strcpy(got->cert, r->ca->conf.ca_cert);
    return record(r);
}

int dbr_ca_replace_cert(struct dbr_ca *ca, const uint8_t *pem, size_t len, const uint8_t *chain,
                        size_t chain_len, struct dbr_issued *got, char *why, size_t cap)
{
    struct renewal r = {.ca = ca, .chain = chain, .chain_len = chain_len, .why = why, .cap = cap};
    *got = (struct dbr_issued){0};
    if (!ca->key)
        return dbr_say(DBR_ERR_STATE, why, cap, "the CA's key is locked");
    X509 *c = parse_cert(pem, len);
    int err = check_replacement(&r, c);
    if (err)
        X509_free(c);
    else
        err = replace(&r, c, got);
    dbr_derout_free(&r.cert);
    return err;
}
