/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A UDP end point as plain bytes. IPv4-mapped IPv6 addresses (::ffff:a.b.c.d, as a dual-stack socket gives
 * them) are always held as family 4, so that cookies, limits, the status file and logs see one form only.
 */
#ifndef DBR_BASE_ADDR_H
#define DBR_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dbr_addr {
    uint8_t family; /* 4, 6 or 0 = none */
    uint8_t via;    /* which of our sockets heard it: 0 but with several `local` */
    uint16_t port;  /* host order */
    uint32_t scope; /* IPv6 interface index, else 0 */
    uint8_t ip[16]; /* network order; family 4 uses the first 4, the rest is 0 */
    /* Our own address that it called, with `multihome`; IPv4 as mapped; all zero: the kernel chooses. */
    uint8_t home[16];
    uint32_t home_scope; /* interface index of a link-local one */
};

enum { DBR_ADDR_TEXT = 64 };

/* The same far end; which of our ends it called does not count. */
static inline bool dbr_addr_equal(const struct dbr_addr *a, const struct dbr_addr *b)
{
    return a->family == b->family && a->port == b->port && a->scope == b->scope &&
           memcmp(a->ip, b->ip, 16) == 0;
}

/* The same end of ours. */
static inline bool dbr_addr_same_home(const struct dbr_addr *a, const struct dbr_addr *b)
{
    return a->via == b->via && a->home_scope == b->home_scope && memcmp(a->home, b->home, 16) == 0;
}

/* "192.0.2.1:1194" or "2001:db8::1:1194" as OpenVPN writes them in logs and status files; returns out. */
const char *dbr_addr_text(const struct dbr_addr *a, char out[DBR_ADDR_TEXT]);
/* The same without the port. */
const char *dbr_addr_ip_text(const struct dbr_addr *a, char out[DBR_ADDR_TEXT]);

/* From and to struct sockaddr_in/_in6 (sa is a sockaddr_storage-sized buffer). from: 0, or DBR_ERR_SHAPE for
 * other families. to: writes a sockaddr_in6 (v4 as mapped) for a dual-stack socket; returns its length. */
struct sockaddr;
int dbr_addr_from_sockaddr(struct dbr_addr *a, const struct sockaddr *sa, size_t len);
size_t dbr_addr_to_sockaddr6(const struct dbr_addr *a, struct sockaddr *sa);

#endif
