/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the sockets of the managers (mgmt_io.c) and what their commands do (mgmt_host.c) share. Private to
 * these two; control's one thread.
 */
#ifndef DBR_CONTROL_MGMT_IO_H
#define DBR_CONTROL_MGMT_IO_H

#include "control/mgmt.h"
#include "control/state.h"

enum { KEY_PASS_MAX = 256 };

struct management {
    struct mgmt *mgmt;
    int sock[MGMT_SEATS];         /* -1: nobody */
    uint32_t watched[MGMT_SEATS]; /* events that epoll looks for */
    bool watching;                /* the loop runs: epoll is there */
    bool logging;                 /* a line is being handed on */
    char key_pass[KEY_PASS_MAX];
    bool has_key_pass;
    char *cert;               /* PEM, of management-external-cert; NULL: not asked for, or not yet */
    struct signing *signings; /* what managers are to sign, the first one is asked for */
    unsigned n_signings;
    uint64_t fresh_ns, asked_ns; /* when the workers' figures were in, and asked for last */
    uint64_t in, out;            /* bytes of clients that are gone */
};

void management_client_host(struct mgmt_host *h); /* calls_mgmt.c: what only a client's managers may say */
void management_sign_host(struct mgmt_host *h);   /* mgmt_sign.c */
void management_sign_free(struct management *g);
struct mgmt *management_make(struct control *ctl, const uint8_t *password);

#endif
