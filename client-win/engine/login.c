/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What we say as user name and password. In order: a token that the server pushed, the answer to its question
 * (CRV1), what the user typed, with the answer to `static-challenge` packed into it. A token that is refused
 * is dropped and the password is said again. Passwords live in this process only.
 */
#include "client-win/engine/priv.h"

#include "base/base64.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#include <stdio.h>
#include <string.h>

static bool wanted(const struct dbr_engine *e)
{
    return DBR_IS_SET(&e->cfg, auth_user_pass);
}

/* ---- before a call ---- */

static const char *take_line(const char *text, char *out, size_t cap)
{
    size_t n = strcspn(text, "\r\n");
    if (n >= cap)
        return NULL;
    memcpy(out, text, n);
    out[n] = 0;
    text += n;
    text += *text == '\r';
    return text + (*text == '\n');
}

int login_parse(struct login *l, const char *text)
{
    const char *rest = take_line(text, l->user, sizeof l->user);
    if (rest)
        rest = take_line(rest, l->pass, sizeof l->pass);
    l->have = rest && *l->user && *l->pass;
    return rest && *l->user ? 0 : DBR_ERR_SHAPE;
}

/* static-challenge TEXT ECHO */
static bool ask_challenge(struct dbr_engine *e)
{
    const struct dbr_conf_list *c = &e->cfg.static_challenge;
    if (c->n < 2 || e->login.responded)
        return false;
    engine_ask(e, DBR_ENGINE_ASK_CHALLENGE, strcmp(c->v[1], "1") == 0, c->v[0]);
    return true;
}

bool login_ready(struct dbr_engine *e)
{
    struct login *l = &e->login;
    if (e->waits_for)
        return false;
    if (!wanted(e) || *l->token || l->answered)
        return true;
    if (l->have)
        return !ask_challenge(e);
    engine_ask(e, DBR_ENGINE_ASK_LOGIN, false,
               l->refused ? "The server did not accept this user name or password. Please try again:"
                          : "User name and password:");
    return false;
}

/* The answer to CR_TEXT goes to the server while it waits. */
static void say_response(struct dbr_engine *e, const char *answer)
{
    char text[SECRET_MAX * 2];
    if (e->call.session && dbr_challenge_response(answer, text, sizeof text) > 0)
        dbr_session_say(e->call.session, text, &e->now);
    dbr_wipe(text, sizeof text);
}

static void take_challenge_answer(struct dbr_engine *e, const char *secret)
{
    struct login *l = &e->login;
    if (l->pending) {
        l->pending = false;
        say_response(e, secret);
    } else if (l->challenge.answer && !l->answered && *l->challenge.state) {
        snprintf(l->answer, sizeof l->answer, "%s", secret);
        l->answered = true;
    } else {
        snprintf(l->response, sizeof l->response, "%s", secret);
        l->responded = true;
    }
}

void login_take(struct dbr_engine *e, enum dbr_engine_ask kind, const char *user, const char *secret)
{
    struct login *l = &e->login;
    if (kind == DBR_ENGINE_ASK_CHALLENGE) {
        take_challenge_answer(e, secret);
        return;
    }
    snprintf(l->user, sizeof l->user, "%s", user);
    snprintf(l->pass, sizeof l->pass, "%s", secret);
    l->have = true;
    l->refused = false;
}

/* ---- what is said ---- */

static int pack_own(const struct dbr_engine *e, char *out, size_t cap)
{
    const struct dbr_conf_list *c = &e->cfg.static_challenge;
    const struct login *l = &e->login;
    bool concat = c->n > 2 && strcmp(c->v[2], "concat") == 0;
    if (c->n && !concat)
        return dbr_challenge_static(l->pass, l->response, out, cap);
    int n = snprintf(out, cap, "%s%s", l->pass, c->n ? l->response : "");
    return n < 0 || (size_t)n >= cap ? DBR_ERR_SPACE : n;
}

int login_credentials(struct dbr_engine *e, char *user, char *pass)
{
    struct login *l = &e->login;
    const char *name = l->user;
    int n;
    *user = *pass = 0;
    if (!wanted(e) && !*l->token)
        return 0;
    if (*l->token) {
        name = *l->token_user ? l->token_user : name;
        n = snprintf(pass, DBR_USERPASS_MAX, "%s", l->token);
    } else if (l->answered) {
        name = *l->challenge.user ? l->challenge.user : name;
        n = dbr_challenge_reply(&l->challenge, l->answer, pass, DBR_USERPASS_MAX);
    } else {
        n = pack_own(e, pass, DBR_USERPASS_MAX);
    }
    l->token_said = *l->token;
    l->answer_said |= l->answered;
    snprintf(user, DBR_USERPASS_MAX, "%s", name);
    if (n >= 0 && n < DBR_USERPASS_MAX)
        return 0;
    engine_log(e, DBR_LOG_ERROR, "user name or password is too long (%d bytes at most)",
               DBR_USERPASS_MAX - 1);
    return DBR_ERR_SPACE;
}

static void forget_own(struct login *l)
{
    dbr_wipe(l->pass, sizeof l->pass);
    dbr_wipe(l->response, sizeof l->response);
    l->have = l->responded = false;
}

static void forget_answer(struct login *l)
{
    dbr_wipe(l->answer, sizeof l->answer);
    dbr_wipe(&l->challenge, sizeof l->challenge);
    l->answered = l->answer_said = false;
}

/* ---- what the server says ---- */

void login_pushed(struct dbr_engine *e, const struct dbr_config *pulled)
{
    struct login *l = &e->login;
    const char *user = pulled->auth_token_user, *token = pulled->auth_token;
    if (user) {
        long n = dbr_base64_decode(user, strlen(user), (uint8_t *)l->token_user, sizeof l->token_user - 1);
        l->token_user[n > 0 ? n : 0] = 0;
    }
    if (!token)
        return;
    if (strlen(token) >= sizeof l->token) {
        engine_log(e, DBR_LOG_WARN, "WARNING: pushed auth-token is too long and is left out");
        return;
    }
    snprintf(l->token, sizeof l->token, "%s", token);
    forget_answer(l);
    if (e->cfg.auth_nocache)
        forget_own(l);
}

/* AUTH_FAILED,CRV1:...: the server wants an answer. */
static enum login_fate take_challenge(struct dbr_engine *e, const char *rest)
{
    struct login *l = &e->login;
    char safe[TEXT_MAX];
    if (dbr_challenge_parse(&l->challenge, rest)) {
        engine_log(e, DBR_LOG_NOTICE, "the server's challenge cannot be read");
        return LOGIN_OVER;
    }
    dbr_log_escape(safe, sizeof safe, l->challenge.text, strlen(l->challenge.text));
    l->answered = !l->challenge.answer;
    if (l->challenge.answer)
        engine_ask(e, DBR_ENGINE_ASK_CHALLENGE, l->challenge.echo, safe);
    return LOGIN_AT_ONCE;
}

enum login_fate login_failed(struct dbr_engine *e, const char *rest)
{
    struct login *l = &e->login;
    forget_answer(l);
    if (*l->token && l->token_said) {
        dbr_wipe(l->token, sizeof l->token);
        engine_log(e, DBR_LOG_NOTICE, "AUTH: the token is not accepted any more; the password is said again");
        return LOGIN_AT_ONCE;
    }
    if (strncmp(rest, "CRV1:", 5) == 0)
        return take_challenge(e, rest);
    if (!wanted(e))
        return LOGIN_OVER;
    if (e->cfg.auth_retry == DBR_AUTH_RETRY_NOINTERACT)
        return LOGIN_LATER;
    if (DBR_IS_SET(&e->cfg, auth_retry) && e->cfg.auth_retry == DBR_AUTH_RETRY_NONE)
        return LOGIN_OVER;
    forget_own(l); /* somebody is there to be asked */
    l->refused = true;
    return LOGIN_AT_ONCE;
}

static const char *behind(const char *text, const char *head)
{
    size_t n = strlen(head);
    return strncmp(text, head, n) == 0 ? text + n : NULL;
}

void login_info(struct dbr_engine *e, const char *rest)
{
    struct dbr_challenge q;
    char safe[TEXT_MAX];
    const char *url = behind(rest, "OPEN_URL:");
    if (!url && (url = behind(rest, "WEB_AUTH:")))
        url = strchr(url, ':') ? strchr(url, ':') + 1 : url;
    if (url) {
        engine_log(e, DBR_LOG_NOTICE, "the server wants a login in a browser; open %s",
                   dbr_log_escape(safe, sizeof safe, url, strlen(url)));
    } else if (!e->data.up && behind(rest, "CR_TEXT:") && !dbr_challenge_parse_text(&q, rest)) {
        dbr_log_escape(safe, sizeof safe, q.text, strlen(q.text));
        e->login.pending = q.answer;
        if (q.answer)
            engine_ask(e, DBR_ENGINE_ASK_CHALLENGE, q.echo, safe);
        else
            engine_log(e, DBR_LOG_NOTICE, "the server says: %s", safe);
    }
}

/* An answer is good for one session: the server does not know its question any more. */
void login_over(struct dbr_engine *e, bool was_up)
{
    struct login *l = &e->login;
    bool once = e->cfg.static_challenge.n || e->cfg.auth_nocache;
    if (l->pending)
        e->waits_for = 0;
    l->pending = false;
    if (was_up && l->answer_said)
        forget_answer(l);
    if (once && !*l->token && l->have)
        forget_own(l);
}
