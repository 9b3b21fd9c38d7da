/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as a certificate: the view's promises hold (texts end, no control characters, serial in bounds)
 * and each rule has an answer.
 */
#include "crypto/x509.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool promise)
{
    if (!promise)
        abort();
}

static bool is_text(const char *s, size_t cap)
{
    size_t n = strnlen(s, cap);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    return n < cap;
}

static void ask_rules(const struct dbr_x509 *x)
{
    struct dbr_x509_rules rules = {.remote_cert_tls = DBR_X509_ROLE_CLIENT, .ku = {0x80}, .n_ku = 1};
    char why[64];
    dbr_x509_check_rules(x, &rules, why, sizeof why);
    rules = (struct dbr_x509_rules){.eku = "1.2.3", .ns_cert_type = DBR_X509_ROLE_SERVER};
    dbr_x509_check_eku(x, rules.eku, why, sizeof why);
    dbr_x509_check_ns_type(x, rules.ns_cert_type, why, sizeof why);
    if (x->cn[0])
        must(!dbr_x509_check_name(x, DBR_NAME_CN, x->cn, why, sizeof why));
    dbr_x509_check_name(x, DBR_NAME_SUBJECT, x->subject, why, sizeof why);
}

static void look_at(const struct dbr_x509 *x, int err)
{
    char name[32], value[32], text[64];
    must(is_text(x->subject, sizeof x->subject) && is_text(x->cn, sizeof x->cn));
    must(is_text(x->issuer_cn, sizeof x->issuer_cn));
    must(is_text(x->serial_dec, sizeof x->serial_dec) && is_text(x->serial_hex, sizeof x->serial_hex));
    must(x->serial_len <= DBR_X509_SERIAL_MAX && (err || x->serial_len));
    for (size_t i = 0; i < 50 && !dbr_x509_subject_field(x, i, name, sizeof name, value, sizeof value); i++)
        must(is_text(name, sizeof name) && is_text(value, sizeof value));
    dbr_x509_key_text(x, text, sizeof text);
    must(is_text(text, sizeof text));
    ask_rules(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_x509 x;
    char why[64];
    int err = dbr_x509_from_der(&x, data, size, why, sizeof why);
    if (x.cert)
        look_at(&x, err);
    dbr_x509_fini(&x);
    dbr_x509_from_pem(&x, (const char *)data, size, why, sizeof why);
    dbr_x509_fini(&x);
    return 0;
}
