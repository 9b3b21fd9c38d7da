/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"

enum { CTRL_C = 3, ATTEMPTS = 3 };

/* The first line that a descriptor gives. DBR_ERR_STATE: ended by ^C. */
static int read_line(int fd, struct secret *s)
{
    char c;
    ssize_t r;
    s->n = 0;
    while ((r = read(fd, &c, 1)) == 1 && c != '\n' && c != CTRL_C)
        if (s->n + 1 < sizeof s->p)
            s->p[s->n++] = c;
        else
            return DBR_ERR_LIMIT;
    if (s->n && s->p[s->n - 1] == '\r')
        s->n--;
    s->p[s->n] = 0;
    if (r == 1 && c == CTRL_C)
        return DBR_ERR_STATE;
    return r < 0 ? DBR_ERR_IO : s->n ? 0 : DBR_ERR_CONFIG;
}

static int from_fd(struct secret *s, const char *fd, char *why, size_t cap)
{
    char *end;
    long n = strtol(fd, &end, 10);
    int err = *fd && !*end && n >= 0 && n < 65536 ? read_line((int)n, s) : DBR_ERR_CONFIG;
    if (*fd && !*end && n > 2 && n < 65536)
        close((int)n); /* not for the commands that we start */
    return err ? dbr_say(err, why, cap, "no passphrase on file descriptor %s", fd) : 0;
}

static int from_file(struct secret *s, const char *file, char *why, size_t cap)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? DBR_ERR_IO : read_line(fd, s);
    if (fd >= 0)
        close(fd);
    return err ? dbr_say(err, why, cap, "%s: no passphrase in it (%s)", file,
                         fd < 0 ? strerror(errno) : dbr_err_text(err))
               : 0;
}

static int prompt_once(int tty, struct secret *s, const char *prompt)
{
    struct termios before, quiet;
    if (tcgetattr(tty, &before) != 0)
        return DBR_ERR_IO;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG); /* ^C comes as a character, so that the echo is not left off */
    quiet.c_cc[VEOL] = CTRL_C;
    if (write(tty, prompt, strlen(prompt)) < 0 || tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
        return DBR_ERR_IO;
    int err = read_line(tty, s);
    tcsetattr(tty, TCSAFLUSH, &before);
    if (write(tty, "\n", 1) < 0)
        return DBR_ERR_IO;
    return err;
}

static bool has_terminal(void)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty >= 0)
        close(tty);
    return tty >= 0;
}

static int from_terminal(struct secret *s, const char *prompt, bool twice, char *why, size_t cap)
{
    struct secret again = {0};
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return dbr_say(
            DBR_ERR_CONFIG, why, cap,
            "%sthere is no terminal to ask on: give it in a file (--pass-file for the CA's key, "
            "--key-pass-file, "
            "--p12-pass-file) or by a descriptor (--pass-fd, --key-pass-fd), or --no-pass for a new key",
            prompt);
    int err = prompt_once(tty, s, prompt);
    if (!err && twice)
        err = prompt_once(tty, &again, "The same once more: ");
    if (err)
        dbr_say(err, why, cap, "no passphrase given");
    else if (twice && (s->n != again.n || !dbr_secret_equal(s->p, again.p, s->n)))
        err = dbr_say(DBR_ERR_CONFIG, why, cap, "the two were not the same");
    dbr_wipe(&again, sizeof again);
    close(tty);
    return err;
}

int ask_pass(struct secret *s, const char *fd, const char *file, const char *prompt, bool twice, char *why,
             size_t cap)
{
    memset(s, 0, sizeof *s);
    if (fd)
        return from_fd(s, fd, why, cap);
    if (file)
        return from_file(s, file, why, cap);
    return from_terminal(s, prompt, twice, why, cap);
}

static int generated(struct secret *s, char *why, size_t cap)
{
    if (dbr_pass_generate(s->p) != 0)
        return dbr_say(DBR_ERR_CRYPTO, why, cap, "no random numbers");
    s->n = strlen(s->p);
    return 0;
}

/* One passphrase from wherever the options say, judged. */
static int chosen(struct call *c, const char *policy, const char *name, struct secret *s)
{
    const struct options *o = &c->o;
    char prompt[200], reason[256];
    snprintf(prompt, sizeof prompt, "New passphrase for the key of %.64s (policy %s): ", name, policy);
    int err = o->gen_pass ? generated(s, c->why, WHY)
                          : ask_pass(s, o->key_pass_fd, o->key_pass_file, prompt, true, c->why, WHY);
    if (!err && (err = dbr_pass_check(policy, name, s->p, s->n, reason, sizeof reason)) != 0)
        dbr_say(err, c->why, WHY, "passphrase refused: %s", reason);
    return err;
}

int new_pass(struct call *c, const char *policy, const char *name, struct secret *s, struct dbr_pass *pass)
{
    const struct options *o = &c->o;
    bool asks = !o->gen_pass && !o->key_pass_fd && !o->key_pass_file && has_terminal();
    *pass = (struct dbr_pass){0};
    memset(s, 0, sizeof *s);
    if (o->no_pass)
        return 0;
    if (asks)
        fprintf(stderr, "A passphrase is %s; --gen-pass makes one.\n", dbr_pass_policy_text(policy));
    int err = chosen(c, policy, name, s);
    for (int again = 1; err && asks && s->n && again < ATTEMPTS; again++) {
        fprintf(stderr, "drawbridge-ca: %s\n", c->why);
        err = chosen(c, policy, name, s);
    }
    *pass = (struct dbr_pass){s->p, s->n};
    return err;
}
