/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files into keys, TLS context and revocation lists, while control still has keeper's rights. Each complaint
 * is one line: which input, what is wrong, the way out.
 */
#include "client/wrap.h"
#include "control/gatekey.h"
#include "control/revocation.h"
#include "control/state.h"
#include "ipc/blank.h"
#include "ipc/bundle.h"
#include "ipc/capath.h"
#include "base/base64.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 96 << 20, WHY = 512 };

struct text {
    char *data; /* NUL-terminated; NULL: not configured */
    size_t len;
};

static void complain(struct control *ctl, enum dbr_directive which, const char *name, const char *why)
{
    unsigned line;
    const char *file = dbr_config_where(ctl->cfg, which, &line);
    dbr_log(ctl->log, DBR_LOG_FATAL, "%s:%u: %s: %s%s%s", file, line, dbr_directive_info(which)->keyword,
            name ? name : "", name ? ": " : "", why);
}

static int read_file(int fd, struct text *out)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
        return DBR_ERR_SHAPE;
    out->data = malloc((size_t)st.st_size + 1);
    if (!out->data)
        return DBR_ERR_NOMEM;
    while (out->len < (size_t)st.st_size) {
        ssize_t n = read(fd, out->data + out->len, (size_t)st.st_size - out->len);
        if (n <= 0)
            break;
        out->len += (size_t)n;
    }
    out->data[out->len] = 0;
    return 0;
}

static void free_text(struct text *t)
{
    if (t->data)
        dbr_wipe(t->data, t->len);
    free(t->data);
    *t = (struct text){0};
}

/* During a reload keeper has read the files. */
static int load_bundled(struct control *ctl, enum dbr_directive which, const char *path, struct text *out)
{
    const char *found = dbr_bundle_get(ctl->bundle, path, &out->len);
    if (!found) {
        complain(ctl, which, path, "was not read");
        return DBR_ERR_CONFIG;
    }
    out->data = malloc(out->len + 1);
    if (!out->data)
        return DBR_ERR_NOMEM;
    memcpy(out->data, found, out->len);
    out->data[out->len] = 0;
    return 0;
}

/* What cannot change while the daemon runs: the configuration it began with. */
static const struct dbr_config *base_cfg(const struct control *ctl)
{
    return ctl->real ? ctl->real->cfg : ctl->cfg;
}

/* The text of a blob, from its file or inline. 0, also when it is not configured. */
static int load_any(struct control *ctl, enum dbr_directive which, const struct dbr_conf_blob *b,
                    struct text *out)
{
    char why[WHY];
    *out = (struct text){0};
    if (b->text) {
        out->data = strdup(b->text);
        out->len = b->len;
        return out->data ? 0 : DBR_ERR_NOMEM;
    }
    if (!b->path)
        return 0;
    if (ctl->bundle)
        return load_bundled(ctl, which, b->path, out);
    int fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int err = fd < 0 ? DBR_ERR_IO : read_file(fd, out);
    if (fd < 0)
        snprintf(why, sizeof why, "cannot open: %s; check the path (relative to `cd`) and its rights",
                 strerror(errno));
    else if (err)
        snprintf(why, sizeof why, "not a readable regular file of at most 96 MiB");
    if (fd >= 0)
        close(fd);
    if (err)
        complain(ctl, which, b->path, why);
    return err ? DBR_ERR_CONFIG : 0;
}

/* Where there is a signer, a private key beside the certificates of a file is overwritten at once. */
static int load_blob(struct control *ctl, enum dbr_directive which, const struct dbr_conf_blob *b,
                     struct text *out)
{
    int err = load_any(ctl, which, b, out);
    if (!err && out->data && signer_there(ctl))
        dbr_blank_keys(out->data, out->len, false);
    return err;
}

static int make_gate(struct control *ctl, struct realm *r, enum dbr_directive which,
                     const struct dbr_conf_blob *blob, bool crypt)
{
    const struct dbr_config *cfg = ctl->cfg;
    char why[WHY] = "";
    struct text t;
    int err = load_blob(ctl, which, blob, &t);
    if (err)
        return err;
    err = dbr_static_key_parse(r->static_key, t.data, t.len, why, sizeof why);
    free_text(&t);
    int direction = crypt ? (cfg->role == DBR_CONF_ROLE_SERVER ? 0 : 1) : cfg->tls_auth.direction;
    if (!err)
        err = dbr_gate_new(&r->gate, crypt ? DBR_GATE_TLS_CRYPT : DBR_GATE_TLS_AUTH, r->static_key, direction,
                           base_cfg(ctl)->auth);
    if (!err)
        r->session.static_key = r->static_key;
    else
        complain(ctl, which, blob->path,
                 *why ? why : "the digest named by auth is not available; use SHA256");
    return err ? DBR_ERR_CONFIG : 0;
}

static bool given(const struct dbr_conf_blob *blob)
{
    return blob->path || blob->text;
}

/* A client brings its own key along; its gate is tls-crypt. */
static int take_own_key(struct control *ctl, struct realm *r, const struct text *t, char *why, size_t cap)
{
    struct dbr_own_key own;
    int err = dbr_own_key_parse(&own, t->data, t->len, why, cap);
    if (!err)
        err = dbr_gate_new(&r->gate, DBR_GATE_TLS_CRYPT, own.key, 1, NULL);
    if (!err) {
        memcpy(r->static_key, own.key, sizeof own.key);
        memcpy(r->own_wkc, own.wkc, own.wkc_len);
        r->session.static_key = r->static_key;
        r->session.wkc = r->own_wkc;
        r->session.wkc_len = own.wkc_len;
    }
    dbr_wipe(&own, sizeof own);
    (void)ctl;
    return err;
}

static int take_server_key(struct realm *r, const struct text *t, char *why, size_t cap)
{
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    int err = dbr_wkc_server_key_parse(key, t->data, t->len, why, cap);
    if (!err)
        err = dbr_wkc_new(&r->wkc, key);
    if (!err && !r->gate) {
        r->v2_only = true;
        err = dbr_gate_new(&r->gate, DBR_GATE_NONE, NULL, -1, NULL);
    }
    dbr_wipe(key, sizeof key);
    return err;
}

static int make_v2(struct control *ctl, struct realm *r, enum dbr_directive which,
                   const struct dbr_conf_blob *blob)
{
    char why[WHY] = "no memory for the key";
    struct text t;
    int err = load_blob(ctl, which, blob, &t);
    if (err)
        return err;
    err = ctl->cfg->role == DBR_CONF_ROLE_SERVER ? take_server_key(r, &t, why, sizeof why)
                                                 : take_own_key(ctl, r, &t, why, sizeof why);
    free_text(&t);
    if (err)
        complain(ctl, which, blob->path, why);
    return err ? DBR_ERR_CONFIG : 0;
}

static int load_withdrawn(struct control *ctl)
{
    const struct dbr_conf_blob list = {.path = ctl->cfg->tls_crypt_v2_withdrawn};
    char why[WHY] = "no memory for the list";
    struct text t;
    int err = list.path ? load_blob(ctl, DBR_D_tls_crypt_v2_withdrawn, &list, &t) : 0;
    if (err || !list.path)
        return err;
    err = withdrawn_take(ctl, t.data, t.len, why, sizeof why);
    free_text(&t);
    if (err)
        complain(ctl, DBR_D_tls_crypt_v2_withdrawn, list.path, why);
    return err ? DBR_ERR_CONFIG : 0;
}

/* For good: a reload leaves it, or every token would be void. */
static int load_token_secret(struct control *ctl)
{
    const struct dbr_conf_blob *b = &ctl->cfg->auth_gen_token_secret;
    uint8_t secret[DBR_TOKEN_SECRET_LEN];
    char why[WHY] = "";
    struct text t = {0};
    if (!ctl->cfg->auth_gen_token.on || ctl->boot->client)
        return 0;
    int err = load_blob(ctl, DBR_D_auth_gen_token_secret, b, &t);
    if (!err && given(b) && dbr_token_secret_parse(secret, t.data, t.len, why, sizeof why)) {
        complain(ctl, DBR_D_auth_gen_token_secret, b->path, why);
        err = DBR_ERR_CONFIG;
    } else if (!err && !given(b)) {
        memcpy(secret, ctl->boot->token_secret, sizeof secret);
    }
    free_text(&t);
    if (!err)
        err = dbr_mac_new(&ctl->token_mac, "SHA256", secret, sizeof secret);
    dbr_wipe(secret, sizeof secret);
    return err;
}

static int load_gate(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    bool crypt = given(&cfg->tls_crypt), v2 = given(&cfg->tls_crypt_v2), old = given(&cfg->tls_auth_old);
    bool common = crypt || given(&cfg->tls_auth);
    if (!(ctl->realm = realm_new(ctl)) || (old && !(ctl->old_realm = realm_new(ctl))))
        return DBR_ERR_NOMEM;
    if (!common && !v2) {
        if (old) {
            complain(ctl, DBR_D_tls_auth_old, NULL, "needs the new key: add tls-auth or tls-crypt");
            return DBR_ERR_CONFIG;
        }
        dbr_log(ctl->log, DBR_LOG_WARN,
                "WARNING: no tls-auth or tls-crypt key: anybody may speak to the TLS port; add one");
        return dbr_gate_new(&ctl->realm->gate, DBR_GATE_NONE, NULL, -1, NULL);
    }
    int err = common ? make_gate(ctl, ctl->realm, crypt ? DBR_D_tls_crypt : DBR_D_tls_auth,
                                 crypt ? &cfg->tls_crypt : &cfg->tls_auth, crypt)
                     : 0;
    if (!err && v2)
        err = make_v2(ctl, ctl->realm, DBR_D_tls_crypt_v2, &cfg->tls_crypt_v2);
    if (!err && v2)
        err = load_withdrawn(ctl);
    if (!err && old && common)
        return make_gate(ctl, ctl->old_realm, DBR_D_tls_auth_old, &cfg->tls_auth_old, crypt);
    return !err && old ? make_v2(ctl, ctl->old_realm, DBR_D_tls_auth_old, &cfg->tls_auth_old) : err;
}

struct tls_files {
    struct text ca, cert, key, extra, pkcs12, pass;
};

/* A file is DER, an inline block the same in base64. */
static int load_pkcs12(struct control *ctl, struct text *t)
{
    const struct dbr_conf_blob *b = &ctl->cfg->pkcs12;
    int err = load_blob(ctl, DBR_D_pkcs12, b, t);
    if (err || !b->text)
        return err;
    uint8_t *der = malloc(t->len + 1);
    long n = der ? dbr_base64_decode(t->data, t->len, der, t->len) : DBR_ERR_NOMEM;
    free_text(t);
    *t = (struct text){(char *)der, n > 0 ? (size_t)n : 0};
    if (n > 0)
        return 0;
    complain(ctl, DBR_D_pkcs12, NULL,
             "the block is not base64; put the output of `base64 FILE` between its lines");
    return DBR_ERR_CONFIG;
}

/* What a folder holds of a kind, behind what is in t. */
static int add_capath(struct control *ctl, enum dbr_capath_kind kind, struct text *t)
{
    char name[DBR_CAPATH_NAME], *more = NULL;
    const char *dir = ctl->cfg->capath, *found = NULL;
    size_t len = 0;
    int err = 0;
    if (!dir)
        return 0;
    if (ctl->bundle)
        found = dbr_bundle_get(ctl->bundle, dbr_capath_bundled(dir, kind, name), &len);
    else if (!(err = dbr_capath_read(dir, kind, &more, &len)))
        found = more;
    if (!found)
        complain(ctl, DBR_D_capath, dir, err == DBR_ERR_IO ? strerror(errno) : "was not read");
    char *all = found && len ? realloc(t->data, t->len + len + 2) : NULL;
    if (all) {
        all[t->len] = '\n';
        memcpy(all + t->len + 1, found, len);
        *t = (struct text){all, t->len + 1 + len};
        all[t->len] = 0;
    }
    free(more);
    if (!found)
        return DBR_ERR_CONFIG;
    return len && !all ? DBR_ERR_NOMEM : 0;
}

static int copy(struct text *t, const char *from, size_t len)
{
    t->data = calloc(1, len + 1);
    if (!t->data)
        return DBR_ERR_NOMEM;
    memcpy(t->data, from, len);
    t->len = len;
    return 0;
}

/* The certificate: a file, or what a manager said, or what came with the key. */
static int load_cert(struct control *ctl, struct text *t)
{
    const struct signer_key *own = signer_key(ctl);
    if (own && own->cert)
        return copy(t, own->cert, own->cert_len);
    const char *told = management_cert(ctl);
    if (!base_cfg(ctl)->management_external_cert || !told)
        return load_blob(ctl, DBR_D_cert, &ctl->cfg->cert, t);
    t->data = strdup(told);
    t->len = strlen(told);
    return t->data ? 0 : DBR_ERR_NOMEM;
}

/* Where there is a signer its files are none of ours. */
static int load_key_files(struct control *ctl, struct tls_files *f)
{
    const struct dbr_config *cfg = ctl->cfg;
    const char *told = management_key_pass(ctl), *key_pass = told ? told : ctl->boot->key_pass;
    int err = load_blob(ctl, DBR_D_key, &cfg->key, &f->key);
    if (!err)
        err = load_pkcs12(ctl, &f->pkcs12);
    if (!err && cfg->askpass.name) {
        struct dbr_conf_blob b = {.path = cfg->askpass.name};
        err = load_blob(ctl, DBR_D_askpass, &b, &f->pass);
        if (!err && f->pass.data)
            f->pass.data[strcspn(f->pass.data, "\r\n")] = 0;
    } else if (!err && key_pass) {
        err = copy(&f->pass, key_pass, strlen(key_pass));
    }
    return err;
}

static int load_tls_files(struct control *ctl, struct tls_files *f)
{
    const struct dbr_config *cfg = ctl->cfg;
    int err = load_blob(ctl, DBR_D_ca, &cfg->ca, &f->ca);
    if (!err)
        err = add_capath(ctl, DBR_CAPATH_CERTS, &f->ca);
    if (!err && cfg->capath && !f->ca.data) {
        complain(ctl, DBR_D_capath, cfg->capath, "no certificate in it; `openssl rehash` names them HASH.N");
        return DBR_ERR_CONFIG;
    }
    if (!err)
        err = load_cert(ctl, &f->cert);
    if (!err)
        err = load_blob(ctl, DBR_D_extra_certs, &cfg->extra_certs, &f->extra);
    return err || signer_there(ctl) ? err : load_key_files(ctl, f);
}

static char *join(const struct dbr_conf_list *list)
{
    size_t n = 1;
    for (size_t i = 0; i < list->n; i++)
        n += strlen(list->v[i]) + 1;
    char *out = calloc(n, 1);
    for (size_t i = 0; out && i < list->n; i++) {
        if (i)
            strcat(out, ":");
        strcat(out, list->v[i]);
    }
    return out;
}

/* A server's clients may be named by other fields than the CN. */
static size_t name_fields(const struct dbr_config *cfg)
{
    return cfg->role == DBR_CONF_ROLE_SERVER ? cfg->x509_username_field.n : 0;
}

static int check_name_fields(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    for (size_t i = 0; i < name_fields(cfg); i++) {
        if (dbr_x509_name_field_known(cfg->x509_username_field.v[i]))
            continue;
        complain(ctl, DBR_D_x509_username_field, cfg->x509_username_field.v[i],
                 "is no field of a certificate; write CN, emailAddress, serialNumber or ext:subjectAltName");
        return DBR_ERR_CONFIG;
    }
    for (size_t i = 0; i < cfg->x509_track.n; i++) {
        const char *field = cfg->x509_track.v[i];
        if (dbr_x509_field_known(field + (*field == '+')))
            continue;
        complain(ctl, DBR_D_x509_track, field,
                 "is no field of a certificate; write CN, emailAddress, extendedKeyUsage, SHA256, ...");
        return DBR_ERR_CONFIG;
    }
    return 0;
}

static const char *profile_name(const struct dbr_config *cfg)
{
    static const char *const names[] = {"insecure", "legacy", "preferred", "suiteb"}; /* as directives.def */
    return cfg->tls_cert_profile < 0 ? NULL : names[cfg->tls_cert_profile];
}

static enum dbr_directive complaint_about(const struct control *ctl, const char *why)
{
    if (signer_there(ctl) && given(&ctl->cfg->pkcs12))
        return DBR_D_pkcs12;
    if (strncmp(why, "capath", 6) == 0)
        return DBR_D_capath;
    if (strncmp(why, "ca", 2) == 0)
        return DBR_D_ca;
    return strncmp(why, "pkcs12", 6) == 0 ? DBR_D_pkcs12 : DBR_D_cert;
}

static int load_tls(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    struct tls_files f = {0};
    char why[WHY] = "";
    const struct signer_key *own = signer_key(ctl);
    int err = check_name_fields(ctl);
    if (!err && signer_there(ctl) && !own)
        err = DBR_ERR_CONFIG; /* the signer has said why */
    if (!err)
        err = load_tls_files(ctl, &f);
    if (!err) {
        struct dbr_tls_config t = {
            .server = cfg->role == DBR_CONF_ROLE_SERVER,
            .ca = f.ca.data || !own ? f.ca.data : own->ca,
            .ca_len = f.ca.data || !own ? f.ca.len : own->ca_len,
            .cert = f.cert.data,
            .cert_len = f.cert.len,
            .key = f.key.data,
            .key_len = f.key.len,
            .extra_certs = f.extra.data,
            .extra_certs_len = f.extra.len,
            .key_pass = f.pass.data,
            .sign = DBR_IS_SET(base_cfg(ctl), management_external_key) ? management_sign : NULL,
            .signer = management_signer(base_cfg(ctl)),
            .ask = own ? signer_ask : NULL,
            .key_id = own ? own->id : NULL,
            .pkcs12 = (const uint8_t *)f.pkcs12.data,
            .pkcs12_len = f.pkcs12.len,
            .fingerprint = cfg->peer_fingerprint.n && !f.ca.data,
            .name_fields = (const char *const *)cfg->x509_username_field.v,
            .n_name_fields = name_fields(cfg),
            .cert_profile = profile_name(cfg),
            .version_min = cfg->tls_version_min,
            .version_max = cfg->tls_version_max,
            .cipher_list = cfg->tls_cipher,
            .ciphersuites = cfg->tls_ciphersuites,
            .groups = cfg->tls_groups,
            .now = ctl->now.unix_s,
            .verify = verdict_chain,
            .arg = ctl->real ? ctl->real : ctl};
        err = dbr_tls_ctx_new(&ctl->realm->session.tls, &t, why, sizeof why);
        if (err) {
            complain(ctl, complaint_about(ctl, why), NULL, why);
            err = DBR_ERR_CONFIG;
        }
    }
    if (!err && f.ca.data && ctl->boot->ipc_fetch >= 0)
        err = revocation_ca(ctl, f.ca.data, f.ca.len);
    if (!err && f.ca.data && ctl->crl_wanted) {
        err = dbr_issuers_parse(&ctl->issuers, f.ca.data, f.ca.len, why, sizeof why);
        if (err)
            complain(ctl, DBR_D_ca, cfg->ca.path, why);
    }
    free_text(&f.ca);
    free_text(&f.cert);
    free_text(&f.key);
    free_text(&f.extra);
    free_text(&f.pkcs12);
    free_text(&f.pass);
    return err;
}

static int take_crl(struct control *ctl, const uint8_t *bytes, size_t len, const char *name, char why[WHY])
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    size_t n = 0;
    unsigned fresh;
    int err = dbr_crl_parse_file(lists, &n, ctl->issuers, bytes, len, ctl->now.unix_s, why, WHY);
    if (!err)
        err = revocation_take(ctl, lists, n, name, &fresh, why, WHY);
    for (size_t i = 0; i < n; i++)
        dbr_crl_free(lists[i]);
    return err;
}

static void alarm_refused(struct control *ctl, const char *name, const char *why)
{
    dbr_log(ctl->log, DBR_LOG_ERROR, "ALARM: CRL file %s refused: %s; the last accepted list stays in force",
            name, why);
}

int control_take_crl(struct control *ctl, const uint8_t *bytes, size_t len, const char *name)
{
    char why[WHY] = "";
    int err = take_crl(ctl, bytes, len, name, why);
    if (err)
        alarm_refused(ctl, name, why);
    return err;
}

/* A bad file at the start is no reason to give up where another list is in force or will be fetched: until
 * then nobody can enter. */
static bool can_wait(struct control *ctl)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    size_t n = dbr_trust_lists(ctl->trust, lists);
    for (size_t i = 0; i < n; i++)
        dbr_crl_free(lists[i]);
    return n || ctl->boot->restarted || (ctl->cfg->crl_url.path && ctl->boot->ipc_fetch >= 0);
}

/* The lists that the daemon begins with. */
static int begin_with(struct control *ctl, enum dbr_directive which, struct text *t, const char *name)
{
    char why[WHY] = "", line[2 * WHY];
    int err = take_crl(ctl, (const uint8_t *)t->data, t->len, name, why);
    free_text(t);
    if (err && can_wait(ctl)) {
        alarm_refused(ctl, name, why);
        return 0;
    }
    if (err) {
        snprintf(line, sizeof line, "%s; make a fresh CRL and try again", why);
        complain(ctl, which, name, line);
    }
    return err ? DBR_ERR_CONFIG : 0;
}

/* A folder need not have lists. */
static int load_crl_folder(struct control *ctl)
{
    struct text t = {0};
    int err = add_capath(ctl, DBR_CAPATH_LISTS, &t);
    return err || !t.data ? err : begin_with(ctl, DBR_D_capath, &t, ctl->cfg->capath);
}

static int load_folder(struct control *ctl)
{
    char why[WHY];
    int err = folder_wanted(ctl->cfg) ? folder_load(ctl, why, sizeof why) : 0;
    if (err)
        complain(ctl, DBR_D_crl_verify, ctl->cfg->crl_verify.path, why);
    return err ? DBR_ERR_CONFIG : 0;
}

static int load_crl(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    struct text t = {0};
    int bad = load_folder(ctl);
    if (bad || !ctl->crl_wanted)
        return bad;
    if (revocation_policy(ctl))
        return DBR_ERR_NOMEM;
    revocation_recall(ctl);
    bool file = DBR_IS_SET(cfg, crl_verify) && !folder_wanted(cfg);
    int err = file ? load_blob(ctl, DBR_D_crl_verify, &cfg->crl_verify, &t) : 0;
    if (!err && file)
        err = begin_with(ctl, DBR_D_crl_verify, &t, cfg->crl_verify.path ? cfg->crl_verify.path : "inline");
    return err ? err : load_crl_folder(ctl);
}

static void fill_session(struct control *ctl, struct realm *r)
{
    const struct dbr_config *cfg = ctl->cfg, *base = base_cfg(ctl);
    struct dbr_session_config *s = &r->session;
    s->server = !ctl->boot->client;
    s->p2p = cfg->p2p;
    s->gate = r->gate;
    s->data_ciphers = ctl->data_ciphers;
    const char *fallback = base->data_ciphers_fallback ? base->data_ciphers_fallback : "";
    s->fallback = dbr_cipher_by_name(fallback, strlen(fallback));
    s->auth = base->auth;
    s->cipher = base->cipher;
    s->framing = dbr_framing_of(base);
    s->fragment = base->fragment.size > 0;
    s->key_direction = cfg->tls_auth.direction;
    s->tun_mtu = (uint32_t)base->tun_mtu;
    s->hand_window_s = (uint32_t)cfg->hand_window;
    s->tran_window_s = (uint32_t)cfg->tran_window;
    s->tls_timeout_s = (uint32_t)cfg->tls_timeout;
    s->reneg_s = (uint32_t)cfg->reneg_sec;
    s->push_peer_info = base->push_peer_info;
    s->platform = "linux";
    s->sso = DBR_IS_SET(base, auth_user_pass) ? "webauth,openurl,crtext" : NULL;
    s->ops = &control_session_ops;
    s->arg = ctl->real ? ctl->real : ctl;
}

int control_load_realm(struct control *ctl)
{
    int err = load_gate(ctl);
    if (!err)
        err = load_tls(ctl);
    if (!err && !ctl->data_ciphers && !(ctl->data_ciphers = join(&ctl->cfg->data_ciphers)))
        err = DBR_ERR_NOMEM;
    if (err)
        return err;
    fill_session(ctl, ctl->realm);
    if (ctl->old_realm) {
        ctl->old_realm->session.tls = dbr_tls_ctx_get(ctl->realm->session.tls);
        fill_session(ctl, ctl->old_realm);
    }
    return 0;
}

int control_load(struct control *ctl)
{
    ctl->crl_wanted = lists_wanted(ctl->cfg);
    int err = verdict_rules(ctl);
    if (!err)
        err = control_load_realm(ctl);
    if (!err)
        err = load_token_secret(ctl);
    return err ? err : load_crl(ctl);
}
