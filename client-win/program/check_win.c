/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `drawbridge check`: what is here and what is missing, one line each. Changes nothing.
 */
#include "client-win/base/base.h"
#include "client-win/keystore/keystore.h"
#include "client-win/netcfg/apply.h"
#include "commands.h"
#include "client-win/service/folders_win.h"
#include "client-win/service/setup_win.h"
#include "client-win/tapw/tapw.h"

#include <stdio.h>

enum { LINE = 512 };

static bool check_driver(char line[LINE])
{
    char text[DBR_TAPW_WHY] = "";
    bool good = dbr_tapw_check(text);
    snprintf(line, LINE, "%s", text);
    return good;
}

static bool check_service(char line[LINE])
{
    bool this_program;
    DWORD state = dbr_setup_look(&this_program);
    if (!state)
        snprintf(line, LINE,
                 "Service: not installed. Install Drawbridge again, or, as administrator: drawbridge "
                 "install.");
    else if (state != SERVICE_RUNNING)
        snprintf(line, LINE, "Service: does not run. Restart the computer.");
    else if (!this_program)
        snprintf(line, LINE,
                 "Service: runs, but from another place than this program. Install Drawbridge again.");
    else
        snprintf(line, LINE, "Service: runs.");
    return state == SERVICE_RUNNING && this_program;
}

static bool check_place(char line[LINE])
{
    wchar_t program[DBR_WIN_PATH], bad[DBR_WIN_PATH];
    bool good = dbr_win_own_path(program, DBR_WIN_PATH) == 0 && dbr_path_is_safe(program, bad, DBR_WIN_PATH);
    snprintf(line, LINE,
             good ? "Program: only administrators can change it."
                  : "Program: other users can change it. Install Drawbridge below C:\\Program Files.");
    return good;
}

static bool check_leftovers(char line[LINE])
{
    int left = dbr_netcfg_leftovers();
    snprintf(
        line, LINE,
        left > 0
            ? "Network: settings of a connection stand, or broke off. Disconnect, or restart the computer."
        : left < 0 ? "Network: what was left behind only an administrator can see."
                   : "Network: nothing was left behind.");
    return left <= 0;
}

static bool check_keys(char line[LINE])
{
    char text[LINE - 16] = "";
    bool good = dbr_keystore_state(text, sizeof text) != DBR_SEAL_NONE;
    snprintf(line, LINE, "Keys: %s", text);
    return good;
}

static void count(void *arg, const struct dbr_keystore_entry *entry)
{
    size_t *n = arg;
    (void)entry;
    ++*n;
}

static bool check_profiles(char line[LINE])
{
    size_t n = 0;
    bool good = dbr_keystore_list(count, &n) == 0 && n > 0;
    if (good)
        snprintf(line, LINE, "Profiles: %zu.", n);
    else
        snprintf(line, LINE, "Profiles: none. Open the .ovpn file that your administrator gave you.");
    return good;
}

int dbr_cmd_check(int argc, char **argv)
{
    static bool (*const rows[])(char line[LINE]) = {check_driver, check_service,   check_place,
                                                    check_keys,   check_leftovers, check_profiles};
    int missing = 0;
    (void)argv;
    if (argc != 1) {
        dbr_complain("Use: drawbridge check");
        return 2;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[LINE] = "";
        bool good = rows[i](line);
        missing += !good;
        dbr_say("%s %s", good ? "ok  " : "MISS", line);
    }
    return missing ? 1 : 0;
}
