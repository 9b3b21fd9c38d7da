/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"

/* --- init and import
 * ------------------------------------------------------------------------------------------ */

/* Options of init become lines of the configuration, judged by its own parser. */
static int settings(struct call *c, struct dbr_ca_conf *conf)
{
    const struct {
        const char *keyword, *value;
    } rows[] = {
        {"key-type", c->o.key_type}, {"serials", c->o.serials},
        {"subject", c->o.subject},   {"passphrase-policy", c->o.policy},
        {"crl-url", c->o.crl_url},   {"ocsp-url", c->o.ocsp_url},
        {"crl-life", c->o.crl_life}, {"publish", c->o.publish_to},
        {"remote", c->o.remote},     {"life ca", c->o.life},
    };
    char line[1024];
    int err = 0;
    dbr_ca_conf_init(conf);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !err; i++) {
        if (!rows[i].value)
            continue;
        int n = snprintf(line, sizeof line, "%s \"%s\"", rows[i].keyword, rows[i].value);
        if (n >= (int)sizeof line || strpbrk(rows[i].value, "\"\n"))
            return dbr_say(DBR_ERR_CONFIG, c->why, WHY, "bad value of %s", rows[i].keyword);
        err = dbr_ca_conf_parse(conf, line, (size_t)n, c->why, WHY);
    }
    return err;
}

struct given {
    uint8_t *cert, *key, *chain;
};

static int read_given(struct call *c, struct dbr_ca_new *what, struct given *g)
{
    int err = 0;
    if (!c->o.cert != !c->o.key || (c->o.chain && !c->o.cert))
        return dbr_say(DBR_ERR_CONFIG, c->why, WHY, "--cert and --key go together, --chain goes with them");
    if (c->o.cert)
        err = read_whole(c->o.cert, DBR_CERT_MAX, &g->cert, &what->cert_len, c->why, WHY);
    if (!err && c->o.key)
        err = read_whole(c->o.key, DBR_KEY_FILE_MAX, &g->key, &what->key_len, c->why, WHY);
    if (!err && c->o.chain)
        err = read_whole(c->o.chain, DBR_CERT_MAX, &g->chain, &what->chain_len, c->why, WHY);
    what->cert_pem = g->cert;
    what->key_pem = g->key;
    what->chain_pem = g->chain;
    return err;
}

static void drop_given(struct given *g, size_t key_len)
{
    if (g->key)
        dbr_wipe(g->key, key_len);
    free(g->cert);
    free(g->key);
    free(g->chain);
}

static void say_init(struct call *c, const struct secret *s)
{
    const char *folder = folder_of(c);
    struct json j = {0};
    if (c->o.json) {
        json_begin(&j, NULL, '{');
        json_text(&j, "folder", folder);
        if (c->o.gen_pass)
            json_text(&j, "passphrase", s->p);
        json_end(&j, '}');
        putchar('\n');
        return;
    }
    printf("The CA is in %s: certificate ca.crt, key private/ca.key (%s), settings drawbridge-ca.conf.\n",
           folder, c->o.no_pass ? "NOT encrypted" : "encrypted");
    if (c->o.gen_pass)
        printf("Its passphrase, shown this once: %s\n", s->p);
    printf("Keep a copy of the folder in another place. Next: drawbridge-ca issue server vpn.example.com "
           "--no-pass\n");
}

int cmd_init(struct call *c)
{
    static struct dbr_ca_conf conf; /* large */
    struct dbr_ca_new what = {.name = c->args[0], .conf = &conf};
    struct secret s = {0};
    struct given g = {0};
    int err = settings(c, &conf);
    c->o.key_pass_file = c->o.pass_file; /* the CA's key is the new key here */
    c->o.key_pass_fd = c->o.pass_fd;
    if (!err && *what.name == 0)
        err = dbr_say(DBR_ERR_CONFIG, c->why, WHY, "a CA needs a name");
    if (!err)
        err = read_given(c, &what, &g);
    if (!err)
        err = new_pass(c, conf.policy, what.name, &s, &what.key_pass);
    if (!err)
        err = dbr_ca_init(folder_of(c), &what, wait_ms_of(c), c->now, c->why, WHY);
    if (!err)
        say_init(c, &s);
    drop_given(&g, what.key_len);
    dbr_wipe(&s, sizeof s);
    return err ? fail(c, err) : 0;
}

int cmd_import(struct call *c)
{
    const char *kind;
    int err = dbr_ca_import(folder_of(c), wait_ms_of(c), c->now, &kind, c->why, WHY);
    if (err)
        return fail(c, err);
    struct json j = {0};
    if (c->o.json) {
        json_begin(&j, NULL, '{');
        json_text(&j, "kind", kind);
        json_end(&j, '}');
        putchar('\n');
    } else {
        printf("Adopted the folder of %s in %s; the settings are in drawbridge-ca.conf. Its own tools still "
               "work on it.\n"
               "Next: drawbridge-ca verify, then drawbridge-ca crl\n",
               kind, folder_of(c));
    }
    return 0;
}

/* --- issue, sign, renew
 * --------------------------------------------------------------------------------------- */

static void say_issued(struct call *c, const char *name, const struct dbr_issued *got, const struct secret *s)
{
    char serial[DBR_SERIAL_TEXT], until[40];
    struct json j = {0};
    dbr_serial_text(&got->serial, serial);
    if (c->o.json) {
        json_begin(&j, NULL, '{');
        json_text(&j, "name", name);
        json_text(&j, "serial", serial);
        json_number(&j, "expires", got->not_after);
        json_text(&j, "certificate", got->cert);
        if (*got->key)
            json_text(&j, "key", got->key);
        if (*got->key && c->o.gen_pass)
            json_text(&j, "passphrase", s->p);
        json_end(&j, '}');
        putchar('\n');
        return;
    }
    printf("%s: serial %s, valid until %s\n  certificate %s\n", name, serial,
           dbr_time_text(got->not_after, until), got->cert);
    if (*got->key)
        printf("  key         %s%s\n", got->key, c->o.no_pass ? " (NOT encrypted)" : "");
    if (*got->key && c->o.gen_pass)
        printf("  passphrase  %s   (shown this once)\n", s->p);
}

static int what_to_issue(struct call *c, struct dbr_issue *w)
{
    *w = (struct dbr_issue){.name = c->o.name,
                            .san = c->o.san,
                            .key_type = c->o.key_type,
                            .ignore_requested = c->o.ignore_requested,
                            .revoke_old = c->o.revoke_old,
                            .new_key = c->o.new_key};
    if (c->o.life && (!dbr_span_parse(c->o.life, &w->life_s) || w->life_s < 60))
        return dbr_say(DBR_ERR_CONFIG, c->why, WHY, "--life takes a span like 825d, at least a minute");
    if (c->o.key_type && !dbr_key_type_known(c->o.key_type))
        return dbr_say(DBR_ERR_CONFIG, c->why, WHY, "unknown key type %s", c->o.key_type);
    return 0;
}

static int take_profile(struct call *c, struct dbr_issue *w)
{
    int id = dbr_profile_find(c->args[0]);
    if (id < 0 || id == DBR_PROFILE_CA)
        return dbr_say(DBR_ERR_CONFIG, c->why, WHY, "\"%s\" is not one of server, client, site, ocsp, sub-ca",
                       c->args[0]);
    w->profile = (enum dbr_profile_id)id;
    return 0;
}

/* The policy, read before anybody is asked for a passphrase. */
static int policy_of(struct call *c, char policy[32])
{
    struct dbr_ca *ca;
    int err = open_ca(c, false, &ca);
    if (!err) {
        snprintf(policy, 32, "%s", ca->conf.policy);
        dbr_ca_close(ca);
    }
    return err;
}

typedef int maker(struct dbr_ca *ca, const struct dbr_issue *w, struct dbr_issued *got, char *why,
                  size_t cap);

/* Asks for what is needed, makes the certificate and says so; the exit status. err: of the preparations. */
static int make_certificate(struct call *c, struct dbr_issue *w, bool with_key, maker *make, int err)
{
    struct dbr_issued got;
    struct secret s = {0};
    struct dbr_ca *ca;
    char policy[32];
    if (!err)
        err = policy_of(c, policy);
    if (!err && with_key)
        err = new_pass(c, policy, w->name, &s, &w->key_pass);
    if (!err)
        err = open_ca(c, true, &ca);
    if (!err) {
        err = make(ca, w, &got, c->why, WHY);
        dbr_ca_close(ca);
    }
    if (!err)
        say_issued(c, w->name, &got, &s);
    dbr_wipe(&s, sizeof s);
    return err ? fail(c, err) : 0;
}

int cmd_issue(struct call *c)
{
    struct dbr_issue w;
    int err = what_to_issue(c, &w);
    w.name = c->args[1];
    if (!err)
        err = take_profile(c, &w);
    if (!err)
        err = dbr_name_check(w.name, c->why, WHY);
    return make_certificate(c, &w, true, dbr_ca_issue, err);
}

int cmd_sign(struct call *c)
{
    struct dbr_issue w;
    struct dbr_issued got;
    struct secret none = {0};
    struct dbr_ca *ca;
    uint8_t *csr = NULL;
    size_t len = 0;
    int err = what_to_issue(c, &w);
    if (!err)
        err = take_profile(c, &w);
    if (!err)
        err = read_whole(c->args[1], DBR_CSR_MAX, &csr, &len, c->why, WHY);
    if (!err)
        err = open_ca(c, true, &ca);
    if (!err) {
        err = dbr_ca_sign(ca, csr, len, &w, &got, c->why, WHY);
        dbr_ca_close(ca);
    }
    free(csr);
    if (err)
        return fail(c, err);
    say_issued(c, c->o.name ? c->o.name : "signed", &got, &none);
    return 0;
}

/* By its own key, or as the CA above has done it (--cert, and --chain for what is above that). */
static int make_root(struct call *c, struct dbr_ca *ca, int64_t life_s, struct dbr_issued *got)
{
    uint8_t *pem = NULL, *chain = NULL;
    size_t n, chain_len = 0;
    if (!c->o.cert)
        return dbr_ca_renew_root(ca, life_s, got, c->why, WHY);
    int err = read_whole(c->o.cert, DBR_CERT_MAX, &pem, &n, c->why, WHY);
    if (!err && c->o.chain)
        err = read_whole(c->o.chain, DBR_CERT_MAX, &chain, &chain_len, c->why, WHY);
    if (!err)
        err = dbr_ca_replace_cert(ca, pem, n, chain, chain_len, got, c->why, WHY);
    free(pem);
    free(chain);
    return err;
}

/* Only what is above: the root has been renewed, and our certificate stays. */
static int renew_chain(struct call *c)
{
    struct dbr_ca *ca;
    uint8_t *chain = NULL;
    size_t n;
    int err = read_whole(c->o.chain, DBR_CERT_MAX, &chain, &n, c->why, WHY);
    if (!err)
        err = open_ca_locked(c, &ca);
    if (!err) {
        err = dbr_ca_replace_chain(ca, chain, n, c->why, WHY);
        if (!err && !c->o.json)
            printf(
                "%s holds the certificates above this CA: export profiles and concentrators' ca files anew\n",
                ca->conf.chain);
        dbr_ca_close(ca);
    }
    free(chain);
    return err ? fail(c, err) : 0;
}

static int renew_root(struct call *c)
{
    struct dbr_issue w;
    struct dbr_issued got;
    struct dbr_ca *ca;
    struct secret none = {0};
    int err = what_to_issue(c, &w);
    if (!err && (w.new_key || w.revoke_old || w.san || w.key_type))
        err = dbr_say(
            DBR_ERR_CONFIG, c->why, WHY,
            "the CA is renewed with its name and key; for a new key make a new CA in a folder of its own "
            "and accept both for a while (drawbridge-ca(8), ROLL-OVER)");
    if (!err && c->o.cert && w.life_s)
        err = dbr_say(DBR_ERR_CONFIG, c->why, WHY, "--life is what the CA above has given: not with --cert");
    if (!err)
        err = open_ca(c, true, &ca);
    if (err)
        return fail(c, err);
    err = make_root(c, ca, w.life_s, &got);
    int status = err ? fail(c, err) : 0;
    if (!err)
        say_issued(c, "CA", &got, &none);
    if (!err && *ca->conf.publish && publish_to(ca, ca->conf.publish, c->why, WHY) != 0) {
        fprintf(stderr, "drawbridge-ca: done in the CA, but: %s\n", c->why);
        status = 1;
    }
    dbr_ca_close(ca);
    return status;
}

int cmd_renew(struct call *c)
{
    if (c->o.root != (c->n == 0)) {
        fprintf(stderr, "drawbridge-ca: renew takes a NAME, or --ca for the CA itself\n");
        return 2;
    }
    if (c->o.root)
        return c->o.chain && !c->o.cert ? renew_chain(c) : renew_root(c);
    if (c->o.cert || c->o.chain) {
        fprintf(stderr, "drawbridge-ca: --cert and --chain go with --ca, or are a matter of init\n");
        return 2;
    }
    struct dbr_issue w;
    int err = what_to_issue(c, &w);
    w.name = c->args[0];
    return make_certificate(c, &w, w.new_key, dbr_ca_renew, err);
}

/* --- revoke, unhold, crl
 * -------------------------------------------------------------------------------------- */

/* Publishing and telling, after the CA itself is done. Returns the exit status. */
static int spread(struct call *c, const struct dbr_ca *ca, struct json *j)
{
    int status = 0;
    if (*ca->conf.publish && publish_to(ca, ca->conf.publish, c->why, WHY) != 0) {
        fprintf(stderr, "drawbridge-ca: done in the CA, but: %s\n", c->why);
        status = 1;
    }
    if (c->o.push && !ca->conf.n_concentrators && !ca->conf.n_gate_lists) {
        fprintf(stderr,
                "drawbridge-ca: done in the CA, but nobody was told: no concentrator is named in " DBR_CA_CONF
                " (docs/pki.md); those with crl-url fetch the CRL on their timer\n");
        status = 1;
    }
    if (j)
        json_begin(j, "pushed", '[');
    if (c->o.push && push_crl(ca, j) != 0)
        status = 1;
    if (j)
        json_end(j, ']');
    if (!j && !c->o.push && ca->conf.n_concentrators)
        printf("The concentrators will fetch the CRL on their timers; --push tells them at once.\n");
    return status;
}

static int finish_crl(struct call *c, const struct dbr_ca *ca, const char *key, size_t n,
                      const char *sentence, const struct gone *gone)
{
    struct json j = {0};
    if (!c->o.json) {
        if (*sentence)
            puts(sentence);
        return spread(c, ca, NULL);
    }
    json_begin(&j, NULL, '{');
    json_number(&j, key, (int64_t)n);
    if (gone)
        json_bool(&j, "gate_key_withdrawn", gone->keys);
    int status = spread(c, ca, &j);
    json_end(&j, '}');
    putchar('\n');
    return status;
}

int cmd_revoke(struct call *c)
{
    struct dbr_ca *ca;
    size_t n;
    char sentence[300];
    int reason = c->o.reason ? dbr_reason_parse(c->o.reason) : 0;
    if (reason < 0)
        return fail(
            c, dbr_say(DBR_ERR_CONFIG, c->why, WHY,
                       "unknown reason %s: unspecified, keyCompromise, CACompromise, affiliationChanged, "
                       "superseded, cessationOfOperation or certificateHold",
                       c->o.reason));
    struct gone gone = {.call = c};
    int err = open_ca(c, true, &ca);
    if (err)
        return fail(c, err);
    ca->leaver = withdraw_with_certificate;
    ca->leaver_arg = &gone;
    err = dbr_ca_revoke(ca, c->args[0], reason, &n, c->why, WHY);
    snprintf(sentence, sizeof sentence, "%.100s: %zu certificate%s revoked, the new CRL is made%s.",
             c->args[0], n, n == 1 ? "" : "s", gone.keys ? "; the gate key is withdrawn as well" : "");
    int status = err ? fail(c, err) : finish_crl(c, ca, "revoked", n, sentence, &gone);
    dbr_ca_close(ca);
    return gone.failed ? 1 : status;
}

int cmd_unhold(struct call *c)
{
    struct dbr_ca *ca;
    size_t n;
    int err = open_ca(c, true, &ca);
    if (err)
        return fail(c, err);
    err = dbr_ca_unhold(ca, c->args[0], &n, c->why, WHY);
    int status =
        err ? fail(c, err) : finish_crl(c, ca, "unheld", n, "The hold is lifted, the new CRL is made.", NULL);
    dbr_ca_close(ca);
    return status;
}

/* Has a third of the CRL's life or less remained? A CRL that cannot be read is due. */
static bool crl_due(const struct dbr_ca *ca)
{
    uint8_t *der;
    size_t len;
    char why[WHY];
    bool due = true;
    if (crl_der(ca, &der, &len, why, sizeof why) != 0)
        return true;
    uint8_t *cert;
    size_t cert_len;
    struct dbr_issuers *issuers = NULL;
    struct dbr_crl *crl = NULL;
    if (dbr_store_read(ca->store, ca->conf.ca_cert, DBR_CERT_MAX, &cert, &cert_len, why, sizeof why) == 0 &&
        dbr_issuers_parse(&issuers, cert, cert_len, why, sizeof why) == 0 &&
        dbr_crl_parse(&crl, issuers, der, len, ca->now, why, sizeof why) == 0)
        due = dbr_crl_life_percent(crl, ca->now) <= 33;
    dbr_crl_free(crl);
    dbr_issuers_free(issuers);
    free(cert);
    free(der);
    return due;
}

int cmd_crl(struct call *c)
{
    struct dbr_ca *ca;
    if (c->o.if_due) {
        int err = open_ca(c, false, &ca);
        if (err)
            return fail(c, err);
        bool due = crl_due(ca);
        dbr_ca_close(ca);
        if (!due) {
            puts(c->o.json ? "{\"made\":0}" : "The CRL is fresh enough.");
            return 0;
        }
    }
    int err = open_ca(c, true, &ca);
    if (err)
        return fail(c, err);
    err = dbr_ca_crl(ca, c->why, WHY);
    int status = err ? fail(c, err) : finish_crl(c, ca, "made", 1, "The new CRL is in crl.pem.", NULL);
    dbr_ca_close(ca);
    return status;
}

int cmd_publish(struct call *c)
{
    struct dbr_ca *ca;
    int err = open_ca(c, false, &ca);
    if (err)
        return fail(c, err);
    const char *folder = c->n ? c->args[0] : ca->conf.publish;
    err = *folder
              ? publish_to(ca, folder, c->why, WHY)
              : dbr_say(DBR_ERR_CONFIG, c->why, WHY, "where to? publish FOLDER, or publish in " DBR_CA_CONF);
    if (!err && !c->o.json)
        printf("crl.pem, crl.der and ca.crt are in %s.\n", folder);
    dbr_ca_close(ca);
    return err ? fail(c, err) : 0;
}

int cmd_push(struct call *c)
{
    struct dbr_ca *ca;
    struct json j = {0};
    int err = open_ca(c, false, &ca);
    if (err)
        return fail(c, err);
    if (c->o.json)
        json_begin(&j, NULL, '[');
    int failed = push_crl(ca, c->o.json ? &j : NULL);
    if (c->o.json) {
        json_end(&j, ']');
        putchar('\n');
    } else if (ca->conf.n_concentrators + ca->conf.n_gate_lists == 0) {
        printf("No concentrator is named in " DBR_CA_CONF ".\n");
    }
    dbr_ca_close(ca);
    return failed ? 1 : 0;
}

/* --- export and gate keys
 * ------------------------------------------------------------------------------------- */

static int export_p12(struct call *c, const struct dbr_ca *ca, uint8_t **out, size_t *len)
{
    struct secret key = {0}, p12 = {0};
    char prompt[200], path[DBR_STORE_PATH];
    uint8_t *pem = NULL;
    size_t pem_len = 0;
    dbr_store_read(ca->store, dbr_ca_path(ca->conf.private_dir, c->args[0], ".key", path), DBR_KEY_FILE_MAX,
                   &pem, &pem_len, NULL, 0);
    bool plain = pem && dbr_key_protection(pem, pem_len) == DBR_KEY_PLAIN;
    if (pem)
        dbr_wipe(pem, pem_len);
    free(pem);
    snprintf(prompt, sizeof prompt, "Passphrase of the key of %.64s: ", c->args[0]);
    int err = plain ? 0 : ask_pass(&key, c->o.key_pass_fd, c->o.key_pass_file, prompt, false, c->why, WHY);
    bool own = plain || c->o.p12_pass_file;
    if (!err && own)
        err = ask_pass(&p12, NULL, c->o.p12_pass_file, "New passphrase for the PKCS#12: ", true, c->why, WHY);
    if (!err && own)
        err = dbr_pass_check(ca->conf.policy, c->args[0], p12.p, p12.n, c->why, WHY);
    const struct secret *closing = own ? &p12 : &key;
    if (!err)
        err = dbr_export_p12(ca, c->args[0], &(struct dbr_pass){key.p, key.n},
                             &(struct dbr_pass){closing->p, closing->n}, out, len, c->why, WHY);
    dbr_wipe(&key, sizeof key);
    dbr_wipe(&p12, sizeof p12);
    return err;
}

static int export_ovpn(struct call *c, const struct dbr_ca *ca, uint8_t **out, size_t *len)
{
    uint8_t *text = NULL;
    size_t n = 0;
    struct dbr_export what = {.name = c->args[0],
                              .gate = c->o.no_gate ? NULL
                                      : c->o.gate  ? c->o.gate
                                                   : "",
                              .tls_crypt = c->o.tls_crypt,
                              .tls_crypt_v2 = c->o.tls_crypt_v2,
                              .remote = c->o.remote};
    int err = c->o.template_ ? read_whole(c->o.template_, 65536, &text, &n, c->why, WHY) : 0;
    what.template_ = (const char *)text;
    if (!err)
        err = dbr_export_ovpn(ca, &what, out, len, c->why, WHY);
    free(text);
    return err;
}

int cmd_export(struct call *c)
{
    struct dbr_ca *ca;
    uint8_t *out = NULL;
    size_t len = 0;
    int err = dbr_name_check(c->args[0], c->why, WHY);
    if (!err)
        err = open_ca(c, false, &ca);
    if (err)
        return fail(c, err);
    err = c->o.p12 ? export_p12(c, ca, &out, &len) : export_ovpn(c, ca, &out, &len);
    if (!err)
        err = write_result(c->o.out, out, len, c->why, WHY);
    if (!err && c->o.out)
        printf("%s holds a private key: hand it over in person or encrypted, then delete it here.\n",
               c->o.out);
    if (out)
        dbr_wipe(out, len);
    free(out);
    dbr_ca_close(ca);
    return err ? fail(c, err) : 0;
}

static int show_gate(struct call *c, const struct dbr_ca *ca, const char *name)
{
    char path[DBR_STORE_PATH];
    uint8_t *text = NULL;
    size_t len = 0;
    int err = dbr_gate_key_path(ca, name, "", path, c->why, WHY);
    if (!err)
        err = dbr_store_read(ca->store, path, DBR_KEY_FILE_MAX, &text, &len, c->why, WHY);
    if (!err)
        err = write_result(c->o.out, text, len, c->why, WHY);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

int cmd_gate_key(struct call *c)
{
    struct dbr_ca *ca;
    char path[DBR_STORE_PATH];
    const char *verb = c->args[0], *name = c->n > 1 ? c->args[1] : "";
    if (strcmp(verb, "v2") == 0)
        return gate_key_v2(c);
    bool show = strcmp(verb, "show") == 0, rotate = strcmp(verb, "rotate") == 0;
    if ((!show && !rotate && strcmp(verb, "new") != 0) || c->n > 2)
        return fail(c, dbr_say(DBR_ERR_CONFIG, c->why, WHY, "gate-key new, rotate, show or v2"));
    if (c->o.out && !show)
        return fail(c, dbr_say(DBR_ERR_CONFIG, c->why, WHY, "--out goes with gate-key show"));
    int err = show ? open_ca(c, false, &ca) : open_ca_locked(c, &ca);
    if (err)
        return fail(c, err);
    err = show ? show_gate(c, ca, name) : dbr_gate_key_make(ca, name, rotate, path, c->why, WHY);
    dbr_ca_close(ca);
    if (err)
        return fail(c, err);
    if (!show)
        printf("%s: give it to the concentrator (tls-auth %s 0) and export the profiles %s.\n", path, path,
               rotate ? "again; the old one is beside it" : "with it");
    return 0;
}
