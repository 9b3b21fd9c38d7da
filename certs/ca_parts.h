/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of the CA (ca.c, caissue.c, carevoke.c, cainit.c, cacheck.c) share. Internal to the room.
 */
#ifndef DBR_CERTS_CA_PARTS_H
#define DBR_CERTS_CA_PARTS_H

#include "certs/ca.h"
#include "certs/derout.h"

int read_conf(struct dbr_ca *ca, char *why, size_t cap);
int read_index(struct dbr_ca *ca, char *why, size_t cap);

/* The first certificate of a PEM; NULL if there is none. Free with X509_free. */
X509 *parse_cert(const uint8_t *pem, size_t len);
X509 *read_cert(const struct dbr_store *store, const char *path);
/* False: negative or longer than 20 bytes. */
bool cert_serial(const X509 *c, struct dbr_serial *out);

/* A PEM block of n bytes of DER on the heap; NULL: out of memory. */
char *pem_of(const char *label, const uint8_t *der, size_t n, size_t *len);

/* Reads a file with one hex number (serial, crlnumber). */
int read_number(const struct dbr_store *store, const char *path, struct dbr_serial *out, char *why,
                size_t cap);

/* Adds the changed index.txt to the transaction. */
int put_index(struct dbr_ca *ca, char *why, size_t cap);

/* Makes a CRL with the next number out of the index and adds crl.pem and crlnumber to the transaction. The
 * key is there. */
int put_crl(struct dbr_ca *ca, char *why, size_t cap);

/* The certificates above cert, the nearest first, each of which must have signed the one before it: as PEM on
 * the heap with nothing else in it. DBR_ERR_CERT: they are not. */
int chain_above(X509 *cert, const uint8_t *pem, size_t len, char **out, size_t *out_len, char *why,
                size_t cap);
/* Adds the file with them (and its line in the settings where there is none) to the transaction. */
int put_chain(struct dbr_ca *ca, const uint8_t *pem, size_t len, char *why, size_t cap);

/* A random 128-bit serial: positive, 16 bytes. */
int random_serial(struct dbr_serial *s);

#endif
