/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/tapw/tapw.h"

#include "base/err.h"
#include "client-win/base/utf.h"
#include "client-win/tapw/facts.h"
#include "client-win/tapw/ioctl_win.h"

#include <stdio.h>
#include <string.h>

/* One call that waits for its answer of exactly n bytes. The event's lowest bit keeps the answer out of a
 * completion port (Microsoft, "GetQueuedCompletionStatus function"). */
static int control(HANDLE h, DWORD code, void *data, DWORD n)
{
    DWORD got = 0;
    OVERLAPPED o = {0};
    HANDLE done = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!done)
        return DBR_ERR_IO;
    o.hEvent = (HANDLE)((ULONG_PTR)done | 1);
    BOOL ok = DeviceIoControl(h, code, data, n, data, n, &got, &o);
    if (!ok && GetLastError() == ERROR_IO_PENDING)
        ok = GetOverlappedResult(h, &o, &got, TRUE);
    CloseHandle(done);
    return ok && got == n ? 0 : DBR_ERR_IO;
}

int dbr_tapw_media(void *handle, bool up)
{
    ULONG status = up;
    return control(handle, TAPW_SET_MEDIA, &status, sizeof status);
}

int dbr_tapw_mac(void *handle, uint8_t mac[6])
{
    return control(handle, TAPW_GET_MAC, mac, 6);
}

int dbr_tapw_mtu(void *handle, uint32_t *mtu)
{
    ULONG v = 0;
    int err = control(handle, TAPW_GET_MTU, &v, sizeof v);
    *mtu = v;
    return err;
}

int dbr_tapw_version(void *handle, uint32_t *major, uint32_t *minor)
{
    ULONG v[3] = {0};
    int err = control(handle, TAPW_GET_VERSION, v, sizeof v);
    *major = v[0];
    *minor = v[1];
    return err;
}

static HANDLE open_device(const struct dbr_tapw_adapter *a)
{
    char path[64];
    wchar_t wide[64];
    snprintf(path, sizeof path, "\\\\.\\Global\\%s.tap", a->guid);
    if (dbr_utf16_from8(wide, 64, path) != 0)
        return INVALID_HANDLE_VALUE;
    return CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                       FILE_ATTRIBUTE_SYSTEM | FILE_FLAG_OVERLAPPED, NULL);
}

/* The driver says no to a second handle by STATUS_UNSUCCESSFUL, Windows by one of the others. */
static void count_failure(struct tapw_tally *y, DWORD error)
{
    switch (error) {
    case ERROR_GEN_FAILURE:
    case ERROR_SHARING_VIOLATION:
    case ERROR_ACCESS_DENIED:
    case ERROR_BUSY: y->busy++; break;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: y->off++; break;
    default: y->failed++;
    }
}

static bool try_one(struct dbr_tapw *t, const struct dbr_tapw_adapter *a, struct tapw_tally *y)
{
    if (a->luid == 0) {
        y->gone++;
        return false;
    }
    HANDLE h = open_device(a);
    if (h == INVALID_HANDLE_VALUE) {
        count_failure(y, GetLastError());
        return false;
    }
    bool answers = dbr_tapw_version(h, &t->major, &t->minor) == 0;
    if (answers && tapw_age(t->major, t->minor) != TAPW_TOO_OLD) {
        t->adapter = *a;
        t->handle = h;
        return true;
    }
    y->too_old += answers;
    y->failed += !answers;
    CloseHandle(h);
    return false;
}

static int open_first(struct dbr_tapw *t, struct tapw_tally *y)
{
    struct dbr_tapw_adapter all[DBR_TAPW_ADAPTERS];
    memset(t, 0, sizeof *t);
    int n = dbr_tapw_list(all, DBR_TAPW_ADAPTERS);
    for (int i = 0; i < n; i++) {
        y->adapters++;
        if (try_one(t, &all[i], y))
            return 0;
    }
    return DBR_ERR_NOTFOUND;
}

int dbr_tapw_open(struct dbr_tapw *t, char why[DBR_TAPW_WHY])
{
    struct tapw_tally y = {0};
    int err = open_first(t, &y);
    snprintf(why, DBR_TAPW_WHY, "%s", err ? tapw_reason(&y) : "");
    return err;
}

void dbr_tapw_close(struct dbr_tapw *t)
{
    if (t->handle)
        CloseHandle(t->handle);
    t->handle = NULL;
}

bool dbr_tapw_check(char line[DBR_TAPW_WHY])
{
    struct dbr_tapw t;
    struct tapw_tally y = {0};
    if (open_first(&t, &y) != 0) {
        snprintf(line, DBR_TAPW_WHY, "TAP adapter: %s", tapw_reason(&y));
        return false;
    }
    bool old = tapw_age(t.major, t.minor) == TAPW_OLD;
    snprintf(line, DBR_TAPW_WHY, "TAP adapter: %.80s, driver %u.%u%s",
             t.adapter.name[0] ? t.adapter.name : t.adapter.guid, (unsigned)t.major, (unsigned)t.minor,
             old ? "; a newer one mends a security hole (CVE-2024-1305): install tap-windows6 9.27" : "");
    dbr_tapw_close(&t);
    return true;
}
