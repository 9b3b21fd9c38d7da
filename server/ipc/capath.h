/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A folder of CA certificates and revocation lists as `openssl rehash` and pfSense make it: HASH.N is a
 * certificate, HASH.rN a list, HASH eight hex digits, both PEM. It is read as two texts, as if `ca` and
 * `crl-verify` had named them; everything else in it is passed over. Keeper looks and reads at run time,
 * control at the start; no state.
 */
#ifndef DBR_IPC_CAPATH_H
#define DBR_IPC_CAPATH_H

#include <stddef.h>
#include <stdint.h>

enum dbr_capath_kind { DBR_CAPATH_CERTS, DBR_CAPATH_LISTS, DBR_CAPATH_KINDS };
enum { DBR_CAPATH_MAX = 32 << 20, DBR_CAPATH_NAME = 1200 };

/* Which of the two a file name is, or -1: neither. */
int dbr_capath_kind_of(const char *name);

/* All files of a kind, one behind the other, on the heap with a NUL behind: *len bytes; "" without one. 0,
 * DBR_ERR_IO (errno), DBR_ERR_LIMIT (more than DBR_CAPATH_MAX) or DBR_ERR_NOMEM. */
int dbr_capath_read(const char *dir, enum dbr_capath_kind kind, char **text, size_t *len);

/* A number for each kind that changes when a file of it comes, goes or changes (inode, size, times). 0 or
 * DBR_ERR_IO. */
int dbr_capath_look(const char *dir, uint64_t stamp[DBR_CAPATH_KINDS]);

/* The name under which a kind is handed on in a bundle. Returns out. */
const char *dbr_capath_bundled(const char *dir, enum dbr_capath_kind kind, char out[DBR_CAPATH_NAME]);

#endif
