/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TAP and bridge belong to the system, and others change them: an admin, NetworkManager, systemd-networkd.
 * What is lost is put back at once and told in one line; when the same thing is lost again within an hour,
 * that is somebody's will: one line says so and how to settle it, and we stop fighting. Only a lost TAP ends
 * the program then, since nothing works without it.
 */
#include "keeper/keeper.h"
#include "base/err.h"

#include <signal.h>
#include <string.h>

static const uint64_t CALM_NS = 3600 * S_NS;

/* Once per kind and hour. False: it was mended before; told once. */
static bool may_mend(struct keeper *k, enum dbr_link_event e)
{
    uint64_t now = monotonic_ns();
    if (!k->mended_ns[e] || now - k->mended_ns[e] >= CALM_NS) {
        k->mended_ns[e] = now;
        k->given_up[e] = false;
        return true;
    }
    if (!k->given_up[e])
        dbr_log(&k->log, DBR_LOG_ERROR,
                "%s again, although it was mended: something else manages it (`drawbridge-ctl bridge check` "
                "looks for "
                "it); settle that and restart",
                dbr_link_event_text(e));
    k->given_up[e] = true;
    return false;
}

static void say_mended(struct keeper *k, enum dbr_link_event e, int err, const char *why)
{
    if (err)
        dbr_log(&k->log, DBR_LOG_ERROR, "%s; cannot mend it: %s", dbr_link_event_text(e), why);
    else
        dbr_log(&k->log, DBR_LOG_WARN, "WARNING: %s; mended", dbr_link_event_text(e));
}

/* What cannot be asked for is not gone. */
static bool is_there(struct keeper *k, const char *name, int ifindex)
{
    struct dbr_link link;
    int err = dbr_link_get(k->netlink, name, &link, NULL);
    return err ? err != DBR_ERR_NOTFOUND : link.ifindex == ifindex;
}

static bool tap_is_there(struct keeper *k)
{
    return is_there(k, k->tap.name, k->tap.ifindex);
}

bool mend_tap(struct keeper *k)
{
    if (tap_is_there(k))
        return true;
    if (!may_mend(k, DBR_LINK_TAP_GONE)) {
        keeper_stop(k, 1);
        return false;
    }
    close_tap(k);
    memset(&k->fdb, 0, sizeof k->fdb);
    int err = open_tap(k);
    if (!err)
        err = watch_links(k);
    if (!err) {
        k->tap_v4 = k->tap_v6 = (struct if_address){0};
        set_server_addresses(k); /* what it says is in the log */
        say_mended(k, DBR_LINK_TAP_GONE, 0, "");
    }
    if (err)
        keeper_stop(k, 1);
    return !err;
}

/* The data process works on queues of a TAP that is no more: it ends, and is started on the new one. */
static void tap_gone(struct keeper *k)
{
    if (k->child[CHILD_DATA].pid)
        kill(k->child[CHILD_DATA].pid, SIGKILL);
}

static void mend_up(struct keeper *k, enum dbr_link_event e, int ifindex)
{
    if (may_mend(k, e))
        say_mended(k, e, if_up(ifindex, 0), "the kernel refuses");
}

static void mend_membership(struct keeper *k, enum dbr_link_event e)
{
    struct dbr_why why = {""};
    if (!k->bridged || !may_mend(k, e))
        return;
    say_mended(k, e, dbr_bridge_attach(k->netlink, k->bridge.ifindex, k->tap.ifindex, &why), why.text);
    learn_on_tap(k);
}

/* The bridge, or one of its ports, is raised anew by plan; the journal has what was before us. */
static void mend_bridge(struct keeper *k, enum dbr_link_event e)
{
    struct dbr_why why = {""};
    if (k->trial.pid) /* a new move would need a new trial */
        return;
    if (!k->bridged || !may_mend(k, e))
        return;
    dbr_linkmon_close(k->linkmon);
    k->linkmon = NULL;
    int err = raise_bridge(k);
    if (!err)
        err = dbr_bridge_attach(k->netlink, k->bridge.ifindex, k->tap.ifindex, &why);
    say_mended(k, e, err, *why.text ? why.text : "see above");
    if (!err)
        set_server_addresses(k);
    learn_on_tap(k);
    watch_links(k);
}

struct seen {
    bool event[LINK_EVENTS];
};

static void note_event(void *arg, enum dbr_link_event e, int ifindex)
{
    struct seen *seen = arg;
    (void)ifindex;
    if ((unsigned)e < LINK_EVENTS)
        seen->event[e] = true;
}

/* After an overflow: whatever differs from what it should be counts as seen. What is gone is noticed anyway.
 */
static void look_at_everything(struct keeper *k, struct seen *seen)
{
    struct dbr_link tap, bridge;
    bool have_bridge = k->bridged && !dbr_link_get(k->netlink, k->bridge.name, &bridge, NULL);
    if (!dbr_link_get(k->netlink, k->tap.name, &tap, NULL)) {
        seen->event[DBR_LINK_TAP_DOWN] = !tap.up;
        seen->event[DBR_LINK_TAP_LEFT] = have_bridge && tap.master != bridge.ifindex;
    }
    if (have_bridge)
        seen->event[DBR_LINK_BRIDGE_DOWN] = !bridge.up;
}

/* A link that is deleted is set down and taken out first: those events may be read before the last one. */
static void mend_tap_state(struct keeper *k, const struct seen *seen)
{
    if (!tap_is_there(k)) {
        tap_gone(k);
        return;
    }
    if (seen->event[DBR_LINK_TAP_DOWN])
        mend_up(k, DBR_LINK_TAP_DOWN, k->tap.ifindex);
    if (seen->event[DBR_LINK_TAP_LEFT])
        mend_membership(k, DBR_LINK_TAP_LEFT);
}

static bool bridge_is_there(struct keeper *k)
{
    return is_there(k, k->bridge.name, k->bridge.ifindex);
}

static void mend_bridge_state(struct keeper *k, struct seen *seen)
{
    if (!bridge_is_there(k) || seen->event[DBR_LINK_PORT_LEFT])
        seen->event[DBR_LINK_TAP_LEFT] = false; /* it is attached anew with the bridge */
    if (!bridge_is_there(k))
        mend_bridge(k, DBR_LINK_BRIDGE_GONE);
    else if (seen->event[DBR_LINK_PORT_LEFT])
        mend_bridge(k, DBR_LINK_PORT_LEFT);
    else if (seen->event[DBR_LINK_BRIDGE_DOWN])
        mend_up(k, DBR_LINK_BRIDGE_DOWN, k->bridge.ifindex);
}

static void say_changes(struct keeper *k, const struct seen *seen)
{
    static const enum dbr_link_event told[] = {DBR_LINK_MAC_CHANGED, DBR_LINK_MTU_CHANGED};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (seen->event[told[i]])
            dbr_log(&k->log, DBR_LOG_WARN, "WARNING: %s", dbr_link_event_text(told[i]));
}

void mend_read(struct keeper *k)
{
    struct seen seen = {{false}};
    if (!k->linkmon || k->stopping || trial_undoes(k))
        return;
    if (dbr_linkmon_drain(k->linkmon, note_event, &seen) || seen.event[DBR_LINK_LOST])
        look_at_everything(k, &seen);
    say_changes(k, &seen);
    if (k->bridged)
        mend_bridge_state(k, &seen);
    mend_tap_state(k, &seen);
    if (!k->stopping)
        neighbours_tell(k);
}
