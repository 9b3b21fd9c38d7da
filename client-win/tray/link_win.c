/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The connection to the service. A thread of the pool waits for its event and posts a message, so that menus
 * and message boxes, which have loops of their own, keep nothing waiting. See parts_win.h.
 */
#include "parts_win.h"

#include "base/err.h"

#include <string.h>

static void CALLBACK on_event(void *window, BOOLEAN timeout)
{
    (void)timeout;
    PostMessageW(window, WM_TRAY_LINK, 0, 0);
}

static void disarm(struct link *l)
{
    if (l->wait != NULL)
        UnregisterWaitEx(l->wait, INVALID_HANDLE_VALUE);
    l->wait = NULL;
}

static int arm(struct link *l)
{
    disarm(l);
    bool good = RegisterWaitForSingleObject(&l->wait, l->client.event, on_event, l->window, INFINITE,
                                            WT_EXECUTEONLYONCE);
    return good ? DBR_ERR_AGAIN : DBR_ERR_IO;
}

int link_open(struct link *l, char *why, size_t cap)
{
    memset(&l->client, 0, sizeof l->client);
    int err = dbr_pipe_client_open(&l->client, why, cap);
    l->open = err == 0;
    if (err != 0) {
        l->failures++;
        return err;
    }
    l->failures = 0;
    PostMessageW(l->window, WM_TRAY_LINK, 0, 0);
    return 0;
}

void link_close(struct link *l)
{
    disarm(l);
    if (l->open)
        dbr_pipe_client_close(&l->client);
    l->open = false;
}

UINT link_pause_ms(const struct link *l)
{
    unsigned doublings = l->failures > 1 ? l->failures - 1 : 0;
    return doublings > 4 ? 30000u : 1000u << doublings;
}

int link_take(struct link *l, struct dbr_pm *m)
{
    int err = l->open ? dbr_pipe_client_take(&l->client, m) : DBR_ERR_IO;
    if (err == DBR_ERR_AGAIN)
        err = arm(l);
    if (err != 0 && err != DBR_ERR_AGAIN)
        link_close(l);
    return err;
}

int link_send(struct link *l, const struct dbr_pm *m)
{
    int err = l->open ? dbr_pipe_client_send(&l->client, m) : DBR_ERR_IO;
    if (err != 0)
        link_close(l);
    return err;
}
