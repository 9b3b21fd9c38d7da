/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/frag.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "bridge/csum.h"
#include "bridge/eth.h"
#include "bridge/inet.h"
#include "bridge/tcp.h"

enum {
    IP4_TOS = 1,
    IP4_TTL = 8,
    IP4_PROTO = 9,
    IP4_SRC = 12,
    IP4_DST = 16,
    IP4_MORE = 0x2000,
    IP4_OFFSET = 0x1fff,
    IP6_NEXT = 6,
    IP6_HOPS = 7,
    IP6_SRC = 8,
    IP6_DST = 24,
    IP6_MTU_MIN = 1280,

    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_COPIED = 0x80,

    ICMP_HEADER = 8,
    ICMP_CHECK = 2,
    ICMP_MTU = 6,  /* 16 bits */
    ICMP6_MTU = 4, /* 32 bits */
    QUOTE4 = DBR_FRAG_MIN - IP4_HEADER - ICMP_HEADER,
    QUOTE6 = IP6_MTU_MIN - IP6_HEADER - ICMP_HEADER,
    CONTROL_TOS = 0xc0, /* internetwork control: RFC 1812 4.3.2.5 */
    ANSWER_TTL = 64,
};

/* ---- whether ---- */

/* Collects the options that every fragment carries; false if they are malformed. */
static bool copy_options(struct dbr_frag *f, const uint8_t *ip, size_t header)
{
    for (size_t at = IP4_HEADER; at < header && ip[at] != OPTION_END;) {
        size_t len = ip[at] == OPTION_NOP ? 1 : at + 1 < header ? ip[at + 1] : 0;
        if (len > header - at || (ip[at] != OPTION_NOP && len < 2))
            return false;
        if (ip[at] & OPTION_COPIED) {
            memcpy(f->copy + f->options, ip + at, len);
            f->options = (uint8_t)(f->options + len);
        }
        at += len;
    }
    f->options = (uint8_t)((f->options + 3) & ~3); /* filled up with OPTION_END */
    return true;
}

/* IPv4 without DF: true if the packet's own fields allow that it is cut. */
static bool can_cut(struct dbr_frag *f)
{
    const uint8_t *ip = f->frame + f->l3;
    size_t header = f->l4 - f->l3, payload = f->end - f->l4;
    uint16_t frag = dbr_get16(ip + IP4_FRAG);
    size_t place = (size_t)(frag & IP4_OFFSET) * 8;
    if (place + payload > UINT16_MAX || ((frag & IP4_MORE) && payload % 8))
        return false;
    f->room = (f->max_l3 - header) & ~(size_t)7;
    return copy_options(f, ip, header);
}

/* 0.0.0.0/8, 127.0.0.0/8, and everything from 224.0.0.0 on. */
static bool is_host4(const uint8_t *a)
{
    return a[0] != 0 && a[0] != 127 && a[0] < 224;
}

/* Neither a group nor the unspecified address nor that of the loopback. */
static bool is_host6(const uint8_t *a)
{
    static const uint8_t zero[15];
    return a[0] != 0xff && (memcmp(a, zero, sizeof zero) != 0 || a[15] > 1);
}

/* True for what must never be answered: ICMP errors, and what may be one as we cannot see it. */
static bool is_icmp_error(const struct inet *in, const uint8_t *frame)
{
    static const bool errors4[256] = {[3] = true, [4] = true, [5] = true, [11] = true, [12] = true};
    enum { REDIRECT6 = 137, QUERIES6 = 128 };
    if (in->proto != IPPROTO_NUM_ICMP && in->proto != IPPROTO_NUM_ICMP6)
        return false;
    if (in->l4 >= in->end)
        return true;
    uint8_t type = frame[in->l4];
    return in->proto == IPPROTO_NUM_ICMP ? errors4[type] : type < QUERIES6 || type == REDIRECT6;
}

/* True if the sender may be told. */
static bool may_answer(const struct inet *in, const struct dbr_eth_view *v)
{
    const uint8_t *ip = v->frame + in->l3;
    if (v->multicast || dbr_mac_is_group(v->src) || in->later || in->cut || is_icmp_error(in, v->frame))
        return false;
    if (in->version == 4)
        return is_host4(ip + IP4_SRC) && is_host4(ip + IP4_DST);
    return is_host6(ip + IP6_SRC) && is_host6(ip + IP6_DST);
}

enum dbr_frag_kind dbr_frag_init(struct dbr_frag *f, const uint8_t *frame, size_t n, uint16_t max_l3)
{
    struct dbr_eth_view v;
    *f = (struct dbr_frag){.frame = frame};
    if (dbr_eth_parse(&v, frame, n) || n - v.l3 <= max_l3)
        return DBR_FRAG_PASS;
    struct inet in = inet_parse(frame, n, v.l3, v.ethertype);
    f->max_l3 = max_l3 < DBR_FRAG_MIN ? DBR_FRAG_MIN : max_l3;
    if (in.version == 6 && f->max_l3 < IP6_MTU_MIN)
        f->max_l3 = IP6_MTU_MIN;
    if (!in.version || in.short_len || in.end - in.l3 <= f->max_l3)
        return DBR_FRAG_PASS;
    f->version = in.version;
    f->l3 = in.l3;
    f->l4 = in.l4;
    f->end = in.end;
    if (in.version == 4 && !(dbr_get16(frame + in.l3 + IP4_FRAG) & IP4_DONT_FRAGMENT))
        return can_cut(f) ? DBR_FRAG_CUT : DBR_FRAG_PASS;
    return may_answer(&in, &v) ? DBR_FRAG_ANSWER : DBR_FRAG_PASS;
}

bool dbr_frag_cut_anyway(struct dbr_frag *f)
{
    const uint8_t *ip = f->frame + f->l3;
    if (f->version != 4 || !can_cut(f))
        return false;
    f->atomic = true;
    f->id = dbr_get16(ip + IP4_ID);
    if (!f->id)
        f->id = (uint16_t)(csum_fold(csum_bytes(0, f->frame + f->l4, f->end - f->l4)) | 1);
    return true;
}

/* ---- cutting ---- */

size_t dbr_frag_frame_len(const struct dbr_frag *f)
{
    return f->l4 + f->room;
}

size_t dbr_frag_left(const struct dbr_frag *f)
{
    return (f->end - f->l4 - f->at + f->room - 1) / f->room;
}

static void finish_ip4(uint8_t *ip, size_t header, size_t total)
{
    ip[0] = (uint8_t)(0x40 | header / 4);
    dbr_put16(ip + IP4_TOTAL, (uint16_t)total);
    dbr_put16(ip + IP4_CHECK, 0);
    csum_store(ip + IP4_CHECK, (uint16_t)~csum_fold(csum_bytes(0, ip, header)));
}

int dbr_frag_next(struct dbr_frag *f, uint8_t *out, size_t cap)
{
    size_t left = f->end - f->l4 - f->at, n = left < f->room ? left : f->room;
    size_t header = f->at ? (size_t)IP4_HEADER + f->options : f->l4 - f->l3;
    if (!left)
        return 0;
    if (cap < f->l3 + header + n)
        return DBR_ERR_SPACE;
    uint8_t *ip = out + f->l3;
    memcpy(out, f->frame, f->at ? f->l3 + IP4_HEADER : f->l4);
    if (f->at)
        memcpy(ip + IP4_HEADER, f->copy, f->options);
    memcpy(ip + header, f->frame + f->l4 + f->at, n);
    uint16_t frag = (uint16_t)(dbr_get16(ip + IP4_FRAG) + f->at / 8);
    if (f->atomic) {
        frag &= (uint16_t)~IP4_DONT_FRAGMENT;
        dbr_put16(ip + IP4_ID, f->id);
    }
    dbr_put16(ip + IP4_FRAG, n < left ? frag | IP4_MORE : frag);
    finish_ip4(ip, header, header + n);
    f->at += n;
    return (int)(f->l3 + header + n);
}

/* ---- answering ---- */

static void answer4(const struct dbr_frag *f, uint8_t *ip, size_t quote)
{
    const uint8_t *was = f->frame + f->l3;
    uint8_t *icmp = ip + IP4_HEADER;
    enum { UNREACHABLE = 3, TOO_LONG = 4 };
    ip[IP4_TOS] = CONTROL_TOS;
    dbr_put16(ip + IP4_FRAG, IP4_DONT_FRAGMENT); /* needs no id then: RFC 6864 */
    ip[IP4_TTL] = ANSWER_TTL;
    ip[IP4_PROTO] = IPPROTO_NUM_ICMP;
    memcpy(ip + IP4_SRC, was + IP4_DST, 4);
    memcpy(ip + IP4_DST, was + IP4_SRC, 4);
    finish_ip4(ip, IP4_HEADER, IP4_HEADER + ICMP_HEADER + quote);
    icmp[0] = UNREACHABLE;
    icmp[1] = TOO_LONG;
    dbr_put16(icmp + ICMP_MTU, f->max_l3);
    memcpy(icmp + ICMP_HEADER, was, quote);
    csum_store(icmp + ICMP_CHECK, (uint16_t)~csum_fold(csum_bytes(0, icmp, ICMP_HEADER + quote)));
}

static void answer6(const struct dbr_frag *f, uint8_t *ip, size_t quote)
{
    const uint8_t *was = f->frame + f->l3;
    uint8_t *icmp = ip + IP6_HEADER;
    enum { TOO_BIG = 2 };
    uint16_t len = (uint16_t)(ICMP_HEADER + quote);
    ip[0] = 0x60;
    dbr_put16(ip + IP6_LENGTH, len);
    ip[IP6_NEXT] = IPPROTO_NUM_ICMP6;
    ip[IP6_HOPS] = ANSWER_TTL;
    memcpy(ip + IP6_SRC, was + IP6_DST, 16);
    memcpy(ip + IP6_DST, was + IP6_SRC, 16);
    icmp[0] = TOO_BIG;
    dbr_put32(icmp + ICMP6_MTU, f->max_l3);
    memcpy(icmp + ICMP_HEADER, was, quote);
    uint64_t sum = csum_pseudo(6, ip, IPPROTO_NUM_ICMP6, len);
    csum_store(icmp + ICMP_CHECK, (uint16_t)~csum_fold(csum_bytes(sum, icmp, len)));
}

int dbr_frag_answer(const struct dbr_frag *f, uint8_t *out, size_t cap)
{
    bool v4 = f->version == 4;
    size_t head = v4 ? IP4_HEADER + ICMP_HEADER : IP6_HEADER + ICMP_HEADER;
    size_t quote = f->end - f->l3, most = v4 ? QUOTE4 : QUOTE6;
    quote = quote < most ? quote : most;
    if (cap < f->l3 + head + quote)
        return DBR_ERR_SPACE;
    memset(out + f->l3, 0, head);
    memcpy(out, f->frame + 6, 6);
    memcpy(out + 6, f->frame, 6);
    memcpy(out + 12, f->frame + 12, f->l3 - 12);
    if (v4)
        answer4(f, out + f->l3, quote);
    else
        answer6(f, out + f->l3, quote);
    return (int)(f->l3 + head + quote);
}
