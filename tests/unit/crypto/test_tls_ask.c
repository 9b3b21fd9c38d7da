/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handshakes whose key is in another process: every kind of key, both versions, both ends. What the library
 * asks for has the shape that the signer wants to see, for this end and not for the other, and the far end
 * takes the signature.
 */
#include "base/err.h"
#include "crypto/signkey.h"
#include "crypto/tls_scheme.h"
#include "wire.h"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RSA2048, P256, P384, P521, ED25519, ED448, PSS, KINDS };

static struct pki_id *ca, *ids[2][KINDS]; /* client's, server's */

static EVP_PKEY *make_pss(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY_keygen_init(c);
    EVP_PKEY_CTX_set_rsa_keygen_bits(c, 2048);
    EVP_PKEY_keygen(c, &key);
    EVP_PKEY_CTX_free(c);
    return key;
}

static EVP_PKEY *make_key(int kind)
{
    switch (kind) {
    case RSA2048: return EVP_RSA_gen(2048);
    case P256: return EVP_EC_gen("P-256");
    case P384: return EVP_EC_gen("P-384");
    case P521: return EVP_EC_gen("P-521");
    case ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case ED448: return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    default: return make_pss();
    }
}

static int make_pki(void **state)
{
    (void)state;
    ca = pki_root("Office CA");
    for (int i = 0; i < 2 * KINDS; i++) {
        const bool server = i & 1;
        EVP_PKEY *key = make_key(i / 2);
        struct pki_spec spec = {.subject = server ? "/CN=vpn.office" : "/CN=alice",
                                .key = key,
                                .exts = {"extendedKeyUsage", server ? "serverAuth" : "clientAuth"}};
        ids[server][i / 2] = pki_make(&spec, ca);
        EVP_PKEY_free(key);
    }
    return 0;
}

static int drop_pki(void **state)
{
    (void)state;
    pki_free(ca);
    for (int i = 0; i < 2 * KINDS; i++)
        pki_free(ids[i & 1][i / 2]);
    return 0;
}

/* ---- the signer ---- */

static struct {
    uint16_t scheme;
    uint8_t key_id[DBR_KEY_ID_LEN];
    uint8_t *message;
    size_t n;
    unsigned questions;
} asked;

static void on_ask(void *arg, void *session_arg, const struct dbr_tls_to_sign *what)
{
    (void)arg, (void)session_arg;
    free(asked.message);
    asked.message = malloc(what->n);
    memcpy(asked.message, what->message, what->n);
    asked.n = what->n;
    asked.scheme = what->scheme;
    memcpy(asked.key_id, what->key_id, sizeof asked.key_id);
    asked.questions++;
}

static struct dbr_signkey *key_of(const struct pki_id *id)
{
    struct dbr_signkey *k;
    char why[256] = "";
    const struct dbr_signkey_config c = {.key = id->key_pem, .key_len = id->key_pem_len};
    if (dbr_signkey_new(&k, &c, why, sizeof why))
        fail_msg("%s", why);
    return k;
}

/* ---- handshakes ---- */

static int context(struct dbr_tls_ctx **out, bool server, int kind, bool outside, int version,
                   const uint8_t *key_id, char *why, size_t cap)
{
    const struct pki_id *id = ids[server][kind];
    struct dbr_tls_config c = {.server = server,
                               .ca = ca->pem,
                               .ca_len = ca->pem_len,
                               .cert = id->pem,
                               .cert_len = id->pem_len,
                               .key = outside ? NULL : id->key_pem,
                               .key_len = id->key_pem_len,
                               .ask = outside ? on_ask : NULL,
                               .key_id = outside ? key_id : NULL,
                               .version_min = version,
                               .version_max = version};
    return dbr_tls_ctx_new(out, &c, why, cap);
}

static struct dbr_tls *session(bool server, int kind, bool outside, int version, const uint8_t *key_id)
{
    struct dbr_tls_ctx *ctx;
    char why[DBR_TLS_WHY_MAX] = "";
    if (context(&ctx, server, kind, outside, version, key_id, why, sizeof why))
        fail_msg("kind %d: %s", kind, why);
    struct dbr_tls *t = wire_session(ctx, NULL);
    dbr_tls_ctx_put(ctx);
    return t;
}

static void go(struct dbr_tls *a, struct dbr_tls *b, int *ra, int *rb)
{
    for (int i = 0; i < 30; i++) {
        *ra = dbr_tls_step(a);
        wire_move(a, b, 1200);
        *rb = dbr_tls_step(b);
        wire_move(b, a, 1200);
    }
}

static void one_handshake(int kind, int version, bool at_server)
{
    struct dbr_signkey *k = key_of(ids[at_server][kind]);
    struct dbr_tls *client = session(false, kind, !at_server, version, dbr_signkey_id(k)),
                   *server = session(true, kind, at_server, version, dbr_signkey_id(k));
    struct dbr_tls *who = at_server ? server : client;
    uint8_t sig[DBR_SIGNATURE_MAX];
    size_t n = sizeof sig;
    int rc, rs;
    asked.questions = 0;
    go(client, server, &rc, &rs);
    if (asked.questions != 1 || !dbr_tls_wants_signature(who))
        fail_msg("kind %d version %d server %d: %u questions (%s)", kind, version, at_server, asked.questions,
                 dbr_tls_why(who));
    assert_memory_equal(asked.key_id, dbr_signkey_id(k), DBR_KEY_ID_LEN);
    if (!dbr_tls_to_sign(at_server, asked.message, asked.n) ||
        dbr_tls_to_sign(!at_server, asked.message, asked.n))
        fail_msg("kind %d version %d server %d: not its shape", kind, version, at_server);
    assert_int_equal(dbr_signkey_sign(k, asked.scheme, asked.message, asked.n, sig, &n), 0);
    assert_int_equal(dbr_tls_signed(who, sig, n), 0);
    go(client, server, &rc, &rs);
    if (rc || rs)
        fail_msg("kind %d version %d server %d: %d (%s), %d (%s)", kind, version, at_server, rc,
                 dbr_tls_why(client), rs, dbr_tls_why(server));
    assert_int_equal(asked.questions, 1);
    dbr_tls_free(client);
    dbr_tls_free(server);
    dbr_signkey_free(k);
}

static void every_kind(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 4; i++)
            one_handshake(kind, 12 + (i & 1), i & 2);
}

/* The certificate and the key that somebody else has must be a pair. */
static void another_key(void **state)
{
    (void)state;
    struct dbr_signkey *k = key_of(ids[0][RSA2048]);
    struct dbr_tls_ctx *ctx;
    char why[256] = "";
    assert_int_equal(context(&ctx, true, RSA2048, true, 13, dbr_signkey_id(k), why, sizeof why),
                     DBR_ERR_CONFIG);
    assert_non_null(strstr(why, "does not belong to the certificate"));
    dbr_signkey_free(k);
}

/* A scheme for another kind of key, or none at all, is no signature. */
static void wrong_schemes(void **state)
{
    (void)state;
    static const uint16_t of[KINDS][9] = {
        [RSA2048] = {0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806, 0x0301, 0x0201},
        [P256] = {0x0403, 0x0503, 0x0603, 0x0303, 0x0203},
        [P384] = {0x0403, 0x0503, 0x0603, 0x0303, 0x0203},
        [P521] = {0x0403, 0x0503, 0x0603, 0x0303, 0x0203},
        [ED25519] = {0x0807},
        [ED448] = {0x0808},
        [PSS] = {0x0804, 0x0805, 0x0806},
    };
    for (int kind = 0; kind < KINDS; kind++) {
        struct dbr_signkey *k = key_of(ids[1][kind]);
        for (unsigned scheme = 0; scheme < 0x0900; scheme++) {
            uint8_t sig[DBR_SIGNATURE_MAX];
            size_t n = sizeof sig;
            bool listed = false;
            for (int i = 0; i < 9; i++)
                listed |= scheme && of[kind][i] == scheme;
            int err = dbr_signkey_sign(k, (uint16_t)scheme, (const uint8_t *)"x", 1, sig, &n);
            if (listed ? err : err != DBR_ERR_NOTFOUND)
                fail_msg("kind %d scheme %04x: %d", kind, scheme, err);
        }
        dbr_signkey_free(k);
    }
}

static void no_room(void **state)
{
    (void)state;
    struct dbr_signkey *k = key_of(ids[1][RSA2048]);
    uint8_t *sig = malloc(255);
    size_t n = 255;
    assert_int_equal(dbr_signkey_sign(k, 0x0804, (const uint8_t *)"x", 1, sig, &n), DBR_ERR_CRYPTO);
    free(sig);
    dbr_signkey_free(k);
}

/* ---- files ---- */

static uint8_t *p12_of(const struct pki_id *id, const char *pass, size_t *len)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, ca->cert);
    PKCS12 *p = PKCS12_create(pass, "x", id->key, id->cert, chain, 0, 0, 0, 0, 0);
    uint8_t *der = NULL;
    *len = (size_t)i2d_PKCS12(p, &der);
    PKCS12_free(p);
    sk_X509_free(chain);
    return der;
}

static void pkcs12(void **state)
{
    (void)state;
    struct dbr_signkey_config c = {.pass = "sesame"};
    struct dbr_signkey *k, *plain = key_of(ids[1][RSA2048]);
    char why[256] = "";
    size_t n;
    uint8_t *der = p12_of(ids[1][RSA2048], "sesame", &c.pkcs12_len);
    c.pkcs12 = der;
    assert_int_equal(dbr_signkey_new(&k, &c, why, sizeof why), 0);
    assert_memory_equal(dbr_signkey_id(k), dbr_signkey_id(plain), DBR_KEY_ID_LEN);
    const char *cert = dbr_signkey_cert(k, &n);
    assert_int_equal(n, ids[1][RSA2048]->pem_len);
    assert_memory_equal(cert, ids[1][RSA2048]->pem, n);
    const char *roots = dbr_signkey_ca(k, &n);
    assert_memory_equal(roots, ca->pem, ca->pem_len);
    assert_int_equal(n, ca->pem_len);
    dbr_signkey_free(k);
    c.pass = "wrong";
    assert_int_equal(dbr_signkey_new(&k, &c, why, sizeof why), DBR_ERR_CONFIG);
    assert_non_null(strstr(why, "wrong pass phrase"));
    c.pkcs12_len /= 2;
    assert_int_equal(dbr_signkey_new(&k, &c, why, sizeof why), DBR_ERR_CONFIG);
    assert_non_null(strstr(why, "not a PKCS#12 file"));
    assert_null(k);
    dbr_signkey_free(plain);
    OPENSSL_free(der);
}

static void no_key(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {{NULL, "missing"}, {"", "no private key in it"}, {"junk\n", "no private key in it"}};
    struct dbr_signkey *k;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct dbr_signkey_config c = {.key = bad[i].text,
                                             .key_len = bad[i].text ? strlen(bad[i].text) : 0};
        char why[256] = "";
        assert_int_equal(dbr_signkey_new(&k, &c, why, sizeof why), DBR_ERR_CONFIG);
        assert_non_null(strstr(why, bad[i].why));
        assert_null(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind),    cmocka_unit_test(another_key),
                                       cmocka_unit_test(wrong_schemes), cmocka_unit_test(no_room),
                                       cmocka_unit_test(pkcs12),        cmocka_unit_test(no_key)};
    dbr_signkey_guard();
    int bad = cmocka_run_group_tests_name("ask", tests, make_pki, drop_pki);
    free(asked.message);
    return bad;
}
