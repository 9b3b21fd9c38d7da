/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From an authenticated client to its keys, one step after the other. A step is passed, refuses, or waits for
 * somebody: then the session stands without data keys, and client_verdict() goes on from there. Handshakes
 * and frames of others do not notice.
 *
 *     exporter, gate key -> OCSP -> tls-verify -> password -> managers -> name, place, address ->
 * client-connect -> the data keys
 *
 * A renegotiation passes those steps again that look at the certificate and the password; meanwhile the
 * client lives on under the keys that it has.
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

static int by_exporter(struct client *c, char *reason, size_t cap)
{
    const struct dbr_peer_info *info = dbr_session_peer_info(c->session);
    if (!c->ctl->cfg->force_tls_key_material_export || (info && info->iv_proto & DBR_IV_TLS_KEY_EXPORT))
        return 0;
    client_log(c, DBR_LOG_NOTICE, "force-tls-key-material-export: the client cannot do it");
    return refuse(reason, cap,
                  "Client incompatible with this server. Keying Material Exporters (RFC 5705) support "
                  "missing. Upgrade to a client that supports this feature (OpenVPN 2.6.0+).");
}

static int by_gate_key(struct client *c, char *reason, size_t cap)
{
    int err = c->ctl->cfg->tls_crypt_v2_verify && c->gate_id ? hook_gate_key(c) : 0;
    return !err || err == DBR_ERR_AGAIN ? err : refuse(reason, cap, "Gate key refused");
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
    int err = c->ctl->cfg->management_client_auth && !login_proved(c) ? management_judge(c) : 0;
    return !err || err == DBR_ERR_AGAIN ? err : refuse(reason, cap, "nobody is there to admit clients");
}

static int by_client_connect(struct client *c, char *reason, size_t cap)
{
    int err = c->ctl->cfg->client_connect ? hook_client_connect(c) : 0;
    return !err || err == DBR_ERR_AGAIN ? err : refuse(reason, cap, "client-connect refused");
}

typedef int step(struct client *c, char *reason, size_t cap);
static step *const first_steps[] = {
    by_exporter, by_gate_key,  by_ocsp,      by_tls_verify,     login_check,
    by_managers, login_settle, client_admit, by_client_connect, NULL,
};
static step *const later_steps[] = {by_tls_verify, login_check, by_managers, login_settle, NULL};

static step *const *steps_of(const struct client *c)
{
    return c->adm->again ? later_steps : first_steps;
}

static int go_on(struct client *c, char *reason, size_t cap)
{
    int err = 0;
    for (step *s; !err && (s = steps_of(c)[c->adm->step]);) {
        c->adm->step++;
        err = s(c, reason, cap);
    }
    if (err && err != DBR_ERR_AGAIN)
        login_forget(c);
    return err;
}

int admit_begin(struct client *c, char *reason, size_t cap)
{
    c->adm->step = 0;
    return go_on(c, reason, cap);
}

int admit_again(struct client *c, char *reason, size_t cap)
{
    c->adm->again = true;
    c->adm->kid++;
    c->adm->verified = 0;
    c->adm->step = 0;
    return go_on(c, reason, cap);
}

bool admit_waits_for_ocsp(const struct client *c)
{
    return c->adm && c->adm->step && steps_of(c)[c->adm->step - 1] == by_ocsp;
}

void client_verdict(struct client *c, int err, const char *reason)
{
    char text[192];
    if (!c->session || !dbr_session_waits(c->session))
        return; /* it did not wait so long */
    snprintf(text, sizeof text, "%s", reason);
    if (!err)
        err = go_on(c, text, sizeof text);
    else
        login_forget(c);
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
