/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See start.h.
 */
#include "start.h"

#include <windows.h>

#include <shellapi.h>

enum { LONGEST = 4 * DBR_WIN_PATH };

static int read_words(char *argv[DBR_WORDS + 1])
{
    static char words[DBR_WORDS][LONGEST];
    int n = 0;
    LPWSTR *wide = CommandLineToArgvW(GetCommandLineW(), &n);
    if (!wide || n > DBR_WORDS)
        n = 0;
    for (int i = 0; i < n; i++) {
        argv[i] = words[i];
        if (dbr_utf8_from16(words[i], LONGEST, wide[i]) != 0)
            n = 0;
    }
    LocalFree(wide);
    return n;
}

int dbr_start(char *argv[DBR_WORDS + 1])
{
    if (!SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32))
        return -1;
    HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0);
    SetErrorMode(SEM_FAILCRITICALERRORS);
    return read_words(argv);
}
