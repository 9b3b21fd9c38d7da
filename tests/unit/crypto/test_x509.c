/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Views of certificates: their texts and numbers, what is refused, and the purpose rules as tables.
 */
#include "base/err.h"
#include "crypto/x509.h"
#include "pki.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pki_id *root;

static struct dbr_x509 view(const struct pki_id *id)
{
    struct dbr_x509 x;
    char why[128] = "";
    if (dbr_x509_from_cert(&x, id->cert, why, sizeof why))
        fail_msg("%s", why);
    return x;
}

/* ---- texts and numbers ---- */

static const struct {
    const char *field, *want; /* NULL: it has none */
    int err;
} tracked[] = {
    {"CN", "alice", 0},
    {"O", "Office, Inc.", 0},
    {"commonName", "alice", 0},
    {"emailAddress", NULL, DBR_ERR_NOTFOUND},
    {"basicConstraints", "CA:FALSE", 0},
    {"nsComment", NULL, DBR_ERR_NOTFOUND},
    {"no-such-thing", NULL, DBR_ERR_NOTFOUND},
    {"", NULL, DBR_ERR_NOTFOUND},
};

static void single_fields(void **state)
{
    (void)state;
    struct pki_spec spec = {.subject = "/C=FR/O=Office, Inc./CN=alice",
                            .exts = {"basicConstraints", "CA:FALSE"}};
    struct pki_id *id = pki_make(&spec, root);
    struct dbr_x509 x = view(id);
    char text[128], whole[3 * 32];
    for (size_t i = 0; i < sizeof tracked / sizeof *tracked; i++) {
        int err = dbr_x509_field(&x, tracked[i].field, text, sizeof text);
        if (err != tracked[i].err || strcmp(text, tracked[i].want ? tracked[i].want : "") != 0)
            fail_msg("%s: %d, %s", tracked[i].field, err, text);
    }
    for (size_t i = 0; i < 32; i++)
        snprintf(whole + 3 * i, 4, "%02X%s", x.sha256[i], i < 31 ? ":" : "");
    assert_int_equal(dbr_x509_field(&x, "SHA256", text, sizeof text), 0);
    assert_string_equal(text, whole);
    assert_int_equal(dbr_x509_field(&x, "SHA1", text, sizeof text), 0);
    assert_int_equal(strlen(text), 59);
    assert_int_equal(dbr_x509_field(&x, "O", text, 4), 0); /* cut */
    assert_string_equal(text, "Off");
    assert_true(dbr_x509_field_known("extendedKeyUsage") && dbr_x509_field_known("SHA1"));
    assert_false(dbr_x509_field_known("frobnicate") || dbr_x509_field_known("1.2.3.4"));
    dbr_x509_fini(&x);
    pki_free(id);
}

static void all_fields(void **state)
{
    (void)state;
    struct pki_spec spec = {
        .subject = "/C=FR/O=Office, Inc./CN=alice", .serial_hex = "00ff01", .from_s = -100, .to_s = 1000};
    struct pki_id *id = pki_make(&spec, root);
    struct dbr_x509 x = view(id);
    int64_t now = time(NULL);
    assert_string_equal(x.subject, "C=FR, O=Office, Inc., CN=alice");
    assert_string_equal(x.cn, "alice");
    assert_string_equal(x.issuer_cn, "Office CA");
    assert_string_equal(x.serial_dec, "65281");
    assert_string_equal(x.serial_hex, "ff:01");
    assert_int_equal(x.serial_len, 2);
    assert_memory_equal(x.serial, "\xff\x01", 2);
    assert_in_range(x.not_before, now - 160, now - 97);
    assert_in_range(x.not_after, now + 940, now + 1003);
    assert_false(x.is_ca);
    const uint8_t *issuer;
    size_t issuer_len;
    X509_NAME_get0_der(X509_get_subject_name(root->cert), &issuer, &issuer_len);
    assert_int_equal(x.issuer_len, issuer_len);
    assert_memory_equal(x.issuer, issuer, issuer_len);
    uint8_t want[32];
    X509_digest(id->cert, EVP_sha256(), want, NULL);
    assert_memory_equal(x.sha256, want, 32);
    dbr_x509_fini(&x);
    dbr_x509_fini(&x);
    pki_free(id);
}

static void serials(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *dec, *colons;
        bool ca;
        int err;
    } cases[] = {
        {"01", "1", "01", false, 0},
        {"80", "128", "80", false, 0},
        {"1000", "4096", "10:00", false, 0},
        {"ffffffffffffffffffffffffffffffffffffffff", "1461501637330902918203684832716283019655932542975",
         "ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff", false, 0},
        {"00", "0", "00", false, DBR_ERR_CERT},
        {"00", "0", "00", true, 0},
        {"-05", "-5", "05", false, DBR_ERR_CERT},
        {"-05", "-5", "05", true, 0},
        {"010000000000000000000000000000000000000000", "", "", false, DBR_ERR_CERT},
        {"010000000000000000000000000000000000000000", "", "", true, DBR_ERR_CERT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pki_spec spec = {.subject = "/CN=x", .serial_hex = cases[i].hex};
        if (cases[i].ca)
            spec.exts[0] = "basicConstraints", spec.exts[1] = "CA:TRUE";
        struct pki_id *id = pki_make(&spec, root);
        struct dbr_x509 x;
        assert_int_equal(dbr_x509_from_cert(&x, id->cert, NULL, 0), cases[i].err);
        assert_int_equal(x.is_ca, cases[i].ca);
        assert_string_equal(x.serial_dec, cases[i].dec);
        assert_string_equal(x.serial_hex, cases[i].colons);
        dbr_x509_fini(&x);
        pki_free(id);
    }
}

/* ---- odd names ---- */

struct attribute {
    int type;
    const char *bytes;
    int n;
};
static struct attribute wanted;

static void put_cn(X509 *cert)
{
    pki_add_raw(cert, NID_commonName, wanted.type, wanted.bytes, wanted.n);
}

static void odd_common_names(void **state)
{
    (void)state;
    static const struct {
        struct attribute in;
        int err;
        const char *cn, *subject;
    } cases[] = {
        {{V_ASN1_UTF8STRING, "Ren\xc3\xa9", 5}, 0, "Ren\xc3\xa9", "CN=Ren\xc3\xa9"},
        {{V_ASN1_T61STRING, "Ren\xe9", 4}, 0, "Ren\xc3\xa9", "CN=Ren\xc3\xa9"},
        {{V_ASN1_BMPSTRING, "\0R\0e\0n\0\xe9", 8}, 0, "Ren\xc3\xa9", "CN=Ren\xc3\xa9"},
        {{V_ASN1_UNIVERSALSTRING, "\0\0\0b\0\0\0o\0\0\0b", 12}, 0, "bob", "CN=bob"},
        {{V_ASN1_PRINTABLESTRING, "bob", 3}, 0, "bob", "CN=bob"},
        {{V_ASN1_UTF8STRING, "", 0}, 0, "", "CN="},
        {{V_ASN1_UTF8STRING, "alice\0.evil", 11}, DBR_ERR_CERT, "alice_.evil", "CN=alice\\00.evil"},
        {{V_ASN1_BMPSTRING, "\0b\0\0\0b", 6}, DBR_ERR_CERT, "b_b", "CN=b\\00b"},
        {{V_ASN1_UTF8STRING, "a\nb", 3}, DBR_ERR_CERT, "a_b", "CN=a\\0Ab"},
        {{V_ASN1_UTF8STRING, "a\x7f", 2}, DBR_ERR_CERT, "a_", "CN=a\\7F"},
        {{V_ASN1_BIT_STRING, "bob", 3}, DBR_ERR_CERT, "", NULL},
        {{V_ASN1_UTF8STRING, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64},
         0,
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         NULL},
        {{V_ASN1_UTF8STRING, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 65},
         DBR_ERR_CERT,
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wanted = cases[i].in;
        struct pki_id *id = pki_make(&(struct pki_spec){.twist = put_cn}, root);
        struct dbr_x509 x;
        int err = dbr_x509_from_cert(&x, id->cert, NULL, 0);
        if (err != cases[i].err || strcmp(x.cn, cases[i].cn) ||
            (cases[i].subject && strcmp(x.subject, cases[i].subject)))
            fail_msg("case %zu: %d cn \"%s\" subject \"%s\"", i, err, x.cn, x.subject);
        dbr_x509_fini(&x);
        pki_free(id);
    }
}

static void the_last_common_name_counts(void **state)
{
    (void)state;
    struct pki_id *id = pki_make(&(struct pki_spec){.subject = "/CN=first/O=x/CN=last"}, root);
    struct dbr_x509 x = view(id);
    assert_string_equal(x.cn, "last");
    assert_string_equal(x.subject, "CN=first, O=x, CN=last");
    dbr_x509_fini(&x);
    pki_free(id);
}

static void put_64_kilobytes(X509 *cert)
{
    static char big[65536];
    memset(big, 'a', sizeof big);
    pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, big, sizeof big);
}

static void a_huge_name_is_cut_and_refused(void **state)
{
    (void)state;
    struct pki_id *id = pki_make(&(struct pki_spec){.twist = put_64_kilobytes}, root);
    struct dbr_x509 x;
    char why[64];
    assert_int_equal(dbr_x509_from_cert(&x, id->cert, why, sizeof why), DBR_ERR_CERT);
    assert_string_equal(why, "the subject is longer than 511 bytes");
    assert_int_equal(strlen(x.subject), DBR_SUBJECT_MAX - 1);
    assert_int_equal(strlen(x.cn), DBR_X509_CN_MAX);
    dbr_x509_fini(&x);
    pki_free(id);
}

static void subject_fields(void **state)
{
    (void)state;
    char name[16], value[8];
    struct pki_id *id =
        pki_make(&(struct pki_spec){.subject = "/C=FR/O=A long office/2.5.4.97=x/CN=alice"}, root);
    struct dbr_x509 x = view(id);
    static const char *const want[][2] = {
        {"C", "FR"}, {"O", "A long "}, {"organizationId", "x"}, {"CN", "alice"}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(dbr_x509_subject_field(&x, i, name, sizeof name, value, sizeof value), 0);
        assert_memory_equal(name, want[i][0], strlen(want[i][0]));
        assert_string_equal(value, want[i][1]);
    }
    assert_int_equal(dbr_x509_subject_field(&x, 4, name, sizeof name, value, sizeof value), DBR_ERR_NOTFOUND);
    dbr_x509_fini(&x);
    pki_free(id);
}

/* ---- bytes in, bytes out ---- */

static void der_and_pem(void **state)
{
    (void)state;
    uint8_t der[4096], again[4096];
    size_t n, m;
    char why[128];
    struct dbr_x509 x = view(root), y, z;
    assert_int_equal(dbr_x509_der(&x, der, sizeof der, &n), 0);
    assert_int_equal(dbr_x509_der(&x, der, n - 1, &m), DBR_ERR_SPACE);
    assert_int_equal(m, n);
    assert_int_equal(dbr_x509_from_der(&y, der, n, why, sizeof why), 0);
    assert_string_equal(y.cn, "Office CA");
    assert_true(y.is_ca);
    dbr_x509_fini(&x); /* y stands alone */
    assert_int_equal(dbr_x509_der(&y, again, sizeof again, &m), 0);
    assert_int_equal(m, n);
    assert_memory_equal(der, again, n);
    assert_int_equal(dbr_x509_from_pem(&z, root->pem, root->pem_len, why, sizeof why), 0);
    assert_memory_equal(z.sha256, y.sha256, 32);
    dbr_x509_fini(&y);
    assert_int_equal(dbr_x509_copy(&y, &z), 0);
    dbr_x509_fini(&z);
    assert_string_equal(y.cn, "Office CA");
    assert_int_equal(dbr_x509_der(&y, again, sizeof again, &m), 0);
    dbr_x509_fini(&y);
}

static void no_certificates(void **state)
{
    (void)state;
    uint8_t der[4096];
    size_t n;
    char why[128] = "";
    struct dbr_x509 x = view(root);
    assert_int_equal(dbr_x509_der(&x, der, sizeof der - 1, &n), 0);
    dbr_x509_fini(&x);
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_equal(dbr_x509_from_der(&x, der, cut, why, sizeof why), DBR_ERR_SHAPE);
        dbr_x509_fini(&x);
    }
    assert_int_equal(dbr_x509_from_der(&x, der, n + 1, why, sizeof why), DBR_ERR_SHAPE);
    assert_string_equal(why, "not a certificate: bytes after its end");
    assert_int_equal(dbr_x509_from_pem(&x, "no pem", 6, why, sizeof why), DBR_ERR_SHAPE);
    assert_string_equal(why, "not a certificate: no start line");
    assert_int_equal(dbr_x509_from_pem(&x, root->key_pem, root->key_pem_len, why, sizeof why), DBR_ERR_SHAPE);
    dbr_x509_fini(&x);
}

static void key_texts(void **state)
{
    (void)state;
    static const struct {
        int rsa_bits;
        const char *want;
    } cases[] = {{0, "256 bits EC, curve prime256v1"}, {1024, "1024 bits RSA"}};
    for (size_t i = 0; i < 2; i++) {
        char text[64];
        struct pki_id *id =
            pki_make(&(struct pki_spec){.subject = "/CN=x", .rsa_bits = cases[i].rsa_bits}, root);
        struct dbr_x509 x = view(id);
        assert_string_equal(dbr_x509_key_text(&x, text, sizeof text), cases[i].want);
        dbr_x509_fini(&x);
        pki_free(id);
    }
}

/* ---- rules ---- */

#define KU  "keyUsage"
#define EKU "extendedKeyUsage"
#define NS  "nsCertType"
#define CLI DBR_X509_ROLE_CLIENT
#define SRV DBR_X509_ROLE_SERVER
#define TLS .remote_cert_tls
#define ANY DBR_X509_KU_ANY

static const struct rule_case {
    const char *exts[6];
    struct dbr_x509_rules rules;
    bool good;
} rule_cases[] = {
    {{0}, {0}, true},
    /* remote-cert-tls */
    {{KU, "digitalSignature", EKU, "clientAuth"}, {TLS = CLI}, true},
    {{KU, "digitalSignature", EKU, "serverAuth"}, {TLS = SRV}, true},
    {{KU, "digitalSignature", EKU, "clientAuth,serverAuth"}, {TLS = SRV}, true},
    {{KU, "digitalSignature", EKU, "serverAuth"}, {TLS = CLI}, false},
    {{KU, "digitalSignature", EKU, "clientAuth"}, {TLS = SRV}, false},
    {{KU, "digitalSignature", EKU, "codeSigning"}, {TLS = CLI}, false},
    {{KU, "digitalSignature"}, {TLS = CLI}, false},
    {{EKU, "clientAuth"}, {TLS = CLI}, false},
    {{0}, {TLS = CLI}, false},
    {{NS, "client"}, {TLS = CLI}, false},
    /* remote-cert-ku */
    {{KU, "digitalSignature,keyEncipherment"}, {.ku = {0xa0}, .n_ku = 1}, true},
    {{KU, "digitalSignature,keyEncipherment"}, {.ku = {0x80}, .n_ku = 1}, true},
    {{KU, "digitalSignature"}, {.ku = {0xa0}, .n_ku = 1}, false},
    {{KU, "digitalSignature"}, {.ku = {0xa0, 0x80}, .n_ku = 2}, true},
    {{KU, "digitalSignature"}, {.ku = {0xa0, 0x88}, .n_ku = 2}, false},
    {{KU, "keyAgreement"}, {.ku = {0x08}, .n_ku = 1}, true},
    {{KU, "keyAgreement"}, {.ku = {0}, .n_ku = 1}, false}, /* no bits asked for is no permission */
    {{KU, "decipherOnly"}, {.ku = {ANY}, .n_ku = 1}, true},
    {{0}, {.ku = {ANY}, .n_ku = 1}, false},
    {{0}, {.ku = {0x80}, .n_ku = 1}, false},
    /* remote-cert-eku */
    {{EKU, "clientAuth"}, {.eku = "TLS Web Client Authentication"}, true},
    {{EKU, "clientAuth"}, {.eku = "1.3.6.1.5.5.7.3.2"}, true},
    {{EKU, "clientAuth"}, {.eku = "clientAuth"}, true},
    {{EKU, "serverAuth,1.2.3.4"}, {.eku = "1.2.3.4"}, true},
    {{EKU, "serverAuth"}, {.eku = "1.3.6.1.5.5.7.3.2"}, false},
    {{EKU, "serverAuth"}, {.eku = ""}, false},
    {{0}, {.eku = "1.3.6.1.5.5.7.3.2"}, false},
    /* ns-cert-type */
    {{NS, "server"}, {.ns_cert_type = SRV}, true},
    {{NS, "client"}, {.ns_cert_type = CLI}, true},
    {{NS, "client"}, {.ns_cert_type = SRV}, false},
    {{NS, "client", EKU, "serverAuth"}, {.ns_cert_type = SRV}, false},
    {{EKU, "serverAuth"}, {.ns_cert_type = SRV}, true},
    {{EKU, "clientAuth"}, {.ns_cert_type = SRV}, false},
    {{0}, {.ns_cert_type = SRV}, false},
    /* two rules: both bind */
    {{KU, "digitalSignature", EKU, "clientAuth"}, {TLS = CLI, .ku = {0x20}, .n_ku = 1}, false},
    {{KU, "digitalSignature", EKU, "clientAuth"}, {TLS = CLI, .eku = "1.2.3.4"}, false},
    {{KU, "digitalSignature", EKU, "clientAuth"}, {TLS = CLI, .ns_cert_type = SRV}, false},
    {{KU, "digitalSignature", EKU, "clientAuth"}, {TLS = CLI, .name_rule = DBR_NAME_CN, .name = "y"}, false},
};

static void purpose_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rule_cases / sizeof rule_cases[0]; i++) {
        struct pki_spec spec = {.subject = "/CN=x"};
        char why[256] = "";
        memcpy(spec.exts, rule_cases[i].exts, sizeof rule_cases[i].exts);
        struct pki_id *id = pki_make(&spec, root);
        struct dbr_x509 x = view(id);
        int err = dbr_x509_check_rules(&x, &rule_cases[i].rules, why, sizeof why);
        if (err != (rule_cases[i].good ? 0 : DBR_ERR_CERT) || (err && !why[0]))
            fail_msg("rule case %zu: %d %s", i, err, why);
        dbr_x509_fini(&x);
        pki_free(id);
    }
}

static const struct {
    const char *subject;
    enum dbr_x509_name_rule rule;
    const char *want;
    bool good;
} name_cases[] = {
    {"/C=FR/O=Office/CN=vpn1", DBR_NAME_NONE, NULL, true},
    {"/C=FR/O=Office/CN=vpn1", DBR_NAME_SUBJECT, "C=FR, O=Office, CN=vpn1", true},
    {"/C=FR/O=Office/CN=vpn1", DBR_NAME_SUBJECT, "C=FR, O=Office, CN=vpn", false},
    {"/C=FR/O=Office/CN=vpn1", DBR_NAME_SUBJECT, "O=Office, CN=vpn1", false},
    {"/C=FR/O=Office/CN=vpn1", DBR_NAME_SUBJECT, "CN=vpn1", false},
    {"/C=FR/O=Office/CN=vpn1", DBR_NAME_SUBJECT, "", false},
    {"/O=Office, Inc./CN=vpn1", DBR_NAME_SUBJECT, "O=Office, Inc., CN=vpn1", true},
    {"/O=Office, CN=vpn1", DBR_NAME_SUBJECT, "O=Office, CN=vpn1", false}, /* one O that looks like O and CN */
    {"/O=Office + CN=vpn1", DBR_NAME_SUBJECT, "O=Office + CN=vpn1", false},
    {"/O=Office/CN=vpn1", DBR_NAME_CN, "vpn1", true},
    {"/O=Office/CN=vpn1", DBR_NAME_CN, "vpn", false},
    {"/O=Office/CN=vpn1", DBR_NAME_CN, "vpn11", false},
    {"/O=Office/CN=vpn1", DBR_NAME_CN, "VPN1", false},
    {"/O=Office/CN=vpn1", DBR_NAME_CN, "", false},
    {"/O=vpn1/CN=mallory", DBR_NAME_CN, "vpn1", false},
    {"/CN=vpn1/CN=mallory", DBR_NAME_CN, "vpn1", false},
    {"/O=vpn1", DBR_NAME_CN, "", false},
    {"/O=Office/CN=vpn1", DBR_NAME_CN_PREFIX, "vpn", true},
    {"/O=Office/CN=vpn1", DBR_NAME_CN_PREFIX, "vpn1", true},
    {"/O=Office/CN=vpn1", DBR_NAME_CN_PREFIX, "pn1", false},
    {"/O=Office/CN=vpn1", DBR_NAME_CN_PREFIX, "vpn12", false},
    {"/O=Office/CN=vpn1", DBR_NAME_CN_PREFIX, "", false},
};

static void name_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_cases / sizeof name_cases[0]; i++) {
        struct pki_id *id = pki_make(&(struct pki_spec){.subject = name_cases[i].subject}, root);
        struct dbr_x509 x = view(id);
        char why[1024] = "";
        int err = dbr_x509_check_name(&x, name_cases[i].rule, name_cases[i].want, why, sizeof why);
        if (err != (name_cases[i].good ? 0 : DBR_ERR_CERT) ||
            (err && strncmp(why, "VERIFY X509NAME ERROR: ", 23)))
            fail_msg("name case %zu: %d %s", i, err, why);
        dbr_x509_fini(&x);
        pki_free(id);
    }
}

static int make_root(void **state)
{
    (void)state;
    root = pki_root("Office CA");
    return 0;
}

static int drop_root(void **state)
{
    (void)state;
    pki_free(root);
    return 0;
}

/* Names as a list bears them: DER in, one line out, whatever it is. */
static void names_in_der(void **state)
{
    static const struct {
        const char *der;
        size_t n;
        size_t cap;
        const char *text;
    } cases[] = {
#define ALICE "\x30\x10\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x05"
        {ALICE "alice", 18, 64, "CN=alice"},
        {ALICE "alice", 18, 9, "CN=alice"},
        {ALICE "alice", 18, 8, "CN=alic"},
        {ALICE "alice", 18, 1, ""},
        {ALICE "al\nce", 18, 64, "CN=al\\0Ace"},
        {ALICE "al\0ce", 18, 64, "CN=al\\00ce"},
        {ALICE "alice", 17, 64, "?"},
        {"\x30\x00", 2, 64, ""},
        {"", 0, 64, "?"},
        {"garbage", 7, 64, "?"},
        {"garbage", 7, 1, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[64];
        memset(out, 'x', sizeof out);
        const char *text = dbr_x509_name_text((const uint8_t *)cases[i].der, cases[i].n, out, cases[i].cap);
        if (text != out || strcmp(out, cases[i].text) != 0)
            fail_msg("case %zu: \"%s\", not \"%s\"", i, out, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields),
        cmocka_unit_test(single_fields),
        cmocka_unit_test(serials),
        cmocka_unit_test(odd_common_names),
        cmocka_unit_test(the_last_common_name_counts),
        cmocka_unit_test(a_huge_name_is_cut_and_refused),
        cmocka_unit_test(subject_fields),
        cmocka_unit_test(der_and_pem),
        cmocka_unit_test(no_certificates),
        cmocka_unit_test(key_texts),
        cmocka_unit_test(purpose_rules),
        cmocka_unit_test(name_rules),
        cmocka_unit_test(names_in_der),
    };
    return cmocka_run_group_tests(tests, make_root, drop_root);
}
