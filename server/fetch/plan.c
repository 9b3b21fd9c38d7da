/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch/plan.h"

static uint64_t shorten(uint64_t ms, uint64_t divisor, uint32_t noise)
{
    uint64_t most = ms / divisor;
    return most ? ms - noise % (most + 1) : ms;
}

uint64_t plan_wait_ms(uint32_t period_s, uint32_t failures, uint32_t noise)
{
    uint64_t wait_s = DBR_PLAN_FIRST_RETRY_S;
    if (!failures)
        return shorten((uint64_t)period_s * 1000, 10, noise);
    for (uint32_t i = 1; i < failures && wait_s < DBR_PLAN_LONGEST_RETRY_S; i++)
        wait_s *= 2;
    if (wait_s > DBR_PLAN_LONGEST_RETRY_S)
        wait_s = DBR_PLAN_LONGEST_RETRY_S;
    if (wait_s > period_s)
        wait_s = period_s;
    return shorten(wait_s * 1000, 4, noise);
}
