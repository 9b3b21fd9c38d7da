/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a SOCKS proxy may say: its reply in growing pieces, and the header of a datagram. Never more is taken
 * than is there, more bytes never turn an answer into another one, and what was read can be written again.
 */
#include "base/err.h"
#include "keeper/socks_msg.h"

#include <stdlib.h>
#include <string.h>

static void check_reply(const uint8_t *data, size_t len)
{
    struct dbr_addr at;
    uint8_t code;
    int first = DBR_ERR_AGAIN;
    for (size_t n = 0; n <= len && n <= SOCKS_REPLY_MAX; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* its end is where reading must stop */
        memcpy(exact, data, n);
        int got = socks_reply(exact, n, &at, &code);
        free(exact);
        if (got > (int)n || (first != DBR_ERR_AGAIN && got != first))
            abort();
        first = got;
        if (!*socks_refusal(code))
            abort();
    }
}

static void check_datagram(const uint8_t *data, size_t len)
{
    struct dbr_addr from, again;
    uint8_t header[SOCKS_HEADER_MAX];
    int at = socks_unwrap(data, len, &from);
    if (at > (int)len || (at > 0 && data[2]))
        abort();
    if (at <= 0 || !from.family)
        return;
    size_t n = socks_header(header, &from);
    if (n != (size_t)at || socks_unwrap(header, n, &again) != at || !dbr_addr_equal(&from, &again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len >= 2)
        socks_method(data, data[0] & 1);
    check_reply(data, len);
    check_datagram(data, len);
    return 0;
}
