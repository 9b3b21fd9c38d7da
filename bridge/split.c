/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/split.h"

#include <string.h>

#include "bridge/csum.h"
#include "bridge/inet.h"

enum { HALF_OF_EVERYTHING = 1 }; /* prefixes up to this length are a default route, whole or in two halves */

/* --- DHCP: the length stays, what goes becomes padding --- */

enum { BOOTP = 236, OPTIONS = 240, BOOTP_SNAME = 44, BOOTP_FILE = 108, SNAME_LEN = 64, FILE_LEN = 128 };
enum { OPT_PAD = 0, OPT_OVERLOAD = 52, OPT_END = 255 };

enum fate { KEPT, GONE, ROUTES };

static enum fate fate_of(uint8_t code)
{
    static const struct {
        uint8_t code;
        enum fate fate;
    } rows[] = {
        {3, GONE},     /* routers */
        {6, GONE},     /* name servers */
        {15, GONE},    /* domain */
        {119, GONE},   /* search list, RFC 3397 */
        {121, ROUTES}, /* classless routes, RFC 3442 */
        {249, ROUTES}, /* the same, Microsoft's number */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i].fate;
    return KEPT;
}

/* Takes default routes out of n bytes of RFC 3442 descriptors (bits, significant bytes of the network,
 * router) and returns what is left; 0 also when they cannot be read. */
static size_t filter_routes(uint8_t *p, size_t n)
{
    size_t left = 0;
    for (size_t at = 0, len; at < n; at += len) {
        len = 1 + (p[at] + 7u) / 8 + 4;
        if (p[at] > 32 || len > n - at)
            return 0;
        if (p[at] <= HALF_OF_EVERYTHING)
            continue;
        memmove(p + left, p + at, len);
        left += len;
    }
    return left;
}

/* What the walk over all fields of one message has met. */
struct walk {
    uint8_t overload;      /* what option 52 says */
    uint8_t seen[256 / 8]; /* codes */
};

static bool seen_before(struct walk *w, uint8_t code)
{
    uint8_t bit = (uint8_t)(1u << code % 8), was = w->seen[code / 8];
    w->seen[code / 8] = was | bit;
    return was & bit;
}

/* Routes in several pieces (RFC 3396) are one list, cut anywhere: only a first piece that is whole stays. */
static void strip_option(struct walk *w, uint8_t *opt, size_t len)
{
    enum fate fate = fate_of(opt[0]);
    if (opt[0] == OPT_OVERLOAD && len == 1)
        w->overload = opt[2];
    if (fate == KEPT)
        return;
    size_t left = !seen_before(w, opt[0]) && fate == ROUTES ? filter_routes(opt + 2, len) : 0;
    memset(opt + 2 + left, OPT_PAD, len - left);
    opt[1] = (uint8_t)left;
    if (!left)
        opt[0] = opt[1] = OPT_PAD;
}

static bool strip_field(struct walk *w, uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n && p[at] != OPT_END;) {
        if (p[at] == OPT_PAD) {
            at++;
            continue;
        }
        if (n - at < 2 || p[at + 1] > n - at - 2)
            return false;
        size_t len = p[at + 1];
        strip_option(w, p + at, len);
        at += 2 + len;
    }
    return true;
}

/* Options may go on in the fields `file` and `sname` (RFC 2131 4.1). */
static bool strip_dhcp(uint8_t *p, size_t *n)
{
    static const uint8_t cookie[4] = {99, 130, 83, 99};
    struct walk w = {0};
    if (*n < OPTIONS || memcmp(p + BOOTP, cookie, 4) != 0)
        return true; /* BOOTP: there are no options */
    return strip_field(&w, p + OPTIONS, *n - OPTIONS) &&
           (!(w.overload & 1) || strip_field(&w, p + BOOTP_FILE, FILE_LEN)) &&
           (!(w.overload & 2) || strip_field(&w, p + BOOTP_SNAME, SNAME_LEN));
}

/* --- DHCPv6 and RA: what goes leaves no gap --- */

static void cut_out(uint8_t *p, size_t *n, size_t at, size_t len)
{
    memmove(p + at, p + at + len, *n - at - len);
    *n -= len;
}

static bool strip_dhcp6(uint8_t *p, size_t *n)
{
    enum { HEADER = 4, DNS = 23, DOMAINS = 24, ADVERTISE = 2, REPLY = 7 };
    if (*n < HEADER)
        return false;
    if (p[0] != ADVERTISE && p[0] != REPLY)
        return true;
    for (size_t at = HEADER; at < *n;) {
        size_t len = *n - at < 4 ? *n : 4u + dbr_get16(p + at + 2);
        if (len > *n - at)
            return false;
        uint16_t code = dbr_get16(p + at);
        if (code == DNS || code == DOMAINS)
            cut_out(p, n, at, len);
        else
            at += len;
    }
    return true;
}

static bool advert_option_goes(const uint8_t *opt)
{
    enum { ROUTE = 24, RDNSS = 25, DNSSL = 31 };
    return opt[0] == RDNSS || opt[0] == DNSSL || (opt[0] == ROUTE && opt[2] <= HALF_OF_EVERYTHING);
}

static bool strip_advert(uint8_t *p, size_t *n)
{
    enum { HEADER = 16, LIFETIME = 6, ADVERT = 134 };
    if (*n < HEADER || p[0] != ADVERT)
        return false;
    dbr_put16(p + LIFETIME, 0);
    for (size_t at = HEADER; at < *n;) {
        size_t len = *n - at < 8 ? 0 : p[at + 1] * 8u;
        if (!len || len > *n - at)
            return false;
        if (advert_option_goes(p + at))
            cut_out(p, n, at, len);
        else
            at += len;
    }
    return true;
}

/* --- the frame around it --- */

/* Lengths and checksum of the upper layer, whose length is now n. */
static void finish(uint8_t *frame, const struct inet *in, size_t n)
{
    uint8_t *ip = frame + in->l3, *upper = frame + in->l4;
    bool udp = in->proto == IPPROTO_NUM_UDP;
    uint8_t *check = upper + (udp ? 6 : 2);
    if (in->version == 6)
        dbr_put16(ip + 4, (uint16_t)(in->l4 + n - in->l3 - IP6_HEADER));
    if (udp)
        dbr_put16(upper + 4, (uint16_t)n);
    if (in->version == 4 && !dbr_get16(check))
        return;
    dbr_put16(check, 0);
    uint64_t sum = csum_pseudo(in->version, ip, in->proto, (uint32_t)n);
    uint16_t folded = (uint16_t)~csum_fold(csum_bytes(sum, upper, n));
    csum_store(check, udp && !folded ? 0xffff : folded);
}

/* What the upper layer holds goes through one of these; `head` bytes in front of it stay as they are. */
struct kind {
    size_t head;
    bool (*strip)(uint8_t *p, size_t *n);
};

static struct kind kind_of(const struct inet *in, const uint8_t *upper, size_t n)
{
    if (in->proto == IPPROTO_NUM_ICMP6 && n >= 4)
        return (struct kind){0, strip_advert};
    if (in->proto != IPPROTO_NUM_UDP || n < UDP_HEADER || dbr_get16(upper + 4) != n)
        return (struct kind){0, NULL};
    return (struct kind){UDP_HEADER, in->version == 4 ? strip_dhcp : strip_dhcp6};
}

bool dbr_split_frame(uint8_t *frame, size_t *n)
{
    struct dbr_eth_view v;
    if (dbr_eth_parse(&v, frame, *n))
        return false;
    struct inet in = inet_parse(frame, *n, v.l3, v.ethertype);
    if (!in.version || in.fragment || in.cut || in.short_len || in.routing)
        return false;
    size_t whole = in.end - in.l4;
    struct kind kind = kind_of(&in, frame + in.l4, whole);
    size_t body = whole - kind.head;
    if (!kind.strip || !kind.strip(frame + in.l4 + kind.head, &body))
        return false;
    finish(frame, &in, kind.head + body);
    *n = in.l4 + kind.head + body;
    return true;
}
