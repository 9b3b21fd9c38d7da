/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): the keyed hash behind tables
 * that a stranger can fill, and the MAC of the stateless cookie.
 */
#ifndef DBR_BASE_SIPHASH_H
#define DBR_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* 64-bit SipHash-2-4 of len bytes under a 16-byte key. */
uint64_t dbr_siphash(const uint8_t key[16], const void *data, size_t len);

#endif
