/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/b64.h"

#include "base/err.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { TEXT_MAX = 4096 };

int dbr_b64_encode(const void *bytes, size_t n, char *out, size_t cap)
{
    if (n > TEXT_MAX || (n + 2) / 3 * 4 + 1 > cap)
        return DBR_ERR_SPACE;
    return EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
}

static size_t padding(const char *text, size_t n)
{
    size_t pad = 0;
    while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
        pad++;
    return pad;
}

int dbr_b64_decode(const char *text, size_t n, char *out, size_t cap)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char raw[TEXT_MAX];
    size_t pad = padding(text, n);
    if (n % 4 || strspn(text, letters) < n - pad)
        return DBR_ERR_SHAPE;
    size_t len = n / 4 * 3 - pad;
    if (n / 4 * 3 > sizeof raw || len + 1 > cap)
        return DBR_ERR_SPACE;
    int err = n && EVP_DecodeBlock(raw, (const unsigned char *)text, (int)n) < 0 ? DBR_ERR_SHAPE : 0;
    if (!err && memchr(raw, 0, len))
        err = DBR_ERR_SHAPE;
    if (!err) {
        memcpy(out, raw, len);
        out[len] = 0;
    }
    OPENSSL_cleanse(raw, sizeof raw);
    return err ? err : (int)len;
}
