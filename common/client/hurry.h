/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * May a client call again without a pause? A few times, for a server that restarts or a network that changes;
 * a server that sends its clients away each time they come must not have them call as fast as they can. Pure;
 * owned by who owns the calls.
 */
#ifndef DBR_CLIENT_HURRY_H
#define DBR_CLIENT_HURRY_H

#include <stdbool.h>
#include <stdint.h>

enum { DBR_HURRIES = 4, DBR_HURRY_S = 20 };

struct dbr_hurry { /* zero at first */
    uint64_t since_ns;
    unsigned n;
};

/* Counts one; false when DBR_HURRIES were within DBR_HURRY_S before: then the call waits as others do.
 * Monotonic nanoseconds. */
bool dbr_hurry_may(struct dbr_hurry *h, uint64_t now_ns);

#endif
