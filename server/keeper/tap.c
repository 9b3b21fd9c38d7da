/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: the address that the server gave us goes onto the TAP, or onto the bridge that it is in; or a
 * DHCP client asks the far LAN for one, whose lease is looked for here.
 */
#include "keeper/keeper.h"
#include "base/err.h"
#include "keeper/script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEASE_SOON_MS = 100, LEASE_LATER_MS = 3000 };

int tap_or_bridge(const struct keeper *k)
{
    return k->bridged ? k->bridge.ifindex : k->tap.ifindex;
}

static const char *where(const struct keeper *k)
{
    return k->bridged ? k->bridge.name : k->tap.name;
}

/* ---- home LAN and office LAN ---- */

const uint8_t *address_of(const struct ifaddrs *a)
{
    return (const uint8_t *)&((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
}

uint8_t prefix_of_interface(const struct ifaddrs *a)
{
    int prefix = prefix_of_mask(
        (const uint8_t *)&((const struct sockaddr_in *)(const void *)a->ifa_netmask)->sin_addr);
    return prefix < 0 ? 32 : (uint8_t)prefix;
}

bool is_ours(const struct keeper *k, const char *name)
{
    return strcmp(name, k->tap.name) == 0 || (k->bridged && strcmp(name, k->bridge.name) == 0);
}

bool is_elsewhere(const struct keeper *k, const struct ifaddrs *a)
{
    return a->ifa_addr && a->ifa_netmask && a->ifa_addr->sa_family == AF_INET &&
           !(a->ifa_flags & IFF_LOOPBACK) && !is_ours(k, a->ifa_name);
}

static void say_collision(struct keeper *k, const struct ifaddrs *a, const struct if_address *office)
{
    char home[INET_ADDRSTRLEN], here[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr, home, sizeof home);
    inet_ntop(AF_INET, office->ip, here, sizeof here);
    dbr_log(&k->log, DBR_LOG_WARN,
            "WARNING: the network here (%s has %s/%u) and the office's (%s/%u) have the same addresses: the "
            "office cannot be reached from here; use another network (a phone's hotspot), or give the router "
            "here another network, like 10.73.41.0/24",
            a->ifa_name, home, prefix_of_interface(a), here, office->prefix);
}

/* The tunnel itself must not be cut off: where both networks look alike, the one here keeps its route. Told
 * once
 * (`known`). */
static void look_at_home(struct keeper *k, struct if_address *office, bool known)
{
    struct ifaddrs *list;
    office->no_route = false;
    if (office->family != 4 || k->bridged || getifaddrs(&list))
        return;
    for (const struct ifaddrs *a = list; a && !office->no_route; a = a->ifa_next) {
        if (!is_elsewhere(k, a) ||
            !if_networks_overlap(address_of(a), prefix_of_interface(a), office->ip, office->prefix))
            continue;
        if (!known)
            say_collision(k, a, office);
        office->no_route = true;
    }
    freeifaddrs(list);
}

/* ---- addresses ---- */

static bool same_address(const struct if_address *a, const struct if_address *b)
{
    return a->family == b->family && a->prefix == b->prefix && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Takes *have away if it differs from want, and sets want; also when the network here has become another one.
 * True if anything changed. */
static bool replace(struct keeper *k, struct if_address *have, const struct if_address *want)
{
    char text[INET6_ADDRSTRLEN];
    struct if_address next = *want;
    bool same = same_address(have, want);
    look_at_home(k, &next, same && have->no_route);
    if (same && have->no_route == next.no_route)
        return false;
    if (have->family)
        if_address_del(tap_or_bridge(k), have);
    *have = next;
    if (!want->family)
        return true;
    inet_ntop(want->family == 4 ? AF_INET : AF_INET6, want->ip, text, sizeof text);
    if (if_address_add(tap_or_bridge(k), have))
        dbr_log(&k->log, DBR_LOG_ERROR, "cannot set address %s/%u on %s: %s", text, want->prefix, where(k),
                strerror(errno));
    else
        dbr_log(&k->log, DBR_LOG_INFO, "%s has address %s/%u", where(k), text, want->prefix);
    return true;
}

/* ---- DHCP ---- */

static void stop_dhcp(struct keeper *k)
{
    if (k->dhcp > 0)
        dhcp_stop(k->dhcp, k->tap.name, k->run_dir);
    k->dhcp = 0;
    k->lease_ns = 0;
    k->lease = (struct lease){.address.family = 0};
}

static bool dhcp_runs(struct keeper *k)
{
    if (k->dhcp > 0 && waitpid(k->dhcp, NULL, WNOHANG) != 0)
        k->dhcp = 0;
    return k->dhcp > 0;
}

/* An `up` script, where there is one, is the admin's own way to do it. */
static void start_dhcp(struct keeper *k)
{
    if (dhcp_runs(k) || k->config->up || k->bridged)
        return;
    pid_t pid = dhcp_start(k->tap.name, k->run_dir, &k->log);
    k->dhcp = pid > 0 ? pid : 0;
    k->lease_ns = pid > 0 ? monotonic_ns() + LEASE_SOON_MS * MS_NS : 0;
}

void lease_look(struct keeper *k)
{
    char file[160];
    struct lease now = k->lease;
    if (!dhcp_runs(k)) {
        start_dhcp(k); /* it gave up */
        k->lease_ns = monotonic_ns() + LEASE_LATER_MS * MS_NS;
        return;
    }
    dhcp_lease_file(file, sizeof file, k->tap.name, k->run_dir);
    if (!lease_read(file, &now)) {
        bool new_router = memcmp(now.router, k->lease.router, 4) != 0;
        bool new_dns = now.n_dns != k->lease.n_dns || memcmp(now.dns, k->lease.dns, sizeof now.dns) != 0 ||
                       strcmp(now.domain, k->lease.domain) != 0;
        k->lease = now;
        if (replace(k, &k->tap_v4, &now.address) || new_router)
            routes_again(k);
        if (new_dns)
            dns_again(k);
    }
    k->lease_ns = monotonic_ns() + (now.address.family ? LEASE_LATER_MS : LEASE_SOON_MS) * MS_NS;
}

/* ---- what the far LAN's routers may do ---- */

/* In a split tunnel their advertisements give addresses, never a default route. */
static void believe_routers(struct keeper *k, bool yes)
{
    char path[80];
    if (k->bridged)
        return;
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_ra_defrtr", k->tap.name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, yes ? "1" : "0", 1) != 1)
        dbr_log(&k->log, DBR_LOG_WARN, "WARNING: cannot write %s: %s", path, strerror(errno));
    close(fd);
}

/* ---- scripts ---- */

static void fill_about(const struct keeper *k, const struct dbr_ipc_tap_address *m,
                       struct script_about *about)
{
    static const uint8_t none[4];
    about->dev = k->tap.name;
    about->mtu = m->mtu ? m->mtu : k->tap_mtu;
    about->alive = &k->notify;
    about->more = k->env;
    about->n_more = k->n_env;
    if (memcmp(m->v4, none, 4) == 0)
        return;
    inet_ntop(AF_INET, m->v4, about->ip, sizeof about->ip);
    inet_ntop(AF_INET, m->mask4, about->mask, sizeof about->mask);
}

/* Once, and again when the address is another one. */
static void run_client_up(struct keeper *k, const struct dbr_ipc_tap_address *m)
{
    bool again = k->up_ran;
    if (again && memcmp(k->up_for.v4, m->v4, 4) == 0 && memcmp(k->up_for.mask4, m->mask4, 4) == 0)
        return;
    k->up_for = *m;
    k->up_ran = true;
    struct script_about about = {.context = again ? "restart" : "init"};
    fill_about(k, m, &about);
    if (k->config->up && k->config->script_security >= 2)
        script_run(k->config->up, "up", &about, k->config, &k->log);
}

void run_down(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    struct script_about about = {
        .dev = k->tap.name, .mtu = k->tap_mtu, .context = "init", .alive = &k->notify};
    if (!c->down || c->script_security < 2 || !k->up_ran)
        return;
    if (k->client)
        fill_about(k, &k->up_for, &about);
    script_run(c->down, "down", &about, c, &k->log);
}

void run_route_pre_down(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    struct script_about about = {.context = "init"};
    if (!c->route_pre_down || c->script_security < 2 || !k->up_ran)
        return;
    fill_about(k, &k->up_for, &about);
    script_run(c->route_pre_down, "route-pre-down", &about, c, &k->log);
}

void env_take(struct keeper *k, const struct dbr_ipc_env *m)
{
    if (!*m->name)
        k->n_env = 0;
    else if (k->n_env < ENV_MAX)
        k->env[k->n_env++] = *m;
}

/* ---- messages ---- */

void tap_address(struct keeper *k, const struct dbr_ipc_tap_address *m)
{
    static const uint8_t none[4];
    struct if_address v4 = {0}, v6 = {0};
    int prefix = prefix_of_mask(m->mask4);
    if (m->up && !m->noexec && memcmp(m->v4, none, 4) != 0 && prefix > 0) {
        v4.family = 4;
        v4.prefix = (uint8_t)prefix;
        memcpy(v4.ip, m->v4, 4);
    }
    if (m->up && m->prefix6) {
        v6.family = 6;
        v6.prefix = m->prefix6;
        memcpy(v6.ip, m->v6, 16);
    }
    believe_routers(k, m->full);
    if (m->up && if_up(k->tap.ifindex, m->mtu))
        dbr_log(&k->log, DBR_LOG_ERROR, "cannot set %s up with MTU %u: %s", k->tap.name, m->mtu,
                strerror(errno));
    if (!m->dhcp)
        stop_dhcp(k);
    if (replace(k, &k->tap_v4, m->dhcp ? &k->lease.address : &v4))
        routes_again(k); /* the kernel drops them with the last address */
    replace(k, &k->tap_v6, &v6);
    if (m->up)
        run_client_up(k, m);
    if (m->up && m->dhcp)
        start_dhcp(k);
}

void tap_forget(struct keeper *k)
{
    static const struct if_address none;
    stop_dhcp(k);
    dns_forget(k);
    routes_forget(k);
    replace(k, &k->tap_v4, &none);
    replace(k, &k->tap_v6, &none);
}
