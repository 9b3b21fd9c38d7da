/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * C25: every kind of unusable client certificate is refused, each with a reason of its own, with a TLS alert
 * at the client and no peer left in the session; and the same for a client that looks at its server.
 */
#include "base/err.h"
#include "wire.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef _WIN32
#include <direct.h>
#define mkdtemp(dir) (_mktemp(dir) && _mkdir(dir) == 0 ? (dir) : NULL)
#endif

#define CLIENT_EXTS                                                                                          \
    "basicConstraints", "CA:FALSE", "keyUsage", "digitalSignature", "extendedKeyUsage", "clientAuth"
#define CA_EXTS "basicConstraints", "critical,CA:TRUE", "keyUsage", "critical,keyCertSign,cRLSign"

static struct pki_id *root, *server_id;

/* What a client presents: its identity and the PEM of certificate and chain. */
struct shown {
    struct pki_id *own, *mid[12];
    char *pem;
};

static struct shown show(struct pki_id *own, struct pki_id *mid)
{
    struct shown s = {.own = own, .mid = {mid}};
    s.pem = calloc(1, 65536);
    strcpy(s.pem, own->pem);
    if (mid)
        strcat(s.pem, mid->pem);
    return s;
}

static void unshow(struct shown *s)
{
    pki_free(s->own);
    for (int i = 0; i < 12; i++)
        pki_free(s->mid[i]);
    free(s->pem);
}

static struct shown leaf(struct pki_spec spec)
{
    return show(pki_make(&spec, root), NULL);
}

static struct shown below(struct pki_spec mid_spec)
{
    struct pki_id *mid = pki_make(&mid_spec, root);
    return show(pki_client("alice", mid), mid);
}

/* ---- the fixtures ---- */

static struct shown good(void)
{
    return show(pki_client("alice", root), NULL);
}
static struct shown good_with_intermediate(void)
{
    return below((struct pki_spec){.subject = "/O=Office/CN=Site CA", .exts = {CA_EXTS}});
}
static struct shown without_extensions(void)
{
    return leaf((struct pki_spec){.subject = "/O=Office/CN=alice"});
}
static struct shown wrong_ca(void)
{
    struct pki_id *other = pki_root("Other CA");
    struct shown s = show(pki_client("alice", other), NULL);
    pki_free(other);
    return s;
}
static struct shown right_name_wrong_ca(void)
{
    struct pki_id *twin = pki_root("Office CA");
    struct shown s = show(pki_client("alice", twin), NULL);
    pki_free(twin);
    return s;
}
static struct shown expired(void)
{
    return leaf(
        (struct pki_spec){.subject = "/CN=alice", .from_s = -7200, .to_s = -60, .exts = {CLIENT_EXTS}});
}
static struct shown not_yet_valid(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .from_s = 3600, .exts = {CLIENT_EXTS}});
}
static struct shown server_auth_only(void)
{
    return show(pki_server("alice", root), NULL);
}
static struct shown no_eku(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .exts = {"keyUsage", "digitalSignature"}});
}
static struct shown no_ku(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .exts = {"extendedKeyUsage", "clientAuth"}});
}
static struct shown ca_as_leaf(void)
{
    return leaf((struct pki_spec){
        .subject = "/CN=alice",
        .exts = {"basicConstraints", "CA:TRUE", "keyUsage", "digitalSignature,keyCertSign"}});
}
static struct shown revoked(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .serial = 666, .exts = {CLIENT_EXTS}});
}
static struct shown revoked_intermediate(void)
{
    return below((struct pki_spec){.subject = "/CN=Site CA", .serial = 666, .exts = {CA_EXTS}});
}
static struct shown self_signed(void)
{
    return show(pki_client("alice", NULL), NULL);
}
static struct shown sha1_signature(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .digest = "SHA1", .exts = {CLIENT_EXTS}});
}
static struct shown rsa_1024(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .rsa_bits = 1024, .exts = {CLIENT_EXTS}});
}
static struct shown weak_intermediate(void)
{
    return below((struct pki_spec){.subject = "/CN=Site CA", .rsa_bits = 1024, .exts = {CA_EXTS}});
}
static struct shown expired_intermediate(void)
{
    return below(
        (struct pki_spec){.subject = "/CN=Site CA", .from_s = -7200, .to_s = -60, .exts = {CA_EXTS}});
}
static struct shown intermediate_is_no_ca(void)
{
    return below((struct pki_spec){.subject = "/CN=bob", .exts = {CLIENT_EXTS}});
}
static struct shown intermediate_may_not_sign(void)
{
    return below((struct pki_spec){.subject = "/CN=Site CA",
                                   .exts = {"basicConstraints", "CA:TRUE", "keyUsage", "cRLSign"}});
}
static struct shown path_too_long(void)
{
    struct pki_spec no_more = {.subject = "/CN=Site CA",
                               .exts = {"basicConstraints", "CA:TRUE,pathlen:0", "keyUsage", "keyCertSign"}};
    struct pki_spec one_more = {.subject = "/CN=Sub CA", .exts = {CA_EXTS}};
    struct pki_id *mid = pki_make(&no_more, root), *sub = pki_make(&one_more, mid);
    struct shown s = show(pki_client("alice", sub), sub);
    s.mid[1] = mid;
    strcat(s.pem, mid->pem);
    return s;
}
static struct shown outside_name_constraints(void)
{
    struct pki_spec spec = {.subject = "/CN=Site CA",
                            .exts = {CA_EXTS, "nameConstraints", "critical,permitted;email:site.example"}};
    struct pki_id *mid = pki_make(&spec, root);
    struct pki_spec own = {.subject = "/CN=alice",
                           .exts = {CLIENT_EXTS, "subjectAltName", "email:alice@else.example"}};
    return show(pki_make(&own, mid), mid);
}
static struct shown chain_of_twelve(void)
{
    struct shown s = {.pem = calloc(1, 65536)};
    struct pki_spec spec = {.exts = {CA_EXTS}};
    char names[11][32];
    for (int i = 0; i < 11; i++) {
        snprintf(names[i], sizeof names[i], "/CN=Sub CA %d", i);
        spec.subject = names[i];
        s.mid[i] = pki_make(&spec, i ? s.mid[i - 1] : root);
    }
    s.own = pki_client("alice", s.mid[10]);
    strcat(s.pem, s.own->pem);
    for (int i = 10; i >= 0; i--)
        strcat(s.pem, s.mid[i]->pem);
    return s;
}
static struct shown unknown_critical(void)
{
    return leaf(
        (struct pki_spec){.subject = "/CN=alice",
                          .exts = {CLIENT_EXTS, "1.2.3.4.5.6.7", "critical,ASN1:UTF8String:what is this"}});
}
static void twice_the_same_extension(X509 *cert)
{
    X509_EXTENSION *e = X509_get_ext(cert, 0);
    X509_add_ext(cert, e, -1);
}
static struct shown duplicate_extension(void)
{
    return leaf(
        (struct pki_spec){.subject = "/CN=alice", .exts = {CLIENT_EXTS}, .twist = twice_the_same_extension});
}
static void nul_in_cn(X509 *cert)
{
    pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, "alice\0.evil", 11);
}
static struct shown cn_with_nul(void)
{
    return leaf((struct pki_spec){.exts = {CLIENT_EXTS}, .twist = nul_in_cn});
}
static void bits_for_cn(X509 *cert)
{
    pki_add_raw(cert, NID_commonName, V_ASN1_BIT_STRING, "bob", 3);
}
static struct shown cn_that_is_no_text(void)
{
    return leaf((struct pki_spec){.exts = {CLIENT_EXTS}, .twist = bits_for_cn});
}
static struct shown no_cn(void)
{
    return leaf((struct pki_spec){.subject = "/O=Office", .exts = {CLIENT_EXTS}});
}
static void cn_of_65(X509 *cert)
{
    char cn[65];
    memset(cn, 'a', sizeof cn);
    pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, cn, sizeof cn);
}
static struct shown cn_too_long(void)
{
    return leaf((struct pki_spec){.exts = {CLIENT_EXTS}, .twist = cn_of_65});
}
static void subject_of_600(X509 *cert)
{
    char ou[600];
    memset(ou, 'a', sizeof ou);
    pki_add_raw(cert, NID_organizationalUnitName, V_ASN1_UTF8STRING, ou, sizeof ou);
}
static struct shown subject_too_long(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .exts = {CLIENT_EXTS}, .twist = subject_of_600});
}
static struct shown serial_zero(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .serial_hex = "00", .exts = {CLIENT_EXTS}});
}
static struct shown serial_negative(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice", .serial_hex = "-05", .exts = {CLIENT_EXTS}});
}
static struct shown serial_of_21_bytes(void)
{
    return leaf((struct pki_spec){.subject = "/CN=alice",
                                  .serial_hex = "010203040506070809101112131415161718192021",
                                  .exts = {CLIENT_EXTS}});
}
static struct shown right_name_wrong_field(void)
{
    return leaf((struct pki_spec){.subject = "/O=bob/CN=mallory", .exts = {CLIENT_EXTS}});
}

/* ---- the server's verify function: serial 666 is revoked; and the rules of the case ---- */

struct judge {
    struct dbr_x509_rules rules;
    int calls;
    size_t chain_len;
};

static enum dbr_verify verify(void *arg, void *session_arg, const struct dbr_x509 *chain, size_t n, char *why,
                              size_t cap)
{
    struct judge *j = session_arg;
    assert_ptr_equal(arg, &root);
    j->calls++;
    j->chain_len = n;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(chain[i].serial_dec, "666"))
            continue;
        if (i)
            snprintf(why, cap, "VERIFY ERROR: depth=%zu, error=issuer revoked: %s", i, chain[i].subject);
        return DBR_VERIFY_REVOKED;
    }
    return dbr_x509_check_rules(&chain[0], &j->rules, why, cap) ? DBR_VERIFY_BAD : DBR_VERIFY_OK;
}

#define TLS_CLIENT_RULE .rules = {.remote_cert_tls = DBR_X509_ROLE_CLIENT}

static const struct refusal {
    struct shown (*make)(void);
    struct dbr_x509_rules rules;
    int alert;
    const char *why; /* in dbr_tls_why() of the server; each is different */
} refusals[] = {
    {wrong_ca, .alert = 48,
     .why = "depth=0, error=unable to get local issuer certificate: O=Office, CN=alice"},
    {right_name_wrong_ca, .alert = 51, .why = "depth=0, error=certificate signature failure"},
    {expired, .alert = 45, .why = "depth=0, error=certificate has expired: CN=alice"},
    {not_yet_valid, .alert = 42, .why = "depth=0, error=certificate is not yet valid"},
    {server_auth_only, .alert = 43, .why = "depth=0, error=unsuitable certificate purpose"},
    {no_eku, TLS_CLIENT_RULE, .alert = 42,
     .why = "does not have extended key usage TLS Web Client Authentication"},
    {no_ku, TLS_CLIENT_RULE, .alert = 42, .why = "does not have key usage extension"},
    {ca_as_leaf, .alert = 42, .why = "a CA certificate cannot be a peer's own"},
    {revoked, .alert = 44, .why = "VERIFY ERROR: depth=0, error=certificate revoked: CN=alice, serial=666"},
    {revoked_intermediate, .alert = 44, .why = "VERIFY ERROR: depth=1, error=issuer revoked: CN=Site CA"},
    {self_signed, .alert = 48, .why = "error=self-signed certificate"},
    {sha1_signature, .alert = 42, .why = "error=CA signature digest algorithm too weak"},
    {rsa_1024, .alert = 42, .why = "error=EE certificate key too weak"},
    {weak_intermediate, .alert = 42, .why = "error=CA certificate key too weak"},
    {expired_intermediate, .alert = 45, .why = "depth=1, error=certificate has expired: CN=Site CA"},
    {intermediate_is_no_ca, .alert = 48, .why = "depth=1, error=invalid CA certificate"},
    {intermediate_may_not_sign, .alert = 48, .why = "depth=1, error=invalid CA certificate"},
    {path_too_long, .alert = 48, .why = "error=path length constraint exceeded"},
    {outside_name_constraints, .alert = 46, .why = "error=permitted subtree violation"},
    {chain_of_twelve, .alert = 48, .why = "error=certificate chain too long"},
    {unknown_critical, .alert = 46, .why = "error=unhandled critical extension"},
    {duplicate_extension, .alert = 42, .why = "error=malformed or repeated certificate extension"},
    {cn_with_nul, .alert = 42, .why = "error=the subject has a NUL or control character"},
    {cn_that_is_no_text, .alert = 42, .why = "error=the subject has an attribute that is no text"},
    {no_cn, .alert = 42, .why = "error=no common name in the subject"},
    {cn_too_long, .alert = 42, .why = "error=the common name is longer than 64 bytes"},
    {subject_too_long, .alert = 42, .why = "error=the subject is longer than 511 bytes"},
    {serial_zero, .alert = 42, .why = "error=the serial number is zero"},
    {serial_negative, .alert = 42, .why = "error=the serial number is negative"},
    {serial_of_21_bytes, .alert = 42, .why = "error=the serial number is longer than 20 bytes"},
    {good, .rules = {.name_rule = DBR_NAME_CN, .name = "bob"}, .alert = 42,
     .why = "VERIFY X509NAME ERROR: O=Office, CN=alice, must be bob"},
    {right_name_wrong_field, .rules = {.name_rule = DBR_NAME_CN, .name = "bob"}, .alert = 42,
     .why = "VERIFY X509NAME ERROR: O=bob, CN=mallory, must be bob"},
};
enum { N_REFUSALS = sizeof refusals / sizeof refusals[0] };

struct outcome {
    int server, client;
    char server_why[DBR_TLS_WHY_MAX], client_why[DBR_TLS_WHY_MAX];
};

/* One handshake with what is shown; the client reads on, as TLS 1.3 tells it only then. */
static struct outcome connect_with(const struct shown *s, struct judge *j, int version, const char *profile)
{
    struct dbr_tls_config cc = {.cert = s->pem, .cert_len = strlen(s->pem), .cert_profile = "insecure"};
    struct dbr_tls_config sc = {
        .version_min = version, .version_max = version, .verify = verify, .arg = &root};
    sc.cert_profile = profile;
    struct dbr_tls_ctx *client_ctx = wire_ctx(false, root, s->own, &cc),
                       *server_ctx = wire_ctx(true, root, server_id, &sc);
    struct dbr_tls *client = wire_session(client_ctx, NULL), *server = wire_session(server_ctx, j);
    struct outcome o = {0};
    uint8_t buf[16];
    size_t n;
    struct wire_result r = wire_handshake(client, server, 1200);
    o.server = r.server;
    o.client = r.client ? r.client : dbr_tls_read(client, buf, sizeof buf, &n);
    snprintf(o.server_why, sizeof o.server_why, "%s", dbr_tls_why(server));
    snprintf(o.client_why, sizeof o.client_why, "%s", dbr_tls_why(client));
    assert_int_equal(dbr_tls_peer(server) != NULL, o.server == 0);
    if (o.server)
        assert_int_equal(dbr_tls_export(server, "x", buf, 16), DBR_ERR_STATE);
    dbr_tls_free(client);
    dbr_tls_free(server);
    dbr_tls_ctx_put(client_ctx);
    dbr_tls_ctx_put(server_ctx);
    return o;
}

static void check_refusal(const struct refusal *f, int version, char *line, size_t cap)
{
    struct shown s = f->make();
    struct judge j = {.rules = f->rules};
    struct outcome o = connect_with(&s, &j, version, NULL);
    char alert[96];
    snprintf(alert, sizeof alert, "peer sent alert: %s", SSL_alert_desc_string_long(f->alert));
    if (o.server != DBR_ERR_CERT || !strstr(o.server_why, f->why) || strcmp(o.client_why, alert))
        fail_msg("case \"%s\", TLS 1.%d: %d \"%s\", client %d \"%s\", wanted \"%s\"", f->why, version - 10,
                 o.server, o.server_why, o.client, o.client_why, alert);
    assert_int_equal(o.client, DBR_ERR_TLS);
    snprintf(line, cap, "%s", o.server_why);
    unshow(&s);
}

/* The reason without the subject and serial after it. */
static size_t reason_len(const char *line)
{
    const char *error = strstr(line, "error="), *end = error ? strchr(error, ':') : NULL;
    return end ? (size_t)(end - line) : strlen(line);
}

static void each_is_refused_with_its_own_reason(void **state)
{
    (void)state;
    static char lines[N_REFUSALS][DBR_TLS_WHY_MAX];
    for (int i = 0; i < N_REFUSALS; i++) {
        check_refusal(&refusals[i], 12, lines[i], DBR_TLS_WHY_MAX);
        check_refusal(&refusals[i], 13, lines[i], DBR_TLS_WHY_MAX);
    }
    int same = 0;
    for (int i = 0; i < N_REFUSALS; i++)
        for (int k = 0; k < i; k++) {
            size_t n = reason_len(lines[i]);
            bool equal = n == reason_len(lines[k]) && !memcmp(lines[i], lines[k], n);
            if (equal)
                print_message("same reason: %s\n", lines[i]);
            same += equal;
        }
    assert_int_equal(
        same, 1); /* an intermediate without the CA flag, and one that may not sign: OpenSSL's one text */
}

static void good_ones_pass(void **state)
{
    (void)state;
    static const struct {
        struct shown (*make)(void);
        struct dbr_x509_rules rules;
        const char *profile;
        size_t chain;
    } cases[] = {
        {good, {0}, NULL, 2},
        {good, {.remote_cert_tls = DBR_X509_ROLE_CLIENT}, NULL, 2},
        {good, {.name_rule = DBR_NAME_CN, .name = "alice"}, NULL, 2},
        {good, {.name_rule = DBR_NAME_CN_PREFIX, .name = "ali"}, NULL, 2},
        {good, {.name_rule = DBR_NAME_SUBJECT, .name = "O=Office, CN=alice"}, NULL, 2},
        {good_with_intermediate, {.remote_cert_tls = DBR_X509_ROLE_CLIENT}, NULL, 3},
        {without_extensions, {0}, NULL, 2}, /* as OpenVPN: purposes are asked for by remote-cert-tls only */
        {no_eku, {0}, NULL, 2},
        {rsa_1024, {0}, "legacy", 2},
        {sha1_signature, {0}, "insecure", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int version = 12; version <= 13; version++) {
            struct shown s = cases[i].make();
            struct judge j = {.rules = cases[i].rules};
            struct outcome o = connect_with(&s, &j, version, cases[i].profile);
            if (o.server || o.client != DBR_ERR_AGAIN)
                fail_msg("case %zu: %d \"%s\", \"%s\"", i, o.server, o.server_why, o.client_why);
            assert_int_equal(j.calls, 1);
            assert_int_equal(j.chain_len, cases[i].chain);
            unshow(&s);
        }
}

/* The raw end was told why: its next call fails because of an alert. */
static bool got_alert(SSL *raw)
{
    return SSL_get_shutdown(raw) & SSL_RECEIVED_SHUTDOWN;
}

/* Ends that our own context cannot play. */
static void check_raw(const struct pki_id *own, int version, const char *why)
{
    struct dbr_tls_ctx *ctx = wire_ctx(true, root, server_id, NULL);
    struct dbr_tls *server = wire_session(ctx, NULL);
    SSL *client = raw_end(false, root, own, version);
    assert_int_equal(raw_handshake(client, server), DBR_ERR_TLS);
    SSL_read(client, (char[1]){0}, 1); /* TLS 1.3: the alert comes after the client's end of the handshake */
    if (!strstr(dbr_tls_why(server), why))
        fail_msg("\"%s\", wanted \"%s\"", dbr_tls_why(server), why);
    assert_true(got_alert(client));
    raw_free(client);
    dbr_tls_free(server);
    dbr_tls_ctx_put(ctx);
}

static void no_certificate_and_old_versions(void **state)
{
    (void)state;
    struct pki_id *alice = pki_client("alice", root);
    check_raw(NULL, TLS1_3_VERSION, "peer did not return a certificate");
    check_raw(NULL, TLS1_2_VERSION, "peer did not return a certificate");
    check_raw(alice, TLS1_VERSION, "unsupported protocol");
    check_raw(alice, TLS1_1_VERSION, "unsupported protocol");
    pki_free(alice);
}

static const struct {
    enum dbr_verify verdict;
    int alert;
} verdicts[] = {
    {DBR_VERIFY_REVOKED, 44},
    {DBR_VERIFY_EXPIRED, 45},
    {DBR_VERIFY_BAD, 42},
    {DBR_VERIFY_UNKNOWN_CA, 48},
};

static enum dbr_verify say_verdict(void *arg, void *session_arg, const struct dbr_x509 *chain, size_t n,
                                   char *why, size_t cap)
{
    (void)arg, (void)chain, (void)n, (void)why, (void)cap;
    return *(const enum dbr_verify *)session_arg;
}

static void each_verdict_has_its_alert(void **state)
{
    (void)state;
    struct pki_id *alice = pki_client("alice", root);
    for (size_t i = 0; i < 4; i++) {
        enum dbr_verify verdict = verdicts[i].verdict;
        struct dbr_tls_ctx *sc =
            wire_ctx(true, root, server_id, &(struct dbr_tls_config){.verify = say_verdict});
        struct dbr_tls_ctx *cc = wire_ctx(false, root, alice, &(struct dbr_tls_config){.version_max = 12});
        struct dbr_tls *server = wire_session(sc, &verdict), *client = wire_session(cc, NULL);
        struct wire_result r = wire_handshake(client, server, 1200);
        char want[96];
        snprintf(want, sizeof want, "peer sent alert: %s", SSL_alert_desc_string_long(verdicts[i].alert));
        assert_int_equal(r.server, DBR_ERR_CERT);
        assert_int_equal(r.client, DBR_ERR_TLS);
        assert_string_equal(dbr_tls_why(client), want);
        assert_non_null(strstr(dbr_tls_why(server), ": O=Office, CN=alice, serial="));
        dbr_tls_free(server);
        dbr_tls_free(client);
        dbr_tls_ctx_put(sc);
        dbr_tls_ctx_put(cc);
    }
    pki_free(alice);
}

/* The client's side: a server of another CA, and a client certificate posing as a server. */
static void a_client_judges_its_server(void **state)
{
    (void)state;
    struct pki_id *alice = pki_client("alice", root), *other_ca = pki_root("Other CA"),
                  *stranger = pki_server("vpn.office", other_ca), *bob = pki_client("vpn.office", root);
    const struct {
        const struct pki_id *own;
        const char *why;
    } cases[] = {{stranger, "unable to get local issuer certificate"},
                 {bob, "unsuitable certificate purpose"}};
    for (size_t i = 0; i < 2; i++) {
        struct dbr_tls_ctx *sc = wire_ctx(true, root, cases[i].own, NULL),
                           *cc = wire_ctx(false, root, alice, NULL);
        struct dbr_tls *server = wire_session(sc, NULL), *client = wire_session(cc, NULL);
        struct wire_result r = wire_handshake(client, server, 1200);
        assert_int_equal(r.client, DBR_ERR_CERT);
        assert_int_equal(r.server, DBR_ERR_TLS);
        assert_non_null(strstr(dbr_tls_why(client), cases[i].why));
        assert_non_null(strstr(dbr_tls_why(server), "peer sent alert: "));
        dbr_tls_free(server);
        dbr_tls_free(client);
        dbr_tls_ctx_put(sc);
        dbr_tls_ctx_put(cc);
    }
    pki_free(alice);
    pki_free(other_ca);
    pki_free(stranger);
    pki_free(bob);
}

/* A root that is found in a folder when it is needed, not read at the start; without it there is no way in.
 */
static void a_root_in_capath_is_found(void **state)
{
    char dir[] = "/tmp/capath.XXXXXX", file[64];
    (void)state;
    struct pki_id *alice = pki_client("alice", root), *other_ca = pki_root("Other CA");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/%08lx.0", dir, X509_subject_name_hash(root->cert));
    for (int there = 0; there < 2; there++) {
        if (there) {
            FILE *f = fopen(file, "w");
            assert_non_null(f);
            fputs(root->pem, f);
            fclose(f);
        }
        struct dbr_tls_ctx *sc = wire_ctx(true, other_ca, server_id, &(struct dbr_tls_config){.capath = dir}),
                           *cc = wire_ctx(false, root, alice, NULL);
        struct dbr_tls *server = wire_session(sc, NULL), *client = wire_session(cc, NULL);
        struct wire_result r = wire_handshake(client, server, 1200);
        assert_int_equal(r.server, there ? 0 : DBR_ERR_CERT);
        dbr_tls_free(server);
        dbr_tls_free(client);
        dbr_tls_ctx_put(sc);
        dbr_tls_ctx_put(cc);
    }
    remove(file);
    remove(dir);
    pki_free(alice);
    pki_free(other_ca);
}

static int make_pki(void **state)
{
    (void)state;
    root = pki_root("Office CA");
    server_id = pki_server("vpn.office", root);
    return 0;
}

static int drop_pki(void **state)
{
    (void)state;
    pki_free(root);
    pki_free(server_id);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_refused_with_its_own_reason), cmocka_unit_test(good_ones_pass),
        cmocka_unit_test(no_certificate_and_old_versions),     cmocka_unit_test(each_verdict_has_its_alert),
        cmocka_unit_test(a_client_judges_its_server),          cmocka_unit_test(a_root_in_capath_is_found),
    };
    return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
