/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The symbol beside the clock: the whole user interface. One thread, the one that calls. Only on Windows.
 */
#ifndef DBR_TRAY_TRAY_H
#define DBR_TRAY_TRAY_H

/* Runs until the user quits or the session ends. file: the path of a profile to import first (UTF-8), or
 * NULL. Where another one of this user runs already, that one gets the file, or shows its menu, and this
 * returns. 0, or 1 when Windows gives no window. */
int dbr_tray_run(const char *file);

#endif
