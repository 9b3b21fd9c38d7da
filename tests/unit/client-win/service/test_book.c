/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service's book as scenes: who says what, and what everybody hears of it. What the book does is written
 * down as a text: "0:ASK" the client at place 0 hears ASK, "E:STOP" the engine hears STOP.
 */
#include "client-win/service/book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define S    UINT64_C(1000000000)

static struct dbr_book book;
static char heard[8192]; /* since the last look */
static const char *user_at[DBR_BOOK_CLIENTS];
static bool spawn_fails, net_fails;
static char text[DBR_PM_TEXT]; /* of the last STATE that a client heard */

static void hear(const char *who, const char *what)
{
    size_t n = strlen(heard);
    snprintf(heard + n, sizeof heard - n, "%s%s%s", n ? " " : "", who, what);
}

static char noted[600]; /* the last line for the service's log */

static void hear_at(size_t place, const char *what)
{
    char who[32];
    snprintf(who, sizeof who, "%u:", (unsigned)place);
    hear(who, what);
}

static int identify(void *arg, size_t place, char user[DBR_BOOK_USER])
{
    (void)arg;
    snprintf(user, DBR_BOOK_USER, "%s", user_at[place] ? user_at[place] : "");
    return user_at[place] ? 0 : -1;
}

/* A message that no pipe would take is none. */
static const char *word(const struct dbr_pm *m, enum dbr_pm_way way)
{
    uint8_t wire[DBR_PM_MAX];
    assert_true(dbr_pm_encode(m, way, wire) > 0);
    return m->type == DBR_PM_STATE ? dbr_pm_state_name(m->state.state) : dbr_pm_name(m->type);
}

static void tell(void *arg, size_t place, const struct dbr_pm *m)
{
    (void)arg;
    hear_at(place, word(m, DBR_PM_SERVICE_TO_CLIENT));
    if (m->type == DBR_PM_STATE)
        memcpy(text, m->state.text, sizeof text);
}

static void drop(void *arg, size_t place, const char *why)
{
    (void)arg;
    (void)why;
    hear_at(place, "dropped");
}

static int spawn(void *arg, size_t place, char *why, size_t cap)
{
    (void)arg;
    hear_at(place, "spawn");
    snprintf(why, cap, "There is no adapter.");
    return spawn_fails ? -1 : 0;
}

static void tell_engine(void *arg, const struct dbr_pm *m)
{
    (void)arg;
    hear("E:", word(m, DBR_PM_SERVICE_TO_ENGINE));
    if (m->type == DBR_PM_NET_DONE && m->net_done.error)
        hear("", "(error)");
}

static void kill_engine(void *arg, const char *why)
{
    (void)arg;
    (void)why;
    hear("", "kill");
}

static uint32_t net(void *arg, const struct dbr_pm *m, char *why, size_t cap)
{
    (void)arg;
    hear("net:", dbr_pm_name(m->type));
    snprintf(why, cap, "no");
    return net_fails ? 7 : 0;
}

static void note(void *arg, const char *line)
{
    (void)arg;
    snprintf(noted, sizeof noted, "%s", line);
}

static const struct dbr_book_steps steps = {identify, tell, drop, spawn, tell_engine, kill_engine, net, note};

static int setup(void **state)
{
    (void)state;
    dbr_book_init(&book, &steps, NULL);
    memset(user_at, 0, sizeof user_at);
    heard[0] = 0;
    spawn_fails = net_fails = false;
    return 0;
}

static void expect(const char *want)
{
    assert_string_equal(heard, want);
    heard[0] = 0;
}

static struct dbr_pm message(uint16_t type, const char *id)
{
    struct dbr_pm m = {type, {{0}}};
    if (type == DBR_PM_HELLO)
        m.hello.version = DBR_PM_VERSION;
    if (type == DBR_PM_CONNECT)
        snprintf(m.connect.id, sizeof m.connect.id, "%s", id);
    if (type == DBR_PM_ANSWER)
        m.answer.kind = DBR_PM_ASK_PASSPHRASE;
    if (type == DBR_PM_ASK)
        m.ask.kind = DBR_PM_ASK_PASSPHRASE;
    return m;
}

static void say(size_t place, uint16_t type, const char *id)
{
    const struct dbr_pm m = message(type, id);
    dbr_book_client_said(&book, place, &m, 0);
}

static void engine(uint16_t type)
{
    const struct dbr_pm m = message(type, NULL);
    dbr_book_engine_said(&book, &m, 0);
}

static void engine_is(uint32_t stage, const char *id)
{
    struct dbr_pm m = message(DBR_PM_STATE, NULL);
    m.state.state = stage;
    snprintf(m.state.profile, sizeof m.state.profile, "%s", id);
    snprintf(m.state.text, sizeof m.state.text, "reason");
    dbr_book_engine_said(&book, &m, 0);
}

static size_t arrive(const char *user, uint32_t session)
{
    size_t place = dbr_book_client_came(&book, session, 0);
    user_at[place] = user;
    say(place, DBR_PM_HELLO, NULL);
    return place;
}

/* Anna at 0 and 1, Ben at 2; Anna is connected. */
static void three_and_a_connection(void)
{
    assert_int_equal(arrive("anna", 1), 0);
    assert_int_equal(arrive("anna", 1), 1);
    assert_int_equal(arrive("ben", 2), 2);
    expect("0:IDLE 1:IDLE 2:IDLE");
    say(0, DBR_PM_CONNECT, "office");
    expect("0:spawn E:START 0:CONNECTING 1:CONNECTING");
}

static void a_connection_from_birth_to_death(void **state)
{
    (void)state;
    three_and_a_connection();
    engine_is(DBR_PM_CONNECTED, "office");
    expect("0:CONNECTED 1:CONNECTED");
    engine(DBR_PM_LOG);
    expect("0:LOG 1:LOG");
    assert_string_equal(noted, "engine: "); /* never as a line of the service's own */
    say(1, DBR_PM_DISCONNECT, NULL);
    expect("E:STOP 0:DISCONNECTING 1:DISCONNECTING");
    engine_is(DBR_PM_IDLE, "office");
    expect("0:IDLE 1:IDLE");
    dbr_book_engine_gone(&book, "ended");
    expect("0:IDLE 1:IDLE");
    say(2, DBR_PM_CONNECT, "home");
    expect("2:spawn E:START 2:CONNECTING");
}

/* What a message brings: nobody connected, mine, mine that ends, another's (said by Ben). */
static const struct {
    uint16_t type;
    const char *none, *mine, *ending, *others;
} views[] = {
    {DBR_PM_CONNECT, "0:spawn E:START 0:CONNECTING 1:CONNECTING", "0:CONNECTING", "0:REFUSED", "2:REFUSED"},
    {DBR_PM_DISCONNECT, "0:IDLE", "E:STOP 0:DISCONNECTING 1:DISCONNECTING", "0:DISCONNECTING", "2:REFUSED"},
    {DBR_PM_ANSWER, "0:REFUSED", "0:REFUSED", "0:REFUSED", "2:REFUSED"},
    {DBR_PM_STATUS, "0:IDLE", "0:CONNECTING", "0:DISCONNECTING", "2:IDLE"},
};

static void who_may_say_what_when(void **state)
{
    for (size_t i = 0; i < N(views); i++) {
        setup(state);
        arrive("anna", 1);
        arrive("anna", 1);
        expect("0:IDLE 1:IDLE");
        say(0, views[i].type, "office");
        expect(views[i].none);
        setup(state);
        three_and_a_connection();
        say(2, views[i].type, "office");
        expect(views[i].others);
        say(0, views[i].type, "office");
        expect(views[i].mine);
        setup(state);
        three_and_a_connection();
        dbr_book_stop(&book, 0);
        heard[0] = 0;
        say(0, views[i].type, "office");
        expect(views[i].ending);
    }
}

static void another_profile_waits(void **state)
{
    (void)state;
    three_and_a_connection();
    say(1, DBR_PM_CONNECT, "home");
    expect("1:REFUSED");
}

static void no_adapter(void **state)
{
    (void)state;
    arrive("anna", 1);
    spawn_fails = true;
    say(0, DBR_PM_CONNECT, "office");
    say(0, DBR_PM_STATUS, NULL);
    expect("0:IDLE 0:spawn 0:REFUSED 0:IDLE");
}

static void hello_first_and_once(void **state)
{
    static const uint16_t others[] = {DBR_PM_CONNECT, DBR_PM_DISCONNECT, DBR_PM_ANSWER, DBR_PM_STATUS};
    for (size_t i = 0; i < N(others); i++) {
        setup(state);
        user_at[0] = "anna";
        say(dbr_book_client_came(&book, 1, 0), others[i], "office");
        expect("0:dropped");
        say(0, DBR_PM_HELLO, NULL); /* what had arrived behind it */
        expect("");
    }
    setup(state);
    arrive("anna", 1);
    expect("0:IDLE");
    say(0, DBR_PM_HELLO, NULL);
    say(0, DBR_PM_CONNECT, "office");
    expect("0:dropped");
}

static void who_cannot_be_told(void **state)
{
    (void)state;
    arrive(NULL, 1);
    say(0, DBR_PM_CONNECT, "office");
    expect("0:dropped");
}

static void silent_ones_go(void **state)
{
    (void)state;
    dbr_book_client_came(&book, 1, 5 * S);
    arrive("anna", 1);
    expect("1:IDLE");
    assert_true(dbr_book_tick(&book, 6 * S) == 15 * S);
    dbr_book_tick(&book, 15 * S - 1);
    expect("");
    dbr_book_tick(&book, 15 * S);
    expect("0:dropped");
    assert_true(dbr_book_tick(&book, 16 * S) == UINT64_MAX);
    expect("");
}

static void places_of_a_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < DBR_BOOK_PER_SESSION; i++)
        assert_int_equal(dbr_book_client_came(&book, 1, 0), i);
    assert_int_equal(dbr_book_client_came(&book, 1, 0), DBR_BOOK_CLIENTS);
    for (size_t i = DBR_BOOK_PER_SESSION; i < DBR_BOOK_CLIENTS; i++)
        assert_int_equal(dbr_book_client_came(&book, (uint32_t)(2 + i), 0), i);
    assert_int_equal(dbr_book_client_came(&book, 999, 0), DBR_BOOK_CLIENTS);
    dbr_book_client_gone(&book, 7);
    assert_int_equal(dbr_book_client_came(&book, 1, 0), 7);
}

static void a_question_goes_to_who_connected(void **state)
{
    (void)state;
    three_and_a_connection();
    engine(DBR_PM_ASK);
    expect("0:ASK");
    say(2, DBR_PM_ANSWER, NULL);
    expect("2:REFUSED");
    say(0, DBR_PM_ANSWER, NULL);
    expect("E:ANSWER");
    say(0, DBR_PM_ANSWER, NULL);
    expect("0:REFUSED");
}

static void the_wrong_answer(void **state)
{
    (void)state;
    three_and_a_connection();
    engine(DBR_PM_ASK);
    struct dbr_pm m = message(DBR_PM_ANSWER, NULL);
    m.answer.kind = DBR_PM_ASK_LOGIN;
    dbr_book_client_said(&book, 0, &m, 0);
    expect("0:ASK 0:REFUSED");
    say(1, DBR_PM_ANSWER, NULL); /* another window of the same user */
    expect("E:ANSWER");
}

static void a_question_finds_another_window(void **state)
{
    (void)state;
    three_and_a_connection();
    engine(DBR_PM_ASK);
    expect("0:ASK");
    dbr_book_client_gone(&book, 0);
    expect("1:ASK");
    dbr_book_client_gone(&book, 1);
    expect("");
    assert_int_equal(arrive("ben", 2), 0);
    expect("0:IDLE");
    assert_int_equal(arrive("anna", 1), 1);
    expect("1:CONNECTING 1:ASK");
}

static void a_question_that_is_no_more(void **state)
{
    (void)state;
    three_and_a_connection();
    engine(DBR_PM_ASK);
    engine_is(DBR_PM_ASKING, "office");
    engine_is(DBR_PM_CONNECTING, "office");
    expect("0:ASK 0:ASKING 1:ASKING 0:CONNECTING 1:CONNECTING");
    say(0, DBR_PM_ANSWER, NULL);
    expect("0:REFUSED");
}

static void what_others_may_know(void **state)
{
    (void)state;
    arrive("ben", 2);
    assert_string_equal(text, "");
    setup(state);
    three_and_a_connection();
    say(2, DBR_PM_STATUS, NULL);
    expect("2:IDLE");
    assert_string_equal(text, "Another user of this computer is connected.");
}

static void the_second_window_asked_for_it(void **state)
{
    (void)state;
    arrive("anna", 1);
    arrive("anna", 1);
    say(1, DBR_PM_CONNECT, "office");
    heard[0] = 0;
    engine(DBR_PM_ASK);
    expect("1:ASK");
    assert_int_equal(arrive("anna", 1), 2); /* a third one is not asked, too */
    expect("2:CONNECTING");
    engine_is(DBR_PM_ASKING, "office");
    expect("0:ASKING 1:ASKING 2:ASKING");
    say(1, DBR_PM_ANSWER, NULL);
    expect("E:ANSWER");
}

static void settings_of_the_network(void **state)
{
    (void)state;
    three_and_a_connection();
    engine(DBR_PM_NET_MTU);
    engine(DBR_PM_NET_DHCP);
    engine(DBR_PM_NET_APPLY);
    expect("net:NET_MTU net:NET_DHCP net:NET_APPLY E:NET_DONE");
    net_fails = true;
    engine(DBR_PM_NET_APPLY);
    expect("net:NET_APPLY E:NET_DONE (error)");
    engine(DBR_PM_NET_MTU);
    net_fails = false;
    engine(DBR_PM_NET_APPLY); /* half a plan is not applied */
    expect("net:NET_MTU E:NET_DONE (error)");
    engine(DBR_PM_NET_CLEAR);
    engine(DBR_PM_NET_APPLY);
    expect("net:NET_CLEAR net:NET_APPLY E:NET_DONE");
}

static void an_engine_that_was_told_to_stop(void **state)
{
    (void)state;
    three_and_a_connection();
    dbr_book_stop(&book, 100 * S);
    expect("E:STOP 0:DISCONNECTING 1:DISCONNECTING");
    engine(DBR_PM_NET_MTU);
    engine(DBR_PM_NET_APPLY);
    engine(DBR_PM_ASK);
    engine_is(DBR_PM_CONNECTED, "office"); /* it had not read STOP yet */
    expect("");
    engine(DBR_PM_NET_CLEAR);
    expect("net:NET_CLEAR");
    assert_true(dbr_book_tick(&book, 101 * S) == 110 * S);
    expect("");
    dbr_book_tick(&book, 110 * S);
    expect("kill");
    assert_true(dbr_book_tick(&book, 111 * S) == UINT64_MAX);
    expect("");
    dbr_book_engine_gone(&book, "killed");
    expect("0:IDLE 1:IDLE");
}

static void an_engine_that_speaks_of_something_else(void **state)
{
    (void)state;
    three_and_a_connection();
    engine_is(DBR_PM_CONNECTED, "home");
    expect("kill");
}

static void why_it_failed_stays(void **state)
{
    (void)state;
    three_and_a_connection();
    engine_is(DBR_PM_FAILED, "office");
    dbr_book_engine_gone(&book, "ended");
    expect("0:FAILED 1:FAILED 0:FAILED 1:FAILED");
    assert_string_equal(book.state.state.text, "reason");
    say(2, DBR_PM_STATUS, NULL); /* not Ben's business */
    expect("2:IDLE");
}

static void an_end_without_a_reason(void **state)
{
    (void)state;
    three_and_a_connection();
    engine_is(DBR_PM_CONNECTED, "office");
    dbr_book_engine_gone(&book, "crashed");
    expect("0:CONNECTED 1:CONNECTED 0:FAILED 1:FAILED");
    assert_non_null(strstr(book.state.state.text, "without a reason"));
}

static void logging_off(void **state)
{
    (void)state;
    three_and_a_connection();
    dbr_book_session_over(&book, 2, 0);
    expect("");
    dbr_book_session_over(&book, 1, 0);
    dbr_book_session_over(&book, 1, 0);
    expect("E:STOP 0:DISCONNECTING 1:DISCONNECTING");
}

static void an_engine_after_its_end(void **state)
{
    (void)state;
    arrive("anna", 1);
    engine_is(DBR_PM_CONNECTED, "office");
    engine(DBR_PM_NET_APPLY);
    engine(DBR_PM_ASK);
    dbr_book_engine_gone(&book, "ended");
    expect("0:IDLE");
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_connection_from_birth_to_death),
        T(who_may_say_what_when),
        T(another_profile_waits),
        T(no_adapter),
        T(hello_first_and_once),
        T(who_cannot_be_told),
        T(silent_ones_go),
        T(places_of_a_session),
        T(a_question_goes_to_who_connected),
        T(the_wrong_answer),
        T(a_question_finds_another_window),
        T(a_question_that_is_no_more),
        T(what_others_may_know),
        T(the_second_window_asked_for_it),
        T(settings_of_the_network),
        T(an_engine_that_was_told_to_stop),
        T(an_engine_that_speaks_of_something_else),
        T(why_it_failed_stays),
        T(an_end_without_a_reason),
        T(logging_off),
        T(an_engine_after_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
