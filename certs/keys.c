/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/keys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/der.h"
#include "certs/pem.h"
#include "certs/say.h"

/* Key types as data. */
static const struct key_type {
    const char *name;
    const char *algorithm; /* as EVP_PKEY_is_a takes it */
    int bits;
    const char *group;
    const char *digest; /* NULL: the algorithm has its own */
} types[] = {
    {"P-256", "EC", 256, "prime256v1", "SHA256"}, {"P-384", "EC", 384, "secp384r1", "SHA384"},
    {"ed25519", "ED25519", 256, NULL, NULL},      {"rsa:2048", "RSA", 2048, NULL, "SHA256"},
    {"rsa:3072", "RSA", 3072, NULL, "SHA256"},    {"rsa:4096", "RSA", 4096, NULL, "SHA256"},
};
enum { TYPES = sizeof types / sizeof types[0] };

static const struct key_type *find(const char *name)
{
    for (size_t i = 0; i < TYPES; i++)
        if (strcasecmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

bool dbr_key_type_known(const char *type)
{
    return find(type) != NULL;
}

EVP_PKEY *dbr_key_generate(const char *type)
{
    const struct key_type *t = find(type);
    if (!t)
        return NULL;
    if (t->group)
        return EVP_EC_gen(t->group);
    return strcmp(t->algorithm, "RSA") == 0 ? EVP_RSA_gen((unsigned)t->bits)
                                            : EVP_PKEY_Q_keygen(NULL, NULL, t->algorithm);
}

static bool usual_exponent(const EVP_PKEY *key)
{
    BIGNUM *e = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, "e", &e) && BN_is_word(e, 65537);
    BN_free(e);
    return ok;
}

static bool fits(const struct key_type *t, const EVP_PKEY *key)
{
    char group[64] = "";
    if (!EVP_PKEY_is_a(key, t->algorithm) || EVP_PKEY_get_bits(key) != t->bits)
        return false;
    if (strcmp(t->algorithm, "RSA") == 0)
        return usual_exponent(key);
    return !t->group ||
           (EVP_PKEY_get_group_name(key, group, sizeof group, NULL) && strcmp(group, t->group) == 0);
}

const char *dbr_key_type_of(const EVP_PKEY *key)
{
    for (size_t i = 0; i < TYPES; i++)
        if (fits(&types[i], key))
            return types[i].name;
    return NULL;
}

const EVP_MD *dbr_key_digest(const EVP_PKEY *key)
{
    const char *type = dbr_key_type_of(key);
    const char *digest = type ? find(type)->digest : "SHA256";
    return digest ? EVP_get_digestbyname(digest) : NULL;
}

/* --- writing
 * -------------------------------------------------------------------------------------------------- */

static X509_SIG *encrypt(PKCS8_PRIV_KEY_INFO *info, const struct dbr_pass *pass)
{
    X509_ALGOR *pbe =
        PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), DBR_KEY_ITERATIONS, NULL, 16, NULL, NID_hmacWithSHA256);
    if (!pbe)
        return NULL;
    X509_SIG *sig = PKCS8_set0_pbe(pass->p, (int)pass->n, info, pbe);
    if (!sig)
        X509_ALGOR_free(pbe);
    return sig;
}

static int copy_out(BIO *bio, uint8_t **pem, size_t *len)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    *pem = n > 0 ? malloc((size_t)n) : NULL;
    if (!*pem)
        return DBR_ERR_NOMEM;
    memcpy(*pem, p, (size_t)n);
    *len = (size_t)n;
    return 0;
}

int dbr_key_write(const EVP_PKEY *key, const struct dbr_pass *pass, uint8_t **pem, size_t *len)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    X509_SIG *sig = info && pass->p ? encrypt(info, pass) : NULL;
    BIO *bio = BIO_new(BIO_s_secmem());
    int err = DBR_ERR_CRYPTO;
    *pem = NULL;
    *len = 0;
    if (info && bio &&
        (pass->p ? sig && PEM_write_bio_PKCS8(bio, sig) : PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info)))
        err = copy_out(bio, pem, len);
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(sig);
    BIO_free(bio);
    return err;
}

/* --- reading
 * -------------------------------------------------------------------------------------------------- */

static int give_pass(char *buf, int size, int rwflag, void *arg)
{
    const struct dbr_pass *pass = arg;
    (void)rwflag;
    if (!pass->p || size < 0 || pass->n > (size_t)size)
        return -1;
    memcpy(buf, pass->p, pass->n);
    return (int)pass->n;
}

int dbr_key_read(EVP_PKEY **out, const uint8_t *pem, size_t len, const struct dbr_pass *pass, char *why,
                 size_t cap)
{
    struct dbr_pass copy = *pass;
    *out = NULL;
    enum dbr_key_protection kind = dbr_key_protection(pem, len);
    if (kind == DBR_KEY_NONE || len > DBR_KEY_FILE_MAX)
        return dbr_say(DBR_ERR_SHAPE, why, cap, "no private key in it");
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    if (!bio)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    *out = PEM_read_bio_PrivateKey(bio, NULL, give_pass, &copy);
    BIO_free(bio);
    ERR_clear_error();
    if (*out)
        return 0;
    if (kind != DBR_KEY_PLAIN)
        return dbr_say(DBR_ERR_AUTH, why, cap,
                       pass->p ? "wrong passphrase" : "the key is encrypted: a passphrase is needed");
    return dbr_say(DBR_ERR_SHAPE, why, cap, "the private key is broken");
}

/* --- looking at a file
 * ---------------------------------------------------------------------------------------- */

/* PBES2 parameters (RFC 8018, A.4): SEQUENCE { keyDerivationFunc { oid, params }, encryptionScheme { oid, iv
 * } }. */
static const uint8_t oid_pbes2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d};
static const uint8_t oid_pbkdf2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c};
static const uint8_t oid_scrypt[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b};
static const uint8_t oid_aes256[] = {0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x01}; /* + one byte for the mode */

static bool strong_kdf(struct dbr_reader *kdf)
{
    struct dbr_der oid, salt;
    struct dbr_reader params;
    const uint8_t *n;
    size_t len;
    uint64_t rounds = 0;
    dbr_der_take(kdf, DBR_DER_OID, &oid);
    if (dbr_der_is(&oid, oid_scrypt, sizeof oid_scrypt))
        return true;
    dbr_der_enter(kdf, DBR_DER_SEQ, &params);
    dbr_der_take(&params, DBR_DER_OCTETS, &salt);
    if (!dbr_der_unsigned(&params, 4, &n, &len))
        return false;
    while (len--)
        rounds = rounds << 8 | *n++;
    return dbr_der_is(&oid, oid_pbkdf2, sizeof oid_pbkdf2) && rounds >= 100000 && salt.len >= 8;
}

/* EncryptedPrivateKeyInfo ::= SEQUENCE { algorithm, OCTET STRING }. */
static int judge_encrypted(void *arg, const uint8_t *der, size_t len)
{
    enum dbr_key_protection *found = arg;
    struct dbr_reader r, info, algorithm, params, kdf, scheme;
    struct dbr_der oid, cipher;
    dbr_reader_init(&r, der, len);
    dbr_der_enter(&r, DBR_DER_SEQ, &info);
    dbr_der_enter(&info, DBR_DER_SEQ, &algorithm);
    dbr_der_take(&algorithm, DBR_DER_OID, &oid);
    dbr_der_enter(&algorithm, DBR_DER_SEQ, &params);
    dbr_der_enter(&params, DBR_DER_SEQ, &kdf);
    dbr_der_enter(&params, DBR_DER_SEQ, &scheme);
    dbr_der_take(&scheme, DBR_DER_OID, &cipher);
    bool aes = cipher.len == 9 && memcmp(cipher.body, oid_aes256, 8) == 0 && cipher.body[8] > 40;
    bool good =
        dbr_reader_ok(&scheme) && dbr_der_is(&oid, oid_pbes2, sizeof oid_pbes2) && aes && strong_kdf(&kdf);
    *found = good ? DBR_KEY_STRONG : DBR_KEY_WEAK;
    return 0;
}

static int judge_plain(void *arg, const uint8_t *der, size_t len)
{
    (void)der;
    (void)len;
    *(enum dbr_key_protection *)arg = DBR_KEY_PLAIN;
    return 0;
}

enum dbr_key_protection dbr_key_protection(const uint8_t *pem, size_t len)
{
    enum dbr_key_protection found = DBR_KEY_NONE;
    static const char old_encryption[] = "Proc-Type: 4,ENCRYPTED", dashes[] = "PRIVATE KEY-----";
    if (dbr_pem_each(pem, len, "ENCRYPTED PRIVATE KEY", judge_encrypted, &found) == 0 &&
        found != DBR_KEY_NONE)
        return found;
    if (dbr_pem_each(pem, len, "PRIVATE KEY", judge_plain, &found) == 0 && found != DBR_KEY_NONE)
        return found;
    if (len == 0 || !memmem(pem, len, dashes, sizeof dashes - 1))
        return DBR_KEY_NONE;
    return memmem(pem, len, old_encryption, sizeof old_encryption - 1) ? DBR_KEY_WEAK : DBR_KEY_PLAIN;
}
