/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TLS between two ends in memory: both versions, every piece size, data, keying material, life of contexts,
 * memory.
 */
#include "base/err.h"
#include "wire.h"

#include <openssl/crypto.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct pki_id *ca, *server_id, *client_id;

/* Bytes OpenSSL and this room have from the allocator, each block with its size in front. */
static size_t bytes_held;
enum { FRONT = 16 };

static void *count_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    char *p = malloc(n + FRONT);
    if (!p)
        return NULL;
    memcpy(p, &n, sizeof n);
    bytes_held += n + FRONT;
    return p + FRONT;
}

static void count_free(void *at, const char *file, int line)
{
    (void)file, (void)line;
    size_t n;
    if (!at)
        return;
    memcpy(&n, (char *)at - FRONT, sizeof n);
    bytes_held -= n + FRONT;
    free((char *)at - FRONT);
}

static void *count_realloc(void *at, size_t n, const char *file, int line)
{
    void *to = n ? count_malloc(n, file, line) : NULL;
    if (at && to) {
        size_t old;
        memcpy(&old, (char *)at - FRONT, sizeof old);
        memcpy(to, at, old < n ? old : n);
    }
    if (to || !n)
        count_free(at, file, line);
    return to;
}

static int make_pki(void **state)
{
    (void)state;
    ca = pki_root("Office CA");
    server_id = pki_server("vpn.office", ca);
    client_id = pki_client("alice", ca);
    return 0;
}

static int drop_pki(void **state)
{
    (void)state;
    pki_free(ca);
    pki_free(server_id);
    pki_free(client_id);
    return 0;
}

struct pair {
    struct dbr_tls *client, *server;
};

static struct pair new_pair(const struct dbr_tls_config *config)
{
    struct dbr_tls_ctx *cc = wire_ctx(false, ca, client_id, config),
                       *sc = wire_ctx(true, ca, server_id, config);
    struct pair p = {wire_session(cc, NULL), wire_session(sc, NULL)};
    dbr_tls_ctx_put(cc); /* the sessions keep them */
    dbr_tls_ctx_put(sc);
    return p;
}

static void free_pair(struct pair p)
{
    dbr_tls_free(p.client);
    dbr_tls_free(p.server);
}

static void say_hello(struct dbr_tls *from, struct dbr_tls *to)
{
    uint8_t buf[64];
    size_t n;
    assert_int_equal(dbr_tls_write(from, (const uint8_t *)"hello", 5), 0);
    wire_move(from, to, 7);
    assert_int_equal(dbr_tls_read(to, buf, sizeof buf, &n), 0);
    assert_int_equal(n, 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(dbr_tls_read(to, buf, sizeof buf, &n), DBR_ERR_AGAIN);
    assert_int_equal(n, 0);
}

static void each_version_and_piece_size(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 3, 100, 1200, 4096};
    for (int version = 12; version <= 13; version++)
        for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
            struct pair p =
                new_pair(&(struct dbr_tls_config){.version_min = version, .version_max = version});
            struct wire_result r = wire_handshake(p.client, p.server, chunks[i]);
            assert_int_equal(r.client, 0);
            assert_int_equal(r.server, 0);
            assert_true(dbr_tls_done(p.client) && dbr_tls_done(p.server));
            assert_string_equal(dbr_tls_peer(p.server)->cn, "alice");
            assert_string_equal(dbr_tls_peer(p.client)->cn, "vpn.office");
            assert_string_equal(dbr_tls_peer(p.server)->subject, "O=Office, CN=alice");
            assert_string_equal(dbr_tls_peer(p.server)->issuer_cn, "Office CA");
            say_hello(p.client, p.server);
            say_hello(p.server, p.client);
            assert_string_equal(dbr_tls_why(p.server), "");
            free_pair(p);
        }
}

static void nothing_before_the_handshake(void **state)
{
    (void)state;
    struct pair p = new_pair(NULL);
    uint8_t buf[16];
    size_t n;
    assert_int_equal(dbr_tls_step(p.server), DBR_ERR_AGAIN);
    assert_int_equal(dbr_tls_pending_out(p.server), 0);
    assert_false(dbr_tls_done(p.server));
    assert_null(dbr_tls_peer(p.server));
    assert_int_equal(dbr_tls_write(p.server, buf, 1), DBR_ERR_STATE);
    assert_int_equal(dbr_tls_read(p.server, buf, 16, &n), DBR_ERR_AGAIN);
    assert_int_equal(dbr_tls_export(p.server, "EXPORTER-OpenVPN-datakeys", buf, 16), DBR_ERR_STATE);
    assert_int_equal(dbr_tls_step(p.client), DBR_ERR_AGAIN);
    assert_true(dbr_tls_pending_out(p.client) > 0);
    free_pair(p);
}

static void keying_material(void **state)
{
    (void)state;
    for (int version = 12; version <= 13; version++) {
        uint8_t a[256], b[256], c[256], raw[256];
        struct pair p = new_pair(&(struct dbr_tls_config){.version_min = version, .version_max = version});
        wire_must_connect(p.client, p.server);
        assert_int_equal(dbr_tls_export(p.client, "EXPORTER-OpenVPN-datakeys", a, 256), 0);
        assert_int_equal(dbr_tls_export(p.server, "EXPORTER-OpenVPN-datakeys", b, 256), 0);
        assert_int_equal(dbr_tls_export(p.server, "EXPORTER-OpenVPN-p2p-peerid", c, 256), 0);
        assert_memory_equal(a, b, 256);
        assert_memory_not_equal(a, c, 256);
        free_pair(p);
        /* against OpenSSL's own end, as OpenVPN calls it: no context */
        struct dbr_tls_ctx *sc = wire_ctx(true, ca, server_id, NULL);
        struct dbr_tls *s = wire_session(sc, NULL);
        dbr_tls_ctx_put(sc);
        SSL *client = raw_end(false, ca, client_id, version == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
        assert_int_equal(raw_handshake(client, s), 0);
        assert_int_equal(
            SSL_export_keying_material(client, raw, 256, "EXPORTER-OpenVPN-datakeys", 25, NULL, 0, 0), 1);
        assert_int_equal(dbr_tls_export(s, "EXPORTER-OpenVPN-datakeys", b, 256), 0);
        assert_memory_equal(raw, b, 256);
        raw_free(client);
        dbr_tls_free(s);
    }
}

static void description(void **state)
{
    (void)state;
    char line[256];
    struct pair p = new_pair(&(struct dbr_tls_config){.groups = "X25519"});
    assert_string_equal(dbr_tls_describe(p.server, line, sizeof line), "Control Channel: no TLS session");
    wire_must_connect(p.client, p.server);
    assert_string_equal(
        dbr_tls_describe(p.server, line, sizeof line),
        "Control Channel: TLSv1.3, cipher TLSv1.3 TLS_AES_256_GCM_SHA384, peer certificate: 256 bits EC, "
        "curve prime256v1, signature: ecdsa-with-SHA256, peer temporary key: 253 bits X25519");
    free_pair(p);
    p = new_pair(&(struct dbr_tls_config){.version_max = 12,
                                          .cipher_list = "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"});
    wire_must_connect(p.client, p.server);
    assert_non_null(
        strstr(dbr_tls_describe(p.server, line, sizeof line), "TLSv1.2, cipher TLSv1.2 ECDHE-ECDSA-AES128-"));
    free_pair(p);
}

/* With an end that is as OpenSSL makes it, we agree on what two such ends would. */
static void the_usual_group(void **state)
{
    (void)state;
    enum { OTHER = 0x1000000, X25519MLKEM768 = 4588 }; /* SSL_get_negotiated_group: an id without a NID */
    const int want = OPENSSL_VERSION_NUMBER >= 0x30500000L ? OTHER | X25519MLKEM768 : NID_X25519;
    for (int ours_is_server = 0; ours_is_server <= 1; ours_is_server++) {
        struct dbr_tls_ctx *ctx = wire_ctx(ours_is_server, ca, ours_is_server ? server_id : client_id, NULL);
        struct dbr_tls *ours = wire_session(ctx, NULL);
        SSL *raw = raw_end(!ours_is_server, ca, ours_is_server ? client_id : server_id, TLS1_3_VERSION);
        assert_int_equal(raw_handshake(raw, ours), 0);
        assert_int_equal(SSL_get_negotiated_group(raw), want);
        char line[256];
        assert_non_null(
            strstr(strstr(dbr_tls_describe(ours, line, sizeof line), "temporary key: "), "X25519"));
        raw_free(raw);
        dbr_tls_free(ours);
        dbr_tls_ctx_put(ctx);
    }
}

static void a_long_message_waits_to_be_drained(void **state)
{
    (void)state;
    static uint8_t big[70000], got[70000];
    struct pair p = new_pair(NULL);
    size_t n, all = 0;
    wire_must_connect(p.client, p.server);
    memset(big, 'x', sizeof big);
    assert_int_equal(dbr_tls_write(p.server, big, 40000), 0);
    assert_int_equal(dbr_tls_write(p.server, big, 40000), DBR_ERR_AGAIN); /* the first still waits */
    assert_true(dbr_tls_pending_out(p.server) > 40000);
    wire_move(p.server, p.client, 1200);
    assert_int_equal(dbr_tls_write(p.server, big, 30000), 0);
    while (!dbr_tls_read(p.client, got, sizeof got, &n))
        all += n;
    wire_move(p.server, p.client, 1200);
    while (!dbr_tls_read(p.client, got, sizeof got, &n))
        all += n;
    assert_int_equal(all, 70000);
    assert_int_equal(dbr_tls_write(p.server, big, 0), 0);
    free_pair(p);
}

static void closing(void **state)
{
    (void)state;
    struct pair p = new_pair(NULL);
    uint8_t buf[16];
    size_t n;
    wire_must_connect(p.client, p.server);
    dbr_tls_close(p.client);
    wire_move(p.client, p.server, 100);
    assert_int_equal(dbr_tls_read(p.server, buf, 16, &n), DBR_ERR_TLS);
    assert_string_equal(dbr_tls_why(p.server), "closed by the peer");
    assert_int_equal(dbr_tls_read(p.server, buf, 16, &n), DBR_ERR_TLS);
    assert_int_equal(dbr_tls_feed(p.server, buf, 1), DBR_ERR_TLS);
    assert_int_equal(dbr_tls_write(p.client, buf, 1), DBR_ERR_TLS);
    free_pair(p);
    dbr_tls_free(NULL);
    dbr_tls_ctx_put(NULL);
}

static void a_context_outlives_its_reload(void **state)
{
    (void)state;
    struct pki_id *other_ca = pki_root("Other CA"), *other = pki_server("other", other_ca);
    struct pair old = new_pair(NULL);
    struct dbr_tls_ctx *fresh = wire_ctx(true, other_ca, other, NULL); /* what a reload brings */
    struct dbr_tls *s = wire_session(fresh, NULL);
    wire_must_connect(old.client, old.server);
    say_hello(old.client, old.server);
    struct pair p = new_pair(NULL);
    struct wire_result r = wire_handshake(p.client, s, 1200);
    assert_int_equal(r.client, DBR_ERR_CERT);
    assert_string_equal(dbr_tls_ctx_cert(fresh)->cn, "other");
    dbr_tls_ctx_put(fresh);
    dbr_tls_free(s);
    free_pair(p);
    free_pair(old);
    pki_free(other);
    pki_free(other_ca);
}

static void judged_at_the_time_given(void **state)
{
    (void)state;
    static const struct {
        long offset;
        int server;
        const char *why;
    } cases[] = {
        {0, 0, ""},
        {-86400, DBR_ERR_CERT, "certificate is not yet valid"},
        {10 * 86400, DBR_ERR_CERT, "certificate has expired"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct pair p = new_pair(NULL);
        dbr_tls_set_time(p.server, (int64_t)time(NULL) + cases[i].offset);
        struct wire_result r = wire_handshake(p.client, p.server, 1200);
        assert_int_equal(r.server, cases[i].server);
        assert_non_null(strstr(dbr_tls_why(p.server), cases[i].why));
        free_pair(p);
    }
}

static void floods_are_bounded(void **state)
{
    (void)state;
    uint8_t junk[4096] = {22, 3, 1, 0x40, 0};
    struct pair p = new_pair(NULL);
    int err = 0;
    size_t fed = 0;
    for (; !err && fed < 1 << 20; fed += sizeof junk)
        err = dbr_tls_feed(p.server, junk, sizeof junk);
    assert_int_equal(err, DBR_ERR_LIMIT);
    assert_true(fed <= 68 * 1024);
    assert_string_equal(dbr_tls_why(p.server), "peer sent too many bytes");
    assert_int_equal(dbr_tls_step(p.server), DBR_ERR_LIMIT);
    free_pair(p);
}

/* A hello of 128 kB, in small records that are taken as they come. */
static void a_slow_flood_is_bounded(void **state)
{
    (void)state;
    uint8_t record[5 + 1024] = {22, 3, 1, 4, 0, 1, 2, 0, 0};
    struct pair p = new_pair(NULL);
    int err = DBR_ERR_AGAIN;
    size_t fed = 0;
    for (; err == DBR_ERR_AGAIN && fed < 1 << 20; fed += sizeof record) {
        err = dbr_tls_feed(p.server, record, sizeof record);
        err = err ? err : dbr_tls_step(p.server);
        memset(record + 5, 0, 4);
    }
    assert_int_equal(err, DBR_ERR_LIMIT);
    assert_in_range(fed, 60 * 1024, 68 * 1024);
    free_pair(p);
}

static struct dbr_tls_ctx *server_with(const char *cas, const char *chain, const char *extra,
                                       const struct pki_id *own)
{
    char why[256];
    struct dbr_tls_ctx *ctx;
    struct dbr_tls_config c = {.server = true,
                               .ca = cas,
                               .ca_len = strlen(cas),
                               .cert = chain,
                               .cert_len = strlen(chain),
                               .extra_certs = extra,
                               .extra_certs_len = extra ? strlen(extra) : 0,
                               .key = own->key_pem,
                               .key_len = own->key_pem_len};
    if (dbr_tls_ctx_new(&ctx, &c, why, sizeof why))
        fail_msg("%s", why);
    return ctx;
}

/* How many certificates a client of the root is shown, and the serial number of the issuer's, if there is
 * one. */
static int shown(struct dbr_tls_ctx *ctx, long *issuer)
{
    struct dbr_tls *ours = wire_session(ctx, NULL);
    SSL *raw = raw_end(false, ca, client_id, TLS1_3_VERSION);
    SSL_set_verify(raw, SSL_VERIFY_PEER, NULL);
    assert_int_equal(raw_handshake(raw, ours), 0);
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(raw);
    int n = sk_X509_num(chain);
    if (issuer && n > 1)
        *issuer = ASN1_INTEGER_get(X509_get0_serialNumber(sk_X509_value(chain, 1)));
    raw_free(raw);
    dbr_tls_free(ours);
    return n;
}

static int shown_by(const char *cas, const char *chain, const char *extra, const struct pki_id *own)
{
    struct dbr_tls_ctx *ctx = server_with(cas, chain, extra, own);
    int n = shown(ctx, NULL);
    dbr_tls_ctx_put(ctx);
    return n;
}

/* Intermediates reach the peer wherever they stand. The root, which it has, does not, unless the chain is
 * looked up in each handshake, where one that has run out gives way to one that has not. */
static void the_chain_goes_without_its_root(void **state)
{
    (void)state;
    struct pki_id *mid = pki_make(&(struct pki_spec){.subject = "/O=Office/CN=Site CA",
                                                     .exts = {"basicConstraints", "critical,CA:TRUE",
                                                              "keyUsage", "critical,keyCertSign"}},
                                  ca);
    struct pki_id *own = pki_server("gate", mid);
    char both_cas[8192], chain[8192];
    snprintf(both_cas, sizeof both_cas, "%s%s", ca->pem, mid->pem);
    snprintf(chain, sizeof chain, "%s%s", own->pem, mid->pem);
    assert_int_equal(shown_by(ca->pem, server_id->pem, NULL, server_id), 1);
    assert_int_equal(shown_by(both_cas, own->pem, NULL, own), 3);
    assert_int_equal(shown_by(both_cas, chain, NULL, own), 2);
    assert_int_equal(shown_by(ca->pem, chain, NULL, own), 2);
    assert_int_equal(shown_by(ca->pem, own->pem, mid->pem, own), 2);
    pki_free(own);
    pki_free(mid);
}

/* Of two intermediates of one name and key, the one that has not run out is shown. */
static void an_intermediate_runs_out(void **state)
{
    (void)state;
    struct pki_spec spec = {
        .subject = "/O=Office/CN=Site CA",
        .serial = 7001,
        .to_s = 3,
        .exts = {"basicConstraints", "critical,CA:TRUE", "keyUsage", "critical,keyCertSign"}};
    struct pki_id *old = pki_make(&spec, ca), *own = pki_server("gate", old);
    spec.serial = 7002;
    spec.to_s = 0;
    spec.key = old->key;
    struct pki_id *renewed = pki_make(&spec, ca);
    char cas[8192];
    long issuer = 0;
    struct dbr_tls_ctx *ctx = NULL;
    for (int turn = 0; turn < 2 && issuer != 7001; turn++) { /* which is taken first is up to the C library */
        dbr_tls_ctx_put(ctx);
        snprintf(cas, sizeof cas, "%s%s%s", ca->pem, (turn ? renewed : old)->pem,
                 (turn ? old : renewed)->pem);
        ctx = server_with(cas, own->pem, NULL, own);
        assert_int_equal(shown(ctx, &issuer), 3);
    }
    assert_int_equal(issuer, 7001); /* or the rest shows nothing */
    while (X509_cmp_current_time(X509_get0_notAfter(old->cert)) > 0)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    assert_int_equal(shown(ctx, &issuer), 3);
    assert_int_equal(issuer, 7002);
    dbr_tls_ctx_put(ctx);
    pki_free(renewed);
    pki_free(own);
    pki_free(old);
}

static void no_tickets(void **state)
{
    (void)state;
    for (int version = 12; version <= 13; version++) {
        struct pair p = new_pair(&(struct dbr_tls_config){.version_min = version, .version_max = version});
        while (dbr_tls_step(p.client) && !dbr_tls_done(p.server)) {
            wire_move(p.client, p.server, 1200);
            dbr_tls_step(p.server);
            wire_move(p.server, p.client, 1200);
        }
        wire_move(p.client, p.server, 1200);
        assert_int_equal(dbr_tls_step(p.server), 0);
        assert_int_equal(dbr_tls_pending_out(p.server), 0);
        free_pair(p);
    }
}

/* Bytes of one end of an established session, with its share of nothing else. */
static size_t session_bytes(int version, size_t *half_open)
{
    enum { MANY = 20 };
    struct dbr_tls_config config = {.version_min = version, .version_max = version};
    struct dbr_tls_ctx *cc = wire_ctx(false, ca, client_id, &config),
                       *sc = wire_ctx(true, ca, server_id, &config);
    struct dbr_tls *c[MANY + 1], *s[MANY + 1];
    size_t before = 0, clients = 0, start;
    for (int i = 0; i <= MANY; i++) { /* the first pair warms the library up */
        if (i == 1)
            before = bytes_held;
        start = bytes_held;
        s[i] = wire_session(sc, NULL);
        *half_open = bytes_held - start;
        c[i] = wire_session(cc, NULL);
        wire_must_connect(c[i], s[i]);
        say_hello(c[i], s[i]);
    }
    size_t with_both = bytes_held - before;
    for (int i = 0; i <= MANY; i++) {
        start = bytes_held;
        dbr_tls_free(c[i]);
        clients += i ? start - bytes_held : 0;
        dbr_tls_free(s[i]);
    }
    dbr_tls_ctx_put(cc);
    dbr_tls_ctx_put(sc);
    return (with_both - clients) / MANY;
}

static void an_established_session_is_small(void **state)
{
    (void)state;
    for (int version = 12; version <= 13; version++) {
        size_t fresh, bytes = session_bytes(version, &fresh);
        print_message("TLS 1.%d: %zu bytes before the first byte, %zu established\n", version - 10, fresh,
                      bytes);
        assert_true(bytes > 4096);
        assert_true(bytes <= 40 * 1024);
    }
}

static void sessions_leave_nothing_behind(void **state)
{
    (void)state;
    size_t after_first = 0;
    for (int i = 0; i < 10; i++) {
        struct pair p = new_pair(NULL);
        wire_must_connect(p.client, p.server);
        free_pair(p);
        if (i == 2)
            after_first = bytes_held;
    }
    assert_int_equal(bytes_held, after_first);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free))
        return 99;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_and_piece_size),
        cmocka_unit_test(nothing_before_the_handshake),
        cmocka_unit_test(keying_material),
        cmocka_unit_test(description),
        cmocka_unit_test(the_usual_group),
        cmocka_unit_test(a_long_message_waits_to_be_drained),
        cmocka_unit_test(closing),
        cmocka_unit_test(a_context_outlives_its_reload),
        cmocka_unit_test(judged_at_the_time_given),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(a_slow_flood_is_bounded),
        cmocka_unit_test(the_chain_goes_without_its_root),
        cmocka_unit_test(an_intermediate_runs_out),
        cmocka_unit_test(no_tickets),
        cmocka_unit_test(an_established_session_is_small),
        cmocka_unit_test(sessions_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
