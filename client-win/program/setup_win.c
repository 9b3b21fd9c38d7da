/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `install` and `uninstall`.
 */
#include "client-win/service/setup_win.h"

#include "client-win/base/base.h"
#include "commands.h"

#include <string.h>

enum { WHY = 4096 };

static void say(const char *line)
{
    dbr_complain("%s", line);
}

int dbr_cmd_install(int argc, char **argv)
{
    char why[WHY] = "";
    bool protect = argc == 2 && strcmp(argv[1], "--protect") == 0;
    if (argc != 1 && !protect) {
        dbr_complain("Use: drawbridge install [--protect]");
        return 2;
    }
    if (dbr_setup_install(protect, say, why, sizeof why) != 0) {
        dbr_complain("%s", why);
        return 1;
    }
    dbr_say("The service is installed and runs.");
    return 0;
}

int dbr_cmd_uninstall(int argc, char **argv)
{
    char why[WHY] = "";
    (void)argv;
    if (argc != 1) {
        dbr_complain("Use: drawbridge uninstall");
        return 2;
    }
    if (dbr_setup_uninstall(why, sizeof why) != 0) {
        dbr_complain("%s", why);
        return 1;
    }
    dbr_say("The service is removed. Profiles of users stay where they are.");
    return 0;
}
