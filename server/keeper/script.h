/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Programs that keeper runs for the admin: `up` and `down` scripts, and a DHCP client on the TAP in the
 * client role. They run as root with what keeper has left of its capabilities. Keeper only.
 */
#ifndef DBR_KEEPER_SCRIPT_H
#define DBR_KEEPER_SCRIPT_H

#include "base/log.h"
#include "conf/config.h"
#include "ipc/messages.h"
#include "keeper/notify.h"

#include <sys/types.h>

struct script_about {
    const char *dev;
    uint32_t mtu;
    char ip[16], mask[16]; /* "" when there is none */
    const char *context;   /* "init" or "restart" */
    const struct dbr_ipc_env *more;
    size_t n_more;              /* variables besides the usual ones */
    const struct notify *alive; /* systemd hears meanwhile that we are; NULL: nobody */
};

/* Runs command (words separated by blanks; quotes and backslashes as in the configuration) with
 * DEV MTU 0 IP MASK CONTEXT appended and the usual environment, and waits for it (at most 60 s, then it is
 * killed). type: "up", "down" or "route-pre-down". 0, or DBR_ERR_IO after a logged line. */
int script_run(const char *command, const char *type, const struct script_about *about,
               const struct dbr_config *cfg, const struct dbr_log *log);
/* The same with nothing appended: "dns-up", "dns-down". */
int script_run_bare(const char *command, const char *type, const struct script_about *about,
                    const struct dbr_config *cfg, const struct dbr_log *log);

/* Starts the first of dhclient, udhcpc, dhcpcd that is installed, in the foreground, for the interface. It
 * tells its lease to this program (keeper/lease.h) and changes nothing itself. Its files are in folder. Its
 * pid, or DBR_ERR_NOTFOUND or DBR_ERR_IO (negative numbers) after a
 * logged line. */
pid_t dhcp_start(const char *dev, const char *folder, const struct dbr_log *log);
/* Ends it and removes its files. */
void dhcp_stop(pid_t pid, const char *dev, const char *folder);

/* Where the lease is told. */
void dhcp_lease_file(char *out, size_t cap, const char *dev, const char *folder);

/* In a child that keeper has made: signals as a program expects them, and the usual environment. */
void script_clean_signals(void);
void script_env(const char *type, const struct script_about *about, const struct dbr_config *cfg);

/* One line for a script that ended with this status, as waitpid() gives it. */
void script_say_failed(const struct dbr_log *log, const char *type, const char *command, int status);

/* Splits text into at most cap - 1 words inside buf (n bytes; the words point into it) and ends the list with
 * NULL. The number of words, or DBR_ERR_SHAPE (open quote), DBR_ERR_SPACE. */
int script_split(const char *text, char *buf, size_t n, char **words, size_t cap);

#endif
