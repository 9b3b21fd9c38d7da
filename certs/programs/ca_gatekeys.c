/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ca gate-key v2: a gate key for each client (tls-crypt-v2), which can be withdrawn.
 *
 *   private/gatev2.key              wraps the clients' keys; the concentrators have it, nobody else
 *   private/gatev2old.key           what did before the last rotation; for tls-auth-old
 *   private/gatev2-NAME.key         a client's key and its wrapped form; goes into its profile
 *   private/gatev2old-NAME.key      the one before the last rotation, until it is withdrawn
 *   private/gatev2-withdrawn.list   for tls-crypt-v2-withdrawn of the concentrators
 */
#include "ca_cli.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"
#include "proto/wkc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

enum { LIST_MAX = 16 << 20, ID_TEXT = 2 * DBR_WKC_ID_LEN + 1, TIME_LEN = 1 + 8 };

static const char *server_path(const struct dbr_ca *ca, char path[DBR_STORE_PATH])
{
    return dbr_ca_path(ca->conf.private_dir, "gatev2", ".key", path);
}

static const char *list_path(const struct dbr_ca *ca, char path[DBR_STORE_PATH])
{
    return dbr_ca_path(ca->conf.private_dir, "gatev2-withdrawn", ".list", path);
}

/* gatev2old.key, or of a client; a name cannot make one out of the other. */
static const char *old_path(const struct dbr_ca *ca, const char *name, char path[DBR_STORE_PATH])
{
    char file[128];
    snprintf(file, sizeof file, "gatev2old%s%s", *name ? "-" : "", name);
    return dbr_ca_path(ca->conf.private_dir, file, ".key", path);
}

static int put_key(struct dbr_ca *ca, const char *path, const char *pem, int n, enum dbr_store_put how,
                   char *why)
{
    int err = n < 0 ? n : dbr_store_put(ca->store, path, pem, (size_t)n, 0600, how, why, WHY);
    return err ? err : dbr_store_commit(ca->store, why, WHY);
}

/* A copy of the key at path becomes the old one, in the transaction that replaces it. */
static int keep_old(struct dbr_ca *ca, const char *path, const char *name, char *why)
{
    char old[DBR_STORE_PATH];
    uint8_t *text = NULL;
    size_t len = 0;
    int err = dbr_store_read(ca->store, path, DBR_KEY_FILE_MAX, &text, &len, why, WHY);
    if (!err)
        err = dbr_store_put(ca->store, old_path(ca, name, old), text, len, 0600, DBR_PUT_SECRET_REPLACE, why,
                            WHY);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

/* ---- the server's ---- */

static int make_server(struct call *c, struct dbr_ca *ca, enum dbr_store_put how)
{
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    char pem[DBR_WKC_PEM_MAX], path[DBR_STORE_PATH];
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return dbr_say(DBR_ERR_CRYPTO, c->why, WHY, "no random numbers");
    int err =
        put_key(ca, server_path(ca, path), pem, dbr_wkc_server_key_write(key, pem, sizeof pem), how, c->why);
    dbr_wipe(key, sizeof key);
    dbr_wipe(pem, sizeof pem);
    return err;
}

static int new_server(struct call *c, struct dbr_ca *ca)
{
    char path[DBR_STORE_PATH];
    int err = make_server(c, ca, DBR_PUT_SECRET);
    server_path(ca, path);
    if (!err)
        printf("%s: give it to the concentrators (tls-crypt-v2 %s), and make a key for each client: "
               "drawbridge-ca "
               "gate-key v2 client NAME\n",
               path, path);
    return err;
}

/* The clients' keys stay good under the old one for as long as the concentrators name it. */
static int rotate_server(struct call *c, struct dbr_ca *ca)
{
    char path[DBR_STORE_PATH], old[DBR_STORE_PATH];
    int err = keep_old(ca, server_path(ca, path), "", c->why);
    if (err == DBR_ERR_NOTFOUND)
        dbr_say(err, c->why, WHY, "there is no %s: \"drawbridge-ca gate-key v2 new\" makes one", path);
    if (!err)
        err = make_server(c, ca, DBR_PUT_SECRET_REPLACE);
    if (!err)
        printf("%s is new, the one before it is %s: give both to the concentrators (tls-crypt-v2 and "
               "tls-auth-old).\n"
               "Then, one client after the other: drawbridge-ca gate-key v2 client NAME, and a new profile. "
               "Take tls-auth-old away when all have theirs.\n",
               path, old_path(ca, "", old));
    return err;
}

static int load_server(struct call *c, struct dbr_ca *ca, struct dbr_wkc **out)
{
    uint8_t *text = NULL, key[DBR_WKC_SERVER_KEY_LEN];
    char path[DBR_STORE_PATH];
    size_t len = 0;
    int err = dbr_store_read(ca->store, server_path(ca, path), DBR_KEY_FILE_MAX, &text, &len, c->why, WHY);
    if (err == DBR_ERR_NOTFOUND)
        dbr_say(err, c->why, WHY, "there is no %s: \"drawbridge-ca gate-key v2 new\" makes one", path);
    if (!err)
        err = dbr_wkc_server_key_parse(key, (const char *)text, len, c->why, WHY);
    if (!err)
        err = dbr_wkc_new(out, key);
    dbr_wipe(key, sizeof key);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

/* ---- a client's ---- */

/* The metadata: when it was made, as OpenVPN has it, and behind that whose it is. */
static size_t make_metadata(uint8_t out[DBR_WKC_METADATA_MAX], int64_t now, const char *name)
{
    size_t n = strlen(name);
    out[0] = DBR_WKC_TYPE_TIME;
    dbr_put64(out + 1, (uint64_t)now);
    memcpy(out + TIME_LEN, name, n);
    return TIME_LEN + n;
}

/* The key of a client by its name, or out of a file. */
static int read_client(struct call *c, const struct dbr_ca *ca, const char *what, struct dbr_own_key *own)
{
    char path[DBR_STORE_PATH];
    uint8_t *text = NULL;
    size_t len = 0;
    bool known = !dbr_gate_v2_path(ca, what, path, NULL, 0) && dbr_store_exists(ca->store, path);
    int err = known ? dbr_store_read(ca->store, path, DBR_KEY_FILE_MAX, &text, &len, c->why, WHY)
                    : read_whole(what, DBR_KEY_FILE_MAX, &text, &len, c->why, WHY);
    if (!err)
        err = dbr_own_key_parse(own, (const char *)text, len, c->why, WHY);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

/* A key that was wrapped before the last rotation makes room; one of today does not. */
static int make_room(struct call *c, struct dbr_ca *ca, struct dbr_wkc *wrapper, const char *name,
                     const char *path)
{
    struct dbr_own_key own;
    struct dbr_client_key k;
    if (!dbr_store_exists(ca->store, path))
        return 0;
    int err = read_client(c, ca, name, &own);
    bool current = !err && dbr_wkc_open(wrapper, own.wkc, own.wkc_len, &k) == 0;
    dbr_wipe(&own, sizeof own);
    dbr_wipe(&k, sizeof k);
    if (!err && current)
        err =
            dbr_say(DBR_ERR_EXISTS, c->why, WHY,
                    "%s has a key already: \"drawbridge-ca gate-key v2 withdraw %s\" makes room", name, name);
    return err ? err : keep_old(ca, path, name, c->why);
}

static int new_client(struct call *c, struct dbr_ca *ca, const char *name)
{
    struct dbr_wkc *wrapper = NULL;
    struct dbr_own_key own = {0};
    uint8_t metadata[DBR_WKC_METADATA_MAX];
    char pem[DBR_WKC_PEM_MAX], path[DBR_STORE_PATH];
    int err = dbr_gate_v2_path(ca, name, path, c->why, WHY);
    if (!err)
        err = load_server(c, ca, &wrapper);
    if (!err)
        err = make_room(c, ca, wrapper, name, path);
    if (!err && RAND_priv_bytes(own.key, sizeof own.key) != 1)
        err = dbr_say(DBR_ERR_CRYPTO, c->why, WHY, "no random numbers");
    int n =
        err ? err : dbr_wkc_seal(wrapper, own.key, metadata, make_metadata(metadata, c->now, name), own.wkc);
    if (n > 0) {
        own.wkc_len = (size_t)n;
        err =
            put_key(ca, path, pem, dbr_own_key_write(&own, pem, sizeof pem), DBR_PUT_SECRET_REPLACE, c->why);
    } else if (!err) {
        err = n;
    }
    dbr_wkc_free(wrapper);
    dbr_wipe(&own, sizeof own);
    dbr_wipe(pem, sizeof pem);
    if (!err)
        printf("%s: export the profile with it: drawbridge-ca export %s --tls-crypt-v2\n", path, name);
    return err;
}

static int id_text(const struct dbr_own_key *own, char out[ID_TEXT])
{
    uint8_t id[DBR_WKC_ID_LEN];
    int err = dbr_wkc_id(own->wkc, own->wkc_len, id);
    for (size_t i = 0; !err && i < sizeof id; i++)
        snprintf(out + 2 * i, 3, "%02x", id[i]);
    return err;
}

static void print_metadata(const struct dbr_client_key *k)
{
    char date[32] = "?";
    int64_t made = dbr_client_key_made(k);
    time_t at = (time_t)made;
    struct tm tm;
    if (made >= 0 && gmtime_r(&at, &tm) && strftime(date, sizeof date, "%Y-%m-%d %H:%M:%SZ", &tm))
        printf("made:   %s\n", date);
    printf("bytes:  ");
    for (size_t i = made < 0 ? 1 : TIME_LEN; i < k->metadata_len; i++)
        putchar(k->metadata[i] >= 0x20 && k->metadata[i] < 0x7f ? k->metadata[i] : '.');
    putchar('\n');
}

static int show_client(struct call *c, struct dbr_ca *ca, const char *what)
{
    struct dbr_own_key own;
    struct dbr_client_key k;
    struct dbr_wkc *wrapper = NULL;
    char id[ID_TEXT];
    int err = read_client(c, ca, what, &own);
    if (!err)
        err = id_text(&own, id);
    if (err)
        return err;
    printf("SHA256: %s\n", id);
    if (load_server(c, ca, &wrapper) || dbr_wkc_open(wrapper, own.wkc, own.wkc_len, &k))
        puts("not wrapped by the server key of this CA");
    else
        print_metadata(&k);
    dbr_wkc_free(wrapper);
    dbr_wipe(&k, sizeof k);
    dbr_wipe(&own, sizeof own);
    return 0;
}

/* ---- withdrawn ---- */

/* Lines for the list, collected before it is touched. */
struct leaving {
    char text[2 * (ID_TEXT + DBR_STORE_PATH)];
    size_t n;
};

/* Behind what is there, which somebody may have edited without a newline at the end. */
static int add_to_list(struct call *c, struct dbr_ca *ca, const struct leaving *l)
{
    char path[DBR_STORE_PATH];
    uint8_t *old = NULL;
    size_t len = 0;
    int err = dbr_store_read(ca->store, list_path(ca, path), LIST_MAX, &old, &len, c->why, WHY);
    if (err == DBR_ERR_NOTFOUND)
        err = 0;
    char *text = err ? NULL : malloc(len + 1 + l->n);
    if (text) {
        if (len)
            memcpy(text, old, len);
        if (len && text[len - 1] != '\n')
            text[len++] = '\n';
        memcpy(text + len, l->text, l->n);
        err = dbr_store_put(ca->store, path, text, len + l->n, 0600, DBR_PUT_SECRET_REPLACE, c->why, WHY);
    } else if (!err) {
        err = dbr_say(DBR_ERR_NOMEM, c->why, WHY, "out of memory");
    }
    free(text);
    free(old);
    return err;
}

/* One key of his, if there is one, onto the lines. */
static int note_key(struct call *c, const struct dbr_ca *ca, const char *path, const char *name,
                    struct leaving *l)
{
    struct dbr_own_key own;
    uint8_t *text = NULL;
    size_t len = 0;
    char id[ID_TEXT];
    if (!dbr_store_exists(ca->store, path))
        return 0;
    int err = dbr_store_read(ca->store, path, DBR_KEY_FILE_MAX, &text, &len, c->why, WHY);
    if (!err)
        err = dbr_own_key_parse(&own, (const char *)text, len, c->why, WHY);
    if (!err)
        err = id_text(&own, id);
    if (!err)
        l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%s %s\n", id, name);
    dbr_wipe(&own, sizeof own);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

static int list_readable(struct call *c, const struct dbr_ca *ca)
{
    uint8_t *text = NULL;
    size_t len;
    int err = gate_list(ca, &text, &len, c->why, WHY);
    free(text);
    return err == DBR_ERR_NOTFOUND ? 0 : err;
}

/* All keys of his that the concentrators may still take, and that the list will take them. */
static int note_keys(struct call *c, const struct dbr_ca *ca, const char *name, struct leaving *l)
{
    char path[DBR_STORE_PATH];
    int err = dbr_gate_v2_path(ca, name, path, c->why, WHY);
    l->n = 0;
    if (!err)
        err = note_key(c, ca, path, name, l);
    if (!err)
        err = note_key(c, ca, old_path(ca, name, path), name, l);
    return err || !l->n ? err : list_readable(c, ca);
}

/* Onto the list and out of the folder, to be committed. */
static int stage_withdrawal(struct call *c, struct dbr_ca *ca, const char *name, const struct leaving *l)
{
    char path[DBR_STORE_PATH];
    int err = add_to_list(c, ca, l);
    if (!err)
        err = dbr_gate_v2_path(ca, name, path, c->why, WHY);
    if (!err)
        err = dbr_store_delete(ca->store, path, c->why, WHY);
    if (!err)
        err = dbr_store_delete(ca->store, old_path(ca, name, path), c->why, WHY);
    return err;
}

static int withdraw(struct call *c, struct dbr_ca *ca, const char *name)
{
    struct leaving l;
    char path[DBR_STORE_PATH];
    int err = note_keys(c, ca, name, &l);
    if (!err && !l.n)
        err = dbr_say(DBR_ERR_NOTFOUND, c->why, WHY, "%s has no key of its own (%s)", name,
                      dbr_gate_v2_path(ca, name, path, NULL, 0) ? "" : path);
    if (!err)
        err = stage_withdrawal(c, ca, name, &l);
    if (!err)
        err = dbr_store_commit(ca->store, c->why, WHY);
    if (!err)
        printf("%s is on the list: copy %s to the concentrators (tls-crypt-v2-withdrawn); they see it by "
               "themselves. With gate-list lines in " DBR_CA_CONF ", \"drawbridge-ca push\" does it.\n",
               name, list_path(ca, path));
    return err;
}

/* A gate key or a list that cannot be read does not hold a revocation up: it is said, and the exit status
 * is 1. */
int withdraw_with_certificate(struct dbr_ca *ca, const char *name, void *gone, char *why, size_t cap)
{
    struct gone *g = gone;
    struct leaving l;
    if (dbr_name_check(name, NULL, 0) != 0)
        return 0; /* no key of ours has it */
    if (note_keys(g->call, ca, name, &l) != 0) {
        fprintf(stderr, "drawbridge-ca: the gate key of %s is NOT withdrawn: %s\n", name, g->call->why);
        g->failed = true;
        return 0;
    }
    if (!l.n)
        return 0;
    int err = stage_withdrawal(g->call, ca, name, &l);
    g->keys = !err;
    (void)why; /* it is the call's own */
    (void)cap;
    return err;
}

int gate_list(const struct dbr_ca *ca, uint8_t **text, size_t *len, char *why, size_t cap)
{
    char path[DBR_STORE_PATH];
    return dbr_store_read(ca->store, list_path(ca, path), LIST_MAX, text, len, why, cap);
}

/* ---- the command ---- */

static int new_server_of(struct call *c, struct dbr_ca *ca, const char *name)
{
    (void)name;
    return new_server(c, ca);
}

static int rotate_server_of(struct call *c, struct dbr_ca *ca, const char *name)
{
    (void)name;
    return rotate_server(c, ca);
}

int gate_key_v2(struct call *c)
{
    static const struct {
        const char *verb;
        bool named, writes;
        int (*act)(struct call *c, struct dbr_ca *ca, const char *name);
    } verbs[] = {
        {"new", false, true, new_server_of}, {"rotate", false, true, rotate_server_of},
        {"client", true, true, new_client},  {"show", true, false, show_client},
        {"withdraw", true, true, withdraw},
    };
    struct dbr_ca *ca;
    const char *verb = c->n > 1 ? c->args[1] : "", *name = c->n > 2 ? c->args[2] : NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].verb) != 0 || verbs[i].named != (name != NULL))
            continue;
        int err = verbs[i].writes ? open_ca_locked(c, &ca) : open_ca(c, false, &ca);
        if (err)
            return fail(c, err);
        err = verbs[i].act(c, ca, name);
        dbr_ca_close(ca);
        return err ? fail(c, err) : 0;
    }
    return fail(
        c, dbr_say(
               DBR_ERR_CONFIG, c->why, WHY,
               "gate-key v2 new, gate-key v2 rotate, gate-key v2 client NAME, gate-key v2 show NAME|FILE, or "
               "gate-key v2 withdraw NAME"));
}
