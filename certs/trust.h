/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the daemon believes about revocation right now: the newest accepted CRL of each issuer, swapped by
 * pointer, never edited. A check takes a reference to the current set, so that a swap in another thread
 * neither waits for it nor pulls it away (CVE-2024-0397 is what editing a live store does). The highest
 * crlNumber accepted from each issuer survives a restart as a few lines of text, which the caller keeps on
 * disk: a rolled back list is refused even by a daemon that has just started.
 *
 * All functions may be called from any thread. Time is passed in as unix seconds.
 */
#ifndef DBR_CERTS_TRUST_H
#define DBR_CERTS_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "certs/crl.h"

/* What an expired CRL means (directive crl-stale). */
enum dbr_stale {
    DBR_STALE_REFUSE, /* everybody is refused until a fresh one is there */
    DBR_STALE_GRACE,  /* for grace_s seconds more it is still believed, then refuse */
    DBR_STALE_KEEP,   /* it is believed for ever */
};

enum dbr_verdict {
    DBR_VERDICT_OK,         /* not listed in a valid CRL */
    DBR_VERDICT_OK_STALE,   /* not listed in an expired CRL that the policy still believes: log it */
    DBR_VERDICT_REVOKED,    /* listed; also in an expired list, whatever the policy */
    DBR_VERDICT_NO_CRL,     /* no CRL of that issuer: refuse */
    DBR_VERDICT_STALE,      /* the CRL has expired and the policy does not believe it: refuse */
    DBR_VERDICT_NOT_YET,    /* the CRL begins in the future (a clock was set back): refuse */
    DBR_VERDICT_BAD_SERIAL, /* serial of 0 or more than 20 bytes: refuse */
};

/* True for the two verdicts that let a peer in. */
int dbr_verdict_good(enum dbr_verdict v);
/* "certificate revoked" ... for logs and AUTH_FAILED. */
const char *dbr_verdict_text(enum dbr_verdict v);

struct dbr_trust;

struct dbr_trust *dbr_trust_new(enum dbr_stale stale, int64_t grace_s); /* NULL: out of memory */
void dbr_trust_free(struct dbr_trust *trust);                           /* NULL is good */
void dbr_trust_policy(struct dbr_trust *trust, enum dbr_stale stale, int64_t grace_s);

/* Offers a list; keeps a reference of its own if it is accepted. 0: accepted, checks see it from now on.
 * DBR_ERR_EXISTS: the same list is in force already. DBR_ERR_REPLAY, DBR_ERR_CERT: not newer than the one in
 * force, or than the last one accepted before a restart (dbr_crl_newer): the old one stays. DBR_ERR_LIMIT,
 * DBR_ERR_NOMEM. */
int dbr_trust_accept(struct dbr_trust *trust, struct dbr_crl *crl, char *why, size_t cap);

/* Forgets the list of every issuer that is not in keep (a CA that was taken out of the configuration). */
int dbr_trust_retain(struct dbr_trust *trust, const struct dbr_issuers *keep);

/* The verdict on one certificate, named by its issuer (DER name) and serial (big-endian magnitude). When two
 * CAs bear the same name (a key roll-over), the worst verdict of their lists counts. entry (may be NULL) is
 * filled for REVOKED. */
enum dbr_verdict dbr_trust_check(struct dbr_trust *trust, const void *issuer, size_t issuer_len,
                                 const void *serial, size_t serial_len, int64_t now,
                                 struct dbr_crl_entry *entry);

/* Copies references to the lists in force into out; returns how many. The caller frees each (dbr_crl_free).
 */
size_t dbr_trust_lists(struct dbr_trust *trust, struct dbr_crl *out[DBR_CRL_MAX_LISTS]);

/* The list that expires first, for alarms: remaining life in percent (100 when there is none) and its
 * nextUpdate. */
int dbr_trust_life_percent(struct dbr_trust *trust, int64_t now, int64_t *next_update);

/* The memory of accepted numbers, as text: one line for each issuer, "issuer-sha256 number thisUpdate
 * digest", hex and decimal. write: returns the length without the final NUL, or DBR_ERR_SPACE (cap >= 16384
 * always does). load: adds what the text says; a line that does not parse is DBR_ERR_SHAPE and nothing is
 * taken over. */
int dbr_trust_state_write(struct dbr_trust *trust, char *out, size_t cap);
int dbr_trust_state_load(struct dbr_trust *trust, const char *text, size_t len);

#endif
