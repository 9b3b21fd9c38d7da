/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/say.h"
#include "certs/ca_parts.h"

int read_conf(struct dbr_ca *ca, char *why, size_t cap)
{
    uint8_t *text;
    size_t len;
    dbr_ca_conf_init(&ca->conf);
    int err = dbr_store_read(ca->store, DBR_CA_CONF, DBR_CA_CONF_MAX, &text, &len, why, cap);
    if (err == DBR_ERR_NOTFOUND)
        return dbr_say(err, why, cap,
                       "%s holds no CA of ours: \"drawbridge-ca init\" makes one, \"drawbridge-ca import\" "
                       "adopts one of "
                       "easy-rsa or openssl",
                       dbr_store_folder(ca->store));
    if (!err)
        err = dbr_ca_conf_parse(&ca->conf, (const char *)text, len, why, cap);
    free(text);
    return err;
}

int read_index(struct dbr_ca *ca, char *why, size_t cap)
{
    uint8_t *text;
    size_t len;
    int err = dbr_store_read(ca->store, DBR_CA_INDEX, DBR_INDEX_MAX, &text, &len, why, cap);
    if (!err)
        err = dbr_index_parse(&ca->index, text, len, why, cap);
    free(text);
    return err;
}

X509 *parse_cert(const uint8_t *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *c = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return c;
}

X509 *read_cert(const struct dbr_store *store, const char *path)
{
    uint8_t *pem;
    size_t len;
    if (dbr_store_read(store, path, DBR_CERT_MAX, &pem, &len, NULL, 0) != 0)
        return NULL;
    X509 *c = parse_cert(pem, len);
    free(pem);
    return c;
}

static int open_parts(struct dbr_ca *ca, char *why, size_t cap)
{
    int err = read_conf(ca, why, cap);
    if (!err)
        err = read_index(ca, why, cap);
    if (err)
        return err;
    ca->cert = read_cert(ca->store, ca->conf.ca_cert);
    if (!ca->cert)
        return dbr_say(DBR_ERR_SHAPE, why, cap, "%s/%s: no certificate in it", dbr_store_folder(ca->store),
                       ca->conf.ca_cert);
    return 0;
}

int dbr_ca_open(struct dbr_ca **out, const char *folder, enum dbr_store_mode mode, int wait_ms, int64_t now,
                char *why, size_t cap)
{
    struct dbr_ca *ca = calloc(1, sizeof *ca);
    *out = NULL;
    if (!ca)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    ca->now = now;
    int err = dbr_store_open(&ca->store, folder, mode, wait_ms, why, cap);
    if (!err)
        err = open_parts(ca, why, cap);
    if (err)
        dbr_ca_close(ca);
    else
        *out = ca;
    return err;
}

void dbr_ca_close(struct dbr_ca *ca)
{
    if (!ca)
        return;
    EVP_PKEY_free(ca->key);
    X509_free(ca->cert);
    dbr_index_free(ca->index);
    dbr_store_close(ca->store);
    free(ca);
}

/* --- the CA's key
 * --------------------------------------------------------------------------------------------- */

static int read_key_file(const struct dbr_ca *ca, uint8_t **pem, size_t *len, char *why, size_t cap)
{
    return dbr_store_read(ca->store, ca->conf.ca_key, DBR_KEY_FILE_MAX, pem, len, why, cap);
}

bool dbr_ca_needs_pass(const struct dbr_ca *ca)
{
    uint8_t *pem;
    size_t len;
    if (read_key_file(ca, &pem, &len, NULL, 0) != 0)
        return false;
    enum dbr_key_protection p = dbr_key_protection(pem, len);
    dbr_wipe(pem, len);
    free(pem);
    return p != DBR_KEY_PLAIN;
}

int dbr_ca_unlock(struct dbr_ca *ca, const struct dbr_pass *pass, char *why, size_t cap)
{
    uint8_t *pem;
    size_t len;
    char reason[128];
    int err = read_key_file(ca, &pem, &len, why, cap);
    if (err)
        return err;
    err = dbr_key_read(&ca->key, pem, len, pass, reason, sizeof reason);
    dbr_wipe(pem, len);
    free(pem);
    if (err)
        return dbr_say(err, why, cap, "%s: %s", ca->conf.ca_key, reason);
    if (X509_check_private_key(ca->cert, ca->key) != 1) {
        ERR_clear_error();
        return dbr_say(DBR_ERR_CERT, why, cap, "%s is not the key of %s", ca->conf.ca_key, ca->conf.ca_cert);
    }
    return 0;
}

/* --- finding
 * -------------------------------------------------------------------------------------------------- */

const char *dbr_ca_path(const char *folder, const char *name, const char *suffix, char out[DBR_STORE_PATH])
{
    snprintf(out, DBR_STORE_PATH, "%.80s/%.80s%.16s", folder, name, suffix);
    return out;
}

const char *dbr_ca_cert_path(const struct dbr_ca *ca, const struct dbr_serial *serial,
                             char out[DBR_STORE_PATH])
{
    char text[DBR_SERIAL_TEXT];
    return dbr_ca_path(ca->conf.newcerts, dbr_serial_text(serial, text), ".pem", out);
}

X509 *dbr_ca_certificate(const struct dbr_ca *ca, const struct dbr_index_entry *e)
{
    char path[DBR_STORE_PATH];
    return read_cert(ca->store, dbr_ca_cert_path(ca, &e->serial, path));
}

bool cert_serial(const X509 *c, struct dbr_serial *out)
{
    const ASN1_INTEGER *i = X509_get0_serialNumber(c);
    return ASN1_STRING_type(i) == V_ASN1_INTEGER &&
           dbr_serial_set(out, ASN1_STRING_get0_data(i), (size_t)ASN1_STRING_length(i));
}

/* easy-rsa names files after what was typed, which need not be the commonName. */
static long find_by_file(const struct dbr_ca *ca, const char *name)
{
    char path[DBR_STORE_PATH];
    struct dbr_serial serial;
    if (dbr_name_check(name, NULL, 0) != 0)
        return -1;
    X509 *c = read_cert(ca->store, dbr_ca_path(ca->conf.issued, name, ".crt", path));
    long at = c && cert_serial(c, &serial) ? dbr_index_find(ca->index, &serial) : -1;
    X509_free(c);
    return at;
}

long dbr_ca_find(const struct dbr_ca *ca, const char *which)
{
    struct dbr_serial serial;
    long best = -1;
    for (long i = -1; (i = dbr_index_find_cn(ca->index, which, (size_t)(i + 1))) >= 0;) {
        bool best_valid = best >= 0 && dbr_index_at(ca->index, (size_t)best)->status == 'V';
        if (dbr_index_at(ca->index, (size_t)i)->status == 'V' || !best_valid)
            best = i;
    }
    if (best < 0)
        best = find_by_file(ca, which);
    if (best < 0 && dbr_serial_parse(&serial, which, strlen(which)))
        best = dbr_index_find(ca->index, &serial);
    return best;
}
