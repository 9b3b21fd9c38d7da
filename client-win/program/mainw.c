/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridgew.exe: the symbol beside the clock. A program without a console, so that no black window opens
 * when the start menu, a logon or a double click on a profile starts it; everything else is drawbridge.exe.
 */
#include "client-win/tray/tray.h"
#include "start.h"

#include <windows.h>

int main(void)
{
    char *argv[DBR_WORDS + 1] = {NULL};
    int argc = dbr_start(argv);
    if (argc == 1 || argc == 2)
        return dbr_tray_run(argv[1]);
    if (argc < 0)
        return 3;
    MessageBoxW(
        NULL,
        L"This program takes one file at a time. Open one profile; when it is there, open the next.\r\n\r\n"
        L"For commands there is drawbridge.exe: drawbridge --help",
        L"Drawbridge", MB_ICONWARNING | MB_SETFOREGROUND);
    return 2;
}
