/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * crl-verify FOLDER dir, as OpenVPN has it: a file whose name is a serial number in decimal revokes the
 * certificates of that serial; what is in it does not matter. Keeper lists the names, one a line, and control
 * holds the set. Whoever issued the certificate, the serial alone counts. One thread, its owner's.
 */
#ifndef DBR_IPC_REVOKED_H
#define DBR_IPC_REVOKED_H

#include "ipc/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_REVOKED_MAX = 1000000, DBR_REVOKED_TEXT_MAX = 64 << 20 };

struct dbr_revoked {
    uint8_t (*v)[DBR_IPC_SERIAL_MAX]; /* sorted, big endian, zeros in front */
    size_t n;
};

/* The names in a folder that are numbers, a line each, malloc'ed. 0; DBR_ERR_IO (errno: the folder),
 * DBR_ERR_NOMEM, DBR_ERR_LIMIT (more than DBR_REVOKED_MAX). */
int dbr_revoked_list(const char *folder, char **text, size_t *len);
/* The set of the numbers in text; lines that are none, or longer than a serial can be, are passed over. 0 or
 * DBR_ERR_NOMEM, DBR_ERR_LIMIT. */
int dbr_revoked_parse(struct dbr_revoked *r, const char *text, size_t len);
/* serial: n bytes, big endian. */
bool dbr_revoked_has(const struct dbr_revoked *r, const uint8_t *serial, size_t n);
void dbr_revoked_free(struct dbr_revoked *r); /* callable twice */

#endif
