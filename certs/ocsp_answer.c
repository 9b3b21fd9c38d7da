/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ocsp.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/siphash.h"
#include "certs/ca_parts.h"
#include "certs/ocsp_parts.h"
#include "certs/quicksign.h"
#include "certs/say.h"

/* What the index says about one serial. */
struct known {
    struct dbr_serial serial;
    bool revoked;
    uint8_t reason;
    int64_t revoked_at;
};

enum { SLOTS = 8192 };

/* A signed answer that is kept. The table never grows: a new answer takes the place of the old one in its
 * slot. */
struct slot {
    struct dbr_serial serial;
    size_t hash_len; /* 0: empty */
    size_t id_len;   /* of the CertID, which comes back as it was asked: its algorithm with NULL or without */
    int64_t this_update, next_update;
    uint8_t *der;
    size_t len;
    uint64_t tag;
};

struct dbr_responder {
    struct quick_signer signer;
    uint8_t *signer_der; /* OpenSSL's memory */
    int signer_len;
    struct dbr_ocsp_signer cert; /* no answer outlives it */
    uint8_t key_id[20];          /* ResponderID byKey */
    struct {
        uint8_t name[32], key[32];
    } issuer[2]; /* SHA-1, SHA-256 */
    int64_t life_s;
    struct known *known;
    size_t n;
    uint8_t slot_key[16];
    struct slot slots[SLOTS];
    struct dbr_derout out;
    bool no_nonces;
};

/* --- birth
 * ---------------------------------------------------------------------------------------------------- */

static int64_t unix_of(const ASN1_TIME *t)
{
    struct tm tm = {0};
    ASN1_TIME_to_tm(t, &tm);
    return (int64_t)timegm(&tm);
}

static int check_signer(X509 *ca, X509 *signer, EVP_PKEY *key, char *why, size_t cap)
{
    if (!ca || !signer)
        return dbr_say(DBR_ERR_SHAPE, why, cap, "no certificate of the CA, or of the signer");
    X509_check_purpose(signer, -1, 0);
    int err = 0;
    if (X509_check_issued(ca, signer) != X509_V_OK || X509_verify(signer, X509_get0_pubkey(ca)) != 1)
        err = dbr_say(DBR_ERR_CERT, why, cap, "the OCSP signer was not issued by this CA");
    else if (!(X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) ||
             !(X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN))
        err = dbr_say(DBR_ERR_CERT, why, cap, "the OCSP signer's certificate is not for OCSPSigning");
    else if (X509_check_private_key(signer, key) != 1)
        err = dbr_say(DBR_ERR_CERT, why, cap, "the OCSP signer's key does not fit its certificate");
    ERR_clear_error();
    return err;
}

static int fill(struct dbr_responder *r, X509 *ca, X509 *signer)
{
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(signer);
    r->signer_len = i2d_X509(signer, &r->signer_der);
    r->cert.from = unix_of(X509_get0_notBefore(signer));
    r->cert.until = unix_of(X509_get0_notAfter(signer));
    bool ok = r->signer_len > 0 && bits && cert_serial(signer, &r->cert.serial) &&
              RAND_bytes(r->slot_key, sizeof r->slot_key) == 1 &&
              EVP_Digest(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), r->key_id, NULL,
                         EVP_sha1(), NULL) == 1 &&
              issuer_hashes(ca, 20, r->issuer[0].name, r->issuer[0].key) &&
              issuer_hashes(ca, 32, r->issuer[1].name, r->issuer[1].key);
    return ok ? 0 : DBR_ERR_CRYPTO;
}

int dbr_responder_new(struct dbr_responder **out, const uint8_t *ca, size_t ca_len, const uint8_t *signer,
                      size_t signer_len, EVP_PKEY *key, int64_t life_s, char *why, size_t cap)
{
    struct dbr_responder *r = calloc(1, sizeof *r);
    X509 *a = parse_cert(ca, ca_len), *b = parse_cert(signer, signer_len);
    *out = NULL;
    int err = r ? check_signer(a, b, key, why, cap) : dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    if (!err && ((err = fill(r, a, b)) != 0 || (err = quick_signer_init(&r->signer, key)) != 0))
        dbr_say(err, why, cap, "%s", dbr_err_text(err));
    X509_free(a);
    X509_free(b);
    if (err) {
        dbr_responder_free(r);
        return err;
    }
    r->life_s = life_s;
    *out = r;
    return 0;
}

static void forget_answers(struct dbr_responder *r)
{
    for (size_t i = 0; i < SLOTS; i++) {
        free(r->slots[i].der);
        r->slots[i] = (struct slot){0};
    }
}

void dbr_responder_free(struct dbr_responder *r)
{
    if (!r)
        return;
    forget_answers(r);
    quick_signer_free(&r->signer);
    OPENSSL_free(r->signer_der);
    free(r->known);
    dbr_derout_free(&r->out);
    free(r);
}

void dbr_responder_signer(const struct dbr_responder *r, struct dbr_ocsp_signer *out)
{
    *out = r->cert;
}

void dbr_responder_ignore_nonces(struct dbr_responder *r)
{
    r->no_nonces = true;
}

/* --- statuses
 * ------------------------------------------------------------------------------------------------- */

static int by_serial(const void *a, const void *b)
{
    return dbr_serial_compare(&((const struct known *)a)->serial, &((const struct known *)b)->serial);
}

/* One of each serial; of two, as a database of other tools may have them, the revoked one. Returns how many.
 */
static size_t drop_doubles(struct known *v, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!kept || by_serial(&v[kept - 1], &v[i]) != 0)
            v[kept++] = v[i];
        else if (v[i].revoked)
            v[kept - 1] = v[i];
    }
    return kept;
}

int dbr_responder_load(struct dbr_responder *r, const struct dbr_index *ix)
{
    size_t n = dbr_index_count(ix);
    struct known *v = calloc(n + 1, sizeof *v);
    if (!v)
        return DBR_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct dbr_index_entry *e = dbr_index_at(ix, i);
        v[i] = (struct known){e->serial, e->status == 'R', (uint8_t)e->reason, e->revoked_at};
    }
    qsort(v, n, sizeof *v, by_serial);
    free(r->known);
    r->known = v;
    r->n = drop_doubles(v, n);
    forget_answers(r);
    return 0;
}

/* --- answers
 * -------------------------------------------------------------------------------------------------- */

/* OCSPResponse with an error status and nothing else. */
static void answer_error(struct dbr_responder *r, uint8_t status, struct dbr_answer *out)
{
    r->out.n = 0;
    dbr_derout_begin(&r->out, DBR_DER_SEQ);
    dbr_derout_tlv(&r->out, DBR_DER_ENUM, &status, 1);
    dbr_derout_end(&r->out);
    *out = (struct dbr_answer){.der = r->out.p, .len = r->out.n};
}

/* certStatus: [0] good, [1] revoked { time, [0] reason }, [2] unknown (RFC 6960, 4.2.1). */
static void put_status(struct dbr_derout *o, const struct known *k)
{
    if (!k) {
        dbr_derout_tlv(o, 0x82, "", 0);
        return;
    }
    if (!k->revoked) {
        dbr_derout_tlv(o, 0x80, "", 0);
        return;
    }
    dbr_derout_begin(o, DBR_DER_CTX0 + 1);
    dbr_derout_gentime(o, k->revoked_at);
    dbr_derout_begin(o, DBR_DER_CTX0);
    dbr_derout_tlv(o, DBR_DER_ENUM, &k->reason, 1);
    dbr_derout_end(o);
    dbr_derout_end(o);
}

static void put_single(struct dbr_responder *r, struct dbr_derout *o, const struct dbr_ocsp_id *id,
                       int64_t now, int64_t next)
{
    struct known key = {.serial = id->serial};
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_raw(o, id->der, id->der_len);
    put_status(o, r->n ? bsearch(&key, r->known, r->n, sizeof key, by_serial) : NULL);
    dbr_derout_gentime(o, now);
    dbr_derout_begin(o, DBR_DER_CTX0);
    dbr_derout_gentime(o, next);
    dbr_derout_end(o);
    dbr_derout_end(o);
}

/* ResponseData ::= SEQUENCE { [2] byKey, producedAt, responses, [1] extensions }. */
static void put_data(struct dbr_responder *r, struct dbr_derout *o, const struct dbr_ocsp_request *req,
                     int64_t now, int64_t next)
{
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_begin(o, DBR_DER_CTX0 + 2);
    dbr_derout_tlv(o, DBR_DER_OCTETS, r->key_id, sizeof r->key_id);
    dbr_derout_end(o);
    dbr_derout_gentime(o, now);
    dbr_derout_begin(o, DBR_DER_SEQ);
    for (size_t i = 0; i < req->n; i++)
        put_single(r, o, &req->ids[i], now, next);
    dbr_derout_end(o);
    if (req->nonce) {
        dbr_derout_begin(o, DBR_DER_CTX0 + 1);
        dbr_derout_begin(o, DBR_DER_SEQ);
        put_nonce(o, req->nonce, req->nonce_len);
        dbr_derout_end(o);
        dbr_derout_end(o);
    }
    dbr_derout_end(o);
}

/* BasicOCSPResponse ::= SEQUENCE { tbsResponseData, algorithm, signature, [0] certs }. */
static int put_basic(struct dbr_responder *r, struct dbr_derout *o, const struct dbr_ocsp_request *req,
                     int64_t now, int64_t next)
{
    dbr_derout_begin(o, DBR_DER_SEQ);
    size_t start = o->n;
    put_data(r, o, req, now, next);
    int err = o->bad ? DBR_ERR_NOMEM : quick_put_signature(&r->signer, o->p + start, o->n - start, o);
    dbr_derout_begin(o, DBR_DER_CTX0);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_raw(o, r->signer_der, (size_t)r->signer_len);
    dbr_derout_end(o);
    dbr_derout_end(o);
    dbr_derout_end(o);
    return err;
}

static int put_answer(struct dbr_responder *r, const struct dbr_ocsp_request *req, int64_t now, int64_t next)
{
    struct dbr_derout *o = &r->out;
    uint8_t status = OCSP_OK;
    o->n = 0;
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_tlv(o, DBR_DER_ENUM, &status, 1);
    dbr_derout_begin(o, DBR_DER_CTX0);
    dbr_derout_begin(o, DBR_DER_SEQ);
    dbr_derout_tlv(o, DBR_DER_OID, oid_ocsp_basic, sizeof oid_ocsp_basic);
    dbr_derout_begin(o, DBR_DER_OCTETS);
    int err = put_basic(r, o, req, now, next);
    dbr_derout_end(o);
    dbr_derout_end(o);
    dbr_derout_end(o);
    dbr_derout_end(o);
    return err || !dbr_derout_ok(o) ? DBR_ERR_CRYPTO : 0;
}

/* --- kept answers
 * --------------------------------------------------------------------------------------------- */

static struct slot *slot_of(struct dbr_responder *r, const struct dbr_ocsp_id *id)
{
    return &r->slots[dbr_siphash(r->slot_key, id->serial.b, sizeof id->serial.b) % SLOTS];
}

static bool kept(const struct slot *s, const struct dbr_ocsp_id *id, int64_t now)
{
    /* Half its life at least is left, and the clock has not gone back behind it. */
    return s->hash_len == id->hash_len && s->id_len == id->der_len &&
           dbr_serial_equal(&s->serial, &id->serial) && now >= s->this_update &&
           now - s->this_update <= s->next_update - now;
}

static uint64_t tag_of(const struct dbr_responder *r, const void *der, size_t n)
{
    return dbr_siphash(r->slot_key, der, n);
}

static void keep(struct slot *s, const struct dbr_ocsp_id *id, const struct dbr_answer *a)
{
    uint8_t *copy = malloc(a->len);
    if (!copy)
        return;
    free(s->der);
    memcpy(copy, a->der, a->len);
    *s = (struct slot){id->serial,     id->hash_len, id->der_len, a->this_update,
                       a->next_update, copy,         a->len,      a->tag};
}

static bool ours(const struct dbr_responder *r, const struct dbr_ocsp_id *id)
{
    size_t h = id->hash_len == 20 ? 0 : 1;
    return id->hash_len && memcmp(id->name_hash, r->issuer[h].name, id->hash_len) == 0 &&
           memcmp(id->key_hash, r->issuer[h].key, id->hash_len) == 0;
}

static void answer_fresh(struct dbr_responder *r, const struct dbr_ocsp_request *req, struct slot *s,
                         int64_t now, struct dbr_answer *out)
{
    int64_t next = now + r->life_s < r->cert.until ? now + r->life_s : r->cert.until;
    if (next <= now) {
        answer_error(r, OCSP_TRY_LATER, out); /* the signer has expired */
        return;
    }
    if (put_answer(r, req, now, next) != 0) {
        dbr_derout_free(&r->out);
        answer_error(r, OCSP_INTERNAL, out);
        return;
    }
    *out = (struct dbr_answer){.der = r->out.p, .len = r->out.n};
    if (!s)
        return;
    *out = (struct dbr_answer){r->out.p, r->out.n, true, tag_of(r, r->out.p, r->out.n), now, next};
    keep(s, &req->ids[0], out);
}

void dbr_responder_answer(struct dbr_responder *r, const void *request, size_t len, int64_t now,
                          struct dbr_answer *out)
{
    struct dbr_ocsp_request req;
    if (dbr_ocsp_request_parse(&req, request, len) != 0) {
        answer_error(r, OCSP_MALFORMED, out);
        return;
    }
    for (size_t i = 0; i < req.n; i++)
        if (!ours(r, &req.ids[i])) {
            answer_error(r, OCSP_UNAUTHORIZED, out);
            return;
        }
    if (r->no_nonces)
        req.nonce = NULL;
    struct slot *s = req.n == 1 && !req.nonce ? slot_of(r, &req.ids[0]) : NULL;
    if (s && kept(s, &req.ids[0], now))
        *out = (struct dbr_answer){s->der, s->len, true, s->tag, s->this_update, s->next_update};
    else
        answer_fresh(r, &req, s, now, out);
}
