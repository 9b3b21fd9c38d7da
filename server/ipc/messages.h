/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The message set between the processes: fixed-size structs over SOCK_SEQPACKET, checked for type, length and
 * ranges on both sides by dbr_ipc_check(). The vocabulary is that of the kernel's ovpn netlink interface
 * (peer new, set, del; key new, swap, del; statistics; peer-deleted and float notifications), plus what layer
 * 2 needs. Same host, same build: host byte order, no versioning.
 *
 *   control <-> data worker i    one pair per worker; a peer's messages go to its owner, worker peer_id % N
 *   data    <-> keeper           one pair, shared by all workers: FDB entries on the TAP port; data's main
 *                                thread reads whose addresses are guarded
 *   control <-> keeper           one pair: readiness, reload, files passed as descriptors
 *   control <-> fetch            one pair: lists to verify and their images, questions to OCSP responders
 *   fetch   --> keeper           one pair: readiness
 *   control <-> metrics          one pair: the numbers, when somebody asks for them
 *   keeper  <-> metrics          one pair: readiness, the numbers about processes
 *   keeper  <-> signer           one pair: readiness, files of the private key
 *   control <-> signer           one pair: messages of their own, ipc/sign.h
 *
 * Every message starts with struct dbr_ipc_head. A message is sent and received whole or not at all.
 */
#ifndef DBR_IPC_MESSAGES_H
#define DBR_IPC_MESSAGES_H

#include "base/addr.h"
#include "ipc/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum dbr_ipc_type {
    /* control -> data worker */
    DBR_IPC_PEER_NEW = 1, /* struct dbr_ipc_peer */
    DBR_IPC_PEER_SET,  /* struct dbr_ipc_peer: changes what flags and values say; address not touched unless
                          DBR_PEER_SET_ADDR */
    DBR_IPC_PEER_DEL,  /* struct dbr_ipc_peer_del: answered by its last DBR_IPC_STATS */
    DBR_IPC_KEY_NEW,   /* struct dbr_ipc_key: installs as secondary; as primary when the peer has none */
    DBR_IPC_KEY_SWAP,  /* struct dbr_ipc_key_ref: key_id becomes the primary, the key we send with */
    DBR_IPC_KEY_DEL,   /* struct dbr_ipc_key_ref */
    DBR_IPC_STATS_GET, /* struct dbr_ipc_head: answered by one DBR_IPC_STATS per peer and DBR_IPC_STATS_END */
    DBR_IPC_SEND,      /* struct dbr_ipc_blob: payload to seal and send to the peer (OCC messages) */
    /* both ways between control and data */
    DBR_IPC_DATAGRAM, /* struct dbr_ipc_datagram: a datagram that the steering brought to the wrong socket */
    /* data worker -> control */
    DBR_IPC_STATS,     /* struct dbr_ipc_stats */
    DBR_IPC_STATS_END, /* struct dbr_ipc_head */
    DBR_IPC_FLOAT,   /* struct dbr_ipc_float: the peer's datagrams come from a new address (after a good open)
                      */
    DBR_IPC_TIMEOUT, /* struct dbr_ipc_peer_del: keepalive or inactivity ended; the worker has kept the peer
                      */
    DBR_IPC_KEY_LIMIT, /* struct dbr_ipc_key_ref: usage limit of this key is near; renegotiate */
    DBR_IPC_KEY_USED,  /* struct dbr_ipc_key_ref: first valid datagram under a secondary key has arrived */
    DBR_IPC_LEARNED,   /* struct dbr_ipc_learned: a MAC was learned, moved or aged out (for status) */
    DBR_IPC_GUARD, /* struct dbr_ipc_guard: counters of frames a guard dropped, at most one per peer and s */
    DBR_IPC_PAYLOAD,   /* struct dbr_ipc_blob: an OCC message received on the data channel */
    DBR_IPC_PEER_BACK, /* struct dbr_ipc_peer: after control restarted: a peer that data still serves */
    /* data -> keeper */
    DBR_IPC_FDB_ADD, /* struct dbr_ipc_learned: extern_learn entry on the TAP port */
    DBR_IPC_FDB_DEL,
    /* control <-> keeper */
    DBR_IPC_READY, /* struct dbr_ipc_head: control or data has locked itself down and serves */
    DBR_IPC_FILE,  /* struct dbr_ipc_file + one descriptor: keeper -> control, a watched file (CRL) changed */
    DBR_IPC_TAP_ADDRESS, /* struct dbr_ipc_tap_address: control -> keeper, client role: address for the TAP */
    DBR_IPC_STATE,       /* struct dbr_ipc_state: keeper <-> control: exit now, reload, status dump */
    /* control -> data worker */
    DBR_IPC_PEERS_GET, /* struct dbr_ipc_head: control is new; answered by one DBR_IPC_PEER_BACK per peer and
                          DBR_IPC_STATS_END */
    /* control -> fetch */
    DBR_IPC_FETCH_SET,  /* struct dbr_ipc_fetch_set + descriptor of the CA certificates (PEM): what to fetch;
                           the  list is fetched at once */
    DBR_IPC_CRL_VERIFY, /* struct dbr_ipc_crl_verify + descriptor: verify this file; answered by CRL_IMAGE */
    DBR_IPC_CRL_TAKEN,  /* struct dbr_ipc_crl_taken: what became of an image; the memory to keep on disk */
    DBR_IPC_OCSP_ASK,   /* struct dbr_ipc_ocsp_ask: answered by OCSP_ANSWER */
    /* fetch -> control */
    DBR_IPC_CRL_IMAGE,   /* struct dbr_ipc_crl_image, + descriptor of a sealed memory file when err is 0 */
    DBR_IPC_OCSP_ANSWER, /* struct dbr_ipc_ocsp_answer */
    DBR_IPC_ALARM,       /* struct dbr_ipc_alarm: how fetching the list goes */
    /* client role: keeper -> control -> data worker */
    DBR_IPC_SOCKET, /* struct dbr_ipc_socket + descriptor: a UDP socket of a group on another port, in the
                       place of the one that was used so far */
    /* client role: control -> keeper */
    DBR_IPC_ROUTE, /* struct dbr_ipc_route: a route to set until the end, or until the list is begun anew */
    DBR_IPC_ENV,   /* struct dbr_ipc_env: one variable for the `up` and `down` scripts */
    /* client role: control -> keeper */
    DBR_IPC_DNS, /* struct dbr_ipc_dns: name servers in the place of those before; none: take them back */
    /* client role: control -> keeper, and its answer */
    DBR_IPC_ASK,   /* struct dbr_ipc_ask: a user name, a password, an answer for the server */
    DBR_IPC_LOGIN, /* struct dbr_ipc_login */
    /* control -> keeper, and back */
    DBR_IPC_HOOK,      /* struct dbr_ipc_hook: run this script of the configuration */
    DBR_IPC_HOOK_DONE, /* struct dbr_ipc_hook_done: how it ended, where somebody waits for it; from control:
                          nobody waits any more for this USER_PASS */
    /* data worker -> control */
    DBR_IPC_WORKER, /* struct dbr_ipc_worker: totals of a worker; in the answer to STATS_GET, before its end
                     */
    DBR_IPC_SEEN,   /* struct dbr_ipc_seen: an IP address that a peer's frames claim (for status) */
    /* metrics -> control, metrics -> keeper */
    DBR_IPC_METRICS_GET, /* struct dbr_ipc_metrics_get: control answers with METRICS, then METRICS_CRL and
                            METRICS_CLIENTS as often as needed, then METRICS_END; keeper with PROCESSES */
    /* control -> metrics */
    DBR_IPC_METRICS,         /* struct dbr_ipc_metrics */
    DBR_IPC_METRICS_CRL,     /* struct dbr_ipc_metrics_crl: a list in force */
    DBR_IPC_METRICS_CLIENTS, /* struct dbr_ipc_metrics_clients */
    DBR_IPC_METRICS_END,     /* struct dbr_ipc_metrics_get */
    /* keeper -> metrics */
    DBR_IPC_PROCESSES, /* struct dbr_ipc_processes */
    /* keeper -> data */
    DBR_IPC_GUARDED, /* struct dbr_ipc_guarded: whose addresses no peer gets, in place of those before */
    /* keeper -> signer */
    DBR_IPC_KEYS, /* struct dbr_ipc_keys + descriptor: a file of the private key */
    DBR_IPC_TYPES
};

struct dbr_ipc_head {
    uint16_t type; /* enum dbr_ipc_type */
    uint16_t len;  /* whole message in bytes, head included */
    uint32_t peer_id;
};

enum dbr_peer_flags {
    DBR_PEER_SITE = 1 << 0, /* port kind site; else laptop */
    DBR_PEER_SOURCE_GUARD = 1 << 1,
    DBR_PEER_SET_ADDR = 1 << 2, /* in PEER_SET: take addr */
    DBR_PEER_ISOLATED = 1 << 3, /* no frames to or from other peers */
    DBR_PEER_UPLINK =
        1 << 4, /* client role: the peer is the server; everything goes there, without guards, or with
                   DBR_PEER_SITE as far as DHCP, router discovery and link-local protocols stay local */
    DBR_PEER_TELL_MTU =
        1 << 5,              /* who sends a packet over max_l3 with DF is told; else it is cut all the same */
    DBR_PEER_SPLIT = 1 << 6, /* DHCP answers and router advertisements reach it without the LAN's default
                                route and name servers */
    DBR_PEER_FIXED = 1 << 7, /* what comes from another address than addr is not its */
};

enum {
    DBR_IPC_CN_MAX = 72,
    DBR_IPC_SERIAL_MAX = 20,
    DBR_IPC_BLOB_MAX = 1600,
    DBR_IPC_DATAGRAM_MAX = 2048,
    DBR_IPC_URL_MAX = 512,
    DBR_IPC_CERT_MAX = 4096, /* an issuer's certificate in DER */
    DBR_IPC_TEXT_MAX = 4096, /* the memory of accepted CRL numbers */
    DBR_IPC_WHY_MAX = 256,
    DBR_IPC_ENV_NAME = 48,
    DBR_IPC_ENV_VALUE = 208,
    DBR_IPC_LOGIN_MAX = 256,
    DBR_IPC_DNS_SERVERS = 8,
    DBR_IPC_LISTS_MAX = 16,
    DBR_IPC_GUARDS = 32,
    DBR_IPC_GUARDED_IPS = 8,
    DBR_IPC_CLIENT_ROWS = 16,
    DBR_IPC_PROCESSES_MAX = 8,
    DBR_IPC_MAX = 5120
};

enum { DBR_IPC_REPLAY_MIN = 64, DBR_IPC_REPLAY_MAX = 8192 }; /* ids that data keeps in mind */
enum { DBR_IPC_MAX_L3_MIN = 576, DBR_IPC_FRAGMENT_MIN = 4, DBR_IPC_PAYLOAD_MAX = 16384 };

struct dbr_ipc_peer {
    struct dbr_ipc_head head;
    uint32_t flags;        /* enum dbr_peer_flags */
    uint32_t wire_peer_id; /* the id in datagrams that we receive from it; equals head.peer_id on a server */
    struct dbr_addr addr;
    uint16_t ping_s;     /* send a ping when nothing was sent for so long; 0 = never */
    uint16_t timeout_s;  /* TIMEOUT when nothing valid was received for so long; 0 = never */
    uint32_t inactive_s; /* TIMEOUT when fewer than inactive_bytes passed in so long; 0 = never */
    uint64_t inactive_bytes;
    uint16_t mac_limit;      /* 0 = default of the port kind */
    uint16_t mss_v4, mss_v6; /* TCP MSS to clamp to inside; 0 = leave */
    uint16_t framing;        /* enum dbr_framing */
    uint16_t max_l3;      /* longest inner IP packet towards the peer, DBR_IPC_MAX_L3_MIN or more; 0 = any */
    uint16_t vlan;        /* it is an access port of this VLAN, 1..4094; 0: VLANs are not looked at */
    uint16_t fragment;    /* longest piece of a payload (proto/fragment.h) towards the peer; 0 = none has the
                             header. In PEER_SET only another length counts */
    uint16_t payload_max; /* beside fragment: the longest payload that its pieces make,
                             DBR_IPC_PAYLOAD_MAX at most */
    uint32_t storm_pps;   /* broadcast, multicast and unknown unicast per second from the peer; 0 = default */
    uint64_t rate_up, rate_down; /* bit/s, 0 = no limit */
    int64_t not_after;       /* unix seconds: when the first certificate of its chain ends; 0: not known */
    uint32_t replay_window;  /* ids, DBR_IPC_REPLAY_MIN to DBR_IPC_REPLAY_MAX */
    char cn[DBR_IPC_CN_MAX]; /* NUL-terminated, escaped */
    uint8_t serial[DBR_IPC_SERIAL_MAX];
    uint8_t serial_len;
    uint8_t issuer_hash[32]; /* SHA-256 of the issuer's DER name */
};

struct dbr_ipc_peer_del {
    struct dbr_ipc_head head;
    uint32_t reason; /* enum dbr_del_reason */
};
enum dbr_del_reason {
    DBR_DEL_USER,
    DBR_DEL_TIMEOUT,
    DBR_DEL_INACTIVE,
    DBR_DEL_REVOKED,
    DBR_DEL_REPLACED,
    DBR_DEL_SHUTDOWN
};

struct dbr_ipc_key {
    struct dbr_ipc_head head;
    uint32_t cipher; /* enum dbr_cipher, 1.. */
    uint8_t key_id;  /* 0..7 */
    uint8_t use_v2;
    uint16_t digest;     /* enum dbr_digest, beside a CBC cipher */
    uint32_t tx_peer_id; /* written into what we send */
    uint8_t send_key[32], recv_key[32];
    uint8_t send_iv[8], recv_iv[8];
    uint8_t send_hmac[64], recv_hmac[64]; /* for a CBC cipher */
};

struct dbr_ipc_key_ref {
    struct dbr_ipc_head head;
    uint8_t key_id;
    uint8_t pad[7];
};

struct dbr_ipc_stats {
    struct dbr_ipc_head head;
    uint64_t rx_bytes, tx_bytes; /* of datagrams, as OpenVPN counts them in its status file */
    uint64_t rx_frames, tx_frames;
    uint64_t drops_auth, drops_replay, drops_guard, drops_queue;
    uint64_t last_rx_ns, last_tx_ns; /* monotonic; 0 = never */
    uint32_t macs;
    uint32_t pad;
};

struct dbr_ipc_float {
    struct dbr_ipc_head head;
    struct dbr_addr addr;
};

struct dbr_ipc_learned {
    struct dbr_ipc_head head;
    uint8_t mac[6];
    uint16_t vlan; /* 0 = untagged */
    uint8_t what;  /* enum dbr_learned_what */
    uint8_t pad[7];
};
enum dbr_learned_what { DBR_LEARNED_NEW, DBR_LEARNED_MOVED, DBR_LEARNED_GONE };

struct dbr_ipc_guard {
    struct dbr_ipc_head head;
    uint32_t reason; /* enum dbr_guard of bridge/guard.h */
    uint32_t count;  /* frames since the last message of this reason */
    uint8_t mac[6];  /* source of the last one */
    uint16_t vlan;
};

struct dbr_ipc_blob {
    struct dbr_ipc_head head;
    uint32_t n;
    uint8_t bytes[DBR_IPC_BLOB_MAX];
};

struct dbr_ipc_datagram { /* sent with only n bytes: head.len = offsetof(bytes) + n */
    struct dbr_ipc_head head;
    struct dbr_addr addr;
    uint32_t n;
    uint8_t bytes[DBR_IPC_DATAGRAM_MAX];
};

struct dbr_ipc_file {
    struct dbr_ipc_head head;
    uint32_t what;    /* enum dbr_file */
    uint32_t missing; /* 1: the file is gone or unreadable, no descriptor comes along */
};
enum dbr_file {
    DBR_FILE_CRL,
    DBR_FILE_WITHDRAWN, /* the list of tls-crypt-v2-withdrawn */
    DBR_FILE_REVOKED,   /* names in the folder of crl-verify ... dir, ipc/revoked.h */
    DBR_FILE_BUNDLE,    /* a reload: the configuration and every file it names, ipc/bundle.h */
    DBR_FILE_POOL,      /* control -> keeper: the whole of ifconfig-pool-persist */
    DBR_FILES
};

struct dbr_ipc_tap_address {
    struct dbr_ipc_head head;
    uint8_t v4[4], mask4[4]; /* all zero = none */
    uint8_t v6[16];
    uint8_t prefix6; /* 0 = none */
    uint8_t dhcp;    /* 1 = the address comes from the far LAN's DHCP server */
    uint8_t up;      /* 1 = bring the TAP up, 0 = take address away */
    uint8_t noexec;  /* 1 = the address is for the `up` script to set */
    uint16_t mtu;    /* 0 = leave */
    uint8_t full;    /* 1 = all traffic through the tunnel: also routers of the far LAN are believed */
    uint8_t pad;
    uint16_t pad2[2];
};

struct dbr_ipc_state {
    struct dbr_ipc_head head;
    uint32_t what; /* enum dbr_state */
    int32_t value; /* exit code for DBR_STATE_EXITED */
};
enum dbr_state {
    DBR_STATE_SHUTDOWN,    /* keeper -> control: tell the clients, then exit */
    DBR_STATE_RELOAD,      /* keeper -> control */
    DBR_STATE_STATUS,      /* keeper -> control: SIGUSR2 */
    DBR_STATE_DONE,        /* control -> keeper: clients are told, good to exit with value */
    DBR_STATE_CONNECTED,   /* control -> keeper, client role: tunnel is up */
    DBR_STATE_RESTART,     /* keeper -> control: SIGUSR1 */
    DBR_STATE_DATA_NEW,    /* keeper -> control: data was restarted and knows no peer and no key */
    DBR_STATE_FETCH_NEW,   /* keeper -> control: fetch was restarted and knows nothing that it was told */
    DBR_STATE_NEW_PORT,    /* control -> keeper, client role: value is the number of the remote that is to be
                            * called;  answered by one DBR_IPC_SOCKET per process */
    DBR_STATE_SIGNAL,      /* control -> keeper: a manager wants what this signal (value) does */
    DBR_STATE_SIGNER_GONE, /* keeper -> control: the signer has died; what it was asked it will not answer */
    DBR_STATE_SIGNER_NEW,  /* keeper -> control: there is another one */
    DBR_STATES
};

struct dbr_ipc_socket {
    struct dbr_ipc_head head;
    uint32_t index; /* 0: control's, 1: worker 0's */
    uint32_t pad;
};

struct dbr_ipc_route {
    struct dbr_ipc_head head;
    uint32_t what; /* enum dbr_route_what */
    uint32_t metric;
    uint8_t dst[16]; /* network order; IPv4 has the first four bytes */
    uint8_t via[16]; /* all zero: the gateway of the DHCP lease, once there is one (IPv4 only) */
    uint8_t family;  /* 4 or 6; of CLEAR 0 */
    uint8_t prefix;  /* bits */
    uint8_t pad[6];
};
enum dbr_route_what {
    DBR_ROUTE_CLEAR, /* all routes go; those that follow come in their place */
    DBR_ROUTE_TUNNEL,
    DBR_ROUTE_AROUND, /* dst stays on the way that it has now: the concentrator, in a full tunnel */
    DBR_ROUTES
};

struct dbr_ipc_env {
    struct dbr_ipc_head head;
    char name[DBR_IPC_ENV_NAME];   /* as dbr_ipc_env_name() has it; "" = forget all */
    char value[DBR_IPC_ENV_VALUE]; /* printable ASCII */
};

struct dbr_ipc_dns_server {
    uint8_t family; /* 4 or 6 */
    uint8_t ip[16];
};
struct dbr_ipc_dns {
    struct dbr_ipc_head head;
    uint32_t n;
    uint32_t full; /* 1: all names are asked there */
    struct dbr_ipc_dns_server server[DBR_IPC_DNS_SERVERS];
    char domains[256]; /* letters, digits, '.', '-', '_', with blanks between them */
};

struct dbr_ipc_ask {
    struct dbr_ipc_head head;
    uint32_t what;              /* enum dbr_ask */
    uint32_t echo;              /* 1: the answer may be seen while it is typed */
    char text[DBR_IPC_WHY_MAX]; /* the question; printable ASCII */
};
enum dbr_ask {
    DBR_ASK_LOGIN,  /* as the configuration says: block, file, what was typed before, a prompt */
    DBR_ASK_AGAIN,  /* by a prompt: what was said before was refused */
    DBR_ASK_ANSWER, /* to the text */
    DBR_ASKS
};

struct dbr_ipc_login {
    struct dbr_ipc_head head;
    uint32_t what; /* of the question */
    int32_t err;   /* 0, or there is nobody to ask */
    char user[DBR_IPC_LOGIN_MAX], pass[DBR_IPC_LOGIN_MAX];
    char response[DBR_IPC_LOGIN_MAX]; /* to static-challenge, or to the text */
};

/* Scripts of the configuration that control has run; which program that is keeper alone knows. */
enum dbr_hook {
    DBR_HOOK_TLS_VERIFY,
    DBR_HOOK_CLIENT_CONNECT,
    DBR_HOOK_CLIENT_DISCONNECT,
    DBR_HOOK_LEARN_ADDRESS,
    DBR_HOOK_ROUTE_UP, /* client role */
    DBR_HOOK_IPCHANGE, /* client role */
    DBR_HOOK_USER_PASS,
    DBR_HOOK_GATE_KEY,   /* tls-crypt-v2-verify; its file is the metadata behind the type */
    DBR_HOOK_CRRESPONSE, /* its id is that of the question; only a refusal is answered */
    DBR_HOOKS
};
enum { DBR_HOOK_ARGS_MAX = 4 };

struct dbr_ipc_hook {
    struct dbr_ipc_head head; /* sent with only n bytes of text */
    uint32_t id;              /* comes back in HOOK_DONE; 0: nobody waits */
    uint32_t hook;            /* enum dbr_hook */
    uint64_t key;             /* scripts of one key run one after the other, in order; 0: at any time */
    uint32_t n_args, n;
    uint32_t n_file, pad;
    /* Lines without control characters, each ended by \n: n_args arguments, then NAME=VALUE. A name is of
     * lower case, digits and _, or begins with X509_ or IV_ (TLS_VERIFY: its file is the certificate in DER).
     * Behind them n_file bytes, counted in n: what the
     * script finds in the file that its kind has. There may be a password in it: wipe it. */
    char text[DBR_IPC_TEXT_MAX];
};

struct dbr_ipc_hook_done {
    struct dbr_ipc_head head; /* sent with only n bytes of text */
    uint32_t id;
    int32_t err; /* 0: it ended with 0; else it did not, or not in time, or could not be run. USER_PASS:
                    DBR_ERR_AGAIN: it answers later, within so many seconds; the client is told something
                    meanwhile ("SECONDS\nMETHOD\nTEXT\n"; no method: nothing) */
    uint32_t n;
    uint32_t pad;
    char text[DBR_IPC_TEXT_MAX]; /* what client-connect wrote; USER_PASS: why the client is refused */
};

/* Where a list came from. */
enum dbr_crl_source {
    DBR_CRL_FROM_FILE, /* crl-verify */
    DBR_CRL_FROM_URL,  /* crl-url */
    DBR_CRL_FROM_PUSH, /* drawbridge-ctl crl-push */
    DBR_CRL_SOURCES
};

struct dbr_ipc_fetch_set {
    struct dbr_ipc_head head;
    uint32_t period_s; /* of crl-url; 0: there is none */
    uint32_t pad;
    uint64_t recalled; /* generation of the memory on disk that control has in force; 0: none */
    char url[DBR_IPC_URL_MAX];
};

struct dbr_ipc_crl_verify {
    struct dbr_ipc_head head;
    uint32_t ticket; /* comes back in the answer; below 2^31 */
    uint32_t source; /* enum dbr_crl_source */
};

struct dbr_ipc_crl_image {
    struct dbr_ipc_head head;
    uint32_t ticket; /* of CRL_VERIFY; from 2^31 on: fetched from the URL */
    uint32_t source;
    int32_t err; /* 0, or why the file was refused */
    uint32_t n;  /* lists in the memory file, one behind the other, each from a multiple of 8 bytes on */
    uint64_t size[DBR_IPC_LISTS_MAX]; /* of each image, bytes */
    char why[DBR_IPC_WHY_MAX];
};

struct dbr_ipc_crl_taken {
    struct dbr_ipc_head head; /* sent with only n bytes of text */
    uint32_t ticket;
    uint32_t taken; /* 1: in force now; 0: forget it */
    uint32_t n;
    char text[DBR_IPC_TEXT_MAX]; /* the memory of accepted numbers (dbr_trust_state_write) */
};

struct dbr_ipc_ocsp_ask {
    struct dbr_ipc_head head; /* sent with only n bytes of issuer */
    uint32_t id;
    uint32_t n;
    uint8_t serial[DBR_IPC_SERIAL_MAX];
    uint32_t serial_len;
    char url[DBR_IPC_URL_MAX];
    uint8_t issuer[DBR_IPC_CERT_MAX];
};

struct dbr_ipc_ocsp_answer {
    struct dbr_ipc_head head;
    uint32_t id;
    int32_t err;     /* 0: there is a valid answer; else why not (enum of base/err.h) */
    uint32_t status; /* enum dbr_ocsp_status of certs/ocsp.h */
    uint32_t pad;
    int64_t next_update; /* unix seconds; the answer counts until then */
    char why[DBR_IPC_WHY_MAX];
};

struct dbr_ipc_alarm {
    struct dbr_ipc_head head;
    uint32_t failures; /* attempts since the last good one; 0: it went well */
    uint32_t pad;
    int64_t good_s; /* unix seconds of the last good fetch; 0: none */
    char why[DBR_IPC_WHY_MAX];
};

/* What a worker has counted since it began; gone peers are in it. */
struct dbr_ipc_worker {
    struct dbr_ipc_head head;
    uint64_t sum[DBR_WORKER_SUMS];  /* enum dbr_worker_sum of ipc/metrics.h */
    uint64_t guard[DBR_IPC_GUARDS]; /* frames dropped, by enum dbr_guard of bridge/guard.h */
};

/* An address that ARP, neighbour discovery or DHCP shows for a MAC of the peer. What peers tell, to be shown.
 */
struct dbr_ipc_seen {
    struct dbr_ipc_head head;
    uint8_t mac[6];
    uint16_t vlan;
    uint8_t family; /* 4 or 6 */
    uint8_t leased; /* 1: the LAN's DHCP server said so; 0: the peer did */
    uint8_t pad[6];
    uint8_t ip[16]; /* network order; family 4: the first 4, the rest is 0 */
};

struct dbr_ipc_metrics_get {
    struct dbr_ipc_head head;
    uint32_t ticket; /* comes back in every part of the answer */
    uint32_t pad;
};

struct dbr_ipc_metrics {
    struct dbr_ipc_head head;
    uint32_t ticket;
    uint32_t pad;
    int64_t value[DBR_METRICS]; /* enum dbr_metric of ipc/metrics.h */
    uint64_t guard[DBR_IPC_GUARDS];
};

struct dbr_ipc_metrics_crl {
    struct dbr_ipc_head head;
    uint32_t ticket;
    uint32_t pad;
    int64_t this_update, next_update, now; /* unix seconds */
    uint64_t number, entries;              /* a number that does not fit is UINT64_MAX */
    char issuer[DBR_IPC_WHY_MAX];
};

/* One client that data serves. */
struct dbr_ipc_metrics_client {
    char cn[DBR_IPC_CN_MAX];
    char cipher[32];
    struct dbr_addr addr;
    uint8_t ip4[4], ip6[16]; /* its virtual addresses; zero: not known */
    int64_t since_s;         /* unix */
    uint64_t rx_bytes, tx_bytes, rx_frames, tx_frames;
    uint64_t drops_auth, drops_replay, drops_guard, drops_queue;
    uint32_t macs, pad;
};

struct dbr_ipc_metrics_clients { /* sent with only n rows */
    struct dbr_ipc_head head;
    uint32_t ticket;
    uint32_t n; /* 1.. */
    struct dbr_ipc_metrics_client row[DBR_IPC_CLIENT_ROWS];
};

struct dbr_ipc_processes {
    struct dbr_ipc_head head;
    uint32_t ticket;
    uint32_t n; /* processes: keeper first, then its children as they are numbered there */
    struct {
        char name[16];
        uint32_t up, restarts;
        uint64_t cpu_ns; /* of all that bore this name */
        uint64_t rss;    /* bytes */
    } row[DBR_IPC_PROCESSES_MAX];
};

/* Addresses of the gateway, the bridge and this host, which no peer may claim. */
struct dbr_ipc_guarded {
    struct dbr_ipc_head head;
    uint32_t ip4[DBR_IPC_GUARDED_IPS];    /* host order, 0 = none */
    uint8_t ip6[DBR_IPC_GUARDED_IPS][16]; /* zeros = none */
    uint8_t gateway_mac[6];               /* zeros: not known (now); what was known stays */
    uint8_t pad[2];
};

/* What the private key is in. A BEGIN lets go of the parts before it; a descriptor is a file's, or that of a
 * memory file with what stood in the configuration. */
struct dbr_ipc_keys {
    struct dbr_ipc_head head;
    uint32_t what; /* enum dbr_keys_part */
    uint32_t pad;
    char where[DBR_IPC_WHY_MAX]; /* for complaints: "FILE:LINE: DIRECTIVE: NAME" */
};
enum dbr_keys_part {
    DBR_KEYS_BEGIN,       /* without a descriptor */
    DBR_KEYS_KEY,         /* PEM */
    DBR_KEYS_PKCS12,      /* DER */
    DBR_KEYS_PKCS12_TEXT, /* the same in base64 */
    DBR_KEYS_PASS,        /* its first line */
    DBR_KEYS_PARTS
};

/* Checks type, exact length (or bounds, for blobs and datagrams), peer id < 2^24, enum ranges and
 * NUL-termination of a message of n bytes read into buf (aligned for uint64_t). 0 or DBR_ERR_SHAPE. */
int dbr_ipc_check(const void *buf, size_t n);

/* True for a name that no shell, linker, interpreter or HTTP client looks at. n bytes. */
bool dbr_ipc_env_name(const char *name, size_t n);

/* Sends one message (head.len bytes) without blocking. 0, DBR_ERR_AGAIN if the socket is full, DBR_ERR_IO.
 * fd_pass is a descriptor to pass along or -1. */
int dbr_ipc_send(int sock, const void *msg, int fd_pass);
/* The same for n bytes that are no message of ours (drawbridge-ctl); flags and result as of send(2). */
ssize_t dbr_ipc_send_bytes(int sock, const void *bytes, size_t n, int fd_pass, int flags);
/* Receives one message into buf (DBR_IPC_MAX bytes, 8-aligned) without blocking and checks it. 0;
 * DBR_ERR_AGAIN; DBR_ERR_NOTFOUND when the other side is gone; DBR_ERR_SHAPE (message dropped); DBR_ERR_IO.
 * *fd_pass (may be NULL) gets a passed descriptor or -1; descriptors that nobody asked for are closed. */
int dbr_ipc_recv(int sock, void *buf, int *fd_pass);

/* Fills a head. */
static inline struct dbr_ipc_head dbr_ipc_head(uint16_t type, size_t len, uint32_t peer_id)
{
    return (struct dbr_ipc_head){.type = type, .len = (uint16_t)len, .peer_id = peer_id};
}

#endif
