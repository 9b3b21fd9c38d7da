/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands that change nothing: list, show, verify.
 */
#include "ca_cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/say.h"

static bool wanted(const struct call *c, const struct dbr_index_entry *e, int64_t within)
{
    if (c->o.revoked)
        return e->status == 'R';
    if (c->o.expiring)
        return e->status == 'V' && e->expires > c->now && e->expires <= c->now + within;
    return true;
}

static const char *profile_name(const struct dbr_ca *ca, const struct dbr_index_entry *e)
{
    X509 *cert = dbr_ca_certificate(ca, e);
    int id = cert ? dbr_profile_of(cert) : -1;
    X509_free(cert);
    return id < 0 ? NULL : dbr_profile((enum dbr_profile_id)id)->name;
}

static void print_row(const struct dbr_ca *ca, const struct dbr_index_entry *e, int64_t now, struct json *j)
{
    print_entry(e, profile_name(ca, e), now, j);
}

int cmd_list(struct call *c)
{
    struct dbr_ca *ca;
    struct json j = {0};
    int64_t within = 0;
    if (c->o.expiring && !dbr_span_parse(c->o.expiring, &within))
        return fail(c, dbr_say(DBR_ERR_CONFIG, c->why, WHY, "--expiring takes a span like 30d"));
    int err = open_ca(c, false, &ca);
    if (err)
        return fail(c, err);
    if (c->o.json)
        json_begin(&j, NULL, '[');
    for (size_t i = 0; i < dbr_index_count(ca->index); i++)
        if (wanted(c, dbr_index_at(ca->index, i), within))
            print_row(ca, dbr_index_at(ca->index, i), c->now, c->o.json ? &j : NULL);
    if (c->o.json) {
        json_end(&j, ']');
        putchar('\n');
    }
    dbr_ca_close(ca);
    return 0;
}

static void fingerprint(const X509 *cert, char out[65])
{
    uint8_t md[32] = {0};
    X509_digest(cert, EVP_sha256(), md, NULL);
    dbr_hex_text(md, sizeof md, out, 65);
}

static int64_t time_of(const ASN1_TIME *t)
{
    struct tm tm = {0};
    ASN1_TIME_to_tm(t, &tm);
    return (int64_t)timegm(&tm);
}

/* "DNS:vpn.example.com, IP Address:192.0.2.1", as far as it fits; NULL if there are none. */
static const char *alternative_names(X509 *cert, char *out, size_t cap)
{
    int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
    BIO *bio = at < 0 ? NULL : BIO_new(BIO_s_mem());
    int n = 0;
    if (bio && X509V3_EXT_print(bio, X509_get_ext(cert, at), 0, 0) == 1)
        n = BIO_read(bio, out, (int)cap - 1);
    BIO_free(bio);
    if (n <= 0)
        return NULL;
    out[n] = 0;
    return out;
}

/* The facts of a certificate as rows, printed either way. */
static void show_cert(struct call *c, X509 *cert, const char *state, const struct dbr_index_entry *e)
{
    bool revoked = e && e->status == 'R';
    char names[512], gone[40];
    char print[65], from[40], until[40], *subject = X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0);
    char serial[2 * DBR_SERIAL_MAX + 3];
    int id = dbr_profile_of(cert);
    const ASN1_INTEGER *number = X509_get0_serialNumber(cert);
    const char *type = dbr_key_type_of(X509_get0_pubkey(cert));
    fingerprint(cert, print);
    dbr_hex_text(ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number), serial, sizeof serial);
    const struct {
        const char *key, *value;
    } rows[] = {
        {"subject", subject ? subject : "?"},
        {"serial", serial},
        {"state", state},
        {"revoked", revoked ? dbr_time_text(e->revoked_at, gone) : NULL},
        {"reason", revoked ? dbr_reason_name(e->reason) : NULL},
        {"profile", id < 0 ? "none of ours" : dbr_profile(id)->name},
        {"key", type ? type : "other"},
        {"names", alternative_names(cert, names, sizeof names)},
        {"from", dbr_time_text(time_of(X509_get0_notBefore(cert)), from)},
        {"until", dbr_time_text(time_of(X509_get0_notAfter(cert)), until)},
        {"sha256", print},
    };
    struct json j = {0};
    if (c->o.json)
        json_begin(&j, NULL, '{');
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!rows[i].value)
            continue;
        else if (c->o.json)
            json_text(&j, rows[i].key, rows[i].value);
        else
            printf("%-8s %s\n", rows[i].key, rows[i].value);
    if (c->o.json) {
        json_end(&j, '}');
        putchar('\n');
    }
    OPENSSL_free(subject);
}

int cmd_show(struct call *c)
{
    struct dbr_ca *ca;
    X509 *cert = NULL;
    int err = open_ca(c, false, &ca);
    if (err)
        return fail(c, err);
    long at = c->n ? dbr_ca_find(ca, c->args[0]) : -1;
    const struct dbr_index_entry *e = at >= 0 ? dbr_index_at(ca->index, (size_t)at) : NULL;
    if (c->n && e)
        cert = dbr_ca_certificate(ca, e);
    if (!c->n)
        show_cert(c, ca->cert, "the CA", NULL);
    else if (cert)
        show_cert(c, cert, entry_state(e, c->now), e);
    else
        err = dbr_say(DBR_ERR_NOTFOUND, c->why, WHY,
                      e ? "the certificate file of %s is missing" : "no certificate of %s", c->args[0]);
    X509_free(cert);
    dbr_ca_close(ca);
    return err ? fail(c, err) : 0;
}

static void print_finding(void *arg, bool error, const char *text)
{
    struct json *j = arg;
    if (j) {
        json_begin(j, NULL, '{');
        json_bool(j, "error", error);
        json_text(j, "text", text);
        json_end(j, '}');
    } else {
        printf("%s %s\n", error ? "ERROR  " : "warning", text);
    }
}

int cmd_verify(struct call *c)
{
    struct dbr_ca *ca;
    struct json j = {0};
    int err = open_ca(c, c->o.pass_file || c->o.pass_fd, &ca);
    if (err)
        return fail(c, err);
    if (c->o.json)
        json_begin(&j, NULL, '[');
    int errors = dbr_ca_verify(ca, print_finding, c->o.json ? &j : NULL);
    int status = errors < 0 ? fail(c, errors) : errors ? 1 : 0;
    if (c->o.json) {
        json_end(&j, ']');
        putchar('\n');
    } else if (errors >= 0) {
        printf("%zu certificates, %d error%s\n", dbr_index_count(ca->index), errors, errors == 1 ? "" : "s");
    }
    dbr_ca_close(ca);
    return status;
}
