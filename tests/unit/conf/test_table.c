/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table judged as data, and every row driven through the parser by what it says of itself: ranges,
 * ignored and refused directives, places. LIST 2 and LIST 3 are spelled out, so that a row cannot change its
 * mind unseen.
 */
#include "collect.h"

#include "conf/lex.h"
#include "conf/shape.h"
#include "conf/table.h"

static void keywords_are_unique_and_named_like_members(void **state)
{
    static const char *const ids[] = {
#define D(id, keyword, group, shape, args, dflt, min, max, scope, status, help) #id,
#include "conf/directives.def"
#undef D
    };
    (void)state;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        char want[64];
        snprintf(want, sizeof want, "%s", ids[i]);
        for (char *c = want; *c; c++)
            *c = *c == '_' ? '-' : *c;
        if (i == DBR_D_float_)
            strcpy(want, "float");
        assert_string_equal(table_rows[i].info.keyword, want);
        assert_int_equal(dbr_directive_find(want), i); /* the first of that name is this one */
    }
    assert_int_equal(dbr_directive_find("no-such-thing"), -1);
}

static void rows_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct dbr_directive_info *row = dbr_directive_info((enum dbr_directive)i);
        bool plain = row->status == DBR_HONOUR;
        assert_non_null(conf_shape(table_rows[i].shape)->set);
        assert_true(*row->scope && strspn(row->scope, "sckipna") == strlen(row->scope));
        assert_int_equal(row->reason == NULL, plain);
        assert_int_equal(row->way_out == NULL, plain);
        assert_true(*row->help || !plain);
        assert_true(strlen(row->keyword) <= 40);
    }
}

static void every_shape_is_in_one_table(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPE_COUNT; i++) {
        int n = 0;
        for (int t = 0; t < SHAPE_TABLES; t++)
            n += conf_shape_tables[t][i].set != NULL;
        assert_int_equal(n, 1);
        assert_non_null(conf_shape((enum shape_id)i)->set);
    }
}

static void client_files_hold_what_the_table_says(void **state)
{
    static const enum dbr_directive listed[] = {
#define X(id) DBR_D_##id,
        DBR_CCD_LIST(X)
#undef X
    };
    (void)state;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct dbr_directive_info *row = &table_rows[i].info;
        bool in_list = false;
        for (size_t j = 0; j < sizeof listed / sizeof listed[0]; j++)
            in_list = in_list || listed[j] == (enum dbr_directive)i;
        bool expected = row->status == DBR_HONOUR && strchr(row->scope, 'k') && i != DBR_D_config &&
                        i != DBR_D_ignore_unknown_option;
        if (in_list != expected)
            print_error("%s\n", row->keyword);
        assert_int_equal(in_list, expected);
    }
}

static const struct {
    const char *synopsis;
    size_t fewest, most;
} arities[] = {
    {"", 0, 0},
    {"FILE", 1, 1},
    {"FILE [SECONDS]", 1, 2},
    {"[FLAG ...]", 0, SIZE_MAX},
    {"NAME ...", 1, SIZE_MAX},
    {"...", 0, SIZE_MAX},
    {"NETWORK [NETMASK [GATEWAY [METRIC]]]", 1, 4},
    {"BRIDGE [INTERFACE ...]", 1, SIZE_MAX},
    {"a|b|c PREFIX", 2, 2},
    {"[BYTES [mtu|fixed]]", 0, 2},
};

static void synopses_are_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof arities / sizeof arities[0]; i++) {
        size_t fewest, most;
        table_arity(arities[i].synopsis, &fewest, &most);
        assert_int_equal(fewest, arities[i].fewest);
        assert_true(most == arities[i].most);
    }
}

/* ---- ranges ---- */

static enum reading reading_of(const struct directive *row)
{
    if (strpbrk(row->info.scope, "sc"))
        return READ_FILE;
    return strchr(row->info.scope, 'k') ? READ_CCD : READ_PUSHED;
}

/* One directive with one value; returns the number of complaints. */
static int try_value(int which, const char *value, struct dbr_config *cfg)
{
    struct collect c;
    char copy[64];
    char *argv[] = {copy};
    snprintf(copy, sizeof copy, "%s", value);
    collect_init(&c);
    assert_int_equal(dbr_config_init(cfg), 0);
    struct parse p = {
        .cfg = cfg, .diag = &c.diag, .file = "t", .line = 1, .reading = reading_of(&table_rows[which])};
    int rc = conf_directive(&p, (enum dbr_directive)which, 1, argv);
    int n = c.n;
    assert_int_equal(rc, n ? DBR_ERR_CONFIG : 0);
    if (n)
        assert_true(collect_has(&c, table_rows[which].info.keyword));
    collect_fini(&c);
    return n;
}

static bool takes_one_number(const struct directive *row)
{
    return row->info.status == DBR_HONOUR && row->info.min <= row->info.max &&
           (row->shape == SHAPE_INT || row->shape == SHAPE_OPT1 || row->shape == SHAPE_U64);
}

static void edge(int which, int64_t value, bool good)
{
    struct dbr_config cfg;
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    int complaints = try_value(which, text, &cfg);
    if ((complaints == 0) != good)
        print_error("%s %s\n", table_rows[which].info.keyword, text);
    assert_int_equal(complaints, good ? 0 : 1);
    const void *member = table_member(&cfg, &table_rows[which]);
    if (good && table_rows[which].shape == SHAPE_U64)
        assert_true(*(const uint64_t *)member == (uint64_t)value);
    else if (good)
        assert_int_equal(*(const int *)member, (int)value);
    dbr_config_free(&cfg);
}

static void every_range_has_its_edges(void **state)
{
    int seen = 0;
    (void)state;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct dbr_directive_info *row = &table_rows[i].info;
        if (!takes_one_number(&table_rows[i]))
            continue;
        seen++;
        edge(i, row->min, true);
        edge(i, row->max, true);
        edge(i, row->min - 1, false);
        if (row->max < INT64_MAX)
            edge(i, row->max + 1, false);
    }
    assert_true(seen >= 25); /* the filter above has not lost them */
}

static void numbers_are_whole_numbers(void **state)
{
    static const char *const bad[] = {
        "", "x", "1x", " 1", "1 ", "+1", "0x", "1.5", "99999999999999999999", "--1", "\t1"};
    (void)state;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        if (!takes_one_number(&table_rows[i]))
            continue;
        for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            struct dbr_config cfg;
            assert_int_equal(try_value(i, bad[j], &cfg), 1);
            dbr_config_free(&cfg);
        }
    }
}

static void every_word_of_an_enum_is_known(void **state)
{
    (void)state;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        if (table_rows[i].shape != SHAPE_ENUM || table_rows[i].info.status != DBR_HONOUR)
            continue;
        char words[128], *save = NULL;
        int index = 0;
        struct dbr_config cfg;
        snprintf(words, sizeof words, "%s", table_rows[i].info.args);
        for (char *w = strtok_r(words, "|", &save); w; w = strtok_r(NULL, "|", &save), index++) {
            assert_int_equal(try_value(i, w, &cfg), 0);
            assert_int_equal(*(int *)table_member(&cfg, &table_rows[i]), index);
            dbr_config_free(&cfg);
        }
        assert_int_equal(try_value(i, "no-such-word", &cfg), 1);
        dbr_config_free(&cfg);
        assert_int_equal(try_value(i, "", &cfg), 1);
        dbr_config_free(&cfg);
    }
}

/* ---- LIST 2 and LIST 3 ---- */

static const char *const list2[] = {
    "chroot /var/empty",
    "errors-to-stderr",
    "single-session",
    "management-forget-disconnect",
    "management-up-down",
    "management-signal",
    "persist-key",
    "persist-tun",
    "persist-local-ip",
    "persist-remote-ip",
    "key-method 2",
    "keysize 256",
    "ifconfig-pool-linear",
    "fast-io",
    "tcp-nodelay",
    "socket-flags TCP_NODELAY",
    "passtos",
    "mtu-disc yes",
    "mtu-test",
    "hash-size 512 512",
    "tcp-queue-limit 256",
    "prng SHA1 16",
    "engine",
    "engine dynamic",
    "use-prediction-resistance",
    "providers default",
    "providers legacy default",
    "disable-dco",
    "windows-driver wintun",
    "route-method exe",
    "route-delay 2",
    "dhcp-renew",
    "dhcp-release",
    "dhcp-pre-release",
    "dhcp-internal 3",
    "show-net-up",
    "service ev",
    "win-sys env",
    "pause-exit",
    "allow-nonadmin",
    "tap-sleep 5",
    "opt-verify",
    "disable-occ",
    "ifconfig-nowarn",
    "comp-noadapt",
    "compat-names",
    "no-name-remapping",
    "tun-ipv6",
    "max-routes 100",
    "http-proxy-retry",
    "http-proxy-timeout 5",
    "socks-proxy-retry",
    "ncp-disable",
    "compat-mode 2.4.0",
    "remap-usr1 SIGTERM",
    "up-delay",
    "up-restart",
    "echo hello",
    "parameter x",
    "rdns-internal 1",
    "port-share 127.0.0.1 443",
    "gremlin 1",
    "memstats f",
    "iproute /bin/ip",
    "setcon x",
    "foreign-option x",
    "bcast-buffers 4096",
    "allow-recursive-routing",
};

static void list2_is_ignored_with_one_warning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof list2 / sizeof list2[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        char text[128], keyword[64];
        snprintf(text, sizeof text, "%s\n%s\n", list2[i], list2[i]);
        snprintf(keyword, sizeof keyword, "t.conf:1: %.*s: ", (int)strcspn(list2[i], " "), list2[i]);
        int rc = parse_into(&cfg, &c, text);
        if (rc != 0 || c.n != 1 || !collect_has(&c, keyword))
            collect_print(&c);
        assert_int_equal(rc, 0);
        assert_int_equal(c.warnings, 1);
        assert_int_equal(c.errors, 0);
        assert_true(collect_has(&c, keyword));
        assert_true(collect_has(&c, "has no effect|; the line may go"));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

static const struct {
    const char *text, *words;
} list3[] = {
    {"secret static.key", "secret|forward secrecy|tls-server"},
    {"<secret>\nx\n</secret>", "t.conf:1: secret|forward secrecy"},
    {"allow-deprecated-insecure-static-crypto", "forward secrecy"},
    {"no-replay", "no-replay|recorded|replay-window"},
    {"no-iv", "no-iv|; remove the line"},
    {"key-method 1", "key-method|; remove the line"},
    {"key-method 3", "key-method|from 1 to 2"},
    {"cipher none", "cipher|in the clear|AES-256-GCM"},
    {"data-ciphers AES-256-GCM:none", "data-ciphers|in the clear"},
    {"data-ciphers-fallback none", "data-ciphers-fallback|in the clear"},
    {"data-ciphers-fallback BF-CBC", "SWEET32|AES-256-GCM"},
    {"data-ciphers AES-256-GCM:BF-CBC", "SWEET32|AES-256-GCM"},
    {"data-ciphers ?BF-CBC:AES-256-GCM", "SWEET32"},
    {"data-ciphers DES-EDE3-CBC", "SWEET32"},
    {"data-ciphers CAST5-CBC", "SWEET32"},
    {"data-ciphers RC2-CBC", "SWEET32"},
    {"client-cert-not-required", "without a certificate may not enter|give each client"},
    {"verify-client-cert none", "without a certificate may not enter|give each client"},
    {"verify-client-cert optional", "without a certificate may not enter"},
    {"iroute 10.0.0.0 255.0.0.0", "bridge does not route|port-kind site"},
    {"plugin /usr/lib/openvpn/openvpn-plugin-auth-pam.so login",
     "plugin|OpenVPN's process|client-config-dir"},
    {"management-client-pf", "removed in OpenVPN 2.6|nftables"},
    {"shaper 1000", "rate UP DOWN"},
    {"inetd nowait", "owns its sockets|service"},
    {"compress lz4", "lz4 is not built|migrate"},
    {"compress lz4-v2", "lz4-v2 is not built"},
    {"proto tcp-server", "proto|TCP is not built yet|udp"},
    {"proto tcp", "TCP is not built yet"},
    {"local 192.0.2.1 1194 tcp", "TCP is not built yet"},
    {"genkey secret x", "command of OpenVPN|drawbridge-ca gate-key new"},
    {"auth-gen-token x", "auth-gen-token"},
    {"auth-gen-token 0 60 external", "external"},
    {"auth-user-pass-verify x via-pipe", "via-env|via-file"},
    {"fragment 67", "fragment|from 68"},
    {"fragment 1300 fixed", "fragment|mtu"},
    {"fragment", "fragment"},
    {"management tunnel 7505", "not built|socket path"},
    {"management 127.0.0.1 7505 stdin", "stdin|password file"},
    {"management 127.0.0.1 0", "management"},
};

static void list3_is_refused_with_reason_and_way_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof list3 / sizeof list3[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        int rc = parse_into(&cfg, &c, list3[i].text);
        if (rc != DBR_ERR_CONFIG || !collect_has(&c, list3[i].words)) {
            print_error("%s\n", list3[i].text);
            collect_print(&c);
        }
        assert_int_equal(rc, DBR_ERR_CONFIG);
        assert_int_equal(c.errors, 1);
        assert_true(collect_has(&c, "t.conf:1: "));
        assert_true(collect_has(&c, list3[i].words));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

/* Whatever the table does not honour is never accepted in silence: here by every row, with no argument at
 * all. */
static void nothing_is_accepted_silently(void **state)
{
    (void)state;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct dbr_directive_info *row = &table_rows[i].info;
        struct dbr_config cfg;
        struct collect c;
        char text[64];
        if (row->status == DBR_HONOUR)
            continue;
        snprintf(text, sizeof text, "%s%s\n", row->keyword,
                 table_rows[i].shape == SHAPE_KEY_METHOD ? " 2" : "");
        int rc = parse_into(&cfg, &c, text);
        assert_int_equal(c.n, 1);
        assert_int_equal(rc, row->status == DBR_IGNORE ? 0 : DBR_ERR_CONFIG);
        assert_non_null(strstr(c.lines[0], row->reason));
        assert_non_null(strstr(c.lines[0], row->way_out));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

/* ---- places ---- */

static const struct {
    const char *text, *words;
} misplaced[] = {
    {"ifconfig-push 10.0.0.1 255.0.0.0", "client's file"},
    {"disable", "client's file"},
    {"rate 1M 1M", "client's file"},
    {"push-reset", "client's file"},
    {"peer-id 1", "only a server may say it"},
    {"protocol-flags tls-ekm", "only a server may say it"},
    {"help", "not for a configuration file"},
    {"<verb>\n4\n</verb>", "may not be given as a block"},
    {"<no-such>\n4\n</no-such>", "no-such|unknown directive"},
    {"connection", "is a block"},
    {"verbs 4", "verbs|did you mean verb?"},
    {"client-to-cleint", "did you mean client-to-client?"},
    {"zzzzzzzzzz", "unknown directive|docs/config.md"},
    {"verb", "too few arguments|write: verb LEVEL"},
    {"verb 1 2", "too many arguments|write: verb LEVEL"},
    {"client x", "too many arguments|write: client"},
};

static void places_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misplaced / sizeof misplaced[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        int rc = parse_into(&cfg, &c, misplaced[i].text);
        if (!collect_has(&c, misplaced[i].words)) {
            print_error("%s\n", misplaced[i].text);
            collect_print(&c);
        }
        assert_int_equal(rc, DBR_ERR_CONFIG);
        assert_int_equal(c.errors, 1);
        assert_true(collect_has(&c, misplaced[i].words));
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keywords_are_unique_and_named_like_members),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(every_shape_is_in_one_table),
        cmocka_unit_test(client_files_hold_what_the_table_says),
        cmocka_unit_test(synopses_are_counted),
        cmocka_unit_test(every_range_has_its_edges),
        cmocka_unit_test(numbers_are_whole_numbers),
        cmocka_unit_test(every_word_of_an_enum_is_known),
        cmocka_unit_test(list2_is_ignored_with_one_warning),
        cmocka_unit_test(list3_is_refused_with_reason_and_way_out),
        cmocka_unit_test(nothing_is_accepted_silently),
        cmocka_unit_test(places_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
