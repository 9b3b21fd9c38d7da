/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/check.h"
#include "client-win/keystore/why.h"

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/init.h"
#include "crypto/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- configuration ---- */

struct ear {
    const struct dbr_check_say *say;
    char *why;
    size_t cap;
    bool heard; /* an error */
};

/* What stock clients need and this one passes over is nothing that a user has to know. */
static bool is_harmless(const char *line)
{
    return strstr(line, ": has no effect: ") != NULL;
}

static void hear(void *arg, enum dbr_conf_severity severity, const char *line)
{
    struct ear *e = arg;
    if (severity == DBR_CONF_ERROR && !e->heard) {
        keys_complain(0, e->why, e->cap, "%s", line);
        e->heard = true;
    }
    if (e->say && e->say->say && (severity == DBR_CONF_ERROR || !is_harmless(line)))
        e->say->say(e->say->arg, severity, line);
}

/* Programs that a profile may name. */
static const enum dbr_directive programs[] = {DBR_D_up, DBR_D_down, DBR_D_route_up, DBR_D_ipchange,
                                              DBR_D_dns_updown};

static void tell_programs(const struct dbr_config *cfg, struct ear *e)
{
    char line[512];
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        unsigned at;
        const char *file = dbr_config_where(cfg, programs[i], &at);
        if (!at)
            continue;
        snprintf(line, sizeof line, "%s:%u: %s: no program of a profile is ever run; the line may go", file,
                 at, dbr_directive_info(programs[i])->keyword);
        hear(e, DBR_CONF_WARNING, line);
    }
}

const struct dbr_check_row dbr_check_not_here[] = {
    {DBR_D_crl_verify, "revocation lists are the server's to check; remove the line"},
    {DBR_D_capath, "a folder cannot be part of a profile; put the certificates into one file: ca FILE"},
    {DBR_D_socks_proxy, "this client calls the server directly; remove the line"},
    {DBR_D_management_external_key, "there is no manager here; write cert and key into the profile"},
    {DBR_D_bridge, "Windows bridges adapters by itself; remove the line"},
    {DBR_D_user, NULL},
    {DBR_D_group, NULL},
    {DBR_D_daemon, NULL},
    {DBR_D_syslog, NULL},
    {DBR_D_log, NULL},
    {DBR_D_log_append, NULL},
    {DBR_D_writepid, NULL},
    {DBR_D_status, NULL},
    {DBR_D_up, NULL},
    {DBR_D_down, NULL},
    {DBR_D_management, NULL},
    {DBR_D_control_socket, NULL},
    {DBR_D_metrics, NULL},
    {DBR_D_mark, NULL},
    {DBR_D_local, NULL},
    {DBR_D_lport, NULL},
    {DBR_D_bind_dev, NULL},
    {DBR_D_dev_node, NULL},
    {DBR_D_lladdr, NULL},
    {DBR_D_nice, NULL},
    {DBR_D_mlock, NULL},
    {DBR_D_workers, NULL},
    {DBR_D_COUNT, NULL},
};

/* What the engine would refuse when it connects is said now, with its line. */
static int refuse_not_here(const struct dbr_config *cfg, struct ear *e)
{
    char line[512];
    for (const struct dbr_check_row *row = dbr_check_not_here; row->which != DBR_D_COUNT; row++) {
        unsigned at;
        const char *file = dbr_config_where(cfg, row->which, &at);
        if (!at || !row->text)
            continue;
        snprintf(line, sizeof line, "%s:%u: %s: %s", file, at, dbr_directive_info(row->which)->keyword,
                 row->text);
        hear(e, DBR_CONF_ERROR, line);
    }
    return e->heard ? DBR_ERR_CONFIG : 0;
}

static int read_all(struct dbr_config *cfg, const char *file, const char *text, size_t len, struct ear *e)
{
    struct dbr_conf_diag diag = {.say = hear, .arg = e};
    int err = dbr_config_parse(cfg, file, text, len, &diag);
    return err ? err : dbr_config_finish(cfg, &diag);
}

int dbr_check_profile(struct dbr_config *cfg, const char *file, const char *text, size_t len,
                      const struct dbr_check_say *say, char *why, size_t cap)
{
    struct ear e = {.say = say, .why = why, .cap = cap};
    int err = dbr_config_init(cfg);
    if (!err)
        err = read_all(cfg, file, text, len, &e);
    if (err == DBR_ERR_NOMEM)
        return keys_complain(err, why, cap, "%s: out of memory; close other programs", file);
    if (!err && (cfg->role != DBR_CONF_ROLE_CLIENT || !cfg->remote.n))
        err = keys_complain(DBR_ERR_CONFIG, why, cap,
                            "%s: it says no server to call (client, remote): take the profile of a client",
                            file);
    if (!err)
        err = refuse_not_here(cfg, &e);
    if (!err)
        tell_programs(cfg, &e);
    return err;
}

/* ---- keys ---- */

struct p12 {
    uint8_t *der;
    size_t len, cap;
};

static int open_p12(struct p12 *p, const struct dbr_conf_blob *blob, char *why, size_t cap)
{
    *p = (struct p12){.cap = blob->len};
    if (!blob->text)
        return 0;
    p->der = malloc(p->cap + 1);
    long n = p->der ? dbr_base64_decode(blob->text, blob->len, p->der, p->cap) : DBR_ERR_NOMEM;
    if (n >= 0)
        p->len = (size_t)n;
    return n < 0 ? keys_complain(DBR_ERR_CONFIG, why, cap, "pkcs12: its base64 is damaged; import it again")
                 : 0;
}

static void close_p12(struct p12 *p)
{
    if (p->der)
        dbr_wipe(p->der, p->cap);
    free(p->der);
}

static bool has_text(const char *text, size_t len, const char *what)
{
    size_t n = strlen(what);
    for (size_t i = 0; text && i + n <= len; i++)
        if (memcmp(text + i, what, n) == 0)
            return true;
    return false;
}

/* RFC 5958 (PKCS#8) and RFC 1421 section 4.6.1.1. */
static bool pem_is_locked(const struct dbr_conf_blob *key)
{
    return has_text(key->text, key->len, "-----BEGIN ENCRYPTED PRIVATE KEY-----") ||
           has_text(key->text, key->len, "Proc-Type: 4,ENCRYPTED");
}

/* As keyfile.c says it; a test holds them together. */
static bool is_about_pass(const char *why)
{
    return strstr(why, "pass phrase") != NULL;
}

/* Nobody signs here: the certificate is looked at without its key. */
static void ask_nobody(void *arg, void *session_arg, const struct dbr_tls_to_sign *what)
{
    (void)arg, (void)session_arg, (void)what;
}

/* In the order of the words of tls-cert-profile. */
static const char *strength_of(int conf)
{
    static const char *const names[] = {"insecure", "legacy", "preferred", "suiteb"};
    return conf < 0 ? NULL : names[conf];
}

static int version_of(int conf)
{
    return conf == DBR_TLS_1_2 ? 12 : conf == DBR_TLS_1_3 ? 13 : 0;
}

static void fill(struct dbr_tls_config *t, const struct dbr_config *cfg, const struct p12 *p12, int64_t now)
{
    *t = (struct dbr_tls_config){
        .ca = cfg->ca.text,
        .ca_len = cfg->ca.len,
        .cert = cfg->cert.text,
        .cert_len = cfg->cert.len,
        .extra_certs = cfg->extra_certs.text,
        .extra_certs_len = cfg->extra_certs.len,
        .key = cfg->key.text,
        .key_len = cfg->key.len,
        .pkcs12 = p12->len ? p12->der : NULL,
        .pkcs12_len = p12->len,
        .version_min = version_of(cfg->tls_version_min),
        .version_max = version_of(cfg->tls_version_max),
        .cert_profile = strength_of(cfg->tls_cert_profile),
        .fingerprint = cfg->peer_fingerprint.n > 0,
        .now = now,
    };
}

static int try_keys(const struct dbr_tls_config *t, struct dbr_key_facts *facts, char *why, size_t cap)
{
    struct dbr_tls_ctx *ctx;
    int err = dbr_tls_ctx_new(&ctx, t, why, cap);
    if (err)
        return err;
    const struct dbr_x509 *own = dbr_tls_ctx_cert(ctx);
    snprintf(facts->subject, sizeof facts->subject, "%s", own->subject);
    facts->not_after = own->not_after;
    dbr_tls_ctx_put(ctx);
    return 0;
}

/* Without the passphrase of a PKCS#12 file nothing in it can be seen. */
static int look_without_key(struct dbr_tls_config *t, struct dbr_key_facts *facts, char *why, size_t cap)
{
    facts->state = DBR_KEY_LOCKED;
    if (t->pkcs12)
        return 0;
    t->key = NULL;
    t->ask = ask_nobody;
    return try_keys(t, facts, why, cap);
}

/* A passphrase that does not open the key. */
static int refuse_pass(struct dbr_key_facts *facts, char *why, size_t cap)
{
    facts->state = DBR_KEY_LOCKED;
    return keys_complain(DBR_ERR_AUTH, why, cap, "the passphrase is wrong; type it again");
}

static int check_locked(struct dbr_tls_config *t, const char *pass, struct dbr_key_facts *facts, char *why,
                        size_t cap)
{
    if (!pass)
        return look_without_key(t, facts, why, cap);
    t->key_pass = pass;
    facts->state = DBR_KEY_UNLOCKED;
    int err = try_keys(t, facts, why, cap);
    return err && is_about_pass(why) ? refuse_pass(facts, why, cap) : err;
}

static int check_with(struct dbr_tls_config *t, bool locked_pem, const char *pass,
                      struct dbr_key_facts *facts, char *why, size_t cap)
{
    if (locked_pem)
        return check_locked(t, pass, facts, why, cap);
    facts->state = DBR_KEY_OPEN;
    int err = try_keys(t, facts, why, cap);
    return err && t->pkcs12 && is_about_pass(why) ? check_locked(t, pass, facts, why, cap) : err;
}

static int check(const struct dbr_config *cfg, const char *pass, int64_t now, struct dbr_key_facts *facts,
                 char *why, size_t cap)
{
    struct dbr_tls_config t;
    struct p12 p12;
    int err = open_p12(&p12, &cfg->pkcs12, why, cap);
    fill(&t, cfg, &p12, now);
    if (!err)
        err = check_with(&t, pem_is_locked(&cfg->key), pass, facts, why, cap);
    close_p12(&p12);
    return err;
}

int dbr_check_keys(const struct dbr_config *cfg, const char *pass, int64_t now_unix_s,
                   struct dbr_key_facts *facts, char *why, size_t cap)
{
    char line[DBR_TLS_WHY_MAX] = "";
    *facts = (struct dbr_key_facts){.state = DBR_KEY_OPEN};
    if (dbr_crypto_init())
        return keys_complain(DBR_ERR_CRYPTO, why, cap, "OpenSSL does not start; install Drawbridge again");
    int err = check(cfg, pass, now_unix_s, facts, line, sizeof line);
    return err ? keys_complain(err, why, cap, "%s", line) : 0;
}

/* ---- profiles for all users ---- */

bool dbr_check_has_secret(const struct dbr_config *cfg, const char *text, size_t len, const char **what)
{
    *what = cfg->key.text || cfg->key.path                         ? "key"
            : cfg->pkcs12.text || cfg->pkcs12.path                 ? "pkcs12"
            : cfg->auth_user_pass.text || cfg->auth_user_pass.path ? "auth-user-pass"
            : has_text(text, len, "PRIVATE KEY-----")              ? "a private key"
                                                                   : NULL;
    return *what;
}
