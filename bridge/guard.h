/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a port may put on the LAN, and what it is given. A frame is classified once into a set of bits; the
 * policy of its port is a mask of classes that are dropped on the way in and on the way out, plus limits.
 * Pure: no clock, no table of its own. The guards that need the MAC table are applied by forward.h.
 */
#ifndef DBR_BRIDGE_GUARD_H
#define DBR_BRIDGE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/eth.h"

/* Verdicts: X(NAME, counter name, what it means). The order is the index of a counter array. */
#define DBR_GUARD_LIST(X)                                                                                    \
    X(PASS, "pass", "passed")                                                                                \
    X(SHAPE, "shape", "not an Ethernet frame")                                                               \
    X(BAD_SRC, "bad-source", "source address zero or a group address")                                       \
    X(LINK_LOCAL, "link-local", "BPDU, PVST+, CDP/VTP/DTP, LLDP, LACP, EAPOL, pause")                        \
    X(VLAN, "vlan", "tagged frame where tags are not allowed, VLAN 4095, or stacked tags")                   \
    X(ENCAP, "encap", "LLC/SNAP around an EtherType, which slips past filters (CVE-2021-27853)")             \
    X(BRIDGE_MAC, "bridge-mac", "source address of the bridge itself")                                       \
    X(GATEWAY_MAC, "gateway-mac", "source address of the gateway")                                           \
    X(LAN_MAC, "lan-mac", "source address of a LAN host")                                                    \
    X(PEER_MAC, "peer-mac", "source address of another live peer")                                           \
    X(MAC_LIMIT, "mac-limit", "port has all the addresses it may have")                                      \
    X(ARP, "arp-spoof", "ARP with a foreign sender address")                                                 \
    X(ND, "nd-spoof", "neighbour discovery with a foreign address")                                          \
    X(FOREIGN_IP, "foreign-ip", "source IP address that is not the one pinned to this port")                 \
    X(DHCP_SERVER, "dhcp-server", "DHCP answer")                                                             \
    X(DHCP_CLIENT, "dhcp-client", "DHCP question across a site port")                                        \
    X(DHCP6_SERVER, "dhcp6-server", "DHCPv6 answer")                                                         \
    X(DHCP6_CLIENT, "dhcp6-client", "DHCPv6 question across a site port")                                    \
    X(RA, "router-advert", "IPv6 router advertisement, or an IPv6 header chain that could hide one")         \
    X(RS, "router-solicit", "IPv6 router solicitation across a site port")                                   \
    X(REDIRECT, "redirect", "ICMP or ICMPv6 redirect")                                                       \
    X(STORM, "storm", "broadcast, multicast and unknown unicast above storm-limit")                          \
    X(ISOLATED, "isolated", "peer to peer without client-to-client")                                         \
    X(SAME_PORT, "same-port", "destination is where the frame came from")                                    \
    X(LOOP, "loop", "port leads back to the LAN or to another port by a way of its own")

enum dbr_guard {
#define X(name, counter, text) DBR_GUARD_##name,
    DBR_GUARD_LIST(X)
#undef X
        DBR_GUARD_COUNT
};

/* "lan-mac" (for counters) and "source address of a LAN host" (for people); "?" outside the list. */
const char *dbr_guard_name(enum dbr_guard g);
const char *dbr_guard_text(enum dbr_guard g);

/* What a frame is, beyond addresses: any set of these. */
enum dbr_class {
    DBR_CLASS_LINK_LOCAL = 1 << 0,
    DBR_CLASS_TAGGED = 1 << 1,   /* one 802.1Q tag, VLAN 1..4094, or a priority tag */
    DBR_CLASS_BAD_VLAN = 1 << 2, /* VLAN 4095 or stacked tags */
    DBR_CLASS_DHCP_SERVER = 1 << 3,
    DBR_CLASS_DHCP_CLIENT = 1 << 4,
    DBR_CLASS_DHCP6_SERVER = 1 << 5,
    DBR_CLASS_DHCP6_CLIENT = 1 << 6,
    DBR_CLASS_RA = 1 << 7,
    DBR_CLASS_RS = 1 << 8,
    DBR_CLASS_REDIRECT = 1 << 9,
    DBR_CLASS_ARP = 1 << 10,  /* for the address checks; never dropped as such */
    DBR_CLASS_NA = 1 << 11,   /* IPv6 neighbour advertisement; never dropped as such, nor is NS */
    DBR_CLASS_SNAP = 1 << 12, /* 802.3 with LLC/SNAP around an EtherType */
    DBR_CLASS_NS = 1 << 13,   /* IPv6 neighbour solicitation: who asks tells his own address, too */
    DBR_CLASS_VID = 1 << 14,  /* the 802.1Q tag names a VLAN: it is no priority tag */
};

/* The classes of a frame. Follows IPv4 options, fragments, IPv6 extension headers; an IPv6 first fragment or
 * a header chain whose upper-layer header is not in reach counts as RA (RFC 7113, RFC 6980). */
uint32_t dbr_guard_classify(const struct dbr_eth_view *v);

enum dbr_port_kind { DBR_KIND_LAPTOP = 0, DBR_KIND_SITE = 1 };

/* The policy of one peer's port. Made by control from port-kind, mac-limit, source-guard, storm-limit; plain
 * data that may cross a process boundary. */
struct dbr_guard_policy {
    uint32_t kind;        /* enum dbr_port_kind */
    uint32_t mac_limit;   /* addresses the port may hold; the caller gives it to dbr_fdb_port_limit() */
    uint32_t storm_pps;   /* group and unknown unicast frames per second into the switch; 0 = no limit */
    uint32_t deny_in;     /* classes dropped when they come from the port */
    uint32_t deny_out;    /* classes not sent to the port */
    uint16_t pvid;        /* the VLAN that it is an access port of (vlan.h); 0: VLANs are not looked at */
    uint8_t source_guard; /* 1: addresses of LAN hosts and other peers cannot be taken over */
    uint8_t isolated;     /* 1: neither to nor from other peers, whatever client-to-client says */
    uint8_t pin4_set, pin6_set; /* 1: ARP/ND/IP sources other than pin4/pin6 (and link-local) are dropped */
    uint8_t pin4[4];
    uint8_t pin6[16];
};

enum { DBR_MAC_LIMIT_LAPTOP = 8, DBR_MAC_LIMIT_SITE = 1024, DBR_STORM_PPS = 1000 };

/* Defaults of a kind. laptop: 8 MACs, guarded, drops every class but DHCP and DHCPv6 questions and router
 * solicitations on the way in, tagged frames both ways. site: 1,024 MACs, guarded, one VLAN tag allowed,
 * keeps DHCP, DHCPv6 and router discovery local both ways. Both: storm limit 1,000/s, link-local frames
 * dropped both ways. */
void dbr_guard_policy_default(struct dbr_guard_policy *p, enum dbr_port_kind kind);

/* Verdict on a frame that comes from the port, by class and by ARP/ND/IP pinning; PASS or the reason. */
enum dbr_guard dbr_guard_in(const struct dbr_guard_policy *p, const struct dbr_eth_view *v, uint32_t classes);
/* Verdict on a frame of these classes towards the port; from_peer: it comes from another peer. */
enum dbr_guard dbr_guard_out(const struct dbr_guard_policy *p, uint32_t classes, bool from_peer);

/* A token bucket for frames that would be flooded. Owned by the worker that owns the port; zeroed = full. */
struct dbr_storm {
    uint64_t last_ns;
    uint64_t used; /* nanoseconds of frames not yet drained */
};
/* True if one more such frame may pass at now_ns (monotonic); pps 0 = always. Burst: one tenth of a second's
 * frames, at least 10. */
bool dbr_storm_allow(struct dbr_storm *s, uint32_t pps, uint64_t now_ns);

#endif
