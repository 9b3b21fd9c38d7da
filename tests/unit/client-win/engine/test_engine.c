/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine against a server in memory: connects, carries frames, renegotiates, asks, is refused, loses the
 * server and finds it again. Virtual time; a failure prints its case and seed.
 */
#include "rig.h"

#include "client-win/engine/priv.h"

#include "client/ways.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char address[] = "ifconfig 192.168.77.100 255.255.255.0",
                  gateway[] = "route-gateway 192.168.77.1";

static struct rig *connected(const struct rig_options *o, uint64_t seed)
{
    struct rig *r = rig_new(o, seed);
    if (!r->engine)
        fail_msg("%s", r->why);
    rig_start(r);
    if (!rig_until(r, DBR_ENGINE_CONNECTED, 60))
        fail_msg("not connected: %s\n%s", rig_last(r, 's'), r->logs);
    return r;
}

/* A frame of n bytes to everybody. */
static size_t make_frame(uint8_t *out, size_t n)
{
    memset(out, 0xab, n);
    memset(out, 0xff, 6);
    memcpy(out + 6, "\x02\x00\x5e\x10\x00\x01\x88\xb5", 8); /* an ethertype for experiments */
    return n;
}

static void carries_frames(struct rig *r)
{
    uint8_t frame[300];
    size_t n = make_frame(frame, sizeof frame);
    unsigned frames = r->frames, taps = r->taps;
    rig_client_frame(r, frame, n);
    rig_server_frame(r, frame, n);
    rig_run(r, 100);
    assert_int_equal(r->frames, frames + 1);
    assert_int_equal(r->frame_len, n);
    assert_memory_equal(r->frame, frame, n);
    assert_int_equal(r->taps, taps + 1);
    assert_int_equal(r->tap_len, n);
    assert_memory_equal(r->tap, frame, n);
}

/* ---- connecting ---- */

static const struct {
    const char *name;
    struct rig_options opt;
} kinds[] = {
    {"plain", {.gate = DBR_GATE_NONE}},
    {"tls-auth", {.gate = DBR_GATE_TLS_AUTH}},
    {"tls-crypt", {.gate = DBR_GATE_TLS_CRYPT}},
    {"tls-crypt-v2", {.v2 = true}},
    {"chacha", {.ciphers = "CHACHA20-POLY1305"}},
    {"cbc", {.ciphers = "AES-256-CBC"}},
    {"tls 1.2", {.profile = "tls-version-max 1.2"}},
    {"20 % loss", {.gate = DBR_GATE_TLS_CRYPT, .loss = 20}},
};

static void each_kind_connects(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct rig_options o = kinds[i].opt;
        o.push[0] = address;
        print_message("%s\n", kinds[i].name);
        struct rig *r = connected(&o, i + 1);
        r->opt.loss = 0;
        rig_run(r, 200);
        carries_frames(r);
        rig_free(r);
    }
}

static void loss_stops_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rig *r = rig_new(&(struct rig_options){.gate = DBR_GATE_TLS_CRYPT, .loss = 20}, seed);
        rig_start(r);
        if (!rig_until(r, DBR_ENGINE_CONNECTED, 120))
            fail_msg("seed %u: %s", (unsigned)seed, rig_last(r, 's'));
        rig_free(r);
    }
}

/* ---- what is pushed ---- */

static const struct dbr_net_step *step_of(const struct rig *r, enum dbr_net_kind kind, unsigned nth)
{
    for (size_t i = 0; i < r->n_steps; i++)
        if (r->steps[i].kind == kind && !nth--)
            return &r->steps[i];
    return NULL;
}

static void push_becomes_steps(void **state)
{
    (void)state;
    struct rig *r =
        connected(&(struct rig_options){.push = {address, gateway, "route 10.50.0.0 255.255.0.0",
                                                 "dhcp-option DNS 192.168.77.53",
                                                 "dhcp-option DOMAIN office.example", "route 0.0.0.0 0.0.0.0",
                                                 "block-outside-dns", "ifconfig-ipv6 fd77::201/64 fd77::1"}},
                  1);
    const struct dbr_net_step *s = step_of(r, DBR_NET_ADDRESS, 0);
    assert_non_null(s);
    assert_int_equal(s->prefix, 24);
    assert_memory_equal(s->ip, "\xc0\xa8\x4d\x64", 4);
    s = step_of(r, DBR_NET_ADDRESS, 1);
    assert_non_null(s);
    assert_int_equal(s->family, 6);
    s = step_of(r, DBR_NET_ROUTE, 0);
    assert_non_null(s);
    assert_int_equal(s->what, DBR_WAY_TUNNEL);
    assert_memory_equal(s->ip, "\x0a\x32\0\0", 4);
    assert_memory_equal(s->via, "\xc0\xa8\x4d\x01", 4);
    assert_null(step_of(r, DBR_NET_ROUTE, 1)); /* not everything without redirect-gateway */
    assert_non_null(step_of(r, DBR_NET_DNS, 0));
    assert_string_equal(step_of(r, DBR_NET_SEARCH, 0)->domain, "office.example");
    assert_non_null(step_of(r, DBR_NET_BLOCK_OUTSIDE_DNS, 0));
    assert_int_equal(step_of(r, DBR_NET_MTU, 0)->value, 1500);
    assert_null(step_of(r, DBR_NET_DHCP, 0));
    assert_int_equal(r->n_applies, 1);
    rig_free(r);
}

static void full_tunnel_leaves_the_server_outside(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address, gateway, "redirect-gateway def1"}}, 1);
    const struct dbr_net_step *s = step_of(r, DBR_NET_ROUTE, 0);
    assert_non_null(s);
    assert_int_equal(s->what, DBR_WAY_AROUND);
    assert_int_equal(s->prefix, 32);
    assert_memory_equal(s->ip, r->server_addr.ip, 4);
    assert_int_equal(step_of(r, DBR_NET_ROUTE, 1)->prefix, 1);
    assert_int_equal(step_of(r, DBR_NET_ROUTE, 2)->prefix, 1);
    rig_free(r);
}

/* Names are not resolved beside a full tunnel: the known address is called first, then the settings are taken
 * back. */
static void full_tunnel_is_taken_back_for_names(void **state)
{
    (void)state;
    struct rig *r = connected(
        &(struct rig_options){.push = {address, gateway, "redirect-gateway def1", "ping-restart 10"}}, 1);
    r->no_names = true;
    rig_server_dies(r);
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 15));
    rig_run(r, 5000);
    assert_int_equal(r->n_clears, 0);
    assert_int_equal(r->opens, 2); /* without a name */
    rig_run(r, 20000);
    assert_int_equal(r->n_clears, 1);
    rig_run(r, 30000);
    assert_non_null(strstr(rig_last(r, 's'), "past the tunnel"));
    r->no_names = false;
    rig_server_lives(r);
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 60));
    assert_int_equal(r->n_applies, 2);
    rig_free(r);
}

/* A server that is named by its address is found inside of the tunnel. */
static void full_tunnel_stands_without_names(void **state)
{
    (void)state;
    struct rig *r = connected(
        &(struct rig_options){.push = {address, gateway, "redirect-gateway def1", "ping-restart 10"}}, 1);
    strcpy(r->engine->cfg.remote.v[0].host, "10.9.8.7");
    rig_server_dies(r);
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 15));
    rig_run(r, 600000);
    rig_server_lives(r);
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 600));
    assert_int_equal(r->n_clears, 0);
    rig_free(r);
}

static void an_adapter_that_goes_is_told(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address}}, 1);
    dbr_engine_fail(r->engine, "The adapter has gone.", &r->now);
    assert_true(rig_until(r, DBR_ENGINE_FAILED, 10));
    assert_string_equal(rig_last(r, 's'), "The adapter has gone.");
    assert_int_equal(r->n_clears, 1);
    rig_free(r);
}

static void without_address_dhcp(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {"route-gateway dhcp"}}, 1);
    assert_non_null(step_of(r, DBR_NET_DHCP, 0));
    assert_null(step_of(r, DBR_NET_ADDRESS, 0));
    rig_free(r);
}

static void connected_only_when_windows_is_done(void **state)
{
    (void)state;
    for (uint32_t err = 0; err < 2; err++) {
        struct rig *r = rig_new(&(struct rig_options){.push = {address}, .hold_net = true}, 1);
        rig_start(r);
        assert_false(rig_until(r, DBR_ENGINE_CONNECTED, 20));
        assert_int_equal(r->n_applies, 1);
        dbr_engine_net_done(r->engine, err, err ? "The address is in use." : "", &r->now);
        assert_true(rig_until(r, err ? DBR_ENGINE_FAILED : DBR_ENGINE_CONNECTED, 10));
        assert_string_equal(rig_last(r, 's'), err ? "The address is in use." : "");
        rig_free(r);
    }
}

/* ---- life ---- */

static void renegotiates(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.gate = DBR_GATE_TLS_CRYPT,
                                                    .push = {address, "ping 5"},
                                                    .profile = "reneg-sec 30"},
                              1);
    for (int i = 0; i < 10; i++) {
        rig_run(r, 10000);
        carries_frames(r);
    }
    assert_true(r->renegotiations >= 2);
    assert_int_equal(r->sessions, 1);
    assert_int_equal(r->n_applies, 1);
    rig_free(r);
}

static void pings_and_loses_a_dead_server(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address, "ping 5", "ping-restart 20"}}, 1);
    rig_run(r, 16000);
    assert_true(r->pings >= 2);
    rig_server_dies(r);
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 25));
    rig_run(r, 15000);
    rig_server_lives(r);
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 60));
    carries_frames(r);
    assert_int_equal(r->sessions, 2);
    assert_int_equal(r->n_applies, 1); /* the same settings are not made again */
    assert_int_equal(r->n_clears, 0);
    rig_free(r);
}

static void other_settings_replace_the_first(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address, "ping 5", "ping-restart 20"}}, 1);
    rig_server_dies(r);
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 25));
    r->opt.push[0] = "ifconfig 192.168.77.101 255.255.255.0";
    rig_server_lives(r);
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 60));
    assert_int_equal(r->n_clears, 0);
    assert_int_equal(r->n_applies, 2);
    assert_int_equal(step_of(r, DBR_NET_ADDRESS, 0)->ip[3], 101);
    rig_free(r);
}

static void restart_is_obeyed(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address}}, 1);
    rig_server_says(r, "RESTART");
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 5));
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 30));
    assert_int_equal(r->sessions, 2);
    rig_server_says(r, "HALT,maintenance");
    assert_true(rig_until(r, DBR_ENGINE_FAILED, 5));
    assert_non_null(strstr(rig_last(r, 's'), "maintenance"));
    assert_true(dbr_engine_over(r->engine));
    assert_int_equal(r->n_clears, 1);
    rig_free(r);
}

static void stop_says_goodbye(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address, "explicit-exit-notify 1"}}, 1);
    dbr_engine_stop(r->engine, &r->now);
    assert_true(rig_until(r, DBR_ENGINE_IDLE, 10));
    rig_run(r, 500);
    assert_null(r->session); /* the server has heard it */
    assert_int_equal(r->n_clears, 1);
    assert_true(dbr_engine_over(r->engine));
    assert_int_equal(dbr_engine_deadline(r->engine), UINT64_MAX);
    rig_free(r);
}

static void the_client_floats(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address, "ping-restart 60"}}, 1);
    r->own.ip[3] = 99; /* another network */
    dbr_engine_network(r->engine, "the network has changed", &r->now);
    rig_run(r, 2000);
    carries_frames(r);
    assert_int_equal(r->sessions, 1);
    assert_non_null(strstr(r->logs, "the server is there"));
    rig_free(r);
}

static void a_dead_session_shows_after_sleep(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address, "ping-restart 600"}}, 1);
    rig_server_dies(r);
    rig_server_lives(r); /* it has forgotten us while we slept */
    dbr_engine_network(r->engine, "this computer has slept", &r->now);
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 4));
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 5));
    assert_int_equal(r->sessions, 2);
    rig_free(r);
}

static void a_server_that_moves_needs_float(void **state)
{
    (void)state;
    for (int with_float = 0; with_float < 2; with_float++) {
        struct rig *r =
            connected(&(struct rig_options){.push = {address}, .profile = with_float ? "float" : ""}, 1);
        uint8_t frame[100];
        unsigned taps = r->taps;
        r->server_addr.ip[3] = 2;
        rig_server_frame(r, frame, make_frame(frame, sizeof frame));
        rig_run(r, 100);
        assert_int_equal(r->taps, taps + (unsigned)with_float);
        if (with_float)
            carries_frames(r);
        rig_free(r);
    }
}

/* ---- remotes ---- */

static void the_next_address_is_tried(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.push = {address}}, 1);
    r->names[1] = r->server_addr;
    r->names[0].ip[3] = 77; /* nobody there */
    r->n_names = 2;
    rig_start(r);
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 30));
    rig_free(r);
}

static void names_may_come_late(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.push = {address}}, 1);
    r->no_names = true;
    rig_start(r);
    assert_false(rig_until(r, DBR_ENGINE_CONNECTED, 60));
    assert_int_not_equal(dbr_engine_state(r->engine), DBR_ENGINE_FAILED);
    r->no_names = false;
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 30));
    rig_free(r);
}

static void retries_have_an_end_where_wanted(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.profile = "connect-retry-max 2"}, 1);
    rig_server_dies(r);
    rig_start(r);
    assert_true(rig_until(r, DBR_ENGINE_FAILED, 120));
    assert_int_equal(r->opens, 2);
    rig_free(r);
}

static void back_off_grows(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){0}, 1);
    rig_server_dies(r);
    rig_start(r);
    rig_run(r, 120000); /* 10 s each, with pauses of 1, 2, 4, 8, 8, ... */
    assert_in_range(r->opens, 6, 9);
    rig_free(r);
}

/* ---- who we are ---- */

#define LOGIN "auth-user-pass"

static void login_is_asked_for(void **state)
{
    (void)state;
    struct rig *r = rig_new(
        &(struct rig_options){.push = {address}, .profile = LOGIN, .user = "alice", .pass = "right"}, 1);
    rig_start(r);
    assert_int_equal(dbr_engine_state(r->engine), DBR_ENGINE_ASKING);
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_LOGIN), 1);
    rig_run(r, 60000);
    assert_int_equal(r->opens, 0); /* nobody is called meanwhile */
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "wrong");
    assert_true(rig_until(r, DBR_ENGINE_ASKING, 20));
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_LOGIN), 2);
    assert_non_null(strstr(rig_last(r, 'a'), "did not accept"));
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "right");
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    assert_int_equal(r->logins, 2);
    rig_free(r);
}

static void an_answer_to_nothing_is_left_alone(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address}}, 1);
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "eve", "x");
    rig_answer(r, DBR_ENGINE_ASK_PASSPHRASE, "", "x");
    rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "x");
    assert_int_equal(dbr_engine_state(r->engine), DBR_ENGINE_CONNECTED);
    carries_frames(r);
    rig_free(r);
}

static void passphrase_is_asked_for(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.push = {address}, .passphrase = "open sesame"}, 1);
    rig_start(r);
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_PASSPHRASE), 1);
    rig_answer(r, DBR_ENGINE_ASK_PASSPHRASE, "", "open barley");
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_PASSPHRASE), 2);
    assert_non_null(strstr(rig_last(r, 'a'), "does not open"));
    rig_answer(r, DBR_ENGINE_ASK_PASSPHRASE, "", "open sesame");
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    rig_free(r);
}

static void dynamic_challenge(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.push = {address},
                                                  .profile = LOGIN,
                                                  .refuse = "CRV1:R,E:st4te:YWxpY2U=:Your code?"},
                            1);
    rig_start(r);
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    assert_true(rig_until(r, DBR_ENGINE_ASKING, 20));
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_CHALLENGE), 1);
    assert_string_equal(rig_last(r, 'a'), "Your code?");
    r->opt.refuse = NULL;
    rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "123456");
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    assert_string_equal(r->user, "alice");
    assert_string_equal(r->pass, "CRV1::st4te::123456");
    rig_free(r);
}

static void static_challenge(void **state)
{
    (void)state;
    struct rig *r = rig_new(
        &(struct rig_options){.push = {address}, .profile = LOGIN "\nstatic-challenge \"PIN?\" 1"}, 1);
    rig_start(r);
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    assert_string_equal(rig_last(r, 'a'), "PIN?");
    rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "42");
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    assert_string_equal(r->pass, "SCRV1:cHc=:NDI=");
    rig_free(r);
}

static void a_token_stands_for_the_password(void **state)
{
    (void)state;
    struct rig *r =
        rig_new(&(struct rig_options){.push = {address, "auth-token SESS_ID_x"}, .profile = LOGIN}, 1);
    rig_start(r);
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    assert_string_equal(r->pass, "pw");
    rig_server_says(r, "RESTART");
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 5));
    r->opt.user = "alice";
    r->opt.pass = "pw"; /* the token is not good any more: the password is said again */
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    assert_string_equal(r->pass, "pw");
    assert_int_equal(r->logins, 3);
    assert_null(strstr(r->logs, "SESS_ID_x"));
    rig_free(r);
}

static const struct {
    const char *refuse;
    enum dbr_engine_state state;
    const char *text;
} refusals[] = {
    {"Certificate revoked", DBR_ENGINE_FAILED, "Certificate revoked"},
    {"", DBR_ENGINE_FAILED, "does not let you in"},
    {"TEMP[backoff 5]:busy", DBR_ENGINE_RECONNECTING, ""},
    {"CRV1:", DBR_ENGINE_FAILED, "does not let you in"}, /* cannot be read */
};

static void refusals_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct rig *r = rig_new(&(struct rig_options){.refuse = refusals[i].refuse}, i + 1);
        rig_start(r);
        if (!rig_until(r, refusals[i].state, 30))
            fail_msg("%s: %s", refusals[i].refuse, rig_last(r, 's'));
        assert_non_null(strstr(rig_last(r, 's'), refusals[i].text));
        rig_free(r);
    }
}

static void a_stranger_is_not_the_server(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.stranger = true}, 1);
    rig_start(r);
    assert_false(rig_until(r, DBR_ENGINE_CONNECTED, 40));
    assert_int_equal(r->logins, 0);
    assert_non_null(strstr(r->logs, "VERIFY ERROR"));
    rig_free(r);
}

/* ---- profiles ---- */

static const struct {
    const char *line, *why;
} bad[] = {
    {"no-such-word", "no-such-word"},
    {"crl-verify crl.pem", "crl-verify"},
    {"socks-proxy 10.0.0.1", "socks-proxy"},
    {"capath certs", "capath: a folder"},
    {"extra-certs chain.pem", "import the profile again"},
};

static void bad_profiles_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct rig *r = rig_new(&(struct rig_options){.profile = bad[i].line}, 1);
        if (r->engine || !strstr(r->why, bad[i].why))
            fail_msg("%s: [%s]", bad[i].line, r->why);
        rig_free(r);
    }
}

static void scripts_never_run(void **state)
{
    (void)state;
    struct rig *r =
        connected(&(struct rig_options){.push = {address},
                                        .profile = "script-security 2\nup run.cmd\nuser nobody\ndaemon"},
                  1);
    assert_non_null(strstr(r->logs, "up: has no effect on Windows"));
    assert_non_null(strstr(r->logs, "user: has no effect on Windows"));
    rig_free(r);
}

static int end(void **state)
{
    (void)state;
    rig_pki_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_connects),
        cmocka_unit_test(loss_stops_nobody),
        cmocka_unit_test(push_becomes_steps),
        cmocka_unit_test(full_tunnel_leaves_the_server_outside),
        cmocka_unit_test(full_tunnel_is_taken_back_for_names),
        cmocka_unit_test(full_tunnel_stands_without_names),
        cmocka_unit_test(an_adapter_that_goes_is_told),
        cmocka_unit_test(without_address_dhcp),
        cmocka_unit_test(connected_only_when_windows_is_done),
        cmocka_unit_test(renegotiates),
        cmocka_unit_test(pings_and_loses_a_dead_server),
        cmocka_unit_test(other_settings_replace_the_first),
        cmocka_unit_test(restart_is_obeyed),
        cmocka_unit_test(stop_says_goodbye),
        cmocka_unit_test(the_client_floats),
        cmocka_unit_test(a_dead_session_shows_after_sleep),
        cmocka_unit_test(a_server_that_moves_needs_float),
        cmocka_unit_test(the_next_address_is_tried),
        cmocka_unit_test(names_may_come_late),
        cmocka_unit_test(retries_have_an_end_where_wanted),
        cmocka_unit_test(back_off_grows),
        cmocka_unit_test(login_is_asked_for),
        cmocka_unit_test(an_answer_to_nothing_is_left_alone),
        cmocka_unit_test(passphrase_is_asked_for),
        cmocka_unit_test(dynamic_challenge),
        cmocka_unit_test(static_challenge),
        cmocka_unit_test(a_token_stands_for_the_password),
        cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(a_stranger_is_not_the_server),
        cmocka_unit_test(bad_profiles_are_refused),
        cmocka_unit_test(scripts_never_run),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
