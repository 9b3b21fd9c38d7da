/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/mss.h"

#include "bridge/csum.h"
#include "bridge/eth.h"
#include "bridge/inet.h"
#include "bridge/tcp.h"

enum { OPT_END = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_MSS_LEN = 4 };

/* The MSS option among n bytes of TCP options: its offset, or 0 if there is none or the options are broken.
 * The whole list is walked, so that a broken tail leaves the frame alone. */
static size_t find_mss(const uint8_t *opt, size_t n)
{
    size_t found = n, at = 0;
    while (at < n && opt[at] != OPT_END) {
        if (opt[at] == OPT_NOP) {
            at++;
            continue;
        }
        if (n - at < 2 || opt[at + 1] < 2 || opt[at + 1] > n - at)
            return n;
        if (opt[at] == OPT_MSS && opt[at + 1] != OPT_MSS_LEN)
            return n;
        if (opt[at] == OPT_MSS && found == n)
            found = at;
        at += opt[at + 1];
    }
    return found;
}

/* Word i of a checksum is at an even offset of the TCP header; an option may start at an odd one, and then
 * touches two words. */
static void put_covered16(uint8_t *tcp, size_t at, uint16_t value, bool mend)
{
    size_t first = at & ~(size_t)1, words = at & 1 ? 2 : 1;
    uint16_t was[2] = {0}, check = dbr_get16(tcp + TCP_CHECK);
    for (size_t i = 0; i < words; i++)
        was[i] = dbr_get16(tcp + first + 2 * i);
    dbr_put16(tcp + at, value);
    for (size_t i = 0; i < words; i++)
        check = csum_update(check, was[i], dbr_get16(tcp + first + 2 * i));
    if (mend)
        dbr_put16(tcp + TCP_CHECK, check);
}

static bool clamp_tcp(uint8_t *tcp, size_t n, uint16_t max, bool csum_partial)
{
    if (n < TCP_HEADER || !(tcp[TCP_FLAGS] & TCP_SYN))
        return false;
    size_t header = (size_t)(tcp[TCP_OFFSET] >> 4) * 4;
    if (header <= TCP_HEADER || header > n)
        return false;
    size_t options = header - TCP_HEADER, at = find_mss(tcp + TCP_HEADER, options);
    if (at == options || dbr_get16(tcp + TCP_HEADER + at + 2) <= max)
        return false;
    put_covered16(tcp, TCP_HEADER + at + 2, max, !csum_partial);
    return true;
}

bool dbr_mss_clamp(uint8_t *frame, size_t n, struct dbr_mss max, bool csum_partial)
{
    struct dbr_eth_view v;
    if (dbr_eth_parse(&v, frame, n) < 0)
        return false;
    struct inet in = inet_parse(frame, n, v.l3, v.ethertype);
    uint16_t limit = in.version == 6 ? max.v6 : max.v4;
    if (!in.version || in.proto != IPPROTO_NUM_TCP || in.later || in.cut || in.short_len || !limit)
        return false;
    return clamp_tcp(frame + in.l4, in.end - in.l4, limit, csum_partial);
}

/* Largest plain text whose cipher text fits in room: CBC pads to whole blocks, at least one byte. */
static int plain_room(int room, uint16_t block)
{
    return block > 1 ? room - room % block - 1 : room;
}

struct dbr_mss dbr_mss_compute(const struct dbr_mss_fit *m)
{
    enum { INNER4 = IP4_HEADER + TCP_HEADER, INNER6 = IP6_HEADER + TCP_HEADER };
    if (!m->value)
        return (struct dbr_mss){0, 0};
    int room = m->value;
    if (m->mode != DBR_MSS_FIXED) {
        room -= m->datagram;
        if (m->mode == DBR_MSS_MTU)
            room -= (m->outer_family == 6 ? IP6_HEADER : IP4_HEADER) + (m->tcp ? TCP_HEADER : UDP_HEADER);
        room = room > 0 ? plain_room(room, m->block) : 0;
        room -= m->extra + m->inside;
    }
    int v4 = room - INNER4, v6 = room - INNER6;
    return (struct dbr_mss){.v4 = (uint16_t)(v4 > 0 ? v4 : 1), .v6 = (uint16_t)(v6 > 0 ? v6 : 1)};
}
