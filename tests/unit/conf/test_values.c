/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values of the composite directives: what is written, what the dump shows of it; or a part of the complaint.
 */
#include "collect.h"

/* dump: the line of --show-config; NULL: refused, and words are in the complaint. */
#define HALF   "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA"
#define PRINT  HALF ":" HALF
#define DIGITS "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text, *dump, *words;
} values[] = {
    {"status /run/s 10", "status /run/s 10", NULL},
    {"status /run/s", "status /run/s 60", NULL},
    {"status /run/s x", NULL, "whole number"},
    {"status \"\"", NULL, "empty"},
    {"daemon", "daemon", NULL},
    {"daemon ovpn-x", "daemon ovpn-x", NULL},
    {"status-version", "status-version 1", NULL},
    {"status-version 3", "status-version 3", NULL},
    {"explicit-exit-notify", "explicit-exit-notify 1", NULL},
    {"explicit-exit-notify 2", "explicit-exit-notify 2", NULL},
    {"user \"\"", NULL, "empty"},
    {"up \"/etc/up.sh br0\"", "up \"/etc/up.sh br0\"", NULL},
    {"setenv A_1 x", "setenv A_1 [hidden]", NULL},
    {"setenv A", "setenv A", NULL},
    {"setenv 1A x", NULL, "no name of a variable"},
    {"setenv A-B x", NULL, "no name of a variable"},
    {"setenv \"\" x", NULL, "no name of a variable"},

    {"dev tap0", "dev tap0", NULL},
    {"dev a-name-too-long-x", NULL, "interface name"},
    {"dev ../x", NULL, "interface name"},
    {"dev \"a b\"", NULL, "interface name"},
    {"dev ..", NULL, "interface name"},
    {"dev fifteen-chars-1", "dev fifteen-chars-1", NULL},
    {"dev sixteen-chars-12", NULL, "interface name"},
    {"bridge br0 eth0 eth1.5", "bridge br0 eth0 eth1.5", NULL},
    {"bridge br0", "bridge br0", NULL},
    {"bridge br0 br0", NULL, "port of itself"},
    {"bridge br0 a/b", NULL, "interface name"},
    {"bridge", NULL, "too few"},
    {"lladdr 02:00:00:00:00:aF", "lladdr 02:00:00:00:00:af", NULL},
    {"lladdr 01:00:00:00:00:01", NULL, "group address"},
    {"lladdr 00:00:00:00:00:00", NULL, "zero address"},
    {"lladdr 02:00:00:00:00", NULL, "no MAC"},
    {"lladdr 02:00:00:00:00:001", NULL, "no MAC"},
    {"lladdr 02-00-00-00-00-01", NULL, "no MAC"},
    {"lladdr 02:00:00:00:00:0g", NULL, "no MAC"},
    {"tun-mtu 1400", "tun-mtu 1400", NULL},
    {"tun-mtu 1400 1532", "tun-mtu 1400 1532", NULL},
    {"tun-mtu 99", NULL, "from 100 to 65535"},
    {"ifconfig 10.1.0.4 255.255.0.0", "ifconfig 10.1.0.4 255.255.0.0", NULL},
    {"ifconfig 10.1.0.4 255.0.255.0", NULL, "no netmask"},
    {"ifconfig 10.1.0.4 0.0.0.0", NULL, "no netmask"},
    {"ifconfig 10.1.0.0 255.255.0.0", NULL, "network or the broadcast"},
    {"ifconfig 10.1.255.255 255.255.0.0", NULL, "network or the broadcast"},
    {"ifconfig 10.1.0.4 255.255.255.255", "ifconfig 10.1.0.4 255.255.255.255", NULL},
    {"ifconfig 10.1.0 255.255.0.0", NULL, "no IPv4"},
    {"ifconfig 10.1.0.256 255.255.0.0", NULL, "no IPv4"},
    {"ifconfig 10.1.0.1.1 255.255.0.0", NULL, "no IPv4"},
    {"ifconfig 10.1.0.0001 255.255.0.0", NULL, "no IPv4"},
    {"ifconfig 10.1..1 255.255.0.0", NULL, "no IPv4"},
    {"source-guard off", "source-guard off", NULL},
    {"source-guard maybe", NULL, "on|off"},
    {"loop-guard off", "loop-guard off", NULL},

    {"port 0", NULL, "from 1"},
    {"lport 0", "lport 0", NULL},
    {"proto udp6", "proto udp6", NULL},
    {"proto sctp", NULL, "udp|udp4|udp6"},
    {"local 192.0.2.1", "local 192.0.2.1", NULL},
    {"local 192.0.2.1 1195 udp4", "local 192.0.2.1 1195 udp4", NULL},
    {"local 192.0.2.1 0", NULL, "no port"},
    {"local 192.0.2.1 65536", NULL, "no port"},
    {"local \"\"", NULL, "host is empty"},
    {"mark 0x10", "mark 16", NULL},
    {"mark 4294967296", NULL, "out of range"},
    {"mssfix", "mssfix 1492 mtu", NULL},
    {"mssfix 0", "mssfix 0", NULL},
    {"mssfix 1400", "mssfix 1400", NULL},
    {"mssfix 1400 mtu", "mssfix 1400 mtu", NULL},
    {"mssfix 1400 fixed", "mssfix 1400 fixed", NULL},
    {"mssfix 1400 x", NULL, "mtu|fixed"},
    {"mssfix 67", NULL, "at least 68"},
    {"fragment 68", "fragment 68", NULL},
    {"fragment 1400 mtu", "fragment 1400 mtu", NULL},
    {"fragment 1400 fixed", NULL, "mtu"},
    {"fragment 67", NULL, "out of range"},
    {"fragment 65536", NULL, "out of range"},
    {"fragment x", NULL, "number"},
    {"fragment", NULL, "fragment"},
    {"mssfix 65536", NULL, "out of range"},
    {"aead-library openssl", "aead-library openssl", NULL},
    {"aead-library rot13", NULL, "auto|openssl"},
    {"inner-mtu auto", "inner-mtu auto", NULL},
    {"inner-mtu off", "inner-mtu off", NULL},
    {"inner-mtu 576", "inner-mtu 576", NULL},
    {"inner-mtu 65535", "inner-mtu 65535", NULL},
    {"inner-mtu 575", NULL, "out of range"},
    {"inner-mtu 65536", NULL, "out of range"},
    {"inner-mtu 0", NULL, "out of range"},
    {"inner-mtu none", NULL, "inner-mtu"},

    {"server-bridge", "server-bridge", NULL},
    {"server-bridge \"\"", "server-bridge", NULL},
    {"server-bridge nogw", "server-bridge nogw", NULL},
    {"server-bridge 10.8.0.4 255.255.255.0 10.8.0.128 10.8.0.254",
     "server-bridge 10.8.0.4 255.255.255.0 10.8.0.128 10.8.0.254", NULL},
    {"server-bridge 10.8.0.4", NULL, "four addresses"},
    {"server-bridge 10.8.0.4 255.255.255.0 10.8.0.128", NULL, "four addresses"},
    {"server-bridge 10.8.0.4 255.255.255.0 10.8.0.254 10.8.0.128", NULL, "swap"},
    {"server-bridge 10.8.0.4 255.255.255.0 10.8.1.1 10.8.1.9", NULL, "different nets"},
    {"server-bridge 10.8.0.4 255.255.255.0 10.8.0.9 10.8.1.9", NULL, "different nets"},
    {"server-bridge 10.8.0.4 255.255.255.0 10.8.0.4 10.8.0.9", NULL, "in the pool"},
    {"server-bridge 10.8.0.4 255.255.255.0 10.8.0.2 10.8.0.4", NULL, "in the pool"},
    {"server-bridge 10.0.0.1 255.0.0.0 10.1.0.0 10.1.255.255",
     "server-bridge 10.0.0.1 255.0.0.0 10.1.0.0 10.1.255.255", NULL},
    {"server-bridge 10.0.0.1 255.0.0.0 10.1.0.0 10.2.0.0", NULL, "more than 65536"},
    {"server 10.8.0.0 255.255.255.0", "server 10.8.0.0 255.255.255.0", NULL},
    {"server 10.8.0.0 255.255.255.0 nopool", "server 10.8.0.0 255.255.255.0 nopool", NULL},
    {"server 10.8.0.1 255.255.255.0", NULL, "bits outside"},
    {"server 10.8.0.0 255.255.255.252", NULL, "from 8 to 65536"},
    {"server 10.8.0.0 255.255.255.248", "server 10.8.0.0 255.255.255.248", NULL},
    {"server 10.0.0.0 255.0.0.0", NULL, "from 8 to 65536"},
    {"ifconfig-pool 10.8.0.4 10.8.0.9 255.255.255.0", "ifconfig-pool 10.8.0.4 10.8.0.9 255.255.255.0", NULL},
    {"ifconfig-pool 10.8.0.9 10.8.0.4", NULL, "swap"},
    {"push \"route 10.0.0.0 255.0.0.0\"", "push \"route 10.0.0.0 255.0.0.0\"", NULL},
    {"push \"a,b\"", NULL, "comma"},
    {"push \"\"", NULL, "empty"},
    {"push route 10.0.0.0", NULL, "write: push \"OPTION\""},
    {"push \"dhcp-option\x01\"", NULL, "control characters"},
    {"connect-freq 5 10", "connect-freq 5 10", NULL},
    {"connect-freq 5", NULL, "too few"},
    {"connect-freq 0 10", NULL, "out of range"},
    {"control-socket /run/d.sock", "control-socket /run/d.sock", NULL},
    {"metrics 127.0.0.1:9176", "metrics 127.0.0.1:9176", NULL},
    {"metrics [::1]:9176", "metrics [::1]:9176", NULL},
    {"metrics ::1:9176", NULL, "brackets"},
    {"metrics 9176", NULL, "no address"},
    {"metrics :9176", NULL, "no address"},
    {"metrics 127.0.0.1:0", NULL, "no port"},
    {"metrics [::1]", NULL, "no port"},

    {"remote vpn.example.org", "remote vpn.example.org", NULL},
    {"remote vpn.example.org 443 udp6", "remote vpn.example.org 443 udp6", NULL},
    {"remote vpn.example.org 1194 sctp", NULL, "udp|udp4|udp6"},
    {"remote vpn.example.org http", NULL, "no port"},
    {"resolv-retry infinite", "resolv-retry 2147483647", NULL},
    {"resolv-retry 30", "resolv-retry 30", NULL},
    {"connect-retry 5", "connect-retry 5 300", NULL},
    {"connect-timeout 7", "server-poll-timeout 7", NULL},
    {"server-poll-timeout 8", "server-poll-timeout 8", NULL},
    {"connect-timeout 0", NULL, "server-poll-timeout|out of range"},
    {"pull-filter ignore \"dhcp-option DNS\"", "pull-filter ignore \"dhcp-option DNS\"", NULL},
    {"pull-filter drop x", NULL, "accept|ignore|reject"},
    {"redirect-gateway def1", "redirect-gateway def1", NULL},
    {"askpass", "askpass", NULL},
    {"bind ipv6only", "bind ipv6only", NULL},

    {"keepalive 10 60", "keepalive 10 60", NULL},
    {"keepalive 10 20", "keepalive 10 20", NULL},
    {"keepalive 10 19", NULL, "twice|keepalive 10 60"},
    {"keepalive 0 60", NULL, "out of range"},
    {"keepalive 10", NULL, "too few"},
    {"inactive 60", "inactive 60", NULL},
    {"inactive 60 5000000000", "inactive 60 5000000000", NULL},
    {"inactive 5000000000", NULL, "out of range"},

    {"tls-auth ta.key 1", "tls-auth ta.key 1", NULL},
    {"tls-auth ta.key", "tls-auth ta.key", NULL},
    {"tls-auth ta.key 2", NULL, "from 0 to 1"},
    {"key-direction 1", "key-direction 1", NULL},
    {"key-direction 2", NULL, "0|1"},
    {"tls-version-min 1.3", "tls-version-min 1.3", NULL},
    {"tls-version-min 1.4", NULL, "no TLS version"},
    {"tls-version-min 1.4 or-highest", "tls-version-min 1.3", NULL},
    {"tls-version-min 1.2 or-highest", "tls-version-min 1.2", NULL},
    {"tls-version-min 1.2 x", NULL, "or-highest"},
    {"tls-version-min 1.22", NULL, "no TLS version"},
    {"reneg-sec 60", "reneg-sec 60", NULL},
    {"reneg-sec 60 30", "reneg-sec 60 30", NULL},
    {"reneg-sec 30 60", NULL, "no range"},
    {"replay-window 128", "replay-window 128 15", NULL},
    {"replay-window 0 0", "replay-window 0 0", NULL},
    {"replay-window 65537", NULL, "out of range"},

    {"ca ca.crt", "ca ca.crt", NULL},
    {"ca \"\"", NULL, "empty"},
    {"dh none", "dh none", NULL},
    {"dh dh.pem", "dh dh.pem", NULL},
    {"crl-verify crl.pem", "crl-verify crl.pem", NULL},
    {"crl-verify crls dir", "crl-verify crls dir", NULL},
    {"crl-verify crls x", NULL, "dir"},
    {"crl-url http://ca/crl", "crl-url http://ca/crl 3600", NULL},
    {"crl-url http://ca/crl 60", "crl-url http://ca/crl 60", NULL},
    {"crl-stale grace 60", "crl-stale grace 60", NULL},
    {"crl-stale grace", NULL, "only grace takes SECONDS"},
    {"crl-stale keep", "crl-stale keep", NULL},
    {"crl-stale keep 5", NULL, "only grace takes SECONDS"},
    {"ocsp aia hard", "ocsp aia hard", NULL},
    {"ocsp http://ocsp", "ocsp http://ocsp soft", NULL},
    {"ocsp ldap://ocsp", NULL, "no URL"},
    {"peer-fingerprint " PRINT, "peer-fingerprint " DIGITS, NULL},
    {"peer-fingerprint " DIGITS, "peer-fingerprint " DIGITS, NULL},
    {"peer-fingerprint aa:bb", NULL, "no SHA-256 fingerprint: it has 64 hex digits"},
    {"peer-fingerprint " PRINT ":AA", NULL, "no SHA-256 fingerprint"},
    {"peer-fingerprint :" PRINT, NULL, "no SHA-256 fingerprint"},
    {"peer-fingerprint ca.crt", NULL, "openssl x509"},
    {"<peer-fingerprint>\n# a\n\n  " PRINT "  \n;" PRINT "\n</peer-fingerprint>", "peer-fingerprint " DIGITS,
     NULL},
    {"<peer-fingerprint>\nalice\n</peer-fingerprint>", NULL, "no SHA-256 fingerprint"},
    {"verify-hash " PRINT, "verify-hash " DIGITS, NULL},
    {"verify-hash " PRINT " SHA256", "verify-hash " DIGITS, NULL},
    {"verify-hash " PRINT " SHA1", NULL, "SHA-1 can be forged"},
    {"x509-username-field CN serialNumber", "x509-username-field CN serialNumber", NULL},
    {"x509-username-field ou", "x509-username-field OU", NULL},
    {"x509-username-field ext:subjectAltName", "x509-username-field ext:subjectAltName", NULL},
    {"x509-username-field \"\"", NULL, "is no field"},
    {"tls-cert-profile legacy", "tls-cert-profile legacy", NULL},
    {"tls-crypt-v2 s.key", "tls-crypt-v2 s.key", NULL},
    {"tls-crypt-v2 s.key force-cookie", "tls-crypt-v2 s.key", NULL},
    {"tls-crypt-v2 s.key allow-noncookie", "tls-crypt-v2 s.key allow-noncookie", NULL},
    {"tls-crypt-v2 s.key sometimes", NULL, "force-cookie"},
    {"remote-cert-tls server", "remote-cert-tls server", NULL},
    {"remote-cert-ku a0 88", "remote-cert-ku a0 88", NULL},
    {"remote-cert-ku", "remote-cert-ku", NULL},
    {"remote-cert-ku a0\nremote-cert-ku 88", "remote-cert-ku 88", NULL},
    {"remote-cert-ku xx", NULL, "no key usage"},
    {"remote-cert-ku 12345", NULL, "no key usage"},
    {"verify-x509-name \"C=FR, CN=vpn\"", "verify-x509-name \"C=FR, CN=vpn\" subject", NULL},
    {"verify-x509-name vpn name", "verify-x509-name vpn name", NULL},
    {"verify-x509-name vpn- name-prefix", "verify-x509-name vpn- name-prefix", NULL},
    {"verify-x509-name \"\" name-prefix", NULL, "every certificate would fit"},
    {"verify-client-cert require", "verify-client-cert require", NULL},

    {"data-ciphers aes-128-gcm:CHACHA20-POLY1305", "data-ciphers AES-128-GCM:CHACHA20-POLY1305", NULL},
    {"ncp-ciphers AES-128-GCM", "data-ciphers AES-128-GCM", NULL},
    {"data-ciphers DEFAULT", "data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305", NULL},
    {"data-ciphers aes-256-cbc:AES-128-CBC", "data-ciphers AES-256-CBC:AES-128-CBC", NULL},
    {"data-ciphers :", NULL, "not known"},
    {"data-ciphers \"\"", NULL, "no cipher is left"},
    {"data-ciphers ROT13", NULL, "not known"},
    {"data-ciphers-fallback AES-192-CBC", "data-ciphers-fallback AES-192-CBC", NULL},
    {"data-ciphers-fallback AES-256-GCM", "data-ciphers-fallback AES-256-GCM", NULL},
    {"cipher AES-256-GCM", "cipher AES-256-GCM", NULL},
    {"cipher ROT13", NULL, "not known"},
    {"auth sha256", "auth SHA256", NULL},
    {"auth RSA-SHA512", "auth SHA512", NULL},
    {"auth none", "auth none", NULL},
    {"auth MD4", NULL, "broken"},
    {"auth FOO", NULL, "not known"},
    {"comp-lzo", "comp-lzo no", NULL},
    {"comp-lzo adaptive", "comp-lzo no", NULL},
    {"comp-lzo maybe", NULL, "not one of its words"},
    {"compress", "compress stub", NULL},
    {"compress stub-v2", "compress stub-v2", NULL},
    {"compress migrate", "compress migrate", NULL},
    {"compress lzo", "compress lzo", NULL},
    {"compress yes", NULL, "not one of its words"},
    {"allow-compression", "allow-compression asym", NULL},
    {"allow-compression no", "allow-compression no", NULL},
};

static void check_value(size_t i)
{
    struct dbr_config cfg;
    struct collect c;
    char keyword[64];
    int rc = parse_into(&cfg, &c, values[i].text);
    if (!values[i].dump) {
        if (rc != DBR_ERR_CONFIG || c.errors != 1 || !collect_has(&c, values[i].words)) {
            print_error("%s\n", values[i].text);
            collect_print(&c);
        }
        assert_int_equal(rc, DBR_ERR_CONFIG);
        assert_int_equal(c.errors, 1);
        assert_true(collect_has(&c, values[i].words));
    } else {
        snprintf(keyword, sizeof keyword, "%.*s", (int)strcspn(values[i].dump, " "), values[i].dump);
        if (rc != 0) {
            print_error("%s\n", values[i].text);
            collect_print(&c);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(c.n, 0);
        assert_string_equal(dumped(&cfg, keyword), values[i].dump);
    }
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void values_are_taken_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check_value(i);
}

/* Accepted, but with a word of warning. */
static const struct {
    const char *text, *words;
} warned[] = {
    {"allow-compression yes", "allow-compression|asym"},
    {"data-ciphers AES-256-GCM:?FUTURE", "FUTURE is left out"},
    {"push \"user nobody\"", "clients do not take user"},
    {"remote a 443 tcp\nremote b", "by TCP is left out"},
    {"ca a\nca b", "given twice, first in line 1"},
    {"setenv opt future-thing 1", "future-thing: not known; ignored"},
    {"setenv FORWARD_COMPATIBLE 1\nfuture-thing", "future-thing: not known; ignored"},
    {"ignore-unknown-option x future-thing\nfuture-thing a b", "future-thing: not known; ignored"},
    {"ignore-unknown-option ech\n<ech>\nx\n</ech>", "ech: not known; ignored"},
};

static void some_values_are_warned_about(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof warned / sizeof warned[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        assert_int_equal(parse_into(&cfg, &c, warned[i].text), 0);
        if (!collect_has(&c, warned[i].words))
            collect_print(&c);
        assert_int_equal(c.warnings, 1);
        assert_true(collect_has(&c, warned[i].words));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

static void the_soft_ways_end_with_their_line(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c, "setenv opt future-thing\nfuture-thing\n"), DBR_ERR_CONFIG);
    assert_int_equal(c.errors, 1);
    assert_true(collect_has(&c, "t.conf:2: future-thing"));
    collect_fini(&c);
    dbr_config_free(&cfg);
    assert_int_equal(parse_into(&cfg, &c, "setenv opt verb 9\nsetenv opt verb x\n"), DBR_ERR_CONFIG);
    assert_int_equal(cfg.verb, 9);
    assert_int_equal(c.errors, 1);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void defaults_are_openvpns(void **state)
{
    struct dbr_config cfg;
    (void)state;
    assert_int_equal(dbr_config_init(&cfg), 0);
    assert_int_equal(cfg.port, 1194);
    assert_int_equal(cfg.verb, 1);
    assert_int_equal(cfg.max_clients, 1024);
    assert_int_equal(cfg.reneg_sec, 3600);
    assert_int_equal(cfg.hand_window, 60);
    assert_int_equal(cfg.tran_window, 3600);
    assert_int_equal(cfg.tls_timeout, 2);
    assert_int_equal(cfg.replay_window.n, 4096);
    assert_int_equal(cfg.replay_window.secs, 15);
    assert_int_equal(cfg.connect_freq_initial.n, 100);
    assert_int_equal(cfg.connect_freq_initial.secs, 10);
    assert_int_equal(cfg.tun_mtu, 1500);
    assert_int_equal(cfg.mssfix.kind, DBR_MSSFIX_DEFAULT);
    assert_int_equal(cfg.mssfix.size, 1492);
    assert_int_equal(cfg.script_security, 1);
    assert_int_equal(cfg.tls_version_min, DBR_TLS_1_2);
    assert_int_equal(cfg.tls_version_max, 0);
    assert_int_equal(cfg.mode, DBR_MODE_P2P);
    assert_int_equal(cfg.dev_type, -1);
    assert_int_equal(cfg.key_direction, -1);
    assert_int_equal(cfg.tls_auth.direction, -1);
    assert_int_equal(cfg.remote_cert_tls, -1);
    assert_int_equal(cfg.peer_id, -1);
    assert_int_equal(cfg.status.secs, 60);
    assert_int_equal(cfg.crl_url.secs, 3600);
    assert_int_equal(cfg.allow_compression, DBR_ALLOW_COMP_ASYM);
    assert_int_equal(cfg.port_kind, DBR_PORT_KIND_LAPTOP);
    assert_true(cfg.source_guard);
    assert_true(cfg.loop_guard);
    assert_string_equal(cfg.auth, "SHA1");
    assert_int_equal(cfg.data_ciphers.n, 3);
    assert_string_equal(cfg.data_ciphers.v[0], "AES-256-GCM");
    assert_null(cfg.cipher);
    assert_false(DBR_IS_SET(&cfg, port));
    dbr_config_free(&cfg);
    dbr_config_free(&cfg);
}

static void the_last_one_counts(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    unsigned line;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c,
                                "verb 3\nverb 4\nuser a\nuser b\ndata-ciphers AES-256-GCM\n"
                                "data-ciphers AES-128-GCM\nmax-clients x\n"),
                     DBR_ERR_CONFIG);
    assert_int_equal(cfg.verb, 4);
    assert_string_equal(cfg.user, "b");
    assert_int_equal(cfg.data_ciphers.n, 1);
    assert_string_equal(cfg.data_ciphers.v[0], "AES-128-GCM");
    assert_int_equal(cfg.max_clients, 1024); /* a bad value leaves the old one */
    assert_string_equal(dbr_config_where(&cfg, DBR_D_verb, &line), "t.conf");
    assert_int_equal(line, 2);
    assert_string_equal(dbr_config_where(&cfg, DBR_D_max_clients, &line), "");
    assert_int_equal(line, 0);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void blocks_are_kept_and_never_shown(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c,
                                "<key>\r\n-----BEGIN\r\nSECRET\r\n</key>\r\n<tls-auth>\nHUSH\n</tls-auth>\n"
                                "key-direction 1\nca [inline]\n<ca>\nA\n</ca>\nsetenv TOKEN PASSWORD\n"),
                     0);
    assert_int_equal(c.n, 0);
    assert_string_equal(cfg.key.text, "-----BEGIN\nSECRET\n");
    assert_int_equal(cfg.key.len, strlen(cfg.key.text));
    assert_null(cfg.key.path);
    assert_int_equal(cfg.key.line, 1);
    assert_string_equal(cfg.tls_auth.text, "HUSH\n");
    assert_string_equal(cfg.ca.text, "A\n");
    assert_null(cfg.ca.path);
    struct dump d = {0};
    dbr_config_show(&cfg, dump_line, &d);
    assert_non_null(strstr(d.text, "key [inline]"));
    assert_null(strstr(d.text, "SECRET"));
    assert_null(strstr(d.text, "HUSH"));
    assert_null(strstr(d.text, "PASSWORD"));
    collect_fini(&c);
    dbr_config_free(&cfg);
    assert_null(cfg.key.text);
}

static void empty_and_double_blocks(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c, "<ca>\n</ca>\n"), DBR_ERR_CONFIG);
    assert_true(collect_has(&c, "t.conf:1: ca|empty"));
    collect_fini(&c);
    dbr_config_free(&cfg);
    assert_int_equal(parse_into(&cfg, &c, "<ca>\nA\n</ca>\n<ca>\nB\n</ca>\n"), 0);
    assert_true(collect_has(&c, "t.conf:4: ca|given twice, first in line 1"));
    assert_string_equal(cfg.ca.text, "B\n");
    collect_fini(&c);
    dbr_config_free(&cfg);
}

/* What is dumped can be read again and gives the same dump. */
static void dumps_can_be_read_again(void **state)
{
    static struct dump first, second;
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        if (!values[i].dump)
            continue;
        first.len = second.len = 0;
        assert_int_equal(parse_into(&cfg, &c, values[i].text), 0);
        dbr_config_show(&cfg, dump_line, &first);
        dbr_config_free(&cfg);
        collect_fini(&c);
        if (parse_into(&cfg, &c, first.text) != 0)
            collect_print(&c);
        assert_int_equal(c.errors, 0);
        dbr_config_show(&cfg, dump_line, &second);
        assert_string_equal(first.text, second.text);
        dbr_config_free(&cfg);
        collect_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_or_refused),
        cmocka_unit_test(some_values_are_warned_about),
        cmocka_unit_test(the_soft_ways_end_with_their_line),
        cmocka_unit_test(defaults_are_openvpns),
        cmocka_unit_test(the_last_one_counts),
        cmocka_unit_test(blocks_are_kept_and_never_shown),
        cmocka_unit_test(empty_and_double_blocks),
        cmocka_unit_test(dumps_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
