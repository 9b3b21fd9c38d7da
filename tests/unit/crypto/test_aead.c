/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The AEAD on each back end: published vectors, agreement between back ends, every bit of every input
 * tampered with.
 */
#include "base/err.h"
#include "crypto/aead.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const backend_names[] = {"ipsec-mb", "openssl"};
enum { N_BACKENDS = 2, TAG = DBR_AEAD_TAG_LEN };

static size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, cases 1, 4, 10, 13, 16; RFC 8439
 * section 2.8.2 and A.5. */
static const struct vector {
    enum dbr_cipher cipher;
    const char *key, *nonce, *aad, *plain, *sealed, *tag;
} vectors[] = {
    {DBR_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000", "", "", "",
     "58e2fccefa7e3061367f1d57a4e7455a"},
    {DBR_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf"
     "5aa0d"
     "e657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b3"
     "96a0a"
     "ac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {DBR_AES_192_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf"
     "5aa0d"
     "e657ba637b39",
     "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448"
     "b2fe3"
     "24d9ccda2710",
     "2519498e80f1478f37ba55bd6d27618c"},
    {DBR_AES_256_GCM, "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {DBR_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf"
     "5aa0d"
     "e657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6"
     "393ba"
     "7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {DBR_CHACHA20_POLY1305, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c6"
     "4206f"
     "6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756"
     "c6420"
     "62652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0"
     "a9e06"
     "0b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de57"
     "6d265"
     "86cec64b6116",
     "1ae10b594f09e26a7e902ecbd0600691"},
};

/* Calls check for each back end of this build and CPU; skips with the reason when a back end is missing. */
static void on_each_backend(void (*check)(const struct dbr_aead_backend *))
{
    for (int i = 0; i < N_BACKENDS; i++) {
        const struct dbr_aead_backend *b = dbr_aead_backend_by_name(backend_names[i]);
        if (b)
            check(b);
        else
            print_message("[  SKIPPED ] back end %s: not in this build, or this CPU lacks it\n",
                          backend_names[i]);
    }
}

static struct dbr_aead *make(const struct dbr_aead_backend *b, enum dbr_cipher cipher, const uint8_t *key,
                             bool seal)
{
    struct dbr_aead *a;
    assert_int_equal(dbr_aead_new(&a, b, cipher, key, seal), 0);
    return a;
}

static void check_vector(const struct dbr_aead_backend *b, const struct vector *v)
{
    uint8_t key[32], aad[64], plain[256], want[256], want_tag[TAG], text[256], tag[TAG];
    assert_int_equal(unhex(key, v->key), dbr_cipher_key_len(v->cipher));
    struct dbr_aead_job job = {.text = text, .aad = aad, .tag = tag};
    unhex(job.nonce, v->nonce);
    job.aad_len = (uint32_t)unhex(aad, v->aad);
    job.len = (uint32_t)unhex(plain, v->plain);
    unhex(want, v->sealed);
    unhex(want_tag, v->tag);
    memcpy(text, plain, job.len);
    struct dbr_aead *seal = make(b, v->cipher, key, true), *open = make(b, v->cipher, key, false);
    dbr_aead_seal(seal, &job, 1);
    assert_int_equal(job.err, 0);
    assert_memory_equal(text, want, job.len);
    assert_memory_equal(tag, want_tag, TAG);
    job.err = 1;
    assert_int_equal(dbr_aead_open(open, &job, 1), 1);
    assert_int_equal(job.err, 0);
    assert_memory_equal(text, plain, job.len);
    dbr_aead_free(seal);
    dbr_aead_free(open);
}

static void check_vectors(const struct dbr_aead_backend *b)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        check_vector(b, &vectors[i]);
}

static void published_vectors(void **state)
{
    (void)state;
    on_each_backend(check_vectors);
}

/* ---- a batch of frames with recognisable content ---- */

enum { MAX_FRAMES = 70, FRAME = 1600 };
struct batch {
    struct dbr_aead_job jobs[MAX_FRAMES];
    uint8_t text[MAX_FRAMES][FRAME], aad[MAX_FRAMES][16], tag[MAX_FRAMES][TAG];
};
static const uint8_t some_key[32] = "0123456789abcdef0123456789ABCDE";

static void fill_batch(struct batch *m, size_t n)
{
    static const uint32_t lens[] = {1, 15, 16, 17, 60, 64, 128, 255, 256, 1000, 1414, 1500, 0, 1600};
    for (size_t i = 0; i < n; i++) {
        struct dbr_aead_job *j = &m->jobs[i];
        memset(m->text[i], (int)(i + 1), FRAME);
        memset(m->aad[i], (int)(0x80 + i), 16);
        memset(m->tag[i], 0, TAG);
        *j = (struct dbr_aead_job){m->text[i], lens[i % 14], m->aad[i], i % 3 ? 8 : (uint32_t)(i % 17),
                                   m->tag[i],  {0},          1};
        j->nonce[0] = (uint8_t)i;
        j->nonce[11] = (uint8_t)(255 - i);
    }
}

static bool is_as_filled(const struct batch *m, size_t i)
{
    for (size_t k = 0; k < m->jobs[i].len; k++)
        if (m->text[i][k] != (uint8_t)(i + 1))
            return false;
    return true;
}

static void check_batches(const struct dbr_aead_backend *b)
{
    static struct batch m;
    static const size_t sizes[] = {0, 1, 2, 31, 32, 33, 70};
    for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
        struct dbr_aead *seal = make(b, (enum dbr_cipher)c, some_key, true);
        struct dbr_aead *open = make(b, (enum dbr_cipher)c, some_key, false);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            size_t n = sizes[s];
            fill_batch(&m, n);
            dbr_aead_seal(seal, m.jobs, n);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(m.jobs[i].err, 0);
                assert_true(m.jobs[i].len < 15 || !is_as_filled(&m, i));
                assert_int_equal(m.text[i][m.jobs[i].len % FRAME],
                                 m.jobs[i].len == FRAME ? m.text[i][0] : i + 1);
            }
            if (n > 3) { /* one bad among good ones: only that one fails */
                m.tag[3][7] ^= 1;
                assert_int_equal(dbr_aead_open(open, m.jobs, n), n - 1);
            } else {
                assert_int_equal(dbr_aead_open(open, m.jobs, n), n);
            }
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(m.jobs[i].err, n > 3 && i == 3 ? DBR_ERR_AUTH : 0);
                assert_true(m.jobs[i].err || is_as_filled(&m, i));
            }
        }
        dbr_aead_free(seal);
        dbr_aead_free(open);
    }
}

static void batches_of_many_sizes(void **state)
{
    (void)state;
    on_each_backend(check_batches);
}

static void back_ends_agree(void **state)
{
    (void)state;
    const struct dbr_aead_backend *x = dbr_aead_backend_by_name("ipsec-mb"),
                                  *y = dbr_aead_backend_by_name("openssl");
    if (!x) {
        print_message("no back end ipsec-mb in this build or on this CPU: nothing to compare\n");
        skip();
    }
    static struct batch m, k;
    for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
        struct dbr_aead *seal_x = make(x, (enum dbr_cipher)c, some_key, true);
        struct dbr_aead *seal_y = make(y, (enum dbr_cipher)c, some_key, true);
        struct dbr_aead *open_y = make(y, (enum dbr_cipher)c, some_key, false);
        struct dbr_aead *open_x = make(x, (enum dbr_cipher)c, some_key, false);
        fill_batch(&m, MAX_FRAMES);
        fill_batch(&k, MAX_FRAMES);
        dbr_aead_seal(seal_x, m.jobs, MAX_FRAMES);
        dbr_aead_seal(seal_y, k.jobs, MAX_FRAMES);
        assert_memory_equal(m.text, k.text, sizeof m.text);
        assert_memory_equal(m.tag, k.tag, sizeof m.tag);
        assert_int_equal(dbr_aead_open(open_y, m.jobs, MAX_FRAMES), MAX_FRAMES);
        assert_int_equal(dbr_aead_open(open_x, k.jobs, MAX_FRAMES), MAX_FRAMES);
        dbr_aead_free(seal_x);
        dbr_aead_free(seal_y);
        dbr_aead_free(open_x);
        dbr_aead_free(open_y);
    }
}

/* ---- tampering ---- */

enum { SHORT = 40, AAD = 8 };
struct frame {
    uint8_t text[SHORT], aad[AAD], tag[TAG], nonce[DBR_AEAD_NONCE_LEN];
};

static int open_frame(struct dbr_aead *open, struct frame f)
{
    struct dbr_aead_job j = {f.text, SHORT, f.aad, AAD, f.tag, {0}, 1};
    memcpy(j.nonce, f.nonce, sizeof f.nonce);
    size_t good = dbr_aead_open(open, &j, 1);
    assert_int_equal(good, j.err == 0);
    return j.err;
}

static void check_tampering(const struct dbr_aead_backend *b)
{
    for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
        struct dbr_aead *seal = make(b, (enum dbr_cipher)c, some_key, true);
        struct dbr_aead *open = make(b, (enum dbr_cipher)c, some_key, false);
        struct frame f = {"forty bytes of a frame", "aadaadaa", {0}, "nonce..nonce"};
        struct dbr_aead_job j = {f.text, SHORT, f.aad, AAD, f.tag, {0}, 1};
        memcpy(j.nonce, f.nonce, sizeof f.nonce);
        dbr_aead_seal(seal, &j, 1);
        for (size_t bit = 0; bit < 8 * sizeof f; bit++) {
            struct frame bad = f;
            ((uint8_t *)&bad)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(open_frame(open, bad), DBR_ERR_AUTH);
        }
        assert_int_equal(open_frame(open, f), 0);
        dbr_aead_free(seal);
        dbr_aead_free(open);
    }
}

static void every_bit_counts(void **state)
{
    (void)state;
    on_each_backend(check_tampering);
}

static void check_lengths(const struct dbr_aead_backend *b)
{
    for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
        uint8_t text[32] = "text", aad[16] = "aad", tag[TAG], copy[32], other_key[32];
        struct dbr_aead *seal = make(b, (enum dbr_cipher)c, some_key, true);
        struct dbr_aead *open = make(b, (enum dbr_cipher)c, some_key, false);
        struct dbr_aead_job j = {text, 32, aad, 8, tag, {1}, 1};
        dbr_aead_seal(seal, &j, 1);
        memcpy(copy, text, 32);
        struct dbr_aead_job shorter = j, longer_aad = j, shorter_aad = j;
        shorter.len = 31;
        longer_aad.aad_len = 9;
        shorter_aad.aad_len = 0;
        assert_int_equal(dbr_aead_open(open, &shorter, 1), 0);
        memcpy(text, copy, 32);
        assert_int_equal(dbr_aead_open(open, &longer_aad, 1), 0);
        memcpy(text, copy, 32);
        assert_int_equal(dbr_aead_open(open, &shorter_aad, 1), 0);
        memcpy(text, copy, 32);
        memcpy(other_key, some_key, 32);
        other_key[dbr_cipher_key_len((enum dbr_cipher)c) - 1] ^= 1;
        struct dbr_aead *other = make(b, (enum dbr_cipher)c, other_key, false);
        assert_int_equal(dbr_aead_open(other, &j, 1), 0);
        memcpy(text, copy, 32);
        assert_int_equal(dbr_aead_open(open, &j, 1), 1);
        dbr_aead_free(other);
        dbr_aead_free(seal);
        dbr_aead_free(open);
    }
}

static void other_lengths_and_keys_fail(void **state)
{
    (void)state;
    on_each_backend(check_lengths);
}

static void check_direction(const struct dbr_aead_backend *b)
{
    for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
        uint8_t text[16] = "text", tag[TAG] = {0};
        struct dbr_aead *seal = make(b, (enum dbr_cipher)c, some_key, true);
        struct dbr_aead *open = make(b, (enum dbr_cipher)c, some_key, false);
        struct dbr_aead_job j = {text, 16, NULL, 0, tag, {1}, 0};
        assert_int_equal(dbr_aead_open(seal, &j, 1), 0);
        assert_int_equal(j.err, DBR_ERR_STATE);
        j.err = 0;
        dbr_aead_seal(open, &j, 1);
        assert_int_equal(j.err, DBR_ERR_STATE);
        assert_string_equal((char *)text, "text");
        dbr_aead_free(seal);
        dbr_aead_free(open);
    }
}

static void one_direction_only(void **state)
{
    (void)state;
    on_each_backend(check_direction);
}

/* ---- several threads, each with keys of its own ---- */

enum { THREADS = 4, ROUNDS = 20, PER_BATCH = 40 };

struct worker {
    const struct dbr_aead_backend *backend;
    enum dbr_cipher cipher;
    int id, bad;
};

static void *seal_and_open(void *arg)
{
    struct worker *w = arg;
    struct batch *m = malloc(sizeof *m);
    struct dbr_aead *seal = NULL, *open = NULL;
    uint8_t key[32];
    memset(key, w->id, sizeof key);
    w->bad = !m || dbr_aead_new(&seal, w->backend, w->cipher, key, true) ||
             dbr_aead_new(&open, w->backend, w->cipher, key, false);
    for (int round = 0; !w->bad && round < ROUNDS; round++) {
        fill_batch(m, PER_BATCH);
        dbr_aead_seal(seal, m->jobs, PER_BATCH);
        w->bad = dbr_aead_open(open, m->jobs, PER_BATCH) != PER_BATCH;
        for (size_t i = 0; i < PER_BATCH; i++)
            w->bad |= !is_as_filled(m, i);
    }
    dbr_aead_free(seal);
    dbr_aead_free(open);
    free(m);
    return NULL;
}

static void check_threads(const struct dbr_aead_backend *b)
{
    for (int c = DBR_AES_128_GCM; c < DBR_CIPHER_COUNT; c++) {
        struct worker w[THREADS];
        pthread_t t[THREADS];
        for (int i = 0; i < THREADS; i++) {
            w[i] = (struct worker){b, (enum dbr_cipher)c, i, 0};
            assert_int_equal(pthread_create(&t[i], NULL, seal_and_open, &w[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(t[i], NULL);
            assert_false(w[i].bad);
        }
    }
}

static void threads_do_not_meet(void **state)
{
    (void)state;
    on_each_backend(check_threads);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum dbr_cipher cipher;
        size_t key_len;
    } cases[] = {
        {"AES-128-GCM", DBR_AES_128_GCM, 16}, {"aes-192-gcm", DBR_AES_192_GCM, 24},
        {"AES-256-GCM", DBR_AES_256_GCM, 32}, {"ChaCha20-Poly1305", DBR_CHACHA20_POLY1305, 32},
        {"none", DBR_CIPHER_NONE, 0},         {"", DBR_CIPHER_NONE, 0},
        {"AES-256-GC", DBR_CIPHER_NONE, 0},   {"AES-256-GCMX", DBR_CIPHER_NONE, 0},
        {"AES-256-CBC", DBR_AES_256_CBC, 32}, {"BF-CBC", DBR_CIPHER_NONE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum dbr_cipher c = dbr_cipher_by_name(cases[i].name, strlen(cases[i].name));
        assert_int_equal(c, cases[i].cipher);
        assert_int_equal(dbr_cipher_key_len(c), cases[i].key_len);
    }
    assert_int_equal(dbr_cipher_by_name("AES-256-GCM:AES-128-GCM", 11), DBR_AES_256_GCM);
    assert_string_equal(dbr_cipher_name(DBR_CHACHA20_POLY1305), "CHACHA20-POLY1305");
}

static void choice_and_refusal(void **state)
{
    (void)state;
    struct dbr_aead *a;
    assert_int_equal(dbr_aead_warm_up(), 0);
    assert_int_equal(dbr_aead_warm_up(), 0);
    assert_null(dbr_aead_backend_by_name("no such"));
    const struct dbr_aead_backend *best = dbr_aead_backend_best();
    bool has_ipsec_mb = dbr_aead_backend_by_name("ipsec-mb");
    assert_string_equal(dbr_aead_backend_name(best), has_ipsec_mb ? "ipsec-mb" : "openssl");
    assert_int_equal(dbr_aead_new(&a, best, DBR_CIPHER_NONE, some_key, true), DBR_ERR_UNSUPPORTED);
    assert_null(a);
    dbr_aead_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(batches_of_many_sizes),
        cmocka_unit_test(back_ends_agree),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(other_lengths_and_keys_fail),
        cmocka_unit_test(one_direction_only),
        cmocka_unit_test(threads_do_not_meet),
        cmocka_unit_test(names),
        cmocka_unit_test(choice_and_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
