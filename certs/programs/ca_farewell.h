/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The answer that is the last on its connection, as a client of HTTP/1.0 has every one: written to the socket
 * whole and held back by the kernel until the close, so that answer and FIN leave in one segment and the
 * client is woken once. libmicrohttpd pushes the answer out before it closes: a segment, a wake-up and a
 * system call more, a third of what such a connection costs. Plain HTTP only. libmicrohttpd's thread.
 */
#ifndef DBR_CA_FAREWELL_H
#define DBR_CA_FAREWELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

/* A whole HTTP answer, on the heap; all zero: none. */
struct farewell {
    char *p;
    size_t n;
};

/* Makes it: status 200, the date, the headers of r, the length, "Connection: close", the body. now: unix
 * seconds. False: out of memory, and f is none. */
bool farewell_make(struct farewell *f, struct MHD_Response *r, const void *body, size_t n, int64_t now);
void farewell_free(struct farewell *f);

/* Whether the connection ends with the answer to this request: "Connection: close", or HTTP/1.0 without
 * "Connection: keep-alive"; never for HEAD, whose answer has no body. */
bool farewell_due(struct MHD_Connection *c, const char *version, const char *method);

/* Hands it to the kernel. True: the request's handler must return MHD_NO, which closes the connection and
 * sends it. False: nothing was written (also when f is none). */
bool farewell_say(const struct farewell *f, struct MHD_Connection *c);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). Returns out. */
const char *http_date(int64_t unix_seconds, char out[40]);

#endif
