/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/ca.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/secret.h"
#include "certs/ca_parts.h"
#include "certs/csr.h"
#include "certs/say.h"
#include "certs/sign.h"

/* One certificate on its way: what shall be signed, and what goes into the transaction with it. */
struct job {
    struct dbr_ca *ca;
    const char *name;
    struct cert_draft draft;
    struct dbr_derout tbs, cert;
    char *oneline;          /* subject for index.txt; OpenSSL's memory */
    const uint8_t *key_pem; /* new private key, or NULL */
    size_t key_len;
    bool key_replaces;
    const char *request_pem; /* request to keep, or NULL */
    size_t request_len;
    long supersedes; /* index entry to revoke in the same step, or -1 */
    char *why;
    size_t cap;
};

/* --- serials
 * -------------------------------------------------------------------------------------------------- */

int random_serial(struct dbr_serial *s)
{
    uint8_t r[16];
    if (RAND_bytes(r, sizeof r) != 1)
        return DBR_ERR_CRYPTO;
    r[0] = (uint8_t)((r[0] & 0x3f) | 0x40); /* positive, and always 16 bytes */
    return dbr_serial_set(s, r, sizeof r) ? 0 : DBR_ERR_CRYPTO;
}

static void reserved_path(const struct dbr_serial *s, char out[DBR_STORE_PATH])
{
    char text[DBR_SERIAL_TEXT];
    dbr_ca_path(DBR_CA_RESERVED, dbr_serial_text(s, text), ".tbs", out);
}

static bool serial_used(const struct dbr_ca *ca, const struct dbr_serial *s)
{
    char cert[DBR_STORE_PATH], reserved[DBR_STORE_PATH];
    reserved_path(s, reserved);
    return dbr_serial_zero(s) || dbr_index_find(ca->index, s) >= 0 ||
           dbr_store_exists(ca->store, dbr_ca_cert_path(ca, s, cert)) ||
           dbr_store_exists(ca->store, reserved);
}

/* Takes the number in the file `serial`, steps over used ones, and writes the one after it back durably. */
static int next_in_sequence(struct job *j, struct dbr_serial *s)
{
    struct dbr_serial next;
    char text[DBR_SERIAL_TEXT + 1];
    int err = read_number(j->ca->store, DBR_CA_SERIAL, s, j->why, j->cap);
    while (!err && serial_used(j->ca, s))
        if (!dbr_serial_next(s))
            err = dbr_say(DBR_ERR_LIMIT, j->why, j->cap, "no serial numbers left");
    next = *s;
    if (!err && !dbr_serial_next(&next))
        err = dbr_say(DBR_ERR_LIMIT, j->why, j->cap, "no serial numbers left");
    if (err)
        return err;
    dbr_serial_text(&next, text);
    strcat(text, "\n");
    return dbr_store_write_now(j->ca->store, DBR_CA_SERIAL, text, strlen(text),
                               dbr_store_mode_of(j->ca->store, DBR_CA_SERIAL), j->why, j->cap);
}

static int choose_serial(struct job *j, struct dbr_serial *s)
{
    if (strcmp(j->ca->conf.serials, "sequential") == 0)
        return next_in_sequence(j, s);
    int err;
    do {
        err = random_serial(s);
    } while (!err && serial_used(j->ca, s));
    return err ? dbr_say(err, j->why, j->cap, "no random numbers") : 0;
}

/* --- from draft to certificate
 * -------------------------------------------------------------------------------- */

static int set_dates(struct job *j, int64_t life_s)
{
    struct tm tm;
    int64_t begin = j->ca->now - j->ca->conf.backdate_s, end = j->ca->now + life_s;
    ASN1_TIME_to_tm(X509_get0_notAfter(j->ca->cert), &tm);
    int64_t ca_end = (int64_t)timegm(&tm);
    ASN1_TIME_to_tm(X509_get0_notBefore(j->ca->cert), &tm);
    int64_t ca_begin = (int64_t)timegm(&tm);
    j->draft.not_before = begin > ca_begin ? begin : ca_begin;
    j->draft.not_after = end < ca_end ? end : ca_end;
    if (j->draft.not_after <= j->ca->now)
        return dbr_say(DBR_ERR_CERT, j->why, j->cap, "the CA itself has expired");
    return 0;
}

static int reserve(struct job *j)
{
    char path[DBR_STORE_PATH];
    reserved_path(&j->draft.serial, path);
    int err = dbr_store_mkdir(j->ca->store, DBR_CA_RESERVED, 0700, j->why, j->cap);
    if (!err)
        err = dbr_store_write_now(j->ca->store, path, j->tbs.p, j->tbs.n, 0600, j->why, j->cap);
    return err;
}

/* A last look with other eyes than those that made it. */
static int inspect(struct job *j)
{
    const uint8_t *p = j->cert.p;
    struct dbr_serial serial;
    X509 *c = d2i_X509(NULL, &p, (long)j->cert.n);
    bool ok = c && p == j->cert.p + j->cert.n && X509_verify(c, X509_get0_pubkey(j->ca->cert)) == 1 &&
              cert_serial(c, &serial) && dbr_serial_equal(&serial, &j->draft.serial);
    if (ok)
        j->oneline = X509_NAME_oneline(X509_get_subject_name(c), NULL, 0);
    X509_free(c);
    ERR_clear_error();
    return ok && j->oneline ? 0
                            : dbr_say(DBR_ERR_CRYPTO, j->why, j->cap, "the new certificate does not verify");
}

static int make_certificate(struct job *j)
{
    struct dbr_ca *ca = j->ca;
    j->draft.issuer = ca->cert;
    j->draft.signer = ca->key;
    j->draft.crl_url = ca->conf.crl_url;
    j->draft.ocsp_url = ca->conf.ocsp_url;
    int err = choose_serial(j, &j->draft.serial);
    if (!err)
        err = draft_tbs(&j->draft, &j->tbs, j->why, j->cap);
    if (!err)
        err = reserve(j);
    if (!err)
        err = sign_tbs(ca->key, j->tbs.p, j->tbs.n, &j->cert, j->why, j->cap);
    return err ? err : inspect(j);
}

/* --- the transaction
 * ------------------------------------------------------------------------------------------ */

int put_index(struct dbr_ca *ca, char *why, size_t cap)
{
    size_t len;
    char *text = dbr_index_format(ca->index, &len);
    if (!text)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    int err = dbr_store_put(ca->store, DBR_CA_INDEX, text, len, 0640, DBR_PUT_REPLACE, why, cap);
    free(text);
    return err;
}

static int put_certificate(struct job *j, struct dbr_issued *got)
{
    char path[DBR_STORE_PATH];
    size_t len;
    char *pem = pem_of("CERTIFICATE", j->cert.p, j->cert.n, &len);
    if (!pem)
        return dbr_say(DBR_ERR_NOMEM, j->why, j->cap, "out of memory");
    struct dbr_store *s = j->ca->store;
    int err = dbr_store_put(s, dbr_ca_cert_path(j->ca, &j->draft.serial, path), pem, len, 0644, DBR_PUT_NEW,
                            j->why, j->cap);
    dbr_ca_path(j->ca->conf.issued, j->name, ".crt", got->cert);
    if (!err)
        err = dbr_store_put(s, got->cert, pem, len, 0644, DBR_PUT_REPLACE, j->why, j->cap);
    free(pem);
    return err;
}

static int put_key_and_request(struct job *j, struct dbr_issued *got)
{
    char path[DBR_STORE_PATH];
    int err = 0;
    if (j->key_pem) {
        dbr_ca_path(j->ca->conf.private_dir, j->name, ".key", got->key);
        err = dbr_store_put(j->ca->store, got->key, j->key_pem, j->key_len, 0600,
                            j->key_replaces ? DBR_PUT_SECRET_REPLACE : DBR_PUT_SECRET, j->why, j->cap);
    }
    if (!err && j->request_pem)
        err = dbr_store_put(j->ca->store, dbr_ca_path(j->ca->conf.requests, j->name, ".req", path),
                            j->request_pem, j->request_len, 0644, DBR_PUT_REPLACE, j->why, j->cap);
    return err;
}

static int record(struct job *j, struct dbr_issued *got)
{
    struct dbr_ca *ca = j->ca;
    char path[DBR_STORE_PATH];
    if (j->supersedes >= 0)
        dbr_index_revoke(ca->index, (size_t)j->supersedes, ca->now, dbr_reason_parse("superseded"));
    int err = dbr_index_add(ca->index, &j->draft.serial, j->draft.not_after, "unknown", j->oneline);
    if (err)
        return dbr_say(err, j->why, j->cap, "index.txt: %s", dbr_err_text(err));
    err = put_certificate(j, got);
    if (!err)
        err = put_key_and_request(j, got);
    if (!err)
        err = put_index(ca, j->why, j->cap);
    if (!err && j->supersedes >= 0)
        err = put_crl(ca, j->why, j->cap);
    reserved_path(&j->draft.serial, path);
    if (!err)
        err = dbr_store_delete(ca->store, path, j->why, j->cap);
    if (!err)
        err = dbr_store_commit(ca->store, j->why, j->cap);
    got->serial = j->draft.serial;
    got->not_after = j->draft.not_after;
    return err;
}

static int run_job(struct job *j, int64_t life_s, struct dbr_issued *got)
{
    memset(got, 0, sizeof *got);
    int err =
        j->ca->key ? set_dates(j, life_s) : dbr_say(DBR_ERR_STATE, j->why, j->cap, "the CA's key is locked");
    if (!err)
        err = make_certificate(j);
    if (!err)
        err = record(j, got);
    dbr_derout_free(&j->tbs);
    dbr_derout_free(&j->cert);
    OPENSSL_free(j->oneline);
    return err;
}

/* --- what may be asked
 * ---------------------------------------------------------------------------------------- */

/* One subjectAltName a word; only kinds and characters that mean nothing else to x509v3_config(5). */
static bool san_ok(const char *san)
{
    static const char *const kinds[] = {"DNS:", "IP:", "email:"};
    for (const char *p = san; *p;) {
        size_t k = 0, n = strcspn(p, ",");
        while (k < 3 && strncmp(p, kinds[k], strlen(kinds[k])) != 0)
            k++;
        if (k == 3 || n <= strlen(kinds[k]))
            return false;
        p += strlen(kinds[k]);
        n -= strlen(kinds[k]);
        if (strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.*:_@-") != n)
            return false;
        p += n;
        if (*p == ',' && !*++p)
            return false;
    }
    return *san != 0;
}

static bool host_like(const char *name)
{
    return strchr(name, '.') && !strpbrk(name, "_@") && name[strlen(name) - 1] != '.';
}

static int check_request(struct job *j, const struct dbr_issue *what, char san[DBR_CA_WORD])
{
    const struct dbr_profile *p = dbr_profile(what->profile);
    int err = dbr_name_check(j->name, j->why, j->cap);
    if (err)
        return err;
    if (what->profile == DBR_PROFILE_CA)
        return dbr_say(DBR_ERR_CONFIG, j->why, j->cap, "a root is made with init");
    if (what->life_s < 0)
        return dbr_say(DBR_ERR_CONFIG, j->why, j->cap, "a life below zero");
    if (what->san && (!san_ok(what->san) || strlen(what->san) >= DBR_CA_WORD))
        return dbr_say(DBR_ERR_CONFIG, j->why, j->cap,
                       "--san takes DNS:name, IP:address and email:address, parted by commas");
    j->draft.profile = p;
    if (what->san)
        j->draft.san = what->san;
    else if (p->host_name && host_like(j->name)) {
        snprintf(san, DBR_CA_WORD, "DNS:%s", j->name);
        j->draft.san = san;
    }
    return 0;
}

static int refuse_valid_name(struct job *j)
{
    for (long i = -1; (i = dbr_index_find_cn(j->ca->index, j->name, (size_t)(i + 1))) >= 0;) {
        const struct dbr_index_entry *e = dbr_index_at(j->ca->index, (size_t)i);
        if (e->status == 'V' && e->expires > j->ca->now)
            return dbr_say(DBR_ERR_EXISTS, j->why, j->cap,
                           "%s has a valid certificate: \"drawbridge-ca renew %s\" makes the next one, "
                           "\"drawbridge-ca revoke %s\" "
                           "ends it",
                           j->name, j->name, j->name);
    }
    return 0;
}

static int make_key(struct job *j, const struct dbr_issue *what, EVP_PKEY **key, uint8_t **pem)
{
    const char *type = what->key_type ? what->key_type : j->ca->conf.key_type;
    *key = dbr_key_generate(type);
    if (!*key)
        return dbr_say(DBR_ERR_CONFIG, j->why, j->cap, "cannot make a key of type \"%s\"", type);
    int err = dbr_key_write(*key, &what->key_pass, pem, &j->key_len);
    if (err)
        return dbr_say(err, j->why, j->cap, "cannot encrypt the private key");
    j->key_pem = *pem;
    j->draft.public_key = *key;
    return 0;
}

static int64_t life_of(const struct dbr_ca *ca, const struct dbr_issue *what)
{
    return what->life_s ? what->life_s : ca->conf.life_s[what->profile];
}

/* --- the three ways to a certificate
 * -------------------------------------------------------------------------- */

static void drop_key(EVP_PKEY *key, uint8_t *pem, size_t len)
{
    if (pem)
        dbr_wipe(pem, len);
    free(pem);
    EVP_PKEY_free(key);
}

/* A name that was revoked may be issued again; its old key file gives way. */
static int issue_subject(struct job *j, X509_NAME **subject)
{
    *subject = make_subject(j->ca->conf.subject, j->name);
    j->draft.subject = *subject;
    return *subject ? 0
                    : dbr_say(DBR_ERR_CONFIG, j->why, j->cap, "bad subject: %s/CN=%s", j->ca->conf.subject,
                              j->name);
}

int dbr_ca_issue(struct dbr_ca *ca, const struct dbr_issue *what, struct dbr_issued *got, char *why,
                 size_t cap)
{
    struct job j = {.ca = ca, .name = what->name, .supersedes = -1, .why = why, .cap = cap};
    char san[DBR_CA_WORD];
    X509_NAME *subject = NULL;
    EVP_PKEY *key = NULL;
    uint8_t *pem = NULL;
    int err = check_request(&j, what, san);
    if (!err)
        err = refuse_valid_name(&j);
    if (!err)
        err = issue_subject(&j, &subject);
    if (!err)
        err = make_key(&j, what, &key, &pem);
    j.key_replaces = dbr_ca_find(ca, what->name) >= 0;
    if (!err)
        err = run_job(&j, life_of(ca, what), got);
    drop_key(key, pem, j.key_len);
    X509_NAME_free(subject);
    return err;
}

/* True if a certificate in the database has this public key under another name. */
static bool key_of_another(const struct job *j, const EVP_PKEY *key)
{
    bool found = EVP_PKEY_eq(key, X509_get0_pubkey(j->ca->cert)) == 1;
    char cn[256];
    for (size_t i = 0; !found && i < dbr_index_count(j->ca->index); i++) {
        const struct dbr_index_entry *e = dbr_index_at(j->ca->index, i);
        if (dbr_subject_cn(e->subject, cn, sizeof cn) && strcmp(cn, j->name) == 0 && e->status == 'V')
            continue;
        X509 *c = dbr_ca_certificate(j->ca, e);
        found = c && EVP_PKEY_eq(key, X509_get0_pubkey(c)) == 1;
        X509_free(c);
    }
    ERR_clear_error();
    return found;
}

static int sign_csr(struct job *j, struct dbr_csr *csr, const struct dbr_issue *what, struct dbr_issued *got)
{
    char san[DBR_CA_WORD];
    X509_NAME *subject = NULL;
    j->name = what->name ? what->name : csr->cn;
    j->draft.public_key = csr->key;
    int err = check_request(j, what, san);
    if (!err)
        err = refuse_valid_name(j);
    if (!err && !what->ignore_requested)
        err = dbr_csr_within(csr, j->draft.profile, j->draft.san, j->why, j->cap);
    if (!err && key_of_another(j, csr->key))
        err = dbr_say(DBR_ERR_CERT, j->why, j->cap,
                      "its public key is known from another or a revoked certificate: have a new key made");
    if (!err)
        err = issue_subject(j, &subject);
    if (!err)
        err = run_job(j, life_of(j->ca, what), got);
    X509_NAME_free(subject);
    return err;
}

int dbr_ca_sign(struct dbr_ca *ca, const uint8_t *csr, size_t len, const struct dbr_issue *what,
                struct dbr_issued *got, char *why, size_t cap)
{
    struct job j = {.ca = ca, .supersedes = -1, .why = why, .cap = cap};
    struct dbr_csr request;
    int err = dbr_csr_parse(&request, csr, len, why, cap);
    if (err)
        return err;
    char *pem = pem_of("CERTIFICATE REQUEST", request.der, request.der_len, &j.request_len);
    j.request_pem = pem;
    err = pem ? sign_csr(&j, &request, what, got) : dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    free(pem);
    dbr_csr_free(&request);
    return err;
}

/* "DNS:a,IP:192.0.2.1" of a certificate's alternative names of the kinds we give; others are lost, which is
 * told. */
static int old_san(X509 *old, char *out, size_t room, char *why, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL);
    int err = 0;
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && !err; i++) {
        char text[DBR_CA_WORD] = "";
        BIO *bio = BIO_new(BIO_s_mem());
        if (!bio || GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i)) != 1 ||
            BIO_read(bio, text, sizeof text - 1) <= 0)
            err = DBR_ERR_CERT;
        BIO_free(bio);
        /* GENERAL_NAME_print writes "IP Address:". */
        const char *value = strncmp(text, "IP Address:", 11) == 0 ? text + 11 : NULL;
        int n =
            snprintf(out + at, room - at, "%s%s%s", at ? "," : "", value ? "IP:" : "", value ? value : text);
        at += (size_t)n;
        if (at >= room)
            err = DBR_ERR_CERT;
    }
    GENERAL_NAMES_free(names);
    if (!err && *out && !san_ok(out))
        err = DBR_ERR_CERT;
    return err ? dbr_say(err, why, cap,
                         "the old certificate has alternative names that we do not give: use --san")
               : 0;
}

/* index.txt.attr with unique_subject = yes: two valid lines of one subject would stop `openssl ca`. */
static bool subjects_unique(const struct dbr_ca *ca)
{
    uint8_t *text;
    size_t len;
    if (dbr_store_read(ca->store, DBR_CA_INDEX_ATTR, 4096, &text, &len, NULL, 0) != 0)
        return true; /* OpenSSL's default */
    const char *p = strstr((const char *)text, "unique_subject");
    p = p ? strchr(p, '=') : NULL;
    while (p && (*++p == ' '))
        ;
    bool unique = !p || strchr("yY1tT", *p) != NULL;
    free(text);
    return unique;
}

static int renew_old(struct job *j, X509 *old, long at, const struct dbr_issue *what, struct dbr_issued *got)
{
    char san[DBR_CA_WORD], kept_san[DBR_CA_WORD] = "";
    struct dbr_issue how = *what;
    uint8_t *pem = NULL;
    EVP_PKEY *key = NULL;
    bool valid = dbr_index_at(j->ca->index, (size_t)at)->status == 'V';
    int id = dbr_profile_of(old), err = 0;
    if (id < 0 || id == DBR_PROFILE_CA)
        return dbr_say(DBR_ERR_CERT, j->why, j->cap,
                       "the old certificate fits none of our profiles: issue a new one");
    how.profile = (enum dbr_profile_id)id;
    if (!what->san)
        err = old_san(old, kept_san, sizeof kept_san, j->why, j->cap);
    if (!what->san && *kept_san)
        how.san = kept_san;
    if (!err)
        err = check_request(j, &how, san);
    if (!err && valid && !what->revoke_old && subjects_unique(j->ca))
        err = dbr_say(DBR_ERR_STATE, j->why, j->cap,
                      "index.txt.attr says unique_subject = yes: renew with --revoke-old, or set it to no");
    j->draft.subject = X509_get_subject_name(old);
    j->draft.public_key = X509_get0_pubkey(old);
    j->supersedes = valid && what->revoke_old ? at : -1;
    j->key_replaces = true;
    if (!err && what->new_key)
        err = make_key(j, &how, &key, &pem);
    if (!err)
        err = run_job(j, life_of(j->ca, &how), got);
    drop_key(key, pem, j->key_len);
    return err;
}

int dbr_ca_renew(struct dbr_ca *ca, const struct dbr_issue *what, struct dbr_issued *got, char *why,
                 size_t cap)
{
    struct job j = {.ca = ca, .name = what->name, .supersedes = -1, .why = why, .cap = cap};
    long at = dbr_ca_find(ca, what->name);
    if (at < 0)
        return dbr_say(DBR_ERR_NOTFOUND, why, cap, "no certificate of %s", what->name);
    const struct dbr_index_entry *e = dbr_index_at(ca->index, (size_t)at);
    if (e->status == 'R')
        return dbr_say(DBR_ERR_STATE, why, cap, "%s is revoked: issue a new certificate", what->name);
    X509 *old = dbr_ca_certificate(ca, e);
    if (!old)
        return dbr_say(DBR_ERR_NOTFOUND, why, cap, "the file of the old certificate is missing or broken");
    int err = renew_old(&j, old, at, what, got);
    X509_free(old);
    return err;
}
