/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SIGHUP: the configuration and every file that it names are read again, all before anything changes, and go
 * to control in one piece. A file that cannot be read ends the reload with one line, and everything stays as
 * it was. What is in them is for control to judge.
 */
#include "keeper/keeper.h"
#include "base/err.h"
#include "base/secret.h"
#include "conf/reload.h"
#include "ipc/blank.h"
#include "ipc/bundle.h"
#include "keeper/keys.h"
#include "keeper/wholefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reading {
    struct keeper *k;
    const struct dbr_config *config;
    struct dbr_bundle bundle;
};

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    struct reading *r = arg;
    dbr_log(&r->k->log, DBR_LOG_ERROR, "%s%s", severity == DBR_CONF_WARNING ? "WARNING: " : "", line);
}

/* Where there is a signer, control gets no private key, from whatever file. */
static int add(struct reading *r, const char *path, const char *text, size_t len, bool config)
{
    if (!r->k->has_signer)
        return dbr_bundle_add(&r->bundle, path, text, len);
    char *blanked = malloc(len + 1);
    if (!blanked)
        return DBR_ERR_NOMEM;
    memcpy(blanked, text, len);
    dbr_blank_keys(blanked, len, config);
    int err = dbr_bundle_add(&r->bundle, path, blanked, len);
    dbr_wipe(blanked, len);
    free(blanked);
    return err;
}

static int read_config(void *arg, const char *path, char **text, size_t *len)
{
    struct reading *r = arg;
    int err = whole_file(path, text, len);
    return err ? err : add(r, path, *text, *len, true);
}

/* The signer gets them by another way (keys.c). */
static bool is_signers(const struct keeper *k, enum dbr_directive which)
{
    return k->has_signer && (which == DBR_D_key || which == DBR_D_pkcs12 || which == DBR_D_askpass);
}

static int add_file(void *arg, enum dbr_directive which, const char *path)
{
    struct reading *r = arg;
    char *text;
    size_t len;
    unsigned line;
    if (is_signers(r->k, which))
        return 0;
    int err = whole_file(path, &text, &len);
    if (!err) {
        err = add(r, path, text, len, false);
        dbr_wipe(text, len);
        free(text);
    }
    if (!err)
        return 0;
    const char *file = dbr_config_where(r->config, which, &line);
    dbr_log(&r->k->log, DBR_LOG_ERROR,
            "%s:%u: %s: cannot read %s: %s; correct it and send SIGHUP again: nothing was changed", file,
            line, dbr_directive_info(which)->keyword, path,
            err == DBR_ERR_IO || err == DBR_ERR_NOTFOUND ? strerror(errno) : dbr_err_text(err));
    return err;
}

static int add_folder(struct reading *r, const char *dir)
{
    char name[DBR_CAPATH_NAME], *text;
    size_t len;
    int err = 0;
    for (int kind = 0; !err && kind < DBR_CAPATH_KINDS; kind++) {
        err = dbr_capath_read(dir, (enum dbr_capath_kind)kind, &text, &len);
        if (!err)
            err = dbr_bundle_add(&r->bundle, dbr_capath_bundled(dir, (enum dbr_capath_kind)kind, name), text,
                                 len);
        free(text);
    }
    if (err)
        dbr_log(&r->k->log, DBR_LOG_ERROR, "capath: cannot read %s: %s; nothing was changed", dir,
                err == DBR_ERR_IO ? strerror(errno) : dbr_err_text(err));
    return err;
}

static void unchanged(void *arg, const char *keyword, bool taken)
{
    struct keeper *k = arg;
    dbr_log(&k->log, DBR_LOG_NOTICE,
            taken ? "reload: %s has changed"
                  : "WARNING: reload: %s cannot change while the daemon runs: restart it",
            keyword);
}

/* Keeper's own copy is what a restarted control begins with. */
static void take_over(struct keeper *k, struct dbr_config *fresh)
{
    if (dbr_config_take(k->config, fresh, k->has_fetch, unchanged, k))
        return;
    k->log.verb = k->config->verb;
    keeper_watch_lists(k);
    k->withdrawn.path = k->config->tls_crypt_v2_withdrawn;
    watch_forget(&k->withdrawn);
}

static int send_bundle(struct keeper *k, const struct dbr_bundle *b)
{
    struct dbr_ipc_file m = {.head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0), .what = DBR_FILE_BUNDLE};
    int fd = dbr_bundle_write(b);
    int err = fd < 0 ? fd : dbr_ipc_send(k->child[CHILD_CONTROL].ipc, &m, fd);
    if (fd >= 0)
        close(fd);
    return err;
}

static int read_all(struct reading *r, struct dbr_config *fresh)
{
    struct keeper *k = r->k;
    const struct dbr_conf_diag diag = {.say = say, .read = read_config, .arg = r};
    int err = k->home_fd >= 0 && fchdir(k->home_fd) ? DBR_ERR_IO : dbr_config_init(fresh);
    if (!err)
        err = dbr_config_args(fresh, k->argc, k->argv, &diag);
    if (!err)
        err = dbr_config_finish(fresh, &diag);
    /* also after a failure: files are named relative to it */
    if (k->config->cd && chdir(k->config->cd))
        dbr_log(&k->log, DBR_LOG_ERROR, "cd: %s: %s", k->config->cd, strerror(errno));
    if (!err && fresh->capath)
        err = add_folder(r, fresh->capath);
    return err ? err : dbr_config_files(fresh, add_file, r);
}

void reload(struct keeper *k)
{
    static struct dbr_config fresh; /* large */
    struct reading r = {.k = k, .config = &fresh};
    dbr_log(&k->log, DBR_LOG_NOTICE, "SIGHUP received, the configuration is read again");
    memset(&fresh, 0, sizeof fresh);
    int err = !k->child[CHILD_CONTROL].ready || !k->argv ? DBR_ERR_STATE : read_all(&r, &fresh);
    if (!err && k->has_signer)
        err = keys_send(k, &fresh);
    if (!err)
        err = send_bundle(k, &r.bundle);
    if (!err)
        take_over(k, &fresh);
    else
        dbr_log(&k->log, DBR_LOG_ERROR, "reload: given up (%s); everything stays as it was",
                dbr_err_text(err));
    dbr_config_free(&fresh);
    dbr_bundle_free(&r.bundle);
}
