/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A value of the registry: first byte its type, the rest its bytes. What comes out is one line of UTF-8.
 */
#include "client-win/base/utf.h"
#include "client-win/tapw/facts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[64];
    if (size == 0)
        return 0;
    int err = tapw_text(data[0], data + 1, size - 1, out, sizeof out);
    if (err && out[0])
        abort();
    if (!dbr_utf8_is_line(out, strlen(out)))
        abort();
    (void)tapw_is_ours(out);
    (void)tapw_guid_is_good(out);
    return 0;
}
