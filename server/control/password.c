/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * User names and passwords of clients: what they say in each key message, who checks it, and what follows
 * from a name. A client that has been let in under a name keeps it until it goes. The password is kept for as
 * long as somebody is asked about it, never logged, and wiped.
 *
 * With auth-gen-token, a client that has been let in gets a token, and says it in place of the password from
 * then on: at renegotiations, and when it comes again. Nothing of it is kept here but which session it is.
 *
 * Source: OpenVPN 2.6 ssl_verify.c verify_user_pass, auth_token.c.
 */
#include "base/secret.h"
#include "control/state.h"
#include "crypto/b64.h"
#include "proto/keymsg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_AS_CN = 64,
    ANSWER_S = 5, /* keeper answers before that */
    ANSWER_MAX = 1024,
    ANSWERS = 8, /* of one client to one question */
};

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

struct login {
    char user[DBR_USERPASS_MAX];
    char said[DBR_USERPASS_MAX];     /* as it came: another one where override-username counts */
    char password[DBR_USERPASS_MAX]; /* while it is judged */
    bool locked;                     /* it is in under this name */
    bool is_cn;                      /* and its certificate's does not count */
    bool changed;                    /* it says another name than the one it is in under */
    uint8_t answers;                 /* of the client to what it was asked */
    bool by_token;                   /* what it says is a good token, and that is enough */
    const char *state;               /* what it says, as scripts hear it */
    struct dbr_token token;          /* session id and beginning of its tokens; first_s 0: none yet */
    uint64_t renew_ns;               /* when it gets another one unasked; 0: never */
    char push_token[12 + DBR_TOKEN_TEXT], push_user[17 + 4 * DBR_USERPASS_MAX / 3 + 4];
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
    struct login *l = a->login;
    l->changed = l->locked && strcmp(user, l->user) != 0 && strcmp(user, l->said) != 0;
    if (!l->locked) {
        memcpy(l->user, user, sizeof user);
        memcpy(l->said, user, sizeof user);
    }
    l->by_token = false;
    l->answers = 0;
    l->state = "Initial";
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

static int new_session(struct login *l, int64_t unix_s)
{
    if (l->token.first_s)
        return 0;
    l->token.first_s = (uint64_t)unix_s;
    return dbr_random(l->token.sid, sizeof l->token.sid);
}

/* The token in the place of a password; its session goes on. */
static enum dbr_token_verdict judge_token(struct client *c, const char *user, struct dbr_token *t)
{
    const struct dbr_conf_token *cfg = &c->ctl->cfg->auth_gen_token;
    const struct login *l = c->adm->login;
    enum dbr_token_verdict v = dbr_token_check(c->ctl->token_mac, user, l->password, c->ctl->now.unix_s,
                                               (uint32_t)cfg->lifetime_s, (uint32_t)cfg->renewal_s, t);
    bool other = v && l->token.first_s && memcmp(t->sid, l->token.sid, sizeof t->sid) != 0;
    if (other)
        client_log(c, DBR_LOG_NOTICE, "--auth-gen-token: session id in token changed (Rejecting token.");
    return other ? DBR_TOKEN_INVALID : v;
}

/* A token made for the empty name is one of a client that had none then: for external-auth to judge. */
static void say_state(struct client *c, enum dbr_token_verdict v, struct dbr_token *t)
{
    static const char *const names[][2] = {
        {"Invalid", "Invalid"}, {"Authenticated", "AuthenticatedEmptyUser"}, {"Expired", "ExpiredEmptyUser"}};
    bool nobody = !v && (v = judge_token(c, "", t));
    c->adm->login->state = names[v][nobody];
}

/* 0: it is no token, or others are asked all the same; else as login_check(). */
static int by_token(struct client *c, char *reason, size_t cap)
{
    const struct dbr_conf_token *cfg = &c->ctl->cfg->auth_gen_token;
    struct login *l = c->adm->login;
    struct dbr_token t;
    char safe[256];
    if (!cfg->on || !l || !dbr_token_is(l->password))
        return 0;
    enum dbr_token_verdict v = judge_token(c, l->user, &t);
    if (v == DBR_TOKEN_GOOD)
        l->token = t;
    l->by_token = v == DBR_TOKEN_GOOD && !cfg->external;
    if (cfg->external)
        say_state(c, v, &t);
    client_log(c, DBR_LOG_NOTICE, "TLS: Username/auth-token authentication %s for username '%s'",
               v == DBR_TOKEN_GOOD ? "succeeded" : "failed",
               dbr_log_escape(safe, sizeof safe, l->user, strlen(l->user)));
    if (v == DBR_TOKEN_GOOD || cfg->external)
        return 0;
    return v == DBR_TOKEN_EXPIRED
               ? refuse(c, reason, cap, "auth-token from client expired", "SESSION: token expired")
               : refuse(c, reason, cap, "the auth-token is not one of ours", "");
}

bool login_proved(const struct client *c)
{
    return c->adm->login && c->adm->login->by_token;
}

bool login_session(const struct client *c, const char **state, char sid[DBR_TOKEN_SID_TEXT])
{
    struct login *l = c->adm->login;
    if (!c->ctl->cfg->auth_gen_token.on || !l || new_session(l, c->ctl->now.unix_s))
        return false;
    *state = l->state;
    dbr_token_sid_text(&l->token, sid);
    return true;
}

int login_check(struct client *c, char *reason, size_t cap)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    const struct login *l = c->adm->login;
    if (l && l->changed)
        return refuse(c, reason, cap, "the user name has changed in a renegotiation", "");
    if (cfg->username_as_common_name && strlen(login_user(c)) > NAME_MAX_AS_CN)
        return refuse(c, reason, cap, "the user name is too long for username-as-common-name", "");
    int err = by_token(c, reason, cap);
    if (err || login_proved(c) || !cfg->auth_user_pass_verify.command)
        return err;
    if (!*login_user(c) && !cfg->auth_user_pass_optional)
        return refuse(c, reason, cap, "peer provided a blank username",
                      "this server wants a user name and a password (auth-user-pass)");
    return hook_user_pass(c);
}

/* ---- a script that answers later ---- */

int login_say_pending(struct client *c, unsigned seconds, const char *extra)
{
    char text[1024];
    const struct dbr_peer_info *info = dbr_session_peer_info(c->session);
    if (strlen(extra) > sizeof text - 16)
        return DBR_ERR_SPACE;
    snprintf(text, sizeof text, "AUTH_PENDING,timeout %u", seconds);
    if (!info || !(info->iv_proto & DBR_IV_AUTH_PENDING_KW))
        text[strlen("AUTH_PENDING")] = 0;
    int err = dbr_session_say(c->session, text, &c->ctl->now);
    snprintf(text, sizeof text, "INFO_PRE,%s", extra);
    return err ? err : dbr_session_say(c->session, text, &c->ctl->now);
}

/* The client says in IV_SSO what it can ask its user. */
static bool can_ask(const struct client *c, const char *method)
{
    const struct dbr_peer_info *info = dbr_session_peer_info(c->session);
    size_t n = strlen(method);
    for (const char *p = info ? info->sso : ""; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && memcmp(p, method, n) == 0)
            return true;
    return false;
}

/* "SECONDS\nMETHOD\nTEXT\n": waits on, and asks the client's user. */
static int wait_on(struct client *c, const struct dbr_ipc_hook_done *m, char *reason, size_t cap)
{
    char text[DBR_IPC_TEXT_MAX + 1], *save = NULL;
    memcpy(text, m->text, m->n);
    text[m->n] = 0;
    char *method = strchr(text, '\n'), *extra = method ? strchr(method + 1, '\n') : NULL;
    unsigned long seconds = strtoul(text, &save, 10);
    if (!extra || save != method || !seconds || seconds > INT32_MAX)
        return DBR_ERR_SHAPE;
    *extra++ = 0;
    extra[strcspn(extra, "\n")] = 0;
    if (*++method && !can_ask(c, method)) {
        snprintf(reason, cap, "Authentication failed, required pending auth method '%.64s' not supported",
                 method);
        return DBR_ERR_CERT;
    }
    hook_wait(c, m->id, (unsigned)seconds + ANSWER_S);
    c->adm->hook = DBR_HOOK_USER_PASS;
    return *method && login_say_pending(c, (unsigned)seconds, extra) ? DBR_ERR_IO : DBR_ERR_AGAIN;
}

/* The script's first line, as far as it can be said in a control message. */
static void take_reason(const struct dbr_ipc_hook_done *m, char *reason, size_t cap)
{
    size_t n = 0;
    while (n < m->n && n + 1 < cap && (uint8_t)m->text[n] >= 0x20 && m->text[n] != 0x7f) {
        reason[n] = m->text[n];
        n++;
    }
    reason[n] = 0;
}

int login_checked(struct client *c, const struct dbr_ipc_hook_done *m, char *reason, size_t cap)
{
    if (m->err == DBR_ERR_AGAIN)
        return wait_on(c, m, reason, cap);
    if (m->err)
        take_reason(m, reason, cap);
    return m->err ? DBR_ERR_CERT : 0;
}

void login_answer(struct client *c, const char *text)
{
    struct admitted *a = c->adm;
    size_t n = strlen(text);
    if (!a || !a->login || !n || n > ANSWER_MAX || strspn(text, BASE64) != n ||
        a->login->answers++ >= ANSWERS)
        return;
    if (a->waits_for == WAITS_FOR_MANAGERS)
        management_answer(c, text);
    else if (a->waits_for && a->hook == DBR_HOOK_USER_PASS && c->ctl->cfg->client_crresponse)
        hook_crresponse(c, text);
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

int login_override(struct client *c)
{
    struct admitted *a = c->adm;
    const char *name = a->has_file ? a->file.override_username : NULL;
    if (!name)
        return 0;
    if (!a->login)
        a->login = calloc(1, sizeof *a->login);
    if (!a->login)
        return DBR_ERR_NOMEM;
    if (a->login->is_cn) /* its name stays its name */
        client_log(c, DBR_LOG_WARN, "WARNING: override-username does not go with username-as-common-name");
    else
        take_text(a->login->user, name);
    a->login->locked = true;
    return 0;
}

/* ---- tokens for a client that is in ---- */

/* Writes a new one; false: it gets none. */
static bool make_token(struct client *c)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    struct login *l = c->adm->login;
    char text[DBR_TOKEN_TEXT];
    if (!cfg->auth_gen_token.on || !l || !*l->user || new_session(l, c->ctl->now.unix_s))
        return false;
    l->token.made_s = (uint64_t)c->ctl->now.unix_s;
    bool made = !dbr_token_write(c->ctl->token_mac, l->user, &l->token, text);
    snprintf(l->push_token, sizeof l->push_token, "auth-token %s", text);
    dbr_wipe(text, sizeof text);
    uint64_t renewal_s = (uint64_t)cfg->auth_gen_token.renewal_s;
    l->renew_ns = renewal_s < (uint64_t)cfg->reneg_sec ? c->ctl->now.ns + renewal_s * 1000000000 : 0;
    return made;
}

size_t login_push(struct client *c, const char **opts, size_t n)
{
    static const char name[] = "auth-token-user ";
    struct login *l = c->adm->login;
    if (!make_token(c))
        return n;
    opts[n++] = l->push_token;
    memcpy(l->push_user, name, sizeof name);
    if (strcmp(l->user, l->said) != 0 &&
        dbr_b64_encode(l->user, strlen(l->user), l->push_user + sizeof name - 1,
                       sizeof l->push_user - sizeof name + 1) > 0)
        opts[n++] = l->push_user;
    return n;
}

static void push_again(struct client *c)
{
    char text[sizeof "PUSH_REPLY," + sizeof c->adm->login->push_token];
    if (!make_token(c))
        return;
    snprintf(text, sizeof text, "PUSH_REPLY,%s", c->adm->login->push_token);
    dbr_session_say(c->session, text, &c->ctl->now);
    dbr_wipe(text, sizeof text);
}

void login_renewed(struct client *c)
{
    if (c->adm->login)
        push_again(c);
}

uint64_t login_deadline(const struct client *c)
{
    const struct login *l = c->adm ? c->adm->login : NULL;
    return l && l->renew_ns ? l->renew_ns : UINT64_MAX;
}

void login_tick(struct client *c)
{
    if (c->ctl->now.ns < login_deadline(c))
        return;
    c->adm->login->renew_ns = 0;
    if (c->session && dbr_session_state(c->session) == DBR_SESSION_ACTIVE && !dbr_session_waits(c->session))
        push_again(c);
}
