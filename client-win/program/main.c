/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge.exe: a table of subcommands; without one it is the tray. Before anything else, DLLs come from
 * Windows' own folder only, and words from the command line become UTF-8.
 */
#include "client-win/base/base.h"
#include "client-win/engine/run.h"
#include "commands.h"
#include "profiles.h"
#include "client-win/service/service_win.h"
#include "client-win/tray/tray.h"

#include <windows.h>

#include <shellapi.h>
#include <stdlib.h>
#include <string.h>

static int cmd_service(int argc, char **argv)
{
    if (argc == 1)
        return dbr_service_main();
    if (argc == 2 && strcmp(argv[1], "--console") == 0)
        return dbr_service_console();
    dbr_complain("Use: drawbridge service [--console]");
    return 2;
}

/* "engine TAP PIPE": two inherited handles in decimal. */
static int cmd_engine(int argc, char **argv)
{
    struct dbr_engine_setup setup = {NULL, NULL};
    char *end[2] = {NULL, NULL};
    if (argc == 3) {
        setup.tap = (void *)(uintptr_t)strtoull(argv[1], &end[0], 10);
        setup.pipe = (void *)(uintptr_t)strtoull(argv[2], &end[1], 10);
    }
    if (argc == 3 && !*end[0] && !*end[1] && setup.tap && setup.pipe)
        return dbr_engine_run(&setup);
    dbr_complain("`drawbridge engine` is started by the service only. To connect: drawbridge connect NAME.");
    return 2;
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    dbr_say("Drawbridge %s", DBR_VERSION);
    return 0;
}

static int cmd_help(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *use; /* NULL: not for users */
} commands[] = {
    {"connect", dbr_cmd_connect, "connect NAME           connect, here in the console; Ctrl-C disconnects"},
    {"import", dbr_cmd_import, "import FILE [NAME]     bring a profile in, encrypted"},
    {"list", dbr_cmd_list, "list                   the profiles that are in"},
    {"rename", dbr_cmd_rename, "rename NAME NEW-NAME   give a profile another name"},
    {"remove", dbr_cmd_remove, "remove NAME            overwrite and delete a profile"},
    {"check", dbr_cmd_check, "check                  what is here, and what is missing"},
    {"install", dbr_cmd_install, "install [--protect]    install the service, or repair it (administrators)"},
    {"uninstall", dbr_cmd_uninstall,
     "uninstall              remove the service; profiles stay (administrators)"},
    {"service", cmd_service, NULL},
    {"engine", cmd_engine, NULL},
    {"--version", cmd_version, NULL},
    {"--help", cmd_help, NULL},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int cmd_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    dbr_say("drawbridge                        the symbol beside the clock");
    dbr_say("drawbridge FILE.ovpn              import a profile, then the same");
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].use)
            dbr_say("drawbridge %s", commands[i].use);
    return 0;
}

static bool is_profile(const char *word)
{
    size_t n = strlen(word);
    return n > 5 && _stricmp(word + n - 5, ".ovpn") == 0;
}

static int tray(const char *file)
{
    FreeConsole(); /* whoever started us from a console may close it */
    return dbr_tray_run(file);
}

static int run(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (argc == 1 || (argc == 2 && is_profile(argv[1])))
        return tray(argc == 2 ? argv[1] : NULL);
    dbr_complain("There is no \"%s\". What there is: drawbridge --help", argv[1]);
    return 2;
}

enum { WORDS = 16, LONGEST = 4 * DBR_WIN_PATH };

/* The words of the command line in UTF-8, in static memory; -1 where one is no text or there are too many. */
static int read_words(char *argv[WORDS + 1])
{
    static char words[WORDS][LONGEST];
    int n = 0;
    LPWSTR *wide = CommandLineToArgvW(GetCommandLineW(), &n);
    if (!wide || n > WORDS)
        n = -1;
    for (int i = 0; i < n; i++) {
        argv[i] = words[i];
        if (dbr_utf8_from16(words[i], LONGEST, wide[i]) != 0)
            n = -1;
    }
    LocalFree(wide);
    return n;
}

int main(void)
{
    char *argv[WORDS + 1] = {NULL};
    if (!SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32))
        return 3;
    HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0);
    SetErrorMode(SEM_FAILCRITICALERRORS);
    int argc = read_words(argv);
    if (argc < 1) {
        dbr_complain("The command line is too long or no text.");
        return 2;
    }
    return run(argc, argv);
}
