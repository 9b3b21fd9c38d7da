/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of the management interface share, and nobody else includes: a manager's seat, and the
 * machine with its eight of them. mgmt.c owns both: seats, output, time. mgmt_lines.c makes lines of what a
 * manager says, asks for its password and hands words on; mgmt_commands.c has the table of commands and what
 * each does; mgmt_ask.c what managers are asked, and the commands that answer. Owned by control's one thread.
 */
#ifndef DBR_CONTROL_MGMT_SEAT_H
#define DBR_CONTROL_MGMT_SEAT_H

#include "control/mgmt.h"

enum { MGMT_WHAT_MAX = 32 };

struct mgmt;
struct seat;

struct line {
    int64_t unix_s;
    char *text; /* what stands behind the time */
};

struct ring {
    struct line *v;
    size_t cap, n, next;
};

struct seat {
    bool taken, passed;
    unsigned tries;
    uint64_t since_ns;
    uint64_t order; /* counts up: who came first */
    char in[2 * MGMT_LINE_MAX];
    size_t n_in;
    bool skipping; /* the rest of a line that was too long */
    char *out;
    size_t n_out, cap_out;
    bool lost; /* it does not read */
    const char *bye;
    uint64_t bye_ns; /* until then its last output may be sent; 0: not yet known */
    bool hurry;      /* it is not waited for */
    bool ended;      /* it will say no more */
    bool log, state, echo;
    unsigned bytes_s; /* 0: no byte counts */
    uint64_t bytes_ns;
    bool wants_bytes;
    uint64_t stalled_ns; /* a command waits for fresh figures until then; 0: none */
    unsigned version;    /* of the protocol, as it said; 0: it did not */
    char *user;          /* of its answer to 'Auth', until the password comes; NULL: none */
    /* Lines behind a command, until END: what then is done with them; NULL: none are collected. */
    bool (*collecting)(struct mgmt *m, const struct seat *s);
    const char *collects; /* name of the command */
    uint64_t cid, kid;
    size_t n_lines;
    bool lines_lost;
    char *lines;
};

struct mgmt {
    struct mgmt_host host;
    uint8_t password[32];
    bool has_password;
    char version[64];
    bool hold, released;
    char wanted[MGMT_WHAT_MAX];  /* password that is asked for; "" = none */
    char *asked[MGMT_QUESTIONS]; /* what stands behind the head; NULL: it is not asked */
    struct seat seats[MGMT_SEATS];
    uint64_t arrivals;
    int running;       /* seat whose command runs; -1: none */
    struct seat after; /* only its output: news for that seat, which follow the answer */
    struct ring logs, states;
    int64_t now_s; /* of the last news */
};

/* ---- mgmt.c ---- */

void mgmt_put(struct seat *s, const char *bytes, size_t n); /* what does not fit marks the seat as lost */
bool mgmt_listens(const struct seat *s);                    /* it has shown its password and stays */
/* A line of news for one manager. */
void mgmt_tell_one(struct mgmt *m, int seat, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The last `most` lines, oldest first, and END. */
void mgmt_ring_say(struct mgmt *m, int seat, const struct ring *r, size_t most);
/* No command runs any more: what happened because of it is told after its answer. */
void mgmt_tell_after(struct mgmt *m, int seat);

/* ---- mgmt_commands.c ---- */

struct call {
    struct mgmt *m;
    struct seat *s;
    int seat, argc;
    char **argv; /* the command's own name is argv[0] */
};

#define SAY(c, ...) mgmt_say((c)->m, (c)->seat, __VA_ARGS__)

bool mgmt_number(const char *word, uint64_t max, uint64_t *out); /* decimal digits only */
/* Lines follow until END: take is called with all of them. */
void mgmt_collect(struct call *c, const char *name, bool (*take)(struct mgmt *m, const struct seat *s));

bool mgmt_shows_figures(const struct mgmt *m, const char *word); /* a command that shows what workers count */
void mgmt_run(struct mgmt *m, int seat, int argc, char **argv);  /* argv[0] is the command; argc > 0 */

/* ---- mgmt_ask.c ---- */

void mgmt_questions_say(struct mgmt *m, int seat); /* those that stand, to who has come */
void mgmt_version_known(struct mgmt *m, int seat); /* what it hears differently now is said again */
bool mgmt_username(struct call *c);                /* false: it is not about 'Auth' */
bool mgmt_login(struct call *c);
void mgmt_remote(struct call *c);
void mgmt_proxy(struct call *c);
void mgmt_remote_count(struct call *c);
void mgmt_remote_get(struct call *c);
void mgmt_response(struct call *c);
void mgmt_certificate(struct call *c);
void mgmt_signature(struct call *c);

/* ---- mgmt_lines.c ---- */

void mgmt_greet(struct mgmt *m, int seat); /* it has shown its password, or needs none */
/* Runs each whole line that the seat has said, while its output has room. */
void mgmt_run_all(struct mgmt *m, int seat, uint64_t now_ns);

#endif
