/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Peers that mean harm: costly or odd certificates (C20), failures among good sessions (C21), what TLS allows
 * after the handshake and we do not serve (C22). Records are forged with the keys of the session where
 * OpenSSL would not write them.
 */
#include "base/bytes.h"
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "wire.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct pki_id *root, *server_id, *alice;

#ifdef DBR_SANITIZED
enum { SLOWER = 10 }; /* a sanitizer's share of the time */
#else
enum { SLOWER = 1 };
#endif

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- C20: certificates ---- */

static void cn_of_64_kb(X509 *cert)
{
    static char cn[65536];
    memset(cn, 'a', sizeof cn);
    pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, cn, sizeof cn);
}

static void cn_of_40_kb(X509 *cert)
{
    static char cn[40000];
    memset(cn, 'a', sizeof cn);
    pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, cn, sizeof cn);
}

static void cn_of_20_kb(X509 *cert)
{
    static char cn[20000];
    memset(cn, 'a', sizeof cn);
    pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, cn, sizeof cn);
}

static void many_attributes(X509 *cert)
{
    for (int i = 0; i < 1000; i++)
        pki_add_raw(cert, NID_organizationalUnitName, V_ASN1_UTF8STRING, "unit", 4);
    pki_add_raw(cert, NID_commonName, V_ASN1_UTF8STRING, "alice", 5);
}

static void hundred_alternative_names(X509 *cert)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    for (int i = 0; i < 100; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        char dns[32];
        ASN1_STRING_set(text, dns, snprintf(dns, sizeof dns, "host%d.office.example", i));
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(names, name);
    }
    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
}

/* A public key of 16,384 bits that nobody has the private half of. */
static EVP_PKEY *huge_rsa_key(void)
{
    BIGNUM *n = BN_new(), *e = BN_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    BN_rand(n, 16384, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    BN_set_word(e, 65537);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_fromdata_init(ctx);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    BN_free(e);
    return key;
}

/* A signature as long as the huge key asks for, so that the whole computation is done. */
static void signature_of_2048_bytes(X509 *cert)
{
    static unsigned char bytes[2048] = {0, 1, 2, 3};
    const ASN1_BIT_STRING *sig;
    X509_get0_signature(&sig, NULL, cert);
    ASN1_BIT_STRING_set((ASN1_BIT_STRING *)sig, bytes, sizeof bytes);
}

struct shown {
    struct pki_id *own;
    char *pem; /* own and what follows it */
};

static struct shown below(struct pki_id *mid, struct pki_id *own)
{
    struct shown s = {own, calloc(1, 262144)};
    strcat(strcpy(s.pem, own->pem), mid->pem);
    pki_free(mid);
    return s;
}

static struct shown signed_by_a_huge_key(void)
{
    EVP_PKEY *huge = huge_rsa_key();
    struct pki_spec mid_spec = {
        .subject = "/CN=Huge CA", .key = huge, .exts = {"basicConstraints", "CA:TRUE"}};
    struct pki_id *mid = pki_make(&mid_spec, root),
                  *small = pki_make(&(struct pki_spec){.rsa_bits = 2048}, NULL);
    struct pki_id issuer = {.cert = mid->cert, .key = small->key};
    struct pki_id *own =
        pki_make(&(struct pki_spec){.subject = "/CN=alice", .spoil = signature_of_2048_bytes}, &issuer);
    EVP_PKEY_free(huge);
    pki_free(small);
    return below(mid, own);
}

static struct shown chain_of_fifty(void)
{
    struct pki_id *ids[50];
    char names[50][32];
    struct shown s = {NULL, calloc(1, 262144)};
    for (int i = 0; i < 50; i++) {
        struct pki_spec spec = {.subject = names[i], .exts = {"basicConstraints", "CA:TRUE"}};
        snprintf(names[i], sizeof names[i], "/CN=Sub CA %d", i);
        ids[i] = pki_make(&spec, i ? ids[i - 1] : root);
    }
    s.own = pki_client("alice", ids[49]);
    strcat(s.pem, s.own->pem);
    for (int i = 49; i >= 0; i--) {
        strcat(s.pem, ids[i]->pem);
        pki_free(ids[i]);
    }
    return s;
}

static struct shown twisted(void (*twist)(X509 *), const char *subject)
{
    struct shown s = {pki_make(&(struct pki_spec){.subject = subject, .twist = twist}, root),
                      calloc(1, 262144)};
    strcpy(s.pem, s.own->pem);
    return s;
}

static struct shown huge_cn(void)
{
    return twisted(cn_of_64_kb, NULL);
}
static struct shown very_big_cn(void)
{
    return twisted(cn_of_40_kb, NULL);
}
static struct shown big_cn(void)
{
    return twisted(cn_of_20_kb, NULL);
}
static struct shown big_subject(void)
{
    return twisted(many_attributes, NULL);
}
static struct shown many_names(void)
{
    return twisted(hundred_alternative_names, "/CN=alice");
}

static const struct {
    struct shown (*make)(void);
    int err;
    const char *why;
} costly[] = {
    {huge_cn, DBR_ERR_LIMIT, "peer sent too many bytes"},
    {very_big_cn, DBR_ERR_TLS, "TLS failed: excessive message size"},
    {big_cn, DBR_ERR_CERT, "error=the subject is longer than 511 bytes"},
    {big_subject, DBR_ERR_CERT, "error=the subject is longer than 511 bytes"},
    {many_names, 0, ""},
    {signed_by_a_huge_key, DBR_ERR_CERT, "error=certificate signature failure"},
    {chain_of_fifty, DBR_ERR_CERT, "error=certificate chain too long"},
};

static void costly_certificates(void **state)
{
    (void)state;
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL);
    for (size_t i = 0; i < sizeof costly / sizeof costly[0]; i++) {
        struct shown s = costly[i].make();
        struct dbr_tls_config config = {.cert = s.pem, .cert_len = strlen(s.pem), .cert_profile = "insecure"};
        struct dbr_tls_ctx *cc = wire_ctx(false, root, s.own, &config);
        struct dbr_tls *client = wire_session(cc, NULL), *server = wire_session(sc, NULL);
        double start = cpu_ms();
        struct wire_result r = wire_handshake(client, server, 4096);
        double ms = cpu_ms() - start;
        if (r.server != costly[i].err || !strstr(dbr_tls_why(server), costly[i].why) || ms > 50 * SLOWER)
            fail_msg("case %zu: %d \"%s\" in %.1f ms", i, r.server, dbr_tls_why(server), ms);
        dbr_tls_free(client);
        dbr_tls_free(server);
        dbr_tls_ctx_put(cc);
        pki_free(s.own);
        free(s.pem);
    }
    dbr_tls_ctx_put(sc);
}

/* A certificate that would shrink to nothing comes as it is, from an OpenSSL that could pack it: we offer no
 * unpacking (RFC 8879), so that its size counts before anything is made of it. */
static void packed_certificates(void **state)
{
    (void)state;
    struct shown s = huge_cn();
    for (int ours_is_server = 0; ours_is_server <= 1; ours_is_server++) {
        struct dbr_tls_ctx *ctx = wire_ctx(ours_is_server, root, ours_is_server ? server_id : alice, NULL);
        struct dbr_tls *ours = wire_session(ctx, NULL);
        SSL *raw = raw_end(!ours_is_server, root, s.own, TLS1_3_VERSION);
        assert_int_equal(raw_handshake(raw, ours), DBR_ERR_LIMIT);
        assert_string_equal(dbr_tls_why(ours), "peer sent too many bytes");
        raw_free(raw);
        dbr_tls_free(ours);
        dbr_tls_ctx_put(ctx);
    }
    pki_free(s.own);
    free(s.pem);
}

/* ---- C21: one session's failure and another's calls ---- */

static void poison_error_queue(void)
{
    ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
    ERR_raise(ERR_LIB_SYS, 1);
}

static void old_errors_do_no_harm(void **state)
{
    (void)state;
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL), *cc = wire_ctx(false, root, alice, NULL);
    struct dbr_tls *server = wire_session(sc, NULL), *client = wire_session(cc, NULL);
    uint8_t buf[16];
    size_t n;
    int c, s, rounds = 0;
    do {
        poison_error_queue();
        c = dbr_tls_step(client);
        wire_move(client, server, 300);
        poison_error_queue();
        s = dbr_tls_step(server);
        wire_move(server, client, 300);
        assert_true((!c || c == DBR_ERR_AGAIN) && (!s || s == DBR_ERR_AGAIN));
    } while ((c || s) && ++rounds < 100);
    poison_error_queue();
    assert_int_equal(dbr_tls_read(server, buf, sizeof buf, &n), DBR_ERR_AGAIN);
    poison_error_queue();
    assert_int_equal(dbr_tls_write(client, (const uint8_t *)"x", 1), 0);
    wire_move(client, server, 300);
    poison_error_queue();
    assert_int_equal(dbr_tls_read(server, buf, sizeof buf, &n), 0);
    poison_error_queue();
    assert_int_equal(dbr_tls_export(server, "EXPORTER-x", buf, sizeof buf), 0);
    poison_error_queue();
    assert_int_equal(dbr_tls_read(server, buf, sizeof buf, &n), DBR_ERR_AGAIN);
    dbr_tls_free(client);
    dbr_tls_free(server);
    dbr_tls_ctx_put(sc);
    dbr_tls_ctx_put(cc);
}

enum { GOOD, WRONG_CA, GARBAGE, CUT, KINDS };

/* Many sessions in flight at once, every other one doomed, stepped in turns. */
static void failures_among_good_sessions(void **state)
{
    (void)state;
    enum { N = 64 };
    struct pki_id *other_ca = pki_root("Other CA"), *mallory = pki_client("mallory", other_ca);
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL),
                       *good = wire_ctx(false, root, alice, NULL),
                       *bad = wire_ctx(false, root, mallory, NULL);
    struct dbr_tls *client[N], *server[N];
    uint8_t buf[16];
    size_t n;
    for (int i = 0; i < N; i++) {
        client[i] = wire_session(i % KINDS == WRONG_CA ? bad : good, NULL);
        server[i] = wire_session(sc, NULL);
    }
    for (int round = 0; round < 8; round++)
        for (int i = 0; i < N; i++) {
            dbr_tls_step(client[i]);
            wire_move(client[i], server[i], 500);
            if (i % KINDS == GARBAGE && round == 1)
                dbr_tls_feed(server[i],
                             (const uint8_t *)"\x17\x03\x03\x00\x20 this record is not a genuine one", 37);
            if (i % KINDS == CUT && round == 1)
                dbr_tls_feed(server[i], (const uint8_t *)"\x15\x03\x03\x00\x02\x02\x28",
                             7); /* fatal alert, in clear */
            dbr_tls_step(server[i]);
            wire_move(server[i], client[i], 500);
        }
    for (int i = 0; i < N; i++) {
        bool ok = i % KINDS == GOOD;
        assert_int_equal(dbr_tls_done(server[i]), ok || (dbr_tls_done(server[i]) && i % KINDS >= GARBAGE));
        assert_int_equal(dbr_tls_read(server[i], buf, sizeof buf, &n), ok                      ? DBR_ERR_AGAIN
                                                                       : i % KINDS == WRONG_CA ? DBR_ERR_CERT
                                                                                               : DBR_ERR_TLS);
        assert_int_equal(dbr_tls_why(server[i])[0] == 0, ok);
    }
    for (int i = 0; i < N; i++) {
        dbr_tls_free(client[i]);
        dbr_tls_free(server[i]);
    }
    dbr_tls_ctx_put(sc);
    dbr_tls_ctx_put(good);
    dbr_tls_ctx_put(bad);
    pki_free(mallory);
    pki_free(other_ca);
}

/* ---- C22: after the handshake ---- */

/* Writes TLS 1.3 records under the client's application keys (RFC 8446 sections 5.2, 7.3). */
static struct forger {
    uint8_t secret[32];
    bool has_secret;
    struct dbr_aead *seal;
    uint8_t iv[12];
    uint64_t seq;
} forger;

static void keep_secret(const SSL *ssl, const char *line)
{
    (void)ssl;
    static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";
    if (strncmp(line, label, sizeof label - 1))
        return;
    const char *hex = line + sizeof label - 1 + 65; /* past the client's random */
    for (int i = 0; i < 32; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        forger.secret[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    forger.has_secret = true;
}

static void forger_init(void)
{
    uint8_t key[16];
    assert_true(forger.has_secret);
    assert_int_equal(dbr_hkdf_expand_label(forger.secret, 32, "tls13 ", "key", NULL, 0, key, 16), 0);
    assert_int_equal(dbr_hkdf_expand_label(forger.secret, 32, "tls13 ", "iv", NULL, 0, forger.iv, 12), 0);
    assert_int_equal(dbr_aead_new(&forger.seal, dbr_aead_backend_best(), DBR_AES_128_GCM, key, true), 0);
    forger.seq = 0;
}

static void forger_fini(void)
{
    dbr_aead_free(forger.seal);
    memset(&forger, 0, sizeof forger);
}

/* One record of that inner type with n bytes, fed to the server. */
static int forge(struct dbr_tls *server, uint8_t type, const void *data, size_t n)
{
    uint8_t record[5 + 512 + 1 + 16] = {23, 3, 3}, *text = record + 5;
    struct dbr_aead_job job = {text, (uint32_t)n + 1, record, 5, text + n + 1, {0}, 0};
    dbr_put16(record + 3, (uint16_t)(n + 1 + 16));
    if (n)
        memcpy(text, data, n);
    text[n] = type;
    memcpy(job.nonce, forger.iv, 12);
    for (int i = 0; i < 8; i++)
        job.nonce[4 + i] ^= (uint8_t)(forger.seq >> (56 - 8 * i));
    forger.seq++;
    dbr_aead_seal(forger.seal, &job, 1);
    return dbr_tls_feed(server, record, 5 + n + 1 + 16);
}

/* Reads until there is nothing more; the last answer. */
static int read_all(struct dbr_tls *t, size_t *got)
{
    uint8_t buf[256];
    size_t n;
    int err;
    while (!(err = dbr_tls_read(t, buf, sizeof buf, &n)))
        *got += n;
    return err;
}

static void repeat(struct dbr_tls *server, int times, uint8_t type, const void *data, size_t n, size_t *got)
{
    for (int i = 0; i < times && !forge(server, type, data, n); i++)
        if (read_all(server, got) != DBR_ERR_AGAIN)
            return;
}

static void app_data(struct dbr_tls *s, size_t *got)
{
    repeat(s, 3, 23, "hello", 5, got);
}
static void bytes_one_by_one(struct dbr_tls *s, size_t *got)
{
    repeat(s, 10000, 23, "x", 1, got);
}
static void few_empty_records(struct dbr_tls *s, size_t *got)
{
    repeat(s, 10, 23, NULL, 0, got);
}
static void empty_records(struct dbr_tls *s, size_t *got)
{
    repeat(s, 100000, 23, NULL, 0, got);
}
static void heartbeat(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 24, "\x01\x40\x00payload", 10, got);
}
static void client_hello(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 22, "\x01\x00\x00\x02\x03\x03", 6, got);
}
static void huge_handshake_message(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 22, "\x18\xff\xff\xff", 4, got);
}
static void client_ticket(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 22, "\x04\x00\x00\x01\x00", 5, got);
}
static void bad_key_update(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 22, "\x18\x00\x00\x01\x07", 5, got);
}
static void warning_alerts(struct dbr_tls *s, size_t *got)
{
    repeat(s, 100, 21, "\x01\x5a", 2, got); /* user_canceled, which is ignored */
}
static void fatal_alert(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 21, "\x02\x50", 2, got);
}
static void unknown_type(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 99, "x", 1, got);
}
static void change_cipher_spec(struct dbr_tls *s, size_t *got)
{
    dbr_tls_feed(s, (const uint8_t *)"\x14\x03\x03\x00\x01\x01", 6);
    read_all(s, got);
}
static void plain_record(struct dbr_tls *s, size_t *got)
{
    dbr_tls_feed(s, (const uint8_t *)"\x17\x03\x03\x00\x05hello", 10);
    read_all(s, got);
}
static void long_record(struct dbr_tls *s, size_t *got)
{
    dbr_tls_feed(s, (const uint8_t *)"\x17\x03\x03\xff\xff", 5);
    read_all(s, got);
}
static void replayed_record(struct dbr_tls *s, size_t *got)
{
    repeat(s, 1, 23, "hello", 5, got);
    forger.seq--;
    repeat(s, 1, 23, "hello", 5, got);
}

static const struct {
    void (*play)(struct dbr_tls *server, size_t *got);
    int err;
    size_t got;
    const char *why;
} scripts[] = {
    {app_data, DBR_ERR_AGAIN, 15, ""},
    {bytes_one_by_one, DBR_ERR_AGAIN, 10000, ""},
    {few_empty_records, DBR_ERR_AGAIN, 0, ""},
    {empty_records, DBR_ERR_TLS, 0, "record too small"},
    {heartbeat, DBR_ERR_TLS, 0, "TLS failed: "},
    {client_hello, DBR_ERR_TLS, 0, "TLS failed: unexpected message"},
    {huge_handshake_message, DBR_ERR_TLS, 0, "TLS failed: "},
    {client_ticket, DBR_ERR_TLS, 0, "TLS failed: unexpected message"},
    {bad_key_update, DBR_ERR_TLS, 0, "TLS failed: bad key update"},
    {warning_alerts, DBR_ERR_TLS, 0, "TLS failed: too many warn alerts"},
    {fatal_alert, DBR_ERR_TLS, 0, "peer sent alert: internal error"},
    {unknown_type, DBR_ERR_TLS, 0, "TLS failed: "},
    {change_cipher_spec, DBR_ERR_TLS, 0, "TLS failed: "},
    {plain_record, DBR_ERR_TLS, 0, "TLS failed: "},
    {long_record, DBR_ERR_TLS, 0, "TLS failed: "},
    {replayed_record, DBR_ERR_TLS, 5, "TLS failed: decryption failed or bad record mac"},
};

static void forged_records(void **state)
{
    (void)state;
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct dbr_tls *server = wire_session(sc, NULL);
        SSL *client = raw_end(false, root, alice, TLS1_3_VERSION);
        SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(client), keep_secret);
        SSL_set_ciphersuites(client, "TLS_AES_128_GCM_SHA256");
        assert_int_equal(raw_handshake(client, server), 0);
        forger_init();
        size_t got = 0;
        double start = cpu_ms();
        scripts[i].play(server, &got);
        int err = read_all(server, &got);
        double ms = cpu_ms() - start;
        if (err != scripts[i].err || got != scripts[i].got || !strstr(dbr_tls_why(server), scripts[i].why) ||
            ms > 100 * SLOWER)
            fail_msg("script %zu: %d \"%s\", %zu bytes, %.1f ms", i, err, dbr_tls_why(server), got, ms);
        assert_int_equal(dbr_tls_write(server, (const uint8_t *)"x", 1),
                         err == DBR_ERR_AGAIN ? 0 : DBR_ERR_TLS);
        forger_fini();
        raw_free(client);
        dbr_tls_free(server);
    }
    dbr_tls_ctx_put(sc);
}

static void key_updates_are_counted(void **state)
{
    (void)state;
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL);
    struct dbr_tls *server = wire_session(sc, NULL);
    SSL *client = raw_end(false, root, alice, TLS1_3_VERSION);
    size_t got = 0;
    int updates = 0, err = raw_handshake(client, server);
    assert_int_equal(err, 0);
    for (err = DBR_ERR_AGAIN; err == DBR_ERR_AGAIN && updates < 10000; updates++) {
        SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(client);
        SSL_write(client, "x", 1);
        raw_to_ours(client, server);
        err = read_all(server, &got);
        assert_true(dbr_tls_pending_out(server) < 4096);
    }
    assert_int_equal(updates, 33);
    assert_true(got >= 32);
    assert_int_equal(err, DBR_ERR_TLS);
    assert_string_equal(dbr_tls_why(server), "peer sent over 32 handshake messages after the handshake");
    raw_free(client);
    dbr_tls_free(server);
    dbr_tls_ctx_put(sc);
}

static void key_updates_in_one_burst(void **state)
{
    (void)state;
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL);
    struct dbr_tls *server = wire_session(sc, NULL);
    SSL *client = raw_end(false, root, alice, TLS1_3_VERSION);
    size_t got = 0;
    assert_int_equal(raw_handshake(client, server), 0);
    for (int i = 0; i < 1000; i++) {
        SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(client);
    }
    raw_to_ours(client, server);
    assert_int_equal(read_all(server, &got), DBR_ERR_TLS);
    assert_true(dbr_tls_pending_out(server) < 4096); /* it did not answer each */
    raw_free(client);
    dbr_tls_free(server);
    dbr_tls_ctx_put(sc);
}

static void renegotiation_ends_the_session(void **state)
{
    (void)state;
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL), *cc = wire_ctx(false, root, alice, NULL);
    for (int ours_is_server = 0; ours_is_server <= 1; ours_is_server++) {
        struct dbr_tls *ours = wire_session(ours_is_server ? sc : cc, NULL);
        SSL *raw = raw_end(!ours_is_server, root, ours_is_server ? alice : server_id, TLS1_2_VERSION);
        size_t got = 0;
        assert_int_equal(raw_handshake(raw, ours), 0);
        assert_int_equal(read_all(ours, &got), DBR_ERR_AGAIN);
        assert_int_equal(SSL_renegotiate(raw), 1);
        SSL_do_handshake(raw);
        assert_true(raw_to_ours(raw, ours) > 0);
        assert_int_equal(read_all(ours, &got), DBR_ERR_TLS);
        assert_string_equal(dbr_tls_why(ours), "peer asked for TLS renegotiation");
        raw_free(raw);
        dbr_tls_free(ours);
    }
    dbr_tls_ctx_put(sc);
    dbr_tls_ctx_put(cc);
}

/* ---- first bytes that are no ClientHello ---- */

static void strange_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 28},
        {"\x17\x03\x03\x00\x05hello", 10},                    /* early data without a hello */
        {"\x16\x03\x01\xff\xff", 5},                          /* record too long */
        {"\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9},          /* hello of 16 MB */
        {"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", 11}, /* hello of two bytes */
        {"\x80\x09\x01\x03\x01\x00\x15\x00\x00\x00\x10", 11}, /* SSL 2 hello */
        {"\x15\x03\x01\x00\x02\x02\x28", 7},                  /* an alert first */
        {"\x18\x03\x01\x00\x03\x01\x40\x00", 8},              /* Heartbleed's */
    };
    struct dbr_tls_ctx *sc = wire_ctx(true, root, server_id, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dbr_tls *server = wire_session(sc, NULL);
        assert_int_equal(dbr_tls_feed(server, (const uint8_t *)cases[i].bytes, cases[i].n), 0);
        int err = dbr_tls_step(server);
        if (err != DBR_ERR_TLS || !dbr_tls_why(server)[0])
            fail_msg("case %zu: %d \"%s\"", i, err, dbr_tls_why(server));
        assert_true(dbr_tls_pending_out(server) <= 7); /* an alert at most */
        dbr_tls_free(server);
    }
    dbr_tls_ctx_put(sc);
}

static int make_pki(void **state)
{
    (void)state;
    root = pki_root("Office CA");
    server_id = pki_server("vpn.office", root);
    alice = pki_client("alice", root);
    return 0;
}

static int drop_pki(void **state)
{
    (void)state;
    pki_free(root);
    pki_free(server_id);
    pki_free(alice);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costly_certificates),      cmocka_unit_test(packed_certificates),
        cmocka_unit_test(old_errors_do_no_harm),    cmocka_unit_test(failures_among_good_sessions),
        cmocka_unit_test(forged_records),           cmocka_unit_test(key_updates_are_counted),
        cmocka_unit_test(key_updates_in_one_burst), cmocka_unit_test(renegotiation_ends_the_session),
        cmocka_unit_test(strange_first_bytes),
    };
    return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
