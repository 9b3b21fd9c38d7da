/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls-crypt-v2. The first byte chooses: a wrapped key as a stranger sends it, a key and metadata that the
 * harness wraps, the two key files, the list of withdrawn keys.
 */
#include "fuzz.h"

#include "base/base64.h"
#include "proto/withdrawn.h"
#include "proto/wkc.h"

static struct dbr_wkc *server;

static bool all_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        if (b[i])
            return false;
    return true;
}

static void stranger(const uint8_t *data, size_t size)
{
    struct dbr_client_key k;
    size_t tail = dbr_wkc_tail(data, size);
    PROMISE(tail == 0 || (tail >= DBR_WKC_MIN && tail <= DBR_WKC_MAX && tail < size));
    int err = dbr_wkc_open(server, data + size - tail, tail, &k);
    PROMISE(!err || all_zero(&k, sizeof k));
    PROMISE(tail || err == DBR_ERR_SHAPE);
}

static void insider(const uint8_t *data, size_t size)
{
    uint8_t key[DBR_STATIC_KEY_LEN], wkc[DBR_WKC_MAX];
    struct dbr_client_key k;
    fill_pattern(key, sizeof key, (unsigned)size);
    int n = dbr_wkc_seal(server, key, data, size, wkc);
    PROMISE((n == DBR_ERR_SPACE) == (size > DBR_WKC_METADATA_MAX));
    if (n < 0)
        return;
    PROMISE(!dbr_wkc_open(server, wkc, (size_t)n, &k));
    PROMISE(k.metadata_len == size && !memcmp(k.metadata, data, size) && !memcmp(k.key, key, sizeof key));
    PROMISE(dbr_client_key_made(&k) >= -1);
}

static void files(const uint8_t *data, size_t size)
{
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    struct dbr_own_key own;
    char why[48], pem[DBR_WKC_PEM_MAX];
    memset(key, 1, sizeof key);
    if (dbr_wkc_server_key_parse(key, (const char *)data, size, why, sizeof why))
        PROMISE(all_zero(key, sizeof key) && memchr(why, 0, sizeof why));
    else
        PROMISE(dbr_wkc_server_key_write(key, pem, sizeof pem) > 0);
    if (dbr_own_key_parse(&own, (const char *)data, size, why, sizeof why)) {
        PROMISE(all_zero(&own, sizeof own) && memchr(why, 0, sizeof why));
        return;
    }
    PROMISE(own.wkc_len >= DBR_WKC_MIN && own.wkc_len <= DBR_WKC_MAX);
    struct dbr_own_key again;
    PROMISE(dbr_own_key_write(&own, pem, sizeof pem) > 0);
    PROMISE(!dbr_own_key_parse(&again, pem, strlen(pem), NULL, 0) && !memcmp(&own, &again, sizeof own));
}

static void list(const uint8_t *data, size_t size)
{
    struct dbr_withdrawn w;
    char why[48];
    memset(why, 'x', sizeof why);
    int err = dbr_withdrawn_parse(&w, (const char *)data, size, why, sizeof why);
    PROMISE(!err || (w.n == 0 && !w.ids && !strncmp(why, "line ", 5) && memchr(why, 0, sizeof why)));
    for (size_t i = 0; i < w.n; i++)
        PROMISE(dbr_withdrawn_has(&w, w.ids[i]));
    PROMISE(w.n <= size / 64);
    dbr_withdrawn_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const what[])(const uint8_t *, size_t) = {stranger, insider, files, list};
    static const uint8_t key[DBR_WKC_SERVER_KEY_LEN] = {1, 2, 3};
    if (!server)
        PROMISE(!dbr_wkc_new(&server, key));
    if (size)
        what[data[0] % 4](data + 1, size - 1);
    return 0;
}
