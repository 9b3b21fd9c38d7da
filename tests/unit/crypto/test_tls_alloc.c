/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * C57: the n-th allocation fails, once or from then on, at every point of: both contexts, a mutual handshake,
 * data, keying material, the description, and the end. No crash, no success that is none, nothing kept; and a
 * session that was there before is unharmed. It runs in a child, so that a crash is a finding with its
 * number. Every 23rd point in an ordinary run (211th with sanitizers); all of them with DBR_ALLOC_SWEEP=all
 * in the environment.
 */
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"
#include "wire.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef DBR_SANITIZED
enum { STRIDE = 211 };
#else
enum { STRIDE = 23 };
#endif

/* ---- the allocator ---- */

static unsigned long calls, fail_at; /* 0: never */
static bool sticky;
static long blocks; /* held */

static bool must_fail(void)
{
    calls++;
    return fail_at && (sticky ? calls >= fail_at : calls == fail_at);
}

static void *failing_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    if (must_fail())
        return NULL;
    blocks++;
    return malloc(n);
}

static void *failing_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    if (must_fail())
        return NULL;
    blocks += !p;
    return realloc(p, n);
}

static void failing_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    blocks -= p != NULL;
    free(p);
}

/* ---- what is done under it ---- */

static struct pki_id *ca, *server_id, *client_id;

static struct dbr_tls_ctx *try_ctx(bool server, const struct pki_id *own)
{
    struct dbr_tls_config c = {.server = server, .ca = ca->pem, .ca_len = ca->pem_len};
    struct dbr_tls_ctx *ctx;
    char why[128];
    c.cert = own->pem, c.cert_len = own->pem_len, c.key = own->key_pem, c.key_len = own->key_pem_len;
    dbr_tls_ctx_new(&ctx, &c, why, sizeof why);
    return ctx;
}

static bool try_data(struct dbr_tls *from, struct dbr_tls *to)
{
    uint8_t buf[16];
    size_t n;
    if (dbr_tls_write(from, (const uint8_t *)"hello", 5))
        return false;
    wire_move(from, to, 1200);
    return !dbr_tls_read(to, buf, sizeof buf, &n) && n == 5 && !memcmp(buf, "hello", 5);
}

static bool try_export(struct dbr_tls *a, struct dbr_tls *b)
{
    uint8_t x[32], y[32];
    return !dbr_tls_export(a, "EXPORTER-x", x, 32) && !dbr_tls_export(b, "EXPORTER-x", y, 32) &&
           !memcmp(x, y, 32);
}

static bool try_session(struct dbr_tls *c, struct dbr_tls *s)
{
    char line[256];
    struct wire_result r = wire_handshake(c, s, 1200);
    bool ok = !r.client && !r.server && try_data(c, s) && try_data(s, c) && try_export(c, s);
    if (!r.server)
        dbr_tls_describe(s, line, sizeof line);
    return ok && !strcmp(dbr_tls_peer(s)->cn, "alice");
}

static bool try_tls(void)
{
    struct dbr_tls_ctx *sc = try_ctx(true, server_id), *cc = try_ctx(false, client_id);
    struct dbr_tls *s = NULL, *c = NULL;
    bool ok = sc && cc && !dbr_tls_new(&s, sc, NULL) && !dbr_tls_new(&c, cc, NULL) && try_session(c, s);
    dbr_tls_free(s);
    dbr_tls_free(c);
    dbr_tls_ctx_put(sc);
    dbr_tls_ctx_put(cc);
    return ok;
}

static bool try_small_things(void)
{
    uint8_t key[32] = {1}, out[64], text[64] = {0}, tag[16];
    struct dbr_part part = {key, 32};
    struct dbr_aead_job job = {text, 64, key, 8, tag, {0}, 1};
    struct dbr_mac *m = NULL;
    struct dbr_aead *a = NULL, *b = NULL;
    struct dbr_x509 x;
    bool ok = !dbr_mac_new(&m, "SHA256", key, 32) && !dbr_mac_compute(m, &part, 1, out);
    ok = ok && !dbr_tls1_prf(key, 32, "label", &part, 1, out, 64) && !dbr_sha256(&part, 1, out) &&
         !dbr_hkdf_expand_label(key, 32, "ovpn ", "label", NULL, 0, out, 32);
    ok = ok && !dbr_aead_new(&a, dbr_aead_backend_by_name("openssl"), DBR_AES_256_GCM, key, true) &&
         !dbr_aead_new(&b, dbr_aead_backend_best(), DBR_AES_256_GCM, key, false);
    if (ok) {
        dbr_aead_seal(a, &job, 1);
        ok = !job.err && dbr_aead_open(b, &job, 1) == 1;
    }
    ok &= !dbr_x509_from_pem(&x, client_id->pem, client_id->pem_len, NULL, 0) && !strcmp(x.cn, "alice");
    dbr_x509_fini(&x);
    dbr_mac_free(m);
    dbr_aead_free(a);
    dbr_aead_free(b);
    return ok;
}

/* ---- the sweep ---- */

static struct progress {
    unsigned long point, points, failures, swallowed;
    int phase;
    long leaked;
    char what[64];
} * progress;

static void give_up(const char *what)
{
    snprintf(progress->what, sizeof progress->what, "%s", what);
    _exit(1);
}

struct bystander {
    struct dbr_tls_ctx *sc, *cc;
    struct dbr_tls *s, *c;
};

static unsigned long sweep(bool (*run)(void), bool keep_failing, unsigned long stride, struct bystander *by)
{
    unsigned long n = 1;
    for (;; n += stride) {
        progress->point = n;
        long before = blocks;
        calls = 0;
        sticky = keep_failing;
        fail_at = n;
        bool ok = run();
        bool reached = calls >= n;
        fail_at = 0;
        ERR_clear_error();
        if (ok && reached)
            progress->swallowed++; /* OpenSSL could do without that memory */
        if (!ok && !reached)
            give_up("failed without a failed allocation");
        progress->failures += !ok;
        progress->points++;
        if (blocks > before)
            progress->leaked += blocks - before;
        if (!try_data(by->c, by->s) || !try_data(by->s, by->c))
            give_up("the other session was harmed");
        if (!reached)
            return n;
    }
}

static void child(void)
{
    const char *all = getenv("DBR_ALLOC_SWEEP");
    unsigned long stride = all && !strcmp(all, "all") ? 1 : STRIDE;
    struct bystander by = {try_ctx(true, server_id), try_ctx(false, client_id), NULL, NULL};
    if (dbr_tls_new(&by.s, by.sc, NULL) || dbr_tls_new(&by.c, by.cc, NULL) || !try_session(by.c, by.s))
        give_up("no bystander");
    for (int i = 0; i < 3; i++) /* what the library keeps for good, it has now */
        if (!try_tls() || !try_small_things())
            give_up("does not work at all");
    for (progress->phase = 0; progress->phase < 4; progress->phase++)
        sweep(progress->phase & 1 ? try_small_things : try_tls, progress->phase & 2,
              progress->phase & 1 ? 1 : stride, &by);
    _exit(0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(progress, MAP_FAILED);
    ca = pki_root("Office CA");
    server_id = pki_server("vpn.office", ca);
    client_id = pki_client("alice", ca);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid)
        child();
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    print_message("%lu points, %lu failed cleanly, %lu were not needed, %ld blocks kept\n", progress->points,
                  progress->failures, progress->swallowed, progress->leaked);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("phase %d, allocation %lu: %s (status %x)", progress->phase, progress->point,
                 progress->what[0] ? progress->what : "crash", status);
    assert_true(progress->failures > 500);
    assert_true(progress->leaked <= 32); /* OpenSSL keeps up to 16 error texts per thread */
    pki_free(ca);
    pki_free(server_id);
    pki_free(client_id);
    munmap(progress, sizeof *progress);
}

/* ---- sealing and opening need none ---- */

static void *seal_and_open(void *arg)
{
    struct dbr_aead *const *pair = arg;
    uint8_t text[100] = {0}, tag[16];
    struct dbr_aead_job job = {text, sizeof text, tag, 8, tag, {0}, 1};
    job.aad = (const uint8_t *)"header..";
    dbr_aead_seal(pair[0], &job, 1);
    size_t good = dbr_aead_open(pair[1], &job, 1);
    tag[0] ^= 1;
    good += dbr_aead_open(pair[1], &job, 1);
    return good == 1 ? pair[0] : NULL;
}

/* In a thread of its own, as a worker under seccomp is: nothing of the library may come late. */
static void frames_need_no_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"ipsec-mb", "openssl"};
    static const uint8_t key[32] = {1};
    for (int b = 0; b < 2; b++)
        for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
            const struct dbr_aead_backend *backend = dbr_aead_backend_by_name(names[b]);
            struct dbr_aead *pair[2];
            pthread_t thread;
            void *result;
            if (!backend)
                continue;
            assert_int_equal(dbr_aead_new(&pair[0], backend, (enum dbr_cipher)c, key, true), 0);
            assert_int_equal(dbr_aead_new(&pair[1], backend, (enum dbr_cipher)c, key, false), 0);
            unsigned long before = calls;
            assert_int_equal(pthread_create(&thread, NULL, seal_and_open, pair), 0);
            pthread_join(thread, &result);
            assert_non_null(result);
            assert_int_equal(calls, before);
            dbr_aead_free(pair[0]);
            dbr_aead_free(pair[1]);
        }
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(failing_malloc, failing_realloc, failing_free))
        return 99;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail),
                                       cmocka_unit_test(frames_need_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
