/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: IPv6 routes through the tunnel. Their gateway is that of the line, else route-ipv6-gateway,
 * else the second address of ifconfig-ipv6; without any a route of a bridged network leads nowhere.
 */
#include "control/calls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_OF_A_LIST = 64 };

static const uint8_t none[16];

static void find_gateway(const struct control *ctl, uint8_t gateway[16])
{
    const struct dbr_config *pulled = &ctl->calls->pulled, *own = ctl->cfg;
    const char *text = *DBR_PULLED(pulled, own, route_ipv6_gateway);
    const struct dbr_conf_ipv6 *address = DBR_PULLED(pulled, own, ifconfig_ipv6);
    if (text && inet_pton(AF_INET6, text, gateway) == 1)
        return;
    memcpy(gateway, address->has_remote ? address->remote : none, 16);
}

static void send_one(struct control *ctl, const char *line, const uint8_t gateway[16], bool full)
{
    struct dbr_way r;
    uint32_t metric = (uint32_t)*DBR_PULLED(&ctl->calls->pulled, ctl->cfg, route_metric);
    int err = dbr_way6_parse(&r, line, gateway, metric);
    if (err == DBR_ERR_NOTFOUND)
        dbr_log(ctl->log, DBR_LOG_WARN,
                "WARNING: route-ipv6 %s has no gateway and is left out; push `route-ipv6-gateway ADDRESS`",
                line);
    else if (err)
        dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: route-ipv6 %s is not understood and is left out", line);
    else if (r.prefix == 0 && r.what == DBR_WAY_TUNNEL && !full)
        dbr_log(
            ctl->log, DBR_LOG_WARN,
            "WARNING: route-ipv6 %s would take all traffic and is left out; write `redirect-gateway ipv6` if "
            "that is meant",
            line);
    else
        calls_send_way(ctl, &r);
}

/* What OpenVPN sets for `redirect-gateway ipv6`: all that is routed, more specific than a default route. */
static const char *const everything[] = {"::/3", "2000::/4", "3000::/4", "fc00::/7"};

bool calls_has_routes6(const struct control *ctl)
{
    return ctl->cfg->route_ipv6.n || (ctl->calls->has_pulled && ctl->calls->pulled.route_ipv6.n);
}

void calls_tell_routes6(struct control *ctl, bool full)
{
    const struct dbr_conf_list *lists[] = {&ctl->cfg->route_ipv6, &ctl->calls->pulled.route_ipv6};
    uint8_t gateway[16];
    find_gateway(ctl, gateway);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < lists[l]->n && i < ROUTES_OF_A_LIST; i++)
            send_one(ctl, lists[l]->v[i], gateway, full);
    if (full && memcmp(gateway, none, 16) == 0)
        dbr_log(ctl->log, DBR_LOG_INFO, "IPv6 goes where the far LAN's router advertisements lead");
    for (size_t i = 0; full && memcmp(gateway, none, 16) != 0 && i < sizeof everything / sizeof *everything;
         i++)
        send_one(ctl, everything[i], gateway, true);
}
