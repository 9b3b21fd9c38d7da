/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A certification authority in a folder, and what can be done with it. Every command is one transaction of
 * certs/store.h: killed at any point, the CA is as before or as after. For a certificate the order is
 *
 *     choose the serial; write the to-be-signed bytes to reserved/SERIAL.tbs, durably   <- before any
 * signature exists sign exactly these bytes; look at the result as a stranger would one transaction:
 * newcerts/SERIAL.pem, issued/NAME.crt, private/NAME.key, reqs/NAME.req, index.txt, and reserved/SERIAL.tbs
 * deleted
 *
 * so that no serial is ever used twice, and whatever may have been signed can be found and revoked: a run
 * that died between the two leaves its reserved/SERIAL.tbs, which dbr_ca_revoke() knows.
 *
 * One thread. Time is passed in (unix seconds). why/cap as in certs/crl.h.
 */
#ifndef DBR_CERTS_CA_H
#define DBR_CERTS_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "certs/caconf.h"
#include "certs/cadb.h"
#include "certs/keys.h"
#include "certs/store.h"

#define DBR_CA_CONF       "drawbridge-ca.conf"
#define DBR_CA_INDEX      "index.txt"
#define DBR_CA_INDEX_ATTR "index.txt.attr"
#define DBR_CA_SERIAL     "serial"
#define DBR_CA_CRLNUMBER  "crlnumber"
#define DBR_CA_CRL        "crl.pem"
#define DBR_CA_RESERVED   "reserved"
#define DBR_CA_OLD_CERT   "ca-old.crt"

enum { DBR_CERT_MAX = 65536, DBR_CSR_MAX = 65536 };

struct dbr_ca;

/* What else goes with a name that a revocation leaves without a valid certificate: adds its changes to the
 * transaction. Not 0 (why says it): nothing is revoked. */
typedef int dbr_ca_leaver(struct dbr_ca *ca, const char *name, void *arg, char *why, size_t cap);

/* An open CA. Readers may look at the fields; only the functions below change them. */
struct dbr_ca {
    struct dbr_store *store;
    struct dbr_ca_conf conf;
    struct dbr_index *index;
    X509 *cert;
    EVP_PKEY *key; /* NULL until dbr_ca_unlock() */
    int64_t now;
    dbr_ca_leaver *leaver; /* NULL: none. The opener's to set */
    void *leaver_arg;
};

/* Opens a CA folder for reading or writing. DBR_ERR_NOTFOUND: no CA there (why says: init, or import). */
int dbr_ca_open(struct dbr_ca **out, const char *folder, enum dbr_store_mode mode, int wait_ms, int64_t now,
                char *why, size_t cap);
void dbr_ca_close(struct dbr_ca *ca); /* NULL is good; wipes the key */

/* True if the CA's key file is encrypted. */
bool dbr_ca_needs_pass(const struct dbr_ca *ca);
/* Reads the CA's private key. DBR_ERR_AUTH: passphrase. DBR_ERR_CERT: it is not the key of the certificate.
 */
int dbr_ca_unlock(struct dbr_ca *ca, const struct dbr_pass *pass, char *why, size_t cap);

/* --- making a CA
 * ---------------------------------------------------------------------------------------------- */

struct dbr_ca_new {
    const char *name; /* common name of the CA */
    const struct dbr_ca_conf *conf;
    struct dbr_pass key_pass; /* for the CA's key; p == NULL: not encrypted */
    const uint8_t *cert_pem;  /* NULL: self-signed; else this certificate (of a sub-CA), ... */
    size_t cert_len;
    const uint8_t *key_pem; /* ... its private key as PEM, opened with key_pass, ... */
    size_t key_len;
    const uint8_t *chain_pem; /* ... and the certificates above it */
    size_t chain_len;
};

/* Makes a CA in a folder (made if need be; other files in it stay). DBR_ERR_EXISTS: there is one already. */
int dbr_ca_init(const char *folder, const struct dbr_ca_new *what, int wait_ms, int64_t now, char *why,
                size_t cap);

/* Adopts, in place, a folder made by easy-rsa 3 (pki/) or for `openssl ca`: writes drawbridge-ca.conf and
 * whatever of crlnumber, index.txt.attr, serial and folders is missing; changes nothing else. kind is told
 * ("easy-rsa" ...). DBR_ERR_EXISTS: has a drawbridge-ca.conf. DBR_ERR_SHAPE: no CA of these kinds, or a
 * database that does not fit. */
int dbr_ca_import(const char *folder, int wait_ms, int64_t now, const char **kind, char *why, size_t cap);

/* --- certificates
 * --------------------------------------------------------------------------------------------- */

struct dbr_issue {
    enum dbr_profile_id profile;
    const char *name;
    const char *san;          /* "DNS:vpn.example.com,IP:192.0.2.1" or NULL */
    int64_t life_s;           /* 0: as configured */
    const char *key_type;     /* NULL: as configured */
    struct dbr_pass key_pass; /* for the new private key; p == NULL: not encrypted */
    bool ignore_requested;    /* sign: give what the profile gives, whatever the request asks */
    bool revoke_old;          /* renew: the old certificate is revoked as superseded in the same step */
    bool new_key;             /* renew: make a new key; otherwise the public key stays */
};

struct dbr_issued {
    struct dbr_serial serial;
    int64_t not_after;
    char cert[DBR_STORE_PATH], key[DBR_STORE_PATH]; /* paths in the folder; key is "" when none was made */
};

/* Makes key and certificate. Errors: DBR_ERR_EXISTS (a valid certificate of that name: renew or revoke it),
 * DBR_ERR_CONFIG, DBR_ERR_CERT, and those of the store. The CA must be open for writing and unlocked. */
int dbr_ca_issue(struct dbr_ca *ca, const struct dbr_issue *what, struct dbr_issued *got, char *why,
                 size_t cap);

/* Signs a PKCS#10 request (PEM or DER). Only its public key is used, and its commonName when what->name is
 * NULL. DBR_ERR_CERT: it asks for more than the profile gives, its own signature is wrong, its key is weak or
 * of an unknown kind, or known from somebody else's certificate. */
int dbr_ca_sign(struct dbr_ca *ca, const uint8_t *csr, size_t len, const struct dbr_issue *what,
                struct dbr_issued *got, char *why, size_t cap);

/* A new certificate for a name whose valid (or expired) one exists, with its subject, profile and alternative
 * names. */
int dbr_ca_renew(struct dbr_ca *ca, const struct dbr_issue *what, struct dbr_issued *got, char *why,
                 size_t cap);

/* The self-signed CA certificate anew: same name, key and extensions, life_s (0: as configured) from now. A
 * new serial, unless a valid certificate names the old one as its issuer's. The one before stays as
 * DBR_CA_OLD_CERT, and a new CRL is made. got: serial, not_after, cert. DBR_ERR_CERT: signed by another CA.
 */
int dbr_ca_renew_root(struct dbr_ca *ca, int64_t life_s, struct dbr_issued *got, char *why, size_t cap);

/* The CA's certificate as the CA above has renewed it (PEM) in the place of the present one, which stays as
 * DBR_CA_OLD_CERT; a new CRL is made. chain (PEM, or NULL: as it is) takes the place of the certificates
 * above it, the nearest first; each must have signed the one before it. DBR_ERR_CERT: not of this name, key
 * and key identifier, the same one, not valid now, or another serial than the one that valid certificates
 * name. */
int dbr_ca_replace_cert(struct dbr_ca *ca, const uint8_t *pem, size_t len, const uint8_t *chain,
                        size_t chain_len, struct dbr_issued *got, char *why, size_t cap);

/* Only the certificates above the CA's, as chain of dbr_ca_replace_cert(). The key need not be there.
 * DBR_ERR_CERT. */
int dbr_ca_replace_chain(struct dbr_ca *ca, const uint8_t *pem, size_t len, char *why, size_t cap);

/* --- revocation
 * ----------------------------------------------------------------------------------------------- */

/* Revokes a serial (hex) or every valid certificate of a name, and makes the new CRL, in one transaction.
 * reason as in dbr_reason_parse(). *n: how many. Whoever has no valid certificate left then is named to
 * ca->leaver, but for certificateHold. DBR_ERR_NOTFOUND, DBR_ERR_STATE (revoked already). */
int dbr_ca_revoke(struct dbr_ca *ca, const char *which, int reason, size_t *n, char *why, size_t cap);
/* Lifts certificateHold. */
int dbr_ca_unhold(struct dbr_ca *ca, const char *which, size_t *n, char *why, size_t cap);
/* A new CRL with the next crlNumber. */
int dbr_ca_crl(struct dbr_ca *ca, char *why, size_t cap);

/* --- looking
 * -------------------------------------------------------------------------------------------------- */

/* Index of the newest entry that a name or serial (hex) means: a valid one if there is one. -1: none. */
long dbr_ca_find(const struct dbr_ca *ca, const char *which);
/* The certificate of an index entry; NULL: file missing or broken. Free with X509_free. */
X509 *dbr_ca_certificate(const struct dbr_ca *ca, const struct dbr_index_entry *e);
/* "newcerts/1A.pem", "private/alice.key", ... into out; returns it. */
const char *dbr_ca_cert_path(const struct dbr_ca *ca, const struct dbr_serial *serial,
                             char out[DBR_STORE_PATH]);
const char *dbr_ca_path(const char *folder, const char *name, const char *suffix, char out[DBR_STORE_PATH]);

/* One finding of dbr_ca_verify: an error breaks a rule of the CA, a warning is worth a look. */
typedef void dbr_ca_finding(void *arg, bool error, const char *text);
/* Checks everything against everything: database, serials, files, signatures, CRL, key files, modes. Returns
 * the number of errors, or a negative DBR_ERR when it could not look. */
int dbr_ca_verify(const struct dbr_ca *ca, dbr_ca_finding *found, void *arg);

#endif
