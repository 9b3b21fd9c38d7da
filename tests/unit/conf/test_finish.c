/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The cross-checks: each case is a sound configuration with one thing changed, and what is then said of it.
 * What the helper directives expand to is compared with OpenVPN's manual.
 */
#include "collect.h"

#define CERTS     "ca ca.crt\ncert c.crt\nkey c.key\n"
#define HALF      "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA"
#define PRINT     HALF ":" HALF
#define PASSWORDS "script-security 2\nauth-user-pass-verify /u via-file\n"
#define SERVER    "dev tap\nserver-bridge\ntls-auth ta.key 0\n" CERTS
#define P2P       "dev tap\ntls-server\nifconfig 10.0.0.1 255.0.0.0\ntls-auth ta.key 0\n" CERTS
#define CLIENT    "dev tap\nclient\nremote vpn\nremote-cert-tls server\n" CERTS

/* words NULL: no complaint at all; "W:": a warning and no error. */
static const struct {
    const char *text, *words;
} cases[] = {
    {SERVER, NULL},
    {CLIENT, NULL},
    {"dev tap\nmode server\ntls-server\ntls-auth ta.key\n" CERTS, NULL},
    {"dev ovpns1\ndev-type tap\ndev-node /dev/tap1\nserver-bridge nogw\ntls-auth ta.key\n" CERTS, NULL},
    {"dev tap\ntls-client\nremote vpn\nverify-x509-name vpn name\n" CERTS, NULL},

    /* role */
    {"dev tap\n" CERTS, "t.conf: mode: neither server nor client|server-bridge"},
    {"dev tap\nmode server\n" CERTS, "mode|tls-server"},
    {"dev tap\nmode server\ntls-server\ntls-client\n" CERTS, "tls-client|does not go with tls-server"},
    {SERVER "mode p2p\n", "mode|does not go with server-bridge"},
    {SERVER "mode server\ntls-server\n", NULL},
    {SERVER "remote vpn\n", "remote|a server does not call"},
    {SERVER "<connection>\nremote vpn\n</connection>\n", "remote|a server does not call"},
    {SERVER "client\n", "does not go with"},
    {SERVER "pull\n", "pull|server"},
    {SERVER "tls-client\n", "does not go with tls-server"},
    {SERVER "nobind\n", "nobind|needs its port"},
    {SERVER "route 10.0.0.0 255.0.0.0\n", "route|push \"route"},
    {SERVER "redirect-gateway\n", "push \"redirect-gateway"},
    {SERVER "dhcp-option DNS 10.0.0.1\n", "push \"dhcp-option"},
    {SERVER "route-gateway 10.0.0.1\n", "push \"route-gateway"},
    {SERVER "resolv-retry infinite\n", "W:resolv-retry|no effect on a server"},
    {SERVER "remote-random\n", "W:remote-random|no effect on a server"},
    {CLIENT "max-clients 5\n", "max-clients|is for a server"},
    {CLIENT "client-to-client\n", "client-to-client|is for a server"},
    {CLIENT "vlan-tagging\n", "vlan-tagging|is for a server"},
    {CLIENT "push \"ping 10\"\n", "push|is for a server"},
    {CLIENT "ifconfig-pool 10.0.0.4 10.0.0.9\n", "ifconfig-pool|is for a server"},

    /* a server for one peer, a client that takes no options */
    {P2P, NULL},
    {P2P "mode p2p\n", NULL},
    {P2P "remote vpn\n", NULL},
    {P2P "<connection>\nremote vpn\n</connection>\n", NULL},
    {P2P "remote vpn\nfloat\n", NULL},
    {P2P "cipher AES-256-CBC\n", NULL},
    {P2P "cipher AES-256-CBC\nauth none\n", "auth"},
    {P2P "cipher BF-CBC\n", "cipher|SWEET32"},
    {SERVER "cipher AES-256-CBC\n", "W:cipher|AES-256-CBC is not used|data-ciphers-fallback"},
    {P2P "ifconfig-pool 10.0.0.4 10.0.0.9 255.0.0.0\n", "ifconfig-pool|for many clients|mode server"},
    {P2P "duplicate-cn\n", "duplicate-cn|for many clients"},
    {P2P "client-to-client\n", "client-to-client|for many clients"},
    {P2P "vlan-tagging\n", "vlan-tagging|for many clients"},
    {P2P "push \"ping 10\"\n", "W:push|no effect without `mode server`"},
    {P2P "max-clients 7\n", "W:max-clients|no effect without `mode server`"},
    {P2P "connect-freq 3 10\n", "W:connect-freq|no effect without `mode server`"},
    {P2P "nobind\n", "nobind|needs its port"},
    {P2P "pull\n", "pull|not told options"},
    {P2P "client\n", "tls-client|does not go with tls-server"},
    {"dev tap\nmode server\ntls-server\nifconfig 10.0.0.1 255.0.0.0\ntls-auth t\n" CERTS, NULL},
    {"dev tap\nmode server\ntls-server\ntls-auth t\nremote vpn\n" CERTS, "remote|a server does not call"},
    {"dev tap\ntls-client\nifconfig 10.0.0.2 255.0.0.0\nremote vpn\nremote-cert-tls server\n" CERTS, NULL},

    /* device */
    {"server-bridge\ntls-auth ta.key\n" CERTS, "t.conf: dev: missing|dev tap"},
    {SERVER "dev tun\n", "dev|tun is no TAP"},
    {SERVER "dev-type tun\n", "dev-type|dev-type tap"},
    {CLIENT "dev tun\n", "dev|tun is no TAP"},
    {SERVER "dev tun7\ndev-type tap\n", NULL},
    {SERVER "dev office\n", "office is no TAP|dev-type tap"},
    {SERVER "bridge-takeover\n", "W:bridge-takeover|without `bridge`"},
    {SERVER "bridge-takeover\nbridge br0 eth0\n", NULL},
    {SERVER "bridge tap\n", "bridge|is the TAP itself"},

    /* certificates and gate */
    {"dev tap\nserver-bridge\ntls-auth t\ncert c\nkey k\n", "t.conf: ca: missing"},
    {"dev tap\nserver-bridge\ntls-auth t\nca c\nkey k\n", "t.conf: cert: missing"},
    {"dev tap\nserver-bridge\ntls-auth t\ncert c\nkey k\npeer-fingerprint " PRINT "\n", NULL},
    {"dev tap\nserver-bridge\ntls-auth t\ncert c\nkey k\ncrl-verify x\npeer-fingerprint " PRINT "\n",
     "ca: missing: revocation lists"},
    {SERVER "<peer-fingerprint>\n# alice\n" PRINT "\n\n; bob\n  " PRINT "\r\n</peer-fingerprint>\n", NULL},
    {SERVER "verify-hash " PRINT "\n", NULL},
    {SERVER "verify-hash " PRINT " SHA256\n", NULL},
    {"dev tap\nserver-bridge\ntls-auth t\npkcs12 x\n", NULL},
    {SERVER "pkcs12 x\n", "pkcs12|remove cert and key"},
    {SERVER "x509-username-field emailAddress CN\n", NULL},
    {SERVER "tls-crypt-v2 s.key force-cookie\n", NULL},
    {SERVER "tls-crypt-v2-max-age 3\n", "W:tls-crypt-v2-max-age|no effect without tls-crypt-v2"},
    {CLIENT "tls-auth t 1\ntls-crypt-v2 c.key\n", "tls-crypt-v2|one kind of key"},
    {CLIENT "tls-auth t 1\ntls-crypt c.key\n", "tls-crypt|does not go with tls-auth"},
    {SERVER "tls-crypt c.key\n", "tls-crypt|does not go with tls-auth"},
    {"dev tap\nserver-bridge\ntls-auth t\nca c\ncert k\n", "t.conf: key: missing|<key>"},
    {"dev tap\nserver-bridge\n" CERTS, "W:tls-auth: missing|gate-key new"},
    {SERVER "auth none\n", "auth|tls-auth needs a digest"},
    {"dev tap\nclient\nremote vpn\nremote-cert-tls server\nauth none\n" CERTS, NULL},
    {"dev tap\nclient\nremote vpn\nremote-cert-tls server\ntls-auth [inline] 1\n" CERTS,
     "t.conf:5: tls-auth|block is missing"},
    {SERVER "tls-version-min 1.3\ntls-version-max 1.2\n", "tls-version-max|below tls-version-min"},
    {SERVER "tls-version-min 1.2\ntls-version-max 1.2\n", NULL},
    {SERVER "crl-url ftp://x\n", "crl-url|no URL"},
    {SERVER "crl-url https://x/crl\ncrl-stale keep\n", NULL},
    {SERVER "crl-stale keep\n", "W:crl-stale|no effect without a list"},
    {SERVER "<crl-verify>\nx\n</crl-verify>\n", NULL},

    /* ciphers */
    {SERVER "cipher BF-CBC\n", "cipher|SWEET32|data-ciphers"},
    {CLIENT "cipher BF-CBC\n", "W:cipher|BF-CBC is not used"},
    {SERVER "cipher DES-EDE3-CBC\n", "cipher|SWEET32"},
    {SERVER "data-ciphers AES-256-GCM:AES-256-CBC\nauth none\n", "auth|CBC ciphers need a digest"},
    {SERVER "data-ciphers-fallback AES-128-CBC\nauth none\n", "auth|CBC ciphers need a digest"},
    {SERVER "comp-lzo\n", "W:comp-lzo|never compressed"},
    {SERVER "compress lzo\n", "W:compress|never compressed"},
    {SERVER "compress migrate\n", NULL},
    {SERVER "compress stub\ncomp-lzo\n", "comp-lzo|does not go with compress"},

    /* scripts */
    {SERVER "up /u\n", "t.conf:7: up|script-security 2"},
    {SERVER "down /u\n", "down|script-security 2"},
    {SERVER "client-connect /u\n", "client-connect|script-security 2"},
    {SERVER "client-crresponse /u\n", "client-crresponse|script-security 2"},
    {SERVER "client-disconnect /u\n", "client-disconnect|script-security 2"},
    {SERVER "learn-address /u\n", "learn-address|script-security 2"},
    {SERVER "tls-verify /u\n", "tls-verify|script-security 2"},
    {SERVER "tls-crypt-v2 s.key\ntls-crypt-v2-verify /u\n", "tls-crypt-v2-verify|script-security 2"},
    {SERVER "auth-user-pass-verify /u via-file\n", "auth-user-pass-verify|script-security 2"},
    {SERVER PASSWORDS "auth-gen-token 0 119\n", "auth-gen-token|write 120 or more"},
    {SERVER PASSWORDS "auth-gen-token 0 120\n", NULL},
    {SERVER PASSWORDS "hand-window 2147483647\nauth-gen-token 0 120\n",
     "auth-gen-token|write 4294967294 or more"},
    {SERVER "script-security 2\nup /u\ndown /d\n", NULL},

    /* server */
    {SERVER "server-ipv6 fd00:77::/64\nifconfig-ipv6 fd00:77::5/64\n",
     "server-ipv6|address and pool already"},
    {SERVER "server-ipv6 fd00:77::/64\nifconfig-ipv6-pool fd00:77::5/64\n", "server-ipv6|address and pool"},
    {SERVER "server-ipv6 fd00:77::/113\n", "server-ipv6|too small"},
    {SERVER "server-ipv6 fd00:77::/112\n", NULL},
    {SERVER "max-packet-size 1300\nmssfix 1400\n", NULL},
    {SERVER "server 10.8.0.0 255.255.255.0\n", "server: does not go with server-bridge"},
    {"dev tap\nserver-bridge 10.8.0.4 255.255.255.0 10.8.0.8 10.8.0.9\ntls-auth t\nifconfig-pool 10.8.0.5 "
     "10.8.0.6 255.255.255.0\n" CERTS,
     "ifconfig-pool|has a pool already"},
    {"dev tap\nserver 10.8.0.0 255.255.255.0\ntls-auth t\nifconfig-pool 10.8.0.5 10.8.0.6 "
     "255.255.255.0\n" CERTS,
     "ifconfig-pool|has a pool already"},
    {"dev tap\nserver 10.8.0.0 255.255.255.0 nopool\ntls-auth t\nifconfig-pool 10.8.0.5 10.8.0.6\n" CERTS,
     NULL},
    {"dev tap\nserver 10.8.0.0 255.255.255.0\ntls-auth t\nifconfig 10.8.0.1 255.255.255.0\n" CERTS,
     "ifconfig|server gives the TAP its address"},
    {SERVER "ifconfig-pool 10.8.0.5 10.8.0.6\n", "ifconfig-pool|needs the netmask"},
    {SERVER "ifconfig-pool 10.8.0.5 10.8.1.6 255.255.255.0\n", "ifconfig-pool|different nets"},
    {SERVER "ifconfig-pool 10.8.0.5 10.8.0.6 255.255.255.0\nifconfig 10.8.0.6 255.255.255.0\n",
     "own address is in the pool"},
    {SERVER "ifconfig-pool 10.8.0.5 10.8.0.6 255.255.255.0\nifconfig 10.8.0.7 255.255.255.0\n", NULL},
    {SERVER "vlan-pvid 5\n", "vlan-pvid|vlan-tagging"},
    {SERVER "vlan-accept all\n", "vlan-accept|vlan-tagging"},
    {SERVER "vlan-tagging\nvlan-accept tagged\nvlan-pvid 5\n", NULL},
    {SERVER "vlan-tagging\n", NULL},
    {SERVER "ccd-exclusive\n", "ccd-exclusive|client-config-dir"},
    {SERVER "ccd-exclusive\nclient-config-dir ccd\n", NULL},
    {SERVER "management-client-auth\n", "management-client-auth|management PATH unix"},
    {SERVER "management-client-auth\nmanagement /run/m unix\n", NULL},
    {CLIENT "proto-force udp4\n", NULL},
    {CLIENT "proto-force tcp\n", "proto-force|TCP is not built yet|udp"},
    {CLIENT "ipchange /x\n", "ipchange|script-security 2"},
    {CLIENT "route-pre-down /x\n", "route-pre-down|script-security 2"},
    {CLIENT "route-up /x\n", "route-up|script-security 2"},
    {CLIENT "dns-updown /x\n", "dns-updown|script-security 2"},
    {CLIENT "dns-updown force\n", NULL},
    {CLIENT "dns-updown disable\n", NULL},
    {CLIENT "script-security 2\nipchange /x\nroute-pre-down /x\ndns-updown /x\n", NULL},
    {CLIENT "management-query-remote\n", "management-query-remote|management PATH unix"},
    {SERVER "management-external-key\n", "key|does not go with management-external-key"},
    {"dev tap\nclient\nremote vpn\nremote-cert-tls server\nca x\ncert x\nmanagement-external-key\n",
     "management-external-key|management PATH unix"},
    {"dev tap\nclient\nremote vpn\nremote-cert-tls server\nca x\ncert x\nmanagement /m unix\n"
     "management-external-key pss pkcs1 nopadding digest\n",
     NULL},
    {"dev tap\nclient\nremote vpn\nremote-cert-tls server\nca x\ncert x\nmanagement /m unix\n"
     "management-external-key pss oaep\n",
     "'oaep' is none of"},
    {"dev tap\nclient\nremote vpn\nremote-cert-tls server\nca x\nmanagement /m unix\n"
     "management-external-key\nmanagement-external-cert hint\n",
     NULL},
    {"dev tap\nclient\nremote vpn\nremote-cert-tls server\nca x\nmanagement /m unix\n"
     "management-external-key\n",
     "cert|missing"},
    {CLIENT "management /m unix\nmanagement-external-cert hint\n", "needs management-external-key"},
    {CLIENT "socks-proxy p\n", NULL},
    {CLIENT "socks-proxy p 1080 file\n", NULL},
    {CLIENT "socks-proxy p 0\n", "socks-proxy|HOST [PORT [FILE]]"},
    {CLIENT "socks-proxy p 65536\n", "socks-proxy|HOST [PORT [FILE]]"},
    {CLIENT "socks-proxy p 1x\n", "socks-proxy|HOST [PORT [FILE]]"},
    {CLIENT "socks-proxy p 1080 stdin\n", "stdin is not asked"},
    {CLIENT "socks-proxy p\nlocal 10.0.0.1\n", "local|does not go with socks-proxy"},
    {SERVER "management-client\n", "management-client|management PATH unix"},
    {CLIENT "management-query-proxy\n", "management-query-proxy|management PATH unix"},
    {CLIENT "management-query-remote\nmanagement-query-proxy\nmanagement /run/m unix\n", NULL},
    {SERVER "explicit-exit-notify 3\n", "explicit-exit-notify|1 or 2"},
    {SERVER "explicit-exit-notify 2\n", NULL},
    {SERVER "lport 0\n", "lport|clients know"},
    {SERVER "keepalive 10 60\nping 5\n", "keepalive|does not go with ping"},
    {SERVER "keepalive 10 60\nping-restart 5\n", "keepalive|does not go with ping"},
    {SERVER "keepalive 10 60\nping-exit 5\n", "keepalive|does not go with ping"},
    {SERVER "ping 10\nping-restart 60\n", NULL},

    /* client */
    {"dev tap\nclient\nremote-cert-tls server\n" CERTS, "t.conf: remote: missing"},
    {"dev tap\nclient\nremote a 443 tcp\nremote-cert-tls server\n" CERTS, "remote: missing"},
    {CLIENT "nobind\n", NULL},
    {CLIENT "nobind\nlport 1194\n", "lport|does not go with nobind"},
    {CLIENT "nobind\nbind\n", "bind|does not go with nobind"},
    {CLIENT "local 10.0.0.1\nlocal 10.0.0.2\n", "local|calls from one address"},
    {"dev tap\nclient\nremote a\n" CERTS, "W:remote-cert-tls: missing|can pose as the server"},
    {"dev tap\nclient\nremote a\nns-cert-type server\n" CERTS, NULL},
    {"dev tap\nclient\nremote a\nremote-cert-eku serverAuth\n" CERTS, NULL},
    {"dev tap\nclient\nremote a\nremote-cert-ku\n" CERTS, NULL},
};

static void cross_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *words = cases[i].words;
        bool warning = words && strncmp(words, "W:", 2) == 0;
        struct dbr_config cfg;
        struct collect c;
        parse_into(&cfg, &c, cases[i].text);
        int rc = c.errors ? 0 : dbr_config_finish(&cfg, &c.diag);
        bool good = !words    ? rc == 0 && c.n == 0
                    : warning ? rc == 0 && c.errors == 0 && collect_has(&c, words + 2)
                              : rc == DBR_ERR_CONFIG && collect_has(&c, words);
        if (!good) {
            print_error("case %zu, want %s, rc %d:\n%s", i, words, rc, cases[i].text);
            collect_print(&c);
        }
        assert_true(good);
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

/* A complaint names the file of its directive, which may be another one than that of the one before. */
static void the_right_file(void **state)
{
    static const char second[] = "\n\nauth-gen-token 0 10\n";
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c, SERVER), 0);
    assert_int_equal(dbr_config_parse(&cfg, "second.conf", second, strlen(second), &c.diag), 0);
    assert_int_equal(dbr_config_finish(&cfg, &c.diag), DBR_ERR_CONFIG);
    assert_int_equal(c.n, 2);
    assert_true(collect_has(&c, "second.conf:3: auth-gen-token|nobody checks"));
    assert_true(collect_has(&c, "second.conf:3: auth-gen-token|hand-window"));
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void finished(struct dbr_config *cfg, struct collect *c, const char *text)
{
    assert_int_equal(parse_into(cfg, c, text), 0);
    if (dbr_config_finish(cfg, &c->diag) != 0)
        collect_print(c);
    assert_int_equal(c->errors, 0);
}

static void server_bridge_as_the_manual_has_it(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    finished(&cfg, &c,
             "dev tap\nserver-bridge 10.8.0.4 255.255.255.0 10.8.0.128 10.8.0.254\nkeepalive 10 60\n"
             "push \"dhcp-option DNS 10.8.0.1\"\n" CERTS);
    assert_int_equal(cfg.role, DBR_CONF_ROLE_SERVER);
    assert_int_equal(cfg.mode, DBR_MODE_SERVER);
    assert_true(cfg.tls_server);
    assert_int_equal(cfg.ifconfig_pool.start, 0x0a080080);
    assert_int_equal(cfg.ifconfig_pool.end, 0x0a0800fe);
    assert_int_equal(cfg.ifconfig_pool.netmask, 0xffffff00);
    assert_int_equal(cfg.ifconfig.local, 0);
    assert_int_equal(cfg.push.n, 4);
    assert_string_equal(cfg.push.v[0], "dhcp-option DNS 10.8.0.1");
    assert_string_equal(cfg.push.v[1], "route-gateway 10.8.0.4");
    assert_string_equal(cfg.push.v[2], "ping 10");
    assert_string_equal(cfg.push.v[3], "ping-restart 60");
    assert_int_equal(cfg.ping, 10);
    assert_int_equal(cfg.ping_restart, 120);
    assert_int_equal(cfg.reneg_sec_min, 3240);
    assert_int_equal(dbr_config_finish(&cfg, &c.diag), 0); /* a second time changes nothing */
    assert_int_equal(cfg.push.n, 4);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void server_bridge_by_dhcp_and_nogw(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    finished(&cfg, &c, "dev tap\nserver-bridge\n" CERTS);
    assert_int_equal(cfg.server_bridge.shape, DBR_SERVER_BRIDGE_DHCP);
    assert_int_equal(cfg.push.n, 1);
    assert_string_equal(cfg.push.v[0], "route-gateway dhcp");
    assert_int_equal(cfg.ifconfig_pool.end, 0);
    collect_fini(&c);
    dbr_config_free(&cfg);
    finished(&cfg, &c, "dev tap\nserver-bridge nogw\n" CERTS);
    assert_int_equal(cfg.server_bridge.shape, DBR_SERVER_BRIDGE_NOGW);
    assert_int_equal(cfg.role, DBR_CONF_ROLE_SERVER);
    assert_int_equal(cfg.push.n, 0);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

/* mssfix without a number is that of fragment. */
static void fragment_sets_mssfix(void **state)
{
    static const struct {
        const char *lines;
        enum dbr_mssfix kind;
        int size;
    } rows[] = {
        {"", DBR_MSSFIX_DEFAULT, 1492},
        {"fragment 1300\n", DBR_MSSFIX_UDP, 1300},
        {"fragment 1300 mtu\n", DBR_MSSFIX_MTU, 1300},
        {"fragment 1300\nmssfix\n", DBR_MSSFIX_UDP, 1300},
        {"fragment 1300 mtu\nmssfix 1200\n", DBR_MSSFIX_UDP, 1200},
        {"fragment 1300\nmssfix 0\n", DBR_MSSFIX_OFF, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        char text[512];
        snprintf(text, sizeof text, "dev tap\nserver-bridge nogw\n%s" CERTS, rows[i].lines);
        finished(&cfg, &c, text);
        assert_int_equal(cfg.mssfix.kind, rows[i].kind);
        assert_int_equal(cfg.mssfix.size, rows[i].size);
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

static void server_as_the_manual_has_it(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    finished(
        &cfg, &c,
        "dev tap\nserver 10.8.0.0 255.255.255.0\nserver-ipv6 fd00:77::/64\nmax-packet-size 1300\n" CERTS);
    assert_true(cfg.mssfix.kind == DBR_MSSFIX_MTU && cfg.mssfix.size == 1300);
    assert_true(cfg.ifconfig_ipv6.bits == 64 && cfg.ifconfig_ipv6.ip[0] == 0xfd &&
                cfg.ifconfig_ipv6.ip[15] == 1);
    assert_true(cfg.ifconfig_ipv6_pool.bits == 64 && cfg.ifconfig_ipv6_pool.ip[14] == 0x10);
    assert_int_equal(cfg.ifconfig_ipv6_pool.ip[15], 0);
    assert_int_equal(cfg.ifconfig.local, 0x0a080001);
    assert_int_equal(cfg.ifconfig.netmask, 0xffffff00);
    assert_int_equal(cfg.ifconfig_pool.start, 0x0a080002);
    assert_int_equal(cfg.ifconfig_pool.end, 0x0a0800fd);
    assert_int_equal(cfg.ifconfig_pool.netmask, 0xffffff00);
    assert_string_equal(cfg.push.v[0], "route-gateway 10.8.0.1");
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void client_as_the_manual_has_it(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    finished(&cfg, &c, CLIENT "keepalive 10 60\nport 1300\ntls-auth ta.key\nkey-direction 1\ncompress\n");
    assert_int_equal(cfg.role, DBR_CONF_ROLE_CLIENT);
    assert_true(cfg.pull && cfg.tls_client && !cfg.tls_server);
    assert_true(DBR_IS_SET(&cfg, pull));
    assert_int_equal(cfg.ping, 10);
    assert_int_equal(cfg.ping_restart, 60);
    assert_int_equal(cfg.push.n, 0);
    assert_int_equal(cfg.lport, 1300);
    assert_int_equal(cfg.rport, 1300);
    assert_int_equal(cfg.tls_auth.direction, 1);
    assert_int_equal(cfg.reneg_sec_min, 3600);
    collect_fini(&c);
    dbr_config_free(&cfg);
    finished(&cfg, &c,
             CLIENT "tls-auth ta.key 0\nkey-direction 1\nport 1300\nrport 1400\nreneg-sec 100 50\n");
    assert_int_equal(cfg.tls_auth.direction, 0); /* the line's own direction counts */
    assert_int_equal(cfg.rport, 1400);
    assert_int_equal(cfg.lport, 1300);
    assert_int_equal(cfg.ping_restart, 120); /* what OpenVPN takes while it pulls */
    assert_int_equal(cfg.reneg_sec_min, 50);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void connection_blocks(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    finished(&cfg, &c,
             CLIENT "rport 1200\n<connection>\nremote a 1195 udp4\nnobind\nconnect-timeout 9\n</connection>\n"
                    "<connection>\nremote b\nproto udp6\nport 1196\nlport 7\nexplicit-exit-notify\nfloat\n"
                    "</connection>\n");
    assert_int_equal(cfg.remote.n, 3);
    const struct dbr_conf_remote *v = cfg.remote.v;
    assert_string_equal(v[0].host, "vpn");
    assert_int_equal(v[0].port, 0);
    assert_int_equal(v[0].proto, -1);
    assert_int_equal(v[0].nobind, -1);
    assert_string_equal(v[1].host, "a");
    assert_int_equal(v[1].port, 1195);
    assert_int_equal(v[1].proto, DBR_CONF_PROTO_UDP4);
    assert_int_equal(v[1].nobind, 1);
    assert_int_equal(v[1].connect_timeout, 9);
    assert_int_equal(v[1].explicit_exit_notify, -1);
    assert_string_equal(v[2].host, "b");
    assert_int_equal(v[2].port, 1196);
    assert_int_equal(v[2].proto, DBR_CONF_PROTO_UDP6);
    assert_int_equal(v[2].lport, 7);
    assert_int_equal(v[2].explicit_exit_notify, 1);
    assert_int_equal(v[2].float_, 1);
    assert_int_equal(cfg.rport, 1200);
    assert_false(cfg.nobind);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

/* How the socket of a call is bound: its block, then what the file says for all. */
static void bindings(void **state)
{
    static const struct {
        const char *global, *block, *host;
        int port;
        bool v6only;
    } rows[] = {
        {"", "", NULL, 0, false},
        {"nobind\n", "", NULL, 0, false},
        {"port 1200\n", "", NULL, 0, false}, /* of both ends, but a client takes any own one */
        {"lport 1201\n", "", NULL, 1201, false},
        {"bind\n", "", NULL, 1194, false},
        {"bind ipv6only\nport 1200\n", "", NULL, 1200, true},
        {"local 10.0.0.1\n", "", "10.0.0.1", 0, false},
        {"local 10.0.0.1 7\n", "", "10.0.0.1", 7, false},
        {"nobind\nlocal 10.0.0.1 7\n", "", "10.0.0.1", 0, false},
        {"", "lport 7\n", NULL, 7, false},
        {"lport 1201\n", "lport 7\n", NULL, 7, false},
        {"lport 1201\n", "lport 0\n", NULL, 0, false},
        {"lport 1201\n", "nobind\n", NULL, 0, false},
        {"nobind\n", "lport 7\n", NULL, 7, false},
        {"nobind\n", "bind\n", NULL, 1194, false},
        {"nobind\n", "bind ipv6only\n", NULL, 1194, true},
        {"bind ipv6only\n", "bind\n", NULL, 1194, false},
        {"local 10.0.0.1\n", "local 10.0.0.2\n", "10.0.0.2", 0, false},
        {"nobind\n", "local 10.0.0.2 9\n", "10.0.0.2", 9, false},
        {"lport 1201\n", "local 10.0.0.2\n", "10.0.0.2", 1201, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        struct dbr_conf_binding b, other;
        char text[1024];
        snprintf(text, sizeof text, CLIENT "%s<connection>\nremote a\n%s</connection>\n", rows[i].global,
                 rows[i].block);
        finished(&cfg, &c, text);
        dbr_conf_binding(&b, &cfg, &cfg.remote.v[1]);
        dbr_conf_binding(&other, &cfg, &cfg.remote.v[0]);
        bool same_host = b.host && rows[i].host ? strcmp(b.host, rows[i].host) == 0 : b.host == rows[i].host;
        if (!same_host || b.port != rows[i].port || b.v6only != rows[i].v6only)
            fail_msg("row %zu: %s port %d", i, b.host ? b.host : "any", b.port);
        assert_true(dbr_conf_binding_same(&b, &b));
        if (!*rows[i].block)
            assert_true(dbr_conf_binding_same(&b, &other));
        other = b;
        other.port++;
        assert_false(dbr_conf_binding_same(&b, &other));
        other = b;
        other.host = "10.0.0.9";
        assert_false(dbr_conf_binding_same(&b, &other));
        other = b;
        other.proto++;
        assert_false(dbr_conf_binding_same(&b, &other));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

static const struct {
    const char *text, *words;
    int errors;
} blocks[] = {
    {"<connection>\nremote a\nnobind\nlport 5\n</connection>\n", "nobind does not go with lport", 1},
    {"<connection>\nremote a\nnobind\nbind\n</connection>\n", "nobind does not go with bind", 1},
    {"<connection>\nremote a\nlocal 10.0.0.1\nlocal 10.0.0.2\n</connection>\n", "one own address", 1},
    {"\n<connection>\nport 5\n</connection>\n", "t.conf:2: connection|needs one remote", 1},
    {"<connection>\nremote a\nremote b\n</connection>\n", "connection|needs one remote", 1},
    {"<connection>\nremote a\nverb x\n</connection>\n", "t.conf:3: verb|not inside <connection>", 1},
    {"<connection>\nremote a x\n</connection>\n", "t.conf:2: remote|no port", 1},
    {"<connection>\nremote a 1 tcp\n</connection>\n", "t.conf:1: connection|by TCP is left out", 0},
    {"<connection>\nremote a\nproto tcp-client\n</connection>\n", "connection|by TCP is left out", 0},
    {"<connection>\nremote a\n<connection>\nremote b\n</connection>\n</connection>\n", "connection", 2},
};

static void bad_connection_blocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        parse_into(&cfg, &c, blocks[i].text);
        if (c.errors != blocks[i].errors || !collect_has(&c, blocks[i].words))
            collect_print(&c);
        assert_int_equal(c.errors, blocks[i].errors);
        assert_true(collect_has(&c, blocks[i].words));
        assert_int_equal(cfg.remote.n, 0);
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

/* What a block may have, but not for one server alone, is not passed over in silence. */
static void rest_of_connection_blocks(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    parse_into(&cfg, &c, "<connection>\nremote a\nmssfix 1300\nconnect-retry 3\n</connection>\n");
    assert_int_equal(c.errors, 0);
    assert_true(collect_has(&c, "connection|`mssfix` has no effect inside"));
    assert_true(collect_has(&c, "connection|`connect-retry` has no effect inside"));
    assert_false(collect_has(&c, "inner-mtu"));
    assert_int_equal(cfg.remote.n, 1);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void too_many_remotes(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    char text[4096];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 65; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "remote h%d\n", i);
    assert_int_equal(parse_into(&cfg, &c, text), DBR_ERR_CONFIG);
    assert_int_equal(c.errors, 1);
    assert_true(collect_has(&c, "t.conf:65: remote|64 at most"));
    assert_int_equal(cfg.remote.n, 64);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

/* What nobody pushes is decided here: who is alone with his peer, his fallback, his keepalive, his port kind.
 */
static void alone(void **state)
{
    static const struct {
        const char *text;
        bool p2p;
        int port_kind;
        const char *fallback;
        int ping_restart;
        size_t pushes;
    } shapes[] = {
        {P2P "cipher AES-256-CBC\nkeepalive 10 60\n", true, DBR_PORT_KIND_SITE, "AES-256-CBC", 60, 0},
        {P2P "cipher AES-256-CBC\ndata-ciphers-fallback AES-128-CBC\n", true, DBR_PORT_KIND_SITE,
         "AES-128-CBC", 0, 0},
        {P2P "port-kind laptop\n", true, DBR_PORT_KIND_LAPTOP, NULL, 0, 0},
        {SERVER "cipher AES-256-GCM\nkeepalive 10 60\n", false, DBR_PORT_KIND_LAPTOP, NULL, 120, 3},
        {"dev tap\ntls-client\nremote vpn\ncipher AES-128-CBC\n" CERTS, true, DBR_PORT_KIND_LAPTOP,
         "AES-128-CBC", 0, 0},
        {CLIENT "cipher AES-128-GCM\n", false, DBR_PORT_KIND_LAPTOP, NULL, 120, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        parse_into(&cfg, &c, shapes[i].text);
        assert_int_equal(dbr_config_finish(&cfg, &c.diag), 0);
        assert_int_equal(cfg.p2p, shapes[i].p2p);
        assert_int_equal(cfg.port_kind, shapes[i].port_kind);
        assert_int_equal(cfg.ping_restart, shapes[i].ping_restart);
        assert_int_equal(cfg.push.n, shapes[i].pushes);
        if (shapes[i].fallback)
            assert_string_equal(cfg.data_ciphers_fallback, shapes[i].fallback);
        else
            assert_null(cfg.data_ciphers_fallback);
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_checks),
        cmocka_unit_test(the_right_file),
        cmocka_unit_test(alone),
        cmocka_unit_test(server_bridge_as_the_manual_has_it),
        cmocka_unit_test(server_bridge_by_dhcp_and_nogw),
        cmocka_unit_test(fragment_sets_mssfix),
        cmocka_unit_test(server_as_the_manual_has_it),
        cmocka_unit_test(client_as_the_manual_has_it),
        cmocka_unit_test(connection_blocks),
        cmocka_unit_test(bindings),
        cmocka_unit_test(bad_connection_blocks),
        cmocka_unit_test(rest_of_connection_blocks),
        cmocka_unit_test(too_many_remotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
