/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inner.h"

#include "base/bytes.h"
#include "bridge/eth.h"

#include <string.h>

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint32_t pseudo(const uint8_t *ip, size_t l4_len)
{
    return add(0, ip + 12, 8) + ip[9] + (uint32_t)l4_len;
}

static uint8_t *ipv4(uint8_t *out, const char *dst, const char *src, uint8_t proto, size_t l4_len)
{
    uint64_t mac;
    uint8_t *ip = out + INNER_ETH;
    dbr_mac_parse(&mac, dst);
    dbr_mac_write(out, mac);
    dbr_mac_parse(&mac, src);
    dbr_mac_write(out + 6, mac);
    dbr_put16(out + 12, 0x0800);
    memset(ip, 0, INNER_IP);
    ip[0] = 0x45;
    dbr_put16(ip + 2, (uint16_t)(INNER_IP + l4_len));
    dbr_put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, (uint8_t[]){192, 0, 2, 1, 192, 0, 2, 2}, 8);
    dbr_put16(ip + 10, (uint16_t)~fold(add(0, ip, INNER_IP)));
    return ip + INNER_IP;
}

static void put_sum(uint8_t *l4, size_t len, size_t at, bool partial)
{
    uint32_t sum = pseudo(l4 - INNER_IP, len);
    dbr_put16(l4 + at, partial ? fold(sum) : (uint16_t)~fold(add(sum, l4, len)));
}

size_t inner_tcp(uint8_t *out, const char *dst, const char *src, uint32_t seq, uint8_t flags, uint16_t mss,
                 size_t payload, bool partial)
{
    size_t head = INNER_TCP + (mss ? 4 : 0), len = head + payload;
    uint8_t *tcp = ipv4(out, dst, src, 6, len);
    memset(tcp, 0, head);
    dbr_put16(tcp, 1000);
    dbr_put16(tcp + 2, 2000);
    dbr_put32(tcp + 4, seq);
    dbr_put32(tcp + 8, 77);
    tcp[12] = (uint8_t)(head / 4 << 4);
    tcp[13] = flags;
    dbr_put16(tcp + 14, 500);
    if (mss) {
        tcp[20] = 2;
        tcp[21] = 4;
        dbr_put16(tcp + 22, mss);
    }
    for (size_t i = 0; i < payload; i++)
        tcp[head + i] = (uint8_t)((seq + i) * 31 >> 3);
    put_sum(tcp, len, 16, partial);
    return INNER_ETH + INNER_IP + len;
}

size_t inner_udp(uint8_t *out, const char *dst, const char *src, uint16_t port, size_t payload, bool partial)
{
    size_t len = INNER_UDP + payload;
    uint8_t *udp = ipv4(out, dst, src, 17, len);
    dbr_put16(udp, port);
    dbr_put16(udp + 2, 2000);
    dbr_put16(udp + 4, (uint16_t)len);
    dbr_put16(udp + 6, 0);
    for (size_t i = 0; i < payload; i++)
        udp[INNER_UDP + i] = (uint8_t)(port + i);
    put_sum(udp, len, 6, partial);
    return INNER_ETH + INNER_IP + len;
}

bool inner_checks(const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + INNER_ETH;
    size_t total = dbr_get16(ip + 2);
    return INNER_ETH + total == len && fold(add(0, ip, INNER_IP)) == 0xffff &&
           fold(add(pseudo(ip, total - INNER_IP), ip + INNER_IP, total - INNER_IP)) == 0xffff;
}

bool inner_tcp_payload_ok(const uint8_t *frame, size_t len)
{
    const uint8_t *tcp = frame + INNER_ETH + INNER_IP;
    uint32_t seq = dbr_get32(tcp + 4);
    size_t head = (size_t)(tcp[12] >> 4) * 4, payload = len - INNER_ETH - INNER_IP - head;
    for (size_t i = 0; i < payload; i++)
        if (tcp[head + i] != (uint8_t)((seq + i) * 31 >> 3))
            return false;
    return true;
}

uint16_t inner_mss(const uint8_t *frame)
{
    return dbr_get16(frame + INNER_ETH + INNER_IP + 22);
}
