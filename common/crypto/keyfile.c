/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/keyfile.h"
#include "base/err.h"
#include "crypto/lib.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

struct pass {
    const char *text;
    bool asked;
};

static int give_pass(char *buf, int size, int writing, void *arg)
{
    struct pass *p = arg;
    (void)writing;
    p->asked = true;
    size_t n = p->text ? strlen(p->text) : 0;
    if (!p->text || size < 0 || n > (size_t)size)
        return -1;
    memcpy(buf, p->text, n);
    return (int)n;
}

static void explain(const struct pass *pass, char *why, size_t cap)
{
    if (pass->asked && !pass->text)
        say(why, cap, 0, "key: it is encrypted; give its pass phrase (askpass FILE)");
    else if (pass->asked)
        say(why, cap, 0, "key: wrong pass phrase (or the key is damaged); check askpass");
    else
        say(why, cap, 0, "key: no private key in it (%s); it must be PEM", library_reason());
}

EVP_PKEY *keyfile_pem(const char *text, size_t len, const char *pass_text, char *why, size_t cap)
{
    struct pass pass = {pass_text, false};
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_pass, &pass) : NULL;
    if (!key)
        explain(&pass, why, cap);
    BIO_free(bio);
    return key;
}

static int parse(PKCS12 *p12, const char *pass, EVP_PKEY **key, X509 **cert, STACK_OF(X509) * *chain,
                 char *why, size_t cap)
{
    if (!PKCS12_verify_mac(p12, pass ? pass : "", -1))
        return say(why, cap, DBR_ERR_CONFIG, "pkcs12: %s",
                   pass ? "wrong pass phrase; check askpass"
                        : "it is encrypted; give its pass phrase (askpass FILE)");
    if (!PKCS12_parse(p12, pass ? pass : "", key, cert, chain))
        return say(why, cap, DBR_ERR_CONFIG,
                   "pkcs12: cannot be read (%s); one written with RC2 must be exported again",
                   library_reason());
    return 0;
}

int keyfile_p12(const uint8_t *der, size_t len, const char *pass, EVP_PKEY **key, X509 **cert,
                STACK_OF(X509) * *chain, char *why, size_t cap)
{
    *key = NULL;
    *cert = NULL;
    *chain = NULL;
    PKCS12 *p12 = len <= INT_MAX ? d2i_PKCS12(NULL, &der, (long)len) : NULL;
    int err = p12 ? parse(p12, pass, key, cert, chain, why, cap)
                  : say(why, cap, DBR_ERR_CONFIG, "pkcs12: not a PKCS#12 file (%s)", library_reason());
    PKCS12_free(p12);
    return err;
}

/* Consumes n bytes at der. */
static int hash(uint8_t *der, int n, uint8_t id[32])
{
    bool ok = n > 0 && EVP_Digest(der, (size_t)n, id, NULL, fetched()->sha256, NULL) == 1;
    OPENSSL_free(der);
    return ok ? 0 : DBR_ERR_CRYPTO;
}

int keyfile_id(EVP_PKEY *key, uint8_t id[32])
{
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    return hash(der, n, id);
}

int keyfile_cert_id(const X509 *cert, uint8_t id[32])
{
    uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    return hash(der, n, id);
}
