/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What leaves the CA for a laptop or a concentrator: one .ovpn file with everything inline, or a PKCS#12; and
 * the gate key ("OpenVPN Static key V1", 2048 bits, one for each concentrator) that stands before TLS.
 * Results are on the heap; the caller wipes (dbr_wipe) and frees them. One thread.
 */
#ifndef DBR_CERTS_BUNDLE_H
#define DBR_CERTS_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "certs/ca.h"

struct dbr_export {
    const char *name;      /* certificate, newest of that name */
    const char *gate;      /* gate key to put in ("" for the one without a name), or NULL for none */
    bool tls_crypt;        /* as <tls-crypt> instead of <tls-auth> */
    bool tls_crypt_v2;     /* instead of gate: the key of its own, to a server the one that wraps */
    const char *remote;    /* "vpn.example.com 1194", or NULL: as configured */
    const char *template_; /* text of the profile before the inline blocks, or NULL for ours */
};

/* An .ovpn profile: directives for TAP, then <ca>, <cert>, <key>, <tls-auth>. For a server's certificate only
 * the blocks. The private key goes in as it is, encrypted or not. DBR_ERR_NOTFOUND (certificate, private key,
 * gate key), DBR_ERR_STATE (revoked), DBR_ERR_CONFIG (no remote). */
int dbr_export_ovpn(const struct dbr_ca *ca, const struct dbr_export *what, uint8_t **out, size_t *len,
                    char *why, size_t cap);

/* A PKCS#12 (AES-256, PBKDF2, HMAC-SHA256) with certificate, key and CA. key_pass opens the key; p12_pass
 * closes the result and must meet the CA's policy. */
int dbr_export_p12(const struct dbr_ca *ca, const char *name, const struct dbr_pass *key_pass,
                   const struct dbr_pass *p12_pass, uint8_t **out, size_t *len, char *why, size_t cap);

/* Makes private/gate.key (name "") or private/gate-NAME.key. rotate: the one in force becomes gate-old.key or
 * gate-NAME-old.key, which concentrators accept for a while (C12). DBR_ERR_EXISTS without rotate. path: where
 * it is. */
int dbr_gate_key_make(struct dbr_ca *ca, const char *name, bool rotate, char path[DBR_STORE_PATH], char *why,
                      size_t cap);

/* The path of a gate key. DBR_ERR_CONFIG: no name for a file. */
int dbr_gate_key_path(const struct dbr_ca *ca, const char *name, const char *suffix,
                      char path[DBR_STORE_PATH], char *why, size_t cap);

/* The path of a client's own gate key (tls-crypt-v2), or with "" of the one that wraps them. DBR_ERR_CONFIG:
 * no name for a file. */
int dbr_gate_v2_path(const struct dbr_ca *ca, const char *name, char path[DBR_STORE_PATH], char *why,
                     size_t cap);

/* The text of a static key file around 256 bytes of key: 2,048 bits in 16 lines of hex. out needs 700 bytes.
 */
enum { DBR_GATE_BYTES = 256, DBR_GATE_TEXT = 700 };
size_t dbr_gate_key_text(const uint8_t key[DBR_GATE_BYTES], char out[DBR_GATE_TEXT]);

#endif
