/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The side of the LAN: TAP and bridge, their addresses, the eye on their links.
 */
#include "keeper/keeper.h"
#include "base/bytes.h"
#include "base/err.h"
#include "keeper/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum dbr_vlan_accept lan_vlans(const struct dbr_config *c)
{
    return c->vlan_tagging ? DBR_VLAN_TAGGED + (enum dbr_vlan_accept)c->vlan_accept : DBR_VLAN_OFF;
}

/* A name without a digit is numbered by the kernel, as OpenVPN does: tap -> tap0, tap1, ... */
static void tap_name(const struct keeper *k, char out[DBR_TAP_NAME])
{
    const char *dev = *k->tap.name ? k->tap.name : k->config->dev ? k->config->dev : "tap";
    snprintf(out, DBR_TAP_NAME, "%.*s%s", DBR_TAP_NAME - 3, dev, strpbrk(dev, "0123456789") ? "" : "%d");
}

static void read_tap_facts(struct keeper *k)
{
    struct dbr_link link;
    if (dbr_link_get(k->netlink, k->tap.name, &link, NULL))
        return;
    k->tap_mtu = link.mtu;
    k->tap_mac = link.mac;
}

static void steering_is_off(struct keeper *k, const struct dbr_why *why)
{
    dbr_log(&k->log, DBR_LOG_INFO, "TAP steering is off: %s", why->text);
}

/* Without the program frames still arrive, only at the wrong worker more often, and there is one lane. */
static void open_steering(struct keeper *k)
{
    unsigned most = DBR_TAP_QUEUES_MAX / k->n_workers;
    unsigned lanes = most < DBR_TAP_LANES_MAX ? most : DBR_TAP_LANES_MAX;
    struct dbr_why why = {""};
    int err = k->steer.prog_fd < 0 ? dbr_steer_open(&k->steer, lanes, &why) : 0;
    k->lanes = err ? 1 : lanes;
    if (err)
        steering_is_off(k, &why);
}

static void steer_tap(struct keeper *k)
{
    struct dbr_why why = {""};
    if (k->steer.prog_fd < 0)
        return;
    if (dbr_steer_attach(&k->steer, &k->tap, &why))
        steering_is_off(k, &why);
    else if (!k->slots)
        k->slots = dbr_steer_map(k->steer.map_fd);
}

/* The far end's hosts are many, and nobody here keeps a table of them: in the client role the kernel's bridge
 * learns on the TAP, as on any port. */
void learn_on_tap(struct keeper *k)
{
    char path[64];
    if (!k->client || !k->bridged)
        return;
    snprintf(path, sizeof path, "/sys/class/net/%s/brport/learning", k->tap.name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1", 1) != 1)
        dbr_log(&k->log, DBR_LOG_WARN, "WARNING: cannot write %s: %s; unicast is flooded", path,
                strerror(errno));
    if (fd >= 0)
        close(fd);
}

int open_tap(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    struct dbr_why why = {""};
    char name[DBR_TAP_NAME];
    tap_name(k, name);
    open_steering(k);
    const struct dbr_tap_config want = {
        .name = name,
        .queues = k->n_workers * k->lanes,
        .mtu = (uint32_t)c->tun_mtu,
        .mac = k->tap_mac        ? k->tap_mac
               : c->lladdr.given ? dbr_get48(c->lladdr.b)
                                 : 0,
        .txqueuelen = (uint32_t)c->txqueuelen,
        .offload = true,
        .up = true,
    };
    int err = dbr_tap_open(&k->tap, &want, &why);
    if (err)
        return keeper_complain(k, DBR_D_dev, err, why.text);
    steer_tap(k);
    if (k->bridged)
        err = dbr_bridge_attach(k->netlink, k->bridge.ifindex, k->tap.ifindex, &why);
    if (err)
        return keeper_complain(k, DBR_D_bridge, err, why.text);
    learn_on_tap(k);
    read_tap_facts(k);
    return 0;
}

void close_tap(struct keeper *k)
{
    char name[DBR_TAP_NAME];
    memcpy(name, k->tap.name, sizeof name);
    dbr_tap_close(&k->tap);
    memcpy(k->tap.name, name, sizeof name);
}

static int raise_in_turn(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    struct dbr_bridge_plan plan = {
        .bridge = c->bridge.name, .take_default_route = c->bridge_takeover, .journal_dir = k->run_dir};
    struct dbr_why why = {""};
    if (c->bridge.ifs.n > DBR_BRIDGE_IFS_MAX)
        return keeper_complain(k, DBR_D_bridge, DBR_ERR_LIMIT, "too many interfaces: 16 at most");
    for (size_t i = 0; i < c->bridge.ifs.n; i++)
        plan.ifs[plan.nifs++] = c->bridge.ifs.v[i];
    int err = dbr_bridge_raise(k->netlink, &plan, &k->bridge, &why);
    if (err)
        return keeper_complain(k, DBR_D_bridge, err, why.text);
    k->bridged = true;
    return 0;
}

static int take_turn(struct keeper *k)
{
    k->turn = turn_take(k->run_dir, TURN_PATIENCE_MS);
    return k->turn >= 0 ? 0
                        : keeper_complain_errno(k, DBR_D_bridge, "get the turn at the bridge in", k->run_dir);
}

int raise_bridge(struct keeper *k)
{
    int err = take_turn(k);
    if (!err)
        err = raise_in_turn(k);
    turn_end(&k->turn);
    return err;
}

int open_bridge(struct keeper *k)
{
    struct dbr_why why = {""};
    k->netlink = dbr_netlink_open(&why);
    if (!k->netlink)
        return keeper_complain(k, DBR_D_bridge, DBR_ERR_IO, why.text);
    if (!k->config->bridge.name)
        return 0;
    int err = take_turn(k);
    if (!err)
        err = trial_arm(k);
    if (!err) {
        err = raise_in_turn(k);
        trial_raised(k, !err);
    }
    turn_end(&k->turn);
    if (!err)
        dbr_log(&k->log, DBR_LOG_INFO, "bridge %s: %s, %u interfaces taken, %u addresses and %u routes moved",
                k->bridge.name, k->bridge.created ? "created" : "joined", k->bridge.enslaved,
                k->bridge.addresses, k->bridge.routes);
    return err;
}

/* `ifconfig` of a server: an address for the bridge, or for the TAP alone. */
static int set_address4(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    uint8_t mask[4];
    if (k->client || !c->ifconfig.local || c->ifconfig_noexec)
        return 0;
    struct if_address a = {.family = 4};
    dbr_put32(a.ip, c->ifconfig.local);
    dbr_put32(mask, c->ifconfig.netmask);
    int prefix = prefix_of_mask(mask);
    if (prefix < 0)
        return keeper_complain(k, DBR_D_ifconfig, DBR_ERR_CONFIG, "the netmask has a hole; correct it");
    a.prefix = (uint8_t)prefix;
    if (if_address_add(k->bridged ? k->bridge.ifindex : k->tap.ifindex, &a))
        return keeper_complain_errno(k, DBR_D_ifconfig, "set the address of",
                                     k->bridged ? k->bridge.name : k->tap.name);
    return 0;
}

static int set_address6(struct keeper *k)
{
    const struct dbr_conf_ipv6 *c = &k->config->ifconfig_ipv6;
    if (k->client || !c->bits || k->config->ifconfig_noexec)
        return 0;
    struct if_address a = {.family = 6, .prefix = c->bits};
    memcpy(a.ip, c->ip, sizeof a.ip);
    if (if_address_add(k->bridged ? k->bridge.ifindex : k->tap.ifindex, &a))
        return keeper_complain_errno(k, DBR_D_ifconfig_ipv6, "set the IPv6 address of",
                                     k->bridged ? k->bridge.name : k->tap.name);
    return 0;
}

int set_server_addresses(struct keeper *k)
{
    int err = set_address4(k);
    return err ? err : set_address6(k);
}

int watch_links(struct keeper *k)
{
    struct dbr_linkmon_config want = {.tap_ifindex = k->tap.ifindex,
                                      .bridge_ifindex = k->bridged ? k->bridge.ifindex : 0};
    struct dbr_why why = {""};
    struct dbr_link link;
    const struct dbr_conf_list *ifs = &k->config->bridge.ifs;
    for (size_t i = 0; k->bridged && i < ifs->n && want.nports < DBR_BRIDGE_IFS_MAX; i++)
        if (!dbr_link_get(k->netlink, ifs->v[i], &link, NULL))
            want.ports[want.nports++] = link.ifindex;
    dbr_linkmon_close(k->linkmon);
    k->linkmon = dbr_linkmon_open(&want, &why);
    if (!k->linkmon)
        return keeper_complain(k, DBR_D_bridge, DBR_ERR_IO, why.text);
    return poll_add(k, dbr_linkmon_fd(k->linkmon), EVENT_LINKS);
}

void undo_bridge(struct keeper *k)
{
    struct dbr_why why = {""};
    if (!k->bridged)
        return;
    dbr_linkmon_close(k->linkmon);
    k->linkmon = NULL;
    forget_addresses(k);
    if (k->tap.ifindex)
        dbr_bridge_detach(k->netlink, k->tap.ifindex, NULL);
    k->turn = turn_take(k->run_dir, TURN_PATIENCE_MS); /* not had: better two at it than nobody */
    int err = dbr_bridge_undo(k->netlink, k->run_dir, k->config->bridge.name, &why);
    turn_end(&k->turn);
    if (err && err != DBR_ERR_NOTFOUND)
        dbr_log(&k->log, DBR_LOG_ERROR,
                "bridge %s could not be put back wholly: %s; the journal is kept in %s",
                k->config->bridge.name, why.text, k->run_dir);
    k->bridged = false;
    trial_close(k);
}
