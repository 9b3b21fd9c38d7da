/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Calls without a pause are few in any span of time, and come back after it.
 */
#include "client/hurry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ull

static void few_in_a_span(void **state)
{
    (void)state;
    struct dbr_hurry h = {0};
    uint64_t start = 7 * SECOND_NS, end = start + DBR_HURRY_S * SECOND_NS;
    for (int i = 0; i < DBR_HURRIES; i++)
        assert_true(dbr_hurry_may(&h, start + (uint64_t)i));
    for (uint64_t t = start + 1000; t < end; t += SECOND_NS / 100)
        assert_false(dbr_hurry_may(&h, t));
    assert_false(dbr_hurry_may(&h, end - 1));
    for (int i = 0; i < DBR_HURRIES; i++)
        assert_true(dbr_hurry_may(&h, end));
    assert_false(dbr_hurry_may(&h, end));
}

/* Each minute one: nobody waits. */
static void the_usual_is_free(void **state)
{
    (void)state;
    struct dbr_hurry h = {0};
    for (uint64_t t = 0; t < 6000; t += 60)
        assert_true(dbr_hurry_may(&h, t * SECOND_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_in_a_span), cmocka_unit_test(the_usual_is_free)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
