/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of the engine share: engine.c (life), load.c (profile into keys), call.c (whom to call and
 * when), login.c (who we are), push.c (what the server wants of this machine), frames.c (data channel).
 */
#ifndef DBR_CW_ENGINE_PRIV_H
#define DBR_CW_ENGINE_PRIV_H

#include "client-win/engine/engine.h"

#include "bridge/mss.h"
#include "client/hurry.h"
#include "client/ways.h"
#include "conf/config.h"
#include "crypto/tls.h"
#include "proto/challenge.h"
#include "proto/fragment.h"
#include "proto/framing.h"
#include "proto/keymsg.h"
#include "proto/wkc.h"

#define SECOND_NS 1000000000ull
#define NEVER     UINT64_MAX

enum { MAX_REMOTES = 64, MAX_ADDRS = 16, MAX_STEPS = 96, KEYS = 8, SECRET_MAX = 512, TEXT_MAX = 256 };

/* Who we are, as the server asks for it. */
struct login {
    char user[DBR_USERPASS_MAX], pass[DBR_USERPASS_MAX]; /* while `have` */
    char response[SECRET_MAX];                           /* to static-challenge, while `responded` */
    char token[DBR_USERPASS_MAX], token_user[DBR_USERPASS_MAX];
    struct dbr_challenge challenge; /* of the last AUTH_FAILED,CRV1 */
    char answer[SECRET_MAX];        /* to it, while `answered` */
    bool have, responded, answered;
    bool pending;     /* what is asked is for the server that waits (CR_TEXT) */
    bool refused;     /* what was said last time */
    bool token_said;  /* the last key message had the token */
    bool answer_said; /* `answer` was in one */
};

struct call {
    uint8_t order[MAX_REMOTES]; /* of cfg.remote */
    size_t n, next;             /* next: index into order of the one in hand */
    struct dbr_addr addrs[MAX_ADDRS];
    size_t n_addrs, next_addr;
    struct dbr_addr known[MAX_REMOTES]; /* the address of each that answered last */
    struct dbr_addr to;                 /* of the call that is up */
    struct dbr_session *session;
    unsigned failures, rounds;
    unsigned ticket;     /* of the name that is being resolved */
    uint64_t call_ns;    /* when to call; NEVER: a call is up, or something is waited for */
    uint64_t resolve_ns; /* when to give up resolving */
    uint64_t answer_ns;  /* when to give up this server; NEVER: it was answered */
    uint64_t pause_ns;   /* the server wants no call before */
    uint64_t question_ns;
    unsigned asked;
    bool soon, again; /* call at once; the same server */
    struct dbr_hurry hurry;
    bool leave; /* do not call again: the state is FAILED, or IDLE where `stopping` */
    char why[TEXT_MAX];
};

struct key {
    struct dbr_slot slot;
    uint32_t age;
    bool was_used, at_limit;
};

struct data {
    struct key keys[KEYS]; /* by key id */
    struct key *primary;
    uint32_t keys_ever, peer_id;
    enum dbr_framing framing;
    uint16_t piece; /* longest piece of a payload; 0: payloads are not cut */
    uint8_t sequence;
    struct dbr_fragments *fragments;
    struct dbr_mss mss;
    uint16_t max_l3;
    bool up; /* there are keys */
    uint64_t rx_ns, tx_ns, active_ns, active_bytes, since_ns;
    uint32_t ping_s, silence_s, inactive_s, session_s;
    uint64_t inactive_bytes;
    uint8_t *scratch; /* a frame with its room: cut, or put together, or expanded */
    uint8_t *expand;
};

struct net {
    struct dbr_net_step steps[MAX_STEPS], applied[MAX_STEPS];
    size_t n, n_applied;
    bool is_applied, full, dropped;
    bool waits;       /* we are connected once Windows is done */
    unsigned pending; /* APPLYs that were not answered yet */
};

struct dbr_engine {
    const struct dbr_engine_ops *ops;
    void *arg;
    struct dbr_now now;
    struct dbr_config cfg, pulled;
    bool has_pulled, later_push;
    enum dbr_engine_state state;
    unsigned waits_for; /* enum dbr_engine_ask; 0: nothing is asked */
    bool started, stopping, over;
    char line[TEXT_MAX]; /* the first complaint about the profile */

    uint8_t static_key[DBR_STATIC_KEY_LEN], wkc[DBR_WKC_MAX];
    struct dbr_gate *gate;
    struct dbr_session_config session;
    struct dbr_x509_rules rules;
    char *ciphers;
    char passphrase[SECRET_MAX];
    bool has_passphrase;

    struct login login;
    struct call call;
    struct data data;
    struct net net;
};

/* engine.c */
void engine_log(struct dbr_engine *e, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void engine_state(struct dbr_engine *e, enum dbr_engine_state state, const char *text);
void engine_ask(struct dbr_engine *e, enum dbr_engine_ask kind, bool echo, const char *text);
void engine_fail(struct dbr_engine *e, const char *text); /* for good */
extern const struct dbr_session_ops engine_session_ops;

/* load.c. 0, DBR_ERR_CONFIG or DBR_ERR_NOMEM, the reason in why. */
int load_profile(struct dbr_engine *e, const char *profile, size_t len);
int load_gate(struct dbr_engine *e, char *why, size_t cap);
enum load { LOAD_DONE, LOAD_LOCKED, LOAD_WRONG_PASSPHRASE, LOAD_BAD };
enum load load_tls(struct dbr_engine *e, char *why, size_t cap);

/* call.c */
void call_begin(struct dbr_engine *e);                /* when all that must be asked was */
void call_settle(struct dbr_engine *e);               /* looks at the session after each call into it */
void call_is_up(struct dbr_engine *e);                /* the server has let us in */
void call_end(struct dbr_engine *e, const char *why); /* this call; what is next is in e->call */
void call_tick(struct dbr_engine *e);
uint64_t call_deadline(const struct dbr_engine *e);
void call_free(struct dbr_engine *e);
void call_message(struct dbr_engine *e, enum dbr_ctrlmsg kind, const char *rest);
void call_answered(struct dbr_engine *e); /* the OCC request */
void call_goodbye(struct dbr_engine *e);
bool call_may_float(const struct dbr_engine *e); /* the server may answer from elsewhere */

/* login.c */
enum login_fate { LOGIN_OVER, LOGIN_LATER, LOGIN_AT_ONCE };
bool login_ready(struct dbr_engine *e); /* false: the user was asked */
int login_credentials(struct dbr_engine *e, char *user, char *pass);
enum login_fate login_failed(struct dbr_engine *e, const char *rest);
void login_pushed(struct dbr_engine *e, const struct dbr_config *pulled);
void login_info(struct dbr_engine *e, const char *rest);
void login_over(struct dbr_engine *e, bool was_up); /* a call has ended */
void login_take(struct dbr_engine *e, enum dbr_engine_ask kind, const char *user, const char *secret);
/* USER and PASSWORD of the first two lines of an inline auth-user-pass. 0 or DBR_ERR_SHAPE. */
int login_parse(struct login *l, const char *text);

/* push.c */
int push_take(struct dbr_engine *e, const char *options);
void push_later(struct dbr_engine *e, const char *options); /* while the session stands */
void push_steps(struct dbr_engine *e);                      /* tells Windows, unless that is what it has */
void push_clear(struct dbr_engine *e);
void push_way(struct dbr_engine *e); /* before a call: around a full tunnel */

/* frames.c */
int frames_init(struct dbr_engine *e);
void frames_free(struct dbr_engine *e);
int frames_key(struct dbr_engine *e, const struct dbr_data_keys *keys);
void frames_swap(struct dbr_engine *e, uint8_t key_id);
void frames_drop(struct dbr_engine *e, uint8_t key_id);
void frames_down(struct dbr_engine *e); /* all keys go */
void frames_feed(struct dbr_engine *e, uint8_t *dgram, size_t len, const struct dbr_addr *from);
void frames_send_payload(struct dbr_engine *e, const uint8_t *bytes, size_t len);
void frames_send_occ(struct dbr_engine *e, enum dbr_occ op);
void frames_tick(struct dbr_engine *e);
uint64_t frames_deadline(const struct dbr_engine *e);

static inline uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
