/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridged --check-config: the same loading of keys, certificates and lists as at the start, and nothing
 * else.
 */
#include "control/control.h"
#include "control/state.h"

#include <stdlib.h>

int dbr_control_check(const struct dbr_config *config, const struct dbr_log *log)
{
    static const uint8_t no_secret[32];
    struct dbr_boot boot = {.config = config,
                            .log = *log,
                            .client = config->role == DBR_CONF_ROLE_CLIENT,
                            .token_secret = no_secret};
    struct control *ctl = calloc(1, sizeof *ctl);
    if (!ctl)
        return DBR_ERR_NOMEM;
    boot.udp[0] = boot.ipc_keeper = boot.ipc_fetch = boot.ipc_metrics = boot.status_fd = boot.ccd_fd =
        boot.ctl_fd = -1;
    boot.crl_state[0] = boot.crl_state[1] = -1;
    ctl->boot = &boot;
    ctl->cfg = config;
    ctl->log = &boot.log;
    ctl->udp = ctl->epoll = -1;
    for (size_t i = 0; i < MAX_CTL; i++)
        ctl->ctl_socks[i] = -1;
    control_clock(ctl);
    int err = control_load(ctl);
    control_free(ctl);
    return err;
}
