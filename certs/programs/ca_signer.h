/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The OCSP signer of drawbridge-ca serve: its key and certificate as they are in use, how a renewed pair
 * takes their place, and the alarms of its life. The main thread's.
 *
 * What outlives the dropping of rights is the key in memory and, if the key's file was encrypted, its
 * passphrase: a certificate that was renewed with the same key needs no file of private/ then.
 */
#ifndef DBR_CA_SIGNER_H
#define DBR_CA_SIGNER_H

#include "ca_cli.h"

#include "certs/ocsp.h"

struct signer {
    EVP_PKEY *key;        /* in use; NULL: none yet */
    uint8_t files[2][32]; /* SHA-256 of the certificate's file and of the key's */
    struct secret pass;   /* of the key's file, as given at the start; n 0: none was needed */
    int64_t answers_s;    /* how long an answer is valid */
    struct dbr_ocsp_signer cert;
    int64_t alarm_s; /* unix seconds: the next alarm */
    int64_t due_s;   /* unix seconds: a certificate that was refused becomes valid; 0: none */
    bool revoked;    /* said */
};

/* Reads the pair of c's --signer out of the folder, checks that they fit each other and the CA, and makes a
 * responder of them with the statuses of the index. With none before, the passphrase is asked for, and a
 * certificate that has expired is taken (the alarm tells): the CRL must be served all the same. In the place
 * of another, it must also be valid now and not revoked. On an error what is in use has not changed; why says
 * it. DBR_ERR_EXISTS: this pair is in use already. */
int signer_load(struct signer *g, const struct call *c, const struct dbr_ca *ca, struct dbr_responder **out,
                char *why);

/* Whether the index revokes the certificate in use: said once. */
void signer_look_up(struct signer *g, const struct call *c, const struct dbr_ca *ca);

/* Alarms that are due, on standard error: at half and at a quarter of the certificate's life, at its end and
 * each minute from then on. now: unix seconds. */
void signer_alarm(struct signer *g, const struct call *c, int64_t now);

void signer_free(struct signer *g); /* wipes */

#endif
