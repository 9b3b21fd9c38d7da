/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files in one memory file, by name: what keeper read for a reload, handed to control in one piece, so that
 * the configuration and the files it names are of one moment. There are keys in it: it is wiped when it is
 * let go.
 *
 *     repeated: | name length 4 | text length 8 | name | text |   (host byte order)
 */
#ifndef DBR_IPC_BUNDLE_H
#define DBR_IPC_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

enum { DBR_BUNDLE_MAX = 32 << 20 };

struct dbr_bundle {
    uint8_t *bytes;
    size_t len, cap;
};

/* Adds a file; one of the same name stays the first. 0, DBR_ERR_LIMIT or DBR_ERR_NOMEM. */
int dbr_bundle_add(struct dbr_bundle *b, const char *name, const void *text, size_t len);
/* The text of a file, borrowed, *len bytes; NULL: not in it. */
const char *dbr_bundle_get(const struct dbr_bundle *b, const char *name, size_t *len);
/* Into a sealed memory file; the descriptor or a negative error. */
int dbr_bundle_write(const struct dbr_bundle *b);
/* Out of one, checked wholly; free() is due in every case. 0, DBR_ERR_SHAPE, DBR_ERR_IO or DBR_ERR_NOMEM. */
int dbr_bundle_read(struct dbr_bundle *b, int fd);
void dbr_bundle_free(struct dbr_bundle *b); /* wipes; callable twice, and on a zeroed struct */

#endif
