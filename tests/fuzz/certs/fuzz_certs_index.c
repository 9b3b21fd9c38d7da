/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * index.txt: what is not touched is written back byte for byte; what was revoked reads as revoked.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cadb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void revoke_all(struct dbr_index *ix)
{
    struct dbr_index *again;
    size_t n;
    for (size_t i = 0; i < dbr_index_count(ix); i++)
        dbr_index_revoke(ix, i, 1800000000, (int)(i % 7));
    char *text = dbr_index_format(ix, &n);
    if (dbr_index_parse(&again, text, n, NULL, 0) != 0 || dbr_index_count(again) != dbr_index_count(ix))
        abort();
    for (size_t i = 0; i < dbr_index_count(ix); i++) {
        const struct dbr_index_entry *a = dbr_index_at(ix, i), *b = dbr_index_at(again, i);
        if (b->status != 'R' || a->reason != b->reason || a->expires != b->expires ||
            !dbr_serial_equal(&a->serial, &b->serial) || strcmp(a->subject, b->subject) != 0)
            abort();
    }
    dbr_index_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_index *ix, *again;
    char why[256] = "";
    size_t n, m;
    if (dbr_index_parse(&ix, data, size, why, sizeof why) != 0) {
        if (!*why)
            abort();
        return 0;
    }
    char *text = dbr_index_format(ix, &n);
    if (dbr_index_parse(&again, text, n, why, sizeof why) != 0)
        abort();
    char *second = dbr_index_format(again, &m);
    if (n != m || memcmp(text, second, n) != 0)
        abort();
    free(text);
    free(second);
    dbr_index_free(again);
    revoke_all(ix);
    dbr_index_free(ix);
    return 0;
}
