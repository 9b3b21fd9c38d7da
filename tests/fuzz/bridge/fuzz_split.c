/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Split tunnel: any frame. What passes is no longer than before, says the same when it is rewritten again,
 * and is the same kind of frame to the classifier.
 */
#include <stdlib.h>
#include <string.h>

#include "bridge/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_eth_view v;
    if (size > DBR_SPLIT_MAX || !size || dbr_eth_parse(&v, data, size))
        return 0;
    uint32_t was = dbr_guard_classify(&v);
    uint8_t *frame = malloc(size), *again = malloc(size);
    size_t n = size;
    REQUIRE(frame && again);
    memcpy(frame, data, size);
    if (dbr_split_frame(frame, &n)) {
        size_t m = n;
        REQUIRE(n <= size && !dbr_eth_parse(&v, frame, n));
        REQUIRE(!(was & DBR_SPLIT_CLASSES) || dbr_guard_classify(&v) == was);
        memcpy(again, frame, n);
        REQUIRE(dbr_split_frame(again, &m) && m == n);
        REQUIRE(memcmp(again, frame, n) == 0);
    }
    free(frame);
    free(again);
    return 0;
}
