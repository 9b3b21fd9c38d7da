/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdint.h>
#include <stdio.h>

void dbr_vlog(const struct dbr_log *log, int level, const char *fmt, va_list ap)
{
    char line[1024];
    if (!log || !log->sink || level > log->verb)
        return;
    vsnprintf(line, sizeof line, fmt, ap);
    log->sink(log->arg, level, line);
}

void dbr_log(const struct dbr_log *log, int level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    dbr_vlog(log, level, fmt, ap);
    va_end(ap);
}

const char *dbr_log_escape(char *out, size_t cap, const void *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    size_t o = 0;
    for (size_t i = 0; i < n; i++) {
        int plain = p[i] >= 0x20 && p[i] <= 0x7e && p[i] != '\\';
        if (o + (plain ? 1 : 4) >= cap)
            break;
        if (plain) {
            out[o++] = (char)p[i];
            continue;
        }
        out[o++] = '\\';
        out[o++] = 'x';
        out[o++] = hex[p[i] >> 4];
        out[o++] = hex[p[i] & 15];
    }
    out[o] = 0;
    return out;
}
