/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine as a process: what the service starts, as the user.
 */
#ifndef DBR_CW_ENGINE_RUN_H
#define DBR_CW_ENGINE_RUN_H

struct dbr_engine_setup {
    void *tap;  /* HANDLE, overlapped; one Ethernet frame per read and write */
    void *pipe; /* HANDLE, overlapped, duplex, in message mode: to the service */
};

/* Waits for START{id} on the pipe, loads that profile from the keystore and serves until STOP, until the pipe
 * breaks, or until it is of no use to go on. The exit code of the process: 0, or 1 when it FAILED. */
int dbr_engine_run(const struct dbr_engine_setup *s);

#endif
