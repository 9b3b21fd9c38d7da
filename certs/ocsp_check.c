/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ocsp.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/issuers.h"
#include "certs/ocsp_parts.h"
#include "certs/say.h"

enum { MAX_CERTS = 4 };

/* An answer being judged. Pointers go into its bytes. */
struct judge {
    const struct dbr_ocsp_question *q;
    X509 *issuer;
    struct dbr_der data, algorithm, signature;
    struct dbr_der certs[MAX_CERTS];
    size_t n_certs;
    const uint8_t *nonce;
    size_t nonce_len;
    bool found;
    struct dbr_ocsp_verdict verdict;
    char *why;
    size_t cap;
};

static int malformed(struct judge *j)
{
    return dbr_say(DBR_ERR_SHAPE, j->why, j->cap, "not an OCSP answer");
}

/* --- shape
 * ---------------------------------------------------------------------------------------------------- */

static int take_error_status(struct judge *j, uint8_t status)
{
    static const char *const names[] = {"successful", "malformedRequest", "internalError", "tryLater",
                                        "?",          "sigRequired",      "unauthorized"};
    int err = status == OCSP_INTERNAL || status == OCSP_TRY_LATER ? DBR_ERR_AGAIN : DBR_ERR_STATE;
    return dbr_say(err, j->why, j->cap, "the responder says %s", status < 7 ? names[status] : "?");
}

static int take_basic(struct judge *j, const struct dbr_der *octets)
{
    struct dbr_reader r, basic, outer, list;
    dbr_reader_init(&r, octets->body, octets->len);
    dbr_der_enter(&r, DBR_DER_SEQ, &basic);
    dbr_der_take(&basic, DBR_DER_SEQ, &j->data);
    dbr_der_take(&basic, DBR_DER_SEQ, &j->algorithm);
    dbr_der_take(&basic, DBR_DER_BITS, &j->signature);
    if (dbr_der_peek(&basic) == DBR_DER_CTX0 && dbr_der_enter(&basic, DBR_DER_CTX0, &outer) &&
        dbr_der_enter(&outer, DBR_DER_SEQ, &list)) {
        while (dbr_reader_left(&list) && j->n_certs < MAX_CERTS)
            j->n_certs += dbr_der_take(&list, DBR_DER_SEQ, &j->certs[j->n_certs]);
        if (!dbr_reader_ok(&list))
            return malformed(j);
    }
    bool ok = dbr_reader_ok(&basic) && !dbr_reader_left(&basic) && !dbr_reader_left(&r) &&
              j->signature.len >= 2 && j->signature.body[0] == 0;
    return ok ? 0 : malformed(j);
}

static int take_response(struct judge *j, const void *answer, size_t len)
{
    struct dbr_reader r, response, outer, bytes;
    struct dbr_der status, type, octets;
    dbr_reader_init(&r, answer, len);
    dbr_der_enter(&r, DBR_DER_SEQ, &response);
    dbr_der_take(&response, DBR_DER_ENUM, &status);
    if (!dbr_reader_ok(&response) || dbr_reader_left(&r) || status.len != 1)
        return malformed(j);
    if (status.body[0] != OCSP_OK)
        return take_error_status(j, status.body[0]);
    dbr_der_enter(&response, DBR_DER_CTX0, &outer);
    dbr_der_enter(&outer, DBR_DER_SEQ, &bytes);
    dbr_der_take(&bytes, DBR_DER_OID, &type);
    dbr_der_take(&bytes, DBR_DER_OCTETS, &octets);
    if (!dbr_reader_ok(&bytes) || dbr_reader_left(&bytes) || dbr_reader_left(&outer) ||
        dbr_reader_left(&response) || !dbr_der_is(&type, oid_ocsp_basic, sizeof oid_ocsp_basic))
        return malformed(j);
    return take_basic(j, &octets);
}

/* --- content
 * -------------------------------------------------------------------------------------------------- */

static bool take_revoked(struct dbr_reader *info, struct dbr_ocsp_verdict *v)
{
    struct dbr_reader outer;
    struct dbr_der reason;
    v->status = DBR_OCSP_REVOKED;
    if (!dbr_der_time(info, &v->revoked_at))
        return false;
    if (!dbr_reader_left(info))
        return true;
    if (!dbr_der_enter(info, DBR_DER_CTX0, &outer) || !dbr_der_take(&outer, DBR_DER_ENUM, &reason) ||
        reason.len != 1)
        return false;
    v->reason = reason.body[0];
    return !dbr_reader_left(info) && !dbr_reader_left(&outer);
}

static bool take_status(struct dbr_reader *r, struct dbr_ocsp_verdict *v)
{
    struct dbr_reader info;
    struct dbr_der empty;
    switch (dbr_der_peek(r)) {
    case 0x80: v->status = DBR_OCSP_GOOD; return dbr_der_take(r, 0x80, &empty) && empty.len == 0;
    case 0xa1: return dbr_der_enter(r, 0xa1, &info) && take_revoked(&info, v);
    case 0x82: v->status = DBR_OCSP_UNKNOWN; return dbr_der_take(r, 0x82, &empty) && empty.len == 0;
    }
    return false;
}

static bool asked_for(const struct judge *j, const struct dbr_ocsp_id *id)
{
    uint8_t name[32], key[32];
    return id->hash_len && dbr_serial_equal(&id->serial, &j->q->serial) &&
           issuer_hashes(j->issuer, id->hash_len, name, key) &&
           memcmp(name, id->name_hash, id->hash_len) == 0 && memcmp(key, id->key_hash, id->hash_len) == 0;
}

/* SingleResponse ::= SEQUENCE { certID, certStatus, thisUpdate, [0] nextUpdate OPTIONAL, [1] extensions
 * OPTIONAL }. */
static bool take_single(struct judge *j, struct dbr_reader *list)
{
    struct dbr_reader one, outer, exts;
    struct dbr_ocsp_id id;
    struct dbr_ocsp_verdict v = {0};
    const uint8_t *nonce;
    size_t n;
    if (!dbr_der_enter(list, DBR_DER_SEQ, &one) || !take_cert_id(&one, &id) || !take_status(&one, &v) ||
        !dbr_der_time(&one, &v.this_update))
        return false;
    v.next_update = v.this_update + j->q->max_age_s;
    if (dbr_der_peek(&one) == DBR_DER_CTX0 &&
        !(dbr_der_enter(&one, DBR_DER_CTX0, &outer) && dbr_der_time(&outer, &v.next_update)))
        return false;
    if (dbr_der_peek(&one) == DBR_DER_CTX0 + 1 &&
        !(dbr_der_enter(&one, DBR_DER_CTX0 + 1, &outer) && dbr_der_enter(&outer, DBR_DER_SEQ, &exts) &&
          take_extensions(&exts, &nonce, &n)))
        return false;
    if (dbr_reader_left(&one) || !dbr_reader_ok(&one))
        return false;
    if (asked_for(j, &id) && (!j->found || v.status != DBR_OCSP_GOOD)) {
        j->found = true; /* twice the same certificate: the worse one counts */
        j->verdict = v;
    }
    return true;
}

static int take_data(struct judge *j)
{
    struct dbr_reader data, list, outer, exts;
    struct dbr_der skip = {0};
    int64_t produced;
    dbr_reader_init(&data, j->data.body, j->data.len);
    dbr_der_optional(&data, DBR_DER_CTX0, &skip);
    int who = dbr_der_peek(&data);
    if ((skip.len && !dbr_der_is(&skip, "\2\1\0", 3)) || (who != DBR_DER_CTX0 + 1 && who != DBR_DER_CTX0 + 2))
        return malformed(j);
    dbr_der_take(&data, who, &skip);
    dbr_der_time(&data, &produced);
    dbr_der_enter(&data, DBR_DER_SEQ, &list);
    while (dbr_reader_left(&list))
        if (!take_single(j, &list))
            return malformed(j);
    if (dbr_der_peek(&data) == DBR_DER_CTX0 + 1 &&
        !(dbr_der_enter(&data, DBR_DER_CTX0 + 1, &outer) && dbr_der_enter(&outer, DBR_DER_SEQ, &exts) &&
          take_extensions(&exts, &j->nonce, &j->nonce_len)))
        return malformed(j);
    return dbr_reader_ok(&list) && dbr_reader_ok(&data) && !dbr_reader_left(&data) ? 0 : malformed(j);
}

/* --- who signed
 * ----------------------------------------------------------------------------------------------- */

static int signed_by(struct judge *j, X509 *signer)
{
    EVP_PKEY *key = X509_get0_pubkey(signer);
    if (!key)
        return dbr_say(DBR_ERR_CERT, j->why, j->cap, "the signer's key cannot be read");
    return verify_signed(key, j->data.tlv, j->data.tlv_len, j->algorithm.tlv, j->algorithm.tlv_len,
                         j->signature.body + 1, j->signature.len - 1, j->why, j->cap);
}

static int check_delegate_revoked(struct judge *j, X509 *c)
{
    uint8_t *name = NULL;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(c);
    bool exempt = X509_get_ext_by_NID(c, NID_id_pkix_OCSP_noCheck, -1) >= 0;
    if (!j->q->trust)
        return 0;
    int n = i2d_X509_NAME(X509_get_issuer_name(c), &name);
    enum dbr_verdict v = n <= 0 ? DBR_VERDICT_BAD_SERIAL
                                : dbr_trust_check(j->q->trust, name, (size_t)n, ASN1_STRING_get0_data(serial),
                                                  (size_t)ASN1_STRING_length(serial), j->q->now, NULL);
    OPENSSL_free(name);
    if (dbr_verdict_good(v) || (exempt && v != DBR_VERDICT_REVOKED))
        return 0;
    return dbr_say(DBR_ERR_CERT, j->why, j->cap, "the OCSP signer: %s", dbr_verdict_text(v));
}

/* A certificate that the issuer gave to its responder (RFC 6960, 4.2.2.2). */
static int check_delegate(struct judge *j, X509 *c)
{
    bool purpose =
        (X509_get_extension_flags(c) & EXFLAG_XKUSAGE) && (X509_get_extended_key_usage(c) & XKU_OCSP_SIGN);
    if (X509_check_issued(j->issuer, c) != X509_V_OK || X509_verify(c, X509_get0_pubkey(j->issuer)) != 1)
        return dbr_say(DBR_ERR_CERT, j->why, j->cap, "the OCSP signer was not issued by the CA");
    if (!purpose || (X509_get_extension_flags(c) & EXFLAG_INVALID))
        return dbr_say(DBR_ERR_CERT, j->why, j->cap, "the OCSP signer's certificate is not for OCSPSigning");
    if (!(X509_get_key_usage(c) & KU_DIGITAL_SIGNATURE))
        return dbr_say(DBR_ERR_CERT, j->why, j->cap, "the OCSP signer may not sign (keyUsage)");
    if (ASN1_TIME_cmp_time_t(X509_get0_notBefore(c), j->q->now + DBR_CRL_SKEW_S) > 0 ||
        ASN1_TIME_cmp_time_t(X509_get0_notAfter(c), j->q->now) <= 0)
        return dbr_say(DBR_ERR_CERT, j->why, j->cap, "the OCSP signer's certificate is not valid now");
    return check_delegate_revoked(j, c);
}

static int check_signer(struct judge *j)
{
    int err = signed_by(j, j->issuer);
    for (size_t i = 0; i < j->n_certs && err == DBR_ERR_AUTH; i++) {
        const uint8_t *p = j->certs[i].tlv;
        X509 *c = d2i_X509(NULL, &p, (long)j->certs[i].tlv_len);
        if (c && signed_by(j, c) == 0)
            err = check_delegate(j, c);
        X509_free(c);
    }
    if (err == DBR_ERR_AUTH)
        dbr_say(err, j->why, j->cap, "signed neither by the CA nor by a certificate in the answer");
    ERR_clear_error();
    return err;
}

/* --- the rest
 * ------------------------------------------------------------------------------------------------- */

static int check_nonce(struct judge *j)
{
    const struct dbr_ocsp_question *q = j->q;
    if (!j->nonce)
        return q->nonce_required ? dbr_say(DBR_ERR_REPLAY, j->why, j->cap, "the answer has no nonce") : 0;
    if (q->nonce && (q->nonce_len != j->nonce_len || !dbr_secret_equal(q->nonce, j->nonce, q->nonce_len)))
        return dbr_say(DBR_ERR_REPLAY, j->why, j->cap, "the answer has another nonce than the question");
    return 0;
}

static int check_times(struct judge *j)
{
    char a[40];
    const struct dbr_ocsp_verdict *v = &j->verdict;
    if (v->this_update > j->q->now + DBR_CRL_SKEW_S)
        return dbr_say(DBR_ERR_TIMEOUT, j->why, j->cap, "the answer begins at %s: check the clocks",
                       dbr_time_text(v->this_update, a));
    if (v->next_update < j->q->now || v->next_update < v->this_update)
        return dbr_say(DBR_ERR_TIMEOUT, j->why, j->cap, "the answer has expired at %s",
                       dbr_time_text(v->next_update, a));
    return 0;
}

int dbr_ocsp_check(const struct dbr_ocsp_question *q, const void *answer, size_t len,
                   struct dbr_ocsp_verdict *out, char *why, size_t cap)
{
    struct judge j = {.q = q, .why = why, .cap = cap};
    const uint8_t *p = q->issuer;
    int err = 0;
    *out = (struct dbr_ocsp_verdict){.status = DBR_OCSP_UNKNOWN};
    if (len > DBR_OCSP_MAX_ANSWER)
        return malformed(&j);
    j.issuer = d2i_X509(NULL, &p, (long)q->issuer_len);
    if (!j.issuer)
        err = dbr_say(DBR_ERR_CERT, why, cap, "the issuer's certificate is broken");
    if (!err)
        err = take_response(&j, answer, len);
    if (!err)
        err = take_data(&j);
    if (!err)
        err = check_signer(&j);
    if (!err && !j.found)
        err = dbr_say(DBR_ERR_NOTFOUND, why, cap, "the answer is about another certificate");
    if (!err)
        err = check_nonce(&j);
    if (!err)
        err = check_times(&j);
    if (!err)
        *out = j.verdict;
    X509_free(j.issuer);
    ERR_clear_error();
    return err;
}
