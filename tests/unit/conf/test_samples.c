/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whole configurations shaped like those that pfSense, OPNsense, VyOS, OpenWrt, DD-WRT, kylemanna's image and
 * old how-tos write for TAP. What is refused is refused by name, one line each; once those lines are gone, it
 * loads.
 */
#include "collect.h"

static const struct {
    const char *file;
    const char *refused[8];  /* directives, one error each */
    const char *warned[16];  /* directives, one warning each, when all is read */
    const char *missing;     /* what then is still said, or NULL */
    enum dbr_conf_role role; /* once the refused lines are gone */
} samples[] = {
    {"pfsense.conf", {NULL}, {"persist-tun", "persist-key", "persist-remote-ip"}, NULL, DBR_CONF_ROLE_SERVER},
    {"opnsense.conf", {NULL}, {"persist-tun", "persist-key", "disable-dco"}, NULL, DBR_CONF_ROLE_SERVER},
    {"vyos.conf", {NULL}, {"persist-key", "providers", "disable-dco"}, NULL, DBR_CONF_ROLE_SERVER},
    {"openwrt.conf", {NULL}, {"comp-lzo", "passtos", "tls-auth"}, NULL, DBR_CONF_ROLE_SERVER},
    {"ddwrt.conf", {NULL}, {"comp-lzo", "fast-io", "mtu-disc", "passtos"}, NULL, DBR_CONF_ROLE_SERVER},
    {"kylemanna.conf", {NULL}, {"persist-key", "persist-tun", "comp-lzo"}, NULL, DBR_CONF_ROLE_SERVER},
    {"howto2010.conf",
     {"client-cert-not-required", "plugin"},
     {"comp-lzo", "persist-key", "persist-tun"},
     "cipher: BF-CBC has 64-bit blocks",
     DBR_CONF_ROLE_SERVER},
    {"site2site.conf", {NULL}, {NULL}, NULL, DBR_CONF_ROLE_SERVER},
    {"laptop.ovpn",
     {NULL},
     {"remote", "persist-key", "persist-tun", "cipher", "block-outside-dns-really"},
     NULL,
     DBR_CONF_ROLE_CLIENT},
};

static char *load(const char *name)
{
    static char text[16384];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", DBR_SAMPLES, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    return text;
}

static int count(const char *const *names, int most)
{
    int n = 0;
    while (n < most && names[n])
        n++;
    return n;
}

/* "FILE:LINE: directive: ..." for each name, and as many as there are names. */
static void expect(const struct collect *c, enum dbr_conf_severity severity, const char *const *names,
                   int most)
{
    int want = count(names, most), got = severity == DBR_CONF_ERROR ? c->errors : c->warnings;
    bool all = want == got;
    for (int i = 0; i < want; i++) {
        char part[80];
        bool found = false;
        snprintf(part, sizeof part, ": %s: ", names[i]);
        for (int j = 0; j < c->n; j++)
            found = found || (c->severity[j] == severity && strstr(c->lines[j], part));
        if (!found)
            print_error("nothing is said of %s\n", names[i]);
        all = all && found;
    }
    if (!all)
        collect_print(c);
    assert_true(all);
}

/* The lines of refused directives become comments, as an admin would make them. */
static void comment_out(char *text, const char *const *names)
{
    for (int i = 0; i < 8 && names[i]; i++) {
        size_t n = strlen(names[i]);
        for (char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
            if (strncmp(p, names[i], n) == 0 && (p[n] == ' ' || p[n] == '\n'))
                *p = '#';
    }
}

static void samples_load_or_say_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct dbr_config cfg;
        struct collect c;
        char *text = load(samples[i].file);
        print_message("%s\n", samples[i].file);
        parse_into(&cfg, &c, text);
        expect(&c, DBR_CONF_ERROR, samples[i].refused, 8);
        collect_fini(&c);
        dbr_config_free(&cfg);

        comment_out(text, samples[i].refused);
        assert_int_equal(parse_into(&cfg, &c, text), 0);
        int rc = dbr_config_finish(&cfg, &c.diag);
        bool unchecked = cfg.username_as_common_name; /* without the plugin that checked passwords */
        assert_int_equal(c.errors, (samples[i].missing ? 1 : 0) + unchecked);
        assert_true(!unchecked || collect_has(&c, "username-as-common-name: nobody checks the passwords"));
        assert_int_equal(rc, samples[i].missing ? DBR_ERR_CONFIG : 0);
        if (samples[i].missing)
            assert_true(collect_has(&c, samples[i].missing));
        expect(&c, DBR_CONF_WARNING, samples[i].warned, 16);
        assert_int_equal(cfg.role, samples[i].role);
        collect_fini(&c);
        dbr_config_free(&cfg);
    }
}

static void the_laptop_has_its_parts(void **state)
{
    struct dbr_config cfg;
    struct collect c;
    (void)state;
    assert_int_equal(parse_into(&cfg, &c, load("laptop.ovpn")), 0);
    assert_int_equal(dbr_config_finish(&cfg, &c.diag), 0);
    assert_int_equal(cfg.remote.n, 2);
    assert_string_equal(cfg.remote.v[1].host, "vpn2.example.org");
    assert_int_equal(cfg.tls_auth.direction, 1);
    assert_non_null(strstr(cfg.key.text, "PRIVATE KEY"));
    assert_null(strchr(cfg.key.text, '\r'));
    assert_true(cfg.nobind && cfg.remote_random && cfg.mute_replay_warnings);
    assert_int_equal(cfg.remote_cert_tls, DBR_CERT_ROLE_SERVER);
    collect_fini(&c);
    dbr_config_free(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_load_or_say_why),
        cmocka_unit_test(the_laptop_has_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
