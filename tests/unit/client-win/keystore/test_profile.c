/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A whole import on a disk in memory with real certificates, and what is loaded afterwards. Every private key
 * has a line SECRET in front, so that neither disk nor freed memory may show it.
 */
#include "fake.h"
#include "pki.h"

#include "client-win/keystore/profile.h"

#include "base/err.h"
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <cmocka.h>

#define HEAD                                                                                                 \
    "client\ndev tap\nproto udp\nremote vpn.example.com 1194\nnobind\npersist-key\nremote-cert-tls server\n"
#define FILES                                                                                                \
    HEAD "ca ca.crt\n"                                                                                       \
         "cert bob.crt\n"                                                                                    \
         "key bob.key\n"

enum { SOURCES = 16 };

static struct fake disk;
static struct dbr_profiles profiles;
static struct dbr_vault_fs fs;
static struct {
    const char *path;
    char *p;
    size_t n;
} sources[SOURCES];
static size_t n_sources;
static const char *machine_text; /* what the administrator placed as "office"; NULL: nothing */
static struct pki_id *ca, *bob, *eve, *late;
static char *locked_key;
static char why[1024], warned[4096];
static const char *pass;
static int asked;

/* ---- certificates, once ---- */

static char *pem_of(EVP_PKEY *key, const char *with)
{
    BIO *b = BIO_new(BIO_s_secmem());
    char *p;
    BIO_puts(b, SECRET "\n");
    PEM_write_bio_PKCS8PrivateKey(b, key, with ? EVP_aes_256_cbc() : NULL, with, with ? (int)strlen(with) : 0,
                                  NULL, NULL);
    long n = BIO_get_mem_data(b, &p);
    char *text = calloc(1, (size_t)n + 1);
    memcpy(text, p, (size_t)n);
    BIO_free(b);
    return text;
}

static void free_text(char *text)
{
    dbr_wipe(text, strlen(text));
    free(text);
}

static int make_all(void **state)
{
    (void)state;
    ca = pki_root("Test CA");
    bob = pki_client("bob", ca);
    eve = pki_client("eve", ca);
    late = pki_make(&(struct pki_spec){.subject = "/CN=late",
                                       .from_s = -7200,
                                       .to_s = -3600,
                                       .exts = {"extendedKeyUsage", "clientAuth"}},
                    ca);
    locked_key = pem_of(bob->key, "open sesame");
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    pki_free(ca);
    pki_free(bob);
    pki_free(eve);
    pki_free(late);
    free_text(locked_key);
    return 0;
}

/* ---- each test ---- */

static int no_such(void *arg, const char *id, char **text, size_t *len, char *out, size_t cap)
{
    (void)arg, (void)out, (void)cap;
    *text = NULL;
    *len = 0;
    if (!machine_text || strcmp(id, "office") != 0)
        return DBR_ERR_NOTFOUND;
    *len = strlen(machine_text);
    *text = strdup(machine_text);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    fake_init(&disk, &profiles.vault, &fs);
    profiles.machine = no_such;
    machine_text = NULL;
    pass = NULL;
    asked = 0;
    *why = *warned = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_sources; i++) {
        dbr_wipe(sources[i].p, sources[i].n);
        free(sources[i].p);
    }
    n_sources = 0;
    assert_int_equal(disk.clear_bytes, 0);
    assert_int_equal(fake_leaks, 0);
    fake_free(&disk);
    return 0;
}

static void have_bytes(const char *path, const void *p, size_t n)
{
    assert_in_range(n_sources, 0, SOURCES - 1);
    sources[n_sources].path = path;
    sources[n_sources].n = n;
    sources[n_sources].p = malloc(n + 1);
    memcpy(sources[n_sources].p, p, n);
    n_sources++;
}

static void have(const char *path, const char *text)
{
    have_bytes(path, text, strlen(text));
}

static int read_source(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    (void)arg;
    for (size_t i = 0; i < n_sources; i++) {
        if (strcmp(sources[i].path, path) != 0)
            continue;
        if (!sources[i].n || sources[i].n > max)
            return DBR_ERR_LIMIT;
        *out = malloc(sources[i].n);
        memcpy(*out, sources[i].p, sources[i].n);
        *n = sources[i].n;
        return 0;
    }
    return DBR_ERR_NOTFOUND;
}

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    size_t n = strlen(warned);
    (void)arg, (void)severity;
    snprintf(warned + n, sizeof warned - n, "%s\n", line);
}

static int ask(void *arg, int try, char *out, size_t cap)
{
    (void)arg;
    asked = try;
    if (!pass)
        return DBR_ERR_AGAIN;
    snprintf(out, cap, "%s", pass);
    return 0;
}

static struct dbr_imported got;

static int import_as(const char *path, const char *id, bool replace)
{
    struct dbr_import what = {.path = path,
                              .id = id,
                              .replace = replace,
                              .now_unix_s = (int64_t)time(NULL),
                              .read = read_source,
                              .say = say,
                              .ask = ask};
    *why = *warned = 0;
    return dbr_profile_import(&profiles, &what, &got, why, sizeof why);
}

static int import(void)
{
    return import_as("C:\\vpn\\office.ovpn", NULL, false);
}

static void have_pair(const struct pki_id *who, const char *key)
{
    have("C:\\vpn\\ca.crt", ca->pem);
    have("C:\\vpn\\bob.crt", who->pem);
    have("C:\\vpn\\bob.key", key);
}

static bool loads(const char *id, const char *part)
{
    char *text;
    size_t len;
    int err = dbr_profile_load(&profiles, id, &text, &len, why, sizeof why);
    bool found = !err && strstr(text, part) != NULL;
    dbr_vault_wipe(text, len);
    return found;
}

/* ---- profiles ---- */

static void profile_with_files(void **state)
{
    (void)state;
    char *key = pem_of(bob->key, NULL);
    have("C:\\vpn\\office.ovpn", FILES "script-security 2\nup evil.cmd\n");
    have_pair(bob, key);
    int err = import();
    if (err)
        fail_msg("%d %s", err, why);
    assert_string_equal(got.id, "office");
    assert_int_equal(got.seal, DBR_SEAL_EFS);
    assert_true(got.first);
    assert_int_equal(got.key.state, DBR_KEY_OPEN);
    assert_non_null(strstr(got.key.subject, "CN=bob"));
    assert_true(got.key.not_after > (int64_t)time(NULL));
    assert_int_equal(got.n_clear, 2);
    assert_string_equal(got.clear[0].path, "C:\\vpn\\office.ovpn");
    assert_string_equal(got.clear[1].path, "C:\\vpn\\bob.key");
    assert_non_null(strstr(warned, "office.ovpn:12: up: no program of a profile is ever run"));
    assert_true(loads("office", SECRET));
    assert_true(loads("office", "remote vpn.example.com 1194"));
    assert_int_equal(import(), DBR_ERR_EXISTS);
    assert_int_equal(import_as("C:\\vpn\\office.ovpn", NULL, true), 0);
    assert_false(got.first);
    free_text(key);
}

/* What is loaded is what was imported, to the byte, where everything is inline. */
static void inline_profile_stays(void **state)
{
    char text[16384], *out;
    size_t len;
    (void)state;
    char *key = pem_of(bob->key, NULL);
    snprintf(text, sizeof text, HEAD "<ca>\n%s</ca>\n<cert>\n%s</cert>\n<key>\n%s</key>\n", ca->pem, bob->pem,
             key);
    have("C:\\vpn\\office.ovpn", text);
    assert_int_equal(import(), 0);
    assert_string_equal(warned, "");
    assert_int_equal(dbr_profile_load(&profiles, "OFFICE2", &out, &len, why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_profile_load(&profiles, "office", &out, &len, why, sizeof why), 0);
    assert_string_equal(out, text);
    dbr_vault_wipe(out, len);
    dbr_wipe(text, sizeof text);
    free_text(key);
}

static void locked_keys(void **state)
{
    (void)state;
    have("C:\\vpn\\office.ovpn", FILES);
    have_pair(bob, locked_key);
    assert_int_equal(import(), 0); /* would rather not say it */
    assert_int_equal(asked, 1);
    assert_int_equal(got.key.state, DBR_KEY_LOCKED);
    assert_non_null(strstr(got.key.subject, "CN=bob"));
    pass = "open sesame";
    assert_int_equal(import_as("C:\\vpn\\office.ovpn", "two", false), 0);
    assert_int_equal(got.key.state, DBR_KEY_UNLOCKED);
    pass = "wrong";
    assert_int_equal(import_as("C:\\vpn\\office.ovpn", "three", false), DBR_ERR_AUTH);
    assert_int_equal(asked, 3);
    assert_non_null(strstr(why, "passphrase is wrong"));
    assert_false(loads("three", ""));
}

static void bad_pairs(void **state)
{
    (void)state;
    char *key = pem_of(bob->key, NULL), *late_key = pem_of(late->key, NULL);
    have("C:\\vpn\\office.ovpn", FILES);
    have_pair(eve, key);
    assert_int_equal(import(), DBR_ERR_CONFIG);
    teardown(NULL);
    setup(NULL);
    have("C:\\vpn\\office.ovpn", FILES);
    have_pair(late, late_key);
    assert_int_equal(import(), DBR_ERR_CONFIG);
    assert_non_null(strstr(why, "has expired"));
    teardown(NULL);
    setup(NULL);
    have("C:\\vpn\\office.ovpn", FILES);
    have_pair(late, locked_key); /* seen without the key as well */
    assert_int_equal(import(), DBR_ERR_CONFIG);
    assert_non_null(strstr(why, "has expired"));
    teardown(NULL);
    setup(NULL);
    have("C:\\vpn\\office.ovpn", FILES);
    have_pair(eve, locked_key);
    pass = "open sesame";
    assert_int_equal(import(), DBR_ERR_CONFIG);
    assert_int_equal(disk.n, 0);
    free_text(key);
    free_text(late_key);
}

static void bad_profiles(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "empty or too long"},
        {HEAD, "missing"},
        {FILES "nonsense\n", "office.ovpn:11: nonsense"},
        {"dev tap\nserver-bridge\n"
         "ca ca.crt\ncert bob.crt\nkey bob.key\n",
         "client"},
        {"client\ndev tap\nca ca.crt\ncert bob.crt\nkey bob.key\n", "remote"},
        {FILES "config other.ovpn\n", "config"},
        {FILES "plugin x.dll\n", "plugin"},
        {FILES "crl-verify ca.crt\n", "office.ovpn:11: crl-verify: revocation lists"},
        {FILES "socks-proxy 127.0.0.1\n", "office.ovpn:11: socks-proxy: this client"},
        {FILES "bridge br0\n", "office.ovpn:11: bridge: Windows"},
        {FILES "capath certs\n", "office.ovpn:11: capath: a folder"},
        {FILES "ca none.crt\n", "none.crt is not there"},
        {HEAD "ca bob.key\ncert bob.crt\nkey bob.key\n", "ca"},
    };
    (void)state;
    char *key = pem_of(bob->key, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        have("C:\\vpn\\office.ovpn", rows[i].text);
        have_pair(bob, key);
        int err = import();
        if (!err || !strstr(why, rows[i].says))
            fail_msg("%zu: %d %s", i, err, why);
        assert_int_equal(disk.n, 0);
        teardown(NULL);
        setup(NULL);
    }
    assert_int_equal(import_as("C:\\none.ovpn", NULL, false), DBR_ERR_NOTFOUND);
    assert_int_equal(import_as("\\\\server\\x\\a.ovpn", NULL, false), DBR_ERR_CONFIG);
    assert_int_equal(import_as("C:\\a.ovpn", "nul", false), DBR_ERR_CONFIG);
    free_text(key);
}

/* ---- PKCS#12 ---- */

static void have_p12(const char *path, const char *with)
{
    PKCS12 *p12 = PKCS12_create(with, "bob", bob->key, bob->cert, NULL, NID_aes_256_cbc, NID_aes_256_cbc,
                                2048, 2048, 0);
    unsigned char *der = NULL;
    int n = i2d_PKCS12(p12, &der);
    assert_true(n > 0);
    have_bytes(path, der, (size_t)n);
    OPENSSL_free(der);
    PKCS12_free(p12);
}

static void p12_in_a_profile(void **state)
{
    (void)state;
    have("C:\\vpn\\office.ovpn", HEAD "ca ca.crt\npkcs12 bob.p12\n");
    have("C:\\vpn\\ca.crt", ca->pem);
    have_p12("C:\\vpn\\bob.p12", "open sesame");
    assert_int_equal(import(), 0);
    assert_int_equal(got.key.state, DBR_KEY_LOCKED);
    pass = "open sesame";
    assert_int_equal(import_as("C:\\vpn\\office.ovpn", "two", false), 0);
    assert_int_equal(got.key.state, DBR_KEY_UNLOCKED);
    assert_non_null(strstr(got.key.subject, "CN=bob"));
    pass = "wrong";
    assert_int_equal(import_as("C:\\vpn\\office.ovpn", "three", false), DBR_ERR_AUTH);
    assert_true(loads("two", "<pkcs12>"));
}

static void p12_without_passphrase(void **state)
{
    (void)state;
    have("C:\\vpn\\office.ovpn", HEAD "ca ca.crt\npkcs12 bob.p12\n");
    have("C:\\vpn\\ca.crt", ca->pem);
    have_p12("C:\\vpn\\bob.p12", "");
    assert_int_equal(import(), 0);
    assert_int_equal(got.key.state, DBR_KEY_OPEN);
    assert_int_equal(asked, 0);
}

/* ---- an administrator's profile and the user's key ---- */

static char office[8192];

static void administrator_has(const char *more)
{
    snprintf(office, sizeof office, HEAD "<ca>\n%s</ca>\n%s", ca->pem, more);
    machine_text = office;
}

static void key_for_it(void **state)
{
    (void)state;
    administrator_has("# no end of line");
    assert_false(loads("office", ""));
    assert_non_null(strstr(why, "lacks your key"));
    assert_non_null(strstr(why, "drawbridge import"));
    have_p12("C:\\vpn\\bob.p12", "open sesame");
    assert_int_equal(import_as("C:\\vpn\\bob.p12", NULL, false), DBR_ERR_CONFIG);
    assert_non_null(strstr(why, "say for which profile"));
    assert_int_equal(import_as("C:\\vpn\\bob.p12", "branch", false), DBR_ERR_NOTFOUND);
    pass = "open sesame";
    assert_int_equal(import_as("C:\\vpn\\bob.p12", "office", false), 0);
    assert_true(got.key_only);
    assert_int_equal(got.key.state, DBR_KEY_UNLOCKED);
    assert_true(loads("office", "<pkcs12>"));
    assert_true(loads("office", "remote vpn.example.com 1194"));
    machine_text = NULL; /* the administrator took it away */
    assert_false(loads("office", ""));
    assert_non_null(strstr(why, "there is no profile office"));
}

static void pem_key_for_it(void **state)
{
    char text[8192];
    (void)state;
    char *key = pem_of(bob->key, NULL);
    administrator_has("");
    snprintf(text, sizeof text, "%s%s", strstr(key, "-----BEGIN"), bob->pem);
    have("C:\\vpn\\bob.pem", text);
    assert_int_equal(import_as("C:\\vpn\\bob.pem", "office", false), 0);
    assert_true(loads("office", "<cert>"));
    snprintf(text, sizeof text, "%s%s", strstr(key, "-----BEGIN"), eve->pem);
    have("C:\\vpn\\eve.pem", text);
    assert_int_equal(import_as("C:\\vpn\\eve.pem", "office", true), DBR_ERR_CONFIG);
    dbr_wipe(text, sizeof text);
    free_text(key);
}

static void name_is_taken(void **state)
{
    (void)state;
    char *key = pem_of(bob->key, NULL);
    administrator_has("");
    have("C:\\vpn\\office.ovpn", FILES);
    have_pair(bob, key);
    assert_int_equal(import(), DBR_ERR_EXISTS);
    assert_non_null(strstr(why, "your administrator has a profile office"));
    assert_int_equal(import_as("C:\\vpn\\office.ovpn", "mine", false), 0);
    free_text(key);
}

/* A key that all users of the computer can read is refused, however it is written. */
static void key_of_all(void **state)
{
    static const char *const rows[] = {
        "key C:\\\\bob.key\n",
        "<key>\nx\n</key>\n",
        "pkcs12 bob.p12\n",
        "<pkcs12>\nMAMCAQU=\n</pkcs12>\n",
        "<auth-user-pass>\nbob\npass\n</auth-user-pass>\n",
        "<cert>\n-----BEGIN EC PRIVATE KEY-----\n</cert>\n",
        "# -----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    };
    (void)state;
    have_p12("C:\\vpn\\bob.p12", "");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text;
        size_t len;
        administrator_has(rows[i]);
        assert_int_equal(dbr_profile_load(&profiles, "office", &text, &len, why, sizeof why), DBR_ERR_AUTH);
        assert_null(text);
        assert_non_null(strstr(why, "all users"));
        assert_int_equal(import_as("C:\\vpn\\bob.p12", "office", false), DBR_ERR_AUTH);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(profile_with_files), T(inline_profile_stays),   T(locked_keys), T(bad_pairs),      T(bad_profiles),
        T(p12_in_a_profile),   T(p12_without_passphrase), T(key_for_it),  T(pem_key_for_it), T(name_is_taken),
        T(key_of_all),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
