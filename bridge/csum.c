/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/csum.h"

static uint64_t word64(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

static uint64_t tail_bytes(uint64_t sum, const uint8_t *p, size_t n)
{
    uint8_t last[8] = {0};
    for (; n >= 8; n -= 8, p += 8)
        sum = csum_add64(sum, word64(p));
    if (n)
        memcpy(last, p, n);
    return csum_add64(sum, word64(last));
}

/* Four chains, so that the carries of one do not wait for those of another. */
uint64_t csum_bytes(uint64_t sum, const uint8_t *p, size_t n)
{
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
