/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/names.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* 64-bit blocks fall to SWEET32; the stream and CFB/OFB modes were never right for packets. */
static const struct name ciphers[] = {
    {"AES-256-GCM", NAME_GOOD},  {"AES-192-GCM", NAME_GOOD},
    {"AES-128-GCM", NAME_GOOD},  {"CHACHA20-POLY1305", NAME_GOOD},
    {"AES-256-CBC", NAME_OLD},   {"AES-192-CBC", NAME_OLD},
    {"AES-128-CBC", NAME_OLD},   {"BF-CBC", NAME_WEAK},
    {"BF-CFB", NAME_WEAK},       {"BF-OFB", NAME_WEAK},
    {"DES-CBC", NAME_WEAK},      {"DES-EDE-CBC", NAME_WEAK},
    {"DES-EDE3-CBC", NAME_WEAK}, {"DESX-CBC", NAME_WEAK},
    {"RC2-CBC", NAME_WEAK},      {"RC2-40-CBC", NAME_WEAK},
    {"RC2-64-CBC", NAME_WEAK},   {"CAST5-CBC", NAME_WEAK},
    {"IDEA-CBC", NAME_WEAK},     {"none", NAME_NONE},
};

static const struct name digests[] = {
    {"SHA1", NAME_GOOD},      {"SHA224", NAME_GOOD},     {"SHA256", NAME_GOOD},
    {"SHA384", NAME_GOOD},    {"SHA512", NAME_GOOD},     {"MD5", NAME_GOOD},
    {"RIPEMD160", NAME_GOOD}, {"SHA512-224", NAME_GOOD}, {"SHA512-256", NAME_GOOD},
    {"SHA3-224", NAME_GOOD},  {"SHA3-256", NAME_GOOD},   {"SHA3-384", NAME_GOOD},
    {"SHA3-512", NAME_GOOD},  {"BLAKE2b512", NAME_GOOD}, {"BLAKE2s256", NAME_GOOD},
    {"MD4", NAME_WEAK},       {"MDC2", NAME_WEAK},       {"none", NAME_NONE},
};

static const struct name *look_up(const struct name *names, size_t n, const char *wanted)
{
    static const struct name unknown = {"", NAME_UNKNOWN};
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(names[i].name, wanted) == 0)
            return &names[i];
    return &unknown;
}

const struct name *conf_cipher(const char *name)
{
    return look_up(ciphers, sizeof ciphers / sizeof ciphers[0], name);
}

const struct name *conf_digest(const char *name)
{
    if (strncasecmp(name, "RSA-", 4) == 0)
        name += 4;
    return look_up(digests, sizeof digests / sizeof digests[0], name);
}
