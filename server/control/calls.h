/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the client role knows, shared by calls.c (whom to call, when again), calls_push.c (what the server
 * says) and calls_net.c (what happens to the network around us). Owned by control's one thread.
 */
#ifndef DBR_CONTROL_CALLS_H
#define DBR_CONTROL_CALLS_H

#include "client/hurry.h"
#include "client/names.h"
#include "client/ways.h"
#include "control/state.h"
#include "proto/challenge.h"
#include "proto/keymsg.h"

enum { MAX_TARGETS = 64 };

struct target {
    struct dbr_addr addr;
    const struct dbr_conf_remote *remote; /* what it was resolved from */
};

/* calls_login.c */
struct login {
    struct dbr_ipc_login own;     /* user name, password, answer to static-challenge; while `have` */
    char token[DBR_USERPASS_MAX]; /* pushed; "" = none */
    char token_user[DBR_USERPASS_MAX];
    struct dbr_challenge challenge; /* of the last AUTH_FAILED,CRV1 */
    char answer[DBR_IPC_LOGIN_MAX]; /* to it, while `answered` */
    bool told; /* a manager said the two below, challenges and all, in the place of own */
    char told_user[DBR_USERPASS_MAX], told_pass[DBR_USERPASS_MAX];
    bool have, answered;
    bool asked;      /* keeper was; no call before it answers */
    bool pending;    /* keeper asks what the server wants to know while it waits */
    bool refused;    /* what was said last time */
    bool token_said; /* the last key message had the token */
};
enum login_fate {
    LOGIN_OVER,    /* do not call again */
    LOGIN_LATER,   /* after the usual pause */
    LOGIN_AT_ONCE, /* the same server, with something else to say */
};

struct calls {
    struct target targets[MAX_TARGETS];
    size_t n, next;     /* next: the one to call */
    unsigned failures;  /* calls since the last one that worked */
    uint64_t call_ns;   /* when to call; UINT64_MAX: a call is up */
    uint64_t answer_ns; /* server-poll-timeout of the call that is up; UINT64_MAX: it was answered */
    struct client *client;
    const struct target *target;             /* the one that was called last */
    bool port_used;                          /* the next call shall come from another port */
    struct dbr_conf_binding bound;           /* of the socket that we have */
    bool bound_known;                        /* else the one before us had it made */
    const struct dbr_conf_remote *waits_for; /* a socket for this call was asked for; NULL: none */
    struct dbr_hurry hurry;
    bool soon;         /* what ended was up, or the network is new: call again without a pause */
    uint64_t pause_ns; /* the server wants no call before */
    bool leave;        /* AUTH_FAILED, HALT or the end: do not call again */
    bool leave_well;   /* it was what the configuration wants: status 0 */
    bool full;         /* keeper was told to send everything through the tunnel */
    struct login login;
    bool chosen, no_proxy; /* managers have said so of the next call; told.remote: it goes there instead */
    struct target told;
    struct dbr_config pulled;
    bool has_pulled;

    /* calls_net.c */
    int news, jump;       /* netlink socket, timer that a set clock cancels; -1 = none */
    unsigned own_if[2];   /* TAP and bridge: what happens to them is our doing */
    int64_t slept_ns;     /* that the machine has slept since it was started */
    uint64_t question_ns; /* when to ask the server next whether it is there; UINT64_MAX: no need */
    unsigned asked;       /* how often it was asked without an answer */
};

/* calls.c */
void calls_now(struct control *ctl, const char *why); /* ends what is not up and calls at once */
/* How long the server may be silent, seconds; 0: for ever. */
int calls_patience_s(struct control *ctl);
/* It was, or nothing passed (inactive). True if the program ends for that: `ping-exit` without
 * `ping-restart`, `inactive`. */
bool calls_silence(struct control *ctl, bool inactive);
/* How often the server wants to be told that we go; 0: not at all. */
int calls_goodbyes(struct control *ctl);

void calls_stop(struct control *ctl, int code); /* the program ends */

/* calls_login.c */
void calls_login_load(struct control *ctl);
bool calls_login_ready(struct control *ctl); /* false: keeper was asked, its answer sets call_ns */
enum login_fate calls_login_failed(struct control *ctl, const char *rest); /* AUTH_FAILED,rest */
void calls_login_pushed(struct control *ctl, const struct dbr_config *pulled);
void calls_login_info(struct client *c, const char *rest); /* INFO_PRE,rest */
void calls_login_over(struct control *ctl);                /* a call has ended */
void calls_login_free(struct calls *calls);

/* calls_mgmt.c */
/* False: managers were asked whom to call; their answer sets call_ns. */
bool calls_remote_ready(struct control *ctl);
bool calls_login_asks_managers(const struct control *ctl); /* user name and password are theirs to say */
void calls_login_ask_managers(struct control *ctl);
/* To every manager: bytes of the server, of which control characters become blanks. */
void calls_tell_managers(struct control *ctl, const char *head, const char *text, const char *tail);
/* What a manager said; false: too long. */
bool calls_login_told(struct control *ctl, const char *user, const char *pass);
bool calls_login_response(struct control *ctl, const char *base64);

/* calls_push.c */
void calls_tell_tap(
    struct control *ctl); /* also when the network here is another one: does it look like the far one? */
void calls_keep_way(struct control *ctl); /* in a full tunnel: the server itself stays outside */
void calls_send_way(struct control *ctl, const struct dbr_way *w);

/* calls_ipv6.c */
bool calls_has_routes6(const struct control *ctl);
void calls_tell_routes6(struct control *ctl, bool full); /* full: everything */

/* calls_dns.c */
void calls_tell_dns(struct control *ctl, bool full);
/* The same as the variables of OpenVPN 2.7's dns-updown: dns_server_1_address_1, dns_search_domain_1, ... */
void calls_dns_env(struct control *ctl,
                   void (*put)(struct control *ctl, const char *name, const char *value));

/* calls_net.c */
int calls_net_open(struct control *ctl); /* before the lock-down */
void calls_net_close(struct calls *calls);
void calls_net_tick(struct control *ctl);

#endif
