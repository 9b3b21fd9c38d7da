/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The key files of tls-crypt-v2, as `openvpn --genkey tls-crypt-v2-server` and `tls-crypt-v2-client` write
 * them:
 *
 *   -----BEGIN OpenVPN tls-crypt-v2 client key-----
 *   rGKzqdGN...                                        base64 of Kc and WKc
 *   -----END OpenVPN tls-crypt-v2 client key-----
 */
#include "base/base64.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "proto/keyblock.h"
#include "proto/wkc.h"

#include <stdio.h>
#include <string.h>

static const char server_label[] = "OpenVPN tls-crypt-v2 server key";
static const char client_label[] = "OpenVPN tls-crypt-v2 client key";

int dbr_wkc_server_key_parse(uint8_t key[DBR_WKC_SERVER_KEY_LEN], const char *text, size_t len, char *why,
                             size_t cap)
{
    const char *wrong;
    long n = keyblock_read(text, len, server_label, key, DBR_WKC_SERVER_KEY_LEN, &wrong);
    if (n == DBR_WKC_SERVER_KEY_LEN)
        return 0;
    dbr_wipe(key, DBR_WKC_SERVER_KEY_LEN);
    return keyblock_refuse(why, cap, n < 0 ? wrong : "too few bytes in", server_label,
                           "drawbridge-ca gate-key v2 new");
}

int dbr_own_key_parse(struct dbr_own_key *k, const char *text, size_t len, char *why, size_t cap)
{
    uint8_t both[DBR_STATIC_KEY_LEN + DBR_WKC_MAX];
    const char *wrong;
    long n = keyblock_read(text, len, client_label, both, sizeof both, &wrong);
    memset(k, 0, sizeof *k);
    if (n >= DBR_STATIC_KEY_LEN + DBR_WKC_MIN) {
        k->wkc_len = (size_t)n - DBR_STATIC_KEY_LEN;
        memcpy(k->key, both, DBR_STATIC_KEY_LEN);
        memcpy(k->wkc, both + DBR_STATIC_KEY_LEN, k->wkc_len);
    }
    dbr_wipe(both, sizeof both);
    if (k->wkc_len && dbr_get16(k->wkc + k->wkc_len - 2) == k->wkc_len)
        return 0;
    bool cut = k->wkc_len != 0;
    dbr_wipe(k, sizeof *k);
    return keyblock_refuse(why, cap,
                           n < 0 ? wrong
                           : cut ? "a wrapped key of another length in"
                                 : "too few bytes in",
                           client_label, "drawbridge-ca gate-key v2 client NAME");
}

static int write_block(const char *label, const uint8_t *bytes, size_t n, char *out, size_t cap)
{
    char body[DBR_WKC_PEM_MAX];
    long len = dbr_base64_encode(bytes, n, body, sizeof body);
    int all =
        len < 0 ? -1 : snprintf(out, cap, "-----BEGIN %s-----\n%s-----END %s-----\n", label, body, label);
    dbr_wipe(body, sizeof body);
    return all < 0 || (size_t)all >= cap ? DBR_ERR_SPACE : all;
}

int dbr_wkc_server_key_write(const uint8_t key[DBR_WKC_SERVER_KEY_LEN], char *out, size_t cap)
{
    return write_block(server_label, key, DBR_WKC_SERVER_KEY_LEN, out, cap);
}

int dbr_own_key_write(const struct dbr_own_key *k, char *out, size_t cap)
{
    uint8_t both[DBR_STATIC_KEY_LEN + DBR_WKC_MAX];
    memcpy(both, k->key, DBR_STATIC_KEY_LEN);
    memcpy(both + DBR_STATIC_KEY_LEN, k->wkc, k->wkc_len);
    int n = write_block(client_label, both, DBR_STATIC_KEY_LEN + k->wkc_len, out, cap);
    dbr_wipe(both, sizeof both);
    return n;
}
