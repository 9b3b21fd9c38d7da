/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handshakes whose signatures somebody else makes (management-external-key): both versions, both ends, RSA
 * and elliptic curves, each thing that a signer can do; no signature, a wrong one, a session that goes while
 * it waits. The signer here does with the bytes what management-notes.txt says of the algorithm's name.
 */
#include "base/err.h"
#include "wire.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pki_id *ca, *server_ids[3], *client_ids[3]; /* P-256, RSA-2048, RSA-2049 */
enum { EC, RSA2048, RSA2049 };

static int make_pki(void **state)
{
    static const int bits[] = {0, 2048, 2049}; /* PSS of the last one is a byte shorter than the key */
    (void)state;
    ca = pki_root("Office CA");
    for (int i = 0; i < 3; i++) {
        struct pki_spec server = {.subject = "/CN=vpn.office",
                                  .rsa_bits = bits[i],
                                  .exts = {"extendedKeyUsage", "serverAuth"}},
                        client = {.subject = "/CN=alice",
                                  .rsa_bits = bits[i],
                                  .exts = {"extendedKeyUsage", "clientAuth"}};
        server_ids[i] = pki_make(&server, ca);
        client_ids[i] = pki_make(&client, ca);
    }
    return 0;
}

static int drop_pki(void **state)
{
    (void)state;
    pki_free(ca);
    for (int i = 0; i < 3; i++) {
        pki_free(server_ids[i]);
        pki_free(client_ids[i]);
    }
    return 0;
}

/* ---- the signer ---- */

static struct dbr_sign_request asked;
static unsigned questions;

static void on_sign(void *arg, void *session_arg, const struct dbr_sign_request *r)
{
    (void)arg, (void)session_arg;
    asked = *r;
    questions++;
}

static const EVP_MD *digest_named(const char *algorithm)
{
    const char *at = strstr(algorithm, "hashalg=");
    char name[16] = "";
    if (at)
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 8, ","), at + 8);
    return *name ? EVP_get_digestbyname(name) : NULL;
}

static void set_rsa(EVP_PKEY_CTX *ctx, const char *algorithm, const EVP_MD *md)
{
    int padding = strncmp(algorithm, "RSA_NO_", 7) == 0          ? RSA_NO_PADDING
                  : strncmp(algorithm, "RSA_PKCS1_PSS", 13) == 0 ? RSA_PKCS1_PSS_PADDING
                                                                 : RSA_PKCS1_PADDING;
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    if (padding == RSA_PKCS1_PSS_PADDING) {
        assert_non_null(strstr(algorithm, "saltlen=digest"));
        if (!strstr(algorithm, "data=message"))
            EVP_PKEY_CTX_set_signature_md(ctx, md);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
}

static size_t make_signature(EVP_PKEY *key, uint8_t *sig, size_t cap)
{
    const EVP_MD *md = digest_named(asked.algorithm);
    size_t n = cap;
    if (strstr(asked.algorithm, "data=message")) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pctx;
        assert_int_equal(EVP_DigestSignInit(ctx, &pctx, md, NULL, key), 1);
        if (strncmp(asked.algorithm, "RSA", 3) == 0)
            set_rsa(pctx, asked.algorithm, md);
        assert_int_equal(EVP_DigestSign(ctx, sig, &n, asked.data, asked.n), 1);
        EVP_MD_CTX_free(ctx);
        return n;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    if (strncmp(asked.algorithm, "RSA", 3) == 0)
        set_rsa(ctx, asked.algorithm, md);
    assert_int_equal(EVP_PKEY_sign(ctx, sig, &n, asked.data, asked.n), 1);
    EVP_PKEY_CTX_free(ctx);
    return n;
}

/* ---- handshakes ---- */

struct ends {
    struct dbr_tls *client, *server;
};

static struct dbr_tls_ctx *context(bool server, const struct pki_id *id, bool outside, int version,
                                   unsigned signer)
{
    struct dbr_tls_config c = {.server = server,
                               .ca = ca->pem,
                               .ca_len = ca->pem_len,
                               .cert = id->pem,
                               .cert_len = id->pem_len,
                               .key = outside ? NULL : id->key_pem,
                               .key_len = id->key_pem_len,
                               .sign = outside ? on_sign : NULL,
                               .signer = signer,
                               .version_min = version,
                               .version_max = version};
    struct dbr_tls_ctx *ctx;
    char why[DBR_TLS_WHY_MAX] = "";
    if (dbr_tls_ctx_new(&ctx, &c, why, sizeof why))
        fail_msg("%s", why);
    return ctx;
}

static struct ends begin(int kind, bool at_server, int version, unsigned signer)
{
    struct dbr_tls_ctx *cc = context(false, client_ids[kind], !at_server, version, signer),
                       *sc = context(true, server_ids[kind], at_server, version, signer);
    struct ends e = {wire_session(cc, NULL), wire_session(sc, NULL)};
    dbr_tls_ctx_put(cc);
    dbr_tls_ctx_put(sc);
    questions = 0;
    return e;
}

static void end(struct ends e)
{
    dbr_tls_free(e.client);
    dbr_tls_free(e.server);
}

/* Until nothing moves any more, or somebody waits for a signature. */
static void go(struct ends e, int *client, int *server)
{
    for (int i = 0; i < 30; i++) {
        *client = dbr_tls_step(e.client);
        wire_move(e.client, e.server, 1200);
        *server = dbr_tls_step(e.server);
        wire_move(e.server, e.client, 1200);
    }
}

static const struct {
    int kind, version;
    unsigned signer;
    const char *algorithm; /* what is asked for; NULL: it cannot be done in this version */
} cases[] = {
    {EC, 12, 0, "ECDSA"},
    {EC, 13, 0, "ECDSA"},
    {EC, 13, DBR_SIGNER_DIGEST, "ECDSA,hashalg=SHA256,data=message"},
    {RSA2048, 12, 0, "RSA_PKCS1_PADDING"},
    {RSA2048, 12, DBR_SIGNER_PKCS1, "RSA_PKCS1_PADDING"},
    {RSA2048, 12, DBR_SIGNER_NOPADDING, "RSA_NO_PADDING"},
    {RSA2048, 13, DBR_SIGNER_NOPADDING, "RSA_NO_PADDING"},
    {RSA2049, 13, DBR_SIGNER_NOPADDING, "RSA_NO_PADDING"},
    {RSA2048, 12, DBR_SIGNER_PSS, "RSA_PKCS1_PSS_PADDING,hashalg=SHA256,saltlen=digest"},
    {RSA2048, 13, DBR_SIGNER_PSS, "RSA_PKCS1_PSS_PADDING,hashalg=SHA256,saltlen=digest"},
    {RSA2049, 13, DBR_SIGNER_PSS | DBR_SIGNER_PKCS1, "RSA_PKCS1_PSS_PADDING,hashalg=SHA256,saltlen=digest"},
    {RSA2048, 13, DBR_SIGNER_PSS | DBR_SIGNER_DIGEST,
     "RSA_PKCS1_PSS_PADDING,hashalg=SHA256,saltlen=digest,data=message"},
};

/* This one is good, and none that is other; nor is it for another question. */
static void sig_is_checked(const struct dbr_tls *who, const uint8_t *sig, size_t n)
{
    uint8_t other[DBR_SIGNATURE_MAX];
    struct dbr_sign_request r = asked;
    memcpy(other, sig, n);
    other[n - 1] ^= 1;
    assert_int_equal(dbr_tls_check_signature(who, &r, sig, n), 0);
    assert_int_equal(dbr_tls_check_signature(who, &r, other, n), DBR_ERR_AUTH);
    assert_int_equal(dbr_tls_check_signature(who, &r, sig, n - 1), DBR_ERR_AUTH);
    r.data[0] ^= 1;
    assert_int_equal(dbr_tls_check_signature(who, &r, sig, n), DBR_ERR_STATE);
    r = asked;
    r.algorithm[0] ^= 1;
    assert_int_equal(dbr_tls_check_signature(who, &r, sig, n), DBR_ERR_STATE);
}

static void signatures_from_elsewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const size_t at = i / 2;
        const bool at_server = i & 1;
        struct ends e = begin(cases[at].kind, at_server, cases[at].version, cases[at].signer);
        struct dbr_tls *who = at_server ? e.server : e.client;
        const struct pki_id *id = at_server ? server_ids[cases[at].kind] : client_ids[cases[at].kind];
        uint8_t sig[DBR_SIGNATURE_MAX];
        int client, server;
        go(e, &client, &server);
        if (!dbr_tls_wants_signature(who) || questions != 1 ||
            strcmp(asked.algorithm, cases[at].algorithm) != 0)
            fail_msg("case %zu server %d: %u questions, '%s' (%s)", at, at_server, questions, asked.algorithm,
                     dbr_tls_why(who));
        size_t n = make_signature(id->key, sig, sizeof sig);
        sig_is_checked(who, sig, n);
        assert_int_equal(dbr_tls_signed(who, sig, n), 0);
        assert_int_equal(dbr_tls_check_signature(who, &asked, sig, n), DBR_ERR_STATE);
        assert_false(dbr_tls_wants_signature(who));
        go(e, &client, &server);
        if (client || server)
            fail_msg("case %zu server %d: client %d (%s), server %d (%s)", at, at_server, client,
                     dbr_tls_why(e.client), server, dbr_tls_why(e.server));
        assert_int_equal(questions, 1);
        assert_string_equal(dbr_tls_peer(e.server)->cn, "alice");
        assert_int_equal(dbr_tls_signed(who, sig, 1), DBR_ERR_STATE);
        end(e);
    }
}

/* None, a wrong one, one that is too long: the handshake fails, and nothing else. */
static void bad_signatures(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 256, DBR_SIGNATURE_MAX, DBR_SIGNATURE_MAX + 1};
    static const uint8_t junk[DBR_SIGNATURE_MAX + 1] = {0x30, 6, 2, 1, 1, 2, 1, 1};
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        struct ends e = begin(i & 1 ? RSA2048 : EC, false, 13, DBR_SIGNER_PSS);
        int client, server;
        go(e, &client, &server);
        assert_int_equal(client, DBR_ERR_AGAIN);
        assert_int_equal(dbr_tls_signed(e.client, junk, lengths[i / 2]), 0);
        go(e, &client, &server);
        assert_int_not_equal(server, 0);
        if (!lengths[i / 2])
            assert_non_null(strstr(dbr_tls_why(e.client), "nobody made the signature"));
        end(e);
    }
}

/* A session goes while its signature is on the way; its stack and memory go with it (the leak checker looks).
 */
static void gone_while_it_waits(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct ends e = begin(kind, kind == 1, 13, DBR_SIGNER_NOPADDING);
        int client, server;
        go(e, &client, &server);
        assert_int_equal(questions, 1);
        end(e);
    }
}

/* Two sessions wait at once, and are answered in the other order. */
static void two_wait(void **state)
{
    (void)state;
    struct ends a = begin(EC, true, 13, 0), b = begin(EC, true, 13, 0);
    uint8_t sig_a[DBR_SIGNATURE_MAX], sig_b[DBR_SIGNATURE_MAX];
    int client, server;
    go(a, &client, &server);
    size_t n_a = make_signature(server_ids[EC]->key, sig_a, sizeof sig_a);
    go(b, &client, &server);
    size_t n_b = make_signature(server_ids[EC]->key, sig_b, sizeof sig_b);
    dbr_tls_signed(b.server, sig_b, n_b);
    go(b, &client, &server);
    assert_int_equal(client | server, 0);
    assert_true(dbr_tls_wants_signature(a.server));
    dbr_tls_signed(a.server, sig_a, n_a);
    go(a, &client, &server);
    assert_int_equal(client | server, 0);
    end(a);
    end(b);
}

/* PKCS#1 alone: TLS 1.2 is what is spoken, whatever is allowed. */
static void pkcs1_alone(void **state)
{
    (void)state;
    struct ends e = begin(RSA2048, false, 0, DBR_SIGNER_PKCS1);
    uint8_t sig[DBR_SIGNATURE_MAX];
    char text[512];
    int client, server;
    go(e, &client, &server);
    dbr_tls_signed(e.client, sig, make_signature(client_ids[RSA2048]->key, sig, sizeof sig));
    go(e, &client, &server);
    assert_int_equal(client | server, 0);
    assert_non_null(strstr(dbr_tls_describe(e.client, text, sizeof text), "TLSv1.2"));
    end(e);
}

/* What a signer cannot do, and keys that make no sense. */
static void requests_have_bounds(void **state)
{
    static uint8_t message[DBR_SIGN_DATA_MAX + 1];
    static const struct {
        struct dbr_to_sign what;
        unsigned signer;
        int err;
        size_t n;
    } rows[] = {
        {{.digest = "SHA256", .key_bits = 2048}, 0, 0, 51},
        {{.digest = "SHA512", .key_bits = 2048}, DBR_SIGNER_PKCS1, 0, 83},
        {{.digest = "SHA1", .key_bits = 2048}, DBR_SIGNER_PKCS1, 0, 35},
        {{.digest = "SHA256", .pss = true, .key_bits = 2048}, DBR_SIGNER_PKCS1, DBR_ERR_NOTFOUND, 0},
        {{.digest = "SHA256", .key_bits = 2048}, DBR_SIGNER_PSS, DBR_ERR_NOTFOUND, 0},
        {{.digest = "MD5", .key_bits = 2048}, DBR_SIGNER_PKCS1, DBR_ERR_NOTFOUND, 0},
        {{.digest = "SHA256", .key_bits = 2048}, DBR_SIGNER_NOPADDING, 0, 256},
        {{.digest = "SHA256", .key_bits = 8193}, DBR_SIGNER_NOPADDING, DBR_ERR_SPACE, 0},
        {{.digest = "SHA256", .key_bits = 488}, DBR_SIGNER_NOPADDING, DBR_ERR_SPACE, 0},
        {{.digest = "SHA512", .pss = true, .key_bits = 1024, .salt_len = -1},
         DBR_SIGNER_NOPADDING,
         DBR_ERR_SPACE,
         0},
        {{.digest = "SHA512", .pss = true, .key_bits = 1042, .salt_len = -1}, DBR_SIGNER_NOPADDING, 0, 131},
        {{.digest = "SHA256", .ec = true, .n = DBR_SIGN_DATA_MAX}, DBR_SIGNER_DIGEST, 0, DBR_SIGN_DATA_MAX},
        {{.digest = "SHA256", .ec = true, .n = DBR_SIGN_DATA_MAX + 1}, DBR_SIGNER_DIGEST, 0, 32},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dbr_sign_request r;
        struct dbr_to_sign what = rows[i].what;
        what.message = message;
        int err = dbr_sign_request(&r, &what, rows[i].signer);
        if (err != rows[i].err || (!err && r.n != rows[i].n))
            fail_msg("row %zu: %d, %zu bytes", i, err, r.n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_from_elsewhere),
        cmocka_unit_test(bad_signatures),
        cmocka_unit_test(gone_while_it_waits),
        cmocka_unit_test(two_wait),
        cmocka_unit_test(pkcs1_alone),
        cmocka_unit_test(requests_have_bounds),
    };
    return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
