/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service's book: who is at its pipe, whose connection there is, who may say what when, and who hears of
 * it. It knows no handle and no clock: events go in, steps come out by a table of functions. service_win.c
 * does them.
 *
 *   a client:      FRESH --HELLO--> READY          silent for 10 s: out
 *   a connection:  NONE --CONNECT--> LIVE --DISCONNECT, log-off--> ENDING --engine gone--> NONE
 *
 * There is one connection at a time on a computer: two tunnels would fight for its routes and name servers.
 * It belongs to the user who asked for it; all his clients see its state, other users only that there is one.
 * Questions go to the client that connected, or, when it has gone, to another one of the same user.
 *
 * Owned by one thread. Steps must not call back into the book, but for dbr_book_client_gone() from drop.
 */
#ifndef DBR_CW_SERVICE_BOOK_H
#define DBR_CW_SERVICE_BOOK_H

#include "client-win/pipe/message.h"

enum {
    DBR_BOOK_CLIENTS = 64,
    DBR_BOOK_PER_SESSION = 16, /* clients of one session of Windows */
    DBR_BOOK_USER = 192,       /* a SID in text */
};

#define DBR_BOOK_HELLO_NS (10 * UINT64_C(1000000000)) /* a client says HELLO by then */
#define DBR_BOOK_STOP_NS  (10 * UINT64_C(1000000000)) /* an engine that was told STOP has ended by then */

/* What the book wants done. Places are those that dbr_book_client_came() gave. */
struct dbr_book_steps {
    /* Who is at the other end, as text: his SID. Only asked after HELLO. 0 or an error: then he is dropped.
     */
    int (*identify)(void *arg, size_t place, char user[DBR_BOOK_USER]);
    void (*tell)(void *arg, size_t place, const struct dbr_pm *m);
    /* Closes his pipe; dbr_book_client_gone() follows, now or later. */
    void (*drop)(void *arg, size_t place, const char *why);
    /* Starts an engine as the user at that place. 0, or an error with one line for the user in why. */
    int (*spawn)(void *arg, size_t place, char *why, size_t cap);
    void (*tell_engine)(void *arg, const struct dbr_pm *m);
    void (*kill_engine)(void *arg, const char *why);
    /* One NET_* message. 0, or an error with a line for the user. */
    uint32_t (*net)(void *arg, const struct dbr_pm *m, char *why, size_t cap);
    /* One line for the service's own log. */
    void (*note)(void *arg, const char *line);
};

struct dbr_book_client {
    bool used, ready, dropped;
    uint32_t session;
    uint64_t came_ns;
    char user[DBR_BOOK_USER];
};

enum dbr_book_call { DBR_BOOK_NONE, DBR_BOOK_LIVE, DBR_BOOK_ENDING };

struct dbr_book {
    struct dbr_book_steps steps;
    void *arg;
    struct dbr_book_client client[DBR_BOOK_CLIENTS];
    enum dbr_book_call call;
    char owner[DBR_BOOK_USER]; /* of the connection, or of the last one */
    uint32_t session;          /* in which it was asked for */
    size_t asker;              /* place of who hears questions; DBR_BOOK_CLIENTS: nobody is there */
    uint64_t end_by_ns;        /* ENDING */
    struct dbr_pm state;       /* the last STATE of owner's connection */
    struct dbr_pm ask;         /* the question that is open; type 0: none */
    struct dbr_pm
        trouble; /* the first error of a NET_* since NET_CLEAR: then NET_APPLY fails; type 0: none */
};

void dbr_book_init(struct dbr_book *b, const struct dbr_book_steps *steps, void *arg);

/* Somebody has opened the pipe from that session of Windows. His place, or DBR_BOOK_CLIENTS: there is none
 * for him, close his pipe. */
size_t dbr_book_client_came(struct dbr_book *b, uint32_t session, uint64_t now_ns);
void dbr_book_client_gone(struct dbr_book *b, size_t place);
/* A checked message of a client. m may hold a secret; it is not kept. */
void dbr_book_client_said(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns);

/* A checked message of the engine; its end, which comes once for each spawn that was good. */
void dbr_book_engine_said(struct dbr_book *b, const struct dbr_pm *m, uint64_t now_ns);
void dbr_book_engine_gone(struct dbr_book *b, const char *why);

/* A user has logged off from that session: his connection ends. */
void dbr_book_session_over(struct dbr_book *b, uint32_t session, uint64_t now_ns);
/* The service stops: the connection ends. */
void dbr_book_stop(struct dbr_book *b, uint64_t now_ns);

/* Does what is due at now_ns; returns when to call again (UINT64_MAX: no need). */
uint64_t dbr_book_tick(struct dbr_book *b, uint64_t now_ns);

#endif
