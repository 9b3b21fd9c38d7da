/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any text, as a file or as a configuration: every byte is as it was or a space, no line break is touched,
 * and what is left of a file has no line that begins a private key.
 */
#include "ipc/blank.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *text, size_t n)
{
    static const char begin[] = "-----BEGIN ", end[] = "PRIVATE KEY-----";
    for (size_t at = 0; at < n;) {
        const char *nl = memchr(text + at, '\n', n - at);
        size_t len = nl ? (size_t)(nl - text) - at : n - at;
        const char *p = memmem(text + at, len, begin, sizeof begin - 1);
        if (p && memmem(p, len - (size_t)(p - text - (long)at), end, sizeof end - 1))
            abort();
        at += len + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    if (!text || !size) {
        free(text);
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    dbr_blank_keys(text, size - 1, data[0] & 1);
    for (size_t i = 0; i + 1 < size; i++)
        if ((text[i] != (char)data[i + 1] && text[i] != ' ') || (data[i + 1] == '\n') != (text[i] == '\n'))
            abort();
    if (!(data[0] & 1)) /* in a configuration it is looked for in blocks only */
        look(text, size - 1);
    free(text);
    return 0;
}
