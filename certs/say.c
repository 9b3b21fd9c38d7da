/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/say.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

int dbr_say(int err, char *why, size_t cap, const char *fmt, ...)
{
    if (!why || !cap)
        return err;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, cap, fmt, ap);
    va_end(ap);
    for (char *p = why; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    return err;
}

const char *dbr_time_text(long long unix_seconds, char out[40])
{
    time_t t = (time_t)unix_seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out, 40, "%Y-%m-%d %H:%M:%S UTC", &tm))
        snprintf(out, 40, "%lld", unix_seconds);
    return out;
}

const char *dbr_hex_text(const void *bytes, size_t n, char *out, size_t cap)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *p = bytes;
    size_t at = 0;
    for (size_t i = 0; i < n && at + 2 < cap; i++) {
        out[at++] = digits[p[i] >> 4];
        out[at++] = digits[p[i] & 15];
    }
    out[at] = 0;
    return out;
}
