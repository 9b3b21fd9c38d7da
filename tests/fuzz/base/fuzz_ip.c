/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A text as an address: taken or refused as inet_pton does, and what was taken is written as inet_ntop does
 * and read again. Bytes as an address: the same.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void as_text(const char *text)
{
    uint8_t ours[16], theirs[16];
    bool good = dbr_ip6_parse(text, ours);
    must(good == (inet_pton(AF_INET6, text, theirs) == 1) && (!good || !memcmp(ours, theirs, 16)));
    good = dbr_ip4_parse(text, ours);
    must(good == (inet_pton(AF_INET, text, theirs) == 1) && (!good || !memcmp(ours, theirs, 4)));
}

static void as_bytes(const uint8_t ip[16])
{
    char ours[DBR_IP6_TEXT], theirs[INET6_ADDRSTRLEN];
    uint8_t back[16];
    must(strcmp(dbr_ip6_text(ip, ours), inet_ntop(AF_INET6, ip, theirs, sizeof theirs)) == 0);
    must(dbr_ip6_parse(ours, back) && !memcmp(back, ip, 16));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    as_text(text);
    free(text);
    if (size >= 16)
        as_bytes(data);
    return 0;
}
