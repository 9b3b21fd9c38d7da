/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The first steps of both programs, before anything else runs. One thread; for this folder.
 */
#ifndef DBR_CW_PROGRAM_START_H
#define DBR_CW_PROGRAM_START_H

#include "client-win/base/base.h"

enum { DBR_WORDS = 16 };

/* DLLs come from Windows' own folder only, a damaged heap ends the process, and the words of the command line
 * become UTF-8, in static memory, NULL behind the last. Their number, 1 or more; 0: the command line is too
 * long or no text; -1: Windows refuses the protection, so nothing may go on. */
int dbr_start(char *argv[DBR_WORDS + 1]);

#endif
