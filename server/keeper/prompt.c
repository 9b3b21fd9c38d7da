/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/prompt.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

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

static bool ask_terminal(int tty, const char *question, bool echo, char *out, size_t cap)
{
    struct termios was, quiet;
    bool hide = !echo && tcgetattr(tty, &was) == 0;
    if (hide) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
        tcsetattr(tty, TCSAFLUSH, &quiet);
    }
    bool good =
        write(tty, question, strlen(question)) > 0 && write(tty, " ", 1) == 1 && read_line(tty, out, cap);
    if (hide) {
        tcsetattr(tty, TCSAFLUSH, &was);
        (void)!write(tty, "\n", 1);
    }
    return good;
}

static bool ask_systemd(const char *question, bool echo, char *out, size_t cap)
{
    static const char program[] = "/usr/bin/systemd-ask-password";
    char *const argv[] = {(char *)(uintptr_t)program,
                          (char *)(uintptr_t) "--id=drawbridged",
                          (char *)(uintptr_t) "--no-tty",
                          (char *)(uintptr_t)(echo ? "--echo" : "--timeout=0"),
                          (char *)(uintptr_t) "--",
                          (char *)(uintptr_t)question,
                          NULL};
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

bool prompt_line(const char *question, bool echo, char *out, size_t cap)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return ask_systemd(question, echo, out, cap);
    bool good = ask_terminal(tty, question, echo, out, cap);
    close(tty);
    return good;
}
