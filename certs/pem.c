/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/pem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/err.h"

/* Decodes n bytes of base64 with line ends into out (room for n * 3 / 4 + 3); its length, or -1. */
static long decode(const uint8_t *text, size_t n, uint8_t *out)
{
    int a = 0, b = 0;
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    if (!ctx || n > INT_MAX) {
        EVP_ENCODE_CTX_free(ctx);
        return -1;
    }
    EVP_DecodeInit(ctx);
    int r = EVP_DecodeUpdate(ctx, out, &a, text, (int)n);
    if (r >= 0)
        r = EVP_DecodeFinal(ctx, out + a, &b);
    EVP_ENCODE_CTX_free(ctx);
    return r < 0 || a + b == 0 ? -1 : (long)a + b;
}

static int one_block(const uint8_t *text, size_t n, int (*block)(void *, const uint8_t *, size_t), void *arg)
{
    uint8_t *der = malloc(n / 4 * 3 + 6);
    if (!der)
        return DBR_ERR_NOMEM;
    long len = decode(text, n, der);
    int err = len < 0 ? DBR_ERR_SHAPE : block(arg, der, (size_t)len);
    free(der);
    return err;
}

int dbr_pem_each(const void *text, size_t len, const char *label,
                 int (*block)(void *, const uint8_t *, size_t), void *arg)
{
    char begin[80], end[80];
    int nb = snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
    int ne = snprintf(end, sizeof end, "-----END %s-----", label);
    const uint8_t *p = text, *stop = p + len;
    int err = 0;
    while (!err && len && (p = memmem(p, (size_t)(stop - p), begin, (size_t)nb)) != NULL) {
        p += nb;
        const uint8_t *e = memmem(p, (size_t)(stop - p), end, (size_t)ne);
        if (!e)
            return DBR_ERR_SHAPE;
        err = one_block(p, (size_t)(e - p), block, arg);
        p = e + ne;
    }
    return err;
}
