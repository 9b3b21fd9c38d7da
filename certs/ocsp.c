/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ocsp.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "certs/ocsp_parts.h"

static const struct {
    size_t hash_len;
    const uint8_t *oid;
    size_t oid_len;
} hashes[] = {
    {20, (const uint8_t[]){0x2b, 0x0e, 0x03, 0x02, 0x1a}, 5},
    {32, (const uint8_t[]){0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}, 9},
};
enum { HASHES = sizeof hashes / sizeof hashes[0] };

/* CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }. */
bool take_cert_id(struct dbr_reader *r, struct dbr_ocsp_id *id)
{
    struct dbr_der whole, oid, name, key, null = {0};
    struct dbr_reader body, algorithm;
    const uint8_t *serial;
    size_t n;
    memset(id, 0, sizeof *id);
    if (!dbr_der_take(r, DBR_DER_SEQ, &whole))
        return false;
    dbr_reader_init(&body, whole.body, whole.len);
    dbr_der_enter(&body, DBR_DER_SEQ, &algorithm);
    dbr_der_take(&algorithm, DBR_DER_OID, &oid);
    dbr_der_optional(&algorithm, 0x05, &null);
    dbr_der_take(&body, DBR_DER_OCTETS, &name);
    dbr_der_take(&body, DBR_DER_OCTETS, &key);
    dbr_der_unsigned(&body, DBR_SERIAL_MAX, &serial, &n);
    if (!dbr_reader_ok(&body) || dbr_reader_left(&body) || !dbr_reader_ok(&algorithm) || null.len)
        return false;
    for (size_t i = 0; i < HASHES; i++)
        if (dbr_der_is(&oid, hashes[i].oid, hashes[i].oid_len) && !dbr_reader_left(&algorithm) &&
            name.len == hashes[i].hash_len && key.len == hashes[i].hash_len) {
            id->hash_len = hashes[i].hash_len;
            memcpy(id->name_hash, name.body, name.len);
            memcpy(id->key_hash, key.body, key.len);
        }
    id->der = whole.tlv;
    id->der_len = whole.tlv_len;
    return dbr_serial_set(&id->serial, serial, n);
}

/* The value is an OCTET STRING of its own (RFC 9654); the bare bytes of old clients are taken as well. */
static bool take_nonce(struct dbr_der value, const uint8_t **nonce, size_t *nonce_len)
{
    struct dbr_reader r;
    struct dbr_der inner;
    if (*nonce)
        return false;
    dbr_reader_init(&r, value.body, value.len);
    bool wrapped = dbr_der_take(&r, DBR_DER_OCTETS, &inner) && dbr_reader_left(&r) == 0;
    *nonce = wrapped ? inner.body : value.body;
    *nonce_len = wrapped ? inner.len : value.len;
    return *nonce_len >= 1 && *nonce_len <= DBR_OCSP_MAX_NONCE;
}

bool take_extensions(struct dbr_reader *list, const uint8_t **nonce, size_t *nonce_len)
{
    *nonce = NULL;
    *nonce_len = 0;
    while (dbr_reader_left(list)) {
        struct dbr_reader ext;
        struct dbr_der oid, critical = {0}, value;
        dbr_der_enter(list, DBR_DER_SEQ, &ext);
        dbr_der_take(&ext, DBR_DER_OID, &oid);
        bool must =
            dbr_der_optional(&ext, DBR_DER_BOOLEAN, &critical) && critical.len == 1 && critical.body[0];
        dbr_der_take(&ext, DBR_DER_OCTETS, &value);
        if (!dbr_reader_ok(&ext) || dbr_reader_left(&ext))
            return false;
        bool is_nonce = dbr_der_is(&oid, oid_ocsp_nonce, sizeof oid_ocsp_nonce);
        if (is_nonce ? !take_nonce(value, nonce, nonce_len) : must)
            return false;
    }
    return dbr_reader_ok(list);
}

void put_nonce(struct dbr_derout *o, const uint8_t *nonce, size_t n)
{
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_tlv(o, DBR_DER_OID, oid_ocsp_nonce, sizeof oid_ocsp_nonce);
    dbr_derout_begin(o, DBR_DER_OCTETS);
    dbr_derout_tlv(o, DBR_DER_OCTETS, nonce, n);
    dbr_derout_end(o);
    dbr_derout_end(o);
}

/* Request ::= SEQUENCE { reqCert CertID, [0] singleRequestExtensions OPTIONAL }. */
static bool take_request(struct dbr_reader *list, struct dbr_ocsp_id *id)
{
    struct dbr_reader one, outer, exts;
    const uint8_t *nonce;
    size_t n;
    if (!dbr_der_enter(list, DBR_DER_SEQ, &one) || !take_cert_id(&one, id))
        return false;
    if (dbr_der_peek(&one) != DBR_DER_CTX0)
        return dbr_reader_left(&one) == 0;
    return dbr_der_enter(&one, DBR_DER_CTX0, &outer) && dbr_der_enter(&outer, DBR_DER_SEQ, &exts) &&
           take_extensions(&exts, &nonce, &n) && !dbr_reader_left(&outer) && !dbr_reader_left(&one);
}

/* TBSRequest ::= SEQUENCE { [0] version, [1] requestorName, requestList, [2] requestExtensions }. */
static int take_tbs(struct dbr_reader *tbs, struct dbr_ocsp_request *r)
{
    struct dbr_reader list, outer, exts;
    struct dbr_der skip = {0};
    dbr_der_optional(tbs, DBR_DER_CTX0, &skip);
    if (skip.len && !dbr_der_is(&skip, "\2\1\0", 3))
        return DBR_ERR_SHAPE;
    dbr_der_optional(tbs, DBR_DER_CTX0 + 1, &skip);
    dbr_der_enter(tbs, DBR_DER_SEQ, &list);
    while (dbr_reader_left(&list)) {
        if (r->n == DBR_OCSP_MAX_IDS)
            return DBR_ERR_LIMIT;
        if (!take_request(&list, &r->ids[r->n++]))
            return DBR_ERR_SHAPE;
    }
    if (dbr_der_peek(tbs) == DBR_DER_CTX0 + 2 &&
        !(dbr_der_enter(tbs, DBR_DER_CTX0 + 2, &outer) && dbr_der_enter(&outer, DBR_DER_SEQ, &exts) &&
          take_extensions(&exts, &r->nonce, &r->nonce_len) && !dbr_reader_left(&outer)))
        return DBR_ERR_SHAPE;
    return dbr_reader_ok(&list) && dbr_reader_ok(tbs) && !dbr_reader_left(tbs) && r->n ? 0 : DBR_ERR_SHAPE;
}

int dbr_ocsp_request_parse(struct dbr_ocsp_request *r, const void *bytes, size_t len)
{
    struct dbr_reader in, request, tbs;
    struct dbr_der signature;
    memset(r, 0, sizeof *r);
    if (len > DBR_OCSP_MAX_REQUEST)
        return DBR_ERR_LIMIT;
    dbr_reader_init(&in, bytes, len);
    dbr_der_enter(&in, DBR_DER_SEQ, &request);
    dbr_der_enter(&request, DBR_DER_SEQ, &tbs);
    dbr_der_optional(&request, DBR_DER_CTX0, &signature); /* we do not ask who wants to know */
    if (!dbr_reader_ok(&request) || dbr_reader_left(&request) || dbr_reader_left(&in))
        return DBR_ERR_SHAPE;
    return take_tbs(&tbs, r);
}

/* --- writing a request
 * ---------------------------------------------------------------------------------------- */

bool issuer_hashes(X509 *issuer, size_t hash_len, uint8_t name_hash[32], uint8_t key_hash[32])
{
    const EVP_MD *md = hash_len == 20 ? EVP_sha1() : EVP_sha256();
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(issuer);
    return X509_NAME_digest(X509_get_subject_name(issuer), md, name_hash, NULL) == 1 && key &&
           EVP_Digest(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key), key_hash, NULL, md,
                      NULL) == 1;
}

static void put_cert_id(struct dbr_derout *o, size_t hash_len, const uint8_t *name_hash,
                        const uint8_t *key_hash, const struct dbr_serial *serial)
{
    size_t h = hash_len == 20 ? 0 : 1, n;
    const uint8_t *p = dbr_serial_bytes(serial, &n);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_tlv(o, DBR_DER_OID, hashes[h].oid, hashes[h].oid_len);
    dbr_derout_tlv(o, 0x05, "", 0);
    dbr_derout_end(o);
    dbr_derout_tlv(o, DBR_DER_OCTETS, name_hash, hash_len);
    dbr_derout_tlv(o, DBR_DER_OCTETS, key_hash, hash_len);
    dbr_derout_unsigned(o, p, n);
    dbr_derout_end(o);
}

int dbr_ocsp_request_write(const uint8_t *issuer_der, size_t issuer_len, const struct dbr_serial *serial,
                           size_t hash_len, const uint8_t *nonce, size_t n, uint8_t *out, size_t cap)
{
    uint8_t name_hash[32], key_hash[32];
    struct dbr_derout o = {0};
    const uint8_t *p = issuer_der;
    X509 *issuer = d2i_X509(NULL, &p, (long)issuer_len);
    bool ok = issuer && (hash_len == 20 || hash_len == 32) && n <= DBR_OCSP_MAX_NONCE &&
              issuer_hashes(issuer, hash_len, name_hash, key_hash);
    X509_free(issuer);
    ERR_clear_error();
    if (!ok)
        return DBR_ERR_SHAPE;
    for (int i = 0; i < 4; i++) /* OCSPRequest, TBSRequest, requestList, Request */
        dbr_derout_begin(&o, DBR_DER_SEQ);
    put_cert_id(&o, hash_len, name_hash, key_hash, serial);
    dbr_derout_end(&o);
    dbr_derout_end(&o);
    if (n) {
        dbr_derout_begin(&o, DBR_DER_CTX0 + 2);
        dbr_derout_begin(&o, DBR_DER_SEQ);
        put_nonce(&o, nonce, n);
        dbr_derout_end(&o);
        dbr_derout_end(&o);
    }
    dbr_derout_end(&o);
    dbr_derout_end(&o);
    int len = dbr_derout_ok(&o) && o.n <= cap ? (int)o.n : DBR_ERR_SPACE;
    if (len > 0)
        memcpy(out, o.p, o.n);
    dbr_derout_free(&o);
    return len;
}
