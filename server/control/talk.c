/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Log lines about a client. What a far end can cause is rationed: so many lines in ten seconds for each
 * admitted client, so many for all strangers together, then only their number. A flood of strangers or a
 * client that plays with its MAC addresses must not fill the disk.
 */
#include "control/state.h"

#include <stdarg.h>
#include <stdio.h>

#define RATION_NS 10000000000ull
enum { STRANGERS_LINES = 200, CLIENT_LINES = 60 };

static void write_line(const struct client *c, int level, const char *text)
{
    char at[DBR_ADDR_TEXT];
    dbr_addr_text(&c->addr, at);
    if (c->ctl->boot->client)
        dbr_log(c->ctl->log, level, "%s", text);
    else if (c->adm && *c->adm->cn)
        dbr_log(c->ctl->log, level, "%s/%s %s", c->adm->cn, at, text);
    else
        dbr_log(c->ctl->log, level, "%s %s", at, text);
}

/* True if one more line may be written; at the turn of the ten seconds it tells what was left out. */
static bool take_ration(struct client *c, struct ration *r, unsigned lines)
{
    char text[96];
    uint64_t now = c->ctl->now.ns;
    if (now >= r->until_ns) {
        if (r->dropped) {
            snprintf(text, sizeof text, "%u more lines %s were left out", r->dropped,
                     c->adm ? "of this client" : "about strangers");
            write_line(c, DBR_LOG_NOTICE, text);
        }
        *r = (struct ration){.until_ns = now + RATION_NS};
    }
    if (r->said < lines) {
        r->said++;
        return true;
    }
    r->dropped++;
    return false;
}

void client_log(struct client *c, int level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (level > c->ctl->log->verb)
        return;
    if (level <= DBR_LOG_INFO && !take_ration(c, c->adm ? &c->lines : &c->ctl->stranger_lines,
                                              c->adm ? CLIENT_LINES : STRANGERS_LINES))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    write_line(c, level, text);
}
