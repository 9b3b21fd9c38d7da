/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/why.h"

#include <stdarg.h>
#include <stdio.h>

int dbr_why(struct dbr_why *why, int err, const char *fmt, ...)
{
    if (!why)
        return err;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return err;
}
