/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/ca_parts.h"
#include "certs/pass.h"
#include "certs/pem.h"
#include "certs/say.h"

/* --- gate keys
 * ------------------------------------------------------------------------------------------------ */

size_t dbr_gate_key_text(const uint8_t key[DBR_GATE_BYTES], char out[DBR_GATE_TEXT])
{
    size_t at = (size_t)snprintf(
        out, DBR_GATE_TEXT, "#\n# 2048 bit OpenVPN static key\n#\n-----BEGIN OpenVPN Static key V1-----\n");
    for (size_t i = 0; i < DBR_GATE_BYTES; i++) {
        static const char digits[] = "0123456789abcdef";
        out[at++] = digits[key[i] >> 4];
        out[at++] = digits[key[i] & 15];
        if (i % 16 == 15)
            out[at++] = '\n';
    }
    return at + (size_t)snprintf(out + at, DBR_GATE_TEXT - at, "-----END OpenVPN Static key V1-----\n");
}

int dbr_gate_key_path(const struct dbr_ca *ca, const char *name, const char *suffix,
                      char path[DBR_STORE_PATH], char *why, size_t cap)
{
    char file[128];
    int err = *name ? dbr_name_check(name, why, cap) : 0;
    snprintf(file, sizeof file, "gate%s%s%s", *name ? "-" : "", name, suffix);
    dbr_ca_path(ca->conf.private_dir, file, ".key", path);
    return err;
}

int dbr_gate_v2_path(const struct dbr_ca *ca, const char *name, char path[DBR_STORE_PATH], char *why,
                     size_t cap)
{
    char file[128];
    int err = *name ? dbr_name_check(name, why, cap) : 0;
    snprintf(file, sizeof file, "gatev2%s%s", *name ? "-" : "", name);
    dbr_ca_path(ca->conf.private_dir, file, ".key", path);
    return err;
}

/* The key in force moves to its -old file, as a copy in the same transaction. */
static int keep_old(struct dbr_ca *ca, const char *name, const char *path, char *why, size_t cap)
{
    char old[DBR_STORE_PATH];
    uint8_t *text = NULL;
    size_t len = 0;
    int err = dbr_gate_key_path(ca, name, "-old", old, why, cap);
    if (!err)
        err = dbr_store_read(ca->store, path, DBR_KEY_FILE_MAX, &text, &len, why, cap);
    if (!err)
        err = dbr_store_put(ca->store, old, text, len, 0600, DBR_PUT_SECRET_REPLACE, why, cap);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

int dbr_gate_key_make(struct dbr_ca *ca, const char *name, bool rotate, char path[DBR_STORE_PATH], char *why,
                      size_t cap)
{
    uint8_t key[DBR_GATE_BYTES];
    char text[DBR_GATE_TEXT];
    size_t n_name = strlen(name);
    int err = dbr_gate_key_path(ca, name, "", path, why, cap);
    if (!err && (strcmp(name, "old") == 0 || (n_name > 4 && strcmp(name + n_name - 4, "-old") == 0)))
        err = dbr_say(DBR_ERR_CONFIG, why, cap,
                      "\"%s\" cannot be a name here: rotate keeps the key before it under -old", name);
    if (!err && rotate && dbr_store_exists(ca->store, path))
        err = keep_old(ca, name, path, why, cap);
    if (!err && RAND_priv_bytes(key, sizeof key) != 1)
        err = dbr_say(DBR_ERR_CRYPTO, why, cap, "no random numbers");
    if (!err) {
        size_t n = dbr_gate_key_text(key, text);
        err = dbr_store_put(ca->store, path, text, n, 0600, rotate ? DBR_PUT_SECRET_REPLACE : DBR_PUT_SECRET,
                            why, cap);
    }
    if (!err)
        err = dbr_store_commit(ca->store, why, cap);
    dbr_wipe(key, sizeof key);
    dbr_wipe(text, sizeof text);
    return err;
}

/* --- parts of a bundle
 * ---------------------------------------------------------------------------------------- */

/* The newest usable certificate of a name. */
static int find_certificate(const struct dbr_ca *ca, const char *name, X509 **out, char *why, size_t cap)
{
    long at = dbr_ca_find(ca, name);
    *out = NULL;
    if (at < 0)
        return dbr_say(DBR_ERR_NOTFOUND, why, cap, "no certificate of %s", name);
    const struct dbr_index_entry *e = dbr_index_at(ca->index, (size_t)at);
    if (e->status == 'R')
        return dbr_say(DBR_ERR_STATE, why, cap, "%s is revoked", name);
    *out = dbr_ca_certificate(ca, e);
    return *out
               ? 0
               : dbr_say(DBR_ERR_NOTFOUND, why, cap, "the certificate file of %s is missing or broken", name);
}

static int read_private(const struct dbr_ca *ca, const char *name, uint8_t **pem, size_t *len, char *why,
                        size_t cap)
{
    char path[DBR_STORE_PATH];
    int err = dbr_store_read(ca->store, dbr_ca_path(ca->conf.private_dir, name, ".key", path),
                             DBR_KEY_FILE_MAX, pem, len, why, cap);
    if (err == DBR_ERR_NOTFOUND)
        return dbr_say(err, why, cap, "the private key of %s is not in this CA (a request was signed?)",
                       name);
    return err;
}

/* --- .ovpn
 * ---------------------------------------------------------------------------------------------------- */

static const char client_head[] = "client\n"
                                  "dev tap\n"
                                  "proto udp\n"
                                  "remote %s\n"
                                  "nobind\n"
                                  "resolv-retry infinite\n"
                                  "persist-key\n"
                                  "persist-tun\n"
                                  "remote-cert-tls server\n"
                                  "verb 3\n";

static void put_block(BIO *b, const char *tag, const void *text, size_t len)
{
    BIO_printf(b, "<%s>\n", tag);
    BIO_write(b, text, (int)len);
    if (len && ((const char *)text)[len - 1] != '\n')
        BIO_puts(b, "\n");
    BIO_printf(b, "</%s>\n", tag);
}

static int put_head(BIO *b, const struct dbr_ca *ca, const struct dbr_export *what, bool client, char *why,
                    size_t cap)
{
    const char *remote = what->remote ? what->remote : ca->conf.remote;
    BIO_printf(b, "# Drawbridge profile of %s\n", what->name);
    if (what->template_) {
        BIO_puts(b, what->template_);
        BIO_puts(b, "\n");
        return 0;
    }
    if (!client)
        return 0;
    if (!*remote || strpbrk(remote, "\r\n"))
        return dbr_say(DBR_ERR_CONFIG, why, cap,
                       "whom shall it call? --remote HOST [PORT], or remote in " DBR_CA_CONF);
    BIO_printf(b, client_head, remote);
    return 0;
}

/* CA certificates: ours, then those above it. */
static int put_ca(BIO *b, const struct dbr_ca *ca, char *why, size_t cap)
{
    uint8_t *chain = NULL;
    size_t len = 0;
    int err =
        *ca->conf.chain ? dbr_store_read(ca->store, ca->conf.chain, DBR_CERT_MAX, &chain, &len, why, cap) : 0;
    if (!err) {
        BIO_puts(b, "<ca>\n");
        PEM_write_bio_X509(b, ca->cert);
        BIO_write(b, chain, (int)len);
        BIO_puts(b, "</ca>\n");
    }
    free(chain);
    return err;
}

static int put_private(BIO *b, const struct dbr_ca *ca, const char *name, char *why, size_t cap)
{
    uint8_t *pem = NULL;
    size_t len = 0;
    int err = read_private(ca, name, &pem, &len, why, cap);
    if (!err)
        put_block(b, "key", pem, len);
    if (pem)
        dbr_wipe(pem, len);
    free(pem);
    return err;
}

static int put_gate_v2(BIO *b, const struct dbr_ca *ca, const char *name, char *why, size_t cap)
{
    char path[DBR_STORE_PATH];
    uint8_t *text = NULL;
    size_t len = 0;
    int err = dbr_gate_v2_path(ca, name, path, why, cap);
    if (!err)
        err = dbr_store_read(ca->store, path, DBR_KEY_FILE_MAX, &text, &len, why, cap);
    if (err == DBR_ERR_NOTFOUND)
        dbr_say(err, why, cap, "there is no %s: \"drawbridge-ca gate-key v2 %s%s\" makes one", path,
                *name ? "client " : "new", name);
    if (!err)
        put_block(b, "tls-crypt-v2", text, len);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

static int put_gate(BIO *b, const struct dbr_ca *ca, const struct dbr_export *what, bool client, char *why,
                    size_t cap)
{
    char path[DBR_STORE_PATH];
    uint8_t *text = NULL;
    size_t len = 0;
    if (!what->gate)
        return 0;
    if (what->tls_crypt_v2)
        return put_gate_v2(b, ca, client ? what->name : "", why, cap);
    int err = dbr_gate_key_path(ca, what->gate, "", path, why, cap);
    if (!err)
        err = dbr_store_read(ca->store, path, DBR_KEY_FILE_MAX, &text, &len, why, cap);
    if (err == DBR_ERR_NOTFOUND)
        dbr_say(err, why, cap,
                "there is no %s: \"drawbridge-ca gate-key new\" makes one, --no-gate does without", path);
    if (!err && !what->tls_crypt)
        BIO_printf(b, "key-direction %d\n", client ? 1 : 0);
    if (!err)
        put_block(b, what->tls_crypt ? "tls-crypt" : "tls-auth", text, len);
    if (text)
        dbr_wipe(text, len);
    free(text);
    return err;
}

static int put_profile(BIO *b, const struct dbr_ca *ca, const struct dbr_export *what, X509 *cert, char *why,
                       size_t cap)
{
    int id = dbr_profile_of(cert);
    bool client = id == DBR_PROFILE_CLIENT || id == DBR_PROFILE_SITE;
    int err = put_head(b, ca, what, client, why, cap);
    if (!err)
        err = put_ca(b, ca, why, cap);
    if (err)
        return err;
    BIO_puts(b, "<cert>\n");
    PEM_write_bio_X509(b, cert);
    BIO_puts(b, "</cert>\n");
    err = put_private(b, ca, what->name, why, cap);
    return err ? err : put_gate(b, ca, what, client, why, cap);
}

static int take_memory(BIO *b, uint8_t **out, size_t *len)
{
    char *p;
    long n = BIO_get_mem_data(b, &p);
    *out = n > 0 ? malloc((size_t)n) : NULL;
    if (!*out)
        return DBR_ERR_NOMEM;
    memcpy(*out, p, (size_t)n);
    *len = (size_t)n;
    return 0;
}

int dbr_export_ovpn(const struct dbr_ca *ca, const struct dbr_export *what, uint8_t **out, size_t *len,
                    char *why, size_t cap)
{
    X509 *cert;
    BIO *b = BIO_new(BIO_s_secmem()); /* wiped when it is freed */
    *out = NULL;
    *len = 0;
    int err = b ? find_certificate(ca, what->name, &cert, why, cap) : DBR_ERR_NOMEM;
    if (!err) {
        err = put_profile(b, ca, what, cert, why, cap);
        X509_free(cert);
    }
    if (!err)
        err = take_memory(b, out, len);
    BIO_free(b);
    return err;
}

/* --- PKCS#12
 * -------------------------------------------------------------------------------------------------- */

static int push_der(void *stack, const uint8_t *der, size_t len)
{
    X509 *c = d2i_X509(NULL, &der, (long)len);
    if (c && sk_X509_push(stack, c))
        return 0;
    X509_free(c);
    return DBR_ERR_CERT;
}

/* Ours, then those above it: somebody who has nothing else must be able to verify a server. */
static STACK_OF(X509) * all_above(const struct dbr_ca *ca)
{
    STACK_OF(X509) *above = sk_X509_new_null();
    uint8_t *chain = NULL;
    size_t len = 0;
    int err = above && X509_up_ref(ca->cert) ? 0 : DBR_ERR_NOMEM;
    if (!err && !sk_X509_push(above, ca->cert)) {
        X509_free(ca->cert);
        err = DBR_ERR_NOMEM;
    }
    if (!err && *ca->conf.chain)
        err = dbr_store_read(ca->store, ca->conf.chain, DBR_CERT_MAX, &chain, &len, NULL, 0);
    if (!err && chain)
        err = dbr_pem_each(chain, len, "CERTIFICATE", push_der, above);
    free(chain);
    if (!err)
        return above;
    sk_X509_pop_free(above, X509_free);
    return NULL;
}

static int make_p12(const struct dbr_ca *ca, const char *name, X509 *cert, EVP_PKEY *key, const char *pass,
                    uint8_t **out, size_t *len)
{
    STACK_OF(X509) *above = all_above(ca);
    PKCS12 *p12 = NULL;
    uint8_t *der = NULL;
    int n = -1;
    if (above)
        p12 = PKCS12_create(pass, name, key, cert, above, NID_aes_256_cbc, NID_aes_256_cbc, 100000, -1, 0);
    if (p12 && PKCS12_set_mac(p12, pass, -1, NULL, 0, 100000, EVP_sha256()) == 1)
        n = i2d_PKCS12(p12, &der);
    *out = n > 0 ? malloc((size_t)n) : NULL;
    if (*out)
        memcpy(*out, der, (size_t)n);
    *len = *out ? (size_t)n : 0;
    OPENSSL_free(der);
    PKCS12_free(p12);
    sk_X509_pop_free(above, X509_free);
    ERR_clear_error();
    return *out ? 0 : DBR_ERR_CRYPTO;
}

static int read_pair(const struct dbr_ca *ca, const char *name, const struct dbr_pass *pass, X509 **cert,
                     EVP_PKEY **key, char *why, size_t cap)
{
    uint8_t *pem = NULL;
    size_t len = 0;
    *key = NULL;
    int err = find_certificate(ca, name, cert, why, cap);
    if (!err)
        err = read_private(ca, name, &pem, &len, why, cap);
    if (!err)
        err = dbr_key_read(key, pem, len, pass, why, cap);
    if (!err && X509_check_private_key(*cert, *key) != 1)
        err = dbr_say(DBR_ERR_CERT, why, cap, "the private key of %s is not that of its certificate", name);
    if (pem)
        dbr_wipe(pem, len);
    free(pem);
    return err;
}

int dbr_export_p12(const struct dbr_ca *ca, const char *name, const struct dbr_pass *key_pass,
                   const struct dbr_pass *p12_pass, uint8_t **out, size_t *len, char *why, size_t cap)
{
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    char text[DBR_PASS_TEXT];
    *out = NULL;
    *len = 0;
    if (!p12_pass->p || p12_pass->n >= sizeof text)
        return dbr_say(DBR_ERR_CONFIG, why, cap, "a PKCS#12 needs a passphrase");
    int err = read_pair(ca, name, key_pass, &cert, &key, why, cap);
    memcpy(text, p12_pass->p, p12_pass->n);
    text[p12_pass->n] = 0;
    if (!err && (err = make_p12(ca, name, cert, key, text, out, len)) != 0)
        dbr_say(err, why, cap, "cannot make the PKCS#12");
    dbr_wipe(text, sizeof text);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}
