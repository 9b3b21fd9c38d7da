/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where log lines go: one descriptor (file, pipe, terminal, socket) or syslog, opened by keeper and inherited
 * by every process, each of which writes its own lines, one write(2) or send(2) a line. Nothing here ever
 * blocks: a line that cannot be taken at once is dropped and counted, and the next line that gets through
 * says how many were lost. Any thread of any process; no lock.
 */
#ifndef DBR_KEEPER_LOGSINK_H
#define DBR_KEEPER_LOGSINK_H

#include "base/log.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { LOG_IDENT_MAX = 48 };

struct logsink {
    int fd;         /* -1 = none */
    int syslog;     /* unconnected AF_UNIX datagram socket, -1 = none; addressed with each line, so that a
                       restarted     syslog daemon is found again */
    bool is_socket; /* fd is a socket: send(2) */
    bool may_block; /* fd could not be made non-blocking for us alone: ask poll(2) first */
    bool timestamps, machine;
    bool also_stderr; /* fatal lines go to standard error too: somebody waits at a terminal for us to start */
    int copy; /* lines up to DBR_LOG_INFO go there too, a byte of level first: to control, for managers; -1 */
    char ident[LOG_IDENT_MAX];
    atomic_uint lost;
};

enum logsink_mode { LOGSINK_TRUNCATE, LOGSINK_APPEND };

/* Logs to standard error (or to standard output when there is none): the state before the configuration is
 * read. */
void logsink_init(struct logsink *s);
/* To a file (made 0600 where it is new). 0 or DBR_ERR_IO, errno has the cause and the sink is as it was. */
int logsink_file(struct logsink *s, const char *path, enum logsink_mode mode);
/* To /dev/log under ident. 0 or DBR_ERR_IO. */
int logsink_syslog(struct logsink *s, const char *ident);
void logsink_fini(struct logsink *s); /* callable twice */

/* The sink of struct dbr_log; arg is the struct logsink. */
void logsink_line(void *arg, int level, const char *line);

#endif
