/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/login.h"
#include "base/err.h"
#include "base/secret.h"
#include "keeper/keeper.h"
#include "keeper/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_TEXT = 4 * DBR_IPC_LOGIN_MAX };

bool login_wanted(const struct dbr_config *cfg)
{
    return DBR_IS_SET(cfg, auth_user_pass);
}

bool login_by_managers(const struct dbr_config *cfg)
{
    return cfg->management.address && cfg->management_query_passwords && !cfg->auth_user_pass.path &&
           !cfg->auth_user_pass.text;
}

/* ---- from a file ---- */

/* Copies the next line without its end; the rest, or NULL when it does not fit. */
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

int login_parse(struct dbr_ipc_login *out, const char *text)
{
    const char *rest = take_line(text, out->user, sizeof out->user);
    if (rest)
        rest = take_line(rest, out->pass, sizeof out->pass);
    return rest && *out->user ? 0 : DBR_ERR_SHAPE;
}

static int read_file(const char *name, struct dbr_ipc_login *out)
{
    char text[FILE_TEXT];
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n < 0)
        fprintf(stderr, "auth-user-pass: cannot read %s: %s\n", name, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return DBR_ERR_CONFIG;
    text[n] = 0;
    int err = login_parse(out, text);
    dbr_wipe(text, sizeof text);
    if (err)
        fprintf(
            stderr,
            "auth-user-pass: %s: the user name belongs into its first line, the password into its second\n",
            name);
    return err ? DBR_ERR_CONFIG : 0;
}

/* ---- by asking ---- */

static int nobody(void)
{
    fprintf(stderr,
            "the server wants a user name and a password and there is nobody to ask: start on a terminal or "
            "under systemd, or write `auth-user-pass FILE` (the name in its first line, the password in its "
            "second)\n");
    return DBR_ERR_CONFIG;
}

static int ask_what_lacks(struct dbr_ipc_login *out)
{
    if (!*out->user && !prompt_line("Enter Auth Username:", true, out->user, sizeof out->user))
        return nobody();
    if (!*out->pass && !prompt_line("Enter Auth Password:", false, out->pass, sizeof out->pass))
        return nobody();
    return 0;
}

/* static-challenge TEXT ECHO */
static int ask_challenge(const struct dbr_config *cfg, struct dbr_ipc_login *out)
{
    const struct dbr_conf_list *c = &cfg->static_challenge;
    char question[300];
    if (c->n < 2)
        return 0;
    snprintf(question, sizeof question, "CHALLENGE: %s", c->v[0]);
    return prompt_line(question, strcmp(c->v[1], "1") == 0, out->response, sizeof out->response) ? 0
                                                                                                 : nobody();
}

int login_ask(const struct dbr_config *cfg, const char *file, struct dbr_ipc_login *out)
{
    int err = 0;
    if (!*out->user && cfg->auth_user_pass.text)
        err = login_parse(out, cfg->auth_user_pass.text) ? DBR_ERR_CONFIG : 0;
    else if (!*out->user && file)
        err = read_file(file, out);
    if (!err)
        err = ask_what_lacks(out);
    return err ? err : ask_challenge(cfg, out);
}

/* ---- while we serve ---- */

/* What was asked for, in a process of its own: its answer goes through the pipe. */
static _Noreturn void answer(const struct keeper *k, const struct dbr_ipc_ask *m, int end)
{
    struct dbr_ipc_login a = k->login;
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    bool again = m->what == DBR_ASK_AGAIN;
    a.head = dbr_ipc_head(DBR_IPC_LOGIN, sizeof a, 0);
    a.what = m->what;
    *a.response = 0;
    if (again)
        *a.user = *a.pass = 0;
    if (m->what == DBR_ASK_ANSWER)
        a.err = prompt_line(m->text, m->echo, a.response, sizeof a.response) ? 0 : DBR_ERR_NOTFOUND;
    else if (again)
        a.err = ask_what_lacks(&a) || ask_challenge(k->config, &a) ? DBR_ERR_NOTFOUND : 0;
    else
        a.err = login_ask(k->config, *k->login_file ? k->login_file : NULL, &a) ? DBR_ERR_NOTFOUND : 0;
    _exit(write(end, &a, sizeof a) == sizeof a ? 0 : 1);
}

void login_end(struct keeper *k)
{
    if (k->asker > 0) {
        kill(k->asker, SIGKILL);
        waitpid(k->asker, NULL, 0);
    }
    if (k->asker_fd >= 0)
        close(k->asker_fd);
    k->asker = 0;
    k->asker_fd = -1;
}

static void tell(struct keeper *k, struct dbr_ipc_login *a)
{
    if (k->child[CHILD_CONTROL].ipc >= 0)
        dbr_ipc_send(k->child[CHILD_CONTROL].ipc, a, -1);
    dbr_wipe(a, sizeof *a);
}

void login_take(struct keeper *k, const struct dbr_ipc_ask *m)
{
    int end[2];
    struct dbr_ipc_login failed = {
        .head = dbr_ipc_head(DBR_IPC_LOGIN, sizeof failed, 0), .what = m->what, .err = DBR_ERR_IO};
    login_end(k);
    pid_t pid = pipe2(end, O_CLOEXEC) ? -1 : fork();
    if (pid == 0)
        answer(k, m, end[1]);
    if (pid < 0) {
        tell(k, &failed);
        return;
    }
    close(end[1]);
    k->asker = pid;
    k->asker_fd = end[0];
    if (poll_add(k, end[0], EVENT_ASKER)) {
        login_end(k);
        tell(k, &failed);
    }
}

void login_read(struct keeper *k)
{
    struct dbr_ipc_login a;
    ssize_t n = read(k->asker_fd, &a, sizeof a);
    if (n != (ssize_t)sizeof a || dbr_ipc_check(&a, sizeof a))
        a = (struct dbr_ipc_login){
            .head = dbr_ipc_head(DBR_IPC_LOGIN, sizeof a, 0), .what = DBR_ASK_LOGIN, .err = DBR_ERR_NOTFOUND};
    login_end(k);
    if (!a.err && a.what != DBR_ASK_ANSWER && !k->config->auth_nocache) {
        memcpy(k->login.user, a.user, sizeof a.user);
        memcpy(k->login.pass, a.pass, sizeof a.pass);
    }
    tell(k, &a);
}
