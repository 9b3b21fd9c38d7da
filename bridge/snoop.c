/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/snoop.h"

#include <string.h>

#include "bridge/guard.h"
#include "bridge/inet.h"

enum {
    ARP_LEN = 28,
    ADVERT_LEN = 24,
    BOOTP_LEN = 240, /* with the magic cookie */
    BOOTP_REPLY = 2,
    BOOTP_YIADDR = 16,
    BOOTP_CHADDR = 28,
    DHCP_OPTION_TYPE = 53,
    DHCP_ACK = 5,
};

static bool fill(struct dbr_snoop *out, uint64_t mac, uint16_t vid, uint8_t family, const uint8_t *ip)
{
    static const uint8_t none[16];
    size_t n = family == 4 ? 4 : 16;
    if (!mac || dbr_mac_is_group(mac) || memcmp(ip, none, n) == 0)
        return false;
    *out = (struct dbr_snoop){.mac = mac, .vid = vid, .family = family};
    memcpy(out->ip, ip, n);
    return true;
}

static bool snoop_arp(const struct dbr_eth_view *v, struct dbr_snoop *out)
{
    static const uint8_t ethernet_ip4[6] = {0, 1, 8, 0, 6, 4};
    const uint8_t *arp = v->frame + v->l3;
    if (v->len - v->l3 < ARP_LEN || memcmp(arp, ethernet_ip4, 6) != 0)
        return false;
    return fill(out, dbr_get48(arp + 8), v->vlan, 4, arp + 14);
}

static bool snoop_advert(const struct dbr_eth_view *v, struct dbr_snoop *out)
{
    struct inet in = inet_parse(v->frame, v->len, v->l3, v->ethertype);
    return in.end - in.l4 >= ADVERT_LEN && fill(out, v->src, v->vlan, 6, v->frame + in.l4 + 8);
}

/* True if the options (after the cookie) have message type ACK. */
static bool is_ack(const uint8_t *p, size_t n)
{
    for (size_t at = 0; at + 2 < n && p[at] != 255;) {
        if (p[at] == 0) {
            at++;
            continue;
        }
        if (p[at] == DHCP_OPTION_TYPE)
            return p[at + 1] == 1 && p[at + 2] == DHCP_ACK;
        at += 2 + (size_t)p[at + 1];
    }
    return false;
}

static bool snoop_dhcp(const struct dbr_eth_view *v, struct dbr_snoop *out)
{
    static const uint8_t ethernet[2] = {1, 6}, cookie[4] = {99, 130, 83, 99};
    struct inet in = inet_parse(v->frame, v->len, v->l3, v->ethertype);
    if (in.fragment || in.end - in.l4 < UDP_HEADER + BOOTP_LEN)
        return false;
    const uint8_t *bootp = v->frame + in.l4 + UDP_HEADER;
    size_t options = in.end - in.l4 - UDP_HEADER - BOOTP_LEN;
    if (bootp[0] != BOOTP_REPLY || memcmp(bootp + 1, ethernet, 2) != 0 ||
        memcmp(bootp + BOOTP_LEN - 4, cookie, 4) != 0 || !is_ack(bootp + BOOTP_LEN, options))
        return false;
    return fill(out, dbr_get48(bootp + BOOTP_CHADDR), v->vlan, 4, bootp + BOOTP_YIADDR);
}

bool dbr_snoop(const struct dbr_eth_view *v, uint32_t classes, struct dbr_snoop *out)
{
    if (classes & DBR_CLASS_ARP)
        return snoop_arp(v, out);
    if (classes & DBR_CLASS_NA)
        return snoop_advert(v, out);
    return classes & DBR_CLASS_DHCP_SERVER && v->ethertype == DBR_ETHERTYPE_IPV4 && snoop_dhcp(v, out);
}
