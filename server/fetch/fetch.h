/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The fetch process: everything of revocation that is slow or talks to the outside. It fetches the CRL
 * (crl-url), asks OCSP responders, verifies lists of any size wherever they came from, and keeps the memory
 * of what was accepted on disk. Control decides; fetch holds no key of ours and no frame passes it.
 *
 *     main thread     messages from control and keeper             fetch.c
 *     url thread      the list, on its timer                       url.c, plan.c, http.c
 *     verify thread   files and pushed lists; the memory on disk   lists.c
 *     4 OCSP threads  one question each                            ask.c, http.c
 *
 *     keeper --CRL file--> control --CRL_VERIFY--> fetch --CRL_IMAGE (sealed memfd)--> control --CRL_TAKEN-->
 * fetch fetch (url) --CRL_IMAGE--> control --CRL_TAKEN--> fetch
 *
 * A download, a dead responder or a million entries therefore never delay a handshake or a frame. All threads
 * are made before the lock-down.
 */
#ifndef DBR_FETCH_FETCH_H
#define DBR_FETCH_FETCH_H

#include "ipc/boot.h"

/* Uses boot->ipc_fetch, ipc_keeper, crl_state and log. Serves until keeper closes its end of ipc_keeper; the
 * exit code: 0, or 1 after a logged line. */
int dbr_fetch_main(const struct dbr_boot *boot);

#endif
