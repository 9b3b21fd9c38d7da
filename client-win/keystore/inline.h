/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A profile and the files it names become one text: `ca ca.crt` becomes <ca>, the file's content, </ca>;
 * every other line stays as it is. Pure: files are read through a function. One thread; what comes out is the
 * caller's and wiped when freed.
 *
 *     tls-auth ta.key 1        tls-auth [inline] 1
 *     pkcs12 bob.p12           <tls-auth> ... </tls-auth>
 *                              <pkcs12> (base64) </pkcs12>
 */
#ifndef DBR_KEYSTORE_INLINE_H
#define DBR_KEYSTORE_INLINE_H

#include "client-win/keystore/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_PROFILE_MAX = 4096 << 10, /* bytes of a profile with everything in it */
    DBR_PART_MAX = 700 << 10,     /* bytes of one file: in base64 it still is less than a block may have */
    DBR_PARTS_MAX = 16,           /* files that one profile names */
};

/* What the caller lends. */
struct dbr_inline_io {
    /* Reads a whole file of 1 to max bytes: *out is malloc'ed and then ours (wiped, freed). 0,
     * DBR_ERR_NOTFOUND, DBR_ERR_LIMIT (empty or longer), DBR_ERR_UNSUPPORTED (on another computer), or
     * another negative error. */
    int (*read)(void *arg, const char *path, size_t max, uint8_t **out, size_t *n);
    /* A line for the user that is no error. */
    void (*note)(void *arg, const char *line);
    void *arg;
};

struct dbr_inlined {
    char *text; /* NUL-terminated */
    size_t len, cap;
    struct {
        char path[DBR_SOURCE_PATH];
        bool secret; /* a key or password lies there in the clear */
    } parts[DBR_PARTS_MAX];
    size_t n_parts;
};

/* Makes out of the text of `file` (its path, for complaints and for the folder that names are relative to).
 * 0; DBR_ERR_CONFIG with "FILE:LINE: directive: reason; way out" in why, DBR_ERR_LIMIT, DBR_ERR_NOMEM. free()
 * is due in every case. */
int dbr_inline(struct dbr_inlined *out, const char *file, const char *text, size_t len,
               const struct dbr_inline_io *io, char *why, size_t cap);
void dbr_inlined_free(struct dbr_inlined *in); /* callable twice */

/* The text that a user's key (PKCS#12, or PEM with key and perhaps certificate) adds to a profile without
 * one. Errors as above; n bytes at key, `file` is its name. */
int dbr_inline_key(struct dbr_inlined *out, const char *file, const uint8_t *key, size_t n, char *why,
                   size_t cap);

#endif
