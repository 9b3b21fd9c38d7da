/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an interface had before it became a bridge port, and the file that remembers it. For this room only.
 *
 * Addresses, routes and permanent neighbours are kept as the kernel's own messages, so that lifetimes,
 * labels, metrics and attributes we do not know come back as they were. The file is text, one object a line,
 * written whole under another name, synced and renamed: it is either complete or not there.
 *
 *   drawbridge-journal 1
 *   boot 0d4b...                          the running kernel: after a reboot there is nothing to put back
 *   bridge br0 created                    or: existing
 *   port eth0 3 1500 up                   name, ifindex, MTU, up|down
 *   sysctl eth0 ipv6 accept_ra 1
 *   object eth0 14000000...               a netlink message in hex
 *   end 7                                 number of lines before
 */
#ifndef DBR_BRIDGE_JOURNAL_H
#define DBR_BRIDGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rt.h"

enum { JOURNAL_SYSCTLS_MAX = 16, JOURNAL_OBJECTS_MAX = 65536 };

struct journal_sysctl {
    char family[5]; /* "ipv4" or "ipv6" */
    char name[24];
    int value;
};

struct journal_port {
    char name[DBR_IF_NAME];
    int ifindex;
    uint32_t mtu;
    bool up;
    struct journal_sysctl sysctl[JOURNAL_SYSCTLS_MAX];
    size_t nsysctls;
};

struct journal {
    char bridge[DBR_IF_NAME];
    bool created; /* the bridge is ours */
    bool this_boot;
    struct journal_port port[DBR_BRIDGE_IFS_MAX];
    size_t nports;
    struct journal_object {
        size_t port;          /* index */
        struct nlmsghdr *msg; /* owned */
    } * object;
    size_t nobjects, room;
};

void journal_init(struct journal *j, const char *bridge);
void journal_fini(struct journal *j); /* callable twice */

/* Adds one object of port number `port`, a copy of msg. DBR_ERR_NOMEM, DBR_ERR_LIMIT. */
int journal_add(struct journal *j, size_t port, const struct nlmsghdr *msg);

/* Snapshot of a port that was looked up in f: its sysctls and everything of it that would be lost. */
int journal_snapshot(struct journal *j, struct dbr_netlink *nl, const struct link_facts *f);

/* File. save: DBR_ERR_IO. load: DBR_ERR_NOTFOUND, DBR_ERR_SHAPE, DBR_ERR_IO. drop: removes it. */
int journal_save(const struct journal *j, const char *dir, struct dbr_why *why);
int journal_load(struct journal *j, const char *dir, const char *bridge, struct dbr_why *why);
int journal_drop(const char *dir, const char *bridge, struct dbr_why *why);
bool journal_exists(const char *dir, const char *bridge);

/* Reads or writes /proc/sys/net/<family>/conf/<ifname>/<name>. */
int sysctl_get(const char *ifname, const char *family, const char *name, int *value);
int sysctl_set(const char *ifname, const char *family, const char *name, int value);

#endif
