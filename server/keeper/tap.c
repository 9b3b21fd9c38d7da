/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: the address that the server gave us goes onto the TAP, or onto the bridge that it is in; or a
 * DHCP client asks the far LAN for one.
 */
#include "keeper/keeper.h"
#include "base/err.h"
#include "keeper/script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int where(const struct keeper *k)
{
    return k->bridged ? k->bridge.ifindex : k->tap.ifindex;
}

static bool same_address(const struct if_address *a, const struct if_address *b)
{
    return a->family == b->family && a->prefix == b->prefix && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Takes *have away if it differs from want, and sets want. */
static void replace(struct keeper *k, struct if_address *have, const struct if_address *want)
{
    char text[INET6_ADDRSTRLEN];
    if (same_address(have, want))
        return;
    if (have->family)
        if_address_del(where(k), have);
    *have = *want;
    if (!want->family)
        return;
    inet_ntop(want->family == 4 ? AF_INET : AF_INET6, want->ip, text, sizeof text);
    if (if_address_add(where(k), want))
        dbr_log(&k->log, DBR_LOG_ERROR, "cannot set address %s/%u on %s: %s", text, want->prefix,
                k->bridged ? k->bridge.name : k->tap.name, strerror(errno));
    else
        dbr_log(&k->log, DBR_LOG_INFO, "%s has address %s/%u", k->bridged ? k->bridge.name : k->tap.name,
                text, want->prefix);
}

static void stop_dhcp(struct keeper *k)
{
    if (k->dhcp > 0)
        dhcp_stop(k->dhcp, k->tap.name, k->run_dir);
    k->dhcp = 0;
}

/* An `up` script, where there is one, is the admin's own way to do it. */
static void start_dhcp(struct keeper *k)
{
    if (k->dhcp > 0 && waitpid(k->dhcp, NULL, WNOHANG) == 0)
        return;
    k->dhcp = 0;
    if (k->config->up || k->bridged)
        return;
    pid_t pid = dhcp_start(k->tap.name, k->run_dir, &k->log);
    k->dhcp = pid > 0 ? pid : 0;
}

void tap_address(struct keeper *k, const struct dbr_ipc_tap_address *m)
{
    static const uint8_t none[4];
    struct if_address v4 = {0}, v6 = {0};
    int prefix = prefix_of_mask(m->mask4);
    if (m->up && memcmp(m->v4, none, 4) != 0 && prefix > 0) {
        v4.family = 4;
        v4.prefix = (uint8_t)prefix;
        memcpy(v4.ip, m->v4, 4);
    }
    if (m->up && m->prefix6) {
        v6.family = 6;
        v6.prefix = m->prefix6;
        memcpy(v6.ip, m->v6, 16);
    }
    if (m->up && if_up(k->tap.ifindex, m->mtu))
        dbr_log(&k->log, DBR_LOG_ERROR, "cannot set %s up with MTU %u: %s", k->tap.name, m->mtu,
                strerror(errno));
    replace(k, &k->tap_v4, &v4);
    replace(k, &k->tap_v6, &v6);
    if (m->up && m->dhcp)
        start_dhcp(k);
    else
        stop_dhcp(k);
}

void tap_forget(struct keeper *k)
{
    static const struct if_address none;
    stop_dhcp(k);
    replace(k, &k->tap_v4, &none);
    replace(k, &k->tap_v6, &none);
}
