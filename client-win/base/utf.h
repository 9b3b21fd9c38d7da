/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * UTF-8 inside, UTF-16 at Windows' calls: strict conversion with bounds, and the check that a text may stand
 * on one line of a window or a log. Pure; any thread.
 */
#ifndef DBR_CW_BASE_UTF_H
#define DBR_CW_BASE_UTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One unit of UTF-16: what the W calls of Windows take. */
#ifdef _WIN32
#include <wchar.h>
typedef wchar_t dbr_utf16;
#else
typedef uint16_t dbr_utf16;
#endif

/* The character at *at, which moves on behind it; -1 for what is no UTF-8 (RFC 3629: too long forms,
 * surrogates and numbers above U+10FFFF as well) and at `end`; then *at stays. */
int32_t dbr_utf8_next(const char **at, const char *end);

/* True if the n bytes are UTF-8 without a character that would leave the line or turn it round: control
 * characters, U+2028 to U+202E and U+2066 to U+2069. */
bool dbr_utf8_is_line(const char *s, size_t n);

/* Copies src to out (cap >= 1, bytes) as one line: what dbr_utf8_is_line() would refuse becomes '?', what
 * does not fit is cut between characters, the rest of out is zero. src may be NULL: empty. */
void dbr_utf8_line(char *out, size_t cap, const char *src);

/* The whole of a NUL-terminated text in the other form, with its NUL; cap counts bytes or units. 0, or
 * DBR_ERR_SHAPE (not UTF-8, lone surrogate), DBR_ERR_SPACE; out is "" then. */
int dbr_utf16_from8(dbr_utf16 *out, size_t cap, const char *s);
int dbr_utf8_from16(char *out, size_t cap, const dbr_utf16 *w);

#endif
