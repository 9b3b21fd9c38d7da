/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The signer process: it alone has the private key. control, which parses what strangers send, asks it for
 * each signature, and is given one only over bytes that a TLS handshake of our role signs: a control that was
 * taken over gets no signature under a certificate, a request or an e-mail, and no key. There is no
 * decryption at all. One thread, no file, no socket but its two pairs, no capability.
 *
 *     signer.c     the loop: files from keeper, questions from control
 *     keyring.c    files into keys; which one is in use
 *
 *     keeper --KEYS (descriptors)--> signer <--ASK, WHO, USE-- control      (ipc/sign.h)
 *
 * keeper opens the files, and never reads them. They are read at WHO: by then the passphrase is known, from a
 * file, from who was asked at the start, or from a manager.
 */
#ifndef DBR_SIGNER_SIGNER_H
#define DBR_SIGNER_SIGNER_H

#include "ipc/boot.h"

/* Uses boot->ipc_keeper, ipc_signer, key_pass, client and log. Serves until keeper closes its end of
 * ipc_keeper; the exit code: 0, or 1 after a logged line. */
int dbr_signer_main(const struct dbr_boot *boot);

#endif
