/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What holds in control at every moment, whatever was fed to it.
 */
#ifndef DBR_TESTS_FUZZ_CONTROL_CHECK_H
#define DBR_TESTS_FUZZ_CONTROL_CHECK_H

#include "rig.h"

#include <stdlib.h>

static inline void must(bool holds)
{
    if (!holds)
        abort();
}

static inline void check_peers(struct control *ctl)
{
    uint32_t n = 0, addresses = 0, used = 0;
    for (uint32_t id = 0; id < ctl->max_clients; id++) {
        struct client *c = ctl->by_peer[id];
        if (!c)
            continue;
        n++;
        must(c->peer_id == id && c->adm && c->stage == STAGE_ADMITTED);
        must(client_named(ctl, c->adm->cn, NULL) != NULL);
        must(c->session || c->in_data);
        if (c->in_data && c->session) /* no stranger has a peer in data, and nobody whose end was said */
            must(dbr_session_peer(c->session) && dbr_session_state(c->session) < DBR_SESSION_CLOSING);
        addresses += c->adm->ip != 0;
    }
    must(n == ctl->n_admitted);
    const struct dbr_conf_pool *pool = &ctl->cfg->ifconfig_pool;
    for (uint32_t i = 0; ctl->pool_used && i <= pool->end - pool->start; i++)
        used += ctl->pool_used[i];
    must(used == addresses);
}

static inline void check(struct rig *rig)
{
    uint32_t n = 0;
    for (struct client *c = rig->ctl->oldest_half_open; c; c = c->newer, n++)
        must(c->stage == STAGE_HALF_OPEN && !c->in_data && c->session);
    must(n == rig->ctl->n_half_open);
    check_peers(rig->ctl);
}

/* A rig with alice in it, kept from input to input and made anew when control has stopped. */
static inline struct rig *ready_rig(const struct rig_options *o)
{
    static struct rig *rig;
    if (rig && rig->ctl->stop) {
        rig_free(rig);
        rig = NULL;
    }
    if (!rig)
        rig = rig_new(o);
    rig->log_len = 0;
    rig_forget(rig);
    if (rig_client(rig, "alice") && rig->callers[0] && rig_up(rig->callers[0]))
        return rig;
    for (size_t i = 0; i < rig->n_callers; i++)
        if (rig->callers[i])
            rig_hang_up(rig->callers[i]);
    rig_now.ns += 20000000000; /* the buckets are full again */
    rig_connect(rig, "alice", 0x0a000001, 4000);
    return rig;
}

#endif
