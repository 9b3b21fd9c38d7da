/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ca: what its files share. A command is a row of the table in ca_main.c: its name, what it takes,
 * which options it knows, its help and the function that does it. One thread; a process runs one command.
 */
#ifndef DBR_CA_CLI_H
#define DBR_CA_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "certs/bundle.h"
#include "certs/ca.h"
#include "certs/pass.h"

enum { WHY = 1024 };

/* Every option there is; a row in ca_main.c says which command takes which. Strings are NULL when not given.
 */
struct options {
    const char *dir, *pass_file, *pass_fd, *key_pass_file, *key_pass_fd, *p12_pass_file, *life, *key_type,
        *san, *name, *reason, *out, *remote, *template_, *gate, *expiring, *serials, *subject, *policy,
        *crl_url, *ocsp_url, *cert, *key, *chain, *listen, *tls_cert, *tls_key, *user, *signer, *wait,
        *publish_to, *crl_life;
    bool nonce, root, json, help, no_pass, gen_pass, push, revoke_old, new_key, ignore_requested, no_gate,
        tls_crypt, tls_crypt_v2, p12, revoked, if_due, force;
};

struct call {
    struct options o;
    char *const *args;
    int n;
    int64_t now;
    char why[WHY];
};

typedef int command_fn(struct call *c); /* exit status: 0 good, 1 failed, 2 wrong use */

command_fn cmd_init, cmd_import, cmd_issue, cmd_sign, cmd_renew, cmd_revoke, cmd_unhold, cmd_crl, cmd_publish,
    cmd_push, cmd_list, cmd_show, cmd_export, cmd_gate_key, cmd_verify, cmd_serve;

/* --- ca_main.c
 * ------------------------------------------------------------------------------------------------ */

/* Prints "drawbridge-ca: why" and returns the exit status of an error. */
int fail(struct call *c, int err);
/* The folder: --dir, else $DRAWBRIDGE_CA, else /var/lib/drawbridge-ca. */
const char *folder_of(const struct call *c);
int wait_ms_of(const struct call *c);

/* Opens the CA; write also unlocks its key, asking for the passphrase before the folder is locked. */
int open_ca(struct call *c, bool write, struct dbr_ca **out);
/* Opens for writing without the key. */
int open_ca_locked(struct call *c, struct dbr_ca **out);

/* A whole file of at most max bytes ("-" is standard input), NUL behind it. */
int read_whole(const char *path, size_t max, uint8_t **out, size_t *len, char *why, size_t cap);
/* Writes a result: to a new file of mode 0600 (links refused), or to standard output when path is NULL. */
int write_result(const char *path, const void *bytes, size_t len, char *why, size_t cap);

/* --- ca_pass.c
 * ------------------------------------------------------------------------------------------------ */

struct secret {
    char p[DBR_PASS_TEXT];
    size_t n;
};

/* A passphrase from a file descriptor, a file, or the terminal with this prompt (twice if it is a new one).
 */
int ask_pass(struct secret *s, const char *fd, const char *file, const char *prompt, bool twice, char *why,
             size_t cap);
/* For a new key of `name`: none with --no-pass, made and printed with --gen-pass, else asked for; checked
 * against the policy. *pass points into s. */
int new_pass(struct call *c, const char *policy, const char *name, struct secret *s, struct dbr_pass *pass);

/* --- ca_gatekeys.c */
int gate_key_v2(struct call *c); /* gate-key v2 ...; exit status */

/* Of a revocation: whether the gate keys of whoever left were withdrawn with his certificate. */
struct gone {
    struct call *call;
    bool keys, failed;
};
dbr_ca_leaver withdraw_with_certificate; /* arg: struct gone */
/* private/gatev2-withdrawn.list on the heap. DBR_ERR_NOTFOUND: nobody's key was ever withdrawn. */
int gate_list(const struct dbr_ca *ca, uint8_t **text, size_t *len, char *why, size_t cap);

/* --- ca_output.c
 * ---------------------------------------------------------------------------------------------- */

/* A JSON writer for flat objects: json_begin('{'), json_text(...), ..., json_end('}'). To standard output. */
struct json {
    bool comma;
};
void json_begin(struct json *j, const char *key, char bracket);
void json_end(struct json *j, char bracket);
void json_text(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);

/* One index entry as a row of a table or as an object of a list. profile: its name, or NULL where none fits
 * or the certificate is not there. */
void print_entry(const struct dbr_index_entry *e, const char *profile, int64_t now, struct json *j);
/* "valid", "revoked", "expired". */
const char *entry_state(const struct dbr_index_entry *e, int64_t now);

/* --- ca_publish.c
 * --------------------------------------------------------------------------------------------- */

/* Copies crl.pem, crl.der and ca.crt to a folder, each written aside and renamed. */
int publish_to(const struct dbr_ca *ca, const char *folder, char *why, size_t cap);
/* Hands the CRL (DER) to every concentrator of the configuration, and the withdrawn gate keys to every
 * gate-list, all at once, and waits up to 10 s. Prints one line each; returns how many failed. */
int push_crl(const struct dbr_ca *ca, struct json *j);
/* The CRL in DER on the heap. */
int crl_der(const struct dbr_ca *ca, uint8_t **der, size_t *len, char *why, size_t cap);

#endif
