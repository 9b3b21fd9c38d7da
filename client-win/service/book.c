/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may say what when, as two tables: message x connection. What stands in neither is not said.
 */
#include "client-win/service/book.h"

#include "client-win/base/utf.h"

#include <stdio.h>
#include <string.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

void dbr_book_init(struct dbr_book *b, const struct dbr_book_steps *steps, void *arg)
{
    memset(b, 0, sizeof *b);
    b->steps = *steps;
    b->arg = arg;
    b->asker = DBR_BOOK_CLIENTS;
    b->state.type = DBR_PM_STATE;
}

static void note(struct dbr_book *b, const char *what, const char *id, const char *user)
{
    char line[512];
    snprintf(line, sizeof line, "%s: profile %s, user %s", what, *id ? id : "-", *user ? user : "-");
    b->steps.note(b->arg, line);
}

/* Texts to one or to all clients of a user. */

static void refuse(struct dbr_book *b, size_t place, const char *text)
{
    struct dbr_pm m = {DBR_PM_REFUSED, {{0}}};
    dbr_utf8_line(m.refused.text, sizeof m.refused.text, text);
    b->steps.tell(b->arg, place, &m);
}

static void drop(struct dbr_book *b, size_t place, const char *why)
{
    if (b->client[place].dropped)
        return;
    b->client[place].dropped = true;
    b->steps.drop(b->arg, place, why);
}

static bool is_owners(const struct dbr_book *b, size_t place)
{
    if (place >= DBR_BOOK_CLIENTS)
        return false;
    const struct dbr_book_client *c = &b->client[place];
    return c->used && c->ready && !c->dropped && strcmp(c->user, b->owner) == 0;
}

static void tell_owner(struct dbr_book *b, const struct dbr_pm *m)
{
    for (size_t i = 0; i < DBR_BOOK_CLIENTS; i++)
        if (is_owners(b, i))
            b->steps.tell(b->arg, i, m);
}

static void set_state(struct dbr_book *b, uint32_t state, const char *text)
{
    b->state.state.state = state;
    b->state.state.since_unix_s = 0;
    memset(b->state.state.address, 0, sizeof b->state.state.address);
    dbr_utf8_line(b->state.state.text, sizeof b->state.state.text, text);
}

/* What `place` may know: all of his own connection, of another's that there is one. */
static void show_state(struct dbr_book *b, size_t place)
{
    struct dbr_pm m = {DBR_PM_STATE, {{0}}};
    if (is_owners(b, place))
        m = b->state;
    else if (b->call != DBR_BOOK_NONE)
        dbr_utf8_line(m.state.text, sizeof m.state.text, "Another user of this computer is connected.");
    b->steps.tell(b->arg, place, &m);
}

/* Questions. */

static void ask_somebody(struct dbr_book *b)
{
    if (!b->ask.type)
        return;
    if (!is_owners(b, b->asker)) {
        b->asker = 0;
        while (b->asker < DBR_BOOK_CLIENTS && !is_owners(b, b->asker))
            b->asker++;
    }
    if (b->asker < DBR_BOOK_CLIENTS)
        b->steps.tell(b->arg, b->asker, &b->ask);
}

/* The connection. */

static void end_call(struct dbr_book *b, const char *text, uint64_t now_ns)
{
    const struct dbr_pm stop = {DBR_PM_STOP, {{0}}};
    b->call = DBR_BOOK_ENDING;
    b->end_by_ns = now_ns + DBR_BOOK_STOP_NS;
    b->ask.type = 0;
    note(b, "ends", b->state.state.profile, b->owner);
    b->steps.tell_engine(b->arg, &stop);
    set_state(b, DBR_PM_DISCONNECTING, text);
    tell_owner(b, &b->state);
}

static void connect_it(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)now_ns;
    char why[DBR_PM_TEXT] = "";
    if (b->steps.spawn(b->arg, place, why, sizeof why) != 0) {
        refuse(b, place, why);
        return;
    }
    struct dbr_pm start = {DBR_PM_START, {{0}}};
    memcpy(start.start.id, m->connect.id, sizeof start.start.id);
    b->call = DBR_BOOK_LIVE;
    b->asker = place;
    b->ask.type = 0;
    b->trouble.type = 0;
    b->session = b->client[place].session;
    memcpy(b->owner, b->client[place].user, sizeof b->owner);
    memcpy(b->state.state.profile, m->connect.id, sizeof b->state.state.profile);
    set_state(b, DBR_PM_CONNECTING, "");
    note(b, "begins", m->connect.id, b->owner);
    b->steps.tell_engine(b->arg, &start);
    tell_owner(b, &b->state);
}

static void say_other(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)m;
    (void)now_ns;
    refuse(b, place, "Another user of this computer is connected. Ask him to disconnect, then try again.");
}

static void say_still_ending(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)m;
    (void)now_ns;
    refuse(b, place, "The last connection is just ending. Wait a moment, then try again.");
}

static void say_connected(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)now_ns;
    char text[DBR_PM_TEXT];
    if (strcmp(m->connect.id, b->state.state.profile) == 0) {
        show_state(b, place);
        return;
    }
    snprintf(text, sizeof text, "You are connected with %s already. Disconnect it first.",
             b->state.state.profile);
    refuse(b, place, text);
}

static void disconnect_it(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)place;
    (void)m;
    end_call(b, "", now_ns);
}

static void show(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)m;
    (void)now_ns;
    show_state(b, place);
}

static void pass_answer(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)now_ns;
    if (!b->ask.type || b->ask.ask.kind != m->answer.kind) {
        refuse(b, place, "Nothing was asked, or it has been answered already.");
        return;
    }
    b->ask.type = 0;
    b->steps.tell_engine(b->arg, m);
}

static void not_asked(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)m;
    (void)now_ns;
    refuse(b, place, "Nothing was asked, or it has been answered already.");
}

/* How the connection looks to who speaks. */
enum view { NO_CALL, MINE_LIVE, MINE_ENDING, OTHERS, VIEWS };

static enum view view_of(const struct dbr_book *b, size_t place)
{
    if (b->call == DBR_BOOK_NONE)
        return NO_CALL;
    if (!is_owners(b, place))
        return OTHERS;
    return b->call == DBR_BOOK_LIVE ? MINE_LIVE : MINE_ENDING;
}

typedef void (*reaction)(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns);

static const struct {
    uint16_t type;
    reaction on[VIEWS];
} client_table[] = {
    /*                    NO_CALL     MINE_LIVE      MINE_ENDING       OTHERS */
    {DBR_PM_CONNECT, {connect_it, say_connected, say_still_ending, say_other}},
    {DBR_PM_DISCONNECT, {show, disconnect_it, show, say_other}},
    {DBR_PM_ANSWER, {not_asked, pass_answer, not_asked, not_asked}},
    {DBR_PM_STATUS, {show, show, show, show}},
};

/* Clients. */

size_t dbr_book_client_came(struct dbr_book *b, uint32_t session, uint64_t now_ns)
{
    size_t place = DBR_BOOK_CLIENTS, same = 0;
    for (size_t i = DBR_BOOK_CLIENTS; i-- > 0;) {
        if (!b->client[i].used)
            place = i;
        else if (b->client[i].session == session)
            same++;
    }
    if (place == DBR_BOOK_CLIENTS || same >= DBR_BOOK_PER_SESSION)
        return DBR_BOOK_CLIENTS;
    b->client[place] = (struct dbr_book_client){.used = true, .session = session, .came_ns = now_ns};
    return place;
}

void dbr_book_client_gone(struct dbr_book *b, size_t place)
{
    memset(&b->client[place], 0, sizeof b->client[place]);
    if (b->asker != place)
        return;
    b->asker = DBR_BOOK_CLIENTS;
    ask_somebody(b);
}

static void hello(struct dbr_book *b, size_t place)
{
    struct dbr_book_client *c = &b->client[place];
    if (b->steps.identify(b->arg, place, c->user) != 0) {
        drop(b, place, "who it is cannot be told");
        return;
    }
    c->ready = true;
    show_state(b, place);
    if (b->call == DBR_BOOK_LIVE && b->asker == DBR_BOOK_CLIENTS && is_owners(b, place))
        ask_somebody(b);
}

void dbr_book_client_said(struct dbr_book *b, size_t place, const struct dbr_pm *m, uint64_t now_ns)
{
    struct dbr_book_client *c = &b->client[place];
    if (!c->used || c->dropped)
        return;
    if (c->ready == (m->type == DBR_PM_HELLO)) {
        drop(b, place, c->ready ? "HELLO twice" : "something else before HELLO");
        return;
    }
    if (!c->ready) {
        hello(b, place);
        return;
    }
    for (size_t i = 0; i < N(client_table); i++)
        if (client_table[i].type == m->type)
            client_table[i].on[view_of(b, place)](b, place, m, now_ns);
}

/* The engine. */

static bool take_state(struct dbr_book *b, const struct dbr_pm *m)
{
    if (strcmp(m->state.profile, b->state.state.profile) != 0)
        return false;
    bool late =
        b->call == DBR_BOOK_ENDING && m->state.state != DBR_PM_FAILED && m->state.state != DBR_PM_IDLE;
    if (late)
        return true; /* it has not read STOP yet */
    if (m->state.state != DBR_PM_ASKING)
        b->ask.type = 0;
    b->state = *m;
    tell_owner(b, &b->state);
    return true;
}

static bool take_ask(struct dbr_book *b, const struct dbr_pm *m)
{
    if (b->call == DBR_BOOK_LIVE) {
        b->ask = *m;
        ask_somebody(b);
    }
    return true;
}

static bool take_log(struct dbr_book *b, const struct dbr_pm *m)
{
    char line[sizeof m->log.line + 8];
    tell_owner(b, m);
    snprintf(line, sizeof line, "engine: %s", m->log.line); /* words of a server may be in it, not ours */
    b->steps.note(b->arg, line);
    return true;
}

/* The steps of one plan are answered together, at NET_APPLY; one that is refused spoils the plan. An engine
 * that was told to stop may only clear. */
static bool take_net(struct dbr_book *b, const struct dbr_pm *m)
{
    struct dbr_pm done = {DBR_PM_NET_DONE, {{0}}};
    char why[DBR_PM_TEXT] = "";
    if (b->call == DBR_BOOK_ENDING && m->type != DBR_PM_NET_CLEAR)
        return true;
    if (m->type == DBR_PM_NET_CLEAR)
        b->trouble.type = 0;
    if (m->type == DBR_PM_NET_APPLY && b->trouble.type) {
        b->steps.tell_engine(b->arg, &b->trouble);
        return true;
    }
    done.net_done.error = b->steps.net(b->arg, m, why, sizeof why);
    dbr_utf8_line(done.net_done.text, sizeof done.net_done.text, why);
    if (m->type == DBR_PM_NET_APPLY)
        b->steps.tell_engine(b->arg, &done);
    else if (done.net_done.error && !b->trouble.type)
        b->trouble = done;
    return true;
}

static const struct {
    uint16_t type;
    bool (*take)(struct dbr_book *b, const struct dbr_pm *m); /* false: the engine is not what it should be */
} engine_table[] = {
    {DBR_PM_STATE, take_state},   {DBR_PM_ASK, take_ask},
    {DBR_PM_LOG, take_log},       {DBR_PM_NET_ADDRESS, take_net},
    {DBR_PM_NET_DHCP, take_net},  {DBR_PM_NET_ROUTE, take_net},
    {DBR_PM_NET_DNS, take_net},   {DBR_PM_NET_SEARCH, take_net},
    {DBR_PM_NET_MTU, take_net},   {DBR_PM_NET_BLOCK_OUTSIDE_DNS, take_net},
    {DBR_PM_NET_APPLY, take_net}, {DBR_PM_NET_CLEAR, take_net},
};

void dbr_book_engine_said(struct dbr_book *b, const struct dbr_pm *m, uint64_t now_ns)
{
    (void)now_ns;
    if (b->call == DBR_BOOK_NONE)
        return;
    for (size_t i = 0; i < N(engine_table); i++)
        if (engine_table[i].type == m->type && !engine_table[i].take(b, m))
            b->steps.kill_engine(b->arg, "it speaks of another profile");
}

/* An engine that says FAILED before it ends has given the reason; one that just ends has not. */
void dbr_book_engine_gone(struct dbr_book *b, const char *why)
{
    if (b->call == DBR_BOOK_NONE)
        return;
    bool asked = b->call == DBR_BOOK_ENDING;
    note(b, why, b->state.state.profile, b->owner);
    b->call = DBR_BOOK_NONE;
    b->ask.type = 0;
    b->asker = DBR_BOOK_CLIENTS;
    uint32_t last = b->state.state.state;
    if (asked && last != DBR_PM_FAILED)
        set_state(b, DBR_PM_IDLE, "");
    else if (last != DBR_PM_FAILED && last != DBR_PM_IDLE)
        set_state(b, DBR_PM_FAILED,
                  "The connection ended without a reason. Try again; if it happens again, send your "
                  "administrator the log.");
    tell_owner(b, &b->state);
}

void dbr_book_session_over(struct dbr_book *b, uint32_t session, uint64_t now_ns)
{
    if (b->call == DBR_BOOK_LIVE && b->session == session)
        end_call(b, "You have logged off.", now_ns);
}

void dbr_book_stop(struct dbr_book *b, uint64_t now_ns)
{
    if (b->call == DBR_BOOK_LIVE)
        end_call(b, "The Drawbridge service is stopping.", now_ns);
}

/* Time. */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t dbr_book_tick(struct dbr_book *b, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < DBR_BOOK_CLIENTS; i++) {
        const struct dbr_book_client *c = &b->client[i];
        if (!c->used || c->ready || c->dropped)
            continue;
        if (now_ns >= c->came_ns + DBR_BOOK_HELLO_NS)
            drop(b, i, "it says nothing");
        else
            next = sooner(next, c->came_ns + DBR_BOOK_HELLO_NS);
    }
    if (b->call == DBR_BOOK_ENDING && now_ns >= b->end_by_ns) {
        b->end_by_ns = UINT64_MAX;
        b->steps.kill_engine(b->arg, "it does not end");
    }
    return b->call == DBR_BOOK_ENDING ? sooner(next, b->end_by_ns) : next;
}
