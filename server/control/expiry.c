/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A certificate that ends while its session lives: the session ends with it, to the second. The earliest end
 * is known, so that nobody is looked at before; a clock that is set forward is noticed at the next event.
 */
#include "control/revocation.h"

void expiry_note(struct client *c)
{
    struct control *ctl = c->ctl;
    if (c->chain && (!ctl->expiry_s || c->chain->not_after < ctl->expiry_s))
        ctl->expiry_s = c->chain->not_after;
}

static bool lives(const struct client *c)
{
    return c && c->session && c->chain && c->stage == STAGE_ADMITTED &&
           dbr_session_state(c->session) < DBR_SESSION_CLOSING;
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
        if (ctl->now.unix_s > c->chain->not_after)
            client_kick(c, "AUTH_FAILED,Certificate expired", "certificate expired: session ended");
        else
            expiry_note(c);
    }
}
