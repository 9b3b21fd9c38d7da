/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service's parts on Windows: a TAP of tapw, and netcfg for that TAP alone. One connection at a time, so
 * one of each; the service's thread only.
 */
#include "client-win/service/service_win.h"

#include "base/err.h"
#include "client-win/netcfg/apply.h"
#include "client-win/tapw/tapw.h"

#include <stdio.h>
#include <string.h>

static struct {
    struct dbr_netcfg_job job;
    struct dbr_netcfg wanted;
    bool open;
} now;

static void recover(void *arg, void (*note)(void *log, const char *line), void *log)
{
    char why[DBR_NET_WHY] = "", line[DBR_NET_WHY + 64];
    (void)arg;
    int n = dbr_netcfg_recover(why);
    if (n == 0)
        return;
    if (n > 0)
        snprintf(line, sizeof line, "Network settings of an earlier run were taken back on %d adapters", n);
    else
        snprintf(line, sizeof line, "Network settings of an earlier run are not taken back: %s", why);
    note(log, line);
}

static int open_tap(void *arg, HANDLE *tap, char *why, size_t cap)
{
    struct dbr_tapw t;
    char reason[DBR_TAPW_WHY] = "";
    (void)arg;
    int err = dbr_tapw_open(&t, reason);
    if (err) {
        dbr_utf8_line(why, cap, reason);
        return err;
    }
    memset(&now, 0, sizeof now);
    now.open = true;
    now.job.luid = t.adapter.luid;
    snprintf(now.job.guid, sizeof now.job.guid, "%s", t.adapter.guid);
    *tap = t.handle;
    return 0;
}

static int do_net(const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    int err = dbr_netcfg_take(&now.wanted, m, why);
    if (!err && m->type == DBR_PM_NET_APPLY)
        err = dbr_netcfg_apply(&now.job, &now.wanted, why);
    if (!err && m->type == DBR_PM_NET_CLEAR)
        err = dbr_netcfg_undo(&now.job, why);
    return err;
}

static uint32_t net(void *arg, const struct dbr_pm *m, char *why, size_t cap)
{
    char reason[DBR_NET_WHY] = "";
    (void)arg;
    int err = now.open ? do_net(m, reason) : DBR_ERR_STATE;
    dbr_utf8_line(why, cap, reason);
    return (uint32_t)-err;
}

static void close_tap(void *arg, void (*note)(void *log, const char *line), void *log)
{
    char why[DBR_NET_WHY] = "", line[DBR_NET_WHY + 64];
    (void)arg;
    if (now.open && dbr_netcfg_undo(&now.job, why) != 0) {
        snprintf(line, sizeof line, "Network settings are not taken back: %s", why);
        note(log, line);
    }
    memset(&now, 0, sizeof now);
}

const struct dbr_service_parts *dbr_service_windows_parts(void)
{
    static const struct dbr_service_parts parts = {NULL, recover, open_tap, net, close_tap};
    return &parts;
}
