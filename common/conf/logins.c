/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shapes of what asks clients for user names and passwords, and what must hold between those directives.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/logins.h"

/* ---- auth-user-pass-verify COMMAND via-env|via-file ---- */

static void drop_login_script(void *member)
{
    struct dbr_conf_login_script *v = member;
    conf_drop_string(&v->command);
    v->via_file = false;
}

static int set_login_script(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_login_script *v = member;
    int index = 0;
    (void)argc; /* two, says the synopsis */
    int rc = conf_take_choice(p, argv[1], "via-env|via-file", &index);
    if (rc == 0)
        rc = conf_take_string(p, &v->command, argv[0]);
    if (rc == 0)
        v->via_file = index == 1;
    return rc;
}

static void show_login_script(struct show *s, const void *member)
{
    const struct dbr_conf_login_script *v = member;
    if (!v->command)
        return;
    conf_show_begin(s);
    conf_show_word(s, v->command);
    conf_show_word(s, v->via_file ? "via-file" : "via-env");
    conf_show_end(s);
}

/* ---- auth-gen-token [LIFETIME [RENEWAL] [external-auth]] ---- */

static int set_token(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_token v = {.on = true};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < argc; i++) {
        if (i && strcmp(argv[i], "external-auth") == 0)
            v.external = true;
        else if (i < 2)
            rc = conf_take_int(p, argv[i], i ? &v.renewal_s : &v.lifetime_s);
        else
            rc = conf_error(p, "'%.32s' is not known here; write external-auth", argv[i]);
    }
    if (rc == 0)
        *(struct dbr_conf_token *)member = v;
    return rc;
}

static void show_token(struct show *s, const void *member)
{
    const struct dbr_conf_token *v = member;
    if (!v->on)
        return;
    conf_show_begin(s);
    conf_show_format(s, " %d", v->lifetime_s);
    if (v->renewal_s)
        conf_show_format(s, " %d", v->renewal_s);
    if (v->external)
        conf_show_word(s, "external-auth");
    conf_show_end(s);
}

const struct shape conf_logins[SHAPE_COUNT] = {
    [SHAPE_LOGIN_SCRIPT] = {set_login_script, show_login_script, drop_login_script},
    [SHAPE_TOKEN] = {set_token, show_token, NULL},
};

/* ---- what must hold ---- */

static struct parse *at(struct parse *p, enum dbr_directive which)
{
    p->which = which;
    p->file = dbr_config_where(p->cfg, which, &p->line);
    return p;
}

static void check_token(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    struct dbr_conf_token *t = &cfg->auth_gen_token;
    long long least = 2LL * cfg->hand_window;
    if (!t->on)
        return;
    if (!cfg->reneg_sec)
        conf_error(at(p, DBR_D_auth_gen_token),
                   "tokens are renewed at renegotiations, and reneg-sec 0 makes none; write: reneg-sec 3600");
    if (t->renewal_s && t->renewal_s < least)
        conf_error(at(p, DBR_D_auth_gen_token),
                   "the renewal time must be at least two times hand-window; write %lld or more", least);
    if (!t->renewal_s)
        t->renewal_s = cfg->reneg_sec;
}

void conf_check_logins(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    static const enum dbr_directive needy[] = {DBR_D_auth_user_pass_optional, DBR_D_username_as_common_name,
                                               DBR_D_auth_gen_token};
    const bool on[] = {cfg->auth_user_pass_optional, cfg->username_as_common_name, cfg->auth_gen_token.on};
    bool judged = cfg->auth_user_pass_verify.command || cfg->management_client_auth;
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++)
        if (on[i] && !judged)
            conf_error(at(p, needy[i]),
                       "nobody checks the passwords; add: auth-user-pass-verify COMMAND via-file");
    if (DBR_IS_SET(cfg, auth_gen_token_secret) && !cfg->auth_gen_token.on)
        conf_error(at(p, DBR_D_auth_gen_token_secret), "there are no tokens to sign; add: auth-gen-token");
    if (cfg->auth_user_pass_verify.command && !cfg->auth_user_pass_verify.via_file &&
        cfg->script_security < 3)
        conf_warn(at(p, DBR_D_auth_user_pass_verify),
                  "the script gets no password: via-env needs script-security 3; via-file needs 2 only");
    if (cfg->tls_export_cert && !cfg->tls_verify)
        conf_warn(at(p, DBR_D_tls_export_cert), "has no effect: nobody looks at the files; add tls-verify");
    check_token(p);
}
