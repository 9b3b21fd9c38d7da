/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/profile.h"
#include "client-win/keystore/why.h"

#include "base/err.h"
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASS_MAX = 512, TRIES = 3 };

/* ---- out ---- */

/* A profile for all users is read by all of them: a key in it is nobody's own. */
static int check_keyless(const char *id, const char *text, size_t len, char *why, size_t cap)
{
    struct dbr_config cfg;
    const char *what;
    int err = dbr_config_init(&cfg);
    if (!err)
        dbr_config_parse(&cfg, id, text, len, &(struct dbr_conf_diag){0});
    if (!err && dbr_check_has_secret(&cfg, text, len, &what))
        err = keys_complain(
            DBR_ERR_AUTH, why, cap,
            "profile %s is for all users of this computer and holds %s, which all of them can read: ask "
            "your administrator to take it out and to give you a key of your own",
            id, what);
    dbr_config_free(&cfg);
    return err;
}

static int join(const char *a, size_t a_len, const char *b, size_t b_len, char **text, size_t *len)
{
    *text = malloc(a_len + b_len + 2);
    if (!*text)
        return DBR_ERR_NOMEM;
    memcpy(*text, a, a_len);
    (*text)[a_len] = '\n'; /* where its last line has no end */
    memcpy(*text + a_len + 1, b, b_len);
    *len = a_len + 1 + b_len;
    (*text)[*len] = 0;
    return 0;
}

static int take_machine(const struct dbr_profiles *p, const char *id, char **text, size_t *len, char *why,
                        size_t cap)
{
    int err = p->machine(p->arg, id, text, len, why, cap);
    if (err)
        return err;
    err = check_keyless(id, *text, *len, why, cap);
    if (err) {
        dbr_vault_wipe(*text, *len);
        *text = NULL;
    }
    return err;
}

/* The user's own key behind the administrator's text. */
static int add_key(const struct dbr_profiles *p, const char *id, const char *body, size_t body_len,
                   char **text, size_t *len, char *why, size_t cap)
{
    char *key = NULL;
    size_t key_len = 0;
    int err = dbr_vault_get(&p->vault, id, DBR_VAULT_KEY, &key, &key_len, why, cap);
    if (err == DBR_ERR_NOTFOUND)
        return keys_complain(
            err, why, cap,
            "profile %s lacks your key: get a .p12 file from your administrator, then: drawbridge "
            "import FILE.p12 \"%s\"",
            id, id);
    if (!err)
        err = join(body, body_len, key, key_len, text, len);
    dbr_vault_wipe(key, key_len);
    return err;
}

/* What the vault says of a profile that is nowhere stands; else what is wrong with the administrator's. */
int dbr_profile_load(const struct dbr_profiles *p, const char *id, char **text, size_t *len, char *why,
                     size_t cap)
{
    char *body = NULL;
    size_t body_len = 0;
    *text = NULL;
    *len = 0;
    int err = dbr_vault_get(&p->vault, id, DBR_VAULT_PROFILE, text, len, why, cap);
    if (err != DBR_ERR_NOTFOUND)
        return err;
    int machine = take_machine(p, id, &body, &body_len, why, cap);
    if (machine == DBR_ERR_NOTFOUND)
        return dbr_vault_get(&p->vault, id, DBR_VAULT_PROFILE, text, len, why, cap);
    if (!machine)
        machine = add_key(p, id, body, body_len, text, len, why, cap);
    dbr_vault_wipe(body, body_len);
    return machine;
}

/* ---- in ---- */

struct work {
    struct dbr_profiles *p;
    const struct dbr_import *what;
    struct dbr_imported *out;
    char *why;
    size_t cap;
};

static int read_source(struct work *w, uint8_t **p, size_t *n)
{
    const char *path = w->what->path;
    int err = dbr_source_check(path, w->why, w->cap);
    if (err)
        return err;
    err = w->what->read(w->what->arg, path, DBR_PROFILE_MAX, p, n);
    if (err == DBR_ERR_NOTFOUND)
        return keys_complain(err, w->why, w->cap, "%s: there is no such file; look at its name", path);
    if (err == DBR_ERR_LIMIT)
        return keys_complain(err, w->why, w->cap,
                             "%s: it is empty or too long for a profile; take the right file", path);
    if (err == DBR_ERR_UNSUPPORTED)
        return keys_complain(err, w->why, w->cap, "%s: it is on another computer; copy it to this one first",
                             path);
    return err ? keys_complain(err, w->why, w->cap, "%s: it cannot be read; look at its rights", path) : 0;
}

static void note(void *arg, const char *line)
{
    const struct dbr_import *what = arg;
    what->say(what->arg, DBR_CONF_WARNING, line);
}

static int read_part(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    const struct dbr_import *what = arg;
    return what->read(what->arg, path, max, out, n);
}

static void remember_clear(struct work *w, const char *path)
{
    struct dbr_imported *out = w->out;
    if (out->n_clear < DBR_PARTS_MAX + 1)
        snprintf(out->clear[out->n_clear++].path, DBR_SOURCE_PATH, "%s", path);
}

/* Asks until the key opens, three times; without a passphrase certificate and key are not compared. */
static int check_keys(struct work *w, const struct dbr_config *cfg)
{
    char pass[PASS_MAX];
    struct dbr_key_facts *facts = &w->out->key;
    int err = dbr_check_keys(cfg, NULL, w->what->now_unix_s, facts, w->why, w->cap);
    for (int try = 1; (!err || err == DBR_ERR_AUTH) && facts->state == DBR_KEY_LOCKED && try <= TRIES;
         try++) {
        if (!w->what->ask || w->what->ask(w->what->arg, try, pass, sizeof pass))
            return dbr_check_keys(cfg, NULL, w->what->now_unix_s, facts, w->why, w->cap);
        err = dbr_check_keys(cfg, pass, w->what->now_unix_s, facts, w->why, w->cap);
        dbr_wipe(pass, sizeof pass);
    }
    return err;
}

/* The whole text, as the engine will read it. Complaints were made about the file; here they would name lines
 * that the user does not know. */
static int check_text(struct work *w, const char *text, size_t len)
{
    struct dbr_config cfg;
    int err = dbr_check_profile(&cfg, w->what->path, text, len, NULL, w->why, w->cap);
    if (!err)
        err = check_keys(w, &cfg);
    dbr_config_free(&cfg);
    return err;
}

static int put(struct work *w, enum dbr_vault_item item, const char *text, size_t len)
{
    struct dbr_vault_put put = {
        .id = w->out->id,
        .item = item,
        .text = text,
        .len = len,
        .replace = w->what->replace,
        .dpapi_only = w->what->dpapi_only,
    };
    return dbr_vault_put(&w->p->vault, &put, &w->out->seal, w->why, w->cap);
}

/* A name of an administrator's profile would hide it. */
static int check_free(struct work *w)
{
    char *text = NULL;
    size_t len = 0;
    int err = w->p->machine(w->p->arg, w->out->id, &text, &len, NULL, 0);
    dbr_vault_wipe(text, len);
    if (err == DBR_ERR_NOTFOUND)
        return 0;
    return keys_complain(
        DBR_ERR_EXISTS, w->why, w->cap,
        "your administrator has a profile %s on this computer; choose another name: drawbridge import "
        "FILE NAME",
        w->out->id);
}

static int import_text(struct work *w, const uint8_t *p, size_t n)
{
    struct dbr_config cfg;
    struct dbr_inlined in = {0};
    const struct dbr_check_say say = {w->what->say, w->what->arg};
    const struct dbr_inline_io io = {read_part, note, (void *)(uintptr_t)w->what};
    int err = check_free(w);
    if (err)
        return err;
    err = dbr_check_profile(&cfg, w->what->path, (const char *)p, n, &say, w->why, w->cap);
    dbr_config_free(&cfg);
    if (!err)
        err = dbr_inline(&in, w->what->path, (const char *)p, n, &io, w->why, w->cap);
    if (!err)
        err = check_text(w, in.text, in.len);
    if (!err)
        err = put(w, DBR_VAULT_PROFILE, in.text, in.len);
    remember_clear(w, w->what->path);
    for (size_t i = 0; i < in.n_parts; i++)
        if (in.parts[i].secret)
            remember_clear(w, in.parts[i].path);
    dbr_inlined_free(&in);
    return err;
}

/* The profile that the key is for says whether it fits. */
static int check_key(struct work *w, const struct dbr_inlined *in)
{
    char *body = NULL, *text = NULL;
    size_t body_len = 0, len = 0;
    int err = take_machine(w->p, w->out->id, &body, &body_len, w->why, w->cap);
    if (err == DBR_ERR_NOTFOUND)
        return keys_complain(
            err, w->why, w->cap,
            "your administrator has no profile %s on this computer, and a key alone calls nobody; import "
            "the .ovpn file",
            w->out->id);
    if (!err)
        err = join(body, body_len, in->text, in->len, &text, &len);
    if (!err)
        err = check_text(w, text, len);
    dbr_vault_wipe(text, len);
    dbr_vault_wipe(body, body_len);
    return err;
}

static int import_key(struct work *w, const uint8_t *p, size_t n)
{
    struct dbr_inlined in = {0};
    w->out->key_only = true;
    if (!w->what->id)
        return keys_complain(DBR_ERR_CONFIG, w->why, w->cap,
                             "%s is a key: say for which profile, drawbridge import FILE NAME",
                             w->what->path);
    int err = dbr_inline_key(&in, w->what->path, p, n, w->why, w->cap);
    if (!err)
        err = check_key(w, &in);
    if (!err)
        err = put(w, DBR_VAULT_KEY, in.text, in.len);
    remember_clear(w, w->what->path);
    dbr_inlined_free(&in);
    return err;
}

/* DER, or PEM where a directive would stand. */
static bool is_key(const uint8_t *p, size_t n)
{
    static const char pem[] = "-----BEGIN ", bag[] = "Bag Attributes";
    return (n && p[0] == 0x30) || (n >= sizeof pem && memcmp(p, pem, sizeof pem - 1) == 0) ||
           (n >= sizeof bag && memcmp(p, bag, sizeof bag - 1) == 0);
}

static void see_one(void *arg, const char *id)
{
    (void)id;
    *(bool *)arg = true;
}

int dbr_profile_import(struct dbr_profiles *p, const struct dbr_import *what, struct dbr_imported *out,
                       char *why, size_t cap)
{
    struct work w = {p, what, out, why, cap};
    uint8_t *text = NULL;
    size_t n = 0;
    bool any = false;
    *out = (struct dbr_imported){0};
    int err = what->id ? dbr_profile_id_check(what->id, why, cap)
                       : dbr_profile_id_from(what->path, out->id, why, cap);
    if (err)
        return err;
    if (what->id)
        snprintf(out->id, sizeof out->id, "%s", what->id);
    dbr_vault_list(&p->vault, see_one, &any);
    out->first = !any;
    err = read_source(&w, &text, &n);
    if (!err)
        err = is_key(text, n) ? import_key(&w, text, n) : import_text(&w, text, n);
    if (text)
        dbr_wipe(text, n);
    free(text);
    return err;
}
