/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/ca_parts.h"
#include "certs/der.h"
#include "certs/pem.h"
#include "certs/say.h"
#include "certs/sign.h"

char *pem_of(const char *label, const uint8_t *der, size_t n, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p, *copy = NULL;
    if (bio && PEM_write_bio(bio, label, "", der, (long)n) > 0) {
        long m = BIO_get_mem_data(bio, &p);
        copy = malloc((size_t)m + 1);
        if (copy) {
            memcpy(copy, p, (size_t)m);
            copy[m] = 0;
            *len = (size_t)m;
        }
    }
    BIO_free(bio);
    return copy;
}

int read_number(const struct dbr_store *store, const char *path, struct dbr_serial *out, char *why,
                size_t cap)
{
    uint8_t *text;
    size_t len;
    int err = dbr_store_read(store, path, 256, &text, &len, why, cap);
    if (!err && !dbr_serial_parse(out, (const char *)text, len))
        err = dbr_say(DBR_ERR_SHAPE, why, cap, "%s: no hexadecimal number in it", path);
    free(text);
    return err;
}

/* --- the list
 * ------------------------------------------------------------------------------------------------- */

/* Revoked certificates stay listed for 30 days after their end, for clocks that were set back. */
enum { KEEP_EXPIRED_S = 30 * 86400, HOLD = 6 };

static int by_serial(const void *a, const void *b)
{
    const struct dbr_index_entry *const *x = a, *const *y = b;
    return dbr_serial_compare(&(*x)->serial, &(*y)->serial);
}

/* The entries to list, sorted; NULL: out of memory. */
static const struct dbr_index_entry **revoked(const struct dbr_ca *ca, size_t *n)
{
    size_t all = dbr_index_count(ca->index);
    const struct dbr_index_entry **v = malloc((all + 1) * sizeof *v);
    *n = 0;
    for (size_t i = 0; v && i < all; i++) {
        const struct dbr_index_entry *e = dbr_index_at(ca->index, i);
        if (e->status == 'R' && e->expires + KEEP_EXPIRED_S > ca->now)
            v[(*n)++] = e;
    }
    if (v)
        qsort(v, *n, sizeof *v, by_serial);
    return v;
}

static void put_extension(struct dbr_derout *o, uint8_t id, const struct dbr_derout *value)
{
    uint8_t oid[] = {0x55, 0x1d, id}; /* id-ce */
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_tlv(o, DBR_DER_OID, oid, sizeof oid);
    dbr_derout_tlv(o, DBR_DER_OCTETS, value->p, value->n);
    dbr_derout_end(o);
}

static void put_entry(struct dbr_derout *o, const struct dbr_index_entry *e)
{
    size_t n;
    const uint8_t *serial = dbr_serial_bytes(&e->serial, &n);
    uint8_t reason = (uint8_t)e->reason;
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_unsigned(o, serial, n);
    dbr_derout_time(o, e->revoked_at);
    if (e->reason) {
        struct dbr_derout value = {0};
        dbr_derout_tlv(&value, DBR_DER_ENUM, &reason, 1);
        dbr_derout_begin(o, DBR_DER_SEQ);
        put_extension(o, 21, &value);
        dbr_derout_end(o);
        dbr_derout_free(&value);
    }
    dbr_derout_end(o);
}

static void put_list_extensions(const struct dbr_ca *ca, const struct dbr_serial *number,
                                struct dbr_derout *o)
{
    struct dbr_derout akid = {0}, value = {0};
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(ca->cert);
    size_t n;
    const uint8_t *p = dbr_serial_bytes(number, &n);
    dbr_derout_begin(o, DBR_DER_CTX0);
    dbr_derout_begin(o, DBR_DER_SEQ);
    if (ski) {
        dbr_derout_begin(&akid, DBR_DER_SEQ);
        dbr_derout_tlv(&akid, 0x80, ASN1_STRING_get0_data(ski), (size_t)ASN1_STRING_length(ski));
        dbr_derout_end(&akid);
        put_extension(o, 35, &akid);
    }
    dbr_derout_unsigned(&value, p, n);
    put_extension(o, 20, &value);
    dbr_derout_end(o);
    dbr_derout_end(o);
    o->bad |= akid.bad | value.bad;
    dbr_derout_free(&akid);
    dbr_derout_free(&value);
}

static int take_this_update(void *arg, const uint8_t *der, size_t len)
{
    struct dbr_reader r, list, tbs;
    struct dbr_der skip;
    int64_t t;
    dbr_reader_init(&r, der, len);
    dbr_der_enter(&r, DBR_DER_SEQ, &list);
    dbr_der_enter(&list, DBR_DER_SEQ, &tbs);
    dbr_der_optional(&tbs, DBR_DER_INTEGER, &skip);
    dbr_der_take(&tbs, DBR_DER_SEQ, &skip);
    dbr_der_take(&tbs, DBR_DER_SEQ, &skip);
    if (dbr_der_time(&tbs, &t))
        *(int64_t *)arg = t;
    return 0;
}

/* Backdated, but never before the last list: concentrators would take that for a rolled back one. A last list
 * from further in the future than they accept is not looked at. */
static int64_t this_update(const struct dbr_ca *ca)
{
    uint8_t *pem;
    size_t len;
    int64_t t = ca->now - ca->conf.backdate_s, last = 0;
    if (dbr_store_read(ca->store, DBR_CA_CRL, DBR_CRL_MAX_BYTES, &pem, &len, NULL, 0) != 0)
        return t;
    dbr_pem_each(pem, len, "X509 CRL", take_this_update, &last);
    free(pem);
    return last > t && last <= ca->now + DBR_CRL_SKEW_S ? last : t;
}

/* TBSCertList, version 2 (RFC 5280, 5.1). */
static int crl_tbs(const struct dbr_ca *ca, const struct dbr_serial *number, struct dbr_derout *o)
{
    size_t n;
    uint8_t *name = NULL;
    const struct dbr_index_entry **v = revoked(ca, &n);
    int name_len = i2d_X509_NAME(X509_get_subject_name(ca->cert), &name);
    if (!v || name_len <= 0) {
        free(v);
        return DBR_ERR_NOMEM;
    }
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_unsigned(o, "\1", 1);
    int err = put_algorithm(ca->key, o);
    dbr_derout_raw(o, name, (size_t)name_len);
    dbr_derout_time(o, this_update(ca));
    dbr_derout_time(o, ca->now + ca->conf.crl_life_s);
    if (n) /* an empty SEQUENCE is forbidden */
        dbr_derout_begin(o, DBR_DER_SEQ);
    for (size_t i = 0; i < n; i++)
        put_entry(o, v[i]);
    if (n)
        dbr_derout_end(o);
    put_list_extensions(ca, number, o);
    dbr_derout_end(o);
    OPENSSL_free(name);
    free(v);
    return err ? err : dbr_derout_ok(o) ? 0 : DBR_ERR_NOMEM;
}

static int put_crl_files(struct dbr_ca *ca, const struct dbr_derout *crl, struct dbr_serial number, char *why,
                         size_t cap)
{
    char text[DBR_SERIAL_TEXT + 1];
    size_t len;
    char *pem = pem_of("X509 CRL", crl->p, crl->n, &len);
    if (!pem || !dbr_serial_next(&number)) {
        free(pem);
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory, or of CRL numbers");
    }
    dbr_serial_text(&number, text);
    strcat(text, "\n");
    int err = dbr_store_put(ca->store, DBR_CA_CRL, pem, len, 0644, DBR_PUT_REPLACE, why, cap);
    if (!err)
        err = dbr_store_put(ca->store, DBR_CA_CRLNUMBER, text, strlen(text), 0640, DBR_PUT_REPLACE, why, cap);
    free(pem);
    return err;
}

int put_crl(struct dbr_ca *ca, char *why, size_t cap)
{
    struct dbr_derout tbs = {0}, crl = {0};
    struct dbr_serial number;
    int err = ca->key ? read_number(ca->store, DBR_CA_CRLNUMBER, &number, why, cap)
                      : dbr_say(DBR_ERR_STATE, why, cap, "the CA's key is locked");
    if (!err && (err = crl_tbs(ca, &number, &tbs)) != 0)
        dbr_say(err, why, cap, "cannot make the CRL: %s", dbr_err_text(err));
    if (!err)
        err = sign_tbs(ca->key, tbs.p, tbs.n, &crl, why, cap);
    if (!err)
        err = put_crl_files(ca, &crl, number, why, cap);
    dbr_derout_free(&tbs);
    dbr_derout_free(&crl);
    if (err)
        dbr_store_rollback(ca->store);
    return err;
}

int dbr_ca_crl(struct dbr_ca *ca, char *why, size_t cap)
{
    int err = put_crl(ca, why, cap);
    return err ? err : dbr_store_commit(ca->store, why, cap);
}

/* --- revoking
 * ------------------------------------------------------------------------------------------------- */

static int commit_with_crl(struct dbr_ca *ca, char *why, size_t cap)
{
    int err = ca->key ? put_index(ca, why, cap) : dbr_say(DBR_ERR_STATE, why, cap, "the CA's key is locked");
    if (!err)
        err = put_crl(ca, why, cap);
    if (!err)
        err = dbr_store_commit(ca->store, why, cap);
    return err;
}

/* A serial whose run died after its to-be-signed bytes were stored: perhaps a signature existed. It gets a
 * line like any other, so that it can be revoked. */
static int adopt_reserved(struct dbr_ca *ca, const struct dbr_serial *serial, char *why, size_t cap)
{
    char text[DBR_SERIAL_TEXT], path[DBR_STORE_PATH];
    uint8_t *tbs;
    size_t len;
    dbr_ca_path(DBR_CA_RESERVED, dbr_serial_text(serial, text), ".tbs", path);
    int err = dbr_store_read(ca->store, path, DBR_CERT_MAX, &tbs, &len, why, cap);
    if (err)
        return err;
    /* TBSCertificate: [0] version, serial, algorithm, issuer, validity, subject, ... */
    struct dbr_reader r, body, validity;
    struct dbr_der skip, subject;
    int64_t begin, end = 0;
    dbr_reader_init(&r, tbs, len);
    dbr_der_enter(&r, DBR_DER_SEQ, &body);
    dbr_der_optional(&body, DBR_DER_CTX0, &skip);
    dbr_der_take(&body, DBR_DER_INTEGER, &skip);
    dbr_der_take(&body, DBR_DER_SEQ, &skip);
    dbr_der_take(&body, DBR_DER_SEQ, &skip);
    dbr_der_enter(&body, DBR_DER_SEQ, &validity);
    dbr_der_time(&validity, &begin);
    dbr_der_time(&validity, &end);
    dbr_der_take(&body, DBR_DER_SEQ, &subject);
    const uint8_t *p = subject.tlv;
    X509_NAME *name = dbr_reader_ok(&body) ? d2i_X509_NAME(NULL, &p, (long)subject.tlv_len) : NULL;
    char *oneline = name ? X509_NAME_oneline(name, NULL, 0) : NULL;
    err = oneline ? dbr_index_add(ca->index, serial, end, "unknown", oneline) : DBR_ERR_SHAPE;
    OPENSSL_free(oneline);
    X509_NAME_free(name);
    free(tbs);
    if (!err)
        err = dbr_store_delete(ca->store, path, why, cap);
    return err ? dbr_say(err, why, cap, "%s: %s", path, dbr_err_text(err)) : 0;
}

static int revoke_one(struct dbr_ca *ca, long at, int reason, char *why, size_t cap)
{
    char serial[DBR_SERIAL_TEXT];
    int err = dbr_index_revoke(ca->index, (size_t)at, ca->now, reason);
    if (err)
        return dbr_say(err, why, cap, "%s is revoked already",
                       dbr_serial_text(&dbr_index_at(ca->index, (size_t)at)->serial, serial));
    return 0;
}

/* All valid or held certificates of a commonName. */
static int revoke_name(struct dbr_ca *ca, const char *name, int reason, size_t *n, char *why, size_t cap)
{
    bool any = false;
    for (long i = -1; (i = dbr_index_find_cn(ca->index, name, (size_t)(i + 1))) >= 0;) {
        any = true;
        *n += dbr_index_revoke(ca->index, (size_t)i, ca->now, reason) == 0;
    }
    if (any && *n == 0)
        return dbr_say(DBR_ERR_STATE, why, cap, "%s is revoked already", name);
    return any ? 0 : DBR_ERR_NOTFOUND;
}

static int revoke_serial(struct dbr_ca *ca, const char *which, int reason, size_t *n, char *why, size_t cap)
{
    struct dbr_serial serial;
    long at = dbr_ca_find(ca, which);
    int err = 0;
    if (at < 0 && dbr_serial_parse(&serial, which, strlen(which)))
        err = adopt_reserved(ca, &serial, why, cap);
    if (!err && at < 0)
        at = dbr_ca_find(ca, which);
    if (err == DBR_ERR_NOTFOUND || at < 0)
        return dbr_say(DBR_ERR_NOTFOUND, why, cap, "no certificate with this name or serial: %s", which);
    if (!err)
        err = revoke_one(ca, at, reason, why, cap);
    if (!err)
        *n = 1;
    return err;
}

static bool has_valid(const struct dbr_ca *ca, const char *name)
{
    for (long i = -1; (i = dbr_index_find_cn(ca->index, name, (size_t)(i + 1))) >= 0;) {
        const struct dbr_index_entry *e = dbr_index_at(ca->index, (size_t)i);
        if (e->status == 'V' && e->expires > ca->now)
            return true;
    }
    return false;
}

/* A hold is lifted again, so nothing goes with it. */
static int take_along(struct dbr_ca *ca, const char *which, int reason, char *why, size_t cap)
{
    char name[256];
    long at = dbr_index_find_cn(ca->index, which, 0);
    if (at < 0)
        at = dbr_ca_find(ca, which);
    if (!ca->leaver || reason == HOLD || at < 0 ||
        !dbr_subject_cn(dbr_index_at(ca->index, (size_t)at)->subject, name, sizeof name) ||
        has_valid(ca, name))
        return 0;
    return ca->leaver(ca, name, ca->leaver_arg, why, cap);
}

int dbr_ca_revoke(struct dbr_ca *ca, const char *which, int reason, size_t *n, char *why, size_t cap)
{
    *n = 0;
    if (reason < 0 || reason > 6)
        return dbr_say(DBR_ERR_CONFIG, why, cap, "not a reason for an entry of a complete CRL");
    int err = revoke_name(ca, which, reason, n, why, cap);
    if (err == DBR_ERR_NOTFOUND)
        err = revoke_serial(ca, which, reason, n, why, cap);
    if (!err && ca->key)
        err = take_along(ca, which, reason, why, cap);
    return err ? err : commit_with_crl(ca, why, cap);
}

int dbr_ca_unhold(struct dbr_ca *ca, const char *which, size_t *n, char *why, size_t cap)
{
    *n = 0;
    for (long i = -1; (i = dbr_index_find_cn(ca->index, which, (size_t)(i + 1))) >= 0;)
        *n += dbr_index_unhold(ca->index, (size_t)i) == 0;
    long at = *n ? -1 : dbr_ca_find(ca, which);
    if (at >= 0)
        *n += dbr_index_unhold(ca->index, (size_t)at) == 0;
    if (*n == 0)
        return dbr_say(at < 0 ? DBR_ERR_NOTFOUND : DBR_ERR_STATE, why, cap, "%s %s", which,
                       at < 0 ? "is no certificate of this CA" : "is not on hold");
    return commit_with_crl(ca, why, cap);
}
