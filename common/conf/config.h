/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The configuration: OpenVPN's language in, one typed struct out. Every directive is one row of
 * directives.def and one member here, named like the directive with '-' as '_' (client-to-client is
 * cfg->client_to_client; `float`, a word of C, is cfg->float_). Nothing here opens a file, reads a clock or
 * keeps a global: text comes in, included files come through a callback, complaints go out through a
 * callback. Owned by whoever declared it; one thread.
 *
 *     struct dbr_config cfg;
 *     dbr_config_init(&cfg);                                  every default of the table
 *     dbr_config_args(&cfg, argc - 1, argv + 1, &diag);       --config FILE reads through diag.read
 *     dbr_config_finish(&cfg, &diag);                         cross-checks, helpers expanded, role known
 *     ... cfg.max_clients, cfg.tls_auth.path, DBR_IS_SET(&cfg, mssfix) ...
 *     dbr_config_free(&cfg);
 *
 * Complaints have one form: FILE:LINE: directive: reason; way out
 */
#ifndef DBR_CONF_CONFIG_H
#define DBR_CONF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* ---- the types of the members ---- */

/* Strings in the order of the configuration; owned. v is NULL when n is 0. */
struct dbr_conf_list {
    char **v;
    size_t n;
};

/* A file by name or its content inline: exactly one of path and text is set once the directive was given,
 * except `dh none`, where both are NULL. text is NUL-terminated, len does not count the NUL; wiped when
 * freed. */
struct dbr_conf_blob {
    char *path;     /* relative to `cd` */
    char *text;     /* the inline block, lines ended with \n */
    size_t len;     /* bytes of text */
    unsigned line;  /* where it was set */
    int direction;  /* tls-auth only: -1 none, 0, 1; dbr_config_finish() takes in key-direction */
    bool dir;       /* crl-verify FOLDER dir */
    bool noncookie; /* tls-crypt-v2 FILE allow-noncookie */
};

/* IPv4 addresses are host order: 192.0.2.1 is 0xc0000201; 0 = not given. */
struct dbr_conf_ifconfig {
    uint32_t local, netmask;
};
struct dbr_conf_pool {
    uint32_t start, end; /* both included */
    uint32_t netmask;    /* 0 = not given */
};
/* ADDRESS/BITS [REMOTE]; network order. */
struct dbr_conf_ipv6 {
    uint8_t ip[16], remote[16];
    uint8_t bits; /* 0 = not given */
    bool has_remote;
};
struct dbr_conf_server {
    uint32_t network, netmask;
    bool nopool;
};

enum dbr_server_bridge {
    DBR_SERVER_BRIDGE_NONE = 0, /* not given */
    DBR_SERVER_BRIDGE_FULL,     /* gateway, netmask and pool */
    DBR_SERVER_BRIDGE_DHCP,     /* no argument: pushes "route-gateway dhcp" */
    DBR_SERVER_BRIDGE_NOGW,     /* nothing pushed */
};
struct dbr_conf_server_bridge {
    enum dbr_server_bridge shape;
    uint32_t gateway, netmask, pool_start, pool_end; /* FULL only */
};

/* keepalive as written; finish() expands it into ping, ping_restart and push (a server: restart doubled). */
struct dbr_conf_keepalive {
    int ping, restart; /* seconds */
};

/* At most n events in secs seconds; replay-window: n packet ids, secs seconds of disorder. */
struct dbr_conf_count {
    int n, secs;
};

/* status FILE [SECONDS], crl-url URL [SECONDS], ifconfig-pool-persist FILE [SECONDS] */
struct dbr_conf_file {
    char *path;
    int secs;
};

/* daemon [NAME], syslog [NAME], askpass [FILE] */
struct dbr_conf_option {
    bool on;
    char *name; /* NULL when not given */
};

struct dbr_conf_bridge {
    char *name;               /* NULL: no bridge is touched */
    struct dbr_conf_list ifs; /* interfaces to enslave */
};

enum dbr_x509_name {
    DBR_X509_NAME_SUBJECT, /* the whole subject */
    DBR_X509_NAME_NAME,    /* the CN */
    DBR_X509_NAME_PREFIX,  /* the CN starts with it */
};
struct dbr_conf_x509_name {
    char *name; /* NULL: not given */
    enum dbr_x509_name type;
};

enum dbr_mssfix {
    DBR_MSSFIX_DEFAULT, /* 1492 with outer IP and UDP headers, only while tun-mtu is 1500 */
    DBR_MSSFIX_OFF,     /* mssfix 0 */
    DBR_MSSFIX_UDP,     /* size = UDP payload after encapsulation, without IP and UDP headers (OpenVPN 2.5 and
                           before) */
    DBR_MSSFIX_MTU,     /* size = outer packet with IP and UDP headers */
    DBR_MSSFIX_FIXED,   /* size = inner IP packet: MSS is size - 40 (IPv4) or - 60 (IPv6) */
};
struct dbr_conf_mssfix {
    enum dbr_mssfix kind;
    int size; /* bytes; 1492 by default */
};

/* fragment BYTES [mtu]. size 0: not given; mtu: with IP and UDP headers, else the UDP payload */
struct dbr_conf_fragment {
    int size;
    bool mtu;
};

/* inner-mtu: bytes, or one of these */
enum { DBR_INNER_MTU_AUTO = -1, DBR_INNER_MTU_OFF = 0 };

enum dbr_conf_proto {
    DBR_CONF_PROTO_UDP, /* dual stack */
    DBR_CONF_PROTO_UDP4,
    DBR_CONF_PROTO_UDP6,
};

/* One place to call: a `remote` line or a <connection> block. What the block did not say is -1 (0 for port).
 */
struct dbr_conf_remote {
    char *host;
    int port;  /* 0: rport */
    int proto; /* enum dbr_conf_proto, -1: the global one */
    int lport, nobind, float_, connect_timeout, explicit_exit_notify;
    int bind;       /* enum dbr_conf_bind, -1: not given */
    char *local;    /* host as written; NULL: the global one */
    int local_port; /* 0: lport */
    unsigned line;
};
enum dbr_conf_bind { DBR_BIND_NO, DBR_BIND_YES, DBR_BIND_V6ONLY };
struct dbr_conf_remotes {
    struct dbr_conf_remote *v;
    size_t n;
};

/* local HOST [PORT [PROTO]], several: host as written, port 0: lport, proto -1: the global one. */
struct dbr_conf_local {
    char *host;
    int port, proto;
};
struct dbr_conf_locals {
    struct dbr_conf_local *v;
    size_t n;
};

enum dbr_pull_action {
    DBR_PULL_ACCEPT,
    DBR_PULL_IGNORE,
    DBR_PULL_REJECT,
};
struct dbr_conf_filter {
    enum dbr_pull_action action;
    char *text; /* prefix of the pushed option */
};
struct dbr_conf_filters {
    struct dbr_conf_filter *v;
    size_t n;
};

struct dbr_conf_mac {
    bool given;
    uint8_t b[6];
};

struct dbr_conf_rate {
    uint64_t up, down; /* bit/s as the client sees it; 0 = no limit */
};

enum dbr_crl_stale {
    DBR_CRL_STALE_REFUSE,
    DBR_CRL_STALE_GRACE, /* secs after nextUpdate */
    DBR_CRL_STALE_KEEP,
};
struct dbr_conf_stale {
    enum dbr_crl_stale mode;
    int secs;
};

struct dbr_conf_login_script {
    char *command; /* NULL: not given */
    bool via_file;
};

struct dbr_conf_token {
    bool on;
    int lifetime_s; /* 0: without end */
    int renewal_s;
    bool external; /* who checks passwords is asked about good tokens too */
};

struct dbr_conf_ocsp {
    bool on, hard; /* hard: no answer means refused */
    char *url;     /* NULL: the AIA field of each certificate */
};

struct dbr_conf_endpoint {
    char *host; /* NULL: not given; an address without [] */
    int port;
};

/* management ADDRESS PORT|unix [FILE] */
struct dbr_conf_management {
    char *address;       /* in numbers, or a path; NULL: not given */
    int port;            /* 0: path is a unix socket */
    char *password_file; /* NULL: none */
};

/* Enumerations are int members; -1 = not given where the table has no default. */
enum dbr_conf_mode { DBR_MODE_P2P, DBR_MODE_SERVER };
enum dbr_conf_dev_type { DBR_DEV_TYPE_TUN, DBR_DEV_TYPE_TAP };
enum dbr_conf_topology { DBR_TOPOLOGY_NET30, DBR_TOPOLOGY_P2P, DBR_TOPOLOGY_SUBNET };
enum dbr_conf_cert_role { DBR_CERT_ROLE_SERVER, DBR_CERT_ROLE_CLIENT }; /* remote-cert-tls, ns-cert-type */
enum dbr_conf_auth_retry { DBR_AUTH_RETRY_NONE, DBR_AUTH_RETRY_INTERACT, DBR_AUTH_RETRY_NOINTERACT };
enum dbr_conf_aead_library { DBR_AEAD_LIBRARY_AUTO, DBR_AEAD_LIBRARY_OPENSSL };
enum dbr_conf_inner_df { DBR_INNER_DF_CUT, DBR_INNER_DF_TELL };
enum dbr_conf_port_kind { DBR_PORT_KIND_LAPTOP, DBR_PORT_KIND_SITE };
/* in the order of enum dbr_vlan_accept, which begins with no `vlan-tagging` (bridge/vlan.h) */
enum dbr_conf_vlan_accept { DBR_VLAN_ACCEPT_TAGGED, DBR_VLAN_ACCEPT_UNTAGGED, DBR_VLAN_ACCEPT_ALL };
enum dbr_conf_tunnel { DBR_TUNNEL_LAN, DBR_TUNNEL_SPLIT, DBR_TUNNEL_FULL };
enum dbr_conf_tls_version { DBR_TLS_1_0 = 10, DBR_TLS_1_1, DBR_TLS_1_2, DBR_TLS_1_3 }; /* 0: not given */
/* comp-lzo and compress: framing only, never compressed by us (LZO is decoded). */
enum dbr_conf_comp {
    DBR_COMP_NONE,    /* not given: no framing byte */
    DBR_COMP_LZO,     /* comp-lzo, compress lzo: 0xFA or 0x66 in front */
    DBR_COMP_STUB,    /* compress, compress stub: 0xFB in front, first byte moved to the end */
    DBR_COMP_STUB_V2, /* compress stub-v2: 0x50 escape */
    DBR_COMP_MIGRATE, /* compress migrate: what each client has */
};
enum dbr_conf_allow_comp { DBR_ALLOW_COMP_NO, DBR_ALLOW_COMP_ASYM };

/* ---- the struct ---- */

/* Shape of a row -> type of its member. FLAG, ONOFF, SEEN and ALIAS are bool. */
#define DBR_T_FLAG          bool
#define DBR_T_ONOFF         bool
#define DBR_T_SEEN          bool
#define DBR_T_ALIAS         bool
#define DBR_T_INT           int
#define DBR_T_OPT1          int
#define DBR_T_ENUM          int
#define DBR_T_PROTO         int
#define DBR_T_COMP          int
#define DBR_T_ALLOW_COMP    int
#define DBR_T_TLS_VERSION   int
#define DBR_T_RENEG_SEC     int
#define DBR_T_INACTIVE      int
#define DBR_T_TUN_MTU       int
#define DBR_T_RESOLV        int
#define DBR_T_KEY_METHOD    int
#define DBR_T_CERT_POLICY   int
#define DBR_T_U64           uint64_t
#define DBR_T_STR           char *
#define DBR_T_IFNAME        char *
#define DBR_T_DIGEST        char *
#define DBR_T_CIPHER        char *
#define DBR_T_FALLBACK      char *
#define DBR_T_STRS          struct dbr_conf_list
#define DBR_T_WORDS         struct dbr_conf_list
#define DBR_T_CIPHERS       struct dbr_conf_list
#define DBR_T_PUSH          struct dbr_conf_list
#define DBR_T_SETENV        struct dbr_conf_list
#define DBR_T_KEY_USAGE     struct dbr_conf_list
#define DBR_T_INCLUDE       struct dbr_conf_list
#define DBR_T_BLOB          struct dbr_conf_blob
#define DBR_T_TLS_AUTH      struct dbr_conf_blob
#define DBR_T_PRINTS        struct dbr_conf_list /* of 64 hex digits, lower case */
#define DBR_T_NAME_FIELDS   struct dbr_conf_list
#define DBR_T_TLS_CRYPT_V2  struct dbr_conf_blob
#define DBR_T_CRL           struct dbr_conf_blob
#define DBR_T_DH            struct dbr_conf_blob
#define DBR_T_SERVER        struct dbr_conf_server
#define DBR_T_SERVER_BRIDGE struct dbr_conf_server_bridge
#define DBR_T_KEEPALIVE     struct dbr_conf_keepalive
#define DBR_T_IFCONFIG      struct dbr_conf_ifconfig
#define DBR_T_POOL          struct dbr_conf_pool
#define DBR_T_IPV6          struct dbr_conf_ipv6
#define DBR_T_REMOTES       struct dbr_conf_remotes
#define DBR_T_CONNECTION    bool
#define DBR_T_LOCALS        struct dbr_conf_locals
#define DBR_T_FRAGMENT      struct dbr_conf_fragment
#define DBR_T_MSSFIX        struct dbr_conf_mssfix
#define DBR_T_INNER_MTU     int
#define DBR_T_PAIR          struct dbr_conf_count
#define DBR_T_FILE          struct dbr_conf_file
#define DBR_T_OPTION        struct dbr_conf_option
#define DBR_T_X509_NAME     struct dbr_conf_x509_name
#define DBR_T_FILTERS       struct dbr_conf_filters
#define DBR_T_MAC           struct dbr_conf_mac
#define DBR_T_BRIDGE        struct dbr_conf_bridge
#define DBR_T_RATE          struct dbr_conf_rate
#define DBR_T_STALE         struct dbr_conf_stale
#define DBR_T_OCSP          struct dbr_conf_ocsp
#define DBR_T_LOGIN_SCRIPT  struct dbr_conf_login_script
#define DBR_T_TOKEN         struct dbr_conf_token
#define DBR_T_ENDPOINT      struct dbr_conf_endpoint
#define DBR_T_MANAGEMENT    struct dbr_conf_management

/* One number per row: DBR_D_max_clients, ... */
enum dbr_directive {
#define D(id, keyword, group, shape, args, dflt, min, max, scope, status, help) DBR_D_##id,
#include "conf/directives.def"
#undef D
    DBR_D_COUNT
};

struct dbr_conf_where {
    uint32_t line; /* 0: not set */
    uint16_t file; /* index into dbr_config.files */
};

enum dbr_conf_role {
    DBR_CONF_ROLE_NONE,
    DBR_CONF_ROLE_SERVER, /* tls-server: with mode server (server-bridge, server or by hand), or for one peer
                           */
    DBR_CONF_ROLE_CLIENT, /* tls-client, from client or by hand */
};

/* Units and meaning of each member are in its row of directives.def and in docs/config.md. */
struct dbr_config {
#define D(id, keyword, group, shape, args, dflt, min, max, scope, status, help) DBR_T_##shape id;
#include "conf/directives.def"
#undef D
    /* Second values of a directive whose first one is the member above. */
    int reneg_sec_min; /* reneg-sec MAX MIN, seconds; finish(): 90 % of max on a server, max on a client */
    int occ_mtu;       /* tun-mtu N OCC: what to say in the option string; 0: tun_mtu */
    uint64_t inactive_bytes; /* inactive SECONDS BYTES */

    /* Set by dbr_config_finish(). */
    enum dbr_conf_role role;
    bool p2p; /* server without `mode server`, client without `pull`: nothing is pushed */
    bool finished;

    /* Where each directive was last set; line 0: it has its default. */
    struct dbr_conf_where set[DBR_D_COUNT];
    struct dbr_conf_list files; /* names of what was read; the first one is the main file */
    bool forward_compatible;    /* setenv FORWARD_COMPATIBLE 1 */
};

/* True if the directive was given (or derived by finish() from a helper directive). id is the member's name.
 */
#define DBR_IS_SET(cfg, id) ((cfg)->set[DBR_D_##id].line != 0)

/* ---- reading ---- */

enum dbr_conf_severity { DBR_CONF_WARNING, DBR_CONF_ERROR };

/* What the program lends to the parser. Any member may be NULL. */
struct dbr_conf_diag {
    /* One complaint without newline, borrowed for the call, every foreign byte escaped. */
    void (*say)(void *arg, enum dbr_conf_severity severity, const char *line);
    /* Reads a file named by `config`: *text is malloc'ed (consumed by the parser), 0 or a negative error.
     * path already has `cd` in front where it was relative. NULL: `config` is refused. */
    int (*read)(void *arg, const char *path, char **text, size_t *len);
    void *arg;
};

/* Fills in every default. 0 or DBR_ERR_NOMEM; then free() is due in both cases. */
int dbr_config_init(struct dbr_config *cfg);

/* Reads len bytes of text (need not be NUL-terminated) that came from file_name. All errors are reported
 * through diag, and parsing goes on behind each; 0, DBR_ERR_CONFIG when there was at least one, or
 * DBR_ERR_NOMEM. */
int dbr_config_parse(struct dbr_config *cfg, const char *file_name, const char *text, size_t len,
                     const struct dbr_conf_diag *diag);

/* The same from arguments, the program's own name not among them: `--verb 4 --config FILE`, or a sole FILE.
 * In complaints the file is "command line" and the line is the number of the argument. Errors as parse. */
int dbr_config_args(struct dbr_config *cfg, int argc, char *const *argv, const struct dbr_conf_diag *diag);

/* Cross-checks and derivations, once after all parsing: role; mode, tls_server, ifconfig, ifconfig_pool and
 * push from server/server-bridge; pull and tls_client from client; ping, ping_restart and push from
 * keepalive; lport and rport from port; tls_auth.direction from key-direction. Errors as parse; a second call
 * does nothing. */
int dbr_config_finish(struct dbr_config *cfg, const struct dbr_conf_diag *diag);

/* Wipes and frees what the members own; callable twice, and on a zeroed struct. */
void dbr_config_free(struct dbr_config *cfg);

/* Calls emit with one line "directive arguments" per directive that was set or has a default, in the order of
 * the table. Keys, inline blocks and the values of setenv are not printed. */
void dbr_config_show(const struct dbr_config *cfg, void (*emit)(void *arg, const char *line), void *arg);

/* File name and line where a directive was set: "" and 0 when it has its default. Borrowed from cfg. */
const char *dbr_config_where(const struct dbr_config *cfg, enum dbr_directive which, unsigned *line);

/* How the socket is bound from which one remote is called. */
struct dbr_conf_binding {
    const char *host; /* NULL: any address; borrowed from the configuration */
    int port;         /* 0: any */
    int proto;        /* enum dbr_conf_proto */
    bool v6only;
};
/* What counts for a remote of a finished configuration: its block over the global directives. `lport` and
 * `bind` of a block are stronger than a global `nobind`. */
void dbr_conf_binding(struct dbr_conf_binding *out, const struct dbr_config *cfg,
                      const struct dbr_conf_remote *r);
bool dbr_conf_binding_same(const struct dbr_conf_binding *a, const struct dbr_conf_binding *b);

/* ---- a client's file (client-config-dir) ---- */

/* The directives a client's file may hold. X(id) */
#define DBR_CCD_LIST(X)                                                                                      \
    X(disable)                                                                                               \
    X(ifconfig_push)                                                                                         \
    X(ifconfig_ipv6_push)                                                                                    \
    X(max_routes_per_client)                                                                                 \
    X(push)                                                                                                  \
    X(push_reset)                                                                                            \
    X(push_remove)                                                                                           \
    X(override_username)                                                                                     \
    X(inactive)                                                                                              \
    X(session_timeout)                                                                                       \
    X(ping)                                                                                                  \
    X(ping_restart)                                                                                          \
    X(ping_exit)                                                                                             \
    X(port_kind)                                                                                             \
    X(vlan_pvid)                                                                                             \
    X(tunnel)                                                                                                \
    X(mac_limit)                                                                                             \
    X(source_guard)                                                                                          \
    X(storm_limit)                                                                                           \
    X(rate)

/* Members as in dbr_config; has.id tells whether the file said so (else the global value counts). */
struct dbr_client_config {
#define X(id) __typeof__(((struct dbr_config *)0)->id) id;
    DBR_CCD_LIST(X)
#undef X
    uint64_t inactive_bytes;
    struct {
#define X(id) bool id;
        DBR_CCD_LIST(X)
#undef X
    } has;
};

/* Reads a client's file into *cc (initialised here; free() is due in every case). Errors as dbr_config_parse;
 * directives that are not for a client's file are errors. `config` is read through diag->read. */
int dbr_config_parse_ccd(struct dbr_client_config *cc, const char *file_name, const char *text, size_t len,
                         const struct dbr_conf_diag *diag);
void dbr_client_config_free(struct dbr_client_config *cc);

/* ---- what a server pushed (client role) ---- */

/* Applies pushed options ("ping 10,route-gateway dhcp", the text behind "PUSH_REPLY,") to `pulled`, a config
 * of its own that the caller initialised for this connection, so that the client's own file is never changed:
 * an option counts from pulled where DBR_IS_SET(pulled, id), else from own. own's pull-filter and
 * route-nopull are applied. What is not pushable, unknown or malformed is ignored with a warning. 0,
 * DBR_ERR_NEGOTIATE when a pull-filter rejects, DBR_ERR_LIMIT after too many options, DBR_ERR_NOMEM. */
int dbr_config_parse_pushed(struct dbr_config *pulled, const struct dbr_config *own, const char *options,
                            size_t len, const struct dbr_conf_diag *diag);

/* &pulled->id where the server pushed it, else &own->id. */
#define DBR_PULLED(pulled, own, id) (DBR_IS_SET(pulled, id) ? &(pulled)->id : &(own)->id)

/* ---- the table, for references and help ---- */

enum dbr_directive_status { DBR_HONOUR, DBR_IGNORE, DBR_REFUSE, DBR_LATER };

struct dbr_directive_info {
    const char *keyword;
    const char *group; /* heading */
    const char *args;  /* "" when it takes none; [X] is optional */
    const char *dflt;  /* NULL: none */
    const char *scope; /* letters: s server, c client, k client's file, i inline block, p pushable, n
                        * <connection>, a command line only */
    enum dbr_directive_status status;
    const char *reason, *way_out; /* of IGNORE, REFUSE, LATER; may be NULL */
    int64_t min, max;             /* of a number; min > max: no range */
    const char *help;             /* one line */
};

/* The row of a directive; which < DBR_D_COUNT. Static. */
const struct dbr_directive_info *dbr_directive_info(enum dbr_directive which);

/* Index of a keyword (without "--"), or -1. */
int dbr_directive_find(const char *keyword);

/* Writes the reference of all directives as Markdown (docs/config.md) or as the body of a man page section.
 */
void dbr_config_markdown(void (*emit)(void *arg, const char *line), void *arg);
void dbr_config_man(void (*emit)(void *arg, const char *line), void *arg);

#endif
