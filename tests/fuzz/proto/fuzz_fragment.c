/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `fragment`. The bytes are taken as payloads of a peer (each: a length, a step of time, so many bytes), then
 * as one payload of ours that is cut, shuffled and put together again.
 */
#include "fuzz.h"

#include "proto/fragment.h"

enum { MAX = 1532 };

static void of_a_peer(const uint8_t *data, size_t size)
{
    struct dbr_fragments *f = dbr_fragments_new(MAX);
    uint8_t *out = malloc(MAX);
    uint64_t now = 1;
    PROMISE(f && out);
    while (size >= 2) {
        size_t n = data[0] * 4u + data[1] % 4u;
        now += (data[1] >> 4) * 100000000ull;
        data += 2;
        size -= 2;
        n = n < size ? n : size;
        uint8_t *copy = malloc(n ? n : 1), *p = copy;
        size_t len = n;
        PROMISE(copy);
        memcpy(copy, data, n);
        int err = dbr_fragments_take(f, &p, &len, out, now);
        PROMISE(err == 0 || err == DBR_ERR_AGAIN || err == DBR_ERR_SHAPE || err == DBR_ERR_EXISTS);
        PROMISE(err ||
                (len > 0 && (p == out ? len <= MAX : p == copy + DBR_FRAGMENT_HEADER && len + 4 == n)));
        free(copy);
        data += n;
        size -= n;
    }
    free(out);
    dbr_fragments_free(f);
}

/* In the order that begins with any piece and goes round, forwards or backwards. */
static void of_ours(const uint8_t *data, size_t size)
{
    size_t max = dbr_get16(data) % 1500, len = size - 3;
    unsigned order = data[2];
    struct dbr_fragment_cut cut;
    data += 3;
    if (len > MAX || dbr_fragment_plan(&cut, len, max))
        return;
    struct dbr_fragments *f = dbr_fragments_new(MAX);
    uint8_t *out = malloc(MAX), piece[DBR_FRAGMENT_HEADER + MAX];
    PROMISE(f && out);
    for (uint32_t i = 0; i < cut.n; i++) {
        uint32_t k = (order / 2 + (order % 2 ? i : cut.n - 1 - i)) % cut.n;
        size_t at = k * (size_t)cut.size, n = len - at < cut.size ? len - at : cut.size;
        size_t got = DBR_FRAGMENT_HEADER + n;
        uint8_t *p = piece;
        dbr_fragment_header(piece, &cut, (uint8_t)order, k);
        memcpy(piece + DBR_FRAGMENT_HEADER, data + at, n);
        int err = dbr_fragments_take(f, &p, &got, out, 1);
        PROMISE(err == (i + 1 == cut.n ? 0 : DBR_ERR_AGAIN));
        PROMISE(err || (got == len && memcmp(p, data, len) == 0));
    }
    free(out);
    dbr_fragments_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    of_a_peer(data, size);
    if (size > 3)
        of_ours(data, size);
    return 0;
}
