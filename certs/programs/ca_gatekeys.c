/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ca gate-key v2: a gate key for each client (tls-crypt-v2), which can be withdrawn.
 *
 *   private/gatev2.key              wraps the clients' keys; the concentrators have it, nobody else
 *   private/gatev2-NAME.key         a client's key and its wrapped form; goes into its profile
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

static int put_key(struct dbr_ca *ca, const char *path, const char *pem, int n, char *why)
{
    int err = n < 0 ? n : dbr_store_put(ca->store, path, pem, (size_t)n, 0600, DBR_PUT_SECRET, why, WHY);
    return err ? err : dbr_store_commit(ca->store, why, WHY);
}

/* ---- the server's ---- */

static int new_server(struct call *c, struct dbr_ca *ca)
{
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    char pem[DBR_WKC_PEM_MAX], path[DBR_STORE_PATH];
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return dbr_say(DBR_ERR_CRYPTO, c->why, WHY, "no random numbers");
    int err = put_key(ca, server_path(ca, path), pem, dbr_wkc_server_key_write(key, pem, sizeof pem), c->why);
    dbr_wipe(key, sizeof key);
    dbr_wipe(pem, sizeof pem);
    if (!err)
        printf("%s: give it to the concentrators (tls-crypt-v2 %s), and make a key for each client: "
               "drawbridge-ca "
               "gate-key v2 client NAME\n",
               path, path);
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

static int new_client(struct call *c, struct dbr_ca *ca, const char *name)
{
    struct dbr_wkc *wrapper = NULL;
    struct dbr_own_key own = {0};
    uint8_t metadata[DBR_WKC_METADATA_MAX];
    char pem[DBR_WKC_PEM_MAX], path[DBR_STORE_PATH];
    int err = dbr_gate_v2_path(ca, name, path, c->why, WHY);
    if (!err && dbr_store_exists(ca->store, path))
        err =
            dbr_say(DBR_ERR_EXISTS, c->why, WHY,
                    "%s has a key already: \"drawbridge-ca gate-key v2 withdraw %s\" makes room", name, name);
    if (!err)
        err = load_server(c, ca, &wrapper);
    if (!err && RAND_priv_bytes(own.key, sizeof own.key) != 1)
        err = dbr_say(DBR_ERR_CRYPTO, c->why, WHY, "no random numbers");
    int n =
        err ? err : dbr_wkc_seal(wrapper, own.key, metadata, make_metadata(metadata, c->now, name), own.wkc);
    if (n > 0) {
        own.wkc_len = (size_t)n;
        err = put_key(ca, path, pem, dbr_own_key_write(&own, pem, sizeof pem), c->why);
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

static int add_to_list(struct call *c, struct dbr_ca *ca, const char *id, const char *name)
{
    char path[DBR_STORE_PATH];
    uint8_t *old = NULL;
    size_t len = 0;
    int err = dbr_store_read(ca->store, list_path(ca, path), LIST_MAX, &old, &len, c->why, WHY);
    if (err == DBR_ERR_NOTFOUND)
        err = 0;
    char *text = err ? NULL : malloc(len + ID_TEXT + strlen(name) + 8);
    if (text) {
        if (len)
            memcpy(text, old, len);
        int n = sprintf(text + len, "%s %s\n", id, name);
        err =
            dbr_store_put(ca->store, path, text, len + (size_t)n, 0600, DBR_PUT_SECRET_REPLACE, c->why, WHY);
    } else if (!err) {
        err = DBR_ERR_NOMEM;
    }
    free(text);
    free(old);
    return err;
}

/* Onto the list and out of the folder, in one transaction. */
static int withdraw(struct call *c, struct dbr_ca *ca, const char *name)
{
    struct dbr_own_key own;
    char id[ID_TEXT], path[DBR_STORE_PATH], list[DBR_STORE_PATH];
    int err = dbr_gate_v2_path(ca, name, path, c->why, WHY);
    if (!err && !dbr_store_exists(ca->store, path))
        err = dbr_say(DBR_ERR_NOTFOUND, c->why, WHY, "%s has no key of its own (%s)", name, path);
    if (!err)
        err = read_client(c, ca, name, &own);
    if (!err)
        err = id_text(&own, id);
    dbr_wipe(&own, sizeof own);
    if (!err)
        err = add_to_list(c, ca, id, name);
    if (!err)
        err = dbr_store_delete(ca->store, path, c->why, WHY);
    if (!err)
        err = dbr_store_commit(ca->store, c->why, WHY);
    if (!err)
        printf("%s is on the list: copy %s to the concentrators (tls-crypt-v2-withdrawn); they see it by "
               "themselves\n",
               name, list_path(ca, list));
    return err;
}

/* ---- the command ---- */

static int new_server_of(struct call *c, struct dbr_ca *ca, const char *name)
{
    (void)name;
    return new_server(c, ca);
}

int gate_key_v2(struct call *c)
{
    static const struct {
        const char *verb;
        bool named, writes;
        int (*act)(struct call *c, struct dbr_ca *ca, const char *name);
    } verbs[] = {
        {"new", false, true, new_server_of},
        {"client", true, true, new_client},
        {"show", true, false, show_client},
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
        c, dbr_say(DBR_ERR_CONFIG, c->why, WHY,
                   "gate-key v2 new, gate-key v2 client NAME, gate-key v2 show NAME|FILE, or gate-key v2 "
                   "withdraw NAME"));
}
