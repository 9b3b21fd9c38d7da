/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What can go wrong with this bridge on this host, said before it does. Each question is one small function;
 * the table at the end is what `drawbridge-ctl bridge check` asks.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/journal.h"

enum { FINE = 0, WARNING = 1, PROBLEM = 2 };

struct check {
    struct dbr_netlink *nl;
    const struct dbr_bridge_plan *plan;
    const char *tap;
    struct link_facts bridge, tap_facts;
    bool have_bridge, have_tap;
    dbr_check_visit *visit;
    void *arg;
};

static void __attribute__((format(printf, 3, 4))) say(const struct check *c, int level, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->visit(c->arg, level, text);
}

/* True if the file has the words (any of its first 64 KiB). */
static bool file_says(const char *path, const char *words)
{
    static char text[65536];
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    return strstr(text, words) != NULL;
}

static void check_bridge(const struct check *c)
{
    char type[64];
    if (!c->have_bridge) {
        say(c, WARNING, "bridge %s does not exist yet", c->plan->bridge);
        return;
    }
    if (!c->bridge.link.is_bridge) {
        say(c, PROBLEM, "%s is no bridge", c->plan->bridge);
        return;
    }
    say(c, c->bridge.link.up ? FINE : PROBLEM, "bridge %s is %s", c->plan->bridge,
        c->bridge.link.up ? "up" : "down");
    if (c->bridge.stp_state > 0)
        say(c, WARNING,
            "spanning tree is on: frames pass only after its forward delay, and peers' BPDUs are dropped");
    snprintf(type, sizeof type, "/sys/class/net/%s/addr_assign_type", c->plan->bridge);
    if (!file_says(type, "3"))
        say(c, WARNING,
            "the MAC address of %s is not pinned: it follows its ports (leases and ARP caches break)",
            c->plan->bridge);
}

static void check_port(const struct check *c, const char *name)
{
    struct link_facts f;
    if (rt_get_link(c->nl, name, &f) < 0) {
        say(c, PROBLEM, "interface %s does not exist", name);
        return;
    }
    if (!c->have_bridge || f.link.master != c->bridge.link.ifindex)
        say(c, WARNING, "%s is not in bridge %s", name, c->plan->bridge);
    else if (!f.link.promisc)
        say(c, PROBLEM, "%s is not promiscuous: it will not pass frames for the peers", name);
    if (!f.link.running)
        say(c, PROBLEM, "%s has no link", name);
    if (f.link.is_wireless)
        say(c, PROBLEM, "%s is Wi-Fi: access points drop the peers' addresses", name);
    if (c->have_bridge && f.link.mtu < c->bridge.link.mtu)
        say(c, WARNING, "MTU of %s (%u) is smaller than that of %s (%u)", name, f.link.mtu, c->plan->bridge,
            c->bridge.link.mtu);
}

/* Who would take the interface away again. */
static void check_owner(const struct check *c, const char *name)
{
    char path[128];
    int ifindex = rt_ifindex(c->nl, name);
    snprintf(path, sizeof path, "/run/systemd/netif/links/%d", ifindex);
    if (ifindex && file_says(path, "NETWORK_FILE="))
        say(c, WARNING,
            "systemd-networkd manages %s and will put its addresses back: give it a .network with Bridge=%s",
            name, c->plan->bridge);
    snprintf(path, sizeof path, "/run/NetworkManager/devices/%d", ifindex);
    if (ifindex && file_says(path, "managed=true"))
        say(c, WARNING, "NetworkManager manages %s: make the bridge there, or set the device unmanaged",
            name);
    snprintf(path, sizeof path, "iface %s ", name);
    if (file_says("/etc/network/interfaces", path))
        say(c, WARNING, "/etc/network/interfaces configures %s: ifup would undo the bridge", name);
    snprintf(path, sizeof path, "/run/dhclient.%s.pid", name);
    if (access(path, F_OK) == 0)
        say(c, WARNING, "a DHCP client runs on %s: it will lose its lease; run it on %s", name,
            c->plan->bridge);
}

static void check_ports(const struct check *c)
{
    for (size_t i = 0; i < c->plan->nifs; i++) {
        check_port(c, c->plan->ifs[i]);
        check_owner(c, c->plan->ifs[i]);
    }
}

static void check_tap(const struct check *c)
{
    if (!c->tap)
        return;
    if (!c->have_tap) {
        say(c, WARNING, "TAP %s does not exist (yet)", c->tap);
        return;
    }
    bool inside = c->have_bridge && c->tap_facts.link.master == c->bridge.link.ifindex;
    if (!inside)
        say(c, PROBLEM, "TAP %s is not in bridge %s", c->tap, c->plan->bridge);
    if (inside && c->tap_facts.learning != 0)
        say(c, PROBLEM,
            "the kernel learns addresses on %s: one frame of a peer could take a LAN host's traffic", c->tap);
    if (inside && c->tap_facts.link.mtu != c->bridge.link.mtu)
        say(c, WARNING, "MTU of %s (%u) is not that of %s (%u)", c->tap, c->tap_facts.link.mtu,
            c->plan->bridge, c->bridge.link.mtu);
}

static const char *const netfilter_calls[] = {"bridge-nf-call-iptables", "bridge-nf-call-ip6tables",
                                              "bridge-nf-call-arptables"};

static void check_netfilter(const struct check *c)
{
    for (size_t i = 0; i < sizeof netfilter_calls / sizeof *netfilter_calls; i++) {
        char path[96];
        snprintf(path, sizeof path, "/proc/sys/net/bridge/%s", netfilter_calls[i]);
        if (file_says(path, "1"))
            say(c, WARNING,
                "%s is 1: bridged frames pass the host's firewall (FORWARD) and cost CPU; set it to 0 if "
                "that is "
                "not wanted",
                netfilter_calls[i]);
    }
}

static void check_hypervisor(const struct check *c)
{
    static const char *const vendors[] = {"VMware", "Microsoft", "QEMU", "innotek",
                                          "Amazon", "Google",    "Xen"};
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++)
        if (file_says("/sys/class/dmi/id/sys_vendor", vendors[i]))
            say(c, WARNING,
                "this is a virtual machine (%s): allow promiscuous mode and foreign (forged) MAC addresses "
                "on its "
                "network port, or the LAN will not hear the peers; `drawbridge-ctl bridge probe` tries it",
                vendors[i]);
}

static void check_journal(const struct check *c)
{
    if (journal_exists(c->plan->journal_dir, c->plan->bridge))
        say(c, FINE, "what %s took over can be put back (journal in %s)", c->plan->bridge,
            c->plan->journal_dir);
}

static void (*const questions[])(const struct check *c) = {
    check_bridge, check_ports, check_tap, check_netfilter, check_hypervisor, check_journal,
};

int dbr_bridge_check(struct dbr_netlink *nl, const struct dbr_bridge_plan *plan, const char *tap,
                     dbr_check_visit *visit, void *arg)
{
    struct check c = {.nl = nl, .plan = plan, .tap = tap, .visit = visit, .arg = arg};
    c.have_bridge = rt_get_link(nl, plan->bridge, &c.bridge) == 0;
    c.have_tap = tap && rt_get_link(nl, tap, &c.tap_facts) == 0;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        questions[i](&c);
    return 0;
}
