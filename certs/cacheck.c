/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ca.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/ca_parts.h"
#include "certs/say.h"

struct check {
    const struct dbr_ca *ca;
    dbr_ca_finding *found;
    void *arg;
    int errors;
};

static void tell(struct check *k, bool error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void tell(struct check *k, bool error, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    k->errors += error;
    k->found(k->arg, error, text);
}

/* --- database against certificates
 * ---------------------------------------------------------------------------- */

static int by_serial(const void *a, const void *b)
{
    const struct dbr_index_entry *const *x = a, *const *y = b;
    return dbr_serial_compare(&(*x)->serial, &(*y)->serial);
}

static void check_doubles(struct check *k)
{
    size_t n = dbr_index_count(k->ca->index);
    char text[DBR_SERIAL_TEXT];
    const struct dbr_index_entry **v = malloc((n + 1) * sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = dbr_index_at(k->ca->index, i);
    if (v)
        qsort(v, n, sizeof *v, by_serial);
    for (size_t i = 1; v && i < n; i++)
        if (by_serial(&v[i - 1], &v[i]) == 0)
            tell(k, true, "serial %s is in index.txt twice", dbr_serial_text(&v[i]->serial, text));
    free(v);
}

static bool same_time(const ASN1_TIME *t, int64_t unix_seconds)
{
    return ASN1_TIME_cmp_time_t(t, (time_t)unix_seconds) == 0;
}

static void check_entry(struct check *k, const struct dbr_index_entry *e)
{
    char path[DBR_STORE_PATH], text[DBR_SERIAL_TEXT];
    struct dbr_serial serial;
    dbr_serial_text(&e->serial, text);
    X509 *c = read_cert(k->ca->store, dbr_ca_cert_path(k->ca, &e->serial, path));
    if (!c) {
        /* A reserved serial that was revoked never had a file. */
        tell(k, e->status != 'R', "%s (%s): the certificate is missing or broken", path, e->subject);
        return;
    }
    char *subject = X509_NAME_oneline(X509_get_subject_name(c), NULL, 0);
    if (!cert_serial(c, &serial) || !dbr_serial_equal(&serial, &e->serial))
        tell(k, true, "%s has another serial than its name", path);
    if (!subject || strcmp(subject, e->subject) != 0)
        tell(k, true, "%s is of %s, index.txt says %s", path, subject ? subject : "?", e->subject);
    if (!same_time(X509_get0_notAfter(c), e->expires))
        tell(k, true, "%s ends at another time than index.txt says", path);
    if (X509_verify(c, X509_get0_pubkey(k->ca->cert)) != 1)
        tell(k, true, "%s is not signed by this CA", path);
    OPENSSL_free(subject);
    X509_free(c);
    ERR_clear_error();
}

static int check_file(void *arg, const char *name)
{
    struct check *k = arg;
    struct dbr_serial serial;
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".pem") != 0)
        return 0;
    if (!dbr_serial_parse(&serial, name, n - 4))
        tell(k, false, "%s/%s: not named by a serial", k->ca->conf.newcerts, name);
    else if (dbr_index_find(k->ca->index, &serial) < 0)
        tell(k, true, "%s/%s was signed but is in no line of index.txt", k->ca->conf.newcerts, name);
    return 0;
}

static int check_reserved(void *arg, const char *name)
{
    struct check *k = arg;
    struct dbr_serial serial;
    size_t n = strlen(name);
    if (n > 4 && dbr_serial_parse(&serial, name, n - 4))
        tell(k, false,
             "serial %.*s was reserved by a command that died; \"drawbridge-ca revoke %.*s\" lists it in the "
             "CRL",
             (int)(n - 4), name, (int)(n - 4), name);
    return 0;
}

/* issued/NAME.crt must be one of those in the database. */
static int check_issued(void *arg, const char *name)
{
    struct check *k = arg;
    struct dbr_serial serial;
    char path[DBR_STORE_PATH];
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".crt") != 0)
        return 0;
    X509 *c = read_cert(k->ca->store, dbr_ca_path(k->ca->conf.issued, name, "", path));
    if (!c)
        tell(k, true, "%s: no certificate in it", path);
    else if (EVP_PKEY_eq(X509_get0_pubkey(c), X509_get0_pubkey(k->ca->cert)) != 1 &&
             (!cert_serial(c, &serial) || dbr_index_find(k->ca->index, &serial) < 0))
        tell(k, true, "%s is in no line of index.txt", path);
    X509_free(c);
    ERR_clear_error();
    return 0;
}

/* --- counters
 * ------------------------------------------------------------------------------------------------- */

static void check_serial(struct check *k)
{
    struct dbr_serial next;
    char why[256], text[DBR_SERIAL_TEXT];
    bool needed = strcmp(k->ca->conf.serials, "sequential") == 0;
    int err = read_number(k->ca->store, DBR_CA_SERIAL, &next, why, sizeof why);
    if (err) {
        tell(k, needed, "%s", why);
        return;
    }
    if (dbr_index_find(k->ca->index, &next) >= 0)
        tell(k, needed, "the next serial %s is in use already", dbr_serial_text(&next, text));
}

/* --- the CRL
 * -------------------------------------------------------------------------------------------------- */

static void compare_lists(struct check *k, const struct dbr_crl *crl)
{
    size_t listed = 0;
    char text[DBR_SERIAL_TEXT];
    for (size_t i = 0; i < dbr_index_count(k->ca->index); i++) {
        const struct dbr_index_entry *e = dbr_index_at(k->ca->index, i);
        bool in = dbr_crl_lookup(crl, e->serial.b, sizeof e->serial.b, NULL);
        listed += in;
        if (in != (e->status == 'R') && e->expires > k->ca->now)
            tell(k, true, "serial %s is %s in index.txt but %s in " DBR_CA_CRL ": run \"drawbridge-ca crl\"",
                 dbr_serial_text(&e->serial, text), e->status == 'R' ? "revoked" : "not revoked",
                 in ? "listed" : "not listed");
    }
    if (listed < dbr_crl_count(crl))
        tell(k, true, DBR_CA_CRL " lists %zu serials that are in no line of index.txt",
             dbr_crl_count(crl) - listed);
}

static void check_number(struct check *k, const struct dbr_crl *crl)
{
    struct dbr_serial next, last;
    char why[256];
    size_t n;
    const uint8_t *p = dbr_crl_number(crl, &n);
    if (read_number(k->ca->store, DBR_CA_CRLNUMBER, &next, why, sizeof why) != 0)
        tell(k, true, "%s", why);
    else if (!p)
        tell(k, false, DBR_CA_CRL " has no crlNumber: \"drawbridge-ca crl\" makes one that has");
    else if (dbr_serial_set(&last, p, n) && dbr_serial_compare(&next, &last) <= 0)
        tell(k, true, "crlnumber is not above that of " DBR_CA_CRL);
}

static void check_crl(struct check *k)
{
    struct dbr_issuers *issuers = NULL;
    struct dbr_crl *v[DBR_CRL_MAX_LISTS];
    uint8_t *cert = NULL, *pem = NULL;
    size_t cert_len, len, n = 0;
    char why[512] = "", text[128];
    int err =
        dbr_store_read(k->ca->store, k->ca->conf.ca_cert, DBR_CERT_MAX, &cert, &cert_len, why, sizeof why);
    if (!err)
        err = dbr_issuers_parse(&issuers, cert, cert_len, why, sizeof why);
    if (!err)
        err = dbr_store_read(k->ca->store, DBR_CA_CRL, DBR_CRL_MAX_BYTES, &pem, &len, why, sizeof why);
    if (!err)
        err = dbr_crl_parse_file(v, &n, issuers, pem, len, k->ca->now, why, sizeof why);
    if (err)
        tell(k, err != DBR_ERR_NOTFOUND || pem != NULL, DBR_CA_CRL ": %s", why);
    if (n && dbr_crl_next_update(v[0]) <= k->ca->now)
        tell(k, false, DBR_CA_CRL " has expired (%s): run \"drawbridge-ca crl\"",
             dbr_crl_text(v[0], text, sizeof text));
    if (n) {
        check_number(k, v[0]);
        compare_lists(k, v[0]);
    }
    while (n)
        dbr_crl_free(v[--n]);
    dbr_issuers_free(issuers);
    free(cert);
    free(pem);
}

/* --- keys and the CA itself
 * ----------------------------------------------------------------------------------- */

static int check_key_file(struct check *k, const char *path)
{
    uint8_t *pem;
    size_t len;
    char why[256];
    unsigned mode = dbr_store_mode_of(k->ca->store, path);
    int err = dbr_store_read(k->ca->store, path, DBR_KEY_FILE_MAX, &pem, &len, why, sizeof why);
    if (err) {
        tell(k, true, "%s: %s", path, why);
        return 0;
    }
    enum dbr_key_protection p = dbr_key_protection(pem, len);
    dbr_wipe(pem, len);
    free(pem);
    if (p != DBR_KEY_NONE && (mode & 077))
        tell(k, true, "%s can be read by others (mode %04o): chmod 600", path, mode);
    if (p == DBR_KEY_WEAK)
        tell(k, false, "%s is encrypted in an old, weak way: openssl pkey -aes256 writes it anew", path);
    if (p == DBR_KEY_PLAIN && strcmp(path, k->ca->conf.ca_key) == 0)
        tell(k, false, "%s, the CA's key, is not encrypted", path);
    return 0;
}

static int check_private(void *arg, const char *name)
{
    struct check *k = arg;
    char path[DBR_STORE_PATH];
    size_t n = strlen(name);
    if (n > 4 && (strcmp(name + n - 4, ".key") == 0 || strcmp(name + n - 4, ".pem") == 0))
        return check_key_file(k, dbr_ca_path(k->ca->conf.private_dir, name, "", path));
    return 0;
}

static void check_ca_cert(struct check *k)
{
    X509 *c = k->ca->cert;
    if (X509_check_ca(c) != 1)
        tell(k, true, "%s is not a CA certificate", k->ca->conf.ca_cert);
    if (!(X509_get_key_usage(c) & KU_KEY_CERT_SIGN) || !(X509_get_key_usage(c) & KU_CRL_SIGN))
        tell(k, true, "%s may not sign certificates and CRLs (keyUsage)", k->ca->conf.ca_cert);
    if (!dbr_key_type_of(X509_get0_pubkey(c)))
        tell(k, false, "the CA's key is of a kind that we would not make today");
    int64_t now = k->ca->now;
    if (ASN1_TIME_cmp_time_t(X509_get0_notAfter(c), now) <= 0)
        tell(k, true, "the CA's certificate has expired");
    else if (ASN1_TIME_cmp_time_t(X509_get0_notAfter(c), now + 180 * 86400) <= 0)
        tell(k, false, "the CA's certificate ends within 180 days: drawbridge-ca renew --ca");
    if (k->ca->key && X509_check_private_key(c, k->ca->key) != 1)
        tell(k, true, "%s is not the key of %s", k->ca->conf.ca_key, k->ca->conf.ca_cert);
    ERR_clear_error();
}

int dbr_ca_verify(const struct dbr_ca *ca, dbr_ca_finding *found, void *arg)
{
    struct check k = {.ca = ca, .found = found, .arg = arg};
    check_ca_cert(&k);
    check_doubles(&k);
    for (size_t i = 0; i < dbr_index_count(ca->index); i++)
        check_entry(&k, dbr_index_at(ca->index, i));
    dbr_store_each(ca->store, ca->conf.newcerts, check_file, &k);
    dbr_store_each(ca->store, ca->conf.issued, check_issued, &k);
    dbr_store_each(ca->store, DBR_CA_RESERVED, check_reserved, &k);
    check_serial(&k);
    check_crl(&k);
    dbr_store_each(ca->store, ca->conf.private_dir, check_private, &k);
    return k.errors;
}
