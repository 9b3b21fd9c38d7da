/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * OCC: the messages of the data channel, of which every OpenVPN answers the requests. Pure. Source:
 * OpenVPN 2.6 occ.c, occ.h.
 *
 *   | magic 16 | op 1 | options string with its NUL, or sizes, or as many bytes as were asked for |
 */
#ifndef DBR_CLIENT_OCC_H
#define DBR_CLIENT_OCC_H

#include "proto/session.h"

#include <stddef.h>
#include <stdint.h>

enum { DBR_OCC_HEAD = 17 };

void dbr_occ_write(uint8_t out[DBR_OCC_HEAD], enum dbr_occ op);

/* The op of n bytes, or DBR_ERR_SHAPE: they are no OCC message. */
int dbr_occ_read(const uint8_t *bytes, size_t n);

/* Writes the answer of session s to n bytes of an OCC message; its length, 0: there is none. */
size_t dbr_occ_answer(const struct dbr_session *s, const uint8_t *bytes, size_t n, uint8_t *out, size_t cap);

#endif
