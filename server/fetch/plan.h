/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When to fetch next: pure functions of the past. Any thread.
 */
#ifndef DBR_FETCH_PLAN_H
#define DBR_FETCH_PLAN_H

#include <stdint.h>

enum { DBR_PLAN_FIRST_RETRY_S = 5, DBR_PLAN_LONGEST_RETRY_S = 600 };

/* Milliseconds until the next attempt. failures: attempts since the last good one. After a good one period_s,
 * shortened by up to a tenth so that many concentrators do not come at once; after a bad one 5 s, 10 s, 20 s,
 * ... but never longer than 10 minutes or the period, shortened by up to a quarter. noise: a random number.
 */
uint64_t plan_wait_ms(uint32_t period_s, uint32_t failures, uint32_t noise);

#endif
