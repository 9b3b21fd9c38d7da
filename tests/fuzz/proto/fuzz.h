/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the fuzz targets of this folder share. A broken promise is a trap, so that every build notices it.
 */
#ifndef DBR_FUZZ_PROTO_H
#define DBR_FUZZ_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            __builtin_trap();                                                                                \
    } while (0)

static inline void fill_pattern(uint8_t *out, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(i * i + 31 * i + seed);
}

/* The bytes as a NUL-terminated string in a block of its own; the caller frees. */
static inline char *as_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    PROMISE(text);
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

#endif
