/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control process: gate, cookie, sessions, certificates, push, status. One thread, one epoll loop, no
 * capability. It decides who may cross; the data process moves the frames. Keeper calls dbr_control_main() in
 * the process that it made for it; nothing else of this room crosses a process.
 */
#ifndef DBR_CONTROL_CONTROL_H
#define DBR_CONTROL_CONTROL_H

#include "ipc/boot.h"

/* Loads keys and certificates (still with keeper's rights), locks itself down, serves until keeper closes its
 * end of boot->ipc_keeper or asks for shutdown. Returns the exit code: 0, or 1 after a logged line. */
int dbr_control_main(const struct dbr_boot *boot);

/* Loads what dbr_control_main() would load and lets it go again. 0, or an error after a logged line. */
int dbr_control_check(const struct dbr_config *config, const struct dbr_log *log);

#endif
