/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A certificate request from anybody, judged under each profile.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "certs/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_csr csr;
    char why[256] = "";
    if (dbr_csr_parse(&csr, data, size, why, sizeof why) != 0) {
        if (!*why)
            abort();
        return 0;
    }
    for (int i = 0; i < DBR_PROFILES; i++)
        dbr_csr_within(&csr, dbr_profile((enum dbr_profile_id)i), i % 2 ? "DNS:x.y,IP:192.0.2.1" : NULL, why,
                       sizeof why);
    dbr_csr_free(&csr);
    return 0;
}
