/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names of a folder as lines: every number that fits is in the set, and the set is sorted.
 */
#include "ipc/revoked.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_revoked r;
    if (dbr_revoked_parse(&r, (const char *)data, size) == 0)
        for (size_t i = 0; i < r.n; i++) {
            if (!dbr_revoked_has(&r, r.v[i], sizeof r.v[i]))
                abort();
            if (i && memcmp(r.v[i - 1], r.v[i], sizeof r.v[i]) > 0)
                abort();
        }
    dbr_revoked_free(&r);
    dbr_revoked_free(&r);
    return 0;
}
