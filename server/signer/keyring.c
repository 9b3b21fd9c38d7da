/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/keyring.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/tls_scheme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY = 512 };

/* ---- parts ---- */

static void drop_part(struct keyring_part *p)
{
    if (p->text)
        dbr_wipe(p->text, p->len);
    free(p->text);
    *p = (struct keyring_part){0};
}

static void drop_parts(struct keyring *r)
{
    for (int i = 0; i < DBR_KEYS_PARTS; i++)
        drop_part(&r->part[i]);
    r->unread = false;
}

static bool read_part(struct keyring_part *p, int fd)
{
    struct stat st;
    drop_part(p);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0 || st.st_size > KEYRING_FILE_MAX ||
        !(p->text = calloc(1, (size_t)st.st_size + 1)))
        return false;
    while (p->len < (size_t)st.st_size) {
        ssize_t n = pread(fd, p->text + p->len, (size_t)st.st_size - p->len, (off_t)p->len);
        if (n <= 0)
            break;
        p->len += (size_t)n;
    }
    return true;
}

bool keyring_take(struct keyring *r, const struct dbr_ipc_keys *m, int fd)
{
    if (m->what == DBR_KEYS_BEGIN) {
        drop_parts(r);
        r->unread = true;
    }
    if (m->what == DBR_KEYS_BEGIN || m->what != DBR_KEYS_PASS)
        memcpy(r->where, m->where, sizeof r->where);
    return m->what == DBR_KEYS_BEGIN || read_part(&r->part[m->what], fd);
}

/* ---- keys ---- */

/* Base64 into what it stands for. */
static int decode(struct keyring_part *p12, const struct keyring_part *text, char *why, size_t cap)
{
    char *der = calloc(1, text->len + 1);
    long n = der ? dbr_base64_decode(text->text, text->len, (uint8_t *)der, text->len) : 0;
    drop_part(p12);
    *p12 = (struct keyring_part){der, n > 0 ? (size_t)n : 0};
    if (n > 0)
        return 0;
    snprintf(why, cap, "pkcs12: the block is not base64; put the output of `base64 FILE` between its lines");
    return DBR_ERR_CONFIG;
}

static const char *passphrase(struct keyring *r)
{
    struct keyring_part *file = &r->part[DBR_KEYS_PASS];
    if (!file->text)
        return *r->told ? r->told : r->pass;
    file->text[strcspn(file->text, "\r\n")] = 0;
    return file->text;
}

static int make_key(struct keyring *r, struct dbr_signkey **out, char *why, size_t cap)
{
    struct keyring_part *p = r->part;
    int err =
        p[DBR_KEYS_PKCS12_TEXT].text ? decode(&p[DBR_KEYS_PKCS12], &p[DBR_KEYS_PKCS12_TEXT], why, cap) : 0;
    const struct dbr_signkey_config c = {.key = p[DBR_KEYS_KEY].text,
                                         .key_len = p[DBR_KEYS_KEY].len,
                                         .pkcs12 = (const uint8_t *)p[DBR_KEYS_PKCS12].text,
                                         .pkcs12_len = p[DBR_KEYS_PKCS12].len,
                                         .pass = passphrase(r)};
    return err ? err : dbr_signkey_new(out, &c, why, cap);
}

const struct dbr_signkey *keyring_latest(struct keyring *r, const struct dbr_log *log)
{
    struct dbr_signkey *fresh;
    char why[WHY] = "";
    if (!r->unread)
        return r->latest ? r->latest : r->used;
    if (make_key(r, &fresh, why, sizeof why)) {
        dbr_log(log, DBR_LOG_FATAL, "%s: %s", r->where, why);
        return NULL;
    }
    drop_parts(r);
    dbr_signkey_free(r->latest);
    r->latest = fresh;
    return fresh;
}

static bool is(const struct dbr_signkey *k, const uint8_t id[DBR_KEY_ID_LEN])
{
    return k && memcmp(dbr_signkey_id(k), id, DBR_KEY_ID_LEN) == 0;
}

void keyring_use(struct keyring *r, const uint8_t id[DBR_KEY_ID_LEN], uint32_t keep_s, uint64_t now_ns)
{
    if (!is(r->latest, id))
        return;
    if (is(r->used, id)) {
        dbr_signkey_free(r->used);
    } else if (r->used) {
        dbr_signkey_free(r->old);
        r->old = r->used;
        r->old_until_ns = now_ns + keep_s * 1000000000ull;
    }
    r->used = r->latest;
    r->latest = NULL;
}

void keyring_expire(struct keyring *r, uint64_t now_ns)
{
    if (!r->old || now_ns < r->old_until_ns)
        return;
    dbr_signkey_free(r->old);
    r->old = NULL;
}

int keyring_sign(struct keyring *r, const struct dbr_sign_head *ask, const uint8_t *message, uint8_t *sig,
                 size_t *len)
{
    if (!dbr_tls_to_sign(r->server, message, ask->n))
        return DBR_ERR_SHAPE;
    struct dbr_signkey *k = is(r->used, ask->key)     ? r->used
                            : is(r->latest, ask->key) ? r->latest
                            : is(r->old, ask->key)    ? r->old
                                                      : NULL;
    return k ? dbr_signkey_sign(k, ask->scheme, message, ask->n, sig, len) : DBR_ERR_NOTFOUND;
}

void keyring_free(struct keyring *r)
{
    drop_parts(r);
    dbr_signkey_free(r->used);
    dbr_signkey_free(r->latest);
    dbr_signkey_free(r->old);
    dbr_wipe(r, sizeof *r);
}
