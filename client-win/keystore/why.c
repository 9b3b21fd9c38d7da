/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/why.h"

#include <stdarg.h>
#include <stdio.h>

int keys_complain(int err, char *why, size_t cap, const char *fmt, ...)
{
    va_list ap;
    if (!cap)
        return err;
    va_start(ap, fmt);
    vsnprintf(why, cap, fmt, ap);
    va_end(ap);
    for (unsigned char *c = (unsigned char *)why; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    return err;
}
