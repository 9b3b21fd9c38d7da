/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's guards, each with what would pass if it were not there: addresses, peer ids, framing, lengths,
 * answers that nobody asked for, limits of time, rules for certificates. Virtual time.
 */
#include "rig.h"

#include "base/bytes.h"
#include "base/err.h"
#include "client-win/engine/priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define LOGIN    "auth-user-pass"

static const char address[] = "ifconfig 192.168.77.100 255.255.255.0",
                  gateway[] = "route-gateway 192.168.77.1";

static struct rig *begin(const struct rig_options *o)
{
    struct rig *r = rig_new(o, 1);
    if (!r->engine)
        fail_msg("%s", r->why);
    rig_start(r);
    return r;
}

static struct rig *connected(const struct rig_options *o)
{
    struct rig *r = begin(o);
    if (!rig_until(r, DBR_ENGINE_CONNECTED, 60))
        fail_msg("not connected: %s\n%s", rig_last(r, 's'), r->logs);
    return r;
}

/* ---- frames ---- */

enum { ETH = 14, IP = 20, TCP = 24, UDP = 8 };

static uint16_t sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* IPv4 with n bytes of payload, zeros. */
static size_t ip_frame(uint8_t *f, uint8_t protocol, size_t n)
{
    memset(f, 0, ETH + IP + n);
    memcpy(f, "\x02\x00\x5e\x10\x00\x01\x02\x00\x5e\x10\x00\x02\x08\x00\x45", 15);
    dbr_put16(f + ETH + 2, (uint16_t)(IP + n));
    f[ETH + 8] = 64;
    f[ETH + 9] = protocol;
    memcpy(f + ETH + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
    dbr_put16(f + ETH + 10, (uint16_t)~sum_of(f + ETH, IP, 0));
    return ETH + IP + n;
}

static uint16_t tcp_sum(const uint8_t *f)
{
    return sum_of(f + ETH + IP, TCP, sum_of(f + ETH + 12, 8, 6 + TCP));
}

/* A SYN with an MSS of 1,460. */
static size_t syn_frame(uint8_t *f, bool summed)
{
    size_t n = ip_frame(f, 6, TCP);
    uint8_t *t = f + ETH + IP;
    memcpy(t, "\x10\x00\x20\x00", 4);
    t[12] = TCP / 4 << 4;
    t[13] = 2;
    memcpy(t + 20, "\x02\x04\x05\xb4", 4);
    if (summed)
        dbr_put16(t + 16, (uint16_t)~tcp_sum(f));
    return n;
}

static void long_packets_are_cut(void **state)
{
    (void)state;
    static uint8_t f[2000];
    struct rig *r = connected(&(struct rig_options){.push = {address}});
    unsigned before = r->frames;
    rig_client_frame(r, f, ip_frame(f, 17, 1480));
    rig_run(r, 50);
    assert_int_equal(r->frames, before + 2);
    assert_true(r->frame_len < 1400);
    rig_free(r);
}

static void mss_is_lowered_both_ways(void **state)
{
    (void)state;
    static uint8_t f[200];
    struct rig *r = connected(&(struct rig_options){.push = {address}});
    size_t n = syn_frame(f, true);
    assert_int_equal(tcp_sum(f), 0xffff);
    rig_server_frame(r, f, n);
    rig_client_frame(r, f, n);
    rig_run(r, 50);
    assert_in_range(dbr_get16(r->tap + ETH + IP + 22), 1, 1400);
    assert_in_range(dbr_get16(r->frame + ETH + IP + 22), 1, 1400);
    assert_int_equal(tcp_sum(r->tap), 0xffff);
    assert_int_equal(tcp_sum(r->frame), 0xffff);
    rig_free(r);
}

static void a_left_out_checksum_is_filled_in(void **state)
{
    (void)state;
    static uint8_t f[200];
    struct rig *r = connected(&(struct rig_options){.push = {address}});
    f[0] = 1; /* DBR_FRAMING_OFFLOAD: unsummed */
    size_t n = syn_frame(f + 1, false);
    rig_server_raw(r, f, 1 + n);
    rig_run(r, 50);
    assert_int_equal(r->tap_len, n);
    assert_int_equal(tcp_sum(r->tap), 0xffff);
    unsigned taps = r->taps;
    f[0] = 7; /* no framing that there is */
    rig_server_raw(r, f, 1 + n);
    f[0] = 1; /* unsummed, and not TCP */
    ip_frame(f + 1, 99, TCP);
    rig_server_raw(r, f, 1 + n);
    rig_run(r, 50);
    assert_int_equal(r->taps, taps);
    rig_free(r);
}

/* With CBC nothing but the guard binds the peer id. */
static void another_peer_id_is_not_ours(void **state)
{
    (void)state;
    uint8_t f[100];
    struct rig *r = connected(&(struct rig_options){.push = {address}, .ciphers = "AES-256-CBC"});
    unsigned taps = r->taps;
    rig_server_frame(r, f, ip_frame(f, 17, 40));
    rig_run(r, 50);
    assert_int_equal(r->taps, taps + 1);
    r->slots[r->primary].header[3] ^= 1;
    rig_server_frame(r, f, ip_frame(f, 17, 40));
    rig_run(r, 50);
    assert_int_equal(r->taps, taps + 1);
    rig_free(r);
}

static void what_was_recorded_counts_once(void **state)
{
    (void)state;
    static const char *const ciphers[] = {"AES-256-GCM", "AES-256-CBC"};
    uint8_t f[100];
    for (size_t i = 0; i < COUNT(ciphers); i++) {
        struct rig *r = connected(&(struct rig_options){.push = {address}, .ciphers = ciphers[i]});
        rig_run(r, 1000);
        unsigned taps = r->taps;
        rig_server_frame(r, f, ip_frame(f, 17, 40));
        r->queue[r->n_queue] = r->queue[r->n_queue - 1];
        r->n_queue++;
        rig_run(r, 50);
        assert_int_equal(r->taps, taps + 1);
        rig_free(r);
    }
}

/* Its counter would start again. */
static void a_key_is_installed_once(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address}});
    struct dbr_data_keys keys = {.cipher = DBR_AES_256_GCM, .key_id = r->engine->data.primary->slot.key_id};
    assert_int_equal(frames_key(r->engine, &keys), DBR_ERR_EXISTS);
    rig_free(r);
}

static void a_used_up_key_is_renewed(void **state)
{
    (void)state;
    uint8_t f[100];
    struct rig *r = connected(&(struct rig_options){.push = {address}, .profile = "reneg-sec 0"});
    r->engine->data.primary->slot.next_id = DBR_REKEY_PACKETS;
    rig_client_frame(r, f, ip_frame(f, 17, 40));
    rig_run(r, 20000);
    assert_int_equal(r->renegotiations, 1);
    rig_free(r);
}

/* ---- who speaks ---- */

static void control_packets_come_from_the_server(void **state)
{
    (void)state;
    for (int with_float = 0; with_float < 2; with_float++) {
        struct rig *r = begin(&(struct rig_options){.push = {address}, .profile = with_float ? "float" : ""});
        for (int i = 0; i < 30000 && dbr_engine_state(r->engine) != DBR_ENGINE_CONNECTED; i++) {
            for (size_t d = 0; d < r->n_queue; d++)
                if (!r->queue[d].to_server)
                    r->queue[d].from.ip[3] = 66;
            rig_run(r, 1);
        }
        assert_int_equal(dbr_engine_state(r->engine) == DBR_ENGINE_CONNECTED, with_float);
        rig_free(r);
    }
}

/* A late datagram of the address before does not move the server back. */
/* `float` of the <connection> that is called. */
static void float_is_of_the_connection(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct rig *r = rig_new(&(struct rig_options){.push = {address}}, 1);
        uint8_t f[100];
        r->engine->cfg.remote.v[0].float_ = own;
        r->engine->cfg.float_ = !own;
        rig_start(r);
        assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 60));
        unsigned taps = r->taps;
        r->server_addr.ip[3] = 2;
        rig_server_frame(r, f, ip_frame(f, 17, 40));
        rig_run(r, 100);
        assert_int_equal(r->taps, taps + (unsigned)own);
        rig_free(r);
    }
}

static void only_the_newest_moves_the_server(void **state)
{
    (void)state;
    uint8_t f[100];
    struct rig *r = connected(&(struct rig_options){.push = {address}, .profile = "float"});
    size_t n = ip_frame(f, 17, 40);
    rig_run(r, 1000);
    rig_server_frame(r, f, n);
    r->queue[r->n_queue - 1].at_ns += 50000000; /* it takes a longer way */
    r->server_addr.ip[3] = 2;
    rig_server_frame(r, f, n);
    rig_run(r, 200);
    unsigned frames = r->frames;
    rig_client_frame(r, f, n);
    rig_run(r, 50);
    assert_int_equal(r->frames, frames + 1);
    rig_free(r);
}

static void the_certificate_has_rules(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "verify-x509-name other.example name",
        "peer-fingerprint "
        "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct rig *r = begin(&(struct rig_options){.push = {address}, .profile = lines[i]});
        if (rig_until(r, DBR_ENGINE_CONNECTED, 15) || r->logins)
            fail_msg("%s", lines[i]);
        rig_free(r);
    }
    struct rig *r =
        connected(&(struct rig_options){.push = {address}, .profile = "verify-x509-name gate.example name"});
    rig_free(r);
}

/* ---- answers ---- */

static void answers_are_to_questions(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.push = {address}, .profile = LOGIN});
    rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "x");
    rig_answer(r, DBR_ENGINE_ASK_PASSPHRASE, "", "x");
    dbr_engine_resolved(r->engine, r->ticket, r->names, 1, &r->now);
    dbr_engine_net_done(r->engine, 0, "", &r->now);
    assert_int_equal(dbr_engine_state(r->engine), DBR_ENGINE_ASKING);
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_LOGIN), 1);
    assert_int_equal(r->opens, 0);
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    rig_answer(r, (enum dbr_engine_ask)0, "", "x");
    assert_int_equal(dbr_engine_state(r->engine), DBR_ENGINE_CONNECTED);
    rig_free(r);
}

static void each_apply_is_answered(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.push = {address, "ping-restart 10"}, .hold_net = true});
    assert_false(rig_until(r, DBR_ENGINE_CONNECTED, 3));
    r->opt.push[0] = "ifconfig 192.168.77.101 255.255.255.0";
    rig_server_dies(r);
    rig_server_lives(r);
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 20));
    rig_run(r, 5000);
    assert_int_equal(r->n_applies, 2);
    dbr_engine_net_done(r->engine, 0, "", &r->now);
    assert_int_not_equal(dbr_engine_state(r->engine), DBR_ENGINE_CONNECTED);
    dbr_engine_net_done(r->engine, 0, "", &r->now);
    assert_int_equal(dbr_engine_state(r->engine), DBR_ENGINE_CONNECTED);
    rig_free(r);
}

static void addresses_nobody_asked_for(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.profile = "connect-retry 60 60"});
    rig_server_dies(r);
    rig_run(r, 15000); /* in the pause */
    assert_int_equal(r->opens, 1);
    dbr_engine_resolved(r->engine, r->ticket, r->names, 1, &r->now);
    assert_int_equal(r->opens, 1);
    rig_free(r);
}

static void a_wrong_answer_is_not_said_twice(void **state)
{
    (void)state;
    struct rig *r =
        begin(&(struct rig_options){.push = {address}, .profile = LOGIN, .refuse = "CRV1:R:st:YQ==:Code?"});
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    assert_true(rig_until(r, DBR_ENGINE_ASKING, 20));
    r->opt.refuse = "";
    rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "1");
    assert_true(rig_until(r, DBR_ENGINE_ASKING, 20));
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_LOGIN), 2);
    assert_int_equal(r->logins, 2);
    rig_free(r);
}

static void what_is_not_cached_is_asked_again(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.push = {address}, .profile = LOGIN "\nauth-nocache"});
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
    rig_server_says(r, "RESTART");
    assert_true(rig_until(r, DBR_ENGINE_ASKING, 20));
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_LOGIN), 2);
    rig_free(r);
}

/* The next session has a question of its own, or none. */
static void an_answer_is_for_one_session(void **state)
{
    (void)state;
    for (int with_own = 0; with_own < 2; with_own++) {
        struct rig *r =
            begin(&(struct rig_options){.push = {address},
                                        .profile = with_own ? LOGIN "\nstatic-challenge PIN? 1" : LOGIN,
                                        .refuse = "CRV1:R,E:st4te:YWxpY2U=:Your code?"});
        rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
        rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "42");
        rig_run(r, 2000);
        assert_string_equal(rig_last(r, 'a'), "Your code?");
        r->opt.refuse = NULL;
        rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "123456");
        assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
        assert_string_equal(r->pass, "CRV1::st4te::123456");
        rig_server_says(r, "RESTART");
        rig_run(r, 5000);
        rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
        rig_answer(r, DBR_ENGINE_ASK_CHALLENGE, "", "42");
        assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 20));
        assert_string_equal(r->pass, with_own ? "SCRV1:cHc=:NDI=" : "pw");
        rig_free(r);
    }
}

/* Who is let in is not asked any more. */
static void questions_come_before_the_session(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address}});
    rig_server_says(r, "INFO_PRE,CR_TEXT:R,E:Your code?");
    rig_run(r, 1000);
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_CHALLENGE), 0);
    assert_int_equal(dbr_engine_state(r->engine), DBR_ENGINE_CONNECTED);
    rig_free(r);
}

static void auth_retry_is_obeyed(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.profile = LOGIN "\nauth-retry nointeract", .refuse = ""});
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    rig_run(r, 10000);
    assert_true(r->logins >= 2);
    assert_int_equal(rig_count(r, 'a', DBR_ENGINE_ASK_LOGIN), 1);
    rig_free(r);
    r = begin(&(struct rig_options){.profile = LOGIN "\nauth-retry none", .refuse = ""});
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    assert_true(rig_until(r, DBR_ENGINE_FAILED, 10));
    rig_free(r);
}

/* The user may have enough while he is asked, while a name is looked up, in a pause. */
static void stop_works_at_any_time(void **state)
{
    (void)state;
    static const struct rig_options options[] = {
        {.profile = LOGIN}, {.profile = ""}, {.profile = "connect-retry 60 60"}};
    for (size_t i = 0; i < COUNT(options); i++) {
        struct rig *r = rig_new(&options[i], 1);
        r->hold_names = i == 1;
        rig_server_dies(r);
        rig_start(r);
        rig_run(r, 15000);
        dbr_engine_stop(r->engine, &r->now);
        assert_true(rig_until(r, DBR_ENGINE_IDLE, 6));
        assert_true(dbr_engine_over(r->engine));
        unsigned opens = r->opens;
        dbr_engine_resolved(r->engine, r->ticket, r->names, 1, &r->now);
        rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
        rig_run(r, 100000);
        assert_int_equal(r->opens, opens);
        rig_free(r);
    }
}

/* ---- time and turns ---- */

static void limits_of_time_end_it(void **state)
{
    (void)state;
    static const char *const lines[] = {"inactive 20", "session-timeout 20"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct rig *r = connected(&(struct rig_options){.push = {address, lines[i]}});
        rig_run(r, 15000);
        assert_int_equal(dbr_engine_state(r->engine), DBR_ENGINE_CONNECTED);
        if (!rig_until(r, DBR_ENGINE_FAILED, 15))
            fail_msg("%s", lines[i]);
        rig_free(r);
    }
}

static void the_server_sets_the_pause(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.push = {address}, .refuse = "TEMP[backoff 30]:busy"});
    rig_run(r, 25000);
    assert_int_equal(r->opens, 1);
    r->opt.refuse = NULL;
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 30));
    rig_free(r);
}

static void restart_says_which_server(void **state)
{
    (void)state;
    struct rig *r =
        connected(&(struct rig_options){.push = {address}, .profile = "remote second.example 1194"});
    assert_string_equal(r->host, "gate.example");
    rig_server_says(r, "RESTART");
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 5) && rig_until(r, DBR_ENGINE_CONNECTED, 20));
    assert_string_equal(r->host, "gate.example");
    rig_server_says(r, "RESTART,[N]");
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 5) && rig_until(r, DBR_ENGINE_CONNECTED, 20));
    assert_string_equal(r->host, "second.example");
    rig_free(r);
}

/* A server that sends its clients away at once, each time: they come slower and slower, or each second. */
static void nobody_is_hurried_for_ever(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.profile = LOGIN, .refuse = "CRV1:E:st4te:YWxpY2U=:Wait"});
    rig_answer(r, DBR_ENGINE_ASK_LOGIN, "alice", "pw");
    rig_run(r, 60000);
    assert_in_range(r->logins, 5, 25);
    rig_free(r);
    r = connected(&(struct rig_options){.push = {address}});
    for (int ms = 0; ms < 60000; ms += 10) {
        if (dbr_engine_state(r->engine) == DBR_ENGINE_CONNECTED)
            rig_server_says(r, "RESTART,[A]");
        rig_run(r, 10);
    }
    assert_in_range(r->logins, 20, 75);
    rig_free(r);
}

static const struct dbr_net_step *way_around(const struct rig *r)
{
    for (size_t i = 0; i < r->n_steps; i++)
        if (r->steps[i].kind == DBR_NET_ROUTE && r->steps[i].what == DBR_WAY_AROUND)
            return &r->steps[i];
    return NULL;
}

/* Two servers, a full tunnel: each is reached around it, when it is called. */
static void the_next_server_is_reached_around(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address, gateway, "redirect-gateway def1"},
                                                    .profile = "remote second.example 1194"});
    for (unsigned i = 2; i <= 3; i++) {
        rig_server_says(r, "RESTART,[N]");
        assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 5));
        r->server_addr.ip[3] = r->names[0].ip[3] = (uint8_t)(i == 2 ? 2 : 1);
        if (i == 3) { /* known, so that no name is needed: the way is there before the call */
            rig_server_dies(r);
            rig_run(r, 3000);
            assert_int_equal(way_around(r)->ip[3], r->server_addr.ip[3]);
            rig_server_lives(r);
        }
        assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 30));
        assert_int_equal(r->n_applies, i);
        assert_int_equal(way_around(r)->ip[3], r->server_addr.ip[3]);
    }
    rig_free(r);
}

static void a_silent_resolver_is_not_waited_for(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.push = {address}}, 1);
    r->hold_names = true;
    rig_start(r);
    rig_run(r, 30000);
    assert_non_null(strstr(r->logs, "Cannot resolve"));
    r->hold_names = false;
    assert_true(rig_until(r, DBR_ENGINE_CONNECTED, 60));
    rig_free(r);
}

/* The addresses of one server are not those of the next. */
static void names_that_come_too_late_are_left_alone(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){.push = {address}, .profile = "remote second.example"}, 1);
    r->hold_names = true;
    rig_start(r);
    unsigned first = r->ticket;
    rig_run(r, 25000);
    assert_string_equal(r->host, "second.example");
    dbr_engine_resolved(r->engine, first, r->names, 1, &r->now);
    assert_int_equal(r->opens, 0);
    dbr_engine_resolved(r->engine, r->ticket, r->names, 1, &r->now);
    assert_int_equal(r->opens, 1);
    rig_free(r);
}

static void an_address_that_answered_is_remembered(void **state)
{
    (void)state;
    struct rig *r = connected(&(struct rig_options){.push = {address}});
    r->no_names = true;
    rig_server_says(r, "RESTART");
    assert_true(rig_until(r, DBR_ENGINE_RECONNECTING, 5) && rig_until(r, DBR_ENGINE_CONNECTED, 20));
    rig_free(r);
}

/* ---- what is pushed ---- */

static unsigned steps_of(const struct rig *r, enum dbr_net_kind kind)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->n_steps; i++)
        n += r->steps[i].kind == kind;
    return n;
}

static void the_user_may_refuse_settings(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned addresses, routes;
    } cases[] = {{"", 1, 1}, {"ifconfig-noexec", 0, 1}, {"route-noexec", 1, 0}, {"route-nopull", 1, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig *r = connected(&(struct rig_options){
            .push = {address, gateway, "route 10.50.0.0 255.255.0.0", "route-ipv6 ::/0 fd77::1"},
            .profile = cases[i].line});
        assert_int_equal(steps_of(r, DBR_NET_ADDRESS), cases[i].addresses);
        assert_int_equal(steps_of(r, DBR_NET_ROUTE), cases[i].routes);
        assert_int_equal(steps_of(r, DBR_NET_DHCP), 0);
        rig_free(r);
    }
}

static void more_settings_than_fit_are_left_out(void **state)
{
    (void)state;
    struct rig_options o = {.push = {address, gateway}};
    for (size_t i = 2; i < 66; i++)
        o.push[i] = "route 10.50.0.0 255.255.0.0";
    for (size_t i = 66; i < 90; i++)
        o.push[i] = "dhcp-option DOMAIN-SEARCH a b c d e f";
    struct rig *r = connected(&o);
    assert_in_range(r->n_steps, 64, 97); /* with APPLY */
    assert_non_null(strstr(r->logs, "more settings than fit"));
    rig_free(r);
}

static size_t count_steps(const struct rig *r, enum dbr_net_kind kind, unsigned prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_steps; i++)
        n += r->steps[i].kind == kind && r->steps[i].prefix == prefix;
    return n;
}

/* However many routes there are, all traffic goes into a full tunnel, and names are asked for in it. */
static void routes_do_not_push_a_full_tunnel_out(void **state)
{
    (void)state;
    char own[40 * 40] = "redirect-gateway def1\nblock-outside-dns\n";
    struct rig_options o = {.push = {address, gateway, "dhcp-option DNS 10.0.0.1"}, .profile = own};
    for (size_t i = 0; i < 40; i++)
        strcat(own, "route 10.60.0.0 255.255.0.0\n");
    for (size_t i = 3; i < 67; i++)
        o.push[i] = "route 10.50.0.0 255.255.0.0";
    struct rig *r = connected(&o);
    assert_non_null(strstr(r->logs, "more settings than fit"));
    assert_int_equal(count_steps(r, DBR_NET_ROUTE, 1), 2);
    assert_int_equal(count_steps(r, DBR_NET_ROUTE, 32), 1);
    assert_int_equal(count_steps(r, DBR_NET_DNS, 0), 1);
    assert_int_equal(count_steps(r, DBR_NET_BLOCK_OUTSIDE_DNS, 0), 1);
    rig_free(r);
}

static void the_reason_is_escaped(void **state)
{
    (void)state;
    struct rig *r = begin(&(struct rig_options){.refuse = "na\xc3\xafve\xe2\x80\xae"});
    assert_true(rig_until(r, DBR_ENGINE_FAILED, 10));
    assert_non_null(strstr(rig_last(r, 's'), "na\\xc3\\xafve"));
    assert_null(strchr(rig_last(r, 's'), '\xe2'));
    rig_free(r);
}

static void a_server_is_no_client(void **state)
{
    (void)state;
    struct rig *r = rig_new(&(struct rig_options){0}, 1);
    static const char text[] = "port 1194\ndev tap\nserver-bridge\n<ca>\nx\n</ca>\n<cert>\nx\n</cert>\n"
                               "<key>\nx\n</key>\ndh none\n";
    struct dbr_engine *e;
    assert_int_not_equal(dbr_engine_new(&e, text, sizeof text - 1, r->engine->ops, r, r->why, sizeof r->why),
                         0);
    assert_null(e);
    if (!strstr(r->why, "configuration of a server"))
        fail_msg("%s", r->why);
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
        cmocka_unit_test(long_packets_are_cut),
        cmocka_unit_test(mss_is_lowered_both_ways),
        cmocka_unit_test(a_left_out_checksum_is_filled_in),
        cmocka_unit_test(another_peer_id_is_not_ours),
        cmocka_unit_test(what_was_recorded_counts_once),
        cmocka_unit_test(a_key_is_installed_once),
        cmocka_unit_test(a_used_up_key_is_renewed),
        cmocka_unit_test(control_packets_come_from_the_server),
        cmocka_unit_test(float_is_of_the_connection),
        cmocka_unit_test(only_the_newest_moves_the_server),
        cmocka_unit_test(the_certificate_has_rules),
        cmocka_unit_test(answers_are_to_questions),
        cmocka_unit_test(each_apply_is_answered),
        cmocka_unit_test(addresses_nobody_asked_for),
        cmocka_unit_test(a_wrong_answer_is_not_said_twice),
        cmocka_unit_test(what_is_not_cached_is_asked_again),
        cmocka_unit_test(an_answer_is_for_one_session),
        cmocka_unit_test(questions_come_before_the_session),
        cmocka_unit_test(auth_retry_is_obeyed),
        cmocka_unit_test(stop_works_at_any_time),
        cmocka_unit_test(limits_of_time_end_it),
        cmocka_unit_test(the_server_sets_the_pause),
        cmocka_unit_test(restart_says_which_server),
        cmocka_unit_test(nobody_is_hurried_for_ever),
        cmocka_unit_test(the_next_server_is_reached_around),
        cmocka_unit_test(a_silent_resolver_is_not_waited_for),
        cmocka_unit_test(names_that_come_too_late_are_left_alone),
        cmocka_unit_test(an_address_that_answered_is_remembered),
        cmocka_unit_test(the_user_may_refuse_settings),
        cmocka_unit_test(more_settings_than_fit_are_left_out),
        cmocka_unit_test(routes_do_not_push_a_full_tunnel_out),
        cmocka_unit_test(the_reason_is_escaped),
        cmocka_unit_test(a_server_is_no_client),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
