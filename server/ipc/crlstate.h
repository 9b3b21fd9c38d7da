/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The memory of revocation on disk: which CRL number was accepted last from each issuer, and the lists
 * themselves as far as no configured file holds them (fetched, pushed), as they were received. Two files that
 * keeper opened are written in turn, each whole, with a generation and a checksum, so that a crash at any
 * moment leaves the one before. Fetch writes; control and fetch read when they start. The lists are verified
 * again when they are read; the checksum is against torn writes only.
 *
 *     | "DBRCRL02" | generation 8 | length 8 of each part | checksum 8 | text | url | push | tag |
 *
 * tag is what the web server said of the version of url (fetch/tag.h). "DBRCRL01" has no such part.
 */
#ifndef DBR_IPC_CRLSTATE_H
#define DBR_IPC_CRLSTATE_H

#include <stddef.h>
#include <stdint.h>

enum { DBR_CRLSTATE_PARTS = 4, DBR_CRLSTATE_MAX = 96 << 20 };
enum dbr_crlstate_part { DBR_CRLSTATE_TEXT, DBR_CRLSTATE_URL, DBR_CRLSTATE_PUSH, DBR_CRLSTATE_TAG };

struct dbr_crlstate {
    uint64_t generation; /* 0: nothing was kept yet */
    struct {
        uint8_t *bytes; /* malloc'ed; NULL when len is 0 */
        size_t len;
    } part[DBR_CRLSTATE_PARTS];
};

/* Reads the newer of the two that is whole; neither: all zero. fds may be -1. Errors: DBR_ERR_SHAPE (there is
 * something, and none of it is whole), DBR_ERR_NOMEM, DBR_ERR_IO; *s is zero then. */
int dbr_crlstate_read(struct dbr_crlstate *s, const int fds[2]);
/* Writes *s as the next generation into the other place and waits until it is on the disk; s->generation is
 * raised. DBR_ERR_IO: errno has the cause, and what was there before is still to be had. */
int dbr_crlstate_write(struct dbr_crlstate *s, const int fds[2]);
/* Replaces a part by a copy of n bytes. 0 or DBR_ERR_NOMEM (the old one stays). */
int dbr_crlstate_set(struct dbr_crlstate *s, enum dbr_crlstate_part which, const void *bytes, size_t n);
void dbr_crlstate_free(struct dbr_crlstate *s); /* callable twice */

#endif
