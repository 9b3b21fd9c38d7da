/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge.exe: a table of subcommands, for a console and for the service. The symbol beside the clock is
 * drawbridgew.exe (mainw.c).
 */
#include "client-win/base/base.h"
#include "client-win/engine/run.h"
#include "commands.h"
#include "profiles.h"
#include "client-win/service/service_win.h"
#include "start.h"

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
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].use)
            dbr_say("drawbridge %s", commands[i].use);
    dbr_say("The symbol beside the clock is another program: drawbridgew [FILE.ovpn]");
    return 0;
}

static int run(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (argc == 1)
        return cmd_help(argc, argv);
    dbr_complain("There is no \"%s\". What there is: drawbridge --help", argv[1]);
    return 2;
}

int main(void)
{
    char *argv[DBR_WORDS + 1] = {NULL};
    int argc = dbr_start(argv);
    if (argc < 0)
        return 3;
    if (argc > 0)
        return run(argc, argv);
    dbr_complain("The command line is too long or no text.");
    return 2;
}
