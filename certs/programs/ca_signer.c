/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_signer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"

enum { MINUTE_S = 60, SHA = 32 };
enum { CERT_FILE, KEY_FILE };

/* What was read, before it is taken. */
struct pair {
    uint8_t *ca, *cert, *pem;
    size_t ca_len, cert_len, pem_len;
    uint8_t files[2][SHA];
    EVP_PKEY *key;
    struct secret pass;
    char unread[256]; /* why the key's file could not be read; "": it could */
};

static void pair_free(struct pair *p)
{
    EVP_PKEY_free(p->key);
    if (p->pem)
        dbr_wipe(p->pem, p->pem_len);
    free(p->pem);
    free(p->cert);
    free(p->ca);
    dbr_wipe(p, sizeof *p);
}

/* --- the key
 * -------------------------------------------------------------------------------------------------- */

/* At the start from wherever the options say; later a descriptor has nothing more and there may be no
 * terminal, so it is the one of the start, or again that of the file. */
static int pass_of(const struct signer *g, const struct call *c, struct secret *pass, char *why)
{
    char prompt[200];
    snprintf(prompt, sizeof prompt, "Passphrase of the key of %.64s: ", c->o.signer);
    if (!g->key)
        return ask_pass(pass, c->o.key_pass_fd, c->o.key_pass_file, prompt, false, why, WHY);
    if (c->o.key_pass_file && ask_pass(pass, NULL, c->o.key_pass_file, prompt, false, NULL, 0) == 0)
        return 0;
    *pass = g->pass;
    return pass->n ? 0
                   : dbr_say(DBR_ERR_AUTH, why, WHY,
                             "its key is encrypted, and no passphrase was given at the start: restart "
                             "drawbridge-ca serve");
}

static void hold(struct pair *p, EVP_PKEY *key)
{
    EVP_PKEY_up_ref(key);
    p->key = key;
}

static int open_key(const struct signer *g, const struct call *c, struct pair *p, char *why)
{
    char reason[512];
    int err = 0;
    if (dbr_key_protection(p->pem, p->pem_len) != DBR_KEY_PLAIN)
        err = pass_of(g, c, &p->pass, why);
    if (err)
        return err;
    err = dbr_key_read(&p->key, p->pem, p->pem_len,
                       &(struct dbr_pass){p->pass.n ? p->pass.p : NULL, p->pass.n}, reason, sizeof reason);
    if (err == DBR_ERR_AUTH && g->key)
        return dbr_say(err, why, WHY,
                       "its key is new, and the passphrase of the start does not open it (%s): restart "
                       "drawbridge-ca serve",
                       reason);
    return err ? dbr_say(err, why, WHY, "%s", reason) : 0;
}

/* The key in use serves again where its file is the same, or cannot be read with what rights are left. */
static int read_key(const struct signer *g, const struct call *c, const struct dbr_ca *ca, struct pair *p,
                    char *why)
{
    char path[DBR_STORE_PATH];
    int err = dbr_store_read(ca->store, dbr_ca_path(ca->conf.private_dir, c->o.signer, ".key", path),
                             DBR_KEY_FILE_MAX, &p->pem, &p->pem_len, p->unread, sizeof p->unread);
    if (err && !g->key)
        return dbr_say(err, why, WHY, "%s", p->unread);
    if (err) {
        hold(p, g->key);
        memcpy(p->files[KEY_FILE], g->files[KEY_FILE], SHA);
        return 0;
    }
    p->unread[0] = 0;
    EVP_Digest(p->pem, p->pem_len, p->files[KEY_FILE], NULL, EVP_sha256(), NULL);
    if (!g->key || !dbr_secret_equal(p->files[KEY_FILE], g->files[KEY_FILE], SHA))
        return open_key(g, c, p, why);
    p->pass = g->pass;
    hold(p, g->key);
    return 0;
}

/* --- the pair
 * ------------------------------------------------------------------------------------------------- */

static bool is_revoked(const struct dbr_ca *ca, const struct dbr_serial *serial)
{
    long i = dbr_index_find(ca->index, serial);
    return i >= 0 && dbr_index_at(ca->index, (size_t)i)->status == 'R';
}

/* What a certificate that takes another's place must be, beyond what a responder wants of it. */
static int fresh(struct signer *g, const struct dbr_ca *ca, const struct dbr_ocsp_signer *cert, char *why)
{
    char t[40];
    if (cert->until <= ca->now)
        return dbr_say(DBR_ERR_TIMEOUT, why, WHY, "it expired at %s", dbr_time_text(cert->until, t));
    g->due_s = cert->from > ca->now ? cert->from : 0;
    if (g->due_s)
        return dbr_say(DBR_ERR_TIMEOUT, why, WHY, "it is not valid before %s, and is taken then",
                       dbr_time_text(cert->from, t));
    return is_revoked(ca, &cert->serial) ? dbr_say(DBR_ERR_CERT, why, WHY, "it is revoked") : 0;
}

static int read_pair(const struct signer *g, const struct call *c, const struct dbr_ca *ca, struct pair *p,
                     char *why)
{
    char path[DBR_STORE_PATH];
    int err = dbr_name_check(c->o.signer, why, WHY);
    if (!err)
        err = dbr_store_read(ca->store, dbr_ca_path(ca->conf.issued, c->o.signer, ".crt", path), DBR_CERT_MAX,
                             &p->cert, &p->cert_len, why, WHY);
    if (!err)
        err = dbr_store_read(ca->store, ca->conf.ca_cert, DBR_CERT_MAX, &p->ca, &p->ca_len, why, WHY);
    if (!err)
        err = read_key(g, c, ca, p, why);
    if (err)
        return err;
    EVP_Digest(p->cert, p->cert_len, p->files[CERT_FILE], NULL, EVP_sha256(), NULL);
    bool same = g->key && dbr_secret_equal(p->files, g->files, sizeof p->files);
    return same ? dbr_say(DBR_ERR_EXISTS, why, WHY, "it is in use already") : 0;
}

static int make_responder(const struct signer *g, const struct call *c, const struct dbr_ca *ca,
                          const struct pair *p, struct dbr_responder **out, char *why)
{
    char reason[512];
    int err = dbr_responder_new(out, p->ca, p->ca_len, p->cert, p->cert_len, p->key, g->answers_s, reason,
                                sizeof reason);
    if (err)
        return p->unread[0] ? dbr_say(err, why, WHY,
                                      "%s; the key at hand is that of the start, for %s: restart "
                                      "drawbridge-ca serve if it is new",
                                      reason, p->unread)
                            : dbr_say(err, why, WHY, "%s", reason);
    if (!c->o.nonce)
        dbr_responder_ignore_nonces(*out);
    err = dbr_responder_load(*out, ca->index);
    return err ? dbr_say(err, why, WHY, "out of memory for the OCSP answers") : 0;
}

static void take(struct signer *g, struct pair *p, const struct dbr_ocsp_signer *cert)
{
    EVP_PKEY_free(g->key);
    g->key = p->key;
    p->key = NULL;
    memcpy(g->files, p->files, sizeof g->files);
    if (p->pass.n)
        g->pass = p->pass;
    g->cert = *cert;
    g->alarm_s = 0;
    g->revoked = false;
}

int signer_load(struct signer *g, const struct call *c, const struct dbr_ca *ca, struct dbr_responder **out,
                char *why)
{
    struct pair p = {0};
    struct dbr_ocsp_signer cert;
    struct dbr_responder *r = NULL;
    g->due_s = 0;
    int err = read_pair(g, c, ca, &p, why);
    if (!err)
        err = make_responder(g, c, ca, &p, &r, why);
    if (!err)
        dbr_responder_signer(r, &cert);
    if (!err && g->key)
        err = fresh(g, ca, &cert, why);
    if (err) {
        dbr_responder_free(r);
    } else {
        take(g, &p, &cert);
        *out = r;
    }
    pair_free(&p);
    return err;
}

/* --- alarms
 * --------------------------------------------------------------------------------------------------- */

void signer_look_up(struct signer *g, const struct call *c, const struct dbr_ca *ca)
{
    bool revoked = is_revoked(ca, &g->cert.serial);
    if (revoked && !g->revoked)
        fprintf(
            stderr,
            "drawbridge-ca: ALARM: the OCSP signer %s is revoked, and answers are still signed with it: run "
            "`drawbridge-ca --dir %s issue ocsp %s`, with the options of the first time\n",
            c->o.signer, folder_of(c), c->o.signer);
    g->revoked = revoked;
}

void signer_alarm(struct signer *g, const struct call *c, int64_t now)
{
    int64_t end = g->cert.until, life = end - g->cert.from, half = end - life / 2, quarter = end - life / 4;
    char t[40];
    if (now < g->alarm_s)
        return;
    dbr_time_text(end, t);
    if (now >= end)
        fprintf(stderr,
                "drawbridge-ca: ALARM: the OCSP signer %s expired at %s, every question is answered "
                "tryLater: run "
                "`drawbridge-ca --dir %s renew %s`\n",
                c->o.signer, t, folder_of(c), c->o.signer);
    else if (now >= half)
        fprintf(
            stderr,
            "drawbridge-ca: ALARM: less than %d %% of the life of the OCSP signer %s is left (until %s): run "
            "`drawbridge-ca --dir %s renew %s`\n",
            now >= quarter ? 25 : 50, c->o.signer, t, folder_of(c), c->o.signer);
    g->alarm_s = now >= end ? now + MINUTE_S : now >= quarter ? end : now >= half ? quarter : half;
}

void signer_free(struct signer *g)
{
    EVP_PKEY_free(g->key);
    dbr_wipe(g, sizeof *g);
}
