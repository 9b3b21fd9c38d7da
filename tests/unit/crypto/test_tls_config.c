/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Each wrong input of a TLS configuration is named in one line with a way out; each right one is taken.
 */
#include "base/err.h"
#include "crypto/tls.h"
#include "pki.h"
#include "wire.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pki_id *root, *own, *other, *weak, *sha1, *expired, *future;
static char *encrypted_key, *two_certs, *damaged, *damaged_chain, *cert_in_text, *key_and_cert;
static uint8_t *p12, *p12_open;
static size_t p12_len, p12_open_len;

static char *bio_text(BIO *bio)
{
    char *data, *text;
    long n = BIO_get_mem_data(bio, &data);
    text = calloc(1, (size_t)n + 1);
    memcpy(text, data, (size_t)n);
    BIO_free(bio);
    return text;
}

static char *join(const char *a, const char *b)
{
    char *text = calloc(1, strlen(a) + strlen(b) + 1);
    strcat(strcpy(text, a), b);
    return text;
}

static uint8_t *make_p12(const char *pass, size_t *len)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, root->cert);
    PKCS12 *p = PKCS12_create(pass, "us", own->key, own->cert, chain, 0, 0, 0, 0, 0);
    uint8_t *der = NULL;
    *len = (size_t)i2d_PKCS12(p, &der);
    PKCS12_free(p);
    sk_X509_free(chain);
    return der;
}

static int make_inputs(void **state)
{
    (void)state;
    root = pki_root("Office CA");
    own = pki_server("vpn.office", root);
    other = pki_server("other", root);
    weak = pki_make(&(struct pki_spec){.subject = "/CN=weak", .rsa_bits = 1024}, root);
    sha1 = pki_make(&(struct pki_spec){.subject = "/CN=sha1", .digest = "SHA1"}, root);
    expired = pki_make(&(struct pki_spec){.subject = "/CN=old", .from_s = -7200, .to_s = -3600}, root);
    future = pki_make(&(struct pki_spec){.subject = "/CN=new", .from_s = 3600}, root);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, own->key, EVP_aes_256_cbc(), "open sesame", 11, NULL, NULL);
    encrypted_key = bio_text(bio);
    two_certs = join(own->pem, root->pem);
    damaged = join(own->pem, "");
    damaged[own->pem_len / 2] = '!';
    damaged_chain = join(own->pem, damaged);
    cert_in_text = join("Certificate:\n    Data: something readable\n", own->pem);
    key_and_cert = join(own->key_pem, own->pem);
    p12 = make_p12("open sesame", &p12_len);
    p12_open = make_p12("", &p12_open_len);
    return 0;
}

static int drop_inputs(void **state)
{
    (void)state;
    struct pki_id *ids[] = {root, own, other, weak, sha1, expired, future};
    char *texts[] = {encrypted_key, two_certs, damaged, damaged_chain, cert_in_text, key_and_cert};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        pki_free(ids[i]);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    OPENSSL_free(p12);
    OPENSSL_free(p12_open);
    return 0;
}

/* A good server configuration to be spoilt. */
static struct dbr_tls_config base(void)
{
    struct dbr_tls_config c = {.server = true, .now = time(NULL)};
    c.ca = root->pem;
    c.cert = own->pem;
    c.key = own->key_pem;
    return c;
}

static int try_config(struct dbr_tls_config c, char *why, size_t cap)
{
    struct dbr_tls_ctx *ctx;
    c.ca_len = c.ca ? strlen(c.ca) : 0;
    c.cert_len = c.cert ? strlen(c.cert) : 0;
    c.key_len = c.key ? strlen(c.key) : 0;
    c.extra_certs_len = c.extra_certs ? strlen(c.extra_certs) : 0;
    why[0] = 0;
    int err = dbr_tls_ctx_new(&ctx, &c, why, cap);
    assert_int_equal(ctx != NULL, err == 0);
    dbr_tls_ctx_put(ctx);
    return err;
}

static void use(struct dbr_tls_config *c, const struct pki_id *id)
{
    c->cert = id->pem;
    c->key = id->key_pem;
}

/* Each row spoils one thing. */
#define SPOIL(name, ...)                                                                                     \
    static void name(struct dbr_tls_config *c)                                                               \
    {                                                                                                        \
        __VA_ARGS__;                                                                                         \
    }
SPOIL(nothing, (void)c)
SPOIL(no_ca, c->ca = NULL)
SPOIL(empty_ca, c->ca = "nothing here")
SPOIL(key_as_ca, c->ca = root->key_pem)
SPOIL(damaged_ca, c->ca = damaged)
SPOIL(missing_capath, c->capath = "/nonexistent"; c->ca = NULL)
SPOIL(no_cert, c->cert = NULL)
SPOIL(empty_cert, c->cert = "")
SPOIL(damaged_cert, c->cert = damaged)
SPOIL(damaged_chain_cert, c->cert = damaged_chain)
SPOIL(chain_cert, c->cert = two_certs)
SPOIL(texty_cert, c->cert = cert_in_text)
SPOIL(cert_after_key, c->cert = key_and_cert; c->key = key_and_cert)
SPOIL(no_key, c->key = NULL)
SPOIL(cert_as_key, c->key = own->pem)
SPOIL(other_key, c->key = other->key_pem)
SPOIL(locked_key, c->key = encrypted_key)
SPOIL(wrong_pass, c->key = encrypted_key; c->key_pass = "open barley")
SPOIL(empty_pass, c->key = encrypted_key; c->key_pass = "")
SPOIL(right_pass, c->key = encrypted_key; c->key_pass = "open sesame")
SPOIL(needless_pass, c->key_pass = "open sesame")
SPOIL(damaged_extra, c->extra_certs = damaged)
SPOIL(good_extra, c->extra_certs = root->pem)
SPOIL(weak_cert, use(c, weak))
SPOIL(weak_cert_legacy, use(c, weak); c->cert_profile = "legacy")
SPOIL(sha1_cert, use(c, sha1))
SPOIL(sha1_cert_insecure, use(c, sha1); c->cert_profile = "insecure")
SPOIL(expired_cert, use(c, expired))
SPOIL(expired_unseen, use(c, expired); c->now = 0)
SPOIL(future_cert, use(c, future))
SPOIL(version_10, c->version_min = 10)
SPOIL(version_swap, c->version_min = 13; c->version_max = 12)
SPOIL(version_max_11, c->version_max = 11)
SPOIL(version_12, c->version_min = 12; c->version_max = 12)
SPOIL(version_13, c->version_min = 13)
SPOIL(bad_profile, c->cert_profile = "strong")
SPOIL(suiteb, c->cert_profile = "suiteb")
SPOIL(bad_cipher, c->cipher_list = "RC4-NONSENSE")
SPOIL(iana_cipher, c->cipher_list = "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384:TLS-DHE-RSA-WITH-AES-256-CBC-SHA")
SPOIL(openssl_cipher, c->cipher_list = "ECDHE-RSA-AES256-GCM-SHA384:!aNULL")
SPOIL(bad_suite, c->ciphersuites = "ECDHE-RSA-AES256-GCM-SHA384")
SPOIL(good_suite, c->ciphersuites = "TLS_CHACHA20_POLY1305_SHA256")
SPOIL(bad_group, c->groups = "X25519:nonsense")
SPOIL(good_group, c->groups = "X25519:secp384r1")
SPOIL(p12_no_pass, c->pkcs12 = p12; c->pkcs12_len = p12_len)
SPOIL(p12_wrong, c->pkcs12 = p12; c->pkcs12_len = p12_len; c->key_pass = "open barley")
SPOIL(p12_cut, c->pkcs12 = p12; c->pkcs12_len = p12_len / 2; c->key_pass = "open sesame")
SPOIL(p12_good, c->pkcs12 = p12; c->pkcs12_len = p12_len; c->key_pass = "open sesame")
SPOIL(p12_alone, c->pkcs12 = p12; c->pkcs12_len = p12_len; c->key_pass = "open sesame";
      c->ca = c->cert = c->key = NULL)
SPOIL(p12_unlocked, c->pkcs12 = p12_open; c->pkcs12_len = p12_open_len)

static const struct {
    void (*spoil)(struct dbr_tls_config *);
    const char *why; /* NULL: is taken */
} cases[] = {
    {nothing, NULL},
    {no_ca, "ca: missing; say which CA's certificates are accepted (ca FILE, or inline)"},
    {empty_ca, "ca: no certificate in it; it must be PEM (-----BEGIN CERTIFICATE-----)"},
    {key_as_ca, "ca: no certificate in it"},
    {damaged_ca, "ca: certificate 1 in it is damaged"},
    {missing_capath, NULL}, /* a folder may fill later */
    {no_cert, "cert: missing; give our certificate"},
    {empty_cert, "cert: no certificate in it"},
    {damaged_cert, "cert: certificate 1 in it is damaged"},
    {damaged_chain_cert, "cert: certificate 2 in it is damaged"},
    {chain_cert, NULL},
    {texty_cert, NULL},
    {cert_after_key, NULL},
    {no_key, "key: missing; give the private key of cert"},
    {cert_as_key, "key: no private key in it"},
    {other_key, "key: does not belong to the certificate of cert"},
    {locked_key, "key: it is encrypted; give its pass phrase (askpass FILE)"},
    {wrong_pass, "key: wrong pass phrase"},
    {empty_pass, "key: wrong pass phrase"},
    {right_pass, NULL},
    {needless_pass, NULL},
    {damaged_extra, "extra-certs: certificate 1 in it is damaged"},
    {good_extra, NULL},
    {weak_cert,
     "cert: too weak (ee key too small): issue it again, or set tls-cert-profile legacy or insecure"},
    {weak_cert_legacy, NULL},
    {sha1_cert, "cert: too weak (ca md too weak)"},
    {sha1_cert_insecure, NULL},
    {expired_cert, "cert: our certificate CN=old has expired on 20"},
    {expired_unseen, NULL},
    {future_cert, "cert: our certificate CN=new is valid from 20"},
    {version_10, "tls-version-min and tls-version-max: only 1.2 and 1.3, in this order"},
    {version_swap, "tls-version-min and tls-version-max: only 1.2 and 1.3, in this order"},
    {version_max_11, "tls-version-min and tls-version-max: only 1.2 and 1.3, in this order"},
    {version_12, NULL},
    {version_13, NULL},
    {bad_profile, "tls-cert-profile: \"strong\" is none of insecure, legacy, preferred, suiteb"},
    {suiteb, NULL},
    {bad_cipher, "tls-cipher: no cipher of \"RC4-NONSENSE\" is known"},
    {iana_cipher, NULL},
    {openssl_cipher, NULL},
    {bad_suite, "tls-ciphersuites: \"ECDHE-RSA-AES256-GCM-SHA384\" is no list of TLS 1.3 suites"},
    {good_suite, NULL},
    {bad_group, "tls-groups: a group of \"X25519:nonsense\" is not known"},
    {good_group, NULL},
    {p12_no_pass, "pkcs12: it is encrypted; give its pass phrase"},
    {p12_wrong, "pkcs12: wrong pass phrase"},
    {p12_cut, "pkcs12: not a PKCS#12 file"},
    {p12_good, NULL},
    {p12_alone, NULL},
    {p12_unlocked, NULL},
};

static void each_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dbr_tls_config c = base();
        char why[256];
        cases[i].spoil(&c);
        int err = try_config(c, why, sizeof why);
        bool as_wanted = cases[i].why
                             ? err == DBR_ERR_CONFIG && !strncmp(why, cases[i].why, strlen(cases[i].why))
                             : err == 0 && !why[0];
        if (!as_wanted)
            fail_msg("case %zu: %d \"%s\", wanted \"%s\"", i, err, why, cases[i].why ? cases[i].why : "good");
        assert_null(strchr(why, '\n'));
    }
}

static void the_same_for_a_client(void **state)
{
    (void)state;
    struct dbr_tls_config c = base();
    char why[256];
    c.server = false;
    assert_int_equal(try_config(c, why, sizeof why), 0);
    other_key(&c);
    assert_int_equal(try_config(c, why, sizeof why), DBR_ERR_CONFIG);
    assert_int_equal(try_config(c, why, 1), DBR_ERR_CONFIG); /* a short line is cut */
    assert_string_equal(why, "");
}

/* Several CAs in one text: a client is told all their names, and one of any of them may come in. */
static void many_roots(void **state)
{
    (void)state;
    struct pki_id *second = pki_root("Second CA"), *bob = pki_client("bob", second);
    struct pki_id both = *root;
    both.pem = join(root->pem, second->pem);
    both.pem_len = strlen(both.pem);
    struct dbr_tls_ctx *ctx = wire_ctx(true, &both, own, NULL);
    struct dbr_tls *server = wire_session(ctx, NULL);
    SSL *client = raw_end(false, root, bob, TLS1_3_VERSION);
    assert_int_equal(raw_handshake(client, server), 0);
    assert_int_equal(sk_X509_NAME_num(SSL_get0_peer_CA_list(client)), 2);
    assert_string_equal(dbr_tls_peer(server)->cn, "bob");
    raw_free(client);
    dbr_tls_free(server);
    dbr_tls_ctx_put(ctx);
    free(both.pem);
    pki_free(bob);
    pki_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_input),
        cmocka_unit_test(the_same_for_a_client),
        cmocka_unit_test(many_roots),
    };
    return cmocka_run_group_tests(tests, make_inputs, drop_inputs);
}
