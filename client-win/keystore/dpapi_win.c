/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Data Protection API (CryptProtectData): a blob that only this user on this computer opens, and only
 * with the name of its profile as entropy, so that one blob does not pass for another. Any thread.
 */
#include "client-win/keystore/system_win.h"

#include "base/err.h"
#include "base/secret.h"

#include <dpapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTROPY = 128 };

static DATA_BLOB entropy_of(const char *name, char text[ENTROPY])
{
    int n = snprintf(text, ENTROPY, "Drawbridge keystore 1: %s", name);
    for (char *c = text; *c; c++) /* folders' names do not tell upper case from lower */
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    return (DATA_BLOB){(DWORD)n, (BYTE *)text};
}

/* What Windows allocated, as malloc'ed memory; Windows' own is wiped. */
static int take(DATA_BLOB *from, uint8_t **out, size_t *len)
{
    *out = malloc(from->cbData + 1);
    if (*out) {
        memcpy(*out, from->pbData, from->cbData);
        *len = from->cbData;
    }
    SecureZeroMemory(from->pbData, from->cbData);
    LocalFree(from->pbData);
    return *out ? 0 : DBR_ERR_NOMEM;
}

int dpapi_seal(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len)
{
    char text[ENTROPY];
    DATA_BLOB in = {(DWORD)n, (BYTE *)(uintptr_t)p}, sealed = {0}, entropy = entropy_of(name, text);
    (void)arg;
    if (!CryptProtectData(&in, L"Drawbridge profile", &entropy, NULL, NULL, CRYPTPROTECT_UI_FORBIDDEN,
                          &sealed))
        return DBR_ERR_CRYPTO;
    return take(&sealed, out, len);
}

int dpapi_unseal(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len)
{
    char text[ENTROPY];
    DATA_BLOB in = {(DWORD)n, (BYTE *)(uintptr_t)p}, plain = {0}, entropy = entropy_of(name, text);
    (void)arg;
    if (!CryptUnprotectData(&in, NULL, &entropy, NULL, NULL, CRYPTPROTECT_UI_FORBIDDEN, &plain))
        return DBR_ERR_CRYPTO;
    return take(&plain, out, len);
}
