/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which IP addresses are behind a client, for the status file, drawbridge-ctl and the metrics. With bridging
 * the office's DHCP server gives the addresses, so that nobody here knows them but from the frames that pass:
 * data reports what ARP, neighbour advertisements and DHCP answers show.
 *
 * What a client says of itself is a claim, what the LAN's DHCP server says is not:
 *
 *   a lease            is shown; who showed this address before shows it no more
 *   a claim            is shown unless another client shows this address, or this MAC has a lease of another
 */
#include "control/state.h"
#include "base/bytes.h"

#include <string.h>

static const uint8_t none[16];

static bool is_link_local6(const uint8_t *ip)
{
    return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

static uint8_t *place(struct shown_mac *m, uint8_t family)
{
    return family == 4 ? m->ip4 : m->ip6;
}

static size_t size_of(uint8_t family)
{
    return family == 4 ? sizeof((struct shown_mac *)0)->ip4 : sizeof((struct shown_mac *)0)->ip6;
}

/* The address was given to c's pool entry, or c shows it for one of its MACs other than `but`. */
static bool shows(struct client *c, const struct dbr_ipc_seen *m, const struct shown_mac *but)
{
    struct admitted *a = c->adm;
    if (m->family == 4 && a->ip && a->ip == dbr_get32(m->ip))
        return true;
    for (size_t i = 0; i < a->n_macs; i++)
        if (&a->macs[i] != but && a->macs[i].vlan == m->vlan &&
            memcmp(place(&a->macs[i], m->family), m->ip, size_of(m->family)) == 0)
            return true;
    return false;
}

static void forget(struct client *c, const struct dbr_ipc_seen *m, const struct shown_mac *but)
{
    struct admitted *a = c->adm;
    for (size_t i = 0; i < a->n_macs; i++) {
        struct shown_mac *s = &a->macs[i];
        if (s == but || s->vlan != m->vlan || memcmp(place(s, m->family), m->ip, size_of(m->family)) != 0)
            continue;
        memset(place(s, m->family), 0, size_of(m->family));
        s->leased = s->leased && m->family != 4;
    }
}

/* True if nobody else stands in the way; a lease sends them away. */
static bool may_show(struct client *c, const struct dbr_ipc_seen *m, const struct shown_mac *at)
{
    struct control *ctl = c->ctl;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *o = ctl->by_peer[i];
        if (!o || !o->adm || !o->in_data)
            continue;
        if (m->leased)
            forget(o, m, o == c ? at : NULL);
        else if (o != c && shows(o, m, NULL))
            return false;
    }
    return true;
}

void seen_take(struct client *c, const struct dbr_ipc_seen *m)
{
    struct admitted *a = c->adm;
    struct shown_mac *s = NULL;
    for (size_t i = 0; i < a->n_macs && !s; i++)
        if (memcmp(a->macs[i].mac, m->mac, sizeof m->mac) == 0 && a->macs[i].vlan == m->vlan)
            s = &a->macs[i];
    if (!s || (m->family == 6 && is_link_local6(m->ip)))
        return;
    uint8_t *ip = place(s, m->family);
    s->last_s = c->ctl->now.unix_s;
    bool same = memcmp(ip, m->ip, size_of(m->family)) == 0;
    if (same && (!m->leased || s->leased))
        return;
    if ((!m->leased && s->leased && m->family == 4) || !may_show(c, m, s))
        return;
    c->ctl->metric[DBR_METRIC_ADDRESSES] += !same;
    memcpy(ip, m->ip, size_of(m->family));
    s->leased = s->leased || (m->leased && m->family == 4);
}

/* ---- what is shown ---- */

static const char *text_of(uint8_t family, const uint8_t *ip, char out[DBR_ADDR_TEXT])
{
    struct dbr_addr addr = {.family = family};
    out[0] = 0;
    if (memcmp(ip, none, size_of(family)) == 0)
        return out;
    memcpy(addr.ip, ip, size_of(family));
    return dbr_addr_ip_text(&addr, out);
}

/* The first MAC that has an address: a laptop has one, and of a site any is as good; leases go before claims.
 */
static const uint8_t *first(const struct admitted *a, uint8_t family)
{
    const uint8_t *found = NULL;
    for (size_t i = 0; i < a->n_macs; i++) {
        const struct shown_mac *s = &a->macs[i];
        const uint8_t *ip = family == 4 ? s->ip4 : s->ip6;
        if (memcmp(ip, none, size_of(family)) == 0)
            continue;
        if (family == 4 && s->leased)
            return ip;
        if (!found)
            found = ip;
    }
    return found;
}

void seen_addresses(const struct client *c, uint8_t ip4[4], uint8_t ip6[16])
{
    const struct admitted *a = c->adm;
    const uint8_t *four = first(a, 4), *six = first(a, 6);
    dbr_put32(ip4, a->ip);
    if (!a->ip)
        memcpy(ip4, four ? four : none, 4);
    memcpy(ip6, six ? six : none, 16);
}

const char *seen_ip4(const struct client *c, char out[DBR_ADDR_TEXT])
{
    uint8_t ip4[4], ip6[16];
    seen_addresses(c, ip4, ip6);
    return text_of(4, ip4, out);
}

const char *seen_ip6(const struct client *c, char out[DBR_ADDR_TEXT])
{
    uint8_t ip4[4], ip6[16];
    seen_addresses(c, ip4, ip6);
    return text_of(6, ip6, out);
}
