/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A file as one text, for a root process: a FIFO or device does not hang it, and a large one does not fill
 * memory.
 */
#ifndef DBR_KEEPER_WHOLEFILE_H
#define DBR_KEEPER_WHOLEFILE_H

#include <stddef.h>

enum { WHOLE_FILE_MAX = 16 << 20 };

/* Reads a regular file of at most WHOLE_FILE_MAX bytes onto the heap: *len bytes, which may be keys. 0;
 * DBR_ERR_NOTFOUND (errno) when it cannot be opened; DBR_ERR_IO (errno) when it is no such file, or changes
 * while it is read. After an error *text is NULL. */
int whole_file(const char *path, char **text, size_t *len);

#endif
