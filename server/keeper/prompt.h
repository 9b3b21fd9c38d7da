/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One question to whoever started us: on the terminal, or through systemd-ask-password where there is none.
 * Blocks until it is answered. Keeper before it serves, or a process of its own.
 */
#ifndef DBR_KEEPER_PROMPT_H
#define DBR_KEEPER_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

/* Asks `question` (without its blank at the end); echo: what is typed may be seen. The answer goes to out
 * (cap bytes with its NUL) without the line's end. False when there is nobody to ask, or he does not answer.
 */
bool prompt_line(const char *question, bool echo, char *out, size_t cap);

#endif
