/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the rest needs to know of a certificate: its names and numbers as text for logs and rules, the bytes a
 * CRL is searched by, and the purpose rules of the configuration. A view holds a counted reference to the
 * parsed certificate; its owner calls dbr_x509_fini(). Views are plain data: any thread, one at a time.
 *
 * Refused when the view is made, whoever signed it: a NUL or control character in the subject, an attribute
 * that is no text, a subject over 511 bytes, a serial over 20 bytes; and, but for a CA's own certificate (old
 * roots have them), a CN over 64 bytes and a serial that is zero or negative.
 */
#ifndef DBR_CRYPTO_X509_H
#define DBR_CRYPTO_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DBR_X509_CN_MAX     64 /* bytes, as OpenVPN's TLS_USERNAME_LEN */
#define DBR_SUBJECT_MAX     512
#define DBR_X509_SERIAL_MAX 20

struct x509_st; /* OpenSSL's X509 */

struct dbr_x509 {
    char subject[DBR_SUBJECT_MAX];            /* "C=FR, O=Office, CN=alice": OpenVPN's one-line form, UTF-8 */
    char cn[DBR_X509_CN_MAX + 1];             /* the last commonName, UTF-8; "" when there is none */
    char issuer_cn[DBR_X509_CN_MAX + 1];      /* the same of the issuer */
    uint8_t serial[DBR_X509_SERIAL_MAX];      /* big endian, no leading zero */
    uint8_t serial_len;                       /* 1..20 */
    char serial_dec[50];                      /* "4096" */
    char serial_hex[DBR_X509_SERIAL_MAX * 3]; /* "10:00" */
    uint8_t sha256[32];                       /* fingerprint over the DER form */
    int64_t not_before, not_after;            /* unix seconds */
    bool is_ca;                               /* basicConstraints CA:TRUE, or a self-signed version 1 */
    const uint8_t *issuer;                    /* the issuer's Name in DER; lives as long as the view */
    size_t issuer_len;
    struct x509_st *cert; /* counted reference */
};

/* Fills the view of a certificate in DER or of the first one in a PEM text. 0, DBR_ERR_SHAPE (not a
 * certificate), DBR_ERR_CERT (refused, see above; the view's texts that could be made are there for the log)
 * or DBR_ERR_NOMEM; why gets one line (cap may be 0). The view is to be given to dbr_x509_fini() in every
 * case. */
int dbr_x509_from_der(struct dbr_x509 *x, const uint8_t *der, size_t len, char *why, size_t cap);
int dbr_x509_from_pem(struct dbr_x509 *x, const char *pem, size_t len, char *why, size_t cap);
/* The same of a parsed one; takes its own reference. */
int dbr_x509_from_cert(struct dbr_x509 *x, struct x509_st *cert, char *why, size_t cap);

/* A second view of the same certificate. */
int dbr_x509_copy(struct dbr_x509 *to, const struct dbr_x509 *from);

/* Drops the reference; callable twice, and on a zeroed view. */
void dbr_x509_fini(struct dbr_x509 *x);

/* Writes the DER form: *len is its length even when out (cap bytes) is too small (DBR_ERR_SPACE; out may be
 * NULL with cap 0). */
int dbr_x509_der(const struct dbr_x509 *x, uint8_t *out, size_t cap, size_t *len);

/* The i-th attribute of the subject, for the X509_<depth>_<name> environment and x509-username-field: short
 * name ("CN", "O", or a dotted OID) and value, both cut to their cap and free of control characters.
 * DBR_ERR_NOTFOUND past the last, DBR_ERR_SHAPE for a value that is no text. */
int dbr_x509_subject_field(const struct dbr_x509 *x, size_t i, char *name, size_t name_cap, char *value,
                           size_t value_cap);

/* x509-username-field: puts the values of these fields, joined with '_', into x->cn: an attribute of the
 * subject by OpenSSL's short or long name or OID (the last one of that kind), "serialNumber" (the
 * certificate's own, "0x0A1B"), "ext:subjectAltName" or "ext:issuerAltName" (the first mail address). n 0:
 * the CN stays. DBR_ERR_CERT with one line in why where one is missing, empty, no text or does not fit into
 * DBR_X509_CN_MAX bytes; cn is "" then. */
int dbr_x509_set_name(struct dbr_x509 *x, const char *const *fields, size_t n, char *why, size_t cap);
/* True if dbr_x509_set_name understands the field. */
bool dbr_x509_name_field_known(const char *field);

/* x509-track: an attribute of the subject, else an extension as OpenSSL prints it, by OpenSSL's name, or the
 * fingerprint "SHA1" or "SHA256"; UTF-8, cut to cap, control characters as '?'. 0; DBR_ERR_NOTFOUND: it has
 * none; DBR_ERR_SHAPE: it is no text. */
int dbr_x509_field(const struct dbr_x509 *x, const char *field, char *out, size_t cap);
/* True for a field that it understands and that can stand in a variable's name. */
bool dbr_x509_field_known(const char *field);

/* The first http or https URL of an OCSP responder that the certificate names (authorityInfoAccess) and that
 * fits; false and "" without one. */
bool dbr_x509_ocsp_url(const struct dbr_x509 *x, char *out, size_t cap);

/* Public key for the log: "2048 bits RSA", "256 bits EC, curve prime256v1". Returns out. */
const char *dbr_x509_key_text(const struct dbr_x509 *x, char *out, size_t cap);

/* ---- purpose rules; each gives 0 or DBR_ERR_CERT with one line in why ---- */

enum dbr_x509_role { DBR_X509_ROLE_ANY, DBR_X509_ROLE_CLIENT, DBR_X509_ROLE_SERVER };

/* remote-cert-tls: keyUsage must be there, and extendedKeyUsage must have TLS client or server
 * authentication. ANY: no rule. */
int dbr_x509_check_tls_role(const struct dbr_x509 *x, enum dbr_x509_role role, char *why, size_t cap);

/* remote-cert-ku: keyUsage must have all bits of one of the n masks (n 0: no rule). Masks as OpenVPN writes
 * them: 0x80 digitalSignature, 0x40 nonRepudiation, 0x20 keyEncipherment, 0x10 dataEncipherment, 0x08
 * keyAgreement, 0x04 keyCertSign, 0x02 cRLSign, 0x01 encipherOnly. DBR_X509_KU_ANY: it must only be there. */
#define DBR_X509_KU_ANY 0xffffu
int dbr_x509_check_ku(const struct dbr_x509 *x, const unsigned *masks, size_t n, char *why, size_t cap);

/* remote-cert-eku: extendedKeyUsage must have this dotted OID, or this name as OpenSSL writes it ("TLS Web
 * Server Authentication", or short "serverAuth"). NULL: no rule. */
int dbr_x509_check_eku(const struct dbr_x509 *x, const char *oid, char *why, size_t cap);

/* ns-cert-type: nsCertType must have the bit; a certificate without nsCertType passes with the matching
 * extendedKeyUsage, as the rule was meant. ANY: no rule. */
int dbr_x509_check_ns_type(const struct dbr_x509 *x, enum dbr_x509_role role, char *why, size_t cap);

/* verify-x509-name: the whole subject line, the CN, or the beginning of the CN. */
enum dbr_x509_name_rule { DBR_NAME_NONE, DBR_NAME_SUBJECT, DBR_NAME_CN, DBR_NAME_CN_PREFIX };
int dbr_x509_check_name(const struct dbr_x509 *x, enum dbr_x509_name_rule rule, const char *want, char *why,
                        size_t cap);

/* All of them as the configuration gives them; zeroed: no rule. The texts are borrowed. */
#define DBR_X509_KU_MAX 16
struct dbr_x509_rules {
    enum dbr_x509_role remote_cert_tls;
    unsigned ku[DBR_X509_KU_MAX];
    size_t n_ku;
    const char *eku;
    enum dbr_x509_role ns_cert_type;
    enum dbr_x509_name_rule name_rule;
    const char *name;
};
int dbr_x509_check_rules(const struct dbr_x509 *x, const struct dbr_x509_rules *rules, char *why, size_t cap);

/* A name in DER (n bytes) as text, as x->subject has it: UTF-8, control characters as '_', cut to cap (at
 * least 1). Returns out; "?" for what is no name. */
const char *dbr_x509_name_text(const uint8_t *der, size_t n, char *out, size_t cap);

#endif
