/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: what we say as user name and password. In order: a token that the server pushed, the answer to
 * its question (CRV1), what the admin wrote or typed, with the answer to `static-challenge` packed into it.
 * Keeper asks; here it is kept and forgotten. A token that is refused is dropped and the password is said
 * again.
 *
 * With auth-nocache the password goes when a token has come, or when the session ends; while a session lives
 * without a token, its renegotiations need the password.
 */
#include "base/secret.h"
#include "control/calls.h"
#include "crypto/b64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wanted(const struct control *ctl)
{
    return DBR_IS_SET(ctl->cfg, auth_user_pass);
}

static void ask(struct control *ctl, enum dbr_ask what, bool echo, const char *text)
{
    struct dbr_ipc_ask m = {.head = dbr_ipc_head(DBR_IPC_ASK, sizeof m, 0), .what = what, .echo = echo};
    dbr_log_escape(m.text, sizeof m.text, text, strlen(text));
    keeper_tell(ctl, &m);
}

/* ---- before a call ---- */

void calls_login_load(struct control *ctl)
{
    struct login *l = &ctl->calls->login;
    if (!ctl->boot->login || (ctl->boot->restarted && ctl->cfg->static_challenge.n))
        return; /* an answer that was given once is asked for again */
    l->own = *ctl->boot->login;
    l->have = true;
}

bool calls_login_ready(struct control *ctl)
{
    struct login *l = &ctl->calls->login;
    if (l->asked)
        return false;
    if (!wanted(ctl) || l->have || *l->token || l->answered)
        return true;
    if (calls_login_asks_managers(ctl))
        calls_login_ask_managers(ctl);
    else
        ask(ctl, l->refused ? DBR_ASK_AGAIN : DBR_ASK_LOGIN, false, "");
    l->asked = true;
    return false;
}

static void nobody_answers(struct control *ctl)
{
    dbr_log(ctl->log, DBR_LOG_FATAL,
            "the server wants to be answered and there is nobody to ask: start on a terminal or under "
            "systemd, or "
            "write `auth-user-pass FILE`");
    calls_stop(ctl, 1);
}

/* The answer to CR_TEXT goes to the server while it waits. */
static void say_response(struct control *ctl, const char *answer)
{
    char text[DBR_IPC_LOGIN_MAX * 2];
    struct client *c = ctl->calls->client;
    if (c && c->session && dbr_challenge_response(answer, text, sizeof text) > 0) {
        dbr_session_say(c->session, text, &ctl->now);
        client_settle(c);
    }
    dbr_wipe(text, sizeof text);
}

void calls_login_take(struct control *ctl, const struct dbr_ipc_login *m)
{
    struct login *l = &ctl->calls->login;
    bool for_now = l->pending && m->what == DBR_ASK_ANSWER;
    l->asked = l->pending = false;
    if (m->err) {
        nobody_answers(ctl);
    } else if (for_now) {
        say_response(ctl, m->response);
    } else if (m->what == DBR_ASK_ANSWER) {
        snprintf(l->answer, sizeof l->answer, "%s", m->response);
        l->answered = true;
    } else {
        l->own = *m;
        l->have = true;
        l->refused = false;
    }
    if (!m->err && !ctl->calls->client)
        ctl->calls->call_ns = ctl->now.ns;
}

/* ---- what is said ---- */

static int pack_own(const struct control *ctl, const struct dbr_ipc_login *own, char *out, size_t cap)
{
    const struct dbr_conf_list *c = &ctl->cfg->static_challenge;
    bool concat = c->n > 2 && strcmp(c->v[2], "concat") == 0;
    if (c->n && !concat)
        return dbr_challenge_static(own->pass, own->response, out, cap);
    int n = snprintf(out, cap, "%s%s", own->pass, c->n ? own->response : "");
    return n < 0 || (size_t)n >= cap ? DBR_ERR_SPACE : n;
}

int calls_credentials(struct control *ctl, char *user, char *pass)
{
    struct login *l = &ctl->calls->login;
    int n = 0;
    *user = *pass = 0;
    if (!wanted(ctl) && !*l->token)
        return 0;
    const char *name = l->told ? l->told_user : l->own.user;
    if (*l->token) {
        name = *l->token_user ? l->token_user : name;
        n = snprintf(pass, DBR_USERPASS_MAX, "%s", l->token);
    } else if (l->answered) {
        name = *l->challenge.user ? l->challenge.user : name;
        n = dbr_challenge_reply(&l->challenge, l->answer, pass, DBR_USERPASS_MAX);
    } else if (l->told) {
        n = snprintf(pass, DBR_USERPASS_MAX, "%s", l->told_pass);
    } else {
        n = pack_own(ctl, &l->own, pass, DBR_USERPASS_MAX);
    }
    l->token_said = *l->token;
    snprintf(user, DBR_USERPASS_MAX, "%s", name);
    if (n >= 0 && n < DBR_USERPASS_MAX && strlen(name) < DBR_USERPASS_MAX)
        return 0;
    dbr_log(ctl->log, DBR_LOG_ERROR, "user name or password is too long (%d bytes at most); use shorter ones",
            DBR_USERPASS_MAX - 1);
    return DBR_ERR_SPACE;
}

static void forget_own(struct login *l)
{
    dbr_wipe(l->own.pass, sizeof l->own.pass);
    dbr_wipe(l->own.response, sizeof l->own.response);
    dbr_wipe(l->told_pass, sizeof l->told_pass);
    l->have = false;
}

bool calls_login_told(struct control *ctl, const char *user, const char *pass)
{
    struct login *l = &ctl->calls->login;
    if (strlen(user) >= sizeof l->told_user || strlen(pass) >= sizeof l->told_pass)
        return false;
    memcpy(l->told_user, user, strlen(user) + 1);
    memcpy(l->told_pass, pass, strlen(pass) + 1);
    l->told = l->have = true;
    l->asked = l->refused = false;
    if (!ctl->calls->client)
        ctl->calls->call_ns = ctl->now.ns;
    return true;
}

bool calls_login_response(struct control *ctl, const char *base64)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    char text[DBR_IPC_LOGIN_MAX * 2];
    struct client *c = ctl->calls->client;
    int n = snprintf(text, sizeof text, "CR_RESPONSE,%s", base64);
    bool fits = n > 0 && (size_t)n < sizeof text && strspn(base64, alphabet) == strlen(base64);
    bool said = fits && c && c->session && !dbr_session_say(c->session, text, &ctl->now);
    dbr_wipe(text, sizeof text);
    if (said)
        client_settle(c);
    return said;
}

static void forget_answer(struct login *l)
{
    dbr_wipe(l->answer, sizeof l->answer);
    l->answered = false;
}

/* ---- what the server says ---- */

static void take_token_user(struct control *ctl, const char *base64)
{
    struct login *l = &ctl->calls->login;
    if (dbr_b64_decode(base64, strlen(base64), l->token_user, sizeof l->token_user) < 0) {
        *l->token_user = 0;
        dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: pushed auth-token-user is not base64 and is left out");
    }
}

void calls_login_pushed(struct control *ctl, const struct dbr_config *pulled)
{
    struct login *l = &ctl->calls->login;
    if (pulled->auth_token_user)
        take_token_user(ctl, pulled->auth_token_user);
    if (!pulled->auth_token)
        return;
    if (strlen(pulled->auth_token) >= sizeof l->token) {
        dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: pushed auth-token is too long and is left out");
        return;
    }
    snprintf(l->token, sizeof l->token, "%s", pulled->auth_token);
    forget_answer(l);
    if (calls_login_asks_managers(ctl))
        calls_tell_managers(ctl, ">PASSWORD:Auth-Token:", l->token, "");
    if (ctl->cfg->auth_nocache)
        forget_own(l);
}

/* AUTH_FAILED,CRV1:...: the server wants an answer. False when it cannot be given. */
static bool take_challenge(struct control *ctl, const char *rest)
{
    struct login *l = &ctl->calls->login;
    char safe[DBR_IPC_WHY_MAX - 16], text[DBR_IPC_WHY_MAX];
    if (dbr_challenge_parse(&l->challenge, rest)) {
        dbr_log(ctl->log, DBR_LOG_NOTICE, "the server's challenge cannot be read");
        return false;
    }
    dbr_log_escape(safe, sizeof safe, l->challenge.text, strlen(l->challenge.text));
    snprintf(text, sizeof text, "CHALLENGE: %s", safe);
    dbr_log(ctl->log, DBR_LOG_NOTICE, "%s", text);
    *l->answer = 0;
    if (calls_login_asks_managers(ctl)) {
        forget_own(l); /* with their next password comes the answer */
        return true;
    }
    l->answered = !l->challenge.answer;
    if (l->challenge.answer) {
        l->asked = true;
        ask(ctl, DBR_ASK_ANSWER, l->challenge.echo, text);
    }
    return true;
}

enum login_fate calls_login_failed(struct control *ctl, const char *rest)
{
    struct login *l = &ctl->calls->login;
    int retry = ctl->cfg->auth_retry;
    forget_answer(l);
    if (*l->token && l->token_said) {
        dbr_wipe(l->token, sizeof l->token);
        dbr_log(ctl->log, DBR_LOG_NOTICE,
                "AUTH: the token is not accepted any more; the password is said again");
        return LOGIN_AT_ONCE;
    }
    if (*rest)
        calls_tell_managers(ctl, ">PASSWORD:Verification Failed: 'Auth' ['", rest, "']");
    else
        calls_tell_managers(ctl, ">PASSWORD:Verification Failed: 'Auth'", "", "");
    if (strncmp(rest, "CRV1:", 5) == 0) {
        if (retry == DBR_AUTH_RETRY_NOINTERACT) {
            dbr_log(ctl->log, DBR_LOG_ERROR,
                    "the server asks a question, which `auth-retry nointeract` leaves without answer; write "
                    "`auth-retry interact`");
            return LOGIN_OVER;
        }
        return take_challenge(ctl, rest) ? LOGIN_AT_ONCE : LOGIN_OVER;
    }
    if (retry == DBR_AUTH_RETRY_NONE)
        return LOGIN_OVER;
    if (retry == DBR_AUTH_RETRY_INTERACT && wanted(ctl)) {
        forget_own(l);
        l->refused = true;
    }
    return LOGIN_LATER;
}

static const char *behind(const char *text, const char *head)
{
    size_t n = strlen(head);
    return strncmp(text, head, n) == 0 ? text + n : NULL;
}

void calls_login_info(struct client *c, const char *rest)
{
    struct login *l = &c->ctl->calls->login;
    struct dbr_challenge q;
    char safe[DBR_IPC_WHY_MAX - 16], text[DBR_IPC_WHY_MAX];
    const char *url = behind(rest, "OPEN_URL:");
    calls_tell_managers(c->ctl, ">INFOMSG:", rest, "");
    if (!url && (url = behind(rest, "WEB_AUTH:")))
        url = strchr(url, ':') ? strchr(url, ':') + 1 : url;
    if (url) {
        client_log(c, DBR_LOG_NOTICE, "the server wants a login in a browser; open %s",
                   dbr_log_escape(safe, sizeof safe, url, strlen(url)));
    } else if (behind(rest, "CR_TEXT:") && !dbr_challenge_parse_text(&q, rest)) {
        snprintf(text, sizeof text, "CHALLENGE: %s", /* whose question it is must show on the terminal */
                 dbr_log_escape(safe, sizeof safe, q.text, strlen(q.text)));
        client_log(c, DBR_LOG_NOTICE, "%s", text);
        l->pending = q.answer && !calls_login_asks_managers(c->ctl);
        if (l->pending)
            ask(c->ctl, DBR_ASK_ANSWER, q.echo, text);
    }
}

void calls_login_over(struct control *ctl)
{
    struct login *l = &ctl->calls->login;
    bool once = ctl->cfg->static_challenge.n || ctl->cfg->auth_nocache;
    l->pending = false;
    if (once && !*l->token && l->have)
        forget_own(l);
}

void calls_login_free(struct calls *calls)
{
    dbr_wipe(&calls->login, sizeof calls->login);
}
