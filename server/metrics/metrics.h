/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The metrics process: Prometheus text over HTTP for whoever reaches the address of `metrics`. It is apart
 * from all others since it reads what strangers write: it has no key, no frame, no file, no capability, and
 * cannot open a socket. One thread.
 *
 *     serve.c      the loop: connections, questions to control and keeper
 *     snapshot.c   their answers, put together
 *     page.c       the text
 *     mhd.c        libmicrohttpd, opened at run time
 *
 *     GET /metrics --> METRICS_GET --> control, keeper
 *                  <-- text <-- snapshot <-- METRICS ... METRICS_END, PROCESSES
 *
 * A snapshot serves everybody who asks within a second. Bounds: 16 connections, 6 of one address, 5 s for
 * each from its first to its last byte, 8 KiB for what is asked, one text in memory.
 */
#ifndef DBR_METRICS_METRICS_H
#define DBR_METRICS_METRICS_H

#include "ipc/boot.h"

/* Uses boot->metrics_fd, ipc_metrics, ipc_keeper and log. Serves until keeper closes its end of ipc_keeper;
 * the exit code: 0, or 1 after a logged line. */
int dbr_metrics_main(const struct dbr_boot *boot);

#endif
