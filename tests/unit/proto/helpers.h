/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the tests of this folder share: cmocka, seeded numbers, hex, and the byte pattern that gen_vectors.py
 * uses too.
 */
#ifndef DBR_TEST_PROTO_HELPERS_H
#define DBR_TEST_PROTO_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Fails with the case named. */
#define CHECK(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            print_error(__VA_ARGS__);                                                                        \
            fail_msg(": %s", #condition);                                                                    \
        }                                                                                                    \
    } while (0)

static inline uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline void fill_pattern(uint8_t *out, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(i * i + 31 * i + seed);
}

/* Hex text (blanks ignored) to bytes; returns their number. */
static inline size_t from_hex(uint8_t *out, size_t cap, const char *hex)
{
    size_t n = 0;
    unsigned v;
    for (; *hex; hex += *hex == ' ' ? 1 : 2) {
        if (*hex == ' ')
            continue;
        assert_true(n < cap && sscanf(hex, "%2x", &v) == 1);
        out[n++] = (uint8_t)v;
    }
    return n;
}

/* The bytes in a heap block of their own, so that a sanitizer sees an over-read; the caller frees. */
static inline uint8_t *exact_copy(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    return copy;
}

#endif
