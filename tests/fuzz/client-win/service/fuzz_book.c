/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any order of events at the book: what it does stays within its own rules. Each event is three bytes: what,
 * whose place, which message.
 */
#include "client-win/service/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dbr_book book;
static bool engine; /* runs */
static bool there[DBR_BOOK_CLIENTS];

static void must(bool good)
{
    if (!good)
        abort();
}

/* Three users; each fourth place is nobody's. */
static int identify(void *arg, size_t place, char user[DBR_BOOK_USER])
{
    (void)arg;
    snprintf(user, DBR_BOOK_USER, "user%u", (unsigned)place % 4);
    return place % 4 == 3;
}

static void tell(void *arg, size_t place, const struct dbr_pm *m)
{
    uint8_t wire[DBR_PM_MAX];
    (void)arg;
    must(there[place] && book.client[place].ready && dbr_pm_encode(m, DBR_PM_SERVICE_TO_CLIENT, wire) > 0);
    bool own = strcmp(book.client[place].user, book.owner) == 0;
    must(own || m->type == DBR_PM_REFUSED || (m->type == DBR_PM_STATE && !m->state.profile[0]));
}

static void drop(void *arg, size_t place, const char *why)
{
    (void)arg;
    must(there[place] && why);
}

static int spawn(void *arg, size_t place, char *why, size_t cap)
{
    (void)arg;
    must(!engine && there[place]);
    snprintf(why, cap, "no");
    engine = place % 2 == 0;
    return engine ? 0 : -1;
}

static void tell_engine(void *arg, const struct dbr_pm *m)
{
    uint8_t wire[DBR_PM_MAX];
    (void)arg;
    must(engine && dbr_pm_encode(m, DBR_PM_SERVICE_TO_ENGINE, wire) > 0);
}

static void kill_engine(void *arg, const char *why)
{
    (void)arg;
    must(engine && why);
}

static uint32_t net(void *arg, const struct dbr_pm *m, char *why, size_t cap)
{
    (void)arg;
    (void)why;
    (void)cap;
    must(engine);
    return m->type == DBR_PM_NET_DNS;
}

static void note(void *arg, const char *line)
{
    (void)arg;
    must(line != NULL);
}

static const struct dbr_book_steps steps = {identify, tell, drop, spawn, tell_engine, kill_engine, net, note};

static struct dbr_pm message(uint8_t b)
{
    static const uint16_t types[] = {DBR_PM_HELLO,     DBR_PM_CONNECT, DBR_PM_DISCONNECT, DBR_PM_ANSWER,
                                     DBR_PM_STATUS,    DBR_PM_STATE,   DBR_PM_ASK,        DBR_PM_LOG,
                                     DBR_PM_NET_APPLY, DBR_PM_NET_DNS, DBR_PM_NET_CLEAR};
    struct dbr_pm m = {types[(b & 15) % (sizeof types / sizeof types[0])], {{0}}};
    if (m.type == DBR_PM_CONNECT)
        strcpy(m.connect.id, b & 16 ? "home" : "office");
    if (m.type == DBR_PM_ANSWER)
        m.answer.kind = b & 16 ? DBR_PM_ASK_LOGIN : DBR_PM_ASK_PASSPHRASE;
    if (m.type == DBR_PM_ASK)
        m.ask.kind = DBR_PM_ASK_PASSPHRASE;
    if (m.type == DBR_PM_STATE) {
        m.state.state = b >> 5;
        strcpy(m.state.profile, b & 16 ? "home" : "office");
    }
    return m;
}

static void come(uint32_t session, uint64_t now)
{
    size_t place = dbr_book_client_came(&book, session, now);
    must(place == DBR_BOOK_CLIENTS || !there[place]);
    if (place < DBR_BOOK_CLIENTS)
        there[place] = true;
}

static void go(size_t place)
{
    if (!there[place])
        return;
    there[place] = false;
    dbr_book_client_gone(&book, place);
}

static void end_engine(void)
{
    if (!engine)
        return;
    engine = false;
    dbr_book_engine_gone(&book, "ended");
}

static void event(uint8_t what, uint8_t whose, uint8_t which, uint64_t now)
{
    const struct dbr_pm m = message(which);
    size_t place = whose % DBR_BOOK_CLIENTS;
    switch (what % 8) {
    case 0: come(which, now); break;
    case 1: go(place); break;
    case 2:
    case 3:
        if (there[place] && m.type <= DBR_PM_STATUS)
            dbr_book_client_said(&book, place, &m, now);
        break;
    case 4:
    case 5:
        if (engine && m.type >= DBR_PM_STATE)
            dbr_book_engine_said(&book, &m, now);
        break;
    case 6: end_engine(); break;
    default:
        if (which & 1)
            dbr_book_session_over(&book, whose, now);
        dbr_book_tick(&book, now);
        break;
    }
    must(engine == (book.call != DBR_BOOK_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dbr_book_init(&book, &steps, NULL);
    engine = false;
    memset(there, 0, sizeof there);
    for (size_t i = 0; i + 3 <= size; i += 3)
        event(data[i], data[i + 1], data[i + 2], i * UINT64_C(700000000));
    return 0;
}
