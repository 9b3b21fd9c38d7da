/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/ca_parts.h"
#include "certs/pem.h"
#include "certs/say.h"
#include "certs/sign.h"

/* So that `openssl ca -config openssl.cnf`, started inside the folder, works on the same CA. */
static const char openssl_cnf[] =
    "# For openssl ca, started inside this folder: openssl ca -config openssl.cnf -status 1A\n"
    "[ca]\n"
    "default_ca = here\n"
    "[here]\n"
    "dir = .\n"
    "certs = $dir/issued\n"
    "new_certs_dir = $dir/newcerts\n"
    "database = $dir/index.txt\n"
    "serial = $dir/serial\n"
    "crlnumber = $dir/crlnumber\n"
    "certificate = $dir/ca.crt\n"
    "private_key = $dir/private/ca.key\n"
    "default_md = sha256\n"
    "default_days = 825\n"
    "default_crl_days = 7\n"
    "unique_subject = no\n"
    "policy = any\n"
    "x509_extensions = client\n"
    "crl_extensions = crl\n"
    "[any]\n"
    "commonName = supplied\n"
    "[client]\n"
    "basicConstraints = critical,CA:FALSE\n"
    "keyUsage = critical,digitalSignature\n"
    "extendedKeyUsage = clientAuth\n"
    "subjectKeyIdentifier = hash\n"
    "authorityKeyIdentifier = keyid\n"
    "[crl]\n"
    "authorityKeyIdentifier = keyid\n";

/* --- init
 * ----------------------------------------------------------------------------------------------------- */

struct birth {
    struct dbr_ca *ca;
    const struct dbr_ca_new *what;
    struct dbr_derout tbs, cert;
    uint8_t *key_pem;
    size_t key_len;
    char *why;
    size_t cap;
};

static int generate_key(struct birth *b)
{
    b->ca->key = dbr_key_generate(b->what->conf->key_type);
    if (!b->ca->key)
        return dbr_say(DBR_ERR_CONFIG, b->why, b->cap, "cannot make a key of type \"%s\"",
                       b->what->conf->key_type);
    return 0;
}

static int self_sign(struct birth *b)
{
    const struct dbr_ca_conf *conf = b->what->conf;
    X509_NAME *subject = make_subject(conf->subject, b->what->name);
    struct cert_draft d = {.profile = dbr_profile(DBR_PROFILE_CA),
                           .subject = subject,
                           .public_key = b->ca->key,
                           .not_before = b->ca->now - conf->backdate_s,
                           .not_after = b->ca->now + conf->life_s[DBR_PROFILE_CA],
                           .crl_url = "",
                           .ocsp_url = "",
                           .signer = b->ca->key};
    int err = subject ? random_serial(&d.serial)
                      : dbr_say(DBR_ERR_CONFIG, b->why, b->cap, "bad subject: %s/CN=%s", conf->subject,
                                b->what->name);
    if (!err)
        err = draft_tbs(&d, &b->tbs, b->why, b->cap);
    if (!err)
        err = sign_tbs(b->ca->key, b->tbs.p, b->tbs.n, &b->cert, b->why, b->cap);
    const uint8_t *p = b->cert.p;
    if (!err && !(b->ca->cert = d2i_X509(NULL, &p, (long)b->cert.n)))
        err = dbr_say(DBR_ERR_CRYPTO, b->why, b->cap, "the new CA certificate does not parse");
    X509_NAME_free(subject);
    return err;
}

/* A certificate from elsewhere: it must be a CA's, and its key must fit. */
static int adopt_pair(struct birth *b)
{
    const struct dbr_ca_new *w = b->what;
    b->ca->cert = parse_cert(w->cert_pem, w->cert_len);
    if (!b->ca->cert || X509_check_ca(b->ca->cert) != 1)
        return dbr_say(DBR_ERR_CERT, b->why, b->cap, "the given certificate is not one of a CA");
    int err = dbr_key_read(&b->ca->key, w->key_pem, w->key_len, &w->key_pass, b->why, b->cap);
    if (!err && X509_check_private_key(b->ca->cert, b->ca->key) != 1)
        err = dbr_say(DBR_ERR_CERT, b->why, b->cap, "the given key is not that of the given certificate");
    uint8_t *der = NULL;
    int n = err ? -1 : i2d_X509(b->ca->cert, &der);
    if (n > 0)
        dbr_derout_raw(&b->cert, der, (size_t)n);
    OPENSSL_free(der);
    ERR_clear_error();
    return err;
}

static int put_text(struct birth *b, const char *path, const char *text, unsigned mode)
{
    return dbr_store_put(b->ca->store, path, text, strlen(text), mode, DBR_PUT_NEW, b->why, b->cap);
}

static int put_pair(struct birth *b)
{
    size_t len;
    const struct dbr_ca_conf *conf = &b->ca->conf;
    char *pem = pem_of("CERTIFICATE", b->cert.p, b->cert.n, &len);
    int err = pem ? dbr_key_write(b->ca->key, &b->what->key_pass, &b->key_pem, &b->key_len) : DBR_ERR_NOMEM;
    if (err)
        dbr_say(err, b->why, b->cap, "cannot write the CA's key: %s", dbr_err_text(err));
    if (!err)
        err = dbr_store_put(b->ca->store, conf->ca_key, b->key_pem, b->key_len, 0600, DBR_PUT_SECRET, b->why,
                            b->cap);
    if (!err)
        err = dbr_store_put(b->ca->store, conf->ca_cert, pem, len, 0644, DBR_PUT_NEW, b->why, b->cap);
    free(pem);
    return err;
}

static int put_above(struct birth *b)
{
    char *chain = NULL;
    size_t len;
    if (!b->what->chain_pem)
        return 0;
    int err = chain_above(b->ca->cert, b->what->chain_pem, b->what->chain_len, &chain, &len, b->why, b->cap);
    if (!err)
        err = dbr_store_put(b->ca->store, b->ca->conf.chain, chain, len, 0644, DBR_PUT_NEW, b->why, b->cap);
    free(chain);
    return err;
}

static int put_settings(struct birth *b)
{
    size_t len;
    char *conf = dbr_ca_conf_write(&b->ca->conf, &len);
    if (!conf)
        return dbr_say(DBR_ERR_NOMEM, b->why, b->cap, "out of memory");
    int err = put_text(b, DBR_CA_CONF, conf, 0640);
    free(conf);
    return err;
}

static int put_database(struct birth *b)
{
    static const struct {
        const char *path, *text;
        unsigned mode;
    } files[] = {
        {DBR_CA_INDEX, "", 0640},
        {DBR_CA_INDEX_ATTR, "unique_subject = no\n", 0640},
        {DBR_CA_SERIAL, "01\n", 0640},
        {"openssl.cnf", openssl_cnf, 0644},
    };
    int err = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && !err; i++)
        err = put_text(b, files[i].path, files[i].text, files[i].mode);
    return err;
}

/* The first CRL is made by the same hands as all others, so crlnumber must be readable: it is written first.
 */
static int put_first_crl(struct birth *b)
{
    int err = dbr_store_write_now(b->ca->store, DBR_CA_CRLNUMBER, "01\n", 3, 0640, b->why, b->cap);
    if (!err)
        err = dbr_index_parse(&b->ca->index, "", 0, b->why, b->cap);
    return err ? err : put_crl(b->ca, b->why, b->cap);
}

static int make_folders(struct dbr_ca *ca, char *why, size_t cap)
{
    const struct {
        const char *path;
        unsigned mode;
    } folders[] = {{ca->conf.private_dir, 0700},
                   {DBR_CA_RESERVED, 0700},
                   {ca->conf.newcerts, 0755},
                   {ca->conf.issued, 0755},
                   {ca->conf.requests, 0755}};
    int err = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !err; i++)
        err = dbr_store_mkdir(ca->store, folders[i].path, folders[i].mode, why, cap);
    return err;
}

static int give_birth(struct birth *b)
{
    int err = make_folders(b->ca, b->why, b->cap);
    if (!err)
        err = dbr_store_symlink(b->ca->store, b->ca->conf.newcerts, "certs_by_serial", b->why,
                                b->cap); /* easy-rsa */
    if (!err)
        err = b->what->cert_pem ? adopt_pair(b) : generate_key(b);
    if (!err && !b->what->cert_pem)
        err = self_sign(b);
    if (!err)
        err = put_pair(b);
    if (!err)
        err = put_above(b);
    if (!err)
        err = put_settings(b);
    if (!err)
        err = put_database(b);
    if (!err)
        err = put_first_crl(b);
    return err ? err : dbr_store_commit(b->ca->store, b->why, b->cap);
}

static int refuse_existing(const struct dbr_ca *ca, char *why, size_t cap)
{
    static const char *const traces[] = {DBR_CA_CONF,  DBR_CA_INDEX,     "ca.crt",
                                         "cacert.pem", "private/ca.key", "private/cakey.pem"};
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
        if (dbr_store_exists(ca->store, traces[i]))
            return dbr_say(DBR_ERR_EXISTS, why, cap, "there is a CA in %s already (%s)%s",
                           dbr_store_folder(ca->store), traces[i],
                           dbr_store_exists(ca->store, DBR_CA_CONF) ? ""
                                                                    : ": \"drawbridge-ca import\" adopts it");
    return 0;
}

int dbr_ca_init(const char *folder, const struct dbr_ca_new *what, int wait_ms, int64_t now, char *why,
                size_t cap)
{
    struct birth b = {.what = what, .why = why, .cap = cap};
    struct dbr_ca *ca = calloc(1, sizeof *ca);
    if (!ca)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    b.ca = ca;
    ca->now = now;
    ca->conf = *what->conf;
    if (what->chain_pem)
        strcpy(ca->conf.chain, "chain.crt");
    int err = dbr_store_open(&ca->store, folder, DBR_STORE_CREATE, wait_ms, why, cap);
    if (!err)
        err = refuse_existing(ca, why, cap);
    if (!err)
        err = give_birth(&b);
    if (b.key_pem)
        dbr_wipe(b.key_pem, b.key_len);
    free(b.key_pem);
    dbr_derout_free(&b.tbs);
    dbr_derout_free(&b.cert);
    dbr_ca_close(ca);
    return err;
}

/* --- import
 * --------------------------------------------------------------------------------------------------- */

/* Where other tools keep their things; the first row whose certificate, key and folder of certificates exist
 * fits. */
static const struct layout {
    const char *kind, *ca_cert, *ca_key, *newcerts, *issued, *requests;
} layouts[] = {
    {"easy-rsa", "ca.crt", "private/ca.key", "certs_by_serial", "issued", "reqs"},
    {"openssl ca", "cacert.pem", "private/cakey.pem", "newcerts", "certs", "reqs"},
    {"openssl ca", "ca.crt", "private/ca.key", "newcerts", "certs", "reqs"},
    {"openssl ca", "ca.pem", "private/ca.key", "newcerts", "certs", "reqs"},
    {"openssl ca", "cacert.pem", "private/ca.key", "newcerts", "certs", "reqs"},
    {"openssl ca", "certs/ca.cert.pem", "private/ca.key.pem", "newcerts", "certs", "csr"},
    {"openssl ca", "certs/ca.crt", "private/ca.key", "newcerts", "certs", "csr"},
};

static const struct layout *recognise(const struct dbr_store *s)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        const struct layout *l = &layouts[i];
        if (dbr_store_exists(s, l->ca_cert) && dbr_store_exists(s, l->ca_key) &&
            dbr_store_exists(s, l->newcerts))
            return l;
    }
    return NULL;
}

static void adopt_layout(struct dbr_ca_conf *conf, const struct layout *l)
{
    strcpy(conf->ca_cert, l->ca_cert);
    strcpy(conf->ca_key, l->ca_key);
    strcpy(conf->newcerts, l->newcerts);
    strcpy(conf->issued, l->issued);
    strcpy(conf->requests, l->requests);
}

/* Small numbers in `serial` go on as they are; a folder without that file, or with random ones, gets random
 * ones. */
static void adopt_serials(struct dbr_ca *ca)
{
    struct dbr_serial next;
    size_t n;
    bool counted = read_number(ca->store, DBR_CA_SERIAL, &next, NULL, 0) == 0;
    dbr_serial_bytes(&next, &n);
    strcpy(ca->conf.serials, counted && n <= 8 ? "sequential" : "random");
}

static int take_number(void *arg, const uint8_t *der, size_t len)
{
    struct dbr_serial *number = arg;
    const uint8_t *p = der;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)len);
    ASN1_INTEGER *n = crl ? X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL) : NULL;
    if (n && ASN1_STRING_type(n) == V_ASN1_INTEGER)
        dbr_serial_set(number, ASN1_STRING_get0_data(n), (size_t)ASN1_STRING_length(n));
    ASN1_INTEGER_free(n);
    X509_CRL_free(crl);
    return 0;
}

/* The next crlNumber: one above that of the last CRL, if it had one. */
static int put_crlnumber(struct dbr_ca *ca, char *why, size_t cap)
{
    struct dbr_serial number = {0};
    uint8_t *pem = NULL;
    size_t len;
    char text[DBR_SERIAL_TEXT + 1];
    if (dbr_store_exists(ca->store, DBR_CA_CRLNUMBER))
        return 0;
    if (dbr_store_read(ca->store, DBR_CA_CRL, DBR_CRL_MAX_BYTES, &pem, &len, NULL, 0) == 0)
        dbr_pem_each(pem, len, "X509 CRL", take_number, &number);
    free(pem);
    ERR_clear_error();
    if (!dbr_serial_next(&number))
        return dbr_say(DBR_ERR_LIMIT, why, cap, "no CRL numbers left");
    dbr_serial_text(&number, text);
    strcat(text, "\n");
    return dbr_store_put(ca->store, DBR_CA_CRLNUMBER, text, strlen(text), 0640, DBR_PUT_NEW, why, cap);
}

static int adopt(struct dbr_ca *ca, const struct layout *l, char *why, size_t cap)
{
    size_t len;
    dbr_ca_conf_init(&ca->conf);
    adopt_layout(&ca->conf, l);
    adopt_serials(ca);
    int err = read_index(ca, why, cap);
    ca->cert = read_cert(ca->store, l->ca_cert);
    if (!err && (!ca->cert || X509_check_ca(ca->cert) != 1))
        err = dbr_say(DBR_ERR_CERT, why, cap, "%s is not a CA certificate", l->ca_cert);
    if (!err)
        err = make_folders(ca, why, cap);
    char *conf = dbr_ca_conf_write(&ca->conf, &len);
    if (!err && !conf)
        err = dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    if (!err)
        err = dbr_store_put(ca->store, DBR_CA_CONF, conf, len, 0640, DBR_PUT_NEW, why, cap);
    if (!err)
        err = put_crlnumber(ca, why, cap);
    if (!err)
        err = dbr_store_commit(ca->store, why, cap);
    free(conf);
    return err;
}

int dbr_ca_import(const char *folder, int wait_ms, int64_t now, const char **kind, char *why, size_t cap)
{
    struct dbr_ca *ca = calloc(1, sizeof *ca);
    if (!ca)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    ca->now = now;
    *kind = "";
    int err = dbr_store_open(&ca->store, folder, DBR_STORE_WRITE, wait_ms, why, cap);
    const struct layout *l = err ? NULL : recognise(ca->store);
    if (!err && dbr_store_exists(ca->store, DBR_CA_CONF))
        err = dbr_say(DBR_ERR_EXISTS, why, cap, "%s has a " DBR_CA_CONF " already", folder);
    else if (!err && !l)
        err = dbr_say(
            DBR_ERR_SHAPE, why, cap,
            "%s is no pki folder of easy-rsa 3 and no folder of openssl ca (ca.crt or cacert.pem, private/, "
            "certs_by_serial/ or newcerts/, index.txt)",
            folder);
    if (!err) {
        *kind = l->kind;
        err = adopt(ca, l, why, cap);
    }
    dbr_ca_close(ca);
    return err;
}
