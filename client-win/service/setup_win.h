/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service in the service control manager: made, brought up to date, removed; and the folders it needs.
 * Needs an administrator's rights. One thread.
 */
#ifndef DBR_CW_SERVICE_SETUP_WIN_H
#define DBR_CW_SERVICE_SETUP_WIN_H

#include <windows.h>

#include <stdbool.h>
#include <stddef.h>

/* Installs or repairs the service that runs this program: folders with their rights, the service, its start.
 * `protect`: the program's folder gets rights of its own where others may write to it. 0, or an error with
 * one line in why. say: lines about what could not be set but is no obstacle. */
int dbr_setup_install(bool protect, void (*say)(const char *line), char *why, size_t cap);

/* The part of it in the service control manager: the service is made, or stopped and brought up to date; then
 * it starts. */
int dbr_setup_register(void (*say)(const char *line), char *why, size_t cap);

/* Stops and removes the service, then the log and the journal; profiles stay. 0, also where there is none. */
int dbr_setup_uninstall(char *why, size_t cap);

/* How the service is: its state of SERVICE_* (0: not installed), and whether its path is this program. */
DWORD dbr_setup_look(bool *this_program);

/* "\"C:\\Program Files\\Drawbridge\\drawbridge.exe\" service" of this program; 0 or DBR_ERR_SPACE. */
int dbr_setup_line(wchar_t *out, size_t cap);

#endif
