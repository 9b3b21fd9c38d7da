/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The management interface as a machine without sockets: bytes of managers in, bytes for them out, commands
 * through a table. OpenVPN serves one manager at a time; here MGMT_SEATS of them sit side by side, each with
 * its own buffers and settings. Nobody is waited for: what a manager does not read is kept up to a bound,
 * then it is dropped. Owned by control's one thread; mgmt_io.c has the sockets, mgmt_host.c what the commands
 * do.
 *
 *     seat = mgmt_seat(m, now)          somebody called: password prompt or greeting is in its output
 *     mgmt_feed(m, seat, bytes, n, now) what it said; commands run
 *     mgmt_output(m, seat, &n)          what to send; mgmt_sent() takes it away
 *     mgmt_leave(m, seat)               when mgmt_gone() says so or the socket ends
 *
 * Protocol: OpenVPN's doc/management-notes.txt, version 5 (2.6).
 */
#ifndef DBR_CONTROL_MGMT_H
#define DBR_CONTROL_MGMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MGMT_SEATS = 8,
    MGMT_LINE_MAX = 2048,    /* bytes of a command */
    MGMT_OUT_MAX = 16 << 20, /* bytes that a manager may leave unread */
    MGMT_BACKLOG = 64 << 10, /* unread bytes from which on no further command of it is run */
    MGMT_STATES_KEPT = 50,
    MGMT_LOGS_KEPT = 250, /* unless management-log-cache says otherwise */
    MGMT_LOGS_MAX = 10000,
    MGMT_PASSWORD_TRIES = 3,
    MGMT_PASSWORD_S = 30,   /* until then the password must have come */
    MGMT_GOODBYE_S = 5,     /* so long it may take to read the last words */
    MGMT_PATIENCE_MS = 500, /* fresh figures are waited for so long */
};

enum mgmt_signal { MGMT_SIGHUP, MGMT_SIGTERM, MGMT_SIGUSR1, MGMT_SIGUSR2, MGMT_SIGNALS };

/* What a command reaches. Every text that goes in is a manager's: without control characters. */
struct mgmt_host {
    void *arg;
    bool client; /* role */
    int pid;
    /* True: the figures are fresh. False: they are asked for; mgmt_fresh() tells when they are in. */
    bool (*fresh)(void *arg);
    void (*status)(void *arg, int version, int seat); /* mgmt_text() */
    void (*totals)(void *arg, unsigned *clients, uint64_t *in, uint64_t *out);
    void (*bytes)(void *arg, int seat);                          /* one line per client */
    unsigned (*kill)(void *arg, const char *whom, bool address); /* how many */
    bool (*client_kill)(void *arg, uint64_t cid, const char *message);
    int (*verb)(void *arg, int level); /* sets it (-1: leaves it); the level in force */
    void (*raise)(void *arg, enum mgmt_signal sig);
    void (*release)(void *arg);                                      /* of the hold */
    bool (*password)(void *arg, const char *what, const char *text); /* false: nobody asked for it */
    /* What client-auth and client-deny say: false when there is no such client, or nobody waits for it.
     * lines: of client-auth, config lines each ended by \n; reason: "" if none. */
    bool (*admit)(void *arg, uint64_t cid, uint64_t kid, const char *lines);
    bool (*deny)(void *arg, uint64_t cid, uint64_t kid, const char *reason, const char *client_reason);
    bool (*pending)(void *arg, uint64_t cid, uint64_t kid, const char *extra, unsigned timeout_s);
    /* Answers to mgmt_ask(), client role; false: they cannot be taken, and the question stands. */
    bool (*login)(void *arg, const char *user, const char *pass);
    /* remote ACCEPT|SKIP|MOD; host, port: "" without MOD; count: of SKIP. NULL, or why it cannot be. */
    const char *(*remote)(void *arg, const char *action, const char *host, const char *port, uint64_t count);
    const char *(*proxy)(void *arg, const char *type);                  /* likewise */
    bool (*remote_entry)(void *arg, uint64_t i, char *out, size_t cap); /* HOST,PORT,PROTO,STATUS */
    bool (*response)(void *arg, const char *base64);                    /* to CR_TEXT */
    bool (*certificate)(void *arg, const char *lines);
    bool (*signature)(void *arg, const char *lines); /* base64 */
    bool (*retry)(void *arg, const char *mode);      /* auth-retry */
};

/* What managers are asked. A question stands until one of them has answered, and who comes later hears it. */
enum mgmt_question {
    MGMT_ASK_LOGIN,       /* 'Auth' username/password */
    MGMT_ASK_REMOTE,      /* whom to call */
    MGMT_ASK_PROXY,       /* by which proxy */
    MGMT_ASK_CERTIFICATE, /* management-external-cert */
    MGMT_ASK_SIGNATURE,   /* management-external-key */
    MGMT_QUESTIONS
};

struct mgmt_config {
    const uint8_t *password; /* SHA-256 of it; NULL: none is asked for */
    unsigned logs_kept;      /* 0: MGMT_LOGS_KEPT */
    bool hold;               /* management-hold */
    const char *version;     /* our own name and version */
};

struct mgmt;

/* NULL: out of memory. host is copied. */
struct mgmt *mgmt_new(const struct mgmt_host *host, const struct mgmt_config *config);
void mgmt_free(struct mgmt *m); /* NULL is fine */

/* ---- managers ---- */

/* A seat, 0 .. MGMT_SEATS - 1, or -1 when all are taken. One that has not shown its password gives its seat
 * up for a newcomer: mgmt_gone() then says so of it first, and the caller asks again. */
int mgmt_seat(struct mgmt *m, uint64_t now_ns);
/* Takes n bytes; runs the commands that are whole. Bytes beyond mgmt_room() are not taken: it never drops
 * any, the caller reads no more than that. */
void mgmt_feed(struct mgmt *m, int seat, const void *bytes, size_t n, uint64_t now_ns);
/* It will say no more; it leaves when its last command has been answered. */
void mgmt_ended(struct mgmt *m, int seat, uint64_t now_ns);
size_t mgmt_room(const struct mgmt *m, int seat);
const char *mgmt_output(const struct mgmt *m, int seat, size_t *n);
void mgmt_sent(struct mgmt *m, int seat, size_t n, uint64_t now_ns); /* and runs what waited for room */
/* Why this manager is to go, once its output is sent: NULL while it stays. *at_once: without waiting. */
const char *mgmt_gone(const struct mgmt *m, int seat, bool *at_once);
void mgmt_leave(struct mgmt *m, int seat);

/* ---- time ---- */

uint64_t mgmt_deadline(const struct mgmt *m); /* UINT64_MAX: none */
void mgmt_tick(struct mgmt *m, uint64_t now_ns);
void mgmt_fresh(struct mgmt *m, uint64_t now_ns); /* the figures that were asked for are in */

/* ---- news ---- */

void mgmt_say(struct mgmt *m, int seat, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void mgmt_text(struct mgmt *m, int seat, const char *text, size_t n); /* lines ended by \n */
/* To every manager that has shown its password. */
void mgmt_tell(struct mgmt *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line of the log, kept and told; level as in base/log.h. */
void mgmt_log(struct mgmt *m, int64_t unix_s, int level, const char *line);
/* NAME,DETAIL,LOCAL,REMOTE,PORT,...: what stands behind the time in a state line. */
void mgmt_state(struct mgmt *m, int64_t unix_s, const char *rest);

/* True: hold is on and nobody has released it; tells who listens, each time it is asked with `tell`. */
bool mgmt_held(struct mgmt *m, bool tell);
/* "Private Key": asked for until mgmt_host.password took one. NULL: no more. */
void mgmt_want_password(struct mgmt *m, const char *what);
/* Asks, in the place of what was asked of this kind before; the text is what stands behind its head
 * (">REMOTE:"). Of a signature: BASE64,ALGORITHM. */
void mgmt_ask(struct mgmt *m, enum mgmt_question q, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mgmt_unask(struct mgmt *m, enum mgmt_question q);
bool mgmt_asks(const struct mgmt *m, enum mgmt_question q);
bool mgmt_anybody(const struct mgmt *m); /* a manager is there who has shown its password */

#endif
