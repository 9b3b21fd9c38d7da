/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * User names and passwords of clients: what they say in each key message, who checks it, and what follows
 * from a name. A client that has been let in under a name keeps it until it goes. The password is kept for as
 * long as somebody is asked about it, never logged, and wiped.
 *
 * Source: OpenVPN 2.6 ssl_verify.c verify_user_pass.
 */
#include "base/secret.h"
#include "control/state.h"
#include "proto/keymsg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_AS_CN = 64 };

struct login {
    char user[DBR_USERPASS_MAX];
    char password[DBR_USERPASS_MAX]; /* while it is judged */
    bool locked;                     /* it is in under this name */
    bool is_cn;                      /* and its certificate's does not count */
    bool changed;                    /* it says another name than the one it is in under */
};

const char *login_user(const struct client *c)
{
    return c->adm && c->adm->login ? c->adm->login->user : "";
}

const char *login_password(const struct client *c)
{
    return c->adm && c->adm->login ? c->adm->login->password : "";
}

const char *client_name(const struct client *c)
{
    const struct login *l = c->adm->login;
    return l && l->is_cn ? l->user : dbr_session_peer(c->session)->cn;
}

void login_forget(struct client *c)
{
    if (c->adm && c->adm->login)
        dbr_wipe(c->adm->login->password, sizeof c->adm->login->password);
}

void login_free(struct admitted *a)
{
    if (a->login)
        dbr_wipe(a->login, sizeof *a->login);
    free(a->login);
    a->login = NULL;
}

/* ---- what a key message says ---- */

/* As OpenVPN has it: control characters become _, all else stays as it is. */
static void take_text(char out[DBR_USERPASS_MAX], const char *text)
{
    size_t n = 0;
    for (; text[n] && n + 1 < DBR_USERPASS_MAX; n++)
        out[n] = (uint8_t)text[n] < 0x20 || text[n] == 0x7f ? '_' : text[n];
    out[n] = 0;
}

static bool judged(const struct dbr_config *cfg)
{
    return cfg->auth_user_pass_verify.command || cfg->management_client_auth;
}

int login_heard(struct client *c)
{
    struct admitted *a = c->adm;
    char user[DBR_USERPASS_MAX];
    take_text(user, dbr_session_username(c->session));
    if (!judged(c->ctl->cfg))
        return 0;
    if (!a->login)
        a->login = calloc(1, sizeof *a->login);
    if (!a->login)
        return DBR_ERR_NOMEM;
    a->login->changed = a->login->locked && strcmp(user, a->login->user) != 0;
    if (!a->login->locked)
        memcpy(a->login->user, user, sizeof user);
    take_text(a->login->password, dbr_session_password(c->session));
    return 0;
}

/* ---- verdicts ---- */

static int refuse(struct client *c, char *reason, size_t cap, const char *line, const char *text)
{
    client_log(c, DBR_LOG_NOTICE, "TLS Auth Error: %s", line);
    snprintf(reason, cap, "%s", text);
    return DBR_ERR_CERT;
}

int login_check(struct client *c, char *reason, size_t cap)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    const struct login *l = c->adm->login;
    if (l && l->changed)
        return refuse(c, reason, cap, "the user name has changed in a renegotiation", "");
    if (cfg->username_as_common_name && strlen(login_user(c)) > NAME_MAX_AS_CN)
        return refuse(c, reason, cap, "the user name is too long for username-as-common-name", "");
    if (!cfg->auth_user_pass_verify.command)
        return 0;
    if (!*login_user(c) && !cfg->auth_user_pass_optional)
        return refuse(c, reason, cap, "peer provided a blank username",
                      "this server wants a user name and a password (auth-user-pass)");
    return hook_user_pass(c);
}

int login_checked(struct client *c, const struct dbr_ipc_hook_done *m)
{
    (void)c;
    return m->err ? DBR_ERR_CERT : 0;
}

int login_settle(struct client *c, char *reason, size_t cap)
{
    struct login *l = c->adm->login;
    char safe[256];
    (void)reason;
    (void)cap;
    login_forget(c);
    if (!l || l->locked)
        return 0;
    l->locked = true;
    if (!*l->user)
        return 0;
    l->is_cn = c->ctl->cfg->username_as_common_name;
    if (l->is_cn)
        client_rename(c, l->user);
    client_log(c, DBR_LOG_NOTICE, "TLS: Username/Password authentication succeeded for username '%s'%s",
               dbr_log_escape(safe, sizeof safe, l->user, strlen(l->user)), l->is_cn ? " [CN SET]" : "");
    return 0;
}
