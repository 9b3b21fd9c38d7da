/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From an authenticated client to its keys, one step after the other. A step is passed, refuses, or waits for
 * somebody: then the session stands without data keys, and client_verdict() goes on from there. Handshakes
 * and frames of others do not notice.
 *
 *     OCSP -> tls-verify -> managers -> name, place, address -> client-connect -> the data keys
 */
#include "control/revocation.h"
#include "control/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char *reason, size_t cap, const char *text)
{
    snprintf(reason, cap, "%s", text);
    return DBR_ERR_CERT;
}

static int by_ocsp(struct client *c, char *reason, size_t cap)
{
    return c->ctl->cfg->ocsp.on ? ocsp_admit(c, reason, cap) : 0;
}

static int by_tls_verify(struct client *c, char *reason, size_t cap)
{
    int err = c->ctl->cfg->tls_verify ? hook_tls_verify(c) : 0;
    return !err || err == DBR_ERR_AGAIN ? err : refuse(reason, cap, "Certificate refused");
}

static int by_managers(struct client *c, char *reason, size_t cap)
{
    int err = c->ctl->cfg->management_client_auth ? management_judge(c) : 0;
    return !err || err == DBR_ERR_AGAIN ? err : refuse(reason, cap, "nobody is there to admit clients");
}

static int by_client_connect(struct client *c, char *reason, size_t cap)
{
    int err = c->ctl->cfg->client_connect ? hook_client_connect(c) : 0;
    return !err || err == DBR_ERR_AGAIN ? err : refuse(reason, cap, "client-connect refused");
}

static int (*const steps[])(struct client *c, char *reason, size_t cap) = {
    by_ocsp, by_tls_verify, by_managers, client_admit, by_client_connect,
};
enum { STEPS = sizeof steps / sizeof *steps };

static int go_on(struct client *c, char *reason, size_t cap)
{
    while (c->adm->step < STEPS) {
        int err = steps[c->adm->step++](c, reason, cap);
        if (err)
            return err;
    }
    return 0;
}

int admit_begin(struct client *c, char *reason, size_t cap)
{
    c->adm->step = 0;
    return go_on(c, reason, cap);
}

bool admit_waits_for_ocsp(const struct client *c)
{
    return c->adm && c->adm->step && steps[c->adm->step - 1] == by_ocsp;
}

void client_verdict(struct client *c, int err, const char *reason)
{
    char text[192];
    if (!c->session || dbr_session_state(c->session) != DBR_SESSION_VERDICT)
        return; /* it did not wait so long */
    snprintf(text, sizeof text, "%s", reason);
    if (!err)
        err = go_on(c, text, sizeof text);
    if (err == DBR_ERR_AGAIN)
        return;
    dbr_session_verdict(c->session, err, text, &c->ctl->now);
    client_settle(c);
}

int admit_more(struct client *c, const char *text, size_t len)
{
    struct admitted *a = c->adm;
    size_t was = a->more ? strlen(a->more) : 0;
    if (!len)
        return 0;
    if (memchr(text, 0, len))
        return DBR_ERR_SHAPE;
    char *more = realloc(a->more, was + len + 2);
    if (!more)
        return DBR_ERR_NOMEM;
    memcpy(more + was, text, len);
    more[was + len] = '\n';
    more[was + len + 1] = 0;
    a->more = more;
    return c->stage != STAGE_ADMITTED || options_again(c) ? 0 : DBR_ERR_CONFIG;
}
