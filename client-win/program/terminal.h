/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Questions on the console of this process, never from a file or a pipe that stands for it. One thread.
 */
#ifndef DBR_CW_PROGRAM_TERMINAL_H
#define DBR_CW_PROGRAM_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Asks and reads a line of UTF-8 without its end into out (cap bytes; the caller wipes it). echo: what is
 * typed is shown. 0, DBR_ERR_UNSUPPORTED (there is no console), DBR_ERR_SPACE (too long), DBR_ERR_IO (Ctrl-Z,
 * Ctrl-C). */
int dbr_terminal_ask(const char *question, bool echo, char *out, size_t cap);

#endif
