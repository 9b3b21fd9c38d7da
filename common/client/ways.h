/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lines that a server pushes, as text and as what they mean: routes of both families, temporary refusals,
 * waits. Pure; any thread. Source: OpenVPN 2.6 man page (`route`, `route-ipv6`), AUTH_FAILED,TEMP and
 * AUTH_PENDING as its push.c has them.
 */
#ifndef DBR_CLIENT_WAYS_H
#define DBR_CLIENT_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dbr_way_what {
    DBR_WAY_TUNNEL = 1,
    DBR_WAY_AROUND, /* dst stays on the way that it has now */
};

struct dbr_way {
    uint32_t what; /* enum dbr_way_what */
    uint32_t metric;
    uint8_t dst[16]; /* network order; IPv4 has the first four bytes */
    uint8_t via[16]; /* all zero: the gateway of the DHCP lease (IPv4 only) */
    uint8_t family;  /* 4 or 6 */
    uint8_t prefix;  /* bits */
};

/* The words of a line between blanks, at most `most`; the line is cut up. Their number. */
size_t dbr_words(char *line, const char **words, size_t most);

/* An IPv4 address in numbers, host order. 0 or DBR_ERR_SHAPE. */
int dbr_way_ip4(const char *text, uint32_t *ip);

/* One `route` line (NETWORK [NETMASK [GATEWAY [METRIC]]]); gateway (host order) and metric are what counts
 * where it names none, gateway 0: the DHCP lease's. 0 or DBR_ERR_SHAPE. */
int dbr_way_parse(struct dbr_way *r, const char *line, uint32_t gateway, uint32_t metric);

/* One `route-ipv6` line (NETWORK/BITS [GATEWAY [METRIC]]) likewise; DBR_ERR_NOTFOUND: it names no gateway and
 * there is none (16 zeros). */
int dbr_way6_parse(struct dbr_way *r, const char *line, const uint8_t gateway[16], uint32_t metric);

/* AUTH_FAILED,TEMP[backoff 42,advance no]:text. Seconds to wait (0: as usual), and whether the next remote is
 * to be taken. */
int dbr_temp_parse(const char *rest, bool *advance);

/* AUTH_PENDING,timeout 42: seconds that the server asks for, at most an hour; 0: it says none. */
int dbr_pending_parse(const char *rest);

#endif
