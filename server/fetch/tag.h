/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a web server said about the version of what it sent: ETag and Last-Modified (RFC 9110, 8.8), picked
 * out of the header of its answer, to be shown again with the next question, so that what did not change
 * costs a 304. OpenSSL's client keeps response headers to itself; its bytes pass by here. Pure; any thread.
 *
 * On disk (ipc/crlstate.h, part TAG) it is three lines: whose it is (64 hex digits), ETag, Last-Modified.
 */
#ifndef DBR_FETCH_TAG_H
#define DBR_FETCH_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_ETAG_MAX = 128, HTTP_DATE_MAX = 48, HTTP_LINE_MAX = 256, TAG_ID = 32, TAG_TEXT_MAX = 256 };

/* Empty strings: the server did not say. */
struct http_tag {
    char etag[HTTP_ETAG_MAX];     /* with quotes and W/ as it came; no control character */
    char modified[HTTP_DATE_MAX]; /* as it came: letters, digits and " ,:+-" */
};

/* The header of an answer while it passes by. Start with zero. */
struct http_head {
    int status; /* 200, 304, ...; 0: no status line has been seen */
    struct http_tag tag;
    bool done; /* the empty line has been seen: what follows is the body */
    bool begun;
    size_t n;
    char line[HTTP_LINE_MAX];
};

/* The next n bytes, in pieces of any size. A line that is too long or has bytes that do not belong there is
 * passed over; the first of two of a name counts. */
void http_head_feed(struct http_head *h, const void *bytes, size_t n);

/* Text for the disk; returns its length, below TAG_TEXT_MAX. */
size_t tag_write(char out[TAG_TEXT_MAX], const uint8_t id[TAG_ID], const struct http_tag *tag);
/* False, and *tag empty, unless the text is whole and belongs to id. */
bool tag_read(struct http_tag *tag, const uint8_t id[TAG_ID], const void *text, size_t n);

#endif
