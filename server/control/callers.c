/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server without `mode server` has one peer. `remote` says from where that one calls: without `float`, a
 * session that begins at another address is not answered (one that stands may move, as everywhere). The port
 * is not compared, for most peers are behind a NAT. Names are resolved once, while control may still do so.
 */
#include "control/state.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { CALLERS_MAX = 64 };

struct callers {
    size_t n;
    struct dbr_addr from[CALLERS_MAX];
};

static int resolve(struct control *ctl, struct callers *callers, const char *host)
{
    struct addrinfo *list = NULL, hint = {.ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC};
    int err = getaddrinfo(host, NULL, &hint, &list);
    if (err) {
        dbr_log(
            ctl->log, DBR_LOG_FATAL,
            "remote %s: cannot be resolved (%s); write the peer's address, or remove the line and let the "
            "certificate decide",
            host, gai_strerror(err));
        return DBR_ERR_CONFIG;
    }
    for (struct addrinfo *a = list; a && callers->n < CALLERS_MAX; a = a->ai_next)
        if (!dbr_addr_from_sockaddr(&callers->from[callers->n], a->ai_addr, a->ai_addrlen))
            callers->n++;
    freeaddrinfo(list);
    return 0;
}

int callers_load(struct control *ctl)
{
    const struct dbr_config *cfg = ctl->cfg;
    if (!cfg->p2p || !cfg->remote.n || cfg->float_)
        return 0;
    ctl->callers = calloc(1, sizeof *ctl->callers);
    if (!ctl->callers)
        return DBR_ERR_NOMEM;
    int err = 0;
    for (size_t i = 0; !err && i < cfg->remote.n; i++)
        err = resolve(ctl, ctl->callers, cfg->remote.v[i].host);
    return err;
}

void callers_free(struct control *ctl)
{
    free(ctl->callers);
    ctl->callers = NULL;
}

bool callers_may(const struct control *ctl, const struct dbr_addr *from)
{
    const struct callers *callers = ctl->callers;
    for (size_t i = 0; callers && i < callers->n; i++)
        if (callers->from[i].family == from->family && memcmp(callers->from[i].ip, from->ip, 16) == 0)
            return true;
    return !callers;
}
