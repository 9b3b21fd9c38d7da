/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "frames.h"

#include <string.h>

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)(v >> 16));
    put16(p + 2, (uint16_t)v);
}

static void put48(uint8_t *p, uint64_t v)
{
    put16(p, (uint16_t)(v >> 32));
    put32(p + 2, (uint32_t)v);
}

uint64_t noise(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15U;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t below(uint64_t *state, uint64_t n)
{
    return noise(state) % n;
}

uint32_t plain_sum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    return sum;
}

uint16_t plain_fold(uint32_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

uint32_t plain_pseudo(const uint8_t *ip, uint8_t proto, size_t len)
{
    uint32_t addresses = ip[0] >> 4 == 4 ? plain_sum(ip + 12, 8) : plain_sum(ip + 8, 32);
    return addresses + proto + (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff);
}

void frame_start(struct frame *f, uint64_t dst, uint64_t src, uint16_t ethertype)
{
    put48(f->b, dst);
    put48(f->b + 6, src);
    put16(f->b + 12, ethertype);
    f->n = f->l3 = 14;
}

void frame_tag(struct frame *f, uint16_t tci, uint16_t ethertype)
{
    put16(f->b + f->n, tci);
    put16(f->b + f->n + 2, ethertype);
    f->n += 4;
    f->l3 = f->n;
}

void frame_bytes(struct frame *f, const void *p, size_t n)
{
    memcpy(f->b + f->n, p, n);
    f->n += n;
}

void frame_fill(struct frame *f, uint8_t value, size_t n)
{
    memset(f->b + f->n, value, n);
    f->n += n;
}

static void add_ip4(struct frame *f, const struct frame_spec *s)
{
    uint8_t ip[20] = {0};
    ip[0] = (uint8_t)(0x45 + s->ip_options / 4);
    ip[1] = s->tos;
    put16(ip + 4, s->id);
    put16(ip + 6, s->dont_fragment ? 0x4000 : 0);
    ip[8] = s->ttl ? s->ttl : 64;
    ip[9] = s->proto;
    memcpy(ip + 12, (uint8_t[]){10, 0, 0, s->host, 192, 168, 1, 7}, 8);
    frame_bytes(f, ip, sizeof ip);
    frame_fill(f, 1, s->ip_options); /* NOPs */
}

static void add_ip6(struct frame *f, const struct frame_spec *s)
{
    uint8_t ip[40] = {0};
    ip[0] = (uint8_t)(0x60 | s->tos >> 4);
    ip[1] = (uint8_t)(s->tos << 4);
    ip[6] = s->ext_headers ? 60 : s->proto;
    ip[7] = s->ttl ? s->ttl : 64;
    memcpy(ip + 8, (uint8_t[]){0x20, 1, 0xd, 0xb8}, 4);
    memcpy(ip + 24, (uint8_t[]){0x20, 1, 0xd, 0xb8}, 4);
    ip[23] = s->host;
    ip[39] = 7;
    frame_bytes(f, ip, sizeof ip);
    for (int i = s->ext_headers; i > 0; i--) {
        uint8_t options[8] = {i > 1 ? 60 : s->proto, 0, 1, 4}; /* PadN */
        frame_bytes(f, options, sizeof options);
    }
}

static void add_tcp(struct frame *f, const struct frame_spec *s)
{
    uint8_t tcp[20] = {0};
    put16(tcp, s->sport);
    put16(tcp + 2, s->dport);
    put32(tcp + 4, s->seq);
    put32(tcp + 8, s->ack);
    tcp[12] = (uint8_t)((5 + s->tcp_options / 4) << 4);
    tcp[13] = s->flags;
    put16(tcp + 14, s->window);
    put16(tcp + 18, s->urgent);
    frame_bytes(f, tcp, sizeof tcp);
    size_t left = s->tcp_options;
    if (left >= 12) {
        frame_bytes(f, (uint8_t[]){1, 1, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4}, 12);
        left -= 12;
    }
    frame_fill(f, 1, left);
}

static void add_upper(struct frame *f, const struct frame_spec *s)
{
    f->l4 = f->n;
    f->proto = s->proto;
    if (s->proto == 6)
        add_tcp(f, s);
    if (s->proto == 17) {
        uint8_t udp[8] = {0};
        put16(udp, s->sport);
        put16(udp + 2, s->dport);
        frame_bytes(f, udp, sizeof udp);
    }
}

static void start_spec(struct frame *f, const struct frame_spec *s)
{
    uint16_t type = s->version == 4 ? 0x0800 : 0x86dd;
    frame_start(f, s->dst, s->src, s->tagged ? 0x8100 : type);
    if (s->tagged)
        frame_tag(f, s->vid, type);
    f->version = s->version;
    if (s->version == 4)
        add_ip4(f, s);
    else
        add_ip6(f, s);
    add_upper(f, s);
}

size_t frame_head(const struct frame_spec *s)
{
    static struct frame f;
    start_spec(&f, s);
    return f.n;
}

void frame_build(struct frame *f, const struct frame_spec *s, const uint8_t *payload, size_t n)
{
    start_spec(f, s);
    for (size_t i = 0; i < n; i++)
        f->b[f->n + i] = payload ? payload[i] : (uint8_t)(i * 7 + s->seq);
    f->n += n;
    frame_finish(f);
}

void frame_finish(struct frame *f)
{
    uint8_t *ip = f->b + f->l3, *upper = f->b + f->l4;
    size_t len = f->n - f->l4;
    if (f->version == 4) {
        put16(ip + 2, (uint16_t)(f->n - f->l3));
        put16(ip + 10, 0);
        put16(ip + 10, (uint16_t)~plain_fold(plain_sum(ip, (size_t)(ip[0] & 15) * 4)));
    } else {
        put16(ip + 4, (uint16_t)(f->n - f->l3 - 40));
    }
    if (f->proto == 17)
        put16(upper + 4, (uint16_t)len);
    if (f->proto != 6 && f->proto != 17)
        return;
    uint8_t *check = upper + (f->proto == 6 ? 16 : 6);
    put16(check, 0);
    uint16_t sum = (uint16_t)~plain_fold(plain_pseudo(ip, f->proto, len) + plain_sum(upper, len));
    put16(check, f->proto == 17 && !sum ? 0xffff : sum);
}

bool frame_good(const uint8_t *b, size_t n, size_t l3, size_t l4, uint8_t proto)
{
    const uint8_t *ip = b + l3;
    size_t end = l3 + (ip[0] >> 4 == 4 ? get16(ip + 2) : 40u + get16(ip + 4));
    if (end > n || end < l4)
        return false;
    if (ip[0] >> 4 == 4 && plain_fold(plain_sum(ip, (size_t)(ip[0] & 15) * 4)) != 0xffff)
        return false;
    return plain_fold(plain_pseudo(ip, proto, end - l4) + plain_sum(b + l4, end - l4)) == 0xffff;
}
