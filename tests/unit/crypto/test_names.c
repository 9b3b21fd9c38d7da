/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who a certificate belongs to, by other fields than the CN (x509-username-field); and sessions without a CA,
 * where the verify function decides by fingerprint.
 */
#include "base/err.h"
#include "wire.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 63 */

static struct pki_id *root;

static void two_mails(X509 *cert)
{
    pki_add_raw(cert, NID_pkcs9_emailAddress, V_ASN1_IA5STRING, "first@example.org", 17);
    pki_add_raw(cert, NID_pkcs9_emailAddress, V_ASN1_IA5STRING, "last@example.org", 16);
}

static struct dbr_x509 view(const struct pki_spec *spec)
{
    struct dbr_x509 x;
    struct pki_id *id = pki_make(spec, root);
    char why[128] = "";
    int err = dbr_x509_from_cert(&x, id->cert, why, sizeof why);
    if (err)
        fail_msg("%s", why);
    pki_free(id);
    return x;
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        const char *fields[4];
        const char *name; /* NULL: refused */
    } cases[] = {
        {{NULL}, "alice"},
        {{"CN"}, "alice"},
        {{"commonName"}, "alice"},
        {{"2.5.4.3"}, "alice"},
        {{"O"}, "Office"},
        {{"emailAddress"}, "last@example.org"},
        {{"serialNumber"}, "0x0A1B"},
        {{"ext:subjectAltName"}, "al@example.org"},
        {{"CN", "serialNumber"}, "alice_0x0A1B"},
        {{"O", "CN", "emailAddress"}, "Office_alice_last@example.org"},
        {{"OU"}, NULL},
        {{"CN", "OU"}, NULL},
        {{"ext:issuerAltName"}, NULL},
        {{"ext:keyUsage"}, NULL},
        {{"nonsense"}, NULL},
    };
    struct dbr_x509 x = view(&(struct pki_spec){
        .subject = "/O=Office/CN=alice",
        .serial = 0x0a1b,
        .twist = two_mails,
        .exts = {"subjectAltName", "DNS:not.this,email:al@example.org,email:second@example.org"}});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dbr_x509 copy = x;
        char why[128] = "";
        size_t n = 0;
        while (n < 4 && cases[i].fields[n])
            n++;
        int err = dbr_x509_set_name(&copy, cases[i].fields, n, why, sizeof why);
        if (err != (cases[i].name ? 0 : DBR_ERR_CERT) ||
            strcmp(copy.cn, cases[i].name ? cases[i].name : "") != 0)
            fail_msg("case %zu: %d, '%s', %s", i, err, copy.cn, why);
        if (err)
            assert_non_null(strstr(why, "x509-username-field"));
    }
    dbr_x509_fini(&x);
}

static void nul_in_mail(X509 *cert)
{
    static const unsigned char san[] = {0x30, 0x0f, 0x81, 0x0d, 'a', '@', 'b', '.', 'c',
                                        0,    '.',  'e',  'v',  'i', 'l', '.', 'x'};
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, san, sizeof san);
    X509_EXTENSION *e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(value);
}

/* What could be taken for another name is no name. */
static void test_dangerous_values(void **state)
{
    (void)state;
    static const char *const san[] = {"ext:subjectAltName"}, *const twice[] = {"OU", "CN"},
                             *const ou[] = {"OU"};
    char why[128];
    struct dbr_x509 x = view(&(struct pki_spec){.subject = "/CN=alice", .twist = nul_in_mail});
    assert_int_equal(dbr_x509_set_name(&x, san, 1, why, sizeof why), DBR_ERR_CERT);
    dbr_x509_fini(&x);
    x = view(&(struct pki_spec){.subject = "/OU=" LONG "/CN=b"});
    assert_int_equal(dbr_x509_set_name(&x, ou, 1, why, sizeof why), 0);
    assert_string_equal(x.cn, LONG);
    assert_int_equal(dbr_x509_set_name(&x, twice, 2, why, sizeof why), DBR_ERR_CERT); /* 63 + 1 + 1 */
    assert_string_equal(x.cn, "");
    dbr_x509_fini(&x);
}

static void test_known_fields(void **state)
{
    (void)state;
    assert_true(dbr_x509_name_field_known("CN") && dbr_x509_name_field_known("emailAddress") &&
                dbr_x509_name_field_known("serialNumber") && dbr_x509_name_field_known("ext:subjectAltName"));
    assert_false(dbr_x509_name_field_known("nonsense") || dbr_x509_name_field_known("ext:keyUsage"));
}

/* ---- sessions ---- */

static const uint8_t *listed; /* the fingerprint that the verify function lets in */
static size_t seen_chain;
static char seen_name[65];

static enum dbr_verify by_print(void *arg, void *session_arg, const struct dbr_x509 *chain, size_t n,
                                char *why, size_t cap)
{
    (void)arg;
    (void)session_arg;
    seen_chain = n;
    snprintf(seen_name, sizeof seen_name, "%s", chain[0].cn);
    snprintf(why, cap, "not listed");
    return memcmp(chain[0].sha256, listed, 32) == 0 ? DBR_VERIFY_OK : DBR_VERIFY_BAD;
}

/* A client that signed itself calls a server that knows it by fingerprint; the server's result. */
static int call(const struct pki_spec *spec, const uint8_t *print, bool fingerprint)
{
    static const char *const fields[] = {"O", "CN"};
    struct pki_id *own = pki_make(spec, NULL), *server_id = pki_server("gate", root);
    struct dbr_x509 x;
    assert_int_equal(dbr_x509_from_cert(&x, own->cert, NULL, 0), 0);
    listed = print ? print : x.sha256;
    struct dbr_tls_config config = {.fingerprint = fingerprint, .verify = by_print};
    if (fingerprint) {
        config.name_fields = fields;
        config.n_name_fields = 2;
    }
    struct dbr_tls_ctx *sctx = wire_ctx(true, root, server_id, &config);
    struct dbr_tls_ctx *cctx = wire_ctx(false, root, own, NULL);
    struct dbr_tls *server = wire_session(sctx, NULL), *client = wire_session(cctx, NULL);
    seen_chain = 0;
    int result = wire_handshake(client, server, 4096).server;
    if (result == 0)
        assert_string_equal(dbr_tls_peer(server)->cn, seen_name);
    dbr_tls_free(server);
    dbr_tls_free(client);
    dbr_tls_ctx_put(sctx);
    dbr_tls_ctx_put(cctx);
    dbr_x509_fini(&x);
    pki_free(own);
    pki_free(server_id);
    return result;
}

static void test_fingerprint(void **state)
{
    (void)state;
    static const uint8_t other[32] = {1};
    struct pki_spec self = {.subject = "/O=Home/CN=alice", .exts = {"basicConstraints", "critical,CA:TRUE"}};
    assert_int_equal(call(&self, NULL, true), 0);
    assert_int_equal(seen_chain, 1);
    assert_string_equal(seen_name, "Home_alice");
    assert_int_equal(call(&self, other, true), DBR_ERR_CERT); /* not listed */
    assert_int_equal(call(&self, NULL, false), DBR_ERR_CERT); /* listed, but a CA is asked */
    assert_int_equal(seen_chain, 0);
    self.from_s = -7200;
    self.to_s = -60;
    assert_int_equal(call(&self, NULL, true), DBR_ERR_CERT); /* expired */
    assert_int_equal(seen_chain, 0);
    self.from_s = 3600;
    self.to_s = 7200;
    assert_int_equal(call(&self, NULL, true), DBR_ERR_CERT); /* of tomorrow */
    assert_int_equal(seen_chain, 0);
}

static int make_root(void **state)
{
    (void)state;
    root = pki_root("Test CA");
    return 0;
}

static int free_root(void **state)
{
    (void)state;
    pki_free(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_dangerous_values),
        cmocka_unit_test(test_known_fields),
        cmocka_unit_test(test_fingerprint),
    };
    return cmocka_run_group_tests(tests, make_root, free_root);
}
