/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The purpose and name rules that a configuration has for the far end's certificate, and its fingerprints.
 * Pure; any thread.
 */
#ifndef DBR_CLIENT_RULES_H
#define DBR_CLIENT_RULES_H

#include "conf/config.h"
#include "crypto/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* remote-cert-tls, ns-cert-type, remote-cert-ku, remote-cert-eku, verify-x509-name; texts are borrowed from
 * cfg. */
void dbr_rules_of(struct dbr_x509_rules *r, const struct dbr_config *cfg);

/* True if the SHA-256 is in that list of fingerprints. */
bool dbr_print_listed(const struct dbr_conf_list *prints, const uint8_t sha256[32]);

/* peer-fingerprint and verify-hash of a chain, the peer's own certificate first. 0, or DBR_ERR_CERT with the
 * reason in why. */
int dbr_prints_check(const struct dbr_config *cfg, const struct dbr_x509 *chain, size_t n, char *why,
                     size_t cap);

#endif
