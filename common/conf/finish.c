/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What can only be judged when everything was read: the role, directives that exclude or need each other, and
 * what the helper directives stand for. One small check after the other, each complaining at the line of its
 * directive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/logins.h"
#include "conf/names.h"
#include "conf/shape.h"

/* Points the complaints at a directive: at its line where it was given, else at the main file. */
static struct parse *at(struct parse *p, enum dbr_directive which)
{
    const struct dbr_config *cfg = p->cfg;
    p->which = which;
    p->file = dbr_config_where(cfg, which, &p->line);
    if (!*p->file)
        p->file = cfg->files.n ? cfg->files.v[cfg->files.n > 1 && p->skip_args] : "configuration";
    return p;
}

/* A helper directive sets another one: as if it had been written in the same line. */
static void derive(struct parse *p, enum dbr_directive from, enum dbr_directive to)
{
    p->cfg->set[to] = p->cfg->set[from];
}

static void derive_push(struct parse *p, enum dbr_directive from, const char *option)
{
    at(p, from);
    conf_list_add(p, &p->cfg->push, conf_keep(p, option));
    if (!DBR_IS_SET(p->cfg, push))
        derive(p, from, DBR_D_push);
}

/* ---- helper directives ---- */

static void become_server(struct parse *p, enum dbr_directive from)
{
    struct dbr_config *cfg = p->cfg;
    if (DBR_IS_SET(cfg, mode) && cfg->mode != DBR_MODE_SERVER)
        conf_error(at(p, DBR_D_mode), "p2p does not go with %s; remove the line",
                   table_rows[from].info.keyword);
    cfg->mode = DBR_MODE_SERVER;
    cfg->tls_server = true;
    derive(p, from, DBR_D_mode);
    derive(p, from, DBR_D_tls_server);
}

/* A pool from a helper directive; one by hand beside it is a mistake. */
static void derive_pool(struct parse *p, enum dbr_directive from, uint32_t start, uint32_t end,
                        uint32_t netmask)
{
    struct dbr_config *cfg = p->cfg;
    if (DBR_IS_SET(cfg, ifconfig_pool)) {
        conf_error(at(p, DBR_D_ifconfig_pool), "%s has a pool already; remove one of them",
                   table_rows[from].info.keyword);
        return;
    }
    cfg->ifconfig_pool = (struct dbr_conf_pool){start, end, netmask};
    derive(p, from, DBR_D_ifconfig_pool);
}

static void push_gateway(struct parse *p, enum dbr_directive from, uint32_t gateway)
{
    char text[16], option[48];
    snprintf(option, sizeof option, "route-gateway %s", conf_ipv4_text(gateway, text));
    derive_push(p, from, option);
}

static void expand_server_bridge(struct parse *p)
{
    const struct dbr_conf_server_bridge *v = &p->cfg->server_bridge;
    switch (v->shape) {
    case DBR_SERVER_BRIDGE_NONE: return;
    case DBR_SERVER_BRIDGE_NOGW: break;
    case DBR_SERVER_BRIDGE_DHCP: derive_push(p, DBR_D_server_bridge, "route-gateway dhcp"); break;
    case DBR_SERVER_BRIDGE_FULL:
        derive_pool(p, DBR_D_server_bridge, v->pool_start, v->pool_end, v->netmask);
        push_gateway(p, DBR_D_server_bridge, v->gateway);
        break;
    }
    become_server(p, DBR_D_server_bridge);
}

/* server 10.8.0.0 255.255.255.0 with a TAP: .1 for the server, .2 to .253 for clients. */
static void expand_server(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    const struct dbr_conf_server *v = &cfg->server;
    if (v->netmask == 0)
        return;
    if (DBR_IS_SET(cfg, server_bridge)) {
        conf_error(at(p, DBR_D_server), "does not go with server-bridge; remove one of them");
        return;
    }
    become_server(p, DBR_D_server);
    if (DBR_IS_SET(cfg, ifconfig)) {
        conf_error(at(p, DBR_D_ifconfig), "server gives the TAP its address; remove one of them");
        return;
    }
    cfg->ifconfig = (struct dbr_conf_ifconfig){v->network + 1, v->netmask};
    derive(p, DBR_D_server, DBR_D_ifconfig);
    if (!v->nopool)
        derive_pool(p, DBR_D_server, v->network + 2, (v->network | ~v->netmask) - 2, v->netmask);
    push_gateway(p, DBR_D_server, v->network + 1);
}

/* server-ipv6 fd00:77::/64: ::1 for the server, from ::1000 on for clients, as OpenVPN's helper.c has it. */
static void expand_server_ipv6(struct parse *p)
{
    enum { POOL_AT = 0x10, LONGEST = 112 };
    struct dbr_config *cfg = p->cfg;
    struct dbr_conf_ipv6 v = cfg->server_ipv6;
    if (!v.bits)
        return;
    if (v.bits > LONGEST)
        conf_error(at(p, DBR_D_server_ipv6), "the network is too small; give a prefix length up to %d",
                   LONGEST);
    else if (DBR_IS_SET(cfg, ifconfig_ipv6) || DBR_IS_SET(cfg, ifconfig_ipv6_pool))
        conf_error(at(p, DBR_D_server_ipv6), "has address and pool already; remove ifconfig-ipv6 and "
                                             "ifconfig-ipv6-pool, or this line");
    if (v.bits > LONGEST || DBR_IS_SET(cfg, ifconfig_ipv6) || DBR_IS_SET(cfg, ifconfig_ipv6_pool))
        return;
    cfg->ifconfig_ipv6 = cfg->ifconfig_ipv6_pool = v;
    cfg->ifconfig_ipv6.ip[15] |= 1;
    cfg->ifconfig_ipv6_pool.ip[14] |= POOL_AT;
    derive(p, DBR_D_server_ipv6, DBR_D_ifconfig_ipv6);
    derive(p, DBR_D_server_ipv6, DBR_D_ifconfig_ipv6_pool);
}

/* OpenVPN 2.6: the size of both channels. Our control packets are never longer than the least that it takes.
 */
static void expand_packet_size(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    if (!DBR_IS_SET(cfg, max_packet_size) || DBR_IS_SET(cfg, mssfix))
        return;
    cfg->mssfix = (struct dbr_conf_mssfix){DBR_MSSFIX_MTU, cfg->max_packet_size};
    derive(p, DBR_D_max_packet_size, DBR_D_mssfix);
}

/* OpenVPN 2.6: mssfix without a number is that of fragment. (It then forgets `mtu`; a segment would be cut.)
 */
static void expand_fragment(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    if (!cfg->fragment.size || cfg->mssfix.kind != DBR_MSSFIX_DEFAULT)
        return;
    cfg->mssfix.kind = cfg->fragment.mtu ? DBR_MSSFIX_MTU : DBR_MSSFIX_UDP;
    cfg->mssfix.size = cfg->fragment.size;
    if (!DBR_IS_SET(cfg, mssfix))
        derive(p, DBR_D_fragment, DBR_D_mssfix);
}

static void expand_client(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    if (!cfg->client)
        return;
    cfg->pull = cfg->tls_client = true;
    derive(p, DBR_D_client, DBR_D_pull);
    derive(p, DBR_D_client, DBR_D_tls_client);
}

/* ---- the role ---- */

static void find_role(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    if (cfg->tls_server && cfg->tls_client)
        conf_error(at(p, DBR_D_tls_client), "does not go with tls-server; remove one of them");
    else if (cfg->mode == DBR_MODE_SERVER && !cfg->tls_server)
        conf_error(at(p, DBR_D_mode), "a server needs tls-server; add the line");
    else if (cfg->mode == DBR_MODE_SERVER)
        cfg->role = DBR_CONF_ROLE_SERVER;
    else if (cfg->tls_client)
        cfg->role = DBR_CONF_ROLE_CLIENT;
    else if (cfg->tls_server)
        cfg->role = DBR_CONF_ROLE_SERVER;
    else
        conf_error(at(p, DBR_D_mode), "neither server nor client; write server-bridge, or client");
    cfg->p2p = cfg->role == DBR_CONF_ROLE_SERVER ? cfg->mode != DBR_MODE_SERVER : !cfg->pull;
}

/* Directives that the other role may not have. What is not listed: a server's in a client is an error, a
 * client's in a server has no effect. */
static const struct rule {
    enum dbr_conf_role role;
    enum dbr_directive which;
    const char *text;
} rules[] = {
    {DBR_CONF_ROLE_SERVER, DBR_D_remote,
     "a server does not call; remove the line (without `mode server` it says from where the peer calls)"},
    {DBR_CONF_ROLE_SERVER, DBR_D_client, "does not go with a server; remove one of them"},
    {DBR_CONF_ROLE_SERVER, DBR_D_pull, "a server is not told options; remove the line"},
    {DBR_CONF_ROLE_SERVER, DBR_D_nobind, "a server needs its port; remove the line"},
    {DBR_CONF_ROLE_SERVER, DBR_D_route, "a bridge does not route; write: push \"route ...\""},
    {DBR_CONF_ROLE_SERVER, DBR_D_route_gateway, "a bridge does not route; write: push \"route-gateway ...\""},
    {DBR_CONF_ROLE_SERVER, DBR_D_redirect_gateway, "is for clients; write: push \"redirect-gateway ...\""},
    {DBR_CONF_ROLE_SERVER, DBR_D_dhcp_option, "is for clients; write: push \"dhcp-option ...\""},
};

/* Directives of clients that mean something on a server with one peer. */
static bool fits_p2p(const struct dbr_config *cfg, enum dbr_directive which)
{
    return cfg->p2p && cfg->role == DBR_CONF_ROLE_SERVER &&
           (which == DBR_D_remote || which == DBR_D_connection);
}

static const char *rule_for(enum dbr_conf_role role, enum dbr_directive which)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].role == role && rules[i].which == which)
            return rules[i].text;
    return NULL;
}

static void check_role_of(struct parse *p, enum dbr_directive which)
{
    const struct directive *row = &table_rows[which];
    enum dbr_conf_role role = p->cfg->role;
    bool fits = table_in_scope(row, role == DBR_CONF_ROLE_SERVER ? 's' : 'c') || table_in_scope(row, 'a') ||
                fits_p2p(p->cfg, which);
    const char *text = rule_for(role, which);
    if (p->cfg->set[which].line == 0 || fits || row->info.status != DBR_HONOUR)
        return;
    if (text)
        conf_error(at(p, which), "%s", text);
    else if (role == DBR_CONF_ROLE_CLIENT)
        conf_error(at(p, which), "is for a server; remove the line");
    else
        conf_warn(at(p, which), "has no effect on a server; the line may go");
}

static void check_roles(struct parse *p)
{
    if (p->cfg->role == DBR_CONF_ROLE_NONE)
        return;
    for (int i = 0; i < DBR_D_COUNT; i++)
        check_role_of(p, (enum dbr_directive)i);
}

/* ---- what must be there ---- */

static void check_device(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    if (!cfg->dev) {
        conf_error(at(p, DBR_D_dev), "missing; write: dev tap");
        return;
    }
    if (cfg->dev_type == DBR_DEV_TYPE_TUN)
        conf_error(at(p, DBR_D_dev_type), "tun is not what a bridge needs; write: dev-type tap");
    else if (cfg->dev_type < 0 && strncmp(cfg->dev, "tap", 3) != 0)
        conf_error(at(p, DBR_D_dev), "%s is no TAP; write: dev tap, or add: dev-type tap", cfg->dev);
    if (cfg->bridge_takeover && !cfg->bridge.name)
        conf_warn(at(p, DBR_D_bridge_takeover), "has no effect without `bridge`; the line may go");
    if (cfg->bridge.name && strcmp(cfg->bridge.name, cfg->dev) == 0)
        conf_error(at(p, DBR_D_bridge), "%s is the TAP itself; give the bridge another name", cfg->dev);
}

static void need_blob(struct parse *p, enum dbr_directive which, const struct dbr_conf_blob *blob,
                      const char *what)
{
    if (!blob->path && !blob->text)
        conf_error(at(p, which), "missing; name %s or put it between <%s> and </%s>", what,
                   table_rows[which].info.keyword, table_rows[which].info.keyword);
}

static bool has(const struct dbr_conf_blob *blob)
{
    return blob->path || blob->text;
}

/* Who is trusted: a CA in a file, a folder or PKCS#12, or certificates by their fingerprints. */
static void check_trust(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    bool lists = DBR_IS_SET(cfg, crl_verify) || cfg->crl_url.path || cfg->ocsp.on;
    if (cfg->peer_fingerprint.n == 0 && !cfg->capath && !has(&cfg->pkcs12))
        need_blob(p, DBR_D_ca, &cfg->ca, "the file with the CA's certificate");
    else if (lists && !has(&cfg->ca) && !cfg->capath)
        conf_error(at(p, DBR_D_ca), "missing: revocation lists and OCSP answers are checked with it; add ca");
}

static void check_external_key(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    const struct dbr_conf_list *can = &cfg->management_external_key;
    static const char *const words[] = {"nopadding", "pkcs1", "pss", "digest"};
    for (size_t i = 0; i < can->n; i++) {
        size_t w = 0;
        while (w < 4 && strcmp(words[w], can->v[i]) != 0)
            w++;
        if (w == 4)
            conf_error(at(p, DBR_D_management_external_key),
                       "'%.64s' is none of nopadding, pkcs1, pss, digest", can->v[i]);
    }
    if (has(&cfg->key))
        conf_error(at(p, DBR_D_key), "does not go with management-external-key; remove one of them");
}

/* A manager may have the key, and then the certificate too. */
static void check_pair(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    const bool key = DBR_IS_SET(cfg, management_external_key), cert = cfg->management_external_cert;
    if (cert && !key)
        conf_error(at(p, DBR_D_management_external_cert), "needs management-external-key; add it");
    if (cert && has(&cfg->cert))
        conf_error(at(p, DBR_D_cert), "does not go with management-external-cert; remove one of them");
    if (key)
        check_external_key(p);
    if (!cert)
        need_blob(p, DBR_D_cert, &cfg->cert, "the file with the own certificate");
    if (!key)
        need_blob(p, DBR_D_key, &cfg->key, "the file with the private key");
}

static void check_own_certificate(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    const bool elsewhere =
        DBR_IS_SET(cfg, management_external_key) || DBR_IS_SET(cfg, management_external_cert);
    check_trust(p);
    if (has(&cfg->pkcs12) && elsewhere)
        conf_error(at(p, DBR_D_pkcs12), "does not go with management-external-key; remove one of them");
    if (has(&cfg->pkcs12) && (has(&cfg->cert) || has(&cfg->key)))
        conf_error(at(p, DBR_D_pkcs12), "holds certificate and key already; remove cert and key");
    if (has(&cfg->pkcs12))
        return;
    check_pair(p);
}

static void check_certificates(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    check_own_certificate(p);
    if (cfg->crl_verify.dir && !cfg->crl_verify.path)
        conf_error(at(p, DBR_D_crl_verify), "a folder has a name; write: crl-verify FOLDER dir");
    if (cfg->crl_url.path && strncmp(cfg->crl_url.path, "http://", 7) != 0 &&
        strncmp(cfg->crl_url.path, "https://", 8) != 0)
        conf_error(at(p, DBR_D_crl_url), "'%.64s' is no URL; write http://HOST/PATH", cfg->crl_url.path);
    if (DBR_IS_SET(cfg, crl_stale) && !cfg->crl_url.path && !DBR_IS_SET(cfg, crl_verify) && !cfg->capath)
        conf_warn(at(p, DBR_D_crl_stale), "has no effect without a list; add crl-verify or crl-url");
    if (cfg->tls_version_max && cfg->tls_version_max < cfg->tls_version_min)
        conf_error(at(p, DBR_D_tls_version_max), "below tls-version-min; raise it or lower the other");
}

/* A server may serve clients with tls-crypt-v2 beside those that have the common key. */
static void check_gates(struct parse *p, bool tls_auth)
{
    const struct dbr_config *cfg = p->cfg;
    bool client = cfg->role == DBR_CONF_ROLE_CLIENT, v2 = has(&cfg->tls_crypt_v2);
    if (client && v2 && (tls_auth || has(&cfg->tls_crypt)))
        conf_error(at(p, DBR_D_tls_crypt_v2), "a client has one kind of key; remove tls-auth and tls-crypt");
    else if (tls_auth && has(&cfg->tls_crypt))
        conf_error(at(p, DBR_D_tls_crypt),
                   "does not go with tls-auth, which nobody could use; remove one of them");
    if (!v2 && (cfg->tls_crypt_v2_withdrawn || cfg->tls_crypt_v2_max_age))
        conf_warn(
            at(p, cfg->tls_crypt_v2_withdrawn ? DBR_D_tls_crypt_v2_withdrawn : DBR_D_tls_crypt_v2_max_age),
            "has no effect without tls-crypt-v2; the line may go");
}

static void check_gate(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    struct dbr_conf_blob *gate = &cfg->tls_auth;
    bool given = gate->path || gate->text;
    if (given && gate->direction < 0)
        gate->direction = cfg->key_direction;
    if (given && strcmp(cfg->auth, "none") == 0)
        conf_error(at(p, DBR_D_auth), "tls-auth needs a digest; remove the line or write: auth SHA256");
    if (!given && DBR_IS_SET(cfg, tls_auth))
        conf_error(at(p, DBR_D_tls_auth), "the block is missing; add <tls-auth> ... </tls-auth>");
    check_gates(p, given);
    if (!given && cfg->role == DBR_CONF_ROLE_SERVER && !has(&cfg->tls_crypt) && !has(&cfg->tls_crypt_v2))
        conf_warn(at(p, DBR_D_tls_auth),
                  "missing: strangers get answers before they show a certificate; make a key with "
                  "`drawbridge-ca gate-key new`");
}

static bool is_old(const char *cipher)
{
    return cipher && conf_cipher(cipher)->status == NAME_OLD;
}

/* A CBC cipher signs its frames with the digest of auth. */
static void check_digest(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    bool cbc = is_old(cfg->data_ciphers_fallback);
    for (size_t i = 0; i < cfg->data_ciphers.n; i++)
        cbc = cbc || is_old(cfg->data_ciphers.v[i]);
    if (cbc && strcmp(cfg->auth, "none") == 0)
        conf_error(at(p, DBR_D_auth), "CBC ciphers need a digest; write: auth SHA256");
}

static void check_cipher(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    const struct name *name = cfg->cipher ? conf_cipher(cfg->cipher) : NULL;
    if (name && name->status == NAME_OLD && !cfg->p2p)
        conf_warn(at(p, DBR_D_cipher),
                  "%s is not used: data-ciphers are negotiated; the line may go, or for peers that cannot "
                  "negotiate write: data-ciphers-fallback %s",
                  name->name, name->name);
    if (!name || name->status != NAME_WEAK)
        return;
    if (cfg->role == DBR_CONF_ROLE_SERVER)
        conf_error(at(p, DBR_D_cipher),
                   "%s has 64-bit blocks (SWEET32); remove the line, data-ciphers are negotiated",
                   cfg->cipher);
    else
        conf_warn(at(p, DBR_D_cipher), "%s is not used: data-ciphers are negotiated; the line may go",
                  cfg->cipher);
}

static void check_scripts(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    if (cfg->script_security >= 2)
        return;
    const bool dns =
        cfg->dns_updown && strcmp(cfg->dns_updown, "force") != 0 && strcmp(cfg->dns_updown, "disable") != 0;
    const struct {
        bool on;
        enum dbr_directive which;
    } scripts[] = {{cfg->auth_user_pass_verify.command, DBR_D_auth_user_pass_verify},
                   {cfg->client_connect, DBR_D_client_connect},
                   {cfg->client_crresponse, DBR_D_client_crresponse},
                   {cfg->client_disconnect, DBR_D_client_disconnect},
                   {cfg->learn_address, DBR_D_learn_address},
                   {cfg->route_up, DBR_D_route_up},
                   {cfg->tls_crypt_v2_verify, DBR_D_tls_crypt_v2_verify},
                   {cfg->tls_verify, DBR_D_tls_verify},
                   {cfg->up, DBR_D_up},
                   {cfg->down, DBR_D_down},
                   {cfg->ipchange, DBR_D_ipchange},
                   {cfg->route_pre_down, DBR_D_route_pre_down},
                   {dns, DBR_D_dns_updown}};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (scripts[i].on)
            conf_error(at(p, scripts[i].which), "scripts are not allowed; write: script-security 2");
}

/* ---- server ---- */

static void check_pool(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    struct dbr_conf_pool *pool = &cfg->ifconfig_pool;
    if (pool->end == 0)
        return;
    if (pool->netmask == 0)
        pool->netmask = cfg->ifconfig.netmask;
    if (pool->netmask == 0)
        conf_error(at(p, DBR_D_ifconfig_pool),
                   "a TAP needs the netmask; write: ifconfig-pool START END NETMASK");
    else if ((pool->start ^ pool->end) & pool->netmask)
        conf_error(at(p, DBR_D_ifconfig_pool),
                   "start and end are in different nets; check them against the netmask");
    else if (cfg->ifconfig.local >= pool->start && cfg->ifconfig.local <= pool->end)
        conf_error(at(p, DBR_D_ifconfig_pool), "the server's own address is in the pool; leave it out");
}

/* Directives that say what managers are asked. */
static void check_managers(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    const struct {
        bool on;
        enum dbr_directive which;
    } asks[] = {
        {cfg->management_client_auth, DBR_D_management_client_auth},
        {cfg->management_query_remote, DBR_D_management_query_remote},
        {cfg->management_client, DBR_D_management_client},
        {DBR_IS_SET(cfg, management_external_key), DBR_D_management_external_key},
        {cfg->management_query_proxy, DBR_D_management_query_proxy},
    };
    for (size_t i = 0; i < sizeof asks / sizeof asks[0] && !cfg->management.address; i++)
        if (asks[i].on)
            conf_error(at(p, asks[i].which), "needs managers; add: management PATH unix");
}

static void check_server(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    check_pool(p);
    conf_check_logins(p);
    if (!cfg->vlan_tagging && DBR_IS_SET(cfg, vlan_accept))
        conf_error(at(p, DBR_D_vlan_accept), "needs VLANs; add: vlan-tagging");
    if (!cfg->vlan_tagging && DBR_IS_SET(cfg, vlan_pvid))
        conf_error(at(p, DBR_D_vlan_pvid), "needs VLANs; add: vlan-tagging");
    if (cfg->ccd_exclusive && !cfg->client_config_dir)
        conf_error(at(p, DBR_D_ccd_exclusive), "needs the clients' files; add: client-config-dir DIR");
    if (DBR_IS_SET(cfg, explicit_exit_notify) && (cfg->explicit_exit_notify > 2))
        conf_error(at(p, DBR_D_explicit_exit_notify), "%d is for a client; a server takes 1 or 2",
                   cfg->explicit_exit_notify);
    if (cfg->lport == 0)
        conf_error(at(p, DBR_D_lport), "a server needs a port that clients know; write: port 1194");
}

/* A server for one peer, `tls-server` without `mode server`. What is for many clients is a mistake where it
 * would change who gets in or what he gets. */
static const struct {
    enum dbr_directive which;
    bool error;
} for_many[] = {
    {DBR_D_ifconfig_pool, true}, {DBR_D_duplicate_cn, true},  {DBR_D_client_to_client, true},
    {DBR_D_vlan_tagging, true},  {DBR_D_connect_freq, false}, {DBR_D_max_clients, false},
    {DBR_D_push, false},
};

static void check_p2p_server(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    for (size_t i = 0; i < sizeof for_many / sizeof for_many[0]; i++) {
        if (!cfg->set[for_many[i].which].line)
            continue;
        if (for_many[i].error)
            conf_error(at(p, for_many[i].which),
                       "is for many clients; add `mode server`, or remove the line");
        else
            conf_warn(at(p, for_many[i].which),
                      "has no effect without `mode server`; add that, or remove the line");
    }
    if (!DBR_IS_SET(cfg, port_kind))
        cfg->port_kind = DBR_PORT_KIND_SITE; /* two ends that face each other; OpenVPN guards neither */
}

/* What old peers without NCP use: `cipher` is the cipher here, as it was before data-ciphers. */
static void expand_p2p_cipher(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    const struct name *name = cfg->cipher ? conf_cipher(cfg->cipher) : NULL;
    if (!cfg->p2p || cfg->data_ciphers_fallback || !name)
        return;
    if (name->status == NAME_GOOD || name->status == NAME_OLD)
        conf_take_string(at(p, DBR_D_cipher), &cfg->data_ciphers_fallback, name->name);
}

/* ---- client ---- */

static void check_socks(struct parse *p)
{
    const struct dbr_config *cfg = p->cfg;
    const struct dbr_conf_list *w = &cfg->socks_proxy;
    char *end = NULL;
    long port = w->n > 1 ? strtol(w->v[1], &end, 10) : 1;
    if (!w->n)
        return;
    if (w->n > 3 || port < 1 || port > UINT16_MAX || (end && *end))
        conf_error(at(p, DBR_D_socks_proxy), "write: socks-proxy HOST [PORT [FILE]], once");
    if (w->n > 2 && strcmp(w->v[2], "stdin") == 0)
        conf_error(at(p, DBR_D_socks_proxy), "stdin is not asked; write user name and password into a file");
    if (cfg->local.n || cfg->bind_dev || DBR_IS_SET(cfg, mark))
        conf_error(
            at(p, cfg->local.n    ? DBR_D_local
                  : cfg->bind_dev ? DBR_D_bind_dev
                                  : DBR_D_mark),
            "does not go with socks-proxy, through which nothing is called directly; remove one of them");
}

static void check_client(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    if (cfg->remote.n == 0)
        conf_error(at(p, DBR_D_remote), "missing; write: remote HOST [PORT]");
    check_socks(p);
    if (cfg->proto_force > 2) /* the order of its words */
        conf_error(at(p, DBR_D_proto_force), "TCP is not built yet; write: proto-force udp");
    if (cfg->local.n > 1)
        conf_error(at(p, DBR_D_local), "a client calls from one address; leave one line");
    if (cfg->nobind && DBR_IS_SET(cfg, lport))
        conf_error(at(p, DBR_D_lport), "does not go with nobind; remove one of them");
    if (cfg->nobind && cfg->bind.on)
        conf_error(at(p, DBR_D_bind), "does not go with nobind; remove one of them");
    if (cfg->remote_cert_tls < 0 && cfg->ns_cert_type < 0 && !cfg->verify_x509_name.name &&
        !cfg->remote_cert_eku && !DBR_IS_SET(cfg, remote_cert_ku))
        conf_warn(at(p, DBR_D_remote_cert_tls),
                  "missing: any certificate of the CA, a client's too, can pose as the server; write: "
                  "remote-cert-tls server");
    if (cfg->pull && !DBR_IS_SET(cfg, ping_restart) && !DBR_IS_SET(cfg, ping_exit) &&
        !DBR_IS_SET(cfg, keepalive))
        cfg->ping_restart = 120;
}

/* ---- what follows from what ---- */

static void expand_keepalive(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    const struct dbr_conf_keepalive *v = &cfg->keepalive;
    bool server = cfg->role == DBR_CONF_ROLE_SERVER && !cfg->p2p;
    char option[40];
    if (v->ping == 0)
        return;
    if (DBR_IS_SET(cfg, ping) || DBR_IS_SET(cfg, ping_restart) || DBR_IS_SET(cfg, ping_exit)) {
        conf_error(at(p, DBR_D_keepalive),
                   "does not go with ping, ping-restart and ping-exit; remove one of them");
        return;
    }
    cfg->ping = v->ping;
    cfg->ping_restart = server && v->restart <= INT32_MAX / 2 ? 2 * v->restart : v->restart;
    derive(p, DBR_D_keepalive, DBR_D_ping);
    derive(p, DBR_D_keepalive, DBR_D_ping_restart);
    if (!server)
        return;
    snprintf(option, sizeof option, "ping %d", v->ping);
    derive_push(p, DBR_D_keepalive, option);
    snprintf(option, sizeof option, "ping-restart %d", v->restart);
    derive_push(p, DBR_D_keepalive, option);
}

static void expand_ports(struct dbr_config *cfg)
{
    if (!DBR_IS_SET(cfg, lport))
        cfg->lport = cfg->port;
    if (!DBR_IS_SET(cfg, rport))
        cfg->rport = cfg->port;
}

static void expand_reneg(struct dbr_config *cfg)
{
    if (cfg->reneg_sec_min < 0)
        cfg->reneg_sec_min =
            cfg->role == DBR_CONF_ROLE_SERVER ? cfg->reneg_sec - cfg->reneg_sec / 10 : cfg->reneg_sec;
}

static void expand_compression(struct parse *p)
{
    struct dbr_config *cfg = p->cfg;
    if (cfg->comp_lzo && cfg->compress)
        conf_error(at(p, DBR_D_comp_lzo), "does not go with compress; remove one of them");
    if (cfg->comp_lzo)
        conf_warn(at(p, DBR_D_comp_lzo), "only the framing is kept: frames are decoded, never compressed");
    else if (cfg->compress == DBR_COMP_LZO)
        conf_warn(at(p, DBR_D_compress), "only the framing is kept: frames are decoded, never compressed");
}

int dbr_config_finish(struct dbr_config *cfg, const struct dbr_conf_diag *diag)
{
    struct parse p = {.cfg = cfg, .diag = diag, .reading = READ_FINISH};
    if (cfg->finished)
        return 0;
    cfg->finished = true;
    p.skip_args = cfg->files.n && strcmp(cfg->files.v[0], "command line") == 0;
    expand_client(&p);
    expand_server_bridge(&p);
    expand_server(&p);
    expand_server_ipv6(&p);
    expand_packet_size(&p);
    expand_fragment(&p);
    find_role(&p);
    check_roles(&p);
    expand_ports(cfg);
    expand_keepalive(&p);
    expand_reneg(cfg);
    expand_compression(&p);
    check_device(&p);
    check_certificates(&p);
    check_gate(&p);
    check_cipher(&p);
    expand_p2p_cipher(&p);
    check_digest(&p);
    check_scripts(&p);
    if (cfg->role == DBR_CONF_ROLE_SERVER)
        check_server(&p);
    check_managers(&p);
    if (cfg->role == DBR_CONF_ROLE_SERVER && cfg->p2p)
        check_p2p_server(&p);
    if (cfg->role == DBR_CONF_ROLE_CLIENT)
        check_client(&p);
    return conf_result(&p);
}
