/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A certificate that ends while its session lives: the session ends with it, to the second. The earliest end
 * is known, so that nobody is looked at before; a clock that is set forward is noticed at the next event.
 */
#include "control/revocation.h"

int64_t expiry_of(const struct client *c)
{
    return c->chain ? c->chain->not_after : c->adm ? c->adm->not_after : 0;
}

void expiry_note(struct client *c)
{
    struct control *ctl = c->ctl;
    int64_t end_s = expiry_of(c);
    if (end_s && (!ctl->expiry_s || end_s < ctl->expiry_s))
        ctl->expiry_s = end_s;
}

/* A peer that data handed back lives without a session of ours. */
static bool lives(const struct client *c)
{
    return c && expiry_of(c) && c->stage == STAGE_ADMITTED &&
           (!c->session || dbr_session_state(c->session) < DBR_SESSION_CLOSING);
}

void expiry_tick(struct control *ctl)
{
    if (!ctl->expiry_s || ctl->now.unix_s <= ctl->expiry_s)
        return;
    ctl->expiry_s = 0;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!lives(c))
            continue;
        if (ctl->now.unix_s > expiry_of(c))
            client_kick(c, "AUTH_FAILED,Certificate expired", "certificate expired: session ended");
        else
            expiry_note(c);
    }
}
