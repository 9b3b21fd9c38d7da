/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/why.h"

#include "client-win/base/utf.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE = 2048 };

int keys_complain(int err, char *why, size_t cap, const char *fmt, ...)
{
    char line[LINE];
    va_list ap;
    if (!cap)
        return err;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    dbr_utf8_line(why, cap, line);
    return err;
}
