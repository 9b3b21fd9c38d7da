/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The keys: how they come in, which one signs, what is refused, when an old one ends.
 */
#include "base/err.h"
#include "pki.h"
#include "signer/keyring.h"

#include <openssl/pem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static struct pki_id *a, *b, *c;
static char said[512];

static void remember(void *arg, int level, const char *line)
{
    (void)arg, (void)level;
    snprintf(said, sizeof said, "%s", line);
}
static const struct dbr_log to_said = {.verb = 11, .sink = remember};

static int make_pki(void **state)
{
    (void)state;
    const struct pki_spec rsa = {.subject = "/CN=b", .rsa_bits = 2048};
    a = pki_root("a");
    b = pki_make(&rsa, NULL);
    c = pki_root("c");
    return 0;
}

static int drop_pki(void **state)
{
    (void)state;
    pki_free(a);
    pki_free(b);
    pki_free(c);
    return 0;
}

static void give(struct keyring *r, enum dbr_keys_part what, const char *text)
{
    struct dbr_ipc_keys m = {.what = what, .where = "x.conf:7"};
    int fd = text ? memfd_create("part", MFD_CLOEXEC) : -1;
    if (text)
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_true(keyring_take(r, &m, fd));
    if (fd >= 0)
        close(fd);
}

static void begin(struct keyring *r, const char *key)
{
    give(r, DBR_KEYS_BEGIN, NULL);
    give(r, DBR_KEYS_KEY, key);
}

static size_t server13(uint8_t *m)
{
    static const char context[] = "TLS 1.3, server CertificateVerify";
    memset(m, 0x20, 64);
    memcpy(m + 64, context, sizeof context);
    memset(m + 64 + sizeof context, 7, 32);
    return 64 + sizeof context + 32;
}

/* What comes of asking for a signature of this key over what a TLS server signs. */
static int ask(struct keyring *r, const uint8_t id[DBR_KEY_ID_LEN], uint16_t scheme)
{
    uint8_t m[256], sig[DBR_SIGN_SIGNATURE_MAX];
    size_t len = sizeof sig;
    struct dbr_sign_head h = {.type = DBR_SIGN_ASK, .scheme = scheme, .n = (uint32_t)server13(m)};
    memcpy(h.key, id, sizeof h.key);
    return keyring_sign(r, &h, m, sig, &len);
}

static void take(struct keyring *r, const struct pki_id *id, uint8_t key_id[DBR_KEY_ID_LEN])
{
    begin(r, id->key_pem);
    const struct dbr_signkey *k = keyring_latest(r, &to_said);
    assert_non_null(k);
    memcpy(key_id, dbr_signkey_id(k), DBR_KEY_ID_LEN);
}

/* A reload that control refuses leaves the key that is in use; one that it takes leaves it for its time. */
static void keys_follow_each_other(void **state)
{
    (void)state;
    struct keyring r = {.server = true};
    uint8_t ka[DBR_KEY_ID_LEN], kb[DBR_KEY_ID_LEN], kc[DBR_KEY_ID_LEN];
    take(&r, a, ka);
    assert_int_equal(ask(&r, ka, 0x0403), 0);
    keyring_use(&r, ka, 60, 100 * SECOND);
    take(&r, b, kb);
    take(&r, c, kc); /* b was refused */
    assert_int_equal(ask(&r, ka, 0x0403), 0);
    assert_int_equal(ask(&r, kb, 0x0804), DBR_ERR_NOTFOUND);
    keyring_use(&r, kb, 60, 200 * SECOND); /* nobody has it */
    keyring_use(&r, kc, 60, 200 * SECOND);
    assert_int_equal(ask(&r, kc, 0x0403), 0);
    keyring_expire(&r, 259 * SECOND);
    assert_int_equal(ask(&r, ka, 0x0403), 0);
    keyring_expire(&r, 260 * SECOND);
    assert_int_equal(ask(&r, ka, 0x0403), DBR_ERR_NOTFOUND);
    assert_int_equal(ask(&r, kc, 0x0403), 0);
    take(&r, c, kc); /* the same again */
    keyring_use(&r, kc, 60, 300 * SECOND);
    assert_null(r.old);
    assert_int_equal(ask(&r, kc, 0x0403), 0);
    assert_ptr_equal(keyring_latest(&r, &to_said), r.used);
    keyring_free(&r);
    keyring_free(&r);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct keyring r = {.server = true};
    uint8_t id[DBR_KEY_ID_LEN], sig[DBR_SIGN_SIGNATURE_MAX], m[256];
    size_t len = sizeof sig;
    take(&r, a, id);
    struct dbr_sign_head h = {.scheme = 0x0403, .n = (uint32_t)server13(m)};
    memcpy(h.key, id, sizeof h.key);
    m[70] ^= 1; /* another context */
    assert_int_equal(keyring_sign(&r, &h, m, sig, &len), DBR_ERR_SHAPE);
    h.n = 32; /* a bare digest */
    assert_int_equal(keyring_sign(&r, &h, m, sig, &len), DBR_ERR_SHAPE);
    assert_int_equal(ask(&r, id, 0x0804), DBR_ERR_NOTFOUND); /* RSA with a P-256 key */
    assert_int_equal(ask(&r, id, 0x0402), DBR_ERR_NOTFOUND); /* no scheme */
    assert_int_equal(ask(&r, id, 0), DBR_ERR_NOTFOUND);
    id[31] ^= 1;
    assert_int_equal(ask(&r, id, 0x0403), DBR_ERR_NOTFOUND);
    id[31] ^= 1;
    r.server = false; /* a client does not sign this */
    assert_int_equal(ask(&r, id, 0x0403), DBR_ERR_SHAPE);
    keyring_free(&r);
}

static void bad_files(void **state)
{
    (void)state;
    struct keyring r = {.server = true};
    uint8_t id[DBR_KEY_ID_LEN];
    int pipe_fd[2];
    assert_null(keyring_latest(&r, &to_said)); /* nothing has come */
    give(&r, DBR_KEYS_BEGIN, NULL);
    assert_null(keyring_latest(&r, &to_said));
    assert_string_equal(said, "x.conf:7: key: missing; give the private key of cert (key FILE, or inline)");
    take(&r, a, id);
    keyring_use(&r, id, 60, SECOND);
    begin(&r, "junk");
    assert_null(keyring_latest(&r, &to_said));
    assert_non_null(strstr(said, "no private key in it"));
    assert_int_equal(ask(&r, id, 0x0403), 0); /* the one before stays */
    give(&r, DBR_KEYS_BEGIN, NULL);
    give(&r, DBR_KEYS_PKCS12_TEXT, "*** no base64 ***");
    assert_null(keyring_latest(&r, &to_said));
    assert_non_null(strstr(said, "is not base64"));
    assert_int_equal(pipe(pipe_fd), 0);
    const struct dbr_ipc_keys m = {.what = DBR_KEYS_KEY};
    assert_false(keyring_take(&r, &m, pipe_fd[0]));
    assert_false(keyring_take(&r, &m, -1));
    int big = memfd_create("big", MFD_CLOEXEC);
    assert_int_equal(ftruncate(big, KEYRING_FILE_MAX + 1), 0);
    assert_false(keyring_take(&r, &m, big));
    close(big);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    keyring_free(&r);
}

static char *locked_pem(EVP_PKEY *key, const char *pass)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text, *copy;
    PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), pass, (int)strlen(pass), NULL, NULL);
    long n = BIO_get_mem_data(bio, &text);
    copy = calloc(1, (size_t)n + 1);
    memcpy(copy, text, (size_t)n);
    BIO_free(bio);
    return copy;
}

/* The passphrase: of a file, else of a manager, else of who was asked at the start. */
static void passphrases(void **state)
{
    (void)state;
    struct keyring r = {.server = true};
    char *pem = locked_pem(a->key, "sesame");
    begin(&r, pem);
    assert_null(keyring_latest(&r, &to_said));
    assert_non_null(strstr(said, "give its pass phrase"));
    r.pass = "wrong";
    assert_null(keyring_latest(&r, &to_said));
    assert_non_null(strstr(said, "wrong pass phrase"));
    strcpy(r.told, "sesame"); /* a manager says it later */
    assert_non_null(keyring_latest(&r, &to_said));
    begin(&r, pem);
    give(&r, DBR_KEYS_PASS, "wrong\n");
    assert_null(keyring_latest(&r, &to_said));
    begin(&r, pem);
    give(&r, DBR_KEYS_PASS, "sesame\r\nanother line\n");
    assert_non_null(keyring_latest(&r, &to_said));
    *r.told = 0;
    r.pass = "sesame";
    begin(&r, pem);
    assert_non_null(keyring_latest(&r, &to_said));
    assert_null(r.part[DBR_KEYS_KEY].text); /* the texts are gone once they are a key */
    keyring_free(&r);
    free(pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_follow_each_other),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(passphrases),
    };
    return cmocka_run_group_tests_name("keyring", tests, make_pki, drop_pki);
}
