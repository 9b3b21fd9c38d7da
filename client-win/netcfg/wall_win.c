/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Hands the wall to the Windows Filtering Platform (Microsoft, "Windows Filtering Platform"). The session is
 * dynamic: Windows takes the filters away with it, also when this process ends without a word. They lie in a
 * sublayer of their own, of the highest weight; what they let pass is still judged by the firewall.
 */
#include "client-win/netcfg/os_win.h"
#include "client-win/netcfg/wall.h"

#include "base/err.h"

#include <fwpmu.h>
#include <objbase.h>
#include <stdlib.h>
#include <string.h>

/* Microsoft, "Filtering Layer Identifiers" and "Filtering Condition Identifiers"; not in MinGW's headers. */
static const GUID layer[2][2] = {
    [DBR_WALL_OUT] = {{0xc38d57d1, 0x05a7, 0x4c33, {0x90, 0x4f, 0x7f, 0xbc, 0xee, 0xe6, 0x0e, 0x82}},
                      {0x4a72393b, 0x319f, 0x44bc, {0x84, 0xc3, 0xba, 0x54, 0xdc, 0xb3, 0xb6, 0xb4}}},
    [DBR_WALL_IN] = {{0xe1cd9fe7, 0xf4b5, 0x4273, {0x96, 0xc0, 0x59, 0x2e, 0x48, 0x7b, 0x86, 0x50}},
                     {0xa3b42c97, 0x9f04, 0x4672, {0xb8, 0x7e, 0xce, 0xe9, 0xc4, 0x83, 0x25, 0x7f}}},
};
static const GUID by_flags = {0x632ce23b, 0x5167, 0x435c, {0x86, 0xd7, 0xe9, 0x03, 0x68, 0x4a, 0xa8, 0x0c}};
static const GUID by_protocol = {
    0x3971ef2b, 0x623e, 0x4f9a, {0x8c, 0xb1, 0x6e, 0x79, 0xb8, 0x06, 0xb9, 0xa7}};
static const GUID by_local_address = {
    0xd9ee00de, 0xc1ef, 0x4617, {0xbf, 0xe3, 0xff, 0xd8, 0xf5, 0xa0, 0x89, 0x57}};
static const GUID by_remote_address = {
    0xb235ae9a, 0x1d64, 0x49b8, {0xa4, 0x4c, 0x5f, 0xf3, 0xd9, 0x09, 0x50, 0x45}};
static const GUID by_local_port = {
    0x0c1ba1af, 0x5765, 0x453f, {0xaf, 0x22, 0xa8, 0xf7, 0x91, 0xac, 0x77, 0x5b}};
static const GUID by_remote_port = {
    0xc35a604d, 0xd22b, 0x4e1a, {0x91, 0xb4, 0x68, 0xf6, 0x74, 0xee, 0x67, 0x4b}};
/* Outgoing: the interface it leaves by; incoming: the one it came in by, whoever has the address. */
static const GUID by_interface[2] = {
    [DBR_WALL_OUT] = {0x4cd62a49, 0x59c3, 0x4969, {0xb7, 0xf3, 0xbd, 0xa5, 0xd3, 0x28, 0x90, 0xa4}},
    [DBR_WALL_IN] = {0x618a9b6d, 0x386b, 0x4136, {0xad, 0x6e, 0xb5, 0x15, 0x87, 0xcf, 0xb1, 0xcd}},
};
enum { SESSION_DYNAMIC = 1, CONDITIONS = 7 };

static FWPM_FILTER_CONDITION0 *equal(FWPM_FILTER_CONDITION0 *c, const GUID *field, FWP_DATA_TYPE type)
{
    memset(c, 0, sizeof *c);
    c->fieldKey = *field;
    c->matchType = FWP_MATCH_EQUAL;
    c->conditionValue.type = type;
    return c;
}

/* WFP takes IPv4 addresses in the host's order. */
static UINT32 ip4(const uint8_t ip[16])
{
    return (UINT32)ip[0] << 24 | (UINT32)ip[1] << 16 | (UINT32)ip[2] << 8 | ip[3];
}

static void host(FWPM_FILTER_CONDITION0 *c, const GUID *field, uint8_t family, const uint8_t ip[16],
                 FWP_BYTE_ARRAY16 *room)
{
    equal(c, field, family == 4 ? FWP_UINT32 : FWP_BYTE_ARRAY16_TYPE);
    if (family == 4) {
        c->conditionValue.uint32 = ip4(ip);
    } else {
        memcpy(room->byteArray16, ip, 16);
        c->conditionValue.byteArray16 = room;
    }
}

union net_room {
    FWP_V4_ADDR_AND_MASK v4;
    FWP_V6_ADDR_AND_MASK v6;
};

static void network(FWPM_FILTER_CONDITION0 *c, const GUID *field, const struct dbr_net_ip *net,
                    union net_room *room)
{
    equal(c, field, net->family == 4 ? FWP_V4_ADDR_MASK : FWP_V6_ADDR_MASK);
    if (net->family == 4) {
        room->v4.addr = ip4(net->ip);
        room->v4.mask = net->prefix ? UINT32_MAX << (32 - net->prefix) : 0;
        c->conditionValue.v4AddrMask = &room->v4;
    } else {
        memcpy(room->v6.addr, net->ip, 16);
        room->v6.prefixLength = net->prefix;
        c->conditionValue.v6AddrMask = &room->v6;
    }
}

static DWORD add_rule(HANDLE engine, const GUID *sublayer, const struct dbr_wall_rule *r, UINT64 *luid)
{
    FWPM_FILTER_CONDITION0 c[CONDITIONS];
    FWP_BYTE_ARRAY16 local;
    union net_room remote;
    wchar_t name[] = L"Drawbridge";
    FWPM_FILTER0 f = {.displayData = {.name = name}, .filterCondition = c, .subLayerKey = *sublayer};
    UINT32 n = 0;
    f.layerKey = layer[r->way][r->family == 6];
    f.weight.type = FWP_UINT8;
    f.weight.uint8 = r->weight;
    f.action.type = r->permit ? FWP_ACTION_PERMIT : FWP_ACTION_BLOCK;
    if (r->loopback) {
        equal(&c[n], &by_flags, FWP_UINT32)->matchType = FWP_MATCH_FLAGS_ALL_SET;
        c[n++].conditionValue.uint32 = FWP_CONDITION_FLAG_IS_LOOPBACK;
    }
    if (r->where != DBR_WALL_ANYWHERE) {
        equal(&c[n], &by_interface[r->way], FWP_UINT64)->conditionValue.uint64 = luid;
        c[n++].matchType = r->where == DBR_WALL_ON_TAP ? FWP_MATCH_EQUAL : FWP_MATCH_NOT_EQUAL;
    }
    if (r->protocol)
        equal(&c[n++], &by_protocol, FWP_UINT8)->conditionValue.uint8 = r->protocol;
    if (r->local_port)
        equal(&c[n++], &by_local_port, FWP_UINT16)->conditionValue.uint16 = r->local_port;
    if (r->remote_port)
        equal(&c[n++], &by_remote_port, FWP_UINT16)->conditionValue.uint16 = r->remote_port;
    if (r->has_local)
        host(&c[n++], &by_local_address, r->family, r->local, &local);
    if (r->remote.family)
        network(&c[n++], &by_remote_address, &r->remote, &remote);
    f.numFilterConditions = n;
    return FwpmFilterAdd0(engine, &f, NULL, NULL);
}

/* Each wall has one of its own: it goes with its session, and an older wall may still stand. */
static DWORD add_sublayer(HANDLE engine, GUID *key)
{
    wchar_t name[] = L"Drawbridge";
    if (CoCreateGuid(key) != S_OK)
        return ERROR_GEN_FAILURE;
    FWPM_SUBLAYER0 s = {.subLayerKey = *key, .displayData = {.name = name}, .weight = 0xffff};
    return FwpmSubLayerAdd0(engine, &s, NULL);
}

/* All rules or none: one transaction. */
static DWORD build(HANDLE engine, const struct dbr_net_plan *p)
{
    struct dbr_wall_rule *rule = calloc(DBR_WALL_RULES, sizeof *rule);
    UINT64 luid = p->luid;
    if (!rule)
        return ERROR_NOT_ENOUGH_MEMORY;
    size_t n = dbr_wall_make(p, rule);
    GUID sublayer;
    DWORD e = add_sublayer(engine, &sublayer);
    if (e == ERROR_SUCCESS)
        e = FwpmTransactionBegin0(engine, 0);
    if (e == ERROR_SUCCESS) {
        for (size_t i = 0; i < n && e == ERROR_SUCCESS; i++)
            e = add_rule(engine, &sublayer, &rule[i], &luid);
        if (e == ERROR_SUCCESS)
            e = FwpmTransactionCommit0(engine);
        else
            FwpmTransactionAbort0(engine);
    }
    free(rule);
    return e;
}

int act_wall(struct net_os *os, const struct dbr_net_op *op)
{
    (void)op;
    wchar_t name[] = L"Drawbridge";
    FWPM_SESSION0 session = {.flags = SESSION_DYNAMIC, .displayData = {.name = name}};
    HANDLE engine = NULL;
    DWORD e = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &engine);
    if (e != ERROR_SUCCESS)
        return os_fail(os, "the Windows firewall service (Base Filtering Engine) does not answer: start it",
                       e);
    e = build(engine, os->plan);
    if (e != ERROR_SUCCESS) {
        FwpmEngineClose0(engine);
        return os_fail(os, "the Windows firewall takes no filters", e);
    }
    *os->wall = engine;
    return 0;
}

int undo_wall(struct net_os *os, const struct dbr_net_op *op)
{
    (void)op;
    if (*os->wall)
        FwpmEngineClose0(*os->wall);
    *os->wall = NULL;
    return 0;
}
