/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A profile into a configuration, gate and TLS context. Everything is inline: a file that is only named was
 * left behind when the profile was imported.
 */
#include "client-win/engine/priv.h"

#include "base/base64.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "client/rules.h"
#include "client/wrap.h"
#include "client-win/keystore/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY = 512 };

/* ---- the configuration ---- */

/* Directives that are for Windows are what we are here for. */
static bool is_ours(const char *line)
{
    return strstr(line, "it is for Windows") != NULL;
}

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    struct dbr_engine *e = arg;
    bool error = severity == DBR_CONF_ERROR;
    if (!error && is_ours(line))
        return;
    engine_log(e, DBR_LOG_ERROR, "%s%s", error ? "" : "WARNING: ", line);
    if (error && !*e->line)
        snprintf(e->line, sizeof e->line, "%s", line);
}

static int refuse(struct dbr_engine *e, const char *text)
{
    if (!*e->line)
        snprintf(e->line, sizeof e->line, "%s", text);
    engine_log(e, DBR_LOG_ERROR, "%s", text);
    return DBR_ERR_CONFIG;
}

static int check_directives(struct dbr_engine *e)
{
    char text[TEXT_MAX];
    for (const struct dbr_check_row *row = dbr_check_not_here; row->which != DBR_D_COUNT; row++) {
        const char *keyword = dbr_directive_info(row->which)->keyword;
        if (!e->cfg.set[row->which].line)
            continue;
        if (row->text) {
            snprintf(text, sizeof text, "%s: %s", keyword, row->text);
            return refuse(e, text);
        }
        engine_log(e, DBR_LOG_WARN, "WARNING: %s: has no effect on Windows; you may remove the line",
                   keyword);
    }
    return 0;
}

static int check_role(struct dbr_engine *e)
{
    if (e->cfg.role != DBR_CONF_ROLE_CLIENT)
        return refuse(e, "this is the configuration of a server; import the profile that was made for you");
    if (!e->cfg.remote.n)
        return refuse(e, "no server is named; ask for a profile with a line `remote HOST PORT`");
    return 0;
}

static int check_inline(struct dbr_engine *e)
{
    const struct {
        const char *name;
        const struct dbr_conf_blob *blob;
    } blobs[] = {{"ca", &e->cfg.ca},
                 {"cert", &e->cfg.cert},
                 {"key", &e->cfg.key},
                 {"pkcs12", &e->cfg.pkcs12},
                 {"extra-certs", &e->cfg.extra_certs},
                 {"tls-auth", &e->cfg.tls_auth},
                 {"tls-crypt", &e->cfg.tls_crypt},
                 {"tls-crypt-v2", &e->cfg.tls_crypt_v2}};
    char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        if (!blobs[i].blob->path)
            continue;
        snprintf(text, sizeof text, "%s: the file %.100s is not in the profile; import the profile again",
                 blobs[i].name, blobs[i].blob->path);
        return refuse(e, text);
    }
    return 0;
}

static char *join(const struct dbr_conf_list *list)
{
    size_t n = 1, at = 0;
    for (size_t i = 0; i < list->n; i++)
        n += strlen(list->v[i]) + 1;
    char *out = calloc(n, 1);
    for (size_t i = 0; out && i < list->n; i++)
        at += (size_t)snprintf(out + at, n - at, "%s%s", i ? ":" : "", list->v[i]);
    return out;
}

static void fill_session(struct dbr_engine *e)
{
    const struct dbr_config *cfg = &e->cfg;
    struct dbr_session_config *s = &e->session;
    const char *fallback = cfg->data_ciphers_fallback ? cfg->data_ciphers_fallback : "";
    s->p2p = cfg->p2p;
    s->data_ciphers = e->ciphers;
    s->fallback = dbr_cipher_by_name(fallback, strlen(fallback));
    s->auth = cfg->auth;
    s->cipher = cfg->cipher;
    s->framing = dbr_framing_of(cfg);
    s->fragment = cfg->fragment.size > 0;
    s->key_direction = cfg->tls_auth.direction;
    s->tun_mtu = (uint32_t)cfg->tun_mtu;
    s->hand_window_s = (uint32_t)cfg->hand_window;
    s->tran_window_s = (uint32_t)cfg->tran_window;
    s->tls_timeout_s = (uint32_t)cfg->tls_timeout;
    s->reneg_s = (uint32_t)cfg->reneg_sec;
    s->push_peer_info = cfg->push_peer_info;
    s->platform = "win";
    s->sso = DBR_IS_SET(cfg, auth_user_pass) ? "webauth,openurl,crtext" : NULL;
    s->ops = &engine_session_ops;
    s->arg = e;
}

static void order_remotes(struct dbr_engine *e)
{
    struct call *c = &e->call;
    c->n = e->cfg.remote.n < MAX_REMOTES ? e->cfg.remote.n : MAX_REMOTES;
    for (size_t i = 0; i < c->n; i++)
        c->order[i] = (uint8_t)i;
    for (size_t i = c->n; e->cfg.remote_random && i > 1; i--) {
        uint32_t r;
        e->ops->random(e->arg, &r, sizeof r);
        uint8_t t = c->order[i - 1];
        c->order[i - 1] = c->order[r % i];
        c->order[r % i] = t;
    }
}

int load_profile(struct dbr_engine *e, const char *profile, size_t len)
{
    struct dbr_conf_diag diag = {.say = say, .arg = e};
    int err = dbr_config_init(&e->cfg);
    if (!err)
        err = dbr_config_parse(&e->cfg, "client.ovpn", profile, len, &diag);
    if (!err)
        err = dbr_config_finish(&e->cfg, &diag);
    if (!err)
        err = check_role(e);
    if (!err)
        err = check_directives(e);
    if (!err)
        err = check_inline(e);
    if (!err && !(e->ciphers = join(&e->cfg.data_ciphers)))
        err = DBR_ERR_NOMEM;
    if (err)
        return err;
    if (e->cfg.auth_user_pass.text && login_parse(&e->login, e->cfg.auth_user_pass.text))
        return refuse(
            e, "auth-user-pass: the user name belongs into its first line, the password into the second");
    dbr_rules_of(&e->rules, &e->cfg);
    fill_session(e);
    order_remotes(e);
    return 0;
}

/* ---- the gate ---- */

static int shared_gate(struct dbr_engine *e, bool crypt, char *why, size_t cap)
{
    const struct dbr_conf_blob *b = crypt ? &e->cfg.tls_crypt : &e->cfg.tls_auth;
    int err = dbr_static_key_parse(e->static_key, b->text, b->len, why, cap);
    if (err)
        return err;
    snprintf(why, cap, "auth %s: this digest is not available; ask for a profile with SHA256", e->cfg.auth);
    e->session.static_key = e->static_key;
    return dbr_gate_new(&e->gate, crypt ? DBR_GATE_TLS_CRYPT : DBR_GATE_TLS_AUTH, e->static_key,
                        crypt ? 1 : b->direction, e->cfg.auth);
}

static int own_gate(struct dbr_engine *e, char *why, size_t cap)
{
    struct dbr_own_key own;
    int err = dbr_own_key_parse(&own, e->cfg.tls_crypt_v2.text, e->cfg.tls_crypt_v2.len, why, cap);
    if (!err)
        err = dbr_gate_new(&e->gate, DBR_GATE_TLS_CRYPT, own.key, 1, NULL);
    if (!err) {
        memcpy(e->static_key, own.key, sizeof own.key);
        memcpy(e->wkc, own.wkc, own.wkc_len);
        e->session.static_key = e->static_key;
        e->session.wkc = e->wkc;
        e->session.wkc_len = own.wkc_len;
    }
    dbr_wipe(&own, sizeof own);
    return err;
}

int load_gate(struct dbr_engine *e, char *why, size_t cap)
{
    int err;
    if (e->cfg.tls_crypt_v2.text)
        err = own_gate(e, why, cap);
    else if (e->cfg.tls_crypt.text || e->cfg.tls_auth.text)
        err = shared_gate(e, e->cfg.tls_crypt.text != NULL, why, cap);
    else
        err = dbr_gate_new(&e->gate, DBR_GATE_NONE, NULL, -1, NULL);
    e->session.gate = e->gate;
    return err;
}

/* ---- TLS ---- */

static enum dbr_verify verify(void *arg, void *session_arg, const struct dbr_x509 *chain, size_t n, char *why,
                              size_t cap)
{
    struct dbr_engine *e = arg;
    (void)session_arg;
    if (dbr_prints_check(&e->cfg, chain, n, why, cap) || dbr_x509_check_rules(&chain[0], &e->rules, why, cap))
        return DBR_VERIFY_BAD;
    for (size_t i = n; i-- > 0;)
        engine_log(e, DBR_LOG_INFO, "VERIFY OK: depth=%u, %s", (unsigned)i, chain[i].subject);
    return DBR_VERIFY_OK;
}

static const char *profile_name(const struct dbr_config *cfg)
{
    static const char *const names[] = {"insecure", "legacy", "preferred", "suiteb"}; /* as directives.def */
    return cfg->tls_cert_profile < 0 ? NULL : names[cfg->tls_cert_profile];
}

/* An inline pkcs12 is base64. The DER is the caller's to wipe and free. */
static int decode_pkcs12(const struct dbr_conf_blob *b, uint8_t **der, size_t *len)
{
    *der = NULL;
    *len = 0;
    if (!b->text)
        return 0;
    *der = malloc(b->len + 1);
    if (!*der)
        return DBR_ERR_NOMEM;
    long n = dbr_base64_decode(b->text, b->len, *der, b->len);
    *len = n > 0 ? (size_t)n : 0;
    return n > 0 ? 0 : DBR_ERR_SHAPE;
}

static int make_tls(struct dbr_engine *e, const uint8_t *der, size_t der_len, char *why, size_t cap)
{
    const struct dbr_config *cfg = &e->cfg;
    struct dbr_tls_config t = {.ca = cfg->ca.text,
                               .ca_len = cfg->ca.len,
                               .cert = cfg->cert.text,
                               .cert_len = cfg->cert.len,
                               .key = cfg->key.text,
                               .key_len = cfg->key.len,
                               .extra_certs = cfg->extra_certs.text,
                               .extra_certs_len = cfg->extra_certs.len,
                               .key_pass = e->has_passphrase ? e->passphrase : NULL,
                               .pkcs12 = der_len ? der : NULL,
                               .pkcs12_len = der_len,
                               .fingerprint = cfg->peer_fingerprint.n && !cfg->ca.text,
                               .cert_profile = profile_name(cfg),
                               .version_min = cfg->tls_version_min,
                               .version_max = cfg->tls_version_max,
                               .cipher_list = cfg->tls_cipher,
                               .ciphersuites = cfg->tls_ciphersuites,
                               .groups = cfg->tls_groups,
                               .now = e->now.unix_s,
                               .verify = verify,
                               .arg = e};
    return dbr_tls_ctx_new(&e->session.tls, &t, why, cap);
}

/* TLS has it now; its text is not needed any more. */
static void forget_key(struct dbr_engine *e)
{
    struct dbr_conf_blob *blobs[] = {&e->cfg.key, &e->cfg.pkcs12, &e->cfg.auth_user_pass};
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++)
        if (blobs[i]->text)
            dbr_wipe(blobs[i]->text, blobs[i]->len);
}

enum load load_tls(struct dbr_engine *e, char *why, size_t cap)
{
    uint8_t *der;
    size_t len;
    char text[WHY] = "pkcs12: the block is damaged; import the profile again";
    int err = decode_pkcs12(&e->cfg.pkcs12, &der, &len);
    if (!err)
        err = make_tls(e, der, len, text, sizeof text);
    if (der)
        dbr_wipe(der, len);
    free(der);
    bool had = e->has_passphrase;
    dbr_wipe(e->passphrase, sizeof e->passphrase);
    e->has_passphrase = false;
    if (!err) {
        forget_key(e);
        return LOAD_DONE;
    }
    if (strstr(text, "pass phrase")) /* crypto/keyfile.c: it is encrypted, or that is the wrong one */
        return had ? LOAD_WRONG_PASSPHRASE : LOAD_LOCKED;
    engine_log(e, DBR_LOG_ERROR, "%s", text);
    snprintf(why, cap, "%.*s", (int)cap - 1, text);
    return LOAD_BAD;
}
