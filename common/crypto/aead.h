/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The data channel's authenticated encryption, as batches: the worker hands over the frames of one peer and
 * one direction at once, and each is sealed or opened in place. Two back ends do the work: Intel's
 * libipsec-mb where the build has it and the CPU suits, OpenSSL's EVP everywhere. They are chosen at run time
 * and give the same bytes. A struct dbr_aead holds one key for one direction and is used by one thread at a
 * time; different ones may be used by different threads at once. After dbr_aead_warm_up() seal and open
 * neither allocate, lock nor call the system.
 */
#ifndef DBR_CRYPTO_AEAD_H
#define DBR_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DBR_AEAD_NONCE_LEN 12
#define DBR_AEAD_TAG_LEN   16
#define DBR_AEAD_KEY_MAX   32

enum dbr_cipher {
    DBR_CIPHER_NONE,
    DBR_AES_128_GCM,
    DBR_AES_192_GCM,
    DBR_AES_256_GCM,
    DBR_CHACHA20_POLY1305,
    DBR_AES_128_CBC, /* those with CBC: made by crypto/cbc.h, not by dbr_aead_new() */
    DBR_AES_192_CBC,
    DBR_AES_256_CBC,
};
#define DBR_CIPHER_COUNT 5 /* NONE and the AEAD ciphers: the ones before CBC */
#define DBR_CIPHER_END   8

/* The cipher of a name of n bytes as OpenVPN's data-ciphers writes it ("AES-256-GCM", case ignored), or
 * DBR_CIPHER_NONE for any other name. */
enum dbr_cipher dbr_cipher_by_name(const char *name, size_t n);

/* OpenVPN's name ("AES-256-GCM"), "none" for DBR_CIPHER_NONE. Static. */
const char *dbr_cipher_name(enum dbr_cipher cipher);

/* Bytes of key: 16, 24 or 32; 0 for DBR_CIPHER_NONE. */
size_t dbr_cipher_key_len(enum dbr_cipher cipher);

/* One frame. text..text+len is replaced in place; aad is read; tag (16 bytes, anywhere) is written by seal
 * and read by open. The aad and the tag must not lie inside the text. err is written by open: 0 or
 * DBR_ERR_AUTH; seal sets 0 (or DBR_ERR_CRYPTO after a failure of the library: then the frame must not be
 * sent). */
struct dbr_aead_job {
    uint8_t *text;
    uint32_t len;
    const uint8_t *aad;
    uint32_t aad_len;
    uint8_t *tag;
    uint8_t nonce[DBR_AEAD_NONCE_LEN];
    int err;
};

/* A back end; its name is "ipsec-mb" or "openssl". Static, never freed. */
struct dbr_aead_backend;

/* Fetches every cipher and does one seal and one open with each, so that seccomp can be armed afterwards.
 * Call it in the main thread before the others start; later calls do nothing. 0, or DBR_ERR_CRYPTO (no cipher
 * works). */
int dbr_aead_warm_up(void);

/* The fastest back end of this machine. Never NULL. Calls dbr_aead_warm_up(). */
const struct dbr_aead_backend *dbr_aead_backend_best(void);

/* The back end of that name, or NULL where the build or the CPU lacks it. Calls dbr_aead_warm_up(). */
const struct dbr_aead_backend *dbr_aead_backend_by_name(const char *name);
const char *dbr_aead_backend_name(const struct dbr_aead_backend *backend);

struct dbr_aead;

/* Makes a key of dbr_cipher_key_len(cipher) bytes ready for one direction: seal or open. The key is copied.
 * 0, DBR_ERR_UNSUPPORTED (DBR_CIPHER_NONE or CBC), DBR_ERR_NOMEM or DBR_ERR_CRYPTO. */
int dbr_aead_new(struct dbr_aead **out, const struct dbr_aead_backend *backend, enum dbr_cipher cipher,
                 const uint8_t *key, bool seal);

/* Wipes the key; NULL is fine. */
void dbr_aead_free(struct dbr_aead *aead);

/* Encrypts n frames in place and writes their tags. A nonce must never come twice under one key: the caller
 * counts. An object made for opening sets every err to DBR_ERR_STATE. */
void dbr_aead_seal(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n);

/* Checks and decrypts n frames in place; returns how many were genuine. A failed job has err DBR_ERR_AUTH;
 * its text is unspecified and must not be used. */
size_t dbr_aead_open(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n);

#endif
