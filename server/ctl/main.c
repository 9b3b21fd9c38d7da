/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ctl: asks a running drawbridged over its control socket (directive control-socket) and prints
 * the answer.
 */
#include "bridge_check.h"
#include "gate_list.h"
#include "ipc/messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/drawbridge/control"

enum { LINE_MAX_BYTES = 500, ANSWER_MAX = 65536, ANSWER_WAIT_S = 10 };

static int usage(FILE *to, int code)
{
    fprintf(to,
            "usage: drawbridge-ctl [--socket PATH] COMMAND\n"
            "  status        who is connected, the CRL's life, what was dropped\n"
            "  kick NAME     end NAME's sessions now; NAME may come back if its certificate is good\n"
            "  bridge check  what on this host is, or will be, in the way of the bridge; needs no daemon\n"
            "                (--config FILE | BRIDGE [INTERFACE ...])\n"
            "  bridge probe INTERFACE [IPV4]  does the LAN answer foreign addresses behind INTERFACE?\n"
            "  bridge confirm BRIDGE  this host is still reached: what bridge-takeover moved stays\n"
            "  gate-list FILE  take the list of withdrawn gate keys on standard input into FILE; needs no "
            "daemon\n"
            "  crl-push      take the CRL on standard input into force, end whom it names\n"
            "The socket is the one of the directive control-socket; default " DEFAULT_SOCKET "\n");
    return code;
}

static int connect_to(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    if (strlen(path) >= sizeof sa.sun_path) {
        fprintf(stderr, "drawbridge-ctl: %s: path too long for a socket\n", path);
        return -1;
    }
    memcpy(sa.sun_path, path, strlen(path));
    int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sock < 0 || connect(sock, (struct sockaddr *)&sa, sizeof sa)) {
        fprintf(stderr, "drawbridge-ctl: %s: %s; is drawbridged running with control-socket %s?\n", path,
                strerror(errno), path);
        if (sock >= 0)
            close(sock);
        return -1;
    }
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return sock;
}

/* Standard input as a memory file, so that a CRL of any size crosses as one descriptor. */
static int standard_input(void)
{
    char buf[65536];
    ssize_t n;
    int fd = memfd_create("crl", MFD_CLOEXEC);
    while (fd >= 0 && (n = read(0, buf, sizeof buf)) != 0)
        if (n < 0 || write(fd, buf, (size_t)n) != n) { /* half a list is none */
            close(fd);
            fd = -1;
        }
    if (fd < 0)
        fprintf(stderr, "drawbridge-ctl: cannot take in standard input: %s\n", strerror(errno));
    return fd;
}

/* Prints the answer; 0, or 1 if it begins with ERROR or does not come. */
static int print_answer(int sock)
{
    static char text[ANSWER_MAX];
    int code = -1;
    ssize_t n;
    while ((n = recv(sock, text, sizeof text, 0)) > 0) {
        if (code < 0)
            code = n >= 5 && memcmp(text, "ERROR", 5) == 0;
        fwrite(text, 1, (size_t)n, code ? stderr : stdout);
    }
    if (code < 0)
        fprintf(stderr, "drawbridge-ctl: no answer\n");
    return code ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *path = DEFAULT_SOCKET;
    char line[LINE_MAX_BYTES + 1];
    int at = 1, fd = -1;
    if (argc > 2 && strcmp(argv[1], "--socket") == 0) {
        path = argv[2];
        at = 3;
    }
    if (at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0))
        return usage(stdout, 0);
    if (argc - at >= 3 && strcmp(argv[at], "bridge") == 0 && strcmp(argv[at + 1], "check") == 0)
        return bridge_check(argc - at - 2, argv + at + 2);
    if ((argc - at == 3 || argc - at == 4) && strcmp(argv[at], "bridge") == 0 &&
        strcmp(argv[at + 1], "probe") == 0)
        return bridge_probe(argv[at + 2], argc - at == 4 ? argv[at + 3] : NULL);
    if (argc - at == 3 && strcmp(argv[at], "bridge") == 0 && strcmp(argv[at + 1], "confirm") == 0)
        return bridge_confirm(argv[at + 2]);
    if (argc - at == 2 && strcmp(argv[at], "gate-list") == 0)
        return gate_list_take(argv[at + 1]);
    if (at >= argc || argc - at > 2 || strcmp(argv[at], "gate-list") == 0)
        return usage(stderr, 1);
    if (snprintf(line, sizeof line, "%s%s%s", argv[at], at + 1 < argc ? " " : "",
                 at + 1 < argc ? argv[at + 1] : "") >= (int)sizeof line)
        return usage(stderr, 1);
    if (strcmp(argv[at], "crl-push") == 0 && (fd = standard_input()) < 0)
        return 1;
    int sock = connect_to(path);
    if (sock < 0)
        return 1;
    if (dbr_ipc_send_bytes(sock, line, strlen(line), fd, 0) < 0) {
        fprintf(stderr, "drawbridge-ctl: %s: %s\n", path, strerror(errno));
        return 1;
    }
    return print_answer(sock);
}
