/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/sign_request.h"
#include "base/err.h"
#include "base/secret.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdio.h>
#include <string.h>

enum { DIGEST_MAX = 64, PREFIX_MAX = 19, PKCS1_LEAST = 11 /* 00 01, eight FF, 00 */ };

/* DigestInfo up to the digest (RFC 8017, 9.2, note 1). */
static const struct digest_info {
    const char *name;
    uint8_t len, prefix_len;
    uint8_t prefix[PREFIX_MAX];
} digests[] = {
#define SHA2(id, n) 0x30, 0x11 + (n), 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, id, 5, 0, 4, n
    {"SHA1", 20, 15, {0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 20}},
    {"SHA224", 28, 19, {SHA2(4, 28)}},
    {"SHA256", 32, 19, {SHA2(1, 32)}},
    {"SHA384", 48, 19, {SHA2(2, 48)}},
    {"SHA512", 64, 19, {SHA2(3, 64)}},
#undef SHA2
};

static const struct digest_info *find(const char *name)
{
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
        if (strcmp(digests[i].name, name) == 0)
            return &digests[i];
    return NULL;
}

static int digest_of(const char *name, const struct dbr_to_sign *w, uint8_t out[DIGEST_MAX])
{
    return EVP_Q_digest(NULL, name, NULL, w->message, w->n, out, NULL) == 1 ? 0 : DBR_ERR_CRYPTO;
}

/* ---- padding, RFC 8017 ---- */

/* EMSA-PKCS1-v1_5 (9.2) of n bytes of DigestInfo, in place, to the length of the key. */
static int pad_pkcs1(struct dbr_sign_request *r, size_t k)
{
    if (k > sizeof r->data || r->n + PKCS1_LEAST > k)
        return DBR_ERR_SPACE;
    memmove(r->data + k - r->n, r->data, r->n);
    memset(r->data, 0xff, k - r->n);
    r->data[0] = r->data[k - r->n - 1] = 0;
    r->data[1] = 1;
    r->n = k;
    return 0;
}

/* XORs MGF1 (B.2.1) of the seed over n bytes. */
static int mask(uint8_t *out, size_t n, const char *digest, const uint8_t *seed, size_t len)
{
    uint8_t in[DIGEST_MAX + 4], block[DIGEST_MAX];
    memcpy(in, seed, len);
    for (size_t at = 0, count = 0; at < n; at += len, count++) {
        for (size_t i = 0; i < 4; i++)
            in[len + i] = (uint8_t)(count >> (24 - 8 * i));
        if (EVP_Q_digest(NULL, digest, NULL, in, len + 4, block, NULL) != 1)
            return DBR_ERR_CRYPTO;
        for (size_t i = 0; i < len && at + i < n; i++)
            out[at + i] ^= block[i];
    }
    return 0;
}

/* EMSA-PSS (9.1.1) of the digest that is in r->data, in place:  maskedDB | H | bc */
static int pad_pss(struct dbr_sign_request *r, const struct digest_info *d, const struct dbr_to_sign *w)
{
    uint8_t m[8 + 2 * DIGEST_MAX] = {0};
    const size_t k = (w->key_bits + 7) / 8, em = (w->key_bits + 6) / 8, h = d->len;
    const size_t salt = w->salt_len < 0 ? h : (size_t)w->salt_len;
    if (k > sizeof r->data || salt > DIGEST_MAX || em < h + salt + 2)
        return DBR_ERR_SPACE;
    memcpy(m + 8, r->data, h);
    if (salt && RAND_bytes(m + 8 + h, (int)salt) != 1)
        return DBR_ERR_CRYPTO;
    memset(r->data, 0, k);
    uint8_t *db = r->data + (k - em), *hash = db + em - h - 1;
    db[em - h - salt - 2] = 1;
    memcpy(hash - salt, m + 8 + h, salt);
    if (EVP_Q_digest(NULL, d->name, NULL, m, 8 + h + salt, hash, NULL) != 1 ||
        mask(db, em - h - 1, d->name, hash, h))
        return DBR_ERR_CRYPTO;
    db[0] &= (uint8_t)(0xff >> (8 * em - (w->key_bits - 1)));
    db[em - 1] = 0xbc;
    r->n = k;
    return 0;
}

/* ---- what is asked for ---- */

static const char *name_salt(const struct dbr_to_sign *w, const struct digest_info *d)
{
    return w->salt_len < 0 || w->salt_len == d->len ? "digest" : "max";
}

static void put_digest_info(struct dbr_sign_request *r, const struct digest_info *d)
{
    memmove(r->data + d->prefix_len, r->data, d->len);
    memcpy(r->data, d->prefix, d->prefix_len);
    r->n = (size_t)d->prefix_len + d->len;
}

static void name(struct dbr_sign_request *r, const char *text)
{
    snprintf(r->algorithm, sizeof r->algorithm, "%s", text);
}

/* r->data has the digest. */
static int prepare_rsa(struct dbr_sign_request *r, const struct digest_info *d, const struct dbr_to_sign *w,
                       unsigned signer)
{
    if (w->pss && signer & DBR_SIGNER_PSS) {
        snprintf(r->algorithm, sizeof r->algorithm, "RSA_PKCS1_PSS_PADDING,hashalg=%s,saltlen=%s", d->name,
                 name_salt(w, d));
        return 0;
    }
    if (!w->pss)
        put_digest_info(r, d);
    if (!w->pss && signer & DBR_SIGNER_PKCS1) {
        name(r, "RSA_PKCS1_PADDING");
        return 0;
    }
    name(r, "RSA_NO_PADDING");
    if (!(signer & DBR_SIGNER_NOPADDING))
        return DBR_ERR_NOTFOUND;
    return w->pss ? pad_pss(r, d, w) : pad_pkcs1(r, (w->key_bits + 7) / 8);
}

/* The message as it is, for a signer who makes the digest; not one that is longer than a request. */
static bool prepare_message(struct dbr_sign_request *r, const struct digest_info *d,
                            const struct dbr_to_sign *w, unsigned signer)
{
    const unsigned how = w->pss ? DBR_SIGNER_PSS : DBR_SIGNER_PKCS1;
    if (!(signer & DBR_SIGNER_DIGEST) || w->n > sizeof r->data || (!w->ec && !(signer & how)))
        return false;
    memcpy(r->data, w->message, w->n);
    r->n = w->n;
    snprintf(r->algorithm, sizeof r->algorithm, "%s,hashalg=%s%s%s,data=message",
             w->ec    ? "ECDSA"
             : w->pss ? "RSA_PKCS1_PSS_PADDING"
                      : "RSA_PKCS1_PADDING",
             d->name, w->pss ? ",saltlen=" : "", w->pss ? name_salt(w, d) : "");
    return true;
}

int dbr_sign_request(struct dbr_sign_request *r, const struct dbr_to_sign *w, unsigned signer)
{
    const struct digest_info *d = find(w->digest);
    if (!d)
        return DBR_ERR_NOTFOUND;
    if (!(signer & (DBR_SIGNER_NOPADDING | DBR_SIGNER_PSS)))
        signer |= DBR_SIGNER_PKCS1;
    if (prepare_message(r, d, w, signer))
        return 0;
    int err = digest_of(d->name, w, r->data);
    r->n = d->len;
    if (err || !w->ec)
        return err ? err : prepare_rsa(r, d, w, signer);
    name(r, "ECDSA");
    return 0;
}
