/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/passphrase.h"
#include "base/err.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { KEY_MAX = 65536, KEY_PATH = 1024 };

#define PROMPT "Enter Private Key Password:"

bool passphrase_needed(const char *pem)
{
    return strstr(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || strstr(pem, "Proc-Type: 4,ENCRYPTED");
}

/* A key that cannot be read is control's to complain about. */
static bool file_needs_it(const struct dbr_config *cfg)
{
    static char text[KEY_MAX];
    char path[KEY_PATH];
    const char *name = cfg->key.path;
    snprintf(path, sizeof path, "%s%s%s", *name != '/' && cfg->cd ? cfg->cd : "",
             *name != '/' && cfg->cd ? "/" : "", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    bool yes = passphrase_needed(text);
    dbr_wipe(text, sizeof text);
    return yes;
}

static bool is_needed(const struct dbr_config *cfg)
{
    if (cfg->askpass.name || (cfg->management_query_passwords && cfg->management.address))
        return false; /* control reads the file, or asks the managers */
    if (cfg->askpass.on)
        return true;
    return cfg->key.text ? passphrase_needed(cfg->key.text) : cfg->key.path && file_needs_it(cfg);
}

/* One line, without its end; false if there is none. */
static bool read_line(int fd, char *out, size_t cap)
{
    size_t n = 0;
    char c;
    ssize_t got;
    while ((got = read(fd, &c, 1)) == 1 && c != '\n' && n + 1 < cap)
        out[n++] = c;
    out[n] = 0;
    return got == 1;
}

static bool ask_terminal(int tty, char *out, size_t cap)
{
    struct termios was, quiet;
    bool echo = tcgetattr(tty, &was) == 0;
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    if (echo)
        tcsetattr(tty, TCSAFLUSH, &quiet);
    bool good = write(tty, PROMPT " ", sizeof PROMPT) > 0 && read_line(tty, out, cap);
    if (echo)
        tcsetattr(tty, TCSAFLUSH, &was);
    (void)!write(tty, "\n", 1);
    return good;
}

static bool ask_systemd(char *out, size_t cap)
{
    static const char program[] = "/usr/bin/systemd-ask-password";
    char *const argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "--id=drawbridged",
                          (char *)(uintptr_t) "--no-tty", (char *)(uintptr_t)PROMPT, NULL};
    int end[2], status = -1;
    if (access("/run/systemd/system", F_OK) || access(program, X_OK) || pipe2(end, O_CLOEXEC))
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(end[1], STDOUT_FILENO);
        execv(program, argv);
        _exit(127);
    }
    close(end[1]);
    bool good = pid > 0 && read_line(end[0], out, cap);
    close(end[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    return good && status == 0;
}

int passphrase_ask(const struct dbr_config *cfg, char *out, size_t cap)
{
    *out = 0;
    if (!is_needed(cfg))
        return 0;
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    bool good = tty >= 0 ? ask_terminal(tty, out, cap) : ask_systemd(out, cap);
    if (tty >= 0)
        close(tty);
    if (good)
        return 0;
    fprintf(stderr, "the private key is encrypted and there is nobody to ask: start on a terminal or under "
                    "systemd, or add `askpass FILE`\n");
    return DBR_ERR_CONFIG;
}
