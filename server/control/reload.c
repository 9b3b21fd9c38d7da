/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A reload: everything new is built aside from what keeper read, and swapped in only when all of it is good.
 * Sessions live on: each keeps the realm (gate and settings) that it began under; the TLS context, which its
 * next renegotiation uses, is the new one for all.
 */
#include "control/gatekey.h"
#include "control/revocation.h"
#include "base/secret.h"
#include "conf/reload.h"
#include "ipc/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- realms ---- */

struct realm *realm_new(struct control *ctl)
{
    struct realm *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->refs = 1;
    r->next = ctl->realms;
    ctl->realms = r;
    return r;
}

struct realm *realm_get(struct realm *r)
{
    if (r)
        r->refs++;
    return r;
}

void realm_put(struct control *ctl, struct realm *r)
{
    if (!r || --r->refs)
        return;
    struct realm **at = &ctl->realms;
    while (*at && *at != r)
        at = &(*at)->next;
    if (*at)
        *at = r->next;
    dbr_gate_free(r->gate);
    dbr_wkc_free(r->wkc);
    dbr_tls_ctx_put(r->session.tls);
    dbr_wipe(r, sizeof *r);
    free(r);
}

/* ---- reading ---- */

struct reading {
    struct control *ctl;
    const struct dbr_bundle *bundle;
};

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg, (void)severity, (void)line; /* keeper has said it */
}

static int read_file(void *arg, const char *path, char **text, size_t *len)
{
    struct reading *r = arg;
    const char *found = dbr_bundle_get(r->bundle, path, len);
    *text = found ? malloc(*len + 1) : NULL;
    if (!found)
        return DBR_ERR_NOTFOUND;
    if (!*text)
        return DBR_ERR_NOMEM;
    memcpy(*text, found, *len);
    (*text)[*len] = 0;
    return 0;
}

static int read_config(struct control *ctl, const struct dbr_bundle *b, struct dbr_config *fresh)
{
    struct reading r = {ctl, b};
    const struct dbr_conf_diag diag = {.say = say, .read = read_file, .arg = &r};
    int err = dbr_config_init(fresh);
    if (!err)
        err = dbr_config_args(fresh, ctl->boot->argc, ctl->boot->argv, &diag);
    return err ? err : dbr_config_finish(fresh, &diag);
}

/* ---- swapping ---- */

/* A control that only serves to build: its realms are handed over, the rest is thrown away. */
static void give_realms(struct control *aside, struct control *ctl)
{
    struct realm **end = &aside->realms;
    while (*end)
        end = &(*end)->next;
    *end = ctl->realms;
    ctl->realms = aside->realms;
    aside->realms = NULL;
    realm_put(ctl, ctl->realm);
    realm_put(ctl, ctl->old_realm);
    ctl->realm = aside->realm;
    ctl->old_realm = aside->old_realm;
    aside->realm = aside->old_realm = NULL;
    for (struct realm *r = ctl->realms; r; r = r->next) {
        struct dbr_tls_ctx *was = r->session.tls;
        r->session.tls = dbr_tls_ctx_get(ctl->realm->session.tls);
        dbr_tls_ctx_put(was);
    }
}

static void give_issuers(struct control *aside, struct control *ctl)
{
    if (aside->issuers) {
        dbr_issuers_free(ctl->issuers);
        ctl->issuers = aside->issuers;
        aside->issuers = NULL;
    }
    if (aside->ca_fd > 0) {
        if (ctl->ca_fd > 0)
            close(ctl->ca_fd);
        ctl->ca_fd = aside->ca_fd;
        aside->ca_fd = 0;
    }
    if (ctl->trust && ctl->issuers)
        dbr_trust_retain(ctl->trust, ctl->issuers);
}

static void swap_in(struct control *ctl, struct control *aside, struct dbr_config *fresh)
{
    give_realms(aside, ctl);
    give_issuers(aside, ctl);
    dbr_withdrawn_free(&ctl->withdrawn);
    ctl->withdrawn = aside->withdrawn;
    aside->withdrawn = (struct dbr_withdrawn){0};
    dbr_config_take(ctl->own_cfg, fresh, ctl->boot->ipc_fetch >= 0, NULL, NULL);
    ctl->own_log.verb = ctl->cfg->verb;
    memset(&ctl->rules, 0, sizeof ctl->rules);
    verdict_rules(ctl);
    ctl->crl_wanted = lists_wanted(ctl->cfg);
    if (revocation_policy(ctl))
        dbr_log(ctl->log, DBR_LOG_ERROR, "reload: no memory for revocation: nobody can connect");
    ctl->crl_alarm_ns = ctl->now.ns;
    revocation_tell(ctl);
}

void control_reload(struct control *ctl, int fd)
{
    static struct dbr_config fresh; /* large */
    struct control *aside = calloc(1, sizeof *aside);
    struct dbr_bundle b = {0};
    memset(&fresh, 0, sizeof fresh);
    int err = aside ? dbr_bundle_read(&b, fd) : DBR_ERR_NOMEM;
    if (!err)
        err = read_config(ctl, &b, &fresh);
    if (!err) {
        aside->boot = ctl->boot;
        aside->cfg = &fresh;
        aside->log = ctl->log;
        aside->now = ctl->now;
        aside->bundle = &b;
        aside->real = ctl;
        aside->data_ciphers = ctl->data_ciphers;
        aside->crl_wanted = lists_wanted(&fresh);
        err = control_load_realm(aside);
    }
    if (!err) {
        swap_in(ctl, aside, &fresh);
        signer_use(ctl);
        withdrawn_cut(ctl);
        clients_revoke(ctl); /* whose fingerprint is gone */
    }
    dbr_log(ctl->log, err ? DBR_LOG_ERROR : DBR_LOG_NOTICE,
            err ? "reload: given up (%s); everything stays as it was" : "reload: done; sessions live on",
            dbr_err_text(err));
    if (aside) {
        realm_put(aside, aside->realm);
        realm_put(aside, aside->old_realm);
        dbr_issuers_free(aside->issuers);
        dbr_withdrawn_free(&aside->withdrawn);
        if (aside->ca_fd > 0)
            close(aside->ca_fd);
    }
    free(aside);
    dbr_config_free(&fresh);
    dbr_bundle_free(&b);
}
