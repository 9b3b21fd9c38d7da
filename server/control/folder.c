/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * crl-verify FOLDER dir: the set of serials that keeper reads off the folder. Read here once at the start,
 * before rights are given up; from then on keeper hands over the names (ipc/revoked.h).
 */
#include "control/revocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path_of(const struct control *ctl)
{
    return ctl->cfg->crl_verify.path ? ctl->cfg->crl_verify.path : "crl-verify";
}

bool folder_wanted(const struct dbr_config *cfg)
{
    return DBR_IS_SET(cfg, crl_verify) && cfg->crl_verify.dir;
}

bool lists_wanted(const struct dbr_config *cfg)
{
    return (DBR_IS_SET(cfg, crl_verify) && !cfg->crl_verify.dir) || DBR_IS_SET(cfg, crl_url) || cfg->capath;
}

/* Text is taken over into the set; an error leaves the old set in force. */
static int take_names(struct control *ctl, const char *text, size_t len)
{
    struct dbr_revoked fresh;
    int err = dbr_revoked_parse(&fresh, text, len);
    if (err) {
        dbr_revoked_free(&fresh);
        return err;
    }
    dbr_revoked_free(&ctl->revoked);
    ctl->revoked = fresh;
    return 0;
}

int folder_load(struct control *ctl, char *why, size_t cap)
{
    char *text = NULL;
    size_t len = 0;
    int err = dbr_revoked_list(path_of(ctl), &text, &len);
    if (err)
        snprintf(why, cap, "%s", err == DBR_ERR_IO ? strerror(errno) : dbr_err_text(err));
    else if ((err = take_names(ctl, text ? text : "", len)))
        snprintf(why, cap, "%s", dbr_err_text(err));
    free(text);
    return err;
}

void folder_changed(struct control *ctl, bool missing, int fd)
{
    size_t len = 0;
    char *text = missing || fd < 0 ? NULL : (char *)control_read_all(fd, &len);
    if (!text || take_names(ctl, text, len)) {
        dbr_log(ctl->log, DBR_LOG_WARN,
                "WARNING: folder %s of crl-verify is gone or cannot be read; the serials known so far stay "
                "revoked",
                path_of(ctl));
        free(text);
        return;
    }
    free(text);
    unsigned ended = clients_revoke(ctl);
    dbr_log(ctl->log, DBR_LOG_NOTICE, "CRL: folder %s: %zu serials revoked; %u live sessions ended",
            path_of(ctl), ctl->revoked.n, ended);
}

bool folder_names(const struct control *ctl, const uint8_t *serial, size_t n)
{
    return folder_wanted(ctl->cfg) && dbr_revoked_has(&ctl->revoked, serial, n);
}

bool folder_spares(const struct client *c)
{
    const struct admitted *a = c->adm;
    const struct chain *h = c->chain;
    if (a && folder_names(c->ctl, a->serial, a->serial_len))
        return false;
    for (size_t i = 0; h && i < h->n; i++)
        if (folder_names(c->ctl, h->link[i].serial, h->link[i].serial_len))
            return false;
    return true;
}
