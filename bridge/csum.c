/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/csum.h"

/* Not with MinGW, whose gcc spills vectors of 32 bytes to a stack that is aligned to 16. */
#if defined(__x86_64__) && !defined(_WIN32)
#define WIDE_SUM 1
#include <immintrin.h>
#else
#define WIDE_SUM 0
#endif

enum { WIDE_FROM = 128 }; /* shorter runs are not worth the wide sum's start */

static uint64_t word64(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* What is left after the whole words, without a detour through memory: most sums end here, and are short. */
static uint64_t tail_bytes(uint64_t sum, const uint8_t *p, size_t n)
{
    uint32_t four;
    uint16_t two;
    for (; n >= 8; n -= 8, p += 8)
        sum = csum_add64(sum, word64(p));
    if (n & 4) {
        memcpy(&four, p, 4);
        sum = csum_add64(sum, four);
        p += 4;
    }
    if (n & 2) {
        memcpy(&two, p, 2);
        sum = csum_add64(sum, two);
        p += 2;
    }
    if (n & 1) {
        const uint8_t last[2] = {*p, 0};
        memcpy(&two, last, 2);
        sum = csum_add64(sum, two);
    }
    return sum;
}

#if WIDE_SUM
/* 32-bit words in 64-bit lanes: no carry is lost below 2^32 words, and 2^32 is 1 modulo 2^16 - 1, so that
 * both halves of a lane count the same. n is a multiple of 64. */
__attribute__((target("avx2"))) static uint64_t wide_sum(const uint8_t *p, size_t n)
{
    const __m256i low_half = _mm256_set1_epi64x(0xffffffff);
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    for (; n; n -= 64, p += 64) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i w = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
        a = _mm256_add_epi64(a, _mm256_and_si256(v, low_half));
        b = _mm256_add_epi64(b, _mm256_srli_epi64(v, 32));
        c = _mm256_add_epi64(c, _mm256_and_si256(w, low_half));
        d = _mm256_add_epi64(d, _mm256_srli_epi64(w, 32));
    }
    a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    return (uint64_t)_mm_cvtsi128_si64(two) + (uint64_t)_mm_extract_epi64(two, 1);
}

static size_t wide_part(size_t n)
{
    return n >= WIDE_FROM && __builtin_cpu_supports("avx2") ? n & ~(size_t)63 : 0;
}
#else
static uint64_t wide_sum(const uint8_t *p, size_t n)
{
    (void)p;
    (void)n;
    return 0;
}

static size_t wide_part(size_t n)
{
    (void)n;
    return 0;
}
#endif

/* Four chains, so that the carries of one do not wait for those of another. */
uint64_t csum_bytes(uint64_t sum, const uint8_t *p, size_t n)
{
    size_t wide = wide_part(n);
    if (wide) {
        sum = csum_add64(sum, wide_sum(p, wide));
        p += wide;
        n -= wide;
    }
    uint64_t a = sum, b = 0, c = 0, d = 0;
    for (; n >= 32; n -= 32, p += 32) {
        a = csum_add64(a, word64(p));
        b = csum_add64(b, word64(p + 8));
        c = csum_add64(c, word64(p + 16));
        d = csum_add64(d, word64(p + 24));
    }
    return tail_bytes(csum_add64(csum_add64(a, b), csum_add64(c, d)), p, n);
}

uint64_t csum_pseudo(uint8_t version, const uint8_t *ip, uint8_t proto, uint32_t upper_len)
{
    uint64_t sum = version == 4 ? csum_bytes(0, ip + 12, 8) : csum_bytes(0, ip + 8, 32);
    sum = csum_value(sum, proto);
    sum = csum_value(sum, (uint16_t)(upper_len >> 16));
    return csum_value(sum, (uint16_t)upper_len);
}
