/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What tray, service and engine say to each other: fixed bodies behind `uint16 type, uint16 length` (of the
 * body), little endian, one message per message of the pipe. No options, no paths, no free form: a profile is
 * named by its id, everything else is a number within a range or a text of one line. Whoever hears something
 * else closes the pipe. Pure; any thread.
 *
 *   tray, connect  ->  service    HELLO CONNECT DISCONNECT ANSWER STATUS
 *   tray, connect  <-  service    STATE ASK LOG REFUSED
 *   engine         ->  service    STATE ASK LOG NET_*
 *   engine         <-  service    START ANSWER STOP NET_DONE
 */
#ifndef DBR_CW_PIPE_MESSAGE_H
#define DBR_CW_PIPE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_PM_VERSION = 1,
    DBR_PM_HEAD = 4,
    DBR_PM_MAX = 2048, /* bytes of a message with its head */
    DBR_PM_ID = 64,    /* sizes of texts, with their NUL */
    DBR_PM_TEXT = 256,
    DBR_PM_LINE = 512,
    DBR_PM_USER = 128,
    DBR_PM_SECRET = 512,
    DBR_PM_ADDRESS = 64,
    DBR_PM_DOMAIN = 256,
};

/* Who may send a message to whom. */
enum dbr_pm_way {
    DBR_PM_CLIENT_TO_SERVICE = 1,
    DBR_PM_SERVICE_TO_CLIENT = 2,
    DBR_PM_ENGINE_TO_SERVICE = 4,
    DBR_PM_SERVICE_TO_ENGINE = 8,
};

/* X(NAME, member and struct dbr_pm_<member>, number, ways) */
#define DBR_PM_MESSAGES(X)                                                                                   \
    X(HELLO, hello, 1, DBR_PM_CLIENT_TO_SERVICE)                                                             \
    X(CONNECT, connect, 2, DBR_PM_CLIENT_TO_SERVICE)                                                         \
    X(DISCONNECT, disconnect, 3, DBR_PM_CLIENT_TO_SERVICE)                                                   \
    X(ANSWER, answer, 4, DBR_PM_CLIENT_TO_SERVICE | DBR_PM_SERVICE_TO_ENGINE)                                \
    X(STATUS, status, 5, DBR_PM_CLIENT_TO_SERVICE)                                                           \
    X(STATE, state, 16, DBR_PM_SERVICE_TO_CLIENT | DBR_PM_ENGINE_TO_SERVICE)                                 \
    X(ASK, ask, 17, DBR_PM_SERVICE_TO_CLIENT | DBR_PM_ENGINE_TO_SERVICE)                                     \
    X(LOG, log, 18, DBR_PM_SERVICE_TO_CLIENT | DBR_PM_ENGINE_TO_SERVICE)                                     \
    X(REFUSED, refused, 19, DBR_PM_SERVICE_TO_CLIENT)                                                        \
    X(NET_ADDRESS, net_address, 32, DBR_PM_ENGINE_TO_SERVICE)                                                \
    X(NET_DHCP, net_dhcp, 33, DBR_PM_ENGINE_TO_SERVICE)                                                      \
    X(NET_ROUTE, net_route, 34, DBR_PM_ENGINE_TO_SERVICE)                                                    \
    X(NET_DNS, net_dns, 35, DBR_PM_ENGINE_TO_SERVICE)                                                        \
    X(NET_SEARCH, net_search, 36, DBR_PM_ENGINE_TO_SERVICE)                                                  \
    X(NET_MTU, net_mtu, 37, DBR_PM_ENGINE_TO_SERVICE)                                                        \
    X(NET_BLOCK_OUTSIDE_DNS, net_block_outside_dns, 38, DBR_PM_ENGINE_TO_SERVICE)                            \
    X(NET_APPLY, net_apply, 39, DBR_PM_ENGINE_TO_SERVICE)                                                    \
    X(NET_CLEAR, net_clear, 40, DBR_PM_ENGINE_TO_SERVICE)                                                    \
    X(START, start, 48, DBR_PM_SERVICE_TO_ENGINE)                                                            \
    X(STOP, stop, 49, DBR_PM_SERVICE_TO_ENGINE)                                                              \
    X(NET_DONE, net_done, 50, DBR_PM_SERVICE_TO_ENGINE)

enum dbr_pm_type {
#define X(name, member, number, ways) DBR_PM_##name = number,
    DBR_PM_MESSAGES(X)
#undef X
};

enum dbr_pm_stage {
    DBR_PM_IDLE = 0,
    DBR_PM_CONNECTING, /* no answer from the server yet */
    DBR_PM_AUTHENTICATING,
    DBR_PM_ASKING, /* the user is asked for something */
    DBR_PM_CONNECTED,
    DBR_PM_RECONNECTING,
    DBR_PM_DISCONNECTING,
    DBR_PM_FAILED, /* the text says why and what to do */
    DBR_PM_STATES, /* their number */
};

enum dbr_pm_kind {
    DBR_PM_ASK_PASSPHRASE = 1, /* of the private key */
    DBR_PM_ASK_LOGIN,          /* user name and password */
    DBR_PM_ASK_CHALLENGE,      /* the text is the server's question */
};

/* What a route is for. */
enum dbr_pm_what {
    DBR_PM_ROUTE_TUNNEL = 1, /* into the tunnel */
    DBR_PM_ROUTE_AROUND,     /* past it, by the gateway that is there without it; `via` is zero: that one */
};

/* Texts are UTF-8 of one line (dbr_utf8_is_line), NUL-terminated, zero behind the NUL. Addresses are in
 * network order; family 4 uses the first 4 bytes, the rest is zero. An id: dbr_pm_id_is_good(). */
struct dbr_pm_hello {
    uint32_t version; /* DBR_PM_VERSION */
};
struct dbr_pm_connect {
    char id[DBR_PM_ID];
};
struct dbr_pm_answer {
    uint32_t kind; /* enum dbr_pm_kind */
    char user[DBR_PM_USER];
    char secret[DBR_PM_SECRET]; /* wipe: dbr_pm_wipe() */
};
struct dbr_pm_state {
    uint32_t state;          /* enum dbr_pm_stage */
    char profile[DBR_PM_ID]; /* empty: none */
    char text[DBR_PM_TEXT];
    int64_t since_unix_s; /* 0: not known */
    char address[DBR_PM_ADDRESS];
};
struct dbr_pm_ask {
    uint32_t kind; /* enum dbr_pm_kind */
    uint32_t echo; /* 1: what is typed may be seen */
    char text[DBR_PM_LINE];
    char user[DBR_PM_USER]; /* known already, or empty */
};
struct dbr_pm_log {
    uint32_t level; /* 0 to 11, OpenVPN's verb */
    char line[DBR_PM_LINE];
};
struct dbr_pm_refused {
    char text[DBR_PM_TEXT];
};
struct dbr_pm_net_address {
    uint8_t family, prefix; /* 4: 0 to 32, 6: 0 to 128 */
    uint8_t ip[16];
};
struct dbr_pm_net_route {
    uint8_t family, prefix;
    uint8_t what; /* enum dbr_pm_what */
    uint8_t dst[16];
    uint8_t via[16]; /* zero: on the link, or the gateway that is there */
    uint32_t metric; /* 0 to 9,999; 0: the interface's */
};
struct dbr_pm_net_dns {
    uint8_t family;
    uint8_t ip[16];
};
struct dbr_pm_net_search {
    char domain[DBR_PM_DOMAIN]; /* letters, digits, '-', '_', '.' */
};
struct dbr_pm_net_mtu {
    uint32_t mtu; /* 576 to 9,000 */
};
struct dbr_pm_start {
    char id[DBR_PM_ID];
};
struct dbr_pm_net_done {
    uint32_t error; /* 0: done */
    char text[DBR_PM_TEXT];
};

/* A message without its head; DISCONNECT, STATUS, STOP and some NET_* have no body. */
struct dbr_pm {
    uint16_t type;
    union {
        struct dbr_pm_hello hello;
        struct dbr_pm_connect connect;
        struct dbr_pm_answer answer;
        struct dbr_pm_state state;
        struct dbr_pm_ask ask;
        struct dbr_pm_log log;
        struct dbr_pm_refused refused;
        struct dbr_pm_net_address net_address;
        struct dbr_pm_net_route net_route;
        struct dbr_pm_net_dns net_dns;
        struct dbr_pm_net_search net_search;
        struct dbr_pm_net_mtu net_mtu;
        struct dbr_pm_start start;
        struct dbr_pm_net_done net_done;
    };
};

/* Writes m into out (DBR_PM_MAX bytes). Its length, or 0 for a message that the other end would refuse: not
 * of this way (one enum dbr_pm_way), a field out of its range, a text that is none. Wipe out where m is
 * secret. */
size_t dbr_pm_encode(const struct dbr_pm *m, enum dbr_pm_way way, uint8_t out[DBR_PM_MAX]);

/* Reads the one message of exactly n bytes into m. 0, or DBR_ERR_SHAPE with *why (static, may be NULL) saying
 * what is wrong; m is wiped then. */
int dbr_pm_decode(struct dbr_pm *m, enum dbr_pm_way way, const void *bytes, size_t n, const char **why);

/* "CONNECT"; "?" for a number that is none. */
const char *dbr_pm_name(unsigned type);
/* "IDLE"; "?" for a number that is none. */
const char *dbr_pm_state_name(unsigned state);

/* The id of a profile, a folder's name: 1 to 63 of letters and digits of ASCII, '-', '_', '.' and spaces; it
 * begins with a letter or digit, ends with neither dot nor space, and is no name that Windows keeps for
 * devices (CON, NUL, COM1, ... with whatever behind a dot). */
bool dbr_pm_id_is_good(const char *id);

void dbr_pm_wipe(struct dbr_pm *m);

#endif
