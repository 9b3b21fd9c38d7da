/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside this room only: what a back end of aead.h provides. Each makes an object of its own that begins with
 * struct dbr_aead.
 */
#ifndef DBR_CRYPTO_AEAD_BACKEND_H
#define DBR_CRYPTO_AEAD_BACKEND_H

#include "crypto/aead.h"

struct dbr_aead_backend {
    const char *name;
    bool (*start)(
        void); /* once per process, before the threads: true if the CPU suits and memory was there */
    struct dbr_aead *(*make)(enum dbr_cipher cipher, const uint8_t *key,
                             bool seal); /* NULL: no memory, not available */
    void (*drop)(struct dbr_aead *aead); /* wipes */
    void (*seal)(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n);
    size_t (*open)(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n);
};

struct dbr_aead {
    const struct dbr_aead_backend *backend;
    enum dbr_cipher cipher;
    bool seal;
};

extern const struct dbr_aead_backend aead_openssl;
void cbc_warm_up(void); /* cbc.c */
#ifdef DBR_HAVE_IPSEC_MB
extern const struct dbr_aead_backend aead_ipsec_mb;
#endif

#endif
