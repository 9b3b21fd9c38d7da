/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Revocation inside control: lists and answers that fetch has verified, the chain of each client, what ends
 * with time. Private to the room; same thread.
 *
 *   revocation.c  lists: to fetch and back, what is remembered, alarms     chain.c   a client's chain
 *   ocsp.c        one question per certificate, who waits, who is asked again   expiry.c  certificates' ends
 *   reload.c      SIGHUP: everything new is built aside, then swapped
 */
#ifndef DBR_CONTROL_REVOCATION_H
#define DBR_CONTROL_REVOCATION_H

#include "certs/crl.h"
#include "control/state.h"

enum { CHAIN_MAX = 8 };

/* One certificate of a client's chain, as lists name it. */
struct link {
    uint8_t *issuer; /* DER name */
    size_t issuer_len;
    uint8_t serial[DBR_IPC_SERIAL_MAX];
    uint8_t serial_len;
};

struct der {
    uint8_t *bytes; /* NULL: not kept */
    size_t len;
};

/* What its last good handshake proved; one per client whose certificate was verified. */
struct chain {
    struct link link[CHAIN_MAX]; /* own certificate first, without the root */
    size_t n;
    int64_t not_after;       /* the first of all certificates to end, root included */
    uint8_t fingerprint[32]; /* SHA-256 of the own certificate */
    uint8_t *issuer_cert;    /* DER of whoever issued the own one; NULL: not known */
    size_t issuer_cert_len;
    char *subjects; /* for tls-verify, one a line, the root's first; NULL: not kept */
    size_t n_subjects;
    struct der certs[CHAIN_MAX + 1]; /* tls-export-cert: the own one first */
    char *tracked;                   /* x509-track: "X509_0_CN=alice\n" ...; NULL: nothing */
    char ocsp_url[DBR_IPC_URL_MAX];  /* of the own certificate; "" if it names none */
};

/* chain.c */
/* A chain that a handshake shows; 0, DBR_ERR_NOMEM or DBR_ERR_LIMIT. It is not the client's before the
 * handshake is done: until then nobody has proved to hold the key. */
int chain_keep(struct client *c, const struct dbr_x509 *chain, size_t n);
void chain_adopt(struct client *c); /* the handshake is done */
void chain_free(struct client *c);
bool chain_stands(const struct client *c); /* no list in force names any of it */

/* revocation.c */
/* Before the lock-down: the CA certificates (PEM) for fetch, kept as a memory file. 0 or DBR_ERR_NOMEM. */
int revocation_ca(struct control *ctl, const void *pem, size_t len);
/* Before any list is taken: what an earlier run accepted. */
void revocation_recall(struct control *ctl);
int revocation_policy(struct control *ctl); /* crl-stale as configured; makes ctl->trust where it is wanted */
void revocation_tell(struct control *ctl);  /* everything that fetch must know; also after its restart */
void revocation_free(struct control *ctl);
/* Takes verified lists into force; how many are new in *fresh. 0, or the error of the first that was refused
 * with a line in why; the others count all the same. */
int revocation_take(struct control *ctl, struct dbr_crl *const *lists, size_t n, const char *name,
                    unsigned *fresh, char *why, size_t cap);
/* Has fetch verify a file; false when there is no fetch: the caller verifies it itself. ticket (may be NULL)
 * names the answer. */
bool revocation_verify(struct control *ctl, int fd, enum dbr_crl_source source, uint32_t *ticket);
void revocation_read(struct control *ctl); /* messages of fetch */
void revocation_tick(struct control *ctl); /* alarms that are due */
uint64_t revocation_deadline(const struct control *ctl);
/* One line each for drawbridge-ctl status; false after the last. */
bool revocation_status(struct control *ctl, size_t i, char *line, size_t cap);

/* folder.c */
bool folder_wanted(const struct dbr_config *cfg);            /* crl-verify FOLDER dir */
bool lists_wanted(const struct dbr_config *cfg);             /* crl-verify FILE, crl-url, capath */
int folder_load(struct control *ctl, char *why, size_t cap); /* at the start: reads it. DBR_ERR_IO, ... */
void folder_changed(struct control *ctl, bool missing, int fd);
bool folder_names(const struct control *ctl, const uint8_t *serial, size_t n);
bool folder_spares(const struct client *c); /* names none of its chain */

/* ocsp.c */
/* May this client enter? 0; DBR_ERR_AGAIN: fetch is asked, client_verdict() follows; else refused. */
int ocsp_admit(struct client *c, char *reason, size_t cap);
/* A renegotiation may have brought another certificate: it is asked about, the answer is for review. */
void ocsp_follow(struct client *c);
void ocsp_forget(struct client *c);
void ocsp_answer(struct control *ctl, const struct dbr_ipc_ocsp_answer *m);
void ocsp_ask_again(struct control *ctl); /* fetch is new: what was asked is lost */
void ocsp_tick(struct control *ctl);
void ocsp_free(struct control *ctl);

/* expiry.c */
int64_t expiry_of(const struct client *c); /* unix seconds; 0: not known */
void expiry_note(struct client *c);        /* its certificates' end is known */
void expiry_tick(struct control *ctl);

/* reload.c */
void control_reload(struct control *ctl, int fd); /* what keeper has read (ipc/bundle.h) */

/* load.c */
/* Gate, certificates and session settings out of ctl->cfg into new realms; 0 or an error after a logged line.
 */
int control_load_realm(struct control *ctl);

/* clients.c */

/* ctl.c */
void ctl_answer(struct control *ctl, uint32_t ticket, const char *text);

#endif
