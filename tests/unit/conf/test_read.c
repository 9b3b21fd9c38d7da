/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What may be read and how: the command line, included files, clients' files, pushed options, and texts that
 * are no configuration at all.
 */
#include "collect.h"

#include "conf/lex.h"

/* ---- files by name ---- */

static const struct {
    const char *name, *text;
} files[] = {
    {"a.conf", "verb 3\nconfig b.conf\nmute 7\n"},
    {"b.conf", "verb 5\nbad-word\n"},
    {"loop.conf", "config loop.conf\n"},
    {"twice.conf", "config twice2.conf\nconfig twice2.conf\n"},
    {"twice2.conf", "config twice.conf\nconfig twice.conf\n"},
    {"/etc/v/c.conf", "verb 6\n"},
};

static int read_file(void *arg, const char *path, char **text, size_t *len)
{
    (void)arg;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(files[i].name, path) != 0)
            continue;
        *text = strdup(files[i].text);
        *len = strlen(*text);
        return 0;
    }
    return DBR_ERR_NOTFOUND;
}

static int parse_with_files(struct dbr_config *cfg, struct collect *c, const char *text)
{
    collect_init(c);
    c->diag.read = read_file;
    assert_int_equal(dbr_config_init(cfg), 0);
    return dbr_config_parse(cfg, "t.conf", text, strlen(text), &c->diag);
}

static void files_include_files(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    unsigned line;
    (void)state;
    assert_int_equal(parse_with_files(&cfg, &c, "config a.conf\nbad-too\n"), DBR_ERR_CONFIG);
    assert_int_equal(c.errors, 2);
    assert_true(collect_has(&c, "b.conf:2: bad-word"));
    assert_true(collect_has(&c, "t.conf:2: bad-too"));
    assert_int_equal(cfg.verb, 5);
    assert_int_equal(cfg.mute, 7);
    assert_string_equal(dbr_config_where(&cfg, DBR_D_verb, &line), "b.conf");
    assert_int_equal(line, 1);
    assert_string_equal(dbr_config_where(&cfg, DBR_D_mute, &line), "a.conf");
    assert_int_equal(line, 3);
    assert_int_equal(cfg.files.n, 3);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void relative_files_follow_cd(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_with_files(&cfg, &c, "cd /etc/v\nconfig c.conf\n"), 0);
    assert_int_equal(cfg.verb, 6);
    dbr_config_free(&cfg);
    assert_int_equal(parse_with_files(&cfg, &c, "cd /else\nconfig /etc/v/c.conf\n"), 0);
    assert_int_equal(cfg.verb, 6);
    dbr_config_free(&cfg);
}

static const struct {
    const char *text, *words;
    int errors;
} bad_includes[] = {
    {"config none.conf\n", "t.conf:1: config|none.conf cannot be read|check the name", 1},
    {"config loop.conf\n", "config|break the circle", 1},
    {"config\n", "config|write: config FILE", 1},
};

static void bad_includes_are_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_includes / sizeof bad_includes[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        assert_int_equal(parse_with_files(&cfg, &c, bad_includes[i].text), DBR_ERR_CONFIG);
        assert_int_equal(c.errors, bad_includes[i].errors);
        assert_true(collect_has(&c, bad_includes[i].words));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

/* Two lines that include each other's file double at each step: the number of files is bounded too. */
static void included_files_do_not_explode(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_with_files(&cfg, &c, "config twice.conf\n"), DBR_ERR_CONFIG);
    assert_true(collect_has(&c, "config|64 at most"));
    assert_true(cfg.files.n <= 64);
    assert_true(c.errors < 200);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

static void without_a_reader_nothing_is_included(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c, "config a.conf\n"), DBR_ERR_CONFIG);
    assert_true(collect_has(&c, "config|may not be used here"));
    collect_fini(&c);
    dbr_config_free(&cfg);
}

/* ---- the command line ---- */

static const struct {
    const char *args[20];
    int rc, verb;
    const char *words; /* of a complaint */
} lines[] = {
    {{"--verb", "4"}, 0, 4, NULL},
    {{"a.conf"}, DBR_ERR_CONFIG, 5, "b.conf:2: bad-word"},
    {{"--cd", "/etc/v", "--config", "c.conf"}, 0, 6, NULL},
    {{"--config", "/etc/v/c.conf", "--verb", "2"}, 0, 2, NULL},
    {{"--verb", "2", "--config", "/etc/v/c.conf"}, 0, 6, NULL},
    {{"--check-config", "--show-config"}, 0, 1, NULL},
    {{"--nobind", "--up", "a b", "c"}, DBR_ERR_CONFIG, 1, "command line:2: up|too many"},
    {{"verb", "4"}, DBR_ERR_CONFIG, 1, "command line:1: verb|does not begin with --"},
    {{"--verb", "4", "5"}, DBR_ERR_CONFIG, 1, "command line:1: verb|too many"},
    {{"--verb"}, DBR_ERR_CONFIG, 1, "too few"},
    {{"--verbs", "4"}, DBR_ERR_CONFIG, 1, "did you mean verb?"},
    {{"--", "--verb", "3"}, DBR_ERR_CONFIG, 3, "does not begin with --"},
    {{"--push-reset"}, DBR_ERR_CONFIG, 1, "not for the command line"},
    {{"none.conf"}, DBR_ERR_CONFIG, 1, "none.conf cannot be read"},
    {{""}, DBR_ERR_CONFIG, 1, "cannot be read"},
    {{"--remote-cert-ku", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f", "1"},
     DBR_ERR_CONFIG,
     1,
     "too many arguments"},
};

static void command_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        int argc = 0;
        while (argc < 20 && lines[i].args[argc])
            argc++;
        collect_init(&c);
        c.diag.read = read_file;
        assert_int_equal(dbr_config_init(&cfg), 0);
        int rc = dbr_config_args(&cfg, argc, (char *const *)lines[i].args, &c.diag);
        if (rc != lines[i].rc || (lines[i].words && !collect_has(&c, lines[i].words)))
            collect_print(&c);
        assert_int_equal(rc, lines[i].rc);
        assert_int_equal(cfg.verb, lines[i].verb);
        if (lines[i].words)
            assert_true(collect_has(&c, lines[i].words));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

static void program_flags_are_directives(void **state)
{
    struct dbr_config cfg;
    const char *const args[] = {"--check-config", "--log", "x y"};
    (void)state;
    assert_int_equal(dbr_config_init(&cfg), 0);
    assert_int_equal(dbr_config_args(&cfg, 3, (char *const *)args, NULL), 0);
    assert_true(cfg.check_config);
    assert_false(cfg.show_config);
    assert_string_equal(cfg.log, "x y");
    dbr_config_free(&cfg);
}

/* A complaint without a line names the configuration, not the command line that named it. */
static void missing_things_name_the_file(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    const char *const args[] = {"--config", "/etc/v/c.conf"};
    (void)state;
    collect_init(&c);
    c.diag.read = read_file;
    assert_int_equal(dbr_config_init(&cfg), 0);
    assert_int_equal(dbr_config_args(&cfg, 2, (char *const *)args, &c.diag), 0);
    assert_int_equal(dbr_config_finish(&cfg, &c.diag), DBR_ERR_CONFIG);
    assert_true(collect_has(&c, "/etc/v/c.conf: ca: missing"));
    assert_false(collect_has(&c, "command line"));
    collect_fini(&c);
    dbr_config_free(&cfg);
}

/* ---- clients' files ---- */

static void a_clients_file(void **state)
{
    static const char text[] =
        "ifconfig-push 10.8.0.9 255.255.255.0\npush \"ping 5\"\npush-remove "
        "route\npush-remove \"dhcp-option DNS\"\n"
        "push-reset\ntunnel split\nifconfig-ipv6-push fd00:77::9/64 fd00:77::1\nmax-routes-per-client "
        "9\nport-kind site\nmac-limit 12\nrate 10M 1500k\ninactive 60 "
        "9\nping-restart 30\nstorm-limit 7\n"
        "source-guard off\nsession-timeout 3600\nvlan-pvid 4094\n";
    struct dbr_client_config cc;
    struct collect c;
    (void)state;
    collect_init(&c);
    assert_int_equal(dbr_config_parse_ccd(&cc, "ccd/alice", text, sizeof text - 1, &c.diag), 0);
    assert_int_equal(c.n, 0);
    assert_true(cc.has.ifconfig_push && cc.has.push && cc.has.push_reset && cc.has.rate && cc.has.inactive);
    assert_false(cc.has.disable || cc.has.ping || cc.has.ping_exit);
    assert_false(cc.disable);
    assert_true(cc.push_reset);
    assert_int_equal(cc.ifconfig_push.local, 0x0a080009);
    assert_int_equal(cc.ifconfig_push.netmask, 0xffffff00);
    assert_int_equal(cc.push.n, 1);
    assert_string_equal(cc.push.v[0], "ping 5");
    assert_int_equal(cc.push_remove.n, 2);
    assert_string_equal(cc.push_remove.v[1], "dhcp-option DNS");
    assert_int_equal(cc.port_kind, DBR_PORT_KIND_SITE);
    assert_true(cc.has.tunnel && cc.tunnel == DBR_TUNNEL_SPLIT);
    assert_true(cc.has.ifconfig_ipv6_push && cc.ifconfig_ipv6_push.bits == 64);
    assert_true(cc.ifconfig_ipv6_push.ip[15] == 9 && cc.ifconfig_ipv6_push.remote[15] == 1);
    assert_int_equal(cc.max_routes_per_client, 9);
    assert_int_equal(cc.mac_limit, 12);
    assert_true(cc.rate.up == 10000000 && cc.rate.down == 1500000);
    assert_true(cc.inactive == 60 && cc.inactive_bytes == 9);
    assert_int_equal(cc.ping_restart, 30);
    assert_false(cc.source_guard);
    assert_true(cc.has.source_guard);
    assert_true(cc.has.vlan_pvid && cc.vlan_pvid == 4094);
    dbr_client_config_free(&cc);
    dbr_client_config_free(&cc);
}

static void a_client_who_is_shut_out(void **state)
{
    struct dbr_client_config cc;
    (void)state;
    assert_int_equal(dbr_config_parse_ccd(&cc, "ccd/bob", "disable", 7, NULL), 0);
    assert_true(cc.disable && cc.has.disable);
    dbr_client_config_free(&cc);
    assert_int_equal(dbr_config_parse_ccd(&cc, "ccd/empty", NULL, 0, NULL), 0);
    assert_false(cc.disable || cc.has.disable);
    dbr_client_config_free(&cc);
}

static const struct {
    const char *text, *words;
} bad_ccd[] = {
    {"verb 4", "ccd/x:1: verb|not for a client's file"},
    {"max-clients 4", "not for a client's file"},
    {"up /bin/sh", "not for a client's file"},
    {"server-bridge", "not for a client's file"},
    {"<ca>\nx\n</ca>", "ca|not for a client's file"},
    {"iroute 10.0.0.0 255.0.0.0", "bridge does not route"},
    {"vlan-pvid 4095", "out of range"},
    {"vlan-pvid 0", "out of range"},
    {"vlan-tagging", "not for a client's file"},
    {"ifconfig-ipv6-push fd00::5", "prefix length"},
    {"ifconfig-push alice 255.0.0.0", "no IPv4"},
    {"\n\ndisabled", "ccd/x:3: disabled|did you mean disable?"},
    {"rate 1", "too few"},
    {"rate 1x 1", "no whole number"},
    {"rate k 1", "no whole number"},
    {"rate 99999999999999999999 1", "out of range"},
    {"rate 9999999999999G 1", "out of range"},
    {"rate -1 1", "out of range"},
};

static void bad_clients_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_ccd / sizeof bad_ccd[0]; i++) {
        struct dbr_client_config cc;
        struct collect c;
        collect_init(&c);
        int rc = dbr_config_parse_ccd(&cc, "ccd/x", bad_ccd[i].text, strlen(bad_ccd[i].text), &c.diag);
        if (!collect_has(&c, bad_ccd[i].words)) {
            print_error("%s\n", bad_ccd[i].text);
            collect_print(&c);
        }
        assert_int_equal(rc, DBR_ERR_CONFIG);
        assert_int_equal(c.errors, 1);
        assert_true(collect_has(&c, bad_ccd[i].words));
        collect_fini(&c);
        dbr_client_config_free(&cc);
    }
}

/* ---- pushed options ---- */

struct pulling {
    struct dbr_config own, pulled;
    struct collect c;
    int rc;
};

static void pull(struct pulling *p, const char *own, const char *options)
{
    assert_int_equal(parse_into(&p->own, &p->c, own), 0);
    assert_int_equal(dbr_config_init(&p->pulled), 0);
    p->rc = dbr_config_parse_pushed(&p->pulled, &p->own, options, strlen(options), &p->c.diag);
    assert_int_equal(p->c.errors, 0); /* no peer causes an error line */
}

static void pull_end(struct pulling *p)
{
    collect_fini(&p->c);
    dbr_config_free(&p->own);
    dbr_config_free(&p->pulled);
}

/* The reply of a stock 2.6 server to a TAP client. */
static void a_stock_reply(void **state)
{
    struct pulling p;
    (void)state;
    pull(&p, "ping 99\nverb 4\n",
         "route-gateway 192.168.50.1,ping 10,ping-restart 60,ifconfig 192.168.50.101 255.255.255.0,peer-id 1,"
         "cipher AES-256-GCM,protocol-flags cc-exit tls-ekm dyn-tls-crypt,tun-mtu 1500");
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.c.n, 0);
    assert_string_equal(p.pulled.route_gateway, "192.168.50.1");
    assert_int_equal(*DBR_PULLED(&p.pulled, &p.own, ping), 10);
    assert_int_equal(*DBR_PULLED(&p.pulled, &p.own, verb), 4);
    assert_int_equal(p.own.ping, 99);
    assert_int_equal(p.pulled.ping_restart, 60);
    assert_int_equal(p.pulled.ifconfig.local, 0xc0a83265);
    assert_int_equal(p.pulled.peer_id, 1);
    assert_string_equal(p.pulled.cipher, "AES-256-GCM");
    assert_int_equal(p.pulled.protocol_flags.n, 3);
    assert_string_equal(p.pulled.protocol_flags.v[1], "tls-ekm");
    assert_true(DBR_IS_SET(&p.pulled, tun_mtu));
    assert_false(DBR_IS_SET(&p.pulled, verb));
    pull_end(&p);
}

/* What a server may not make a client do. */
static const struct {
    const char *options, *words;
} hostile[] = {
    {"up /bin/sh", "pushed:1: up|may not push it; ignored"},
    {"script-security 3", "may not push"},
    {"config /etc/shadow", "may not push"},
    {"setenv LD_PRELOAD x", "may not push"},
    {"remote evil 1194", "may not push"},
    {"ca /tmp/ca", "may not push"},
    {"pull-filter accept x", "may not push"},
    {"route-nopull", "may not push"},
    {"cd /tmp", "may not push"},
    {"log /etc/passwd", "may not push"},
    {"data-ciphers none", "may not push"},
    {"cipher none", "in the clear"},
    {"cipher BF-CBC", "SWEET32"},
    {"cipher AES-256-CFB", "not known"},
    {"plugin x.so", "may not push"},
    {"help", "may not push"},
    {"secret x", "may not push"},
    {"client-nat snat 1 2 3", "rewrites IP packets|; ignored"},
    {"ifconfig-ipv6 fd00::1/0 fd00::2", "prefix length"},
    {"ifconfig-ipv6 fd00::1", "prefix length"},
    {"ifconfig-ipv6 fd00::1/129", "prefix length"},
    {"ifconfig-ipv6 fd00::x/64", "no IPv6 address"},
    {"ifconfig-ipv6 fd00::1/64 10.0.0.1", "no IPv6 address"},
    {"ping x", "no whole number"},
    {"ping -5", "out of range"},
    {"peer-id 16777216", "out of range"},
    {"ifconfig 1.2.3.4", "too few"},
    {"ping 10 20", "too many"},
    {"no-such-option\x1b[31m\xff", "no-such-option?[31m?: not known; ignored"},
    {"<ca>", "<ca>: not known"},
    {"ping \"10", "closing"},
    {"setenv opt up /bin/sh", "may not push"},
    {"ignore-unknown-option x", "may not push"},
};

static void hostile_options_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct pulling p;
        char options[256];
        snprintf(options, sizeof options, "%s,ping-exit 7", hostile[i].options);
        pull(&p, "", options);
        if (!collect_has(&p.c, hostile[i].words)) {
            print_error("%s\n", hostile[i].options);
            collect_print(&p.c);
        }
        assert_int_equal(p.rc, 0);
        assert_int_equal(p.c.warnings, 1);
        assert_true(collect_has(&p.c, hostile[i].words));
        assert_int_equal(p.pulled.ping_exit, 7); /* the options behind it count */
        int set = 0;
        for (int j = 0; j < DBR_D_COUNT; j++)
            set += p.pulled.set[j].line != 0;
        assert_int_equal(set, 1);
        pull_end(&p);
    }
}

static void filters_are_applied_in_order(void **state)
{
    struct pulling p;
    static const char own[] = "pull-filter accept \"dhcp-option DNS\"\npull-filter ignore "
                              "dhcp-option\npull-filter ignore \"route 10.\"\n";
    (void)state;
    pull(&p, own,
         "dhcp-option DNS 10.0.0.1, dhcp-option WINS 10.0.0.2,route 10.0.0.0 255.0.0.0,route 11.0.0.0 "
         "255.0.0.0");
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.c.n, 0);
    assert_int_equal(p.pulled.dhcp_option.n, 1);
    assert_string_equal(p.pulled.dhcp_option.v[0], "DNS 10.0.0.1");
    assert_int_equal(p.pulled.route.n, 1);
    assert_string_equal(p.pulled.route.v[0], "11.0.0.0 255.0.0.0");
    pull_end(&p);
    pull(&p, "pull-filter reject redirect\n", "ping 5,redirect-gateway def1,ping 6");
    assert_int_equal(p.rc, DBR_ERR_NEGOTIATE);
    assert_int_equal(p.pulled.ping, 5);
    assert_true(collect_has(&p.c, "pull-filter|rejects"));
    pull_end(&p);
}

/* However a server writes it. */
static void no_way_past_a_filter(void **state)
{
    static const char *const ways[] = {
        "redirect-gateway def1",       "\"redirect-gateway\" def1",        "redirect-gateway  def1",
        "  'redirect-gateway' 'def1'", "setenv opt redirect-gateway def1", "\"redirect-gateway\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct pulling p;
        pull(&p, "pull-filter ignore \"redirect-gateway\"\n", ways[i]);
        assert_int_equal(p.pulled.redirect_gateway.n, 0);
        assert_false(DBR_IS_SET(&p.pulled, redirect_gateway));
        pull_end(&p);
        pull(&p, "route-nopull\n", ways[i]);
        assert_false(DBR_IS_SET(&p.pulled, redirect_gateway));
        pull_end(&p);
    }
    struct pulling p;
    pull(&p, "pull-filter accept \"route 10.\"\npull-filter ignore route\n",
         "route  10.0.0.0 255.0.0.0,'route' 11.0.0.0");
    assert_int_equal(p.pulled.route.n, 0); /* two blanks: as it came it is not what was accepted */
    pull_end(&p);
}

static void route_nopull_keeps_routes_out(void **state)
{
    struct pulling p;
    static const char options[] =
        "route 10.0.0.0 255.0.0.0,redirect-gateway def1,dhcp-option DNS 10.0.0.1,"
        "block-outside-dns,ping 5,route-gateway 10.0.0.1,ifconfig 10.0.0.2 255.0.0.0";
    (void)state;
    pull(&p, "route-nopull\n", options);
    assert_int_equal(p.c.n, 0);
    assert_int_equal(p.pulled.route.n + p.pulled.redirect_gateway.n + p.pulled.dhcp_option.n, 0);
    assert_int_equal(p.pulled.ping, 5);
    assert_string_equal(p.pulled.route_gateway, "10.0.0.1");
    assert_true(DBR_IS_SET(&p.pulled, ifconfig));
    pull_end(&p);
    pull(&p, "", options);
    assert_int_equal(p.pulled.route.n, 1);
    assert_int_equal(p.pulled.redirect_gateway.n, 1);
    assert_int_equal(p.pulled.dhcp_option.n, 1);
    pull_end(&p);
}

static void too_many_options_end_it(void **state)
{
    struct pulling p;
    char options[3 * 1030 + 1] = "";
    (void)state;
    for (int i = 0; i < 1030; i++)
        memcpy(options + 3 * i, "x,", 3), options[3 * i + 2] = ' ';
    options[3 * 1030] = 0;
    pull(&p, "pull-filter ignore x\n", options);
    assert_int_equal(p.rc, DBR_ERR_LIMIT);
    pull_end(&p);
}

static void a_nul_ends_the_options(void **state)
{
    struct pulling p;
    static const char options[] = "ping 5\0,up /bin/sh";
    (void)state;
    pull(&p, "", "");
    assert_int_equal(dbr_config_parse_pushed(&p.pulled, &p.own, options, sizeof options - 1, &p.c.diag), 0);
    assert_int_equal(p.pulled.ping, 5);
    assert_int_equal(p.c.n, 0);
    pull_end(&p);
}

/* ---- texts that are no configuration ---- */

static void odd_texts(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c, ""), 0);
    assert_int_equal(dbr_config_parse(&cfg, "nul", "verb 4\0verb 5", 13, &c.diag), DBR_ERR_CONFIG);
    assert_true(collect_has(&c, "nul: file: has a NUL byte"));
    assert_int_equal(cfg.verb, 1);
    collect_fini(&c);
    assert_int_equal(dbr_config_parse(&cfg, "q", "up \"a\nverb 4\n", 13, &c.diag), DBR_ERR_CONFIG);
    assert_int_equal(c.errors, 1);
    assert_true(collect_has(&c, "q:1: line|closing"));
    assert_int_equal(cfg.verb, 4);
    collect_fini(&c);
    assert_int_equal(dbr_config_parse(&cfg, "b", "\n<ca>\nx\nverb 5\n", 15, &c.diag), DBR_ERR_CONFIG);
    assert_int_equal(c.errors, 1);
    assert_true(collect_has(&c, "b:2: ca|never ends"));
    assert_int_equal(cfg.verb, 4);
    collect_fini(&c);
    assert_int_equal(dbr_config_parse(&cfg, "e", "\x1b[31mred\n", 9, &c.diag), DBR_ERR_CONFIG);
    assert_null(strchr(c.lines[0], '\x1b'));
    collect_fini(&c);
    dbr_config_free(&cfg);
}

/* One megabyte in one line, and a file beyond the bound: one complaint each. */
static void huge_texts(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    size_t n = LEX_TEXT_MAX + 1;
    char *text = malloc(n);
    (void)state;
    memset(text, 'x', n);
    assert_int_equal(parse_into(&cfg, &c, ""), 0);
    assert_int_equal(dbr_config_parse(&cfg, "big", text, 1 << 20, &c.diag), DBR_ERR_CONFIG);
    assert_int_equal(c.errors, 1);
    assert_true(collect_has(&c, "big:1: line|too long"));
    collect_fini(&c);
    assert_int_equal(dbr_config_parse(&cfg, "big", text, n, &c.diag), DBR_ERR_CONFIG);
    assert_int_equal(c.errors, 1);
    assert_true(collect_has(&c, "big: file|longer than 8 MiB"));
    collect_fini(&c);
    dbr_config_free(&cfg);
    free(text);
}

static void lists_are_bounded(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    char *text = malloc(4100 * 20);
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 4100; i++)
        n += (size_t)sprintf(text + n, "push \"ping %d\"\n", i);
    assert_int_equal(parse_into(&cfg, &c, text), DBR_ERR_CONFIG);
    assert_int_equal(cfg.push.n, 4096);
    assert_int_equal(c.errors, 4);
    assert_true(collect_has(&c, "t.conf:4097: push|4096 times at most"));
    collect_fini(&c);
    dbr_config_free(&cfg);
    free(text);
}

/* A client with a long name and a long file name: the complaint is cut, not the stack. */
static void long_names_are_cut(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    char name[2000], word[1000];
    (void)state;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    memset(word, 'w', sizeof word);
    collect_init(&c);
    assert_int_equal(dbr_config_init(&cfg), 0);
    assert_int_equal(dbr_config_parse(&cfg, name, word, sizeof word, &c.diag), DBR_ERR_CONFIG);
    assert_int_equal(c.n, 1);
    assert_true(strlen(c.lines[0]) < 1024);
    assert_true(collect_has(&c, "unknown directive"));
    collect_fini(&c);
    dbr_config_free(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_include_files),
        cmocka_unit_test(relative_files_follow_cd),
        cmocka_unit_test(bad_includes_are_reported),
        cmocka_unit_test(included_files_do_not_explode),
        cmocka_unit_test(without_a_reader_nothing_is_included),
        cmocka_unit_test(command_lines),
        cmocka_unit_test(program_flags_are_directives),
        cmocka_unit_test(missing_things_name_the_file),
        cmocka_unit_test(a_clients_file),
        cmocka_unit_test(a_client_who_is_shut_out),
        cmocka_unit_test(bad_clients_files),
        cmocka_unit_test(a_stock_reply),
        cmocka_unit_test(hostile_options_change_nothing),
        cmocka_unit_test(filters_are_applied_in_order),
        cmocka_unit_test(no_way_past_a_filter),
        cmocka_unit_test(route_nopull_keeps_routes_out),
        cmocka_unit_test(too_many_options_end_it),
        cmocka_unit_test(a_nul_ends_the_options),
        cmocka_unit_test(odd_texts),
        cmocka_unit_test(huge_texts),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(long_names_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
