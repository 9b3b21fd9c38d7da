/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Nanoseconds per frame of each back end and cipher: seal and open in batches of 44 (a send buffer's worth),
 * one thread, then two threads at once with keys of their own. Best of several rounds. Usage: bench_aead
 * [back end]
 */
#include "crypto/aead.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BATCH = 44, FRAME = 1536, ROUNDS = 12, REPEAT = 200 };

struct run {
    const struct dbr_aead_backend *backend;
    enum dbr_cipher cipher;
    uint32_t len;
    double seal_ns, open_ns;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double lower(double a, double b)
{
    return a < b ? a : b;
}

static void *measure(void *arg)
{
    static const uint8_t key[32] = "bench";
    struct run *r = arg;
    uint8_t text[BATCH][FRAME], tags[BATCH][16], aad[8] = {0};
    struct dbr_aead_job jobs[BATCH];
    struct dbr_aead *seal, *open;
    if (dbr_aead_new(&seal, r->backend, r->cipher, key, true) ||
        dbr_aead_new(&open, r->backend, r->cipher, key, false))
        return NULL;
    memset(text, 0, sizeof text);
    for (int i = 0; i < BATCH; i++)
        jobs[i] = (struct dbr_aead_job){text[i], r->len, aad, 8, tags[i], {(uint8_t)i}, 0};
    r->seal_ns = r->open_ns = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double in_seal = 0, in_open = 0, t0 = now_ns();
        for (int k = 0; k < REPEAT; k++) {
            dbr_aead_seal(seal, jobs, BATCH);
            double t1 = now_ns();
            dbr_aead_open(open, jobs, BATCH);
            double t2 = now_ns();
            in_seal += t1 - t0;
            in_open += t2 - t1;
            t0 = t2;
        }
        r->seal_ns = lower(r->seal_ns, in_seal / REPEAT / BATCH);
        r->open_ns = lower(r->open_ns, in_open / REPEAT / BATCH);
    }
    dbr_aead_free(seal);
    dbr_aead_free(open);
    return NULL;
}

static void bench(const struct dbr_aead_backend *backend, enum dbr_cipher cipher, uint32_t len)
{
    struct run one = {backend, cipher, len, 0, 0}, two[2] = {one, one};
    pthread_t threads[2];
    measure(&one);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, measure, &two[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%-9s %-18s %5u B  seal %5.0f  open %5.0f   two threads: seal %5.0f  open %5.0f ns\n",
           dbr_aead_backend_name(backend), dbr_cipher_name(cipher), len, one.seal_ns, one.open_ns,
           (two[0].seal_ns + two[1].seal_ns) / 2, (two[0].open_ns + two[1].open_ns) / 2);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"ipsec-mb", "openssl"};
    for (int i = 0; i < 2; i++) {
        const struct dbr_aead_backend *b = dbr_aead_backend_by_name(names[i]);
        if (!b || (argc > 1 && strcmp(argv[1], names[i])))
            continue;
        for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
            bench(b, (enum dbr_cipher)c, 64);
            bench(b, (enum dbr_cipher)c, 1414);
        }
    }
    return 0;
}
