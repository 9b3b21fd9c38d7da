/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ca.conf: what the admin of a CA may decide, and where a folder that somebody else's tool laid
 * out keeps its files. One directive a line, words parted by blanks, double quotes around words with blanks,
 * '#' begins a comment. The table of directives is in caconf.c; dbr_ca_conf_write() prints every one with its
 * meaning. Plain data.
 */
#ifndef DBR_CERTS_CACONF_H
#define DBR_CERTS_CACONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/profile.h"

enum { DBR_CA_WORD = 256, DBR_CA_CONCENTRATORS = 32, DBR_CA_ARGV = 24, DBR_CA_CONF_MAX = 65536 };

/* A concentrator that is told of a new CRL: a command that gets it (DER) on its standard input. */
struct dbr_concentrator {
    char name[64];
    char words[1024];         /* the arguments, NUL after each */
    uint16_t at[DBR_CA_ARGV]; /* where each begins */
    int argc;
};

struct dbr_ca_conf {
    char ca_cert[DBR_CA_WORD], ca_key[DBR_CA_WORD]; /* paths inside the folder */
    char newcerts[DBR_CA_WORD], issued[DBR_CA_WORD], private_dir[DBR_CA_WORD], requests[DBR_CA_WORD];
    char chain[DBR_CA_WORD]; /* certificates above ours, or "" */
    char key_type[32];
    char serials[16]; /* "random" or "sequential" */
    char policy[32];
    char subject[DBR_CA_WORD]; /* what stands before /CN=, e.g. "/C=FR/O=Example", or "" */
    char crl_url[DBR_CA_WORD], ocsp_url[DBR_CA_WORD];
    char publish[DBR_CA_WORD]; /* folder, or "" */
    char remote[DBR_CA_WORD];  /* "vpn.example.com 1194", or "" */
    int64_t crl_life_s, backdate_s;
    int64_t life_s[DBR_PROFILES];
    struct dbr_concentrator concentrators[DBR_CA_CONCENTRATORS];
    size_t n_concentrators;
    struct dbr_concentrator gate_lists[DBR_CA_CONCENTRATORS]; /* get the withdrawn gate keys instead */
    size_t n_gate_lists;
};

/* The defaults: the layout of a folder we make ourselves. */
void dbr_ca_conf_init(struct dbr_ca_conf *c);

/* Parses text over what is in c. DBR_ERR_CONFIG: why has line, reason and way out. */
int dbr_ca_conf_parse(struct dbr_ca_conf *c, const char *text, size_t len, char *why, size_t cap);

/* The whole file with explanations, on the heap; NULL: out of memory. */
char *dbr_ca_conf_write(const struct dbr_ca_conf *c, size_t *len);

/* "30d", "12h", "90m", "45s", "2w", "1y" (365 days) or plain seconds; false: something else, or above 100
 * years. */
bool dbr_span_parse(const char *s, int64_t *seconds);
/* The shortest of these that is exact; returns out. */
const char *dbr_span_text(int64_t seconds, char out[24]);

/* http:// or https:// and nothing that would mean something in an extension or a shell. */
bool dbr_url_ok(const char *s);

/* Names of certificates: 1..64 of letters, digits and ._@-, beginning with a letter or digit; "ca" and
 * "gate*" are ours. They are file names and commonNames. DBR_ERR_CONFIG. */
int dbr_name_check(const char *name, char *why, size_t cap);

#endif
