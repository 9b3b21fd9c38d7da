/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A control that was taken over writes what it likes into its pair with the signer: each input is one message
 * behind a byte for the role, checked and answered as the signer does. Whatever is signed begins as a TLS
 * handshake does, looked at here in another way.
 */
#include "base/err.h"
#include "signer/keyring.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keyring ring;

static void must(bool good)
{
    if (!good)
        abort();
}

static void quiet(void *arg, int level, const char *line)
{
    (void)arg, (void)level, (void)line;
}

static void give_key(void)
{
    const struct dbr_log log = {.sink = quiet};
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    must(key && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    long n = BIO_get_mem_data(bio, &pem);
    int fd = memfd_create("key", MFD_CLOEXEC);
    must(write(fd, pem, (size_t)n) == n);
    struct dbr_ipc_keys m = {.what = DBR_KEYS_BEGIN};
    must(keyring_take(&ring, &m, -1));
    m.what = DBR_KEYS_KEY;
    must(keyring_take(&ring, &m, fd) && keyring_latest(&ring, &log));
    close(fd);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

static bool looks_like_tls(bool server, const uint8_t *m, size_t n)
{
    const char *context = server ? "TLS 1.3, server CertificateVerify" : "TLS 1.3, client CertificateVerify";
    if ((n == 130 || n == 146) && memcmp(m + 64, context, 34) == 0)
        return true;
    return server ? n > 64 && (m[64] == 3 || n > 64 + 3 * 3 - 1) : n > 8 && m[0] == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_sign_head h;
    const uint8_t *bytes;
    uint8_t sig[DBR_SIGN_SIGNATURE_MAX];
    size_t len = sizeof sig;
    if (!ring.latest)
        give_key();
    if (!size || dbr_sign_check(data + 1, size - 1, &h, &bytes))
        return 0;
    must(h.n <= DBR_SIGN_BYTES_MAX && h.n_ca <= h.n && sizeof h + h.n == size - 1);
    must(h.type != DBR_SIGN_PASS || h.n < sizeof ring.told);
    if (h.type != DBR_SIGN_ASK)
        return 0;
    ring.server = data[0] & 1;
    memcpy(h.key, dbr_signkey_id(ring.latest), sizeof h.key);
    if (keyring_sign(&ring, &h, bytes, sig, &len))
        return 0;
    must(h.scheme == 0x0807 && len == 64 && looks_like_tls(ring.server, bytes, h.n));
    return 0;
}
