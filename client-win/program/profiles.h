/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The subcommands about profiles, for the table in main.c. argv[0] is the subcommand, all UTF-8; the result
 * is the exit code. One thread.
 */
#ifndef DBR_CW_PROGRAM_PROFILES_H
#define DBR_CW_PROGRAM_PROFILES_H

int dbr_cmd_import(int argc, char **argv); /* FILE [NAME] [--replace] [--delete-source] [--dpapi] */
int dbr_cmd_list(int argc, char **argv);
int dbr_cmd_remove(int argc, char **argv); /* NAME */
int dbr_cmd_rename(int argc, char **argv); /* NAME NEW-NAME */

#endif
