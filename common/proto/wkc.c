/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/wkc.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/ctr.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"

#include <stdlib.h>
#include <string.h>

enum { TAG = 32, LENGTH = 2, HMAC_AT = 64, HMAC_KEY = 32 };

struct dbr_wkc {
    struct dbr_mac *mac;
    struct dbr_ctr *ctr;
};

int dbr_wkc_new(struct dbr_wkc **out, const uint8_t key[DBR_WKC_SERVER_KEY_LEN])
{
    struct dbr_wkc *w = *out = calloc(1, sizeof *w);
    if (!w)
        return DBR_ERR_NOMEM;
    int err = dbr_mac_new(&w->mac, "SHA256", key + HMAC_AT, HMAC_KEY);
    if (!err)
        err = dbr_ctr_new(&w->ctr, key);
    if (err) {
        dbr_wkc_free(w);
        *out = NULL;
    }
    return err;
}

void dbr_wkc_free(struct dbr_wkc *w)
{
    if (!w)
        return;
    dbr_mac_free(w->mac);
    dbr_ctr_free(w->ctr);
    free(w);
}

size_t dbr_wkc_tail(const uint8_t *dgram, size_t len)
{
    if (len <= DBR_WKC_MIN)
        return 0;
    size_t n = dbr_get16(dgram + len - LENGTH);
    return n >= DBR_WKC_MIN && n <= DBR_WKC_MAX && n < len ? n : 0;
}

static int tag_of(struct dbr_wkc *w, const uint8_t *length, const uint8_t *key, const uint8_t *metadata,
                  size_t n, uint8_t tag[DBR_MAC_MAX])
{
    const struct dbr_part parts[] = {{length, LENGTH}, {key, DBR_STATIC_KEY_LEN}, {metadata, n}};
    return dbr_mac_compute(w->mac, parts, 3, tag);
}

int dbr_wkc_open(struct dbr_wkc *w, const uint8_t *wkc, size_t len, struct dbr_client_key *out)
{
    uint8_t plain[DBR_WKC_MAX], expected[DBR_MAC_MAX];
    memset(out, 0, sizeof *out);
    if (len < DBR_WKC_MIN || len > DBR_WKC_MAX || dbr_get16(wkc + len - LENGTH) != len)
        return DBR_ERR_SHAPE;
    size_t n = len - TAG - LENGTH, metadata_len = n - DBR_STATIC_KEY_LEN;
    const uint8_t *metadata = plain + DBR_STATIC_KEY_LEN;
    memcpy(plain, wkc + TAG, n);
    int err = dbr_ctr_apply(w->ctr, wkc, plain, n);
    if (!err)
        err = tag_of(w, wkc + len - LENGTH, plain, metadata, metadata_len, expected);
    if (err || !dbr_secret_equal(expected, wkc, TAG))
        err = DBR_ERR_AUTH;
    if (!err)
        err = dbr_wkc_id(wkc, len, out->id);
    if (!err) {
        memcpy(out->key, plain, DBR_STATIC_KEY_LEN);
        memcpy(out->metadata, metadata, metadata_len);
        out->metadata_len = metadata_len;
    }
    dbr_wipe(plain, sizeof plain);
    return err;
}

int dbr_wkc_seal(struct dbr_wkc *w, const uint8_t key[DBR_STATIC_KEY_LEN], const uint8_t *metadata, size_t n,
                 uint8_t out[DBR_WKC_MAX])
{
    uint8_t tag[DBR_MAC_MAX];
    if (n > DBR_WKC_METADATA_MAX)
        return DBR_ERR_SPACE;
    size_t len = DBR_WKC_MIN + n;
    dbr_put16(out + len - LENGTH, (uint16_t)len);
    int err = tag_of(w, out + len - LENGTH, key, metadata, n, tag);
    if (err)
        return err;
    memcpy(out, tag, TAG);
    memcpy(out + TAG, key, DBR_STATIC_KEY_LEN);
    if (n)
        memcpy(out + TAG + DBR_STATIC_KEY_LEN, metadata, n);
    err = dbr_ctr_apply(w->ctr, out, out + TAG, DBR_STATIC_KEY_LEN + n);
    return err ? err : (int)len;
}

int dbr_wkc_id(const uint8_t *wkc, size_t len, uint8_t id[DBR_WKC_ID_LEN])
{
    const struct dbr_part part = {wkc, len};
    return dbr_sha256(&part, 1, id);
}

int64_t dbr_client_key_made(const struct dbr_client_key *k)
{
    if (k->metadata_len < 1 + 8 || k->metadata[0] != DBR_WKC_TYPE_TIME)
        return -1;
    uint64_t at = dbr_get64(k->metadata + 1);
    return at > INT64_MAX ? -1 : (int64_t)at;
}
