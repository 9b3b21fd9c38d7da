/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the control process knows: its inputs, its clients, its tables. Private to the room; one thread owns
 * it all.
 *
 *   loop.c      epoll, timers, start and end      outside.c   clocks, datagrams out
 *   inbox.c     gate, reset, cookie, sessions     tables.c    who is found by what
 *   clients.c   life of a client                  verdict.c   certificate rules, CRL
 *   options.c   pool, client files, push          workers.c   messages to and from data
 *   load.c      files into keys and TLS           keeper.c    messages to and from keeper
 *   status.c    status file                       ctl.c       drawbridge-ctl
 *   talk.c      log lines of a client             calls.c     client role: whom to call, when again
 *   mgmt.c      managers: seats, output, time     mgmt_io.c   their sockets
 *   hooks.c     scripts of the configuration      admit.c     the steps until a client is in
 *   mgmt_host.c what their commands do            env.c       what scripts and managers hear of a client
 *   callers.c   p2p server: who may call          gatekey.c   tls-crypt-v2
 *   metrics.c   the numbers for Prometheus        seen.c      IP addresses behind clients
 *   password.c  user names and passwords
 */
#ifndef DBR_CONTROL_STATE_H
#define DBR_CONTROL_STATE_H

#include "base/err.h"
#include "base/heap.h"
#include "base/log.h"
#include "certs/trust.h"
#include "conf/config.h"
#include "control/mgmt.h"
#include "ipc/boot.h"
#include "ipc/messages.h"
#include "proto/admit.h"
#include "proto/authtoken.h"
#include "proto/cookie.h"
#include "proto/session.h"
#include "ipc/revoked.h"
#include "proto/withdrawn.h"
#include "proto/wkc.h"

enum {
    MAX_HALF_OPEN = 20000,
    SID_BUCKETS = 16384,
    NAME_BUCKETS = 4096,
    PUSH_OURS = 8,   /* options that we push beside those of the files */
    MACS_SHOWN = 64, /* addresses kept per client for the status file */
    SOCKET_BATCH = 32,
    MAX_CTL = 8, /* drawbridge-ctl connections at once */

    /* what an epoll event is about */
    KEEPER_EVENT = 0,
    SOCKET_EVENT,
    FETCH_EVENT,
    NETWORK_EVENT,                       /* client role: addresses or routes of this machine have changed */
    JUMP_EVENT,                          /* client role: the clock was set, or the machine has slept */
    LISTEN_EVENT,                        /* drawbridge-ctl calls */
    CTL_EVENT,                           /* + connection */
    METRICS_EVENT = CTL_EVENT + MAX_CTL, /* somebody asks for the numbers */
    MGMT_LISTEN_EVENT,                   /* a manager calls */
    SIGNER_EVENT,                        /* signatures */
    LOG_EVENT,                           /* other processes' lines for managers */
    MGMT_EVENT,                          /* + seat */
    WORKER_EVENT = MGMT_EVENT + MGMT_SEATS,      /* + worker */
    MORE_EVENT = WORKER_EVENT + DBR_MAX_WORKERS, /* + socket of a further `local` */
};

struct control;

struct shown_mac {
    uint8_t mac[6];
    uint16_t vlan;
    int64_t last_s;          /* unix */
    uint8_t ip4[4], ip6[16]; /* its addresses, as far as seen (seen.c); zero: none */
    bool leased;             /* a DHCP server gave it ip4 */
};

enum client_stage { STAGE_HALF_OPEN, STAGE_ADMITTED, STAGE_GOING };

/* What only an admitted client needs: strangers who proved a cookie do not get it. */
struct admitted {
    char cn[DBR_IPC_CN_MAX];
    struct dbr_client_config file; /* its client-config-dir file */
    bool has_file;
    char *more;           /* directives of a script or manager, beside the file; NULL: none */
    uint8_t step;         /* admit.c: the next one */
    uint8_t verified;     /* certificates that tls-verify has let pass */
    uint8_t hook;         /* enum dbr_hook of the script it waits for */
    bool again;           /* it is in, and a renegotiation of it is judged */
    uint32_t kid;         /* how many there were: managers name the question by it */
    struct login *login;  /* password.c; NULL: nobody asks for user names */
    bool hooked;          /* client-disconnect is due when it goes */
    uint32_t waits_for;   /* id of the script whose result it waits for; 0: none */
    uint64_t wait_ns;     /* not longer than until then */
    bool has_id;          /* managers know it by its client id already */
    uint32_t ip, netmask; /* host order; 0 = none given by us */
    char push_ifconfig[48], push_ifconfig6[128];
    struct dbr_ipc_stats stats;
    struct shown_mac *macs; /* grows up to MACS_SHOWN */
    size_t n_macs, cap_macs;
    int64_t loop_s; /* when data said last that its port leads back to us, unix; 0 = never */
    uint8_t serial[DBR_IPC_SERIAL_MAX];
    uint8_t serial_len;
    uint8_t *issuer; /* DER name; NULL for a peer that data handed back, until a CRL bears its hash */
    size_t issuer_len;
    uint8_t issuer_hash[32]; /* SHA-256 of it */
    int64_t not_after;       /* its end; of a peer that data handed back, that of its chain; 0: not known */
};

/* What stands in a client's tls-crypt-v2 key beside the key: a type, and bytes. */
struct gate_metadata {
    size_t len; /* at least 1 */
    uint8_t bytes[DBR_WKC_METADATA_MAX];
};

/* Lines written about somebody in the ten seconds that end at until_ns (talk.c). */
struct ration {
    uint64_t until_ns;
    unsigned said, dropped;
};

/* What sessions begin under: the gate and the settings. Counted by those who live in it; a reload makes a new
 * one (reload.c). */
struct realm {
    struct realm *next; /* of all that live */
    unsigned refs;
    struct dbr_gate *gate;
    uint8_t static_key[DBR_STATIC_KEY_LEN];
    struct dbr_wkc *wkc;          /* unwraps the keys of tls-crypt-v2; NULL: not configured */
    bool v2_only;                 /* gate is none because everybody has a key of his own */
    uint8_t own_wkc[DBR_WKC_MAX]; /* client role: what we bring along */
    struct dbr_session_config session;
};

struct client {
    struct control *ctl;
    struct dbr_session *session; /* NULL for one that only data still knows */
    struct realm *realm;         /* of the session */
    struct dbr_addr addr;
    struct dbr_heap_entry timer;
    struct client *next_sid;      /* hash chain by remote session id */
    struct client *next_name;     /* hash chain by name, once admitted */
    struct client *older, *newer; /* list of half-open clients */
    struct admitted *adm;         /* NULL while half open */
    enum client_stage stage;
    struct gate_metadata
        *metadata;    /* of that key, for tls-crypt-v2-verify; NULL: nobody asks, or it has none */
    uint8_t *gate_id; /* of its tls-crypt-v2 key, DBR_WKC_ID_LEN bytes; NULL: it has none */
    struct chain *chain, *shown_chain; /* of the last good handshake, and of one that is not done */
    struct ocsp_entry *ocsp;           /* its certificate's; NULL: not asked about */
    struct client *ocsp_next;
    struct client *hook_next; /* of those who wait for a script */
    bool ocsp_due;            /* it has not heard of the last answer */
    bool in_data;
    bool charged; /* its reset's token has not been given back */
    bool told;    /* managers know that it is here */
    bool untold;  /* its worker did not take a message: the session ends */
    bool had_keys;
    uint8_t fault; /* enum dbr_metric: why it is not let in; 0: not known */
    struct ration lines;
    uint32_t peer_id;
    uint64_t id;     /* client id (CID), counts up */
    int64_t since_s; /* unix */
};

struct tally { /* what strangers and peers sent that was dropped, by reason */
    uint64_t shape, auth, replayed, seen, throttled, cookie, state, full;
};

/* The free peer ids as a ring through next and prev; [n] is its head (tables.c). */
struct peer_ids {
    uint32_t n;
    uint32_t *next, *prev;
    uint8_t *owed; /* 1 + reason of a PEER_DEL that its worker has not taken yet; such an id is not free */
};

struct control {
    const struct dbr_boot *boot;
    const struct dbr_config *cfg;
    const struct dbr_log *log;
    struct dbr_now now;
    uint64_t wake_ns; /* when the loop wanted to wake at the latest; 0: whenever */
    int udp;          /* boot's, until keeper sends another one (client role) */
    int epoll;
    bool stop;
    int exit_code;

    struct realm *realms;            /* all that live */
    struct realm *realm;             /* of new sessions */
    struct realm *old_realm;         /* of those whose gate key is tls-auth-old; NULL: none */
    const struct dbr_bundle *bundle; /* files that keeper has read; NULL: open them */
    struct control *real;            /* this one only serves to build a reload for it; else NULL */
    struct dbr_config *own_cfg;      /* cfg, which a reload changes */
    struct dbr_log own_log;
    struct dbr_cookie cookie;
    struct dbr_seen *seen;
    struct dbr_buckets *buckets;
    struct dbr_withdrawn withdrawn; /* keys of tls-crypt-v2 */
    struct dbr_mac *token_mac;      /* signs the tokens of auth-gen-token; NULL: there are none */
    char *data_ciphers;
    struct dbr_x509_rules rules;
    unsigned ku_count;
    struct dbr_trust *trust;
    struct dbr_issuers *issuers;
    bool crl_wanted;            /* lists; beside them may be a folder */
    struct dbr_revoked revoked; /* serials of the folder of crl-verify */
    int ca_fd;                  /* the CA's certificates for fetch; 0: none */
    uint32_t crl_ticket, crl_failures;
    uint64_t crl_recalled; /* generation of ipc/crlstate.h whose lists were all taken at the start */
    int64_t crl_good_s;    /* last good fetch, unix; 0: none */
    uint64_t crl_alarm_ns; /* when lists are looked at again */
    struct ocsp_table *ocsp;
    uint64_t ocsp_tick_ns; /* 0: nothing is known by OCSP */
    int64_t expiry_s;      /* the first certificate of a live session ends, unix; 0: none known */

    struct dbr_heap timers;
    struct client *by_sid[SID_BUCKETS];
    struct client **by_peer; /* max_clients entries; index = peer id */
    struct client *by_name[NAME_BUCKETS];
    struct peer_ids ids;
    uint32_t max_clients, n_admitted, n_half_open;
    struct client *oldest_half_open, *newest_half_open;
    bool flooded; /* there were many of them */
    uint64_t next_client_id;
    uint8_t hash_key[16];

    struct pool *pool;   /* who had which address; NULL: not remembered */
    uint32_t *pool_used; /* clients per address of the pool */
    struct ration stranger_lines;
    uint64_t busy_ns[DBR_MAX_WORKERS]; /* until then nobody waits for this worker */
    uint64_t owed_ns;                  /* when to offer the PEER_DELs owed again; 0: none */
    struct tally tally;
    uint64_t tally_log_ns, knock_auth_ns, knock_shape_ns, knock_key_ns;
    uint64_t status_ns;
    unsigned status_answers; /* workers that still owe their statistics */
    int64_t started_s;

    struct farewell *farewells;  /* client-disconnect that waits for the last figures, oldest first */
    struct client *hook_waiters; /* for a script's result */
    uint32_t hook_id;            /* of the last one that somebody waits for */
    int64_t learn_s;             /* the second in which learn_said calls of learn-address were made */
    unsigned learn_said, learn_dropped;
    struct management *management; /* NULL: no managers */
    struct signer *signer;         /* NULL: the private key is not in a process of its own */
    struct calls *calls;           /* client role */
    uint64_t shutdown_ns;          /* 0 = not shutting down */
    uint8_t *batch;                /* receive buffers */
    struct callers *callers; /* server without `mode server`: from where its peer may call; NULL: anywhere */
    int64_t metric[DBR_METRICS]; /* what is counted here */
    struct dbr_ipc_worker worker_sums[DBR_MAX_WORKERS];
    uint32_t metrics_ticket;
    uint64_t metrics_ns; /* who asked for the numbers is answered then at the latest; 0: nobody waits */
    int ctl_socks[MAX_CTL];
    unsigned ctl_oldest;           /* who goes when all places are taken */
    uint32_t ctl_tickets[MAX_CTL]; /* of what this caller waits for; 0: nothing */
};

/* outside.c: clocks into ctl->now; a datagram out, 0 or DBR_ERR_IO */
void control_clock(struct control *ctl);
int control_send(struct control *ctl, const struct dbr_addr *to, const uint8_t *dgram, size_t len);

/* loop.c */
struct control *control_new(const struct dbr_boot *boot); /* NULL after a logged line */
void control_turn(struct control *ctl, int timeout_ms);   /* waits for events, handles them, runs timers */
uint64_t control_deadline(struct control *ctl);           /* when the next timer is due, monotonic ns */
void control_free(struct control *ctl);
uint64_t control_second(const struct control *ctl); /* monotonic seconds, for cookies and the seen table */
void control_reschedule(struct client *c);
int control_watch(struct control *ctl, int fd, uint32_t what);
void control_unwatch(struct control *ctl, int fd);

/* talk.c: a line with the client's name and address; lines up to DBR_LOG_INFO are rationed */
void client_log(struct client *c, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* tables.c */
int tables_init(struct control *ctl, uint32_t max_clients); /* 0 or DBR_ERR_NOMEM */
void tables_free(struct control *ctl);
void client_add_sid(struct client *c, uint64_t remote_sid);
void client_remove_sid(struct client *c);
/* The session that a datagram with this sid from this address belongs to, or NULL. */
struct client *client_by_sid(struct control *ctl, uint64_t remote_sid, const struct dbr_addr *from);
struct client *client_by_peer(struct control *ctl, uint32_t peer_id);
/* The first client of this name, or the next one after `after`. */
struct client *client_named(struct control *ctl, const char *cn, const struct client *after);
void half_open_add(struct client *c);
void half_open_remove(struct client *c); /* it becomes STAGE_GOING; not half open: nothing */
/* Gives an admitted client (adm->cn is set) the peer id that was free longest, or this very one; false if
 * there is none. strike takes it back. */
bool client_enlist(struct client *c);
bool client_enlist_as(struct client *c, uint32_t peer_id);
void client_strike(struct client *c);
void peer_id_free(struct control *ctl, uint32_t id); /* its owed PEER_DEL is told */

/* load.c: everything that opens files; before the lock-down. 0 or DBR_ERR_CONFIG after a logged line. */
int control_load(struct control *ctl);
/* Verifies and takes over a CRL; what is refused leaves the old one in force. name is for the log. */
int control_take_crl(struct control *ctl, const uint8_t *bytes, size_t len, const char *name);

/* inbox.c */
void control_read_socket(struct control *ctl, unsigned via); /* via as in struct dbr_addr */
int control_socket(const struct control *ctl, unsigned via);
void control_datagram(struct control *ctl, uint8_t *dgram, size_t len, const struct dbr_addr *from);
void control_log_tally(struct control *ctl);

/* clients.c */
extern const struct dbr_session_ops control_session_ops;
bool client_fixed(const struct client *c); /* what comes from another address than its own is not its */
struct client *client_new(struct control *ctl, const struct dbr_addr *addr);
void client_free(struct client *c);
/* All verdicts on the certificate are in but for what the lists say now: name, place and address. 0, or a
 * refusal. */
int client_admit(struct client *c, char *reason, size_t cap);
void client_settle(struct client *c); /* after each call into its session: timer, death */
void client_tick(struct client *c);
unsigned clients_revoke(struct control *ctl); /* cuts whom the lists in force name; returns how many */
/* Frames stop first, then text is delivered and the session ends. */
void client_kick(struct client *c, const char *text, const char *why);
/* What tells this client to come back: text, or without `mode server`, where OpenVPN only hears EXIT, that.
 */
const char *client_parting(const struct client *c, const char *text);
void clients_shutdown(struct control *ctl, const char *text);
bool clients_idle(const struct control *ctl);

/* options.c */
/* Reads the file of a client with this name; 0, or an error with the reason to tell it. */
int options_file(struct client *c, const char *name, char *reason, size_t cap);
void options_address(struct client *c); /* from its file or the pool */
void options_release(struct client *c);
bool options_again(struct client *c); /* after admit_more(): file and address anew; false: not valid */
size_t options_push(struct client *c, const char **opts, size_t max);

/* pool.c: ifconfig-pool-persist; without it each of these does nothing */
int pool_load(struct control *ctl);                                  /* before the lock-down */
void pool_parse(struct control *ctl, char *text);                    /* lines of the file; changes text */
uint32_t pool_remembered(const struct control *ctl, const char *cn); /* address of this name; 0: none */
bool pool_is_anothers(const struct control *ctl, uint32_t ip);       /* a name is remembered for it */
void pool_remember(struct control *ctl, uint32_t ip, const char *cn);
uint64_t pool_deadline(const struct control *ctl); /* UINT64_MAX: none */
void pool_tick(struct control *ctl);
void pool_write(struct control *ctl); /* what has changed, now */
void pool_free(struct control *ctl);

/* verdict.c */
enum dbr_verify verdict_chain(void *arg, void *session_arg, const struct dbr_x509 *chain, size_t n, char *why,
                              size_t cap);
bool verdict_stands(struct client *c);  /* no list in force names an admitted client's certificate */
int verdict_rules(struct control *ctl); /* reads the rules out of the configuration */

/* workers.c */
int workers_peer_new(struct client *c);
int workers_peer_set(struct client *c); /* the same again: its certificate is another */
int workers_key_new(struct client *c, const struct dbr_data_keys *keys);
void workers_key_ref(struct client *c, uint16_t type, uint8_t key_id);
void workers_peer_del(struct client *c, enum dbr_del_reason reason);
void workers_send_payload(struct client *c, const uint8_t *bytes, size_t n);
void workers_send_occ(struct client *c, enum dbr_occ op);
void workers_datagram(struct control *ctl, unsigned worker, const uint8_t *dgram, size_t len,
                      const struct dbr_addr *from);
void workers_pay(struct control *ctl);     /* offers the PEER_DELs owed */
void workers_forgive(struct control *ctl); /* data is new and knows no peer: nothing is owed */
void workers_read(struct control *ctl, unsigned worker);
void workers_ask_stats(struct control *ctl);
void workers_ask_peers(struct control *ctl);
unsigned worker_of(const struct control *ctl, uint32_t peer_id);

/* reload.c */
struct realm *realm_new(struct control *ctl); /* one reference; NULL: out of memory */
struct realm *realm_get(struct realm *r);
void realm_put(struct control *ctl, struct realm *r); /* NULL is fine */

/* keeper.c */
void keeper_read(struct control *ctl);
void keeper_say(struct control *ctl, enum dbr_state what, int32_t value);
void keeper_tell(struct control *ctl, const void *msg);

/* The whole of a file that keeper or drawbridge-ctl opened for us; free it. NULL: too large or not readable.
 */
uint8_t *control_read_all(int fd, size_t *len);

/* ctl.c */
void ctl_accept(struct control *ctl);
void ctl_read(struct control *ctl, size_t i);

/* status.c */
void status_due(struct control *ctl); /* asks the workers; the file is written when all have answered */
void status_write(struct control *ctl);

/* The figures in the status format 1, 2 or 3, for free(); NULL: no memory. */
char *status_text(struct control *ctl, int version, size_t *len);

/* admit.c: what lies between an authenticated client and its keys, one step after the other */
int admit_begin(struct client *c, char *reason,
                size_t cap); /* 0, DBR_ERR_AGAIN, or a refusal with a reason */
/* The verdict that a step waited for. */
void client_verdict(struct client *c, int err, const char *reason);
bool admit_waits_for_ocsp(const struct client *c);
/* Directives beside the client's file, from a script or manager; 0, or an error: they are not valid. */
int admit_more(struct client *c, const char *text, size_t len);

/* The same for a renegotiation of a client that is in. */
int admit_again(struct client *c, char *reason, size_t cap);

/* password.c */
/* What the client's key message says, when a verdict is asked for; 0 or DBR_ERR_NOMEM. */
int login_heard(struct client *c);
/* A step of admission: 0, DBR_ERR_AGAIN, or a refusal. */
int login_check(struct client *c, char *reason, size_t cap);
/* The script has let it in, or not. */
int login_checked(struct client *c, const struct dbr_ipc_hook_done *m, char *reason, size_t cap);
/* The client is told that it takes so many seconds, and what it is to do meanwhile (extra, behind INFO_PRE).
 * 0, or an error: it cannot be told. */
int login_say_pending(struct client *c, unsigned seconds, const char *extra);
/* The client answers what it was asked, in base64. */
void login_answer(struct client *c, const char *text);
/* Everybody who may refuse has let it in: the password is forgotten, the name counts from now on. */
int login_settle(struct client *c, char *reason, size_t cap);
void login_forget(struct client *c); /* the password */
void login_free(struct admitted *a);
bool login_proved(const struct client *c); /* its token is good: nobody else is asked */
int login_override(struct client *c);      /* by its file's override-username; 0 or DBR_ERR_NOMEM */
/* The token that it gets now, as options to push (4 at most); the number with those. */
size_t login_push(struct client *c, const char **opts, size_t n);
void login_renewed(struct client *c);            /* it has new data keys: another token goes out */
void login_tick(struct client *c);               /* the same when its time has come */
uint64_t login_deadline(const struct client *c); /* UINT64_MAX: never */
/* What scripts are told of its token: state and session id; false: there are no tokens. */
bool login_session(const struct client *c, const char **state, char sid[DBR_TOKEN_SID_TEXT]);
const char *login_user(const struct client *c);     /* "" if it said none */
const char *login_password(const struct client *c); /* while it is judged; else "" */
/* Under which name its file is: its certificate's, or its user name; as it came. */
const char *client_name(const struct client *c);
void client_rename(struct client *c, const char *name); /* before it has its place */

/* hooks.c */
int hook_user_pass(struct client *c);                     /* DBR_ERR_AGAIN, or an error */
void hook_crresponse(struct client *c, const char *text); /* while it waits for that script's verdict */
int hook_gate_key(struct client *c);       /* the same; DBR_ERR_NOTFOUND: its key says nothing */
int hook_tls_verify(struct client *c);     /* DBR_ERR_AGAIN, or an error */
int hook_client_connect(struct client *c); /* the same */
void hook_up(struct client *c);            /* it has its keys */
void hook_address(struct client *c);       /* client role: the server's address is known, or another */
void hook_gone(struct client *c);          /* it is gone: client-disconnect, once */
/* It waits for this, so many seconds at most, then it is refused. */
#define WAITS_FOR_MANAGERS UINT32_MAX
void hook_wait(struct client *c, uint32_t what, unsigned seconds);
void hook_forget(struct client *c); /* it waits no longer */
void hook_learned(struct client *c, const struct dbr_ipc_learned *m, bool known);
/* The statistics of a peer that is gone, for its client-disconnect. */
void hook_last_figures(struct control *ctl, const struct dbr_ipc_stats *s);
uint64_t hook_deadline(const struct control *ctl); /* UINT64_MAX: none */
void hook_tick(struct control *ctl, bool all);     /* client-disconnect without figures that do not come */
void hook_done(struct control *ctl, const struct dbr_ipc_hook_done *m);

/* env.c: what scripts and managers are told of a client; values are escaped */
typedef void env_put(void *arg, const char *name, const char *value);
void client_env(const struct client *c, env_put *put, void *arg);

/* mgmt_io.c; without managers each of these does nothing */
int management_load(struct control *ctl); /* reads the password file; before the lock-down */
int management_watch(struct control *ctl);
/* Asks the managers for the passphrase of the private key where that is configured, and waits: nothing else
 * can happen without it. 0, or DBR_ERR_STATE when keeper wants the end. */
int management_ask(struct control *ctl);
const char *management_key_pass(const struct control *ctl); /* NULL: none was given */
void management_accept(struct control *ctl);
void management_log_read(struct control *ctl);
/* mgmt_sign.c */
void management_sign(void *arg, void *session_arg, const struct dbr_sign_request *r);
void management_sign_forget(struct client *c);            /* it is going: what was to be signed for it goes */
const char *management_cert(const struct control *ctl);   /* that a manager gave; NULL: none */
unsigned management_signer(const struct dbr_config *cfg); /* what they can do, enum dbr_signer */
void management_read(struct control *ctl, int seat, uint32_t events);
void management_turn(struct control *ctl); /* at the end of each turn: times, output, who has to go */
uint64_t management_deadline(const struct control *ctl);
void management_free(struct control *ctl);

/* signer.c: the process that has the private key; where there is none each of these does nothing */
struct signer_key {
    uint8_t id[32];        /* crypto/signkey.h */
    const char *cert, *ca; /* PEM of a PKCS#12 file; NULL: none */
    size_t cert_len, ca_len;
};
int signer_open(struct control *ctl); /* asks it for its key and waits. 0, or an error (it has logged why) */
bool signer_there(const struct control *ctl);
const struct signer_key *signer_key(const struct control *ctl); /* that it read last; NULL: none */
dbr_tls_ask_fn signer_ask;
void signer_use(struct control *ctl); /* the TLS context in force is that key's */
int signer_reload(struct control *ctl,
                  int bundle); /* control_reload() when it has read its files, too.
                                * Consumes the descriptor; -1, or what is left to close */
void signer_gone(struct control *ctl);
void signer_new(struct control *ctl);
void signer_read(struct control *ctl); /* SIGNER_EVENT */
void signer_turn(struct control *ctl); /* at the end of each turn: who is refused hears it */
void signer_forget(struct client *c);  /* it is going */
void signer_free(struct control *ctl);

/* mgmt_host.c */
void management_state(struct control *ctl, const char *name, const char *detail);
void management_up(struct client *c);                       /* a server's client has its keys */
void management_answer(struct client *c, const char *text); /* it answers a question (CR_RESPONSE) */
void management_gone(struct client *c);                     /* and is gone */
void management_stats(struct control *ctl);                 /* the workers' figures are in */
/* Asks the managers for admission: DBR_ERR_AGAIN, or DBR_ERR_NOTFOUND when there are none. */
int management_judge(struct client *c);
bool management_holds(struct control *ctl); /* no calls are taken or made meanwhile */

/* callers.c */
int callers_load(struct control *ctl); /* resolves `remote`; before the lock-down */
void callers_free(struct control *ctl);
bool callers_may(const struct control *ctl, const struct dbr_addr *from);

/* metrics.c: the numbers for the metrics process */
void metrics_read(struct control *ctl); /* METRICS_EVENT */
void metrics_send(struct control *ctl); /* answers whoever waits */
void metrics_ended(struct client *c);   /* a session is over: counts one that was never let in */

/* seen.c: addresses behind clients */
void seen_take(struct client *c, const struct dbr_ipc_seen *m);
/* What the status shows for a client: its own address, or one that was seen; "" if none is known. */
const char *seen_ip4(const struct client *c, char out[DBR_ADDR_TEXT]);
const char *seen_ip6(const struct client *c, char out[DBR_ADDR_TEXT]);
void seen_addresses(const struct client *c, uint8_t ip4[4], uint8_t ip6[16]); /* the same; zero: not known */

/* calls.c */
int calls_load(struct control *ctl); /* resolves the remotes; before the lock-down */
int calls_watch(struct control *ctl);
void calls_free(struct control *ctl);
void calls_released(struct control *ctl); /* the hold is over */
void calls_begin(struct control *ctl);    /* calls the next remote now or later */
void calls_have_port(struct control *ctl);
void calls_ended(struct client *c); /* the session died */
void calls_shutdown(struct control *ctl);
void calls_restart(struct control *ctl); /* SIGUSR1: hangs up and calls again */
void calls_tick(struct control *ctl);
uint64_t calls_deadline(const struct control *ctl);
struct client *calls_client(struct control *ctl);
bool calls_float(const struct control *ctl); /* this server may answer from, and move to, another address */
const struct dbr_config *calls_pulled(struct control *ctl);
/* calls_push.c: what the server says */
/* User name and password for the next key message, DBR_USERPASS_MAX bytes each. 0 or DBR_ERR_SPACE. */
int calls_credentials(struct control *ctl, char *user, char *pass);
void calls_login_take(struct control *ctl, const struct dbr_ipc_login *m); /* keeper has an answer */
int calls_pushed(struct client *c, const char *options);
void calls_message(struct client *c, enum dbr_ctrlmsg kind, const char *rest);
/* calls_net.c: what happens around us */
void calls_network(struct control *ctl); /* NETWORK_EVENT */
void calls_jump(struct control *ctl);    /* JUMP_EVENT */
void calls_answered(struct client *c);   /* an OCC reply came through the tunnel */

#endif
