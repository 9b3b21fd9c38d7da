/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The subcommands of drawbridge.exe that are not about profiles (those: profiles.h). argv[0] is the
 * subcommand, all UTF-8; the result is the exit code. One thread.
 */
#ifndef DBR_CW_PROGRAM_COMMANDS_H
#define DBR_CW_PROGRAM_COMMANDS_H

int dbr_cmd_connect(int argc, char **argv);   /* NAME */
int dbr_cmd_check(int argc, char **argv);     /* */
int dbr_cmd_install(int argc, char **argv);   /* [--protect] */
int dbr_cmd_uninstall(int argc, char **argv); /* */

#endif
