/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A filter on top of a connection that does not block: it waits until there is something, or until its time
 * is up. OpenSSL's HTTP client loses what it has of a line when the rest is not there yet; above this filter
 * it always is. The header of the answer is overheard here, too. One thread, that of the exchange.
 */
#ifndef DBR_FETCH_PATIENT_H
#define DBR_FETCH_PATIENT_H

#include "fetch/tag.h"

#include <stdint.h>

struct bio_st;

struct patient {
    uint64_t end_ms; /* of http_now_ms() */
    struct http_head head;
};

/* Milliseconds of the monotonic clock. */
uint64_t http_now_ms(void);

/* A filter to be pushed onto the connection, or NULL; p is borrowed until it is freed. When the time is up,
 * reads and writes fail without retry, and BIO_R_TRANSFER_TIMEOUT is in the library's queue. */
struct bio_st *patient_new(struct patient *p);

#endif
